//! The records that end transactions: each is alone in a control batch of its producer's.
//!
//! Other control records, of quorums and snapshots, are messages (`wire/`): no producer stands behind them.

use bytes::Bytes;

use super::builder::{BatchBuilder, BuilderRecord};
use super::header::{Attributes, BatchHeader, Compression, TimestampType};
use super::varint::{get_varint, get_varlong};
use crate::types::{ProducerEpoch, ProducerId};

/// So many bytes behind a control batch's header are enough to read its marker.
pub(crate) const MARKER_MAX_BYTES: usize = 64;

/// How a transaction ended; the number is the type in the control record's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionResult {
    /// Its records do not count.
    Abort = 0,
    /// Its records count.
    Commit = 1,
}

/// The end of a transaction, as the log holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndMarker {
    /// How it ended.
    pub result: TransactionResult,
    /// Epoch of the coordinator that wrote the marker: an older one may write no more.
    pub coordinator_epoch: i32,
    /// When it was written, in milliseconds since the epoch.
    pub timestamp: i64,
}

impl EndMarker {
    /// Whether a batch with this header ought to hold a marker. Compaction may have emptied it.
    #[must_use]
    pub fn is_expected(header: &BatchHeader) -> bool {
        header.attributes.is_control() && header.has_producer_id() && header.record_count > 0
    }

    /// Reads the marker of a batch; `records` is what follows its header, or the beginning of that. `None` where it holds
    /// no marker that can be read.
    #[must_use]
    pub fn parse(header: &BatchHeader, records: &[u8]) -> Option<Self> {
        if !Self::is_expected(header) || header.attributes.compression() != Ok(Compression::None) {
            return None;
        }
        let mut rest = records;
        get_varint(&mut rest)?;
        let (_attributes, mut rest) = rest.split_first()?;
        let timestamp_delta = get_varlong(&mut rest)?;
        get_varint(&mut rest)?;
        let key = take_bytes(&mut rest)?;
        let value = take_bytes(&mut rest)?;
        // Later versions only add to what is behind these.
        let &[_, _, kind @ ..] = key.first_chunk::<4>()?;
        let &[_, _, coordinator_epoch @ ..] = value.first_chunk::<6>()?;
        let result = match i16::from_be_bytes(kind) {
            0 => TransactionResult::Abort,
            1 => TransactionResult::Commit,
            _ => return None,
        };
        let timestamp = match header.attributes.timestamp_type() {
            TimestampType::CreateTime => header.base_timestamp.wrapping_add(timestamp_delta),
            TimestampType::LogAppendTime => header.max_timestamp,
        };
        Some(Self { result, coordinator_epoch: i32::from_be_bytes(coordinator_epoch), timestamp })
    }

    /// The control batch that says it.
    #[must_use]
    pub fn to_batch(
        &self,
        producer_id: ProducerId,
        producer_epoch: ProducerEpoch,
        timestamp_type: TimestampType,
    ) -> Bytes {
        let attributes = Attributes::default().transactional().control().with_timestamp_type(timestamp_type);
        let mut builder = BatchBuilder::new().producer(producer_id, producer_epoch, -1).attributes(attributes);
        let key = [0, 0, 0, self.result as u8];
        let mut value = [0; 6];
        value[2..].copy_from_slice(&self.coordinator_epoch.to_be_bytes());
        builder.push(BuilderRecord {
            timestamp: self.timestamp,
            key: Some(&key),
            value: Some(&value),
            ..Default::default()
        });
        builder.build()
    }
}

fn take_bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let size_bytes = usize::try_from(get_varint(rest)?).ok()?;
    let (bytes, after) = rest.split_at_checked(size_bytes)?;
    *rest = after;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::records::BATCH_HEADER_SIZE_BYTES;

    const ABORT: EndMarker =
        EndMarker { result: TransactionResult::Abort, coordinator_epoch: 2, timestamp: 1_795_391_564_520 };

    fn batch(marker: &EndMarker, timestamp_type: TimestampType) -> Bytes {
        marker.to_batch(ProducerId(1), ProducerEpoch(1), timestamp_type)
    }

    fn parse(batch: &[u8]) -> Option<EndMarker> {
        EndMarker::parse(&BatchHeader::parse(batch).unwrap(), &batch[BATCH_HEADER_SIZE_BYTES..])
    }

    #[test]
    fn a_marker_is_the_record_that_kafka_writes() {
        let batch = batch(&ABORT, TimestampType::CreateTime);
        // The record of an abort marker of Apache Kafka 4.3.1 with coordinator epoch 2.
        let record = [0x20, 0, 0, 0, 8, 0, 0, 0, 0, 0x0c, 0, 0, 0, 0, 0, 2, 0];
        assert_eq!(batch[BATCH_HEADER_SIZE_BYTES..], record);
        assert_eq!(BatchHeader::parse(&batch).unwrap().attributes, Attributes(0x30));
    }

    #[test]
    fn a_marker_survives_the_way_to_bytes_and_back() {
        for result in [TransactionResult::Abort, TransactionResult::Commit] {
            let marker = EndMarker { result, ..ABORT };
            assert_eq!(parse(&batch(&marker, TimestampType::CreateTime)), Some(marker));
            assert_eq!(parse(&batch(&marker, TimestampType::LogAppendTime)), Some(marker));
        }
        let longest = batch(&ABORT, TimestampType::CreateTime);
        assert!(longest.len() <= BATCH_HEADER_SIZE_BYTES + MARKER_MAX_BYTES);
    }

    #[test]
    fn what_is_cut_of_another_type_or_no_control_batch_is_no_marker() {
        let good = batch(&ABORT, TimestampType::CreateTime);
        // Not even the headers' count is needed.
        for end in BATCH_HEADER_SIZE_BYTES..good.len() - 1 {
            assert_eq!(parse(&good[..end]), None, "{end} bytes");
        }
        let with = |at: usize, byte: u8| {
            let mut bytes: Vec<u8> = good.to_vec();
            bytes[at] = byte;
            parse(&bytes)
        };
        assert_eq!(with(BATCH_HEADER_SIZE_BYTES + 8, 3), None, "a snapshot's header");
        assert_eq!(with(22, 0x10), None, "a data batch");
        assert_eq!(with(60, 0), None, "emptied by compaction");
    }
}
