//! DeleteGroups: removes groups and their offsets.

use alloc::vec::Vec;

use crate::wire::Str;

message! {
    /// Removes groups and their offsets.
    request DeleteGroups = 42, versions 0..=2, flexible 2..;
    struct DeleteGroupsRequest {
        groups_names: Vec<Str>,
    }
}

message! {
    /// Removes groups and their offsets.
    response DeleteGroups = 42, versions 0..=2, flexible 2..;
    struct DeleteGroupsResponse {
        throttle_time_ms: i32,
        results: Vec<DeletableGroupResult>,
    }
    struct DeletableGroupResult {
        group_id: Str,
        error_code: i16,
    }
}
