//! Replicas that move between log directories: nothing is lost, nothing is there twice, and whoever uses them need not know.

mod world;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use bytes::Bytes;
use ottla_core::boundary::{FileId, Input, StorageCommand};
use ottla_core::memory_disk::MemoryDisk;
use ottla_core::records::{OutputLimit, batches_of};
use ottla_core::wire::messages::alter_replica_log_dirs::{
    AlterReplicaLogDir, AlterReplicaLogDirTopic, AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse,
};
use ottla_core::wire::messages::delete_records::{
    DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsResponse, DeleteRecordsTopic,
};
use ottla_core::wire::messages::delete_topics::{DeleteTopicState, DeleteTopicsRequest, DeleteTopicsResponse};
use ottla_core::wire::messages::describe_log_dirs::{DescribeLogDirsRequest, DescribeLogDirsResponse};
use ottla_core::wire::messages::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic};
use ottla_core::wire::messages::produce::{PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData};
use ottla_core::wire::{Records, Uuid};
use world::{Verdict, World, batch, idempotent};

const TWO: &[(&str, &str)] = &[("log.dirs", "/a,/b")];
const STRICT: &[(&str, &str)] =
    &[("log.dirs", "/a,/b"), ("log.flush.interval.messages", "1"), ("log.segment.bytes", "1048576")];
const NONE: i16 = 0;
const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;
const INVALID_TOPIC_EXCEPTION: i16 = 17;
const DUPLICATE_OR_DONE: i16 = 0;
const KAFKA_STORAGE_ERROR: i16 = 56;
const LOG_DIR_NOT_FOUND: i16 = 57;

fn produce_request(topic: &str, records: Bytes) -> ProduceRequest {
    let partition_data = vec![PartitionProduceData { index: 0, records: Some(records.into()), ..Default::default() }];
    let topic_data = vec![TopicProduceData { name: topic.into(), partition_data, ..Default::default() }];
    ProduceRequest { acks: -1, timeout_ms: 5_000, topic_data, ..Default::default() }
}

/// Error and base offset.
fn produce(world: &mut World, topic: &str, records: Bytes) -> (i16, i64) {
    let answer: ProduceResponse = world.call(9, &produce_request(topic, records));
    let partition = &answer.responses[0].partition_responses[0];
    (partition.error_code, partition.base_offset)
}

fn alter(world: &mut World, topic: &str, index: i32, path: &str) -> i16 {
    let topics = vec![AlterReplicaLogDirTopic { name: topic.into(), partitions: vec![index], ..Default::default() }];
    let dirs = vec![AlterReplicaLogDir { path: path.into(), topics, ..Default::default() }];
    let answer: AlterReplicaLogDirsResponse = world.call(2, &AlterReplicaLogDirsRequest { dirs, ..Default::default() });
    answer.results[0].partitions[0].error_code
}

/// Directory, lag and whether it is a replica on its way, of each replica of a topic.
fn replicas(world: &mut World, topic: &str) -> Vec<(String, i64, bool)> {
    let answer: DescribeLogDirsResponse = world.call(4, &DescribeLogDirsRequest { topics: None, ..Default::default() });
    let named = answer.results.iter().flat_map(|result| {
        let topics = result.topics.iter().filter(|it| &*it.name == topic);
        let partitions = topics.flat_map(|topic| topic.partitions.iter());
        partitions.map(|partition| (result.log_dir.to_string(), partition.offset_lag, partition.is_future_key))
    });
    named.collect()
}

/// The values of all records, by offset, as a consumer reads them.
fn records(world: &mut World, topic: &str, from: i64) -> Vec<(i64, String)> {
    let mut found: Vec<(i64, String)> = Vec::new();
    loop {
        let fetch_offset = found.last().map_or(from, |(offset, _)| offset + 1);
        let partitions = vec![FetchPartition {
            partition: 0,
            fetch_offset,
            partition_max_bytes: 1 << 20,
            current_leader_epoch: -1,
            ..Default::default()
        }];
        let topics = vec![FetchTopic { topic: topic.into(), partitions, ..Default::default() }];
        let request = FetchRequest { max_bytes: 1 << 20, topics, ..Default::default() };
        let answer: FetchResponse = world.call(12, &request);
        let partition = &answer.responses[0].partitions[0];
        assert_eq!(partition.error_code, 0, "at {fetch_offset}");
        let before = found.len();
        let read = partition.records.as_ref().map(bytes_of).unwrap_or_default();
        for batch in batches_of(&read) {
            let batch = batch.expect("a batch");
            batch.verify().expect("a good batch");
            let mut records = batch.records(OutputLimit::default()).expect("records");
            while let Some(record) = records.next_record().expect("a record") {
                if record.offset.0 >= fetch_offset {
                    let value = record.value.as_ref().map(|value| String::from_utf8_lossy(value).into_owned());
                    found.push((record.offset.0, value.unwrap_or_default()));
                }
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

fn bytes_of(records: &Records) -> Bytes {
    match records {
        Records::Bytes(bytes) => bytes.to_bytes(),
        other => panic!("a decoded answer holds bytes, not {other:?}"),
    }
}

fn numbered(range: std::ops::Range<i64>) -> Vec<(i64, String)> {
    range.map(|offset| (offset, format!("v{offset}"))).collect()
}

fn produce_numbered(world: &mut World, topic: &str, range: std::ops::Range<i64>) {
    for offset in range {
        assert_eq!(produce(world, topic, batch(&[&format!("v{offset}")])), (NONE, offset));
    }
}

fn dirs_of(disk: &MemoryDisk, log_dir: u16) -> Vec<String> {
    let names = disk.files().filter(|path| path.log_dir == log_dir);
    let dirs: BTreeSet<_> =
        names.filter_map(|path| path.relative.split_once('/')).map(|(dir, _)| dir.to_owned()).collect();
    dirs.into_iter().collect()
}

/// After so many commands all others are held.
fn everywhere(left: Rc<Cell<i32>>) -> Box<dyn FnMut(&StorageCommand) -> Verdict> {
    Box::new(move |_| {
        left.set(left.get() - 1);
        if left.get() < 0 { Verdict::Hold } else { Verdict::Do }
    })
}

/// After so many commands in `/b` the others there are treated like this.
fn in_b(left: Rc<Cell<i32>>, then: Verdict) -> Box<dyn FnMut(&StorageCommand) -> Verdict> {
    let mut files: BTreeMap<FileId, u16> = BTreeMap::new();
    Box::new(move |command| {
        let log_dir = match command {
            StorageCommand::Open { file, path, .. } => {
                files.insert(*file, path.log_dir);
                path.log_dir
            }
            StorageCommand::List { dir } | StorageCommand::MakeDir { dir } | StorageCommand::SyncDir { dir } => {
                dir.log_dir
            }
            StorageCommand::Remove { path } | StorageCommand::Rename { from: path, .. } => path.log_dir,
            StorageCommand::Append { file, .. }
            | StorageCommand::Read { file, .. }
            | StorageCommand::Sync { file }
            | StorageCommand::Close { file }
            | StorageCommand::Truncate { file, .. } => files.get(file).copied().unwrap_or(0),
            StorageCommand::MeasureSpace { .. } => 0,
        };
        if log_dir == 0 {
            return Verdict::Do;
        }
        left.set(left.get() - 1);
        if left.get() < 0 { then } else { Verdict::Do }
    })
}

/// Lets moves go on until they are over.
fn settle(world: &mut World) {
    for _ in 0..1_000 {
        if replicas(world, "t").iter().all(|(_, _, is_future)| !is_future) {
            return;
        }
        world.pass_ms(1);
    }
    panic!("a move does not come to its end: {:?}", world.reports);
}

#[test]
fn a_replica_moves_with_all_that_is_in_it_and_is_used_meanwhile() {
    for properties in [TWO, STRICT] {
        let mut world = World::new(properties);
        world.create_topic("t", 1);
        produce_numbered(&mut world, "t", 0..30);
        assert_eq!(replicas(&mut world, "t"), [("/a".into(), 0, false)]);
        assert_eq!(alter(&mut world, "t", 0, "/b"), NONE);
        produce_numbered(&mut world, "t", 30..40);
        settle(&mut world);
        assert_eq!(replicas(&mut world, "t"), [("/b".into(), 0, false)]);
        assert_eq!(records(&mut world, "t", 0), numbered(0..40));
        produce_numbered(&mut world, "t", 40..50);
        assert_eq!(dirs_of(&world.disk, 0), ["__cluster_metadata-0"]);
        assert_eq!(dirs_of(&world.disk, 1), ["t-0"]);

        let mut world = World::on(world.shut_down(), properties);
        assert_eq!(records(&mut world, "t", 0), numbered(0..50));
        assert_eq!(replicas(&mut world, "t"), [("/b".into(), 0, false)]);
        assert_eq!(alter(&mut world, "t", 0, "/a"), NONE);
        settle(&mut world);
        assert_eq!(replicas(&mut world, "t"), [("/a".into(), 0, false)]);
        let mut world = World::on(world.crash(), properties);
        assert_eq!(records(&mut world, "t", 0), numbered(0..50));
        assert_eq!(replicas(&mut world, "t"), [("/a".into(), 0, false)]);
    }
}

#[test]
fn an_empty_replica_moves_too() {
    let mut world = World::new(TWO);
    world.create_topic("t", 1);
    assert_eq!(alter(&mut world, "t", 0, "/b"), NONE);
    settle(&mut world);
    produce_numbered(&mut world, "t", 0..3);
    let mut world = World::on(world.crash(), TWO);
    assert_eq!(records(&mut world, "t", 0), numbered(0..3));
    assert_eq!(replicas(&mut world, "t"), [("/b".into(), 0, false)]);
}

#[test]
fn a_replica_on_its_way_is_told_with_its_lag_and_a_move_back_gives_it_up() {
    let mut world = World::new(TWO);
    world.create_topic("t", 1);
    produce_numbered(&mut world, "t", 0..10);
    world.judge = in_b(Rc::new(Cell::new(4)), Verdict::Hold);
    assert_eq!(alter(&mut world, "t", 0, "/b"), NONE);
    world.pass_ms(5);
    assert_eq!(alter(&mut world, "t", 0, "/b"), NONE, "it is on its way there");
    let said = replicas(&mut world, "t");
    assert_eq!((&said[0], said[1].0.as_str(), said[1].2), (&("/a".into(), 0, false), "/b", true));
    assert_eq!(alter(&mut world, "t", 0, "/a"), NONE);
    world.release();
    world.pass_ms(5);
    assert_eq!(replicas(&mut world, "t"), [("/a".into(), 0, false)]);
    assert_eq!(dirs_of(&world.disk, 1), [""; 0]);
    produce_numbered(&mut world, "t", 10..12);
    assert_eq!(records(&mut world, "t", 0), numbered(0..12));
}

#[test]
fn what_can_not_be_moved_is_refused_as_in_kafka() {
    let mut world = World::new(TWO);
    world.create_topic("t", 1);
    let long = "t".repeat(249);
    world.create_topic(&long, 1);
    assert_eq!(alter(&mut world, "t", 0, "/c"), LOG_DIR_NOT_FOUND);
    assert_eq!(alter(&mut world, "u", 0, "/c"), LOG_DIR_NOT_FOUND, "the directory is looked at first");
    assert_eq!(alter(&mut world, "u", 0, "/a"), UNKNOWN_TOPIC_OR_PARTITION);
    assert_eq!(alter(&mut world, "t", 1, "/a"), UNKNOWN_TOPIC_OR_PARTITION);
    assert_eq!(alter(&mut world, &long, 0, "/c"), INVALID_TOPIC_EXCEPTION);
    assert_eq!(alter(&mut world, "t", 0, "/a"), NONE, "it is there");
}

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
fn what_is_appended_while_the_replica_changes_its_place_is_acknowledged_after_it() {
    let mut world = World::new(TWO);
    world.create_topic("t", 1);
    produce_numbered(&mut world, "t", 0..5);
    world.judge = Box::new(|command| match command {
        StorageCommand::Rename { from, .. } if from.relative.ends_with("-future") => Verdict::Hold,
        _ => Verdict::Do,
    });
    assert_eq!(alter(&mut world, "t", 0, "/b"), NONE);
    world.pass_ms(5);
    assert_eq!(world.held(), 1, "its name is still to come");
    let first = world.send(9, &produce_request("t", batch(&["v5"])));
    let second = world.send(9, &produce_request("t", batch(&["v6"])));
    assert!(world.answer::<ProduceResponse>(9).is_none());
    world.release();
    for (id, offset) in [(first, 5), (second, 6)] {
        let (answered, answer) = world.answer_to::<ProduceResponse>(world::CLIENT, 9).expect("it is written now");
        let partition = &answer.responses[0].partition_responses[0];
        assert_eq!((answered, partition.error_code, partition.base_offset), (id, NONE, offset));
    }
    assert_eq!(records(&mut world, "t", 0), numbered(0..7));
    assert_eq!(replicas(&mut world, "t"), [("/b".into(), 0, false)]);
}

#[test]
fn reads_go_on_while_the_replica_changes_its_place() {
    let mut world = World::new(TWO);
    world.create_topic("t", 1);
    produce_numbered(&mut world, "t", 0..5);
    world.judge = Box::new(|command| match command {
        StorageCommand::Rename { from, .. } if from.relative.ends_with("-future") => Verdict::Hold,
        _ => Verdict::Do,
    });
    assert_eq!(alter(&mut world, "t", 0, "/b"), NONE);
    world.pass_ms(5);
    assert_eq!(world.held(), 1);
    assert_eq!(records(&mut world, "t", 0), numbered(0..5));
    assert_eq!(alter(&mut world, "t", 0, "/a"), NONE, "it is too late for that: it comes back");
    world.release();
    settle(&mut world);
    world.pass_ms(20);
    settle(&mut world);
    assert_eq!(replicas(&mut world, "t"), [("/a".into(), 0, false)]);
    assert_eq!(records(&mut world, "t", 0), numbered(0..5));
}

#[test]
fn what_is_deleted_meanwhile_stays_deleted() {
    for commands in 0..120 {
        let mut world = World::new(TWO);
        world.create_topic("t", 1);
        produce_numbered(&mut world, "t", 0..6);
        let left = Rc::new(Cell::new(commands));
        world.judge = everywhere(Rc::clone(&left));
        assert_eq!(alter(&mut world, "t", 0, "/b"), NONE);
        world.pass_ms(20);
        let was_over = left.get() >= 0;
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
        let mut world = World::new(TWO);
        world.create_topic("t", 1);
        produce_numbered(&mut world, "t", 0..6);
        let left = Rc::new(Cell::new(commands));
        world.judge = in_b(Rc::clone(&left), Verdict::Hold);
        assert_eq!(alter(&mut world, "t", 0, "/b"), NONE);
        world.pass_ms(20);
        let was_over = left.get() >= 0;
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
        let mut world = World::new(TWO);
        world.create_topic("t", 1);
        produce_numbered(&mut world, "t", 0..6);
        let left = Rc::new(Cell::new(commands));
        world.judge = in_b(Rc::clone(&left), Verdict::Fail);
        assert_eq!(alter(&mut world, "t", 0, "/b"), NONE);
        world.pass_ms(20);
        let has_failed = left.get() < 0;
        let is_there = replicas(&mut world, "t").iter().any(|(dir, _, is_future)| dir == "/b" && !is_future);
        if !has_failed {
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
        let mut world = World::new(TWO);
        world.create_topic("t", 1);
        produce_numbered(&mut world, "t", 0..6);
        let left = Rc::new(Cell::new(commands));
        world.judge = everywhere(Rc::clone(&left));
        assert_eq!(alter(&mut world, "t", 0, "/b"), NONE);
        world.pass_ms(20);
        let was_over = left.get() >= 0;
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
