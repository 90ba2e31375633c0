//! Members go, or are taken out: because they leave, are silent, or do not give up in time what others shall have.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;

use super::heartbeat::check_instance;
use super::{AWAY_EPOCH, ConsumerGroup, Held, Member, MemberState, record};
use crate::api::ApiError;
use crate::groups::group::{GroupId, MemberId};
use crate::groups::planned::PlannedTurn;
use crate::groups::timers::TimerKind;
use crate::wire::Str;
use crate::wire::messages::consumer_group_heartbeat::{ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse};

impl ConsumerGroup {
    /// A member leaves; a static one perhaps only for a while.
    pub(super) fn leave(
        &self,
        turn: &mut PlannedTurn<'_>,
        request: &ConsumerGroupHeartbeatRequest,
    ) -> Result<ConsumerGroupHeartbeatResponse, ApiError> {
        let id = &*request.member_id;
        let member = match request.instance_id.as_deref() {
            Some(instance) => check_instance(self.static_member(instance), id, instance)?,
            None => self.members.get(id).ok_or_else(|| self.unknown_member(turn, id))?,
        };
        if request.member_epoch == AWAY_EPOCH {
            self.go_away(turn, id, member);
        } else {
            self.take_out(turn, &BTreeSet::from([Arc::from(id)]));
        }
        Ok(ConsumerGroupHeartbeatResponse {
            member_id: Some(Str::from(id)),
            member_epoch: request.member_epoch,
            ..Default::default()
        })
    }

    /// A static member keeps its place until its session is over. Since when it has its partitions does not count any more: it comes
    /// back as another member.
    fn go_away(&self, turn: &mut PlannedTurn<'_>, id: &str, member: &Member) {
        let mut away = Member { epoch: AWAY_EPOCH, revoking: Held::new(), ..member.clone() };
        away.assigned.values_mut().flat_map(|partitions| partitions.values_mut()).for_each(|since| *since = 0);
        turn.write(record::current(turn.group, id, &away));
        turn.cancel(TimerKind::Revocation(id.into()));
    }

    /// Takes members out. Where only members of the classic protocol are left, the group becomes a classic one.
    pub(crate) fn take_out(&self, turn: &mut PlannedTurn<'_>, gone: &BTreeSet<MemberId>) {
        if gone.is_empty() {
            return;
        }
        if self.is_downgraded_without(turn, gone) {
            return self.downgrade_without(turn, gone);
        }
        for id in gone {
            turn.plan.records.extend(record::member_removed(turn.group, id));
            cancel_timers(turn, id);
        }
        let (hash, dropped) = self.without(turn.image, gone);
        for regex in dropped {
            turn.write(record::regex_removed(turn.group, &regex));
        }
        turn.write(record::group(turn.group, self.epoch + 1, hash));
    }

    /// A member's time is over.
    pub(crate) fn timeout(&self, turn: &mut PlannedTurn<'_>, kind: &TimerKind) {
        let (TimerKind::Session(id) | TimerKind::Revocation(id) | TimerKind::Rejoin(id) | TimerKind::Resync(id)) = kind
        else {
            return;
        };
        let Some(member) = self.members.get(id) else { return };
        let has_revoked = member.state != MemberState::UnrevokedPartitions || member.epoch == AWAY_EPOCH;
        if !(matches!(kind, TimerKind::Revocation(_)) && has_revoked) {
            self.take_out(turn, &BTreeSet::from([Arc::clone(id)]));
        }
    }

    /// The group was loaded: its members have to show that they are there.
    pub(crate) fn loaded(&self, turn: &mut PlannedTurn<'_>) {
        for (id, member) in &self.members {
            let session_timeout_ms = match &member.about.classic {
                Some(classic) => classic.session_timeout_ms,
                None => turn.config.session_timeout_ms(),
            };
            turn.arm(TimerKind::Session(Arc::clone(id)), session_timeout_ms);
            let is_revoking = member.state == MemberState::UnrevokedPartitions && member.epoch != AWAY_EPOCH;
            if is_revoking && !member.uses_classic_protocol() {
                turn.arm(TimerKind::Revocation(Arc::clone(id)), member.about.rebalance_timeout_ms);
            }
        }
    }

    /// The group goes, and its records: whatever is left of members goes before it.
    pub(crate) fn removal(&self, group: &GroupId) -> alloc::vec::Vec<crate::wire::CoordinatorRecord> {
        record::group_removed(group, self.members.keys(), self.regexes.keys())
    }
}

pub(super) fn cancel_timers(turn: &mut PlannedTurn<'_>, id: &MemberId) {
    for kind in [TimerKind::Session, TimerKind::Revocation, TimerKind::Rejoin, TimerKind::Resync] {
        turn.cancel(kind(Arc::clone(id)));
    }
}
