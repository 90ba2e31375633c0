//! CreateDelegationToken: a token that stands for a user.

use alloc::vec::Vec;

use crate::{Slice, Str};

message! {
    /// Asks for a token with which others authenticate as its owner, by SCRAM (KIP-48). Flexible since v2; since v3 for
    /// another owner (KIP-373).
    request CreateDelegationToken = 38, versions 1..=3, flexible 2..;
    struct CreateDelegationTokenRequest {
        /// Null for the one who asks.
        owner_principal_type: Option<Str> [3..],
        /// Null for the one who asks.
        owner_principal_name: Option<Str> [3..],
        /// Who may renew it, besides its owner.
        renewers: Vec<CreatableRenewers>,
        /// After which it ends, however often it is renewed; -1 for the broker's own limit.
        max_lifetime_ms: i64,
    }
    struct CreatableRenewers {
        principal_type: Str,
        principal_name: Str,
    }
}

message! {
    /// The token and its secret. Who asked for it since v3.
    response CreateDelegationToken = 38, versions 1..=3, flexible 2..;
    struct CreateDelegationTokenResponse {
        error_code: i16,
        principal_type: Str,
        principal_name: Str,
        token_requester_principal_type: Str [3..],
        token_requester_principal_name: Str [3..],
        issue_timestamp_ms: i64,
        /// When it ends unless it is renewed.
        expiry_timestamp_ms: i64,
        /// When it ends in any case.
        max_timestamp_ms: i64,
        /// The user name for SCRAM.
        token_id: Str,
        /// The secret: in base64 the password for SCRAM.
        hmac: Slice,
        throttle_time_ms: i32,
    }
}
