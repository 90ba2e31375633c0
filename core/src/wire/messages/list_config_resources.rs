//! ListConfigResources: which resources have configs.

use alloc::vec::Vec;

use crate::wire::Str;

message! {
    /// Which resources have configs.
    request ListConfigResources = 74, versions 0..=1, flexible 0..;
    struct ListConfigResourcesRequest {
        resource_types: Vec<i8> [1..],
    }
}

message! {
    /// Which resources have configs.
    response ListConfigResources = 74, versions 0..=1, flexible 0..;
    struct ListConfigResourcesResponse {
        throttle_time_ms: i32,
        error_code: i16,
        config_resources: Vec<ConfigResource>,
    }
    struct ConfigResource {
        resource_name: Str,
        resource_type: i8 [1..] = 16,
    }
}
