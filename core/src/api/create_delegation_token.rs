//! CreateDelegationToken: refused on a listener without authentication.

use super::delegation_token::{ANONYMOUS, NO_TIME, REFUSAL};
use crate::error_code::ErrorCode;
use crate::wire::Str;
use crate::wire::messages::create_delegation_token::{CreateDelegationTokenRequest, CreateDelegationTokenResponse};

/// Refuses. The answer says whose token it would have been. An owner without a type is more than Kafka can bear.
#[must_use]
pub fn handle(request: &CreateDelegationTokenRequest) -> CreateDelegationTokenResponse {
    let requester = (Str::from_static(ANONYMOUS.0), Str::from_static(ANONYMOUS.1));
    let name = request.owner_principal_name.as_ref().filter(|name| !name.is_empty());
    let (error, owner) = match (name, &request.owner_principal_type) {
        (None, _) => (REFUSAL, requester.clone()),
        (Some(name), Some(principal_type)) => (REFUSAL, (principal_type.clone(), name.clone())),
        (Some(_), None) => (ErrorCode::UnknownServerError, requester.clone()),
    };
    CreateDelegationTokenResponse {
        error_code: error.number(),
        principal_type: owner.0,
        principal_name: owner.1,
        token_requester_principal_type: requester.0,
        token_requester_principal_name: requester.1,
        issue_timestamp_ms: NO_TIME,
        expiry_timestamp_ms: NO_TIME,
        max_timestamp_ms: NO_TIME,
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_says_whose_token_it_would_have_been() {
        let answer = handle(&CreateDelegationTokenRequest::default());
        assert_eq!((answer.error_code, &*answer.principal_type, &*answer.principal_name), (64, "User", "ANONYMOUS"));
        let (owner_principal_type, owner_principal_name) = (Some("User".into()), Some("anna".into()));
        let request = CreateDelegationTokenRequest { owner_principal_type, owner_principal_name, ..Default::default() };
        let answer = handle(&request);
        assert_eq!((&*answer.principal_name, &*answer.token_requester_principal_name), ("anna", "ANONYMOUS"));
        let of_no_type = handle(&CreateDelegationTokenRequest { owner_principal_type: None, ..request });
        assert_eq!((of_no_type.error_code, &*of_no_type.principal_name), (-1, "ANONYMOUS"));
        assert_eq!((answer.issue_timestamp_ms, answer.max_timestamp_ms), (-1, -1));
    }
}
