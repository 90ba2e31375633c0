//! Makes batches: from records, or from another batch whose records are kept, dropped or compressed anew.

use alloc::vec::Vec;

use bytes::Bytes;
use thiserror::Error;

use super::checksum::crc32c;
use super::compression::compress;
use super::control::ControlRecord;
use super::header::{
    Attributes, BATCH_HEADER_SIZE_BYTES, BatchHeader, CHECKSUM_FROM, Compression, PREFIX_SIZE_BYTES, TimestampType,
};
use super::record::RecordRef;
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
/// use ottla_core::records::{BatchBuilder, BatchHeader, BuilderRecord, Compression};
/// let mut builder = BatchBuilder::new().compression(Compression::Lz4, None);
/// builder.push(BuilderRecord { timestamp: 1_000, value: Some(b"hello"), ..Default::default() });
/// let batch = builder.build();
/// assert_eq!(BatchHeader::parse(&batch)?.record_count, 1);
/// # Ok::<(), ottla_core::records::HeaderError>(())
/// ```
///
/// A batch that keeps some records of another, as compaction does it:
///
/// ```
/// use ottla_core::records::{Batch, BatchBuilder, BuilderRecord, OutputLimit};
/// let mut builder = BatchBuilder::new();
/// for key in [b"a", b"b", b"a"] {
///     builder.push(BuilderRecord { key: Some(key), ..Default::default() });
/// }
/// let bytes = builder.build();
/// let batch = Batch::parse(&bytes)?;
/// let mut kept = BatchBuilder::from_header(batch.header());
/// let mut records = batch.records(OutputLimit::default())?;
/// while let Some(record) = records.next_record()? {
///     if record.offset.0 > 0 {
///         kept.keep(&record)?;
///     }
/// }
/// assert_eq!(Batch::parse(&kept.build())?.header().record_count, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct BatchBuilder {
    /// What the batch begins with, as far as it is settled.
    header: BatchHeader,
    level: Option<i32>,
    append_time: Option<i64>,
    /// Whether the base timestamp is settled, or will be the first record's.
    has_base_timestamp: bool,
    /// The largest timestamp of the records.
    max_timestamp: i64,
    /// The offset delta of the last record.
    last_delta: i32,
    /// Room for the header, and the plain records.
    bytes: Vec<u8>,
    body: Vec<u8>,
}

/// Why a record can't be put at its offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OffsetError {
    /// It is not above that of the record before it, or below the batch's first.
    #[error("offset {expected} or above expected, found {found}")]
    NotRising {
        /// The lowest that would do.
        expected: Offset,
        /// The record's.
        found: Offset,
    },
    /// It is more than 2^31 - 1 above the batch's first.
    #[error("offset {found} is too far from the batch's base offset {base_offset}")]
    TooFar {
        /// The batch's first.
        base_offset: Offset,
        /// The record's.
        found: Offset,
    },
}

/// The timestamp of a batch without records.
const NO_TIMESTAMP: i64 = -1;

impl Default for BatchBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl BatchBuilder {
    /// An empty batch at offset 0, without a producer id.
    #[must_use]
    pub fn new() -> Self {
        Self::with_header(BatchHeader {
            base_offset: Offset(0),
            length: 0,
            partition_leader_epoch: LeaderEpoch::NONE,
            crc: 0,
            attributes: Attributes::default(),
            last_offset_delta: -1,
            base_timestamp: NO_TIMESTAMP,
            max_timestamp: NO_TIMESTAMP,
            producer_id: ProducerId::NONE,
            producer_epoch: ProducerEpoch(-1),
            base_sequence: -1,
            record_count: 0,
        })
    }

    /// A batch that takes another's place, as yet without its records: the same offsets from first to last, leader epoch,
    /// producer, codec and flags. An append time or a delete horizon stays; other timestamps are those of the records that
    /// are put in. Without any record it keeps its largest timestamp but neither codec nor horizon: what Kafka leaves of a
    /// batch that only remembers a producer's last sequence number.
    ///
    /// A codec that nobody knows becomes none.
    #[must_use]
    pub fn from_header(header: &BatchHeader) -> Self {
        let compression = header.attributes.compression().unwrap_or_default();
        let attributes = header.attributes.with_compression(compression);
        let mut builder = Self::with_header(BatchHeader { attributes, record_count: 0, ..*header });
        builder.has_base_timestamp = attributes.has_delete_horizon();
        if attributes.timestamp_type() == TimestampType::LogAppendTime {
            builder.append_time = Some(header.max_timestamp);
        }
        builder
    }

    fn with_header(header: BatchHeader) -> Self {
        Self {
            header,
            level: None,
            append_time: None,
            has_base_timestamp: false,
            max_timestamp: NO_TIMESTAMP,
            last_delta: -1,
            bytes: alloc::vec![0; BATCH_HEADER_SIZE_BYTES],
            body: Vec::new(),
        }
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

    /// All its attributes at once.
    #[must_use]
    pub fn attributes(mut self, attributes: Attributes) -> Self {
        self.header.attributes = attributes;
        self
    }

    /// The codec of its records, and with which effort; see [`compress`].
    #[must_use]
    pub fn compression(mut self, codec: Compression, level: Option<i32>) -> Self {
        self.header.attributes = self.header.attributes.with_compression(codec);
        self.level = level;
        self
    }

    /// The records belong to a transaction.
    #[must_use]
    pub fn transactional(mut self) -> Self {
        self.header.attributes = self.header.attributes.transactional();
        self
    }

    /// The records are for brokers: see [`BatchBuilder::push_control`].
    #[must_use]
    pub fn control(mut self) -> Self {
        self.header.attributes = self.header.attributes.control();
        self
    }

    /// To consumers all records have this time, at which the broker appended them; in milliseconds since the epoch.
    #[must_use]
    pub fn append_time(mut self, timestamp: i64) -> Self {
        self.header.attributes = self.header.attributes.with_timestamp_type(TimestampType::LogAppendTime);
        self.append_time = Some(timestamp);
        self
    }

    /// From then on compaction may drop the batch's tombstones and markers; in milliseconds since the epoch. It takes the
    /// base timestamp's place. KIP-534.
    ///
    /// # Panics
    /// After a record.
    #[must_use]
    pub fn delete_horizon(mut self, delete_horizon_ms: i64) -> Self {
        self.header.attributes = self.header.attributes.with_delete_horizon(true);
        self.base_timestamp(delete_horizon_ms)
    }

    /// What the records' timestamps are stored relative to, where that is not the first record's.
    ///
    /// # Panics
    /// After a record.
    #[must_use]
    pub fn base_timestamp(mut self, timestamp: i64) -> Self {
        assert_eq!(self.header.record_count, 0, "the base timestamp is settled before the first record");
        self.header.base_timestamp = timestamp;
        self.has_base_timestamp = true;
        self
    }

    /// The batch's offsets go on to this one, even if its records don't.
    ///
    /// # Errors
    /// Where it is not an offset that the batch can have.
    pub fn last_offset(mut self, last_offset: Offset) -> Result<Self, OffsetError> {
        let last_record = Offset(self.header.base_offset.0.saturating_add(i64::from(self.last_delta)));
        let is_last_records = self.header.record_count > 0 && last_offset == last_record;
        self.header.last_offset_delta = if is_last_records { self.last_delta } else { self.delta_of(last_offset)? };
        Ok(self)
    }

    /// Adds a record, at the offset after the last.
    ///
    /// # Panics
    /// Where the records get larger than 2 GiB.
    pub fn push(&mut self, record: BuilderRecord<'_>) {
        let delta = self.last_delta.checked_add(1).expect("the last record was not at the last offset of all");
        self.put(delta, &record);
    }

    /// Adds a record at this offset. Those between the last and it stay without a record.
    ///
    /// # Errors
    /// Where the offset is not above the last record's.
    ///
    /// # Panics
    /// Where the records get larger than 2 GiB.
    pub fn push_at(&mut self, offset: Offset, record: BuilderRecord<'_>) -> Result<(), OffsetError> {
        let delta = self.delta_of(offset)?;
        self.put(delta, &record);
        Ok(())
    }

    /// Adds a record of another batch, at the same offset.
    ///
    /// # Errors
    /// Where the offset is not above the last record's.
    ///
    /// # Panics
    /// Where the records get larger than 2 GiB.
    pub fn keep(&mut self, record: &RecordRef<'_>) -> Result<(), OffsetError> {
        let delta = self.delta_of(record.offset)?;
        self.put_fields(delta, record.create_time, record.key, record.value, |body| {
            put_varint(body, length(record.headers.len()));
            body.extend_from_slice(record.headers.bytes());
        });
        Ok(())
    }

    /// Adds a control record, and makes the batch a control batch.
    ///
    /// # Panics
    /// After a record that is none.
    pub fn push_control(&mut self, timestamp: i64, record: &ControlRecord) {
        let is_first = self.header.record_count == 0;
        assert!(is_first || self.header.attributes.is_control(), "control records are among themselves");
        self.header.attributes = self.header.attributes.control();
        let (key, value) = (record.key(), record.value());
        self.push(BuilderRecord { timestamp, key: Some(&key), value: Some(&value), headers: &[] });
    }

    /// Records so far.
    #[must_use]
    pub fn record_count(&self) -> i32 {
        self.header.record_count
    }

    /// Bytes so far, the header included and nothing compressed.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The batch.
    #[must_use]
    pub fn build(self) -> Bytes {
        let mut header = self.header;
        header.last_offset_delta = header.last_offset_delta.max(self.last_delta);
        let bytes = match header.attributes.compression() {
            _ if header.record_count == 0 => {
                header.attributes = header.attributes.with_compression(Compression::None).with_delete_horizon(false);
                header.base_timestamp = NO_TIMESTAMP;
                header.max_timestamp = self.append_time.unwrap_or(header.max_timestamp);
                self.bytes
            }
            codec => {
                header.max_timestamp = self.append_time.unwrap_or(self.max_timestamp);
                compressed(codec.expect("a codec that Kafka has"), self.level, self.bytes)
            }
        };
        finish(header, bytes)
    }

    fn delta_of(&self, offset: Offset) -> Result<i32, OffsetError> {
        let base_offset = self.header.base_offset;
        let expected = Offset(base_offset.0.saturating_add(i64::from(self.last_delta) + 1));
        if offset < expected {
            return Err(OffsetError::NotRising { expected, found: offset });
        }
        let delta = offset.0.checked_sub(base_offset.0).and_then(|delta| i32::try_from(delta).ok());
        delta.ok_or(OffsetError::TooFar { base_offset, found: offset })
    }

    fn put(&mut self, delta: i32, record: &BuilderRecord<'_>) {
        self.put_fields(delta, record.timestamp, record.key, record.value, |body| {
            put_varint(body, length(record.headers.len()));
            for (key, value) in record.headers {
                put_bytes(body, Some(key.as_bytes()));
                put_bytes(body, *value);
            }
        });
    }

    fn put_fields(
        &mut self,
        delta: i32,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        put_headers: impl FnOnce(&mut Vec<u8>),
    ) {
        if !self.has_base_timestamp {
            self.header.base_timestamp = timestamp;
            self.has_base_timestamp = true;
        }
        self.max_timestamp = self.max_timestamp.max(timestamp);
        self.last_delta = delta;
        self.header.record_count += 1;

        self.body.clear();
        self.body.push(0);
        put_varlong(&mut self.body, timestamp.wrapping_sub(self.header.base_timestamp));
        put_varint(&mut self.body, delta);
        put_bytes(&mut self.body, key);
        put_bytes(&mut self.body, value);
        put_headers(&mut self.body);
        put_varint(&mut self.bytes, length(self.body.len()));
        self.bytes.extend_from_slice(&self.body);
    }
}

/// `plain` has room for a header in front, and so has what is made of it.
fn compressed(codec: Compression, level: Option<i32>, mut plain: Vec<u8>) -> Vec<u8> {
    if codec == Compression::None {
        return plain;
    }
    let records = compress(codec, level, &plain[BATCH_HEADER_SIZE_BYTES..]);
    plain.truncate(BATCH_HEADER_SIZE_BYTES);
    plain.shrink_to_fit();
    plain.extend_from_slice(&records);
    plain
}

/// Writes the header into its room.
fn finish(mut header: BatchHeader, mut bytes: Vec<u8>) -> Bytes {
    header.length = length(bytes.len() - PREFIX_SIZE_BYTES);
    bytes[..BATCH_HEADER_SIZE_BYTES].copy_from_slice(&header.to_bytes());
    header.crc = crc32c(&bytes[CHECKSUM_FROM..]);
    bytes[17..21].copy_from_slice(&header.crc.to_be_bytes());
    Bytes::from(bytes)
}

fn put_bytes(to: &mut Vec<u8>, bytes: Option<&[u8]>) {
    let Some(bytes) = bytes else { return put_varint(to, -1) };
    put_varint(to, length(bytes.len()));
    to.extend_from_slice(bytes);
}

fn length(length: usize) -> i32 {
    i32::try_from(length).expect("batches of our own stay below 2 GiB")
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;
    use crate::records::{Batch, OutputLimit, Record, records_of};
    use crate::wire::messages::control_records::EndTxnMarker;

    const CODECS: [Compression; 5] =
        [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];

    fn record(timestamp: i64, value: &[u8]) -> BuilderRecord<'_> {
        BuilderRecord { timestamp, value: Some(value), ..Default::default() }
    }

    fn header(batch: &Bytes) -> BatchHeader {
        let parsed = Batch::parse(batch).unwrap();
        assert_eq!((parsed.bytes().len(), parsed.verify()), (batch.len(), Ok(())));
        *parsed.header()
    }

    fn records(batch: &Bytes) -> Vec<Record> {
        records_of(batch, OutputLimit::default()).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn keys_values_and_headers_may_be_null_and_empty_whatever_the_codec() {
        for codec in CODECS {
            let mut builder = BatchBuilder::new().compression(codec, None);
            builder.push(BuilderRecord::default());
            builder.push(BuilderRecord { key: Some(b""), value: Some(b""), ..Default::default() });
            let headers = [("a", Some(&b"1"[..])), ("", None), ("a", Some(b""))];
            builder.push(BuilderRecord { timestamp: 5, key: Some(b"k"), value: Some(&[7; 500]), headers: &headers });
            let batch = builder.build();
            assert_eq!(header(&batch).attributes.compression(), Ok(codec));
            let records = records(&batch);
            assert_eq!((&records[0].key, &records[0].value), (&None, &None));
            assert_eq!((&records[1].key, &records[1].value), (&Some(Bytes::new()), &Some(Bytes::new())));
            let read = records[2].headers.iter().map(|header| (&header.key[..], header.value.as_deref()));
            assert!(read.eq([(&b"a"[..], Some(&b"1"[..])), (b"", None), (b"a", Some(b""))]));
            assert_eq!((records[2].offset, records[2].timestamp), (Offset(2), 5));
        }
    }

    #[test]
    fn timestamps_are_relative_to_the_first_and_may_fall() {
        let mut builder = BatchBuilder::new();
        for timestamp in [1_000, 400, i64::MAX, i64::MIN] {
            builder.push(record(timestamp, b""));
        }
        let batch = builder.build();
        assert_eq!((header(&batch).base_timestamp, header(&batch).max_timestamp), (1_000, i64::MAX));
        let times: Vec<_> = records(&batch).iter().map(|record| record.timestamp).collect();
        assert_eq!(times, [1_000, 400, i64::MAX, i64::MIN]);
    }

    #[test]
    fn append_time_is_that_of_all_records_and_theirs_stays_below_it() {
        let mut builder = BatchBuilder::new().append_time(9_000);
        builder.push(record(1_000, b""));
        builder.push(record(7, b""));
        let batch = builder.build();
        assert_eq!((header(&batch).base_timestamp, header(&batch).max_timestamp), (1_000, 9_000));
        let parsed = Batch::parse(&batch).unwrap();
        let mut reader = parsed.records(OutputLimit::default()).unwrap();
        while let Some(record) = reader.next_record().unwrap() {
            assert_eq!((record.timestamp, record.create_time), (9_000, [1_000, 7][record.offset.0 as usize]));
        }
    }

    #[test]
    fn a_delete_horizon_takes_the_base_timestamps_place() {
        let mut builder = BatchBuilder::new().delete_horizon(50_000);
        builder.push(record(1_000, b""));
        let batch = builder.build();
        assert_eq!((header(&batch).delete_horizon_ms(), header(&batch).base_timestamp), (Some(50_000), 50_000));
        assert_eq!((header(&batch).max_timestamp, records(&batch)[0].timestamp), (1_000, 1_000));
    }

    #[test]
    fn a_batch_may_have_holes_and_a_last_offset_without_a_record() {
        let builder = BatchBuilder::new().base_offset(Offset(100)).leader_epoch(LeaderEpoch(4));
        let mut builder = builder.last_offset(Offset(120)).unwrap();
        builder.push_at(Offset(103), record(1, b"a")).unwrap();
        builder.push(record(2, b"b"));
        builder.push_at(Offset(110), record(3, b"c")).unwrap();
        let batch = builder.build();
        let header = header(&batch);
        assert_eq!((header.base_offset, header.last_offset(), header.record_count), (Offset(100), Offset(120), 3));
        assert_eq!(header.partition_leader_epoch, LeaderEpoch(4));
        assert_eq!(records(&batch).iter().map(|record| record.offset.0).collect::<Vec<_>>(), [103, 104, 110]);
    }

    #[test]
    fn an_offset_that_the_batch_cannot_have_is_refused() {
        let mut builder = BatchBuilder::new().base_offset(Offset(100));
        builder.push(record(1, b""));
        let refused = |offset| builder.clone().push_at(Offset(offset), record(1, b"")).unwrap_err().to_string();
        assert_eq!(refused(99), "offset 101 or above expected, found 99");
        assert_eq!(refused(100), "offset 101 or above expected, found 100");
        assert_eq!(refused(1 << 40), "offset 1099511627776 is too far from the batch's base offset 100");
        assert!(BatchBuilder::new().base_offset(Offset(100)).last_offset(Offset(99)).is_err());
    }

    #[test]
    fn a_batch_that_compaction_emptied_remembers_offsets_producer_and_time() {
        let mut builder = BatchBuilder::new()
            .compression(Compression::Zstd, None)
            .base_offset(Offset(10))
            .producer(ProducerId(7), ProducerEpoch(2), 40)
            .delete_horizon(99);
        for timestamp in [3, 8, 5] {
            builder.push(record(timestamp, b""));
        }
        let before = header(&builder.build());
        let batch = BatchBuilder::from_header(&before).build();
        let after = header(&batch);
        assert_eq!((batch.len(), after.record_count), (BATCH_HEADER_SIZE_BYTES, 0));
        assert_eq!((after.base_offset, after.last_offset(), after.last_sequence()), (Offset(10), Offset(12), 42));
        assert_eq!(
            (after.producer_id, after.producer_epoch, after.max_timestamp),
            (ProducerId(7), ProducerEpoch(2), 8)
        );
        assert_eq!((after.attributes, after.base_timestamp), (Attributes(0), -1));
        assert_eq!(records(&batch), []);
        assert_eq!(BatchBuilder::from_header(&after).build(), batch);
    }

    #[test]
    fn another_codec_changes_nothing_but_the_codec() {
        let headers = [("h", Some(&b"x"[..]))];
        let mut builder = BatchBuilder::new().transactional().producer(ProducerId(1), ProducerEpoch(0), 5);
        for n in 0..100 {
            builder.push(BuilderRecord {
                timestamp: n,
                key: Some(b"key"),
                value: Some(&[n as u8; 50]),
                headers: &headers,
            });
        }
        let plain = builder.build();
        for codec in CODECS {
            let mut again = BatchBuilder::from_header(&header(&plain)).compression(codec, None);
            let parsed = Batch::parse(&plain).unwrap();
            let mut reader = parsed.records(OutputLimit::default()).unwrap();
            while let Some(record) = reader.next_record().unwrap() {
                again.keep(&record).unwrap();
            }
            let batch = again.build();
            let changed = header(&batch);
            assert_eq!(records(&batch), records(&plain));
            assert_eq!(changed.attributes, header(&plain).attributes.with_compression(codec));
            assert_eq!(batch == plain, codec == Compression::None);
            assert_eq!(batch.len() < plain.len(), codec != Compression::None);
        }
    }

    #[test]
    fn control_records_make_a_control_batch() {
        let mut builder = BatchBuilder::new().transactional().producer(ProducerId(9), ProducerEpoch(1), -1);
        let marker = ControlRecord::Abort(EndTxnMarker { coordinator_epoch: 3, ..Default::default() });
        builder.push_control(77, &marker);
        let batch = builder.build();
        assert_eq!(header(&batch).attributes, Attributes(0x30));
        let record = &records(&batch)[0];
        assert_eq!(ControlRecord::decode(record.key.as_deref(), record.value.as_deref()), Ok(marker));
    }

    #[test]
    fn attributes_can_be_given_all_at_once() {
        let mut builder = BatchBuilder::new().attributes(Attributes(0x18));
        builder.push(record(5, &[1; 10]));
        assert_eq!(
            (header(&builder.build()).max_timestamp, header(&BatchBuilder::new().build()).max_timestamp),
            (5, -1)
        );
    }
}
