//! Replicas of all shapes: many segments, gaps between offsets, several partitions on their way, more directories than two.

use std::cell::Cell;
use std::rc::Rc;

use bytes::Bytes;
use ottla_core::boundary::{Path, StorageCommand};
use ottla_core::records::{BatchBuilder, BuilderRecord};

use crate::support::*;
use crate::world::{Verdict, World, batch};

const SMALL_SEGMENTS: &[(&str, &str)] = &[("log.dirs", "/a,/b"), ("log.segment.bytes", "1048576")];
/// By then it is written how far the logs are synced: a gap before that is no damage.
const CHECKPOINTS_WRITTEN_MS: i64 = 130_000;
const COMPACTED: &[(&str, &str)] =
    &[("log.dirs", "/a,/b"), ("log.cleanup.policy", "compact"), ("log.cleaner.enable", "false")];
const THREE: &[(&str, &str)] = &[("log.dirs", "/a,/b,/c")];

/// A batch as it lies in a log.
fn at(offset: i64) -> Vec<u8> {
    let value = Bytes::from(format!("v{offset}"));
    let mut builder = BatchBuilder::new();
    builder.push(BuilderRecord { timestamp: 1_800_000_000_000, value: Some(&value), ..Default::default() });
    let mut bytes = builder.build().to_vec();
    bytes[..8].copy_from_slice(&offset.to_be_bytes());
    // The epoch lies outside the checksum, as the offset does.
    bytes[12..16].copy_from_slice(&0_i32.to_be_bytes());
    bytes
}

fn with_key(value: &str) -> Bytes {
    let value = Bytes::copy_from_slice(value.as_bytes());
    let mut builder = BatchBuilder::new();
    builder.push(BuilderRecord { key: Some(b"key"), value: Some(&value), ..Default::default() });
    builder.build()
}

fn log_of(base: i64) -> Path {
    Path::new(0, format!("t-0/{base:020}.log"))
}

/// A topic whose log has these segments, each with batches of one record at these offsets.
fn with_segments(properties: &[(&str, &str)], segments: &[(i64, &[i64])]) -> World {
    let mut world = World::new(properties);
    world.create_topic("t", 1);
    let mut disk = world.shut_down();
    let ends = segments.iter().map(|(base, offsets)| offsets.last().map_or(*base, |offset| offset + 1));
    let end = ends.max().expect("a log has segments");
    disk.put(&Path::new(0, "recovery-point-offset-checkpoint"), format!("0\n1\nt 0 {end}\n"));
    for (base, offsets) in segments {
        disk.put(&log_of(*base), offsets.iter().flat_map(|offset| at(*offset)).collect::<Vec<_>>());
    }
    World::on(disk, properties)
}

fn moved_to(world: &mut World, dir: &str) {
    assert_eq!(alter(world, "t", 0, dir), NONE);
    settle(world);
    assert_eq!(replicas(world, "t"), [(dir.into(), 0, false)]);
}

#[test]
fn offsets_far_apart_stay_as_they_are() {
    const FAR: i64 = 5_000_000_000;
    let shapes: [&[(i64, &[i64])]; 4] = [
        &[(0, &[0, 3, 7]), (FAR, &[FAR, FAR + 9])],
        // Compaction left nothing in the first one.
        &[(0, &[]), (FAR, &[FAR + 2])],
        &[(0, &[0]), (10, &[]), (FAR, &[FAR]), (2 * FAR, &[2 * FAR + 1])],
        // Nor in the last one.
        &[(0, &[0, 1]), (FAR, &[])],
    ];
    for segments in shapes {
        let mut world = with_segments(TWO, segments);
        let expected = records(&mut world, "t", 0);
        assert_eq!(expected.len(), segments.iter().map(|(_, offsets)| offsets.len()).sum::<usize>(), "{segments:?}");
        let end = produce(&mut world, "t", batch(&["end"])).1;
        moved_to(&mut world, "/b");
        assert_eq!(produce(&mut world, "t", batch(&["more"])), (NONE, end + 1), "{segments:?}");
        let mut expected = expected;
        expected.extend([(end, "end".to_owned()), (end + 1, "more".to_owned())]);
        assert_eq!(records(&mut world, "t", 0), expected, "{segments:?}");
        world.pass_ms(CHECKPOINTS_WRITTEN_MS);
        let mut world = World::on(world.crash(), TWO);
        assert_eq!(records(&mut world, "t", 0), expected, "{segments:?}");
        moved_to(&mut world, "/a");
        assert_eq!(records(&mut world, "t", 0), expected, "{segments:?}");
    }
}

#[test]
fn a_log_whose_end_is_compacted_away_goes_on_where_it_ended() {
    let segments: &[(i64, &[i64])] = &[(0, &[0, 1]), (50, &[])];
    let mut world = with_segments(COMPACTED, segments);
    assert_eq!(produce(&mut world, "t", with_key("v50")), (NONE, 50));
    let mut world = with_segments(COMPACTED, segments);
    moved_to(&mut world, "/b");
    assert_eq!(produce(&mut world, "t", with_key("v50")), (NONE, 50), "offsets are not given twice");
    let mut world = World::on(world.crash(), COMPACTED);
    assert_eq!(records(&mut world, "t", 0), [(0, "v0".into()), (1, "v1".into()), (50, "v50".into())]);
}

#[test]
fn a_replica_of_many_segments_and_pieces_moves_while_it_grows() {
    let mut world = World::new(SMALL_SEGMENTS);
    world.create_topic("t", 1);
    let large = |offset: i64| format!("v{offset}-{}", "x".repeat(300_000));
    for offset in 0..12 {
        assert_eq!(produce(&mut world, "t", batch(&[&large(offset)])), (NONE, offset));
    }
    assert_eq!(alter(&mut world, "t", 0, "/b"), NONE);
    for offset in 12..20 {
        assert_eq!(produce(&mut world, "t", batch(&[&large(offset)])), (NONE, offset));
        world.pass_ms(1);
    }
    settle(&mut world);
    let expected: Vec<_> = (0..20).map(|offset| (offset, large(offset))).collect();
    assert!(records(&mut world, "t", 0) == expected);
    let logs = world.disk.files().filter(|path| path.log_dir == 1 && path.relative.ends_with(".log"));
    assert!(logs.count() >= 6, "segments are no larger than they may be");
    let mut world = World::on(world.crash(), SMALL_SEGMENTS);
    assert!(records(&mut world, "t", 0) == expected);
}

#[test]
fn a_move_to_a_third_directory_takes_the_place_of_the_one_before() {
    for commands in 0..60 {
        let (mut world, was_over) = on_its_way(THREE, commands, |left| in_b(left, Verdict::Hold));
        assert_eq!(alter(&mut world, "t", 0, "/c"), NONE, "after {commands} commands");
        world.release();
        for _ in 0..5 {
            world.pass_ms(20);
            settle(&mut world);
        }
        assert_eq!(replicas(&mut world, "t"), [("/c".into(), 0, false)], "after {commands} commands");
        produce_numbered(&mut world, "t", 6..8);
        assert_eq!(records(&mut world, "t", 0), numbered(0..8));
        let dirs = [0, 1, 2].map(|log_dir| dirs_of(&world.disk, log_dir));
        assert_eq!(dirs.map(|dirs| dirs.join(" ")), ["__cluster_metadata-0", "", "t-0"], "after {commands} commands");
        if was_over {
            return;
        }
    }
    panic!("a move has fewer commands");
}

#[test]
fn many_partitions_move_one_after_another() {
    let mut world = World::new(TWO);
    world.create_topic("t", 20);
    for index in 0..20 {
        let dir = if index % 3 == 0 { "/b" } else { "/a" };
        assert_eq!(alter(&mut world, "t", index, dir), NONE);
    }
    settle(&mut world);
    let said = replicas(&mut world, "t");
    let (in_b, in_a): (Vec<_>, Vec<_>) = said.iter().partition(|(dir, ..)| dir == "/b");
    assert_eq!((in_b.len(), in_a.len()), (7, 13));
    produce_numbered(&mut world, "t", 0..3);
    let mut world = World::on(world.crash(), TWO);
    assert_eq!(records(&mut world, "t", 0), numbered(0..3));
    assert_eq!(replicas(&mut world, "t"), said.into_iter().collect::<Vec<_>>());
}

#[test]
fn a_disk_that_is_full_leaves_the_replica_where_it_was() {
    for commands in 0..200 {
        let mut world = World::new(TWO);
        world.create_topic("t", 1);
        produce_numbered(&mut world, "t", 0..6);
        let left = Rc::new(Cell::new(commands));
        let mut full = in_b(Rc::clone(&left), Verdict::Full);
        // What frees space, or takes none, is done on a full disk too.
        world.judge = Box::new(move |command| match command {
            StorageCommand::Append { .. } => full(command),
            StorageCommand::Open { .. } => match full(command) {
                Verdict::Full => Verdict::Do,
                other => other,
            },
            _ => Verdict::Do,
        });
        assert_eq!(alter(&mut world, "t", 0, "/b"), NONE);
        world.pass_ms(20);
        if replicas(&mut world, "t") == [("/b".into(), 0, false)] {
            assert!(commands > 3, "a move writes more than that");
            return;
        }
        assert!(left.get() < 0, "after {commands} commands");
        produce_numbered(&mut world, "t", 6..9);
        assert_eq!(replicas(&mut world, "t"), [("/a".into(), 0, false)], "after {commands} commands");
        assert_eq!(records(&mut world, "t", 0), numbered(0..9), "after {commands} commands");
        let mut world = World::on(world.crash(), TWO);
        settle(&mut world);
        assert_eq!(records(&mut world, "t", 0), numbered(0..9), "after {commands} commands");
    }
    panic!("a move has fewer commands");
}
