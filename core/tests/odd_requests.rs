//! What clients hardly ever ask, and what Apache Kafka makes of it: partitions named twice, topics without partitions, followers
//! that don't exist, levels, epochs and ids that can't be.

mod world;

use bytes::Bytes;
use ottla_core::wire::messages::describe_producers::{
    DescribeProducersRequest, DescribeProducersResponse, TopicRequest,
};
use ottla_core::wire::messages::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic, ReplicaState};
use ottla_core::wire::messages::find_coordinator::{FindCoordinatorRequest, FindCoordinatorResponse};
use ottla_core::wire::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use ottla_core::wire::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsRequest, ListOffsetsResponse, ListOffsetsTopic,
};
use ottla_core::wire::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic, OffsetCommitResponse,
};
use ottla_core::wire::messages::produce::{PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData};
use ottla_core::wire::{Records, Uuid};
use world::{World, batch, idempotent};

const ERROR_UNKNOWN_SERVER_ERROR: i16 = -1;
const ERROR_UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;
const ERROR_NOT_LEADER_OR_FOLLOWER: i16 = 6;
const ERROR_INVALID_REQUEST: i16 = 42;
const ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER: i16 = 45;

#[test]
fn of_records_for_one_partition_the_last_are_appended() {
    let mut world = World::new(&[]);
    let topic = world.create_topic("letters", 1);
    let data =
        |value: &str| PartitionProduceData { index: 0, records: Some(batch(&[value]).into()), ..Default::default() };
    let letters = |values: &[&str]| TopicProduceData {
        name: "letters".into(),
        partition_data: values.iter().map(|value| data(value)).collect(),
        ..Default::default()
    };
    let answer = produce(&mut world, vec![letters(&["first", "second"]), letters(&[]), letters(&["third"])]);
    assert_eq!(answer.responses.len(), 1);
    assert_eq!(answer.responses[0].partition_responses.len(), 1);
    assert_eq!(fetched(&world.call(16, &fetch(topic, vec![from(0, 0)])))[16..], batch(&["third"])[16..]);
    assert!(produce(&mut world, vec![letters(&[])]).responses.is_empty(), "without partitions there is nothing to say");
}

#[test]
fn what_an_idempotent_producer_is_refused_names_the_logs_start() {
    let mut world = World::new(&[]);
    world.create_topic("letters", 1);
    let answer: InitProducerIdResponse = world.call(4, &InitProducerIdRequest::default());
    let send = |world: &mut World, sequence| {
        let records = Some(idempotent(answer.producer_id, sequence, &["a"]).into());
        let partition_data = vec![PartitionProduceData { index: 0, records, ..Default::default() }];
        let topic = TopicProduceData { name: "letters".into(), partition_data, ..Default::default() };
        let answer = produce(world, vec![topic]);
        let data = &answer.responses[0].partition_responses[0];
        (data.error_code, data.base_offset, data.log_start_offset)
    };
    assert_eq!(send(&mut world, 0), (0, 0, 0));
    assert_eq!(send(&mut world, 7), (ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER, -1, 0));
}

#[test]
fn a_producer_id_comes_with_its_epoch() {
    let mut world = World::new(&[]);
    for (producer_id, producer_epoch) in [(5, -1), (-1, 0)] {
        let request = InitProducerIdRequest { producer_id, producer_epoch, ..Default::default() };
        let answer: InitProducerIdResponse = world.call(4, &request);
        assert_eq!((answer.error_code, answer.producer_id), (ERROR_INVALID_REQUEST, -1));
    }
}

#[test]
fn a_partition_that_is_fetched_twice_is_answered_once_from_where_it_was_last_asked_for() {
    let mut world = World::new(&[]);
    let topic = world.create_topic("letters", 1);
    for value in ["a", "b"] {
        let data = PartitionProduceData { index: 0, records: Some(batch(&[value]).into()), ..Default::default() };
        let topic = TopicProduceData { name: "letters".into(), partition_data: vec![data], ..Default::default() };
        produce(&mut world, vec![topic]);
    }
    let answer = world.call(16, &fetch(topic, vec![from(0, 0), from(0, 1)]));
    assert_eq!(fetched(&answer)[..8], 1i64.to_be_bytes());
}

#[test]
fn a_broker_that_is_alone_has_no_followers() {
    let mut world = World::new(&[]);
    let topic = world.create_topic("letters", 1);
    let follower = ReplicaState { replica_id: 2, ..Default::default() };
    let request = FetchRequest { replica_state: follower, ..fetch(topic, vec![from(0, 0)]) };
    assert_eq!(error_of(&world.call(16, &request)), ERROR_NOT_LEADER_OR_FOLLOWER);
}

#[test]
fn isolation_levels_are_0_and_1_and_a_topics_id_is_never_zero() {
    let mut world = World::new(&[]);
    let topic = world.create_topic("letters", 1);
    for request in
        [FetchRequest { isolation_level: 2, ..fetch(topic, vec![from(0, 0)]) }, fetch(Uuid::ZERO, vec![from(0, 0)])]
    {
        let answer: FetchResponse = world.call(16, &request);
        assert_eq!((answer.error_code, answer.responses.len()), (ERROR_UNKNOWN_SERVER_ERROR, 0));
    }
    assert_eq!(list(&mut world, 2, &[&[0]]), [[ERROR_UNKNOWN_SERVER_ERROR]]);
}

#[test]
fn any_negative_leader_epoch_stands_for_none() {
    let mut world = World::new(&[]);
    let topic = world.create_topic("letters", 1);
    let odd = FetchPartition { current_leader_epoch: -2, last_fetched_epoch: -3, ..from(0, 0) };
    assert_eq!(error_of(&world.call(16, &fetch(topic, vec![odd]))), 0);
}

#[test]
fn offsets_that_are_listed_twice_in_a_request_are_refused_once() {
    let mut world = World::new(&[]);
    world.create_topic("letters", 2);
    assert_eq!(list(&mut world, 0, &[&[0, 1, 0], &[], &[0]]), [[ERROR_INVALID_REQUEST, 0]]);
}

#[test]
fn a_commit_says_something_of_a_topic_without_partitions_only_if_there_is_none() {
    let mut world = World::new(&[]);
    let id = world.create_topic("letters", 1);
    let coordinator = FindCoordinatorRequest { coordinator_keys: vec!["readers".into()], ..Default::default() };
    world.call::<_, FindCoordinatorResponse>(6, &coordinator);
    let partition = OffsetCommitRequestPartition { committed_offset: 1, ..Default::default() };
    let topic = |topic_id, partitions| OffsetCommitRequestTopic { topic_id, partitions, ..Default::default() };
    let request = OffsetCommitRequest {
        group_id: "readers".into(),
        generation_id_or_member_epoch: -1,
        topics: vec![topic(id, vec![]), topic(Uuid(7), vec![]), topic(id, vec![partition])],
        ..Default::default()
    };
    let answer: OffsetCommitResponse = world.call(10, &request);
    let mut told: Vec<_> = answer.topics.iter().map(|topic| (topic.topic_id, topic.partitions.len())).collect();
    told.sort_unstable_by_key(|(_, partitions)| *partitions);
    assert_eq!(told, [(Uuid(7), 0), (id, 1)]);
    assert_eq!(answer.topics.iter().flat_map(|topic| &topic.partitions).next().unwrap().error_code, 0);
}

#[test]
fn who_asks_for_the_producers_of_a_topic_that_is_not_there_gets_words_and_of_a_partition_none() {
    let mut world = World::new(&[]);
    world.create_topic("letters", 1);
    let mut words = |topic: &str, partition: i32| {
        let topic = TopicRequest { name: topic.into(), partition_indexes: vec![partition], ..Default::default() };
        let request = DescribeProducersRequest { topics: vec![topic], ..Default::default() };
        let answer: DescribeProducersResponse = world.call(0, &request);
        let partition = answer.topics[0].partitions[0].clone();
        (partition.error_code, partition.error_message.map(|words| words.to_string()))
    };
    assert_eq!(words("letters", 0), (0, None));
    assert_eq!(words("letters", 7), (ERROR_UNKNOWN_TOPIC_OR_PARTITION, None));
    let told = "This server does not host this topic-partition.";
    assert_eq!(words("numbers", 0), (ERROR_UNKNOWN_TOPIC_OR_PARTITION, Some(told.to_owned())));
}

fn produce(world: &mut World, topic_data: Vec<TopicProduceData>) -> ProduceResponse {
    world.call(11, &ProduceRequest { acks: -1, timeout_ms: 1000, topic_data, ..Default::default() })
}

fn from(partition: i32, fetch_offset: i64) -> FetchPartition {
    FetchPartition { partition, fetch_offset, partition_max_bytes: 1 << 20, ..Default::default() }
}

fn fetch(topic_id: Uuid, partitions: Vec<FetchPartition>) -> FetchRequest {
    FetchRequest { topics: vec![FetchTopic { topic_id, partitions, ..Default::default() }], ..Default::default() }
}

fn error_of(answer: &FetchResponse) -> i16 {
    answer.responses[0].partitions[0].error_code
}

/// The records of the one partition in the answer.
fn fetched(answer: &FetchResponse) -> Bytes {
    let [topic] = answer.responses.as_slice() else { panic!("not one topic: {answer:?}") };
    let [data] = topic.partitions.as_slice() else { panic!("not one partition: {answer:?}") };
    match &data.records {
        Some(Records::Bytes(bytes)) => bytes.to_bytes(),
        other => panic!("a decoded answer holds bytes, not {other:?}"),
    }
}

/// The errors by topic, of a request that names `letters` once for each element of `partitions`.
fn list(world: &mut World, isolation_level: i8, partitions: &[&[i32]]) -> Vec<Vec<i16>> {
    let partition = |index: &i32| ListOffsetsPartition { partition_index: *index, timestamp: -1, ..Default::default() };
    let topic = |indexes: &&[i32]| ListOffsetsTopic {
        name: "letters".into(),
        partitions: indexes.iter().map(partition).collect(),
        ..Default::default()
    };
    let topics = partitions.iter().map(topic).collect();
    let answer: ListOffsetsResponse =
        world.call(7, &ListOffsetsRequest { replica_id: -1, isolation_level, topics, ..Default::default() });
    answer.topics.iter().map(|topic| topic.partitions.iter().map(|data| data.error_code).collect()).collect()
}
