//! DeleteAcls: there is no authorizer whose rules could be deleted.

use super::{ApiError, acls};
use crate::wire::messages::delete_acls::{DeleteAclsFilterResult, DeleteAclsRequest, DeleteAclsResponse};

/// Refuses each filter, as Kafka without an authorizer does.
///
/// # Errors
/// Where a filter has a type that is no type: the connection is to be closed.
pub fn handle(request: &DeleteAclsRequest) -> Result<DeleteAclsResponse, &'static str> {
    for filter in &request.filters {
        acls::check_known([
            filter.resource_type_filter,
            filter.pattern_type_filter,
            filter.operation,
            filter.permission_type,
        ])?;
    }
    let (error_code, error_message) = ApiError::parts(Err(acls::no_authorizer()));
    let refused = DeleteAclsFilterResult { error_code, error_message, ..Default::default() };
    let filter_results = request.filters.iter().map(|_| refused.clone()).collect();
    Ok(DeleteAclsResponse { filter_results, ..Default::default() })
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::wire::messages::delete_acls::DeleteAclsFilter;

    #[test]
    fn each_filter_is_refused_and_one_of_no_type_refuses_all() {
        let any = DeleteAclsFilter {
            resource_type_filter: 1,
            pattern_type_filter: 1,
            operation: 1,
            permission_type: 1,
            ..Default::default()
        };
        let ask = |filters| handle(&DeleteAclsRequest { filters, ..Default::default() });
        let answer = ask(vec![any.clone(), any.clone()]).expect("an answer");
        let codes: vec::Vec<_> = answer.filter_results.iter().map(|result| result.error_code).collect();
        assert_eq!(codes, [54, 54]);
        assert!(answer.filter_results[0].matching_acls.is_empty());
        assert!(ask(vec![DeleteAclsFilter { operation: 0, ..any }]).is_err());
    }
}
