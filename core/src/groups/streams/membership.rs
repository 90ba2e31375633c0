//! Members go, or are taken out: because they leave, are silent, or do not give up in time what others shall have.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{Member, MemberState, StreamsGroup, record};
use crate::api::ApiError;
use crate::error_code::ErrorCode;
use crate::groups::group::{GroupId, MemberId};
use crate::groups::planned::PlannedTurn;
use crate::groups::timers::TimerKind;
use crate::wire::CoordinatorRecord;
use crate::wire::messages::streams_group_heartbeat::{StreamsGroupHeartbeatRequest, StreamsGroupHeartbeatResponse};

impl StreamsGroup {
    /// A member leaves, and may want all others to end.
    pub(super) fn leave(
        &self,
        turn: &mut PlannedTurn<'_>,
        request: &StreamsGroupHeartbeatRequest,
    ) -> Result<StreamsGroupHeartbeatResponse, ApiError> {
        let id = &*request.member_id;
        let (known, _) = self.members.get_key_value(id).ok_or_else(|| self.unknown_member(turn, id))?;
        if request.shutdown_application {
            turn.plan.streams.shutdown_requested_by = Some(Arc::clone(known));
        }
        self.take_out(turn, known);
        Ok(StreamsGroupHeartbeatResponse {
            member_id: request.member_id.clone(),
            member_epoch: request.member_epoch,
            status: Some(Vec::new()),
            ..Default::default()
        })
    }

    /// A time of the group is over.
    pub(crate) fn timeout(&self, turn: &mut PlannedTurn<'_>, kind: &TimerKind) {
        match kind {
            TimerKind::InitialRebalance => self.assign_delayed(turn),
            TimerKind::Session(id) if self.members.contains_key(id) => self.take_out(turn, id),
            TimerKind::Revocation(id) if self.members.get(id).is_some_and(is_revoking) => self.take_out(turn, id),
            _ => {}
        }
    }

    /// The group was loaded: its members have to show that they are there.
    pub(crate) fn loaded(&self, turn: &mut PlannedTurn<'_>) {
        for (id, member) in &self.members {
            turn.arm(TimerKind::Session(Arc::clone(id)), turn.config.streams_session_timeout_ms());
            if is_revoking(member) {
                turn.arm(TimerKind::Revocation(Arc::clone(id)), member.about.rebalance_timeout_ms);
            }
        }
    }

    /// The group goes, and its records.
    pub(crate) fn removal(&self, group: &GroupId) -> Vec<CoordinatorRecord> {
        record::group_removed(group, self.members.keys())
    }

    pub(super) fn unknown_member(&self, turn: &PlannedTurn<'_>, id: &str) -> ApiError {
        let why = format!("Member {id} is not a member of group {}.", turn.group);
        ApiError::new(ErrorCode::UnknownMemberId, why)
    }

    fn take_out(&self, turn: &mut PlannedTurn<'_>, id: &MemberId) {
        turn.plan.records.extend(record::member_removed(turn.group, id));
        turn.write(record::group(
            turn.group,
            self.epoch + 1,
            self.metadata_hash,
            self.validated_topology_epoch,
            &self.assignment_configs,
        ));
        turn.cancel(TimerKind::Session(Arc::clone(id)));
        turn.cancel(TimerKind::Revocation(Arc::clone(id)));
    }
}

fn is_revoking(member: &Member) -> bool {
    member.state == MemberState::UnrevokedTasks
}
