//! What is inside a batch.
//!
//! Reading is lenient where a reader can afford it: a negative header count, as some writers leave it on disk, reads
//! as no headers. What clients may write is stricter, and checked elsewhere in this folder.

use alloc::vec::Vec;

use bytes::Bytes;
use thiserror::Error;

use super::compression::{DecompressError, decompress};
use super::header::{BATCH_HEADER_SIZE_BYTES, BatchHeader, Compression, HeaderError, TimestampType};
use super::varint::{get_varint, get_varlong};
use crate::types::Offset;

/// A record, as slices of its batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where it is in the partition.
    pub offset: Offset,
    /// Milliseconds since the epoch.
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

/// Why records can't be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RecordError {
    /// There is no batch.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The batch is cut off.
    #[error("the batch says {expected} bytes, there are {have}")]
    Cut {
        /// Bytes that the header says.
        expected: usize,
        /// Bytes that are there.
        have: usize,
    },
    /// The codec's data is damaged, or too much.
    #[error(transparent)]
    Decompress(#[from] DecompressError),
    /// A record does not fit the bytes that it says it has.
    #[error("record {0} of the batch is malformed")]
    Malformed(usize),
}

/// The records of the batch at the front of `batch`; at most `decompressed_max_bytes` of them where they are compressed.
///
/// # Errors
/// Where the batch can't be opened; a malformed record is an error of the iterator.
pub fn records_of(batch: &Bytes, decompressed_max_bytes: usize) -> Result<RecordIter, RecordError> {
    let header = BatchHeader::parse(batch)?;
    if batch.len() < header.size_bytes() {
        return Err(RecordError::Cut { expected: header.size_bytes(), have: batch.len() });
    }
    let records = batch.slice(BATCH_HEADER_SIZE_BYTES..header.size_bytes());
    let records = match header.attributes.compression() {
        Ok(Compression::None) => records,
        Ok(codec) => Bytes::from(decompress(codec, &records, decompressed_max_bytes)?),
        Err(number) => return Err(DecompressError::UnknownCodec(number).into()),
    };
    Ok(RecordIter { header, records, at: 0, index: 0 })
}

/// Walks the records of one batch.
#[derive(Clone, Debug)]
pub struct RecordIter {
    header: BatchHeader,
    records: Bytes,
    at: usize,
    index: usize,
}

impl RecordIter {
    /// The batch's header.
    #[must_use]
    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    fn read(&mut self) -> Option<Record> {
        let mut rest = &self.records[self.at..];
        let size_bytes = usize::try_from(get_varint(&mut rest)?).ok()?;
        let body = rest.get(..size_bytes)?;
        let body_at = self.records.len() - rest.len();
        self.at = body_at + size_bytes;

        let mut cursor = Cursor { records: &self.records, rest: body, end: self.at };
        cursor.skip(1)?;
        let timestamp_delta = get_varlong(&mut cursor.rest)?;
        let offset_delta = get_varint(&mut cursor.rest)?;
        let key = cursor.bytes()?;
        let value = cursor.bytes()?;
        let mut headers = Vec::new();
        for _ in 0..get_varint(&mut cursor.rest)? {
            headers.push(RecordHeader { key: cursor.bytes()??, value: cursor.bytes()? });
        }
        let timestamp = match self.header.attributes.timestamp_type() {
            TimestampType::CreateTime => self.header.base_timestamp.wrapping_add(timestamp_delta),
            TimestampType::LogAppendTime => self.header.max_timestamp,
        };
        let offset = Offset(self.header.base_offset.0.wrapping_add(i64::from(offset_delta)));
        Some(Record { offset, timestamp, key, value, headers })
    }
}

impl Iterator for RecordIter {
    type Item = Result<Record, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.index >= usize::try_from(self.header.record_count).unwrap_or(0) {
            return None;
        }
        let record = self.read().ok_or(RecordError::Malformed(self.index));
        match &record {
            Ok(_) => self.index += 1,
            Err(_) => self.index = usize::MAX,
        }
        Some(record)
    }
}

struct Cursor<'a> {
    records: &'a Bytes,
    rest: &'a [u8],
    end: usize,
}

impl Cursor<'_> {
    fn skip(&mut self, count: usize) -> Option<()> {
        self.rest = self.rest.get(count..)?;
        Some(())
    }

    /// The outer `Option` says whether there was a field, the inner one whether it was null.
    fn bytes(&mut self) -> Option<Option<Bytes>> {
        let Ok(length) = usize::try_from(get_varint(&mut self.rest)?) else { return Some(None) };
        let at = self.end - self.rest.len();
        self.skip(length)?;
        Some(Some(self.records.slice(at..at + length)))
    }
}
