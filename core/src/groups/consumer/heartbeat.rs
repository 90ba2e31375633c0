//! The whole life of a member in one call: it joins, says what it reads and has, learns what it may have, and leaves.

use alloc::borrow::Cow;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::member::About;
use super::{AWAY_EPOCH, ConsumerGroup, Held, JOINING_EPOCH, LEAVING_EPOCH, Member, MemberState};
use crate::api::ApiError;
use crate::error_code::ErrorCode;
use crate::groups::group::{GroupKind, MemberId};
use crate::groups::planned::PlannedTurn;
use crate::groups::records;
use crate::groups::timers::TimerKind;
use crate::wire::messages::consumer_group_heartbeat::{
    Assignment, ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, TopicPartitions,
};
use crate::wire::{Str, Uuid};

/// A heartbeat, and who sent it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beat<'a> {
    pub(crate) request: &'a ConsumerGroupHeartbeatRequest,
    pub(crate) client_id: &'a str,
    /// The address, as Java writes it.
    pub(crate) client_host: &'a str,
    /// For a member that brings no id.
    pub(crate) new_id: Uuid,
}

/// What a member says that it has, by topic; each topic once.
pub(super) type Owned<'a> = &'a [TopicPartitions];

/// Takes a heartbeat for a group, which may be of another kind or not be there at all.
///
/// # Errors
/// As Kafka has them; nothing changes then.
pub(crate) fn beat(
    turn: &mut PlannedTurn<'_>,
    known: Option<&GroupKind>,
    beat: Beat<'_>,
) -> Result<ConsumerGroupHeartbeatResponse, ApiError> {
    let request = beat.request;
    if matches!(request.member_epoch, LEAVING_EPOCH | AWAY_EPOCH) {
        return match known {
            None => Err(ApiError::new(ErrorCode::GroupIdNotFound, format!("Group {} not found.", turn.group))),
            Some(_) => existing(turn, known)?.leave(turn, request),
        };
    }
    if request.member_epoch != JOINING_EPOCH {
        return existing(turn, known)?.heartbeat(turn, beat);
    }
    match known {
        None => ConsumerGroup::new().heartbeat(turn, beat),
        Some(GroupKind::Classic(classic)) if classic.is_empty() => {
            turn.plan.records.extend(records::removed(turn.group, crate::groups::group::GroupType::Classic));
            turn.plan.upgrades = true;
            ConsumerGroup::new().heartbeat(turn, beat)
        }
        Some(GroupKind::Classic(classic)) => ConsumerGroup::upgraded(turn, classic)?.heartbeat(turn, beat),
        Some(_) => existing(turn, known)?.heartbeat(turn, beat),
    }
}

fn existing<'a>(turn: &PlannedTurn<'_>, known: Option<&'a GroupKind>) -> Result<&'a ConsumerGroup, ApiError> {
    let why = match known {
        Some(GroupKind::Consumer(group)) => return Ok(group),
        Some(_) => format!("Group {} is not a consumer group.", turn.group),
        None => format!("Consumer group {} not found.", turn.group),
    };
    Err(ApiError::new(ErrorCode::GroupIdNotFound, why))
}

impl ConsumerGroup {
    fn heartbeat(
        &self,
        turn: &mut PlannedTurn<'_>,
        beat: Beat<'_>,
    ) -> Result<ConsumerGroupHeartbeatResponse, ApiError> {
        let request = beat.request;
        self.check_room(turn, &request.member_id)?;
        let id = self.id_of(&request.member_id, beat.new_id);
        let before = self.find(turn, &id, request)?;
        let about = before.about.said(beat);
        let after = self.advance(turn, &id, &before, about, request.topic_partitions.as_deref())?;
        turn.arm(TimerKind::Session(Arc::clone(&id)), turn.config.session_timeout_ms());
        // A member that says everything may not have got the last answer.
        let is_full = request.rebalance_timeout_ms != -1
            && (request.subscribed_topic_names.is_some() || request.subscribed_topic_regex.is_some())
            && request.topic_partitions.is_some();
        let is_told = request.member_epoch == JOINING_EPOCH || is_full || before.assigned != after.assigned;
        Ok(ConsumerGroupHeartbeatResponse {
            member_id: Some(Str::from(&*id)),
            member_epoch: after.epoch,
            heartbeat_interval_ms: turn.config.heartbeat_interval_ms(),
            assignment: is_told.then(|| assignment(&after.assigned)),
            ..Default::default()
        })
    }

    pub(super) fn check_room(&self, turn: &PlannedTurn<'_>, member: &str) -> Result<(), ApiError> {
        let members_max = turn.settings.consumers_per_group;
        if self.members.len() < members_max || self.members.contains_key(member) {
            return Ok(());
        }
        let why = format!("The consumer group has reached its maximum capacity of {members_max} members.");
        Err(ApiError::new(ErrorCode::GroupMaxSizeReached, why))
    }

    pub(super) fn id_of(&self, id: &str, new_id: Uuid) -> MemberId {
        match self.members.get_key_value(id) {
            Some((id, _)) => Arc::clone(id),
            None if id.is_empty() => new_id.to_string().into(),
            None => id.into(),
        }
    }

    /// The member that a heartbeat is from, as it was before.
    fn find(
        &self,
        turn: &mut PlannedTurn<'_>,
        id: &MemberId,
        request: &ConsumerGroupHeartbeatRequest,
    ) -> Result<Cow<'_, Member>, ApiError> {
        let joins = request.member_epoch == JOINING_EPOCH;
        let Some(instance) = request.instance_id.as_deref() else {
            let member = match self.members.get(id) {
                Some(member) => member,
                None if joins => return Ok(Cow::Owned(Member::new())),
                None => return Err(self.unknown_member(turn, id)),
            };
            check_epoch(member, request)?;
            return Ok(Cow::Borrowed(member));
        };
        let known = self.static_member(instance);
        if joins {
            let Some((old, member)) = known else {
                return Ok(self.members.get(id).map_or_else(|| Cow::Owned(Member::new()), Cow::Borrowed));
            };
            if !member.uses_classic_protocol() && member.epoch != AWAY_EPOCH {
                let why = format!(
                    "Static member {id} with instance id {instance} cannot join the group because the instance id is owned by {old} member."
                );
                return Err(ApiError::new(ErrorCode::UnreleasedInstanceId, why));
            }
            return Ok(Cow::Owned(self.replace_static(turn, old, member, id)));
        }
        let member = check_instance(known, id, instance)?;
        check_epoch(member, request)?;
        Ok(Cow::Borrowed(member))
    }

    pub(super) fn unknown_member(&self, turn: &PlannedTurn<'_>, id: &str) -> ApiError {
        let why = format!("Member {id} is not a member of group {}.", turn.group);
        ApiError::new(ErrorCode::UnknownMemberId, why)
    }

    /// A static member is back, under a new id: it takes over what it had.
    pub(super) fn replace_static(
        &self,
        turn: &mut PlannedTurn<'_>,
        old: &MemberId,
        member: &Member,
        id: &MemberId,
    ) -> Member {
        let replacing = Member { epoch: JOINING_EPOCH, previous_epoch: JOINING_EPOCH, ..member.clone() };
        let group = turn.group;
        turn.plan.records.extend(super::record::member_removed(group, old));
        turn.write(super::record::member(group, id, &replacing.about));
        turn.write(super::record::target(group, id, self.target_of(old)));
        turn.write(super::record::current(group, id, &replacing));
        if old != id {
            super::membership::cancel_timers(turn, old);
        }
        replacing
    }

    /// Takes over what a member says of itself, has the target made anew where that is due, and moves the member towards it:
    /// the member as it will be.
    pub(super) fn advance<'m>(
        &self,
        turn: &mut PlannedTurn<'_>,
        id: &MemberId,
        before: &'m Member,
        about: Option<Arc<About>>,
        owned: Option<Owned<'_>>,
    ) -> Result<Cow<'m, Member>, ApiError> {
        let subscribed = self.subscribe(turn, id, &before.about, about.as_ref())?;
        let after = match about {
            Some(about) => Cow::Owned(Member { about, ..before.clone() }),
            None => Cow::Borrowed(before),
        };
        let (target_epoch, target) = self.target_for(turn, id, &after, &subscribed);
        if !subscribed.has_changed && after.is_reconciled_to(target_epoch) {
            return Ok(after);
        }
        let reconciled = self.reconcile(turn, &after, (target_epoch, &target), &subscribed, owned)?;
        let Some(reconciled) = reconciled.filter(|reconciled| *reconciled != *after) else { return Ok(after) };
        turn.write(super::record::current(turn.group, id, &reconciled));
        if !reconciled.uses_classic_protocol() {
            if reconciled.state == MemberState::UnrevokedPartitions {
                turn.arm(TimerKind::Revocation(Arc::clone(id)), reconciled.about.rebalance_timeout_ms);
            } else if before.state == MemberState::UnrevokedPartitions {
                turn.cancel(TimerKind::Revocation(Arc::clone(id)));
            }
        }
        Ok(Cow::Owned(reconciled))
    }
}

impl About {
    /// What a heartbeat makes of it; none where it says nothing new.
    fn said(&self, beat: Beat<'_>) -> Option<Arc<Self>> {
        let request = beat.request;
        let is_new =
            |said: &Option<Str>, known: &Option<Arc<str>>| said.is_some() && said.as_deref() != known.as_deref();
        let is_new_regex = request
            .subscribed_topic_regex
            .as_deref()
            .is_some_and(|regex| regex != self.regex.as_deref().unwrap_or_default());
        let are_new_topics = request.subscribed_topic_names.as_deref().is_some_and(|names| !self.names(names));
        let is_new_timeout = ![-1, self.rebalance_timeout_ms].contains(&request.rebalance_timeout_ms);
        let is_changed = is_new(&request.instance_id, &self.instance_id)
            || is_new(&request.rack_id, &self.rack_id)
            || is_new(&request.server_assignor, &self.assignor)
            || is_new_regex
            || are_new_topics
            || is_new_timeout
            || *self.client_id != *beat.client_id
            || *self.client_host != *beat.client_host
            || self.classic.is_some();
        is_changed.then(|| Arc::new(self.updated(beat)))
    }

    fn names(&self, topics: &[Str]) -> bool {
        let are_known = topics.iter().all(|topic| self.topics.contains(&**topic));
        are_known
            && (topics.len() == self.topics.len() || topics.iter().collect::<BTreeSet<_>>().len() == self.topics.len())
    }

    fn updated(&self, beat: Beat<'_>) -> Self {
        let request = beat.request;
        let copy =
            |said: &Option<Str>, known: &Option<Arc<str>>| said.as_deref().map(Arc::from).or_else(|| known.clone());
        Self {
            instance_id: copy(&request.instance_id, &self.instance_id),
            rack_id: copy(&request.rack_id, &self.rack_id),
            client_id: beat.client_id.into(),
            client_host: beat.client_host.into(),
            topics: match &request.subscribed_topic_names {
                Some(names) => names.iter().map(|name| Arc::from(&**name)).collect(),
                None => self.topics.clone(),
            },
            regex: copy(&request.subscribed_topic_regex, &self.regex).filter(|regex| !regex.is_empty()),
            assignor: copy(&request.server_assignor, &self.assignor),
            rebalance_timeout_ms: match request.rebalance_timeout_ms {
                -1 => self.rebalance_timeout_ms,
                timeout_ms => timeout_ms,
            },
            classic: None,
        }
    }
}

pub(super) fn check_instance<'a>(
    known: Option<(&'a MemberId, &'a Member)>,
    id: &str,
    instance: &str,
) -> Result<&'a Member, ApiError> {
    match known {
        None => Err(ApiError::new(ErrorCode::UnknownMemberId, format!("Instance id {instance} is unknown."))),
        Some((of, _)) if **of != *id => {
            let why = format!("Static member {id} with instance id {instance} was fenced by member {of}.");
            Err(ApiError::new(ErrorCode::FencedInstanceId, why))
        }
        Some((_, member)) => Ok(member),
    }
}

/// A member may be one epoch behind where it can't have got the answer: it has nothing that is not its own.
fn check_epoch(member: &Member, request: &ConsumerGroupHeartbeatRequest) -> Result<(), ApiError> {
    let (said, known) = (request.member_epoch, member.epoch);
    if said == JOINING_EPOCH || said == known {
        return Ok(());
    }
    let is_behind = said < known && said == member.previous_epoch;
    if is_behind && request.topic_partitions.as_deref().is_some_and(|owned| is_part_of(owned, &member.assigned)) {
        return Ok(());
    }
    let differs = if said > known { "greater" } else { "smaller" };
    let why = format!(
        "The consumer group member has a {differs} member epoch ({said}) than the one known by the group coordinator ({known}). The member must abandon all its partitions and rejoin."
    );
    Err(ApiError::new(ErrorCode::FencedMemberEpoch, why))
}

fn is_part_of(owned: Owned<'_>, assigned: &Held) -> bool {
    owned.iter().all(|topic| {
        let of_topic = assigned.get(&topic.topic_id);
        topic.partitions.iter().all(|partition| of_topic.is_some_and(|held| held.contains_key(partition)))
    })
}

fn assignment(assigned: &Held) -> Assignment {
    let topic = |(topic, partitions): (&Uuid, &alloc::collections::BTreeMap<i32, i32>)| TopicPartitions {
        topic_id: *topic,
        partitions: partitions.keys().copied().collect(),
        ..Default::default()
    };
    Assignment { topic_partitions: assigned.iter().map(topic).collect::<Vec<_>>(), ..Default::default() }
}
