//! InitProducerId: an identity for an idempotent or transactional producer.

use crate::wire::Str;

message! {
    /// Asks for a producer id; since v3 for a new epoch of one that it has. v6 is not released.
    request InitProducerId = 22, versions 0..=6, flexible 2.., unstable 6..;
    struct InitProducerIdRequest {
        transactional_id: Option<Str>,
        transaction_timeout_ms: i32,
        producer_id: i64 [3..] = -1,
        producer_epoch: i16 [3..] = -1,
        enable2_pc: bool [6..],
        keep_prepared_txn: bool [6..],
    }
}

message! {
    /// The producer id and epoch.
    response InitProducerId = 22, versions 0..=6, flexible 2.., unstable 6..;
    struct InitProducerIdResponse {
        throttle_time_ms: i32,
        error_code: i16,
        producer_id: i64 = -1,
        producer_epoch: i16,
        ongoing_txn_producer_id: i64 [6..] = -1,
        ongoing_txn_producer_epoch: i16 [6..] = -1,
    }
}
