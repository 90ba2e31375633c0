//! After the metadata log was read: which directories are whose.

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
        let existing = places(directory, image)?;
        let mut are_entries_changed = BTreeSet::new();
        for log_dir in directory.usable().collect::<Vec<_>>() {
            for name in core::mem::take(&mut directory.roots[usize::from(log_dir)].subdirectories) {
                let path = Path::new(log_dir, &*name);
                match DirName::parse(&name) {
                    DirName::Metadata => {}
                    DirName::Partition { topic, index } if is_known(image, topic, index) => {}
                    DirName::Partition { .. } => {
                        set_aside(&path, rng, &mut directory.jobs, outbox);
                        are_entries_changed.insert(log_dir);
                    }
                    DirName::Deleted => drop(outbox.store(Owner::Nobody, StorageCommand::Remove { path })),
                    DirName::Stray => {
                        outbox.report(Level::Debug, format!("{name} was set aside before, and is left alone"))
                    }
                    DirName::Future => outbox.report(
                        Level::Warn,
                        format!(
                            "{name} is a replica on its way between log directories: it is left alone and not served"
                        ),
                    ),
                    DirName::Foreign => {
                        outbox.report(Level::Warn, format!("{name} is not a partition's directory: it is left alone"));
                    }
                }
            }
        }
        Ok(Self { partitions: partitions(directory, image, &existing), are_entries_changed })
    }

    /// Says which partitions to open, when all is done.
    pub fn finished(&mut self, key: Key, jobs: &mut Jobs<JobKey>, outbox: &mut Outbox) -> Option<Vec<FoundPartition>> {
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
        Some(core::mem::take(&mut self.partitions))
    }
}

/// Which log directory each known partition lies in, by the name of its directory.
fn places(directory: &Directory, image: &MetadataImage) -> Result<BTreeMap<String, u16>, (u16, String)> {
    let mut places = BTreeMap::new();
    for log_dir in directory.usable() {
        for name in &directory.root(log_dir).subdirectories {
            let DirName::Partition { topic, index } = DirName::parse(name) else { continue };
            if !is_known(image, topic, index) {
                continue;
            }
            if let Some(other) = places.insert(name.clone(), log_dir) {
                let other = directory.name_of(other);
                let why =
                    format!("{name} is there and in {other} too. Keep the one that is right, take the other away");
                return Err((log_dir, why));
            }
        }
    }
    Ok(places)
}

fn is_known(image: &MetadataImage, topic: &str, index: i32) -> bool {
    image.topic(topic).is_some_and(|topic| topic.partitions.contains_key(&index))
}

/// A topic of that name may be created later, and must not find the bytes of another: so the directory gives up its name.
fn set_aside(path: &Path, rng: &mut Rng, jobs: &mut Jobs<JobKey>, outbox: &mut Outbox) {
    let to = names::aside(path, rng.uuid(), Aside::Stray);
    outbox.report(
        Level::Warn,
        format!("{path} belongs to no topic of this cluster: it is renamed to {}, its bytes are kept", to.relative),
    );
    let command = StorageCommand::Rename { from: path.clone(), to };
    jobs.command((path.log_dir, Key::SetAside), path.clone(), "renamed", command, outbox);
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
