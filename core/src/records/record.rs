//! One record: its fields as slices of the batch, and how they are found.
//!
//! [`RecordRef`] borrows, [`Record`] shares. A record that does not fit its own lengths is refused; a negative header
//! count, as some writers leave it on disk, reads as no headers. What clients may write is stricter, and checked in
//! `validate`.

use alloc::vec::Vec;

use bytes::Bytes;
use thiserror::Error;

use super::header::{BatchHeader, TimestampType};
use super::varint::{get_uvarint, get_varlong};
use crate::types::Offset;

/// A record, as slices of its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordRef<'a> {
    /// Where it is in the partition.
    pub offset: Offset,
    /// Milliseconds since the epoch: the producer's time, or the broker's where the batch has append time.
    pub timestamp: i64,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its value.
    pub value: Option<&'a [u8]>,
    /// Its headers, in order.
    pub headers: RecordHeaders<'a>,
    /// The producer's time. With append time consumers don't see it.
    pub create_time: i64,
    /// Its offset, relative to the batch's first.
    pub offset_delta: i32,
}

/// The headers of a record, in order; they are known to be well formed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordHeaders<'a> {
    /// As the record has it.
    count: i32,
    bytes: &'a [u8],
}

/// A record that shares its batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where it is in the partition.
    pub offset: Offset,
    /// Milliseconds since the epoch: the producer's time, or the broker's where the batch has append time.
    pub timestamp: i64,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value.
    pub value: Option<Bytes>,
    /// Its headers, in order.
    pub headers: Vec<RecordHeader>,
}

/// A record's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordHeader {
    /// UTF-8 by convention; nobody checks.
    pub key: Bytes,
    /// Anything.
    pub value: Option<Bytes>,
}

/// A field of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum RecordField {
    Length,
    Attributes,
    TimestampDelta,
    OffsetDelta,
    Key,
    Value,
    HeaderCount,
    HeaderKey,
    HeaderValue,
}

/// Why bytes are not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RecordFault {
    /// A number that is cut off, or has more bytes than its type.
    #[error("{0}: a number that does not end")]
    Number(RecordField),
    /// A length or count that must not be negative.
    #[error("{field}: 0 or more expected, found {found}")]
    Negative {
        /// Which field's.
        field: RecordField,
        /// As the bytes have it.
        found: i32,
    },
    /// A field that reaches beyond the record, or a record beyond the batch.
    #[error("{field}: {expected} bytes expected, found {found}")]
    Cut {
        /// Which.
        field: RecordField,
        /// As its length says.
        expected: usize,
        /// What is left.
        found: usize,
    },
    /// More headers than could be in so few bytes.
    #[error("{expected} headers expected, found {found} bytes")]
    HeaderCount {
        /// As the count says.
        expected: usize,
        /// What is left.
        found: usize,
    },
    /// The record's length says more than its fields need.
    #[error("{0} bytes are left after the last field")]
    Trailing(usize),
}

impl core::fmt::Display for RecordField {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Length => "length",
            Self::Attributes => "attributes",
            Self::TimestampDelta => "timestamp delta",
            Self::OffsetDelta => "offset delta",
            Self::Key => "key",
            Self::Value => "value",
            Self::HeaderCount => "header count",
            Self::HeaderKey => "header key",
            Self::HeaderValue => "header value",
        })
    }
}

/// What a batch's header says for all its records.
#[derive(Clone, Copy, Debug)]
pub(super) struct RecordBase {
    offset: Offset,
    /// What timestamps are stored relative to.
    create_time: i64,
    /// What consumers' timestamps are relative to: the same, or the append time.
    timestamp: i64,
    /// All bits set where a record's own delta counts, none where it does not.
    delta_mask: i64,
}

impl RecordBase {
    pub(super) fn of(header: &BatchHeader) -> Self {
        let (timestamp, delta_mask) = match header.attributes.timestamp_type() {
            TimestampType::CreateTime => (header.base_timestamp, -1),
            TimestampType::LogAppendTime => (header.max_timestamp, 0),
        };
        Self { offset: header.base_offset, create_time: header.base_timestamp, timestamp, delta_mask }
    }
}

/// What a parser says of bytes that are no record. There are two: one that only says so, which is what nearly all calls
/// need, and for the others one that says why. To be silent makes the first much shorter.
trait Refusal: Sized {
    fn because(fault: impl FnOnce() -> RecordFault) -> Self;
}

struct Silent;

impl Refusal for Silent {
    #[inline(always)]
    fn because(_: impl FnOnce() -> RecordFault) -> Self {
        Self
    }
}

impl Refusal for RecordFault {
    fn because(fault: impl FnOnce() -> RecordFault) -> Self {
        fault()
    }
}

impl<'a> RecordRef<'a> {
    /// Takes a record off the front of `bytes`, its length first; `None` where there is none.
    #[inline(always)]
    pub(super) fn take(bytes: &mut &'a [u8], base: &RecordBase) -> Option<Self> {
        let mut cursor = Cursor { rest: bytes };
        let body = cursor.not_null::<Silent>(RecordField::Length).ok()?;
        *bytes = cursor.rest;
        Self::parse(body, base)
    }

    /// Why [`RecordRef::take`] found no record in `bytes`.
    #[cold]
    pub(super) fn why_not(bytes: &'a [u8], base: &RecordBase) -> RecordFault {
        let body = Cursor { rest: bytes }.not_null::<RecordFault>(RecordField::Length);
        let record = body.and_then(|body| Self::parse_or::<RecordFault>(body, base));
        record.expect_err("it was refused")
    }

    /// Reads a record without its length.
    #[inline(always)]
    pub(super) fn parse(body: &'a [u8], base: &RecordBase) -> Option<Self> {
        Self::parse_or::<Silent>(body, base).ok()
    }

    #[inline(always)]
    fn parse_or<R: Refusal>(body: &'a [u8], base: &RecordBase) -> Result<Self, R> {
        let mut cursor = Cursor { rest: body };
        // The attributes. Nobody has given them a meaning.
        cursor.take::<R>(1, RecordField::Attributes)?;
        let timestamp_delta = cursor.varlong::<R>(RecordField::TimestampDelta)?;
        let offset_delta = signed(cursor.uvarint::<R>(RecordField::OffsetDelta)?);
        let key = cursor.nullable::<R>(RecordField::Key)?;
        let value = cursor.nullable::<R>(RecordField::Value)?;
        let count = signed(cursor.uvarint::<R>(RecordField::HeaderCount)?);
        let headers = RecordHeaders { count, bytes: cursor.rest };
        let rest = if count > 0 { headers.check::<R>()? } else { headers.bytes };
        if !rest.is_empty() {
            return Err(R::because(|| RecordFault::Trailing(rest.len())));
        }
        Ok(Self {
            offset: Offset(base.offset.0.wrapping_add(i64::from(offset_delta))),
            timestamp: base.timestamp.wrapping_add(timestamp_delta & base.delta_mask),
            key,
            value,
            headers,
            create_time: base.create_time.wrapping_add(timestamp_delta),
            offset_delta,
        })
    }

    /// The same record, its fields as slices of `bytes`.
    ///
    /// # Panics
    /// Where this is not a record out of `bytes`.
    #[must_use]
    pub fn share(&self, bytes: &Bytes) -> Record {
        let slice = |field: &[u8]| bytes.slice_ref(field);
        let header = |(key, value): (&[u8], Option<&[u8]>)| RecordHeader { key: slice(key), value: value.map(slice) };
        Record {
            offset: self.offset,
            timestamp: self.timestamp,
            key: self.key.map(slice),
            value: self.value.map(slice),
            headers: self.headers.iter().map(header).collect(),
        }
    }
}

impl<'a> RecordHeaders<'a> {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::try_from(self.count).unwrap_or(0)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count <= 0
    }

    /// The count as the record has it: negative where a writer left it so.
    pub(super) fn stored_count(&self) -> i32 {
        self.count
    }

    /// The headers as the record has them, behind their count.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Each header's key and value.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + use<'a> {
        let mut rest = self.bytes;
        (0..self.count).map_while(move |_| take_header::<Silent>(&mut rest).ok())
    }

    /// Walks the headers; what is left is returned.
    fn check<R: Refusal>(self) -> Result<&'a [u8], R> {
        let mut rest = self.bytes;
        // A header has two lengths, if nothing else.
        if self.len() > rest.len() / 2 {
            return Err(R::because(|| RecordFault::HeaderCount { expected: self.len(), found: rest.len() }));
        }
        for _ in 0..self.count {
            take_header::<R>(&mut rest)?;
        }
        Ok(rest)
    }
}

#[inline]
fn take_header<'a, R: Refusal>(rest: &mut &'a [u8]) -> Result<(&'a [u8], Option<&'a [u8]>), R> {
    let mut cursor = Cursor { rest };
    let key = cursor.not_null(RecordField::HeaderKey)?;
    let value = cursor.nullable(RecordField::HeaderValue)?;
    *rest = cursor.rest;
    Ok((key, value))
}

/// Reads fields. Lengths are looked at before their zig-zag is undone: the lowest bit is the sign.
struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    #[inline(always)]
    fn uvarint<R: Refusal>(&mut self, field: RecordField) -> Result<u32, R> {
        get_uvarint(&mut self.rest).ok_or_else(|| R::because(|| RecordFault::Number(field)))
    }

    #[inline(always)]
    fn varlong<R: Refusal>(&mut self, field: RecordField) -> Result<i64, R> {
        get_varlong(&mut self.rest).ok_or_else(|| R::because(|| RecordFault::Number(field)))
    }

    /// Every negative length is null.
    #[inline(always)]
    fn nullable<R: Refusal>(&mut self, field: RecordField) -> Result<Option<&'a [u8]>, R> {
        let length = self.uvarint(field)?;
        if is_negative(length) {
            return Ok(None);
        }
        self.take((length >> 1) as usize, field).map(Some)
    }

    #[inline(always)]
    fn not_null<R: Refusal>(&mut self, field: RecordField) -> Result<&'a [u8], R> {
        let length = self.uvarint(field)?;
        if is_negative(length) {
            return Err(R::because(|| RecordFault::Negative { field, found: signed(length) }));
        }
        self.take((length >> 1) as usize, field)
    }

    #[inline(always)]
    fn take<R: Refusal>(&mut self, size_bytes: usize, field: RecordField) -> Result<&'a [u8], R> {
        let Some((bytes, rest)) = self.rest.split_at_checked(size_bytes) else {
            let found = self.rest.len();
            return Err(R::because(|| RecordFault::Cut { field, expected: size_bytes, found }));
        };
        self.rest = rest;
        Ok(bytes)
    }
}

#[inline(always)]
fn is_negative(zig_zag: u32) -> bool {
    zig_zag & 1 != 0
}

#[inline(always)]
fn signed(zig_zag: u32) -> i32 {
    (zig_zag >> 1) as i32 ^ -((zig_zag & 1) as i32)
}
