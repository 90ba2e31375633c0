//! The ways a log ends: closed in good order, removed, or taken offline.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::PartitionLog;
use super::event::{LogEvent, LogState};
use super::task::Task;
use crate::boundary::{FileId, Level, Path, StorageCommand, StorageError};
use crate::marks::Mark;
use crate::outbox::Outbox;
use crate::time::Now;

/// What a log is ending with.
#[derive(Debug)]
pub(super) enum Ending {
    Close(Close),
    Move(Move),
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

/// The directory gets another name, and is removed or kept under it.
#[derive(Debug)]
pub(super) struct Move {
    to: Path,
    is_kept: bool,
    step: MoveStep,
}

/// A move, step by step. Each waits for what was in flight before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MoveStep {
    /// Results of earlier commands are still to come.
    Waiting,
    Renaming,
    SyncingParent,
    /// Answers are still being sent from the files.
    Pinned,
    Removing,
}

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
        if self.state == LogState::Loading {
            outbox.reach(Mark::LogClosedUnopened);
        }
        self.begin_ending(Ending::Close(if is_serving { Close::Writing } else { Close::Waiting }), outbox);
        self.settle(outbox);
    }

    /// Whether it was closed and the next start can take all that it left at its word. A log that was offline, or whose
    /// index could not be written, is closed too.
    #[must_use]
    pub fn is_closed_clean(&self) -> bool {
        self.state == LogState::Closed && self.is_clean
    }

    /// Renames the directory out of the way and removes it; [`LogEvent::Removed`] follows.
    pub fn remove(&mut self, _now: Now, to: Path, outbox: &mut Outbox) {
        self.begin_move(to, false, outbox);
    }

    /// Renames the directory, which is not this log's, out of the way, and keeps it; [`LogEvent::Removed`] follows, or
    /// [`LogEvent::WentOffline`] where it could not be renamed.
    pub fn set_aside(&mut self, _now: Now, to: Path, outbox: &mut Outbox) {
        self.begin_move(to, true, outbox);
    }

    fn begin_move(&mut self, to: Path, is_kept: bool, outbox: &mut Outbox) {
        if matches!(self.ending, Some(Ending::Move(_))) || self.state == LogState::Closed {
            return;
        }
        self.begin_ending(Ending::Move(Move { to, is_kept, step: MoveStep::Waiting }), outbox);
        self.settle(outbox);
    }

    /// Whether `dir` is this log's, and can't be another one's yet.
    #[must_use]
    pub fn holds(&self, dir: &Path) -> bool {
        let is_renamed = match &self.ending {
            Some(Ending::Move(ending)) => !matches!(ending.step, MoveStep::Waiting | MoveStep::Renaming),
            _ => false,
        };
        self.dir == *dir && !is_renamed
    }

    /// Whether it is being removed, or set aside.
    #[must_use]
    pub fn is_moving_away(&self) -> bool {
        matches!(self.ending, Some(Ending::Move(_)))
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
            Some(Ending::Move(ending)) => self.settle_move(ending, outbox),
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
            // A stop closes thousands of logs, and most of them are as they were opened.
            Close::WritingRest if !self.has_new_names => Close::Waiting,
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

    fn settle_move(&mut self, ending: Move, outbox: &mut Outbox) {
        let step = match ending.step {
            MoveStep::Waiting if self.tasks.is_empty() => {
                let (from, to) = (self.dir.clone(), ending.to.clone());
                self.issuer(outbox).issue(Task::Move, StorageCommand::Rename { from, to });
                MoveStep::Renaming
            }
            MoveStep::Pinned if self.pins.is_empty() => {
                self.close_files(outbox);
                self.issuer(outbox).issue(Task::Move, StorageCommand::Remove { path: ending.to.clone() });
                MoveStep::Removing
            }
            waiting => waiting,
        };
        self.ending = Some(Ending::Move(Move { step, ..ending }));
    }

    /// A command of a move is done.
    pub(super) fn move_done(&mut self, outbox: &mut Outbox) {
        let Some(Ending::Move(ending)) = self.ending.take() else { return self.removed() };
        let step = match ending.step {
            MoveStep::Renaming => {
                let dir = ending.to.parent();
                self.issuer(outbox).issue(Task::Move, StorageCommand::SyncDir { dir });
                if !ending.is_kept {
                    self.events.push_back(LogEvent::NameFree);
                }
                MoveStep::SyncingParent
            }
            MoveStep::SyncingParent if !ending.is_kept => MoveStep::Pinned,
            _ => return self.removed(),
        };
        self.ending = Some(Ending::Move(Move { step, ..ending }));
    }

    /// A command of a move failed: what is left is left.
    pub(super) fn move_failed(&mut self, error: &StorageError, outbox: &mut Outbox) {
        let (is_kept, step) = match self.ending.take() {
            Some(Ending::Move(ending)) => (ending.is_kept, ending.step),
            _ => (false, MoveStep::Removing),
        };
        self.close_files(outbox);
        if is_kept {
            let reason = format!("{} is another topic's and could not be set aside: {error}", self.dir);
            return self.go_offline(reason, outbox);
        }
        let was_never_there = step == MoveStep::Renaming && *error == StorageError::NotFound;
        if !was_never_there {
            let text = format!("{}: {} could not be removed: {error}", self.label(), self.dir);
            outbox.report(Level::Error, text);
        }
        self.removed();
    }

    fn removed(&mut self) {
        self.state = LogState::Closed;
        self.events.push_back(LogEvent::Removed);
    }

    /// The disk failed the log, or what is on it can't be trusted. Nothing is retried, nothing more is acknowledged.
    pub(super) fn go_offline(&mut self, reason: String, outbox: &mut Outbox) {
        if matches!(self.state, LogState::Offline | LogState::Closed) {
            return;
        }
        outbox.report(Level::Error, format!("{}: offline: {reason}", self.label()));
        self.take_offline(reason, outbox);
    }

    /// It can't be used (any more), which was reported: its log directory can't, or the partition's is not its own.
    pub fn give_up(&mut self, reason: String, outbox: &mut Outbox) {
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
