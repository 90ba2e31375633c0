//! Producer snapshots, as in `<offset>.snapshot`: what the producers had sent before that offset.
//!
//! Kafka writes one entry a producer, with its last batch. We write one for each batch that is remembered, the oldest
//! first, so that a batch that is repeated after a restart is known. Kafka reads that as well: the last entry counts.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use bytes::Bytes;
use thiserror::Error;

use super::producers::{Producer, ProducerBatch, Producers};
use crate::records::crc32c;
use crate::types::{Offset, ProducerEpoch, ProducerId};

/// A snapshot larger than this is none.
pub(super) const SNAPSHOT_MAX_BYTES: u64 = 64 << 20;
const VERSION: i16 = 1;
/// Version and checksum; the checksum covers what follows.
const CHECKSUM_FROM: usize = 6;
const ENTRY_SIZE_BYTES: usize = 46;

/// Why a snapshot can't be used. An older one, or the log itself, serves instead.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum SnapshotFault {
    #[error("version 1 expected")]
    Version,
    #[error("the checksum is wrong")]
    Checksum,
    #[error("{0} bytes are not what the count of entries needs")]
    Size(usize),
}

pub(super) fn to_bytes(producers: &Producers) -> Bytes {
    let mut entries = Vec::new();
    let mut count = 0i32;
    for (id, producer) in producers.all() {
        for batch in producer.batches.iter() {
            put_entry(&mut entries, id, producer, batch);
            count += 1;
        }
        if producer.batches.is_empty() {
            let timestamp = producer.last_timestamp;
            let none = ProducerBatch { last_sequence: -1, last_offset: Offset(-1), last_offset_delta: 0, timestamp };
            put_entry(&mut entries, id, producer, &none);
            count += 1;
        }
    }
    let mut bytes = Vec::with_capacity(CHECKSUM_FROM + 4 + entries.len());
    bytes.extend_from_slice(&VERSION.to_be_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&count.to_be_bytes());
    bytes.extend_from_slice(&entries);
    let crc = crc32c(&bytes[CHECKSUM_FROM..]);
    bytes[2..CHECKSUM_FROM].copy_from_slice(&crc.to_be_bytes());
    Bytes::from(bytes)
}

fn put_entry(entries: &mut Vec<u8>, id: ProducerId, producer: &Producer, batch: &ProducerBatch) {
    // A marker is the last that was heard of its producer, though it is no batch of it.
    let is_last = producer.batches.back().is_none_or(|last| last == batch);
    let timestamp = if is_last { producer.last_timestamp } else { batch.timestamp };
    entries.extend_from_slice(&id.0.to_be_bytes());
    entries.extend_from_slice(&producer.epoch.0.to_be_bytes());
    entries.extend_from_slice(&batch.last_sequence.to_be_bytes());
    entries.extend_from_slice(&batch.last_offset.0.to_be_bytes());
    entries.extend_from_slice(&batch.last_offset_delta.to_be_bytes());
    entries.extend_from_slice(&timestamp.to_be_bytes());
    entries.extend_from_slice(&producer.coordinator_epoch.to_be_bytes());
    entries.extend_from_slice(&producer.transaction_start.map_or(-1, |offset| offset.0).to_be_bytes());
}

pub(super) fn parse(bytes: &[u8]) -> Result<Producers, SnapshotFault> {
    let Some((header, entries)) = bytes.split_first_chunk::<10>() else { return Err(SnapshotFault::Size(bytes.len())) };
    if i16::from_be_bytes(field(header, 0)) != VERSION {
        return Err(SnapshotFault::Version);
    }
    if u32::from_be_bytes(field(header, 2)) != crc32c(&bytes[CHECKSUM_FROM..]) {
        return Err(SnapshotFault::Checksum);
    }
    let (entries, rest) = entries.as_chunks::<ENTRY_SIZE_BYTES>();
    if !rest.is_empty() || i32::from_be_bytes(field(header, 6)) as usize != entries.len() {
        return Err(SnapshotFault::Size(bytes.len()));
    }
    let mut producers = Producers::default();
    for entry in entries {
        let (id, producer) = parse_entry(entry);
        producers.load(id, producer);
    }
    Ok(producers)
}

fn parse_entry(entry: &[u8; ENTRY_SIZE_BYTES]) -> (ProducerId, Producer) {
    let last_offset = Offset(i64::from_be_bytes(field(entry, 14)));
    let timestamp = i64::from_be_bytes(field(entry, 26));
    let batch = ProducerBatch {
        last_sequence: i32::from_be_bytes(field(entry, 10)),
        last_offset,
        last_offset_delta: i32::from_be_bytes(field(entry, 22)),
        timestamp,
    };
    let transaction_start = Offset(i64::from_be_bytes(field(entry, 38)));
    let producer = Producer {
        epoch: ProducerEpoch(i16::from_be_bytes(field(entry, 8))),
        coordinator_epoch: i32::from_be_bytes(field(entry, 34)),
        last_timestamp: timestamp,
        transaction_start: (transaction_start >= Offset(0)).then_some(transaction_start),
        batches: if last_offset >= Offset(0) { VecDeque::from([batch]) } else { VecDeque::new() },
    };
    (ProducerId(i64::from_be_bytes(field(entry, 0))), producer)
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[at..at + N]);
    field
}

#[cfg(test)]
mod tests {
    use super::*;

    fn producers() -> Producers {
        let mut producers = Producers::default();
        let last = ProducerBatch { last_sequence: 9, last_offset: Offset(99), last_offset_delta: 4, timestamp: 1_234 };
        let active = Producer {
            epoch: ProducerEpoch(2),
            last_timestamp: 1_234,
            transaction_start: Some(Offset(90)),
            batches: VecDeque::from([last]),
            ..Producer::default()
        };
        producers.load(ProducerId(4_000), active);
        producers.load(ProducerId(4_001), Producer { epoch: ProducerEpoch(0), ..Producer::default() });
        producers
    }

    #[test]
    fn a_snapshot_survives_the_way_to_disk_and_back() {
        let bytes = to_bytes(&producers());
        assert_eq!(bytes.len(), 10 + 2 * 46);
        let read = parse(&bytes).unwrap();
        assert!(read.all().eq(producers().all()));
        assert_eq!(to_bytes(&Producers::default()).len(), 10);
    }

    #[test]
    fn all_batches_that_are_remembered_survive_and_the_last_entry_is_the_last_batch() {
        let batch = |n: i32| ProducerBatch {
            last_sequence: n,
            last_offset: Offset(i64::from(n)),
            last_offset_delta: 0,
            timestamp: i64::from(n) * 10,
        };
        let batches: VecDeque<_> = (0..5).map(batch).collect();
        let producer = Producer { epoch: ProducerEpoch(0), last_timestamp: 40, batches, ..Producer::default() };
        let mut producers = Producers::default();
        producers.load(ProducerId(7), producer);
        let bytes = to_bytes(&producers);
        assert_eq!(bytes.len(), 10 + 5 * ENTRY_SIZE_BYTES);
        assert!(parse(&bytes).unwrap().all().eq(producers.all()));
        let (_, last) = parse_entry(bytes.last_chunk().unwrap());
        assert_eq!(last.batches, [batch(4)]);
    }

    #[test]
    fn a_damaged_snapshot_is_refused() {
        let bytes = to_bytes(&producers());
        let with = |at: usize, byte: u8| {
            let mut bytes = bytes.to_vec();
            bytes[at] = byte;
            bytes
        };
        assert_eq!(parse(&with(1, 2)).unwrap_err(), SnapshotFault::Version);
        assert_eq!(parse(&with(20, 77)).unwrap_err(), SnapshotFault::Checksum);
        assert_eq!(parse(&bytes[..5]).unwrap_err(), SnapshotFault::Size(5));
        let mut cut = bytes[..bytes.len() - 1].to_vec();
        let crc = crc32c(&cut[CHECKSUM_FROM..]);
        cut[2..6].copy_from_slice(&crc.to_be_bytes());
        assert_eq!(parse(&cut).unwrap_err(), SnapshotFault::Size(101));
    }
}
