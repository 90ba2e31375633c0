//! The image: the state that the committed records add up to.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::features::KRAFT_VERSION;
use crate::types::{LeaderEpoch, NodeId, Offset, PartitionId, TopicName};
use crate::wire::Uuid;
use crate::wire::messages::control_records::{Endpoint as VoterEndpoint, RegisteredVoter, VotersRecord};

/// Everything that Metadata, DescribeCluster and the admin calls answer from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetadataImage {
    /// `cluster.id` of meta.properties.
    pub cluster_id: String,
    /// Finalized feature levels above 0, `metadata.version` and `kraft.version` among them.
    pub features: BTreeMap<String, i16>,
    /// Where the voters of the metadata quorum are, by node and name of the listener, where the log says it.
    pub voters: BTreeMap<NodeId, Vec<Endpoint>>,
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
    /// Where clients reach it, one per advertised listener.
    pub endpoints: Vec<Endpoint>,
    /// Supported levels of each feature, lowest and highest.
    pub features: BTreeMap<String, (i16, i16)>,
    /// Its rack.
    pub rack: Option<String>,
    /// Not yet allowed to lead.
    pub is_fenced: bool,
    /// About to stop: keeps its replicas, leads nothing.
    pub is_in_controlled_shutdown: bool,
    /// Directory ids of its log directories.
    pub log_dirs: Vec<Uuid>,
}

/// An advertised listener of a broker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// The listener's name.
    pub listener: String,
    /// As clients see it.
    pub host: String,
    /// As clients see it.
    pub port: u16,
    /// Kafka's number: 0 plaintext, 1 SSL, 2 SASL over plaintext, 3 SASL over SSL.
    pub security_protocol: i16,
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
    /// The one that serves it; [`NodeId::NONE`] where none does.
    pub leader: NodeId,
    /// Its term.
    pub leader_epoch: LeaderEpoch,
    /// Rises with every change to this partition.
    pub partition_epoch: i32,
    /// The log directory of each replica, in the order of `replicas`; empty where the records say nothing.
    pub directories: Vec<Uuid>,
    /// Replicas that a reassignment takes away.
    pub removing_replicas: Vec<NodeId>,
    /// Replicas that a reassignment brings.
    pub adding_replicas: Vec<NodeId>,
    /// Replicas outside the in-sync set that may lead all the same (KIP-966).
    pub eligible_leader_replicas: Vec<NodeId>,
    /// The eligible replicas before the last unclean stop.
    pub last_known_eligible_leader_replicas: Vec<NodeId>,
    /// The leader was elected without having all that was committed.
    pub is_recovering: bool,
}

/// What a config belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConfigResource {
    /// A topic, by name.
    Topic(String),
    /// A broker, by node id; `None` is the default of all brokers.
    Broker(Option<NodeId>),
    /// A subscription of clients' metrics, by name (KIP-714).
    ClientMetrics(String),
    /// A group, by name.
    Group(String),
    /// Kinds that are kept but not used: resource type and name.
    Other(i8, String),
}

impl Partition {
    /// Whether it is on its way to other replicas.
    #[must_use]
    pub fn is_reassigned(&self) -> bool {
        !self.adding_replicas.is_empty() || !self.removing_replicas.is_empty()
    }
}

impl MetadataImage {
    /// Takes the voters from the log.
    pub(super) fn set_voters(&mut self, record: &VotersRecord) {
        let endpoint = |at: &VoterEndpoint| Endpoint::plaintext(&at.name, &at.host, at.port);
        let voter = |voter: &RegisteredVoter| {
            (NodeId(voter.voter_id), voter.endpoints.iter().map(endpoint).collect::<Vec<_>>())
        };
        self.voters = record.voters.iter().map(voter).collect();
    }

    /// `kraft.version`: in 0 the voters of the quorum are those of the configuration, in 1 they are in the log.
    #[must_use]
    pub fn kraft_version(&self) -> i16 {
        self.features.get(KRAFT_VERSION).copied().unwrap_or(0)
    }

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
