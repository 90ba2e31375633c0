//! UpdateRaftVoter: a voter tells where it is now and what it speaks.

use alloc::vec::Vec;

use crate::{Str, Uuid};

message! {
    /// From a voter to the leader of the metadata quorum, where the set of voters says something else (KIP-853).
    request UpdateRaftVoter = 82, versions 0..=0, flexible 0..;
    struct UpdateRaftVoterRequest {
        /// Null where it is not checked.
        cluster_id: Option<Str>,
        /// As the voter knows it; -1 where it knows none.
        current_leader_epoch: i32,
        voter_id: i32,
        /// Of the log directory with the voter's copy of the metadata log.
        voter_directory_id: Uuid,
        listeners: Vec<Listener>,
        /// The levels of `kraft.version` that it can run with.
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
    /// Whether it is known now.
    response UpdateRaftVoter = 82, versions 0..=0, flexible 0..;
    struct UpdateRaftVoterResponse {
        throttle_time_ms: i32,
        error_code: i16,
        current_leader: CurrentLeader [tag 0],
    }
    struct CurrentLeader {
        /// -1 where there is none.
        leader_id: i32 = -1,
        leader_epoch: i32 = -1,
        host: Str,
        port: i32,
    }
}
