//! The ways a log ends: closed in good order, removed, or taken offline.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::PartitionLog;
use super::event::{LogEvent, LogState};
use super::task::Task;
use crate::boundary::{FileId, Level, Path, StorageCommand, StorageError};
use crate::outbox::Outbox;
use crate::time::Now;
use crate::wire::Uuid;

/// What a log is ending with.
#[derive(Debug)]
pub(super) enum Ending {
    Close(Close),
    Remove(Removal),
}

/// A close, step by step. Each waits for what was in flight before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Close {
    /// Batches are being written.
    Writing,
    /// What lies beside the batches is being written.
    WritingRest,
    /// The names of new files are being made durable.
    SyncingNames,
    /// Nothing more is to be written.
    Waiting,
}

/// A removal, step by step. Each waits for what was in flight before.
#[derive(Debug)]
pub(super) enum Removal {
    /// Results of earlier commands are still to come.
    Waiting {
        unique: Uuid,
    },
    Renaming {
        to: Path,
    },
    SyncingParent {
        at: Path,
    },
    /// Answers are still being sent from the files.
    Pinned {
        at: Path,
    },
    Removing,
}

/// A directory name may have this many bytes.
const NAME_MAX_BYTES: usize = 255;

impl PartitionLog {
    /// Writes out all that a clean close needs; [`LogEvent::Closed`] follows. Nothing is taken any more; what was
    /// appended is still written, and may be acknowledged as the high watermark moves.
    pub fn close(&mut self, _now: Now, outbox: &mut Outbox) {
        if self.ending.is_some() || self.state == LogState::Closed {
            return;
        }
        // A log that was not opened to the end leaves the directory as an unclean stop would.
        let is_serving = self.state == LogState::Serving;
        self.is_clean &= is_serving;
        self.begin_ending(Ending::Close(if is_serving { Close::Writing } else { Close::Waiting }), outbox);
        self.settle(outbox);
    }

    /// Whether it was closed and the next start can take all that it left at its word. A log that was offline, or whose
    /// index could not be written, is closed too.
    #[must_use]
    pub fn is_closed_clean(&self) -> bool {
        self.state == LogState::Closed && self.is_clean
    }

    /// Renames the directory out of the way, with `unique` in its name, and removes it; [`LogEvent::Removed`] follows.
    pub fn remove(&mut self, _now: Now, unique: Uuid, outbox: &mut Outbox) {
        if matches!(self.ending, Some(Ending::Remove(_))) || self.state == LogState::Closed {
            return;
        }
        self.begin_ending(Ending::Remove(Removal::Waiting { unique }), outbox);
        self.settle(outbox);
    }

    /// Whether `dir` is this log's, and can't be another one's yet.
    #[must_use]
    pub fn holds(&self, dir: &Path) -> bool {
        let is_renamed = match &self.ending {
            Some(Ending::Remove(removal)) => !matches!(removal, Removal::Waiting { .. } | Removal::Renaming { .. }),
            _ => false,
        };
        self.dir == *dir && !is_renamed
    }

    /// An answer refers to a segment's file: it stays open until it is unpinned as often.
    pub fn pin(&mut self, file: FileId) {
        *self.pins.entry(file).or_default() += 1;
    }

    /// An answer that referred to a file is sent, or will never be.
    ///
    /// # Panics
    /// Where the file is not pinned.
    pub fn unpin(&mut self, file: FileId, outbox: &mut Outbox) {
        let count = self.pins.get_mut(&file).expect("only what is pinned is unpinned");
        *count -= 1;
        if *count == 0 {
            self.pins.remove(&file);
            self.close_if_gone(file, outbox);
            self.trim_open_segments(outbox);
            self.settle(outbox);
        }
    }

    fn begin_ending(&mut self, ending: Ending, outbox: &mut Outbox) {
        if self.state != LogState::Offline {
            self.state = LogState::Closing;
        }
        self.ending = Some(ending);
        self.loader = None;
        self.preparing.clear();
        self.give_up_check();
        self.abandon_compaction(outbox);
        self.fail_lookups();
    }

    /// Goes on with an ending, or with the log's start, as far as what is in flight allows.
    pub(super) fn settle(&mut self, outbox: &mut Outbox) {
        match self.ending.take() {
            None => self.settle_head(outbox),
            Some(Ending::Close(close)) => self.settle_close(close, outbox),
            Some(Ending::Remove(removal)) => self.settle_removal(removal, outbox),
        }
    }

    fn settle_close(&mut self, close: Close, outbox: &mut Outbox) {
        let is_over = match close {
            Close::Writing => self.in_flight.writes.is_empty(),
            Close::WritingRest | Close::SyncingNames | Close::Waiting => self.tasks.is_empty(),
        };
        let next = match close {
            Close::Writing | Close::WritingRest if self.state == LogState::Offline => Close::Waiting,
            _ if !is_over => {
                self.ending = Some(Ending::Close(close));
                return;
            }
            Close::Writing => {
                self.write_rest(outbox);
                Close::WritingRest
            }
            Close::WritingRest => {
                let dir = self.dir.clone();
                self.issuer(outbox).issue(Task::SyncNames, StorageCommand::SyncDir { dir });
                Close::SyncingNames
            }
            Close::SyncingNames | Close::Waiting => return self.closed(outbox),
        };
        self.ending = Some(Ending::Close(next));
        self.settle(outbox);
    }

    fn closed(&mut self, outbox: &mut Outbox) {
        self.close_files(outbox);
        let was_clean = self.is_clean && self.state == LogState::Closing;
        self.state = LogState::Closed;
        self.events.push_back(LogEvent::Closed { recovery_point: self.recovery_point(), was_clean });
    }

    /// All batches are written: the indexes' last entries, the producers, and what is not synced; what is deleted goes.
    fn write_rest(&mut self, outbox: &mut Outbox) {
        self.remove_renamed(outbox);
        let base = self.active.base;
        let segment = self.segments.get_mut(&base).expect("the active segment is in memory");
        self.active.indexer.seal(segment.indexes.as_mut().expect("the active segment's indexes are loaded"));
        if segment.has_unwritten_index() {
            self.write_index(base, outbox);
        }
        self.write_snapshot(outbox);
        self.sync(outbox);
    }

    /// What answers still refer to stays open: the adapter writes them out, even as its last words.
    fn close_files(&mut self, outbox: &mut Outbox) {
        let files: Vec<_> = self.segments.values_mut().filter_map(|segment| segment.file.take()).collect();
        for file in files {
            if !self.pins.contains_key(&file) {
                self.issuer(outbox).close(file);
            }
        }
    }

    fn settle_removal(&mut self, removal: Removal, outbox: &mut Outbox) {
        let next = match removal {
            Removal::Waiting { unique } if self.tasks.is_empty() => {
                let to = self.deleted_path(unique);
                let from = self.dir.clone();
                self.issuer(outbox).issue(Task::Removal, StorageCommand::Rename { from, to: to.clone() });
                Removal::Renaming { to }
            }
            Removal::Pinned { at } if self.pins.is_empty() => {
                self.close_files(outbox);
                self.issuer(outbox).issue(Task::Removal, StorageCommand::Remove { path: at });
                Removal::Removing
            }
            waiting => waiting,
        };
        self.ending = Some(Ending::Remove(next));
    }

    /// A command of a removal is done.
    pub(super) fn removal_done(&mut self, outbox: &mut Outbox) {
        let next = match self.ending.take() {
            Some(Ending::Remove(Removal::Renaming { to })) => {
                self.issuer(outbox).issue(Task::Removal, StorageCommand::SyncDir { dir: to.parent() });
                self.events.push_back(LogEvent::NameFree);
                Removal::SyncingParent { at: to }
            }
            Some(Ending::Remove(Removal::SyncingParent { at })) => Removal::Pinned { at },
            _ => return self.removed(),
        };
        self.ending = Some(Ending::Remove(next));
    }

    /// A command of a removal failed: what is left is left.
    pub(super) fn removal_failed(&mut self, error: &StorageError, outbox: &mut Outbox) {
        let was_never_there =
            matches!(self.ending, Some(Ending::Remove(Removal::Renaming { .. }))) && *error == StorageError::NotFound;
        if !was_never_there {
            let text = format!("{}: {} could not be removed: {error}", self.label(), self.dir);
            outbox.report(Level::Error, text);
        }
        self.ending = None;
        self.close_files(outbox);
        self.removed();
    }

    fn removed(&mut self) {
        self.state = LogState::Closed;
        self.events.push_back(LogEvent::Removed);
    }

    /// As Kafka names a directory that is to be deleted.
    fn deleted_path(&self, unique: Uuid) -> Path {
        let suffix = format!(".{:032x}-delete", unique.0);
        let mut name: String = self.dir.relative.rsplit('/').next().unwrap_or_default().into();
        name.truncate(NAME_MAX_BYTES - suffix.len());
        name.push_str(&suffix);
        self.dir.parent().join(&name)
    }

    /// The disk failed the log, or what is on it can't be trusted. Nothing is retried, nothing more is acknowledged.
    pub(super) fn go_offline(&mut self, reason: String, outbox: &mut Outbox) {
        if matches!(self.state, LogState::Offline | LogState::Closed) {
            return;
        }
        outbox.report(Level::Error, format!("{}: offline: {reason}", self.label()));
        self.take_offline(reason, outbox);
    }

    /// Its log directory can't be used any more, which was reported: so it can't.
    pub fn log_dir_failed(&mut self, reason: String, outbox: &mut Outbox) {
        if !matches!(self.state, LogState::Offline | LogState::Closed) {
            self.take_offline(reason, outbox);
            self.settle(outbox);
        }
    }

    fn take_offline(&mut self, reason: String, outbox: &mut Outbox) {
        self.state = LogState::Offline;
        self.is_clean = false;
        self.loader = None;
        self.in_flight.held_back.clear();
        self.preparing.clear();
        self.give_up_check();
        self.abandon_compaction(outbox);
        self.fail_lookups();
        self.events.push_back(LogEvent::WentOffline { reason });
    }
}
