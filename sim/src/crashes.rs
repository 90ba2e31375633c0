//! A fixed script and a crash at each of its storage commands: what survives is one of several [`Pattern`]s, the broker
//! starts again from that, and what it shows and leaves is held against what it had promised.
//!
//! The script runs once. Before each command that changes the disk a copy of the disk is taken, with all that is known by
//! then; from each copy a broker starts once a pattern. Random worlds (`world`) find what nobody thought of; this finds
//! what a window of one command hides from them.
//!
//! - `bench` runs a broker command by command, `script` is what it is asked, `known` what it promised;
//! - `survival` is what a crash leaves, `inspection` what must hold after it, `files` the same of the files at rest.
//!
//! ```no_run
//! let report = sim::crashes::run(&sim::crashes::Order::default(), |_| {});
//! assert!(report.findings.is_empty(), "{}", report.findings[0]);
//! ```

mod bench;
mod files;
mod inspection;
mod known;
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
pub use self::survival::Pattern;
use crate::violation::Violation;

/// What is to be run.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// Of all crashes every so manyth, at each point with others of the patterns.
    pub stride: usize,
    /// Ends with the first finding.
    pub stops_at_first: bool,
    /// Crashes only here, to look at one finding.
    pub only: Option<(usize, Pattern)>,
    /// What was planted in the broker.
    pub bugs: Bugs,
}

impl Default for Order {
    fn default() -> Self {
        Self { stride: 1, stops_at_first: false, only: None, bugs: Bugs::default() }
    }
}

impl Order {
    fn asks_for(&self, point: usize, pattern: Pattern) -> bool {
        match self.only {
            Some(only) => only == (point, pattern),
            None => (point + pattern as usize).is_multiple_of(self.stride),
        }
    }
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// Commands of the script that change the disk.
    pub points: usize,
    /// Crashes that were tried.
    pub crashes: usize,
    /// Crashes after which something did not hold.
    pub findings: Vec<Finding>,
}

/// A crash after which something did not hold.
#[derive(Clone, Debug)]
pub struct Finding {
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
        let Self { point, command, pattern, violation } = self;
        match pattern {
            Some(pattern) => write!(f, "crash {point} before {command}, {pattern} survives: {violation}"),
            None => write!(f, "without a crash, at command {point}: {violation}"),
        }
    }
}

/// The disk and all that is known of it, right before a command.
#[derive(Clone, Debug)]
struct Point {
    number: usize,
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
    thread::scope(|scope| {
        for _ in 0..threads {
            let receiver = Arc::clone(&receiver);
            scope.spawn(move || crash_at_each(order, receiver, note));
        }
        drop(receiver);
        let (points, violation) = play(order, sender);
        report.lock().expect("nobody panics with it").points = points;
        if let Some(violation) = violation {
            note(0, Some(Finding { point: points, command: String::new(), pattern: None, violation }));
        }
    });
    report.into_inner().expect("nobody panics with it")
}

/// Plays the script, and sends a copy of everything before each of its commands.
fn play(order: &Order, sender: SyncSender<Point>) -> (usize, Option<Violation>) {
    let mut points: usize = 0;
    let mut take = |hands: &Hands, known: &Known, now: Now, command: &str| {
        let number = points;
        points += 1;
        let is_asked_for = Pattern::ALL.into_iter().any(|pattern| order.asks_for(number, pattern));
        // Nobody listens any more once there is a finding.
        is_asked_for
            && sender
                .send(Point { number, command: command.to_owned(), hands: hands.clone(), known: known.clone(), now })
                .is_err()
    };
    let played = guarded(|| script::play(order.bugs, &mut take));
    // It was stopped because nobody listened any more.
    let violation = played.err().filter(|violation| *violation != Violation::Stuck(script::ENOUGH.to_owned()));
    (points, violation)
}

fn crash_at_each(order: &Order, receiver: Arc<Mutex<Receiver<Point>>>, note: impl Fn(usize, Option<Finding>) -> bool) {
    loop {
        let next = receiver.lock().expect("nobody panics with it").recv();
        let Ok(point) = next else { return };
        for pattern in Pattern::ALL {
            if !order.asks_for(point.number, pattern) {
                continue;
            }
            let violation = guarded(|| inspection::inspect(&point, pattern, order.bugs)).err();
            let finding = violation.map(|violation| Finding {
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
