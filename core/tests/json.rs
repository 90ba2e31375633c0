//! Messages in the JSON in which Apache Kafka shows them. That each field of each message is the same as Kafka's is in
//! `vectors.rs`; here is what the vectors don't show.

use bytes::Bytes;
use ottla_core::wire::messages::REGISTRY;
use ottla_core::wire::messages::fetch::FetchRequest;
use ottla_core::wire::messages::metadata::MetadataRequest;
use ottla_core::wire::messages::metadata_records::ClientQuotaRecord;
use ottla_core::wire::messages::produce::ProduceRequest;
use ottla_core::wire::{Message, MessageType, Str};

#[test]
fn a_message_has_the_fields_of_its_version_under_kafkas_names() {
    let request = MetadataRequest::default();
    assert_eq!(request.to_json(0).to_string(), r#"{"topics":[]}"#);
    assert_eq!(request.to_json(4).to_string(), r#"{"topics":[],"allowAutoTopicCreation":true}"#);
    let pretty = "{\n  \"topics\": [],\n  \"allowAutoTopicCreation\": true\n}";
    assert_eq!(format!("{:#}", request.to_json(4)), pretty);
}

#[test]
fn a_tagged_field_is_there_when_it_is_on_the_wire() {
    let mut request = FetchRequest::default();
    assert!(!request.to_json(12).to_string().contains("clusterId"));
    request.cluster_id = Some(Str::from("a"));
    assert!(request.to_json(12).to_string().contains(r#""clusterId":"a""#));
}

/// The value that Apache Kafka 4.3.1 wrote for a member that speaks the new protocol.
#[test]
fn a_tagged_struct_that_is_null_is_a_zero_on_the_wire() {
    let bytes = Bytes::from_static(b"\0\0\x08rdkafka\x0b/127.0.0.1\x02\x06plain\x01\0\x04\x93\xe0\0\x01\0\x01\0");
    let message = REGISTRY.iter().find(|message| message.name == "ConsumerGroupMemberMetadataValue").unwrap();
    assert_eq!(message.roundtrip(bytes.clone(), 0), Ok(bytes.clone()));
    let json = message.json(bytes, 0).unwrap().to_string();
    assert!(json.contains("\"classicMemberMetadata\":null"), "{json}");
}

#[test]
fn record_sets_are_empty_or_have_their_size_instead() {
    let mut request = ProduceRequest { topic_data: vec![Default::default()], ..Default::default() };
    request.topic_data[0].partition_data = vec![Default::default()];
    request.topic_data[0].partition_data[0].records = Some(Bytes::from_static(&[7; 300]).into());
    let json = request.to_json(9);
    assert!(json.to_string().contains(r#"{"index":0,"records":""}"#), "{json}");
    let json = json.with_record_sizes();
    assert!(json.to_string().contains(r#"{"index":0,"recordsSizeInBytes":300}"#), "{json}");
}

#[test]
fn tagged_fields_that_we_do_not_know_have_a_place_of_their_own() {
    // Fetch knows tag 0; 5 and 6 nobody knows.
    let body = FetchRequest::default().to_bytes(12);
    let body = [&body[..body.len() - 1], &[3, 0, 2, 2, b'a', 5, 2, 1, 2, 6, 0]].concat();
    let json = MessageType::of::<FetchRequest>().json(body.into(), 12).expect("a request").to_string();
    let tail = r#""clusterId":"a","unknownTaggedFields":[{"tag":5,"data":"AQI="},{"tag":6,"data":""}]}"#;
    assert!(json.ends_with(tail), "{json}");
}

#[test]
fn numbers_that_json_lacks_are_strings_as_in_kafka() {
    let json = |value| ClientQuotaRecord { value, ..Default::default() }.to_json(0).to_string();
    assert!(json(0.1).contains(r#""value":0.1,"#));
    assert!(json(f64::NAN).contains(r#""value":"NaN","#));
    assert!(json(f64::NEG_INFINITY).contains(r#""value":"-Infinity","#));
}

#[test]
fn strings_are_escaped() {
    let request = FetchRequest { rack_id: Str::from("a\"\\\n\u{1b}\u{9b}é"), ..Default::default() };
    let json = request.to_json(11).to_string();
    assert!(json.ends_with(r#""rackId":"a\"\\\n\u001b\u009bé"}"#), "{json}");
    let again: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(again["rackId"], *request.rack_id);
}
