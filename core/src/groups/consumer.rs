//! A consumer group (KIP-848): the coordinator itself decides who reads which partition, and each member moves there at its
//! own pace, from heartbeat to heartbeat.
//!
//! Whatever changes is a record first: an event reads the group and says in a [`Plan`](super::planned::Plan) which records are to be written, and
//! when they are appended, replaying them changes the group. So a group that is loaded is the group that was. One file for
//! each step:
//!
//! - `heartbeat` is the life of a member in one call;
//! - `subscription` is what the members read, and notices when topics change; `pattern` reads regular expressions;
//! - `target` has an `assignor` say what each member shall have; `reconcile` moves a member towards that;
//! - `membership` is about leaving, silence and dawdling;
//! - `offsets` says who may commit and fetch;
//! - `classic_members` serves members that speak the classic protocol; `migration` makes one kind of group the other;
//! - `record` writes and replays.

mod assignor;
mod classic_members;
mod heartbeat;
mod member;
mod membership;
mod migration;
mod offsets;
mod pattern;
mod reconcile;
mod record;
mod subscription;
mod target;
#[cfg(test)]
mod tests;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::group::MemberId;
use crate::types::{Offset, TopicName};
use crate::wire::Uuid;

pub(crate) use assignor::Assignors;
pub(crate) use classic_members::{ClassicJoin, ClassicSync};
pub(crate) use heartbeat::{Beat, beat};
pub(crate) use member::{Member, MemberState};
pub(crate) use migration::{Downgrade, MigrationPolicy};
pub(crate) use record::group_removed;

/// Partitions by topic, in order, each once.
pub(crate) type Partitions = BTreeMap<Uuid, Vec<i32>>;
/// Partitions by topic, and since which epoch the member has each.
pub(crate) type Held = BTreeMap<Uuid, BTreeMap<i32, i32>>;

/// The epoch of a group and of its assignment before anybody has joined.
const FIRST_EPOCH: i32 = 1;
/// The epoch of a member that joins.
pub(crate) const JOINING_EPOCH: i32 = 0;
/// The epoch of a member that leaves.
pub(crate) const LEAVING_EPOCH: i32 = -1;
/// The epoch of a static member that leaves for a while.
pub(crate) const AWAY_EPOCH: i32 = -2;

/// A group of the consumer protocol.
#[derive(Debug)]
pub(crate) struct ConsumerGroup {
    /// Rises with every change of members, subscriptions or topics.
    epoch: i32,
    /// Of the topics that are subscribed to, as they were when the epoch last rose.
    metadata_hash: i64,
    /// There is a record of the topics as Kafka 4.0 wrote it: it goes with the next change.
    has_topics_record: bool,
    target: Target,
    members: BTreeMap<MemberId, Member>,
    /// Static members, by instance id.
    static_members: BTreeMap<Arc<str>, MemberId>,
    /// Who has each partition, or has still to give it up.
    owners: BTreeMap<Uuid, BTreeMap<i32, MemberId>>,
    /// Regular expressions that members subscribe to, and what they match.
    regexes: BTreeMap<Arc<str>, Resolved>,
    counts: Counts,
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
    by_member: BTreeMap<MemberId, Partitions>,
}

/// The topics that a regular expression matches.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Resolved {
    topics: BTreeSet<TopicName>,
    /// Up to where in the metadata log topics were looked at.
    version: Offset,
    /// When, in ms since 1970.
    resolved_ms: i64,
}

/// How many members say the same.
#[derive(Debug, Default)]
struct Counts {
    /// By topic that they name.
    topics: BTreeMap<TopicName, usize>,
    regexes: BTreeMap<Arc<str>, usize>,
    assignors: BTreeMap<Arc<str>, usize>,
    /// Members of the classic protocol.
    classic: usize,
    /// By protocol that they could use.
    protocols: BTreeMap<Arc<str>, usize>,
}

/// What a consumer group is up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConsumerState {
    /// It has no members. Its offsets are kept for a while.
    Empty,
    /// What its members shall have is not worked out yet.
    Assigning,
    /// Some member has not got there.
    Reconciling,
    /// Each member has what it shall have.
    Stable,
}

impl ConsumerState {
    /// All of them.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 4] = [Self::Empty, Self::Assigning, Self::Reconciling, Self::Stable];

    /// As ConsumerGroupDescribe says it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Assigning => "Assigning",
            Self::Reconciling => "Reconciling",
            Self::Stable => "Stable",
        }
    }
}

impl ConsumerGroup {
    /// A group that nobody has joined yet.
    pub(crate) fn new() -> Self {
        Self {
            epoch: FIRST_EPOCH,
            metadata_hash: 0,
            has_topics_record: false,
            target: Target { epoch: FIRST_EPOCH, made_ms: 0, by_member: BTreeMap::new() },
            members: BTreeMap::new(),
            static_members: BTreeMap::new(),
            owners: BTreeMap::new(),
            regexes: BTreeMap::new(),
            counts: Counts::default(),
            topics_seen: None,
        }
    }

    /// What it is up to. Looks at every member: only who describes a group asks.
    pub(crate) fn state(&self) -> ConsumerState {
        if self.members.is_empty() {
            ConsumerState::Empty
        } else if self.epoch > self.target.epoch {
            ConsumerState::Assigning
        } else if self.members.values().all(|member| member.is_reconciled_to(self.target.epoch)) {
            ConsumerState::Stable
        } else {
            ConsumerState::Reconciling
        }
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

    /// What a member shall have.
    pub(crate) fn target_of(&self, member: &str) -> &Partitions {
        static NOTHING: Partitions = BTreeMap::new();
        self.target.by_member.get(member).unwrap_or(&NOTHING)
    }

    /// Whether any member reads the topic.
    pub(crate) fn is_subscribed_to(&self, topic: &str) -> bool {
        self.counts.topics.contains_key(topic) || self.regexes.values().any(|resolved| resolved.topics.contains(topic))
    }

    /// The assignor that most members ask for, or the given one where none does.
    pub(crate) fn assignor<'a>(&'a self, default: &'a str) -> &'a str {
        most_wanted(&self.counts.assignors).map_or(default, |name| name)
    }

    /// The group has looked at the topics as they are since that change of them.
    pub(crate) fn has_seen_topics(&mut self, change: u64) {
        self.topics_seen = Some(change);
    }

    fn static_member(&self, instance: &str) -> Option<(&MemberId, &Member)> {
        self.members.get_key_value(self.static_members.get(instance)?)
    }

    fn has_owner(&self, topic: Uuid, partition: i32) -> bool {
        self.owners.get(&topic).is_some_and(|owners| owners.contains_key(&partition))
    }

    /// Puts a member into the group, or what it has become in its place.
    fn put(&mut self, id: MemberId, member: Member) {
        let before = self.members.get(&id);
        if before.is_none_or(|before| !Arc::ptr_eq(&before.about, &member.about)) {
            let before = before.map(|before| Arc::clone(&before.about));
            self.counts.exchange(before.as_deref(), Some(&member.about));
        }
        if let Some(instance) = &member.about.instance_id {
            self.static_members.insert(Arc::clone(instance), Arc::clone(&id));
        }
        self.disown(&id);
        for (topic, partitions) in member.assigned.iter().chain(&member.revoking) {
            let owners = self.owners.entry(*topic).or_default();
            for partition in partitions.keys() {
                owners.insert(*partition, Arc::clone(&id));
            }
        }
        self.members.insert(id, member);
    }

    /// Takes a member out of the group.
    fn remove(&mut self, id: &str) {
        self.disown(id);
        let Some(member) = self.members.remove(id) else { return };
        self.counts.exchange(Some(&member.about), None);
        if let Some(instance) = &member.about.instance_id
            && self.static_members.get(instance).is_some_and(|of| **of == *id)
        {
            self.static_members.remove(instance);
        }
    }

    /// The member has nothing. What another has got by now, in a log that was compacted, stays with that one.
    fn disown(&mut self, id: &str) {
        let Some(member) = self.members.get(id) else { return };
        for (topic, partitions) in member.assigned.iter().chain(&member.revoking) {
            let Some(owners) = self.owners.get_mut(topic) else { continue };
            for partition in partitions.keys() {
                if owners.get(partition).is_some_and(|owner| **owner == *id) {
                    owners.remove(partition);
                }
            }
            if owners.is_empty() {
                self.owners.remove(topic);
            }
        }
    }
}

impl Counts {
    fn exchange(&mut self, before: Option<&member::About>, after: Option<&member::About>) {
        if let Some(after) = after {
            after.topics.iter().for_each(|topic| add(&mut self.topics, topic));
            after.regex.iter().for_each(|regex| add(&mut self.regexes, regex));
            after.assignor.iter().for_each(|assignor| add(&mut self.assignors, assignor));
            after.protocols().iter().for_each(|protocol| add(&mut self.protocols, &protocol.name));
            self.classic += usize::from(after.classic.is_some());
        }
        if let Some(before) = before {
            before.topics.iter().for_each(|topic| subtract(&mut self.topics, topic));
            before.regex.iter().for_each(|regex| subtract(&mut self.regexes, regex));
            before.assignor.iter().for_each(|assignor| subtract(&mut self.assignors, assignor));
            before.protocols().iter().for_each(|protocol| subtract(&mut self.protocols, &protocol.name));
            self.classic -= usize::from(before.classic.is_some());
        }
    }
}

fn add(counts: &mut BTreeMap<Arc<str>, usize>, name: &Arc<str>) {
    match counts.get_mut(name) {
        Some(count) => *count += 1,
        None => drop(counts.insert(Arc::clone(name), 1)),
    }
}

fn subtract(counts: &mut BTreeMap<Arc<str>, usize>, name: &Arc<str>) {
    if let Some(count) = counts.get_mut(name) {
        *count -= 1;
        if *count == 0 {
            counts.remove(name);
        }
    }
}

/// What most say; of several, the first by name.
fn most_wanted(counts: &BTreeMap<Arc<str>, usize>) -> Option<&Arc<str>> {
    let most = counts.values().max()?;
    counts.iter().find(|(_, count)| *count == most).map(|(name, _)| name)
}
