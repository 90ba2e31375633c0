//! Kafka's `simple` assignor: who shall look at which partition, all of a group at once.
//!
//! Where there are more members than partitions, partitions are shared by as many members as it takes to give each one something to
//! do; where there are fewer, each partition goes to one. Members that read the same are treated as one crowd for all of their
//! topics, else each topic is shared out among those that read it. Who had a partition keeps it, as far as that is even.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec;
use alloc::vec::Vec;

use super::Partitions;
use crate::wire::Uuid;

/// A member, as the assignor sees it.
#[derive(Debug)]
pub(super) struct Candidate<'a> {
    /// What it reads.
    pub(super) topics: BTreeSet<Uuid>,
    /// What it was to have before.
    pub(super) had: &'a Partitions,
}

type Place = (Uuid, i32);

/// What each of the members shall have of these partitions.
pub(super) fn assign(members: &[Candidate<'_>], partitions: &Partitions) -> Vec<Partitions> {
    let mut assigned = vec![Partitions::new(); members.len()];
    let places_of = |topic: &Uuid| {
        let topic = *topic;
        partitions.get(&topic).into_iter().flatten().map(move |partition| (topic, *partition))
    };
    let read_the_same = members.windows(2).all(|pair| pair[0].topics == pair[1].topics);
    if read_the_same {
        let topics = members.first().into_iter().flat_map(|first| &first.topics);
        let crowd: Vec<usize> = (0..members.len()).collect();
        share_out(members, &crowd, &topics.flat_map(places_of).collect::<Vec<_>>(), &mut assigned);
        return assigned;
    }
    let mut readers: BTreeMap<Uuid, Vec<usize>> = BTreeMap::new();
    for (index, member) in members.iter().enumerate() {
        for topic in &member.topics {
            readers.entry(*topic).or_default().push(index);
        }
    }
    for (topic, crowd) in &readers {
        share_out(members, crowd, &places_of(topic).collect::<Vec<_>>(), &mut assigned);
    }
    assigned
}

/// Shares these places, which stand in order, out among those members of the group.
fn share_out(members: &[Candidate<'_>], crowd: &[usize], places: &[Place], assigned: &mut [Partitions]) {
    if places.is_empty() || crowd.is_empty() {
        return;
    }
    let sharing = crowd.len().div_ceil(places.len());
    let mut room = rooms(crowd.len(), sharing * places.len());
    // By place, those who have it.
    let mut holders: Vec<Vec<usize>> = vec![Vec::new(); places.len()];
    for (index, member) in crowd.iter().enumerate() {
        let had = members[*member].had.iter().flat_map(|(topic, had)| had.iter().map(|partition| (*topic, *partition)));
        for at in had.filter_map(|place| places.binary_search(&place).ok()) {
            if room[index] > 0 && holders[at].len() < sharing {
                room[index] -= 1;
                holders[at].push(index);
            }
        }
    }
    let mut waiting: VecDeque<usize> = (0..crowd.len()).filter(|index| room[*index] > 0).collect();
    for holders in &mut holders {
        // Each that waits is asked once: it may have this place already.
        for _ in 0..waiting.len() {
            if holders.len() >= sharing {
                break;
            }
            let Some(index) = waiting.pop_front() else { break };
            if !holders.contains(&index) {
                holders.push(index);
                room[index] -= 1;
            }
            if room[index] > 0 {
                waiting.push_back(index);
            }
        }
    }
    for ((topic, partition), holders) in places.iter().zip(holders) {
        for index in holders {
            assigned[crowd[index]].entry(*topic).or_default().insert(*partition);
        }
    }
}

/// How many places each of so many members gets, of so many in all: as even as can be.
fn rooms(members: usize, places: usize) -> Vec<usize> {
    (0..members).map(|index| (places * (index + 1)).div_ceil(members) - (places * index).div_ceil(members)).collect()
}

#[cfg(test)]
#[path = "assignor_tests.rs"]
mod tests;
