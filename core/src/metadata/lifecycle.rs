//! What a node writes into the metadata log when it starts and when it stops, so that the image says what is true: this
//! node leads, it is alive under a new epoch, and no other node is.

use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;

use super::batch::{batch, batches, control_batch};
use super::features::{
    Features, KRAFT_VERSION, METADATA_VERSION, SUPPORTED_FEATURES, features_of, is_elr_enabled, metadata_version, since,
};
use super::image::{ConfigResource, Endpoint, MetadataImage, Partition};
use super::loader::Loader;
use crate::records::ControlRecord;
use crate::time::WallClock;
use crate::types::{LeaderEpoch, NodeId, Offset, PartitionId};
use crate::wire::messages::control_records::{
    KRaftVersionFeature, KRaftVersionRecord, LeaderChangeMessage, RegisteredVoter, Voter, VotersRecord,
};
use crate::wire::messages::metadata_records::{
    AbortTransactionRecord, BeginTransactionRecord, BrokerEndpoint, BrokerFeature, BrokerRegistrationChangeRecord,
    ConfigRecord, EndTransactionRecord, PartitionChangeRecord, RegisterBrokerRecord,
};
use crate::wire::{MetadataRecord, Str, Uuid};

/// This node, as it will be registered.
#[derive(Clone, Debug, PartialEq)]
pub struct Registration {
    /// `node.id`.
    pub node_id: NodeId,
    /// New at each start.
    pub incarnation_id: Uuid,
    /// `directory.id` of the metadata log's directory.
    pub directory_id: Uuid,
    /// `directory.id` of each log directory that can be used.
    pub log_dirs: Vec<Uuid>,
    /// The advertised listeners.
    pub endpoints: Vec<Endpoint>,
    /// `broker.rack`.
    pub rack: Option<Str>,
}

/// What a new metadata log begins with.
#[derive(Clone, Debug, PartialEq)]
pub struct Bootstrap {
    /// Feature levels, and what else the directory was formatted with.
    pub records: Vec<MetadataRecord>,
    /// `min.insync.replicas` of server.properties, which becomes that of the whole cluster.
    pub min_insync_replicas: u32,
}

/// The batches that begin this node's term, for the end of the metadata log that `loader` has read.
///
/// A leader change comes first; on a log without records the `bootstrap` records follow; then the registration, whose own offset is the
/// new broker epoch, and the changes of the `held` partitions, each in a log directory, that this makes true. Where the node was registered before
/// and did not stop in good order, each partition that it led begins a new leader epoch.
#[must_use]
pub fn start_batches(
    loader: &Loader,
    node: &Registration,
    held: impl Iterator<Item = (PartitionId, Uuid)>,
    bootstrap: &Bootstrap,
    epoch: LeaderEpoch,
    now: WallClock,
) -> Vec<Bytes> {
    let image = loader.image();
    let mut next = image.end_offset;
    let mut all = vec![control_batch(&[leader_change(loader, node)], next, epoch, now)];
    next = next.next();

    let mut features = image.features.clone();
    let mut first = Vec::new();
    if loader.is_in_transaction() {
        first.push(abort());
    }
    // A start may have come no further than its leader change, or than the begin of the transaction.
    let is_empty = !loader.has_records() || (loader.is_in_transaction() && !features.contains_key(METADATA_VERSION));
    if is_empty {
        features = features_of(&bootstrap.records);
        first.extend(first_records(bootstrap, &features));
    }
    if !first.is_empty() {
        all.push(batch(&first, &features, next, epoch, now));
        next.0 += first.len() as i64;
    }

    let mut records = vec![register(node, next), unfence(node.node_id, next)];
    records.extend(fence_others(image, node.node_id));
    records.extend(held.filter_map(|(id, log_dir)| take_over(image, node, (id, log_dir), &features)));
    all.extend(batches(&records, &features, next, epoch, now));
    all
}

/// The records of a stop in good order: no partition is led any more, and the node is fenced. The next start makes it the
/// leader again, in a new epoch; so does Apache Kafka's, without waiting for a session to expire.
#[must_use]
pub fn stop_records(image: &MetadataImage, node_id: NodeId) -> Vec<MetadataRecord> {
    let Some(registration) = image.brokers.get(&node_id) else { return Vec::new() };
    let change = |record: BrokerRegistrationChangeRecord| -> MetadataRecord {
        BrokerRegistrationChangeRecord { broker_id: node_id.0, broker_epoch: registration.broker_epoch, ..record }
            .into()
    };
    let mut records =
        vec![change(BrokerRegistrationChangeRecord { in_controlled_shutdown: SET, ..Default::default() })];
    records.extend(leaving_records(image, node_id));
    records.push(change(BrokerRegistrationChangeRecord { fenced: SET, ..Default::default() }));
    records
}

/// The records by which a broker leads no partition any more and is in sync with none. No other can take over.
#[must_use]
pub fn leaving_records(image: &MetadataImage, node_id: NodeId) -> Vec<MetadataRecord> {
    let mut records = Vec::new();
    for topic in image.topics.values() {
        for (&index, partition) in &topic.partitions {
            let leads = partition.leader == node_id;
            if !leads && !partition.in_sync_replicas.contains(&node_id) {
                continue;
            }
            let unchanged = PartitionChangeRecord { topic_id: topic.id, partition_id: index, ..Default::default() };
            let mut record = unchanged.clone();
            if leads {
                record.leader = NodeId::NONE.0;
            }
            // The last one in sync may leave the set only where it can come back from outside of it.
            let is_elr_enabled = is_elr_enabled(&image.features);
            if partition.in_sync_replicas != [node_id] {
                let others = partition.in_sync_replicas.iter().filter(|id| **id != node_id).map(|id| id.0);
                record.isr = partition.in_sync_replicas.contains(&node_id).then(|| others.collect());
            } else if is_elr_enabled {
                record.isr = Some(Vec::new());
                record.eligible_leader_replicas = Some(vec![node_id.0]);
                record.last_known_elr = Some(vec![node_id.0]);
            }
            if record != unchanged {
                records.push(record.into());
            }
        }
    }
    records
}

/// The change of a registration when only these log directories can be used any more; nothing where it says so already, or
/// where the level knows of none.
#[must_use]
pub fn log_dirs_record(image: &MetadataImage, node_id: NodeId, log_dirs: Vec<Uuid>) -> Option<MetadataRecord> {
    let registration = image.brokers.get(&node_id)?;
    let broker_epoch = registration.broker_epoch;
    let is_known = metadata_version(&image.features) >= since::DIRECTORIES && !log_dirs.is_empty();
    let is_news = registration.log_dirs != log_dirs;
    let record = BrokerRegistrationChangeRecord { broker_id: node_id.0, broker_epoch, log_dirs, ..Default::default() };
    (is_known && is_news).then(|| record.into())
}

/// The changes of partitions that make the records say in which log directory each of those held is; none where they do, or
/// where the level knows of none.
#[must_use]
pub fn directory_records(
    image: &MetadataImage,
    node_id: NodeId,
    held: impl Iterator<Item = (PartitionId, Uuid)>,
) -> Vec<MetadataRecord> {
    if !tells_directories(image) {
        return Vec::new();
    }
    let record = |(id, log_dir): (PartitionId, Uuid)| {
        let partition = image.partition(id)?;
        let directories = moved_directories(partition, &partition.replicas, node_id, log_dir)?;
        let (topic_id, partition_id) = (id.topic_id, id.index);
        Some(
            PartitionChangeRecord { topic_id, partition_id, directories: Some(directories), ..Default::default() }
                .into(),
        )
    };
    held.filter_map(record).collect()
}

/// Whether the records say in which log directory each replica is.
#[must_use]
pub fn tells_directories(image: &MetadataImage) -> bool {
    metadata_version(&image.features) >= since::DIRECTORIES
}

/// The batch with which the quorum goes over to a protocol in which its voters are told by the log: this node alone. It has
/// no address among controllers, since there are no others.
#[must_use]
pub fn quorum_upgrade(
    kraft_version: i16,
    (node_id, directory_id): (NodeId, Uuid),
    base_offset: Offset,
    epoch: LeaderEpoch,
    now: WallClock,
) -> Bytes {
    let (_, lowest, highest) = *SUPPORTED_FEATURES.iter().find(|(name, ..)| *name == KRAFT_VERSION).expect("it is one");
    let voter = RegisteredVoter {
        voter_id: node_id.0,
        voter_directory_id: directory_id,
        k_raft_version_feature: KRaftVersionFeature {
            min_supported_version: lowest,
            max_supported_version: highest,
            ..Default::default()
        },
        ..Default::default()
    };
    let level = KRaftVersionRecord { k_raft_version: kraft_version, ..Default::default() };
    let voters = VotersRecord { voters: vec![voter], ..Default::default() };
    let records = [ControlRecord::KraftVersion(level), ControlRecord::KraftVoters(voters)];
    control_batch(&records, base_offset, epoch, now)
}

/// In a change of a registration: set, and clear.
const SET: i8 = 1;
const CLEAR: i8 = -1;

/// Kafka has the whole cluster agree on this minimum where a leader may come from outside the in-sync set.
const MIN_INSYNC_REPLICAS: &str = "min.insync.replicas";

fn leader_change(loader: &Loader, node: &Registration) -> ControlRecord {
    let version = loader.kraft_version();
    let voter = || {
        let voter_id = node.node_id.0;
        vec![Voter { voter_id, voter_directory_id: node.directory_id, ..Default::default() }]
    };
    ControlRecord::LeaderChange(LeaderChangeMessage {
        version,
        leader_id: node.node_id.0,
        voters: voter(),
        granting_voters: voter(),
        ..Default::default()
    })
}

fn abort() -> MetadataRecord {
    AbortTransactionRecord { reason: Some(Str::from_static("Controller failover")), ..Default::default() }.into()
}

/// The first records of a new metadata log, in a transaction where the level knows transactions.
fn first_records(bootstrap: &Bootstrap, features: &Features) -> Vec<MetadataRecord> {
    let mut records = Vec::new();
    let has_transactions = metadata_version(features) >= since::TRANSACTIONS;
    if has_transactions {
        let name = Some(Str::from_static("Bootstrap records"));
        records.push(BeginTransactionRecord { name, ..Default::default() }.into());
    }
    records.extend_from_slice(&bootstrap.records);
    if is_elr_enabled(features) {
        let (resource_type, resource_name) = ConfigResource::Broker(None).to_record();
        let record = ConfigRecord {
            resource_type,
            resource_name: resource_name.into(),
            name: Str::from_static(MIN_INSYNC_REPLICAS),
            value: Some(bootstrap.min_insync_replicas.to_string().into()),
            ..Default::default()
        };
        records.push(record.into());
    }
    if has_transactions {
        records.push(EndTransactionRecord::default().into());
    }
    records
}

fn register(node: &Registration, offset: Offset) -> MetadataRecord {
    let end_points = node.endpoints.iter().map(|endpoint| BrokerEndpoint {
        name: Str::from(&*endpoint.listener),
        host: Str::from(&*endpoint.host),
        port: endpoint.port,
        security_protocol: endpoint.security_protocol,
        ..Default::default()
    });
    let features = SUPPORTED_FEATURES.iter().map(|&(name, lowest, highest)| BrokerFeature {
        name: Str::from_static(name),
        min_supported_version: lowest,
        max_supported_version: highest,
        ..Default::default()
    });
    RegisterBrokerRecord {
        broker_id: node.node_id.0,
        incarnation_id: node.incarnation_id,
        broker_epoch: offset.0,
        end_points: end_points.collect(),
        features: features.collect(),
        rack: node.rack.clone(),
        log_dirs: node.log_dirs.clone(),
        ..Default::default()
    }
    .into()
}

fn unfence(node_id: NodeId, registered_at: Offset) -> MetadataRecord {
    BrokerRegistrationChangeRecord {
        broker_id: node_id.0,
        broker_epoch: registered_at.0,
        fenced: CLEAR,
        ..Default::default()
    }
    .into()
}

/// Other brokers of the cluster that the directory comes from can't be alive: there is no one but us.
fn fence_others(image: &MetadataImage, node_id: NodeId) -> impl Iterator<Item = MetadataRecord> + '_ {
    let others = image.brokers.iter().filter(move |(other, broker)| **other != node_id && !broker.is_fenced);
    others.map(|(other, broker)| {
        BrokerRegistrationChangeRecord {
            broker_id: other.0,
            broker_epoch: broker.broker_epoch,
            fenced: SET,
            ..Default::default()
        }
        .into()
    })
}

/// What has to change for this node to lead the partition; nothing where it does already, in an epoch of its own.
fn take_over(
    image: &MetadataImage,
    node: &Registration,
    (id, log_dir): (PartitionId, Uuid),
    features: &Features,
) -> Option<MetadataRecord> {
    let partition = image.partition(id)?;
    let us = node.node_id;
    let unchanged = PartitionChangeRecord { topic_id: id.topic_id, partition_id: id.index, ..Default::default() };
    let mut record = unchanged.clone();

    // Kafka fences a broker that did not say goodbye, which ends its epoch, and begins another when it is back.
    let is_back_from_a_crash = image.brokers.get(&us).is_some_and(|broker| !broker.is_fenced);
    if partition.leader != us || is_back_from_a_crash {
        record.leader = us.0;
    }
    if partition.in_sync_replicas != [us] {
        record.isr = Some(vec![us.0]);
    }
    let replicas = if partition.replicas.contains(&us) {
        partition.replicas.clone()
    } else {
        record.replicas = Some(vec![us.0]);
        let empty = |replicas: &[NodeId]| (!replicas.is_empty()).then(Vec::new);
        record.removing_replicas = empty(&partition.removing_replicas);
        record.adding_replicas = empty(&partition.adding_replicas);
        vec![us]
    };
    if !partition.eligible_leader_replicas.is_empty() {
        record.eligible_leader_replicas = Some(Vec::new());
    }
    if !partition.last_known_eligible_leader_replicas.is_empty() {
        record.last_known_elr = Some(Vec::new());
    }
    if partition.is_recovering {
        record.leader_recovery_state = 0;
    }
    if metadata_version(features) >= since::DIRECTORIES {
        record.directories = moved_directories(partition, &replicas, us, log_dir);
    }
    (record != unchanged).then(|| record.into())
}

/// The directories of the replicas with ours where it is ours; `None` where they say so already.
fn moved_directories(partition: &Partition, replicas: &[NodeId], us: NodeId, log_dir: Uuid) -> Option<Vec<Uuid>> {
    let old = |replica: &NodeId| {
        let index = partition.replicas.iter().position(|old| old == replica)?;
        partition.directories.get(index).copied()
    };
    let directories: Vec<Uuid> = replicas
        .iter()
        .map(|replica| if *replica == us { log_dir } else { old(replica).unwrap_or(Uuid::ZERO) })
        .collect();
    (directories != partition.directories).then_some(directories)
}

impl Endpoint {
    /// An endpoint of a listener without encryption or authentication.
    #[must_use]
    pub fn plaintext(listener: &str, host: &str, port: u16) -> Self {
        Self { listener: listener.to_string(), host: host.to_string(), port, security_protocol: 0 }
    }
}
