//! OffsetForLeaderEpoch: where a leader's epoch ended.

use alloc::vec::Vec;

use crate::wire::Str;

message! {
    /// Where a leader's epoch ended.
    request OffsetForLeaderEpoch = 23, versions 2..=4, flexible 4..;
    struct OffsetForLeaderEpochRequest {
        replica_id: i32 [3..] = -2,
        topics: Vec<OffsetForLeaderTopic>,
    }
    struct OffsetForLeaderTopic {
        topic: Str,
        partitions: Vec<OffsetForLeaderPartition>,
    }
    struct OffsetForLeaderPartition {
        partition: i32,
        current_leader_epoch: i32 = -1,
        leader_epoch: i32,
    }
}

message! {
    /// Where a leader's epoch ended.
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
        leader_epoch: i32 = -1,
        end_offset: i64 = -1,
    }
}
