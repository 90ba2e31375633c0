//! What values a property allows.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

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
    /// A list of only these; what stands in it twice counts once.
    ListOf(&'static [&'static str]),
    /// A list of any parts; what stands in it twice counts once.
    Distinct,
    /// `earliest`, `latest`, or `by_duration:` and a duration as ISO 8601 writes it.
    OffsetReset,
    /// `*`, or a list of partition and broker ids as in `0:1,1:2`.
    ThrottledReplicas,
}

pub(crate) const ANY: Allowed = Allowed::Any;
pub(crate) const DISTINCT: Allowed = Allowed::Distinct;
pub(crate) const OFFSET_RESET: Allowed = Allowed::OffsetReset;
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
    /// The value as it counts: without repetitions, where these don't.
    pub(crate) fn settled(self, mut value: ConfigValue) -> ConfigValue {
        if let (Self::ListOf(_) | Self::Distinct, ConfigValue::List(parts)) = (self, &mut value) {
            let mut seen = BTreeSet::new();
            parts.retain(|part| seen.insert(part.clone()));
        }
        value
    }

    /// Checks a value of the property `name`. A refusal is in Kafka's words.
    pub(crate) fn check(self, name: &str, value: &ConfigValue) -> Result<(), String> {
        let refuse = |reason: String| Err(invalid(name, value, &reason));
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
            (Self::ListOf(texts), ConfigValue::List(parts)) => check_list(name, parts, Some(texts)),
            (Self::Distinct, ConfigValue::List(parts)) => check_list(name, parts, None),
            (Self::ListOf(_) | Self::Distinct, other) => unreachable!("{name} is a list, not {other:?}"),
            (Self::OffsetReset, ConfigValue::Text(text)) if is_offset_reset(text) => Ok(()),
            (Self::OffsetReset, _) => refuse(format!(
                "Invalid value `{value}` for configuration {name}. The value must be either 'earliest', 'latest' or of \
                 the format 'by_duration:<PnDTnHnMn.nS>'."
            )),
            (Self::ThrottledReplicas, ConfigValue::List(parts)) if is_throttled_replicas(parts) => Ok(()),
            (Self::ThrottledReplicas, _) => {
                let shown = format!("[{}]", value.to_string().replace(',', ", "));
                let reason = format!(
                    "{name} must be the literal '*' or a list of replicas in the following format: \
                     [partitionId]:[brokerId],[partitionId]:[brokerId],..."
                );
                Err(invalid(name, &shown, &reason))
            }
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
            Self::Distinct => "a list without empty parts".to_string(),
            Self::OffsetReset => "earliest, latest or by_duration:PnDTnHnMn.nS".to_string(),
            Self::ThrottledReplicas => "* or partition:broker,partition:broker,...".to_string(),
        }
    }
}

/// Kafka's words for a value that is refused.
pub(super) fn invalid(name: &str, value: &dyn fmt::Display, reason: &str) -> String {
    format!("Invalid value {value} for configuration {name}: {reason}")
}

fn check_list(name: &str, parts: &[String], known: Option<&[&str]>) -> Result<(), String> {
    for part in parts {
        if part.is_empty() {
            return Err(format!("Configuration '{name}' values must not be empty."));
        }
        if let Some(known) = known.filter(|known| !known.contains(&part.as_str())) {
            return Err(invalid(name, part, &format!("String must be one of: {}", known.join(", "))));
        }
    }
    Ok(())
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

fn is_offset_reset(text: &str) -> bool {
    match text.split_once(':') {
        None => text == "earliest" || text == "latest",
        Some((kind, duration)) => kind == "by_duration" && duration_ms(duration).is_some(),
    }
}

/// How long `by_duration:` goes back, in ms; `None` for the ends of the log.
pub(crate) fn offset_reset_duration_ms(text: &str) -> Option<i64> {
    text.strip_prefix("by_duration:").and_then(duration_ms)
}

/// `PnDTnHnMnS` with at least one of the parts, the seconds perhaps with a fraction; none below zero.
fn duration_ms(text: &str) -> Option<i64> {
    let parts = text.strip_prefix('P')?;
    let (days, time) = parts.split_once('T').map_or((parts, None), |(days, time)| (days, Some(time)));
    if days.is_empty() && time.is_none() || time.is_some_and(str::is_empty) {
        return None;
    }
    let (days_ms, rest) = if days.is_empty() { (0, "") } else { take_part(days, 'D', 86_400_000, false)? };
    if !rest.is_empty() {
        return None;
    }
    let (mut total_ms, mut rest) = (days_ms, time.unwrap_or_default());
    for (unit, unit_ms, has_fraction) in [('H', 3_600_000, false), ('M', 60_000, false), ('S', 1_000, true)] {
        if let Some((part_ms, left)) = take_part(rest, unit, unit_ms, has_fraction) {
            (total_ms, rest) = (total_ms.saturating_add(part_ms), left);
        }
    }
    rest.is_empty().then_some(total_ms)
}

/// What a number of units comes to, and what comes after it; `None` where it is not there.
fn take_part(text: &str, unit: char, unit_ms: i64, has_fraction: bool) -> Option<(i64, &str)> {
    let (number, rest) = text.split_once(unit)?;
    let (whole, fraction) = number.split_once('.').map_or((number, "0"), |(whole, fraction)| (whole, fraction));
    let are_digits = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(whole) || !are_digits(fraction) || (!has_fraction && number.contains('.')) {
        return None;
    }
    let whole_ms = whole.parse::<i64>().unwrap_or(i64::MAX).saturating_mul(unit_ms);
    let digits = fraction.bytes().chain(core::iter::repeat(b'0')).take(3);
    let thousandths = digits.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    Some((whole_ms.saturating_add(thousandths * unit_ms / 1_000), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_reset_is_an_end_of_the_log_or_a_duration() {
        for good in ["earliest", "latest", "by_duration:PT1H", "by_duration:P2DT3H4M5.5S", "by_duration:P1D"] {
            assert!(is_offset_reset(good), "{good}");
        }
        for bad in ["none", "by_duration", "by_duration:", "by_duration:P", "by_duration:PT", "by_duration:PT1.5H"] {
            assert!(!is_offset_reset(bad), "{bad}");
        }
        assert!(!is_offset_reset("by_duration:PT-1H") && !is_offset_reset("by_duration:PT1M1H"));
    }
}
