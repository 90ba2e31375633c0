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
}

/// One field of a decode.
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
        let value = match value {
            Value::Integer(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Bool(yes) => yes.to_string(),
            Value::Uuid(uuid) => uuid.to_string(),
            Value::Str(text) => alloc::format!("{text:?}"),
            Value::Bytes(bytes) => alloc::format!("{} bytes", bytes.len()),
            Value::Records(bytes) => alloc::format!("{} bytes of record batches", bytes.len()),
            Value::Null => "null".to_string(),
        };
        self.fields.push(Annotation { path, from, to, value });
    }
}
