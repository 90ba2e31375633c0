//! Records of `__transaction_state`.

use alloc::vec::Vec;

use crate::wire::Str;

message! {
    /// Records of `__transaction_state`.
    coordinator_key TransactionLogKey = 0, versions 0..=0;
    struct TransactionLogKey {
        transactional_id: Str,
    }
}

message! {
    /// Records of `__transaction_state`.
    coordinator_value TransactionLogValue = 0, versions 0..=1, flexible 1..;
    struct TransactionLogValue {
        producer_id: i64,
        previous_producer_id: i64 [1.. tag 0] = -1,
        next_producer_id: i64 [1.. tag 1] = -1,
        producer_epoch: i16,
        client_transaction_version: i16 [1.. tag 2],
        transaction_timeout_ms: i32,
        transaction_status: i8,
        transaction_partitions: Option<Vec<PartitionsSchema>>,
        transaction_last_update_timestamp_ms: i64,
        transaction_start_timestamp_ms: i64,
        next_producer_epoch: i16 [1.. tag 3] = -1,
    }
    struct PartitionsSchema {
        topic: Str,
        partition_ids: Vec<i32>,
    }
}
