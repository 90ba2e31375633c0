//! DescribeGroups: what classic groups look like.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::wire::Str;

message! {
    /// What classic groups look like.
    request DescribeGroups = 15, versions 0..=6, flexible 5..;
    struct DescribeGroupsRequest {
        groups: Vec<Str>,
        include_authorized_operations: bool [3..],
    }
}

message! {
    /// What classic groups look like.
    response DescribeGroups = 15, versions 0..=6, flexible 5..;
    struct DescribeGroupsResponse {
        throttle_time_ms: i32 [1..],
        groups: Vec<DescribedGroup>,
    }
    struct DescribedGroup {
        error_code: i16,
        error_message: Option<Str> [6..],
        group_id: Str,
        group_state: Str,
        protocol_type: Str,
        protocol_data: Str,
        members: Vec<DescribedGroupMember>,
        authorized_operations: i32 [3..] = i32::MIN,
    }
    struct DescribedGroupMember {
        member_id: Str,
        group_instance_id: Option<Str> [4..],
        client_id: Str,
        client_host: Str,
        member_metadata: Bytes,
        member_assignment: Bytes,
    }
}
