//! Which log is compacted when: one at a time, in rounds that are `log.cleaner.backoff.ms` apart, those whose time has
//! come.
//!
//! What a compaction does is the log's own business (`log/compaction`).

use alloc::collections::BTreeSet;

use super::Broker;
use super::schedule::Schedule;
use crate::log::{CompactionSettings, Due};
use crate::time::{Monotonic, Now};
use crate::types::PartitionId;

/// Which logs are compacted, and when.
#[derive(Debug, Default)]
pub(super) struct Cleaner {
    schedule: Schedule,
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
        let waits = !self.present.is_empty() || self.schedule.first() != Due::Never;
        self.next_round.filter(|_| waits && self.running.is_none())
    }

    /// A log knows when it is worth while to compact it.
    pub(super) fn arm(&mut self, id: PartitionId, due: Due) {
        self.present.remove(&id);
        self.schedule.arm(id, due);
    }

    /// A log is gone, or need not be compacted any more.
    pub(super) fn forget(&mut self, id: PartitionId) {
        self.schedule.forget(id);
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
            self.schedule.take(now.wall, &mut self.present);
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
        // What moves is compacted in its new place.
        match self.logs.get_mut(&id).filter(|_| !self.moves.has(id)) {
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
    use crate::time::WallClock;
    use crate::wire::Uuid;

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
        cleaner.arm(id(0), Due::Never);
        assert_eq!(cleaner.deadline(), None);
        cleaner.arm(id(0), Due::Now);
        assert_eq!(cleaner.deadline(), Some(Monotonic(100_000)));
        cleaner.forget(id(0));
        assert_eq!(cleaner.deadline(), None);
    }

    #[test]
    fn one_log_is_compacted_at_a_time_and_each_once_a_round() {
        let mut cleaner = cleaner();
        cleaner.arm(id(0), Due::Now);
        cleaner.arm(id(1), Due::Now);
        assert_eq!(cleaner.next(at(99), BACKOFF_MS), None);
        assert_eq!(cleaner.next(at(100), BACKOFF_MS), Some(id(0)));
        assert_eq!(cleaner.next(at(100), BACKOFF_MS), None);
        assert_eq!(cleaner.deadline(), None);
        cleaner.ended(id(0));
        cleaner.arm(id(0), Due::Now);
        assert_eq!(cleaner.next(at(101), BACKOFF_MS), Some(id(1)));
        cleaner.ended(id(1));
        assert_eq!(cleaner.next(at(102), BACKOFF_MS), None);
        assert_eq!(cleaner.next(at(1_101), BACKOFF_MS), Some(id(0)));
    }

    #[test]
    fn a_log_is_compacted_in_the_first_round_after_its_time() {
        let mut cleaner = cleaner();
        cleaner.arm(id(0), Due::At(WallClock(5_101)));
        assert_eq!(cleaner.next(at(100), BACKOFF_MS), None);
        assert_eq!(cleaner.next(at(1_100), BACKOFF_MS), Some(id(0)));
    }
}
