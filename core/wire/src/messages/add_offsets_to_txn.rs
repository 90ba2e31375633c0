//! AddOffsetsToTxn: a group's offsets become part of a transaction.

use crate::Str;

message! {
    /// Adds the partition of `__consumer_offsets` that keeps a group's offsets to a transaction, before
    /// TxnOffsetCommit. Since TxnOffsetCommit v5 that one does it by itself (KIP-890). New errors only: PRODUCER_FENCED
    /// since v2, TRANSACTION_ABORTABLE since v4. Flexible since v3.
    request AddOffsetsToTxn = 25, versions 0..=4, flexible 3..;
    struct AddOffsetsToTxnRequest {
        transactional_id: Str,
        producer_id: i64,
        producer_epoch: i16,
        group_id: Str,
    }
}

message! {
    /// Whether the offsets are in the transaction.
    response AddOffsetsToTxn = 25, versions 0..=4, flexible 3..;
    struct AddOffsetsToTxnResponse {
        throttle_time_ms: i32,
        error_code: i16,
    }
}
