//! The broker's owner: hands inputs in, does what comes out.
//!
//! Everything happens in turns. A turn holds the lock: it hands in what is there, drains the outputs, puts frames in line
//! for their connections, and collects what is to be done without the lock. Storage commands then run right here, and
//! their results are the next turn's inputs, until nothing is left to do.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Instant;

use ottla_core::boundary::{
    CloseReason, ConnId, FileId, HaltReason, Input, Level, OpId, Output, Report, StorageResult, Work,
};
use ottla_core::time::{Monotonic, Now};
use rustix::io::Errno;
use rustix::net::sockopt::{set_socket_keepalive, set_tcp_nodelay};

use crate::connection::Connection;
use crate::lanes::{Lanes, Pending};
use crate::link::Link;
use crate::parts::{Core, Disk, Job};
use crate::signal::{Latch, Signal, lock};
use crate::{clock, process};

/// Turns in which one call takes frames in: its connection has to write too, and its thread has others to serve.
const MAX_TURNS: usize = 64;
/// Turns after which one call leaves the commands that remain to another thread. It gets there by the work of others.
const MAX_TURNS_FOR_OTHERS: usize = 256;

/// Results that one turn hands in: whoever waits for the lock waits no longer than for these.
const MAX_RESULTS: usize = 32;

/// Descriptors that a connection takes at most: its socket, and what its thread is woken by.
const DESCRIPTORS_PER_CONNECTION: u64 = 2;

/// One broker, its disk, its connections, and the order among them.
pub struct Hub {
    state: Mutex<State>,
    disk: Box<dyn Disk>,
    run_blocking: Box<dyn Fn(Job) + Send + Sync>,
    max_frame_bytes: usize,
    max_connections: u64,
    earlier_deadline: Signal,
    stopping: Latch,
    halted: Latch,
    all_closed: Latch,
}

/// What the lock protects.
struct State {
    core: Box<dyn Core>,
    links: HashMap<ConnId, Arc<Link>>,
    lanes: Lanes,
    next_conn: u64,
    /// What the sleeping runtime was last told.
    armed_deadline: Option<Monotonic>,
    halt: Option<HaltReason>,
}

/// What a turn leaves to do without the lock.
#[derive(Default)]
struct Todo {
    commands: Vec<Pending>,
    works: Vec<(OpId, Work)>,
    wakers: Vec<Waker>,
    reports: Vec<Report>,
    has_halted: bool,
    has_all_closed: bool,
}

/// A storage command that ended.
struct Ended {
    op: OpId,
    file: Option<FileId>,
    result: StorageResult,
}

impl Hub {
    /// Puts a broker on a disk. `run_blocking` runs jobs on threads that may wait for a disk.
    pub fn new(core: impl Core, disk: impl Disk, run_blocking: impl Fn(Job) + Send + Sync + 'static) -> Arc<Self> {
        let max_open_files = process::raise_open_file_limit();
        Arc::new(Self {
            // A quarter of the descriptors is for files: clients must not be able to keep the logs from opening theirs.
            max_connections: max_open_files / 4 * 3 / DESCRIPTORS_PER_CONNECTION,
            max_frame_bytes: core.max_frame_bytes(),
            state: Mutex::new(State {
                core: Box::new(core),
                links: HashMap::new(),
                lanes: Lanes::default(),
                next_conn: 0,
                armed_deadline: None,
                halt: None,
            }),
            disk: Box::new(disk),
            run_blocking: Box::new(run_blocking),
            earlier_deadline: Signal::default(),
            stopping: Latch::default(),
            halted: Latch::default(),
            all_closed: Latch::default(),
        })
    }

    /// Lets the broker begin: it reads its directory, on a thread that may block.
    pub fn start(self: &Arc<Self>) {
        let hub = Arc::clone(self);
        (self.run_blocking)(Box::new(move || hub.drive(&mut VecDeque::new(), None)));
    }

    /// Whether another connection may be accepted.
    ///
    /// # Errors
    /// As when the process has no more descriptors, but while some are left for files.
    pub fn check_room(&self) -> io::Result<()> {
        if (self.lock().links.len() as u64) < self.max_connections { Ok(()) } else { Err(Errno::MFILE.into()) }
    }

    /// A client connected to the listener with this index. The socket must not block.
    pub fn open(self: &Arc<Self>, socket: impl AsFd, peer: SocketAddr, listener: u16) -> Connection {
        // A client is the same whether its listener speaks both families or one.
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        // Without these the connection works too, only worse.
        let _ = set_tcp_nodelay(&socket, true);
        let _ = set_socket_keepalive(&socket, true);
        let link = Arc::new(Link::new());
        let conn = {
            let mut state = self.lock();
            let conn = ConnId(state.next_conn);
            state.next_conn += 1;
            state.links.insert(conn, Arc::clone(&link));
            if state.halt.is_some() {
                let _ = link.close(CloseReason::Shutdown);
            }
            conn
        };
        self.drive(&mut VecDeque::from([Input::Opened { conn, peer, listener }]), None);
        Connection::new(Arc::clone(self), conn, peer, link, self.max_frame_bytes)
    }

    /// When to call [`tick`](Self::tick). Ask again after that, and when [`poll_earlier_deadline`] is ready.
    ///
    /// [`poll_earlier_deadline`]: Self::poll_earlier_deadline
    pub fn deadline(&self) -> Option<Instant> {
        let mut state = self.lock();
        state.armed_deadline = state.deadline();
        state.armed_deadline.map(clock::instant_of)
    }

    /// Ready where the deadline moved to before the one that was last told.
    pub fn poll_earlier_deadline(&self, context: &mut Context<'_>) -> Poll<()> {
        self.earlier_deadline.poll(context)
    }

    /// The deadline may have passed. What follows from it is nobody's request, such as a compaction, and may read a lot that
    /// lies on the device only: it is done by a thread that may block, never by the caller, which may serve connections.
    pub fn tick(self: &Arc<Self>) {
        let is_due = self.lock().deadline().is_some_and(|deadline| deadline <= clock::now().monotonic);
        if !is_due {
            return;
        }
        let todo = self.turn(&mut VecDeque::from([Input::Tick]), None, true, &mut Vec::new());
        let commands = self.tell(todo);
        if !commands.is_empty() {
            let hub = Arc::clone(self);
            (self.run_blocking)(Box::new(move || {
                let mut ended = Vec::new();
                hub.run_or_pass_on(commands, false, &mut ended);
                hub.take_turns(&mut VecDeque::new(), None, ended);
            }));
        }
    }

    /// Ends in good order: no more connections, and [`poll_halted`](Self::poll_halted) will be ready.
    pub fn shutdown(self: &Arc<Self>) {
        self.stopping.set();
        let hub = Arc::clone(self);
        (self.run_blocking)(Box::new(move || hub.drive(&mut VecDeque::from([Input::Shutdown]), None)));
    }

    /// Ready when no more connections are to be accepted.
    pub fn poll_stopping(&self, context: &mut Context<'_>) -> Poll<()> {
        self.stopping.poll(context)
    }

    /// Ready when the broker has ended.
    pub fn poll_halted(&self, context: &mut Context<'_>) -> Poll<()> {
        self.halted.poll(context)
    }

    /// Ready when the broker has ended and every connection has been closed, its last answers sent.
    pub fn poll_all_closed(&self, context: &mut Context<'_>) -> Poll<()> {
        self.all_closed.poll(context)
    }

    /// Lets go of the disk, and says why the broker ended. For the end of all, after [`poll_halted`](Self::poll_halted).
    pub fn finish(&self) -> HaltReason {
        self.disk.release();
        self.lock().halt.clone().expect("it has halted")
    }

    /// Hands inputs in and does what follows from them. Where a link is given, its gate holds back frames.
    pub(crate) fn drive(self: &Arc<Self>, inputs: &mut VecDeque<Input>, link: Option<&Link>) {
        self.take_turns(inputs, link, Vec::new());
    }

    pub(crate) fn file(&self, file: FileId) -> Option<Arc<File>> {
        self.disk.file(file)
    }

    fn take_turns(self: &Arc<Self>, inputs: &mut VecDeque<Input>, link: Option<&Link>, mut ended: Vec<Ended>) {
        for turn in 0.. {
            let todo = self.turn(inputs, link, turn < MAX_TURNS, &mut ended);
            let commands = self.tell(todo);
            self.run_or_pass_on(commands, turn >= MAX_TURNS_FOR_OTHERS, &mut ended);
            let has_more_input = turn < MAX_TURNS && is_acceptable(inputs, link);
            if ended.is_empty() && !has_more_input {
                return;
            }
        }
    }

    /// Runs commands, but for those that are for another thread.
    fn run_or_pass_on(self: &Arc<Self>, commands: Vec<Pending>, passes_all_on: bool, ended: &mut Vec<Ended>) {
        for pending in commands {
            if pending.may_take_long() || passes_all_on {
                let hub = Arc::clone(self);
                (self.run_blocking)(Box::new(move || {
                    let ended = vec![hub.run(pending)];
                    hub.take_turns(&mut VecDeque::new(), None, ended);
                }));
            } else {
                ended.push(self.run(pending));
            }
        }
    }

    /// Hands in what ended and what came, up to the first input that leaves commands to run: a client's next request is
    /// to see what its last one wrote, as with Apache Kafka.
    fn turn(
        &self,
        inputs: &mut VecDeque<Input>,
        link: Option<&Link>,
        takes_inputs: bool,
        ended: &mut Vec<Ended>,
    ) -> Todo {
        let mut todo = Todo::default();
        let mut state = self.lock();
        let now = clock::now();
        for Ended { op, file, result } in ended.drain(..ended.len().min(MAX_RESULTS)) {
            todo.commands.extend(file.and_then(|file| state.lanes.ended(file)));
            state.hand_in(now, Input::Stored { op, result }, &mut todo);
        }
        let takes_inputs = takes_inputs && ended.is_empty();
        while takes_inputs && todo.commands.is_empty() && is_acceptable(inputs, link) {
            state.hand_in(now, inputs.pop_front().expect("it is acceptable"), &mut todo);
        }
        state.drain(&mut todo);
        let deadline = state.deadline();
        if deadline.is_some_and(|deadline| state.armed_deadline.is_none_or(|armed| deadline < armed)) {
            state.armed_deadline = deadline;
            todo.wakers.extend(self.earlier_deadline.set());
        }
        todo
    }

    /// Passes on what a turn had to say and the work that it gave, and leaves the commands.
    fn tell(self: &Arc<Self>, todo: Todo) -> Vec<Pending> {
        for (op, work) in todo.works {
            let hub = Arc::clone(self);
            (self.run_blocking)(Box::new(move || {
                let worked = work.run();
                hub.drive(&mut VecDeque::from([Input::Worked { op, worked }]), None);
            }));
        }
        todo.wakers.into_iter().for_each(Waker::wake);
        todo.reports.iter().for_each(log_report);
        if todo.has_halted {
            self.stopping.set();
            self.halted.set();
        }
        if todo.has_all_closed {
            self.all_closed.set();
        }
        todo.commands
    }

    fn run(&self, pending: Pending) -> Ended {
        Ended { op: pending.op, file: pending.file(), result: self.disk.run(&pending.command) }
    }

    fn lock(&self) -> Turnstile<'_> {
        Turnstile { state: lock(&self.state), hub: self }
    }
}

impl State {
    fn deadline(&self) -> Option<Monotonic> {
        if self.halt.is_none() { self.core.deadline() } else { None }
    }

    fn hand_in(&mut self, now: Now, input: Input, todo: &mut Todo) {
        if let Input::Closed { conn } = input {
            self.links.remove(&conn);
            todo.has_all_closed = self.halt.is_some() && self.links.is_empty();
        }
        if self.halt.is_none() {
            let measured = match input {
                Input::Frame { conn, .. } if self.core.measures_time() => Some((conn, Instant::now())),
                _ => None,
            };
            self.core.handle(now, input);
            self.drain(todo);
            if let Some((conn, began)) = measured {
                self.core.spent(conn, began.elapsed());
            }
        }
    }

    fn drain(&mut self, todo: &mut Todo) {
        while self.halt.is_none()
            && let Some(output) = self.core.poll_output()
        {
            self.dispatch(output, todo);
        }
    }

    fn dispatch(&mut self, output: Output, todo: &mut Todo) {
        // A connection that is gone misses nothing that is meant for it.
        let link = |conn| self.links.get(&conn);
        match output {
            Output::Send { conn, frame } => todo.wakers.extend(link(conn).and_then(|link| link.send(frame))),
            Output::Gate { conn, open } => todo.wakers.extend(link(conn).and_then(|link| link.set_gate(open))),
            Output::Close { conn, reason } => todo.wakers.extend(link(conn).and_then(|link| link.close(reason))),
            Output::Store { op, command } => todo.commands.extend(self.lanes.admit(Pending { op, command })),
            Output::Work { op, work } => todo.works.push((op, work)),
            Output::Report(report) => todo.reports.push(report),
            Output::Halt { reason } => {
                todo.wakers.extend(self.end(reason));
                todo.has_halted = true;
                todo.has_all_closed = self.links.is_empty();
            }
        }
    }

    /// The core is not asked or told anything from here on.
    fn end(&mut self, reason: HaltReason) -> Vec<Waker> {
        self.halt = Some(reason);
        self.links.values().filter_map(|link| link.close(CloseReason::Shutdown)).collect()
    }
}

/// The lock. Where an assertion fails under it, the broker ends: nothing it says could be trusted.
struct Turnstile<'hub> {
    state: MutexGuard<'hub, State>,
    hub: &'hub Hub,
}

impl Deref for Turnstile<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl DerefMut for Turnstile<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.state
    }
}

impl Drop for Turnstile<'_> {
    fn drop(&mut self) {
        if thread::panicking() && self.state.halt.is_none() {
            let reason = "a bug: an assertion in the broker failed, see the log";
            self.state.end(HaltReason::Unusable(reason.into())).into_iter().for_each(Waker::wake);
            self.hub.stopping.set();
            self.hub.halted.set();
        }
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").finish_non_exhaustive()
    }
}

/// Whether the next input may be handed in: a closed gate holds back frames.
pub fn is_acceptable(inputs: &VecDeque<Input>, link: Option<&Link>) -> bool {
    match inputs.front() {
        Some(Input::Frame { .. }) => link.is_none_or(Link::is_gate_open),
        Some(_) => true,
        None => false,
    }
}

fn log_report(report: &Report) {
    let text = &report.text;
    match report.level {
        Level::Debug => tracing::debug!("{text}"),
        Level::Info => tracing::info!("{text}"),
        Level::Warn => tracing::warn!("{text}"),
        Level::Error => tracing::error!("{text}"),
    }
}
