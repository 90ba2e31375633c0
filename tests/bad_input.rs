//! What no honest client sends: each gets Kafka's error code or a closed connection, and a log line; memory does not grow, nothing
//! panics, and everyone else is served.

mod support;

use bytes::Bytes;
use ottla_core::wire::messages::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use ottla_core::wire::messages::create_topics::{CreatableTopic, CreateTopicsRequest, CreateTopicsResponse};
use ottla_core::wire::messages::metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponse};
use ottla_core::wire::messages::produce::{PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData};
use support::{Client, TestBatch, TestBroker};

const CORRUPT_MESSAGE: i16 = 2;
const INVALID_TOPIC: i16 = 17;
const INVALID_RECORD: i16 = 87;

#[test]
fn impossible_frames_close_their_connection_and_take_no_memory() {
    let broker = TestBroker::start();
    let mut witness = broker.connect();
    is_served(&mut witness);
    let before = broker.resident_bytes();
    let mut unknown_key = support::frame(4, 7, &api_versions());
    unknown_key[4..6].copy_from_slice(&999i16.to_be_bytes());
    let mut truncated = support::frame(4, 7, &api_versions());
    truncated.truncate(truncated.len() - 9);
    let size = truncated.len() as u32 - 4;
    truncated[..4].copy_from_slice(&size.to_be_bytes());
    // A Metadata request whose array claims two billion topics.
    let mut bomb = support::frame(1, 7, &MetadataRequest { topics: Some(Vec::new()), ..Default::default() });
    let end = bomb.len();
    bomb[end - 4..].copy_from_slice(&i32::MAX.to_be_bytes());
    let cases: [(&str, Vec<u8>); 7] = [
        ("a size prefix of 2 GB", i32::MAX.to_be_bytes().to_vec()),
        ("a negative size", (-1i32).to_be_bytes().to_vec()),
        ("the most negative size", i32::MIN.to_be_bytes().to_vec()),
        ("a frame too short for a header", [&3u32.to_be_bytes()[..], &[0, 18, 0]].concat()),
        ("an unknown API key", unknown_key),
        ("a truncated body", truncated),
        ("an array beyond the frame", bomb),
    ];
    for (what, bytes) in cases {
        let closes_so_far = broker.output().lines().count();
        let mut client = broker.connect();
        client.send_raw(&bytes);
        assert!(client.is_closed_by_the_broker(), "{what}");
        assert!(broker.output().lines().count() > closes_so_far, "{what} has a log line");
        is_served(&mut witness);
    }
    let grown = broker.resident_bytes().saturating_sub(before);
    assert!(grown < 4 << 20, "memory grew by {grown} bytes");
    assert!(!broker.output().contains("panicked"), "{}", broker.output());
}

#[test]
fn a_large_claim_without_the_bytes_takes_no_memory() {
    let broker = TestBroker::start();
    let mut witness = broker.connect();
    is_served(&mut witness);
    let before = broker.resident_bytes();
    let claims: Vec<Client> = (0..50)
        .map(|_| {
            let mut client = broker.connect();
            client.send_raw(&(90u32 << 20).to_be_bytes());
            client.send_raw(&[0; 100]);
            client
        })
        .collect();
    is_served(&mut witness);
    let grown = broker.resident_bytes().saturating_sub(before);
    assert!(grown < 16 << 20, "50 claims of 90 MB took {grown} bytes");
    drop(claims);
}

#[test]
fn a_batch_that_lies_is_refused_with_its_error_and_nothing_is_appended() {
    let broker = TestBroker::start();
    let mut client = broker.connect();
    make_topic(&mut client, "honest");
    let good = TestBatch::of(&["a", "b", "c"]).encode();
    let wrong_checksum = changed(&good, |batch| batch[30] ^= 1, false);
    let magic = |magic| changed(&good, move |batch| batch[16] = magic, true);
    let count = |count: i32| changed(&good, move |batch| batch[57..61].copy_from_slice(&count.to_be_bytes()), true);
    let count_and_delta = changed(
        &good,
        |batch| {
            batch[57..61].copy_from_slice(&900_000i32.to_be_bytes());
            batch[23..27].copy_from_slice(&899_999i32.to_be_bytes());
        },
        true,
    );
    let length = |length: i32| changed(&good, move |batch| batch[8..12].copy_from_slice(&length.to_be_bytes()), false);
    let cases = [
        ("a wrong checksum", wrong_checksum, &[CORRUPT_MESSAGE][..]),
        ("magic 0", magic(0), &[CORRUPT_MESSAGE, INVALID_RECORD]),
        ("magic 1", magic(1), &[CORRUPT_MESSAGE, INVALID_RECORD]),
        ("one record too many", count(4), &[INVALID_RECORD]),
        ("a negative count", count(-7), &[INVALID_RECORD]),
        ("900,000 records in 100 bytes", count_and_delta, &[INVALID_RECORD]),
        ("a length beyond the request", length(1 << 30), &[INVALID_RECORD]),
        ("a length below a header", length(3), &[CORRUPT_MESSAGE]),
        ("half a batch", good.slice(..good.len() / 2), &[INVALID_RECORD]),
    ];
    for (what, batch, errors) in cases {
        let refused = produce(&mut client, "honest", batch);
        assert!(errors.contains(&refused.0), "{what}: error {}", refused.0);
        assert_eq!(refused.1, -1, "{what}");
    }
    assert_eq!(produce(&mut client, "honest", good), (0, 0), "the first offset is still free");
}

#[test]
fn topic_names_that_would_leave_the_directory_are_refused() {
    let broker = TestBroker::start();
    let mut client = broker.connect();
    let long = "x".repeat(250);
    for name in ["..", ".", "../../etc", "a/b", "", "sp ace", long.as_str()] {
        let topic =
            CreatableTopic { name: name.into(), num_partitions: 1, replication_factor: 1, ..Default::default() };
        let request = CreateTopicsRequest { topics: vec![topic], timeout_ms: 1000, ..Default::default() };
        let answer: CreateTopicsResponse = client.call(5, &request);
        assert_eq!(answer.topics[0].error_code, INVALID_TOPIC, "CreateTopics {name:?}");

        let topic = MetadataRequestTopic { name: Some(name.into()), ..Default::default() };
        let request =
            MetadataRequest { topics: Some(vec![topic]), allow_auto_topic_creation: true, ..Default::default() };
        let answer: MetadataResponse = client.call(9, &request);
        assert_eq!(answer.topics[0].error_code, INVALID_TOPIC, "Metadata {name:?}");
    }
    let outside: Vec<_> = std::fs::read_dir(broker.data().parent().expect("a parent"))
        .expect("it can be listed")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    assert_eq!(outside.len(), 2, "only the data and the test's output: {outside:?}");
}

fn is_served(client: &mut Client) {
    let answer: ApiVersionsResponse = client.call(4, &api_versions());
    assert_eq!(answer.error_code, 0);
}

fn api_versions() -> ApiVersionsRequest {
    ApiVersionsRequest {
        client_software_name: "ottla-test".into(),
        client_software_version: "1.0".into(),
        ..Default::default()
    }
}

fn make_topic(client: &mut Client, name: &str) {
    let topic = CreatableTopic { name: name.into(), num_partitions: 1, replication_factor: 1, ..Default::default() };
    let request = CreateTopicsRequest { topics: vec![topic], timeout_ms: 5000, ..Default::default() };
    let answer: CreateTopicsResponse = client.call(5, &request);
    assert_eq!(answer.topics[0].error_code, 0);
}

fn produce(client: &mut Client, topic: &str, batch: Bytes) -> (i16, i64) {
    let data = PartitionProduceData { index: 0, records: Some(batch.into()), ..Default::default() };
    let topic = TopicProduceData { name: topic.into(), partition_data: vec![data], ..Default::default() };
    let request = ProduceRequest { acks: -1, timeout_ms: 5000, topic_data: vec![topic], ..Default::default() };
    let answer: ProduceResponse = client.call(9, &request);
    let partition = &answer.responses[0].partition_responses[0];
    (partition.error_code, partition.base_offset)
}

/// A copy of a batch with a change, and with its checksum made right again where asked for.
fn changed(batch: &Bytes, change: impl FnOnce(&mut [u8]), is_checksum_right: bool) -> Bytes {
    let mut bytes = batch.to_vec();
    change(&mut bytes);
    if is_checksum_right {
        let checksum = crc32c::crc32c(&bytes[21..]);
        bytes[17..21].copy_from_slice(&checksum.to_be_bytes());
    }
    bytes.into()
}
