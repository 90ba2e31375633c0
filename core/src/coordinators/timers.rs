//! When something is to happen without anybody asking. What nobody waits for has no timer here.

use alloc::collections::{BTreeMap, BTreeSet};

use crate::time::Monotonic;

/// A timer of a coordinator.
pub(crate) trait OfPartition: Clone + Ord {
    /// The partition of its coordinator.
    fn partition(&self) -> i32;
}

/// All timers of coordinators of a kind, each at most once.
#[derive(Debug)]
pub(crate) struct Timers<T> {
    by_time: BTreeSet<(Monotonic, T)>,
    times: BTreeMap<T, Monotonic>,
}

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Self { by_time: BTreeSet::new(), times: BTreeMap::new() }
    }
}

impl<T: OfPartition> Timers<T> {
    /// Arms a timer, or moves it where it is armed already.
    pub(crate) fn arm(&mut self, timer: T, at: Monotonic) {
        self.cancel(&timer);
        self.times.insert(timer.clone(), at);
        self.by_time.insert((at, timer));
    }

    pub(crate) fn cancel(&mut self, timer: &T) {
        if let Some((timer, at)) = self.times.remove_entry(timer) {
            self.by_time.remove(&(at, timer));
        }
    }

    /// When the timer ends, if it is armed.
    pub(crate) fn at(&self, timer: &T) -> Option<Monotonic> {
        self.times.get(timer).copied()
    }

    /// The next one.
    pub(crate) fn deadline(&self) -> Option<Monotonic> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes the next one out that is due.
    pub(crate) fn take_due(&mut self, now: Monotonic) -> Option<T> {
        if self.deadline()? > now {
            return None;
        }
        let (_, timer) = self.by_time.pop_first()?;
        self.times.remove(&timer);
        Some(timer)
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
    fn nothing_of_a_partition_that_is_given_up_ends() {
        let mut timers = Timers::default();
        timers.arm(Timer(3, "a"), Monotonic(5));
        timers.arm(Timer(3, "b"), Monotonic(6));
        timers.cancel_all_of(3);
        assert_eq!(timers.deadline(), None);
    }
}
