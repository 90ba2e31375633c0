//! Several log directories: each has its share of the partitions, and one that fails takes only those along.

mod world;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use ottla_core::boundary::{FileId, HaltReason, Path, StorageCommand};
use ottla_core::memory_disk::MemoryDisk;
use ottla_core::wire::messages::describe_log_dirs::{DescribeLogDirsRequest, DescribeLogDirsResponse};
use ottla_core::wire::messages::metadata::{MetadataRequest, MetadataResponse};
use ottla_core::wire::messages::produce::{PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData};
use world::{Verdict, World, batch};

const TWO: &[(&str, &str)] = &[("log.dirs", "/a,/b")];
const THREE: &[(&str, &str)] = &[("log.dirs", "/a,/b,/c"), ("metadata.log.dir", "/b")];
const KAFKA_STORAGE_ERROR: i16 = 56;
const LEADER_NOT_AVAILABLE: i16 = 5;

fn produce(world: &mut World, topic: &str, index: i32) -> i16 {
    let records = Some(batch(&["a value"]).into());
    let partition_data = vec![PartitionProduceData { index, records, ..Default::default() }];
    let topic_data = vec![TopicProduceData { name: topic.into(), partition_data, ..Default::default() }];
    let request = ProduceRequest { acks: -1, timeout_ms: 5_000, topic_data, ..Default::default() };
    let answer: ProduceResponse = world.call(9, &request);
    answer.responses[0].partition_responses[0].error_code
}

fn produce_to_all(world: &mut World, topic: &str, partitions: i32) -> Vec<i16> {
    (0..partitions).map(|index| produce(world, topic, index)).collect()
}

/// Error, leader and offline replicas of each partition.
fn seen(world: &mut World, topic: &str) -> Vec<(i16, i32, Vec<i32>)> {
    let request = MetadataRequest { topics: None, ..Default::default() };
    let answer: MetadataResponse = world.call(12, &request);
    let topic = answer.topics.into_iter().find(|it| it.name.as_deref() == Some(topic)).expect("it is there");
    let mut partitions = topic.partitions;
    partitions.sort_by_key(|partition| partition.partition_index);
    partitions.into_iter().map(|it| (it.error_code, it.leader_id, it.offline_replicas.to_vec())).collect()
}

/// What each directory is said to hold.
fn described(world: &mut World) -> Vec<(String, i16, Vec<String>)> {
    let answer: DescribeLogDirsResponse = world.call(4, &DescribeLogDirsRequest { topics: None, ..Default::default() });
    let named = answer.results.into_iter().map(|result| {
        let topics = result.topics.iter();
        let partitions = topics.flat_map(|topic| {
            topic.partitions.iter().map(|partition| format!("{}-{}", &*topic.name, partition.partition_index))
        });
        (result.log_dir.to_string(), result.error_code, partitions.collect())
    });
    named.collect()
}

fn dirs_of(disk: &MemoryDisk, log_dir: u16) -> Vec<String> {
    let names = disk.files().filter(|path| path.log_dir == log_dir);
    let dirs: BTreeSet<_> =
        names.filter_map(|path| path.relative.split_once('/')).map(|(dir, _)| dir.to_owned()).collect();
    dirs.into_iter().collect()
}

fn text(disk: &MemoryDisk, log_dir: u16, name: &str) -> String {
    let bytes = disk.file(&Path::new(log_dir, name)).unwrap_or_else(|| panic!("{log_dir}:{name} is missing"));
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

fn properties(disk: &MemoryDisk, log_dir: u16) -> BTreeMap<String, String> {
    let text = text(disk, log_dir, "meta.properties");
    text.lines().filter_map(|line| line.split_once('=')).map(|(key, value)| (key.into(), value.into())).collect()
}

/// Says which directory nothing works in any more.
type Broken = Rc<Cell<Option<u16>>>;

/// A broker with a client, on directories of which one can be broken.
fn breakable(disk: MemoryDisk, properties: &[(&str, &str)], broken_from_the_start: Option<u16>) -> (World, Broken) {
    let broken = Rc::new(Cell::new(broken_from_the_start));
    let mut world = World::starting(disk, properties);
    world.judge = judge(Rc::clone(&broken));
    world.run();
    world.open(world::CLIENT);
    (world, broken)
}

fn judge(broken: Broken) -> Box<dyn FnMut(&StorageCommand) -> Verdict> {
    let mut files: BTreeMap<FileId, u16> = BTreeMap::new();
    Box::new(move |command| {
        let log_dir = match command {
            StorageCommand::List { dir } | StorageCommand::MakeDir { dir } | StorageCommand::SyncDir { dir } => {
                dir.log_dir
            }
            StorageCommand::Open { file, path, .. } => {
                files.insert(*file, path.log_dir);
                path.log_dir
            }
            StorageCommand::Remove { path } => path.log_dir,
            StorageCommand::Rename { from, .. } => from.log_dir,
            StorageCommand::MeasureSpace { log_dir } => *log_dir,
            StorageCommand::Close { .. } => return Verdict::Do,
            StorageCommand::Read { file, .. }
            | StorageCommand::Append { file, .. }
            | StorageCommand::Sync { file }
            | StorageCommand::Truncate { file, .. } => files[file],
        };
        if broken.get() == Some(log_dir) { Verdict::Fail } else { Verdict::Do }
    })
}

fn refused(disk: MemoryDisk, properties: &[(&str, &str)]) -> String {
    let mut world = World::starting(disk, properties);
    world.run();
    match world.halted {
        Some(HaltReason::Unusable(why)) => why,
        other => panic!("expected directories that are refused, got {other:?}"),
    }
}

#[test]
fn each_directory_gets_its_share_of_the_partitions_and_papers_of_its_own() {
    let mut world = World::new(THREE);
    world.create_topic("t", 5);
    world.create_topic("u", 1);
    assert_eq!(produce_to_all(&mut world, "t", 5), [0; 5]);
    let expected = [("/a", vec!["t-0", "t-3"]), ("/b", vec!["t-1", "t-4"]), ("/c", vec!["t-2", "u-0"])];
    let mut said = described(&mut world);
    said.iter_mut().for_each(|(_, _, partitions)| partitions.sort());
    for ((name, error, partitions), (expected_name, expected)) in said.iter().zip(expected) {
        assert_eq!((name.as_str(), *error), (expected_name, 0));
        assert_eq!(*partitions, expected);
    }
    let disk = world.shut_down();
    assert_eq!(dirs_of(&disk, 0), ["t-0", "t-3"]);
    assert_eq!(dirs_of(&disk, 1), ["__cluster_metadata-0", "t-1", "t-4"]);
    let all: Vec<_> = (0..3).map(|log_dir| properties(&disk, log_dir)).collect();
    assert!(all.iter().all(|it| it["cluster.id"] == all[0]["cluster.id"] && it["node.id"] == "1"));
    let ids: BTreeSet<_> = all.iter().map(|it| it["directory.id"].clone()).collect();
    assert_eq!(ids.len(), 3);
    for log_dir in 0..3 {
        assert!(text(&disk, log_dir, ".kafka_cleanshutdown").contains("brokerEpoch"));
    }
    assert_eq!(text(&disk, 0, "recovery-point-offset-checkpoint"), "0\n2\nt 0 1\nt 3 1\n");
    assert!(disk.file(&Path::new(1, "bootstrap.checkpoint")).is_some());
    assert!(disk.file(&Path::new(0, "bootstrap.checkpoint")).is_none());
}

#[test]
fn partitions_are_found_where_they_lie_whatever_the_order_of_the_directories() {
    let mut world = World::new(TWO);
    world.create_topic("t", 4);
    produce_to_all(&mut world, "t", 4);
    let disk = world.shut_down();
    let mut moved = MemoryDisk::new();
    for path in disk.files() {
        // By hand, while nobody looked: t-1 goes to the other directory.
        let log_dir = if path.relative.starts_with("t-1/") { 0 } else { path.log_dir };
        moved.put(&Path::new(log_dir, &*path.relative), disk.file(path).expect("it is listed").to_vec());
    }
    let mut world = World::on(moved, TWO);
    assert_eq!(produce_to_all(&mut world, "t", 4), [0; 4]);
    let said = described(&mut world);
    assert_eq!(said[0].2, ["t-0", "t-1", "t-2"]);
    assert_eq!(said[1].2, ["t-3"]);
    world.create_topic("u", 2);
    assert_eq!(described(&mut world)[1].2.len(), 3, "the records know where t-1 is now");
}

#[test]
fn of_a_partition_in_two_directories_the_one_that_the_metadata_names_counts() {
    let mut world = World::new(TWO);
    world.create_topic("t", 2);
    produce_to_all(&mut world, "t", 2);
    let mut disk = world.shut_down();
    disk.put(&Path::new(1, "t-0/partition.metadata"), "version: 0");
    let mut world = World::on(disk, TWO);
    assert_eq!(produce_to_all(&mut world, "t", 2), [0; 2]);
    assert_eq!(described(&mut world)[0].2, ["t-0"]);
    let dirs = dirs_of(&world.disk, 1);
    assert_eq!((dirs.len(), dirs[1].as_str()), (2, "t-1"), "{dirs:?}");
    assert!(dirs[0].starts_with("t-0.") && dirs[0].ends_with("-stray"), "its bytes are kept: {dirs:?}");
}

#[test]
fn a_partition_in_two_directories_that_the_metadata_does_not_name_is_refused() {
    let three = &[("log.dirs", "/a,/b,/c")];
    let mut world = World::new(three);
    world.create_topic("t", 3);
    let disk = world.shut_down();
    let mut copied = MemoryDisk::new();
    for path in disk.files() {
        let content = disk.file(path).expect("it is listed").to_vec();
        match path.relative.starts_with("t-2/") {
            false => copied.put(path, content),
            true => [0, 1].iter().for_each(|dir| copied.put(&Path::new(*dir, &*path.relative), content.clone())),
        }
    }
    let why = refused(copied, three);
    assert!(why.contains("/b: t-2 is there and in /a too"), "{why}");
}

#[test]
fn a_directory_that_fails_at_the_start_takes_only_its_own_partitions_along() {
    let mut world = World::new(TWO);
    world.create_topic("t", 4);
    produce_to_all(&mut world, "t", 4);
    let disk = world.crash();

    let (mut world, _) = breakable(disk, TWO, Some(1));
    assert_eq!(produce_to_all(&mut world, "t", 4), [0, KAFKA_STORAGE_ERROR, 0, KAFKA_STORAGE_ERROR]);
    let offline = (LEADER_NOT_AVAILABLE, -1, vec![1]);
    assert_eq!(seen(&mut world, "t"), [(0, 1, vec![]), offline.clone(), (0, 1, vec![]), offline]);
    let said = described(&mut world);
    assert_eq!(said[0], ("/a".into(), 0, vec!["t-0".into(), "t-2".into()]));
    assert_eq!(said[1], ("/b".into(), KAFKA_STORAGE_ERROR, vec![]));
    world.create_topic("u", 3);
    assert_eq!(produce_to_all(&mut world, "u", 3), [0; 3], "new partitions go where there is room");
    let texts: Vec<_> = world.reports.iter().map(|report| report.text.as_str()).collect();
    assert!(texts.iter().any(|text| text.starts_with("log directory /b can't be used: ")), "{texts:?}");

    let mut world = World::on(world.crash(), TWO);
    assert_eq!(produce_to_all(&mut world, "t", 4), [0; 4], "all is there when the directory is");
    assert_eq!(produce_to_all(&mut world, "u", 3), [0; 3]);
}

#[test]
fn a_directory_that_fails_while_running_takes_only_its_own_partitions_along() {
    let (mut world, broken) = breakable(MemoryDisk::new(), TWO, None);
    world.create_topic("t", 4);
    assert_eq!(produce_to_all(&mut world, "t", 4), [0; 4]);
    broken.set(Some(1));
    assert_eq!(produce(&mut world, "t", 1), KAFKA_STORAGE_ERROR);
    assert_eq!(produce_to_all(&mut world, "t", 4), [0, KAFKA_STORAGE_ERROR, 0, KAFKA_STORAGE_ERROR]);
    assert_eq!(seen(&mut world, "t")[1], (LEADER_NOT_AVAILABLE, -1, vec![1]));
    world.create_topic("v", 2);
    assert_eq!(produce_to_all(&mut world, "v", 2), [0, 0]);
    assert!(world.halted.is_none());
    let texts: Vec<_> = world.reports.iter().map(|report| report.text.as_str()).collect();
    assert!(texts.iter().any(|text| text.contains("/b") && text.contains("Its 2 partitions are offline")), "{texts:?}");
}

#[test]
fn after_one_directory_failed_the_others_are_left_clean() {
    let (mut world, broken) = breakable(MemoryDisk::new(), TWO, None);
    world.create_topic("t", 2);
    broken.set(Some(1));
    assert_eq!(produce_to_all(&mut world, "t", 2), [0, KAFKA_STORAGE_ERROR]);
    world.handle(ottla_core::boundary::Input::Shutdown);
    assert_eq!(world.halted, Some(HaltReason::Clean));
    assert!(world.disk.file(&Path::new(0, ".kafka_cleanshutdown")).is_some());
    assert!(world.disk.file(&Path::new(1, ".kafka_cleanshutdown")).is_none());
}

#[test]
fn without_the_metadata_logs_directory_there_is_no_broker() {
    let disk = World::new(TWO).shut_down();
    let (world, _) = breakable(disk, TWO, Some(0));
    assert!(matches!(&world.halted, Some(HaltReason::Unusable(why)) if why.contains("/a")), "{:?}", world.halted);

    let (mut world, broken) = breakable(MemoryDisk::new(), TWO, None);
    broken.set(Some(0));
    let topic = ottla_core::wire::messages::create_topics::CreatableTopic {
        name: "t".into(),
        num_partitions: 1,
        replication_factor: 1,
        ..Default::default()
    };
    let request = ottla_core::wire::messages::create_topics::CreateTopicsRequest {
        topics: vec![topic],
        timeout_ms: 1_000,
        ..Default::default()
    };
    world.send(7, &request);
    let why = "It holds the metadata log";
    assert!(matches!(&world.halted, Some(HaltReason::Unusable(text)) if text.contains(why)), "{:?}", world.halted);
}

#[test]
fn directories_that_do_not_belong_together_are_refused() {
    let other = World::new(&[("log.dirs", "/other"), ("node.id", "1")]).shut_down();
    let other_meta = text(&other, 0, "meta.properties").replace("cluster.id=", "cluster.id=x");
    let disk = World::new(&[("log.dirs", "/a")]).shut_down();

    let mut strange = disk.clone();
    strange.put(&Path::new(1, "meta.properties"), other_meta.clone());
    let why = refused(strange, TWO);
    assert!(why.starts_with("log directory /b: meta.properties has cluster.id="), "{why}");

    let mut copied = disk.clone();
    copied.put(&Path::new(1, "meta.properties"), text(&disk, 0, "meta.properties"));
    let why = refused(copied, TWO);
    assert!(why.contains("directory.id of /a"), "{why}");

    let mut unmounted = MemoryDisk::new();
    unmounted.put(&Path::new(1, "meta.properties"), other_meta);
    let why = refused(unmounted, TWO);
    assert!(why.contains("Is a disk not mounted?"), "{why}");

    let mut elsewhere = World::new(TWO).shut_down();
    elsewhere.put(&Path::new(1, "__cluster_metadata-0/quorum-state"), "{}");
    let why = refused(elsewhere, TWO);
    assert!(why.contains("/b: it holds the metadata log"), "{why}");
}

#[test]
fn the_metadata_log_may_have_a_directory_of_its_own() {
    let properties = &[("log.dirs", "/a,/b"), ("metadata.log.dir", "/m")];
    let mut world = World::new(properties);
    world.create_topic("t", 2);
    assert_eq!(produce_to_all(&mut world, "t", 2), [0, 0]);
    assert_eq!(described(&mut world).len(), 2, "it holds no partitions");
    let disk = world.shut_down();
    assert_eq!(dirs_of(&disk, 2), ["__cluster_metadata-0"]);
    assert!(disk.file(&Path::new(2, ".kafka_cleanshutdown")).is_none());
    let mut world = World::on(disk, properties);
    assert_eq!(produce_to_all(&mut world, "t", 2), [0, 0]);
}

#[test]
fn a_first_start_may_end_at_any_command_and_the_next_one_goes_on() {
    for commands in 0..200 {
        let mut left = commands;
        let mut world = World::starting(MemoryDisk::new(), TWO);
        world.judge = Box::new(move |_| {
            let is_over = left == 0;
            left = left.max(1) - 1;
            if is_over { Verdict::Hold } else { Verdict::Do }
        });
        world.run();
        let was_serving = world.broker.serving().is_some();
        let mut world = World::on(world.crash(), TWO);
        assert!(world.halted.is_none(), "after {commands} commands: {:?}", world.halted);
        world.create_topic("t", 2);
        assert_eq!(produce_to_all(&mut world, "t", 2), [0, 0], "after {commands} commands");
        if was_serving {
            return;
        }
    }
    panic!("a start has fewer commands");
}
