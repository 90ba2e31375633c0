//! The offset index of a segment: a sparse map from offsets to positions in the file, as in `.index`.
//!
//! An entry names the last offset of a batch and the position of that batch. In memory it takes 8 bytes, of which a
//! full segment of 1 GiB has a quarter of a million.

use alloc::vec::Vec;

use bytes::Bytes;

use super::IndexFault;
use crate::types::Offset;

/// Bytes of an entry on disk.
pub(super) const ENTRY_SIZE_BYTES: usize = OffsetIndexEntry::SIZE_BYTES;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OffsetIndex {
    base: Offset,
    entries: Vec<OffsetIndexEntry>,
}

/// An entry as it is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffsetIndexEntry {
    /// Last offset of a batch, less the segment's base offset.
    pub relative_offset: u32,
    /// Where that batch begins in the segment's file.
    pub position: u32,
}

/// An entry as the rest of the log sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OffsetEntry {
    /// Last offset of a batch.
    pub(super) last_offset: Offset,
    /// Where that batch begins.
    pub(super) position: u64,
}

impl OffsetIndexEntry {
    /// Bytes of an entry.
    pub const SIZE_BYTES: usize = 8;

    /// Reads an entry.
    #[must_use]
    pub const fn from_bytes([r0, r1, r2, r3, p0, p1, p2, p3]: [u8; Self::SIZE_BYTES]) -> Self {
        Self { relative_offset: u32::from_be_bytes([r0, r1, r2, r3]), position: u32::from_be_bytes([p0, p1, p2, p3]) }
    }

    /// Whether it may be entry `number` of the index of a segment of `log_size_bytes`, behind the entry `previous`.
    ///
    /// # Errors
    /// Where it can't.
    pub fn check(self, number: usize, previous: Option<&Self>, log_size_bytes: u64) -> Result<(), IndexFault> {
        let rises = self.position > previous.map_or(0, |previous| previous.position)
            && previous.is_none_or(|previous| self.relative_offset > previous.relative_offset);
        if !rises {
            return Err(IndexFault::NotRising(number));
        }
        if u64::from(self.position) >= log_size_bytes || self.relative_offset > i32::MAX as u32 {
            return Err(IndexFault::BeyondLog(number));
        }
        Ok(())
    }
}

impl OffsetIndex {
    pub(super) fn new(base: Offset) -> Self {
        Self { base, entries: Vec::new() }
    }

    /// Takes over what a file holds.
    ///
    /// # Errors
    /// Where that can't be the index of a segment of `log_size_bytes`.
    pub(super) fn parse(base: Offset, bytes: &[u8], log_size_bytes: u64) -> Result<Self, IndexFault> {
        let (chunks, rest) = bytes.as_chunks::<ENTRY_SIZE_BYTES>();
        if !rest.is_empty() {
            return Err(IndexFault::Size { size_bytes: bytes.len(), entry_size_bytes: ENTRY_SIZE_BYTES });
        }
        let mut index = Self { base, entries: Vec::with_capacity(chunks.len()) };
        for (number, chunk) in chunks.iter().enumerate() {
            let entry = OffsetIndexEntry::from_bytes(*chunk);
            entry.check(number, index.entries.last(), log_size_bytes)?;
            index.entries.push(entry);
        }
        Ok(index)
    }

    /// The entries from `from` on, as they go into the file.
    pub(super) fn to_bytes(&self, from: usize) -> Bytes {
        let mut bytes = Vec::with_capacity((self.entries.len() - from) * ENTRY_SIZE_BYTES);
        for entry in &self.entries[from..] {
            bytes.extend_from_slice(&entry.relative_offset.to_be_bytes());
            bytes.extend_from_slice(&entry.position.to_be_bytes());
        }
        Bytes::from(bytes)
    }

    pub(super) fn push(&mut self, last_offset: Offset, position: u64) {
        let relative_offset = u32::try_from(last_offset.0 - self.base.0).expect("segments are rolled before this");
        let position = u32::try_from(position).expect("segments stay below 4 GiB");
        debug_assert!(self.entries.last().is_none_or(|last| last.relative_offset < relative_offset));
        self.entries.push(OffsetIndexEntry { relative_offset, position });
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn last(&self) -> Option<OffsetEntry> {
        self.entries.last().map(|entry| self.entry(entry))
    }

    /// The last entry whose offset is not above `offset`.
    pub(super) fn at_or_before(&self, offset: Offset) -> Option<OffsetEntry> {
        let Ok(relative) = u64::try_from(offset.0 - self.base.0) else { return None };
        let after = self.entries.partition_point(|entry| u64::from(entry.relative_offset) <= relative);
        self.entries[..after].last().map(|entry| self.entry(entry))
    }

    /// The first entry whose batch begins at `position` or later.
    pub(super) fn at_or_after_position(&self, position: u64) -> Option<OffsetEntry> {
        let before = self.entries.partition_point(|entry| u64::from(entry.position) < position);
        self.entries.get(before).map(|entry| self.entry(entry))
    }

    fn entry(&self, entry: &OffsetIndexEntry) -> OffsetEntry {
        OffsetEntry {
            last_offset: Offset(self.base.0 + i64::from(entry.relative_offset)),
            position: u64::from(entry.position),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index() -> OffsetIndex {
        let mut index = OffsetIndex::new(Offset(100));
        index.push(Offset(120), 4_200);
        index.push(Offset(140), 8_500);
        index
    }

    #[test]
    fn an_offset_is_looked_up_at_or_before() {
        assert_eq!(index().at_or_before(Offset(119)), None);
        assert_eq!(index().at_or_before(Offset(99)), None);
        let first = OffsetEntry { last_offset: Offset(120), position: 4_200 };
        assert_eq!(index().at_or_before(Offset(120)), Some(first));
        assert_eq!(index().at_or_before(Offset(139)), Some(first));
        assert_eq!(index().at_or_before(Offset(1 << 40)).unwrap().position, 8_500);
    }

    #[test]
    fn a_position_is_looked_up_at_or_after() {
        assert_eq!(index().at_or_after_position(0).unwrap().last_offset, Offset(120));
        assert_eq!(index().at_or_after_position(4_200).unwrap().last_offset, Offset(120));
        assert_eq!(index().at_or_after_position(4_201).unwrap().last_offset, Offset(140));
        assert_eq!(index().at_or_after_position(8_501), None);
    }

    #[test]
    fn an_index_survives_the_way_to_disk_and_back() {
        let bytes = index().to_bytes(0);
        assert_eq!(bytes[..8], [0, 0, 0, 20, 0, 0, 0x10, 0x68]);
        assert_eq!(OffsetIndex::parse(Offset(100), &bytes, 9_000), Ok(index()));
        assert_eq!(index().to_bytes(1), bytes.slice(8..));
    }

    #[test]
    fn what_can_not_be_an_index_is_refused() {
        let bytes = index().to_bytes(0);
        assert!(matches!(OffsetIndex::parse(Offset(100), &bytes[..9], 9_000), Err(IndexFault::Size { .. })));
        assert_eq!(OffsetIndex::parse(Offset(100), &bytes, 8_500), Err(IndexFault::BeyondLog(1)));
        let preallocated = [&bytes[..], &[0; 64]].concat();
        assert_eq!(OffsetIndex::parse(Offset(100), &preallocated, 9_000), Err(IndexFault::NotRising(2)));
        assert_eq!(OffsetIndex::parse(Offset(100), &[0; 8], 9_000), Err(IndexFault::NotRising(0)));
    }
}
