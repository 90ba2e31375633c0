//! A fixed script of produces, rolls, retention, compaction and deletions, and a crash at each of its storage commands in
//! each of several ways: nothing that was promised is lost, nothing that was deleted comes back, and what lies beside the
//! batches says what the batches say. The script and its judge are in `sim/`.
//!
//! And the other way round: bugs that are planted in the broker are found. `cargo run -p sim -- --bugs` tries all of them.

use ottla_core::planted::{Bug, Bugs};
use sim::crashes::{Order, Part, Pattern, run, run_moves};
use sim::plan::Plan;
use sim::{Voice, run_plan};

/// Every so manyth crash, each time what survives is another; all of them with `OTTLA_ALL_CRASHES=1`, or with `cargo run -p sim -- --crashes`.
const STRIDE: usize = 17;
/// Most bugs are found by few crashes.
const BUG_STRIDE: usize = 67;
/// 206: compaction took the last batch of the log of committed offsets, and no coordinator was loaded from it any more.
const UNPOWERED_REGRESSIONS: [u64; 1] = [206];

/// With the table of how many crashes show which bug.
const DOCS: &str = include_str!("../../docs/planted-bugs.md");

#[test]
fn a_crash_at_any_storage_command_loses_nothing_and_brings_nothing_back() {
    check(Part::Sound);
}

#[test]
fn after_a_sync_that_failed_nothing_is_acknowledged_and_nothing_lost() {
    check(Part::FailedSyncs);
}

fn check(part: Part) {
    let stride = if std::env::var_os("OTTLA_ALL_CRASHES").is_some() { 1 } else { STRIDE };
    let report = run(&Order { stride, part, ..Order::default() }, |_| {});
    let findings: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "{} of {} crashes:\n{}", findings.len(), report.crashes, findings.join("\n"));
    assert!(report.points > 300, "the script has only {} commands", report.points);
}

#[test]
fn a_crash_at_any_command_of_a_move_between_log_directories_loses_nothing() {
    let stride = if std::env::var_os("OTTLA_ALL_CRASHES").is_some() { 1 } else { STRIDE };
    let report = run_moves(stride, Bugs::default());
    let findings: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "{} of {} crashes:\n{}", findings.len(), report.crashes, findings.join("\n"));
    assert!(report.points > 100, "the script has only {} commands", report.points);
}

#[test]
fn worlds_without_power_that_found_something_once_find_nothing_now() {
    for seed in UNPOWERED_REGRESSIONS {
        let violation = run_plan(Plan::unpowered(seed), Voice::Silent).violation;
        assert_eq!(violation, None, "seed {seed}");
    }
}

#[test]
fn planted_bugs_are_found() {
    let missed: Vec<Bug> = Bug::ALL.iter().copied().filter(|bug| is_of_the_script(*bug) && !is_found(*bug)).collect();
    assert!(missed.is_empty(), "no crash shows {missed:?}");
}

/// Whether the docs say that crashes of the script show it. Worlds show the others; see `planted.rs`.
fn is_of_the_script(bug: Bug) -> bool {
    let (_, by_crashes) = DOCS.split_once("## By crashes").expect("the docs have such a table");
    by_crashes.lines().any(|line| line.starts_with(&format!("| `{bug:?}` |")))
}

fn is_found(bug: Bug) -> bool {
    let order = Order { stops_at_first: true, bugs: Bugs::only(bug), ..order_for(bug) };
    !run(&order, |_| {}).findings.is_empty()
}

/// The crashes among which one finds the bug. A few need what is rare.
fn order_for(bug: Bug) -> Order {
    match bug {
        Bug::FailedSyncRetried | Bug::TailNotRewritten => {
            Order { stride: 13, part: Part::FailedSyncs, ..Order::default() }
        }
        Bug::SwapRenamedTooEarly => {
            Order { stride: 3, part: Part::Sound, pattern: Some(Pattern::LastNames), ..Order::default() }
        }
        Bug::SwapNameTrusted => {
            let pattern = Some(Pattern::LastNamesOfTheNextStart);
            Order { stride: 1, part: Part::Sound, pattern, ..Order::default() }
        }
        _ => Order { stride: BUG_STRIDE, part: Part::Sound, ..Order::default() },
    }
}
