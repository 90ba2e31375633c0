//! What a compacted log promises: the last record of each key, at its offset, whatever happens in between.

use alloc::collections::BTreeMap;
use alloc::vec;

use super::transactions::end;
use super::*;
use crate::log::{CompactionSettings, Due};
use crate::records::{Compression, OutputLimit, TimestampType, TransactionResult, records_of};

const SETTINGS: CompactionSettings = CompactionSettings { keys_size_bytes: 1 << 20, hash_seed: [9; 16] };
const DAY_MS: i64 = 24 * 3_600_000;

/// Segments of a few batches each.
fn compacted() -> LogConfig {
    LogConfig {
        is_compacted: true,
        is_deleted: false,
        segment_bytes: 400,
        min_cleanable_dirty_ratio: 0.0,
        file_delete_delay_ms: 0,
        ..config()
    }
}

fn keyed(records: &[(&str, Option<&str>)]) -> Bytes {
    with_keys(BatchBuilder::new(), records)
}

fn with_keys(mut builder: BatchBuilder, records: &[(&str, Option<&str>)]) -> Bytes {
    for (key, value) in records {
        let (key, value) = (Some(key.as_bytes()), value.map(str::as_bytes));
        builder.push(BuilderRecord { timestamp: now().wall.0, key, value, ..Default::default() });
    }
    builder.build()
}

impl World {
    fn roll_with(&mut self, batch: &Bytes) {
        self.append(batch);
        self.log.roll(self.now, &mut self.outbox);
        self.run();
    }

    /// Compacts to the end of what can be.
    fn compact(&mut self) {
        self.compact_with(SETTINGS);
    }

    fn compact_with(&mut self, settings: CompactionSettings) {
        self.events.clear();
        self.log.compact(self.now, settings, &mut self.outbox);
        self.run();
    }

    /// Offset, key and value of each record.
    fn records(&mut self) -> Vec<(i64, String, Option<String>)> {
        let all = Bytes::from(self.read_all(1 << 20));
        let (mut at, mut found) = (0, Vec::new());
        while at < all.len() {
            let batch = all.slice(at..);
            let header = BatchHeader::parse(&batch).expect("a batch");
            at += header.size_bytes();
            if header.attributes.is_control() {
                continue;
            }
            for record in records_of(&batch, OutputLimit::default()).expect("records") {
                let record = record.expect("a record");
                let text = |bytes: Bytes| String::from_utf8(bytes.to_vec()).expect("text");
                found.push((record.offset.0, record.key.map(text).unwrap_or_default(), record.value.map(text)));
            }
        }
        found
    }

    fn offsets(&mut self) -> Vec<i64> {
        self.records().into_iter().map(|(offset, _, _)| offset).collect()
    }

    /// What a consumer that reads from the beginning makes of it.
    fn table(&mut self) -> BTreeMap<String, Option<String>> {
        self.records().into_iter().map(|(_, key, value)| (key, value)).collect()
    }
}

/// Segments [0: a1 b1] [2: a2 c1] [4: b2] and an active one with a3.
fn world() -> World {
    let mut world = World::new(compacted());
    world.roll_with(&keyed(&[("a", Some("a1")), ("b", Some("b1"))]));
    world.roll_with(&keyed(&[("a", Some("a2")), ("c", Some("c1"))]));
    world.roll_with(&keyed(&[("b", Some("b2"))]));
    world.append(&keyed(&[("a", Some("a3"))]));
    world
}

#[test]
fn the_last_record_of_each_key_stays_at_its_offset() {
    let mut world = world();
    world.compact();
    assert_eq!(world.events, [LogEvent::CompactionEnded]);
    assert_eq!(world.offsets(), [2, 3, 4, 5], "what is in the active segment is not looked at");
    assert_eq!(world.log.compacted_to(), Some(Offset(5)));
    assert_eq!(world.marks(), [0, 5, 6, 6]);
    assert!(!names(&world.disk).iter().any(|name| name.ends_with(".cleaned") || name.ends_with(".swap")));
}

#[test]
fn what_takes_time_is_handed_out_and_the_log_serves_meanwhile() {
    let mut world = world();
    world.works_done_max = 0;
    world.compact();
    assert_eq!(world.works.len(), 1, "one piece at a time");
    assert_eq!(world.append(&keyed(&[("d", Some("d1"))])), Offset(6));
    assert_eq!(world.log.high_watermark(), Offset(7));
    assert_eq!(world.offsets(), [0, 1, 2, 3, 4, 5, 6]);
    world.works_done_max = usize::MAX;
    world.run();
    assert!(world.events.contains(&LogEvent::CompactionEnded), "{:?}", world.events);
    assert_eq!(world.offsets(), [2, 3, 4, 5, 6]);
}

#[test]
fn a_log_that_closes_while_work_is_out_waits_for_it_and_leaves_nothing_of_it() {
    let mut works = 0;
    loop {
        let mut world = world();
        world.works_done_max = works;
        world.compact();
        if world.works.is_empty() {
            break;
        }
        world.close();
        assert_eq!(world.log.state(), LogState::Closing, "the work may still come back");
        world.works_done_max = usize::MAX;
        world.run();
        assert!(matches!(world.events.last(), Some(LogEvent::Closed { was_clean: true, .. })), "{:?}", world.events);
        assert_eq!(world.disk.open_files(), 0);
        assert!(!names(&world.disk).iter().any(|name| name.ends_with(".cleaned")), "{:?}", names(&world.disk));
        works += 1;
    }
    assert!(works > 3, "{works} pieces");
}

#[test]
fn small_segments_become_one_that_fits() {
    let mut world = world();
    world.compact();
    let logs: Vec<_> = names(&world.disk).into_iter().filter(|name| name.ends_with(".log")).collect();
    assert_eq!(logs, ["00000000000000000000.log", "00000000000000000005.log"]);
}

#[test]
fn segments_of_which_nothing_is_left_become_one_with_the_next() {
    let mut world = World::new(compacted());
    let long = "x".repeat(250);
    for key in ["a", "a", "a", "b"] {
        world.roll_with(&keyed(&[(key, Some(&long))]));
    }
    world.append(&keyed(&[("c", None)]));
    world.compact();
    assert_eq!(world.offsets(), [2, 3, 4]);
    let logs: Vec<_> = names(&world.disk).into_iter().filter(|name| name.ends_with(".log")).collect();
    assert_eq!(logs, ["00000000000000000000.log", "00000000000000000003.log", "00000000000000000004.log"]);
}

#[test]
fn what_was_compacted_is_there_after_the_next_start() {
    let mut world = world();
    world.compact();
    let before = world.records();
    let mut world = world.reopen_with(OpenLog { compacted_to: Some(Offset(5)), ..request(&compacted()) });
    assert_eq!(world.records(), before);
    let mut request = request(&compacted());
    (request.was_clean, request.compacted_to) = (false, Some(Offset(5)));
    let mut world = World::open(world.crash(), request);
    assert_eq!(world.records(), before);
    assert!(!world.is_offline());
}

/// Nothing syncs the active segment, and nothing has to: a compaction that waited for it would be in the way of all others.
#[test]
fn what_was_synced_before_its_segment_was_closed_is_compacted_at_once() {
    let mut world = World::new(compacted());
    world.append(&keyed(&[("a", Some("a1")), ("a", Some("a2"))]));
    let mut world = world.reopen();
    world.log.roll(world.now, &mut world.outbox);
    world.append(&keyed(&[("b", Some("b1"))]));
    world.compact();
    assert_eq!(world.events, [LogEvent::CompactionEnded]);
    assert_eq!(world.offsets(), [1, 2]);
}

/// A consumer would wait for records that it was told of, and that are nowhere.
#[test]
fn a_log_ends_behind_its_last_record_where_a_power_loss_emptied_the_segments_behind_it() {
    let mut disk = world().crash();
    for base in [2, 4, 5] {
        disk.put(&path(&format!("{base:020}.log")), Vec::new());
    }
    let world = World::open(disk, OpenLog { was_clean: false, ..request(&compacted()) });
    assert_eq!(world.marks(), [0, 2, 2, 2]);
}

#[test]
fn lookups_and_fetches_find_the_next_record_in_a_hole() {
    let mut world = world();
    world.compact();
    assert_eq!(world.first_batch_at(0), Some(2));
    assert_eq!(world.first_batch_at(4), Some(4));
    assert_eq!(world.first_batch_at(5), Some(5));
}

#[test]
fn a_tombstone_goes_a_while_after_its_first_compaction_and_its_key_with_it() {
    let mut world = World::new(compacted());
    world.roll_with(&keyed(&[("a", Some("a1")), ("b", Some("b1"))]));
    world.roll_with(&keyed(&[("a", None)]));
    world.compact();
    assert_eq!(world.offsets(), [1, 2], "readers must see that the key is gone");
    world.now.wall.0 += DAY_MS - 1;
    world.roll_with(&keyed(&[("x", Some("x1"))]));
    world.compact();
    assert_eq!(world.offsets(), [1, 2, 3]);
    world.now.wall.0 += 1;
    world.roll_with(&keyed(&[("y", Some("y1"))]));
    world.compact();
    assert_eq!(world.offsets(), [1, 3, 4]);
}

#[test]
fn records_without_a_key_go() {
    let mut world = World::new(compacted());
    world.roll_with(&records(0, &[10, 10]));
    world.roll_with(&keyed(&[("a", Some("a1"))]));
    world.compact();
    assert_eq!(world.offsets(), [2]);
}

#[test]
fn every_codec_is_kept_by_what_is_left_of_its_batches() {
    for codec in [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd] {
        let mut world = World::new(compacted());
        let builder = BatchBuilder::new().compression(codec, None);
        world.roll_with(&with_keys(builder, &[("a", Some("a1")), ("b", Some("b1")), ("c", Some("c1"))]));
        world.roll_with(&keyed(&[("b", Some("b2"))]));
        world.compact();
        assert_eq!(world.offsets(), [0, 2, 3]);
        let header = headers(&world.read_all(1 << 20))[0];
        assert_eq!((header.base_offset, header.last_offset()), (Offset(0), Offset(2)));
        assert_eq!(header.attributes.compression(), Ok(codec));
    }
}

#[test]
fn a_producer_goes_on_where_it_was_though_all_its_records_are_gone() {
    let mut world = World::new(compacted());
    let of_producer = |sequence| BatchBuilder::new().producer(ProducerId(7), ProducerEpoch(0), sequence);
    world.roll_with(&with_keys(of_producer(0), &[("a", Some("a1"))]));
    world.roll_with(&with_keys(of_producer(1), &[("a", Some("a2"))]));
    world.roll_with(&keyed(&[("a", Some("a3"))]));
    world.compact();
    assert_eq!(world.offsets(), [2]);
    let mut request = request(&compacted());
    request.was_clean = false;
    // Without snapshots: the producer is known by its empty batch alone.
    let mut disk = world.crash();
    for name in names(&disk).into_iter().filter(|name| name.ends_with(".snapshot")) {
        disk.execute(StorageCommand::Remove { path: path(&name) });
    }
    let mut world = World::open(disk, request);
    let expected = AppendError::OutOfOrderSequence { producer_id: ProducerId(7), found: 5, expected: 2 };
    assert_eq!(world.try_append(&with_keys(of_producer(5), &[("b", Some("b1"))])), Err(expected));
    world.append(&with_keys(of_producer(2), &[("b", Some("b1"))]));
}

#[test]
fn aborted_records_go_and_undecided_ones_are_not_touched() {
    let mut world = World::new(compacted());
    let transactional = |producer, sequence| {
        BatchBuilder::new().producer(ProducerId(producer), ProducerEpoch(0), sequence).transactional()
    };
    world.roll_with(&keyed(&[("a", Some("a1")), ("b", Some("b1"))]));
    world.append(&with_keys(transactional(1, 0), &[("a", Some("aborted"))]));
    world.try_end(&end(1, TransactionResult::Abort)).expect("the marker fits");
    world.log.roll(world.now, &mut world.outbox);
    world.run();
    world.roll_with(&with_keys(transactional(2, 0), &[("b", Some("undecided"))]));
    world.roll_with(&keyed(&[("c", Some("c1"))]));
    world.compact();
    assert_eq!(world.log.last_stable_offset(), Offset(4));
    assert_eq!(world.offsets(), [0, 1, 4, 5]);
    world.try_end(&end(2, TransactionResult::Commit)).expect("the marker fits");
    world.log.roll(world.now, &mut world.outbox);
    world.run();
    assert_eq!(world.log.take_compaction_due(world.now), Some(Due::Now), "the transaction is decided");
    world.compact();
    assert_eq!(world.offsets(), [0, 4, 5]);
}

#[test]
fn a_segment_that_is_younger_than_the_lag_waits() {
    let mut world = World::new(LogConfig { min_compaction_lag_ms: DAY_MS, ..compacted() });
    world.roll_with(&keyed(&[("a", Some("a1")), ("a", Some("a2"))]));
    let due = world.log.take_compaction_due(world.now);
    assert_eq!(due, Some(Due::At(WallClock(now().wall.0 + DAY_MS + 1))));
    world.compact();
    assert_eq!(world.offsets(), [0, 1]);
    world.now.wall.0 += DAY_MS + 1;
    world.compact();
    assert_eq!(world.offsets(), [1]);
}

#[test]
fn a_log_is_compacted_when_enough_of_it_is_new_or_old_enough() {
    let config = LogConfig { min_cleanable_dirty_ratio: 0.5, max_compaction_lag_ms: DAY_MS, ..compacted() };
    let mut world = World::new(config);
    world.roll_with(&keyed(&[("a", Some("a1"))]));
    world.compact();
    assert_eq!(world.log.compacted_to(), Some(Offset(1)), "all of it was new");
    world.log.take_compaction_due(world.now);
    world.roll_with(&keyed(&[("b", Some("b1"))]));
    let due = world.log.take_compaction_due(world.now);
    assert_eq!(due, Some(Due::At(WallClock(now().wall.0 + DAY_MS + 1))), "half of it is not enough");
    world.now.wall.0 += DAY_MS + 1;
    world.compact();
    assert_eq!(world.log.compacted_to(), Some(Offset(2)));
}

#[test]
fn with_too_little_memory_for_all_keys_a_log_is_compacted_in_several_runs() {
    let mut world = World::new(LogConfig { segment_bytes: 1 << 20, ..compacted() });
    for _ in 0..2 {
        for key in ["a", "b", "c", "d"] {
            world.roll_with(&keyed(&[(key, Some("v"))]));
        }
    }
    let few = CompactionSettings { keys_size_bytes: 1, ..SETTINGS };
    let mut runs = 0;
    while world.log.compacted_to() != Some(Offset(8)) {
        world.compact_with(few);
        runs += 1;
        assert!(runs <= 8, "each run goes on");
    }
    assert_eq!(world.offsets(), [4, 5, 6, 7], "each run holds the whole log against the keys that it had room for");
    assert!(runs > 2);
    world.roll_with(&keyed(&[("a", Some("w"))]));
    world.compact();
    assert_eq!(world.offsets(), [5, 6, 7, 8]);
}

#[test]
fn damage_ends_a_compaction_and_leaves_every_byte() {
    let mut world = world();
    let log = path("00000000000000000002.log");
    let before = world.disk.file(&log).expect("a segment").to_vec();
    let mut damaged = before.clone();
    *damaged.last_mut().expect("bytes") ^= 1;
    world.disk.put(&log, damaged.clone());
    world.compact();
    assert_eq!(world.disk.file(&log).expect("a segment"), damaged);
    assert!(world.said("it is not compacted any more"), "{:?}", world.reports);
    assert!(!world.is_offline());
    assert!(!names(&world.disk).iter().any(|name| name.ends_with(".cleaned")));
}

#[test]
fn a_full_disk_ends_a_compaction_and_the_log_goes_on() {
    let mut world = world();
    let before = world.records();
    world.fail = |command| {
        let is_cleaned =
            matches!(command, StorageCommand::Open { path, .. } if path.relative.ends_with(".log.cleaned"));
        is_cleaned.then_some(StorageResult::NotDone(StorageError::Full))
    };
    world.compact();
    assert_eq!(world.records(), before);
    world.append(&keyed(&[("z", Some("z1"))]));
    world.fail = |_| None;
    world.compact();
    assert_eq!(world.offsets(), [2, 3, 4, 5, 6]);
}

#[test]
fn a_crash_after_any_command_leaves_the_table_as_it_was() {
    let expected = world().table();
    let mut commands = 0;
    loop {
        let mut world = world();
        world.log.compact(world.now, SETTINGS, &mut world.outbox);
        world.collect();
        for _ in 0..commands {
            if world.held.is_empty() {
                world.do_work();
            } else {
                world.let_first_go();
            }
        }
        let is_over = world.events.contains(&LogEvent::CompactionEnded) && world.held.is_empty();
        let mut request = request(&compacted());
        request.was_clean = false;
        let mut again = World::open(world.crash(), request);
        assert!(!again.is_offline(), "after {commands} commands: {:?}", again.reports);
        assert_eq!(again.table(), expected, "after {commands} commands");
        assert_eq!(again.log.log_end(), Offset(6), "after {commands} commands");
        let leftovers =
            names(&again.disk).into_iter().filter(|name| name.contains(".cleaned") || name.contains(".swap"));
        assert_eq!(leftovers.collect::<Vec<_>>(), vec![] as Vec<String>, "after {commands} commands");
        again.compact();
        assert_eq!(again.table(), expected, "after {commands} commands and another compaction");
        if is_over {
            break;
        }
        commands += 1;
    }
    assert!(commands > 30, "only {commands} commands");
}

#[test]
fn an_interrupted_compaction_is_finished_when_its_name_is_sure_and_not_before() {
    let mut world = world();
    world.hold =
        |command| matches!(command, StorageCommand::Rename { to, .. } if to.relative.ends_with(".log.deleted"));
    world.compact();
    let mut request = request(&compacted());
    request.was_clean = false;
    let mut again = World::begin(world.crash(), request);
    again.hold = |command| matches!(command, StorageCommand::SyncDir { .. });
    again.run();
    let is_there = |world: &World, name: &str| names(&world.disk).iter().any(|known| known == name);
    assert!(is_there(&again, "00000000000000000000.log.swap"));
    assert!(is_there(&again, "00000000000000000000.log"), "a power loss may undo the new name");
    again.release();
    assert!(!is_there(&again, "00000000000000000000.log.swap"));
    assert_eq!(again.offsets(), [2, 3, 4, 5]);
}

#[test]
fn a_close_in_the_middle_leaves_a_log_that_opens() {
    let expected = world().table();
    for commands in 0..40 {
        let mut world = world();
        world.log.compact(world.now, SETTINGS, &mut world.outbox);
        world.collect();
        for _ in 0..commands {
            if world.held.is_empty() {
                world.do_work();
            } else {
                world.let_first_go();
            }
        }
        world.close();
        assert_eq!(world.log.state(), LogState::Closed);
        assert_eq!(world.disk.open_files(), 0, "after {commands} commands");
        let was_clean = world.log.is_closed_clean();
        let mut again = World::open(world.disk, OpenLog { was_clean, ..request(&compacted()) });
        assert_eq!(again.table(), expected, "after {commands} commands");
    }
}

#[test]
fn append_time_stays_what_it_was() {
    let mut world = World::new(compacted());
    let builder = BatchBuilder::new().append_time(123_456);
    world.roll_with(&with_keys(builder, &[("a", Some("a1")), ("b", Some("b1"))]));
    world.roll_with(&keyed(&[("a", Some("a2"))]));
    world.compact();
    let header = headers(&world.read_all(1 << 20))[0];
    assert_eq!(header.attributes.timestamp_type(), TimestampType::LogAppendTime);
    assert_eq!((header.max_timestamp, header.record_count), (123_456, 1));
}

#[test]
fn batches_of_a_segment_that_was_compacted_alone_are_found_where_they_are_now() {
    let mut world = World::new(compacted());
    world.append(&keyed(&[("a", Some("a1"))]));
    world.append(&keyed(&[("b", Some("b1"))]));
    world.roll_with(&keyed(&[("a", Some("a2"))]));
    world.append(&keyed(&[("c", Some("c1"))]));
    world.compact();
    assert_eq!(world.offsets(), [1, 2, 3]);
}
