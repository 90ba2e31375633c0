//! Records of `__consumer_offsets` for classic groups.

use alloc::vec::Vec;

use crate::{Slice, Str};

message! {
    /// A group. A null value removes it.
    coordinator_key GroupMetadataKey = 2, versions 0..=0;
    struct GroupMetadataKey {
        group: Str,
    }
}

message! {
    /// A generation of the group, written when it is complete. Rebalance timeouts since v1, time of the last change
    /// since v2, static members since v3, flexible since v4.
    coordinator_value GroupMetadataValue = 2, versions 0..=4, flexible 4..;
    struct GroupMetadataValue {
        protocol_type: Str,
        generation: i32,
        /// What the members agreed on; null where there are none.
        protocol: Option<Str>,
        /// Its member id; null where there are no members.
        leader: Option<Str>,
        /// In ms since 1970; -1 where it is unknown.
        current_state_timestamp: i64 [2..] = -1,
        members: Vec<MemberMetadata>,
    }
    struct MemberMetadata {
        member_id: Str,
        /// Of a static member; null for others.
        group_instance_id: Option<Str> [3..],
        client_id: Str,
        client_host: Str,
        /// In ms; -1 where it is unknown: then the session timeout counts.
        rebalance_timeout: i32 [1..] = -1,
        /// In ms.
        session_timeout: i32,
        /// For consumers a version and
        /// [`ConsumerProtocolSubscription`](super::consumer_protocol::ConsumerProtocolSubscription).
        subscription: Slice,
        /// For consumers a version and
        /// [`ConsumerProtocolAssignment`](super::consumer_protocol::ConsumerProtocolAssignment).
        assignment: Slice,
    }
}
