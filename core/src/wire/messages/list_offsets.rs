//! ListOffsets: offsets by time, and the ends of partitions.

use alloc::vec::Vec;

use crate::wire::Str;

message! {
    /// One timestamp a partition; negative ones stand for an end: -1 latest, -2 earliest, -3 of the largest timestamp.
    request ListOffsets = 2, versions 1..=11, flexible 6..;
    struct ListOffsetsRequest {
        replica_id: i32,
        isolation_level: i8 [2..],
        topics: Vec<ListOffsetsTopic>,
        timeout_ms: i32 [10..],
    }
    struct ListOffsetsTopic {
        name: Str,
        partitions: Vec<ListOffsetsPartition>,
    }
    struct ListOffsetsPartition {
        partition_index: i32,
        current_leader_epoch: i32 [4..] = -1,
        timestamp: i64,
    }
}

message! {
    /// One offset a partition.
    response ListOffsets = 2, versions 1..=11, flexible 6..;
    struct ListOffsetsResponse {
        throttle_time_ms: i32 [2..],
        topics: Vec<ListOffsetsTopicResponse>,
    }
    struct ListOffsetsTopicResponse {
        name: Str,
        partitions: Vec<ListOffsetsPartitionResponse>,
    }
    struct ListOffsetsPartitionResponse {
        partition_index: i32,
        error_code: i16,
        timestamp: i64 = -1,
        offset: i64 = -1,
        leader_epoch: i32 [4..] = -1,
    }
}
