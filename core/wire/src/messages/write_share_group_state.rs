//! WriteShareGroupState: what the share coordinator shall keep of partitions.

use alloc::vec::Vec;

use crate::{Str, Uuid};

message! {
    /// From the leader of a partition to the share coordinator, when records were dealt with (KIP-932). Since v1 how
    /// many (KIP-1226).
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
        /// As read.
        state_epoch: i32,
        /// Fences leaders from before.
        leader_epoch: i32,
        /// The first record that is not dealt with; -1 leaves it as it is.
        start_offset: i64,
        /// Records from the start offset on that are dealt with already; -1 where it is unknown.
        delivery_complete_count: i32 [1..] = -1,
        /// What has changed.
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

message! {
    /// What became of each partition.
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
