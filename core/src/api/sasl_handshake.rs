//! SaslHandshake: on a listener without SASL there is nothing to agree on.

use crate::error_code::ErrorCode;
use crate::wire::messages::sasl_handshake::SaslHandshakeResponse;

/// Refuses, whatever the mechanism. The connection stays as good as it was.
#[must_use]
pub fn handle() -> SaslHandshakeResponse {
    SaslHandshakeResponse { error_code: ErrorCode::IllegalSaslState.number(), ..Default::default() }
}
