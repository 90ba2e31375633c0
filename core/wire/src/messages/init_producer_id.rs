//! InitProducerId: an identity for an idempotent or transactional producer.

use crate::Str;

message! {
    /// Asks for a producer id; since v3 for a new epoch of one that it has. v6 is not released.
    request InitProducerId = 22, versions 0..=6, flexible 2.., unstable 6..;
    struct InitProducerIdRequest {
        /// Null for an idempotent producer without transactions.
        transactional_id: Option<Str>,
        /// After which the coordinator aborts an open transaction; of no use without an id.
        transaction_timeout_ms: i32,
        /// The one that the producer has, and wants a new epoch of (KIP-360); -1 for none.
        producer_id: i64 [3..] = -1,
        /// As above; -1 for none.
        producer_epoch: i16 [3..] = -1,
        /// Transactions stay prepared until they are told how to end (KIP-939).
        enable2_pc: bool [6..],
        /// The open transaction is not aborted.
        keep_prepared_txn: bool [6..],
    }
}

message! {
    /// The producer id and epoch.
    response InitProducerId = 22, versions 0..=6, flexible 2.., unstable 6..;
    struct InitProducerIdResponse {
        throttle_time_ms: i32,
        error_code: i16,
        /// -1 on an error.
        producer_id: i64 = -1,
        producer_epoch: i16,
        /// Of the transaction that was kept; -1 for none.
        ongoing_txn_producer_id: i64 [6..] = -1,
        /// Of the transaction that was kept; -1 for none.
        ongoing_txn_producer_epoch: i16 [6..] = -1,
    }
}
