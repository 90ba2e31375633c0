//! What a leader does: it gives each partition to a member. Eagerly, all of them anew; or cooperatively, so that nobody gets
//! what somebody else still has.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use ottla_core::wire::messages::consumer_protocol::{
    ConsumerProtocolAssignment, ConsumerProtocolSubscription, TopicPartition,
};
use ottla_core::wire::{Message, Reader, Slice, Str, to_bytes};

use super::offsets::Place;

/// All partitions are given away anew.
pub const EAGER: &str = "range";
/// What a member has and may keep it keeps.
pub const COOPERATIVE: &str = "cooperative-sticky";
/// Of what clients tell each other.
const VERSION: i16 = 3;

/// What a member says when it joins: what it reads, and what it still has from which generation.
pub fn subscription(topics: &[String], owned: &BTreeSet<Place>, generation: i32) -> Slice {
    let content = ConsumerProtocolSubscription {
        topics: topics.iter().map(|topic| Str::from(topic.as_str())).collect(),
        owned_partitions: partitions(owned),
        generation_id: generation,
        ..ConsumerProtocolSubscription::default()
    };
    versioned(&to_bytes(&content.in_version(VERSION)))
}

/// What a leader says to a member.
pub fn assignment(owned: &BTreeSet<Place>) -> Slice {
    let content =
        ConsumerProtocolAssignment { assigned_partitions: partitions(owned), ..ConsumerProtocolAssignment::default() };
    versioned(&to_bytes(&content.in_version(VERSION)))
}

/// What the leader gave; nothing where it said nothing. `None` is not what a leader says.
pub fn read_assignment(bytes: &[u8]) -> Option<BTreeSet<Place>> {
    if bytes.is_empty() {
        return Some(BTreeSet::new());
    }
    let content = Bytes::copy_from_slice(bytes.get(2..)?);
    let assignment = ConsumerProtocolAssignment::read(&mut Reader::new(&content), VERSION).ok()?;
    Some(places(&assignment.assigned_partitions))
}

/// Each member's share of `all`. Members come with what they said; what several claim the one has that says so of the
/// latest generation.
pub fn assign(
    protocol: &str,
    members: &[(String, Bytes)],
    all: &BTreeSet<Place>,
    turn: usize,
) -> BTreeMap<String, BTreeSet<Place>> {
    let mut shares: BTreeMap<String, BTreeSet<Place>> =
        members.iter().map(|(id, _)| (id.clone(), BTreeSet::new())).collect();
    let ids: Vec<String> = shares.keys().cloned().collect();
    if protocol != COOPERATIVE {
        for (at, place) in all.iter().enumerate() {
            shares.get_mut(&ids[(at + turn) % ids.len()]).expect("a member").insert(place.clone());
        }
        return shares;
    }
    let quota = all.len().div_ceil(ids.len());
    let claims = claims(members);
    let claimed: BTreeSet<&Place> = claims.keys().collect();
    for (place, (_, id)) in &claims {
        let share = shares.get_mut(id).expect("a member");
        if share.len() < quota && all.contains(place) {
            share.insert(place.clone());
        }
    }
    for place in all.iter().filter(|place| !claimed.contains(place)) {
        let share = shares.values_mut().min_by_key(|share| share.len()).expect("a member");
        share.insert(place.clone());
    }
    shares
}

/// Who has each partition, since which generation.
fn claims(members: &[(String, Bytes)]) -> BTreeMap<Place, (i32, String)> {
    let mut claims: BTreeMap<Place, (i32, String)> = BTreeMap::new();
    for (id, said) in members {
        let Some(content) = said.get(2..).map(|_| said.slice(2..)) else { continue };
        let Ok(said) = ConsumerProtocolSubscription::read(&mut Reader::new(&content), VERSION) else { continue };
        for place in places(&said.owned_partitions) {
            let claim = (said.generation_id, id.clone());
            let known = claims.entry(place).or_insert_with(|| claim.clone());
            if known.0 < claim.0 {
                *known = claim;
            }
        }
    }
    claims
}

fn versioned(content: &Bytes) -> Slice {
    Slice::from(Bytes::from([&VERSION.to_be_bytes()[..], content].concat()))
}

fn partitions(owned: &BTreeSet<Place>) -> Vec<TopicPartition> {
    let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for (topic, index) in owned {
        topics.entry(topic).or_default().push(*index);
    }
    let topic = |(topic, partitions): (&str, Vec<i32>)| TopicPartition {
        topic: topic.into(),
        partitions,
        ..TopicPartition::default()
    };
    topics.into_iter().map(topic).collect()
}

fn places(topics: &[TopicPartition]) -> BTreeSet<Place> {
    topics.iter().flat_map(|it| it.partitions.iter().map(|index| (it.topic.to_string(), *index))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> BTreeSet<Place> {
        (0..4).map(|index| ("t".to_owned(), index)).collect()
    }

    fn member(id: &str, owned: &[i32], generation: i32) -> (String, Bytes) {
        let owned = owned.iter().map(|index| ("t".to_owned(), *index)).collect();
        (id.to_owned(), subscription(&["t".to_owned()], &owned, generation).to_bytes())
    }

    fn indexes(shares: &BTreeMap<String, BTreeSet<Place>>, id: &str) -> Vec<i32> {
        shares[id].iter().map(|(_, index)| *index).collect()
    }

    #[test]
    fn an_eager_leader_gives_everything_away() {
        let shares = assign(EAGER, &[member("a", &[0, 1], 1), member("b", &[], 1)], &all(), 1);
        assert_eq!((indexes(&shares, "a"), indexes(&shares, "b")), (vec![1, 3], vec![0, 2]));
    }

    #[test]
    fn a_cooperative_leader_gives_nothing_away_that_somebody_has() {
        let members = [member("a", &[0, 1, 2], 4), member("b", &[0, 3], 3)];
        let shares = assign(COOPERATIVE, &members, &all(), 0);
        assert_eq!((indexes(&shares, "a"), indexes(&shares, "b")), (vec![0, 1], vec![3]), "2 comes free first");
        let members = [member("a", &[0, 1], 5), member("b", &[3], 5)];
        let shares = assign(COOPERATIVE, &members, &all(), 0);
        assert_eq!((indexes(&shares, "a"), indexes(&shares, "b")), (vec![0, 1], vec![2, 3]));
    }

    #[test]
    fn an_assignment_is_read_as_it_was_written() {
        assert_eq!(read_assignment(&assignment(&all())), Some(all()));
        assert_eq!(read_assignment(&[]), Some(BTreeSet::new()));
        assert_eq!(read_assignment(&[0]), None);
    }
}
