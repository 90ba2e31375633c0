//! After the metadata log was read: which directories are whose.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::files::Jobs;
use super::names::{self, DirName, partition_dir};
use super::{Directory, FoundPartition, Key};
use crate::boundary::{Level, Path, StorageCommand};
use crate::metadata::MetadataImage;
use crate::outbox::{Outbox, Owner};
use crate::rng::Rng;
use crate::types::PartitionId;

/// Waits for renames and for the epoch.
#[derive(Debug)]
pub(super) struct Settling {
    partitions: Vec<FoundPartition>,
    are_entries_changed: bool,
}

impl Settling {
    pub fn begin(directory: &mut Directory, image: &MetadataImage, rng: &mut Rng, outbox: &mut Outbox) -> Self {
        let mut existing = BTreeSet::new();
        let mut are_entries_changed = false;
        for name in core::mem::take(&mut directory.subdirectories) {
            match DirName::parse(&name) {
                DirName::Metadata => {}
                DirName::Partition { topic, index } if is_known(image, topic, index) => {
                    existing.insert(name);
                }
                DirName::Partition { .. } => {
                    set_aside(&name, rng, &mut directory.jobs, outbox);
                    are_entries_changed = true;
                }
                DirName::Deleted => {
                    let path = Path::new(0, &*name);
                    outbox.store(Owner::Nobody, StorageCommand::Remove { path });
                }
                DirName::Stray => {
                    outbox.report(Level::Debug, format!("{name} was set aside before, and is left alone"))
                }
                DirName::Future => outbox.report(
                    Level::Warn,
                    format!("{name} is a replica on its way between log directories: it is left alone and not served"),
                ),
                DirName::Foreign => {
                    outbox.report(Level::Warn, format!("{name} is not a partition's directory: it is left alone"));
                }
            }
        }
        Self { partitions: partitions(directory, image, &existing), are_entries_changed }
    }

    /// Says which partitions to open, when all is done.
    pub fn finished(&mut self, key: Key, jobs: &mut Jobs<Key>, outbox: &mut Outbox) -> Option<Vec<FoundPartition>> {
        debug_assert!(
            matches!(key, Key::QuorumState | Key::SetAside | Key::Entries),
            "no other job runs here: {key:?}"
        );
        if !jobs.is_idle() {
            return None;
        }
        if core::mem::take(&mut self.are_entries_changed) {
            let dir = Path::new(0, "");
            jobs.command(Key::Entries, dir.clone(), "made durable", StorageCommand::SyncDir { dir }, outbox);
            return None;
        }
        Some(core::mem::take(&mut self.partitions))
    }
}

fn is_known(image: &MetadataImage, topic: &str, index: i32) -> bool {
    image.topic(topic).is_some_and(|topic| topic.partitions.contains_key(&index))
}

/// A topic of that name may be created later, and must not find the bytes of another: so the directory gives up its name.
fn set_aside(name: &str, rng: &mut Rng, jobs: &mut Jobs<Key>, outbox: &mut Outbox) {
    let new_name: String = names::set_aside(name, rng.uuid());
    outbox.report(
        Level::Warn,
        format!("{name} belongs to no topic of this cluster: it is renamed to {new_name}, its bytes are kept"),
    );
    let from = Path::new(0, name);
    let command = StorageCommand::Rename { from: from.clone(), to: Path::new(0, new_name) };
    jobs.command(Key::SetAside, from, "renamed", command, outbox);
}

/// The partitions that this node has: those that the records give it, and those whose directories lie here though the
/// records give them to a node that is not there. There is no other node.
fn partitions(directory: &Directory, image: &MetadataImage, existing: &BTreeSet<String>) -> Vec<FoundPartition> {
    let mut found = Vec::new();
    for topic in image.topics.values() {
        for (&index, partition) in &topic.partitions {
            let path = partition_dir(&topic.name, index);
            let exists = existing.contains(&*path.relative);
            if !exists && !partition.replicas.contains(&directory.node_id) {
                continue;
            }
            let key = (topic.name.clone(), index);
            found.push(FoundPartition {
                id: PartitionId { topic_id: topic.id, index },
                topic: topic.name.clone(),
                path,
                exists,
                was_clean: directory.was_clean,
                recovery_point: directory.written.recovery_points.get(&key).copied(),
                log_start: directory.written.log_starts.get(&key).copied(),
                compacted_to: directory.written.compacted_to.get(&key).copied(),
            });
        }
    }
    found
}
