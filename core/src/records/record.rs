//! One record: its fields as slices of the batch, and how they are found.
//!
//! [`RecordRef`] borrows, [`Record`] shares. A record that does not fit its own lengths is refused; a negative header
//! count, as some writers leave it on disk, reads as no headers. What clients may write is stricter, and checked in
//! `validate`.

use alloc::vec::Vec;

use bytes::Bytes;
use thiserror::Error;

use super::header::{BatchHeader, TimestampType};
use super::varint::{get_varint, get_varlong};
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
    timestamp: i64,
    append_time: Option<i64>,
}

impl RecordBase {
    pub(super) fn of(header: &BatchHeader) -> Self {
        let append_time = match header.attributes.timestamp_type() {
            TimestampType::CreateTime => None,
            TimestampType::LogAppendTime => Some(header.max_timestamp),
        };
        Self { offset: header.base_offset, timestamp: header.base_timestamp, append_time }
    }
}

impl<'a> RecordRef<'a> {
    /// Takes a record off the front of `rest`, its length first.
    #[inline]
    pub(super) fn take(rest: &mut &'a [u8], base: &RecordBase) -> Result<Self, RecordFault> {
        let size_bytes = take_size(rest)?;
        let (body, after) = split(rest, size_bytes, RecordField::Length)?;
        *rest = after;
        Self::parse(body, base)
    }

    /// Reads a record without its length.
    #[inline]
    pub(super) fn parse(body: &'a [u8], base: &RecordBase) -> Result<Self, RecordFault> {
        let (_, mut rest) = split(body, 1, RecordField::Attributes)?;
        let timestamp_delta = get_varlong(&mut rest).ok_or(RecordFault::Number(RecordField::TimestampDelta))?;
        let offset_delta = number(&mut rest, RecordField::OffsetDelta)?;
        let key = nullable(&mut rest, RecordField::Key)?;
        let value = nullable(&mut rest, RecordField::Value)?;
        let headers = RecordHeaders { count: number(&mut rest, RecordField::HeaderCount)?, bytes: rest };
        if headers.count > 0 {
            rest = headers.check()?;
        }
        if !rest.is_empty() {
            return Err(RecordFault::Trailing(rest.len()));
        }
        let create_time = base.timestamp.wrapping_add(timestamp_delta);
        let timestamp = base.append_time.unwrap_or(create_time);
        let offset = Offset(base.offset.0.wrapping_add(i64::from(offset_delta)));
        Ok(Self { offset, timestamp, key, value, headers, create_time, offset_delta })
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

/// The length in front of a record.
#[inline]
pub(super) fn take_size(rest: &mut &[u8]) -> Result<usize, RecordFault> {
    let found = number(rest, RecordField::Length)?;
    usize::try_from(found).map_err(|_| RecordFault::Negative { field: RecordField::Length, found })
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
        (0..self.count).map_while(move |_| take_header(&mut rest).ok())
    }

    /// Walks the headers; what is left is returned.
    fn check(&self) -> Result<&'a [u8], RecordFault> {
        let mut rest = self.bytes;
        // A header has two lengths, if nothing else.
        if self.len() > rest.len() / 2 {
            return Err(RecordFault::HeaderCount { expected: self.len(), found: rest.len() });
        }
        for _ in 0..self.count {
            take_header(&mut rest)?;
        }
        Ok(rest)
    }
}

#[inline]
fn take_header<'a>(rest: &mut &'a [u8]) -> Result<(&'a [u8], Option<&'a [u8]>), RecordFault> {
    let found = number(rest, RecordField::HeaderKey)?;
    let Ok(size_bytes) = usize::try_from(found) else {
        return Err(RecordFault::Negative { field: RecordField::HeaderKey, found });
    };
    let (key, after) = split(rest, size_bytes, RecordField::HeaderKey)?;
    *rest = after;
    Ok((key, nullable(rest, RecordField::HeaderValue)?))
}

#[inline]
fn number(rest: &mut &[u8], field: RecordField) -> Result<i32, RecordFault> {
    get_varint(rest).ok_or(RecordFault::Number(field))
}

/// Every negative length is null.
#[inline]
fn nullable<'a>(rest: &mut &'a [u8], field: RecordField) -> Result<Option<&'a [u8]>, RecordFault> {
    let Ok(size_bytes) = usize::try_from(number(rest, field)?) else { return Ok(None) };
    let (bytes, after) = split(rest, size_bytes, field)?;
    *rest = after;
    Ok(Some(bytes))
}

#[inline]
fn split(rest: &[u8], size_bytes: usize, field: RecordField) -> Result<(&[u8], &[u8]), RecordFault> {
    rest.split_at_checked(size_bytes).ok_or(RecordFault::Cut { field, expected: size_bytes, found: rest.len() })
}
