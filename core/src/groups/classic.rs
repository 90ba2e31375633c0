//! A classic group: its members join, the broker chooses a protocol and a leader, and the leader assigns.
//!
//! The state machine says what it wants done in [`Effects`](super::effects::Effects) and touches nothing else, so that each
//! rule can be tried by itself. `docs/groups.md` draws it. One file for each step:
//!
//! - `join` lets members in and ends the wait for them;
//! - `sync` hands the leader's assignments out;
//! - `membership` is about sessions: heartbeats, leaving, silence;
//! - `record` is what of it outlives the broker;
//! - `takeover` makes one of what a consumer group was, and ends one that becomes such a group.
//!
//! A group that is gone is in no state: the coordinator forgets it.

mod join;
mod member;
mod membership;
mod record;
mod sync;
mod takeover;
#[cfg(test)]
mod tests;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;

use super::effects::Turn;
use super::embedded::{self, CONSUMER};
use super::group::MemberId;
use super::timers::TimerKind;
use crate::error_code::ErrorCode;
use crate::time::{Now, WallClock};

pub(crate) use join::Join;
pub(crate) use member::{Member, Protocol};
pub(crate) use sync::Sync;

/// A group of the classic protocol.
#[derive(Debug)]
pub(crate) struct ClassicGroup {
    state: ClassicState,
    /// Before it began to rebalance: from `Empty` it waits for members that are about to come.
    previous: ClassicState,
    /// Since when; unknown in records of old brokers.
    state_since: Option<WallClock>,
    /// None where nobody has ever joined.
    protocol_type: Option<Arc<str>>,
    /// What the members agreed on.
    protocol: Option<Arc<str>>,
    generation: i32,
    leader: Option<MemberId>,
    members: BTreeMap<MemberId, Member>,
    /// Static members, by instance id.
    static_members: BTreeMap<Arc<str>, MemberId>,
    /// Ids that were given out, whose members have not joined with them yet.
    pending_members: BTreeSet<MemberId>,
    /// Members that have not asked for their assignment in this generation.
    pending_sync: BTreeSet<MemberId>,
    /// How many members know each protocol.
    supported: BTreeMap<Arc<str>, usize>,
    /// Members that wait for the answer to JoinGroup.
    awaiting_join: usize,
    initial: Option<InitialDelay>,
    /// What the members read; none where that can't be known.
    subscribed_topics: Option<BTreeSet<Arc<str>>>,
}

/// The wait for members that are about to come, when a group has its first.
#[derive(Clone, Copy, Debug)]
struct InitialDelay {
    /// This part of it.
    delay_ms: i32,
    /// What may follow.
    remaining_ms: i32,
    /// Somebody came: it is worth waiting longer.
    has_new_member: bool,
}

/// What a classic group is up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClassicState {
    /// It has no members. Its offsets are kept for a while.
    Empty,
    /// It waits for its members to join.
    PreparingRebalance,
    /// It waits for the leader's assignments.
    CompletingRebalance,
    /// Each member has its assignment.
    Stable,
}

impl ClassicState {
    /// All of them.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 4] = [Self::Empty, Self::PreparingRebalance, Self::CompletingRebalance, Self::Stable];

    /// As DescribeGroups says it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
        }
    }
}

impl ClassicGroup {
    /// A group without members, which nobody has joined yet.
    pub(crate) fn new(now: Now) -> Self {
        Self {
            state: ClassicState::Empty,
            previous: ClassicState::Empty,
            state_since: Some(now.wall),
            protocol_type: None,
            protocol: None,
            generation: 0,
            leader: None,
            members: BTreeMap::new(),
            static_members: BTreeMap::new(),
            pending_members: BTreeSet::new(),
            pending_sync: BTreeSet::new(),
            supported: BTreeMap::new(),
            awaiting_join: 0,
            initial: None,
            subscribed_topics: None,
        }
    }

    pub(crate) fn state(&self) -> ClassicState {
        self.state
    }

    pub(crate) fn state_since(&self) -> Option<WallClock> {
        self.state_since
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.state == ClassicState::Empty
    }

    pub(crate) fn is_stable(&self) -> bool {
        self.state == ClassicState::Stable
    }

    /// What members call their kind of group; empty where there never was one.
    pub(crate) fn protocol_type(&self) -> Option<&str> {
        self.protocol_type.as_deref()
    }

    pub(crate) fn protocol(&self) -> Option<&Arc<str>> {
        self.protocol.as_ref()
    }

    pub(crate) fn members(&self) -> &BTreeMap<MemberId, Member> {
        &self.members
    }

    pub(crate) fn member_count(&self) -> usize {
        self.members.len() + self.pending_members.len()
    }

    /// Whether nothing but offsets is kept of it.
    pub(crate) fn is_unused(&self) -> bool {
        self.is_empty() && self.pending_members.is_empty()
    }

    pub(crate) fn is_of_consumers(&self) -> bool {
        self.protocol_type() == Some(CONSUMER)
    }

    /// Whether the topics that its members read are known.
    pub(crate) fn knows_topics(&self) -> bool {
        self.subscribed_topics.is_some()
    }

    /// Whether members read the topic, or may: where that can't be known, consumers read everything.
    pub(crate) fn is_subscribed_to(&self, topic: &str) -> bool {
        self.subscribed_topics.as_ref().map_or(self.is_of_consumers(), |topics| topics.contains(topic))
    }

    fn is_leader(&self, member: &str) -> bool {
        self.leader.as_deref() == Some(member)
    }

    /// Checks that a member is what it says it is.
    fn check_member(&self, member: &str, instance: Option<&str>) -> Result<(), ErrorCode> {
        if let Some(instance) = instance {
            match self.static_members.get(instance) {
                None => return Err(ErrorCode::UnknownMemberId),
                Some(known) if **known != *member => return Err(ErrorCode::FencedInstanceId),
                Some(_) => {}
            }
        }
        if self.members.contains_key(member) { Ok(()) } else { Err(ErrorCode::UnknownMemberId) }
    }

    /// Checks who commits offsets. Without members anybody may, as long as it does not claim to be one.
    pub(crate) fn check_offset_commit(
        &self,
        member: &str,
        instance: Option<&str>,
        generation: i32,
        is_transactional: bool,
    ) -> Result<(), ErrorCode> {
        if generation < 0 && self.is_empty() {
            return Ok(());
        }
        if generation >= 0 || !member.is_empty() || instance.is_some() {
            self.check_member(member, instance)?;
            if generation != self.generation {
                return Err(ErrorCode::IllegalGeneration);
            }
        } else if !is_transactional && !self.is_empty() {
            return Err(ErrorCode::UnknownMemberId);
        }
        if !is_transactional && self.state == ClassicState::CompletingRebalance {
            return Err(ErrorCode::RebalanceInProgress);
        }
        Ok(())
    }

    fn transition(&mut self, state: ClassicState, turn: &mut Turn<'_>) {
        turn.effects.marks.reach_transition("Classic", self.state.name(), state.name());
        self.previous = self.state;
        self.state = state;
        self.state_since = Some(turn.now.wall);
    }

    fn add(&mut self, id: MemberId, member: Member) {
        if let Some(instance) = &member.instance_id {
            self.static_members.insert(Arc::clone(instance), Arc::clone(&id));
        }
        if self.members.is_empty() {
            self.protocol_type = Some(Arc::clone(&member.protocol_type));
        }
        self.leader.get_or_insert_with(|| Arc::clone(&id));
        self.count_protocols(&member);
        self.awaiting_join += usize::from(member.awaiting_join.is_some());
        self.pending_members.remove(&id);
        self.members.insert(id, member);
    }

    /// Takes a member out. Whoever waits for an answer has got it before.
    fn remove(&mut self, id: &str) -> Option<Member> {
        let removed = self.members.remove(id);
        if let Some(member) = &removed {
            self.uncount_protocols(member);
            self.awaiting_join -= usize::from(member.awaiting_join.is_some());
            if let Some(instance) = &member.instance_id {
                self.static_members.remove(instance);
            }
        }
        if self.is_leader(id) {
            self.leader = self.members.keys().next().cloned();
        }
        self.pending_members.remove(id);
        self.pending_sync.remove(id);
        removed
    }

    fn count_protocols(&mut self, member: &Member) {
        for protocol in &member.protocols {
            *self.supported.entry(Arc::clone(&protocol.name)).or_default() += 1;
        }
    }

    fn uncount_protocols(&mut self, member: &Member) {
        for protocol in &member.protocols {
            if let Some(count) = self.supported.get_mut(&protocol.name) {
                *count -= 1;
                if *count == 0 {
                    self.supported.remove(&protocol.name);
                }
            }
        }
    }

    /// Whether a member with these protocols could be in the group.
    fn supports(&self, protocol_type: &str, protocols: &[Protocol]) -> bool {
        if self.is_empty() {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        let is_known_to_all = |protocol: &Protocol| self.supported.get(&protocol.name) == Some(&self.members.len());
        // While all members are gone any protocol will do.
        let is_possible = self.members.is_empty() || protocols.iter().any(is_known_to_all);
        self.protocol_type() == Some(protocol_type) && is_possible && !protocols.is_empty()
    }

    /// Of the protocols that all members know the one that most of them prefer.
    fn select_protocol(&self) -> Option<Arc<str>> {
        let is_candidate = |protocol: &&Protocol| self.supported.get(&protocol.name) == Some(&self.members.len());
        let mut votes: BTreeMap<&Arc<str>, usize> = BTreeMap::new();
        for member in self.members.values() {
            if let Some(vote) = member.protocols.iter().find(is_candidate) {
                *votes.entry(&vote.name).or_default() += 1;
            }
        }
        let most = votes.values().max().copied()?;
        votes.into_iter().find(|(_, count)| *count == most).map(|(name, _)| Arc::clone(name))
    }

    fn has_all_joined(&self) -> bool {
        self.members.len() == self.awaiting_join && self.pending_members.is_empty()
    }

    /// The longest that any member asked for.
    fn rebalance_timeout_ms(&self) -> i32 {
        self.members.values().map(|member| member.rebalance_timeout_ms).max().unwrap_or(0)
    }

    /// Begins the session of a member anew.
    pub(crate) fn renew_session(&self, turn: &mut Turn<'_>, id: &str) {
        if let Some((id, member)) = self.members.get_key_value(id) {
            turn.arm(TimerKind::Session(Arc::clone(id)), member.session_timeout_ms);
        }
    }

    /// The topics that consumers subscribe to; none where one of them says nothing that can be read.
    fn find_subscribed_topics(&self) -> Option<BTreeSet<Arc<str>>> {
        if !self.is_of_consumers() {
            return None;
        }
        let mut topics = BTreeSet::new();
        for member in self.members.values() {
            let subscription = embedded::subscription_topics(member.metadata(self.protocol.as_deref()?)?)?;
            topics.extend(subscription.iter().map(|topic| Arc::from(&**topic)));
        }
        Some(topics)
    }
}
