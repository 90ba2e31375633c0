//! RenewDelegationToken: refused on a listener without authentication.

use super::delegation_token::{NO_TIME, REFUSAL};
use crate::wire::messages::renew_delegation_token::RenewDelegationTokenResponse;

/// Refuses, whatever the token.
#[must_use]
pub fn handle() -> RenewDelegationTokenResponse {
    RenewDelegationTokenResponse { error_code: REFUSAL.number(), expiry_timestamp_ms: NO_TIME, ..Default::default() }
}
