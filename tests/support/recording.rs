//! A core that remembers what an adapter gave it and took from it, in order; and whether a fresh one that is given the same
//! does the same.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ottla_core::boundary::{ConnId, Input, OpId, Output, Work};
use ottla_core::time::{Monotonic, Now};
use ottla_core::{Broker, Config};
use ottla_runtime::Core;

/// A broker that is listened to.
pub struct Recording {
    broker: Broker,
    trace: Arc<Mutex<Trace>>,
}

/// All that an adapter and a core had to do with each other.
pub struct Trace {
    config: Config,
    begun: Now,
    steps: Vec<Step>,
}

/// A call of the core, and what it returned.
enum Step {
    Handle(Now, Given),
    Spent(ConnId, Duration),
    Poll(Option<Seen>),
    Deadline(Option<Monotonic>),
}

/// An input that can be given again.
enum Given {
    Input(Input),
    /// What comes of a piece of work comes of it again.
    Worked(OpId),
}

/// An output, as far as it matters whether another is the same.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    /// Its beginning, for people.
    text: String,
    hash: u64,
}

/// So much of an output is told where another came.
const TEXT_MAX_CHARS: usize = 300;

impl Recording {
    /// A broker, and what will be remembered of it.
    pub fn start(config: Config, seed: [u8; 32], begun: Now) -> (Self, Arc<Mutex<Trace>>) {
        let trace = Arc::new(Mutex::new(Trace { config: config.clone(), begun, steps: Vec::new() }));
        (Self { broker: Broker::new(config, seed, begun), trace: Arc::clone(&trace) }, trace)
    }

    fn note(&self, step: Step) {
        self.trace.lock().expect("nothing panics meanwhile").steps.push(step);
    }
}

impl Core for Recording {
    fn handle(&mut self, now: Now, input: Input) {
        self.note(Step::Handle(now, Given::of(&input)));
        Core::handle(&mut self.broker, now, input);
    }

    fn poll_output(&mut self) -> Option<Output> {
        let output = Core::poll_output(&mut self.broker);
        self.note(Step::Poll(output.as_ref().map(Seen::of)));
        output
    }

    fn deadline(&self) -> Option<Monotonic> {
        let deadline = Core::deadline(&self.broker);
        self.note(Step::Deadline(deadline));
        deadline
    }

    fn max_frame_bytes(&self) -> usize {
        Core::max_frame_bytes(&self.broker)
    }

    fn measures_time(&self) -> bool {
        Core::measures_time(&self.broker)
    }

    fn spent(&mut self, conn: ConnId, time: Duration) {
        self.note(Step::Spent(conn, time));
        Core::spent(&mut self.broker, conn, time);
    }
}

impl Trace {
    /// What has happened up to now. A thread of a runtime that has ended may hold the core for a moment longer.
    pub fn so_far(trace: &Mutex<Self>) -> Self {
        let mut trace = trace.lock().expect("nothing panicked");
        Self { config: trace.config.clone(), begun: trace.begun, steps: std::mem::take(&mut trace.steps) }
    }

    /// How many inputs and outputs there are.
    pub fn counts(&self) -> (usize, usize) {
        let inputs = self.steps.iter().filter(|step| matches!(step, Step::Handle(..))).count();
        let outputs = self.steps.iter().filter(|step| matches!(step, Step::Poll(Some(_)))).count();
        (inputs, outputs)
    }

    /// Gives the same inputs to a fresh core.
    ///
    /// # Errors
    /// The first thing that it does otherwise.
    pub fn replay(&self, seed: [u8; 32]) -> Result<(), String> {
        let mut broker = Broker::new(self.config.clone(), seed, self.begun);
        let mut works: BTreeMap<OpId, Work> = BTreeMap::new();
        for (number, step) in self.steps.iter().enumerate() {
            let differs = |what: String| Err(format!("step {number} of {}: {what}", self.steps.len()));
            match step {
                Step::Handle(now, Given::Input(input)) => {
                    let Given::Input(input) = Given::of(input) else { unreachable!("it is an input") };
                    Core::handle(&mut broker, *now, input);
                }
                Step::Handle(now, Given::Worked(op)) => {
                    let Some(work) = works.remove(op) else { return differs(format!("no work for {op:?}")) };
                    Core::handle(&mut broker, *now, Input::Worked { op: *op, worked: work.run() });
                }
                Step::Spent(conn, time) => Core::spent(&mut broker, *conn, *time),
                Step::Deadline(deadline) => {
                    let found = Core::deadline(&broker);
                    if found != *deadline {
                        return differs(format!("the deadline is {found:?}, and was {deadline:?}"));
                    }
                }
                Step::Poll(seen) => {
                    let output = Core::poll_output(&mut broker);
                    let found = output.as_ref().map(Seen::of);
                    if found != *seen {
                        return differs(format!("out comes {found:#?}, and it was {seen:#?}"));
                    }
                    if let Some(Output::Work { op, work }) = output {
                        works.insert(op, work);
                    }
                }
            }
        }
        Ok(())
    }
}

impl Given {
    fn of(input: &Input) -> Self {
        Self::Input(match input {
            Input::Opened { conn, peer, listener } => Input::Opened { conn: *conn, peer: *peer, listener: *listener },
            Input::Frame { conn, body } => Input::Frame { conn: *conn, body: body.clone() },
            Input::Sent { conn, size_bytes } => Input::Sent { conn: *conn, size_bytes: *size_bytes },
            Input::Closed { conn } => Input::Closed { conn: *conn },
            Input::Stored { op, result } => Input::Stored { op: *op, result: result.clone() },
            Input::Worked { op, .. } => return Self::Worked(*op),
            Input::Tick => Input::Tick,
            Input::Shutdown => Input::Shutdown,
        })
    }
}

impl Seen {
    fn of(output: &Output) -> Self {
        let text = format!("{output:?}");
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Self { text: text.chars().take(TEXT_MAX_CHARS).collect(), hash: hasher.finish() }
    }
}
