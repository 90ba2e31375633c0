//! ApiVersions: what this broker serves.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::table::{self, TABLE};
use crate::coordinators::java_hash;
use crate::error_code::ErrorCode;
use crate::metadata::{METADATA_VERSION, MetadataImage, SUPPORTED_FEATURES};
use crate::wire::messages::api_versions::{
    ApiVersion, ApiVersionsRequest, ApiVersionsResponse, FinalizedFeatureKey, SupportedFeatureKey,
};
use crate::wire::{ApiKey, Str};

/// The first version in which clients say what they are.
pub const SOFTWARE_SINCE: i16 = 3;

/// Answers in any served version.
#[must_use]
pub fn handle(request: &ApiVersionsRequest, version: i16, image: &MetadataImage) -> ApiVersionsResponse {
    let names = [&request.client_software_name, &request.client_software_version];
    if version >= SOFTWARE_SINCE && !names.into_iter().all(|name| is_software_name(name)) {
        return ApiVersionsResponse { error_code: ErrorCode::InvalidRequest.number(), ..Default::default() };
    }
    ApiVersionsResponse {
        api_keys: TABLE.iter().filter(|api| api.is_advertised).map(entry).collect(),
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
    let mut shown: Vec<_> = SUPPORTED_FEATURES.iter().filter(|(_, low, _)| version >= 4 || *low > 0).collect();
    shown.sort_by_key(|(name, ..)| (bucket(name, 16), *name != METADATA_VERSION));
    let key = |(name, low, high): &(&'static str, i16, i16)| SupportedFeatureKey {
        name: Str::from_static(name),
        min_version: *low,
        max_version: *high,
        ..Default::default()
    };
    shown.into_iter().map(key).collect()
}

fn finalized_features(image: &MetadataImage) -> Vec<FinalizedFeatureKey> {
    let is_ours = |name: &str| SUPPORTED_FEATURES.iter().any(|(feature, ..)| *feature == name);
    let is_told = |(name, level): &(&String, &i16)| is_ours(name) && **level > 0;
    let mut finalized: Vec<_> = image.features.iter().filter(is_told).collect();
    let buckets = buckets(finalized.len());
    finalized.sort_by_key(|(name, _)| (bucket(name, buckets), *name == METADATA_VERSION, bucket(name, 16)));
    let key = |(name, level): (&String, &i16)| FinalizedFeatureKey {
        name: Str::from(name.as_str()),
        max_version_level: *level,
        min_version_level: *level,
        ..Default::default()
    };
    finalized.into_iter().map(key).collect()
}

/// Kafka tells features in the order in which they stand in a hash map of Java's, which is the same at each start: by bucket,
/// and within one as they came in, `metadata.version` first of those that are supported and last of those that are finalized.
fn bucket(name: &str, buckets: u32) -> u32 {
    let hash = java_hash(name).cast_unsigned();
    (hash ^ (hash >> 16)) & (buckets - 1)
}

/// How many buckets a map has that was made for all finalized features but one, which was added then.
fn buckets(features: usize) -> u32 {
    let features = u32::try_from(features).unwrap_or(u32::MAX / 4);
    let made = (features.saturating_sub(1) * 4 / 3 + 1).next_power_of_two();
    if features * 4 > made * 3 { made * 2 } else { made }
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
    use bytes::Bytes;

    use super::*;
    use crate::api::testing::Cluster;
    use crate::metadata::FEATURE_LEVELS;
    use crate::wire::{Message as _, Reader};

    fn ask(name: &str, software_version: &str, version: i16) -> ApiVersionsResponse {
        let request = ApiVersionsRequest {
            client_software_name: name.into(),
            client_software_version: software_version.into(),
            ..Default::default()
        };
        handle(&request, version, &Cluster::new().image)
    }

    /// What Apache Kafka 4.3.1 answered to version 4, on a directory that it had formatted itself.
    fn kafka() -> ApiVersionsResponse {
        let bytes = Bytes::from_static(include_bytes!("../../tests/data/api-versions-v4-4.3.1.bin"));
        ApiVersionsResponse::read(&mut Reader::new(&bytes), 4).expect("it is an answer of version 4")
    }

    fn ours(levels: &[(&str, i16)]) -> ApiVersionsResponse {
        let mut cluster = Cluster::new();
        cluster.image.features = levels.iter().map(|(name, level)| ((*name).into(), *level)).collect();
        let name = Str::from_static("raw");
        let (client_software_name, client_software_version) = (name.clone(), name);
        let request = ApiVersionsRequest { client_software_name, client_software_version, ..Default::default() };
        handle(&request, 4, &cluster.image)
    }

    #[test]
    fn the_table_is_that_of_kafka_4_3_1() {
        assert_eq!(ours(&FEATURE_LEVELS).api_keys, kafka().api_keys);
    }

    #[test]
    fn features_are_told_as_kafka_4_3_1_tells_them() {
        let (ours, kafka) = (ours(&FEATURE_LEVELS), kafka());
        assert_eq!(ours.supported_features, kafka.supported_features);
        assert_eq!(ours.finalized_features, kafka.finalized_features);
        assert_eq!(ours.finalized_features_epoch, 9, "the offset of the last record");
    }

    #[test]
    fn voters_in_the_log_change_the_order_of_the_features() {
        let mut levels = FEATURE_LEVELS.to_vec();
        levels.push(("kraft.version", 1));
        let answer = ours(&levels);
        let names: Vec<_> = answer.finalized_features.iter().map(|feature| feature.name.split_once('.')).collect();
        let first: Vec<_> = names.into_iter().flatten().map(|(first, _)| first).collect();
        assert_eq!(first, ["group", "kraft", "share", "metadata", "streams", "transaction", "eligible"]);
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
        assert_eq!(finalized, [("transaction.version", 2), ("metadata.version", 30)]);
    }
}
