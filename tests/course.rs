//! What the course that the project grew from expects of `your_program.sh`, over TCP against the built binary, on
//! directories as the course writes them before the start.

mod support;

use std::time::Duration;

use ottla_core::wire::messages::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use ottla_core::wire::messages::describe_topic_partitions::{
    DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, TopicRequest,
};
use ottla_core::wire::messages::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic};
use ottla_core::wire::messages::metadata_records::{FeatureLevelRecord, PartitionRecord, TopicRecord};
use ottla_core::wire::messages::produce::{
    PartitionProduceData, PartitionProduceResponse, ProduceRequest, ProduceResponse, TopicProduceData,
};
use ottla_core::wire::{MetadataRecord, Records, Uuid};
use support::{TestBatch, TestBroker, parse, write};
use tempfile::TempDir;

const FOO: Uuid = Uuid(0x0000_0000_0000_4000_8000_0000_0000_0077);
const BAR: Uuid = Uuid(0x0000_0000_0000_4000_8000_0000_0000_0091);
const DIRECTORY_ID: Uuid = Uuid(0x1000_0000_0000_4000_8000_0000_0000_0001);

#[test]
fn api_versions_are_told_and_an_unknown_version_is_answered_with_error_35() {
    let broker = TestBroker::start_on(formatted(), &[]);
    let mut client = broker.connect();
    let answer: ApiVersionsResponse = client.call(4, &api_versions());
    assert_eq!(answer.error_code, 0);
    let range = |key| {
        let found = answer.api_keys.iter().find(|api| api.api_key == key).expect("it is in the table");
        (found.min_version, found.max_version)
    };
    assert!(range(18).1 >= 4 && range(75).0 == 0 && range(1).1 >= 16 && range(0).1 >= 11);
    let mut frame = support::frame(4, 0x11, &api_versions());
    frame[6..8].copy_from_slice(&1000i16.to_be_bytes());
    client.send_raw(&frame);
    let refused: ApiVersionsResponse = parse(client.receive(), 0x11, 0);
    assert_eq!(refused.error_code, 35);
}

#[test]
fn several_clients_are_served_at_once_each_in_the_order_of_its_requests() {
    let broker = TestBroker::start_on(formatted(), &[]);
    let mut clients: Vec<_> = (0..3).map(|_| broker.connect()).collect();
    let sent: Vec<Vec<i32>> =
        clients.iter_mut().map(|client| (0..5).map(|_| client.send(4, &api_versions())).collect()).collect();
    for (client, ids) in clients.iter_mut().zip(sent).rev() {
        for id in ids {
            let answer: ApiVersionsResponse = parse(client.receive(), id, 4);
            assert_eq!(answer.error_code, 0);
        }
    }
}

#[test]
fn an_unknown_topic_is_echoed_and_known_ones_are_sorted_by_name() {
    let broker = TestBroker::start_on(with_topics(), &[]);
    let mut client = broker.connect();
    let unknown: DescribeTopicPartitionsResponse = client.call(0, &describe(&["nowhere"]));
    let topic = &unknown.topics[0];
    assert_eq!((topic.error_code, topic.topic_id, topic.partitions.len()), (3, Uuid::ZERO, 0));
    assert_eq!(topic.name.as_deref(), Some("nowhere"));
    assert_eq!(unknown.next_cursor, None);

    let known: DescribeTopicPartitionsResponse = client.call(0, &describe(&["foo", "bar"]));
    let names: Vec<_> = known.topics.iter().map(|topic| topic.name.as_deref().unwrap_or("")).collect();
    assert_eq!(names, ["bar", "foo"]);
    let indexes: Vec<_> = known.topics[1].partitions.iter().map(|partition| partition.partition_index).collect();
    assert_eq!((known.topics[1].topic_id, indexes), (FOO, vec![0, 1]));
    assert!(known.topics.iter().flat_map(|topic| &topic.partitions).all(|partition| partition.error_code == 0));
}

#[test]
fn a_fetch_of_nothing_of_an_unknown_topic_of_an_empty_one_and_of_batches_as_they_are_on_disk() {
    let broker = TestBroker::start_on(with_topics(), &[]);
    let mut client = broker.connect();
    let nothing: FetchResponse = client.call(16, &FetchRequest { max_wait_ms: 500, ..Default::default() });
    assert_eq!((nothing.error_code, nothing.responses.len(), nothing.throttle_time_ms), (0, 0, 0));

    let unknown: FetchResponse = client.call(16, &fetch(Uuid(0xdead), 0));
    let partition = &unknown.responses[0].partitions[0];
    assert_eq!((unknown.responses.len(), unknown.responses[0].topic_id), (1, Uuid(0xdead)));
    assert_eq!((partition.partition_index, partition.error_code), (0, 100));

    let empty: FetchResponse = client.call(16, &fetch(FOO, 1));
    assert_eq!(empty.responses[0].partitions[0].error_code, 0);
    assert_eq!(empty.responses[0].partitions[0].records, Some(Records::default()));

    let batches: FetchResponse = client.call(16, &fetch(BAR, 0));
    let on_disk = std::fs::read(broker.data().join("bar-0/00000000000000000000.log")).expect("the segment");
    assert_eq!(batches.responses[0].partitions[0].records, Some(Records::Bytes(on_disk.into())));
    assert_eq!(batches.responses[0].partitions[0].high_watermark, 3);
}

#[test]
fn a_produce_to_an_unknown_topic_or_partition_gives_error_3_and_makes_no_topic() {
    let broker = TestBroker::start_on(with_topics(), &[]);
    let mut client = broker.connect();
    for (name, index) in [("nowhere", 0), ("foo", 7)] {
        let answer: ProduceResponse = client.call(11, &produce(&[(name, &[(index, TestBatch::of(&["x"]))])]));
        let refused = &answer.responses[0].partition_responses[0];
        assert_eq!((refused.index, refused.error_code, refused.base_offset), (index, 3, -1));
        assert_eq!((refused.log_append_time_ms, refused.log_start_offset), (-1, -1));
    }
    assert!(!broker.data().join("nowhere-0").exists());
}

#[test]
fn produced_batches_are_on_disk_with_their_checksum_unchanged() {
    let broker = TestBroker::start_on(with_topics(), &[]);
    let mut client = broker.connect();
    let mut idempotent = TestBatch::of(&["one", "two"]);
    idempotent.producer = (0, 0, 0);
    let batch = idempotent.encode();
    let request = produce(&[
        ("foo", &[(0, idempotent), (1, TestBatch::of(&["three"]))]),
        ("bar", &[(0, TestBatch::of(&["four"]))]),
    ]);
    let answer: ProduceResponse = client.call(11, &request);
    for (topic, partition, base_offset) in [(0, 0, 0), (0, 1, 0), (1, 0, 3)] {
        let PartitionProduceResponse { error_code, base_offset: got, log_append_time_ms, log_start_offset, .. } =
            answer.responses[topic].partition_responses[partition];
        assert_eq!((error_code, got, log_append_time_ms, log_start_offset), (0, base_offset, -1, 0));
    }
    let on_disk = std::fs::read(broker.data().join("foo-0/00000000000000000000.log")).expect("the segment");
    assert_eq!(on_disk, batch);
}

#[test]
fn sigterm_ends_it_within_two_seconds_with_a_clean_marker() {
    let broker = TestBroker::start_on(with_topics(), &[]);
    let served: ApiVersionsResponse = broker.connect().call(4, &api_versions());
    assert_eq!(served.error_code, 0);
    let (status, took, directory) = broker.terminate();
    assert!(status.success(), "{status}");
    assert!(took < Duration::from_secs(2), "{took:?}");
    let output = std::fs::read_to_string(directory.path().join("ottla-test-output.txt")).unwrap_or_default();
    assert!(directory.path().join("data/.kafka_cleanshutdown").exists(), "{output}");
}

fn api_versions() -> ApiVersionsRequest {
    ApiVersionsRequest {
        client_software_name: "ottla-test".into(),
        client_software_version: "1.0".into(),
        ..Default::default()
    }
}

fn describe(names: &[&str]) -> DescribeTopicPartitionsRequest {
    let topics = names.iter().map(|name| TopicRequest { name: (*name).into(), ..Default::default() }).collect();
    DescribeTopicPartitionsRequest { topics, response_partition_limit: 100, ..Default::default() }
}

fn fetch(topic_id: Uuid, partition: i32) -> FetchRequest {
    let partition = FetchPartition { partition, partition_max_bytes: 1 << 20, ..Default::default() };
    let topic = FetchTopic { topic_id, partitions: vec![partition], ..Default::default() };
    FetchRequest { max_wait_ms: 500, topics: vec![topic], ..Default::default() }
}

fn produce(topics: &[(&str, &[(i32, TestBatch)])]) -> ProduceRequest {
    let topics = topics.iter().map(|(name, partitions)| TopicProduceData {
        name: (*name).into(),
        partition_data: partitions
            .iter()
            .map(|(index, batch)| PartitionProduceData {
                index: *index,
                records: Some(batch.encode().into()),
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    });
    ProduceRequest { acks: 1, timeout_ms: 1000, topic_data: topics.collect(), ..Default::default() }
}

/// Only what the course's first stages write.
fn formatted() -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().join("data");
    let properties = format!(
        "#\n#Wed Sep 11 09:12:23 UTC 2024\ncluster.id=5L6g3nShT-eMCtK--X86sw\ndirectory.id={DIRECTORY_ID}\nnode.id=1\nversion=1\n"
    );
    write(&data, "meta.properties", properties.as_bytes());
    write(&data, ".kafka_cleanshutdown", br#"{"version":0,"brokerEpoch":10}"#);
    directory
}

/// Two topics: foo with two empty partitions, bar with two batches in one.
fn with_topics() -> TempDir {
    let directory = formatted();
    let data = directory.path().join("data");
    let mut log = metadata_batch(1, vec![feature()]);
    log.extend(metadata_batch(2, vec![topic("bar", BAR), partition(BAR, 0)]));
    log.extend(metadata_batch(4, vec![topic("foo", FOO), partition(FOO, 0), partition(FOO, 1)]));
    write(&data, "__cluster_metadata-0/00000000000000000000.log", &log);
    write(&data, "__cluster_metadata-0/partition.metadata", partition_metadata(Uuid::METADATA_TOPIC).as_bytes());
    for (name, id, content) in [("foo-0", FOO, Vec::new()), ("foo-1", FOO, Vec::new()), ("bar-0", BAR, bar())] {
        write(&data, &format!("{name}/00000000000000000000.log"), &content);
        write(&data, &format!("{name}/partition.metadata"), partition_metadata(id).as_bytes());
    }
    directory
}

/// Both batches say producer 0, epoch 0, sequence 0, and their records have -1 headers, as the course writes them.
fn bar() -> Vec<u8> {
    let mut first = TestBatch::of(&["hello"]);
    (first.producer, first.header_count) = ((0, 0, 0), -1);
    let mut second = TestBatch::of(&["dear", "sister"]);
    (second.producer, second.header_count, second.base_offset) = ((0, 0, 0), -1, 1);
    [first.encode(), second.encode()].concat()
}

fn metadata_batch(base_offset: i64, values: Vec<Vec<u8>>) -> Vec<u8> {
    TestBatch { base_offset, producer: (-1, -1, -1), header_count: 0, values }.encode().to_vec()
}

fn feature() -> Vec<u8> {
    let record = FeatureLevelRecord { name: "metadata.version".into(), feature_level: 20, ..Default::default() };
    MetadataRecord::FeatureLevel(record).encode(0).to_vec()
}

fn topic(name: &str, id: Uuid) -> Vec<u8> {
    MetadataRecord::Topic(TopicRecord { name: name.into(), topic_id: id, ..Default::default() }).encode(0).to_vec()
}

fn partition(topic_id: Uuid, partition_id: i32) -> Vec<u8> {
    let record = PartitionRecord {
        partition_id,
        topic_id,
        replicas: vec![1],
        isr: vec![1],
        leader: 1,
        leader_epoch: 0,
        partition_epoch: 0,
        directories: vec![DIRECTORY_ID],
        ..Default::default()
    };
    MetadataRecord::Partition(record).encode(1).to_vec()
}

/// With the padding and without the last newline, as the course writes it.
fn partition_metadata(topic_id: Uuid) -> String {
    format!("version: 0\ntopic_id: {topic_id}==")
}
