//! OffsetCommit: a group has read so far. The answer comes when that is committed.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Caller;
use super::group_answer::{self, GroupResponse};
use crate::broker::Broker;
use crate::error_code::ErrorCode;
use crate::groups::{CommittedOffset, Committer, offset_committed};
use crate::metadata::{MetadataImage, Topic};
use crate::time::{Now, WallClock};
use crate::types::{LeaderEpoch, Offset};
use crate::wire::Uuid;
use crate::wire::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic, OffsetCommitResponse,
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};

/// First version that names topics by id.
const TOPIC_IDS_SINCE: i16 = 10;
/// First version whose clients know that a group may not be found.
const NOT_FOUND_KNOWN_SINCE: i16 = 9;

pub(crate) fn handle(broker: &mut Broker, now: Now, caller: Caller, mut request: OffsetCommitRequest) {
    let max_units = broker.groups.settings.offset_metadata_max_units;
    let image = broker.metadata.image();
    // A topic without partitions is answered only where it does not exist.
    let version = caller.version;
    request.topics.retain(|topic| !topic.partitions.is_empty() || find(image, topic, version).is_none());
    let request = &request;
    let checked = request.topics.iter().map(|topic| check_topic(image, topic, caller.version, max_units));
    let mut response = OffsetCommitResponse { topics: checked.collect(), ..Default::default() };
    let has_known = has_any(&response, ErrorCode::None) || has_any(&response, ErrorCode::OffsetMetadataTooLarge);
    let outcome = if has_known { commit(broker, now, caller.version, request, &response) } else { Ok(None) };
    match outcome {
        Ok(index) => group_answer::answer(broker, now, caller, GroupResponse::OffsetCommit(response), index),
        Err(error) => {
            let partitions = response.topics.iter_mut().flat_map(|topic| &mut topic.partitions);
            let unknown = [ErrorCode::UnknownTopicOrPartition.number(), ErrorCode::UnknownTopicId.number()];
            for partition in partitions.filter(|partition| !unknown.contains(&partition.error_code)) {
                partition.error_code = error.number();
            }
            broker.answer(caller, &response, Vec::new());
        }
    }
}

/// Keeps the offsets of partitions that nothing is wrong with, in the partition of the log that is told.
fn commit(
    broker: &mut Broker,
    now: Now,
    version: i16,
    request: &OffsetCommitRequest,
    response: &OffsetCommitResponse,
) -> Result<Option<i32>, ErrorCode> {
    let group = &*request.group_id;
    let index = broker.coordinator_of(group)?;
    let partitions = partitions_of(broker.metadata.image(), request, version);
    let by = Committer {
        member: &request.member_id,
        instance: request.group_instance_id.as_deref(),
        generation: request.generation_id_or_member_epoch,
        is_not_found_known: version >= NOT_FOUND_KNOWN_SINCE,
        is_transactional: false,
        partitions: &partitions,
        image: broker.metadata.image(),
    };
    let settings = broker.groups.settings;
    let has_room = broker.groups.has_room_for_group();
    let coordinator = broker.groups.serving_mut(index).ok_or(ErrorCode::NotCoordinator)?;
    let known = coordinator.groups.get_key_value(group).map(|(id, _)| id.clone());
    let (checked, effects) = coordinator.check_commit(now, &settings, group, by);
    if let Some(id) = &known {
        broker.act(now, index, id, effects);
    }
    checked?;
    if known.is_none() && !has_room {
        return Err(ErrorCode::GroupMaxSizeReached);
    }
    let expires_ms = (request.retention_time_ms >= 0).then(|| now.wall.0.saturating_add(request.retention_time_ms));
    let mut records = Vec::new();
    for (topic, answered) in request.topics.iter().zip(&response.topics) {
        let Some(found) = find(broker.metadata.image(), topic, version) else { continue };
        let good = topic.partitions.iter().zip(&answered.partitions).filter(|(_, answer)| answer.error_code == 0);
        for (partition, _) in good {
            let committed = committed(partition, found, now, expires_ms);
            records.push(offset_committed(group, &found.name, partition.partition_index, &committed));
        }
    }
    if !records.is_empty() {
        broker.commit_offsets(now, index, &records)?;
        let expiry = expires_ms.unwrap_or_else(|| now.wall.0.saturating_add(settings.retention_ms));
        broker.arm_retention_at(now, index, WallClock(expiry));
    }
    Ok(Some(index))
}

fn committed(
    partition: &OffsetCommitRequestPartition,
    topic: &Topic,
    now: Now,
    expires_ms: Option<i64>,
) -> CommittedOffset {
    CommittedOffset {
        offset: Offset(partition.committed_offset),
        leader_epoch: LeaderEpoch(partition.committed_leader_epoch),
        metadata: Box::from(partition.committed_metadata.as_deref().unwrap_or_default()),
        committed_ms: now.wall.0,
        expires_ms,
        topic_id: topic.id,
        recorded_at: Offset(0),
    }
}

/// What is noted with an offset may not be too long, as Java counts.
pub(super) fn check_metadata(metadata: Option<&str>, max_units: usize) -> ErrorCode {
    let units = metadata.map_or(0, |text| text.encode_utf16().count());
    if units > max_units { ErrorCode::OffsetMetadataTooLarge } else { ErrorCode::None }
}

/// The partitions that the request is about, as far as they are there.
fn partitions_of(image: &MetadataImage, request: &OffsetCommitRequest, version: i16) -> Vec<(Uuid, i32)> {
    let of_topic = |topic: &OffsetCommitRequestTopic| {
        let id = find(image, topic, version).map(|found| found.id);
        let partitions = topic.partitions.iter().map(|partition| partition.partition_index).collect::<Vec<_>>();
        id.into_iter().flat_map(move |id| partitions.clone().into_iter().map(move |partition| (id, partition)))
    };
    request.topics.iter().flat_map(of_topic).collect()
}

fn find<'a>(image: &'a MetadataImage, topic: &OffsetCommitRequestTopic, version: i16) -> Option<&'a Topic> {
    if version >= TOPIC_IDS_SINCE { image.topics.get(&topic.topic_id) } else { image.topic(&topic.name) }
}

fn check_topic(
    image: &MetadataImage,
    topic: &OffsetCommitRequestTopic,
    version: i16,
    metadata_max_units: usize,
) -> OffsetCommitResponseTopic {
    let found = find(image, topic, version);
    let check = |partition: &OffsetCommitRequestPartition| match found {
        None if version >= TOPIC_IDS_SINCE => ErrorCode::UnknownTopicId,
        None => ErrorCode::UnknownTopicOrPartition,
        Some(found) if !found.partitions.contains_key(&partition.partition_index) => ErrorCode::UnknownTopicOrPartition,
        Some(_) => check_metadata(partition.committed_metadata.as_deref(), metadata_max_units),
    };
    let partitions = topic.partitions.iter().map(|partition| OffsetCommitResponsePartition {
        partition_index: partition.partition_index,
        error_code: check(partition).number(),
        ..Default::default()
    });
    OffsetCommitResponseTopic {
        name: topic.name.clone(),
        topic_id: topic.topic_id,
        partitions: partitions.collect(),
        ..Default::default()
    }
}

fn has_any(response: &OffsetCommitResponse, error: ErrorCode) -> bool {
    let mut partitions = response.topics.iter().flat_map(|topic| &topic.partitions);
    partitions.any(|partition| partition.error_code == error.number())
}
