//! What the calls about delegation tokens have in common: who asks, and why nobody gets a token here.
//!
//! A token stands in for the credentials that a client came with. On a listener without authentication there are none, so
//! that Kafka refuses there before it looks at anything else.

use crate::error_code::ErrorCode;

/// Who everybody is on a listener without authentication.
pub(super) const ANONYMOUS: (&str, &str) = ("User", "ANONYMOUS");

/// No time: a token that was not made has none.
pub(super) const NO_TIME: i64 = -1;

/// Why the call is refused.
pub(super) const REFUSAL: ErrorCode = ErrorCode::DelegationTokenRequestNotAllowed;
