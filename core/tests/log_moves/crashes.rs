//! A move that is cut off at each of its disk commands: by a crash, a stop, a disk that fails, a topic that is deleted.

use std::cell::Cell;
use std::rc::Rc;

use ottla_core::boundary::Input;
use ottla_core::wire::Uuid;
use ottla_core::wire::messages::delete_records::{
    DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsResponse, DeleteRecordsTopic,
};
use ottla_core::wire::messages::delete_topics::{DeleteTopicState, DeleteTopicsRequest, DeleteTopicsResponse};
use ottla_core::wire::messages::produce::ProduceResponse;

use crate::support::*;
use crate::world::{Verdict, World, batch, idempotent};

const DUPLICATE_OR_DONE: i16 = 0;
const KAFKA_STORAGE_ERROR: i16 = 56;

/// Cuts a move off after so many disk commands, and starts anew on what is on the disk.
fn cut_after(commands: i32, properties: &[(&str, &str)]) -> (World, bool, i64) {
    let mut world = World::new(properties);
    world.create_topic("t", 1);
    for sequence in 0..6 {
        let records = idempotent(7, sequence, &[&format!("v{sequence}")]);
        assert_eq!(produce(&mut world, "t", records), (NONE, i64::from(sequence)));
    }
    let left = Rc::new(Cell::new(commands));
    world.judge = everywhere(Rc::clone(&left));
    assert_eq!(alter(&mut world, "t", 0, "/b"), NONE);
    let mut acknowledged = 6;
    for _ in 0..15 {
        if left.get() < 0 {
            break;
        }
        world.pass_ms(1);
        let sequence = acknowledged as i32;
        world.send(9, &produce_request("t", idempotent(7, sequence, &[&format!("v{sequence}")])));
        let Some(answer) = world.answer::<ProduceResponse>(9) else { break };
        let partition = &answer.responses[0].partition_responses[0];
        assert_eq!((partition.error_code, partition.base_offset), (NONE, acknowledged), "after {commands}");
        acknowledged += 1;
    }
    let was_cut = left.get() < 0;
    (World::on(world.crash(), properties), was_cut, acknowledged)
}

#[test]
fn a_move_may_end_at_any_command_and_the_next_start_goes_on() {
    for properties in [TWO, STRICT] {
        let mut cuts = 0;
        for commands in 0..1_000 {
            let (mut world, was_cut, acknowledged) = cut_after(commands, properties);
            assert!(world.halted.is_none(), "after {commands} commands: {:?}", world.halted);
            let found = records(&mut world, "t", 0);
            let end = found.len() as i64;
            assert!(end == acknowledged || end == acknowledged + 1, "after {commands}: {end} of {acknowledged}");
            assert_eq!(found, numbered(0..end), "after {commands} commands");
            let next = end as i32;
            let repeated = idempotent(7, next - 1, &[&format!("v{}", next - 1)]);
            assert_eq!(produce(&mut world, "t", repeated), (DUPLICATE_OR_DONE, end - 1), "after {commands}");
            let new = idempotent(7, next, &[&format!("v{next}")]);
            assert_eq!(produce(&mut world, "t", new), (NONE, end), "after {commands}");
            settle(&mut world);
            assert_eq!(records(&mut world, "t", 0), numbered(0..end + 1), "after {commands} commands");
            let dirs: Vec<_> = [dirs_of(&world.disk, 0), dirs_of(&world.disk, 1)].concat();
            let plain = dirs.iter().filter(|dir| *dir == "t-0").count();
            assert_eq!(plain, 1, "after {commands} commands: {dirs:?}");
            assert!(!dirs.iter().any(|dir| dir.ends_with("-future")), "after {commands} commands: {dirs:?}");
            let mut world = World::on(world.shut_down(), properties);
            assert_eq!(records(&mut world, "t", 0), numbered(0..end + 1), "after {commands} commands");
            if !was_cut {
                break;
            }
            cuts = commands;
        }
        assert!((30..900).contains(&cuts), "a move has some commands, not {cuts}");
    }
}

#[test]
fn what_is_deleted_meanwhile_stays_deleted() {
    for commands in 0..120 {
        let (mut world, was_over) = on_its_way(TWO, commands, everywhere);
        world.release();
        let partitions = vec![DeleteRecordsPartition { partition_index: 0, offset: 4, ..Default::default() }];
        let topics = vec![DeleteRecordsTopic { name: "t".into(), partitions, ..Default::default() }];
        let request = DeleteRecordsRequest { topics, timeout_ms: 1_000, ..Default::default() };
        let answer: DeleteRecordsResponse = world.call(2, &request);
        let partition = &answer.topics[0].partitions[0];
        assert_eq!((partition.error_code, partition.low_watermark), (NONE, 4), "after {commands} commands");
        settle(&mut world);
        assert_eq!(replicas(&mut world, "t"), [("/b".into(), 0, false)]);
        let mut world = World::on(world.crash(), TWO);
        assert_eq!(records(&mut world, "t", 4), numbered(4..6));
        assert_eq!(produce(&mut world, "t", batch(&["v6"])), (NONE, 6));
        if was_over {
            return;
        }
    }
    panic!("a move has fewer commands");
}

#[test]
fn a_topic_that_is_deleted_on_its_way_leaves_nothing_and_its_name_is_free() {
    for commands in 0..120 {
        let (mut world, was_over) = on_its_way(TWO, commands, |left| in_b(left, Verdict::Hold));
        let topics = vec![DeleteTopicState { name: Some("t".into()), topic_id: Uuid::ZERO, ..Default::default() }];
        let request = DeleteTopicsRequest { topics, timeout_ms: 1_000, ..Default::default() };
        let answer: Option<DeleteTopicsResponse> = {
            world.send(6, &request);
            world.answer(6)
        };
        world.release();
        let answer = answer.or_else(|| world.answer(6)).expect("it is answered");
        assert_eq!(answer.responses[0].error_code, NONE, "after {commands} commands");
        world.pass_ms(5);
        assert_eq!(dirs_of(&world.disk, 0), ["__cluster_metadata-0"], "after {commands} commands");
        assert_eq!(dirs_of(&world.disk, 1), [""; 0], "after {commands} commands");
        world.create_topic("t", 2);
        assert_eq!(produce(&mut world, "t", batch(&["v0"])), (NONE, 0), "after {commands} commands");
        assert_eq!(records(&mut world, "t", 0), numbered(0..1));
        if was_over {
            return;
        }
    }
    panic!("a move has fewer commands");
}

#[test]
fn a_directory_that_fails_while_a_replica_moves_there_leaves_it_where_it_was() {
    for commands in 0..200 {
        let (mut world, was_over) = on_its_way(TWO, commands, |left| in_b(left, Verdict::Fail));
        let is_there = replicas(&mut world, "t").iter().any(|(dir, _, is_future)| dir == "/b" && !is_future);
        if was_over {
            assert!(is_there);
            return;
        }
        let (error, offset) = produce(&mut world, "t", batch(&["v6"]));
        let is_lost = error == KAFKA_STORAGE_ERROR;
        assert!(is_lost || (error, offset) == (NONE, 6), "after {commands} commands: {error}");
        if !is_lost {
            assert_eq!(replicas(&mut world, "t"), [("/a".into(), 0, false)], "after {commands} commands");
            assert_eq!(alter(&mut world, "t", 0, "/b"), KAFKA_STORAGE_ERROR, "after {commands} commands");
        }
        let mut world = World::on(world.crash(), TWO);
        let found = records(&mut world, "t", 0);
        assert_eq!(found, numbered(0..found.len() as i64), "after {commands} commands");
        assert!(found.len() == 7 || is_lost && found.len() == 6, "after {commands} commands: {}", found.len());
    }
    panic!("a move has fewer commands");
}

#[test]
fn a_stop_in_good_order_leaves_a_replica_on_its_way_for_the_next_start() {
    for commands in 0..150 {
        let (mut world, was_over) = on_its_way(TWO, commands, everywhere);
        world.handle(Input::Shutdown);
        world.release();
        world.pass_ms(2_000);
        assert!(world.halted.is_some(), "after {commands} commands: {:?}", world.reports);
        let mut world = World::on(world.crash(), TWO);
        assert_eq!(records(&mut world, "t", 0), numbered(0..6), "after {commands} commands");
        settle(&mut world);
        produce_numbered(&mut world, "t", 6..8);
        assert_eq!(records(&mut world, "t", 0), numbered(0..8), "after {commands} commands");
        if was_over {
            return;
        }
    }
    panic!("a move has fewer commands");
}
