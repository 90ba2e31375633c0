//! What each record does to the image. A record that contradicts the image is an error: the log is damaged, or was
//! written by something that is not Kafka.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bytes::Bytes;
use thiserror::Error;

use super::delta::Delta;
use super::image::{
    BrokerRegistration, ConfigResource, Endpoint, MetadataImage, Partition, QuotaEntity, QuotaName, ScramCredential,
    ScramMechanism, Topic,
};
use crate::types::{LeaderEpoch, NodeId, PartitionId};
use crate::wire::messages::metadata_records::{
    BrokerRegistrationChangeRecord, ClearElrRecord, ClientQuotaRecord, ConfigRecord, FeatureLevelRecord,
    PartitionChangeRecord, PartitionRecord, ProducerIdsRecord, RegisterBrokerRecord, TopicRecord,
    UserScramCredentialRecord,
};
use crate::wire::{MetadataRecord, Str, Uuid};

/// Why a record can't be applied.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ApplyError {
    /// The topic was never created, or is gone.
    #[error("{record} is about topic {topic_id}, which does not exist")]
    UnknownTopic {
        /// The record's type.
        record: &'static str,
        /// As the record has it.
        topic_id: Uuid,
    },
    /// The partition was never created.
    #[error("PartitionChangeRecord is about partition {index} of topic {topic_id}, which does not exist")]
    UnknownPartition {
        /// The topic.
        topic_id: Uuid,
        /// As the record has it.
        index: i32,
    },
    /// Partitions are counted from 0.
    #[error("PartitionRecord has the partition index {index}")]
    PartitionIndex {
        /// As the record has it.
        index: i32,
    },
    /// Two living topics can't share a name or an id.
    #[error("TopicRecord creates topic \"{name}\" with id {topic_id}, but that name or id is in use")]
    TopicExists {
        /// As the record has it.
        name: String,
        /// As the record has it.
        topic_id: Uuid,
    },
    /// The broker never registered, or under another epoch.
    #[error("{record} is about broker {broker_id} of epoch {epoch}, which is not registered")]
    UnknownBroker {
        /// The record's type.
        record: &'static str,
        /// As the record has it.
        broker_id: i32,
        /// As the record has it.
        epoch: i64,
    },
    /// Producer ids are never given back.
    #[error("ProducerIdsRecord says that {next} is the next producer id, but {have} were taken")]
    ProducerIds {
        /// As the record has it.
        next: i64,
        /// The image's next.
        have: i64,
    },
}

impl MetadataImage {
    /// Applies one committed record and notes in `delta` what it changed.
    ///
    /// The records of transactions are for [`Loader`](super::Loader), which knows where one ends; here they do nothing.
    /// Nothing of this broker asks for tokens, access rules, controllers or the migration from
    /// ZooKeeper yet: their records stay in the log, which is never compacted by us, and are passed over here.
    ///
    /// # Errors
    /// Where the record contradicts the image, which then is as it was before.
    pub fn apply(&mut self, record: &MetadataRecord, delta: &mut Delta) -> Result<(), ApplyError> {
        match record {
            MetadataRecord::Topic(record) => self.apply_topic(record, delta),
            MetadataRecord::Partition(record) => self.apply_partition(record, delta),
            MetadataRecord::PartitionChange(record) => self.apply_partition_change(record, delta),
            MetadataRecord::RemoveTopic(record) => self.remove_topic(record.topic_id, delta),
            MetadataRecord::Config(record) => {
                self.apply_config(record, delta);
                Ok(())
            }
            MetadataRecord::FeatureLevel(record) => {
                self.apply_feature_level(record, delta);
                Ok(())
            }
            MetadataRecord::ClearElr(record) => {
                self.clear_eligible_leaders(record, delta);
                Ok(())
            }
            MetadataRecord::ProducerIds(record) => self.apply_producer_ids(record, delta),
            MetadataRecord::RegisterBroker(record) => {
                self.register_broker(record, delta);
                Ok(())
            }
            MetadataRecord::UnregisterBroker(record) => {
                self.registration("UnregisterBrokerRecord", record.broker_id, record.broker_epoch)?;
                self.brokers.remove(&NodeId(record.broker_id));
                delta.brokers_changed.insert(NodeId(record.broker_id));
                Ok(())
            }
            MetadataRecord::BrokerRegistrationChange(record) => self.change_registration(record, delta),
            MetadataRecord::FenceBroker(record) => {
                self.registration("FenceBrokerRecord", record.id, record.epoch)?.is_fenced = true;
                delta.brokers_changed.insert(NodeId(record.id));
                Ok(())
            }
            MetadataRecord::UnfenceBroker(record) => {
                self.registration("UnfenceBrokerRecord", record.id, record.epoch)?.is_fenced = false;
                delta.brokers_changed.insert(NodeId(record.id));
                Ok(())
            }
            MetadataRecord::ClientQuota(record) => {
                self.apply_client_quota(record, delta);
                Ok(())
            }
            MetadataRecord::UserScramCredential(record) => {
                if let Some(mechanism) = ScramMechanism::from_number(record.mechanism) {
                    self.scram_credentials.insert((record.name.to_string(), mechanism), credential(record));
                }
                Ok(())
            }
            MetadataRecord::RemoveUserScramCredential(record) => {
                if let Some(mechanism) = ScramMechanism::from_number(record.mechanism) {
                    self.scram_credentials.remove(&(record.name.to_string(), mechanism));
                }
                Ok(())
            }
            MetadataRecord::BeginTransaction(_)
            | MetadataRecord::EndTransaction(_)
            | MetadataRecord::AbortTransaction(_)
            | MetadataRecord::NoOp(_)
            | MetadataRecord::ZkMigrationState(_)
            | MetadataRecord::DelegationToken(_)
            | MetadataRecord::RemoveDelegationToken(_)
            | MetadataRecord::AccessControlEntry(_)
            | MetadataRecord::RemoveAccessControlEntry(_)
            | MetadataRecord::RegisterController(_) => Ok(()),
        }
    }

    fn apply_topic(&mut self, record: &TopicRecord, delta: &mut Delta) -> Result<(), ApplyError> {
        let id = record.topic_id;
        if self.topics.contains_key(&id) || self.topic_ids.contains_key(&*record.name) {
            return Err(ApplyError::TopicExists { name: record.name.to_string(), topic_id: id });
        }
        let name: crate::types::TopicName = (&*record.name).into();
        self.topic_ids.insert(name.clone(), id);
        self.topics.insert(id, Topic { id, name, partitions: Default::default() });
        delta.topic_created(id);
        Ok(())
    }

    fn apply_partition(&mut self, record: &PartitionRecord, delta: &mut Delta) -> Result<(), ApplyError> {
        let (topic_id, index) = (record.topic_id, record.partition_id);
        let Some(topic) = self.topics.get_mut(&topic_id) else {
            return Err(ApplyError::UnknownTopic { record: "PartitionRecord", topic_id });
        };
        if index < 0 {
            return Err(ApplyError::PartitionIndex { index });
        }
        let partition = Partition {
            replicas: nodes(&record.replicas),
            in_sync_replicas: nodes(&record.isr),
            leader: NodeId(record.leader),
            leader_epoch: LeaderEpoch(record.leader_epoch),
            partition_epoch: record.partition_epoch,
            directories: record.directories.clone(),
            removing_replicas: nodes(&record.removing_replicas),
            adding_replicas: nodes(&record.adding_replicas),
            eligible_leader_replicas: nodes(record.eligible_leader_replicas.as_deref().unwrap_or_default()),
            last_known_eligible_leader_replicas: nodes(record.last_known_elr.as_deref().unwrap_or_default()),
            is_recovering: record.leader_recovery_state == RECOVERING,
        };
        let id = PartitionId { topic_id, index };
        match topic.partitions.insert(index, partition) {
            None => delta.partition_created(id),
            Some(_) => delta.partition_changed(id),
        }
        Ok(())
    }

    fn apply_partition_change(&mut self, record: &PartitionChangeRecord, delta: &mut Delta) -> Result<(), ApplyError> {
        let (topic_id, index) = (record.topic_id, record.partition_id);
        let Some(topic) = self.topics.get_mut(&topic_id) else {
            return Err(ApplyError::UnknownTopic { record: "PartitionChangeRecord", topic_id });
        };
        let Some(partition) = topic.partitions.get_mut(&index) else {
            return Err(ApplyError::UnknownPartition { topic_id, index });
        };
        partition.change(record);
        delta.partition_changed(PartitionId { topic_id, index });
        Ok(())
    }

    fn remove_topic(&mut self, topic_id: Uuid, delta: &mut Delta) -> Result<(), ApplyError> {
        let Some(topic) = self.topics.remove(&topic_id) else {
            return Err(ApplyError::UnknownTopic { record: "RemoveTopicRecord", topic_id });
        };
        self.topic_ids.remove(&topic.name);
        let resource = ConfigResource::Topic(topic.name.to_string());
        if self.configs.remove(&resource).is_some() {
            delta.configs_changed.insert(resource);
        }
        delta.topic_removed(topic);
        Ok(())
    }

    fn apply_config(&mut self, record: &ConfigRecord, delta: &mut Delta) {
        let resource = ConfigResource::from_record(record.resource_type, &record.resource_name);
        match &record.value {
            Some(value) => {
                let configs = self.configs.entry(resource.clone()).or_default();
                configs.insert(record.name.to_string(), value.to_string());
            }
            None => {
                if let Some(configs) = self.configs.get_mut(&resource) {
                    configs.remove(&*record.name);
                    if configs.is_empty() {
                        self.configs.remove(&resource);
                    }
                }
            }
        }
        delta.configs_changed.insert(resource);
    }

    fn apply_feature_level(&mut self, record: &FeatureLevelRecord, delta: &mut Delta) {
        if record.feature_level == 0 {
            self.features.remove(&*record.name);
        } else {
            self.features.insert(record.name.to_string(), record.feature_level);
        }
        delta.are_features_changed = true;
    }

    /// A type of entity that Kafka 4.3 doesn't know is passed over: nobody asks for it.
    fn apply_client_quota(&mut self, record: &ClientQuotaRecord, delta: &mut Delta) {
        let mut entity = QuotaEntity::default();
        for part in &record.entity {
            let Some(name) = entity.part_mut(&part.entity_type) else { return };
            *name = Some(QuotaName::of(part.entity_name.as_deref()));
        }
        let quotas = self.client_quotas.entry(entity.clone()).or_default();
        if record.remove {
            quotas.remove(&*record.key);
        } else {
            quotas.insert(record.key.to_string(), record.value);
        }
        if quotas.is_empty() {
            self.client_quotas.remove(&entity);
        }
        delta.are_quotas_changed = true;
    }

    /// Forgets the eligible leaders of one topic, or with an empty name of all.
    fn clear_eligible_leaders(&mut self, record: &ClearElrRecord, delta: &mut Delta) {
        let name = &*record.topic_name;
        for topic in self.topics.values_mut().filter(|topic| name.is_empty() || *topic.name == *name) {
            for (&index, partition) in &mut topic.partitions {
                let had_some = !partition.eligible_leader_replicas.is_empty()
                    || !partition.last_known_eligible_leader_replicas.is_empty();
                if had_some {
                    partition.eligible_leader_replicas.clear();
                    partition.last_known_eligible_leader_replicas.clear();
                    delta.partition_changed(PartitionId { topic_id: topic.id, index });
                }
            }
        }
    }

    fn apply_producer_ids(&mut self, record: &ProducerIdsRecord, delta: &mut Delta) -> Result<(), ApplyError> {
        let (have, next) = (self.next_producer_id, record.next_producer_id);
        if next < have {
            return Err(ApplyError::ProducerIds { next, have });
        }
        self.next_producer_id = next;
        delta.producer_ids_taken.insert(NodeId(record.broker_id), have..next);
        Ok(())
    }

    fn register_broker(&mut self, record: &RegisterBrokerRecord, delta: &mut Delta) {
        let endpoints = record.end_points.iter().map(|endpoint| Endpoint {
            listener: endpoint.name.to_string(),
            host: endpoint.host.to_string(),
            port: endpoint.port,
            security_protocol: endpoint.security_protocol,
        });
        let features = record
            .features
            .iter()
            .map(|feature| (feature.name.to_string(), (feature.min_supported_version, feature.max_supported_version)));
        let registration = BrokerRegistration {
            incarnation_id: record.incarnation_id,
            broker_epoch: record.broker_epoch,
            endpoints: endpoints.collect(),
            features: features.collect(),
            rack: record.rack.as_ref().map(Str::to_string),
            is_fenced: record.fenced,
            is_in_controlled_shutdown: record.in_controlled_shutdown,
            log_dirs: record.log_dirs.clone(),
        };
        self.brokers.insert(NodeId(record.broker_id), registration);
        delta.brokers_changed.insert(NodeId(record.broker_id));
    }

    fn change_registration(
        &mut self,
        record: &BrokerRegistrationChangeRecord,
        delta: &mut Delta,
    ) -> Result<(), ApplyError> {
        let registration =
            self.registration("BrokerRegistrationChangeRecord", record.broker_id, record.broker_epoch)?;
        match record.fenced {
            0 => {}
            change => registration.is_fenced = change > 0,
        }
        match record.in_controlled_shutdown {
            0 => {}
            change => registration.is_in_controlled_shutdown = change > 0,
        }
        if !record.log_dirs.is_empty() {
            registration.log_dirs.clone_from(&record.log_dirs);
        }
        delta.brokers_changed.insert(NodeId(record.broker_id));
        Ok(())
    }

    fn registration(
        &mut self,
        record: &'static str,
        broker_id: i32,
        epoch: i64,
    ) -> Result<&mut BrokerRegistration, ApplyError> {
        match self.brokers.get_mut(&NodeId(broker_id)) {
            Some(registration) if registration.broker_epoch == epoch => Ok(registration),
            _ => Err(ApplyError::UnknownBroker { record, broker_id, epoch }),
        }
    }
}

fn credential(record: &UserScramCredentialRecord) -> ScramCredential {
    ScramCredential {
        salt: Bytes::copy_from_slice(record.salt.as_slice()),
        stored_key: Bytes::copy_from_slice(record.stored_key.as_slice()),
        server_key: Bytes::copy_from_slice(record.server_key.as_slice()),
        iterations: record.iterations,
    }
}

/// `leader_recovery_state` of a leader that was elected without having all that was committed.
const RECOVERING: i8 = 1;
/// `leader` where the leader stays.
pub(super) const NO_LEADER_CHANGE: i32 = -2;
/// `leader_recovery_state` where it stays.
const NO_RECOVERY_CHANGE: i8 = -1;

impl Partition {
    /// Every change is a new partition epoch; naming a leader, even the same one, is a new leader epoch.
    fn change(&mut self, record: &PartitionChangeRecord) {
        let set = |nodes_of: &mut Vec<NodeId>, change: &Option<Vec<i32>>| {
            if let Some(change) = change {
                *nodes_of = nodes(change);
            }
        };
        set(&mut self.replicas, &record.replicas);
        set(&mut self.in_sync_replicas, &record.isr);
        set(&mut self.removing_replicas, &record.removing_replicas);
        set(&mut self.adding_replicas, &record.adding_replicas);
        set(&mut self.eligible_leader_replicas, &record.eligible_leader_replicas);
        set(&mut self.last_known_eligible_leader_replicas, &record.last_known_elr);
        if let Some(directories) = &record.directories {
            self.directories.clone_from(directories);
        }
        if record.leader != NO_LEADER_CHANGE {
            self.leader = NodeId(record.leader);
            self.leader_epoch = LeaderEpoch(self.leader_epoch.0.saturating_add(1));
        }
        if record.leader_recovery_state != NO_RECOVERY_CHANGE {
            self.is_recovering = record.leader_recovery_state == RECOVERING;
        }
        self.partition_epoch = self.partition_epoch.saturating_add(1);
    }
}

impl ConfigResource {
    const TOPIC: i8 = 2;
    const BROKER: i8 = 4;
    const CLIENT_METRICS: i8 = 16;
    const GROUP: i8 = 32;

    /// By Kafka's number of the resource's type, and its name.
    #[must_use]
    pub fn from_record(resource_type: i8, name: &str) -> Self {
        match (resource_type, name.parse()) {
            (Self::TOPIC, _) => Self::Topic(name.to_string()),
            (Self::BROKER, _) if name.is_empty() => Self::Broker(None),
            (Self::BROKER, Ok(node_id)) => Self::Broker(Some(NodeId(node_id))),
            (Self::CLIENT_METRICS, _) => Self::ClientMetrics(name.to_string()),
            (Self::GROUP, _) => Self::Group(name.to_string()),
            (other, _) => Self::Other(other, name.to_string()),
        }
    }

    /// Kafka's number of the resource's type, and its name: what a record says.
    #[must_use]
    pub fn to_record(&self) -> (i8, String) {
        match self {
            Self::Topic(name) => (Self::TOPIC, name.clone()),
            Self::Broker(None) => (Self::BROKER, String::new()),
            Self::Broker(Some(node_id)) => (Self::BROKER, node_id.to_string()),
            Self::ClientMetrics(name) => (Self::CLIENT_METRICS, name.clone()),
            Self::Group(name) => (Self::GROUP, name.clone()),
            Self::Other(other, name) => (*other, name.clone()),
        }
    }
}

fn nodes(ids: &[i32]) -> Vec<NodeId> {
    ids.iter().copied().map(NodeId).collect()
}
