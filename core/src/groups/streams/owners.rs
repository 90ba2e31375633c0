//! Which process has each task, or has still to give it up. It is by process, for the state of a task is in a directory of the
//! process's, which no two of its tasks can have at a time.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;

use super::member::Member;
use super::tasks::{Held, SubtopologyId, TaskSet};

/// A process, by its own name for itself.
type ProcessId = Arc<str>;

/// Who has what.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Owners {
    active: BTreeMap<SubtopologyId, BTreeMap<i32, ProcessId>>,
    standby: Copies,
    warmup: Copies,
}

/// Several processes may have a copy of a task's state.
#[derive(Debug, Default, PartialEq)]
struct Copies(BTreeMap<SubtopologyId, BTreeMap<i32, BTreeSet<ProcessId>>>);

impl Owners {
    pub(super) fn add(&mut self, member: &Member) {
        for held in [&member.assigned, &member.revoking] {
            self.add_held(&member.about.process_id, held);
        }
    }

    /// What another process has got by now, in a log that was compacted, stays with that one.
    pub(super) fn remove(&mut self, member: &Member) {
        for held in [&member.assigned, &member.revoking] {
            self.remove_held(&member.about.process_id, held);
        }
    }

    /// Whether any process runs the task.
    pub(super) fn is_active(&self, subtopology: &str, partition: i32) -> bool {
        self.active_process(subtopology, partition).is_some()
    }

    /// Whether the process runs the task.
    pub(super) fn is_active_in(&self, process: &str, subtopology: &str, partition: i32) -> bool {
        self.active_process(subtopology, partition) == Some(process)
    }

    /// Whether the process has a copy of the task's state.
    pub(super) fn is_copied_in(&self, process: &str, subtopology: &str, partition: i32) -> bool {
        self.standby.has(process, subtopology, partition) || self.warmup.has(process, subtopology, partition)
    }

    fn active_process(&self, subtopology: &str, partition: i32) -> Option<&str> {
        self.active.get(subtopology)?.get(&partition).map(|process| &**process)
    }

    fn add_held(&mut self, process: &ProcessId, held: &Held) {
        for (subtopology, tasks) in &held.active {
            let owners = self.active.entry(Arc::clone(subtopology)).or_default();
            owners.extend(tasks.keys().map(|partition| (*partition, Arc::clone(process))));
        }
        self.standby.add(process, &held.standby);
        self.warmup.add(process, &held.warmup);
    }

    fn remove_held(&mut self, process: &ProcessId, held: &Held) {
        for (subtopology, tasks) in &held.active {
            let Some(owners) = self.active.get_mut(subtopology) else { continue };
            for partition in tasks.keys() {
                if owners.get(partition) == Some(process) {
                    owners.remove(partition);
                }
            }
            if owners.is_empty() {
                self.active.remove(subtopology);
            }
        }
        self.standby.remove(process, &held.standby);
        self.warmup.remove(process, &held.warmup);
    }
}

impl Copies {
    fn has(&self, process: &str, subtopology: &str, partition: i32) -> bool {
        let of_task = self.0.get(subtopology).and_then(|tasks| tasks.get(&partition));
        of_task.is_some_and(|processes| processes.contains(process))
    }

    fn add(&mut self, process: &ProcessId, tasks: &TaskSet) {
        for (subtopology, partitions) in tasks {
            let of_subtopology = self.0.entry(Arc::clone(subtopology)).or_default();
            for partition in partitions {
                of_subtopology.entry(*partition).or_default().insert(Arc::clone(process));
            }
        }
    }

    fn remove(&mut self, process: &ProcessId, tasks: &TaskSet) {
        for (subtopology, partitions) in tasks {
            let Some(of_subtopology) = self.0.get_mut(subtopology) else { continue };
            for partition in partitions {
                let Some(processes) = of_subtopology.get_mut(partition) else { continue };
                processes.remove(process);
                if processes.is_empty() {
                    of_subtopology.remove(partition);
                }
            }
            if of_subtopology.is_empty() {
                self.0.remove(subtopology);
            }
        }
    }
}
