//! DescribeLogDirs: log directories, and what is in them.

use alloc::vec::Vec;

use crate::Str;

message! {
    /// Asks for the replicas of topics in this broker's directories. Flexible since v2.
    request DescribeLogDirs = 35, versions 1..=5, flexible 2..;
    struct DescribeLogDirsRequest {
        /// Null for all.
        topics: Option<Vec<DescribableLogDirTopic>>,
    }
    struct DescribableLogDirTopic {
        topic: Str,
        partitions: Vec<i32>,
    }
}

message! {
    /// Directories and sizes. An error of the whole since v3, room on the volume since v4 (KIP-827), since v5 whether a
    /// directory takes new replicas (KIP-1066).
    response DescribeLogDirs = 35, versions 1..=5, flexible 2..;
    struct DescribeLogDirsResponse {
        throttle_time_ms: i32,
        error_code: i16 [3..],
        results: Vec<DescribeLogDirsResult>,
    }
    struct DescribeLogDirsResult {
        /// KAFKA_STORAGE_ERROR where the directory is offline.
        error_code: i16,
        log_dir: Str,
        topics: Vec<DescribeLogDirsTopic>,
        /// Of the volume; -1 where it is unknown.
        total_bytes: i64 [4..] = -1,
        /// Free on the volume; -1 where it is unknown.
        usable_bytes: i64 [4..] = -1,
        /// It takes no new replicas.
        is_cordoned: bool [5..],
    }
    struct DescribeLogDirsTopic {
        name: Str,
        partitions: Vec<DescribeLogDirsPartition>,
    }
    struct DescribeLogDirsPartition {
        partition_index: i32,
        /// Bytes of all segments.
        partition_size: i64,
        /// How far its end is behind the high watermark, or behind the present replica where it is to replace that.
        offset_lag: i64,
        /// It is on its way here, and will replace the replica in another directory.
        is_future_key: bool,
    }
}
