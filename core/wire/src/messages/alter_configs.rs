//! AlterConfigs: replaces all configs of a resource.

use alloc::vec::Vec;

use crate::Str;

message! {
    /// The new dynamic configs of resources; what is not named goes back to its default. IncrementalAlterConfigs
    /// changes single ones. Flexible since v2.
    request AlterConfigs = 33, versions 0..=2, flexible 2..;
    struct AlterConfigsRequest {
        resources: Vec<AlterConfigsResource>,
        validate_only: bool,
    }
    struct AlterConfigsResource {
        /// 2 topic, 4 broker, 8 loggers of a broker, 16 client metrics, 32 group.
        resource_type: i8,
        /// The name of a topic or group, or a broker's id; empty for all brokers.
        resource_name: Str,
        configs: Vec<AlterableConfig>,
    }
    struct AlterableConfig {
        name: Str,
        /// Null goes back to the default.
        value: Option<Str>,
    }
}

message! {
    /// What became of each resource.
    response AlterConfigs = 33, versions 0..=2, flexible 2..;
    struct AlterConfigsResponse {
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
