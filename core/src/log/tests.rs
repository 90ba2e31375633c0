//! What a log promises, on a disk in memory.

mod appending;
mod closing;
mod compaction;
mod damaged;
mod durable;
mod finding;
mod opening;
mod retention;
mod transaction_model;
mod transactions;

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use super::*;
use crate::boundary::{FileRange, Level, Output, StorageCommand, Work};
use crate::memory_disk::MemoryDisk;
use crate::records::{Attributes, BatchBuilder, BatchHeader, BuilderRecord, ProducedBatch};
use crate::time::WallClock;
use crate::types::{PartitionId, ProducerEpoch, ProducerId};
use crate::wire::Uuid;

const TOPIC_ID: Uuid = Uuid(0x0123_4567_89ab_4def_8123_4567_89ab_cdef);
const EPOCH: LeaderEpoch = LeaderEpoch(0);

/// A log on a disk, with a hand on every command.
struct World {
    disk: MemoryDisk,
    outbox: Outbox,
    log: PartitionLog,
    now: Now,
    config: LogConfig,
    /// Commands that were issued and not done, in order.
    held: Vec<(OpId, StorageCommand)>,
    works: VecDeque<(OpId, Work)>,
    /// So many pieces of work are done yet.
    works_done_max: usize,
    reports: Vec<(Level, String)>,
    events: Vec<LogEvent>,
    /// Commands of these kinds stay undone until they are let go.
    hold: fn(&StorageCommand) -> bool,
    /// Commands of these kinds fail, with a result of this kind.
    fail: fn(&StorageCommand) -> Option<StorageResult>,
}

fn now() -> Now {
    Now { monotonic: Monotonic(1_000_000), wall: WallClock(1_700_000_000_000) }
}

fn config() -> LogConfig {
    LogConfig { producer_id_expiration_ms: i64::MAX, ..LogConfig::default() }
}

fn strict() -> LogConfig {
    LogConfig { flush_messages: 1, ..config() }
}

fn dir() -> Path {
    Path::new(0, "orders-3")
}

fn path(name: &str) -> Path {
    dir().join(name)
}

fn request(config: &LogConfig) -> OpenLog {
    OpenLog {
        id: PartitionId { topic_id: TOPIC_ID, index: 3 },
        name: "orders".into(),
        log_dir: "/logs".into(),
        dir: dir(),
        config: config.clone(),
        create: true,
        was_clean: true,
        recovery_point: None,
        log_start: None,
        compacted_to: None,
    }
}

impl World {
    /// A new log.
    fn new(config: LogConfig) -> Self {
        Self::open(MemoryDisk::new(), request(&config))
    }

    fn open(disk: MemoryDisk, request: OpenLog) -> Self {
        let mut world = Self::begin(disk, request);
        world.run();
        world
    }

    fn begin(disk: MemoryDisk, request: OpenLog) -> Self {
        let mut outbox = Outbox::default();
        let config = request.config.clone();
        let log = PartitionLog::open(request, now(), &mut outbox);
        Self {
            disk,
            outbox,
            log,
            now: now(),
            config,
            held: Vec::new(),
            works: VecDeque::new(),
            works_done_max: usize::MAX,
            reports: Vec::new(),
            events: Vec::new(),
            hold: |_| false,
            fail: |_| None,
        }
    }

    /// Does everything that is not held, until nothing is left.
    fn run(&mut self) {
        self.collect();
        loop {
            if let Some(at) = (0..self.held.len()).find(|at| self.may_go(*at)) {
                let (op, command) = self.held.remove(at);
                self.execute(op, command);
            } else if !self.do_work() {
                return;
            }
        }
    }

    /// Does a piece of work. Whether there was one.
    fn do_work(&mut self) -> bool {
        let Some((op, work)) = self.works.pop_front_if(|_| self.works_done_max > 0) else { return false };
        self.works_done_max -= 1;
        self.outbox.take_owner(op);
        self.log.worked(self.now, op, work.run(), &mut self.outbox);
        self.collect();
        true
    }

    /// Commands on one file are done in order; but a read need not wait for a sync that a test holds back.
    fn may_go(&self, at: usize) -> bool {
        let (_, command) = &self.held[at];
        let file = file_of(command);
        let is_read = matches!(command, StorageCommand::Read { .. });
        let blocks = |earlier: &StorageCommand| {
            file_of(earlier) == file && !(is_read && matches!(earlier, StorageCommand::Sync { .. }))
        };
        let waits = file.is_some() && self.held[..at].iter().any(|(_, earlier)| blocks(earlier));
        !waits && !(self.hold)(command)
    }

    /// Lets everything go.
    fn release(&mut self) {
        self.hold = |_| false;
        self.run();
    }

    /// Does the command that has waited longest, even if it is held.
    fn let_first_go(&mut self) {
        let (op, command) = self.held.remove(0);
        self.execute(op, command);
    }

    fn collect(&mut self) {
        while let Some(output) = self.outbox.pop() {
            match output {
                Output::Store { op, command } => self.held.push((op, command)),
                Output::Work { op, work } => self.works.push_back((op, work)),
                Output::Report(report) => self.reports.push((report.level, report.text)),
                other => panic!("logs don't say {other:?}"),
            }
        }
        while let Some(event) = self.log.poll_event() {
            self.events.push(event);
        }
    }

    fn execute(&mut self, op: OpId, command: StorageCommand) {
        let result = (self.fail)(&command).unwrap_or_else(|| self.disk.execute(command));
        if let Owner::Log(id) = self.outbox.take_owner(op) {
            assert_eq!(id, self.log.id());
            self.log.stored(self.now, op, result, &mut self.outbox);
        }
        self.collect();
    }

    fn try_append(&mut self, batch: &Bytes) -> Result<Appended, AppendError> {
        self.append_in(EPOCH, batch)
    }

    fn append_in(&mut self, epoch: LeaderEpoch, batch: &Bytes) -> Result<Appended, AppendError> {
        let batch = ProducedBatch::of_our_own(batch);
        let appended = self.log.append(self.now, epoch, batch, &mut self.outbox);
        self.run();
        appended
    }

    fn append(&mut self, batch: &Bytes) -> Offset {
        self.try_append(batch).expect("the batch fits").base_offset
    }

    /// Closes the log in good order and opens it again.
    fn reopen(self) -> Self {
        let request = request(&self.config);
        self.reopen_with(request)
    }

    fn reopen_with(mut self, request: OpenLog) -> Self {
        self.close();
        assert!(matches!(self.events.last(), Some(LogEvent::Closed { was_clean: true, .. })), "{:?}", self.events);
        assert_eq!(self.disk.open_files(), 0, "a closed log holds no files");
        Self::open(self.disk, request)
    }

    fn close(&mut self) {
        self.log.close(self.now, &mut self.outbox);
        self.run();
    }

    /// Everything that was written is there, but nothing was closed.
    fn crash(mut self) -> MemoryDisk {
        self.disk.crash();
        self.disk
    }

    fn marks(&self) -> [i64; 4] {
        let log = &self.log;
        [log.log_start().0, log.durable().0, log.high_watermark().0, log.log_end().0]
    }

    fn done(&mut self, lookup: LookupId) -> Result<Found, LookupError> {
        self.run();
        let is_it = |event: &LogEvent| matches!(event, LogEvent::LookupDone { lookup: done, .. } if *done == lookup);
        let at = self.events.iter().position(is_it).expect("the lookup is done");
        let LogEvent::LookupDone { result, .. } = self.events.remove(at) else { unreachable!() };
        if let Ok(Found::Extent(extent)) = &result {
            self.log.unpin(extent.file, &mut self.outbox);
        }
        result
    }

    fn locate(&mut self, offset: i64) -> Option<Extent> {
        match self.log.locate(Offset(offset), &mut self.outbox).expect("the offset is in the log") {
            Located::Ready(extent) => Some(extent),
            Located::AtEnd => None,
            Located::Reading(lookup) => match self.done(lookup).expect("the log can be read") {
                Found::Extent(extent) => Some(extent),
                Found::AtEnd => None,
                other => panic!("{other:?} was not looked for"),
            },
        }
    }

    /// Base offset of the batch that a fetch from `offset` begins with.
    fn first_batch_at(&mut self, offset: i64) -> Option<i64> {
        let extent = self.locate(offset)?;
        let range = FileRange { file: extent.file, at: extent.position, size_bytes: extent.first_batch_size_bytes };
        let batch = self.disk.read_range(range);
        let header = BatchHeader::parse(&batch).expect("an extent begins with a batch");
        assert_eq!(header.size_bytes(), batch.len());
        Some(header.base_offset.0)
    }

    /// The whole log, read in steps.
    fn read_all(&mut self, max_bytes: u32) -> Vec<u8> {
        let (mut from, mut all) = (self.log.log_start(), Vec::new());
        loop {
            let lookup = self.log.read(from, max_bytes, &mut self.outbox);
            let Ok(Found::Batches(batches)) = self.done(lookup) else { panic!("the log can be read") };
            if batches.is_empty() {
                return all;
            }
            for header in headers(&batches) {
                from = header.next_offset();
            }
            all.extend_from_slice(&batches);
        }
    }

    fn at_time(&mut self, timestamp: i64) -> Option<(i64, i64)> {
        let lookup = self.log.offset_for_timestamp(timestamp, &mut self.outbox);
        self.timestamp(lookup)
    }

    fn largest_time(&mut self) -> Option<(i64, i64)> {
        let lookup = self.log.max_timestamp(&mut self.outbox);
        self.timestamp(lookup)
    }

    fn timestamp(&mut self, lookup: Lookup<Option<TimestampAndOffset>>) -> Option<(i64, i64)> {
        let found = match lookup {
            Lookup::Ready(found) => found,
            Lookup::Reading(lookup) => match self.done(lookup).expect("the log can be read") {
                Found::Timestamp(found) => found,
                other => panic!("{other:?} was not looked for"),
            },
        };
        found.map(|found| (found.timestamp, found.offset.0))
    }

    fn said(&self, words: &str) -> bool {
        self.reports.iter().any(|(_, text)| text.contains(words))
    }

    fn is_offline(&self) -> bool {
        self.log.state() == LogState::Offline
    }
}

fn file_of(command: &StorageCommand) -> Option<FileId> {
    match command {
        StorageCommand::Open { file, .. }
        | StorageCommand::Read { file, .. }
        | StorageCommand::Append { file, .. }
        | StorageCommand::Sync { file }
        | StorageCommand::Truncate { file, .. }
        | StorageCommand::Close { file } => Some(*file),
        _ => None,
    }
}

/// A batch of records, 1 s apart, each with a value of that size.
fn records(timestamp: i64, sizes: &[usize]) -> Bytes {
    build(BatchBuilder::new(), timestamp, sizes)
}

fn build(mut builder: BatchBuilder, timestamp: i64, sizes: &[usize]) -> Bytes {
    for (index, size) in sizes.iter().enumerate() {
        let value = alloc::vec![b'v'; *size];
        let timestamp = timestamp + 1_000 * index as i64;
        builder.push(BuilderRecord { timestamp, value: Some(&value), ..Default::default() });
    }
    builder.build()
}

fn idempotent(producer: i64, sequence: i32, count: usize) -> Bytes {
    let builder = BatchBuilder::new().producer(ProducerId(producer), ProducerEpoch(0), sequence);
    build(builder, 1_000, &alloc::vec![10; count])
}

fn headers(mut batches: &[u8]) -> Vec<BatchHeader> {
    let mut headers = Vec::new();
    while let Ok(header) = BatchHeader::parse(batches) {
        headers.push(header);
        batches = &batches[header.size_bytes()..];
    }
    headers
}

fn names(disk: &MemoryDisk) -> Vec<String> {
    disk.files().filter_map(|path| path.relative.strip_prefix("orders-3/")).map(String::from).collect()
}
