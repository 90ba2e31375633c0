//! ElectLeaders: partitions get new leaders.

use alloc::vec::Vec;

use crate::wire::Str;

message! {
    /// Partitions get new leaders.
    request ElectLeaders = 43, versions 0..=2, flexible 2..;
    struct ElectLeadersRequest {
        election_type: i8 [1..],
        topic_partitions: Option<Vec<TopicPartitions>>,
        timeout_ms: i32 = 60000,
    }
    struct TopicPartitions {
        topic: Str,
        partitions: Vec<i32>,
    }
}

message! {
    /// Partitions get new leaders.
    response ElectLeaders = 43, versions 0..=2, flexible 2..;
    struct ElectLeadersResponse {
        throttle_time_ms: i32,
        error_code: i16 [1..],
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
