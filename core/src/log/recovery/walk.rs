//! Walking a segment: each batch's header is taken over into indexes, epochs, producers and the tail.

use alloc::boxed::Box;
use alloc::string::String;

use super::{HEADER_CHUNK_SIZE_BYTES, Loader, Step, Walk};
use crate::boundary::{OpenMode, Outcome, StorageCommand};
use crate::log::aborted::Aborted;
use crate::log::names::{LOG, TRANSACTION_INDEX, file_name};
use crate::log::producers::LoggedBatch;
use crate::log::scan::{BatchFault, Check, ScanStep, SegmentScan};
use crate::log::segment::{Indexer, Indexes};
use crate::log::tail::TailBatch;
use crate::log::task::Task;
use crate::log::transaction_index::TransactionIndex;
use crate::log::transactions::Place;
use crate::log::{IndexFault, PartitionLog};
use crate::outbox::Outbox;
use crate::planted::Bug;
use crate::records::{BATCH_HEADER_SIZE_BYTES, BatchHeader, EndMarker};
use crate::types::Offset;

impl PartitionLog {
    /// Opens the next segment of the plan.
    pub(super) fn open_next(&mut self, loader: &mut Loader, indexes: Option<Indexes>, outbox: &mut Outbox) -> Step {
        let base = loader.plan.pop_front().expect("the plan ends with the last segment");
        loader.next_offset = loader.next_offset.max(base);
        let path = self.dir.join(&file_name(base, LOG));
        let mut issuer = self.issuer(outbox);
        let file = issuer.new_file_id();
        issuer.issue(Task::Load, StorageCommand::Open { file, path, mode: OpenMode::Existing });
        self.segments.get_mut(&base).expect("it is in the plan").file = Some(file);
        let check = loader.check_of(loader.plan.front().copied(), self.bugs);
        let from_disk = indexes.is_some();
        let indexes = indexes.unwrap_or_else(|| Indexes::new(base));
        let indexed_to = indexes.offsets.last().map_or(0, |entry| entry.position);
        // All batches from the snapshot on must be seen.
        let sought = loader.snapshot.map_or(Offset(i64::MAX), |at| Offset(at.0 - 1));
        let position = indexes.offsets.at_or_before(sought).map_or(0, |entry| entry.position);
        let scan = SegmentScan::new(base, position, 0, check, HEADER_CHUNK_SIZE_BYTES);
        let is_last = loader.plan.is_empty();
        let indexer = Indexer::new();
        let aborted = loader.remakes_aborted(check, is_last).then(TransactionIndex::default);
        Step::OpenSegment(Box::new(Walk {
            base,
            file,
            size_bytes: 0,
            is_last,
            verifies: check != Check::HeaderOnly,
            check,
            scan,
            indexes,
            indexer,
            aborted,
            indexed_to,
            from_disk,
            is_cut: false,
        }))
    }

    pub(super) fn segment_opened(
        &mut self,
        loader: &mut Loader,
        mut walk: Box<Walk>,
        outcome: Outcome,
        outbox: &mut Outbox,
    ) -> Result<Option<Step>, String> {
        let Outcome::Opened { size_bytes } = outcome else { unreachable!("a file was opened") };
        let position = walk.scan.position();
        walk.size_bytes = size_bytes;
        walk.scan = SegmentScan::new(walk.base, position, size_bytes, walk.check, HEADER_CHUNK_SIZE_BYTES)
            .after(loader.next_offset)
            .keeping();
        if position > 0 {
            let command = StorageCommand::Read { file: walk.file, at: 0, size_bytes: BATCH_HEADER_SIZE_BYTES as u32 };
            self.issuer(outbox).issue(Task::Load, command);
            return Ok(Some(Step::FirstBatch(walk)));
        }
        self.walk_on(loader, walk, outbox)
    }

    pub(super) fn walk_on(
        &mut self,
        loader: &mut Loader,
        mut walk: Box<Walk>,
        outbox: &mut Outbox,
    ) -> Result<Option<Step>, String> {
        loop {
            match walk.scan.step() {
                ScanStep::Read { at, size_bytes } => {
                    self.write_again(&mut walk, outbox);
                    let command = StorageCommand::Read { file: walk.file, at, size_bytes };
                    self.issuer(outbox).issue(Task::Load, command);
                    return Ok(Some(Step::Walk(walk)));
                }
                ScanStep::Batch { position, header, marker } => {
                    if !self.take_batch(loader, &mut walk, position, &header, marker) {
                        return self.restart_without_index(loader, &walk, outbox);
                    }
                }
                // Whatever is found on the way that an index showed, the index is to blame first.
                ScanStep::Bad { .. } | ScanStep::End if walk.indexed_to > 0 => {
                    return self.restart_without_index(loader, &walk, outbox);
                }
                ScanStep::Bad { position, fault } => return self.bad_batch(loader, walk, position, fault, outbox),
                ScanStep::End => {
                    let Some(fault) = self.missing_end(loader, &walk) else {
                        return self.segment_walked(loader, walk, outbox);
                    };
                    let position = walk.scan.position();
                    return self.bad_batch(loader, walk, position, fault, outbox);
                }
            }
        }
    }

    /// Takes over what a batch says. `false` where it is not the batch that the index says.
    pub(super) fn take_batch(
        &mut self,
        loader: &mut Loader,
        walk: &mut Walk,
        position: u64,
        header: &BatchHeader,
        marker: Option<EndMarker>,
    ) -> bool {
        if position >= walk.indexed_to {
            if walk.indexed_to > 0 {
                let entry = walk.indexes.offsets.last().expect("it said where it ends");
                if position != entry.position || header.last_offset() != entry.last_offset {
                    return false;
                }
                walk.indexer = Indexer::resume(&walk.indexes, walk.indexer.first_timestamp);
                walk.indexed_to = 0;
            }
            let interval_bytes = self.config.index_interval_bytes;
            walk.indexer.add(header, position, interval_bytes, &mut walk.indexes);
        }
        self.tail.push(TailBatch {
            base_offset: header.base_offset,
            last_offset: header.last_offset(),
            segment: walk.base,
            position,
            size_bytes: u32::try_from(header.size_bytes()).unwrap_or(u32::MAX),
        });
        loader.next_offset = header.next_offset();
        let is_newer = self.epochs.latest().is_none_or(|latest| header.partition_leader_epoch > latest);
        if is_newer && self.epochs.assign(header.partition_leader_epoch, header.base_offset) {
            loader.epochs_changed = true;
        }
        if loader.replays_producers(header.base_offset) && !self.bugs.has(Bug::ProducersNotRebuilt) {
            let place = Place { segment: walk.base, position };
            let aborted = self.producers.replay(&LoggedBatch { header: *header, marker, place });
            if let (Some(index), Some(aborted)) = (&mut walk.aborted, aborted) {
                index.push(aborted);
            }
        }
        true
    }

    /// What was verified is written over itself, byte for byte. That it could be read does not say that it is on the
    /// medium: after a sync that failed, and nobody may have lived to see it fail, the system takes its pages for clean,
    /// and another sync would succeed without writing them.
    fn write_again(&mut self, walk: &mut Walk, outbox: &mut Outbox) {
        if let Some((at, data)) = walk.scan.take_verified().filter(|_| !self.bugs.has(Bug::TailNotRewritten)) {
            self.issuer(outbox).issue(Task::WriteAgain, StorageCommand::Append { file: walk.file, at, data });
        }
    }

    /// A segment is walked to its end. What was not known to be synced is written again and synced now: it will count as
    /// durable. So is a cut, even if nothing is left: else a power loss after a clean stop brings back what was cut off, and
    /// nobody verifies it then.
    pub(super) fn segment_walked(
        &mut self,
        loader: &mut Loader,
        mut walk: Box<Walk>,
        outbox: &mut Outbox,
    ) -> Result<Option<Step>, String> {
        if self.bugs.has(Bug::TailNotSynced) {
            return self.segment_done(loader, walk, outbox);
        }
        self.write_again(&mut walk, outbox);
        if walk.is_cut || walk.verifies && walk.size_bytes > 0 {
            self.issuer(outbox).issue(Task::Load, StorageCommand::Sync { file: walk.file });
            return Ok(Some(Step::SyncSegment(walk)));
        }
        self.segment_done(loader, walk, outbox)
    }

    pub(super) fn segment_done(
        &mut self,
        loader: &mut Loader,
        walk: Box<Walk>,
        outbox: &mut Outbox,
    ) -> Result<Option<Step>, String> {
        let Walk { base, file, is_last, verifies, scan, mut indexes, indexer, aborted, from_disk, .. } = *walk;
        let from_disk = from_disk && aborted.is_none();
        let segment = self.segments.get_mut(&base).expect("it is in the plan");
        segment.size_bytes = scan.position();
        if let Some(index) = aborted {
            segment.aborted = Aborted::remade(index, loader.files.has_transaction_index(base));
        } else if is_last && let Some(index) = loader.aborted.take() {
            if index.last().is_some_and(|last| last.last_offset >= loader.next_offset) {
                self.report_bad_index(base, TRANSACTION_INDEX, &IndexFault::BeyondLog(index.len() - 1), outbox);
                loader.remakes_aborted = true;
                return self.restart(loader, file, loader.was_clean, outbox);
            }
            segment.aborted = Aborted::read(index);
        }
        if is_last {
            let keeps_index = from_disk || self.bugs.has(Bug::StaleIndexAfterTruncation);
            segment.on_disk = keeps_index.then(|| loader.files.index_lengths(base));
            segment.largest = Some(indexer.largest);
            segment.indexes = Some(indexes);
            let segment = self.segments.remove(&base).expect("it was there above");
            self.install_active(loader, segment, indexer);
            return self.check_end(loader, file, outbox);
        }
        segment.file = None;
        self.issuer(outbox).close(file);
        if verifies {
            loader.progress.done_bytes += scan.position();
            indexer.seal(&mut indexes);
            let segment = self.segments.get_mut(&base).expect("it was there above");
            segment.largest = Some(indexer.largest);
            segment.indexes = Some(indexes);
            self.unsynced_indexes.insert(base);
            self.write_index(base, outbox);
            self.retire(base, outbox);
        }
        Ok(Some(self.open_next(loader, None, outbox)))
    }

    /// What a power loss leaves of a segment may end between two batches: the next segment's name tells where it ended. In a
    /// compacted log offsets may be without records, but not at its end, where consumers would wait for them.
    fn missing_end(&self, loader: &Loader, walk: &Walk) -> Option<BatchFault> {
        let next = *loader.plan.front()?;
        let is_at_end = || loader.files.segments.range(next..).all(|(_, size_bytes)| *size_bytes == 0);
        let may_be_left_out = self.config.is_compacted && (loader.was_synced().is_some() || !is_at_end());
        let is_missing = walk.verifies && loader.next_offset < next && !may_be_left_out;
        is_missing.then_some(BatchFault::Missing { from: loader.next_offset, next })
    }
}
