//! The topology that a group runs, as its members sent it: the operators of the application, cut into subtopologies, and the
//! topics that these read and write.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::api::ApiError;
use crate::error_code::ErrorCode;
use crate::types::TopicName;
use crate::wire::Str;
use crate::wire::messages::streams_group_heartbeat as request;
use crate::wire::messages::streams_group_records::{
    CopartitionGroup, StreamsGroupTopologyValue, Subtopology, TopicConfig, TopicInfo,
};

/// A topology, in the form in which it is written.
#[derive(Debug)]
pub(crate) struct Topology {
    value: StreamsGroupTopologyValue,
    /// By topic that is read, the place of the subtopology that reads it.
    readers: BTreeMap<TopicName, usize>,
}

impl Topology {
    /// As a member sends it. Its texts are parts of the request.
    ///
    /// # Errors
    /// Where two subtopologies have one id, or the epoch is negative.
    pub(super) fn of_request(sent: &request::Topology) -> Result<Self, ApiError> {
        let subtopologies = sent.subtopologies.iter().map(subtopology_of_request).collect();
        let topology = Self::new(StreamsGroupTopologyValue { epoch: sent.epoch, subtopologies, ..Default::default() });
        // Kafka takes both for a fault of its own, and says no more.
        let is_good = sent.epoch >= 0 && topology.by_id().len() == sent.subtopologies.len();
        if is_good { Ok(topology) } else { Err(ApiError::bare(ErrorCode::UnknownServerError)) }
    }

    /// As a record has it. Its texts are copied: the record may be a part of a large buffer.
    pub(super) fn of_record(value: &StreamsGroupTopologyValue) -> Self {
        let subtopologies = value.subtopologies.iter().map(copy_of_subtopology).collect();
        Self::new(StreamsGroupTopologyValue { epoch: value.epoch, subtopologies, ..Default::default() })
    }

    fn new(value: StreamsGroupTopologyValue) -> Self {
        let mut readers = BTreeMap::new();
        for (place, subtopology) in value.subtopologies.iter().enumerate() {
            readers.extend(read_topics(subtopology).map(|topic| (TopicName::from(&**topic), place)));
        }
        Self { value, readers }
    }

    pub(crate) fn epoch(&self) -> i32 {
        self.value.epoch
    }

    /// As it is written.
    pub(super) fn value(&self) -> &StreamsGroupTopologyValue {
        &self.value
    }

    /// Its parts, by id.
    pub(crate) fn by_id(&self) -> BTreeMap<&str, &Subtopology> {
        self.value.subtopologies.iter().map(|subtopology| (&*subtopology.subtopology_id, subtopology)).collect()
    }

    /// The subtopology that reads the topic.
    pub(crate) fn reader_of(&self, topic: &str) -> Option<&Subtopology> {
        self.value.subtopologies.get(*self.readers.get(topic)?)
    }

    /// The topics that have to be there, in order.
    pub(super) fn required_topics(&self) -> BTreeSet<&str> {
        let changelogs = self.value.subtopologies.iter().flat_map(|subtopology| &subtopology.state_changelog_topics);
        self.readers.keys().map(|topic| &**topic).chain(changelogs.map(|topic| &*topic.name)).collect()
    }

    /// Whether both are the same, in whatever order their parts stand.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        self.epoch() == other.epoch() && self.by_id() == other.by_id()
    }
}

/// The topics that it reads.
pub(super) fn read_topics(subtopology: &Subtopology) -> impl Iterator<Item = &Str> {
    let repartition = subtopology.repartition_source_topics.iter().map(|topic| &topic.name);
    subtopology.source_topics.iter().chain(repartition)
}

fn subtopology_of_request(sent: &request::Subtopology) -> Subtopology {
    let group = |group: &request::CopartitionGroup| CopartitionGroup {
        source_topics: group.source_topics.clone(),
        source_topic_regex: group.source_topic_regex.clone(),
        repartition_source_topics: group.repartition_source_topics.clone(),
        ..Default::default()
    };
    Subtopology {
        subtopology_id: sent.subtopology_id.clone(),
        source_topics: sent.source_topics.clone(),
        source_topic_regex: sent.source_topic_regex.clone(),
        state_changelog_topics: sent.state_changelog_topics.iter().map(topic_of_request).collect(),
        repartition_sink_topics: sent.repartition_sink_topics.clone(),
        repartition_source_topics: sent.repartition_source_topics.iter().map(topic_of_request).collect(),
        copartition_groups: sent.copartition_groups.iter().map(group).collect(),
        ..Default::default()
    }
}

fn topic_of_request(sent: &request::TopicInfo) -> TopicInfo {
    let config = |config: &request::KeyValue| TopicConfig {
        key: config.key.clone(),
        value: config.value.clone(),
        ..Default::default()
    };
    TopicInfo {
        name: sent.name.clone(),
        partitions: sent.partitions,
        replication_factor: sent.replication_factor,
        topic_configs: sent.topic_configs.iter().map(config).collect(),
        ..Default::default()
    }
}

fn copy_of_subtopology(of: &Subtopology) -> Subtopology {
    Subtopology {
        subtopology_id: copy(&of.subtopology_id),
        source_topics: copies(&of.source_topics),
        source_topic_regex: copies(&of.source_topic_regex),
        state_changelog_topics: of.state_changelog_topics.iter().map(copy_of_topic).collect(),
        repartition_sink_topics: copies(&of.repartition_sink_topics),
        repartition_source_topics: of.repartition_source_topics.iter().map(copy_of_topic).collect(),
        copartition_groups: of.copartition_groups.clone(),
        ..Default::default()
    }
}

fn copy_of_topic(of: &TopicInfo) -> TopicInfo {
    let config =
        |config: &TopicConfig| TopicConfig { key: copy(&config.key), value: copy(&config.value), ..Default::default() };
    TopicInfo {
        name: copy(&of.name),
        topic_configs: of.topic_configs.iter().map(config).collect(),
        partitions: of.partitions,
        replication_factor: of.replication_factor,
        ..Default::default()
    }
}

fn copies(texts: &[Str]) -> Vec<Str> {
    texts.iter().map(copy).collect()
}

fn copy(text: &Str) -> Str {
    Str::from(&**text)
}
