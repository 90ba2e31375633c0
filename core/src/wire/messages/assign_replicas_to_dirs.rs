//! AssignReplicasToDirs: a broker tells the controller in which directory each replica is.

use alloc::vec::Vec;

use crate::wire::Uuid;

message! {
    /// A broker tells the controller in which directory each replica is.
    request AssignReplicasToDirs = 73, versions 0..=0, flexible 0..;
    struct AssignReplicasToDirsRequest {
        broker_id: i32,
        broker_epoch: i64 = -1,
        directories: Vec<DirectoryData>,
    }
    struct DirectoryData {
        id: Uuid,
        topics: Vec<TopicData>,
    }
    struct TopicData {
        topic_id: Uuid,
        partitions: Vec<PartitionData>,
    }
    struct PartitionData {
        partition_index: i32,
    }
}

message! {
    /// A broker tells the controller in which directory each replica is.
    response AssignReplicasToDirs = 73, versions 0..=0, flexible 0..;
    struct AssignReplicasToDirsResponse {
        throttle_time_ms: i32,
        error_code: i16,
        directories: Vec<DirectoryResult>,
    }
    struct DirectoryResult {
        id: Uuid,
        topics: Vec<TopicResult>,
    }
    struct TopicResult {
        topic_id: Uuid,
        partitions: Vec<PartitionResult>,
    }
    struct PartitionResult {
        partition_index: i32,
        error_code: i16,
    }
}
