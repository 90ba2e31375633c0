//! A subscription of clients' metrics (KIP-714): what no single definition can say of it.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

use super::error::ResourceConfigError;
use super::resource::ResourceKind;
use super::value::ConfigValue;
use crate::whole_match::WholeMatch;

const INTERVAL_MS: &str = "interval.ms";
const MATCH: &str = "match";

/// What a subscription can tell clients apart by.
const SELECTORS: [&str; 6] = [
    "client_instance_id",
    "client_id",
    "client_software_name",
    "client_software_version",
    "client_source_address",
    "client_source_port",
];

pub(super) fn check(own: &BTreeMap<String, String>) -> Result<(), ResourceConfigError> {
    let value = |name: &str| own.get(name).and_then(|text| ResourceKind::ClientMetrics.known(name).parse(text).ok());
    if let Some(interval_ms) = value(INTERVAL_MS).map(|value| value.integer())
        && !(100..=3_600_000).contains(&interval_ms)
    {
        return Err(ResourceConfigError::BadRequest(format!(
            "Invalid value {interval_ms} for {INTERVAL_MS}, interval must be between 100 and 3600000 (1 hour)"
        )));
    }
    let patterns = match value(MATCH) {
        Some(ConfigValue::List(patterns)) => patterns,
        _ => return Ok(()),
    };
    match patterns.iter().find(|pattern| !is_pattern(pattern)) {
        None => Ok(()),
        Some(pattern) => Err(ResourceConfigError::Conflict(format!("Illegal client matching pattern: {pattern}"))),
    }
}

/// Whether it names something of a client, and says what that is to look like.
fn is_pattern(pattern: &str) -> bool {
    pattern.split_once('=').is_some_and(|(selector, expression)| {
        SELECTORS.contains(&selector.trim())
            && !expression.is_empty()
            && !expression.contains('=')
            && WholeMatch::of_java(expression.trim()).is_ok()
    })
}
