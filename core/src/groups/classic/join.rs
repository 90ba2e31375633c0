//! The first step of a rebalance: members join, and when all are there, or it has taken too long, a generation begins.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;

use super::{ClassicGroup, ClassicState, InitialDelay, Member, Protocol};
use crate::api::Caller;
use crate::error_code::ErrorCode;
use crate::groups::effects::{Then, Turn};
use crate::groups::group::MemberId;
use crate::groups::timers::TimerKind;
use crate::wire::messages::join_group::{JoinGroupResponse, JoinGroupResponseMember};
use crate::wire::{Slice, Str};

/// A member that does not come back with the id that it was given for so long is taken for gone. Its client can't send
/// heartbeats yet, and that its connection has closed says nothing.
const NEW_MEMBER_TIMEOUT_MS: i32 = 5 * 60 * 1000;

/// A rebalance that nobody has joined is looked at again after this, or later: members may say that they have no time at all.
const POSTPONED_MIN_MS: i32 = 1_000;

/// A request to join, copied out of its frame.
#[derive(Clone, Debug)]
pub(crate) struct Join {
    pub(crate) caller: Caller,
    pub(crate) client_id: Arc<str>,
    pub(crate) client_host: Arc<str>,
    pub(crate) session_timeout_ms: i32,
    pub(crate) rebalance_timeout_ms: i32,
    /// Empty at first.
    pub(crate) member_id: MemberId,
    pub(crate) instance_id: Option<Arc<str>>,
    pub(crate) protocol_type: Arc<str>,
    pub(crate) protocols: Vec<Protocol>,
    /// The id of a member that has none yet ends with this.
    pub(crate) unique: Arc<str>,
}

impl Join {
    /// Since version 4 a member without an id gets one and has to come again, so that one that does not read its answer leaves
    /// nothing behind (KIP-394).
    fn requires_id(&self) -> bool {
        self.caller.version >= 4
    }

    /// Whether the leader understands that there is nothing to assign (KIP-814).
    fn is_skipping_known(&self) -> bool {
        self.caller.version >= 9
    }

    fn to_member(&self) -> Member {
        Member {
            instance_id: self.instance_id.clone(),
            client_id: Arc::clone(&self.client_id),
            client_host: Arc::clone(&self.client_host),
            rebalance_timeout_ms: self.rebalance_timeout_ms,
            session_timeout_ms: self.session_timeout_ms,
            protocol_type: Arc::clone(&self.protocol_type),
            protocols: self.protocols.clone(),
            assignment: Bytes::new(),
            awaiting_join: Some(self.caller),
            awaiting_sync: None,
            is_new: true,
        }
    }
}

impl ClassicGroup {
    /// A member wants to join, for the first time or again.
    pub(crate) fn join(&mut self, turn: &mut Turn<'_>, join: Join) {
        if !self.has_room_for(&join.member_id, turn.settings.members_per_group) {
            self.remove(&join.member_id);
            turn.cancel(TimerKind::Session(Arc::clone(&join.member_id)));
            return turn.refuse_join(join.caller, "", ErrorCode::GroupMaxSizeReached);
        }
        if !self.supports(&join.protocol_type, &join.protocols) {
            return turn.refuse_join(join.caller, &join.member_id, ErrorCode::InconsistentGroupProtocol);
        }
        if join.member_id.is_empty() { self.join_new(turn, join) } else { self.join_again(turn, join) }
    }

    /// Members that were let in before a limit was lowered stay until they rejoin: the last to do so are turned away.
    fn has_room_for(&self, member: &str, members_max: usize) -> bool {
        let known = self.members.get(member);
        match self.state {
            ClassicState::Empty => true,
            ClassicState::PreparingRebalance => {
                known.is_some_and(|member| member.awaiting_join.is_some()) || self.awaiting_join < members_max
            }
            ClassicState::CompletingRebalance | ClassicState::Stable => {
                known.is_some() || self.members.len() < members_max
            }
        }
    }

    fn join_new(&mut self, turn: &mut Turn<'_>, join: Join) {
        let prefix = join.instance_id.as_ref().unwrap_or(&join.client_id);
        let id: MemberId = format!("{prefix}-{}", join.unique).into();
        if let Some(instance) = &join.instance_id {
            return match self.static_members.get(instance).cloned() {
                Some(old) => self.replace_static(turn, join, &old, id),
                None => self.add_joining(turn, join, id),
            };
        }
        if !join.requires_id() {
            return self.add_joining(turn, join, id);
        }
        turn.arm(TimerKind::Session(Arc::clone(&id)), join.session_timeout_ms);
        turn.refuse_join(join.caller, &id, ErrorCode::MemberIdRequired);
        self.pending_members.insert(id);
    }

    fn join_again(&mut self, turn: &mut Turn<'_>, join: Join) {
        let id = Arc::clone(&join.member_id);
        if self.pending_members.contains(&id) {
            if join.instance_id.is_some() {
                // Such an id is only given to members that are not static.
                return turn.refuse_join(join.caller, &id, ErrorCode::UnknownServerError);
            }
            return self.add_joining(turn, join, id);
        }
        if let Err(error) = self.check_member(&id, join.instance_id.as_deref()) {
            return turn.refuse_join(join.caller, &id, error);
        }
        let is_same = self.members[&id].protocols == join.protocols;
        let may_stay = match self.state {
            ClassicState::PreparingRebalance => false,
            // It may not have got the answer to its join.
            ClassicState::CompletingRebalance => is_same,
            // A leader that joins wants a rebalance, for reasons of its own: new partitions, say.
            ClassicState::Stable => is_same && !self.is_leader(&id),
            ClassicState::Empty => return turn.refuse_join(join.caller, &id, ErrorCode::UnknownMemberId),
        };
        if may_stay {
            let has_members = self.state == ClassicState::CompletingRebalance && self.is_leader(&id);
            let response = self.joined(&id, has_members, false);
            return turn.answer_join(join.caller, response);
        }
        self.update(turn, &id, join);
        self.prepare_or_complete(turn);
    }

    fn add_joining(&mut self, turn: &mut Turn<'_>, join: Join, id: MemberId) {
        if let Some(initial) = &mut self.initial {
            initial.has_new_member = true;
        }
        self.add(Arc::clone(&id), join.to_member());
        turn.arm(TimerKind::Session(id), NEW_MEMBER_TIMEOUT_MS);
        self.prepare_or_complete(turn);
    }

    /// Takes over what a member says now, and lets it wait for the generation.
    fn update(&mut self, turn: &mut Turn<'_>, id: &str, join: Join) {
        let Some(mut member) = self.members.remove(id) else { return };
        self.uncount_protocols(&member);
        member.protocols = join.protocols;
        member.rebalance_timeout_ms = join.rebalance_timeout_ms;
        member.session_timeout_ms = join.session_timeout_ms;
        self.count_protocols(&member);
        match member.awaiting_join.replace(join.caller) {
            // It asked before, over a connection that it no longer looks at.
            Some(earlier) => turn.refuse_join(earlier, id, ErrorCode::RebalanceInProgress),
            None => self.awaiting_join += 1,
        }
        self.members.insert(id.into(), member);
    }

    /// A static member is back under a new id: the old one is fenced. While the group is stable it takes its place, with its
    /// assignment and without a rebalance.
    fn replace_static(&mut self, turn: &mut Turn<'_>, join: Join, old: &MemberId, id: MemberId) {
        let leader = self.leader.clone();
        self.rename_static(turn, old, &id);
        turn.cancel(TimerKind::Session(Arc::clone(old)));
        self.renew_session(turn, &id);
        let is_skipping_known = join.is_skipping_known();
        self.update(turn, &id, join);
        match self.state {
            ClassicState::Stable if self.select_protocol() == self.protocol => {
                let record = self.to_record(turn.group, None);
                turn.write(record, Then::Replaced { member: id, leader, is_skipping_known });
            }
            // The leader may have assigned to the old id already.
            ClassicState::Stable | ClassicState::CompletingRebalance => self.prepare_rebalance(turn),
            ClassicState::PreparingRebalance | ClassicState::Empty => self.complete_if_all_joined(turn),
        }
    }

    fn rename_static(&mut self, turn: &mut Turn<'_>, old: &MemberId, new: &MemberId) {
        let Some(mut member) = self.members.remove(old) else { return };
        if let Some(caller) = member.awaiting_join.take() {
            self.awaiting_join -= 1;
            turn.refuse_join(caller, old, ErrorCode::FencedInstanceId);
        }
        if let Some(caller) = member.awaiting_sync.take() {
            turn.refuse_sync(caller, ErrorCode::FencedInstanceId);
        }
        member.is_new = false;
        if let Some(instance) = &member.instance_id {
            self.static_members.insert(Arc::clone(instance), Arc::clone(new));
        }
        if self.is_leader(old) {
            self.leader = Some(Arc::clone(new));
        }
        self.pending_sync.remove(old);
        self.members.insert(Arc::clone(new), member);
    }

    /// A static member's new id is committed.
    pub(crate) fn replaced(
        &mut self,
        turn: &mut Turn<'_>,
        id: &MemberId,
        leader: Option<&MemberId>,
        is_skipping_known: bool,
    ) {
        let is_leader = self.is_leader(id);
        let Some(caller) = self.take_joining(id) else { return };
        let mut response = self.joined(id, is_leader && is_skipping_known, is_leader && is_skipping_known);
        if !is_skipping_known {
            // The old leader's id: the member takes itself for a follower then, and does not assign.
            response.leader = leader.map(|leader| Str::from(&**leader)).unwrap_or_default();
        }
        turn.answer_join(caller, response);
        // While it waited for us, its session may have run out unheeded.
        self.renew_session(turn, id);
    }

    /// A static member's new id could not be written: the member has to try again.
    pub(crate) fn not_replaced(&mut self, turn: &mut Turn<'_>, id: &MemberId, error: ErrorCode) {
        if let Some(caller) = self.take_joining(id) {
            turn.refuse_join(caller, "", error);
            self.renew_session(turn, id);
        }
    }

    fn take_joining(&mut self, id: &str) -> Option<Caller> {
        let caller = self.members.get_mut(id)?.awaiting_join.take()?;
        self.awaiting_join -= 1;
        Some(caller)
    }

    /// Begins a rebalance where there is none, or goes on with the one that there is.
    pub(super) fn prepare_or_complete(&mut self, turn: &mut Turn<'_>) {
        if self.state == ClassicState::PreparingRebalance {
            self.complete_if_all_joined(turn);
        } else {
            self.prepare_rebalance(turn);
        }
    }

    /// Begins a rebalance: from now on heartbeats tell the members to join again.
    pub(crate) fn prepare_rebalance(&mut self, turn: &mut Turn<'_>) {
        if self.state == ClassicState::CompletingRebalance {
            self.drop_assignments(turn, ErrorCode::RebalanceInProgress);
        }
        self.pending_sync.clear();
        turn.cancel(TimerKind::Sync);
        let is_initial = self.is_empty();
        self.transition(ClassicState::PreparingRebalance, turn);
        let delay_ms = turn.settings.initial_rebalance_delay_ms;
        if is_initial && delay_ms > 0 {
            let remaining_ms = self.rebalance_timeout_ms().saturating_sub(delay_ms).max(0);
            self.initial = Some(InitialDelay { delay_ms, remaining_ms, has_new_member: false });
            turn.arm(TimerKind::Join, delay_ms);
        } else if is_initial || self.has_all_joined() {
            self.complete_join(turn);
        } else {
            turn.arm(TimerKind::Join, self.rebalance_timeout_ms());
        }
    }

    /// Nobody is left to wait for, unless the group has just got its first members.
    pub(super) fn complete_if_all_joined(&mut self, turn: &mut Turn<'_>) {
        let is_waiting_for_more = self.previous == ClassicState::Empty && self.initial.is_some();
        if self.state == ClassicState::PreparingRebalance && !is_waiting_for_more && self.has_all_joined() {
            self.complete_join(turn);
        }
    }

    /// The time to join is over, or a part of it.
    pub(crate) fn join_timeout(&mut self, turn: &mut Turn<'_>) {
        if self.state != ClassicState::PreparingRebalance {
            return;
        }
        if let Some(initial) = self.initial
            && initial.has_new_member
            && initial.remaining_ms > 0
        {
            let delay_ms = turn.settings.initial_rebalance_delay_ms.min(initial.remaining_ms);
            let remaining_ms = (initial.remaining_ms - initial.delay_ms).max(0);
            self.initial = Some(InitialDelay { delay_ms, remaining_ms, has_new_member: false });
            return turn.arm(TimerKind::Join, delay_ms);
        }
        self.complete_join(turn);
    }

    /// A generation begins, with those who are there. Static members may be away for as long as their session lasts.
    pub(super) fn complete_join(&mut self, turn: &mut Turn<'_>) {
        turn.cancel(TimerKind::Join);
        self.initial = None;
        let is_late = |member: &Member| member.awaiting_join.is_none() && member.instance_id.is_none();
        let late: Vec<_> =
            self.members.iter().filter(|(_, member)| is_late(member)).map(|(id, _)| Arc::clone(id)).collect();
        for id in late {
            self.remove(&id);
            turn.cancel(TimerKind::Session(id));
        }
        if !self.elect_leader() && !self.members.is_empty() {
            // Nobody has joined: the sessions will end one after another.
            return turn.arm(TimerKind::Join, self.rebalance_timeout_ms().max(POSTPONED_MIN_MS));
        }
        self.begin_generation(turn);
        if self.is_empty() {
            return turn.write(self.to_record(turn.group, None), Then::Nothing);
        }
        self.answer_joined(turn);
        turn.arm(TimerKind::Sync, self.rebalance_timeout_ms());
    }

    /// Whether there is a leader that has joined; where the old one has not, the first that has takes its place.
    fn elect_leader(&mut self) -> bool {
        let Some(leader) = &self.leader else { return false };
        let has_joined = |member: &Member| member.awaiting_join.is_some();
        if self.members.get(leader).is_some_and(has_joined) {
            return true;
        }
        let next = self.members.iter().find(|(_, member)| has_joined(member)).map(|(id, _)| Arc::clone(id));
        let is_found = next.is_some();
        if is_found {
            self.leader = next;
        }
        is_found
    }

    fn begin_generation(&mut self, turn: &mut Turn<'_>) {
        self.generation = self.generation.wrapping_add(1).max(0);
        self.protocol = self.select_protocol();
        self.subscribed_topics = self.find_subscribed_topics();
        self.pending_sync.clear();
        let next = if self.members.is_empty() { ClassicState::Empty } else { ClassicState::CompletingRebalance };
        self.transition(next, turn);
    }

    fn answer_joined(&mut self, turn: &mut Turn<'_>) {
        let ids: Vec<_> = self.members.keys().cloned().collect();
        for id in ids {
            if let Some(caller) = self.take_joining(&id) {
                let response = self.joined(&id, self.is_leader(&id), false);
                turn.answer_join(caller, response);
            }
            self.renew_session(turn, &id);
            if let Some(member) = self.members.get_mut(&id) {
                member.is_new = false;
            }
            self.pending_sync.insert(id);
        }
    }

    /// What a member is told of the generation; the leader is told of all members.
    fn joined(&self, id: &str, has_members: bool, skip_assignment: bool) -> JoinGroupResponse {
        let protocol = self.protocol.as_deref().unwrap_or_default();
        let shown = |(id, member): (&MemberId, &Member)| JoinGroupResponseMember {
            member_id: Str::from(&**id),
            group_instance_id: member.instance_id.as_deref().map(Str::from),
            metadata: Slice::from(member.metadata(protocol).cloned().unwrap_or_default()),
            ..Default::default()
        };
        JoinGroupResponse {
            generation_id: self.generation,
            protocol_type: self.protocol_type().map(Str::from),
            protocol_name: self.protocol.as_deref().map(Str::from),
            leader: self.leader.as_deref().map(Str::from).unwrap_or_default(),
            skip_assignment,
            member_id: Str::from(id),
            members: if has_members { self.members.iter().map(shown).collect() } else { Vec::new() },
            ..Default::default()
        }
    }
}
