//! EndTxn: commits or aborts a transaction.

use crate::Str;

message! {
    /// The end of a transaction. New errors: PRODUCER_FENCED since v2, TRANSACTION_ABORTABLE since v4. Flexible since
    /// v3. Since v5 every end raises the producer's epoch (KIP-890).
    request EndTxn = 26, versions 0..=5, flexible 3..;
    struct EndTxnRequest {
        transactional_id: Str,
        producer_id: i64,
        producer_epoch: i16,
        /// Commit, or abort.
        committed: bool,
    }
}

message! {
    /// Whether the end is sure; since v5 with what the producer has to use from now on.
    response EndTxn = 26, versions 0..=5, flexible 3..;
    struct EndTxnResponse {
        throttle_time_ms: i32,
        error_code: i16,
        /// A new one where the epochs of the old are used up; -1 on an error.
        producer_id: i64 [5..] = -1,
        producer_epoch: i16 [5..] = -1,
    }
}
