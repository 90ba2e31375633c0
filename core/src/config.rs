//! The configuration: Kafka's properties with their types, defaults and ranges, and what follows from them.
//!
//! [`Config::from_properties`] takes what a `server.properties` and the command line say and either refuses it, naming
//! the property, its value and what is allowed, or gives a [`Config`] that needs no more checks. What brokers are told
//! while they run goes on top, [`Config::with_dynamic`], and then a topic's own configs: [`Config::topic_config`]. Where a
//! value came from is kept, for DescribeConfigs.
//!
//! What does not belong here: reading files (the binary does), and requests that change or describe configs (`api/`).

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

mod allowed;
mod client_metrics;
mod definition;
mod definitions;
mod dynamic;
mod error;
mod group;
mod listeners;
mod origin;
mod resource;
mod topic;
mod value;

pub use allowed::Allowed;
pub(crate) use allowed::offset_reset_duration_ms;
pub use definition::{Definition, Refusal, Update};
pub use dynamic::BrokerScope;
pub use error::{BrokerConfigError, ConfigError, ResourceConfigError, Warning};
pub use listeners::Listener;
pub use origin::{Described, Origin, Synonym};
pub use resource::ResourceKind;
pub use topic::{CleanupPolicy, CompressionType, TimestampType, TopicConfig};
pub use value::{ConfigType, ConfigValue};

use self::dynamic::Dynamic;
use crate::planted::Bugs;
use crate::types::NodeId;

/// No topic has smaller segments: the least `segment.bytes`.
pub(crate) const SEGMENT_MIN_BYTES: i64 = 1 << 20;

/// A validated configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `node.id`, or `broker.id` where that is absent.
    pub node_id: NodeId,
    /// Whether somebody chose `node_id`; otherwise an existing directory may know better.
    pub is_node_id_set: bool,
    /// `broker.rack`.
    pub rack: Option<String>,
    /// `listeners`, without those of controllers. A connection names its listener by the index in here.
    pub listeners: Vec<Listener>,
    /// What clients are told for each listener, in the same order: `advertised.listeners`.
    pub advertised_listeners: Vec<Listener>,
    /// `log.dirs`, or `log.dir` where that is absent; `metadata.log.dir` is the last one where it is none of them.
    pub log_dirs: Vec<String>,
    /// So many of `log_dirs`, from the first on, hold partitions.
    pub partition_dirs: u16,
    /// `metadata.log.dir`: the index in `log_dirs` of the one that holds the metadata log.
    pub metadata_log_dir: u16,
    /// `num.partitions`: of a topic that is created without a number.
    pub num_partitions: i32,
    /// `default.replication.factor`: of a topic that is created without a number.
    pub default_replication_factor: i16,
    /// `auto.create.topics.enable`: whether asking for a topic's metadata may create it.
    pub auto_create_topics_enable: bool,
    /// `delete.topic.enable`: whether topics can be deleted.
    pub delete_topic_enable: bool,
    /// `connections.max.idle.ms`: negative for never.
    pub connections_max_idle_ms: i64,
    /// `log.retention.check.interval.ms`: how often old segments are looked for.
    pub log_retention_check_interval_ms: i64,
    /// What is planted, for tests. No property sets it.
    pub bugs: Bugs,
    /// `log.cleaner.enable`: whether logs are compacted.
    pub log_cleaner_enable: bool,
    /// `log.cleaner.backoff.ms`: how long a compaction waits for the next one to be looked for.
    pub log_cleaner_backoff_ms: i64,
    /// `log.cleaner.dedupe.buffer.size`: memory for the keys of a log that is compacted.
    pub log_cleaner_dedupe_buffer_size_bytes: u64,
    /// `log.initial.task.delay.ms`: how long after the start that begins.
    pub log_initial_task_delay_ms: i64,
    /// `log.flush.scheduler.interval.ms`: how often logs are looked through for one whose `flush.ms` is over.
    pub log_flush_scheduler_interval_ms: i64,
    /// `log.flush.offset.checkpoint.interval.ms`: how often recovery points are written down.
    pub log_flush_offset_checkpoint_interval_ms: i64,
    /// `log.flush.start.offset.checkpoint.interval.ms`: how often log start offsets are written down.
    pub log_flush_start_offset_checkpoint_interval_ms: i64,
    /// `ottla.log.damage` is `truncate`: a damaged log ends at the damage, as with Kafka, rather than going offline.
    pub truncates_damaged_logs: bool,
    /// `producer.id.expiration.ms`: how long an idle producer is remembered.
    pub producer_id_expiration_ms: i64,
    /// `transaction.partition.verification.enable`: whether a producer of before KIP-890 may add records only to
    /// transactions that the coordinator knows of.
    pub transaction_partition_verification_enable: bool,
    /// `metadata.log.max.record.bytes.between.snapshots`.
    pub metadata_snapshot_bytes: i64,
    /// What must not grow without bound.
    pub limits: Limits,
    /// What `server.properties` and the command line said: known properties as they were written, without outer space.
    stated: BTreeMap<String, String>,
    /// What the metadata log says about all brokers, and about this one.
    dynamic: Dynamic,
}

/// What must not grow without bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `socket.request.max.bytes`: of a frame, without its size prefix.
    pub request_size_bytes: u32,
    /// `fetch.max.bytes`: of records in one answer, first batch aside.
    pub fetch_size_bytes: u32,
    /// The lesser of `max.connections` and `ottla.max.connections`.
    pub connections: u32,
    /// `max.connections.per.ip`.
    pub connections_per_ip: u32,
    /// `max.connections.per.ip.overrides`, by address as written.
    pub connections_per_ip_overrides: BTreeMap<String, u32>,
    /// `max.incremental.fetch.session.cache.slots`.
    pub fetch_sessions: u32,
    /// `max.request.partition.size.limit`: partitions in one DescribeTopicPartitions answer.
    pub partitions_per_describe: u32,
    /// `ottla.max.requests.per.connection`: slots for answers.
    pub requests_per_connection: u32,
    /// `ottla.max.unsent.bytes.per.connection`.
    pub unsent_size_bytes_per_connection: u64,
    /// `ottla.max.parked.requests`.
    pub parked_requests: u32,
    /// `ottla.max.topics`.
    pub topics: u32,
    /// `ottla.max.partitions`.
    pub partitions: u32,
    /// `ottla.max.decompressed.bytes`.
    pub decompressed_size_bytes: u32,
}

/// All defaults.
impl Default for Config {
    fn default() -> Self {
        let nothing: [(&str, &str); 0] = [];
        Self::from_properties(nothing).expect("the defaults are consistent").0
    }
}

impl Config {
    /// Takes properties in; of several with one key the last counts.
    pub fn from_properties<K: AsRef<str>, V: AsRef<str>>(
        properties: impl IntoIterator<Item = (K, V)>,
    ) -> Result<(Self, Vec<Warning>), ConfigError> {
        let mut stated = BTreeMap::new();
        let mut unknown = Vec::new();
        for (key, value) in properties {
            let key = key.as_ref().trim();
            match definition_behind(key) {
                Some(definition) => check(key, definition, value.as_ref())?,
                None if is_left_to_plugins(key) => {}
                None => {
                    if !unknown.iter().any(|other| other == key) {
                        unknown.push(key.to_owned());
                    }
                    continue;
                }
            }
            stated.insert(key.to_owned(), value.as_ref().trim().to_owned());
        }
        let mut config = Self::resolve(stated, Dynamic::default())?;
        if config.is_node_id_set {
            // Either name stands for both.
            for name in ["node.id", "broker.id"] {
                config.stated.entry(name.to_owned()).or_insert_with(|| config.node_id.to_string());
            }
        }
        let mut warnings = Vec::new();
        if !unknown.is_empty() {
            warnings.push(Warning::Unknown(unknown));
        }
        let without_effect = config.without_effect();
        if !without_effect.is_empty() {
            warnings.push(Warning::NoEffect(without_effect));
        }
        warnings.extend(config.small_segments());
        Ok((config, warnings))
    }

    /// Takes note of the port that the system chose for a listener with port 0.
    pub fn set_bound_port(&mut self, listener: usize, port: u16) {
        self.listeners[listener].port = port;
        let advertised = &mut self.advertised_listeners[listener];
        if advertised.port == 0 {
            advertised.port = port;
        }
    }

    fn resolve(stated: BTreeMap<String, String>, dynamic: Dynamic) -> Result<Self, ConfigError> {
        let values = Layers { stated: &stated, dynamic: &dynamic };
        let is_node_id_set = stated.contains_key("node.id") || values.integer("broker.id") >= 0;
        let node_id = if stated.contains_key("node.id") || !is_node_id_set { "node.id" } else { "broker.id" };
        let (listeners, advertised_listeners) = listeners::resolve(&listeners::ListenerProperties {
            listeners: &values.list("listeners"),
            advertised: values.optional_list("advertised.listeners").as_deref(),
            protocols: &values.text("listener.security.protocol.map"),
            controllers: &values.list("controller.listener.names"),
        })?;
        check_together(&values)?;
        let mut log_dirs = log_dirs(&values)?;
        let partition_dirs = u16::try_from(log_dirs.len()).expect("so many are refused");
        let metadata_log_dir = metadata_log_dir(&values, &mut log_dirs)?;
        let config = Self {
            node_id: NodeId(values.size(node_id) as i32),
            is_node_id_set,
            rack: values.optional_text("broker.rack"),
            listeners,
            advertised_listeners,
            log_dirs,
            partition_dirs,
            metadata_log_dir,
            num_partitions: values.size("num.partitions") as i32,
            default_replication_factor: i16::try_from(values.integer("default.replication.factor")).unwrap_or(i16::MAX),
            auto_create_topics_enable: values.flag("auto.create.topics.enable"),
            delete_topic_enable: values.flag("delete.topic.enable"),
            connections_max_idle_ms: values.integer("connections.max.idle.ms"),
            log_retention_check_interval_ms: values.integer("log.retention.check.interval.ms"),
            bugs: Bugs::default(),
            log_cleaner_enable: values.flag("log.cleaner.enable"),
            log_cleaner_backoff_ms: values.integer("log.cleaner.backoff.ms"),
            log_cleaner_dedupe_buffer_size_bytes: u64::try_from(values.integer("log.cleaner.dedupe.buffer.size"))
                .unwrap_or_default(),
            log_initial_task_delay_ms: values.integer("log.initial.task.delay.ms"),
            log_flush_scheduler_interval_ms: values.integer("log.flush.scheduler.interval.ms"),
            log_flush_offset_checkpoint_interval_ms: values.integer("log.flush.offset.checkpoint.interval.ms"),
            log_flush_start_offset_checkpoint_interval_ms: values
                .integer("log.flush.start.offset.checkpoint.interval.ms"),
            truncates_damaged_logs: values.text("ottla.log.damage") == "truncate",
            producer_id_expiration_ms: values.integer("producer.id.expiration.ms"),
            transaction_partition_verification_enable: values.flag("transaction.partition.verification.enable"),
            metadata_snapshot_bytes: values.integer("metadata.log.max.record.bytes.between.snapshots"),
            limits: Limits::resolve(&values)?,
            stated,
            dynamic,
        };
        Ok(config)
    }

    /// The whole number that a property of the broker holds.
    pub(crate) fn count(&self, name: &str) -> i64 {
        Layers { stated: &self.stated, dynamic: &self.dynamic }.integer(name)
    }

    /// How many bytes a second are copied from one log directory to another. Nothing but a dynamic config sets it.
    pub(crate) fn log_moves_max_bytes_per_second(&self) -> u64 {
        let text = self.dynamic.text("replica.alter.log.dirs.io.max.bytes.per.second");
        text.and_then(|text| text.trim().parse().ok()).unwrap_or(u64::MAX)
    }

    /// `min.insync.replicas` as the node was started with it, whatever was set since.
    pub(crate) fn static_min_insync_replicas(&self) -> i64 {
        Layers { stated: &self.stated, dynamic: &Dynamic::default() }.integer("min.insync.replicas")
    }

    /// The text, or the parts between commas, that a property of the broker holds; empty where it is null.
    pub(crate) fn text(&self, name: &str) -> String {
        self.broker_value(name).map(|value| value.to_string()).unwrap_or_default()
    }

    /// The strongest value of a broker's property; `None` is null.
    fn broker_value(&self, name: &str) -> Option<ConfigValue> {
        Layers { stated: &self.stated, dynamic: &self.dynamic }.value(name)
    }

    /// Kafka takes any size for segments of the coordinators' topics, and then never gets to make them.
    fn small_segments(&self) -> impl Iterator<Item = Warning> {
        const NAMES: [&str; 3] = [
            "offsets.topic.segment.bytes",
            "share.coordinator.state.topic.segment.bytes",
            "transaction.state.log.segment.bytes",
        ];
        let sizes = NAMES.into_iter().map(|name| (name, self.count(name)));
        sizes
            .filter(|(_, size_bytes)| *size_bytes < SEGMENT_MIN_BYTES)
            .map(|(name, size_bytes)| Warning::SmallSegments { name, size_bytes, least_bytes: SEGMENT_MIN_BYTES })
    }

    /// Properties that somebody set because they want something which this broker does not do.
    fn without_effect(&self) -> Vec<String> {
        const MISSING: [&str; 14] = [
            "alter.config.policy.class.name",
            "authorizer.class.name",
            "client.quota.callback.class",
            "create.topic.policy.class.name",
            "delegation.token.secret.key",
            "log.preallocate",
            "max.connection.creation.rate",
            "max.connections.per.ip.overrides",
            "queued.max.request.bytes",
            "remote.log.storage.system.enable",
            "replica.selector.class",
            "sasl.",
            "ssl.",
            "transaction.two.phase.commit.enable",
        ];
        let is_missing = |key: &str| {
            let base = base_name(key);
            MISSING.iter().any(|name| base == *name || (name.ends_with('.') && base.starts_with(name)))
        };
        let differs = |key: &str, value: &str| {
            definition_behind(key).is_none_or(|definition| definition.parse(value).ok() != definition.default_value())
        };
        self.stated
            .iter()
            .filter(|(key, value)| is_missing(key) && differs(key, value))
            .map(|(key, _)| key.clone())
            .collect()
    }
}

impl Limits {
    fn resolve(values: &Layers<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            request_size_bytes: values.size("socket.request.max.bytes"),
            fetch_size_bytes: values.size("fetch.max.bytes"),
            connections: values.size("max.connections").min(values.size("ottla.max.connections")),
            connections_per_ip: values.size("max.connections.per.ip"),
            connections_per_ip_overrides: per_ip_overrides(&values.text("max.connections.per.ip.overrides"))?,
            fetch_sessions: values.size("max.incremental.fetch.session.cache.slots"),
            partitions_per_describe: values.size("max.request.partition.size.limit"),
            requests_per_connection: values.size("ottla.max.requests.per.connection"),
            unsent_size_bytes_per_connection: values.integer("ottla.max.unsent.bytes.per.connection").unsigned_abs(),
            parked_requests: values.size("ottla.max.parked.requests"),
            topics: values.size("ottla.max.topics"),
            partitions: values.size("ottla.max.partitions"),
            decompressed_size_bytes: values.size("ottla.max.decompressed.bytes"),
        })
    }
}

/// The layers of values, strongest first: this broker's dynamic ones, all brokers', the stated ones, the defaults.
#[derive(Clone, Copy)]
struct Layers<'a> {
    stated: &'a BTreeMap<String, String>,
    dynamic: &'a Dynamic,
}

impl Layers<'_> {
    fn value(self, name: &str) -> Option<ConfigValue> {
        let definition = Definition::of_broker(name).unwrap_or_else(|| unreachable!("{name} is in the table"));
        [&self.dynamic.this_broker, &self.dynamic.all_brokers, self.stated]
            .into_iter()
            .find_map(|layer| layer.get(name).and_then(|text| definition.parse(text).ok()))
            .or_else(|| definition.default_value())
    }

    fn integer(self, name: &str) -> i64 {
        self.value(name).unwrap_or_else(|| unreachable!("{name} has a default")).integer()
    }

    /// A whole number whose range begins at 0 and whose type is INT.
    fn size(self, name: &str) -> u32 {
        u32::try_from(self.integer(name)).unwrap_or_else(|_| unreachable!("{name} was checked"))
    }

    fn flag(self, name: &str) -> bool {
        self.value(name) == Some(ConfigValue::Boolean(true))
    }

    fn optional_text(self, name: &str) -> Option<String> {
        self.value(name).map(|value| value.to_string())
    }

    fn text(self, name: &str) -> String {
        self.optional_text(name).unwrap_or_default()
    }

    fn optional_list(self, name: &str) -> Option<Vec<String>> {
        match self.value(name)? {
            ConfigValue::List(parts) => Some(parts),
            other => unreachable!("{name} is a list, not {other:?}"),
        }
    }

    fn list(self, name: &str) -> Vec<String> {
        self.optional_list(name).unwrap_or_default()
    }
}

/// Reads and checks one stated value.
fn check(key: &str, definition: &Definition, value: &str) -> Result<(), ConfigError> {
    let Err(refusal) = definition.parse(value) else { return Ok(()) };
    let value = if definition.is_sensitive() { "...".to_owned() } else { value.trim().to_owned() };
    Err(ConfigError::BadValue { key: key.to_owned(), value, expected: refusal.expected })
}

/// What no single definition can say.
fn check_together(values: &Layers<'_>) -> Result<(), ConfigError> {
    let bad = |key: &str, expected: &str| {
        Err(ConfigError::BadValue { key: key.to_owned(), value: values.text(key), expected: expected.to_owned() })
    };
    for key in ["log.retention.ms", "log.retention.minutes", "log.retention.hours"] {
        if values.value(key).is_some_and(|value| value.integer() == 0 || value.integer() < -1) {
            return bad(key, "a whole number of at least 1, or -1 for no limit");
        }
    }
    for key in ["log.roll.ms", "default.replication.factor"] {
        if values.value(key).is_some_and(|value| value.integer() < 1) {
            return bad(key, "a whole number of at least 1");
        }
    }
    let cleaners = values.integer("log.cleaner.threads").max(1);
    if values.integer("log.cleaner.dedupe.buffer.size") / cleaners <= 1 << 20 {
        return bad("log.cleaner.dedupe.buffer.size", "more than a megabyte for each of log.cleaner.threads");
    }
    let roles = values.list("process.roles");
    if !roles.is_empty() && !roles.iter().any(|role| role == "broker") {
        return bad("process.roles", "broker among the roles: this program is always one");
    }
    let (node_id, broker_id) = (values.stated.get("node.id"), values.integer("broker.id"));
    if node_id.is_some() && broker_id >= 0 && values.integer("node.id") != broker_id {
        return bad("broker.id", "the same number as node.id");
    }
    Ok(())
}

fn log_dirs(values: &Layers<'_>) -> Result<Vec<String>, ConfigError> {
    let (key, dirs) = match values.optional_list("log.dirs") {
        Some(dirs) => ("log.dirs", dirs),
        None => ("log.dir", values.list("log.dir")),
    };
    let mut seen = vec![];
    for dir in &dirs {
        if dir.is_empty() || seen.contains(&dir) {
            break;
        }
        seen.push(dir);
    }
    if dirs.is_empty() || seen.len() < dirs.len() || dirs.len() >= usize::from(u16::MAX) {
        let expected = "directories with commas between them, each once".to_owned();
        return Err(ConfigError::BadValue { key: key.to_owned(), value: dirs.join(","), expected });
    }
    Ok(dirs)
}

/// Where the metadata log is among the log directories: it is put behind them where it is none of them.
fn metadata_log_dir(values: &Layers<'_>, log_dirs: &mut Vec<String>) -> Result<u16, ConfigError> {
    let Some(dir) = values.optional_text("metadata.log.dir") else { return Ok(0) };
    if dir.is_empty() {
        let (key, expected) = ("metadata.log.dir".to_owned(), "a directory".to_owned());
        return Err(ConfigError::BadValue { key, value: dir, expected });
    }
    let index = log_dirs.iter().position(|other| *other == dir).unwrap_or(log_dirs.len());
    if index == log_dirs.len() {
        log_dirs.push(dir);
    }
    Ok(u16::try_from(index).expect("so many are refused"))
}

fn per_ip_overrides(text: &str) -> Result<BTreeMap<String, u32>, ConfigError> {
    let parse = |part: &str| {
        let (address, count) = part.rsplit_once(':')?;
        Some((address.trim().to_owned(), count.trim().parse().ok()?))
    };
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(parse).collect::<Option<_>>().ok_or_else(|| ConfigError::BadValue {
        key: "max.connections.per.ip.overrides".to_owned(),
        value: text.to_owned(),
        expected: "address:number, address:number, ...".to_owned(),
    })
}

/// `listener.name.client.ssl.key.password` and the like are for one listener what the rest of the name is for all.
fn base_name(key: &str) -> &str {
    let for_listener = key.strip_prefix("listener.name.").and_then(|rest| rest.split_once('.'));
    for_listener.map_or(key, |(_, base)| base)
}

fn definition_behind(key: &str) -> Option<&'static Definition> {
    let base = base_name(key);
    // A mechanism's name may stand in front: listener.name.client.plain.sasl.jaas.config.
    let after_mechanism = || base.split_once('.').filter(|_| base != key).map(|(_, rest)| rest);
    Definition::of_broker(base).or_else(|| after_mechanism().and_then(Definition::of_broker))
}

/// The same, or what only a dynamic config of brokers sets.
fn dynamic_definition(key: &str) -> Option<&'static Definition> {
    definition_behind(key).or_else(|| definition::find(definitions::THROTTLES, key))
}

/// Properties of parts that Kafka loads by name carry names that only those parts know.
fn is_left_to_plugins(key: &str) -> bool {
    ["config.providers.", "rsm.config.", "rlmm.config."].iter().any(|prefix| key.starts_with(prefix))
}

#[cfg(test)]
mod tests;
