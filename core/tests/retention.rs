//! What goes, when, and that it is gone for good: retention, DeleteRecords, and what DescribeLogDirs says of it.

mod world;

use std::cell::RefCell;
use std::rc::Rc;

use ottla_core::boundary::{ConnId, Path, StorageCommand};
use ottla_core::memory_disk::MemoryDisk;
use ottla_core::wire::messages::create_topics::{
    CreatableTopic, CreatableTopicConfig, CreateTopicsRequest, CreateTopicsResponse,
};
use ottla_core::wire::messages::delete_records::{
    DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsResponse, DeleteRecordsTopic,
};
use ottla_core::wire::messages::delete_topics::{DeleteTopicsRequest, DeleteTopicsResponse};
use ottla_core::wire::messages::describe_log_dirs::{
    DescribableLogDirTopic, DescribeLogDirsRequest, DescribeLogDirsResponse,
};
use ottla_core::wire::messages::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic};
use ottla_core::wire::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsRequest, ListOffsetsResponse, ListOffsetsTopic,
};
use ottla_core::wire::messages::produce::{PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData};
use ottla_core::wire::{Records, Uuid};
use world::{CLIENT, Verdict, World, batch};

const ERROR_OFFSET_OUT_OF_RANGE: i16 = 1;
const ERROR_UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;
const ERROR_REQUEST_TIMED_OUT: i16 = 7;
const ERROR_INVALID_TOPIC: i16 = 17;
const ERROR_POLICY_VIOLATION: i16 = 44;
const ERROR_KAFKA_STORAGE: i16 = 56;

const HOUR_MS: i64 = 3_600_000;
/// Clients stay connected for hours.
const NEVER_IDLE: (&str, &str) = ("connections.max.idle.ms", "-1");
/// Two of the batches that [`fill`] makes go into a segment.
const SMALL_SEGMENTS: (&str, &str) = ("internal.segment.bytes", "160");

#[test]
fn records_are_deleted_when_the_new_start_is_durable_and_not_before() {
    let mut world = World::new(&[]);
    let topic = create(&mut world, "letters", &[SMALL_SEGMENTS]);
    fill(&mut world, "letters", 7);
    world.judge = Box::new(hold_checkpoint);
    world.send(2, &delete_records(&[("letters", 0, 3)]));
    assert!(world.answer::<DeleteRecordsResponse>(2).is_none());
    let other = ConnId(2);
    world.open(other);
    assert_eq!(earliest(&mut world, other, "letters"), 0);
    world.release();
    assert_eq!(low_watermarks(&world.answer(2).expect("it is durable")), [(3, 0)]);
    assert_eq!(earliest(&mut world, other, "letters"), 3);
    assert_eq!(fetch_error(&mut world, topic, 2), ERROR_OFFSET_OUT_OF_RANGE);
    assert_eq!(fetch_error(&mut world, topic, 3), 0);
    assert_eq!(text(&world.disk, "log-start-offset-checkpoint"), "0\n1\nletters 0 3\n");

    let mut world = World::on(world.crash(), &[]);
    assert_eq!(earliest(&mut world, CLIENT, "letters"), 3);
    assert_eq!(fetch_error(&mut world, topic, 2), ERROR_OFFSET_OUT_OF_RANGE);
}

#[test]
fn minus_one_deletes_up_to_the_high_watermark() {
    let mut world = World::new(&[]);
    let topic = create(&mut world, "letters", &[SMALL_SEGMENTS]);
    fill(&mut world, "letters", 7);
    assert_eq!(delete(&mut world, "letters", 0, -1), (7, 0));
    assert_eq!(delete(&mut world, "letters", 0, 2), (7, 0), "it stays deleted");
    assert_eq!(fetch_error(&mut world, topic, 6), ERROR_OFFSET_OUT_OF_RANGE);
    assert_eq!(produce(&mut world, "letters", "x"), 7);
}

#[test]
fn what_can_not_be_deleted_is_refused_as_kafka_does() {
    let mut world = World::new(&[]);
    create(&mut world, "letters", &[]);
    create(&mut world, "compacted", &[("cleanup.policy", "compact")]);
    create(&mut world, "both", &[("cleanup.policy", "compact,delete")]);
    create(&mut world, "__consumer_offsets", &[]);
    fill(&mut world, "letters", 2);
    assert_eq!(delete(&mut world, "letters", 0, 3), (-1, ERROR_OFFSET_OUT_OF_RANGE));
    assert_eq!(delete(&mut world, "letters", 0, -2), (-1, ERROR_OFFSET_OUT_OF_RANGE));
    assert_eq!(delete(&mut world, "letters", 1, 0), (-1, ERROR_UNKNOWN_TOPIC_OR_PARTITION));
    assert_eq!(delete(&mut world, "missing", 0, 0), (-1, ERROR_UNKNOWN_TOPIC_OR_PARTITION));
    assert_eq!(delete(&mut world, "compacted", 0, 0), (-1, ERROR_POLICY_VIOLATION));
    assert_eq!(delete(&mut world, "__consumer_offsets", 0, 0), (-1, ERROR_INVALID_TOPIC));
    assert_eq!(delete(&mut world, "both", 0, 0), (0, 0));
    let several = delete_records(&[("letters", 0, 9), ("letters", 0, 1), ("both", 0, 0), ("missing", 4, 0)]);
    for version in 0..=2 {
        let answer: DeleteRecordsResponse = world.call(version, &several);
        assert_eq!(low_watermarks(&answer), [(0, 0), (1, 0), (-1, ERROR_UNKNOWN_TOPIC_OR_PARTITION)]);
    }
}

#[test]
fn a_start_that_can_not_be_made_durable_is_an_error_and_does_not_count() {
    let mut world = World::new(&[]);
    create(&mut world, "letters", &[SMALL_SEGMENTS]);
    fill(&mut world, "letters", 7);
    world.judge = Box::new(|command| match command {
        StorageCommand::Rename { to, .. } if to.relative.contains("log-start") => Verdict::Full,
        _ => Verdict::Do,
    });
    assert_eq!(delete(&mut world, "letters", 0, 5), (-1, ERROR_KAFKA_STORAGE));
    assert_eq!(earliest(&mut world, CLIENT, "letters"), 0);
    world.judge = Box::new(|_| Verdict::Do);
    assert_eq!(delete(&mut world, "letters", 0, 5), (5, 0));
}

#[test]
fn a_request_waits_no_longer_than_it_wants() {
    let mut world = World::new(&[]);
    create(&mut world, "letters", &[]);
    fill(&mut world, "letters", 2);
    world.judge = Box::new(hold_checkpoint);
    world.send(2, &delete_records(&[("letters", 0, 1)]));
    world.pass_ms(999);
    assert!(world.answer::<DeleteRecordsResponse>(2).is_none());
    world.pass_ms(1);
    assert_eq!(low_watermarks(&world.answer(2).unwrap()), [(-1, ERROR_REQUEST_TIMED_OUT)]);
    world.release();
    assert_eq!(earliest(&mut world, CLIENT, "letters"), 1, "it is done all the same");
}

#[test]
fn requests_that_come_during_a_write_share_the_next_one() {
    let mut world = World::new(&[]);
    for name in ["a", "b", "c"] {
        create(&mut world, name, &[]);
        fill(&mut world, name, 1);
    }
    let writes = Rc::new(RefCell::new(0));
    let counted = Rc::clone(&writes);
    world.judge = Box::new(move |command| {
        *counted.borrow_mut() += i32::from(hold_checkpoint(command) == Verdict::Hold);
        hold_checkpoint(command)
    });
    for name in ["a", "b", "c"] {
        world.send(2, &delete_records(&[(name, 0, 1)]));
    }
    assert_eq!(*writes.borrow(), 1);
    world.release();
    for _ in 0..3 {
        assert_eq!(low_watermarks(&world.answer(2).unwrap()), [(1, 0)]);
    }
    assert_eq!(text(&world.disk, "log-start-offset-checkpoint"), "0\n3\na 0 1\nb 0 1\nc 0 1\n");
}

#[test]
fn a_topic_does_not_inherit_the_start_of_one_that_had_its_name() {
    let mut world = World::new(&[]);
    create(&mut world, "letters", &[SMALL_SEGMENTS]);
    fill(&mut world, "letters", 7);
    assert_eq!(delete(&mut world, "letters", 0, 5), (5, 0));
    delete_topic(&mut world, "letters");
    world.judge = Box::new(hold_checkpoint);
    world.send(7, &create_request("letters", &[]));
    assert!(world.answer::<CreateTopicsResponse>(7).is_none(), "the checkpoint still has the name");
    world.release();
    assert_eq!(world.answer::<CreateTopicsResponse>(7).unwrap().topics[0].error_code, 0);
    fill(&mut world, "letters", 2);

    let mut world = World::on(world.crash(), &[]);
    assert_eq!(earliest(&mut world, CLIENT, "letters"), 0);
    assert_eq!(produce(&mut world, "letters", "x"), 2);
}

#[test]
fn a_fetch_that_waits_learns_that_its_offset_is_gone() {
    let mut world = World::new(&[]);
    let topic = create(&mut world, "letters", &[]);
    fill(&mut world, "letters", 2);
    let reader = ConnId(2);
    world.open(reader);
    world.send_from(reader, 16, &FetchRequest { min_bytes: 1 << 20, ..fetch(topic, 0) });
    assert!(world.answer_to::<FetchResponse>(reader, 16).is_none());
    assert_eq!(delete(&mut world, "letters", 0, 1), (1, 0));
    let (_, woken) = world.answer_to::<FetchResponse>(reader, 16).expect("it is woken");
    assert_eq!(woken.responses[0].partitions[0].error_code, ERROR_OFFSET_OUT_OF_RANGE);
}

#[test]
fn a_log_is_kept_as_large_as_it_may_be() {
    let mut world = World::new(&[]);
    create(&mut world, "letters", &[SMALL_SEGMENTS, ("retention.bytes", "300")]);
    fill(&mut world, "letters", 20);
    assert_eq!(earliest(&mut world, CLIENT, "letters"), 0);
    world.pass_ms(30_000);
    let start = earliest(&mut world, CLIENT, "letters");
    assert!((14..=16).contains(&start), "the first check is 30 s after the start: {start}");
    let left: usize = segments(&world.disk, "letters-0").iter().map(|(_, size)| size).sum();
    assert!((300..300 + 160).contains(&left), "{left} bytes");
    assert!(world.disk.files().any(|file| file.relative.ends_with(".log.deleted")));
    world.pass_ms(60_000);
    assert!(!world.disk.files().any(|file| file.relative.ends_with(".deleted")));
    assert_eq!(text(&world.disk, "log-start-offset-checkpoint"), format!("0\n1\nletters 0 {start}\n"));
}

#[test]
fn records_go_when_they_are_too_old_and_the_check_comes_every_five_minutes() {
    let mut world = World::new(&[NEVER_IDLE]);
    create(&mut world, "letters", &[SMALL_SEGMENTS, ("retention.ms", "3600000")]);
    fill(&mut world, "letters", 5);
    world.pass_ms(HOUR_MS);
    assert_eq!(earliest(&mut world, CLIENT, "letters"), 0);
    world.pass_ms(300_000);
    assert_eq!(earliest(&mut world, CLIENT, "letters"), 5);
    assert_eq!(segments(&world.disk, "letters-0"), [(5, 0)], "the last segment goes too, and an empty one comes");
    assert_eq!(produce(&mut world, "letters", "x"), 5);
}

#[test]
fn after_a_restart_what_is_too_old_is_found_by_the_time_indexes() {
    let mut world = World::new(&[NEVER_IDLE]);
    create(&mut world, "letters", &[SMALL_SEGMENTS, ("retention.ms", "3600000")]);
    fill(&mut world, "letters", 5);
    let disk = world.shut_down();
    let mut world = World::on(disk, &[NEVER_IDLE]);
    world.pass_ms(HOUR_MS + 300_000);
    assert_eq!(earliest(&mut world, CLIENT, "letters"), 5);
}

#[test]
fn a_compacted_topic_loses_nothing_by_time_and_one_with_both_policies_does() {
    let mut world = World::new(&[NEVER_IDLE]);
    for (name, policy) in [("compacted", "compact"), ("both", "compact,delete")] {
        create(&mut world, name, &[("cleanup.policy", policy), ("retention.ms", "1000")]);
    }
    for name in ["compacted", "both"] {
        let answer: ProduceResponse = world.call(11, &produce_request(name, keyed()));
        assert_eq!(answer.responses[0].partition_responses[0].error_code, 0);
    }
    world.pass_ms(HOUR_MS);
    assert_eq!(earliest(&mut world, CLIENT, "compacted"), 0);
    assert_eq!(earliest(&mut world, CLIENT, "both"), 1);
}

#[test]
fn the_metadata_log_is_never_deleted() {
    let properties = [("log.retention.ms", "1"), ("log.retention.bytes", "1"), ("log.roll.ms", "1")];
    let mut world = World::new(&properties);
    for name in ["a", "b", "c"] {
        create(&mut world, name, &[]);
        world.pass_ms(1_000);
    }
    world.pass_ms(HOUR_MS);
    let mut world = World::on(world.crash(), &properties);
    assert_eq!(produce(&mut world, "a", "x"), 0);
    assert_eq!(segments(&world.disk, "__cluster_metadata-0")[0].0, 0);
}

/// One tick looks at a few logs, so that a produce never waits for all of them.
#[test]
fn many_partitions_are_looked_through_a_few_at_a_time() {
    const PARTITIONS: i32 = 100;
    let mut world = World::new(&[("log.retention.ms", "3600000")]);
    create_with(&mut world, "letters", PARTITIONS, &[SMALL_SEGMENTS]);
    for index in 0..PARTITIONS {
        for _ in 0..3 {
            produce_to(&mut world, "letters", index, "x");
        }
    }
    let mut world = World::on(world.shut_down(), &[("log.retention.ms", "3600000")]);
    let opened = Rc::new(RefCell::new(0));
    let counted = Rc::clone(&opened);
    world.judge = Box::new(move |command| {
        let is_time_index =
            matches!(command, StorageCommand::Open { path, .. } if path.relative.ends_with(".timeindex"));
        *counted.borrow_mut() += i32::from(is_time_index);
        Verdict::Do
    });
    world.pass_ms(30_000);
    let (mut ticks, mut total, begun) = (0, opened.take(), world.now);
    while total < PARTITIONS {
        world.pass_ms(10);
        let now_opened = opened.take();
        assert!(now_opened <= 16, "{now_opened} in one tick");
        total += now_opened;
        ticks += 1;
        assert!(ticks < 1_000, "{total} of {PARTITIONS} after {ticks} ticks");
    }
    assert!(world.now.monotonic.since(begun.monotonic).as_millis() < 500);
    world.pass_ms(1_000);
    assert_eq!(opened.take(), 0, "what is known is not read again");
    let next = world.broker.deadline().unwrap();
    assert!(next > world.now.monotonic.plus_ms(10_000), "and nobody has anything to do for a while");
}

#[test]
fn log_directories_say_how_much_is_in_them() {
    let mut world = World::new(&[]);
    create_with(&mut world, "letters", 2, &[]);
    create(&mut world, "notes", &[]);
    fill(&mut world, "letters", 3);
    let size = |world: &World, dir: &str| segments(&world.disk, dir).iter().map(|(_, size)| *size as i64).sum::<i64>();
    let letters = size(&world, "letters-0");
    assert!(letters > 0);
    for version in 1..=5 {
        let answer: DescribeLogDirsResponse =
            world.call(version, &DescribeLogDirsRequest { topics: None, ..Default::default() });
        assert_eq!(answer.error_code, 0);
        let [dir] = answer.results.as_slice() else { panic!("one directory: {answer:?}") };
        assert_eq!((dir.error_code, &*dir.log_dir), (0, "/tmp/kraft-combined-logs"));
        assert_eq!(sizes(&answer), [("letters", 0, letters), ("letters", 1, 0), ("notes", 0, 0)]);
        let expected = if version < 4 { -1 } else { 1 << 40 };
        assert_eq!(dir.total_bytes, expected);
        assert!(version < 4 || dir.usable_bytes > 0 && dir.usable_bytes < dir.total_bytes);
    }
    let topic =
        |name: &str, partitions| DescribableLogDirTopic { topic: name.into(), partitions, ..Default::default() };
    let topics = vec![topic("letters", vec![0, 7]), topic("missing", vec![0])];
    let answer: DescribeLogDirsResponse =
        world.call(5, &DescribeLogDirsRequest { topics: Some(topics), ..Default::default() });
    assert_eq!(sizes(&answer), [("letters", 0, letters)]);
    world.judge = Box::new(|command| match command {
        StorageCommand::MeasureSpace { .. } => Verdict::Fail,
        _ => Verdict::Do,
    });
    let answer: DescribeLogDirsResponse = world.call(5, &DescribeLogDirsRequest { topics: None, ..Default::default() });
    assert_eq!((answer.results[0].error_code, answer.results[0].topics.len()), (ERROR_KAFKA_STORAGE, 0));
}

fn hold_checkpoint(command: &StorageCommand) -> Verdict {
    match command {
        StorageCommand::Rename { to, .. } if to.relative.contains("log-start") => Verdict::Hold,
        _ => Verdict::Do,
    }
}

fn create(world: &mut World, name: &str, configs: &[(&str, &str)]) -> Uuid {
    create_with(world, name, 1, configs)
}

fn create_with(world: &mut World, name: &str, partitions: i32, configs: &[(&str, &str)]) -> Uuid {
    let mut request = create_request(name, configs);
    request.topics[0].num_partitions = partitions;
    let answer: CreateTopicsResponse = world.call(7, &request);
    assert_eq!(answer.topics[0].error_code, 0, "{answer:?}");
    answer.topics[0].topic_id
}

fn create_request(name: &str, configs: &[(&str, &str)]) -> CreateTopicsRequest {
    let config = |(name, value): &(&str, &str)| CreatableTopicConfig {
        name: (*name).into(),
        value: Some((*value).into()),
        ..Default::default()
    };
    let topic = CreatableTopic {
        name: name.into(),
        num_partitions: 1,
        replication_factor: 1,
        configs: configs.iter().map(config).collect(),
        ..Default::default()
    };
    CreateTopicsRequest { topics: vec![topic], timeout_ms: 1000, ..Default::default() }
}

fn delete_topic(world: &mut World, name: &str) {
    let request = DeleteTopicsRequest { topic_names: vec![name.into()], timeout_ms: 1000, ..Default::default() };
    let answer: DeleteTopicsResponse = world.call(4, &request);
    assert_eq!(answer.responses[0].error_code, 0);
}

fn fill(world: &mut World, topic: &str, batches: i64) {
    for offset in 0..batches {
        assert_eq!(produce(world, topic, "a record"), offset);
    }
}

fn produce(world: &mut World, topic: &str, value: &str) -> i64 {
    produce_to(world, topic, 0, value)
}

fn produce_to(world: &mut World, topic: &str, partition: i32, value: &str) -> i64 {
    let mut request = produce_request(topic, batch(&[value]));
    request.topic_data[0].partition_data[0].index = partition;
    let answer: ProduceResponse = world.call(11, &request);
    let answer = &answer.responses[0].partition_responses[0];
    assert_eq!(answer.error_code, 0, "{answer:?}");
    answer.base_offset
}

fn produce_request(topic: &str, records: bytes::Bytes) -> ProduceRequest {
    let data = PartitionProduceData { records: Some(Records::Bytes(records.into())), ..Default::default() };
    let topic = TopicProduceData { name: topic.into(), partition_data: vec![data], ..Default::default() };
    ProduceRequest { acks: -1, timeout_ms: 1000, topic_data: vec![topic], ..Default::default() }
}

/// A record with a key, as compacted topics need it.
fn keyed() -> bytes::Bytes {
    use ottla_core::records::{BatchBuilder, BuilderRecord};
    let mut builder = BatchBuilder::new();
    builder.push(BuilderRecord { timestamp: 1_800_000_000_000, key: Some(b"k"), ..Default::default() });
    builder.build()
}

fn delete_records(partitions: &[(&str, i32, i64)]) -> DeleteRecordsRequest {
    let topic = |(name, partition_index, offset): &(&str, i32, i64)| DeleteRecordsTopic {
        name: (*name).into(),
        partitions: vec![DeleteRecordsPartition {
            partition_index: *partition_index,
            offset: *offset,
            ..Default::default()
        }],
        ..Default::default()
    };
    DeleteRecordsRequest { topics: partitions.iter().map(topic).collect(), timeout_ms: 1000, ..Default::default() }
}

fn delete(world: &mut World, topic: &str, partition: i32, offset: i64) -> (i64, i16) {
    let answer: DeleteRecordsResponse = world.call(2, &delete_records(&[(topic, partition, offset)]));
    low_watermarks(&answer)[0]
}

/// Low watermarks and errors.
fn low_watermarks(answer: &DeleteRecordsResponse) -> Vec<(i64, i16)> {
    let partitions = answer.topics.iter().flat_map(|topic| &topic.partitions);
    partitions.map(|partition| (partition.low_watermark, partition.error_code)).collect()
}

fn earliest(world: &mut World, conn: ConnId, topic: &str) -> i64 {
    let partition = ListOffsetsPartition { timestamp: -2, current_leader_epoch: -1, ..Default::default() };
    let topic = ListOffsetsTopic { name: topic.into(), partitions: vec![partition], ..Default::default() };
    world.send_from(conn, 7, &ListOffsetsRequest { replica_id: -1, topics: vec![topic], ..Default::default() });
    let (_, answer) = world.answer_to::<ListOffsetsResponse>(conn, 7).expect("it is known at once");
    let partition = &answer.topics[0].partitions[0];
    assert_eq!(partition.error_code, 0);
    partition.offset
}

fn fetch(topic_id: Uuid, fetch_offset: i64) -> FetchRequest {
    let partition = FetchPartition { fetch_offset, partition_max_bytes: 1 << 20, ..Default::default() };
    let topic = FetchTopic { topic_id, partitions: vec![partition], ..Default::default() };
    FetchRequest { max_wait_ms: 500, topics: vec![topic], ..Default::default() }
}

fn fetch_error(world: &mut World, topic: Uuid, offset: i64) -> i16 {
    let answer: FetchResponse = world.call(16, &fetch(topic, offset));
    answer.responses[0].partitions[0].error_code
}

fn sizes(answer: &DescribeLogDirsResponse) -> Vec<(&str, i32, i64)> {
    let topics = answer.results.iter().flat_map(|dir| &dir.topics);
    let mut sizes: Vec<_> = topics
        .flat_map(|topic| {
            let partitions = topic.partitions.iter();
            partitions.map(|partition| (&*topic.name, partition.partition_index, partition.partition_size))
        })
        .collect();
    sizes.sort_unstable();
    sizes
}

/// Base offsets and sizes of a partition's segments.
fn segments(disk: &MemoryDisk, dir: &str) -> Vec<(i64, usize)> {
    let logs = disk.files().filter_map(|file| {
        let base = file.relative.strip_prefix(dir)?.strip_prefix('/')?.strip_suffix(".log")?;
        Some((base.parse().unwrap(), disk.file(file).unwrap().len()))
    });
    logs.collect()
}

fn text(disk: &MemoryDisk, name: &str) -> String {
    String::from_utf8(disk.file(&Path::new(0, name)).expect("the file is there").to_vec()).unwrap()
}

#[test]
fn what_a_broker_says_of_all_topics_does_not_compact_its_metadata() {
    let properties = [
        ("log.cleanup.policy", "compact"),
        ("log.roll.ms", "1"),
        ("log.initial.task.delay.ms", "1"),
        ("log.cleaner.backoff.ms", "1"),
        ("log.cleaner.min.cleanable.ratio", "0"),
    ];
    let mut world = World::new(&properties);
    for name in ["a", "b", "c"] {
        world.create_topic(name, 1);
        world.pass_ms(100);
    }
    let mut world = World::on(world.crash(), &properties);
    for name in ["a", "b", "c"] {
        assert_eq!(earliest(&mut world, CLIENT, name), 0);
    }
}
