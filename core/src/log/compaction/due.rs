//! When there is something to compact, and how far compaction may go.

use super::super::event::LogState;
use super::super::segment::Segment;
use crate::log::{Due, PartitionLog};
use crate::time::{Now, WallClock};
use crate::types::Offset;

/// What was said of it, and whether that may be different by now.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    told: Due,
    is_changed: bool,
    /// What is undecided was in the way.
    waits_for_stable: bool,
}

impl PartitionLog {
    /// When the log is to be compacted, where that is different from the last time.
    pub fn take_compaction_due(&mut self, now: Now) -> Option<Due> {
        if !core::mem::take(&mut self.compaction.due.is_changed) {
            return None;
        }
        let due = self.compaction_due(now);
        let stable = self.last_stable_offset();
        let closed = self.config.is_compacted && self.state == LogState::Serving;
        self.compaction.due.waits_for_stable = closed && stable < self.active.base;
        (due != core::mem::replace(&mut self.compaction.due.told, due)).then_some(due)
    }

    /// The last stable offset may have moved. Where it was in the way, there may be more to compact.
    pub(in crate::log) fn compaction_may_go_further(&mut self) {
        self.compaction.due.is_changed |= self.compaction.due.waits_for_stable;
    }

    /// [`Due`] may be different: a segment was closed, the settings or the last stable offset changed.
    pub(in crate::log) fn compaction_changed(&mut self) {
        self.compaction.due.is_changed = true;
    }

    /// Whether it is due now.
    pub(super) fn is_due(&self, now: Now) -> bool {
        self.due_beside_run(now) == Due::Now
    }

    fn compaction_due(&self, now: Now) -> Due {
        if self.compaction.run.is_some() { Due::Never } else { self.due_beside_run(now) }
    }

    fn due_beside_run(&self, now: Now) -> Due {
        if self.state != LogState::Serving || !self.config.is_compacted || self.compaction.is_given_up {
            return Due::Never;
        }
        let end = self.first_uncleanable(now);
        let from = self.first_dirty();
        let dirty_bytes: u64 = self.segments.range(from..end).map(|(_, segment)| segment.size_bytes).sum();
        let clean_bytes: u64 = self.segments.range(..from).map(|(_, segment)| segment.size_bytes).sum();
        if dirty_bytes > 0 && self.is_dirty_enough(clean_bytes, dirty_bytes) {
            return Due::Now;
        }
        let lagging = if end > from { self.lag_ends(from) } else { None };
        [lagging, self.young_until(now)]
            .into_iter()
            .flatten()
            .min()
            .map_or(Due::Never, |at| if at <= now.wall { Due::Now } else { Due::At(at) })
    }

    fn is_dirty_enough(&self, clean_bytes: u64, dirty_bytes: u64) -> bool {
        let share = dirty_bytes as f64 / (clean_bytes + dirty_bytes) as f64;
        share > self.config.min_cleanable_dirty_ratio
    }

    /// Where the part begins that was not compacted: at the beginning of its first segment.
    pub(super) fn first_dirty(&self) -> Offset {
        self.segment_of(self.compaction.first_dirty.max(self.log_start))
    }

    /// Where what may be compacted ends: before the active segment, before what is undecided, and before the first
    /// segment that has records younger than `min.compaction.lag.ms`.
    pub(super) fn first_uncleanable(&self, now: Now) -> Offset {
        let stable = self.last_stable_offset();
        let mut end = self.first_dirty();
        for (segment, next) in self.dirty_segments() {
            if next > stable || self.is_young(segment, now) {
                break;
            }
            end = next;
        }
        end
    }

    fn dirty_segments(&self) -> impl Iterator<Item = (&Segment, Offset)> {
        let segments = self.segments.range(self.first_dirty()..).map(|(_, segment)| segment);
        segments.zip(self.segments.range(self.first_dirty()..).skip(1).map(|(base, _)| *base))
    }

    fn is_young(&self, segment: &Segment, now: Now) -> bool {
        let lag_ms = self.config.min_compaction_lag_ms;
        // What is not known counts as young until it is.
        lag_ms > 0
            && segment.largest.is_none_or(|largest| {
                largest.is_some_and(|largest| largest.timestamp > now.wall.0.saturating_sub(lag_ms))
            })
    }

    /// When the first segment that is too young for compaction will be old enough; at once where that is not known.
    fn young_until(&self, now: Now) -> Option<WallClock> {
        let stable = self.last_stable_offset();
        let decided = self.dirty_segments().take_while(|(_, next)| *next <= stable);
        let (young, _) = decided.into_iter().find(|(segment, _)| self.is_young(segment, now))?;
        let largest = young.largest.flatten().map_or(0, |largest| largest.timestamp);
        let lag_ms = self.config.min_compaction_lag_ms;
        Some(WallClock(if young.largest.is_some() { largest.saturating_add(lag_ms).saturating_add(1) } else { 0 }))
    }

    /// When the oldest record that was not compacted has waited for `max.compaction.lag.ms`; at once where its time is
    /// not known.
    fn lag_ends(&self, from: Offset) -> Option<WallClock> {
        let lag_ms = self.config.max_compaction_lag_ms;
        let first = self.segments[&from].first_timestamp;
        (lag_ms < i64::MAX).then(|| WallClock(first.map_or(0, |first| first.saturating_add(lag_ms).saturating_add(1))))
    }

    /// The next segment of which a time must be known before a run can decide what to do.
    pub(super) fn to_be_learned(&self) -> Option<Unlearned> {
        let stable = self.last_stable_offset();
        if self.config.max_compaction_lag_ms < i64::MAX
            && let Some((first, _)) = self.dirty_segments().next()
            && first.first_timestamp.is_none()
        {
            return Some(Unlearned::First(first.base));
        }
        let mut decided = self.dirty_segments().take_while(|(_, next)| *next <= stable);
        let needs = |segment: &Segment| self.config.min_compaction_lag_ms > 0 && segment.largest.is_none();
        decided.find(|(segment, _)| needs(segment)).map(|(segment, _)| Unlearned::Largest(segment.base))
    }
}

/// What is not known of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unlearned {
    /// The time of its first batch.
    First(Offset),
    /// Its largest timestamp.
    Largest(Offset),
}
