//! The two clocks that enter the broker, and only through [`Now`].

use core::time::Duration;

/// Both clocks, read by the adapter right before it calls the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Never goes back; all deadlines are on it.
    pub monotonic: Monotonic,
    /// What people and record timestamps use; may jump.
    pub wall: WallClock,
}

/// Microseconds since an arbitrary start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Monotonic(pub u64);

impl Monotonic {
    /// The moment `ms` milliseconds after this one; a negative `ms` counts as 0.
    #[must_use]
    pub fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(u64::try_from(ms).unwrap_or(0).saturating_mul(1_000)))
    }

    /// How long from `earlier` to this moment; zero where `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// Milliseconds since the Unix epoch, as in Kafka's timestamps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct WallClock(pub i64);
