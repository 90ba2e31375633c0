//! BeginQuorumEpoch: a new leader of the metadata quorum makes itself known.

use alloc::vec::Vec;

use crate::wire::{Str, Uuid};

message! {
    /// A new leader of the metadata quorum makes itself known.
    request BeginQuorumEpoch = 53, versions 0..=1, flexible 1..;
    struct BeginQuorumEpochRequest {
        cluster_id: Option<Str>,
        voter_id: i32 [1..] = -1,
        topics: Vec<TopicData>,
        leader_endpoints: Vec<LeaderEndpoint> [1..],
    }
    struct TopicData {
        topic_name: Str,
        partitions: Vec<PartitionData>,
    }
    struct PartitionData {
        partition_index: i32,
        voter_directory_id: Uuid [1..],
        leader_id: i32,
        leader_epoch: i32,
    }
    struct LeaderEndpoint {
        name: Str,
        host: Str,
        port: u16,
    }
}

message! {
    /// A new leader of the metadata quorum makes itself known.
    response BeginQuorumEpoch = 53, versions 0..=1, flexible 1..;
    struct BeginQuorumEpochResponse {
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
