//! DescribeTransactions: where transactions are.

use alloc::vec::Vec;

use crate::wire::Str;

message! {
    /// Where transactions are.
    request DescribeTransactions = 65, versions 0..=0, flexible 0..;
    struct DescribeTransactionsRequest {
        transactional_ids: Vec<Str>,
    }
}

message! {
    /// Where transactions are.
    response DescribeTransactions = 65, versions 0..=0, flexible 0..;
    struct DescribeTransactionsResponse {
        throttle_time_ms: i32,
        transaction_states: Vec<TransactionState>,
    }
    struct TransactionState {
        error_code: i16,
        transactional_id: Str,
        transaction_state: Str,
        transaction_timeout_ms: i32,
        transaction_start_time_ms: i64,
        producer_id: i64,
        producer_epoch: i16,
        topics: Vec<TopicData>,
    }
    struct TopicData {
        topic: Str,
        partitions: Vec<i32>,
    }
}
