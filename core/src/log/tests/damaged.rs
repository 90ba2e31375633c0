//! What a disk may have lost or changed, and what becomes of it.

use super::opening::{BATCH_BYTES, FIRST, crashed, edit, unclean, unclean_from};
use super::*;

/// The stretches that are written again when a log is opened.
fn written_again(disk: MemoryDisk, request: OpenLog) -> Vec<(u64, Vec<u8>)> {
    let mut world = World::begin(disk, request);
    world.hold = |command| matches!(command, StorageCommand::Append { .. } | StorageCommand::Sync { .. });
    let mut written = Vec::new();
    world.run();
    while let Some((_, command)) = world.held.first() {
        if let StorageCommand::Append { at, data, .. } = command
            && world.log.state() == LogState::Loading
        {
            written.push((*at, data.concat()));
        }
        world.let_first_go();
        world.run();
    }
    assert_eq!(world.log.state(), LogState::Serving);
    written
}

#[test]
fn what_was_not_known_to_be_synced_is_written_again_before_it_is_synced() {
    let disk = crashed(5, config());
    let bytes = disk.file(&path(FIRST)).unwrap().to_vec();
    let from = 2 * BATCH_BYTES;
    assert_eq!(written_again(disk.clone(), unclean_from(2)), [(from as u64, bytes[from..].to_vec())]);
    assert_eq!(written_again(disk.clone(), unclean()), [(0, bytes)]);
    assert_eq!(written_again(disk.clone(), unclean_from(5)), []);
    assert_eq!(written_again(disk, request(&config())), []);
}

#[test]
fn large_and_small_batches_are_written_again_byte_for_byte() {
    let mut world = World::new(config());
    for size in [100, 3_000_000, 10, 1_048_400, 90, 90, 2_500_000, 1] {
        world.append(&records(1_000, &[size]));
    }
    let disk = world.crash();
    let bytes = disk.file(&path(FIRST)).unwrap().to_vec();
    for recovery_point in [0, 1, 2, 4] {
        let written = written_again(disk.clone(), unclean_from(recovery_point));
        let first = written[0].0;
        let mut at = first;
        for (position, part) in &written {
            assert_eq!(*position, at, "without a gap");
            assert!(part.len() <= 4 << 20, "in pieces");
            at += part.len() as u64;
        }
        let parts: Vec<Vec<u8>> = written.into_iter().map(|(_, part)| part).collect();
        assert!(parts.concat() == bytes[first as usize..], "from offset {recovery_point} on");
    }
}

#[test]
fn nothing_of_a_torn_tail_is_written_again() {
    let mut disk = crashed(5, config());
    edit(&mut disk, FIRST, |bytes| bytes.truncate(bytes.len() - 1));
    let written = written_again(disk, unclean());
    assert_eq!(written.len(), 1);
    assert_eq!(written[0].1.len(), 4 * BATCH_BYTES);
}

#[test]
fn where_the_disk_can_not_be_written_again_the_log_is_offline() {
    let mut world = World::begin(crashed(5, config()), unclean());
    world.fail = |command| match command {
        StorageCommand::Append { .. } => Some(StorageResult::Unknown(StorageError::Io("EIO".into()))),
        _ => None,
    };
    world.run();
    assert!(world.is_offline());
    assert!(world.said("writing again what was not known to be synced failed: EIO (in /logs/orders-3/)."));
}

#[test]
fn only_what_is_behind_the_recovery_point_is_verified() {
    let mut disk = crashed(5, config());
    edit(&mut disk, FIRST, |bytes| bytes[BATCH_BYTES + 100] ^= 1);
    let world = World::open(disk.clone(), unclean_from(2));
    assert_eq!(world.marks(), [0, 5, 5, 5]);
    assert!(World::open(disk, unclean_from(1)).is_offline());
}

#[test]
fn damage_is_told_with_file_place_expectation_finding_and_commands() {
    let mut disk = crashed(5, config());
    edit(&mut disk, FIRST, |bytes| bytes[2 * BATCH_BYTES + 100] ^= 0x40);
    let request = OpenLog { log_dir: "/var/my logs/".into(), ..unclean() };
    let world = World::open(disk, request);
    let checksum = |word: &str| {
        let (_, rest) = world.reports[0].1.split_once(word).expect("it is told");
        let (number, _) = rest.split_at(10);
        u32::from_str_radix(&number[2..], 16).expect("a number")
    };
    let (stored, computed) = (checksum("340: checksum "), checksum("found bytes that give "));
    assert_ne!(stored, computed);
    assert_eq!(
        world.reports,
        [(
            Level::Error,
            format!(
                "orders-3: offline: /var/my logs/orders-3/{FIRST} at byte 340: checksum {stored:#010x} expected, found \
                bytes that give {computed:#010x}; it was no write that was cut short: there are good batches from byte \
                510 on. Nothing was changed. To see it: ottla dump '/var/my logs/orders-3/{FIRST}' ; to see what can be done, \
                with the broker stopped: ottla repair --log-dir '/var/my logs/'"
            )
        )]
    );
}

#[test]
fn a_log_that_ends_before_what_was_synced_is_offline_even_after_a_clean_stop() {
    let mut disk = crashed(5, config());
    edit(&mut disk, FIRST, |bytes| bytes.truncate(4 * BATCH_BYTES));
    let before = disk.file(&path(FIRST)).unwrap().to_vec();
    for was_clean in [true, false] {
        let world = World::open(disk.clone(), OpenLog { was_clean, ..unclean_from(5) });
        assert!(world.is_offline());
        assert!(world.said("a batch with offset 4 expected, found the end of the log"));
        assert!(world.said("everything before offset 5 was synced"));
        assert_eq!(world.disk.file(&path(FIRST)).unwrap(), before);
    }
}

#[test]
fn with_truncate_a_damaged_log_ends_at_the_damage_and_says_so_loudly() {
    let config = LogConfig { segment_bytes: 500, truncates_damage: true, ..config() };
    let mut disk = crashed(6, config.clone());
    edit(&mut disk, "00000000000000000002.log", |bytes| bytes[BATCH_BYTES + 100] ^= 1);
    for recovery_point in [None, Some(Offset(6))] {
        let request = OpenLog { was_clean: false, recovery_point, ..request(&config) };
        let mut world = World::open(disk.clone(), request);
        if recovery_point.is_some() {
            // What was synced is not verified: the reader of it will find out.
            assert_eq!(world.log.log_end(), Offset(6));
            continue;
        }
        assert_eq!(world.log.log_end(), Offset(3));
        let loud =
            "ottla.log.damage=truncate: 510 bytes are cut off, 1 later segments with them; the log ends at offset 3";
        assert!(world.reports.iter().any(|(level, text)| *level == Level::Error && text.contains(loud)));
        assert!(!names(&world.disk).iter().any(|name| name.starts_with("00000000000000000004")));
        assert_eq!(world.append(&records(1_000, &[100])), Offset(3));
    }
}

#[test]
fn a_survey_says_how_much_there_is_to_do_and_waits() {
    let disk = crashed(5, config());
    let mut outbox = Outbox::default();
    let log = PartitionLog::survey(unclean_from(2), now(), &mut outbox);
    let mut world = World::begin(disk, unclean());
    (world.log, world.outbox) = (log, outbox);
    world.run();
    assert_eq!(world.events, [LogEvent::Surveyed]);
    let all_bytes = 5 * BATCH_BYTES as u64;
    assert_eq!(world.log.recovery_progress(), Progress { done_bytes: 0, all_bytes });
    assert_eq!(world.log.state(), LogState::Loading);
    world.log.load(world.now, &mut world.outbox);
    world.run();
    assert_eq!(world.log.state(), LogState::Serving);
    assert_eq!(world.marks(), [0, 5, 5, 5]);
}

#[test]
fn a_surveyed_log_without_a_directory_makes_one() {
    let mut outbox = Outbox::default();
    let log = PartitionLog::survey(unclean(), now(), &mut outbox);
    let mut world = World::begin(MemoryDisk::new(), unclean());
    (world.log, world.outbox) = (log, outbox);
    world.run();
    assert_eq!(world.events, [LogEvent::Surveyed]);
    world.log.load(world.now, &mut world.outbox);
    world.run();
    assert_eq!(world.marks(), [0, 0, 0, 0]);
}
