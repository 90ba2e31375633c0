//! DescribeConfigs: settings of topics and brokers, and where each comes from.

use alloc::vec::Vec;

use crate::Str;

message! {
    /// Asks for configs of resources. Documentation since v3, flexible since v4.
    request DescribeConfigs = 32, versions 1..=4, flexible 4..;
    struct DescribeConfigsRequest {
        resources: Vec<DescribeConfigsResource>,
        /// Where else the value could come from, in the order in which it is looked for.
        include_synonyms: bool,
        include_documentation: bool [3..],
    }
    struct DescribeConfigsResource {
        /// 2 topic, 4 broker, 8 loggers of a broker, 16 client metrics, 32 group.
        resource_type: i8,
        /// The name of a topic or group, or a broker's id; empty for all brokers.
        resource_name: Str,
        /// Null for all.
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
        /// Null where it is sensitive or has none.
        value: Option<Str>,
        /// It can't be changed while the broker runs.
        read_only: bool,
        /// 1 of the topic, 2 of this broker, 3 of all brokers, 4 the broker's file, 5 the default, 6 a logger's, 7 of
        /// client metrics, 8 of the group; -1 unknown.
        config_source: i8 = -1,
        is_sensitive: bool,
        synonyms: Vec<DescribeConfigsSynonym>,
        /// 1 boolean, 2 string, 3 int, 4 short, 5 long, 6 double, 7 list, 8 class, 9 password; 0 unknown.
        config_type: i8 [3..],
        documentation: Option<Str> [3..],
    }
    struct DescribeConfigsSynonym {
        name: Str,
        value: Option<Str>,
        /// As `config_source`.
        source: i8,
    }
}
