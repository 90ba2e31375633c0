//! ReadShareGroupStateSummary: what the share coordinator knows of partitions, in short.

use alloc::vec::Vec;

use crate::wire::{Str, Uuid};

message! {
    /// What the share coordinator knows of partitions, in short.
    request ReadShareGroupStateSummary = 87, versions 0..=1, flexible 0..;
    struct ReadShareGroupStateSummaryRequest {
        group_id: Str,
        topics: Vec<ReadStateSummaryData>,
    }
    struct ReadStateSummaryData {
        topic_id: Uuid,
        partitions: Vec<PartitionData>,
    }
    struct PartitionData {
        partition: i32,
        leader_epoch: i32,
    }
}

message! {
    /// What the share coordinator knows of partitions, in short.
    response ReadShareGroupStateSummary = 87, versions 0..=1, flexible 0..;
    struct ReadShareGroupStateSummaryResponse {
        results: Vec<ReadStateSummaryResult>,
    }
    struct ReadStateSummaryResult {
        topic_id: Uuid,
        partitions: Vec<PartitionResult>,
    }
    struct PartitionResult {
        partition: i32,
        error_code: i16,
        error_message: Option<Str>,
        state_epoch: i32,
        leader_epoch: i32,
        start_offset: i64,
        delivery_complete_count: i32 [1..] = -1,
    }
}
