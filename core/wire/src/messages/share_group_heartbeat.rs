//! ShareGroupHeartbeat: how members of a share group join, stay and leave.

use alloc::vec::Vec;

use crate::{Str, Uuid};

message! {
    /// One message for the whole life of a member (KIP-932). What is null has not changed since the last heartbeat. v0
    /// was never stable.
    request ShareGroupHeartbeat = 76, versions 1..=1, flexible 0..;
    struct ShareGroupHeartbeatRequest {
        group_id: Str,
        /// A uuid of the member's own making.
        member_id: Str,
        /// The epoch that the member has reached; 0 joins, -1 leaves.
        member_epoch: i32,
        rack_id: Option<Str>,
        subscribed_topic_names: Option<Vec<Str>>,
    }
}

message! {
    /// The member's epoch, and its assignment when that has changed.
    response ShareGroupHeartbeat = 76, versions 1..=1, flexible 0..;
    struct ShareGroupHeartbeatResponse {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<Str>,
        member_id: Option<Str>,
        member_epoch: i32,
        /// When the next heartbeat is due.
        heartbeat_interval_ms: i32,
        /// Null where it is as before.
        assignment: Option<Assignment>,
    }
    struct Assignment {
        topic_partitions: Vec<TopicPartitions>,
    }
    struct TopicPartitions {
        topic_id: Uuid,
        partitions: Vec<i32>,
    }
}
