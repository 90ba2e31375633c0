//! Chance, all of it from one seed. Each concern draws from a stream of its own, so that a change in how the network
//! draws does not change what the disk does.

use std::ops::RangeInclusive;

use chacha20::ChaCha8Rng;
use chacha20::rand_core::{Rng as _, SeedableRng};

use crate::agenda::Span;

/// A concern that draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// What this seed's world is like.
    Plan,
    /// Segmentation, delays, stalls, resets.
    Network,
    /// Latency and faults of storage commands, what survives a power loss.
    Disk,
    /// Drift and jumps.
    Clock,
    /// When the broker dies, how, and for how long.
    Lifecycle,
    /// The broker's own seeds.
    Broker,
    /// How the adapter slices its work.
    Adapter,
    /// What becomes of old records.
    Retention,
    /// What groups there are.
    Groups,
    /// Which of them are assigned to by the coordinator.
    ConsumerGroups,
    /// What transactions there are.
    Transactions,
    /// What share groups there are.
    Shares,
    /// Whether somebody asks for what can't be.
    Inquirer,
    /// When nobody does anything.
    Lulls,
    /// How many log directories there are.
    LogDirs,
    /// What the broker has no more of.
    Limits,
    /// What members of share groups leave unsaid.
    Unsaid,
    /// One client.
    Client(u16),
}

impl Stream {
    fn number(self) -> u64 {
        match self {
            Self::Plan => 1,
            Self::Network => 2,
            Self::Disk => 3,
            Self::Clock => 4,
            Self::Lifecycle => 5,
            Self::Broker => 6,
            Self::Adapter => 7,
            Self::Retention => 8,
            Self::Groups => 9,
            Self::ConsumerGroups => 10,
            Self::Transactions => 11,
            Self::Shares => 12,
            Self::Inquirer => 13,
            Self::Lulls => 14,
            Self::LogDirs => 15,
            Self::Limits => 16,
            Self::Unsaid => 17,
            Self::Client(client) => 1_000 + u64::from(client),
        }
    }
}

/// How often something happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Odds {
    per_million: u32,
}

impl Odds {
    /// It never happens.
    pub const NEVER: Self = Self { per_million: 0 };

    /// So many times in a million.
    ///
    /// # Panics
    /// Where that is more often than always.
    #[must_use]
    pub const fn per_million(per_million: u32) -> Self {
        assert!(per_million <= 1_000_000, "nothing happens more often than always");
        Self { per_million }
    }

    /// So many times in a hundred.
    #[must_use]
    pub const fn percent(percent: u32) -> Self {
        Self::per_million(percent * 10_000)
    }

    /// How many times in a million.
    #[must_use]
    pub const fn in_a_million(self) -> u32 {
        self.per_million
    }

    /// Whether it can happen at all.
    #[must_use]
    pub const fn is_never(self) -> bool {
        self.per_million == 0
    }
}

/// One stream of a seed.
#[derive(Debug)]
pub struct Chance(ChaCha8Rng);

impl Chance {
    /// The stream of `seed` for one concern.
    #[must_use]
    pub fn new(seed: u64, stream: Stream) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream.number());
        Self(rng)
    }

    /// A number in `range`, each equally likely.
    ///
    /// # Panics
    /// Where the range is empty.
    pub fn between(&mut self, range: RangeInclusive<u64>) -> u64 {
        let (low, high) = range.into_inner();
        assert!(low <= high, "a range from {low} to {high} has nothing to draw");
        // The bias of the multiplication is below one in 2^32 for every range used here.
        let width = u128::from(high - low) + 1;
        let drawn = (u128::from(self.0.next_u64()) * width) >> 64;
        low + u64::try_from(drawn).expect("below the width, which fits")
    }

    /// An index into something of `count` elements.
    pub fn index(&mut self, count: usize) -> usize {
        usize::try_from(self.between(0..=count as u64 - 1)).expect("below the count, which is one")
    }

    /// One of `choices`.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.index(choices.len())]
    }

    /// Whether something of these odds happens this time.
    pub fn happens(&mut self, odds: Odds) -> bool {
        self.between(0..=999_999) < u64::from(odds.per_million)
    }

    /// Heads or tails.
    pub fn coin(&mut self) -> bool {
        self.0.next_u32() & 1 == 1
    }

    /// A span near `typical`, with a long tail: one in eight is twice as long, one in 64 four times, and so on.
    pub fn span_near(&mut self, typical: Span) -> Span {
        let near = self.between(typical.0 / 2..=typical.0 + typical.0 / 2);
        let tail = (self.0.next_u64() | 1 << 24).trailing_zeros() / 3;
        Span(near << tail)
    }

    /// Any span up to `longest`.
    pub fn span_up_to(&mut self, longest: Span) -> Span {
        Span(self.between(0..=longest.0))
    }

    /// 32 bytes for somebody else's generator.
    pub fn seed(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        self.0.fill_bytes(&mut seed);
        seed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_stream_give_the_same_numbers() {
        let draw = |seed, stream| {
            let mut chance = Chance::new(seed, stream);
            (0..10).map(|_| chance.between(0..=u64::MAX)).collect::<Vec<_>>()
        };
        assert_eq!(draw(7, Stream::Disk), draw(7, Stream::Disk));
        assert_ne!(draw(7, Stream::Disk), draw(7, Stream::Network));
        assert_ne!(draw(7, Stream::Disk), draw(8, Stream::Disk));
        assert_ne!(draw(7, Stream::Client(1)), draw(7, Stream::Client(2)));
    }

    #[test]
    fn numbers_stay_in_their_range_and_reach_its_ends() {
        let mut chance = Chance::new(1, Stream::Plan);
        let drawn: Vec<u64> = (0..1_000).map(|_| chance.between(3..=6)).collect();
        assert_eq!(drawn.iter().min(), Some(&3));
        assert_eq!(drawn.iter().max(), Some(&6));
    }

    #[test]
    fn odds_hold_roughly() {
        let mut chance = Chance::new(1, Stream::Plan);
        let hits = (0..10_000).filter(|_| chance.happens(Odds::percent(20))).count();
        assert!((1_800..2_200).contains(&hits), "{hits} of 10000");
        assert!((0..10_000).all(|_| !chance.happens(Odds::NEVER)));
        assert!((0..10_000).all(|_| chance.happens(Odds::percent(100))));
    }
}
