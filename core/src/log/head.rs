//! The head of the log: where it starts, and how that moves.
//!
//! It moves in this order, so that after a crash at any step nothing is back that was gone, and nothing is gone that was
//! to stay:
//! 1. everything before the new start is synced, so that the log never ends before it starts;
//! 2. the broker writes the new start into `log-start-offset-checkpoint` ([`LogEvent::LogStartDue`]);
//! 3. it counts ([`LogEvent::LogStartMoved`]): readers find nothing before it any more;
//! 4. segments that are wholly before it leave, as soon as nobody is at work in them (`leaving`), and the snapshots of
//!    producers that were written since are durable: what is known of producers must not go with their records.
//!
//! Files that a crash left after step 2 go at the next start: `recovery` keeps no segment that is before the start.
//!
//! What does not belong here: which records are past their time (`retention`).

use super::PartitionLog;
use super::event::{LogEvent, LogState, OutOfRange};
use super::task::Task;
use crate::boundary::StorageCommand;
use crate::marks;
use crate::outbox::Outbox;
use crate::planted::Bug;
use crate::types::Offset;

/// Segments whose files are being renamed at a time: a log that loses thousands at once goes on working.
const LEAVING_MAX: usize = 8;

/// A start on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// Where the log is to start, once that is written down.
    wanted: Option<Offset>,
    /// The broker was told to write it down.
    is_told: bool,
}

/// Whether the newest producer snapshot would survive a power loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum SnapshotNames {
    /// It is being written, or its name may be lost.
    Written,
    /// The directory is being synced.
    Syncing,
    #[default]
    Durable,
    /// It could not be written: the older ones must do, until there is another.
    Missing,
}

impl PartitionLog {
    /// Everything before `offset` is to go. It is gone for good when [`PartitionLog::log_start`] has reached `offset`,
    /// which it may have already; [`LogEvent::LogStartMoved`] says when it moves.
    ///
    /// # Errors
    /// Where `offset` is above the high watermark.
    pub fn delete_records(&mut self, offset: Offset, outbox: &mut Outbox) -> Result<(), OutOfRange> {
        let high_watermark = self.high_watermark();
        if offset > high_watermark {
            return Err(OutOfRange { offset, log_start: self.log_start, log_end: high_watermark });
        }
        outbox.reach(marks::Mark::DeletedByRequest);
        self.move_start(offset, outbox);
        self.settle(outbox);
        Ok(())
    }

    /// What belongs into `log-start-offset-checkpoint`. Once it is durable there, say so with
    /// [`PartitionLog::log_start_written`].
    #[must_use]
    pub fn log_start_to_write(&self) -> Offset {
        self.head.wanted.filter(|_| self.head.is_told).unwrap_or(self.log_start)
    }

    /// The log starts at `offset` for good: it is written down.
    pub fn log_start_written(&mut self, offset: Offset, outbox: &mut Outbox) {
        if self.state != LogState::Serving || offset <= self.log_start {
            return;
        }
        outbox.reach(marks::Mark::LogStartMoved);
        self.log_start = offset;
        if self.head.wanted.is_some_and(|wanted| wanted <= offset) {
            self.head = Head::default();
        }
        if self.epochs.truncate_start(offset) {
            self.write_epochs(outbox);
        }
        self.retention.changed();
        self.events.push_back(LogEvent::LogStartMoved);
        self.settle(outbox);
    }

    /// The start could not be written down: the log goes on starting where it did.
    pub fn log_start_not_written(&mut self) {
        self.head = Head::default();
        self.retention.changed();
    }

    /// Where the log will start when everything that is on its way is done.
    pub(super) fn start_to_be(&self) -> Offset {
        self.head.wanted.unwrap_or(self.log_start)
    }

    /// Begins to move the start; one that is there already, or on its way, changes nothing.
    pub(super) fn move_start(&mut self, to: Offset, outbox: &mut Outbox) {
        if self.state == LogState::Serving && to > self.start_to_be() {
            debug_assert!(to <= self.high_watermark(), "what may not be read yet does not go");
            self.head = Head { wanted: Some(to), is_told: false };
            self.settle_head(outbox);
        }
    }

    /// Goes on with the start as far as the syncs and those at work in old segments allow.
    pub(super) fn settle_head(&mut self, outbox: &mut Outbox) {
        if self.state != LogState::Serving {
            return;
        }
        if let Head { wanted: Some(wanted), is_told: false } = self.head {
            if self.bugs.has(Bug::LogStartNotWritten) {
                self.log_start_written(wanted, outbox);
            } else if wanted <= self.marks.durable.offset {
                self.head.is_told = true;
                self.events.push_back(LogEvent::LogStartDue);
            } else {
                self.syncs.wanted = self.syncs.wanted.max(Some(wanted));
                self.sync(outbox);
            }
        }
        self.let_old_segments_go(outbox);
    }

    fn let_old_segments_go(&mut self, outbox: &mut Outbox) {
        while let Some((base, end)) = self.first_closed_segment()
            && end <= self.log_start
            && self.leaving.renaming() < LEAVING_MAX
            && !self.is_at_work_in(base)
            && self.are_snapshots_durable(outbox)
        {
            let segment = self.segments.remove(&base).expect("it was just found");
            self.let_go(segment, outbox);
        }
    }

    /// Makes the newest snapshot durable before the older ones go. Says whether it is.
    fn are_snapshots_durable(&mut self, outbox: &mut Outbox) -> bool {
        let is_being_written = || self.tasks.values().any(|task| *task == Task::WriteSnapshot);
        if self.snapshot_names == SnapshotNames::Written && !is_being_written() {
            self.snapshot_names = SnapshotNames::Syncing;
            let dir = self.dir.clone();
            self.issuer(outbox).issue(Task::SyncSnapshots, StorageCommand::SyncDir { dir });
        }
        self.snapshot_names == SnapshotNames::Durable
    }

    /// The directory is synced; a snapshot that came meanwhile needs another sync.
    pub(super) fn snapshots_synced(&mut self) {
        if self.snapshot_names == SnapshotNames::Syncing {
            self.snapshot_names = SnapshotNames::Durable;
        }
    }

    /// The first segment that is not the active one: where it begins, and the next one does.
    fn first_closed_segment(&self) -> Option<(Offset, Offset)> {
        let mut bases = self.segments.keys();
        Some((*bases.next()?, *bases.next()?))
    }

    /// Whether something goes on that needs a segment's files under their names, or the segment in memory.
    fn is_at_work_in(&self, base: Offset) -> bool {
        self.is_at_work_beside_compaction(base) || self.compaction_uses(base)
    }

    /// The same, but for a compaction.
    pub(super) fn is_at_work_beside_compaction(&self, base: Offset) -> bool {
        self.segments[&base].writing.is_some()
            || self.preparing.contains_key(&base)
            || self.lookups.uses(base)
            || self.aborted_lookups.uses(base)
            || self.syncs.needs(base)
            || self.retention.reads(base)
    }
}
