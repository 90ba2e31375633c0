//! CreateAcls: new rules of who may do what.

use alloc::vec::Vec;

use crate::Str;

message! {
    /// Rules, each for one principal, operation and resource or prefix. Flexible since v2; since v3 users are resources
    /// too.
    request CreateAcls = 30, versions 1..=3, flexible 2..;
    struct CreateAclsRequest {
        creations: Vec<AclCreation>,
    }
    struct AclCreation {
        /// 2 topic, 3 group, 4 cluster, 5 transactional id, 6 delegation token, 7 user.
        resource_type: i8,
        /// `*` stands for all.
        resource_name: Str,
        /// 3 literal, 4 prefixed: all names that begin with this one (KIP-290).
        resource_pattern_type: i8 = 3,
        /// Type and name, as in `User:alice`; `User:*` for everybody.
        principal: Str,
        /// An address; `*` for any.
        host: Str,
        /// 2 all, 3 read, 4 write, 5 create, 6 delete, 7 alter, 8 describe, 9 cluster action, 10 describe configs, 11
        /// alter configs, 12 idempotent write, 13 create tokens, 14 describe tokens, 15 two-phase commit.
        operation: i8,
        /// 2 deny, 3 allow.
        permission_type: i8,
    }
}

message! {
    /// What became of each rule, in the order of the request.
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
