//! The second step of a rebalance: the leader sends what each member gets, and when that is committed, all are told.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;

use super::{ClassicGroup, ClassicState};
use crate::api::Caller;
use crate::error_code::ErrorCode;
use crate::groups::effects::{Then, Turn};
use crate::groups::group::MemberId;
use crate::groups::timers::TimerKind;
use crate::wire::messages::sync_group::SyncGroupResponse;
use crate::wire::{Slice, Str};

/// A request for an assignment, copied out of its frame.
#[derive(Clone, Debug)]
pub(crate) struct Sync {
    pub(crate) caller: Caller,
    pub(crate) member_id: MemberId,
    pub(crate) instance_id: Option<Str>,
    pub(crate) generation: i32,
    /// What the member takes for the group's; none is not checked.
    pub(crate) protocol_type: Option<Str>,
    /// What the member takes for the group's; none is not checked.
    pub(crate) protocol: Option<Str>,
    /// Of the leader: what each member gets.
    pub(crate) assignments: BTreeMap<MemberId, Bytes>,
}

impl ClassicGroup {
    /// A member asks for its assignment; the leader brings all of them.
    pub(crate) fn sync(&mut self, turn: &mut Turn<'_>, sync: Sync) {
        if let Err(error) = self.check_sync(&sync) {
            return turn.refuse_sync(sync.caller, error);
        }
        match self.state {
            ClassicState::Empty => turn.refuse_sync(sync.caller, ErrorCode::UnknownMemberId),
            ClassicState::PreparingRebalance => turn.refuse_sync(sync.caller, ErrorCode::RebalanceInProgress),
            ClassicState::CompletingRebalance => self.await_sync(turn, sync),
            ClassicState::Stable => {
                self.has_synced(turn, &sync.member_id);
                let response = self.synced(&sync.member_id);
                turn.answer_sync(sync.caller, response);
            }
        }
    }

    fn check_sync(&self, sync: &Sync) -> Result<(), ErrorCode> {
        self.check_member(&sync.member_id, sync.instance_id.as_deref())?;
        if sync.generation != self.generation {
            return Err(ErrorCode::IllegalGeneration);
        }
        let differs =
            |said: &Option<Str>, is: Option<&str>| matches!((said, is), (Some(said), Some(is)) if **said != *is);
        if differs(&sync.protocol_type, self.protocol_type()) || differs(&sync.protocol, self.protocol.as_deref()) {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        Ok(())
    }

    fn await_sync(&mut self, turn: &mut Turn<'_>, sync: Sync) {
        let member = self.members.get_mut(&sync.member_id).expect("it was checked");
        if let Some(earlier) = member.awaiting_sync.replace(sync.caller) {
            // It asked before, over a connection that it no longer looks at.
            turn.refuse_sync(earlier, ErrorCode::RebalanceInProgress);
        }
        self.has_synced(turn, &sync.member_id);
        if self.is_leader(&sync.member_id) {
            let mut assignments = sync.assignments;
            // Who is not mentioned gets nothing.
            assignments.retain(|id, _| self.members.contains_key(id));
            let record = self.to_record(turn.group, Some(&assignments));
            turn.write(record, Then::Assigned { generation: self.generation, assignments });
        }
    }

    fn has_synced(&mut self, turn: &mut Turn<'_>, id: &str) {
        if self.pending_sync.remove(id) && self.pending_sync.is_empty() {
            turn.cancel(TimerKind::Sync);
        }
    }

    /// The leader's assignments are committed. If the members have joined again meanwhile, they are of no use.
    pub(crate) fn assigned(&mut self, turn: &mut Turn<'_>, generation: i32, assignments: &BTreeMap<MemberId, Bytes>) {
        if self.state != ClassicState::CompletingRebalance || generation != self.generation {
            return;
        }
        for (id, member) in &mut self.members {
            member.assignment = assignments.get(id).cloned().unwrap_or_default();
        }
        self.transition(ClassicState::Stable, turn);
        for id in self.member_ids() {
            if let Some(caller) = self.take_syncing(&id) {
                turn.answer_sync(caller, self.synced(&id));
                self.renew_session(turn, &id);
            }
        }
    }

    /// The leader's assignments could not be written: the members have to join again.
    pub(crate) fn not_assigned(&mut self, turn: &mut Turn<'_>, generation: i32, error: ErrorCode) {
        if self.state == ClassicState::CompletingRebalance && generation == self.generation {
            self.drop_assignments(turn, error);
            self.prepare_or_complete(turn);
        }
    }

    /// Nobody has an assignment any more, and who waits for one is told why.
    pub(super) fn drop_assignments(&mut self, turn: &mut Turn<'_>, error: ErrorCode) {
        for id in self.member_ids() {
            if let Some(member) = self.members.get_mut(&id) {
                member.assignment = Bytes::new();
            }
            if let Some(caller) = self.take_syncing(&id) {
                turn.refuse_sync(caller, error);
                self.renew_session(turn, &id);
            }
        }
    }

    /// Members have joined and not asked for their assignment in time.
    pub(crate) fn sync_timeout(&mut self, turn: &mut Turn<'_>) {
        let is_waiting = matches!(self.state, ClassicState::CompletingRebalance | ClassicState::Stable);
        if !is_waiting || self.pending_sync.is_empty() {
            return;
        }
        for id in core::mem::take(&mut self.pending_sync) {
            self.remove(&id);
            turn.cancel(TimerKind::Session(id));
        }
        self.prepare_rebalance(turn);
    }

    fn synced(&self, id: &str) -> SyncGroupResponse {
        SyncGroupResponse {
            protocol_type: self.protocol_type().map(Str::from),
            protocol_name: self.protocol.as_deref().map(Str::from),
            assignment: Slice::from(self.members.get(id).map(|member| member.assignment.clone()).unwrap_or_default()),
            ..Default::default()
        }
    }

    fn take_syncing(&mut self, id: &str) -> Option<Caller> {
        self.members.get_mut(id)?.awaiting_sync.take()
    }

    fn member_ids(&self) -> Vec<MemberId> {
        self.members.keys().map(Arc::clone).collect()
    }
}
