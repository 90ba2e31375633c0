//! OffsetForLeaderEpoch: where a leader's epoch ended.

use alloc::vec::Vec;

use crate::Str;

message! {
    /// From replicas and consumers that want to know whether their records are still the leader's (KIP-101, KIP-320).
    /// Flexible since v4.
    request OffsetForLeaderEpoch = 23, versions 2..=4, flexible 4..;
    struct OffsetForLeaderEpochRequest {
        /// -1 for a consumer; -2 for a tool, which sees what is above the high watermark too.
        replica_id: i32 [3..] = -2,
        topics: Vec<OffsetForLeaderTopic>,
    }
    struct OffsetForLeaderTopic {
        topic: Str,
        partitions: Vec<OffsetForLeaderPartition>,
    }
    struct OffsetForLeaderPartition {
        partition: i32,
        /// As the asker knows it: FENCED_LEADER_EPOCH or UNKNOWN_LEADER_EPOCH where the leader knows a later or earlier
        /// one; -1 is not checked.
        current_leader_epoch: i32 = -1,
        /// The one asked for.
        leader_epoch: i32,
    }
}

message! {
    /// The ends.
    response OffsetForLeaderEpoch = 23, versions 2..=4, flexible 4..;
    struct OffsetForLeaderEpochResponse {
        throttle_time_ms: i32,
        topics: Vec<OffsetForLeaderTopicResult>,
    }
    struct OffsetForLeaderTopicResult {
        topic: Str,
        partitions: Vec<EpochEndOffset>,
    }
    struct EpochEndOffset {
        error_code: i16,
        partition: i32,
        /// The one asked for, or the largest below it that has records; -1 where there is none.
        leader_epoch: i32 = -1,
        /// After its last record; -1 where there is none.
        end_offset: i64 = -1,
    }
}
