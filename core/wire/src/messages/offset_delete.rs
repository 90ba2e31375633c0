//! OffsetDelete: a group forgets its offsets of topics.

use alloc::vec::Vec;

use crate::Str;

message! {
    /// Of partitions that no member of the group subscribes to (KIP-496). Has no flexible version.
    request OffsetDelete = 47, versions 0..=0;
    struct OffsetDeleteRequest {
        group_id: Str,
        topics: Vec<OffsetDeleteRequestTopic>,
    }
    struct OffsetDeleteRequestTopic {
        name: Str,
        partitions: Vec<OffsetDeleteRequestPartition>,
    }
    struct OffsetDeleteRequestPartition {
        partition_index: i32,
    }
}

message! {
    /// What became of each partition.
    response OffsetDelete = 47, versions 0..=0;
    struct OffsetDeleteResponse {
        error_code: i16,
        throttle_time_ms: i32,
        topics: Vec<OffsetDeleteResponseTopic>,
    }
    struct OffsetDeleteResponseTopic {
        name: Str,
        partitions: Vec<OffsetDeleteResponsePartition>,
    }
    struct OffsetDeleteResponsePartition {
        partition_index: i32,
        error_code: i16,
    }
}
