//! The state of share groups: which records of a partition a group has dealt with (KIP-932).
//!
//! Each partition of `__share_group_state` has a coordinator, which looks after the share partitions (a group, a topic, a
//! partition) that hash to it. What it knows is in the partition's log, in Kafka's records, and is replayed from there when
//! the log is opened. `docs/share-groups.md` says how:
//!
//! - `call` is what may be asked, and what is answered;
//! - `coordinator` holds the states of one partition, and decides what a call leads to; `replay` makes them from records;
//! - `state` is one share partition; `batches` merges what is known of its records with what is new;
//! - `record` makes records from them;
//! - `timers` and `settings` are when something is to happen, and what the configuration says.
//!
//! What does not belong here: bytes on the wire and the answers' shapes (`api/`), reading, appending and waiting
//! (`broker/share_state.rs`), and who gets which records.

mod batches;
mod call;
mod coordinator;
mod record;
mod replay;
mod settings;
mod state;
#[cfg(test)]
mod tests;
mod timers;

use alloc::collections::{BTreeMap, BTreeSet};

use crate::config::Config;
use crate::coordinators::Coordinators;
use crate::time::Monotonic;
use crate::types::{Offset, PartitionId};

pub(crate) use batches::StateBatch;
pub(crate) use call::{State, StateAnswer, StateCall, StateKey, StateResult, StateSummary, StateWrite};
pub(crate) use coordinator::{Coordinator, Decision, Partitions};
pub(crate) use record::{batch, batches};
pub(crate) use settings::Settings;
pub(crate) use timers::{Timer, Timers};

/// The coordinators of this broker.
#[derive(Debug)]
pub(crate) struct ShareState {
    pub(crate) settings: Settings,
    pub(crate) coordinators: Coordinators<Coordinator>,
    pub(crate) timers: Timers,
    /// Where logs ended when the broker began to serve, of those that may have lost something.
    pub(crate) ends_at_start: BTreeMap<PartitionId, Offset>,
    /// The coordinators whose states were held against that.
    pub(crate) cut: BTreeSet<i32>,
}

impl ShareState {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            settings: Settings::from(config),
            coordinators: Coordinators::default(),
            timers: Timers::default(),
            ends_at_start: BTreeMap::new(),
            cut: BTreeSet::new(),
        }
    }

    /// Whether the state of one more share partition may be kept.
    pub(crate) fn has_room(&self) -> bool {
        let known = self.coordinators.all_serving().map(|(_, coordinator)| coordinator.len());
        known.sum::<usize>() < self.settings.states_max
    }

    pub(crate) fn deadline(&self) -> Option<Monotonic> {
        self.timers.deadline()
    }
}
