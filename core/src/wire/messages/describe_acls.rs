//! DescribeAcls: lists rules of who may do what.

use alloc::vec::Vec;

use crate::wire::Str;

message! {
    /// Lists rules of who may do what.
    request DescribeAcls = 29, versions 1..=3, flexible 2..;
    struct DescribeAclsRequest {
        resource_type_filter: i8,
        resource_name_filter: Option<Str>,
        pattern_type_filter: i8 = 3,
        principal_filter: Option<Str>,
        host_filter: Option<Str>,
        operation: i8,
        permission_type: i8,
    }
}

message! {
    /// Lists rules of who may do what.
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
