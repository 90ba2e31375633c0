//! ReadShareGroupState: what the share coordinator knows of partitions.

use alloc::vec::Vec;

use crate::wire::{Str, Uuid};

message! {
    /// What the share coordinator knows of partitions.
    request ReadShareGroupState = 84, versions 0..=0, flexible 0..;
    struct ReadShareGroupStateRequest {
        group_id: Str,
        topics: Vec<ReadStateData>,
    }
    struct ReadStateData {
        topic_id: Uuid,
        partitions: Vec<PartitionData>,
    }
    struct PartitionData {
        partition: i32,
        leader_epoch: i32,
    }
}

message! {
    /// What the share coordinator knows of partitions.
    response ReadShareGroupState = 84, versions 0..=0, flexible 0..;
    struct ReadShareGroupStateResponse {
        results: Vec<ReadStateResult>,
    }
    struct ReadStateResult {
        topic_id: Uuid,
        partitions: Vec<PartitionResult>,
    }
    struct PartitionResult {
        partition: i32,
        error_code: i16,
        error_message: Option<Str>,
        state_epoch: i32,
        start_offset: i64,
        state_batches: Vec<StateBatch>,
    }
    struct StateBatch {
        first_offset: i64,
        last_offset: i64,
        delivery_state: i8,
        delivery_count: i16,
    }
}
