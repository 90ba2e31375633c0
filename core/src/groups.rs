//! Groups: who reads what, and how far.
//!
//! Each partition of `__consumer_offsets` has a coordinator, which looks after the groups that hash to it. What it knows is
//! in the partition's log, in Kafka's records, and is replayed from there when the log is opened. `docs/groups.md` draws the
//! states and says which file does what:
//!
//! - `coordinator` holds the groups of one partition; `replay` makes them from records, `records` records from them;
//! - `classic` is the protocol by which members agree with JoinGroup and SyncGroup; `embedded` reads what consumers say in it;
//! - `consumer` is the protocol by which the coordinator assigns (KIP-848);
//! - `share` is the protocol by which members share records of partitions (KIP-932);
//! - `streams` is the protocol by which it assigns the tasks of a topology (KIP-1071);
//! - `planned` is one event in a group of the protocols by which the coordinator assigns: what it sees and leads to;
//! - `metadata_hash` tells whether topics have changed;
//! - `committed` and `retention` are about offsets;
//! - `effects` and `timers` are what the state machines want done, and when.
//!
//! What does not belong here: bytes on the wire and the answers' shapes (`api/`), reading and appending
//! (`broker/groups.rs`), and transactions.

mod classic;
mod committed;
mod consumer;
mod coordinator;
mod effects;
mod embedded;
mod group;
mod metadata_hash;
mod planned;
mod records;
mod replay;
mod retention;
mod settings;
mod share;
mod streams;
mod timers;

use crate::config::Config;
use crate::coordinators::Coordinators;
use crate::time::Monotonic;
use crate::types::PartitionId;

pub(crate) use classic::{Join, Member, Protocol, Sync};
pub(crate) use committed::CommittedOffset;
pub(crate) use consumer::Member as ConsumerMember;
pub(crate) use consumer::{Beat, ClassicJoin, ClassicSync, ConsumerGroup, beat};
pub(crate) use coordinator::{Committer, Coordinator};
pub(crate) use effects::{Effects, GroupAnswer, Write, join_refusal, sync_refusal};
pub(crate) use group::{Group, GroupId, GroupType, MemberId};
pub(crate) use planned::{Arming, Plan, PlannedTurn, TopicChanges};
pub(crate) use records::{batch, batches, offset_committed, transactional_batch};
pub(crate) use settings::{GroupConfig, Settings};
pub(crate) use share::{
    ASSIGNOR as SHARE_ASSIGNOR, Member as ShareMember, Partitions as SharePartitions, ShareBeat, ShareGroup,
    Starts as ShareStarts, StateToKeep, share_beat,
};
pub(crate) use streams::{
    ConfiguredSubtopology, CreationFaults, InternalTopic, Member as StreamsMember, StreamsBeat, StreamsGroup, TaskSet,
    Tasks, beat as streams_beat,
};
pub(crate) use timers::{Timer, TimerKind, Timers};

/// The coordinators of this broker.
#[derive(Debug)]
pub(crate) struct Groups {
    pub(crate) settings: Settings,
    pub(crate) coordinators: Coordinators<Coordinator>,
    pub(crate) timers: Timers,
    /// Why internal topics of streams groups could not be made.
    pub(crate) creation_faults: CreationFaults,
    /// When topics changed.
    pub(crate) topics: TopicChanges,
}

impl Groups {
    pub(crate) fn new(config: &Config) -> Self {
        let settings = Settings::from(config);
        let topics = TopicChanges::default();
        Self {
            settings,
            coordinators: Coordinators::default(),
            timers: Timers::default(),
            creation_faults: CreationFaults::default(),
            topics,
        }
    }

    /// The coordinator of a partition, where it answers.
    pub(crate) fn serving(&self, index: i32) -> Option<&Coordinator> {
        self.coordinators.serving(index)
    }

    /// The coordinator of a partition, where it answers.
    pub(crate) fn serving_mut(&mut self, index: i32) -> Option<&mut Coordinator> {
        self.coordinators.serving_mut(index)
    }

    /// The coordinators that answer, by partition.
    pub(crate) fn all_serving(&self) -> impl Iterator<Item = (i32, &Coordinator)> {
        self.coordinators.all_serving()
    }

    /// The partition of that index.
    pub(crate) fn partition(&self, index: i32) -> Option<PartitionId> {
        self.coordinators.partition(index)
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
