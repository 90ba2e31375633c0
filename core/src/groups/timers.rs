//! When something is to happen without anybody asking. What nobody waits for has no timer here.

use alloc::collections::{BTreeMap, BTreeSet};

use super::group::{GroupId, MemberId};
use crate::time::Monotonic;

/// What happens when a time is over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// Of one group.
    Group {
        /// The partition of its coordinator.
        partition: i32,
        /// Which group.
        group: GroupId,
        /// What of it.
        kind: TimerKind,
    },
    /// Offsets of a partition may be old enough to be forgotten.
    Retention(i32),
}

/// What of a group a time ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TimerKind {
    /// The wait for members to join.
    Join,
    /// The wait for members to ask for their assignment.
    Sync,
    /// The session of a member.
    Session(MemberId),
}

/// All timers, each at most once.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    by_time: BTreeSet<(Monotonic, Timer)>,
    times: BTreeMap<Timer, Monotonic>,
}

impl Timers {
    /// Arms a timer, or moves it where it is armed already.
    pub(crate) fn arm(&mut self, timer: Timer, at: Monotonic) {
        self.cancel(&timer);
        self.times.insert(timer.clone(), at);
        self.by_time.insert((at, timer));
    }

    pub(crate) fn cancel(&mut self, timer: &Timer) {
        if let Some((timer, at)) = self.times.remove_entry(timer) {
            self.by_time.remove(&(at, timer));
        }
    }

    /// When the timer ends, if it is armed.
    pub(crate) fn at(&self, timer: &Timer) -> Option<Monotonic> {
        self.times.get(timer).copied()
    }

    /// The next one.
    pub(crate) fn deadline(&self) -> Option<Monotonic> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes the next one out that is due.
    pub(crate) fn take_due(&mut self, now: Monotonic) -> Option<Timer> {
        if self.deadline()? > now {
            return None;
        }
        let (_, timer) = self.by_time.pop_first()?;
        self.times.remove(&timer);
        Some(timer)
    }

    /// Forgets all timers of a partition.
    pub(crate) fn cancel_all_of(&mut self, partition: i32) {
        let is_of = |timer: &Timer| match timer {
            Timer::Group { partition: of, .. } | Timer::Retention(of) => *of == partition,
        };
        self.times.retain(|timer, _| !is_of(timer));
        self.by_time.retain(|(_, timer)| !is_of(timer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_that_is_armed_again_ends_only_once() {
        let mut timers = Timers::default();
        timers.arm(Timer::Retention(1), Monotonic(5));
        timers.arm(Timer::Retention(1), Monotonic(9));
        timers.arm(Timer::Retention(2), Monotonic(7));
        assert_eq!(timers.take_due(Monotonic(6)), None);
        assert_eq!(timers.take_due(Monotonic(9)), Some(Timer::Retention(2)));
        assert_eq!(timers.take_due(Monotonic(9)), Some(Timer::Retention(1)));
        assert_eq!((timers.take_due(Monotonic(9)), timers.deadline()), (None, None));
    }

    #[test]
    fn nothing_of_a_partition_that_is_given_up_ends() {
        let mut timers = Timers::default();
        timers.arm(Timer::Group { partition: 3, group: "a".into(), kind: TimerKind::Join }, Monotonic(5));
        timers.arm(Timer::Retention(3), Monotonic(6));
        timers.cancel_all_of(3);
        assert_eq!(timers.deadline(), None);
    }
}
