//! UpdateFeatures: changes levels of features.

use alloc::vec::Vec;

use crate::Str;

message! {
    /// New levels, such as for `metadata.version` (KIP-584). Kinds of change and a trial run since v1 (KIP-778).
    request UpdateFeatures = 57, versions 0..=2, flexible 0..;
    struct UpdateFeaturesRequest {
        timeout_ms: i32 = 60000,
        feature_updates: Vec<FeatureUpdateKey>,
        validate_only: bool [1..],
    }
    struct FeatureUpdateKey {
        feature: Str,
        /// The new level; 0 switches it off.
        max_version_level: i16,
        /// The level may become lower.
        allow_downgrade: bool [..=0],
        /// 1 only higher, 2 lower where nothing is lost, 3 lower in any case.
        upgrade_type: i8 [1..] = 1,
    }
}

message! {
    /// All or nothing; up to v1 with a result for each feature.
    response UpdateFeatures = 57, versions 0..=2, flexible 0..;
    struct UpdateFeaturesResponse {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<Str>,
        results: Vec<UpdatableFeatureResult> [..=1],
    }
    struct UpdatableFeatureResult {
        feature: Str,
        error_code: i16,
        error_message: Option<Str>,
    }
}
