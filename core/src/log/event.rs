//! What goes between a log and the broker: the request to open one, answers to its calls, and events.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;
use thiserror::Error;

use super::config::LogConfig;
use super::transaction_index::AbortedTransaction;
use crate::boundary::{FileId, Path};
use crate::error_code::ErrorCode;
use crate::records::{BatchHeader, TimestampType, TransactionResult};
use crate::types::{LeaderEpoch, Offset, PartitionId, ProducerEpoch, ProducerId, TopicName};
use crate::wire::Uuid;

/// What it takes to open a log.
#[derive(Clone, Debug)]
pub struct OpenLog {
    /// Which partition.
    pub id: PartitionId,
    /// The topic's name, for messages.
    pub name: TopicName,
    /// The log directory as it was configured, for messages.
    pub log_dir: Arc<str>,
    /// The partition's directory, as in `0:orders-3`.
    pub dir: Path,
    /// The topic's settings.
    pub config: LogConfig,
    /// Whether the partition is new, so that a missing directory is no surprise.
    pub create: bool,
    /// Whether the log directory was left by a clean shutdown.
    pub was_clean: bool,
    /// From `recovery-point-offset-checkpoint`: everything before it was synced.
    pub recovery_point: Option<Offset>,
    /// From `log-start-offset-checkpoint`.
    pub log_start: Option<Offset>,
    /// From `cleaner-offset-checkpoint`: everything before it was compacted.
    pub compacted_to: Option<Offset>,
}

/// What a log is up to; each partition is in a state of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogState {
    /// It is being opened. Nothing can be asked of it yet.
    Loading,
    /// It takes appends and answers reads.
    Serving,
    /// It is writing out what a clean close needs, or removing its files.
    Closing,
    /// It holds no files any more: closed in good order, or removed.
    Closed,
    /// The disk failed it, or what is on disk can't be trusted. Nothing is written any more.
    Offline,
}

impl LogState {
    /// What a client is told that asks for this partition.
    #[must_use]
    pub fn error_code(self) -> ErrorCode {
        match self {
            Self::Serving => ErrorCode::None,
            Self::Loading | Self::Closing | Self::Closed => ErrorCode::NotLeaderOrFollower,
            Self::Offline => ErrorCode::KafkaStorageError,
        }
    }
}

/// What a log has to say. Poll after each call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogEvent {
    /// It is known how much there is to do to open it: [`super::PartitionLog::recovery_progress`].
    Surveyed,
    /// It serves from now on.
    Opened,
    /// Batches became visible, or were decided: answer the produces and fetches that waited for them.
    HighWatermarkMoved,
    /// The log's start is to move: write [`super::PartitionLog::log_start_to_write`] into `log-start-offset-checkpoint`.
    LogStartDue,
    /// The log starts later than it did: what waited for that is done, and what was found before may be gone.
    LogStartMoved,
    /// [`PartitionLog::compact`](super::PartitionLog::compact) is done, or could not be.
    CompactionEnded,
    /// A lookup or read is done. Each [`LookupId`] ends in exactly one of these. The file of an extent is pinned: it is to be
    /// unpinned when whoever asked has pinned it, or is gone.
    LookupDone {
        /// Which.
        lookup: LookupId,
        /// What was found.
        result: Result<Found, LookupError>,
    },
    /// It is [`LogState::Offline`]: answer all that waits for it with `KAFKA_STORAGE_ERROR`.
    WentOffline {
        /// Why, in one line.
        reason: String,
    },
    /// [`LogState::Closed`] after a close.
    Closed {
        /// For `recovery-point-offset-checkpoint`.
        recovery_point: Offset,
        /// Whether everything was written and synced. If not, the directory must not get its clean marker.
        was_clean: bool,
    },
    /// The directory is that of another topic, by its `partition.metadata`. Nothing of it was touched; it waits for
    /// [`super::PartitionLog::set_aside`] or [`super::PartitionLog::give_up`].
    Foreign {
        /// Whose it is.
        topic_id: Uuid,
    },
    /// In a remove: the directory's name is free for another log.
    NameFree,
    /// [`LogState::Closed`] after a remove: the directory is gone, or could not be removed, which was reported. After
    /// [`super::PartitionLog::set_aside`]: it has another name.
    Removed,
}

/// What an append did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Offset of the batch's first record.
    pub base_offset: Offset,
    /// Offset of its last record. The batch may be acknowledged when the high watermark is above this.
    pub last_offset: Offset,
    /// The time that the broker stamped on the batch; -1 where its timestamps are the producer's.
    pub append_time: i64,
    /// Where the log starts now.
    pub log_start_offset: Offset,
    /// The batch was appended before, at these offsets: nothing was written now.
    pub is_duplicate: bool,
}

/// The end of a producer's transaction, to be appended as a marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndTransaction {
    /// Whose transaction.
    pub producer_id: ProducerId,
    /// The producer's epoch from now on: that of its batches, or a newer one, which fences it.
    pub producer_epoch: ProducerEpoch,
    /// How it ended.
    pub result: TransactionResult,
    /// Epoch of the coordinator that says so: an older one is refused from now on.
    pub coordinator_epoch: i32,
    /// Whether the coordinator raises the producer's epoch with each transaction, as of transaction version 2 (KIP-890).
    /// A marker then ends only batches of an older epoch than its own.
    pub raises_epoch: bool,
    /// `message.timestamp.type` of the topic.
    pub timestamp_type: TimestampType,
}

/// A producer of a partition, with what is in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActiveProducer {
    /// Who.
    pub id: ProducerId,
    /// Its incarnation.
    pub epoch: ProducerEpoch,
    /// Of its last record; -1 where only a marker is known of it, or a coordinator wrote for it.
    pub last_sequence: i32,
    /// Of its last batch or marker, in ms since 1970; -1 where there is none.
    pub last_timestamp: i64,
    /// Of the coordinator that wrote its last marker; -1 where there is none.
    pub coordinator_epoch: i32,
    /// Where its open transaction began.
    pub transaction_start: Option<Offset>,
}

/// Why a batch is not appended.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AppendError {
    /// Not [`LogState::Serving`].
    #[error("the log is {0:?}, not serving")]
    NotServing(LogState),
    /// Larger than a segment may be.
    #[error("the batch has {size_bytes} bytes, segment.bytes allows {segment_bytes}")]
    LargerThanSegment {
        /// Of the batch.
        size_bytes: usize,
        /// The topic's setting.
        segment_bytes: u32,
    },
    /// A gap in the producer's sequence, or a beginning in the middle.
    #[error("producer {producer_id} sent sequence {found}, expected {expected}")]
    OutOfOrderSequence {
        /// Who.
        producer_id: ProducerId,
        /// What came.
        found: i32,
        /// What would have fitted.
        expected: i32,
    },
    /// An older incarnation of the producer.
    #[error("producer {producer_id} sent epoch {found}, {current} is known")]
    ProducerEpoch {
        /// Who.
        producer_id: ProducerId,
        /// What came.
        found: ProducerEpoch,
        /// What the log knows.
        current: ProducerEpoch,
    },
    /// A marker of a coordinator that was followed by another.
    #[error("a coordinator of epoch {found} ended a transaction of producer {producer_id}, {current} is known")]
    CoordinatorEpoch {
        /// Whose transaction.
        producer_id: ProducerId,
        /// What came.
        found: i32,
        /// What the log knows.
        current: i32,
    },
    /// A transaction more than may be open at once.
    #[error("{open} transactions are open, no more may begin")]
    TooManyTransactions {
        /// How many there are.
        open: usize,
    },
    /// A plain batch while the producer has a transaction open here.
    #[error("producer {producer_id} has a transaction open and sent a batch outside of it")]
    OutsideTransaction {
        /// Who.
        producer_id: ProducerId,
    },
}

impl AppendError {
    /// What the producer is told.
    #[must_use]
    pub fn error_code(&self) -> ErrorCode {
        match self {
            Self::NotServing(state) => state.error_code(),
            Self::LargerThanSegment { .. } => ErrorCode::RecordListTooLarge,
            Self::OutOfOrderSequence { .. } => ErrorCode::OutOfOrderSequenceNumber,
            Self::ProducerEpoch { .. } => ErrorCode::InvalidProducerEpoch,
            Self::CoordinatorEpoch { .. } => ErrorCode::TransactionCoordinatorFenced,
            Self::OutsideTransaction { .. } => ErrorCode::InvalidTxnState,
            // A client tries again after this one.
            Self::TooManyTransactions { .. } => ErrorCode::ConcurrentTransactions,
        }
    }

    /// Whether Kafka's answer to this error says where the log starts, rather than -1.
    #[must_use]
    pub fn tells_log_start(&self) -> bool {
        !matches!(self, Self::NotServing(_) | Self::LargerThanSegment { .. })
    }
}

/// A lookup under way, numbered by its log and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LookupId(pub u64);

/// Where the records of an offset are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Located {
    /// Here.
    Ready(Extent),
    /// At the end of what may be read: nothing there yet.
    AtEnd,
    /// The disk must be asked: [`LogEvent::LookupDone`] with [`Found::Extent`] or [`Found::AtEnd`] follows.
    Reading(LookupId),
}

/// A stretch of a segment that begins with the batch that holds the wanted offset, or the first one after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Base offset of the segment.
    pub segment: Offset,
    /// The segment's file. Pin it before an answer refers to it: [`super::PartitionLog::pin`].
    pub file: FileId,
    /// Where the batch begins.
    pub position: u64,
    /// Size of that batch.
    pub first_batch_size_bytes: u32,
    /// From `position` up to the segment's end, or to where reading ends: whole batches.
    pub available_bytes: u64,
}

/// An offset that is not in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("offset {offset} is not between {log_start} and {log_end}")]
pub struct OutOfRange {
    /// What was asked for.
    pub offset: Offset,
    /// The first offset that could be asked for.
    pub log_start: Offset,
    /// The last.
    pub log_end: Offset,
}

/// An answer that may need the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup<T> {
    /// Known at once.
    Ready(T),
    /// [`LogEvent::LookupDone`] follows.
    Reading(LookupId),
}

/// What a lookup found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Of [`super::PartitionLog::locate`] and [`super::PartitionLog::locate_stable`].
    Extent(Extent),
    /// Of the same: nothing there yet.
    AtEnd,
    /// Of the lookups by time; `None` where no record is that young.
    Timestamp(Option<TimestampAndOffset>),
    /// Of [`super::PartitionLog::aborted`].
    Aborted(Vec<AbortedTransaction>),
    /// Of [`super::PartitionLog::read`]: whole batches, none at the end.
    Batches(Bytes),
    /// Of [`super::PartitionLog::headers`].
    Headers(Vec<PlacedHeader>),
}

/// How many headers are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderLimit {
    /// Up to the batch that holds this offset.
    pub last: Offset,
    /// No more batches than have so many bytes together, but one at least.
    pub max_bytes: u64,
}

/// A batch's header, and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlacedHeader {
    /// Where the batch begins in its segment's file.
    pub position: u64,
    /// What it says.
    pub header: BatchHeader,
}

/// A record found by its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimestampAndOffset {
    /// The record's timestamp.
    pub timestamp: i64,
    /// Its offset.
    pub offset: Offset,
    /// The epoch it was appended in.
    pub leader_epoch: LeaderEpoch,
}

/// Why a lookup found nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LookupError {
    /// The log does not serve (any more).
    #[error("the log is {0:?}, not serving")]
    NotServing(LogState),
    /// The records were deleted meanwhile.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    /// What is on disk can't be read as batches; it was reported.
    #[error("the segment can't be read: {0}")]
    Corrupt(String),
}

impl LookupError {
    /// What the client is told.
    #[must_use]
    pub fn error_code(&self) -> ErrorCode {
        match self {
            Self::NotServing(state) => state.error_code(),
            Self::Corrupt(_) => ErrorCode::KafkaStorageError,
            Self::OutOfRange(_) => ErrorCode::OffsetOutOfRange,
        }
    }
}
