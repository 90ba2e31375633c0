//! ApiVersions: what this broker serves.

use alloc::vec;
use alloc::vec::Vec;

use super::table::{self, TABLE};
use crate::error_code::ErrorCode;
use crate::metadata::{MetadataImage, SUPPORTED_FEATURES};
use crate::wire::messages::api_versions::{
    ApiVersion, ApiVersionsRequest, ApiVersionsResponse, FinalizedFeatureKey, SupportedFeatureKey,
};
use crate::wire::{ApiKey, Str};

/// Answers in any served version.
#[must_use]
pub fn handle(request: &ApiVersionsRequest, version: i16, image: &MetadataImage) -> ApiVersionsResponse {
    let names = [&request.client_software_name, &request.client_software_version];
    if version >= 3 && !names.into_iter().all(|name| is_software_name(name)) {
        return ApiVersionsResponse { error_code: ErrorCode::InvalidRequest.number(), ..Default::default() };
    }
    ApiVersionsResponse {
        api_keys: TABLE.iter().map(entry).collect(),
        supported_features: supported_features(version),
        finalized_features_epoch: image.end_offset.0 - 1,
        finalized_features: finalized_features(image),
        ..Default::default()
    }
}

/// The answer to a version that is not served, itself in version 0: it tells which versions are.
#[must_use]
pub fn unsupported_version() -> ApiVersionsResponse {
    let own = table::find(ApiKey::ApiVersions as i16).map(entry);
    ApiVersionsResponse {
        error_code: ErrorCode::UnsupportedVersion.number(),
        api_keys: vec![own.expect("ApiVersions is served")],
        ..Default::default()
    }
}

fn entry(api: &table::Api) -> ApiVersion {
    ApiVersion {
        api_key: api.key as i16,
        min_version: api.advertised_from,
        max_version: *api.versions.end(),
        ..Default::default()
    }
}

/// Clients before version 4 take a lowest level of 0 for an error.
fn supported_features(version: i16) -> Vec<SupportedFeatureKey> {
    let shown = SUPPORTED_FEATURES.iter().filter(|(_, low, _)| version >= 4 || *low > 0);
    let key = |(name, low, high): &(&'static str, i16, i16)| SupportedFeatureKey {
        name: Str::from_static(name),
        min_version: *low,
        max_version: *high,
        ..Default::default()
    };
    shown.map(key).collect()
}

fn finalized_features(image: &MetadataImage) -> Vec<FinalizedFeatureKey> {
    let is_ours = |name: &str| SUPPORTED_FEATURES.iter().any(|(feature, ..)| *feature == name);
    let finalized = image.features.iter().filter(|(name, level)| is_ours(name) && **level > 0);
    let key = |(name, level): (&alloc::string::String, &i16)| FinalizedFeatureKey {
        name: Str::from(name.as_str()),
        max_version_level: *level,
        min_version_level: *level,
        ..Default::default()
    };
    finalized.map(key).collect()
}

/// Letters and digits, with dots and dashes between them.
fn is_software_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let [first, .., last] = bytes else { return matches!(bytes, [only] if only.is_ascii_alphanumeric()) };
    first.is_ascii_alphanumeric()
        && last.is_ascii_alphanumeric()
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::testing::Cluster;

    fn ask(name: &str, software_version: &str, version: i16) -> ApiVersionsResponse {
        let request = ApiVersionsRequest {
            client_software_name: name.into(),
            client_software_version: software_version.into(),
            ..Default::default()
        };
        handle(&request, version, &Cluster::new().image)
    }

    #[test]
    fn the_table_has_the_versions_of_kafka_4_3() {
        let answer = ask("raw", "1", 4);
        assert_eq!(answer.error_code, 0);
        let range = |key: ApiKey| {
            let entry = answer.api_keys.iter().find(|entry| entry.api_key == key as i16);
            entry.map(|entry| (entry.min_version, entry.max_version))
        };
        assert_eq!(range(ApiKey::Produce), Some((0, 13)));
        assert_eq!(range(ApiKey::Fetch), Some((4, 18)));
        assert_eq!(range(ApiKey::ApiVersions), Some((0, 4)));
        assert_eq!(range(ApiKey::DescribeTopicPartitions), Some((0, 0)));
        assert_eq!(range(ApiKey::JoinGroup), Some((0, 9)));
        assert_eq!(range(ApiKey::Envelope), None);
    }

    #[test]
    fn since_v3_a_client_must_say_what_it_is_in_plain_letters() {
        for (name, software_version) in [("", "1"), ("a b", "1"), ("-a", "1"), ("a", "1.0-"), ("a_b", "1"), ("a", "")] {
            let answer = ask(name, software_version, 3);
            assert_eq!(answer.error_code, ErrorCode::InvalidRequest.number(), "{name} {software_version}");
            assert_eq!(answer.api_keys, []);
        }
        assert_eq!(ask("a-B.9", "1.0", 3).error_code, 0);
        assert_eq!(ask("", "", 2).error_code, 0);
    }

    #[test]
    fn a_version_that_is_not_served_is_told_which_are() {
        let answer = unsupported_version();
        assert_eq!(answer.error_code, 35);
        assert_eq!(answer.api_keys.len(), 1);
        assert_eq!((answer.api_keys[0].api_key, answer.api_keys[0].max_version), (18, 4));
    }

    #[test]
    fn the_finalized_levels_are_told_and_those_that_nobody_knows_are_not() {
        let mut cluster = Cluster::new();
        for (name, level) in [("metadata.version", 30), ("transaction.version", 2), ("unheard.of.version", 1)] {
            cluster.image.features.insert(name.into(), level);
        }
        let answer = handle(&ApiVersionsRequest::default(), 0, &cluster.image);
        let finalized: Vec<_> = answer.finalized_features.iter().map(|f| (&*f.name, f.max_version_level)).collect();
        assert_eq!(finalized, [("metadata.version", 30), ("transaction.version", 2)]);
    }
}
