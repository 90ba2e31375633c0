//! The whole life of a member in one call: it joins, says what it reads, learns where to look, and leaves.

use alloc::borrow::Cow;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::sync::Arc;

use super::member::{About, Member};
use super::{JOINING_EPOCH, LEAVING_EPOCH, Partitions, ShareGroup, record};
use crate::api::ApiError;
use crate::error_code::ErrorCode;
use crate::groups::group::{GroupKind, MemberId};
use crate::groups::planned::PlannedTurn;
use crate::groups::timers::TimerKind;
use crate::wire::messages::share_group_heartbeat::{
    Assignment, ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse, TopicPartitions,
};
use crate::wire::{Str, Uuid};

/// A heartbeat, and who sent it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShareBeat<'a> {
    pub(crate) request: &'a ShareGroupHeartbeatRequest,
    pub(crate) client_id: &'a str,
    /// The address, as Java writes it.
    pub(crate) client_host: &'a str,
}

/// Takes a heartbeat for a group, which may be of another kind or not be there at all.
///
/// # Errors
/// As Kafka has them; nothing changes then.
pub(crate) fn share_beat(
    turn: &mut PlannedTurn<'_>,
    known: Option<&GroupKind>,
    beat: ShareBeat<'_>,
) -> Result<ShareGroupHeartbeatResponse, ApiError> {
    let request = beat.request;
    let why = match known {
        Some(GroupKind::Share(group)) if request.member_epoch == LEAVING_EPOCH => return group.leave(turn, request),
        Some(GroupKind::Share(group)) => return group.heartbeat(turn, beat),
        Some(_) => format!("Group {} is not a share group.", turn.group),
        None if request.member_epoch == JOINING_EPOCH => return ShareGroup::new().heartbeat(turn, beat),
        None if request.member_epoch == LEAVING_EPOCH => format!("Group {} not found.", turn.group),
        None => format!("Share group {} not found.", turn.group),
    };
    Err(ApiError::new(ErrorCode::GroupIdNotFound, why))
}

impl ShareGroup {
    fn heartbeat(
        &self,
        turn: &mut PlannedTurn<'_>,
        beat: ShareBeat<'_>,
    ) -> Result<ShareGroupHeartbeatResponse, ApiError> {
        let request = beat.request;
        self.check_room(turn, &request.member_id)?;
        let (id, before) = self.find(turn, request)?;
        let about = before.about.said(beat);
        let subscribed = self.subscribe(turn, &id, &before.about, about.as_ref());
        let mut after = Cow::Borrowed(&*before);
        if let Some(about) = about {
            after.to_mut().about = about;
        }
        let (target_epoch, target) = self.target_for(turn, &id, &after.about, subscribed.epoch);
        if after.epoch != target_epoch || subscribed.is_bumped {
            self.advance(turn, &id, &mut after, (target_epoch, &target));
        }
        turn.arm(TimerKind::Session(Arc::clone(&id)), turn.config.share_session_timeout_ms());
        if subscribed.is_stale || subscribed.is_bumped || self.is_state_awaited() {
            self.keep_state_of(turn, subscribed.readers.keys(), subscribed.epoch);
        }
        // Whatever has changed may lead to more: the next heartbeat looks at it.
        turn.plan.has_seen_topics = turn.plan.records.is_empty();
        // A member that says everything may not have got the last answer.
        let is_full = request.subscribed_topic_names.is_some();
        let is_told = request.member_epoch == JOINING_EPOCH || is_full || before.assigned != after.assigned;
        Ok(ShareGroupHeartbeatResponse {
            member_id: Some(Str::from(&*id)),
            member_epoch: after.epoch,
            heartbeat_interval_ms: turn.config.share_heartbeat_interval_ms(),
            assignment: is_told.then(|| assignment(&after.assigned)),
            ..Default::default()
        })
    }

    fn check_room(&self, turn: &PlannedTurn<'_>, member: &str) -> Result<(), ApiError> {
        let members_max = turn.settings.sharers_per_group;
        if self.members.len() < members_max || self.members.contains_key(member) {
            return Ok(());
        }
        let why = format!("The share group has reached its maximum capacity of {members_max} members.");
        Err(ApiError::new(ErrorCode::GroupMaxSizeReached, why))
    }

    /// The member that a heartbeat is from, as it was before.
    fn find(
        &self,
        turn: &PlannedTurn<'_>,
        request: &ShareGroupHeartbeatRequest,
    ) -> Result<(MemberId, Cow<'_, Member>), ApiError> {
        let id = &*request.member_id;
        match self.members.get_key_value(id) {
            Some((id, member)) => {
                check_epoch(member, request.member_epoch)?;
                Ok((Arc::clone(id), Cow::Borrowed(member)))
            }
            None if request.member_epoch == JOINING_EPOCH => Ok((id.into(), Cow::Owned(Member::new()))),
            None => Err(self.unknown_member(turn, id)),
        }
    }

    pub(super) fn unknown_member(&self, turn: &PlannedTurn<'_>, id: &str) -> ApiError {
        let why = format!("Member {id} is not a member of group {}.", turn.group);
        ApiError::new(ErrorCode::UnknownMemberId, why)
    }

    /// Moves a member to what it shall have. What it reads no more it shall not have, whatever the target says.
    fn advance(
        &self,
        turn: &mut PlannedTurn<'_>,
        id: &MemberId,
        member: &mut Cow<'_, Member>,
        (target_epoch, target): (i32, &Partitions),
    ) {
        let topics = member.about.topic_ids(turn.image);
        let wanted = target.iter().filter(|(topic, _)| topics.contains(topic));
        let assigned: Partitions = wanted.map(|(topic, partitions)| (*topic, partitions.clone())).collect();
        if member.epoch == target_epoch && member.assigned == assigned {
            return;
        }
        let member = member.to_mut();
        member.assigned = assigned;
        if member.epoch != target_epoch {
            member.previous_epoch = member.epoch;
            member.epoch = target_epoch;
        }
        turn.write(record::current(turn.group, id, member));
    }
}

impl About {
    /// What a heartbeat makes of it; none where it says nothing new. Most say nothing new: then nothing is copied.
    fn said(&self, beat: ShareBeat<'_>) -> Option<Arc<Self>> {
        let request = beat.request;
        let is_new_rack = request.rack_id.is_some() && request.rack_id.as_deref() != self.rack_id.as_deref();
        let are_new_topics = request.subscribed_topic_names.as_deref().is_some_and(|names| !self.names(names));
        let is_changed = is_new_rack
            || are_new_topics
            || *self.client_id != *beat.client_id
            || *self.client_host != *beat.client_host;
        is_changed.then(|| {
            Arc::new(Self {
                rack_id: request.rack_id.as_deref().map(Arc::from).or_else(|| self.rack_id.clone()),
                client_id: beat.client_id.into(),
                client_host: beat.client_host.into(),
                topics: match &request.subscribed_topic_names {
                    Some(names) => names.iter().map(|name| Arc::from(&**name)).collect(),
                    None => self.topics.clone(),
                },
            })
        })
    }

    fn names(&self, topics: &[Str]) -> bool {
        let are_known = topics.iter().all(|topic| self.topics.contains(&**topic));
        are_known
            && (topics.len() == self.topics.len() || topics.iter().collect::<BTreeSet<_>>().len() == self.topics.len())
    }
}

/// A member may be one epoch behind: it can't have got the answer.
fn check_epoch(member: &Member, said: i32) -> Result<(), ApiError> {
    let known = member.epoch;
    let why = if said == JOINING_EPOCH || said == known || (said < known && said == member.previous_epoch) {
        return Ok(());
    } else if said > known {
        format!(
            "The share group member has a greater member epoch ({said}) than the one known by the group coordinator ({known}). The member must abandon all its partitions and rejoin."
        )
    } else {
        format!(
            "The share group member has a smaller member epoch ({said}) than the one known by the group coordinator ({known}), and it does not match the previous member epoch ({}). The member must abandon all its partitions and rejoin.",
            member.previous_epoch
        )
    };
    Err(ApiError::new(ErrorCode::FencedMemberEpoch, why))
}

fn assignment(assigned: &Partitions) -> Assignment {
    let topic = |(topic, partitions): (&Uuid, &BTreeSet<i32>)| TopicPartitions {
        topic_id: *topic,
        partitions: partitions.iter().copied().collect(),
        ..Default::default()
    };
    Assignment { topic_partitions: assigned.iter().map(topic).collect(), ..Default::default() }
}
