use super::*;

#[test]
fn batches_get_offsets_one_after_another_and_the_epoch_of_their_leader() {
    let mut world = World::new(config());
    assert_eq!(world.events, [LogEvent::Opened]);
    assert_eq!(world.append(&records(1_000, &[10, 10, 10])), Offset(0));
    assert_eq!(world.append(&records(2_000, &[10])), Offset(3));
    let on_disk = world.disk.file(&path("00000000000000000000.log")).unwrap();
    let found: Vec<_> = headers(on_disk).iter().map(|h| (h.base_offset.0, h.partition_leader_epoch.0)).collect();
    assert_eq!(found, [(0, 0), (3, 0)]);
    assert_eq!(world.log.size_bytes(), on_disk.len() as u64);
    assert_eq!(world.marks(), [0, 0, 4, 4]);
}

#[test]
fn the_bytes_behind_the_first_sixteen_are_those_of_the_producer() {
    let mut world = World::new(config());
    world.append(&records(1_000, &[10]));
    let batch = records(2_000, &[100, 7]);
    world.append(&batch);
    let on_disk = world.disk.file(&path("00000000000000000000.log")).unwrap();
    assert_eq!(on_disk[on_disk.len() - batch.len() + 16..], batch[16..]);
}

#[test]
fn a_new_partition_gets_its_directory_metadata_and_epochs() {
    let mut world = World::new(config());
    let metadata = world.disk.file(&path("partition.metadata")).unwrap();
    assert_eq!(partition_metadata::parse(metadata), Ok(TOPIC_ID));
    world.log.begin_epoch(LeaderEpoch(5));
    world.run();
    assert_eq!(world.log.latest_epoch(), Some(LeaderEpoch(5)));
    assert_eq!(names(&world.disk), ["00000000000000000000.log", "partition.metadata"], "it has no batch yet");
    world.append_in(LeaderEpoch(5), &records(1_000, &[10])).unwrap();
    assert_eq!(world.disk.file(&path("leader-epoch-checkpoint")), Some(&b"0\n1\n5 0\n"[..]));
    assert_eq!(names(&world.disk), ["00000000000000000000.log", "leader-epoch-checkpoint", "partition.metadata"]);
}

#[test]
fn the_high_watermark_moves_when_the_write_is_done_and_in_order() {
    let mut world = World::new(config());
    world.append(&records(1_000, &[10]));
    world.hold = is_append;
    world.events.clear();
    world.append(&records(1_000, &[10]));
    world.append(&records(1_000, &[10]));
    assert_eq!(world.marks(), [0, 0, 1, 3]);
    assert_eq!(world.held.len(), 2, "both are in flight");
    // The second result comes first: nothing moves before the first one is there too.
    let (op, command) = world.held.pop().unwrap();
    world.execute(op, command);
    assert_eq!(world.marks(), [0, 0, 1, 3]);
    world.release();
    assert_eq!(world.marks(), [0, 0, 3, 3]);
    assert_eq!(world.events, [LogEvent::HighWatermarkMoved]);
}

#[test]
fn a_batch_larger_than_a_segment_is_refused() {
    let mut world = World::new(LogConfig { segment_bytes: 1_000, ..config() });
    let refused = world.try_append(&records(1_000, &[1_000])).unwrap_err();
    assert_eq!(refused.error_code(), crate::error_code::ErrorCode::RecordListTooLarge);
    assert_eq!(world.append(&records(1_000, &[900])), Offset(0));
}

#[test]
fn a_full_segment_is_rolled_and_leaves_indexes_and_a_snapshot() {
    let mut world = World::new(LogConfig { segment_bytes: 1_000, index_interval_bytes: 100, ..config() });
    for n in 0..5 {
        world.append(&records(1_000 * n, &[300]));
    }
    // 370 bytes each: two fit.
    let expected = [
        "00000000000000000000.index",
        "00000000000000000000.log",
        "00000000000000000000.timeindex",
        "00000000000000000002.index",
        "00000000000000000002.log",
        "00000000000000000002.snapshot",
        "00000000000000000002.timeindex",
        "00000000000000000004.log",
        "00000000000000000004.snapshot",
        "leader-epoch-checkpoint",
        "partition.metadata",
    ];
    assert_eq!(names(&world.disk), expected);
    let entry = [&1i32.to_be_bytes()[..], &370i32.to_be_bytes()].concat();
    assert_eq!(world.disk.file(&path("00000000000000000000.index")), Some(&entry[..]));
    let entry = [&1_000i64.to_be_bytes()[..], &1i32.to_be_bytes()].concat();
    assert_eq!(world.disk.file(&path("00000000000000000000.timeindex")), Some(&entry[..]));
    assert_eq!(headers(&world.read_all(500)).len(), 5);
}

#[test]
fn a_segment_is_rolled_when_a_batch_is_too_much_younger_than_its_first() {
    let mut world = World::new(LogConfig { segment_ms: 60_000, ..config() });
    world.append(&records(1_000, &[10]));
    world.append(&records(61_000, &[10]));
    assert_eq!(world.log.segments.len(), 1);
    world.append(&records(61_001, &[10]));
    assert_eq!(world.log.segments.len(), 2);
}

#[test]
fn a_segment_without_timestamps_is_rolled_by_the_clock() {
    let mut world = World::new(LogConfig { segment_ms: 60_000, ..config() });
    world.append(&records(-1, &[10]));
    world.now.wall.0 += 60_000;
    world.append(&records(-1, &[10]));
    assert_eq!(world.log.segments.len(), 1);
    world.now.wall.0 += 1;
    world.append(&records(-1, &[10]));
    assert_eq!(world.log.segments.len(), 2);
}

#[test]
fn a_segment_is_rolled_when_its_index_is_full() {
    let config = LogConfig { segment_index_bytes: 36, index_interval_bytes: 1, ..config() };
    let mut world = World::new(config);
    for n in 0..4 {
        world.append(&records(n, &[10]));
    }
    // Three entries fit into the time index, the last of which is for the end.
    let sizes: Vec<_> = world.log.segments.values().map(|segment| segment.base.0).collect();
    assert_eq!(sizes, [0, 3]);
}

#[test]
fn appends_behind_a_roll_do_not_wait_for_the_new_file() {
    let mut world = World::new(LogConfig { segment_bytes: 1_000, ..config() });
    world.hold = |_| true;
    for _ in 0..5 {
        world.append(&records(1_000, &[300]));
    }
    assert_eq!(world.log.segments.len(), 3);
    assert_eq!(world.marks(), [0, 0, 0, 5]);
    world.release();
    assert_eq!(world.marks()[2..], [5, 5]);
    assert_eq!(headers(&world.read_all(1 << 20)).len(), 5);
}

#[test]
fn results_of_the_new_segment_that_come_first_wait_for_those_of_the_old_one() {
    let mut world = World::new(LogConfig { segment_bytes: 500, ..config() });
    world.append(&records(1_000, &[300]));
    world.hold = |command| matches!(command, StorageCommand::Append { at: 370, .. });
    world.append(&records(1_000, &[30]));
    world.append(&records(1_000, &[300]));
    assert_eq!(world.log.segments.len(), 2);
    assert_eq!(world.marks(), [0, 0, 1, 3]);
    world.release();
    assert_eq!(world.marks()[2..], [3, 3]);
}

#[test]
fn a_repeated_batch_is_answered_with_its_first_offset() {
    let mut world = World::new(config());
    world.append(&records(1_000, &[10]));
    let first = world.try_append(&idempotent(7, 0, 3)).unwrap();
    world.append(&idempotent(7, 3, 2));
    let repeated = world.try_append(&idempotent(7, 0, 3)).unwrap();
    assert_eq!(repeated, Appended { is_duplicate: true, append_time: 3_000, ..first });
    assert_eq!((repeated.base_offset, repeated.last_offset), (Offset(1), Offset(3)));
    assert_eq!(world.log.log_end(), Offset(6));
}

#[test]
fn a_repeat_of_a_batch_in_flight_counts_only_when_that_is_written() {
    let mut world = World::new(config());
    world.hold = |command| matches!(command, StorageCommand::Append { .. });
    world.append(&idempotent(7, 0, 3));
    let repeated = world.try_append(&idempotent(7, 0, 3)).unwrap();
    assert!(repeated.is_duplicate && repeated.last_offset >= world.log.high_watermark());
    world.release();
    assert!(repeated.last_offset < world.log.high_watermark());
}

#[test]
fn a_gap_in_a_producers_sequence_is_refused_and_changes_nothing() {
    let mut world = World::new(config());
    world.append(&idempotent(7, 0, 3));
    let refused = world.try_append(&idempotent(7, 4, 1)).unwrap_err();
    assert_eq!(refused.error_code(), crate::error_code::ErrorCode::OutOfOrderSequenceNumber);
    assert_eq!(world.append(&idempotent(7, 3, 1)), Offset(3));
}

#[test]
fn a_batch_stamped_by_the_broker_says_when() {
    let mut world = World::new(config());
    let stamped = Attributes(0).with_timestamp_type(crate::records::TimestampType::LogAppendTime);
    let batch = build(BatchBuilder::new().attributes(stamped), 5_000, &[10]);
    assert_eq!(world.try_append(&batch).unwrap().append_time, 5_000);
    assert_eq!(world.try_append(&records(1_000, &[10])).unwrap().append_time, -1);
}

#[test]
fn a_write_that_fails_takes_the_log_offline_and_the_high_watermark_stays() {
    for unknown in [false, true] {
        let mut world = World::new(config());
        world.append(&records(1_000, &[10]));
        world.fail = if unknown {
            |command| is_append(command).then_some(StorageResult::Unknown(StorageError::Io("gone".into())))
        } else {
            |command| is_append(command).then_some(StorageResult::NotDone(StorageError::Full))
        };
        world.append(&records(1_000, &[10]));
        assert!(world.is_offline());
        assert_eq!(world.log.high_watermark(), Offset(1));
        world.fail = |_| None;
        let refused = world.try_append(&records(1_000, &[10])).unwrap_err();
        assert_eq!(refused.error_code(), crate::error_code::ErrorCode::KafkaStorageError);
        world.close();
        assert!(matches!(world.events.last(), Some(LogEvent::Closed { was_clean: false, .. })));
    }
}

fn is_append(command: &StorageCommand) -> bool {
    matches!(command, StorageCommand::Append { .. })
}

#[test]
fn the_active_index_is_written_now_and_then() {
    let mut world = World::new(LogConfig { index_interval_bytes: 1, ..config() });
    for n in 0..600 {
        world.append(&records(n, &[10]));
    }
    let index = world.disk.file(&path("00000000000000000000.index")).unwrap().len();
    assert!((512 * 8..600 * 8).contains(&index), "{index}");
    let world = world.reopen();
    assert_eq!(world.disk.file(&path("00000000000000000000.index")).unwrap().len(), 599 * 8);
}
