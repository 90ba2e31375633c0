//! The partition log: segments of record batches, their indexes, and what is known of leaders and producers.
//!
//! A [`PartitionLog`] is a state machine over storage commands: it issues them, is handed their results, and says what
//! came of it in [`LogEvent`]s. It has three marks. The *log end* is where the next batch goes; *durable* is what is
//! synced; the *high watermark* is what may be acknowledged and read. Written or synced is a policy
//! (`flush.messages`), which decides when the high watermark follows.
//!
//! - `recovery` opens a log, with `scan` and `search` to walk what is on disk;
//! - `append` writes, `durability` moves the marks, `index_files` writes what lies beside the batches;
//! - `lookup` finds, `prepare` opens closed segments for it;
//! - `retention` says what is too old or too much, `head` moves the log's start, `leaving` removes segments;
//! - `transactions` says what is decided, `aborted` what of that does not count;
//! - `head`, `retention` and `leaving` let old segments go, `compaction` writes them anew with less in them;
//! - `copy` is for a move to another log directory;
//! - `ending` closes and removes.
//!
//! What does not belong here: what is inside a batch (`records/`), which partitions exist (`metadata/`), and who waits
//! for what (the broker).

mod aborted;
mod append;
mod atomic_file;
mod compaction;
mod config;
mod copy;
mod damage_text;
mod due;
mod durability;
mod ending;
mod event;
mod file_read;
mod head;
mod index_files;
pub mod leader_epochs;
mod leaving;
mod lookup;
pub mod names;
pub mod offset_index;
pub mod partition_metadata;
mod prepare;
mod producers;
mod recovery;
mod retention;
pub mod scan;
pub mod search;
mod segment;
mod snapshot;
mod tail;
mod task;
#[cfg(test)]
mod tests;
pub mod time_index;
pub mod transaction_index;
mod transactions;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::sync::Arc;

use thiserror::Error;

use self::aborted::AbortedLookups;
use self::append::{Active, InFlight};
use self::atomic_file::AtomicFile;
use self::compaction::Compaction;
use self::durability::{Marks, Syncs};
use self::ending::Ending;
use self::head::{Head, SnapshotNames};
use self::index_files::Replaced;
use self::leader_epochs::LeaderEpochs;
use self::leaving::Leaving;
use self::lookup::Lookups;
use self::prepare::Preparing;
use self::producers::Producers;
use self::recovery::Loader;
use self::retention::Retention;
use self::segment::{Indexer, Segment};
use self::tail::Tail;
use self::task::{Issuer, Task};
use crate::boundary::{FileId, Level, OpId, Outcome, Path, StorageError, StorageResult};
use crate::outbox::{LogId, Outbox, Owner};
use crate::planted::{Bug, Bugs};
use crate::time::{Monotonic, Now};
use crate::types::{LeaderEpoch, Offset, TopicName};

pub use compaction::{CompactionSettings, Work, Worked};
pub use config::LogConfig;
pub use damage_text::Damage;
pub(crate) use damage_text::quoted;
pub use due::Due;
pub use event::{
    ActiveProducer, AppendError, Appended, EndTransaction, Extent, Found, HeaderLimit, Located, LogEvent, LogState,
    Lookup, LookupError, LookupId, OpenLog, OutOfRange, PlacedHeader, TimestampAndOffset,
};
pub use recovery::Progress;
pub use transaction_index::AbortedTransaction;

/// The log of one partition.
#[derive(Debug)]
pub struct PartitionLog {
    id: LogId,
    name: TopicName,
    /// As configured.
    log_dir: Arc<str>,
    dir: Path,
    config: LogConfig,
    state: LogState,
    events: VecDeque<LogEvent>,
    tasks: BTreeMap<OpId, Task>,
    /// Names in the directory were changed since the log was begun to be opened.
    has_new_names: bool,
    /// By base offset.
    segments: BTreeMap<Offset, Segment>,
    /// Of all segments together.
    size_bytes: u64,
    active: Active,
    log_start: Offset,
    head: Head,
    leaving: Leaving,
    retention: Retention,
    compaction: Compaction,
    log_end: Offset,
    marks: Marks,
    in_flight: InFlight,
    syncs: Syncs,
    /// Closed segments whose index files are not synced.
    unsynced_indexes: BTreeSet<Offset>,
    tail: Tail,
    producers: Producers,
    last_snapshot: Offset,
    snapshot_names: SnapshotNames,
    next_expiry: Monotonic,
    epochs: LeaderEpochs,
    epochs_file: Replaced,
    metadata_file: Option<AtomicFile>,
    lookups: Lookups,
    aborted_lookups: AbortedLookups,
    preparing: BTreeMap<Offset, Preparing>,
    /// Closed segments that are open, the one used last at the end.
    open_segments: VecDeque<Offset>,
    pins: BTreeMap<FileId, u32>,
    loader: Option<Box<Loader>>,
    damage: Option<Damage>,
    ending: Option<Ending>,
    /// Nothing was lost so far that a clean close would have to leave behind.
    is_clean: bool,
    /// What is planted, for tests.
    bugs: Bugs,
}

/// Why an index file can't be used. It is made anew then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum IndexFault {
    /// It was cut, or written with another entry size.
    #[error("{size_bytes} bytes are not a whole number of entries of {entry_size_bytes}")]
    Size {
        /// Of the file.
        size_bytes: usize,
        /// Of an entry.
        entry_size_bytes: usize,
    },
    /// Entries rise; a tail of zeros, as preallocation leaves it, does not.
    #[error("entry {0} does not rise above the one before it")]
    NotRising(usize),
    /// It names what the segment does not have.
    #[error("entry {0} is beyond the segment")]
    BeyondLog(usize),
    /// Of a later Kafka.
    #[error("entry {0} is of a version that is not known")]
    Version(usize),
    /// No segment needs so much.
    #[error("it is too large")]
    TooLarge,
}

impl PartitionLog {
    fn loading(request: &OpenLog, serial: u64, bugs: Bugs) -> Self {
        Self {
            id: LogId { partition: request.id, serial },
            name: request.name.clone(),
            log_dir: Arc::clone(&request.log_dir),
            dir: request.dir.clone(),
            config: request.config.clone(),
            state: LogState::Loading,
            events: VecDeque::new(),
            tasks: BTreeMap::new(),
            has_new_names: false,
            segments: BTreeMap::new(),
            size_bytes: 0,
            active: Active { base: Offset(0), indexer: Indexer::new(), created_ms: 0, jitter_ms: 0 },
            log_start: request.log_start.unwrap_or_default(),
            head: Head::default(),
            leaving: Leaving::default(),
            retention: Retention::default(),
            compaction: Compaction::of(request.compacted_to),
            log_end: Offset(0),
            // Until it is open, what was known of it holds: a log that can't be opened must not lose it.
            marks: Marks::synced_to(request.recovery_point.unwrap_or_default()),
            in_flight: InFlight::default(),
            syncs: Syncs::default(),
            unsynced_indexes: BTreeSet::new(),
            tail: Tail::default(),
            producers: Producers::default(),
            last_snapshot: Offset(0),
            snapshot_names: SnapshotNames::default(),
            next_expiry: Monotonic(0),
            epochs: LeaderEpochs::default(),
            epochs_file: Replaced::default(),
            metadata_file: None,
            lookups: Lookups::default(),
            aborted_lookups: AbortedLookups::default(),
            preparing: BTreeMap::new(),
            open_segments: VecDeque::new(),
            pins: BTreeMap::new(),
            loader: None,
            damage: None,
            ending: None,
            is_clean: true,
            bugs,
        }
    }

    /// A log that can't be reached, because its log directory can't be used: it is offline from the beginning.
    #[must_use]
    pub fn unreachable(request: &OpenLog) -> Self {
        Self { state: LogState::Offline, is_clean: false, ..Self::loading(request, 0, Bugs::default()) }
    }

    /// Takes the result of a storage command that this log issued.
    ///
    /// # Panics
    /// Where the command was not issued by this log, or has ended before.
    pub fn stored(&mut self, now: Now, op: OpId, result: StorageResult, outbox: &mut Outbox) {
        let task = self.tasks.remove(&op).expect("each command of a log ends exactly once");
        if self.state != LogState::Offline || task == Task::Move {
            match result {
                StorageResult::Done(outcome) => self.done(now, op, task, outcome, outbox),
                StorageResult::NotDone(error) | StorageResult::Unknown(error) => self.failed(now, task, &error, outbox),
            }
        }
        self.settle_retention(now, outbox);
        self.settle_compaction(now, outbox);
        self.settle(outbox);
    }

    /// Takes back work that this log handed out.
    ///
    /// # Panics
    /// Where it was not this log that did, or it came back before.
    pub fn worked(&mut self, now: Now, op: OpId, worked: Worked, outbox: &mut Outbox) {
        self.tasks.remove(&op).expect("work comes back exactly once");
        if self.state != LogState::Offline {
            self.compaction_worked(now, op, worked, outbox);
        }
        self.settle_retention(now, outbox);
        self.settle_compaction(now, outbox);
        self.settle(outbox);
    }

    fn done(&mut self, now: Now, op: OpId, task: Task, outcome: Outcome, outbox: &mut Outbox) {
        match task {
            Task::Write => self.written(now.monotonic, op, outbox),
            Task::CreateSegment(_) | Task::WriteSnapshot | Task::SyncNames | Task::WriteAgain => {}
            Task::Sync(base) => self.synced(now.monotonic, base, outbox),
            Task::SyncDir(base) => self.synced_dir(now.monotonic, base, outbox),
            Task::SyncSnapshots => self.snapshots_synced(),
            Task::WriteIndex(base) => self.index_written(base, true, outbox),
            Task::WriteEpochs => self.epochs_written(outbox),
            Task::WriteMetadata => self.metadata_written(now, outbox),
            Task::Prepare(base) => self.prepare_done(base, outcome, outbox),
            Task::LoadAborted(base) => self.aborted_done(base, outcome, outbox),
            Task::Lookup(id) => {
                let Outcome::Data(data) = outcome else { unreachable!("lookups only read") };
                self.lookup_read(id, data, outbox);
            }
            Task::Load => self.load_done(now, outcome, outbox),
            Task::NewestTime => self.newest_time_done(now, outcome, outbox),
            Task::LetGo(base) => self.renamed(now, base, outbox),
            Task::Compact => self.compaction_done(now, outcome, outbox),
            Task::RemoveFile => self.file_removed(now, outbox),
            Task::Move => self.move_done(outbox),
        }
    }

    fn failed(&mut self, now: Now, task: Task, error: &StorageError, outbox: &mut Outbox) {
        let what = match task {
            Task::Write => "appending",
            Task::CreateSegment(_) => "creating a segment",
            Task::WriteAgain => "writing again what was not known to be synced",
            Task::Sync(base) if self.bugs.has(Bug::FailedSyncRetried) => return self.sync_again(base, outbox),
            Task::Sync(_) => "syncing a segment",
            Task::SyncDir(_) | Task::SyncNames | Task::SyncSnapshots => "syncing the directory",
            Task::WriteEpochs => "writing leader-epoch-checkpoint",
            Task::WriteMetadata => "writing partition.metadata",
            Task::Lookup(_) => "reading a segment",
            Task::Prepare(base) if self.prepare_missing(base, error, outbox) => return,
            Task::Prepare(_) => "opening a segment",
            Task::LoadAborted(base) if self.aborted_missing(base, error, outbox) => return,
            Task::LoadAborted(_) => "reading a transaction index",
            Task::WriteIndex(base) => {
                self.report_lesser_fault("an index", error, outbox);
                return self.index_written(base, false, outbox);
            }
            Task::NewestTime => return self.newest_time_failed(error, outbox),
            Task::LetGo(base) => return self.not_renamed(now, base, error, outbox),
            Task::Compact => return self.compaction_failed(now, error, outbox),
            Task::WriteSnapshot => {
                self.snapshot_names = SnapshotNames::Missing;
                return self.report_lesser_fault("a producer snapshot", error, outbox);
            }
            Task::RemoveFile => {
                outbox.report(Level::Warn, format!("{}: a file of no use could not be removed: {error}", self.label()));
                return self.file_removed(now, outbox);
            }
            Task::Load => return self.load_failed(error, outbox),
            Task::Move => return self.move_failed(error, outbox),
        };
        self.go_offline(self.failure_text(what, error), outbox);
    }

    /// What the disk failed at, and what to do.
    fn failure_text(&self, what: &str, error: &StorageError) -> String {
        let advice = match error {
            StorageError::Full => "free some space",
            StorageError::Denied => "let this process write there",
            StorageError::NotFound => "put back what was taken away",
            StorageError::Io(_) => "mend that",
        };
        let place = self.shown_path("");
        format!("{what} failed: {error} (in {place}). To go on, {advice}, and start the broker anew")
    }

    /// What happened; poll until there is nothing.
    pub fn poll_event(&mut self) -> Option<LogEvent> {
        self.events.pop_front()
    }

    /// What the log is up to.
    #[must_use]
    pub fn state(&self) -> LogState {
        self.state
    }

    /// Which log of which partition it is.
    #[must_use]
    pub fn id(&self) -> LogId {
        self.id
    }

    /// Its directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The first offset that may be read.
    #[must_use]
    pub fn log_start(&self) -> Offset {
        self.log_start
    }

    /// The offset of the next batch.
    #[must_use]
    pub fn log_end(&self) -> Offset {
        self.log_end
    }

    /// Bytes of all segments.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// The largest known epoch that is not above `epoch`, and where it ended.
    #[must_use]
    pub fn end_offset_for_epoch(&self, epoch: LeaderEpoch) -> Option<(LeaderEpoch, Offset)> {
        self.epochs.end_of(epoch, self.log_end)
    }

    /// The latest leader epoch that the log knows.
    #[must_use]
    pub fn latest_epoch(&self) -> Option<LeaderEpoch> {
        self.epochs.latest()
    }

    /// The epoch of the log's first record, where it is known.
    #[must_use]
    pub fn epoch_at_start(&self) -> Option<LeaderEpoch> {
        self.epochs.at(self.log_start)
    }

    /// A new leader epoch begins at the log's end. An epoch that is known already changes nothing.
    ///
    /// The checkpoint learns of it with its first batch. Of an epoch without one a restart, which begins the next, need not
    /// know; and at each start all logs begin one.
    pub fn begin_epoch(&mut self, epoch: LeaderEpoch) {
        let is_newer = self.epochs.latest().is_none_or(|latest| epoch > latest);
        if self.state == LogState::Serving && is_newer {
            self.epochs_file.is_behind |= self.epochs.assign(epoch, self.log_end);
        }
    }

    /// Takes over changed settings. The high watermark may follow a policy that became looser.
    pub fn configure(&mut self, config: LogConfig) {
        self.config = config;
        self.retention.changed();
        self.compaction_changed();
        if self.state == LogState::Serving {
            self.advance_high_watermark();
        }
    }

    fn issuer<'a>(&'a mut self, outbox: &'a mut Outbox) -> Issuer<'a> {
        let has_new_names = &mut self.has_new_names;
        Issuer { outbox, owner: Owner::Log(self.id), tasks: &mut self.tasks, has_new_names }
    }

    /// How reports name the log: the topic and the partition's index, or its directory while it moves there.
    fn label(&self) -> String {
        if self.dir.relative.ends_with("-future") {
            return String::from(&*self.dir.relative);
        }
        let mut label = self.name.to_string();
        label.push('-');
        label.push_str(&self.id.partition.index.to_string());
        label
    }
}
