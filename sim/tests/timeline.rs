//! A timeline is whole: all that passed is in it, what belongs together is said to, and bytes are told field by field.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ottla_core::planted::{Bug, Bugs};
use serde_json::Value;
use sim::Voice;
use sim::plan::Plan;
use sim::timeline::run_recorded;

/// A seed that finds the bug that is planted for it.
const SEED: u64 = 15;
const BUG: Bug = Bug::StaleCommitTaken;

/// The page of a world that fails, unpacked.
struct Page {
    html: String,
    data: Value,
    violation: String,
}

impl Page {
    fn of_a_failure() -> Self {
        let plan = Plan { bugs: Bugs::only(BUG), ..Plan::of(SEED) };
        let (outcome, timeline) = run_recorded(plan, Voice::Silent, "the line that runs it again".to_owned());
        let html = timeline.to_html();
        let data = unpacked(&html, "events");
        Self { html, data, violation: outcome.violation.expect("the bug is found").to_string() }
    }

    fn column(&self, name: &str) -> &[Value] {
        self.data[name].as_array().unwrap()
    }

    fn string(&self, column: &str, event: usize) -> &str {
        let number = self.column(column)[event].as_u64().unwrap();
        self.column("strings")[number as usize].as_str().unwrap()
    }
}

fn unpacked(html: &str, id: &str) -> Value {
    let (_, rest) = html.split_once(&format!("id=\"{id}\">")).unwrap();
    let (packed, _) = rest.split_once("</script>").unwrap();
    let packed = STANDARD.decode(packed).unwrap();
    let plain = miniz_oxide::inflate::decompress_to_vec_zlib(&packed).unwrap();
    serde_json::from_slice(&plain).unwrap()
}

#[test]
fn a_failure_has_a_page_that_needs_nothing_else() {
    let page = Page::of_a_failure();
    for outside in ["http:", "https:", "src=", "href=", "@import", "url("] {
        assert!(!page.html.contains(outside), "{outside}");
    }
    assert!(page.html.contains("the line that runs it again"));
    assert!(!page.html.contains("{{"), "all parts are in their places");

    let (at, text) = (&page.data["verdict"][0], &page.data["verdict"][1]);
    assert_eq!(text.as_str(), Some(&*page.violation));
    assert_eq!(at, &page.data["end"], "a run ends where something is wrong");

    let mut groups: Vec<&str> = page.column("lanes").iter().map(|lane| lane[0].as_str().unwrap()).collect();
    groups.dedup();
    assert_eq!(groups, ["World", "Clients", "Connections", "Broker", "Disk"]);
}

#[test]
fn a_request_is_seen_from_all_sides_and_told_field_by_field() {
    let page = Page::of_a_failure();
    let lane_of = |event: usize| {
        let lane = page.column("lane")[event].as_u64().unwrap();
        page.column("lanes")[lane as usize][0].as_str().unwrap()
    };
    let blobs = page.column("blobs").iter().find(|entry| {
        let event = entry[0].as_u64().unwrap() as usize;
        lane_of(event) == "Clients" && page.string("label", event).starts_with("OffsetCommit") && !entry[1][1].is_null()
    });
    let blobs = blobs.expect("some commit was answered");
    let event = blobs[0].as_u64().unwrap() as usize;
    let exchange = &page.column("exchange")[event];
    let sides = (0..page.column("lane").len()).filter(|other| &page.column("exchange")[*other] == exchange);
    let lanes: BTreeSet<&str> = sides.map(lane_of).collect();
    assert_eq!(lanes, BTreeSet::from(["Broker", "Clients", "Connections"]));

    for (blob, field) in [(&blobs[1][0], "group_id"), (&blobs[1][1], "topics[0].partitions[0].error_code")] {
        let block = unpacked(&page.html, &format!("block{}", blob[0]));
        let told = &block[blob[1].as_u64().unwrap() as usize];
        let rows = told["rows"].as_array().unwrap();
        assert!(rows.iter().any(|row| row[2] == field), "{field} in {rows:?}");
        assert_eq!(rows[0][2], "size");
        assert_eq!(rows.last().unwrap()[1], told["size"], "every byte has its field");
    }
}

#[test]
fn an_append_is_brought_about_by_a_request_and_told_record_by_record() {
    let page = Page::of_a_failure();
    let is_append = |event: &usize| {
        let label = page.string("label", *event);
        label.starts_with("append topic0-0/") && label.ends_with(".log")
    };
    let append = (0..page.column("lane").len()).find(is_append).expect("something was produced");
    let cause = page.column("cause")[append].as_u64().unwrap() as usize;
    assert!(page.string("label", cause - 1).starts_with("Produce"), "{}", page.string("label", cause - 1));
    let blobs = page.column("blobs").iter().find(|entry| entry[0] == append).unwrap();
    let block = unpacked(&page.html, &format!("block{}", blobs[1][0][0]));
    let told = &block[blobs[1][0][1].as_u64().unwrap() as usize];
    let rows = told["rows"].as_array().unwrap();
    assert_eq!(rows[0][2], "batch[0].base_offset");
    assert!(rows.iter().any(|row| row[2] == "batch[0].record[0].key"), "{rows:?}");
}
