//! CreateDelegationToken: a token that stands for a user.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::wire::Str;

message! {
    /// A token that stands for a user.
    request CreateDelegationToken = 38, versions 1..=3, flexible 2..;
    struct CreateDelegationTokenRequest {
        owner_principal_type: Option<Str> [3..],
        owner_principal_name: Option<Str> [3..],
        renewers: Vec<CreatableRenewers>,
        max_lifetime_ms: i64,
    }
    struct CreatableRenewers {
        principal_type: Str,
        principal_name: Str,
    }
}

message! {
    /// A token that stands for a user.
    response CreateDelegationToken = 38, versions 1..=3, flexible 2..;
    struct CreateDelegationTokenResponse {
        error_code: i16,
        principal_type: Str,
        principal_name: Str,
        token_requester_principal_type: Str [3..],
        token_requester_principal_name: Str [3..],
        issue_timestamp_ms: i64,
        expiry_timestamp_ms: i64,
        max_timestamp_ms: i64,
        token_id: Str,
        hmac: Bytes,
        throttle_time_ms: i32,
    }
}
