//! ListOffsets: the offset of the first, the last or the right record by time.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::Caller;
use super::isolation::Isolation;
use super::produce::check_state;
use crate::broker::{Broker, Work};
use crate::error_code::ErrorCode;
use crate::log::{Found, Lookup, LookupError, LookupId, TimestampAndOffset};
use crate::parking::Waits;
use crate::types::{LeaderEpoch, Offset, PartitionId};
use crate::wire::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse,
    ListOffsetsTopicResponse,
};

/// A request that waits for look-ups by time.
#[derive(Debug)]
pub(crate) struct ParkedListOffsets {
    caller: Caller,
    response: ListOffsetsResponse,
    looking: Vec<Looking>,
}

#[derive(Clone, Copy, Debug)]
struct Looking {
    partition: PartitionId,
    lookup: LookupId,
    topic_index: usize,
    partition_index: usize,
    /// What was found counts only below this.
    end: Offset,
}

/// The special timestamps of the protocol, and any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sought {
    Latest,
    Earliest,
    MaxTimestamp,
    EarliestLocal,
    LatestTiered,
    EarliestPendingUpload,
    At(i64),
}

impl Sought {
    /// What `timestamp` means in `version`; a special one from before its version does not exist.
    fn parse(timestamp: i64, version: i16) -> Result<Self, ErrorCode> {
        let (sought, since) = match timestamp {
            -1 => (Self::Latest, 0),
            -2 => (Self::Earliest, 0),
            -3 => (Self::MaxTimestamp, 7),
            -4 => (Self::EarliestLocal, 8),
            -5 => (Self::LatestTiered, 9),
            -6 => (Self::EarliestPendingUpload, 11),
            0.. => (Self::At(timestamp), 0),
            _ => return Err(ErrorCode::UnsupportedVersion),
        };
        if version < since { Err(ErrorCode::UnsupportedVersion) } else { Ok(sought) }
    }
}

enum Answer {
    Now(Option<TimestampAndOffset>),
    Later { partition: PartitionId, lookup: LookupId, end: Offset },
}

/// The replica id of those that are none.
const CONSUMER: i32 = -1;
/// Ends of a partition have no timestamp.
const NO_TIMESTAMP: i64 = -1;

pub(crate) fn handle(broker: &mut Broker, caller: Caller, request: ListOffsetsRequest) {
    // It is for consumers only.
    let is_consumer = request.replica_id == CONSUMER;
    let isolation = Isolation::of_level(if is_consumer { request.isolation_level } else { 0 });
    let is_level = matches!(request.isolation_level, 0 | 1);
    let mut asked_for = times_asked_for(&request);
    let mut parked = ParkedListOffsets { caller, response: ListOffsetsResponse::default(), looking: Vec::new() };
    for topic in &request.topics {
        let mut answer = ListOffsetsTopicResponse { name: topic.name.clone(), ..Default::default() };
        for asked in &topic.partitions {
            // What is asked for twice is answered once, and refused.
            let Some(times) = asked_for.remove(&(&*topic.name, asked.partition_index)) else { continue };
            let mut response =
                ListOffsetsPartitionResponse { partition_index: asked.partition_index, ..Default::default() };
            let found = match times {
                1 if is_level => look(broker, (parked.caller.version, isolation), &topic.name, asked),
                1 => Err(ErrorCode::UnknownServerError),
                _ => Err(ErrorCode::InvalidRequest),
            };
            match found {
                Ok(Answer::Now(found)) => tell(&mut response, found),
                Ok(Answer::Later { partition, lookup, end }) => {
                    let (topic_index, partition_index) = (parked.response.topics.len(), answer.partitions.len());
                    parked.looking.push(Looking { partition, lookup, topic_index, partition_index, end });
                }
                Err(error) => response.error_code = error.number(),
            }
            answer.partitions.push(response);
        }
        if !answer.partitions.is_empty() {
            parked.response.topics.push(answer);
        }
    }
    proceed(broker, parked);
}

/// How often the request names each partition.
fn times_asked_for(request: &ListOffsetsRequest) -> BTreeMap<(&str, i32), usize> {
    let mut times = BTreeMap::new();
    for topic in &request.topics {
        for partition in &topic.partitions {
            *times.entry((&*topic.name, partition.partition_index)).or_default() += 1;
        }
    }
    times
}

/// A look-up came back.
pub(crate) fn looked_up(
    broker: &mut Broker,
    mut parked: ParkedListOffsets,
    partition: PartitionId,
    lookup: LookupId,
    result: &Result<Found, LookupError>,
) {
    for looking in &parked.looking {
        if (looking.partition, looking.lookup) != (partition, lookup) {
            continue;
        }
        let response = &mut parked.response.topics[looking.topic_index].partitions[looking.partition_index];
        match result {
            Ok(Found::Timestamp(found)) => tell(response, found.filter(|found| found.offset < looking.end)),
            Ok(other) => panic!("a look-up by time does not find {other:?}"),
            Err(error) => response.error_code = error.error_code().number(),
        }
    }
    parked.looking.retain(|looking| (looking.partition, looking.lookup) != (partition, lookup));
    proceed(broker, parked);
}

fn proceed(broker: &mut Broker, parked: ParkedListOffsets) {
    if parked.looking.is_empty() {
        return broker.answer(parked.caller, &parked.response, Vec::new());
    }
    let lookups = parked.looking.iter().map(|looking| (looking.partition, looking.lookup)).collect();
    let conn = Some(parked.caller.slot.conn);
    broker.parking.park(conn, Work::ListOffsets(parked), Waits { lookups, ..Waits::default() });
}

fn tell(response: &mut ListOffsetsPartitionResponse, found: Option<TimestampAndOffset>) {
    let nothing = TimestampAndOffset { timestamp: NO_TIMESTAMP, offset: Offset(-1), leader_epoch: LeaderEpoch::NONE };
    let TimestampAndOffset { timestamp, offset, leader_epoch } = found.unwrap_or(nothing);
    response.timestamp = timestamp;
    response.offset = offset.0;
    response.leader_epoch = leader_epoch.0;
}

fn look(
    broker: &mut Broker,
    (version, isolation): (i16, Isolation),
    topic: &str,
    asked: &ListOffsetsPartition,
) -> Result<Answer, ErrorCode> {
    let topic = broker.metadata.image().topic(topic).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    if !topic.partitions.contains_key(&asked.partition_index) {
        return Err(ErrorCode::UnknownTopicOrPartition);
    }
    let partition = PartitionId { topic_id: topic.id, index: asked.partition_index };
    let leads = broker.check_leader_epoch(partition, LeaderEpoch(asked.current_leader_epoch))?;
    let log = broker.logs.get_mut(&partition).ok_or(ErrorCode::NotLeaderOrFollower)?;
    check_state(log)?;
    leads.check()?;
    let end = match isolation {
        Isolation::ReadUncommitted => log.high_watermark(),
        Isolation::ReadCommitted => log.last_stable_offset(),
    };
    let lookup = match Sought::parse(asked.timestamp, version)? {
        Sought::Earliest | Sought::EarliestLocal => {
            let offset = log.log_start();
            let leader_epoch = log.epoch_at_start().unwrap_or(LeaderEpoch::NONE);
            return Ok(Answer::Now(Some(TimestampAndOffset { timestamp: NO_TIMESTAMP, offset, leader_epoch })));
        }
        Sought::Latest => {
            let leader_epoch = log.latest_epoch().unwrap_or(LeaderEpoch::NONE);
            return Ok(Answer::Now(Some(TimestampAndOffset { timestamp: NO_TIMESTAMP, offset: end, leader_epoch })));
        }
        // Without tiered storage there is neither a tiered offset nor one that waits for its upload.
        Sought::LatestTiered | Sought::EarliestPendingUpload => return Ok(Answer::Now(None)),
        Sought::MaxTimestamp => log.max_timestamp(&mut broker.outbox),
        Sought::At(timestamp) => log.offset_for_timestamp(timestamp, &mut broker.outbox),
    };
    Ok(match lookup {
        Lookup::Ready(found) => Answer::Now(found),
        Lookup::Reading(lookup) => {
            broker.touch(partition);
            Answer::Later { partition, lookup, end }
        }
    })
}
