//! DeleteShareGroupState: the share coordinator forgets partitions of a group.

use alloc::vec::Vec;

use crate::{Str, Uuid};

message! {
    /// From the group coordinator to the share coordinator (KIP-932).
    request DeleteShareGroupState = 86, versions 0..=0, flexible 0..;
    struct DeleteShareGroupStateRequest {
        group_id: Str,
        topics: Vec<DeleteStateData>,
    }
    struct DeleteStateData {
        topic_id: Uuid,
        partitions: Vec<PartitionData>,
    }
    struct PartitionData {
        partition: i32,
    }
}

message! {
    /// What became of each partition.
    response DeleteShareGroupState = 86, versions 0..=0, flexible 0..;
    struct DeleteShareGroupStateResponse {
        results: Vec<DeleteStateResult>,
    }
    struct DeleteStateResult {
        topic_id: Uuid,
        partitions: Vec<PartitionResult>,
    }
    struct PartitionResult {
        partition: i32,
        error_code: i16,
        error_message: Option<Str>,
    }
}
