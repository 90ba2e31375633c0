//! What each member shall have. It is made anew when the group's epoch is ahead of it, more members have had time to join a new
//! group, and the last one is old enough.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::assignor::{self, Candidate};
use super::configure::{Configured, ConfiguredSubtopology, Obstacle};
use super::member::About;
use super::tasks::SubtopologyId;
use super::{StreamsGroup, Tasks, record};
use crate::api::ApiError;
use crate::error_code::ErrorCode;
use crate::groups::group::MemberId;
use crate::groups::planned::PlannedTurn;
use crate::wire::messages::streams_group_heartbeat as answer;

/// Tasks that a group may have, copies counted. A topology may name the same topics again and again, so they are not bounded by the
/// partitions that there are.
const TASKS_MAX: usize = 1 << 20;

/// The one config that an assignment is made by.
const STANDBY_REPLICAS: &str = "num.standby.replicas";

/// What an assignment is made from.
#[derive(Clone, Copy, Debug)]
pub(super) struct AssignedBy<'a> {
    /// The group's epoch.
    pub(super) epoch: i32,
    pub(super) configured: &'a Configured,
    pub(super) configs: &'a BTreeMap<Arc<str>, Arc<str>>,
    /// Nothing is assigned yet.
    pub(super) is_delayed: bool,
}

/// The configs that assignments of a group are made by, as they are now.
pub(super) fn assignment_configs(turn: &PlannedTurn<'_>) -> BTreeMap<Arc<str>, Arc<str>> {
    let replicas = turn.config.standby_replicas().to_string();
    BTreeMap::from([(STANDBY_REPLICAS.into(), replicas.into())])
}

impl StreamsGroup {
    /// What a member shall have once the event is over, and of which epoch that is. Where it has to wait, its answer says so.
    ///
    /// # Errors
    /// Where there are too many tasks.
    pub(super) fn target_for(
        &self,
        turn: &mut PlannedTurn<'_>,
        (id, about): (&MemberId, &About),
        by: AssignedBy<'_>,
        statuses: &mut Vec<answer::Status>,
    ) -> Result<(i32, Cow<'_, Tasks>), ApiError> {
        if by.is_delayed {
            let why = "Assignment delayed due to the configured initial rebalance delay.";
            statuses.push(Obstacle::AssignmentDelayed.told(why.into()));
            return Ok((self.target.epoch, Cow::Owned(Tasks::NONE)));
        }
        if self.target.epoch >= by.epoch {
            return Ok((self.target.epoch, Cow::Borrowed(self.target_of(id))));
        }
        if !turn.is_assignment_due(self.target.made_ms, turn.config.streams_assignment_interval_ms()) {
            let why = "Assignment delayed due to the configured assignment interval.";
            statuses.push(Obstacle::AssignmentDelayed.told(why.into()));
            return Ok((self.target.epoch, Cow::Borrowed(self.target_of(id))));
        }
        let own = self.assign(turn, Some((id, about)), by)?;
        Ok((by.epoch, Cow::Owned(own.unwrap_or_default())))
    }

    /// The time for more members to join is over.
    pub(super) fn assign_delayed(&self, turn: &mut PlannedTurn<'_>) {
        turn.plan.streams.is_delayed = Some(false);
        let Some(configured) = self.soft.configured.as_deref().filter(|_| !self.is_empty()) else { return };
        let is_due = turn.is_assignment_due(self.target.made_ms, turn.config.streams_assignment_interval_ms());
        if self.epoch > self.target.epoch && is_due {
            let configs = &self.assignment_configs;
            let by = AssignedBy { epoch: self.epoch, configured, configs, is_delayed: false };
            // There is nobody to be told of an error: the next heartbeat will be.
            let _ = self.assign(turn, None, by);
        }
    }

    /// Assigns all tasks, and writes what has changed; hands back what the member gets that all this is about.
    fn assign(
        &self,
        turn: &mut PlannedTurn<'_>,
        of: Option<(&MemberId, &About)>,
        by: AssignedBy<'_>,
    ) -> Result<Option<Tasks>, ApiError> {
        let mut abouts: BTreeMap<&MemberId, &About> =
            self.members.iter().map(|(id, member)| (id, &*member.about)).collect();
        abouts.extend(of);
        let candidates =
            abouts.iter().map(|(id, about)| Candidate { id, process_id: &about.process_id, had: self.target_of(id) });
        let candidates: Vec<Candidate<'_>> = candidates.collect();
        let assigned = match by.configured.subtopologies.as_ref().filter(|_| by.configured.is_ready()) {
            Some(subtopologies) => {
                let replicas = by.configs.get(STANDBY_REPLICAS).and_then(|count| count.parse().ok()).unwrap_or(0);
                check_count(subtopologies, replicas)?;
                assignor::assign(&candidates, subtopologies, replicas)
            }
            // Nothing can run: whoever has something gives it up.
            None => candidates.iter().map(|_| Tasks::NONE).collect(),
        };
        let mut own = None;
        for (candidate, tasks) in candidates.iter().zip(assigned) {
            if self.target.by_member.get(candidate.id) != Some(&tasks) {
                turn.plan.records.push(record::target(turn.group, candidate.id, &tasks));
            }
            if of.is_some_and(|(id, _)| id == candidate.id) {
                own = Some(tasks);
            }
        }
        turn.plan.records.push(record::target_made(turn.group, by.epoch, turn.now.wall.0));
        Ok(own)
    }
}

fn check_count(
    subtopologies: &BTreeMap<SubtopologyId, ConfiguredSubtopology>,
    standby_replicas: usize,
) -> Result<(), ApiError> {
    let tasks = |of: &ConfiguredSubtopology| {
        let copies = if of.is_stateful() { standby_replicas } else { 0 };
        usize::try_from(of.tasks).unwrap_or(0).saturating_mul(copies.saturating_add(1))
    };
    let count = subtopologies.values().map(tasks).fold(0, usize::saturating_add);
    if count <= TASKS_MAX {
        return Ok(());
    }
    let why = format!("The topology has {count} tasks, more than the {TASKS_MAX} that a group may have.");
    Err(ApiError::new(ErrorCode::StreamsInvalidTopology, why))
}
