//! Who finds which planted bug, as a table for `docs/planted-bugs.md`.

use std::collections::BTreeMap;
use std::fmt;
use std::process::ExitCode;

use ottla_core::planted::{Bug, Bugs};
use sim::crashes::{self, Order, Part};
use sim::run_seeds_with;
use sim::violation::Violation;

/// Prints the table, of every so manyth of the script's crashes and failing syncs, and of so many seeds. It fails where
/// nobody finds one.
pub fn table(stride: usize, seeds: u64) -> ExitCode {
    println!("| Bug | What it is | Crashes that found it | By | After failed syncs | By | Seeds of {seeds} | By |");
    println!("|---|---|---:|---|---:|---|---:|---|");
    let mut is_complete = true;
    for bug in Bug::ALL.iter().copied() {
        let crashes = crash_checks(bug, stride, Part::Sound);
        let failed_syncs = crash_checks(bug, stride, Part::FailedSyncs);
        let seeds = seed_checks(bug, seeds);
        is_complete &= crashes.total + failed_syncs.total + seeds.total > 0;
        println!("| `{bug:?}` | {} | {crashes} | {failed_syncs} | {seeds} |", bug.text());
    }
    if is_complete { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn crash_checks(bug: Bug, stride: usize, part: Part) -> Checks {
    let mut checks = Checks::default();
    let order = Order { stride, part, bugs: Bugs::only(bug), ..Order::default() };
    let report = crashes::run(&order, |finding| checks.count(&finding.violation));
    checks.of = Some(report.crashes);
    checks
}

fn seed_checks(bug: Bug, seeds: u64) -> Checks {
    let mut checks = Checks::default();
    run_seeds_with(&(0..seeds).collect::<Vec<_>>(), Bugs::only(bug), |_, outcome| {
        outcome.violation.iter().for_each(|violation| checks.count(violation));
    });
    checks
}

/// Which checks found something, and how often.
#[derive(Debug, Default)]
struct Checks {
    counts: BTreeMap<String, usize>,
    total: usize,
    /// Of so many.
    of: Option<usize>,
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

impl fmt::Display for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.total)?;
        if let Some(of) = self.of {
            write!(f, " of {of}")?;
        }
        write!(f, " | {}", self.most())
    }
}

fn name_of(violation: &Violation) -> String {
    match violation {
        Violation::Contract(_) => "contract".to_owned(),
        Violation::History { check, .. } => check.to_string(),
        Violation::Answer(_) => "answer".to_owned(),
        Violation::Stuck(_) => "stuck".to_owned(),
        Violation::Chance(_) => "chance".to_owned(),
        Violation::Panic(_) => "assertion".to_owned(),
    }
}
