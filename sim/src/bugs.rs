//! Who finds which planted bug, as a table for `docs/planted-bugs.md`.

use std::collections::BTreeMap;
use std::process::ExitCode;

use ottla_core::planted::{Bug, Bugs};
use sim::crashes::{self, Order};
use sim::run_seeds_with;
use sim::violation::Violation;

/// Prints the table, of every so manyth of the script's crashes and so many seeds. It fails where nobody finds one.
pub fn table(stride: usize, seeds: u64) -> ExitCode {
    println!("| Bug | What it is | Crashes that found it | By | Seeds of {seeds} that found it | By |");
    println!("|---|---|---:|---|---:|---|");
    let mut is_complete = true;
    for bug in Bug::ALL.iter().copied() {
        let bugs = Bugs::only(bug);
        let mut crash_checks = Checks::default();
        let report = crashes::run(&Order { stride, bugs, ..Order::default() }, |finding| {
            crash_checks.count(&finding.violation);
        });
        let mut seed_checks = Checks::default();
        run_seeds_with(&(0..seeds).collect::<Vec<_>>(), bugs, |_, outcome| {
            outcome.violation.iter().for_each(|violation| seed_checks.count(violation));
        });
        is_complete &= crash_checks.total + seed_checks.total > 0;
        println!(
            "| `{bug:?}` | {} | {} of {} | {} | {} | {} |",
            bug.text(),
            crash_checks.total,
            report.crashes,
            crash_checks.most(),
            seed_checks.total,
            seed_checks.most()
        );
    }
    if is_complete { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Which checks found something, and how often.
#[derive(Debug, Default)]
struct Checks {
    counts: BTreeMap<String, usize>,
    total: usize,
}

impl Checks {
    fn count(&mut self, violation: &Violation) {
        *self.counts.entry(name_of(violation)).or_default() += 1;
        self.total += 1;
    }

    /// The two that found it most often.
    fn most(&self) -> String {
        let mut counts: Vec<(&String, &usize)> = self.counts.iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        counts.iter().take(2).map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
    }
}

fn name_of(violation: &Violation) -> String {
    match violation {
        Violation::Contract(_) => "contract".to_owned(),
        Violation::History { check, .. } => check.to_string(),
        Violation::Answer(_) => "answer".to_owned(),
        Violation::Stuck(_) => "stuck".to_owned(),
        Violation::Panic(_) => "assertion".to_owned(),
    }
}
