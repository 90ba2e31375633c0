//! A broker on one thread, with its disk in memory and its time in our hands: what its turns cost, and nothing else.
//!
//! A turn is an input and all that comes out, what the hub does under its lock. CPU time is measured, so a busy machine says
//! much the same as a quiet one, which latencies don't.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use ottla_core::boundary::{Chunk, ConnId, Input, OpId, Output, StorageCommand, Work};
use ottla_core::memory_disk::MemoryDisk;
use ottla_core::time::{Monotonic, Now, WallClock};
use ottla_core::wire::messages::create_topics::{
    CreatableTopic, CreatableTopicConfig, CreateTopicsRequest, CreateTopicsResponse,
};
use ottla_core::wire::messages::header::{RequestHeader, ResponseHeader};
use ottla_core::wire::messages::response_header_version;
use ottla_core::wire::{Message, Reader};
use ottla_core::{Broker, Config};
use rustix::time::{ClockId, clock_gettime};

use crate::error::{BenchError, Result};

/// When a world begins.
pub const START: Now = Now { monotonic: Monotonic(1_000_000), wall: WallClock(1_800_000_000_000) };

/// A broker, its disk, the time, what clients were answered, and what it cost.
pub struct World {
    broker: Broker,
    disk: MemoryDisk,
    now: Now,
    commands: VecDeque<(OpId, StorageCommand)>,
    works: VecDeque<(OpId, Work)>,
    answers: BTreeMap<ConnId, VecDeque<Bytes>>,
    conns: u64,
    turns: Turns,
}

/// Turns by what began them.
pub type Turns = BTreeMap<&'static str, Spent>;

/// CPU time of turns.
#[derive(Clone, Copy, Default)]
pub struct Spent {
    pub count: u64,
    pub longest: Duration,
    pub all: Duration,
}

/// Turns in which a connection comes or goes.
const CONNECTION: &str = "connection";

impl World {
    /// A broker that has started with these properties.
    pub fn new(properties: &[(&str, &str)]) -> Result<Self> {
        let (config, _) = Config::from_properties(properties.iter().copied())
            .map_err(|error| BenchError::Other(format!("properties of the broker: {error:?}")))?;
        let mut world = Self {
            broker: Broker::new(config, [7; 32], START),
            disk: MemoryDisk::new(),
            now: START,
            commands: VecDeque::new(),
            works: VecDeque::new(),
            answers: BTreeMap::new(),
            conns: 0,
            turns: Turns::new(),
        };
        world.drain();
        world.run();
        Ok(world)
    }

    /// Forgets what was spent so far.
    pub fn measure(&mut self) {
        self.turns.clear();
    }

    /// The turns since [`World::measure`].
    pub fn turns(&self) -> &Turns {
        &self.turns
    }

    /// What they cost, but for the coming and going of connections.
    pub fn spent(&self) -> Duration {
        self.turns.iter().filter(|(what, _)| **what != CONNECTION).map(|(_, spent)| spent.all).sum()
    }

    /// A new connection.
    pub fn open(&mut self) -> ConnId {
        self.conns += 1;
        let conn = ConnId(self.conns);
        self.turn(CONNECTION, Input::Opened { conn, peer: ([127, 0, 0, 1], 50_000).into(), listener: 0 });
        conn
    }

    /// The end of one.
    pub fn close(&mut self, conn: ConnId) {
        self.turn(CONNECTION, Input::Closed { conn });
        self.answers.remove(&conn);
    }

    /// Makes a topic.
    ///
    /// # Errors
    /// Where the broker refuses it.
    pub fn create_topic(&mut self, name: &str, partitions: i32, configs: &[(&str, &str)]) -> Result<()> {
        let config = |(name, value): &(&str, &str)| CreatableTopicConfig {
            name: (*name).into(),
            value: Some((*value).into()),
            ..Default::default()
        };
        let topic = CreatableTopic {
            name: name.into(),
            num_partitions: partitions,
            replication_factor: 1,
            configs: configs.iter().map(config).collect(),
            ..Default::default()
        };
        let request = CreateTopicsRequest { topics: vec![topic], timeout_ms: 60_000, ..Default::default() };
        let conn = self.open();
        let answer: CreateTopicsResponse = self.call(conn, 7, &request)?;
        self.close(conn);
        expect(answer.topics[0].error_code)
    }

    /// Sends a request, and takes its answer.
    pub fn call<Q: Message, A: Message>(&mut self, conn: ConnId, version: i16, request: &Q) -> Result<A> {
        self.send(conn, version, request);
        self.answer(conn, version)
    }

    /// Sends a request.
    pub fn send<Q: Message>(&mut self, conn: ConnId, version: i16, request: &Q) {
        let header = RequestHeader {
            request_api_key: Q::KEY,
            request_api_version: version,
            client_id: Some("bench".into()),
            ..Default::default()
        };
        let header_version = if version >= Q::FLEXIBLE_FROM { 2 } else { 1 };
        let body = [header.to_bytes(header_version), request.to_bytes(version)].concat();
        self.turn(Q::NAME, Input::Frame { conn, body: body.into() });
    }

    /// Takes the next answer of a connection.
    pub fn answer<A: Message>(&mut self, conn: ConnId, version: i16) -> Result<A> {
        let frame = self.answers.get_mut(&conn).and_then(VecDeque::pop_front);
        let frame = frame.ok_or_else(|| BenchError::Other(format!("no answer of {}", A::NAME)))?;
        let body = frame.slice(4..);
        let mut reader = Reader::new(&body);
        let read = |error| BenchError::Other(format!("an answer can't be read: {error}"));
        ResponseHeader::read(&mut reader, response_header_version(A::KEY, version)).map_err(read)?;
        A::read(&mut reader, version).map_err(read)
    }

    /// Lets time pass, with a tick at each deadline.
    pub fn pass_ms(&mut self, ms: i64) {
        let end = self.now.monotonic.plus_ms(ms);
        while let Some(deadline) = self.broker.deadline().filter(|deadline| *deadline <= end) {
            // A turn takes its time.
            self.advance_to(deadline.max(self.now.monotonic));
            self.turn("tick", Input::Tick);
        }
        self.advance_to(end);
    }

    /// Bytes of the segments of a partition.
    pub fn size_bytes(&self, dir: &str) -> usize {
        let is_of_it = |path: &&ottla_core::boundary::Path| {
            path.relative.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/')) && path.relative.ends_with(".log")
        };
        self.disk.files().filter(is_of_it).filter_map(|path| self.disk.file(path)).map(<[u8]>::len).sum()
    }

    fn advance_to(&mut self, moment: Monotonic) {
        let passed_ms = moment.since(self.now.monotonic).as_millis() as i64;
        self.now = Now { monotonic: moment, wall: WallClock(self.now.wall.0 + passed_ms) };
    }

    fn turn(&mut self, what: &'static str, input: Input) {
        self.timed(what, input);
        self.run();
    }

    fn run(&mut self) {
        loop {
            if let Some((op, command)) = self.commands.pop_front() {
                let what = name_of(&command);
                let result = self.disk.execute(command);
                self.timed(what, Input::Stored { op, result });
            } else if let Some((op, work)) = self.works.pop_front() {
                let worked = work.run();
                self.timed("work", Input::Worked { op, worked });
            } else {
                return;
            }
        }
    }

    fn timed(&mut self, what: &'static str, input: Input) {
        let before = cpu_time();
        self.broker.handle(self.now, input);
        let answers = self.drain();
        let spent = cpu_time() - before;
        let turns = self.turns.entry(what).or_default();
        turns.count += 1;
        turns.all += spent;
        turns.longest = turns.longest.max(spent);
        for (conn, chunks) in answers {
            let bytes: Vec<u8> = chunks.iter().flat_map(in_memory).copied().collect();
            let size_bytes = bytes.len() as u64;
            self.answers.entry(conn).or_default().push_back(bytes.into());
            self.broker.handle(self.now, Input::Sent { conn, size_bytes });
            self.drain();
        }
    }

    fn drain(&mut self) -> Vec<(ConnId, Vec<Chunk>)> {
        let mut answers = Vec::new();
        while let Some(output) = self.broker.poll_output() {
            match output {
                Output::Store { op, command } => self.commands.push_back((op, command)),
                Output::Send { conn, frame } => answers.push((conn, frame.chunks)),
                Output::Work { op, work } => self.works.push_back((op, work)),
                Output::Gate { .. } | Output::Close { .. } | Output::Report(_) | Output::Halt { .. } => {}
            }
        }
        answers
    }
}

/// An answer must be a good one.
pub fn expect(error_code: i16) -> Result<()> {
    if error_code == 0 {
        Ok(())
    } else {
        Err(BenchError::Other(format!("a request was answered with error {error_code}")))
    }
}

/// Nobody fetches here.
fn in_memory(chunk: &Chunk) -> &[u8] {
    match chunk {
        Chunk::Bytes(bytes) => bytes,
        Chunk::File(_) => &[],
    }
}

fn name_of(command: &StorageCommand) -> &'static str {
    match command {
        StorageCommand::List { .. } => "list",
        StorageCommand::MakeDir { .. } => "make dir",
        StorageCommand::Open { .. } => "open",
        StorageCommand::Read { .. } => "read",
        StorageCommand::Append { .. } => "append",
        StorageCommand::Sync { .. } => "sync",
        StorageCommand::SyncDir { .. } => "sync dir",
        StorageCommand::Truncate { .. } => "truncate",
        StorageCommand::Rename { .. } => "rename",
        StorageCommand::Remove { .. } => "remove",
        StorageCommand::MeasureSpace { .. } => "measure space",
        StorageCommand::Close { .. } => "close",
    }
}

/// Of this thread.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}
