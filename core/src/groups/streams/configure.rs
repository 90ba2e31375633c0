//! A topology on the topics that there are: how many tasks each part of it has, which topics it lacks, and what stands in its way.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::partitions::PartitionCounts;
use super::tasks::{Owned, SubtopologyId};
use super::topology::Topology;
use crate::api::{ApiError, topic_name};
use crate::error_code::ErrorCode;
use crate::metadata::MetadataImage;
use crate::wire::Str;
use crate::wire::messages::create_topics::{CreatableTopic, CreatableTopicConfig};
use crate::wire::messages::streams_group_heartbeat as answer;
use crate::wire::messages::streams_group_records::{Subtopology, TopicInfo};

/// A topology, with its topics.
#[derive(Debug)]
pub(crate) struct Configured {
    pub(super) topology_epoch: i32,
    /// None where the topics that exist do not do.
    pub(crate) subtopologies: Option<BTreeMap<SubtopologyId, ConfiguredSubtopology>>,
    /// Internal topics that are to be made.
    pub(crate) missing: Vec<InternalTopic>,
    /// What stands in its way.
    pub(super) fault: Option<Fault>,
}

/// A part of it.
#[derive(Debug)]
pub(crate) struct ConfiguredSubtopology {
    /// How many tasks it has.
    pub(crate) tasks: i32,
    pub(crate) source_topics: BTreeSet<Arc<str>>,
    pub(crate) repartition_sink_topics: BTreeSet<Arc<str>>,
    /// By name.
    pub(crate) repartition_source_topics: BTreeMap<Arc<str>, InternalTopic>,
    /// By name.
    pub(crate) changelog_topics: BTreeMap<Arc<str>, InternalTopic>,
}

/// A topic that is the group's own.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct InternalTopic {
    pub(crate) name: Arc<str>,
    pub(crate) partitions: i32,
    /// None leaves it to the broker.
    pub(crate) replication_factor: Option<i16>,
    pub(crate) configs: BTreeMap<Arc<str>, Arc<str>>,
}

/// What members are told of their group. Kafka's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    StaleTopology = 0,
    MissingSourceTopics = 1,
    IncorrectlyPartitionedTopics = 2,
    MissingInternalTopics = 3,
    ShutdownApplication = 4,
    AssignmentDelayed = 5,
}

/// Why a topology can't run yet.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault {
    pub(super) obstacle: Obstacle,
    /// For people.
    pub(super) detail: String,
}

/// Why a topology can't be configured.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The topics are to be changed: the members wait for it.
    Fault(Fault),
    /// The topology itself is no good.
    Topology(ApiError),
}

impl Obstacle {
    /// As a heartbeat's answer says it.
    pub(super) fn told(self, detail: String) -> answer::Status {
        answer::Status { status_code: self as i8, status_detail: detail.into(), ..Default::default() }
    }
}

impl Refusal {
    pub(super) fn fault(obstacle: Obstacle, detail: String) -> Self {
        Self::Fault(Fault { obstacle, detail })
    }

    pub(super) fn topology(why: String) -> Self {
        Self::Topology(ApiError::new(ErrorCode::StreamsInvalidTopology, why))
    }

    pub(super) fn bare(code: ErrorCode) -> Self {
        Self::Topology(ApiError::bare(code))
    }
}

impl Configured {
    /// Works out topics and tasks of a topology.
    ///
    /// # Errors
    /// Where there is no sense in it. That topics are missing or do not fit together is none.
    pub(super) fn of(topology: &Topology, image: &MetadataImage) -> Result<Self, ApiError> {
        let topology_epoch = topology.epoch();
        match Self::subtopologies_of(topology, image) {
            Ok((subtopologies, missing)) => {
                let fault = (!missing.is_empty()).then(|| Fault {
                    obstacle: Obstacle::MissingInternalTopics,
                    detail: format!(
                        "Internal topics are missing: {}",
                        listed(missing.iter().map(|topic| &*topic.name))
                    ),
                });
                Ok(Self { topology_epoch, subtopologies: Some(subtopologies), missing, fault })
            }
            Err(Refusal::Fault(fault)) => {
                Ok(Self { topology_epoch, subtopologies: None, missing: Vec::new(), fault: Some(fault) })
            }
            Err(Refusal::Topology(error)) => Err(error),
        }
    }

    /// Whether its tasks can run.
    pub(crate) fn is_ready(&self) -> bool {
        self.fault.is_none()
    }

    /// The topology's epoch, where its topics are complete; else -1.
    pub(super) fn validated_epoch(&self) -> i32 {
        if self.is_ready() { self.topology_epoch } else { -1 }
    }

    /// Checks that a member has nothing but tasks that there are, where that is known.
    ///
    /// # Errors
    /// Where it has others.
    pub(super) fn check_owned(&self, owned: Owned<'_>) -> Result<(), ApiError> {
        let Some(subtopologies) = self.subtopologies.as_ref().filter(|_| self.is_ready()) else { return Ok(()) };
        let invalid = |why: String| Err(ApiError::new(ErrorCode::InvalidRequest, why));
        for tasks in owned.all() {
            let id = &tasks.subtopology_id;
            let Some(subtopology) = subtopologies.get(&**id) else {
                return invalid(format!("Subtopology {id} does not exist in the topology."));
            };
            let count = subtopology.tasks;
            if let Some(task) = tasks.partitions.iter().find(|task| !(0..count).contains(*task)) {
                return invalid(format!(
                    "Task {task} for subtopology {id} is invalid. Number of tasks for this subtopology: {count}"
                ));
            }
        }
        Ok(())
    }

    fn subtopologies_of(
        topology: &Topology,
        image: &MetadataImage,
    ) -> Result<(BTreeMap<SubtopologyId, ConfiguredSubtopology>, Vec<InternalTopic>), Refusal> {
        check_source_topics(topology, image)?;
        let counts = PartitionCounts::of_topology(topology, image)?;
        let mut subtopologies = BTreeMap::new();
        for (id, subtopology) in topology.by_id() {
            subtopologies.insert(id.into(), ConfiguredSubtopology::of(subtopology, &counts)?);
        }
        let missing = missing_topics(&subtopologies, image)?;
        Ok((subtopologies, missing))
    }
}

impl ConfiguredSubtopology {
    fn of(subtopology: &Subtopology, counts: &PartitionCounts<'_>) -> Result<Self, Refusal> {
        let tasks = counts.tasks_of(subtopology)?;
        if tasks <= 0 {
            return Err(Refusal::bare(ErrorCode::UnknownServerError));
        }
        let names = |topics: &[Str]| topics.iter().map(|topic| Arc::from(&**topic)).collect();
        let internal = |topics: &[TopicInfo]| {
            topics
                .iter()
                .map(|topic| InternalTopic::of(topic, counts).map(|topic| (Arc::clone(&topic.name), topic)))
                .collect::<Result<BTreeMap<_, _>, _>>()
        };
        Ok(Self {
            tasks,
            source_topics: names(&subtopology.source_topics),
            repartition_sink_topics: names(&subtopology.repartition_sink_topics),
            repartition_source_topics: internal(&subtopology.repartition_source_topics)?,
            changelog_topics: internal(&subtopology.state_changelog_topics)?,
        })
    }

    /// Whether its tasks keep a state, of which there may be copies.
    pub(crate) fn is_stateful(&self) -> bool {
        !self.changelog_topics.is_empty()
    }

    /// The topics that its tasks read.
    pub(crate) fn read_topics(&self) -> BTreeSet<&Arc<str>> {
        self.source_topics.iter().chain(self.repartition_source_topics.keys()).collect()
    }
}

impl InternalTopic {
    /// As who creates topics asks for it.
    pub(crate) fn to_creatable(&self) -> CreatableTopic {
        let config = |(name, value): (&Arc<str>, &Arc<str>)| CreatableTopicConfig {
            name: Str::from(&**name),
            value: Some(Str::from(&**value)),
            ..Default::default()
        };
        CreatableTopic {
            name: Str::from(&*self.name),
            num_partitions: self.partitions,
            replication_factor: self.replication_factor.unwrap_or(-1),
            configs: self.configs.iter().map(config).collect(),
            ..Default::default()
        }
    }

    fn of(topic: &TopicInfo, counts: &PartitionCounts<'_>) -> Result<Self, Refusal> {
        let unknown = Refusal::bare(ErrorCode::UnknownServerError);
        let partitions = match topic.partitions {
            0 => counts.decided(&topic.name),
            asked_for => Some(asked_for),
        };
        let Some(partitions) = partitions.filter(|partitions| *partitions >= 1) else { return Err(unknown) };
        if let Err(why) = topic_name::validate(&topic.name) {
            return Err(Refusal::Topology(ApiError::new(ErrorCode::InvalidTopicException, why.to_string())));
        }
        let configs: BTreeMap<Arc<str>, Arc<str>> =
            topic.topic_configs.iter().map(|config| (Arc::from(&*config.key), Arc::from(&*config.value))).collect();
        if configs.len() < topic.topic_configs.len() {
            return Err(unknown);
        }
        let replication_factor = Some(topic.replication_factor).filter(|factor| *factor != 0);
        Ok(Self { name: Arc::from(&*topic.name), partitions, replication_factor, configs })
    }
}

fn check_source_topics(topology: &Topology, image: &MetadataImage) -> Result<(), Refusal> {
    let subtopologies = topology.by_id();
    let sources = subtopologies.values().flat_map(|subtopology| &subtopology.source_topics);
    let missing: BTreeSet<&str> = sources.map(|topic| &**topic).filter(|topic| image.topic(topic).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let detail = format!("Source topics {} are missing.", listed(missing.into_iter()));
    Err(Refusal::fault(Obstacle::MissingSourceTopics, detail))
}

/// The internal topics that do not exist; those that do have to be as the topology wants them.
fn missing_topics(
    subtopologies: &BTreeMap<SubtopologyId, ConfiguredSubtopology>,
    image: &MetadataImage,
) -> Result<Vec<InternalTopic>, Refusal> {
    let mut wanted: BTreeMap<&str, &InternalTopic> = BTreeMap::new();
    for subtopology in subtopologies.values() {
        let topics = subtopology.repartition_source_topics.values().chain(subtopology.changelog_topics.values());
        wanted.extend(topics.map(|topic| (&*topic.name, topic)));
    }
    let mut missing = Vec::new();
    for (name, topic) in wanted {
        let Some(existing) = image.topic(name) else {
            missing.push(topic.clone());
            continue;
        };
        let (expected, found) = (topic.partitions, existing.partitions.len());
        if usize::try_from(expected) != Ok(found) {
            let detail =
                format!("Existing topic {name} has different number of partitions: expected {expected}, found {found}");
            return Err(Refusal::fault(Obstacle::IncorrectlyPartitionedTopics, detail));
        }
    }
    Ok(missing)
}

/// The first few of them, and how many more there are.
fn listed<'a>(topics: impl ExactSizeIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 3;
    let more = topics.len().saturating_sub(SHOWN);
    let shown = topics.take(SHOWN).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{shown} and {more} additional topics") } else { shown }
}
