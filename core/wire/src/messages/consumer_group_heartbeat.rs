//! ConsumerGroupHeartbeat: how members of a consumer group join, stay, move and leave (KIP-848).

use alloc::vec::Vec;

use crate::{Str, Uuid};

message! {
    /// One message for the whole life of a member. What is null, or -1 for the timeout, has not changed since the last
    /// heartbeat. Since v1 topics may be subscribed to by regular expression, and the member makes its own id
    /// (KIP-1082).
    request ConsumerGroupHeartbeat = 68, versions 0..=1, flexible 0..;
    struct ConsumerGroupHeartbeatRequest {
        group_id: Str,
        /// A uuid of the member's own making; in v0 empty at first, when the coordinator gives one.
        member_id: Str,
        /// The epoch that the member has reached; 0 joins, -1 leaves, -2 leaves for a while as a static member.
        member_epoch: i32,
        /// Makes it a static member (KIP-345).
        instance_id: Option<Str>,
        rack_id: Option<Str>,
        /// How long it may take to give up partitions.
        rebalance_timeout_ms: i32 = -1,
        subscribed_topic_names: Option<Vec<Str>>,
        /// RE2 syntax, matched by the coordinator.
        subscribed_topic_regex: Option<Str> [1..],
        /// Such as `uniform` or `range`; null leaves it to the coordinator.
        server_assignor: Option<Str>,
        /// What it has now; empty when it joins.
        topic_partitions: Option<Vec<TopicPartitions>>,
    }
    struct TopicPartitions {
        topic_id: Uuid,
        partitions: Vec<i32>,
    }
}

message! {
    /// The member's epoch, and its assignment when that has changed.
    response ConsumerGroupHeartbeat = 68, versions 0..=1, flexible 0..;
    struct ConsumerGroupHeartbeatResponse {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<Str>,
        /// Null on an error.
        member_id: Option<Str>,
        member_epoch: i32,
        /// When the next heartbeat is due.
        heartbeat_interval_ms: i32,
        /// What the member may have now; null where it is as before.
        assignment: Option<Assignment>,
    }
    struct Assignment {
        topic_partitions: Vec<TopicPartitions>,
    }
}
