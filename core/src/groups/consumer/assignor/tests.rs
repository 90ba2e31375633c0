//! What holds of every assignment, whoever the members are and whatever they had.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

/// A group: how many partitions each topic has, and which topics each member reads.
#[derive(Clone, Debug)]
struct Case {
    partitions: Vec<i32>,
    reads: Vec<Vec<bool>>,
}

fn case(is_same: bool) -> impl Strategy<Value = Case> {
    (prop::collection::vec(0..9i32, 1..5), 1..9usize).prop_flat_map(move |(partitions, members)| {
        let topics = partitions.len();
        let reads = prop::collection::vec(prop::collection::vec(any::<bool>(), topics), members);
        let all = vec![vec![true; topics]; members];
        let reads = if is_same { Just(all).boxed() } else { reads.boxed() };
        (Just(partitions), reads).prop_map(|(partitions, reads)| Case { partitions, reads })
    })
}

type Had = BTreeMap<MemberId, Partitions>;

impl Case {
    fn ids(&self) -> Vec<MemberId> {
        (0..self.reads.len()).map(|member| format!("member-{member}").into()).collect()
    }

    fn counts(&self) -> BTreeMap<Uuid, i32> {
        self.partitions.iter().enumerate().map(|(topic, count)| (Uuid(topic as u128), *count)).collect()
    }

    fn topics(&self, member: usize) -> Vec<Uuid> {
        let read = self.reads[member].iter().enumerate().filter(|(_, reads)| **reads);
        read.map(|(topic, _)| Uuid(topic as u128)).collect()
    }

    fn assign(&self, assignor: Assignor, had: &Had) -> Had {
        let ids = self.ids();
        let nothing = Partitions::new();
        let candidates: Vec<_> = ids
            .iter()
            .enumerate()
            .map(|(member, id)| Candidate {
                id,
                instance_id: None,
                topics: self.topics(member),
                had: had.get(id).unwrap_or(&nothing),
            })
            .collect();
        let assigned = assignor.assign(&candidates, &self.counts());
        let as_before = |(candidate, partitions): (&Candidate<'_>, Option<Partitions>)| {
            (candidate.id.clone(), partitions.unwrap_or_else(|| candidate.had.clone()))
        };
        candidates.iter().zip(assigned).map(as_before).collect()
    }

    /// Each partition that anybody reads is with exactly one member, which reads it.
    fn check(&self, assigned: &Had) {
        let mut seen = BTreeSet::new();
        for (member, id) in self.ids().iter().enumerate() {
            let topics = self.topics(member);
            for (topic, partitions) in &assigned[id] {
                assert!(topics.contains(topic), "{id} does not read {topic}");
                assert!(partitions.is_sorted_by(|a, b| a < b) && !partitions.is_empty());
                for partition in partitions {
                    assert!((0..self.partitions[topic.0 as usize]).contains(partition));
                    assert!(seen.insert((*topic, *partition)), "{topic} {partition} is with two members");
                }
            }
        }
        let is_read = |topic: usize| self.reads.iter().any(|reads| reads[topic]);
        let wanted: i32 = (0..self.partitions.len()).filter(|topic| is_read(*topic)).map(|t| self.partitions[t]).sum();
        assert_eq!(seen.len(), wanted as usize, "none is left out");
    }
}

fn load(partitions: &Partitions) -> usize {
    partitions.values().map(Vec::len).sum()
}

/// What a member can be given of others' partitions, the most loaded of those who have some that it reads.
fn is_balanced(case: &Case, assigned: &Had) -> bool {
    case.ids().iter().enumerate().all(|(member, id)| {
        let own = load(&assigned[id]);
        case.topics(member).iter().all(|topic| {
            let givers = assigned.values().filter(|partitions| partitions.contains_key(topic));
            givers.map(load).all(|others| others <= own + 1)
        })
    })
}

proptest! {
    #[test]
    fn every_partition_goes_to_one_member_that_reads_it(
        case in case(false), before in case(false), assignor in prop::sample::select(&Assignor::ALL[..]),
    ) {
        let nothing = Had::new();
        let had = before.assign(assignor, &nothing);
        before.check(&had);
        let assigned = case.assign(assignor, &had);
        case.check(&assigned);
        prop_assert_eq!(case.assign(assignor, &had), assigned, "the same for the same");
    }

    #[test]
    fn members_that_read_the_same_get_the_same_number_or_one_more(case in case(true), before in case(true)) {
        let assigned = case.assign(Assignor::Uniform, &before.assign(Assignor::Uniform, &Had::new()));
        case.check(&assigned);
        let loads: Vec<usize> = assigned.values().map(load).collect();
        prop_assert!(loads.iter().max().unwrap() - loads.iter().min().unwrap() <= 1, "{:?}", loads);
    }

    #[test]
    fn where_nothing_has_changed_nothing_moves(case in case(false), assignor in prop::sample::select(&Assignor::ALL[..])) {
        let assigned = case.assign(assignor, &Had::new());
        prop_assert_eq!(&case.assign(assignor, &assigned), &assigned);
    }

    /// Of what a member had, no more is taken from it than it has too much.
    #[test]
    fn a_member_that_joins_takes_only_its_share(case in case(true)) {
        let mut fewer = case.clone();
        fewer.reads.pop();
        prop_assume!(!fewer.reads.is_empty());
        let before = fewer.assign(Assignor::Uniform, &Had::new());
        let after = case.assign(Assignor::Uniform, &before);
        let newcomer = &after[case.ids().last().unwrap()];
        let moved: usize = before.iter().map(|(id, had)| {
            let kept = &after[id];
            had.iter().flat_map(|(topic, all)| all.iter().map(move |partition| (topic, partition)))
                .filter(|(topic, partition)| !kept.get(*topic).is_some_and(|kept| kept.contains(partition))).count()
        }).sum();
        prop_assert_eq!(moved, load(newcomer));
    }

    #[test]
    fn members_that_read_different_topics_are_as_even_as_those_allow(case in case(false), before in case(false)) {
        let assigned = case.assign(Assignor::Uniform, &before.assign(Assignor::Uniform, &Had::new()));
        prop_assert!(is_balanced(&case, &assigned), "{:?}", assigned);
    }

    #[test]
    fn a_range_is_a_stretch_and_the_first_members_have_the_longer_ones(case in case(true)) {
        let assigned = case.assign(Assignor::Range, &Had::new());
        let mut next: BTreeMap<Uuid, i32> = BTreeMap::new();
        for id in case.ids() {
            for (topic, partitions) in &assigned[&id] {
                let next = next.entry(*topic).or_default();
                let stretch: Vec<i32> = (*next..*next + partitions.len() as i32).collect();
                prop_assert_eq!(partitions, &stretch);
                *next += partitions.len() as i32;
            }
        }
        for pair in case.ids().windows(2) {
            for topic in case.counts().keys() {
                let length = |id| assigned[id].get(topic).map_or(0, Vec::len);
                prop_assert!((0..=1).contains(&(length(&pair[0]) as i32 - length(&pair[1]) as i32)));
            }
        }
    }
}

#[test]
fn in_a_range_static_members_stand_first_by_their_instance_ids() {
    let counts = BTreeMap::from([(Uuid(1), 3)]);
    let ids: [MemberId; 3] = ["a".into(), "b".into(), "c".into()];
    let nothing = Partitions::new();
    let candidate = |id, instance_id| Candidate { id, instance_id, topics: vec![Uuid(1)], had: &nothing };
    let members = [candidate(&ids[0], None), candidate(&ids[1], Some("y")), candidate(&ids[2], Some("x"))];
    let assigned = Assignor::Range.assign(&members, &counts);
    let of = |partition| Some(Partitions::from([(Uuid(1), vec![partition])]));
    assert_eq!(assigned, [of(2), of(1), of(0)]);
}

#[test]
fn assignors_are_known_by_name_and_by_kafkas_class() {
    let both = Assignors::new("org.apache.kafka.coordinator.group.assignor.RangeAssignor, uniform,com.example.Mine");
    assert_eq!(both.all().collect::<Vec<_>>(), [Assignor::Range, Assignor::Uniform]);
    assert_eq!((both.default(), both.find("uniform")), (Assignor::Range, Some(Assignor::Uniform)));
    let one = Assignors::new("uniform");
    assert_eq!((one.default(), one.find("range")), (Assignor::Uniform, None));
    assert_eq!(Assignors::new("").default(), Assignor::Uniform);
}
