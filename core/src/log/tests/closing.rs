use super::*;

#[test]
fn a_close_waits_for_what_is_in_flight_and_says_how_far_it_is_synced() {
    let mut world = World::new(config());
    world.hold = |command| matches!(command, StorageCommand::Append { .. });
    world.append(&records(1_000, &[10]));
    world.close();
    assert_eq!(world.log.state(), LogState::Closing);
    assert!(world.try_append(&records(1_000, &[10])).is_err());
    world.release();
    let closed = LogEvent::Closed { recovery_point: Offset(1), was_clean: true };
    assert_eq!(world.events.last(), Some(&closed));
    assert!(world.events.contains(&LogEvent::HighWatermarkMoved));
    assert_eq!(world.log.state(), LogState::Closed);
}

#[test]
fn a_clean_close_leaves_what_kafka_leaves() {
    let mut world = World::new(config());
    world.append(&records(1_000, &[10]));
    world.append(&records(3_000, &[10]));
    world.close();
    let expected = [
        "00000000000000000000.index",
        "00000000000000000000.log",
        "00000000000000000000.timeindex",
        "00000000000000000002.snapshot",
        "leader-epoch-checkpoint",
        "partition.metadata",
    ];
    assert_eq!(names(&world.disk), expected);
    assert_eq!(world.disk.file(&path("00000000000000000000.index")), Some(&[][..]));
    let entry = [&3_000i64.to_be_bytes()[..], &1i32.to_be_bytes()].concat();
    assert_eq!(world.disk.file(&path("00000000000000000000.timeindex")), Some(&entry[..]));
    assert_eq!(world.disk.file(&path("00000000000000000002.snapshot")).unwrap().len(), 10);
}

#[test]
fn only_the_newest_snapshot_and_those_of_segments_stay() {
    let mut world = World::new(config());
    for _ in 0..3 {
        world.append(&records(1_000, &[10]));
        world = world.reopen();
    }
    let snapshots: Vec<_> = names(&world.disk).into_iter().filter(|name| name.ends_with("snapshot")).collect();
    assert_eq!(snapshots, ["00000000000000000003.snapshot"]);
}

#[test]
fn a_sync_that_fails_on_closing_makes_the_close_unclean() {
    let mut world = World::new(config());
    world.append(&records(1_000, &[10]));
    world.fail = |command| {
        matches!(command, StorageCommand::Sync { .. }).then_some(StorageResult::Unknown(StorageError::Io("EIO".into())))
    };
    world.close();
    let closed = LogEvent::Closed { recovery_point: Offset(0), was_clean: false };
    assert_eq!(world.events.last(), Some(&closed));
    assert_eq!(world.disk.open_files(), 0);
}

#[test]
fn a_log_that_nothing_was_written_to_is_closed_without_a_word_to_the_disk() {
    let mut world = World::new(config());
    world.append(&records(1_000, &[10]));
    let mut world = world.reopen();
    world.hold = |command| !matches!(command, StorageCommand::Close { .. });
    world.close();
    assert_eq!(world.log.state(), LogState::Closed);
    assert_eq!(world.disk.open_files(), 0);
}

#[test]
fn closing_a_log_that_is_still_loading_is_no_clean_close() {
    let mut world = World::begin(MemoryDisk::new(), request(&config()));
    world.log.close(world.now, &mut world.outbox);
    world.run();
    assert!(matches!(world.events.last(), Some(LogEvent::Closed { was_clean: false, .. })), "{:?}", world.events);
}

#[test]
fn lookups_end_when_the_log_does() {
    let mut world = World::new(config());
    for _ in 0..2_000 {
        world.append(&records(1_000, &[10]));
    }
    world.hold = |command| matches!(command, StorageCommand::Read { .. });
    let Ok(Located::Reading(lookup)) = world.log.locate(Offset(0), &mut world.outbox) else {
        panic!("the disk must be asked");
    };
    world.run();
    world.close();
    assert_eq!(world.done(lookup), Err(LookupError::NotServing(LogState::Closing)));
    world.release();
    assert_eq!(world.log.state(), LogState::Closed);
    let late = world.log.read(Offset(0), 100, &mut world.outbox);
    assert_eq!(world.done(late), Err(LookupError::NotServing(LogState::Closed)));
}

#[test]
fn a_removed_log_leaves_nothing() {
    let mut world = World::new(config());
    world.append(&records(1_000, &[10]));
    world.log.remove(world.now, Path::new(0, "orders-3.abc-delete"), &mut world.outbox);
    world.run();
    assert_eq!(world.events.last(), Some(&LogEvent::Removed));
    assert_eq!(world.disk.files().count(), 0);
    assert_eq!(world.disk.open_files(), 0);
    assert!(!world.disk.has_dir(&dir()));
}

#[test]
fn a_removed_log_waits_for_answers_that_are_being_sent_from_it() {
    let mut world = World::new(config());
    world.append(&records(1_000, &[10]));
    let extent = world.locate(0).unwrap();
    world.log.pin(extent.file);
    world.log.pin(extent.file);
    world.log.remove(world.now, Path::new(0, "orders-3.abc-delete"), &mut world.outbox);
    world.run();
    let name = "orders-3.abc-delete/00000000000000000000.log";
    assert!(world.disk.file(&Path::new(0, name)).is_some());
    world.log.unpin(extent.file, &mut world.outbox);
    world.run();
    assert!(!world.disk.read_range(FileRange { file: extent.file, at: 0, size_bytes: 61 }).is_empty());
    world.log.unpin(extent.file, &mut world.outbox);
    world.run();
    assert_eq!(world.events.last(), Some(&LogEvent::Removed));
    assert_eq!(world.disk.files().count(), 0);
}

#[test]
fn a_log_can_be_removed_while_it_loads_and_when_it_is_offline() {
    let mut world = World::begin(MemoryDisk::new(), request(&config()));
    world.log.remove(world.now, Path::new(0, "orders-3.1-delete"), &mut world.outbox);
    world.run();
    assert_eq!(world.events, [LogEvent::Removed]);

    let mut world = World::new(config());
    world.fail = |command| {
        matches!(command, StorageCommand::Append { .. }).then_some(StorageResult::NotDone(StorageError::Full))
    };
    world.append(&records(1_000, &[10]));
    assert!(world.is_offline());
    world.log.remove(world.now, Path::new(0, "orders-3.1-delete"), &mut world.outbox);
    world.run();
    assert_eq!(world.events.last(), Some(&LogEvent::Removed));
    assert_eq!(world.disk.files().count(), 0);
}
