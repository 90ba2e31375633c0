//! A consumer group's records: those that events write, and what each does to a group when it is replayed.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;

use super::member::{About, ClassicMember};
use super::{ConsumerGroup, Held, LEAVING_EPOCH, Member, MemberState, Partitions, Resolved};
use crate::groups::classic::Protocol;
use crate::groups::group::MemberId;
use crate::types::Offset;
use crate::wire::messages::consumer_group_records::{
    ClassicMemberMetadata, ClassicProtocol, ConsumerGroupCurrentMemberAssignmentKey,
    ConsumerGroupCurrentMemberAssignmentValue, ConsumerGroupMemberMetadataKey, ConsumerGroupMemberMetadataValue,
    ConsumerGroupMetadataKey, ConsumerGroupMetadataValue, ConsumerGroupPartitionMetadataKey,
    ConsumerGroupRegularExpressionKey, ConsumerGroupRegularExpressionValue, ConsumerGroupTargetAssignmentMemberKey,
    ConsumerGroupTargetAssignmentMemberValue, ConsumerGroupTargetAssignmentMetadataKey,
    ConsumerGroupTargetAssignmentMetadataValue, TopicPartition, TopicPartitions,
};
use crate::wire::{CoordinatorRecord as Record, Slice, Str, Uuid};

/// The epoch of a group or an assignment.
pub(super) fn group(group: &str, epoch: i32, metadata_hash: i64) -> Record {
    let value = ConsumerGroupMetadataValue { epoch, metadata_hash, ..Default::default() };
    Record::ConsumerGroupMetadata(group_key(group), Some(value))
}

/// What a member said of itself.
pub(super) fn member(group: &str, id: &str, about: &About) -> Record {
    let text = |text: &Option<Arc<str>>| text.as_deref().map(Str::from);
    let value = ConsumerGroupMemberMetadataValue {
        instance_id: text(&about.instance_id),
        rack_id: text(&about.rack_id),
        client_id: Str::from(&*about.client_id),
        client_host: Str::from(&*about.client_host),
        subscribed_topic_names: about.topics.iter().map(|topic| Str::from(&**topic)).collect(),
        subscribed_topic_regex: Some(text(&about.regex).unwrap_or_default()),
        rebalance_timeout_ms: about.rebalance_timeout_ms,
        server_assignor: text(&about.assignor),
        classic_member_metadata: about.classic.as_ref().map(classic_metadata),
        ..Default::default()
    };
    Record::ConsumerGroupMemberMetadata(member_key(group, id), Some(value))
}

/// What a member shall have.
pub(super) fn target(group: &str, id: &str, partitions: &Partitions) -> Record {
    let topic = |(topic, partitions): (&Uuid, &Vec<i32>)| TopicPartition {
        topic_id: *topic,
        partitions: partitions.clone(),
        ..Default::default()
    };
    let topic_partitions = partitions.iter().map(topic).collect();
    let value = ConsumerGroupTargetAssignmentMemberValue { topic_partitions, ..Default::default() };
    Record::ConsumerGroupTargetAssignmentMember(target_key(group, id), Some(value))
}

/// For which epoch all that was made, and when.
pub(super) fn target_made(group: &str, epoch: i32, made_ms: i64) -> Record {
    let value = ConsumerGroupTargetAssignmentMetadataValue {
        assignment_epoch: epoch,
        assignment_timestamp: made_ms,
        ..Default::default()
    };
    Record::ConsumerGroupTargetAssignmentMetadata(target_made_key(group), Some(value))
}

/// How far a member has got.
pub(super) fn current(group: &str, id: &str, member: &Member) -> Record {
    let value = ConsumerGroupCurrentMemberAssignmentValue {
        member_epoch: member.epoch,
        previous_member_epoch: member.previous_epoch,
        state: member.state as i8,
        assigned_partitions: held_to_record(&member.assigned),
        partitions_pending_revocation: held_to_record(&member.revoking),
        ..Default::default()
    };
    Record::ConsumerGroupCurrentMemberAssignment(current_key(group, id), Some(value))
}

/// Which topics a regular expression matches.
pub(super) fn regex(group: &str, regex: &str, resolved: &Resolved) -> Record {
    let value = ConsumerGroupRegularExpressionValue {
        topics: resolved.topics.iter().map(|topic| Str::from(&**topic)).collect(),
        version: resolved.version.0,
        timestamp: resolved.resolved_ms,
        ..Default::default()
    };
    Record::ConsumerGroupRegularExpression(regex_key(group, regex), Some(value))
}

pub(super) fn regex_removed(group: &str, regex: &str) -> Record {
    Record::ConsumerGroupRegularExpression(regex_key(group, regex), None)
}

/// What Kafka 4.0 wrote of the topics goes: newer brokers have the hash instead.
pub(super) fn topics_removed(group: &str) -> Record {
    let key = ConsumerGroupPartitionMetadataKey { group_id: Str::from(group), ..Default::default() };
    Record::ConsumerGroupPartitionMetadata(key, None)
}

/// A member goes, in the order that Kafka insists on.
pub(super) fn member_removed(group: &str, id: &str) -> [Record; 3] {
    [
        Record::ConsumerGroupCurrentMemberAssignment(current_key(group, id), None),
        Record::ConsumerGroupTargetAssignmentMember(target_key(group, id), None),
        Record::ConsumerGroupMemberMetadata(member_key(group, id), None),
    ]
}

/// A group goes, in the order that Kafka insists on.
pub(crate) fn group_removed<'a>(
    group: &str,
    members: impl Iterator<Item = &'a MemberId> + Clone,
    regexes: impl Iterator<Item = &'a Arc<str>>,
) -> Vec<Record> {
    let mut records: Vec<Record> = members.flat_map(|id| member_removed(group, id)).collect();
    records.extend(regexes.map(|regex| regex_removed(group, regex)));
    records.extend([
        Record::ConsumerGroupTargetAssignmentMetadata(target_made_key(group), None),
        topics_removed(group),
        Record::ConsumerGroupMetadata(group_key(group), None),
    ]);
    records
}

impl ConsumerGroup {
    /// Whether the record is of a consumer group; of which, and whether it says something rather than that something is gone.
    pub(crate) fn is_told_by(record: &Record) -> Option<(&Str, bool)> {
        Some(match record {
            Record::ConsumerGroupMetadata(key, value) => (&key.group_id, value.is_some()),
            Record::ConsumerGroupPartitionMetadata(key, value) => (&key.group_id, value.is_some()),
            Record::ConsumerGroupMemberMetadata(key, value) => (&key.group_id, value.is_some()),
            Record::ConsumerGroupTargetAssignmentMetadata(key, value) => (&key.group_id, value.is_some()),
            Record::ConsumerGroupTargetAssignmentMember(key, value) => (&key.group_id, value.is_some()),
            Record::ConsumerGroupCurrentMemberAssignment(key, value) => (&key.group_id, value.is_some()),
            Record::ConsumerGroupRegularExpression(key, value) => (&key.group_id, value.is_some()),
            _ => return None,
        })
    }

    /// Applies a record of this group. That the group itself is gone is for its coordinator.
    pub(crate) fn replay(&mut self, record: &Record) {
        match record {
            Record::ConsumerGroupMetadata(_, Some(value)) => {
                (self.epoch, self.metadata_hash) = (value.epoch, value.metadata_hash);
            }
            Record::ConsumerGroupPartitionMetadata(_, value) => self.has_topics_record = value.is_some(),
            Record::ConsumerGroupMemberMetadata(key, value) => self.replay_about(&key.member_id, value.as_ref()),
            Record::ConsumerGroupTargetAssignmentMetadata(_, value) => {
                let made = value.as_ref().map(|value| (value.assignment_epoch, value.assignment_timestamp));
                (self.target.epoch, self.target.made_ms) = made.unwrap_or((-1, 0));
            }
            Record::ConsumerGroupTargetAssignmentMember(key, value) => {
                self.replay_target(&key.member_id, value.as_ref())
            }
            Record::ConsumerGroupCurrentMemberAssignment(key, value) => {
                self.replay_current(&key.member_id, value.as_ref())
            }
            Record::ConsumerGroupRegularExpression(key, value) => {
                self.replay_regex(&key.regular_expression, value.as_ref());
            }
            _ => {}
        }
    }

    fn replay_about(&mut self, id: &str, value: Option<&ConsumerGroupMemberMetadataValue>) {
        let Some(value) = value else { return self.remove(id) };
        let (id, before) = self.known_or_new(id);
        self.put(id, Member { about: Arc::new(about_of(value)), ..before });
    }

    fn replay_target(&mut self, id: &str, value: Option<&ConsumerGroupTargetAssignmentMemberValue>) {
        let Some(value) = value else {
            self.target.by_member.remove(id);
            return;
        };
        let mut partitions = Partitions::new();
        for topic in &value.topic_partitions {
            partitions.entry(topic.topic_id).or_default().extend(&topic.partitions);
        }
        for of_topic in partitions.values_mut() {
            of_topic.sort_unstable();
            of_topic.dedup();
        }
        partitions.retain(|_, of_topic| !of_topic.is_empty());
        let id = self.members.get_key_value(id).map_or_else(|| id.into(), |(id, _)| Arc::clone(id));
        self.target.by_member.insert(id, partitions);
    }

    fn replay_current(&mut self, id: &str, value: Option<&ConsumerGroupCurrentMemberAssignmentValue>) {
        let Some(value) = value else {
            if let Some(before) = self.members.get(id).cloned() {
                let gone = Member {
                    epoch: LEAVING_EPOCH,
                    previous_epoch: LEAVING_EPOCH,
                    assigned: Held::new(),
                    revoking: Held::new(),
                    ..before
                };
                self.put(id.into(), gone);
            }
            return;
        };
        let (id, before) = self.known_or_new(id);
        let member = Member {
            epoch: value.member_epoch,
            previous_epoch: value.previous_member_epoch,
            state: MemberState::from_number(value.state),
            assigned: held_of_record(&value.assigned_partitions, value.member_epoch),
            revoking: held_of_record(&value.partitions_pending_revocation, value.member_epoch),
            about: before.about,
        };
        self.put(id, member);
    }

    fn replay_regex(&mut self, regex: &str, value: Option<&ConsumerGroupRegularExpressionValue>) {
        let Some(value) = value else {
            self.regexes.remove(regex);
            return;
        };
        let resolved = Resolved {
            topics: value.topics.iter().map(|topic| Arc::from(&**topic)).collect(),
            version: Offset(value.version),
            resolved_ms: value.timestamp,
        };
        self.regexes.insert(regex.into(), resolved);
    }

    fn known_or_new(&self, id: &str) -> (MemberId, Member) {
        match self.members.get_key_value(id) {
            Some((id, member)) => (Arc::clone(id), member.clone()),
            None => (id.into(), Member::new()),
        }
    }

    /// The records that make this group out of nothing.
    pub(super) fn to_records(&self, id: &str) -> Vec<Record> {
        let mut records: Vec<Record> = self.members.iter().map(|(of, known)| member(id, of, &known.about)).collect();
        records.push(group(id, self.epoch, self.metadata_hash));
        records.extend(self.members.keys().map(|of| target(id, of, self.target_of(of))));
        records.push(target_made(id, self.target.epoch, self.target.made_ms));
        records.extend(self.members.iter().map(|(of, known)| current(id, of, known)));
        records
    }
}

fn about_of(value: &ConsumerGroupMemberMetadataValue) -> About {
    let text = |text: &Option<Str>| text.as_deref().map(Arc::from);
    let protocol = |protocol: &ClassicProtocol| Protocol {
        name: Arc::from(&*protocol.name),
        metadata: Bytes::copy_from_slice(&protocol.metadata),
    };
    About {
        instance_id: text(&value.instance_id),
        rack_id: text(&value.rack_id),
        client_id: Arc::from(&*value.client_id),
        client_host: Arc::from(&*value.client_host),
        topics: value.subscribed_topic_names.iter().map(|topic| Arc::from(&**topic)).collect(),
        regex: text(&value.subscribed_topic_regex).filter(|regex: &Arc<str>| !regex.is_empty()),
        assignor: text(&value.server_assignor),
        rebalance_timeout_ms: value.rebalance_timeout_ms,
        classic: value.classic_member_metadata.as_ref().map(|classic| ClassicMember {
            session_timeout_ms: classic.session_timeout_ms,
            protocols: classic.supported_protocols.iter().map(protocol).collect(),
        }),
    }
}

fn classic_metadata(classic: &ClassicMember) -> ClassicMemberMetadata {
    let protocol = |protocol: &Protocol| ClassicProtocol {
        name: Str::from(&*protocol.name),
        metadata: Slice::from(protocol.metadata.clone()),
        ..Default::default()
    };
    ClassicMemberMetadata {
        session_timeout_ms: classic.session_timeout_ms,
        supported_protocols: classic.protocols.iter().map(protocol).collect(),
        ..Default::default()
    }
}

fn held_to_record(held: &Held) -> Vec<TopicPartitions> {
    let topic = |(topic, partitions): (&Uuid, &BTreeMap<i32, i32>)| TopicPartitions {
        topic_id: *topic,
        partitions: partitions.keys().copied().collect(),
        assignment_epochs: Some(partitions.values().copied().collect()),
        ..Default::default()
    };
    held.iter().map(topic).collect()
}

/// Where a record does not say since when, it is since the member's epoch; of a member that is away, since ever.
fn held_of_record(topics: &[TopicPartitions], member_epoch: i32) -> Held {
    let mut held = Held::new();
    for topic in topics.iter().filter(|topic| !topic.partitions.is_empty()) {
        let epochs = topic.assignment_epochs.as_deref().filter(|epochs| epochs.len() == topic.partitions.len());
        let default = vec![member_epoch.max(0); topic.partitions.len()];
        let epochs = epochs.unwrap_or(&default);
        held.entry(topic.topic_id).or_default().extend(topic.partitions.iter().copied().zip(epochs.iter().copied()));
    }
    held
}

fn group_key(group: &str) -> ConsumerGroupMetadataKey {
    ConsumerGroupMetadataKey { group_id: Str::from(group), ..Default::default() }
}

fn member_key(group: &str, id: &str) -> ConsumerGroupMemberMetadataKey {
    ConsumerGroupMemberMetadataKey { group_id: Str::from(group), member_id: Str::from(id), ..Default::default() }
}

fn target_key(group: &str, id: &str) -> ConsumerGroupTargetAssignmentMemberKey {
    ConsumerGroupTargetAssignmentMemberKey {
        group_id: Str::from(group),
        member_id: Str::from(id),
        ..Default::default()
    }
}

fn target_made_key(group: &str) -> ConsumerGroupTargetAssignmentMetadataKey {
    ConsumerGroupTargetAssignmentMetadataKey { group_id: Str::from(group), ..Default::default() }
}

fn current_key(group: &str, id: &str) -> ConsumerGroupCurrentMemberAssignmentKey {
    ConsumerGroupCurrentMemberAssignmentKey {
        group_id: Str::from(group),
        member_id: Str::from(id),
        ..Default::default()
    }
}

fn regex_key(group: &str, regex: &str) -> ConsumerGroupRegularExpressionKey {
    ConsumerGroupRegularExpressionKey {
        group_id: Str::from(group),
        regular_expression: Str::from(regex),
        ..Default::default()
    }
}
