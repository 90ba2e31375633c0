//! OffsetFetch: how far groups have read.

use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;

use super::Caller;
use super::group_answer::{self, GroupResponse};
use crate::broker::Broker;
use crate::error_code::ErrorCode;
use crate::groups::{CommittedOffset, Coordinator, Group, GroupId};
use crate::metadata::MetadataImage;
use crate::time::Now;
use crate::types::TopicName;
use crate::wire::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
    OffsetFetchResponse, OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use crate::wire::{Str, Uuid};

/// First version that asks for several groups.
const GROUPS_SINCE: i16 = 8;
/// First version that names topics by id.
const TOPIC_IDS_SINCE: i16 = 10;
/// First version whose answer can say that all of it failed.
const ERROR_SINCE: i16 = 2;
const NO_OFFSET: i64 = -1;

/// An answer, whatever its version looks like.
#[derive(Debug)]
pub(crate) struct OffsetFetchAnswer {
    pub(crate) groups: Vec<OffsetFetchResponseGroup>,
}

pub(crate) fn handle(broker: &mut Broker, now: Now, caller: Caller, request: OffsetFetchRequest) {
    let require_stable = request.require_stable;
    let mut asked = request.groups;
    if caller.version < GROUPS_SINCE {
        let topics = request.topics.map(|topics| topics.into_iter().map(newer).collect());
        asked = vec![OffsetFetchRequestGroup { group_id: request.group_id, topics, ..Default::default() }];
    }
    let mut partitions = Vec::new();
    let mut groups = Vec::new();
    let mut seen = BTreeSet::new();
    // Each once, and so with partitions: what was committed may be much larger than the question.
    for group in asked.iter().filter(|group| seen.insert(&group.group_id)) {
        groups.push(match broker.coordinator_of(&group.group_id) {
            Ok(index) => {
                partitions.push(index);
                let coordinator = broker.groups.serving(index).expect("it was just found");
                fetch(coordinator, broker.metadata.image(), group, caller.version, require_stable)
            }
            Err(error) => {
                let mut refused = unanswered(group);
                refuse(&mut refused, caller.version, error);
                refused
            }
        });
    }
    let answer = GroupResponse::OffsetFetch(OffsetFetchAnswer { groups });
    group_answer::answer(broker, now, caller, answer, partitions);
}

/// What was said of a group does not count.
pub(crate) fn refuse(group: &mut OffsetFetchResponseGroup, version: i16, error: ErrorCode) {
    if version >= ERROR_SINCE {
        group.topics = Vec::new();
        group.error_code = error.number();
        return;
    }
    for partition in group.topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
        *partition = no_offset(partition.partition_index, error);
    }
}

impl OffsetFetchAnswer {
    /// The answer in the form of this version.
    pub(crate) fn into_response(mut self, version: i16) -> OffsetFetchResponse {
        if version >= GROUPS_SINCE {
            return OffsetFetchResponse { groups: self.groups, ..Default::default() };
        }
        let group = self.groups.pop().unwrap_or_default();
        let topics = group.topics.into_iter().map(older).collect();
        OffsetFetchResponse { topics, error_code: group.error_code, ..Default::default() }
    }
}

/// A group that is asked about, and how.
struct Reading<'a> {
    coordinator: &'a Coordinator,
    image: &'a MetadataImage,
    known: Option<(&'a GroupId, &'a Group)>,
    uses_ids: bool,
    require_stable: bool,
}

fn fetch(
    coordinator: &Coordinator,
    image: &MetadataImage,
    asked: &OffsetFetchRequestGroup,
    version: i16,
    require_stable: bool,
) -> OffsetFetchResponseGroup {
    let known = coordinator.groups.get_key_value(&*asked.group_id);
    let checked =
        known.map_or(Ok(()), |(_, group)| group.check_offset_fetch(asked.member_id.as_deref(), asked.member_epoch));
    if let Err(error) = checked {
        let mut refused = unanswered(asked);
        refuse(&mut refused, version, error);
        return refused;
    }
    let reading = Reading { coordinator, image, known, uses_ids: version >= TOPIC_IDS_SINCE, require_stable };
    let topics = match &asked.topics {
        None => reading.all(),
        Some(topics) => reading.some(topics),
    };
    OffsetFetchResponseGroup { group_id: asked.group_id.clone(), topics, ..Default::default() }
}

impl Reading<'_> {
    /// All offsets of topics that can be named.
    fn all(&self) -> Vec<OffsetFetchResponseTopics> {
        let offsets = self.known.iter().flat_map(|(_, group)| &group.offsets);
        let topics = offsets.filter_map(|(topic, partitions)| {
            let topic_id = if self.uses_ids { *self.image.topic_ids.get(topic)? } else { Uuid::ZERO };
            let partitions = partitions.keys().map(|index| self.partition(topic, topic_id, *index)).collect();
            let name = Str::from(&**topic);
            Some(OffsetFetchResponseTopics { name, topic_id, partitions, ..Default::default() })
        });
        topics.collect()
    }

    fn some(&self, topics: &[OffsetFetchRequestTopics]) -> Vec<OffsetFetchResponseTopics> {
        let mut seen = BTreeSet::new();
        let topic = |topic: &OffsetFetchRequestTopics| {
            let name = if self.uses_ids {
                self.image.topics.get(&topic.topic_id).map(|found| found.name.clone())
            } else {
                Some(TopicName::from(&*topic.name))
            };
            let mut partitions = Vec::new();
            for index in topic.partition_indexes.iter().copied() {
                if seen.insert((topic.topic_id, topic.name.clone(), index)) {
                    partitions.push(match &name {
                        Some(name) => self.partition(name, topic.topic_id, index),
                        None => no_offset(index, ErrorCode::UnknownTopicId),
                    });
                }
            }
            let (name, topic_id) = (topic.name.clone(), topic.topic_id);
            OffsetFetchResponseTopics { name, topic_id, partitions, ..Default::default() }
        };
        topics.iter().map(topic).collect()
    }

    fn partition(&self, topic: &TopicName, topic_id: Uuid, index: i32) -> OffsetFetchResponsePartitions {
        let Some((group, known)) = self.known else { return no_offset(index, ErrorCode::None) };
        if self.require_stable && self.coordinator.is_undecided(group, topic, index) {
            return no_offset(index, ErrorCode::UnstableOffsetCommit);
        }
        // One that was committed for a topic that had the name before does not count.
        let is_of_topic = |offset: &&CommittedOffset| {
            offset.topic_id == Uuid::ZERO || topic_id == Uuid::ZERO || offset.topic_id == topic_id
        };
        match known.offset(topic, index).filter(is_of_topic) {
            Some(offset) => shown(index, offset),
            None => no_offset(index, ErrorCode::None),
        }
    }
}

fn shown(partition_index: i32, committed: &CommittedOffset) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions {
        partition_index,
        committed_offset: committed.offset.0,
        committed_leader_epoch: committed.leader_epoch.0,
        metadata: Some(committed.metadata()),
        ..Default::default()
    }
}

fn no_offset(partition_index: i32, error: ErrorCode) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions {
        partition_index,
        committed_offset: NO_OFFSET,
        metadata: Some(Str::default()),
        error_code: error.number(),
        ..Default::default()
    }
}

/// The partitions that were asked for, before anything is known of them.
fn unanswered(asked: &OffsetFetchRequestGroup) -> OffsetFetchResponseGroup {
    let topics = asked.topics.iter().flatten().map(|topic| OffsetFetchResponseTopics {
        name: topic.name.clone(),
        topic_id: topic.topic_id,
        partitions: topic.partition_indexes.iter().map(|index| no_offset(*index, ErrorCode::None)).collect(),
        ..Default::default()
    });
    OffsetFetchResponseGroup { group_id: asked.group_id.clone(), topics: topics.collect(), ..Default::default() }
}

fn newer(topic: OffsetFetchRequestTopic) -> OffsetFetchRequestTopics {
    OffsetFetchRequestTopics { name: topic.name, partition_indexes: topic.partition_indexes, ..Default::default() }
}

fn older(topic: OffsetFetchResponseTopics) -> OffsetFetchResponseTopic {
    let partitions = topic.partitions.into_iter().map(|partition| OffsetFetchResponsePartition {
        partition_index: partition.partition_index,
        committed_offset: partition.committed_offset,
        committed_leader_epoch: partition.committed_leader_epoch,
        metadata: partition.metadata,
        error_code: partition.error_code,
        ..Default::default()
    });
    OffsetFetchResponseTopic { name: topic.name, partitions: partitions.collect(), ..Default::default() }
}
