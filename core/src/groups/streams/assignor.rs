//! Who runs which task: the sticky assignor. A member keeps the tasks that it had as long as it has not more than its share; who had a
//! copy of a task's state is the next to run it; the rest goes to the process that has the least to do for its number of members.
//! Copies of the state are kept where the task ran before or where there was one, never in the process that runs it, and else
//! where there is the least to do.
//!
//! The steps and their order are Kafka's. Where it leaves to chance who is first, it is the first by id.

use alloc::collections::{BTreeMap, BTreeSet, BinaryHeap};
use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Reverse;

use super::configure::ConfiguredSubtopology;
use super::tasks::{SubtopologyId, TaskSet, Tasks};
use crate::groups::group::MemberId;

/// A member that tasks may go to.
#[derive(Debug)]
pub(super) struct Candidate<'a> {
    pub(super) id: &'a MemberId,
    pub(super) process_id: &'a str,
    /// What it was to have.
    pub(super) had: &'a Tasks,
}

/// A task: the place of its subtopology, by id, and its partition.
type Task = (usize, i32);

/// Assigns all tasks to the candidates, of which there are some, and hands back what each shall have, in their order.
pub(super) fn assign(
    candidates: &[Candidate<'_>],
    subtopologies: &BTreeMap<SubtopologyId, ConfiguredSubtopology>,
    standby_replicas: usize,
) -> Vec<Tasks> {
    let ids: Vec<&SubtopologyId> = subtopologies.keys().collect();
    let mut assigning = Assigning::new(candidates, &ids, subtopologies, standby_replicas);
    let of = |(place, of): (usize, &ConfiguredSubtopology)| (0..of.tasks).map(move |partition| (place, partition));
    assigning.assign_active(subtopologies.values().enumerate().flat_map(of).collect());
    if standby_replicas > 0 {
        let stateful = subtopologies.values().enumerate().filter(|(_, subtopology)| subtopology.is_stateful());
        assigning.assign_standby(stateful.flat_map(of).collect(), standby_replicas);
    }
    let assigned = assigning.members.into_iter().map(|member| Tasks {
        active: task_set(&member.active, &ids),
        standby: task_set(&member.standby, &ids),
        warmup: TaskSet::new(),
    });
    assigned.collect()
}

/// An assignment that is being made.
#[derive(Debug)]
struct Assigning {
    members: Vec<Member>,
    processes: Vec<Process>,
    /// Who was to run a task.
    ran: BTreeMap<Task, usize>,
    /// Who was to have a copy of its state.
    copied: BTreeMap<Task, Vec<usize>>,
    /// Of active tasks only.
    active_quota: Quota,
    /// Of all.
    quota: Quota,
}

#[derive(Debug)]
struct Member {
    process: usize,
    active: BTreeSet<Task>,
    standby: BTreeSet<Task>,
}

#[derive(Debug, Default)]
struct Process {
    members: Vec<usize>,
    tasks: BTreeSet<Task>,
    /// How many it has, of all its members.
    count: usize,
}

/// How many tasks a member may have at most, so that all get the same, but for one.
#[derive(Debug)]
struct Quota {
    per_member: usize,
    /// Tasks of members that do not have their share yet, and tasks that nobody has.
    tasks: usize,
    /// Members that do not have their share yet.
    members: usize,
}

impl Quota {
    fn new(tasks: usize, members: usize) -> Self {
        let per_member = if members == 0 { 0 } else { tasks.div_ceil(members) };
        Self { per_member, tasks, members }
    }

    /// A member has so many now: if that is its share, the others share what is left.
    fn note(&mut self, count: usize) {
        if count == self.per_member {
            *self = Self::new(self.tasks.saturating_sub(count), self.members.saturating_sub(1));
        }
    }
}

impl Member {
    fn count(&self) -> usize {
        self.active.len() + self.standby.len()
    }
}

impl Assigning {
    fn new(
        candidates: &[Candidate<'_>],
        ids: &[&SubtopologyId],
        subtopologies: &BTreeMap<SubtopologyId, ConfiguredSubtopology>,
        standby_replicas: usize,
    ) -> Self {
        let tasks = |of: &ConfiguredSubtopology| usize::try_from(of.tasks).unwrap_or(0);
        let active: usize = subtopologies.values().map(tasks).sum();
        let stateful: usize = subtopologies.values().filter(|of| of.is_stateful()).map(tasks).sum();
        let mut assigning = Self {
            members: Vec::new(),
            processes: Vec::new(),
            ran: BTreeMap::new(),
            copied: BTreeMap::new(),
            active_quota: Quota::new(active, candidates.len()),
            quota: Quota::new(active + stateful * standby_replicas, candidates.len()),
        };
        let names: BTreeSet<&str> = candidates.iter().map(|candidate| candidate.process_id).collect();
        let places: BTreeMap<&str, usize> = names.into_iter().zip(0..).collect();
        assigning.processes.resize_with(places.len(), Process::default);
        for (index, candidate) in candidates.iter().enumerate() {
            let process = places[candidate.process_id];
            assigning.processes[process].members.push(index);
            assigning.members.push(Member { process, active: BTreeSet::new(), standby: BTreeSet::new() });
            assigning.ran.extend(tasks_in(&candidate.had.active, ids).map(|task| (task, index)));
            for task in tasks_in(&candidate.had.standby, ids) {
                assigning.copied.entry(task).or_default().push(index);
            }
        }
        assigning
    }

    fn assign_active(&mut self, mut tasks: Vec<Task>) {
        tasks.sort_unstable_by_key(|(place, partition)| (*partition, *place));
        tasks.retain(|task| {
            let before = self.ran.get(task).copied();
            !self.keep_active(*task, before)
        });
        tasks.retain(|task| {
            let before = self.copied.get(task).and_then(|members| self.least_loaded_of(members, None));
            !self.keep_active(*task, before)
        });
        tasks.sort_unstable();
        let mut by_load = self.by_load();
        for task in tasks {
            let Some(Reverse((_, process))) = by_load.pop() else { return };
            let member = self.least_loaded_in(process);
            let count = self.give(member, task, true);
            self.active_quota.note(count);
            self.quota.note(count);
            by_load.push(self.load_of(process));
        }
    }

    /// Gives the task to who has something to do with it already, unless it has its share. Whether it did.
    fn keep_active(&mut self, task: Task, member: Option<usize>) -> bool {
        let Some(member) = member.filter(|member| self.members[*member].count() < self.active_quota.per_member) else {
            return false;
        };
        let count = self.give(member, task, true);
        self.active_quota.note(count);
        self.quota.note(count);
        true
    }

    fn assign_standby(&mut self, mut tasks: Vec<Task>, replicas: usize) {
        tasks.sort_unstable_by_key(|(place, partition)| Reverse((*partition, *place)));
        let mut rest = Vec::new();
        for task in tasks {
            let kept = (0..replicas).take_while(|_| self.keep_standby(task)).count();
            if kept < replicas {
                rest.push((task, replicas - kept));
            }
        }
        rest.sort_unstable_by_key(|(task, _)| Reverse(*task));
        let mut by_load = self.by_load();
        for (task, replicas) in rest {
            for _ in 0..replicas {
                // With fewer processes than copies there are fewer copies.
                if !self.give_standby(task, &mut by_load) {
                    break;
                }
            }
        }
    }

    /// Has a copy of the task's state kept where the task ran, or where there was a copy. Whether it is.
    fn keep_standby(&mut self, task: Task) -> bool {
        let has_room = |of: &Self, member: usize| of.members[member].count() < of.quota.per_member;
        let ran = self.ran.get(&task).copied().filter(|member| !self.has(*member, task) && has_room(self, *member));
        let keeper = ran.or_else(|| {
            let members = self.copied.get(&task)?;
            self.least_loaded_of(members, Some(task)).filter(|member| has_room(self, *member))
        });
        let Some(member) = keeper else { return false };
        let count = self.give(member, task, false);
        self.quota.note(count);
        true
    }

    fn give_standby(&mut self, task: Task, by_load: &mut BinaryHeap<Reverse<(u64, usize)>>) -> bool {
        let mut passed_over = Vec::new();
        let mut taker = None;
        while let Some(Reverse((load, process))) = by_load.pop() {
            if !self.processes[process].tasks.contains(&task) {
                taker = Some(process);
                break;
            }
            passed_over.push(Reverse((load, process)));
        }
        by_load.extend(passed_over);
        let Some(process) = taker else { return false };
        let member = self.least_loaded_in(process);
        let count = self.give(member, task, false);
        self.quota.note(count);
        by_load.push(self.load_of(process));
        true
    }

    /// Hands back how many tasks the member has then.
    fn give(&mut self, member: usize, task: Task, is_active: bool) -> usize {
        let of = &mut self.members[member];
        let tasks = if is_active { &mut of.active } else { &mut of.standby };
        tasks.insert(task);
        let process = &mut self.processes[of.process];
        process.tasks.insert(task);
        process.count += 1;
        of.count()
    }

    /// Whether the member's process has the task already, of whichever kind.
    fn has(&self, member: usize, task: Task) -> bool {
        self.processes[self.members[member].process].tasks.contains(&task)
    }

    /// Of those who had a copy, the one that has the least to do, in the process that has; for a copy, none where the first one's
    /// process has the task.
    fn least_loaded_of(&self, members: &[usize], copy_of: Option<Task>) -> Option<usize> {
        let first = *members.first()?;
        let (mut best, mut best_load) = (first, self.load_of_member(first));
        for member in &members[1..] {
            let load = self.load_of_member(*member);
            let may_have = copy_of.is_none_or(|task| !self.has(*member, task));
            if load.0 < best_load.0 && may_have && load.1 < best_load.1 {
                (best, best_load) = (*member, load);
            }
        }
        copy_of.is_none_or(|task| !self.has(first, task)).then_some(best)
    }

    fn load_of_member(&self, member: usize) -> (u64, usize) {
        let Reverse((load, _)) = self.load_of(self.members[member].process);
        (load, self.members[member].count())
    }

    fn least_loaded_in(&self, process: usize) -> usize {
        let members = self.processes[process].members.iter();
        let least = members.min_by_key(|member| self.members[**member].count());
        *least.expect("a process is known by its members")
    }

    fn by_load(&self) -> BinaryHeap<Reverse<(u64, usize)>> {
        (0..self.processes.len()).map(|process| self.load_of(process)).collect()
    }

    /// Tasks for each member: fractions that are not negative are in the order of their bits.
    fn load_of(&self, process: usize) -> Reverse<(u64, usize)> {
        let of = &self.processes[process];
        Reverse(((of.count as f64 / of.members.len() as f64).to_bits(), process))
    }
}

/// Those that there are still.
fn tasks_in<'a>(tasks: &'a TaskSet, ids: &'a [&SubtopologyId]) -> impl Iterator<Item = Task> + 'a {
    tasks.iter().flat_map(|(id, partitions)| {
        let place = ids.binary_search(&id).ok();
        partitions.iter().filter_map(move |partition| Some((place?, *partition)))
    })
}

fn task_set(tasks: &BTreeSet<Task>, ids: &[&SubtopologyId]) -> TaskSet {
    let mut places = vec![BTreeSet::new(); ids.len()];
    for (place, partition) in tasks {
        places[*place].insert(*partition);
    }
    let by_id = ids.iter().zip(places).filter(|(_, partitions)| !partitions.is_empty());
    by_id.map(|(id, partitions)| (SubtopologyId::clone(id), partitions)).collect()
}
