//! Closed segments are opened and their indexes loaded when a lookup needs them; indexes that can't be right are made
//! anew. A few segments stay open, those that were used last.

use alloc::boxed::Box;
use alloc::format;

use super::file_read::{Content, FileRead};
use super::names::{LOG, OFFSET_INDEX, TIME_INDEX, file_name};
use super::offset_index::OffsetIndex;
use super::scan::{Check, ScanStep, SegmentScan};
use super::segment::{Indexer, Indexes, Segment};
use super::task::Task;
use super::time_index::TimeIndex;
use super::{IndexFault, PartitionLog};
use crate::boundary::{FileId, Level, OpenMode, Outcome, StorageCommand, StorageError};
use crate::outbox::Outbox;
use crate::types::Offset;

/// Closed segments that stay open, with their indexes.
const OPEN_SEGMENTS_MAX: usize = 8;
/// An index larger than this is no index.
pub(super) const INDEX_MAX_BYTES: u64 = 64 << 20;
const SCAN_CHUNK_SIZE_BYTES: u32 = 64 << 10;

/// A segment that is being prepared. One command is in flight at a time.
#[derive(Debug)]
pub(super) enum Preparing {
    /// The file is being opened; go on with the indexes on disk, or without.
    Log {
        file: FileId,
        trusts_indexes: bool,
    },
    Offsets(FileRead),
    Times(FileRead, OffsetIndex),
    Scan(Box<Rebuild>),
}

/// Indexes that are made anew from the batches.
#[derive(Debug)]
pub(super) struct Rebuild {
    scan: SegmentScan,
    indexes: Indexes,
    indexer: Indexer,
}

impl PartitionLog {
    pub(super) fn is_prepared(&self, base: Offset) -> bool {
        let segment = &self.segments[&base];
        segment.file.is_some()
            && segment.indexes.is_some()
            && segment.largest.is_some()
            && !self.preparing.contains_key(&base)
    }

    /// Opens a closed segment and loads its indexes. The lookups that wait for it go on when that is done.
    pub(super) fn prepare(&mut self, base: Offset, outbox: &mut Outbox) {
        if !self.preparing.contains_key(&base) {
            self.open_segment(base, true, outbox);
        }
    }

    /// Makes a segment's indexes anew. Those of the active segment go on from nothing: its lookups take longer, until it
    /// is closed or the log is opened again.
    pub(super) fn rebuild(&mut self, base: Offset, outbox: &mut Outbox) {
        let segment = self.segments.get_mut(&base).expect("lookups are in segments that exist");
        segment.on_disk = None;
        if base == self.active.base {
            segment.indexes = Some(Indexes::new(base));
            self.lookups.prepared(base);
            return;
        }
        segment.indexes = None;
        if !self.preparing.contains_key(&base) {
            self.open_segment(base, false, outbox);
        }
    }

    fn open_segment(&mut self, base: Offset, trusts_indexes: bool, outbox: &mut Outbox) {
        if self.segments[&base].file.is_some() {
            if let Some(next) = self.after_open(base, trusts_indexes, outbox) {
                self.preparing.insert(base, next);
            }
            return;
        }
        let path = self.dir.join(&file_name(base, LOG));
        let mut issuer = self.issuer(outbox);
        let file = issuer.new_file_id();
        issuer.issue(Task::Prepare(base), StorageCommand::Open { file, path, mode: OpenMode::Existing });
        self.preparing.insert(base, Preparing::Log { file, trusts_indexes });
    }

    fn after_open(&mut self, base: Offset, trusts_indexes: bool, outbox: &mut Outbox) -> Option<Preparing> {
        if !trusts_indexes {
            return self.begin_rebuild(base, outbox);
        }
        let path = self.dir.join(&file_name(base, OFFSET_INDEX));
        let read = FileRead::begin(path, INDEX_MAX_BYTES, Task::Prepare(base), &mut self.issuer(outbox));
        Some(Preparing::Offsets(read))
    }

    /// A command for a segment that is being prepared is done.
    pub(super) fn prepare_done(&mut self, base: Offset, outcome: Outcome, outbox: &mut Outbox) {
        let Some(preparing) = self.preparing.remove(&base) else { return };
        let next = match preparing {
            Preparing::Log { file, trusts_indexes } => {
                self.segments.get_mut(&base).expect("closed segments stay in memory").file = Some(file);
                self.after_open(base, trusts_indexes, outbox)
            }
            Preparing::Offsets(mut read) => match read.done(outcome, &mut self.issuer(outbox)) {
                None => Some(Preparing::Offsets(read)),
                Some(content) => self.offsets_read(base, content, outbox),
            },
            Preparing::Times(mut read, offsets) => match read.done(outcome, &mut self.issuer(outbox)) {
                None => Some(Preparing::Times(read, offsets)),
                Some(content) => self.times_read(base, offsets, content, outbox),
            },
            Preparing::Scan(mut rebuild) => {
                if let Outcome::Data(data) = outcome {
                    rebuild.scan.supply(data);
                }
                self.scan_segment(base, rebuild, outbox)
            }
        };
        if let Some(next) = next {
            self.preparing.insert(base, next);
        }
    }

    /// An index file of a segment that is being prepared is missing: it is made anew. Says whether that was it.
    pub(super) fn prepare_missing(&mut self, base: Offset, error: &StorageError, outbox: &mut Outbox) -> bool {
        let is_index = matches!(self.preparing.get(&base), Some(Preparing::Offsets(_) | Preparing::Times(..)));
        if !is_index || *error != StorageError::NotFound {
            return false;
        }
        self.preparing.remove(&base);
        if let Some(next) = self.begin_rebuild(base, outbox) {
            self.preparing.insert(base, next);
        }
        true
    }

    fn offsets_read(&mut self, base: Offset, content: Content, outbox: &mut Outbox) -> Option<Preparing> {
        let log_size_bytes = self.segments[&base].size_bytes;
        let parsed = match content {
            Content::Bytes(bytes) => OffsetIndex::parse(base, &bytes, log_size_bytes),
            Content::TooLarge => Err(IndexFault::TooLarge),
        };
        match parsed {
            Ok(offsets) => {
                let path = self.dir.join(&file_name(base, TIME_INDEX));
                let task = Task::Prepare(base);
                let read = FileRead::begin(path, INDEX_MAX_BYTES, task, &mut self.issuer(outbox));
                Some(Preparing::Times(read, offsets))
            }
            Err(fault) => self.replace_index(base, OFFSET_INDEX, &fault, outbox),
        }
    }

    fn times_read(
        &mut self,
        base: Offset,
        offsets: OffsetIndex,
        content: Content,
        outbox: &mut Outbox,
    ) -> Option<Preparing> {
        let parsed = match content {
            Content::Bytes(bytes) => TimeIndex::parse(base, &bytes),
            Content::TooLarge => Err(IndexFault::TooLarge),
        };
        let times = match parsed {
            // A segment that was closed in good order has an entry, unless it has no timestamps at all.
            Ok(times) if times.len() == 0 && self.segments[&base].size_bytes > 0 => {
                return self.begin_rebuild(base, outbox);
            }
            Ok(times) => times,
            Err(fault) => return self.replace_index(base, TIME_INDEX, &fault, outbox),
        };
        let indexes = Indexes { offsets, times };
        let segment = self.segments.get_mut(&base).expect("closed segments stay in memory");
        segment.on_disk = Some(indexes.lengths());
        segment.largest.get_or_insert(indexes.times.last());
        segment.indexes = Some(indexes);
        self.prepared(base, outbox);
        None
    }

    fn replace_index(
        &mut self,
        base: Offset,
        suffix: &str,
        fault: &IndexFault,
        outbox: &mut Outbox,
    ) -> Option<Preparing> {
        let name = file_name(base, suffix);
        outbox.report(Level::Warn, format!("{}: {name} is made anew: {fault}", self.label()));
        self.begin_rebuild(base, outbox)
    }

    fn begin_rebuild(&mut self, base: Offset, outbox: &mut Outbox) -> Option<Preparing> {
        let segment = self.segments.get_mut(&base).expect("closed segments stay in memory");
        segment.on_disk = None;
        let scan = SegmentScan::new(base, 0, segment.size_bytes, Check::HeaderOnly, SCAN_CHUNK_SIZE_BYTES);
        let rebuild = Box::new(Rebuild { scan, indexes: Indexes::new(base), indexer: Indexer::new() });
        self.scan_segment(base, rebuild, outbox)
    }

    fn read_segment(&mut self, base: Offset, at: u64, size_bytes: u32, outbox: &mut Outbox) {
        let file = self.segments[&base].file.expect("it was opened first");
        self.issuer(outbox).issue(Task::Prepare(base), StorageCommand::Read { file, at, size_bytes });
    }

    fn scan_segment(&mut self, base: Offset, mut rebuild: Box<Rebuild>, outbox: &mut Outbox) -> Option<Preparing> {
        loop {
            match rebuild.scan.step() {
                ScanStep::Read { at, size_bytes } => {
                    self.read_segment(base, at, size_bytes, outbox);
                    return Some(Preparing::Scan(rebuild));
                }
                ScanStep::Batch { position, header, .. } => {
                    let interval_bytes = self.config.index_interval_bytes;
                    rebuild.indexer.add(&header, position, interval_bytes, &mut rebuild.indexes);
                }
                ScanStep::Bad { position, fault } => {
                    // Lookups before this place still work; those that come here say so themselves.
                    let text = self.found_damage_text(base, position, &fault);
                    outbox.report(Level::Error, format!("{}: {text}", self.label()));
                    break;
                }
                ScanStep::End => break,
            }
        }
        rebuild.indexer.seal(&mut rebuild.indexes);
        let segment = self.segments.get_mut(&base).expect("closed segments stay in memory");
        segment.largest = Some(rebuild.indexer.largest);
        segment.indexes = Some(rebuild.indexes);
        self.write_index(base, outbox);
        self.prepared(base, outbox);
        None
    }

    fn prepared(&mut self, base: Offset, outbox: &mut Outbox) {
        self.retire(base, outbox);
        self.lookups.prepared(base);
        self.run_lookups(outbox);
    }

    /// A closed segment is open from now on; one that was not used for longer may have to go.
    pub(super) fn retire(&mut self, base: Offset, outbox: &mut Outbox) {
        self.open_segments.retain(|open| *open != base);
        self.open_segments.push_back(base);
        self.trim_open_segments(outbox);
    }

    /// A segment is used.
    pub(super) fn touch(&mut self, base: Offset) {
        if base != self.active.base && self.open_segments.back() != Some(&base) {
            self.open_segments.retain(|open| *open != base);
            self.open_segments.push_back(base);
        }
    }

    /// Closes the segments that were not used for longest, but none that is in use.
    pub(super) fn trim_open_segments(&mut self, outbox: &mut Outbox) {
        let mut at = 0;
        while self.open_segments.len() > OPEN_SEGMENTS_MAX && at < self.open_segments.len() {
            let base = self.open_segments[at];
            if self.is_in_use(base) {
                at += 1;
                continue;
            }
            self.open_segments.remove(at);
            let segment = self.segments.get_mut(&base).expect("open segments are in memory");
            segment.indexes = None;
            segment.aborted.unload();
            if let Some(file) = segment.file.take() {
                self.issuer(outbox).close(file);
            }
        }
    }

    fn is_in_use(&self, base: Offset) -> bool {
        let segment: &Segment = &self.segments[&base];
        segment.file.is_some_and(|file| self.pins.contains_key(&file))
            || self.is_being_swapped(base)
            || segment.writing.is_some()
            || segment.has_unwritten_index() && !segment.index_failed
            || self.syncs.needs(base)
            || self.lookups.uses(base)
            || self.aborted_lookups.uses(base)
            || self.preparing.contains_key(&base)
    }
}
