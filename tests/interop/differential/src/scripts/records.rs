//! Records, by hand: what is written and read, sessions of fetches, offsets by time, deleted records, leader epochs.

use ottla_wire::ApiKey::{DeleteRecords, Fetch, ListOffsets, OffsetForLeaderEpoch, Produce};
use serde_json::{Value, json};

use crate::script::{Request, Script, produce_body, var};

/// Every script of this room.
#[must_use]
pub fn all() -> Vec<Script> {
    let mut scripts = vec![
        acks(),
        no_records(),
        limits(),
        codecs(),
        sessions(7),
        sessions(12),
        sessions(13),
        sessions(16),
        sessions(18),
        long_polls(),
        times(),
        append_times(),
        deleted(),
        epochs(),
        topic_ids(),
        compacted(),
    ];
    scripts.extend([4, 5, 7, 9, 11, 12, 13, 15, 16, 17, 18].map(reads));
    scripts
}

fn topic(version: i16, name: &str, partitions: Value) -> Value {
    if version >= 13 {
        json!({"topicId": var(&format!("id:{name}")), "partitions": partitions})
    } else {
        json!({"topic": format!("{{ns}}-{name}"), "partitions": partitions})
    }
}

fn partition(index: i32, offset: i64) -> Value {
    json!({"partition": index, "fetchOffset": offset, "partitionMaxBytes": 1_000_000})
}

fn fetch(version: i16, topics: Value) -> Request {
    let body = json!({"replicaId": -1, "maxWaitMs": 0, "minBytes": 0, "maxBytes": 1_000_000, "isolationLevel": 0,
        "topics": topics});
    Request::new(Fetch, version, body)
}

fn acks() -> Script {
    let mut script = Script::new("records/acks");
    script.topic("a", 1);
    for acks in [1, -1, 0, 2, -2] {
        let mut body = produce_body("{ns}-a", 0, json!({"$records": {"values": ["a"]}}));
        body["acks"] = json!(acks);
        script.call(Produce, 9, body.clone());
        body["topicData"][0]["name"] = json!("{ns}-none");
        script.call(Produce, 9, body);
    }
    script.send(fetch(11, json!([topic(11, "a", json!([partition(0, 0)]))])));
    script
}

/// Null where records should be.
fn no_records() -> Script {
    let mut script = Script::new("records/null");
    script.topic("a", 1);
    script.call(Produce, 9, produce_body("{ns}-a", 0, Value::Null));
    script.call(Produce, 9, produce_body("{ns}-none", 0, Value::Null));
    script
}

/// How much comes of what was asked.
fn limits() -> Script {
    let mut script = Script::new("records/limits");
    script.topic("a", 2);
    let long = "x".repeat(900);
    for partition in [0, 1] {
        for _ in 0..4 {
            script.produce("a", partition, &[&long]);
        }
    }
    for (max_bytes, partition_max_bytes) in
        [(1_000_000, 1_000_000), (1, 1), (0, 0), (-1, -1), (2000, 1_000_000), (1_000_000, 1500), (1000, 1)]
    {
        let mut request = fetch(11, json!([topic(11, "a", json!([partition(0, 0), partition(1, 1)]))]));
        request.body["maxBytes"] = json!(max_bytes);
        for index in 0..2 {
            request.body["topics"][0]["partitions"][index]["partitionMaxBytes"] = json!(partition_max_bytes);
        }
        script.send(request);
    }
    script.topic_with("small", 1, &[("max.message.bytes", "200")]);
    script.produce("small", 0, &["fits"]);
    script.produce("small", 0, &[&long]);
    script
}

fn codecs() -> Script {
    let mut script = Script::new("records/codecs");
    script.topic("a", 1);
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        for version in [3, 6, 7, 9] {
            let records = json!({"$records": {"values": ["a", "b"], "codec": codec}});
            script.call(Produce, version, produce_body("{ns}-a", 0, records));
        }
    }
    for version in [4, 9, 10, 11] {
        script.send(fetch(version, json!([topic(version, "a", json!([partition(0, 0)]))])));
    }
    script.topic_with("zstd", 1, &[("compression.type", "uncompressed")]);
    script.call(Produce, 9, produce_body("{ns}-zstd", 0, json!({"$records": {"values": ["a", "b"], "codec": "zstd"}})));
    script
}

/// What a reader is answered, in each version that differs.
fn reads(version: i16) -> Script {
    let mut script = Script::new(format!("records/reads/v{version}"));
    script.topic("a", 2);
    script.produce("a", 0, &["a", "b", "c"]);
    script.produce("a", 0, &["d"]);
    for offset in [0, 1, 2, 3, 4, 5, 100, -1, -2, i64::MAX] {
        script.send(fetch(version, json!([topic(version, "a", json!([partition(0, offset)]))])));
    }
    script
        .send(fetch(version, json!([topic(version, "a", json!([partition(0, 0), partition(7, 0), partition(1, 0)]))])));
    script.send(fetch(version, json!([topic(version, "a", json!([partition(0, 0), partition(0, 3)]))])));
    script.send(fetch(version, json!([topic(version, "a", json!([])), topic(version, "a", json!([partition(1, 0)]))])));
    for (epoch, last) in [(0, -1), (1, -1), (7, -1), (-2, -1), (-1, 0), (-1, 7), (-1, -2)] {
        let mut request = fetch(version, json!([topic(version, "a", json!([partition(0, 1)]))]));
        request.body["topics"][0]["partitions"][0]["currentLeaderEpoch"] = json!(epoch);
        request.body["topics"][0]["partitions"][0]["lastFetchedEpoch"] = json!(last);
        script.send(request);
    }
    for isolation in [1, 2, -1] {
        let mut request = fetch(version, json!([topic(version, "a", json!([partition(0, 0)]))]));
        request.body["isolationLevel"] = json!(isolation);
        script.send(request);
    }
    script
}

/// A session: its partitions are remembered, and only what is new is answered.
fn sessions(version: i16) -> Script {
    let mut script = Script::new(format!("records/sessions/v{version}"));
    script.topic("a", 3);
    script.topic("b", 1);
    script.produce("a", 0, &["a"]);
    let session = |id: Value, epoch: i32, topics: Value, forgotten: Value| {
        let mut request = fetch(version, topics);
        request.body["sessionId"] = id;
        request.body["sessionEpoch"] = json!(epoch);
        request.body["forgottenTopicsData"] = forgotten;
        request
    };
    let all = json!([
        topic(version, "a", json!([partition(0, 0), partition(1, 0)])),
        topic(version, "b", json!([partition(0, 0)]))
    ]);
    script.send(session(json!(0), 0, all.clone(), json!([])).bind("session", "/sessionId"));
    script.send(session(var("session"), 1, json!([]), json!([])));
    script.produce("a", 1, &["b"]);
    script.send(session(var("session"), 2, json!([topic(version, "a", json!([partition(0, 1)]))]), json!([])));
    script.send(session(
        var("session"),
        3,
        json!([topic(version, "a", json!([partition(1, 1), partition(2, 0)]))]),
        json!([]),
    ));
    script.send(session(var("session"), 4, json!([topic(version, "a", json!([partition(7, 0)]))]), json!([])));
    let forgotten = json!([{"topic": "{ns}-a", "topicId": var("id:a"), "partitions": [7, 1]}]);
    let mut forget = forgotten;
    forget[0].as_object_mut().expect("a topic").remove(if version >= 13 { "topic" } else { "topicId" });
    script.send(session(var("session"), 5, json!([]), forget.clone()));
    script.produce("a", 2, &["c"]);
    script.send(session(var("session"), 6, json!([]), forget));
    for epoch in [6, 9, 0, -1, -2] {
        script.send(session(var("session"), epoch, json!([]), json!([])));
    }
    for (id, epoch) in
        [(json!(12345), 1), (json!(12345), 0), (json!(12345), -1), (json!(0), 1), (json!(0), -1), (json!(-1), 3)]
    {
        script.send(session(id, epoch, all.clone(), json!([])));
    }
    script
}

/// A fetch that waits is answered when there is something, and when its time is over.
fn long_polls() -> Script {
    let mut script = Script::new("records/long-polls");
    script.topic("a", 1);
    let waiting = |min_bytes: i32, max_wait_ms: i32| {
        let mut request = fetch(11, json!([topic(11, "a", json!([partition(0, 0)]))])).on("reader");
        request.body["minBytes"] = json!(min_bytes);
        request.body["maxWaitMs"] = json!(max_wait_ms);
        request
    };
    script.send(waiting(1, 100));
    script.begin(waiting(1, 5000));
    script.wait_ms(50);
    script.produce("a", 0, &["a"]);
    script.end("reader");
    script.send(waiting(100_000, 200));
    script.send(waiting(-1, 100));
    script.send(waiting(i32::MAX, 0));
    script
}

/// Offsets by time.
fn times() -> Script {
    let mut script = Script::new("records/times");
    script.topic("a", 2);
    for (from, step) in [(1000, 10), (500, 0), (2000, -5)] {
        let records = json!({"$records": {"values": ["a", "b", "c"], "timestamp": from, "stepMs": step}});
        script.call(Produce, 9, produce_body("{ns}-a", 0, records));
    }
    for version in 1..=11 {
        for time in
            [-1, -2, -3, -4, -5, -6, 0, 499, 500, 501, 1000, 1005, 1020, 1021, 1990, 2000, 2001, i64::MAX, i64::MIN]
        {
            let partitions = json!([{"partitionIndex": 0, "currentLeaderEpoch": -1, "timestamp": time}]);
            let body = json!({"replicaId": -1, "isolationLevel": 0, "topics": [{"name": "{ns}-a", "partitions": partitions}], "timeoutMs": 500});
            script.call(ListOffsets, version, body);
        }
        for time in [-1, -2, -3, 7] {
            let partitions = json!([{"partitionIndex": 1, "currentLeaderEpoch": 0, "timestamp": time}]);
            let body = json!({"replicaId": -1, "isolationLevel": 1, "topics": [{"name": "{ns}-a", "partitions": partitions}], "timeoutMs": 500});
            script.call(ListOffsets, version, body);
        }
    }
    script
}

/// The broker's time in the records.
fn append_times() -> Script {
    let mut script = Script::new("records/append-times");
    script.topic_with("a", 1, &[("message.timestamp.type", "LogAppendTime")]);
    script.produce("a", 0, &["a", "b"]);
    script.call(Produce, 9, produce_body("{ns}-a", 0, json!({"$records": {"values": ["c"], "codec": "gzip"}})));
    let reading = fetch(11, json!([topic(11, "a", json!([partition(0, 0)]))]));
    script.send(reading);
    let partitions = json!([{"partitionIndex": 0, "timestamp": -3}]);
    script.call(ListOffsets, 7, json!({"replicaId": -1, "topics": [{"name": "{ns}-a", "partitions": partitions}]}));
    script.topic_with(
        "b",
        1,
        &[("message.timestamp.before.max.ms", "1000"), ("message.timestamp.after.max.ms", "1000")],
    );
    script.produce("b", 0, &["old"]);
    script.call(
        Produce,
        9,
        produce_body("{ns}-b", 0, json!({"$records": {"values": ["new"], "timestamp": 4_000_000_000_000i64}})),
    );
    script
}

fn deleted() -> Script {
    let mut script = Script::new("records/deleted");
    script.topic("a", 2);
    script.topic_with("c", 1, &[("cleanup.policy", "compact")]);
    script.produce("a", 0, &["a", "b", "c", "d"]);
    let delete = |script: &mut Script, topic: &str, partitions: Value| {
        script.call(
            DeleteRecords,
            2,
            json!({"topics": [{"name": topic, "partitions": partitions}], "timeoutMs": 1000}),
        );
    };
    for offset in [2, 1, 0, 2, 5, -2, 3, -1] {
        delete(&mut script, "{ns}-a", json!([{"partitionIndex": 0, "offset": offset}]));
        for at in [0, 2, 3, 4] {
            script.send(fetch(12, json!([topic(12, "a", json!([partition(0, at)]))])));
        }
        let partitions = json!([{"partitionIndex": 0, "timestamp": -2}]);
        script.call(ListOffsets, 7, json!({"replicaId": -1, "topics": [{"name": "{ns}-a", "partitions": partitions}]}));
    }
    delete(&mut script, "{ns}-a", json!([{"partitionIndex": 7, "offset": 1}, {"partitionIndex": 1, "offset": 0}]));
    delete(&mut script, "{ns}-none", json!([{"partitionIndex": 0, "offset": 1}]));
    delete(&mut script, "{ns}-c", json!([{"partitionIndex": 0, "offset": 0}]));
    delete(&mut script, "__consumer_offsets", json!([{"partitionIndex": 0, "offset": 0}]));
    script
}

fn epochs() -> Script {
    let mut script = Script::new("records/epochs");
    script.topic("a", 2);
    script.produce("a", 0, &["a", "b"]);
    for version in 2..=4 {
        for replica in [-1, -2, 1, 7] {
            for (current, wanted) in [(-1, 0), (0, 0), (1, 0), (-1, 1), (-1, -1), (0, 7), (-2, 0)] {
                let partitions = json!([{"partition": 0, "currentLeaderEpoch": current, "leaderEpoch": wanted},
                    {"partition": 1, "currentLeaderEpoch": current, "leaderEpoch": wanted}]);
                script.call(
                    OffsetForLeaderEpoch,
                    version,
                    json!({"replicaId": replica, "topics": [{"topic": "{ns}-a", "partitions": partitions}]}),
                );
            }
        }
    }
    script
}

/// Ids of topics that were, that are others' and that never were.
fn topic_ids() -> Script {
    let mut script = Script::new("records/topic-ids");
    script.topic("a", 1);
    script.produce("a", 0, &["a"]);
    for id in [var("id:a"), json!("AAAAAAAAAAAAAAAAAAAAAA"), json!("BBBBBBBBBBBBBBBBBBBBBQ")] {
        let topics = json!([{"topicId": id, "partitions": [partition(0, 0), partition(7, 0)]}]);
        script.send(fetch(13, topics.clone()));
        script.send(fetch(16, topics));
        let partition = json!({"index": 0, "records": {"$records": {"values": ["b"]}}});
        script.call(
            Produce,
            13,
            json!({"acks": -1, "timeoutMs": 1000, "topicData": [{"topicId": id, "partitionData": [partition]}]}),
        );
    }
    script
}

fn compacted() -> Script {
    let mut script = Script::new("records/compacted");
    script.topic_with("a", 1, &[("cleanup.policy", "compact")]);
    script.produce("a", 0, &["no key"]);
    for records in [
        json!({"values": ["v", "w"], "keys": ["k", "k"]}),
        json!({"values": ["v", "w"], "keys": ["k", null]}),
        json!({"values": [null], "keys": ["k"]}),
    ] {
        for version in [7, 8, 9] {
            script.call(Produce, version, produce_body("{ns}-a", 0, json!({"$records": records})));
        }
    }
    script.send(fetch(12, json!([topic(12, "a", json!([partition(0, 0)]))])));
    script
}
