//! Produce with records of transactions: a producer may add them only where its coordinator knows of it (KIP-890).

use crate::error_code::ErrorCode;
use crate::log::PartitionLog;
use crate::records::BatchHeader;
use crate::types::{ProducerEpoch, ProducerId};
use crate::wire::Records;
use crate::wire::messages::produce::ProduceRequest;

/// From this version of Produce on, the producer leaves it to the broker to make its transactions known, so that nothing
/// is taken unverified.
pub(super) const VERIFIED_SINCE: i16 = 12;

/// What a request with records of transactions must be: it names its transactional id, and is of one producer.
pub(super) fn check_request(request: &ProduceRequest) -> Result<(), ErrorCode> {
    let mut producer: Option<(ProducerId, ProducerEpoch)> = None;
    let partitions = request.topic_data.iter().flat_map(|topic| &topic.partition_data);
    let batches = partitions.filter_map(|partition| match &partition.records {
        Some(Records::Bytes(bytes)) => BatchHeader::parse(bytes).ok(),
        _ => None,
    });
    for header in batches.filter(|header| header.attributes.is_transactional()) {
        if request.transactional_id.is_none() {
            return Err(ErrorCode::TransactionalIdAuthorizationFailed);
        }
        let of = (header.producer_id, header.producer_epoch);
        if header.has_producer_id() && *producer.get_or_insert(of) != of {
            return Err(ErrorCode::InvalidProducerIdMapping);
        }
    }
    Ok(())
}

/// Whether a batch belongs to a transaction that is known: to one that is open in the partition already, for it is known
/// since its first batch. There is no coordinator yet that could tell of others.
pub(super) fn verify(log: &PartitionLog, batch: &[u8]) -> Result<(), ErrorCode> {
    // What is no batch is refused for that, later.
    let Ok(header) = BatchHeader::parse(batch) else { return Ok(()) };
    let needs_it = header.attributes.is_transactional() && header.has_producer_id();
    if needs_it && !log.has_open_transaction(header.producer_id, header.producer_epoch) {
        return Err(ErrorCode::InvalidProducerIdMapping);
    }
    Ok(())
}
