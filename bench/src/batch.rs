//! The batches that are sent: built once, with their checksum, and then sent again and again. What a broker changes in a
//! batch, its base offset and leader epoch, lies outside the checksum, so a batch never has to be touched again.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use ottla_core::records::{BatchBuilder, BuilderRecord};

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
    pub fn filled(batch_size_bytes: usize, record_size_bytes: usize) -> Self {
        let (value, timestamp) = (value_of(record_size_bytes), now_ms());
        let mut builder = BatchBuilder::new();
        let largest_record_size_bytes = record_size_bytes + RECORD_OVERHEAD_MAX_BYTES;
        while builder.record_count() == 0 || builder.size_bytes() + largest_record_size_bytes <= batch_size_bytes {
            push(&mut builder, timestamp, &value);
        }
        Self::of(builder)
    }

    /// `record_count` records, their values `record_size_bytes` long.
    pub fn counted(record_count: u32, record_size_bytes: usize) -> Self {
        let (value, timestamp) = (value_of(record_size_bytes), now_ms());
        let mut builder = BatchBuilder::new();
        for _ in 0..record_count {
            push(&mut builder, timestamp, &value);
        }
        Self::of(builder)
    }

    fn of(builder: BatchBuilder) -> Self {
        let record_count = builder.record_count().unsigned_abs();
        Self { bytes: builder.build(), record_count }
    }
}

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
            let batch = Batch::filled(1 << 20, record_size_bytes);
            assert!(batch.bytes.len() <= 1 << 20);
            assert!(batch.bytes.len() + record_size_bytes + 2 * RECORD_OVERHEAD_MAX_BYTES > 1 << 20);
            let header = BatchHeader::parse(&batch.bytes).expect("a batch of our own");
            assert_eq!(header.record_count.unsigned_abs(), batch.record_count);
            assert_eq!(header.size_bytes(), batch.bytes.len());
        }
    }

    #[test]
    fn a_counted_batch_has_that_many_records() {
        assert_eq!(Batch::counted(7, 100).record_count, 7);
    }
}
