//! The log directory as a whole: whose it is, how it was left, what is in it, and how it is left again.
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
//! Only the first of several log directories is used: new partitions go there, and what lies in the others is not looked at.
//!
//! What does not belong here: what is in a partition's directory (`log/`), what the metadata records mean (`metadata/`),
//! and the lock on the directory, which is the adapter's.

mod bootstrap;
pub mod checkpoint;
mod files;
pub mod meta_properties;
pub mod names;
mod quorum_state;
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

use crate::boundary::{Level, OpId, Path, StorageResult};
use crate::config::Config;
use crate::metadata::{Bootstrap, Loader};
use crate::outbox::Outbox;
use crate::rng::Rng;
use crate::time::{Monotonic, Now};
use crate::types::{LeaderEpoch, NodeId, Offset, PartitionId, TopicName};

pub use checkpoint::OffsetsByPartition;
pub use meta_properties::MetaProperties;
pub use names::{METADATA_DIR, partition_dir};

use files::{Finished, Jobs};
use quorum_state::QuorumState;
use settle::Settling;
use start::Start;

/// What the configuration says of the directory.
#[derive(Clone, Debug)]
pub struct DirectorySettings {
    /// Its path as people know it, for texts.
    pub name: Arc<str>,
    /// `node.id`: what a new directory gets.
    pub node_id: NodeId,
    /// Whether somebody chose it: then a directory of another node is refused. Else an existing directory says who we are.
    pub is_node_id_set: bool,
    /// `log.dirs` names this many more.
    pub unused_dirs: usize,
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
        /// Whether the log starts are.
        log_starts: bool,
    },
    /// All is written.
    Closed {
        /// Whether the marker of a clean stop was left.
        is_clean: bool,
    },
    /// The directory can't be used; the text says why and what to do.
    Unusable(String),
}

/// A directory as it was found, or as it was made.
#[derive(Debug)]
pub struct Found {
    /// Who we are.
    pub meta: MetaProperties,
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

/// A log directory, from the first listing to the marker of a clean stop.
#[derive(Debug)]
pub struct Directory {
    settings: DirectorySettings,
    jobs: Jobs<Key>,
    phase: Phase,
    events: VecDeque<DirectoryEvent>,
    /// Of directories below the log directory, as they were at the start.
    subdirectories: Vec<String>,
    /// What the checkpoints hold that a start goes by.
    written: Checkpoints,
    /// What they will hold when the present jobs are done.
    writing: Option<Writing>,
    is_log_start_due: bool,
    /// The broker was asked for offsets, and has not given them.
    is_asked: bool,
    quorum_state: QuorumState,
    node_id: NodeId,
    was_clean: bool,
    checkpoints_due: Option<Monotonic>,
    are_checkpoints_wanted: bool,
    are_checkpoints_written: bool,
    are_log_starts_written: bool,
}

#[derive(Debug, Default)]
struct Checkpoints {
    recovery_points: OffsetsByPartition,
    log_starts: OffsetsByPartition,
    compacted_to: OffsetsByPartition,
}

#[derive(Debug)]
struct Writing {
    /// `None` where only the log starts are written.
    recovery_points: Option<OffsetsByPartition>,
    /// The same.
    compacted_to: Option<OffsetsByPartition>,
    log_starts: OffsetsByPartition,
}

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

const RECOVERY_POINTS_FILE: &str = "recovery-point-offset-checkpoint";
const LOG_STARTS_FILE: &str = "log-start-offset-checkpoint";
const COMPACTED_TO_FILE: &str = "cleaner-offset-checkpoint";
const HIGH_WATERMARKS_FILE: &str = "replication-offset-checkpoint";
const CLEAN_MARKER_FILE: &str = ".kafka_cleanshutdown";
const META_PROPERTIES_FILE: &str = "meta.properties";
const BOOTSTRAP_FILE: &str = "bootstrap.checkpoint";
const QUORUM_STATE_FILE: &str = "quorum-state";

impl From<&Config> for DirectorySettings {
    fn from(config: &Config) -> Self {
        Self {
            name: config.log_dirs.first().map_or("", String::as_str).into(),
            node_id: config.node_id,
            is_node_id_set: config.is_node_id_set,
            unused_dirs: config.log_dirs.len().saturating_sub(1),
            cluster_id: None,
            min_insync_replicas: config.topic_config(&BTreeMap::new()).min_insync_replicas,
            checkpoint_interval_ms: config.log_flush_offset_checkpoint_interval_ms,
        }
    }
}

impl Directory {
    /// Begins to read the directory.
    pub fn open(settings: DirectorySettings, rng: &mut Rng, outbox: &mut Outbox) -> Self {
        if settings.unused_dirs > 0 {
            let text =
                format!("log.dirs: only the first, {}, is used; what lies in the others is not served", settings.name);
            outbox.report(Level::Warn, text);
        }
        let mut jobs = Jobs::default();
        let start = Start::begin(rng, &mut jobs, outbox);
        Self {
            settings,
            jobs,
            phase: Phase::Starting(Box::new(start)),
            events: VecDeque::new(),
            subdirectories: Vec::new(),
            written: Checkpoints::default(),
            writing: None,
            is_log_start_due: false,
            is_asked: false,
            quorum_state: QuorumState::default(),
            node_id: NodeId::NONE,
            was_clean: false,
            checkpoints_due: None,
            are_checkpoints_wanted: false,
            are_checkpoints_written: true,
            are_log_starts_written: true,
        }
    }

    /// A log directory as it was configured.
    #[must_use]
    pub fn name_of(&self, _log_dir: u16) -> Arc<str> {
        Arc::clone(&self.settings.name)
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
                start::Progress::Unusable(why) => self.unusable(&why),
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
            return self.unusable(&format!("the metadata log's epoch is {last}, and there is none after it"));
        };
        self.quorum_state.leader_epoch = LeaderEpoch(next);
        let path = Path::new(0, METADATA_DIR).join(QUORUM_STATE_FILE);
        self.jobs.replace(Key::QuorumState, path, self.quorum_state.to_bytes(self.node_id), outbox);
        let settling = Settling::begin(self, loader.image(), rng, outbox);
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
            self.replace_log_starts(offsets, None, outbox);
        } else {
            self.is_log_start_due = true;
        }
    }

    /// Whether a checkpoint has offsets for a partition of this name, so that a new one may not be opened under it. Then
    /// it is written anew, with [`DirectoryEvent::Written`] to follow; soon, if the last time failed.
    pub fn remembers(&mut self, topic: &TopicName, index: i32, now: Now) -> bool {
        const RETRY_AFTER_MS: i64 = 1_000;
        let key = (topic.clone(), index);
        let will_be = |writing: &Writing| {
            let mut others = [&writing.recovery_points, &writing.compacted_to].into_iter().flatten();
            others.any(|it| it.contains_key(&key)) || writing.log_starts.contains_key(&key)
        };
        let remembers = self.written.recovery_points.contains_key(&key)
            || self.written.log_starts.contains_key(&key)
            || self.written.compacted_to.contains_key(&key)
            || self.writing.as_ref().is_some_and(will_be);
        if remembers && self.are_checkpoints_written {
            self.are_checkpoints_wanted = true;
            self.ask_for_offsets();
        } else if remembers {
            let due = now.monotonic.plus_ms(RETRY_AFTER_MS);
            self.checkpoints_due = Some(self.checkpoints_due.map_or(due, |other| other.min(due)));
        }
        remembers
    }

    /// The end, when all logs are closed: writes the checkpoints, then the marker of a clean stop with the broker's epoch.
    /// With `None`, because a log was not opened or could not be closed in good order, the marker is not left. Before
    /// [`DirectoryEvent::Settled`] nothing is written at all.
    pub fn close(&mut self, broker_epoch: Option<i64>, offsets: Vec<PartitionOffsets>, outbox: &mut Outbox) {
        self.checkpoints_due = None;
        if !matches!(self.phase, Phase::Running) {
            self.phase = Phase::Over;
            return self.events.push_back(DirectoryEvent::Closed { is_clean: false });
        }
        self.phase = Phase::Stopping { broker_epoch, offsets };
        self.close_on(outbox);
    }

    fn unusable(&mut self, why: &str) {
        self.phase = Phase::Over;
        self.events.push_back(DirectoryEvent::Unusable(format!("log directory {}: {why}", self.settings.name)));
    }

    fn ready(&mut self) {
        let Phase::Starting(start) = core::mem::replace(&mut self.phase, Phase::Ready) else {
            panic!("only a start gets ready")
        };
        let ready = start.into_ready();
        self.subdirectories = ready.subdirectories;
        self.written = Checkpoints {
            recovery_points: ready.recovery_points,
            log_starts: ready.log_starts,
            compacted_to: ready.compacted_to,
        };
        self.quorum_state = ready.quorum_state;
        self.node_id = ready.found.meta.node_id;
        self.was_clean = ready.found.was_clean;
        self.events.push_back(DirectoryEvent::Ready(Box::new(ready.found)));
    }

    fn settled(&mut self, finished: Finished<Key>, outbox: &mut Outbox) {
        if let Err(error) = finished.result {
            return self.unusable(&error.to_string());
        }
        let Phase::Settling(settling) = &mut self.phase else { panic!("asked while settling") };
        if let Some(partitions) = settling.finished(finished.key, &mut self.jobs, outbox) {
            self.phase = Phase::Running;
            let leader_epoch = self.quorum_state.leader_epoch;
            self.events.push_back(DirectoryEvent::Settled(Settled { leader_epoch, partitions }));
        }
    }

    /// A job ended that only has to be done, while running or stopping.
    fn written(&mut self, finished: Finished<Key>, outbox: &mut Outbox) {
        if let Err(error) = finished.result {
            self.are_checkpoints_written = false;
            self.are_log_starts_written &= finished.key != Key::LogStarts;
            outbox.report(Level::Error, format!("log directory {}: {error}", self.settings.name));
        }
        if self.jobs.is_idle()
            && let Some(writing) = self.writing.take()
        {
            self.all_written(writing);
        }
        self.close_on(outbox);
    }

    /// The jobs are over. Of a checkpoint that could not be written nobody knows what it holds: the old or the new.
    fn all_written(&mut self, writing: Writing) {
        let replace = |old: &mut OffsetsByPartition, mut new: OffsetsByPartition, is_sure: bool| {
            if !is_sure {
                new.append(old);
            }
            *old = new;
        };
        if let Some(recovery_points) = writing.recovery_points {
            replace(&mut self.written.recovery_points, recovery_points, self.are_checkpoints_written);
        }
        if let Some(compacted_to) = writing.compacted_to {
            replace(&mut self.written.compacted_to, compacted_to, self.are_checkpoints_written);
        }
        replace(&mut self.written.log_starts, writing.log_starts, self.are_log_starts_written);
        if matches!(self.phase, Phase::Running) {
            self.events.push_back(DirectoryEvent::Written { log_starts: self.are_log_starts_written });
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
            Phase::Closing { broker_epoch: Some(epoch) } if self.are_checkpoints_written => {
                self.phase = Phase::Marking;
                let text = format!("{{\"version\":0,\"brokerEpoch\":{epoch}}}");
                self.jobs.replace(Key::CleanMarker, Path::new(0, CLEAN_MARKER_FILE), text.into(), outbox);
            }
            Phase::Closing { .. } => self.events.push_back(DirectoryEvent::Closed { is_clean: false }),
            Phase::Marking => {
                self.events.push_back(DirectoryEvent::Closed { is_clean: self.are_checkpoints_written });
            }
            other => self.phase = other,
        }
    }

    fn replace_checkpoints(&mut self, offsets: &[PartitionOffsets], outbox: &mut Outbox) {
        let all = |offset: fn(&PartitionOffsets) -> Offset| {
            offsets.iter().map(move |it| ((it.topic.clone(), it.index), offset(it)))
        };
        let recovery_points: OffsetsByPartition = all(|it| it.recovery_point).collect();
        let high_watermarks: OffsetsByPartition = all(|it| it.high_watermark).collect();
        self.are_checkpoints_written = true;
        self.is_log_start_due = false;
        self.replace(Key::RecoveryPoints, RECOVERY_POINTS_FILE, &recovery_points, outbox);
        self.replace(Key::HighWatermarks, HIGH_WATERMARKS_FILE, &high_watermarks, outbox);
        let compacted = |it: &PartitionOffsets| Some(((it.topic.clone(), it.index), it.compacted_to?));
        let compacted_to: OffsetsByPartition = offsets.iter().filter_map(compacted).collect();
        if compacted_to != self.written.compacted_to {
            self.replace(Key::CompactedTo, COMPACTED_TO_FILE, &compacted_to, outbox);
        }
        self.replace_log_starts(offsets, Some((recovery_points, compacted_to)), outbox);
    }

    fn replace_log_starts(
        &mut self,
        offsets: &[PartitionOffsets],
        others: Option<(OffsetsByPartition, OffsetsByPartition)>,
        outbox: &mut Outbox,
    ) {
        let start = |it: &PartitionOffsets| ((it.topic.clone(), it.index), it.log_start);
        // Without a line a log starts where its files do. One that was cut keeps its line: its old files may come back.
        let log_starts = offsets.iter().map(start).filter(|(_, offset)| *offset > Offset(0)).collect();
        self.are_log_starts_written = true;
        self.replace(Key::LogStarts, LOG_STARTS_FILE, &log_starts, outbox);
        let (recovery_points, compacted_to) = others.unzip();
        self.writing = Some(Writing { recovery_points, compacted_to, log_starts });
    }

    fn replace(&mut self, key: Key, name: &str, content: &OffsetsByPartition, outbox: &mut Outbox) {
        self.jobs.replace(key, Path::new(0, name), checkpoint::print(content), outbox);
    }
}

impl Settled {
    /// The partition ids.
    pub fn ids(&self) -> impl Iterator<Item = PartitionId> + '_ {
        self.partitions.iter().map(|partition| partition.id)
    }
}
