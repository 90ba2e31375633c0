//! UpdateFeatures: changes levels of features.

use alloc::vec::Vec;

use crate::wire::Str;

message! {
    /// Changes levels of features.
    request UpdateFeatures = 57, versions 0..=2, flexible 0..;
    struct UpdateFeaturesRequest {
        timeout_ms: i32 = 60000,
        feature_updates: Vec<FeatureUpdateKey>,
        validate_only: bool [1..],
    }
    struct FeatureUpdateKey {
        feature: Str,
        max_version_level: i16,
        allow_downgrade: bool [..=0],
        upgrade_type: i8 [1..] = 1,
    }
}

message! {
    /// Changes levels of features.
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
