//! Ottla without sockets and without waiting: the state machine on a disk in memory, its time in our hands.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use ottla_core::boundary::{Chunk, ConnId, Frame, Input, Output};
use ottla_core::memory_disk::MemoryDisk;
use ottla_core::time::{Monotonic, Now, WallClock};
use ottla_core::{Broker, Config};

use crate::side::{Received, Side};

const START: Now = Now { monotonic: Monotonic(1_000_000), wall: WallClock(1_800_000_000_000) };

/// What passes between two requests: a broker behind sockets has as much for what it does behind its answers.
const STEP_MS: i64 = 1;

/// A broker and all that is around it.
pub struct InProcess {
    broker: Broker,
    disk: MemoryDisk,
    now: Now,
    connections: BTreeMap<String, ConnId>,
    opened: u64,
    answers: BTreeMap<ConnId, VecDeque<Bytes>>,
    closed: Vec<ConnId>,
}

impl InProcess {
    /// A broker on an empty disk.
    ///
    /// # Panics
    /// Where the properties are not good.
    #[must_use]
    pub fn new(properties: &[(&str, &str)]) -> Self {
        // As behind sockets, it is not where it is by default.
        let properties = properties.iter().copied().chain([("log.dirs", "/data")]);
        let (config, _) = Config::from_properties(properties).expect("good properties");
        let mut world = Self {
            broker: Broker::new(config, [7; 32], START),
            disk: MemoryDisk::new(),
            now: START,
            connections: BTreeMap::new(),
            opened: 0,
            answers: BTreeMap::new(),
            closed: Vec::new(),
        };
        world.run();
        world
    }

    /// Closes all connections, as a script's clients do at its end.
    pub fn hang_up(&mut self) {
        for conn in std::mem::take(&mut self.connections).into_values() {
            self.handle(Input::Closed { conn });
        }
    }

    fn connection(&mut self, conn: &str) -> ConnId {
        if let Some(id) = self.connections.get(conn) {
            return *id;
        }
        self.opened += 1;
        let id = ConnId(self.opened);
        self.connections.insert(conn.to_owned(), id);
        let peer = SocketAddr::from(([127, 0, 0, 1], 50_000));
        self.handle(Input::Opened { conn: id, peer, listener: 0 });
        id
    }

    fn handle(&mut self, input: Input) {
        self.broker.handle(self.now, input);
        self.run();
    }

    fn run(&mut self) {
        while let Some(output) = self.broker.poll_output() {
            match output {
                Output::Send { conn, frame } => self.sent(conn, &frame),
                Output::Close { conn, .. } => {
                    self.closed.push(conn);
                    self.broker.handle(self.now, Input::Closed { conn });
                }
                Output::Store { op, command } => {
                    let result = self.disk.execute(command);
                    self.broker.handle(self.now, Input::Stored { op, result });
                }
                Output::Work { op, work } => {
                    self.broker.handle(self.now, Input::Worked { op, worked: work.run() });
                }
                Output::Gate { .. } | Output::Report(_) => {}
                Output::Halt { reason } => panic!("the broker halts: {reason:?}"),
            }
        }
    }

    fn sent(&mut self, conn: ConnId, frame: &Frame) {
        let bytes = |chunk: &Chunk| match chunk {
            Chunk::Bytes(bytes) => bytes.clone(),
            Chunk::File(range) => self.disk.read_range(*range),
        };
        let parts: Vec<_> = frame.chunks.iter().map(bytes).collect();
        self.answers.entry(conn).or_default().push_back(Bytes::from(parts.concat()).slice(4..));
        self.broker.handle(self.now, Input::Sent { conn, size_bytes: frame.size_bytes() });
    }

    fn advance_to(&mut self, moment: Monotonic) {
        let passed_ms = moment.since(self.now.monotonic).as_millis() as i64;
        self.now = Now { monotonic: moment, wall: WallClock(self.now.wall.0 + passed_ms) };
    }

    /// Goes to the next deadline, where there is one before `end`.
    fn tick_before(&mut self, end: Monotonic) -> bool {
        let Some(deadline) = self.broker.deadline().filter(|deadline| *deadline <= end) else { return false };
        self.advance_to(deadline.max(self.now.monotonic));
        self.handle(Input::Tick);
        true
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now.monotonic.plus_ms(time.as_millis() as i64);
        while self.tick_before(end) {}
        self.advance_to(end);
    }
}

impl Side for InProcess {
    fn send(&mut self, conn: &str, frame: &[u8]) -> bool {
        self.pass(Duration::from_millis(STEP_MS as u64));
        let id = self.connection(conn);
        self.handle(Input::Frame { conn: id, body: Bytes::copy_from_slice(frame) });
        true
    }

    fn receive(&mut self, conn: &str, patience: Duration) -> Received {
        let id = self.connection(conn);
        let end = self.now.monotonic.plus_ms(patience.as_millis() as i64);
        loop {
            if let Some(frame) = self.answers.entry(id).or_default().pop_front() {
                return Received::Frame(frame);
            }
            if self.closed.contains(&id) {
                self.connections.remove(conn);
                return Received::Closed;
            }
            if !self.tick_before(end) {
                self.advance_to(end);
                return Received::Silence;
            }
        }
    }

    fn close(&mut self, conn: &str) {
        if let Some(conn) = self.connections.remove(conn) {
            self.handle(Input::Closed { conn });
        }
    }

    fn wait(&mut self, time: Duration) {
        self.pass(time);
    }

    fn settle(&mut self) {}

    fn now_ms(&self) -> i64 {
        self.now.wall.0
    }
}
