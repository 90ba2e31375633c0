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

/// Why a topic can't have a config; the text is Kafka's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TopicConfigError {
    /// Topics have no such property.
    #[error("Unknown topic config name: {0}")]
    Unknown(String),
    /// A property has a value that it doesn't allow.
    #[error("Invalid value {} for configuration {}: {}", .0.value, .0.name, .0.reason)]
    BadValue(Refusal),
    /// Two properties contradict each other.
    #[error("{0}")]
    Conflict(String),
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
}
