//! DescribeAcls: there is no authorizer, and so there are no rules.

use super::{ApiError, acls};
use crate::error_code::ErrorCode;
use crate::wire::messages::describe_acls::{DescribeAclsRequest, DescribeAclsResponse};

/// Refuses, as Kafka without an authorizer does.
///
/// # Errors
/// Where the filter has a type that is no type: the connection is to be closed.
pub fn handle(request: &DescribeAclsRequest) -> Result<DescribeAclsResponse, &'static str> {
    let filter = request;
    acls::check_known([
        filter.resource_type_filter,
        filter.pattern_type_filter,
        filter.operation,
        filter.permission_type,
    ])?;
    let error = ApiError::new(ErrorCode::SecurityDisabled, "No Authorizer is configured on the broker");
    Ok(DescribeAclsResponse { error_code: error.code.number(), error_message: error.message(), ..Default::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(resource: i8, pattern: i8, operation: i8, permission: i8) -> Result<DescribeAclsResponse, &'static str> {
        handle(&DescribeAclsRequest {
            resource_type_filter: resource,
            pattern_type_filter: pattern,
            operation,
            permission_type: permission,
            ..Default::default()
        })
    }

    #[test]
    fn without_an_authorizer_nobody_is_told_rules() {
        let answer = ask(1, 1, 1, 1).expect("an answer");
        assert_eq!(answer.error_code, 54);
        assert_eq!(answer.error_message.as_deref(), Some("No Authorizer is configured on the broker"));
        assert!(answer.resources.is_empty());
        assert!(ask(99, -1, 99, 99).is_ok(), "types of later releases are no reason to hang up");
    }

    #[test]
    fn the_type_unknown_ends_the_connection() {
        for kinds in [(0, 3, 1, 1), (1, 0, 1, 1), (1, 3, 0, 1), (1, 3, 1, 0)] {
            assert!(ask(kinds.0, kinds.1, kinds.2, kinds.3).is_err(), "{kinds:?}");
        }
    }
}
