//! Worlds with faults: whatever the network, the disk, the clocks and crashes do, what Kafka promises holds, and in the end nobody
//! is stuck. The worlds and their judge are in `sim/`; a seed that fails prints the line that replays it.

use sim::plan::Plan;
use sim::{Voice, replay_line, run_plan, run_seed, run_seeds};

/// The first so many seeds, each time; `cargo run --profile sim -p sim` runs any others.
const SEEDS: u64 = 300;

#[test]
fn three_hundred_worlds_with_faults_break_no_promise() {
    assert_all_well(&(0..SEEDS).collect::<Vec<_>>());
}

#[test]
fn seeds_that_found_something_once_find_nothing_now() {
    assert_all_well(&sim::sweep::regressions());
}

/// In the last one a power loss takes the end of a coordinator's log, and leaves the name of the segment behind it: the
/// coordinator once failed to load.
#[test]
fn transactions_that_are_cut_short_again_and_again_are_whole() {
    for seed in [0, 1, 202] {
        let violation = run_plan(Plan::transacted(seed), Voice::Silent).violation;
        assert_eq!(violation, None, "cargo run --profile sim -p sim -- --transacted --seed {seed} --verbose");
    }
}

#[test]
fn the_same_seed_gives_the_same_transcript() {
    for seed in 0..5 {
        let (first, second) = (run_seed(seed, Voice::Silent), run_seed(seed, Voice::Silent));
        assert_eq!(first.hash, second.hash, "{}", replay_line(seed));
    }
}

fn assert_all_well(seeds: &[u64]) {
    let mut failures = Vec::new();
    run_seeds(seeds, |seed, outcome| {
        if let Some(violation) = outcome.violation {
            failures.push(format!("seed {seed}: {violation}\n    {}", replay_line(seed)));
        }
    });
    assert!(failures.is_empty(), "{} of {} seeds:\n{}", failures.len(), seeds.len(), failures.join("\n"));
}
