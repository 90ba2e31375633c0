//! The vote of a controller, as kept in `quorum-state`.

use alloc::vec::Vec;

use crate::wire::{Str, Uuid};

message! {
    /// Kept as JSON in the file.
    data QuorumStateData, versions 0..=1, flexible 0..;
    struct QuorumStateData {
        cluster_id: Str [..=0],
        leader_id: i32 = -1,
        leader_epoch: i32 = -1,
        voted_id: i32 = -1,
        voted_directory_id: Uuid [1..],
        applied_offset: i64 [..=0],
        current_voters: Option<Vec<Voter>> [..=0],
    }
    struct Voter {
        voter_id: i32,
    }
}
