//! Quotas at work: clients that take too much are told to wait, and are not served until they have.

mod world;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use ottla_core::boundary::{CloseReason, ConnId, Input};
use ottla_core::wire::messages::alter_client_quotas::{
    AlterClientQuotasRequest, AlterClientQuotasResponse, EntityData, EntryData, OpData,
};
use ottla_core::wire::messages::create_topics::{CreatableTopic, CreateTopicsRequest, CreateTopicsResponse};
use ottla_core::wire::messages::describe_client_quotas::{DescribeClientQuotasRequest, DescribeClientQuotasResponse};
use ottla_core::wire::messages::describe_cluster::{DescribeClusterRequest, DescribeClusterResponse};
use ottla_core::wire::messages::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic};
use ottla_core::wire::messages::metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponse};
use ottla_core::wire::messages::produce::{PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData};
use ottla_core::wire::{Records, Uuid};
use world::{CLIENT, World, batch};

const ERROR_THROTTLING_QUOTA_EXCEEDED: i16 = 89;
/// Who has no quota.
const OTHER: ConnId = ConnId(9);

/// Sets a quota of a client id, or with a null one of all, for a user or an address in the same way.
fn set(world: &mut World, parts: &[(&str, Option<&str>)], key: &str, value: f64) {
    let part = |(entity_type, name): &(&str, Option<&str>)| EntityData {
        entity_type: (*entity_type).into(),
        entity_name: name.map(Into::into),
        ..Default::default()
    };
    let op = OpData { key: key.into(), value, remove: value == 0.0, ..Default::default() };
    let entity = parts.iter().map(part).collect();
    let entries = vec![EntryData { entity, ops: vec![op], ..Default::default() }];
    let answer: AlterClientQuotasResponse = world.call(1, &AlterClientQuotasRequest { entries, ..Default::default() });
    assert_eq!(answer.entries[0].error_code, 0, "{answer:?}");
}

fn letter(size_bytes: usize) -> Bytes {
    batch(&[&"x".repeat(size_bytes)])
}

fn produce_request(records: Bytes) -> ProduceRequest {
    let partition = PartitionProduceData { index: 0, records: Some(Records::from(records)), ..Default::default() };
    let topic = TopicProduceData { name: "letters".into(), partition_data: vec![partition], ..Default::default() };
    ProduceRequest { acks: 1, timeout_ms: 1000, topic_data: vec![topic], ..Default::default() }
}

fn produce(world: &mut World, size_bytes: usize) -> i32 {
    world.call::<_, ProduceResponse>(11, &produce_request(letter(size_bytes))).throttle_time_ms
}

fn fetch_request(topic_id: Uuid) -> FetchRequest {
    let partition = FetchPartition { partition: 0, partition_max_bytes: 1 << 20, ..Default::default() };
    let topic = FetchTopic { topic_id, partitions: vec![partition], ..Default::default() };
    FetchRequest { max_bytes: 1 << 20, session_epoch: -1, topics: vec![topic], ..Default::default() }
}

fn fetched_bytes(answer: &FetchResponse) -> u64 {
    let partitions = answer.responses.iter().flat_map(|topic| &topic.partitions);
    partitions.map(|data| data.records.as_ref().map_or(0, |records| records.size_bytes()) as u64).sum()
}

#[test]
fn a_producer_that_is_too_fast_is_told_how_long_to_wait_and_waits() {
    let mut world = World::new(&[]);
    world.create_topic("letters", 1);
    set(&mut world, &[("client-id", Some("test"))], "producer_byte_rate", 1_000.0);
    assert_eq!(produce(&mut world, 9_000), 0, "ten seconds' worth may come at once");
    let throttle_ms = produce(&mut world, 9_000);
    assert!((8_000..9_000).contains(&throttle_ms), "{throttle_ms}: 18,000 bytes and what is around them take 18 s");
    assert!(!world.gates[&CLIENT]);

    world.send(11, &produce_request(letter(1)));
    world.send(0, &DescribeClusterRequest::default());
    assert!(world.answer::<ProduceResponse>(11).is_none(), "what was on its way waits, too");
    world.pass_ms(i64::from(throttle_ms) - 1);
    assert!(world.answer::<ProduceResponse>(11).is_none());
    world.pass_ms(1);
    let late = world.answer::<ProduceResponse>(11).expect("it is served now");
    assert_eq!(late.responses[0].partition_responses[0].base_offset, 2);
    let more_ms = i64::from(late.throttle_time_ms);
    if more_ms > 0 {
        world.pass_ms(more_ms);
    }
    assert!(world.answer::<DescribeClusterResponse>(0).is_some());
    world.pass_ms(20_000);
    assert!(world.gates[&CLIENT]);
    assert_eq!(produce(&mut world, 9_000), 0, "the past is forgotten");
}

#[test]
fn others_are_not_held_up_and_a_quota_that_is_gone_holds_up_nobody() {
    let mut world = World::new(&[("connections.max.idle.ms", "-1")]);
    world.create_topic("letters", 1);
    set(&mut world, &[("client-id", Some("test"))], "producer_byte_rate", 10.0);
    assert!(produce(&mut world, 9_000) > 0);
    world.client_id = "other";
    world.open(OTHER);
    world.send_from(OTHER, 11, &produce_request(letter(9_000)));
    assert_eq!(world.answer_to::<ProduceResponse>(OTHER, 11).expect("an answer").1.throttle_time_ms, 0);
    world.client_id = "test";
    world.pass_ms(100_000_000);
    set(&mut world, &[("client-id", Some("test"))], "producer_byte_rate", 0.0);
    assert_eq!(produce(&mut world, 90_000), 0);
}

#[test]
fn the_most_specific_quota_counts() {
    let mut world = World::new(&[("connections.max.idle.ms", "-1")]);
    world.create_topic("letters", 1);
    let user = ("user", Some("ANONYMOUS"));
    let mut waits = |parts: &[(&str, Option<&str>)], value: f64| {
        set(&mut world, parts, "producer_byte_rate", value);
        let throttle_ms = produce(&mut world, 9_000);
        world.pass_ms(1_000_000);
        throttle_ms > 0
    };
    assert!(waits(&[("client-id", None)], 10.0));
    assert!(!waits(&[("client-id", Some("test"))], 1e6), "a name before the default");
    assert!(waits(&[("user", None)], 10.0), "a user before a client id");
    assert!(!waits(&[("user", None), ("client-id", None)], 1e6));
    assert!(waits(&[user], 10.0), "this user before any user's client ids");
    assert!(!waits(&[user, ("client-id", None)], 1e6));
    assert!(waits(&[user, ("client-id", Some("test"))], 10.0));
}

#[test]
fn a_consumer_that_is_too_fast_gets_nothing_until_it_has_waited() {
    let mut world = World::new(&[]);
    let topic_id = world.create_topic("letters", 1);
    produce(&mut world, 5_000);
    set(&mut world, &[("client-id", Some("test"))], "consumer_byte_rate", 1_000.0);
    let mut throttle_ms = 0;
    for _ in 0..2 {
        let answer: FetchResponse = world.call(16, &fetch_request(topic_id));
        assert_eq!(fetched_bytes(&answer) > 5_000, answer.throttle_time_ms == 0);
        throttle_ms = answer.throttle_time_ms;
        if throttle_ms > 0 {
            break;
        }
    }
    assert!((1..2_000).contains(&throttle_ms), "{throttle_ms}");
    world.pass_ms(12_000);
    let answer: FetchResponse = world.call(16, &fetch_request(topic_id));
    assert!(fetched_bytes(&answer) > 5_000, "what it did not get was not counted");
}

#[test]
fn partitions_are_made_at_a_rate_and_newer_clients_are_refused() {
    let mut world = World::new(&[]);
    set(&mut world, &[("user", None)], "controller_mutation_rate", 1.0);
    let mut create = |name: &str, version: i16| {
        let topic =
            CreatableTopic { name: name.into(), num_partitions: 12, replication_factor: 1, ..Default::default() };
        let request = CreateTopicsRequest { topics: vec![topic], timeout_ms: 1000, ..Default::default() };
        let answer: CreateTopicsResponse = world.call(version, &request);
        world.pass_ms(i64::from(answer.throttle_time_ms));
        (answer.topics[0].error_code, answer.throttle_time_ms)
    };
    assert_eq!(create("a", 7), (0, 0), "eleven seconds' worth was saved up, and more may be taken");
    assert_eq!(create("b", 7), (ERROR_THROTTLING_QUOTA_EXCEEDED, 1_000));
    assert_eq!(create("b", 7), (0, 0));
    assert_eq!(create("c", 5), (0, 24_000), "an older client does not know the error, and waits");
    assert_eq!(create("d", 7), (0, 0));
}

/// Apache Kafka 4.3.1 created the same ones of such topics, and said as little.
#[test]
fn topics_that_are_created_by_asking_for_them_are_counted_and_who_asks_is_not_told() {
    let mut world = World::new(&[("num.partitions", "12")]);
    set(&mut world, &[("user", None)], "controller_mutation_rate", 1.0);
    let mut are_there = |names: &[&str]| {
        let topic = |name: &&str| MetadataRequestTopic { name: Some((*name).into()), ..Default::default() };
        let topics = Some(names.iter().map(topic).collect());
        let request = MetadataRequest { topics, allow_auto_topic_creation: true, ..Default::default() };
        let answer: MetadataResponse = world.call(12, &request);
        assert_eq!(answer.throttle_time_ms, 0);
        world.pass_ms(1_000);
        let request = MetadataRequest { allow_auto_topic_creation: false, ..request };
        let answer: MetadataResponse = world.call(12, &request);
        answer.topics.iter().map(|topic| topic.error_code == 0).collect::<Vec<_>>()
    };
    assert_eq!(are_there(&["a"]), [true], "eleven seconds' worth was saved up, and more may be taken");
    assert_eq!(are_there(&["b", "c"]), [true, false], "a second later there is room for one of them");
    assert_eq!(are_there(&["c"]), [false]);
}

#[test]
fn time_that_requests_took_is_told_from_outside_and_counts() {
    let mut world = World::new(&[]);
    assert!(!world.broker.measures_time());
    set(&mut world, &[("client-id", Some("test"))], "request_percentage", 10.0);
    assert!(world.broker.measures_time());
    let ask = |world: &mut World| {
        world.call::<_, DescribeClusterResponse>(0, &DescribeClusterRequest::default()).throttle_time_ms
    };
    let _: DescribeClusterResponse = world.call(0, &DescribeClusterRequest::default());
    world.broker.spent(CLIENT, Duration::from_millis(900));
    assert_eq!(ask(&mut world), 0, "90 % of a second in ten");
    world.broker.spent(CLIENT, Duration::from_millis(600));
    assert_eq!(ask(&mut world), 1_000, "nobody waits for longer than a window");
}

#[test]
fn an_address_that_connects_too_often_is_turned_away_after_a_while() {
    let mut world = World::new(&[]);
    set(&mut world, &[("ip", Some("10.0.0.7"))], "connection_creation_rate", 1.0);
    let open = |world: &mut World, id: u64, ip: [u8; 4]| {
        let conn = ConnId(id);
        world.handle(Input::Opened { conn, peer: SocketAddr::from((ip, 50_000)), listener: 0 });
        world.gates.get(&conn) != Some(&false)
    };
    for id in 100..110 {
        assert!(open(&mut world, id, [10, 0, 0, 7]));
        assert!(open(&mut world, id + 100, [10, 0, 0, 8]), "another address has no quota");
    }
    assert!(!open(&mut world, 110, [10, 0, 0, 7]));
    world.pass_ms(1_000);
    assert!(matches!(world.closed[&ConnId(110)], CloseReason::Limit(_)), "{:?}", world.closed);
    set(&mut world, &[("ip", None)], "connection_creation_rate", 1.0);
    for id in 300..310 {
        assert!(open(&mut world, id, [10, 0, 0, 9]));
    }
    assert!(!open(&mut world, 310, [10, 0, 0, 9]));
}

#[test]
fn quotas_hold_after_a_stop_and_after_a_crash() {
    let mut world = World::new(&[]);
    world.create_topic("letters", 1);
    set(&mut world, &[("client-id", Some("test"))], "producer_byte_rate", 10.0);
    let mut world = World::on(world.shut_down(), &[]);
    assert!(produce(&mut world, 9_000) > 0);
    let mut world = World::on(world.crash(), &[]);
    let described: DescribeClientQuotasResponse = world.call(1, &DescribeClientQuotasRequest::default());
    let entries = described.entries.expect("no error");
    assert_eq!((&*entries[0].values[0].key, entries[0].values[0].value), ("producer_byte_rate", 10.0));
    assert!(produce(&mut world, 9_000) > 0);
}

#[test]
fn a_stop_does_not_wait_for_those_that_wait() {
    let mut world = World::new(&[]);
    world.create_topic("letters", 1);
    set(&mut world, &[("client-id", Some("test"))], "producer_byte_rate", 10.0);
    assert!(produce(&mut world, 9_000) > 0);
    world.send(11, &produce_request(letter(1)));
    world.shut_down();
}
