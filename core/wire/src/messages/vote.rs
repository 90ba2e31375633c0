//! Vote: elections in the metadata quorum.

use alloc::vec::Vec;

use crate::{Str, Uuid};

message! {
    /// From a candidate to the voters (KIP-595). Directories since v1 (KIP-853); since v2 it may only ask whether it
    /// would win (KIP-996).
    request Vote = 52, versions 0..=2, flexible 0..;
    struct VoteRequest {
        /// Null where it is not checked.
        cluster_id: Option<Str>,
        /// Whom the candidate means to reach; -1 in older versions.
        voter_id: i32 [1..] = -1,
        topics: Vec<TopicData>,
    }
    struct TopicData {
        topic_name: Str,
        partitions: Vec<PartitionData>,
    }
    struct PartitionData {
        partition_index: i32,
        /// The epoch of the election; of a trial, the candidate's present one.
        replica_epoch: i32,
        /// The candidate.
        replica_id: i32,
        /// The candidate's log directory.
        replica_directory_id: Uuid [1..],
        /// The log directory of the voter that the candidate means to reach.
        voter_directory_id: Uuid [1..],
        /// The epoch of the candidate's last record.
        last_offset_epoch: i32,
        /// The end of the candidate's log. A voter whose log is further does not vote for it.
        last_offset: i64,
        /// A trial: the answer binds nobody.
        pre_vote: bool [2..],
    }
}

message! {
    /// The voter's answer.
    response Vote = 52, versions 0..=2, flexible 0..;
    struct VoteResponse {
        error_code: i16,
        topics: Vec<TopicResult>,
        node_endpoints: Vec<NodeEndpoint> [1.. tag 0],
    }
    struct TopicResult {
        topic_name: Str,
        partitions: Vec<PartitionResult>,
    }
    struct PartitionResult {
        partition_index: i32,
        error_code: i16,
        /// Whom the voter takes for the leader; -1 where it knows none.
        leader_id: i32,
        leader_epoch: i32,
        vote_granted: bool,
    }
    struct NodeEndpoint {
        node_id: i32,
        host: Str,
        port: u16,
    }
}
