//! ShareGroupHeartbeat: how members of a share group join, stay and leave.

use alloc::vec::Vec;

use crate::wire::{Str, Uuid};

message! {
    /// How members of a share group join, stay and leave.
    request ShareGroupHeartbeat = 76, versions 1..=1, flexible 0..;
    struct ShareGroupHeartbeatRequest {
        group_id: Str,
        member_id: Str,
        member_epoch: i32,
        rack_id: Option<Str>,
        subscribed_topic_names: Option<Vec<Str>>,
    }
}

message! {
    /// How members of a share group join, stay and leave.
    response ShareGroupHeartbeat = 76, versions 1..=1, flexible 0..;
    struct ShareGroupHeartbeatResponse {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<Str>,
        member_id: Option<Str>,
        member_epoch: i32,
        heartbeat_interval_ms: i32,
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
