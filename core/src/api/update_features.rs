//! UpdateFeatures: raises, lowers and switches off the levels of features, all that are asked for or none (KIP-584, KIP-778).

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{ApiError, Change, View};
use crate::error_code::ErrorCode;
use crate::metadata::{
    ConfigResource, ELIGIBLE_LEADER_REPLICAS_VERSION, Features, KRAFT_VERSION, METADATA_VERSION, SUPPORTED_FEATURES,
    is_metadata_kept, unmet_dependency,
};
use crate::wire::messages::metadata_records::{ConfigRecord, FeatureLevelRecord, NoOpRecord};
use crate::wire::messages::update_features::{
    FeatureUpdateKey, UpdatableFeatureResult, UpdateFeaturesRequest, UpdateFeaturesResponse,
};
use crate::wire::{MetadataRecord, Str};

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// The records and the answer.
    pub change: Change<UpdateFeaturesResponse>,
    /// The new level of `kraft.version`, which goes into control records in front of the others.
    pub kraft_version: Option<i16>,
}

/// In which direction a level may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Up,
    DownIfNothingIsLost,
    DownInAnyCase,
}

const MIN_INSYNC_REPLICAS: &str = "min.insync.replicas";

/// Plans the changes. The last entry of a feature counts where there are several.
#[must_use]
pub fn handle(request: &UpdateFeaturesRequest, version: i16, view: View<'_>) -> Planned {
    let last: BTreeMap<&str, &FeatureUpdateKey> =
        request.feature_updates.iter().map(|update| (&*update.feature, update)).collect();
    let mut proposed = view.image.features.clone();
    proposed.extend(last.iter().map(|(name, update)| ((*name).to_string(), update.max_version_level)));
    let mut planned = Planned { change: Change::nothing(accepted(request, version)), kraft_version: None };
    let mut seen = BTreeSet::new();
    for update in &request.feature_updates {
        if !seen.insert(&*update.feature) {
            continue;
        }
        let update = last[&*update.feature];
        match plan(update, version, &proposed, view) {
            Ok(record) => planned.change.records.extend(record),
            Err(error) => return Planned { change: Change::nothing(refused(error)), kraft_version: None },
        }
        if update.feature == KRAFT_VERSION && level(view, KRAFT_VERSION) < update.max_version_level {
            planned.kraft_version = Some(update.max_version_level);
        }
    }
    if request.validate_only {
        return Planned { change: Change::nothing(planned.change.response), kraft_version: None };
    }
    if last.get(ELIGIBLE_LEADER_REPLICAS_VERSION).is_some_and(|update| update.max_version_level > 0) {
        planned.change.records.splice(0..0, agree_on_min_insync_replicas(view));
    }
    planned
}

fn level(view: View<'_>, feature: &str) -> i16 {
    view.image.features.get(feature).copied().unwrap_or(0)
}

fn plan(
    update: &FeatureUpdateKey,
    version: i16,
    proposed: &Features,
    view: View<'_>,
) -> Result<Option<MetadataRecord>, ApiError> {
    let (feature, new) = (&*update.feature, update.max_version_level);
    let refuse = |why: &str| Err(invalid(format!("Invalid update version {new} for feature {feature}. {why}")));
    let Some(direction) = direction(update, version) else {
        return refuse("The controller does not support the given upgrade type.");
    };
    if new < 0 {
        return refuse("A feature version cannot be less than 0.");
    }
    if let Some(why) = unsupported(feature, new, view) {
        return refuse(&why);
    }
    let current = level(view, feature);
    if new < current && direction == Direction::Up {
        return refuse(
            "Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe \
            downgrade.",
        );
    }
    if new > current && direction != Direction::Up {
        return refuse("Can't downgrade to a newer version.");
    }
    match feature {
        METADATA_VERSION => check_metadata_version(current, new, direction)?,
        KRAFT_VERSION if new < current => return refuse("Can't downgrade the version of this feature."),
        // Its level is not a record of the metadata, but Kafka commits one to know when it counts.
        KRAFT_VERSION => return Ok((direction == Direction::Up).then(|| NoOpRecord::default().into())),
        _ if !SUPPORTED_FEATURES.iter().any(|(name, ..)| *name == feature) => {
            return refuse(&format!("Feature {feature} not found."));
        }
        _ => {
            if let Some(why) = unmet_dependency(feature, new, proposed) {
                return refuse(&why);
            }
        }
    }
    Ok(Some(FeatureLevelRecord { name: update.feature.clone(), feature_level: new, ..Default::default() }.into()))
}

/// Up to version 0 there is a flag that Kafka does not look at.
fn direction(update: &FeatureUpdateKey, version: i16) -> Option<Direction> {
    match update.upgrade_type {
        _ if version == 0 => Some(Direction::Up),
        1 => Some(Direction::Up),
        2 => Some(Direction::DownIfNothingIsLost),
        3 => Some(Direction::DownInAnyCase),
        _ => None,
    }
}

/// Why this broker, or another one of the cluster that the directory comes from, could not live with a level.
fn unsupported(feature: &str, new: i16, view: View<'_>) -> Option<String> {
    let ours = SUPPORTED_FEATURES.iter().find(|(name, ..)| *name == feature).map(|(_, low, high)| (*low, *high));
    let controller = format!("Local controller {}", view.config.node_id);
    out_of_range(&controller, new, ours).or_else(|| {
        let others = view.image.brokers.iter().filter(|(node_id, _)| **node_id != view.config.node_id);
        others
            .filter_map(|(id, broker)| {
                out_of_range(&format!("Broker {id}"), new, broker.features.get(feature).copied())
            })
            .next()
    })
}

fn out_of_range(who: &str, new: i16, supported: Option<(i16, i16)>) -> Option<String> {
    let (low, high) = supported.unwrap_or_default();
    if (low..=high).contains(&new) {
        return None;
    }
    Some(match high {
        0 => format!("{who} does not support this feature."),
        high if high == low => format!("{who} only supports versions {low}"),
        high => format!("{who} only supports versions {low}-{high}"),
    })
}

fn check_metadata_version(current: i16, new: i16, direction: Direction) -> Result<(), ApiError> {
    if new >= current || is_metadata_kept(current, new) {
        return Ok(());
    }
    let why = match direction {
        Direction::DownInAnyCase => "Unsafe metadata downgrade is not supported in this version.",
        _ => "Refusing to perform the requested downgrade because it might delete metadata information.",
    };
    Err(invalid(format!("Unsupported metadata.version downgrade from {current} to {new}. {why}")))
}

/// Where leaders may come from outside the in-sync set, the whole cluster must agree on this minimum.
fn agree_on_min_insync_replicas(view: View<'_>) -> Vec<MetadataRecord> {
    let record = |resource: &ConfigResource, value: Option<String>| -> MetadataRecord {
        let (resource_type, resource_name) = resource.to_record();
        let (resource_name, name) = (Str::from(resource_name), Str::from_static(MIN_INSYNC_REPLICAS));
        ConfigRecord { resource_type, resource_name, name, value: value.map(Str::from), ..Default::default() }.into()
    };
    let has_it = |resource: &ConfigResource| {
        view.image.configs.get(resource).is_some_and(|configs| configs.contains_key(MIN_INSYNC_REPLICAS))
    };
    let all = ConfigResource::Broker(None);
    let value = || view.config.static_min_insync_replicas().to_string();
    let mut records = Vec::new();
    if !has_it(&all) {
        records.push(record(&all, Some(value())));
    }
    let single = view.image.configs.keys().filter(|resource| matches!(resource, ConfigResource::Broker(Some(_))));
    records.extend(single.filter(|resource| has_it(resource)).map(|resource| record(resource, None)));
    records
}

fn accepted(request: &UpdateFeaturesRequest, version: i16) -> UpdateFeaturesResponse {
    let result = |update: &FeatureUpdateKey| UpdatableFeatureResult {
        feature: update.feature.clone(),
        // Kafka puts the name of the error here, which is that there is none.
        error_message: Some(Str::from_static("NONE")),
        ..Default::default()
    };
    let results = if version <= 1 { request.feature_updates.iter().map(result).collect() } else { Vec::new() };
    UpdateFeaturesResponse { results, ..Default::default() }
}

fn refused(error: ApiError) -> UpdateFeaturesResponse {
    let why = error.message.unwrap_or_default();
    let message = format!("The update failed for all features since the following feature had an error: {why}");
    UpdateFeaturesResponse {
        error_code: error.code.number(),
        error_message: Some(message.into()),
        ..Default::default()
    }
}

fn invalid(message: String) -> ApiError {
    ApiError::new(ErrorCode::InvalidUpdateVersion, message)
}

#[cfg(test)]
#[path = "update_features_tests.rs"]
mod tests;
