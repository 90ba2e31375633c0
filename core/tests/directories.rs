//! Directories that somebody left, and what a broker makes of them.

mod world;

use std::collections::BTreeSet;

use bytes::Bytes;
use ottla_core::boundary::{HaltReason, Path, Report, StorageCommand};
use ottla_core::memory_disk::MemoryDisk;
use ottla_core::metadata::{batch as metadata_batch, features_of};
use ottla_core::records::BatchHeader;
use ottla_core::time::WallClock;
use ottla_core::types::{LeaderEpoch, Offset};
use ottla_core::wire::messages::delete_topics::{DeleteTopicState, DeleteTopicsRequest, DeleteTopicsResponse};
use ottla_core::wire::messages::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic};
use ottla_core::wire::messages::metadata::{MetadataRequest, MetadataResponse};
use ottla_core::wire::messages::metadata_records::{FeatureLevelRecord, PartitionRecord, TopicRecord};
use ottla_core::wire::messages::produce::{PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData};
use ottla_core::wire::{MetadataRecord, Records, Uuid};
use world::{Verdict, World, batch};

const META: &str = "version=1\nnode.id=1\ndirectory.id=JuCGMOO3HCzU5ihVdYosxA\ncluster.id=5L6g3nShT-eMCtK--X86sw\n";
const METADATA_LOG: &str = "__cluster_metadata-0/00000000000000000000.log";
const KAFKAS_LOG: &[u8] = include_bytes!("data/cluster-metadata.log");
const KAFKAS_SNAPSHOT: &[u8] = include_bytes!("data/metadata-snapshot.checkpoint");
const FOO: Uuid = Uuid(0x4000_8000_0000_0000_0091);

fn path(name: &str) -> Path {
    Path::new(0, name)
}

fn text(disk: &MemoryDisk, name: &str) -> String {
    String::from_utf8(disk.file(&path(name)).unwrap_or_else(|| panic!("{name} is missing")).to_vec()).unwrap()
}

/// The course's: a metadata log from offset 1 on without registrations, and a partition with one batch.
fn courses(records: &Bytes) -> MemoryDisk {
    let level = FeatureLevelRecord { name: "metadata.version".into(), feature_level: 20, ..Default::default() };
    let topic = TopicRecord { name: "foo".into(), topic_id: FOO, ..Default::default() };
    let partition = PartitionRecord {
        partition_id: 0,
        topic_id: FOO,
        replicas: vec![1],
        isr: vec![1],
        leader: 1,
        leader_epoch: 0,
        partition_epoch: 0,
        directories: vec![Uuid::parse("JuCGMOO3HCzU5ihVdYosxA").unwrap()],
        ..Default::default()
    };
    let level: MetadataRecord = level.into();
    let features = features_of(std::slice::from_ref(&level));
    let now = WallClock(1_700_000_000_000);
    let log = [
        metadata_batch(&[level], &features, Offset(1), LeaderEpoch(1), now),
        metadata_batch(&[topic.into(), partition.into()], &features, Offset(2), LeaderEpoch(1), now),
    ];
    let mut disk = MemoryDisk::new();
    disk.put(&path("meta.properties"), META);
    disk.put(&path(".kafka_cleanshutdown"), "{}");
    disk.put(&path(METADATA_LOG), log.concat());
    disk.put(&path("__cluster_metadata-0/partition.metadata"), "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ");
    disk.put(&path("foo-0/partition.metadata"), format!("version: 0\ntopic_id: {FOO}=="));
    disk.put(&path("foo-0/00000000000000000000.log"), records.to_vec());
    disk
}

fn unusable(disk: MemoryDisk, properties: &[(&str, &str)]) -> String {
    let mut world = World::starting(disk, properties);
    world.run();
    match world.halted {
        Some(HaltReason::Unusable(why)) => why,
        other => panic!("expected a directory that is refused, got {other:?}"),
    }
}

/// Names, and the leader epoch of each partition.
fn topics(world: &mut World) -> Vec<(String, Vec<i32>)> {
    let answer: MetadataResponse = world.call(12, &MetadataRequest { topics: None, ..Default::default() });
    let mut topics: Vec<_> = answer
        .topics
        .iter()
        .map(|topic| {
            assert_eq!(topic.error_code, 0);
            let epochs = topic.partitions.iter().map(|partition| {
                assert_eq!((partition.error_code, partition.leader_id), (0, 1));
                partition.leader_epoch
            });
            (topic.name.as_ref().unwrap().to_string(), epochs.collect())
        })
        .collect();
    topics.sort();
    topics
}

fn fetch(world: &mut World, topic_id: Uuid) -> Bytes {
    let partition = FetchPartition { partition_max_bytes: 1 << 20, ..Default::default() };
    let topic = FetchTopic { topic_id, partitions: vec![partition], ..Default::default() };
    let answer: FetchResponse = world.call(16, &FetchRequest { topics: vec![topic], ..Default::default() });
    let data = &answer.responses[0].partitions[0];
    assert_eq!(data.error_code, 0);
    match &data.records {
        Some(Records::Bytes(bytes)) => bytes.to_bytes(),
        other => panic!("a decoded answer holds bytes, not {other:?}"),
    }
}

fn produce(world: &mut World, topic: &str, records: Bytes) -> i64 {
    let data = PartitionProduceData { index: 0, records: Some(records.into()), ..Default::default() };
    let topic = TopicProduceData { name: topic.into(), partition_data: vec![data], ..Default::default() };
    let request = ProduceRequest { acks: -1, timeout_ms: 1_000, topic_data: vec![topic], ..Default::default() };
    let answer: ProduceResponse = world.call(11, &request);
    let partition = &answer.responses[0].partition_responses[0];
    assert_eq!(partition.error_code, 0);
    partition.base_offset
}

fn delete(world: &mut World, name: &str) {
    let topics = vec![DeleteTopicState { name: Some(name.into()), ..Default::default() }];
    world.send(6, &DeleteTopicsRequest { topics, timeout_ms: 1_000, ..Default::default() });
    if let Some(answer) = world.answer::<DeleteTopicsResponse>(6) {
        assert_eq!(answer.responses[0].error_code, 0);
    }
}

#[test]
fn the_courses_empty_directory_just_works() {
    let mut disk = MemoryDisk::new();
    disk.put(&path("meta.properties"), META);
    disk.put(&path(".kafka_cleanshutdown"), "{}");
    let mut world = World::on(disk, &[]);
    assert!(topics(&mut world).is_empty());
    world.create_topic("new", 2);
    let mut world = World::on(world.crash(), &[]);
    assert_eq!(topics(&mut world), [("new".to_string(), vec![1, 1])]);
}

#[test]
fn the_courses_records_are_served_as_they_lie_and_its_epochs_stay() {
    let records = batch(&["hello", "world"]);
    let mut world = World::on(courses(&records), &[]);
    assert_eq!(topics(&mut world), [("foo".to_string(), vec![0])]);
    assert_eq!(fetch(&mut world, FOO), records);
    assert_eq!(produce(&mut world, "foo", batch(&["more"])), 2);
    let disk = world.shut_down();
    let log = disk.file(&path("foo-0/00000000000000000000.log")).unwrap();
    assert_eq!(log[..records.len()], records);
    let header = BatchHeader::parse(&log[records.len()..]).unwrap();
    assert_eq!((header.base_offset, header.partition_leader_epoch), (Offset(2), LeaderEpoch(0)));
    assert!(text(&disk, ".kafka_cleanshutdown").starts_with("{\"version\":0,\"brokerEpoch\":"));

    let mut world = World::on(disk, &[]);
    assert_eq!(topics(&mut world), [("foo".to_string(), vec![2])], "given up at the stop, taken back at the start");
    assert_eq!(produce(&mut world, "foo", batch(&["more"])), 3);
}

#[test]
fn kafkas_metadata_is_served_and_partitions_without_a_directory_are_made() {
    let mut disk = MemoryDisk::new();
    disk.put(&path("meta.properties"), META);
    disk.put(&path(METADATA_LOG), KAFKAS_LOG);
    let mut world = World::on(disk, &[]);
    let topics = topics(&mut world);
    assert_eq!(topics.len(), 13);
    assert!(topics.contains(&("plain".to_string(), vec![4, 4, 4])));
    assert!(topics.contains(&("empty".to_string(), vec![4, 4, 4, 4])));
    assert_eq!(produce(&mut world, "plain", batch(&["a"])), 0);
    let disk = world.shut_down();
    let dirs: BTreeSet<_> = disk.files().map(|file| file.parent().to_string()).filter(|dir| !dir.is_empty()).collect();
    assert_eq!(dirs.len(), 26, "25 partitions and the metadata");
}

#[test]
fn each_start_is_a_new_leader_epoch_after_a_crash_as_after_a_stop() {
    let mut world = World::new(&[]);
    world.create_topic("letters", 1);
    let mut last = topics(&mut world)[0].1[0];
    for is_clean in [false, true, false, false, true] {
        world = World::on(if is_clean { world.shut_down() } else { world.crash() }, &[]);
        let epoch = topics(&mut world)[0].1[0];
        assert!(epoch > last, "{epoch} after {last}");
        last = epoch;
        produce(&mut world, "letters", batch(&["a"]));
    }
    let topic = world.create_topic("later", 1);
    produce(&mut world, "later", batch(&["a"]));
    assert_eq!(BatchHeader::parse(&fetch(&mut world, topic)).unwrap().partition_leader_epoch, LeaderEpoch(0));
}

#[test]
fn another_nodes_directory_is_refused_and_nothing_in_it_is_changed() {
    let disk = courses(&batch(&["a"]));
    let before: Vec<_> = disk.files().cloned().collect();
    let mut world = World::starting(disk, &[("node.id", "2")]);
    world.run();
    let Some(HaltReason::Unusable(why)) = &world.halted else { panic!("{:?}", world.halted) };
    assert!(why.contains("meta.properties has node.id=1, but the configuration has node.id=2"), "{why}");
    assert_eq!(world.disk.files().cloned().collect::<Vec<_>>(), before);
}

#[test]
fn a_damaged_metadata_log_is_refused_and_says_where() {
    let mut disk = MemoryDisk::new();
    disk.put(&path("meta.properties"), META);
    disk.put(&path(".kafka_cleanshutdown"), "{}");
    let mut log = KAFKAS_LOG.to_vec();
    log[500] ^= 1;
    disk.put(&path(METADATA_LOG), log);
    let why = unusable(disk, &[]);
    assert!(why.contains("the metadata log can't be"), "{why}");
}

#[test]
fn a_metadata_log_that_ends_before_its_snapshot_is_refused() {
    let mut disk = MemoryDisk::new();
    disk.put(&path("meta.properties"), META);
    disk.put(&path("__cluster_metadata-0/00000000000000000066-0000000001.checkpoint"), KAFKAS_SNAPSHOT);
    let why = unusable(disk, &[]);
    assert!(why.contains("the metadata log ends at offset 0, but its snapshot holds the records up to 66"), "{why}");
}

#[test]
fn a_topic_whose_removal_was_cut_short_does_not_come_back_under_the_same_name() {
    let mut world = World::new(&[]);
    let old = world.create_topic("letters", 1);
    produce(&mut world, "letters", batch(&["old"]));
    world.judge =
        Box::new(|command| if matches!(command, StorageCommand::Rename { .. }) { Verdict::Hold } else { Verdict::Do });
    delete(&mut world, "letters");
    let disk = world.crash();
    assert!(disk.file(&path("letters-0/00000000000000000000.log")).is_some());

    let mut world = World::on(disk, &[]);
    assert!(topics(&mut world).is_empty());
    assert!(world.reports.iter().any(|report| report.text.starts_with("letters-0 belongs to no topic")));
    let new = world.create_topic("letters", 1);
    assert_ne!(new, old);
    assert_eq!(fetch(&mut world, new), Bytes::new());
    assert_eq!(produce(&mut world, "letters", batch(&["new"])), 0);
    let kept = world.disk.files().filter(|file| file.relative.contains("-stray/")).count();
    assert!(kept > 0, "the old bytes are kept");
}

/// A topic was deleted and made anew under its name, and a power loss undid what became of the directories: the old one
/// has its name again.
fn with_the_old_directory_back() -> (MemoryDisk, Uuid) {
    let mut world = World::new(&[]);
    world.create_topic("letters", 1);
    produce(&mut world, "letters", batch(&["old", "records"]));
    let is_in = |file: &&Path| file.relative.starts_with("letters-0/");
    let old: Vec<_> = world.disk.files().filter(is_in).cloned().collect();
    let old: Vec<_> = old.into_iter().map(|file| (file.clone(), world.disk.file(&file).unwrap().to_vec())).collect();
    delete(&mut world, "letters");
    let topic_id = world.create_topic("letters", 1);
    let mut disk = world.crash();
    disk.execute(StorageCommand::Remove { path: path("letters-0") });
    old.into_iter().for_each(|(file, bytes)| disk.put(&file, bytes));
    (disk, topic_id)
}

#[test]
fn a_directory_of_a_deleted_topic_that_is_back_is_set_aside_and_the_new_topic_of_its_name_begins_anew() {
    let (disk, topic_id) = with_the_old_directory_back();
    let mut world = World::on(disk, &[]);
    let said = |report: &Report| report.text.starts_with("letters-0 belongs to topic id");
    assert!(world.reports.iter().any(said), "{:?}", world.reports);
    assert_eq!(fetch(&mut world, topic_id), Bytes::new());
    assert_eq!(produce(&mut world, "letters", batch(&["new"])), 0);
    let kept = |disk: &MemoryDisk| disk.files().filter(|file| file.relative.contains("-stray/")).count();
    assert!(kept(&world.disk) > 0, "the old bytes are kept");

    let mut world = World::on(world.shut_down(), &[]);
    assert!(!world.reports.iter().any(said));
    assert_eq!(produce(&mut world, "letters", batch(&["newer"])), 1);
    assert!(kept(&world.disk) > 0);
}

#[test]
fn a_directory_of_a_deleted_topic_that_can_not_be_set_aside_takes_only_that_partition_offline() {
    let (disk, _) = with_the_old_directory_back();
    let mut world = World::starting(disk, &[]);
    world.judge = Box::new(|command| match command {
        StorageCommand::Rename { to, .. } if to.relative.ends_with("-stray") => Verdict::Fail,
        _ => Verdict::Do,
    });
    world.run();
    world.open(world::CLIENT);
    let said = |report: &Report| report.text.contains("letters-0 is another topic's and could not be set aside");
    assert!(world.reports.iter().any(said), "{:?}", world.reports);
    world.create_topic("numbers", 1);
    assert_eq!(produce(&mut world, "numbers", batch(&["1"])), 0);
    assert_eq!(world.halted, None);
}

#[test]
fn a_directory_of_a_topic_that_never_was_is_taken_for_damage_and_its_partition_is_offline() {
    let mut world = World::new(&[]);
    world.create_topic("letters", 1);
    produce(&mut world, "letters", batch(&["precious"]));
    let mut disk = world.shut_down();
    let metadata = path("letters-0/partition.metadata");
    disk.put(&metadata, format!("version: 0\ntopic_id: {FOO}=="));
    let before: Vec<_> = disk.files().filter(|file| file.relative.starts_with("letters-0/")).cloned().collect();
    let world = World::on(disk, &[]);
    let said = |report: &Report| report.text.contains("correct its partition.metadata");
    assert!(world.reports.iter().any(said), "{:?}", world.reports);
    let disk = world.shut_down();
    let after: Vec<_> = disk.files().filter(|file| file.relative.starts_with("letters-0/")).cloned().collect();
    assert_eq!(after, before);
}

#[test]
fn checkpoints_follow_a_minute_after_a_change_and_an_idle_broker_sleeps() {
    let mut world = World::new(&[]);
    world.create_topic("letters", 1);
    world.pass_ms(120_000);
    assert_eq!(text(&world.disk, "replication-offset-checkpoint"), "0\n1\nletters 0 0\n");
    produce(&mut world, "letters", batch(&["a", "b"]));
    world.pass_ms(59_000);
    assert_eq!(text(&world.disk, "replication-offset-checkpoint"), "0\n1\nletters 0 0\n");
    world.pass_ms(1_000);
    assert_eq!(text(&world.disk, "replication-offset-checkpoint"), "0\n1\nletters 0 2\n");

    let mut alone = World::starting(world.crash(), &[]);
    alone.run();
    alone.pass_ms(60_000);
    let in_six_days = alone.now.monotonic.plus_ms(6 * 24 * 3_600_000);
    assert!(alone.broker.deadline() > Some(in_six_days), "nobody is there, and nothing is due before records are old");
}
