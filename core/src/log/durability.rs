//! The marks: what is written, what is synced, and what the high watermark makes of it.
//!
//! One sync is in flight per file; what was written before it was issued is durable when it is done, for all appends
//! at once. Appends that are on their way when a sync is wanted are waited for, so that it covers them too. The durable mark goes from segment to segment: a segment's records count only when its predecessor is
//! synced to its end, and its name is durable in the directory.

use alloc::collections::VecDeque;

use super::PartitionLog;
use super::event::{LogEvent, LogState};
use super::task::Task;
use super::time_index::{NO_TIMESTAMP, TimeEntry};
use crate::boundary::{FileId, StorageCommand};
use crate::outbox::Outbox;
use crate::planted::Bug;
use crate::records::BatchHeader;
use crate::time::{Monotonic, Now};
use crate::types::Offset;

/// A place between two batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// The offset after the batches that it covers.
    pub(super) offset: Offset,
    /// Base offset of the segment of the last of them.
    pub(super) segment: Offset,
    /// Where that batch ends in its segment.
    pub(super) position: u64,
}

/// How far the log is, in three ways.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Marks {
    pub(super) written: Mark,
    pub(super) durable: Mark,
    pub(super) high_watermark: Mark,
}

impl Marks {
    /// Of a log of which only this is known.
    pub(super) fn synced_to(offset: Offset) -> Self {
        Self { durable: Mark { offset, ..Mark::default() }, ..Self::default() }
    }
}

/// What must be synced, and what is being synced.
#[derive(Debug, Default)]
pub(super) struct Syncs {
    /// From the segment of the durable mark to the active one.
    segments: VecDeque<SegmentSync>,
    /// Sync up to here, whatever the policy.
    pub(super) wanted: Option<Offset>,
    /// Since when there has been something to sync.
    unsynced_since: Option<Monotonic>,
}

#[derive(Debug)]
struct SegmentSync {
    base: Offset,
    file: FileId,
    /// Directory syncs that its name still needs: not issued, or in flight.
    name: Name,
    synced: Option<Mark>,
    in_flight: Option<Mark>,
    /// The next sync waits until this much is written: one sync for all appends that were on their way.
    gathers: Option<Offset>,
    /// Its end, once it is closed.
    sealed: Option<Mark>,
}

/// Whether a segment's name would survive a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    /// This many directories must be synced, the nearest first; the file may not exist yet.
    New(u8),
    /// This many syncs have not ended.
    Syncing(u8),
    Durable,
}

impl Syncs {
    /// A segment of which everything up to now is synced.
    pub(super) fn resume(&mut self, base: Offset, file: FileId, synced: Mark) {
        let synced = Some(synced);
        self.segments.push_back(SegmentSync {
            base,
            file,
            name: Name::Durable,
            synced,
            in_flight: None,
            gathers: None,
            sealed: None,
        });
    }

    /// A new segment; so many directories must be synced for its name.
    pub(super) fn begin(&mut self, base: Offset, file: FileId, directories: u8) {
        let name = Name::New(directories);
        self.segments.push_back(SegmentSync {
            base,
            file,
            name,
            synced: None,
            in_flight: None,
            gathers: None,
            sealed: None,
        });
    }

    /// A segment ends here. Where all is synced up to there, no sync will say that it is done with.
    pub(super) fn seal(&mut self, base: Offset, end: Mark, durable: Mark) {
        let last = self.segments.back_mut().expect("the active segment is always among them");
        debug_assert_eq!(last.base, base, "segments are sealed in order");
        last.sealed = Some(end);
        self.durable(durable);
    }

    /// Whether a segment's file may still be needed for a sync.
    pub(super) fn needs(&self, base: Offset) -> bool {
        self.segments.iter().any(|segment| segment.base == base)
    }

    fn get_mut(&mut self, base: Offset) -> Option<&mut SegmentSync> {
        self.segments.iter_mut().find(|segment| segment.base == base)
    }

    /// How far everything is synced; drops the segments that are.
    fn durable(&mut self, mut durable: Mark) -> Mark {
        while let Some(first) = self.segments.front() {
            if first.name != Name::Durable {
                break;
            }
            if let Some(synced) = first.synced.filter(|synced| synced.offset > durable.offset) {
                durable = synced;
            }
            if first.sealed.is_none_or(|end| end.offset > durable.offset) {
                break;
            }
            self.segments.pop_front();
        }
        durable
    }
}

impl SegmentSync {
    /// What of this segment is written.
    fn written(&self, written: Mark) -> Option<Mark> {
        match self.sealed {
            Some(end) if written.segment > self.base => Some(end),
            _ => (written.segment == self.base).then_some(written),
        }
    }
}

impl PartitionLog {
    /// Everything before this offset is synced.
    #[must_use]
    pub fn durable(&self) -> Offset {
        self.marks.durable.offset
    }

    /// Everything before this offset may be acknowledged and read.
    #[must_use]
    pub fn high_watermark(&self) -> Offset {
        self.marks.high_watermark.offset
    }

    /// What belongs into `recovery-point-offset-checkpoint`: recovery after an unclean stop begins here. It is behind
    /// [`PartitionLog::durable`] while the indexes of a closed segment are not synced.
    #[must_use]
    pub fn recovery_point(&self) -> Offset {
        if self.bugs.has(Bug::RecoveryPointAheadOfSync) {
            return self.log_end;
        }
        self.unsynced_indexes.first().copied().unwrap_or(Offset(i64::MAX)).min(self.marks.durable.offset)
    }

    /// When to call [`PartitionLog::tick`], if nothing happens before.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        if self.state != LogState::Serving {
            return None;
        }
        [self.sync_deadline(), self.leaving.deadline()].into_iter().flatten().min()
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Now, outbox: &mut Outbox) {
        if self.state != LogState::Serving {
            return;
        }
        if self.sync_deadline().is_some_and(|deadline| deadline <= now.monotonic) {
            self.syncs.wanted = Some(self.marks.written.offset);
            self.sync(outbox);
        }
        self.remove_due(now.monotonic, outbox);
    }

    fn sync_deadline(&self) -> Option<Monotonic> {
        if self.syncs.wanted.is_some() || self.config.flush_ms == i64::MAX {
            return None;
        }
        self.syncs.unsynced_since.map(|since| since.plus_ms(self.config.flush_ms))
    }

    pub(super) fn note_unsynced(&mut self, now: Monotonic) {
        if self.marks.written.offset > self.marks.durable.offset {
            self.syncs.unsynced_since.get_or_insert(now);
        }
        let unsynced = self.marks.written.offset.0 - self.marks.durable.offset.0;
        if unsynced >= self.config.flush_messages {
            self.syncs.wanted = Some(self.marks.written.offset);
        }
    }

    /// Moves the high watermark to where the policy allows, and syncs what needs it.
    pub(super) fn advance(&mut self, outbox: &mut Outbox) {
        self.advance_high_watermark();
        self.sync(outbox);
    }

    pub(super) fn advance_high_watermark(&mut self) {
        let is_strict = self.config.is_strict() && !self.bugs.has(Bug::AckBeforeSync);
        let target = if is_strict { self.marks.durable } else { self.marks.written };
        if target.offset <= self.marks.high_watermark.offset {
            return;
        }
        self.marks.high_watermark = target;
        while self.in_flight.uncommitted.front().is_some_and(|batch| batch.header.base_offset < target.offset) {
            let Some(batch) = self.in_flight.uncommitted.pop_front() else { break };
            self.producers.commit(&batch);
            self.commit_timestamp(&batch.header);
        }
        self.compaction_may_go_further();
        if self.events.back() != Some(&LogEvent::HighWatermarkMoved) {
            self.events.push_back(LogEvent::HighWatermarkMoved);
        }
    }

    /// A batch's timestamp counts for lookups from now on.
    fn commit_timestamp(&mut self, header: &BatchHeader) {
        let Some((_, segment)) = self.segments.range_mut(..=header.base_offset).next_back() else { return };
        let known = segment.largest.flatten().map_or(NO_TIMESTAMP, |largest| largest.timestamp);
        if header.max_timestamp > known {
            let largest = TimeEntry { timestamp: header.max_timestamp, last_offset: header.last_offset() };
            segment.largest = Some(Some(largest));
        }
    }

    /// Issues the syncs that are wanted and not in flight.
    pub(super) fn sync(&mut self, outbox: &mut Outbox) {
        let everything = self.config.is_strict() || self.state == LogState::Closing;
        for at in 0..self.syncs.segments.len() {
            let segment = &self.syncs.segments[at];
            let Some(written) = segment.written(self.marks.written) else { continue };
            if written.offset <= self.marks.durable.offset {
                continue;
            }
            let wanted = everything
                || segment.sealed == Some(written)
                || self.syncs.wanted.is_some_and(|wanted| wanted > self.marks.durable.offset);
            if !wanted {
                continue;
            }
            if let Name::New(directories) = segment.name {
                self.sync_names(at, directories, outbox);
            }
            let is_held = self.in_flight.is_held;
            let issued = if is_held { self.held_from() } else { self.log_end };
            let segment = &mut self.syncs.segments[at];
            if segment.in_flight.is_some() || segment.synced == Some(written) {
                continue;
            }
            // What is held back will not be written: nothing waits for it.
            let issued = segment.sealed.map_or(issued, |end| if is_held { end.offset.min(issued) } else { end.offset });
            segment.gathers = segment.gathers.map(|gathers| if is_held { gathers.min(issued) } else { gathers });
            if *segment.gathers.get_or_insert(issued) > written.offset {
                continue;
            }
            segment.gathers = None;
            segment.in_flight = Some(written);
            let (task, file) = (Task::Sync(segment.base), segment.file);
            self.issuer(outbox).issue(task, StorageCommand::Sync { file });
        }
    }

    /// The file exists: something of it is written.
    fn sync_names(&mut self, at: usize, directories: u8, outbox: &mut Outbox) {
        if self.bugs.has(Bug::NoDirectorySync) {
            return self.syncs.segments[at].name = Name::Durable;
        }
        self.syncs.segments[at].name = Name::Syncing(directories);
        let task = Task::SyncDir(self.syncs.segments[at].base);
        let mut dir = self.dir.clone();
        for _ in 0..directories {
            let parent = dir.parent();
            self.issuer(outbox).issue(task, StorageCommand::SyncDir { dir });
            dir = parent;
        }
    }

    /// A sync of a segment's file is done.
    pub(super) fn synced(&mut self, now: Monotonic, base: Offset, outbox: &mut Outbox) {
        if let Some(segment) = self.syncs.get_mut(base) {
            segment.synced = segment.in_flight.take();
        }
        self.after_sync(now, outbox);
    }

    /// Tries a sync again that failed, which is wrong: the system may have forgotten what it could not write.
    pub(super) fn sync_again(&mut self, base: Offset, outbox: &mut Outbox) {
        if let Some(segment) = self.syncs.get_mut(base) {
            segment.in_flight = None;
        }
        self.sync(outbox);
    }

    /// A directory is synced that holds a segment's name.
    pub(super) fn synced_dir(&mut self, now: Monotonic, base: Offset, outbox: &mut Outbox) {
        if let Some(segment) = self.syncs.get_mut(base) {
            segment.name = match segment.name {
                Name::Syncing(left) if left > 1 => Name::Syncing(left - 1),
                _ => Name::Durable,
            };
        }
        self.after_sync(now, outbox);
    }

    fn after_sync(&mut self, now: Monotonic, outbox: &mut Outbox) {
        let durable = self.syncs.durable(self.marks.durable);
        if durable != self.marks.durable {
            self.marks.durable = durable;
            self.syncs.unsynced_since = None;
            self.note_unsynced(now);
        }
        if self.syncs.wanted.is_some_and(|wanted| wanted <= durable.offset) {
            self.syncs.wanted = None;
        }
        self.advance(outbox);
    }
}
