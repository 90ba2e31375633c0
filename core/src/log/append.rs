//! Appending: offsets and epochs are given out, the batch is on its way to the disk at once, and the segment is rolled
//! before it grows too large or too old.

use alloc::collections::VecDeque;

use super::PartitionLog;
use super::durability::Mark;
use super::event::{ActiveProducer, AppendError, Appended, EndTransaction, LogState};
use super::names::{LOG, file_name};
use super::offset_index;
use super::producers::LoggedBatch;
use super::segment::{Indexer, Segment};
use super::tail::TailBatch;
use super::task::Task;
use super::time_index::{self, NO_TIMESTAMP};
use super::transaction_index::AbortedTransaction;
use super::transactions::Place;
use crate::boundary::{FileId, OpId, OpenMode, StorageCommand};
use crate::marks;
use crate::outbox::Outbox;
use crate::planted::Bug;
use crate::records::{BatchHeader, EndMarker, ProducedBatch, TimestampType};
use crate::time::{Monotonic, Now};
use crate::types::{LeaderEpoch, Offset, PartitionId, ProducerEpoch, ProducerId};

/// The segment that is appended to.
#[derive(Debug)]
pub(super) struct Active {
    pub(super) base: Offset,
    pub(super) indexer: Indexer,
    /// When it was created or opened, for segments whose batches have no timestamps.
    pub(super) created_ms: i64,
    /// How much earlier than at `segment.ms` it is closed, so that not all segments are closed at once.
    pub(super) jitter_ms: i64,
}

/// Batches between the call to append and their commit.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    /// Writes whose results, or whose predecessors' results, have not come.
    pub(super) writes: VecDeque<Write>,
    /// Writes to a new segment that wait until the old one has all of its own.
    pub(super) held_back: VecDeque<(StorageCommand, Mark)>,
    /// None may be written for now ([`PartitionLog::hold`]).
    pub(super) is_held: bool,
    /// Batches above the high watermark.
    pub(super) uncommitted: VecDeque<LoggedBatch>,
}

/// A batch on its way to the disk.
#[derive(Debug)]
pub(super) struct Write {
    pub(super) op: OpId,
    pub(super) is_done: bool,
    /// What is written when it is done.
    pub(super) mark: Mark,
}

/// Where a batch goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub(super) file: FileId,
    pub(super) at: u64,
    /// What is written when it is.
    pub(super) mark: Mark,
}

/// How often silent producers are looked for.
const EXPIRY_INTERVAL_MS: i64 = 600_000;

/// Bits of a checksum that are zero where [`Bug::Canary`] shows.
const CANARY: u32 = 0x3ff;

impl PartitionLog {
    /// Appends a batch that was validated before. Its write is issued at once; any number of appends may be in flight.
    /// Acknowledge it when [`PartitionLog::high_watermark`] is above [`Appended::last_offset`], which holds for repeated
    /// batches as well.
    ///
    /// # Errors
    /// Where the log does not serve, or the producer's state forbids the batch.
    pub fn append(
        &mut self,
        now: Now,
        epoch: LeaderEpoch,
        batch: ProducedBatch,
        outbox: &mut Outbox,
    ) -> Result<Appended, AppendError> {
        self.check_room(batch.size_bytes())?;
        self.expire_producers(now);
        if let Some(repeated) = self.producers.check(batch.header())?
            && !self.bugs.has(Bug::DuplicateAppended)
            && !(self.bugs.has(Bug::Canary) && batch.header().crc & CANARY == 0)
        {
            outbox.reach(marks::Mark::BatchRecognised);
            return Ok(Appended {
                base_offset: repeated.base_offset(),
                last_offset: repeated.last_offset,
                append_time: repeated.timestamp,
                log_start_offset: self.log_start,
                is_duplicate: true,
            });
        }
        Ok(self.accept(now, epoch, batch, outbox))
    }

    /// Appends the marker that ends a producer's transaction, or that it had none. It is acknowledged as any batch is;
    /// [`PartitionLog::last_stable_offset`] moves with it.
    ///
    /// # Errors
    /// Where the log does not serve, or the coordinator or the producer's epoch is a former one.
    pub fn append_end(
        &mut self,
        now: Now,
        epoch: LeaderEpoch,
        end: &EndTransaction,
        outbox: &mut Outbox,
    ) -> Result<Appended, AppendError> {
        let EndTransaction { result, coordinator_epoch, .. } = *end;
        let marker = EndMarker { result, coordinator_epoch, timestamp: now.wall.0 };
        let batch = marker.to_batch(end.producer_id, end.producer_epoch, end.timestamp_type);
        self.check_room(batch.len())?;
        self.producers.check_end(end)?;
        Ok(self.accept(now, epoch, ProducedBatch::of_our_own(&batch), outbox))
    }

    /// Whether a producer has a transaction open in this epoch: its next batch belongs to it.
    #[must_use]
    pub fn has_open_transaction(&self, producer_id: ProducerId, epoch: ProducerEpoch) -> bool {
        self.producers.has_open_transaction(producer_id, epoch)
    }

    /// The producers that the log remembers, by id.
    pub fn active_producers(&self) -> impl Iterator<Item = ActiveProducer> {
        self.producers.all().map(|(id, producer)| ActiveProducer {
            id,
            epoch: producer.epoch,
            last_sequence: producer.batches.back().map_or(-1, |batch| batch.last_sequence),
            last_timestamp: producer.last_timestamp,
            coordinator_epoch: producer.coordinator_epoch,
            transaction_start: producer.transaction_start,
        })
    }

    fn check_room(&self, size_bytes: usize) -> Result<(), AppendError> {
        if self.state != LogState::Serving {
            return Err(AppendError::NotServing(self.state));
        }
        if size_bytes > self.config.segment_bytes as usize {
            return Err(AppendError::LargerThanSegment { size_bytes, segment_bytes: self.config.segment_bytes });
        }
        Ok(())
    }

    /// A batch that was checked.
    fn accept(&mut self, now: Now, epoch: LeaderEpoch, batch: ProducedBatch, outbox: &mut Outbox) -> Appended {
        self.make_room(now, self.log_end, epoch, batch.header(), outbox);
        self.write(now, epoch, batch, outbox)
    }

    /// Sees to it that there is a segment for the batch that comes next, at this offset, and that its epoch is known.
    pub(super) fn make_room(
        &mut self,
        now: Now,
        base_offset: Offset,
        epoch: LeaderEpoch,
        header: &BatchHeader,
        outbox: &mut Outbox,
    ) {
        if let Some(why) = self.must_roll(now, base_offset, header) {
            outbox.reach(why);
            // What is copied may go on far behind the end, and an index tells offsets by how far they are from its base.
            if base_offset.0 + i64::from(header.last_offset_delta) - self.log_end.0 > i64::from(i32::MAX) {
                self.log_end = base_offset;
            }
            self.roll(now, outbox);
        }
        if self.epochs.assign(epoch, base_offset) || self.epochs_file.is_behind {
            self.write_epochs(outbox);
        }
    }

    fn write(&mut self, now: Now, epoch: LeaderEpoch, batch: ProducedBatch, outbox: &mut Outbox) -> Appended {
        let base_offset = self.log_end;
        let header = BatchHeader { base_offset, partition_leader_epoch: epoch, ..*batch.header() };
        let marker = batch.marker();
        let data = batch.at(base_offset, epoch).into();
        let Placed { file, at, mark } = self.place(now, header, marker);
        self.in_flight.held_back.push_back((StorageCommand::Append { file, at, data }, mark));
        self.write_on(outbox);
        if self.bugs.has(Bug::AckBeforeWrite) {
            self.marks.written = mark;
            self.advance_high_watermark();
        }
        self.write_index_when_due(self.active.base, outbox);
        self.note_growth();

        let append_time = match header.attributes.timestamp_type() {
            TimestampType::CreateTime => NO_TIMESTAMP,
            TimestampType::LogAppendTime => header.max_timestamp,
        };
        Appended {
            base_offset,
            last_offset: header.last_offset(),
            append_time,
            log_start_offset: self.log_start,
            is_duplicate: false,
        }
    }

    /// Gives a batch its place at the end of the active segment, with all that is to be known of it.
    pub(super) fn place(&mut self, now: Now, header: BatchHeader, marker: Option<EndMarker>) -> Placed {
        let (base_offset, size_bytes) = (header.base_offset, header.size_bytes() as u64);
        let segment = self.segments.get_mut(&self.active.base).expect("the active segment is in memory");
        let position = segment.size_bytes;
        let file = segment.file.expect("the active segment is open");
        let indexes = segment.indexes.as_mut().expect("the active segment's indexes are loaded");
        self.active.indexer.add(&header, position, self.config.index_interval_bytes, indexes);
        segment.size_bytes += size_bytes;
        segment.modified_ms = now.wall.0;
        self.size_bytes += size_bytes;
        self.tail.push(TailBatch {
            base_offset,
            last_offset: header.last_offset(),
            segment: segment.base,
            position,
            size_bytes: size_bytes as u32,
        });
        self.log_end = header.next_offset();
        let mark = Mark { offset: self.log_end, segment: segment.base, position: segment.size_bytes };
        let place = Place { segment: mark.segment, position };
        let logged = LoggedBatch { header, marker, place };
        if let Some(aborted) = self.producers.append(&logged) {
            segment.aborted.push(aborted);
        }
        self.in_flight.uncommitted.push_back(logged);
        Placed { file, at: position, mark }
    }

    /// Issues the writes that may be: to one segment at a time. A batch in a new segment is not to be on the disk while one
    /// before it, in the old segment, is not, or may never be: that would look like damage.
    pub(super) fn write_on(&mut self, outbox: &mut Outbox) {
        if self.in_flight.is_held {
            return;
        }
        let is_first = |mark: &Mark, writes: &VecDeque<Write>| {
            writes.front().is_none_or(|first| first.mark.segment == mark.segment)
        };
        while let Some((_, mark)) = self.in_flight.held_back.front()
            && is_first(mark, &self.in_flight.writes)
            && let Some((command, mark)) = self.in_flight.held_back.pop_front()
        {
            let op = self.issuer(outbox).issue(Task::Write, command);
            self.in_flight.writes.push_back(Write { op, is_done: false, mark });
        }
    }

    /// Whether the active segment has no room for this batch: in bytes, time, index entries or offsets.
    fn must_roll(&self, now: Now, base_offset: Offset, header: &BatchHeader) -> Option<marks::Mark> {
        let segment = &self.segments[&self.active.base];
        let last_offset = base_offset.0 + i64::from(header.last_offset_delta);
        if last_offset - segment.base.0 > i64::from(i32::MAX) {
            return Some(marks::Mark::SegmentRolledByIndex);
        }
        if segment.size_bytes == 0 {
            return None;
        }
        let age_ms = match self.active.indexer.first_timestamp {
            Some(first) if first >= 0 => header.max_timestamp.saturating_sub(first),
            _ => now.wall.0.saturating_sub(self.active.created_ms),
        };
        let lengths = segment.indexes.as_ref().expect("the active segment's indexes are loaded").lengths();
        let index_bytes = self.config.segment_index_bytes as usize;
        if segment.size_bytes + header.size_bytes() as u64 > u64::from(self.config.segment_bytes) {
            return Some(marks::Mark::SegmentRolledBySize);
        }
        if age_ms > self.config.segment_ms.saturating_sub(self.active.jitter_ms) {
            return Some(marks::Mark::SegmentRolledByTime);
        }
        let is_out_of_room = lengths.offsets >= index_bytes / offset_index::ENTRY_SIZE_BYTES
            // The last slot is for the entry that closes the segment.
            || lengths.times + 1 >= index_bytes / time_index::ENTRY_SIZE_BYTES
            || segment.aborted.len() >= (index_bytes / AbortedTransaction::SIZE_BYTES).max(1);
        is_out_of_room.then_some(marks::Mark::SegmentRolledByIndex)
    }

    /// Closes the active segment and begins a new one at the log's end. Appends need not wait, though their writes do until
    /// the old segment has all of its own.
    pub(super) fn roll(&mut self, now: Now, outbox: &mut Outbox) {
        let old = self.active.base;
        let segment = self.segments.get_mut(&old).expect("the active segment is in memory");
        self.active.indexer.seal(segment.indexes.as_mut().expect("the active segment's indexes are loaded"));
        segment.first_timestamp = self.active.indexer.first_timestamp;
        let end = Mark { offset: self.log_end, segment: old, position: segment.size_bytes };
        self.syncs.seal(old, end, self.marks.durable);

        let base = self.log_end;
        let mut issuer = self.issuer(outbox);
        let file = issuer.new_file_id();
        let path = self.dir.join(&file_name(base, LOG));
        let command = StorageCommand::Open { file, path, mode: OpenMode::CreateEmpty };
        self.issuer(outbox).issue(Task::CreateSegment(base), command);
        self.segments.insert(base, Segment::empty(base, file, now.wall.0));
        self.active = self.new_active(base, Indexer::new(), now);
        self.syncs.begin(base, file, 1);

        self.unsynced_indexes.insert(old);
        self.write_index(old, outbox);
        self.write_snapshot(outbox);
        self.retire(old, outbox);
        self.compaction_changed();
    }

    /// A segment that will be appended to.
    pub(super) fn new_active(&self, base: Offset, indexer: Indexer, now: Now) -> Active {
        let jitter_max_ms = self.config.segment_jitter_ms.min(self.config.segment_ms);
        let jitter_ms =
            if jitter_max_ms > 0 { (scatter(self.id.partition, base) % jitter_max_ms as u64) as i64 } else { 0 };
        Active { base, indexer, created_ms: now.wall.0, jitter_ms }
    }

    fn expire_producers(&mut self, now: Now) {
        if now.monotonic >= self.next_expiry {
            self.next_expiry = now.monotonic.plus_ms(EXPIRY_INTERVAL_MS);
            self.producers.expire(now.wall.0, self.config.producer_id_expiration_ms);
        }
    }

    /// A write is done.
    pub(super) fn written(&mut self, now: Monotonic, op: OpId, outbox: &mut Outbox) {
        let writes = &mut self.in_flight.writes;
        let at = writes.binary_search_by_key(&op, |write| write.op).expect("each write is waited for");
        writes[at].is_done = true;
        let mut written = None;
        while writes.front().is_some_and(|write| write.is_done) {
            written = writes.pop_front().map(|write| write.mark);
        }
        if let Some(mark) = written {
            self.write_on(outbox);
            self.marks.written = mark;
            self.note_unsynced(now);
            self.advance(outbox);
        }
    }
}

/// A number that is different for each segment of each partition, and always the same for one: splitmix64's mixing of
/// its names.
fn scatter(id: PartitionId, base: Offset) -> u64 {
    let names = [(id.topic_id.0 >> 64) as u64, id.topic_id.0 as u64, id.index as u64, base.0 as u64];
    names.into_iter().fold(0, |state, name| {
        let mut mixed = (state ^ name).wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    })
}
