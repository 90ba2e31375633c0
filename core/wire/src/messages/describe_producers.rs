//! DescribeProducers: who writes to partitions.

use alloc::vec::Vec;

use crate::Str;

message! {
    /// Asks the leaders of partitions for the producers that they remember (KIP-664).
    request DescribeProducers = 61, versions 0..=0, flexible 0..;
    struct DescribeProducersRequest {
        topics: Vec<TopicRequest>,
    }
    struct TopicRequest {
        name: Str,
        partition_indexes: Vec<i32>,
    }
}

message! {
    /// Idempotent and transactional producers of each partition.
    response DescribeProducers = 61, versions 0..=0, flexible 0..;
    struct DescribeProducersResponse {
        throttle_time_ms: i32,
        topics: Vec<TopicResponse>,
    }
    struct TopicResponse {
        name: Str,
        partitions: Vec<PartitionResponse>,
    }
    struct PartitionResponse {
        partition_index: i32,
        error_code: i16,
        error_message: Option<Str>,
        active_producers: Vec<ProducerState>,
    }
    struct ProducerState {
        producer_id: i64,
        producer_epoch: i32,
        /// Of the last record; -1 where there was only a marker.
        last_sequence: i32 = -1,
        /// Of the last batch, in ms since 1970; -1 where there is none.
        last_timestamp: i64 = -1,
        /// Of the coordinator that wrote the last marker; -1 where there is none.
        coordinator_epoch: i32,
        /// Where its open transaction begins; -1 where none is open.
        current_txn_start_offset: i64 = -1,
    }
}
