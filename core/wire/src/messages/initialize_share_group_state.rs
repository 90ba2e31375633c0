//! InitializeShareGroupState: the share coordinator begins to keep partitions of a group.

use alloc::vec::Vec;

use crate::{Str, Uuid};

message! {
    /// From the group coordinator to the share coordinator, when a share group subscribes to partitions (KIP-932).
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
        /// Rises each time the state is made anew, and fences writes from before.
        state_epoch: i32,
        /// -1 leaves it to `share.auto.offset.reset`.
        start_offset: i64,
    }
}

message! {
    /// What became of each partition.
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
