//! Writes what lies beside the batches: index files, producer snapshots, the epoch checkpoint. The batches never wait
//! for them, and but for the checkpoint all of it can be made anew from the batches.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;

use super::PartitionLog;
use super::atomic_file::AtomicFile;
use super::event::LogState;
use super::head::SnapshotNames;
use super::names::{LEADER_EPOCHS, OFFSET_INDEX, SNAPSHOT, TIME_INDEX, TRANSACTION_INDEX, file_name};
use super::offset_index;
use super::segment::{IndexName, IndexWriting, Segment};
use super::snapshot;
use super::task::Task;
use super::time_index;
use super::transaction_index::AbortedTransaction;
use crate::boundary::{Level, OpenMode, StorageCommand};
use crate::outbox::Outbox;
use crate::types::Offset;

/// The active segment's index is written whenever it has this many new entries: 2 MiB of batches or more.
const UNWRITTEN_ENTRIES_MAX: usize = 512;

/// A small file that is replaced as a whole.
#[derive(Debug, Default)]
pub(super) struct Replaced {
    pub(super) writing: Option<AtomicFile>,
    /// It changed meanwhile: write again.
    again: bool,
    /// It does not say all, which may wait.
    pub(super) is_behind: bool,
}

impl PartitionLog {
    pub(super) fn write_index_when_due(&mut self, base: Offset, outbox: &mut Outbox) {
        let segment = &self.segments[&base];
        let entries = segment.indexes.as_ref().map_or(0, |indexes| indexes.lengths().offsets);
        let on_disk = segment.on_disk.map_or(0, |lengths| lengths.offsets);
        let unwritten = (entries - on_disk.min(entries)).max(segment.aborted.unwritten());
        if unwritten >= UNWRITTEN_ENTRIES_MAX && segment.writing.is_none() {
            self.write_index(base, outbox);
        }
    }

    /// Writes the index entries that are not on disk yet; of a closed segment or log, syncs them too.
    pub(super) fn write_index(&mut self, base: Offset, outbox: &mut Outbox) {
        // A log that is being opened has no active segment yet.
        let is_closed = base != self.active.base || matches!(self.state, LogState::Closing | LogState::Loading);
        let segment = self.segments.get_mut(&base).expect("only segments in memory have indexes to write");
        if let Some(writing) = &mut segment.writing {
            writing.again = true;
            return;
        }
        let (parts, mut writing) = parts_to_write(segment, is_closed);
        for IndexPart { suffix, mode, at, data } in parts {
            let path = self.dir.join(&file_name(base, suffix));
            let mut issuer = self.issuer(outbox);
            let file = issuer.new_file_id();
            issuer.issue(Task::WriteIndex(base), StorageCommand::Open { file, path, mode });
            writing.commands += 1;
            if !data.is_empty() {
                let command = StorageCommand::Append { file, at: at as u64, data: vec![data] };
                issuer.issue(Task::WriteIndex(base), command);
                writing.commands += 1;
            }
            if is_closed {
                issuer.issue(Task::WriteIndex(base), StorageCommand::Sync { file });
                writing.commands += 1;
            }
            issuer.close(file);
        }
        let segment = self.segments.get_mut(&base).expect("it was there above");
        segment.writing = (writing.commands > 0).then_some(writing);
    }

    /// A command on a segment's index files ended.
    pub(super) fn index_written(&mut self, base: Offset, is_done: bool, outbox: &mut Outbox) {
        let dir = self.dir.clone();
        let Some(segment) = self.segments.get_mut(&base) else { return };
        let Some(writing) = &mut segment.writing else { return };
        writing.commands -= 1;
        writing.failed |= !is_done;
        if writing.commands > 0 {
            return;
        }
        if writing.name == IndexName::ToBeSynced && !writing.failed {
            writing.name = IndexName::Syncing;
            writing.commands = 1;
            self.issuer(outbox).issue(Task::WriteIndex(base), StorageCommand::SyncDir { dir });
            return;
        }
        let IndexWriting { lengths, aborted, name, failed, again, .. } = *writing;
        segment.writing = None;
        segment.index_failed = failed;
        if lengths.is_some() || failed {
            segment.on_disk = lengths.filter(|_| !failed);
        }
        if let Some(aborted) = aborted {
            segment.aborted.written(aborted, failed);
        }
        if name == IndexName::Syncing && !failed {
            segment.aborted.named();
        }
        if failed {
            // It is rebuilt when the log is opened; until then recovery begins before it.
            self.is_clean = false;
        } else if again {
            self.write_index(base, outbox);
        } else {
            self.unsynced_indexes.remove(&base);
        }
        self.trim_open_segments(outbox);
    }

    /// Writes a snapshot of the producers at the log's end, unless there is one. Whatever is in flight is in it: it is
    /// used only by a log that reaches this far.
    pub(super) fn write_snapshot(&mut self, outbox: &mut Outbox) {
        let at = self.log_end;
        if at <= self.last_snapshot {
            return;
        }
        self.last_snapshot = at;
        self.snapshot_names = SnapshotNames::Written;
        let path = self.dir.join(&file_name(at, SNAPSHOT));
        let data = vec![snapshot::to_bytes(&self.producers)];
        let mut issuer = self.issuer(outbox);
        let file = issuer.new_file_id();
        issuer.issue(Task::WriteSnapshot, StorageCommand::Open { file, path, mode: OpenMode::CreateEmpty });
        issuer.issue(Task::WriteSnapshot, StorageCommand::Append { file, at: 0, data });
        issuer.issue(Task::WriteSnapshot, StorageCommand::Sync { file });
        issuer.close(file);
    }

    /// Replaces `leader-epoch-checkpoint`.
    pub(super) fn write_epochs(&mut self, outbox: &mut Outbox) {
        self.epochs_file.is_behind = false;
        if self.epochs_file.writing.is_some() {
            self.epochs_file.again = true;
            return;
        }
        let (dir, content) = (self.dir.clone(), self.epochs.to_bytes());
        let writing = AtomicFile::write(&dir, LEADER_EPOCHS, content, Task::WriteEpochs, &mut self.issuer(outbox));
        self.epochs_file.writing = Some(writing);
    }

    /// A command that replaces the checkpoint succeeded.
    pub(super) fn epochs_written(&mut self, outbox: &mut Outbox) {
        let Some(mut writing) = self.epochs_file.writing.take() else { return };
        if !writing.done(&mut self.issuer(outbox)) {
            self.epochs_file.writing = Some(writing);
        } else if core::mem::take(&mut self.epochs_file.again) {
            self.write_epochs(outbox);
        }
    }

    /// A file beside the batches could not be written. The log goes on without it.
    pub(super) fn report_lesser_fault(&mut self, what: &str, error: &dyn core::fmt::Display, outbox: &mut Outbox) {
        self.is_clean = false;
        outbox.report(Level::Warn, format!("{}: {what} could not be written: {error}", self.label()));
    }
}

/// What is to be written of one index file.
struct IndexPart {
    suffix: &'static str,
    mode: OpenMode,
    at: usize,
    data: Bytes,
}

/// What is not in a segment's index files yet; of a closed one, all that must be synced. A transaction index is made with
/// its first entry.
fn parts_to_write(segment: &Segment, is_closed: bool) -> (Vec<IndexPart>, IndexWriting) {
    let mut parts = Vec::new();
    let lengths = segment.indexes.as_ref().map(|indexes| {
        let mode = if segment.on_disk.is_some() { OpenMode::OpenOrCreate } else { OpenMode::CreateEmpty };
        let from = segment.on_disk.unwrap_or_default();
        let (offsets_at, times_at) =
            (from.offsets * offset_index::ENTRY_SIZE_BYTES, from.times * time_index::ENTRY_SIZE_BYTES);
        let (offsets, times) = (indexes.offsets.to_bytes(from.offsets), indexes.times.to_bytes(from.times));
        parts.push(IndexPart { suffix: OFFSET_INDEX, mode, at: offsets_at, data: offsets });
        parts.push(IndexPart { suffix: TIME_INDEX, mode, at: times_at, data: times });
        indexes.lengths()
    });
    let aborted = segment.aborted.to_write(is_closed);
    let count = aborted.as_ref().map(|aborted| aborted.count);
    let is_unnamed = aborted.as_ref().is_some_and(|aborted| aborted.is_unnamed && is_closed);
    let name = if is_unnamed { IndexName::ToBeSynced } else { IndexName::Known };
    if let Some(aborted) = aborted {
        let mode = if aborted.from == 0 { OpenMode::CreateEmpty } else { OpenMode::OpenOrCreate };
        let at = aborted.from * AbortedTransaction::SIZE_BYTES;
        parts.push(IndexPart { suffix: TRANSACTION_INDEX, mode, at, data: aborted.data });
    }
    let writing = IndexWriting { commands: 0, lengths, aborted: count, name, failed: false, again: false };
    (parts, writing)
}
