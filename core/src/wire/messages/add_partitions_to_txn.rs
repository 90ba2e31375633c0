//! AddPartitionsToTxn: partitions become part of a transaction.

use alloc::vec::Vec;

use crate::wire::Str;

message! {
    /// Partitions become part of a transaction.
    request AddPartitionsToTxn = 24, versions 0..=5, flexible 3..;
    struct AddPartitionsToTxnRequest {
        transactions: Vec<AddPartitionsToTxnTransaction> [4..],
        v3_and_below_transactional_id: Str [..=3],
        v3_and_below_producer_id: i64 [..=3],
        v3_and_below_producer_epoch: i16 [..=3],
        v3_and_below_topics: Vec<AddPartitionsToTxnTopic> [..=3],
    }
    struct AddPartitionsToTxnTransaction {
        transactional_id: Str,
        producer_id: i64,
        producer_epoch: i16,
        verify_only: bool,
        topics: Vec<AddPartitionsToTxnTopic>,
    }
    struct AddPartitionsToTxnTopic {
        name: Str,
        partitions: Vec<i32>,
    }
}

message! {
    /// Partitions become part of a transaction.
    response AddPartitionsToTxn = 24, versions 0..=5, flexible 3..;
    struct AddPartitionsToTxnResponse {
        throttle_time_ms: i32,
        error_code: i16 [4..],
        results_by_transaction: Vec<AddPartitionsToTxnResult> [4..],
        results_by_topic_v3_and_below: Vec<AddPartitionsToTxnTopicResult> [..=3],
    }
    struct AddPartitionsToTxnResult {
        transactional_id: Str,
        topic_results: Vec<AddPartitionsToTxnTopicResult>,
    }
    struct AddPartitionsToTxnTopicResult {
        name: Str,
        results_by_partition: Vec<AddPartitionsToTxnPartitionResult>,
    }
    struct AddPartitionsToTxnPartitionResult {
        partition_index: i32,
        partition_error_code: i16,
    }
}
