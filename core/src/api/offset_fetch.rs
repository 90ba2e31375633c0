//! OffsetFetch: how far groups have read.

use alloc::vec;
use alloc::vec::Vec;

use super::Caller;
use super::group_answer::{self, GroupResponse};
use crate::broker::Broker;
use crate::error_code::ErrorCode;
use crate::groups::{CommittedOffset, Coordinator, GroupId};
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
    for group in &asked {
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

fn fetch(
    coordinator: &Coordinator,
    image: &MetadataImage,
    asked: &OffsetFetchRequestGroup,
    version: i16,
    require_stable: bool,
) -> OffsetFetchResponseGroup {
    let uses_ids = version >= TOPIC_IDS_SINCE;
    let known = coordinator.groups.get_key_value(&*asked.group_id);
    let answer = |topic: &TopicName, index: i32, topic_id: Uuid| {
        let offset = known.and_then(|(_, known)| known.offset(topic, index)).filter(|offset| {
            // It was committed for a topic that had the name before.
            offset.topic_id == Uuid::ZERO || topic_id == Uuid::ZERO || offset.topic_id == topic_id
        });
        let group: Option<&GroupId> = known.map(|(id, _)| id);
        if require_stable && group.is_some_and(|group| coordinator.is_undecided(group, topic, index)) {
            return no_offset(index, ErrorCode::UnstableOffsetCommit);
        }
        offset.map_or_else(|| no_offset(index, ErrorCode::None), |offset| shown(index, offset))
    };
    let topics = match &asked.topics {
        None => known.map_or(Vec::new(), |(_, known)| {
            let topics = known.offsets.iter().filter_map(|(topic, partitions)| {
                let topic_id = if uses_ids { *image.topic_ids.get(topic)? } else { Uuid::ZERO };
                let partitions = partitions.keys().map(|index| answer(topic, *index, topic_id)).collect();
                let name = Str::from(&**topic);
                Some(OffsetFetchResponseTopics { name, topic_id, partitions, ..Default::default() })
            });
            topics.collect()
        }),
        Some(topics) => topics
            .iter()
            .map(|topic| {
                let name = if uses_ids {
                    image.topics.get(&topic.topic_id).map(|found| found.name.clone())
                } else {
                    Some(TopicName::from(&*topic.name))
                };
                let partition = |index: &i32| match &name {
                    Some(name) => answer(name, *index, topic.topic_id),
                    None => no_offset(*index, ErrorCode::UnknownTopicId),
                };
                let partitions = topic.partition_indexes.iter().map(partition).collect();
                let (name, topic_id) = (topic.name.clone(), topic.topic_id);
                OffsetFetchResponseTopics { name, topic_id, partitions, ..Default::default() }
            })
            .collect(),
    };
    OffsetFetchResponseGroup { group_id: asked.group_id.clone(), topics, ..Default::default() }
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
