//! How many partitions each topic of a topology has, or shall have once it is made.
//!
//! Those of topics that exist are given. A repartition topic has as many as its reader asks for, else as many as the largest topic
//! that its writer reads, which may be a repartition topic too: so they are worked out until all are known. Topics that are joined
//! have the same number, and a changelog has one for each task.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::configure::{Obstacle, Refusal};
use super::topology::{Topology, read_topics};
use crate::error_code::ErrorCode;
use crate::metadata::MetadataImage;
use crate::wire::Str;
use crate::wire::messages::streams_group_records::{CopartitionGroup, Subtopology};

/// The numbers of partitions, as far as they are known.
#[derive(Debug)]
pub(super) struct PartitionCounts<'a> {
    image: &'a MetadataImage,
    /// Of internal topics.
    decided: BTreeMap<&'a str, i32>,
}

impl<'a> PartitionCounts<'a> {
    /// Works them out.
    ///
    /// # Errors
    /// Where topics do not fit together, or nothing says how many partitions one has.
    pub(super) fn of_topology(topology: &'a Topology, image: &'a MetadataImage) -> Result<Self, Refusal> {
        let subtopologies = topology.by_id();
        let mut counts = Self { image, decided: BTreeMap::new() };
        counts.decided = counts.of_repartition_topics(&subtopologies)?;
        let repartition = subtopologies.values().flat_map(|subtopology| &subtopology.repartition_source_topics);
        let (fixed, flexible): (Vec<_>, Vec<_>) = repartition.partition(|topic| topic.partitions != 0);
        let names = |topics: Vec<&'a crate::wire::messages::streams_group_records::TopicInfo>| {
            topics.into_iter().map(|topic| &*topic.name).collect::<BTreeSet<&str>>()
        };
        let (fixed, flexible) = (names(fixed), names(flexible));
        for subtopology in subtopologies.values() {
            for group in &subtopology.copartition_groups {
                let joined = copartitioned(subtopology, group)?;
                counts.align(&joined, &fixed, &flexible)?;
            }
        }
        for subtopology in subtopologies.values() {
            let tasks = counts.tasks_of(subtopology)?;
            let changelogs = subtopology.state_changelog_topics.iter().map(|topic| (&*topic.name, tasks));
            counts.decided.extend(changelogs);
        }
        Ok(counts)
    }

    /// The number that was decided for an internal topic, whether it exists or not.
    pub(super) fn decided(&self, topic: &str) -> Option<i32> {
        self.decided.get(topic).copied()
    }

    /// How many tasks a subtopology has: as many as its largest topic has partitions.
    pub(super) fn tasks_of(&self, subtopology: &Subtopology) -> Result<i32, Refusal> {
        let mut most = None;
        for topic in read_topics(subtopology) {
            most = most.max(Some(self.known(topic)?));
        }
        most.ok_or_else(|| {
            let why = format!("No source topics found for subtopology {}", subtopology.subtopology_id);
            Refusal::topology(why)
        })
    }

    fn of(&self, topic: &str) -> Option<i32> {
        let existing = self.image.topic(topic).map(|topic| i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX));
        existing.or_else(|| self.decided(topic))
    }

    fn known(&self, topic: &str) -> Result<i32, Refusal> {
        self.of(topic).ok_or(Refusal::bare(ErrorCode::UnknownServerError))
    }

    fn of_repartition_topics(
        &self,
        subtopologies: &BTreeMap<&'a str, &'a Subtopology>,
    ) -> Result<BTreeMap<&'a str, i32>, Refusal> {
        let sources = || subtopologies.values().flat_map(|subtopology| &subtopology.repartition_source_topics);
        let asked_for = sources().filter(|topic| topic.partitions != 0);
        let mut counts: BTreeMap<&str, i32> = asked_for.map(|topic| (&*topic.name, topic.partitions)).collect();
        loop {
            let (mut is_one_missing, mut has_one_come) = (false, false);
            for subtopology in subtopologies.values() {
                for sink in &subtopology.repartition_sink_topics {
                    if counts.contains_key(&**sink) {
                        continue;
                    }
                    match self.largest_read_by(subtopology, &counts) {
                        Some(count) => drop(counts.insert(sink, count)),
                        None => is_one_missing = true,
                    }
                    has_one_come |= counts.contains_key(&**sink);
                }
            }
            if !is_one_missing {
                break;
            }
            if !has_one_come {
                return Err(Refusal::topology(
                    "Failed to compute number of partitions for all repartition topics. There may be loops in the topology that cannot be resolved.".into(),
                ));
            }
        }
        if sources().any(|topic| !counts.contains_key(&*topic.name)) {
            return Err(Refusal::topology(
                "Failed to compute number of partitions for all repartition topics, because a repartition source topic is never used as a sink topic.".into(),
            ));
        }
        Ok(counts)
    }

    fn largest_read_by(&self, subtopology: &Subtopology, repartition: &BTreeMap<&str, i32>) -> Option<i32> {
        let internal = subtopology.repartition_source_topics.iter().map(|topic| repartition.get(&*topic.name).copied());
        let external = subtopology.source_topics.iter().map(|topic| self.of(topic));
        internal.chain(external).flatten().max()
    }

    /// Gives repartition topics that are joined with others as many partitions as those have.
    fn align(
        &mut self,
        joined: &BTreeSet<&'a str>,
        fixed: &BTreeSet<&str>,
        flexible: &BTreeSet<&str>,
    ) -> Result<(), Refusal> {
        let mut repartition = BTreeMap::new();
        let mut others = BTreeMap::new();
        for topic in joined {
            let is_repartition = fixed.contains(topic) || flexible.contains(topic);
            let counts = if is_repartition { &mut repartition } else { &mut others };
            counts.insert(*topic, self.known(topic)?);
        }
        let wanted = if others.is_empty() { self.common_count(&repartition, fixed)? } else { Some(same(&others)?) };
        let Some(wanted) = wanted else { return Ok(()) };
        for (topic, count) in &repartition {
            if fixed.contains(topic) && *count != wanted {
                return Err(Refusal::fault(
                    Obstacle::IncorrectlyPartitionedTopics,
                    format!(
                        "Number of partitions [{count}] of repartition topic [{topic}] doesn't match number of partitions [{wanted}] of the source topic."
                    ),
                ));
            }
        }
        self.decided.extend(repartition.keys().map(|topic| (*topic, wanted)));
        Ok(())
    }

    /// How many partitions repartition topics have that are joined with each other only. As in Kafka all topics count whose number
    /// is fixed, also where they are not among these.
    fn common_count(&self, repartition: &BTreeMap<&str, i32>, fixed: &BTreeSet<&str>) -> Result<Option<i32>, Refusal> {
        let Some(first) = fixed.first() else { return Ok(repartition.values().copied().max()) };
        let count = self.known(first)?;
        for topic in fixed {
            if self.known(topic)? != count {
                return Err(differ(repartition));
            }
        }
        Ok(Some(count))
    }
}

/// The topics that are to have the same number of partitions.
fn copartitioned<'a>(subtopology: &'a Subtopology, group: &CopartitionGroup) -> Result<BTreeSet<&'a str>, Refusal> {
    let place = |index: &i16| usize::try_from(*index).ok();
    let source = |index| subtopology.source_topics.get(place(index)?).map(|topic: &Str| &**topic);
    let repartition = |index| subtopology.repartition_source_topics.get(place(index)?).map(|topic| &*topic.name);
    let sources = group.source_topics.iter().map(source);
    let topics = sources.chain(group.repartition_source_topics.iter().map(repartition));
    topics.collect::<Option<_>>().ok_or(Refusal::bare(ErrorCode::UnknownServerError))
}

/// The number that all of these have.
fn same(counts: &BTreeMap<&str, i32>) -> Result<i32, Refusal> {
    let mut all = counts.values();
    match all.next() {
        Some(first) if all.all(|count| count == first) => Ok(*first),
        _ => Err(differ(counts)),
    }
}

fn differ(counts: &BTreeMap<&str, i32>) -> Refusal {
    let listed: Vec<String> = counts.iter().map(|(topic, count)| format!("{topic}={count}")).collect();
    Refusal::fault(
        Obstacle::IncorrectlyPartitionedTopics,
        format!("Following topics do not have the same number of partitions: [{{{}}}]", listed.join(", ")),
    )
}
