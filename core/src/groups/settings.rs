//! What the configuration says about groups, ready to be used.

use alloc::collections::BTreeMap;
use alloc::string::String;

use super::consumer::{Assignors, MigrationPolicy};
use crate::config::Config;
use crate::metadata::{ConfigResource, MetadataImage};
use crate::planted::Bugs;
use crate::records::Compression;

/// The properties that a coordinator goes by. None of them changes while the broker runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// `group.min.session.timeout.ms`.
    pub(crate) session_timeout_min_ms: i32,
    /// `group.max.session.timeout.ms`.
    pub(crate) session_timeout_max_ms: i32,
    /// `group.initial.rebalance.delay.ms`.
    pub(crate) initial_rebalance_delay_ms: i32,
    /// `group.max.size`.
    pub(crate) members_per_group: usize,
    /// `group.consumer.max.size`.
    pub(crate) consumers_per_group: usize,
    /// `group.consumer.session.timeout.ms`.
    pub(crate) consumer_session_timeout_ms: i32,
    /// `group.consumer.heartbeat.interval.ms`.
    pub(crate) consumer_heartbeat_interval_ms: i32,
    /// `group.consumer.assignors`.
    pub(crate) assignors: Assignors,
    /// `group.consumer.migration.policy`.
    pub(crate) migration_policy: MigrationPolicy,
    /// `group.consumer.regex.refresh.interval.ms`.
    pub(crate) regex_refresh_interval_ms: i64,
    /// `group.share.max.size`.
    pub(crate) sharers_per_group: usize,
    /// `group.share.session.timeout.ms`.
    pub(crate) share_session_timeout_ms: i32,
    /// `group.share.heartbeat.interval.ms`.
    pub(crate) share_heartbeat_interval_ms: i32,
    /// `group.share.initialize.retry.interval.ms`.
    pub(crate) share_initialize_retry_ms: i64,
    /// Whether `group.coordinator.rebalance.protocols` has the consumer protocol.
    pub(crate) serves_consumers: bool,
    /// `group.streams.max.size`.
    pub(crate) streams_per_group: usize,
    /// `group.streams.session.timeout.ms`.
    pub(crate) streams_session_timeout_ms: i32,
    /// `group.streams.heartbeat.interval.ms`.
    pub(crate) streams_heartbeat_interval_ms: i32,
    /// `group.streams.num.standby.replicas`.
    pub(crate) streams_standby_replicas: i32,
    /// Whether `group.coordinator.rebalance.protocols` has the streams protocol.
    pub(crate) serves_streams: bool,
    /// `offset.metadata.max.bytes`. In spite of its name Kafka counts UTF-16 units.
    pub(crate) offset_metadata_max_units: usize,
    /// `offsets.commit.timeout.ms`.
    pub(crate) commit_timeout_ms: i64,
    /// `offsets.load.buffer.size`.
    pub(crate) load_buffer_size_bytes: u32,
    /// `offsets.retention.minutes`.
    pub(crate) retention_ms: i64,
    /// `offsets.retention.check.interval.ms`.
    pub(crate) retention_check_interval_ms: i64,
    /// `offsets.topic.compression.codec`.
    pub(crate) compression: Compression,
    /// `ottla.max.groups`.
    pub(crate) groups_max: usize,
    /// `ottla.max.group.members`.
    pub(crate) members_max: usize,
    /// What is planted.
    pub(crate) bugs: Bugs,
}

/// What a group goes by whose events are planned: its own configs, or the broker's. They may change at any time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GroupConfig<'a> {
    config: &'a Config,
    settings: &'a Settings,
    /// What was set for this group.
    own: Option<&'a BTreeMap<String, String>>,
}

impl<'a> GroupConfig<'a> {
    pub(crate) fn new(config: &'a Config, settings: &'a Settings, image: &'a MetadataImage, group: &str) -> Self {
        // Without an allocation, where no group has any.
        let mut of_groups = image.configs.range(ConfigResource::Group(String::new())..);
        let are_there = matches!(of_groups.next(), Some((ConfigResource::Group(_), _)));
        let own = if are_there { image.configs.get(&ConfigResource::Group(group.into())) } else { None };
        Self { config, settings, own }
    }

    /// `consumer.session.timeout.ms`.
    pub(crate) fn session_timeout_ms(&self) -> i32 {
        self.own_or("consumer.session.timeout.ms", self.settings.consumer_session_timeout_ms)
    }

    /// `consumer.heartbeat.interval.ms`.
    pub(crate) fn heartbeat_interval_ms(&self) -> i32 {
        self.own_or("consumer.heartbeat.interval.ms", self.settings.consumer_heartbeat_interval_ms)
    }

    /// `consumer.assignment.interval.ms`. The broker's may change, unlike the others.
    pub(crate) fn assignment_interval_ms(&self) -> i32 {
        self.number("consumer.assignment.interval.ms")
    }

    /// `share.session.timeout.ms`.
    pub(crate) fn share_session_timeout_ms(&self) -> i32 {
        self.own_or("share.session.timeout.ms", self.settings.share_session_timeout_ms)
    }

    /// `share.heartbeat.interval.ms`.
    pub(crate) fn share_heartbeat_interval_ms(&self) -> i32 {
        self.own_or("share.heartbeat.interval.ms", self.settings.share_heartbeat_interval_ms)
    }

    /// `share.assignment.interval.ms`. The broker's may change, unlike the others.
    pub(crate) fn share_assignment_interval_ms(&self) -> i32 {
        self.number("share.assignment.interval.ms")
    }

    /// `streams.session.timeout.ms`.
    pub(crate) fn streams_session_timeout_ms(&self) -> i32 {
        self.own_or("streams.session.timeout.ms", self.settings.streams_session_timeout_ms)
    }

    /// `streams.heartbeat.interval.ms`.
    pub(crate) fn streams_heartbeat_interval_ms(&self) -> i32 {
        self.own_or("streams.heartbeat.interval.ms", self.settings.streams_heartbeat_interval_ms)
    }

    /// `streams.num.standby.replicas`.
    pub(crate) fn standby_replicas(&self) -> i32 {
        self.own_or("streams.num.standby.replicas", self.settings.streams_standby_replicas)
    }

    /// `streams.initial.rebalance.delay.ms`.
    pub(crate) fn streams_initial_rebalance_delay_ms(&self) -> i32 {
        self.number("streams.initial.rebalance.delay.ms")
    }

    /// `streams.assignment.interval.ms`. The broker's may change, unlike the others.
    pub(crate) fn streams_assignment_interval_ms(&self) -> i32 {
        self.number("streams.assignment.interval.ms")
    }

    /// Every heartbeat asks: where the group has nothing of its own, nothing is looked up.
    fn own_or(&self, name: &str, of_broker: i32) -> i32 {
        if self.own.is_some() { self.number(name) } else { of_broker }
    }

    fn number(&self, name: &str) -> i32 {
        i32::try_from(self.config.group_count(name, self.own)).unwrap_or(i32::MAX)
    }
}

/// A piece of a log that is replayed is in memory as a whole: no more than this, whatever the property says.
const LOAD_BUFFER_MAX_BYTES: u32 = 16 << 20;

impl From<&Config> for Settings {
    fn from(config: &Config) -> Self {
        let number = |name| i32::try_from(config.count(name)).unwrap_or(i32::MAX);
        let size = |name| usize::try_from(config.count(name)).unwrap_or(0);
        let load_buffer = u32::try_from(config.count("offsets.load.buffer.size")).unwrap_or(u32::MAX);
        let protocols = config.text("group.coordinator.rebalance.protocols");
        let serves = |name: &str| protocols.split(',').any(|protocol| protocol.trim().eq_ignore_ascii_case(name));
        Self {
            session_timeout_min_ms: number("group.min.session.timeout.ms"),
            session_timeout_max_ms: number("group.max.session.timeout.ms"),
            initial_rebalance_delay_ms: number("group.initial.rebalance.delay.ms"),
            members_per_group: size("group.max.size"),
            consumers_per_group: size("group.consumer.max.size"),
            consumer_session_timeout_ms: number("group.consumer.session.timeout.ms"),
            consumer_heartbeat_interval_ms: number("group.consumer.heartbeat.interval.ms"),
            assignors: Assignors::new(&config.text("group.consumer.assignors")),
            migration_policy: MigrationPolicy::new(&config.text("group.consumer.migration.policy")),
            regex_refresh_interval_ms: config.count("group.consumer.regex.refresh.interval.ms"),
            sharers_per_group: size("group.share.max.size"),
            share_session_timeout_ms: number("group.share.session.timeout.ms"),
            share_heartbeat_interval_ms: number("group.share.heartbeat.interval.ms"),
            share_initialize_retry_ms: config.count("group.share.initialize.retry.interval.ms"),
            serves_consumers: serves("consumer"),
            streams_per_group: size("group.streams.max.size"),
            streams_session_timeout_ms: number("group.streams.session.timeout.ms"),
            streams_heartbeat_interval_ms: number("group.streams.heartbeat.interval.ms"),
            streams_standby_replicas: number("group.streams.num.standby.replicas"),
            serves_streams: serves("streams"),
            offset_metadata_max_units: size("offset.metadata.max.bytes"),
            commit_timeout_ms: config.count("offsets.commit.timeout.ms"),
            load_buffer_size_bytes: load_buffer.min(LOAD_BUFFER_MAX_BYTES),
            retention_ms: config.count("offsets.retention.minutes").saturating_mul(60_000),
            retention_check_interval_ms: config.count("offsets.retention.check.interval.ms"),
            compression: match config.count("offsets.topic.compression.codec") {
                1 => Compression::Gzip,
                2 => Compression::Snappy,
                3 => Compression::Lz4,
                4 => Compression::Zstd,
                _ => Compression::None,
            },
            groups_max: size("ottla.max.groups"),
            members_max: size("ottla.max.group.members"),
            bugs: config.bugs,
        }
    }
}
