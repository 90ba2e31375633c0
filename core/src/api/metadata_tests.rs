use alloc::format;
use alloc::vec;

use super::*;
use crate::api::testing::{Cluster, serving, words};
use crate::types::NodeId;

fn cluster() -> Cluster {
    let mut cluster = Cluster::new();
    cluster.add("m", 5, 2);
    cluster.add("t", 6, 1);
    cluster
}

fn named(names: &[&str]) -> Vec<MetadataRequestTopic> {
    names.iter().map(|name| MetadataRequestTopic { name: Some((*name).into()), ..Default::default() }).collect()
}

fn identified(ids: &[u128]) -> Vec<MetadataRequestTopic> {
    ids.iter().map(|id| MetadataRequestTopic { name: None, topic_id: Uuid(*id), ..Default::default() }).collect()
}

fn ask_of(cluster: &mut Cluster, version: i16, topics: Option<Vec<MetadataRequestTopic>>) -> Change<MetadataResponse> {
    let request = MetadataRequest { topics, ..Default::default() };
    let view = View { image: &cluster.image, config: &cluster.config, listener: 0 };
    handle(&request, version, view, &serving, &mut cluster.rng)
}

fn ask(version: i16, topics: Option<Vec<MetadataRequestTopic>>) -> Change<MetadataResponse> {
    ask_of(&mut cluster(), version, topics)
}

fn topics(change: &Change<MetadataResponse>) -> Vec<(&str, i16)> {
    change.response.topics.iter().map(|t| (t.name.as_deref().unwrap_or("null"), t.error_code)).collect()
}

#[test]
fn the_answer_tells_brokers_cluster_and_controller() {
    let answer = ask(12, Some(vec![])).response;
    assert_eq!(answer.brokers.len(), 1);
    assert_eq!(
        (answer.brokers[0].node_id, &*answer.brokers[0].host, answer.brokers[0].port),
        (1, "broker.example", 9092)
    );
    assert_eq!((answer.cluster_id.as_deref(), answer.controller_id), (Some("cluster"), 1));
    assert_eq!(answer.topics, []);
}

#[test]
fn all_topics_are_asked_for_by_null_and_in_v0_by_nothing() {
    assert_eq!(topics(&ask(1, None)), [("m", 0), ("t", 0)]);
    assert_eq!(topics(&ask(0, Some(vec![]))), [("m", 0), ("t", 0)]);
    assert_eq!(topics(&ask(1, Some(vec![]))), []);
}

#[test]
fn topics_are_told_by_name_once_each() {
    let change = ask(12, Some(named(&["t", "m", "t"])));
    assert_eq!(topics(&change), [("t", 0), ("m", 0)]);
    let topic = &change.response.topics[1];
    assert_eq!(topic.topic_id, Uuid(5));
    let partition = &topic.partitions[1];
    assert_eq!(
        (partition.error_code, partition.partition_index, partition.leader_id, partition.leader_epoch),
        (0, 1, 1, 0)
    );
    assert_eq!((&partition.replica_nodes[..], &partition.isr_nodes[..]), (&[1][..], &[1][..]));
    assert_eq!(partition.offline_replicas[..], []);
}

#[test]
fn topics_are_told_by_id() {
    let change = ask(12, Some(identified(&[6, 99])));
    assert_eq!(topics(&change), [("t", 0), ("null", 100)]);
    assert_eq!(change.response.topics[1].topic_id, Uuid(99));
}

#[test]
fn a_topic_without_name_and_id_or_with_an_id_before_v12_is_no_request() {
    let change = ask(12, Some(identified(&[0])));
    assert_eq!((topics(&change), change.response.controller_id), (vec![("", -1)], -1));
    let mut with_id = named(&["t"]);
    with_id[0].topic_id = Uuid(6);
    assert_eq!(topics(&ask(11, Some(with_id.clone()))), [("t", 42)]);
    assert_eq!(topics(&ask(12, Some(with_id))), [("t", 0)]);
}

#[test]
fn an_unknown_topic_is_created_and_still_unknown_in_the_answer() {
    let change = ask(12, Some(named(&["new", "t"])));
    assert_eq!(topics(&change), [("t", 0), ("new", 3)]);
    assert_eq!(words(&change.records), ["topic new", "partition 0 on [1] in [77]"]);
}

#[test]
fn a_new_topic_has_the_brokers_default_of_partitions() {
    let mut cluster = Cluster::with(&[("num.partitions", "3")]);
    let change = ask_of(&mut cluster, 1, Some(named(&["new"])));
    assert_eq!(change.records.len(), 4);
}

#[test]
fn nothing_is_created_where_request_or_broker_say_no() {
    let mut cluster = cluster();
    let request =
        MetadataRequest { topics: Some(named(&["new"])), allow_auto_topic_creation: false, ..Default::default() };
    let view = View { image: &cluster.image, config: &cluster.config, listener: 0 };
    let change = handle(&request, 12, view, &serving, &mut cluster.rng);
    assert_eq!((topics(&change), words(&change.records)), (vec![("new", 3)], vec![]));
    let mut cluster = Cluster::with(&[("auto.create.topics.enable", "false")]);
    let change = ask_of(&mut cluster, 12, Some(named(&["new"])));
    assert_eq!((topics(&change), words(&change.records)), (vec![("new", 3)], vec![]));
}

#[test]
fn bad_names_create_nothing() {
    let mut cluster = cluster();
    cluster.add("x.y", 7, 1);
    let change = ask_of(&mut cluster, 12, Some(named(&["..", "a b", "", "__cluster_metadata", "x_y"])));
    assert_eq!(topics(&change), [("..", 17), ("a b", 17), ("", 17), ("__cluster_metadata", 3), ("x_y", 3)]);
    assert_eq!(change.records, []);
}

#[test]
fn a_coordinators_topic_is_made_as_it_needs_it() {
    let change = ask(12, Some(named(&["__consumer_offsets"])));
    assert!(change.response.topics[0].is_internal);
    let words = words(&change.records);
    assert_eq!(
        words[..5],
        [
            "topic __consumer_offsets",
            "config __consumer_offsets cleanup.policy=compact",
            "config __consumer_offsets compression.type=producer",
            "config __consumer_offsets segment.bytes=104857600",
            "partition 0 on [1] in [77]",
        ]
    );
    assert_eq!(words.len(), 4 + 50);
}

#[test]
fn operations_are_told_on_request() {
    let mut cluster = cluster();
    let request = MetadataRequest {
        topics: Some(named(&["t"])),
        include_topic_authorized_operations: true,
        include_cluster_authorized_operations: true,
        ..Default::default()
    };
    let view = View { image: &cluster.image, config: &cluster.config, listener: 0 };
    let answer = handle(&request, 10, view, &serving, &mut cluster.rng).response;
    assert_eq!((answer.topics[0].topic_authorized_operations, answer.cluster_authorized_operations), (3_576, 8_096));
    let answer = ask(10, Some(named(&["t"]))).response;
    assert_eq!(
        (answer.topics[0].topic_authorized_operations, answer.cluster_authorized_operations),
        (i32::MIN, i32::MIN)
    );
}

#[test]
fn a_partition_whose_log_is_not_ready_has_no_leader() {
    let mut cluster = cluster();
    let request = MetadataRequest { topics: Some(named(&["m"])), ..Default::default() };
    let states =
        |id: PartitionId| if id.index == 0 { ErrorCode::LeaderNotAvailable } else { ErrorCode::KafkaStorageError };
    let view = View { image: &cluster.image, config: &cluster.config, listener: 0 };
    let answer = handle(&request, 12, view, &states, &mut cluster.rng).response;
    let seen: Vec<_> =
        answer.topics[0].partitions.iter().map(|p| (p.error_code, p.leader_id, p.offline_replicas.to_vec())).collect();
    assert_eq!(seen, [(5, -1, vec![]), (5, -1, vec![1])]);
}

#[test]
fn replicas_on_brokers_that_are_not_there_are_offline() {
    let mut cluster = cluster();
    let partition = cluster.image.topics.get_mut(&Uuid(6)).and_then(|topic| topic.partitions.get_mut(&0));
    partition.expect("it was added").replicas.push(NodeId(2));
    let partition = |version, cluster: &mut Cluster| {
        ask_of(cluster, version, Some(named(&["t"]))).response.topics.remove(0).partitions.remove(0)
    };
    let modern = partition(12, &mut cluster);
    assert_eq!(
        (modern.error_code, &modern.replica_nodes[..], &modern.offline_replicas[..]),
        (0, &[1, 2][..], &[2][..])
    );
    let first = partition(0, &mut cluster);
    assert_eq!((first.error_code, &first.replica_nodes[..]), (ErrorCode::ReplicaNotAvailable.number(), &[1][..]));
}

#[test]
fn a_coordinators_topic_is_made_even_where_its_segments_were_to_be_smaller_than_a_topic_may_have() {
    for (topic, property) in [
        ("__consumer_offsets", "offsets.topic.segment.bytes"),
        ("__transaction_state", "transaction.state.log.segment.bytes"),
    ] {
        let mut cluster = Cluster::with(&[(property, "1")]);
        let change = ask_of(&mut cluster, 12, Some(named(&[topic])));
        let words = words(&change.records);
        assert!(words.contains(&format!("config {topic} segment.bytes=1048576")), "{words:?}");
    }
}
