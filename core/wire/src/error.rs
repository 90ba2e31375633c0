//! Why bytes are not a message: where, what was needed and what was there.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use thiserror::Error;

/// A failed decode. The path is built while the error travels up, so a good decode pays nothing for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError(Box<Inner>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    message: &'static str,
    /// Innermost first.
    path: Vec<PathSegment>,
    at: usize,
    fault: DecodeFault,
}

/// One step from a message to a field in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathSegment {
    /// A field, by name.
    Field(&'static str),
    /// An array's element.
    Index(usize),
    /// A tagged field that this version does not know.
    UnknownTag(u32),
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeFault {
    /// The frame ends too early.
    #[error("need {need} bytes, have {have}")]
    Truncated {
        /// For the value itself.
        need: usize,
        /// What remains.
        have: usize,
    },
    /// An array claims more elements than bytes remain.
    #[error("an array of {count} elements, but {have} bytes remain")]
    Count {
        /// As claimed.
        count: i64,
        /// Bytes that remain.
        have: usize,
    },
    /// A length that can't be one.
    #[error("the length {0} is negative")]
    NegativeLength(i64),
    /// Null where this version has no null.
    #[error("null is not allowed here in this version")]
    UnexpectedNull,
    /// A string that is not UTF-8.
    #[error("not valid UTF-8")]
    Utf8,
    /// A variable-length integer that does not end in time.
    #[error("a varint longer than {0} bytes")]
    Varint(usize),
    /// Tags must rise.
    #[error("tag {tag} after tag {previous}")]
    TagOrder {
        /// The one read.
        tag: u32,
        /// The one before.
        previous: u32,
    },
    /// A tagged field whose content is shorter than its size says.
    #[error("a tagged field of {size} bytes, of which {used} were used")]
    TagSize {
        /// As claimed.
        size: usize,
        /// As decoded.
        used: usize,
    },
    /// More unknown tags than any client has reason to send.
    #[error("more than {0} unknown tagged fields")]
    TooManyTags(usize),
    /// The message would take more memory than its size justifies.
    #[error("decoding needs more than {0} bytes of memory")]
    Budget(usize),
    /// Bytes after the message's end.
    #[error("{0} bytes follow the message's end")]
    Trailing(usize),
    /// A frame version in front of a metadata record that nobody ever wrote.
    #[error("frame version {0}, where only 1 exists")]
    FrameVersion(u32),
    /// A type that no record of the topic has.
    #[error("no record has type {0}")]
    RecordType(i16),
    /// A number that can't be a type or version.
    #[error("{0} is more than 16 bits")]
    TooLarge(u32),
    /// A version that this message does not have.
    #[error("version {0} does not exist")]
    Version(i16),
}

impl DecodeError {
    #[cold]
    #[inline(never)]
    pub(crate) fn new(at: usize, fault: DecodeFault) -> Self {
        Self(Box::new(Inner { message: "", path: Vec::new(), at, fault }))
    }

    /// The error as one in this field of what is being decoded. A name and not a [`PathSegment`]: that would be built
    /// before it is known whether there is an error.
    #[cold]
    #[inline(never)]
    pub(crate) fn in_field(mut self, name: &'static str) -> Self {
        self.0.path.push(PathSegment::Field(name));
        self
    }

    /// The error as one in this element of what is being decoded.
    #[cold]
    #[inline(never)]
    pub(crate) fn in_element(mut self, index: usize) -> Self {
        self.0.path.push(PathSegment::Index(index));
        self
    }

    /// The error as one in this tagged field of what is being decoded.
    #[cold]
    #[inline(never)]
    pub(crate) fn in_unknown_tag(mut self, tag: u32) -> Self {
        self.0.path.push(PathSegment::UnknownTag(tag));
        self
    }

    pub(crate) fn of(mut self, message: &'static str) -> Self {
        self.0.message = message;
        self
    }

    /// The byte of the frame where the failing value begins.
    #[must_use]
    pub fn at(&self) -> usize {
        self.0.at
    }

    /// What is wrong there.
    #[must_use]
    pub fn fault(&self) -> &DecodeFault {
        &self.0.fault
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.message)?;
        for segment in self.0.path.iter().rev() {
            write!(f, "{segment}")?;
        }
        write!(f, " at byte {}: {}", self.0.at, self.0.fault)
    }
}

impl core::error::Error for DecodeError {}

impl fmt::Display for PathSegment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Index(index) => write!(f, "[{index}]"),
            Self::UnknownTag(tag) => write!(f, ".tag{tag}"),
        }
    }
}
