//! From batches of records back to what a coordinator knows, when its partition is loaded.

use alloc::format;
use alloc::string::{String, ToString as _};

use bytes::Bytes;

use crate::records::{Batch, EndMarker, OutputLimit, TransactionResult, records_of};
use crate::time::Now;
use crate::types::{Offset, ProducerId};
use crate::wire::{CoordinatorRecord, CoordinatorTopic, DecodeFault};

/// A coordinator that is made from the records of its partition.
pub(crate) trait Replay {
    /// The topic that its partition is of.
    const TOPIC: CoordinatorTopic;

    /// Applies one record, which is at this offset of the log; of a producer where it belongs to a transaction.
    fn apply(&mut self, now: Now, record: &CoordinatorRecord, at: Offset, producer: Option<ProducerId>);

    /// A producer's transaction in the partition ends.
    fn apply_end(&mut self, now: Now, producer: ProducerId, result: TransactionResult);

    /// Replays whole batches, and says where to go on. What later versions of Kafka may have added is passed over.
    ///
    /// # Errors
    /// Where a batch or a record is damaged.
    fn replay_batches(&mut self, now: Now, mut bytes: Bytes) -> Result<Option<Offset>, String> {
        let mut next = None;
        while !bytes.is_empty() {
            let size_bytes = Batch::parse(&bytes).map_err(|fault| fault.to_string())?.bytes().len();
            let batch = bytes.split_to(size_bytes);
            next = Some(replay_batch(self, now, &batch)?);
        }
        Ok(next)
    }
}

fn replay_batch<C: Replay + ?Sized>(coordinator: &mut C, now: Now, bytes: &Bytes) -> Result<Offset, String> {
    let batch = Batch::parse(bytes).map_err(|fault| fault.to_string())?;
    let header = *batch.header();
    let next = header.next_offset();
    let producer = Some(header.producer_id).filter(|_| header.attributes.is_transactional());
    if header.attributes.is_control() {
        if let Some(marker) = EndMarker::parse(&header, batch.body()) {
            coordinator.apply_end(now, header.producer_id, marker.result);
        }
        return Ok(next);
    }
    let damaged = |why: &dyn core::fmt::Display| format!("the batch at offset {}: {why}", header.base_offset);
    for record in records_of(bytes, OutputLimit::default()).map_err(|error| damaged(&error))? {
        let record = record.map_err(|error| damaged(&error))?;
        let Some(key) = record.key else { continue };
        match CoordinatorRecord::decode(C::TOPIC, key, record.value) {
            Ok(decoded) => coordinator.apply(now, &decoded, record.offset, producer),
            Err(error) if matches!(error.fault(), DecodeFault::RecordType(_)) => {}
            Err(error) => return Err(damaged(&error)),
        }
    }
    Ok(next)
}
