//! What can be wrong with a configuration.

use alloc::string::String;
use alloc::vec::Vec;

use thiserror::Error;

use super::definition::Refusal;

/// Why a configuration can't be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// A property has a value that it doesn't allow.
    #[error("{key}={value}: expected {expected}")]
    BadValue {
        /// The property.
        key: String,
        /// Its value, or dots where that is a secret.
        value: String,
        /// What is allowed.
        expected: String,
    },
}

/// Why a resource can't have a config; the text is Kafka's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ResourceConfigError {
    /// Such resources have no such property.
    #[error("{0}")]
    Unknown(String),
    /// A property has a value that it doesn't allow.
    #[error("{}", .0.message)]
    BadValue(Refusal),
    /// What Kafka takes for a fault of the request rather than of the config.
    #[error("{0}")]
    BadRequest(String),
    /// Two properties contradict each other.
    #[error("{0}")]
    Conflict(String),
}

/// Why a broker's property can't change while it runs; the text is Kafka's where it has one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BrokerConfigError {
    /// It takes a restart to change them.
    #[error("Cannot update these configs dynamically: [{}]", .0.join(", "))]
    ReadOnly(Vec<String>),
    /// They can only be changed for one listener.
    #[error("These security configs can be dynamically updated only per-listener using the listener prefix: [{}]", .0.join(", "))]
    PerListener(Vec<String>),
    /// They can only be changed for one broker.
    #[error("Cannot update these configs at default cluster level, broker id must be specified: [{}]", .0.join(", "))]
    PerBroker(Vec<String>),
    /// A property has a value that it doesn't allow.
    #[error("{}", .0.message)]
    BadValue(Refusal),
    /// The properties don't fit each other.
    #[error("Invalid dynamic configuration: {0}")]
    Conflict(ConfigError),
    /// Kafka can change them, but this broker can't.
    #[error("{} cannot change while this broker runs. Set it in server.properties and restart the broker.", .0.join(" and "))]
    NotHere(Vec<String>),
}

/// Something that a person should know about a configuration that can be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Warning {
    /// Properties that don't exist.
    #[error("unknown properties, ignored: {}", .0.join(", "))]
    Unknown(Vec<String>),
    /// Properties of Kafka that ask for something that this broker doesn't do.
    #[error("without effect here: {}", .0.join(", "))]
    NoEffect(Vec<String>),
    /// A size of segments of a coordinator's topic that Kafka takes, though no topic may have it.
    #[error("{name}={size_bytes} is less than a topic may have: its segments will be of {least_bytes} bytes")]
    SmallSegments {
        /// The property.
        name: &'static str,
        /// What it says.
        size_bytes: i64,
        /// What the topic gets.
        least_bytes: i64,
    },
}
