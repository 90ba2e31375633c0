//! WriteShareGroupState: what a share group has dealt with is kept.

use alloc::vec::Vec;

use super::Caller;
use super::share_state_answer::{self, PartitionResult as Outcome, StateApi, TopicResults};
use crate::broker::Broker;
use crate::share_state::{StateBatch, StateCall, StateWrite};
use crate::time::Now;
use crate::wire::messages::write_share_group_state::{
    PartitionData, PartitionResult, WriteShareGroupStateRequest, WriteShareGroupStateResponse, WriteStateResult,
};

/// Answers once it is committed.
pub(crate) fn handle(broker: &mut Broker, now: Now, caller: Caller, request: &WriteShareGroupStateRequest) {
    let topics = request.topics.iter().map(|topic| {
        let calls = topic.partitions.iter().map(|data| (data.partition, StateCall::Write(write(data))));
        (topic.topic_id, calls.collect::<Vec<_>>())
    });
    share_state_answer::call(broker, now, caller, StateApi::Write, &request.group_id, topics);
}

/// The answer.
pub(super) fn response(topics: impl Iterator<Item = TopicResults>) -> WriteShareGroupStateResponse {
    let results = topics.map(|(topic_id, partitions)| WriteStateResult {
        topic_id,
        partitions: partitions.into_iter().map(partition_result).collect(),
        ..Default::default()
    });
    WriteShareGroupStateResponse { results: results.collect(), ..Default::default() }
}

fn partition_result(outcome: Outcome) -> PartitionResult {
    let Outcome { partition, error_code, error_message, .. } = outcome;
    PartitionResult { partition, error_code, error_message, ..Default::default() }
}

fn write(data: &PartitionData) -> StateWrite {
    let batches = data.state_batches.iter().map(|batch| StateBatch {
        first_offset: batch.first_offset,
        last_offset: batch.last_offset,
        delivery_count: batch.delivery_count,
        delivery_state: batch.delivery_state,
    });
    StateWrite {
        state_epoch: data.state_epoch,
        leader_epoch: data.leader_epoch,
        start_offset: data.start_offset,
        delivery_complete_count: data.delivery_complete_count,
        batches: batches.collect(),
    }
}
