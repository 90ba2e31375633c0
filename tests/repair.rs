//! A bit flips on the disk of a killed broker: the next start says where, leaves that partition offline and serves the
//! rest; `ottla repair` lists it and, when told so, mends it.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ottla_core::error_code::ErrorCode;
use ottla_core::records::batches_of;
use ottla_core::wire::Records;
use ottla_core::wire::messages::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic};
use support::load::{create_topic, produce_value};
use support::{Client, TestBroker};
use tempfile::TempDir;

const VALUES: [&str; 5] = ["zero", "one", "two", "three", "four"];

/// The directory of a broker that was killed, with a flipped bit in the third batch of `bad-0`.
fn damaged() -> TempDir {
    let broker = TestBroker::start();
    let mut client = broker.connect();
    for topic in ["bad", "good"] {
        create_topic(&mut client, topic, 1, &[]);
    }
    for value in VALUES {
        assert_eq!(produce_value(&mut client, "bad", 0, value), ErrorCode::None as i16);
        assert_eq!(produce_value(&mut client, "good", 0, value), ErrorCode::None as i16);
    }
    let directory = broker.kill();
    let segment = segment(directory.path());
    let mut bytes = fs::read(&segment).expect("it is there");
    let third = batches_of(&bytes).nth(2).expect("a third batch").expect("a good one").position();
    bytes[third + 68] ^= 0x20;
    fs::write(&segment, bytes).expect("it can be written");
    directory
}

fn segment(directory: &Path) -> PathBuf {
    directory.join("data/bad-0/00000000000000000000.log")
}

fn repair(directory: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ottla"));
    command.arg("repair").arg("--log-dir").arg(directory.join("data")).args(arguments);
    let Output { status, stdout, stderr } = command.output().expect("the binary starts");
    let words = [stdout, stderr].map(|output| String::from_utf8(output).expect("UTF-8")).concat();
    (status.code(), words)
}

#[test]
fn a_start_names_the_damage_and_serves_the_rest_and_a_repair_lists_and_truncates_it() {
    let directory = damaged();
    let broker = TestBroker::start_on(directory, &[]);
    let mut client = broker.connect();
    assert_eq!(values(&mut client, "good"), Ok(VALUES.map(String::from).to_vec()));
    assert_eq!(values(&mut client, "bad"), Err(ErrorCode::KafkaStorageError as i16));
    assert_eq!(produce_value(&mut client, "bad", 0, "no"), ErrorCode::KafkaStorageError as i16);
    let output = broker.output();
    let file = broker.data().join("bad-0/00000000000000000000.log").display().to_string();
    for part in
        ["bad-0: offline: ", &format!("{file} at byte 1"), &format!("ottla dump {file}"), "ottla repair --log-dir "]
    {
        assert!(output.contains(part), "{part} in {output}");
    }
    let (status, words) = repair(broker.data().parent().expect("below a directory"), &[]);
    assert_eq!(status, Some(2));
    assert!(words.contains("is in use by another broker: stop that broker first"), "{words}");
    let (_, _, directory) = broker.terminate();

    let before = fs::read(segment(directory.path())).expect("it is there");
    let (status, words) = repair(directory.path(), &[]);
    assert_eq!(status, Some(1), "{words}");
    let file = segment(directory.path()).display().to_string();
    for part in [
        "bad-0: damaged at offset 2",
        &format!("{file} at byte 1"),
        "2 good batches with 2 records in them, offsets 3 to 4",
        &format!("to see it: ottla dump {file}"),
        "--yes: the log ends at offset 2",
        "offset 2 is missing then",
        "3 logs looked at: 1 damaged",
        "Nothing was changed",
    ] {
        assert!(words.contains(part), "{part} in {words}");
    }
    assert_eq!(fs::read(segment(directory.path())).expect("it is there"), before);

    let (status, words) = repair(directory.path(), &["--yes"]);
    assert_eq!(status, Some(0), "{words}");
    for part in ["copied ", "truncated ", "bad-0 is good: the next start serves it", "1 mended"] {
        assert!(words.contains(part), "{part} in {words}");
    }
    assert_eq!(fs::read(directory.path().join("data/bad-0/00000000000000000000.log.damaged")).expect("kept"), before);
    assert_eq!(repair(directory.path(), &[]), (Some(0), "3 logs looked at: all are good\n".to_owned()));

    let broker = TestBroker::start_on(directory, &[]);
    let mut client = broker.connect();
    assert_eq!(values(&mut client, "bad"), Ok(vec!["zero".into(), "one".into()]));
    assert_eq!(produce_value(&mut client, "bad", 0, "again"), ErrorCode::None as i16);
    assert_eq!(values(&mut client, "bad"), Ok(vec!["zero".into(), "one".into(), "again".into()]));
}

#[test]
fn a_cut_keeps_what_is_good_behind_the_damage() {
    let directory = damaged();
    let (status, words) = repair(directory.path(), &["--partition", "bad-0", "--yes", "--cut"]);
    assert_eq!(status, Some(0), "{words}");
    assert!(words.contains("damaged bytes out of ") && words.contains("1 log looked at: 1 mended"), "{words}");
    let broker = TestBroker::start_on(directory, &[]);
    let kept = ["zero", "one", "three", "four"].map(String::from).to_vec();
    assert_eq!(values(&mut broker.connect(), "bad"), Ok(kept));
    let dump = Command::new(env!("CARGO_BIN_EXE_ottla"))
        .arg("dump")
        .arg(broker.data().join("bad-0/00000000000000000000.log"))
        .output();
    let dump = dump.expect("the binary starts");
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stdout));
}

#[test]
fn damage_is_truncated_at_the_start_where_the_configuration_says_so() {
    let broker = TestBroker::start_on(damaged(), &["ottla.log.damage=truncate"]);
    let mut client = broker.connect();
    assert_eq!(values(&mut client, "bad"), Ok(vec!["zero".into(), "one".into()]));
    assert_eq!(produce_value(&mut client, "bad", 0, "again"), ErrorCode::None as i16);
    let output = broker.output();
    assert!(output.contains("ottla.log.damage=truncate: ") && output.contains("bytes are cut off"), "{output}");
}

#[test]
fn what_is_not_there_is_not_made() {
    let directory = tempfile::tempdir().expect("a directory");
    let (status, words) = repair(directory.path(), &[]);
    assert_eq!(status, Some(2));
    assert!(words.contains("data does not exist"), "{words}");
    assert!(!directory.path().join("data").exists());
    let directory = damaged();
    let (status, words) = repair(directory.path(), &["--partition", "other-1"]);
    assert_eq!((status, words.contains("there is no partition other-1")), (Some(2), true), "{words}");
}

/// The values in a topic, each of which is a batch of its own, or the error code.
fn values(client: &mut Client, topic: &str) -> Result<Vec<String>, i16> {
    let partitions = vec![FetchPartition { partition_max_bytes: 1 << 20, ..Default::default() }];
    let topics = vec![FetchTopic { topic: topic.into(), partitions, ..Default::default() }];
    let request = FetchRequest { max_wait_ms: 5_000, min_bytes: 1, topics, ..Default::default() };
    let answer: FetchResponse = client.call(11, &request);
    let partition = &answer.responses[0].partitions[0];
    if partition.error_code != 0 {
        return Err(partition.error_code);
    }
    let Some(Records::Bytes(bytes)) = &partition.records else { panic!("there are records") };
    let bytes = bytes.to_bytes();
    let batches =
        batches_of(&bytes).map(|batch| batch.expect("a good batch")).filter(|batch| batch.header().record_count > 0);
    // The value is what lies behind the six bytes that a record begins with, but for one that counts its headers.
    Ok(batches.map(|batch| String::from_utf8(batch.body()[6..batch.body().len() - 1].to_vec()).unwrap()).collect())
}
