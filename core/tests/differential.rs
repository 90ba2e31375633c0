//! A second opinion: the crate kafka-protocol, made from Kafka's schemas by other people, reads the random messages that we
//! write, and writes the same bytes again.

use arbitrary::Unstructured;
use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, RequestKind, ResponseKind};
use ottla_core::wire::messages::REGISTRY;
use ottla_core::wire::{MessageKind, MessageType};
use proptest::prelude::*;

/// The versions that it does not have: it knows Kafka 4.1, and nothing of streams groups. Where it has a version, there is
/// no exception.
const LACKING: [(&str, i16); 27] = [
    ("AddRaftVoterRequest", 1),
    ("AddRaftVoterResponse", 1),
    ("BrokerHeartbeatRequest", 2),
    ("BrokerHeartbeatResponse", 2),
    ("DescribeLogDirsRequest", 5),
    ("DescribeLogDirsResponse", 5),
    ("DescribeShareGroupOffsetsRequest", 1),
    ("DescribeShareGroupOffsetsResponse", 1),
    ("InitProducerIdRequest", 6),
    ("ListOffsetsRequest", 11),
    ("ListOffsetsResponse", 11),
    ("OffsetCommitRequest", 10),
    ("OffsetFetchRequest", 10),
    ("ReadShareGroupStateSummaryRequest", 1),
    ("ReadShareGroupStateSummaryResponse", 1),
    ("ShareAcknowledgeRequest", 2),
    ("ShareAcknowledgeResponse", 2),
    ("ShareFetchRequest", 2),
    ("ShareFetchResponse", 2),
    ("StreamsGroupDescribeRequest", 0),
    ("StreamsGroupDescribeResponse", 0),
    ("StreamsGroupHeartbeatRequest", 0),
    ("StreamsGroupHeartbeatResponse", 0),
    ("WriteShareGroupStateRequest", 1),
    ("WriteShareGroupStateResponse", 1),
    ("WriteTxnMarkersRequest", 2),
    ("WriteTxnMarkersResponse", 2),
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn another_implementation_reads_what_we_write_and_writes_the_same(
        entropy in prop::collection::vec(any::<u8>(), 0..3000),
    ) {
        for (message, version) in requests_and_answers().filter(|(message, version)| !is_lacking(message, *version)) {
            let bytes = random(message, version, &entropy);
            prop_assert_eq!(again(message, version, bytes.clone()), Ok(bytes), "{} v{}", message.name, version);
        }
    }
}

#[test]
fn nothing_is_left_out_that_the_other_implementation_has() {
    let lacking: Vec<_> = requests_and_answers().filter(|(message, version)| is_lacking(message, *version)).collect();
    assert_eq!(lacking.len(), LACKING.len());
    for (message, version) in lacking {
        let bytes = random(message, version, &[0; 100]);
        assert!(again(message, version, bytes).is_err(), "{} v{version} is there", message.name);
    }
}

fn requests_and_answers() -> impl Iterator<Item = (&'static MessageType, i16)> {
    let messages = REGISTRY.iter().filter(|m| matches!(m.kind, MessageKind::Request | MessageKind::Response));
    messages.flat_map(|message| message.versions.clone().map(move |version| (message, version)))
}

fn is_lacking(message: &MessageType, version: i16) -> bool {
    LACKING.contains(&(message.name, version))
}

fn random(message: &MessageType, version: i16, entropy: &[u8]) -> Bytes {
    message.random(&mut Unstructured::new(entropy), version).expect("zeros when it runs dry")
}

/// The message after its way through the other implementation.
fn again(message: &MessageType, version: i16, mut bytes: Bytes) -> Result<Bytes, String> {
    let api = ApiKey::try_from(message.key).map_err(|()| "no such API".to_owned())?;
    let mut encoded = BytesMut::new();
    let result = match message.kind {
        MessageKind::Request => {
            RequestKind::decode(api, &mut bytes, version).and_then(|request| request.encode(&mut encoded, version))
        }
        _ => ResponseKind::decode(api, &mut bytes, version).and_then(|response| response.encode(&mut encoded, version)),
    };
    result.map_err(|error| format!("{error:#}"))?;
    if bytes.is_empty() { Ok(encoded.freeze()) } else { Err(format!("{} bytes are left", bytes.len())) }
}
