//! Repair: what keeps the partitions of a stopped broker from being served, and how it is mended.
//!
//! [`Repair`] looks at a directory with the eyes of a start: the same recovery, told the same offsets, but on a
//! `dry_run`, so that nothing is changed. What it finds it can mend: the log ends at the damage, or goes on behind it
//! with a gap. What is taken out of a log is first kept beside it under another name.
//!
//! Nothing runs beside a repair, so it is no state machine: it hands its storage commands to a [`Disk`] and waits. What
//! does not belong here: what damage is (`log/recovery`), and the words on the terminal.

mod behind;
mod dry_run;
mod files;
mod mend;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::sync::Arc;
use alloc::vec::Vec;

use thiserror::Error;

use self::dry_run::DryRun;
use crate::boundary::{DirEntry, Output, Path, StorageCommand, StorageError, StorageResult};
use crate::config::Config;
use crate::directory::checkpoint::{self, OffsetsByPartition};
use crate::directory::names::{self, DirName, METADATA_DIR};
use crate::directory::{CLEAN_MARKER_FILE, COMPACTED_TO_FILE, LOG_STARTS_FILE, RECOVERY_POINTS_FILE, partition_dir};
use crate::log::{Damage, Found, LogConfig, LogEvent, LogState, OpenLog, PartitionLog};
use crate::metadata::{ConfigResource, Loader, MetadataImage};
use crate::outbox::{Outbox, Owner};
use crate::time::Now;
use crate::types::{Offset, PartitionId, TopicName};
use crate::wire::Uuid;

pub use behind::Behind;
pub use mend::Way;

/// Does storage commands, each at once.
pub trait Disk {
    /// Does one command and waits for its end.
    fn run(&mut self, command: StorageCommand) -> StorageResult;
}

impl<F: FnMut(StorageCommand) -> StorageResult> Disk for F {
    fn run(&mut self, command: StorageCommand) -> StorageResult {
        self(command)
    }
}

/// The log directories of a stopped broker, locked by whoever made this.
#[derive(Debug)]
pub struct Repair<D> {
    disk: D,
    now: Now,
    outbox: Outbox,
    config: Config,
    verifies_all: bool,
    log_dirs: Vec<LogDir>,
    metadata: MetadataImage,
    /// Of every log that a start would open, in the order of their names.
    partitions: Vec<LogPlace>,
}

/// A log directory, and what its checkpoints say.
#[derive(Debug)]
struct LogDir {
    name: Arc<str>,
    entries: Vec<DirEntry>,
    was_clean: bool,
    recovery_points: OffsetsByPartition,
    log_starts: OffsetsByPartition,
    compacted_to: OffsetsByPartition,
}

/// The log of a partition, and where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPlace {
    /// The topic and the partition's index, as in `orders-3`.
    pub name: String,
    id: PartitionId,
    topic: TopicName,
    dir: Path,
    is_compacted: bool,
}

impl LogPlace {
    /// Whether it is the log that says what all others mean.
    #[must_use]
    pub fn is_metadata(&self) -> bool {
        self.id.topic_id == Uuid::METADATA_TOPIC
    }
}

/// What came of a look at a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A start would serve it.
    Good,
    /// A start would leave it offline.
    Damaged(Box<Finding>),
    /// A start would leave it offline, and there is nothing here that could be cut: the text says why.
    Unreadable(String),
}

/// Damage, and what is behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which log.
    pub place: LogPlace,
    /// The segment's file, as people know it.
    pub file: String,
    /// What recovery says of it.
    pub damage: Damage,
    /// What is there from the damage on.
    pub behind: Behind,
    /// Sizes of the segments, by base offset.
    segments: BTreeMap<Offset, u64>,
}

/// Why a repair can't go on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RepairError {
    /// The disk failed.
    #[error("{path} could not be {verb}: {error}")]
    Storage {
        /// As people know it.
        path: String,
        /// Completes "could not be".
        verb: &'static str,
        /// What the disk said.
        error: StorageError,
    },
    /// A small file that is not small.
    #[error("{path} has {size_bytes} bytes, more than the {limit_bytes} that such a file may have")]
    TooLarge {
        /// As people know it.
        path: String,
        /// Of the file.
        size_bytes: u64,
        /// What would be read.
        limit_bytes: u64,
    },
    /// No broker was here.
    #[error("{0} has no {METADATA_DIR}: no broker has kept its data there")]
    NoMetadata(String),
    /// A snapshot of the metadata can't be used.
    #[error("the metadata can't be read: {0}")]
    Metadata(String),
    /// What is left would not hang together.
    #[error("{0}")]
    NotSound(&'static str),
}

/// A line a partition.
const CHECKPOINT_MAX_BYTES: u64 = 64 << 20;
/// Records of all topics, partitions and configs.
const METADATA_SNAPSHOT_MAX_BYTES: u64 = 512 << 20;
/// How much of the metadata log is read at a time.
const READ_BYTES: u32 = 1 << 20;

impl<D: Disk> Repair<D> {
    /// Reads which logs there are. `verifies_all` looks at every batch, also where a start would trust what was synced.
    ///
    /// # Errors
    /// No broker has kept its data here, or it can't be read.
    pub fn open(disk: D, config: Config, verifies_all: bool, now: Now) -> Result<Self, RepairError> {
        let outbox = Outbox::default();
        let metadata = MetadataImage::default();
        let (log_dirs, partitions) = (Vec::new(), Vec::new());
        let mut repair = Self { disk, now, outbox, config, verifies_all, log_dirs, metadata, partitions };
        for index in 0..repair.config.log_dirs.len() {
            let log_dir = repair.read_log_dir(index)?;
            repair.log_dirs.push(log_dir);
        }
        repair.metadata = repair.read_metadata()?;
        repair.partitions = repair.find_partitions();
        Ok(repair)
    }

    /// The logs that a start would open; the metadata log is the first.
    #[must_use]
    pub fn partitions(&self) -> &[LogPlace] {
        &self.partitions
    }

    /// Whether a start would serve a log. Nothing is changed.
    ///
    /// # Errors
    /// What is behind the damage can't be read.
    pub fn examine(&mut self, place: &LogPlace) -> Result<Verdict, RepairError> {
        let request = self.request(place, false);
        let log = self.look(request, self.verifies_all, |_, _, _| Ok(()))?;
        match (log.state, log.damage) {
            (LogState::Serving, _) => Ok(Verdict::Good),
            (_, Some(damage)) => self.judge(place, damage, log.reason),
            (_, None) => Ok(Verdict::Unreadable(log.reason)),
        }
    }

    /// A file or directory as people know it.
    #[must_use]
    pub fn shown(&self, path: &Path) -> String {
        let name = self.config.log_dirs.get(usize::from(path.log_dir)).map_or("", String::as_str);
        format!("{}/{}", name.trim_end_matches('/'), path.relative)
    }

    fn read_log_dir(&mut self, index: usize) -> Result<LogDir, RepairError> {
        let root = Path::new(u16::try_from(index).expect("so many log.dirs are refused"), "");
        let entries = self.list(&root)?;
        Ok(LogDir {
            name: self.config.log_dirs[index].as_str().into(),
            was_clean: entries.iter().any(|entry| entry.name == CLEAN_MARKER_FILE),
            recovery_points: self.read_checkpoint(&root.join(RECOVERY_POINTS_FILE))?,
            log_starts: self.read_checkpoint(&root.join(LOG_STARTS_FILE))?,
            compacted_to: self.read_checkpoint(&root.join(COMPACTED_TO_FILE))?,
            entries,
        })
    }

    /// A checkpoint that can't be read is as good as none, as at a start.
    fn read_checkpoint(&mut self, path: &Path) -> Result<OffsetsByPartition, RepairError> {
        let content = self.read_file(path, CHECKPOINT_MAX_BYTES)?;
        Ok(content.and_then(|bytes| checkpoint::parse(&bytes).ok()).unwrap_or_default())
    }

    /// The metadata as far as they can be read: damage in their log ends them here, and is found when it is looked at.
    fn read_metadata(&mut self) -> Result<MetadataImage, RepairError> {
        let Some(place) = self.metadata_place() else {
            let names: Vec<&str> = self.log_dirs.iter().map(|log_dir| &*log_dir.name).collect();
            return Err(RepairError::NoMetadata(names.join(",")));
        };
        let mut loader = Loader::new(String::new());
        let entries = self.list(&place.dir)?;
        let names = entries.iter().map(|entry| &*entry.name).filter(|name| names::snapshot(name).is_some());
        if let Some(name) = names.max_by_key(|name| names::snapshot(name)) {
            let (end_offset, epoch) = names::snapshot(name).expect("chosen by its name");
            let path = place.dir.join(name);
            let bytes = self.read_file(&path, METADATA_SNAPSHOT_MAX_BYTES)?.unwrap_or_default();
            let bad = |error| RepairError::Metadata(format!("{}: {error}", self.shown(&path)));
            loader.load_snapshot(&bytes, end_offset, epoch).map_err(bad)?;
        }
        let request = self.request(&place, true);
        self.look(request, false, |repair, log, dry_run| repair.read_records(log, dry_run, &mut loader))?;
        Ok(loader.image().clone())
    }

    fn read_records(
        &mut self,
        log: &mut PartitionLog,
        dry_run: &mut DryRun,
        loader: &mut Loader,
    ) -> Result<(), RepairError> {
        loop {
            let from = loader.image().end_offset.max(log.log_start());
            if log.state() != LogState::Serving || from >= log.high_watermark() {
                return Ok(());
            }
            log.read(from, READ_BYTES, &mut self.outbox);
            self.drive(log, dry_run);
            let mut events = core::iter::from_fn(|| log.poll_event());
            let read = events.find_map(|event| match event {
                LogEvent::LookupDone { result: Ok(Found::Batches(batches)), .. } => Some(batches),
                _ => None,
            });
            // What can't be applied ends the metadata like damage: a start says so in its own words.
            let Some(batches) = read else { return Ok(()) };
            if !matches!(loader.apply_batches(&batches), Ok(count) if count > 0) {
                return Ok(());
            }
        }
    }

    fn metadata_place(&self) -> Option<LogPlace> {
        let index = self.config.metadata_log_dir;
        let mut entries = self.log_dirs[usize::from(index)].entries.iter();
        if !entries.any(|entry| entry.is_dir && entry.name == METADATA_DIR) {
            return None;
        }
        Some(LogPlace {
            name: METADATA_DIR.to_string(),
            id: PartitionId { topic_id: Uuid::METADATA_TOPIC, index: 0 },
            topic: METADATA_DIR.trim_end_matches("-0").into(),
            dir: Path::new(index, METADATA_DIR),
            is_compacted: false,
        })
    }

    fn find_partitions(&self) -> Vec<LogPlace> {
        let of = |node| self.metadata.configs.get(&ConfigResource::Broker(node));
        let dynamic = self.config.with_dynamic(of(None), of(Some(self.config.node_id)));
        let config = dynamic.unwrap_or_else(|_| self.config.clone());
        let mut places: Vec<LogPlace> = self.metadata_place().into_iter().collect();
        for (index, log_dir) in (0..self.config.partition_dirs).zip(&self.log_dirs) {
            for entry in log_dir.entries.iter().filter(|entry| entry.is_dir) {
                let DirName::Partition { topic, index: partition } = DirName::parse(&entry.name) else { continue };
                let known = self.metadata.topic(topic).filter(|topic| topic.partitions.contains_key(&partition));
                let Some(topic) = known else { continue };
                let overrides = self.metadata.configs.get(&ConfigResource::Topic(topic.name.to_string()));
                let settings = config.topic_config(overrides.unwrap_or(&BTreeMap::new()));
                places.push(LogPlace {
                    name: entry.name.clone(),
                    id: PartitionId { topic_id: topic.id, index: partition },
                    topic: topic.name.clone(),
                    dir: partition_dir(index, &topic.name, partition),
                    is_compacted: settings.cleanup_policy.compact,
                });
            }
        }
        places
    }

    /// What a start would ask for.
    fn request(&self, place: &LogPlace, truncates_damage: bool) -> OpenLog {
        let log_dir = &self.log_dirs[usize::from(place.dir.log_dir)];
        let key = (place.topic.clone(), place.id.index);
        OpenLog {
            id: place.id,
            name: place.topic.clone(),
            log_dir: Arc::clone(&log_dir.name),
            dir: place.dir.clone(),
            config: LogConfig {
                is_compacted: place.is_compacted,
                truncates_damage,
                producer_id_expiration_ms: self.config.producer_id_expiration_ms,
                ..LogConfig::default()
            },
            create: false,
            was_clean: log_dir.was_clean,
            recovery_point: log_dir.recovery_points.get(&key).copied(),
            log_start: log_dir.log_starts.get(&key).copied(),
            compacted_to: log_dir.compacted_to.get(&key).copied(),
        }
    }

    /// Opens a log without changing anything, and does something with it while it is open.
    fn look(
        &mut self,
        request: OpenLog,
        verifies_all: bool,
        with: impl FnOnce(&mut Self, &mut PartitionLog, &mut DryRun) -> Result<(), RepairError>,
    ) -> Result<Looked, RepairError> {
        let mut dry_run = DryRun::default();
        let begin = if verifies_all { PartitionLog::verify } else { PartitionLog::open };
        let mut log = begin(request, self.now, &mut self.outbox);
        self.drive(&mut log, &mut dry_run);
        let result = with(self, &mut log, &mut dry_run);
        dry_run.close(&mut self.disk);
        result?;
        let reason = core::iter::from_fn(|| log.poll_event()).find_map(|event| match event {
            LogEvent::WentOffline { reason } => Some(reason),
            LogEvent::Foreign { topic_id } => Some(format!("the directory belongs to topic id {topic_id}")),
            _ => None,
        });
        Ok(Looked { state: log.state(), damage: log.damage().cloned(), reason: reason.unwrap_or_default() })
    }

    /// Does what a log asks for, until it asks for nothing. What it reports is for a start to say.
    fn drive(&mut self, log: &mut PartitionLog, dry_run: &mut DryRun) {
        while let Some(output) = self.outbox.pop() {
            let Output::Store { op, command } = output else { continue };
            let result = dry_run.run(command, &mut self.disk);
            if let Owner::Log(_) = self.outbox.take_owner(op) {
                log.stored(self.now, op, result, &mut self.outbox);
            }
        }
    }
}

/// A log after a look at it.
struct Looked {
    state: LogState,
    damage: Option<Damage>,
    reason: String,
}
