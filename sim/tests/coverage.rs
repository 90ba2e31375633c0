//! What the worlds reach: all kinds of faults, all marks in the broker, all errors that it can answer.
//!
//! The first takes some minutes, so it is asked for: `cargo test --workspace --test coverage -- --include-ignored`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use ottla_core::error_code::ErrorCode;
use ottla_core::marks::Mark;
use sim::coverage::{Coverage, ERRORS, ERRORS_OUT_OF_REACH, MARKS_OUT_OF_REACH};
use sim::stats::Stats;
use sim::{replay_line, run_seeds};

const SEEDS: u64 = 1_000;

#[test]
#[ignore = "takes minutes"]
fn a_thousand_worlds_reach_every_fault_every_mark_and_every_error() {
    let mut stats = Stats::default();
    run_seeds(&(0..SEEDS).collect::<Vec<_>>(), |seed, outcome| {
        assert_eq!(outcome.violation, None, "{}", replay_line(seed));
        stats += &outcome.stats;
    });
    let coverage = Coverage::of(&stats);
    assert!(coverage.is_full(), "\n{coverage}");
    let unknown = stats.marks().get(&Mark::UnknownTransition);
    assert_eq!(unknown, None, "a transition is not among the marks");
    for (mark, why) in MARKS_OUT_OF_REACH {
        assert!(!stats.marks().contains_key(mark), "{} is reached after all: {why}", mark.name());
    }
}

/// Which errors the broker can answer is what its source names.
#[test]
fn each_error_that_the_broker_names_is_either_reached_or_excused() {
    let mut named = BTreeSet::new();
    collect(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../core/src")), &mut named);
    named.remove("None");
    let reached = ERRORS.iter().copied();
    let excused = ERRORS_OUT_OF_REACH.iter().map(|(error, _)| *error);
    let known: BTreeSet<String> = reached.clone().chain(excused.clone()).map(variant).collect();
    let missing: Vec<_> = named.iter().filter(|name| !known.contains(*name)).collect();
    assert!(missing.is_empty(), "in coverage.rs neither ERRORS nor ERRORS_OUT_OF_REACH has {missing:?}");
    let stale: Vec<_> = known.iter().filter(|name| !named.contains(*name)).collect();
    assert!(stale.is_empty(), "coverage.rs has {stale:?}, which the broker never says");
    let both: Vec<_> = excused.filter(|error| reached.clone().any(|other| other == *error)).collect();
    assert!(both.is_empty(), "{both:?} can't be both reached and out of reach");
}

fn variant(error: ErrorCode) -> String {
    format!("{error:?}")
}

/// The names behind `ErrorCode::` in the sources of a directory, tests aside.
fn collect(directory: &Path, named: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).expect("the sources are there") {
        let path = entry.expect("it can be read").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            collect(&path, named);
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") && name != "model.rs" {
            let text = fs::read_to_string(&path).expect("text");
            let source = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            for rest in source.split("ErrorCode::").skip(1) {
                let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric()).unwrap_or(rest.len());
                if rest.starts_with(|letter: char| letter.is_ascii_uppercase()) {
                    named.insert(rest[..end].to_owned());
                }
            }
        }
    }
}
