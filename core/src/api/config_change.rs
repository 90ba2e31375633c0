//! What AlterConfigs and IncrementalAlterConfigs have in common: from what a request asks of each resource to the records
//! that bring it about, or to Kafka's error.
//!
//! What a config then means to a log or to the broker is not decided here: that follows from the records, once they are
//! committed.

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::placement::RECORDS_MAX;
use super::{ApiError, View, resource_type, topic_name};
use crate::config::{BrokerScope, Definition, ResourceConfigError, ResourceKind};
use crate::error_code::ErrorCode;
use crate::metadata::{ConfigResource, is_elr_enabled};
use crate::wire::messages::metadata_records::{ClearElrRecord, ConfigRecord};
use crate::wire::{MetadataRecord, Str};

/// What a request asks of one resource.
#[derive(Debug)]
pub(super) struct Asked<'r> {
    pub(super) resource_type: i8,
    pub(super) resource_name: &'r Str,
    pub(super) edits: Vec<Edit<'r>>,
    pub(super) others: Others,
}

/// What a request asks of one config.
#[derive(Debug)]
pub(super) struct Edit<'r> {
    pub(super) name: &'r Str,
    pub(super) operation: i8,
    pub(super) value: Option<&'r str>,
}

/// What happens to configs that a request does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Others {
    Stay,
    Go,
}

/// Kafka's numbers of the operations.
pub(super) mod operation {
    pub(in crate::api) const SET: i8 = 0;
    pub(in crate::api) const DELETE: i8 = 1;
    pub(in crate::api) const APPEND: i8 = 2;
    pub(in crate::api) const SUBTRACT: i8 = 3;
}

/// What is to be written, and what became of each resource, in the order of the request.
pub(super) struct Planned {
    pub(super) records: Vec<MetadataRecord>,
    pub(super) outcomes: Vec<Result<(), ApiError>>,
}

type Configs = BTreeMap<String, String>;

static NOTHING: Configs = BTreeMap::new();

const VALUE_MAX_BYTES: usize = i16::MAX as usize;
/// A resource has at most this many configs of its own, and so many groups and subscriptions have any: beside topics, names
/// are the client's invention.
const CONFIGS_MAX: usize = 1_000;
const INVENTED_RESOURCES_MAX: usize = 10_000;

const MIN_INSYNC_REPLICAS: &str = "min.insync.replicas";

/// Plans the changes. Each resource changes as a whole or not at all, whatever becomes of the others.
pub(super) fn plan(asked: &[Asked<'_>], view: View<'_>) -> Planned {
    let repeated = repeated(asked.iter().map(Asked::key));
    let mut records = Vec::new();
    let mut outcomes = Vec::with_capacity(asked.len());
    for one in asked {
        let change = if repeated.contains(&one.key()) {
            Err(invalid_request("Each resource must appear at most once."))
        } else {
            one.records(view)
        };
        outcomes.push(change.map(|change| records.extend(change)));
    }
    records.extend(clear_eligible_leaders(&records, view));
    if records.len() > RECORDS_MAX {
        let refusal = ApiError::new(ErrorCode::PolicyViolation, "Excessively large number of configs per request.");
        return Planned { records: Vec::new(), outcomes: asked.iter().map(|_| Err(refusal.clone())).collect() };
    }
    Planned { records, outcomes }
}

impl Asked<'_> {
    fn key(&self) -> (i8, &str) {
        (self.resource_type, self.resource_name)
    }

    fn records(&self, view: View<'_>) -> Result<Vec<MetadataRecord>, ApiError> {
        self.check_form()?;
        if self.resource_type == resource_type::BROKER_LOGGER && self.others == Others::Stay {
            return self.check_loggers(view).map(|()| Vec::new());
        }
        let resource = self.resource(view)?;
        let before = view.image.configs.get(&resource).unwrap_or(&NOTHING);
        let after = self.applied(&resource, before)?;
        check_sizes(&resource, before, &after, view)?;
        check_min_insync_replicas(&resource, before, &after, view)?;
        check(&resource, before, &after, view)?;
        Ok(difference(&resource, before, &after))
    }

    /// What can be said without knowing what the names mean.
    fn check_form(&self) -> Result<(), ApiError> {
        if !repeated(self.edits.iter().map(|edit| edit.name)).is_empty() {
            return Err(invalid_request("Error due to duplicate config keys"));
        }
        let is_null = |edit: &&Edit<'_>| edit.operation != operation::DELETE && edit.value.is_none();
        let nulls: Vec<&str> = self.edits.iter().filter(is_null).map(|edit| &**edit.name).collect();
        if !nulls.is_empty() {
            return Err(invalid_request(format!("Null value not supported for : {}", nulls.join(", "))));
        }
        match self.edits.iter().find(|edit| !(operation::SET..=operation::SUBTRACT).contains(&edit.operation)) {
            Some(edit) => Err(invalid_request(format!("Unknown operations type {}", edit.operation))),
            None => Ok(()),
        }
    }

    fn resource(&self, view: View<'_>) -> Result<ConfigResource, ApiError> {
        let name = &**self.resource_name;
        let named = |empty: &str| if name.is_empty() { Err(invalid_request(empty)) } else { Ok(name.to_owned()) };
        match self.resource_type {
            resource_type::TOPIC => {
                let name = named("Default topic resources are not allowed.")?;
                topic_name::validate(&name).map_err(|fault| ApiError::new(ErrorCode::InvalidTopicException, fault))?;
                Ok(ConfigResource::Topic(name))
            }
            resource_type::BROKER if name.is_empty() => Ok(ConfigResource::Broker(None)),
            resource_type::BROKER => {
                check_node_id(name, "Unexpected broker id, expected", view)?;
                Ok(ConfigResource::Broker(Some(view.config.node_id)))
            }
            resource_type::CLIENT_METRICS => {
                named("Subscription name can't be empty").map(ConfigResource::ClientMetrics)
            }
            resource_type::GROUP => named("Default group resources are not allowed.").map(ConfigResource::Group),
            other => Err(invalid_request(format!("Unknown resource type {other}"))),
        }
    }

    /// There are no levels of logging by class, as Kafka has them: no logger of that name exists.
    fn check_loggers(&self, view: View<'_>) -> Result<(), ApiError> {
        check_node_id(self.resource_name, "Unexpected node id. Expected", view)?;
        let Some(edit) = self.edits.first() else { return Ok(()) };
        Err(match edit.operation {
            operation::SET | operation::DELETE => invalid_config(format!("Logger {} does not exist!", edit.name)),
            other => {
                let verb = verb(other);
                invalid_request(format!("{verb} operation is not allowed for the BROKER_LOGGER resource"))
            }
        })
    }

    /// The resource's configs as the request wants them.
    fn applied(&self, resource: &ConfigResource, before: &Configs) -> Result<Configs, ApiError> {
        let mut after = match self.others {
            Others::Stay => before.clone(),
            Others::Go => Configs::new(),
        };
        for edit in &self.edits {
            let (name, value) = (&**edit.name, edit.value.unwrap_or_default());
            match edit.operation {
                operation::SET => drop(after.insert(name.to_owned(), value.to_owned())),
                operation::DELETE => drop(after.remove(name)),
                of_lists => {
                    let definition = list_definition(resource, name, of_lists)?;
                    let old = after.get(name).map_or(definition.default.unwrap_or_default(), String::as_str);
                    let new = edit_list(old, value, of_lists);
                    after.insert(name.to_owned(), new);
                }
            }
        }
        Ok(after)
    }
}

/// The property, if lists are what it holds.
fn list_definition(resource: &ConfigResource, name: &str, operation: i8) -> Result<&'static Definition, ApiError> {
    let definition = match kind_of(resource) {
        // Kafka does not know what of these is a list.
        Some(ResourceKind::ClientMetrics) => None,
        Some(kind) => kind.definition(name),
        None => match Definition::of_broker(name) {
            None => return Err(invalid_config(format!("Unknown config name: {name}"))),
            known => known,
        },
    };
    if let Some(definition) = definition.filter(|definition| definition.is_list()) {
        return Ok(definition);
    }
    let verb = verb(operation);
    Err(invalid_config(match kind_of(resource) {
        Some(_) => format!("Can't {verb} to key {name} because its type is not LIST."),
        None => format!("Config value {} is not allowed for config key: {name}", verb.to_ascii_lowercase()),
    }))
}

fn edit_list(old: &str, value: &str, operation: i8) -> String {
    let mut parts: Vec<&str> = old.split(',').filter(|part| !part.is_empty()).collect();
    for part in value.split(',') {
        let at = parts.iter().position(|old| *old == part);
        match (operation, at) {
            (operation::APPEND, None) => parts.push(part),
            (operation::SUBTRACT, Some(at)) => drop(parts.remove(at)),
            _ => {}
        }
    }
    parts.join(",")
}

fn verb(operation: i8) -> &'static str {
    if operation == operation::APPEND { "APPEND" } else { "SUBTRACT" }
}

/// `None` for brokers.
fn kind_of(resource: &ConfigResource) -> Option<ResourceKind> {
    match resource {
        ConfigResource::Topic(_) => Some(ResourceKind::Topic),
        ConfigResource::Group(_) => Some(ResourceKind::Group),
        ConfigResource::ClientMetrics(_) => Some(ResourceKind::ClientMetrics),
        ConfigResource::Broker(_) | ConfigResource::Other(..) => None,
    }
}

fn check_sizes(resource: &ConfigResource, before: &Configs, after: &Configs, view: View<'_>) -> Result<(), ApiError> {
    let is_too_long =
        |(name, value): (&String, &String)| before.get(name) != Some(value) && value.len() > VALUE_MAX_BYTES;
    if after.iter().any(is_too_long) {
        return Err(invalid_config(format!(
            "The configuration value cannot be added because it exceeds the maximum value size of {VALUE_MAX_BYTES} bytes."
        )));
    }
    if after.len() > CONFIGS_MAX.max(before.len()) {
        let message =
            format!("This would make {} configs of one resource, but {CONFIGS_MAX} are allowed.", after.len());
        return Err(ApiError::new(ErrorCode::PolicyViolation, message));
    }
    let is_invented =
        |resource: &ConfigResource| matches!(resource, ConfigResource::Group(_) | ConfigResource::ClientMetrics(_));
    let is_new = before.is_empty() && !after.is_empty();
    if is_new
        && is_invented(resource)
        && view.image.configs.keys().filter(|resource| is_invented(resource)).count() >= INVENTED_RESOURCES_MAX
    {
        let message = format!("{INVENTED_RESOURCES_MAX} groups and subscriptions have configs, which is the limit.");
        return Err(ApiError::new(ErrorCode::PolicyViolation, message));
    }
    Ok(())
}

/// Where leaders may come from outside the in-sync set, the whole cluster must agree on this minimum.
fn check_min_insync_replicas(
    resource: &ConfigResource,
    before: &Configs,
    after: &Configs,
    view: View<'_>,
) -> Result<(), ApiError> {
    let is_changed = before.get(MIN_INSYNC_REPLICAS) != after.get(MIN_INSYNC_REPLICAS);
    if !is_changed || !is_elr_enabled(&view.image.features) {
        return Ok(());
    }
    match resource {
        ConfigResource::Broker(Some(_)) => {
            Err(invalid_config("Broker-level min.insync.replicas cannot be altered while ELR is enabled."))
        }
        ConfigResource::Broker(None) if !after.contains_key(MIN_INSYNC_REPLICAS) => {
            Err(invalid_config("Cluster-level min.insync.replicas cannot be removed while ELR is enabled."))
        }
        _ => Ok(()),
    }
}

/// What the names and values mean, and whether the resource exists.
fn check(resource: &ConfigResource, before: &Configs, after: &Configs, view: View<'_>) -> Result<(), ApiError> {
    if let Some(kind) = kind_of(resource) {
        view.config.check_resource(kind, after).map_err(resource_error)?;
    }
    let check_broker =
        |scope| view.config.check_broker(scope, before, after).map_err(|error| invalid_request(error.to_string()));
    match resource {
        ConfigResource::Topic(name) if view.image.topic(name).is_none() => {
            let message = format!("The topic '{name}' does not exist.");
            Err(ApiError::new(ErrorCode::UnknownTopicOrPartition, message))
        }
        ConfigResource::Broker(None) => check_broker(BrokerScope::AllBrokers),
        ConfigResource::Broker(Some(_)) => check_broker(BrokerScope::ThisBroker),
        _ => Ok(()),
    }
}

fn resource_error(error: ResourceConfigError) -> ApiError {
    match error {
        ResourceConfigError::BadRequest(message) => invalid_request(message),
        other => invalid_config(other.to_string()),
    }
}

/// The records that make the one of the other.
fn difference(resource: &ConfigResource, before: &Configs, after: &Configs) -> Vec<MetadataRecord> {
    let (resource_type, resource_name) = resource.to_record();
    let resource_name = Str::from(resource_name);
    let record = |name: &String, value: Option<&String>| {
        ConfigRecord {
            resource_type,
            resource_name: resource_name.clone(),
            name: Str::from(&**name),
            value: value.map(|value| Str::from(&**value)),
            ..Default::default()
        }
        .into()
    };
    let set = after.iter().filter(|(name, value)| before.get(*name) != Some(value));
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    set.map(|(name, value)| record(name, Some(value))).chain(gone.map(|name| record(name, None))).collect()
}

/// A replica that was eligible by the old minimum need not be by the new one (KIP-966).
fn clear_eligible_leaders(records: &[MetadataRecord], view: View<'_>) -> Vec<MetadataRecord> {
    if !is_elr_enabled(&view.image.features) {
        return Vec::new();
    }
    let cleared = records.iter().filter_map(|record| match record {
        MetadataRecord::Config(config) if &*config.name == MIN_INSYNC_REPLICAS => {
            let is_topic = config.resource_type == resource_type::TOPIC;
            let topic_name = if is_topic { config.resource_name.clone() } else { Str::default() };
            Some(ClearElrRecord { topic_name, ..Default::default() }.into())
        }
        _ => None,
    });
    cleared.collect()
}

/// A broker answers only for itself.
fn check_node_id(name: &str, expected: &str, view: View<'_>) -> Result<(), ApiError> {
    let Ok(id) = name.parse::<i32>() else {
        return Err(invalid_request(format!("Node id must be an integer, but it is: {name}")));
    };
    if id == view.config.node_id.0 {
        return Ok(());
    }
    Err(invalid_request(format!("{expected} {}, but received {name}", view.config.node_id)))
}

/// What occurs more than once.
fn repeated<T: Ord + Copy>(all: impl Iterator<Item = T>) -> BTreeSet<T> {
    let mut seen = BTreeSet::new();
    all.filter(|one| !seen.insert(*one)).collect()
}

fn invalid_request(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidRequest, message)
}

fn invalid_config(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidConfig, message)
}

#[cfg(test)]
#[path = "config_change_tests.rs"]
mod tests;
