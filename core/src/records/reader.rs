//! Record after record out of one batch, whatever its codec.
//!
//! [`RecordReader`] lends each record and decompresses piece by piece: what it keeps in memory is one piece and one
//! record, not the batch. [`RecordIter`] hands out records that share the batch, and so needs all of it at once.

use alloc::boxed::Box;
use alloc::vec::Vec;

use bytes::Bytes;
use thiserror::Error;

use super::batch::{Batch, BatchFault};
use super::compression::{DecompressError, Decompressor, OutputLimit, decompress};
use super::header::{BATCH_HEADER_SIZE_BYTES, BatchHeader, Compression};
use super::record::{Record, RecordBase, RecordFault, RecordRef};
use super::varint::get_varint;

/// Why records can't be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RecordError {
    /// There is no batch.
    #[error(transparent)]
    Batch(#[from] BatchFault),
    /// The header's record count is negative.
    #[error("a record count of 0 or more expected, found {0}")]
    Count(i32),
    /// The codec's data is damaged, or too much.
    #[error(transparent)]
    Decompress(#[from] DecompressError),
    /// A record is not one.
    #[error("record {index} of the batch, at byte {position} of its records: {fault}")]
    Record {
        /// Which, from 0.
        index: i32,
        /// Where it begins, in the plain records.
        position: usize,
        /// What is wrong with it.
        fault: RecordFault,
    },
    /// The batch has more bytes than its records.
    #[error("the batch's {count} records end at byte {position}, more bytes follow")]
    Trailing {
        /// Records, by its header.
        count: i32,
        /// Where they end, in the plain records.
        position: usize,
    },
}

/// Reads the records of one batch. After an error there are no more.
#[derive(Debug)]
pub struct RecordReader<'a> {
    header: BatchHeader,
    base: RecordBase,
    source: Source<'a>,
    /// Records that were not read; negative once the end was seen, be it good or bad.
    left: i32,
}

#[derive(Debug)]
enum Source<'a> {
    Plain {
        /// What was not read.
        rest: &'a [u8],
        size_bytes: usize,
    },
    Compressed(Box<Pieces<'a>>),
}

const ENDED: i32 = -1;

impl<'a> RecordReader<'a> {
    pub(super) fn new(header: BatchHeader, body: &'a [u8], limit: OutputLimit) -> Result<Self, RecordError> {
        if header.record_count < 0 {
            return Err(RecordError::Count(header.record_count));
        }
        let plain = Source::Plain { rest: body, size_bytes: body.len() };
        let source = match header.attributes.compression().map_err(DecompressError::UnknownCodec)? {
            Compression::None => plain,
            // A batch that compaction emptied has nothing to decompress, not even a frame.
            _ if header.record_count == 0 && body.is_empty() => plain,
            codec => Source::Compressed(Box::new(Pieces::new(codec, body, limit))),
        };
        Ok(Self { header, base: RecordBase::of(&header), source, left: header.record_count })
    }

    /// The batch's header.
    #[must_use]
    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// The next record; `None` after the last.
    ///
    /// # Errors
    /// Where the codec's data or a record is damaged, or too much comes out. Whether compressed data is good to its end is
    /// known only once `None` was returned.
    #[inline]
    pub fn next_record(&mut self) -> Result<Option<RecordRef<'_>>, RecordError> {
        if self.left <= 0 {
            return self.end().map(|()| None);
        }
        let index = self.header.record_count - self.left;
        self.left -= 1;
        let result = match &mut self.source {
            Source::Plain { rest, size_bytes } => {
                let before = *rest;
                RecordRef::take(rest, &self.base).ok_or_else(|| malformed(index, *size_bytes, before, &self.base))
            }
            Source::Compressed(pieces) => pieces.next_record(&self.base, index),
        };
        if result.is_err() {
            self.left = ENDED;
        }
        result.map(Some)
    }

    /// Hands each record that is left to `each`, with its index in the batch, and reads to the end: the fastest way
    /// through a batch.
    ///
    /// # Errors
    /// As [`RecordReader::next_record`] has them, or of `each`.
    #[inline]
    pub fn try_for_each<E: From<RecordError>>(
        mut self,
        mut each: impl FnMut(i32, RecordRef<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if let Source::Plain { rest, size_bytes } = &mut self.source {
            let mut left = *rest;
            for index in self.header.record_count - self.left.max(0)..self.header.record_count {
                let before = left;
                match RecordRef::take(&mut left, &self.base) {
                    Some(record) => each(index, record)?,
                    None => return Err(malformed(index, *size_bytes, before, &self.base).into()),
                }
            }
            *rest = left;
            self.left = self.left.min(0);
        }
        loop {
            let index = self.header.record_count - self.left;
            match self.next_record()? {
                Some(record) => each(index, record)?,
                None => return Ok(()),
            }
        }
    }

    #[cold]
    fn end(&mut self) -> Result<(), RecordError> {
        if core::mem::replace(&mut self.left, ENDED) < 0 {
            return Ok(());
        }
        let (is_more, position) = match &mut self.source {
            Source::Plain { rest, size_bytes } => (!rest.is_empty(), *size_bytes - rest.len()),
            Source::Compressed(pieces) => (pieces.has_more()?, pieces.position()),
        };
        let trailing = RecordError::Trailing { count: self.header.record_count, position };
        if is_more { Err(trailing) } else { Ok(()) }
    }
}

/// What is wrong with the record at the front of `rest`, which is what is left of `size_bytes`.
#[cold]
fn malformed(index: i32, size_bytes: usize, rest: &[u8], base: &RecordBase) -> RecordError {
    RecordError::Record { index, position: size_bytes - rest.len(), fault: RecordRef::why_not(rest, base) }
}

/// What came out of a codec and was not read yet.
#[derive(Debug)]
struct Pieces<'a> {
    decompressor: Decompressor<'a>,
    buffer: Vec<u8>,
    /// What of the buffer was read.
    at: usize,
    /// What was read and is no longer there.
    dropped_bytes: usize,
}

impl<'a> Pieces<'a> {
    fn new(codec: Compression, body: &'a [u8], limit: OutputLimit) -> Self {
        Self { decompressor: Decompressor::new(codec, body, limit), buffer: Vec::new(), at: 0, dropped_bytes: 0 }
    }

    /// Where the next record begins, in the plain records.
    fn position(&self) -> usize {
        self.dropped_bytes + self.at
    }

    fn next_record(&mut self, base: &RecordBase, index: i32) -> Result<RecordRef<'_>, RecordError> {
        while !self.has_record() && self.fill()? {}
        let position = self.position();
        let mut rest = &self.buffer[self.at..];
        let before = rest;
        let record =
            RecordRef::take(&mut rest, base).ok_or_else(|| malformed(index, position + before.len(), before, base))?;
        self.at = self.buffer.len() - rest.len();
        Ok(record)
    }

    /// Whether all of the next record is in the buffer, or what is there can't be one.
    #[inline]
    fn has_record(&self) -> bool {
        /// No length has more bytes.
        const LENGTH_MAX_BYTES: usize = 5;
        let mut rest = &self.buffer[self.at..];
        let have = rest.len();
        match get_varint(&mut rest) {
            Some(length) => usize::try_from(length).map_or(true, |size_bytes| size_bytes <= rest.len()),
            None => have >= LENGTH_MAX_BYTES,
        }
    }

    /// Decompresses another piece; says whether there was one.
    #[cold]
    fn fill(&mut self) -> Result<bool, DecompressError> {
        self.buffer.drain(..self.at);
        self.dropped_bytes += self.at;
        self.at = 0;
        self.decompressor.read(&mut self.buffer)
    }

    fn has_more(&mut self) -> Result<bool, DecompressError> {
        while self.at == self.buffer.len() {
            if !self.fill()? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The records of the batch at the front of `batch`, as slices of it, or of what of it was decompressed: `limit` at most.
///
/// # Errors
/// Where the batch can't be opened; a malformed record is an error of the iterator.
pub fn records_of(batch: &Bytes, limit: OutputLimit) -> Result<RecordIter, RecordError> {
    let parsed = Batch::parse(batch)?;
    let header = *parsed.header();
    if header.record_count < 0 {
        return Err(RecordError::Count(header.record_count));
    }
    let codec = header.attributes.compression().map_err(DecompressError::UnknownCodec)?;
    let records = match codec {
        Compression::None => batch.slice(BATCH_HEADER_SIZE_BYTES..header.size_bytes()),
        _ if header.record_count == 0 && parsed.body().is_empty() => Bytes::new(),
        codec => Bytes::from(decompress(codec, parsed.body(), limit)?),
    };
    Ok(RecordIter { header, base: RecordBase::of(&header), records, position: 0, index: 0, is_done: false })
}

/// Walks the records of one batch; see [`records_of`].
#[derive(Clone, Debug)]
pub struct RecordIter {
    header: BatchHeader,
    base: RecordBase,
    records: Bytes,
    position: usize,
    index: i32,
    is_done: bool,
}

impl RecordIter {
    /// The batch's header.
    #[must_use]
    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    fn read(&mut self) -> Result<Option<Record>, RecordError> {
        let (index, position) = (self.index, self.position);
        let mut rest = &self.records[position..];
        if index == self.header.record_count {
            let trailing = RecordError::Trailing { count: index, position };
            return if rest.is_empty() { Ok(None) } else { Err(trailing) };
        }
        let before = rest;
        let record = RecordRef::take(&mut rest, &self.base)
            .ok_or_else(|| malformed(index, self.records.len(), before, &self.base))?;
        self.position = self.records.len() - rest.len();
        self.index += 1;
        Ok(Some(record.share(&self.records)))
    }
}

impl Iterator for RecordIter {
    type Item = Result<Record, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let next = self.read();
        self.is_done = !matches!(next, Ok(Some(_)));
        next.transpose()
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;
    use crate::records::varint::{put_varint, put_varlong};
    use crate::records::{BatchBuilder, BuilderRecord, compress};

    const CODECS: [Compression; 5] =
        [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];

    /// A batch of `count` records that says what it likes: `records` are as they are.
    fn batch(codec: Compression, count: i32, records: &[u8]) -> Bytes {
        let empty = BatchHeader::parse(&BatchBuilder::new().build()).unwrap();
        let records = compress(codec, None, records);
        let attributes = empty.attributes.with_compression(codec);
        let header = BatchHeader { attributes, record_count: count, length: 49 + records.len() as i32, ..empty };
        [&header.to_bytes()[..], &records].concat().into()
    }

    /// A record without key, value and headers; `tail` stands in for these.
    fn record(tail: &[u8]) -> Vec<u8> {
        let mut body = alloc::vec![0];
        put_varlong(&mut body, 0);
        put_varint(&mut body, 0);
        body.extend_from_slice(tail);
        let mut record = Vec::new();
        put_varint(&mut record, body.len() as i32);
        record.extend_from_slice(&body);
        record
    }

    /// Reads to the end, both ways: they must agree.
    fn read(batch: &Bytes) -> Result<usize, RecordError> {
        let lent = || {
            let mut reader = Batch::parse(batch)?.records(OutputLimit::default())?;
            let mut count = 0;
            let result = loop {
                match reader.next_record() {
                    Ok(Some(_)) => count += 1,
                    Ok(None) => break Ok(count),
                    Err(error) => break Err(error),
                }
            };
            assert_eq!(reader.next_record(), Ok(None), "the end is the end");
            result
        };
        let shared = records_of(batch, OutputLimit::default()).and_then(|records| {
            let mut count = 0;
            for record in records {
                record?;
                count += 1;
            }
            Ok(count)
        });
        assert_eq!(lent(), shared);
        shared
    }

    const NULLS: [u8; 3] = [1, 1, 0];

    #[test]
    fn a_malformed_record_is_named_with_its_place_and_what_is_wrong() {
        let long = [&[0xff; 6][..], &[1, 1, 0]].concat();
        let cases: [(&[u8], &str); 7] = [
            (&[20, 1, 0], "key: 10 bytes expected, found 2"),
            (&[1, 20, 0], "value: 10 bytes expected, found 1"),
            (&long, "key: a number that does not end"),
            (&[1, 1, 2, 1, 1], "header key: 0 or more expected, found -1"),
            (&[1, 1, 2, 8, b'k'], "header key: 4 bytes expected, found 1"),
            (&[1, 1, 80, 0, 0], "40 headers expected, found 2 bytes"),
            (&[1, 1, 0, 7], "1 bytes are left after the last field"),
        ];
        for codec in CODECS {
            for (tail, what) in cases {
                let records = [record(&NULLS), record(tail)].concat();
                let error = read(&batch(codec, 2, &records)).unwrap_err();
                let said = alloc::format!("record 1 of the batch, at byte 7 of its records: {what}");
                assert_eq!(error.to_string(), said, "{codec:?}");
            }
        }
    }

    #[test]
    fn a_record_that_reaches_beyond_the_batch_is_refused() {
        for codec in CODECS {
            let said = |records: &[u8]| read(&batch(codec, 1, records)).unwrap_err().to_string();
            let at = "record 0 of the batch, at byte 0 of its records: length: ";
            assert_eq!(said(&[40, 0, 0]), alloc::format!("{at}20 bytes expected, found 2"), "{codec:?}");
            assert_eq!(said(&[]), alloc::format!("{at}a number that does not end"), "{codec:?}");
            assert_eq!(said(&[0xff; 9]), alloc::format!("{at}a number that does not end"), "{codec:?}");
            assert_eq!(said(&[1, 0, 0]), alloc::format!("{at}0 or more expected, found -1"), "{codec:?}");
        }
    }

    #[test]
    fn the_header_counts_the_records() {
        for codec in CODECS {
            let records = [record(&NULLS), record(&NULLS)].concat();
            assert_eq!(read(&batch(codec, 2, &records)), Ok(2), "{codec:?}");
            let trailing = RecordError::Trailing { count: 1, position: 7 };
            assert_eq!(read(&batch(codec, 1, &records)), Err(trailing), "{codec:?}");
            assert_eq!(read(&batch(codec, -1, &records)), Err(RecordError::Count(-1)), "{codec:?}");
            assert!(matches!(read(&batch(codec, 3, &records)), Err(RecordError::Record { index: 2, .. })));
            assert_eq!(read(&batch(codec, 0, &[])), Ok(0), "{codec:?}");
        }
    }

    #[test]
    fn a_negative_header_count_as_some_writers_leave_it_reads_as_no_headers() {
        for codec in CODECS {
            assert_eq!(read(&batch(codec, 1, &record(&[1, 1, 1]))), Ok(1), "{codec:?}");
        }
    }

    #[test]
    fn a_codec_that_nobody_knows_is_refused() {
        let mut bytes = batch(Compression::None, 1, &record(&NULLS)).to_vec();
        bytes[22] = 5;
        assert_eq!(read(&bytes.into()), Err(DecompressError::UnknownCodec(5).into()));
    }

    #[test]
    fn records_cross_the_borders_of_pieces() {
        // Pieces are 32 KiB to 128 KiB: small records cross one now and then, large ones several.
        for size_bytes in [0, 99, 40_000, 300_000] {
            let value: Vec<u8> = (0..size_bytes).map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
            for codec in CODECS {
                let mut builder = BatchBuilder::new().compression(codec, None);
                while builder.size_bytes() < 1_000_000 {
                    builder.push(BuilderRecord { value: Some(&value), ..Default::default() });
                }
                let count = builder.record_count() as usize;
                assert_eq!(read(&builder.build()), Ok(count), "{codec:?}, {size_bytes} bytes each");
            }
        }
    }

    #[test]
    fn damage_behind_the_last_record_is_noticed() {
        let mut builder = BatchBuilder::new().compression(Compression::Gzip, None);
        builder.push(BuilderRecord::default());
        let mut bytes = builder.build().to_vec();
        let trailer = bytes.len() - 6;
        bytes[trailer] ^= 1;
        assert!(matches!(read(&bytes.into()), Err(RecordError::Decompress(_))));
    }
}
