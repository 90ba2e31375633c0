//! A trace that yields the JSON in which Apache Kafka shows messages: its field names in camel case, bytes in base64,
//! uuids in base64url, a record set as an empty string. Fields that a version lacks and tagged fields that are not
//! there are left out, as Kafka does.
//!
//! Kafka drops tagged fields that it does not know; here they are under [`UNKNOWN_TAGGED_FIELDS`], where there are any.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt::{self, Write as _};

use super::annotate::Value;
use super::error::PathSegment;
use super::reader::Trace;

/// Where the tagged fields are that the message does not know: an array of objects with `tag` and `data`.
pub const UNKNOWN_TAGGED_FIELDS: &str = "unknownTaggedFields";

/// A JSON value. [`fmt::Display`] writes it on one line, and the alternate form (`{:#}`) with a line for each value.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// Null.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Integer(i64),
    /// A double. NaN and the infinities, which JSON lacks, are written as strings.
    Float(f64),
    /// A string.
    Str(String),
    /// A record set of this many bytes, written as an empty string; see [`Json::with_record_sizes`].
    Records(usize),
    /// An array.
    Array(Vec<Self>),
    /// Names and values, in the order in which the message has them.
    Object(Vec<(Cow<'static, str>, Self)>),
}

impl Json {
    /// With the size of each record set instead of an empty string: `records` becomes `recordsSizeInBytes`, as in the
    /// request log of Apache Kafka.
    #[must_use]
    pub fn with_record_sizes(self) -> Self {
        match self {
            Self::Records(size_bytes) => Self::Integer(size_bytes as i64),
            Self::Array(elements) => Self::Array(elements.into_iter().map(Self::with_record_sizes).collect()),
            Self::Object(fields) => Self::Object(fields.into_iter().map(with_record_size).collect()),
            other => other,
        }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(yes) => write!(f, "{yes}"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Float(number) if number.is_nan() => f.write_str("\"NaN\""),
            Self::Float(number) if number.is_infinite() && *number > 0.0 => f.write_str("\"Infinity\""),
            Self::Float(number) if number.is_infinite() => f.write_str("\"-Infinity\""),
            // The shortest digits that give the same double.
            Self::Float(number) => write!(f, "{number:?}"),
            Self::Str(text) => write_string(f, text),
            Self::Records(_) => f.write_str("\"\""),
            Self::Array(elements) => {
                write_all(f, depth, ['[', ']'], elements, |f, element| element.write(f, depth + 1))
            }
            Self::Object(fields) => write_all(f, depth, ['{', '}'], fields, |f, (name, value)| {
                write_string(f, name)?;
                f.write_str(if f.alternate() { ": " } else { ":" })?;
                value.write(f, depth + 1)
            }),
        }
    }
}

fn with_record_size((name, value): (Cow<'static, str>, Json)) -> (Cow<'static, str>, Json) {
    let name = if matches!(value, Json::Records(_)) { format!("{name}SizeInBytes").into() } else { name };
    (name, value.with_record_sizes())
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0)
    }
}

/// What is in an array or object, between its brackets.
fn write_all<T>(
    f: &mut fmt::Formatter<'_>,
    depth: usize,
    [open, close]: [char; 2],
    items: &[T],
    write: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    let indent = |f: &mut fmt::Formatter<'_>, depth: usize| {
        if f.alternate() { write!(f, "\n{:width$}", "", width = 2 * depth) } else { Ok(()) }
    };
    f.write_char(open)?;
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_char(',')?;
        }
        indent(f, depth + 1)?;
        write(f, item)?;
    }
    if !items.is_empty() {
        indent(f, depth)?;
    }
    f.write_char(close)
}

fn write_string(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for letter in text.chars() {
        match letter {
            '"' | '\\' => write!(f, "\\{letter}")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            // A terminal would obey the second range of control characters as well.
            '\0'..='\x1f' | '\x7f'..='\u{9f}' => write!(f, "\\u{:04x}", u32::from(letter))?,
            _ => f.write_char(letter)?,
        }
    }
    f.write_char('"')
}

/// Builds the [`Json`] of one decode. For people and tests: what it allocates is not charged to the decode's budget.
#[derive(Debug)]
pub struct ToJson {
    /// The message and the fields that are open in it, outermost first. Each is an object until its bytes say otherwise.
    open: Vec<(Option<PathSegment>, Json)>,
}

impl Default for ToJson {
    fn default() -> Self {
        Self { open: [(None, Json::Object(Vec::new()))].into() }
    }
}

impl ToJson {
    /// The message, when all of it is decoded.
    ///
    /// # Panics
    /// When the decode stopped inside the message.
    #[must_use]
    pub fn into_json(mut self) -> Json {
        match (self.open.pop(), self.open.is_empty()) {
            (Some((None, message)), true) => message,
            _ => panic!("a message that is not decoded to its end"),
        }
    }

    fn close(&mut self) {
        let (Some((segment, value)), Some((_, outer))) = (self.open.pop(), self.open.last_mut()) else {
            unreachable!("what is left was entered")
        };
        match (segment, outer) {
            (Some(PathSegment::Field(name)), Json::Object(fields)) => fields.push((camel_case(name), value)),
            (Some(PathSegment::Index(_)), Json::Array(elements)) => elements.push(value),
            (Some(PathSegment::UnknownTag(tag)), Json::Object(fields)) => add_unknown(fields, tag, value),
            (segment, outer) => unreachable!("{segment:?} in {outer:?}"),
        }
    }
}

impl Trace for ToJson {
    fn enter(&mut self, segment: PathSegment, _at: usize) {
        self.open.push((Some(segment), Json::Object(Vec::new())));
    }

    fn leave(&mut self, _at: usize) {
        self.close();
    }

    fn value(&mut self, value: Value<'_>, _from: usize, _to: usize) {
        let (_, open) = self.open.last_mut().expect("the message itself is never left");
        *open = match value {
            Value::Integer(number) => Json::Integer(number),
            Value::Float(number) => Json::Float(number),
            Value::Bool(yes) => Json::Bool(yes),
            Value::Uuid(uuid) => Json::Str(uuid.to_string()),
            Value::Str(text) => Json::Str(text.to_string()),
            Value::Bytes(bytes) => Json::Str(base64(bytes)),
            Value::Records(bytes) => Json::Records(bytes.len()),
            Value::Null => Json::Null,
            Value::Count(_) => Json::Array(Vec::new()),
            // The object is open already.
            Value::Present | Value::TaggedFields(_) | Value::Tag { .. } => return,
        };
    }
}

fn add_unknown(fields: &mut Vec<(Cow<'static, str>, Json)>, tag: u32, data: Json) {
    let entry = Json::Object([("tag".into(), Json::Integer(tag.into())), ("data".into(), data)].into());
    match fields.iter_mut().find(|(name, _)| name == UNKNOWN_TAGGED_FIELDS) {
        Some((_, Json::Array(entries))) => entries.push(entry),
        _ => fields.push((UNKNOWN_TAGGED_FIELDS.into(), Json::Array([entry].into()))),
    }
}

/// A name as Kafka spells it: `maxWaitMs` for `max_wait_ms`.
pub(crate) fn camel_case(name: &'static str) -> Cow<'static, str> {
    if !name.contains('_') {
        return name.into();
    }
    let mut parts = name.split('_');
    let mut camel = String::from(parts.next().unwrap_or_default());
    for part in parts {
        let mut letters = part.chars();
        camel.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel.into()
}

/// With padding, as in RFC 4648.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let is_used = digit <= group.len();
            text.push(if is_used { DIGITS[(bits >> (18 - 6 * digit) & 63) as usize] as char } else { '=' });
        }
    }
    text
}
