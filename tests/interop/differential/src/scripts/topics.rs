//! Topics, their configs and what is told of the cluster, by hand.

use ottla_wire::ApiKey::{
    AlterConfigs, ApiVersions, CreatePartitions, CreateTopics, DeleteTopics, DescribeCluster, DescribeConfigs,
    DescribeTopicPartitions, FindCoordinator, IncrementalAlterConfigs, ListConfigResources, Metadata,
};
use serde_json::{Value, json};

use crate::script::{Script, var};

/// Every script of this room.
#[must_use]
pub fn all() -> Vec<Script> {
    let mut scripts = vec![
        names(),
        assignments(),
        duplicates(),
        bad_configs(),
        good_configs(),
        incremental(),
        altered(),
        partitions(),
        deleted(),
        pages(),
        coordinators(),
        many(),
        resources(),
    ];
    scripts.extend([0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13].map(metadata));
    scripts.extend((0..=6).map(api_versions));
    scripts.extend((1..=4).map(described_configs));
    scripts.extend((0..=2).map(cluster));
    scripts
}

fn create(topics: Value) -> Value {
    json!({"topics": topics, "timeoutMs": 5000, "validateOnly": false})
}

/// Names, good and bad.
fn names() -> Script {
    let mut script = Script::new("topics/names");
    let long = "n".repeat(249 - 13);
    for name in [
        "{ns}-a",
        "{ns}-a",
        "",
        ".",
        "..",
        "a b",
        "{ns}-ü",
        "{ns}/b",
        "{ns}-x.y",
        "{ns}-x_y",
        "{ns}-\u{0}",
        "__consumer_offsets",
        "__cluster_metadata",
    ] {
        script.call(CreateTopics, 7, create(json!([{"name": name, "numPartitions": 1, "replicationFactor": 1}])));
    }
    for name in [format!("{{ns}}-{long}"), format!("{{ns}}-{long}x")] {
        script.call(CreateTopics, 7, create(json!([{"name": name, "numPartitions": 1, "replicationFactor": 1}])));
    }
    for name in ["", ".", "a b", "{ns}-none", "{ns}/b"] {
        for version in [4, 9, 12] {
            script.call(Metadata, version, json!({"topics": [{"name": name}], "allowAutoTopicCreation": false}));
        }
        script.call(DeleteTopics, 5, json!({"topicNames": [name], "timeoutMs": 5000}));
        script.call(CreatePartitions, 3, json!({"topics": [{"name": name, "count": 2}], "timeoutMs": 5000}));
    }
    script
}

fn assignments() -> Script {
    let mut script = Script::new("topics/assignments");
    let assign = |partitions: &[(i32, Vec<i32>)]| {
        let all: Vec<_> =
            partitions.iter().map(|(index, ids)| json!({"partitionIndex": index, "brokerIds": ids})).collect();
        json!(all)
    };
    for (partitions, factor, assignments) in [
        (-1, -1, assign(&[(0, vec![1]), (1, vec![1])])),
        (2, 1, assign(&[(0, vec![1])])),
        (-1, 1, assign(&[(0, vec![1])])),
        (-1, -1, assign(&[(0, vec![7])])),
        (-1, -1, assign(&[(0, vec![1, 1])])),
        (-1, -1, assign(&[(0, vec![])])),
        (-1, -1, assign(&[(1, vec![1])])),
        (-1, -1, assign(&[(0, vec![1]), (0, vec![1])])),
        (-1, -1, assign(&[(0, vec![1]), (2, vec![1])])),
        (0, 1, json!([])),
        (-2, 1, json!([])),
        (-1, 1, json!([])),
        (1, 0, json!([])),
        (1, 2, json!([])),
        (1, -2, json!([])),
        (1, -1, json!([])),
        (1, i32::from(i16::MAX), json!([])),
        (i32::MAX, 1, json!([])),
    ] {
        for version in [2, 4, 7] {
            let topic = json!({"name": "{ns}-t{n}", "numPartitions": partitions, "replicationFactor": factor, "assignments": assignments});
            script.call(CreateTopics, version, create(json!([topic])));
        }
    }
    script
}

fn duplicates() -> Script {
    let mut script = Script::new("topics/duplicates");
    let topic = |name: &str| json!({"name": name, "numPartitions": 1, "replicationFactor": 1});
    script.call(CreateTopics, 7, create(json!([topic("{ns}-a"), topic("{ns}-b"), topic("{ns}-a")])));
    script.call(CreateTopics, 7, create(json!([topic("{ns}-c"), topic("a b"), topic("{ns}-c2")])));
    script.call(CreateTopics, 7, create(json!([topic("{ns}-b"), topic("{ns}-d")])));
    script.call(CreateTopics, 7, create(json!([])));
    script.topic("e", 1);
    script.call(DeleteTopics, 5, json!({"topicNames": ["{ns}-b", "{ns}-b", "{ns}-none"], "timeoutMs": 5000}));
    script.call(DeleteTopics, 6, json!({"topics": [{"name": "{ns}-c", "topicId": var("id:e")}], "timeoutMs": 5000}));
    script.call(
        DeleteTopics,
        6,
        json!({"topics": [{"name": null, "topicId": var("id:e")}, {"name": "{ns}-e"}], "timeoutMs": 5000}),
    );
    script.call(DeleteTopics, 6, json!({"topics": [{"name": null}], "timeoutMs": 5000}));
    script.call(DeleteTopics, 6, json!({"topics": [{"name": null, "topicId": var("id:e")}, {"name": null, "topicId": var("id:e")}], "timeoutMs": 5000}));
    script.call(
        DeleteTopics,
        6,
        json!({"topics": [{"name": null, "topicId": "BBBBBBBBBBBBBBBBBBBBBQ"}], "timeoutMs": 5000}),
    );
    script.call(
        CreatePartitions,
        3,
        json!({"topics": [{"name": "{ns}-d", "count": 2}, {"name": "{ns}-d", "count": 3}], "timeoutMs": 5000}),
    );
    script
}

/// Values that a config can't have, and configs that don't exist.
const BAD: &[(&str, &str)] = &[
    ("retention.ms", "x"),
    ("retention.ms", "-2"),
    ("retention.ms", ""),
    ("retention.ms", "9223372036854775808"),
    ("retention.bytes", "1.5"),
    ("segment.bytes", "13"),
    ("segment.bytes", "0"),
    ("segment.ms", "0"),
    ("max.message.bytes", "-1"),
    ("cleanup.policy", "shred"),
    ("cleanup.policy", "compact,,delete"),
    ("cleanup.policy", ""),
    ("compression.type", "rar"),
    ("compression.gzip.level", "0"),
    ("compression.lz4.level", "18"),
    ("compression.zstd.level", "23"),
    ("min.insync.replicas", "0"),
    ("message.timestamp.type", "Never"),
    ("message.timestamp.before.max.ms", "-1"),
    ("unclean.leader.election.enable", "maybe"),
    ("preallocate", "1"),
    ("min.cleanable.dirty.ratio", "1.1"),
    ("min.cleanable.dirty.ratio", "-0.1"),
    ("min.compaction.lag.ms", "-1"),
    ("max.compaction.lag.ms", "0"),
    ("delete.retention.ms", "-1"),
    ("file.delete.delay.ms", "-1"),
    ("flush.messages", "0"),
    ("flush.ms", "-1"),
    ("index.interval.bytes", "-1"),
    ("segment.index.bytes", "3"),
    ("segment.jitter.ms", "-1"),
    ("follower.replication.throttled.replicas", "1"),
    ("leader.replication.throttled.replicas", "a:b"),
    ("local.retention.ms", "7"),
    ("local.retention.bytes", "-3"),
    ("remote.storage.enable", "true"),
    ("remote.log.copy.disable", "true"),
    ("message.format.version", "3.0"),
    ("no.such.config", "1"),
    ("", "1"),
];

fn bad_configs() -> Script {
    let mut script = Script::new("topics/bad-configs");
    script.topic("a", 1);
    for (name, value) in BAD {
        let configs = json!([{"name": name, "value": value}]);
        let topic = json!({"name": "{ns}-t{n}", "numPartitions": 1, "replicationFactor": 1, "configs": configs});
        script.call(CreateTopics, 7, json!({"topics": [topic], "timeoutMs": 5000, "validateOnly": true}));
        let resource = json!({"resourceType": 2, "resourceName": "{ns}-a", "configs": [{"name": name, "value": value, "configOperation": 0}]});
        script.call(IncrementalAlterConfigs, 1, json!({"resources": [resource], "validateOnly": true}));
        let resource =
            json!({"resourceType": 2, "resourceName": "{ns}-a", "configs": [{"name": name, "value": value}]});
        script.call(AlterConfigs, 2, json!({"resources": [resource], "validateOnly": true}));
    }
    script
}

/// Every config of a topic with a good value, and how it is told.
fn good_configs() -> Script {
    let mut script = Script::new("topics/good-configs");
    for (name, value) in [
        ("retention.ms", "-1"),
        ("retention.ms", " 1000 "),
        ("retention.bytes", "-1"),
        ("segment.bytes", "1048576"),
        ("segment.bytes", "14"),
        ("segment.ms", "1"),
        ("max.message.bytes", "0"),
        ("cleanup.policy", "compact,delete"),
        ("cleanup.policy", "delete, compact"),
        ("compression.type", "zstd"),
        ("compression.gzip.level", "-1"),
        ("compression.zstd.level", "-5"),
        ("min.insync.replicas", "2"),
        ("message.timestamp.type", "LogAppendTime"),
        ("preallocate", "TRUE"),
        ("unclean.leader.election.enable", " true"),
        ("min.cleanable.dirty.ratio", "0.75"),
        ("min.cleanable.dirty.ratio", "1"),
        ("min.cleanable.dirty.ratio", "1e-3"),
        ("follower.replication.throttled.replicas", "*"),
        ("leader.replication.throttled.replicas", "0:1,1:1"),
        ("local.retention.ms", "-2"),
        ("index.interval.bytes", "0"),
        ("flush.messages", "1"),
        ("delete.retention.ms", "0"),
    ] {
        let configs = json!([{"name": name, "value": value}]);
        let topic = json!({"name": "{ns}-t{n}", "numPartitions": 1, "replicationFactor": 1, "configs": configs});
        script.call(CreateTopics, 7, json!({"topics": [topic], "timeoutMs": 5000, "validateOnly": true}));
    }
    for configs in [
        json!([{"name": "retention.ms", "value": null}]),
        json!([{"name": "retention.ms", "value": "1"}, {"name": "retention.ms", "value": "2"}]),
        json!([{"name": "min.compaction.lag.ms", "value": "10"}, {"name": "max.compaction.lag.ms", "value": "5"}]),
        json!([{"name": "local.retention.ms", "value": "10"}, {"name": "retention.ms", "value": "5"}]),
    ] {
        let topic = json!({"name": "{ns}-t{n}", "numPartitions": 1, "replicationFactor": 1, "configs": configs});
        script.call(CreateTopics, 7, json!({"topics": [topic], "timeoutMs": 5000, "validateOnly": true}));
    }
    script
}

fn topic_configs(script: &mut Script) {
    let resource = json!({"resourceType": 2, "resourceName": "{ns}-a", "configurationKeys": ["retention.ms", "cleanup.policy", "compression.type", "segment.bytes"]});
    script.call(DescribeConfigs, 4, json!({"resources": [resource], "includeSynonyms": true}));
}

fn incremental() -> Script {
    let mut script = Script::new("topics/incremental-configs");
    script.topic("a", 1);
    let alter = |script: &mut Script, configs: Value| {
        let resource = json!({"resourceType": 2, "resourceName": "{ns}-a", "configs": configs});
        script.call(IncrementalAlterConfigs, 1, json!({"resources": [resource], "validateOnly": false}));
        topic_configs(script);
    };
    let config =
        |name: &str, operation: i32, value: Value| json!({"name": name, "configOperation": operation, "value": value});
    alter(
        &mut script,
        json!([config("retention.ms", 0, json!("1000")), config("cleanup.policy", 2, json!("compact"))]),
    );
    alter(&mut script, json!([config("cleanup.policy", 3, json!("delete"))]));
    alter(&mut script, json!([config("cleanup.policy", 3, json!("delete"))]));
    alter(&mut script, json!([config("cleanup.policy", 2, json!("compact,delete"))]));
    alter(&mut script, json!([config("retention.ms", 1, Value::Null)]));
    alter(&mut script, json!([config("retention.ms", 1, json!("7"))]));
    alter(&mut script, json!([config("retention.ms", 0, Value::Null)]));
    alter(&mut script, json!([config("retention.ms", 2, json!("1"))]));
    alter(&mut script, json!([config("retention.ms", 4, json!("1"))]));
    alter(&mut script, json!([config("retention.ms", -1, json!("1"))]));
    alter(&mut script, json!([config("retention.ms", 0, json!("1")), config("retention.ms", 0, json!("2"))]));
    alter(
        &mut script,
        json!([config("segment.bytes", 0, json!("2000000")), config("compression.type", 0, json!("rar"))]),
    );
    alter(&mut script, json!([config("no.such.config", 1, Value::Null)]));
    alter(&mut script, json!([]));
    for resources in [
        json!([]),
        json!([{"resourceType": 2, "resourceName": "{ns}-none", "configs": []}]),
        json!([{"resourceType": 2, "resourceName": "", "configs": []}]),
        json!([{"resourceType": 4, "resourceName": "7", "configs": []}]),
        json!([{"resourceType": 4, "resourceName": "x", "configs": []}]),
        json!([{"resourceType": 0, "resourceName": "{ns}-a", "configs": []}]),
        json!([{"resourceType": 99, "resourceName": "{ns}-a", "configs": []}]),
        json!([{"resourceType": 8, "resourceName": "1", "configs": [config("log.level", 0, json!("INFO"))]}]),
        json!([{"resourceType": 16, "resourceName": "{ns}-metrics", "configs": [config("interval.ms", 0, json!("5"))]}]),
        json!([{"resourceType": 32, "resourceName": "{ns}-group", "configs": [config("consumer.session.timeout.ms", 0, json!("1"))]}]),
        json!([{"resourceType": 32, "resourceName": "{ns}-group", "configs": [config("consumer.heartbeat.interval.ms", 0, json!("6000"))]}]),
        json!([{"resourceType": 32, "resourceName": "", "configs": [config("consumer.heartbeat.interval.ms", 0, json!("6000"))]}]),
        json!([{"resourceType": 2, "resourceName": "{ns}-a", "configs": []}, {"resourceType": 2, "resourceName": "{ns}-a", "configs": []}]),
    ] {
        script.call(IncrementalAlterConfigs, 1, json!({"resources": resources, "validateOnly": false}));
    }
    script
}

fn altered() -> Script {
    let mut script = Script::new("topics/altered-configs");
    script.topic_with("a", 1, &[("segment.bytes", "2000000")]);
    topic_configs(&mut script);
    for configs in [
        json!([{"name": "retention.ms", "value": "1000"}]),
        json!([{"name": "retention.ms", "value": null}]),
        json!([{"name": "retention.ms", "value": "1"}, {"name": "retention.ms", "value": "2"}]),
        json!([]),
    ] {
        let resource = json!({"resourceType": 2, "resourceName": "{ns}-a", "configs": configs});
        for validate_only in [true, false] {
            script.call(AlterConfigs, 2, json!({"resources": [resource], "validateOnly": validate_only}));
            topic_configs(&mut script);
        }
    }
    script
}

fn partitions() -> Script {
    let mut script = Script::new("topics/partitions");
    script.topic("a", 2);
    for (count, assignments) in [
        (2, Value::Null),
        (1, Value::Null),
        (0, Value::Null),
        (-1, Value::Null),
        (3, json!([{"brokerIds": [1]}])),
        (5, json!([{"brokerIds": [1]}])),
        (4, json!([{"brokerIds": [7]}])),
        (4, json!([{"brokerIds": []}])),
        (4, json!([{"brokerIds": [1, 1]}])),
        (4, json!([])),
        (6, Value::Null),
    ] {
        for validate_only in [true, false] {
            let topics = json!([{"name": "{ns}-a", "count": count, "assignments": assignments}]);
            script.call(
                CreatePartitions,
                3,
                json!({"topics": topics, "timeoutMs": 5000, "validateOnly": validate_only}),
            );
        }
        script.call(Metadata, 12, json!({"topics": [{"name": "{ns}-a"}]}));
    }
    script
}

fn deleted() -> Script {
    let mut script = Script::new("topics/deleted");
    script.topic("a", 1);
    script.call(DeleteTopics, 6, json!({"topics": [{"name": "{ns}-a"}], "timeoutMs": 5000}));
    script.call(Metadata, 12, json!({"topics": [{"topicId": var("id:a"), "name": null}]}));
    script.call(Metadata, 12, json!({"topics": [{"name": "{ns}-a"}]}));
    script.call(DeleteTopics, 6, json!({"topics": [{"name": "{ns}-a"}], "timeoutMs": 5000}));
    script.topic("a", 2);
    script.call(Metadata, 12, json!({"topics": [{"topicId": var("id:a"), "name": null}]}));
    script
}

fn pages() -> Script {
    let mut script = Script::new("topics/pages");
    script.topic("a", 3);
    script.topic("b", 2);
    let topics = json!([{"name": "{ns}-b"}, {"name": "{ns}-a"}]);
    for limit in [1, 2, 3, 4, 5, 0, -1, 2000, i32::MAX] {
        for cursor in [
            Value::Null,
            json!({"topicName": "{ns}-a", "partitionIndex": 1}),
            json!({"topicName": "{ns}-b", "partitionIndex": 7}),
            json!({"topicName": "{ns}-none", "partitionIndex": 0}),
            json!({"topicName": "{ns}-a", "partitionIndex": -1}),
        ] {
            script.call(
                DescribeTopicPartitions,
                0,
                json!({"topics": topics, "responsePartitionLimit": limit, "cursor": cursor}),
            );
        }
    }
    script.call(
        DescribeTopicPartitions,
        0,
        json!({"topics": [{"name": "{ns}-a"}, {"name": "{ns}-a"}, {"name": ""}, {"name": "a b"}]}),
    );
    script
}

fn coordinators() -> Script {
    let mut script = Script::new("topics/coordinators");
    for version in 0..=6 {
        for kind in [0, 1, 2, 3, -1] {
            for key in ["", "{ns}-g", "{ns}-a:b:c", "a b"] {
                let body = json!({"key": key, "keyType": kind, "coordinatorKeys": [key]});
                let mut body = body;
                body.as_object_mut().expect("a body").remove(if version < 4 { "coordinatorKeys" } else { "key" });
                script.call(FindCoordinator, version, body);
            }
        }
    }
    script.call(FindCoordinator, 6, json!({"keyType": 0, "coordinatorKeys": ["{ns}-a", "{ns}-a", ""]}));
    script
}

/// Many at once.
fn many() -> Script {
    let mut script = Script::new("topics/many");
    let names: Vec<_> = (0..60).map(|index| format!("{{ns}}-none{index:03}")).collect();
    let named: Vec<_> = names.iter().map(|name| json!({"name": name})).collect();
    script.call(Metadata, 12, json!({"topics": named, "allowAutoTopicCreation": false}));
    script.call(DeleteTopics, 5, json!({"topicNames": names, "timeoutMs": 5000}));
    let topics: Vec<_> =
        names.iter().map(|name| json!({"name": name, "numPartitions": 1, "replicationFactor": 1})).collect();
    script.call(CreateTopics, 7, json!({"topics": topics, "timeoutMs": 5000, "validateOnly": true}));
    script.call(FindCoordinator, 6, json!({"keyType": 0, "coordinatorKeys": names}));
    script
}

fn resources() -> Script {
    let mut script = Script::new("topics/config-resources");
    script.topic("a", 1);
    for kinds in [
        json!([]),
        json!([2]),
        json!([4]),
        json!([8]),
        json!([16]),
        json!([32]),
        json!([2, 4, 2]),
        json!([0]),
        json!([99]),
        json!([-1]),
    ] {
        for version in 0..=1 {
            script.call(ListConfigResources, version, json!({"resourceTypes": kinds}));
        }
    }
    script
}

fn metadata(version: i16) -> Script {
    let mut script = Script::new(format!("topics/metadata/v{version}"));
    script.topic("a", 2);
    script.topic("b", 1);
    for topics in [
        Value::Null,
        json!([]),
        json!([{"name": "{ns}-b"}, {"name": "{ns}-a"}, {"name": "{ns}-none"}]),
        json!([{"name": "{ns}-a"}, {"name": "{ns}-a"}]),
        json!([{"name": ""}]),
        json!([{"name": null, "topicId": var("id:a")}, {"name": null, "topicId": "BBBBBBBBBBBBBBBBBBBBBQ"}]),
        json!([{"name": "{ns}-b", "topicId": var("id:a")}]),
    ] {
        let body = json!({"topics": topics, "allowAutoTopicCreation": false, "includeTopicAuthorizedOperations": true, "includeClusterAuthorizedOperations": true});
        script.call(Metadata, version, body);
    }
    script.call(Metadata, version, json!({"topics": [{"name": "{ns}-auto"}], "allowAutoTopicCreation": true}));
    script
}

/// Also in versions that there are not.
fn api_versions(version: i16) -> Script {
    let mut script = Script::new(format!("topics/api-versions/v{version}"));
    for name in ["differential", "", "a b", "-x", "x-", "ü", "librdkafka"] {
        for number in ["1.0", "", " "] {
            script.call(ApiVersions, version, json!({"clientSoftwareName": name, "clientSoftwareVersion": number}));
        }
    }
    script
}

fn described_configs(version: i16) -> Script {
    let mut script = Script::new(format!("topics/configs/v{version}"));
    script.topic_with("a", 1, &[("retention.ms", "1000")]);
    for (kind, name) in [
        (2, "{ns}-a"),
        (2, "{ns}-none"),
        (2, ""),
        (2, "a b"),
        (4, "1"),
        (4, ""),
        (4, "7"),
        (4, "x"),
        (8, "1"),
        (8, "7"),
        (16, "{ns}"),
        (16, ""),
        (32, "{ns}"),
        (32, ""),
        (0, "{ns}"),
        (99, "{ns}"),
    ] {
        for synonyms in [false, true] {
            let resource = json!({"resourceType": kind, "resourceName": name, "configurationKeys": null});
            script.call(
                DescribeConfigs,
                version,
                json!({"resources": [resource], "includeSynonyms": synonyms, "includeDocumentation": synonyms}),
            );
        }
    }
    for keys in
        [json!([]), json!(["no.such.config", "retention.ms"]), json!(["retention.ms", "retention.ms"]), json!([""])]
    {
        let resource = json!({"resourceType": 2, "resourceName": "{ns}-a", "configurationKeys": keys});
        script.call(DescribeConfigs, version, json!({"resources": [resource, resource], "includeSynonyms": true}));
    }
    script
}

fn cluster(version: i16) -> Script {
    let mut script = Script::new(format!("topics/cluster/v{version}"));
    for endpoint in [1, 2, 0, 3, -1] {
        for operations in [false, true] {
            let body = json!({"includeClusterAuthorizedOperations": operations, "endpointType": endpoint, "includeFencedBrokers": operations});
            script.call(DescribeCluster, version, body);
        }
    }
    script
}
