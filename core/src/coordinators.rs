//! What coordinators of groups, of transactions and of the state of share groups have in common: each looks after one partition of its topic, is made from
//! the records in it, and answers for all keys that hash to it.
//!
//! - `partition` says which partition a key lives in;
//! - `replay` walks the batches that a coordinator is made from;
//! - `timers` is when something is to happen without anybody asking.
//!
//! What does not belong here: what the records mean (`groups/`, `transactions/`, `share_state/`), and reading and appending them
//! (`broker/coordinators.rs`).

mod partition;
mod replay;
mod timers;

use alloc::collections::{BTreeMap, VecDeque};

use crate::error_code::ErrorCode;
use crate::log::LookupId;
use crate::types::{Offset, PartitionId};
use crate::wire::Uuid;

pub(crate) use partition::{java_hash, partition_of};
pub(crate) use replay::Replay;
pub(crate) use timers::{OfPartition, Timers};

/// The coordinators of one topic.
#[derive(Debug)]
pub(crate) struct Coordinators<C> {
    /// The topic, and how many partitions it had when it became known: a key does not move when there are more.
    topic: Option<(Uuid, i32)>,
    states: BTreeMap<i32, State<C>>,
    /// Partitions whose turn to be loaded has not come.
    pub(crate) unloaded: VecDeque<i32>,
}

/// What the coordinator of a partition is up to. Where there is none, the partition is not this broker's.
#[derive(Debug)]
pub(crate) enum State<C> {
    /// Its records are being replayed.
    Loading(Loading<C>),
    /// It answers.
    Serving(C),
    /// Its log can't be used.
    Offline,
}

/// A coordinator that is being made from its log.
#[derive(Debug)]
pub(crate) struct Loading<C> {
    pub(crate) coordinator: C,
    /// Where to go on.
    pub(crate) next: Offset,
    /// The read under way.
    pub(crate) reading: Option<LookupId>,
    /// Where the log ended when that read began.
    pub(crate) end: Offset,
}

impl<C> Default for Coordinators<C> {
    fn default() -> Self {
        Self { topic: None, states: BTreeMap::new(), unloaded: VecDeque::new() }
    }
}

impl<C> Coordinators<C> {
    /// How many partitions the topic has; none where there is no such topic.
    pub(crate) fn partition_count(&self) -> Option<i32> {
        self.topic.map(|(_, partitions)| partitions)
    }

    /// The topic becomes known.
    pub(crate) fn know(&mut self, topic: Uuid, partitions: i32) {
        self.topic.get_or_insert((topic, partitions));
    }

    /// The topic is gone.
    pub(crate) fn forget_topic(&mut self) {
        self.topic = None;
    }

    /// The partition that a key lives in, where there is a coordinator that answers.
    pub(crate) fn find(&self, key: &str) -> Result<i32, ErrorCode> {
        let (_, partitions) = self.topic.ok_or(ErrorCode::NotCoordinator)?;
        let index = partition_of(key, partitions);
        match self.states.get(&index) {
            Some(State::Serving(_)) => Ok(index),
            Some(State::Loading(_)) => Err(ErrorCode::CoordinatorLoadInProgress),
            Some(State::Offline) | None => Err(ErrorCode::NotCoordinator),
        }
    }

    /// The coordinator of a partition, where it answers.
    pub(crate) fn serving(&self, index: i32) -> Option<&C> {
        match self.states.get(&index)? {
            State::Serving(coordinator) => Some(coordinator),
            State::Loading(_) | State::Offline => None,
        }
    }

    /// The coordinator of a partition, where it answers.
    pub(crate) fn serving_mut(&mut self, index: i32) -> Option<&mut C> {
        match self.states.get_mut(&index)? {
            State::Serving(coordinator) => Some(coordinator),
            State::Loading(_) | State::Offline => None,
        }
    }

    /// What a coordinator is being made from.
    pub(crate) fn loading_mut(&mut self, index: i32) -> Option<&mut Loading<C>> {
        match self.states.get_mut(&index)? {
            State::Loading(loading) => Some(loading),
            State::Serving(_) | State::Offline => None,
        }
    }

    /// All partitions with a coordinator, and what it is up to.
    pub(crate) fn states(&self) -> impl Iterator<Item = (i32, &State<C>)> {
        self.states.iter().map(|(index, state)| (*index, state))
    }

    /// The coordinators that answer, by partition.
    pub(crate) fn all_serving(&self) -> impl Iterator<Item = (i32, &C)> {
        self.states().filter_map(|(index, state)| match state {
            State::Serving(coordinator) => Some((index, coordinator)),
            State::Loading(_) | State::Offline => None,
        })
    }

    /// Whether the log of a partition can't be used.
    pub(crate) fn is_offline(&self, index: i32) -> bool {
        matches!(self.states.get(&index), Some(State::Offline))
    }

    /// Puts a partition's coordinator into a state, and hands back the one that it was in.
    pub(crate) fn set(&mut self, index: i32, state: State<C>) -> Option<State<C>> {
        self.states.insert(index, state)
    }

    /// Takes a partition's coordinator away.
    pub(crate) fn remove(&mut self, index: i32) -> Option<State<C>> {
        self.unloaded.retain(|waiting| *waiting != index);
        self.states.remove(&index)
    }

    /// How many partitions are being read.
    pub(crate) fn reads(&self) -> usize {
        let is_reading = |state: &&State<C>| matches!(state, State::Loading(loading) if loading.reading.is_some());
        self.states.values().filter(is_reading).count()
    }

    /// The index of a partition, where it is one of the topic's.
    pub(crate) fn index_of(&self, partition: PartitionId) -> Option<i32> {
        self.topic.filter(|(topic, _)| *topic == partition.topic_id).map(|_| partition.index)
    }

    /// The partition of that index.
    pub(crate) fn partition(&self, index: i32) -> Option<PartitionId> {
        self.topic.map(|(topic_id, _)| PartitionId { topic_id, index })
    }
}
