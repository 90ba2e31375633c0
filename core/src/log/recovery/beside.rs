//! What lies beside the batches: `partition.metadata`, the epoch checkpoint, the producers' snapshot, the last segment's
//! indexes. But for the first, what can't be used is made anew.

use alloc::format;
use alloc::string::{String, ToString as _};

use super::{Loader, Step};
use crate::boundary::{Level, Outcome};
use crate::log::atomic_file::AtomicFile;
use crate::log::event::LogEvent;
use crate::log::file_read::{Content, FileRead};
use crate::log::leader_epochs::LeaderEpochs;
use crate::log::names::{
    LEADER_EPOCHS, OFFSET_INDEX, PARTITION_METADATA, SNAPSHOT, TIME_INDEX, TRANSACTION_INDEX, file_name,
};
use crate::log::offset_index::OffsetIndex;
use crate::log::prepare::INDEX_MAX_BYTES;
use crate::log::producers::Producers;
use crate::log::segment::Indexes;
use crate::log::snapshot::SNAPSHOT_MAX_BYTES;
use crate::log::task::Task;
use crate::log::time_index::TimeIndex;
use crate::log::transaction_index::TransactionIndex;
use crate::log::{IndexFault, PartitionLog, partition_metadata, snapshot};
use crate::outbox::Outbox;
use crate::time::Now;
use crate::types::Offset;

const SMALL_FILE_MAX_BYTES: u64 = 1 << 20;

impl PartitionLog {
    pub(super) fn read_metadata(&mut self, loader: &mut Loader, outbox: &mut Outbox) -> Result<Option<Step>, String> {
        let (dir, task) = (self.dir.clone(), Task::WriteMetadata);
        if !loader.files.has_metadata {
            let content = partition_metadata::to_bytes(self.id.partition.topic_id);
            let mut issuer = self.issuer(outbox);
            let writing = AtomicFile::write(&dir, PARTITION_METADATA, content, task, &mut issuer);
            self.metadata_file = Some(writing);
            return self.read_epochs(loader, outbox);
        }
        let path = dir.join(PARTITION_METADATA);
        let read = FileRead::begin(path, SMALL_FILE_MAX_BYTES, Task::Load, &mut self.issuer(outbox));
        Ok(Some(Step::Metadata(read)))
    }

    pub(super) fn metadata_read(
        &mut self,
        loader: &mut Loader,
        content: Content,
        outbox: &mut Outbox,
    ) -> Result<Option<Step>, String> {
        let Content::Bytes(bytes) = content else { return Err("partition.metadata is too large".to_string()) };
        let found = partition_metadata::parse(&bytes).map_err(|fault| fault.to_string())?;
        if found != self.id.partition.topic_id {
            self.events.push_back(LogEvent::Foreign { topic_id: found });
            return Ok(Some(Step::Foreign));
        }
        self.read_epochs(loader, outbox)
    }

    pub(super) fn read_epochs(&mut self, loader: &mut Loader, outbox: &mut Outbox) -> Result<Option<Step>, String> {
        if loader.files.segments.is_empty() {
            return Ok(Some(self.create_first_segment(loader, outbox)));
        }
        self.remove_before_start(loader, outbox);
        if !loader.files.has_epochs {
            loader.needs_epochs = true;
            return self.read_snapshot(loader, outbox);
        }
        let path = self.dir.join(LEADER_EPOCHS);
        let read = FileRead::begin(path, SMALL_FILE_MAX_BYTES, Task::Load, &mut self.issuer(outbox));
        Ok(Some(Step::Epochs(read)))
    }

    pub(super) fn epochs_read(
        &mut self,
        loader: &mut Loader,
        content: Content,
        outbox: &mut Outbox,
    ) -> Result<Option<Step>, String> {
        let parsed = match &content {
            Content::Bytes(bytes) => LeaderEpochs::parse(bytes).map_err(|fault| fault.to_string()),
            Content::TooLarge => Err("it is too large".to_string()),
        };
        match parsed {
            Ok(epochs) => self.epochs = epochs,
            Err(fault) => {
                outbox.report(Level::Warn, format!("{}: {LEADER_EPOCHS} is made anew: {fault}", self.label()));
                loader.needs_epochs = true;
            }
        }
        self.read_snapshot(loader, outbox)
    }

    /// Producers begin with the newest snapshot that can be of use; without one, with the batches that are walked.
    pub(super) fn read_snapshot(&mut self, loader: &mut Loader, outbox: &mut Outbox) -> Result<Option<Step>, String> {
        let newest = match (loader.was_clean, loader.remakes_aborted) {
            (true, false) => Offset(i64::MAX),
            (true, true) => loader.last_segment(),
            (false, _) => loader.first_unsynced(),
        };
        let Some(at) = loader.files.snapshots.range(..=newest).next_back().copied() else {
            loader.snapshot = None;
            self.producers = Producers::default();
            return self.plan(loader, outbox);
        };
        let path = self.dir.join(&file_name(at, SNAPSHOT));
        let read = FileRead::begin(path, SNAPSHOT_MAX_BYTES, Task::Load, &mut self.issuer(outbox));
        Ok(Some(Step::Snapshot(at, read)))
    }

    pub(super) fn snapshot_read(
        &mut self,
        loader: &mut Loader,
        at: Offset,
        content: Content,
        outbox: &mut Outbox,
    ) -> Result<Option<Step>, String> {
        let parsed = match &content {
            Content::Bytes(bytes) => snapshot::parse(bytes).map_err(|fault| fault.to_string()),
            Content::TooLarge => Err("it is too large".to_string()),
        };
        match parsed {
            Ok(producers) => {
                self.producers = producers;
                self.producers.expire(loader.now.wall.0, self.config.producer_id_expiration_ms);
                loader.snapshot = Some(at);
                self.plan(loader, outbox)
            }
            Err(fault) => {
                let name = file_name(at, SNAPSHOT);
                outbox.report(Level::Warn, format!("{}: {name} can't be used: {fault}", self.label()));
                self.drop_snapshot(loader, at, outbox);
                self.read_snapshot(loader, outbox)
            }
        }
    }

    pub(super) fn drop_snapshot(&mut self, loader: &mut Loader, at: Offset, outbox: &mut Outbox) {
        loader.files.snapshots.remove(&at);
        self.remove_file(&file_name(at, SNAPSHOT), outbox);
    }

    pub(super) fn offsets_loaded(
        &mut self,
        loader: &mut Loader,
        content: Content,
        outbox: &mut Outbox,
    ) -> Result<Option<Step>, String> {
        let last = *loader.plan.back().expect("there is a segment");
        let parsed = match content {
            Content::Bytes(bytes) => OffsetIndex::parse(last, &bytes, loader.files.segments[&last]),
            Content::TooLarge => Err(IndexFault::TooLarge),
        };
        match parsed {
            Ok(offsets) => {
                let path = self.dir.join(&file_name(last, TIME_INDEX));
                let read = FileRead::begin(path, INDEX_MAX_BYTES, Task::Load, &mut self.issuer(outbox));
                Ok(Some(Step::Times(read, offsets)))
            }
            Err(fault) => {
                self.report_bad_index(last, OFFSET_INDEX, &fault, outbox);
                Ok(Some(self.open_next(loader, None, outbox)))
            }
        }
    }

    pub(super) fn times_loaded(
        &mut self,
        loader: &mut Loader,
        offsets: OffsetIndex,
        content: Content,
        outbox: &mut Outbox,
    ) -> Result<Option<Step>, String> {
        let last = *loader.plan.back().expect("there is a segment");
        let parsed = match content {
            Content::Bytes(bytes) => TimeIndex::parse(last, &bytes),
            Content::TooLarge => Err(IndexFault::TooLarge),
        };
        let indexes = match parsed {
            Ok(times) => Some(Indexes { offsets, times }),
            Err(fault) => {
                self.report_bad_index(last, TIME_INDEX, &fault, outbox);
                None
            }
        };
        Ok(Some(self.open_next(loader, indexes, outbox)))
    }

    /// The last segment's transaction index is read. It can't be made anew without the producers at the segment's begin.
    pub(super) fn aborted_loaded(
        &mut self,
        loader: &mut Loader,
        content: Content,
        outbox: &mut Outbox,
    ) -> Result<Option<Step>, String> {
        let last = loader.last_segment();
        let parsed = match content {
            Content::Bytes(bytes) => TransactionIndex::parse(last, &bytes),
            Content::TooLarge => Err(IndexFault::TooLarge),
        };
        match parsed {
            Ok(index) => {
                loader.aborted = Some(index);
                self.begin_walking(loader, outbox)
            }
            Err(fault) => {
                self.report_bad_index(last, TRANSACTION_INDEX, &fault, outbox);
                loader.remakes_aborted = true;
                self.read_snapshot(loader, outbox)
            }
        }
    }

    pub(super) fn report_bad_index(&mut self, base: Offset, suffix: &str, fault: &IndexFault, outbox: &mut Outbox) {
        let name = file_name(base, suffix);
        outbox.report(Level::Warn, format!("{}: {name} is made anew: {fault}", self.label()));
    }

    /// A command that writes `partition.metadata` succeeded.
    pub(in crate::log) fn metadata_written(&mut self, now: Now, outbox: &mut Outbox) {
        let Some(mut writing) = self.metadata_file.take() else { return };
        if !writing.done(&mut self.issuer(outbox)) {
            self.metadata_file = Some(writing);
        } else if self.loader.as_ref().is_some_and(|loader| matches!(loader.step, Step::Metadatum)) {
            self.load_done(now, Outcome::Nothing, outbox);
        }
    }
}
