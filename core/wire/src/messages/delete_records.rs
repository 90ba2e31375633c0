//! DeleteRecords: removes the oldest records of partitions.

use alloc::vec::Vec;

use crate::Str;

message! {
    /// Raises the start of partitions (KIP-107). Flexible since v2.
    request DeleteRecords = 21, versions 0..=2, flexible 2..;
    struct DeleteRecordsRequest {
        topics: Vec<DeleteRecordsTopic>,
        timeout_ms: i32,
    }
    struct DeleteRecordsTopic {
        name: Str,
        partitions: Vec<DeleteRecordsPartition>,
    }
    struct DeleteRecordsPartition {
        partition_index: i32,
        /// The new first offset; -1 for the high watermark.
        offset: i64,
    }
}

message! {
    /// Where each partition starts now.
    response DeleteRecords = 21, versions 0..=2, flexible 2..;
    struct DeleteRecordsResponse {
        throttle_time_ms: i32,
        topics: Vec<DeleteRecordsTopicResult>,
    }
    struct DeleteRecordsTopicResult {
        name: Str,
        partitions: Vec<DeleteRecordsPartitionResult>,
    }
    struct DeleteRecordsPartitionResult {
        partition_index: i32,
        /// The smallest start of all replicas; -1 on an error.
        low_watermark: i64,
        error_code: i16,
    }
}
