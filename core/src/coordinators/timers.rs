//! When something is to happen without anybody asking. What nobody waits for has no timer here.

use alloc::collections::{BTreeMap, BTreeSet};

use crate::time::Monotonic;

/// A timer of a coordinator.
pub(crate) trait OfPartition: Clone + Ord {
    /// The partition of its coordinator.
    fn partition(&self) -> i32;
}

/// All timers of coordinators of a kind, each at most once.
///
/// Most are put off again and again, by each heartbeat. So one that is put off stays where it stands in line, and goes further
/// back only when its turn comes.
#[derive(Debug)]
pub(crate) struct Timers<T> {
    by_time: BTreeSet<(Monotonic, T)>,
    times: BTreeMap<T, Times>,
}

#[derive(Clone, Copy, Debug)]
struct Times {
    /// When it ends.
    at: Monotonic,
    /// Where it stands in line: not after that.
    queued: Monotonic,
}

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Self { by_time: BTreeSet::new(), times: BTreeMap::new() }
    }
}

impl<T: OfPartition> Timers<T> {
    /// Arms a timer, or moves it where it is armed already.
    pub(crate) fn arm(&mut self, timer: T, at: Monotonic) {
        if let Some(times) = self.times.get_mut(&timer).filter(|times| times.queued <= at) {
            times.at = at;
            return;
        }
        self.cancel(&timer);
        self.times.insert(timer.clone(), Times { at, queued: at });
        self.by_time.insert((at, timer));
    }

    pub(crate) fn cancel(&mut self, timer: &T) {
        if let Some((timer, times)) = self.times.remove_entry(timer) {
            self.by_time.remove(&(times.queued, timer));
        }
    }

    /// When the timer ends, if it is armed.
    pub(crate) fn at(&self, timer: &T) -> Option<Monotonic> {
        self.times.get(timer).map(|times| times.at)
    }

    /// When the next one ends, or may.
    pub(crate) fn deadline(&self) -> Option<Monotonic> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes the next one out that is due.
    pub(crate) fn take_due(&mut self, now: Monotonic) -> Option<T> {
        while self.deadline()? <= now {
            let (queued, timer) = self.by_time.pop_first()?;
            match self.times.get_mut(&timer) {
                Some(times) if times.at > queued => {
                    times.queued = times.at;
                    self.by_time.insert((times.at, timer));
                }
                _ => {
                    self.times.remove(&timer);
                    return Some(timer);
                }
            }
        }
        None
    }

    /// Forgets all timers of a partition.
    pub(crate) fn cancel_all_of(&mut self, partition: i32) {
        self.times.retain(|timer, _| timer.partition() != partition);
        self.by_time.retain(|(_, timer)| timer.partition() != partition);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
    struct Timer(i32, &'static str);

    impl OfPartition for Timer {
        fn partition(&self) -> i32 {
            self.0
        }
    }

    #[test]
    fn a_timer_that_is_armed_again_ends_only_once() {
        let mut timers = Timers::default();
        timers.arm(Timer(1, "a"), Monotonic(5));
        timers.arm(Timer(1, "a"), Monotonic(9));
        timers.arm(Timer(2, "a"), Monotonic(7));
        assert_eq!(timers.take_due(Monotonic(6)), None);
        assert_eq!(timers.take_due(Monotonic(9)), Some(Timer(2, "a")));
        assert_eq!(timers.take_due(Monotonic(9)), Some(Timer(1, "a")));
        assert_eq!((timers.take_due(Monotonic(9)), timers.deadline()), (None, None));
    }

    #[test]
    fn a_timer_that_is_put_off_ends_when_it_was_put_off_to_and_one_that_is_moved_up_ends_sooner() {
        let mut timers = Timers::default();
        timers.arm(Timer(1, "a"), Monotonic(5));
        timers.arm(Timer(1, "a"), Monotonic(9));
        assert_eq!(timers.at(&Timer(1, "a")), Some(Monotonic(9)));
        assert_eq!((timers.take_due(Monotonic(8)), timers.deadline()), (None, Some(Monotonic(9))));
        timers.arm(Timer(1, "a"), Monotonic(20));
        timers.arm(Timer(1, "a"), Monotonic(3));
        assert_eq!(timers.take_due(Monotonic(3)), Some(Timer(1, "a")));
        timers.arm(Timer(1, "a"), Monotonic(5));
        timers.arm(Timer(1, "a"), Monotonic(9));
        timers.cancel(&Timer(1, "a"));
        assert_eq!((timers.take_due(Monotonic(9)), timers.deadline()), (None, None));
    }

    #[test]
    fn nothing_of_a_partition_that_is_given_up_ends() {
        let mut timers = Timers::default();
        timers.arm(Timer(3, "a"), Monotonic(5));
        timers.arm(Timer(3, "b"), Monotonic(6));
        timers.cancel_all_of(3);
        assert_eq!(timers.deadline(), None);
    }
}
