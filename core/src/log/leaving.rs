//! Segments on their way out: their files are renamed to `.deleted`, stay for `file.delete.delay.ms`, and are removed.
//! Nothing waits for it, and a start removes what is left over.
//!
//! A file that an answer refers to stays open under its new name, and without one, until the answer is sent.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::format;

use super::PartitionLog;
use super::event::LogState;
use super::names::{DELETED, LOG, OFFSET_INDEX, SNAPSHOT, TIME_INDEX, TRANSACTION_INDEX, file_name};
use super::segment::Segment;
use super::task::Task;
use crate::boundary::{FileId, Level, StorageCommand, StorageError};
use crate::marks;
use crate::outbox::Outbox;
use crate::planted::Bug;
use crate::time::{Monotonic, Now};
use crate::types::Offset;

/// The files of a segment, and the snapshot at its first offset; not each of them exists.
const SUFFIXES: [&str; 5] = [LOG, OFFSET_INDEX, TIME_INDEX, TRANSACTION_INDEX, SNAPSHOT];
/// Segments whose files are removed at one tick.
const REMOVED_MAX: usize = 8;

/// The segments that are no longer the log's.
#[derive(Debug, Default)]
pub(super) struct Leaving {
    /// How many renames of each have not ended.
    renaming: BTreeMap<Offset, u8>,
    /// Renamed, and when they are removed; in that order.
    renamed: VecDeque<(Monotonic, Offset)>,
    /// Files that answers still refer to.
    open: BTreeSet<FileId>,
}

impl Leaving {
    /// How many segments are being renamed.
    pub(super) fn renaming(&self) -> usize {
        self.renaming.len()
    }

    /// When files are to be removed next.
    pub(super) fn deadline(&self) -> Option<Monotonic> {
        self.renamed.front().map(|(due, _)| *due)
    }
}

impl PartitionLog {
    /// Gives up a segment that was just taken out of the log, and all of its files.
    pub(super) fn let_go(&mut self, segment: Segment, outbox: &mut Outbox) {
        self.let_files_go(segment, &SUFFIXES, outbox);
    }

    /// The same, where another segment takes its place: the snapshot at its first offset stays.
    pub(super) fn let_go_replaced(&mut self, segment: Segment, outbox: &mut Outbox) {
        self.let_files_go(segment, &SUFFIXES[..SUFFIXES.len() - 1], outbox);
    }

    fn let_files_go(&mut self, segment: Segment, suffixes: &[&str], outbox: &mut Outbox) {
        outbox.reach(marks::Mark::SegmentLeaves);
        let base = segment.base;
        self.size_bytes -= segment.size_bytes;
        self.unsynced_indexes.remove(&base);
        self.open_segments.retain(|open| *open != base);
        match segment.file {
            Some(file) if self.pins.contains_key(&file) => drop(self.leaving.open.insert(file)),
            Some(file) => self.issuer(outbox).close(file),
            None => {}
        }
        if self.bugs.has(Bug::DeletedSegmentKept) {
            return;
        }
        for suffix in suffixes {
            let name = file_name(base, suffix);
            let (from, to) = (self.dir.join(&name), self.dir.join(&format!("{name}{DELETED}")));
            self.issuer(outbox).issue(Task::LetGo(base), StorageCommand::Rename { from, to });
        }
        self.leaving.renaming.insert(base, suffixes.len() as u8);
    }

    /// A file of a segment is renamed, or was not there.
    pub(super) fn renamed(&mut self, now: Now, base: Offset, outbox: &mut Outbox) {
        let left = self.leaving.renaming.get_mut(&base).expect("its renames are counted");
        *left -= 1;
        if *left > 0 {
            return;
        }
        self.leaving.renaming.remove(&base);
        if self.state == LogState::Serving && self.config.file_delete_delay_ms > 0 {
            self.leaving.renamed.push_back((now.monotonic.plus_ms(self.config.file_delete_delay_ms), base));
        } else {
            self.remove_files(base, outbox);
        }
    }

    /// A file could not be renamed. It stays until the next start, which finds it before the log's start.
    pub(super) fn not_renamed(&mut self, now: Now, base: Offset, error: &StorageError, outbox: &mut Outbox) {
        if *error != StorageError::NotFound {
            if self.is_replacing(base) {
                return self.go_offline(format!("replacing compacted segments failed: {error}"), outbox);
            }
            let text = format!("{}: a file of deleted segment {base} could not be renamed: {error}", self.label());
            outbox.report(Level::Warn, text);
        }
        self.renamed(now, base, outbox);
    }

    /// Removes files whose time has come.
    pub(super) fn remove_due(&mut self, now: Monotonic, outbox: &mut Outbox) {
        for _ in 0..REMOVED_MAX {
            let Some((_, base)) = self.leaving.renamed.pop_front_if(|(due, _)| *due <= now) else { return };
            self.remove_files(base, outbox);
        }
    }

    /// Removes all that is renamed, at a close.
    pub(super) fn remove_renamed(&mut self, outbox: &mut Outbox) {
        for (_, base) in core::mem::take(&mut self.leaving.renamed) {
            self.remove_files(base, outbox);
        }
    }

    /// Closes a file of a segment that is gone, now that no answer refers to it any more.
    pub(super) fn close_if_gone(&mut self, file: FileId, outbox: &mut Outbox) {
        if self.leaving.open.remove(&file) {
            self.issuer(outbox).close(file);
        }
    }

    fn remove_files(&mut self, base: Offset, outbox: &mut Outbox) {
        outbox.reach(marks::Mark::SegmentRemoved);
        for suffix in SUFFIXES {
            let path = self.dir.join(&format!("{}{DELETED}", file_name(base, suffix)));
            self.issuer(outbox).issue(Task::RemoveFile, StorageCommand::Remove { path });
        }
    }
}
