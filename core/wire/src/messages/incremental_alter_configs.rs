//! IncrementalAlterConfigs: changes single configs of a resource.

use alloc::vec::Vec;

use crate::Str;

message! {
    /// What is not named stays (KIP-339). Flexible since v1.
    request IncrementalAlterConfigs = 44, versions 0..=1, flexible 1..;
    struct IncrementalAlterConfigsRequest {
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
        /// 0 set, 1 back to the default, 2 append to a list, 3 remove from a list.
        config_operation: i8,
        /// Null where the operation needs none.
        value: Option<Str>,
    }
}

message! {
    /// What became of each resource.
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
