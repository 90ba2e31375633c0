//! Heartbeat: a member of a classic group tells that it lives.

use crate::wire::Str;

message! {
    /// A member of a classic group tells that it lives.
    request Heartbeat = 12, versions 0..=4, flexible 4..;
    struct HeartbeatRequest {
        group_id: Str,
        generation_id: i32,
        member_id: Str,
        group_instance_id: Option<Str> [3..],
    }
}

message! {
    /// A member of a classic group tells that it lives.
    response Heartbeat = 12, versions 0..=4, flexible 4..;
    struct HeartbeatResponse {
        throttle_time_ms: i32 [1..],
        error_code: i16,
    }
}
