//! A broker and clients that are right, and what they would have written down: histories in which nothing is wrong, though
//! much goes on at once, answers get lost, requests arrive late, transactions are aborted, groups are rebalanced, records are
//! deleted, and the broker starts again.
//!
//! What does not belong here: anything that is wrong. Tests take a history and break it.

mod broker;
mod clients;
mod rng;

use crate::history::{Event, GroupId, History, HistoryError, PartitionId};
use broker::Broker;
use clients::Client;
use rng::Rng;

/// What there is.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Operations, about.
    pub operations: usize,
    /// Clients; they take turns in what they are.
    pub clients: u32,
    /// Partitions.
    pub partitions: u32,
    /// Records in a send, at most.
    pub batch: u64,
    /// One in so many operations ends without anybody knowing how; 0: none.
    pub unknown: u64,
    /// One in so many operations is followed by a restart; 0: none.
    pub restart: u64,
    /// A restart may forget what was acknowledged.
    pub forgives: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self { operations: 300, clients: 8, partitions: 2, batch: 3, unknown: 20, restart: 0, forgives: false }
    }
}

/// A history in which nothing is wrong.
///
/// # Errors
/// There is more than a history can have.
pub fn history(plan: Plan, seed: u64) -> Result<History, HistoryError> {
    let mut world = World::new(plan, seed)?;
    let mut clients = Vec::new();
    for number in 0..plan.clients {
        clients.push(Client::new(&mut world, number)?);
    }
    while world.history.len() < plan.operations {
        let at = world.rng.below(u64::from(plan.clients)) as usize;
        clients[at].step(&mut world)?;
        world.go_on()?;
    }
    for client in &mut clients {
        client.finish(&mut world)?;
    }
    Ok(world.history)
}

/// Everything that clients share.
struct World {
    plan: Plan,
    rng: Rng,
    history: History,
    broker: Broker,
    partitions: Vec<PartitionId>,
    group: GroupId,
    next_value: u64,
    next_transaction: u64,
    now_us: u64,
}

impl World {
    fn new(plan: Plan, seed: u64) -> Result<Self, HistoryError> {
        let mut history = History::default();
        let partitions: Result<Vec<PartitionId>, HistoryError> =
            (0..plan.partitions).map(|index| history.partition(&format!("letters-{index}"))).collect();
        Ok(Self {
            plan,
            rng: Rng::new(seed),
            partitions: partitions?,
            group: history.group("readers")?,
            broker: Broker::new(plan.partitions as usize),
            history,
            next_value: 0,
            next_transaction: 0,
            now_us: 0,
        })
    }

    fn now(&mut self) -> Option<u64> {
        self.now_us += 1 + self.rng.below(40);
        Some(self.now_us)
    }

    fn one_in(&mut self, many: u64) -> bool {
        many > 0 && self.rng.below(many) == 0
    }

    /// What happens without clients.
    fn go_on(&mut self) -> Result<(), HistoryError> {
        if self.one_in(8) {
            self.broker.late_request(&mut self.rng);
        }
        if self.one_in(self.plan.restart) {
            let process = self.history.process("broker")?;
            let forgives = self.plan.forgives && self.one_in(2);
            if forgives {
                self.broker.forget(&mut self.rng);
            }
            let now = self.now();
            self.history.event(process, now, Event::Restart { forgives })?;
        }
        Ok(())
    }
}
