//! Where a planted bug is looked for: in worlds one after another, from seed 0 on, until one shows it.

use std::ops::ControlFlow;
use std::sync::Mutex;

use ottla_core::planted::{Bug, Bugs};

use crate::plan::Plan;
use crate::sweep::{run_plan, sweep};
use crate::transcript::Voice;
use crate::violation::Violation;

/// Worlds of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// Those of the seeds as they are.
    Any,
    /// Groups live with a broker that loses its power again and again.
    Unpowered,
    /// The same with transactions.
    Transacted,
}

impl Ground {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Any, Self::Unpowered, Self::Transacted];

    /// What it is called; for all but the first it is how the command asks for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Unpowered => "unpowered",
            Self::Transacted => "transacted",
        }
    }

    /// The one of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ground| ground.name() == name)
    }

    /// Where a bug shows soonest.
    #[must_use]
    pub fn of(bug: Bug) -> Self {
        match bug {
            Bug::OffsetsAckedEarly
            | Bug::StaleCommitTaken
            | Bug::AssignedBeforeCommit
            | Bug::LoadedMembersImmortal
            | Bug::GivenOutBeforeGivenUp
            | Bug::StaleEpochTaken => Self::Unpowered,
            Bug::MarkersNotResumed
            | Bug::OpenTransactionsServed
            | Bug::AbortedNotListed
            | Bug::FencedEndTaken
            | Bug::DecisionToldEarly => Self::Transacted,
            _ => Self::Any,
        }
    }

    /// The world of a seed, with something planted in its broker.
    #[must_use]
    pub fn plan(self, seed: u64, bug: Bug) -> Plan {
        let plan = match self {
            Self::Any => Plan::of(seed),
            Self::Unpowered => Plan::unpowered(seed),
            Self::Transacted => Plan::transacted(seed),
        };
        Plan { bugs: Bugs::only(bug), ..plan }
    }

    /// What is wrong in it, if anything is.
    #[must_use]
    pub fn violation(self, seed: u64, bug: Bug) -> Option<Violation> {
        run_plan(self.plan(seed, bug), Voice::Silent).violation
    }

    /// The first of so many seeds whose world shows a bug, and how. On all cores.
    #[must_use]
    pub fn first(self, bug: Bug, limit: u64) -> Option<(u64, Violation)> {
        let found: Mutex<Option<(u64, Violation)>> = Mutex::new(None);
        sweep(
            0..limit,
            |seed| run_plan(self.plan(seed, bug), Voice::Silent),
            |seed, outcome| {
                let Some(violation) = outcome.violation else { return ControlFlow::Continue(()) };
                let mut found = found.lock().expect("nobody panics with it");
                if found.as_ref().is_none_or(|(first, _)| seed < *first) {
                    *found = Some((seed, violation));
                }
                ControlFlow::Break(())
            },
        );
        found.into_inner().expect("nobody panics with it")
    }
}
