//! Which transactions were aborted in a stretch of the log: what a consumer must leave out that wants committed records
//! only.
//!
//! The transaction index of the active segment is in memory; those of closed segments are read when they are needed, and
//! stay as long as their segments are open. One that can't be right is made anew from the batches.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::ToString as _;
use alloc::vec::Vec;
use core::ops::Bound;

use bytes::Bytes;

use super::event::{Extent, Found, LogEvent, Lookup, LookupError, LookupId};
use super::file_read::{Content, FileRead};
use super::names::{LOG, SNAPSHOT, TRANSACTION_INDEX, file_name};
use super::prepare::INDEX_MAX_BYTES;
use super::producers::{LoggedBatch, Producers};
use super::scan::{Check, ScanStep, SegmentScan};
use super::snapshot::{self, SNAPSHOT_MAX_BYTES};
use super::task::Task;
use super::transaction_index::{AbortedTransaction, TransactionIndex};
use super::transactions::Place;
use super::{IndexFault, PartitionLog};
use crate::boundary::{FileId, Level, OpenMode, Outcome, StorageCommand, StorageError};
use crate::outbox::Outbox;
use crate::types::Offset;

const SCAN_CHUNK_SIZE_BYTES: u32 = 64 << 10;

/// The aborted transactions of a segment.
#[derive(Debug)]
pub(super) enum Aborted {
    /// They are in a file, which is read when they are needed.
    OnDisk,
    Loaded {
        index: TransactionIndex,
        /// How many entries are in the file; `None` where it must be written anew.
        written: Option<usize>,
        /// The file's name would survive a crash.
        is_named: bool,
    },
}

/// What is to be written of a transaction index.
pub(super) struct AbortedToWrite {
    pub(super) from: usize,
    pub(super) data: Bytes,
    /// How many entries will be in the file then.
    pub(super) count: usize,
    pub(super) is_unnamed: bool,
}

impl Aborted {
    /// Of a segment without a file.
    pub(super) fn none() -> Self {
        Self::Loaded { index: TransactionIndex::default(), written: Some(0), is_named: false }
    }

    /// As it was read.
    pub(super) fn read(index: TransactionIndex) -> Self {
        let written = Some(index.len());
        Self::Loaded { index, written, is_named: true }
    }

    /// As it was made anew, in place of the file that there was.
    pub(super) fn remade(index: TransactionIndex, had_file: bool) -> Self {
        let written = if had_file { None } else { Some(0) };
        Self::Loaded { index, written, is_named: had_file }
    }

    /// The index, where it is in memory.
    pub(super) fn loaded(&self) -> Option<&TransactionIndex> {
        match self {
            Self::OnDisk => None,
            Self::Loaded { index, .. } => Some(index),
        }
    }

    /// The active segment has one more.
    pub(super) fn push(&mut self, entry: AbortedTransaction) {
        match self {
            Self::OnDisk => unreachable!("the active segment's indexes are loaded"),
            Self::Loaded { index, .. } => index.push(entry),
        }
    }

    /// Entries in memory.
    pub(super) fn len(&self) -> usize {
        self.loaded().map_or(0, TransactionIndex::len)
    }

    /// Entries that are not in the file.
    pub(super) fn unwritten(&self) -> usize {
        match self {
            Self::OnDisk => 0,
            Self::Loaded { index, written, .. } => index.len() - written.unwrap_or(0),
        }
    }

    pub(super) fn is_unwritten(&self) -> bool {
        matches!(self, Self::Loaded { index, written, .. } if *written != Some(index.len()))
    }

    /// `None` where there is nothing to do.
    pub(super) fn to_write(&self, is_closed: bool) -> Option<AbortedToWrite> {
        let Self::Loaded { index, written, is_named } = self else { return None };
        let must_be_synced = is_closed && index.len() > 0;
        (self.is_unwritten() || must_be_synced).then(|| {
            let from = written.unwrap_or(0);
            let is_unnamed = !is_named;
            AbortedToWrite { from, data: index.to_bytes(from), count: index.len(), is_unnamed }
        })
    }

    /// So many entries are in the file, or nobody knows.
    pub(super) fn written(&mut self, count: usize, has_failed: bool) {
        if let Self::Loaded { written, .. } = self {
            *written = (!has_failed).then_some(count);
        }
    }

    /// The directory was synced with the file in it.
    pub(super) fn named(&mut self) {
        if let Self::Loaded { is_named, .. } = self {
            *is_named = true;
        }
    }

    /// Frees the memory of what can be read again.
    pub(super) fn unload(&mut self) {
        if self.len() > 0 && !self.is_unwritten() {
            *self = Self::OnDisk;
        }
    }
}

/// Lookups of aborted transactions that wait for an index, and the indexes that are being read.
#[derive(Debug, Default)]
pub(super) struct AbortedLookups {
    running: BTreeMap<LookupId, Collecting>,
    loading: BTreeMap<Offset, Loading>,
}

#[derive(Debug)]
struct Collecting {
    /// Transactions are of interest that have a part from here...
    from: Offset,
    /// ... up to here.
    end: Offset,
    /// The next segment to look at.
    segment: Offset,
    found: Vec<AbortedTransaction>,
}

/// An index that is being read, or made anew. One command is in flight at a time.
#[derive(Debug)]
enum Loading {
    Read(FileRead),
    Remake(Box<Remake>),
}

/// An index that is made anew: it takes the state of the producers at the segment's begin.
#[derive(Debug)]
struct Remake {
    /// The segment that is walked, or whose snapshot is read.
    segment: Offset,
    producers: Producers,
    index: TransactionIndex,
    step: Step,
}

#[derive(Debug)]
enum Step {
    Snapshot(FileRead),
    Open(FileId),
    Scan(FileId, SegmentScan),
}

impl AbortedLookups {
    /// Whether a segment's files are being read, or will be.
    pub(super) fn uses(&self, base: Offset) -> bool {
        let walks = |loading: &Loading| matches!(loading, Loading::Remake(remake) if remake.segment == base);
        self.loading.contains_key(&base)
            || self.loading.values().any(walks)
            || self.running.values().any(|running| running.segment == base)
    }

    /// Ends all of them.
    pub(super) fn end(&mut self) -> impl Iterator<Item = LookupId> {
        self.loading.clear();
        core::mem::take(&mut self.running).into_keys()
    }
}

impl PartitionLog {
    /// Takes over the lookups of a log that holds the same: each begins anew here.
    pub(super) fn take_aborted_lookups(&mut self, lookups: AbortedLookups, outbox: &mut Outbox) {
        for (lookup, collecting) in lookups.running {
            let segment = self.segment_of(collecting.from);
            let mut collecting = Collecting { segment, found: Vec::new(), ..collecting };
            if self.collect(&mut collecting, outbox) {
                let result = Ok(Found::Aborted(collecting.found));
                self.events.push_back(LogEvent::LookupDone { lookup, result });
            } else {
                self.aborted_lookups.running.insert(lookup, collecting);
            }
        }
    }

    /// The aborted transactions that a consumer must know of to read `size_bytes` of an extent, which it asked for from
    /// `from` on; in the order of their ends. With a smaller size, those remain that begin before
    /// [`PartitionLog::end_of`] it.
    pub fn aborted(
        &mut self,
        from: Offset,
        extent: &Extent,
        size_bytes: u64,
        outbox: &mut Outbox,
    ) -> Lookup<Vec<AbortedTransaction>> {
        let end = self.end_of(extent, size_bytes);
        // The extent may be one of a log that this one took the place of.
        let segment = extent.segment.min(self.segment_of(from));
        let mut collecting = Collecting { from, end, segment, found: Vec::new() };
        if self.collect(&mut collecting, outbox) {
            return Lookup::Ready(collecting.found);
        }
        let id = self.lookups.new_id();
        self.aborted_lookups.running.insert(id, collecting);
        Lookup::Reading(id)
    }

    /// An offset that is not below the end of the first `size_bytes` of an extent: the next that the index knows.
    #[must_use]
    pub fn end_of(&self, extent: &Extent, size_bytes: u64) -> Offset {
        let segment = self.segments.get(&extent.segment).filter(|segment| segment.file == Some(extent.file));
        let Some(segment) = segment else { return self.log_end };
        let indexes = segment.indexes.as_ref();
        let position = extent.position.saturating_add(size_bytes);
        if let Some(entry) = indexes.and_then(|indexes| indexes.offsets.at_or_after_position(position)) {
            return entry.last_offset;
        }
        let later = (Bound::Excluded(extent.segment), Bound::Unbounded);
        self.segments.range(later).next().map_or(self.log_end, |(base, _)| *base)
    }

    /// Looks on through the segments' indexes. `false`: one must be read first.
    fn collect(&mut self, collecting: &mut Collecting, outbox: &mut Outbox) -> bool {
        while let Some((base, segment)) = self.segments.range(collecting.segment..).next() {
            let base = *base;
            collecting.segment = base;
            match segment.aborted.loaded() {
                None => {
                    self.load_aborted(base, outbox);
                    return false;
                }
                Some(index) if !index.collect(collecting.from, collecting.end, &mut collecting.found) => return true,
                Some(_) => collecting.segment = base.next(),
            }
        }
        true
    }

    fn load_aborted(&mut self, base: Offset, outbox: &mut Outbox) {
        if self.aborted_lookups.loading.contains_key(&base) {
            return;
        }
        let path = self.dir.join(&file_name(base, TRANSACTION_INDEX));
        let read = FileRead::begin(path, INDEX_MAX_BYTES, Task::LoadAborted(base), &mut self.issuer(outbox));
        self.aborted_lookups.loading.insert(base, Loading::Read(read));
    }

    /// A command for a transaction index is done.
    pub(super) fn aborted_done(&mut self, base: Offset, outcome: Outcome, outbox: &mut Outbox) {
        let Some(loading) = self.aborted_lookups.loading.remove(&base) else { return };
        let next = match loading {
            Loading::Read(mut read) => match read.done(outcome, &mut self.issuer(outbox)) {
                None => Some(Loading::Read(read)),
                Some(content) => self.aborted_read(base, &content, outbox),
            },
            Loading::Remake(remake) => self.remake_done(base, remake, outcome, outbox),
        };
        if let Some(next) = next {
            self.aborted_lookups.loading.insert(base, next);
        }
    }

    /// A file that was wanted for a transaction index is missing; it can do without. Says whether that was it.
    pub(super) fn aborted_missing(&mut self, base: Offset, error: &StorageError, outbox: &mut Outbox) -> bool {
        if *error != StorageError::NotFound {
            return false;
        }
        let next = match self.aborted_lookups.loading.remove(&base) {
            None => return true,
            Some(Loading::Read(_)) => {
                let name = file_name(base, TRANSACTION_INDEX);
                outbox.report(Level::Warn, format!("{}: {name} is missing; it is made anew", self.label()));
                self.begin_remake(base, outbox)
            }
            Some(Loading::Remake(remake)) if matches!(remake.step, Step::Snapshot(_)) => {
                self.earlier_snapshot(base, remake, outbox)
            }
            Some(Loading::Remake(_)) => return false,
        };
        if let Some(next) = next {
            self.aborted_lookups.loading.insert(base, next);
        }
        true
    }

    fn aborted_read(&mut self, base: Offset, content: &Content, outbox: &mut Outbox) -> Option<Loading> {
        let parsed = match content {
            Content::Bytes(bytes) => TransactionIndex::parse(base, bytes),
            Content::TooLarge => Err(IndexFault::TooLarge),
        };
        match parsed {
            Ok(index) => {
                if let Some(segment) = self.segments.get_mut(&base) {
                    segment.aborted = Aborted::read(index);
                    self.retire(base, outbox);
                }
                self.aborted_known(base, outbox);
                None
            }
            Err(fault) => {
                let name = file_name(base, TRANSACTION_INDEX);
                outbox.report(Level::Warn, format!("{}: {name} is made anew: {fault}", self.label()));
                self.begin_remake(base, outbox)
            }
        }
    }

    /// The lookups that waited for this index go on.
    fn aborted_known(&mut self, base: Offset, outbox: &mut Outbox) {
        let waiting = |collecting: &Collecting| collecting.segment == base;
        let running = &self.aborted_lookups.running;
        let ids: Vec<LookupId> = running.iter().filter(|(_, it)| waiting(it)).map(|(id, _)| *id).collect();
        for lookup in ids {
            let Some(mut collecting) = self.aborted_lookups.running.remove(&lookup) else { continue };
            if self.collect(&mut collecting, outbox) {
                let result = Ok(Found::Aborted(collecting.found));
                self.events.push_back(LogEvent::LookupDone { lookup, result });
            } else {
                self.aborted_lookups.running.insert(lookup, collecting);
            }
        }
        self.trim_open_segments(outbox);
    }

    fn begin_remake(&mut self, base: Offset, outbox: &mut Outbox) -> Option<Loading> {
        let step = self.read_snapshot_at(base, base, outbox);
        let (producers, index) = (Producers::default(), TransactionIndex::default());
        Some(Loading::Remake(Box::new(Remake { segment: base, producers, index, step })))
    }

    fn read_snapshot_at(&mut self, base: Offset, at: Offset, outbox: &mut Outbox) -> Step {
        let path = self.dir.join(&file_name(at, SNAPSHOT));
        let task = Task::LoadAborted(base);
        Step::Snapshot(FileRead::begin(path, SNAPSHOT_MAX_BYTES, task, &mut self.issuer(outbox)))
    }

    /// There is no snapshot at a segment's begin: that of the one before serves, or all batches.
    fn earlier_snapshot(&mut self, base: Offset, mut remake: Box<Remake>, outbox: &mut Outbox) -> Option<Loading> {
        let Some((before, _)) = self.segments.range(..remake.segment).next_back() else {
            return self.walk_for_remake(base, remake, outbox);
        };
        remake.segment = *before;
        remake.step = self.read_snapshot_at(base, remake.segment, outbox);
        Some(Loading::Remake(remake))
    }

    fn remake_done(
        &mut self,
        base: Offset,
        mut remake: Box<Remake>,
        outcome: Outcome,
        outbox: &mut Outbox,
    ) -> Option<Loading> {
        match (&mut remake.step, outcome) {
            (Step::Snapshot(read), outcome) => {
                let Some(content) = read.done(outcome, &mut self.issuer(outbox)) else {
                    return Some(Loading::Remake(remake));
                };
                let Content::Bytes(bytes) = content else { return self.earlier_snapshot(base, remake, outbox) };
                let Ok(producers) = snapshot::parse(&bytes) else {
                    return self.earlier_snapshot(base, remake, outbox);
                };
                remake.producers = producers;
                self.walk_for_remake(base, remake, outbox)
            }
            (Step::Open(file), Outcome::Opened { size_bytes }) => {
                let known = self.segments.get(&remake.segment).map_or(size_bytes, |segment| segment.size_bytes);
                let (at, check) = (remake.segment, Check::HeaderOnly);
                let scan = SegmentScan::new(at, 0, known.min(size_bytes), check, SCAN_CHUNK_SIZE_BYTES);
                remake.step = Step::Scan(*file, scan);
                self.scan_for_remake(base, remake, outbox)
            }
            (Step::Scan(_, scan), Outcome::Data(data)) => {
                scan.supply(data);
                self.scan_for_remake(base, remake, outbox)
            }
            (step, outcome) => unreachable!("{outcome:?} in {step:?}"),
        }
    }

    fn walk_for_remake(&mut self, base: Offset, mut remake: Box<Remake>, outbox: &mut Outbox) -> Option<Loading> {
        let path = self.dir.join(&file_name(remake.segment, LOG));
        let mut issuer = self.issuer(outbox);
        let file = issuer.new_file_id();
        issuer.issue(Task::LoadAborted(base), StorageCommand::Open { file, path, mode: OpenMode::Existing });
        remake.step = Step::Open(file);
        Some(Loading::Remake(remake))
    }

    fn scan_for_remake(&mut self, base: Offset, mut remake: Box<Remake>, outbox: &mut Outbox) -> Option<Loading> {
        let Remake { segment, producers, index, step } = &mut *remake;
        let Step::Scan(file, scan) = step else { unreachable!("segments are scanned here") };
        let file = *file;
        let fault = loop {
            match scan.step() {
                ScanStep::Read { at, size_bytes } => {
                    let command = StorageCommand::Read { file, at, size_bytes };
                    self.issuer(outbox).issue(Task::LoadAborted(base), command);
                    return Some(Loading::Remake(remake));
                }
                ScanStep::Batch { position, header, marker } => {
                    let place = Place { segment: *segment, position };
                    let aborted = producers.replay(&LoggedBatch { header, marker, place });
                    if let Some(aborted) = aborted.filter(|_| *segment == base) {
                        index.push(aborted);
                    }
                }
                ScanStep::Bad { position, fault } => break Some((position, fault.to_string())),
                ScanStep::End => break None,
            }
        };
        self.issuer(outbox).close(file);
        if let Some((position, fault)) = fault {
            let text = format!("{}: segment {segment} at byte {position}: {fault}", self.label());
            outbox.report(Level::Error, text.clone());
            self.fail_aborted(base, &LookupError::Corrupt(text));
            return None;
        }
        let next = self.segments.range(segment.next()..).next().map(|(next, _)| *next);
        if let Some(next) = next.filter(|next| *next <= base) {
            *segment = next;
            return self.walk_for_remake(base, remake, outbox);
        }
        let index = core::mem::take(index);
        if let Some(segment) = self.segments.get_mut(&base) {
            segment.aborted = Aborted::remade(index, true);
            self.write_index(base, outbox);
            self.retire(base, outbox);
        }
        self.aborted_known(base, outbox);
        None
    }

    fn fail_aborted(&mut self, base: Offset, error: &LookupError) {
        let waits = |collecting: &Collecting| collecting.segment == base;
        let running = &mut self.aborted_lookups.running;
        let ids: Vec<LookupId> = running.iter().filter(|(_, it)| waits(it)).map(|(id, _)| *id).collect();
        for lookup in ids {
            running.remove(&lookup);
            self.events.push_back(LogEvent::LookupDone { lookup, result: Err(error.clone()) });
        }
    }
}
