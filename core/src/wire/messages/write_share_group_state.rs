//! WriteShareGroupState: what the share coordinator shall keep of partitions.

use alloc::vec::Vec;

use crate::wire::{Str, Uuid};

message! {
    /// What the share coordinator shall keep of partitions.
    request WriteShareGroupState = 85, versions 0..=1, flexible 0..;
    struct WriteShareGroupStateRequest {
        group_id: Str,
        topics: Vec<WriteStateData>,
    }
    struct WriteStateData {
        topic_id: Uuid,
        partitions: Vec<PartitionData>,
    }
    struct PartitionData {
        partition: i32,
        state_epoch: i32,
        leader_epoch: i32,
        start_offset: i64,
        delivery_complete_count: i32 [1..] = -1,
        state_batches: Vec<StateBatch>,
    }
    struct StateBatch {
        first_offset: i64,
        last_offset: i64,
        delivery_state: i8,
        delivery_count: i16,
    }
}

message! {
    /// What the share coordinator shall keep of partitions.
    response WriteShareGroupState = 85, versions 0..=1, flexible 0..;
    struct WriteShareGroupStateResponse {
        results: Vec<WriteStateResult>,
    }
    struct WriteStateResult {
        topic_id: Uuid,
        partitions: Vec<PartitionResult>,
    }
    struct PartitionResult {
        partition: i32,
        error_code: i16,
        error_message: Option<Str>,
    }
}
