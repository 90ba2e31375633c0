//! ReadShareGroupState: what the share coordinator knows of partitions.

use alloc::vec::Vec;

use crate::{Str, Uuid};

message! {
    /// From the leader of a partition to the share coordinator, when it begins to serve a group (KIP-932).
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
        /// Fences leaders from before.
        leader_epoch: i32,
    }
}

message! {
    /// Which records the group has dealt with.
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
        /// To be sent with each write.
        state_epoch: i32,
        /// The first record that is not dealt with; -1 where nothing was read yet.
        start_offset: i64,
        /// Records from the start offset on; what is in none is available.
        state_batches: Vec<StateBatch>,
    }
    struct StateBatch {
        first_offset: i64,
        /// Belongs to the batch.
        last_offset: i64,
        /// 0 available, 2 acknowledged, 4 archived.
        delivery_state: i8,
        /// How often the records were handed out.
        delivery_count: i16,
    }
}
