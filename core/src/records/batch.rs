//! Batch after batch: walks a record set, or a piece of a segment, that is in memory.
//!
//! A walk looks at headers only. Whether a batch is what was written is [`Batch::verify`]'s question, and what is inside
//! it [`Batch::records`]'. Walks of files, which see one chunk at a time, are in `log/`.

use thiserror::Error;

use super::checksum::crc32c;
use super::compression::OutputLimit;
use super::header::{BATCH_HEADER_SIZE_BYTES, BatchHeader, CHECKSUM_FROM, HeaderError, MAGIC, MAGIC_AT};
use super::reader::{RecordError, RecordReader};

/// A whole batch within a record set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch<'a> {
    header: BatchHeader,
    position: usize,
    bytes: &'a [u8],
}

/// What is wrong with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BatchFault {
    /// There is no header of message format 2.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The batch ends after the bytes do.
    #[error("a batch of {expected} bytes, but only {found} are left")]
    Cut {
        /// Bytes of the batch, by its header.
        expected: usize,
        /// Bytes that are there.
        found: usize,
    },
    /// The bytes are not those of which the checksum was taken.
    #[error("the checksum says {expected:#010x}, the bytes give {found:#010x}")]
    Checksum {
        /// As the header has it.
        expected: u32,
        /// As the bytes have it.
        found: u32,
    },
}

/// What is wrong with a batch, and where in the record set it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("batch at byte {position}: {fault}")]
pub struct BatchReadError {
    /// Where the batch begins, from the front of the record set.
    pub position: usize,
    /// What is wrong.
    pub fault: BatchFault,
}

impl<'a> Batch<'a> {
    /// The batch at the front of `bytes`, whatever follows it.
    ///
    /// # Errors
    /// Where no whole batch is there. Its checksum is not looked at.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, BatchFault> {
        let header = BatchHeader::parse(bytes)?;
        match bytes.get(..header.size_bytes()) {
            Some(bytes) => Ok(Self { header, position: 0, bytes }),
            None => Err(BatchFault::Cut { expected: header.size_bytes(), found: bytes.len() }),
        }
    }

    /// Its header.
    #[must_use]
    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// Where it begins, from the front of the record set that was walked.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }

    /// All its bytes.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The bytes after its header: the records, as its codec left them.
    #[must_use]
    pub fn body(&self) -> &'a [u8] {
        &self.bytes[BATCH_HEADER_SIZE_BYTES..]
    }

    /// Holds the bytes against the checksum.
    ///
    /// # Errors
    /// Where they differ.
    pub fn verify(&self) -> Result<(), BatchFault> {
        let found = crc32c(&self.bytes[CHECKSUM_FROM..]);
        let expected = self.header.crc;
        if found == expected { Ok(()) } else { Err(BatchFault::Checksum { expected, found }) }
    }

    /// Its records, one after another; what is compressed is decompressed on the way, `limit` of it at most.
    ///
    /// # Errors
    /// Where the codec or the record count is none. Everything else shows while reading.
    pub fn records(&self, limit: OutputLimit) -> Result<RecordReader<'a>, RecordError> {
        RecordReader::new(self.header, self.body(), limit)
    }
}

/// The batches of a record set, in order. After an error there are no more.
///
/// ```
/// use ottla_core::records::{BatchBuilder, BuilderRecord, OutputLimit, batches_of};
/// let mut builder = BatchBuilder::new();
/// builder.push(BuilderRecord { value: Some(b"hello"), ..Default::default() });
/// for batch in batches_of(&builder.build()) {
///     let batch = batch?;
///     batch.verify()?;
///     let mut records = batch.records(OutputLimit::default())?;
///     while let Some(record) = records.next_record()? {
///         assert_eq!(record.value, Some(&b"hello"[..]));
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn batches_of(bytes: &[u8]) -> Batches<'_> {
    Batches { bytes, position: 0 }
}

/// See [`batches_of`].
#[derive(Clone, Debug)]
pub struct Batches<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl Batches<'_> {
    /// Where the next batch begins, or would: how many bytes were good so far.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }
}

impl<'a> Iterator for Batches<'a> {
    type Item = Result<Batch<'a>, BatchReadError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let rest = &self.bytes[self.position..];
        if rest.is_empty() {
            return None;
        }
        let position = self.position;
        match Batch::parse(rest) {
            Ok(batch) => {
                self.position += batch.bytes.len();
                Some(Ok(Batch { position, ..batch }))
            }
            Err(fault) => {
                self.bytes = &self.bytes[..position];
                Some(Err(BatchReadError { position, fault }))
            }
        }
    }
}

/// Checksums of what only looks like a batch are taken over this many times the bytes, then a search gives up.
const SEARCH_EFFORT: usize = 16;

/// The first position from `from` on where a whole batch with a right checksum begins: where reading can go on behind
/// damage. Nothing that the damaged bytes say is believed. `None` as well where too much looks like a batch and is none.
#[must_use]
pub fn find_batch(bytes: &[u8], from: usize) -> Option<usize> {
    let mut effort = bytes.len().saturating_mul(SEARCH_EFFORT);
    for at in from..bytes.len().saturating_sub(BATCH_HEADER_SIZE_BYTES - 1) {
        // The magic byte first: it rules out most places at once.
        if bytes[at + MAGIC_AT] != MAGIC as u8 {
            continue;
        }
        if let Ok(batch) = Batch::parse(&bytes[at..]) {
            effort = effort.checked_sub(batch.bytes.len())?;
            if batch.verify().is_ok() {
                return Some(at);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;
    use alloc::vec::Vec;

    use super::*;
    use crate::records::{BatchBuilder, BuilderRecord};
    use crate::types::Offset;

    /// Three batches of 71 bytes.
    fn set() -> Vec<u8> {
        let batch = |offset| {
            let mut builder = BatchBuilder::new().base_offset(Offset(offset));
            builder.push(BuilderRecord { value: Some(b"abc"), ..Default::default() });
            builder.build()
        };
        [batch(0), batch(1), batch(2)].concat()
    }

    fn walk(bytes: &[u8]) -> (Vec<usize>, Option<BatchReadError>) {
        let mut batches = batches_of(bytes);
        let mut positions = Vec::new();
        while let Some(batch) = batches.next() {
            match batch {
                Ok(batch) => positions.push(batch.position()),
                Err(error) => {
                    assert_eq!((batches.next(), batches.position()), (None, error.position));
                    return (positions, Some(error));
                }
            }
        }
        (positions, None)
    }

    #[test]
    fn batches_come_one_after_another() {
        assert_eq!(walk(&set()), ([0, 71, 142].to_vec(), None));
        assert_eq!(walk(&[]), (Vec::new(), None));
    }

    #[test]
    fn a_batch_that_is_none_is_named_with_its_place_and_ends_the_walk() {
        let said = |change: fn(&mut Vec<u8>)| {
            let mut bytes = set();
            change(&mut bytes);
            let (positions, error) = walk(&bytes);
            (positions.len(), error.unwrap().to_string())
        };
        let expected = (2, "batch at byte 142: a batch of 71 bytes, but only 70 are left".to_string());
        assert_eq!(said(|bytes| bytes.truncate(212)), expected);
        let expected = (2, "batch at byte 142: a batch header needs 61 bytes, there are 3".to_string());
        assert_eq!(said(|bytes| bytes.truncate(145)), expected);
        let expected = "batch at byte 71: message format 2 expected, found 1, which is no longer supported";
        assert_eq!(said(|bytes| bytes[71 + 16] = 1), (1, expected.to_string()));
        let expected = "batch at byte 0: message format 2 expected, found 9";
        assert_eq!(said(|bytes| bytes[16] = 9), (0, expected.to_string()));
        let expected = "batch at byte 0: a batch has at least 49 bytes after its length field, this one says -1";
        assert_eq!(said(|bytes| bytes[8..12].fill(0xff)), (0, expected.to_string()));
    }

    #[test]
    fn a_flipped_bit_shows_in_the_checksum() {
        let mut bytes = set();
        bytes[70] ^= 1;
        let batches: Vec<_> = batches_of(&bytes).map(|batch| batch.unwrap().verify()).collect();
        assert!(matches!(batches[..], [Err(BatchFault::Checksum { .. }), Ok(()), Ok(())]), "{batches:?}");
    }

    #[test]
    fn reading_can_go_on_behind_damage() {
        let mut bytes = set();
        assert_eq!((find_batch(&bytes, 0), find_batch(&bytes, 1)), (Some(0), Some(71)));
        bytes[71 + 8..71 + 12].fill(0x7f);
        bytes[30] ^= 1;
        assert_eq!((find_batch(&bytes, 0), find_batch(&bytes, 143), find_batch(&bytes, 999)), (Some(142), None, None));
    }

    #[test]
    fn a_search_through_bytes_that_look_like_batches_everywhere_gives_up() {
        let mut bytes = alloc::vec![2; 1 << 20];
        for at in (0..bytes.len() - 70).step_by(70) {
            bytes[at + 8..at + 12].copy_from_slice(&300_000i32.to_be_bytes());
        }
        assert_eq!(find_batch(&bytes, 0), None);
    }
}
