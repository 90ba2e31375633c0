//! ShareFetch: records for a member of a share group, and acknowledgements of earlier ones on the way (KIP-932).
//!
//! Which partitions a request means is its session's business, what a member may have of them the share partitions'
//! (`shares/`). How they are tried and read is in [`reading`]; here a request begins and ends.

mod reading;

use alloc::vec::Vec;

use self::reading::{ACQUIRE_MODES, Pins, Reading};
use super::share_acknowledgements::{self as acknowledgements, Acknowledgements};
use super::{Caller, share_leaders};
use crate::boundary::FileRange;
use crate::broker::{Acknowledged, Broker, Work};
use crate::error_code::ErrorCode;
use crate::log::{Found, LookupError, LookupId};
use crate::marks::Mark;
use crate::parking::Waits;
use crate::shares::{Acquired, FINAL_EPOCH, SessionKey, ShareKey, SharePlan, SharedPartition, WriteId};
use crate::time::{Monotonic, Now};
use crate::types::PartitionId;
use crate::wire::messages::share_fetch::{
    AcquiredRecords, LeaderIdAndEpoch, NodeEndpoint, PartitionData, ShareFetchRequest, ShareFetchResponse,
    ShareFetchableTopicResponse,
};
use crate::wire::{Message as _, Records, to_frame};

/// A fetch that waits for records, for look-ups, or until its acknowledgements are kept.
#[derive(Debug)]
pub(crate) struct ParkedShareFetch {
    caller: Caller,
    session: SessionKey,
    epoch: i32,
    /// Only what is new is told.
    is_incremental: bool,
    acknowledgements: Acknowledgements,
    reading: Reading,
    /// It is answered with this at its deadline, and with nothing else.
    refusal: Option<(ErrorCode, Monotonic)>,
}

/// What a partition has for the member.
#[derive(Debug, Default)]
struct Outcome {
    error: Option<ErrorCode>,
    acquired: Vec<Acquired>,
    records: Option<FileRange>,
}

/// First version with renewals and strict limits.
const RENEW_SINCE: i16 = 2;

pub(crate) fn handle(broker: &mut Broker, now: Now, caller: Caller, request: ShareFetchRequest) {
    let session = match acknowledgements::session_of(broker, request.group_id.as_ref(), request.member_id.as_ref()) {
        Ok(session) => session,
        Err(error) => return refuse(broker, caller, error),
    };
    let is_renew = caller.version >= RENEW_SINCE && request.is_renew_ack;
    let wants_records =
        [request.max_bytes, request.min_bytes, request.max_records, request.max_wait_ms].iter().any(|own| *own != 0);
    if is_renew && wants_records {
        return refuse(broker, caller, ErrorCode::InvalidRequest);
    }
    let epoch = request.share_session_epoch;
    let plan = match place(broker, caller, &session, &request) {
        Ok(plan) => plan,
        Err(error @ ErrorCode::ShareSessionLimitReached) => {
            let refusal = Some((error, now.monotonic.plus_ms(i64::from(request.max_wait_ms))));
            let parked = ParkedShareFetch {
                caller,
                session,
                epoch,
                is_incremental: false,
                acknowledgements: Acknowledgements::default(),
                reading: Reading::default(),
                refusal,
            };
            return proceed(broker, now, parked);
        }
        Err(error) => return refuse(broker, caller, error),
    };
    let (is_incremental, partitions) = match plan {
        SharePlan::Begun(partitions) => (false, partitions),
        SharePlan::GoneOn(partitions) => (true, partitions),
        SharePlan::Final => (false, Vec::new()),
    };
    let is_mode_known = caller.version < RENEW_SINCE || ACQUIRE_MODES.contains(&request.share_acquire_mode);
    let mut reading = Reading::of(broker, now, caller, &session, &request);
    let acknowledgements = acknowledge(broker, now, (caller, is_renew), &session, request);
    if !is_renew && !is_mode_known && !partitions.is_empty() {
        // Kafka's broker stumbles over it, with the acknowledgements taken.
        return refuse(broker, caller, ErrorCode::UnknownServerError);
    }
    if !is_renew {
        reading.begin(broker, now, &session, epoch, partitions);
    }
    let parked = ParkedShareFetch { caller, session, epoch, is_incremental, acknowledgements, reading, refusal: None };
    proceed(broker, now, parked);
}

/// Places a request in its session.
fn place(
    broker: &mut Broker,
    caller: Caller,
    session: &SessionKey,
    request: &ShareFetchRequest,
) -> Result<SharePlan, ErrorCode> {
    let partitions = request.topics.iter().flat_map(|topic| topic.partitions.iter().map(move |own| (topic, own)));
    let acknowledges = partitions.clone().any(|(_, partition)| !partition.acknowledgement_batches.is_empty());
    if acknowledges && request.share_session_epoch == 0 {
        return Err(ErrorCode::InvalidRequest);
    }
    let image = broker.metadata.image();
    let named: Vec<_> = partitions
        .map(|(topic, partition)| SharedPartition {
            id: PartitionId { topic_id: topic.topic_id, index: partition.partition_index },
            is_known: image.topics.contains_key(&topic.topic_id),
        })
        .collect();
    let forgotten = request
        .forgotten_topics_data
        .iter()
        .flat_map(|topic| topic.partitions.iter().map(|index| PartitionId { topic_id: topic.topic_id, index: *index }));
    let forgotten: Vec<_> = forgotten.collect();
    let conn = caller.slot.conn;
    let plan = broker.shares.sessions.fetch(conn, session, request.share_session_epoch, &named, &forgotten);
    broker.outbox.reach(match &plan {
        Ok(SharePlan::Begun(_)) => Mark::ShareSessionBegun,
        Ok(SharePlan::GoneOn(_)) => Mark::ShareSessionGoneOn,
        Ok(SharePlan::Final) => Mark::ShareSessionEnded,
        Err(_) => Mark::ShareSessionRefused,
    });
    plan
}

fn acknowledge(
    broker: &mut Broker,
    now: Now,
    (caller, is_renew): (Caller, bool),
    session: &SessionKey,
    request: ShareFetchRequest,
) -> Acknowledgements {
    let partitions = request.topics.iter().flat_map(|topic| &topic.partitions);
    if partitions.clone().all(|partition| partition.acknowledgement_batches.is_empty()) {
        return Acknowledgements::default();
    }
    let named = request.topics.into_iter().flat_map(|topic| {
        topic.partitions.into_iter().map(move |partition| {
            let batches = partition.acknowledgement_batches.into_iter();
            let batches = batches.map(|batch| (batch.first_offset, batch.last_offset, batch.acknowledge_types));
            (topic.topic_id, partition.partition_index, batches.collect())
        })
    });
    acknowledgements::take(broker, now, session, (caller.version, is_renew), named)
}

/// There may be more than when it was tried last, or its time is over.
pub(crate) fn wake(broker: &mut Broker, now: Now, parked: ParkedShareFetch) {
    proceed(broker, now, parked);
}

/// A look-up came back.
pub(crate) fn looked_up(
    broker: &mut Broker,
    now: Now,
    mut parked: ParkedShareFetch,
    partition: PartitionId,
    lookup: LookupId,
    result: &Result<Found, LookupError>,
) {
    parked.reading.looked_up(broker, partition, lookup, result);
    proceed(broker, now, parked);
}

/// Acknowledgements are kept, or can't be.
pub(crate) fn acknowledged(
    broker: &mut Broker,
    now: Now,
    mut parked: ParkedShareFetch,
    write: WriteId,
    outcome: &Acknowledged,
) {
    parked.acknowledgements.written(write, outcome);
    proceed(broker, now, parked);
}

/// A share partition that it waits for can't be loaded.
pub(crate) fn failed(broker: &mut Broker, now: Now, mut parked: ParkedShareFetch, key: &ShareKey, error: ErrorCode) {
    parked.reading.failed(key.partition, error);
    proceed(broker, now, parked);
}

/// The client is gone.
pub(crate) fn abandon(broker: &mut Broker, mut parked: ParkedShareFetch) {
    parked.reading.let_go(broker, &parked.session);
}

impl ParkedShareFetch {
    /// When it came, among others.
    pub(crate) fn turn(&self) -> u64 {
        self.reading.turn
    }

    /// Whether another fetch was at a share partition when this one tried it.
    pub(crate) fn has_missed(&self, key: &ShareKey) -> bool {
        self.reading.has_missed(key.partition)
    }
}

/// Goes on as far as it can: answers, or parks.
fn proceed(broker: &mut Broker, now: Now, mut parked: ParkedShareFetch) {
    let conn = Some(parked.caller.slot.conn);
    if let Some((error, until)) = parked.refusal {
        if now.monotonic >= until || broker.is_stopping() {
            return refuse(broker, parked.caller, error);
        }
        broker.parking.park(conn, Work::ShareFetch(parked), Waits { deadline: Some(until), ..Waits::default() });
        return;
    }
    let mut waits = parked.reading.proceed(broker, now, &parked.session).unwrap_or_default();
    waits.writes = parked.acknowledgements.writes();
    if parked.reading.is_over() && waits.writes.is_empty() {
        return answer(broker, now, parked);
    }
    broker.parking.park(conn, Work::ShareFetch(parked), waits);
}

fn answer(broker: &mut Broker, now: Now, parked: ParkedShareFetch) {
    let ParkedShareFetch { caller, session, epoch, is_incremental, acknowledgements, reading, .. } = parked;
    let (outcomes, mut pins) = reading.into_outcomes();
    if is_incremental && !broker.shares.sessions.is_last(&session, epoch) {
        // Another request of the session has come meanwhile.
        broker.unpin(pins);
        return refuse(broker, caller, ErrorCode::InvalidShareSessionEpoch);
    }
    let lock_duration_ms = broker.share_config(&session.group).limits.lock_duration_ms;
    let mut response = ShareFetchResponse {
        acquisition_lock_timeout_ms: i32::try_from(lock_duration_ms).unwrap_or(i32::MAX),
        ..Default::default()
    };
    let mut leaders = share_leaders::Leaders::default();
    let mut free = Pins::new();
    for (id, outcome) in outcomes {
        let (has_records, is_error) = (outcome.records.is_some(), outcome.error.is_some());
        let is_told = broker.shares.sessions.tell(&session, id, has_records, is_error) || !is_incremental;
        let mut data = outcome.into_data(id);
        if let Some((leader_id, leader_epoch)) = leaders.of(broker, caller, id, data.error_code) {
            data.current_leader = LeaderIdAndEpoch { leader_id, leader_epoch, ..Default::default() };
        }
        if is_told {
            *data_of(&mut response, id) = data;
        }
        if !has_records {
            free.extend(pins.iter().filter(|(pinned, _)| *pinned == id));
            pins.retain(|(pinned, _)| *pinned != id);
        }
    }
    broker.unpin(free);
    for (id, code, message) in acknowledgements.into_outcomes() {
        let data = data_of(&mut response, id);
        (data.acknowledge_error_code, data.acknowledge_error_message) = (code, message);
    }
    let endpoints = leaders.into_endpoints().map(|(node_id, host, port, rack)| NodeEndpoint {
        node_id,
        host,
        port,
        rack,
        ..Default::default()
    });
    response.node_endpoints = endpoints.collect();
    if epoch == FINAL_EPOCH {
        broker.end_share_session(now, &session);
    }
    if broker.quotas.limits_fetches(caller.slot) {
        let size_bytes = to_frame(&response.in_version(caller.version)).size_bytes();
        broker.quotas.count_share_fetch(caller.slot, size_bytes, now.monotonic);
    }
    broker.answer(caller, &response, pins);
}

/// A partition's place in an answer.
fn data_of(response: &mut ShareFetchResponse, id: PartitionId) -> &mut PartitionData {
    let place = response.responses.iter().position(|topic| topic.topic_id == id.topic_id);
    let place = place.unwrap_or_else(|| {
        response.responses.push(ShareFetchableTopicResponse { topic_id: id.topic_id, ..Default::default() });
        response.responses.len() - 1
    });
    let partitions = &mut response.responses[place].partitions;
    let place = partitions.iter().position(|data| data.partition_index == id.index).unwrap_or_else(|| {
        partitions.push(PartitionData { partition_index: id.index, ..Default::default() });
        partitions.len() - 1
    });
    &mut partitions[place]
}

impl Outcome {
    fn into_data(self, id: PartitionId) -> PartitionData {
        let acquired = self.acquired.iter().map(|acquired| AcquiredRecords {
            first_offset: acquired.first.0,
            last_offset: acquired.last.0,
            delivery_count: acquired.delivery_count,
            ..Default::default()
        });
        PartitionData {
            partition_index: id.index,
            error_code: self.error.unwrap_or(ErrorCode::None).number(),
            records: self.records.map(Records::File).unwrap_or_default(),
            acquired_records: acquired.collect(),
            ..Default::default()
        }
    }
}

fn refuse(broker: &mut Broker, caller: Caller, error: ErrorCode) {
    let response = ShareFetchResponse { error_code: error.number(), ..Default::default() };
    broker.answer(caller, &response, Vec::new());
}
