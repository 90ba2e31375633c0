//! Records of `__transaction_state`.

use alloc::vec::Vec;

use crate::Str;

message! {
    /// A transactional id. A null value forgets it.
    coordinator_key TransactionLogKey = 0, versions 0..=0;
    struct TransactionLogKey {
        transactional_id: Str,
    }
}

message! {
    /// Its producer and transaction. Since v1, which is flexible, what KIP-890 needs: epochs that rise with every
    /// transaction.
    coordinator_value TransactionLogValue = 0, versions 0..=1, flexible 1..;
    struct TransactionLogValue {
        producer_id: i64,
        /// The one before, whose late requests are answered as what they are: retries. -1 where there is none.
        previous_producer_id: i64 [1.. tag 0] = -1,
        /// The one from the next transaction on; -1 where it is the same.
        next_producer_id: i64 [1.. tag 1] = -1,
        producer_epoch: i16,
        /// 2 where every transaction has an epoch of its own.
        client_transaction_version: i16 [1.. tag 2],
        transaction_timeout_ms: i32,
        /// 0 empty, 1 ongoing, 2 prepare commit, 3 prepare abort, 4 complete commit, 5 complete abort, 6 dead, 7
        /// prepare epoch fence.
        transaction_status: i8,
        /// Those that still need a marker; null where the transaction is empty.
        transaction_partitions: Option<Vec<PartitionsSchema>>,
        transaction_last_update_timestamp_ms: i64,
        /// -1 where none has begun.
        transaction_start_timestamp_ms: i64,
        /// Of the next producer id; -1 where there is none.
        next_producer_epoch: i16 [1.. tag 3] = -1,
    }
    struct PartitionsSchema {
        topic: Str,
        partition_ids: Vec<i32>,
    }
}
