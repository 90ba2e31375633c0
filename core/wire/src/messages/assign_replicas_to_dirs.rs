//! AssignReplicasToDirs: in which log directory each replica is.

use alloc::vec::Vec;

use crate::Uuid;

message! {
    /// From a broker to the controller, so that it knows which partitions fail with a directory (KIP-858).
    request AssignReplicasToDirs = 73, versions 0..=0, flexible 0..;
    struct AssignReplicasToDirsRequest {
        broker_id: i32,
        /// As the controller gave it at registration.
        broker_epoch: i64 = -1,
        directories: Vec<DirectoryData>,
    }
    struct DirectoryData {
        /// As in the directory's `meta.properties`.
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
    /// What the controller took in.
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
