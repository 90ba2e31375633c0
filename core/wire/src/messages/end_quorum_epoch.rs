//! EndQuorumEpoch: a leader of the metadata quorum resigns.

use alloc::vec::Vec;

use crate::{Str, Uuid};

message! {
    /// From the leader to the other voters, so that they need not wait for their timeout (KIP-595). Directories and
    /// endpoints since v1, which is flexible (KIP-853).
    request EndQuorumEpoch = 54, versions 0..=1, flexible 1..;
    struct EndQuorumEpochRequest {
        /// Null where it is not checked.
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
        /// Voters by how far they are: the first starts an election at once, the others a little later.
        preferred_successors: Vec<i32> [..=0],
        /// As `preferred_successors`, with their directories.
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
    /// Whether the voter heard it in time.
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
