//! AlterShareGroupOffsets: where a share group starts.

use alloc::vec::Vec;

use crate::{Str, Uuid};

message! {
    /// Sets the start offsets of a share group that has no members (KIP-932).
    request AlterShareGroupOffsets = 91, versions 0..=0, flexible 0..;
    struct AlterShareGroupOffsetsRequest {
        group_id: Str,
        topics: Vec<AlterShareGroupOffsetsRequestTopic>,
    }
    struct AlterShareGroupOffsetsRequestTopic {
        topic_name: Str,
        partitions: Vec<AlterShareGroupOffsetsRequestPartition>,
    }
    struct AlterShareGroupOffsetsRequestPartition {
        partition_index: i32,
        /// The first record that the group will get.
        start_offset: i64,
    }
}

message! {
    /// What became of each partition.
    response AlterShareGroupOffsets = 91, versions 0..=0, flexible 0..;
    struct AlterShareGroupOffsetsResponse {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<Str>,
        responses: Vec<AlterShareGroupOffsetsResponseTopic>,
    }
    struct AlterShareGroupOffsetsResponseTopic {
        topic_name: Str,
        topic_id: Uuid,
        partitions: Vec<AlterShareGroupOffsetsResponsePartition>,
    }
    struct AlterShareGroupOffsetsResponsePartition {
        partition_index: i32,
        error_code: i16,
        error_message: Option<Str>,
    }
}
