//! Groups where the broker assigns (KIP-848), by hand.

use ottla_wire::ApiKey::{
    ConsumerGroupDescribe, ConsumerGroupHeartbeat, DeleteGroups, DescribeGroups, Heartbeat, JoinGroup, ListGroups,
    OffsetCommit, OffsetFetch, SyncGroup,
};
use serde_json::{Value, json};

use crate::script::{Request, Script, var};

/// Every script of this room.
#[must_use]
pub fn all() -> Vec<Script> {
    vec![
        life(0),
        life(1),
        epochs(),
        two_members(),
        static_members(),
        bad_requests(),
        commits(),
        regular_expressions(),
        classic_and_consumer(),
        expired(),
    ]
}

fn beat(member: &str, epoch: Value, topics: Value) -> Request {
    let body = json!({"groupId": "{ns}-g", "memberId": format!("{{ns}}-{member}"), "memberEpoch": epoch, "instanceId": null,
        "rackId": null, "rebalanceTimeoutMs": 10_000, "subscribedTopicNames": topics, "subscribedTopicRegex": null,
        "serverAssignor": null, "topicPartitions": []});
    Request::new(ConsumerGroupHeartbeat, 1, body)
}

/// A heartbeat that says nothing new.
fn only_beat(member: &str, epoch: Value) -> Request {
    let body = json!({"groupId": "{ns}-g", "memberId": format!("{{ns}}-{member}"), "memberEpoch": epoch});
    Request::new(ConsumerGroupHeartbeat, 1, body)
}

fn owning(mut request: Request, partitions: &[i32]) -> Request {
    request.body["topicPartitions"] = json!([{"topicId": var("id:a"), "partitions": partitions}]);
    request
}

fn describe(script: &mut Script) {
    script.call(ConsumerGroupDescribe, 1, json!({"groupIds": ["{ns}-g"]}));
}

fn life(version: i16) -> Script {
    let mut script = Script::new(format!("consumer-groups/life/v{version}"));
    script.topic("a", 4);
    describe(&mut script);
    let mut join = beat("m", json!(0), json!(["{ns}-a"])).bind("member", "/memberId");
    join.version = version;
    if version == 0 {
        join.body["memberId"] = json!("");
    }
    script.send(join);
    describe(&mut script);
    let with = |epoch: i32| {
        json!({"groupId": "{ns}-g", "memberId": var("member"), "memberEpoch": epoch, "rebalanceTimeoutMs": -1,
            "subscribedTopicNames": null, "topicPartitions": null})
    };
    for epoch in [1, 1, 0, 2, -3, i32::MAX, 1] {
        script.call(ConsumerGroupHeartbeat, version, with(epoch));
    }
    let mut owns = with(1);
    owns["topicPartitions"] = json!([{"topicId": var("id:a"), "partitions": [0, 1, 2, 3]}]);
    script.call(ConsumerGroupHeartbeat, version, owns);
    for version in 0..=1 {
        script.call(
            ConsumerGroupDescribe,
            version,
            json!({"groupIds": ["{ns}-g", "{ns}-none", ""], "includeAuthorizedOperations": true}),
        );
    }
    script.call(ListGroups, 5, json!({"statesFilter": [], "typesFilter": ["consumer"]}));
    script.call(ListGroups, 4, json!({"statesFilter": ["Stable", "Assigning", "Reconciling"], "typesFilter": []}));
    script.call(DescribeGroups, 6, json!({"groups": ["{ns}-g"]}));
    script.call(DescribeGroups, 5, json!({"groups": ["{ns}-g"]}));
    script.call(DeleteGroups, 2, json!({"groupsNames": ["{ns}-g"]}));
    script.call(ConsumerGroupHeartbeat, version, with(-1));
    script.call(ConsumerGroupHeartbeat, version, with(-1));
    script.call(ConsumerGroupHeartbeat, version, with(1));
    describe(&mut script);
    script.call(DeleteGroups, 2, json!({"groupsNames": ["{ns}-g"]}));
    describe(&mut script);
    script
}

fn epochs() -> Script {
    let mut script = Script::new("consumer-groups/epochs");
    script.topic("a", 2);
    for epoch in [1, -1, -2, 7] {
        script.send(only_beat("m", json!(epoch)));
    }
    script.send(beat("m", json!(0), json!(["{ns}-a"])));
    script.send(owning(only_beat("m", json!(1)), &[0, 1]));
    // A new subscription raises the epoch; the former may come once more, as its answer may be lost.
    script.topic("b", 1);
    script.send(beat("m", json!(1), json!(["{ns}-a", "{ns}-b"])));
    script.send(owning(only_beat("m", json!(1)), &[0, 1]));
    script.send(only_beat("m", json!(1)));
    script.send(only_beat("m", json!(2)));
    script.send(beat("m", json!(2), json!([])));
    script.send(beat("m", json!(3), json!(["{ns}-none"])));
    describe(&mut script);
    script
}

fn two_members() -> Script {
    let mut script = Script::new("consumer-groups/two-members");
    script.topic("a", 4);
    script.send(beat("m1", json!(0), json!(["{ns}-a"])));
    script.send(owning(only_beat("m1", json!(1)), &[0, 1, 2, 3]));
    script.send(beat("m2", json!(0), json!(["{ns}-a"])));
    describe(&mut script);
    script.send(only_beat("m2", json!(2)));
    script.send(owning(only_beat("m1", json!(1)), &[0, 1, 2, 3]));
    describe(&mut script);
    script.send(owning(only_beat("m1", json!(1)), &[0, 1]));
    script.send(owning(only_beat("m1", json!(1)), &[2, 3]));
    script.send(only_beat("m2", json!(2)));
    script.send(owning(only_beat("m2", json!(2)), &[0, 1]));
    script.send(owning(only_beat("m2", json!(2)), &[2, 3]));
    describe(&mut script);
    script.send(only_beat("m1", json!(-1)));
    script.send(owning(only_beat("m2", json!(2)), &[2, 3]));
    script.send(owning(only_beat("m2", json!(3)), &[0, 1, 2, 3]));
    describe(&mut script);
    script.send(beat("m3", json!(0), json!(["{ns}-a"])));
    script.send(only_beat("m3", json!(4)));
    describe(&mut script);
    script
}

fn static_members() -> Script {
    let mut script = Script::new("consumer-groups/static");
    script.topic("a", 2);
    let instance = |mut request: Request, instance: &str| {
        request.body["instanceId"] = json!(instance);
        request
    };
    script.send(instance(beat("m1", json!(0), json!(["{ns}-a"])), "i"));
    script.send(instance(owning(only_beat("m1", json!(1)), &[0, 1]), "i"));
    script.send(instance(beat("m2", json!(0), json!(["{ns}-a"])), "i"));
    script.send(instance(only_beat("m2", json!(1)), "i"));
    script.send(instance(only_beat("m1", json!(1)), "other"));
    script.send(instance(only_beat("m1", json!(-2)), "i"));
    describe(&mut script);
    script.send(instance(only_beat("m1", json!(1)), "i"));
    script.send(instance(beat("m2", json!(0), json!(["{ns}-a"])), "i"));
    describe(&mut script);
    script.send(instance(only_beat("m1", json!(1)), "i"));
    script.send(instance(only_beat("m2", json!(1)), "i"));
    script.send(instance(only_beat("m2", json!(-1)), "i"));
    describe(&mut script);
    script
}

fn bad_requests() -> Script {
    let mut script = Script::new("consumer-groups/bad");
    script.topic("a", 1);
    for (field, values) in [
        ("groupId", vec![json!(""), json!(" ")]),
        ("memberId", vec![json!(""), json!(" ")]),
        ("instanceId", vec![json!("")]),
        ("rackId", vec![json!("")]),
        ("rebalanceTimeoutMs", vec![json!(-1), json!(0), json!(-2)]),
        ("subscribedTopicNames", vec![Value::Null, json!([]), json!([""]), json!(["a b"])]),
        ("subscribedTopicRegex", vec![json!(""), json!("["), json!("(?i)x")]),
        ("serverAssignor", vec![json!(""), json!("nobody"), json!("range"), json!("uniform")]),
        ("topicPartitions", vec![Value::Null, json!([{"topicId": var("id:a"), "partitions": [0]}])]),
    ] {
        for (index, value) in values.into_iter().enumerate() {
            let mut request = beat("m", json!(0), json!(["{ns}-a"]));
            request.body["groupId"] = json!(format!("{{ns}}-g-{field}-{index}"));
            request.body[field] = value;
            script.send(request);
        }
    }
    script
}

fn commits() -> Script {
    let mut script = Script::new("consumer-groups/commits");
    script.topic("a", 2);
    script.send(beat("m", json!(0), json!(["{ns}-a"])));
    for version in [8, 9] {
        for (member, epoch) in
            [("{ns}-m", 1), ("{ns}-m", 0), ("{ns}-m", 2), ("{ns}-x", 1), ("", -1), ("", 1), ("{ns}-m", -1)]
        {
            let partitions = json!([{"partitionIndex": 0, "committedOffset": 4, "committedMetadata": "m"}]);
            let body = json!({"groupId": "{ns}-g", "generationIdOrMemberEpoch": epoch, "memberId": member,
                "topics": [{"name": "{ns}-a", "partitions": partitions}]});
            script.call(OffsetCommit, version, body);
            let group = json!({"groupId": "{ns}-g", "memberId": member, "memberEpoch": epoch, "topics": null});
            script.call(OffsetFetch, version, json!({"groups": [group]}));
        }
    }
    for member in [Value::Null, json!("{ns}-m"), json!("")] {
        for epoch in [-1, 0, 1] {
            let group = json!({"groupId": "{ns}-g", "memberId": member, "memberEpoch": epoch, "topics": null});
            script.call(OffsetFetch, 9, json!({"groups": [group]}));
        }
    }
    script
}

fn regular_expressions() -> Script {
    let mut script = Script::new("consumer-groups/regex");
    script.topic("a", 1);
    let regex = |member: &str, epoch: i32, regex: &str| {
        let mut request = beat(member, json!(epoch), Value::Null);
        request.body["subscribedTopicRegex"] = json!(regex);
        request
    };
    script.send(regex("m", 0, "{ns}-a.*").bind("epoch", "/memberEpoch"));
    script.wait_ms(300);
    script.send(only_beat("m", var("epoch")));
    script.send(only_beat("m", json!(2)));
    script.send(regex("m", 2, "["));
    script.send(regex("m", 2, ""));
    describe(&mut script);
    script
}

/// Members of both protocols in one group.
fn classic_and_consumer() -> Script {
    let mut script = Script::new("consumer-groups/classic");
    script.topic("a", 2);
    script.send(beat("m", json!(0), json!(["{ns}-a"])));
    let join = |member: Value, metadata: &str| {
        let body = json!({"groupId": "{ns}-g", "sessionTimeoutMs": 10_000, "rebalanceTimeoutMs": 3000, "memberId": member,
            "groupInstanceId": null, "protocolType": "consumer", "protocols": [{"name": "range", "metadata": metadata}]});
        Request::new(JoinGroup, 5, body)
    };
    script.send(join(json!(""), "AAA=").bind("classic", "/memberId"));
    script.send(join(var("classic"), "AAA="));
    script.send(join(json!("nobody"), "AAA="));
    script.call(Heartbeat, 4, json!({"groupId": "{ns}-g", "generationId": 1, "memberId": "nobody"}));
    script.call(SyncGroup, 3, json!({"groupId": "{ns}-g", "generationId": 1, "memberId": "nobody", "assignments": []}));
    describe(&mut script);
    script
}

fn expired() -> Script {
    let mut script = Script::new("consumer-groups/empty");
    script.topic("a", 1);
    script.send(beat("m", json!(0), json!(["{ns}-a"])));
    script.send(only_beat("m", json!(-1)));
    describe(&mut script);
    script.call(DescribeGroups, 6, json!({"groups": ["{ns}-g"]}));
    // An empty group may become a classic one.
    let body = json!({"groupId": "{ns}-g", "sessionTimeoutMs": 10_000, "rebalanceTimeoutMs": 3000, "memberId": "",
        "protocolType": "consumer", "protocols": [{"name": "range", "metadata": "AAA="}]});
    script.call(JoinGroup, 3, body);
    describe(&mut script);
    script.call(DescribeGroups, 6, json!({"groups": ["{ns}-g"]}));
    script.send(beat("m", json!(0), json!(["{ns}-a"])));
    script
}
