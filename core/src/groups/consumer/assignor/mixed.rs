//! For members that read different topics: partitions go where the load is least, and then move from the most loaded of a topic's
//! readers to the least, while that makes them more even.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Reverse;

use super::super::Partitions;
use super::Candidate;
use crate::wire::Uuid;

/// Topics are gone through so often at most: what one of them evens out, another may need again.
const ROUNDS_MAX: usize = 16;

/// A topic, who reads it and who has each partition.
struct Topic {
    id: Uuid,
    readers: Vec<usize>,
    owners: Vec<Option<usize>>,
}

pub(super) fn assign(members: &[Candidate<'_>], partitions: &BTreeMap<Uuid, i32>) -> Vec<Option<Partitions>> {
    let mut loads = vec![0usize; members.len()];
    let mut topics = topics(members, partitions, &mut loads);
    // The topics with the most partitions for each reader first: those leave the least choice.
    let weight = |topic: &Topic| ((topic.owners.len() as u128) << 64) / topic.readers.len() as u128;
    topics.sort_by_key(|topic| (Reverse(weight(topic)), topic.readers.len(), topic.id));
    for topic in &mut topics {
        topic.fill(&mut loads);
    }
    'rounds: for _ in 0..ROUNDS_MAX {
        let moved: usize = topics.iter_mut().map(|topic| topic.balance(&mut loads)).sum();
        if moved == 0 {
            break 'rounds;
        }
    }
    let mut assigned: Vec<Partitions> = members.iter().map(|_| Partitions::new()).collect();
    for topic in &topics {
        for (partition, owner) in topic.owners.iter().enumerate() {
            if let Some(owner) = owner {
                assigned[*owner].entry(topic.id).or_default().push(partition as i32);
            }
        }
    }
    let unless_had =
        |(partitions, member): (Partitions, &Candidate<'_>)| (partitions != *member.had).then_some(partitions);
    assigned.into_iter().zip(members).map(unless_had).collect()
}

/// All topics that anybody reads, with the owners that may stay.
fn topics(members: &[Candidate<'_>], partitions: &BTreeMap<Uuid, i32>, loads: &mut [usize]) -> Vec<Topic> {
    let mut topics: BTreeMap<Uuid, Topic> = BTreeMap::new();
    for (index, member) in members.iter().enumerate() {
        for id in &member.topics {
            let count = partitions.get(id).map_or(0, |count| (*count).max(0) as usize);
            let topic =
                topics.entry(*id).or_insert_with(|| Topic { id: *id, readers: Vec::new(), owners: vec![None; count] });
            topic.readers.push(index);
        }
    }
    for (index, member) in members.iter().enumerate() {
        for id in &member.topics {
            let (Some(had), Some(topic)) = (member.had.get(id), topics.get_mut(id)) else { continue };
            for partition in had {
                let owner = usize::try_from(*partition).ok().and_then(|partition| topic.owners.get_mut(partition));
                if let Some(owner) = owner.filter(|owner| owner.is_none()) {
                    *owner = Some(index);
                    loads[index] += 1;
                }
            }
        }
    }
    topics.into_values().collect()
}

impl Topic {
    /// Gives what nobody has to those who have the least.
    fn fill(&mut self, loads: &mut [usize]) {
        let mut least: BTreeSet<(usize, usize)> = self.readers.iter().map(|reader| (loads[*reader], *reader)).collect();
        for owner in self.owners.iter_mut().filter(|owner| owner.is_none()) {
            let Some((load, reader)) = least.pop_first() else { return };
            *owner = Some(reader);
            loads[reader] = load + 1;
            least.insert((load + 1, reader));
        }
    }

    /// Moves partitions from those who have the most to those who have the least; says how many.
    fn balance(&mut self, loads: &mut [usize]) -> usize {
        let mut by_load: BTreeSet<(usize, usize)> =
            self.readers.iter().map(|reader| (loads[*reader], *reader)).collect();
        let is_even = |by_load: &BTreeSet<(usize, usize)>| {
            by_load.first().zip(by_load.last()).is_none_or(|(least, most)| most.0 - least.0 <= 1)
        };
        if is_even(&by_load) {
            return 0;
        }
        let mut owned: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (partition, owner) in self.owners.iter().enumerate() {
            if let Some(owner) = owner {
                owned.entry(*owner).or_default().push(partition);
            }
        }
        let mut givers: BTreeSet<(usize, usize)> = owned.keys().map(|owner| (loads[*owner], *owner)).collect();
        let mut moved = 0;
        while let (Some(&(least, reader)), Some(&(most, giver))) = (by_load.first(), givers.last()) {
            if most <= least + 1 {
                break;
            }
            let partitions = owned.entry(giver).or_default();
            let Some(partition) = partitions.pop() else {
                givers.remove(&(most, giver));
                continue;
            };
            self.owners[partition] = Some(reader);
            (loads[giver], loads[reader]) = (most - 1, least + 1);
            by_load.remove(&(least, reader));
            by_load.remove(&(most, giver));
            by_load.extend([(least + 1, reader), (most - 1, giver)]);
            givers.remove(&(most, giver));
            givers.insert((most - 1, giver));
            if givers.remove(&(least, reader)) {
                givers.insert((least + 1, reader));
            }
            moved += 1;
        }
        moved
    }
}
