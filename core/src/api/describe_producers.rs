//! DescribeProducers: who writes to partitions, and whose transactions are open there.

use alloc::vec::Vec;

use super::produce::check_state;
use super::{ApiError, Caller, topic_name};
use crate::broker::{Broker, Leads};
use crate::error_code::ErrorCode;
use crate::metadata::Topic;
use crate::types::PartitionId;
use crate::wire::messages::describe_producers::{
    DescribeProducersRequest, DescribeProducersResponse, PartitionResponse, ProducerState, TopicRequest, TopicResponse,
};

pub(crate) fn handle(broker: &mut Broker, caller: Caller, request: &DescribeProducersRequest) {
    let topics = request.topics.iter().map(|topic| describe(broker, topic)).collect();
    let response = DescribeProducersResponse { topics, ..Default::default() };
    broker.answer(caller, &response, Vec::new());
}

fn describe(broker: &Broker, topic: &TopicRequest) -> TopicResponse {
    let check = topic_name::validate(&topic.name);
    let check = check.map_err(|words| ApiError::new(ErrorCode::InvalidTopicException, words));
    // Kafka has words for a topic that is not there, and none for a partition.
    let check = check.and_then(|()| match broker.metadata.image().topic(&topic.name) {
        Some(found) => Ok(found),
        None => {
            let words = "This server does not host this topic-partition.";
            Err(ApiError::new(ErrorCode::UnknownTopicOrPartition, words))
        }
    });
    let partition = |index: &i32| {
        let found = check.clone().and_then(|topic| producers(broker, topic, *index).map_err(ApiError::bare));
        let (active_producers, outcome) = match found {
            Ok(producers) => (producers, Ok(())),
            Err(error) => (Vec::new(), Err(error)),
        };
        let (error_code, error_message) = ApiError::parts(outcome);
        PartitionResponse { partition_index: *index, error_code, error_message, active_producers, ..Default::default() }
    };
    let partitions = topic.partition_indexes.iter().map(partition).collect();
    TopicResponse { name: topic.name.clone(), partitions, ..Default::default() }
}

fn producers(broker: &Broker, found: &Topic, index: i32) -> Result<Vec<ProducerState>, ErrorCode> {
    if !found.partitions.contains_key(&index) {
        return Err(ErrorCode::UnknownTopicOrPartition);
    }
    let id = PartitionId { topic_id: found.id, index };
    let log = broker.logs.get(&id).ok_or(ErrorCode::NotLeaderOrFollower)?;
    check_state(log)?;
    Leads(broker.leads(id)).check()?;
    let state = |producer: crate::log::ActiveProducer| ProducerState {
        producer_id: producer.id.0,
        producer_epoch: i32::from(producer.epoch.0),
        last_sequence: producer.last_sequence,
        last_timestamp: producer.last_timestamp,
        coordinator_epoch: producer.coordinator_epoch,
        current_txn_start_offset: producer.transaction_start.map_or(-1, |start| start.0),
        ..Default::default()
    };
    Ok(log.active_producers().map(state).collect())
}
