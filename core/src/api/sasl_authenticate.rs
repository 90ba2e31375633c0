//! SaslAuthenticate: on a listener without SASL everybody is let in already.

use super::ApiError;
use crate::error_code::ErrorCode;
use crate::wire::messages::sasl_authenticate::SaslAuthenticateResponse;

/// Refuses, whatever the credentials. The connection stays as good as it was.
#[must_use]
pub fn handle() -> SaslAuthenticateResponse {
    let message = "SaslAuthenticate request received after successful authentication";
    let (error_code, error_message) = ApiError::parts(Err(ApiError::new(ErrorCode::IllegalSaslState, message)));
    SaslAuthenticateResponse { error_code, error_message, ..Default::default() }
}
