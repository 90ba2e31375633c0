//! For each API of those who run a cluster a good request, and what it needs to be good. None of them changes what other
//! scripts see.

use ottla_wire::ApiKey;
use serde_json::{Value, json};

use super::probes::{Probe, nothing, probe};
use crate::script::{Request, Script, var};

/// Every probe.
#[must_use]
pub fn all() -> Vec<Probe> {
    vec![
        probe(ApiKey::DescribeQuorum, nothing, describe_quorum),
        probe(ApiKey::UpdateFeatures, nothing, update_features),
        probe(ApiKey::RemoveRaftVoter, nothing, remove_raft_voter),
        probe(ApiKey::AlterClientQuotas, nothing, alter_client_quotas),
        probe(ApiKey::DescribeClientQuotas, a_quota, describe_client_quotas),
        probe(ApiKey::AlterUserScramCredentials, nothing, alter_user_scram_credentials),
        probe(ApiKey::DescribeUserScramCredentials, a_user, describe_user_scram_credentials),
        probe(ApiKey::GetTelemetrySubscriptions, nothing, get_telemetry_subscriptions),
        probe(ApiKey::PushTelemetry, an_instance, push_telemetry),
    ]
}

/// Scripts of what must not be tried with every number: it would take the only broker out of its cluster.
#[must_use]
pub fn by_hand() -> Vec<Script> {
    vec![unregister_broker(), add_raft_voter(0), add_raft_voter(1)]
}

fn unregister_broker() -> Script {
    let mut script = Script::new("cluster/unregister");
    for id in [99, -1, i32::MAX, i32::MIN, 99] {
        script.call(ApiKey::UnregisterBroker, 0, json!({"brokerId": id}));
    }
    script
}

fn add_raft_voter(version: i16) -> Script {
    let mut script = Script::new(format!("cluster/add-voter/v{version}"));
    // Its id stands in what is said later.
    let body = json!({"includeClusterAuthorizedOperations": false, "endpointType": 1, "includeFencedBrokers": false});
    script.call(ApiKey::DescribeCluster, 2, body);
    let good = json!({"clusterId": null, "timeoutMs": 500, "voterId": 1, "voterDirectoryId": "BBBBBBBBBBBBBBBBBBBBBQ",
        "listeners": [{"name": "CONTROLLER", "host": "127.0.0.1", "port": 1}], "ackWhenCommitted": true});
    script.call(ApiKey::AddRaftVoter, version, good.clone());
    for (field, value) in [
        ("clusterId", json!("other")),
        ("clusterId", json!("")),
        ("voterId", json!(-1)),
        ("listeners", json!([])),
        ("voterDirectoryId", json!("AAAAAAAAAAAAAAAAAAAAAA")),
    ] {
        let mut body = good.clone();
        body[field] = value;
        script.call(ApiKey::AddRaftVoter, version, body);
    }
    script
}

fn a_quota(script: &mut Script) {
    let mut body = alter_client_quotas(1);
    body["validateOnly"] = json!(false);
    script.call(ApiKey::AlterClientQuotas, 1, body);
    script.wait_ms(200);
}

fn a_user(script: &mut Script) {
    script.call(ApiKey::AlterUserScramCredentials, 0, alter_user_scram_credentials(0));
    script.wait_ms(200);
}

fn an_instance(script: &mut Script) {
    let request = Request::new(ApiKey::GetTelemetrySubscriptions, 0, get_telemetry_subscriptions(0));
    script.send(request.bind("instance", "/clientInstanceId").bind("subscription", "/subscriptionId"));
}

fn describe_quorum(_: i16) -> Value {
    json!({"topics": [{"topicName": "__cluster_metadata", "partitions": [{"partitionIndex": 0}]}]})
}

fn update_features(_: i16) -> Value {
    let update = json!({"feature": "group.version", "maxVersionLevel": 1, "allowDowngrade": false, "upgradeType": 1});
    json!({"timeoutMs": 5000, "featureUpdates": [update], "validateOnly": true})
}

fn remove_raft_voter(_: i16) -> Value {
    json!({"clusterId": null, "voterId": 5, "voterDirectoryId": "BBBBBBBBBBBBBBBBBBBBBQ"})
}

fn alter_client_quotas(_: i16) -> Value {
    let entity =
        json!([{"entityType": "user", "entityName": "{ns}-u"}, {"entityType": "client-id", "entityName": "{ns}-c"}]);
    let ops = json!([{"key": "consumer_byte_rate", "value": 1_048_576.5, "remove": false}]);
    json!({"entries": [{"entity": entity, "ops": ops}], "validateOnly": true})
}

fn describe_client_quotas(_: i16) -> Value {
    json!({"components": [{"entityType": "user", "matchType": 0, "match": "{ns}-u"},
        {"entityType": "client-id", "matchType": 0, "match": "{ns}-c"}], "strict": false})
}

fn alter_user_scram_credentials(_: i16) -> Value {
    json!({"deletions": [], "upsertions": [{"name": "{ns}-u", "mechanism": 1, "iterations": 4096,
        "salt": "c2FsdHlzYWx0eQ==", "saltedPassword": "cGFzc3dvcmRwYXNzd29yZHBhc3N3b3JkcGFzc3dvcmQ="}]})
}

fn describe_user_scram_credentials(_: i16) -> Value {
    json!({"users": [{"name": "{ns}-u"}]})
}

fn get_telemetry_subscriptions(_: i16) -> Value {
    json!({"clientInstanceId": "AAAAAAAAAAAAAAAAAAAAAA"})
}

fn push_telemetry(_: i16) -> Value {
    json!({"clientInstanceId": var("instance"), "subscriptionId": var("subscription"), "terminating": false,
        "compressionType": 0, "metrics": ""})
}
