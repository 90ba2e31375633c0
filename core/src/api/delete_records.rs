//! DeleteRecords: the oldest records of partitions go. The answer comes when they are gone for good.
//!
//! How a log gives them up is its own business (`log/head`).

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::Caller;
use super::produce::check_state;
use super::topic_name;
use crate::broker::{Broker, Leads, Work};
use crate::error_code::ErrorCode;
use crate::log::LogState;
use crate::parking::{Waits, Wake};
use crate::time::Now;
use crate::types::{Offset, PartitionId};
use crate::wire::Str;
use crate::wire::messages::delete_records::{
    DeleteRecordsPartitionResult, DeleteRecordsRequest, DeleteRecordsResponse, DeleteRecordsTopicResult,
};

/// A request that waits until all of its logs start where it wants.
#[derive(Debug)]
pub(crate) struct ParkedDeleteRecords {
    caller: Caller,
    partitions: BTreeMap<(Str, i32), Outcome>,
}

/// How it stands with a partition.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    Failed(ErrorCode),
    Waiting(PartitionId, Offset),
    /// This is the first offset now.
    Done(Offset),
}

/// An offset that stands for the high watermark.
const HIGH_WATERMARK: i64 = -1;
const NO_LOW_WATERMARK: i64 = -1;

pub(crate) fn handle(broker: &mut Broker, now: Now, caller: Caller, request: &DeleteRecordsRequest) {
    let mut partitions = BTreeMap::new();
    for topic in &request.topics {
        for partition in &topic.partitions {
            // Of a partition that is named twice the last offset counts, as in Kafka.
            partitions.insert((topic.name.clone(), partition.partition_index), partition.offset);
        }
    }
    let outcomes = partitions.into_iter().map(|((topic, index), offset)| {
        let outcome = delete(broker, &topic, index, offset);
        ((topic, index), outcome.unwrap_or_else(Outcome::Failed))
    });
    let partitions = outcomes.collect();
    let deadline = Some(now.monotonic.plus_ms(i64::from(request.timeout_ms)));
    proceed(broker, ParkedDeleteRecords { caller, partitions }, Waits { deadline, ..Waits::default() });
}

pub(crate) fn wake(broker: &mut Broker, mut parked: ParkedDeleteRecords, waits: Waits, wake: Wake) {
    for outcome in parked.partitions.values_mut() {
        let Outcome::Waiting(partition, _) = *outcome else { continue };
        match wake {
            Wake::Lost(lost) if lost == partition => *outcome = Outcome::Failed(loss(broker, partition)),
            Wake::Deadline => *outcome = Outcome::Failed(ErrorCode::RequestTimedOut),
            Wake::Lost(_) | Wake::Committed(_) | Wake::Grown(_) => {}
        }
    }
    proceed(broker, parked, Waits { deadline: waits.deadline, ..Waits::default() });
}

fn delete(broker: &mut Broker, topic: &str, index: i32, offset: i64) -> Result<Outcome, ErrorCode> {
    let found = broker.metadata.image().topic(topic).filter(|found| found.partitions.contains_key(&index));
    let topic_id = found.ok_or(ErrorCode::UnknownTopicOrPartition)?.id;
    if topic_name::is_internal(topic) {
        return Err(ErrorCode::InvalidTopicException);
    }
    let partition = PartitionId { topic_id, index };
    let policy = broker.topic_configs.get(&topic_id).map(|config| config.cleanup_policy).unwrap_or_default();
    let leads = Leads(broker.leads(partition));
    let log = broker.logs.get_mut(&partition).ok_or(ErrorCode::NotLeaderOrFollower)?;
    check_state(log)?;
    leads.check()?;
    if policy.compact && !policy.delete {
        return Err(ErrorCode::PolicyViolation);
    }
    let offset = if offset == HIGH_WATERMARK { log.high_watermark() } else { Offset(offset) };
    if offset < Offset(0) {
        return Err(ErrorCode::OffsetOutOfRange);
    }
    log.delete_records(offset, &mut broker.outbox).map_err(|_| ErrorCode::OffsetOutOfRange)?;
    broker.touch(partition);
    Ok(Outcome::Waiting(partition, offset))
}

/// Why a partition's start will not move.
fn loss(broker: &Broker, partition: PartitionId) -> ErrorCode {
    match broker.logs.get(&partition).map(|log| log.state()) {
        // The checkpoint could not be written.
        Some(LogState::Serving | LogState::Offline) => ErrorCode::KafkaStorageError,
        Some(LogState::Loading | LogState::Closing | LogState::Closed) | None => ErrorCode::UnknownTopicOrPartition,
    }
}

/// Answers where every log starts where it was told to, or never will, else parks.
fn proceed(broker: &mut Broker, mut parked: ParkedDeleteRecords, mut waits: Waits) {
    for outcome in parked.partitions.values_mut() {
        if let Outcome::Waiting(partition, offset) = *outcome
            && let Some(log) = broker.logs.get(&partition)
            && log.log_start() >= offset
        {
            *outcome = Outcome::Done(log.log_start());
        }
        if let Outcome::Waiting(partition, _) = *outcome {
            waits.growth.push(partition);
        }
    }
    if waits.growth.is_empty() {
        return broker.answer(parked.caller, &response(parked.partitions), Vec::new());
    }
    broker.parking.park(Some(parked.caller.slot.conn), Work::DeleteRecords(parked), waits);
}

fn response(partitions: BTreeMap<(Str, i32), Outcome>) -> DeleteRecordsResponse {
    let mut topics: Vec<DeleteRecordsTopicResult> = Vec::new();
    for ((name, partition_index), outcome) in partitions {
        let (low_watermark, error) = match outcome {
            Outcome::Done(log_start) => (log_start.0, ErrorCode::None),
            Outcome::Failed(error) => (NO_LOW_WATERMARK, error),
            Outcome::Waiting(..) => unreachable!("an answer waits for all of its partitions"),
        };
        let error_code = error.number();
        let result = DeleteRecordsPartitionResult { partition_index, low_watermark, error_code, ..Default::default() };
        match topics.last_mut() {
            Some(last) if last.name == name => last.partitions.push(result),
            _ => topics.push(DeleteRecordsTopicResult { name, partitions: [result].into(), ..Default::default() }),
        }
    }
    DeleteRecordsResponse { topics, ..Default::default() }
}
