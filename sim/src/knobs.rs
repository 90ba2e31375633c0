//! The numbers of a plan by their names: so that a world can be told apart from the one that its seed draws in few words, faults
//! can be left out by their kind, and a world that fails can be made smaller.

use crate::agenda::Span;
use crate::chance::Odds;
use crate::plan::Plan;
use crate::records::Keys;

/// What kind of fault a number is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Transfers in pieces, stalls, connections that break.
    Network,
    /// Commands that fail, full disks, what a power loss leaves.
    Disk,
    /// Drift, jumps, late ticks.
    Clock,
    /// The broker's process ends.
    Crash,
    /// Clients that are silent, killed, or mean no good.
    Clients,
}

/// A number of a plan. Switches are 0 or 1, times are in microseconds where the plan has a [`Span`], odds in millionths; what may
/// be none is one more than it is, or 0.
#[derive(Clone, Copy)]
pub struct Knob {
    /// As in `network.resets`.
    pub name: &'static str,
    /// Where it is at its simplest.
    pub simplest: u64,
    /// What kind of fault it is about, if it is about any.
    pub fault: Option<FaultKind>,
    get: fn(&Plan) -> u64,
    set: fn(&mut Plan, u64),
}

impl FaultKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Network, Self::Disk, Self::Clock, Self::Crash, Self::Clients];

    /// As it is said on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Disk => "disk",
            Self::Clock => "clock",
            Self::Crash => "crash",
            Self::Clients => "clients",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl Knob {
    /// The number of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        KNOBS.iter().find(|knob| knob.name == name)
    }

    /// What it is in a plan.
    #[must_use]
    pub fn get(&self, plan: &Plan) -> u64 {
        (self.get)(plan)
    }

    /// The plan with another one.
    #[must_use]
    pub fn with(&self, plan: &Plan, value: u64) -> Plan {
        let mut plan = plan.clone();
        (self.set)(&mut plan, value);
        plan
    }

    /// Between what it is and where it is simplest; none where there is nothing between.
    #[must_use]
    pub fn halfway(&self, plan: &Plan) -> Option<u64> {
        let value = self.get(plan);
        let halfway = self.simplest + value.checked_sub(self.simplest)? / 2;
        (halfway != value && halfway != self.simplest).then_some(halfway)
    }
}

/// The plan without faults but those of these kinds.
#[must_use]
pub fn with_only(plan: Plan, kinds: &[FaultKind]) -> Plan {
    let others = KNOBS.iter().filter(|knob| knob.fault.is_some_and(|kind| !kinds.contains(&kind)));
    others.fold(plan, |plan, knob| knob.with(&plan, knob.simplest))
}

/// What is different in `plan`, as it is said on the command line: `name=value`, with commas between.
#[must_use]
pub fn differences(from: &Plan, plan: &Plan) -> String {
    let different = KNOBS.iter().filter(|knob| knob.get(from) != knob.get(plan));
    let said: Vec<String> = different.map(|knob| format!("{}={}", knob.name, knob.get(plan))).collect();
    said.join(",")
}

/// The plan with what [`differences`] says.
///
/// # Errors
/// Where a name or a value is none.
pub fn apply(plan: Plan, differences: &str) -> Result<Plan, String> {
    differences.split(',').filter(|said| !said.is_empty()).try_fold(plan, |plan, said| {
        let (name, value) = said.split_once('=').ok_or_else(|| format!("{said} is no name=value"))?;
        let names = || KNOBS.iter().map(|knob| knob.name).collect::<Vec<_>>().join(" ");
        let knob = Knob::named(name).ok_or_else(|| format!("{name} is none of {}", names()))?;
        let value = value.parse().map_err(|_| format!("{name}={value}: {value} is no number"))?;
        Ok(knob.with(&plan, value))
    })
}

/// A field of a plan as a number.
trait Number {
    fn number(&self) -> u64;
    fn of(number: u64) -> Self;
}

macro_rules! knobs {
    ($( $($field:ident).+ $(: $fault:ident)? = $simplest:literal; )*) => {
        /// All of them. The first are those that make a world smaller at once.
        pub const KNOBS: &[Knob] = &[ $(
            Knob {
                name: knob_name(concat!($( ".", stringify!($field) ),+)),
                simplest: $simplest,
                fault: fault_of(&[ $( FaultKind::$fault )? ]),
                get: |plan| plan.$($field).+.number(),
                set: |plan, value| plan.$($field).+ = Number::of(value),
            },
        )* ];
    };
}

const fn fault_of(kinds: &[FaultKind]) -> Option<FaultKind> {
    match kinds {
        [kind, ..] => Some(*kind),
        [] => None,
    }
}

/// Without the point in front.
const fn knob_name(name: &'static str) -> &'static str {
    match name.split_at_checked(1) {
        Some((_, name)) => name,
        None => name,
    }
}

knobs! {
    transactions.ids = 0;
    shares.groups = 0;
    has_inquirer = 0;
    groups.consumer_groups = 0;
    groups.groups = 0;
    groups.loners = 0;
    clients.consumers = 0;
    clients.producers = 0;
    clients.churns_topics = 0;
    retention.deletes_records = 0;
    clients.has_vandal: Clients = 0;
    lifecycle.end_every: Crash = 0;
    lifecycle.power_of_ten: Crash = 0;
    lifecycle.clean_of_ten = 10;
    disk.read_fails: Disk = 0;
    disk.write_fails: Disk = 0;
    disk.sync_fails: Disk = 0;
    disk.fills: Disk = 0;
    disk.forgets: Disk = 0;
    disk.tears: Disk = 0;
    disk.holes: Disk = 0;
    network.stalls: Network = 0;
    network.resets: Network = 0;
    network.half_closes: Network = 0;
    network.cuts: Network = 0;
    network.crumbles: Network = 0;
    clock.jump_every: Clock = 0;
    clock.drift_ppm: Clock = 0;
    clock.tick_late_max: Clock = 0;
    groups.silences: Clients = 0;
    groups.crashes: Clients = 0;
    groups.leaves: Clients = 0;
    shares.silences: Clients = 0;
    shares.crashes: Clients = 0;
    shares.leaves: Clients = 0;
    shares.forgets: Clients = 0;
    shares.defers = 0;
    transactions.stalls: Clients = 0;
    transactions.crashes: Clients = 0;
    transactions.aborts = 0;
    transactions.has_offsets = 0;
    transactions.producers = 1;
    transactions.consumers = 0;
    transactions.transactions = 1;
    transactions.partitions = 1;
    compaction.keys = 0;
    retention.retention_ms = 0;
    retention.retention_bytes = 0;
    broker.roll_ms = 0;
    groups.members = 1;
    shares.members = 1;
    shares.partitions = 1;
    clients.topics = 1;
    clients.partitions = 1;
    clients.batches = 1;
    clients.records_max = 1;
    clients.value_max_bytes = 8;
    lulls = 0;
    broker.log_dirs = 1;
    broker.deletes_topics = 1;
    broker.fetch_sessions = 1000;
    broker.index_max_bytes = 0;
    broker.idle_max_ms = 600000;
    faults_for = 1000;
}

impl Number for u64 {
    fn number(&self) -> u64 {
        *self
    }

    fn of(number: u64) -> Self {
        number
    }
}

impl Number for u16 {
    fn number(&self) -> u64 {
        u64::from(*self)
    }

    fn of(number: u64) -> Self {
        Self::try_from(number).unwrap_or(Self::MAX)
    }
}

impl Number for i64 {
    fn number(&self) -> u64 {
        self.cast_unsigned()
    }

    fn of(number: u64) -> Self {
        number.cast_signed()
    }
}

impl Number for bool {
    fn number(&self) -> u64 {
        u64::from(*self)
    }

    fn of(number: u64) -> Self {
        number != 0
    }
}

impl Number for Span {
    fn number(&self) -> u64 {
        self.0
    }

    fn of(number: u64) -> Self {
        Self(number)
    }
}

impl Number for Odds {
    fn number(&self) -> u64 {
        u64::from(self.in_a_million())
    }

    fn of(number: u64) -> Self {
        Self::per_million(u32::try_from(number.min(1_000_000)).unwrap_or(0))
    }
}

impl Number for Keys {
    fn number(&self) -> u64 {
        self.0.into()
    }

    fn of(number: u64) -> Self {
        Self(number.try_into().unwrap_or_default())
    }
}

impl Number for Option<u64> {
    fn number(&self) -> u64 {
        self.map_or(0, |value| value + 1)
    }

    fn of(number: u64) -> Self {
        number.checked_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_different_is_said_in_words_that_make_it_different() {
        for seed in 0..50 {
            let (from, to) = (Plan::of(seed), Plan { seed, ..Plan::of(seed + 1) });
            let applied = apply(from.clone(), &differences(&from, &to)).expect("it was just said");
            for knob in KNOBS {
                assert_eq!(knob.get(&applied), knob.get(&to), "{} of seed {seed}", knob.name);
            }
        }
        assert_eq!(differences(&Plan::of(1), &Plan::of(1)), "");
    }

    #[test]
    fn what_is_no_knob_is_refused() {
        assert!(apply(Plan::of(1), "nothing=1").is_err());
        assert!(apply(Plan::of(1), "clients.batches=many").is_err());
        assert!(apply(Plan::of(1), "clients.batches").is_err());
    }

    #[test]
    fn a_world_with_faults_of_one_kind_has_none_of_the_others() {
        let plan = (0..100).map(Plan::of).find(|plan| plan.disk.is_faulty() && !plan.network.resets.is_never());
        let plan = plan.expect("some world has both");
        let only_disk = with_only(plan.clone(), &[FaultKind::Disk]);
        assert_eq!(only_disk.disk, plan.disk);
        assert!(only_disk.network.resets.is_never());
        assert_eq!(only_disk.lifecycle.end_every, Span::ZERO);
    }
}
