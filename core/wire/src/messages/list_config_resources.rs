//! ListConfigResources: which resources have configs.

use alloc::vec::Vec;

use crate::Str;

message! {
    /// In v0 only subscriptions of client metrics (KIP-714, as ListClientMetricsResources), since v1 all kinds
    /// (KIP-1142).
    request ListConfigResources = 74, versions 0..=1, flexible 0..;
    struct ListConfigResourcesRequest {
        /// 2 topic, 4 broker, 8 loggers of a broker, 16 client metrics, 32 group. Empty for all.
        resource_types: Vec<i8> [1..],
    }
}

message! {
    /// The resources' names.
    response ListConfigResources = 74, versions 0..=1, flexible 0..;
    struct ListConfigResourcesResponse {
        throttle_time_ms: i32,
        error_code: i16,
        config_resources: Vec<ConfigResource>,
    }
    struct ConfigResource {
        resource_name: Str,
        /// As in the request; client metrics in v0.
        resource_type: i8 [1..] = 16,
    }
}
