//! DeleteGroups: removes groups and their offsets.

use alloc::vec::Vec;

use crate::Str;

message! {
    /// Removes groups that have no members. Flexible since v2.
    request DeleteGroups = 42, versions 0..=2, flexible 2..;
    struct DeleteGroupsRequest {
        groups_names: Vec<Str>,
    }
}

message! {
    /// What became of each group.
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
