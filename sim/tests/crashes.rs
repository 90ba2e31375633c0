//! A fixed script of produces, rolls, retention, compaction and deletions, and a crash at each of its storage commands in
//! each of several ways: nothing that was promised is lost, nothing that was deleted comes back, and what lies beside the
//! batches says what the batches say. The script and its judge are in `sim/`.
//!
//! And the other way round: bugs that are planted in the broker are found. `cargo run -p sim -- --bugs` tries all of them.

use ottla_core::planted::{Bug, Bugs};
use sim::crashes::{Order, run};
use sim::{Voice, run_seed_with};

/// Every so manyth crash, each time what survives is another; all of them with `OTTLA_ALL_CRASHES=1`, or with `cargo run -p sim -- --crashes`.
const STRIDE: usize = 17;
/// Bugs that the script's crashes are known to find.
const FOUND_BY_CRASHES: [Bug; 17] = [
    Bug::AckBeforeWrite,
    Bug::AckBeforeSync,
    Bug::NoDirectorySync,
    Bug::WrongTruncationPoint,
    Bug::StaleIndexAfterTruncation,
    Bug::TailNotVerified,
    Bug::TailNotSynced,
    Bug::RecoveryPointAheadOfSync,
    Bug::CleanMarkerKept,
    Bug::ProducersNotRebuilt,
    Bug::DuplicateAppended,
    Bug::LogStartNotWritten,
    Bug::RetentionDeletesActiveSegment,
    Bug::DeletedSegmentKept,
    Bug::CleanerLosesLastKey,
    Bug::SwapBeforeSync,
    Bug::MetadataNotSynced,
];
/// Bugs that the worlds of these seeds are known to find.
const FOUND_BY_SEEDS: [(Bug, u64); 1] = [(Bug::TombstoneDroppedAtOnce, 277)];

#[test]
fn a_crash_at_any_storage_command_loses_nothing_and_brings_nothing_back() {
    let stride = if std::env::var_os("OTTLA_ALL_CRASHES").is_some() { 1 } else { STRIDE };
    let report = run(&Order { stride, ..Order::default() }, |_| {});
    let findings: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "{} of {} crashes:\n{}", findings.len(), report.crashes, findings.join("\n"));
    assert!(report.points > 300, "the script has only {} commands", report.points);
}

#[test]
fn planted_bugs_are_found() {
    let mut missed: Vec<Bug> = FOUND_BY_CRASHES.into_iter().filter(|bug| !is_found(*bug)).collect();
    let is_found_by_seed = |(bug, seed)| run_seed_with(seed, Voice::Silent, Bugs::only(bug)).violation.is_some();
    missed.extend(FOUND_BY_SEEDS.into_iter().filter(|it| !is_found_by_seed(*it)).map(|(bug, _)| bug));
    assert!(missed.is_empty(), "nobody found {missed:?}");
}

fn is_found(bug: Bug) -> bool {
    let order = Order { stride: 67, stops_at_first: true, bugs: Bugs::only(bug), ..Order::default() };
    !run(&order, |_| {}).findings.is_empty()
}
