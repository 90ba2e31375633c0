//! Heartbeat: a member of a classic group tells that it lives.

use crate::Str;

message! {
    /// Static members since v3 (KIP-345), flexible since v4.
    request Heartbeat = 12, versions 0..=4, flexible 4..;
    struct HeartbeatRequest {
        group_id: Str,
        /// As JoinGroup gave it.
        generation_id: i32,
        member_id: Str,
        /// Of a static member; null for others.
        group_instance_id: Option<Str> [3..],
    }
}

message! {
    /// REBALANCE_IN_PROGRESS where the member has to join again.
    response Heartbeat = 12, versions 0..=4, flexible 4..;
    struct HeartbeatResponse {
        throttle_time_ms: i32 [1..],
        error_code: i16,
    }
}
