//! IncrementalAlterConfigs: changes single configs of a resource.

use alloc::vec::Vec;

use crate::wire::Str;

message! {
    /// Changes single configs of a resource.
    request IncrementalAlterConfigs = 44, versions 0..=1, flexible 1..;
    struct IncrementalAlterConfigsRequest {
        resources: Vec<AlterConfigsResource>,
        validate_only: bool,
    }
    struct AlterConfigsResource {
        resource_type: i8,
        resource_name: Str,
        configs: Vec<AlterableConfig>,
    }
    struct AlterableConfig {
        name: Str,
        config_operation: i8,
        value: Option<Str>,
    }
}

message! {
    /// Changes single configs of a resource.
    response IncrementalAlterConfigs = 44, versions 0..=1, flexible 1..;
    struct IncrementalAlterConfigsResponse {
        throttle_time_ms: i32,
        responses: Vec<AlterConfigsResourceResponse>,
    }
    struct AlterConfigsResourceResponse {
        error_code: i16,
        error_message: Option<Str>,
        resource_type: i8,
        resource_name: Str,
    }
}
