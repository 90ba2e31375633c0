//! Makes uncompressed batches: for the metadata log, for tests, and for the simulator's producers.

use alloc::vec::Vec;

use bytes::Bytes;

use super::checksum::crc32c;
use super::header::{Attributes, BATCH_HEADER_SIZE_BYTES, BatchHeader, CHECKSUM_FROM, PREFIX_SIZE_BYTES};
use super::varint::{put_varint, put_varlong};
use crate::types::{LeaderEpoch, Offset, ProducerEpoch, ProducerId};

/// A record to be put into a batch.
#[derive(Clone, Copy, Debug, Default)]
pub struct BuilderRecord<'a> {
    /// Milliseconds since the epoch.
    pub timestamp: i64,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its value.
    pub value: Option<&'a [u8]>,
    /// Its headers.
    pub headers: &'a [(&'a str, Option<&'a [u8]>)],
}

/// Collects records and makes a batch of them.
///
/// ```
/// use ottla_core::records::{BatchBuilder, BatchHeader, BuilderRecord};
/// let mut builder = BatchBuilder::new();
/// builder.push(BuilderRecord { timestamp: 1_000, value: Some(b"hello"), ..Default::default() });
/// let batch = builder.build();
/// assert_eq!(BatchHeader::parse(&batch).unwrap().record_count, 1);
/// ```
#[derive(Clone, Debug)]
pub struct BatchBuilder {
    header: BatchHeader,
    bytes: Vec<u8>,
    body: Vec<u8>,
}

impl Default for BatchBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl BatchBuilder {
    /// An empty batch at offset 0, without a producer id.
    #[must_use]
    pub fn new() -> Self {
        let header = BatchHeader {
            base_offset: Offset(0),
            length: 0,
            partition_leader_epoch: LeaderEpoch::NONE,
            crc: 0,
            attributes: Attributes::default(),
            last_offset_delta: -1,
            base_timestamp: -1,
            max_timestamp: -1,
            producer_id: ProducerId::NONE,
            producer_epoch: ProducerEpoch(-1),
            base_sequence: -1,
            record_count: 0,
        };
        Self { header, bytes: alloc::vec![0; BATCH_HEADER_SIZE_BYTES], body: Vec::new() }
    }

    /// The batch starts at this offset: for batches that go into a file directly.
    #[must_use]
    pub fn base_offset(mut self, base_offset: Offset) -> Self {
        self.header.base_offset = base_offset;
        self
    }

    /// The batch was appended in this epoch: for batches that go into a file directly.
    #[must_use]
    pub fn leader_epoch(mut self, epoch: LeaderEpoch) -> Self {
        self.header.partition_leader_epoch = epoch;
        self
    }

    /// An idempotent producer sends it, with this sequence number for its first record.
    #[must_use]
    pub fn producer(mut self, id: ProducerId, epoch: ProducerEpoch, base_sequence: i32) -> Self {
        self.header.producer_id = id;
        self.header.producer_epoch = epoch;
        self.header.base_sequence = base_sequence;
        self
    }

    /// Its attributes. The records stay as they are: a codec must be undone by who sets it.
    #[must_use]
    pub fn attributes(mut self, attributes: Attributes) -> Self {
        self.header.attributes = attributes;
        self
    }

    /// Adds a record.
    pub fn push(&mut self, record: BuilderRecord<'_>) {
        if self.header.record_count == 0 {
            self.header.base_timestamp = record.timestamp;
        }
        self.header.max_timestamp = self.header.max_timestamp.max(record.timestamp);
        self.header.last_offset_delta += 1;
        self.header.record_count += 1;

        self.body.clear();
        self.body.push(0);
        put_varlong(&mut self.body, record.timestamp - self.header.base_timestamp);
        put_varint(&mut self.body, self.header.last_offset_delta);
        put_bytes(&mut self.body, record.key);
        put_bytes(&mut self.body, record.value);
        put_varint(&mut self.body, length(record.headers.len()));
        for (key, value) in record.headers {
            put_bytes(&mut self.body, Some(key.as_bytes()));
            put_bytes(&mut self.body, *value);
        }
        put_varint(&mut self.bytes, length(self.body.len()));
        self.bytes.extend_from_slice(&self.body);
    }

    /// Records so far.
    #[must_use]
    pub fn record_count(&self) -> i32 {
        self.header.record_count
    }

    /// Bytes so far, the header included.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The batch.
    #[must_use]
    pub fn build(mut self) -> Bytes {
        self.header.length = length(self.bytes.len() - PREFIX_SIZE_BYTES);
        self.bytes[..BATCH_HEADER_SIZE_BYTES].copy_from_slice(&self.header.to_bytes());
        let crc = crc32c(&self.bytes[CHECKSUM_FROM..]);
        self.bytes[17..21].copy_from_slice(&crc.to_be_bytes());
        Bytes::from(self.bytes)
    }
}

fn put_bytes(to: &mut Vec<u8>, bytes: Option<&[u8]>) {
    let Some(bytes) = bytes else { return put_varint(to, -1) };
    put_varint(to, length(bytes.len()));
    to.extend_from_slice(bytes);
}

fn length(length: usize) -> i32 {
    i32::try_from(length).expect("batches of our own stay below 2 GiB")
}
