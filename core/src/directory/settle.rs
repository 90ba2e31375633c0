//! After the metadata log was read: which directories are whose.
//!
//! A replica that moves to another log directory is complete when the metadata says that it is there, and not before: the
//! broker says it only then (`broker/log_moves`), and until the move is over nothing is written that the other one does not
//! have. So what a stop in the middle of a move left is plain:
//! - the metadata names the directory of the replica that is to come: it takes its name, and the former one gives it up;
//! - the metadata names the directory of the one that is there: the other goes on to be copied.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::files::Jobs;
use super::names::{self, Aside, DirName, partition_dir};
use super::root::Checkpoints;
use super::{Directory, FoundPartition, JobKey, Key, OffsetsByPartition};
use crate::boundary::{Level, Path, StorageCommand};
use crate::metadata::{MetadataImage, Partition, Topic};
use crate::outbox::{Outbox, Owner};
use crate::rng::Rng;
use crate::types::PartitionId;

/// Waits for renames and for the epoch.
#[derive(Debug)]
pub(super) struct Settling {
    partitions: Vec<FoundPartition>,
    futures: Vec<FoundPartition>,
    /// Directories of no use: they go once their names are durable.
    removed: Vec<Path>,
    /// Of these directories.
    are_entries_changed: BTreeSet<u16>,
}

impl Settling {
    /// # Errors
    /// Two directories hold the same partition: which, and why that can't be.
    pub fn begin(
        directory: &mut Directory,
        image: &MetadataImage,
        rng: &mut Rng,
        outbox: &mut Outbox,
    ) -> Result<Self, (u16, String)> {
        let Places { existing, complete, copying, superseded, useless } = places(directory, image)?;
        let mut are_entries_changed = BTreeSet::new();
        let mut removed = Vec::new();
        for log_dir in directory.usable().collect::<Vec<_>>() {
            for name in core::mem::take(&mut directory.roots[usize::from(log_dir)].subdirectories) {
                let path = Path::new(log_dir, &*name);
                match DirName::parse(&name) {
                    DirName::Metadata => {}
                    DirName::Partition { topic, index } | DirName::Future { topic, index }
                        if !is_known(image, topic, index) =>
                    {
                        set_aside(&path, "belongs to no topic of this cluster", rng, &mut directory.jobs, outbox);
                        are_entries_changed.insert(log_dir);
                    }
                    DirName::Partition { .. } if superseded.contains(&path) => {
                        set_aside(&path, "has moved to another log directory", rng, &mut directory.jobs, outbox);
                        are_entries_changed.insert(log_dir);
                    }
                    DirName::Partition { .. } => {}
                    DirName::Future { topic, index } if complete.contains(&path) => {
                        let to = partition_dir(log_dir, topic, index);
                        outbox.report(Level::Info, format!("{name} is complete: it becomes {}", to.relative));
                        rename(path, to, &mut directory.jobs, outbox);
                        are_entries_changed.insert(log_dir);
                    }
                    DirName::Future { .. } if useless.contains(&path) => {
                        let to = names::aside(&path, rng.uuid(), Aside::Delete);
                        rename(path, to.clone(), &mut directory.jobs, outbox);
                        removed.push(to);
                        are_entries_changed.insert(log_dir);
                    }
                    DirName::Future { .. } if copying.contains(&path) => {}
                    DirName::Deleted => drop(outbox.store(Owner::Nobody, StorageCommand::Remove { path })),
                    DirName::Stray => {
                        outbox.report(Level::Debug, format!("{name} was set aside before, and is left alone"))
                    }
                    DirName::Future { .. } => outbox.report(
                        Level::Warn,
                        format!(
                            "{name} is a replica on its way between log directories, and the one that it was copied from \
                            is not there: it is left alone and not served"
                        ),
                    ),
                    DirName::Foreign => {
                        outbox.report(Level::Warn, format!("{name} is not a partition's directory: it is left alone"));
                    }
                }
            }
        }
        let futures = copying.iter().filter_map(|path| future(directory, image, path)).collect();
        Ok(Self { partitions: partitions(directory, image, &existing), futures, removed, are_entries_changed })
    }

    /// Says which partitions to open, and which are on their way, when all is done.
    pub fn finished(
        &mut self,
        key: Key,
        jobs: &mut Jobs<JobKey>,
        outbox: &mut Outbox,
    ) -> Option<(Vec<FoundPartition>, Vec<FoundPartition>)> {
        debug_assert!(
            matches!(key, Key::QuorumState | Key::SetAside | Key::Entries),
            "no other job runs here: {key:?}"
        );
        if !jobs.is_idle() {
            return None;
        }
        if !self.are_entries_changed.is_empty() {
            for log_dir in core::mem::take(&mut self.are_entries_changed) {
                let dir = Path::new(log_dir, "");
                let command = StorageCommand::SyncDir { dir: dir.clone() };
                jobs.command((log_dir, Key::Entries), dir, "made durable", command, outbox);
            }
            return None;
        }
        for path in core::mem::take(&mut self.removed) {
            outbox.store(Owner::Nobody, StorageCommand::Remove { path });
        }
        Some((core::mem::take(&mut self.partitions), core::mem::take(&mut self.futures)))
    }
}

/// What lies where.
#[derive(Debug, Default)]
struct Places {
    /// Which log directory each known partition lies in, or will, by the name of its directory there.
    existing: BTreeMap<String, u16>,
    /// Replicas that moved, and only miss their name.
    complete: BTreeSet<Path>,
    /// Replicas that are still to be copied.
    copying: BTreeSet<Path>,
    /// Those that others took the place of.
    superseded: BTreeSet<Path>,
    /// Replicas on their way to where nothing is to come any more.
    useless: BTreeSet<Path>,
}

/// # Errors
/// Two directories hold the same partition, and the metadata names neither: which, and why that can't be.
fn places(directory: &Directory, image: &MetadataImage) -> Result<Places, (u16, String)> {
    let mut places = Places::default();
    for log_dir in directory.usable() {
        for name in &directory.root(log_dir).subdirectories {
            let DirName::Partition { topic, index } = DirName::parse(name) else { continue };
            if is_known(image, topic, index) {
                places.found(directory, image, log_dir, topic, index)?;
            }
        }
    }
    for log_dir in directory.usable() {
        for name in &directory.root(log_dir).subdirectories {
            let DirName::Future { topic, index } = DirName::parse(name) else { continue };
            if is_known(image, topic, index) {
                let is_meant = named_dir(directory, image, topic, index) == Some(log_dir);
                places.found_future(Path::new(log_dir, &**name), is_meant, topic, index);
            }
        }
    }
    Ok(places)
}

impl Places {
    fn found(
        &mut self,
        directory: &Directory,
        image: &MetadataImage,
        log_dir: u16,
        topic: &str,
        index: i32,
    ) -> Result<(), (u16, String)> {
        let path = partition_dir(log_dir, topic, index);
        let Some(other) = self.existing.insert(String::from(&*path.relative), log_dir) else { return Ok(()) };
        // Of a move that was over but for the name of the former directory.
        match named_dir(directory, image, topic, index) {
            Some(named) if named == log_dir => self.superseded.insert(partition_dir(other, topic, index)),
            Some(named) if named == other => {
                self.existing.insert(String::from(&*path.relative), other);
                self.superseded.insert(path)
            }
            _ => {
                let (name, other) = (&path.relative, directory.name_of(other));
                let why =
                    format!("{name} is there and in {other} too. Keep the one that is right, take the other away");
                return Err((log_dir, why));
            }
        };
        Ok(())
    }

    fn found_future(&mut self, path: Path, is_meant: bool, topic: &str, index: i32) {
        let current = partition_dir(path.log_dir, topic, index);
        let place = self.existing.get(&*current.relative).copied();
        let is_another =
            |other: &Path| other.relative.rsplit_once('.').map(|(name, _)| name) == Some(&*current.relative);
        match place {
            Some(place) if place == path.log_dir => drop(self.useless.insert(path)),
            Some(_) | None if is_meant => {
                self.superseded.extend(place.map(|place| partition_dir(place, topic, index)));
                self.existing.insert(String::from(&*current.relative), path.log_dir);
                self.complete.insert(path);
            }
            Some(_) if self.copying.iter().any(is_another) => drop(self.useless.insert(path)),
            Some(_) => drop(self.copying.insert(path)),
            None => {}
        }
    }
}

/// The log directory that the metadata names for our replica of a partition, where that can be used.
fn named_dir(directory: &Directory, image: &MetadataImage, topic: &str, index: i32) -> Option<u16> {
    let partition = image.topic(topic)?.partitions.get(&index)?;
    let mut replicas = partition.replicas.iter().zip(&partition.directories);
    let (_, id) = replicas.find(|(replica, _)| **replica == directory.node_id)?;
    directory.index_of(*id)
}

/// A replica that is still to be copied, as it was left.
fn future(directory: &Directory, image: &MetadataImage, path: &Path) -> Option<FoundPartition> {
    let DirName::Future { topic, index } = DirName::parse(&path.relative) else { return None };
    let topic = image.topic(topic)?;
    let partition = topic.partitions.get(&index)?;
    let found = found_partition(directory, topic, index, partition, Some(path.log_dir));
    Some(FoundPartition { path: path.clone(), ..found })
}

fn is_known(image: &MetadataImage, topic: &str, index: i32) -> bool {
    image.topic(topic).is_some_and(|topic| topic.partitions.contains_key(&index))
}

/// A topic of that name may be created later, and must not find the bytes of another: so the directory gives up its name.
fn set_aside(path: &Path, why: &str, rng: &mut Rng, jobs: &mut Jobs<JobKey>, outbox: &mut Outbox) {
    let to = names::aside(path, rng.uuid(), Aside::Stray);
    outbox.report(Level::Warn, format!("{path} {why}: it is renamed to {}, its bytes are kept", to.relative));
    rename(path.clone(), to, jobs, outbox);
}

fn rename(path: Path, to: Path, jobs: &mut Jobs<JobKey>, outbox: &mut Outbox) {
    let command = StorageCommand::Rename { from: path.clone(), to };
    jobs.command((path.log_dir, Key::SetAside), path, "renamed", command, outbox);
}

/// The partitions that this node has: those that the records give it, and those whose directories lie here though the
/// records give them to a node that is not there. There is no other node.
fn partitions(directory: &Directory, image: &MetadataImage, existing: &BTreeMap<String, u16>) -> Vec<FoundPartition> {
    let mut found = Vec::new();
    for topic in image.topics.values() {
        for (&index, partition) in &topic.partitions {
            let at = existing.get(&*partition_dir(0, &topic.name, index).relative).copied();
            if at.is_none() && !partition.replicas.contains(&directory.node_id) {
                continue;
            }
            found.push(found_partition(directory, topic, index, partition, at));
        }
    }
    found
}

/// `at` says which log directory it lies in, if any.
fn found_partition(
    directory: &Directory,
    topic: &Topic,
    index: i32,
    partition: &Partition,
    at: Option<u16>,
) -> FoundPartition {
    let failed = (0..directory.settings.partition_dirs).find(|log_dir| directory.has_failed(*log_dir));
    // What is nowhere to be found may be where nobody can look. Made anew, it would be there twice.
    let unreachable = if at.is_none() { failed } else { None };
    let log_dir = at.or(unreachable).unwrap_or_else(|| recorded_dir(directory, partition));
    let key = (topic.name.clone(), index);
    // Of a partition that is not there any checkpoint may speak.
    let roots = (0..directory.settings.partition_dirs).filter(|other| at.is_none_or(|at| at == *other));
    let mut roots = roots.map(|other| directory.root(other));
    let root = roots.find(|root| at.is_some() || root.written.has(&key));
    let written = root.map(|root| &root.written);
    let offset = |of: fn(&Checkpoints) -> &OffsetsByPartition| written.and_then(|it| of(it).get(&key)).copied();
    FoundPartition {
        id: PartitionId { topic_id: topic.id, index },
        topic: topic.name.clone(),
        path: partition_dir(log_dir, &topic.name, index),
        exists: at.is_some(),
        unreachable: unreachable.map(|log_dir| directory.failure_text(log_dir)),
        log_dir_id: directory.root(log_dir).id,
        was_clean: directory.root(log_dir).was_clean,
        recovery_point: offset(|it| &it.recovery_points),
        log_start: offset(|it| &it.log_starts),
        compacted_to: offset(|it| &it.compacted_to),
    }
}

/// Where the records say that our replica is; the first log directory where they don't know.
fn recorded_dir(directory: &Directory, partition: &Partition) -> u16 {
    let mut replicas = partition.replicas.iter().zip(&partition.directories);
    let recorded = replicas.find(|(replica, _)| **replica == directory.node_id);
    let index = recorded.and_then(|(_, id)| directory.index_of(*id));
    index.or_else(|| directory.usable().next()).expect("a start without a usable directory ends")
}
