//! RemoveRaftVoter: one voter less in the metadata quorum.

use crate::{Str, Uuid};

message! {
    /// To the leader of the metadata quorum (KIP-853).
    request RemoveRaftVoter = 81, versions 0..=0, flexible 0..;
    struct RemoveRaftVoterRequest {
        /// Null where it is not checked.
        cluster_id: Option<Str>,
        voter_id: i32,
        /// Of the log directory with the voter's copy of the metadata log.
        voter_directory_id: Uuid,
    }
}

message! {
    /// Whether it is a voter no more.
    response RemoveRaftVoter = 81, versions 0..=0, flexible 0..;
    struct RemoveRaftVoterResponse {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<Str>,
    }
}
