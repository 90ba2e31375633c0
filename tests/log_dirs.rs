//! Several log directories on real disks: partitions are spread over them, and one that can't be used takes only its own
//! partitions offline.

mod support;

use std::fs;
use std::path::Path;

use ottla_core::error_code::ErrorCode;
use ottla_core::wire::messages::create_topics::{CreatableTopic, CreateTopicsRequest, CreateTopicsResponse};
use ottla_core::wire::messages::produce::{PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData};
use support::{Client, TestBatch, TestBroker};
use tempfile::TempDir;

/// The property for two directories below one.
fn log_dirs(root: &Path) -> String {
    format!("log.dirs={0}/a,{0}/b", root.display())
}

fn start(directory: TempDir) -> TestBroker {
    let log_dirs = log_dirs(directory.path());
    TestBroker::start_on(directory, &[&log_dirs])
}

fn create(client: &mut Client, name: &str, num_partitions: i32) {
    let topic = CreatableTopic { name: name.into(), num_partitions, replication_factor: 1, ..Default::default() };
    let request = CreateTopicsRequest { topics: vec![topic], ..Default::default() };
    let answer: CreateTopicsResponse = client.call(7, &request);
    assert_eq!(answer.topics[0].error_code, 0, "{answer:?}");
}

fn produce(client: &mut Client, topic: &str, index: i32) -> i16 {
    let records = Some(TestBatch::of(&["a value"]).encode().into());
    let partition_data = vec![PartitionProduceData { index, records, ..Default::default() }];
    let topic_data = vec![TopicProduceData { name: topic.into(), partition_data, ..Default::default() }];
    let request = ProduceRequest { acks: -1, timeout_ms: 5_000, topic_data, ..Default::default() };
    let answer: ProduceResponse = client.call(9, &request);
    answer.responses[0].partition_responses[0].error_code
}

#[test]
fn a_directory_that_is_away_at_a_start_takes_only_its_own_partitions_along() {
    let directory = tempfile::tempdir().expect("a directory");
    let broker = start(directory);
    let mut client = broker.connect();
    create(&mut client, "t", 4);
    for index in 0..4 {
        assert_eq!(produce(&mut client, "t", index), 0);
    }
    let (status, _, directory) = broker.terminate();
    assert!(status.success());
    let (b, away) = (directory.path().join("b"), directory.path().join("away"));
    assert!(b.join("t-1").is_dir() && b.join("t-3").is_dir() && !b.join("t-0").exists());
    assert!(b.join(".kafka_cleanshutdown").is_file() && b.join(".lock").is_file());
    fs::rename(&b, &away).expect("it can be renamed");
    fs::write(&b, "no directory").expect("it can be written");

    let broker = start(directory);
    let mut client = broker.connect();
    let error = ErrorCode::KafkaStorageError as i16;
    assert_eq!([0, 1, 2, 3].map(|index| produce(&mut client, "t", index)), [0, error, 0, error]);
    create(&mut client, "u", 2);
    assert_eq!([0, 1].map(|index| produce(&mut client, "u", index)), [0, 0]);
    let output = broker.output();
    assert!(output.contains("/b can't be used: ") && output.contains("t-1: offline: "), "{output}");
    let (status, _, directory) = broker.terminate();
    assert!(status.success());

    let b = directory.path().join("b");
    fs::remove_file(&b).expect("it is there");
    fs::rename(directory.path().join("away"), &b).expect("it can be renamed");
    let broker = start(directory);
    let mut client = broker.connect();
    assert_eq!([0, 1, 2, 3].map(|index| produce(&mut client, "t", index)), [0; 4]);
}

#[test]
fn without_the_metadata_logs_directory_the_broker_does_not_start() {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("a"), "no directory").expect("it can be written");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ottla"));
    command.args(["--port", "0", "--override", &log_dirs(directory.path())]);
    let output = command.output().expect("the binary starts");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && words.contains("/a can't be created or opened"), "{words}");
}
