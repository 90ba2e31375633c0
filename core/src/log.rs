//! The partition log: segments of record batches, their indexes, and what is known of leaders and producers.
//!
//! A [`PartitionLog`] is a state machine over storage commands: it issues them, is handed their results, and says what
//! came of it in [`LogEvent`]s. It has three marks. The *log end* is where the next batch goes; *durable* is what is
//! synced; the *high watermark* is what may be acknowledged and read. Written or synced is a policy
//! (`flush.messages`), which decides when the high watermark follows.
//!
//! What does not belong here: what is inside a batch (`records/`), which partitions exist (`metadata/`), and who waits
//! for what (the broker).

mod config;
mod event;

use alloc::collections::VecDeque;

use crate::boundary::{FileId, OpId, StorageResult};
use crate::outbox::Outbox;
use crate::records::ProducedBatch;
use crate::time::{Monotonic, Now};
use crate::types::{LeaderEpoch, Offset, PartitionId};
use crate::wire::Uuid;

pub use config::LogConfig;
pub use event::{
    AppendError, Appended, Extent, Found, Located, LogEvent, LogState, Lookup, LookupError, LookupId, OpenLog,
    OutOfRange, TimestampAndOffset,
};

/// The log of one partition.
#[derive(Debug)]
pub struct PartitionLog {
    id: PartitionId,
    config: LogConfig,
    state: LogState,
    events: VecDeque<LogEvent>,
}

impl PartitionLog {
    /// Begins to open a log: [`LogEvent::Opened`] or [`LogEvent::WentOffline`] follows.
    #[must_use]
    pub fn open(request: OpenLog, _now: Now, _outbox: &mut Outbox) -> Self {
        Self { id: request.id, config: request.config, state: LogState::Loading, events: VecDeque::new() }
    }

    /// Takes the result of a storage command that this log issued.
    pub fn stored(&mut self, _now: Now, _op: OpId, _result: StorageResult, _outbox: &mut Outbox) {}

    /// What happened; poll until there is nothing.
    pub fn poll_event(&mut self) -> Option<LogEvent> {
        self.events.pop_front()
    }

    /// What the log is up to.
    #[must_use]
    pub fn state(&self) -> LogState {
        self.state
    }

    /// Which partition it is.
    #[must_use]
    pub fn id(&self) -> PartitionId {
        self.id
    }

    /// Appends a batch that was validated before. Its write is issued at once; any number of appends may be in flight.
    /// Acknowledge it when [`PartitionLog::high_watermark`] is above [`Appended::last_offset`].
    ///
    /// # Errors
    /// Where the log does not serve, or the producer's state forbids the batch.
    pub fn append(
        &mut self,
        _now: Now,
        _epoch: LeaderEpoch,
        _batch: ProducedBatch,
        _outbox: &mut Outbox,
    ) -> Result<Appended, AppendError> {
        Err(AppendError::NotServing(self.state))
    }

    /// The first offset that may be read.
    #[must_use]
    pub fn log_start(&self) -> Offset {
        Offset(0)
    }

    /// The offset of the next batch.
    #[must_use]
    pub fn log_end(&self) -> Offset {
        Offset(0)
    }

    /// Everything before this offset is synced.
    #[must_use]
    pub fn durable(&self) -> Offset {
        Offset(0)
    }

    /// Everything before this offset may be acknowledged and read.
    #[must_use]
    pub fn high_watermark(&self) -> Offset {
        Offset(0)
    }

    /// What belongs into `recovery-point-offset-checkpoint`: recovery after an unclean stop begins here.
    #[must_use]
    pub fn recovery_point(&self) -> Offset {
        Offset(0)
    }

    /// Bytes of all segments.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        0
    }

    /// Where the records from `offset` on are.
    ///
    /// # Errors
    /// Where the offset is not in the log.
    pub fn locate(&mut self, _offset: Offset, _outbox: &mut Outbox) -> Result<Located, OutOfRange> {
        Ok(Located::AtEnd)
    }

    /// The first record whose timestamp is `timestamp_ms` or later.
    pub fn offset_for_timestamp(
        &mut self,
        _timestamp_ms: i64,
        _outbox: &mut Outbox,
    ) -> Lookup<Option<TimestampAndOffset>> {
        Lookup::Ready(None)
    }

    /// The first of the records with the largest timestamp.
    pub fn max_timestamp(&mut self, _outbox: &mut Outbox) -> Lookup<Option<TimestampAndOffset>> {
        Lookup::Ready(None)
    }

    /// Whole batches from the one that holds `from` on, `max_bytes` of them but at least one, up to the high watermark;
    /// fewer at a segment's end: ask again from the offset after the last. [`LogEvent::LookupDone`] with
    /// [`Found::Batches`] follows.
    pub fn read(&mut self, _from: Offset, _max_bytes: u32, _outbox: &mut Outbox) -> LookupId {
        LookupId(0)
    }

    /// The largest known epoch that is not above `epoch`, and where it ended.
    #[must_use]
    pub fn end_offset_for_epoch(&self, _epoch: LeaderEpoch) -> Option<(LeaderEpoch, Offset)> {
        None
    }

    /// The latest leader epoch that the log knows.
    #[must_use]
    pub fn latest_epoch(&self) -> Option<LeaderEpoch> {
        None
    }

    /// The epoch of the log's first record, where it is known.
    #[must_use]
    pub fn epoch_at_start(&self) -> Option<LeaderEpoch> {
        None
    }

    /// A new leader epoch begins at the log's end.
    pub fn begin_epoch(&mut self, _now: Now, _epoch: LeaderEpoch, _outbox: &mut Outbox) {}

    /// An answer refers to a segment's file: it stays open until it is unpinned as often.
    pub fn pin(&mut self, _file: FileId) {}

    /// An answer that referred to a file is sent, or will never be.
    pub fn unpin(&mut self, _file: FileId, _outbox: &mut Outbox) {}

    /// Takes over changed settings.
    pub fn configure(&mut self, config: LogConfig) {
        self.config = config;
    }

    /// Writes out all that a clean close needs; [`LogEvent::Closed`] follows.
    pub fn close(&mut self, _now: Now, _outbox: &mut Outbox) {}

    /// Renames the directory out of the way, with `unique` in its name, and removes it; [`LogEvent::Removed`] follows.
    pub fn remove(&mut self, _now: Now, _unique: Uuid, _outbox: &mut Outbox) {}

    /// When to call [`PartitionLog::tick`], if nothing happens before.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        None
    }

    /// Does what is due.
    pub fn tick(&mut self, _now: Now, _outbox: &mut Outbox) {}
}
