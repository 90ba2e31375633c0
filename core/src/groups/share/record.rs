//! A share group's records: those that events write, and what each does to a group when it is replayed.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::member::{About, Member};
use super::state::{Kept, StatePartitions, name_of};
use super::{LEAVING_EPOCH, Partitions, ShareGroup};
use crate::groups::group::MemberId;
use crate::metadata::MetadataImage;
use crate::time::Now;
use crate::wire::messages::share_group_records::{
    ShareGroupCurrentMemberAssignmentKey, ShareGroupCurrentMemberAssignmentValue, ShareGroupMemberMetadataKey,
    ShareGroupMemberMetadataValue, ShareGroupMetadataKey, ShareGroupMetadataValue, ShareGroupStatePartitionMetadataKey,
    ShareGroupStatePartitionMetadataValue, ShareGroupTargetAssignmentMemberKey, ShareGroupTargetAssignmentMemberValue,
    ShareGroupTargetAssignmentMetadataKey, ShareGroupTargetAssignmentMetadataValue, TopicInfo, TopicPartition,
    TopicPartitions, TopicPartitionsInfo,
};
use crate::wire::{CoordinatorRecord as Record, Str, Uuid};

/// The epoch of a group.
pub(super) fn group(group: &str, epoch: i32, metadata_hash: i64) -> Record {
    let value = ShareGroupMetadataValue { epoch, metadata_hash, ..Default::default() };
    Record::ShareGroupMetadata(group_key(group), Some(value))
}

/// What a member said of itself.
pub(super) fn member(group: &str, id: &str, about: &About) -> Record {
    let value = ShareGroupMemberMetadataValue {
        rack_id: about.rack_id.as_deref().map(Str::from),
        client_id: Str::from(&*about.client_id),
        client_host: Str::from(&*about.client_host),
        subscribed_topic_names: about.topics.iter().map(|topic| Str::from(&**topic)).collect(),
        ..Default::default()
    };
    Record::ShareGroupMemberMetadata(member_key(group, id), Some(value))
}

/// What a member shall have.
pub(super) fn target(group: &str, id: &str, partitions: &Partitions) -> Record {
    let topic = |(topic, partitions): (&Uuid, &BTreeSet<i32>)| TopicPartition {
        topic_id: *topic,
        partitions: partitions.iter().copied().collect(),
        ..Default::default()
    };
    let topic_partitions = partitions.iter().map(topic).collect();
    let value = ShareGroupTargetAssignmentMemberValue { topic_partitions, ..Default::default() };
    Record::ShareGroupTargetAssignmentMember(target_key(group, id), Some(value))
}

/// For which epoch all that was made, and when.
pub(super) fn target_made(group: &str, epoch: i32, made_ms: i64) -> Record {
    let value = ShareGroupTargetAssignmentMetadataValue {
        assignment_epoch: epoch,
        assignment_timestamp: made_ms,
        ..Default::default()
    };
    Record::ShareGroupTargetAssignmentMetadata(target_made_key(group), Some(value))
}

/// How far a member has got. It never waits: its state is 0.
pub(super) fn current(group: &str, id: &str, member: &Member) -> Record {
    let topic = |(topic, partitions): (&Uuid, &BTreeSet<i32>)| TopicPartitions {
        topic_id: *topic,
        partitions: partitions.iter().copied().collect(),
        ..Default::default()
    };
    let value = ShareGroupCurrentMemberAssignmentValue {
        member_epoch: member.epoch,
        previous_member_epoch: member.previous_epoch,
        assigned_partitions: member.assigned.iter().map(topic).collect(),
        ..Default::default()
    };
    Record::ShareGroupCurrentMemberAssignment(current_key(group, id), Some(value))
}

/// What the share coordinator keeps.
pub(super) fn state(group: &str, state: &StatePartitions, image: &MetadataImage) -> Record {
    let topics = |topics: &BTreeMap<Uuid, Kept>| {
        let topic = |(topic, kept): (&Uuid, &Kept)| TopicPartitionsInfo {
            topic_id: *topic,
            topic_name: Str::from(&*kept.name),
            partitions: kept.partitions.iter().copied().collect(),
            ..Default::default()
        };
        topics.iter().map(topic).collect()
    };
    let deleting = state.deleting.iter().map(|topic| TopicInfo {
        topic_id: *topic,
        topic_name: Str::from(&*name_of(image, *topic)),
        ..Default::default()
    });
    let value = ShareGroupStatePartitionMetadataValue {
        initializing_topics: topics(&state.initializing),
        initialized_topics: topics(&state.initialized),
        deleting_topics: deleting.collect(),
        ..Default::default()
    };
    Record::ShareGroupStatePartitionMetadata(state_key(group), Some(value))
}

/// A member goes, in the order that Kafka insists on.
pub(super) fn member_removed(group: &str, id: &str) -> [Record; 3] {
    [
        Record::ShareGroupCurrentMemberAssignment(current_key(group, id), None),
        Record::ShareGroupTargetAssignmentMember(target_key(group, id), None),
        Record::ShareGroupMemberMetadata(member_key(group, id), None),
    ]
}

/// A group goes, in the order that Kafka insists on.
pub(crate) fn group_removed<'a>(group: &str, members: impl Iterator<Item = &'a MemberId>) -> Vec<Record> {
    let mut records: Vec<Record> = members.flat_map(|id| member_removed(group, id)).collect();
    records.extend([
        Record::ShareGroupTargetAssignmentMetadata(target_made_key(group), None),
        Record::ShareGroupStatePartitionMetadata(state_key(group), None),
        Record::ShareGroupMetadata(group_key(group), None),
    ]);
    records
}

impl ShareGroup {
    /// Whether the record is of a share group; of which, and whether it says something rather than that something is gone.
    pub(crate) fn is_told_by(record: &Record) -> Option<(&Str, bool)> {
        Some(match record {
            Record::ShareGroupMetadata(key, value) => (&key.group_id, value.is_some()),
            Record::ShareGroupMemberMetadata(key, value) => (&key.group_id, value.is_some()),
            Record::ShareGroupTargetAssignmentMetadata(key, value) => (&key.group_id, value.is_some()),
            Record::ShareGroupTargetAssignmentMember(key, value) => (&key.group_id, value.is_some()),
            Record::ShareGroupCurrentMemberAssignment(key, value) => (&key.group_id, value.is_some()),
            Record::ShareGroupStatePartitionMetadata(key, value) => (&key.group_id, value.is_some()),
            _ => return None,
        })
    }

    /// Applies a record of this group. That the group itself is gone is for its coordinator.
    pub(crate) fn replay(&mut self, now: Now, record: &Record) {
        self.topics_seen = None;
        match record {
            Record::ShareGroupMetadata(_, Some(value)) => {
                (self.epoch, self.metadata_hash) = (value.epoch, value.metadata_hash);
            }
            Record::ShareGroupMemberMetadata(key, value) => self.replay_about(&key.member_id, value.as_ref()),
            Record::ShareGroupTargetAssignmentMetadata(_, value) => {
                let made = value.as_ref().map(|value| (value.assignment_epoch, value.assignment_timestamp));
                (self.target.epoch, self.target.made_ms) = made.unwrap_or((-1, 0));
            }
            Record::ShareGroupTargetAssignmentMember(key, value) => self.replay_target(&key.member_id, value.as_ref()),
            Record::ShareGroupCurrentMemberAssignment(key, value) => {
                self.replay_current(&key.member_id, value.as_ref());
            }
            Record::ShareGroupStatePartitionMetadata(_, value) => {
                self.state = value.as_ref().map(|value| StatePartitions::of_record(value, now)).unwrap_or_default();
            }
            _ => {}
        }
    }

    fn replay_about(&mut self, id: &str, value: Option<&ShareGroupMemberMetadataValue>) {
        let Some(value) = value else { return self.remove(id) };
        let (id, before) = self.known_or_new(id);
        let about = About {
            rack_id: value.rack_id.as_deref().map(Arc::from),
            client_id: Arc::from(&*value.client_id),
            client_host: Arc::from(&*value.client_host),
            topics: value.subscribed_topic_names.iter().map(|topic| Arc::from(&**topic)).collect(),
        };
        self.put(id, Member { about: Arc::new(about), ..before });
    }

    fn replay_target(&mut self, id: &str, value: Option<&ShareGroupTargetAssignmentMemberValue>) {
        let Some(value) = value else {
            self.target.by_member.remove(id);
            return;
        };
        let topics = value.topic_partitions.iter().map(|topic| (topic.topic_id, &*topic.partitions));
        let id = self.members.get_key_value(id).map_or_else(|| id.into(), |(id, _)| Arc::clone(id));
        self.target.by_member.insert(id, partitions_of(topics));
    }

    fn replay_current(&mut self, id: &str, value: Option<&ShareGroupCurrentMemberAssignmentValue>) {
        let Some(value) = value else {
            if let Some(before) = self.members.get(id).cloned() {
                let assigned = Partitions::new();
                self.put(id.into(), Member { epoch: LEAVING_EPOCH, previous_epoch: LEAVING_EPOCH, assigned, ..before });
            }
            return;
        };
        let (id, before) = self.known_or_new(id);
        let topics = value.assigned_partitions.iter().map(|topic| (topic.topic_id, &*topic.partitions));
        let member = Member {
            epoch: value.member_epoch,
            previous_epoch: value.previous_member_epoch,
            assigned: partitions_of(topics),
            about: before.about,
        };
        self.put(id, member);
    }

    fn known_or_new(&self, id: &str) -> (MemberId, Member) {
        match self.members.get_key_value(id) {
            Some((id, member)) => (Arc::clone(id), member.clone()),
            None => (id.into(), Member::new()),
        }
    }
}

fn partitions_of<'a>(topics: impl Iterator<Item = (Uuid, &'a [i32])>) -> Partitions {
    let mut partitions = Partitions::new();
    for (topic, of_topic) in topics.filter(|(_, of_topic)| !of_topic.is_empty()) {
        partitions.entry(topic).or_default().extend(of_topic);
    }
    partitions
}

fn group_key(group: &str) -> ShareGroupMetadataKey {
    ShareGroupMetadataKey { group_id: Str::from(group), ..Default::default() }
}

fn member_key(group: &str, id: &str) -> ShareGroupMemberMetadataKey {
    ShareGroupMemberMetadataKey { group_id: Str::from(group), member_id: Str::from(id), ..Default::default() }
}

fn target_key(group: &str, id: &str) -> ShareGroupTargetAssignmentMemberKey {
    ShareGroupTargetAssignmentMemberKey { group_id: Str::from(group), member_id: Str::from(id), ..Default::default() }
}

fn target_made_key(group: &str) -> ShareGroupTargetAssignmentMetadataKey {
    ShareGroupTargetAssignmentMetadataKey { group_id: Str::from(group), ..Default::default() }
}

fn current_key(group: &str, id: &str) -> ShareGroupCurrentMemberAssignmentKey {
    ShareGroupCurrentMemberAssignmentKey { group_id: Str::from(group), member_id: Str::from(id), ..Default::default() }
}

fn state_key(group: &str) -> ShareGroupStatePartitionMetadataKey {
    ShareGroupStatePartitionMetadataKey { group_id: Str::from(group), ..Default::default() }
}
