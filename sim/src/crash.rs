//! The fixed script and its crashes, on the command line.

use std::process::ExitCode;
use std::time::Instant;

use sim::crashes::{Finding, Order, run};

/// Findings that are told in full; a bug at many points is the same bug.
const TOLD_MAX: usize = 20;

/// Runs them and tells what did not hold.
pub fn crashes(order: &Order) -> ExitCode {
    let begun = Instant::now();
    let mut told = 0;
    let report = run(order, |finding| {
        if told < TOLD_MAX {
            eprintln!("{finding}\n    {}", replay_line(finding));
        }
        told += 1;
    });
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{} crashes at {} commands, and after {} failed syncs, in {seconds:.1} s",
        report.crashes, report.points, report.failed_syncs
    );
    if report.findings.is_empty() {
        println!("all well");
        return ExitCode::SUCCESS;
    }
    println!("after {} of them something did not hold", report.findings.len());
    ExitCode::FAILURE
}

fn replay_line(finding: &Finding) -> String {
    let pattern = finding.pattern.map_or_else(String::new, |pattern| format!(" --pattern {pattern}"));
    let failed = finding.failed.map_or_else(String::new, |failed| format!(" --failed {failed}"));
    format!("cargo run --profile sim -p sim -- --crash {}{pattern}{failed}", finding.point)
}
