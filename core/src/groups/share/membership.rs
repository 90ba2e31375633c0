//! Members go, or are taken out because they are silent.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{Member, ShareGroup, record};
use crate::api::ApiError;
use crate::groups::group::{GroupId, MemberId};
use crate::groups::planned::PlannedTurn;
use crate::groups::timers::TimerKind;
use crate::wire::messages::share_group_heartbeat::{ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse};
use crate::wire::{CoordinatorRecord, Str};

impl ShareGroup {
    /// A member leaves.
    pub(super) fn leave(
        &self,
        turn: &mut PlannedTurn<'_>,
        request: &ShareGroupHeartbeatRequest,
    ) -> Result<ShareGroupHeartbeatResponse, ApiError> {
        let id = &*request.member_id;
        let (known, member) = self.members.get_key_value(id).ok_or_else(|| self.unknown_member(turn, id))?;
        self.take_out(turn, known, member);
        Ok(ShareGroupHeartbeatResponse {
            member_id: Some(Str::from(id)),
            member_epoch: request.member_epoch,
            ..Default::default()
        })
    }

    fn take_out(&self, turn: &mut PlannedTurn<'_>, id: &MemberId, member: &Member) {
        turn.plan.records.extend(record::member_removed(turn.group, id));
        let hash = self.metadata_hash_without(turn.image, &member.about);
        turn.write(record::group(turn.group, self.epoch + 1, hash));
        turn.cancel(TimerKind::Session(Arc::clone(id)));
    }

    /// A member's time is over.
    pub(crate) fn timeout(&self, turn: &mut PlannedTurn<'_>, kind: &TimerKind) {
        if let TimerKind::Session(id) = kind
            && let Some(member) = self.members.get(id)
        {
            self.take_out(turn, id, member);
        }
    }

    /// The group was loaded: its members have to show that they are there.
    pub(crate) fn loaded(&self, turn: &mut PlannedTurn<'_>) {
        for id in self.members.keys() {
            turn.arm(TimerKind::Session(Arc::clone(id)), turn.config.share_session_timeout_ms());
        }
    }

    /// The group goes, and its records: whatever is left of members goes before it.
    pub(crate) fn removal(&self, group: &GroupId) -> Vec<CoordinatorRecord> {
        record::group_removed(group, self.members.keys())
    }
}
