//! ListGroups: the groups of a broker.

use alloc::vec::Vec;

use crate::wire::Str;

message! {
    /// The groups of a broker.
    request ListGroups = 16, versions 0..=5, flexible 3..;
    struct ListGroupsRequest {
        states_filter: Vec<Str> [4..],
        types_filter: Vec<Str> [5..],
    }
}

message! {
    /// The groups of a broker.
    response ListGroups = 16, versions 0..=5, flexible 3..;
    struct ListGroupsResponse {
        throttle_time_ms: i32 [1..],
        error_code: i16,
        groups: Vec<ListedGroup>,
    }
    struct ListedGroup {
        group_id: Str,
        protocol_type: Str,
        group_state: Str [4..],
        group_type: Str [5..],
    }
}
