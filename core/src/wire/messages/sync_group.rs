//! SyncGroup: who reads what in a classic group.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::wire::Str;

message! {
    /// Who reads what in a classic group.
    request SyncGroup = 14, versions 0..=5, flexible 4..;
    struct SyncGroupRequest {
        group_id: Str,
        generation_id: i32,
        member_id: Str,
        group_instance_id: Option<Str> [3..],
        protocol_type: Option<Str> [5..],
        protocol_name: Option<Str> [5..],
        assignments: Vec<SyncGroupRequestAssignment>,
    }
    struct SyncGroupRequestAssignment {
        member_id: Str,
        assignment: Bytes,
    }
}

message! {
    /// Who reads what in a classic group.
    response SyncGroup = 14, versions 0..=5, flexible 4..;
    struct SyncGroupResponse {
        throttle_time_ms: i32 [1..],
        error_code: i16,
        protocol_type: Option<Str> [5..],
        protocol_name: Option<Str> [5..],
        assignment: Bytes,
    }
}
