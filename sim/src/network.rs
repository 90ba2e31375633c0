//! The network's ways: how a transfer is cut into pieces, when each arrives, and whether the connection breaks on it.
//! Bytes of one direction of one connection arrive in order; that is all TCP promises.
//!
//! What does not belong here: what the two ends do with the bytes (`node`, `clients`).

use bytes::Bytes;

use crate::agenda::{Span, Time};
use crate::chance::Chance;
use crate::plan::NetworkPlan;
use crate::stats::{Counter, Stats};

/// Draws what happens to transfers.
#[derive(Debug)]
pub struct Network {
    chance: Chance,
    plan: NetworkPlan,
}

/// One direction of one connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lane {
    last_arrival: Time,
}

/// What becomes of a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// Pieces and when they arrive, in order.
    pub pieces: Vec<(Time, Bytes)>,
    /// The connection breaks then, for both ends; pieces that would arrive later never do.
    pub reset_at: Option<Time>,
}

/// Transfers longer than this are never cut into single bytes: it would take as many events.
const CRUMBLE_MAX_BYTES: usize = 300;
/// A transfer is cut into so many pieces at most, if not into single bytes.
const PIECES_MAX: u64 = 5;

impl Network {
    /// A network of these ways.
    #[must_use]
    pub fn new(plan: NetworkPlan, chance: Chance) -> Self {
        Self { chance, plan }
    }

    /// From now on nothing stalls or breaks.
    pub fn heal(&mut self) {
        self.plan = self.plan.calm();
    }

    /// How long something without content takes one way.
    pub fn latency(&mut self) -> Span {
        self.chance.span_near(self.plan.latency)
    }

    /// Whether a client ends its side after this request.
    pub fn half_closes(&mut self) -> bool {
        self.chance.happens(self.plan.half_closes)
    }

    /// Carries bytes along a lane.
    pub fn carry(&mut self, lane: &mut Lane, now: Time, bytes: &Bytes, stats: &mut Stats) -> Passage {
        if self.chance.happens(self.plan.stalls) {
            stats.count(Counter::Stalls);
            lane.last_arrival = lane.last_arrival.max(now) + self.chance.span_up_to(self.plan.stall_max);
        }
        let mut pieces = Vec::new();
        for piece in self.cut(bytes, stats) {
            let arrival = lane.last_arrival.max(now + self.latency());
            lane.last_arrival = arrival;
            pieces.push((arrival, piece));
        }
        let reset_at = self.chance.happens(self.plan.resets).then(|| {
            stats.count(Counter::Resets);
            now + self.chance.span_up_to(Span(2 * (lane.last_arrival - now).0 + 1))
        });
        Passage { pieces, reset_at }
    }

    /// Carries a lane's end.
    pub fn carry_end(&mut self, lane: &mut Lane, now: Time) -> Time {
        lane.last_arrival = lane.last_arrival.max(now + self.latency());
        lane.last_arrival
    }

    fn cut(&mut self, bytes: &Bytes, stats: &mut Stats) -> Vec<Bytes> {
        if bytes.len() <= CRUMBLE_MAX_BYTES && self.chance.happens(self.plan.crumbles) {
            stats.count(Counter::Crumbles);
            return (0..bytes.len()).map(|at| bytes.slice(at..=at)).collect();
        }
        let mut cuts = vec![0, bytes.len()];
        if bytes.len() > 1 && self.chance.happens(self.plan.cuts) {
            stats.count(Counter::Cuts);
            for _ in 1..self.chance.between(2..=PIECES_MAX) {
                cuts.push(self.chance.index(bytes.len()));
            }
        }
        cuts.sort_unstable();
        cuts.dedup();
        cuts.windows(2).map(|ends| bytes.slice(ends[0]..ends[1])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::{Odds, Stream};
    use crate::plan::Plan;

    #[test]
    fn bytes_arrive_in_order_whatever_happens_to_them() {
        for seed in 0..200 {
            let mut network = Network::new(Plan::of(seed).network, Chance::new(seed, Stream::Network));
            let (mut lane, mut stats) = (Lane::default(), Stats::default());
            let mut sent = Vec::new();
            let mut arrived = Vec::new();
            let mut last = Time(0);
            for transfer in 0..20u64 {
                let bytes = Bytes::from(vec![transfer as u8; 1 + transfer as usize * 40]);
                sent.extend_from_slice(&bytes);
                for (at, piece) in network.carry(&mut lane, Time(transfer * 100), &bytes, &mut stats).pieces {
                    assert!(at >= last && at >= Time(transfer * 100));
                    last = at;
                    arrived.extend_from_slice(&piece);
                }
            }
            assert_eq!(arrived, sent, "seed {seed}");
            assert!(network.carry_end(&mut lane, Time(2_000)) >= last);
        }
    }

    #[test]
    fn a_healed_network_neither_stalls_nor_breaks() {
        let always = Odds::percent(100);
        let plan = NetworkPlan { stalls: always, resets: always, half_closes: always, ..Plan::of(1).network };
        let mut network = Network::new(plan, Chance::new(1, Stream::Network));
        let (mut lane, mut stats) = (Lane::default(), Stats::default());
        let bytes = Bytes::from_static(b"abc");
        assert!(network.carry(&mut lane, Time(0), &bytes, &mut stats).reset_at.is_some());
        assert_eq!(stats.get(Counter::Stalls), 1);
        network.heal();
        assert_eq!(network.carry(&mut lane, Time(0), &bytes, &mut stats).reset_at, None);
        assert!(!network.half_closes());
        assert_eq!(stats.get(Counter::Stalls), 1);
    }
}
