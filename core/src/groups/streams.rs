//! A streams group (KIP-1071): the members run one topology, whose parts are cut into tasks, and the coordinator decides who runs
//! which task, makes the topics that the topology needs, and moves tasks from member to member.
//!
//! Whatever changes is a record first, as in a consumer group: an event says in a [`Plan`](super::planned::Plan) which records are
//! to be written, and replaying them changes the group. What is in no record, [`Soft`], is made anew after the group is loaded.
//! One file for each step:
//!
//! - `heartbeat` is the life of a member in one call; `endpoints` says whom to ask for the state of which partitions;
//! - `change` is what it makes of the group as a whole: its topology and its epoch;
//! - `topology` is what the members run; `configure` works out its topics and tasks, `partitions` how many partitions each has,
//!   and `creation_faults` why one could not be made;
//! - `target` has the `assignor` say which tasks each member shall have; `reconcile` moves a member towards that;
//! - `tasks` are sets of tasks, `owners` who has them;
//! - `membership` is about leaving, silence and dawdling;
//! - `offsets` says who may commit and fetch;
//! - `record` writes and replays.

mod assignor;
mod change;
mod configure;
mod creation_faults;
mod endpoints;
mod heartbeat;
mod member;
mod membership;
mod offsets;
mod owners;
mod partitions;
mod reconcile;
mod record;
mod target;
mod tasks;
#[cfg(test)]
mod tests;
mod topology;

use alloc::collections::BTreeMap;
use alloc::sync::Arc;

use super::group::MemberId;
use owners::Owners;

pub(crate) use configure::{Configured, ConfiguredSubtopology, InternalTopic};
pub(crate) use creation_faults::CreationFaults;
pub(crate) use heartbeat::{StreamsBeat, beat};
pub(crate) use member::{Member, MemberState};
pub(crate) use record::group_removed;
pub(crate) use tasks::{TaskSet, Tasks};
pub(crate) use topology::Topology;

/// The epoch of a group and of its assignment before anybody has joined.
const FIRST_EPOCH: i32 = 1;
/// The epoch of a member that joins.
pub(crate) const JOINING_EPOCH: i32 = 0;
/// The epoch of a member that leaves.
pub(crate) const LEAVING_EPOCH: i32 = -1;
/// The epoch of a static member that leaves for a while. There are none yet: it leaves as any other does.
pub(crate) const AWAY_EPOCH: i32 = -2;

/// A group of the streams protocol.
#[derive(Debug)]
pub(crate) struct StreamsGroup {
    /// Rises with every change of members, topics or of what the assignment is made by.
    epoch: i32,
    /// Of the topics of the topology, as they were when the epoch last rose.
    metadata_hash: i64,
    /// The topology whose topics were found complete; -1 where they are not.
    validated_topology_epoch: i32,
    /// What the assignment is made by, as it was when the epoch last rose.
    assignment_configs: BTreeMap<Arc<str>, Arc<str>>,
    /// None only before the first member has said it.
    topology: Option<Arc<Topology>>,
    target: Target,
    members: BTreeMap<MemberId, Member>,
    /// Who has each task, or has still to give it up.
    owners: Owners,
    soft: Soft,
    /// At which change of the topics the group last looked at them; none where it has not since it was loaded.
    topics_seen: Option<u64>,
}

/// What the members shall have.
#[derive(Debug)]
struct Target {
    /// The group's epoch that it was made for.
    epoch: i32,
    /// When, in ms since 1970; 0 where that is unknown.
    made_ms: i64,
    by_member: BTreeMap<MemberId, Tasks>,
}

/// What is known of a group and is in no record.
#[derive(Debug, Default)]
struct Soft {
    /// The topics and tasks of the topology.
    configured: Option<Arc<Configured>>,
    /// Rises when a member that can be asked for its state has other tasks.
    endpoint_epoch: i32,
    /// The member that wants all others to end.
    shutdown_requested_by: Option<MemberId>,
    /// Nothing is assigned until more members have had time to join.
    is_delayed: bool,
}

/// What an event makes of that; what is none stays as it is.
#[derive(Debug, Default)]
pub(crate) struct SoftChange {
    configured: Option<Arc<Configured>>,
    endpoint_epoch: Option<i32>,
    shutdown_requested_by: Option<MemberId>,
    is_delayed: Option<bool>,
}

/// What a streams group is up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamsState {
    /// It has no members. Its offsets are kept for a while.
    Empty,
    /// Topics of its topology are missing or do not fit together.
    NotReady,
    /// What its members shall have is not worked out yet.
    Assigning,
    /// Some member has not got there.
    Reconciling,
    /// Each member has what it shall have.
    Stable,
}

impl StreamsState {
    /// All of them.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 5] = [Self::Empty, Self::NotReady, Self::Assigning, Self::Reconciling, Self::Stable];

    /// As StreamsGroupDescribe says it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::NotReady => "NotReady",
            Self::Assigning => "Assigning",
            Self::Reconciling => "Reconciling",
            Self::Stable => "Stable",
        }
    }
}

impl StreamsGroup {
    /// A group that nobody has joined yet.
    pub(crate) fn new() -> Self {
        Self {
            epoch: FIRST_EPOCH,
            metadata_hash: 0,
            validated_topology_epoch: 0,
            assignment_configs: BTreeMap::new(),
            topology: None,
            target: Target { epoch: FIRST_EPOCH, made_ms: 0, by_member: BTreeMap::new() },
            members: BTreeMap::new(),
            owners: Owners::default(),
            soft: Soft::default(),
            topics_seen: None,
        }
    }

    /// What it is up to. Looks at every member: only who describes a group asks.
    pub(crate) fn state(&self) -> StreamsState {
        if self.members.is_empty() {
            StreamsState::Empty
        } else if self.topology.as_ref().is_none_or(|topology| topology.epoch() != self.validated_topology_epoch) {
            StreamsState::NotReady
        } else if self.epoch > self.target.epoch {
            StreamsState::Assigning
        } else if self.members.values().all(|member| member.is_reconciled_to(self.target.epoch)) {
            StreamsState::Stable
        } else {
            StreamsState::Reconciling
        }
    }

    pub(crate) fn epoch(&self) -> i32 {
        self.epoch
    }

    pub(crate) fn target_epoch(&self) -> i32 {
        self.target.epoch
    }

    pub(crate) fn topology(&self) -> Option<&Topology> {
        self.topology.as_deref()
    }

    /// The topics and tasks of its topology, as far as they were worked out.
    pub(crate) fn configured(&self) -> Option<&Configured> {
        self.soft.configured.as_deref()
    }

    pub(crate) fn members(&self) -> &BTreeMap<MemberId, Member> {
        &self.members
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// What a member shall have.
    pub(crate) fn target_of(&self, member: &str) -> &Tasks {
        static NOTHING: Tasks = Tasks::NONE;
        self.target.by_member.get(member).unwrap_or(&NOTHING)
    }

    /// Whether its members read the topic.
    pub(crate) fn is_subscribed_to(&self, topic: &str) -> bool {
        !self.is_empty() && self.topology.as_ref().is_some_and(|topology| topology.reader_of(topic).is_some())
    }

    /// The group has looked at the topics as they are since that change of them.
    pub(crate) fn has_seen_topics(&mut self, change: u64) {
        self.topics_seen = Some(change);
    }

    /// Takes over what an event makes of what is in no record.
    pub(crate) fn soften(&mut self, change: SoftChange) {
        let SoftChange { configured, endpoint_epoch, shutdown_requested_by, is_delayed } = change;
        self.soft.configured = configured.or_else(|| self.soft.configured.take());
        self.soft.endpoint_epoch = endpoint_epoch.unwrap_or(self.soft.endpoint_epoch);
        self.soft.is_delayed = is_delayed.unwrap_or(self.soft.is_delayed);
        // The first who asks counts, and nobody is left to be asked where it was the last.
        if self.soft.shutdown_requested_by.is_none() && !self.is_empty() {
            self.soft.shutdown_requested_by = shutdown_requested_by;
        }
    }

    /// Puts a member into the group, or what it has become in its place.
    fn put(&mut self, id: MemberId, member: Member) {
        if let Some(before) = self.members.get(&id) {
            self.owners.remove(before);
        }
        self.owners.add(&member);
        self.members.insert(id, member);
    }

    /// Takes a member out of the group.
    fn remove(&mut self, id: &str) {
        let Some(member) = self.members.remove(id) else { return };
        self.owners.remove(&member);
        if self.is_empty() {
            self.soft.shutdown_requested_by = None;
        }
    }
}
