//! A group: its members, of whichever kind it is, and how far it has read.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;

use super::classic::ClassicGroup;
use super::committed::CommittedOffset;
use super::consumer::ConsumerGroup;
use super::planned::PlannedTurn;
use super::share::ShareGroup;
use super::streams::StreamsGroup;
use super::timers::TimerKind;
use crate::error_code::ErrorCode;
use crate::time::Now;
use crate::types::TopicName;

/// A group's id, copied out of the request that it came in.
pub(crate) type GroupId = Arc<str>;
/// A member's id, copied out of the request that it came in, or made by the coordinator.
pub(crate) type MemberId = Arc<str>;

/// All that a coordinator knows of a group.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) kind: GroupKind,
    /// By topic and partition.
    pub(crate) offsets: BTreeMap<TopicName, BTreeMap<i32, CommittedOffset>>,
}

/// By which protocol the members of a group agree.
#[derive(Debug)]
pub(crate) enum GroupKind {
    /// JoinGroup and SyncGroup. A group that only has offsets is one of these, without members or a protocol type.
    Classic(Box<ClassicGroup>),
    /// ConsumerGroupHeartbeat.
    Consumer(Box<ConsumerGroup>),
    /// ShareGroupHeartbeat.
    Share(Box<ShareGroup>),
    /// StreamsGroupHeartbeat.
    Streams(Box<StreamsGroup>),
}

/// Kafka's names of the kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GroupType {
    Classic,
    Consumer,
    Share,
    Streams,
}

impl GroupType {
    /// As it is in the names of marks.
    pub(crate) fn mark_name(self) -> &'static str {
        match self {
            Self::Classic => "Classic",
            Self::Consumer => "Consumer",
            Self::Share => "Share",
            Self::Streams => "Streams",
        }
    }

    /// As ListGroups says it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Consumer => "consumer",
            Self::Share => "share",
            Self::Streams => "streams",
        }
    }
}

impl Group {
    /// A group that has nothing yet.
    pub(crate) fn new(now: Now) -> Self {
        Self { kind: GroupKind::Classic(Box::new(ClassicGroup::new(now))), offsets: BTreeMap::new() }
    }

    pub(crate) fn group_type(&self) -> GroupType {
        match &self.kind {
            GroupKind::Classic(_) => GroupType::Classic,
            GroupKind::Consumer(_) => GroupType::Consumer,
            GroupKind::Share(_) => GroupType::Share,
            GroupKind::Streams(_) => GroupType::Streams,
        }
    }

    /// As ListGroups says it.
    pub(crate) fn state_name(&self) -> &'static str {
        match &self.kind {
            GroupKind::Classic(classic) => classic.state().name(),
            GroupKind::Consumer(consumer) => consumer.state().name(),
            GroupKind::Share(share) => share.state().name(),
            GroupKind::Streams(streams) => streams.state().name(),
        }
    }

    pub(crate) fn classic(&self) -> Option<&ClassicGroup> {
        match &self.kind {
            GroupKind::Classic(classic) => Some(classic),
            _ => None,
        }
    }

    pub(crate) fn classic_mut(&mut self) -> Option<&mut ClassicGroup> {
        match &mut self.kind {
            GroupKind::Classic(classic) => Some(classic),
            _ => None,
        }
    }

    pub(crate) fn consumer(&self) -> Option<&ConsumerGroup> {
        match &self.kind {
            GroupKind::Consumer(consumer) => Some(consumer),
            _ => None,
        }
    }

    pub(crate) fn consumer_mut(&mut self) -> Option<&mut ConsumerGroup> {
        match &mut self.kind {
            GroupKind::Consumer(consumer) => Some(consumer),
            _ => None,
        }
    }

    pub(crate) fn share(&self) -> Option<&ShareGroup> {
        match &self.kind {
            GroupKind::Share(share) => Some(share),
            _ => None,
        }
    }

    pub(crate) fn share_mut(&mut self) -> Option<&mut ShareGroup> {
        match &mut self.kind {
            GroupKind::Share(share) => Some(share),
            _ => None,
        }
    }

    pub(crate) fn streams(&self) -> Option<&StreamsGroup> {
        match &self.kind {
            GroupKind::Streams(streams) => Some(streams),
            _ => None,
        }
    }

    pub(crate) fn streams_mut(&mut self) -> Option<&mut StreamsGroup> {
        match &mut self.kind {
            GroupKind::Streams(streams) => Some(streams),
            _ => None,
        }
    }

    /// Whether events in it are [planned](super::planned).
    pub(crate) fn is_planned(&self) -> bool {
        !matches!(self.kind, GroupKind::Classic(_))
    }

    /// Whether a classic member may join. A share group stays one for as long as anything is known of it.
    pub(crate) fn may_become_classic(&self) -> bool {
        match self.kind {
            GroupKind::Classic(_) => true,
            GroupKind::Consumer(_) | GroupKind::Streams(_) => self.member_count() == 0,
            GroupKind::Share(_) => false,
        }
    }

    /// A time of a group is over whose events are planned.
    pub(crate) fn planned_timeout(&self, turn: &mut PlannedTurn<'_>, kind: &TimerKind) {
        match &self.kind {
            GroupKind::Consumer(consumer) => consumer.timeout(turn, kind),
            GroupKind::Share(share) => share.timeout(turn, kind),
            GroupKind::Streams(streams) => streams.timeout(turn, kind),
            GroupKind::Classic(_) => {}
        }
    }

    /// A group was loaded whose events are planned.
    pub(crate) fn planned_loaded(&self, turn: &mut PlannedTurn<'_>) {
        match &self.kind {
            GroupKind::Consumer(consumer) => consumer.loaded(turn),
            GroupKind::Share(share) => share.loaded(turn),
            GroupKind::Streams(streams) => streams.loaded(turn),
            GroupKind::Classic(_) => {}
        }
    }

    /// It has looked at the topics as they are since that change of them.
    pub(crate) fn has_seen_topics(&mut self, change: u64) {
        match &mut self.kind {
            GroupKind::Consumer(consumer) => consumer.has_seen_topics(change),
            GroupKind::Share(share) => share.has_seen_topics(change),
            GroupKind::Streams(streams) => streams.has_seen_topics(change),
            GroupKind::Classic(_) => {}
        }
    }

    /// Whether its members read the topic, or may.
    pub(crate) fn is_subscribed_to(&self, topic: &str) -> bool {
        match &self.kind {
            GroupKind::Classic(classic) => classic.is_subscribed_to(topic),
            GroupKind::Consumer(consumer) => consumer.is_subscribed_to(topic),
            GroupKind::Share(share) => share.is_subscribed_to(topic),
            GroupKind::Streams(streams) => streams.is_subscribed_to(topic),
        }
    }

    /// Checks who asks for offsets.
    pub(crate) fn check_offset_fetch(&self, member: Option<&str>, epoch: i32) -> Result<(), ErrorCode> {
        match &self.kind {
            GroupKind::Consumer(consumer) => consumer.check_offset_fetch(member, epoch),
            GroupKind::Streams(streams) => streams.check_offset_fetch(member, epoch),
            GroupKind::Classic(_) | GroupKind::Share(_) => Ok(()),
        }
    }

    /// How many members it has.
    pub(crate) fn member_count(&self) -> usize {
        match &self.kind {
            GroupKind::Classic(classic) => classic.member_count(),
            GroupKind::Consumer(consumer) => consumer.members().len(),
            GroupKind::Share(share) => share.members().len(),
            GroupKind::Streams(streams) => streams.members().len(),
        }
    }

    pub(crate) fn offset(&self, topic: &str, partition: i32) -> Option<&CommittedOffset> {
        self.offsets.get(topic)?.get(&partition)
    }

    pub(crate) fn remove_offset(&mut self, topic: &str, partition: i32) {
        if let Some(partitions) = self.offsets.get_mut(topic) {
            partitions.remove(&partition);
            if partitions.is_empty() {
                self.offsets.remove(topic);
            }
        }
    }
}
