//! CreatePartitions: more partitions for topics that exist.

use alloc::vec::Vec;

use crate::wire::Str;

message! {
    /// The new count of partitions, and where the new ones go.
    request CreatePartitions = 37, versions 0..=3, flexible 2..;
    struct CreatePartitionsRequest {
        topics: Vec<CreatePartitionsTopic>,
        timeout_ms: i32,
        validate_only: bool,
    }
    struct CreatePartitionsTopic {
        name: Str,
        count: i32,
        assignments: Option<Vec<CreatePartitionsAssignment>>,
    }
    struct CreatePartitionsAssignment {
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
