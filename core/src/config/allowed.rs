//! What values a property allows.

use alloc::format;
use alloc::string::{String, ToString};

use super::value::ConfigValue;

/// A property's allowed values, beyond its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// Whatever its type can hold.
    Any,
    /// Numbers from this one on.
    AtLeast(i64),
    /// Numbers from the first to the second.
    Between(i64, i64),
    /// Numbers from the first to the second, and the third.
    BetweenOr(i64, i64, i64),
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// One of these texts, in capitals or not.
    OneOfAnyCase(&'static [&'static str]),
    /// A list of only these.
    ListOf(&'static [&'static str]),
    /// `*`, or a list of partition and broker ids as in `0:1,1:2`.
    ThrottledReplicas,
}

pub(crate) const ANY: Allowed = Allowed::Any;
pub(crate) const GZIP_LEVEL: Allowed = Allowed::BetweenOr(1, 9, -1);
pub(crate) const THROTTLED_REPLICAS: Allowed = Allowed::ThrottledReplicas;

pub(crate) const fn at_least(low: i64) -> Allowed {
    Allowed::AtLeast(low)
}

pub(crate) const fn between(low: i64, high: i64) -> Allowed {
    Allowed::Between(low, high)
}

pub(crate) const fn one_of(texts: &'static [&'static str]) -> Allowed {
    Allowed::OneOf(texts)
}

pub(crate) const fn one_of_any_case(texts: &'static [&'static str]) -> Allowed {
    Allowed::OneOfAnyCase(texts)
}

pub(crate) const fn list_of(texts: &'static [&'static str]) -> Allowed {
    Allowed::ListOf(texts)
}

impl Allowed {
    /// Checks a value of the property `name`. A refusal is the value that is at fault and Kafka's reason.
    pub(crate) fn check(self, name: &str, value: &ConfigValue) -> Result<(), (String, String)> {
        let refuse = |reason: String| Err((value.to_string(), reason));
        match (self, value) {
            (Self::Any, _) => Ok(()),
            (Self::AtLeast(low), _) => check_range(low, i64::MAX, value).or_else(refuse),
            (Self::Between(low, high), _) => check_range(low, high, value).or_else(refuse),
            (Self::BetweenOr(_, _, other), ConfigValue::Integer(number)) if *number == other => Ok(()),
            (Self::BetweenOr(low, high, other), _) => check_range(low, high, value)
                .or_else(|_| refuse(format!("Value must be between {low} and {high} or equal to {other}"))),
            (Self::OneOf(texts), ConfigValue::Text(text)) if texts.contains(&text.as_str()) => Ok(()),
            (Self::OneOf(texts), _) => refuse(format!("String must be one of: {}", texts.join(", "))),
            (Self::OneOfAnyCase(texts), ConfigValue::Text(text))
                if texts.iter().any(|known| known.eq_ignore_ascii_case(text)) =>
            {
                Ok(())
            }
            (Self::OneOfAnyCase(texts), _) => {
                refuse(format!("String must be one of (case insensitive): {}", texts.join(", ")))
            }
            (Self::ListOf(texts), ConfigValue::List(parts)) => {
                match parts.iter().find(|part| !texts.contains(&part.as_str())) {
                    None => Ok(()),
                    Some(part) => Err((part.clone(), format!("String must be one of: {}", texts.join(", ")))),
                }
            }
            (Self::ListOf(_), other) => unreachable!("{name} is a list, not {other:?}"),
            (Self::ThrottledReplicas, ConfigValue::List(parts)) if is_throttled_replicas(parts) => Ok(()),
            (Self::ThrottledReplicas, _) => Err((
                format!("[{}]", value.to_string().replace(',', ", ")),
                format!(
                    "{name} must be the literal '*' or a list of replicas in the following format: \
                     [partitionId]:[brokerId],[partitionId]:[brokerId],..."
                ),
            )),
        }
    }

    /// For people: what is allowed, to stand behind the type; empty where the type says all.
    pub(crate) fn described(self) -> String {
        match self {
            Self::Any => String::new(),
            Self::AtLeast(low) => format!("of at least {low}"),
            Self::Between(low, high) => format!("from {low} to {high}"),
            Self::BetweenOr(low, high, other) => format!("from {low} to {high}, or {other}"),
            Self::OneOf(texts) | Self::OneOfAnyCase(texts) => format!("one of {}", texts.join(", ")),
            Self::ListOf(texts) => format!("any of {}", texts.join(", ")),
            Self::ThrottledReplicas => "* or partition:broker,partition:broker,...".to_string(),
        }
    }
}

fn check_range(low: i64, high: i64, value: &ConfigValue) -> Result<(), String> {
    let (too_low, too_high) = match value {
        ConfigValue::Integer(number) => (*number < low, *number > high),
        ConfigValue::Double(number) => (*number < low as f64, *number > high as f64),
        other => unreachable!("{other:?} has no range"),
    };
    match (too_low, too_high) {
        (true, _) => Err(format!("Value must be at least {low}")),
        (_, true) => Err(format!("Value must be no more than {high}")),
        (false, false) => Ok(()),
    }
}

fn is_throttled_replicas(parts: &[String]) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_pair = |part: &String| {
        part.split_once(':').is_some_and(|(partition, broker)| is_number(partition) && is_number(broker))
    };
    matches!(parts, [only] if only == "*") || parts.iter().all(is_pair)
}
