//! What is shown as JSON can be said in JSON: every message survives the way there and back.

use arbitrary::Unstructured;
use ottla_wire::messages::REGISTRY;
use ottla_wire::messages::list_offsets::ListOffsetsRequest;
use ottla_wire::{Json, Message as _, MessageType};

/// Numbers that look random and are always the same.
fn entropy(mut seed: u64) -> Vec<u8> {
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 56) as u8
    };
    (0..600).map(|_| next()).collect()
}

fn has_records(json: &Json) -> bool {
    match json {
        Json::Records(size_bytes) => *size_bytes > 0,
        Json::Array(elements) => elements.iter().any(has_records),
        Json::Object(fields) => fields.iter().any(|(_, value)| has_records(value)),
        _ => false,
    }
}

#[test]
fn every_message_is_the_same_after_its_way_through_json() {
    let mut compared = 0;
    for message in REGISTRY {
        for (version, seed) in message.versions.clone().flat_map(|version| (0..8).map(move |seed| (version, seed))) {
            let bytes =
                message.random(&mut Unstructured::new(&entropy(seed)), version).expect("zeros when it runs dry");
            let json = message.json(bytes.clone(), version).expect("it was just written");
            // Of a record set JSON has the size alone.
            if !has_records(&json) {
                assert_eq!(message.bytes_of(&json, version), Ok(bytes), "{} v{version}: {json}", message.name);
                compared += 1;
            }
        }
    }
    assert!(compared > 3000, "only {compared}");
}

#[test]
fn what_is_not_said_is_the_default_and_what_a_version_lacks_is_passed_over() {
    let message = MessageType::of::<ListOffsetsRequest>();
    let json = object([("replicaId", Json::Integer(-1)), ("isolationLevel", Json::Integer(1))]);
    let expected = ListOffsetsRequest { replica_id: -1, ..Default::default() };
    assert_eq!(message.bytes_of(&json, 1), Ok(expected.to_bytes(1)));
}

#[test]
fn what_does_not_fit_is_told_with_its_place() {
    let message = MessageType::of::<ListOffsetsRequest>();
    let error = |json: Json| message.bytes_of(&json, 11).unwrap_err().to_string();
    assert_eq!(error(object([("topix", Json::Null)])), ": expected a field of the message, found \"topix\"");
    let topics = Json::Array(vec![object([("name", Json::Integer(7))])]);
    assert_eq!(error(object([("topics", topics)])), ".topics[0].name: expected a string, found 7");
    assert_eq!(error(object([("isolationLevel", Json::Integer(300))])), ".isolationLevel: expected i8, found 300");
}

fn object<const N: usize>(fields: [(&'static str, Json); N]) -> Json {
    Json::Object(fields.into_iter().map(|(name, value)| (name.into(), value)).collect())
}
