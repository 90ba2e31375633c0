//! ReadShareGroupStateSummary: what the share coordinator knows of partitions, in short.

use alloc::vec::Vec;

use crate::{Str, Uuid};

message! {
    /// From the group coordinator to the share coordinator, for DescribeShareGroupOffsets (KIP-932).
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
    /// Where the group is; since v1 how much of what follows is dealt with (KIP-1226).
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
        /// The first record that is not dealt with; -1 where nothing was read yet.
        start_offset: i64,
        /// Records from the start offset on that are dealt with already; -1 where it is unknown.
        delivery_complete_count: i32 [1..] = -1,
    }
}
