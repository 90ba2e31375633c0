//! When logs are checked for old segments: every `log.retention.check.interval.ms` those that can have any, a few at a
//! time, so that requests never wait for more than those.
//!
//! What a log deletes is its own business (`log/retention`).

use alloc::collections::BTreeSet;

use super::Broker;
use super::schedule::Schedule;
use crate::log::Due;
use crate::time::{Monotonic, Now};
use crate::types::PartitionId;

/// Logs that are checked in one go.
const SLICE: usize = 16;
/// Between two slices others have their turn: 10,000 partitions take 6 s.
const SLICE_PAUSE_MS: i64 = 10;

/// Which logs are checked, and when.
#[derive(Debug)]
pub(super) struct Rounds {
    /// The last time that was told: the wall clock may have jumped meanwhile.
    now: Now,
    /// When each log can have something to delete; such a time may come sooner than thought, or later.
    schedule: Schedule,
    next_round: Option<Monotonic>,
    /// Logs that are still to be checked in this round, and when the next of them are.
    present: BTreeSet<PartitionId>,
    next_slice: Monotonic,
}

impl Rounds {
    pub(super) fn new(now: Now) -> Self {
        Self {
            now,
            schedule: Schedule::default(),
            next_round: None,
            present: BTreeSet::new(),
            next_slice: now.monotonic,
        }
    }

    /// The first round is `delay_ms` from now.
    pub(super) fn begin(&mut self, now: Now, delay_ms: i64) {
        self.next_round = Some(now.monotonic.plus_ms(delay_ms));
    }

    /// Tells the time: what is due by the wall clock follows its jumps.
    pub(super) fn watch(&mut self, now: Now) {
        self.now = now;
    }

    /// When [`Rounds::due`] has something: not before the next round, nor before the first log's time has come.
    pub(super) fn deadline(&self) -> Option<Monotonic> {
        if !self.present.is_empty() {
            return Some(self.next_slice);
        }
        let next_round = self.next_round?;
        match self.schedule.first() {
            Due::Now => Some(next_round),
            Due::At(first) => {
                let expected = self.now.monotonic.plus_ms(first.0.saturating_sub(self.now.wall.0));
                Some(expected.max(next_round))
            }
            Due::Never => None,
        }
    }

    /// A log knows when it can have something to delete.
    pub(super) fn arm(&mut self, id: PartitionId, due: Due) {
        self.schedule.arm(id, due);
    }

    /// A log is gone, or has nothing more to delete.
    pub(super) fn forget(&mut self, id: PartitionId) {
        self.schedule.forget(id);
    }

    /// The logs to be checked now.
    fn due(&mut self, now: Now, interval_ms: i64) -> BTreeSet<PartitionId> {
        if self.next_round.is_some_and(|round| round <= now.monotonic) {
            self.next_round = Some(now.monotonic.plus_ms(interval_ms));
            self.schedule.take(now.wall, &mut self.present);
        }
        if self.present.is_empty() || self.next_slice > now.monotonic {
            return BTreeSet::new();
        }
        self.next_slice = now.monotonic.plus_ms(SLICE_PAUSE_MS);
        let rest = self.present.iter().nth(SLICE).copied();
        let rest = rest.map_or_else(BTreeSet::new, |first| self.present.split_off(&first));
        core::mem::replace(&mut self.present, rest)
    }
}

impl Broker {
    /// Checks the logs whose turn it is.
    pub(super) fn check_retention(&mut self, now: Now) {
        for id in self.retention.due(now, self.config.log_retention_check_interval_ms) {
            let Some(log) = self.logs.get_mut(&id) else { continue };
            log.check_retention(now, &mut self.outbox);
            self.touched.insert(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::WallClock;
    use crate::wire::Uuid;

    const INTERVAL_MS: i64 = 1_000;

    fn id(index: i32) -> PartitionId {
        PartitionId { topic_id: Uuid(1), index }
    }

    fn at(ms: u64) -> Now {
        Now { monotonic: Monotonic(ms * 1_000), wall: WallClock(5_000 + ms as i64) }
    }

    fn rounds() -> Rounds {
        let mut rounds = Rounds::new(at(0));
        rounds.begin(at(0), 100);
        rounds
    }

    fn due(rounds: &mut Rounds, ms: u64) -> alloc::vec::Vec<i32> {
        rounds.watch(at(ms));
        rounds.due(at(ms), INTERVAL_MS).into_iter().map(|id| id.index).collect()
    }

    #[test]
    fn a_log_without_anything_to_delete_costs_no_wake_up() {
        let mut rounds = rounds();
        assert_eq!(rounds.deadline(), None);
        rounds.arm(id(0), Due::Never);
        assert_eq!(rounds.deadline(), None);
        rounds.arm(id(0), Due::Now);
        assert_eq!(rounds.deadline(), Some(Monotonic(100_000)));
        rounds.forget(id(0));
        assert_eq!(rounds.deadline(), None);
    }

    #[test]
    fn a_log_is_checked_in_the_first_round_after_its_time() {
        let mut rounds = rounds();
        rounds.arm(id(0), Due::At(WallClock(5_100)));
        rounds.arm(id(1), Due::At(WallClock(5_101)));
        rounds.arm(id(2), Due::Now);
        assert_eq!(due(&mut rounds, 99), []);
        assert_eq!(due(&mut rounds, 100), [0, 2]);
        assert_eq!(rounds.deadline(), Some(Monotonic(1_100_000)));
        assert_eq!(due(&mut rounds, 1_100), [1]);
        assert_eq!(rounds.deadline(), None, "each log says anew when the next time is");
    }

    #[test]
    fn an_idle_broker_sleeps_until_a_record_is_too_old_and_follows_the_wall_clock() {
        let mut rounds = rounds();
        rounds.arm(id(0), Due::At(WallClock(5_000 + 90_000)));
        assert_eq!(rounds.deadline(), Some(Monotonic(90_000_000)));
        rounds.watch(Now { monotonic: Monotonic(10_000_000), wall: WallClock(90_000) });
        assert_eq!(rounds.deadline(), Some(Monotonic(15_000_000)));
        rounds.watch(Now { monotonic: Monotonic(10_000_000), wall: WallClock(900_000) });
        assert_eq!(rounds.deadline(), Some(Monotonic(10_000_000)));
    }

    #[test]
    fn a_time_that_came_nearer_counts() {
        let mut rounds = rounds();
        rounds.arm(id(0), Due::At(WallClock(1 << 60)));
        rounds.arm(id(0), Due::At(WallClock(5_000)));
        assert_eq!(due(&mut rounds, 100), [0]);
    }

    #[test]
    fn many_logs_are_checked_a_few_at_a_time() {
        let mut rounds = rounds();
        for index in 0..40 {
            rounds.arm(id(index), Due::Now);
        }
        assert_eq!(due(&mut rounds, 100).len(), SLICE);
        assert_eq!(rounds.deadline(), Some(Monotonic(110_000)));
        assert_eq!(due(&mut rounds, 109), []);
        assert_eq!(due(&mut rounds, 110).len(), SLICE);
        assert_eq!(due(&mut rounds, 120), (32..40).collect::<alloc::vec::Vec<_>>());
        assert_eq!(rounds.deadline(), None);
    }
}
