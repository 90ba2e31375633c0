//! Each member gets a stretch of every topic that it reads. Members stand in one order for all topics, static ones first, so those
//! that read the same topics get partitions of the same indexes.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::super::Partitions;
use super::Candidate;
use crate::wire::Uuid;

/// How a topic is cut up.
struct Cut {
    readers: i32,
    partitions: i32,
    /// Where the next stretch begins, and how many have begun.
    next: i32,
    begun: i32,
}

pub(super) fn assign(members: &[Candidate<'_>], partitions: &BTreeMap<Uuid, i32>) -> Vec<Option<Partitions>> {
    let mut cuts: BTreeMap<Uuid, Cut> = BTreeMap::new();
    for topic in members.iter().flat_map(|member| &member.topics) {
        let partitions = partitions.get(topic).copied().unwrap_or(0);
        cuts.entry(*topic).or_insert(Cut { readers: 0, partitions, next: 0, begun: 0 }).readers += 1;
    }
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_by_key(|index| {
        let member = &members[*index];
        // The ids of static members change, their instance ids don't.
        (member.instance_id.is_none(), member.instance_id, member.id)
    });
    let mut assigned: Vec<Option<Partitions>> = members.iter().map(|_| None).collect();
    for index in order {
        let mut mine = Partitions::new();
        for topic in &members[index].topics {
            let stretch = cuts.get_mut(topic).map(Cut::take).unwrap_or_default();
            if !stretch.is_empty() {
                mine.insert(*topic, stretch);
            }
        }
        assigned[index] = Some(mine).filter(|mine| *mine != *members[index].had);
    }
    assigned
}

impl Cut {
    fn take(&mut self) -> Vec<i32> {
        let is_longer = self.begun < self.partitions % self.readers;
        let end = self.next + self.partitions / self.readers + i32::from(is_longer);
        let stretch = (self.next..end).collect();
        (self.next, self.begun) = (end, self.begun + 1);
        stretch
    }
}
