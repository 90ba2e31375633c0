//! Fetch: finds what each partition has for the client and answers with stretches of segments, now or when there is enough.
//!
//! Which partitions a request means is the session's business ([`session`]); where an offset lies is the log's.

pub mod session;
#[cfg(test)]
mod tests;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use self::session::{FetchKey, FetchPlan, FetchTarget, Marks, SessionId, SessionRequest, Told, TopicKey};
use super::Caller;
use super::isolation::Isolation;
use super::produce::check_state;
use crate::boundary::{FileId, FileRange};
use crate::broker::{Broker, Work};
use crate::error_code::ErrorCode;
use crate::log::{AbortedTransaction, Extent, Found, Located, Lookup, LookupError, LookupId};
use crate::marks::Mark;
use crate::parking::{Waits, Wake};
use crate::planted::Bug;
use crate::time::{Monotonic, Now};
use crate::types::{LeaderEpoch, Offset, PartitionId};
use crate::wire::messages::fetch::{
    self as message, EpochEndOffset, FetchRequest, FetchResponse, FetchableTopicResponse, PartitionData,
};
use crate::wire::{Message, Records, Uuid, to_frame};

/// A fetch that waits for look-ups or for more records.
#[derive(Debug)]
pub(crate) struct ParkedFetch {
    caller: Caller,
    session: Option<SessionId>,
    is_incremental: bool,
    isolation: Isolation,
    min_bytes: u64,
    max_bytes: u64,
    deadline: Monotonic,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    target: FetchTarget,
    /// `None` where there is no such partition.
    partition: Option<PartitionId>,
    finding: Finding,
    aborted: Aborted,
}

/// The aborted transactions in what was found, for a consumer of committed records.
#[derive(Debug)]
enum Aborted {
    NotAsked,
    Looking(LookupId),
    Known(Vec<AbortedTransaction>),
}

/// What a partition has for the client.
#[derive(Clone, Copy, Debug)]
enum Finding {
    Error(ErrorCode),
    Diverging(LeaderEpoch, Offset),
    Looking(LookupId),
    /// Its segment is pinned, once for each entry: the answer may be a while off.
    Extent(Extent),
    /// Nothing yet.
    AtEnd,
}

/// First version that names topics by id.
const TOPIC_IDS_SINCE: i16 = 13;

pub(crate) fn handle(broker: &mut Broker, now: Now, caller: Caller, request: FetchRequest) {
    if is_nonsense(caller.version, &request) {
        return broker.answer(caller, &refused(caller.version, &request), Vec::new());
    }
    let plan = broker.fetch_sessions.begin(now.monotonic, session_request(caller.version, &request), &mut broker.rng);
    broker.outbox.reach(session_mark(request.session_epoch, &plan));
    let FetchPlan { session, is_incremental, targets } = match plan {
        Ok(plan) => plan,
        Err(error) => {
            let response = FetchResponse { error_code: error.number(), ..Default::default() };
            return broker.answer(caller, &response, Vec::new());
        }
    };
    let max_bytes = broker.quotas.fetch_max_bytes(caller.slot).min(request.max_bytes.max(0) as u64);
    let isolation = Isolation::of_level(request.isolation_level);
    let is_follower = request.replica_id >= 0 || request.replica_state.replica_id >= 0;
    let find = |target| if is_follower { find_for_follower(broker, target) } else { find(broker, isolation, target) };
    let entries: Vec<_> = targets.into_iter().map(find).collect();
    let parked = ParkedFetch {
        caller,
        session,
        is_incremental,
        isolation,
        min_bytes: max_bytes.min(request.min_bytes.max(0) as u64),
        max_bytes: max_bytes.min(u64::from(broker.config.limits.fetch_size_bytes)),
        deadline: now.monotonic.plus_ms(i64::from(request.max_wait_ms)),
        entries,
    };
    proceed(broker, now, parked);
}

/// Requests that Apache Kafka stumbles over, and says so.
fn is_nonsense(version: i16, request: &FetchRequest) -> bool {
    let has_zero_id = version >= TOPIC_IDS_SINCE && request.topics.iter().any(|topic| topic.topic_id == Uuid::ZERO);
    !matches!(request.isolation_level, 0 | 1) || has_zero_id
}

/// All partitions by name have the error; clients that go by ids look for it in front.
fn refused(version: i16, request: &FetchRequest) -> FetchResponse {
    let error_code = ErrorCode::UnknownServerError.number();
    let mut response = FetchResponse { error_code, session_id: request.session_id, ..Default::default() };
    for topic in request.topics.iter().filter(|_| version < TOPIC_IDS_SINCE) {
        let key = |partition| FetchKey { topic: TopicKey::Name((&*topic.topic).into()), partition };
        for partition in &topic.partitions {
            push(
                &mut response,
                &key(partition.partition),
                PartitionData { error_code, aborted_transactions: Some(Vec::new()), ..nothing(partition.partition) },
            );
        }
    }
    response
}

/// A node that is alone has no followers.
fn find_for_follower(broker: &Broker, target: FetchTarget) -> Entry {
    let (partition, error) = match resolve(broker, &target.key) {
        Ok(partition) => (Some(partition), ErrorCode::NotLeaderOrFollower),
        Err(error) => (None, error),
    };
    Entry { target, partition, finding: Finding::Error(error), aborted: Aborted::NotAsked }
}

pub(crate) fn wake(broker: &mut Broker, now: Now, mut parked: ParkedFetch, wake: Wake) {
    if let Wake::Grown(partition) | Wake::Lost(partition) | Wake::Committed(partition) = wake {
        for entry in &mut parked.entries {
            if entry.partition == Some(partition) {
                let_go(broker, entry);
                *entry = find(broker, parked.isolation, entry.target.clone());
            }
        }
    }
    proceed(broker, now, parked);
}

/// A look-up came back.
pub(crate) fn looked_up(
    broker: &mut Broker,
    now: Now,
    mut parked: ParkedFetch,
    partition: PartitionId,
    lookup: LookupId,
    result: Result<Found, LookupError>,
) {
    for entry in &mut parked.entries {
        if entry.partition != Some(partition) {
            continue;
        }
        let asked = match (&entry.finding, &entry.aborted) {
            (Finding::Looking(asked), _) | (_, Aborted::Looking(asked)) => *asked,
            _ => continue,
        };
        if asked == lookup {
            found(broker, parked.isolation, entry, &result);
        }
    }
    proceed(broker, now, parked);
}

/// What was looked up for one partition.
fn found(broker: &mut Broker, isolation: Isolation, entry: &mut Entry, result: &Result<Found, LookupError>) {
    match result {
        Ok(Found::Extent(extent)) => {
            entry.finding = Finding::Extent(*extent);
            keep(broker, isolation, entry);
        }
        Ok(Found::AtEnd) => entry.finding = Finding::AtEnd,
        Ok(Found::Aborted(aborted)) => entry.aborted = Aborted::Known(aborted.clone()),
        Ok(other) => panic!("a fetch asks for an offset, not for {other:?}"),
        Err(error) => {
            let_go(broker, entry);
            entry.aborted = Aborted::NotAsked;
            entry.finding = Finding::Error(error.error_code());
        }
    }
}

/// The client is gone.
pub(crate) fn abandon(broker: &mut Broker, parked: &ParkedFetch) {
    for entry in &parked.entries {
        let_go(broker, entry);
    }
}

/// What was found is kept until it is sent, or let go; and a consumer of committed records must know what in it was
/// aborted.
fn keep(broker: &mut Broker, isolation: Isolation, entry: &mut Entry) {
    let Some((partition, file)) = entry.pin() else { return };
    let Some(log) = broker.logs.get_mut(&partition) else { return };
    log.pin(file);
    if let (Finding::Extent(extent), Isolation::ReadCommitted) = (entry.finding, isolation) {
        let largest = u64::from(entry.target.max_bytes.max(extent.first_batch_size_bytes));
        let size_bytes = largest.min(extent.available_bytes);
        let lookup = log.aborted(entry.target.fetch_offset, &extent, size_bytes, &mut broker.outbox);
        broker.touch(partition);
        entry.aborted = match lookup {
            Lookup::Ready(aborted) => Aborted::Known(aborted),
            Lookup::Reading(lookup) => Aborted::Looking(lookup),
        };
    }
}

fn let_go(broker: &mut Broker, entry: &Entry) {
    broker.unpin(entry.pin().into_iter().collect());
}

/// Answers where there is reason to, else parks.
fn proceed(broker: &mut Broker, now: Now, parked: ParkedFetch) {
    let conn = Some(parked.caller.slot.conn);
    let lookups: Vec<_> = parked.entries.iter().filter_map(Entry::looks_for).collect();
    if !lookups.is_empty() {
        broker.parking.park(conn, Work::Fetch(parked), Waits { lookups, ..Waits::default() });
        return;
    }
    // Where no more requests may wait, an answer without records is better than none.
    let is_crowded = broker.parking.len() >= broker.config.limits.parked_requests as usize;
    let is_due = parked.entries.is_empty() || now.monotonic >= parked.deadline || broker.is_stopping() || is_crowded;
    if is_due || has_news(&parked) || available_bytes(&parked) >= parked.min_bytes {
        return answer(broker, now, parked);
    }
    let growth = parked.entries.iter().filter_map(|entry| entry.partition).collect();
    let deadline = Some(parked.deadline);
    broker.parking.park(conn, Work::Fetch(parked), Waits { growth, deadline, ..Waits::default() });
}

fn has_news(parked: &ParkedFetch) -> bool {
    parked.entries.iter().any(|entry| matches!(entry.finding, Finding::Error(_) | Finding::Diverging(..)))
}

fn available_bytes(parked: &ParkedFetch) -> u64 {
    let each = parked.entries.iter().map(|entry| match entry.finding {
        Finding::Extent(extent) => extent.available_bytes.min(u64::from(entry.target.max_bytes)),
        _ => 0,
    });
    each.sum()
}

fn find(broker: &mut Broker, isolation: Isolation, target: FetchTarget) -> Entry {
    let aborted = Aborted::NotAsked;
    match resolve(broker, &target.key) {
        Ok(partition) => {
            let finding = look(broker, isolation, partition, &target).unwrap_or_else(Finding::Error);
            let mut entry = Entry { target, partition: Some(partition), finding, aborted };
            keep(broker, isolation, &mut entry);
            entry
        }
        Err(error) => Entry { target, partition: None, finding: Finding::Error(error), aborted },
    }
}

fn resolve(broker: &Broker, key: &FetchKey) -> Result<PartitionId, ErrorCode> {
    let topic = match &key.topic {
        TopicKey::Id(id) => broker.metadata.image().topics.get(id).ok_or(ErrorCode::UnknownTopicId)?,
        TopicKey::Name(name) => broker.metadata.image().topic(name).ok_or(ErrorCode::UnknownTopicOrPartition)?,
    };
    if !topic.partitions.contains_key(&key.partition) {
        return Err(ErrorCode::UnknownTopicOrPartition);
    }
    Ok(PartitionId { topic_id: topic.id, index: key.partition })
}

fn look(
    broker: &mut Broker,
    isolation: Isolation,
    partition: PartitionId,
    target: &FetchTarget,
) -> Result<Finding, ErrorCode> {
    let leads = broker.check_leader_epoch(partition, target.current_leader_epoch)?;
    let log = broker.logs.get_mut(&partition).ok_or(ErrorCode::NotLeaderOrFollower)?;
    check_state(log)?;
    leads.check()?;
    if target.last_fetched_epoch != LeaderEpoch::NONE {
        let (epoch, end) = log.end_offset_for_epoch(target.last_fetched_epoch).ok_or(ErrorCode::OffsetOutOfRange)?;
        if target.fetch_offset < log.log_start() {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        if epoch < target.last_fetched_epoch || end < target.fetch_offset {
            return Ok(Finding::Diverging(epoch, end));
        }
    }
    let sees_open = broker.outbox.bugs().has(Bug::OpenTransactionsServed);
    let located = match isolation {
        Isolation::ReadCommitted if sees_open => log.locate(target.fetch_offset, &mut broker.outbox),
        Isolation::ReadUncommitted => log.locate(target.fetch_offset, &mut broker.outbox),
        Isolation::ReadCommitted => log.locate_stable(target.fetch_offset, &mut broker.outbox),
    };
    match located {
        Ok(Located::Ready(extent)) => Ok(Finding::Extent(extent)),
        Ok(Located::AtEnd) => Ok(Finding::AtEnd),
        Ok(Located::Reading(lookup)) => {
            broker.touch(partition);
            Ok(Finding::Looking(lookup))
        }
        Err(_) => Err(ErrorCode::OffsetOutOfRange),
    }
}

/// Cuts what was found to the limits, tells the session, and sends.
fn answer(broker: &mut Broker, now: Now, parked: ParkedFetch) {
    if is_throttled(broker, now, &parked) {
        return answer_throttled(broker, &parked);
    }
    let mut response =
        FetchResponse { session_id: parked.session.map_or(0, |session| session.0), ..Default::default() };
    let mut pins: Vec<(PartitionId, FileId)> = Vec::new();
    let mut left_bytes = parked.max_bytes;
    let mut may_exceed = true;
    for entry in &parked.entries {
        let range = entry.cut(left_bytes, may_exceed);
        if let Some(range) = range {
            left_bytes = left_bytes.saturating_sub(u64::from(range.size_bytes));
            may_exceed = false;
        }
        let data = partition_data(broker, &parked, entry, range);
        let told = Told {
            is_news: range.is_some() || matches!(entry.finding, Finding::Error(_) | Finding::Diverging(..)),
            has_records: range.is_some(),
            marks: (data.error_code == 0).then_some(Marks {
                high_watermark: Offset(data.high_watermark),
                last_stable_offset: Offset(data.last_stable_offset),
                log_start: Offset(data.log_start_offset),
            }),
        };
        let is_told = broker.fetch_sessions.tell((parked.session, parked.is_incremental), &entry.target.key, told);
        if is_told && range.is_some() {
            pins.extend(entry.pin());
        } else {
            let_go(broker, entry);
        }
        if is_told {
            push(&mut response, &entry.target.key, data);
        }
    }
    broker.answer(parked.caller, &response, pins);
}

/// Whether the client has to wait before it gets what was found.
fn is_throttled(broker: &mut Broker, now: Now, parked: &ParkedFetch) -> bool {
    let slot = parked.caller.slot;
    let size_bytes = if broker.quotas.limits_fetches(slot) { answer_size_bytes(broker, parked) } else { 0 };
    broker.quotas.fetch_throttle_ms(slot, size_bytes, now.monotonic) > 0
}

/// The size of the answer that would be sent.
fn answer_size_bytes(broker: &Broker, parked: &ParkedFetch) -> u64 {
    let mut response = FetchResponse::default();
    let mut left_bytes = parked.max_bytes;
    let mut may_exceed = true;
    for entry in &parked.entries {
        let range = entry.cut(left_bytes, may_exceed);
        if let Some(range) = range {
            left_bytes = left_bytes.saturating_sub(u64::from(range.size_bytes));
            may_exceed = false;
        }
        if range.is_some() || !parked.is_incremental {
            push(&mut response, &entry.target.key, partition_data(broker, parked, entry, range));
        }
    }
    to_frame(&response.in_version(parked.caller.version)).size_bytes()
}

/// What becomes of a session, for tests.
fn session_mark(epoch: i32, plan: &Result<FetchPlan, ErrorCode>) -> Mark {
    match plan {
        Ok(_) if epoch == session::FINAL_EPOCH => Mark::FetchSessionEnded,
        Ok(FetchPlan { is_incremental: true, .. }) => Mark::FetchSessionGoneOn,
        Ok(FetchPlan { session: Some(_), .. }) => Mark::FetchSessionBegun,
        Ok(_) => Mark::FetchSessionRefused,
        Err(ErrorCode::FetchSessionIdNotFound) => Mark::FetchSessionUnknown,
        Err(_) => Mark::FetchSessionOutOfTurn,
    }
}

/// Tells the client to wait, without records; a session that would have begun does not.
fn answer_throttled(broker: &mut Broker, parked: &ParkedFetch) {
    abandon(broker, parked);
    let mut response = FetchResponse::default();
    match parked.session {
        Some(session) if parked.is_incremental => response.session_id = session.0,
        Some(session) => broker.fetch_sessions.end(session),
        None => {}
    }
    broker.answer(parked.caller, &response, Vec::new());
}

impl Entry {
    fn pin(&self) -> Option<(PartitionId, FileId)> {
        match self.finding {
            Finding::Extent(extent) => Some((self.partition?, extent.file)),
            _ => None,
        }
    }

    /// The look-up that it waits for.
    fn looks_for(&self) -> Option<(PartitionId, LookupId)> {
        match (&self.finding, &self.aborted) {
            (Finding::Looking(lookup), _) | (_, Aborted::Looking(lookup)) => Some((self.partition?, *lookup)),
            _ => None,
        }
    }

    /// The bytes to send: within the limits, except that the first batch of an answer is never cut.
    fn cut(&self, left_bytes: u64, may_exceed: bool) -> Option<FileRange> {
        let Finding::Extent(extent) = self.finding else { return None };
        let limit = left_bytes.min(u64::from(self.target.max_bytes));
        let first = u64::from(extent.first_batch_size_bytes);
        let size = match (limit < first, may_exceed) {
            (true, true) => first,
            (true, false) => return None,
            (false, _) => limit,
        };
        let size = u32::try_from(size.min(extent.available_bytes)).unwrap_or(u32::MAX >> 1);
        Some(FileRange { file: extent.file, at: extent.position, size_bytes: size })
    }
}

fn partition_data(broker: &Broker, parked: &ParkedFetch, entry: &Entry, range: Option<FileRange>) -> PartitionData {
    let empty = nothing(entry.target.key.partition);
    if let Finding::Error(error) = entry.finding {
        // As Kafka does it: none where there is no such partition, not known where it could not be read.
        let aborted_transactions = entry.partition.is_none().then(Vec::new);
        return PartitionData { error_code: error.number(), aborted_transactions, ..empty };
    }
    let Some(log) = entry.partition.and_then(|partition| broker.logs.get(&partition)) else {
        return PartitionData { error_code: ErrorCode::NotLeaderOrFollower.number(), ..empty };
    };
    let mut data = PartitionData {
        high_watermark: log.high_watermark().0,
        last_stable_offset: log.last_stable_offset().0,
        log_start_offset: log.log_start().0,
        aborted_transactions: (parked.isolation == Isolation::ReadCommitted).then(Vec::new),
        ..empty
    };
    if let Finding::Diverging(epoch, end) = entry.finding {
        data.diverging_epoch = EpochEndOffset { epoch: epoch.0, end_offset: end.0, ..Default::default() };
        data.aborted_transactions = None;
    }
    if let Some(range) = range {
        data.records = Some(Records::File(range));
    }
    if let (Some(range), Finding::Extent(extent), Aborted::Known(aborted)) = (range, entry.finding, &entry.aborted) {
        let mut end = log.end_of(&extent, u64::from(range.size_bytes));
        if broker.outbox.bugs().has(Bug::AbortedNotListed) {
            end = Offset(0);
        }
        let in_range = aborted.iter().filter(|aborted| aborted.first_offset < end);
        data.aborted_transactions = Some(in_range.map(to_message).collect());
    }
    data
}

/// A partition of which nothing is known.
fn nothing(partition_index: i32) -> PartitionData {
    PartitionData {
        partition_index,
        high_watermark: -1,
        last_stable_offset: -1,
        log_start_offset: -1,
        records: Some(Records::default()),
        ..Default::default()
    }
}

fn to_message(aborted: &AbortedTransaction) -> message::AbortedTransaction {
    message::AbortedTransaction {
        producer_id: aborted.producer_id.0,
        first_offset: aborted.first_offset.0,
        ..Default::default()
    }
}

/// Adds a partition to the answer; neighbours of one topic share an element.
fn push(response: &mut FetchResponse, key: &FetchKey, data: PartitionData) {
    let (topic, topic_id) = match &key.topic {
        TopicKey::Id(id) => (Default::default(), *id),
        TopicKey::Name(name) => (name.as_ref().into(), Default::default()),
    };
    match response.responses.last_mut() {
        Some(last) if last.topic == topic && last.topic_id == topic_id => last.partitions.push(data),
        _ => response.responses.push(FetchableTopicResponse {
            topic,
            topic_id,
            partitions: [data].into(),
            ..Default::default()
        }),
    }
}

/// Of a partition that is asked for more than once the last word counts.
fn each_once(targets: Vec<FetchTarget>) -> Vec<FetchTarget> {
    if targets.len() < 2 {
        return targets;
    }
    let mut places = BTreeMap::new();
    let mut kept: Vec<FetchTarget> = Vec::with_capacity(targets.len());
    for target in targets {
        match places.get(&target.key) {
            Some(place) => kept[*place] = target,
            None => {
                places.insert(target.key.clone(), kept.len());
                kept.push(target);
            }
        }
    }
    kept
}

fn session_request(version: i16, request: &FetchRequest) -> SessionRequest {
    let key = |name: &str, id| if version >= TOPIC_IDS_SINCE { TopicKey::Id(id) } else { TopicKey::Name(name.into()) };
    // Any negative number stands for none.
    let epoch = |number: i32| LeaderEpoch(number.max(LeaderEpoch::NONE.0));
    let mut targets = Vec::new();
    for topic in &request.topics {
        let topic_key = key(&topic.topic, topic.topic_id);
        targets.extend(topic.partitions.iter().map(|partition| FetchTarget {
            key: FetchKey { topic: topic_key.clone(), partition: partition.partition },
            fetch_offset: Offset(partition.fetch_offset),
            max_bytes: partition.partition_max_bytes.max(0) as u32,
            current_leader_epoch: epoch(partition.current_leader_epoch),
            last_fetched_epoch: epoch(partition.last_fetched_epoch),
        }));
    }
    let targets = each_once(targets);
    let mut forgotten = Vec::new();
    for topic in &request.forgotten_topics_data {
        let topic_key = key(&topic.topic, topic.topic_id);
        forgotten.extend(
            topic.partitions.iter().map(|partition| FetchKey { topic: topic_key.clone(), partition: *partition }),
        );
    }
    SessionRequest { session_id: request.session_id, session_epoch: request.session_epoch, targets, forgotten }
}
