//! What one seed's world is like. Each seed draws which faults it has and how often (swarm testing): a world with every
//! fault at once hides what a world with one of them finds.

use crate::agenda::Span;
use crate::chance::{Chance, Odds, Stream};

/// Everything that is drawn before the world begins.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// Faults happen until then; after it everything must come to rest.
    pub faults_for: Span,
    /// How the broker is configured.
    pub broker: BrokerPlan,
    /// What clients do.
    pub clients: ClientPlan,
    /// The network's ways.
    pub network: NetworkPlan,
    /// The disk's ways.
    pub disk: DiskPlan,
    /// The clocks' ways.
    pub clock: ClockPlan,
    /// When and how the broker dies.
    pub lifecycle: LifecyclePlan,
}

/// How the broker is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokerPlan {
    /// `log.flush.interval.messages=1`: a sync before each answer.
    pub strict_sync: bool,
    /// `log.roll.ms`.
    pub roll_ms: Option<u64>,
    /// `log.index.interval.bytes`.
    pub index_interval_bytes: u64,
    /// `ottla.max.requests.per.connection`.
    pub requests_per_connection: u64,
}

/// What clients do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientPlan {
    /// Topics that live from the beginning to the end.
    pub topics: u16,
    /// Partitions of each.
    pub partitions: u16,
    /// Topics come into being by being asked for, rather than by CreateTopics.
    pub auto_create: bool,
    /// Producers.
    pub producers: u16,
    /// Consumers.
    pub consumers: u16,
    /// Topics are created and deleted on the side.
    pub churns_topics: bool,
    /// Somebody sends frames and batches that are wrong.
    pub has_vandal: bool,
    /// Batches that each producer has to bring home.
    pub batches: u64,
    /// Records of a batch, at most.
    pub records_max: u64,
    /// Bytes of a record's value, at most.
    pub value_max_bytes: u64,
    /// Time between two things a client does.
    pub pause: Span,
    /// A request without an answer for so long loses its connection.
    pub request_timeout: Span,
}

/// The network's ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkPlan {
    /// One way, typically.
    pub latency: Span,
    /// A transfer is cut into pieces.
    pub cuts: Odds,
    /// A transfer is cut into single bytes, if it is short.
    pub crumbles: Odds,
    /// A transfer waits.
    pub stalls: Odds,
    /// For so long at most.
    pub stall_max: Span,
    /// A connection breaks during a transfer.
    pub resets: Odds,
    /// A client ends its side after a request.
    pub half_closes: Odds,
}

/// The disk's ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskPlan {
    /// A read, write or change of names, typically.
    pub latency: Span,
    /// A sync, typically.
    pub sync_latency: Span,
    /// Between two moments at which the cache writes something in its own time.
    pub write_back_every: Span,
    /// A read, listing or opening fails.
    pub read_fails: Odds,
    /// A write, truncation or change of names fails, perhaps halfway.
    pub write_fails: Odds,
    /// A sync fails.
    pub sync_fails: Odds,
    /// What a failed sync did not write counts as clean from then on.
    pub forgets: bool,
    /// A write finds no space.
    pub fills: Odds,
    /// A power loss tears pages.
    pub tears: bool,
    /// A power loss may take a page and leave a later one.
    pub holes: bool,
}

/// The clocks' ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockPlan {
    /// How much the broker's monotonic clock is too fast, in parts per million; negative is too slow.
    pub drift_ppm: i64,
    /// Between two jumps of the wall clock; zero for none.
    pub jump_every: Span,
    /// How far, at most, either way.
    pub jump_max: Span,
    /// A deadline's tick comes so late at most.
    pub tick_late_max: Span,
}

/// When and how the broker dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LifecyclePlan {
    /// Between two ends; zero for none.
    pub end_every: Span,
    /// Of ten ends, so many are clean.
    pub clean_of_ten: u64,
    /// Of ten others, so many are power losses rather than kills.
    pub power_of_ten: u64,
    /// It is down for so long at most.
    pub down_max: Span,
}

impl Plan {
    /// The world of `seed`.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let chance = &mut Chance::new(seed, Stream::Plan);
        let lifecycle = LifecyclePlan::draw(chance);
        let broker = BrokerPlan::draw(chance);
        Self {
            seed,
            faults_for: Span::ms(*chance.pick(&[500, 2_000, 5_000])),
            broker,
            clients: ClientPlan::draw(chance),
            network: NetworkPlan::draw(chance),
            disk: DiskPlan::draw(chance),
            clock: ClockPlan::draw(chance),
            lifecycle,
        }
    }

    /// Whether a power loss may take what was acknowledged.
    #[must_use]
    pub fn may_lose_acknowledged(&self) -> bool {
        !self.broker.strict_sync && self.lifecycle.power_of_ten > 0
    }
}

impl BrokerPlan {
    fn draw(chance: &mut Chance) -> Self {
        Self {
            strict_sync: chance.coin(),
            roll_ms: *chance.pick(&[None, Some(50), Some(500)]),
            index_interval_bytes: *chance.pick(&[1, 100, 4_096]),
            requests_per_connection: *chance.pick(&[1, 2, 100]),
        }
    }
}

impl ClientPlan {
    fn draw(chance: &mut Chance) -> Self {
        Self {
            topics: small(chance, 2),
            partitions: small(chance, 3),
            auto_create: chance.coin(),
            producers: small(chance, 3),
            consumers: small(chance, 3),
            churns_topics: chance.coin(),
            has_vandal: chance.happens(Odds::percent(25)),
            batches: chance.between(5..=60),
            records_max: *chance.pick(&[1, 3, 10, 50]),
            value_max_bytes: *chance.pick(&[8, 100, 1_000, 5_000]),
            pause: Span::ms(*chance.pick(&[0, 1, 10, 50])),
            request_timeout: Span::ms(*chance.pick(&[500, 2_000, 10_000])),
        }
    }
}

impl NetworkPlan {
    fn draw(chance: &mut Chance) -> Self {
        Self {
            latency: Span(*chance.pick(&[20, 200, 2_000, 20_000])),
            cuts: sometimes(chance, &[10, 50, 100]),
            crumbles: sometimes(chance, &[1, 10]),
            stalls: sometimes(chance, &[1, 5]),
            stall_max: Span::ms(*chance.pick(&[10, 200, 3_000])),
            resets: sometimes(chance, &[1, 3, 10]),
            half_closes: sometimes(chance, &[1, 3]),
        }
    }

    /// Without faults.
    #[must_use]
    pub fn calm(self) -> Self {
        Self { stalls: Odds::NEVER, resets: Odds::NEVER, half_closes: Odds::NEVER, ..self }
    }
}

impl DiskPlan {
    fn draw(chance: &mut Chance) -> Self {
        // Faults of the disk take a log offline, which hides much else: only some worlds have them.
        let is_faulty = chance.happens(Odds::percent(30));
        let fault = |chance: &mut Chance| {
            let odds = Odds::per_million(*chance.pick(&[500, 3_000]));
            if is_faulty && chance.coin() { odds } else { Odds::NEVER }
        };
        Self {
            latency: Span(*chance.pick(&[10, 100, 1_000])),
            sync_latency: Span(*chance.pick(&[100, 2_000, 20_000])),
            write_back_every: Span::ms(*chance.pick(&[2, 30, 500])),
            read_fails: fault(chance),
            write_fails: fault(chance),
            sync_fails: fault(chance),
            fills: fault(chance),
            forgets: chance.coin(),
            tears: chance.coin(),
            holes: chance.coin(),
        }
    }

    /// Without faults.
    #[must_use]
    pub fn calm(self) -> Self {
        let never = Odds::NEVER;
        Self { read_fails: never, write_fails: never, sync_fails: never, fills: never, ..self }
    }

    /// Whether commands can fail.
    #[must_use]
    pub fn is_faulty(&self) -> bool {
        [self.read_fails, self.write_fails, self.sync_fails, self.fills].iter().any(|odds| !odds.is_never())
    }
}

impl ClockPlan {
    fn draw(chance: &mut Chance) -> Self {
        Self {
            drift_ppm: *chance.pick(&[0, 0, 500, -500, 100_000]),
            jump_every: Span::ms(*chance.pick(&[0, 0, 300, 2_000])),
            // Brokers refuse records from more than an hour ahead: a jump back and one ahead stay below that.
            jump_max: Span::ms(*chance.pick(&[20, 5_000, 1_500_000])),
            tick_late_max: Span(*chance.pick(&[0, 500, 20_000])),
        }
    }
}

impl LifecyclePlan {
    fn draw(chance: &mut Chance) -> Self {
        Self {
            end_every: Span::ms(*chance.pick(&[0, 100, 400, 1_500])),
            clean_of_ten: *chance.pick(&[0, 3, 10]),
            power_of_ten: *chance.pick(&[0, 5, 10]),
            down_max: Span::ms(*chance.pick(&[1, 50, 500])),
        }
    }
}

/// From 1 to `most`.
fn small(chance: &mut Chance, most: u64) -> u16 {
    u16::try_from(chance.between(1..=most)).expect("small")
}

/// Never in half of the worlds, else one of `percents`.
fn sometimes(chance: &mut Chance, percents: &[u32]) -> Odds {
    let odds = Odds::percent(*chance.pick(percents));
    if chance.coin() { odds } else { Odds::NEVER }
}
