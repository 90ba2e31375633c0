//! AlterPartitionReassignments: moves replicas to other brokers, or stops such a move.

use alloc::vec::Vec;

use crate::wire::Str;

message! {
    /// Moves replicas to other brokers, or stops such a move.
    request AlterPartitionReassignments = 45, versions 0..=1, flexible 0..;
    struct AlterPartitionReassignmentsRequest {
        timeout_ms: i32 = 60000,
        allow_replication_factor_change: bool [1..] = true,
        topics: Vec<ReassignableTopic>,
    }
    struct ReassignableTopic {
        name: Str,
        partitions: Vec<ReassignablePartition>,
    }
    struct ReassignablePartition {
        partition_index: i32,
        replicas: Option<Vec<i32>>,
    }
}

message! {
    /// Moves replicas to other brokers, or stops such a move.
    response AlterPartitionReassignments = 45, versions 0..=1, flexible 0..;
    struct AlterPartitionReassignmentsResponse {
        throttle_time_ms: i32,
        allow_replication_factor_change: bool [1..] = true,
        error_code: i16,
        error_message: Option<Str>,
        responses: Vec<ReassignableTopicResponse>,
    }
    struct ReassignableTopicResponse {
        name: Str,
        partitions: Vec<ReassignablePartitionResponse>,
    }
    struct ReassignablePartitionResponse {
        partition_index: i32,
        error_code: i16,
        error_message: Option<Str>,
    }
}
