//! What a property is: its type, default, allowed values, who may change it, and what it is for.

use alloc::format;
use alloc::string::String;

use super::allowed::Allowed;
use super::definitions;
use super::value::{ConfigType, ConfigValue};

/// One property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Kafka's name for it, or one of ours that begins with `ottla.`.
    pub name: &'static str,
    /// Its type.
    pub config_type: ConfigType,
    /// The value that holds where nothing is set, as text; none for null.
    pub default: Option<&'static str>,
    /// Its allowed values.
    pub allowed: Allowed,
    /// Who may change it while the broker runs.
    pub update: Update,
    /// What it is for, by line.
    pub doc: &'static [&'static str],
}

/// Whether and for whom a property can change while the broker runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// Only by a restart.
    ReadOnly,
    /// For one broker.
    PerBroker,
    /// For one broker or for all.
    ClusterWide,
    /// Not shown to clients unless it was set: meant for tests.
    Internal,
}

/// A value that a property does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The property.
    pub name: &'static str,
    /// The value or the part of it that is at fault.
    pub value: String,
    /// Why, in Kafka's words.
    pub reason: String,
    /// For people: what is allowed.
    pub expected: String,
}

impl Definition {
    /// The broker's property of that name.
    #[must_use]
    pub fn of_broker(name: &str) -> Option<&'static Self> {
        definitions::BROKER.iter().find_map(|table| find(table, name))
    }

    /// The topic's property of that name.
    #[must_use]
    pub fn of_topic(name: &str) -> Option<&'static Self> {
        find(definitions::TOPIC, name)
    }

    /// Every property that a broker has, by area and then by name.
    pub fn all_of_broker() -> impl Iterator<Item = &'static Self> {
        definitions::BROKER.iter().copied().flatten()
    }

    /// Every property that a topic has, by name.
    pub fn all_of_topic() -> impl Iterator<Item = &'static Self> {
        definitions::TOPIC.iter()
    }

    /// Reads and checks a value.
    pub fn parse(&self, text: &str) -> Result<ConfigValue, Refusal> {
        let refuse =
            |value: String, reason: String| Refusal { name: self.name, value, reason, expected: self.expected() };
        let Some(value) = self.config_type.parse(text) else {
            let reason = match self.config_type {
                ConfigType::Boolean => "Expected value to be either true or false".into(),
                other => format!("Not a number of type {}", other.name()),
            };
            return Err(refuse(text.trim().into(), reason));
        };
        match self.allowed.check(self.name, &value) {
            Ok(()) => Ok(value),
            Err((value, reason)) => Err(refuse(value, reason)),
        }
    }

    /// The default as a value.
    ///
    /// # Panics
    /// Where our own table is wrong, which a test rules out.
    #[must_use]
    pub fn default_value(&self) -> Option<ConfigValue> {
        self.default.map(|text| self.parse(text).expect("every default is allowed"))
    }

    /// Whether its values must not be shown.
    #[must_use]
    pub fn is_sensitive(&self) -> bool {
        self.config_type == ConfigType::Password
    }

    /// What it is for, in one piece.
    #[must_use]
    pub fn documentation(&self) -> String {
        let mut text = String::new();
        for line in self.doc {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(line.trim());
        }
        text
    }

    fn expected(&self) -> String {
        match (self.allowed, self.allowed.described()) {
            (Allowed::Any, _) => self.config_type.described().into(),
            (Allowed::AtLeast(_) | Allowed::Between(..) | Allowed::BetweenOr(..), range) => {
                format!("{} {range}", self.config_type.described())
            }
            (_, choices) => choices,
        }
    }
}

fn find(table: &'static [Definition], name: &str) -> Option<&'static Definition> {
    table.binary_search_by(|definition| definition.name.cmp(name)).ok().map(|index| &table[index])
}
