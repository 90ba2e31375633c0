//! For members that all read the same: each gets as many partitions as the others, or one more, and keeps what it had as far as
//! that allows.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use super::super::Partitions;
use super::Candidate;
use crate::wire::Uuid;

const NOBODY: usize = usize::MAX;

/// How many partitions members may have.
struct Quota {
    /// Each.
    each: usize,
    /// So many of those that are still to come may have one more.
    extras: usize,
}

pub(super) fn assign(members: &[Candidate<'_>], partitions: &BTreeMap<Uuid, i32>) -> Vec<Option<Partitions>> {
    let Some(first) = members.first() else { return Vec::new() };
    let count = |topic: &Uuid| partitions.get(topic).map_or(0, |count| (*count).max(0) as usize);
    let total: usize = first.topics.iter().map(count).sum();
    let owners = owners(members, first.topics.iter().map(|topic| (*topic, count(topic))));
    let mut free: Vec<(Uuid, i32)> = Vec::new();
    for (topic, owners) in &owners {
        let unowned = owners.iter().enumerate().filter(|(_, owner)| **owner == NOBODY);
        free.extend(unowned.map(|(partition, _)| (*topic, partition as i32)));
    }
    let mut quota = Quota { each: total / members.len(), extras: total % members.len() };
    let mut assigned = Vec::with_capacity(members.len());
    let mut unfilled = Vec::new();
    for (index, member) in members.iter().enumerate() {
        let (kept, had) = keep(index, member, &owners, quota.each + usize::from(quota.extras > 0), &mut free);
        let room = quota.room(had, members.len() - index);
        if room > 0 {
            unfilled.push((index, room));
        }
        assigned.push(kept);
    }
    let mut free = free.into_iter();
    for (index, room) in unfilled {
        let more: Vec<_> = free.by_ref().take(room).collect();
        if !more.is_empty() {
            let mine = assigned[index].get_or_insert_with(|| members[index].had.clone());
            add(mine, more);
        }
    }
    assert_eq!(free.next(), None, "the quotas add up to all partitions");
    assigned
}

impl Quota {
    /// How many more a member gets that keeps so many. It leaves the one beyond the others' number to those that have it already, as
    /// long as enough members follow to take what there is.
    fn room(&mut self, kept: usize, members_left: usize) -> usize {
        if self.extras == 0 {
            return self.each - kept;
        }
        if kept <= self.each && members_left > self.extras {
            return self.each - kept;
        }
        self.extras -= 1;
        self.each + 1 - kept
    }
}

/// Who has each partition of each topic.
fn owners(members: &[Candidate<'_>], topics: impl Iterator<Item = (Uuid, usize)>) -> BTreeMap<Uuid, Vec<usize>> {
    let mut owners: BTreeMap<Uuid, Vec<usize>> = topics.map(|(topic, count)| (topic, vec![NOBODY; count])).collect();
    for (index, member) in members.iter().enumerate() {
        for (topic, partitions) in member.had {
            let Some(owners) = owners.get_mut(topic) else { continue };
            for partition in partitions {
                let owner = usize::try_from(*partition).ok().and_then(|partition| owners.get_mut(partition));
                if let Some(owner) = owner.filter(|owner| **owner == NOBODY) {
                    *owner = index;
                }
            }
        }
    }
    owners
}

/// What a member keeps, or none where that is all that it had, and how many that are. The rest is free for others.
fn keep(
    index: usize,
    member: &Candidate<'_>,
    owners: &BTreeMap<Uuid, Vec<usize>>,
    quota: usize,
    free: &mut Vec<(Uuid, i32)>,
) -> (Option<Partitions>, usize) {
    let is_own = |topic: &Uuid, partition: i32| {
        let owner = owners.get(topic).zip(usize::try_from(partition).ok());
        owner.and_then(|(owners, partition)| owners.get(partition)) == Some(&index)
    };
    let all = || member.had.iter().flat_map(|(topic, all)| all.iter().map(|partition| (*topic, *partition)));
    let own = all().filter(|(topic, partition)| is_own(topic, *partition)).count();
    if own <= quota && own == all().count() {
        return (None, own);
    }
    let mut kept = Partitions::new();
    let mut count = 0;
    for (topic, partition) in all().filter(|(topic, partition)| is_own(topic, *partition)) {
        if count < quota {
            kept.entry(topic).or_default().push(partition);
            count += 1;
        } else {
            free.push((topic, partition));
        }
    }
    (Some(kept), count)
}

fn add(mine: &mut Partitions, more: Vec<(Uuid, i32)>) {
    for (topic, partition) in more {
        mine.entry(topic).or_default().push(partition);
    }
    mine.values_mut().for_each(|partitions| partitions.sort_unstable());
}
