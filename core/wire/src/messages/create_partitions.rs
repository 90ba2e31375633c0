//! CreatePartitions: more partitions for topics that exist.

use alloc::vec::Vec;

use crate::Str;

message! {
    /// The new count of partitions, and where the new ones go. Flexible since v2.
    request CreatePartitions = 37, versions 0..=3, flexible 2..;
    struct CreatePartitionsRequest {
        topics: Vec<CreatePartitionsTopic>,
        timeout_ms: i32,
        /// Everything but the creation.
        validate_only: bool,
    }
    struct CreatePartitionsTopic {
        name: Str,
        /// Of all partitions, old and new.
        count: i32,
        /// One for each new partition; null lets the controller place them.
        assignments: Option<Vec<CreatePartitionsAssignment>>,
    }
    struct CreatePartitionsAssignment {
        /// The preferred leader first.
        broker_ids: Vec<i32>,
    }
}

message! {
    /// What became of each topic.
    response CreatePartitions = 37, versions 0..=3, flexible 2..;
    struct CreatePartitionsResponse {
        throttle_time_ms: i32,
        results: Vec<CreatePartitionsTopicResult>,
    }
    struct CreatePartitionsTopicResult {
        name: Str,
        error_code: i16,
        error_message: Option<Str>,
    }
}
