//! BeginQuorumEpoch: a new leader of the metadata quorum makes itself known.

use alloc::vec::Vec;

use crate::{Str, Uuid};

message! {
    /// From the winner of an election to the other voters (KIP-595). Names the voter and the leader's endpoints since
    /// v1, which is flexible (KIP-853).
    request BeginQuorumEpoch = 53, versions 0..=1, flexible 1..;
    struct BeginQuorumEpochRequest {
        /// Null where it is not checked.
        cluster_id: Option<Str>,
        /// Whom the leader means to reach; -1 in older versions.
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
        /// The log directory of the voter that the leader means to reach; zero where it does not know it.
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
    /// Whether the voter follows.
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
        /// Whom the voter takes for the leader; -1 where it knows none.
        leader_id: i32,
        leader_epoch: i32,
    }
    struct NodeEndpoint {
        node_id: i32,
        host: Str,
        port: u16,
    }
}
