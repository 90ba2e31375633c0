//! A small cluster for the tests of the admin calls: one broker, and what a call would have written is applied by hand.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::View;
use crate::config::Config;
use crate::error_code::ErrorCode;
use crate::metadata::{BrokerRegistration, ConfigResource, Endpoint, MetadataImage, Partition, Topic};
use crate::rng::Rng;
use crate::types::{LeaderEpoch, NodeId, Offset, PartitionId, TopicName};
use crate::wire::{MetadataRecord, Uuid};

pub(super) const DIRECTORY: Uuid = Uuid(77);

pub(super) struct Cluster {
    pub(super) image: MetadataImage,
    pub(super) config: Config,
    pub(super) rng: Rng,
}

impl Cluster {
    pub(super) fn new() -> Self {
        Self::with(&[])
    }

    pub(super) fn with(properties: &[(&str, &str)]) -> Self {
        let config = Config::from_properties(properties.iter().copied()).expect("a good configuration").0;
        let endpoint =
            Endpoint { listener: "PLAINTEXT".into(), host: "broker.example".into(), port: 9092, security_protocol: 0 };
        let broker = BrokerRegistration { endpoints: vec![endpoint], log_dirs: vec![DIRECTORY], ..Default::default() };
        let mut image = MetadataImage { cluster_id: "cluster".into(), end_offset: Offset(10), ..Default::default() };
        image.brokers.insert(NodeId(1), broker);
        Self { image, config, rng: Rng::new([7; 32]) }
    }

    pub(super) fn view(&self) -> View<'_> {
        View { image: &self.image, config: &self.config, listener: 0 }
    }

    /// A topic whose id is `id`.
    pub(super) fn add(&mut self, name: &str, id: u128, partitions: i32) {
        let name = TopicName::from(name);
        let partition = || Partition {
            replicas: vec![NodeId(1)],
            in_sync_replicas: vec![NodeId(1)],
            leader: NodeId(1),
            leader_epoch: LeaderEpoch(0),
            directories: vec![DIRECTORY],
            ..Default::default()
        };
        let partitions = (0..partitions).map(|index| (index, partition())).collect();
        self.image.topic_ids.insert(name.clone(), Uuid(id));
        self.image.topics.insert(Uuid(id), Topic { id: Uuid(id), name, partitions });
    }

    pub(super) fn set(&mut self, resource: ConfigResource, name: &str, value: &str) {
        self.image.configs.entry(resource).or_default().insert(name.into(), value.into());
        let of = |node| self.image.configs.get(&ConfigResource::Broker(node));
        self.config = self.config.with_dynamic(of(None), of(Some(self.config.node_id))).expect("they fit");
    }
}

pub(super) fn serving(_: PartitionId) -> ErrorCode {
    ErrorCode::None
}

/// Records as short words: `topic a`, `config a retention.ms=1`, `partition 0 on [1] in [77]`.
pub(super) fn words(records: &[MetadataRecord]) -> Vec<String> {
    let word = |record: &MetadataRecord| match record {
        MetadataRecord::Topic(topic) => alloc::format!("topic {}", topic.name),
        MetadataRecord::Config(config) => {
            alloc::format!(
                "config {} {}={}",
                config.resource_name,
                config.name,
                config.value.as_deref().unwrap_or("null")
            )
        }
        MetadataRecord::Partition(partition) => {
            let directories: BTreeMap<_, _> = partition.directories.iter().map(|id| (id.0, ())).collect();
            alloc::format!(
                "partition {} on {:?} in {:?}",
                partition.partition_id,
                partition.replicas,
                directories.keys()
            )
        }
        MetadataRecord::RemoveTopic(topic) => alloc::format!("remove {}", topic.topic_id.0),
        other => other.name().to_string(),
    };
    records.iter().map(word).collect()
}
