//! Groups of the protocols by which the coordinator assigns, and their logs: an event in one says what it leads to, and that
//! happens once its records are appended.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::Broker;
use crate::error_code::ErrorCode;
use crate::groups::{self, Arming, GroupConfig, GroupId, GroupType, Plan, PlannedTurn, Timer, TimerKind};
use crate::metadata::{Delta, is_consumer_protocol_enabled, is_streams_protocol_enabled};
use crate::time::Now;

impl Broker {
    /// What an event in a group sees.
    pub(crate) fn planned_turn<'a>(&'a self, now: Now, group: &'a GroupId) -> PlannedTurn<'a> {
        let image = self.metadata.image();
        PlannedTurn {
            group,
            now,
            settings: &self.groups.settings,
            config: GroupConfig::new(&self.config, &self.groups.settings, image, group),
            image,
            topics: self.groups.topics,
            plan: Plan::default(),
        }
    }

    /// Whether the cluster's level of `group.version` has consumer groups, and the configuration too.
    pub(crate) fn serves_consumer_groups(&self) -> bool {
        self.groups.settings.serves_consumers && is_consumer_protocol_enabled(&self.metadata.image().features)
    }

    /// Whether the cluster's level of `streams.version` has streams groups, and the configuration too.
    pub(crate) fn serves_streams_groups(&self) -> bool {
        self.groups.settings.serves_streams && is_streams_protocol_enabled(&self.metadata.image().features)
    }

    /// Does what an event in a group leads to.
    ///
    /// # Errors
    /// Where the log does not take its records: nothing has changed then.
    pub(crate) fn carry_out(&mut self, now: Now, index: i32, group: &GroupId, plan: Plan) -> Result<(), ErrorCode> {
        let settings = self.groups.settings;
        let before = self.group_standing(index, group);
        if !plan.records.is_empty() {
            let batch = groups::batch(&plan.records, settings.compression, now.wall);
            let (base, _) = self.append_group_batch(now, index, &batch)?;
            if plan.upgrades {
                self.upgrade(now, index, group);
            }
            self.replay_group(now, index, base, &plan.records);
            self.mark_change(before, self.group_standing(index, group));
        }
        let count = self.groups.topics.count;
        if plan.has_seen_topics
            && let Some(coordinator) = self.groups.serving_mut(index)
            && let Some(known) = coordinator.groups.get_mut(group)
        {
            known.has_seen_topics(count);
        }
        let known = self.groups.serving_mut(index).and_then(|coordinator| coordinator.groups.get_mut(group));
        if let Some(streams) = known.and_then(|known| known.streams_mut()) {
            streams.soften(plan.streams);
        }
        for (kind, arming) in plan.timers {
            self.arm_group(index, group, kind, arming);
        }
        if let Some(downgrade) = plan.downgrade
            && let Some(coordinator) = self.groups.serving_mut(index)
        {
            let effects = coordinator.downgrade(now, &settings, group, downgrade);
            self.act(now, index, group, effects);
        }
        if let Some(wanted) = plan.state_to_keep {
            self.keep_share_state(now, group, &wanted);
        }
        let known = self.groups.serving(index).and_then(|coordinator| coordinator.groups.get(group));
        if !plan.records.is_empty()
            && let Some(expiry) = known.and_then(|known| known.expiry_from(now.wall, &settings))
        {
            self.arm_retention_at(now, index, expiry);
        }
        Ok(())
    }

    /// A group's kind and state, for tests.
    fn group_standing(&self, index: i32, group: &GroupId) -> Option<(GroupType, &'static str)> {
        let known = self.groups.serving(index)?.groups.get(group)?;
        Some((known.group_type(), known.state_name()))
    }

    fn mark_change(&mut self, before: Option<(GroupType, &str)>, after: Option<(GroupType, &str)>) {
        let name = |standing: Option<(GroupType, &str)>| standing.map_or("None", |(kind, _)| kind.mark_name());
        self.outbox.marks.reach_transition("Group", name(before), name(after));
        let Some((kind, state)) = after.filter(|(kind, _)| *kind != GroupType::Classic) else { return };
        // One that is new was empty.
        let from = before.filter(|(before, _)| *before == kind).map_or("Empty", |(_, state)| state);
        self.outbox.marks.reach_transition(kind.mark_name(), from, state);
    }

    fn upgrade(&mut self, now: Now, index: i32, group: &GroupId) {
        let settings = self.groups.settings;
        if let Some(coordinator) = self.groups.serving_mut(index) {
            let effects = coordinator.upgrade(now, &settings, group);
            self.act(now, index, group, effects);
        }
    }

    fn arm_group(&mut self, index: i32, group: &GroupId, kind: TimerKind, arming: Arming) {
        let timer = Timer::Group { partition: index, group: Arc::clone(group), kind };
        match arming {
            Arming::At(at) => self.groups.timers.arm(timer, at),
            Arming::FirstAt(at) if self.groups.timers.at(&timer).is_none() => self.groups.timers.arm(timer, at),
            Arming::FirstAt(_) => {}
            Arming::Never => self.groups.timers.cancel(&timer),
        }
    }

    /// A time of a group is over. Where the log takes nothing, the group goes with it.
    pub(super) fn planned_timeout(&mut self, now: Now, index: i32, group: &GroupId, kind: &TimerKind) {
        let turn = self.planned_turn(now, group);
        let Some(coordinator) = self.groups.serving(index) else { return };
        let plan = coordinator.planned_timeout(turn, kind);
        let _ = self.carry_out(now, index, group, plan);
    }

    /// Members of groups that were loaded have to show that they are there.
    pub(super) fn load_planned(&mut self, now: Now, index: i32) {
        let Some(coordinator) = self.groups.serving(index) else { return };
        let planned = coordinator.groups.iter().filter(|(_, known)| known.is_planned());
        let ids: Vec<GroupId> = planned.map(|(id, _)| Arc::clone(id)).collect();
        for id in ids {
            let mut turn = self.planned_turn(now, &id);
            let Some(known) = self.groups.serving(index).and_then(|coordinator| coordinator.groups.get(&id)) else {
                continue;
            };
            known.planned_loaded(&mut turn);
            let plan = turn.plan;
            let _ = self.carry_out(now, index, &id, plan);
        }
    }

    /// Topics may have changed: groups look at them when they next hear of a member.
    pub(super) fn follow_topics(&mut self, delta: &Delta) {
        let topics = &mut self.groups.topics;
        let is_changed = !delta.partitions_created.is_empty()
            || !delta.topics_removed.is_empty()
            || !delta.topics_passed.is_empty()
            || !delta.brokers_changed.is_empty();
        topics.count += u64::from(is_changed || !delta.topics_created.is_empty());
        if !delta.topics_created.is_empty() {
            topics.created_at = self.metadata.image().end_offset;
        }
    }
}
