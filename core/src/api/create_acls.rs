//! CreateAcls: there is no authorizer that could keep rules.

use super::{ApiError, acls};
use crate::wire::messages::create_acls::{AclCreationResult, CreateAclsRequest, CreateAclsResponse};

/// Refuses each rule, as Kafka without an authorizer does.
///
/// # Errors
/// Where a rule has a type that is no type: the connection is to be closed.
pub fn handle(request: &CreateAclsRequest) -> Result<CreateAclsResponse, &'static str> {
    for rule in &request.creations {
        acls::check_known([rule.resource_type, rule.resource_pattern_type, rule.operation, rule.permission_type])?;
    }
    let (error_code, error_message) = ApiError::parts(Err(acls::no_authorizer()));
    let refused = AclCreationResult { error_code, error_message, ..Default::default() };
    let results = request.creations.iter().map(|_| refused.clone()).collect();
    Ok(CreateAclsResponse { results, ..Default::default() })
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::wire::messages::create_acls::AclCreation;

    #[test]
    fn each_rule_is_refused_and_one_of_no_type_refuses_all() {
        let rule = AclCreation { resource_type: 2, operation: 3, permission_type: 3, ..Default::default() };
        let ask = |creations| handle(&CreateAclsRequest { creations, ..Default::default() });
        let answer = ask(vec![rule.clone(), rule.clone()]).expect("an answer");
        let codes: vec::Vec<_> = answer.results.iter().map(|result| result.error_code).collect();
        assert_eq!(codes, [54, 54]);
        assert_eq!(answer.results[0].error_message.as_deref(), Some("No Authorizer is configured."));
        assert_eq!(ask(vec![]).expect("an answer").results, []);
        assert!(ask(vec![rule.clone(), AclCreation { permission_type: 0, ..rule }]).is_err());
    }
}
