//! AddRaftVoter: one more voter in the metadata quorum.

use alloc::vec::Vec;

use crate::{Str, Uuid};

message! {
    /// Makes an observer of the metadata log a voter (KIP-853). Since v1 the answer need not wait for the commit.
    request AddRaftVoter = 80, versions 0..=1, flexible 0..;
    struct AddRaftVoterRequest {
        /// Null where the sender does not know it; otherwise it must be the right one.
        cluster_id: Option<Str>,
        timeout_ms: i32,
        voter_id: i32,
        /// Of the log directory with the voter's copy of the metadata log: a disk that was replaced is another voter.
        voter_directory_id: Uuid,
        /// Where the other voters reach it.
        listeners: Vec<Listener>,
        /// Whether to answer when the new set of voters is committed, or as soon as the leader has written it.
        ack_when_committed: bool [1..] = true,
    }
    struct Listener {
        name: Str,
        host: Str,
        port: u16,
    }
}

message! {
    /// Whether it is a voter.
    response AddRaftVoter = 80, versions 0..=1, flexible 0..;
    struct AddRaftVoterResponse {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<Str>,
    }
}
