//! Logs that Apache Kafka 4.3.1 wrote open, and every record reads as a real consumer read it from Kafka.

use std::collections::BTreeMap;
use std::io::Read as _;

use bytes::Bytes;
use flate2::read::GzDecoder;
use ottla_core::boundary::{Level, Output, Path};
use ottla_core::log::{Found, LogConfig, LogEvent, LogState, Lookup, OpenLog, PartitionLog};
use ottla_core::memory_disk::MemoryDisk;
use ottla_core::outbox::{Outbox, Owner};
use ottla_core::records::{BatchHeader, OutputLimit, records_of};
use ottla_core::time::{Monotonic, Now, WallClock};
use ottla_core::types::{LeaderEpoch, Offset, PartitionId};
use ottla_core::wire::Uuid;
use serde_json::Value;

const CLEAN: &[u8] = include_bytes!("data/apache-kafka-4.3.1/clean.tar.gz");
const CRASHED: &[u8] = include_bytes!("data/apache-kafka-4.3.1/crashed.tar.gz");
const EXPECTED: &[u8] = include_bytes!("data/apache-kafka-4.3.1/expected-records.jsonl.gz");

fn now() -> Now {
    Now { monotonic: Monotonic(0), wall: WallClock(1_795_392_000_000) }
}

fn unpack(archive: &[u8]) -> MemoryDisk {
    let mut disk = MemoryDisk::new();
    for entry in tar::Archive::new(GzDecoder::new(archive)).entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_str().unwrap().to_owned();
        let name = name.trim_end_matches('/').strip_prefix("data").unwrap().trim_start_matches('/').to_owned();
        if !entry.header().entry_type().is_dir() {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            disk.put(&Path::new(0, name), bytes);
        }
    }
    disk
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

    fn close(mut self) -> MemoryDisk {
        self.log.close(now(), &mut self.outbox);
        self.run();
        assert!(matches!(self.events.last(), Some(LogEvent::Closed { was_clean: true, .. })), "{:?}", self.events);
        self.disk
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
    let all = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    all.filter(|line| line["isolation"] == "read_uncommitted").collect()
}

#[test]
fn every_record_reads_as_a_consumer_read_it_from_kafka() {
    let disk = unpack(CLEAN);
    let mut compared = 0;
    for line in expected() {
        let dir = format!("{}-{}", line["topic"].as_str().unwrap(), line["partition"]);
        let mut world = World::open(only(&disk, &dir), &dir, true);
        assert_eq!(world.reports, [], "{dir}");
        assert_eq!(world.log.log_start().0, line["logStart"].as_i64().unwrap(), "{dir}");
        assert_eq!(world.log.high_watermark().0, line["highWatermark"].as_i64().unwrap(), "{dir}");
        let shown = shown(&world.read(), world.log.log_start());
        let records = line["records"].as_array().unwrap();
        for (ours, kafkas) in shown.iter().zip(records) {
            assert_eq!(ours, kafkas, "{dir}");
        }
        assert_eq!(shown.len(), records.len(), "{dir}");
        compared += shown.len();
    }
    assert_eq!(compared, 5_041);
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
