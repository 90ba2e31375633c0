//! EndTxn: commits or aborts a transaction.

use crate::wire::Str;

message! {
    /// Commits or aborts a transaction.
    request EndTxn = 26, versions 0..=5, flexible 3..;
    struct EndTxnRequest {
        transactional_id: Str,
        producer_id: i64,
        producer_epoch: i16,
        committed: bool,
    }
}

message! {
    /// Commits or aborts a transaction.
    response EndTxn = 26, versions 0..=5, flexible 3..;
    struct EndTxnResponse {
        throttle_time_ms: i32,
        error_code: i16,
        producer_id: i64 [5..] = -1,
        producer_epoch: i16 [5..] = -1,
    }
}
