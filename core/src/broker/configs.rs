//! Configs on their way from committed records to where they count: the broker's own into its [`Config`], a topic's into
//! each of its logs. There is no other way; a start takes the same one.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::vec::Vec;

use super::Broker;
use crate::boundary::Level;
use crate::config::{Config, TopicConfig};
use crate::connection::ConnectionLimits;
use crate::log::LogConfig;
use crate::metadata::ConfigResource;
use crate::planted::Bug;
use crate::types::PartitionId;
use crate::wire::Uuid;

impl Broker {
    /// Takes over what was set for these resources. Configs of groups and of clients' metrics are read where they are used.
    pub(super) fn follow_configs(&mut self, changed: &BTreeSet<ConfigResource>) {
        if changed.iter().any(|resource| matches!(resource, ConfigResource::ClientMetrics(_))) {
            self.telemetry.configs_changed();
        }
        let is_ours = |resource: &ConfigResource| matches!(resource, ConfigResource::Broker(node) if node.is_none_or(|node| node == self.node_id));
        if changed.iter().any(is_ours) {
            return self.follow_broker_configs();
        }
        for resource in changed {
            if let ConfigResource::Topic(topic) = resource {
                self.reconfigure(topic, self.topic_config(topic));
            }
        }
    }

    /// Takes over what was set for all brokers and for this one, down to every log: topics go by it where they have nothing
    /// of their own.
    pub(super) fn follow_broker_configs(&mut self) {
        let image = self.metadata.image();
        let of = |node| image.configs.get(&ConfigResource::Broker(node));
        match self.config.with_dynamic(of(None), of(Some(self.node_id))) {
            Ok(config) => self.config = config,
            Err(error) => {
                self.outbox.report(Level::Error, format!("changed configs of the broker are not used: {error}"))
            }
        }
        self.connections.set_limits(ConnectionLimits::from(&self.config));
        let without_own = self.config.topic_config(&BTreeMap::new());
        let topics: Vec<_> = self.metadata.image().topic_ids.keys().cloned().collect();
        for topic in topics {
            let config = if self.has_own_configs(&topic) { self.topic_config(&topic) } else { without_own.clone() };
            self.reconfigure(&topic, config);
        }
    }

    /// What a topic goes by.
    pub(super) fn topic_config(&self, topic: &str) -> TopicConfig {
        let own = self.metadata.image().configs.get(&ConfigResource::Topic(topic.into()));
        self.config.topic_config(own.unwrap_or(&BTreeMap::new()))
    }

    /// The same for a log that is about to be opened: worked out once for all partitions of a topic.
    pub(super) fn take_topic_config(&mut self, topic_id: Uuid, topic: &str) -> TopicConfig {
        if let Some(known) = self.topic_configs.get(&topic_id) {
            return known.clone();
        }
        let topic_config = self.topic_config(topic);
        self.topic_configs.insert(topic_id, topic_config.clone());
        topic_config
    }

    fn has_own_configs(&self, topic: &str) -> bool {
        self.metadata.image().configs.contains_key(&ConfigResource::Topic(topic.into()))
    }

    /// Gives a topic's logs new settings.
    fn reconfigure(&mut self, topic: &str, topic_config: TopicConfig) {
        let Some(&topic_id) = self.metadata.image().topic_ids.get(topic) else { return };
        let log_config = self.log_config(&topic_config);
        let (first, last) = (PartitionId { topic_id, index: 0 }, PartitionId { topic_id, index: i32::MAX });
        for (id, log) in self.logs.range_mut(first..=last) {
            log.configure(log_config.clone());
            self.touched.insert(*id);
        }
        for (id, log) in self.other_logs.iter_mut().filter(|(id, _)| id.partition.topic_id == topic_id) {
            log.configure(log_config.clone());
            self.touched_others.insert(*id);
        }
        self.topic_configs.insert(topic_id, topic_config);
    }

    pub(super) fn log_config(&self, topic: &TopicConfig) -> LogConfig {
        let policy = topic.cleanup_policy;
        LogConfig {
            segment_bytes: topic.segment_bytes,
            // A record is compacted only once its segment is closed.
            segment_ms: if policy.compact {
                topic.segment_ms.min(topic.max_compaction_lag_ms)
            } else {
                topic.segment_ms
            },
            segment_jitter_ms: topic.segment_jitter_ms,
            segment_index_bytes: topic.segment_index_bytes,
            index_interval_bytes: topic.index_interval_bytes,
            flush_messages: topic.flush_messages,
            flush_ms: topic.flush_ms,
            is_compacted: policy.compact,
            min_cleanable_dirty_ratio: topic.min_cleanable_dirty_ratio,
            delete_retention_ms: topic.delete_retention_ms,
            min_compaction_lag_ms: topic.min_compaction_lag_ms,
            max_compaction_lag_ms: topic.max_compaction_lag_ms,
            is_deleted: policy.delete,
            retention_ms: topic.retention_ms,
            retention_bytes: topic.retention_bytes,
            file_delete_delay_ms: topic.file_delete_delay_ms,
            truncates_damage: self.config.truncates_damaged_logs,
            producer_id_expiration_ms: self.config.producer_id_expiration_ms,
        }
    }

    /// The metadata log goes by its own properties, whatever is set for topics. It is always synced before a change counts: it
    /// is small and says what everything else means. For the same reason nothing of it is deleted.
    pub(super) fn metadata_log_config(&self) -> LogConfig {
        let segment_bytes = self.config.count("metadata.log.segment.bytes");
        LogConfig {
            segment_bytes: u32::try_from(segment_bytes).unwrap_or(u32::MAX),
            segment_ms: self.config.count("metadata.log.segment.ms"),
            flush_messages: if self.config.bugs.has(Bug::MetadataNotSynced) { i64::MAX } else { 1 },
            is_compacted: false,
            is_deleted: false,
            truncates_damage: self.config.truncates_damaged_logs,
            ..LogConfig::default()
        }
    }
}

impl From<&Config> for ConnectionLimits {
    fn from(config: &Config) -> Self {
        Self {
            connections: config.limits.connections,
            connections_per_address: config.limits.connections_per_ip,
            slots: config.limits.requests_per_connection as usize,
            unsent_bytes: config.limits.unsent_size_bytes_per_connection,
        }
    }
}
