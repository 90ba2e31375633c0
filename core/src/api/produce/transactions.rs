//! Produce with records of transactions: a producer may add them only where its coordinator knows of it (KIP-890).
//!
//! Up to version 11 the producer has told the coordinator before, and the broker asks. From version 12 on the broker tells it
//! for the producer, and the request waits until that is committed.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::resolve;
use crate::api::add_partitions_to_txn::{Joined, join, verify};
use crate::api::{topic_name, transaction_answer};
use crate::broker::Broker;
use crate::error_code::ErrorCode;
use crate::log::LogState;
use crate::parking::Waits;
use crate::records::BatchHeader;
use crate::time::Now;
use crate::transactions::{Partitions, Producer, TransactionVersion};
use crate::types::{Offset, PartitionId, TopicName};
use crate::wire::Records;
use crate::wire::messages::produce::{PartitionProduceData, ProduceRequest};

/// From this version of Produce on, the broker makes a producer's partitions part of its transaction.
const JOINS_SINCE: i16 = 12;
/// First version whose clients know TRANSACTION_ABORTABLE.
const ABORTABLE_SINCE: i16 = 11;

/// What a request with records of transactions must be: it names its transactional id, and is of one producer.
pub(super) fn check_request(request: &ProduceRequest) -> Result<Option<Producer>, ErrorCode> {
    let mut producer: Option<Producer> = None;
    let partitions = request.topic_data.iter().flat_map(|topic| &topic.partition_data);
    for of in partitions.filter_map(transactional_producer) {
        if request.transactional_id.is_none() {
            return Err(ErrorCode::TransactionalIdAuthorizationFailed);
        }
        if of.id.0 >= 0 && *producer.get_or_insert(of) != of {
            return Err(ErrorCode::InvalidProducerIdMapping);
        }
    }
    Ok(producer)
}

fn transactional_producer(data: &PartitionProduceData) -> Option<Producer> {
    let Some(Records::Bytes(bytes)) = &data.records else { return None };
    let header = BatchHeader::parse(bytes).ok().filter(|header| header.attributes.is_transactional())?;
    Some(Producer { id: header.producer_id, epoch: header.producer_epoch })
}

/// What is known of a request's partitions before anything is appended.
pub(super) enum Admission {
    /// All may be appended to, but for these.
    Ready(BTreeMap<PartitionId, ErrorCode>),
    /// The coordinator has to commit something first.
    Wait(Waits),
}

/// Asks the coordinator about the partitions in which the transaction is not open already: it is known since its first
/// batch there.
pub(super) fn admit(
    broker: &mut Broker,
    now: Now,
    version: i16,
    (request, producer): (&ProduceRequest, Option<Producer>),
    is_patient: bool,
) -> Admission {
    let (Some(id), Some(producer)) = (&request.transactional_id, producer) else {
        return Admission::Ready(BTreeMap::new());
    };
    let does_join = version >= JOINS_SINCE;
    if !does_join && !broker.config.transaction_partition_verification_enable {
        return Admission::Ready(BTreeMap::new());
    }
    let unknown = unknown_partitions(broker, version, request, producer);
    if unknown.is_empty() {
        return Admission::Ready(BTreeMap::new());
    }
    let mut partitions = Partitions::new();
    for (topic, partition) in &unknown {
        partitions.entry(topic.clone()).or_default().insert(partition.index);
    }
    let refuse_all = |error| Admission::Ready(unknown.iter().map(|(_, partition)| (*partition, error)).collect());
    if does_join {
        return match join(broker, now, (id, producer), &partitions, TransactionVersion::V2) {
            Ok(Joined::Already) => Admission::Ready(BTreeMap::new()),
            Ok(Joined::Until(log, end)) if is_patient => Admission::Wait(until_committed(now, request, (log, end))),
            Err(ErrorCode::ConcurrentTransactions) if is_patient => {
                Admission::Wait(until_settled(broker, now, request))
            }
            Ok(Joined::Until(..)) => refuse_all(told(ErrorCode::ConcurrentTransactions, version)),
            Err(error) => refuse_all(told(error, version)),
        };
    }
    match verify(broker, (id, producer), &partitions) {
        Ok(checked) => {
            let error_of = |topic: &TopicName, index| checked.get(topic).and_then(|errors| errors.get(&index)).copied();
            let refused = unknown.iter().filter_map(|(topic, partition)| {
                let error = error_of(topic, partition.index).filter(|error| *error != ErrorCode::None)?;
                Some((*partition, told(error, version)))
            });
            Admission::Ready(refused.collect())
        }
        Err(error) => refuse_all(told(error, version)),
    }
}

/// Partitions that take records, and in which the transaction is not open.
fn unknown_partitions(
    broker: &Broker,
    version: i16,
    request: &ProduceRequest,
    producer: Producer,
) -> Vec<(TopicName, PartitionId)> {
    let mut unknown = Vec::new();
    for topic in &request.topic_data {
        for data in topic.partition_data.iter().filter(|data| transactional_producer(data).is_some()) {
            let Ok(partition) = resolve(broker, version, topic, data.index) else { continue };
            let Some(name) = broker.metadata.image().topics.get(&partition.topic_id).map(|found| &found.name) else {
                continue;
            };
            let log = broker.logs.get(&partition).filter(|log| log.state() == LogState::Serving);
            let needs_it = log.is_some_and(|log| !log.has_open_transaction(producer.id, producer.epoch));
            if needs_it && !topic_name::is_internal(name) {
                unknown.push((name.clone(), partition));
            }
        }
    }
    unknown
}

fn until_committed(now: Now, request: &ProduceRequest, commit: (PartitionId, Offset)) -> Waits {
    let deadline = Some(now.monotonic.plus_ms(i64::from(request.timeout_ms)));
    Waits { commits: Vec::from([commit]), deadline, ..Waits::default() }
}

/// Another change comes first: partitions that an earlier request adds, or the end of the transaction before this one. The
/// latter does not take long; a client that has to ask again would wait longer.
fn until_settled(broker: &Broker, now: Now, request: &ProduceRequest) -> Waits {
    let id = request.transactional_id.as_deref().unwrap_or_default();
    transaction_answer::until_settled(broker, now, id, request.timeout_ms)
}

/// What a producer is told: what it knows, and tries again after.
fn told(error: ErrorCode, version: i16) -> ErrorCode {
    match error {
        ErrorCode::ProducerFenced => ErrorCode::InvalidProducerEpoch,
        ErrorCode::TransactionAbortable if version < ABORTABLE_SINCE => ErrorCode::InvalidTxnState,
        ErrorCode::CoordinatorLoadInProgress | ErrorCode::CoordinatorNotAvailable | ErrorCode::NotCoordinator => {
            ErrorCode::NotEnoughReplicas
        }
        ErrorCode::ConcurrentTransactions if version < JOINS_SINCE => ErrorCode::NotEnoughReplicas,
        error => error,
    }
}
