//! Configs that change while the broker runs: what a client set is what the logs then do, and it holds over a restart.

mod world;

use bytes::Bytes;
use ottla_core::boundary::{Path, StorageCommand};
use ottla_core::records::{BatchHeader, Compression};
use ottla_core::wire::messages::alter_configs as legacy;
use ottla_core::wire::messages::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult, DescribeConfigsResponse,
};
use ottla_core::wire::messages::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic, PartitionData};
use ottla_core::wire::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
};
use ottla_core::wire::messages::list_config_resources::{ListConfigResourcesRequest, ListConfigResourcesResponse};
use ottla_core::wire::messages::produce::{
    PartitionProduceData, PartitionProduceResponse, ProduceRequest, ProduceResponse, TopicProduceData,
};
use ottla_core::wire::{Records, Str, Uuid};
use world::{Verdict, World, batch, idempotent};

const ERROR_MESSAGE_TOO_LARGE: i16 = 10;
const ERROR_INVALID_TIMESTAMP: i16 = 32;
const ERROR_INVALID_REQUEST: i16 = 42;
const ERROR_INVALID_RECORD: i16 = 87;

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;

#[test]
fn a_topics_configs_count_from_the_next_batch_on() {
    let mut world = World::new(&[]);
    world.create_topic("letters", 1);
    assert_eq!(produce(&mut world, batch(&["a"])).error_code, 0);
    set(&mut world, TOPIC, "letters", "max.message.bytes", "70");
    assert_eq!(produce(&mut world, batch(&["a letter that is longer"])).error_code, ERROR_MESSAGE_TOO_LARGE);
    edit(&mut world, TOPIC, "letters", &[(DELETE, "max.message.bytes", None)]);
    assert_eq!(produce(&mut world, batch(&["a letter that is longer"])).error_code, 0);

    set(&mut world, TOPIC, "letters", "message.timestamp.type", "LogAppendTime");
    assert_eq!(produce(&mut world, batch(&["b"])).log_append_time_ms, world.now.wall.0);
    set(&mut world, TOPIC, "letters", "message.timestamp.type", "CreateTime");
    assert_eq!(produce(&mut world, batch(&["c"])).log_append_time_ms, -1);

    world.pass_ms(10_000);
    set(&mut world, TOPIC, "letters", "message.timestamp.before.max.ms", "9999");
    assert_eq!(produce(&mut world, batch(&["d"])).error_code, ERROR_INVALID_TIMESTAMP);
    edit(&mut world, TOPIC, "letters", &[(DELETE, "message.timestamp.before.max.ms", None)]);
    edit(&mut world, TOPIC, "letters", &[(APPEND, "cleanup.policy", Some("compact"))]);
    assert_eq!(produce(&mut world, batch(&["e"])).error_code, ERROR_INVALID_RECORD, "it has no key");
}

#[test]
fn a_produce_waits_for_its_sync_once_the_topic_says_so() {
    let mut world = World::new(&[]);
    world.create_topic("letters", 1);
    set(&mut world, TOPIC, "letters", "flush.messages", "1");
    world.judge = Box::new(|command| match command {
        StorageCommand::Sync { .. } => Verdict::Hold,
        _ => Verdict::Do,
    });
    world.send(11, &produce_request(batch(&["a"])));
    assert!(world.answer::<ProduceResponse>(11).is_none());
    world.release();
    assert!(world.answer::<ProduceResponse>(11).is_some());
}

#[test]
fn segments_and_retention_follow_the_topics_configs() {
    let mut world = World::new(&[("log.initial.task.delay.ms", "0"), ("log.retention.check.interval.ms", "1000")]);
    let topic = world.create_topic("letters", 1);
    let is_segment = |path: &&Path| path.relative.starts_with("letters-0/") && path.relative.ends_with(".log");
    let segments = |world: &World| world.disk.files().filter(is_segment).count();
    produce(&mut world, batch(&["a"]));
    produce(&mut world, batch(&["b"]));
    assert_eq!(segments(&world), 1);
    set(&mut world, TOPIC, "letters", "internal.segment.bytes", "128");
    produce(&mut world, batch(&["c"]));
    produce(&mut world, batch(&["d"]));
    assert!(segments(&world) > 1, "each batch fills its segment");
    world.pass_ms(5_000);
    assert_eq!(fetch(&mut world, topic, 3).log_start_offset, 0);
    set(&mut world, TOPIC, "letters", "retention.ms", "1000");
    world.pass_ms(5_000);
    assert_ne!(fetch(&mut world, topic, 4).log_start_offset, 0, "what is older than a second goes");
}

#[test]
fn batches_are_stored_with_the_codec_that_the_topic_wants() {
    let mut world = World::new(&[]);
    let topic = world.create_topic("letters", 1);
    set(&mut world, TOPIC, "letters", "compression.type", "zstd");
    let sent = idempotent(7, 0, &["a letter", "a letter", "a letter"]);
    assert_eq!(produce(&mut world, sent.clone()).error_code, 0);
    let again = produce(&mut world, sent);
    assert_eq!((again.error_code, again.base_offset), (0, 0), "a producer that repeats itself is still recognised");
    let stored = bytes_of(&fetch(&mut world, topic, 0));
    let header = BatchHeader::parse(&stored).expect("a batch");
    assert_eq!(header.attributes.compression(), Ok(Compression::Zstd));
    assert_eq!((header.producer_id.0, header.base_sequence, header.record_count), (7, 0, 3));
    set(&mut world, TOPIC, "letters", "compression.type", "producer");
    let plain = batch(&["b"]);
    produce(&mut world, plain.clone());
    assert_eq!(bytes_of(&fetch(&mut world, topic, 3))[16..], plain[16..]);
}

#[test]
fn a_brokers_configs_are_the_defaults_of_its_topics() {
    let mut world = World::new(&[("message.max.bytes", "2000")]);
    world.create_topic("letters", 1);
    let large = batch(&["a letter that is longer"]);
    set(&mut world, BROKER, "", "message.max.bytes", "70");
    assert_eq!(produce(&mut world, large.clone()).error_code, ERROR_MESSAGE_TOO_LARGE);
    set(&mut world, BROKER, "1", "message.max.bytes", "3000");
    assert_eq!(
        produce(&mut world, large.clone()).error_code,
        0,
        "what is said to one comes before what is said to all"
    );
    set(&mut world, TOPIC, "letters", "max.message.bytes", "71");
    assert_eq!(produce(&mut world, large).error_code, ERROR_MESSAGE_TOO_LARGE);
    let described = describe(&mut world, TOPIC, "letters", "max.message.bytes");
    assert_eq!(
        places(&described),
        [
            ("max.message.bytes", "71", 1),
            ("message.max.bytes", "3000", 2),
            ("message.max.bytes", "70", 3),
            ("message.max.bytes", "2000", 4),
            ("message.max.bytes", "1048588", 5),
        ]
    );
    edit(&mut world, BROKER, "1", &[(DELETE, "message.max.bytes", None)]);
    let described = describe(&mut world, BROKER, "1", "message.max.bytes");
    assert_eq!((described.value.as_deref(), described.config_source), (Some("70"), 3));
}

#[test]
fn what_was_set_holds_after_a_stop_and_after_a_crash() {
    let mut world = World::new(&[]);
    world.create_topic("letters", 1);
    set(&mut world, TOPIC, "letters", "max.message.bytes", "70");
    set(&mut world, BROKER, "", "log.retention.ms", "77777");
    let large = batch(&["a letter that is longer"]);
    let mut world = World::on(world.shut_down(), &[]);
    assert_eq!(produce(&mut world, large.clone()).error_code, ERROR_MESSAGE_TOO_LARGE);
    let retention = describe(&mut world, TOPIC, "letters", "retention.ms");
    assert_eq!((retention.value.as_deref(), retention.config_source), (Some("77777"), 3));
    edit(&mut world, TOPIC, "letters", &[(DELETE, "max.message.bytes", None)]);
    let mut world = World::on(world.crash(), &[]);
    assert_eq!(produce(&mut world, large).error_code, 0);
}

#[test]
fn a_change_is_answered_when_it_is_committed_and_the_next_builds_on_it() {
    let mut world = World::new(&[]);
    world.create_topic("letters", 1);
    let is_sync = |command: &StorageCommand| matches!(command, StorageCommand::Sync { .. });
    world.judge = Box::new(move |command| if is_sync(command) { Verdict::Hold } else { Verdict::Do });
    let first = [(SET, "cleanup.policy", Some("compact")), (SET, "flush.ms", Some("5"))];
    world.send(1, &request(TOPIC, "letters", &first));
    world.send(1, &request(TOPIC, "letters", &[(APPEND, "cleanup.policy", Some("delete"))]));
    world.send(1, &request(TOPIC, "letters", &[(DELETE, "flush.ms", None)]));
    assert!(world.answer::<IncrementalAlterConfigsResponse>(1).is_none(), "it is not synced yet");
    while world.held() > 0 {
        world.release();
    }
    for _ in 0..3 {
        let answer: IncrementalAlterConfigsResponse = world.answer(1).expect("it is committed");
        assert_eq!(answer.responses[0].error_code, 0, "{answer:?}");
    }
    let policy = describe(&mut world, TOPIC, "letters", "cleanup.policy");
    assert_eq!(policy.value.as_deref(), Some("compact,delete"));
    assert_eq!(describe(&mut world, TOPIC, "letters", "flush.ms").config_source, 5, "it was set, and then no more");
}

#[test]
fn the_older_call_replaces_all_configs_of_a_topic() {
    let mut world = World::new(&[]);
    world.create_topic("letters", 1);
    set(&mut world, TOPIC, "letters", "retention.ms", "5");
    let config = legacy::AlterableConfig { name: "flush.ms".into(), value: Some("7".into()), ..Default::default() };
    let resource = legacy::AlterConfigsResource {
        resource_type: TOPIC,
        resource_name: "letters".into(),
        configs: vec![config],
        ..Default::default()
    };
    let request = legacy::AlterConfigsRequest { resources: vec![resource], ..Default::default() };
    let answer: legacy::AlterConfigsResponse = world.call(2, &request);
    assert_eq!(answer.responses[0].error_code, 0);
    assert_eq!(describe(&mut world, TOPIC, "letters", "flush.ms").value.as_deref(), Some("7"));
    assert_eq!(describe(&mut world, TOPIC, "letters", "retention.ms").config_source, 5);
}

#[test]
fn what_takes_a_restart_is_refused() {
    let mut world = World::new(&[]);
    let answer: IncrementalAlterConfigsResponse =
        world.call(1, &request(BROKER, "1", &[(SET, "num.partitions", Some("3"))]));
    let response = &answer.responses[0];
    assert_eq!(response.error_code, ERROR_INVALID_REQUEST);
    assert_eq!(response.error_message.as_deref(), Some("Cannot update these configs dynamically: [num.partitions]"));
}

#[test]
fn throttles_of_replicas_are_known_once_they_are_set() {
    const THROTTLE: &str = "replica.alter.log.dirs.io.max.bytes.per.second";
    let mut world = World::new(&[]);
    for (value, why) in [("junk", "Not a number of type LONG"), ("-5", "Value must be at least 0")] {
        let answer: IncrementalAlterConfigsResponse =
            world.call(1, &request(BROKER, "1", &[(SET, THROTTLE, Some(value))]));
        let response = &answer.responses[0];
        let message = format!("Invalid value {value} for configuration {THROTTLE}: {why}");
        assert_eq!((response.error_code, response.error_message.as_deref()), (ERROR_INVALID_REQUEST, Some(&*message)));
    }
    set(&mut world, BROKER, "1", THROTTLE, "100000");
    set(&mut world, BROKER, "", THROTTLE, "70000");
    let found = describe(&mut world, BROKER, "1", THROTTLE);
    let kind = (found.config_type, found.config_source, found.read_only, found.is_sensitive);
    assert_eq!((found.value.as_deref(), kind), (Some("100000"), (5, 2, false, false)));
    let synonyms: Vec<_> = found.synonyms.iter().map(|synonym| synonym.value.as_deref()).collect();
    assert_eq!(synonyms, [Some("100000"), Some("70000")]);
}

#[test]
fn resources_are_listed() {
    let mut world = World::new(&[]);
    world.create_topic("letters", 1);
    let request = ListConfigResourcesRequest::default();
    let answer: ListConfigResourcesResponse = world.call(1, &request);
    let names: Vec<_> = answer.config_resources.iter().map(|one| (one.resource_type, &*one.resource_name)).collect();
    assert_eq!((answer.error_code, names), (0, vec![(8, "1"), (BROKER, "1"), (TOPIC, "letters")]));
}

type Edit<'a> = (i8, &'a str, Option<&'a str>);

fn request(resource_type: i8, name: &str, edits: &[Edit<'_>]) -> IncrementalAlterConfigsRequest {
    let config = |(config_operation, name, value): &Edit<'_>| AlterableConfig {
        name: (*name).into(),
        config_operation: *config_operation,
        value: value.map(Str::from),
        ..Default::default()
    };
    let resource = AlterConfigsResource {
        resource_type,
        resource_name: name.into(),
        configs: edits.iter().map(config).collect(),
        ..Default::default()
    };
    IncrementalAlterConfigsRequest { resources: vec![resource], ..Default::default() }
}

fn edit(world: &mut World, resource_type: i8, name: &str, edits: &[Edit<'_>]) {
    let answer: IncrementalAlterConfigsResponse = world.call(1, &request(resource_type, name, edits));
    assert_eq!(answer.responses[0].error_code, 0, "{answer:?}");
}

fn set(world: &mut World, resource_type: i8, name: &str, config: &str, value: &str) {
    edit(world, resource_type, name, &[(SET, config, Some(value))]);
}

fn describe(world: &mut World, resource_type: i8, name: &str, config: &str) -> DescribeConfigsResourceResult {
    let resource = DescribeConfigsResource {
        resource_type,
        resource_name: name.into(),
        configuration_keys: Some(vec![config.into()]),
        ..Default::default()
    };
    let request = DescribeConfigsRequest { resources: vec![resource], include_synonyms: true, ..Default::default() };
    let mut answer: DescribeConfigsResponse = world.call(4, &request);
    assert_eq!(answer.results[0].error_code, 0, "{answer:?}");
    answer.results.remove(0).configs.remove(0)
}

/// Who has a value, and where it was set.
fn places(described: &DescribeConfigsResourceResult) -> Vec<(&str, &str, i8)> {
    let synonyms = described.synonyms.iter();
    synonyms.map(|one| (&*one.name, one.value.as_deref().unwrap_or("null"), one.source)).collect()
}

fn produce_request(records: Bytes) -> ProduceRequest {
    let data = PartitionProduceData { records: Some(Records::Bytes(records.into())), ..Default::default() };
    let topic = TopicProduceData { name: "letters".into(), partition_data: vec![data], ..Default::default() };
    ProduceRequest { acks: -1, timeout_ms: 1000, topic_data: vec![topic], ..Default::default() }
}

fn produce(world: &mut World, records: Bytes) -> PartitionProduceResponse {
    let mut answer: ProduceResponse = world.call(11, &produce_request(records));
    answer.responses.remove(0).partition_responses.remove(0)
}

fn fetch(world: &mut World, topic_id: Uuid, fetch_offset: i64) -> PartitionData {
    let partition = FetchPartition { fetch_offset, partition_max_bytes: 1 << 20, ..Default::default() };
    let topic = FetchTopic { topic_id, partitions: vec![partition], ..Default::default() };
    let request = FetchRequest { max_wait_ms: 0, topics: vec![topic], ..Default::default() };
    let mut answer: FetchResponse = world.call(16, &request);
    answer.responses.remove(0).partitions.remove(0)
}

fn bytes_of(data: &PartitionData) -> Bytes {
    match &data.records {
        Some(Records::Bytes(bytes)) => bytes.to_bytes(),
        other => panic!("a decoded answer holds bytes, not {other:?}"),
    }
}
