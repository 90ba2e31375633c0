//! ExpireDelegationToken: changes when a token ends.

use bytes::Bytes;

message! {
    /// Changes when a token ends.
    request ExpireDelegationToken = 40, versions 1..=2, flexible 2..;
    struct ExpireDelegationTokenRequest {
        hmac: Bytes,
        expiry_time_period_ms: i64,
    }
}

message! {
    /// Changes when a token ends.
    response ExpireDelegationToken = 40, versions 1..=2, flexible 2..;
    struct ExpireDelegationTokenResponse {
        error_code: i16,
        expiry_timestamp_ms: i64,
        throttle_time_ms: i32,
    }
}
