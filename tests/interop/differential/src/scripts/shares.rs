//! Share groups and streams groups by hand: sessions out of order, acknowledgements twice and by others, locks that end,
//! members that come, go and come back.

use ottla_wire::ApiKey::{
    DeleteGroups, DescribeShareGroupOffsets, IncrementalAlterConfigs, ListGroups, OffsetCommit, OffsetFetch,
    ShareAcknowledge, ShareFetch, ShareGroupDescribe, ShareGroupHeartbeat, StreamsGroupDescribe, StreamsGroupHeartbeat,
};
use serde_json::{Value, json};

use crate::script::{Request, Script, var};

const ONE: &str = "BBBBBBBBBBBBBBBBBBBBBQ";
const TWO: &str = "CCCCCCCCCCCCCCCCCCCCCQ";
const ACCEPT: i8 = 1;
const RELEASE: i8 = 2;
const REJECT: i8 = 3;

/// Every script of this room.
#[must_use]
pub fn all() -> Vec<Script> {
    let mut scripts = vec![lock_ends(), share_members(), streams_members()];
    scripts.extend((1..=2).map(sessions));
    scripts.extend((1..=2).map(acknowledgements));
    scripts
}

/// Group `{ns}-g` of one member, and two batches of records in its topic's only partition.
fn a_share_group(script: &mut Script, configs: &[(&str, &str)]) {
    script.topic("a", 1);
    script.produce("a", 0, &["one", "two", "three"]);
    script.produce("a", 0, &["four", "five"]);
    let all = [&[("share.auto.offset.reset", "earliest")], configs].concat();
    let config = |(name, value): &(&str, &str)| json!({"name": name, "configOperation": 0, "value": value});
    let configs: Vec<_> = all.iter().map(config).collect();
    let resource = json!({"resourceType": 32, "resourceName": "{ns}-g", "configs": configs});
    script.call(IncrementalAlterConfigs, 1, json!({"resources": [resource], "validateOnly": false}));
    script.send(share_beat(ONE, 0, json!(["{ns}-a"])).again_while(&[14, 15, 16]));
    // The group's coordinator has the state of its partitions begun behind the answer.
    script.wait_ms(300);
}

fn share_beat(member: &str, epoch: i32, topics: Value) -> Request {
    let body = json!({"groupId": "{ns}-g", "memberId": member, "memberEpoch": epoch, "rackId": null,
        "subscribedTopicNames": topics});
    Request::new(ShareGroupHeartbeat, 1, body)
}

fn batches(batches: &[(i64, i64, &[i8])]) -> Value {
    let batch = |(first, last, types): &_| json!({"firstOffset": first, "lastOffset": last, "acknowledgeTypes": types});
    batches.iter().map(batch).collect()
}

fn topics(acknowledged: Value) -> Value {
    json!([{"topicId": var("id:a"), "partitions": [{"partitionIndex": 0, "acknowledgementBatches": acknowledged}]}])
}

fn fetch(version: i16, member: &str, epoch: i32, topics: Value) -> Request {
    let body = json!({"groupId": "{ns}-g", "memberId": member, "shareSessionEpoch": epoch, "maxWaitMs": 300, "minBytes": 1,
        "maxBytes": 1_000_000, "maxRecords": 2, "batchSize": 2, "shareAcquireMode": 0, "isRenewAck": false, "topics": topics,
        "forgottenTopicsData": []});
    Request::new(ShareFetch, version, body)
}

fn acknowledge(version: i16, member: &str, epoch: i32, topics: Value) -> Request {
    let body = json!({"groupId": "{ns}-g", "memberId": member, "shareSessionEpoch": epoch, "isRenewAck": false,
        "topics": topics});
    Request::new(ShareAcknowledge, version, body)
}

/// A session's epochs: from the start, out of order, again, closed, and of nobody.
fn sessions(version: i16) -> Script {
    let mut script = Script::new(format!("shares/sessions/v{version}"));
    a_share_group(&mut script, &[]);
    let none = || topics(json!([]));
    script.send(fetch(version, ONE, 1, none()));
    script.send(fetch(version, ONE, 0, none()));
    for epoch in [2, 0, 1, 1, 7, -2, -1, 1] {
        script.send(acknowledge(version, ONE, epoch, topics(batches(&[(0, 0, &[ACCEPT])]))));
    }
    // What a closed session had is free behind the answer.
    script.wait_ms(300);
    script.send(fetch(version, ONE, 0, none()));
    script.send(fetch(version, ONE, 1, json!([])));
    script.send(fetch(version, TWO, 3, none()));
    script.send(fetch(version, ONE, -1, topics(batches(&[(1, 2, &[RELEASE])]))));
    script.send(fetch(version, ONE, -1, json!([])));
    script.wait_ms(300);
    script.send(fetch(version, ONE, 0, none()));
    script
}

/// What is acknowledged: each kind, again, by others, in the wrong order, of other offsets.
fn acknowledgements(version: i16) -> Script {
    let mut script = Script::new(format!("shares/acknowledgements/v{version}"));
    a_share_group(&mut script, &[]);
    script.send(fetch(version, ONE, 0, topics(json!([]))));
    let all: &[&[(i64, i64, &[i8])]] = &[
        &[(0, 0, &[ACCEPT]), (1, 1, &[RELEASE])],
        &[(0, 0, &[ACCEPT])],
        &[(2, 2, &[REJECT])],
        &[(2, 2, &[RELEASE])],
        &[(1, 0, &[ACCEPT])],
        &[(0, 2, &[ACCEPT, ACCEPT])],
        &[(0, 1, &[7])],
        &[(0, 1, &[])],
        &[(3, 4, &[ACCEPT])],
        &[(70, 80, &[ACCEPT])],
        &[(-3, -1, &[ACCEPT])],
        &[(1, 1, &[ACCEPT]), (0, 0, &[ACCEPT])],
    ];
    for (index, acknowledged) in (1..).zip(all) {
        script.send(acknowledge(version, ONE, index, topics(batches(acknowledged))));
    }
    script.send(acknowledge(version, TWO, 1, topics(batches(&[(1, 1, &[ACCEPT])]))));
    // What was released comes again, and counts.
    script.send(fetch(version, ONE, all.len() as i32 + 1, topics(json!([]))));
    script.call(DescribeShareGroupOffsets, 1, json!({"groups": [{"groupId": "{ns}-g", "topics": null}]}));
    script
}

/// A member that is too slow: its records go to the next, and what it says then comes too late.
fn lock_ends() -> Script {
    let mut script = Script::new("shares/lock-ends");
    a_share_group(&mut script, &[("share.record.lock.duration.ms", "1000")]);
    script.send(fetch(1, ONE, 0, topics(json!([]))));
    script.wait_ms(2_500);
    script.send(acknowledge(1, ONE, 1, topics(batches(&[(0, 2, &[ACCEPT])]))));
    script.send(fetch(1, ONE, 2, topics(json!([]))));
    script.send(acknowledge(1, ONE, 3, topics(batches(&[(0, 2, &[ACCEPT])]))));
    script.call(DescribeShareGroupOffsets, 1, json!({"groups": [{"groupId": "{ns}-g", "topics": null}]}));
    script
}

fn share_members() -> Script {
    let mut script = Script::new("shares/members");
    a_share_group(&mut script, &[]);
    for epoch in [1, 2, 7, -2, i32::MAX] {
        script.send(share_beat(ONE, epoch, Value::Null));
    }
    script.send(share_beat(TWO, 3, Value::Null));
    script.send(share_beat(ONE, 2, json!(["{ns}-nobody"])));
    script.send(share_beat(ONE, 3, json!(["{ns}-a", "{ns}-nobody"])));
    let describe = json!({"groupIds": ["{ns}-g", "{ns}-h", ""], "includeAuthorizedOperations": true});
    script.call(ShareGroupDescribe, 1, describe.clone());
    script.call(DeleteGroups, 2, json!({"groupsNames": ["{ns}-g"]}));
    for _ in 0..2 {
        script.send(share_beat(ONE, -1, Value::Null));
    }
    script.call(ShareGroupDescribe, 1, describe);
    script.call(ListGroups, 5, json!({"statesFilter": [], "typesFilter": ["share"]}));
    script.call(DeleteGroups, 2, json!({"groupsNames": ["{ns}-g", "{ns}-h"]}));
    script
}

fn streams_beat(member: &str, epoch: i32) -> Request {
    let is_joining = epoch == 0;
    let subtopology = json!({"subtopologyId": "0", "sourceTopics": ["{ns}-a"], "sourceTopicRegex": [],
        "stateChangelogTopics": [], "repartitionSinkTopics": [], "repartitionSourceTopics": [], "copartitionGroups": []});
    let when_joining = |value: Value| if is_joining { value } else { Value::Null };
    let body = json!({"groupId": "{ns}-g", "memberId": member, "memberEpoch": epoch, "endpointInformationEpoch": 0,
        "instanceId": null, "rackId": null, "rebalanceTimeoutMs": if is_joining { 30_000 } else { -1 },
        "topology": when_joining(json!({"epoch": 1, "subtopologies": [subtopology]})),
        "activeTasks": when_joining(json!([])), "standbyTasks": when_joining(json!([])),
        "warmupTasks": when_joining(json!([])), "processId": when_joining(json!(member)), "userEndpoint": null,
        "clientTags": null, "taskOffsets": null, "taskEndOffsets": null, "shutdownApplication": false});
    Request::new(StreamsGroupHeartbeat, 0, body)
}

fn streams_members() -> Script {
    let mut script = Script::new("streams/members");
    script.topic("a", 2);
    script.send(streams_beat(ONE, 0).again_while(&[14, 15, 16]));
    script.send(streams_beat(ONE, 0));
    for epoch in [7, 99, -2, -3, i32::MAX] {
        script.send(streams_beat(ONE, epoch));
    }
    script.send(streams_beat(TWO, 5));
    let describe = json!({"groupIds": ["{ns}-g", "{ns}-h", ""], "includeAuthorizedOperations": true});
    script.call(StreamsGroupDescribe, 0, describe.clone());
    let commit = |member: &str, epoch: i32| {
        let partitions = json!([{"partitionIndex": 0, "committedOffset": 1, "committedMetadata": ""}]);
        json!({"groupId": "{ns}-g", "generationIdOrMemberEpoch": epoch, "memberId": member,
            "topics": [{"name": "{ns}-a", "partitions": partitions}]})
    };
    for (member, epoch) in [(ONE, 99), (TWO, 1), ("", -1), ("nobody", -1)] {
        script.call(OffsetCommit, 9, commit(member, epoch));
    }
    for (member, epoch) in [(json!(ONE), 99), (json!(TWO), 1), (Value::Null, -1)] {
        let group = json!({"groupId": "{ns}-g", "memberId": member, "memberEpoch": epoch, "topics": null});
        script.call(OffsetFetch, 9, json!({"groups": [group], "requireStable": false}));
    }
    script.call(DeleteGroups, 2, json!({"groupsNames": ["{ns}-g"]}));
    for _ in 0..2 {
        script.send(streams_beat(ONE, -1));
    }
    script.call(StreamsGroupDescribe, 0, describe);
    script.call(ListGroups, 5, json!({"statesFilter": [], "typesFilter": ["streams"]}));
    script.call(DeleteGroups, 2, json!({"groupsNames": ["{ns}-g", "{ns}-h"]}));
    script
}
