//! Sessions of members: heartbeats, leaving, and silence.

use alloc::sync::Arc;

use super::{ClassicGroup, ClassicState};
use crate::error_code::ErrorCode;
use crate::groups::effects::Turn;
use crate::groups::group::MemberId;
use crate::groups::timers::TimerKind;

impl ClassicGroup {
    /// A member is alive. The error tells it what to do.
    pub(crate) fn heartbeat(
        &mut self,
        turn: &mut Turn<'_>,
        member: &str,
        instance: Option<&str>,
        generation: i32,
    ) -> ErrorCode {
        if let Err(error) = self.check_member(member, instance) {
            return error;
        }
        if generation != self.generation {
            return ErrorCode::IllegalGeneration;
        }
        match self.state {
            ClassicState::Empty => ErrorCode::UnknownMemberId,
            ClassicState::PreparingRebalance => {
                self.renew_session(turn, member);
                ErrorCode::RebalanceInProgress
            }
            ClassicState::CompletingRebalance | ClassicState::Stable => {
                self.renew_session(turn, member);
                ErrorCode::None
            }
        }
    }

    /// A member goes, or is sent away: by its id, or where that is empty by its instance id. The rebalance that follows is
    /// [`ClassicGroup::after_leaving`]'s.
    pub(crate) fn leave(&mut self, turn: &mut Turn<'_>, member: &str, instance: Option<&str>) -> Result<(), ErrorCode> {
        let id: MemberId = if member.is_empty() {
            let known = instance.and_then(|instance| self.static_members.get(instance));
            Arc::clone(known.ok_or(ErrorCode::UnknownMemberId)?)
        } else if self.pending_members.contains(member) {
            member.into()
        } else {
            self.check_member(member, instance)?;
            member.into()
        };
        turn.cancel(TimerKind::Session(Arc::clone(&id)));
        self.send_away(turn, &id);
        Ok(())
    }

    /// Some members have left.
    pub(crate) fn after_leaving(&mut self, turn: &mut Turn<'_>) {
        match self.state {
            ClassicState::Stable | ClassicState::CompletingRebalance => self.prepare_rebalance(turn),
            ClassicState::PreparingRebalance => self.complete_if_all_joined(turn),
            ClassicState::Empty => {}
        }
    }

    /// The session of a member is over, unless it is waiting for us.
    pub(crate) fn session_timeout(&mut self, turn: &mut Turn<'_>, id: &MemberId) {
        let is_pending = self.pending_members.contains(id);
        if !is_pending && self.members.get(id).is_none_or(|member| member.is_waiting()) {
            return;
        }
        self.send_away(turn, id);
        match self.state {
            ClassicState::Stable | ClassicState::CompletingRebalance if !is_pending => self.prepare_rebalance(turn),
            ClassicState::PreparingRebalance if self.has_all_joined() => self.complete_join(turn),
            _ => {}
        }
    }

    /// Whoever still waits is told that it is unknown: then it joins anew, if it is there.
    fn send_away(&mut self, turn: &mut Turn<'_>, id: &str) {
        let Some(member) = self.remove(id) else { return };
        if let Some(caller) = member.awaiting_join {
            turn.refuse_join(caller, "", ErrorCode::UnknownMemberId);
        }
        if let Some(caller) = member.awaiting_sync {
            turn.refuse_sync(caller, ErrorCode::UnknownMemberId);
        }
    }

    /// The coordinator is no longer this group's: who waits has to look for the other one.
    pub(crate) fn give_up(&mut self, turn: &mut Turn<'_>) {
        self.refuse_waiting(turn, ErrorCode::NotCoordinator);
    }

    pub(super) fn refuse_waiting(&mut self, turn: &mut Turn<'_>, error: ErrorCode) {
        for (id, member) in &mut self.members {
            if let Some(caller) = member.awaiting_join.take() {
                turn.refuse_join(caller, id, error);
            }
            if let Some(caller) = member.awaiting_sync.take() {
                turn.refuse_sync(caller, error);
            }
        }
        self.awaiting_join = 0;
    }
}
