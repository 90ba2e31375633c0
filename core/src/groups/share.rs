//! A share group (KIP-932): its members share records, not partitions. The coordinator says who looks where, so several members may
//! have one partition, and nobody waits for another: a member has what it shall have with its next heartbeat.
//!
//! As in a consumer group whatever changes is a record first, which an event puts into its [`Plan`](super::planned::Plan), and which
//! changes the group when it is replayed. One file for each step:
//!
//! - `heartbeat` is the life of a member in one call: it joins, stays and moves on;
//! - `subscription` is what the members read, and notices when topics change;
//! - `target` has an `assignor` say where each member shall look;
//! - `membership` is about leaving and silence;
//! - `state` is about the partitions that the share coordinator keeps for the group: only those are assigned;
//! - `offsets` is what administrators do with where the group is in them;
//! - `record` writes and replays.
//!
//! What does not belong here: which records are delivered, acquired and acknowledged, and the durable state of that.

mod assignor;
mod heartbeat;
mod member;
mod membership;
mod offsets;
mod record;
mod state;
mod subscription;
mod target;
#[cfg(test)]
mod tests;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;

use super::group::MemberId;
use crate::types::TopicName;
use crate::wire::Uuid;

pub(crate) use heartbeat::{ShareBeat, share_beat};
pub(crate) use member::Member;
pub(crate) use offsets::Starts;
pub(crate) use record::group_removed;
pub(crate) use state::StateToKeep;

/// Partitions by topic.
pub(crate) type Partitions = BTreeMap<Uuid, BTreeSet<i32>>;

/// Who makes the assignment: Kafka has no other for share groups.
pub(crate) const ASSIGNOR: &str = "simple";

/// The epoch of a group and of its assignment before anybody has joined.
const FIRST_EPOCH: i32 = 1;
/// The epoch of a member that joins.
pub(crate) const JOINING_EPOCH: i32 = 0;
/// The epoch of a member that leaves.
pub(crate) const LEAVING_EPOCH: i32 = -1;

/// A group of the share protocol.
#[derive(Debug)]
pub(crate) struct ShareGroup {
    /// Rises with every change of members, subscriptions or topics.
    epoch: i32,
    /// Of the topics that are subscribed to, as they were when the epoch last rose.
    metadata_hash: i64,
    target: Target,
    members: BTreeMap<MemberId, Member>,
    /// How many members read each topic.
    readers: BTreeMap<TopicName, usize>,
    /// The partitions that the share coordinator keeps.
    state: state::StatePartitions,
    /// At which change of the topics the group last looked at them; none where it has not since it was loaded.
    topics_seen: Option<u64>,
}

/// Where the members shall look.
#[derive(Debug)]
struct Target {
    /// The group's epoch that it was made for.
    epoch: i32,
    /// When, in ms since 1970; 0 where that is unknown.
    made_ms: i64,
    by_member: BTreeMap<MemberId, Partitions>,
}

/// What a share group is up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShareState {
    /// It has no members. What it has not dealt with waits for some.
    Empty,
    /// It has some.
    Stable,
}

impl ShareState {
    /// All of them.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 2] = [Self::Empty, Self::Stable];

    /// As ShareGroupDescribe says it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Stable => "Stable",
        }
    }
}

impl ShareGroup {
    /// A group that nobody has joined yet.
    pub(crate) fn new() -> Self {
        Self {
            epoch: FIRST_EPOCH,
            metadata_hash: 0,
            target: Target { epoch: FIRST_EPOCH, made_ms: 0, by_member: BTreeMap::new() },
            members: BTreeMap::new(),
            readers: BTreeMap::new(),
            state: state::StatePartitions::default(),
            topics_seen: None,
        }
    }

    pub(crate) fn state(&self) -> ShareState {
        if self.members.is_empty() { ShareState::Empty } else { ShareState::Stable }
    }

    pub(crate) fn epoch(&self) -> i32 {
        self.epoch
    }

    pub(crate) fn target_epoch(&self) -> i32 {
        self.target.epoch
    }

    pub(crate) fn members(&self) -> &BTreeMap<MemberId, Member> {
        &self.members
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Whether any member reads the topic.
    pub(crate) fn is_subscribed_to(&self, topic: &str) -> bool {
        self.readers.contains_key(topic)
    }

    /// The group has looked at the topics as they are since that change of them.
    pub(crate) fn has_seen_topics(&mut self, change: u64) {
        self.topics_seen = Some(change);
    }

    fn target_of(&self, member: &str) -> &Partitions {
        static NOTHING: Partitions = BTreeMap::new();
        self.target.by_member.get(member).unwrap_or(&NOTHING)
    }

    /// Puts a member into the group, or what it has become in its place.
    fn put(&mut self, id: MemberId, member: Member) {
        let before = self.members.get(&id);
        if before.is_none_or(|before| !Arc::ptr_eq(&before.about, &member.about)) {
            exchange(&mut self.readers, before.map(|before| &*before.about), Some(&member.about));
        }
        self.members.insert(id, member);
    }

    /// Takes a member out of the group.
    fn remove(&mut self, id: &str) {
        if let Some(member) = self.members.remove(id) {
            exchange(&mut self.readers, Some(&member.about), None);
        }
    }
}

/// One member reads something else than before.
fn exchange(readers: &mut BTreeMap<TopicName, usize>, before: Option<&member::About>, after: Option<&member::About>) {
    for topic in after.into_iter().flat_map(|after| &after.topics) {
        *readers.entry(Arc::clone(topic)).or_default() += 1;
    }
    for topic in before.into_iter().flat_map(|before| &before.topics) {
        if let Some(count) = readers.get_mut(topic) {
            *count -= 1;
            if *count == 0 {
                readers.remove(topic);
            }
        }
    }
}
