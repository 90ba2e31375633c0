//! Ottla against what Apache Kafka 4.3.1 answered, without Java, sockets or waiting. `tests/interop/run --only differential`
//! compares with Kafka itself; `differential --record` keeps its answers anew.

use std::path::Path;

use ottla_core::api::table;
use ottla_differential::PROPERTIES;
use ottla_differential::in_process::InProcess;
use ottla_differential::play::{asked, play};
use ottla_differential::report::Report;
use ottla_differential::rules::aside;
use ottla_differential::run::{pairs, warm_up};
use ottla_differential::script::Script;
use ottla_differential::{listed, recording, scripts};

/// Some scripts share a broker, as they do in a run; none of them sees another.
const SCRIPTS_PER_BROKER: usize = 24;

#[test]
fn ottla_answers_as_apache_kafka_did() {
    let scripts = scripts::all();
    let recorded = recording::read().expect("the recording is there");
    let stale: Vec<_> = scripts
        .iter()
        .filter(|script| recorded.get(&script.name).is_none_or(|kept| kept.fingerprint != script.fingerprint()))
        .map(|script| script.name.as_str())
        .collect();
    assert!(
        stale.is_empty() && recorded.len() == scripts.len(),
        "{} scripts have changed since Kafka's answers were recorded, or are gone; the first is {:?}.\nRecord them again: \
         cargo run -p ottla-differential -- --record",
        stale.len(),
        stale.first()
    );
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(3).expect("the project's root");
    let listed = listed::read(project).expect("the page can be read");
    let compare = |part: &[Script]| {
        let mut broker = InProcess::new(PROPERTIES);
        play(&warm_up(), "warm-up", &mut broker);
        let mut all = Vec::new();
        for script in part {
            let namespace = script.namespace(0);
            let ours = play(script, &namespace, &mut broker);
            broker.hang_up();
            let ours = aside(&ours, &asked(script), &namespace);
            all.extend(pairs(script, &recorded[&script.name].outcomes, &ours));
        }
        all
    };
    let half = scripts.len().div_ceil(2).next_multiple_of(SCRIPTS_PER_BROKER).min(scripts.len());
    let all_of = |part: &[Script]| part.chunks(SCRIPTS_PER_BROKER).flat_map(compare).collect::<Vec<_>>();
    let (one, other) = scripts.split_at(half);
    let mut all = Vec::new();
    std::thread::scope(|scope| {
        let one = scope.spawn(|| all_of(one));
        let other = all_of(other);
        all.extend(one.join().expect("the comparison comes to its end"));
        all.extend(other);
    });
    let report = Report::of(&all, &listed);
    assert!(all.len() >= 3000, "only {} requests", all.len());
    assert!(report.is_good(false), "{}\n{}", report.differences(), report.table());
    println!("{}", report.table());
}

#[test]
fn every_api_that_is_served_is_asked_in_every_version() {
    let scripts = scripts::all();
    let mut asked = std::collections::BTreeSet::new();
    for script in &scripts {
        asked.extend(ottla_differential::play::asked(script).into_iter().map(|asked| (asked.api, asked.version)));
    }
    for api in table::TABLE.iter().filter(|api| !scripts::NOT_YET.contains(&api.key)) {
        for version in api.versions.clone() {
            assert!(asked.contains(&(api.key, version)), "nothing asks {} v{version}", api.key);
        }
    }
}

/// The list must shrink.
#[test]
fn nothing_is_left_out_that_is_asked() {
    let scripts = scripts::all();
    for api in scripts::NOT_YET {
        let is_asked = scripts.iter().flat_map(asked).any(|asked| asked.api == *api);
        assert!(!is_asked, "{api} is asked: take it off the list");
    }
}
