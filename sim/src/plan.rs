//! What one seed's world is like. Each seed draws which faults it has and how often (swarm testing): a world with every
//! fault at once hides what a world with one of them finds.

use ottla_core::planted::Bugs;

use crate::agenda::{Span, Time};
use crate::chance::{Chance, Odds, Stream};
use crate::history::{CompactionLimits, Limits};
use crate::records::Keys;

/// Everything that is drawn before the world begins.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// What is planted in the broker.
    pub bugs: Bugs,
    /// Faults happen for so long, lulls not counted; after that everything must come to rest.
    pub faults_for: Span,
    /// So many times nobody does anything for a while, and nothing fails.
    pub lulls: u16,
    /// How the broker is configured.
    pub broker: BrokerPlan,
    /// What clients do.
    pub clients: ClientPlan,
    /// What becomes of old records.
    pub retention: RetentionPlan,
    /// What becomes of records that have a later one of their key.
    pub compaction: CompactionPlan,
    /// What groups there are.
    pub groups: GroupPlan,
    /// What transactions there are.
    pub transactions: TransactionPlan,
    /// What share groups there are.
    pub shares: SharePlan,
    /// Somebody asks for what can't be.
    pub has_inquirer: bool,
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
    /// So many are in `log.dirs`.
    pub log_dirs: u16,
    /// `delete.topic.enable`.
    pub deletes_topics: bool,
    /// `max.incremental.fetch.session.cache.slots`.
    pub fetch_sessions: u64,
    /// `log.index.size.max.bytes`, where it is not the default.
    pub index_max_bytes: Option<u64>,
    /// `connections.max.idle.ms`.
    pub idle_max_ms: u64,
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

/// What becomes of old records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetentionPlan {
    /// `log.retention.check.interval.ms`, and how long the first check waits.
    pub check_every_ms: u64,
    /// `log.retention.ms`; `None` is for ever.
    pub retention_ms: Option<u64>,
    /// `log.retention.bytes`; `None` is without limit.
    pub retention_bytes: Option<u64>,
    /// `log.segment.delete.delay.ms`.
    pub delete_delay_ms: u64,
    /// How many of the largest batches go into a segment, where an admin creates the topics.
    pub batches_per_segment: Option<u64>,
    /// Somebody deletes records.
    pub deletes_records: bool,
}

/// What becomes of records that have a later one of their key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompactionPlan {
    /// Records have so many keys, and their topics are compacted; 0 is neither.
    pub keys: Keys,
    /// `log.cleanup.policy` has `delete` as well.
    pub deletes: bool,
    /// `log.cleaner.min.compaction.lag.ms`.
    pub min_lag_ms: u64,
    /// `log.cleaner.delete.retention.ms`.
    pub delete_retention_ms: u64,
    /// `log.cleaner.backoff.ms`.
    pub backoff_ms: u64,
    /// `log.cleaner.min.cleanable.ratio`, in percent.
    pub dirty_percent: u64,
}

/// What groups there are, and how their members live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupPlan {
    /// Groups that have members; none in half of the worlds.
    pub groups: u16,
    /// Members of each.
    pub members: u16,
    /// Groups whose members speak the consumer protocol (KIP-848), so many of them in each.
    pub consumer_groups: u16,
    /// `group.consumer.assignment.interval.ms`.
    pub assignment_interval_ms: u64,
    /// Clients that commit without being members.
    pub loners: u16,
    /// A member that is silent for longer is taken for gone.
    pub session_timeout_ms: u64,
    /// A rebalance waits so long for members.
    pub rebalance_timeout_ms: u64,
    /// `group.initial.rebalance.delay.ms`.
    pub initial_delay_ms: u64,
    /// `offsets.topic.num.partitions`.
    pub partitions: u16,
    /// `offsets.load.buffer.size`.
    pub load_buffer_bytes: u64,
    /// Offsets are compacted at once, where segments are closed.
    pub compacts: bool,
    /// Each time that it does something a member is silent for up to two sessions instead.
    pub silences: Odds,
    /// Or its client is killed and starts again.
    pub crashes: Odds,
    /// Or it leaves, and comes again.
    pub leaves: Odds,
}

/// What transactions there are, and how their producers live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransactionPlan {
    /// Transactional ids; none in most of the worlds.
    pub ids: u16,
    /// Producers with each of them, that fence each other.
    pub producers: u16,
    /// Consumers of committed records.
    pub consumers: u16,
    /// Partitions of the topic.
    pub partitions: u16,
    /// Transactions of each producer.
    pub transactions: u64,
    /// A transaction may be open for so long.
    pub timeout_ms: u64,
    /// `transaction.state.log.num.partitions`, and `offsets.topic.num.partitions` where there are no groups.
    pub state_partitions: u16,
    /// `transaction.state.log.load.buffer.size`.
    pub load_buffer_bytes: u64,
    /// Of each segment of the topic, where it is not the default.
    pub segment_bytes: Option<u64>,
    /// Some transactions have offsets of a group.
    pub has_offsets: bool,
    /// A transaction is aborted by its producer.
    pub aborts: Odds,
    /// At each step of a transaction its producer is silent for up to twice as long as it may last.
    pub stalls: Odds,
    /// Or it is killed and starts again.
    pub crashes: Odds,
}

/// What share groups there are, and how their members live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SharePlan {
    /// Share groups; none in most of the worlds.
    pub groups: u16,
    /// Members of each.
    pub members: u16,
    /// Partitions of the topic.
    pub partitions: u16,
    /// `share.coordinator.state.topic.num.partitions`, and `offsets.topic.num.partitions` where there are no other groups.
    pub state_partitions: u16,
    /// `group.share.record.lock.duration.ms`.
    pub lock_ms: u64,
    /// `group.share.delivery.count.limit`.
    pub deliveries_max: u16,
    /// `group.share.session.timeout.ms`.
    pub session_timeout_ms: u64,
    /// `share.coordinator.snapshot.update.records.per.snapshot`.
    pub updates_per_snapshot: u16,
    /// A fetch wants so many records.
    pub records_max: u64,
    /// It never gets more, where its version can say so.
    pub is_strict: bool,
    /// Each time that it does something a member forgets all that it has, and goes on: the records are with it until their time is
    /// over.
    pub forgets: Odds,
    /// Of each run of records that it has, a member says nothing yet this time.
    pub defers: Odds,
    /// Each time that it does something a member is silent for a while instead.
    pub silences: Odds,
    /// Or its client is killed and starts again.
    pub crashes: Odds,
    /// Or it leaves, and comes again.
    pub leaves: Odds,
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

/// A world lasts so long before it comes to rest.
const LASTS: Span = Span::seconds(60);

impl Plan {
    /// The world of `seed`.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let chance = &mut Chance::new(seed, Stream::Plan);
        let lifecycle = LifecyclePlan::draw(chance);
        let log_dirs = *Chance::new(seed, Stream::LogDirs).pick(&[1, 1, 2]);
        let broker =
            BrokerPlan { log_dirs, ..BrokerPlan::draw(chance) }.with_limits(&mut Chance::new(seed, Stream::Limits));
        let faults_for = Span::ms(*chance.pick(&[300, 1_000, 3_000]));
        let mut clients = ClientPlan::draw(chance);
        clients.churns_topics &= broker.deletes_topics;
        let old_records = &mut Chance::new(seed, Stream::Retention);
        let mut retention = RetentionPlan::draw(old_records);
        let compaction = CompactionPlan::draw(old_records);
        if compaction.is_on() {
            // Only closed segments are compacted, and only an admin's topics have segments small enough to close.
            clients.auto_create = false;
            retention.batches_per_segment.get_or_insert(*old_records.pick(&[1, 2, 5]));
        }
        let (network, disk) = (NetworkPlan::draw(chance), DiskPlan::draw(chance));
        let mut shares = SharePlan::draw(&mut Chance::new(seed, Stream::Shares), &network, &disk)
            .with_unsaid(&mut Chance::new(seed, Stream::Unsaid));
        if shares.is_on() {
            // Or they would never be through.
            shares.records_max = shares.records_max.max(clients.records_max / 5);
            // The state of share groups is in a topic that keeps no more than other topics do, in Kafka too.
            retention.retention_bytes = None;
        }
        Self {
            seed,
            bugs: Bugs::default(),
            faults_for,
            lulls: *Chance::new(seed, Stream::Lulls).pick(&[1, 3, 10]),
            broker,
            clients,
            retention,
            compaction,
            groups: GroupPlan::draw(&mut Chance::new(seed, Stream::Groups), &network, &disk)
                .with_consumers(&mut Chance::new(seed, Stream::ConsumerGroups)),
            transactions: TransactionPlan::draw(&mut Chance::new(seed, Stream::Transactions), &network, &disk),
            shares,
            has_inquirer: Chance::new(seed, Stream::Inquirer).happens(Odds::percent(40)),
            network,
            disk,
            clock: ClockPlan::draw(chance),
            lifecycle,
        }
    }

    /// A world with groups whose broker syncs everything, slowly, and loses its power again and again, while clients come and
    /// go: what is said too early shows.
    #[must_use]
    pub fn unpowered(seed: u64) -> Self {
        let plan = Self::of(seed);
        let disk = DiskPlan { sync_latency: Span::ms(20), holes: false, ..plan.disk.calm() };
        let often = Odds::percent(10);
        Self {
            faults_for: Span::ms(5_000),
            lulls: 0,
            broker: BrokerPlan { strict_sync: true, log_dirs: 1, ..plan.broker }.without_limits(),
            clients: ClientPlan { batches: 5, has_vandal: false, churns_topics: false, ..plan.clients },
            groups: GroupPlan {
                groups: 2,
                consumer_groups: 1,
                assignment_interval_ms: 0,
                members: 3,
                session_timeout_ms: 700,
                rebalance_timeout_ms: 350,
                partitions: 1,
                load_buffer_bytes: 1,
                silences: Odds::percent(2),
                crashes: often,
                leaves: often,
                ..plan.groups
            },
            transactions: TransactionPlan::default(),
            shares: SharePlan::default(),
            has_inquirer: false,
            network: NetworkPlan { latency: Span(200), ..plan.network.calm() },
            disk,
            lifecycle: LifecyclePlan {
                end_every: Span::ms(300),
                clean_of_ten: 0,
                power_of_ten: 10,
                down_max: Span::ms(1),
            },
            ..plan
        }
    }

    /// A world with transactions whose broker syncs everything, slowly, and loses its power again and again, or is killed;
    /// producers fence each other, are killed and silent.
    #[must_use]
    pub fn transacted(seed: u64) -> Self {
        let plan = Self::unpowered(seed);
        let often = Odds::percent(5);
        Self {
            groups: GroupPlan::default(),
            transactions: TransactionPlan {
                ids: 2,
                producers: 2,
                consumers: 2,
                partitions: 3,
                transactions: 40,
                timeout_ms: 500,
                state_partitions: 1,
                load_buffer_bytes: 1,
                has_offsets: true,
                aborts: Odds::percent(40),
                stalls: often,
                crashes: often,
                ..plan.transactions
            },
            disk: DiskPlan { sync_latency: Span::ms(5), ..plan.disk },
            lifecycle: LifecyclePlan { power_of_ten: 5, ..plan.lifecycle },
            ..plan
        }
    }

    /// How long each lull is: with all of them a world lasts a minute at least.
    #[must_use]
    pub fn lull(&self) -> Span {
        let left = (Time(0) + LASTS) - (Time(0) + self.faults_for);
        Span(left.0 / u64::from(self.lulls.max(1)))
    }

    /// Of each segment of a topic that an admin creates, where it is not the default: each holds some of the largest batches.
    #[must_use]
    pub fn segment_bytes(&self) -> Option<u64> {
        self.retention.batches_per_segment.map(|batches| batches * self.clients.batch_max_bytes())
    }

    /// What the broker may delete by itself.
    #[must_use]
    pub fn limits(&self) -> Limits {
        let RetentionPlan { retention_ms, retention_bytes, .. } = self.retention;
        let deletes = !self.compaction.is_on() || self.compaction.deletes;
        // Either way from where it should be, when a record was made and when it was compacted.
        let jump_max = if self.clock.jump_every > Span::ZERO { self.clock.jump_max } else { Span::ZERO };
        let compaction = CompactionLimits {
            keys: self.compaction.keys,
            delete_retention_ms: self.compaction.delete_retention_ms as i64,
            min_lag_ms: self.compaction.min_lag_ms as i64,
            clock_slack_ms: 2 * (jump_max.0 / 1_000) as i64,
        };
        Limits {
            retention_ms: retention_ms.filter(|_| deletes),
            retention_bytes: retention_bytes.filter(|_| deletes),
            compaction: self.compaction.is_on().then_some(compaction),
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
            log_dirs: 1,
            deletes_topics: true,
            fetch_sessions: 0,
            index_max_bytes: None,
            idle_max_ms: 0,
        }
        .without_limits()
    }

    fn without_limits(self) -> Self {
        Self { deletes_topics: true, fetch_sessions: 1_000, index_max_bytes: None, idle_max_ms: 600_000, ..self }
    }

    fn with_limits(self, chance: &mut Chance) -> Self {
        Self {
            deletes_topics: !chance.happens(Odds::percent(20)),
            fetch_sessions: *chance.pick(&[1, 3, 1_000, 1_000]),
            index_max_bytes: *chance.pick(&[None, None, Some(48)]),
            idle_max_ms: *chance.pick(&[2_000, 600_000, 600_000]),
            ..self
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
            batches: chance.between(3..=30),
            records_max: *chance.pick(&[1, 3, 10, 50]),
            value_max_bytes: *chance.pick(&[8, 100, 1_000, 5_000]),
            pause: Span::ms(*chance.pick(&[0, 1, 10, 50])),
            request_timeout: Span::ms(*chance.pick(&[500, 2_000, 10_000])),
        }
    }
}

impl ClientPlan {
    /// No batch is larger.
    #[must_use]
    pub fn batch_max_bytes(&self) -> u64 {
        const HEADER_BYTES: u64 = 61;
        const RECORD_BYTES: u64 = 30;
        HEADER_BYTES + self.records_max * (RECORD_BYTES + self.value_max_bytes)
    }
}

impl RetentionPlan {
    /// Whether records go that nobody asked to be deleted.
    #[must_use]
    pub fn deletes_by_itself(&self) -> bool {
        self.retention_ms.is_some() || self.retention_bytes.is_some()
    }

    fn draw(chance: &mut Chance) -> Self {
        // Where records go, less is known of those that were there: half of the worlds keep all.
        let is_on = chance.coin();
        let limit = |chance: &mut Chance, limits: &[u64]| {
            let limit = *chance.pick(limits);
            (is_on && chance.coin()).then_some(limit)
        };
        Self {
            retention_ms: limit(chance, &[50, 500, 3_000]),
            retention_bytes: limit(chance, &[0, 500, 5_000, 50_000]),
            deletes_records: is_on && chance.coin(),
            batches_per_segment: limit(chance, &[1, 2, 5]),
            check_every_ms: *chance.pick(&[20, 100, 500]),
            delete_delay_ms: *chance.pick(&[0, 30, 60_000]),
        }
    }
}

impl CompactionPlan {
    /// Whether there is any.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.keys != Keys::default()
    }

    /// `log.cleanup.policy`.
    #[must_use]
    pub fn policy(&self) -> &'static str {
        match (self.is_on(), self.deletes) {
            (false, _) => "delete",
            (true, false) => "compact",
            (true, true) => "compact,delete",
        }
    }

    fn draw(chance: &mut Chance) -> Self {
        if chance.happens(Odds::percent(60)) {
            return Self::default();
        }
        Self {
            keys: Keys(*chance.pick(&[1, 3, 20])),
            deletes: chance.happens(Odds::percent(30)),
            min_lag_ms: *chance.pick(&[0, 0, 100, 1_000_000]),
            delete_retention_ms: *chance.pick(&[0, 100, 1_000_000]),
            backoff_ms: *chance.pick(&[20, 100, 500]),
            dirty_percent: *chance.pick(&[0, 1, 50]),
        }
    }
}

impl GroupPlan {
    /// Whether there are any.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.groups > 0 || self.consumer_groups > 0 || self.loners > 0
    }

    fn draw(chance: &mut Chance, network: &NetworkPlan, disk: &DiskPlan) -> Self {
        if chance.coin() {
            return Self::default();
        }
        // Members of a slow world need time, or they would never all be there at once.
        let slowness_ms = (20 * network.latency.0 + 10 * disk.sync_latency.0) / 1_000;
        Self {
            groups: small(chance, 2),
            members: small(chance, 4),
            consumer_groups: 0,
            assignment_interval_ms: 0,
            loners: u16::from(chance.coin()),
            session_timeout_ms: *chance.pick(&[150, 500, 2_000]) + slowness_ms,
            rebalance_timeout_ms: *chance.pick(&[150, 500, 3_000]) + slowness_ms,
            initial_delay_ms: *chance.pick(&[0, 0, 50]),
            partitions: small(chance, 3),
            load_buffer_bytes: *chance.pick(&[1, 1_000, 5_000_000]),
            compacts: chance.coin(),
            silences: sometimes(chance, &[2, 10]),
            crashes: sometimes(chance, &[2, 10]),
            leaves: sometimes(chance, &[2, 10]),
        }
    }

    fn with_consumers(self, chance: &mut Chance) -> Self {
        if !self.is_on() || chance.coin() {
            return self;
        }
        let assignment_interval_ms = *chance.pick(&[0, 0, 100, 1_000]);
        Self { consumer_groups: small(chance, 2), assignment_interval_ms, ..self }
    }
}

impl TransactionPlan {
    /// Whether there are any.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.ids > 0
    }

    fn draw(chance: &mut Chance, network: &NetworkPlan, disk: &DiskPlan) -> Self {
        if chance.happens(Odds::percent(60)) {
            return Self::default();
        }
        // A transaction of a slow world takes many steps.
        let slowness_ms = (60 * network.latency.0 + 40 * disk.sync_latency.0) / 1_000;
        Self {
            ids: small(chance, 2),
            producers: small(chance, 2),
            consumers: small(chance, 2),
            partitions: small(chance, 4),
            transactions: chance.between(2..=15),
            timeout_ms: *chance.pick(&[200, 1_000, 5_000]) + slowness_ms,
            state_partitions: small(chance, 3),
            load_buffer_bytes: *chance.pick(&[1, 1_000, 5_000_000]),
            segment_bytes: *chance.pick(&[None, Some(2_000), Some(10_000)]),
            has_offsets: chance.coin(),
            aborts: Odds::percent(*chance.pick(&[10, 50])),
            stalls: sometimes(chance, &[1, 5]),
            crashes: sometimes(chance, &[1, 5]),
        }
    }
}

impl SharePlan {
    /// Whether there are any.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.groups > 0
    }

    fn draw(chance: &mut Chance, network: &NetworkPlan, disk: &DiskPlan) -> Self {
        if chance.happens(Odds::percent(65)) {
            return Self::default();
        }
        // Members of a slow world need time, or their locks would always be over.
        let slowness_ms = (20 * network.latency.0 + 20 * disk.sync_latency.0) / 1_000;
        Self {
            groups: small(chance, 2),
            members: small(chance, 3),
            partitions: small(chance, 3),
            state_partitions: small(chance, 3),
            lock_ms: *chance.pick(&[1_000, 3_000]) + slowness_ms,
            deliveries_max: *chance.pick(&[2, 5, 10]),
            session_timeout_ms: *chance.pick(&[300, 2_000, 10_000]) + slowness_ms,
            updates_per_snapshot: *chance.pick(&[0, 3, 500]),
            records_max: *chance.pick(&[1, 10, 500]),
            is_strict: chance.coin(),
            silences: sometimes(chance, &[2, 10]),
            crashes: sometimes(chance, &[2, 10]),
            leaves: sometimes(chance, &[2, 10]),
            ..Self::default()
        }
    }

    fn with_unsaid(self, chance: &mut Chance) -> Self {
        if !self.is_on() {
            return self;
        }
        Self { forgets: sometimes(chance, &[2, 10]), defers: sometimes(chance, &[20, 50]), ..self }
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
