//! The image of a real Kafka's metadata log, and what records do to it.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::records::{BatchHeader, ControlRecord, OutputLimit, records_of};
use crate::time::WallClock;
use crate::types::{LeaderEpoch, NodeId, Offset, PartitionId};
use crate::wire::messages::metadata_records::*;
use crate::wire::{MetadataRecord, Str, Uuid};

/// The metadata log of Apache Kafka 4.3.1 after two starts and a clean stop.
const KAFKAS_LOG: &[u8] = include_bytes!("../../tests/data/cluster-metadata.log");

/// A metadata snapshot of Apache Kafka 4.3.1, named `00000000000000000066-0000000001.checkpoint`.
const KAFKAS_SNAPSHOT: &[u8] = include_bytes!("../../tests/data/metadata-snapshot.checkpoint");

const US: NodeId = NodeId(1);
const EPOCH: LeaderEpoch = LeaderEpoch(3);
const NOW: WallClock = WallClock(1_700_000_000_000);

fn kafkas() -> Loader {
    let mut loader = Loader::new("5L6g3nShT-eMCtK--X86sw".to_string());
    let log = Bytes::from_static(KAFKAS_LOG);
    assert_eq!(loader.apply_batches(&log), Ok(log.len()));
    loader
}

fn topic(name: &str, id: u128) -> MetadataRecord {
    TopicRecord { name: Str::from(name), topic_id: Uuid(id), ..Default::default() }.into()
}

fn partition(id: u128, index: i32, node: NodeId) -> MetadataRecord {
    let (replicas, isr) = (vec![node.0], vec![node.0]);
    let record = PartitionRecord {
        partition_id: index,
        topic_id: Uuid(id),
        replicas,
        isr,
        leader: node.0,
        leader_epoch: 0,
        partition_epoch: 0,
        directories: vec![DIRECTORY],
        ..Default::default()
    };
    record.into()
}

const DIRECTORY: Uuid = Uuid(0xd1);

fn node() -> Registration {
    Registration {
        node_id: US,
        incarnation_id: Uuid(77),
        directory_id: DIRECTORY,
        log_dirs: vec![DIRECTORY],
        endpoints: vec![Endpoint::plaintext("PLAINTEXT", "localhost", 9092)],
        rack: None,
    }
}

fn level(level: i16) -> MetadataRecord {
    FeatureLevelRecord { name: Str::from(METADATA_VERSION), feature_level: level, ..Default::default() }.into()
}

fn begin() -> MetadataRecord {
    BeginTransactionRecord::default().into()
}

fn end() -> MetadataRecord {
    EndTransactionRecord::default().into()
}

fn abort() -> MetadataRecord {
    AbortTransactionRecord::default().into()
}

/// A loader that has read one batch of these records, at offset 0.
fn loaded(records: &[MetadataRecord]) -> Loader {
    let mut loader = Loader::new("cluster".to_string());
    append(&mut loader, records).unwrap();
    loader
}

fn append(loader: &mut Loader, records: &[MetadataRecord]) -> Result<(), LoadError> {
    let image = loader.image();
    let batch = batch(records, &features_of(&[level(30)]), image.end_offset, EPOCH, NOW);
    loader.apply_batches(&batch).map(|size_bytes| assert_eq!(size_bytes, batch.len()))
}

fn bootstrap() -> Bootstrap {
    let levels = FEATURE_LEVELS.iter().map(|&(name, level)| {
        FeatureLevelRecord { name: Str::from_static(name), feature_level: level, ..Default::default() }.into()
    });
    Bootstrap { records: levels.collect(), min_insync_replicas: 1 }
}

fn start(loader: &mut Loader) -> Vec<(Offset, MetadataRecord)> {
    let held: Vec<PartitionId> = loader
        .image()
        .topics
        .values()
        .flat_map(|topic| topic.partitions.keys().map(|&index| PartitionId { topic_id: topic.id, index }))
        .collect();
    let held = held.into_iter().map(|id| (id, DIRECTORY));
    let batches = start_batches(loader, &node(), held, &bootstrap(), EPOCH, NOW);
    let mut written = Vec::new();
    for batch in batches {
        let header = BatchHeader::parse(&batch).unwrap();
        assert_eq!(header.base_offset, loader.image().end_offset);
        assert_eq!(header.partition_leader_epoch, EPOCH);
        if !header.attributes.is_control() {
            let records = records_of(&batch, OutputLimit::default()).unwrap().map(Result::unwrap);
            written.extend(records.map(|it| (it.offset, MetadataRecord::decode(it.value.unwrap()).unwrap())));
        }
        loader.apply_batches(&batch).unwrap();
    }
    written
}

#[test]
fn kafkas_log_adds_up_to_the_topics_that_were_left() {
    let loader = kafkas();
    let image = loader.image();
    let topics: Vec<(String, usize)> =
        image.topic_ids.iter().map(|(name, id)| (name.to_string(), image.topics[id].partitions.len())).collect();
    let expected = [
        ("__consumer_offsets", 4),
        ("__transaction_state", 4),
        ("compacted", 1),
        ("empty", 4),
        ("gzip", 1),
        ("idem", 1),
        ("lat", 1),
        ("lz4", 1),
        ("many-segments", 1),
        ("plain", 3),
        ("snappy", 1),
        ("txn", 2),
        ("zstd", 1),
    ];
    assert_eq!(topics, expected.map(|(name, count)| (name.to_string(), count)));
    assert!(image.topic("to-delete").is_none());
    assert_eq!(image.topics.len(), image.topic_ids.len());
    assert_eq!(image.topic("plain").unwrap().id, Uuid::parse("vBZE-VzoQmGP4Zup0btU0w").unwrap());
}

#[test]
fn kafkas_log_adds_up_to_its_configs_features_and_broker() {
    let loader = kafkas();
    let image = loader.image();
    let plain = &image.configs[&ConfigResource::Topic("plain".to_string())];
    assert_eq!(plain["retention.ms"], "86400000");
    assert_eq!(image.configs[&ConfigResource::Broker(None)]["min.insync.replicas"], "1");
    assert!(!image.configs.contains_key(&ConfigResource::Topic("to-delete".to_string())));
    let levels: Features = FEATURE_LEVELS.iter().map(|&(name, level)| (name.to_string(), level)).collect();
    assert_eq!(image.features, levels);

    let broker = &image.brokers[&US];
    assert_eq!(broker.broker_epoch, 233, "as in the marker of the clean stop");
    assert!(broker.is_fenced && broker.is_in_controlled_shutdown);
    assert_eq!(broker.endpoints[0], Endpoint::plaintext("PLAINTEXT", "127.0.0.1", 19_092));
    assert_eq!(broker.log_dirs, [Uuid::parse("JuCGMOO3HCzU5ihVdYosxA").unwrap()]);
    assert_eq!(image.next_producer_id, 1_000, "one block was taken");
    assert_eq!((image.end_offset, loader.last_epoch()), (Offset(412), LeaderEpoch(2)));
}

#[test]
fn leader_epochs_rise_where_kafka_raised_them() {
    let loader = kafkas();
    for topic in loader.image().topics.values() {
        for partition in topic.partitions.values() {
            // Led, lost in the crash, led again, lost in the clean stop.
            assert_eq!((partition.leader, partition.leader_epoch), (NodeId::NONE, LeaderEpoch(3)), "{}", topic.name);
            assert_eq!(partition.eligible_leader_replicas, [US]);
        }
    }
}

#[test]
fn any_cut_of_the_bytes_gives_the_same_image() {
    let whole = kafkas();
    let log = Bytes::from_static(KAFKAS_LOG);
    for step in [1, 100, 4_000] {
        let mut loader = Loader::new(whole.image().cluster_id.clone());
        let (mut from, mut to) = (0, 0);
        while from < log.len() {
            to = (to + step).min(log.len());
            from += loader.apply_batches(&log.slice(from..to)).unwrap();
        }
        assert_eq!(loader.image(), whole.image());
    }
}

#[test]
fn batches_that_were_read_before_are_passed_over() {
    let mut loader = kafkas();
    let before = loader.image().clone();
    let _ = loader.take_delta();
    loader.apply_batches(&Bytes::from_static(KAFKAS_LOG)).unwrap();
    assert_eq!(*loader.image(), before);
    assert!(loader.take_delta().is_empty());
}

#[test]
fn a_log_may_begin_at_any_offset_but_then_nothing_may_be_missing() {
    let features = features_of(&[level(20)]);
    let mut loader = Loader::new("cluster".to_string());
    loader.apply_batches(&batch(&[level(20)], &features, Offset(1), LeaderEpoch(1), NOW)).unwrap();
    assert_eq!(loader.image().end_offset, Offset(2));
    let gap = loader.apply_batches(&batch(&[topic("a", 9)], &features, Offset(5), LeaderEpoch(1), NOW));
    assert_eq!(gap, Err(LoadError::Gap { expected: Offset(2), found: Offset(5) }));
}

#[test]
fn a_flipped_bit_is_an_error_that_says_where() {
    let mut bytes = KAFKAS_LOG.to_vec();
    bytes[500] ^= 1;
    let mut loader = Loader::new("cluster".to_string());
    assert_eq!(loader.apply_batches(&bytes.into()), Err(LoadError::Checksum(Offset(10))));
    assert_eq!(loader.image().end_offset, Offset(10), "what came before stays");
}

#[test]
fn a_transaction_takes_effect_at_its_end_and_not_before() {
    let mut loader = loaded(&[begin(), topic("a", 9)]);
    assert!(loader.is_in_transaction() && loader.image().topics.is_empty());
    append(&mut loader, &[partition(9, 0, US), end()]).unwrap();
    assert!(!loader.is_in_transaction());
    assert_eq!(loader.image().topic("a").unwrap().partitions.len(), 1);
}

#[test]
fn an_aborted_transaction_leaves_nothing() {
    let mut loader = loaded(&[begin(), topic("a", 9), abort(), topic("b", 10)]);
    let names: Vec<_> = loader.image().topic_ids.keys().map(|name| name.to_string()).collect();
    assert_eq!(names, ["b"]);
    assert!(!loader.take_delta().topics_created.contains(&Uuid(9)));
    let misplaced = append(&mut loader, &[end()]);
    assert_eq!(misplaced, Err(LoadError::Transaction { record: "EndTransactionRecord", offset: Offset(4) }));
}

#[test]
fn the_delta_says_what_to_open_and_what_to_remove() {
    let mut loader = loaded(&[topic("a", 9), partition(9, 0, US), topic("gone", 10), partition(10, 0, US)]);
    let delta = loader.take_delta();
    assert_eq!(delta.topics_created.len(), 2);
    assert_eq!(delta.partitions_created.len(), 2);

    let removal = RemoveTopicRecord { topic_id: Uuid(10), ..Default::default() }.into();
    let brief = RemoveTopicRecord { topic_id: Uuid(11), ..Default::default() }.into();
    let change = PartitionChangeRecord { topic_id: Uuid(9), partition_id: 0, leader: 1, ..Default::default() }.into();
    let records = [removal, partition(9, 1, US), change, topic("brief", 11), partition(11, 0, US), brief];
    append(&mut loader, &records).unwrap();
    let delta = loader.take_delta();
    assert_eq!(delta.topics_removed.keys().collect::<Vec<_>>(), [&Uuid(10)]);
    assert_eq!(delta.topics_removed[&Uuid(10)].partitions.len(), 1);
    assert_eq!(delta.partitions_created.into_iter().collect::<Vec<_>>(), [PartitionId { topic_id: Uuid(9), index: 1 }]);
    assert_eq!(delta.partitions_changed.into_iter().collect::<Vec<_>>(), [PartitionId { topic_id: Uuid(9), index: 0 }]);
    assert!(delta.topics_created.is_empty(), "a topic that came and went is no one's business");
}

#[test]
fn a_removed_topic_takes_its_configs_along() {
    let config = |name: &str, value: Option<&str>| -> MetadataRecord {
        ConfigRecord {
            resource_type: 2,
            resource_name: Str::from("a"),
            name: Str::from(name),
            value: value.map(Str::from),
            ..Default::default()
        }
        .into()
    };
    let mut loader = loaded(&[topic("a", 9), config("retention.ms", Some("1")), config("segment.ms", Some("2"))]);
    let resource = ConfigResource::Topic("a".to_string());
    append(&mut loader, &[config("segment.ms", None)]).unwrap();
    assert_eq!(loader.image().configs[&resource].len(), 1);
    let _ = loader.take_delta();
    append(&mut loader, &[RemoveTopicRecord { topic_id: Uuid(9), ..Default::default() }.into()]).unwrap();
    assert!(loader.image().configs.is_empty());
    assert!(loader.take_delta().configs_changed.contains(&resource));
    append(&mut loader, &[topic("a", 12)]).unwrap();
    assert_eq!(loader.image().topic("a").unwrap().id, Uuid(12), "the name is free again");
}

#[test]
fn a_record_that_contradicts_the_image_is_refused_with_its_offset() {
    let text = |records: &[MetadataRecord]| {
        let mut loader = loaded(&[topic("a", 9)]);
        append(&mut loader, records).unwrap_err().to_string()
    };
    let nine = Uuid(9);
    assert_eq!(
        text(&[topic("b", 9)]),
        format!(
            "the record at offset 1: TopicRecord creates topic \"b\" with id {nine}, but that name or id is in use"
        )
    );
    assert!(text(&[topic("a", 10)]).contains("but that name or id is in use"));
    let eight = Uuid(8);
    assert_eq!(
        text(&[partition(8, 0, US)]),
        format!("the record at offset 1: PartitionRecord is about topic {eight}, which does not exist")
    );
    assert_eq!(
        text(&[partition(9, 0, US), partition(9, -1, US)]),
        "the record at offset 2: PartitionRecord has the partition index -1"
    );
    let fence = FenceBrokerRecord { id: 4, epoch: 2, ..Default::default() };
    assert_eq!(
        text(&[fence.into()]),
        "the record at offset 1: FenceBrokerRecord is about broker 4 of epoch 2, which is not registered"
    );
}

#[test]
fn a_first_start_writes_what_kafka_writes_and_registers_at_its_own_offset() {
    let mut loader = Loader::new("cluster".to_string());
    let written = start(&mut loader);
    let names: Vec<_> = written.iter().map(|(_, record)| record.name()).collect();
    let mut expected = vec!["BeginTransactionRecord"];
    expected.extend(["FeatureLevelRecord"; 6]);
    expected.extend(["ConfigRecord", "EndTransactionRecord", "RegisterBrokerRecord", "BrokerRegistrationChangeRecord"]);
    assert_eq!(names, expected);
    assert_eq!(written[0].0, Offset(1), "the leader change is the first record");

    let image = loader.image();
    let broker = &image.brokers[&US];
    assert_eq!(broker.broker_epoch, 10);
    assert_eq!(written[9].0, Offset(10));
    assert!(!broker.is_fenced);
    assert_eq!(image.features[METADATA_VERSION], 30);
    assert_eq!(
        image.configs,
        kafkas().image().configs.clone().into_iter().filter(|(r, _)| *r == ConfigResource::Broker(None)).collect()
    );
}

#[test]
fn the_courses_log_gets_a_registration_and_its_partitions_stay_as_they_are() {
    let mut loader = Loader::new("cluster".to_string());
    let records = [level(20), topic("foo", 9), partition(9, 0, US)];
    loader.apply_batches(&batch(&records, &features_of(&records), Offset(1), LeaderEpoch(1), NOW)).unwrap();
    let before = loader.image().topics.clone();
    let written = start(&mut loader);
    let names: Vec<_> = written.iter().map(|(_, record)| record.name()).collect();
    assert_eq!(names, ["RegisterBrokerRecord", "BrokerRegistrationChangeRecord"]);
    assert_eq!(loader.image().topics, before);
    assert_eq!(loader.image().brokers[&US].broker_epoch, 5, "after the leader change at 4");
}

#[test]
fn a_start_after_a_crash_begins_a_new_epoch_under_a_higher_broker_epoch() {
    let mut loader = loaded(&[level(30), topic("a", 9), partition(9, 0, US)]);
    start(&mut loader);
    let id = PartitionId { topic_id: Uuid(9), index: 0 };
    assert_eq!(loader.image().partition(id).unwrap().leader_epoch, LeaderEpoch(0));
    let first_epoch = loader.image().brokers[&US].broker_epoch;

    start(&mut loader);
    let partition = loader.image().partition(id).unwrap();
    assert_eq!((partition.leader, partition.leader_epoch), (US, LeaderEpoch(1)));
    assert!(loader.image().brokers[&US].broker_epoch > first_epoch);
}

#[test]
fn a_clean_stop_gives_the_partitions_up_and_the_next_start_takes_them_back() {
    let elr = FeatureLevelRecord {
        name: Str::from(ELIGIBLE_LEADER_REPLICAS_VERSION),
        feature_level: 1,
        ..Default::default()
    };
    for has_elr in [true, false] {
        let mut loader = loaded(&[level(30), topic("a", 9), partition(9, 0, US)]);
        if has_elr {
            append(&mut loader, &[elr.clone().into()]).unwrap();
        }
        start(&mut loader);
        let stop = stop_records(loader.image(), US);
        append(&mut loader, &stop).unwrap();
        let id = PartitionId { topic_id: Uuid(9), index: 0 };
        let stopped = loader.image().partition(id).unwrap().clone();
        assert_eq!((stopped.leader, stopped.leader_epoch), (NodeId::NONE, LeaderEpoch(1)));
        assert_eq!(stopped.in_sync_replicas.is_empty(), has_elr, "only with eligible leaders may the set be empty");
        assert_eq!(stopped.eligible_leader_replicas.is_empty(), !has_elr);
        assert!(loader.image().brokers[&US].is_fenced);

        start(&mut loader);
        let started = loader.image().partition(id).unwrap();
        assert_eq!((started.leader, started.leader_epoch), (US, LeaderEpoch(2)));
        assert_eq!(started.in_sync_replicas, [US]);
        assert!(started.eligible_leader_replicas.is_empty());
    }
}

#[test]
fn kafkas_partitions_are_taken_over_in_the_next_epoch() {
    let mut loader = kafkas();
    start(&mut loader);
    for partition in loader.image().topics.values().flat_map(|topic| topic.partitions.values()) {
        assert_eq!((partition.leader, partition.leader_epoch), (US, LeaderEpoch(4)));
        assert_eq!(partition.in_sync_replicas, [US]);
        assert_eq!(partition.directories, [DIRECTORY]);
    }
}

#[test]
fn a_partition_of_an_absent_node_is_taken_over_and_the_absent_node_fenced() {
    let other = NodeId(7);
    let mut record = RegisterBrokerRecord { broker_id: 7, broker_epoch: 0, fenced: false, ..Default::default() };
    record.log_dirs = vec![Uuid(0xaa)];
    let mut loader = loaded(&[level(30), record.into(), topic("a", 9), partition(9, 0, other)]);
    start(&mut loader);
    let partition = loader.image().partition(PartitionId { topic_id: Uuid(9), index: 0 }).unwrap();
    assert_eq!(
        (partition.leader, &partition.replicas[..], &partition.in_sync_replicas[..]),
        (US, &[US][..], &[US][..])
    );
    assert_eq!(partition.directories, [DIRECTORY]);
    assert!(loader.image().brokers[&other].is_fenced);
}

#[test]
fn a_transaction_that_a_crash_left_open_is_aborted_by_the_next_start() {
    let mut loader = loaded(&[level(30), begin(), topic("a", 9)]);
    let written = start(&mut loader);
    assert_eq!(written[0].1.name(), "AbortTransactionRecord");
    assert!(loader.image().topics.is_empty() && !loader.is_in_transaction());

    let mut loader = loaded(&[begin(), level(30)]);
    start(&mut loader);
    assert_eq!(loader.image().features.len(), 6, "a bootstrap that was cut off is done again");
}

#[test]
fn a_first_start_that_got_no_further_than_its_leader_change_is_made_up_for_by_the_next() {
    let mut loader = Loader::new("cluster".to_string());
    let cut_short = start_batches(&loader, &node(), core::iter::empty(), &bootstrap(), EPOCH, NOW);
    loader.apply_batches(&cut_short[0]).unwrap();
    let is_level = |(_, record): &(Offset, MetadataRecord)| matches!(record, MetadataRecord::FeatureLevel(_));
    assert_eq!(start(&mut loader).iter().filter(|record| is_level(record)).count(), FEATURE_LEVELS.len());
    assert_eq!(loader.image().features, features_of(&bootstrap().records));
    assert!(!start(&mut loader).iter().any(is_level), "they are written once");
}

#[test]
fn records_are_written_in_the_version_that_the_cluster_knows() {
    let version = |record: MetadataRecord, at: i16| record_version(&record, &features_of(&[level(at)]));
    let register = || RegisterBrokerRecord::default().into();
    assert_eq!([7, 8, 17, 29, 30].map(|at| version(register(), at)), [1, 2, 3, 3, 4]);
    assert_eq!([16, 17, 22, 23].map(|at| version(partition(9, 0, US), at)), [0, 1, 1, 2]);
    let change = PartitionChangeRecord::default;
    assert_eq!([16, 20, 30].map(|at| version(change().into(), at)), [0, 1, 2]);
    let shutdown = BrokerRegistrationChangeRecord { in_controlled_shutdown: 1, ..Default::default() };
    assert_eq!(version(shutdown.into(), 30), 1);
    assert_eq!(version(BrokerRegistrationChangeRecord { fenced: 1, ..Default::default() }.into(), 30), 0);
}

#[test]
fn many_records_become_several_batches_of_contiguous_offsets() {
    let records: Vec<_> = (0..40_000).map(|index| partition(9, index, US)).collect();
    let batches = batches(&records, &features_of(&[level(30)]), Offset(5), EPOCH, NOW);
    assert!(batches.len() > 1);
    let mut next = Offset(5);
    for batch in &batches {
        assert!(batch.len() <= 1 << 20);
        let header = BatchHeader::parse(batch).unwrap();
        assert_eq!(header.base_offset, next);
        next = header.next_offset();
    }
    assert_eq!(next, Offset(40_005));
}

#[test]
fn kafkas_snapshot_adds_up_to_its_topics_configs_and_broker() {
    let mut loader = Loader::new("cluster".to_string());
    loader.load_snapshot(&Bytes::from_static(KAFKAS_SNAPSHOT), Offset(66), LeaderEpoch(1)).unwrap();
    let image = loader.image();
    assert_eq!(image.topic("t1").unwrap().partitions.len(), 2);
    assert_eq!(image.topic("t2").unwrap().partitions.len(), 3);
    assert_eq!(image.configs[&ConfigResource::Topic("t1".to_string())]["retention.ms"], "5000");
    assert_eq!(image.features[METADATA_VERSION], 30);
    assert!(image.brokers[&US].is_fenced);
    for end in 0..KAFKAS_SNAPSHOT.len() {
        let mut loader = Loader::new("cluster".to_string());
        let cut = Bytes::from_static(&KAFKAS_SNAPSHOT[..end]);
        assert_eq!(loader.load_snapshot(&cut, Offset(66), LeaderEpoch(1)), Err(LoadError::Cut), "{end} bytes");
    }
}

#[test]
fn a_snapshot_stands_for_the_log_before_it() {
    let records = [level(30), topic("a", 9), partition(9, 0, US)];
    let parts = [
        control_batch(&[ControlRecord::SnapshotHeader(Default::default())], Offset(0), EPOCH, NOW),
        batch(&records, &features_of(&records), Offset(1), EPOCH, NOW),
        control_batch(&[ControlRecord::SnapshotFooter(Default::default())], Offset(4), EPOCH, NOW),
    ];
    let bytes = Bytes::from(parts.concat());
    let mut loader = Loader::new("cluster".to_string());
    loader.load_snapshot(&bytes, Offset(1_000), LeaderEpoch(6)).unwrap();
    assert_eq!((loader.image().end_offset, loader.last_epoch()), (Offset(1_000), LeaderEpoch(6)));
    assert!(loader.image().topic("a").is_some());
    append(&mut loader, &[topic("b", 10)]).unwrap();
    assert_eq!(loader.image().end_offset, Offset(1_001));

    let cut = bytes.slice(..parts[0].len() + parts[1].len());
    let mut loader = Loader::new("cluster".to_string());
    assert_eq!(loader.load_snapshot(&cut, Offset(1_000), LeaderEpoch(6)), Err(LoadError::Cut));
}

proptest! {
    #[test]
    fn damaged_bytes_are_refused_and_never_a_panic(
        at in 0..KAFKAS_LOG.len(), bit in 0..8u8, end in 0..=KAFKAS_LOG.len(), is_header in any::<bool>(),
    ) {
        let mut bytes = KAFKAS_LOG.to_vec();
        // The first bytes of a batch are not covered by its checksum.
        bytes[if is_header { at % 61 } else { at }] ^= 1 << bit;
        bytes.truncate(end);
        let mut loader = Loader::new(String::new());
        if let Ok(size_bytes) = loader.apply_batches(&bytes.into()) {
            prop_assert!(size_bytes <= end);
        }
        let _ = loader.take_delta();
        if !loader.is_in_transaction() {
            start(&mut loader);
            prop_assert!(!loader.image().brokers[&US].is_fenced);
        }
    }
}
