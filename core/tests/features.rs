//! Levels of features that change while the broker runs: what depends on them follows at once, and after a restart.

mod world;

use std::collections::{BTreeMap, BTreeSet};

use ottla_core::boundary::Path;
use ottla_core::memory_disk::MemoryDisk;
use ottla_core::metadata::{Loader, MetadataImage, batch as metadata_batch, features_of};
use ottla_core::time::WallClock;
use ottla_core::types::{LeaderEpoch, NodeId, Offset, PartitionId};
use ottla_core::wire::messages::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use ottla_core::wire::messages::consumer_group_heartbeat::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
};
use ottla_core::wire::messages::metadata_records::FeatureLevelRecord;
use ottla_core::wire::messages::update_features::{FeatureUpdateKey, UpdateFeaturesRequest, UpdateFeaturesResponse};
use ottla_core::wire::{MetadataRecord, Str, Uuid};
use world::World;

const ERROR_UNSUPPORTED_VERSION: i16 = 35;
const ERROR_INVALID_UPDATE_VERSION: i16 = 95;

const UPGRADE: i8 = 1;
const SAFE_DOWNGRADE: i8 = 2;

const DIRECTORY: &str = "JuCGMOO3HCzU5ihVdYosxA";

fn path(name: &str) -> Path {
    Path::new(0, name)
}

/// A directory that a Kafka of that level of `metadata.version` has left.
fn formatted_at(level: i16) -> MemoryDisk {
    let record: MetadataRecord =
        FeatureLevelRecord { name: "metadata.version".into(), feature_level: level, ..Default::default() }.into();
    let features = features_of(std::slice::from_ref(&record));
    let log = metadata_batch(&[record], &features, Offset(1), LeaderEpoch(1), WallClock(1_700_000_000_000));
    let mut disk = MemoryDisk::new();
    let meta = format!("version=1\nnode.id=1\ndirectory.id={DIRECTORY}\ncluster.id=5L6g3nShT-eMCtK--X86sw\n");
    disk.put(&path("meta.properties"), meta);
    disk.put(&path("__cluster_metadata-0/00000000000000000000.log"), log);
    disk
}

/// What the metadata log on the disk adds up to.
fn image(world: &World) -> MetadataImage {
    let is_log = |file: &&Path| file.relative.starts_with("__cluster_metadata-0/") && file.relative.ends_with(".log");
    let segments: BTreeSet<Path> = world.disk.files().filter(is_log).cloned().collect();
    let log: Vec<_> = segments.iter().map(|file| world.disk.file(file).expect("it is there").to_vec()).collect();
    let mut loader = Loader::new("cluster".into());
    loader.apply_batches(&log.concat().into()).expect("a good log");
    loader.image().clone()
}

fn update(world: &mut World, updates: &[(&str, i16, i8)]) -> UpdateFeaturesResponse {
    let update = |(feature, max_version_level, upgrade_type): &(&str, i16, i8)| FeatureUpdateKey {
        feature: Str::from(*feature),
        max_version_level: *max_version_level,
        upgrade_type: *upgrade_type,
        ..Default::default()
    };
    let request = UpdateFeaturesRequest { feature_updates: updates.iter().map(update).collect(), ..Default::default() };
    world.call(2, &request)
}

fn finalized(world: &mut World) -> (i64, BTreeMap<String, i16>) {
    let request = ApiVersionsRequest {
        client_software_name: "test".into(),
        client_software_version: "1".into(),
        ..Default::default()
    };
    let answer: ApiVersionsResponse = world.call(4, &request);
    let levels = answer.finalized_features.iter().map(|key| (key.name.to_string(), key.max_version_level));
    (answer.finalized_features_epoch, levels.collect())
}

fn joins_a_consumer_group(world: &mut World) -> i16 {
    let request = ConsumerGroupHeartbeatRequest {
        group_id: "readers".into(),
        member_id: "AAAAAAAAAAAAAAAAAAAAAg".into(),
        rebalance_timeout_ms: 1_000,
        subscribed_topic_names: Some(vec!["letters".into()]),
        topic_partitions: Some(Vec::new()),
        ..Default::default()
    };
    world.send(0, &request);
    world.run();
    world.answer::<ConsumerGroupHeartbeatResponse>(0).expect("an answer").error_code
}

#[test]
fn a_level_is_told_at_once_with_the_offset_that_made_it_and_holds_after_a_crash() {
    let mut world = World::new(&[]);
    let (before, levels) = finalized(&mut world);
    assert_eq!((levels["group.version"], levels["transaction.version"]), (1, 2));
    assert_eq!(update(&mut world, &[("transaction.version", 0, SAFE_DOWNGRADE)]).error_code, 0);
    let (after, levels) = finalized(&mut world);
    assert!(after > before);
    assert!(!levels.contains_key("transaction.version"), "level 0 is none");
    let mut world = World::on(world.crash(), &[]);
    assert!(!finalized(&mut world).1.contains_key("transaction.version"));
    assert_eq!(update(&mut world, &[("transaction.version", 2, UPGRADE)]).error_code, 0);
    let mut world = World::on(world.shut_down(), &[]);
    assert_eq!(finalized(&mut world).1["transaction.version"], 2);
}

#[test]
fn consumer_groups_come_and_go_with_their_level() {
    let mut world = World::new(&[("offsets.topic.num.partitions", "1"), ("group.initial.rebalance.delay.ms", "0")]);
    world.create_topic("letters", 1);
    world.create_topic("__consumer_offsets", 1);
    update(&mut world, &[("group.version", 0, SAFE_DOWNGRADE)]);
    assert_eq!(joins_a_consumer_group(&mut world), ERROR_UNSUPPORTED_VERSION);
    update(&mut world, &[("group.version", 1, UPGRADE)]);
    assert_eq!(joins_a_consumer_group(&mut world), 0);
}

#[test]
fn a_directory_of_an_older_kafka_rises_to_the_latest_level_while_it_is_served() {
    let mut world = World::on(formatted_at(7), &[]);
    let topic_id = world.create_topic("letters", 2);
    let id = |index| PartitionId { topic_id, index };
    let registered = |image: &MetadataImage| image.brokers[&NodeId(1)].log_dirs.clone();
    let old = image(&world);
    assert!(registered(&old).is_empty() && old.partition(id(1)).unwrap().directories.is_empty());
    let elr = "eligible.leader.replicas.version";
    assert_eq!(update(&mut world, &[(elr, 1, UPGRADE)]).error_code, ERROR_INVALID_UPDATE_VERSION);
    let levels = [("metadata.version", 30, UPGRADE), (elr, 1, UPGRADE), ("group.version", 1, UPGRADE)];
    assert_eq!(update(&mut world, &levels).error_code, 0);
    let new = image(&world);
    let directory = Uuid::parse(DIRECTORY).unwrap();
    assert_eq!(registered(&new), [directory]);
    for index in 0..2 {
        assert_eq!(new.partition(id(index)).unwrap().directories, [directory]);
    }
    assert_eq!(finalized(&mut world).1.len(), 3);
    assert_eq!(update(&mut world, &[("metadata.version", 29, SAFE_DOWNGRADE)]).error_code, 95);
    let mut world = World::on(world.shut_down(), &[]);
    assert_eq!(finalized(&mut world).1["metadata.version"], 30);
}

#[test]
fn the_quorum_goes_over_to_voters_in_the_log_once() {
    let mut world = World::new(&[]);
    assert!(!finalized(&mut world).1.contains_key("kraft.version"));
    for _ in 0..2 {
        let both = [("kraft.version", 1, UPGRADE), ("group.version", 0, SAFE_DOWNGRADE)];
        assert_eq!(update(&mut world, &both).error_code, 0);
        let (_, levels) = finalized(&mut world);
        assert_eq!((levels["kraft.version"], levels.contains_key("group.version")), (1, false));
    }
    assert_eq!(update(&mut world, &[("kraft.version", 0, SAFE_DOWNGRADE)]).error_code, ERROR_INVALID_UPDATE_VERSION);
    let mut world = World::on(world.crash(), &[]);
    assert_eq!(finalized(&mut world).1["kraft.version"], 1);
}
