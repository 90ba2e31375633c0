//! What an event in a group leads to. The state machines only say it; the broker does it.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use bytes::Bytes;

use super::group::{GroupId, MemberId};
use super::settings::Settings;
use super::timers::TimerKind;
use crate::api::Caller;
use crate::error_code::ErrorCode;
use crate::marks::Marks;
use crate::time::{Monotonic, Now};
use crate::wire::CoordinatorRecord;
use crate::wire::messages::join_group::JoinGroupResponse;
use crate::wire::messages::sync_group::SyncGroupResponse;

/// All that one event in a group leads to, in this order.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    /// To be sent.
    pub(crate) answers: Vec<(Caller, GroupAnswer)>,
    /// To be armed, or cancelled where there is no time.
    pub(crate) timers: Vec<(TimerKind, Option<Monotonic>)>,
    /// To be appended.
    pub(crate) writes: Vec<Write>,
    /// Named places that were reached, for tests.
    pub(crate) marks: Marks,
}

/// An answer that a member may have waited for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum GroupAnswer {
    /// To JoinGroup.
    Join(JoinGroupResponse),
    /// To SyncGroup.
    Sync(SyncGroupResponse),
}

/// Records of a group, and what happens once they are committed.
#[derive(Debug)]
pub(crate) struct Write {
    /// To be appended as one batch.
    pub(crate) records: Vec<CoordinatorRecord>,
    /// What then.
    pub(crate) then: Then,
}

/// What happens once records are committed, or can't be.
#[derive(Clone, Debug)]
pub(crate) enum Then {
    /// Nothing: memory has it already, and nobody waits.
    Nothing,
    /// The members get their assignments.
    Assigned {
        /// The generation that they are of.
        generation: i32,
        /// By member.
        assignments: BTreeMap<MemberId, Bytes>,
    },
    /// A static member that came back takes its place without a rebalance.
    Replaced {
        /// The member's new id.
        member: MemberId,
        /// The leader before.
        leader: Option<MemberId>,
        /// Whether the client understands that there is nothing to assign (KIP-814).
        is_skipping_known: bool,
    },
}

/// One event in a group: when it is, what bounds it and what it leads to.
pub(crate) struct Turn<'a> {
    pub(crate) group: &'a GroupId,
    pub(crate) now: Now,
    pub(crate) settings: &'a Settings,
    pub(crate) effects: &'a mut Effects,
}

impl Turn<'_> {
    pub(super) fn arm(&mut self, kind: TimerKind, after_ms: i32) {
        let at = self.now.monotonic.plus_ms(i64::from(after_ms));
        self.effects.timers.push((kind, Some(at)));
    }

    pub(super) fn cancel(&mut self, kind: TimerKind) {
        self.effects.timers.push((kind, None));
    }

    pub(super) fn write(&mut self, record: CoordinatorRecord, then: Then) {
        self.effects.writes.push(Write { records: Vec::from([record]), then });
    }

    pub(super) fn answer_join(&mut self, caller: Caller, response: JoinGroupResponse) {
        self.effects.answers.push((caller, GroupAnswer::Join(response)));
    }

    pub(super) fn answer_sync(&mut self, caller: Caller, response: SyncGroupResponse) {
        self.effects.answers.push((caller, GroupAnswer::Sync(response)));
    }

    pub(super) fn refuse_join(&mut self, caller: Caller, member: &str, error: ErrorCode) {
        self.answer_join(caller, join_refusal(member, error));
    }

    pub(super) fn refuse_sync(&mut self, caller: Caller, error: ErrorCode) {
        self.answer_sync(caller, sync_refusal(error));
    }
}

/// A JoinGroup that led to nothing.
pub(crate) fn join_refusal(member: &str, error: ErrorCode) -> JoinGroupResponse {
    JoinGroupResponse {
        error_code: error.number(),
        member_id: member.into(),
        protocol_name: None,
        ..Default::default()
    }
}

/// A SyncGroup that led to nothing.
pub(crate) fn sync_refusal(error: ErrorCode) -> SyncGroupResponse {
    SyncGroupResponse { error_code: error.number(), ..Default::default() }
}
