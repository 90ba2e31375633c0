//! WriteTxnMarkers: ends of transactions are written to partitions. Coordinators of other brokers send it, and people who end
//! a transaction that has lost its coordinator.

use alloc::vec::Vec;

use super::Caller;
use crate::broker::{Broker, Marker, Work};
use crate::error_code::ErrorCode;
use crate::log::LogState;
use crate::parking::{Waits, Wake};
use crate::records::TransactionResult;
use crate::time::Now;
use crate::transactions::{Producer, TransactionVersion};
use crate::types::{Offset, PartitionId, ProducerEpoch, ProducerId};
use crate::wire::messages::write_txn_markers::{
    WritableTxnMarker, WritableTxnMarkerPartitionResult, WritableTxnMarkerResult, WritableTxnMarkerTopicResult,
    WriteTxnMarkersRequest, WriteTxnMarkersResponse,
};

/// An answer that waits until markers are committed.
#[derive(Debug)]
pub(crate) struct ParkedMarkers {
    caller: Caller,
    response: WriteTxnMarkersResponse,
    pending: Vec<Pending>,
}

/// A marker that is appended, and where the answer speaks of it.
#[derive(Clone, Copy, Debug)]
struct Pending {
    partition: PartitionId,
    end: Offset,
    place: [usize; 3],
}

pub(crate) fn handle(broker: &mut Broker, now: Now, caller: Caller, request: &WriteTxnMarkersRequest) {
    let mut parked = ParkedMarkers { caller, response: WriteTxnMarkersResponse::default(), pending: Vec::new() };
    for marker in &request.markers {
        let mut result = WritableTxnMarkerResult { producer_id: marker.producer_id, ..Default::default() };
        for topic in &marker.topics {
            let mut answer = WritableTxnMarkerTopicResult { name: topic.name.clone(), ..Default::default() };
            for index in topic.partition_indexes.iter().copied() {
                let place = [parked.response.markers.len(), result.topics.len(), answer.partitions.len()];
                let error = match write(broker, now, marker, &topic.name, index) {
                    Ok((partition, end)) => {
                        parked.pending.push(Pending { partition, end, place });
                        ErrorCode::None
                    }
                    Err(error) => error,
                };
                answer.partitions.push(WritableTxnMarkerPartitionResult {
                    partition_index: index,
                    error_code: error.number(),
                    ..Default::default()
                });
            }
            result.topics.push(answer);
        }
        parked.response.markers.push(result);
    }
    proceed(broker, parked);
}

fn write(
    broker: &mut Broker,
    now: Now,
    marker: &WritableTxnMarker,
    topic: &str,
    index: i32,
) -> Result<(PartitionId, Offset), ErrorCode> {
    let found = broker.metadata.image().topic(topic).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    if !found.partitions.contains_key(&index) {
        return Err(ErrorCode::UnknownTopicOrPartition);
    }
    let partition = PartitionId { topic_id: found.id, index };
    let marker = Marker {
        producer: Producer { id: ProducerId(marker.producer_id), epoch: ProducerEpoch(marker.producer_epoch) },
        result: if marker.transaction_result { TransactionResult::Commit } else { TransactionResult::Abort },
        coordinator_epoch: marker.coordinator_epoch,
        version: TransactionVersion::from_level(i16::from(marker.transaction_version)),
    };
    let end = broker.append_marker(now, partition, marker)?;
    Ok((partition, end))
}

pub(crate) fn wake(broker: &mut Broker, mut parked: ParkedMarkers, wake: Wake) {
    if let Wake::Lost(lost) = wake {
        let is_offline = broker.logs.get(&lost).is_some_and(|log| log.state() == LogState::Offline);
        let error = if is_offline { ErrorCode::KafkaStorageError } else { ErrorCode::UnknownTopicOrPartition };
        for Pending { place: [marker, topic, at], .. } in parked.pending.extract_if(.., |it| it.partition == lost) {
            parked.response.markers[marker].topics[topic].partitions[at].error_code = error.number();
        }
    }
    proceed(broker, parked);
}

/// Answers where everything is committed, else parks.
fn proceed(broker: &mut Broker, mut parked: ParkedMarkers) {
    let is_pending = |it: &Pending| broker.logs.get(&it.partition).is_some_and(|log| log.high_watermark() < it.end);
    parked.pending.retain(is_pending);
    if parked.pending.is_empty() {
        return broker.answer(parked.caller, &parked.response, Vec::new());
    }
    let commits = parked.pending.iter().map(|it| (it.partition, it.end)).collect();
    let waits = Waits { commits, ..Waits::default() };
    broker.parking.park(Some(parked.caller.slot.conn), Work::Markers(parked), waits);
}
