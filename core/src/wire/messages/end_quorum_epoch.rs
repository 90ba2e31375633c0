//! EndQuorumEpoch: a leader of the metadata quorum resigns.

use alloc::vec::Vec;

use crate::wire::{Str, Uuid};

message! {
    /// A leader of the metadata quorum resigns.
    request EndQuorumEpoch = 54, versions 0..=1, flexible 1..;
    struct EndQuorumEpochRequest {
        cluster_id: Option<Str>,
        topics: Vec<TopicData>,
        leader_endpoints: Vec<LeaderEndpoint> [1..],
    }
    struct TopicData {
        topic_name: Str,
        partitions: Vec<PartitionData>,
    }
    struct PartitionData {
        partition_index: i32,
        leader_id: i32,
        leader_epoch: i32,
        preferred_successors: Vec<i32> [..=0],
        preferred_candidates: Vec<ReplicaInfo> [1..],
    }
    struct ReplicaInfo {
        candidate_id: i32,
        candidate_directory_id: Uuid,
    }
    struct LeaderEndpoint {
        name: Str,
        host: Str,
        port: u16,
    }
}

message! {
    /// A leader of the metadata quorum resigns.
    response EndQuorumEpoch = 54, versions 0..=1, flexible 1..;
    struct EndQuorumEpochResponse {
        error_code: i16,
        topics: Vec<TopicResult>,
        node_endpoints: Vec<NodeEndpoint> [1.. tag 0],
    }
    struct TopicResult {
        topic_name: Str,
        partitions: Vec<PartitionResult>,
    }
    struct PartitionResult {
        partition_index: i32,
        error_code: i16,
        leader_id: i32,
        leader_epoch: i32,
    }
    struct NodeEndpoint {
        node_id: i32,
        host: Str,
        port: u16,
    }
}
