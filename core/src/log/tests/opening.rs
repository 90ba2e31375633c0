use super::*;

/// What is left by a log of so many batches of one 100-byte record that was not closed.
pub(super) fn crashed(batches: i64, config: LogConfig) -> MemoryDisk {
    let mut world = World::new(config);
    for n in 0..batches {
        world.append(&records(1_000 * n, &[100]));
    }
    world.crash()
}

pub(super) const BATCH_BYTES: usize = 170;
pub(super) const FIRST: &str = "00000000000000000000.log";

pub(super) fn unclean() -> OpenLog {
    OpenLog { was_clean: false, ..request(&config()) }
}

pub(super) fn unclean_from(recovery_point: i64) -> OpenLog {
    OpenLog { recovery_point: Some(Offset(recovery_point)), ..unclean() }
}

pub(super) fn edit(disk: &mut MemoryDisk, name: &str, edit: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = disk.file(&path(name)).expect("the file is there").to_vec();
    edit(&mut bytes);
    disk.put(&path(name), bytes);
}

#[test]
fn a_log_is_as_it_was_after_it_is_closed_and_opened() {
    let mut world = World::new(config());
    world.append(&idempotent(7, 0, 3));
    world.append(&records(5_000, &[10]));
    world.log.begin_epoch(LeaderEpoch(2));
    world.append_in(LeaderEpoch(2), &records(6_000, &[10])).unwrap();
    let mut world = world.reopen();
    assert_eq!(world.marks(), [0, 5, 5, 5]);
    assert_eq!(world.log.latest_epoch(), Some(LeaderEpoch(2)));
    assert_eq!(world.log.end_offset_for_epoch(LeaderEpoch(0)), Some((LeaderEpoch(0), Offset(4))));
    assert_eq!(world.log.epoch_at_start(), Some(LeaderEpoch(0)));
    assert!(world.try_append(&idempotent(7, 0, 3)).unwrap().is_duplicate);
    assert_eq!(world.append(&idempotent(7, 3, 1)), Offset(5));
    assert!(world.reports.is_empty(), "{:?}", world.reports);
}

#[test]
fn opening_a_closed_log_reads_only_its_end() {
    let mut world = World::new(config());
    for n in 0..2_000 {
        world.append(&records(n, &[100]));
    }
    world.close();
    let mut world = World::begin(world.disk, request(&config()));
    world.hold = |command| {
        if let StorageCommand::Read { at, size_bytes, .. } = command {
            assert!(*size_bytes <= 8_192 || *at == 0, "{command:?}");
        }
        false
    };
    world.run();
    assert_eq!(world.log.log_end(), Offset(2_000));
}

#[test]
fn after_an_unclean_stop_producers_come_back_from_snapshot_and_log() {
    let config = LogConfig { segment_bytes: 500, ..config() };
    let mut world = World::new(config.clone());
    for n in 0..20 {
        world.append(&idempotent(7, 2 * n, 2));
    }
    assert!(world.log.segments.len() > 2);
    let recovery_point = Some(world.log.recovery_point());
    let request = OpenLog { was_clean: false, recovery_point, ..request(&config) };
    let mut world = World::open(world.crash(), request);
    for n in 16..20 {
        let repeated = world.try_append(&idempotent(7, 2 * n, 2)).unwrap();
        assert_eq!((repeated.is_duplicate, repeated.base_offset), (true, Offset(2 * i64::from(n))));
    }
    assert_eq!(world.append(&idempotent(7, 40, 1)), Offset(40));
}

#[test]
fn without_any_snapshot_the_whole_log_says_what_producers_sent() {
    let mut world = World::new(config());
    world.append(&idempotent(7, 0, 2));
    world.append(&idempotent(7, 2, 2));
    let mut world = World::open(world.crash(), unclean());
    assert!(world.try_append(&idempotent(7, 0, 2)).unwrap().is_duplicate);
    assert_eq!(world.append(&idempotent(7, 4, 2)), Offset(4));
}

#[test]
fn a_damaged_snapshot_gives_way_to_an_older_one() {
    let config = LogConfig { segment_bytes: 1_000, ..config() };
    let mut world = World::new(config.clone());
    for n in 0..20 {
        world.append(&idempotent(7, 2 * n, 2));
    }
    let newest = names(&world.disk).into_iter().rfind(|name| name.ends_with("snapshot")).unwrap();
    // Within the last segment, so that the snapshot at its beginning is wanted.
    let recovery_point = Some(Offset(world.log.recovery_point().0 + 1));
    let mut disk = world.crash();
    edit(&mut disk, &newest, |bytes| bytes[12] ^= 1);
    let mut world = World::open(disk, OpenLog { was_clean: false, recovery_point, ..request(&config) });
    assert!(world.said("can't be used"));
    assert!(world.try_append(&idempotent(7, 38, 2)).unwrap().is_duplicate);
    assert_eq!(world.append(&idempotent(7, 40, 1)), Offset(40));
}

#[test]
fn a_recovery_point_at_the_end_of_a_segment_says_nothing_of_its_indexes() {
    let config = LogConfig { segment_bytes: 1_000, ..config() };
    let mut world = World::new(config.clone());
    while world.log.segments.len() < 3 {
        world.append(&records(1_000, &[1, 2]));
    }
    // It was written down when the segment had just been synced, and others were closed since.
    let recovery_point = world.log.segments.keys().nth(1).copied();
    let time_index = "00000000000000000000.timeindex";
    let mut disk = world.crash();
    let written = disk.file(&path(time_index)).unwrap().to_vec();
    assert!(!written.is_empty());
    edit(&mut disk, time_index, |bytes| bytes.fill(0));
    let world = World::open(disk, OpenLog { was_clean: false, recovery_point, ..request(&config) });
    assert_eq!(world.disk.file(&path(time_index)).unwrap(), &written[..]);
}

#[test]
fn a_torn_tail_is_truncated_after_an_unclean_stop() {
    for lost in [1, 60, 100, 169] {
        let mut disk = crashed(5, config());
        edit(&mut disk, FIRST, |bytes| bytes.truncate(bytes.len() - lost));
        let mut world = World::open(disk, unclean_from(2));
        assert_eq!(world.marks(), [0, 4, 4, 4], "{lost} bytes are lost");
        assert_eq!(world.disk.file(&path(FIRST)).unwrap().len(), 4 * BATCH_BYTES);
        assert!(world.said("cut short"));
        assert_eq!(world.append(&records(9_000, &[10])), Offset(4));
        let world = world.reopen();
        assert_eq!(world.log.log_end(), Offset(5));
    }
}

#[test]
fn a_tail_of_zeros_or_rubbish_is_truncated() {
    for tail in [&[0u8; 4_096][..], &[0xff; 61], &[2; 3_000], b"x"] {
        let mut disk = crashed(5, config());
        edit(&mut disk, FIRST, |bytes| bytes.extend_from_slice(tail));
        let world = World::open(disk, unclean());
        assert_eq!(world.marks(), [0, 5, 5, 5]);
        assert_eq!(world.disk.file(&path(FIRST)).unwrap().len(), 5 * BATCH_BYTES);
    }
}

#[test]
fn a_last_batch_with_a_flipped_bit_is_a_torn_tail() {
    let mut disk = crashed(5, config());
    edit(&mut disk, FIRST, |bytes| bytes[4 * BATCH_BYTES + 100] ^= 1);
    let world = World::open(disk, unclean());
    assert_eq!(world.log.log_end(), Offset(4));
}

#[test]
fn damage_with_good_batches_behind_it_takes_the_log_offline_and_keeps_every_byte() {
    for at in [8, 16, 20, 100] {
        let mut disk = crashed(5, config());
        edit(&mut disk, FIRST, |bytes| bytes[2 * BATCH_BYTES + at] ^= 0x40);
        let before = disk.file(&path(FIRST)).unwrap().to_vec();
        let world = World::open(disk, unclean());
        assert!(world.is_offline(), "byte {at}");
        assert!(world.said(&format!("{FIRST} at byte {}", 2 * BATCH_BYTES)), "{:?}", world.reports);
        assert!(world.said("there are good batches from byte 510 on"));
        assert_eq!(world.disk.file(&path(FIRST)).unwrap(), before);
    }
}

#[test]
fn a_damaged_offset_does_not_make_the_batches_behind_it_too_old() {
    // Offset and length lie outside of the checksum.
    for at in [3, 6, 7] {
        let mut disk = crashed(5, config());
        edit(&mut disk, FIRST, |bytes| bytes[2 * BATCH_BYTES + at] ^= 0x10);
        let before = disk.file(&path(FIRST)).unwrap().to_vec();
        let world = World::open(disk, unclean());
        assert!(world.is_offline(), "byte {at}: {:?}", world.marks());
        assert_eq!(world.disk.file(&path(FIRST)).unwrap(), before);
    }
}

#[test]
fn damage_with_a_good_segment_behind_it_takes_the_log_offline() {
    let config = LogConfig { segment_bytes: 500, ..config() };
    let mut disk = crashed(6, config.clone());
    edit(&mut disk, "00000000000000000002.log", |bytes| bytes.truncate(bytes.len() - 1));
    let before = disk.clone();
    let world = World::open(disk, OpenLog { was_clean: false, ..request(&config) });
    assert!(world.is_offline());
    assert!(world.said("there are good batches from 00000000000000000004.log on"));
    for name in names(&before) {
        assert_eq!(world.disk.file(&path(&name)), before.file(&path(&name)), "{name}");
    }
}

#[test]
fn an_empty_segment_behind_a_torn_tail_goes_with_it() {
    let config = LogConfig { segment_bytes: 500, ..config() };
    let mut disk = crashed(5, config.clone());
    edit(&mut disk, "00000000000000000004.log", Vec::clear);
    edit(&mut disk, "00000000000000000002.log", |bytes| bytes.truncate(bytes.len() - 1));
    let mut world = World::open(disk, OpenLog { was_clean: false, ..request(&config) });
    assert_eq!(world.log.log_end(), Offset(3));
    assert!(!names(&world.disk).contains(&String::from("00000000000000000004.log")));
    world.append(&records(1_000, &[100]));
    assert_eq!(headers(&world.read_all(1 << 20)).len(), 4);
}

#[test]
fn damage_before_the_recovery_point_takes_the_log_offline() {
    let mut disk = crashed(5, config());
    edit(&mut disk, FIRST, |bytes| bytes.truncate(bytes.len() - 1));
    let world = World::open(disk, unclean_from(5));
    assert!(world.is_offline());
    assert!(world.said("everything before offset 5 was synced"));
}

#[test]
fn batches_of_an_older_format_are_not_taken_for_a_torn_tail() {
    let mut disk = crashed(1, config());
    edit(&mut disk, FIRST, |bytes| bytes[16] = 1);
    let world = World::open(disk, unclean());
    assert!(world.is_offline());
    assert!(world.said("not supported"));
}

#[test]
fn a_clean_stop_that_left_damage_is_not_believed() {
    let mut world = World::new(config());
    for n in 0..5 {
        world.append(&records(n, &[100]));
    }
    world.close();
    let mut disk = world.disk;
    edit(&mut disk, FIRST, |bytes| bytes.truncate(bytes.len() - 1));
    let world = World::open(disk, request(&config()));
    assert!(world.said("the clean stop is not believed"));
    assert_eq!(world.log.log_end(), Offset(4));
}

#[test]
fn what_an_unclean_stop_left_is_synced_before_it_counts_as_durable() {
    let disk = crashed(5, config());
    let mut world = World::begin(disk, unclean());
    world.hold = |command| matches!(command, StorageCommand::Sync { .. });
    world.run();
    assert_eq!(world.log.state(), LogState::Loading);
    world.release();
    assert_eq!(world.marks(), [0, 5, 5, 5]);
}

#[test]
fn a_cut_is_synced_before_the_log_serves_even_where_nothing_is_left_of_it() {
    let mut disk = crashed(1, config());
    edit(&mut disk, FIRST, |bytes| bytes[100] ^= 1);
    let mut world = World::begin(disk, unclean());
    world.hold = |command| matches!(command, StorageCommand::Sync { .. });
    world.run();
    assert_eq!(world.disk.file(&path(FIRST)).unwrap().len(), 0);
    assert_eq!(world.log.state(), LogState::Loading);
    world.release();
    assert_eq!(world.marks(), [0, 0, 0, 0]);
}

#[test]
fn an_index_that_lies_is_rebuilt() {
    let config = LogConfig { index_interval_bytes: 100, ..config() };
    let index = "00000000000000000000.index";
    let closed = || {
        let mut world = World::new(config.clone());
        for n in 0..20 {
            world.append(&records(n, &[100]));
        }
        world.close();
        world.disk
    };
    let good = closed().file(&path(index)).unwrap().to_vec();
    let lies: [fn(&mut Vec<u8>); 6] = [
        |bytes| bytes.truncate(9),
        |bytes| bytes.extend_from_slice(&[0; 800]),
        |bytes| *bytes.last_mut().unwrap() ^= 1,
        |bytes| {
            let at = bytes.len() - 5;
            bytes[at] ^= 1;
        },
        |bytes| bytes.extend_from_slice(&[0, 0, 1, 0, 0, 0x7f, 0, 0]),
        |bytes| bytes[0] = 0x80,
    ];
    for (number, lie) in lies.into_iter().enumerate() {
        let mut disk = closed();
        edit(&mut disk, index, lie);
        let mut world = World::open(disk, request(&config));
        assert!(world.said("made anew"), "lie {number}");
        assert_eq!(world.first_batch_at(13), Some(13));
        let world = world.reopen();
        assert_eq!(world.disk.file(&path(index)), Some(&good[..]), "lie {number}");
        assert!(!world.said("made anew"));
    }
}

#[test]
fn a_log_with_nothing_but_batches_opens() {
    let config = LogConfig { index_interval_bytes: 100, ..config() };
    let mut world = World::new(config.clone());
    for n in 0..20 {
        world.append(&records(1_000 * n, &[100]));
    }
    world.close();
    let whole = world.disk.file(&path(FIRST)).unwrap().to_vec();
    let mut disk = MemoryDisk::new();
    disk.put(&path(FIRST), whole);
    disk.put(&path("partition.metadata"), format!("version: 0\ntopic_id: {TOPIC_ID}==").into_bytes());
    let mut world = World::open(disk, request(&config));
    assert_eq!(world.marks(), [0, 20, 20, 20]);
    assert_eq!(world.log.latest_epoch(), Some(LeaderEpoch(0)));
    assert_eq!(world.at_time(7_000), Some((7_000, 7)));
    assert!(world.reports.is_empty(), "{:?}", world.reports);
    world.close();
    assert_eq!(world.disk.file(&path("leader-epoch-checkpoint")), Some(&b"0\n1\n0 0\n"[..]));
    assert_eq!(world.disk.file(&path("00000000000000000000.index")).unwrap().len(), 19 * 8);
}

#[test]
fn records_that_repeat_a_producers_sequence_do_not_keep_a_log_from_opening() {
    let mut disk = MemoryDisk::new();
    let mut log = Vec::new();
    for offset in 0..3 {
        let builder = BatchBuilder::new().base_offset(Offset(offset)).leader_epoch(LeaderEpoch(0));
        let builder = builder.producer(ProducerId(0), ProducerEpoch(0), 0);
        log.extend_from_slice(&build(builder, 1_000, &[10]));
    }
    disk.put(&path(FIRST), log.clone());
    for was_clean in [true, false] {
        let mut world = World::open(disk.clone(), OpenLog { was_clean, ..request(&config()) });
        assert_eq!(world.log.log_end(), Offset(3));
        assert!(world.read_all(1 << 20) == log);
    }
}

#[test]
fn a_log_may_begin_at_any_offset_and_a_compacted_one_may_have_holes() {
    let mut disk = MemoryDisk::new();
    let config = LogConfig { is_compacted: true, ..config() };
    let batch = |offset, size| build(BatchBuilder::new().base_offset(Offset(offset)), offset * 10, &[size]);
    let log = [batch(7, 10), batch(20, 10), batch(21, 10)].concat();
    disk.put(&path("00000000000000000005.log"), log);
    disk.put(&path("00000000000000000030.log"), batch(40, 10).to_vec());
    for was_clean in [true, false] {
        let mut world = World::open(disk.clone(), OpenLog { was_clean, ..request(&config) });
        assert_eq!(world.marks(), [5, 41, 41, 41]);
        for (offset, base) in [(5, 7), (7, 7), (8, 20), (21, 21), (22, 40), (40, 40)] {
            assert_eq!(world.first_batch_at(offset), Some(base), "offset {offset}");
        }
        assert!(world.log.locate(Offset(4), &mut world.outbox).is_err());
        assert_eq!(world.append(&records(1, &[10])), Offset(41));
    }
}

#[test]
fn the_log_start_is_what_the_checkpoint_says() {
    let disk = crashed(5, config());
    let mut world = World::open(disk, OpenLog { log_start: Some(Offset(3)), ..unclean() });
    assert_eq!(world.marks(), [3, 5, 5, 5]);
    assert!(world.log.locate(Offset(2), &mut world.outbox).is_err());
    assert_eq!(world.at_time(0), Some((3_000, 3)));
}

#[test]
fn a_directory_of_another_topic_is_left_alone_until_it_is_set_aside() {
    let mut disk = crashed(5, config());
    let other = partition_metadata::to_bytes(Uuid(77)).to_vec();
    disk.put(&path("partition.metadata"), other);
    let before: Vec<_> = names(&disk);
    let mut world = World::begin(disk, request(&config()));
    world.run();
    assert_eq!(world.events, [LogEvent::Foreign { topic_id: Uuid(77) }]);
    assert_eq!(names(&world.disk), before);
    world.log.set_aside(world.now, Path::new(0, "orders-3.77-stray"), &mut world.outbox);
    world.run();
    assert_eq!((world.log.state(), world.events.last()), (LogState::Closed, Some(&LogEvent::Removed)));
    let aside = world.disk.files().filter_map(|path| path.relative.strip_prefix("orders-3.77-stray/"));
    assert_eq!(aside.collect::<Vec<_>>(), before);
}

#[test]
fn a_missing_epoch_checkpoint_is_made_from_the_batches() {
    let mut world = World::new(LogConfig { segment_bytes: 500, ..config() });
    for epoch in 0..6 {
        world.append_in(LeaderEpoch(epoch / 2), &records(1_000, &[100])).unwrap();
    }
    world.close();
    let checkpoint = path("leader-epoch-checkpoint");
    let original = world.disk.file(&checkpoint).unwrap().to_vec();
    assert_eq!(original, b"0\n3\n0 0\n1 2\n2 4\n");
    for damaged in [false, true] {
        let mut disk = world.disk.clone();
        disk.execute(StorageCommand::Remove { path: checkpoint.clone() });
        if damaged {
            disk.put(&checkpoint, b"0\n9\nx".to_vec());
        }
        let world = World::open(disk, request(&config()));
        assert_eq!(world.disk.file(&checkpoint).unwrap(), original);
    }
}

#[test]
fn a_segment_that_lost_its_end_keeps_the_log_offline_where_the_next_one_did_not() {
    let mut disk = MemoryDisk::new();
    let batch = |offset| build(BatchBuilder::new().base_offset(Offset(offset)), offset * 10, &[10]);
    disk.put(&path(FIRST), [batch(0), batch(1)].concat());
    disk.put(&path("00000000000000000003.log"), batch(3));
    let world = World::open(disk.clone(), unclean());
    assert!(world.is_offline());
    assert!(world.said("offset 2 expected, found the segment's end, and the next one begins at 3"));
    disk.put(&path("00000000000000000003.log"), Vec::new());
    let world = World::open(disk, unclean());
    assert_eq!(world.marks(), [0, 2, 2, 2]);
    assert!(!names(&world.disk).iter().any(|name| name.starts_with("00000000000000000003")));
}

#[test]
fn leftovers_of_deletes_and_of_unfinished_compactions_go() {
    let mut disk = crashed(5, config());
    for name in [
        "00000000000000000000.log.deleted",
        "leader-epoch-checkpoint.tmp",
        "00000000000000000000.log.cleaned",
        "00000000000000000000.index.swap",
        "00000000000000000099.index",
    ] {
        disk.put(&path(name), b"x".to_vec());
    }
    let world = World::open(disk, unclean());
    let goes =
        |name: &String| [".deleted", ".tmp", ".cleaned", ".swap", "99.index"].iter().any(|end| name.ends_with(end));
    assert!(!names(&world.disk).iter().any(goes));
}

#[test]
fn a_compacted_segment_that_is_not_whole_takes_nobodys_place() {
    let mut disk = crashed(5, config());
    disk.put(&path("00000000000000000002.log.swap"), b"x".to_vec());
    let before = names(&disk);
    let world = World::open(disk, unclean());
    assert!(world.is_offline());
    assert_eq!(names(&world.disk), before);
    assert!(world.said("00000000000000000002.log.swap at byte 0"), "{:?}", world.reports);
}

#[test]
fn a_read_error_on_opening_is_not_taken_for_corruption() {
    let disk = crashed(5, config());
    let mut world = World::begin(disk, unclean());
    world.fail = |command| match command {
        StorageCommand::Read { size_bytes, .. } if *size_bytes > 500 => {
            Some(StorageResult::NotDone(StorageError::Io("EIO".into())))
        }
        _ => None,
    };
    let before = world.disk.file(&path(FIRST)).unwrap().to_vec();
    world.run();
    assert!(world.is_offline());
    assert!(world.said("reading a segment failed: EIO"));
    assert_eq!(world.disk.file(&path(FIRST)).unwrap(), before);
    assert!(matches!(world.events.last(), Some(LogEvent::WentOffline { .. })));
}

#[test]
fn large_batches_are_verified_in_pieces() {
    let mut world = World::new(config());
    world.append(&records(1_000, &[3_000_000]));
    world.append(&records(1_000, &[1_000_000]));
    world.append(&records(1_000, &[2_500_000]));
    let disk = world.crash();
    let mut world = World::begin(disk.clone(), unclean());
    world.hold = |command| {
        if let StorageCommand::Read { size_bytes, .. } = command {
            assert!(*size_bytes <= 1 << 20);
        }
        false
    };
    world.run();
    assert_eq!(world.log.log_end(), Offset(3));
    let mut disk = disk;
    edit(&mut disk, FIRST, |bytes| *bytes.last_mut().unwrap() ^= 1);
    assert_eq!(World::open(disk, unclean()).log.log_end(), Offset(2));
}
