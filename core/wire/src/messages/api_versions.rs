//! ApiVersions: which APIs and versions a broker serves.

use alloc::vec::Vec;

use crate::Str;

message! {
    /// Asks what the broker serves. Flexible since v3, which also names the client.
    request ApiVersions = 18, versions 0..=4, flexible 3..;
    struct ApiVersionsRequest {
        /// Letters, digits, `-` and `.`: anything else is INVALID_REQUEST (KIP-511).
        client_software_name: Str [3..],
        /// As the name.
        client_software_version: Str [3..],
    }
}

message! {
    /// The table, and since v3 the features. Its header is version 0 always: the client may not know our versions yet.
    response ApiVersions = 18, versions 0..=4, flexible 3..;
    struct ApiVersionsResponse {
        error_code: i16,
        api_keys: Vec<ApiVersion>,
        throttle_time_ms: i32 [1..],
        /// The levels that the broker can run with; before v4 those that start at 0 are left out.
        supported_features: Vec<SupportedFeatureKey> [3.. tag 0],
        /// Of `finalized_features`: rises when they change; -1 where it is unknown.
        finalized_features_epoch: i64 [3.. tag 1] = -1,
        /// The levels that the cluster runs with.
        finalized_features: Vec<FinalizedFeatureKey> [3.. tag 2],
        /// Never since Kafka 4.0.
        zk_migration_ready: bool [3.. tag 3],
    }
    struct ApiVersion {
        api_key: i16,
        min_version: i16,
        max_version: i16,
    }
    struct SupportedFeatureKey {
        name: Str,
        min_version: i16,
        max_version: i16,
    }
    struct FinalizedFeatureKey {
        name: Str,
        max_version_level: i16,
        min_version_level: i16,
    }
}
