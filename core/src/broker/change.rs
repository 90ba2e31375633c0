//! Changes of the metadata: one at a time, appended to the metadata log, applied when committed, answered when what they
//! made can be used.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::vec::Vec;

use bytes::Bytes;

use super::METADATA_PARTITION;
use super::answer::encode;
use super::{Broker, Phase, Work};
use crate::api::{Caller, Change};
use crate::boundary::{CloseReason, Frame, Level};
use crate::connection::Answer;
use crate::error_code::ErrorCode;
use crate::log::LogState;
use crate::metadata;
use crate::parking::{Waits, Wake};
use crate::records::ProducedBatch;
use crate::time::Now;
use crate::types::{Offset, PartitionId};
use crate::wire::{Message, MetadataRecord};

/// Metadata records on their way into the image.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Appended, not yet committed: end offset and batch.
    appended: VecDeque<(Offset, Bytes)>,
}

/// A request whose change is not done yet.
#[derive(Debug)]
pub(crate) struct ParkedChange {
    caller: Caller,
    answer: Frame,
    /// Where its records end in the metadata log.
    end: Offset,
    /// Partitions that it creates, but for those at the end that are open by now.
    creates: Vec<PartitionId>,
}

impl Broker {
    /// Makes a change and answers when it is done; one that comes while another is on its way is held and asked anew, since
    /// its answer may depend on the other.
    pub(crate) fn submit<M: Message>(&mut self, now: Now, caller: Caller, frame: &Bytes, change: Change<M>) {
        if change.records.is_empty() {
            return self.answer(caller, &change.response, Vec::new());
        }
        if self.is_changing() {
            return self.hold(caller.slot, frame.clone());
        }
        let creates = created_partitions(&change.records);
        let answer = encode(caller, &change.response);
        match self.append_metadata(now, &change.records) {
            Some(end) => {
                let parked = ParkedChange { caller, answer, end, creates };
                proceed(self, parked);
            }
            None => self.refuse_change(caller),
        }
    }

    /// Has a new block of producer ids recorded, unless a change is on its way: then the request is asked anew after it.
    ///
    /// # Errors
    /// Where there are no ids left, or where the metadata log takes no records.
    pub(crate) fn request_producer_ids(&mut self, now: Now) -> Result<(), ErrorCode> {
        if self.is_changing() {
            return Ok(());
        }
        let request = self.producer_ids.request(self.metadata.image(), self.node_id);
        let Some(record) = request.map_err(|_| ErrorCode::UnknownServerError)? else { return Ok(()) };
        if self.append_metadata(now, &[record]).is_none() {
            self.producer_ids.refused();
            return Err(ErrorCode::KafkaStorageError);
        }
        Ok(())
    }

    /// Begins to raise the version of the quorum's protocol. `None` where the metadata log is offline.
    pub(crate) fn upgrade_quorum(&mut self, now: Now, kraft_version: i16) -> Option<Offset> {
        let log = self.logs.get(&METADATA_PARTITION)?;
        let voter = (self.node_id, self.directory.id_of(self.directory.metadata_dir()));
        let batch = metadata::quorum_upgrade(kraft_version, voter, log.log_end(), self.metadata_epoch, now.wall);
        self.append_metadata_batch(now, batch)
    }

    /// The metadata log is offline: what was on its way will not be committed, and nothing may go on waiting for it.
    pub(super) fn give_up_changes(&mut self, now: Now) {
        self.changes.appended.clear();
        self.producer_ids.refused();
        if self.phase == Phase::Serving {
            self.release_held(now);
        }
    }

    /// Whether a metadata change is not committed yet.
    pub(crate) fn is_changing(&self) -> bool {
        !self.changes.appended.is_empty()
    }

    /// Where the changes that are not committed yet end in the metadata log.
    pub(super) fn change_end(&self) -> Option<Offset> {
        self.changes.appended.back().map(|(end, _)| *end)
    }

    /// Appends records to the metadata log as one batch. `None` where that log is offline.
    pub(super) fn append_metadata(&mut self, now: Now, records: &[MetadataRecord]) -> Option<Offset> {
        let log = self.logs.get(&METADATA_PARTITION)?;
        let features = &self.metadata.image().features;
        let batch = metadata::batch(records, features, log.log_end(), self.metadata_epoch, now.wall);
        self.append_metadata_batch(now, batch)
    }

    /// Appends a batch that is ready; what it says is applied when it is committed.
    pub(super) fn append_metadata_batch(&mut self, now: Now, batch: Bytes) -> Option<Offset> {
        let log = self.logs.get_mut(&METADATA_PARTITION)?;
        let produced = ProducedBatch::of_our_own(&batch);
        let appended = log.append(now, self.metadata_epoch, produced, &mut self.outbox).ok()?;
        self.touch(METADATA_PARTITION);
        let end = appended.last_offset.next();
        self.changes.appended.push_back((end, batch));
        Some(end)
    }

    /// Applies what the metadata log has committed, and lets requests that waited for it go on.
    pub(super) fn apply_committed(&mut self, now: Now, high_watermark: Offset) {
        if self.changes.appended.is_empty() {
            return;
        }
        while let Some((_, batch)) = self.changes.appended.pop_front_if(|(end, _)| *end <= high_watermark) {
            if let Err(error) = self.metadata.apply_batches(&batch) {
                self.outbox.report(Level::Error, format!("a metadata change was not applied: {error}"));
            }
            self.follow_metadata(now);
        }
        if !self.is_changing() {
            self.advance_moves(now);
        }
        if !self.is_changing() && self.phase == Phase::Serving {
            self.release_held(now);
        }
    }

    /// Serves the requests that were held, in their order; those that start another change hold the others again.
    pub(super) fn release_held(&mut self, now: Now) {
        self.held_bytes = 0;
        self.connections.resume(&mut self.outbox);
        for (slot, frame) in core::mem::take(&mut self.held) {
            crate::api::dispatch::dispatch(self, now, slot, frame);
        }
    }

    fn refuse_change(&mut self, caller: Caller) {
        self.outbox.report(Level::Error, "a metadata change was refused: the metadata log is offline");
        let reason = CloseReason::Protocol("the metadata log is offline".into());
        self.close(caller.slot.conn, reason);
    }
}

pub(super) fn wake(broker: &mut Broker, _now: Now, parked: ParkedChange, _waits: Waits, wake: Wake) {
    if wake == Wake::Lost(METADATA_PARTITION) {
        return broker.refuse_change(parked.caller);
    }
    proceed(broker, parked);
}

/// Answers when the records are committed and no partition that they made is still being opened. It waits for one after the
/// other: thousands may be made at once.
fn proceed(broker: &mut Broker, mut parked: ParkedChange) {
    let committed = broker.logs.get(&METADATA_PARTITION).is_some_and(|log| log.high_watermark() >= parked.end);
    let is_opening = |partition: &PartitionId| {
        broker.waiting_for_name.contains(partition)
            || broker.logs.get(partition).is_some_and(|log| log.state() == LogState::Loading)
    };
    while committed && parked.creates.pop_if(|partition| !is_opening(partition)).is_some() {}
    let waits = if committed {
        Waits { growth: parked.creates.last().copied().into_iter().collect(), ..Waits::default() }
    } else {
        Waits { commits: [(METADATA_PARTITION, parked.end)].into(), ..Waits::default() }
    };
    if committed && waits.growth.is_empty() {
        return broker.fill(parked.caller.slot, Answer { frame: Some(parked.answer), pins: Vec::new() });
    }
    broker.parking.park(Some(parked.caller.slot.conn), Work::Change(parked), waits);
}

fn created_partitions(records: &[MetadataRecord]) -> Vec<PartitionId> {
    let partitions = records.iter().filter_map(|record| match record {
        MetadataRecord::Partition(record) => {
            Some(PartitionId { topic_id: record.topic_id, index: record.partition_id })
        }
        _ => None,
    });
    partitions.collect()
}
