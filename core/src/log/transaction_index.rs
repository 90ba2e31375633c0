//! The transaction index of a segment: the aborted transactions whose markers are in it, as in `.txnindex`.
//!
//! The file is made with the first entry; a segment without one has none.

use alloc::vec::Vec;

use bytes::Bytes;

use super::IndexFault;
use crate::types::{Offset, ProducerId};

/// An aborted transaction: its records do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbortedTransaction {
    /// Whose it was.
    pub producer_id: ProducerId,
    /// Its first record.
    pub first_offset: Offset,
    /// The marker that ended it.
    pub last_offset: Offset,
    /// Where the oldest transaction that was still open then begins. None that ends later begins before it.
    pub last_stable_offset: Offset,
}

impl AbortedTransaction {
    /// Bytes of an entry on disk, its version included.
    pub const SIZE_BYTES: usize = 34;
    /// The only version there is.
    pub const VERSION: i16 = 0;

    /// Reads an entry; the number of its version where that is another.
    ///
    /// # Errors
    /// The version that is not known.
    pub fn from_bytes(bytes: &[u8; Self::SIZE_BYTES]) -> Result<Self, i16> {
        let [v0, v1, fields @ ..] = bytes;
        let version = i16::from_be_bytes([*v0, *v1]);
        if version != Self::VERSION {
            return Err(version);
        }
        let (fields, _) = fields.as_chunks::<8>();
        let number = |index: usize| i64::from_be_bytes(fields[index]);
        Ok(Self {
            producer_id: ProducerId(number(0)),
            first_offset: Offset(number(1)),
            last_offset: Offset(number(2)),
            last_stable_offset: Offset(number(3)),
        })
    }

    /// The entry as bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::SIZE_BYTES] {
        let mut bytes = [0; Self::SIZE_BYTES];
        bytes[..2].copy_from_slice(&Self::VERSION.to_be_bytes());
        let numbers = [self.producer_id.0, self.first_offset.0, self.last_offset.0, self.last_stable_offset.0];
        for (field, number) in bytes[2..].as_chunks_mut::<8>().0.iter_mut().zip(numbers) {
            *field = number.to_be_bytes();
        }
        bytes
    }

    /// Whether it has a part in the offsets from `from` up to `end`.
    fn overlaps(&self, from: Offset, end: Offset) -> bool {
        self.last_offset >= from && self.first_offset < end
    }
}

/// The entries of a segment, by their last offsets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TransactionIndex {
    entries: Vec<AbortedTransaction>,
}

impl TransactionIndex {
    /// Takes over what a file holds.
    ///
    /// # Errors
    /// Where that can't be the transaction index of a segment that begins at `base`.
    pub(super) fn parse(base: Offset, bytes: &[u8]) -> Result<Self, IndexFault> {
        let (chunks, rest) = bytes.as_chunks::<{ AbortedTransaction::SIZE_BYTES }>();
        if !rest.is_empty() {
            let (size_bytes, entry_size_bytes) = (bytes.len(), AbortedTransaction::SIZE_BYTES);
            return Err(IndexFault::Size { size_bytes, entry_size_bytes });
        }
        let mut index = Self { entries: Vec::with_capacity(chunks.len()) };
        for (number, chunk) in chunks.iter().enumerate() {
            let entry = AbortedTransaction::from_bytes(chunk).map_err(|_| IndexFault::Version(number))?;
            if index.entries.last().is_some_and(|last| entry.last_offset <= last.last_offset) {
                return Err(IndexFault::NotRising(number));
            }
            // A transaction has a record before its marker, which is in this segment.
            let is_sound = Offset(0) <= entry.first_offset
                && entry.first_offset < entry.last_offset
                && base <= entry.last_offset
                && entry.last_stable_offset.0 - 1 <= entry.last_offset.0;
            if !is_sound {
                return Err(IndexFault::BeyondLog(number));
            }
            index.entries.push(entry);
        }
        Ok(index)
    }

    /// The entries from `from` on, as they go into the file.
    pub(super) fn to_bytes(&self, from: usize) -> Bytes {
        Bytes::from(self.entries[from..].iter().flat_map(AbortedTransaction::to_bytes).collect::<Vec<u8>>())
    }

    pub(super) fn push(&mut self, entry: AbortedTransaction) {
        debug_assert!(self.entries.last().is_none_or(|last| last.last_offset < entry.last_offset));
        self.entries.push(entry);
    }

    /// In the order of their markers.
    pub(super) fn entries(&self) -> &[AbortedTransaction] {
        &self.entries
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn last(&self) -> Option<AbortedTransaction> {
        self.entries.last().copied()
    }

    /// Adds those that have a part in the offsets from `from` up to `end`. Says whether later segments may have more.
    pub(super) fn collect(&self, from: Offset, end: Offset, found: &mut Vec<AbortedTransaction>) -> bool {
        for entry in &self.entries {
            if entry.overlaps(from, end) {
                found.push(*entry);
            }
            if entry.last_stable_offset >= end {
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aborted(producer_id: i64, first: i64, last: i64, stable: i64) -> AbortedTransaction {
        AbortedTransaction {
            producer_id: ProducerId(producer_id),
            first_offset: Offset(first),
            last_offset: Offset(last),
            last_stable_offset: Offset(stable),
        }
    }

    fn index(entries: &[AbortedTransaction]) -> TransactionIndex {
        TransactionIndex { entries: entries.to_vec() }
    }

    fn three() -> TransactionIndex {
        index(&[aborted(1, 6, 11, 12), aborted(2, 13, 20, 14), aborted(3, 14, 22, 23)])
    }

    fn found(from: i64, end: i64) -> (Vec<i64>, bool) {
        let mut found = Vec::new();
        let goes_on = three().collect(Offset(from), Offset(end), &mut found);
        (found.iter().map(|entry| entry.producer_id.0).collect(), goes_on)
    }

    #[test]
    fn an_index_survives_the_way_to_disk_and_back() {
        let bytes = three().to_bytes(0);
        assert_eq!(bytes.len(), 3 * 34);
        assert_eq!(bytes[..11], [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
        assert_eq!(TransactionIndex::parse(Offset(0), &bytes), Ok(three()));
        assert_eq!(three().to_bytes(2), bytes.slice(68..));
    }

    #[test]
    fn transactions_that_a_fetch_touches_are_found_and_no_later_ones() {
        assert_eq!(found(0, 6), ([].into(), false));
        assert_eq!(found(0, 7), ([1].into(), false));
        assert_eq!(found(11, 12), ([1].into(), false));
        assert_eq!(found(12, 14), ([2].into(), false), "the third begins where the fetch ends");
        assert_eq!(found(20, 24), ([2, 3].into(), true), "the next segment may have more");
        assert_eq!(found(23, 30), ([].into(), true));
    }

    #[test]
    fn what_can_not_be_an_index_is_refused() {
        let parse = |entries: &[AbortedTransaction]| TransactionIndex::parse(Offset(10), &index(entries).to_bytes(0));
        assert!(parse(&[aborted(1, 6, 11, 12)]).is_ok(), "it began in the segment before");
        assert_eq!(parse(&[aborted(1, 6, 9, 10)]), Err(IndexFault::BeyondLog(0)));
        assert_eq!(parse(&[aborted(1, 11, 11, 12)]), Err(IndexFault::BeyondLog(0)));
        assert_eq!(parse(&[aborted(1, 11, 12, 14)]), Err(IndexFault::BeyondLog(0)));
        assert_eq!(parse(&[aborted(1, 6, 11, 12), aborted(2, 7, 11, 12)]), Err(IndexFault::NotRising(1)));
        assert_eq!(TransactionIndex::parse(Offset(0), &[0; 34]), Err(IndexFault::BeyondLog(0)), "zeros");
        assert!(matches!(TransactionIndex::parse(Offset(0), &[0; 35]), Err(IndexFault::Size { .. })));
        let mut bytes = three().to_bytes(0).to_vec();
        bytes[35] = 1;
        assert_eq!(TransactionIndex::parse(Offset(0), &bytes), Err(IndexFault::Version(1)));
    }

    #[test]
    fn an_entry_is_a_version_and_four_numbers() {
        let mut bytes = [0; 34];
        for (index, number) in [4_000, 10, 25, 18].into_iter().enumerate() {
            bytes[2 + 8 * index..][..8].copy_from_slice(&i64::to_be_bytes(number));
        }
        let entry = AbortedTransaction {
            producer_id: ProducerId(4_000),
            first_offset: Offset(10),
            last_offset: Offset(25),
            last_stable_offset: Offset(18),
        };
        assert_eq!(AbortedTransaction::from_bytes(&bytes), Ok(entry));
        assert_eq!(entry.to_bytes(), bytes);
        bytes[1] = 1;
        assert_eq!(AbortedTransaction::from_bytes(&bytes), Err(1));
    }
}
