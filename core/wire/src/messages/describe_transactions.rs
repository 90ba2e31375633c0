//! DescribeTransactions: where transactions are.

use alloc::vec::Vec;

use crate::Str;

message! {
    /// Asks their coordinator for transactions by id (KIP-664).
    request DescribeTransactions = 65, versions 0..=0, flexible 0..;
    struct DescribeTransactionsRequest {
        transactional_ids: Vec<Str>,
    }
}

message! {
    /// State, producer and partitions of each.
    response DescribeTransactions = 65, versions 0..=0, flexible 0..;
    struct DescribeTransactionsResponse {
        throttle_time_ms: i32,
        transaction_states: Vec<TransactionState>,
    }
    struct TransactionState {
        error_code: i16,
        transactional_id: Str,
        /// `Empty`, `Ongoing`, `PrepareCommit`, `PrepareAbort`, `CompleteCommit`, `CompleteAbort`, `PrepareEpochFence`,
        /// `Dead`.
        transaction_state: Str,
        transaction_timeout_ms: i32,
        /// In ms since 1970; -1 where none is open.
        transaction_start_time_ms: i64,
        producer_id: i64,
        producer_epoch: i16,
        /// While it ends, those that have no marker yet.
        topics: Vec<TopicData>,
    }
    struct TopicData {
        topic: Str,
        partitions: Vec<i32>,
    }
}
