//! DescribeLogDirs: log directories, and what is in them.

use alloc::vec::Vec;

use crate::wire::Str;

message! {
    /// Log directories, and what is in them.
    request DescribeLogDirs = 35, versions 1..=5, flexible 2..;
    struct DescribeLogDirsRequest {
        topics: Option<Vec<DescribableLogDirTopic>>,
    }
    struct DescribableLogDirTopic {
        topic: Str,
        partitions: Vec<i32>,
    }
}

message! {
    /// Log directories, and what is in them.
    response DescribeLogDirs = 35, versions 1..=5, flexible 2..;
    struct DescribeLogDirsResponse {
        throttle_time_ms: i32,
        error_code: i16 [3..],
        results: Vec<DescribeLogDirsResult>,
    }
    struct DescribeLogDirsResult {
        error_code: i16,
        log_dir: Str,
        topics: Vec<DescribeLogDirsTopic>,
        total_bytes: i64 [4..] = -1,
        usable_bytes: i64 [4..] = -1,
        is_cordoned: bool [5..],
    }
    struct DescribeLogDirsTopic {
        name: Str,
        partitions: Vec<DescribeLogDirsPartition>,
    }
    struct DescribeLogDirsPartition {
        partition_index: i32,
        partition_size: i64,
        offset_lag: i64,
        is_future_key: bool,
    }
}
