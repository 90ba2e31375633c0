//! The vote of a controller, as kept in `quorum-state`.

use alloc::vec::Vec;

use crate::{Str, Uuid};

message! {
    /// Kept as JSON in the file.
    data QuorumStateData, versions 0..=1, flexible 0..;
    struct QuorumStateData {
        cluster_id: Str [..=0],
        /// -1 where it is unknown.
        leader_id: i32 = -1,
        /// The last epoch that it knows of.
        leader_epoch: i32 = -1,
        /// Whom it voted for in that epoch; -1 for nobody.
        voted_id: i32 = -1,
        /// The directory of whom it voted for; zero where it is unknown.
        voted_directory_id: Uuid [1..],
        applied_offset: i64 [..=0],
        current_voters: Option<Vec<Voter>> [..=0],
    }
    struct Voter {
        voter_id: i32,
    }
}
