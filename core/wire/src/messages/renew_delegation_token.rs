//! RenewDelegationToken: a token lives longer.

use crate::Slice;

message! {
    /// By its owner or one of its renewers. Flexible since v2.
    request RenewDelegationToken = 39, versions 1..=2, flexible 2..;
    struct RenewDelegationTokenRequest {
        /// The token's secret.
        hmac: Slice,
        /// From now on; -1 for the broker's own.
        renew_period_ms: i64,
    }
}

message! {
    /// When it ends.
    response RenewDelegationToken = 39, versions 1..=2, flexible 2..;
    struct RenewDelegationTokenResponse {
        error_code: i16,
        expiry_timestamp_ms: i64,
        throttle_time_ms: i32,
    }
}
