//! The partitions that the share coordinator keeps for the group. It is asked to when somebody reads them for the first time, and only
//! when it does are they assigned. What is asked for and what is kept is in one record, so that nothing is forgotten in between.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;

use super::offsets::Starts;
use super::{Partitions, ShareGroup, record};
use crate::groups::planned::PlannedTurn;
use crate::metadata::MetadataImage;
use crate::time::{Monotonic, Now};
use crate::types::TopicName;
use crate::wire::Uuid;
use crate::wire::messages::share_group_records::{ShareGroupStatePartitionMetadataValue, TopicPartitionsInfo};

/// A partition that the group has not read before begins where `share.auto.offset.reset` says.
pub(super) const FROM_CONFIG: i64 = -1;

/// The partitions of a group, by how far the share coordinator is with them.
#[derive(Clone, Debug, Default)]
pub(super) struct StatePartitions {
    /// There is a record of them.
    pub(super) is_recorded: bool,
    /// It was asked to keep them.
    pub(super) initializing: BTreeMap<Uuid, Kept>,
    /// It keeps them.
    pub(super) initialized: BTreeMap<Uuid, Kept>,
    /// It was asked to forget them.
    pub(super) deleting: BTreeSet<Uuid>,
}

/// Partitions of a topic.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Kept {
    pub(super) name: TopicName,
    pub(super) partitions: BTreeSet<i32>,
    /// When that was recorded, or loaded.
    pub(super) since: Monotonic,
}

/// What the share coordinator is asked to keep, once that it is asked is written down.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StateToKeep {
    /// The group's.
    pub(crate) epoch: i32,
    /// Where each partition begins; -1 leaves that to `share.auto.offset.reset`.
    pub(crate) starts: Starts,
}

impl StatePartitions {
    pub(super) fn of_record(value: &ShareGroupStatePartitionMetadataValue, now: Now) -> Self {
        let kept = |topic: &TopicPartitionsInfo| {
            let partitions = topic.partitions.iter().copied().collect();
            (topic.topic_id, Kept { name: Arc::from(&*topic.topic_name), partitions, since: now.monotonic })
        };
        Self {
            is_recorded: true,
            initializing: value.initializing_topics.iter().map(kept).collect(),
            initialized: value.initialized_topics.iter().map(kept).collect(),
            deleting: value.deleting_topics.iter().map(|topic| topic.topic_id).collect(),
        }
    }

    pub(super) fn initialized_partitions(&self) -> Partitions {
        self.initialized.iter().map(|(topic, kept)| (*topic, kept.partitions.clone())).collect()
    }

    /// The share coordinator is asked to keep more: what it was to forget of these topics it need not.
    pub(super) fn with_initializing(&self, more: BTreeMap<Uuid, Kept>) -> Self {
        let mut after = self.clone();
        for (topic, kept) in more {
            after.deleting.remove(&topic);
            add(&mut after.initializing, topic, kept);
        }
        // One that was on its way already.
        after.deleting.retain(|topic| !after.initializing.contains_key(topic));
        after
    }

    /// These partitions are no longer on their way.
    fn without_initializing(&self, partitions: &Partitions) -> Self {
        let mut after = self.clone();
        after.initializing.retain(|topic, kept| {
            let gone = partitions.get(topic);
            kept.partitions.retain(|partition| gone.is_none_or(|gone| !gone.contains(partition)));
            !kept.partitions.is_empty()
        });
        after
    }
}

impl ShareGroup {
    /// Whether partitions of topics that members read are kept, and nobody was ever to look at them.
    pub(super) fn has_unassigned_state(&self) -> bool {
        if self.members.is_empty() {
            return false;
        }
        let mut read =
            self.state.initialized.iter().filter(|(_, kept)| self.readers.contains_key(&kept.name)).peekable();
        if read.peek().is_none() {
            return false;
        }
        let mut assigned = Partitions::new();
        for (topic, partitions) in self.target.by_member.values().flatten() {
            assigned.entry(*topic).or_default().extend(partitions);
        }
        read.any(|(topic, kept)| assigned.get(topic) != Some(&kept.partitions))
    }

    /// Whether the share coordinator has been asked for something, and has not answered.
    pub(super) fn is_state_awaited(&self) -> bool {
        !self.state.initializing.is_empty()
    }

    /// Has the share coordinator keep what of these topics it does not; what it was asked for long ago, it is asked for again.
    pub(super) fn keep_state_of<'a>(
        &self,
        turn: &mut PlannedTurn<'_>,
        topics: impl Iterator<Item = &'a TopicName>,
        epoch: i32,
    ) {
        let retry_ms = turn.settings.share_initialize_retry_ms;
        let is_asked_for = |kept: &&Kept| turn.now.monotonic < kept.since.plus_ms(retry_ms);
        let mut missing: BTreeMap<Uuid, Kept> = BTreeMap::new();
        for found in topics.filter_map(|name| turn.image.topic(name)) {
            let asked = self.state.initializing.get(&found.id).filter(is_asked_for);
            let kept = self.state.initialized.get(&found.id);
            let is_known = |index: &i32| asked.into_iter().chain(kept).any(|known| known.partitions.contains(index));
            let partitions: BTreeSet<i32> = found.partitions.keys().copied().filter(|index| !is_known(index)).collect();
            if !partitions.is_empty() {
                let kept = Kept { name: found.name.clone(), partitions, since: turn.now.monotonic };
                missing.insert(found.id, kept);
            }
        }
        if missing.is_empty() {
            return;
        }
        let starts = missing
            .iter()
            .map(|(topic, kept)| (*topic, kept.partitions.iter().map(|partition| (*partition, FROM_CONFIG)).collect()));
        turn.plan.state_to_keep = Some(StateToKeep { epoch, starts: starts.collect() });
        self.write_state(turn, &self.state.with_initializing(missing));
    }

    /// The share coordinator keeps these partitions. Those of topics that are gone by now are forgotten.
    pub(crate) fn state_initialized(&self, turn: &mut PlannedTurn<'_>, partitions: &Partitions) {
        let mut after = self.state.without_initializing(partitions);
        for (topic, partitions) in partitions {
            if let Some(found) = turn.image.topics.get(topic) {
                let partitions = partitions.clone();
                let kept = Kept { name: found.name.clone(), partitions, since: turn.now.monotonic };
                add(&mut after.initialized, *topic, kept);
            }
        }
        self.write_state(turn, &after);
    }

    /// The share coordinator does not keep these partitions: the next heartbeat asks again.
    pub(crate) fn state_not_initialized(&self, turn: &mut PlannedTurn<'_>, partitions: &Partitions) {
        if !self.state.initializing.is_empty() {
            self.write_state(turn, &self.state.without_initializing(partitions));
        }
    }

    /// Topics are gone: nothing is kept of them.
    pub(crate) fn topics_gone(&self, turn: &mut PlannedTurn<'_>, gone: &BTreeSet<Uuid>) {
        let state = &self.state;
        let is_gone = |topic: &Uuid| gone.contains(topic);
        let mut known = state.initializing.keys().chain(state.initialized.keys()).chain(&state.deleting);
        if !known.any(is_gone) {
            return;
        }
        let mut after = state.clone();
        after.initializing.retain(|topic, _| !is_gone(topic));
        after.initialized.retain(|topic, _| !is_gone(topic));
        after.deleting.retain(|topic| !is_gone(topic));
        self.write_state(turn, &after);
    }

    pub(super) fn write_state(&self, turn: &mut PlannedTurn<'_>, state: &StatePartitions) {
        turn.write(record::state(turn.group, state, turn.image));
    }
}

/// Partitions of a topic join those that are there.
fn add(topics: &mut BTreeMap<Uuid, Kept>, topic: Uuid, more: Kept) {
    match topics.get_mut(&topic) {
        Some(kept) => {
            kept.partitions.extend(more.partitions);
            (kept.name, kept.since) = (more.name, more.since);
        }
        None => drop(topics.insert(topic, more)),
    }
}

/// A topic's name, as records have it of one that is gone.
pub(super) fn name_of(image: &MetadataImage, topic: Uuid) -> TopicName {
    image.topics.get(&topic).map_or_else(|| Arc::from("<UNKNOWN>"), |found| found.name.clone())
}
