//! ElectLeaders: partitions get new leaders.

use alloc::vec::Vec;

use crate::Str;

message! {
    /// Asks the controller to elect leaders (KIP-183). Unclean elections since v1 (KIP-460), flexible since v2.
    request ElectLeaders = 43, versions 0..=2, flexible 2..;
    struct ElectLeadersRequest {
        /// 0 the preferred replica, 1 any that lives where none is in sync: records may be lost.
        election_type: i8 [1..],
        /// Null for all.
        topic_partitions: Option<Vec<TopicPartitions>>,
        timeout_ms: i32 = 60000,
    }
    struct TopicPartitions {
        topic: Str,
        partitions: Vec<i32>,
    }
}

message! {
    /// What became of each partition.
    response ElectLeaders = 43, versions 0..=2, flexible 2..;
    struct ElectLeadersResponse {
        throttle_time_ms: i32,
        error_code: i16 [1..],
        /// Where all were asked for, those that needed no election are left out.
        replica_election_results: Vec<ReplicaElectionResult>,
    }
    struct ReplicaElectionResult {
        topic: Str,
        partition_result: Vec<PartitionResult>,
    }
    struct PartitionResult {
        partition_id: i32,
        error_code: i16,
        error_message: Option<Str>,
    }
}
