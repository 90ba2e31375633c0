//! A disk that fails under one partition, on all three runtimes: that partition answers KAFKA_STORAGE_ERROR, what was
//! acknowledged is there when the disk is well again, and everything else goes on.

mod support;

use std::collections::HashSet;
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex};

use ottla_core::boundary::{FileId, StorageCommand, StorageError, StorageResult};
use ottla_core::error_code::ErrorCode;
use ottla_core::wire::Records;
use ottla_core::wire::messages::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic};
use ottla_runtime::Disk;
use ottla_storage::Storage;
use support::Client;
use support::load::{create_topic, produce_value};
use support::served::{Run, Served};

const SYNC_EACH_MESSAGE: &[(&str, &str)] = &[("log.flush.interval.messages", "1")];

#[test]
fn a_full_disk_on_std() {
    a_full_disk(ottla_runtime_std::run, ottla_runtime_std::run);
}

#[test]
fn a_full_disk_on_tokio() {
    a_full_disk(ottla_runtime_tokio::run, ottla_runtime_tokio::run);
}

#[test]
fn a_full_disk_on_smol() {
    a_full_disk(ottla_runtime_smol::run, ottla_runtime_smol::run);
}

#[test]
fn a_failing_sync_on_std() {
    a_failing_sync(ottla_runtime_std::run, ottla_runtime_std::run);
}

#[test]
fn a_failing_sync_on_tokio() {
    a_failing_sync(ottla_runtime_tokio::run, ottla_runtime_tokio::run);
}

#[test]
fn a_failing_sync_on_smol() {
    a_failing_sync(ottla_runtime_smol::run, ottla_runtime_smol::run);
}

fn a_full_disk(run: Run<FailingDisk>, run_again: Run<Storage>) {
    let dir = tempfile::tempdir().unwrap();
    let disk = FailingDisk::open(dir.path());
    let fault = Arc::clone(&disk.fault);
    let server = Served::start(run, dir.path(), disk, &[]);
    let mut client = Client::connect(server.address);
    for topic in ["bad", "good"] {
        create_topic(&mut client, topic, 1, &[]);
    }
    assert_eq!(produce(&mut client, "bad", "acknowledged"), ErrorCode::None);

    set(&fault, Fault::NoSpace);
    assert_eq!(produce(&mut client, "bad", "too much"), ErrorCode::KafkaStorageError);
    assert_eq!(produce(&mut client, "good", "goes on"), ErrorCode::None);
    assert_eq!(values(&mut client, "good"), ["goes on"]);
    server.stop();

    all_is_there_when_the_disk_is_well(run_again, dir.path());
}

fn a_failing_sync(run: Run<FailingDisk>, run_again: Run<Storage>) {
    let dir = tempfile::tempdir().unwrap();
    let disk = FailingDisk::open(dir.path());
    let fault = Arc::clone(&disk.fault);
    let server = Served::start(run, dir.path(), disk, SYNC_EACH_MESSAGE);
    let mut client = Client::connect(server.address);
    for topic in ["bad", "good"] {
        create_topic(&mut client, topic, 1, &[]);
    }
    assert_eq!(produce(&mut client, "bad", "acknowledged"), ErrorCode::None);

    set(&fault, Fault::NoSync);
    assert_eq!(produce(&mut client, "bad", "in doubt"), ErrorCode::KafkaStorageError);
    set(&fault, Fault::None);
    assert_eq!(produce(&mut client, "bad", "too late"), ErrorCode::KafkaStorageError, "a failed sync is final");
    assert_eq!(produce(&mut client, "good", "goes on"), ErrorCode::None);
    server.stop();

    all_is_there_when_the_disk_is_well(run_again, dir.path());
}

fn all_is_there_when_the_disk_is_well(run: Run<Storage>, dir: &Path) {
    let server = Served::start(run, dir, Storage::open(&[dir.into()]).unwrap(), &[]);
    let mut client = Client::connect(server.address);
    assert_eq!(values(&mut client, "bad")[0], "acknowledged");
    assert_eq!(values(&mut client, "good"), ["goes on"]);
    assert_eq!(produce(&mut client, "bad", "as before"), ErrorCode::None);
    assert_eq!(values(&mut client, "bad").last().unwrap(), "as before");
    server.stop();
}

/// A disk that fails in the partition directory `bad-0`.
struct FailingDisk {
    storage: Storage,
    fault: Arc<Mutex<Fault>>,
    bad_files: Mutex<HashSet<FileId>>,
}

/// What fails at present.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    NoSpace,
    NoSync,
}

fn set(present: &Mutex<Fault>, fault: Fault) {
    *present.lock().unwrap() = fault;
}

impl FailingDisk {
    fn open(dir: &Path) -> Self {
        let storage = Storage::open(&[dir.into()]).unwrap();
        Self { storage, fault: Arc::new(Mutex::new(Fault::None)), bad_files: Mutex::default() }
    }

    fn is_bad(&self, file: FileId) -> bool {
        self.bad_files.lock().unwrap().contains(&file)
    }
}

impl Disk for FailingDisk {
    fn run(&self, command: &StorageCommand) -> StorageResult {
        let fault = *self.fault.lock().unwrap();
        match command {
            StorageCommand::Open { file, path, .. } if path.relative.starts_with("bad-0/") => {
                self.bad_files.lock().unwrap().insert(*file);
            }
            StorageCommand::Append { file, .. } if fault == Fault::NoSpace && self.is_bad(*file) => {
                return StorageResult::NotDone(StorageError::Full);
            }
            StorageCommand::Sync { file } if fault == Fault::NoSync && self.is_bad(*file) => {
                return StorageResult::Unknown(StorageError::Io("input/output error".into()));
            }
            _ => {}
        }
        self.storage.run(command)
    }

    fn file(&self, file: FileId) -> Option<Arc<File>> {
        self.storage.file(file)
    }

    fn release(&self) {
        self.storage.release();
    }
}

fn produce(client: &mut Client, topic: &str, value: &str) -> ErrorCode {
    let code = produce_value(client, topic, 0, value);
    [ErrorCode::None, ErrorCode::KafkaStorageError]
        .into_iter()
        .find(|known| *known as i16 == code)
        .unwrap_or_else(|| panic!("unexpected error code {code}"))
}

/// The values in a topic, each of which is a batch of its own.
fn values(client: &mut Client, topic: &str) -> Vec<String> {
    let partitions = vec![FetchPartition { partition_max_bytes: 1 << 20, ..Default::default() }];
    let topics = vec![FetchTopic { topic: topic.into(), partitions, ..Default::default() }];
    let request = FetchRequest { max_wait_ms: 5_000, min_bytes: 1, topics, ..Default::default() };
    let answer: FetchResponse = client.call(11, &request);
    let partition = &answer.responses[0].partitions[0];
    assert_eq!(partition.error_code, 0);
    let Some(Records::Bytes(records)) = &partition.records else { panic!("there are records") };
    let mut rest = records.to_bytes();
    let mut values = Vec::new();
    while !rest.is_empty() {
        let size_bytes = 12 + u32::from_be_bytes(rest[8..12].try_into().unwrap()) as usize;
        let batch = rest.split_to(size_bytes);
        // The value is what lies behind the header and six bytes of the record, but for one that counts its headers.
        values.push(String::from_utf8(batch[67..size_bytes - 1].to_vec()).unwrap());
    }
    values
}
