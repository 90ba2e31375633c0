//! Share groups and the share coordinator: what is asked of it once it is written down that it is, and what follows from its
//! answers.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{Asker, Broker};
use crate::api::{alter_share_group_offsets, delete_groups, delete_share_group_offsets, describe_share_group_offsets};
use crate::error_code::ErrorCode;
use crate::groups::{GroupId, PlannedTurn, ShareGroup, SharePartitions, ShareStarts, StateToKeep};
use crate::metadata::is_share_protocol_enabled;
use crate::share_state::{StateCall, StateKey, StateResult};
use crate::time::Now;
use crate::wire::Uuid;

/// What was asked of the share coordinator for groups.
#[derive(Debug)]
pub(crate) enum ShareQuestion {
    /// To keep partitions that members read.
    Keep(GroupId),
    /// To begin anew, for a client.
    Alter(alter_share_group_offsets::Altering),
    /// Where groups are, for a client.
    Describe(describe_share_group_offsets::Describing),
    /// To forget topics, for a client.
    DeleteOffsets(delete_share_group_offsets::Deleting),
    /// To forget all of groups, for a client.
    DeleteGroups(delete_groups::Deleting),
}

impl Broker {
    /// Whether the cluster's level of `share.version` has share groups.
    pub(crate) fn serves_share_groups(&self) -> bool {
        is_share_protocol_enabled(&self.metadata.image().features)
    }

    /// Asks the share coordinator to keep partitions of a group: that it is asked is appended already.
    pub(super) fn keep_share_state(&mut self, now: Now, group: &GroupId, wanted: &StateToKeep) {
        let calls = initialize_calls(group, wanted.epoch, &wanted.starts);
        let question = ShareQuestion::Keep(Arc::clone(group));
        self.ask_share_state(now, calls, Asker::Groups(question));
    }

    /// The share coordinator has answered all that was asked of it at once.
    pub(super) fn share_question_answered(&mut self, now: Now, question: ShareQuestion, results: Vec<StateResult>) {
        match question {
            ShareQuestion::Keep(group) => {
                // Where the log takes nothing, the group goes with it.
                let _ = self.share_state_kept(now, &group, &results);
            }
            ShareQuestion::Alter(altering) => alter_share_group_offsets::answered(self, now, altering, &results),
            ShareQuestion::Describe(describing) => {
                describe_share_group_offsets::answered(self, now, describing, &results);
            }
            ShareQuestion::DeleteOffsets(deleting) => {
                delete_share_group_offsets::answered(self, now, deleting, &results);
            }
            ShareQuestion::DeleteGroups(deleting) => delete_groups::answered(self, now, deleting, &results),
        }
    }

    /// Writes down which partitions the share coordinator keeps from now on, and which it does not; says where.
    ///
    /// # Errors
    /// Where the group's coordinator is not here any more, or its log takes nothing.
    pub(crate) fn share_state_kept(
        &mut self,
        now: Now,
        group: &GroupId,
        results: &[StateResult],
    ) -> Result<i32, ErrorCode> {
        let index = self.coordinator_of(group)?;
        let (mut kept, mut refused) = (SharePartitions::new(), SharePartitions::new());
        for result in results {
            let partitions = if result.outcome.is_ok() { &mut kept } else { &mut refused };
            partitions.entry(result.key.topic_id).or_default().insert(result.key.partition);
        }
        if !kept.is_empty() {
            self.change_share_group(now, index, group, |known, turn| known.state_initialized(turn, &kept))?;
        }
        if !refused.is_empty() {
            self.change_share_group(now, index, group, |known, turn| known.state_not_initialized(turn, &refused))?;
        }
        Ok(index)
    }

    /// Lets something happen to a share group, if it is there.
    ///
    /// # Errors
    /// Where its log takes nothing: nothing has changed then.
    pub(crate) fn change_share_group(
        &mut self,
        now: Now,
        index: i32,
        group: &GroupId,
        event: impl FnOnce(&ShareGroup, &mut PlannedTurn<'_>),
    ) -> Result<(), ErrorCode> {
        let mut turn = self.planned_turn(now, group);
        let Some(known) = self.groups.serving(index).and_then(|coordinator| coordinator.share(group)) else {
            return Ok(());
        };
        event(known, &mut turn);
        let plan = turn.plan;
        self.carry_out(now, index, group, plan)
    }

    /// Nobody will read on in a topic that is gone.
    pub(super) fn forget_shared_topic(&mut self, now: Now, topic: Uuid) {
        let gone = BTreeSet::from([topic]);
        let ids = |(index, coordinator): (i32, &crate::groups::Coordinator)| -> Vec<(i32, GroupId)> {
            let shared = coordinator.groups.iter().filter(|(_, known)| known.share().is_some());
            shared.map(|(id, _)| (index, Arc::clone(id))).collect()
        };
        let groups: Vec<_> = self.groups.all_serving().flat_map(ids).collect();
        for (index, group) in groups {
            // Where the log takes nothing any more, nobody reads either.
            let _ = self.change_share_group(now, index, &group, |known, turn| known.topics_gone(turn, &gone));
        }
    }
}

/// The calls that have the share coordinator begin there.
pub(crate) fn initialize_calls(group: &GroupId, epoch: i32, starts: &ShareStarts) -> Vec<(StateKey, StateCall)> {
    let partitions =
        starts.iter().flat_map(|(topic, starts)| starts.iter().map(|(index, start)| (*topic, *index, *start)));
    let call = |(topic_id, partition, start_offset)| {
        let key = StateKey { group: Arc::clone(group), topic_id, partition };
        (key, StateCall::Initialize { state_epoch: epoch, start_offset })
    };
    partitions.map(call).collect()
}

/// The same call for each of these partitions.
pub(crate) fn calls_to(group: &GroupId, partitions: &SharePartitions, call: &StateCall) -> Vec<(StateKey, StateCall)> {
    let keys = partitions.iter().flat_map(|(topic, partitions)| partitions.iter().map(|index| (*topic, *index)));
    keys.map(|(topic_id, partition)| (StateKey { group: Arc::clone(group), topic_id, partition }, call.clone()))
        .collect()
}
