//! What has configs of its own beside brokers: topics, groups, and subscriptions of clients' metrics. All work alike: what
//! somebody set for the one resource, then what the broker has under another name, then the default.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

use super::Config;
use super::definition::{Definition, find};
use super::definitions;
use super::error::ResourceConfigError;
use super::origin::Origin;
use super::value::ConfigValue;
use super::{client_metrics, group, topic};

/// A kind of resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceKind {
    /// A topic.
    Topic,
    /// A group of any type.
    Group,
    /// A subscription of clients' metrics (KIP-714).
    ClientMetrics,
}

/// The broker's properties that give a resource's default, strongest first, and what their number is multiplied by.
pub(super) type Synonyms = &'static [(&'static str, i64)];

impl ResourceKind {
    /// Every property that such a resource has, by name.
    #[must_use]
    pub fn definitions(self) -> &'static [Definition] {
        match self {
            Self::Topic => definitions::TOPIC,
            Self::Group => definitions::GROUP,
            Self::ClientMetrics => definitions::CLIENT_METRICS,
        }
    }

    /// The property of that name.
    #[must_use]
    pub fn definition(self, name: &str) -> Option<&'static Definition> {
        find(self.definitions(), name)
    }

    /// Of a property that is in our tables.
    pub(super) fn known(self, name: &str) -> &'static Definition {
        self.definition(name).unwrap_or_else(|| unreachable!("{name} is in the table"))
    }

    pub(super) fn synonyms(self, name: &str) -> Synonyms {
        match self {
            Self::Topic => topic::broker_synonyms(name),
            Self::Group => group::broker_synonyms(name),
            Self::ClientMetrics => &[],
        }
    }

    /// Who set a value that such a resource has of its own.
    pub(super) fn origin(self) -> Origin {
        match self {
            Self::Topic => Origin::Topic,
            Self::Group => Origin::Group,
            Self::ClientMetrics => Origin::ClientMetrics,
        }
    }

    fn unknown(self, name: &str) -> ResourceConfigError {
        match self {
            Self::Topic => ResourceConfigError::Unknown(format!("Unknown topic config name: {name}")),
            Self::Group => ResourceConfigError::Unknown(format!("Unknown group config name: {name}")),
            // Kafka sees a fault of the request here, not of the config.
            Self::ClientMetrics => {
                ResourceConfigError::BadRequest(format!("Unknown client metrics configuration: {name}"))
            }
        }
    }
}

impl Config {
    /// Checks all the configs that a resource is to have of its own.
    pub fn check_resource(
        &self,
        kind: ResourceKind,
        own: &BTreeMap<String, String>,
    ) -> Result<(), ResourceConfigError> {
        if let Some(name) = own.keys().find(|name| kind.definition(name).is_none()) {
            return Err(kind.unknown(name));
        }
        for (name, text) in own {
            kind.known(name).parse(text).map_err(ResourceConfigError::BadValue)?;
        }
        match kind {
            ResourceKind::Topic => self.check_topic(own),
            ResourceKind::Group => self.check_group(own),
            ResourceKind::ClientMetrics => client_metrics::check(own),
        }
    }

    /// The effective value of one of a resource's properties; `None` is null.
    pub(super) fn resource_value(
        &self,
        kind: ResourceKind,
        definition: &'static Definition,
        own: &BTreeMap<String, String>,
    ) -> Option<ConfigValue> {
        if let Some(value) = own.get(definition.name).and_then(|text| definition.parse(text).ok()) {
            return Some(value);
        }
        for (synonym, factor) in kind.synonyms(definition.name) {
            if let Some(value) = self.broker_value(synonym) {
                return Some(match value {
                    // Below zero it says "without limit", in hours as in milliseconds.
                    ConfigValue::Integer(number) if number >= 0 => ConfigValue::Integer(number.saturating_mul(*factor)),
                    other => other,
                });
            }
        }
        definition.default_value()
    }
}
