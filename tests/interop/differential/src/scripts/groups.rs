//! Classic groups and committed offsets, by hand: members that come, wait for each other, leave, fall silent and are fenced.

use ottla_wire::ApiKey::{
    DeleteGroups, DescribeGroups, Heartbeat, JoinGroup, LeaveGroup, ListGroups, OffsetCommit, OffsetDelete,
    OffsetFetch, SyncGroup,
};
use serde_json::{Value, json};

use crate::script::{Request, Script, var};

/// Every script of this room.
#[must_use]
pub fn all() -> Vec<Script> {
    let mut scripts = Vec::new();
    for version in 4..=9 {
        scripts.push(life(version));
    }
    for version in [1, 3, 4, 5, 7, 9] {
        scripts.push(two_members(version));
    }
    for version in [5, 6, 7, 8, 9] {
        scripts.push(static_member(version));
    }
    scripts.extend([
        protocols(),
        expired_session(),
        double_commits(),
        commits_of_strangers(),
        a_join_that_never_syncs(),
        a_zombie(),
        deleted_group(),
        deleted_offsets(),
        empty_names(),
        a_group_that_is_only_offsets(),
    ]);
    scripts
}

/// A join; `member` is a variable's name, or empty.
fn join(version: i16, member: &str, instance: Value) -> Request {
    let member = if member.is_empty() { json!("") } else { var(member) };
    let body = json!({"groupId": "{ns}-g", "sessionTimeoutMs": 10_000, "rebalanceTimeoutMs": 3000, "memberId": member,
        "groupInstanceId": instance, "protocolType": "consumer", "protocols": [{"name": "range", "metadata": "AAA="}],
        "reason": null});
    Request::new(JoinGroup, version, body)
}

fn sync(version: i16, member: &str, generation: Value, assignments: Value) -> Request {
    let (kind, name) = if version >= 5 { (json!("consumer"), json!("range")) } else { (Value::Null, Value::Null) };
    let body = json!({"groupId": "{ns}-g", "generationId": generation, "memberId": var(member), "groupInstanceId": null,
        "protocolType": kind, "protocolName": name, "assignments": assignments});
    Request::new(SyncGroup, version, body)
}

fn heartbeat(member: Value, generation: Value) -> Request {
    Request::new(Heartbeat, 4, json!({"groupId": "{ns}-g", "generationId": generation, "memberId": member}))
}

fn describe(script: &mut Script) {
    script.call(DescribeGroups, 6, json!({"groups": ["{ns}-g"]}));
}

fn commit(member: Value, generation: Value, offset: i64) -> Request {
    let partitions = json!([{"partitionIndex": 0, "committedOffset": offset, "committedMetadata": "note"}]);
    let body = json!({"groupId": "{ns}-g", "generationIdOrMemberEpoch": generation, "memberId": member,
        "groupInstanceId": null, "topics": [{"name": "{ns}-a", "partitions": partitions}]});
    Request::new(OffsetCommit, 9, body)
}

fn fetch_offsets(script: &mut Script) {
    let body = json!({"groups": [{"groupId": "{ns}-g", "memberId": null, "memberEpoch": -1, "topics": null}]});
    script.call(OffsetFetch, 9, body);
}

/// The first member: asks for an id where it needs one, joins, syncs.
fn first(script: &mut Script, version: i16) {
    script.send(join(version, "", Value::Null).on("one").bind("one", "/memberId"));
    if version >= 4 {
        script.send(join(version, "one", Value::Null).on("one"));
    }
    script.send(sync(3, "one", json!(1), json!([{"memberId": var("one"), "assignment": "AAAB"}])).on("one"));
}

/// All that a member does in its life.
fn life(version: i16) -> Script {
    let mut script = Script::new(format!("groups/life/v{version}"));
    script.topic("a", 1);
    describe(&mut script);
    script.send(heartbeat(json!("nobody"), json!(1)));
    first(&mut script, version);
    describe(&mut script);
    script.send(heartbeat(var("one"), json!(1)));
    script.send(heartbeat(var("one"), json!(2)));
    script.send(heartbeat(var("one"), json!(-1)));
    script.send(heartbeat(json!("nobody"), json!(1)));
    script.send(commit(var("one"), json!(1), 5));
    script.send(commit(var("one"), json!(2), 6));
    script.send(commit(json!("nobody"), json!(1), 7));
    script.send(commit(json!(""), json!(-1), 8));
    fetch_offsets(&mut script);
    script.call(ListGroups, 5, json!({"statesFilter": [], "typesFilter": []}));
    script.call(ListGroups, 5, json!({"statesFilter": ["Empty"], "typesFilter": ["consumer", "classic"]}));
    script.call(ListGroups, 5, json!({"statesFilter": ["stable", "nonsense"], "typesFilter": ["CLASSIC"]}));
    script.call(ListGroups, 5, json!({"statesFilter": [], "typesFilter": ["nonsense"]}));
    // The same again, as a client that lost the answer.
    script.send(join(version, "one", Value::Null).on("one"));
    script.send(sync(3, "one", json!(1), json!([])).on("one"));
    script.send(sync(3, "one", json!(2), json!([{"memberId": var("one"), "assignment": "AAAC"}])).on("one"));
    script.send(sync(3, "one", json!(2), json!([])).on("one"));
    describe(&mut script);
    script.call(DeleteGroups, 2, json!({"groupsNames": ["{ns}-g"]}));
    script.call(
        LeaveGroup,
        5,
        json!({"groupId": "{ns}-g", "members": [{"memberId": var("one")}, {"memberId": "nobody"}]}),
    );
    script.call(LeaveGroup, 5, json!({"groupId": "{ns}-g", "members": [{"memberId": var("one")}]}));
    describe(&mut script);
    script.send(heartbeat(var("one"), json!(2)));
    script.send(join(version, "one", Value::Null).on("one"));
    fetch_offsets(&mut script);
    script.call(DeleteGroups, 2, json!({"groupsNames": ["{ns}-g", "{ns}-g", "{ns}-other"]}));
    fetch_offsets(&mut script);
    describe(&mut script);
    script
}

/// A second member makes the first join again; the leader assigns to both.
fn two_members(version: i16) -> Script {
    let mut script = Script::new(format!("groups/two-members/v{version}"));
    first(&mut script, version);
    if version >= 4 {
        script.send(join(version, "", Value::Null).on("two").bind("two", "/memberId"));
        script.begin(join(version, "two", Value::Null).on("two"));
    } else {
        script.begin(join(version, "", Value::Null).on("two").bind("two", "/memberId"));
    }
    script.wait_ms(50);
    describe(&mut script);
    script.send(heartbeat(var("one"), json!(1)));
    script.send(sync(3, "one", json!(1), json!([])).on("one"));
    script.send(join(version, "one", Value::Null).on("one"));
    script.end("two");
    describe(&mut script);
    script.begin(sync(3, "two", json!(2), json!([])).on("two"));
    script.wait_ms(50);
    script.send(heartbeat(var("two"), json!(2)));
    let assignments =
        json!([{"memberId": var("one"), "assignment": "AQ=="}, {"memberId": var("two"), "assignment": "Ag=="}]);
    script.send(sync(3, "one", json!(2), assignments).on("one"));
    script.end("two");
    script.send(heartbeat(var("two"), json!(2)));
    describe(&mut script);
    script.call(LeaveGroup, 3, json!({"groupId": "{ns}-g", "members": [{"memberId": var("two")}]}));
    script.send(heartbeat(var("one"), json!(2)));
    script.send(commit(var("one"), json!(2), 1));
    script.send(join(version, "one", Value::Null).on("one"));
    script.send(commit(var("one"), json!(3), 2));
    script.send(sync(3, "one", json!(3), json!([{"memberId": var("one"), "assignment": "Aw=="}])).on("one"));
    describe(&mut script);
    script.close("one");
    script.close("two");
    describe(&mut script);
    script
}

/// A static member comes back under a new id; the former is fenced.
fn static_member(version: i16) -> Script {
    let mut script = Script::new(format!("groups/static/v{version}"));
    script.topic("a", 1);
    script.send(join(version, "", json!("i")).on("one").bind("one", "/memberId"));
    script.send(sync(3, "one", json!(1), json!([{"memberId": var("one"), "assignment": "AQ=="}])).on("one"));
    describe(&mut script);
    script.send(join(version, "", json!("i")).on("again").bind("again", "/memberId"));
    describe(&mut script);
    script.send(sync(3, "again", json!(1), json!([])).on("again"));
    for member in ["one", "again"] {
        for instance in [json!("i"), json!("other"), Value::Null] {
            let body =
                json!({"groupId": "{ns}-g", "generationId": 1, "memberId": var(member), "groupInstanceId": instance});
            script.call(Heartbeat, 4, body);
            let mut request = commit(var(member), json!(1), 3);
            request.body["groupInstanceId"] = instance.clone();
            script.send(request);
            let mut request = sync(3, member, json!(1), json!([]));
            request.body["groupInstanceId"] = instance;
            script.send(request);
        }
    }
    script.send(join(version, "one", json!("i")).on("one"));
    script.call(
        LeaveGroup,
        4,
        json!({"groupId": "{ns}-g", "members": [{"memberId": var("one"), "groupInstanceId": "i"}]}),
    );
    script.call(
        LeaveGroup,
        4,
        json!({"groupId": "{ns}-g", "members": [{"memberId": "", "groupInstanceId": "unknown"}]}),
    );
    script.call(LeaveGroup, 4, json!({"groupId": "{ns}-g", "members": [{"memberId": "", "groupInstanceId": "i"}]}));
    describe(&mut script);
    script
}

/// Protocols that don't go together.
fn protocols() -> Script {
    let mut script = Script::new("groups/protocols");
    first(&mut script, 5);
    for (kind, protocols) in [
        ("consumer", json!([])),
        ("", json!([{"name": "range", "metadata": ""}])),
        ("connect", json!([{"name": "range", "metadata": ""}])),
        ("consumer", json!([{"name": "sticky", "metadata": ""}])),
        ("consumer", json!([{"name": "range", "metadata": ""}, {"name": "range", "metadata": "AA=="}])),
    ] {
        for member in [json!(""), var("one")] {
            let mut request = join(3, "", Value::Null).on("two");
            request.body["protocolType"] = json!(kind);
            request.body["memberId"] = member;
            request.body["protocols"] = protocols.clone();
            request.body["rebalanceTimeoutMs"] = json!(200);
            request.version = 5;
            script.send(request);
        }
    }
    for (kind, name) in [("connect", "range"), ("consumer", "sticky"), ("", "")] {
        let mut request = sync(5, "one", json!(1), json!([]));
        request.body["protocolType"] = json!(kind);
        request.body["protocolName"] = json!(name);
        script.send(request);
    }
    script
}

/// Who is silent for longer than its session lasts is no member any more.
fn expired_session() -> Script {
    let mut script = Script::new("groups/expired-session");
    let mut request = join(3, "", Value::Null).on("one").bind("one", "/memberId");
    request.body["sessionTimeoutMs"] = json!(600);
    script.send(request);
    script.send(sync(3, "one", json!(1), json!([{"memberId": var("one"), "assignment": "AAAB"}])).on("one"));
    script.send(heartbeat(var("one"), json!(1)));
    script.wait_ms(1500);
    script.send(heartbeat(var("one"), json!(1)));
    script.send(commit(var("one"), json!(1), 1));
    describe(&mut script);
    script
}

/// Offsets that are committed twice, of several partitions, and of what does not exist.
fn double_commits() -> Script {
    let mut script = Script::new("groups/double-commits");
    script.topic("a", 2);
    let partition =
        |index: i32, offset: i64| json!({"partitionIndex": index, "committedOffset": offset, "committedMetadata": "m"});
    let topic = |name: &str, partitions: Value| json!({"name": name, "partitions": partitions});
    for topics in [
        json!([topic("{ns}-a", json!([partition(0, 1), partition(0, 2)]))]),
        json!([topic("{ns}-a", json!([partition(1, 3)])), topic("{ns}-a", json!([partition(1, 4)]))]),
        json!([topic("{ns}-none", json!([partition(0, 5)])), topic("{ns}-a", json!([partition(0, 6)]))]),
        json!([topic("{ns}-a", json!([partition(9, 7), partition(-1, 7), partition(0, -1)]))]),
        json!([topic("{ns}-a", json!([partition(0, i64::MAX)]))]),
        json!([topic("{ns}-a", json!([])), topic("{ns}-none", json!([]))]),
        json!([
            topic("", json!([partition(0, 1)])),
            topic("a b", json!([partition(0, 1)])),
            topic("__consumer_offsets", json!([partition(0, 1)]))
        ]),
    ] {
        for version in [2, 5, 9] {
            script.call(
                OffsetCommit,
                version,
                json!({"groupId": "{ns}-g", "generationIdOrMemberEpoch": -1, "topics": topics}),
            );
        }
        fetch_offsets(&mut script);
    }
    let long = json!([{"partitionIndex": 0, "committedOffset": 1, "committedMetadata": "m".repeat(4097)}]);
    script.call(
        OffsetCommit,
        9,
        json!({"groupId": "{ns}-g", "generationIdOrMemberEpoch": -1, "topics": [topic("{ns}-a", long)]}),
    );
    let full = json!([{"partitionIndex": 0, "committedOffset": 1, "committedMetadata": "m".repeat(4096)}]);
    script.call(
        OffsetCommit,
        9,
        json!({"groupId": "{ns}-g", "generationIdOrMemberEpoch": -1, "topics": [topic("{ns}-a", full)]}),
    );
    fetch_offsets(&mut script);
    script
}

/// Who is not in the group commits.
fn commits_of_strangers() -> Script {
    let mut script = Script::new("groups/strangers");
    script.topic("a", 1);
    for (member, generation) in
        [("", -1), ("", 0), ("", 1), ("x", -1), ("x", 0), ("x", 1), ("", i32::MAX), ("", i32::MIN)]
    {
        script.send(commit(json!(member), json!(generation), 1));
    }
    first(&mut script, 5);
    for (member, generation) in [("", -1), ("", 0), ("", 1), ("x", -1), ("x", 0), ("x", 1)] {
        script.send(commit(json!(member), json!(generation), 2));
    }
    fetch_offsets(&mut script);
    script
}

/// The leader joins, and its sync never comes: a rebalance takes it out.
fn a_join_that_never_syncs() -> Script {
    let mut script = Script::new("groups/no-sync");
    let mut request = join(3, "", Value::Null).on("one").bind("one", "/memberId");
    request.body["rebalanceTimeoutMs"] = json!(400);
    script.send(request);
    describe(&mut script);
    script.send(commit(var("one"), json!(1), 1));
    script.send(heartbeat(var("one"), json!(1)));
    script.wait_ms(1200);
    describe(&mut script);
    script.send(sync(3, "one", json!(1), json!([])).on("one"));
    script
}

/// One that was away while the group went on.
fn a_zombie() -> Script {
    let mut script = Script::new("groups/zombie");
    script.topic("a", 1);
    first(&mut script, 5);
    script.call(LeaveGroup, 3, json!({"groupId": "{ns}-g", "members": [{"memberId": var("one")}]}));
    script.send(join(5, "", Value::Null).on("two").bind("two", "/memberId"));
    script.send(join(5, "two", Value::Null).on("two").bind("generation", "/generationId"));
    script.send(sync(3, "two", var("generation"), json!([{"memberId": var("two"), "assignment": "AAAB"}])).on("two"));
    script.send(commit(var("one"), json!(1), 1));
    script.send(commit(var("one"), var("generation"), 2));
    script.send(commit(var("two"), json!(1), 3));
    script.send(commit(var("two"), var("generation"), 4));
    script.send(heartbeat(var("one"), json!(1)));
    script.send(sync(3, "one", json!(1), json!([])).on("one"));
    script.send(join(5, "one", Value::Null).on("one"));
    fetch_offsets(&mut script);
    script
}

fn deleted_group() -> Script {
    let mut script = Script::new("groups/deleted");
    script.topic("a", 1);
    script.call(DeleteGroups, 2, json!({"groupsNames": ["{ns}-g"]}));
    script.send(commit(json!(""), json!(-1), 1));
    describe(&mut script);
    for version in 0..=6 {
        script.call(
            DescribeGroups,
            version,
            json!({"groups": ["{ns}-g", "{ns}-g", "", "{ns}-none"], "includeAuthorizedOperations": true}),
        );
    }
    script.call(DeleteGroups, 2, json!({"groupsNames": ["{ns}-g", ""]}));
    script.call(DeleteGroups, 2, json!({"groupsNames": ["{ns}-g"]}));
    fetch_offsets(&mut script);
    script
}

fn deleted_offsets() -> Script {
    let mut script = Script::new("groups/deleted-offsets");
    script.topic("a", 2);
    let body = |topic: &str, partitions: &[i32]| {
        let partitions: Vec<_> = partitions.iter().map(|index| json!({"partitionIndex": index})).collect();
        json!({"groupId": "{ns}-g", "topics": [{"name": topic, "partitions": partitions}]})
    };
    script.call(OffsetDelete, 0, body("{ns}-a", &[0]));
    script.send(commit(json!(""), json!(-1), 1));
    script.call(OffsetDelete, 0, body("{ns}-a", &[1]));
    script.call(OffsetDelete, 0, body("{ns}-a", &[7, -1]));
    script.call(OffsetDelete, 0, body("{ns}-none", &[0]));
    script.call(OffsetDelete, 0, body("{ns}-a", &[0, 0]));
    fetch_offsets(&mut script);
    describe(&mut script);
    script.send(commit(json!(""), json!(-1), 1));
    first(&mut script, 5);
    script.call(OffsetDelete, 0, body("{ns}-a", &[0]));
    fetch_offsets(&mut script);
    script
}

/// Names that nobody should have.
fn empty_names() -> Script {
    let mut script = Script::new("groups/names");
    script.topic("a", 1);
    for group in ["", " ", "a b", "ü☃", "..", "{ns}-\u{0}", "{ns}-\n"] {
        let mut request = join(3, "", Value::Null);
        request.body["groupId"] = json!(group);
        // What these names have in common is a group; another script's members must not be in it.
        if group.contains("{ns}") || group.is_empty() {
            script.send(request);
            script.call(DescribeGroups, 5, json!({"groups": [group]}));
        }
        let mut request = commit(json!(""), json!(-1), 1);
        request.body["groupId"] = json!(group);
        script.send(request);
        script.call(Heartbeat, 4, json!({"groupId": group, "generationId": 1, "memberId": "x"}));
        script.call(LeaveGroup, 4, json!({"groupId": group, "members": [{"memberId": "x"}]}));
        script.call(OffsetFetch, 8, json!({"groups": [{"groupId": group, "topics": null}]}));
        script.call(DescribeGroups, 6, json!({"groups": [group]}));
        script.call(DeleteGroups, 2, json!({"groupsNames": [group, group]}));
        script.call(DescribeGroups, 6, json!({"groups": [group]}));
    }
    script
}

/// A group without members, of the simple consumer's kind.
fn a_group_that_is_only_offsets() -> Script {
    let mut script = Script::new("groups/simple");
    script.topic("a", 1);
    script.send(commit(json!(""), json!(-1), 1));
    script.call(ListGroups, 5, json!({"statesFilter": [], "typesFilter": []}));
    describe(&mut script);
    first(&mut script, 5);
    script.call(ListGroups, 5, json!({"statesFilter": [], "typesFilter": []}));
    describe(&mut script);
    script
}
