//! A topic's effective configuration: its own, then the broker's, then the default.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

use super::Config;
use super::error::ResourceConfigError;
use super::resource::{ResourceKind, Synonyms};
use super::value::ConfigValue;

/// What a partition's log goes by. A time of `i64::MAX` ms is never; retention of -1 is without limit.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicConfig {
    /// `segment.bytes`: a segment of this size is closed.
    pub segment_bytes: u32,
    /// `segment.ms`: a segment of this age is closed.
    pub segment_ms: i64,
    /// `segment.jitter.ms`: how much earlier than `segment_ms` that may be, to spread the work.
    pub segment_jitter_ms: i64,
    /// `segment.index.bytes`: how large an index may get; a full one closes its segment.
    pub segment_index_bytes: u32,
    /// `index.interval.bytes`: how many bytes of log one index entry stands for.
    pub index_interval_bytes: u32,
    /// `flush.messages`: records after which the log is synced; at 1, each answer waits for its sync.
    pub flush_messages: i64,
    /// `flush.ms`: time after which the log is synced.
    pub flush_ms: i64,
    /// `max.message.bytes`: how large a batch may be.
    pub max_message_bytes: u32,
    /// `cleanup.policy`.
    pub cleanup_policy: CleanupPolicy,
    /// `retention.bytes`: how much a partition keeps.
    pub retention_bytes: i64,
    /// `retention.ms`: how long a partition keeps records.
    pub retention_ms: i64,
    /// `delete.retention.ms`: how long a compacted log keeps tombstones.
    pub delete_retention_ms: i64,
    /// `file.delete.delay.ms`: how long a deleted segment stays on disk.
    pub file_delete_delay_ms: i64,
    /// `min.compaction.lag.ms`: how long a record stays uncompacted at least.
    pub min_compaction_lag_ms: i64,
    /// `max.compaction.lag.ms`: how long a record stays uncompacted at most.
    pub max_compaction_lag_ms: i64,
    /// `min.cleanable.dirty.ratio`: how much of a log is uncompacted before it is worth the work.
    pub min_cleanable_dirty_ratio: f64,
    /// `compression.type`.
    pub compression_type: CompressionType,
    /// `compression.gzip.level`, `compression.lz4.level` or `compression.zstd.level`, whichever belongs to the type;
    /// `None` is the codec's own choice.
    pub compression_level: Option<i32>,
    /// `message.timestamp.type`.
    pub message_timestamp_type: TimestampType,
    /// `message.timestamp.before.max.ms`: how far a record's timestamp may lie in the past.
    pub message_timestamp_before_max_ms: i64,
    /// `message.timestamp.after.max.ms`: how far a record's timestamp may lie in the future.
    pub message_timestamp_after_max_ms: i64,
    /// `min.insync.replicas`: how many replicas must be in sync for acks=all.
    pub min_insync_replicas: u32,
    /// `unclean.leader.election.enable`.
    pub unclean_leader_election_enable: bool,
    /// `preallocate`: whether a new segment gets its disk space at once.
    pub preallocate: bool,
}

/// What happens to old records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CleanupPolicy {
    /// They go when retention is over.
    pub delete: bool,
    /// They go when a newer one has their key.
    pub compact: bool,
}

/// Whose clock stamps records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer's.
    CreateTime,
    /// The broker's, at the append.
    LogAppendTime,
}

/// How batches lie on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompressionType {
    /// As the producer sent them.
    Producer,
    /// Plain.
    Uncompressed,
    /// With gzip.
    Gzip,
    /// With snappy.
    Snappy,
    /// With LZ4.
    Lz4,
    /// With Zstandard.
    Zstd,
}

/// The broker's properties that give a topic's default, strongest first, and what their number is multiplied by.
pub(super) fn broker_synonyms(topic_property: &str) -> Synonyms {
    const HOUR_MS: i64 = 3_600_000;
    const MINUTE_MS: i64 = 60_000;
    match topic_property {
        "cleanup.policy" => &[("log.cleanup.policy", 1)],
        "compression.gzip.level" => &[("compression.gzip.level", 1)],
        "compression.lz4.level" => &[("compression.lz4.level", 1)],
        "compression.type" => &[("compression.type", 1)],
        "compression.zstd.level" => &[("compression.zstd.level", 1)],
        "delete.retention.ms" => &[("log.cleaner.delete.retention.ms", 1)],
        "file.delete.delay.ms" => &[("log.segment.delete.delay.ms", 1)],
        "flush.messages" => &[("log.flush.interval.messages", 1)],
        "flush.ms" => &[("log.flush.interval.ms", 1), ("log.flush.scheduler.interval.ms", 1)],
        "index.interval.bytes" => &[("log.index.interval.bytes", 1)],
        "local.retention.bytes" => &[("log.local.retention.bytes", 1)],
        "local.retention.ms" => &[("log.local.retention.ms", 1)],
        "max.compaction.lag.ms" => &[("log.cleaner.max.compaction.lag.ms", 1)],
        "max.message.bytes" => &[("message.max.bytes", 1)],
        "message.timestamp.after.max.ms" => &[("log.message.timestamp.after.max.ms", 1)],
        "message.timestamp.before.max.ms" => &[("log.message.timestamp.before.max.ms", 1)],
        "message.timestamp.type" => &[("log.message.timestamp.type", 1)],
        "min.cleanable.dirty.ratio" => &[("log.cleaner.min.cleanable.ratio", 1)],
        "min.compaction.lag.ms" => &[("log.cleaner.min.compaction.lag.ms", 1)],
        "min.insync.replicas" => &[("min.insync.replicas", 1)],
        "preallocate" => &[("log.preallocate", 1)],
        "retention.bytes" => &[("log.retention.bytes", 1)],
        "retention.ms" => {
            &[("log.retention.ms", 1), ("log.retention.minutes", MINUTE_MS), ("log.retention.hours", HOUR_MS)]
        }
        "segment.bytes" => &[("log.segment.bytes", 1)],
        "segment.index.bytes" => &[("log.index.size.max.bytes", 1)],
        "segment.jitter.ms" => &[("log.roll.jitter.ms", 1), ("log.roll.jitter.hours", HOUR_MS)],
        "segment.ms" => &[("log.roll.ms", 1), ("log.roll.hours", HOUR_MS)],
        "unclean.leader.election.enable" => &[("unclean.leader.election.enable", 1)],
        _ => &[],
    }
}

impl Config {
    /// What a topic with these configs of its own goes by. A value that this broker would have refused, left by another
    /// one, counts as not set.
    #[must_use]
    pub fn topic_config(&self, overrides: &BTreeMap<String, String>) -> TopicConfig {
        let of = |name: &str| self.topic_value(name, overrides).expect("these have defaults");
        let number = |name: &str| of(name).integer();
        let size = |name: &str| u32::try_from(number(name)).expect("their ranges begin at 0 and their type is INT");
        let flag = |name: &str| of(name) == ConfigValue::Boolean(true);
        let compression_type = CompressionType::from_value(&of("compression.type"));
        TopicConfig {
            segment_bytes: self.segment_bytes(overrides),
            segment_ms: number("segment.ms"),
            segment_jitter_ms: number("segment.jitter.ms"),
            segment_index_bytes: size("segment.index.bytes"),
            index_interval_bytes: size("index.interval.bytes"),
            flush_messages: number("flush.messages"),
            flush_ms: number("flush.ms"),
            max_message_bytes: size("max.message.bytes"),
            cleanup_policy: CleanupPolicy::from_value(&of("cleanup.policy")),
            retention_bytes: number("retention.bytes"),
            retention_ms: number("retention.ms"),
            delete_retention_ms: number("delete.retention.ms"),
            file_delete_delay_ms: number("file.delete.delay.ms"),
            min_compaction_lag_ms: number("min.compaction.lag.ms"),
            max_compaction_lag_ms: number("max.compaction.lag.ms"),
            min_cleanable_dirty_ratio: match of("min.cleanable.dirty.ratio") {
                ConfigValue::Double(ratio) => ratio,
                other => unreachable!("{other:?} is not a ratio"),
            },
            compression_type,
            compression_level: compression_type.level_property().and_then(|name| level(number(name))),
            message_timestamp_type: TimestampType::from_value(&of("message.timestamp.type")),
            message_timestamp_before_max_ms: number("message.timestamp.before.max.ms"),
            message_timestamp_after_max_ms: number("message.timestamp.after.max.ms"),
            min_insync_replicas: size("min.insync.replicas"),
            unclean_leader_election_enable: flag("unclean.leader.election.enable"),
            preallocate: flag("preallocate"),
        }
    }

    fn topic_value(&self, name: &str, overrides: &BTreeMap<String, String>) -> Option<ConfigValue> {
        self.resource_value(ResourceKind::Topic, ResourceKind::Topic.known(name), overrides)
    }

    /// What no single definition can say of a topic.
    pub(super) fn check_topic(&self, overrides: &BTreeMap<String, String>) -> Result<(), ResourceConfigError> {
        let config = self.topic_config(overrides);
        if config.min_compaction_lag_ms > config.max_compaction_lag_ms {
            return Err(ResourceConfigError::Conflict(format!(
                "conflict topic config setting min.compaction.lag.ms ({}) > max.compaction.lag.ms ({})",
                config.min_compaction_lag_ms, config.max_compaction_lag_ms,
            )));
        }
        if self.topic_value("remote.storage.enable", overrides) == Some(ConfigValue::Boolean(true)) {
            return Err(ResourceConfigError::Conflict(
                "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage."
                    .to_owned(),
            ));
        }
        Ok(())
    }

    /// Tests set `internal.segment.bytes` to get below the least size that `segment.bytes` allows.
    fn segment_bytes(&self, overrides: &BTreeMap<String, String>) -> u32 {
        let internal = self.topic_value("internal.segment.bytes", overrides);
        let value = internal.or_else(|| self.topic_value("segment.bytes", overrides));
        let number = value.expect("segment.bytes has a default").integer();
        // Too small to hold a batch header is no size at all.
        u32::try_from(number).unwrap_or(0).max(128)
    }
}

impl CleanupPolicy {
    fn from_value(value: &ConfigValue) -> Self {
        let ConfigValue::List(parts) = value else { unreachable!("{value:?} is not a list") };
        let has = |policy: &str| parts.iter().any(|part| part == policy);
        Self { delete: has("delete"), compact: has("compact") }
    }
}

impl TimestampType {
    fn from_value(value: &ConfigValue) -> Self {
        match value {
            ConfigValue::Text(text) if text == "LogAppendTime" => Self::LogAppendTime,
            _ => Self::CreateTime,
        }
    }
}

impl CompressionType {
    fn from_value(value: &ConfigValue) -> Self {
        let ConfigValue::Text(text) = value else { unreachable!("{value:?} is not text") };
        match text.as_str() {
            "uncompressed" => Self::Uncompressed,
            "gzip" => Self::Gzip,
            "snappy" => Self::Snappy,
            "lz4" => Self::Lz4,
            "zstd" => Self::Zstd,
            _ => Self::Producer,
        }
    }

    /// The property that says how hard its codec works.
    fn level_property(self) -> Option<&'static str> {
        match self {
            Self::Gzip => Some("compression.gzip.level"),
            Self::Lz4 => Some("compression.lz4.level"),
            Self::Zstd => Some("compression.zstd.level"),
            Self::Producer | Self::Uncompressed | Self::Snappy => None,
        }
    }
}

/// -1 is gzip's own choice.
fn level(number: i64) -> Option<i32> {
    i32::try_from(number).ok().filter(|level| *level != -1)
}
