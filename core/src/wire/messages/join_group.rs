//! JoinGroup: entering a classic group, and its rebalances.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::wire::Str;

message! {
    /// Entering a classic group, and its rebalances.
    request JoinGroup = 11, versions 0..=9, flexible 6..;
    struct JoinGroupRequest {
        group_id: Str,
        session_timeout_ms: i32,
        rebalance_timeout_ms: i32 [1..] = -1,
        member_id: Str,
        group_instance_id: Option<Str> [5..],
        protocol_type: Str,
        protocols: Vec<JoinGroupRequestProtocol>,
        reason: Option<Str> [8..],
    }
    struct JoinGroupRequestProtocol {
        name: Str,
        metadata: Bytes,
    }
}

message! {
    /// Entering a classic group, and its rebalances.
    response JoinGroup = 11, versions 0..=9, flexible 6..;
    struct JoinGroupResponse {
        throttle_time_ms: i32 [2..],
        error_code: i16,
        generation_id: i32 = -1,
        protocol_type: Option<Str> [7..],
        protocol_name: Option<Str> [nullable 7..] = Some(Str::default()),
        leader: Str,
        skip_assignment: bool [9..],
        member_id: Str,
        members: Vec<JoinGroupResponseMember>,
    }
    struct JoinGroupResponseMember {
        member_id: Str,
        group_instance_id: Option<Str> [5..],
        metadata: Bytes,
    }
}
