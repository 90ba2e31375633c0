//! JoinGroup: entering a classic group, and its rebalances.

use alloc::vec::Vec;

use crate::{Slice, Str};

message! {
    /// The first step of a rebalance: waits until all members have joined. Rebalance timeout since v1; since v4 a
    /// member without an id gets one and has to come again (KIP-394); static members since v5 (KIP-345); flexible since
    /// v6; a reason since v8 (KIP-800).
    request JoinGroup = 11, versions 0..=9, flexible 6..;
    struct JoinGroupRequest {
        group_id: Str,
        /// Without a heartbeat for so long the member is gone.
        session_timeout_ms: i32,
        /// How long the group waits for the member to join again. Before v1 that is the session timeout.
        rebalance_timeout_ms: i32 [1..] = -1,
        /// Empty at first.
        member_id: Str,
        /// Makes it a static member: when it is back before its session ends, there is no rebalance. Null for others.
        group_instance_id: Option<Str> [5..],
        /// `consumer` for consumers, `connect` for workers of Kafka Connect.
        protocol_type: Str,
        /// What the member could use, the best first: for consumers the assignors.
        protocols: Vec<JoinGroupRequestProtocol>,
        /// For the broker's log.
        reason: Option<Str> [8..],
    }
    struct JoinGroupRequestProtocol {
        name: Str,
        /// For consumers a version and
        /// [`ConsumerProtocolSubscription`](super::consumer_protocol::ConsumerProtocolSubscription).
        metadata: Slice,
    }
}

message! {
    /// The new generation. The leader gets all members, and sends their assignments with SyncGroup. The protocol's type
    /// since v7 (KIP-559); since v9 the leader is told when there is nothing to assign (KIP-814).
    response JoinGroup = 11, versions 0..=9, flexible 6..;
    struct JoinGroupResponse {
        throttle_time_ms: i32 [2..],
        error_code: i16,
        /// -1 on an error.
        generation_id: i32 = -1,
        protocol_type: Option<Str> [7..],
        /// What all members can use and most prefer.
        protocol_name: Option<Str> [nullable 7..] = Some(Str::default()),
        /// Its member id.
        leader: Str,
        /// A static member came back as the leader: the assignments stay, but it is to watch for changes of topics.
        skip_assignment: bool [9..],
        member_id: Str,
        /// Empty for all but the leader.
        members: Vec<JoinGroupResponseMember>,
    }
    struct JoinGroupResponseMember {
        member_id: Str,
        group_instance_id: Option<Str> [5..],
        /// As the member sent it for the protocol that was chosen.
        metadata: Slice,
    }
}
