//! A partition's directory whose files were tampered with: opening it neither panics nor serves what was not written.
//!
//! The input says what is appended, how the log stops, and which bytes change. When nothing is known to be synced,
//! whatever the log serves must be what was appended, and a log that goes offline must have kept every byte. What opens
//! must go on working: append, close, open again.

use std::collections::BTreeMap;

use arbitrary::{Result, Unstructured};
use bytes::Bytes;
use ottla_core::boundary::{Output, Path, StorageCommand};
use ottla_core::log::{Found, Located, LogConfig, LogEvent, LogState, Lookup, OpenLog, PartitionLog};
use ottla_core::memory_disk::MemoryDisk;
use ottla_core::outbox::{Outbox, Owner};
use ottla_core::records::{BatchBuilder, BatchHeader, BuilderRecord, ProducedBatch};
use ottla_core::time::{Monotonic, Now, WallClock};
use ottla_core::types::{LeaderEpoch, Offset, PartitionId, ProducerEpoch, ProducerId};
use ottla_core::wire::Uuid;

const NOW: Now = Now { monotonic: Monotonic(0), wall: WallClock(1_700_000_000_000) };
const DIR: &str = "t-0";

/// Takes `data` as a history of a log and of what happened to its files.
pub fn recovery(data: &[u8]) {
    // Input that runs dry ends the history, nothing more.
    let _ = run(&mut Unstructured::new(data));
}

fn run(source: &mut Unstructured<'_>) -> Result<()> {
    let config = LogConfig {
        segment_bytes: source.int_in_range(500..=3_000)?,
        index_interval_bytes: source.int_in_range(1..=500)?,
        flush_messages: if source.arbitrary()? { 1 } else { i64::MAX },
        ..LogConfig::default()
    };
    let mut world = World::open(MemoryDisk::new(), request(&config, true, None));
    assert_eq!(world.log.state(), LogState::Serving, "an empty directory opens");
    let mut sequences = BTreeMap::new();
    for _ in 0..source.int_in_range(0..=40)? {
        world.append(source, &mut sequences)?;
    }
    let appended = world.read_all().expect("a log that nobody touched can be read");
    let recovery_point = world.log.recovery_point();
    let was_clean: bool = source.arbitrary()?;
    if was_clean {
        world.close();
    }
    let mut disk = world.disk;
    disk.crash();
    let mut touched = false;
    for _ in 0..source.int_in_range(0..=4)? {
        touched |= tamper(&mut disk, source)?;
    }
    let recovery_point = if source.arbitrary()? { Some(recovery_point) } else { None };
    let before = disk.clone();
    let mut world = World::open(disk, request(&config, was_clean, recovery_point));
    let is_believed = touched && (was_clean || recovery_point.is_some());
    world.judge(&before, &appended, is_believed, touched);
    if world.log.state() == LogState::Serving {
        world.goes_on(&config, is_believed);
    }
    Ok(())
}

fn request(config: &LogConfig, was_clean: bool, recovery_point: Option<Offset>) -> OpenLog {
    OpenLog {
        id: PartitionId { topic_id: Uuid(7), index: 0 },
        name: "t".into(),
        log_dir: "/logs".into(),
        dir: Path::new(0, DIR),
        config: config.clone(),
        create: true,
        was_clean,
        recovery_point,
        log_start: None,
        compacted_to: None,
    }
}

/// Changes, cuts, lengthens or removes a file. Says whether there was one.
fn tamper(disk: &mut MemoryDisk, source: &mut Unstructured<'_>) -> Result<bool> {
    let files: Vec<Path> = disk.files().cloned().collect();
    let path = source.choose(&files)?.clone();
    let mut bytes = disk.file(&path).expect("it was listed").to_vec();
    match source.int_in_range(0..=4)? {
        0 if !bytes.is_empty() => {
            let at = source.choose_index(bytes.len())?;
            bytes[at] ^= source.int_in_range(1..=255u8)?;
        }
        1 => bytes.truncate(source.int_in_range(0..=bytes.len())?),
        2 => bytes.extend_from_slice(source.bytes(source.len().min(100))?),
        3 => bytes.resize(bytes.len() + source.int_in_range(0..=300)?, 0),
        _ => {
            disk.execute(StorageCommand::Remove { path });
            return Ok(true);
        }
    }
    disk.put(&path, bytes);
    Ok(true)
}

struct World {
    disk: MemoryDisk,
    outbox: Outbox,
    log: PartitionLog,
    events: Vec<LogEvent>,
    reports: Vec<String>,
}

impl World {
    fn open(disk: MemoryDisk, request: OpenLog) -> Self {
        let mut outbox = Outbox::default();
        let log = PartitionLog::open(request, NOW, &mut outbox);
        let mut world = Self { disk, outbox, log, events: Vec::new(), reports: Vec::new() };
        world.run();
        world
    }

    fn run(&mut self) {
        while let Some(output) = self.outbox.pop() {
            match output {
                Output::Store { op, command } => {
                    let result = self.disk.execute(command);
                    if let Owner::Log(_) = self.outbox.take_owner(op) {
                        self.log.stored(NOW, op, result, &mut self.outbox);
                    }
                }
                Output::Report(report) => self.reports.push(report.text),
                other => panic!("a log does not say {other:?}"),
            }
        }
        self.events.extend(std::iter::from_fn(|| self.log.poll_event()));
        if matches!(self.events.last(), Some(LogEvent::Foreign { .. })) {
            self.log.give_up("the directory is another topic's".into(), &mut self.outbox);
            self.events.extend(std::iter::from_fn(|| self.log.poll_event()));
        }
    }

    fn append(&mut self, source: &mut Unstructured<'_>, sequences: &mut BTreeMap<i64, i32>) -> Result<()> {
        let mut builder = BatchBuilder::new();
        let count = source.int_in_range(1..=4)?;
        let producer = source.int_in_range(-1..=2i64)?;
        if producer >= 0 {
            let sequence = sequences.entry(producer).or_default();
            builder = builder.producer(ProducerId(producer), ProducerEpoch(0), *sequence);
            *sequence += count;
        }
        for _ in 0..count {
            let value = vec![source.arbitrary()?; source.int_in_range(0..=60)?];
            let timestamp = source.int_in_range(0..=1_000_000)?;
            builder.push(BuilderRecord { timestamp, value: Some(&value), ..Default::default() });
        }
        let epoch = LeaderEpoch(self.log.latest_epoch().map_or(0, |epoch| epoch.0) + i32::from(source.ratio(1, 10)?));
        let batch = ProducedBatch::of_our_own(&builder.build());
        let end = self.log.log_end();
        let appended = self.log.append(NOW, epoch, batch, &mut self.outbox).expect("the batch fits");
        assert_eq!((appended.base_offset, appended.is_duplicate), (end, false));
        self.run();
        assert_eq!(self.log.high_watermark(), self.log.log_end());
        Ok(())
    }

    /// Batches from the log's start on; `None` where the log says that it can't be read.
    fn read_all(&mut self) -> Option<Vec<Bytes>> {
        let (mut from, mut batches) = (self.log.log_start(), Vec::new());
        loop {
            let lookup = self.log.read(from, 700, &mut self.outbox);
            self.run();
            let Some(LogEvent::LookupDone { lookup: done, result }) = self.events.pop() else {
                panic!("a read ends with its result");
            };
            assert_eq!(done, lookup);
            let Ok(Found::Batches(mut bytes)) = result else { return None };
            if bytes.is_empty() {
                return Some(batches);
            }
            while !bytes.is_empty() {
                let header = BatchHeader::parse(&bytes).expect("reads give whole batches");
                assert!(header.next_offset() > from, "reads go on");
                from = header.next_offset();
                batches.push(bytes.split_to(header.size_bytes()));
            }
        }
    }

    fn judge(&mut self, before: &MemoryDisk, appended: &[Bytes], is_believed: bool, touched: bool) {
        match self.log.state() {
            LogState::Serving => {}
            LogState::Offline => {
                assert!(touched, "a log that nobody touched opens");
                for path in before.files().filter(|path| path.relative.ends_with(".log")) {
                    assert_eq!(self.disk.file(path), before.file(path), "{path}: every byte is kept");
                }
                return;
            }
            other => panic!("a log that is opened is {other:?}"),
        }
        let end = self.log.log_end();
        assert_eq!((self.log.high_watermark(), self.log.durable()), (end, end));
        let served = self.read_all();
        if !touched {
            assert_eq!(served.as_deref(), Some(appended));
        }
        if is_believed {
            // What was synced is not verified anew: nothing panics, and the log may say that it can't be read.
            return;
        }
        // Offset and epoch of a batch lie outside of its checksum, and whole segments may have gone.
        let known: Vec<&[u8]> = appended.iter().map(|batch| &batch[16..]).collect();
        let mut next = 0;
        for batch in served.unwrap_or_default() {
            let found = known[next..].iter().position(|known| *known == &batch[16..]);
            next += 1 + found.expect("what is served was appended, in that order");
        }
    }

    /// Appends, looks things up, closes and opens again.
    fn goes_on(mut self, config: &LogConfig, is_believed: bool) {
        let end = self.log.log_end();
        let mut builder = BatchBuilder::new();
        builder.push(BuilderRecord { timestamp: 2_000_000, value: Some(b"x"), ..Default::default() });
        let batch = ProducedBatch::of_our_own(&builder.build());
        let epoch = self.log.latest_epoch().unwrap_or(LeaderEpoch(0));
        let appended = self.log.append(NOW, epoch, batch, &mut self.outbox).expect("a log that serves takes batches");
        assert_eq!(appended.base_offset, end);
        self.run();
        assert_eq!(self.log.high_watermark(), end.next());
        for offset in [self.log.log_start(), end] {
            if let Ok(Located::Reading(_)) = self.log.locate(offset, &mut self.outbox) {
                self.run();
                let Some(LogEvent::LookupDone { result, .. }) = self.events.last() else {
                    panic!("a lookup ends with its result");
                };
                if let Ok(Found::Extent(extent)) = result {
                    self.log.unpin(extent.file, &mut self.outbox);
                    self.run();
                }
            }
        }
        for lookup in
            [self.log.offset_for_timestamp(500_000, &mut self.outbox), self.log.max_timestamp(&mut self.outbox)]
        {
            self.run();
            if let Lookup::Reading(id) = lookup {
                let is_it = |event: &LogEvent| matches!(event, LogEvent::LookupDone { lookup, .. } if *lookup == id);
                assert!(self.events.iter().any(is_it), "each lookup ends");
            }
        }
        if self.log.state() != LogState::Serving {
            return;
        }
        self.close();
        assert_eq!(self.disk.open_files(), 0);
        let again = Self::open(self.disk, request(config, true, None));
        let state = (again.log.state(), again.log.log_end());
        if is_believed {
            // Damage that the first opening had no reason to look for may be found now.
            return;
        }
        assert_eq!(state, (LogState::Serving, end.next()), "{:?} and then {:?}", self.reports, again.reports);
    }

    fn close(&mut self) {
        self.log.close(NOW, &mut self.outbox);
        self.run();
        assert!(
            matches!(self.events.last(), Some(LogEvent::Closed { was_clean: true, .. })),
            "{:?}",
            self.events.last()
        );
    }
}
