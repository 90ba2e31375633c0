//! Replicas that move between log directories: nothing is lost, nothing is there twice, and whoever uses them need not know.

mod crashes;
mod layouts;
mod leftovers;
mod support;
#[path = "../world/mod.rs"]
mod world;

use std::cell::Cell;
use std::rc::Rc;

use ottla_core::boundary::{ConnId, Path};
use ottla_core::records::batches_of;
use ottla_core::wire::Str;
use ottla_core::wire::messages::fetch::{FetchRequest, FetchResponse};
use ottla_core::wire::messages::find_coordinator::{FindCoordinatorRequest, FindCoordinatorResponse};
use ottla_core::wire::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
};
use ottla_core::wire::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic, OffsetCommitResponse,
};
use ottla_core::wire::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics, OffsetFetchResponse,
};
use ottla_core::wire::messages::produce::ProduceResponse;
use support::*;
use world::{Verdict, World, batch};

const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;
const INVALID_TOPIC_EXCEPTION: i16 = 17;
const INVALID_REPLICA_ASSIGNMENT: i16 = 39;
const LOG_DIR_NOT_FOUND: i16 = 57;

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

    let mut world = World::new(&[("log.dirs", "/a,/b"), ("cordoned.log.dirs", "/b")]);
    world.create_topic("t", 1);
    assert_eq!(alter(&mut world, "u", 0, "/b"), INVALID_REPLICA_ASSIGNMENT, "that is looked at before the topic");
    assert_eq!(alter(&mut world, "t", 0, "/a"), NONE);
}

#[test]
fn what_is_appended_while_the_replica_changes_its_place_is_acknowledged_after_it() {
    let mut world = about_to_be_named();
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
    let mut world = about_to_be_named();
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
fn an_answer_that_is_being_sent_is_sent_to_its_end_from_the_former_place() {
    let mut world = World::new(TWO);
    world.create_topic("t", 1);
    produce_numbered(&mut world, "t", 0..6);
    let files = world.disk.open_files();
    world.unread = Some(Vec::new());
    world.send(12, &fetch_request("t", 0));
    let unread = world.unread.take().expect("it was set");
    assert_eq!(unread.len(), 1);
    assert_eq!(alter(&mut world, "t", 0, "/b"), NONE);
    settle(&mut world);
    assert_eq!(replicas(&mut world, "t"), [("/b".into(), 0, false)]);
    let is_removed = |world: &World| dirs_of(&world.disk, 0) == ["__cluster_metadata-0"];
    world.unread = Some(unread);
    world.read_on();
    let answer: FetchResponse = world.answer(12).expect("it was on its way");
    let records = answer.responses[0].partitions[0].records.as_ref().map(bytes_of).unwrap_or_default();
    assert_eq!(batches_of(&records).count(), 6);
    assert!(is_removed(&world), "nothing keeps it any more");
    assert_eq!(world.disk.open_files(), files);
}

#[test]
fn a_consumer_that_waits_hears_of_what_comes_after_the_move() {
    let mut world = World::new(TWO);
    world.create_topic("t", 1);
    produce_numbered(&mut world, "t", 0..6);
    world.open(ConnId(2));
    let request = FetchRequest { max_wait_ms: 600_000, min_bytes: 1, ..fetch_request("t", 6) };
    world.send_from(ConnId(2), 12, &request);
    assert_eq!(alter(&mut world, "t", 0, "/b"), NONE);
    settle(&mut world);
    assert!(world.answer_to::<FetchResponse>(ConnId(2), 12).is_none());
    produce_numbered(&mut world, "t", 6..7);
    let (_, answer) = world.answer_to::<FetchResponse>(ConnId(2), 12).expect("there is something to read");
    assert_eq!(answer.responses[0].partitions[0].high_watermark, 7);
}

#[test]
fn the_log_of_a_coordinator_moves_while_it_is_written() {
    let properties = &[("log.dirs", "/a,/b"), ("offsets.topic.num.partitions", "1")];
    for commands in 0..300 {
        let mut world = World::new(properties);
        world.create_topic("t", 1);
        let request = FindCoordinatorRequest { key: "readers".into(), ..Default::default() };
        let _: FindCoordinatorResponse = world.call(3, &request);
        assert_eq!(commit(&mut world, 1), Some(NONE));
        let from = replicas(&mut world, OFFSETS)[0].0.clone();
        let to = if from == "/a" { "/b" } else { "/a" };
        let left = Rc::new(Cell::new(commands));
        world.judge = everywhere(Rc::clone(&left));
        assert_eq!(alter(&mut world, OFFSETS, 0, to), NONE);
        world.pass_ms(20);
        let was_over = left.get() >= 0;
        let told = commit(&mut world, 2);
        world.release();
        world.pass_ms(20);
        let told = told.or_else(|| world.answer(8).map(|answer| error_of(&answer)));
        assert_eq!(told, Some(NONE), "after {commands} commands");
        assert_eq!(committed(&mut world), 2);
        assert_eq!(replicas(&mut world, OFFSETS), [(to.to_owned(), 0, false)], "after {commands} commands");
        assert_eq!(commit(&mut world, 3), Some(NONE));
        let mut world = World::on(world.crash(), properties);
        assert_eq!(committed(&mut world), 3, "after {commands} commands");
        if was_over {
            return;
        }
    }
    panic!("a move has fewer commands");
}

#[test]
fn the_metadata_log_does_not_move() {
    let mut world = World::new(TWO);
    assert_eq!(alter(&mut world, "__cluster_metadata", 0, "/b"), UNKNOWN_TOPIC_OR_PARTITION);
    assert_eq!(alter(&mut world, "__cluster_metadata", 0, "/a"), UNKNOWN_TOPIC_OR_PARTITION);
}

#[test]
fn a_partition_that_is_still_to_come_begins_where_it_was_to_go() {
    for dir in ["/a", "/b"] {
        let mut world = World::new(TWO);
        assert_eq!(alter(&mut world, "t", 0, dir), UNKNOWN_TOPIC_OR_PARTITION);
        world.create_topic("t", 1);
        assert_eq!(replicas(&mut world, "t"), [(dir.into(), 0, false)]);
        produce_numbered(&mut world, "t", 0..3);
        // The metadata knows, or else the next start would.
        let mut disk = world.crash();
        disk.put(&Path::new(if dir == "/a" { 1 } else { 0 }, "t-0/partition.metadata"), "version: 0");
        let mut world = World::on(disk, TWO);
        assert_eq!(replicas(&mut world, "t"), [(dir.into(), 0, false)]);
        assert_eq!(records(&mut world, "t", 0), numbered(0..3));
        // Once is enough.
        world.create_topic("u", 2);
        assert_eq!(replicas(&mut world, "u").len(), 2);
    }
}

#[test]
fn moves_are_as_slow_as_they_are_to_be() {
    let mut world = World::new(TWO);
    world.create_topic("t", 1);
    for offset in 0..20 {
        assert_eq!(produce(&mut world, "t", batch(&[&"x".repeat(1_000)])), (NONE, offset));
    }
    throttle(&mut world, Some("2000"));
    assert_eq!(alter(&mut world, "t", 0, "/b"), NONE);
    world.pass_ms(5_000);
    let lag = |world: &mut World| replicas(world, "t").iter().map(|(_, lag, _)| *lag).max();
    let after_5_s = lag(&mut world).expect("it is on its way");
    assert!((9..=12).contains(&after_5_s), "it is {after_5_s} of 20 behind");
    world.pass_ms(2_000);
    let after_7_s = lag(&mut world).expect("it is on its way");
    assert!((5..after_5_s).contains(&after_7_s), "it is {after_7_s} of 20 behind");
    throttle(&mut world, None);
    world.pass_ms(50);
    assert_eq!(replicas(&mut world, "t"), [("/b".into(), 0, false)]);
}

const OFFSETS: &str = "__consumer_offsets";

fn commit(world: &mut World, committed_offset: i64) -> Option<i16> {
    let partitions = vec![OffsetCommitRequestPartition { partition_index: 0, committed_offset, ..Default::default() }];
    let topics = vec![OffsetCommitRequestTopic { name: "t".into(), partitions, ..Default::default() }];
    let request = OffsetCommitRequest { group_id: "readers".into(), topics, ..Default::default() };
    world.send(8, &request);
    world.answer(8).map(|answer| error_of(&answer))
}

fn error_of(answer: &OffsetCommitResponse) -> i16 {
    answer.topics[0].partitions[0].error_code
}

fn committed(world: &mut World) -> i64 {
    let topic = OffsetFetchRequestTopics { name: "t".into(), partition_indexes: vec![0], ..Default::default() };
    let group = OffsetFetchRequestGroup { group_id: "readers".into(), topics: Some(vec![topic]), ..Default::default() };
    let request = OffsetFetchRequest { groups: vec![group], ..Default::default() };
    let answer: OffsetFetchResponse = world.call(8, &request);
    answer.groups[0].topics[0].partitions[0].committed_offset
}

fn throttle(world: &mut World, bytes_per_second: Option<&str>) {
    let (set, delete) = (0, 1);
    let config = AlterableConfig {
        name: "replica.alter.log.dirs.io.max.bytes.per.second".into(),
        config_operation: if bytes_per_second.is_some() { set } else { delete },
        value: bytes_per_second.map(Str::from),
        ..Default::default()
    };
    let resource = AlterConfigsResource {
        resource_type: 4,
        resource_name: "1".into(),
        configs: vec![config],
        ..Default::default()
    };
    let request = IncrementalAlterConfigsRequest { resources: vec![resource], ..Default::default() };
    let answer: IncrementalAlterConfigsResponse = world.call(1, &request);
    assert_eq!(answer.responses[0].error_code, NONE, "{answer:?}");
}
