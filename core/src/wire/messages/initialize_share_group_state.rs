//! InitializeShareGroupState: the share coordinator begins to keep partitions of a group.

use alloc::vec::Vec;

use crate::wire::{Str, Uuid};

message! {
    /// The share coordinator begins to keep partitions of a group.
    request InitializeShareGroupState = 83, versions 0..=0, flexible 0..;
    struct InitializeShareGroupStateRequest {
        group_id: Str,
        topics: Vec<InitializeStateData>,
    }
    struct InitializeStateData {
        topic_id: Uuid,
        partitions: Vec<PartitionData>,
    }
    struct PartitionData {
        partition: i32,
        state_epoch: i32,
        start_offset: i64,
    }
}

message! {
    /// The share coordinator begins to keep partitions of a group.
    response InitializeShareGroupState = 83, versions 0..=0, flexible 0..;
    struct InitializeShareGroupStateResponse {
        results: Vec<InitializeStateResult>,
    }
    struct InitializeStateResult {
        topic_id: Uuid,
        partitions: Vec<PartitionResult>,
    }
    struct PartitionResult {
        partition: i32,
        error_code: i16,
        error_message: Option<Str>,
    }
}
