//! LeaveGroup: leaving a classic group.

use alloc::vec::Vec;

use crate::Str;

message! {
    /// A member goes, or since v3 an administrator removes members, by member or instance id (KIP-345). Flexible since
    /// v4, a reason since v5 (KIP-800).
    request LeaveGroup = 13, versions 0..=5, flexible 4..;
    struct LeaveGroupRequest {
        group_id: Str,
        member_id: Str [..=2],
        members: Vec<MemberIdentity> [3..],
    }
    struct MemberIdentity {
        /// Empty where the instance id says it.
        member_id: Str,
        /// Of a static member; null for others.
        group_instance_id: Option<Str>,
        /// For the broker's log.
        reason: Option<Str> [5..],
    }
}

message! {
    /// Whether they are gone; since v3 for each member.
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
