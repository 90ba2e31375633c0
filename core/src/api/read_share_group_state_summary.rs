//! ReadShareGroupStateSummary: where a share group is in partitions.

use alloc::vec::Vec;

use super::Caller;
use super::share_state_answer::{self, PartitionResult as Outcome, StateApi, TopicResults};
use crate::broker::Broker;
use crate::share_state::{StateAnswer, StateCall, StateSummary};
use crate::time::Now;
use crate::wire::messages::read_share_group_state_summary::{
    PartitionResult, ReadShareGroupStateSummaryRequest, ReadShareGroupStateSummaryResponse, ReadStateSummaryResult,
};

/// Answers once all that it tells is committed.
pub(crate) fn handle(broker: &mut Broker, now: Now, caller: Caller, request: &ReadShareGroupStateSummaryRequest) {
    let topics = request.topics.iter().map(|topic| {
        let calls = topic.partitions.iter().map(|data| (data.partition, StateCall::ReadSummary));
        (topic.topic_id, calls.collect::<Vec<_>>())
    });
    share_state_answer::call(broker, now, caller, StateApi::ReadSummary, &request.group_id, topics);
}

/// The answer.
pub(super) fn response(topics: impl Iterator<Item = TopicResults>) -> ReadShareGroupStateSummaryResponse {
    let results = topics.map(|(topic_id, partitions)| ReadStateSummaryResult {
        topic_id,
        partitions: partitions.into_iter().map(partition_result).collect(),
        ..Default::default()
    });
    ReadShareGroupStateSummaryResponse { results: results.collect(), ..Default::default() }
}

fn partition_result(outcome: Outcome) -> PartitionResult {
    let Outcome { partition, answer, error_code, error_message } = outcome;
    let mut result = PartitionResult { partition, error_code, error_message, ..Default::default() };
    if let Some(StateAnswer::Summary(summary)) = answer {
        let StateSummary { state_epoch, leader_epoch, start_offset, delivery_complete_count } = summary;
        result.state_epoch = state_epoch;
        result.leader_epoch = leader_epoch;
        result.start_offset = start_offset;
        result.delivery_complete_count = delivery_complete_count;
    }
    result
}
