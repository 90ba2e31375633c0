//! What a client's batch must pass before it is appended: the checks of Apache Kafka, in its order and with its error
//! codes, and the few header fields that the broker sets.

mod recompress;
#[cfg(test)]
mod tests;
mod walk;

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use bytes::Bytes;
use thiserror::Error;

use self::recompress::recompress;
use self::walk::{Walk, walk_records};
use super::checksum::crc32c;
use super::compression::OutputLimit;
use super::header::{
    Attributes, BATCH_HEADER_SIZE_BYTES, BatchHeader, CHECKSUM_FROM, Compression, HeaderError, MAGIC, MAGIC_AT,
    PREFIX_SIZE_BYTES, TimestampType,
};
use super::marker::EndMarker;
use super::reader::{RecordError, RecordReader};
use crate::error_code::ErrorCode;
use crate::time::WallClock;
use crate::types::{LeaderEpoch, Offset};

/// What a topic, and the request's version, allow.
#[derive(Clone, Debug)]
pub struct ProduceRules {
    /// Version of the Produce request.
    pub produce_version: i16,
    /// `max.message.bytes` of the topic.
    pub max_message_bytes: i32,
    /// `message.timestamp.type`.
    pub timestamp_type: TimestampType,
    /// `message.timestamp.before.max.ms`.
    pub timestamp_before_max_ms: i64,
    /// `message.timestamp.after.max.ms`.
    pub timestamp_after_max_ms: i64,
    /// Whether `cleanup.policy` has `compact`: each record needs a key.
    pub is_compacted: bool,
    /// Compressed records may be this large when decompressed.
    pub decompressed_max_bytes: usize,
    /// `compression.type`.
    pub stored_codec: StoredCodec,
}

/// How a topic stores its batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StoredCodec {
    /// As the producer sent them.
    #[default]
    AsSent,
    /// Always with one codec. Batches that come with it stay as they are, however hard it worked.
    Always {
        /// Which.
        codec: Compression,
        /// How hard it works, as in [`compress`](super::compress).
        level: Option<i32>,
    },
}

impl Default for ProduceRules {
    /// Kafka's defaults and the newest version.
    fn default() -> Self {
        Self {
            produce_version: 13,
            max_message_bytes: 1_048_588,
            timestamp_type: TimestampType::CreateTime,
            timestamp_before_max_ms: i64::MAX,
            timestamp_after_max_ms: 3_600_000,
            is_compacted: false,
            decompressed_max_bytes: 128 << 20,
            stored_codec: StoredCodec::AsSent,
        }
    }
}

/// Why a batch is refused: what goes into the answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{error_code}: {message}")]
pub struct BatchError {
    /// Kafka's code.
    pub error_code: ErrorCode,
    /// What was wrong with the batch as a whole.
    pub message: String,
    /// The records to blame, where single records are; the first 1000 of them.
    pub record_errors: Vec<InvalidRecord>,
    is_known_early: bool,
}

/// A record to blame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidRecord {
    /// Its index in the batch.
    pub batch_index: i32,
    /// What is wrong with it.
    pub message: String,
}

/// An answer names at most this many records.
pub const RECORD_ERRORS_MAX: usize = 1_000;

impl BatchError {
    fn new(error_code: ErrorCode, message: impl Into<String>) -> Self {
        Self { error_code, message: message.into(), record_errors: Vec::new(), is_known_early: false }
    }

    /// Found before the partition is looked at.
    fn early(mut self) -> Self {
        self.is_known_early = true;
        self
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidRecord, message)
    }

    /// Whether Kafka's answer to this error says where the log starts, rather than -1.
    #[must_use]
    pub fn tells_log_start(&self) -> bool {
        !self.is_known_early && !matches!(self.error_code, ErrorCode::CorruptMessage | ErrorCode::MessageTooLarge)
    }
}

/// A batch that may be appended: everything but its offset and leader epoch is settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducedBatch {
    header: BatchHeader,
    records: Bytes,
}

impl ProducedBatch {
    /// A batch that this broker made itself: only its header is read.
    ///
    /// # Panics
    /// Where `batch` is not exactly one batch.
    #[must_use]
    pub fn of_our_own(batch: &Bytes) -> Self {
        let header = BatchHeader::parse(batch).expect("our own batches have a header");
        assert_eq!(header.size_bytes(), batch.len(), "our own batches come one at a time");
        Self { header, records: batch.slice(BATCH_HEADER_SIZE_BYTES..) }
    }

    /// Its header, as it will be stored but for offset and epoch.
    #[must_use]
    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// The end of a transaction, where it is a control batch that says one.
    #[must_use]
    pub fn marker(&self) -> Option<EndMarker> {
        EndMarker::parse(&self.header, &self.records)
    }

    /// Bytes in the log.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        BATCH_HEADER_SIZE_BYTES + self.records.len()
    }

    /// The batch as it goes into the log. The header is written anew; the records stay where they are.
    #[must_use]
    pub fn at(mut self, base_offset: Offset, epoch: LeaderEpoch) -> [Bytes; 2] {
        self.header.base_offset = base_offset;
        self.header.partition_leader_epoch = epoch;
        [Bytes::copy_from_slice(&self.header.to_bytes()), self.records]
    }
}

/// Checks the record set of one partition of a Produce request, from version 3 on: exactly one batch of format 2.
///
/// # Errors
/// What Kafka would answer.
pub fn validate_produced(records: &Bytes, rules: &ProduceRules, now: WallClock) -> Result<ProducedBatch, BatchError> {
    let batch = only_batch(records, rules.produce_version).map_err(BatchError::early)?;
    let header = check_header(&batch, rules)?;
    let codec = header.attributes.compression().map_err(unknown_codec)?;
    let body = batch.slice(BATCH_HEADER_SIZE_BYTES..);
    let limit = OutputLimit::of_bytes(rules.decompressed_max_bytes);
    let summary = walk_records(RecordReader::new(header, &body, limit)?, Walk::new(&header, rules, now))?;
    if codec != Compression::None && !summary.offsets_count_up {
        // Kafka means to number such records anew, and fails at it.
        return Err(BatchError::new(
            ErrorCode::UnknownServerError,
            "the offset deltas of compressed records don't count up",
        ));
    }
    let max_timestamp = match rules.timestamp_type {
        TimestampType::CreateTime => summary.max_timestamp,
        TimestampType::LogAppendTime => now.0,
    };
    let header = header.with_timestamps(rules.timestamp_type, max_timestamp);
    let produced = ProducedBatch { header, records: body };
    match rules.stored_codec {
        StoredCodec::Always { codec: stored, level } if stored != codec => {
            let produced = recompress(&produced, stored, level, limit)?;
            check_size(produced.size_bytes(), rules)?;
            Ok(produced)
        }
        _ => Ok(produced),
    }
}

/// The batch that is alone in `records`; an incomplete one after it is dropped, as Kafka does.
fn only_batch(records: &Bytes, produce_version: i16) -> Result<Bytes, BatchError> {
    let Some(size_bytes) = batch_size(records)? else {
        return Err(BatchError::invalid(format!(
            "a Produce v{produce_version} needs a record batch, this one has none"
        )));
    };
    let magic = records[MAGIC_AT] as i8;
    if magic != MAGIC {
        return Err(BatchError::invalid(format!("message format 2 expected, found {magic}")));
    }
    let batch = records.slice(..size_bytes);
    let attributes =
        batch.get(CHECKSUM_FROM..CHECKSUM_FROM + 2).map_or(0, |bytes| i16::from_be_bytes([bytes[0], bytes[1]]));
    if produce_version < 7 && Attributes(attributes).compression() == Ok(Compression::Zstd) {
        return Err(BatchError::new(
            ErrorCode::UnsupportedCompressionType,
            format!("zstd needs Produce v7 or later, this is v{produce_version}"),
        ));
    }
    if batch_size(&records[size_bytes..])?.is_some() {
        return Err(BatchError::invalid("one record batch per partition expected, found more"));
    }
    Ok(batch)
}

/// The size of the whole batch at the front of `bytes`, of any format; `None` where it is cut off or nothing is there.
fn batch_size(bytes: &[u8]) -> Result<Option<usize>, BatchError> {
    /// What the oldest format needs after its length field.
    const LENGTH_MIN: i32 = 14;
    let corrupt = |message: String| Err(BatchError::new(ErrorCode::CorruptMessage, message));
    let Some(prefix) = bytes.first_chunk::<PREFIX_SIZE_BYTES>() else { return Ok(None) };
    let length = i32::from_be_bytes([prefix[8], prefix[9], prefix[10], prefix[11]]);
    if length < LENGTH_MIN {
        return corrupt(format!("a batch has at least {LENGTH_MIN} bytes after its length, this one says {length}"));
    }
    let Some(magic) = bytes.get(MAGIC_AT) else { return Ok(None) };
    if !(0..=MAGIC).contains(&(*magic as i8)) {
        return corrupt(format!("message format 0, 1 or 2 expected, found {}", *magic as i8));
    }
    let size_bytes = PREFIX_SIZE_BYTES + length as usize;
    Ok((size_bytes <= bytes.len()).then_some(size_bytes))
}

fn check_header(batch: &Bytes, rules: &ProduceRules) -> Result<BatchHeader, BatchError> {
    let header = BatchHeader::parse(batch)
        .map_err(|error: HeaderError| BatchError::new(ErrorCode::CorruptMessage, error.to_string()))?;
    if header.base_offset != Offset(0) {
        return Err(BatchError::invalid(format!("base offset 0 expected, found {}", header.base_offset)));
    }
    check_size(batch.len(), rules)?;
    let computed = crc32c(&batch[CHECKSUM_FROM..]);
    if computed != header.crc {
        return Err(BatchError::new(
            ErrorCode::CorruptMessage,
            format!("the checksum says {:#010x}, the bytes give {computed:#010x}", header.crc),
        ));
    }
    let from_offsets = i64::from(header.last_offset_delta) + 1;
    if from_offsets <= 0 || header.record_count <= 0 || from_offsets != i64::from(header.record_count) {
        return Err(BatchError::invalid(format!(
            "the last offset delta {} does not fit the record count {}",
            header.last_offset_delta, header.record_count
        )));
    }
    if header.attributes.is_control() {
        return Err(BatchError::invalid("clients may not write control batches"));
    }
    if header.has_producer_id() && header.base_sequence < 0 {
        return Err(BatchError::invalid(format!(
            "producer {} sent the negative sequence number {}",
            header.producer_id, header.base_sequence
        )));
    }
    Ok(header)
}

fn check_size(size_bytes: usize, rules: &ProduceRules) -> Result<(), BatchError> {
    if i32::try_from(size_bytes).unwrap_or(i32::MAX) <= rules.max_message_bytes {
        return Ok(());
    }
    let message = format!("a batch of {size_bytes} bytes is above max.message.bytes={}", rules.max_message_bytes);
    Err(BatchError::new(ErrorCode::MessageTooLarge, message))
}

fn unknown_codec(number: i16) -> BatchError {
    BatchError::new(ErrorCode::UnknownServerError, format!("codec 0 to 4 expected, found {number}"))
}

impl From<RecordError> for BatchError {
    fn from(error: RecordError) -> Self {
        let error_code = match &error {
            RecordError::Decompress(error) => error.error_code(),
            _ => ErrorCode::InvalidRecord,
        };
        Self::new(error_code, error.to_string())
    }
}
