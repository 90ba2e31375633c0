//! The time index of a segment: a sparse map from timestamps to offsets, as in `.timeindex`.
//!
//! An entry says that no batch up to its offset has a timestamp above its own.

use alloc::vec::Vec;

use bytes::Bytes;

use super::IndexFault;
use crate::types::Offset;

/// Bytes of an entry on disk.
pub(super) const ENTRY_SIZE_BYTES: usize = TimeIndexEntry::SIZE_BYTES;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TimeIndex {
    base: Offset,
    entries: Vec<TimeIndexEntry>,
}

/// An entry as it is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeIndexEntry {
    /// Milliseconds since the epoch.
    pub timestamp: i64,
    /// Last offset of the first batch that has this timestamp, less the segment's base offset.
    pub relative_offset: u32,
}

/// A timestamp, and the last offset of the first batch that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TimeEntry {
    pub(super) timestamp: i64,
    pub(super) last_offset: Offset,
}

impl TimeIndexEntry {
    /// Bytes of an entry.
    pub const SIZE_BYTES: usize = 12;

    /// Reads an entry.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::SIZE_BYTES]) -> Self {
        let [t0, t1, t2, t3, t4, t5, t6, t7, r0, r1, r2, r3] = bytes;
        Self {
            timestamp: i64::from_be_bytes([t0, t1, t2, t3, t4, t5, t6, t7]),
            relative_offset: u32::from_be_bytes([r0, r1, r2, r3]),
        }
    }

    /// Whether it may be entry `number` of an index, behind the entry `previous`.
    ///
    /// # Errors
    /// Where it can't.
    pub fn check(self, number: usize, previous: Option<&Self>) -> Result<(), IndexFault> {
        let rises = previous.is_none_or(|previous| {
            self.timestamp > previous.timestamp && self.relative_offset > previous.relative_offset
        });
        if !rises {
            return Err(IndexFault::NotRising(number));
        }
        if self.relative_offset > i32::MAX as u32 {
            return Err(IndexFault::BeyondLog(number));
        }
        Ok(())
    }
}

impl TimeIndex {
    pub(super) fn new(base: Offset) -> Self {
        Self { base, entries: Vec::new() }
    }

    /// Takes over what a file holds.
    ///
    /// # Errors
    /// Where that can't be a time index.
    pub(super) fn parse(base: Offset, bytes: &[u8]) -> Result<Self, IndexFault> {
        let (chunks, rest) = bytes.as_chunks::<ENTRY_SIZE_BYTES>();
        if !rest.is_empty() {
            return Err(IndexFault::Size { size_bytes: bytes.len(), entry_size_bytes: ENTRY_SIZE_BYTES });
        }
        let mut index = Self { base, entries: Vec::with_capacity(chunks.len()) };
        for (number, chunk) in chunks.iter().enumerate() {
            let entry = TimeIndexEntry::from_bytes(*chunk);
            entry.check(number, index.entries.last())?;
            index.entries.push(entry);
        }
        Ok(index)
    }

    /// The entries from `from` on, as they go into the file.
    pub(super) fn to_bytes(&self, from: usize) -> Bytes {
        let mut bytes = Vec::with_capacity((self.entries.len() - from) * ENTRY_SIZE_BYTES);
        for entry in &self.entries[from..] {
            bytes.extend_from_slice(&entry.timestamp.to_be_bytes());
            bytes.extend_from_slice(&entry.relative_offset.to_be_bytes());
        }
        Bytes::from(bytes)
    }

    /// Adds an entry if it says something new.
    pub(super) fn push(&mut self, largest: TimeEntry) {
        let relative_offset =
            u32::try_from(largest.last_offset.0 - self.base.0).expect("segments are rolled before this");
        let is_new = self.entries.last().map_or(largest.timestamp > NO_TIMESTAMP, |last| {
            largest.timestamp > last.timestamp && relative_offset > last.relative_offset
        });
        if is_new {
            self.entries.push(TimeIndexEntry { timestamp: largest.timestamp, relative_offset });
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn last(&self) -> Option<TimeEntry> {
        self.entries.last().map(|entry| self.entry(entry))
    }

    /// The last entry whose timestamp is below `timestamp`: a batch that is younger comes after its offset.
    pub(super) fn before(&self, timestamp: i64) -> Option<TimeEntry> {
        let after = self.entries.partition_point(|entry| entry.timestamp < timestamp);
        self.entries[..after].last().map(|entry| self.entry(entry))
    }

    fn entry(&self, entry: &TimeIndexEntry) -> TimeEntry {
        TimeEntry { timestamp: entry.timestamp, last_offset: Offset(self.base.0 + i64::from(entry.relative_offset)) }
    }
}

/// What records without a timestamp have.
pub(super) const NO_TIMESTAMP: i64 = -1;

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(timestamp: i64, last_offset: i64) -> TimeEntry {
        TimeEntry { timestamp, last_offset: Offset(last_offset) }
    }

    fn index() -> TimeIndex {
        let mut index = TimeIndex::new(Offset(100));
        index.push(entry(1_000, 120));
        index.push(entry(2_000, 140));
        index
    }

    #[test]
    fn only_a_larger_timestamp_makes_an_entry() {
        let mut index = index();
        index.push(entry(2_000, 140));
        index.push(entry(1_500, 150));
        assert_eq!(index.len(), 2);
        let mut timeless = TimeIndex::new(Offset(0));
        timeless.push(entry(NO_TIMESTAMP, 5));
        assert_eq!(timeless.len(), 0);
    }

    #[test]
    fn a_timestamp_is_looked_up_before_it() {
        assert_eq!(index().before(1_000), None);
        assert_eq!(index().before(1_001), Some(entry(1_000, 120)));
        assert_eq!(index().before(2_000), Some(entry(1_000, 120)));
        assert_eq!(index().before(9_000), Some(entry(2_000, 140)));
    }

    #[test]
    fn an_index_survives_the_way_to_disk_and_back_and_a_zero_tail_does_not() {
        let bytes = index().to_bytes(0);
        assert_eq!(bytes[..12], [0, 0, 0, 0, 0, 0, 0x03, 0xe8, 0, 0, 0, 20]);
        assert_eq!(TimeIndex::parse(Offset(100), &bytes), Ok(index()));
        assert_eq!(TimeIndex::parse(Offset(100), &[&bytes[..], &[0; 24]].concat()), Err(IndexFault::NotRising(2)));
        assert!(matches!(TimeIndex::parse(Offset(100), &bytes[..13]), Err(IndexFault::Size { .. })));
    }
}
