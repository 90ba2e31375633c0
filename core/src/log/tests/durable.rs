use super::*;

fn is_sync(command: &StorageCommand) -> bool {
    matches!(command, StorageCommand::Sync { .. })
}

fn log_syncs(world: &World) -> usize {
    let file = world.log.segments[&world.log.active.base].file.unwrap();
    world.held.iter().filter(|(_, command)| *command == StorageCommand::Sync { file }).count()
}

#[test]
fn under_strict_sync_nothing_counts_before_its_sync() {
    let mut world = World::new(strict());
    world.hold = is_sync;
    world.append(&records(1_000, &[10]));
    assert_eq!(world.marks(), [0, 0, 0, 1]);
    world.release();
    assert_eq!(world.marks(), [0, 1, 1, 1]);
}

#[test]
fn one_sync_covers_all_that_was_written_before_it_was_issued_and_no_more() {
    let mut world = World::new(strict());
    world.append(&records(1_000, &[10]));
    world.hold = is_sync;
    for _ in 0..4 {
        world.append(&records(1_000, &[10]));
    }
    assert_eq!(log_syncs(&world), 1, "one sync is in flight");
    world.let_first_go();
    assert_eq!(world.marks(), [0, 2, 2, 5], "it was issued when the first of the four was written");
    world.let_first_go();
    assert_eq!(log_syncs(&world), 0, "two of the three on their way are not written yet");
    world.run();
    assert_eq!(log_syncs(&world), 1, "one for all three");
    world.let_first_go();
    assert_eq!(world.marks(), [0, 5, 5, 5]);
}

#[test]
fn the_first_sync_of_a_new_log_waits_for_its_name() {
    let mut world = World::new(strict());
    world.hold = |command| matches!(command, StorageCommand::SyncDir { dir } if *dir == super::dir());
    world.append(&records(1_000, &[10]));
    assert_eq!(world.marks(), [0, 0, 0, 1]);
    world.release();
    assert_eq!(world.marks(), [0, 1, 1, 1]);
}

#[test]
fn a_new_segment_counts_only_when_the_old_one_is_synced() {
    let mut world = World::new(LogConfig { segment_bytes: 500, ..strict() });
    world.append(&records(1_000, &[300]));
    world.hold = is_sync;
    world.append(&records(1_000, &[30]));
    let (old_sync, command) = world.held.pop().unwrap();
    assert!(is_sync(&command));
    world.hold = |_| false;
    world.append(&records(1_000, &[300]));
    assert_eq!(world.log.segments.len(), 2);
    assert_eq!(world.marks(), [0, 1, 1, 3], "the new segment is synced, the old one not");
    world.execute(old_sync, command);
    world.run();
    assert_eq!(world.marks(), [0, 3, 3, 3]);
}

#[test]
fn a_failed_sync_is_not_retried() {
    let mut world = World::new(strict());
    world.append(&records(1_000, &[10]));
    world.fail = |command| is_sync(command).then_some(StorageResult::Unknown(StorageError::Io("EIO".into())));
    world.append(&records(1_000, &[10]));
    assert!(world.is_offline());
    assert_eq!(world.marks(), [0, 1, 1, 2]);
    world.fail = |_| None;
    world.run();
    assert_eq!(world.marks(), [0, 1, 1, 2]);
    assert!(world.said("orders-3: offline: syncing a segment failed"));
}

#[test]
fn without_a_policy_only_closed_segments_are_synced() {
    let mut world = World::new(LogConfig { segment_bytes: 500, ..config() });
    world.append(&records(1_000, &[300]));
    assert_eq!(world.marks(), [0, 0, 1, 1]);
    world.append(&records(1_000, &[300]));
    assert_eq!(world.marks(), [0, 1, 2, 2]);
    assert_eq!(world.log.recovery_point(), Offset(1));
}

#[test]
fn recovery_begins_before_a_segment_whose_index_is_not_synced() {
    let mut world = World::new(LogConfig { segment_bytes: 500, ..config() });
    world.append(&records(1_000, &[300]));
    world.fail = |command| match command {
        StorageCommand::Open { path, .. } if path.relative.ends_with(".index") => {
            Some(StorageResult::NotDone(StorageError::Full))
        }
        _ => None,
    };
    world.append(&records(1_000, &[300]));
    assert!(world.said("an index could not be written"));
    assert_eq!((world.log.durable(), world.log.recovery_point()), (Offset(1), Offset(0)));
    assert_eq!(world.log.state(), LogState::Serving);
}

#[test]
fn every_so_many_records_are_synced_in_the_background() {
    let mut world = World::new(LogConfig { flush_messages: 10, ..config() });
    for _ in 0..9 {
        world.append(&records(1_000, &[10]));
    }
    assert_eq!(world.marks(), [0, 0, 9, 9]);
    world.append(&records(1_000, &[10]));
    assert_eq!(world.marks(), [0, 10, 10, 10]);
}

#[test]
fn what_was_written_for_flush_ms_is_synced() {
    let mut world = World::new(LogConfig { flush_ms: 500, ..config() });
    assert_eq!(world.log.deadline(), None);
    world.append(&records(1_000, &[10]));
    let deadline = world.log.deadline().unwrap();
    assert_eq!(deadline, world.now.monotonic.plus_ms(500));
    world.log.tick(world.now, &mut world.outbox);
    world.run();
    assert_eq!(world.log.durable(), Offset(0));
    world.now.monotonic = deadline;
    world.log.tick(world.now, &mut world.outbox);
    world.run();
    assert_eq!(world.log.durable(), Offset(1));
    assert_eq!(world.log.deadline(), None);
}

#[test]
fn a_policy_that_becomes_looser_lets_the_high_watermark_go() {
    let mut world = World::new(strict());
    world.hold = is_sync;
    world.append(&records(1_000, &[10]));
    world.log.configure(config());
    world.collect();
    assert_eq!(world.marks(), [0, 0, 1, 1]);
    assert_eq!(world.events.last(), Some(&LogEvent::HighWatermarkMoved));
}
