//! DescribeQuorum: a quorum of one node, which leads, and has no observers.

use alloc::vec;
use alloc::vec::Vec;

use super::quorum::Quorum;
use super::topic_name::CLUSTER_METADATA;
use crate::error_code::ErrorCode;
use crate::time::WallClock;
use crate::wire::Str;
use crate::wire::messages::describe_quorum::{
    DescribeQuorumRequest, DescribeQuorumResponse, Listener, Node, PartitionResult, ReplicaState, TopicResult,
};

/// Answers in any served version. Who asks for anything but the one partition of the one topic, or for that one twice, is
/// told of all that it does not exist.
#[must_use]
pub(crate) fn handle(request: &DescribeQuorumRequest, quorum: &Quorum<'_>, now: WallClock) -> DescribeQuorumResponse {
    let [topic] = request.topics.as_slice() else { return refuse(request) };
    let [partition] = topic.partitions.as_slice() else { return refuse(request) };
    if *topic.topic_name != *CLUSTER_METADATA || partition.partition_index != 0 {
        return refuse(request);
    }
    let partitions = vec![describe(quorum, now)];
    DescribeQuorumResponse {
        error_message: Some(Str::default()),
        topics: vec![TopicResult { topic_name: topic.topic_name.clone(), partitions, ..Default::default() }],
        nodes: vec![node(quorum)],
        ..Default::default()
    }
}

fn describe(quorum: &Quorum<'_>, now: WallClock) -> PartitionResult {
    let voter = ReplicaState {
        replica_id: quorum.voter.id.0,
        replica_directory_id: quorum.voter.directory_id,
        log_end_offset: quorum.high_watermark.0,
        last_fetch_timestamp: now.0,
        last_caught_up_timestamp: now.0,
        ..Default::default()
    };
    PartitionResult {
        partition_index: 0,
        error_message: Some(Str::default()),
        leader_id: quorum.voter.id.0,
        leader_epoch: quorum.leader_epoch.0,
        high_watermark: quorum.high_watermark.0,
        current_voters: vec![voter],
        ..Default::default()
    }
}

fn node(quorum: &Quorum<'_>) -> Node {
    let listeners = quorum.endpoint.iter().map(|endpoint| Listener {
        name: Str::from(&*endpoint.name),
        host: Str::from(&*endpoint.host),
        port: endpoint.port,
        ..Default::default()
    });
    Node { node_id: quorum.voter.id.0, listeners: listeners.collect(), ..Default::default() }
}

fn refuse(request: &DescribeQuorumRequest) -> DescribeQuorumResponse {
    let error = ErrorCode::UnknownTopicOrPartition;
    let partition = |index: i32| PartitionResult {
        partition_index: index,
        error_code: error.number(),
        error_message: Some(Str::from_static("This server does not host this topic-partition.")),
        ..Default::default()
    };
    let topics = request.topics.iter().map(|topic| {
        let partitions: Vec<_> = topic.partitions.iter().map(|asked| partition(asked.partition_index)).collect();
        TopicResult { topic_name: topic.topic_name.clone(), partitions, ..Default::default() }
    });
    DescribeQuorumResponse { error_message: Some(Str::default()), topics: topics.collect(), ..Default::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::quorum::example;
    use crate::wire::messages::describe_quorum::{PartitionData, TopicData};

    fn ask(topics: &[(&str, &[i32])]) -> DescribeQuorumResponse {
        let partition = |index: &i32| PartitionData { partition_index: *index, ..Default::default() };
        let topic = |(name, partitions): &(&str, &[i32])| TopicData {
            topic_name: (*name).into(),
            partitions: partitions.iter().map(partition).collect(),
            ..Default::default()
        };
        let request = DescribeQuorumRequest { topics: topics.iter().map(topic).collect(), ..Default::default() };
        handle(&request, &example(1), WallClock(9_000))
    }

    #[test]
    fn the_one_voter_leads_and_is_never_behind() {
        let answer = ask(&[(CLUSTER_METADATA, &[0])]);
        let partition = &answer.topics[0].partitions[0];
        assert_eq!((partition.error_code, partition.leader_id, partition.leader_epoch), (0, 1, 3));
        assert_eq!((partition.high_watermark, partition.observers.len()), (42, 0));
        let voter = &partition.current_voters[0];
        assert_eq!((voter.replica_id, voter.replica_directory_id.0, voter.log_end_offset), (1, 77, 42));
        assert_eq!((voter.last_fetch_timestamp, voter.last_caught_up_timestamp), (9_000, 9_000));
        let listener = &answer.nodes[0].listeners[0];
        assert_eq!((&*listener.name, &*listener.host, listener.port), ("CONTROLLER", "here", 9093));
    }

    #[test]
    fn whatever_else_is_asked_for_does_not_exist() {
        let others: [&[(&str, &[i32])]; 5] = [
            &[(CLUSTER_METADATA, &[1])],
            &[(CLUSTER_METADATA, &[0, 0])],
            &[("letters", &[0])],
            &[(CLUSTER_METADATA, &[0]), ("letters", &[0])],
            &[(CLUSTER_METADATA, &[0]), (CLUSTER_METADATA, &[0])],
        ];
        for asked in others {
            let answer = ask(asked);
            assert_eq!(answer.topics.len(), asked.len(), "{asked:?}");
            let partitions = answer.topics.iter().flat_map(|topic| &topic.partitions);
            assert!(partitions.clone().count() > 0 && partitions.clone().all(|it| it.error_code == 3), "{asked:?}");
            assert_eq!((answer.error_code, answer.nodes.len()), (0, 0));
        }
        assert!(ask(&[]).topics.is_empty());
        assert!(ask(&[(CLUSTER_METADATA, &[])]).topics[0].partitions.is_empty());
    }
}
