//! CreateAcls: new rules of who may do what.

use alloc::vec::Vec;

use crate::wire::Str;

message! {
    /// New rules of who may do what.
    request CreateAcls = 30, versions 1..=3, flexible 2..;
    struct CreateAclsRequest {
        creations: Vec<AclCreation>,
    }
    struct AclCreation {
        resource_type: i8,
        resource_name: Str,
        resource_pattern_type: i8 = 3,
        principal: Str,
        host: Str,
        operation: i8,
        permission_type: i8,
    }
}

message! {
    /// New rules of who may do what.
    response CreateAcls = 30, versions 1..=3, flexible 2..;
    struct CreateAclsResponse {
        throttle_time_ms: i32,
        results: Vec<AclCreationResult>,
    }
    struct AclCreationResult {
        error_code: i16,
        error_message: Option<Str>,
    }
}
