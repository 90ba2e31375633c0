//! Where a value came from, as DescribeConfigs and CreateTopics tell it.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::definition::{Definition, Update};
use super::resource::ResourceKind;
use super::value::ConfigType;
use super::{Config, definition_behind, dynamic_definition};

/// Who set a value. The numbers are those of DescribeConfigs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i8)]
pub enum Origin {
    /// Somebody, for one topic.
    Topic = 1,
    /// Somebody, for one running broker.
    DynamicBroker = 2,
    /// Somebody, for all running brokers.
    DynamicDefaultBroker = 3,
    /// `server.properties` or the command line.
    StaticBroker = 4,
    /// Nobody.
    Default = 5,
    /// Somebody, for one subscription of clients' metrics.
    ClientMetrics = 7,
    /// Somebody, for one group.
    Group = 8,
}

/// One place that has a value for a property, under this or another name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Synonym {
    /// The name in that place.
    pub name: String,
    /// The value as it was written there; none where it is a secret.
    pub value: Option<String>,
    /// The place.
    pub origin: Origin,
}

/// A property as clients see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// Its name.
    pub name: String,
    /// Its value; none where that is null or a secret.
    pub value: Option<String>,
    /// Where the value came from.
    pub origin: Origin,
    /// Every place that has a value, strongest first.
    pub synonyms: Vec<Synonym>,
    /// Its type; none for properties that only a plugin knows.
    pub config_type: Option<ConfigType>,
    /// Whether it takes a restart to change it.
    pub is_read_only: bool,
    /// Whether its value is a secret.
    pub is_sensitive: bool,
    /// What it is for.
    pub definition: Option<&'static Definition>,
}

impl Config {
    /// Every property of a resource with these configs of its own, by name.
    #[must_use]
    pub fn describe_resource(&self, kind: ResourceKind, own: &BTreeMap<String, String>) -> Vec<Described> {
        let is_shown =
            |definition: &&Definition| definition.update != Update::Internal || own.contains_key(definition.name);
        kind.definitions().iter().filter(is_shown).map(|definition| self.describe_own(kind, definition, own)).collect()
    }

    /// Every property of a topic that is just being created with these configs, by name: values as they were given, and
    /// an origin that takes all units of a time for one property, unlike [`Config::describe_resource`]. No synonyms.
    #[must_use]
    pub fn describe_new_topic(&self, overrides: &BTreeMap<String, String>) -> Vec<Described> {
        let mut all = self.describe_resource(ResourceKind::Topic, overrides);
        for described in &mut all {
            described.synonyms.clear();
            if let Some(value) = overrides.get(&described.name) {
                described.value = Some(value.clone());
                continue;
            }
            let layers = [
                (Origin::DynamicBroker, &self.dynamic.this_broker),
                (Origin::DynamicDefaultBroker, &self.dynamic.all_brokers),
                (Origin::StaticBroker, &self.stated),
            ];
            let names = ResourceKind::Topic.synonyms(&described.name);
            let has_one = |layer: &BTreeMap<String, String>| names.iter().any(|(name, _)| layer.contains_key(*name));
            let first = layers.iter().find(|(_, layer)| has_one(layer));
            described.origin = first.map_or(Origin::Default, |(origin, _)| *origin);
        }
        all
    }

    /// Every property of this broker, by name.
    #[must_use]
    pub fn describe_broker(&self) -> Vec<Described> {
        let mut names: Vec<&str> = Definition::all_of_broker()
            .filter(|definition| definition.update != Update::Internal)
            .map(|definition| definition.name)
            .chain(self.stated.keys().map(String::as_str))
            .chain(self.dynamic.names())
            .collect();
        names.sort_unstable();
        names.dedup();
        names.into_iter().map(|name| self.describe_broker_property(name)).collect()
    }

    /// The properties that were changed for all brokers while they ran, by name.
    #[must_use]
    pub fn describe_all_brokers(&self) -> Vec<Described> {
        let describe = |(name, value): (&String, &String)| {
            let mut described = self.describe_broker_property(name);
            described.origin = Origin::DynamicDefaultBroker;
            described.value = (!described.is_sensitive).then(|| value.clone());
            described.synonyms.retain(|synonym| synonym.origin == Origin::DynamicDefaultBroker);
            described
        };
        self.dynamic.all_brokers.iter().map(describe).collect()
    }

    fn describe_own(
        &self,
        kind: ResourceKind,
        definition: &'static Definition,
        own: &BTreeMap<String, String>,
    ) -> Described {
        let value = self.resource_value(kind, definition, own).map(|value| value.to_string());
        let names: Vec<&str> = kind.synonyms(definition.name).iter().map(|(name, _)| *name).collect();
        let mut synonyms = self.places(&names, names.first().copied().unwrap_or_default());
        let synonym = |value, origin| Synonym { name: definition.name.to_owned(), value, origin };
        if kind == ResourceKind::Group && names.is_empty() {
            let default = definition.default_value().map(|value| value.to_string());
            synonyms.push(synonym(default, Origin::Default));
        }
        if own.contains_key(definition.name) {
            synonyms.insert(0, synonym(value.clone(), kind.origin()));
        }
        Described {
            name: definition.name.to_owned(),
            value,
            origin: synonyms.first().map_or(Origin::Default, |synonym| synonym.origin),
            synonyms,
            config_type: Some(definition.config_type),
            is_read_only: false,
            is_sensitive: definition.is_sensitive(),
            definition: Some(definition),
        }
    }

    fn describe_broker_property(&self, name: &str) -> Described {
        let definition = definition_behind(name);
        let known = dynamic_definition(name);
        let is_sensitive = known.is_none_or(Definition::is_sensitive);
        let mut names = alternatives(name);
        names.extend(definition.map(|definition| definition.name).filter(|base| *base != name));
        let synonyms = self.places(&names, name);
        let value = match definition {
            // An existing directory may have known better than the properties.
            Some(Definition { name: "node.id" | "broker.id", .. }) => Some(self.node_id.to_string()),
            // A listener's own property is not in the table under its whole name.
            Some(definition) if definition.name == name => self.broker_value(name).map(|value| value.to_string()),
            _ => self.dynamic.text(name).or_else(|| self.stated.get(name)).cloned(),
        };
        Described {
            name: name.to_owned(),
            value: value.filter(|_| !is_sensitive),
            origin: synonyms.first().map_or(Origin::Default, |synonym| synonym.origin),
            synonyms,
            config_type: known.map(|definition| definition.config_type),
            is_read_only: known.is_none_or(|definition| {
                definition.name != name || matches!(definition.update, Update::ReadOnly | Update::Internal)
            }),
            is_sensitive,
            // Kafka has no words for what is in no broker's table.
            definition,
        }
    }

    /// Every place that has a value under one of these names, place by place. As Kafka does it, what comes before the
    /// first value under the `wanted` name is left out.
    fn places(&self, names: &[&str], wanted: &str) -> Vec<Synonym> {
        let layers = [
            (Origin::DynamicBroker, Some(&self.dynamic.this_broker)),
            (Origin::DynamicDefaultBroker, Some(&self.dynamic.all_brokers)),
            (Origin::StaticBroker, Some(&self.stated)),
            (Origin::Default, None),
        ];
        let mut synonyms = Vec::new();
        for (origin, layer) in layers {
            for name in names {
                let definition = dynamic_definition(name);
                let value = match layer {
                    Some(layer) => layer.get(*name).cloned(),
                    None => {
                        Definition::of_broker(name).and_then(Definition::default_value).map(|value| value.to_string())
                    }
                };
                let is_sensitive = definition.is_none_or(Definition::is_sensitive);
                if let Some(value) = value {
                    synonyms.push(Synonym {
                        name: (*name).to_owned(),
                        value: (!is_sensitive).then_some(value),
                        origin,
                    });
                }
            }
        }
        let first = synonyms.iter().position(|synonym| synonym.name == wanted);
        synonyms.split_off(first.unwrap_or(synonyms.len()))
    }
}

/// Names under which a broker's property may also be set, strongest first.
fn alternatives(name: &str) -> Vec<&str> {
    match name {
        "log.roll.ms" | "log.roll.hours" => Vec::from(["log.roll.ms", "log.roll.hours"]),
        "log.roll.jitter.ms" | "log.roll.jitter.hours" => Vec::from(["log.roll.jitter.ms", "log.roll.jitter.hours"]),
        "log.flush.interval.ms" => Vec::from(["log.flush.interval.ms", "log.flush.scheduler.interval.ms"]),
        "log.retention.ms" | "log.retention.minutes" | "log.retention.hours" => {
            Vec::from(["log.retention.ms", "log.retention.minutes", "log.retention.hours"])
        }
        _ => Vec::from([name]),
    }
}
