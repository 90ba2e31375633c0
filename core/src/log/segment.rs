//! A segment: a file of batches, and its indexes.

use super::aborted::Aborted;
use super::offset_index::{OffsetEntry, OffsetIndex};
use super::time_index::{NO_TIMESTAMP, TimeEntry, TimeIndex};
use crate::boundary::FileId;
use crate::records::BatchHeader;
use crate::types::Offset;

/// A segment as it is in memory. Only the active one is always open; the others are opened when they are read.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) base: Offset,
    /// Bytes of batches, those in flight included.
    pub(super) size_bytes: u64,
    /// Its `.log`, while it is open.
    pub(super) file: Option<FileId>,
    /// Its indexes, while they are loaded.
    pub(super) indexes: Option<Indexes>,
    /// Its aborted transactions.
    pub(super) aborted: Aborted,
    /// The largest timestamp and the batch that had it first, once known; `None` inside where no batch has a timestamp.
    pub(super) largest: Option<Option<TimeEntry>>,
    /// Largest timestamp of its first batch, where that is known of a closed segment.
    pub(super) first_timestamp: Option<i64>,
    /// When it was last written to, in milliseconds since the Unix epoch: for retention, where no batch has a timestamp.
    pub(super) modified_ms: i64,
    /// How much of the indexes is in their files; `None` where the files must be written anew.
    pub(super) on_disk: Option<IndexLengths>,
    pub(super) writing: Option<IndexWriting>,
    /// The indexes could not be written: they are kept from memory only as long as there is room.
    pub(super) index_failed: bool,
}

/// The indexes of a segment by offset and by time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Indexes {
    pub(super) offsets: OffsetIndex,
    pub(super) times: TimeIndex,
}

/// Numbers of entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct IndexLengths {
    pub(super) offsets: usize,
    pub(super) times: usize,
}

/// Whether an index file's name must be made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IndexName {
    Known,
    /// When the file is written.
    ToBeSynced,
    Syncing,
}

/// Index files that are being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct IndexWriting {
    /// Storage commands that have not ended.
    pub(super) commands: u8,
    /// What will be on disk then; `None` where only the transaction index is written.
    pub(super) lengths: Option<IndexLengths>,
    /// Entries of the transaction index that will be on disk then.
    pub(super) aborted: Option<usize>,
    /// Of the transaction index.
    pub(super) name: IndexName,
    pub(super) failed: bool,
    /// More came meanwhile: write again.
    pub(super) again: bool,
}

impl Segment {
    /// A segment of which only the name and size are known.
    pub(super) fn closed(base: Offset, size_bytes: u64, modified_ms: i64) -> Self {
        Self {
            base,
            size_bytes,
            file: None,
            indexes: None,
            aborted: Aborted::none(),
            largest: None,
            first_timestamp: None,
            modified_ms,
            on_disk: None,
            writing: None,
            index_failed: false,
        }
    }

    /// An empty segment that will be written.
    pub(super) fn empty(base: Offset, file: FileId, now_ms: i64) -> Self {
        let indexes = Some(Indexes::new(base));
        Self { file: Some(file), indexes, largest: Some(None), ..Self::closed(base, 0, now_ms) }
    }

    /// Where to begin to look for `offset`: a batch that is at or before it, and what its last offset must be.
    pub(super) fn search_from(&self, offset: Offset) -> Option<OffsetEntry> {
        self.indexes.as_ref()?.offsets.at_or_before(offset)
    }

    /// Whether the indexes have entries that are not in their files.
    pub(super) fn has_unwritten_index(&self) -> bool {
        self.indexes.as_ref().is_some_and(|indexes| self.on_disk != Some(indexes.lengths()))
            || self.aborted.is_unwritten()
    }
}

impl Indexes {
    pub(super) fn new(base: Offset) -> Self {
        Self { offsets: OffsetIndex::new(base), times: TimeIndex::new(base) }
    }

    pub(super) fn lengths(&self) -> IndexLengths {
        IndexLengths { offsets: self.offsets.len(), times: self.times.len() }
    }
}

/// Makes index entries as batches come, by Kafka's rules. Used by appends and by rebuilding alike.
#[derive(Clone, Copy, Debug)]
pub(super) struct Indexer {
    bytes_since_entry: u64,
    /// The largest timestamp so far, and the last offset of the first batch that had it.
    pub(super) largest: Option<TimeEntry>,
    /// Largest timestamp of the segment's first batch.
    pub(super) first_timestamp: Option<i64>,
}

impl Indexer {
    /// At the beginning of a segment.
    pub(super) fn new() -> Self {
        Self { bytes_since_entry: 0, largest: None, first_timestamp: None }
    }

    /// In the middle of a segment, right before the batch that has the index's last entry.
    pub(super) fn resume(indexes: &Indexes, first_timestamp: Option<i64>) -> Self {
        Self { bytes_since_entry: 0, largest: indexes.times.last(), first_timestamp }
    }

    /// Takes the batch at `position` into account.
    pub(super) fn add(&mut self, header: &BatchHeader, position: u64, interval_bytes: u32, indexes: &mut Indexes) {
        if position == 0 {
            self.first_timestamp = Some(header.max_timestamp);
        }
        let timestamp = header.max_timestamp;
        if timestamp > self.largest.map_or(NO_TIMESTAMP, |largest| largest.timestamp) {
            self.largest = Some(TimeEntry { timestamp, last_offset: header.last_offset() });
        }
        if self.bytes_since_entry > u64::from(interval_bytes) {
            indexes.offsets.push(header.last_offset(), position);
            self.seal(indexes);
            self.bytes_since_entry = 0;
        }
        self.bytes_since_entry += header.size_bytes() as u64;
    }

    /// Notes the largest timestamp at the segment's end.
    pub(super) fn seal(&self, indexes: &mut Indexes) {
        if let Some(largest) = self.largest {
            indexes.times.push(largest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::{BatchBuilder, BuilderRecord};

    fn header(base_offset: i64, timestamp: i64, size: usize) -> BatchHeader {
        let mut builder = BatchBuilder::new().base_offset(Offset(base_offset));
        let value = alloc::vec![0; size];
        builder.push(BuilderRecord { timestamp, value: Some(&value), ..Default::default() });
        BatchHeader::parse(&builder.build()).unwrap()
    }

    #[test]
    fn an_entry_is_made_for_the_first_batch_after_each_interval() {
        let (mut indexes, mut indexer) = (Indexes::new(Offset(0)), Indexer::new());
        let mut position = 0;
        for (offset, timestamp) in [(0, 500), (1, 700), (2, 600), (3, 650), (4, 900)] {
            let header = header(offset, timestamp, 2_000);
            indexer.add(&header, position, 4_096, &mut indexes);
            position += header.size_bytes() as u64;
        }
        // 2,070 bytes each: two are below the interval, three above it.
        let entry = OffsetEntry { last_offset: Offset(2), position: 2 * 2_070 };
        assert_eq!(indexes.offsets.at_or_before(Offset(3)), Some(entry));
        assert_eq!(indexes.offsets.last().unwrap().last_offset, Offset(4));
        assert_eq!(indexes.times.before(i64::MAX).unwrap().timestamp, 900);
        assert_eq!(indexes.times.before(900), Some(TimeEntry { timestamp: 700, last_offset: Offset(1) }));
        assert_eq!(indexer.first_timestamp, Some(500));
    }
}
