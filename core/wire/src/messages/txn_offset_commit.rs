//! TxnOffsetCommit: how far a group has read, if the transaction commits.

use alloc::vec::Vec;

use crate::Str;

message! {
    /// Offsets that count from the transaction's commit on. Leader epochs since v2 (KIP-320), the group's member since
    /// v3, which is flexible (KIP-447), TRANSACTION_ABORTABLE since v4; since v5 it adds the offsets to the transaction
    /// by itself (KIP-890).
    request TxnOffsetCommit = 28, versions 0..=5, flexible 3..;
    struct TxnOffsetCommitRequest {
        transactional_id: Str,
        group_id: Str,
        producer_id: i64,
        producer_epoch: i16,
        /// In a classic group, or the member's epoch in others; -1 is not checked.
        generation_id: i32 [3..] = -1,
        /// Empty is not checked.
        member_id: Str [3..],
        /// Of a static member; null for others.
        group_instance_id: Option<Str> [3..],
        topics: Vec<TxnOffsetCommitRequestTopic>,
    }
    struct TxnOffsetCommitRequestTopic {
        name: Str,
        partitions: Vec<TxnOffsetCommitRequestPartition>,
    }
    struct TxnOffsetCommitRequestPartition {
        partition_index: i32,
        /// Of the next record to read.
        committed_offset: i64,
        /// Of the last record read; -1 where it is unknown.
        committed_leader_epoch: i32 [2..] = -1,
        /// Whatever the client wants to keep beside the offset.
        committed_metadata: Option<Str>,
    }
}

message! {
    /// What became of each partition.
    response TxnOffsetCommit = 28, versions 0..=5, flexible 3..;
    struct TxnOffsetCommitResponse {
        throttle_time_ms: i32,
        topics: Vec<TxnOffsetCommitResponseTopic>,
    }
    struct TxnOffsetCommitResponseTopic {
        name: Str,
        partitions: Vec<TxnOffsetCommitResponsePartition>,
    }
    struct TxnOffsetCommitResponsePartition {
        partition_index: i32,
        error_code: i16,
    }
}
