//! Producers, idempotent and in transactions, by hand: zombies, transactions at once, wrong sequences, both protocols of
//! transactions.

use ottla_wire::ApiKey::{
    AddOffsetsToTxn, AddPartitionsToTxn, DescribeProducers, DescribeTransactions, EndTxn, Fetch, InitProducerId,
    ListOffsets, ListTransactions, OffsetFetch, Produce, TxnOffsetCommit,
};
use serde_json::{Value, json};

use super::probes::CONCURRENT;
use crate::script::{Request, Script, produce_body, var};

/// Every script of this room.
#[must_use]
pub fn all() -> Vec<Script> {
    let mut scripts = vec![
        sequences(),
        reordered_sequences(),
        committed(true),
        committed(false),
        second_version(true),
        second_version(false),
        zombie(),
        bumped_epochs(),
        states(),
        timed_out(),
        offsets_pending(),
        wrong_partitions(),
        bad_timeouts(),
        not_transactional(),
    ];
    scripts.extend((0..=5).map(init_versions));
    scripts
}

fn init(id: &str, name: &str) -> Request {
    let body = json!({"transactionalId": format!("{{ns}}-{id}"), "transactionTimeoutMs": 60_000});
    let request = Request::new(InitProducerId, 4, body).again_while(&[14, 15, 16, 51]);
    request.bind(name, "/producerId").bind(&format!("{name}-epoch"), "/producerEpoch")
}

fn batch(name: &str, sequence: i64, values: &[&str], transactional: bool) -> Value {
    json!({"$records": {"values": values, "producerId": var(name), "epoch": var(&format!("{name}-epoch")), "sequence": sequence,
        "transactional": transactional}})
}

fn produce(version: i16, id: Option<&str>, partition: i32, records: Value) -> Request {
    let mut body = produce_body("{ns}-a", partition, records);
    body["topicData"][0]["topicId"] = var("id:a");
    if version >= 13 {
        body["topicData"][0].as_object_mut().expect("a topic").remove("name");
    } else {
        body["topicData"][0].as_object_mut().expect("a topic").remove("topicId");
    }
    body["transactionalId"] = id.map_or(Value::Null, |id| json!(format!("{{ns}}-{id}")));
    Request::new(Produce, version, body)
}

fn add(id: &str, name: &str, partitions: Value) -> Request {
    let body = json!({"v3AndBelowTransactionalId": format!("{{ns}}-{id}"), "v3AndBelowProducerId": var(name),
        "v3AndBelowProducerEpoch": var(&format!("{name}-epoch")),
        "v3AndBelowTopics": [{"name": "{ns}-a", "partitions": partitions}]});
    Request::new(AddPartitionsToTxn, 3, body).again_while(CONCURRENT)
}

fn end(version: i16, id: &str, name: &str, committed: bool) -> Request {
    let body = json!({"transactionalId": format!("{{ns}}-{id}"), "producerId": var(name),
        "producerEpoch": var(&format!("{name}-epoch")), "committed": committed});
    Request::new(EndTxn, version, body).again_while(CONCURRENT)
}

/// What readers of both isolation levels see, and what the broker says of the producers.
fn look(script: &mut Script) {
    for isolation in [0, 1] {
        let partitions = json!([{"partition": 0, "fetchOffset": 0, "partitionMaxBytes": 1_000_000}]);
        let body = json!({"replicaId": -1, "maxWaitMs": 0, "minBytes": 0, "maxBytes": 1_000_000, "isolationLevel": isolation,
            "topics": [{"topic": "{ns}-a", "partitions": partitions}]});
        script.call(Fetch, 11, body);
        let partitions = json!([{"partitionIndex": 0, "timestamp": -1}, {"partitionIndex": 0, "timestamp": -2}]);
        let body = json!({"replicaId": -1, "isolationLevel": isolation, "topics": [{"name": "{ns}-a", "partitions": [partitions[0]]}]});
        script.call(ListOffsets, 7, body);
    }
    script.call(DescribeProducers, 0, json!({"topics": [{"name": "{ns}-a", "partitionIndexes": [0]}]}));
    script.call(DescribeTransactions, 0, json!({"transactionalIds": ["{ns}-t"]}));
}

/// Markers are written behind the answer; the next transaction of the id waits for them.
fn markers_are_written(script: &mut Script, name: &str) {
    script.send(add("t", name, json!([1])));
    script.send(end(3, "t", name, false));
    script.send(add("t", name, json!([1])));
    script.send(end(3, "t", name, false));
}

/// An idempotent producer's sequences: in order, again, with gaps.
fn sequences() -> Script {
    let mut script = Script::new("producers/sequences");
    script.topic("a", 2);
    let body = json!({"transactionalId": null, "transactionTimeoutMs": 60_000});
    script.send(Request::new(InitProducerId, 4, body).bind("p", "/producerId").bind("p-epoch", "/producerEpoch"));
    for sequence in [0, 0, 2, 2, 1, 5, 4, 3, 0, i64::from(i32::MAX)] {
        script.send(produce(9, None, 0, batch("p", sequence, &["a", "b"], false)));
    }
    // A batch of another size under a sequence that was.
    script.send(produce(9, None, 0, batch("p", 0, &["a"], false)));
    script.send(produce(9, None, 0, batch("p", 4, &["a", "b", "c"], false)));
    for (epoch, sequence) in [(1, 3), (1, 0), (0, 6), (1, 2), (7, 0), (-1, 4)] {
        let records =
            json!({"$records": {"values": ["e"], "producerId": var("p"), "epoch": epoch, "sequence": sequence}});
        script.send(produce(9, None, 0, records));
    }
    for version in [3, 7, 8, 11, 12, 13] {
        script.send(produce(version, None, 1, batch("p", 3, &["x"], false)));
        script.send(produce(version, None, 1, batch("p", 0, &["x"], false)));
    }
    script.call(DescribeProducers, 0, json!({"topics": [{"name": "{ns}-a", "partitionIndexes": [0, 1, 2]}]}));
    script
}

/// More than the five batches that a broker remembers.
fn reordered_sequences() -> Script {
    let mut script = Script::new("producers/remembered");
    script.topic("a", 1);
    let body = json!({"transactionalId": null, "transactionTimeoutMs": 60_000});
    script.send(Request::new(InitProducerId, 4, body).bind("p", "/producerId").bind("p-epoch", "/producerEpoch"));
    for sequence in (0..8).chain(0..8) {
        script.send(produce(9, None, 0, batch("p", sequence, &["a"], false)));
    }
    script
}

fn committed(is_committed: bool) -> Script {
    let mut script =
        Script::new(format!("transactions/first-version/{}", if is_committed { "commit" } else { "abort" }));
    script.topic("a", 2);
    script.send(init("t", "p"));
    look(&mut script);
    script.send(produce(9, Some("t"), 0, batch("p", 0, &["early"], true)));
    script.send(add("t", "p", json!([0])));
    script.send(add("t", "p", json!([0, 1])));
    script.send(produce(9, Some("t"), 0, batch("p", 0, &["a", "b"], true)));
    script.send(produce(9, Some("t"), 0, batch("p", 2, &["c"], false)));
    look(&mut script);
    script.call(
        ListTransactions,
        2,
        json!({"stateFilters": ["Ongoing"], "producerIdFilters": [], "durationFilter": -1}),
    );
    script.send(end(3, "t", "p", is_committed));
    script.send(end(3, "t", "p", is_committed));
    script.send(end(3, "t", "p", !is_committed));
    markers_are_written(&mut script, "p");
    look(&mut script);
    script.send(produce(9, Some("t"), 0, batch("p", 2, &["late"], true)));
    script.send(init("t", "q"));
    script.send(end(3, "t", "p", true));
    script.send(end(3, "t", "q", true));
    script
}

/// Where the broker adds the partitions, and each end raises the epoch.
fn second_version(is_committed: bool) -> Script {
    let mut script =
        Script::new(format!("transactions/second-version/{}", if is_committed { "commit" } else { "abort" }));
    script.topic("a", 2);
    script.send(init("t", "p"));
    script.send(end(5, "t", "p", is_committed).bind("p-epoch", "/producerEpoch"));
    for round in 0..3 {
        script.send(produce(12, Some("t"), 0, batch("p", 0, &["a", "b"], true)).again_while(CONCURRENT));
        script.send(produce(12, Some("t"), 1, batch("p", 0, &["c"], true)).again_while(CONCURRENT));
        if round == 1 {
            let body = json!({"transactionalId": "{ns}-t", "groupId": "{ns}-g", "producerId": var("p"),
                "producerEpoch": var("p-epoch"), "generationId": -1, "memberId": "",
                "topics": [{"name": "{ns}-a", "partitions": [{"partitionIndex": 0, "committedOffset": 2}]}]});
            script.call(TxnOffsetCommit, 5, body);
        }
        look(&mut script);
        let ended = end(5, "t", "p", is_committed);
        script.send(ended.clone().bind("old", "/producerId").bind("next-epoch", "/producerEpoch"));
        // The same again, as one whose answer was lost.
        script.send(ended.clone());
        let mut other = ended;
        other.body["committed"] = json!(!is_committed);
        script.send(other);
        script.send(produce(12, Some("t"), 0, batch("p", 2, &["zombie"], true)).again_while(CONCURRENT));
        let mut next = end(5, "t", "p", is_committed);
        next.body["producerEpoch"] = var("next-epoch");
        script.send(next.bind("p-epoch", "/producerEpoch"));
        look(&mut script);
    }
    script
}

/// Two producers under one id: the first is fenced.
fn zombie() -> Script {
    let mut script = Script::new("transactions/zombie");
    script.topic("a", 2);
    script.send(init("t", "one"));
    script.send(add("t", "one", json!([0])));
    script.send(produce(9, Some("t"), 0, batch("one", 0, &["a"], true)));
    script.send(init("t", "two"));
    script.send(produce(9, Some("t"), 0, batch("one", 1, &["zombie"], true)));
    script.send(add("t", "one", json!([0])));
    script.send(end(3, "t", "one", true));
    script.send(end(1, "t", "one", true));
    let body = json!({"transactionalId": "{ns}-t", "producerId": var("one"), "producerEpoch": var("one-epoch"), "groupId": "{ns}-g"});
    script.call(AddOffsetsToTxn, 3, body.clone());
    script.call(AddOffsetsToTxn, 0, body);
    script.send(add("t", "two", json!([0])));
    script.send(produce(9, Some("t"), 0, batch("two", 0, &["b"], true)));
    script.send(end(3, "t", "two", true));
    markers_are_written(&mut script, "two");
    look(&mut script);
    script
}

/// A producer asks for its next epoch.
fn bumped_epochs() -> Script {
    let mut script = Script::new("transactions/bumped");
    script.topic("a", 1);
    script.send(init("t", "p"));
    for (id, epoch) in [
        (var("p"), var("p-epoch")),
        (var("p"), json!(7)),
        (json!(123_456), json!(0)),
        (json!(-1), json!(0)),
        (var("p"), json!(-1)),
    ] {
        let body = json!({"transactionalId": "{ns}-t", "transactionTimeoutMs": 60_000, "producerId": id, "producerEpoch": epoch});
        for version in [3, 4, 5] {
            script.send(Request::new(InitProducerId, version, body.clone()).again_while(CONCURRENT));
        }
    }
    script
}

fn states() -> Script {
    let mut script = Script::new("transactions/states");
    script.topic("a", 1);
    script.call(DescribeTransactions, 0, json!({"transactionalIds": ["{ns}-t", "{ns}-none", ""]}));
    script.send(init("t", "p"));
    script.call(DescribeTransactions, 0, json!({"transactionalIds": ["{ns}-t", "{ns}-t"]}));
    for (states, pattern) in [
        (json!([]), json!("{ns}-.*")),
        (json!(["Empty"]), json!("{ns}-t")),
        (json!(["Nonsense", "Empty"]), json!("{ns}-t")),
        (json!(["Ongoing"]), json!("{ns}-t")),
        (json!([]), json!("[")),
        (json!([]), json!("")),
        (json!([]), json!("{ns}")),
    ] {
        let body = json!({"stateFilters": states, "producerIdFilters": [var("p")], "durationFilter": -1, "transactionalIdPattern": pattern});
        script.call(ListTransactions, 2, body);
    }
    script.send(add("t", "p", json!([0])));
    for duration in [-1, 0, 1_000_000] {
        script.call(
            ListTransactions,
            1,
            json!({"stateFilters": [], "producerIdFilters": [var("p")], "durationFilter": duration}),
        );
    }
    script.send(end(3, "t", "p", true));
    script
}

/// A transaction that lasts too long is aborted.
fn timed_out() -> Script {
    let mut script = Script::new("transactions/timed-out");
    script.topic("a", 2);
    let mut request = init("t", "p");
    request.body["transactionTimeoutMs"] = json!(500);
    script.send(request);
    script.send(add("t", "p", json!([0])));
    script.send(produce(9, Some("t"), 0, batch("p", 0, &["a"], true)));
    script.wait_ms(13_000);
    script.send(produce(9, Some("t"), 0, batch("p", 1, &["late"], true)));
    script.send(add("t", "p", json!([0])));
    script.send(end(3, "t", "p", true));
    look(&mut script);
    script.send(init("t", "q"));
    script.send(add("t", "q", json!([0])));
    script
}

/// Offsets within a transaction: nobody sees them before its end.
fn offsets_pending() -> Script {
    let mut script = Script::new("transactions/offsets");
    script.topic("a", 2);
    script.send(init("t", "p"));
    let commit = |version: i16, offset: i64, generation: i32, member: &str| {
        let body = json!({"transactionalId": "{ns}-t", "groupId": "{ns}-g", "producerId": var("p"), "producerEpoch": var("p-epoch"),
            "generationId": generation, "memberId": member,
            "topics": [{"name": "{ns}-a", "partitions": [{"partitionIndex": 0, "committedOffset": offset, "committedMetadata": "m"}]}]});
        Request::new(TxnOffsetCommit, version, body)
    };
    let fetch = |script: &mut Script| {
        for stable in [false, true] {
            for topics in [Value::Null, json!([{"name": "{ns}-a", "partitionIndexes": [0, 1]}])] {
                let body = json!({"groups": [{"groupId": "{ns}-g", "topics": topics}], "requireStable": stable});
                script.call(OffsetFetch, 8, body);
            }
        }
    };
    script.send(commit(3, 1, -1, ""));
    let add = json!({"transactionalId": "{ns}-t", "producerId": var("p"), "producerEpoch": var("p-epoch"), "groupId": "{ns}-g"});
    for is_committed in [true, false] {
        script.send(Request::new(AddOffsetsToTxn, 3, add.clone()).again_while(CONCURRENT));
        script.send(commit(3, 2, -1, ""));
        script.send(commit(3, 3, 1, ""));
        script.send(commit(3, 3, 1, "nobody"));
        script.send(commit(0, 4, -1, ""));
        script.send(commit(2, 5, -1, ""));
        fetch(&mut script);
        script.send(end(3, "t", "p", is_committed));
        script.send(Request::new(AddOffsetsToTxn, 3, add.clone()).again_while(CONCURRENT));
        script.send(end(3, "t", "p", true));
        script.send(Request::new(AddOffsetsToTxn, 3, add.clone()).again_while(CONCURRENT));
        script.send(end(3, "t", "p", true));
        fetch(&mut script);
    }
    script
}

fn wrong_partitions() -> Script {
    let mut script = Script::new("transactions/wrong-partitions");
    script.topic("a", 1);
    script.send(init("t", "p"));
    script.send(add("t", "p", json!([0, 7])));
    script.send(add("t", "p", json!([-1])));
    script.send(add("t", "p", json!([])));
    let mut request = add("t", "p", json!([0]));
    request.body["v3AndBelowTopics"] =
        json!([{"name": "{ns}-none", "partitions": [0]}, {"name": "{ns}-a", "partitions": [0]}]);
    script.send(request.clone());
    request.body["v3AndBelowTopics"] =
        json!([{"name": "{ns}-a", "partitions": [0, 0]}, {"name": "{ns}-a", "partitions": [0]}]);
    script.send(request);
    script.send(end(3, "t", "p", false));
    script.send(produce(12, Some("t"), 7, batch("p", 0, &["a"], true)).again_while(CONCURRENT));
    script.send(produce(12, Some("other"), 0, batch("p", 0, &["a"], true)));
    script.send(produce(12, None, 0, batch("p", 0, &["a"], true)));
    script.send(produce(9, None, 0, batch("p", 0, &["a"], true)));
    script
}

fn bad_timeouts() -> Script {
    let mut script = Script::new("transactions/timeouts");
    for timeout in [0, -1, 1, 900_000, 900_001, i32::MAX, i32::MIN] {
        for id in [json!("{ns}-t"), json!(""), Value::Null] {
            let body = json!({"transactionalId": id, "transactionTimeoutMs": timeout});
            script.send(Request::new(InitProducerId, 4, body).again_while(&[14, 15, 16, 51]));
        }
    }
    script
}

/// Who has no transaction ends one.
fn not_transactional() -> Script {
    let mut script = Script::new("transactions/none");
    script.topic("a", 1);
    script.send(init("t", "p"));
    for version in 0..=5 {
        script.send(end(version, "t", "p", true));
        script.send(end(version, "t", "p", false));
        script.send(end(version, "none", "p", true));
    }
    script
}

fn init_versions(version: i16) -> Script {
    let mut script = Script::new(format!("transactions/init/v{version}"));
    for _ in 0..3 {
        let body = json!({"transactionalId": "{ns}-t", "transactionTimeoutMs": 60_000});
        script.send(Request::new(InitProducerId, version, body).again_while(&[14, 15, 16, 51]));
    }
    script
}
