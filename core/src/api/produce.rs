//! Produce: appends batches and answers when they are as safe as the policy asks for.
//!
//! Checks of a batch are in `records/`, sequences and offsets in `log/`; here is what a request as a whole means.

mod transactions;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use self::transactions::Admission;
use super::{Caller, topic_name};
use crate::boundary::CloseReason;
use crate::broker::{Broker, Leads, Work};
use crate::config::{CompressionType, TimestampType as TopicTimestampType, TopicConfig};
use crate::error_code::ErrorCode;
use crate::log::{LogState, PartitionLog};
use crate::parking::{Waits, Wake};
use crate::records::{self, BatchError, Compression, ProduceRules, StoredCodec, TimestampType};
use crate::time::{Monotonic, Now};
use crate::types::{Offset, PartitionId};
use crate::wire::messages::produce::{
    BatchIndexAndErrorMessage, PartitionProduceData, PartitionProduceResponse, ProduceRequest, ProduceResponse,
    TopicProduceData, TopicProduceResponse,
};
use crate::wire::{Records, Str};

/// A produce whose batches are appended but not yet committed.
#[derive(Debug)]
pub(crate) struct ParkedProduce {
    caller: Caller,
    response: ProduceResponse,
    pending: Vec<Pending>,
}

/// One batch that waits for the high watermark.
#[derive(Clone, Copy, Debug)]
struct Pending {
    partition: PartitionId,
    end: Offset,
    topic_index: usize,
    partition_index: usize,
}

const ACKS_ALL: i16 = -1;

/// First version that names topics by id.
const TOPIC_IDS_SINCE: i16 = 13;

/// What Kafka's own tools call themselves. They may write what only coordinators should.
pub(super) const ADMIN_CLIENT: &str = "__admin_client";

/// A produce whose partitions are not part of its transaction yet.
#[derive(Debug)]
pub(crate) struct ParkedAdmission {
    caller: Caller,
    is_admin: bool,
    request: ProduceRequest,
    /// When it has waited long enough for the transaction before.
    patient_until: Option<Monotonic>,
}

pub(crate) fn handle(broker: &mut Broker, now: Now, caller: Caller, is_admin: bool, request: ProduceRequest) {
    admit(broker, now, ParkedAdmission { caller, is_admin, request, patient_until: None });
}

pub(crate) fn wake_admission(broker: &mut Broker, now: Now, mut parked: ParkedAdmission, wake: Wake) {
    if wake == Wake::Deadline {
        parked.patient_until = Some(now.monotonic);
    }
    admit(broker, now, parked);
}

/// Appends once the transaction's coordinator knows of it.
fn admit(broker: &mut Broker, now: Now, mut parked: ParkedAdmission) {
    let is_patient = parked.patient_until.is_none_or(|until| now.monotonic < until);
    let version = parked.caller.version;
    let admission = transactions::check_request(&parked.request)
        .map(|producer| transactions::admit(broker, now, version, (&parked.request, producer), is_patient));
    match admission {
        Ok(Admission::Ready(refused)) => append_all(broker, now, parked, Ok(&refused)),
        Err(error) => append_all(broker, now, parked, Err(error)),
        Ok(Admission::Wait(mut waits)) => {
            if waits.commits.is_empty() {
                waits.deadline = Some(*parked.patient_until.get_or_insert(waits.deadline.unwrap_or(now.monotonic)));
            }
            broker.parking.park(Some(parked.caller.slot.conn), Work::Admission(parked), waits);
        }
    }
}

/// Appends to all partitions but those that are refused, which may be all of them for one reason.
fn append_all(
    broker: &mut Broker,
    now: Now,
    ParkedAdmission { caller, is_admin, request, .. }: ParkedAdmission,
    refused: Result<&BTreeMap<PartitionId, ErrorCode>, ErrorCode>,
) {
    let mut parked = ParkedProduce { caller, response: ProduceResponse::default(), pending: Vec::new() };
    let is_valid = (ACKS_ALL..=1).contains(&request.acks);
    for topic in each_partition_once(request.topic_data) {
        let mut answer =
            TopicProduceResponse { name: topic.name.clone(), topic_id: topic.topic_id, ..Default::default() };
        for data in &topic.partition_data {
            let outcome = match refused {
                _ if !is_valid => {
                    let known = resolve(broker, caller.version, &topic, data.index);
                    Err(refusal(known.err().unwrap_or(ErrorCode::InvalidRequiredAcks)))
                }
                Err(error) => Err(refusal(error)),
                Ok(refused) => append(broker, now, (caller.version, is_admin, refused), &topic, data),
            };
            let (topic_index, partition_index) = (parked.response.responses.len(), answer.partition_responses.len());
            answer.partition_responses.push(match outcome {
                Ok(appended) => {
                    let (partition, end) = (appended.partition, appended.end);
                    parked.pending.push(Pending { partition, end, topic_index, partition_index });
                    PartitionProduceResponse { index: data.index, ..appended.response }
                }
                Err(refused) => PartitionProduceResponse { index: data.index, ..refused },
            });
        }
        parked.response.responses.push(answer);
    }
    if request.acks == 0 {
        return finish_unacknowledged(broker, &parked);
    }
    let timeout_ms = i64::from(request.timeout_ms);
    let deadline = (request.acks == ACKS_ALL).then(|| now.monotonic.plus_ms(timeout_ms));
    proceed(broker, parked, Waits { deadline, ..Waits::default() });
}

/// Of a partition that is named more than once the last records count; a topic without partitions is not answered.
fn each_partition_once(mut topics: Vec<TopicProduceData>) -> Vec<TopicProduceData> {
    if topics.len() == 1 && topics[0].partition_data.len() == 1 {
        return topics;
    }
    let mut seen = BTreeSet::new();
    for topic in topics.iter_mut().rev() {
        let mut kept: Vec<_> = core::mem::take(&mut topic.partition_data);
        kept.reverse();
        kept.retain(|data| seen.insert((topic.name.clone(), topic.topic_id, data.index)));
        kept.reverse();
        topic.partition_data = kept;
    }
    topics.retain(|topic| !topic.partition_data.is_empty());
    topics
}

pub(crate) fn wake(broker: &mut Broker, mut parked: ParkedProduce, waits: Waits, wake: Wake) {
    let lost = match wake {
        Wake::Committed(_) | Wake::Grown(_) => None,
        Wake::Lost(partition) => {
            let is_offline = broker.logs.get(&partition).is_some_and(|log| log.state() == LogState::Offline);
            let is_known = broker.metadata.image().partition(partition).is_some();
            let error = match is_offline {
                true => ErrorCode::KafkaStorageError,
                false if is_known => ErrorCode::NotLeaderOrFollower,
                false => ErrorCode::UnknownTopicOrPartition,
            };
            Some((Some(partition), error))
        }
        Wake::Deadline => Some((None, ErrorCode::RequestTimedOut)),
    };
    if let Some((partition, error)) = lost {
        let is_kept = |pending: &Pending| partition.is_some_and(|lost| pending.partition != lost);
        let (pending, given_up): (Vec<_>, Vec<_>) = parked.pending.into_iter().partition(is_kept);
        for pending in given_up {
            let slot = &mut parked.response.responses[pending.topic_index].partition_responses[pending.partition_index];
            *slot = PartitionProduceResponse { index: slot.index, ..refusal(error) };
        }
        parked.pending = pending;
    }
    proceed(broker, parked, Waits { deadline: waits.deadline, ..Waits::default() });
}

/// Answers where everything is committed, else parks.
fn proceed(broker: &mut Broker, mut parked: ParkedProduce, mut waits: Waits) {
    parked
        .pending
        .retain(|pending| broker.logs.get(&pending.partition).is_none_or(|log| log.high_watermark() < pending.end));
    if parked.pending.is_empty() {
        return broker.answer(parked.caller, &parked.response, Vec::new());
    }
    waits.commits = parked.pending.iter().map(|pending| (pending.partition, pending.end)).collect();
    broker.parking.park(Some(parked.caller.slot.conn), Work::Produce(parked), waits);
}

/// With acks=0 a client learns of an error only by the end of its connection.
fn finish_unacknowledged(broker: &mut Broker, parked: &ParkedProduce) {
    let partitions = parked.response.responses.iter().flat_map(|topic| &topic.partition_responses);
    let error = partitions.map(|partition| partition.error_code).find(|code| *code != ErrorCode::None.number());
    match error.and_then(ErrorCode::from_number) {
        None => broker.no_answer(parked.caller),
        Some(code) => {
            let reason = alloc::format!("a produce with acks=0 failed with {code}, which only a close can tell");
            broker.close(parked.caller.slot.conn, CloseReason::Protocol(reason));
        }
    }
}

/// A batch in the log, and what to answer once it is committed.
struct Accepted {
    partition: PartitionId,
    end: Offset,
    response: PartitionProduceResponse,
}

fn append(
    broker: &mut Broker,
    now: Now,
    (version, is_admin, refused): (i16, bool, &BTreeMap<PartitionId, ErrorCode>),
    topic: &TopicProduceData,
    data: &PartitionProduceData,
) -> Result<Accepted, PartitionProduceResponse> {
    let partition = resolve(broker, version, topic, data.index).map_err(refusal)?;
    let name = broker.metadata.image().topics.get(&partition.topic_id).map(|found| &*found.name);
    if !is_admin && name.is_some_and(topic_name::is_internal) {
        return Err(refusal(ErrorCode::InvalidTopicException));
    }
    if let Some(error) = refused.get(&partition) {
        let is_outside = matches!(error, ErrorCode::InvalidTxnState | ErrorCode::TransactionAbortable);
        let error_message = is_outside.then(|| Str::from_static("The partition is not part of the transaction."));
        return Err(PartitionProduceResponse { error_message, ..refusal(*error) });
    }
    let known = broker.metadata.image().partition(partition);
    let epoch = known.map(|known| known.leader_epoch).unwrap_or_default();
    let leads = Leads(known.is_some_and(|known| known.leader == broker.node_id));
    let topic_config = broker.topic_configs.get(&partition.topic_id);
    let (Some(log), Some(topic_config)) = (broker.logs.get_mut(&partition), topic_config) else {
        return Err(refusal(ErrorCode::NotLeaderOrFollower));
    };
    check_state(log).and_then(|()| leads.check()).map_err(refusal)?;
    let Some(Records::Bytes(bytes)) = &data.records else {
        return Err(refusal(ErrorCode::InvalidRecord));
    };
    let rules = produce_rules(version, topic_config, broker.config.limits.decompressed_size_bytes);
    let batch = records::validate_produced(&bytes.to_bytes(), &rules, now.wall)
        .map_err(|error| batch_refusal(error, log.log_start()))?;
    let log_start = log.log_start();
    let appended = log.append(now, epoch, batch, &mut broker.outbox).map_err(|error| {
        let error_message = Some(Str::from(alloc::format!("{error}")));
        let log_start_offset = if error.tells_log_start() { log_start.0 } else { -1 };
        PartitionProduceResponse { error_message, log_start_offset, ..refusal(error.error_code()) }
    })?;
    broker.touch(partition);
    let response = PartitionProduceResponse {
        base_offset: appended.base_offset.0,
        log_append_time_ms: appended.append_time,
        log_start_offset: appended.log_start_offset.0,
        ..Default::default()
    };
    Ok(Accepted { partition, end: appended.last_offset.next(), response })
}

/// The partition that the client means.
fn resolve(broker: &Broker, version: i16, topic: &TopicProduceData, index: i32) -> Result<PartitionId, ErrorCode> {
    let found = if version >= TOPIC_IDS_SINCE {
        broker.metadata.image().topics.get(&topic.topic_id).ok_or(ErrorCode::UnknownTopicId)?
    } else {
        broker.metadata.image().topic(&topic.name).ok_or(ErrorCode::UnknownTopicOrPartition)?
    };
    if !found.partitions.contains_key(&index) {
        return Err(ErrorCode::UnknownTopicOrPartition);
    }
    Ok(PartitionId { topic_id: found.id, index })
}

/// Whether a log takes requests now.
pub(crate) fn check_state(log: &PartitionLog) -> Result<(), ErrorCode> {
    match log.state() {
        LogState::Serving => Ok(()),
        LogState::Loading | LogState::Closing | LogState::Closed => Err(ErrorCode::NotLeaderOrFollower),
        LogState::Offline => Err(ErrorCode::KafkaStorageError),
    }
}

fn refusal(code: ErrorCode) -> PartitionProduceResponse {
    PartitionProduceResponse {
        error_code: code.number(),
        base_offset: -1,
        log_append_time_ms: -1,
        log_start_offset: -1,
        ..Default::default()
    }
}

fn batch_refusal(error: BatchError, log_start: Offset) -> PartitionProduceResponse {
    let log_start_offset = if error.tells_log_start() { log_start.0 } else { -1 };
    let record_errors = error.record_errors.into_iter().map(|record| BatchIndexAndErrorMessage {
        batch_index: record.batch_index,
        batch_index_error_message: Some(Str::from(record.message)),
        ..Default::default()
    });
    PartitionProduceResponse {
        record_errors: record_errors.collect(),
        error_message: Some(Str::from(error.message)),
        log_start_offset,
        ..refusal(error.error_code)
    }
}

fn produce_rules(produce_version: i16, topic: &TopicConfig, decompressed_max_bytes: u32) -> ProduceRules {
    ProduceRules {
        produce_version,
        max_message_bytes: i32::try_from(topic.max_message_bytes).unwrap_or(i32::MAX),
        timestamp_type: match topic.message_timestamp_type {
            TopicTimestampType::CreateTime => TimestampType::CreateTime,
            TopicTimestampType::LogAppendTime => TimestampType::LogAppendTime,
        },
        timestamp_before_max_ms: topic.message_timestamp_before_max_ms,
        timestamp_after_max_ms: topic.message_timestamp_after_max_ms,
        is_compacted: topic.cleanup_policy.compact,
        decompressed_max_bytes: decompressed_max_bytes as usize,
        stored_codec: stored_codec(topic),
    }
}

fn stored_codec(topic: &TopicConfig) -> StoredCodec {
    let codec = match topic.compression_type {
        CompressionType::Producer => return StoredCodec::AsSent,
        CompressionType::Uncompressed => Compression::None,
        CompressionType::Gzip => Compression::Gzip,
        CompressionType::Snappy => Compression::Snappy,
        CompressionType::Lz4 => Compression::Lz4,
        CompressionType::Zstd => Compression::Zstd,
    };
    StoredCodec::Always { codec, level: topic.compression_level }
}
