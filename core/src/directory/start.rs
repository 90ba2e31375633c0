//! The start: reads what the directory holds, refuses what is not ours before anything is changed, formats what is new,
//! and takes the marker of a clean stop away.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bytes::Bytes;

use super::files::{Done, Finished, JobError, Jobs};
use super::meta_properties::{self, MetaProperties};
use super::names::{self, DirName};
use super::root::{Checkpoints, Root};
use super::{
    BOOTSTRAP_FILE, CLEAN_MARKER_FILE, COMPACTED_TO_FILE, DirectorySettings, Found, JobKey, Key, LOG_STARTS_FILE,
    META_PROPERTIES_FILE, METADATA_DIR, OffsetsByPartition, QUORUM_STATE_FILE, QuorumState, RECOVERY_POINTS_FILE,
    bootstrap, checkpoint,
};
use crate::boundary::{DirEntry, Level, Path, StorageCommand};
use crate::metadata::{Bootstrap, Loader};
use crate::outbox::Outbox;
use crate::planted::Bug;
use crate::rng::Rng;
use crate::time::Now;
use crate::types::{LeaderEpoch, Offset};
use crate::wire::{MetadataRecord, Uuid};

/// meta.properties and quorum-state have some hundred bytes.
const SMALL_FILE_MAX_BYTES: u32 = 64 << 10;
/// A line a partition.
const CHECKPOINT_MAX_BYTES: u32 = 64 << 20;
/// Records of all topics, partitions and configs.
const SNAPSHOT_MAX_BYTES: u32 = 512 << 20;

/// The start up to [`DirectoryEvent::Ready`](super::DirectoryEvent::Ready).
#[derive(Debug)]
pub(super) struct Start {
    step: Step,
    /// Used where no directory has one.
    new_cluster_id: Uuid,
    /// Used for each directory that has none.
    new_directory_ids: Vec<Uuid>,
    /// By index of the directory.
    contents: Vec<RootContents>,
    metadata: MetadataContents,
    /// What other directories are to have as their `meta.properties`, once that of the metadata log's is durable: it says
    /// what cluster they belong to.
    new_metas: Vec<(u16, Bytes)>,
    ready: Option<Ready>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Listing,
    Reading,
    ReadingMetadataDir,
    Writing,
}

/// What was read in a log directory.
#[derive(Debug, Default)]
struct RootContents {
    entries: Vec<DirEntry>,
    meta_properties: Option<Bytes>,
    recovery_points: Option<Bytes>,
    log_starts: Option<Bytes>,
    compacted_to: Option<Bytes>,
    /// Why it can't be used.
    failure: Option<String>,
}

/// What was read in the directory of the metadata log, and beside it.
#[derive(Debug, Default)]
struct MetadataContents {
    bootstrap: Option<Bytes>,
    entries: Vec<DirEntry>,
    quorum_state: Option<Bytes>,
    snapshot_name: Option<String>,
    snapshot: Option<Bytes>,
}

/// Why a directory can't be used, and which.
type Refusal = (u16, String);

/// What the start leaves to the rest.
#[derive(Debug)]
pub(super) struct Ready {
    pub found: Found,
    pub roots: Vec<Root>,
    pub quorum_state: QuorumState,
}

pub(super) enum Progress {
    Wait,
    Ready,
    Unusable { log_dir: u16, why: String },
}

impl Start {
    pub fn begin(directories: usize, rng: &mut Rng, jobs: &mut Jobs<JobKey>, outbox: &mut Outbox) -> Self {
        for log_dir in (0..).take(directories) {
            jobs.list((log_dir, Key::Root), Path::new(log_dir, ""), outbox);
        }
        Self {
            step: Step::Listing,
            new_cluster_id: rng.uuid(),
            new_directory_ids: (0..directories).map(|_| rng.uuid()).collect(),
            contents: (0..directories).map(|_| RootContents::default()).collect(),
            metadata: MetadataContents::default(),
            new_metas: Vec::new(),
            ready: None,
        }
    }

    pub fn into_ready(self) -> Ready {
        let mut ready = self.ready.expect("the start is over");
        // One may have failed since it was judged.
        for (root, contents) in ready.roots.iter_mut().zip(self.contents) {
            root.failure = contents.failure;
        }
        ready
    }

    pub fn finished(
        &mut self,
        finished: Finished<JobKey>,
        settings: &DirectorySettings,
        now: Now,
        jobs: &mut Jobs<JobKey>,
        outbox: &mut Outbox,
    ) -> Progress {
        let log_dir = finished.key.0;
        if let Err(error) = self.keep(finished, jobs, outbox) {
            if log_dir == settings.metadata_dir {
                return Progress::Unusable { log_dir, why: error.to_string() };
            }
            self.give_up(log_dir, &error, settings, outbox);
        }
        while jobs.is_idle() {
            match self.step {
                Step::Listing => {
                    self.step = Step::Reading;
                    self.read(settings, jobs, outbox);
                }
                Step::Reading => {
                    self.step = Step::ReadingMetadataDir;
                    self.read_metadata_dir(settings, jobs, outbox);
                }
                Step::ReadingMetadataDir => {
                    self.step = Step::Writing;
                    if let Err((log_dir, why)) = self.judge(settings, now, jobs, outbox) {
                        return Progress::Unusable { log_dir, why };
                    }
                }
                Step::Writing if self.new_metas.is_empty() => return Progress::Ready,
                Step::Writing => {
                    for (log_dir, content) in core::mem::take(&mut self.new_metas) {
                        let path = Path::new(log_dir, META_PROPERTIES_FILE);
                        jobs.replace((log_dir, Key::MetaProperties), path, content, outbox);
                    }
                }
            }
        }
        Progress::Wait
    }

    /// Goes on without a directory that has failed.
    fn give_up(&mut self, log_dir: u16, error: &JobError, settings: &DirectorySettings, outbox: &mut Outbox) {
        let failure = &mut self.contents[usize::from(log_dir)].failure;
        if failure.is_none() {
            let name = &settings.names[usize::from(log_dir)];
            let text = format!("log directory {name} can't be used: {error}; the partitions in it are offline");
            outbox.report(Level::Error, text);
            *failure = Some(error.to_string());
        }
    }

    /// Keeps what a job brought. A checkpoint that can't be read is as good as none.
    fn keep(
        &mut self,
        finished: Finished<JobKey>,
        jobs: &mut Jobs<JobKey>,
        outbox: &mut Outbox,
    ) -> Result<(), JobError> {
        let (log_dir, key) = finished.key;
        let done = match finished.result {
            Ok(done) => done,
            Err(error) if matches!(key, Key::RecoveryPoints | Key::LogStarts | Key::CompactedTo) => {
                outbox.report(Level::Error, format!("{error}; going on without it"));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let (contents, metadata) = (&mut self.contents[usize::from(log_dir)], &mut self.metadata);
        match (key, done) {
            (Key::Root, Done::Listing(Some(entries))) => contents.entries = entries,
            (Key::Root, Done::Listing(None)) => {
                let dir = Path::new(log_dir, "");
                let command = StorageCommand::MakeDir { dir: dir.clone() };
                jobs.command((log_dir, Key::MakeRoot), dir, "created", command, outbox);
            }
            (Key::MetaProperties, Done::Content(content)) => contents.meta_properties = content,
            (Key::RecoveryPoints, Done::Content(content)) => contents.recovery_points = content,
            (Key::LogStarts, Done::Content(content)) => contents.log_starts = content,
            (Key::CompactedTo, Done::Content(content)) => contents.compacted_to = content,
            (Key::MetadataDir, Done::Listing(entries)) => metadata.entries = entries.unwrap_or_default(),
            (Key::Bootstrap, Done::Content(content)) => metadata.bootstrap = content,
            (Key::QuorumState, Done::Content(content)) => metadata.quorum_state = content,
            (Key::Snapshot, Done::Content(content)) => metadata.snapshot = content,
            (_, _) => {}
        }
        Ok(())
    }

    fn read(&mut self, settings: &DirectorySettings, jobs: &mut Jobs<JobKey>, outbox: &mut Outbox) {
        for (log_dir, contents) in (0..).zip(&self.contents).filter(|(_, contents)| contents.failure.is_none()) {
            let is_metadata_dir = log_dir == settings.metadata_dir;
            for entry in &contents.entries {
                let path = Path::new(log_dir, &*entry.name);
                if is_metadata_dir && entry.is_dir && entry.name == METADATA_DIR {
                    jobs.list((log_dir, Key::MetadataDir), path.clone(), outbox);
                }
                let (key, limit_bytes) = match &*entry.name {
                    META_PROPERTIES_FILE => (Key::MetaProperties, SMALL_FILE_MAX_BYTES),
                    RECOVERY_POINTS_FILE => (Key::RecoveryPoints, CHECKPOINT_MAX_BYTES),
                    LOG_STARTS_FILE => (Key::LogStarts, CHECKPOINT_MAX_BYTES),
                    COMPACTED_TO_FILE => (Key::CompactedTo, CHECKPOINT_MAX_BYTES),
                    BOOTSTRAP_FILE if is_metadata_dir => (Key::Bootstrap, SNAPSHOT_MAX_BYTES),
                    _ => continue,
                };
                jobs.read((log_dir, key), path, limit_bytes, outbox);
            }
        }
    }

    fn read_metadata_dir(&mut self, settings: &DirectorySettings, jobs: &mut Jobs<JobKey>, outbox: &mut Outbox) {
        let log_dir = settings.metadata_dir;
        let dir = Path::new(log_dir, METADATA_DIR);
        let names = || self.metadata.entries.iter().map(|entry| &*entry.name);
        if names().any(|name| name == QUORUM_STATE_FILE) {
            let path = dir.join(QUORUM_STATE_FILE);
            jobs.read((log_dir, Key::QuorumState), path, SMALL_FILE_MAX_BYTES, outbox);
        }
        let newest = names().filter(|name| names::snapshot(name).is_some()).max_by_key(|name| names::snapshot(name));
        if let Some(name) = newest {
            jobs.read((log_dir, Key::Snapshot), dir.join(name), SNAPSHOT_MAX_BYTES, outbox);
            self.metadata.snapshot_name = Some(name.to_string());
        }
    }

    /// All was read: is it ours, and what is to be written before the logs are opened?
    fn judge(
        &mut self,
        settings: &DirectorySettings,
        now: Now,
        jobs: &mut Jobs<JobKey>,
        outbox: &mut Outbox,
    ) -> Result<(), Refusal> {
        let metadata_dir = settings.metadata_dir;
        self.check_places(settings)?;
        let metas = self.identify(settings, outbox)?;
        let meta = metas[usize::from(metadata_dir)].clone().expect("without it there is no broker").0;
        let contents = core::mem::take(&mut self.metadata);
        let loader = load_snapshot(&contents, &meta).map_err(|why| (metadata_dir, why))?;
        let bootstrap = Bootstrap {
            records: read_bootstrap(contents.bootstrap.as_ref(), outbox),
            min_insync_replicas: settings.min_insync_replicas,
        };
        if self.contents[usize::from(metadata_dir)].meta_properties.is_none() && contents.bootstrap.is_none() {
            let content = bootstrap::checkpoint(&bootstrap.records, now);
            let path = Path::new(metadata_dir, BOOTSTRAP_FILE);
            jobs.replace((metadata_dir, Key::Bootstrap), path, content, outbox);
        }
        let mut roots = Vec::new();
        for (log_dir, meta) in (0..).zip(metas) {
            roots.push(self.take_root(log_dir, meta, jobs, outbox));
        }
        if let Some(at) = self.new_metas.iter().position(|(log_dir, _)| *log_dir == metadata_dir) {
            let (_, content) = self.new_metas.remove(at);
            let path = Path::new(metadata_dir, META_PROPERTIES_FILE);
            jobs.replace((metadata_dir, Key::MetaProperties), path, content, outbox);
        }
        let root = &self.contents[usize::from(metadata_dir)];
        let metadata_exists = root.entries.iter().any(|entry| entry.is_dir && entry.name == METADATA_DIR);
        // Kafka leaves no marker where there are no partitions, and may not have removed ours.
        let was_clean = roots[usize::from(metadata_dir)].was_clean && metadata_dir < settings.partition_dirs;
        let metadata_path = Path::new(metadata_dir, METADATA_DIR);
        self.ready = Some(Ready {
            roots,
            quorum_state: read_quorum_state(contents.quorum_state.as_ref(), outbox),
            found: Found { meta, log_dirs: Vec::new(), was_clean, metadata_path, metadata_exists, loader, bootstrap },
        });
        Ok(())
    }

    /// Whether the metadata log is where it was last time.
    fn check_places(&self, settings: &DirectorySettings) -> Result<(), Refusal> {
        let metadata_dir = settings.metadata_dir;
        let name = &settings.names[usize::from(metadata_dir)];
        for (log_dir, contents) in (0..).zip(&self.contents).filter(|(log_dir, _)| *log_dir != metadata_dir) {
            if contents.entries.iter().any(|entry| entry.is_dir && entry.name == METADATA_DIR) {
                let why = format!(
                    "it holds the metadata log ({METADATA_DIR}), which is expected in {name}. Set metadata.log.dir to the \
                    one of them that is right, and take the other's {METADATA_DIR} away"
                );
                return Err((log_dir, why));
            }
            let is_new = self.contents[usize::from(metadata_dir)].meta_properties.is_none();
            if is_new && contents.meta_properties.is_some() {
                let why = format!(
                    "it belongs to a broker, but {name}, where the metadata log should be, to none ({META_PROPERTIES_FILE} \
                    is missing). Is a disk not mounted? Else set metadata.log.dir, or give other log.dirs"
                );
                return Err((log_dir, why));
            }
        }
        Ok(())
    }

    /// Who each directory is, and whether that is to be written; nothing of those that have failed.
    fn identify(
        &self,
        settings: &DirectorySettings,
        outbox: &mut Outbox,
    ) -> Result<Vec<Option<(MetaProperties, bool)>>, Refusal> {
        let metadata_dir = settings.metadata_dir;
        let ours = self.identify_one(metadata_dir, settings, outbox)?;
        // All others are of the same node.
        let settings = &DirectorySettings {
            node_id: ours.0.node_id,
            is_node_id_set: true,
            cluster_id: Some(ours.0.cluster_id.clone()),
            ..settings.clone()
        };
        let mut metas: Vec<Option<(MetaProperties, bool)>> = Vec::new();
        for (log_dir, contents) in (0..).zip(&self.contents) {
            let meta = match &contents.failure {
                Some(_) => None,
                None if log_dir == metadata_dir => Some(ours.clone()),
                None => Some(self.identify_one(log_dir, settings, outbox)?),
            };
            let is_same = |other: &Option<(MetaProperties, bool)>| match (other, &meta) {
                (Some((other, _)), Some((meta, _))) => other.directory_id == meta.directory_id,
                _ => false,
            };
            if let Some(other) = metas.iter().position(is_same) {
                let name = &settings.names[other];
                let why = format!(
                    "{META_PROPERTIES_FILE} has the directory.id of {name}: one is a copy of the other. Leave one of them out \
                    of log.dirs"
                );
                return Err((log_dir, why));
            }
            metas.push(meta);
        }
        Ok(metas)
    }

    fn identify_one(
        &self,
        log_dir: u16,
        settings: &DirectorySettings,
        outbox: &mut Outbox,
    ) -> Result<(MetaProperties, bool), Refusal> {
        let contents = &self.contents[usize::from(log_dir)];
        let new_id = self.new_directory_ids[usize::from(log_dir)];
        match &contents.meta_properties {
            Some(bytes) => recognise(bytes, new_id, settings).map_err(|why| (log_dir, why)),
            None => Ok((self.format(log_dir, settings, outbox), true)),
        }
    }

    /// What the rest needs to know of a directory; writes what is to be written before its logs are opened.
    fn take_root(
        &mut self,
        log_dir: u16,
        meta: Option<(MetaProperties, bool)>,
        jobs: &mut Jobs<JobKey>,
        outbox: &mut Outbox,
    ) -> Root {
        let Some((meta, is_changed)) = meta else { return Root::default() };
        let contents = &mut self.contents[usize::from(log_dir)];
        if is_changed {
            self.new_metas.push((log_dir, meta.to_bytes()));
        }
        // What is in it does not count, as in Kafka.
        let was_clean = contents.entries.iter().any(|entry| entry.name == CLEAN_MARKER_FILE);
        if !contents.entries.is_empty() && !outbox.bugs().has(Bug::CleanMarkerKept) {
            // Gone for good before any log is touched: a crash from here on is an unclean stop. A crash in between
            // leaves the marker, and nothing that it would be wrong about. Where there is none, the directories may be
            // those of a process that was killed before it had made their names durable: they count from now on.
            let path = Path::new(log_dir, CLEAN_MARKER_FILE);
            jobs.remove_durably((log_dir, Key::CleanMarker), path, outbox);
        }
        let written = Checkpoints {
            recovery_points: read_checkpoint(RECOVERY_POINTS_FILE, contents.recovery_points.take(), outbox),
            log_starts: read_checkpoint(LOG_STARTS_FILE, contents.log_starts.take(), outbox),
            compacted_to: read_checkpoint(COMPACTED_TO_FILE, contents.compacted_to.take(), outbox),
        };
        let subdirectories = contents.entries.iter().filter(|entry| entry.is_dir).map(|entry| entry.name.clone());
        let subdirectories = subdirectories.collect();
        Root { id: meta.directory_id, was_clean, subdirectories, written, ..Root::default() }
    }

    /// A new identity for a directory that has none.
    fn format(&self, log_dir: u16, settings: &DirectorySettings, outbox: &mut Outbox) -> MetaProperties {
        let name = &settings.names[usize::from(log_dir)];
        let has_logs = self.contents[usize::from(log_dir)].entries.iter().any(|entry| {
            entry.is_dir && matches!(DirName::parse(&entry.name), DirName::Partition { .. } | DirName::Metadata)
        });
        if has_logs {
            outbox.report(
                Level::Warn,
                format!("log directory {name} has partitions but no {META_PROPERTIES_FILE}: it gets new ids"),
            );
        }
        let meta = MetaProperties {
            cluster_id: settings.cluster_id.clone().unwrap_or_else(|| self.new_cluster_id.to_string()),
            node_id: settings.node_id,
            directory_id: self.new_directory_ids[usize::from(log_dir)],
        };
        let MetaProperties { cluster_id, node_id, directory_id } = &meta;
        outbox.report(
            Level::Info,
            format!(
                "formatted log directory {name}: cluster.id={cluster_id} node.id={node_id} directory.id={directory_id}"
            ),
        );
        meta
    }
}

/// Whether an existing directory is ours; says who we are, and whether the file has to be written anew.
fn recognise(bytes: &[u8], new_id: Uuid, settings: &DirectorySettings) -> Result<(MetaProperties, bool), String> {
    let read = meta_properties::Read::parse(bytes).map_err(|error| {
        format!("{META_PROPERTIES_FILE} can't be used: {error}. Restore the file, or give another log.dirs")
    })?;
    let ours = settings.node_id;
    if settings.is_node_id_set && ours != read.node_id {
        return Err(format!(
            "{META_PROPERTIES_FILE} has node.id={}, but the configuration has node.id={ours}. Start with \
            node.id={}, or give another log.dirs",
            read.node_id, read.node_id
        ));
    }
    if let Some(ours) = settings.cluster_id.as_ref().filter(|ours| **ours != read.cluster_id) {
        return Err(format!(
            "{META_PROPERTIES_FILE} has cluster.id={}, but cluster id {ours} is asked for. Start without a cluster \
            id, or give another log.dirs",
            read.cluster_id
        ));
    }
    let directory_id = read.directory_id.unwrap_or(new_id);
    let meta = MetaProperties { cluster_id: read.cluster_id, node_id: read.node_id, directory_id };
    Ok((meta, read.directory_id.is_none()))
}

fn read_checkpoint(name: &str, content: Option<Bytes>, outbox: &mut Outbox) -> OffsetsByPartition {
    content.map_or_else(OffsetsByPartition::new, |bytes| {
        checkpoint::parse(&bytes).unwrap_or_else(|error| {
            outbox.report(Level::Error, format!("{name} is damaged: {error}; going on without it"));
            OffsetsByPartition::new()
        })
    })
}

fn load_snapshot(contents: &MetadataContents, meta: &MetaProperties) -> Result<Loader, String> {
    let mut loader = Loader::new(meta.cluster_id.clone());
    if let (Some(name), Some(bytes)) = (&contents.snapshot_name, &contents.snapshot) {
        let (end_offset, epoch) = names::snapshot(name).expect("chosen by its name");
        load(&mut loader, bytes, end_offset, epoch).map_err(|why| {
            format!("metadata snapshot {METADATA_DIR}/{name} can't be used: {why}. Restore it from a copy")
        })?;
    }
    Ok(loader)
}

fn load(loader: &mut Loader, bytes: &Bytes, end_offset: Offset, epoch: LeaderEpoch) -> Result<(), String> {
    loader.load_snapshot(bytes, end_offset, epoch).map_err(|error| error.to_string())
}

/// The records that begin a new metadata log: those that the directory was formatted with, or else our own.
fn read_bootstrap(content: Option<&Bytes>, outbox: &mut Outbox) -> Vec<MetadataRecord> {
    content.map_or_else(bootstrap::default_records, |bytes| {
        bootstrap::read(bytes).unwrap_or_else(|error| {
            let text = format!("{BOOTSTRAP_FILE} is damaged: {error}; a new metadata log would begin without it");
            outbox.report(Level::Warn, text);
            bootstrap::default_records()
        })
    })
}

fn read_quorum_state(content: Option<&Bytes>, outbox: &mut Outbox) -> QuorumState {
    let Some(bytes) = content else { return QuorumState::default() };
    QuorumState::parse(bytes).unwrap_or_else(|| {
        let text = format!("{METADATA_DIR}/{QUORUM_STATE_FILE} is damaged; the metadata log says which epoch was last");
        outbox.report(Level::Warn, text);
        QuorumState::default()
    })
}
