//! The broker's configuration under Kafka's property names: definitions, defaults, validation.

/// A validated configuration.
#[derive(Clone, Debug, Default)]
pub struct Config {}
