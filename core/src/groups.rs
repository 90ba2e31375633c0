//! Groups: who reads what, and how far.
//!
//! Each partition of `__consumer_offsets` has a coordinator, which looks after the groups that hash to it. What it knows is
//! in the partition's log, in Kafka's records, and is replayed from there when the log is opened. `docs/groups.md` draws the
//! states and says which file does what:
//!
//! - `partition` says which partition a group lives in;
//! - `coordinator` holds the groups of one partition; `replay` makes them from records, `records` records from them;
//! - `classic` is the protocol by which members agree with JoinGroup and SyncGroup;
//! - `committed` and `retention` are about offsets;
//! - `effects` and `timers` are what the state machines want done, and when.
//!
//! What does not belong here: bytes on the wire and the answers' shapes (`api/`), reading and appending
//! (`broker/groups.rs`), and transactions.

mod classic;
mod committed;
mod coordinator;
mod effects;
mod group;
mod partition;
mod records;
mod replay;
mod retention;
mod settings;
mod timers;

use alloc::collections::{BTreeMap, VecDeque};

use crate::config::Config;
use crate::error_code::ErrorCode;
use crate::log::LookupId;
use crate::time::Monotonic;
use crate::types::{Offset, PartitionId};
use crate::wire::Uuid;

pub(crate) use classic::{Join, Member, Protocol, Sync};
pub(crate) use committed::CommittedOffset;
pub(crate) use coordinator::{Committer, Coordinator};
pub(crate) use effects::{Effects, GroupAnswer, Write, join_refusal, sync_refusal};
pub(crate) use group::{Group, GroupId, MemberId};
pub use partition::partition_of;
pub(crate) use records::{batch, batches, offset_committed};
pub(crate) use settings::Settings;
pub(crate) use timers::{Timer, Timers};

/// The coordinators of this broker.
#[derive(Debug)]
pub(crate) struct Groups {
    pub(crate) settings: Settings,
    /// `__consumer_offsets`, and how many partitions it had when it became known: a group does not move when there are more.
    pub(crate) topic: Option<(Uuid, i32)>,
    coordinators: BTreeMap<i32, State>,
    pub(crate) timers: Timers,
    /// Partitions whose turn to be loaded has not come.
    pub(crate) unloaded: VecDeque<i32>,
}

/// What the coordinator of a partition is up to. Where there is none, the partition is not this broker's.
#[derive(Debug)]
pub(crate) enum State {
    /// Its records are being replayed.
    Loading(Loading),
    /// It answers.
    Serving(Coordinator),
    /// Its log can't be used.
    Offline,
}

/// A coordinator that is being made from its log.
#[derive(Debug)]
pub(crate) struct Loading {
    pub(crate) coordinator: Coordinator,
    /// Where to go on.
    pub(crate) next: Offset,
    /// The read under way.
    pub(crate) reading: Option<LookupId>,
}

impl Groups {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            settings: Settings::from(config),
            topic: None,
            coordinators: BTreeMap::new(),
            timers: Timers::default(),
            unloaded: VecDeque::new(),
        }
    }

    /// The partition that a group lives in, where there is a coordinator that answers.
    pub(crate) fn find(&self, group: &str) -> Result<i32, ErrorCode> {
        let (_, partitions) = self.topic.ok_or(ErrorCode::NotCoordinator)?;
        let index = partition_of(group, partitions);
        match self.coordinators.get(&index) {
            Some(State::Serving(_)) => Ok(index),
            Some(State::Loading(_)) => Err(ErrorCode::CoordinatorLoadInProgress),
            Some(State::Offline) | None => Err(ErrorCode::NotCoordinator),
        }
    }

    /// The coordinator of a partition, where it answers.
    pub(crate) fn serving(&self, index: i32) -> Option<&Coordinator> {
        match self.coordinators.get(&index)? {
            State::Serving(coordinator) => Some(coordinator),
            State::Loading(_) | State::Offline => None,
        }
    }

    /// The coordinator of a partition, where it answers.
    pub(crate) fn serving_mut(&mut self, index: i32) -> Option<&mut Coordinator> {
        match self.coordinators.get_mut(&index)? {
            State::Serving(coordinator) => Some(coordinator),
            State::Loading(_) | State::Offline => None,
        }
    }

    /// What a coordinator is being made from.
    pub(crate) fn loading_mut(&mut self, index: i32) -> Option<&mut Loading> {
        match self.coordinators.get_mut(&index)? {
            State::Loading(loading) => Some(loading),
            State::Serving(_) | State::Offline => None,
        }
    }

    /// All partitions with a coordinator, and what it is up to.
    pub(crate) fn states(&self) -> impl Iterator<Item = (i32, &State)> {
        self.coordinators.iter().map(|(index, state)| (*index, state))
    }

    /// The coordinators that answer, by partition.
    pub(crate) fn all_serving(&self) -> impl Iterator<Item = (i32, &Coordinator)> {
        self.states().filter_map(|(index, state)| match state {
            State::Serving(coordinator) => Some((index, coordinator)),
            State::Loading(_) | State::Offline => None,
        })
    }

    /// Puts a partition's coordinator into a state, and hands back the one that it was in.
    pub(crate) fn set(&mut self, index: i32, state: State) -> Option<State> {
        self.coordinators.insert(index, state)
    }

    /// Takes a partition's coordinator away.
    pub(crate) fn remove(&mut self, index: i32) -> Option<State> {
        self.unloaded.retain(|waiting| *waiting != index);
        self.timers.cancel_all_of(index);
        self.coordinators.remove(&index)
    }

    /// How many partitions are being read.
    pub(crate) fn reads(&self) -> usize {
        let is_reading = |state: &&State| matches!(state, State::Loading(loading) if loading.reading.is_some());
        self.coordinators.values().filter(is_reading).count()
    }

    /// The index of a partition, where it is one of `__consumer_offsets`.
    pub(crate) fn index_of(&self, partition: PartitionId) -> Option<i32> {
        self.topic.filter(|(topic, _)| *topic == partition.topic_id).map(|_| partition.index)
    }

    /// The partition of that index.
    pub(crate) fn partition(&self, index: i32) -> Option<PartitionId> {
        self.topic.map(|(topic_id, _)| PartitionId { topic_id, index })
    }

    /// Whether one more group may be made.
    pub(crate) fn has_room_for_group(&self) -> bool {
        self.all_serving().map(|(_, coordinator)| coordinator.groups.len()).sum::<usize>() < self.settings.groups_max
    }

    /// Whether one more member may join.
    pub(crate) fn has_room_for_member(&self) -> bool {
        self.all_serving().map(|(_, coordinator)| coordinator.member_count()).sum::<usize>() < self.settings.members_max
    }

    pub(crate) fn deadline(&self) -> Option<Monotonic> {
        self.timers.deadline()
    }
}
