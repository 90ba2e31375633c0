//! For each API a good request, and what it needs to be good.

use ottla_wire::ApiKey;
use serde_json::{Value, json};

use crate::script::{Request, Script, produce_body, var};

/// A good request of an API.
pub struct Probe {
    /// Which.
    pub api: ApiKey,
    /// Tells the probes of an API apart.
    pub name: &'static str,
    /// The first version that it is for.
    pub from: i16,
    /// What is done before.
    pub prepare: fn(&mut Script),
    /// The request of a version. Fields that the version lacks are passed over.
    pub good: fn(i16) -> Value,
    /// Errors that pass by themselves.
    pub again_while: &'static [i16],
    /// Fields of whose wrong numbers few are tried: Apache Kafka does not answer, and silence takes its time.
    pub few: &'static [&'static str],
}

/// A probe with nothing special.
pub(super) const fn probe(api: ApiKey, prepare: fn(&mut Script), good: fn(i16) -> Value) -> Probe {
    Probe { api, name: "", from: 0, prepare, good, again_while: &[], few: &[] }
}

/// Every probe.
#[must_use]
pub fn all() -> Vec<Probe> {
    vec![
        probe(ApiKey::Metadata, a_topic, metadata),
        probe(ApiKey::ListOffsets, some_records, list_offsets),
        probe(ApiKey::CreateTopics, a_topic, create_topics),
        probe(ApiKey::OffsetCommit, a_topic, offset_commit),
        probe(ApiKey::OffsetFetch, committed_offsets, offset_fetch),
        probe(ApiKey::DeleteTopics, some_topics, delete_topics),
        probe(ApiKey::Produce, a_topic, produce),
        probe(ApiKey::Fetch, some_records, fetch),
        probe(ApiKey::FindCoordinator, nothing, find_coordinator),
        probe(ApiKey::JoinGroup, a_group, join_group),
        probe(ApiKey::SyncGroup, a_group, sync_group),
        probe(ApiKey::Heartbeat, a_group, heartbeat),
        probe(ApiKey::LeaveGroup, a_group, leave_group),
        probe(ApiKey::DescribeGroups, a_group, describe_groups),
        probe(ApiKey::ListGroups, a_group, list_groups),
        probe(ApiKey::ApiVersions, nothing, api_versions),
        probe(ApiKey::DeleteRecords, some_records, delete_records),
        probe(ApiKey::InitProducerId, nothing, init_producer_id),
        Probe { name: "idempotent", ..probe(ApiKey::InitProducerId, nothing, init_idempotent_producer_id) },
        probe(ApiKey::OffsetForLeaderEpoch, some_records, offset_for_leader_epoch),
        probe(ApiKey::AddPartitionsToTxn, a_producer, add_partitions_to_txn),
        probe(ApiKey::AddOffsetsToTxn, a_producer, add_offsets_to_txn),
        Probe { again_while: CONCURRENT, ..probe(ApiKey::EndTxn, a_transaction, end_txn) },
        probe(ApiKey::WriteTxnMarkers, a_transaction, write_txn_markers),
        probe(ApiKey::TxnOffsetCommit, offsets_in_a_transaction, txn_offset_commit),
        probe(ApiKey::DescribeConfigs, a_topic_with_configs, describe_configs),
        Probe { name: "broker", ..probe(ApiKey::DescribeConfigs, nothing, describe_broker_configs) },
        probe(ApiKey::AlterConfigs, a_topic_with_configs, alter_configs),
        probe(ApiKey::IncrementalAlterConfigs, a_topic_with_configs, incremental_alter_configs),
        probe(ApiKey::DescribeLogDirs, some_records, describe_log_dirs),
        probe(ApiKey::AlterReplicaLogDirs, a_known_directory, alter_replica_log_dirs),
        probe(ApiKey::CreatePartitions, a_topic, create_partitions),
        probe(ApiKey::DeleteGroups, committed_offsets, delete_groups),
        probe(ApiKey::ElectLeaders, a_topic, elect_leaders),
        probe(ApiKey::OffsetDelete, committed_offsets, offset_delete),
        probe(ApiKey::DescribeCluster, nothing, describe_cluster),
        probe(ApiKey::DescribeProducers, a_transaction, describe_producers),
        probe(ApiKey::DescribeTransactions, a_transaction, describe_transactions),
        probe(ApiKey::ListTransactions, a_transaction, list_transactions),
        probe(ApiKey::ConsumerGroupHeartbeat, a_topic, consumer_group_heartbeat),
        probe(ApiKey::ConsumerGroupDescribe, a_consumer_group, consumer_group_describe),
        probe(ApiKey::ListConfigResources, a_topic, list_config_resources),
        probe(ApiKey::DescribeTopicPartitions, some_topics, describe_topic_partitions),
        probe(ApiKey::DescribeAcls, nothing, describe_acls),
        probe(ApiKey::CreateAcls, nothing, create_acls),
        probe(ApiKey::DeleteAcls, nothing, delete_acls),
        probe(ApiKey::CreateDelegationToken, nothing, create_delegation_token),
        probe(ApiKey::RenewDelegationToken, nothing, |_| json!({"hmac": "AAAA", "renewPeriodMs": 1000})),
        probe(ApiKey::ExpireDelegationToken, nothing, |_| json!({"hmac": "AAAA", "expiryTimePeriodMs": 1000})),
        probe(ApiKey::DescribeDelegationToken, nothing, describe_delegation_token),
        probe(ApiKey::SaslHandshake, nothing, |_| json!({"mechanism": "PLAIN"})),
        probe(ApiKey::SaslAuthenticate, nothing, |_| json!({"authBytes": "AGEAYg=="})),
        probe(ApiKey::ListPartitionReassignments, a_topic, list_partition_reassignments),
        probe(ApiKey::AlterPartitionReassignments, a_topic, alter_partition_reassignments),
    ]
}

/// Markers are still being written.
pub const CONCURRENT: &[i16] = &[51];

/// It needs nothing.
pub(super) fn nothing(_: &mut Script) {}

fn a_topic(script: &mut Script) {
    script.topic("a", 2);
}

fn some_topics(script: &mut Script) {
    for topic in ["a", "b", "c"] {
        script.topic(topic, 1);
    }
}

fn some_records(script: &mut Script) {
    script.topic("a", 2);
    script.produce("a", 0, &["one", "two", "three"]);
    script.produce("a", 0, &["four"]);
}

fn a_known_directory(script: &mut Script) {
    some_records(script);
    let request = Request::new(ApiKey::DescribeLogDirs, 1, describe_log_dirs(1));
    script.send(request.bind("directory", "/results/0/logDir"));
}

fn committed_offsets(script: &mut Script) {
    a_topic(script);
    script.call(ApiKey::OffsetCommit, 7, offset_commit(7));
}

fn metadata(_: i16) -> Value {
    json!({"topics": [{"name": "{ns}-a"}], "allowAutoTopicCreation": false, "includeTopicAuthorizedOperations": false,
        "includeClusterAuthorizedOperations": false})
}

fn list_offsets(_: i16) -> Value {
    let partitions = json!([{"partitionIndex": 0, "currentLeaderEpoch": -1, "timestamp": -1}]);
    json!({"replicaId": -1, "isolationLevel": 0, "topics": [{"name": "{ns}-a", "partitions": partitions}], "timeoutMs": 1000})
}

fn create_topics(_: i16) -> Value {
    json!({"topics": [{"name": "{ns}-new{n}", "numPartitions": 1, "replicationFactor": 1, "assignments": [],
        "configs": [{"name": "retention.ms", "value": "1000"}]}], "timeoutMs": 5000, "validateOnly": true})
}

fn offset_commit(version: i16) -> Value {
    let topic = if version >= 10 { json!({"topicId": var("id:a")}) } else { json!({"name": "{ns}-a"}) };
    let mut topic = topic;
    topic["partitions"] = json!([{"partitionIndex": 0, "committedOffset": 3, "committedLeaderEpoch": -1,
        "committedMetadata": "note"}]);
    json!({"groupId": "{ns}-g", "generationIdOrMemberEpoch": -1, "memberId": "", "groupInstanceId": null,
        "retentionTimeMs": -1, "topics": [topic]})
}

fn offset_fetch(version: i16) -> Value {
    if version < 8 {
        return json!({"groupId": "{ns}-g", "topics": [{"name": "{ns}-a", "partitionIndexes": [0, 1]}],
            "requireStable": false});
    }
    let topic = if version >= 10 {
        json!({"topicId": var("id:a"), "partitionIndexes": [0, 1]})
    } else {
        json!({"name": "{ns}-a", "partitionIndexes": [0, 1]})
    };
    json!({"groups": [{"groupId": "{ns}-g", "memberId": null, "memberEpoch": -1, "topics": [topic]}],
        "requireStable": false})
}

fn delete_topics(version: i16) -> Value {
    if version < 6 {
        return json!({"topicNames": ["{ns}-a"], "timeoutMs": 5000});
    }
    json!({"topics": [{"name": "{ns}-a", "topicId": "AAAAAAAAAAAAAAAAAAAAAA"}], "timeoutMs": 5000})
}

fn produce(version: i16) -> Value {
    let mut topic = if version >= 13 { json!({"topicId": var("id:a")}) } else { json!({"name": "{ns}-a"}) };
    topic["partitionData"] = json!([{"index": 0, "records": {"$records": {"values": ["one", "two"]}}}]);
    json!({"transactionalId": null, "acks": -1, "timeoutMs": 1000, "topicData": [topic]})
}

fn a_topic_with_configs(script: &mut Script) {
    script.topic_with("a", 1, &[("retention.ms", "3600000"), ("cleanup.policy", "compact")]);
}

/// Group `{ns}-g` of one member, which has its assignment.
fn a_group(script: &mut Script) {
    script.send(
        Request::new(ApiKey::JoinGroup, 3, join_group(0))
            .bind("member", "/memberId")
            .bind("generation", "/generationId"),
    );
    script.call(ApiKey::SyncGroup, 2, sync_group(2));
}

fn a_consumer_group(script: &mut Script) {
    script.topic("a", 2);
    script.call(ApiKey::ConsumerGroupHeartbeat, 1, consumer_group_heartbeat(1));
}

/// Producer `{ns}-t`.
fn a_producer(script: &mut Script) {
    script.topic("a", 2);
    let body = json!({"transactionalId": "{ns}-t", "transactionTimeoutMs": 60_000});
    let request = Request::new(ApiKey::InitProducerId, 4, body);
    script.send(request.bind("producer", "/producerId").bind("epoch", "/producerEpoch").again_while(&[14, 15, 16]));
}

fn a_transaction(script: &mut Script) {
    a_producer(script);
    script.call(ApiKey::AddPartitionsToTxn, 3, add_partitions_to_txn(3));
    let batch = json!({"values": ["a", "b"], "producerId": var("producer"), "epoch": var("epoch"), "sequence": 0,
        "transactional": true});
    let mut body = produce_body("{ns}-a", 0, json!({"$records": batch}));
    body["transactionalId"] = json!("{ns}-t");
    script.call(ApiKey::Produce, 9, body);
}

fn offsets_in_a_transaction(script: &mut Script) {
    a_producer(script);
    script.call(ApiKey::AddOffsetsToTxn, 3, add_offsets_to_txn(3));
}

fn fetch(version: i16) -> Value {
    let mut topic = if version >= 13 { json!({"topicId": var("id:a")}) } else { json!({"topic": "{ns}-a"}) };
    topic["partitions"] = json!([{"partition": 0, "currentLeaderEpoch": -1, "fetchOffset": 1, "lastFetchedEpoch": -1,
        "logStartOffset": -1, "partitionMaxBytes": 100_000}]);
    json!({"replicaId": -1, "maxWaitMs": 0, "minBytes": 0, "maxBytes": 1_000_000, "isolationLevel": 0, "sessionId": 0,
        "sessionEpoch": -1, "topics": [topic], "forgottenTopicsData": [], "rackId": ""})
}

fn find_coordinator(version: i16) -> Value {
    if version < 4 {
        return json!({"key": "{ns}-g", "keyType": 0});
    }
    json!({"keyType": 0, "coordinatorKeys": ["{ns}-g", "{ns}-h"]})
}

fn join_group(version: i16) -> Value {
    let member = if version == 0 { json!("") } else { var("member") };
    let session_timeout_ms = if version == 0 { 2000 } else { 30_000 };
    json!({"groupId": "{ns}-g", "sessionTimeoutMs": session_timeout_ms, "rebalanceTimeoutMs": 500, "memberId": member,
        "groupInstanceId": null, "protocolType": "consumer", "protocols": [{"name": "range", "metadata": "AAA="},
        {"name": "roundrobin", "metadata": "AAE="}], "reason": null})
}

fn sync_group(version: i16) -> Value {
    let (protocol_type, name) =
        if version >= 5 { (json!("consumer"), json!("range")) } else { (Value::Null, Value::Null) };
    json!({"groupId": "{ns}-g", "generationId": var("generation"), "memberId": var("member"), "groupInstanceId": null,
        "protocolType": protocol_type, "protocolName": name,
        "assignments": [{"memberId": var("member"), "assignment": "AAAA"}]})
}

fn heartbeat(_: i16) -> Value {
    json!({"groupId": "{ns}-g", "generationId": var("generation"), "memberId": var("member"), "groupInstanceId": null})
}

fn leave_group(version: i16) -> Value {
    if version < 3 {
        return json!({"groupId": "{ns}-g", "memberId": var("member")});
    }
    json!({"groupId": "{ns}-g", "members": [{"memberId": var("member"), "groupInstanceId": null, "reason": "done"}]})
}

fn describe_groups(_: i16) -> Value {
    json!({"groups": ["{ns}-g"], "includeAuthorizedOperations": false})
}

fn list_groups(_: i16) -> Value {
    json!({"statesFilter": ["Stable"], "typesFilter": ["classic"]})
}

fn api_versions(_: i16) -> Value {
    json!({"clientSoftwareName": "differential", "clientSoftwareVersion": "1.0"})
}

fn delete_records(_: i16) -> Value {
    json!({"topics": [{"name": "{ns}-a", "partitions": [{"partitionIndex": 0, "offset": 2}]}], "timeoutMs": 1000})
}

fn init_producer_id(_: i16) -> Value {
    json!({"transactionalId": "{ns}-t", "transactionTimeoutMs": 60_000, "producerId": -1, "producerEpoch": -1})
}

fn init_idempotent_producer_id(_: i16) -> Value {
    json!({"transactionalId": null, "transactionTimeoutMs": 60_000, "producerId": -1, "producerEpoch": -1})
}

fn offset_for_leader_epoch(_: i16) -> Value {
    let partitions = json!([{"partition": 0, "currentLeaderEpoch": -1, "leaderEpoch": 0}]);
    json!({"replicaId": -1, "topics": [{"topic": "{ns}-a", "partitions": partitions}]})
}

fn add_partitions_to_txn(version: i16) -> Value {
    let topics = json!([{"name": "{ns}-a", "partitions": [0]}]);
    if version < 4 {
        return json!({"v3AndBelowTransactionalId": "{ns}-t", "v3AndBelowProducerId": var("producer"),
            "v3AndBelowProducerEpoch": var("epoch"), "v3AndBelowTopics": topics});
    }
    json!({"transactions": [{"transactionalId": "{ns}-t", "producerId": var("producer"), "producerEpoch": var("epoch"),
        "verifyOnly": false, "topics": topics}]})
}

fn add_offsets_to_txn(_: i16) -> Value {
    json!({"transactionalId": "{ns}-t", "producerId": var("producer"), "producerEpoch": var("epoch"), "groupId": "{ns}-g"})
}

fn end_txn(_: i16) -> Value {
    json!({"transactionalId": "{ns}-t", "producerId": var("producer"), "producerEpoch": var("epoch"), "committed": true})
}

fn write_txn_markers(_: i16) -> Value {
    json!({"markers": [{"producerId": var("producer"), "producerEpoch": var("epoch"), "transactionResult": false,
        "topics": [{"name": "{ns}-a", "partitionIndexes": [0]}], "coordinatorEpoch": 0, "transactionVersion": 1}]})
}

fn txn_offset_commit(_: i16) -> Value {
    let partitions =
        json!([{"partitionIndex": 0, "committedOffset": 3, "committedLeaderEpoch": -1, "committedMetadata": "note"}]);
    json!({"transactionalId": "{ns}-t", "groupId": "{ns}-g", "producerId": var("producer"), "producerEpoch": var("epoch"),
        "generationId": -1, "memberId": "", "groupInstanceId": null, "topics": [{"name": "{ns}-a", "partitions": partitions}]})
}

fn describe_configs(_: i16) -> Value {
    json!({"resources": [{"resourceType": 2, "resourceName": "{ns}-a", "configurationKeys": ["retention.ms", "cleanup.policy"]}],
        "includeSynonyms": true, "includeDocumentation": false})
}

fn describe_broker_configs(_: i16) -> Value {
    json!({"resources": [{"resourceType": 4, "resourceName": "1", "configurationKeys": ["log.retention.ms", "num.partitions"]}],
        "includeSynonyms": true, "includeDocumentation": false})
}

fn alter_configs(_: i16) -> Value {
    json!({"resources": [{"resourceType": 2, "resourceName": "{ns}-a", "configs": [{"name": "retention.ms", "value": "7200000"}]}],
        "validateOnly": false})
}

fn incremental_alter_configs(_: i16) -> Value {
    json!({"resources": [{"resourceType": 2, "resourceName": "{ns}-a",
        "configs": [{"name": "retention.ms", "configOperation": 0, "value": "7200000"}]}], "validateOnly": false})
}

fn describe_log_dirs(_: i16) -> Value {
    json!({"topics": [{"topic": "{ns}-a", "partitions": [0, 1]}]})
}

fn alter_replica_log_dirs(_: i16) -> Value {
    json!({"dirs": [{"path": var("directory"), "topics": [{"name": "{ns}-a", "partitions": [0]}]}]})
}

fn create_partitions(_: i16) -> Value {
    json!({"topics": [{"name": "{ns}-a", "count": 3, "assignments": [{"brokerIds": [1]}]}], "timeoutMs": 5000,
        "validateOnly": true})
}

fn delete_groups(_: i16) -> Value {
    json!({"groupsNames": ["{ns}-g"]})
}

fn elect_leaders(_: i16) -> Value {
    json!({"electionType": 0, "topicPartitions": [{"topic": "{ns}-a", "partitions": [0]}], "timeoutMs": 5000})
}

fn offset_delete(_: i16) -> Value {
    json!({"groupId": "{ns}-g", "topics": [{"name": "{ns}-a", "partitions": [{"partitionIndex": 0}]}]})
}

fn describe_cluster(_: i16) -> Value {
    json!({"includeClusterAuthorizedOperations": false, "endpointType": 1, "includeFencedBrokers": false})
}

fn describe_producers(_: i16) -> Value {
    json!({"topics": [{"name": "{ns}-a", "partitionIndexes": [0, 1]}]})
}

fn describe_transactions(_: i16) -> Value {
    json!({"transactionalIds": ["{ns}-t"]})
}

fn list_transactions(_: i16) -> Value {
    json!({"stateFilters": ["Ongoing"], "producerIdFilters": [var("producer")], "durationFilter": -1,
        "transactionalIdPattern": "{ns}-.*"})
}

fn consumer_group_heartbeat(_: i16) -> Value {
    json!({"groupId": "{ns}-g", "memberId": "{ns}-member", "memberEpoch": 0, "instanceId": null, "rackId": null,
        "rebalanceTimeoutMs": 30_000, "subscribedTopicNames": ["{ns}-a"], "subscribedTopicRegex": null,
        "serverAssignor": "uniform", "topicPartitions": []})
}

fn consumer_group_describe(_: i16) -> Value {
    json!({"groupIds": ["{ns}-g"], "includeAuthorizedOperations": false})
}

fn list_config_resources(_: i16) -> Value {
    json!({"resourceTypes": [2]})
}

fn describe_topic_partitions(_: i16) -> Value {
    json!({"topics": [{"name": "{ns}-b"}, {"name": "{ns}-a"}], "responsePartitionLimit": 2000,
        "cursor": {"topicName": "{ns}-a", "partitionIndex": 0}})
}

fn describe_acls(_: i16) -> Value {
    json!({"resourceTypeFilter": 2, "resourceNameFilter": "{ns}-a", "patternTypeFilter": 3, "principalFilter": "User:a",
        "hostFilter": "*", "operation": 1, "permissionType": 1})
}

fn create_acls(_: i16) -> Value {
    json!({"creations": [{"resourceType": 2, "resourceName": "{ns}-a", "resourcePatternType": 3, "principal": "User:a",
        "host": "*", "operation": 3, "permissionType": 3}]})
}

fn delete_acls(version: i16) -> Value {
    json!({"filters": [describe_acls(version)]})
}

fn create_delegation_token(_: i16) -> Value {
    let renewers = json!([{"principalType": "User", "principalName": "a"}]);
    json!({"ownerPrincipalType": "User", "ownerPrincipalName": "b", "renewers": renewers, "maxLifetimeMs": 1000})
}

fn describe_delegation_token(_: i16) -> Value {
    json!({"owners": [{"principalType": "User", "principalName": "a"}]})
}

fn list_partition_reassignments(_: i16) -> Value {
    json!({"timeoutMs": 1000, "topics": [{"name": "{ns}-a", "partitionIndexes": [0]}]})
}

fn alter_partition_reassignments(_: i16) -> Value {
    json!({"timeoutMs": 1000, "allowReplicationFactorChange": true,
        "topics": [{"name": "{ns}-a", "partitions": [{"partitionIndex": 0, "replicas": null}]}]})
}
