//! DescribeGroups: what classic groups look like.

use alloc::vec::Vec;

use crate::{Slice, Str};

message! {
    /// Asks for groups by id. Operations that are allowed since v3, flexible since v5.
    request DescribeGroups = 15, versions 0..=6, flexible 5..;
    struct DescribeGroupsRequest {
        groups: Vec<Str>,
        include_authorized_operations: bool [3..],
    }
}

message! {
    /// Groups and their members. Static members since v4 (KIP-345); since v6 a group that does not exist is an error,
    /// before it was `Dead` (KIP-1043).
    response DescribeGroups = 15, versions 0..=6, flexible 5..;
    struct DescribeGroupsResponse {
        throttle_time_ms: i32 [1..],
        groups: Vec<DescribedGroup>,
    }
    struct DescribedGroup {
        error_code: i16,
        error_message: Option<Str> [6..],
        group_id: Str,
        /// `Empty`, `PreparingRebalance`, `CompletingRebalance`, `Stable`, `Dead`; empty on an error.
        group_state: Str,
        /// `consumer` for consumers, `connect` for workers of Kafka Connect.
        protocol_type: Str,
        /// The protocol that the members agreed on: for consumers the assignor. Empty in any state but `Stable`.
        protocol_data: Str,
        members: Vec<DescribedGroupMember>,
        /// One bit an operation, by its number in ACLs; `i32::MIN` when not asked for.
        authorized_operations: i32 [3..] = i32::MIN,
    }
    struct DescribedGroupMember {
        member_id: Str,
        /// Of a static member; null for others.
        group_instance_id: Option<Str> [4..],
        client_id: Str,
        client_host: Str,
        /// For consumers a version and
        /// [`ConsumerProtocolSubscription`](super::consumer_protocol::ConsumerProtocolSubscription).
        member_metadata: Slice,
        /// For consumers a version and
        /// [`ConsumerProtocolAssignment`](super::consumer_protocol::ConsumerProtocolAssignment).
        member_assignment: Slice,
    }
}
