use super::*;

fn config(properties: &[(&str, &str)]) -> Config {
    Config::from_properties(properties.iter().copied()).expect("a good configuration").0
}

fn refusal(properties: &[(&str, &str)]) -> String {
    Config::from_properties(properties.iter().copied()).expect_err("a bad configuration").to_string()
}

fn warnings(properties: &[(&str, &str)]) -> Vec<String> {
    let (_, warnings) = Config::from_properties(properties.iter().copied()).expect("a good configuration");
    warnings.iter().map(Warning::to_string).collect()
}

fn overrides(configs: &[(&str, &str)]) -> BTreeMap<String, String> {
    configs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn without_properties_the_broker_is_node_1_on_port_9092_of_all_addresses() {
    let config = Config::default();
    assert_eq!(config.node_id, NodeId(1));
    assert!(!config.is_node_id_set);
    assert_eq!(config.listeners[0].to_string(), "PLAINTEXT://:9092");
    assert_eq!(config.advertised_listeners[0].to_string(), "PLAINTEXT://localhost:9092");
    assert_eq!(config.log_dirs, ["/tmp/kraft-combined-logs"]);
    assert!(config.auto_create_topics_enable);
}

#[test]
fn a_kraft_server_properties_is_taken_without_a_warning() {
    let properties = [
        ("process.roles", "broker,controller"),
        ("node.id", "1"),
        ("controller.quorum.voters", "1@localhost:9093"),
        ("controller.quorum.bootstrap.servers", "localhost:9093"),
        ("listeners", "PLAINTEXT://:9092,CONTROLLER://:9093"),
        ("inter.broker.listener.name", "PLAINTEXT"),
        ("advertised.listeners", "PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093"),
        ("controller.listener.names", "CONTROLLER"),
        (
            "listener.security.protocol.map",
            "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL",
        ),
        ("num.network.threads", "3"),
        ("num.io.threads", "8"),
        ("socket.send.buffer.bytes", "102400"),
        ("socket.receive.buffer.bytes", "102400"),
        ("socket.request.max.bytes", "104857600"),
        ("log.dirs", "/tmp/kraft-combined-logs"),
        ("num.partitions", "1"),
        ("num.recovery.threads.per.data.dir", "1"),
        ("offsets.topic.replication.factor", "1"),
        ("share.coordinator.state.topic.replication.factor", "1"),
        ("share.coordinator.state.topic.min.isr", "1"),
        ("transaction.state.log.replication.factor", "1"),
        ("transaction.state.log.min.isr", "1"),
        ("log.retention.hours", "168"),
        ("log.segment.bytes", "1073741824"),
        ("log.retention.check.interval.ms", "300000"),
    ];
    assert_eq!(warnings(&properties), [""; 0]);
    let config = config(&properties);
    assert_eq!(config.listeners.len(), 1, "nobody needs to reach the controller");
    assert!(config.is_node_id_set);
}

#[test]
fn unknown_properties_are_named_in_one_warning_and_ignored() {
    let found = warnings(&[("num.partition", "3"), ("zookeeper.connect", "z:2181"), ("num.partition", "4")]);
    assert_eq!(found, ["unknown properties, ignored: num.partition, zookeeper.connect"]);
}

#[test]
fn properties_that_promise_what_is_missing_are_named_in_one_warning() {
    let found = warnings(&[
        ("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
        ("listener.name.client.ssl.keystore.location", "/keys"),
        ("ssl.client.auth", "none"),
    ]);
    let expected = "without effect here: authorizer.class.name, listener.name.client.ssl.keystore.location";
    assert_eq!(found, [expected]);
}

#[test]
fn small_segments_of_a_coordinators_topic_are_taken_and_made_as_large_as_a_topic_needs_them() {
    let expected =
        "offsets.topic.segment.bytes=65536 is less than a topic may have: its segments will be of 1048576 bytes";
    assert_eq!(warnings(&[("offsets.topic.segment.bytes", "65536")]), [expected]);
    assert_eq!(warnings(&[("transaction.state.log.segment.bytes", "1")]).len(), 1);
    assert_eq!(warnings(&[("transaction.state.log.segment.bytes", "1048576")]), [""; 0]);
}

#[test]
fn a_bad_value_is_refused_with_its_key_and_what_is_allowed() {
    for (key, value, refused) in [
        ("num.partitions", "many", "num.partitions=many: expected a whole number of at least 1"),
        ("num.partitions", "0", "num.partitions=0: expected a whole number of at least 1"),
        ("log.segment.bytes", "1024", "log.segment.bytes=1024: expected a whole number of at least 1048576"),
        ("auto.create.topics.enable", "yes", "auto.create.topics.enable=yes: expected true or false"),
        ("log.cleanup.policy", "shred", "log.cleanup.policy=shred: expected any of compact, delete"),
        ("compression.gzip.level", "0", "compression.gzip.level=0: expected a whole number from 1 to 9, or -1"),
        (
            "log.cleaner.dedupe.buffer.size",
            "1048576",
            "log.cleaner.dedupe.buffer.size=1048576: expected more than a megabyte for each of log.cleaner.threads",
        ),
        ("log.retention.ms", "0", "log.retention.ms=0: expected a whole number of at least 1, or -1 for no limit"),
        (
            "process.roles",
            "controller",
            "process.roles=controller: expected broker among the roles: this program is always one",
        ),
        ("listeners", "9092", "listeners=9092: expected NAME://host:port, as in PLAINTEXT://:9092"),
        (
            "listeners",
            "CLIENT://:9092",
            "listeners=CLIENT://:9092: expected a name that listener.security.protocol.map has",
        ),
        (
            "listeners",
            "SSL://:9092",
            "listeners=SSL://:9092: expected the protocol PLAINTEXT, the only one that works so far",
        ),
        ("listeners", "PLAINTEXT://:9092,PLAINTEXT://:9093", "listeners=PLAINTEXT://:9093: expected each name once"),
        (
            "advertised.listeners",
            "PLAINTEXT://0.0.0.0:9092",
            "advertised.listeners=PLAINTEXT://0.0.0.0:9092: expected an address that clients can connect to",
        ),
        (
            "advertised.listeners",
            "OTHER://here:9092",
            "advertised.listeners=OTHER://here:9092: expected the names that are in listeners (PLAINTEXT)",
        ),
        ("log.dirs", "/a,,/b", "log.dirs=/a,,/b: expected directories with commas between them, each once"),
        ("log.dirs", "/a,/a", "log.dirs=/a,/a: expected directories with commas between them, each once"),
    ] {
        assert_eq!(refusal(&[(key, value)]), refused);
    }
}

#[test]
fn two_listeners_cannot_share_a_port() {
    let properties =
        [("listener.security.protocol.map", "A:PLAINTEXT,B:PLAINTEXT"), ("listeners", "A://:9092,B://:9092")];
    assert_eq!(refusal(&properties), "listeners=B://:9092: expected another port than A://:9092");
}

#[test]
fn broker_id_is_an_older_name_of_node_id() {
    let by_older_name = config(&[("broker.id", "7")]);
    assert_eq!(by_older_name.node_id, NodeId(7));
    assert_eq!(synonyms(described(&by_older_name.describe_broker(), "node.id"))[0], ("node.id", "7", 4));
    assert_eq!(refusal(&[("broker.id", "7"), ("node.id", "8")]), "broker.id=7: expected the same number as node.id");
}

#[test]
fn what_clients_are_told_can_differ_from_where_the_broker_listens() {
    let config = config(&[
        ("listeners", "INSIDE://0.0.0.0:9092,OUTSIDE://[::1]:9093"),
        ("listener.security.protocol.map", "INSIDE:PLAINTEXT,OUTSIDE:PLAINTEXT"),
        ("advertised.listeners", "OUTSIDE://broker.example:19093"),
    ]);
    assert_eq!(config.listeners[1].host, "::1");
    assert_eq!(config.advertised_listeners[0].to_string(), "INSIDE://localhost:9092");
    assert_eq!(config.advertised_listeners[1].to_string(), "OUTSIDE://broker.example:19093");
}

#[test]
fn a_port_that_the_system_chose_is_told_to_clients() {
    let mut config = config(&[("listeners", "PLAINTEXT://127.0.0.1:0")]);
    config.set_bound_port(0, 31_337);
    assert_eq!(config.advertised_listeners[0].to_string(), "PLAINTEXT://127.0.0.1:31337");
}

#[test]
fn of_one_key_given_twice_the_last_value_counts() {
    assert_eq!(config(&[("num.partitions", "2"), ("num.partitions", "5")]).num_partitions, 5);
}

#[test]
fn a_topic_goes_by_its_own_configs_then_the_brokers_then_the_defaults() {
    let config = config(&[("log.segment.bytes", "2097152"), ("log.retention.bytes", "500")]);
    let topic = config.topic_config(&overrides(&[("retention.bytes", "700"), ("cleanup.policy", "compact,delete")]));
    assert_eq!(topic.segment_bytes, 2_097_152);
    assert_eq!(topic.retention_bytes, 700);
    assert_eq!(topic.max_message_bytes, 1_048_588);
    assert_eq!(topic.cleanup_policy, CleanupPolicy { delete: true, compact: true });
    assert_eq!(topic.message_timestamp_type, TimestampType::CreateTime);
}

#[test]
fn finer_units_come_before_coarser_ones() {
    let coarse = config(&[("log.retention.hours", "2"), ("log.roll.hours", "3")]);
    assert_eq!(coarse.topic_config(&BTreeMap::new()).retention_ms, 7_200_000);
    assert_eq!(coarse.topic_config(&BTreeMap::new()).segment_ms, 10_800_000);
    let fine = config(&[("log.retention.hours", "2"), ("log.retention.minutes", "5"), ("log.retention.ms", "9")]);
    assert_eq!(fine.topic_config(&BTreeMap::new()).retention_ms, 9);
    let unlimited = config(&[("log.retention.hours", "-1")]);
    assert_eq!(unlimited.topic_config(&BTreeMap::new()).retention_ms, -1);
}

#[test]
fn a_flush_after_each_message_can_be_asked_for_by_broker_or_topic() {
    assert_eq!(config(&[("log.flush.interval.messages", "1")]).topic_config(&BTreeMap::new()).flush_messages, 1);
    assert_eq!(Config::default().topic_config(&overrides(&[("flush.messages", "1")])).flush_messages, 1);
}

#[test]
fn a_value_that_another_broker_left_and_we_refuse_counts_as_not_set() {
    let topic = Config::default().topic_config(&overrides(&[("segment.bytes", "14"), ("unheard.of", "1")]));
    assert_eq!(topic.segment_bytes, 1_073_741_824);
}

#[test]
fn topic_configs_are_refused_in_kafkas_words() {
    for (name, value, refused) in [
        ("foo", "1", "Unknown topic config name: foo"),
        ("retention.ms", "abc", "Invalid value abc for configuration retention.ms: Not a number of type LONG"),
        ("segment.bytes", "5", "Invalid value 5 for configuration segment.bytes: Value must be at least 1048576"),
        (
            "segment.bytes",
            "99999999999",
            "Invalid value 99999999999 for configuration segment.bytes: Not a number of type INT",
        ),
        (
            "cleanup.policy",
            "compact,foo",
            "Invalid value foo for configuration cleanup.policy: String must be one of: compact, delete",
        ),
        (
            "compression.type",
            "foo",
            "Invalid value foo for configuration compression.type: String must be one of: uncompressed, zstd, lz4, \
             snappy, gzip, producer",
        ),
        (
            "preallocate",
            "foo",
            "Invalid value foo for configuration preallocate: Expected value to be either true or false",
        ),
        (
            "min.cleanable.dirty.ratio",
            "2",
            "Invalid value 2.0 for configuration min.cleanable.dirty.ratio: Value must be no more than 1",
        ),
        (
            "compression.gzip.level",
            "0",
            "Invalid value 0 for configuration compression.gzip.level: Value must be between 1 and 9 or equal to -1",
        ),
        (
            "leader.replication.throttled.replicas",
            "xx",
            "Invalid value [xx] for configuration leader.replication.throttled.replicas: \
             leader.replication.throttled.replicas must be the literal '*' or a list of replicas in the following \
             format: [partitionId]:[brokerId],[partitionId]:[brokerId],...",
        ),
        (
            "remote.storage.enable",
            "true",
            "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.",
        ),
    ] {
        let error =
            Config::default().check_resource(ResourceKind::Topic, &overrides(&[(name, value)])).expect_err(name);
        assert_eq!(error.to_string(), refused);
    }
    let contradiction = overrides(&[("min.compaction.lag.ms", "100"), ("max.compaction.lag.ms", "10")]);
    assert_eq!(
        Config::default().check_resource(ResourceKind::Topic, &contradiction).expect_err("a contradiction").to_string(),
        "conflict topic config setting min.compaction.lag.ms (100) > max.compaction.lag.ms (10)"
    );
}

#[test]
fn changes_made_while_brokers_ran_come_before_the_properties_file() {
    let stated = config(&[("message.max.bytes", "1000"), ("log.segment.bytes", "2097152")]);
    let for_all = overrides(&[("message.max.bytes", "2000"), ("log.retention.ms", "5"), ("num.partitions", "9")]);
    let for_one = overrides(&[("message.max.bytes", "3000"), ("log.segment.bytes", "bad")]);
    let changed = stated.with_dynamic(Some(&for_all), Some(&for_one)).expect("they fit");
    let topic = changed.topic_config(&BTreeMap::new());
    assert_eq!((topic.max_message_bytes, topic.retention_ms, topic.segment_bytes), (3_000, 5, 2_097_152));
    assert_eq!(changed.num_partitions, 1, "num.partitions takes a restart");
}

#[test]
fn changes_that_only_one_broker_may_have_or_that_come_too_late_are_left_out() {
    let listener = ("listener.name.x.ssl.client.auth", "required");
    let for_all = overrides(&[listener, ("listeners", "SSL://:9"), ("log.dirs", "/b"), ("a.plugins", "own")]);
    let for_one = overrides(&[listener, ("listeners", "SSL://:9")]);
    let changed = Config::default().with_dynamic(Some(&for_all), Some(&for_one)).expect("they fit");
    let all = changed.describe_all_brokers();
    assert_eq!(all.iter().map(|described| &*described.name).collect::<Vec<_>>(), ["a.plugins"]);
    let all = changed.describe_broker();
    assert_eq!(described(&all, "listener.name.x.ssl.client.auth").origin, Origin::DynamicBroker);
    let plugins = described(&all, "a.plugins");
    assert_eq!(
        (plugins.origin, plugins.is_sensitive, plugins.value.as_deref()),
        (Origin::DynamicDefaultBroker, true, None)
    );
}

#[test]
fn a_codecs_level_is_that_of_the_codec_that_the_topic_has() {
    let level = |configs: &[(&str, &str)]| Config::default().topic_config(&overrides(configs)).compression_level;
    assert_eq!(level(&[("compression.type", "gzip")]), None, "gzip chooses itself");
    assert_eq!(level(&[("compression.type", "gzip"), ("compression.gzip.level", "7")]), Some(7));
    assert_eq!(level(&[("compression.type", "lz4"), ("compression.gzip.level", "7")]), Some(9));
    assert_eq!(level(&[("compression.type", "snappy")]), None);
}

#[test]
fn what_was_found_out_on_start_outlives_changes() {
    let mut config = config(&[("listeners", "PLAINTEXT://127.0.0.1:0")]);
    config.node_id = NodeId(5);
    config.set_bound_port(0, 31_337);
    let changed = config.with_dynamic(Some(&overrides(&[("log.retention.ms", "5")])), None).expect("they fit");
    assert_eq!((changed.node_id, changed.advertised_listeners[0].port), (NodeId(5), 31_337));
    assert_eq!(described(&changed.describe_broker(), "node.id").value.as_deref(), Some("5"));
}

#[cfg(feature = "planted-bugs")]
#[test]
fn what_is_planted_outlives_changes() {
    use crate::planted::{Bug, Bugs};
    let config = Config { bugs: Bugs::only(Bug::LockNeverEnds), ..Config::default() };
    let changed = config.with_dynamic(Some(&overrides(&[("log.retention.ms", "5")])), None).expect("they fit");
    assert!(changed.bugs.has(Bug::LockNeverEnds));
}

fn described<'a>(all: &'a [Described], name: &str) -> &'a Described {
    all.iter().find(|described| described.name == name).unwrap_or_else(|| panic!("{name} is not described"))
}

fn synonyms<'a>(described: &'a Described) -> Vec<(&'a str, &'a str, i8)> {
    let plain = |synonym: &'a Synonym| {
        (synonym.name.as_str(), synonym.value.as_deref().unwrap_or("null"), synonym.origin as i8)
    };
    described.synonyms.iter().map(plain).collect()
}

#[test]
fn a_topics_property_tells_where_its_value_came_from() {
    let config = config(&[("log.segment.bytes", "2097152"), ("log.roll.hours", "24"), ("log.retention.ms", "8000")]);
    let all = config.describe_resource(ResourceKind::Topic, &overrides(&[("retention.ms", "1000")]));
    assert_eq!(all.len(), 33);
    let retention = described(&all, "retention.ms");
    assert_eq!((retention.value.as_deref(), retention.origin), (Some("1000"), Origin::Topic));
    assert_eq!(
        synonyms(retention),
        [("retention.ms", "1000", 1), ("log.retention.ms", "8000", 4), ("log.retention.hours", "168", 5)]
    );
    let segment = described(&all, "segment.bytes");
    assert_eq!(segment.origin, Origin::StaticBroker);
    assert_eq!(synonyms(segment), [("log.segment.bytes", "2097152", 4), ("log.segment.bytes", "1073741824", 5)]);
    let roll = described(&all, "segment.ms");
    assert_eq!(roll.value.as_deref(), Some("86400000"));
    assert_eq!((roll.origin, synonyms(roll)), (Origin::Default, vec![]), "log.roll.ms itself was never set");
}

#[test]
fn a_brokers_property_tells_where_its_value_came_from() {
    let config = config(&[("log.roll.hours", "24"), ("ssl.key.password", "hush"), ("node.id", "3")]);
    let changed = config.with_dynamic(Some(&overrides(&[("min.insync.replicas", "1")])), None).expect("they fit");
    let all = changed.describe_broker();
    assert_eq!(described(&all, "node.id").origin, Origin::StaticBroker);
    assert!(described(&all, "node.id").is_read_only);
    let password = described(&all, "ssl.key.password");
    assert_eq!((password.value.as_deref(), password.is_sensitive), (None, true));
    assert_eq!(synonyms(password), [("ssl.key.password", "null", 4)]);
    let in_sync = described(&all, "min.insync.replicas");
    assert_eq!(in_sync.origin, Origin::DynamicDefaultBroker);
    assert_eq!(synonyms(in_sync), [("min.insync.replicas", "1", 3), ("min.insync.replicas", "1", 5)]);
    assert_eq!(described(&all, "log.retention.ms").value, None);
    assert!(!all.iter().any(|described| described.name == "unstable.api.versions.enable"), "meant for tests");
}

#[test]
fn a_coarser_unit_is_described_by_itself() {
    let all = config(&[("log.retention.minutes", "30"), ("log.roll.hours", "24")]).describe_broker();
    assert_eq!(synonyms(described(&all, "log.retention.hours")), [("log.retention.hours", "168", 5)]);
    assert_eq!(
        synonyms(described(&all, "log.retention.minutes")),
        [("log.retention.minutes", "30", 4), ("log.retention.hours", "168", 5)]
    );
    assert_eq!(synonyms(described(&all, "log.roll.ms")), []);
}

#[test]
fn a_listeners_own_property_has_the_general_one_behind_it() {
    let all = config(&[("listener.name.plaintext.ssl.client.auth", "none")]).describe_broker();
    let own = described(&all, "listener.name.plaintext.ssl.client.auth");
    assert_eq!(synonyms(own), [("listener.name.plaintext.ssl.client.auth", "none", 4), ("ssl.client.auth", "none", 5)]);
    assert!(own.is_read_only);
}

#[test]
fn a_new_topics_configs_are_shown_as_they_were_given() {
    let config = config(&[("log.roll.hours", "24")]);
    let all = config.describe_new_topic(&overrides(&[("cleanup.policy", "compact, delete")]));
    assert_eq!(described(&all, "cleanup.policy").value.as_deref(), Some("compact, delete"));
    let roll = described(&all, "segment.ms");
    assert_eq!((roll.value.as_deref(), roll.origin), (Some("86400000"), Origin::StaticBroker));
}
