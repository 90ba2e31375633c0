//! Which log is compacted when: one at a time, in rounds that are `log.cleaner.backoff.ms` apart, those whose time has
//! come.
//!
//! What a compaction does is the log's own business (`log/compaction`).

use alloc::collections::{BTreeMap, BTreeSet};

use super::Broker;
use crate::log::{CompactionDue, CompactionSettings};
use crate::time::{Monotonic, Now, WallClock};
use crate::types::PartitionId;
use crate::wire::Uuid;

/// What every partition comes after.
const FIRST: PartitionId = PartitionId { topic_id: Uuid::ZERO, index: i32::MIN };

/// Which logs are compacted, and when.
#[derive(Debug, Default)]
pub(super) struct Cleaner {
    due_of: BTreeMap<PartitionId, CompactionDue>,
    /// Those that are due.
    ready: BTreeSet<PartitionId>,
    /// Those that will be, on the wall clock.
    by_time: BTreeSet<(WallClock, PartitionId)>,
    /// Logs that have their turn in this round.
    present: BTreeSet<PartitionId>,
    running: Option<PartitionId>,
    next_round: Option<Monotonic>,
}

impl Cleaner {
    /// The first round begins `delay_ms` from now.
    pub(super) fn begin(&mut self, now: Monotonic, delay_ms: i64) {
        self.next_round = Some(now.plus_ms(delay_ms));
    }

    /// When [`Cleaner::next`] may have something. Without any log that could be compacted, never.
    pub(super) fn deadline(&self) -> Option<Monotonic> {
        let waits = !self.present.is_empty() || !self.ready.is_empty() || !self.by_time.is_empty();
        self.next_round.filter(|_| waits && self.running.is_none())
    }

    /// A log knows when it is worth while to compact it.
    pub(super) fn arm(&mut self, id: PartitionId, due: CompactionDue) {
        self.forget(id);
        match due {
            CompactionDue::Never => return,
            CompactionDue::At(time) => drop(self.by_time.insert((time, id))),
            CompactionDue::Now => drop(self.ready.insert(id)),
        }
        self.due_of.insert(id, due);
    }

    /// A log is gone, or need not be compacted any more.
    pub(super) fn forget(&mut self, id: PartitionId) {
        match self.due_of.remove(&id) {
            Some(CompactionDue::At(time)) => drop(self.by_time.remove(&(time, id))),
            Some(CompactionDue::Now) => drop(self.ready.remove(&id)),
            Some(CompactionDue::Never) | None => {}
        }
        self.present.remove(&id);
    }

    /// A log's compaction is over, or the log is.
    pub(super) fn ended(&mut self, id: PartitionId) {
        if self.running == Some(id) {
            self.running = None;
        }
    }

    /// The log to be compacted now.
    fn next(&mut self, now: Now, backoff_ms: i64) -> Option<PartitionId> {
        if self.running.is_some() || self.next_round.is_none_or(|round| round > now.monotonic) {
            return None;
        }
        if self.present.is_empty() {
            self.present.append(&mut self.ready);
            let later = self.by_time.split_off(&(WallClock(now.wall.0.saturating_add(1)), FIRST));
            let by_time = core::mem::replace(&mut self.by_time, later);
            self.present.extend(by_time.into_iter().map(|(_, id)| id));
            for id in &self.present {
                self.due_of.remove(id);
            }
        }
        self.running = self.present.pop_first();
        if self.present.is_empty() {
            self.next_round = Some(now.monotonic.plus_ms(backoff_ms));
        }
        self.running
    }
}

impl Broker {
    /// Begins to compact the log whose turn it is.
    pub(super) fn compact_next(&mut self, now: Now) {
        let Some(id) = self.cleaner.next(now, self.config.log_cleaner_backoff_ms) else { return };
        let settings = CompactionSettings {
            keys_size_bytes: self.config.log_cleaner_dedupe_buffer_size_bytes,
            hash_seed: self.rng.uuid().0.to_be_bytes(),
        };
        match self.logs.get_mut(&id) {
            Some(log) => {
                log.compact(now, settings, &mut self.outbox);
                self.touched.insert(id);
            }
            None => self.cleaner.ended(id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF_MS: i64 = 1_000;

    fn id(index: i32) -> PartitionId {
        PartitionId { topic_id: Uuid(1), index }
    }

    fn at(ms: u64) -> Now {
        Now { monotonic: Monotonic(ms * 1_000), wall: WallClock(5_000 + ms as i64) }
    }

    fn cleaner() -> Cleaner {
        let mut cleaner = Cleaner::default();
        cleaner.begin(Monotonic(0), 100);
        cleaner
    }

    #[test]
    fn without_a_log_to_compact_there_is_no_wake_up() {
        let mut cleaner = cleaner();
        assert_eq!(cleaner.deadline(), None);
        cleaner.arm(id(0), CompactionDue::Never);
        assert_eq!(cleaner.deadline(), None);
        cleaner.arm(id(0), CompactionDue::Now);
        assert_eq!(cleaner.deadline(), Some(Monotonic(100_000)));
        cleaner.forget(id(0));
        assert_eq!(cleaner.deadline(), None);
    }

    #[test]
    fn one_log_is_compacted_at_a_time_and_each_once_a_round() {
        let mut cleaner = cleaner();
        cleaner.arm(id(0), CompactionDue::Now);
        cleaner.arm(id(1), CompactionDue::Now);
        assert_eq!(cleaner.next(at(99), BACKOFF_MS), None);
        assert_eq!(cleaner.next(at(100), BACKOFF_MS), Some(id(0)));
        assert_eq!(cleaner.next(at(100), BACKOFF_MS), None);
        assert_eq!(cleaner.deadline(), None);
        cleaner.ended(id(0));
        cleaner.arm(id(0), CompactionDue::Now);
        assert_eq!(cleaner.next(at(101), BACKOFF_MS), Some(id(1)));
        cleaner.ended(id(1));
        assert_eq!(cleaner.next(at(102), BACKOFF_MS), None);
        assert_eq!(cleaner.next(at(1_101), BACKOFF_MS), Some(id(0)));
    }

    #[test]
    fn a_log_is_compacted_in_the_first_round_after_its_time() {
        let mut cleaner = cleaner();
        cleaner.arm(id(0), CompactionDue::At(WallClock(5_101)));
        assert_eq!(cleaner.next(at(100), BACKOFF_MS), None);
        assert_eq!(cleaner.next(at(1_100), BACKOFF_MS), Some(id(0)));
    }
}
