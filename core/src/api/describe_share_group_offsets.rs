//! DescribeShareGroupOffsets: where share groups are, and since version 1 how much is left for them (KIP-1226).

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::group_answer::{self, GroupResponse, describe_each};
use super::share_offsets::said;
use super::{ApiError, Caller};
use crate::broker::{Asker, Broker, ShareQuestion};
use crate::error_code::ErrorCode;
use crate::groups::GroupId;
use crate::log::LogState;
use crate::share_state::{StateAnswer, StateCall, StateKey, StateResult, StateSummary};
use crate::time::Now;
use crate::types::PartitionId;
use crate::wire::messages::describe_share_group_offsets::{
    DescribeShareGroupOffsetsRequest, DescribeShareGroupOffsetsRequestGroup, DescribeShareGroupOffsetsRequestTopic,
    DescribeShareGroupOffsetsResponse, DescribeShareGroupOffsetsResponseGroup,
    DescribeShareGroupOffsetsResponsePartition, DescribeShareGroupOffsetsResponseTopic,
};
use crate::wire::{Str, Uuid};

/// A request that waits for the share coordinator.
#[derive(Debug)]
pub(crate) struct Describing {
    caller: Caller,
    response: DescribeShareGroupOffsetsResponse,
    /// Of the groups.
    partitions: Vec<i32>,
}

/// Where a group has read nothing.
const NO_OFFSET: i64 = -1;

pub(crate) fn handle(broker: &mut Broker, now: Now, caller: Caller, request: &DescribeShareGroupOffsetsRequest) {
    let describe = |asked| describe(broker, asked);
    let (groups, partitions) = describe_each(&request.groups, |asked| &asked.group_id, describe, refusal);
    let calls = groups.iter().flat_map(calls_of).collect();
    let response = DescribeShareGroupOffsetsResponse { groups, ..Default::default() };
    let describing = Describing { caller, response, partitions };
    broker.ask_share_state(now, calls, Asker::Groups(ShareQuestion::Describe(describing)));
}

/// A group that can't be described.
pub(crate) fn refusal(group_id: Str, error: ErrorCode) -> DescribeShareGroupOffsetsResponseGroup {
    let (error_code, mut error_message) = said(ApiError::bare(error));
    if error == ErrorCode::UnsupportedVersion {
        error_message = None;
    }
    DescribeShareGroupOffsetsResponseGroup { group_id, error_code, error_message, ..Default::default() }
}

/// The partitions of a group that an answer is about. It needs not be there: then it has read nothing.
fn describe(
    broker: &Broker,
    asked: &DescribeShareGroupOffsetsRequestGroup,
) -> Result<(i32, DescribeShareGroupOffsetsResponseGroup), ErrorCode> {
    if !broker.serves_share_groups() {
        return Err(ErrorCode::UnsupportedVersion);
    }
    let index = broker.coordinator_of(&asked.group_id)?;
    let coordinator = broker.groups.serving(index).ok_or(ErrorCode::NotCoordinator)?;
    let image = broker.metadata.image();
    let topics = match &asked.topics {
        Some(topics) => {
            let of_topic = |topic: &DescribeShareGroupOffsetsRequestTopic| {
                let topic_id = image.topic_ids.get(&*topic.topic_name).copied().unwrap_or(Uuid::ZERO);
                let partitions = topic.partitions.iter().copied().collect::<BTreeSet<i32>>();
                unread(topic.topic_name.clone(), topic_id, partitions)
            };
            // What is not there comes last, as in Kafka's answers.
            let (there, gone): (Vec<_>, Vec<_>) =
                topics.iter().map(of_topic).partition(|topic| topic.topic_id != Uuid::ZERO);
            if !there.iter().all(|topic| can_be_asked(&asked.group_id, topic)) {
                return Err(ErrorCode::UnknownServerError);
            }
            there.into_iter().chain(gone).collect()
        }
        None => {
            let known = coordinator.groups.get(&*asked.group_id).and_then(|known| known.share());
            let initialized = known.map(|known| known.initialized_partitions()).unwrap_or_default();
            let of_topic = |(topic_id, partitions): (Uuid, BTreeSet<i32>)| {
                Some(unread(Str::from(&*image.topics.get(&topic_id)?.name), topic_id, partitions))
            };
            initialized.into_iter().filter_map(of_topic).collect()
        }
    };
    let group_id = asked.group_id.clone();
    Ok((index, DescribeShareGroupOffsetsResponseGroup { group_id, topics, ..Default::default() }))
}

/// Whether the share coordinator takes the question: else Kafka has an unexpected error.
fn can_be_asked(group_id: &str, topic: &DescribeShareGroupOffsetsResponseTopic) -> bool {
    let mut partitions = topic.partitions.iter().map(|partition| partition.partition_index);
    !group_id.is_empty() && !topic.partitions.is_empty() && partitions.all(|index| index >= 0)
}

fn unread(topic_name: Str, topic_id: Uuid, partitions: BTreeSet<i32>) -> DescribeShareGroupOffsetsResponseTopic {
    let partition = |partition_index| DescribeShareGroupOffsetsResponsePartition {
        partition_index,
        start_offset: NO_OFFSET,
        ..Default::default()
    };
    let partitions = partitions.into_iter().map(partition).collect();
    DescribeShareGroupOffsetsResponseTopic { topic_name, topic_id, partitions, ..Default::default() }
}

fn calls_of(group: &DescribeShareGroupOffsetsResponseGroup) -> Vec<(StateKey, StateCall)> {
    let id = GroupId::from(&*group.group_id);
    let there = group.topics.iter().filter(|topic| topic.topic_id != Uuid::ZERO);
    let places =
        there.flat_map(|topic| topic.partitions.iter().map(|partition| (topic.topic_id, partition.partition_index)));
    let key = |(topic_id, partition)| StateKey { group: Arc::clone(&id), topic_id, partition };
    places.map(|place| (key(place), StateCall::ReadSummary)).collect()
}

/// The share coordinator has answered.
pub(crate) fn answered(broker: &mut Broker, now: Now, mut describing: Describing, results: &[StateResult]) {
    let summary = |result: &StateResult| match &result.outcome {
        Ok(StateAnswer::Summary(summary)) => {
            let StateKey { group, topic_id, partition } = &result.key;
            Some(((Arc::clone(group), *topic_id, *partition), *summary))
        }
        // Where there is no telling, nothing was read, Kafka says.
        _ => None,
    };
    let summaries: BTreeMap<(GroupId, Uuid, i32), StateSummary> = results.iter().filter_map(summary).collect();
    for group in &mut describing.response.groups {
        let id = GroupId::from(&*group.group_id);
        for topic in &mut group.topics {
            for partition in &mut topic.partitions {
                let place = (Arc::clone(&id), topic.topic_id, partition.partition_index);
                if let Some(summary) = summaries.get(&place) {
                    tell(broker, topic.topic_id, partition, summary);
                }
            }
        }
    }
    let Describing { caller, response, partitions } = describing;
    group_answer::answer(broker, now, caller, GroupResponse::DescribeShareGroupOffsets(response), partitions);
}

fn tell(
    broker: &Broker,
    topic_id: Uuid,
    told: &mut DescribeShareGroupOffsetsResponsePartition,
    summary: &StateSummary,
) {
    let is_lag_known = summary.start_offset != NO_OFFSET && summary.delivery_complete_count != -1;
    if is_lag_known {
        let partition = PartitionId { topic_id, index: told.partition_index };
        match broker.logs.get(&partition).filter(|log| log.state() == LogState::Serving) {
            Some(log) => {
                let done = summary.start_offset.saturating_add(i64::from(summary.delivery_complete_count));
                told.lag = log.high_watermark().0.saturating_sub(done);
            }
            None => {
                let error = ApiError::bare(ErrorCode::NotLeaderOrFollower);
                (told.error_code, told.error_message) = said(error);
                told.start_offset = 0;
                return;
            }
        }
    }
    told.start_offset = summary.start_offset;
    told.leader_epoch = summary.leader_epoch;
}
