//! Members of a consumer group that speak the classic protocol: JoinGroup, SyncGroup, Heartbeat and LeaveGroup, answered from the
//! target assignment as if its making had been a rebalance.

use alloc::borrow::Cow;
use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::heartbeat::check_instance;
use super::member::{About, ClassicMember};
use super::migration::MigrationPolicy;
use super::subscription::Subscribed;
use super::{ConsumerGroup, Member, MemberState};
use crate::api::ApiError;
use crate::error_code::ErrorCode;
use crate::groups::classic::Protocol;
use crate::groups::effects::join_refusal;
use crate::groups::embedded::{self, CONSUMER};
use crate::groups::group::MemberId;
use crate::groups::planned::PlannedTurn;
use crate::groups::timers::TimerKind;
use crate::metadata::MetadataImage;
use crate::wire::messages::consumer_group_heartbeat::TopicPartitions;
use crate::wire::messages::consumer_protocol::ConsumerProtocolSubscription;
use crate::wire::messages::join_group::JoinGroupResponse;
use crate::wire::messages::sync_group::SyncGroupResponse;
use crate::wire::{Slice, Str, Uuid};

/// A JoinGroup, copied out of its frame.
#[derive(Debug)]
pub(crate) struct ClassicJoin<'a> {
    pub(crate) member_id: &'a str,
    pub(crate) instance_id: Option<&'a str>,
    pub(crate) client_id: Arc<str>,
    /// The address, as Java writes it.
    pub(crate) client_host: Arc<str>,
    pub(crate) session_timeout_ms: i32,
    pub(crate) rebalance_timeout_ms: i32,
    pub(crate) protocol_type: &'a str,
    /// The best first.
    pub(crate) protocols: Vec<Protocol>,
    /// A dynamic member without an id gets one and has to come again.
    pub(crate) requires_id: bool,
    /// For a member that brings no id.
    pub(crate) new_id: Uuid,
}

/// A SyncGroup.
#[derive(Debug)]
pub(crate) struct ClassicSync<'a> {
    pub(crate) member_id: &'a str,
    pub(crate) instance_id: Option<&'a str>,
    pub(crate) generation: i32,
    /// What the member takes for the group's; none is not checked.
    pub(crate) protocol_type: Option<&'a Str>,
    /// What the member takes for the group's; none is not checked.
    pub(crate) protocol: Option<&'a Str>,
}

impl ConsumerGroup {
    /// A member of the classic protocol joins, for the first time or again. It is told no leader: it has nothing to assign.
    pub(crate) fn classic_join(
        &self,
        turn: &mut PlannedTurn<'_>,
        join: &ClassicJoin<'_>,
    ) -> Result<JoinGroupResponse, ErrorCode> {
        let code = |error: ApiError| error.code;
        if turn.settings.migration_policy == MigrationPolicy::Disabled {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        let id = self.id_of(join.member_id, join.new_id);
        self.check_room(turn, &id).map_err(code)?;
        let Some(protocol) = join.protocols.first().filter(|_| self.supports(join)) else {
            return Err(ErrorCode::InconsistentGroupProtocol);
        };
        if join.requires_id && join.member_id.is_empty() && join.instance_id.is_none() {
            return Ok(join_refusal(&id, ErrorCode::MemberIdRequired));
        }
        let subscription = embedded::subscription(&protocol.metadata).ok_or(ErrorCode::UnknownServerError)?;
        let replaced = join.instance_id.and_then(|instance| self.static_member(instance));
        let is_downgraded = replaced.is_some_and(|(_, member)| self.is_downgraded_by_replacing(turn, member));
        let written = turn.plan.records.len();
        let before = self.find_classic(turn, &id, join)?;
        let about = before.about.said_by(join, &subscription);
        let owned = owned(&subscription, turn.image);
        let epoch = if is_downgraded {
            let epoch = self.advance_before_downgrade(turn, &id, &before, &about, &owned).map_err(code)?;
            // All that goes with the group.
            turn.plan.records.truncate(written);
            self.downgrade_by_replacing(turn, replaced.map(|(old, _)| old), &id, &about, epoch.is_none());
            epoch.unwrap_or(before.epoch)
        } else {
            let about = (*about != *before.about).then_some(about);
            let after = self.advance(turn, &id, &before, about, Some(&owned)).map_err(code)?;
            turn.cancel(TimerKind::Rejoin(Arc::clone(&id)));
            turn.arm(TimerKind::Session(Arc::clone(&id)), join.session_timeout_ms);
            turn.arm(TimerKind::Resync(Arc::clone(&id)), join.rebalance_timeout_ms);
            after.epoch
        };
        Ok(JoinGroupResponse {
            generation_id: epoch,
            protocol_type: Some(Str::from_static(CONSUMER)),
            protocol_name: Some(Str::from(&*protocol.name)),
            member_id: Str::from(&*id),
            ..Default::default()
        })
    }

    /// Whether a member with these protocols could be among the others of its kind.
    fn supports(&self, join: &ClassicJoin<'_>) -> bool {
        let is_known_to_all = |protocol: &Protocol| {
            self.counts.protocols.get(&protocol.name).copied().unwrap_or(0) == self.counts.classic
        };
        join.protocol_type == CONSUMER && (self.is_empty() || join.protocols.iter().any(is_known_to_all))
    }

    fn find_classic(
        &self,
        turn: &mut PlannedTurn<'_>,
        id: &MemberId,
        join: &ClassicJoin<'_>,
    ) -> Result<Cow<'_, Member>, ErrorCode> {
        let known_or_new = || self.members.get(id).map_or_else(|| Cow::Owned(Member::new()), Cow::Borrowed);
        let Some(instance) = join.instance_id else { return Ok(known_or_new()) };
        match self.static_member(instance) {
            None if join.member_id.is_empty() => Ok(known_or_new()),
            Some((old, member)) if join.member_id.is_empty() => {
                Ok(Cow::Owned(self.replace_static(turn, old, member, id)))
            }
            known => check_instance(known, id, instance).map(Cow::Borrowed).map_err(|error| error.code),
        }
    }

    /// Whether the last member of the consumer protocol comes back as one of the classic.
    fn is_downgraded_by_replacing(&self, turn: &PlannedTurn<'_>, member: &Member) -> bool {
        !member.uses_classic_protocol()
            && self.counts.classic == self.members.len() - 1
            && turn.settings.migration_policy.downgrades()
            && self.members.len() <= turn.settings.members_per_group
    }

    /// How far the member gets with the assignment that there is; none where another one is due.
    fn advance_before_downgrade(
        &self,
        turn: &mut PlannedTurn<'_>,
        id: &MemberId,
        before: &Member,
        about: &Arc<About>,
        owned: &[TopicPartitions],
    ) -> Result<Option<i32>, ApiError> {
        let subscribed = self.subscribe(turn, id, &before.about, Some(about))?;
        if self.target.epoch < subscribed.epoch {
            return Ok(None);
        }
        let holder = about.instance_id.as_ref().and_then(|instance| self.static_members.get(instance)).unwrap_or(id);
        let after = Member { about: Arc::clone(about), ..before.clone() };
        let target = (self.target.epoch, self.target_of(holder));
        let reconciled = self.reconcile(turn, &after, target, &Subscribed::unchanged(self), Some(owned))?;
        Ok(Some(reconciled.map_or(after.epoch, |reconciled| reconciled.epoch)))
    }

    fn downgrade_by_replacing(
        &self,
        turn: &mut PlannedTurn<'_>,
        old: Option<&MemberId>,
        id: &MemberId,
        about: &Arc<About>,
        rebalances: bool,
    ) {
        let others = self.members.iter().filter(|(of, _)| Some(*of) != old && *of != id);
        let others = others.map(|(of, member)| (of, of, &*member.about));
        let members = others.chain(core::iter::once((id, old.unwrap_or(id), &**about)));
        self.downgrade(turn, members, rebalances);
    }

    /// A member of the classic protocol asks for what it has got.
    pub(crate) fn classic_sync(
        &self,
        turn: &mut PlannedTurn<'_>,
        sync: &ClassicSync<'_>,
    ) -> Result<SyncGroupResponse, ErrorCode> {
        let (id, member, classic) = self.classic_member(sync.member_id, sync.instance_id, sync.generation)?;
        let protocol = classic.protocols.first().ok_or(ErrorCode::InconsistentGroupProtocol)?;
        let differs = |said: Option<&Str>, is: &str| said.is_some_and(|said| **said != *is);
        if differs(sync.protocol_type, CONSUMER) || differs(sync.protocol, &protocol.name) {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        // One that gives up partitions has joined already.
        if self.target.epoch > member.epoch && member.state != MemberState::UnrevokedPartitions {
            turn.arm_first(TimerKind::Rejoin(Arc::clone(id)), member.about.rebalance_timeout_ms);
            return Err(ErrorCode::RebalanceInProgress);
        }
        turn.cancel(TimerKind::Resync(Arc::clone(id)));
        turn.arm(TimerKind::Session(Arc::clone(id)), classic.session_timeout_ms);
        let partitions = member.assigned.iter().map(|(topic, held)| (*topic, held.keys().copied().collect())).collect();
        Ok(SyncGroupResponse {
            protocol_type: sync.protocol_type.cloned(),
            protocol_name: sync.protocol.cloned(),
            assignment: Slice::from(embedded::assigned(&partitions, turn.image, &protocol.metadata)),
            ..Default::default()
        })
    }

    /// A member of the classic protocol is alive. It has to join again where there is a newer assignment, where it has to give
    /// something up, and where what it waits for is free.
    pub(crate) fn classic_heartbeat(
        &self,
        turn: &mut PlannedTurn<'_>,
        (member, instance, generation): (&str, Option<&str>, i32),
    ) -> ErrorCode {
        let (id, member, classic) = match self.classic_member(member, instance, generation) {
            Ok(found) => found,
            Err(error) => return error,
        };
        turn.arm(TimerKind::Session(Arc::clone(id)), classic.session_timeout_ms);
        let is_due = member.epoch < self.target.epoch
            || member.state == MemberState::UnrevokedPartitions
            || member.state == MemberState::UnreleasedPartitions && !self.is_waiting(id, member);
        if !is_due {
            return ErrorCode::None;
        }
        turn.arm_first(TimerKind::Rejoin(Arc::clone(id)), member.about.rebalance_timeout_ms);
        ErrorCode::RebalanceInProgress
    }

    /// Whether others still have something that the member shall have.
    fn is_waiting(&self, id: &MemberId, member: &Member) -> bool {
        self.target_of(id).iter().any(|(topic, partitions)| {
            let held = member.assigned.get(topic);
            let is_held = |partition| held.is_some_and(|held| held.contains_key(partition));
            partitions.iter().any(|partition| !is_held(partition) && self.has_owner(*topic, *partition))
        })
    }

    fn classic_member(
        &self,
        id: &str,
        instance: Option<&str>,
        generation: i32,
    ) -> Result<(&MemberId, &Member, &ClassicMember), ErrorCode> {
        if let Some(instance) = instance {
            check_instance(self.static_member(instance), id, instance).map_err(|error| error.code)?;
        }
        let (id, member) = self.members.get_key_value(id).ok_or(ErrorCode::UnknownMemberId)?;
        let classic = member.about.classic.as_ref().ok_or(ErrorCode::UnknownMemberId)?;
        if member.epoch != generation {
            return Err(ErrorCode::IllegalGeneration);
        }
        Ok((id, member, classic))
    }

    /// Members leave with LeaveGroup, or are sent away by whatever protocol they speak.
    pub(crate) fn classic_leave(
        &self,
        turn: &mut PlannedTurn<'_>,
        members: &[(&str, Option<&str>)],
    ) -> Vec<Result<(), ErrorCode>> {
        let mut gone = BTreeSet::new();
        let mut outcomes = Vec::new();
        for (id, instance) in members {
            let found = self.find_leaving(id, *instance).map(Arc::clone);
            outcomes.push(found.map(|id| {
                gone.insert(id);
            }));
        }
        self.take_out(turn, &gone);
        outcomes
    }

    fn find_leaving(&self, id: &str, instance: Option<&str>) -> Result<&MemberId, ErrorCode> {
        let Some(instance) = instance else {
            return self.members.get_key_value(id).map(|(id, _)| id).ok_or(ErrorCode::UnknownMemberId);
        };
        let (known, _) = self.static_member(instance).ok_or(ErrorCode::UnknownMemberId)?;
        if id.is_empty() || **known == *id { Ok(known) } else { Err(ErrorCode::FencedInstanceId) }
    }
}

impl About {
    fn said_by(&self, join: &ClassicJoin<'_>, subscription: &ConsumerProtocolSubscription) -> Arc<Self> {
        let rack_id = subscription.rack_id.as_deref().filter(|rack| !rack.is_empty()).map(Arc::from);
        Arc::new(Self {
            instance_id: join.instance_id.map(Arc::from).or_else(|| self.instance_id.clone()),
            rack_id: rack_id.or_else(|| self.rack_id.clone()),
            client_id: Arc::clone(&join.client_id),
            client_host: Arc::clone(&join.client_host),
            topics: subscription.topics.iter().map(|topic| Arc::from(&**topic)).collect(),
            regex: None,
            assignor: self.assignor.clone(),
            rebalance_timeout_ms: join.rebalance_timeout_ms,
            classic: Some(ClassicMember {
                session_timeout_ms: join.session_timeout_ms,
                protocols: join.protocols.clone(),
            }),
        })
    }
}

/// What a member says that it has, of the topics that are there.
fn owned(subscription: &ConsumerProtocolSubscription, image: &MetadataImage) -> Vec<TopicPartitions> {
    let owned = subscription.owned_partitions.iter().filter_map(|topic| {
        let topic_id = *image.topic_ids.get(&*topic.topic)?;
        Some(TopicPartitions { topic_id, partitions: topic.partitions.clone(), ..Default::default() })
    });
    owned.collect()
}
