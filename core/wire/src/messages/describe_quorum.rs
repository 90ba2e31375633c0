//! DescribeQuorum: leader, voters and observers of the metadata quorum.

use alloc::vec::Vec;

use crate::{Str, Uuid};

message! {
    /// Asks the leader; `__cluster_metadata` and its partition 0 are all that can be asked for (KIP-595).
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
    /// The quorum. Times of fetches since v1 (KIP-836); directories, endpoints and error messages since v2 (KIP-853).
    response DescribeQuorum = 55, versions 0..=2, flexible 0..;
    struct DescribeQuorumResponse {
        error_code: i16,
        error_message: Option<Str> [2..],
        topics: Vec<TopicResult>,
        /// Where the voters are.
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
        /// -1 where there is none.
        leader_id: i32,
        leader_epoch: i32,
        high_watermark: i64,
        current_voters: Vec<ReplicaState>,
        observers: Vec<ReplicaState>,
    }
    struct ReplicaState {
        replica_id: i32,
        replica_directory_id: Uuid [2..],
        /// As of its last fetch; -1 where there was none.
        log_end_offset: i64,
        /// By the leader's clock, in ms since 1970; -1 for the leader itself and where there was none.
        last_fetch_timestamp: i64 [1..] = -1,
        /// When the leader's log ended where the replica has arrived: in ms since 1970; -1 where it is unknown.
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
