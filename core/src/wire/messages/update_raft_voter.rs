//! UpdateRaftVoter: a voter of the metadata quorum tells where it is now and what it speaks.

use alloc::vec::Vec;

use crate::wire::{Str, Uuid};

message! {
    /// A voter of the metadata quorum tells where it is now and what it speaks.
    request UpdateRaftVoter = 82, versions 0..=0, flexible 0..;
    struct UpdateRaftVoterRequest {
        cluster_id: Option<Str>,
        current_leader_epoch: i32,
        voter_id: i32,
        voter_directory_id: Uuid,
        listeners: Vec<Listener>,
        k_raft_version_feature: KRaftVersionFeature,
    }
    struct Listener {
        name: Str,
        host: Str,
        port: u16,
    }
    struct KRaftVersionFeature {
        min_supported_version: i16,
        max_supported_version: i16,
    }
}

message! {
    /// A voter of the metadata quorum tells where it is now and what it speaks.
    response UpdateRaftVoter = 82, versions 0..=0, flexible 0..;
    struct UpdateRaftVoterResponse {
        throttle_time_ms: i32,
        error_code: i16,
        current_leader: CurrentLeader [tag 0],
    }
    struct CurrentLeader {
        leader_id: i32 = -1,
        leader_epoch: i32 = -1,
        host: Str,
        port: i32,
    }
}
