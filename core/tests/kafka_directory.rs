//! Logs that Apache Kafka 4.3.1 wrote open, and every record reads as a real consumer read it from Kafka.

mod archives;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use archives::{CLEAN, CRASHED, unpack};
use bytes::Bytes;
use flate2::read::GzDecoder;
use ottla_core::boundary::{FileRange, Level, Output, Path};
use ottla_core::log::{
    AbortedTransaction, EndTransaction, Extent, Found, Located, LogConfig, LogEvent, LogState, Lookup, LookupId,
    OpenLog, PartitionLog,
};
use ottla_core::memory_disk::MemoryDisk;
use ottla_core::outbox::{Outbox, Owner};
use ottla_core::records::{BatchHeader, OutputLimit, TimestampType, TransactionResult, records_of};
use ottla_core::time::{Monotonic, Now, WallClock};
use ottla_core::types::{LeaderEpoch, Offset, PartitionId, ProducerEpoch, ProducerId};
use ottla_core::wire::Uuid;
use serde_json::Value;

const EXPECTED: &[u8] = include_bytes!("data/apache-kafka-4.3.1/expected-records.jsonl.gz");

fn now() -> Now {
    Now { monotonic: Monotonic(0), wall: WallClock(1_795_392_000_000) }
}

/// The partitions of a directory: those that are not being deleted.
fn partitions(disk: &MemoryDisk) -> Vec<String> {
    let dirs = disk.files().filter_map(|path| path.relative.split_once('/')).map(|(dir, _)| dir.to_owned());
    let mut dirs: Vec<_> = dirs.filter(|dir| !dir.ends_with("-delete")).collect();
    dirs.dedup();
    dirs
}

fn checkpoint(disk: &MemoryDisk, name: &str) -> BTreeMap<String, Offset> {
    let Some(text) = disk.file(&Path::new(0, name)) else { return BTreeMap::new() };
    let text = String::from_utf8(text.to_vec()).unwrap();
    let entry = |line: &str| {
        let [topic, partition, offset] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        (format!("{topic}-{partition}"), Offset(offset.parse().unwrap()))
    };
    text.lines().skip(2).map(entry).collect()
}

/// The files of one partition, and the checkpoints: preallocated indexes are large.
fn only(disk: &MemoryDisk, dir: &str) -> MemoryDisk {
    let mut copy = MemoryDisk::new();
    let belongs = |path: &&Path| path.parent().relative.is_empty() || *path.parent().relative == *dir;
    for path in disk.files().filter(belongs) {
        copy.put(path, disk.file(path).expect("it was listed"));
    }
    copy
}

struct World {
    disk: MemoryDisk,
    outbox: Outbox,
    log: PartitionLog,
    events: Vec<LogEvent>,
    reports: Vec<(Level, String)>,
}

impl World {
    fn open(disk: MemoryDisk, dir: &str, was_clean: bool) -> Self {
        let (name, index) = dir.rsplit_once('-').unwrap();
        let metadata = disk.file(&Path::new(0, format!("{dir}/partition.metadata"))).unwrap();
        let topic_id = std::str::from_utf8(metadata).unwrap().split_once("topic_id: ").unwrap().1;
        let request = OpenLog {
            id: PartitionId { topic_id: Uuid::parse(topic_id).unwrap(), index: index.parse().unwrap() },
            name: name.into(),
            log_dir: "/logs".into(),
            dir: Path::new(0, dir),
            config: LogConfig::default(),
            create: false,
            was_clean,
            recovery_point: checkpoint(&disk, "recovery-point-offset-checkpoint").get(dir).copied(),
            log_start: checkpoint(&disk, "log-start-offset-checkpoint").get(dir).copied(),
            compacted_to: None,
        };
        let mut outbox = Outbox::default();
        let log = PartitionLog::open(request, now(), &mut outbox);
        let mut world = Self { disk, outbox, log, events: Vec::new(), reports: Vec::new() };
        world.run();
        assert_eq!(world.log.state(), LogState::Serving, "{dir}: {:?}", world.reports);
        world
    }

    fn run(&mut self) {
        while let Some(output) = self.outbox.pop() {
            match output {
                Output::Store { op, command } => {
                    let result = self.disk.execute(command);
                    if let Owner::Log(_) = self.outbox.take_owner(op) {
                        self.log.stored(now(), op, result, &mut self.outbox);
                    }
                }
                Output::Report(report) => self.reports.push((report.level, report.text)),
                other => panic!("{other:?}"),
            }
        }
        self.events.extend(std::iter::from_fn(|| self.log.poll_event()));
    }

    /// All batches from the log's start on.
    fn read(&mut self) -> Vec<Bytes> {
        let (mut from, mut batches) = (self.log.log_start(), Vec::new());
        loop {
            let lookup = self.log.read(from, 10_000, &mut self.outbox);
            self.run();
            let Some(LogEvent::LookupDone { result: Ok(Found::Batches(mut bytes)), lookup: done }) = self.events.pop()
            else {
                panic!("a read ends with batches");
            };
            assert_eq!(lookup, done);
            if bytes.is_empty() {
                return batches;
            }
            while !bytes.is_empty() {
                let header = BatchHeader::parse(&bytes).unwrap();
                from = header.next_offset();
                batches.push(bytes.split_to(header.size_bytes()));
            }
        }
    }

    /// The batches that a consumer makes records of.
    fn consume(&mut self, isolation: &str) -> Vec<Bytes> {
        let (mut from, mut consumed) = (self.log.log_start(), Vec::new());
        while let Some(extent) = self.locate(from, isolation) {
            // Small fetches, so that most need several, and begin in the middle of transactions.
            let size_bytes = extent.available_bytes.min(u64::from(extent.first_batch_size_bytes).max(300));
            let aborted =
                if isolation == READ_COMMITTED { self.aborted(from, &extent, size_bytes) } else { Vec::new() };
            let range = FileRange { file: extent.file, at: extent.position, size_bytes: size_bytes as u32 };
            let mut left_out = LeftOut::new(aborted);
            let mut bytes = self.disk.read_range(range);
            while let Ok(header) = BatchHeader::parse(&bytes)
                && header.size_bytes() <= bytes.len()
            {
                let batch = bytes.split_to(header.size_bytes());
                if !left_out.leaves_out(&header) {
                    consumed.push(batch);
                }
                from = header.next_offset();
            }
        }
        consumed
    }

    fn locate(&mut self, from: Offset, isolation: &str) -> Option<Extent> {
        let located = match isolation {
            READ_COMMITTED => self.log.locate_stable(from, &mut self.outbox),
            _ => self.log.locate(from, &mut self.outbox),
        };
        match located.expect("the offset is in the log") {
            Located::Ready(extent) => Some(extent),
            Located::AtEnd => None,
            Located::Reading(lookup) => match self.found(lookup) {
                Found::Extent(extent) => Some(extent),
                Found::AtEnd => None,
                other => panic!("{other:?} was not looked for"),
            },
        }
    }

    fn aborted(&mut self, from: Offset, extent: &Extent, size_bytes: u64) -> Vec<AbortedTransaction> {
        // An answer keeps the segment open that it refers to.
        self.log.pin(extent.file);
        let found = match self.log.aborted(from, extent, size_bytes, &mut self.outbox) {
            Lookup::Ready(aborted) => aborted,
            Lookup::Reading(lookup) => match self.found(lookup) {
                Found::Aborted(aborted) => aborted,
                other => panic!("{other:?} was not looked for"),
            },
        };
        self.log.unpin(extent.file, &mut self.outbox);
        found
    }

    fn found(&mut self, lookup: LookupId) -> Found {
        self.run();
        match self.events.pop() {
            Some(LogEvent::LookupDone { lookup: done, result: Ok(found) }) if done == lookup => found,
            other => panic!("{other:?}"),
        }
    }

    fn close(mut self) -> MemoryDisk {
        self.log.close(now(), &mut self.outbox);
        self.run();
        assert!(matches!(self.events.last(), Some(LogEvent::Closed { was_clean: true, .. })), "{:?}", self.events);
        self.disk
    }
}

const READ_COMMITTED: &str = "read_committed";

/// What of an answer a consumer leaves out, going by the aborted transactions that the answer names.
struct LeftOut {
    /// Those that are still to come, the first at the end.
    later: Vec<AbortedTransaction>,
    now: BTreeSet<ProducerId>,
}

impl LeftOut {
    fn new(mut aborted: Vec<AbortedTransaction>) -> Self {
        aborted.sort_by_key(|aborted| Reverse(aborted.first_offset));
        Self { later: aborted, now: BTreeSet::new() }
    }

    fn leaves_out(&mut self, header: &BatchHeader) -> bool {
        while let Some(begun) = self.later.pop_if(|aborted| aborted.first_offset <= header.last_offset()) {
            self.now.insert(begun.producer_id);
        }
        if header.attributes.is_control() {
            self.now.remove(&header.producer_id);
        }
        header.attributes.is_control() || header.attributes.is_transactional() && self.now.contains(&header.producer_id)
    }
}

/// Records as the consumer's log shows them; control records are not for consumers.
fn shown(batches: &[Bytes], log_start: Offset) -> Vec<Value> {
    let data = batches.iter().filter(|batch| !BatchHeader::parse(batch).unwrap().attributes.is_control());
    let mut shown = Vec::new();
    for batch in data {
        let records = records_of(batch, OutputLimit::of_bytes(1 << 20)).unwrap();
        let header = *records.header();
        for record in records.map(Result::unwrap).filter(|record| record.offset >= log_start) {
            let headers: Vec<_> = record
                .headers
                .iter()
                .map(|header| {
                    serde_json::json!([String::from_utf8(header.key.to_vec()).unwrap(), base64(&header.value)])
                })
                .collect();
            shown.push(serde_json::json!({
                "offset": record.offset.0,
                "timestampType": 1 + header.attributes.timestamp_type() as i32,
                "timestamp": record.timestamp,
                "key": base64(&record.key),
                "value": value(&record.value),
                "headers": headers,
                "leaderEpoch": header.partition_leader_epoch.0,
            }));
        }
    }
    shown
}

fn value(bytes: &Option<Bytes>) -> Value {
    match bytes {
        Some(bytes) if bytes.len() >= 64 => {
            serde_json::json!({"len": bytes.len(), "head": base64(&Some(bytes.slice(..32)))})
        }
        bytes => base64(bytes),
    }
}

fn base64(bytes: &Option<Bytes>) -> Value {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let Some(bytes) = bytes else { return Value::Null };
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = (0..3).fold(0u32, |bits, at| bits << 8 | u32::from(*chunk.get(at).unwrap_or(&0)));
        for at in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * at)) as usize & 63] as char;
            text.push(if at <= chunk.len() { digit } else { '=' });
        }
    }
    Value::String(text)
}

fn expected() -> Vec<Value> {
    let mut text = String::new();
    GzDecoder::new(EXPECTED).read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_record_reads_as_a_consumer_read_it_from_kafka() {
    for (archive, was_clean) in [(CLEAN, true), (CRASHED, false)] {
        let disk = unpack(archive);
        let mut compared = BTreeMap::new();
        for line in expected() {
            let dir = format!("{}-{}", line["topic"].as_str().unwrap(), line["partition"]);
            let isolation = line["isolation"].as_str().unwrap();
            let mut world = World::open(only(&disk, &dir), &dir, was_clean);
            let is_quiet = world.reports.iter().all(|(level, _)| *level < Level::Error);
            assert!(if was_clean { world.reports.is_empty() } else { is_quiet }, "{dir}: {:?}", world.reports);
            assert_eq!(world.log.log_start().0, line["logStart"].as_i64().unwrap(), "{dir}");
            let high_watermark = world.log.high_watermark().0;
            let later = i64::from(!was_clean && dir == "txn-0");
            // A transaction was open when Kafka was killed; it aborted that after its restart, with one marker.
            assert_eq!(high_watermark + later, line["highWatermark"].as_i64().unwrap(), "{dir}");
            assert_eq!(world.log.last_stable_offset().0, high_watermark - later, "{dir}");
            let shown = shown(&world.consume(isolation), world.log.log_start());
            let records = line["records"].as_array().unwrap();
            for (ours, kafkas) in shown.iter().zip(records) {
                assert_eq!(ours, kafkas, "{dir}, {isolation}");
            }
            assert_eq!(shown.len(), records.len(), "{dir}, {isolation}");
            assert_eq!(shown.len(), line["count"].as_u64().unwrap() as usize, "{dir}, {isolation}");
            *compared.entry(isolation.to_owned()).or_default() += shown.len();
        }
        assert_eq!(
            compared,
            BTreeMap::from([(READ_COMMITTED.to_owned(), 5_010), ("read_uncommitted".to_owned(), 5_041)])
        );
    }
}

#[test]
fn transaction_indexes_made_anew_are_those_that_kafka_wrote() {
    for (archive, indexes) in [(CLEAN, 2), (CRASHED, 2)] {
        let disk = unpack(archive);
        let mut compared = 0;
        for dir in ["txn-0", "txn-1"] {
            let mut without = only(&disk, dir);
            let path = Path::new(0, format!("{dir}/00000000000000000000.txnindex"));
            without.execute(ottla_core::boundary::StorageCommand::Remove { path: path.clone() });
            let after = World::open(without, dir, false).close();
            assert!(after.file(&path) == disk.file(&path), "{path}");
            compared += usize::from(after.file(&path).is_some());
        }
        assert_eq!(compared, indexes);
    }
}

#[test]
fn the_transaction_that_was_open_when_kafka_was_killed_is_still_open() {
    let mut world = World::open(only(&unpack(CRASHED), "txn-0"), "txn-0", false);
    let producer = (ProducerId(1), ProducerEpoch(0));
    assert!(world.log.has_open_transaction(producer.0, producer.1));
    assert_eq!((world.log.last_stable_offset(), world.log.high_watermark()), (Offset(36), Offset(37)));
    // And so does Kafka's coordinator end it: with the next epoch of the producer.
    let abort = EndTransaction {
        producer_id: producer.0,
        producer_epoch: ProducerEpoch(1),
        result: TransactionResult::Abort,
        coordinator_epoch: 2,
        raises_epoch: true,
        timestamp_type: TimestampType::CreateTime,
    };
    world.log.append_end(now(), LeaderEpoch(2), &abort, &mut world.outbox).unwrap();
    world.run();
    assert_eq!(world.log.last_stable_offset(), Offset(38));
    let after = world.close();
    let index = Path::new(0, "txn-0/00000000000000000000.txnindex");
    assert!(after.file(&index) == unpack(CLEAN).file(&index), "the same four aborted transactions");
}

#[test]
fn a_log_that_is_opened_and_closed_without_an_append_stays_as_kafka_left_it() {
    let disk = unpack(CLEAN);
    for dir in partitions(&disk) {
        let after = World::open(only(&disk, &dir), &dir, true).close();
        let prefix = format!("{dir}/");
        for path in disk.files().filter(|path| path.relative.starts_with(&prefix)) {
            // A snapshot that is neither at a segment's begin nor the newest goes, as in Kafka.
            if after.file(path).is_some() || !path.relative.ends_with(".snapshot") {
                assert!(after.file(path) == disk.file(path), "{path}");
            }
        }
        assert!(after.files().all(|path| disk.file(path).is_some()), "{dir}: nothing is added");
    }
}

#[test]
fn an_index_made_anew_is_the_one_that_kafka_wrote() {
    let disk = unpack(CLEAN);
    // Not those that Kafka itself writes, several batches at once with one entry for them; and txn-0 was closed before
    // its last batch, which left an entry more.
    let is_plain = |dir: &String| !dir.starts_with("__") && dir != "txn-0";
    for dir in partitions(&disk).into_iter().filter(is_plain) {
        let mut without = only(&disk, &dir);
        let is_index = |path: &&Path| path.relative.starts_with(&format!("{dir}/")) && path.relative.ends_with("index");
        let is_transactional = |path: &&Path| path.relative.ends_with(".txnindex");
        let indexes: Vec<Path> =
            disk.files().filter(is_index).filter(|path| !is_transactional(path)).cloned().collect();
        for path in &indexes {
            without.execute(ottla_core::boundary::StorageCommand::Remove { path: path.clone() });
        }
        // From the log's beginning on: an unclean stop of which nothing is known.
        let mut world = World::open(without, &dir, false);
        let Lookup::Reading(_) = world.log.max_timestamp(&mut world.outbox) else { continue };
        world.run();
        let after = world.close();
        for path in indexes {
            assert!(after.file(&path) == disk.file(&path), "{path}");
        }
    }
}

#[test]
fn what_a_killed_kafka_left_opens_with_all_that_it_had_written() {
    let disk = unpack(CRASHED);
    let clean = unpack(CLEAN);
    let mut opened = 0;
    for dir in partitions(&disk) {
        let mut world = World::open(only(&disk, &dir), &dir, false);
        let quiet = world.reports.iter().all(|(level, _)| *level < Level::Error);
        assert!(quiet, "{dir}: {:?}", world.reports);
        let ours: Vec<u8> = world.read().concat();
        // The clean directory is the same broker later: its logs begin with what the killed one had.
        if !dir.starts_with("__") && !dir.starts_with("compacted") {
            let later: Vec<u8> = World::open(only(&clean, &dir), &dir, true).read().concat();
            assert!(later.starts_with(&ours), "{dir}");
        }
        opened += 1;
    }
    assert!(opened > 20);
}

#[test]
fn epochs_come_back_from_kafkas_checkpoint() {
    let world = World::open(only(&unpack(CLEAN), "plain-0"), "plain-0", true);
    assert_eq!(world.log.latest_epoch(), Some(LeaderEpoch(2)));
    assert_eq!(world.log.end_offset_for_epoch(LeaderEpoch(0)), Some((LeaderEpoch(0), Offset(334))));
    assert_eq!(world.log.epoch_at_start(), Some(LeaderEpoch(0)));
}
