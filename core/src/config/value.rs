//! Values of properties: their types, how they are read from text, and how Kafka prints them.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

/// The type of a property. The numbers are those of DescribeConfigs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i8)]
pub enum ConfigType {
    /// `true` or `false`.
    Boolean = 1,
    /// Text.
    String = 2,
    /// A 32-bit number.
    Int = 3,
    /// A 16-bit number.
    Short = 4,
    /// A 64-bit number.
    Long = 5,
    /// A floating point number.
    Double = 6,
    /// Texts between commas.
    List = 7,
    /// The name of a Java class.
    Class = 8,
    /// Text that is never shown.
    Password = 9,
}

/// A value that was read from text.
#[derive(Clone, Debug, PartialEq)]
pub enum ConfigValue {
    /// Of [`ConfigType::Boolean`].
    Boolean(bool),
    /// Of the whole numbers.
    Integer(i64),
    /// Of [`ConfigType::Double`].
    Double(f64),
    /// Of text, class names and passwords.
    Text(String),
    /// Of [`ConfigType::List`].
    List(Vec<String>),
}

impl ConfigType {
    /// Reads a value, leniently about space around it, as Kafka does. `None` where it is not of this type.
    #[must_use]
    pub fn parse(self, text: &str) -> Option<ConfigValue> {
        let text = text.trim();
        Some(match self {
            Self::Boolean if text.eq_ignore_ascii_case("true") => ConfigValue::Boolean(true),
            Self::Boolean if text.eq_ignore_ascii_case("false") => ConfigValue::Boolean(false),
            Self::Boolean => return None,
            Self::Short => ConfigValue::Integer(text.parse::<i16>().ok()?.into()),
            Self::Int => ConfigValue::Integer(text.parse::<i32>().ok()?.into()),
            Self::Long => ConfigValue::Integer(text.parse::<i64>().ok()?),
            Self::Double => ConfigValue::Double(text.parse::<f64>().ok()?),
            Self::List => ConfigValue::List(list(text)),
            Self::String | Self::Class | Self::Password => ConfigValue::Text(text.to_owned()),
        })
    }

    /// As Kafka spells it in its messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Boolean => "BOOLEAN",
            Self::String => "STRING",
            Self::Int => "INT",
            Self::Short => "SHORT",
            Self::Long => "LONG",
            Self::Double => "DOUBLE",
            Self::List => "LIST",
            Self::Class => "CLASS",
            Self::Password => "PASSWORD",
        }
    }

    /// For people: what a value of this type looks like.
    #[must_use]
    pub fn described(self) -> &'static str {
        match self {
            Self::Boolean => "true or false",
            Self::String | Self::Password => "text",
            Self::Int | Self::Short | Self::Long => "a whole number",
            Self::Double => "a number",
            Self::List => "a list with commas between its parts",
            Self::Class => "the name of a Java class",
        }
    }
}

impl ConfigValue {
    /// The whole number that it is.
    ///
    /// # Panics
    /// Where it is not of a whole number's type.
    #[must_use]
    pub fn integer(&self) -> i64 {
        match self {
            Self::Integer(value) => *value,
            other => unreachable!("{other:?} is not a whole number"),
        }
    }
}

/// As in DescribeConfigs: lists with commas and without spaces, numbers as Java prints them.
impl fmt::Display for ConfigValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(value) => value.fmt(f),
            Self::Integer(value) => value.fmt(f),
            Self::Double(value) => f.write_str(&java_double(*value)),
            Self::Text(text) => f.write_str(text),
            Self::List(parts) => f.write_str(&parts.join(",")),
        }
    }
}

fn list(text: &str) -> Vec<String> {
    if text.is_empty() {
        return Vec::new();
    }
    text.split(',').map(|part| part.trim().to_owned()).collect()
}

/// Java prints at least one digit after the point, and very large and very small numbers with `E`.
fn java_double(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude == 0.0 || (1e-3..1e7).contains(&magnitude) {
        let text = value.to_string();
        return if text.contains('.') { text } else { text + ".0" };
    }
    let text = format!("{value:E}");
    match text.split_once('E') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0E{exponent}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_print_as_in_java() {
        for (value, printed) in [
            (0.5, "0.5"),
            (2.0, "2.0"),
            (0.0, "0.0"),
            (f64::MAX, "1.7976931348623157E308"),
            (1e7, "1.0E7"),
            (0.000_25, "2.5E-4"),
        ] {
            assert_eq!(java_double(value), printed);
        }
    }

    #[test]
    fn space_around_values_and_list_parts_does_not_count() {
        assert_eq!(ConfigType::Int.parse(" 7 "), Some(ConfigValue::Integer(7)));
        assert_eq!(ConfigType::List.parse(" a , b").map(|list| list.to_string()).as_deref(), Some("a,b"));
        assert_eq!(ConfigType::List.parse(""), Some(ConfigValue::List(Vec::new())));
    }

    #[test]
    fn a_number_that_its_type_cannot_hold_is_no_value() {
        assert_eq!(ConfigType::Int.parse("2147483648"), None);
        assert_eq!(ConfigType::Short.parse("40000"), None);
        assert_eq!(ConfigType::Boolean.parse("yes"), None);
    }
}
