//! AddRaftVoter: one more voter in the metadata quorum.

use alloc::vec::Vec;

use crate::wire::{Str, Uuid};

message! {
    /// One more voter in the metadata quorum.
    request AddRaftVoter = 80, versions 0..=1, flexible 0..;
    struct AddRaftVoterRequest {
        cluster_id: Option<Str>,
        timeout_ms: i32,
        voter_id: i32,
        voter_directory_id: Uuid,
        listeners: Vec<Listener>,
        ack_when_committed: bool [1..] = true,
    }
    struct Listener {
        name: Str,
        host: Str,
        port: u16,
    }
}

message! {
    /// One more voter in the metadata quorum.
    response AddRaftVoter = 80, versions 0..=1, flexible 0..;
    struct AddRaftVoterResponse {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<Str>,
    }
}
