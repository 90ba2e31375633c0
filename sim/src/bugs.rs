//! Who finds which planted bug, as tables for `docs/planted-bugs.md`.

use std::collections::BTreeMap;
use std::fmt;
use std::process::ExitCode;

use ottla_core::planted::{Bug, Bugs};
use sim::crashes::{self, Order, Part};
use sim::hunt::Ground;
use sim::violation::Violation;

/// Prints which world is the first to show each bug, of so many seeds; of one bug, if only that is asked for. It fails where none
/// shows one.
pub fn by_seeds(only: Bugs, limit: u64) -> ExitCode {
    println!("| Bug | What it is | Worlds | Seed | Seeds | By |");
    println!("|---|---|---|---:|---:|---|");
    let mut is_complete = true;
    for bug in Bug::ALL.iter().copied().filter(|bug| only == Bugs::default() || only.has(*bug)) {
        let ground = Ground::of(bug);
        let found = ground.first(bug, limit);
        let (seed, count, by) = match &found {
            Some((seed, violation)) => (seed.to_string(), (seed + 1).to_string(), name_of(violation)),
            None => ("-".to_owned(), format!("more than {limit}"), String::new()),
        };
        is_complete &= found.is_some();
        println!("| `{bug:?}` | {} | {} | {seed} | {count} | {by} |", bug.text(), ground.name());
    }
    if is_complete { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints how many of the script's crashes show each bug, of every so manyth crash and failing sync.
pub fn by_crashes(only: Bugs, stride: usize) -> ExitCode {
    println!("| Bug | What it is | Crashes | By | After failed syncs | By |");
    println!("|---|---|---:|---|---:|---|");
    for bug in Bug::ALL.iter().copied().filter(|bug| only == Bugs::default() || only.has(*bug)) {
        let crashes = crash_checks(bug, stride, Part::Sound);
        let failed_syncs = crash_checks(bug, stride, Part::FailedSyncs);
        println!("| `{bug:?}` | {} | {crashes} | {failed_syncs} |", bug.text());
    }
    ExitCode::SUCCESS
}

fn crash_checks(bug: Bug, stride: usize, part: Part) -> Checks {
    let mut checks = Checks::default();
    let order = Order { stride, part, bugs: Bugs::only(bug), ..Order::default() };
    let report = crashes::run(&order, |finding| checks.count(&finding.violation));
    checks.of = Some(report.crashes);
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
        Violation::Anomaly { kind, .. } => kind.name().to_owned(),
        Violation::Answer(_) => "answer".to_owned(),
        Violation::Stuck(_) => "stuck".to_owned(),
        Violation::Chance(_) => "chance".to_owned(),
        Violation::Panic(_) => "assertion".to_owned(),
    }
}
