//! Opening a log: what is in the directory, which of it can be trusted, and where the log ends.
//!
//! After a clean stop only the end of the last segment is walked, from its last index entry. After any other, every
//! segment from the recovery point on is read and its checksums verified. A tail that was cut short is cut off; damage
//! with good batches behind it, or before the recovery point, takes the log offline and leaves every byte where it is.
//!
//! One command is in flight at a time; [`Step`] says which.

mod files;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString as _};

use self::files::Files;
use super::append::Active;
use super::atomic_file::AtomicFile;
use super::durability::{Mark, Marks};
use super::event::{LogEvent, LogState, OpenLog};
use super::file_read::{CHUNK_SIZE_BYTES, Content, FileRead};
use super::leader_epochs::LeaderEpochs;
use super::names::{LEADER_EPOCHS, LOG, OFFSET_INDEX, PARTITION_METADATA, SNAPSHOT, TIME_INDEX, file_name};
use super::offset_index::OffsetIndex;
use super::partition_metadata;
use super::prepare::INDEX_MAX_BYTES;
use super::producers::Producers;
use super::scan::{BatchFault, Check, ScanStep, SegmentScan};
use super::search::{Search, SearchStep};
use super::segment::{Indexer, Indexes, Segment};
use super::snapshot;
use super::tail::TailBatch;
use super::task::Task;
use super::time_index::TimeIndex;
use super::{IndexFault, PartitionLog};
use crate::boundary::{FileId, Level, OpenMode, Outcome, StorageCommand, StorageError};
use crate::outbox::Outbox;
use crate::records::{BATCH_HEADER_SIZE_BYTES, BatchHeader};
use crate::time::Now;
use crate::types::Offset;

/// Headers alone are walked in smaller steps: the bodies of large batches need not be read.
const HEADER_CHUNK_SIZE_BYTES: u32 = 64 << 10;
const SMALL_FILE_MAX_BYTES: u64 = 1 << 20;
const SNAPSHOT_MAX_BYTES: u64 = 64 << 20;

/// A log on its way to serve.
#[derive(Debug)]
pub(super) struct Loader {
    create: bool,
    was_clean: bool,
    recovery_point: Option<Offset>,
    log_start: Option<Offset>,
    files: Files,
    /// Directories whose entries changed and must be synced before the log's first sync counts.
    new_directories: u8,
    /// The producers are known as of this snapshot.
    snapshot: Option<Offset>,
    needs_epochs: bool,
    epochs_changed: bool,
    /// Segments that are still to be walked.
    plan: VecDeque<Offset>,
    /// The offset after the last good batch.
    next_offset: Offset,
    step: Step,
}

/// The command that is in flight, and what it is for.
#[derive(Debug)]
enum Step {
    List,
    MakeDir,
    Metadata(FileRead),
    Epochs(FileRead),
    Snapshot(Offset, FileRead),
    /// The last segment's indexes, after a clean stop.
    Offsets(FileRead),
    Times(FileRead, OffsetIndex),
    OpenSegment(Box<Walk>),
    /// The first header of a segment that is walked from the middle.
    FirstBatch(Box<Walk>),
    Walk(Box<Walk>),
    SyncSegment(Box<Walk>),
    Search {
        search: Search,
        /// What to do when nothing is found: the segment ends before the bad batch.
        walk: Box<Walk>,
        fault: BatchFault,
        /// Segments after it, which are searched too.
        later: VecDeque<Offset>,
        file: FileId,
    },
    OpenForSearch {
        walk: Box<Walk>,
        fault: BatchFault,
        later: VecDeque<Offset>,
        base: Offset,
        file: FileId,
    },
    Truncate(Box<Walk>),
    SyncDir,
    CreateSegment {
        base: Offset,
        file: FileId,
    },
    /// Waits for `partition.metadata`.
    Metadatum,
}

/// A segment that is being walked.
#[derive(Debug)]
struct Walk {
    base: Offset,
    file: FileId,
    size_bytes: u64,
    is_last: bool,
    check: Check,
    scan: SegmentScan,
    indexes: Indexes,
    indexer: Indexer,
    /// The index holds for what is before this position; there must be a batch right here.
    indexed_to: u64,
    /// Whether the indexes are as they are on disk.
    from_disk: bool,
}

impl PartitionLog {
    /// Begins to open a log: [`LogEvent::Opened`] or [`LogEvent::WentOffline`] follows.
    #[must_use]
    pub fn open(request: OpenLog, _now: Now, outbox: &mut Outbox) -> Self {
        let mut log = Self::loading(&request);
        log.loader = Some(Box::new(Loader {
            create: request.create,
            was_clean: request.was_clean,
            recovery_point: request.recovery_point,
            log_start: request.log_start,
            files: Files::default(),
            new_directories: 0,
            snapshot: None,
            needs_epochs: false,
            epochs_changed: false,
            plan: VecDeque::new(),
            next_offset: Offset(0),
            step: Step::List,
        }));
        let dir = log.dir.clone();
        log.issuer(outbox).issue(Task::Load, StorageCommand::List { dir });
        log
    }

    /// The command of the present step is done.
    pub(super) fn load_done(&mut self, now: Now, outcome: Outcome, outbox: &mut Outbox) {
        let Some(mut loader) = self.loader.take() else { return };
        let step = core::mem::replace(&mut loader.step, Step::List);
        match self.load_step(now, &mut loader, step, outcome, outbox) {
            Ok(Some(step)) => {
                loader.step = step;
                self.loader = Some(loader);
            }
            Ok(None) => self.finish_load(now, *loader, outbox),
            Err(reason) => self.go_offline(reason, outbox),
        }
    }

    /// The command of the present step failed.
    pub(super) fn load_failed(&mut self, error: &StorageError, outbox: &mut Outbox) {
        let Some(mut loader) = self.loader.take() else { return };
        if matches!(loader.step, Step::List) && *error == StorageError::NotFound {
            if !loader.create {
                outbox.report(Level::Warn, format!("{}: the directory is missing; the log begins anew", self.label()));
            }
            let dir = self.dir.clone();
            self.issuer(outbox).issue(Task::Load, StorageCommand::MakeDir { dir });
            loader.step = Step::MakeDir;
            self.loader = Some(loader);
            return;
        }
        let what = loader.step.name();
        self.go_offline(format!("{what} failed: {error}"), outbox);
    }

    fn load_step(
        &mut self,
        now: Now,
        loader: &mut Loader,
        step: Step,
        outcome: Outcome,
        outbox: &mut Outbox,
    ) -> Result<Option<Step>, String> {
        match step {
            Step::List => {
                let Outcome::Listing(entries) = outcome else { unreachable!("a listing was asked for") };
                loader.files = Files::of(&entries);
                self.remove_leftovers(loader, outbox);
                self.read_metadata(loader, outbox)
            }
            Step::MakeDir => {
                loader.new_directories = 1;
                self.read_metadata(loader, outbox)
            }
            Step::Metadata(mut read) => match read.done(outcome, &mut self.issuer(outbox)) {
                None => Ok(Some(Step::Metadata(read))),
                Some(content) => self.metadata_read(loader, content, outbox),
            },
            Step::Epochs(mut read) => match read.done(outcome, &mut self.issuer(outbox)) {
                None => Ok(Some(Step::Epochs(read))),
                Some(content) => self.epochs_read(now, loader, content, outbox),
            },
            Step::Snapshot(at, mut read) => match read.done(outcome, &mut self.issuer(outbox)) {
                None => Ok(Some(Step::Snapshot(at, read))),
                Some(content) => self.snapshot_read(now, loader, at, content, outbox),
            },
            Step::Offsets(mut read) => match read.done(outcome, &mut self.issuer(outbox)) {
                None => Ok(Some(Step::Offsets(read))),
                Some(content) => self.offsets_loaded(now, loader, content, outbox),
            },
            Step::Times(mut read, offsets) => match read.done(outcome, &mut self.issuer(outbox)) {
                None => Ok(Some(Step::Times(read, offsets))),
                Some(content) => self.times_loaded(now, loader, offsets, content, outbox),
            },
            Step::OpenSegment(walk) => self.segment_opened(now, loader, walk, outcome, outbox),
            Step::FirstBatch(mut walk) => {
                let Outcome::Data(data) = outcome else { unreachable!("bytes were asked for") };
                walk.indexer.first_timestamp = BatchHeader::parse(&data).ok().map(|header| header.max_timestamp);
                self.walk_on(now, loader, walk, outbox)
            }
            Step::Walk(mut walk) => {
                let Outcome::Data(data) = outcome else { unreachable!("bytes were asked for") };
                walk.scan.supply(data);
                self.walk_on(now, loader, walk, outbox)
            }
            Step::SyncSegment(walk) => self.segment_done(now, loader, walk, outbox),
            Step::Search { .. } | Step::OpenForSearch { .. } => self.search_step(now, loader, step, outcome, outbox),
            Step::Truncate(walk) => self.segment_walked(now, loader, walk, outbox),
            Step::CreateSegment { base, file } => {
                self.install_active(now, Segment::empty(base, file), Indexer::new());
                self.syncs.begin(base, file, 1 + loader.new_directories);
                Ok(self.await_metadata())
            }
            Step::SyncDir => Ok(self.await_metadata()),
            Step::Metadatum => Ok(None),
        }
    }

    fn remove_leftovers(&mut self, loader: &Loader, outbox: &mut Outbox) {
        for name in &loader.files.garbage {
            let path = self.dir.join(name);
            self.issuer(outbox).forget(StorageCommand::Remove { path });
        }
        for name in &loader.files.compaction {
            let text = format!("{}: {name} was left by an interrupted compaction; it is not used", self.label());
            outbox.report(Level::Warn, text);
        }
    }

    fn read_metadata(&mut self, loader: &mut Loader, outbox: &mut Outbox) -> Result<Option<Step>, String> {
        let (dir, task) = (self.dir.clone(), Task::WriteMetadata);
        if !loader.files.has_metadata {
            let content = partition_metadata::to_bytes(self.id.topic_id);
            let mut issuer = self.issuer(outbox);
            let writing = AtomicFile::write(&dir, PARTITION_METADATA, content, task, &mut issuer);
            self.metadata_file = Some(writing);
            return self.read_epochs(loader, outbox);
        }
        let path = dir.join(PARTITION_METADATA);
        let read = FileRead::begin(path, SMALL_FILE_MAX_BYTES, Task::Load, &mut self.issuer(outbox));
        Ok(Some(Step::Metadata(read)))
    }

    fn metadata_read(
        &mut self,
        loader: &mut Loader,
        content: Content,
        outbox: &mut Outbox,
    ) -> Result<Option<Step>, String> {
        let Content::Bytes(bytes) = content else { return Err("partition.metadata is too large".to_string()) };
        let found = partition_metadata::parse(&bytes).map_err(|fault| fault.to_string())?;
        let expected = self.id.topic_id;
        if found != expected {
            return Err(format!("the directory belongs to topic id {found}, this topic has {expected}"));
        }
        self.read_epochs(loader, outbox)
    }

    fn read_epochs(&mut self, loader: &mut Loader, outbox: &mut Outbox) -> Result<Option<Step>, String> {
        if loader.files.segments.is_empty() {
            return Ok(Some(self.create_first_segment(loader, outbox)));
        }
        if !loader.files.has_epochs {
            loader.needs_epochs = true;
            return self.read_snapshot(loader, outbox);
        }
        let path = self.dir.join(LEADER_EPOCHS);
        let read = FileRead::begin(path, SMALL_FILE_MAX_BYTES, Task::Load, &mut self.issuer(outbox));
        Ok(Some(Step::Epochs(read)))
    }

    fn create_first_segment(&mut self, loader: &mut Loader, outbox: &mut Outbox) -> Step {
        let base = loader.log_start.unwrap_or_default().max(Offset(0));
        loader.next_offset = base;
        let path = self.dir.join(&file_name(base, LOG));
        let mut issuer = self.issuer(outbox);
        let file = issuer.new_file_id();
        issuer.issue(Task::Load, StorageCommand::Open { file, path, mode: OpenMode::CreateEmpty });
        Step::CreateSegment { base, file }
    }

    fn epochs_read(
        &mut self,
        _now: Now,
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
    fn read_snapshot(&mut self, loader: &mut Loader, outbox: &mut Outbox) -> Result<Option<Step>, String> {
        let newest = if loader.was_clean { Offset(i64::MAX) } else { loader.first_unsynced() };
        let Some(at) = loader.files.snapshots.range(..=newest).next_back().copied() else {
            loader.snapshot = None;
            self.producers = Producers::default();
            return self.plan(loader, outbox);
        };
        let path = self.dir.join(&file_name(at, SNAPSHOT));
        let read = FileRead::begin(path, SNAPSHOT_MAX_BYTES, Task::Load, &mut self.issuer(outbox));
        Ok(Some(Step::Snapshot(at, read)))
    }

    fn snapshot_read(
        &mut self,
        now: Now,
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
                self.producers.expire(now.wall.0, self.config.producer_id_expiration_ms);
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

    fn drop_snapshot(&mut self, loader: &mut Loader, at: Offset, outbox: &mut Outbox) {
        loader.files.snapshots.remove(&at);
        let path = self.dir.join(&file_name(at, SNAPSHOT));
        self.issuer(outbox).forget(StorageCommand::Remove { path });
    }

    /// Decides which segments are walked.
    fn plan(&mut self, loader: &mut Loader, outbox: &mut Outbox) -> Result<Option<Step>, String> {
        let first = loader.first_to_walk();
        self.segments =
            loader.files.segments.iter().map(|(base, size)| (*base, Segment::closed(*base, *size))).collect();
        self.tail.clear();
        loader.plan = self.segments.range(first..).map(|(base, _)| *base).collect();
        loader.next_offset = first;
        let last = *loader.plan.back().expect("there is a segment");
        let trusts_indexes = loader.was_clean && !loader.needs_epochs && loader.files.has_indexes(last);
        if trusts_indexes && loader.plan.len() == 1 {
            let path = self.dir.join(&file_name(last, OFFSET_INDEX));
            let read = FileRead::begin(path, INDEX_MAX_BYTES, Task::Load, &mut self.issuer(outbox));
            return Ok(Some(Step::Offsets(read)));
        }
        Ok(Some(self.open_next(loader, None, outbox)))
    }

    fn offsets_loaded(
        &mut self,
        _now: Now,
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

    fn times_loaded(
        &mut self,
        _now: Now,
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

    fn report_bad_index(&mut self, base: Offset, suffix: &str, fault: &IndexFault, outbox: &mut Outbox) {
        let name = file_name(base, suffix);
        outbox.report(Level::Warn, format!("{}: {name} is made anew: {fault}", self.label()));
    }

    /// Opens the next segment of the plan.
    fn open_next(&mut self, loader: &mut Loader, indexes: Option<Indexes>, outbox: &mut Outbox) -> Step {
        let base = loader.plan.pop_front().expect("the plan ends with the last segment");
        loader.next_offset = loader.next_offset.max(base);
        let path = self.dir.join(&file_name(base, LOG));
        let mut issuer = self.issuer(outbox);
        let file = issuer.new_file_id();
        issuer.issue(Task::Load, StorageCommand::Open { file, path, mode: OpenMode::Existing });
        self.segments.get_mut(&base).expect("it is in the plan").file = Some(file);
        let check = loader.check_of(base, loader.plan.front().copied());
        let from_disk = indexes.is_some();
        let indexes = indexes.unwrap_or_else(|| Indexes::new(base));
        let indexed_to = indexes.offsets.last().map_or(0, |entry| entry.position);
        // All batches from the snapshot on must be seen.
        let sought = loader.snapshot.map_or(Offset(i64::MAX), |at| Offset(at.0 - 1));
        let position = indexes.offsets.at_or_before(sought).map_or(0, |entry| entry.position);
        let scan = SegmentScan::new(position, loader.next_offset, 0, check, HEADER_CHUNK_SIZE_BYTES);
        let is_last = loader.plan.is_empty();
        let indexer = Indexer::new();
        Step::OpenSegment(Box::new(Walk {
            base,
            file,
            size_bytes: 0,
            is_last,
            check,
            scan,
            indexes,
            indexer,
            indexed_to,
            from_disk,
        }))
    }

    fn segment_opened(
        &mut self,
        now: Now,
        loader: &mut Loader,
        mut walk: Box<Walk>,
        outcome: Outcome,
        outbox: &mut Outbox,
    ) -> Result<Option<Step>, String> {
        let Outcome::Opened { size_bytes } = outcome else { unreachable!("a file was opened") };
        let chunk = if walk.check == Check::Checksum { CHUNK_SIZE_BYTES } else { HEADER_CHUNK_SIZE_BYTES };
        let position = walk.scan.position();
        walk.size_bytes = size_bytes;
        walk.scan = SegmentScan::new(position, loader.next_offset, size_bytes, walk.check, chunk);
        if position > 0 {
            let command = StorageCommand::Read { file: walk.file, at: 0, size_bytes: BATCH_HEADER_SIZE_BYTES as u32 };
            self.issuer(outbox).issue(Task::Load, command);
            return Ok(Some(Step::FirstBatch(walk)));
        }
        self.walk_on(now, loader, walk, outbox)
    }

    fn walk_on(
        &mut self,
        now: Now,
        loader: &mut Loader,
        mut walk: Box<Walk>,
        outbox: &mut Outbox,
    ) -> Result<Option<Step>, String> {
        loop {
            match walk.scan.step() {
                ScanStep::Read { at, size_bytes } => {
                    let command = StorageCommand::Read { file: walk.file, at, size_bytes };
                    self.issuer(outbox).issue(Task::Load, command);
                    return Ok(Some(Step::Walk(walk)));
                }
                ScanStep::Batch { position, header } => {
                    if !self.take_batch(loader, &mut walk, position, &header) {
                        return self.restart_without_index(loader, &walk, outbox);
                    }
                }
                // Whatever is found on the way that an index showed, the index is to blame first.
                ScanStep::Bad { .. } | ScanStep::End if walk.indexed_to > 0 => {
                    return self.restart_without_index(loader, &walk, outbox);
                }
                ScanStep::Bad { position, fault } => return self.bad_batch(now, loader, walk, position, fault, outbox),
                ScanStep::End => return self.segment_walked(now, loader, walk, outbox),
            }
        }
    }

    /// Takes over what a batch says. `false` where it is not the batch that the index says.
    fn take_batch(&mut self, loader: &mut Loader, walk: &mut Walk, position: u64, header: &BatchHeader) -> bool {
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
        if loader.replays_producers(header.base_offset) {
            self.producers.replay(header);
        }
        true
    }

    fn restart_without_index(
        &mut self,
        loader: &mut Loader,
        walk: &Walk,
        outbox: &mut Outbox,
    ) -> Result<Option<Step>, String> {
        let text = format!("{}: the index of segment {} lies; it is made anew", self.label(), walk.base);
        outbox.report(Level::Warn, text);
        self.restart(loader, walk.file, loader.was_clean, outbox)
    }

    /// Begins again, walking every batch; after damage, as if the stop had not been clean.
    fn restart(
        &mut self,
        loader: &mut Loader,
        file: FileId,
        was_clean: bool,
        outbox: &mut Outbox,
    ) -> Result<Option<Step>, String> {
        self.issuer(outbox).close(file);
        loader.was_clean = was_clean;
        loader.files.distrust_indexes();
        self.read_snapshot(loader, outbox)
    }

    fn bad_batch(
        &mut self,
        now: Now,
        loader: &mut Loader,
        walk: Box<Walk>,
        position: u64,
        fault: BatchFault,
        outbox: &mut Outbox,
    ) -> Result<Option<Step>, String> {
        let place = format!("{} at byte {position}: {fault}", file_name(walk.base, LOG));
        if loader.was_clean {
            let text = format!("{}: {place}; the clean stop is not believed", self.label());
            outbox.report(Level::Warn, text);
            return self.restart(loader, walk.file, false, outbox);
        }
        if let BatchFault::OldFormat(_) = fault {
            return Err(place);
        }
        let next_offset = loader.next_offset;
        if loader.recovery_point.is_some_and(|recovery_point| next_offset < recovery_point) {
            return Err(format!(
                "{place}; everything before offset {} was synced",
                loader.recovery_point.unwrap_or_default()
            ));
        }
        let search = Search::new(position + 1, next_offset, walk.size_bytes, CHUNK_SIZE_BYTES);
        let (later, file) = (loader.plan.clone(), walk.file);
        self.search_on(now, loader, Step::Search { search, walk, fault, later, file }, outbox)
    }

    fn search_step(
        &mut self,
        now: Now,
        loader: &mut Loader,
        step: Step,
        outcome: Outcome,
        outbox: &mut Outbox,
    ) -> Result<Option<Step>, String> {
        let step = match (step, outcome) {
            (Step::Search { mut search, walk, fault, later, file }, Outcome::Data(data)) => {
                search.supply(data);
                Step::Search { search, walk, fault, later, file }
            }
            (Step::OpenForSearch { walk, fault, later, base, file }, Outcome::Opened { size_bytes }) => {
                let search = Search::new(0, loader.next_offset.max(base), size_bytes, CHUNK_SIZE_BYTES);
                Step::Search { search, walk, fault, later, file }
            }
            (step, outcome) => unreachable!("{outcome:?} in {step:?}"),
        };
        self.search_on(now, loader, step, outbox)
    }

    fn search_on(
        &mut self,
        _now: Now,
        loader: &mut Loader,
        step: Step,
        outbox: &mut Outbox,
    ) -> Result<Option<Step>, String> {
        let Step::Search { mut search, walk, fault, mut later, file } = step else {
            unreachable!("only searches go on searching")
        };
        match search.step() {
            SearchStep::Read { at, size_bytes } => {
                self.issuer(outbox).issue(Task::Load, StorageCommand::Read { file, at, size_bytes });
                return Ok(Some(Step::Search { search, walk, fault, later, file }));
            }
            SearchStep::Found { position } => {
                let (name, at) = (file_name(walk.base, LOG), walk.scan.position());
                let behind =
                    if file == walk.file { format!("at byte {position}") } else { "in a later segment".into() };
                return Err(format!("{name} at byte {at}: {fault}; but there are good batches behind it, {behind}"));
            }
            SearchStep::Nothing => {}
        }
        if file != walk.file {
            self.issuer(outbox).close(file);
        }
        let Some(base) = later.pop_front() else { return Ok(Some(self.cut(loader, walk, fault, outbox))) };
        let path = self.dir.join(&file_name(base, LOG));
        let mut issuer = self.issuer(outbox);
        let file = issuer.new_file_id();
        issuer.issue(Task::Load, StorageCommand::Open { file, path, mode: OpenMode::Existing });
        Ok(Some(Step::OpenForSearch { walk, fault, later, base, file }))
    }

    /// Nothing good is behind the bad batch: the log ends before it.
    fn cut(&mut self, loader: &mut Loader, mut walk: Box<Walk>, fault: BatchFault, outbox: &mut Outbox) -> Step {
        let end = walk.scan.position();
        let (name, lost) = (file_name(walk.base, LOG), walk.size_bytes - end);
        let text = format!(
            "{}: {name} at byte {end}: {fault}; a write was cut short there: {lost} bytes are cut off, the log ends at offset {}",
            self.label(),
            loader.next_offset
        );
        outbox.report(Level::Warn, text);
        for base in core::mem::take(&mut loader.plan) {
            for name in loader.files.of_segment(base) {
                let path = self.dir.join(&name);
                self.issuer(outbox).forget(StorageCommand::Remove { path });
            }
            self.segments.remove(&base);
            loader.files.segments.remove(&base);
        }
        walk.is_last = true;
        walk.size_bytes = end;
        self.issuer(outbox).issue(Task::Load, StorageCommand::Truncate { file: walk.file, size_bytes: end });
        Step::Truncate(walk)
    }

    /// A segment is walked to its end. What was not known to be synced is synced now: it will count as durable.
    fn segment_walked(
        &mut self,
        now: Now,
        loader: &mut Loader,
        walk: Box<Walk>,
        outbox: &mut Outbox,
    ) -> Result<Option<Step>, String> {
        if walk.check == Check::Checksum && walk.size_bytes > 0 {
            self.issuer(outbox).issue(Task::Load, StorageCommand::Sync { file: walk.file });
            return Ok(Some(Step::SyncSegment(walk)));
        }
        self.segment_done(now, loader, walk, outbox)
    }

    fn segment_done(
        &mut self,
        now: Now,
        loader: &mut Loader,
        walk: Box<Walk>,
        outbox: &mut Outbox,
    ) -> Result<Option<Step>, String> {
        let Walk { base, file, is_last, check, scan, mut indexes, indexer, from_disk, .. } = *walk;
        let segment = self.segments.get_mut(&base).expect("it is in the plan");
        segment.size_bytes = scan.position();
        if is_last {
            segment.on_disk = from_disk.then(|| loader.files.index_lengths(base));
            segment.largest = Some(indexer.largest);
            segment.indexes = Some(indexes);
            let segment = self.segments.remove(&base).expect("it was there above");
            self.install_active(now, segment, indexer);
            return self.check_end(now, loader, file, outbox);
        }
        segment.file = None;
        self.issuer(outbox).close(file);
        if check == Check::Checksum {
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

    /// The log's end is known. A snapshot beyond it belongs to another log.
    fn check_end(
        &mut self,
        now: Now,
        loader: &mut Loader,
        file: FileId,
        outbox: &mut Outbox,
    ) -> Result<Option<Step>, String> {
        let end = loader.next_offset;
        if loader.snapshot.is_some_and(|at| at > end) {
            let beyond: VecDeque<Offset> = loader.files.snapshots.range(end.next()..).copied().collect();
            for at in beyond {
                self.drop_snapshot(loader, at, outbox);
            }
            return self.restart(loader, file, loader.was_clean, outbox);
        }
        if let Some(recovery_point) = loader.recovery_point
            && recovery_point > end
        {
            let text = format!("{}: offset {recovery_point} was synced once, but the log ends at {end}", self.label());
            outbox.report(Level::Error, text);
        }
        if loader.was_clean {
            return Ok(self.await_metadata());
        }
        let dir = self.dir.clone();
        self.issuer(outbox).issue(Task::Load, StorageCommand::SyncDir { dir });
        Ok(Some(Step::SyncDir))
    }

    fn install_active(&mut self, now: Now, segment: Segment, indexer: Indexer) {
        self.active = Active { base: segment.base, indexer, created_ms: now.wall.0 };
        self.segments.insert(segment.base, segment);
    }

    /// `None` where nothing more is waited for.
    fn await_metadata(&self) -> Option<Step> {
        self.metadata_file.as_ref().map(|_| Step::Metadatum)
    }

    /// A command that writes `partition.metadata` succeeded.
    pub(super) fn metadata_written(&mut self, now: Now, outbox: &mut Outbox) {
        let Some(mut writing) = self.metadata_file.take() else { return };
        if !writing.done(&mut self.issuer(outbox)) {
            self.metadata_file = Some(writing);
        } else if self.loader.as_ref().is_some_and(|loader| matches!(loader.step, Step::Metadatum)) {
            self.load_done(now, Outcome::Nothing, outbox);
        }
    }

    fn finish_load(&mut self, now: Now, mut loader: Loader, outbox: &mut Outbox) {
        let active = &self.segments[&self.active.base];
        let end = Mark { offset: loader.next_offset, segment: active.base, position: active.size_bytes };
        self.log_end = end.offset;
        self.marks = Marks { written: end, durable: end, high_watermark: end };
        if !self.syncs.needs(active.base) {
            self.syncs.resume(active.base, active.file.expect("the active segment is open"), end);
        }
        let first = *self.segments.first_key_value().expect("there is an active segment").0;
        self.log_start = first.max(loader.log_start.unwrap_or(first));
        if self.log_start > self.log_end {
            let text =
                format!("{}: the log ends at {}, before its start {}", self.label(), self.log_end, self.log_start);
            outbox.report(Level::Warn, text);
            self.log_start = self.log_end;
        }
        self.next_expiry = now.monotonic;
        self.remove_useless(&mut loader, outbox);
        self.last_snapshot = loader.files.snapshots.last().copied().unwrap_or(self.log_start);
        if self.epochs.truncate_end(self.log_end.next()) || loader.epochs_changed {
            self.write_epochs(outbox);
        }
        self.state = LogState::Serving;
        self.events.push_back(LogEvent::Opened);
    }

    /// Snapshots that no recovery would choose, and indexes without a segment.
    fn remove_useless(&mut self, loader: &mut Loader, outbox: &mut Outbox) {
        let newest = loader.files.snapshots.range(..=self.log_end).next_back().copied();
        let useless: VecDeque<Offset> = loader
            .files
            .snapshots
            .iter()
            .copied()
            .filter(|at| Some(*at) != newest && !self.segments.contains_key(at))
            .collect();
        for at in useless {
            self.drop_snapshot(loader, at, outbox);
        }
        for name in loader.files.orphans() {
            let path = self.dir.join(&name);
            self.issuer(outbox).forget(StorageCommand::Remove { path });
        }
    }
}

impl Loader {
    /// The segment that holds the recovery point: from there on nothing is known to be synced.
    fn first_unsynced(&self) -> Offset {
        let recovery_point = self.recovery_point.unwrap_or(Offset(0));
        let holds = self.files.segments.range(..=recovery_point).next_back();
        *holds.or_else(|| self.files.segments.first_key_value()).expect("there is a segment").0
    }

    /// Where walking begins: all that must be verified, all that producers or epochs need.
    fn first_to_walk(&self) -> Offset {
        let oldest = *self.files.segments.first_key_value().expect("there is a segment").0;
        let last = *self.files.segments.last_key_value().expect("there is a segment").0;
        if self.needs_epochs {
            return oldest;
        }
        let from = if self.was_clean { last } else { self.first_unsynced() };
        match self.snapshot {
            Some(at) if at < from => self.files.segments.range(..=at).next_back().map_or(oldest, |(base, _)| *base),
            Some(_) => from,
            // A clean stop leaves a snapshot. Whoever left none had no producers to remember.
            None if self.was_clean => from,
            None => oldest,
        }
    }

    fn replays_producers(&self, base_offset: Offset) -> bool {
        match self.snapshot {
            Some(at) => base_offset >= at,
            None => !self.was_clean,
        }
    }

    fn check_of(&self, _base: Offset, next: Option<Offset>) -> Check {
        let is_synced = next.is_some_and(|next| self.recovery_point.is_some_and(|point| next <= point));
        if self.was_clean || is_synced { Check::HeaderOnly } else { Check::Checksum }
    }
}

impl Step {
    fn name(&self) -> &'static str {
        match self {
            Self::List => "listing the directory",
            Self::MakeDir => "creating the directory",
            Self::Metadata(_) | Self::Metadatum => "reading partition.metadata",
            Self::Epochs(_) => "reading leader-epoch-checkpoint",
            Self::Snapshot(..) => "reading a producer snapshot",
            Self::Offsets(_) | Self::Times(..) => "reading an index",
            Self::OpenSegment(_) | Self::OpenForSearch { .. } => "opening a segment",
            Self::FirstBatch(_) | Self::Walk(_) | Self::Search { .. } => "reading a segment",
            Self::SyncSegment(_) => "syncing a segment",
            Self::Truncate(_) => "truncating a segment",
            Self::SyncDir => "syncing the directory",
            Self::CreateSegment { .. } => "creating a segment",
        }
    }
}
