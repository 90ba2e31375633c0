use alloc::vec;

use super::*;
use crate::api::testing::{Cluster, words};
use crate::api::{alter_configs, incremental_alter_configs};
use crate::wire::messages::alter_configs as legacy;
use crate::wire::messages::incremental_alter_configs as incremental;

const TOPIC: (i8, &str) = (resource_type::TOPIC, "a");
const THIS_BROKER: (i8, &str) = (resource_type::BROKER, "1");
const ALL_BROKERS: (i8, &str) = (resource_type::BROKER, "");
const GROUP: (i8, &str) = (resource_type::GROUP, "g");
const METRICS: (i8, &str) = (resource_type::CLIENT_METRICS, "m");
const LOGGERS: (i8, &str) = (resource_type::BROKER_LOGGER, "1");

fn cluster() -> Cluster {
    let mut cluster = Cluster::new();
    cluster.add("a", 5, 1);
    cluster.set(ConfigResource::Topic("a".into()), "retention.ms", "1000");
    cluster
}

type Op<'a> = (i8, &'a str, Option<&'a str>);

fn set<'a>(name: &'a str, value: &'a str) -> Op<'a> {
    (operation::SET, name, Some(value))
}

fn resource((resource_type, name): (i8, &str), ops: &[Op<'_>]) -> incremental::AlterConfigsResource {
    let config = |(config_operation, name, value): &Op<'_>| incremental::AlterableConfig {
        name: (*name).into(),
        config_operation: *config_operation,
        value: value.map(Str::from),
        ..Default::default()
    };
    incremental::AlterConfigsResource {
        resource_type,
        resource_name: name.into(),
        configs: ops.iter().map(config).collect(),
        ..Default::default()
    }
}

/// What IncrementalAlterConfigs writes, and what it answers to each resource.
fn edit(
    cluster: &Cluster,
    resources: Vec<incremental::AlterConfigsResource>,
) -> (Vec<String>, Vec<(i16, Option<String>)>) {
    let request = incremental::IncrementalAlterConfigsRequest { resources, ..Default::default() };
    let change = incremental_alter_configs::handle(&request, cluster.view());
    let outcome = |response: incremental::AlterConfigsResourceResponse| {
        (response.error_code, response.error_message.map(|message| message.to_string()))
    };
    (words(&change.records), change.response.responses.into_iter().map(outcome).collect())
}

/// What it writes for one resource, or the error that it answers.
fn edit_one(cluster: &Cluster, key: (i8, &str), ops: &[Op<'_>]) -> Result<Vec<String>, (i16, String)> {
    let (records, mut outcomes) = edit(cluster, vec![resource(key, ops)]);
    match outcomes.remove(0) {
        (0, None) => Ok(records),
        (code, message) => {
            assert!(records.is_empty());
            Err((code, message.unwrap_or_default()))
        }
    }
}

/// What AlterConfigs writes for one resource, or the error that it answers.
fn replace(cluster: &Cluster, key: (i8, &str), configs: &[(&str, Option<&str>)]) -> Result<Vec<String>, (i16, String)> {
    let config = |(name, value): &(&str, Option<&str>)| legacy::AlterableConfig {
        name: (*name).into(),
        value: value.map(Str::from),
        ..Default::default()
    };
    let resource = legacy::AlterConfigsResource {
        resource_type: key.0,
        resource_name: key.1.into(),
        configs: configs.iter().map(config).collect(),
        ..Default::default()
    };
    let request = legacy::AlterConfigsRequest { resources: vec![resource], ..Default::default() };
    let mut change = alter_configs::handle(&request, cluster.view());
    let response = change.response.responses.remove(0);
    match response.error_code {
        0 => Ok(words(&change.records)),
        code => Err((code, response.error_message.as_deref().unwrap_or_default().into())),
    }
}

#[test]
fn what_is_not_named_stays_and_what_does_not_change_is_not_written() {
    let cluster = cluster();
    let ops = [set("retention.ms", "1000"), set("flush.ms", "5"), (operation::DELETE, "segment.ms", None)];
    assert_eq!(edit_one(&cluster, TOPIC, &ops), Ok(vec!["config a flush.ms=5".into()]));
    let delete = [(operation::DELETE, "retention.ms", None)];
    assert_eq!(edit_one(&cluster, TOPIC, &delete), Ok(vec!["config a retention.ms=null".into()]));
}

#[test]
fn a_replacement_takes_away_what_it_does_not_name() {
    let cluster = cluster();
    let expected = vec!["config a flush.ms=5".into(), "config a retention.ms=null".into()];
    assert_eq!(replace(&cluster, TOPIC, &[("flush.ms", Some("5"))]), Ok(expected));
    assert_eq!(replace(&cluster, TOPIC, &[]), Ok(vec!["config a retention.ms=null".into()]));
    let null = (42, "Null value not supported for : flush.ms, x".into());
    assert_eq!(replace(&cluster, TOPIC, &[("flush.ms", None), ("x", None)]), Err(null));
    assert_eq!(replace(&cluster, LOGGERS, &[]), Err((42, "Unknown resource type 8".into())));
}

#[test]
fn parts_are_added_to_lists_and_taken_from_them() {
    let mut cluster = cluster();
    let append = |value| [(operation::APPEND, "cleanup.policy", Some(value))];
    let subtract = |value| [(operation::SUBTRACT, "cleanup.policy", Some(value))];
    let policy = |cluster: &Cluster, op: &[Op<'_>]| edit_one(cluster, TOPIC, op).map(|mut records| records.pop());
    let written = |value: &str| Ok(Some(alloc::format!("config a cleanup.policy={value}")));
    assert_eq!(policy(&cluster, &append("compact")), written("delete,compact"), "the default is delete");
    assert_eq!(policy(&cluster, &append("delete")), written("delete"));
    assert_eq!(policy(&cluster, &subtract("delete")), written(""));
    cluster.set(ConfigResource::Topic("a".into()), "cleanup.policy", "compact,delete");
    assert_eq!(policy(&cluster, &append("delete")), Ok(None));
    assert_eq!(policy(&cluster, &subtract("compact,x")), written("delete"));
    let twice = [set("cleanup.policy", "delete,delete")];
    assert_eq!(policy(&cluster, &twice), written("delete,delete"), "what stands twice counts once");
    for (key, name, message) in [
        (TOPIC, "retention.ms", "Can't APPEND to key retention.ms because its type is not LIST."),
        (TOPIC, "nonsense", "Can't APPEND to key nonsense because its type is not LIST."),
        (ALL_BROKERS, "log.retention.ms", "Config value append is not allowed for config key: log.retention.ms"),
        (ALL_BROKERS, "nonsense", "Unknown config name: nonsense"),
        (METRICS, "metrics", "Can't APPEND to key metrics because its type is not LIST."),
    ] {
        let refused = edit_one(&cluster, key, &[(operation::APPEND, name, Some("1"))]);
        assert_eq!(refused, Err((40, message.into())));
    }
}

#[test]
fn topics_are_refused_in_kafkas_words() {
    let cluster = cluster();
    let long = "x".repeat(VALUE_MAX_BYTES + 1);
    for (name, op, code, message) in [
        ("a", set("nonsense", "1"), 40, "Unknown topic config name: nonsense"),
        ("a", set("flush.ms", "x"), 40, "Invalid value x for configuration flush.ms: Not a number of type LONG"),
        ("a", set("cleanup.policy", "delete,"), 40, "Configuration 'cleanup.policy' values must not be empty."),
        (
            "a",
            set("leader.replication.throttled.replicas", &long),
            40,
            "The configuration value cannot be added because it exceeds the maximum value size of 32767 bytes.",
        ),
        ("a", (operation::SET, "flush.ms", None), 42, "Null value not supported for : flush.ms"),
        ("a", (4, "flush.ms", Some("1")), 42, "Unknown operations type 4"),
        ("b", set("flush.ms", "1"), 3, "The topic 'b' does not exist."),
        ("b", set("nonsense", "1"), 40, "Unknown topic config name: nonsense"),
        ("..", set("flush.ms", "1"), 17, "Topic name is invalid: '..' is not allowed"),
        ("", set("flush.ms", "1"), 42, "Default topic resources are not allowed."),
    ] {
        let refused = edit_one(&cluster, (resource_type::TOPIC, name), &[op]);
        assert_eq!(refused, Err((code, message.into())));
    }
    let twice = [set("flush.ms", "1"), (operation::DELETE, "flush.ms", None)];
    assert_eq!(edit_one(&cluster, TOPIC, &twice), Err((42, "Error due to duplicate config keys".into())));
    let conflict = [set("min.compaction.lag.ms", "9"), set("max.compaction.lag.ms", "5")];
    let message = "conflict topic config setting min.compaction.lag.ms (9) > max.compaction.lag.ms (5)";
    assert_eq!(edit_one(&cluster, TOPIC, &conflict), Err((40, message.into())));
}

#[test]
fn brokers_are_refused_in_kafkas_words() {
    let cluster = cluster();
    let read_only = "Cannot update these configs dynamically: [log.dirs]";
    let per_listener = "These security configs can be dynamically updated only per-listener using the listener prefix: \
                        [ssl.key.password]";
    let per_broker = "Cannot update these configs at default cluster level, broker id must be specified: \
                      [listener.name.x.ssl.key.password]";
    for (key, op, message) in [
        (THIS_BROKER, set("log.dirs", "/b"), read_only),
        (THIS_BROKER, set("ssl.key.password", "hush"), per_listener),
        (ALL_BROKERS, set("listener.name.x.ssl.key.password", "hush"), per_broker),
        (
            ALL_BROKERS,
            set("log.retention.ms", "x"),
            "Invalid value x for configuration log.retention.ms: Not a number of type LONG",
        ),
        (
            THIS_BROKER,
            set("log.retention.ms", "0"),
            "Invalid dynamic configuration: log.retention.ms=0: expected a whole number of at least 1, or -1 for no limit",
        ),
        (
            THIS_BROKER,
            set("listeners", "PLAINTEXT://:9"),
            "listeners cannot change while this broker runs. Set it in server.properties and restart the broker.",
        ),
        (
            (resource_type::BROKER, "7"),
            set("log.retention.ms", "1"),
            "Unexpected broker id, expected 1, but received 7",
        ),
        ((resource_type::BROKER, "x"), set("log.retention.ms", "1"), "Node id must be an integer, but it is: x"),
        (
            LOGGERS,
            (operation::APPEND, "root", Some("x")),
            "APPEND operation is not allowed for the BROKER_LOGGER resource",
        ),
        ((resource_type::BROKER_LOGGER, "7"), set("root", "INFO"), "Unexpected node id. Expected 1, but received 7"),
        ((3, "x"), set("a", "b"), "Unknown resource type 3"),
    ] {
        assert_eq!(edit_one(&cluster, key, &[op]), Err((42, message.into())));
    }
    assert_eq!(edit_one(&cluster, LOGGERS, &[set("root", "INFO")]), Err((40, "Logger root does not exist!".into())));
}

#[test]
fn brokers_take_what_can_change_and_what_a_plugin_may_know() {
    let cluster = cluster();
    let written = |words: &[&str]| Ok(words.iter().map(|word| (*word).into()).collect::<Vec<String>>());
    let all = edit_one(&cluster, ALL_BROKERS, &[set("log.retention.ms", "5"), set("a.plugins", "x")]);
    assert_eq!(all, written(&["config  a.plugins=x", "config  log.retention.ms=5"]));
    let one = edit_one(&cluster, THIS_BROKER, &[set("listener.name.x.ssl.keystore.type", "PEM")]);
    assert_eq!(one, written(&["config 1 listener.name.x.ssl.keystore.type=PEM"]));
}

#[test]
fn with_leaders_from_outside_of_the_in_sync_set_all_agree_on_the_minimum() {
    let mut cluster = cluster();
    cluster.set(ConfigResource::Broker(None), MIN_INSYNC_REPLICAS, "1");
    let two = [set(MIN_INSYNC_REPLICAS, "2")];
    assert_eq!(edit_one(&cluster, THIS_BROKER, &two).map(|records| records.len()), Ok(1));
    cluster.image.features.insert("eligible.leader.replicas.version".into(), 1);
    let message = "Broker-level min.insync.replicas cannot be altered while ELR is enabled.";
    assert_eq!(edit_one(&cluster, THIS_BROKER, &two), Err((40, message.into())));
    let message = "Cluster-level min.insync.replicas cannot be removed while ELR is enabled.";
    let delete = [(operation::DELETE, MIN_INSYNC_REPLICAS, None)];
    assert_eq!(edit_one(&cluster, ALL_BROKERS, &delete), Err((40, message.into())));
    let records = edit_one(&cluster, TOPIC, &two);
    assert_eq!(records, Ok(vec!["config a min.insync.replicas=2".into(), "ClearElrRecord".into()]));
}

#[test]
fn groups_are_held_between_the_brokers_bounds() {
    let cluster = cluster();
    let records = edit_one(&cluster, GROUP, &[set("consumer.session.timeout.ms", "50000")]);
    assert_eq!(records, Ok(vec!["config g consumer.session.timeout.ms=50000".into()]));
    for (op, message) in [
        (set("nonsense", "1"), "Unknown group config name: nonsense"),
        (
            set("consumer.session.timeout.ms", "44999"),
            "consumer.session.timeout.ms must be greater than or equal to group.consumer.min.session.timeout.ms",
        ),
        (
            set("streams.num.standby.replicas", "3"),
            "streams.num.standby.replicas must be less than or equal to group.streams.max.standby.replicas",
        ),
        (
            set("share.isolation.level", "x"),
            "Invalid value x for configuration share.isolation.level: String must be one of: read_committed, \
             read_uncommitted",
        ),
    ] {
        assert_eq!(edit_one(&cluster, GROUP, &[op]), Err((40, message.into())));
    }
    let refused = edit_one(&cluster, (resource_type::GROUP, ""), &[]);
    assert_eq!(refused, Err((42, "Default group resources are not allowed.".into())));
}

#[test]
fn subscriptions_of_metrics_are_checked() {
    let cluster = cluster();
    let good = [set("interval.ms", "100"), set("match", "client_id=a.*"), set("metrics", "*")];
    assert_eq!(edit_one(&cluster, METRICS, &good).map(|records| records.len()), Ok(3));
    for (op, code, message) in [
        (set("nonsense", "1"), 42, "Unknown client metrics configuration: nonsense"),
        (
            set("interval.ms", "99"),
            42,
            "Invalid value 99 for interval.ms, interval must be between 100 and 3600000 (1 hour)",
        ),
        (set("match", "shoe_size=44"), 40, "Illegal client matching pattern: shoe_size=44"),
        (set("match", "client_id=("), 40, "Illegal client matching pattern: client_id=("),
    ] {
        assert_eq!(edit_one(&cluster, METRICS, &[op]), Err((code, message.into())));
    }
    let refused = edit_one(&cluster, (resource_type::CLIENT_METRICS, ""), &[]);
    assert_eq!(refused, Err((42, "Subscription name can't be empty".into())));
}

#[test]
fn one_resource_changes_whatever_becomes_of_another() {
    let cluster = cluster();
    let bad = resource(GROUP, &[set("nonsense", "1")]);
    let good = resource(TOPIC, &[set("flush.ms", "5")]);
    let (records, outcomes) = edit(&cluster, vec![bad, good.clone()]);
    assert_eq!(records, ["config a flush.ms=5"]);
    assert_eq!((outcomes[0].0, outcomes[1].0), (40, 0));
    let (records, outcomes) = edit(&cluster, vec![good.clone(), good]);
    let refused = (42, Some("Each resource must appear at most once.".into()));
    assert_eq!((records, outcomes), (Vec::new(), vec![refused.clone(), refused]));
}

#[test]
fn validation_only_writes_nothing() {
    let resources = vec![resource(TOPIC, &[set("flush.ms", "5")])];
    let request = incremental::IncrementalAlterConfigsRequest { resources, validate_only: true, ..Default::default() };
    let change = incremental_alter_configs::handle(&request, cluster().view());
    assert_eq!((change.records.len(), change.response.responses[0].error_code), (0, 0));
}

#[test]
fn names_that_clients_invent_are_limited() {
    let mut cluster = cluster();
    let names: Vec<String> = (0..=CONFIGS_MAX).map(|n| alloc::format!("plugin.{n}")).collect();
    let ops: Vec<_> = names.iter().map(|name| set(name, "1")).collect();
    let refused = edit_one(&cluster, ALL_BROKERS, &ops);
    assert_eq!(refused, Err((44, "This would make 1001 configs of one resource, but 1000 are allowed.".into())));
    for n in 0..INVENTED_RESOURCES_MAX {
        let own = Configs::from([("share.isolation.level".to_owned(), "read_committed".to_owned())]);
        cluster.image.configs.insert(ConfigResource::Group(n.to_string()), own);
    }
    let op = [set("share.isolation.level", "read_committed")];
    assert_eq!(edit_one(&cluster, GROUP, &op).map_err(|(code, _)| code), Err(44));
    let known = (resource_type::GROUP, "7");
    assert_eq!(edit_one(&cluster, known, &[set("share.isolation.level", "read_uncommitted")]).map(|r| r.len()), Ok(1));
}
