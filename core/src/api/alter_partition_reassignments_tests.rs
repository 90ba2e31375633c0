use alloc::string::String;

use super::*;
use crate::api::testing::{Cluster, DIRECTORY};
use crate::metadata::BrokerRegistration;
use crate::wire::messages::alter_partition_reassignments::ReassignableTopic;

/// Broker 1 is alive, 2 and 3 are fenced, and `letters` has two partitions on 1.
fn cluster() -> Cluster {
    let mut cluster = Cluster::new();
    cluster.add("letters", 5, 2);
    for (id, log_dir) in [(2, 2), (3, 3)] {
        let log_dirs = vec![Uuid(log_dir)];
        let fenced = BrokerRegistration { is_fenced: true, log_dirs, ..Default::default() };
        cluster.image.brokers.insert(NodeId(id), fenced);
    }
    cluster
}

fn ask(replicas: Option<&[i32]>) -> AlterPartitionReassignmentsRequest {
    let replicas = replicas.map(<[i32]>::to_vec);
    let partitions = vec![ReassignablePartition { partition_index: 0, replicas, ..Default::default() }];
    let topics = vec![ReassignableTopic { name: "letters".into(), partitions, ..Default::default() }];
    AlterPartitionReassignmentsRequest { topics, ..Default::default() }
}

/// The error and its words, and the change that is made.
fn outcome(cluster: &mut Cluster, request: &AlterPartitionReassignmentsRequest) -> (i16, String) {
    let change = handle(request, cluster.view(), &|_| false);
    for record in &change.records {
        cluster.image.apply(record, &mut Default::default()).expect("it fits");
    }
    let partition = &change.response.responses[0].partitions[0];
    assert_eq!(change.response.error_code, if request.timeout_ms <= 0 { 7 } else { 0 });
    (partition.error_code, partition.error_message.as_deref().unwrap_or_default().into())
}

fn partition(cluster: &Cluster) -> &Partition {
    &cluster.image.topic("letters").expect("it is there").partitions[&0]
}

fn ids(nodes: &[NodeId]) -> Vec<i32> {
    nodes.iter().map(|id| id.0).collect()
}

#[test]
fn the_same_replicas_change_nothing() {
    let mut cluster = cluster();
    let before = partition(&cluster).clone();
    assert_eq!(outcome(&mut cluster, &ask(Some(&[1]))), (0, String::new()));
    assert_eq!(*partition(&cluster), before);
}

#[test]
fn an_assignment_that_nobody_could_have_is_refused() {
    let mut cluster = cluster();
    let refused: [(&[i32], &str); 4] = [
        (&[], "The manual partition assignment includes an empty replica list."),
        (&[9], "The manual partition assignment includes broker 9, but no such broker is registered."),
        (&[-1, 9], "The manual partition assignment includes broker -1, but no such broker is registered."),
        (&[1, 1], "The manual partition assignment includes the broker 1 more than once."),
    ];
    for (replicas, message) in refused {
        assert_eq!(outcome(&mut cluster, &ask(Some(replicas))), (39, message.into()));
    }
}

#[test]
fn what_does_not_exist_is_not_reassigned() {
    let mut cluster = cluster();
    for replicas in [None, Some(&[1][..])] {
        let mut request = ask(replicas);
        request.topics[0].partitions[0].partition_index = 7;
        assert_eq!(outcome(&mut cluster, &request), (3, "Unable to find partition letters:7.".into()));
        request.topics[0].name = "missing".into();
        assert_eq!(outcome(&mut cluster, &request), (3, "Unable to find a topic named missing.".into()));
    }
}

#[test]
fn a_new_replica_that_is_not_alive_is_waited_for_until_it_is_cancelled() {
    let mut cluster = cluster();
    assert_eq!(outcome(&mut cluster, &ask(None)), (85, String::new()), "there is nothing to cancel");
    assert_eq!(outcome(&mut cluster, &ask(Some(&[2]))).0, 0);
    let moving = partition(&cluster);
    assert_eq!((ids(&moving.replicas), ids(&moving.in_sync_replicas)), (vec![2, 1], vec![1]));
    assert_eq!((ids(&moving.adding_replicas), ids(&moving.removing_replicas)), (vec![2], vec![1]));
    assert_eq!((moving.leader, &*moving.directories), (NodeId(1), &[Uuid(2), DIRECTORY][..]));
    assert_eq!(outcome(&mut cluster, &ask(None)).0, 0);
    let back = partition(&cluster);
    assert_eq!((ids(&back.replicas), ids(&back.in_sync_replicas)), (vec![1], vec![1]));
    assert!(!back.is_reassigned());
    assert_eq!((back.leader, back.leader_epoch.0), (NodeId(1), 1), "a replica has left, which ends the term");
}

#[test]
fn replicas_that_are_only_dropped_are_gone_at_once() {
    let mut cluster = cluster();
    let topic = cluster.image.topics.values_mut().next().expect("it was added");
    let held = topic.partitions.get_mut(&0).expect("it has two");
    held.replicas = vec![NodeId(2), NodeId(1), NodeId(3)];
    held.directories = vec![Uuid(2), DIRECTORY, Uuid(3)];
    assert_eq!(outcome(&mut cluster, &ask(Some(&[1, 2]))).0, 0);
    assert!(partition(&cluster).is_reassigned(), "2 stays, and is not in sync");
    assert_eq!(outcome(&mut cluster, &ask(Some(&[1]))).0, 0);
    let alone = partition(&cluster);
    assert_eq!((ids(&alone.replicas), &*alone.directories), (vec![1], &[DIRECTORY][..]));
    assert!(!alone.is_reassigned());
}

#[test]
fn the_number_of_replicas_can_be_held_fast() {
    let mut cluster = cluster();
    let request = AlterPartitionReassignmentsRequest { allow_replication_factor_change: false, ..ask(Some(&[1, 2])) };
    assert_eq!(outcome(&mut cluster, &request), (38, "The replication factor is changed from 1 to 2".into()));
    let request = AlterPartitionReassignmentsRequest { allow_replication_factor_change: false, ..ask(Some(&[2])) };
    assert_eq!(outcome(&mut cluster, &request).0, 0);
    assert!(!handle(&request, cluster.view(), &|_| false).response.allow_replication_factor_change);
}

#[test]
fn going_back_to_replicas_that_are_not_in_sync_is_an_unclean_election() {
    let mut cluster = cluster();
    let topic = cluster.image.topics.values_mut().next().expect("it was added");
    let held = topic.partitions.get_mut(&0).expect("it has two");
    (held.replicas, held.adding_replicas) = (vec![NodeId(2), NodeId(1)], vec![NodeId(1)]);
    let (code, message) = outcome(&mut cluster, &ask(None));
    assert_eq!(code, 39);
    assert!(message.ends_with("for letters:0 because it would require an unclean leader election."), "{message}");
    let change = handle(&ask(None), cluster.view(), &|_| true);
    cluster.image.apply(&change.records[0], &mut Default::default()).expect("it fits");
    assert_eq!((ids(&partition(&cluster).replicas), partition(&cluster).leader), (vec![2], NodeId::NONE));
}

#[test]
fn a_request_without_time_or_topics_does_nothing() {
    let mut cluster = cluster();
    let late = AlterPartitionReassignmentsRequest { timeout_ms: 0, ..ask(Some(&[2])) };
    assert_eq!(outcome(&mut cluster, &late), (7, String::new()));
    assert!(!partition(&cluster).is_reassigned());
    let empty = AlterPartitionReassignmentsRequest { topics: vec![], timeout_ms: 0, ..Default::default() };
    let answer = handle(&empty, cluster.view(), &|_| false).response;
    assert_eq!((answer.error_code, answer.error_message.as_deref()), (0, Some("")));
}
