//! For each API of share groups and streams groups a good request, and what it needs to be good.

use ottla_wire::ApiKey;
use serde_json::{Value, json};

use super::probes::{Probe, probe};
use crate::script::{Request, Script, var};

/// Every probe.
#[must_use]
pub fn all() -> Vec<Probe> {
    let patient = |probe| Probe { again_while: COORDINATOR_LOADS, ..probe };
    vec![
        probe(ApiKey::ShareGroupHeartbeat, a_topic, share_group_heartbeat),
        probe(ApiKey::ShareGroupDescribe, a_share_group, describe),
        probe(ApiKey::ShareFetch, a_share_group, share_fetch),
        probe(ApiKey::ShareAcknowledge, acquired_records, share_acknowledge),
        patient(probe(ApiKey::InitializeShareGroupState, a_topic, initialize_state)),
        patient(probe(ApiKey::ReadShareGroupState, some_state, read_state)),
        patient(probe(ApiKey::WriteShareGroupState, some_state, write_state)),
        patient(probe(ApiKey::DeleteShareGroupState, some_state, delete_state)),
        patient(probe(ApiKey::ReadShareGroupStateSummary, some_state, read_state)),
        Probe { few: &["partitions"], ..probe(ApiKey::DescribeShareGroupOffsets, a_share_group, describe_offsets) },
        probe(ApiKey::AlterShareGroupOffsets, an_empty_share_group, alter_offsets),
        probe(ApiKey::DeleteShareGroupOffsets, an_empty_share_group, delete_offsets),
        probe(ApiKey::StreamsGroupHeartbeat, a_topic, streams_group_heartbeat),
        probe(ApiKey::StreamsGroupDescribe, a_streams_group, describe),
    ]
}

/// A coordinator is not there yet.
const COORDINATOR_LOADS: &[i16] = &[14, 15, 16];

/// The id of the member of every share group here: members go by ids.
const MEMBER: &str = "BBBBBBBBBBBBBBBBBBBBBQ";

fn a_topic(script: &mut Script) {
    script.topic("a", 2);
    script.produce("a", 0, &["one", "two", "three"]);
}

/// Group `{ns}-g` of one member, which reads `{ns}-a` from its start.
fn a_share_group(script: &mut Script) {
    a_topic(script);
    let configs = json!([{"name": "share.auto.offset.reset", "configOperation": 0, "value": "earliest"}]);
    let resources = json!([{"resourceType": 32, "resourceName": "{ns}-g", "configs": configs}]);
    script.call(ApiKey::IncrementalAlterConfigs, 1, json!({"resources": resources, "validateOnly": false}));
    script.send(Request::new(ApiKey::ShareGroupHeartbeat, 1, share_group_heartbeat(1)).again_while(COORDINATOR_LOADS));
    // The group's coordinator has the state of its partitions begun behind the answer.
    script.wait_ms(300);
}

fn an_empty_share_group(script: &mut Script) {
    a_share_group(script);
    let mut leave = share_group_heartbeat(1);
    leave["memberEpoch"] = json!(-1);
    script.call(ApiKey::ShareGroupHeartbeat, 1, leave);
}

fn acquired_records(script: &mut Script) {
    a_share_group(script);
    script.call(ApiKey::ShareFetch, 1, share_fetch(1));
}

fn a_streams_group(script: &mut Script) {
    a_topic(script);
    let beat = Request::new(ApiKey::StreamsGroupHeartbeat, 0, streams_group_heartbeat(0));
    script.send(beat.again_while(COORDINATOR_LOADS));
}

fn some_state(script: &mut Script) {
    a_topic(script);
    let begin = Request::new(ApiKey::InitializeShareGroupState, 0, initialize_state(0));
    script.send(begin.again_while(COORDINATOR_LOADS));
}

fn share_group_heartbeat(_: i16) -> Value {
    json!({"groupId": "{ns}-g", "memberId": MEMBER, "memberEpoch": 0, "rackId": null, "subscribedTopicNames": ["{ns}-a"]})
}

fn describe(_: i16) -> Value {
    json!({"groupIds": ["{ns}-g"], "includeAuthorizedOperations": false})
}

fn share_fetch(_: i16) -> Value {
    let topics = json!([{"topicId": var("id:a"), "partitions": [{"partitionIndex": 0, "acknowledgementBatches": []}]}]);
    json!({"groupId": "{ns}-g", "memberId": MEMBER, "shareSessionEpoch": 0, "maxWaitMs": 500, "minBytes": 1,
        "maxBytes": 1_000_000, "maxRecords": 2, "batchSize": 2, "shareAcquireMode": 0, "isRenewAck": false, "topics": topics,
        "forgottenTopicsData": []})
}

fn share_acknowledge(_: i16) -> Value {
    let batches = json!([{"firstOffset": 0, "lastOffset": 1, "acknowledgeTypes": [1]}]);
    let topics =
        json!([{"topicId": var("id:a"), "partitions": [{"partitionIndex": 0, "acknowledgementBatches": batches}]}]);
    json!({"groupId": "{ns}-g", "memberId": MEMBER, "shareSessionEpoch": 1, "isRenewAck": false, "topics": topics})
}

fn state_of(partition: Value) -> Value {
    json!({"groupId": "{ns}-g", "topics": [{"topicId": var("id:a"), "partitions": [partition]}]})
}

fn initialize_state(_: i16) -> Value {
    state_of(json!({"partition": 0, "stateEpoch": 1, "startOffset": 0}))
}

fn read_state(_: i16) -> Value {
    state_of(json!({"partition": 0, "leaderEpoch": 0}))
}

fn write_state(_: i16) -> Value {
    let batches = json!([{"firstOffset": 1, "lastOffset": 2, "deliveryState": 2, "deliveryCount": 1}]);
    state_of(json!({"partition": 0, "stateEpoch": 1, "leaderEpoch": 0, "startOffset": 1, "deliveryCompleteCount": 2,
        "stateBatches": batches}))
}

fn delete_state(_: i16) -> Value {
    state_of(json!({"partition": 0}))
}

fn describe_offsets(_: i16) -> Value {
    json!({"groups": [{"groupId": "{ns}-g", "topics": [{"topicName": "{ns}-a", "partitions": [0, 1]}]}]})
}

fn alter_offsets(_: i16) -> Value {
    json!({"groupId": "{ns}-g", "topics": [{"topicName": "{ns}-a", "partitions": [{"partitionIndex": 0, "startOffset": 1}]}]})
}

fn delete_offsets(_: i16) -> Value {
    json!({"groupId": "{ns}-g", "topics": [{"topicName": "{ns}-a"}]})
}

fn streams_group_heartbeat(_: i16) -> Value {
    let subtopology = json!({"subtopologyId": "0", "sourceTopics": ["{ns}-a"], "sourceTopicRegex": [],
        "stateChangelogTopics": [], "repartitionSinkTopics": [], "repartitionSourceTopics": [], "copartitionGroups": []});
    json!({"groupId": "{ns}-g", "memberId": MEMBER, "memberEpoch": 0, "endpointInformationEpoch": 0, "instanceId": null,
        "rackId": null, "rebalanceTimeoutMs": 30_000, "topology": {"epoch": 1, "subtopologies": [subtopology]},
        "activeTasks": [], "standbyTasks": [], "warmupTasks": [], "processId": "one",
        "userEndpoint": {"host": "here", "port": 9000}, "clientTags": [{"key": "zone", "value": "a"}], "taskOffsets": null,
        "taskEndOffsets": null, "shutdownApplication": false})
}
