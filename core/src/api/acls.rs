//! What the calls about access rules have in common: there is no authorizer, so that nobody keeps rules or asks for them.

use super::ApiError;
use crate::error_code::ErrorCode;

/// Kafka's number for what it does not know, in each of the four kinds that a rule is made of.
const UNKNOWN: i8 = 0;

/// Why a rule is neither made nor deleted.
pub(super) fn no_authorizer() -> ApiError {
    ApiError::new(ErrorCode::SecurityDisabled, "No Authorizer is configured.")
}

/// Refuses a rule or a filter that names an unknown type of resource, pattern, operation or permission. Kafka takes such a
/// request for one that can't be read, and closes the connection; numbers that it has not given yet pass.
///
/// # Errors
/// Says so.
pub(super) fn check_known(kinds: [i8; 4]) -> Result<(), &'static str> {
    if kinds.contains(&UNKNOWN) {
        return Err("a rule or filter has the type UNKNOWN (0) of resource, pattern, operation or permission");
    }
    Ok(())
}
