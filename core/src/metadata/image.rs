//! The image: the state that the committed records add up to.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

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
    /// Quotas of clients, in the unit of each: `producer_byte_rate` and the like.
    pub client_quotas: BTreeMap<QuotaEntity, BTreeMap<String, f64>>,
    /// What proves that a user knows the password, by user and mechanism.
    pub scram_credentials: BTreeMap<(String, ScramMechanism), ScramCredential>,
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

/// Whose quota it is: a user, a client id, both, or an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct QuotaEntity {
    /// The client's name of itself.
    pub client_id: Option<QuotaName>,
    /// The principal's name.
    pub user: Option<QuotaName>,
    /// Where connections come from.
    pub ip: Option<QuotaName>,
}

/// One part of a [`QuotaEntity`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum QuotaName {
    /// All that have no quota by their own name.
    Default,
    /// This one.
    Named(String),
}

/// A hash by which a password is proven (RFC 5802).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ScramMechanism {
    /// SCRAM-SHA-256.
    Sha256,
    /// SCRAM-SHA-512.
    Sha512,
}

/// What is kept of a password: enough to see that a client knows it, too little to pretend that one does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScramCredential {
    /// Mixed into the password.
    pub salt: Bytes,
    /// The hash of the client's key.
    pub stored_key: Bytes,
    /// The broker's own proof.
    pub server_key: Bytes,
    /// Of the hash.
    pub iterations: i32,
}

impl ScramMechanism {
    /// Kafka's number.
    #[must_use]
    pub fn number(self) -> i8 {
        match self {
            Self::Sha256 => 1,
            Self::Sha512 => 2,
        }
    }

    /// The mechanism of that number.
    #[must_use]
    pub fn from_number(number: i8) -> Option<Self> {
        [Self::Sha256, Self::Sha512].into_iter().find(|mechanism| mechanism.number() == number)
    }
}

impl QuotaEntity {
    /// The parts that it has, types in the order in which Kafka tells them.
    pub fn parts(&self) -> impl Iterator<Item = (&'static str, &QuotaName)> + '_ {
        let parts = [("client-id", &self.client_id), ("user", &self.user), ("ip", &self.ip)];
        parts.into_iter().filter_map(|(part, name)| Some((part, name.as_ref()?)))
    }

    /// Where the name of a part belongs; `None` for a type that Kafka doesn't know.
    pub fn part_mut(&mut self, part: &str) -> Option<&mut Option<QuotaName>> {
        match part {
            "client-id" => Some(&mut self.client_id),
            "user" => Some(&mut self.user),
            "ip" => Some(&mut self.ip),
            _ => None,
        }
    }
}

impl QuotaName {
    /// As messages have it: null is the default.
    #[must_use]
    pub fn of(name: Option<&str>) -> Self {
        name.map_or(Self::Default, |name| Self::Named(name.into()))
    }

    /// As messages have it.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Default => None,
            Self::Named(name) => Some(name),
        }
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
