//! AddOffsetsToTxn: a group's offsets become part of a transaction.

use crate::wire::Str;

message! {
    /// A group's offsets become part of a transaction.
    request AddOffsetsToTxn = 25, versions 0..=4, flexible 3..;
    struct AddOffsetsToTxnRequest {
        transactional_id: Str,
        producer_id: i64,
        producer_epoch: i16,
        group_id: Str,
    }
}

message! {
    /// A group's offsets become part of a transaction.
    response AddOffsetsToTxn = 25, versions 0..=4, flexible 3..;
    struct AddOffsetsToTxnResponse {
        throttle_time_ms: i32,
        error_code: i16,
    }
}
