//! DescribeAcls: lists rules of who may do what.

use alloc::vec::Vec;

use crate::Str;

message! {
    /// Asks for all rules that the filter matches. Flexible since v2; since v3 users are resources too.
    request DescribeAcls = 29, versions 1..=3, flexible 2..;
    struct DescribeAclsRequest {
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
    /// The rules, by resource. Numbers as in CreateAcls.
    response DescribeAcls = 29, versions 1..=3, flexible 2..;
    struct DescribeAclsResponse {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<Str>,
        resources: Vec<DescribeAclsResource>,
    }
    struct DescribeAclsResource {
        resource_type: i8,
        resource_name: Str,
        pattern_type: i8 = 3,
        acls: Vec<AclDescription>,
    }
    struct AclDescription {
        principal: Str,
        host: Str,
        operation: i8,
        permission_type: i8,
    }
}
