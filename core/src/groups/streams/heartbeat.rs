//! The whole life of a member in one call: it joins, says what it runs and has, learns what it may have, and leaves.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::configure::{Configured, Obstacle};
use super::member::About;
use super::target::AssignedBy;
use super::tasks::{Owned, SubtopologyId, TaskSet};
use super::{AWAY_EPOCH, JOINING_EPOCH, LEAVING_EPOCH, Member, MemberState, SoftChange, StreamsGroup, record};
use crate::api::ApiError;
use crate::error_code::ErrorCode;
use crate::groups::group::{GroupKind, GroupType, MemberId};
use crate::groups::planned::PlannedTurn;
use crate::groups::records;
use crate::groups::timers::TimerKind;
use crate::wire::Str;
use crate::wire::messages::streams_group_heartbeat::{
    Status, StreamsGroupHeartbeatRequest, StreamsGroupHeartbeatResponse, TaskIds,
};

/// A heartbeat, and who sent it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StreamsBeat<'a> {
    pub(crate) request: &'a StreamsGroupHeartbeatRequest,
    pub(crate) client_id: &'a str,
    /// The address, as Java writes it.
    pub(crate) client_host: &'a str,
}

/// What comes of a heartbeat.
#[derive(Debug)]
pub(crate) struct Beaten {
    pub(crate) response: StreamsGroupHeartbeatResponse,
    /// Its internal topics that are missing are to be made.
    pub(crate) configured: Option<Arc<Configured>>,
}

/// Takes a heartbeat for a group, which may be of another kind or not be there at all.
///
/// # Errors
/// As Kafka has them; nothing changes then.
pub(crate) fn beat(
    turn: &mut PlannedTurn<'_>,
    known: Option<&GroupKind>,
    beat: StreamsBeat<'_>,
) -> Result<Beaten, ApiError> {
    let request = beat.request;
    if matches!(request.member_epoch, LEAVING_EPOCH | AWAY_EPOCH) {
        let response = leaving(turn, known)?.leave(turn, request)?;
        return Ok(Beaten { response, configured: None });
    }
    match known {
        Some(GroupKind::Streams(group)) => group.heartbeat(turn, beat, true),
        None if request.member_epoch == JOINING_EPOCH => StreamsGroup::new().heartbeat(turn, beat, false),
        Some(GroupKind::Classic(classic)) if request.member_epoch == JOINING_EPOCH && classic.is_empty() => {
            turn.plan.records.extend(records::removed(turn.group, GroupType::Classic));
            turn.plan.upgrades = true;
            StreamsGroup::new().heartbeat(turn, beat, false)
        }
        Some(_) => Err(not_found(format!("Group {} is not a streams group.", turn.group))),
        None => Err(not_found(format!("Streams group {} not found.", turn.group))),
    }
}

fn leaving<'a>(turn: &PlannedTurn<'_>, known: Option<&'a GroupKind>) -> Result<&'a StreamsGroup, ApiError> {
    match known {
        Some(GroupKind::Streams(group)) => Ok(group),
        Some(_) => Err(not_found(format!("Group {} is not a streams group.", turn.group))),
        None => Err(not_found(format!("Group {} not found.", turn.group))),
    }
}

fn not_found(why: String) -> ApiError {
    ApiError::new(ErrorCode::GroupIdNotFound, why)
}

impl StreamsGroup {
    /// A member joins or stays. As in Kafka nothing is kept of a group that is new but what its records say, and that it waits.
    fn heartbeat(&self, turn: &mut PlannedTurn<'_>, beat: StreamsBeat<'_>, is_known: bool) -> Result<Beaten, ApiError> {
        let request = beat.request;
        let owned = Owned::of(request);
        if request.member_epoch == JOINING_EPOCH {
            self.check_room(turn)?;
        }
        let (id, before) = self.find(turn, request, owned)?;
        let about = before.about.said(beat)?;
        let mut statuses = Vec::new();
        let changed = self.change(turn, (&id, &before, about.as_ref()), (request, owned), &mut statuses)?;
        let is_delayed = self.delay(turn);
        let after = match about {
            Some(about) => Member { about, ..before.clone() },
            None => before.clone(),
        };
        let after = self.advance(turn, &id, after, owned, changed.assigned_by(is_delayed), &mut statuses)?;
        turn.arm(TimerKind::Session(Arc::clone(&id)), turn.config.streams_session_timeout_ms());
        if request.shutdown_application {
            turn.plan.streams.shutdown_requested_by = Some(Arc::clone(&id));
        }
        self.tell_obstacles(turn, &changed.configured, &mut statuses);
        let mut response = self.answer(turn, (request, owned), (&id, &before, &after), &changed.configured);
        response.status = Some(statuses);
        if !is_known {
            response.endpoint_information_epoch = 0;
            turn.plan.streams = SoftChange { is_delayed: turn.plan.streams.is_delayed, ..SoftChange::default() };
        }
        Ok(Beaten { response, configured: Some(changed.configured) })
    }

    fn check_room(&self, turn: &PlannedTurn<'_>) -> Result<(), ApiError> {
        let members_max = turn.settings.streams_per_group;
        if self.members.len() < members_max {
            return Ok(());
        }
        let why = format!("The streams group has reached its maximum capacity of {members_max} members.");
        Err(ApiError::new(ErrorCode::GroupMaxSizeReached, why))
    }

    /// The member that a heartbeat is from, as it was before.
    fn find(
        &self,
        turn: &PlannedTurn<'_>,
        request: &StreamsGroupHeartbeatRequest,
        owned: Option<Owned<'_>>,
    ) -> Result<(MemberId, Member), ApiError> {
        let id = &*request.member_id;
        let Some((id, member)) = self.members.get_key_value(id) else {
            return match request.member_epoch {
                JOINING_EPOCH => Ok((id.into(), Member::new())),
                _ => Err(self.unknown_member(turn, id)),
            };
        };
        check_epoch(member, request.member_epoch, owned)?;
        Ok((Arc::clone(id), member.clone()))
    }

    /// A group that has no members waits for more once the first is there. Whether it waits.
    fn delay(&self, turn: &mut PlannedTurn<'_>) -> bool {
        let delay_ms = turn.config.streams_initial_rebalance_delay_ms();
        if self.is_empty() && !self.soft.is_delayed && delay_ms > 0 {
            turn.arm(TimerKind::InitialRebalance, delay_ms);
            turn.plan.streams.is_delayed = Some(true);
            return true;
        }
        self.soft.is_delayed
    }

    /// Has the target made anew where that is due, and moves the member towards it: the member as it will be.
    fn advance(
        &self,
        turn: &mut PlannedTurn<'_>,
        id: &MemberId,
        member: Member,
        owned: Option<Owned<'_>>,
        by: AssignedBy<'_>,
        statuses: &mut Vec<Status>,
    ) -> Result<Member, ApiError> {
        let (target_epoch, target) = self.target_for(turn, (id, &member.about), by, statuses)?;
        let reconciled = self.reconcile(&member, (target_epoch, &target), owned)?;
        let Some(reconciled) = reconciled.filter(|reconciled| *reconciled != member) else { return Ok(member) };
        turn.write(record::current(turn.group, id, &reconciled));
        let revocation = TimerKind::Revocation(Arc::clone(id));
        if reconciled.state == MemberState::UnrevokedTasks {
            turn.arm(revocation, reconciled.about.rebalance_timeout_ms);
        } else {
            turn.cancel(revocation);
        }
        Ok(reconciled)
    }

    /// What stands in the group's way.
    fn tell_obstacles(&self, turn: &PlannedTurn<'_>, configured: &Configured, statuses: &mut Vec<Status>) {
        if let Some(fault) = &configured.fault {
            statuses.push(fault.obstacle.told(fault.detail.clone()));
        }
        let first = self.soft.shutdown_requested_by.as_ref().or(turn.plan.streams.shutdown_requested_by.as_ref());
        if let Some(id) = first {
            let why = format!(
                "Streams group member {id} encountered a fatal error and requested a shutdown for the entire application."
            );
            statuses.push(Obstacle::ShutdownApplication.told(why));
        }
    }

    fn answer(
        &self,
        turn: &mut PlannedTurn<'_>,
        (request, owned): (&StreamsGroupHeartbeatRequest, Option<Owned<'_>>),
        (id, before, after): (&MemberId, &Member, &Member),
        configured: &Configured,
    ) -> StreamsGroupHeartbeatResponse {
        let mut response = StreamsGroupHeartbeatResponse {
            member_id: Str::from(&**id),
            member_epoch: after.epoch,
            heartbeat_interval_ms: turn.config.streams_heartbeat_interval_ms(),
            endpoint_information_epoch: self.soft.endpoint_epoch,
            ..Default::default()
        };
        let has_changed = request.member_epoch == JOINING_EPOCH || before.assigned != after.assigned;
        // A member says what it has when that has changed, and when it may not have got the last answer. Where it is not what it
        // shall have, it has not: Kafka 4.3 lets it wait for its next change.
        if has_changed || owned.is_some_and(|owned| !owned.is_just(&after.assigned)) {
            let active = after.assigned.active.iter().map(|(id, tasks)| (id, tasks.keys().copied().collect()));
            response.active_tasks = Some(active.map(|(id, partitions)| task_ids(id, partitions)).collect());
            response.standby_tasks = Some(told(&after.assigned.standby));
            response.warmup_tasks = Some(told(&after.assigned.warmup));
            if has_changed && after.about.user_endpoint.is_some() {
                response.endpoint_information_epoch += 1;
                turn.plan.streams.endpoint_epoch = Some(response.endpoint_information_epoch);
            }
        }
        if response.endpoint_information_epoch != request.endpoint_information_epoch {
            response.partitions_by_user_endpoint = Some(self.endpoints((id, after), configured, turn.image));
        }
        response
    }
}

impl About {
    /// What a heartbeat makes of it; none where it says nothing new.
    ///
    /// # Errors
    /// Where a tag is there twice.
    fn said(&self, beat: StreamsBeat<'_>) -> Result<Option<Arc<Self>>, ApiError> {
        let request = beat.request;
        let mut after = self.clone();
        let copy = |said: &Option<Str>, known: &mut Option<Arc<str>>| {
            if let Some(said) = said.as_deref().filter(|said| known.as_deref() != Some(*said)) {
                *known = Some(said.into());
            }
        };
        copy(&request.rack_id, &mut after.rack_id);
        if *after.client_id != *beat.client_id {
            after.client_id = beat.client_id.into();
        }
        if *after.client_host != *beat.client_host {
            after.client_host = beat.client_host.into();
        }
        if request.rebalance_timeout_ms != -1 {
            after.rebalance_timeout_ms = request.rebalance_timeout_ms;
        }
        if let Some(topology) = &request.topology {
            after.topology_epoch = topology.epoch;
        }
        if let Some(process) = request.process_id.as_deref().filter(|process| **process != *after.process_id) {
            after.process_id = process.into();
        }
        if let Some(endpoint) = &request.user_endpoint {
            after.user_endpoint = Some((Arc::from(&*endpoint.host), endpoint.port));
        }
        if let Some(tags) = &request.client_tags {
            after.client_tags = tags.iter().map(|tag| (Arc::from(&*tag.key), Arc::from(&*tag.value))).collect();
            if after.client_tags.len() < tags.len() {
                return Err(ApiError::bare(ErrorCode::UnknownServerError));
            }
        }
        Ok((after != *self).then(|| Arc::new(after)))
    }
}

/// A member may be one epoch behind where it can't have got the answer: it has nothing that is not its own.
fn check_epoch(member: &Member, said: i32, owned: Option<Owned<'_>>) -> Result<(), ApiError> {
    let known = member.epoch;
    if said == JOINING_EPOCH || said == known {
        return Ok(());
    }
    let is_behind = said < known && said == member.previous_epoch;
    if is_behind && owned.is_some_and(|owned| owned.is_part_of(&member.assigned)) {
        return Ok(());
    }
    let differs = if said > known { "greater" } else { "smaller" };
    let why = format!(
        "The streams group member has a {differs} member epoch ({said}) than the one known by the group coordinator ({known}). The member must abandon all its partitions and rejoin."
    );
    Err(ApiError::new(ErrorCode::FencedMemberEpoch, why))
}

fn told(tasks: &TaskSet) -> Vec<TaskIds> {
    tasks.iter().map(|(id, partitions)| task_ids(id, partitions.iter().copied().collect())).collect()
}

fn task_ids(id: &SubtopologyId, partitions: Vec<i32>) -> TaskIds {
    TaskIds { subtopology_id: Str::from(&**id), partitions, ..Default::default() }
}
