//! AlterShareGroupOffsets: a share group without members is to begin somewhere else. The share coordinator begins anew there, and
//! the answer comes when it has.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;

use super::assigned_groups::find;
use super::group_answer::{self, GroupResponse};
use super::share_offsets::{said, words};
use super::{ApiError, Caller};
use crate::broker::{Asker, Broker, ShareQuestion, initialize_calls};
use crate::error_code::ErrorCode;
use crate::groups::{GroupId, ShareGroup, ShareStarts};
use crate::metadata::{MetadataImage, Topic};
use crate::share_state::StateResult;
use crate::time::Now;
use crate::wire::messages::alter_share_group_offsets::{
    AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsRequestTopic, AlterShareGroupOffsetsResponse,
    AlterShareGroupOffsetsResponsePartition, AlterShareGroupOffsetsResponseTopic,
};
use crate::wire::{Str, Uuid};

/// A request that waits for the share coordinator.
#[derive(Debug)]
pub(crate) struct Altering {
    caller: Caller,
    group: GroupId,
    response: AlterShareGroupOffsetsResponse,
}

pub(crate) fn handle(broker: &mut Broker, now: Now, caller: Caller, request: &AlterShareGroupOffsetsRequest) {
    if let Err(error) = alter(broker, now, caller, request) {
        broker.answer(caller, &refusal(error), Vec::new());
    }
}

fn alter(
    broker: &mut Broker,
    now: Now,
    caller: Caller,
    request: &AlterShareGroupOffsetsRequest,
) -> Result<(), ApiError> {
    let (index, known) = find(broker, broker.serves_share_groups(), &request.group_id).map_err(ApiError::bare)?;
    let group = GroupId::from(&*request.group_id);
    let mut turn = broker.planned_turn(now, &group);
    let new = ShareGroup::new();
    let known = match known {
        Some(known) => known
            .share()
            .ok_or_else(|| ApiError::new(ErrorCode::GroupIdNotFound, format!("Group {group} is not a share group.")))?,
        None if broker.groups.has_room_for_group() => &new,
        None => return Err(ApiError::bare(ErrorCode::GroupMaxSizeReached)),
    };
    known.check_empty()?;
    let image = broker.metadata.image();
    check_partitions(image, request)?;
    let mut starts = ShareStarts::new();
    // What is not there comes first, as in Kafka's answers.
    let (there, gone): (Vec<_>, Vec<_>) =
        request.topics.iter().partition(|topic| image.topic(&topic.topic_name).is_some());
    let mut response = AlterShareGroupOffsetsResponse::default();
    let mut places: BTreeMap<&Str, usize> = BTreeMap::new();
    for topic in gone.into_iter().chain(there) {
        let mut checked = checked(topic, image.topic(&topic.topic_name), &mut starts);
        match places.get(&topic.topic_name) {
            Some(place) => response.responses[*place].partitions.append(&mut checked.partitions),
            None => {
                places.insert(&topic.topic_name, response.responses.len());
                response.responses.push(checked);
            }
        }
    }
    known.start_at(&mut turn, &starts);
    let calls = initialize_calls(&group, known.epoch(), &starts);
    let plan = turn.plan;
    broker.carry_out(now, index, &group, plan).map_err(ApiError::bare)?;
    let question = ShareQuestion::Alter(Altering { caller, group, response });
    broker.ask_share_state(now, calls, Asker::Groups(question));
    Ok(())
}

/// A negative partition spoils the whole request: the share coordinator would not take it.
fn check_partitions(image: &MetadataImage, request: &AlterShareGroupOffsetsRequest) -> Result<(), ApiError> {
    for topic in &request.topics {
        let Some(found) = image.topic(&topic.topic_name) else { continue };
        if let Some(partition) = topic.partitions.iter().find(|partition| partition.partition_index < 0) {
            let (group, index) = (&request.group_id, partition.partition_index);
            let why =
                format!("Initialize share group parameters has invalid partitionId - {group} {} {index}", found.id);
            return Err(ApiError::new(ErrorCode::UnknownServerError, why));
        }
    }
    Ok(())
}

/// What can be said of a topic before the share coordinator is asked.
fn checked(
    topic: &AlterShareGroupOffsetsRequestTopic,
    found: Option<&Topic>,
    starts: &mut ShareStarts,
) -> AlterShareGroupOffsetsResponseTopic {
    let count = found.map_or(0, |found| found.partitions.len());
    let partitions = topic.partitions.iter().map(|asked| {
        let partition_index = asked.partition_index;
        let is_there = usize::try_from(partition_index).is_ok_and(|index| index < count);
        if let Some(found) = found.filter(|_| is_there) {
            starts.entry(found.id).or_default().insert(partition_index, asked.start_offset);
            return AlterShareGroupOffsetsResponsePartition { partition_index, ..Default::default() };
        }
        let (error_code, error_message) = said(ApiError::bare(ErrorCode::UnknownTopicOrPartition));
        AlterShareGroupOffsetsResponsePartition { partition_index, error_code, error_message, ..Default::default() }
    });
    let partitions = partitions.collect();
    AlterShareGroupOffsetsResponseTopic {
        topic_name: topic.topic_name.clone(),
        topic_id: found.map_or(Uuid::ZERO, |found| found.id),
        partitions,
        ..Default::default()
    }
}

/// The share coordinator has answered.
pub(crate) fn answered(broker: &mut Broker, now: Now, altering: Altering, results: &[StateResult]) {
    let Altering { caller, group, mut response } = altering;
    let of_partition = |result: &StateResult| ((result.key.topic_id, result.key.partition), result.outcome.clone());
    let outcomes: BTreeMap<(Uuid, i32), _> = results.iter().map(of_partition).collect();
    for topic in &mut response.responses {
        for partition in &mut topic.partitions {
            if let Some(Err(error)) = outcomes.get(&(topic.topic_id, partition.partition_index)) {
                (partition.error_code, partition.error_message) = said(error.clone());
            }
        }
    }
    match broker.share_state_kept(now, &group, results) {
        Ok(index) => {
            group_answer::answer(broker, now, caller, GroupResponse::AlterShareGroupOffsets(response), [index]);
        }
        Err(error) => broker.answer(caller, &refusal(ApiError::bare(error)), Vec::new()),
    }
}

/// Nothing was altered, or it is not known.
pub(crate) fn refusal(error: ApiError) -> AlterShareGroupOffsetsResponse {
    let error_code = error.code.number();
    let error_message = error.message.map_or_else(|| Str::from_static(words(error.code)), Str::from);
    AlterShareGroupOffsetsResponse { error_code, error_message: Some(error_message), ..Default::default() }
}
