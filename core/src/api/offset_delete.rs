//! OffsetDelete: a group has not read certain partitions at all. Topics that its members read are left alone.

use alloc::vec::Vec;

use super::Caller;
use super::group_answer::{self, GroupResponse};
use crate::broker::Broker;
use crate::error_code::ErrorCode;
use crate::groups::GroupId;
use crate::time::Now;
use crate::types::TopicName;
use crate::wire::CoordinatorRecord;
use crate::wire::messages::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteResponse, OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};

pub(crate) fn handle(broker: &mut Broker, now: Now, caller: Caller, request: &OffsetDeleteRequest) {
    match delete(broker, now, request) {
        Ok((index, response)) => {
            group_answer::answer(broker, now, caller, GroupResponse::OffsetDelete(response), [index]);
        }
        Err(error) => {
            let response = OffsetDeleteResponse { error_code: error.number(), ..Default::default() };
            broker.answer(caller, &response, Vec::new());
        }
    }
}

fn delete(
    broker: &mut Broker,
    now: Now,
    request: &OffsetDeleteRequest,
) -> Result<(i32, OffsetDeleteResponse), ErrorCode> {
    if request.group_id.is_empty() {
        return Err(ErrorCode::InvalidGroupId);
    }
    let index = broker.coordinator_of(&request.group_id)?;
    let coordinator = broker.groups.serving(index).ok_or(ErrorCode::NotCoordinator)?;
    let (id, known) = coordinator.groups.get_key_value(&*request.group_id).ok_or(ErrorCode::GroupIdNotFound)?;
    let id = GroupId::clone(id);
    if known.share().is_some() {
        return Err(ErrorCode::GroupIdNotFound);
    }
    // Only consumers say which topics they read.
    if known.classic().is_some_and(|classic| !classic.is_empty() && !classic.is_of_consumers()) {
        return Err(ErrorCode::NonEmptyGroup);
    }
    let mut records: Vec<CoordinatorRecord> = Vec::new();
    let mut response = OffsetDeleteResponse::default();
    for topic in request.topics.iter().filter(|topic| !topic.partitions.is_empty()) {
        let name = TopicName::from(&*topic.name);
        let found = broker.metadata.image().topic(&name);
        let is_read = known.is_subscribed_to(&name);
        let partitions = topic.partitions.iter().map(|partition| {
            let partition_index = partition.partition_index;
            let is_there = found.is_some_and(|found| found.partitions.contains_key(&partition_index));
            let error = match (is_there, is_read) {
                (false, _) => ErrorCode::UnknownTopicOrPartition,
                (true, true) => ErrorCode::GroupSubscribedToTopic,
                (true, false) => {
                    records.extend(coordinator.offset_deletion(&id, &name, partition_index));
                    ErrorCode::None
                }
            };
            OffsetDeleteResponsePartition { partition_index, error_code: error.number(), ..Default::default() }
        });
        let partitions = partitions.collect();
        response.topics.push(OffsetDeleteResponseTopic { name: topic.name.clone(), partitions, ..Default::default() });
    }
    broker.forget_offsets(now, index, &records)?;
    let settings = broker.groups.settings;
    let known = broker.groups.serving(index).and_then(|coordinator| coordinator.groups.get(&id));
    if let Some(expiry) = known.and_then(|known| known.expiry_from(now.wall, &settings)) {
        broker.arm_retention_at(now, index, expiry);
    }
    Ok((index, response))
}
