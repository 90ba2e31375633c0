//! A world that fails, made smaller: fewer faults, fewer clients, less to do, and the same rule broken.

use std::time::{Duration, Instant};

use crate::knobs::{FaultKind, KNOBS};
use crate::plan::Plan;
use crate::sweep::run_plan;
use crate::transcript::Voice;
use crate::violation::Violation;

/// How much may be tried.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// So many worlds.
    pub runs: u32,
    /// For so long.
    pub time: Duration,
}

/// The smallest world that was found.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// It.
    pub plan: Plan,
    /// What is wrong in it.
    pub violation: Violation,
    /// So many worlds were tried.
    pub runs: u32,
}

impl Default for Budget {
    fn default() -> Self {
        Self { runs: 400, time: Duration::from_secs(120) }
    }
}

/// Makes a world smaller that breaks a rule, as long as it breaks the same one.
///
/// Whole kinds of faults go first, then one number after another: all the way to its simplest value, or half of it. It ends where
/// nothing can go any more, or too much was tried.
#[must_use]
pub fn shrink(plan: Plan, violation: Violation, budget: Budget) -> Shrunk {
    let mut search = Search { best: Shrunk { plan, violation, runs: 0 }, budget, begun: Instant::now() };
    for kind in FaultKind::ALL {
        let of_kind = KNOBS.iter().filter(|knob| knob.fault == Some(kind));
        let without = of_kind.fold(search.best.plan.clone(), |plan, knob| knob.with(&plan, knob.simplest));
        search.attempt(without);
    }
    while search.round() {}
    search.best
}

struct Search {
    best: Shrunk,
    budget: Budget,
    begun: Instant,
}

impl Search {
    /// Tries each number once. Whether any became smaller.
    fn round(&mut self) -> bool {
        let mut is_smaller = false;
        for knob in KNOBS {
            let plan = &self.best.plan;
            if knob.get(plan) == knob.simplest {
                continue;
            }
            let (simplest, halfway) = (knob.with(plan, knob.simplest), knob.halfway(plan));
            let halfway = halfway.map(|value| knob.with(plan, value));
            is_smaller |= self.attempt(simplest) || halfway.is_some_and(|plan| self.attempt(plan));
        }
        is_smaller
    }

    /// Takes a world where it breaks the same rule.
    fn attempt(&mut self, plan: Plan) -> bool {
        let is_over = self.best.runs >= self.budget.runs || self.begun.elapsed() >= self.budget.time;
        if is_over || crate::knobs::differences(&self.best.plan, &plan).is_empty() {
            return false;
        }
        self.best.runs += 1;
        match run_plan(plan.clone(), Voice::Silent).violation {
            Some(violation) if violation.is_like(&self.best.violation) => {
                (self.best.plan, self.best.violation) = (plan, violation);
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use ottla_core::planted::{Bug, Bugs};

    use super::*;
    use crate::knobs::differences;

    #[test]
    fn a_world_that_fails_becomes_one_with_less_in_it_that_fails_alike() {
        let bugs = Bugs::only(Bug::DuplicateAppended);
        let found = (0..50).find_map(|seed| {
            let plan = Plan { bugs, ..Plan::of(seed) };
            run_plan(plan.clone(), Voice::Silent).violation.map(|violation| (plan, violation))
        });
        let (plan, violation) = found.expect("many worlds show it");
        let budget = Budget { runs: 60, ..Budget::default() };
        let shrunk = shrink(plan.clone(), violation.clone(), budget);
        assert!(shrunk.violation.is_like(&violation), "{} is not {violation}", shrunk.violation);
        assert!(shrunk.runs <= budget.runs);
        assert_ne!(differences(&plan, &shrunk.plan), "", "something of it was not needed");
        let again = run_plan(shrunk.plan, Voice::Silent).violation;
        assert_eq!(again, Some(shrunk.violation));
    }
}
