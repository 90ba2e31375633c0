//! What clients ask of a broker with several log directories, and what its disks do.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use bytes::Bytes;
use ottla_core::boundary::{FileId, StorageCommand};
use ottla_core::memory_disk::MemoryDisk;
use ottla_core::records::{OutputLimit, batches_of};
use ottla_core::wire::Records;
use ottla_core::wire::messages::alter_replica_log_dirs::{
    AlterReplicaLogDir, AlterReplicaLogDirTopic, AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse,
};
use ottla_core::wire::messages::describe_log_dirs::{DescribeLogDirsRequest, DescribeLogDirsResponse};
use ottla_core::wire::messages::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic};
use ottla_core::wire::messages::produce::{PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData};

use crate::world::{Verdict, World, batch};

pub const TWO: &[(&str, &str)] = &[("log.dirs", "/a,/b")];
pub const STRICT: &[(&str, &str)] =
    &[("log.dirs", "/a,/b"), ("log.flush.interval.messages", "1"), ("log.segment.bytes", "1048576")];
pub const NONE: i16 = 0;

pub fn produce_request(topic: &str, records: Bytes) -> ProduceRequest {
    let partition_data = vec![PartitionProduceData { index: 0, records: Some(records.into()), ..Default::default() }];
    let topic_data = vec![TopicProduceData { name: topic.into(), partition_data, ..Default::default() }];
    ProduceRequest { acks: -1, timeout_ms: 5_000, topic_data, ..Default::default() }
}

/// Error and base offset.
pub fn produce(world: &mut World, topic: &str, records: Bytes) -> (i16, i64) {
    let answer: ProduceResponse = world.call(9, &produce_request(topic, records));
    let partition = &answer.responses[0].partition_responses[0];
    (partition.error_code, partition.base_offset)
}

pub fn alter(world: &mut World, topic: &str, index: i32, path: &str) -> i16 {
    let topics = vec![AlterReplicaLogDirTopic { name: topic.into(), partitions: vec![index], ..Default::default() }];
    let dirs = vec![AlterReplicaLogDir { path: path.into(), topics, ..Default::default() }];
    let answer: AlterReplicaLogDirsResponse = world.call(2, &AlterReplicaLogDirsRequest { dirs, ..Default::default() });
    answer.results[0].partitions[0].error_code
}

/// Directory, lag and whether it is a replica on its way, of each replica of a topic.
pub fn replicas(world: &mut World, topic: &str) -> Vec<(String, i64, bool)> {
    let answer: DescribeLogDirsResponse = world.call(4, &DescribeLogDirsRequest { topics: None, ..Default::default() });
    let named = answer.results.iter().flat_map(|result| {
        let topics = result.topics.iter().filter(|it| &*it.name == topic);
        let partitions = topics.flat_map(|topic| topic.partitions.iter());
        partitions.map(|partition| (result.log_dir.to_string(), partition.offset_lag, partition.is_future_key))
    });
    named.collect()
}

pub fn fetch_request(topic: &str, fetch_offset: i64) -> FetchRequest {
    let partitions = vec![FetchPartition {
        partition: 0,
        fetch_offset,
        partition_max_bytes: 1 << 20,
        current_leader_epoch: -1,
        ..Default::default()
    }];
    let topics = vec![FetchTopic { topic: topic.into(), partitions, ..Default::default() }];
    FetchRequest { max_bytes: 1 << 20, topics, ..Default::default() }
}

/// The values of all records, by offset, as a consumer reads them.
pub fn records(world: &mut World, topic: &str, from: i64) -> Vec<(i64, String)> {
    let mut found: Vec<(i64, String)> = Vec::new();
    loop {
        let fetch_offset = found.last().map_or(from, |(offset, _)| offset + 1);
        let answer: FetchResponse = world.call(12, &fetch_request(topic, fetch_offset));
        let partition = &answer.responses[0].partitions[0];
        assert_eq!(partition.error_code, 0, "at {fetch_offset}");
        let before = found.len();
        let read = partition.records.as_ref().map(bytes_of).unwrap_or_default();
        for batch in batches_of(&read) {
            let batch = batch.expect("a batch");
            batch.verify().expect("a good batch");
            let mut records = batch.records(OutputLimit::default()).expect("records");
            while let Some(record) = records.next_record().expect("a record") {
                if record.offset.0 >= fetch_offset {
                    let value = record.value.as_ref().map(|value| String::from_utf8_lossy(value).into_owned());
                    found.push((record.offset.0, value.unwrap_or_default()));
                }
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

pub fn bytes_of(records: &Records) -> Bytes {
    match records {
        Records::Bytes(bytes) => bytes.to_bytes(),
        other => panic!("a decoded answer holds bytes, not {other:?}"),
    }
}

pub fn numbered(range: std::ops::Range<i64>) -> Vec<(i64, String)> {
    range.map(|offset| (offset, format!("v{offset}"))).collect()
}

pub fn produce_numbered(world: &mut World, topic: &str, range: std::ops::Range<i64>) {
    for offset in range {
        assert_eq!(produce(world, topic, batch(&[&format!("v{offset}")])), (NONE, offset));
    }
}

pub fn dirs_of(disk: &MemoryDisk, log_dir: u16) -> Vec<String> {
    let names = disk.files().filter(|path| path.log_dir == log_dir);
    let dirs: BTreeSet<_> =
        names.filter_map(|path| path.relative.split_once('/')).map(|(dir, _)| dir.to_owned()).collect();
    dirs.into_iter().collect()
}

/// After so many commands all others are held.
pub fn everywhere(left: Rc<Cell<i32>>) -> Judge {
    Box::new(move |_| {
        left.set(left.get() - 1);
        if left.get() < 0 { Verdict::Hold } else { Verdict::Do }
    })
}

/// After so many commands in `/b` the others there are treated like this.
pub fn in_b(left: Rc<Cell<i32>>, then: Verdict) -> Judge {
    let mut files: BTreeMap<FileId, u16> = BTreeMap::new();
    Box::new(move |command| {
        let log_dir = match command {
            StorageCommand::Open { file, path, .. } => {
                files.insert(*file, path.log_dir);
                path.log_dir
            }
            StorageCommand::List { dir } | StorageCommand::MakeDir { dir } | StorageCommand::SyncDir { dir } => {
                dir.log_dir
            }
            StorageCommand::Remove { path } | StorageCommand::Rename { from: path, .. } => path.log_dir,
            StorageCommand::Append { file, .. }
            | StorageCommand::Read { file, .. }
            | StorageCommand::Sync { file }
            | StorageCommand::Close { file }
            | StorageCommand::Truncate { file, .. } => files.get(file).copied().unwrap_or(0),
            StorageCommand::MeasureSpace { .. } => 0,
        };
        if log_dir == 0 {
            return Verdict::Do;
        }
        left.set(left.get() - 1);
        if left.get() < 0 { then } else { Verdict::Do }
    })
}

/// A judge of storage commands, with the number of commands that it still lets pass.
pub type Judge = Box<dyn FnMut(&StorageCommand) -> Verdict>;

/// A world in which six records of `t` go to `/b` while commands are judged, for as long as that takes where nothing is in the
/// way. Whether the judge never had a say.
pub fn on_its_way(
    properties: &[(&str, &str)],
    commands: i32,
    judge: impl FnOnce(Rc<Cell<i32>>) -> Judge,
) -> (World, bool) {
    let mut world = World::new(properties);
    world.create_topic("t", 1);
    produce_numbered(&mut world, "t", 0..6);
    let left = Rc::new(Cell::new(commands));
    world.judge = judge(Rc::clone(&left));
    assert_eq!(alter(&mut world, "t", 0, "/b"), NONE);
    world.pass_ms(20);
    (world, left.get() >= 0)
}

/// A world in which five records of `t` are in `/b`, under a name that is still to come.
pub fn about_to_be_named() -> World {
    let mut world = World::new(TWO);
    world.create_topic("t", 1);
    produce_numbered(&mut world, "t", 0..5);
    world.judge = Box::new(|command| match command {
        StorageCommand::Rename { from, .. } if from.relative.ends_with("-future") => Verdict::Hold,
        _ => Verdict::Do,
    });
    assert_eq!(alter(&mut world, "t", 0, "/b"), NONE);
    world.pass_ms(5);
    assert_eq!(world.held(), 1, "its name is still to come");
    world
}

/// Lets moves go on until they are over.
pub fn settle(world: &mut World) {
    for _ in 0..1_000 {
        if replicas(world, "t").iter().all(|(_, _, is_future)| !is_future) {
            return;
        }
        world.pass_ms(1);
    }
    panic!("a move does not come to its end: {:?}", world.reports);
}
