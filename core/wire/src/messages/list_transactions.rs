//! ListTransactions: the transactions of a broker.

use alloc::vec::Vec;

use crate::Str;

message! {
    /// Asks a broker for the transactions that it coordinates (KIP-664): those that pass all filters. By age since v1
    /// (KIP-994), by id since v2 (KIP-1152).
    request ListTransactions = 66, versions 0..=2, flexible 0..;
    struct ListTransactionsRequest {
        /// As in DescribeTransactions; empty for all.
        state_filters: Vec<Str>,
        /// Empty for all.
        producer_id_filters: Vec<i64>,
        /// Only those open for longer than so many ms; negative for all.
        duration_filter: i64 [1..] = -1,
        /// A regular expression (RE2) for the whole id; null or empty for all.
        transactional_id_pattern: Option<Str> [2..],
    }
}

message! {
    /// Transactions and their states.
    response ListTransactions = 66, versions 0..=2, flexible 0..;
    struct ListTransactionsResponse {
        throttle_time_ms: i32,
        error_code: i16,
        /// Those of the request that are no states.
        unknown_state_filters: Vec<Str>,
        transaction_states: Vec<TransactionState>,
    }
    struct TransactionState {
        transactional_id: Str,
        producer_id: i64,
        transaction_state: Str,
    }
}
