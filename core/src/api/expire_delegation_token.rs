//! ExpireDelegationToken: refused on a listener without authentication.

use super::delegation_token::{NO_TIME, REFUSAL};
use crate::wire::messages::expire_delegation_token::ExpireDelegationTokenResponse;

/// Refuses, whatever the token.
#[must_use]
pub fn handle() -> ExpireDelegationTokenResponse {
    ExpireDelegationTokenResponse { error_code: REFUSAL.number(), expiry_timestamp_ms: NO_TIME, ..Default::default() }
}
