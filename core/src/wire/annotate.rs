//! A trace that remembers: path, byte range and value of each field of a decode.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write as _;

use super::error::PathSegment;
use super::primitives::Uuid;
use super::reader::Trace;

/// A decoded value, as a [`Trace`] sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Any integer.
    Integer(i64),
    /// A double.
    Float(f64),
    /// A boolean.
    Bool(bool),
    /// A UUID.
    Uuid(Uuid),
    /// A string.
    Str(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
    /// A record set.
    Records(&'a [u8]),
    /// Null.
    Null,
    /// An array's count, in front of its elements.
    Count(usize),
    /// A struct that could be null is not: the byte that says so.
    Present,
    /// How many tagged fields follow.
    TaggedFields(u32),
    /// Tag and size in front of a tagged field.
    Tag {
        /// Its number.
        tag: u32,
        /// Of the field.
        size_bytes: usize,
    },
}

/// What some bytes of a frame mean. Together the annotations of a good decode cover every byte once, in order; a length
/// prefix belongs to its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// From the message down, as in `.topics[0].partitions[2].fetch_offset`.
    pub path: String,
    /// First byte in the frame.
    pub from: usize,
    /// The byte after the last.
    pub to: usize,
    /// For people.
    pub value: String,
    /// Not a field's value but what holds values together: counts, tags, markers.
    pub is_structure: bool,
}

/// Collects the fields of one decode, in the order of the bytes.
#[derive(Debug, Default)]
pub struct Annotate {
    /// What was decoded so far.
    pub fields: Vec<Annotation>,
    path: Vec<PathSegment>,
}

impl Trace for Annotate {
    fn enter(&mut self, segment: PathSegment, _at: usize) {
        self.path.push(segment);
    }

    fn leave(&mut self, _at: usize) {
        self.path.pop();
    }

    fn value(&mut self, value: Value<'_>, from: usize, to: usize) {
        let mut path = String::new();
        for segment in &self.path {
            let _ = write!(path, "{segment}");
        }
        let is_structure =
            matches!(value, Value::Count(_) | Value::Present | Value::TaggedFields(_) | Value::Tag { .. });
        let value = match value {
            Value::Integer(number) => number.to_string(),
            Value::Float(number) => alloc::format!("{number:?}"),
            Value::Bool(yes) => yes.to_string(),
            Value::Uuid(uuid) => uuid.to_string(),
            Value::Str(text) => alloc::format!("{text:?}"),
            Value::Bytes(bytes) => alloc::format!("{} bytes", bytes.len()),
            Value::Records(bytes) => alloc::format!("{} bytes of record batches", bytes.len()),
            Value::Null => "null".to_string(),
            Value::Count(count) => alloc::format!("{count} elements"),
            Value::Present => "present".to_string(),
            Value::TaggedFields(count) => alloc::format!("{count} tagged fields"),
            Value::Tag { tag, size_bytes } => alloc::format!("tag {tag}, {size_bytes} bytes"),
        };
        self.fields.push(Annotation { path, from, to, value, is_structure });
    }
}
