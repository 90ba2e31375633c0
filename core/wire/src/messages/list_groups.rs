//! ListGroups: the groups of a broker.

use alloc::vec::Vec;

use crate::Str;

message! {
    /// Asks a broker for the groups that it coordinates. Flexible since v3, only of some states since v4 (KIP-518),
    /// only of some types since v5 (KIP-848).
    request ListGroups = 16, versions 0..=5, flexible 3..;
    struct ListGroupsRequest {
        /// As in the answer; empty for all.
        states_filter: Vec<Str> [4..],
        /// As in the answer; empty for all.
        types_filter: Vec<Str> [5..],
    }
}

message! {
    /// Groups; states since v4, types since v5.
    response ListGroups = 16, versions 0..=5, flexible 3..;
    struct ListGroupsResponse {
        throttle_time_ms: i32 [1..],
        error_code: i16,
        groups: Vec<ListedGroup>,
    }
    struct ListedGroup {
        group_id: Str,
        /// `consumer`, `share`, `streams`, or what members of a classic group said; empty where a classic group has
        /// only offsets.
        protocol_type: Str,
        /// `Empty`, `PreparingRebalance`, `CompletingRebalance`, `Assigning`, `Reconciling`, `NotReady`, `Stable`,
        /// `Dead`.
        group_state: Str [4..],
        /// `classic`, `consumer`, `share` or `streams`.
        group_type: Str [5..],
    }
}
