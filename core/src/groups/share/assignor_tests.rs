//! What holds of every assignment, whoever the members are and whatever they had.

use proptest::prelude::*;

use super::*;

/// A group: how many partitions each topic has, and which topics each member reads.
#[derive(Clone, Debug)]
struct Case {
    partitions: Vec<i32>,
    reads: Vec<Vec<bool>>,
}

fn case(is_same: bool) -> impl Strategy<Value = Case> {
    (prop::collection::vec(0..7i32, 1..5), 1..12usize).prop_flat_map(move |(partitions, members)| {
        let topics = partitions.len();
        let reads = prop::collection::vec(prop::collection::vec(any::<bool>(), topics), members);
        let all = vec![vec![true; topics]; members];
        let reads = if is_same { Just(all).boxed() } else { reads.boxed() };
        (Just(partitions), reads).prop_map(|(partitions, reads)| Case { partitions, reads })
    })
}

impl Case {
    fn partitions(&self) -> Partitions {
        let topics = self.partitions.iter().enumerate().filter(|(_, count)| **count > 0);
        topics.map(|(topic, count)| (Uuid(topic as u128), (0..*count).collect())).collect()
    }

    fn assign(&self, had: &[Partitions]) -> Vec<Partitions> {
        let nothing = Partitions::new();
        let candidate = |(member, reads): (usize, &Vec<bool>)| Candidate {
            topics: (0..reads.len()).filter(|topic| reads[*topic]).map(|topic| Uuid(topic as u128)).collect(),
            had: had.get(member).unwrap_or(&nothing),
        };
        let candidates: Vec<_> = self.reads.iter().enumerate().map(candidate).collect();
        assign(&candidates, &self.partitions())
    }

    fn readers(&self, topic: usize) -> usize {
        self.reads.iter().filter(|reads| reads[topic]).count()
    }

    /// Who has a partition reads it, each partition that is read has somebody, and no more than it takes.
    fn check(&self, assigned: &[Partitions], most: impl Fn(usize) -> usize) {
        for (member, partitions) in assigned.iter().enumerate() {
            for (topic, of_topic) in partitions {
                assert!(self.reads[member][topic.0 as usize], "{member} does not read {topic}");
                assert!(!of_topic.is_empty());
            }
        }
        for (topic, count) in self.partitions.iter().enumerate() {
            for partition in 0..*count {
                let has = |partitions: &&Partitions| {
                    partitions.get(&Uuid(topic as u128)).is_some_and(|of_topic| of_topic.contains(&partition))
                };
                let holders = assigned.iter().filter(has).count();
                assert_eq!(holders > 0, self.readers(topic) > 0, "{topic} {partition} is with {holders}");
                assert!(holders <= most(topic), "{topic} {partition} is with {holders}");
            }
        }
    }

    fn most_of_topic(&self, topic: usize) -> usize {
        self.readers(topic).div_ceil(self.partitions[topic].max(1) as usize)
    }
}

fn size(partitions: &Partitions) -> usize {
    partitions.values().map(BTreeSet::len).sum()
}

proptest! {
    #[test]
    fn members_that_read_the_same_have_as_many_partitions_as_each_other_but_for_one(case in case(true)) {
        let assigned = case.assign(&[]);
        let all: usize = case.partitions.iter().map(|count| *count as usize).sum();
        let sharing = case.reads.len().div_ceil(all.max(1));
        case.check(&assigned, |_| sharing);
        let sizes: Vec<usize> = assigned.iter().map(size).collect();
        let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
        prop_assert!(most - least <= 1, "{sizes:?}");
        // Nobody is idle where there is anything to do for more members than partitions.
        prop_assert!(all == 0 || all > case.reads.len() || *least > 0, "{sizes:?}");
    }

    #[test]
    fn members_that_read_different_topics_share_each_of_them_evenly(case in case(false)) {
        let assigned = case.assign(&[]);
        let is_same = case.reads.windows(2).all(|pair| pair[0] == pair[1]);
        let all: usize = case.partitions.iter().map(|count| *count as usize).sum();
        case.check(&assigned, |topic| if is_same { case.reads.len().div_ceil(all.max(1)).max(case.most_of_topic(topic)) } else { case.most_of_topic(topic) });
    }

    #[test]
    fn the_same_members_keep_what_they_have(case in prop_oneof![case(true), case(false)]) {
        let assigned = case.assign(&[]);
        prop_assert_eq!(case.assign(&assigned), assigned);
    }

    #[test]
    fn who_stays_loses_no_more_than_what_newcomers_get(case in case(true)) {
        let before = Case { reads: case.reads[1..].to_vec(), ..case.clone() }.assign(&[]);
        let mut had = vec![Partitions::new()];
        had.extend(before.iter().cloned());
        let after = case.assign(&had);
        case.check(&after, |_| case.reads.len());
        for (had, has) in had.iter().zip(&after) {
            let kept: usize = had.iter().map(|(topic, had)| has.get(topic).map_or(0, |has| has.intersection(had).count())).sum();
            prop_assert!(kept >= size(had).min(size(has)).saturating_sub(1), "{had:?} {has:?}");
        }
    }
}

#[test]
fn without_members_or_partitions_there_is_nothing_to_assign() {
    assert_eq!(assign(&[], &Partitions::new()), []);
    let nothing = Partitions::new();
    let alone = Candidate { topics: BTreeSet::from([Uuid(1)]), had: &nothing };
    assert_eq!(assign(&[alone], &Partitions::new()), [Partitions::new()]);
}

#[test]
fn four_members_share_two_partitions_and_two_members_share_four() {
    let nothing = Partitions::new();
    let crowd = |count: usize| -> Vec<Candidate<'_>> {
        (0..count).map(|_| Candidate { topics: BTreeSet::from([Uuid(1)]), had: &nothing }).collect()
    };
    let sizes = |members: usize, partitions: i32| -> Vec<usize> {
        let partitions = Partitions::from([(Uuid(1), (0..partitions).collect())]);
        assign(&crowd(members), &partitions).iter().map(size).collect()
    };
    assert_eq!(sizes(4, 2), [1, 1, 1, 1]);
    assert_eq!(sizes(2, 4), [2, 2]);
    // Each of the two takes two of the three, as Kafka has it.
    assert_eq!(sizes(3, 2), [2, 1, 1]);
}
