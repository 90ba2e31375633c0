//! OffsetForLeaderEpoch: where a leader's epoch ended. A consumer asks it after a change of leaders, to see whether the
//! records that it has are still in the log.

use alloc::vec::Vec;

use super::Caller;
use super::produce::check_state;
use crate::broker::Broker;
use crate::error_code::ErrorCode;
use crate::types::{LeaderEpoch, Offset, PartitionId};
use crate::wire::messages::offset_for_leader_epoch::{
    EpochEndOffset, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, OffsetForLeaderPartition,
    OffsetForLeaderTopicResult,
};

pub(crate) fn handle(broker: &mut Broker, caller: Caller, request: OffsetForLeaderEpochRequest) {
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|asked| end_of(broker, &topic.topic, asked));
        OffsetForLeaderTopicResult { partitions: partitions.collect(), topic: topic.topic, ..Default::default() }
    });
    let response = OffsetForLeaderEpochResponse { topics: topics.collect(), ..Default::default() };
    broker.answer(caller, &response, Vec::new());
}

fn end_of(broker: &Broker, topic: &str, asked: &OffsetForLeaderPartition) -> EpochEndOffset {
    let answer = EpochEndOffset { partition: asked.partition, ..Default::default() };
    match look(broker, topic, asked) {
        Ok(Some((epoch, end))) => EpochEndOffset { leader_epoch: epoch.0, end_offset: end.0, ..answer },
        Ok(None) => answer,
        Err(error) => EpochEndOffset { error_code: error.number(), ..answer },
    }
}

/// `None` where the log knows nothing of the epoch, or of any after it.
fn look(
    broker: &Broker,
    topic: &str,
    asked: &OffsetForLeaderPartition,
) -> Result<Option<(LeaderEpoch, Offset)>, ErrorCode> {
    let topic = broker.metadata.image().topic(topic).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    if !topic.partitions.contains_key(&asked.partition) {
        return Err(ErrorCode::UnknownTopicOrPartition);
    }
    let partition = PartitionId { topic_id: topic.id, index: asked.partition };
    let log = broker.logs.get(&partition).ok_or(ErrorCode::NotLeaderOrFollower)?;
    check_state(log)?;
    broker.check_leader_epoch(partition, LeaderEpoch(asked.current_leader_epoch))?.check()?;
    Ok(log.end_offset_for_epoch(LeaderEpoch(asked.leader_epoch)))
}
