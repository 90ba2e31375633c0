//! RenewDelegationToken: a token lives longer.

use bytes::Bytes;

message! {
    /// A token lives longer.
    request RenewDelegationToken = 39, versions 1..=2, flexible 2..;
    struct RenewDelegationTokenRequest {
        hmac: Bytes,
        renew_period_ms: i64,
    }
}

message! {
    /// A token lives longer.
    response RenewDelegationToken = 39, versions 1..=2, flexible 2..;
    struct RenewDelegationTokenResponse {
        error_code: i16,
        expiry_timestamp_ms: i64,
        throttle_time_ms: i32,
    }
}
