//! SyncGroup: who reads what in a classic group.

use alloc::vec::Vec;

use crate::{Slice, Str};

message! {
    /// The second step of a rebalance: the leader sends all assignments, the others wait for theirs. Static members
    /// since v3 (KIP-345), flexible since v4; since v5 the protocol is checked (KIP-559).
    request SyncGroup = 14, versions 0..=5, flexible 4..;
    struct SyncGroupRequest {
        group_id: Str,
        /// As JoinGroup gave it.
        generation_id: i32,
        member_id: Str,
        /// Of a static member; null for others.
        group_instance_id: Option<Str> [3..],
        /// As in JoinGroup; null is not checked.
        protocol_type: Option<Str> [5..],
        /// As JoinGroup answered it; null is not checked.
        protocol_name: Option<Str> [5..],
        /// Empty for all but the leader.
        assignments: Vec<SyncGroupRequestAssignment>,
    }
    struct SyncGroupRequestAssignment {
        member_id: Str,
        /// For consumers a version and
        /// [`ConsumerProtocolAssignment`](super::consumer_protocol::ConsumerProtocolAssignment).
        assignment: Slice,
    }
}

message! {
    /// The member's assignment.
    response SyncGroup = 14, versions 0..=5, flexible 4..;
    struct SyncGroupResponse {
        throttle_time_ms: i32 [1..],
        error_code: i16,
        protocol_type: Option<Str> [5..],
        protocol_name: Option<Str> [5..],
        /// As the leader sent it; empty on an error.
        assignment: Slice,
    }
}
