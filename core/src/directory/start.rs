//! The start: reads what the directory holds, refuses what is not ours before anything is changed, formats what is new,
//! and takes the marker of a clean stop away.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bytes::Bytes;

use super::files::{Done, Finished, JobError, Jobs};
use super::meta_properties::{self, MetaProperties};
use super::names::{self, DirName};
use super::{
    BOOTSTRAP_FILE, CLEAN_MARKER_FILE, COMPACTED_TO_FILE, DirectorySettings, Found, Key, LOG_STARTS_FILE,
    META_PROPERTIES_FILE, METADATA_DIR, OffsetsByPartition, QUORUM_STATE_FILE, QuorumState, RECOVERY_POINTS_FILE,
    bootstrap, checkpoint,
};
use crate::boundary::{DirEntry, Level, Path, StorageCommand};
use crate::metadata::{Bootstrap, Loader};
use crate::outbox::Outbox;
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
    /// Used where the directory has none.
    new_cluster_id: Uuid,
    new_directory_id: Uuid,
    contents: Contents,
    ready: Option<Ready>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Listing,
    Reading,
    ReadingMetadataDir,
    Writing,
}

/// What was read.
#[derive(Debug, Default)]
struct Contents {
    entries: Vec<DirEntry>,
    meta_properties: Option<Bytes>,
    recovery_points: Option<Bytes>,
    log_starts: Option<Bytes>,
    compacted_to: Option<Bytes>,
    bootstrap: Option<Bytes>,
    metadata_entries: Vec<DirEntry>,
    quorum_state: Option<Bytes>,
    snapshot_name: Option<String>,
    snapshot: Option<Bytes>,
}

/// What the start leaves to the rest.
#[derive(Debug)]
pub(super) struct Ready {
    pub found: Found,
    pub subdirectories: Vec<String>,
    pub recovery_points: OffsetsByPartition,
    pub log_starts: OffsetsByPartition,
    pub compacted_to: OffsetsByPartition,
    pub quorum_state: QuorumState,
}

pub(super) enum Progress {
    Wait,
    Ready,
    Unusable(String),
}

impl Start {
    pub fn begin(rng: &mut Rng, jobs: &mut Jobs<Key>, outbox: &mut Outbox) -> Self {
        jobs.list(Key::Root, Path::new(0, ""), outbox);
        Self {
            step: Step::Listing,
            new_cluster_id: rng.uuid(),
            new_directory_id: rng.uuid(),
            contents: Contents::default(),
            ready: None,
        }
    }

    pub fn into_ready(self) -> Ready {
        self.ready.expect("the start is over")
    }

    pub fn finished(
        &mut self,
        finished: Finished<Key>,
        settings: &DirectorySettings,
        now: Now,
        jobs: &mut Jobs<Key>,
        outbox: &mut Outbox,
    ) -> Progress {
        if let Err(why) = self.keep(finished, jobs, outbox) {
            return Progress::Unusable(why.to_string());
        }
        while jobs.is_idle() {
            match self.step {
                Step::Listing => {
                    self.step = Step::Reading;
                    self.read(jobs, outbox);
                }
                Step::Reading => {
                    self.step = Step::ReadingMetadataDir;
                    self.read_metadata_dir(jobs, outbox);
                }
                Step::ReadingMetadataDir => {
                    self.step = Step::Writing;
                    if let Err(why) = self.judge(settings, now, jobs, outbox) {
                        return Progress::Unusable(why);
                    }
                }
                Step::Writing => return Progress::Ready,
            }
        }
        Progress::Wait
    }

    /// Keeps what a job brought. A checkpoint that can't be read is as good as none.
    fn keep(&mut self, finished: Finished<Key>, jobs: &mut Jobs<Key>, outbox: &mut Outbox) -> Result<(), JobError> {
        let done = match finished.result {
            Ok(done) => done,
            Err(error) if matches!(finished.key, Key::RecoveryPoints | Key::LogStarts | Key::CompactedTo) => {
                outbox.report(Level::Error, format!("{error}; going on without it"));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let contents = &mut self.contents;
        match (finished.key, done) {
            (Key::Root, Done::Listing(Some(entries))) => contents.entries = entries,
            (Key::Root, Done::Listing(None)) => {
                let dir = Path::new(0, "");
                jobs.command(Key::MakeRoot, dir.clone(), "created", StorageCommand::MakeDir { dir }, outbox);
            }
            (Key::MetadataDir, Done::Listing(entries)) => contents.metadata_entries = entries.unwrap_or_default(),
            (Key::MetaProperties, Done::Content(content)) => contents.meta_properties = content,
            (Key::RecoveryPoints, Done::Content(content)) => contents.recovery_points = content,
            (Key::LogStarts, Done::Content(content)) => contents.log_starts = content,
            (Key::CompactedTo, Done::Content(content)) => contents.compacted_to = content,
            (Key::Bootstrap, Done::Content(content)) => contents.bootstrap = content,
            (Key::QuorumState, Done::Content(content)) => contents.quorum_state = content,
            (Key::Snapshot, Done::Content(content)) => contents.snapshot = content,
            (_, _) => {}
        }
        Ok(())
    }

    fn read(&mut self, jobs: &mut Jobs<Key>, outbox: &mut Outbox) {
        for entry in &self.contents.entries {
            if entry.is_dir && entry.name == METADATA_DIR {
                jobs.list(Key::MetadataDir, Path::new(0, METADATA_DIR), outbox);
            }
            let (key, limit_bytes) = match &*entry.name {
                META_PROPERTIES_FILE => (Key::MetaProperties, SMALL_FILE_MAX_BYTES),
                RECOVERY_POINTS_FILE => (Key::RecoveryPoints, CHECKPOINT_MAX_BYTES),
                LOG_STARTS_FILE => (Key::LogStarts, CHECKPOINT_MAX_BYTES),
                COMPACTED_TO_FILE => (Key::CompactedTo, CHECKPOINT_MAX_BYTES),
                BOOTSTRAP_FILE => (Key::Bootstrap, SNAPSHOT_MAX_BYTES),
                _ => continue,
            };
            jobs.read(key, Path::new(0, &*entry.name), limit_bytes, outbox);
        }
    }

    fn read_metadata_dir(&mut self, jobs: &mut Jobs<Key>, outbox: &mut Outbox) {
        let dir = Path::new(0, METADATA_DIR);
        let names = || self.contents.metadata_entries.iter().map(|entry| &*entry.name);
        if names().any(|name| name == QUORUM_STATE_FILE) {
            jobs.read(Key::QuorumState, dir.join(QUORUM_STATE_FILE), SMALL_FILE_MAX_BYTES, outbox);
        }
        let newest = names().filter(|name| names::snapshot(name).is_some()).max_by_key(|name| names::snapshot(name));
        if let Some(name) = newest {
            jobs.read(Key::Snapshot, dir.join(name), SNAPSHOT_MAX_BYTES, outbox);
            self.contents.snapshot_name = Some(name.to_string());
        }
    }

    /// All was read: is it ours, and what is to be written before the logs are opened?
    fn judge(
        &mut self,
        settings: &DirectorySettings,
        now: Now,
        jobs: &mut Jobs<Key>,
        outbox: &mut Outbox,
    ) -> Result<(), String> {
        let contents = core::mem::take(&mut self.contents);
        let (meta, is_changed) = match &contents.meta_properties {
            Some(bytes) => self.recognise(bytes, settings)?,
            None => (self.format(settings, &contents, outbox), true),
        };
        let loader = load_snapshot(&contents, &meta)?;
        let bootstrap = Bootstrap {
            records: read_bootstrap(contents.bootstrap.as_ref(), outbox),
            min_insync_replicas: settings.min_insync_replicas,
        };

        let root = Path::new(0, "");
        if is_changed {
            jobs.replace(Key::MetaProperties, root.join(META_PROPERTIES_FILE), meta.to_bytes(), outbox);
        }
        if contents.meta_properties.is_none() && contents.bootstrap.is_none() {
            let content = bootstrap::checkpoint(&bootstrap.records, now);
            jobs.replace(Key::Bootstrap, root.join(BOOTSTRAP_FILE), content, outbox);
        }
        // What is in it does not count, as in Kafka.
        let was_clean = contents.entries.iter().any(|entry| entry.name == CLEAN_MARKER_FILE);
        if !contents.entries.is_empty() {
            // Gone for good before any log is touched: a crash from here on is an unclean stop. A crash in between
            // leaves the marker, and nothing that it would be wrong about. Where there is none, the directories may be
            // those of a process that was killed before it had made their names durable: they count from now on.
            let path = root.join(CLEAN_MARKER_FILE);
            jobs.remove_durably(Key::CleanMarker, path, outbox);
        }

        let checkpoint = |name: &str, content: Option<&Bytes>, outbox: &mut Outbox| {
            content.map_or_else(OffsetsByPartition::new, |bytes| {
                checkpoint::parse(bytes).unwrap_or_else(|error| {
                    outbox.report(Level::Error, format!("{name} is damaged: {error}; going on without it"));
                    OffsetsByPartition::new()
                })
            })
        };
        let metadata_path = root.join(METADATA_DIR);
        let metadata_exists = contents.entries.iter().any(|entry| entry.is_dir && entry.name == METADATA_DIR);
        self.ready = Some(Ready {
            recovery_points: checkpoint(RECOVERY_POINTS_FILE, contents.recovery_points.as_ref(), outbox),
            log_starts: checkpoint(LOG_STARTS_FILE, contents.log_starts.as_ref(), outbox),
            compacted_to: checkpoint(COMPACTED_TO_FILE, contents.compacted_to.as_ref(), outbox),
            quorum_state: read_quorum_state(contents.quorum_state.as_ref(), outbox),
            subdirectories: contents.entries.into_iter().filter(|entry| entry.is_dir).map(|entry| entry.name).collect(),
            found: Found { meta, was_clean, metadata_path, metadata_exists, loader, bootstrap },
        });
        Ok(())
    }

    /// Whether an existing directory is ours; says who we are, and whether the file has to be written anew.
    fn recognise(&self, bytes: &[u8], settings: &DirectorySettings) -> Result<(MetaProperties, bool), String> {
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
        let directory_id = read.directory_id.unwrap_or(self.new_directory_id);
        let meta = MetaProperties { cluster_id: read.cluster_id, node_id: read.node_id, directory_id };
        Ok((meta, read.directory_id.is_none()))
    }

    /// A new identity for a directory that has none.
    fn format(&self, settings: &DirectorySettings, contents: &Contents, outbox: &mut Outbox) -> MetaProperties {
        let name = &settings.name;
        let has_logs = contents.entries.iter().any(|entry| {
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
            directory_id: self.new_directory_id,
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

fn load_snapshot(contents: &Contents, meta: &MetaProperties) -> Result<Loader, String> {
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
