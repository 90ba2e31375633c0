//! The image: the state that the committed records add up to.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::types::{LeaderEpoch, NodeId, Offset, PartitionId, TopicName};
use crate::wire::Uuid;

/// Everything that Metadata, DescribeCluster and the admin calls answer from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetadataImage {
    /// `cluster.id` of meta.properties.
    pub cluster_id: String,
    /// Finalized feature levels, `metadata.version` among them.
    pub features: BTreeMap<String, i16>,
    /// Registered brokers.
    pub brokers: BTreeMap<NodeId, BrokerRegistration>,
    /// Topics by id.
    pub topics: BTreeMap<Uuid, Topic>,
    /// Ids of topics by name.
    pub topic_ids: BTreeMap<TopicName, Uuid>,
    /// Configs that were set, by resource.
    pub configs: BTreeMap<ConfigResource, BTreeMap<String, String>>,
    /// The first producer id that no broker has taken.
    pub next_producer_id: i64,
    /// The offset after the last record that was applied.
    pub end_offset: Offset,
}

/// A broker as the metadata knows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BrokerRegistration {
    /// Chosen anew at each start of the broker.
    pub incarnation_id: Uuid,
    /// The metadata offset of the registration.
    pub broker_epoch: i64,
    /// Listener name, host, port.
    pub endpoints: Vec<(String, String, u16)>,
    /// Its rack.
    pub rack: Option<String>,
    /// Not yet allowed to lead.
    pub is_fenced: bool,
    /// Directory ids of its log directories.
    pub log_dirs: Vec<Uuid>,
}

/// A topic.
#[derive(Clone, Debug, PartialEq)]
pub struct Topic {
    /// Never reused.
    pub id: Uuid,
    /// Unique among living topics.
    pub name: TopicName,
    /// By index; indexes are contiguous from 0.
    pub partitions: BTreeMap<i32, Partition>,
}

/// A partition.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Partition {
    /// Brokers that hold it, the preferred leader first.
    pub replicas: Vec<NodeId>,
    /// Those in sync.
    pub in_sync_replicas: Vec<NodeId>,
    /// The one that serves it.
    pub leader: NodeId,
    /// Its term.
    pub leader_epoch: LeaderEpoch,
    /// Rises with every change to this partition.
    pub partition_epoch: i32,
    /// The log directory of each replica, in the order of `replicas`.
    pub directories: Vec<Uuid>,
}

/// What a config belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConfigResource {
    /// A topic, by name.
    Topic(String),
    /// A broker, by node id; `None` is the default of all brokers.
    Broker(Option<NodeId>),
    /// Kinds that are kept but not used yet: resource type and name.
    Other(i8, String),
}

impl MetadataImage {
    /// The topic of that name.
    #[must_use]
    pub fn topic(&self, name: &str) -> Option<&Topic> {
        self.topics.get(self.topic_ids.get(name)?)
    }

    /// The partition of that id.
    #[must_use]
    pub fn partition(&self, id: PartitionId) -> Option<&Partition> {
        self.topics.get(&id.topic_id)?.partitions.get(&id.index)
    }
}
