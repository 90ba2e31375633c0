//! A fixed script and a crash at each of its storage commands: what survives is one of several [`Pattern`]s, the broker
//! starts again from that, and what it shows and leaves is held against what it had promised.
//!
//! The script runs once. Before each command that changes the disk a copy of the disk is taken, with all that is known by
//! then; from each copy a broker starts once a pattern. Random worlds (`world`) find what nobody thought of; this finds
//! what a window of one command hides from them.
//!
//! Then it runs once more for each sync, which fails: the log must be offline until the next start, and what follows is
//! crashed into at some distances. And one bit of a log may rot, whatever was synced.
//!
//! - `bench` runs a broker command by command, `script` is what it is asked in `requests`, `known` what it promised;
//! - `survival` is what a crash leaves, `inspection` what must hold after it, `files` the same of the files at rest;
//! - `judged` has the rules of the checker that fit here, and says why the checker itself does not;
//! - `rot` is what must hold where a log is damaged;
//! - `moves` does the same with a replica that moves between two log directories.
//!
//! ```no_run
//! let report = sim::crashes::run(&sim::crashes::Order::default(), |_| {});
//! assert!(report.findings.is_empty(), "{}", report.findings[0]);
//! ```

mod bench;
mod files;
mod inspection;
mod judged;
mod known;
mod moves;
mod requests;
mod rot;
mod script;
mod survival;

use std::fmt;
use std::num::NonZero;
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use ottla_core::planted::Bugs;
use ottla_core::time::Now;

use self::bench::Hands;
use self::known::Known;
pub use self::moves::run as run_moves;
pub use self::survival::Pattern;
use crate::violation::Violation;

/// What is to be run.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// Of all crashes every so manyth, at each point with others of the patterns; and every so manyth sync fails.
    pub stride: usize,
    /// Whether syncs fail.
    pub part: Part,
    /// Only with this pattern.
    pub pattern: Option<Pattern>,
    /// Ends with the first finding.
    pub stops_at_first: bool,
    /// Crashes only here, to look at one finding.
    pub only: Option<Place>,
    /// What was planted in the broker.
    pub bugs: Bugs,
}

/// Which runs of the script there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// All.
    #[default]
    Both,
    /// The one in which nothing fails.
    Sound,
    /// Those in which a sync fails.
    FailedSyncs,
}

/// One crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The command that failed before, a sync.
    pub failed: Option<usize>,
    /// Before which of the script's commands.
    pub point: usize,
    /// What survives.
    pub pattern: Pattern,
}

/// After a failed sync the crash comes so many commands later, or at the end of the script.
const DISTANCES: [usize; 10] = [1, 2, 3, 5, 8, 13, 21, 34, 55, 89];
/// What such a crash leaves.
const AFTER_A_FAULT: [Pattern; 3] = [Pattern::Kill, Pattern::Nothing, Pattern::Subset];

impl Default for Order {
    fn default() -> Self {
        Self { stride: 1, part: Part::Both, pattern: None, stops_at_first: false, only: None, bugs: Bugs::default() }
    }
}

impl Order {
    fn asks_for(&self, failed: Option<usize>, point: usize, is_end: bool, pattern: Pattern) -> bool {
        if let Some(only) = self.only {
            return only == Place { failed, point, pattern };
        }
        if self.pattern.is_some_and(|other| other != pattern) {
            return false;
        }
        match failed {
            None => self.part != Part::FailedSyncs && (point + pattern as usize).is_multiple_of(self.stride),
            Some(failed) => {
                let is_near = point > failed && DISTANCES.contains(&(point - failed));
                (is_near || is_end) && AFTER_A_FAULT.contains(&pattern)
            }
        }
    }

    /// Whether the script runs again with this sync, of all that there are, failing.
    fn fails(&self, index: usize, sync: usize) -> bool {
        match self.only {
            Some(only) => only.failed == Some(sync),
            None => self.part != Part::Sound && index.is_multiple_of(self.stride),
        }
    }
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// Commands of the script that change the disk.
    pub points: usize,
    /// Syncs that failed.
    pub failed_syncs: usize,
    /// Crashes that were tried.
    pub crashes: usize,
    /// Crashes after which something did not hold.
    pub findings: Vec<Finding>,
}

/// A crash after which something did not hold.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The sync that failed before.
    pub failed: Option<usize>,
    /// Before which of the script's commands.
    pub point: usize,
    /// That command.
    pub command: String,
    /// What survived.
    pub pattern: Option<Pattern>,
    /// What did not hold.
    pub violation: Violation,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { failed, point, command, pattern, violation } = self;
        if let Some(failed) = failed {
            write!(f, "sync {failed} fails, ")?;
        }
        match pattern {
            Some(pattern) => write!(f, "crash {point} before {command}, {pattern} survives: {violation}"),
            None => write!(f, "without a crash, at command {point}: {violation}"),
        }
    }
}

/// The disk and all that is known of it, right before a command.
#[derive(Clone, Debug)]
struct Point {
    failed: Option<usize>,
    number: usize,
    is_end: bool,
    command: String,
    hands: Hands,
    known: Known,
    now: Now,
}

/// Copies that wait for a thread: each has the whole disk.
const WAITING_MAX: usize = 8;

/// Runs the script and the crashes, on all cores; tells of each finding as it comes.
pub fn run(order: &Order, tell: impl FnMut(&Finding) + Send) -> Report {
    crate::sweep::remember_panics();
    let report = Mutex::new(Report::default());
    let tell = Mutex::new(tell);
    let note = |crashes: usize, finding: Option<Finding>| {
        let mut report = report.lock().expect("nobody panics with it");
        report.crashes += crashes;
        if let Some(finding) = finding {
            (tell.lock().expect("a listener does not panic"))(&finding);
            report.findings.push(finding);
        }
        !order.stops_at_first || report.findings.is_empty()
    };
    let (sender, receiver) = sync_channel(WAITING_MAX);
    let receiver = Arc::new(Mutex::new(receiver));
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let (points, failed_syncs) = thread::scope(|scope| {
        for _ in 0..threads {
            let receiver = Arc::clone(&receiver);
            scope.spawn(move || crash_at_each(order, receiver, note));
        }
        drop(receiver);
        let played = play_all(order, &sender, note);
        drop(sender);
        played
    });
    Report { points, failed_syncs, ..report.into_inner().expect("nobody panics with it") }
}

/// Plays the script, and again for each sync that is to fail. How many commands it has, and how many syncs failed.
fn play_all(
    order: &Order,
    sender: &SyncSender<Point>,
    note: impl Fn(usize, Option<Finding>) -> bool,
) -> (usize, usize) {
    let play = |failed: Option<usize>| {
        let (played, violation) = play(order, failed, sender);
        let finding = violation.map(|violation| {
            let (point, command) = (played.points, String::new());
            Finding { failed, point, command, pattern: None, violation }
        });
        (played, note(0, finding))
    };
    let (sound, mut goes_on) = play(None);
    let syncs = sound.syncs.iter().enumerate();
    let to_fail: Vec<usize> = syncs.filter(|(at, sync)| order.fails(*at, **sync)).map(|(_, sync)| *sync).collect();
    let mut failed_syncs = 0;
    for sync in to_fail {
        if !goes_on {
            break;
        }
        goes_on = play(Some(sync)).1;
        failed_syncs += 1;
    }
    (sound.points, failed_syncs)
}

/// What there was in a run of the script.
struct Played {
    points: usize,
    /// Which of its commands are syncs of files.
    syncs: Vec<usize>,
}

/// Plays the script, and sends a copy of everything before each of its commands.
fn play(order: &Order, failed: Option<usize>, sender: &SyncSender<Point>) -> (Played, Option<Violation>) {
    let mut played = Played { points: 0, syncs: Vec::new() };
    let mut take = |hands: &Hands, known: &Known, now: Now, command: &str| {
        let number = played.points;
        let is_end = command == script::END;
        if !is_end {
            played.points += 1;
            played.syncs.extend(hands.is_sync_next().then_some(number));
        }
        let is_asked_for = Pattern::ALL.into_iter().any(|pattern| order.asks_for(failed, number, is_end, pattern));
        let copy = || {
            let (command, hands, known) = (command.to_owned(), hands.clone(), known.clone());
            Point { failed, number, is_end, command, hands, known, now }
        };
        // Nobody listens any more once there is a finding.
        is_asked_for && sender.send(copy()).is_err()
    };
    let outcome = guarded(|| script::play(failed, order.bugs, &mut take));
    // It was stopped because nobody listened any more.
    let violation = outcome.err().filter(|violation| *violation != Violation::Stuck(script::ENOUGH.to_owned()));
    (played, violation)
}

fn crash_at_each(order: &Order, receiver: Arc<Mutex<Receiver<Point>>>, note: impl Fn(usize, Option<Finding>) -> bool) {
    loop {
        let next = receiver.lock().expect("nobody panics with it").recv();
        let Ok(point) = next else { return };
        for pattern in Pattern::ALL {
            if !order.asks_for(point.failed, point.number, point.is_end, pattern) {
                continue;
            }
            let violation = guarded(|| inspection::inspect(&point, pattern, order.bugs)).err();
            let finding = violation.map(|violation| Finding {
                failed: point.failed,
                point: point.number,
                command: point.command.clone(),
                pattern: Some(pattern),
                violation,
            });
            if !note(1, finding) {
                return;
            }
        }
    }
}

/// A panic is a finding like any other.
fn guarded(run: impl FnOnce() -> Result<(), Violation>) -> Result<(), Violation> {
    panic::catch_unwind(AssertUnwindSafe(run))
        .unwrap_or_else(|payload| Err(Violation::Panic(crate::sweep::panic_text(payload.as_ref()))))
}
