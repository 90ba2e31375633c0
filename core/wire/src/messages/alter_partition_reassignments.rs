//! AlterPartitionReassignments: moves replicas to other brokers, or stops such a move.

use alloc::vec::Vec;

use crate::Str;

message! {
    /// Where the replicas of partitions shall be (KIP-455). Since v1 it may be forbidden to change their number
    /// (KIP-860).
    request AlterPartitionReassignments = 45, versions 0..=1, flexible 0..;
    struct AlterPartitionReassignmentsRequest {
        timeout_ms: i32 = 60000,
        /// Whether a partition may get more or fewer replicas than it has.
        allow_replication_factor_change: bool [1..] = true,
        topics: Vec<ReassignableTopic>,
    }
    struct ReassignableTopic {
        name: Str,
        partitions: Vec<ReassignablePartition>,
    }
    struct ReassignablePartition {
        partition_index: i32,
        /// The brokers, the preferred leader first. Null stops the move that is under way.
        replicas: Option<Vec<i32>>,
    }
}

message! {
    /// Whether each move begins; ListPartitionReassignments tells how far it is.
    response AlterPartitionReassignments = 45, versions 0..=1, flexible 0..;
    struct AlterPartitionReassignmentsResponse {
        throttle_time_ms: i32,
        /// As in the request.
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
