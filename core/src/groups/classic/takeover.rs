//! From a consumer group to a classic one and back, as far as it is about the classic one.

use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;

use super::{ClassicGroup, ClassicState, Member};
use crate::error_code::ErrorCode;
use crate::groups::effects::Turn;
use crate::groups::embedded::CONSUMER;
use crate::groups::group::MemberId;
use crate::groups::timers::TimerKind;
use crate::time::Now;
use crate::wire::CoordinatorRecord;

impl ClassicGroup {
    /// A group of members that were in a consumer group, and speak the classic protocol. They have no assignments yet.
    pub(crate) fn taken_over(generation: i32, members: Vec<(MemberId, Member)>, now: Now) -> Self {
        let mut group = Self { generation, protocol_type: Some(CONSUMER.into()), ..Self::new(now) };
        for (id, member) in members {
            group.add(id, member);
        }
        group.protocol = group.select_protocol();
        group.subscribed_topics = group.find_subscribed_topics();
        (group.state, group.previous) = (ClassicState::Stable, ClassicState::Stable);
        group
    }

    /// Gives each member what it had.
    pub(crate) fn give(&mut self, assignment: impl Fn(&MemberId, &Bytes) -> Bytes) {
        let protocol = self.protocol.clone().unwrap_or_default();
        for (id, member) in &mut self.members {
            let metadata = member.metadata(&protocol).cloned().unwrap_or_default();
            member.assignment = assignment(id, &metadata);
        }
    }

    /// As it goes into the log.
    pub(crate) fn record(&self, group: &str) -> CoordinatorRecord {
        self.to_record(group, None)
    }

    /// The group has taken over: its members have to show that they are there, and to join again where their assignments are old.
    pub(crate) fn begin(&mut self, turn: &mut Turn<'_>, rebalances: bool) {
        let ids: Vec<_> = self.members.keys().map(Arc::clone).collect();
        for id in &ids {
            self.renew_session(turn, id);
        }
        if rebalances {
            self.prepare_rebalance(turn);
        }
    }

    /// The group becomes a consumer group: who waits has to join again.
    pub(crate) fn end(&mut self, turn: &mut Turn<'_>) {
        self.refuse_waiting(turn, ErrorCode::RebalanceInProgress);
        turn.cancel(TimerKind::Join);
        turn.cancel(TimerKind::Sync);
        for id in &self.pending_members {
            turn.cancel(TimerKind::Session(Arc::clone(id)));
        }
    }

    pub(crate) fn generation(&self) -> i32 {
        self.generation
    }
}
