//! DescribeDelegationToken: refused on a listener without authentication.

use super::delegation_token::REFUSAL;
use crate::wire::messages::describe_delegation_token::DescribeDelegationTokenResponse;

/// Refuses, whoever's tokens are asked for.
#[must_use]
pub fn handle() -> DescribeDelegationTokenResponse {
    DescribeDelegationTokenResponse { error_code: REFUSAL.number(), ..Default::default() }
}
