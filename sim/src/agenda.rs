//! Virtual time: what happens when. Events of one moment happen in the order in which they were planned.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::ops::{Add, Sub};

/// Microseconds since the world began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub u64);

/// Microseconds between two moments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub u64);

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// So many milliseconds.
    #[must_use]
    pub const fn ms(ms: u64) -> Self {
        Self(ms * 1_000)
    }

    /// So many seconds.
    #[must_use]
    pub const fn seconds(seconds: u64) -> Self {
        Self::ms(seconds * 1_000)
    }
}

impl Add<Span> for Time {
    type Output = Self;

    fn add(self, span: Span) -> Self {
        Self(self.0 + span.0)
    }
}

impl Sub for Time {
    type Output = Span;

    fn sub(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}s", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}s", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

/// Planned events in the order in which they will happen.
#[derive(Debug)]
pub struct Agenda<E> {
    now: Time,
    planned: u64,
    heap: BinaryHeap<Reverse<Entry<E>>>,
}

#[derive(Debug)]
struct Entry<E> {
    at: Time,
    number: u64,
    event: E,
}

impl<E> Entry<E> {
    fn key(&self) -> (Time, u64) {
        (self.at, self.number)
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<E> Eq for Entry<E> {}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl<E> Default for Agenda<E> {
    fn default() -> Self {
        Self { now: Time::default(), planned: 0, heap: BinaryHeap::new() }
    }
}

impl<E> Agenda<E> {
    /// The time of the event that happened last.
    #[must_use]
    pub fn now(&self) -> Time {
        self.now
    }

    /// Plans an event.
    ///
    /// # Panics
    /// Where its time has passed.
    pub fn at(&mut self, at: Time, event: E) {
        assert!(at >= self.now, "planned for {at}, but it is {} already", self.now);
        let number = self.planned;
        self.planned += 1;
        self.heap.push(Reverse(Entry { at, number, event }));
    }

    /// Plans an event `span` from now.
    pub fn after(&mut self, span: Span, event: E) {
        self.at(self.now + span, event);
    }

    /// Moves time on to the next event.
    pub fn advance(&mut self) -> Option<E> {
        let Reverse(entry) = self.heap.pop()?;
        self.now = entry.at;
        Some(entry.event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_happen_by_time_and_then_in_the_order_of_planning() {
        let mut agenda = Agenda::default();
        agenda.at(Time(5), "third");
        agenda.at(Time(1), "first");
        agenda.at(Time(5), "fourth");
        agenda.at(Time(2), "second");
        let order: Vec<_> = std::iter::from_fn(|| agenda.advance()).collect();
        assert_eq!(order, ["first", "second", "third", "fourth"]);
        assert_eq!(agenda.now(), Time(5));
    }

    #[test]
    #[should_panic(expected = "already")]
    fn the_past_stays_as_it_is() {
        let mut agenda = Agenda::default();
        agenda.at(Time(5), ());
        agenda.advance();
        agenda.at(Time(4), ());
    }
}
