//! DeleteShareGroupState: the state of partitions is forgotten for a share group.

use alloc::vec::Vec;

use super::Caller;
use super::share_state_answer::{self, PartitionResult as Outcome, StateApi, TopicResults};
use crate::broker::Broker;
use crate::share_state::StateCall;
use crate::time::Now;
use crate::wire::messages::delete_share_group_state::{
    DeleteShareGroupStateRequest, DeleteShareGroupStateResponse, DeleteStateResult, PartitionResult,
};

/// Answers once it is committed.
pub(crate) fn handle(broker: &mut Broker, now: Now, caller: Caller, request: &DeleteShareGroupStateRequest) {
    let topics = request.topics.iter().map(|topic| {
        let calls = topic.partitions.iter().map(|data| (data.partition, StateCall::Delete));
        (topic.topic_id, calls.collect::<Vec<_>>())
    });
    share_state_answer::call(broker, now, caller, StateApi::Delete, &request.group_id, topics);
}

/// The answer.
pub(super) fn response(topics: impl Iterator<Item = TopicResults>) -> DeleteShareGroupStateResponse {
    let results = topics.map(|(topic_id, partitions)| DeleteStateResult {
        topic_id,
        partitions: partitions.into_iter().map(partition_result).collect(),
        ..Default::default()
    });
    DeleteShareGroupStateResponse { results: results.collect(), ..Default::default() }
}

fn partition_result(outcome: Outcome) -> PartitionResult {
    let Outcome { partition, error_code, error_message, .. } = outcome;
    PartitionResult { partition, error_code, error_message, ..Default::default() }
}
