//! ListOffsets: offsets by time, and the ends of partitions.

use alloc::vec::Vec;

use crate::Str;

message! {
    /// One timestamp a partition. Isolation since v2, leader epochs since v4 (KIP-320), flexible since v6, a timeout
    /// since v10 (KIP-1075).
    request ListOffsets = 2, versions 1..=11, flexible 6..;
    struct ListOffsetsRequest {
        /// The follower's broker id; -1 for a consumer, -2 for a tool.
        replica_id: i32,
        /// 1 takes the last stable offset for the latest, 0 the high watermark.
        isolation_level: i8 [2..],
        topics: Vec<ListOffsetsTopic>,
        /// How long to wait for tiered storage.
        timeout_ms: i32 [10..],
    }
    struct ListOffsetsTopic {
        name: Str,
        partitions: Vec<ListOffsetsPartition>,
    }
    struct ListOffsetsPartition {
        partition_index: i32,
        /// As the asker knows it; -1 is not checked.
        current_leader_epoch: i32 [4..] = -1,
        /// In ms since 1970: the first record that is not older. -1 the latest offset, -2 the earliest, -3 that of the
        /// largest timestamp (since v7, KIP-734), -4 the earliest on the local disk (v8, KIP-405), -5 the latest in
        /// tiered storage (v9, KIP-1005), -6 the earliest that is not in tiered storage (v11, KIP-1023).
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
        /// Of the record; -1 where an end was asked for, or there is none.
        timestamp: i64 = -1,
        /// -1 where no record is that late.
        offset: i64 = -1,
        /// Of the record; -1 where it is unknown.
        leader_epoch: i32 [4..] = -1,
    }
}
