//! A trace that remembers: path, byte range and value of each field of a decode. How that is shown is its reader's
//! matter; what a number stands for is in `meaning`.

use alloc::borrow::Cow;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;
use core::fmt::Write as _;
use core::ops::Range;

use super::error::PathSegment;
use super::meaning::meaning;
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

/// A [`Value`] that outlives its decode. [`fmt::Display`] writes it for people.
#[derive(Clone, Debug, PartialEq)]
pub enum AnnotatedValue {
    /// Any integer.
    Integer(i64),
    /// A double.
    Float(f64),
    /// A boolean.
    Bool(bool),
    /// A UUID.
    Uuid(Uuid),
    /// A string.
    Str(String),
    /// Bytes: where they are in the frame, without the length in front.
    Bytes(Range<usize>),
    /// A record set: where its batches are in the frame, without the length in front.
    Records(Range<usize>),
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
#[derive(Clone, Debug, PartialEq)]
pub struct Annotation {
    /// The message that it is part of, as in `FetchRequest`.
    pub message: &'static str,
    /// From the message down, as in `.topics[0].partitions[2].fetch_offset`; empty for the message itself.
    pub path: String,
    /// The last step of the path; none for the message itself.
    pub segment: Option<PathSegment>,
    /// The field that it is or is an element of, as in `fetch_offset`; empty for the message itself.
    pub field: &'static str,
    /// How many steps the path has.
    pub depth: usize,
    /// First byte in the frame.
    pub from: usize,
    /// The byte after the last.
    pub to: usize,
    /// What was read.
    pub value: AnnotatedValue,
}

impl Annotation {
    /// Not a field's value but what holds values together: counts, tags, markers.
    #[must_use]
    pub fn is_structure(&self) -> bool {
        self.value.is_structure()
    }

    /// What the value stands for, where it is a number that has a meaning: see [`meaning()`].
    #[must_use]
    pub fn meaning(&self) -> Option<Cow<'static, str>> {
        match self.value {
            AnnotatedValue::Integer(number) => meaning(self.message, self.field, number),
            AnnotatedValue::Bool(yes) => meaning(self.message, self.field, yes.into()),
            _ => None,
        }
    }
}

impl AnnotatedValue {
    /// Not a field's value but what holds values together: counts, tags, markers.
    #[must_use]
    pub fn is_structure(&self) -> bool {
        matches!(self, Self::Count(_) | Self::Present | Self::TaggedFields(_) | Self::Tag { .. })
    }

    fn of(value: Value<'_>, to: usize) -> Self {
        match value {
            Value::Integer(number) => Self::Integer(number),
            Value::Float(number) => Self::Float(number),
            Value::Bool(yes) => Self::Bool(yes),
            Value::Uuid(uuid) => Self::Uuid(uuid),
            Value::Str(text) => Self::Str(text.to_string()),
            Value::Bytes(bytes) => Self::Bytes(to - bytes.len()..to),
            Value::Records(bytes) => Self::Records(to - bytes.len()..to),
            Value::Null => Self::Null,
            Value::Count(count) => Self::Count(count),
            Value::Present => Self::Present,
            Value::TaggedFields(count) => Self::TaggedFields(count),
            Value::Tag { tag, size_bytes } => Self::Tag { tag, size_bytes },
        }
    }
}

impl fmt::Display for AnnotatedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number:?}"),
            Self::Bool(yes) => write!(f, "{yes}"),
            Self::Uuid(uuid) => write!(f, "{uuid}"),
            Self::Str(text) => write!(f, "{text:?}"),
            Self::Bytes(range) => write!(f, "{} bytes", range.len()),
            Self::Records(range) => write!(f, "{} bytes of record batches", range.len()),
            Self::Null => f.write_str("null"),
            Self::Count(count) => write!(f, "{count} elements"),
            Self::Present => f.write_str("present"),
            Self::TaggedFields(count) => write!(f, "{count} tagged fields"),
            Self::Tag { tag, size_bytes } => write!(f, "tag {tag}, {size_bytes} bytes"),
        }
    }
}

/// Collects the fields of one decode, in the order of the bytes.
#[derive(Debug)]
pub struct Annotate {
    /// What was decoded so far.
    pub fields: Vec<Annotation>,
    message: &'static str,
    path: Vec<PathSegment>,
}

impl Annotate {
    /// For a decode of the message with this name.
    #[must_use]
    pub fn new(message: &'static str) -> Self {
        Self { fields: Vec::new(), message, path: Vec::new() }
    }

    fn path(&self) -> String {
        let mut path = String::new();
        for segment in &self.path {
            let _ = write!(path, "{segment}");
        }
        path
    }

    /// The innermost field's name.
    fn field(&self) -> &'static str {
        let names = self.path.iter().rev().filter(|segment| !matches!(segment, PathSegment::Index(_)));
        match names.copied().next() {
            Some(PathSegment::Field(name)) => name,
            _ => "",
        }
    }
}

impl Trace for Annotate {
    fn enter(&mut self, segment: PathSegment, _at: usize) {
        self.path.push(segment);
    }

    fn leave(&mut self, _at: usize) {
        self.path.pop();
    }

    fn value(&mut self, value: Value<'_>, from: usize, to: usize) {
        self.fields.push(Annotation {
            message: self.message,
            path: self.path(),
            segment: self.path.last().copied(),
            field: self.field(),
            depth: self.path.len(),
            from,
            to,
            value: AnnotatedValue::of(value, to),
        });
    }
}
