//! DescribeDelegationToken: lists delegation tokens.

use alloc::vec::Vec;

use crate::{Slice, Str};

message! {
    /// Asks for the tokens of owners. Flexible since v2.
    request DescribeDelegationToken = 41, versions 1..=3, flexible 2..;
    struct DescribeDelegationTokenRequest {
        /// Null for all that the asker may see.
        owners: Option<Vec<DescribeDelegationTokenOwner>>,
    }
    struct DescribeDelegationTokenOwner {
        principal_type: Str,
        principal_name: Str,
    }
}

message! {
    /// The tokens. Who asked for each since v3 (KIP-373). Times in ms since 1970.
    response DescribeDelegationToken = 41, versions 1..=3, flexible 2..;
    struct DescribeDelegationTokenResponse {
        error_code: i16,
        tokens: Vec<DescribedDelegationToken>,
        throttle_time_ms: i32,
    }
    struct DescribedDelegationToken {
        principal_type: Str,
        principal_name: Str,
        token_requester_principal_type: Str [3..],
        token_requester_principal_name: Str [3..],
        issue_timestamp: i64,
        /// When it ends unless it is renewed.
        expiry_timestamp: i64,
        /// When it ends in any case.
        max_timestamp: i64,
        token_id: Str,
        /// The secret.
        hmac: Slice,
        renewers: Vec<DescribedDelegationTokenRenewer>,
    }
    struct DescribedDelegationTokenRenewer {
        principal_type: Str,
        principal_name: Str,
    }
}
