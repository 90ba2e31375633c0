//! From records back to groups: when a partition is loaded, and when offsets are committed or groups forgotten.

use alloc::boxed::Box;
use alloc::sync::Arc;

use super::classic::ClassicGroup;
use super::committed::CommittedOffset;
use super::consumer::ConsumerGroup;
use super::coordinator::Coordinator;
use super::group::{Group, GroupId, GroupKind, GroupType};
use super::share::ShareGroup;
use super::streams::StreamsGroup;
use crate::coordinators::Replay;
use crate::records::TransactionResult;
use crate::time::Now;
use crate::types::{Offset, ProducerId};
use crate::wire::messages::offset_records::{OffsetCommitKey, OffsetCommitValue};
use crate::wire::{CoordinatorRecord, CoordinatorTopic, Str};

impl Replay for Coordinator {
    const TOPIC: CoordinatorTopic = CoordinatorTopic::ConsumerOffsets;

    fn apply(&mut self, now: Now, record: &CoordinatorRecord, at: Offset, producer: Option<ProducerId>) {
        self.replay(now, record, at, producer);
    }

    fn apply_end(&mut self, now: Now, producer: ProducerId, result: TransactionResult) {
        self.end_transaction(now, producer, result);
    }
}

impl Coordinator {
    /// Applies one record, which is at this offset of the log; of a producer where it belongs to a transaction.
    pub(crate) fn replay(&mut self, now: Now, record: &CoordinatorRecord, at: Offset, producer: Option<ProducerId>) {
        if let CoordinatorRecord::OffsetCommit(key, value) = record {
            return self.replay_offset(now, key, value.as_ref(), at, producer);
        }
        let before = self.members_told_of(record);
        self.replay_group(now, record);
        self.member_count = (self.member_count + self.members_told_of(record)).saturating_sub(before);
    }

    fn members_told_of(&self, record: &CoordinatorRecord) -> usize {
        let group = match record {
            CoordinatorRecord::GroupMetadata(key, _) => &key.group,
            other => match planned_group_of(other) {
                Some((group, _)) => group,
                None => return 0,
            },
        };
        self.groups.get(&**group).map_or(0, Group::member_count)
    }

    fn replay_group(&mut self, now: Now, record: &CoordinatorRecord) {
        use CoordinatorRecord as Record;
        if let Some((group, is_there)) = ConsumerGroup::is_told_by(record) {
            return self.replay_consumer(now, group, record, is_there);
        }
        if let Some((group, is_there)) = ShareGroup::is_told_by(record) {
            return self.replay_share(now, group, record, is_there);
        }
        if let Some((group, is_there)) = StreamsGroup::is_told_by(record) {
            return self.replay_streams(now, group, record, is_there);
        }
        match record {
            Record::GroupMetadata(key, Some(value)) => {
                let group = self.groups.entry(Arc::from(&*key.group)).or_insert_with(|| Group::new(now));
                group.kind = GroupKind::Classic(Box::new(ClassicGroup::from_record(value, now)));
            }
            Record::GroupMetadata(key, None) => self.forget(now, &key.group, GroupType::Classic),
            _ => {}
        }
    }

    /// A producer's transaction ends: its offsets count from now on, or never will.
    pub(crate) fn end_transaction(&mut self, now: Now, producer: ProducerId, result: TransactionResult) {
        let ended = self.undecided.end(producer);
        if result == TransactionResult::Abort {
            return;
        }
        for ((group, topic, partition), committed) in ended {
            let known = self.groups.get(&group).and_then(|known| known.offset(&topic, partition));
            if known.is_none_or(|known| known.recorded_at < committed.recorded_at) {
                self.put_offset(now, &group, &topic, partition, committed);
            }
        }
    }

    fn replay_offset(
        &mut self,
        now: Now,
        key: &OffsetCommitKey,
        value: Option<&OffsetCommitValue>,
        at: Offset,
        producer: Option<ProducerId>,
    ) {
        let (group, topic, partition) = (&*key.group, &*key.topic, key.partition);
        match (value, producer) {
            (Some(value), None) => {
                self.put_offset(now, group, topic, partition, CommittedOffset::from_record(value, at));
            }
            (Some(value), Some(producer)) => {
                let group = GroupId::from(group);
                self.groups.entry(Arc::clone(&group)).or_insert_with(|| Group::new(now));
                let committed = CommittedOffset::from_record(value, at);
                self.undecided.insert(producer, (group, topic.into(), partition), committed);
            }
            (None, _) => {
                if let Some(known) = self.groups.get_mut(group) {
                    known.remove_offset(topic, partition);
                }
                if !self.undecided.is_empty() {
                    self.undecided.forget(&(group.into(), topic.into(), partition));
                }
            }
        }
    }

    fn replay_consumer(&mut self, now: Now, group: &str, record: &CoordinatorRecord, is_there: bool) {
        if let (CoordinatorRecord::ConsumerGroupMetadata(..), false) = (record, is_there) {
            return self.forget(now, group, GroupType::Consumer);
        }
        let known = match self.groups.get_mut(group) {
            Some(known) => known,
            // Of a group that is gone.
            None if !is_there => return,
            None => self.groups.entry(group.into()).or_insert_with(|| Group::new(now)),
        };
        if known.consumer().is_none() && is_there {
            known.kind = GroupKind::Consumer(Box::new(ConsumerGroup::new()));
        }
        if let Some(consumer) = known.consumer_mut() {
            consumer.replay(record);
        }
    }

    fn replay_share(&mut self, now: Now, group: &str, record: &CoordinatorRecord, is_there: bool) {
        if let (CoordinatorRecord::ShareGroupMetadata(..), false) = (record, is_there) {
            return self.forget(now, group, GroupType::Share);
        }
        let known = match self.groups.get_mut(group) {
            Some(known) => known,
            // Of a group that is gone.
            None if !is_there => return,
            None => self.groups.entry(group.into()).or_insert_with(|| Group::new(now)),
        };
        if known.share().is_none() && is_there {
            known.kind = GroupKind::Share(Box::new(ShareGroup::new()));
        }
        if let Some(share) = known.share_mut() {
            share.replay(now, record);
        }
    }

    fn replay_streams(&mut self, now: Now, group: &str, record: &CoordinatorRecord, is_there: bool) {
        if let (CoordinatorRecord::StreamsGroupMetadata(..), false) = (record, is_there) {
            return self.forget(now, group, GroupType::Streams);
        }
        let known = match self.groups.get_mut(group) {
            Some(known) => known,
            // Of a group that is gone.
            None if !is_there => return,
            None => self.groups.entry(group.into()).or_insert_with(|| Group::new(now)),
        };
        if known.streams().is_none() && is_there {
            known.kind = GroupKind::Streams(Box::new(StreamsGroup::new()));
        }
        if let Some(streams) = known.streams_mut() {
            streams.replay(record);
        }
    }

    /// A group is gone, unless it has become one of another type. If it still has offsets, only those are left of it.
    fn forget(&mut self, now: Now, group: &str, group_type: GroupType) {
        let Some(known) = self.groups.get_mut(group).filter(|known| known.group_type() == group_type) else { return };
        if known.offsets.is_empty() && !self.undecided.contains_group(group) {
            self.groups.remove(group);
        } else {
            known.kind = GroupKind::Classic(Box::new(ClassicGroup::new(now)));
        }
    }
}

/// The group of a record of the protocols by which the coordinator assigns, and whether it says something.
fn planned_group_of(record: &CoordinatorRecord) -> Option<(&Str, bool)> {
    ConsumerGroup::is_told_by(record)
        .or_else(|| ShareGroup::is_told_by(record))
        .or_else(|| StreamsGroup::is_told_by(record))
}

#[cfg(test)]
#[path = "replay_tests.rs"]
mod tests;
