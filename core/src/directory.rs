//! The log directories as a whole: whose they are, how they were left, what is in them, and how they are left again.
//!
//! For the broker, in this order:
//! 1. [`Directory::open`]. From then on every result of [`Owner::Directory`](crate::outbox::Owner::Directory) goes to
//!    [`Directory::stored`], and after each call [`Directory::poll_event`] is asked until it has nothing to say.
//!    [`DirectoryEvent::Unusable`] may come until `Settled`: end with its text.
//! 2. [`DirectoryEvent::Ready`] brings a [`Found`]: open its `metadata_path` as a partition log (topic id
//!    [`Uuid::METADATA_TOPIC`](crate::wire::Uuid::METADATA_TOPIC); create it if `metadata_exists` is false), read it from
//!    `loader.image().end_offset` or the log's start, whichever is later, to its end, and give every batch to
//!    [`Loader::apply_batches`]. What the loader's delta has by then is no news: drop it.
//! 3. [`Directory::settle`] with that loader. [`DirectoryEvent::Settled`] brings the epoch of this term as the metadata
//!    log's leader, and the partitions to open. Append [`start_batches`](crate::metadata::start_batches) to the metadata
//!    log, and apply them when they are committed.
//! 4. Open the partitions. While running: [`Directory::offsets_moved`] after anything that moves a recovery point or a
//!    log start (once a minute it leads to [`DirectoryEvent::CheckpointsDue`], which
//!    [`Directory::write_checkpoints`] answers; an idle broker has no deadline here), [`Directory::log_start_due`] where
//!    a log waits for its start to be written down ([`Directory::write_log_starts`] answers
//!    [`DirectoryEvent::LogStartsDue`], [`DirectoryEvent::Written`] comes of it), [`Directory::tick`] when
//!    [`Directory::deadline`] passed. A partition of a name that the checkpoints still have ([`Directory::remembers`])
//!    is opened only after they are written without it: their offsets would be taken for its own.
//! 5. To stop: append [`stop_records`](crate::metadata::stop_records), sync and close all logs, then [`Directory::close`].
//!    [`DirectoryEvent::Closed`] is the end.
//!
//! One directory holds the metadata log; without it there is no broker. Another one that can't be used at the start, or
//! fails later ([`Directory::suspect`], [`DirectoryEvent::Failed`]), takes only its own partitions along.
//!
//! What does not belong here: what is in a partition's directory (`log/`), what the metadata records mean (`metadata/`),
//! and the lock on the directory, which is the adapter's.

mod bootstrap;
pub mod checkpoint;
mod files;
pub mod meta_properties;
pub mod names;
mod quorum_state;
mod root;
mod settle;
mod start;
#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::boundary::{Level, OpId, Path, StorageCommand, StorageResult};
use crate::config::Config;
use crate::metadata::{Bootstrap, Loader};
use crate::outbox::Outbox;
use crate::rng::Rng;
use crate::time::{Monotonic, Now};
use crate::types::{LeaderEpoch, NodeId, Offset, PartitionId, TopicName};
use crate::wire::Uuid;

pub use checkpoint::OffsetsByPartition;
pub use meta_properties::MetaProperties;
pub use names::{METADATA_DIR, partition_dir};

use files::{Finished, Jobs};
use quorum_state::QuorumState;
use root::{Root, Writing};
use settle::Settling;
use start::Start;

/// What the configuration says of the directories.
#[derive(Clone, Debug)]
pub struct DirectorySettings {
    /// Their paths as people know them, for texts; there is at least one.
    pub names: Vec<Arc<str>>,
    /// So many of them, from the first on, hold partitions.
    pub partition_dirs: u16,
    /// Index of the one that holds the metadata log.
    pub metadata_dir: u16,
    /// `node.id`: what a new directory gets.
    pub node_id: NodeId,
    /// Whether somebody chose it: then a directory of another node is refused. Else an existing directory says who we are.
    pub is_node_id_set: bool,
    /// The cluster id that a new directory gets, and that an existing one must have; any without it.
    pub cluster_id: Option<String>,
    /// `min.insync.replicas`, for a new cluster.
    pub min_insync_replicas: u32,
    /// `log.flush.offset.checkpoint.interval.ms`.
    pub checkpoint_interval_ms: i64,
}

/// What [`Directory::poll_event`] says.
#[derive(Debug)]
pub enum DirectoryEvent {
    /// The directory is ours and was read: the metadata log can be opened.
    Ready(Box<Found>),
    /// The partitions can be opened.
    Settled(Settled),
    /// It is time for [`Directory::write_checkpoints`].
    CheckpointsDue,
    /// It is time for [`Directory::write_log_starts`].
    LogStartsDue,
    /// What was last given to be written is durable, or could not be written.
    Written {
        /// Where the log starts could not be written.
        failed_log_starts: Vec<u16>,
    },
    /// A directory can't be used any more: nothing in it can.
    Failed {
        /// Which.
        log_dir: u16,
        /// What the disk said.
        why: String,
    },
    /// All is written.
    Closed {
        /// Whether the marker of a clean stop was left in every directory.
        is_clean: bool,
    },
    /// The directory can't be used; the text says why and what to do.
    Unusable(String),
}

/// A directory as it was found, or as it was made.
#[derive(Debug)]
pub struct Found {
    /// Who we are, by the directory of the metadata log.
    pub meta: MetaProperties,
    /// Ids of the directories that hold partitions and can be used, in their order.
    pub log_dirs: Vec<Uuid>,
    /// Whether the last broker here stopped in good order.
    pub was_clean: bool,
    /// The metadata log's directory.
    pub metadata_path: Path,
    /// Whether it is there; else it is to be created.
    pub metadata_exists: bool,
    /// Holds the newest metadata snapshot, or nothing yet.
    pub loader: Loader,
    /// What begins a new metadata log; needed where the log turns out to be empty.
    pub bootstrap: Bootstrap,
}

/// What [`DirectoryEvent::Settled`] brings.
#[derive(Debug, PartialEq, Eq)]
pub struct Settled {
    /// The epoch of this term of the metadata log's leader, durable on disk.
    pub leader_epoch: LeaderEpoch,
    /// The partitions that this node holds.
    pub partitions: Vec<FoundPartition>,
    /// Replicas that were on their way to another log directory.
    pub futures: Vec<FoundPartition>,
}

/// A partition to be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundPartition {
    /// Which.
    pub id: PartitionId,
    /// Its topic's name.
    pub topic: TopicName,
    /// Its directory.
    pub path: Path,
    /// Whether the directory is there; else it is to be created.
    pub exists: bool,
    /// Why it can't be told: its log directory can't be used, or may be one that can't. Nothing may be created then.
    pub unreachable: Option<String>,
    /// Id of its log directory.
    pub log_dir_id: Uuid,
    /// Whether the last broker closed it in good order.
    pub was_clean: bool,
    /// Everything before it was synced, where that is known.
    pub recovery_point: Option<Offset>,
    /// Where the log starts, if that is later than its first segment.
    pub log_start: Option<Offset>,
    /// Everything before it was compacted, where any was.
    pub compacted_to: Option<Offset>,
}

impl FoundPartition {
    /// Whether a checkpoint has offsets for a partition of this name.
    #[must_use]
    pub fn is_in_checkpoints(&self) -> bool {
        self.recovery_point.is_some() || self.log_start.is_some() || self.compacted_to.is_some()
    }
}

/// A partition's offsets, for the checkpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionOffsets {
    /// Index of the log directory that it is in.
    pub log_dir: u16,
    /// The topic's name.
    pub topic: TopicName,
    /// The partition's index.
    pub index: i32,
    /// Everything before it is synced.
    pub recovery_point: Offset,
    /// The first offset.
    pub log_start: Offset,
    /// What consumers may read up to.
    pub high_watermark: Offset,
    /// Everything before it was compacted, where any was.
    pub compacted_to: Option<Offset>,
}

/// The log directories, from the first listing to the marker of a clean stop.
#[derive(Debug)]
pub struct Directory {
    settings: DirectorySettings,
    /// By index.
    roots: Vec<Root>,
    jobs: Jobs<JobKey>,
    phase: Phase,
    events: VecDeque<DirectoryEvent>,
    /// Checkpoints are being written.
    is_writing: bool,
    is_log_start_due: bool,
    /// The broker was asked for offsets, and has not given them.
    is_asked: bool,
    quorum_state: QuorumState,
    node_id: NodeId,
    checkpoints_due: Option<Monotonic>,
    are_checkpoints_wanted: bool,
}

/// A job, and the directory that it is about.
type JobKey = (u16, Key);

/// The jobs, by what they are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Root,
    MakeRoot,
    MetadataDir,
    MetaProperties,
    CleanMarker,
    RecoveryPoints,
    LogStarts,
    CompactedTo,
    HighWatermarks,
    Bootstrap,
    QuorumState,
    Snapshot,
    Entries,
    SetAside,
    Probe,
    ProbeRemoved,
}

#[derive(Debug)]
enum Phase {
    Starting(Box<Start>),
    /// The broker reads the metadata log.
    Ready,
    Settling(Settling),
    Running,
    /// Waits for what is under way, then writes the checkpoints.
    Stopping {
        broker_epoch: Option<i64>,
        offsets: Vec<PartitionOffsets>,
    },
    /// Writes the checkpoints.
    Closing {
        broker_epoch: Option<i64>,
    },
    /// Writes the marker.
    Marking,
    Over,
}

pub(crate) const RECOVERY_POINTS_FILE: &str = "recovery-point-offset-checkpoint";
pub(crate) const LOG_STARTS_FILE: &str = "log-start-offset-checkpoint";
pub(crate) const COMPACTED_TO_FILE: &str = "cleaner-offset-checkpoint";
pub(crate) const HIGH_WATERMARKS_FILE: &str = "replication-offset-checkpoint";
pub(crate) const CLEAN_MARKER_FILE: &str = ".kafka_cleanshutdown";
/// What a suspected directory must take; it is gone at once.
const PROBE_FILE: &str = ".ottla-probe";
const META_PROPERTIES_FILE: &str = "meta.properties";
const BOOTSTRAP_FILE: &str = "bootstrap.checkpoint";
const QUORUM_STATE_FILE: &str = "quorum-state";

impl From<&Config> for DirectorySettings {
    fn from(config: &Config) -> Self {
        Self {
            names: config.log_dirs.iter().map(|name| name.as_str().into()).collect(),
            partition_dirs: config.partition_dirs,
            metadata_dir: config.metadata_log_dir,
            node_id: config.node_id,
            is_node_id_set: config.is_node_id_set,
            cluster_id: None,
            min_insync_replicas: config.topic_config(&BTreeMap::new()).min_insync_replicas,
            checkpoint_interval_ms: config.log_flush_offset_checkpoint_interval_ms,
        }
    }
}

impl Directory {
    /// Begins to read the directories.
    pub fn open(settings: DirectorySettings, rng: &mut Rng, outbox: &mut Outbox) -> Self {
        let mut jobs = Jobs::default();
        let start = Start::begin(settings.names.len(), rng, &mut jobs, outbox);
        Self {
            roots: settings.names.iter().map(|_| Root::default()).collect(),
            settings,
            jobs,
            phase: Phase::Starting(Box::new(start)),
            events: VecDeque::new(),
            is_writing: false,
            is_log_start_due: false,
            is_asked: false,
            quorum_state: QuorumState::default(),
            node_id: NodeId::NONE,
            checkpoints_due: None,
            are_checkpoints_wanted: false,
        }
    }

    /// A log directory as it was configured.
    #[must_use]
    pub fn name_of(&self, log_dir: u16) -> Arc<str> {
        Arc::clone(&self.settings.names[usize::from(log_dir)])
    }

    /// The directory that holds the metadata log.
    #[must_use]
    pub fn metadata_dir(&self) -> u16 {
        self.settings.metadata_dir
    }

    /// Whether a directory can't be used (any more).
    #[must_use]
    pub fn has_failed(&self, log_dir: u16) -> bool {
        self.root(log_dir).failure.is_some()
    }

    /// Whether a directory was left in good order when this start found it.
    #[must_use]
    pub fn was_clean(&self, log_dir: u16) -> bool {
        self.root(log_dir).was_clean
    }

    /// The id of a directory; zero where it has none, because it can't be used.
    #[must_use]
    pub fn id_of(&self, log_dir: u16) -> Uuid {
        self.root(log_dir).id
    }

    /// The directory of that id, where it holds partitions and can be used.
    #[must_use]
    pub fn index_of(&self, id: Uuid) -> Option<u16> {
        self.usable().find(|log_dir| self.root(*log_dir).id == id)
    }

    /// Where a new partition goes that the records place in the directory of that id: there, or where there is a place.
    #[must_use]
    pub fn place_for(&self, id: Uuid) -> u16 {
        self.index_of(id).or_else(|| self.usable().next()).unwrap_or(0)
    }

    /// Ids of the directories that hold partitions and can be used, in their order.
    pub fn usable_ids(&self) -> impl Iterator<Item = Uuid> + '_ {
        self.usable().map(|log_dir| self.root(log_dir).id)
    }

    /// Why nothing in a directory can be used.
    #[must_use]
    pub fn failure_text(&self, log_dir: u16) -> String {
        let why = self.root(log_dir).failure.as_deref().unwrap_or("it can be used");
        format!("log directory {} can't be used: {why}", self.name_of(log_dir))
    }

    /// Something in a directory failed. Whether all of it does is found out: [`DirectoryEvent::Failed`] may follow.
    pub fn suspect(&mut self, log_dir: u16, outbox: &mut Outbox) {
        let root = &mut self.roots[usize::from(log_dir)];
        if matches!(self.phase, Phase::Running) && root.failure.is_none() && !root.is_suspected {
            root.is_suspected = true;
            let path = Path::new(log_dir, PROBE_FILE);
            self.jobs.replace((log_dir, Key::Probe), path, Bytes::from_static(b"ottla\n"), outbox);
        }
    }

    /// No marker of a clean stop is to be left in a directory: a log there was not opened, or not closed in good order.
    pub fn spoil(&mut self, log_dir: u16) {
        self.roots[usize::from(log_dir)].is_spoiled = true;
    }

    /// The directories that hold partitions and can be used. Before the start is over all count as such.
    fn usable(&self) -> impl Iterator<Item = u16> + '_ {
        (0..self.settings.partition_dirs).filter(|log_dir| self.root(*log_dir).failure.is_none())
    }

    fn root(&self, log_dir: u16) -> &Root {
        &self.roots[usize::from(log_dir)]
    }

    /// The next event, if there is one.
    pub fn poll_event(&mut self) -> Option<DirectoryEvent> {
        self.events.pop_front()
    }

    /// Takes the result of a command of [`Owner::Directory`](crate::outbox::Owner::Directory).
    pub fn stored(&mut self, now: Now, op: OpId, result: StorageResult, outbox: &mut Outbox) {
        let Some(finished) = self.jobs.stored(op, result, outbox) else { return };
        match &mut self.phase {
            Phase::Starting(start) => match start.finished(finished, &self.settings, now, &mut self.jobs, outbox) {
                start::Progress::Wait => {}
                start::Progress::Unusable { log_dir, why } => self.unusable(log_dir, &why),
                start::Progress::Ready => self.ready(),
            },
            Phase::Settling(_) => self.settled(finished, outbox),
            Phase::Over => {}
            _ => self.written(finished, outbox),
        }
    }

    /// After the metadata log was read: takes the next epoch, sets directories of no topic aside, removes deleted ones,
    /// and says which partitions to open.
    ///
    /// # Panics
    /// Before [`DirectoryEvent::Ready`], or a second time.
    pub fn settle(&mut self, loader: &Loader, rng: &mut Rng, outbox: &mut Outbox) {
        assert!(matches!(self.phase, Phase::Ready), "a directory is settled once, when its metadata log was read");
        let last = self.quorum_state.leader_epoch.max(loader.last_epoch());
        let Some(next) = last.0.checked_add(1) else {
            let why = format!("the metadata log's epoch is {last}, and there is none after it");
            return self.unusable(self.settings.metadata_dir, &why);
        };
        self.quorum_state.leader_epoch = LeaderEpoch(next);
        let settling = match Settling::begin(self, loader.image(), rng, outbox) {
            Ok(settling) => settling,
            Err((log_dir, why)) => return self.unusable(log_dir, &why),
        };
        let metadata_dir = self.settings.metadata_dir;
        let path = Path::new(metadata_dir, METADATA_DIR).join(QUORUM_STATE_FILE);
        let content = self.quorum_state.to_bytes(self.node_id);
        self.jobs.replace((metadata_dir, Key::QuorumState), path, content, outbox);
        self.phase = Phase::Settling(settling);
    }

    /// Something that the checkpoints hold has moved: they will be written within the interval.
    pub fn offsets_moved(&mut self, now: Now) {
        if self.checkpoints_due.is_none() && matches!(self.phase, Phase::Running) {
            self.checkpoints_due = Some(now.monotonic.plus_ms(self.settings.checkpoint_interval_ms));
        }
    }

    /// When [`Directory::tick`] has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        self.checkpoints_due
    }

    /// The time has come, perhaps.
    pub fn tick(&mut self, now: Now) {
        if self.checkpoints_due.is_some_and(|due| due <= now.monotonic) {
            self.checkpoints_due = None;
            self.are_checkpoints_wanted = true;
            self.ask_for_offsets();
        }
    }

    /// Writes the offsets of all partitions. [`DirectoryEvent::Written`] follows.
    pub fn write_checkpoints(&mut self, offsets: &[PartitionOffsets], outbox: &mut Outbox) {
        self.is_asked = false;
        if self.jobs.is_idle() && matches!(self.phase, Phase::Running) {
            self.replace_checkpoints(offsets, outbox);
        } else {
            self.are_checkpoints_wanted = true;
        }
    }

    /// A log waits until its start is written down.
    pub fn log_start_due(&mut self) {
        self.is_log_start_due = true;
        self.ask_for_offsets();
    }

    /// Writes the log starts of all partitions. [`DirectoryEvent::Written`] follows.
    pub fn write_log_starts(&mut self, offsets: &[PartitionOffsets], outbox: &mut Outbox) {
        self.is_asked = false;
        if self.jobs.is_idle() && matches!(self.phase, Phase::Running) {
            self.replace_log_starts(offsets, outbox);
        } else {
            self.is_log_start_due = true;
        }
    }

    /// Whether a checkpoint has offsets for a partition of this name, so that a new one may not be opened under it. Then
    /// it is written anew, with [`DirectoryEvent::Written`] to follow; soon, if the last time failed.
    pub fn remembers(&mut self, topic: &TopicName, index: i32, now: Now) -> bool {
        self.is_remembered(None, topic, index, now)
    }

    /// The same, of the checkpoints of one directory: for a replica that moves there.
    pub fn remembers_in(&mut self, log_dir: u16, topic: &TopicName, index: i32, now: Now) -> bool {
        self.is_remembered(Some(log_dir), topic, index, now)
    }

    fn is_remembered(&mut self, log_dir: Option<u16>, topic: &TopicName, index: i32, now: Now) -> bool {
        const RETRY_AFTER_MS: i64 = 1_000;
        let key = (topic.clone(), index);
        let is_meant = |root: &(u16, &Root)| log_dir.is_none_or(|log_dir| log_dir == root.0);
        let roots = (0..).zip(&self.roots).filter(is_meant).map(|(_, root)| root);
        let mut remembering = roots.filter(|root| root.failure.is_none() && root.remembers(&key)).peekable();
        if remembering.peek().is_none() {
            return false;
        }
        if remembering.all(|root| root.are_checkpoints_written) {
            self.are_checkpoints_wanted = true;
            self.ask_for_offsets();
        } else {
            let due = now.monotonic.plus_ms(RETRY_AFTER_MS);
            self.checkpoints_due = Some(self.checkpoints_due.map_or(due, |other| other.min(due)));
        }
        true
    }

    /// The end, when all logs are closed: writes the checkpoints, then the markers of a clean stop with the broker's epoch.
    /// With `None` the markers are not left, and none in a directory that was spoiled ([`Directory::spoil`]). Before
    /// [`DirectoryEvent::Settled`] nothing is written at all.
    pub fn close(&mut self, broker_epoch: Option<i64>, offsets: Vec<PartitionOffsets>, outbox: &mut Outbox) {
        if !matches!(self.phase, Phase::Running) {
            return self.leave();
        }
        self.checkpoints_due = None;
        self.phase = Phase::Stopping { broker_epoch, offsets };
        self.close_on(outbox);
    }

    /// Ends as it is, without a word more on the disk; [`DirectoryEvent::Closed`] follows.
    pub fn leave(&mut self) {
        self.checkpoints_due = None;
        self.phase = Phase::Over;
        self.events.push_back(DirectoryEvent::Closed { is_clean: false });
    }

    fn unusable(&mut self, log_dir: u16, why: &str) {
        self.phase = Phase::Over;
        self.events.push_back(DirectoryEvent::Unusable(format!("log directory {}: {why}", self.name_of(log_dir))));
    }

    fn ready(&mut self) {
        let Phase::Starting(start) = core::mem::replace(&mut self.phase, Phase::Ready) else {
            panic!("only a start gets ready")
        };
        let ready = start.into_ready();
        self.roots = ready.roots;
        self.quorum_state = ready.quorum_state;
        self.node_id = ready.found.meta.node_id;
        if self.usable().next().is_none() {
            return self.unusable(0, "none of log.dirs can be used");
        }
        let log_dirs = self.usable_ids().collect();
        self.events.push_back(DirectoryEvent::Ready(Box::new(Found { log_dirs, ..ready.found })));
    }

    fn settled(&mut self, finished: Finished<JobKey>, outbox: &mut Outbox) {
        if let Err(error) = finished.result {
            return self.unusable(finished.key.0, &error.to_string());
        }
        let Phase::Settling(settling) = &mut self.phase else { panic!("asked while settling") };
        if let Some((partitions, futures)) = settling.finished(finished.key.1, &mut self.jobs, outbox) {
            self.phase = Phase::Running;
            let leader_epoch = self.quorum_state.leader_epoch;
            self.events.push_back(DirectoryEvent::Settled(Settled { leader_epoch, partitions, futures }));
        }
    }

    /// A job ended that only has to be done, while running or stopping.
    fn written(&mut self, finished: Finished<JobKey>, outbox: &mut Outbox) {
        let (log_dir, key) = finished.key;
        if matches!(key, Key::Probe | Key::ProbeRemoved) {
            self.probed(finished, outbox);
        } else if let Err(error) = finished.result {
            outbox.report(Level::Error, format!("log directory {}: {error}", self.name_of(log_dir)));
            let root = &mut self.roots[usize::from(log_dir)];
            root.are_checkpoints_written = false;
            root.are_log_starts_written &= key != Key::LogStarts;
        }
        if self.jobs.is_idle() && core::mem::take(&mut self.is_writing) {
            self.all_written();
        } else {
            self.ask_for_offsets();
        }
        self.close_on(outbox);
    }

    /// A suspected directory has taken what it was given, or has not. One that is full is not broken.
    fn probed(&mut self, finished: Finished<JobKey>, outbox: &mut Outbox) {
        let (log_dir, key) = finished.key;
        match finished.result {
            Ok(_) if key == Key::Probe => {
                let path = Path::new(log_dir, PROBE_FILE);
                let command = StorageCommand::Remove { path: path.clone() };
                self.jobs.command((log_dir, Key::ProbeRemoved), path, "removed", command, outbox);
            }
            Err(error) if !error.is_full() => {
                let why = error.to_string();
                self.roots[usize::from(log_dir)].failure = Some(why.clone());
                self.events.push_back(DirectoryEvent::Failed { log_dir, why });
            }
            _ => self.roots[usize::from(log_dir)].is_suspected = false,
        }
    }

    /// The jobs are over.
    fn all_written(&mut self) {
        self.roots.iter_mut().for_each(Root::all_written);
        if matches!(self.phase, Phase::Running) {
            let is_failed = |(_, root): &(u16, &Root)| !root.are_log_starts_written || root.failure.is_some();
            let failed = (0..).zip(&self.roots).filter(is_failed).map(|(log_dir, _)| log_dir);
            self.events.push_back(DirectoryEvent::Written { failed_log_starts: failed.collect() });
            self.ask_for_offsets();
        }
    }

    /// Asks for what is to be written, once nothing else is being written.
    fn ask_for_offsets(&mut self) {
        if self.is_asked || !self.jobs.is_idle() || !matches!(self.phase, Phase::Running) {
            return;
        }
        if core::mem::take(&mut self.are_checkpoints_wanted) {
            self.is_asked = true;
            self.events.push_back(DirectoryEvent::CheckpointsDue);
        } else if core::mem::take(&mut self.is_log_start_due) {
            self.is_asked = true;
            self.events.push_back(DirectoryEvent::LogStartsDue);
        }
    }

    /// The steps of [`Directory::close`], each when the one before is over.
    fn close_on(&mut self, outbox: &mut Outbox) {
        if !self.jobs.is_idle() {
            return;
        }
        match core::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Stopping { broker_epoch, offsets } => {
                self.phase = Phase::Closing { broker_epoch };
                self.replace_checkpoints(&offsets, outbox);
            }
            Phase::Closing { broker_epoch: Some(epoch) } if self.leave_markers(epoch, outbox) => {
                self.phase = Phase::Marking;
            }
            Phase::Closing { .. } => self.events.push_back(DirectoryEvent::Closed { is_clean: false }),
            Phase::Marking => {
                let is_clean = self.roots.iter().all(Root::is_clean);
                self.events.push_back(DirectoryEvent::Closed { is_clean });
            }
            other => self.phase = other,
        }
    }

    /// Leaves the marker of a clean stop where all was written. Whether that is anywhere.
    fn leave_markers(&mut self, broker_epoch: i64, outbox: &mut Outbox) -> bool {
        let clean: Vec<u16> = self.usable().filter(|log_dir| self.root(*log_dir).is_clean()).collect();
        for log_dir in &clean {
            let text = format!("{{\"version\":0,\"brokerEpoch\":{broker_epoch}}}");
            let path = Path::new(*log_dir, CLEAN_MARKER_FILE);
            self.jobs.replace((*log_dir, Key::CleanMarker), path, text.into(), outbox);
        }
        !clean.is_empty()
    }

    fn replace_checkpoints(&mut self, offsets: &[PartitionOffsets], outbox: &mut Outbox) {
        self.is_log_start_due = false;
        for log_dir in self.usable().collect::<Vec<_>>() {
            let here: Vec<&PartitionOffsets> = offsets.iter().filter(|it| it.log_dir == log_dir).collect();
            let all = |offset: fn(&PartitionOffsets) -> Offset| {
                here.iter().map(move |it| ((it.topic.clone(), it.index), offset(it))).collect()
            };
            let recovery_points: OffsetsByPartition = all(|it| it.recovery_point);
            let high_watermarks: OffsetsByPartition = all(|it| it.high_watermark);
            let compacted = |it: &&PartitionOffsets| Some(((it.topic.clone(), it.index), it.compacted_to?));
            let compacted_to: OffsetsByPartition = here.iter().filter_map(compacted).collect();
            self.roots[usize::from(log_dir)].are_checkpoints_written = true;
            self.replace((log_dir, Key::RecoveryPoints), RECOVERY_POINTS_FILE, &recovery_points, outbox);
            self.replace((log_dir, Key::HighWatermarks), HIGH_WATERMARKS_FILE, &high_watermarks, outbox);
            if compacted_to != self.root(log_dir).written.compacted_to {
                self.replace((log_dir, Key::CompactedTo), COMPACTED_TO_FILE, &compacted_to, outbox);
            }
            self.replace_log_starts_in(log_dir, offsets, Some((recovery_points, compacted_to)), outbox);
        }
    }

    fn replace_log_starts(&mut self, offsets: &[PartitionOffsets], outbox: &mut Outbox) {
        for log_dir in self.usable().collect::<Vec<_>>() {
            self.replace_log_starts_in(log_dir, offsets, None, outbox);
        }
    }

    fn replace_log_starts_in(
        &mut self,
        log_dir: u16,
        offsets: &[PartitionOffsets],
        others: Option<(OffsetsByPartition, OffsetsByPartition)>,
        outbox: &mut Outbox,
    ) {
        let start = |it: &PartitionOffsets| ((it.topic.clone(), it.index), it.log_start);
        let here = offsets.iter().filter(|it| it.log_dir == log_dir);
        // Without a line a log starts where its files do. One that was cut keeps its line: its old files may come back.
        let log_starts: OffsetsByPartition = here.map(start).filter(|(_, offset)| *offset > Offset(0)).collect();
        self.replace((log_dir, Key::LogStarts), LOG_STARTS_FILE, &log_starts, outbox);
        let (recovery_points, compacted_to) = others.unzip();
        let root = &mut self.roots[usize::from(log_dir)];
        root.are_log_starts_written = true;
        root.writing = Some(Writing { recovery_points, compacted_to, log_starts });
        self.is_writing = true;
    }

    fn replace(&mut self, key: JobKey, name: &str, content: &OffsetsByPartition, outbox: &mut Outbox) {
        self.jobs.replace(key, Path::new(key.0, name), checkpoint::print(content), outbox);
    }
}

impl Settled {
    /// The partitions that can be opened, and the log directories that they are in.
    pub fn held(&self) -> impl Iterator<Item = (PartitionId, Uuid)> + '_ {
        let held = self.partitions.iter().filter(|partition| partition.unreachable.is_none());
        held.map(|partition| (partition.id, partition.log_dir_id))
    }
}
