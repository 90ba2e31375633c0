//! ExpireDelegationToken: changes when a token ends.

use crate::Slice;

message! {
    /// A new end for a token, or the end of it. Flexible since v2.
    request ExpireDelegationToken = 40, versions 1..=2, flexible 2..;
    struct ExpireDelegationTokenRequest {
        /// The token's secret.
        hmac: Slice,
        /// From now on; a negative one ends it at once.
        expiry_time_period_ms: i64,
    }
}

message! {
    /// When it ends.
    response ExpireDelegationToken = 40, versions 1..=2, flexible 2..;
    struct ExpireDelegationTokenResponse {
        error_code: i16,
        expiry_timestamp_ms: i64,
        throttle_time_ms: i32,
    }
}
