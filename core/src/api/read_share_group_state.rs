//! ReadShareGroupState: what a share group has dealt with. It fences leaders from before the one that asks.

use alloc::vec::Vec;

use super::Caller;
use super::share_state_answer::{self, PartitionResult as Outcome, StateApi, TopicResults};
use crate::broker::Broker;
use crate::share_state::{State, StateAnswer, StateCall};
use crate::time::Now;
use crate::wire::messages::read_share_group_state::{
    PartitionResult, ReadShareGroupStateRequest, ReadShareGroupStateResponse, ReadStateResult, StateBatch,
};

/// Answers once all that it tells is committed.
pub(crate) fn handle(broker: &mut Broker, now: Now, caller: Caller, request: &ReadShareGroupStateRequest) {
    let topics = request.topics.iter().map(|topic| {
        let calls =
            topic.partitions.iter().map(|data| (data.partition, StateCall::Read { leader_epoch: data.leader_epoch }));
        (topic.topic_id, calls.collect::<Vec<_>>())
    });
    share_state_answer::call(broker, now, caller, StateApi::Read, &request.group_id, topics);
}

/// The answer.
pub(super) fn response(topics: impl Iterator<Item = TopicResults>) -> ReadShareGroupStateResponse {
    let results = topics.map(|(topic_id, partitions)| ReadStateResult {
        topic_id,
        partitions: partitions.into_iter().map(partition_result).collect(),
        ..Default::default()
    });
    ReadShareGroupStateResponse { results: results.collect(), ..Default::default() }
}

fn partition_result(outcome: Outcome) -> PartitionResult {
    let Outcome { partition, answer, error_code, error_message } = outcome;
    let mut result = PartitionResult { partition, error_code, error_message, ..Default::default() };
    if let Some(StateAnswer::Read(State { state_epoch, start_offset, batches })) = answer {
        let batches = batches.iter().map(|batch| StateBatch {
            first_offset: batch.first_offset,
            last_offset: batch.last_offset,
            delivery_state: batch.delivery_state,
            delivery_count: batch.delivery_count,
            ..Default::default()
        });
        result.state_epoch = state_epoch;
        result.start_offset = start_offset;
        result.state_batches = batches.collect();
    }
    result
}
