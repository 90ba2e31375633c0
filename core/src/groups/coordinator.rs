//! The coordinator of one partition of `__consumer_offsets`: the groups that live in it, and what may be done to them.
//!
//! Memory runs ahead of the log by what is appended and not yet committed. Nobody can tell: whatever is answered from it is
//! held back until all that was appended before is committed (`api/group_answer.rs`), and where the log can't commit any
//! more, the coordinator and its answers are dropped together.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::classic::{ClassicGroup, Join, Sync};
use super::committed::{CommittedOffset, Undecided};
use super::consumer::{ConsumerGroup, Downgrade};
use super::effects::{Effects, Then, Turn};
use super::group::{Group, GroupId, GroupKind};
use super::planned::{Plan, PlannedTurn};
use super::records;
use super::settings::Settings;
use super::share::ShareGroup;
use super::timers::TimerKind;
use crate::error_code::ErrorCode;
use crate::marks::Mark;
use crate::metadata::MetadataImage;
use crate::planted::Bug;
use crate::time::Now;
use crate::types::{Offset, TopicName};
use crate::wire::{CoordinatorRecord, Uuid};

/// The groups of a partition.
#[derive(Debug, Default)]
pub(crate) struct Coordinator {
    pub(crate) groups: BTreeMap<GroupId, Group>,
    /// Offsets of transactions that have not ended.
    pub(super) undecided: Undecided,
    /// What happens when the log is committed up to there.
    in_flight: VecDeque<(Offset, GroupId, Then)>,
    /// Of all groups, once they are loaded.
    pub(super) member_count: usize,
}

/// Who commits offsets, or says so.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Committer<'a> {
    pub(crate) member: &'a str,
    pub(crate) instance: Option<&'a str>,
    /// Negative for who is no member.
    pub(crate) generation: i32,
    /// Whether the client knows that a group may not be found, and members' epochs: since version 9 of OffsetCommit.
    pub(crate) is_not_found_known: bool,
    /// Whether they count once a transaction is committed only. A member may commit so while its group rebalances, and that
    /// is no sign of life.
    pub(crate) is_transactional: bool,
    /// The partitions.
    pub(crate) partitions: &'a [(Uuid, i32)],
    /// The topics that there are.
    pub(crate) image: &'a MetadataImage,
}

impl Coordinator {
    pub(crate) fn member_count(&self) -> usize {
        self.member_count
    }

    /// A member wants to join; the first makes the group.
    pub(crate) fn join(&mut self, now: Now, settings: &Settings, group: &GroupId, join: Join) -> Effects {
        let mut effects = Effects::default();
        let mut turn = Turn { group, now, settings, effects: &mut effects };
        let is_new = match self.groups.get(group) {
            None if !join.member_id.is_empty() => {
                turn.refuse_join(join.caller, &join.member_id, ErrorCode::UnknownMemberId);
                return effects;
            }
            None => true,
            Some(Group { kind: GroupKind::Classic(_), .. }) => false,
            Some(planned) if planned.may_become_classic() => {
                self.replace_planned(&mut turn);
                false
            }
            Some(_) => {
                turn.refuse_join(join.caller, "", ErrorCode::InconsistentGroupProtocol);
                return effects;
            }
        };
        if is_new {
            turn.effects.marks.reach(Mark::GroupNoneToClassic);
            self.groups.insert(Arc::clone(group), Group::new(now));
        }
        self.change(&mut turn, |classic, turn| classic.join(turn, join));
        if is_new && effects.writes.is_empty() {
            let record = ClassicGroup::new_record(group, now);
            Turn { group, now, settings, effects: &mut effects }.write(record, Then::Nothing);
        }
        effects
    }

    /// A consumer or streams group without members becomes a classic one.
    fn replace_planned(&mut self, turn: &mut Turn<'_>) {
        let Some(group) = self.groups.get_mut(turn.group) else { return };
        let mut records = records::removed(turn.group, group.group_type());
        turn.effects.marks.reach_transition("Group", group.group_type().mark_name(), "Classic");
        group.kind = GroupKind::Classic(Box::new(ClassicGroup::new(turn.now)));
        // Of a streams group that waited for more members.
        turn.cancel(TimerKind::InitialRebalance);
        records.push(ClassicGroup::new_record(turn.group, turn.now));
        turn.effects.writes.push(super::effects::Write { records, then: Then::Nothing });
    }

    /// A member asks for its assignment.
    pub(crate) fn sync(&mut self, now: Now, settings: &Settings, group: &GroupId, sync: Sync) -> Effects {
        let mut effects = Effects::default();
        let mut turn = Turn { group, now, settings, effects: &mut effects };
        if self.classic(group).is_none() {
            turn.refuse_sync(sync.caller, ErrorCode::UnknownMemberId);
        } else {
            self.change(&mut turn, |classic, turn| classic.sync(turn, sync));
        }
        effects
    }

    /// A member is alive.
    pub(crate) fn heartbeat(
        &mut self,
        now: Now,
        settings: &Settings,
        group: &str,
        (member, instance, generation): (&str, Option<&str>, i32),
    ) -> (ErrorCode, Effects) {
        let mut effects = Effects::default();
        let Some((group, known)) = entry(&mut self.groups, group) else { return (ErrorCode::UnknownMemberId, effects) };
        let Some(classic) = known.classic_mut() else { return (ErrorCode::UnknownMemberId, effects) };
        let mut turn = Turn { group: &group, now, settings, effects: &mut effects };
        let error = classic.heartbeat(&mut turn, member, instance, generation);
        (error, effects)
    }

    /// Members go, or are sent away; says for each whether it is gone.
    pub(crate) fn leave(
        &mut self,
        now: Now,
        settings: &Settings,
        group: &GroupId,
        members: &[(&str, Option<&str>)],
    ) -> (Vec<Result<(), ErrorCode>>, Effects) {
        let mut effects = Effects::default();
        let mut turn = Turn { group, now, settings, effects: &mut effects };
        if self.classic(group).is_none() {
            return (members.iter().map(|_| Err(ErrorCode::UnknownMemberId)).collect(), effects);
        }
        let mut outcomes = Vec::new();
        self.change(&mut turn, |classic, turn| {
            outcomes.extend(members.iter().map(|(member, instance)| classic.leave(turn, member, *instance)));
            if outcomes.iter().any(Result::is_ok) {
                classic.after_leaving(turn);
            }
        });
        (outcomes, effects)
    }

    /// A time of a classic group is over.
    pub(crate) fn timeout(&mut self, now: Now, settings: &Settings, group: &GroupId, kind: &TimerKind) -> Effects {
        let mut effects = Effects::default();
        let mut turn = Turn { group, now, settings, effects: &mut effects };
        self.change(&mut turn, |classic, turn| match kind {
            TimerKind::Join => classic.join_timeout(turn),
            TimerKind::Sync => classic.sync_timeout(turn),
            TimerKind::Session(member) => classic.session_timeout(turn, member),
            // Of a group of another kind that it was.
            TimerKind::InitialRebalance | TimerKind::Revocation(_) | TimerKind::Rejoin(_) | TimerKind::Resync(_) => {}
        });
        effects
    }

    /// The group, where it is a consumer group.
    pub(crate) fn consumer(&self, group: &str) -> Option<&ConsumerGroup> {
        self.groups.get(group)?.consumer()
    }

    /// The group, where it is a share group.
    pub(crate) fn share(&self, group: &str) -> Option<&ShareGroup> {
        self.groups.get(group)?.share()
    }

    /// A time of a group is over whose events are planned.
    pub(crate) fn planned_timeout(&self, mut turn: PlannedTurn<'_>, kind: &TimerKind) -> Plan {
        if let Some(known) = self.groups.get(turn.group) {
            known.planned_timeout(&mut turn, kind);
        }
        turn.plan
    }

    /// The classic group, if it is one, becomes a consumer group.
    pub(crate) fn upgrade(&mut self, now: Now, settings: &Settings, group: &GroupId) -> Effects {
        let mut effects = Effects::default();
        self.change(&mut Turn { group, now, settings, effects: &mut effects }, ClassicGroup::end);
        effects
    }

    /// A classic group takes over from the consumer group, which the log says is gone.
    pub(crate) fn downgrade(&mut self, now: Now, settings: &Settings, group: &GroupId, to: Downgrade) -> Effects {
        let mut effects = Effects::default();
        let known = self.groups.entry(Arc::clone(group)).or_insert_with(|| Group::new(now));
        effects.marks.reach_transition("Group", "Consumer", "Classic");
        let before = known.member_count();
        known.kind = GroupKind::Classic(to.group);
        self.member_count = (self.member_count + known.member_count()).saturating_sub(before);
        let mut turn = Turn { group, now, settings, effects: &mut effects };
        self.change(&mut turn, |classic, turn| classic.begin(turn, to.rebalances));
        effects
    }

    /// All groups are loaded.
    pub(crate) fn loaded(&mut self, now: Now, settings: &Settings) -> Vec<(GroupId, Effects)> {
        self.member_count = self.groups.values().map(Group::member_count).sum();
        self.each(now, settings, ClassicGroup::loaded)
    }

    /// The coordinator is no longer one.
    pub(crate) fn give_up(&mut self, now: Now, settings: &Settings) -> Vec<(GroupId, Effects)> {
        self.each(now, settings, ClassicGroup::give_up)
    }

    fn each(
        &mut self,
        now: Now,
        settings: &Settings,
        event: impl Fn(&mut ClassicGroup, &mut Turn<'_>),
    ) -> Vec<(GroupId, Effects)> {
        let classic = self.groups.iter_mut().filter_map(|(id, group)| Some((id, group.classic_mut()?)));
        let had = classic.map(|(group, classic)| {
            let mut effects = Effects::default();
            event(classic, &mut Turn { group, now, settings, effects: &mut effects });
            (Arc::clone(group), effects)
        });
        had.collect()
    }

    /// Records of a group are appended and end there.
    pub(crate) fn appended(&mut self, end: Offset, group: &GroupId, then: Then) {
        if !matches!(then, Then::Nothing) {
            self.in_flight.push_back((end, Arc::clone(group), then));
        }
    }

    /// The next of what is committed up to there, and what follows from it.
    pub(crate) fn next_committed(
        &mut self,
        now: Now,
        settings: &Settings,
        high_watermark: Offset,
    ) -> Option<(GroupId, Effects)> {
        let (_, group, then) = self.in_flight.pop_front_if(|(end, ..)| *end <= high_watermark)?;
        let mut effects = Effects::default();
        let mut turn = Turn { group: &group, now, settings, effects: &mut effects };
        self.change(&mut turn, |classic, turn| match &then {
            Then::Nothing => {}
            Then::Assigned { generation, assignments } => classic.assigned(turn, *generation, assignments),
            Then::Replaced { member, leader, is_skipping_known } => {
                classic.replaced(turn, member, leader.as_ref(), *is_skipping_known);
            }
        });
        Some((group, effects))
    }

    /// Records of a group can't be appended.
    pub(crate) fn not_appended(
        &mut self,
        now: Now,
        settings: &Settings,
        group: &GroupId,
        then: &Then,
        error: ErrorCode,
    ) -> Effects {
        let mut effects = Effects::default();
        let mut turn = Turn { group, now, settings, effects: &mut effects };
        self.change(&mut turn, |classic, turn| match then {
            Then::Nothing => {}
            Then::Assigned { generation, .. } => classic.not_assigned(turn, *generation, error),
            Then::Replaced { member, .. } => classic.not_replaced(turn, member, error),
        });
        effects
    }

    /// Lets something happen to a classic group, and keeps count of the members.
    fn change(&mut self, turn: &mut Turn<'_>, event: impl FnOnce(&mut ClassicGroup, &mut Turn<'_>)) {
        let Some(classic) = self.groups.get_mut(turn.group).and_then(Group::classic_mut) else { return };
        let before = classic.member_count();
        event(classic, turn);
        self.member_count = (self.member_count + classic.member_count()).saturating_sub(before);
    }

    fn classic(&self, group: &str) -> Option<&ClassicGroup> {
        self.groups.get(group)?.classic()
    }

    /// Checks who commits offsets, and takes a commit for a sign of life.
    pub(crate) fn check_commit(
        &mut self,
        now: Now,
        settings: &Settings,
        group: &str,
        by: Committer<'_>,
    ) -> (Result<(), ErrorCode>, Effects) {
        let mut effects = Effects::default();
        let Some((group, known)) = entry(&mut self.groups, group) else {
            return (by.without_group(), effects);
        };
        let classic = match &mut known.kind {
            GroupKind::Classic(classic) => classic,
            GroupKind::Consumer(consumer) => {
                let mut checked = consumer.check_offset_commit(&by);
                if settings.bugs.has(Bug::StaleEpochTaken) && checked == Err(ErrorCode::StaleMemberEpoch) {
                    checked = Ok(());
                }
                return (checked, effects);
            }
            // Where a share group is, is not for its members to say.
            GroupKind::Share(_) => return (Err(ErrorCode::GroupIdNotFound), effects),
            GroupKind::Streams(streams) => return (streams.check_offset_commit(&by), effects),
        };
        let mut checked = classic.check_offset_commit(by.member, by.instance, by.generation, by.is_transactional);
        if settings.bugs.has(Bug::StaleCommitTaken) && checked == Err(ErrorCode::IllegalGeneration) {
            checked = Ok(());
        }
        if checked.is_ok() && !by.is_transactional {
            classic.renew_session(&mut Turn { group: &group, now, settings, effects: &mut effects }, by.member);
        }
        (checked, effects)
    }

    /// Whether a transaction may still change an offset.
    pub(crate) fn is_undecided(&self, group: &GroupId, topic: &TopicName, partition: i32) -> bool {
        !self.undecided.is_empty() && self.undecided.contains(&(Arc::clone(group), Arc::clone(topic), partition))
    }

    /// Checks that a group may be deleted.
    pub(crate) fn check_delete(&self, group: &str) -> Result<(), ErrorCode> {
        let known = self.groups.get(group).ok_or(ErrorCode::GroupIdNotFound)?;
        let is_empty = match &known.kind {
            GroupKind::Classic(classic) => classic.is_empty(),
            GroupKind::Consumer(consumer) => consumer.is_empty(),
            GroupKind::Share(share) => share.is_empty(),
            GroupKind::Streams(streams) => streams.is_empty(),
        };
        if is_empty { Ok(()) } else { Err(ErrorCode::NonEmptyGroup) }
    }

    /// The records that remove a group and its offsets.
    pub(crate) fn deletion(&self, group: &str) -> Vec<CoordinatorRecord> {
        let Some((id, known)) = self.groups.get_key_value(group) else { return Vec::new() };
        let mut records = Vec::new();
        for (topic, partitions) in &known.offsets {
            records.extend(partitions.keys().map(|index| records::offset_removed(group, topic, *index)));
        }
        let undecided =
            self.undecided.places().filter(|(of, topic, index)| of == id && known.offset(topic, *index).is_none());
        records.extend(undecided.map(|(_, topic, index)| records::offset_removed(group, topic, *index)));
        match &known.kind {
            GroupKind::Consumer(consumer) => records.extend(consumer.removal(id)),
            GroupKind::Share(share) => records.extend(share.removal(id)),
            GroupKind::Streams(streams) => records.extend(streams.removal(id)),
            GroupKind::Classic(_) => records.extend(records::removed(group, known.group_type())),
        }
        records
    }

    /// The records that forget an offset, if there is one.
    pub(crate) fn offset_deletion(
        &self,
        group: &GroupId,
        topic: &TopicName,
        partition: i32,
    ) -> Option<CoordinatorRecord> {
        let is_known = self.groups.get(group).is_some_and(|known| known.offset(topic, partition).is_some());
        let is_there = is_known || self.is_undecided(group, topic, partition);
        is_there.then(|| records::offset_removed(group, topic, partition))
    }

    /// The records that forget the offsets of partitions that are gone.
    pub(crate) fn topic_deletion(&self, topic: &str) -> Vec<CoordinatorRecord> {
        let mut records = Vec::new();
        for (group, known) in &self.groups {
            let partitions = known.offsets.get(topic).into_iter().flat_map(BTreeMap::keys);
            records.extend(partitions.map(|index| records::offset_removed(group, topic, *index)));
        }
        let undecided = self.undecided.places().filter(|(group, of, index)| {
            **of == *topic && self.groups.get(group).is_none_or(|known| known.offset(topic, *index).is_none())
        });
        records.extend(undecided.map(|(group, topic, index)| records::offset_removed(group, topic, *index)));
        records
    }

    pub(super) fn put_offset(&mut self, now: Now, group: &str, topic: &str, partition: i32, offset: CommittedOffset) {
        let known = match self.groups.get_mut(group) {
            Some(known) => known,
            // Who commits and never joins has a group all the same.
            None => self.groups.entry(group.into()).or_insert_with(|| Group::new(now)),
        };
        match known.offsets.get_mut(topic) {
            Some(partitions) => {
                partitions.insert(partition, offset);
            }
            None => {
                known.offsets.insert(topic.into(), BTreeMap::from([(partition, offset)]));
            }
        }
    }
}

impl Committer<'_> {
    /// Who is no member commits for a group that needs not be there.
    fn without_group(&self) -> Result<(), ErrorCode> {
        match self.generation {
            ..0 => Ok(()),
            _ if self.is_not_found_known => Err(ErrorCode::GroupIdNotFound),
            _ => Err(ErrorCode::IllegalGeneration),
        }
    }
}

/// A group, with the id that it is known by.
fn entry<'a>(groups: &'a mut BTreeMap<GroupId, Group>, id: &str) -> Option<(GroupId, &'a mut Group)> {
    let id = Arc::clone(groups.get_key_value(id)?.0);
    let group = groups.get_mut(&id)?;
    Some((id, group))
}
