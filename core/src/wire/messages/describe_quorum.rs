//! DescribeQuorum: leader, voters and observers of the metadata quorum.

use alloc::vec::Vec;

use crate::wire::{Str, Uuid};

message! {
    /// Leader, voters and observers of the metadata quorum.
    request DescribeQuorum = 55, versions 0..=2, flexible 0..;
    struct DescribeQuorumRequest {
        topics: Vec<TopicData>,
    }
    struct TopicData {
        topic_name: Str,
        partitions: Vec<PartitionData>,
    }
    struct PartitionData {
        partition_index: i32,
    }
}

message! {
    /// Leader, voters and observers of the metadata quorum.
    response DescribeQuorum = 55, versions 0..=2, flexible 0..;
    struct DescribeQuorumResponse {
        error_code: i16,
        error_message: Option<Str> [2..],
        topics: Vec<TopicResult>,
        nodes: Vec<Node> [2..],
    }
    struct TopicResult {
        topic_name: Str,
        partitions: Vec<PartitionResult>,
    }
    struct PartitionResult {
        partition_index: i32,
        error_code: i16,
        error_message: Option<Str> [2..],
        leader_id: i32,
        leader_epoch: i32,
        high_watermark: i64,
        current_voters: Vec<ReplicaState>,
        observers: Vec<ReplicaState>,
    }
    struct ReplicaState {
        replica_id: i32,
        replica_directory_id: Uuid [2..],
        log_end_offset: i64,
        last_fetch_timestamp: i64 [1..] = -1,
        last_caught_up_timestamp: i64 [1..] = -1,
    }
    struct Node {
        node_id: i32,
        listeners: Vec<Listener>,
    }
    struct Listener {
        name: Str,
        host: Str,
        port: u16,
    }
}
