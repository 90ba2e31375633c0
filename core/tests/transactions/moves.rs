//! Partitions with transactions, and the coordinator's own log, that move to another log directory.

use std::cell::Cell;
use std::rc::Rc;

use ottla_core::boundary::StorageCommand;
use ottla_core::wire::messages::alter_replica_log_dirs::{
    AlterReplicaLogDir, AlterReplicaLogDirTopic, AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse,
};
use ottla_core::wire::messages::describe_log_dirs::{DescribeLogDirsRequest, DescribeLogDirsResponse};

use crate::client::*;
use crate::world::{Verdict, World};

const TWO: &[(&str, &str)] =
    &[("log.dirs", "/a,/b"), ("transaction.state.log.num.partitions", "1"), ("offsets.topic.num.partitions", "1")];

/// The directories of partition 0, the one that serves first.
fn dirs(world: &mut World, topic: &str) -> Vec<String> {
    let answer: DescribeLogDirsResponse = world.call(4, &DescribeLogDirsRequest { topics: None, ..Default::default() });
    let found = answer.results.iter().flat_map(|result| {
        let topics = result.topics.iter().filter(|found| &*found.name == topic);
        let partitions = topics.flat_map(|found| &found.partitions).filter(|partition| partition.partition_index == 0);
        partitions.map(|partition| (partition.is_future_key, result.log_dir.to_string()))
    });
    let mut found: Vec<_> = found.collect();
    found.sort();
    found.into_iter().map(|(_, dir)| dir).collect()
}

/// Has partition 0 of each topic be where it is not.
fn move_away(world: &mut World, topics: &[&str]) -> Vec<String> {
    let mut wanted = Vec::new();
    for topic in topics {
        let path = if dirs(world, topic)[0] == "/a" { "/b" } else { "/a" };
        let moved = AlterReplicaLogDirTopic { name: (*topic).into(), partitions: vec![0], ..Default::default() };
        let dir = AlterReplicaLogDir { path: path.into(), topics: vec![moved], ..Default::default() };
        let request = AlterReplicaLogDirsRequest { dirs: vec![dir], ..Default::default() };
        let answer: AlterReplicaLogDirsResponse = world.call(2, &request);
        assert_eq!(answer.results[0].partitions[0].error_code, NONE);
        wanted.push(path.to_owned());
    }
    wanted
}

#[test]
fn transactions_go_on_in_the_new_place_and_what_was_aborted_stays_so() {
    const TOPICS: &[&str] = &["letters", "__transaction_state"];
    for commands in 0..600 {
        let mut world = ready(TWO);
        let mut producer = init(&mut world, ID).unwrap();
        for (value, is_committed) in [("one", true), ("two", false), ("three", true), ("four", false)] {
            assert_eq!(produce(&mut world, NEW, producer, 0, &[value]), NONE);
            producer = end_with(&mut world, 5, producer, is_committed).unwrap();
        }
        assert_eq!(produce(&mut world, NEW, producer, 0, &["five"]), NONE);

        let left = Rc::new(Cell::new(commands));
        let counted = Rc::clone(&left);
        let wanted = move_away(&mut world, TOPICS);
        world.judge = Box::new(move |command| {
            if matches!(command, StorageCommand::Read { .. }) {
                return Verdict::Do;
            }
            counted.set(counted.get() - 1);
            if counted.get() < 0 { Verdict::Hold } else { Verdict::Do }
        });
        world.pass_ms(20);
        let was_over = left.get() >= 0;
        assert_eq!(read_committed(&mut world, 0), ["one", "three"], "after {commands} commands");
        if commands % 3 == 0 {
            // It dies in the middle.
            world = World::on(world.crash(), TWO);
        } else {
            world.release();
        }
        world.pass_ms(50);
        assert_eq!(produce(&mut world, NEW, producer, 0, &["six"]), NONE, "after {commands} commands");
        let is_committed = commands % 2 == 0;
        end_with(&mut world, 5, producer, is_committed).unwrap();
        let mut expected = vec!["one", "three"];
        if is_committed {
            expected.extend(["five", "six"]);
        }
        assert_eq!(read_committed(&mut world, 0), expected, "after {commands} commands");
        world.pass_ms(100);
        // A move that had not begun to write is not known after a crash.
        for (topic, dir) in TOPICS.iter().zip(&wanted).filter(|_| commands % 3 != 0) {
            assert_eq!(dirs(&mut world, topic).join(" "), *dir, "after {commands} commands");
        }
        let mut world = World::on(world.crash(), TWO);
        assert_eq!(read_committed(&mut world, 0), expected, "after {commands} commands");
        let again = init(&mut world, ID).unwrap();
        assert_eq!((again.0, again.1 > producer.1), (producer.0, true), "after {commands} commands");
        if was_over {
            return;
        }
    }
    panic!("a move has fewer commands");
}
