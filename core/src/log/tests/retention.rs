use super::*;

const HOUR_MS: i64 = 3_600_000;

/// A log with segments of two batches, all of the same size, and the last one begun: base offsets 0, 2, 4, 6.
fn segments(config: LogConfig) -> World {
    segments_at(config, |offset| now().wall.0 - 10_000 + offset)
}

fn segments_at(config: LogConfig, timestamp: impl Fn(i64) -> i64) -> World {
    let mut world = World::new(LogConfig { segment_bytes: 2 * SIZE, ..config });
    for offset in 0..7 {
        world.append(&records(timestamp(offset), &[VALUE]));
    }
    assert_eq!(bases(&world), [0, 2, 4, 6]);
    world
}

const VALUE: usize = 100;
/// Of a batch with one record of that size.
const SIZE: u32 = 170;

fn bases(world: &World) -> Vec<i64> {
    world.log.segments.keys().map(|base| base.0).collect()
}

fn files_of(disk: &MemoryDisk, base: i64) -> Vec<String> {
    let digits = format!("{base:020}");
    names(disk).into_iter().filter_map(|name| name.strip_prefix(&*digits).map(String::from)).collect()
}

impl World {
    fn delete_records(&mut self, offset: i64) {
        self.log.delete_records(Offset(offset), &mut self.outbox).expect("below the high watermark");
        self.run_to_the_end();
    }

    fn check(&mut self) {
        self.log.check_retention(self.now, &mut self.outbox);
        self.run_to_the_end();
    }

    /// Does all that can be done, with the checkpoint written at once when it is asked for.
    fn run_to_the_end(&mut self) {
        self.run();
        while let Some(at) = self.events.iter().position(|event| *event == LogEvent::LogStartDue) {
            self.events.remove(at);
            let start = self.log.log_start_to_write();
            self.log.log_start_written(start, &mut self.outbox);
            self.run();
        }
    }

    fn pass_ms(&mut self, ms: i64) {
        self.now = Now { monotonic: self.now.monotonic.plus_ms(ms), wall: WallClock(self.now.wall.0 + ms) };
        self.log.tick(self.now, &mut self.outbox);
        self.run();
    }

    fn is_out_of_range(&mut self, offset: i64) -> bool {
        self.log.locate(Offset(offset), &mut self.outbox).is_err()
    }
}

#[test]
fn a_start_counts_only_when_it_is_written_down() {
    let mut world = segments(config());
    world.log.delete_records(Offset(3), &mut world.outbox).unwrap();
    world.run();
    assert_eq!(world.events.last(), Some(&LogEvent::LogStartDue));
    assert_eq!((world.log.log_start(), world.log.log_start_to_write()), (Offset(0), Offset(3)));
    assert!(!world.is_out_of_range(0));
    world.log.log_start_written(Offset(3), &mut world.outbox);
    world.run();
    assert_eq!(world.events.last(), Some(&LogEvent::LogStartMoved));
    assert_eq!(world.log.log_start(), Offset(3));
    assert!(world.is_out_of_range(2));
    assert_eq!(world.first_batch_at(3), Some(3));
    assert_eq!(bases(&world), [2, 4, 6]);
}

#[test]
fn a_start_that_could_not_be_written_down_does_not_count() {
    let mut world = segments(config());
    world.log.delete_records(Offset(3), &mut world.outbox).unwrap();
    world.run();
    world.log.log_start_not_written();
    assert_eq!((world.log.log_start(), world.log.log_start_to_write()), (Offset(0), Offset(0)));
    assert_eq!(bases(&world), [0, 2, 4, 6]);
    world.delete_records(4);
    assert_eq!(bases(&world), [4, 6]);
}

#[test]
fn what_is_above_the_high_watermark_can_not_be_deleted() {
    let mut world = World::new(strict());
    world.append(&records(1_000, &[10]));
    world.hold = |command| matches!(command, StorageCommand::Sync { .. });
    world.append(&records(1_000, &[10]));
    let refused = world.log.delete_records(Offset(2), &mut world.outbox);
    assert_eq!(refused, Err(OutOfRange { offset: Offset(2), log_start: Offset(0), log_end: Offset(1) }));
    world.delete_records(1);
    assert_eq!(world.log.log_start(), Offset(1));
}

#[test]
fn what_is_before_a_new_start_is_synced_first() {
    let mut world = segments(config());
    assert_eq!(world.marks(), [0, 6, 7, 7]);
    world.hold = |command| matches!(command, StorageCommand::Sync { .. });
    world.log.delete_records(Offset(7), &mut world.outbox).unwrap();
    world.run();
    assert!(!world.events.contains(&LogEvent::LogStartDue));
    world.hold = |_| false;
    world.run_to_the_end();
    assert_eq!(world.marks(), [7, 7, 7, 7]);
    assert_eq!(bases(&world), [6], "Kafka, too, leaves the last segment");
}

#[test]
fn deleting_what_is_deleted_changes_nothing() {
    let mut world = segments(config());
    world.delete_records(4);
    world.events.clear();
    world.delete_records(3);
    assert_eq!(world.log.log_start(), Offset(4));
    assert_eq!(world.events, []);
}

#[test]
fn files_of_a_deleted_segment_are_renamed_and_removed_a_minute_later() {
    let mut world = segments(config());
    world.delete_records(4);
    let renamed = [".index.deleted", ".log.deleted", ".timeindex.deleted"];
    assert_eq!(files_of(&world.disk, 0), renamed);
    assert_eq!(files_of(&world.disk, 2), [".index.deleted", ".log.deleted", ".snapshot.deleted", ".timeindex.deleted"]);
    assert_eq!(files_of(&world.disk, 4), [".index", ".log", ".snapshot", ".timeindex"]);
    assert_eq!(world.log.deadline(), Some(world.now.monotonic.plus_ms(60_000)));
    world.pass_ms(59_999);
    assert_eq!(files_of(&world.disk, 0), renamed);
    world.pass_ms(1);
    assert_eq!(files_of(&world.disk, 0), [""; 0]);
    assert_eq!(world.log.deadline(), None);
}

#[test]
fn files_are_removed_at_once_at_a_stop_and_at_a_start() {
    let mut world = segments(config());
    world.delete_records(4);
    let before_the_stop = world.disk.clone();
    world.close();
    assert_eq!(files_of(&world.disk, 0), [""; 0]);
    assert!(world.log.is_closed_clean());

    let opened = OpenLog { was_clean: false, log_start: Some(Offset(4)), ..request(&config()) };
    let world = World::open(before_the_stop, opened);
    assert_eq!((bases(&world), files_of(&world.disk, 0)), (Vec::from([4, 6]), Vec::new()));
}

#[test]
fn a_segment_that_an_answer_refers_to_stays_open_until_it_is_sent() {
    let mut world = segments(LogConfig { file_delete_delay_ms: 0, ..config() });
    let extent = world.locate(0).unwrap();
    world.log.pin(extent.file);
    let range = FileRange { file: extent.file, at: extent.position, size_bytes: extent.first_batch_size_bytes };
    let batch = world.disk.read_range(range);
    world.delete_records(4);
    assert_eq!(files_of(&world.disk, 0), [""; 0]);
    assert_eq!(world.disk.read_range(range), batch);
    let open = world.disk.open_files();
    world.log.unpin(extent.file, &mut world.outbox);
    world.run();
    assert_eq!(world.disk.open_files(), open - 1);
    world.close();
    assert_eq!(world.disk.open_files(), 0);
}

#[test]
fn a_lookup_in_a_deleted_segment_gets_done_before_its_files_go() {
    let world = segments(config());
    let mut world = world.reopen();
    world.hold = |command| matches!(command, StorageCommand::Read { .. });
    let Ok(Located::Reading(lookup)) = world.log.locate(Offset(1), &mut world.outbox) else { panic!("not in memory") };
    world.run();
    world.delete_records(4);
    assert_eq!(world.log.log_start(), Offset(4));
    assert_eq!(bases(&world), [0, 2, 4, 6], "segments go from the first on");
    world.hold = |_| false;
    assert!(matches!(world.done(lookup), Ok(Found::Extent(_))));
    assert_eq!(bases(&world), [4, 6]);
}

#[test]
fn files_that_can_not_be_renamed_stay_and_the_log_serves() {
    let mut world = segments(config());
    world.fail = |command| match command {
        StorageCommand::Rename { from, .. } if from.relative.ends_with(".log") => {
            Some(StorageResult::NotDone(StorageError::Denied))
        }
        _ => None,
    };
    world.delete_records(2);
    assert!(world.said("a file of deleted segment 0 could not be renamed: permission denied"));
    assert_eq!(world.log.state(), LogState::Serving);
    assert_eq!(files_of(&world.disk, 0), [".index.deleted", ".log", ".timeindex.deleted"]);
    let opened = OpenLog { log_start: Some(Offset(2)), ..request(&config()) };
    let world = World::open(world.crash(), opened);
    assert_eq!((bases(&world), files_of(&world.disk, 0)), (Vec::from([2, 4, 6]), Vec::new()));
}

#[test]
fn segments_go_when_their_newest_record_is_too_old() {
    let mut world = segments_at(LogConfig { retention_ms: HOUR_MS, ..config() }, |offset| {
        // The second segment has its newest record first.
        now().wall.0 + [0, 1, 90, 3, 60, 70, 80][offset as usize]
    });
    world.pass_ms(HOUR_MS + 1);
    world.check();
    assert_eq!(world.log.log_start(), Offset(0), "an hour old is not older than an hour");
    world.pass_ms(1);
    world.check();
    assert_eq!((world.log.log_start(), bases(&world)), (Offset(2), Vec::from([2, 4, 6])));
    world.pass_ms(80);
    world.check();
    assert_eq!(world.log.log_start(), Offset(2), "the third is old enough, but stands behind the second");
    world.pass_ms(9);
    world.check();
    assert_eq!(world.marks(), [7, 7, 7, 7]);
    assert_eq!(bases(&world), [7], "the active one goes as well, and an empty one takes its place");
    world.pass_ms(HOUR_MS);
    world.check();
    assert_eq!(bases(&world), [7], "an empty one stays");
    assert_eq!(world.append(&records(1_000, &[VALUE])), Offset(7));
}

#[test]
fn records_from_the_future_keep_their_segment() {
    let mut world = segments_at(LogConfig { retention_ms: 0, ..config() }, |_| now().wall.0 + 1);
    world.check();
    assert_eq!(world.log.log_start(), Offset(0));
}

#[test]
fn segments_without_timestamps_go_by_when_they_were_written() {
    let mut world = segments_at(LogConfig { retention_ms: HOUR_MS, ..config() }, |_| -1);
    world.pass_ms(HOUR_MS);
    world.check();
    assert_eq!(world.log.log_start(), Offset(0));
    world.pass_ms(1);
    world.check();
    assert_eq!(world.log.log_start(), Offset(7));
}

#[test]
fn segments_go_while_the_rest_is_large_enough() {
    let retention_bytes = i64::from(4 * SIZE);
    let mut world = segments(LogConfig { retention_bytes, ..config() });
    world.check();
    assert_eq!((world.log.log_start(), world.log.size_bytes()), (Offset(2), u64::from(5 * SIZE)));
    world.append(&records(1_000, &[VALUE]));
    world.check();
    assert_eq!((world.log.log_start(), world.log.size_bytes()), (Offset(4), u64::from(4 * SIZE)));
}

#[test]
fn without_a_limit_or_without_delete_in_the_policy_nothing_goes_by_itself() {
    let keeps = [
        LogConfig { retention_ms: -1, ..config() },
        LogConfig { retention_ms: 0, retention_bytes: 0, is_deleted: false, is_compacted: true, ..config() },
    ];
    for config in keeps {
        let mut world = segments(config);
        world.check();
        assert_eq!(world.log.take_retention_due(), None, "never");
        assert_eq!(bases(&world), [0, 2, 4, 6]);
        world.delete_records(2);
        assert_eq!(bases(&world), [2, 4, 6]);
    }
    let both = LogConfig { retention_ms: 0, is_compacted: true, ..config() };
    let mut world = segments(both);
    world.check();
    assert_eq!(world.log.log_start(), Offset(7));
}

#[test]
fn after_a_restart_timestamps_are_read_off_the_time_index() {
    let config = LogConfig { retention_ms: HOUR_MS, ..config() };
    let mut world = segments(config).reopen();
    assert_eq!(world.log.take_retention_due(), Some(Due::Now), "the first segment's is not known");
    world.check();
    let newest = now().wall.0 - 10_000 + 1;
    assert_eq!(world.log.take_retention_due(), Some(Due::At(WallClock(newest + HOUR_MS + 1))));
    assert!(world.log.segments[&Offset(0)].file.is_none(), "the segment itself is not opened");
    assert_eq!(world.log.segments[&Offset(2)].largest, None, "nor is one looked at that does not matter yet");
    world.pass_ms(HOUR_MS - 10_000 + 3);
    world.check();
    assert_eq!(bases(&world), [2, 4, 6]);
}

#[test]
fn a_time_index_that_is_missing_or_damaged_is_made_anew_for_retention() {
    let damages: [fn(&mut MemoryDisk); 3] = [
        |disk| drop(disk.execute(StorageCommand::Remove { path: path("00000000000000000000.timeindex") })),
        |disk| disk.put(&path("00000000000000000000.timeindex"), [1, 2, 3]),
        |disk| {
            let index = path("00000000000000000000.timeindex");
            let preallocated = [disk.file(&index).unwrap(), &[0; 24]].concat();
            disk.put(&index, preallocated);
        },
    ];
    for damage in damages {
        let config = LogConfig { retention_ms: HOUR_MS, segment_bytes: 2 * SIZE, ..config() };
        let mut world = segments(config.clone());
        world.close();
        damage(&mut world.disk);
        let mut world = World::open(world.disk, request(&config));
        world.check();
        assert_eq!(world.log.log_start(), Offset(0));
        let largest = world.log.segments[&Offset(0)].largest.unwrap().unwrap();
        assert_eq!(largest.timestamp, now().wall.0 - 10_000 + 1);
        world.pass_ms(HOUR_MS);
        world.check();
        assert_eq!(world.log.log_start(), Offset(7));
    }
}

#[test]
fn where_a_time_index_can_not_be_read_nothing_is_deleted_and_the_log_serves() {
    let mut world = segments(LogConfig { retention_ms: 0, ..config() }).reopen();
    world.fail = |command| match command {
        StorageCommand::Open { path, .. } if path.relative.ends_with(".timeindex") => {
            Some(StorageResult::NotDone(StorageError::Io("EIO".into())))
        }
        _ => None,
    };
    world.check();
    assert!(world.said("00000000000000000000.timeindex could not be read, so nothing is deleted now: EIO"));
    assert_eq!((world.log.state(), world.log.log_start()), (LogState::Serving, Offset(0)));
    world.fail = |_| None;
    world.check();
    assert_eq!(world.log.log_start(), Offset(7));
}

#[test]
fn a_log_says_when_the_next_check_can_find_something() {
    let retention_bytes = i64::from(2 * SIZE);
    let config = LogConfig { retention_ms: HOUR_MS, retention_bytes, segment_bytes: 2 * SIZE, ..config() };
    let mut world = World::new(config);
    assert_eq!(world.log.take_retention_due(), None, "an empty log has nothing to delete");
    world.append(&records(5_000, &[VALUE]));
    let at = |timestamp: i64| Some(Due::At(WallClock(timestamp + HOUR_MS + 1)));
    assert_eq!(world.log.take_retention_due(), at(5_000));
    for timestamp in [6_000, 7_000] {
        world.append(&records(timestamp, &[VALUE]));
        assert_eq!(world.log.take_retention_due(), None, "no sooner than said");
    }
    world.append(&records(8_000, &[VALUE]));
    assert_eq!(world.log.take_retention_due(), Some(Due::Now), "it is too large");
    world.now.wall = WallClock(9_000);
    world.check();
    assert_eq!(bases(&world), [2]);
    assert_eq!(world.log.take_retention_due(), at(8_000));
    world.log.configure(LogConfig { retention_ms: 1_000, ..world.config.clone() });
    assert_eq!(world.log.take_retention_due(), Some(Due::At(WallClock(9_001))), "a change counts at once");
    world.log.configure(LogConfig { retention_ms: -1, ..world.config.clone() });
    assert_eq!(world.log.take_retention_due(), Some(Due::Never));
}

#[test]
fn a_check_that_finds_nothing_is_followed_by_another() {
    let mut world = segments(LogConfig { retention_ms: HOUR_MS, ..config() });
    let due = world.log.take_retention_due();
    assert!(matches!(due, Some(Due::At(_))));
    world.check();
    assert_eq!(world.log.take_retention_due(), due);
}

#[test]
fn a_log_that_ends_before_its_start_begins_anew_there() {
    let mut world = segments(config());
    world.close();
    for was_clean in [true, false] {
        let opened = OpenLog { was_clean, log_start: Some(Offset(50)), ..request(&config()) };
        let mut world = World::open(world.disk.clone(), opened);
        assert!(world.said("orders-3: the log ends at 7, before its start 50: it begins anew there"));
        assert_eq!(world.marks(), [50, 50, 50, 50]);
        assert_eq!(world.append(&records(1_000, &[VALUE])), Offset(50));
        assert_eq!(names(&world.disk), ["00000000000000000050.log", "leader-epoch-checkpoint", "partition.metadata",]);
        assert_eq!(
            world.reopen_with(OpenLog { log_start: Some(Offset(50)), ..request(&config()) }).marks(),
            [50, 51, 51, 51]
        );
    }
}

#[test]
fn epochs_before_the_start_are_forgotten() {
    let mut world = World::new(config());
    for epoch in 0..3 {
        world.append_in(LeaderEpoch(epoch), &records(1_000, &[VALUE])).unwrap();
    }
    world.delete_records(2);
    assert_eq!(world.disk.file(&path("leader-epoch-checkpoint")).unwrap(), b"0\n1\n2 2\n");
    assert_eq!(world.log.epoch_at_start(), Some(LeaderEpoch(2)));
}

/// Deletes by size, by time and by request while it writes on, with a crash after each number of commands.
#[test]
fn a_crash_at_any_step_brings_nothing_back_and_takes_nothing_that_stays() {
    let config = LogConfig {
        segment_bytes: 2 * SIZE,
        retention_bytes: i64::from(4 * SIZE),
        file_delete_delay_ms: 0,
        ..config()
    };
    let mut crashes = 0;
    for steps in 0.. {
        let mut world = World::new(config.clone());
        let mut written = Offset(0);
        let mut left = steps;
        let mut is_over = true;
        'script: for round in 0..12 {
            match round {
                0..=8 => drop(world.log.append(
                    world.now,
                    EPOCH,
                    ProducedBatch::of_our_own(&records(now().wall.0, &[VALUE])),
                    &mut world.outbox,
                )),
                9 => world.log.check_retention(world.now, &mut world.outbox),
                _ => drop(world.log.delete_records(Offset(round - 4), &mut world.outbox)),
            }
            loop {
                world.collect();
                if let Some(at) = world.events.iter().position(|event| *event == LogEvent::LogStartDue) {
                    world.events.remove(at);
                    // On the disk, but perhaps the log does not know yet.
                    written = world.log.log_start_to_write();
                    if left == 0 {
                        is_over = false;
                        break 'script;
                    }
                    left -= 1;
                    world.log.log_start_written(written, &mut world.outbox);
                } else if world.held.is_empty() {
                    break;
                } else if left == 0 {
                    is_over = false;
                    break 'script;
                } else {
                    left -= 1;
                    world.let_first_go();
                }
            }
        }
        let end = world.log.marks.written.offset;
        let start = world.log.log_start();
        assert!(start <= written);
        let reopened = OpenLog { was_clean: false, log_start: Some(written), ..request(&config) };
        let mut world = World::open(world.crash(), reopened);
        assert_eq!(world.log.state(), LogState::Serving, "after {steps} steps: {:?}", world.reports);
        assert_eq!(world.log.log_start(), written);
        assert!(world.log.log_end() >= end);
        let found: Vec<_> = headers(&world.read_all(1 << 20)).iter().map(|header| header.base_offset).collect();
        assert_eq!(found, (written.0..world.log.log_end().0).map(Offset).collect::<Vec<_>>(), "after {steps} steps");
        assert!(names(&world.disk).iter().all(|name| !name.ends_with(".deleted")));
        crashes += 1;
        if is_over {
            break;
        }
    }
    assert!(crashes > 80, "{crashes} crashes");
}

#[test]
fn a_segment_is_closed_earlier_by_its_share_of_the_jitter() {
    let closed_after = |index: i32| {
        let config = LogConfig { segment_ms: 1_000, segment_jitter_ms: 600, ..config() };
        let id = PartitionId { topic_id: TOPIC_ID, index };
        let mut world = World::open(MemoryDisk::new(), OpenLog { id, ..request(&config) });
        let begun = 1_700_000_000_000;
        let after = (0..).find(|ms| {
            world.append(&records(begun + ms, &[1]));
            world.log.segments.len() > 1
        });
        after.unwrap()
    };
    let times: Vec<i64> = (0..8).map(closed_after).collect();
    assert!(times.iter().all(|ms| (401..=1_001).contains(ms)), "{times:?}");
    assert!(times.iter().max() > times.iter().min());
    assert_eq!(times, (0..8).map(closed_after).collect::<Vec<_>>(), "the same each time");
}
