//! Retention: which segments are past their time or more than the log may hold, as Kafka counts.
//!
//! The broker asks for a check now and then ([`PartitionLog::check_retention`]); a log says when the next one can find
//! anything ([`Due`]), so that logs without old segments cost nothing. The largest timestamp of a segment is
//! read off its time index when it is the oldest that may go, and not before.
//!
//! What does not belong here: how segments go (`head`, `leaving`).

use alloc::format;

use super::PartitionLog;
use super::due::Due;
use super::event::LogState;
use super::names::{TIME_INDEX, file_name};
use super::task::Task;
use super::time_index::{self, TimeEntry, TimeIndex};
use crate::boundary::{FileId, Level, OpenMode, Outcome, StorageCommand, StorageError};
use crate::marks;
use crate::outbox::Outbox;
use crate::planted::Bug;
use crate::time::{Now, WallClock};
use crate::types::Offset;

/// A check under way, and what the broker knows.
#[derive(Debug, Default)]
pub(super) struct Retention {
    /// Everything before this is to go, as far as the check has come.
    checked_to: Option<Offset>,
    /// The segment whose largest timestamp must be found out first.
    reading: Option<Reading>,
    told: Due,
    is_changed: bool,
}

#[derive(Clone, Copy, Debug)]
struct Reading {
    base: Offset,
    step: Step,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// The time index is being opened or read.
    Index(FileId),
    /// The time index can't be used: the segment is being prepared, which makes a new one.
    Prepare,
}

impl Retention {
    /// What [`Due`] follows from may be different.
    pub(super) fn changed(&mut self) {
        self.is_changed = true;
    }

    /// Whether a segment's time index is being read.
    pub(super) fn reads(&self, base: Offset) -> bool {
        self.reading.is_some_and(|reading| reading.base == base)
    }
}

impl PartitionLog {
    /// Deletes what is past its time or too much. What must be read first is read, and the check goes on then.
    pub fn check_retention(&mut self, now: Now, outbox: &mut Outbox) {
        let is_checking = self.retention.checked_to.is_some();
        if self.state != LogState::Serving || is_checking || !self.config.is_deleted {
            return;
        }
        self.retention.told = Due::Never;
        self.retention.checked_to = Some(self.end_of_excess());
        self.go_on_checking(now, outbox);
        self.settle(outbox);
    }

    /// When the next check can find something, where that is different from the last time.
    pub fn take_retention_due(&mut self) -> Option<Due> {
        if !core::mem::take(&mut self.retention.is_changed) || self.retention.checked_to.is_some() {
            return None;
        }
        let due = self.retention_due();
        (due != core::mem::replace(&mut self.retention.told, due)).then_some(due)
    }

    /// After an append: a log that was empty, or small, may not be so any more.
    pub(super) fn note_growth(&mut self) {
        self.retention.is_changed |= match self.retention.told {
            Due::Never => true,
            Due::At(_) => {
                let oldest = *self.segments.first_key_value().expect("there is an active segment").0;
                self.has_excess(self.size_bytes, oldest)
            }
            Due::Now => false,
        };
    }

    /// Ends a check without a result.
    pub(super) fn give_up_check(&mut self) {
        self.retention = Retention { is_changed: true, ..Retention::default() };
    }

    fn retention_due(&self) -> Due {
        if self.state != LogState::Serving || !self.config.is_deleted {
            return Due::Never;
        }
        let Some((base, _)) = self.oldest_from(self.start_to_be()) else { return Due::Never };
        let leaving: u64 = self.segments.range(..base).map(|(_, segment)| segment.size_bytes).sum();
        if self.has_excess(self.size_bytes - leaving, base) {
            return Due::Now;
        }
        if self.config.retention_ms < 0 {
            return Due::Never;
        }
        self.newest_time_in(base).map_or(Due::Now, |newest| {
            Due::At(WallClock(newest.saturating_add(self.config.retention_ms).saturating_add(1)))
        })
    }

    /// Whether a log of this size would be large enough without its oldest segment.
    fn has_excess(&self, size_bytes: u64, oldest: Offset) -> bool {
        u64::try_from(self.config.retention_bytes)
            .is_ok_and(|retention_bytes| size_bytes - self.segments[&oldest].size_bytes >= retention_bytes)
    }

    /// Where what is too much ends.
    fn end_of_excess(&self) -> Offset {
        let mut to = self.start_to_be();
        let Ok(retention_bytes) = u64::try_from(self.config.retention_bytes) else { return to };
        let first = self.segment_of(to);
        let mut left: u64 = self.segments.range(first..).map(|(_, segment)| segment.size_bytes).sum();
        while let Some((base, end)) = self.deletable_from(to) {
            let size_bytes = self.segments[&base].size_bytes;
            let takes_one_more = self.bugs.has(Bug::RetentionDeletesActiveSegment) && left >= retention_bytes;
            if left - size_bytes < retention_bytes && !takes_one_more {
                break;
            }
            left -= size_bytes;
            to = end;
        }
        to
    }

    /// Goes on with the check, segment by segment, as far as timestamps are known.
    fn go_on_checking(&mut self, now: Now, outbox: &mut Outbox) {
        let Some(mut to) = self.retention.checked_to else { return };
        let excess_end = to;
        while self.config.retention_ms >= 0
            && let Some((base, end)) = self.deletable_from(to)
        {
            let Some(newest) = self.newest_time_in(base) else {
                self.retention.checked_to = Some(to);
                return self.read_newest_time(base, outbox);
            };
            if now.wall.0.saturating_sub(newest) <= self.config.retention_ms {
                break;
            }
            to = end;
        }
        self.retention.checked_to = None;
        self.retention.changed();
        if to > self.start_to_be() {
            if to == self.log_end && self.segments[&self.active.base].size_bytes > 0 {
                outbox.reach(marks::Mark::SegmentRolledByRetention);
                self.roll(now, outbox);
            }
            outbox.reach(if to > excess_end { marks::Mark::DeletedByAge } else { marks::Mark::DeletedBySize });
            self.move_start(to, outbox);
        }
    }

    /// The segment that holds `offset`, and where it ends, if there is anything in it.
    fn oldest_from(&self, offset: Offset) -> Option<(Offset, Offset)> {
        let base = self.segment_of(offset);
        let after = (core::ops::Bound::Excluded(base), core::ops::Bound::Unbounded);
        match self.segments.range(after).next() {
            Some((end, _)) => Some((base, *end)),
            None => (self.segments.get(&base)?.size_bytes > 0).then_some((base, self.log_end)),
        }
    }

    /// The same, if all of it is below the high watermark.
    fn deletable_from(&self, offset: Offset) -> Option<(Offset, Offset)> {
        self.oldest_from(offset).filter(|(_, end)| *end <= self.high_watermark() && *end > offset)
    }

    /// How new a segment's newest record is, once that is known: its timestamp, or when it was written.
    fn newest_time_in(&self, base: Offset) -> Option<i64> {
        let segment = &self.segments[&base];
        let largest = if base == self.active.base { Some(self.active.indexer.largest) } else { segment.largest };
        Some(largest?.map_or(segment.modified_ms, |entry| entry.timestamp))
    }

    /// Reads the last entry of a segment's time index.
    fn read_newest_time(&mut self, base: Offset, outbox: &mut Outbox) {
        let path = self.dir.join(&file_name(base, TIME_INDEX));
        let mut issuer = self.issuer(outbox);
        let file = issuer.new_file_id();
        issuer.issue(Task::NewestTime, StorageCommand::Open { file, path, mode: OpenMode::Existing });
        self.retention.reading = Some(Reading { base, step: Step::Index(file) });
    }

    /// The time index is open, or its last entry is here.
    pub(super) fn newest_time_done(&mut self, now: Now, outcome: Outcome, outbox: &mut Outbox) {
        const ENTRY_SIZE_BYTES: u64 = time_index::ENTRY_SIZE_BYTES as u64;
        let Some(Reading { base, step: Step::Index(file) }) = self.retention.reading else { return };
        match outcome {
            Outcome::Opened { size_bytes } if size_bytes > 0 && size_bytes % ENTRY_SIZE_BYTES == 0 => {
                // With the one before it, which shows a tail of zeros for what it is.
                let read_bytes = size_bytes.min(2 * ENTRY_SIZE_BYTES);
                let (at, size_bytes) = (size_bytes - read_bytes, read_bytes as u32);
                self.issuer(outbox).issue(Task::NewestTime, StorageCommand::Read { file, at, size_bytes });
            }
            Outcome::Data(bytes) => {
                self.issuer(outbox).close(file);
                let end = self.oldest_from(base).map_or(base, |(_, end)| end);
                let last = TimeIndex::parse(base, &bytes).ok().and_then(|times| times.last());
                match last.filter(|entry| entry.last_offset < end) {
                    Some(entry) => self.newest_time_known(now, base, entry, outbox),
                    None => self.prepare_for_check(base, outbox),
                }
            }
            _ => {
                self.issuer(outbox).close(file);
                self.prepare_for_check(base, outbox);
            }
        }
    }

    /// The time index could not be read. Without one the segment's batches say it; a disk that fails is not asked more.
    pub(super) fn newest_time_failed(&mut self, error: &StorageError, outbox: &mut Outbox) {
        let Some(Reading { base, step: Step::Index(_) }) = self.retention.reading else { return };
        if *error == StorageError::NotFound {
            return self.prepare_for_check(base, outbox);
        }
        let name = file_name(base, TIME_INDEX);
        let text = format!("{}: {name} could not be read, so nothing is deleted now: {error}", self.label());
        outbox.report(Level::Warn, text);
        self.give_up_check();
    }

    fn newest_time_known(&mut self, now: Now, base: Offset, entry: TimeEntry, outbox: &mut Outbox) {
        self.retention.reading = None;
        self.segments.get_mut(&base).expect("a segment that is read stays").largest.get_or_insert(Some(entry));
        self.go_on_checking(now, outbox);
    }

    fn prepare_for_check(&mut self, base: Offset, outbox: &mut Outbox) {
        self.retention.reading = Some(Reading { base, step: Step::Prepare });
        self.prepare(base, outbox);
    }

    /// Goes on with a check that waited for a segment to be prepared.
    pub(super) fn settle_retention(&mut self, now: Now, outbox: &mut Outbox) {
        if let Some(Reading { base, step: Step::Prepare }) = self.retention.reading
            && !self.preparing.contains_key(&base)
        {
            self.retention.reading = None;
            match self.segments[&base].largest {
                Some(_) => self.go_on_checking(now, outbox),
                None => self.give_up_check(),
            }
        }
    }
}
