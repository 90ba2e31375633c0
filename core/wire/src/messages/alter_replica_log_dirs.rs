//! AlterReplicaLogDirs: moves replicas between the log directories of one broker.

use alloc::vec::Vec;

use crate::Str;

message! {
    /// In which directory of this broker each replica shall be, now or when it is created (KIP-113). Flexible since v2.
    request AlterReplicaLogDirs = 34, versions 1..=2, flexible 2..;
    struct AlterReplicaLogDirsRequest {
        dirs: Vec<AlterReplicaLogDir>,
    }
    struct AlterReplicaLogDir {
        /// The directory, as an absolute path.
        path: Str,
        topics: Vec<AlterReplicaLogDirTopic>,
    }
    struct AlterReplicaLogDirTopic {
        name: Str,
        partitions: Vec<i32>,
    }
}

message! {
    /// Whether each move begins; DescribeLogDirs tells how far it is.
    response AlterReplicaLogDirs = 34, versions 1..=2, flexible 2..;
    struct AlterReplicaLogDirsResponse {
        throttle_time_ms: i32,
        results: Vec<AlterReplicaLogDirTopicResult>,
    }
    struct AlterReplicaLogDirTopicResult {
        topic_name: Str,
        partitions: Vec<AlterReplicaLogDirPartitionResult>,
    }
    struct AlterReplicaLogDirPartitionResult {
        partition_index: i32,
        error_code: i16,
    }
}
