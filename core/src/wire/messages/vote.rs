//! Vote: elections in the metadata quorum.

use alloc::vec::Vec;

use crate::wire::{Str, Uuid};

message! {
    /// Elections in the metadata quorum.
    request Vote = 52, versions 0..=2, flexible 0..;
    struct VoteRequest {
        cluster_id: Option<Str>,
        voter_id: i32 [1..] = -1,
        topics: Vec<TopicData>,
    }
    struct TopicData {
        topic_name: Str,
        partitions: Vec<PartitionData>,
    }
    struct PartitionData {
        partition_index: i32,
        replica_epoch: i32,
        replica_id: i32,
        replica_directory_id: Uuid [1..],
        voter_directory_id: Uuid [1..],
        last_offset_epoch: i32,
        last_offset: i64,
        pre_vote: bool [2..],
    }
}

message! {
    /// Elections in the metadata quorum.
    response Vote = 52, versions 0..=2, flexible 0..;
    struct VoteResponse {
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
        vote_granted: bool,
    }
    struct NodeEndpoint {
        node_id: i32,
        host: Str,
        port: u16,
    }
}
