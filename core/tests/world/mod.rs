//! A broker on a disk in memory, without sockets, threads or waiting: the time is what a test says.

#![allow(dead_code)]

pub mod groups;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use bytes::Bytes;
use ottla_core::boundary::{
    Chunk, CloseReason, ConnId, Frame, HaltReason, Input, OpId, Output, Report, StorageCommand, StorageError,
    StorageResult,
};
use ottla_core::memory_disk::MemoryDisk;
use ottla_core::records::{BatchBuilder, BuilderRecord};
use ottla_core::time::{Monotonic, Now, WallClock};
use ottla_core::wire::messages::create_topics::{CreatableTopic, CreateTopicsRequest, CreateTopicsResponse};
use ottla_core::wire::messages::header::{RequestHeader, ResponseHeader};
use ottla_core::wire::messages::response_header_version;
use ottla_core::wire::{Message, Reader, Uuid};
use ottla_core::{Broker, Config};

/// What storage does with a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is done at once.
    Do,
    /// Its result is kept until [`World::release`].
    Hold,
    /// It fails, and may have happened.
    Fail,
    /// It fails for want of space, and did not happen.
    Full,
}

/// A broker and all that is around it.
pub struct World {
    pub broker: Broker,
    pub disk: MemoryDisk,
    pub now: Now,
    pub answers: BTreeMap<ConnId, VecDeque<Bytes>>,
    pub closed: BTreeMap<ConnId, CloseReason>,
    pub gates: BTreeMap<ConnId, bool>,
    pub reports: Vec<Report>,
    pub halted: Option<HaltReason>,
    pub judge: Box<dyn FnMut(&StorageCommand) -> Verdict>,
    /// What the clients call themselves.
    pub client_id: &'static str,
    /// Answers on their way to clients that do not read, where a test wants that.
    pub unread: Option<Vec<(ConnId, Frame)>>,
    held: VecDeque<(OpId, StorageCommand)>,
    correlation_id: i32,
}

pub const CLIENT: ConnId = ConnId(1);

impl World {
    /// A broker on an empty disk, serving, with one client.
    pub fn new(properties: &[(&str, &str)]) -> Self {
        Self::on(MemoryDisk::new(), properties)
    }

    /// A broker on a disk, serving, with one client.
    pub fn on(disk: MemoryDisk, properties: &[(&str, &str)]) -> Self {
        let mut world = Self::starting(disk, properties);
        world.run();
        world.open(CLIENT);
        world
    }

    /// As [`World::on`], at a time of the test's choice.
    pub fn on_at(disk: MemoryDisk, properties: &[(&str, &str)], now: Now) -> Self {
        let mut world = Self::starting_at(disk, properties, now);
        world.run();
        world.open(CLIENT);
        world
    }

    /// A broker that has done nothing yet.
    pub fn starting(disk: MemoryDisk, properties: &[(&str, &str)]) -> Self {
        Self::starting_at(disk, properties, Now { monotonic: Monotonic(1_000_000), wall: WallClock(1_800_000_000_000) })
    }

    fn starting_at(disk: MemoryDisk, properties: &[(&str, &str)], now: Now) -> Self {
        let (config, _) = Config::from_properties(properties.iter().copied()).expect("good properties");
        Self {
            broker: Broker::new(config, [7; 32], now),
            disk,
            now,
            answers: BTreeMap::new(),
            closed: BTreeMap::new(),
            gates: BTreeMap::new(),
            reports: Vec::new(),
            halted: None,
            judge: Box::new(|_| Verdict::Do),
            client_id: "test",
            held: VecDeque::new(),
            correlation_id: 0,
            unread: None,
        }
    }

    /// The process dies here; what was written is still on the disk.
    pub fn crash(self) -> MemoryDisk {
        let mut disk = self.disk;
        disk.crash();
        disk
    }

    /// A stop in good order.
    pub fn shut_down(mut self) -> MemoryDisk {
        self.handle(Input::Shutdown);
        assert_eq!(self.halted, Some(HaltReason::Clean), "{:?}", self.reports);
        self.crash()
    }

    pub fn open(&mut self, conn: ConnId) {
        let peer = SocketAddr::from(([127, 0, 0, 1], 50_000 + conn.0 as u16));
        self.handle(Input::Opened { conn, peer, listener: 0 });
    }

    pub fn handle(&mut self, input: Input) {
        self.broker.handle(self.now, input);
        self.run();
    }

    /// Lets time pass, with a tick at each deadline on the way.
    pub fn pass_ms(&mut self, ms: i64) {
        let end = self.now.monotonic.plus_ms(ms);
        while let Some(deadline) = self.broker.deadline().filter(|deadline| *deadline <= end) {
            self.advance_to(deadline.max(self.now.monotonic));
            self.handle(Input::Tick);
        }
        self.advance_to(end);
    }

    /// Does the storage commands that were held.
    pub fn release(&mut self) {
        self.judge = Box::new(|_| Verdict::Do);
        for (op, command) in std::mem::take(&mut self.held) {
            let result = self.disk.execute(command);
            self.handle(Input::Stored { op, result });
        }
    }

    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// Sends a request of the usual client's.
    pub fn send<Q: Message>(&mut self, version: i16, request: &Q) -> i32 {
        self.send_from(CLIENT, version, request)
    }

    pub fn send_from<Q: Message>(&mut self, conn: ConnId, version: i16, request: &Q) -> i32 {
        self.correlation_id += 1;
        let header = RequestHeader {
            request_api_key: Q::KEY,
            request_api_version: version,
            correlation_id: self.correlation_id,
            client_id: Some(self.client_id.into()),
            ..Default::default()
        };
        let header_version = if version >= Q::FLEXIBLE_FROM { 2 } else { 1 };
        let body = [header.to_bytes(header_version), request.to_bytes(version)].concat();
        self.handle(Input::Frame { conn, body: body.into() });
        self.correlation_id
    }

    /// The next answer to the usual client, if there is one.
    pub fn answer<A: Message>(&mut self, version: i16) -> Option<A> {
        self.answer_to(CLIENT, version).map(|(_, answer)| answer)
    }

    pub fn answer_to<A: Message>(&mut self, conn: ConnId, version: i16) -> Option<(i32, A)> {
        let frame = self.answers.entry(conn).or_default().pop_front()?;
        let body = frame.slice(4..);
        let mut reader = Reader::new(&body);
        assert_eq!(reader.remaining(), u32::from_be_bytes(*frame.first_chunk().unwrap()) as usize);
        let header = ResponseHeader::read(&mut reader, response_header_version(A::KEY, version)).unwrap();
        let answer = A::read(&mut reader, version).unwrap();
        reader.finish().unwrap();
        Some((header.correlation_id, answer))
    }

    /// A request that is answered at once.
    pub fn call<Q: Message, A: Message>(&mut self, version: i16, request: &Q) -> A {
        let id = self.send(version, request);
        let (answered, answer) = self.answer_to(CLIENT, version).unwrap_or_else(|| panic!("no answer to {request:?}"));
        assert_eq!(answered, id);
        answer
    }

    /// Creates a topic and says its id.
    pub fn create_topic(&mut self, name: &str, partitions: i32) -> Uuid {
        let topic = CreatableTopic {
            name: name.into(),
            num_partitions: partitions,
            replication_factor: 1,
            ..Default::default()
        };
        let request = CreateTopicsRequest { topics: vec![topic], timeout_ms: 1000, ..Default::default() };
        let answer: CreateTopicsResponse = self.call(7, &request);
        assert_eq!(answer.topics[0].error_code, 0, "{answer:?}");
        answer.topics[0].topic_id
    }

    fn advance_to(&mut self, moment: Monotonic) {
        let passed_ms = moment.since(self.now.monotonic).as_millis() as i64;
        self.now = Now { monotonic: moment, wall: WallClock(self.now.wall.0 + passed_ms) };
    }

    pub fn run(&mut self) {
        while let Some(output) = self.broker.poll_output() {
            self.take(output);
        }
    }

    /// Does one thing that the broker wants done.
    pub fn take(&mut self, output: Output) {
        match output {
            Output::Send { conn, frame } => match &mut self.unread {
                Some(unread) => unread.push((conn, frame)),
                None => self.sent(conn, &frame),
            },
            Output::Gate { conn, open } => {
                self.gates.insert(conn, open);
            }
            Output::Close { conn, reason } => {
                self.closed.insert(conn, reason);
                self.broker.handle(self.now, Input::Closed { conn });
            }
            Output::Store { op, command } => self.store(op, command),
            Output::Work { op, work } => self.broker.handle(self.now, Input::Worked { op, worked: work.run() }),
            Output::Report(report) => self.reports.push(report),
            Output::Halt { reason } => self.halted = Some(reason),
        }
    }

    fn store(&mut self, op: OpId, command: StorageCommand) {
        let result = match (self.judge)(&command) {
            Verdict::Do => self.disk.execute(command),
            Verdict::Hold => return self.held.push_back((op, command)),
            Verdict::Fail => StorageResult::Unknown(StorageError::Io("the test's will".into())),
            Verdict::Full => StorageResult::NotDone(StorageError::Full),
        };
        self.broker.handle(self.now, Input::Stored { op, result });
    }

    /// Clients read again.
    pub fn read_on(&mut self) {
        for (conn, frame) in self.unread.take().into_iter().flatten() {
            self.sent(conn, &frame);
        }
        self.run();
    }

    fn sent(&mut self, conn: ConnId, frame: &Frame) {
        let parts: Vec<Bytes> = frame
            .chunks
            .iter()
            .map(|chunk| match chunk {
                Chunk::Bytes(bytes) => bytes.clone(),
                Chunk::File(range) => {
                    let bytes = self.disk.read_range(*range);
                    assert_eq!(bytes.len(), range.size_bytes as usize, "an answer refers to bytes that exist");
                    bytes
                }
            })
            .collect();
        self.answers.entry(conn).or_default().push_back(parts.concat().into());
        self.broker.handle(self.now, Input::Sent { conn, size_bytes: frame.size_bytes() });
    }
}

/// A batch of plain values.
pub fn batch(values: &[&str]) -> Bytes {
    batch_of(BatchBuilder::new(), values)
}

/// A batch of an idempotent producer.
pub fn idempotent(producer_id: i64, sequence: i32, values: &[&str]) -> Bytes {
    use ottla_core::types::{ProducerEpoch, ProducerId};
    batch_of(BatchBuilder::new().producer(ProducerId(producer_id), ProducerEpoch(0), sequence), values)
}

fn batch_of(mut builder: BatchBuilder, values: &[&str]) -> Bytes {
    for value in values {
        let value = Bytes::copy_from_slice(value.as_bytes());
        builder.push(BuilderRecord { timestamp: 1_800_000_000_000, value: Some(&value), ..Default::default() });
    }
    builder.build()
}
