//! Transactions: what a producer writes to many partitions counts as a whole, or not at all.
//!
//! Each partition of `__transaction_state` has a coordinator, which looks after the transactional ids that hash to it. What
//! it knows is in the partition's log, in Kafka's records, and is replayed from there when the log is opened.
//! `docs/transactions.md` draws the states and says which file does what:
//!
//! - `transaction` is one transactional id: its producer, its state, and what may come next;
//! - `coordinator` holds those of one partition, and decides what a request leads to;
//! - `record` makes records from them, and them from records;
//! - `markers` knows which ends have still to be written to which partitions;
//! - `timers` and `settings` are when something is to happen, and what the configuration says.
//!
//! What does not belong here: bytes on the wire and the answers' shapes (`api/`), reading and appending
//! (`broker/coordinators.rs`, `broker/transactions.rs`), and what a partition knows of its producers (`log/`).

mod coordinator;
mod markers;
mod record;
mod settings;
#[cfg(test)]
mod tests;
mod timers;
mod transaction;

use alloc::sync::Arc;

use crate::config::Config;
use crate::coordinators::Coordinators;
use crate::time::Monotonic;

pub(crate) use coordinator::{Coordinator, End, Init, Initialized, Next, Refusal};
pub(crate) use markers::{Ending, Markers};
pub(crate) use record::batch;
pub(crate) use settings::Settings;
pub(crate) use timers::{Timer, Timers};
pub(crate) use transaction::{Partitions, Producer, Transaction, TransactionState, TransactionVersion};

/// A transactional id, copied out of the request that it came in.
pub(crate) type TransactionalId = Arc<str>;

/// The coordinators of this broker.
#[derive(Debug)]
pub(crate) struct Transactions {
    pub(crate) settings: Settings,
    pub(crate) coordinators: Coordinators<Coordinator>,
    pub(crate) markers: Markers,
    pub(crate) timers: Timers,
}

impl Transactions {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            settings: Settings::from(config),
            coordinators: Coordinators::default(),
            markers: Markers::default(),
            timers: Timers::default(),
        }
    }

    /// Whether one more transactional id may be known.
    pub(crate) fn has_room(&self) -> bool {
        let known = self.coordinators.all_serving().map(|(_, coordinator)| coordinator.transactions.len());
        known.sum::<usize>() < self.settings.ids_max
    }

    pub(crate) fn deadline(&self) -> Option<Monotonic> {
        self.timers.deadline()
    }
}

/// The feature whose level says how transactions are written, and which clients may rely on what (KIP-890).
pub(crate) const FEATURE: &str = "transaction.version";
