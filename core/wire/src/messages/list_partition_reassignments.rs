//! ListPartitionReassignments: replicas that are on their way to other brokers.

use alloc::vec::Vec;

use crate::Str;

message! {
    /// Asks for moves that are under way (KIP-455).
    request ListPartitionReassignments = 46, versions 0..=0, flexible 0..;
    struct ListPartitionReassignmentsRequest {
        timeout_ms: i32 = 60000,
        /// Null for all.
        topics: Option<Vec<ListPartitionReassignmentsTopics>>,
    }
    struct ListPartitionReassignmentsTopics {
        name: Str,
        partition_indexes: Vec<i32>,
    }
}

message! {
    /// Partitions that are on the move, and no others.
    response ListPartitionReassignments = 46, versions 0..=0, flexible 0..;
    struct ListPartitionReassignmentsResponse {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<Str>,
        topics: Vec<OngoingTopicReassignment>,
    }
    struct OngoingTopicReassignment {
        name: Str,
        partitions: Vec<OngoingPartitionReassignment>,
    }
    struct OngoingPartitionReassignment {
        partition_index: i32,
        /// All that there are now: old, coming and going.
        replicas: Vec<i32>,
        adding_replicas: Vec<i32>,
        removing_replicas: Vec<i32>,
    }
}
