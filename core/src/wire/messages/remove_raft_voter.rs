//! RemoveRaftVoter: one voter less in the metadata quorum.

use crate::wire::{Str, Uuid};

message! {
    /// One voter less in the metadata quorum.
    request RemoveRaftVoter = 81, versions 0..=0, flexible 0..;
    struct RemoveRaftVoterRequest {
        cluster_id: Option<Str>,
        voter_id: i32,
        voter_directory_id: Uuid,
    }
}

message! {
    /// One voter less in the metadata quorum.
    response RemoveRaftVoter = 81, versions 0..=0, flexible 0..;
    struct RemoveRaftVoterResponse {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<Str>,
    }
}
