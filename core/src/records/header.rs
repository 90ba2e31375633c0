//! The 61 bytes in front of each batch of message format 2.

use thiserror::Error;

use super::checksum::{crc32c, crc32c_with_new_head};
use crate::types::{LeaderEpoch, Offset, ProducerEpoch, ProducerId};

/// Bytes before the first record.
pub const BATCH_HEADER_SIZE_BYTES: usize = 61;
/// Bytes up to and including the length field, which does not count them.
pub(crate) const PREFIX_SIZE_BYTES: usize = 12;
/// The checksum covers everything from here on.
pub(crate) const CHECKSUM_FROM: usize = 21;
/// Where the magic byte is, in this and all older formats.
pub(crate) const MAGIC_AT: usize = 16;
/// The only message format that is written, and the only one that is served.
pub(crate) const MAGIC: i8 = 2;

/// A batch's header. The fields are what the bytes say; only what [`BatchHeader::parse`] names is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// Offset of the first record.
    pub base_offset: Offset,
    /// Bytes after the length field.
    pub length: i32,
    /// Epoch of the leader that appended it.
    pub partition_leader_epoch: LeaderEpoch,
    /// CRC-32C of everything from the attributes on.
    pub crc: u32,
    /// Codec, timestamp type and flags.
    pub attributes: Attributes,
    /// Offset of the last record, relative to the first. Compaction may have removed that record.
    pub last_offset_delta: i32,
    /// What the records' timestamps are relative to; with a delete horizon, the horizon.
    pub base_timestamp: i64,
    /// The largest timestamp of the records, or the append time.
    pub max_timestamp: i64,
    /// Who produced it, or [`ProducerId::NONE`].
    pub producer_id: ProducerId,
    /// Incarnation of the producer.
    pub producer_epoch: ProducerEpoch,
    /// Sequence number of the first record.
    pub base_sequence: i32,
    /// Records inside.
    pub record_count: i32,
}

/// Why bytes are not a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// Fewer bytes than a header has.
    #[error("a batch header needs 61 bytes, there are {0}")]
    Short(usize),
    /// Message format 0 or 1, which Kafka wrote before 0.11. Clients may not send it any more, and we don't read it.
    #[error("message format 2 expected, found {0}, which is no longer supported")]
    OldFormat(i8),
    /// A message format that does not exist.
    #[error("message format 2 expected, found {0}")]
    Magic(i8),
    /// A length that not even the header fits in.
    #[error("a batch has at least 49 bytes after its length field, this one says {0}")]
    Length(i32),
}

impl BatchHeader {
    /// Reads a header off the front of `bytes`. The batch itself need not be there.
    ///
    /// # Errors
    /// Where there is no header of message format 2.
    #[inline]
    pub fn parse(bytes: &[u8]) -> Result<Self, HeaderError> {
        let Some(bytes) = bytes.first_chunk::<BATCH_HEADER_SIZE_BYTES>() else {
            // The oldest batches are shorter than a header of today.
            return Err(match bytes.get(MAGIC_AT) {
                Some(magic @ (0 | 1)) => HeaderError::OldFormat(*magic as i8),
                _ => HeaderError::Short(bytes.len()),
            });
        };
        let header = Self {
            base_offset: Offset(i64::from_be_bytes(field(bytes, 0))),
            length: i32::from_be_bytes(field(bytes, 8)),
            partition_leader_epoch: LeaderEpoch(i32::from_be_bytes(field(bytes, 12))),
            crc: u32::from_be_bytes(field(bytes, 17)),
            attributes: Attributes(i16::from_be_bytes(field(bytes, 21))),
            last_offset_delta: i32::from_be_bytes(field(bytes, 23)),
            base_timestamp: i64::from_be_bytes(field(bytes, 27)),
            max_timestamp: i64::from_be_bytes(field(bytes, 35)),
            producer_id: ProducerId(i64::from_be_bytes(field(bytes, 43))),
            producer_epoch: ProducerEpoch(i16::from_be_bytes(field(bytes, 51))),
            base_sequence: i32::from_be_bytes(field(bytes, 53)),
            record_count: i32::from_be_bytes(field(bytes, 57)),
        };
        match bytes[MAGIC_AT] as i8 {
            MAGIC => {}
            old @ (0 | 1) => return Err(HeaderError::OldFormat(old)),
            magic => return Err(HeaderError::Magic(magic)),
        }
        if header.length < (BATCH_HEADER_SIZE_BYTES - PREFIX_SIZE_BYTES) as i32 {
            return Err(HeaderError::Length(header.length));
        }
        Ok(header)
    }

    /// The header as bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; BATCH_HEADER_SIZE_BYTES] {
        let mut bytes = [0; BATCH_HEADER_SIZE_BYTES];
        bytes[0..8].copy_from_slice(&self.base_offset.0.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.length.to_be_bytes());
        bytes[12..16].copy_from_slice(&self.partition_leader_epoch.0.to_be_bytes());
        bytes[16] = MAGIC as u8;
        bytes[17..21].copy_from_slice(&self.crc.to_be_bytes());
        bytes[21..23].copy_from_slice(&self.attributes.0.to_be_bytes());
        bytes[23..27].copy_from_slice(&self.last_offset_delta.to_be_bytes());
        bytes[27..35].copy_from_slice(&self.base_timestamp.to_be_bytes());
        bytes[35..43].copy_from_slice(&self.max_timestamp.to_be_bytes());
        bytes[43..51].copy_from_slice(&self.producer_id.0.to_be_bytes());
        bytes[51..53].copy_from_slice(&self.producer_epoch.0.to_be_bytes());
        bytes[53..57].copy_from_slice(&self.base_sequence.to_be_bytes());
        bytes[57..61].copy_from_slice(&self.record_count.to_be_bytes());
        bytes
    }

    /// Bytes of the whole batch.
    #[inline]
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        PREFIX_SIZE_BYTES + usize::try_from(self.length).unwrap_or(0)
    }

    /// Offset of the last record.
    #[inline]
    #[must_use]
    pub fn last_offset(&self) -> Offset {
        Offset(self.base_offset.0.saturating_add(i64::from(self.last_offset_delta)))
    }

    /// The offset after this batch.
    #[inline]
    #[must_use]
    pub fn next_offset(&self) -> Offset {
        self.last_offset().next()
    }

    /// Whether an idempotent or transactional producer wrote it.
    #[inline]
    #[must_use]
    pub fn has_producer_id(&self) -> bool {
        self.producer_id > ProducerId::NONE
    }

    /// Sequence number of the last record; `-1` where there are no sequence numbers.
    #[must_use]
    pub fn last_sequence(&self) -> i32 {
        self.sequence_at(self.last_offset_delta)
    }

    /// Sequence number of the record with that offset delta; `-1` where there are no sequence numbers.
    #[must_use]
    pub fn sequence_at(&self, offset_delta: i32) -> i32 {
        if self.base_sequence < 0 { -1 } else { sequence_plus(self.base_sequence, offset_delta) }
    }

    /// From when on compaction may drop this batch's tombstones and markers, in milliseconds since the epoch.
    #[must_use]
    pub fn delete_horizon_ms(&self) -> Option<i64> {
        self.attributes.has_delete_horizon().then_some(self.base_timestamp)
    }

    /// The header of the same records with another timestamp type and maximum: how append time is stamped on a batch.
    /// The checksum is put right without reading the records.
    #[must_use]
    pub fn with_timestamps(self, timestamp_type: TimestampType, max_timestamp: i64) -> Self {
        if self.attributes.timestamp_type() == timestamp_type && self.max_timestamp == max_timestamp {
            return self;
        }
        let attributes = self.attributes.with_timestamp_type(timestamp_type);
        let mut changed = Self { attributes, max_timestamp, ..self };
        let head = |header: &Self| crc32c(&header.to_bytes()[CHECKSUM_FROM..]);
        let records_size_bytes = self.size_bytes().saturating_sub(BATCH_HEADER_SIZE_BYTES);
        changed.crc = crc32c_with_new_head(self.crc, head(&self), head(&changed), records_size_bytes);
        changed
    }
}

#[inline(always)]
fn field<const N: usize>(bytes: &[u8; BATCH_HEADER_SIZE_BYTES], at: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[at..at + N]);
    field
}

/// The sequence number `increment` after `sequence`: 0 follows `i32::MAX`.
pub(crate) fn sequence_plus(sequence: i32, increment: i32) -> i32 {
    sequence.wrapping_add(increment) & i32::MAX
}

/// The sequence number `decrement` before `sequence`.
pub(crate) fn sequence_minus(sequence: i32, decrement: i32) -> i32 {
    sequence.wrapping_sub(decrement) & i32::MAX
}

/// A batch's attribute bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes(pub i16);

impl Attributes {
    const TIMESTAMP_TYPE: i16 = 0x08;
    const TRANSACTIONAL: i16 = 0x10;
    const CONTROL: i16 = 0x20;
    const DELETE_HORIZON: i16 = 0x40;

    /// The codec of the records; the number where nobody knows it.
    ///
    /// # Errors
    /// For numbers that Kafka has not given out.
    pub fn compression(self) -> Result<Compression, i16> {
        match self.0 & 0x07 {
            0 => Ok(Compression::None),
            1 => Ok(Compression::Gzip),
            2 => Ok(Compression::Snappy),
            3 => Ok(Compression::Lz4),
            4 => Ok(Compression::Zstd),
            unknown => Err(unknown),
        }
    }

    /// Whose clock the timestamps are of.
    #[must_use]
    pub fn timestamp_type(self) -> TimestampType {
        if self.0 & Self::TIMESTAMP_TYPE == 0 { TimestampType::CreateTime } else { TimestampType::LogAppendTime }
    }

    /// Whether the records belong to a transaction.
    #[must_use]
    pub fn is_transactional(self) -> bool {
        self.0 & Self::TRANSACTIONAL != 0
    }

    /// Whether the records are for brokers rather than consumers.
    #[must_use]
    pub fn is_control(self) -> bool {
        self.0 & Self::CONTROL != 0
    }

    /// Whether the base timestamp is a delete horizon, set by compaction.
    #[must_use]
    pub fn has_delete_horizon(self) -> bool {
        self.0 & Self::DELETE_HORIZON != 0
    }

    /// These attributes with another codec.
    #[must_use]
    pub fn with_compression(self, compression: Compression) -> Self {
        Self(self.0 & !0x07 | compression as i16)
    }

    /// These attributes with another timestamp type. The unused bits are cleared, as Kafka does when it rewrites them.
    #[must_use]
    pub fn with_timestamp_type(self, timestamp_type: TimestampType) -> Self {
        let kept = self.0 & (0x07 | Self::TRANSACTIONAL | Self::CONTROL | Self::DELETE_HORIZON);
        match timestamp_type {
            TimestampType::CreateTime => Self(kept),
            TimestampType::LogAppendTime => Self(kept | Self::TIMESTAMP_TYPE),
        }
    }

    /// These attributes with or without a delete horizon.
    #[must_use]
    pub fn with_delete_horizon(self, has_delete_horizon: bool) -> Self {
        Self(if has_delete_horizon { self.0 | Self::DELETE_HORIZON } else { self.0 & !Self::DELETE_HORIZON })
    }

    /// These attributes as of a transactional batch.
    #[must_use]
    pub fn transactional(self) -> Self {
        Self(self.0 | Self::TRANSACTIONAL)
    }

    /// These attributes as of a control batch.
    #[must_use]
    pub fn control(self) -> Self {
        Self(self.0 | Self::CONTROL)
    }
}

/// A codec, by Kafka's number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Compression {
    #[default]
    None = 0,
    Gzip = 1,
    Snappy = 2,
    Lz4 = 3,
    Zstd = 4,
}

/// Whose clock a batch's timestamps are of; `message.timestamp.type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer's, record by record.
    #[default]
    CreateTime,
    /// The broker's, when it appended the batch.
    LogAppendTime,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> BatchHeader {
        BatchHeader {
            base_offset: Offset(7),
            length: 100,
            partition_leader_epoch: LeaderEpoch(3),
            crc: 0xdead_beef,
            attributes: Attributes(0x14),
            last_offset_delta: 4,
            base_timestamp: 1_000,
            max_timestamp: 2_000,
            producer_id: ProducerId(9),
            producer_epoch: ProducerEpoch(1),
            base_sequence: i32::MAX - 1,
            record_count: 5,
        }
    }

    #[test]
    fn a_header_survives_the_way_to_bytes_and_back() {
        let bytes = header().to_bytes();
        assert_eq!(BatchHeader::parse(&bytes), Ok(header()));
        assert_eq!(header().size_bytes(), 112);
        assert_eq!(header().next_offset(), Offset(12));
        assert_eq!(header().attributes.compression(), Ok(Compression::Zstd));
        assert!(header().attributes.is_transactional());
    }

    #[test]
    fn what_is_no_header_of_format_2_is_refused() {
        let mut bytes = header().to_bytes();
        assert_eq!(BatchHeader::parse(&bytes[..60]), Err(HeaderError::Short(60)));
        bytes[MAGIC_AT] = 1;
        assert_eq!(BatchHeader::parse(&bytes), Err(HeaderError::OldFormat(1)));
        assert_eq!(BatchHeader::parse(&bytes[..17]), Err(HeaderError::OldFormat(1)));
        bytes[MAGIC_AT] = 3;
        assert_eq!(BatchHeader::parse(&bytes), Err(HeaderError::Magic(3)));
        bytes[MAGIC_AT] = 2;
        bytes[8..12].copy_from_slice(&48i32.to_be_bytes());
        assert_eq!(BatchHeader::parse(&bytes), Err(HeaderError::Length(48)));
    }

    #[test]
    fn sequence_numbers_wrap_to_zero() {
        assert_eq!(header().last_sequence(), 2);
        assert_eq!(sequence_plus(i32::MAX, 1), 0);
        assert_eq!(sequence_minus(0, 1), i32::MAX);
        assert_eq!(sequence_minus(2, 4), i32::MAX - 1);
        assert_eq!(BatchHeader { base_sequence: -1, ..header() }.last_sequence(), -1);
    }
}
