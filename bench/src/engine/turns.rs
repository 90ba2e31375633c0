//! How long the broker is busy with one thing while it compacts and deletes: a produce that comes meanwhile waits for no
//! more than that.
//!
//! The broker runs on one thread and on a disk in memory, and each of its turns is measured in CPU time. So a busy machine
//! says the same as a quiet one, which latencies don't.

use std::collections::{BTreeMap, VecDeque};
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use ottla_core::boundary::{ConnId, Input, OpId, Output, StorageCommand, Work};
use ottla_core::memory_disk::MemoryDisk;
use ottla_core::records::{BatchBuilder, BuilderRecord, Compression};
use ottla_core::time::{Monotonic, Now, WallClock};
use ottla_core::wire::messages::create_topics::{CreatableTopic, CreatableTopicConfig, CreateTopicsRequest};
use ottla_core::wire::messages::header::RequestHeader;
use ottla_core::wire::messages::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
use ottla_core::wire::{Message, Records};
use ottla_core::{Broker, Config};
use rustix::time::{ClockId, clock_gettime};

use crate::error::{BenchError, Result};
use crate::machine;
use crate::options::TurnsOptions;

const CLIENT: ConnId = ConnId(1);
/// Each of so many parts of a log has the same keys as the one before.
const ROUNDS: u64 = 4;
const HOUR_MS: i64 = 3_600_000;
/// What a produce may be held up at most, in CPU time.
const LIMIT: Duration = Duration::from_millis(10);

/// Compacts a log of each codec, and deletes from many logs at once.
pub fn run(options: &TurnsOptions) -> Result<ExitCode> {
    println!("{}", machine::description());
    let mut longest = Duration::ZERO;
    let codecs = [Compression::None, Compression::Snappy, Compression::Lz4, Compression::Zstd, Compression::Gzip];
    for codec in codecs {
        for &batch_size in &options.batch_sizes {
            let turns = compact(options, codec, batch_size)?;
            println!("compaction, {codec:?}, batches of {batch_size} B of 100 B records: {}", shown(&turns));
            longest = longest.max(longest_of(&turns));
        }
    }
    let turns = delete(options.partitions)?;
    println!("retention of {} partitions at once: {}", options.partitions, shown(&turns));
    longest = longest.max(longest_of(&turns));
    let is_kept = longest <= LIMIT;
    println!("the longest turn: {:.2} ms of CPU time; the limit is {} ms", ms(longest), LIMIT.as_millis());
    Ok(if is_kept || !options.check { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Turns by what began them.
type Turns = BTreeMap<&'static str, Spent>;

#[derive(Clone, Copy, Default)]
struct Spent {
    count: u64,
    longest: Duration,
}

fn compact(options: &TurnsOptions, codec: Compression, batch_size: usize) -> Result<Turns> {
    let mut world = World::new(&[("log.cleaner.min.cleanable.ratio", "0.01"), ("log.retention.ms", "-1")])?;
    world.create("compacted", 1, &[("cleanup.policy", "compact"), ("segment.bytes", "4194304")]);
    let size_bytes = options.size_mb * 1_000_000;
    let batches = size_bytes / batch_size as u64;
    for number in 0..batches {
        let of_round = batches.div_ceil(ROUNDS);
        let first_key = number % of_round * (batch_size / RECORD_SIZE_BYTES) as u64;
        world.produce("compacted", 0, batch(codec, batch_size, first_key));
    }
    let before = world.size_bytes("compacted-0");
    world.turns.clear();
    world.pass_ms(HOUR_MS);
    let after = world.size_bytes("compacted-0");
    if after >= before / 4 * 3 {
        return Err(BenchError::Other(format!("{before} bytes became {after}: nothing was compacted")));
    }
    Ok(world.turns)
}

fn delete(partitions: u32) -> Result<Turns> {
    let mut world = World::new(&[("log.retention.ms", "600000"), ("log.segment.delete.delay.ms", "1000")])?;
    world.create("deleted", partitions as i32, &[("segment.bytes", "1048576")]);
    for round in 0..3 {
        for partition in 0..partitions as i32 {
            world.produce("deleted", partition, batch(Compression::None, 1024, round * 100));
        }
        // Rolled by their age: `segment.ms` is what retention needs here.
        world.pass_ms(60_000);
    }
    let before = world.size_bytes("deleted-0");
    world.turns.clear();
    world.pass_ms(HOUR_MS);
    if world.size_bytes("deleted-0") >= before {
        return Err(BenchError::Other(format!("{before} bytes stayed: nothing was deleted")));
    }
    Ok(world.turns)
}

const RECORD_SIZE_BYTES: usize = 100;

/// Records with keys of their own and values that compress to about a third, as JSON does.
fn batch(codec: Compression, size_bytes: usize, first_key: u64) -> Bytes {
    let mut builder = BatchBuilder::new().compression(codec, None);
    let mut state = first_key | 1;
    for key in first_key..first_key + (size_bytes / RECORD_SIZE_BYTES).max(1) as u64 {
        let mut value = String::new();
        while value.len() < RECORD_SIZE_BYTES - 24 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            value.push_str(&format!("\"n\":{},", state % 100_000));
        }
        let (key, value) = (key.to_be_bytes(), value.into_bytes());
        let timestamp = START.wall.0;
        builder.push(BuilderRecord { timestamp, key: Some(&key), value: Some(&value), ..Default::default() });
    }
    builder.build()
}

/// A broker, its disk, and the time.
struct World {
    broker: Broker,
    disk: MemoryDisk,
    now: Now,
    commands: VecDeque<(OpId, StorageCommand)>,
    works: VecDeque<(OpId, Work)>,
    turns: Turns,
}

const START: Now = Now { monotonic: Monotonic(1_000_000), wall: WallClock(1_800_000_000_000) };

impl World {
    fn new(properties: &[(&str, &str)]) -> Result<Self> {
        let (config, _) = Config::from_properties(properties.iter().copied())
            .map_err(|error| BenchError::Other(format!("properties of the broker: {error:?}")))?;
        let broker = Broker::new(config, [7; 32], START);
        let (commands, works) = (VecDeque::new(), VecDeque::new());
        let mut world = Self { broker, disk: MemoryDisk::new(), now: START, commands, works, turns: Turns::new() };
        world.drain();
        world.run_commands();
        let peer = ([127, 0, 0, 1], 50_000).into();
        world.turn("connection", Input::Opened { conn: CLIENT, peer, listener: 0 });
        Ok(world)
    }

    fn create(&mut self, name: &str, partitions: i32, configs: &[(&str, &str)]) {
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
        self.request("create", 7, &CreateTopicsRequest { topics: vec![topic], timeout_ms: 1000, ..Default::default() });
    }

    fn produce(&mut self, topic: &str, index: i32, batch: Bytes) {
        let records = Some(Records::Bytes(batch.into()));
        let data = PartitionProduceData { index, records, ..Default::default() };
        let topic = TopicProduceData { name: topic.into(), partition_data: vec![data], ..Default::default() };
        let request = ProduceRequest { acks: -1, timeout_ms: 1000, topic_data: vec![topic], ..Default::default() };
        self.request("produce", 9, &request);
    }

    fn request<Q: Message>(&mut self, what: &'static str, version: i16, request: &Q) {
        let header = RequestHeader { request_api_key: Q::KEY, request_api_version: version, ..Default::default() };
        let header_version = if version >= Q::FLEXIBLE_FROM { 2 } else { 1 };
        let body = [header.to_bytes(header_version), request.to_bytes(version)].concat();
        self.turn(what, Input::Frame { conn: CLIENT, body: body.into() });
    }

    /// Lets time pass, with a tick at each deadline.
    fn pass_ms(&mut self, ms: i64) {
        let end = self.now.monotonic.plus_ms(ms);
        while let Some(deadline) = self.broker.deadline().filter(|deadline| *deadline <= end) {
            // A turn takes its time.
            self.advance_to(deadline.max(self.now.monotonic));
            self.turn("tick", Input::Tick);
        }
        self.advance_to(end);
    }

    fn advance_to(&mut self, moment: Monotonic) {
        let passed_ms = moment.since(self.now.monotonic).as_millis() as i64;
        self.now = Now { monotonic: moment, wall: WallClock(self.now.wall.0 + passed_ms) };
    }

    fn turn(&mut self, what: &'static str, input: Input) {
        self.timed(what, input);
        self.run_commands();
    }

    fn run_commands(&mut self) {
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

    /// What the hub does under its lock.
    fn timed(&mut self, what: &'static str, input: Input) {
        let before = cpu_time();
        self.broker.handle(self.now, input);
        let answers = self.drain();
        let spent = cpu_time() - before;
        let turns = self.turns.entry(what).or_default();
        turns.count += 1;
        turns.longest = turns.longest.max(spent);
        for (conn, size_bytes) in answers {
            self.broker.handle(self.now, Input::Sent { conn, size_bytes });
            self.drain();
        }
    }

    fn drain(&mut self) -> Vec<(ConnId, u64)> {
        let mut answers = Vec::new();
        while let Some(output) = self.broker.poll_output() {
            match output {
                Output::Store { op, command } => self.commands.push_back((op, command)),
                Output::Send { conn, frame } => answers.push((conn, frame.size_bytes())),
                Output::Work { op, work } => self.works.push_back((op, work)),
                Output::Gate { .. } | Output::Close { .. } | Output::Report(_) | Output::Halt { .. } => {}
            }
        }
        answers
    }

    /// Bytes of the segments of a partition.
    fn size_bytes(&self, dir: &str) -> usize {
        let is_of_it = |path: &&ottla_core::boundary::Path| {
            path.relative.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/')) && path.relative.ends_with(".log")
        };
        self.disk.files().filter(is_of_it).filter_map(|path| self.disk.file(path)).map(<[u8]>::len).sum()
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

fn longest_of(turns: &Turns) -> Duration {
    turns.values().map(|spent| spent.longest).max().unwrap_or_default()
}

/// The longest turns, by what began them.
fn shown(turns: &Turns) -> String {
    let mut by_length: Vec<_> = turns.iter().collect();
    by_length.sort_by_key(|(_, spent)| std::cmp::Reverse(spent.longest));
    let count: u64 = turns.values().map(|spent| spent.count).sum();
    let longest: Vec<_> =
        by_length.iter().take(4).map(|(what, spent)| format!("{what} {:.2} ms", ms(spent.longest))).collect();
    format!("{count} turns, the longest after: {}", longest.join(", "))
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
