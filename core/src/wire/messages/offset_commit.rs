//! OffsetCommit: how far a group has read.

use alloc::vec::Vec;

use crate::wire::{Str, Uuid};

message! {
    /// How far a group has read.
    request OffsetCommit = 8, versions 2..=10, flexible 8..;
    struct OffsetCommitRequest {
        group_id: Str,
        generation_id_or_member_epoch: i32 = -1,
        member_id: Str,
        group_instance_id: Option<Str> [7..],
        retention_time_ms: i64 [..=4] = -1,
        topics: Vec<OffsetCommitRequestTopic>,
    }
    struct OffsetCommitRequestTopic {
        name: Str [..=9],
        topic_id: Uuid [10..],
        partitions: Vec<OffsetCommitRequestPartition>,
    }
    struct OffsetCommitRequestPartition {
        partition_index: i32,
        committed_offset: i64,
        committed_leader_epoch: i32 [6..] = -1,
        committed_metadata: Option<Str>,
    }
}

message! {
    /// How far a group has read.
    response OffsetCommit = 8, versions 2..=10, flexible 8..;
    struct OffsetCommitResponse {
        throttle_time_ms: i32 [3..],
        topics: Vec<OffsetCommitResponseTopic>,
    }
    struct OffsetCommitResponseTopic {
        name: Str [..=9],
        topic_id: Uuid [10..],
        partitions: Vec<OffsetCommitResponsePartition>,
    }
    struct OffsetCommitResponsePartition {
        partition_index: i32,
        error_code: i16,
    }
}
