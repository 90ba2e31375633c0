//! What a property is: its type, default, allowed values, who may change it, and what it is for.

use alloc::format;
use alloc::string::String;

use super::allowed::{Allowed, invalid};
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
    /// Which property and value, and why, in Kafka's words.
    pub message: String,
    /// For people: what is allowed.
    pub expected: String,
}

impl Definition {
    /// The broker's property of that name.
    #[must_use]
    pub fn of_broker(name: &str) -> Option<&'static Self> {
        definitions::BROKER.iter().find_map(|table| find(table, name))
    }

    /// Every property that a broker has, by area and then by name.
    pub fn all_of_broker() -> impl Iterator<Item = &'static Self> {
        definitions::BROKER.iter().copied().flatten()
    }

    /// Reads and checks a value.
    pub fn parse(&self, text: &str) -> Result<ConfigValue, Refusal> {
        let refuse = |message: String| Refusal { message, expected: self.expected() };
        let Some(value) = self.config_type.parse(text) else {
            let reason = match self.config_type {
                ConfigType::Boolean => "Expected value to be either true or false".into(),
                other => format!("Not a number of type {}", other.name()),
            };
            return Err(refuse(invalid(self.name, &text.trim(), &reason)));
        };
        let value = self.allowed.settled(value);
        self.allowed.check(self.name, &value).map_err(refuse)?;
        Ok(value)
    }

    /// The default as a value.
    ///
    /// # Panics
    /// Where our own table is wrong, which a test rules out.
    #[must_use]
    pub fn default_value(&self) -> Option<ConfigValue> {
        self.default.map(|text| self.parse(text).expect("every default is allowed"))
    }

    /// Whether its values have parts.
    #[must_use]
    pub fn is_list(&self) -> bool {
        self.config_type == ConfigType::List
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

pub(super) fn find(table: &'static [Definition], name: &str) -> Option<&'static Definition> {
    table.binary_search_by(|definition| definition.name.cmp(name)).ok().map(|index| &table[index])
}
