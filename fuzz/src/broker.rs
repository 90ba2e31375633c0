//! A broker with a disk in memory, and clients that send anything in any pieces: nothing panics, answers come in order, and
//! what the disk is asked to do makes sense.

use std::collections::BTreeMap;

use arbitrary::{Result, Unstructured};
use ottla_core::boundary::{Chunk, ConnId, Frame, Input, Output, StorageCommand, StorageError, StorageResult};
use ottla_core::connection::frame_buffer::FrameBuffer;
use ottla_core::memory_disk::MemoryDisk;
use ottla_core::time::{Monotonic, Now, WallClock};
use ottla_core::wire::messages::create_topics::{CreatableTopic, CreateTopicsRequest};
use ottla_core::wire::messages::fetch::{FetchPartition, FetchRequest, FetchTopic};
use ottla_core::wire::messages::header::RequestHeader;
use ottla_core::wire::messages::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
use ottla_core::wire::messages::{REGISTRY, request_header_version};
use ottla_core::wire::{Message, MessageKind, Records};
use ottla_core::{Broker, Config};

/// A run ends after this many steps, so that one input stays cheap.
const STEPS_MAX: usize = 200;
/// Connections are few, so that they are used again.
const CONNECTIONS: u64 = 4;
/// Frames up to this size are let in.
const FRAME_MAX_BYTES: usize = 1 << 20;
/// The topic that produces and fetches name.
const TOPIC: &str = "t";

/// Reads `data` as a sequence of steps and takes them.
pub fn broker(data: &[u8]) {
    let mut world = World::new();
    let mut source = Unstructured::new(data);
    for _ in 0..STEPS_MAX {
        if source.is_empty() || world.is_halted || world.step(&mut source).is_err() {
            return;
        }
    }
}

struct World {
    broker: Broker,
    disk: MemoryDisk,
    now: Now,
    connections: BTreeMap<ConnId, Client>,
    next_connection: u64,
    /// The disk fails this many more commands.
    failures: u8,
    is_halted: bool,
}

struct Client {
    frames: FrameBuffer,
    is_open: bool,
}

impl World {
    fn new() -> Self {
        let now = Now { monotonic: Monotonic(0), wall: WallClock(1_800_000_000_000) };
        let mut world = Self {
            broker: Broker::new(config(), [0; 32], now),
            disk: MemoryDisk::new(),
            now,
            connections: BTreeMap::new(),
            next_connection: 0,
            failures: 0,
            is_halted: false,
        };
        world.drain();
        let topic =
            CreatableTopic { name: TOPIC.into(), num_partitions: 2, replication_factor: 1, ..Default::default() };
        let request = CreateTopicsRequest { topics: vec![topic], ..Default::default() };
        world.request(ConnId(0), 5, &request);
        world
    }

    fn step(&mut self, source: &mut Unstructured<'_>) -> Result<()> {
        let conn = ConnId(source.int_in_range(0..=CONNECTIONS - 1)?);
        match source.int_in_range(0..=9)? {
            0 | 1 => {
                let length = source.int_in_range(0..=64)?.min(source.len());
                let bytes = source.bytes(length)?.to_vec();
                self.receive(conn, &bytes);
            }
            2 | 3 => self.produce(conn, source)?,
            4 => self.fetch(conn, source)?,
            5 => self.any_request(conn, source)?,
            6 => self.close(conn),
            7 => {
                let ms = source.int_in_range(0..=700_000)?;
                self.now.monotonic = self.now.monotonic.plus_ms(ms);
                self.now.wall = WallClock(self.now.wall.0 + source.int_in_range(-10_000..=1_000_000)?);
                self.handle(Input::Tick);
            }
            8 => self.failures = source.int_in_range(0..=2)?,
            _ => {
                if source.ratio(1, 4)? {
                    self.handle(Input::Shutdown);
                } else {
                    self.restart();
                }
            }
        }
        Ok(())
    }

    /// A batch whose content may be anything.
    fn produce(&mut self, conn: ConnId, source: &mut Unstructured<'_>) -> Result<()> {
        let mut batch: Vec<u8> = source.arbitrary()?;
        if source.ratio(3, 4)? && batch.len() > 61 {
            repair(&mut batch);
        }
        let data = PartitionProduceData {
            index: source.int_in_range(-1..=2)?,
            records: Some(Records::Bytes(batch.into())),
            ..Default::default()
        };
        let topic = TopicProduceData { name: TOPIC.into(), partition_data: vec![data], ..Default::default() };
        let request = ProduceRequest {
            acks: source.int_in_range(-1..=1)?,
            timeout_ms: 1000,
            topic_data: vec![topic],
            ..Default::default()
        };
        self.request(conn, source.int_in_range(3..=12)?, &request);
        Ok(())
    }

    fn fetch(&mut self, conn: ConnId, source: &mut Unstructured<'_>) -> Result<()> {
        let partition = FetchPartition {
            partition: source.int_in_range(-1..=2)?,
            fetch_offset: source.int_in_range(-1..=20)?,
            current_leader_epoch: source.int_in_range(-1..=2)?,
            partition_max_bytes: source.arbitrary()?,
            ..Default::default()
        };
        let topic = FetchTopic { topic: TOPIC.into(), partitions: vec![partition], ..Default::default() };
        let request = FetchRequest {
            max_wait_ms: source.arbitrary()?,
            min_bytes: source.arbitrary()?,
            session_id: source.int_in_range(0..=1)?,
            session_epoch: source.int_in_range(-1..=2)?,
            topics: vec![topic],
            ..Default::default()
        };
        self.request(conn, source.int_in_range(4..=12)?, &request);
        Ok(())
    }

    /// A well-formed request of any kind.
    fn any_request(&mut self, conn: ConnId, source: &mut Unstructured<'_>) -> Result<()> {
        let requests: Vec<_> = REGISTRY.iter().filter(|message| message.kind == MessageKind::Request).collect();
        let message = source.choose(&requests)?;
        let version = source.int_in_range(message.versions.clone())?;
        let body = message.random(source, version)?;
        let frame = with_header(message.key, version, &body);
        self.receive(conn, &frame);
        Ok(())
    }

    fn request<Q: Message>(&mut self, conn: ConnId, version: i16, request: &Q) {
        let frame = with_header(Q::KEY, version, &request.to_bytes(version));
        self.receive(conn, &frame);
    }

    /// Bytes on a connection, which is opened where it isn't.
    fn receive(&mut self, conn: ConnId, mut bytes: &[u8]) {
        let id = self.opened(conn);
        while !bytes.is_empty() {
            let Some(client) = self.connections.get_mut(&id).filter(|client| client.is_open) else { return };
            bytes = &bytes[client.frames.fill(bytes)..];
            loop {
                let Some(client) = self.connections.get_mut(&id) else { return };
                match client.frames.next_frame() {
                    Ok(Some(body)) => self.handle(Input::Frame { conn: id, body }),
                    Ok(None) => break,
                    Err(_) => return self.close_id(id),
                }
            }
        }
    }

    /// The open connection in this place: ids are never used again, so each place has several in the course of time.
    fn opened(&mut self, place: ConnId) -> ConnId {
        let of_place = |id: &&ConnId| id.0 % CONNECTIONS == place.0;
        if let Some(id) = self.connections.keys().find(of_place) {
            return *id;
        }
        let id = ConnId(self.next_connection * CONNECTIONS + place.0);
        self.next_connection += 1;
        self.connections.insert(id, Client { frames: FrameBuffer::new(FRAME_MAX_BYTES), is_open: true });
        let peer = ([127, 0, 0, 1], 50_000).into();
        self.handle(Input::Opened { conn: id, peer, listener: 0 });
        id
    }

    fn close(&mut self, place: ConnId) {
        let id = self.opened(place);
        self.close_id(id);
    }

    fn close_id(&mut self, conn: ConnId) {
        if self.connections.remove(&conn).is_some() {
            self.handle(Input::Closed { conn });
        }
    }

    fn restart(&mut self) {
        self.connections.clear();
        self.failures = 0;
        self.disk.crash();
        self.broker = Broker::new(config(), [1; 32], self.now);
        self.drain();
        assert!(!self.is_halted, "a directory that this broker wrote can be opened by it");
    }

    fn handle(&mut self, input: Input) {
        self.broker.handle(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        let mut closing = Vec::new();
        while let Some(output) = self.broker.poll_output() {
            match output {
                Output::Send { conn, frame } => self.send(conn, &frame),
                Output::Store { op, command } => {
                    let result = self.store(command);
                    self.broker.handle(self.now, Input::Stored { op, result });
                }
                Output::Work { op, work } => self.broker.handle(self.now, Input::Worked { op, worked: work.run() }),
                Output::Close { conn, .. } => closing.push(conn),
                Output::Halt { .. } => self.is_halted = true,
                Output::Gate { .. } | Output::Report(_) => {}
            }
        }
        for conn in closing {
            self.close_id(conn);
        }
    }

    fn store(&mut self, command: StorageCommand) -> StorageResult {
        let can_fail = matches!(command, StorageCommand::Append { .. } | StorageCommand::Sync { .. });
        if can_fail && self.failures > 0 {
            self.failures -= 1;
            return StorageResult::Unknown(StorageError::Io("as the input says".into()));
        }
        self.disk.execute(command)
    }

    fn send(&mut self, conn: ConnId, frame: &Frame) {
        assert!(self.connections.contains_key(&conn), "answers go to open connections");
        let mut bytes = Vec::new();
        for chunk in &frame.chunks {
            match chunk {
                Chunk::Bytes(part) => bytes.extend_from_slice(part),
                Chunk::File(range) => {
                    let part = self.disk.read_range(*range);
                    assert_eq!(part.len(), range.size_bytes as usize, "answers refer to bytes that exist");
                    bytes.extend_from_slice(&part);
                }
            }
        }
        let prefix = bytes.first_chunk::<4>().map(|prefix| u32::from_be_bytes(*prefix) as usize);
        assert_eq!(prefix, Some(bytes.len() - 4), "a frame says its size");
        self.broker.handle(self.now, Input::Sent { conn, size_bytes: frame.size_bytes() });
    }
}

fn config() -> Config {
    let properties = [("log.index.interval.bytes", "64"), ("num.partitions", "2")];
    Config::from_properties(properties).expect("good properties").0
}

fn with_header(key: i16, version: i16, body: &[u8]) -> Vec<u8> {
    let header = RequestHeader { request_api_key: key, request_api_version: version, ..Default::default() };
    let header = header.to_bytes(request_header_version(key, version));
    let size = (header.len() + body.len()) as u32;
    [&size.to_be_bytes()[..], &header, body].concat()
}

/// Makes random bytes pass the first checks of a batch: magic, length, attributes and checksum.
fn repair(batch: &mut [u8]) {
    let length = (batch.len() - 12) as i32;
    batch[8..12].copy_from_slice(&length.to_be_bytes());
    batch[16] = 2;
    batch[21] = 0;
    batch[22] &= 0b111;
    let checksum = ottla_core::records::crc32c(&batch[21..]);
    batch[17..21].copy_from_slice(&checksum.to_be_bytes());
}
