//! Records of `__consumer_offsets` for classic groups.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::wire::Str;

message! {
    /// Records of `__consumer_offsets` for classic groups.
    coordinator_key GroupMetadataKey = 2, versions 0..=0;
    struct GroupMetadataKey {
        group: Str,
    }
}

message! {
    /// Records of `__consumer_offsets` for classic groups.
    coordinator_value GroupMetadataValue = 2, versions 0..=4, flexible 4..;
    struct GroupMetadataValue {
        protocol_type: Str,
        generation: i32,
        protocol: Option<Str>,
        leader: Option<Str>,
        current_state_timestamp: i64 [2..] = -1,
        members: Vec<MemberMetadata>,
    }
    struct MemberMetadata {
        member_id: Str,
        group_instance_id: Option<Str> [3..],
        client_id: Str,
        client_host: Str,
        rebalance_timeout: i32 [1..] = -1,
        session_timeout: i32,
        subscription: Bytes,
        assignment: Bytes,
    }
}
