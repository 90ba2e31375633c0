//! DescribeConfigs: settings of topics and brokers, and where each comes from.

use alloc::vec::Vec;

use crate::wire::Str;

message! {
    /// Asks for configs of resources, all or by name; null keys stand for all.
    request DescribeConfigs = 32, versions 1..=4, flexible 4..;
    struct DescribeConfigsRequest {
        resources: Vec<DescribeConfigsResource>,
        include_synonyms: bool,
        include_documentation: bool [3..],
    }
    struct DescribeConfigsResource {
        resource_type: i8,
        resource_name: Str,
        configuration_keys: Option<Vec<Str>>,
    }
}

message! {
    /// Configs: value, source, synonyms; type and documentation since v3.
    response DescribeConfigs = 32, versions 1..=4, flexible 4..;
    struct DescribeConfigsResponse {
        throttle_time_ms: i32,
        results: Vec<DescribeConfigsResult>,
    }
    struct DescribeConfigsResult {
        error_code: i16,
        error_message: Option<Str>,
        resource_type: i8,
        resource_name: Str,
        configs: Vec<DescribeConfigsResourceResult>,
    }
    struct DescribeConfigsResourceResult {
        name: Str,
        value: Option<Str>,
        read_only: bool,
        config_source: i8 = -1,
        is_sensitive: bool,
        synonyms: Vec<DescribeConfigsSynonym>,
        config_type: i8 [3..],
        documentation: Option<Str> [3..],
    }
    struct DescribeConfigsSynonym {
        name: Str,
        value: Option<Str>,
        source: i8,
    }
}
