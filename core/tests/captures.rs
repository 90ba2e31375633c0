//! What twelve real clients and Apache Kafka 4.3.1 said to each other: all of it must decode, and encode to the same bytes
//! again.

mod support;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use ottla_core::wire::messages::header::{RequestHeader, ResponseHeader};
use ottla_core::wire::messages::produce::ProduceRequest;
use ottla_core::wire::{ApiKey, DecodeFault, Message, MessageKind, MessageType, Reader};
use support::captures;

/// A request that waits for its answer.
struct Asked {
    api: ApiKey,
    version: i16,
    correlation_id: i32,
}

/// What clients leave behind a request, in bytes. Kafka ignores it, and so do we.
const LEFTOVERS: [(&str, &str, i16, usize); 3] = [
    ("kafka-go", "DescribeAclsRequest", 3, 1),
    ("librdkafka", "AlterUserScramCredentialsRequest", 0, 1),
    ("librdkafka", "MetadataRequest", 13, 3),
];

#[test]
fn what_real_clients_and_kafka_say_survives_the_way_in_and_out() {
    let mut checked = BTreeMap::<(&str, i16), usize>::new();
    let mut leftovers = BTreeSet::new();
    for (client, frames) in captures() {
        let mut waiting = BTreeMap::<u64, VecDeque<Asked>>::new();
        for captured in frames {
            let queue = waiting.entry(captured.conn).or_default();
            let (message, version, body) = if captured.is_request {
                let (asked, body) = request(captured.frame);
                let kept = (MessageType::request(asked.api), asked.version, body);
                if is_answered(asked.api, asked.version, &kept.2) {
                    queue.push_back(asked);
                }
                kept
            } else {
                let asked = queue.pop_front().expect("answers come in the order of requests");
                let body = response(captured.frame, &asked);
                (MessageType::response(asked.api), asked.version, body)
            };
            let Some(version) = version_spoken(message, version, &body) else { continue };
            let leftover = leftover(message, version, &body);
            if leftover > 0 {
                leftovers.insert((client.clone(), message.name, version, leftover));
            }
            let body = body.slice(..body.len() - leftover);
            let again = message.roundtrip(body.clone(), version);
            assert_eq!(again, Ok(body), "{client}: {} v{version}", message.name);
            *checked.entry((message.name, version)).or_default() += 1;
        }
    }
    for ((name, version), count) in &checked {
        println!("{count:6} {name} v{version}");
    }
    assert_eq!(
        leftovers,
        LEFTOVERS.map(|(client, name, version, size)| (client.to_owned(), name, version, size)).into()
    );
    assert!(checked.len() > 200, "only {} messages and versions", checked.len());
}

fn request(frame: Bytes) -> (Asked, Bytes) {
    let number = |at: usize| i16::from_be_bytes([frame[at], frame[at + 1]]);
    let api = ApiKey::from_number(number(0)).expect("an API of Kafka");
    let mut reader = Reader::new(&frame);
    let header = RequestHeader::read(&mut reader, api.request_header_version(number(2))).expect("a header");
    let asked = Asked { api, version: header.request_api_version, correlation_id: header.correlation_id };
    (asked, frame.slice(reader.at()..))
}

fn response(frame: Bytes, asked: &Asked) -> Bytes {
    let mut reader = Reader::new(&frame);
    let header = ResponseHeader::read(&mut reader, asked.api.response_header_version(asked.version)).expect("a header");
    assert_eq!(header.correlation_id, asked.correlation_id, "{} v{}", asked.api, asked.version);
    frame.slice(reader.at()..)
}

/// A produce with no acknowledgement has no answer.
fn is_answered(api: ApiKey, version: i16, body: &Bytes) -> bool {
    api != ApiKey::Produce || ProduceRequest::from_bytes(body.clone(), version).is_ok_and(|request| request.acks != 0)
}

/// The version that the body is in. Only ApiVersions may be asked in one that Kafka does not know, whose request nobody can
/// read, and whose answer is in version 0.
fn version_spoken(message: &MessageType, version: i16, body: &Bytes) -> Option<i16> {
    if message.versions.contains(&version) {
        return Some(version);
    }
    assert_eq!(message.api, "ApiVersions", "v{version}");
    let is_answer = message.kind == MessageKind::Response;
    assert!(!is_answer || body[..2] == [0, 35], "UNSUPPORTED_VERSION");
    is_answer.then_some(0)
}

/// Bytes behind the message.
fn leftover(message: &MessageType, version: i16, body: &Bytes) -> usize {
    let Err(error) = message.roundtrip(body.clone(), version) else { return 0 };
    let &DecodeFault::Trailing(leftover) = error.fault() else { panic!("{error}") };
    leftover
}
