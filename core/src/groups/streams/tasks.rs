//! Sets of tasks. A task is a subtopology and a partition: it runs that part of the topology on that partition of its topics.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;

use crate::wire::messages::streams_group_heartbeat::{StreamsGroupHeartbeatRequest, TaskIds};

/// The id of a part of a topology.
pub(crate) type SubtopologyId = Arc<str>;
/// Tasks, by subtopology; none has an empty set.
pub(crate) type TaskSet = BTreeMap<SubtopologyId, BTreeSet<i32>>;
/// Tasks, by subtopology, and since which epoch the member has each.
pub(crate) type TasksSince = BTreeMap<SubtopologyId, BTreeMap<i32, i32>>;

/// What a member shall have.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tasks {
    /// They read and write.
    pub(crate) active: TaskSet,
    /// They keep a copy of the state.
    pub(crate) standby: TaskSet,
    /// They make a copy of the state, to become active.
    pub(crate) warmup: TaskSet,
}

/// What a member has.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Held {
    pub(crate) active: TasksSince,
    pub(crate) standby: TaskSet,
    pub(crate) warmup: TaskSet,
}

/// What a member says that it has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owned<'a> {
    active: &'a [TaskIds],
    standby: &'a [TaskIds],
    warmup: &'a [TaskIds],
}

impl Tasks {
    pub(crate) const NONE: Self = Self { active: BTreeMap::new(), standby: BTreeMap::new(), warmup: BTreeMap::new() };
}

impl Held {
    pub(super) fn is_empty(&self) -> bool {
        self.active.is_empty() && self.standby.is_empty() && self.warmup.is_empty()
    }

    fn count(&self) -> usize {
        let copies = self.standby.values().chain(self.warmup.values()).map(BTreeSet::len);
        self.active.values().map(BTreeMap::len).chain(copies).sum()
    }

    /// All that is in either.
    pub(super) fn merged(mut self, other: Self) -> Self {
        for (subtopology, tasks) in other.active {
            self.active.entry(subtopology).or_default().extend(tasks);
        }
        for (mine, theirs) in [(&mut self.standby, other.standby), (&mut self.warmup, other.warmup)] {
            for (subtopology, tasks) in theirs {
                mine.entry(subtopology).or_default().extend(tasks);
            }
        }
        self
    }

    /// Since which epoch it has the active task.
    pub(super) fn active_since(&self, subtopology: &str, partition: i32) -> Option<i32> {
        self.active.get(subtopology)?.get(&partition).copied()
    }
}

impl<'a> Owned<'a> {
    /// None where the member does not say it.
    pub(super) fn of(request: &'a StreamsGroupHeartbeatRequest) -> Option<Self> {
        Some(Self {
            active: request.active_tasks.as_deref()?,
            standby: request.standby_tasks.as_deref()?,
            warmup: request.warmup_tasks.as_deref()?,
        })
    }

    pub(super) fn is_empty(self) -> bool {
        self.active.is_empty() && self.standby.is_empty() && self.warmup.is_empty()
    }

    /// Every task, of whichever kind.
    pub(super) fn all(self) -> impl Iterator<Item = &'a TaskIds> {
        self.active.iter().chain(self.standby).chain(self.warmup)
    }

    /// Whether it has any of these, as the same kind of task.
    pub(super) fn has_any_of(self, held: &Held) -> bool {
        let has_any = |owned: &[TaskIds], is_held: &dyn Fn(&str, i32) -> bool| {
            owned.iter().any(|of| of.partitions.iter().any(|partition| is_held(&of.subtopology_id, *partition)))
        };
        has_any(self.active, &|subtopology, partition| held.active_since(subtopology, partition).is_some())
            || has_any(self.standby, &|subtopology, partition| has(&held.standby, subtopology, partition))
            || has_any(self.warmup, &|subtopology, partition| has(&held.warmup, subtopology, partition))
    }

    /// Whether it has that and nothing else.
    pub(super) fn is_just(self, held: &Held) -> bool {
        let said = self.all().map(|of| of.partitions.len()).sum::<usize>();
        said == held.count() && self.is_part_of(held)
    }

    /// Whether all that it has is in there, as the same kind of task.
    pub(super) fn is_part_of(self, held: &Held) -> bool {
        let is_part = |owned: &[TaskIds], of: &dyn Fn(&str) -> bool, is_held: &dyn Fn(&str, i32) -> bool| {
            owned.iter().all(|tasks| {
                let id = &tasks.subtopology_id;
                of(id) && tasks.partitions.iter().all(|partition| is_held(id, *partition))
            })
        };
        is_part(self.active, &|id| held.active.contains_key(id), &|id, partition| {
            held.active_since(id, partition).is_some()
        }) && is_part(self.standby, &|id| held.standby.contains_key(id), &|id, partition| {
            has(&held.standby, id, partition)
        }) && is_part(self.warmup, &|id| held.warmup.contains_key(id), &|id, partition| {
            has(&held.warmup, id, partition)
        })
    }
}

/// Whether the task is among these.
pub(super) fn has(tasks: &TaskSet, subtopology: &str, partition: i32) -> bool {
    tasks.get(subtopology).is_some_and(|partitions| partitions.contains(&partition))
}
