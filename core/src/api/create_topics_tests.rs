use alloc::vec;

use super::*;
use crate::api::testing::{Cluster, words};
use crate::wire::messages::create_topics::{CreatableReplicaAssignment, CreatableTopicConfig};

fn topic(name: &str, num_partitions: i32, replication_factor: i16) -> CreatableTopic {
    CreatableTopic { name: name.into(), num_partitions, replication_factor, ..Default::default() }
}

fn with_config(name: &str, configs: &[(&str, Option<&str>)]) -> CreatableTopic {
    let config = |(name, value): &(&str, Option<&str>)| CreatableTopicConfig {
        name: (*name).into(),
        value: value.map(Str::from),
        ..Default::default()
    };
    CreatableTopic { configs: configs.iter().map(config).collect(), ..topic(name, 1, 1) }
}

fn with_assignments(name: &str, assignments: &[(i32, &[i32])]) -> CreatableTopic {
    let assignment = |(partition_index, broker_ids): &(i32, &[i32])| CreatableReplicaAssignment {
        partition_index: *partition_index,
        broker_ids: broker_ids.to_vec(),
        ..Default::default()
    };
    CreatableTopic { assignments: assignments.iter().map(assignment).collect(), ..topic(name, -1, -1) }
}

fn create(cluster: &mut Cluster, topics: Vec<CreatableTopic>) -> Change<CreateTopicsResponse> {
    let request = CreateTopicsRequest { topics, ..Default::default() };
    let view = View { image: &cluster.image, config: &cluster.config, listener: 0 };
    handle(&request, view, &mut cluster.rng)
}

#[test]
fn what_has_no_time_is_too_late() {
    let mut cluster = Cluster::new();
    for timeout_ms in [0, -1] {
        let request = CreateTopicsRequest { topics: vec![topic("a", 1, 1)], timeout_ms, ..Default::default() };
        let view = View { image: &cluster.image, config: &cluster.config, listener: 0 };
        let change = handle(&request, view, &mut cluster.rng);
        assert_eq!((answers(&change), words(&change.records)), (vec![("a", 7, "")], vec![]));
    }
}

fn answers(change: &Change<CreateTopicsResponse>) -> Vec<(&str, i16, &str)> {
    change.response.topics.iter().map(|t| (&*t.name, t.error_code, t.error_message.as_deref().unwrap_or(""))).collect()
}

/// The error and message that one topic alone is answered with.
fn answer(topic: CreatableTopic) -> (i16, String) {
    let mut cluster = Cluster::new();
    cluster.add("old", 5, 1);
    cluster.add("x.y", 6, 1);
    let change = create(&mut cluster, vec![topic]);
    let result = &change.response.topics[0];
    assert_eq!(change.records.is_empty(), result.error_code != 0);
    (result.error_code, result.error_message.as_deref().unwrap_or("").into())
}

#[test]
fn a_topic_is_a_topic_record_its_configs_and_its_partitions() {
    let mut cluster = Cluster::new();
    let mut asked = with_config("a", &[("retention.ms", Some("1000"))]);
    asked.num_partitions = 2;
    let change = create(&mut cluster, vec![asked]);
    assert_eq!(
        words(&change.records),
        ["topic a", "config a retention.ms=1000", "partition 0 on [1] in [77]", "partition 1 on [1] in [77]"]
    );
    let result = &change.response.topics[0];
    assert_eq!((result.error_code, result.num_partitions, result.replication_factor), (0, 2, 1));
    assert_ne!(result.topic_id, Uuid::ZERO);
    let configs = result.configs.as_ref().expect("told since v5");
    let retention = configs.iter().find(|config| config.name == "retention.ms").expect("its config");
    assert_eq!((retention.value.as_deref(), retention.config_source), (Some("1000"), 1));
    let segment = configs.iter().find(|config| config.name == "segment.bytes").expect("a default");
    assert_eq!((segment.value.as_deref(), segment.config_source), (Some("1073741824"), 5));
}

#[test]
fn counts_of_minus_1_are_the_brokers_defaults() {
    let mut cluster = Cluster::with(&[("num.partitions", "3")]);
    let change = create(&mut cluster, vec![topic("a", -1, -1)]);
    assert_eq!((change.response.topics[0].num_partitions, change.response.topics[0].replication_factor), (3, 1));
}

#[test]
fn validate_only_answers_alike_and_writes_nothing() {
    let mut cluster = Cluster::new();
    let request = CreateTopicsRequest { topics: vec![topic("a", 2, 1)], validate_only: true, ..Default::default() };
    let view = View { image: &cluster.image, config: &cluster.config, listener: 0 };
    let change = handle(&request, view, &mut cluster.rng);
    assert_eq!(change.records, []);
    assert_eq!((change.response.topics[0].error_code, change.response.topics[0].num_partitions), (0, 2));
}

#[test]
fn a_name_given_twice_is_refused_and_the_others_are_created() {
    let mut cluster = Cluster::new();
    let change = create(&mut cluster, vec![topic("dup", 1, 1), topic("ok", 1, 1), topic("dup", 1, 1)]);
    assert_eq!(answers(&change), [("ok", 0, ""), ("dup", 42, "Duplicate topic name.")]);
    assert_eq!(words(&change.records), ["topic ok", "partition 0 on [1] in [77]"]);
}

#[test]
fn bad_counts_are_refused() {
    let partitions = "Number of partitions was set to an invalid non-positive value.";
    let factor = "Replication factor must be larger than 0, or -1 to use the default value.";
    assert_eq!(answer(topic("a", 0, 1)), (37, partitions.into()));
    assert_eq!(answer(topic("a", -2, 1)), (37, partitions.into()));
    assert_eq!(answer(topic("a", 1, 0)), (38, factor.into()));
    assert_eq!(answer(topic("a", 1, -3)), (38, factor.into()));
    let (code, message) = answer(topic("a", 1, 2));
    assert_eq!(code, ErrorCode::InvalidReplicationFactor.number());
    assert!(message.starts_with("Unable to replicate the partition 2 time(s): "), "{message}");
}

#[test]
fn bad_names_are_refused() {
    assert_eq!(answer(topic("..", 1, 1)), (17, "Topic name is invalid: '..' is not allowed".into()));
    assert_eq!(answer(topic("old", 1, 1)), (36, "Topic 'old' already exists.".into()));
    assert_eq!(answer(topic("x_y", 1, 1)), (17, "Topic 'x_y' collides with existing topic: x.y".into()));
    let prohibited = "Creation of internal topic __cluster_metadata is prohibited.";
    assert_eq!(answer(topic("__cluster_metadata", 1, 1)), (42, prohibited.into()));
}

#[test]
fn bad_configs_are_refused() {
    let unknown = answer(with_config("a", &[("foo", Some("1"))]));
    assert_eq!(unknown, (40, "Unknown topic config name: foo".into()));
    let null = answer(with_config("a", &[("retention.ms", None), ("foo", None)]));
    assert_eq!(null, (40, "Null value not supported for topic configs: retention.ms,foo".into()));
    let bad = answer(with_config("a", &[("retention.ms", Some("abc"))]));
    assert_eq!(bad, (40, "Invalid value abc for configuration retention.ms: Not a number of type LONG".into()));
}

#[test]
fn partitions_can_be_assigned_by_hand() {
    let mut cluster = Cluster::new();
    let change = create(&mut cluster, vec![with_assignments("a", &[(1, &[1]), (0, &[1])])]);
    assert_eq!(answers(&change), [("a", 0, "")]);
    assert_eq!(words(&change.records), ["topic a", "partition 0 on [1] in [77]", "partition 1 on [1] in [77]"]);
}

#[test]
fn bad_assignments_are_refused() {
    let counted = |num_partitions, replication_factor| CreatableTopic {
        num_partitions,
        replication_factor,
        ..with_assignments("a", &[(0, &[1])])
    };
    for (asked, code, message) in [
        (counted(2, -1), 42, "A manual partition assignment was specified, but numPartitions was not set to -1."),
        (counted(-1, 1), 42, "A manual partition assignment was specified, but replication factor was not set to -1."),
        (
            with_assignments("a", &[(0, &[2])]),
            39,
            "The manual partition assignment includes broker 2, but no such broker is registered.",
        ),
        (with_assignments("a", &[(1, &[1])]), 39, "partitions should be a consecutive 0-based integer sequence"),
        (with_assignments("a", &[(-1, &[1])]), 39, "partitions should be a consecutive 0-based integer sequence"),
        (
            with_assignments("a", &[(0, &[1, 1])]),
            39,
            "The manual partition assignment includes the broker 1 more than once.",
        ),
        (with_assignments("a", &[(0, &[])]), 39, "The manual partition assignment includes an empty replica list."),
        (
            with_assignments("a", &[(0, &[1]), (0, &[1])]),
            39,
            "Found multiple manual partition assignments for partition 0",
        ),
    ] {
        assert_eq!(answer(asked), (code, message.into()));
    }
}

#[test]
fn a_request_for_more_partitions_than_fit_in_one_write_creates_nothing() {
    let mut cluster = Cluster::new();
    let change = create(&mut cluster, vec![topic("small", 1, 1), topic("huge", i32::MAX, 1)]);
    let message = "Excessively large number of partitions per request.";
    assert_eq!(answers(&change), [("small", 44, message), ("huge", 44, message)]);
    assert_eq!(change.records, []);
    let change = create(&mut cluster, vec![topic("just-fits", 9_999, 1)]);
    assert_eq!(change.response.topics[0].error_code, 0);
}

#[test]
fn topics_and_partitions_are_limited() {
    let mut cluster = Cluster::with(&[("ottla.max.topics", "2"), ("ottla.max.partitions", "5")]);
    cluster.add("old", 5, 1);
    let change = create(&mut cluster, vec![topic("a", 5, 1), topic("b", 2, 1), topic("c", 1, 1)]);
    assert_eq!(
        answers(&change),
        [
            ("a", 44, "This would make 6 partitions, but ottla.max.partitions allows 5."),
            ("b", 0, ""),
            ("c", 44, "This would make 3 topics, but ottla.max.topics allows 2."),
        ]
    );
}
