//! LeaveGroup: leaving a classic group.

use alloc::vec::Vec;

use crate::wire::Str;

message! {
    /// Leaving a classic group.
    request LeaveGroup = 13, versions 0..=5, flexible 4..;
    struct LeaveGroupRequest {
        group_id: Str,
        member_id: Str [..=2],
        members: Vec<MemberIdentity> [3..],
    }
    struct MemberIdentity {
        member_id: Str,
        group_instance_id: Option<Str>,
        reason: Option<Str> [5..],
    }
}

message! {
    /// Leaving a classic group.
    response LeaveGroup = 13, versions 0..=5, flexible 4..;
    struct LeaveGroupResponse {
        throttle_time_ms: i32 [1..],
        error_code: i16,
        members: Vec<MemberResponse> [3..],
    }
    struct MemberResponse {
        member_id: Str,
        group_instance_id: Option<Str>,
        error_code: i16,
    }
}
