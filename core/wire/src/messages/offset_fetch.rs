//! OffsetFetch: how far groups have read.

use alloc::vec::Vec;

use crate::{Str, Uuid};

message! {
    /// Asks for offsets of a group, of all its topics since v2, flexible since v6; since v7 it may insist on offsets
    /// that no open transaction will change (KIP-447); of many groups since v8 (KIP-709), by members of KIP-848 since
    /// v9, topic ids since v10.
    request OffsetFetch = 9, versions 1..=10, flexible 6..;
    struct OffsetFetchRequest {
        group_id: Str [..=7],
        /// Null for all since v2.
        topics: Option<Vec<OffsetFetchRequestTopic>> [..=7 nullable 2..] = Some(Vec::new()),
        groups: Vec<OffsetFetchRequestGroup> [8..],
        /// UNSTABLE_OFFSET_COMMIT for partitions whose offset waits for the end of a transaction.
        require_stable: bool [7..],
    }
    struct OffsetFetchRequestTopic {
        name: Str,
        partition_indexes: Vec<i32>,
    }
    struct OffsetFetchRequestGroup {
        group_id: Str,
        /// Null for who is no member.
        member_id: Option<Str> [9..],
        /// -1 for who is no member.
        member_epoch: i32 [9..] = -1,
        /// Null for all.
        topics: Option<Vec<OffsetFetchRequestTopics>>,
    }
    struct OffsetFetchRequestTopics {
        name: Str [..=9],
        topic_id: Uuid [10..],
        partition_indexes: Vec<i32>,
    }
}

message! {
    /// Offsets; an error of the whole since v2, leader epochs since v5, one answer for each group since v8.
    response OffsetFetch = 9, versions 1..=10, flexible 6..;
    struct OffsetFetchResponse {
        throttle_time_ms: i32 [3..],
        topics: Vec<OffsetFetchResponseTopic> [..=7],
        error_code: i16 [2..=7],
        groups: Vec<OffsetFetchResponseGroup> [8..],
    }
    struct OffsetFetchResponseTopic {
        name: Str,
        partitions: Vec<OffsetFetchResponsePartition>,
    }
    struct OffsetFetchResponsePartition {
        partition_index: i32,
        /// -1 where there is none.
        committed_offset: i64,
        /// Of the last record read; -1 where it is unknown.
        committed_leader_epoch: i32 [5..] = -1,
        /// As the client committed it; empty where there is none.
        metadata: Option<Str>,
        error_code: i16,
    }
    struct OffsetFetchResponseGroup {
        group_id: Str,
        topics: Vec<OffsetFetchResponseTopics>,
        error_code: i16,
    }
    struct OffsetFetchResponseTopics {
        name: Str [..=9],
        topic_id: Uuid [10..],
        partitions: Vec<OffsetFetchResponsePartitions>,
    }
    struct OffsetFetchResponsePartitions {
        partition_index: i32,
        /// -1 where there is none.
        committed_offset: i64,
        /// Of the last record read; -1 where it is unknown.
        committed_leader_epoch: i32 = -1,
        /// As the client committed it; empty where there is none.
        metadata: Option<Str>,
        error_code: i16,
    }
}
