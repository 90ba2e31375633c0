//! What Apache Kafka 4.3.1 answered to batches like these, case by case.

use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::records::varint::{put_varint, put_varlong};
use crate::records::{BatchBuilder, BuilderRecord, crc32c, records_of};
use crate::types::{ProducerEpoch, ProducerId};

const NOW: WallClock = WallClock(1_795_400_000_000);

/// A batch whose header and records can be anything.
struct Raw {
    header: BatchHeader,
    records: Vec<u8>,
}

/// A record that can be anything.
#[derive(Clone)]
struct RawRecord {
    timestamp_delta: i64,
    offset_delta: i32,
    has_key: bool,
    header_count: i32,
    headers: Vec<u8>,
    /// Added to its true length.
    lie: i32,
}

fn record(offset_delta: i32) -> RawRecord {
    RawRecord { timestamp_delta: 0, offset_delta, has_key: true, header_count: 0, headers: Vec::new(), lie: 0 }
}

impl RawRecord {
    fn put(&self, to: &mut Vec<u8>) {
        let mut body = vec![0];
        put_varlong(&mut body, self.timestamp_delta);
        put_varint(&mut body, self.offset_delta);
        if self.has_key {
            put_varint(&mut body, 1);
            body.push(b'k');
        } else {
            put_varint(&mut body, -1);
        }
        put_varint(&mut body, 1);
        body.push(b'v');
        put_varint(&mut body, self.header_count);
        body.extend_from_slice(&self.headers);
        put_varint(to, body.len() as i32 + self.lie);
        to.extend_from_slice(&body);
    }
}

fn raw(records: &[RawRecord]) -> Raw {
    let mut bytes = Vec::new();
    records.iter().for_each(|record| record.put(&mut bytes));
    let header = BatchHeader {
        base_offset: Offset(0),
        length: 0,
        partition_leader_epoch: LeaderEpoch(-1),
        crc: 0,
        attributes: Attributes(0),
        last_offset_delta: records.len() as i32 - 1,
        base_timestamp: NOW.0,
        max_timestamp: NOW.0,
        producer_id: ProducerId(-1),
        producer_epoch: ProducerEpoch(-1),
        base_sequence: -1,
        record_count: records.len() as i32,
    };
    Raw { header, records: bytes }
}

fn good() -> Raw {
    raw(&[record(0), record(1)])
}

impl Raw {
    fn with(mut self, change: impl FnOnce(&mut BatchHeader)) -> Self {
        change(&mut self.header);
        self
    }

    fn gzip(mut self) -> Self {
        self.records = gzip(&self.records);
        self.with(|header| header.attributes = Attributes(1))
    }

    fn bytes(self) -> Vec<u8> {
        let mut bytes = self.header.to_bytes().to_vec();
        bytes.extend_from_slice(&self.records);
        let length = (bytes.len() - PREFIX_SIZE_BYTES) as i32;
        bytes[8..12].copy_from_slice(&length.to_be_bytes());
        let crc = crc32c(&bytes[CHECKSUM_FROM..]);
        bytes[17..21].copy_from_slice(&crc.to_be_bytes());
        bytes
    }
}

/// A gzip member with one stored block.
fn gzip(plain: &[u8]) -> Vec<u8> {
    let length = u16::try_from(plain.len()).unwrap();
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 1];
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&(!length).to_le_bytes());
    bytes.extend_from_slice(plain);
    bytes.extend_from_slice(&crc32fast::hash(plain).to_le_bytes());
    bytes.extend_from_slice(&(plain.len() as u32).to_le_bytes());
    bytes
}

fn patched(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut batch = good().bytes();
    batch[at..at + bytes.len()].copy_from_slice(bytes);
    batch
}

fn validate(bytes: impl Into<Vec<u8>>, rules: &ProduceRules) -> Result<ProducedBatch, BatchError> {
    validate_produced(&Bytes::from(bytes.into()), rules, NOW)
}

/// Error code, and whether the answer says where the log starts.
fn answer(bytes: impl Into<Vec<u8>>) -> (ErrorCode, bool) {
    match validate(bytes, &ProduceRules::default()) {
        Ok(_) => (ErrorCode::None, true),
        Err(error) => (error.error_code, error.tells_log_start()),
    }
}

const OK: (ErrorCode, bool) = (ErrorCode::None, true);
const INVALID: (ErrorCode, bool) = (ErrorCode::InvalidRecord, true);
const INVALID_EARLY: (ErrorCode, bool) = (ErrorCode::InvalidRecord, false);
const CORRUPT: (ErrorCode, bool) = (ErrorCode::CorruptMessage, false);
const UNKNOWN: (ErrorCode, bool) = (ErrorCode::UnknownServerError, true);

#[test]
fn exactly_one_batch_of_format_2_is_taken() {
    let batch = good().bytes();
    assert_eq!(answer(batch.clone()), OK);
    assert_eq!(answer([]), INVALID_EARLY);
    assert_eq!(answer(&batch[..20]), INVALID_EARLY);
    assert_eq!(answer(&batch[..batch.len() - 1]), INVALID_EARLY);
    assert_eq!(answer([&batch[..], &batch].concat()), INVALID_EARLY);
    assert_eq!(answer(patched(MAGIC_AT, &[0])), INVALID_EARLY);
    assert_eq!(answer(patched(MAGIC_AT, &[1])), INVALID_EARLY);
    assert_eq!(answer(patched(MAGIC_AT, &[3])), CORRUPT);
    assert_eq!(answer(patched(MAGIC_AT, &[0xff])), CORRUPT);
}

#[test]
fn an_incomplete_batch_at_the_end_is_dropped_and_rubbish_is_not() {
    let batch = good().bytes();
    for tail in [&batch[..30], &[0; 5]] {
        let taken = validate([&batch[..], tail].concat(), &ProduceRules::default()).unwrap();
        assert_eq!(taken.size_bytes(), batch.len());
    }
    assert_eq!(answer([&batch[..], &[0; 12]].concat()), CORRUPT);
}

#[test]
fn a_length_that_no_batch_has_is_corrupt() {
    for length in [0i32, -1, 13] {
        assert_eq!(answer(patched(8, &length.to_be_bytes())), CORRUPT, "{length}");
    }
    assert_eq!(answer(&patched(8, &48i32.to_be_bytes())[..60]), CORRUPT);
}

#[test]
fn a_wrong_checksum_is_corrupt_and_size_comes_before_it() {
    assert_eq!(answer(patched(17, &[0; 4])), CORRUPT);
    let rules = ProduceRules { max_message_bytes: 70, ..ProduceRules::default() };
    assert_eq!(validate(patched(17, &[0; 4]), &rules).unwrap_err().error_code, ErrorCode::MessageTooLarge);
    let exact = ProduceRules { max_message_bytes: good().bytes().len() as i32, ..ProduceRules::default() };
    assert!(validate(good().bytes(), &exact).is_ok());
}

#[test]
fn a_header_that_does_not_fit_its_records_is_invalid() {
    let changes: [fn(&mut BatchHeader); 8] = [
        |header| header.base_offset = Offset(3),
        |header| header.record_count = 3,
        |header| header.record_count = 1,
        |header| header.record_count = -1,
        |header| header.last_offset_delta = 5,
        |header| header.last_offset_delta = -1,
        |header| (header.record_count, header.last_offset_delta) = (3, 2),
        |header| (header.record_count, header.last_offset_delta) = (1, 0),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        assert_eq!(answer(good().with(change).bytes()), INVALID, "change {number}");
    }
    assert_eq!(answer(raw(&[]).bytes()), INVALID);
}

#[test]
fn clients_write_no_control_batches_and_no_producer_id_without_a_sequence() {
    assert_eq!(answer(good().with(|header| header.attributes = Attributes(0x20)).bytes()), INVALID);
    let without =
        |header: &mut BatchHeader| (header.producer_id, header.producer_epoch) = (ProducerId(5), ProducerEpoch(0));
    assert_eq!(answer(good().with(without).bytes()), INVALID);
    assert_eq!(answer(good().with(|header| header.producer_id = ProducerId(-2)).bytes()), OK);
    assert_eq!(answer(good().with(|header| header.attributes = Attributes(0x0140)).bytes()), OK);
}

#[test]
fn a_record_that_lies_makes_the_batch_invalid() {
    let header = |key: i32| {
        let mut bytes = Vec::new();
        put_varint(&mut bytes, key);
        bytes.extend_from_slice(if key < 0 { &[] } else { b"h" });
        put_varint(&mut bytes, -1);
        bytes
    };
    let lying = [
        RawRecord { lie: 1, ..record(1) },
        RawRecord { lie: -1, ..record(1) },
        RawRecord { header_count: -1, ..record(1) },
        RawRecord { header_count: 9, ..record(1) },
        RawRecord { headers: vec![0, 0], ..record(1) },
        RawRecord { header_count: 1, headers: header(-1), ..record(1) },
    ];
    for (number, lie) in lying.into_iter().enumerate() {
        assert_eq!(answer(raw(&[record(0), lie.clone()]).bytes()), INVALID, "lie {number}");
        assert_eq!(answer(raw(&[record(0), lie]).gzip().bytes()), INVALID, "lie {number}, compressed");
    }
    let mut trailing = good();
    trailing.records.extend_from_slice(b"xyz");
    assert_eq!(answer(trailing.bytes()), INVALID);
    assert_eq!(answer(raw(&[RawRecord { header_count: 1, headers: header(1), ..record(0) }]).bytes()), OK);
    assert_eq!(answer(raw(&[RawRecord { has_key: false, ..record(0) }]).bytes()), OK);
}

#[test]
fn offset_deltas_are_looked_at_only_inside_compressed_batches() {
    assert_eq!(answer(raw(&[record(5), record(9)]).bytes()), OK);
    assert_eq!(answer(raw(&[record(5), record(9)]).gzip().bytes()), UNKNOWN);
}

#[test]
fn compressed_records_are_checked_as_plain_ones_are() {
    assert_eq!(answer(good().gzip().bytes()), OK);
    let counts = |count: i32| {
        let change = |header: &mut BatchHeader| {
            header.attributes = Attributes(1);
            (header.record_count, header.last_offset_delta) = (count, count - 1);
        };
        good().gzip().with(change).bytes()
    };
    assert_eq!(answer(counts(3)), INVALID);
    assert_eq!(answer(counts(1)), INVALID);
    for codec in 1..=7 {
        assert_eq!(answer(good().with(|header| header.attributes = Attributes(codec)).bytes()), UNKNOWN, "{codec}");
    }
    let mut cut = good().gzip();
    cut.records.truncate(cut.records.len() - 9);
    assert_eq!(answer(cut.bytes()), UNKNOWN);
}

#[test]
fn zstd_needs_version_7() {
    let batch = || good().with(|header| header.attributes = Attributes(4)).bytes();
    let refused = |produce_version| {
        let error = validate(batch(), &ProduceRules { produce_version, ..ProduceRules::default() }).unwrap_err();
        (error.error_code, error.tells_log_start())
    };
    assert_eq!(refused(6), (ErrorCode::UnsupportedCompressionType, false));
    assert_eq!(refused(7), UNKNOWN);
}

#[test]
fn timestamps_out_of_range_are_named_record_by_record() {
    let late = RawRecord { timestamp_delta: 7_200_000, ..record(1) };
    let error = validate(raw(&[record(0), late]).bytes(), &ProduceRules::default()).unwrap_err();
    assert_eq!((error.error_code, error.tells_log_start()), (ErrorCode::InvalidTimestamp, true));
    assert_eq!(error.record_errors.iter().map(|record| record.batch_index).collect::<Vec<_>>(), [1]);
    for timestamp in [-1, -5, 0] {
        let change = |header: &mut BatchHeader| header.base_timestamp = timestamp;
        assert_eq!(answer(raw(&[record(0)]).with(change).bytes()), OK, "{timestamp}");
    }
    let rules = ProduceRules { timestamp_before_max_ms: 1_000, ..ProduceRules::default() };
    let early = |by: i64| raw(&[RawRecord { timestamp_delta: -by, ..record(0) }]).bytes();
    assert!(validate(early(1_000), &rules).is_ok());
    assert_eq!(validate(early(1_001), &rules).unwrap_err().error_code, ErrorCode::InvalidTimestamp);
}

#[test]
fn a_compacted_topic_needs_keys() {
    let rules = ProduceRules { is_compacted: true, ..ProduceRules::default() };
    let keyless = RawRecord { has_key: false, ..record(1) };
    let error = validate(raw(&[record(0), keyless.clone()]).bytes(), &rules).unwrap_err();
    assert_eq!((error.error_code, error.record_errors.len()), (ErrorCode::InvalidRecord, 1));
    let late = RawRecord { timestamp_delta: 7_200_000, ..record(0) };
    let error = validate(raw(&[late, keyless]).bytes(), &rules).unwrap_err();
    assert_eq!((error.error_code, error.record_errors.len()), (ErrorCode::InvalidTimestamp, 2));
    assert!(validate(good().bytes(), &rules).is_ok());
}

#[test]
fn the_list_of_invalid_records_has_a_limit() {
    let rules = ProduceRules { is_compacted: true, ..ProduceRules::default() };
    let keyless: Vec<_> = (0..2_000).map(|index| RawRecord { has_key: false, ..record(index) }).collect();
    assert_eq!(validate(raw(&keyless).bytes(), &rules).unwrap_err().record_errors.len(), RECORD_ERRORS_MAX);
}

/// The batch as it would be stored, which must have the right checksum.
fn stored(bytes: Vec<u8>, rules: &ProduceRules) -> (BatchHeader, Bytes) {
    let [head, records] = validate(bytes, rules).unwrap().at(Offset(40), LeaderEpoch(6));
    let stored = Bytes::from([&head[..], &records].concat());
    let header = BatchHeader::parse(&stored).unwrap();
    assert_eq!(header.crc, crc32c(&stored[CHECKSUM_FROM..]));
    assert_eq!((header.base_offset, header.partition_leader_epoch), (Offset(40), LeaderEpoch(6)));
    (header, stored)
}

#[test]
fn a_good_batch_keeps_all_its_bytes_but_offset_and_epoch() {
    let bytes = good().bytes();
    let (_, stored) = stored(bytes.clone(), &ProduceRules::default());
    assert_eq!(stored[16..], bytes[16..]);
}

#[test]
fn append_time_is_stamped_on_the_batch() {
    let rules = ProduceRules { timestamp_type: TimestampType::LogAppendTime, ..ProduceRules::default() };
    for batch in [good(), good().gzip(), good().with(|header| header.base_timestamp = NOW.0 * 2)] {
        let (header, stored) = stored(batch.bytes(), &rules);
        assert_eq!(header.attributes.timestamp_type(), TimestampType::LogAppendTime);
        assert_eq!(header.max_timestamp, NOW.0);
        let times: Vec<_> =
            records_of(&stored, OutputLimit::default()).unwrap().map(|record| record.unwrap().timestamp).collect();
        assert_eq!(times, [NOW.0, NOW.0]);
    }
    let flagged = good().with(|header| header.attributes = Attributes(8)).bytes();
    let error = validate(flagged, &rules).unwrap_err();
    assert_eq!((error.error_code, error.record_errors.len()), (ErrorCode::InvalidTimestamp, 2));
}

#[test]
fn a_wrong_largest_timestamp_or_type_is_put_right() {
    let lie = good().with(|header| header.max_timestamp = NOW.0 + 99).bytes();
    assert_eq!(stored(lie, &ProduceRules::default()).0.max_timestamp, NOW.0);
    let flagged = good().with(|header| header.attributes = Attributes(8)).bytes();
    let (header, _) = stored(flagged, &ProduceRules::default());
    assert_eq!(header.attributes.timestamp_type(), TimestampType::CreateTime);
    let timeless = |header: &mut BatchHeader| {
        (header.base_timestamp, header.max_timestamp, header.attributes) = (-1, -1, Attributes(8))
    };
    let refused = validate(good().with(timeless).bytes(), &ProduceRules::default()).unwrap_err();
    assert_eq!(refused.error_code, ErrorCode::InvalidTimestamp);
}

#[test]
fn decompressed_records_have_a_limit() {
    let mut builder = BatchBuilder::new();
    builder.push(BuilderRecord { timestamp: NOW.0, value: Some(&[0; 5_000]), ..Default::default() });
    let plain = builder.build();
    let records = gzip(&plain[BATCH_HEADER_SIZE_BYTES..]);
    let header = BatchHeader::parse(&plain).unwrap();
    let batch =
        || Raw { header: BatchHeader { attributes: Attributes(1), ..header }, records: records.clone() }.bytes();
    assert!(validate(batch(), &ProduceRules::default()).is_ok());
    let rules = ProduceRules { decompressed_max_bytes: 5_000, ..ProduceRules::default() };
    assert_eq!(validate(batch(), &rules).unwrap_err().error_code, ErrorCode::MessageTooLarge);
}

/// As it would be stored by a topic with this `compression.type`.
fn stored_with(codec: Compression, batch: &Bytes, rules: &ProduceRules) -> (BatchHeader, Bytes) {
    let rules = ProduceRules { stored_codec: always(codec), ..rules.clone() };
    stored(batch.to_vec(), &rules)
}

fn always(codec: Compression) -> StoredCodec {
    StoredCodec::Always { codec, level: Some(9) }
}

/// Three records with headers, nulls and times of their own, by an idempotent producer in a transaction.
fn rich(codec: Compression) -> Bytes {
    let mut builder =
        BatchBuilder::new().producer(ProducerId(5), ProducerEpoch(2), 40).transactional().compression(codec, None);
    let long = [b'x'; 3_000];
    let headers: [(&str, Option<&[u8]>); 2] = [("a", Some(b"1")), ("b", None)];
    let time = NOW.0 - 1_000;
    builder.push(BuilderRecord { timestamp: time, key: Some(b"k"), value: Some(&long), headers: &headers });
    builder.push(BuilderRecord { timestamp: time + 7, value: Some(b""), ..Default::default() });
    builder.push(BuilderRecord { timestamp: time - 5, key: Some(b""), value: None, headers: &[] });
    builder.build()
}

#[test]
fn a_batch_is_stored_with_the_topics_codec_and_is_otherwise_the_same() {
    let limit = OutputLimit::of_bytes(1 << 20);
    let records = |batch: &Bytes| records_of(batch, limit).unwrap().map(Result::unwrap).collect::<Vec<_>>();
    let codecs = [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];
    for from in codecs {
        let batch = rich(from);
        let (sent, as_sent) = stored(batch.to_vec(), &ProduceRules::default());
        for to in codecs {
            let (header, bytes) = stored_with(to, &batch, &ProduceRules::default());
            assert_eq!(header.attributes, sent.attributes.with_compression(to));
            let (length, crc) = (sent.length, sent.crc);
            assert_eq!(BatchHeader { attributes: sent.attributes, length, crc, ..header }, sent, "{from:?} to {to:?}");
            assert_eq!(records(&bytes), records(&as_sent));
            assert!(from != to || bytes == as_sent, "what has the codec is not touched");
        }
    }
}

#[test]
fn a_stored_codec_goes_with_append_time() {
    let rules = ProduceRules { timestamp_type: TimestampType::LogAppendTime, ..ProduceRules::default() };
    let (header, _) = stored_with(Compression::None, &rich(Compression::Gzip), &rules);
    assert_eq!((header.max_timestamp, header.attributes.timestamp_type()), (NOW.0, TimestampType::LogAppendTime));
    assert_eq!(header.base_timestamp, NOW.0 - 1_000);
}

#[test]
fn a_batch_that_gets_too_large_by_its_stored_codec_is_refused() {
    let batch = rich(Compression::Gzip);
    let rules = ProduceRules {
        max_message_bytes: batch.len() as i32,
        stored_codec: always(Compression::None),
        ..ProduceRules::default()
    };
    let refused = validate_produced(&batch, &rules, NOW).unwrap_err();
    assert_eq!((refused.error_code, refused.tells_log_start()), (ErrorCode::MessageTooLarge, false));
    assert!(validate_produced(&batch, &ProduceRules { stored_codec: StoredCodec::AsSent, ..rules }, NOW).is_ok());
}

#[test]
fn records_that_do_not_count_up_are_numbered_anew_when_they_get_a_codec() {
    let batch = Bytes::from(raw(&[record(0), record(0), record(1)]).bytes());
    let (header, bytes) = stored_with(Compression::Lz4, &batch, &ProduceRules::default());
    let records = records_of(&bytes, OutputLimit::of_bytes(1 << 20)).unwrap();
    let offsets: Vec<i64> = records.map(|record| record.unwrap().offset.0).collect();
    assert_eq!((offsets, header.last_offset_delta), (vec![40, 41, 42], 2));
}
