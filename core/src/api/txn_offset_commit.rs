//! TxnOffsetCommit: how far a group has read, if the transaction is committed.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::add_offsets_to_txn::partition_of_group;
use super::add_partitions_to_txn::{Joined, join, verify};
use super::group_answer::{self, GroupResponse};
use super::offset_commit::check_metadata;
use super::{Caller, transaction_answer};
use crate::broker::{Broker, Work};
use crate::error_code::ErrorCode;
use crate::groups::{CommittedOffset, Committer, offset_committed};
use crate::metadata::Topic;
use crate::parking::{Waits, Wake};
use crate::time::{Monotonic, Now, WallClock};
use crate::transactions::{Producer, TransactionVersion};
use crate::types::{LeaderEpoch, Offset, ProducerEpoch, ProducerId};
use crate::wire::messages::txn_offset_commit::{
    TxnOffsetCommitRequest, TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic, TxnOffsetCommitResponse,
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};

/// From this version on the broker makes the group's partition part of the transaction.
const JOINS_SINCE: i16 = 5;
/// First version whose clients know TRANSACTION_ABORTABLE.
const ABORTABLE_SINCE: i16 = 4;
/// First version whose clients know that a coordinator may be loading.
const LOADING_SINCE: i16 = 2;
/// How long a request waits for the coordinator of its transaction to commit what it needs.
const JOIN_TIMEOUT_MS: i32 = 30_000;

/// A commit whose partition is not part of its transaction yet.
#[derive(Debug)]
pub(crate) struct ParkedTxnOffsetCommit {
    caller: Caller,
    request: TxnOffsetCommitRequest,
    /// When it has waited long enough for the transaction before.
    patient_until: Option<Monotonic>,
}

pub(crate) fn handle(broker: &mut Broker, now: Now, caller: Caller, mut request: TxnOffsetCommitRequest) {
    // A topic without partitions is answered only where it does not exist.
    let image = broker.metadata.image();
    request.topics.retain(|topic| !topic.partitions.is_empty() || image.topic(&topic.name).is_none());
    let response = check_topics(broker, &request);
    if response.topics.iter().all(|topic| topic.partitions.iter().all(is_unknown)) {
        return broker.answer(caller, &response, Vec::new());
    }
    admit(broker, now, ParkedTxnOffsetCommit { caller, request, patient_until: None });
}

fn is_unknown(partition: &TxnOffsetCommitResponsePartition) -> bool {
    partition.error_code == ErrorCode::UnknownTopicOrPartition.number()
}

pub(crate) fn wake(broker: &mut Broker, now: Now, mut parked: ParkedTxnOffsetCommit, wake: Wake) {
    if wake == Wake::Deadline {
        parked.patient_until = Some(now.monotonic);
    }
    admit(broker, now, parked);
}

/// Nothing is kept of what was said of offsets.
pub(crate) fn refuse(response: &mut TxnOffsetCommitResponse, error: ErrorCode) {
    let partitions = response.topics.iter_mut().flat_map(|topic| &mut topic.partitions);
    for partition in partitions.filter(|partition| partition.error_code == ErrorCode::None.number()) {
        partition.error_code = error.number();
    }
}

/// Commits once the transaction's coordinator knows of it.
fn admit(broker: &mut Broker, now: Now, mut parked: ParkedTxnOffsetCommit) {
    let version = parked.caller.version;
    let is_patient = parked.patient_until.is_none_or(|until| now.monotonic < until);
    let outcome = match check(broker, now, version, &parked.request, is_patient) {
        Ok(Some(mut waits)) => {
            if waits.commits.is_empty() {
                waits.deadline = Some(*parked.patient_until.get_or_insert(waits.deadline.unwrap_or(now.monotonic)));
            }
            broker.parking.park(Some(parked.caller.slot.conn), Work::TxnOffsetCommit(parked), waits);
            return;
        }
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    let request = &parked.request;
    let mut response = check_topics(broker, request);
    match outcome.and_then(|()| commit(broker, now, request, &response)) {
        Ok(index) => {
            let response = GroupResponse::TxnOffsetCommit(response);
            group_answer::answer(broker, now, parked.caller, response, [index]);
        }
        Err(error) => {
            refuse(&mut response, told(error, version));
            broker.answer(parked.caller, &response, Vec::new());
        }
    }
}

/// Whether the group's partition is part of the transaction; what to wait for, where it will be.
fn check(
    broker: &mut Broker,
    now: Now,
    version: i16,
    request: &TxnOffsetCommitRequest,
    is_patient: bool,
) -> Result<Option<Waits>, ErrorCode> {
    if request.group_id.is_empty() {
        return Err(ErrorCode::InvalidGroupId);
    }
    let index = broker.coordinator_of(&request.group_id)?;
    let producer = producer_of(request);
    let log = broker.groups.partition(index).and_then(|id| broker.logs.get(&id));
    let is_open = log.is_some_and(|log| log.has_open_transaction(producer.id, producer.epoch));
    let does_join = version >= JOINS_SINCE;
    if is_open || !does_join && !broker.config.transaction_partition_verification_enable {
        return Ok(None);
    }
    let id = &*request.transactional_id;
    let partitions = partition_of_group(broker, &request.group_id)?;
    if !does_join {
        let checked = verify(broker, (id, producer), &partitions)?;
        let error = checked.values().flat_map(|errors| errors.values()).find(|error| **error != ErrorCode::None);
        return error.map_or(Ok(None), |error| Err(*error));
    }
    match join(broker, now, (id, producer), &partitions, TransactionVersion::V2) {
        Ok(Joined::Already) => Ok(None),
        Ok(Joined::Until(log, end)) if is_patient => {
            let deadline = Some(now.monotonic.plus_ms(i64::from(JOIN_TIMEOUT_MS)));
            Ok(Some(Waits { commits: Vec::from([(log, end)]), deadline, ..Waits::default() }))
        }
        Err(ErrorCode::ConcurrentTransactions) if is_patient => {
            Ok(Some(transaction_answer::until_settled(broker, now, id, JOIN_TIMEOUT_MS)))
        }
        Ok(Joined::Until(..)) => Err(ErrorCode::ConcurrentTransactions),
        Err(error) => Err(error),
    }
}

fn producer_of(request: &TxnOffsetCommitRequest) -> Producer {
    Producer { id: ProducerId(request.producer_id), epoch: ProducerEpoch(request.producer_epoch) }
}

/// Keeps the offsets of partitions that nothing is wrong with, in the partition of the log that is told.
fn commit(
    broker: &mut Broker,
    now: Now,
    request: &TxnOffsetCommitRequest,
    response: &TxnOffsetCommitResponse,
) -> Result<i32, ErrorCode> {
    let group = &*request.group_id;
    let index = broker.coordinator_of(group)?;
    let image = broker.metadata.image();
    let found = request.topics.iter().filter_map(|topic| Some((image.topic(&topic.name)?.id, &topic.partitions)));
    let partitions: Vec<_> = found
        .flat_map(|(id, partitions)| partitions.iter().map(move |partition| (id, partition.partition_index)))
        .collect();
    let by = Committer {
        member: &request.member_id,
        instance: request.group_instance_id.as_deref(),
        generation: request.generation_id,
        is_not_found_known: false,
        is_transactional: true,
        partitions: &partitions,
        image,
    };
    let settings = broker.groups.settings;
    let has_room = broker.groups.has_room_for_group();
    let coordinator = broker.groups.serving_mut(index).ok_or(ErrorCode::NotCoordinator)?;
    let is_known = coordinator.groups.contains_key(group);
    coordinator.check_commit(now, &settings, group, by).0?;
    if !is_known && !has_room {
        return Err(ErrorCode::GroupMaxSizeReached);
    }
    let mut records = Vec::new();
    for (topic, answered) in request.topics.iter().zip(&response.topics) {
        let Some(found) = broker.metadata.image().topic(&topic.name) else { continue };
        let good = topic.partitions.iter().zip(&answered.partitions).filter(|(_, answer)| answer.error_code == 0);
        for (partition, _) in good {
            let committed = committed(partition, found, now);
            records.push(offset_committed(group, &found.name, partition.partition_index, &committed));
        }
    }
    if !records.is_empty() {
        broker.commit_offsets_of(now, index, &records, producer_of(request))?;
        let expiry = WallClock(now.wall.0.saturating_add(settings.retention_ms));
        broker.arm_retention_at(now, index, expiry);
    }
    Ok(index)
}

fn committed(partition: &TxnOffsetCommitRequestPartition, topic: &Topic, now: Now) -> CommittedOffset {
    CommittedOffset {
        offset: Offset(partition.committed_offset),
        leader_epoch: LeaderEpoch(partition.committed_leader_epoch),
        metadata: Box::from(partition.committed_metadata.as_deref().unwrap_or_default()),
        committed_ms: now.wall.0,
        expires_ms: None,
        topic_id: topic.id,
        recorded_at: Offset(0),
    }
}

fn check_topics(broker: &Broker, request: &TxnOffsetCommitRequest) -> TxnOffsetCommitResponse {
    let max_units = broker.groups.settings.offset_metadata_max_units;
    let image = broker.metadata.image();
    let checked = request.topics.iter().map(|topic| check_topic(image.topic(&topic.name), topic, max_units));
    TxnOffsetCommitResponse { topics: checked.collect(), ..Default::default() }
}

fn check_topic(
    found: Option<&Topic>,
    topic: &TxnOffsetCommitRequestTopic,
    metadata_max_units: usize,
) -> TxnOffsetCommitResponseTopic {
    let check = |partition: &TxnOffsetCommitRequestPartition| {
        if found.is_none_or(|found| !found.partitions.contains_key(&partition.partition_index)) {
            return ErrorCode::UnknownTopicOrPartition;
        }
        check_metadata(partition.committed_metadata.as_deref(), metadata_max_units)
    };
    let partitions = topic.partitions.iter().map(|partition| TxnOffsetCommitResponsePartition {
        partition_index: partition.partition_index,
        error_code: check(partition).number(),
        ..Default::default()
    });
    TxnOffsetCommitResponseTopic { name: topic.name.clone(), partitions: partitions.collect(), ..Default::default() }
}

/// What a producer is told: what it knows, and tries again after.
fn told(error: ErrorCode, version: i16) -> ErrorCode {
    match error {
        ErrorCode::ProducerFenced => ErrorCode::InvalidProducerEpoch,
        ErrorCode::TransactionAbortable if version < ABORTABLE_SINCE => ErrorCode::InvalidTxnState,
        // Producers know generations only.
        ErrorCode::StaleMemberEpoch => ErrorCode::IllegalGeneration,
        ErrorCode::CoordinatorLoadInProgress if version < LOADING_SINCE => ErrorCode::CoordinatorNotAvailable,
        error => error,
    }
}
