//! The batches that are sent: built once, with their checksum, and then sent again and again. What a broker changes in a
//! batch, its base offset and leader epoch, lies outside the checksum. An idempotent producer's sequence number lies inside,
//! but a checksum is linear: what a number changes in it is known without reading the batch again.

use std::ops::Range;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use ottla_core::records::{BatchBuilder, BuilderRecord, crc32c};
use ottla_core::types::{ProducerEpoch, ProducerId};

/// One batch, ready to be sent.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Header and records.
    pub bytes: Bytes,
    /// Records inside.
    pub record_count: u32,
}

impl Batch {
    /// As many records as fit in `batch_size_bytes`, their values `record_size_bytes` long.
    pub fn filled(batch_size_bytes: usize, record_size_bytes: usize, producer: Option<Producer>) -> Self {
        let (value, timestamp) = (value_of(record_size_bytes), now_ms());
        let mut builder = builder_for(producer);
        let largest_record_size_bytes = record_size_bytes + RECORD_OVERHEAD_MAX_BYTES;
        while builder.record_count() == 0 || builder.size_bytes() + largest_record_size_bytes <= batch_size_bytes {
            push(&mut builder, timestamp, &value);
        }
        Self::of(builder)
    }

    /// `record_count` records, their values `record_size_bytes` long.
    pub fn counted(record_count: u32, record_size_bytes: usize, producer: Option<Producer>) -> Self {
        let (value, timestamp) = (value_of(record_size_bytes), now_ms());
        let mut builder = builder_for(producer);
        for _ in 0..record_count {
            push(&mut builder, timestamp, &value);
        }
        Self::of(builder)
    }

    /// As many records as fit in `batch_size_bytes`, each with a key of its own from `first_key` on.
    pub fn keyed(batch_size_bytes: usize, record_size_bytes: usize, first_key: u64) -> Self {
        let (value, timestamp) = (value_of(record_size_bytes), now_ms());
        let mut builder = BatchBuilder::new();
        let largest_record_size_bytes = record_size_bytes + RECORD_OVERHEAD_MAX_BYTES + KEY_SIZE_BYTES;
        while builder.record_count() == 0 || builder.size_bytes() + largest_record_size_bytes <= batch_size_bytes {
            let key = (first_key + u64::from(builder.record_count().unsigned_abs())).to_be_bytes();
            builder.push(BuilderRecord { timestamp, key: Some(&key), value: Some(&value), ..Default::default() });
        }
        Self::of(builder)
    }

    fn of(builder: BatchBuilder) -> Self {
        let record_count = builder.record_count().unsigned_abs();
        Self { bytes: builder.build(), record_count }
    }
}

/// The identity of an idempotent producer.
#[derive(Clone, Copy, Debug)]
pub struct Producer {
    /// Given by the broker.
    pub id: ProducerId,
    /// Given with it.
    pub epoch: ProducerEpoch,
}

fn builder_for(producer: Option<Producer>) -> BatchBuilder {
    match producer {
        Some(producer) => BatchBuilder::new().producer(producer.id, producer.epoch, 0),
        None => BatchBuilder::new(),
    }
}

/// Puts sequence numbers into a batch that was built with number 0.
#[derive(Clone, Debug)]
pub struct Sequencer {
    checksum: u32,
    /// What each bit of the number changes in the checksum, the lowest first.
    changes: [u32; 32],
}

impl Sequencer {
    /// For `batch`.
    pub fn new(batch: &[u8]) -> Self {
        let mut blank = vec![0; batch.len() - CHECKSUM_FROM];
        let of_blank = crc32c(&blank);
        let at = SEQUENCE.start - CHECKSUM_FROM;
        let changes = std::array::from_fn(|bit| {
            blank[at..at + 4].copy_from_slice(&(1_u32 << bit).to_be_bytes());
            crc32c(&blank) ^ of_blank
        });
        Self { checksum: crc32c(&batch[CHECKSUM_FROM..]), changes }
    }

    /// Makes `sequence` the number of the first record.
    pub fn put(&self, batch: &mut [u8], sequence: i32) {
        let changed = (0..32).filter(|bit| sequence >> bit & 1 == 1).map(|bit| self.changes[bit]);
        let checksum = changed.fold(self.checksum, |checksum, change| checksum ^ change);
        batch[CHECKSUM].copy_from_slice(&checksum.to_be_bytes());
        batch[SEQUENCE].copy_from_slice(&sequence.to_be_bytes());
    }
}

const CHECKSUM: Range<usize> = 17..21;
/// The checksum covers all from here on.
const CHECKSUM_FROM: usize = 21;
const SEQUENCE: Range<usize> = 53..57;

const KEY_SIZE_BYTES: usize = 8;
/// Length, attributes, timestamp, offset, key, value length, headers: few bytes each in a batch of a few MB.
const RECORD_OVERHEAD_MAX_BYTES: usize = 24;

fn push(builder: &mut BatchBuilder, timestamp: i64, value: &[u8]) {
    builder.push(BuilderRecord { timestamp, value: Some(value), ..Default::default() });
}

/// Letters without a pattern, the same ones in each run.
fn value_of(size_bytes: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    (0..size_bytes)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            b'a' + (state % 26) as u8
        })
        .collect()
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

#[cfg(test)]
mod tests {
    use ottla_core::records::BatchHeader;

    use super::*;

    #[test]
    fn a_filled_batch_stays_below_its_size_and_has_no_room_for_another_record() {
        for record_size_bytes in [1, 100, 4096] {
            let batch = Batch::filled(1 << 20, record_size_bytes, None);
            assert!(batch.bytes.len() <= 1 << 20);
            assert!(batch.bytes.len() + record_size_bytes + 2 * RECORD_OVERHEAD_MAX_BYTES > 1 << 20);
            let header = BatchHeader::parse(&batch.bytes).expect("a batch of our own");
            assert_eq!(header.record_count.unsigned_abs(), batch.record_count);
            assert_eq!(header.size_bytes(), batch.bytes.len());
        }
    }

    #[test]
    fn a_counted_batch_has_that_many_records() {
        assert_eq!(Batch::counted(7, 100, None).record_count, 7);
    }
    #[test]
    fn a_sequence_number_is_put_in_without_spoiling_the_checksum() {
        let producer = Producer { id: ProducerId(7), epoch: ProducerEpoch(1) };
        let mut batch = Batch::counted(3, 100, Some(producer)).bytes.to_vec();
        let sequencer = Sequencer::new(&batch);
        for sequence in [0, 1, 1234, i32::MAX, 5] {
            sequencer.put(&mut batch, sequence);
            let header = BatchHeader::parse(&batch).expect("a batch of our own");
            assert_eq!((header.base_sequence, header.producer_id), (sequence, ProducerId(7)));
            assert_eq!(header.crc, crc32c(&batch[CHECKSUM_FROM..]));
        }
    }
}
