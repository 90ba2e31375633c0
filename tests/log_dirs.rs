//! Several log directories on real disks: partitions are spread over them, and one that can't be used takes only its own
//! partitions offline.

mod support;

use std::fs;
use std::path::Path;

use ottla_core::error_code::ErrorCode;
use support::TestBroker;
use support::load::{create_topic, produce_value};
use tempfile::TempDir;

/// The property for two directories below one.
fn log_dirs(root: &Path) -> String {
    format!("log.dirs={0}/a,{0}/b", root.display())
}

fn start(directory: TempDir) -> TestBroker {
    let log_dirs = log_dirs(directory.path());
    TestBroker::start_on(directory, &[&log_dirs])
}

#[test]
fn a_directory_that_is_away_at_a_start_takes_only_its_own_partitions_along() {
    let directory = tempfile::tempdir().expect("a directory");
    let broker = start(directory);
    let mut client = broker.connect();
    create_topic(&mut client, "t", 4, &[]);
    for index in 0..4 {
        assert_eq!(produce_value(&mut client, "t", index, "a value"), 0);
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
    assert_eq!([0, 1, 2, 3].map(|index| produce_value(&mut client, "t", index, "a value")), [0, error, 0, error]);
    create_topic(&mut client, "u", 2, &[]);
    assert_eq!([0, 1].map(|index| produce_value(&mut client, "u", index, "a value")), [0, 0]);
    let output = broker.output();
    assert!(output.contains("/b can't be used: ") && output.contains("t-1: offline: "), "{output}");
    let (status, _, directory) = broker.terminate();
    assert!(status.success());

    let b = directory.path().join("b");
    fs::remove_file(&b).expect("it is there");
    fs::rename(directory.path().join("away"), &b).expect("it can be renamed");
    let broker = start(directory);
    let mut client = broker.connect();
    assert_eq!([0, 1, 2, 3].map(|index| produce_value(&mut client, "t", index, "a value")), [0; 4]);
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
