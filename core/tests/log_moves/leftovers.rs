//! What a move left that did not come to its end, and what has happened since: it goes on only where it is the beginning of
//! what is there now.

use std::cell::Cell;
use std::rc::Rc;

use ottla_core::boundary::Path;
use ottla_core::memory_disk::MemoryDisk;

use crate::support::*;
use crate::world::{Verdict, World, batch};

const OF_NO_USE: &str = "is of no use";

/// The disk without what begins so in `/b`, and that alone.
fn without(disk: &MemoryDisk, begin: &str) -> (MemoryDisk, Vec<(Path, Vec<u8>)>) {
    let (mut rest, mut taken) = (MemoryDisk::new(), Vec::new());
    for path in disk.files() {
        let content = disk.file(path).expect("it is listed").to_vec();
        if path.log_dir == 1 && path.relative.starts_with(begin) {
            taken.push((path.clone(), content));
        } else {
            rest.put(path, content);
        }
    }
    (rest, taken)
}

/// Brokers of tests draw the same names one after another; others do not.
fn renamed(disk: &MemoryDisk, to: &str) -> MemoryDisk {
    let (mut rest, future) = without(disk, "t-0.");
    for (path, content) in future {
        let (_, file) = path.relative.split_once('/').expect("a file in a directory");
        rest.put(&Path::new(1, format!("{to}/{file}")), content);
    }
    rest
}

fn has_reported(world: &World, text: &str) -> bool {
    world.reports.iter().any(|report| report.text.contains(text))
}

/// All six records are on their way in `/b` when the broker dies.
fn cut_when_copied() -> MemoryDisk {
    for commands in 0..100 {
        let mut world = World::new(TWO);
        world.create_topic("t", 1);
        produce_numbered(&mut world, "t", 0..6);
        world.judge = in_b(Rc::new(Cell::new(commands)), Verdict::Hold);
        assert_eq!(alter(&mut world, "t", 0, "/b"), NONE);
        world.pass_ms(20);
        let disk = world.crash();
        let (_, future) = without(&disk, "t-0.");
        let size = |paths: &[(Path, Vec<u8>)]| -> usize {
            let logs = paths.iter().filter(|(path, _)| path.relative.ends_with(".log"));
            logs.map(|(_, content)| content.len()).sum()
        };
        let there = disk.file(&Path::new(0, "t-0/00000000000000000000.log")).map_or(0, <[u8]>::len);
        if size(&future) == there {
            return renamed(&disk, "t-0.cccccccccccccccccccccccccccccccc-future");
        }
    }
    panic!("nothing is copied");
}

#[test]
fn a_copy_goes_on_where_it_was_when_nothing_was_lost() {
    let mut world = World::on(cut_when_copied(), TWO);
    settle(&mut world);
    assert!(!has_reported(&world, OF_NO_USE), "{:?}", world.reports);
    assert_eq!(replicas(&mut world, "t"), [("/b".into(), 0, false)]);
    assert_eq!(records(&mut world, "t", 0), numbered(0..6));
}

#[test]
fn a_copy_of_what_was_lost_since_is_made_anew() {
    let (mut disk, future) = without(&cut_when_copied(), "t-0.");
    // A crash of the machine took the last three records, while the other directory was away.
    let log = Path::new(0, "t-0/00000000000000000000.log");
    let half = disk.file(&log).expect("it has records").len() / 2;
    let kept = disk.file(&log).expect("it has records")[..half].to_vec();
    disk.put(&log, kept);
    let mut world = World::on(disk, TWO);
    assert_eq!(records(&mut world, "t", 0), numbered(0..3));
    for offset in 3..9 {
        assert_eq!(produce(&mut world, "t", batch(&[&format!("w{offset}")])), (NONE, offset));
    }
    let expected = records(&mut world, "t", 0);
    let mut disk = world.shut_down();
    for (path, content) in future {
        disk.put(&path, content);
    }
    let mut world = World::on(disk, TWO);
    settle(&mut world);
    assert!(has_reported(&world, OF_NO_USE), "{:?}", world.reports);
    assert_eq!(replicas(&mut world, "t"), [("/b".into(), 0, false)]);
    assert_eq!(records(&mut world, "t", 0), expected);
}

#[test]
fn a_copy_of_what_may_be_compacted_since_is_made_anew() {
    let disk = cut_when_copied();
    let mut world = World::on(disk, &[("log.dirs", "/a,/b"), ("log.cleanup.policy", "compact")]);
    settle(&mut world);
    assert!(has_reported(&world, OF_NO_USE), "{:?}", world.reports);
    assert_eq!(replicas(&mut world, "t"), [("/b".into(), 0, false)]);
    assert_eq!(records(&mut world, "t", 0), numbered(0..6));
}

#[test]
fn of_two_copies_one_goes_on_and_the_other_is_removed() {
    let mut disk = cut_when_copied();
    let (_, other) = without(&renamed(&disk, "t-0.dddddddddddddddddddddddddddddddd-future"), "t-0.");
    for (path, content) in other {
        disk.put(&path, content);
    }
    let mut world = World::on(disk, TWO);
    settle(&mut world);
    assert_eq!(records(&mut world, "t", 0), numbered(0..6));
    assert_eq!(
        (dirs_of(&world.disk, 0), dirs_of(&world.disk, 1)),
        (vec!["__cluster_metadata-0".into()], vec!["t-0".into()])
    );
}
