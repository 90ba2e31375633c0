//! What is in a partition's directory, by kind.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use crate::boundary::DirEntry;
use crate::log::names::{
    FileKind, LOG, OFFSET_INDEX, SNAPSHOT, SWAP, TIME_INDEX, TRANSACTION_INDEX, file_kind, file_name,
};
use crate::log::offset_index;
use crate::log::segment::IndexLengths;
use crate::log::time_index;
use crate::time::WallClock;
use crate::types::Offset;

#[derive(Debug, Default)]
pub(super) struct Files {
    /// Sizes of segments by base offset.
    pub(super) segments: BTreeMap<Offset, u64>,
    modified: BTreeMap<Offset, WallClock>,
    pub(super) snapshots: BTreeSet<Offset>,
    pub(super) has_metadata: bool,
    pub(super) has_epochs: bool,
    pub(super) garbage: Vec<String>,
    /// Segments that a compaction has made and that wait for their places.
    pub(super) swaps: BTreeSet<Offset>,
    swapped: BTreeSet<String>,
    offset_indexes: BTreeMap<Offset, u64>,
    time_indexes: BTreeMap<Offset, u64>,
    transaction_indexes: BTreeSet<Offset>,
    distrusts_indexes: bool,
}

impl Files {
    pub(super) fn of(entries: &[DirEntry]) -> Self {
        let mut files = Self::default();
        for entry in entries.iter().filter(|entry| !entry.is_dir) {
            match file_kind(&entry.name) {
                FileKind::Log(base) => {
                    files.segments.insert(base, entry.size_bytes);
                    files.modified.extend(entry.modified.map(|modified| (base, modified)));
                }
                FileKind::OffsetIndex(base) => drop(files.offset_indexes.insert(base, entry.size_bytes)),
                FileKind::TimeIndex(base) => drop(files.time_indexes.insert(base, entry.size_bytes)),
                FileKind::TransactionIndex(base) => drop(files.transaction_indexes.insert(base)),
                FileKind::ProducerSnapshot(at) => drop(files.snapshots.insert(at)),
                FileKind::LeaderEpochs => files.has_epochs = true,
                FileKind::PartitionMetadata => files.has_metadata = true,
                FileKind::Garbage => files.garbage.push(entry.name.clone()),
                FileKind::Compaction => files.take_compacted(&entry.name),
                FileKind::Unknown => {}
            }
        }
        files.garbage.extend(files.swapped_without_log());
        files
    }

    /// What a compaction has left: what it had not finished goes.
    fn take_compacted(&mut self, name: &str) {
        let Some(own_name) = name.strip_suffix(SWAP) else { return self.garbage.push(name.into()) };
        match file_kind(own_name) {
            FileKind::Log(base) => drop(self.swaps.insert(base)),
            _ => drop(self.swapped.insert(own_name.into())),
        }
    }

    /// Names of files beside a segment that was given its own name already.
    fn swapped_without_log(&self) -> Vec<String> {
        let waits = |name: &String| self.swaps.iter().any(|base| name.starts_with(&file_name(*base, "")));
        self.swapped.iter().filter(|name| !waits(name)).map(|name| name.clone() + SWAP).collect()
    }

    /// What lies beside a segment that waits for its place.
    pub(super) fn swapped_beside(&self, base: Offset) -> Vec<&'static str> {
        let beside = [OFFSET_INDEX, TIME_INDEX, TRANSACTION_INDEX];
        beside.into_iter().filter(|suffix| self.swapped.contains(&file_name(base, suffix))).collect()
    }

    /// Whether a segment has both indexes, and they may be believed.
    pub(super) fn has_indexes(&self, base: Offset) -> bool {
        !self.distrusts_indexes && self.offset_indexes.contains_key(&base) && self.time_indexes.contains_key(&base)
    }

    pub(super) fn has_transaction_index(&self, base: Offset) -> bool {
        self.transaction_indexes.contains(&base)
    }

    pub(super) fn distrust_indexes(&mut self) {
        self.distrusts_indexes = true;
    }

    /// How many entries a segment's index files have.
    pub(super) fn index_lengths(&self, base: Offset) -> IndexLengths {
        let entries = |sizes: &BTreeMap<Offset, u64>, entry: usize| {
            sizes.get(&base).map_or(0, |size| usize::try_from(*size).unwrap_or(usize::MAX) / entry)
        };
        IndexLengths {
            offsets: entries(&self.offset_indexes, offset_index::ENTRY_SIZE_BYTES),
            times: entries(&self.time_indexes, time_index::ENTRY_SIZE_BYTES),
        }
    }

    /// When a segment was last written to; `now` where nobody knows.
    pub(super) fn modified_ms(&self, base: Offset, now: WallClock) -> i64 {
        self.modified.get(&base).unwrap_or(&now).0
    }

    /// Forgets the segments that end at or before `start`, and says how their files are called.
    pub(super) fn take_before(&mut self, start: Offset) -> Vec<String> {
        let mut names = Vec::new();
        let ends: Vec<Offset> = self.segments.keys().skip(1).copied().collect();
        for end in ends.into_iter().take_while(|end| *end <= start) {
            let base = *self.segments.range(..end).next_back().expect("it ends a segment").0;
            names.extend(self.take(base));
        }
        names
    }

    /// Forgets a segment, and says how its files are called.
    pub(super) fn take(&mut self, base: Offset) -> Vec<String> {
        let names = self.of_segment(base);
        self.segments.remove(&base);
        self.offset_indexes.remove(&base);
        self.time_indexes.remove(&base);
        self.transaction_indexes.remove(&base);
        self.snapshots.remove(&base);
        names
    }

    /// Names of the files of a segment.
    pub(super) fn of_segment(&self, base: Offset) -> Vec<String> {
        let mut names = Vec::from([file_name(base, LOG)]);
        names.extend(self.indexes_of(base));
        if self.snapshots.contains(&base) {
            names.push(file_name(base, SNAPSHOT));
        }
        names
    }

    /// Names of index files whose segment is not there.
    pub(super) fn orphans(&self) -> Vec<String> {
        let with_index = self.offset_indexes.keys().chain(self.time_indexes.keys()).chain(&self.transaction_indexes);
        let orphaned: BTreeSet<Offset> = with_index.filter(|base| !self.segments.contains_key(base)).copied().collect();
        orphaned.into_iter().flat_map(|base| self.indexes_of(base)).collect()
    }

    fn indexes_of(&self, base: Offset) -> Vec<String> {
        let mut names = Vec::new();
        if self.offset_indexes.contains_key(&base) {
            names.push(file_name(base, OFFSET_INDEX));
        }
        if self.time_indexes.contains_key(&base) {
            names.push(file_name(base, TIME_INDEX));
        }
        if self.transaction_indexes.contains(&base) {
            names.push(file_name(base, TRANSACTION_INDEX));
        }
        names
    }
}
