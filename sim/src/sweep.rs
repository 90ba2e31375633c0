//! Many seeds, on all cores; a panic of one is that one's failure.

use std::any::Any;
use std::cell::RefCell;
use std::num::NonZero;
use std::ops::ControlFlow;
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, Once};
use std::thread;

use ottla_core::planted::Bugs;

use crate::plan::Plan;
use crate::stats::Stats;
use crate::timeline::Recorder;
use crate::transcript::{TranscriptHash, Voice};
use crate::violation::Violation;
use crate::world::{self, Outcome};

/// Seeds that found something once, one a line; `#` begins a remark.
pub const REGRESSIONS: &str = include_str!("../regressions.txt");

thread_local! {
    static LAST_PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
    /// Who waits for a thread that must not panic.
    static WAITING: RefCell<Option<Sender<Result<Outcome, String>>>> = const { RefCell::new(None) };
}

/// The line that runs a seed again, for people to copy.
#[must_use]
pub fn replay_line(seed: u64) -> String {
    format!("cargo run --profile sim -p sim -- --seed {seed} --verbose")
}

/// Runs the world of one seed.
#[must_use]
pub fn run_seed(seed: u64, voice: Voice) -> Outcome {
    run_seed_with(seed, voice, Bugs::default())
}

/// Runs the world of one seed around a broker with something planted in it.
#[must_use]
pub fn run_seed_with(seed: u64, voice: Voice, bugs: Bugs) -> Outcome {
    run_plan(Plan { bugs, ..Plan::of(seed) }, voice)
}

/// Runs a world. A panic in it is its violation.
#[must_use]
pub fn run_plan(plan: Plan, voice: Voice) -> Outcome {
    run_plan_into(plan, voice, Recorder::default())
}

/// The same, and tells `timeline` what happens.
pub(crate) fn run_plan_into(plan: Plan, voice: Voice, timeline: Recorder) -> Outcome {
    remember_panics();
    let ended = if cfg!(panic = "abort") && !timeline.is_on() {
        run_apart(plan, voice)
    } else {
        let run = AssertUnwindSafe(|| world::run(plan, voice, timeline));
        panic::catch_unwind(run).map_err(|payload| panic_text(payload.as_ref()))
    };
    ended.unwrap_or_else(|text| {
        let violation = Some(Violation::Panic(text));
        Outcome { hash: TranscriptHash::default(), stats: Stats::default(), violation }
    })
}

/// Runs a world, and gives what its clients wrote down, for the checker's own command. There is nothing where the broker panicked.
#[must_use]
pub fn run_for_history(plan: Plan) -> Option<ottla_checker::History> {
    remember_panics();
    let run = AssertUnwindSafe(|| world::run_told(plan, Voice::Silent, Recorder::default()).1);
    panic::catch_unwind(run).ok()
}

/// Runs a world in a build in which a panic ends the process: on a thread of its own, which stands still for ever once it has said
/// what it panicked about.
fn run_apart(plan: Plan, voice: Voice) -> Result<Outcome, String> {
    let (tell, told) = mpsc::channel();
    let spawned = thread::Builder::new().name("world".to_owned()).spawn(move || {
        WAITING.set(Some(tell.clone()));
        // Nobody listens where the process ends.
        let _ = tell.send(Ok(world::run(plan, voice, Recorder::default())));
    });
    spawned.expect("a thread can be had");
    told.recv().unwrap_or_else(|_| Err("a world ended without a word".to_owned()))
}

/// Runs the worlds of many seeds on all cores, and tells of each as it ends.
pub fn run_seeds(seeds: &[u64], tell: impl FnMut(u64, Outcome) + Send) {
    run_seeds_with(seeds, Bugs::default(), tell);
}

/// The same, around brokers with something planted in them.
pub fn run_seeds_with(seeds: &[u64], bugs: Bugs, tell: impl FnMut(u64, Outcome) + Send) {
    run_plans(seeds, |seed| Plan { bugs, ..Plan::of(seed) }, tell);
}

/// Runs a world twice. That the runs differ is a violation, if there is no other.
#[must_use]
pub fn run_plan_twice(plan: &Plan) -> Outcome {
    let first = run_plan(plan.clone(), Voice::Silent);
    let second = run_plan(plan.clone(), Voice::Silent);
    if first == second {
        return first;
    }
    let text = format!("transcript {}, and {} the second time", first.hash, second.hash);
    Outcome { violation: Some(first.violation.unwrap_or(Violation::Chance(text))), ..second }
}

/// The same, in worlds that `plan` makes of the seeds.
pub fn run_plans(seeds: &[u64], plan: impl Fn(u64) -> Plan + Sync, tell: impl FnMut(u64, Outcome) + Send) {
    run_worlds(seeds, |seed| run_plan(plan(seed), Voice::Silent), tell);
}

/// The same, where `run` runs a seed's world.
pub fn run_worlds(seeds: &[u64], run: impl Fn(u64) -> Outcome + Sync, mut tell: impl FnMut(u64, Outcome) + Send) {
    sweep(seeds.iter().copied(), run, |seed, outcome| {
        tell(seed, outcome);
        ControlFlow::Continue(())
    });
}

/// The same, until there are no more seeds, or who is told has heard enough: worlds that were begun by then are told of, too.
pub fn sweep(
    seeds: impl Iterator<Item = u64> + Send,
    run: impl Fn(u64) -> Outcome + Sync,
    tell: impl FnMut(u64, Outcome) -> ControlFlow<()> + Send,
) {
    let (seeds, tell) = (Mutex::new(Some(seeds)), Mutex::new(tell));
    let next = || seeds.lock().expect("a counter does not panic").as_mut().and_then(Iterator::next);
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(seed) = next() {
                    let outcome = run(seed);
                    let mut tell = tell.lock().expect("a listener does not panic");
                    if tell(seed, outcome).is_break() {
                        *seeds.lock().expect("a counter does not panic") = None;
                    }
                }
            });
        }
    });
}

/// The seeds of [`REGRESSIONS`].
///
/// # Panics
/// Where a line is neither a number nor a remark.
#[must_use]
pub fn regressions() -> Vec<u64> {
    let lines = REGRESSIONS.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    lines.filter(|line| !line.is_empty()).map(|line| line.parse().expect("a seed a line")).collect()
}

/// A panic is told with its place, by the run that it ended, and not by the thread as it happens.
pub(crate) fn remember_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let default = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let is_ours = thread::current().name().is_none_or(|name| name == "main");
            if let Some(waiting) = WAITING.take() {
                let _ = waiting.send(Err(info.to_string()));
                loop {
                    thread::park();
                }
            }
            LAST_PANIC.set(Some(info.to_string()));
            if !is_ours {
                default(info);
            }
        }));
    });
}

/// What a panic that was caught said, and where.
pub(crate) fn panic_text(payload: &(dyn Any + Send)) -> String {
    LAST_PANIC.take().unwrap_or_else(|| text_of(payload))
}

fn text_of(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str).or(payload.downcast_ref::<&str>().copied());
    text.unwrap_or("without a word").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_seed_is_told_of_once() {
        let seeds: Vec<u64> = (0..10).collect();
        let mut told = Vec::new();
        run_seeds(&seeds, |seed, _| told.push(seed));
        told.sort_unstable();
        assert_eq!(told, seeds);
    }

    #[test]
    fn the_list_of_regressions_is_a_list_of_seeds() {
        let _ = regressions();
    }
}
