use super::*;

/// Five hundred batches of two records in several segments, 10 s apart.
fn long(config: LogConfig) -> World {
    let mut world = World::new(LogConfig { segment_bytes: 8_000, index_interval_bytes: 512, ..config });
    for n in 0..500 {
        world.append(&records(10_000 * n, &[50, 30 + n as usize % 40]));
    }
    world
}

/// The same with nothing in memory but what opening brings.
fn long_reopened() -> World {
    let world = long(config());
    let mut config = world.config.clone();
    config.segment_bytes = 8_000;
    world.reopen_with(request(&config))
}

#[test]
fn every_offset_is_found_in_its_batch() {
    for mut world in [long(config()), long_reopened()] {
        assert!(world.log.segments.len() > 5);
        for offset in 0..1_000 {
            assert_eq!(world.first_batch_at(offset), Some(offset / 2 * 2), "offset {offset}");
        }
        assert_eq!(world.first_batch_at(1_000), None);
        assert!(world.log.open_segments.len() <= 8);
    }
}

#[test]
fn the_last_batches_are_found_without_asking_the_disk() {
    let mut world = long(config());
    world.run();
    assert!(matches!(world.log.locate(Offset(990), &mut world.outbox), Ok(Located::Ready(_))));
    assert_eq!(world.log.locate(Offset(1_000), &mut world.outbox), Ok(Located::AtEnd));
}

#[test]
fn an_offset_that_is_not_in_the_log_is_out_of_range() {
    let mut world = long(config());
    let out = OutOfRange { offset: Offset(1_001), log_start: Offset(0), log_end: Offset(1_000) };
    assert_eq!(world.log.locate(Offset(1_001), &mut world.outbox), Err(out));
    assert!(world.log.locate(Offset(-1), &mut world.outbox).is_err());
}

#[test]
fn an_extent_ends_with_its_segment_or_the_high_watermark() {
    let mut world = World::new(LogConfig { segment_bytes: 800, ..config() });
    for _ in 0..3 {
        world.append(&records(1_000, &[300]));
    }
    let extent = world.locate(0).unwrap();
    assert_eq!((extent.position, extent.first_batch_size_bytes, extent.available_bytes), (0, 370, 740));
    world.hold = |command| matches!(command, StorageCommand::Append { .. });
    world.append(&records(1_000, &[300]));
    let extent = world.locate(2).unwrap();
    assert_eq!(extent.available_bytes, 370, "what is in flight is not seen");
    assert_eq!(world.locate(3), None);
}

#[test]
fn a_record_is_found_by_its_time() {
    for mut world in [long(config()), long_reopened()] {
        assert_eq!(world.at_time(0), Some((0, 0)));
        assert_eq!(world.at_time(-5), Some((0, 0)));
        assert_eq!(world.at_time(1), Some((1_000, 1)));
        assert_eq!(world.at_time(1_001), Some((10_000, 2)));
        assert_eq!(world.at_time(2_500_000), Some((2_500_000, 500)));
        assert_eq!(world.at_time(4_991_000), Some((4_991_000, 999)));
        assert_eq!(world.at_time(4_991_001), None);
        assert_eq!(world.largest_time(), Some((4_991_000, 999)));
    }
}

#[test]
fn the_first_of_the_records_with_the_largest_time_is_found() {
    let mut world = World::new(config());
    assert_eq!(world.largest_time(), None);
    assert_eq!(world.at_time(0), None);
    world.append(&records(5_000, &[10]));
    world.append(&records(8_000, &[10, 10]));
    world.append(&records(9_000, &[10]));
    world.append(&records(2_000, &[10]));
    assert_eq!(world.largest_time(), Some((9_000, 2)));
    assert_eq!(world.at_time(8_500), Some((9_000, 2)));
}

#[test]
fn a_log_without_timestamps_has_no_largest() {
    let mut world = World::new(config());
    world.append(&records(-1, &[10]));
    assert_eq!(world.largest_time(), None);
    assert_eq!(world.at_time(0), None);
}

#[test]
fn what_is_not_committed_is_not_found_by_its_time() {
    let mut world = World::new(strict());
    world.append(&records(1_000, &[10]));
    world.hold = |command| matches!(command, StorageCommand::Sync { .. });
    world.append(&records(9_000, &[10]));
    assert_eq!(world.at_time(2_000), None);
    assert_eq!(world.largest_time(), Some((1_000, 0)));
    world.release();
    assert_eq!(world.at_time(2_000), Some((9_000, 1)));
}

#[test]
fn the_whole_log_is_read_in_steps_of_any_size() {
    let mut world = long_reopened();
    let whole: Vec<u8> = {
        let segments = world.log.segments.keys().map(|base| path(&names::file_name(*base, names::LOG)));
        segments.flat_map(|path| world.disk.file(&path).unwrap().to_vec()).collect()
    };
    for step in [1, 200, 5_000, 1 << 20] {
        assert!(world.read_all(step) == whole, "in steps of {step}");
    }
}

#[test]
fn an_index_of_a_closed_segment_that_lies_is_made_anew() {
    let mut world = long_reopened();
    let bad = path("00000000000000000000.index");
    let mut index = world.disk.file(&bad).unwrap().to_vec();
    index[7] += 3;
    world.disk.put(&bad, index.clone());
    for offset in 0..100 {
        assert_eq!(world.first_batch_at(offset), Some(offset / 2 * 2), "offset {offset}");
    }
    assert!(world.said("indexes are made anew"));
    world.run();
    index[7] -= 3;
    assert_eq!(world.disk.file(&bad), Some(&index[..]));
}

#[test]
fn a_missing_or_preallocated_index_of_a_closed_segment_is_made_anew() {
    for suffix in ["index", "timeindex"] {
        for preallocated in [false, true] {
            let mut world = long_reopened();
            let name = path(&format!("00000000000000000000.{suffix}"));
            let original = world.disk.file(&name).unwrap().to_vec();
            if preallocated {
                world.disk.put(&name, [&original[..], &[0; 4_800]].concat());
            } else {
                world.disk.execute(StorageCommand::Remove { path: name.clone() });
            }
            assert_eq!(world.first_batch_at(41), Some(40));
            assert_eq!(world.at_time(100_000), Some((100_000, 20)));
            assert_eq!(world.disk.file(&name), Some(&original[..]), "{suffix}");
        }
    }
}

#[test]
fn a_read_error_is_not_taken_for_corruption() {
    let mut world = long_reopened();
    world.fail = |command| {
        matches!(command, StorageCommand::Read { .. }).then_some(StorageResult::NotDone(StorageError::Io("EIO".into())))
    };
    let Ok(Located::Reading(lookup)) = world.log.locate(Offset(5), &mut world.outbox) else {
        panic!("the disk must be asked");
    };
    assert_eq!(world.done(lookup), Err(LookupError::NotServing(LogState::Offline)));
    assert!(world.is_offline());
}

#[test]
fn a_pinned_segment_stays_open() {
    let mut world = long_reopened();
    let pinned = world.locate(0).unwrap();
    world.log.pin(pinned.file);
    for offset in (0..1_000).step_by(10) {
        world.locate(offset);
    }
    assert!(!world.disk.read_range(FileRange { file: pinned.file, at: 0, size_bytes: 61 }).is_empty());
    world.log.unpin(pinned.file, &mut world.outbox);
    for offset in (0..1_000).step_by(10) {
        world.locate(offset);
    }
    world.run();
    assert!(world.disk.read_range(FileRange { file: pinned.file, at: 0, size_bytes: 61 }).is_empty());
}
