//! What levels may change to, in the words of Apache Kafka 4.3.1, whose answers these are.

use alloc::vec;

use super::*;
use crate::api::testing::{Cluster, words};
use crate::metadata::FEATURE_LEVELS;

const UPGRADE: i8 = 1;
const SAFE: i8 = 2;
const UNSAFE: i8 = 3;

fn cluster() -> Cluster {
    let mut cluster = Cluster::with(&[("min.insync.replicas", "1")]);
    cluster.image.brokers.clear();
    cluster.image.features.extend(FEATURE_LEVELS.iter().map(|(name, level)| ((*name).into(), *level)));
    cluster
}

fn update(feature: &str, max_version_level: i16, upgrade_type: i8) -> FeatureUpdateKey {
    FeatureUpdateKey { feature: feature.into(), max_version_level, upgrade_type, ..Default::default() }
}

fn ask(cluster: &Cluster, feature_updates: Vec<FeatureUpdateKey>) -> Planned {
    handle(&UpdateFeaturesRequest { feature_updates, ..Default::default() }, 2, cluster.view())
}

/// What is said after the words that stand in front of every refusal.
fn refusal(cluster: &Cluster, feature: &str, level: i16, upgrade_type: i8) -> String {
    let response = ask(cluster, vec![update(feature, level, upgrade_type)]).change.response;
    assert_eq!(response.error_code, ErrorCode::InvalidUpdateVersion.number(), "{feature} {level} {upgrade_type}");
    let message = response.error_message.expect("a refusal says why").to_string();
    let front = "The update failed for all features since the following feature had an error: ";
    message.strip_prefix(front).expect("Kafka's words").into()
}

fn levels(planned: &Planned) -> Vec<(String, i16)> {
    let level = |record: &MetadataRecord| match record {
        MetadataRecord::FeatureLevel(record) => Some((record.name.to_string(), record.feature_level)),
        _ => None,
    };
    planned.change.records.iter().filter_map(level).collect()
}

#[test]
fn levels_go_up_and_down_within_what_is_supported() {
    let mut cluster = cluster();
    let down = ask(&cluster, vec![update("group.version", 0, SAFE), update("transaction.version", 1, UNSAFE)]);
    assert_eq!(levels(&down), [("group.version".into(), 0), ("transaction.version".into(), 1)]);
    cluster.image.features.remove("group.version");
    let up = ask(&cluster, vec![update("group.version", 1, UPGRADE)]);
    assert_eq!(levels(&up), [("group.version".into(), 1)]);
    let same = ask(&cluster, vec![update("metadata.version", 30, SAFE)]);
    assert_eq!(levels(&same), [("metadata.version".into(), 30)], "Kafka writes what is so already, too");
}

#[test]
fn a_refusal_says_why_in_kafkas_words() {
    let cluster = cluster();
    let front = |feature: &str, level: i16| format!("Invalid update version {level} for feature {feature}. ");
    let cases = [
        ("foo", 1, UPGRADE, "Local controller 1 does not support this feature."),
        ("", 1, UPGRADE, "Local controller 1 does not support this feature."),
        ("foo", 0, SAFE, "Feature foo not found."),
        ("metadata.version", 31, UPGRADE, "Local controller 1 only supports versions 7-30"),
        ("metadata.version", 0, UNSAFE, "Local controller 1 only supports versions 7-30"),
        ("group.version", 2, UPGRADE, "Local controller 1 only supports versions 0-1"),
        ("transaction.version", -1, UNSAFE, "A feature version cannot be less than 0."),
        ("group.version", 1, 0, "The controller does not support the given upgrade type."),
        ("group.version", 0, 4, "The controller does not support the given upgrade type."),
        (
            "group.version",
            0,
            UPGRADE,
            "Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe \
            downgrade.",
        ),
    ];
    for (feature, level, upgrade_type, why) in cases {
        assert_eq!(refusal(&cluster, feature, level, upgrade_type), front(feature, level) + why);
    }
    let mut older = cluster;
    older.image.features.remove("group.version");
    assert_eq!(
        refusal(&older, "group.version", 1, SAFE),
        front("group.version", 1) + "Can't downgrade to a newer version."
    );
}

#[test]
fn the_metadatas_level_falls_only_where_no_record_came_in_between() {
    let mut cluster = cluster();
    assert_eq!(
        refusal(&cluster, METADATA_VERSION, 29, SAFE),
        "Unsupported metadata.version downgrade from 30 to 29. Refusing to perform the requested downgrade because it \
        might delete metadata information."
    );
    assert_eq!(
        refusal(&cluster, METADATA_VERSION, 27, UNSAFE),
        "Unsupported metadata.version downgrade from 30 to 27. Unsafe metadata downgrade is not supported in this version."
    );
    cluster.image.features.insert(METADATA_VERSION.into(), 29);
    assert_eq!(levels(&ask(&cluster, vec![update(METADATA_VERSION, 23, SAFE)])), [(METADATA_VERSION.into(), 23)]);
    refusal(&cluster, METADATA_VERSION, 22, SAFE);
}

#[test]
fn eligible_leaders_need_a_level_of_the_metadata_and_one_minimum_for_all() {
    let mut cluster = cluster();
    cluster.image.features.remove(ELIGIBLE_LEADER_REPLICAS_VERSION);
    cluster.set(ConfigResource::Broker(Some(crate::types::NodeId(1))), MIN_INSYNC_REPLICAS, "1");
    let planned = ask(&cluster, vec![update(ELIGIBLE_LEADER_REPLICAS_VERSION, 1, UPGRADE)]);
    assert_eq!(
        words(&planned.change.records),
        ["config  min.insync.replicas=1", "config 1 min.insync.replicas=null", "FeatureLevelRecord"]
    );
    cluster.image.features.insert(METADATA_VERSION.into(), 22);
    assert_eq!(
        refusal(&cluster, ELIGIBLE_LEADER_REPLICAS_VERSION, 1, UPGRADE),
        "Invalid update version 1 for feature eligible.leader.replicas.version. eligible.leader.replicas.version could not \
        be set to 1 because it depends on metadata.version level 23"
    );
    let both = [update(ELIGIBLE_LEADER_REPLICAS_VERSION, 1, UPGRADE), update(METADATA_VERSION, 30, UPGRADE)];
    assert_eq!(levels(&ask(&cluster, both.into())).len(), 2, "levels that come together may need each other");
}

#[test]
fn all_change_or_none_and_a_trial_changes_nothing() {
    let cluster = cluster();
    let good_and_bad = ask(&cluster, vec![update("group.version", 0, SAFE), update("foo", 1, UPGRADE)]);
    assert_eq!(good_and_bad.change.records, []);
    let request = UpdateFeaturesRequest {
        feature_updates: vec![update("group.version", 0, SAFE), update("kraft.version", 1, UPGRADE)],
        validate_only: true,
        ..Default::default()
    };
    let trial = handle(&request, 1, cluster.view());
    assert_eq!((trial.change.records.len(), trial.kraft_version), (0, None));
    let told = &trial.change.response.results[0];
    assert_eq!((&*told.feature, told.error_code, told.error_message.as_deref()), ("group.version", 0, Some("NONE")));
}

#[test]
fn up_to_version_0_nothing_falls_whatever_the_flag_says() {
    let cluster = cluster();
    let mut lower = update("group.version", 0, UPGRADE);
    lower.allow_downgrade = true;
    let request = UpdateFeaturesRequest { feature_updates: vec![lower], ..Default::default() };
    let response = handle(&request, 0, cluster.view()).change.response;
    assert_eq!(response.error_code, ErrorCode::InvalidUpdateVersion.number());
}

#[test]
fn the_quorums_protocol_goes_up_once_and_never_down() {
    let mut cluster = cluster();
    assert_eq!(ask(&cluster, vec![update(KRAFT_VERSION, 1, UPGRADE)]).kraft_version, Some(1));
    cluster.image.features.insert(KRAFT_VERSION.into(), 1);
    let again = ask(&cluster, vec![update(KRAFT_VERSION, 1, UPGRADE)]);
    assert_eq!((again.kraft_version, words(&again.change.records)), (None, vec!["NoOpRecord".into()]));
    assert_eq!(
        refusal(&cluster, KRAFT_VERSION, 0, SAFE),
        "Invalid update version 0 for feature kraft.version. Can't downgrade the version of this feature."
    );
}
