//! AddPartitionsToTxn: partitions become part of a transaction; brokers ask with it whether they are.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec;
use alloc::vec::Vec;

use super::Caller;
use super::transaction_answer::{self, Commits, TransactionResponse};
use crate::broker::Broker;
use crate::error_code::ErrorCode;
use crate::time::Now;
use crate::transactions::{Partitions, Producer, TransactionVersion, TransactionalId};
use crate::types::{Offset, PartitionId, ProducerEpoch, ProducerId, TopicName};
use crate::wire::messages::add_partitions_to_txn::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnRequest, AddPartitionsToTxnResponse, AddPartitionsToTxnResult,
    AddPartitionsToTxnTopic, AddPartitionsToTxnTopicResult, AddPartitionsToTxnTransaction,
};

/// First version that is for brokers, and of many transactions.
const BROKERS_SINCE: i16 = 4;
/// First version whose clients know PRODUCER_FENCED.
const FENCED_SINCE: i16 = 2;

pub(crate) fn handle(broker: &mut Broker, now: Now, caller: Caller, request: AddPartitionsToTxnRequest) {
    let asked = if caller.version >= BROKERS_SINCE {
        request.transactions
    } else {
        vec![AddPartitionsToTxnTransaction {
            transactional_id: request.v3_and_below_transactional_id,
            producer_id: request.v3_and_below_producer_id,
            producer_epoch: request.v3_and_below_producer_epoch,
            topics: request.v3_and_below_topics,
            ..Default::default()
        }]
    };
    let mut commits = Commits::new();
    let mut timeout_ms = 0;
    let mut results = Vec::new();
    for transaction in &asked {
        let outcome = serve(broker, now, caller.version, transaction);
        if let Ok(Served::Added(Joined::Until(partition, end))) = outcome {
            commits.push((partition, end));
            timeout_ms = timeout_ms.max(broker.transaction_timeout_ms(&transaction.transactional_id));
        }
        results.push(result(transaction, caller.version, outcome));
    }
    let response = if caller.version >= BROKERS_SINCE {
        AddPartitionsToTxnResponse { results_by_transaction: results, ..Default::default() }
    } else {
        let only = results.pop().unwrap_or_default();
        AddPartitionsToTxnResponse { results_by_topic_v3_and_below: only.topic_results, ..Default::default() }
    };
    let response = TransactionResponse::AddPartitionsToTxn(response);
    transaction_answer::answer(broker, now, caller, response, (commits, timeout_ms));
}

/// What was said of these ids will not come true.
pub(crate) fn refuse(response: &mut AddPartitionsToTxnResponse, is_of: &dyn Fn(&str) -> bool, error: ErrorCode) {
    let many = response.results_by_transaction.iter_mut().filter(|result| is_of(&result.transactional_id));
    let topics = many.flat_map(|result| &mut result.topic_results).chain(&mut response.results_by_topic_v3_and_below);
    for partition in topics.flat_map(|topic| &mut topic.results_by_partition) {
        partition.partition_error_code = error.number();
    }
}

/// Partitions that are in a transaction, or will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Joined {
    /// They were already.
    Already,
    /// When this log is committed up to there.
    Until(PartitionId, Offset),
}

/// Makes partitions part of a producer's transaction.
pub(crate) fn join(
    broker: &mut Broker,
    now: Now,
    (id, producer): (&str, Producer),
    partitions: &Partitions,
    version: TransactionVersion,
) -> Result<Joined, ErrorCode> {
    if id.is_empty() {
        return Err(ErrorCode::InvalidRequest);
    }
    let index = broker.transaction_coordinator_of(id)?;
    let coordinator = broker.transactions.coordinators.serving(index).ok_or(ErrorCode::NotCoordinator)?;
    let Some(change) = coordinator.join(now, id, producer, (partitions, version))? else {
        return Ok(Joined::Already);
    };
    if change.partition_count() > broker.transactions.settings.partitions_max {
        return Err(ErrorCode::PolicyViolation);
    }
    let (partition, end) = broker.write_transaction(now, index, &TransactionalId::from(id), change)?;
    Ok(Joined::Until(partition, end))
}

/// Of each partition whether it is in the transaction of a producer.
pub(crate) fn verify(
    broker: &Broker,
    (id, producer): (&str, Producer),
    partitions: &Partitions,
) -> Result<Checked, ErrorCode> {
    if id.is_empty() {
        return Err(ErrorCode::InvalidRequest);
    }
    let index = broker.transaction_coordinator_of(id)?;
    let coordinator = broker.transactions.coordinators.serving(index).ok_or(ErrorCode::NotCoordinator)?;
    let transaction = coordinator.verify(id, producer)?;
    let check = |topic: &str, index| match transaction.has(topic, index) {
        true => ErrorCode::None,
        false => ErrorCode::TransactionAbortable,
    };
    let topic = |(topic, indexes): (&TopicName, &BTreeSet<i32>)| {
        (topic.clone(), indexes.iter().map(|index| (*index, check(topic, *index))).collect())
    };
    Ok(partitions.iter().map(topic).collect())
}

/// An error, or none, for each partition.
pub(crate) type Checked = BTreeMap<TopicName, BTreeMap<i32, ErrorCode>>;

enum Served {
    Added(Joined),
    Checked(Checked),
}

/// Nothing is added where any of the partitions is not there.
fn serve(
    broker: &mut Broker,
    now: Now,
    version: i16,
    transaction: &AddPartitionsToTxnTransaction,
) -> Result<Served, Refused> {
    let image = broker.metadata.image();
    let is_missing =
        |topic: &str, index: i32| image.topic(topic).is_none_or(|topic| !topic.partitions.contains_key(&index));
    let mut partitions = Partitions::new();
    let mut missing = Checked::new();
    for topic in &transaction.topics {
        for index in &topic.partitions {
            partitions.entry((&*topic.name).into()).or_default().insert(*index);
            if is_missing(&topic.name, *index) {
                let errors = missing.entry((&*topic.name).into()).or_default();
                errors.insert(*index, ErrorCode::UnknownTopicOrPartition);
            }
        }
    }
    if !missing.is_empty() {
        return Err(Refused::Some(missing));
    }
    let producer =
        Producer { id: ProducerId(transaction.producer_id), epoch: ProducerEpoch(transaction.producer_epoch) };
    let of = (&*transaction.transactional_id, producer);
    if transaction.verify_only {
        return verify(broker, of, &partitions).map(Served::Checked).map_err(Refused::All);
    }
    let client = if version >= BROKERS_SINCE { TransactionVersion::V2 } else { TransactionVersion::V0 };
    join(broker, now, of, &partitions, client).map(Served::Added).map_err(Refused::All)
}

enum Refused {
    /// These are the reason, and the others were not tried.
    Some(Checked),
    All(ErrorCode),
}

fn result(
    transaction: &AddPartitionsToTxnTransaction,
    version: i16,
    outcome: Result<Served, Refused>,
) -> AddPartitionsToTxnResult {
    let error = |topic: &str, index: i32| match &outcome {
        Ok(Served::Added(_)) => ErrorCode::None,
        Ok(Served::Checked(checked)) => {
            *checked.get(topic).and_then(|errors| errors.get(&index)).unwrap_or(&ErrorCode::None)
        }
        Err(Refused::Some(some)) => {
            *some.get(topic).and_then(|errors| errors.get(&index)).unwrap_or(&ErrorCode::OperationNotAttempted)
        }
        Err(Refused::All(error)) => transaction_answer::fenced(*error, version >= FENCED_SINCE),
    };
    let topic = |topic: &AddPartitionsToTxnTopic| {
        let partitions = topic.partitions.iter().map(|index| AddPartitionsToTxnPartitionResult {
            partition_index: *index,
            partition_error_code: error(&topic.name, *index).number(),
            ..Default::default()
        });
        let results_by_partition = partitions.collect();
        AddPartitionsToTxnTopicResult { name: topic.name.clone(), results_by_partition, ..Default::default() }
    };
    AddPartitionsToTxnResult {
        transactional_id: transaction.transactional_id.clone(),
        topic_results: transaction.topics.iter().map(topic).collect(),
        ..Default::default()
    }
}
