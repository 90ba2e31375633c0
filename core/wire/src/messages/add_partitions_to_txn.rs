//! AddPartitionsToTxn: partitions become part of a transaction.

use alloc::vec::Vec;

use crate::Str;

message! {
    /// Before a producer writes to a partition in a transaction (up to v3), or a broker asks the coordinator whether it
    /// did (since v4, many transactions at once, KIP-890). Since Produce v12 the broker adds the partitions for the
    /// producer. Flexible since v3; errors PRODUCER_FENCED since v2, TRANSACTION_ABORTABLE since v5.
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
        /// Adds nothing; tells of each partition whether it is in the transaction.
        verify_only: bool,
        topics: Vec<AddPartitionsToTxnTopic>,
    }
    struct AddPartitionsToTxnTopic {
        name: Str,
        partitions: Vec<i32>,
    }
}

message! {
    /// What became of each partition: of one transaction up to v3, of many since v4.
    response AddPartitionsToTxn = 24, versions 0..=5, flexible 3..;
    struct AddPartitionsToTxnResponse {
        throttle_time_ms: i32,
        /// Of the whole, such as CLUSTER_AUTHORIZATION_FAILED where the asker is no broker.
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
