//! DeleteAcls: removes rules of who may do what.

use alloc::vec::Vec;

use crate::Str;

message! {
    /// Removes all rules that a filter matches. Flexible since v2; since v3 users are resources too.
    request DeleteAcls = 31, versions 1..=3, flexible 2..;
    struct DeleteAclsRequest {
        filters: Vec<DeleteAclsFilter>,
    }
    struct DeleteAclsFilter {
        /// 1 any, 2 topic, 3 group, 4 cluster, 5 transactional id, 6 delegation token, 7 user.
        resource_type_filter: i8,
        /// Null for any.
        resource_name_filter: Option<Str>,
        /// 1 any, 2 whatever applies to the name, 3 literal, 4 prefixed.
        pattern_type_filter: i8 = 3,
        /// As in `User:alice`; null for any.
        principal_filter: Option<Str>,
        /// Null for any.
        host_filter: Option<Str>,
        /// As in CreateAcls; 1 any.
        operation: i8,
        /// 1 any, 2 deny, 3 allow.
        permission_type: i8,
    }
}

message! {
    /// The rules that each filter matched, in the order of the request.
    response DeleteAcls = 31, versions 1..=3, flexible 2..;
    struct DeleteAclsResponse {
        throttle_time_ms: i32,
        filter_results: Vec<DeleteAclsFilterResult>,
    }
    struct DeleteAclsFilterResult {
        error_code: i16,
        error_message: Option<Str>,
        matching_acls: Vec<DeleteAclsMatchingAcl>,
    }
    /// A rule that is gone, or stays because of an error. Numbers as in CreateAcls.
    struct DeleteAclsMatchingAcl {
        error_code: i16,
        error_message: Option<Str>,
        resource_type: i8,
        resource_name: Str,
        pattern_type: i8 = 3,
        principal: Str,
        host: Str,
        operation: i8,
        permission_type: i8,
    }
}
