//! Opening a log: what is in the directory, which of it can be trusted, and where the log ends.
//!
//! After a clean stop only the end of the last segment is walked, from its last index entry. After any other, every
//! segment from the recovery point on is read and its checksums verified. A tail that was cut short is cut off; damage
//! with good batches behind it, or before the recovery point, takes the log offline and leaves every byte where it is.
//!
//! One command is in flight at a time, beside those that write again what was found; [`Step`] says which.

mod before_start;
mod beside;
mod damage;
mod files;
mod swap;
mod walk;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;

use self::files::Files;
use self::swap::Swap;
use super::PartitionLog;
use super::damage_text::Damage;
use super::durability::{Mark, Marks};
use super::event::{LogEvent, LogState, OpenLog};
use super::file_read::FileRead;
use super::names::{LOG, OFFSET_INDEX, TRANSACTION_INDEX, file_name};
use super::offset_index::OffsetIndex;
use super::prepare::INDEX_MAX_BYTES;
use super::scan::{BatchFault, Check, SegmentScan};
use super::search::Search;
use super::segment::{Indexer, Indexes, Segment};
use super::task::Task;
use super::transaction_index::TransactionIndex;
use crate::boundary::{FileId, Level, OpenMode, Outcome, StorageCommand, StorageError};
use crate::marks;
use crate::outbox::Outbox;
use crate::planted::{Bug, Bugs};
use crate::records::BatchHeader;
use crate::time::Now;
use crate::types::Offset;

/// Headers alone are walked in smaller steps: the bodies of large batches need not be read.
const HEADER_CHUNK_SIZE_BYTES: u32 = 64 << 10;

/// A log on its way to serve.
#[derive(Debug)]
pub(super) struct Loader {
    now: Now,
    create: bool,
    /// It says what there is to do, and waits to be told to do it.
    is_surveyed: bool,
    was_clean: bool,
    /// Even what is known to be synced is verified.
    verifies_all: bool,
    recovery_point: Option<Offset>,
    log_start: Option<Offset>,
    files: Files,
    /// Directories whose entries changed and must be synced before the log's first sync counts.
    new_directories: u8,
    /// The producers are known as of this snapshot.
    snapshot: Option<Offset>,
    needs_epochs: bool,
    epochs_changed: bool,
    /// The last segment's aborted transactions, as they were read after a clean stop.
    aborted: Option<TransactionIndex>,
    /// After a clean stop: they can't be read.
    remakes_aborted: bool,
    /// Segments that are still to be walked.
    plan: VecDeque<Offset>,
    /// The offset after the last good batch.
    next_offset: Offset,
    progress: Progress,
    step: Step,
}

/// How far a recovery is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that are walked or verified.
    pub done_bytes: u64,
    /// Bytes of all that is to be.
    pub all_bytes: u64,
}

/// The command that is in flight, and what it is for.
#[derive(Debug)]
enum Step {
    List,
    /// A segment that a compaction made is walked, and then put in its place by these commands.
    Swap(Box<Swap>),
    Replace(VecDeque<StorageCommand>),
    /// Waits for [`PartitionLog::load`]; nothing is in flight. The directory is there or not.
    Surveyed {
        exists: bool,
    },
    MakeDir,
    Metadata(FileRead),
    /// It is another topic's directory: waits for [`PartitionLog::set_aside`]; nothing is in flight.
    Foreign,
    Epochs(FileRead),
    Snapshot(Offset, FileRead),
    /// The last segment's indexes, after a clean stop.
    Aborted(FileRead),
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
        /// The segment that is searched at present.
        at: Offset,
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
    /// Waits until files that are to go are gone: others of their names may follow.
    Tidy(Next),
}

/// What comes when files that are to go are gone.
#[derive(Clone, Copy, Debug)]
enum Next {
    ReadMetadata,
    SyncDir,
    Serve,
}

/// A segment that is being walked.
#[derive(Debug)]
struct Walk {
    base: Offset,
    file: FileId,
    size_bytes: u64,
    is_last: bool,
    /// Whether some of it was not known to be synced.
    verifies: bool,
    check: Check,
    scan: SegmentScan,
    indexes: Indexes,
    indexer: Indexer,
    /// Aborted transactions, where they are made anew.
    aborted: Option<TransactionIndex>,
    /// The index holds for what is before this position; there must be a batch right here.
    indexed_to: u64,
    /// Whether the indexes are as they are on disk.
    from_disk: bool,
    /// Whether its end was cut off.
    is_cut: bool,
}

impl PartitionLog {
    /// Begins to open a log: [`LogEvent::Opened`] or [`LogEvent::WentOffline`] follows.
    #[must_use]
    pub fn open(request: OpenLog, now: Now, outbox: &mut Outbox) -> Self {
        Self::begin(request, false, false, now, outbox)
    }

    /// Opens a log to see whether all of it is good: every checksum is verified, whatever is known to be synced, and the
    /// stop before counts as unclean. [`LogEvent::Opened`] or [`LogEvent::WentOffline`] follows.
    #[must_use]
    pub fn verify(request: OpenLog, now: Now, outbox: &mut Outbox) -> Self {
        Self::begin(OpenLog { was_clean: false, ..request }, false, true, now, outbox)
    }

    /// Begins to open a log, but only looks at how much there is to do: [`LogEvent::Surveyed`] or [`LogEvent::WentOffline`]
    /// follows, and after the first of them it waits for [`PartitionLog::load`].
    #[must_use]
    pub fn survey(request: OpenLog, now: Now, outbox: &mut Outbox) -> Self {
        Self::begin(request, true, false, now, outbox)
    }

    /// Goes on with a log that was surveyed: [`LogEvent::Opened`] or [`LogEvent::WentOffline`] follows.
    pub fn load(&mut self, now: Now, outbox: &mut Outbox) {
        let Some(mut loader) = self.loader.take() else { return };
        loader.now = now;
        match loader.step {
            Step::Surveyed { exists: false } => self.make_directory(loader, outbox),
            Step::Surveyed { exists: true } => {
                let listed = self.listed(&mut loader, outbox);
                self.proceed(loader, listed, outbox);
            }
            _ => self.loader = Some(loader),
        }
    }

    /// How far the opening of this log is; nothing where it is not being opened.
    #[must_use]
    pub fn recovery_progress(&self) -> Progress {
        self.loader.as_ref().map(|loader| loader.progress()).unwrap_or_default()
    }

    fn begin(request: OpenLog, is_surveyed: bool, verifies_all: bool, now: Now, outbox: &mut Outbox) -> Self {
        let serial = outbox.new_log_id(request.id).serial;
        let mut log = Self::loading(&request, serial, outbox.bugs());
        log.loader = Some(Box::new(Loader {
            now,
            create: request.create,
            is_surveyed,
            was_clean: request.was_clean,
            verifies_all,
            recovery_point: request.recovery_point,
            log_start: request.log_start,
            files: Files::default(),
            new_directories: 0,
            snapshot: None,
            needs_epochs: false,
            epochs_changed: false,
            aborted: None,
            remakes_aborted: false,
            plan: VecDeque::new(),
            next_offset: Offset(0),
            progress: Progress::default(),
            step: Step::List,
        }));
        let dir = log.dir.clone();
        log.issuer(outbox).issue(Task::Load, StorageCommand::List { dir });
        log
    }

    /// The command of the present step is done.
    pub(super) fn load_done(&mut self, now: Now, outcome: Outcome, outbox: &mut Outbox) {
        let Some(mut loader) = self.loader.take() else { return };
        loader.now = now;
        let step = core::mem::replace(&mut loader.step, Step::List);
        if let Step::Tidy(Next::Serve) = step {
            return self.serve();
        }
        let next = self.load_step(&mut loader, step, outcome, outbox);
        self.proceed(loader, next, outbox);
    }

    fn proceed(&mut self, mut loader: Box<Loader>, next: Result<Option<Step>, String>, outbox: &mut Outbox) {
        match next {
            Ok(Some(step)) => {
                loader.step = step;
                self.loader = Some(loader);
            }
            Ok(None) => self.finish_load(loader, outbox),
            Err(reason) => self.go_offline(reason, outbox),
        }
    }

    /// The command of the present step failed.
    pub(super) fn load_failed(&mut self, error: &StorageError, outbox: &mut Outbox) {
        let Some(mut loader) = self.loader.take() else { return };
        if matches!(loader.step, Step::List) && *error == StorageError::NotFound {
            if !loader.is_surveyed {
                return self.make_directory(loader, outbox);
            }
            loader.step = Step::Surveyed { exists: false };
            self.loader = Some(loader);
            return self.events.push_back(LogEvent::Surveyed);
        }
        let what = loader.step.name();
        self.go_offline(self.failure_text(what, error), outbox);
    }

    fn make_directory(&mut self, mut loader: Box<Loader>, outbox: &mut Outbox) {
        if !loader.create {
            outbox.report(Level::Warn, format!("{}: the directory is missing; the log begins anew", self.label()));
        }
        let dir = self.dir.clone();
        self.issuer(outbox).issue(Task::Load, StorageCommand::MakeDir { dir });
        loader.step = Step::MakeDir;
        self.loader = Some(loader);
    }

    /// The directory's entries are known: what is of no use is removed, the rest read.
    fn listed(&mut self, loader: &mut Loader, outbox: &mut Outbox) -> Result<Option<Step>, String> {
        self.remove_leftovers(loader, outbox);
        self.when_tidy(loader, Next::ReadMetadata, outbox)
    }

    fn load_step(
        &mut self,
        loader: &mut Loader,
        step: Step,
        outcome: Outcome,
        outbox: &mut Outbox,
    ) -> Result<Option<Step>, String> {
        match step {
            Step::List => {
                let Outcome::Listing(entries) = outcome else { unreachable!("a listing was asked for") };
                loader.files = Files::of(&entries);
                loader.progress.all_bytes = loader.bytes_to_verify();
                if loader.is_surveyed {
                    self.events.push_back(LogEvent::Surveyed);
                    return Ok(Some(Step::Surveyed { exists: true }));
                }
                self.listed(loader, outbox)
            }
            Step::Surveyed { .. } | Step::Foreign => unreachable!("nothing is in flight while it waits"),
            Step::Tidy(next) => self.when_tidy(loader, next, outbox),
            Step::Swap(swap) => self.swap_step(loader, swap, outcome, outbox),
            Step::Replace(commands) => {
                loader.is_surveyed = false;
                Ok(Some(self.replace_next(commands, outbox)))
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
                Some(content) => self.epochs_read(loader, content, outbox),
            },
            Step::Snapshot(at, mut read) => match read.done(outcome, &mut self.issuer(outbox)) {
                None => Ok(Some(Step::Snapshot(at, read))),
                Some(content) => self.snapshot_read(loader, at, content, outbox),
            },
            Step::Aborted(mut read) => match read.done(outcome, &mut self.issuer(outbox)) {
                None => Ok(Some(Step::Aborted(read))),
                Some(content) => self.aborted_loaded(loader, content, outbox),
            },
            Step::Offsets(mut read) => match read.done(outcome, &mut self.issuer(outbox)) {
                None => Ok(Some(Step::Offsets(read))),
                Some(content) => self.offsets_loaded(loader, content, outbox),
            },
            Step::Times(mut read, offsets) => match read.done(outcome, &mut self.issuer(outbox)) {
                None => Ok(Some(Step::Times(read, offsets))),
                Some(content) => self.times_loaded(loader, offsets, content, outbox),
            },
            Step::OpenSegment(walk) => self.segment_opened(loader, walk, outcome, outbox),
            Step::FirstBatch(mut walk) => {
                let Outcome::Data(data) = outcome else { unreachable!("bytes were asked for") };
                walk.indexer.first_timestamp = BatchHeader::parse(&data).ok().map(|header| header.max_timestamp);
                self.walk_on(loader, walk, outbox)
            }
            Step::Walk(mut walk) => {
                let Outcome::Data(data) = outcome else { unreachable!("bytes were asked for") };
                walk.scan.supply(data);
                self.walk_on(loader, walk, outbox)
            }
            Step::SyncSegment(walk) => self.segment_done(loader, walk, outbox),
            Step::Search { .. } | Step::OpenForSearch { .. } => self.search_step(loader, step, outcome, outbox),
            Step::Truncate(walk) => self.segment_walked(loader, walk, outbox),
            Step::CreateSegment { base, file } => {
                self.install_active(loader, Segment::empty(base, file, loader.now.wall.0), Indexer::new());
                self.syncs.begin(base, file, 1 + loader.new_directories);
                Ok(self.await_metadata())
            }
            Step::SyncDir => Ok(self.await_metadata()),
            Step::Metadatum => Ok(None),
        }
    }

    fn remove_leftovers(&mut self, loader: &Loader, outbox: &mut Outbox) {
        for name in &loader.files.garbage {
            self.remove_file(name, outbox);
        }
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

    /// Decides which segments are walked.
    fn plan(&mut self, loader: &mut Loader, outbox: &mut Outbox) -> Result<Option<Step>, String> {
        let first = loader.first_to_walk();
        self.segments =
            loader.files.segments.iter().map(|(base, size)| (*base, self.found(loader, *base, *size))).collect();
        self.tail.clear();
        loader.plan = self.segments.range(first..).map(|(base, _)| *base).collect();
        loader.next_offset = first;
        let last = loader.last_segment();
        let must_read = loader.was_clean && !loader.remakes_aborted && loader.aborted.is_none();
        if must_read && loader.files.has_transaction_index(last) {
            let path = self.dir.join(&file_name(last, TRANSACTION_INDEX));
            let read = FileRead::begin(path, INDEX_MAX_BYTES, Task::Load, &mut self.issuer(outbox));
            return Ok(Some(Step::Aborted(read)));
        }
        self.begin_walking(loader, outbox)
    }

    fn begin_walking(&mut self, loader: &mut Loader, outbox: &mut Outbox) -> Result<Option<Step>, String> {
        let last = loader.last_segment();
        let trusts_indexes = loader.was_clean && !loader.needs_epochs && loader.files.has_indexes(last);
        if trusts_indexes && loader.plan.len() == 1 {
            let path = self.dir.join(&file_name(last, OFFSET_INDEX));
            let read = FileRead::begin(path, INDEX_MAX_BYTES, Task::Load, &mut self.issuer(outbox));
            return Ok(Some(Step::Offsets(read)));
        }
        Ok(Some(self.open_next(loader, None, outbox)))
    }

    /// The log's end is known. A snapshot beyond it belongs to another log.
    fn check_end(&mut self, loader: &mut Loader, file: FileId, outbox: &mut Outbox) -> Result<Option<Step>, String> {
        let end = loader.next_offset;
        if loader.snapshot.is_some_and(|at| at > end) {
            let beyond: VecDeque<Offset> = loader.files.snapshots.range(end.next()..).copied().collect();
            for at in beyond {
                self.drop_snapshot(loader, at, outbox);
            }
            return self.restart(loader, file, loader.was_clean, outbox);
        }
        let is_deleted = loader.log_start.is_some_and(|start| loader.recovery_point.is_none_or(|point| point <= start));
        if let Some(why) = loader.was_synced().filter(|_| !is_deleted) {
            let active = &self.segments[&self.active.base];
            let fault = format!("a batch with offset {end} expected, found the end of the log");
            let (segment, position) = (active.base, active.size_bytes);
            let damage = Damage { segment, position, next_offset: end, fault, why };
            if !self.config.truncates_damage {
                return Err(self.damaged(damage));
            }
            outbox.report(Level::Error, format!("{}: {}", self.label(), self.damage_text(&damage)));
        }
        if loader.log_start.is_some_and(|start| start > end) {
            return Ok(Some(self.begin_at_start(loader, file, outbox)));
        }
        if loader.was_clean {
            return Ok(self.await_metadata());
        }
        self.when_tidy(loader, Next::SyncDir, outbox)
    }

    fn when_tidy(&mut self, loader: &mut Loader, next: Next, outbox: &mut Outbox) -> Result<Option<Step>, String> {
        if self.is_removing() {
            return Ok(Some(Step::Tidy(next)));
        }
        match next {
            Next::ReadMetadata => match self.begin_swap(loader, outbox) {
                Some(step) => Ok(Some(step)),
                None => self.read_metadata(loader, outbox),
            },
            Next::SyncDir => {
                let dir = self.dir.clone();
                self.issuer(outbox).issue(Task::Load, StorageCommand::SyncDir { dir });
                Ok(Some(Step::SyncDir))
            }
            Next::Serve => Ok(None),
        }
    }

    /// A file is gone, or could not be removed and stays.
    pub(super) fn file_removed(&mut self, now: Now, outbox: &mut Outbox) {
        let waits = self.loader.as_ref().is_some_and(|loader| matches!(loader.step, Step::Tidy(_)));
        if waits && !self.is_removing() {
            self.load_done(now, Outcome::Nothing, outbox);
        }
    }

    fn is_removing(&self) -> bool {
        self.tasks.values().any(|task| *task == Task::RemoveFile)
    }

    fn remove_file(&mut self, name: &str, outbox: &mut Outbox) {
        let path = self.dir.join(name);
        self.issuer(outbox).issue(Task::RemoveFile, StorageCommand::Remove { path });
    }

    fn install_active(&mut self, loader: &Loader, segment: Segment, indexer: Indexer) {
        self.active = self.new_active(segment.base, indexer, loader.now);
        self.segments.insert(segment.base, segment);
    }

    /// `None` where nothing more is waited for.
    fn await_metadata(&self) -> Option<Step> {
        self.metadata_file.as_ref().map(|_| Step::Metadatum)
    }

    fn finish_load(&mut self, mut loader: Box<Loader>, outbox: &mut Outbox) {
        outbox.reach(if loader.was_clean { marks::Mark::LogOpenedClean } else { marks::Mark::LogOpenedUnclean });
        let active = &self.segments[&self.active.base];
        let end = Mark { offset: loader.next_offset, segment: active.base, position: active.size_bytes };
        self.log_end = end.offset;
        self.marks = Marks { written: end, durable: end, high_watermark: end };
        if self.bugs.has(Bug::HighWatermarkAheadOfLog) {
            self.marks.high_watermark.offset = end.offset.next();
        }
        if !self.syncs.needs(active.base) {
            self.syncs.resume(active.base, active.file.expect("the active segment is open"), end);
        }
        let first = *self.segments.first_key_value().expect("there is an active segment").0;
        self.log_start = first.max(loader.log_start.unwrap_or(first));
        self.size_bytes = self.segments.values().map(|segment| segment.size_bytes).sum();
        self.retention.changed();
        self.next_expiry = loader.now.monotonic;
        self.remove_useless(&mut loader, outbox);
        // One that may never have been synced is written again at the close.
        let newest = if loader.was_clean { loader.files.snapshots.last().copied() } else { None };
        self.last_snapshot = newest.unwrap_or(self.log_start);
        let keeps_epochs = self.bugs.has(Bug::EpochsNotTruncated);
        let is_cut = (!keeps_epochs && self.epochs.truncate_end(self.log_end.next()))
            | self.epochs.truncate_start(self.log_start);
        if is_cut || loader.epochs_changed {
            self.write_epochs(outbox);
        }
        if !self.is_removing() {
            return self.serve();
        }
        loader.step = Step::Tidy(Next::Serve);
        self.loader = Some(loader);
    }

    fn serve(&mut self) {
        self.state = LogState::Serving;
        self.compaction_changed();
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
            self.remove_file(&name, outbox);
        }
    }
}

impl Loader {
    /// The segment that ends at the recovery point or holds it: from there on something may not be synced. Where it ends
    /// there, that may have been written down before it was closed: its batches are synced then, but not its indexes.
    fn first_unsynced(&self) -> Offset {
        let holds = self.files.segments.range(..self.verified_from()).next_back();
        *holds.or_else(|| self.files.segments.first_key_value()).expect("there is a segment").0
    }

    /// Bytes of the segments that hold what is not known to be synced.
    fn bytes_to_verify(&self) -> u64 {
        if self.was_clean || self.files.segments.is_empty() {
            return 0;
        }
        self.files.segments.range(self.first_unsynced()..).map(|(_, size_bytes)| size_bytes).sum()
    }

    fn progress(&self) -> Progress {
        let walked = match &self.step {
            Step::Walk(walk) if walk.verifies => walk.scan.position(),
            _ => 0,
        };
        let Progress { done_bytes, all_bytes } = self.progress;
        Progress { done_bytes: (done_bytes + walked).min(all_bytes), all_bytes }
    }

    /// Where walking begins: all that must be verified, all that producers or epochs need.
    fn first_to_walk(&self) -> Offset {
        let oldest = *self.files.segments.first_key_value().expect("there is a segment").0;
        if self.needs_epochs {
            return oldest;
        }
        let from = if self.was_clean { self.last_segment() } else { self.first_unsynced() };
        match self.snapshot {
            Some(at) if at < from => self.files.segments.range(..=at).next_back().map_or(oldest, |(base, _)| *base),
            Some(_) => from,
            // A clean stop leaves a snapshot. Whoever left none had no producers to remember.
            None if self.was_clean && !self.remakes_aborted => from,
            None => oldest,
        }
    }

    /// Why there must be a batch with the next offset, if there must be one.
    fn was_synced(&self) -> Option<String> {
        let recovery_point = self.recovery_point.filter(|recovery_point| self.next_offset < *recovery_point)?;
        Some(format!("everything before offset {recovery_point} was synced"))
    }

    fn replays_producers(&self, base_offset: Offset) -> bool {
        match self.snapshot {
            Some(at) => base_offset >= at,
            None => !self.was_clean || self.remakes_aborted,
        }
    }

    /// Whether the aborted transactions of a segment are made anew as it is walked.
    fn remakes_aborted(&self, check: Check, is_last: bool) -> bool {
        check != Check::HeaderOnly || is_last && self.remakes_aborted
    }

    fn last_segment(&self) -> Offset {
        *self.files.segments.last_key_value().expect("there is a segment").0
    }

    fn check_of(&self, next: Option<Offset>, bugs: Bugs) -> Check {
        let from = self.verified_from();
        let is_good = next.is_some_and(|next| next < from);
        let trusts = self.was_clean || is_good || bugs.has(Bug::TailNotVerified);
        if trusts { Check::HeaderOnly } else { Check::ChecksumFrom(from) }
    }

    /// Batches that end before this offset are not verified.
    fn verified_from(&self) -> Offset {
        if self.verifies_all { Offset(0) } else { self.recovery_point.unwrap_or(Offset(0)) }
    }
}

impl Step {
    fn name(&self) -> &'static str {
        match self {
            Self::List | Self::Surveyed { .. } => "listing the directory",
            Self::Swap(_) | Self::Replace(_) => "finishing a compaction",
            Self::MakeDir => "creating the directory",
            Self::Metadata(_) | Self::Foreign | Self::Metadatum => "reading partition.metadata",
            Self::Epochs(_) => "reading leader-epoch-checkpoint",
            Self::Snapshot(..) => "reading a producer snapshot",
            Self::Aborted(_) | Self::Offsets(_) | Self::Times(..) => "reading an index",
            Self::OpenSegment(_) | Self::OpenForSearch { .. } => "opening a segment",
            Self::FirstBatch(_) | Self::Walk(_) | Self::Search { .. } => "reading a segment",
            Self::Tidy(_) => "removing files of no use",
            Self::SyncSegment(_) => "syncing a segment",
            Self::Truncate(_) => "truncating a segment",
            Self::SyncDir => "syncing the directory",
            Self::CreateSegment { .. } => "creating a segment",
        }
    }
}
