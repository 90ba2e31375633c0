//! What a log does for a move to another log directory: the log that is to come takes batches as they are, with their
//! offsets and epochs, and the log that is there holds its writes back at the end, so that nothing is acknowledged that the
//! other one does not have.
//!
//! What does not belong here: when a move goes on, and what it is about (the broker's `log_moves`).

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;

use super::PartitionLog;
use super::append::Placed;
use super::durability::Mark;
use super::event::LogState;
use crate::boundary::StorageCommand;
use crate::outbox::Outbox;
use crate::records::{Batch, BatchHeader, BatchReadError, EndMarker, batches_of};
use crate::time::Now;
use crate::types::Offset;

/// Batches that lie one after another in the piece that is copied and in a segment.
struct Run {
    placed: Option<Placed>,
    /// Where they begin in the piece.
    from: usize,
}

/// Batches that were taken, but are not on their way to the disk: each in its parts.
pub(crate) type HeldBatches = Vec<Vec<Bytes>>;

impl PartitionLog {
    /// Appends whole batches of another log of this partition. Between them, and before them, offsets may be missing.
    ///
    /// # Errors
    /// Why they can't follow what is here, or are no batches: those before the one that is meant were appended.
    pub(crate) fn append_copy(&mut self, now: Now, batches: &Bytes, outbox: &mut Outbox) -> Result<(), String> {
        let mut run = Run { placed: None, from: 0 };
        let (mut at, mut copied) = (0, Ok(()));
        for batch in batches_of(batches) {
            let (placed, end) = match self.place_whole(now, batch, outbox) {
                Ok(placed) => placed,
                Err(why) => {
                    copied = Err(why);
                    break;
                }
            };
            match &mut run.placed {
                Some(first) if first.file == placed.file => first.mark = placed.mark,
                _ => {
                    self.hold_back(&run, &batches.slice(run.from..at));
                    run = Run { placed: Some(placed), from: at };
                }
            }
            at = end;
        }
        self.hold_back(&run, &batches.slice(run.from..at));
        self.written_later(outbox);
        copied
    }

    /// Takes over what another log of this partition has held back. It was checked when that one took it.
    ///
    /// # Errors
    /// As [`PartitionLog::append_copy`].
    pub(crate) fn append_held(&mut self, now: Now, held: HeldBatches, outbox: &mut Outbox) -> Result<(), String> {
        for parts in held {
            let [head, records] = &parts[..] else { return Err("a batch is held in two parts".into()) };
            let header = BatchHeader::parse(head).map_err(|fault| format!("what was held is no batch: {fault}"))?;
            let Placed { file, at, mark } = self.place_copy(now, header, records, outbox)?;
            self.in_flight.held_back.push_back((StorageCommand::Append { file, at, data: parts }, mark));
        }
        self.written_later(outbox);
        Ok(())
    }

    /// What was given its place goes to the disk.
    fn written_later(&mut self, outbox: &mut Outbox) {
        self.write_on(outbox);
        self.write_index_when_due(self.active.base, outbox);
        self.note_growth();
    }

    /// One write for all batches of a run: a piece may have thousands.
    fn hold_back(&mut self, run: &Run, bytes: &Bytes) {
        if let Some(Placed { file, at, mark }) = run.placed {
            let data = vec![bytes.clone()];
            self.in_flight.held_back.push_back((StorageCommand::Append { file, at, data }, mark));
        }
    }

    /// Gives a batch that is all there and good its place. Where it ends in the piece.
    fn place_whole(
        &mut self,
        now: Now,
        batch: Result<Batch<'_>, BatchReadError>,
        outbox: &mut Outbox,
    ) -> Result<(Placed, usize), String> {
        let batch = batch.map_err(|error| format!("what is to be copied is not whole: {error}"))?;
        let header = *batch.header();
        batch.verify().map_err(|fault| format!("the batch at offset {}: {fault}", header.base_offset))?;
        let placed = self.place_copy(now, header, batch.body(), outbox)?;
        Ok((placed, batch.position() + batch.bytes().len()))
    }

    fn place_copy(
        &mut self,
        now: Now,
        header: BatchHeader,
        records: &[u8],
        outbox: &mut Outbox,
    ) -> Result<Placed, String> {
        if self.state != LogState::Serving {
            return Err(format!("the log is {:?}, not serving", self.state));
        }
        if header.base_offset < self.log_end || header.last_offset_delta < 0 {
            return Err(format!("a batch begins at offset {}, the log ends at {}", header.base_offset, self.log_end));
        }
        self.make_room(now, header.base_offset, header.partition_leader_epoch, &header, outbox);
        Ok(self.place(now, header, EndMarker::parse(&header, records)))
    }

    /// There is nothing between the log's end and `offset`, where another log of this partition goes on.
    pub(crate) fn skip_to(&mut self, now: Now, offset: Offset, outbox: &mut Outbox) {
        if self.state != LogState::Serving || offset <= self.log_end || !self.is_written() {
            return;
        }
        self.log_end = offset;
        self.roll(now, outbox);
        self.marks.written = Mark { offset, segment: self.active.base, position: 0 };
        self.advance(outbox);
    }

    /// Has all that is written synced, whatever the policy; [`PartitionLog::durable`] says when it is.
    pub(crate) fn sync_all(&mut self, outbox: &mut Outbox) {
        if self.state == LogState::Serving && self.marks.durable.offset < self.log_end {
            self.syncs.wanted = self.syncs.wanted.max(Some(self.log_end));
            self.sync(outbox);
        }
    }

    /// Whether no write is on its way.
    pub(crate) fn is_written(&self) -> bool {
        self.in_flight.writes.is_empty() && self.in_flight.held_back.is_empty()
    }

    /// From now on batches are taken, but not written and so never acknowledged.
    pub(crate) fn hold(&mut self, outbox: &mut Outbox) {
        self.in_flight.is_held = true;
        self.sync(outbox);
    }

    /// Ends a hold: what was held back is written.
    pub(crate) fn release(&mut self, outbox: &mut Outbox) {
        if core::mem::take(&mut self.in_flight.is_held) && self.state == LogState::Serving {
            self.write_on(outbox);
            self.sync(outbox);
        }
    }

    /// Where the batches begin that are held back; the log's end, where none is.
    pub(crate) fn held_from(&self) -> Offset {
        let before_held = self.in_flight.uncommitted.len().checked_sub(self.in_flight.held_back.len());
        let first = before_held.and_then(|at| self.in_flight.uncommitted.get(at));
        first.map_or(self.log_end, |batch| batch.header.base_offset)
    }

    /// Whether all that was on its way before a hold is written, and may be read.
    pub(crate) fn has_come_to_rest(&self) -> bool {
        self.in_flight.is_held && self.in_flight.writes.is_empty() && self.high_watermark() >= self.held_from()
    }

    /// Whether the log's start is where it will stay for now.
    pub(crate) fn is_start_settled(&self) -> bool {
        self.start_to_be() == self.log_start
    }

    /// Gives away what it has held back. Nothing may be appended to it any more.
    pub(crate) fn give_held(&mut self) -> HeldBatches {
        let held = core::mem::take(&mut self.in_flight.held_back);
        let data = held.into_iter().filter_map(|(command, _)| match command {
            StorageCommand::Append { data, .. } => Some(data),
            _ => None,
        });
        data.collect()
    }

    /// Has `successor`, which holds the same, finish the lookups under way. Whoever asked for them need not know.
    pub(crate) fn give_lookups(&mut self, successor: &mut Self, outbox: &mut Outbox) {
        successor.take_lookups(core::mem::take(&mut self.lookups));
        successor.take_aborted_lookups(core::mem::take(&mut self.aborted_lookups), outbox);
        successor.run_lookups(outbox);
    }

    /// Whether an answer refers to this file of the log's.
    #[must_use]
    pub fn has_pinned(&self, file: crate::boundary::FileId) -> bool {
        self.pins.contains_key(&file)
    }
}
