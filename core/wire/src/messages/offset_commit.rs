//! OffsetCommit: how far a group has read.

use alloc::vec::Vec;

use crate::{Str, Uuid};

message! {
    /// Keeps offsets for a group, by its members or, when it has none, by anybody. How long in v2 to v4; leader epochs
    /// since v6 (KIP-320), static members since v7 (KIP-345), flexible since v8, members of KIP-848 since v9, topic ids
    /// since v10.
    request OffsetCommit = 8, versions 2..=10, flexible 8..;
    struct OffsetCommitRequest {
        group_id: Str,
        /// The generation in a classic group, the member's epoch in others; -1 for who is no member.
        generation_id_or_member_epoch: i32 = -1,
        /// Empty for who is no member.
        member_id: Str,
        /// Of a static member; null for others.
        group_instance_id: Option<Str> [7..],
        /// After which the offsets are forgotten; -1 for the broker's own.
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
        /// Of the next record to read.
        committed_offset: i64,
        /// Of the last record read; -1 where it is unknown.
        committed_leader_epoch: i32 [6..] = -1,
        /// Whatever the client wants to keep beside the offset, up to `offset.metadata.max.bytes`.
        committed_metadata: Option<Str>,
    }
}

message! {
    /// What became of each partition.
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
