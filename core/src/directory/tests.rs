//! The life of a directory, on a disk in memory.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::boundary::{Output, StorageCommand, StorageError};
use crate::memory_disk::MemoryDisk;
use crate::metadata::{Endpoint, Registration, features_of, start_batches, stop_records};
use crate::outbox::Owner;
use crate::time::WallClock;
use crate::wire::messages::metadata_records::{FeatureLevelRecord, PartitionRecord, TopicRecord};
use crate::wire::{Str, Uuid};

const KAFKAS_LOG: &[u8] = include_bytes!("../../tests/data/cluster-metadata.log");
const KAFKAS_META: &str = "#Sun Nov 22 23:51:30 UTC 2026\nnode.id=1\ndirectory.id=JuCGMOO3HCzU5ihVdYosxA\nversion=1\ncluster.id=5L6g3nShT-eMCtK--X86sw\n";

const NOW: Now = Now { monotonic: Monotonic(5_000_000), wall: WallClock(1_700_000_000_000) };

/// A directory, its disk, and what it said.
struct World {
    disk: MemoryDisk,
    rng: Rng,
    outbox: Outbox,
    settings: DirectorySettings,
    reports: Vec<String>,
    /// Commands on names that contain this fail.
    failing: Option<&'static str>,
}

impl World {
    fn new() -> Self {
        let settings = DirectorySettings {
            names: vec!["/data/logs".into()],
            partition_dirs: 1,
            metadata_dir: 0,
            node_id: NodeId(1),
            is_node_id_set: false,
            cluster_id: None,
            min_insync_replicas: 1,
            checkpoint_interval_ms: 60_000,
        };
        let (disk, outbox) = (MemoryDisk::new(), Outbox::default());
        Self { disk, rng: Rng::new([7; 32]), outbox, settings, reports: Vec::new(), failing: None }
    }

    fn put(&mut self, name: &str, content: impl AsRef<[u8]>) {
        self.disk.put(&Path::new(0, name), content.as_ref());
    }

    fn text(&self, name: &str) -> Option<String> {
        self.disk.file(&Path::new(0, name)).map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
    }

    fn has(&self, name: &str) -> bool {
        self.disk.file(&Path::new(0, name)).is_some() || self.disk.has_dir(&Path::new(0, name))
    }

    fn reported(&self, text: &str) -> bool {
        self.reports.iter().any(|report| report.contains(text))
    }

    /// Does commands until there are none, and gives the events.
    fn run(&mut self, directory: &mut Directory) -> Vec<DirectoryEvent> {
        while let Some(output) = self.outbox.pop() {
            match output {
                Output::Store { op, command } => {
                    let result = match self.failing {
                        Some(part) if touches(&command, part) => StorageResult::NotDone(StorageError::Full),
                        _ => self.disk.execute(command),
                    };
                    if self.outbox.take_owner(op) == Owner::Directory {
                        directory.stored(NOW, op, result, &mut self.outbox);
                    }
                }
                Output::Report(report) => self.reports.push(report.text),
                other => panic!("a directory does not say {other:?}"),
            }
        }
        core::iter::from_fn(|| directory.poll_event()).collect()
    }

    fn open(&mut self) -> (Directory, Vec<DirectoryEvent>) {
        let mut directory = Directory::open(self.settings.clone(), &mut self.rng, &mut self.outbox);
        let events = self.run(&mut directory);
        (directory, events)
    }

    fn open_ready(&mut self) -> (Directory, Box<Found>) {
        let (directory, mut events) = self.open();
        match (events.pop(), events.len()) {
            (Some(DirectoryEvent::Ready(found)), 0) => (directory, found),
            other => panic!("expected a directory that is ready, got {other:?}"),
        }
    }

    fn refused(&mut self) -> String {
        match self.open().1.as_slice() {
            [DirectoryEvent::Unusable(why)] => why.clone(),
            other => panic!("expected a directory that is refused, got {other:?}"),
        }
    }

    /// Opens, reads the metadata log from the disk, and settles.
    fn settled(&mut self) -> (Directory, Loader, Settled) {
        let (mut directory, mut found) = self.open_ready();
        let log = found.metadata_path.join("00000000000000000000.log");
        if let Some(bytes) = self.disk.file(&log) {
            found.loader.apply_batches(&bytes.to_vec().into()).unwrap();
        }
        // The metadata log is open by now, so that its directory is there.
        self.disk.execute(StorageCommand::MakeDir { dir: found.metadata_path.clone() });
        directory.settle(&found.loader, &mut self.rng, &mut self.outbox);
        let mut events = self.run(&mut directory);
        match (events.pop(), events.len()) {
            (Some(DirectoryEvent::Settled(settled)), 0) => (directory, found.loader, settled),
            other => panic!("expected a directory that is settled, got {other:?}"),
        }
    }

    /// What Kafka left: a clean directory without the partitions' files.
    fn kafkas() -> Self {
        let mut world = Self::new();
        world.put("meta.properties", KAFKAS_META);
        world.put(".kafka_cleanshutdown", "{\"version\":0,\"brokerEpoch\":233}");
        world.put("__cluster_metadata-0/00000000000000000000.log", KAFKAS_LOG);
        world.put("__cluster_metadata-0/quorum-state", "{\"leaderEpoch\":2,\"data_version\":0}");
        world.put("recovery-point-offset-checkpoint", "0\n2\nplain 0 334\nmany-segments 0 3000\n");
        world.put("log-start-offset-checkpoint", "0\n1\nmany-segments 0 500\n");
        for topic in ["plain-0", "plain-1", "plain-2", "many-segments-0"] {
            world.put(&format!("{topic}/00000000000000000000.log"), "");
        }
        world
    }
}

fn touches(command: &StorageCommand, part: &str) -> bool {
    let path = match command {
        StorageCommand::Open { path, .. } | StorageCommand::Remove { path } => path,
        StorageCommand::Rename { to, .. } => to,
        StorageCommand::List { dir } => dir,
        _ => return false,
    };
    path.relative.contains(part)
}

fn offsets(topic: &str, index: i32, recovery_point: i64, log_start: i64) -> PartitionOffsets {
    PartitionOffsets {
        log_dir: 0,
        topic: topic.into(),
        index,
        recovery_point: Offset(recovery_point),
        log_start: Offset(log_start),
        compacted_to: None,
        high_watermark: Offset(recovery_point),
    }
}

#[test]
fn an_empty_directory_becomes_a_formatted_one() {
    let mut world = World::new();
    let (_, found) = world.open_ready();
    assert_eq!(found.meta.node_id, NodeId(1));
    assert!(!found.was_clean && !found.metadata_exists);
    assert_eq!(found.bootstrap.records.len(), 6);
    assert_eq!(found.loader.image().cluster_id, found.meta.cluster_id);
    assert!(world.reported("formatted log directory /data/logs"));
    let written = meta_properties::Read::parse(world.text("meta.properties").unwrap().as_bytes()).unwrap();
    assert_eq!(written.cluster_id, found.meta.cluster_id);
    assert_eq!(written.directory_id, Some(found.meta.directory_id));
    assert!(world.has("bootstrap.checkpoint"));
    assert!(world.disk.files().all(|path| !path.relative.ends_with(".tmp")));
    assert_eq!(world.disk.open_files(), 0);

    let (_, again) = world.open_ready();
    assert_eq!(again.meta, found.meta, "the ids stay");
    assert_eq!(again.bootstrap, found.bootstrap);
}

#[test]
fn a_new_directory_gets_the_ids_that_are_asked_for() {
    let mut world = World::new();
    world.settings.node_id = NodeId(42);
    world.settings.cluster_id = Some("my-cluster".to_string());
    let (_, found) = world.open_ready();
    assert_eq!((found.meta.node_id, &*found.meta.cluster_id), (NodeId(42), "my-cluster"));
}

#[test]
fn an_absent_log_directory_is_made() {
    let mut outbox = Outbox::default();
    let mut directory = Directory::open(World::new().settings, &mut Rng::new([1; 32]), &mut outbox);
    let Some(Output::Store { op, command }) = outbox.pop() else { panic!("a listing was expected") };
    assert_eq!(command, StorageCommand::List { dir: Path::new(0, "") });
    directory.stored(NOW, op, StorageResult::NotDone(StorageError::NotFound), &mut outbox);
    let Some(Output::Store { command, .. }) = outbox.pop() else { panic!("a directory was expected") };
    assert_eq!(command, StorageCommand::MakeDir { dir: Path::new(0, "") });
}

#[test]
fn another_nodes_directory_is_refused_untouched_and_says_what_to_do() {
    let mut world = World::kafkas();
    world.settings.node_id = NodeId(2);
    world.settings.is_node_id_set = true;
    assert_eq!(
        world.refused(),
        "log directory /data/logs: meta.properties has node.id=1, but the configuration has node.id=2. Start with \
        node.id=1, or give another log.dirs"
    );
    assert!(world.has(".kafka_cleanshutdown"), "it is as it was");

    world.settings.is_node_id_set = false;
    let (_, found) = world.open_ready();
    assert_eq!(found.meta.node_id, NodeId(1), "nobody chose node 2, so the directory says who we are");
}

#[test]
fn another_clusters_directory_is_refused() {
    let mut world = World::kafkas();
    world.settings.cluster_id = Some("other".to_string());
    let why = world.refused();
    assert!(why.contains("cluster.id=5L6g3nShT-eMCtK--X86sw, but cluster id other is asked for"), "{why}");
}

#[test]
fn an_unknown_version_of_meta_properties_is_refused_and_the_key_named() {
    let mut world = World::new();
    world.put("meta.properties", "version=0\nbroker.id=1\n");
    assert_eq!(
        world.refused(),
        "log directory /data/logs: meta.properties can't be used: version is \"0\", where 1 (a directory of KRaft) is \
        expected. Restore the file, or give another log.dirs"
    );
}

#[test]
fn a_directory_without_a_directory_id_gets_one() {
    let mut world = World::new();
    world.put("meta.properties", "version=1\ncluster.id=c\nnode.id=1\n");
    let (_, found) = world.open_ready();
    assert!(world.text("meta.properties").unwrap().contains(&format!("directory.id={}", found.meta.directory_id)));
    assert!(!world.has("bootstrap.checkpoint"), "an existing directory is not formatted");
}

#[test]
fn a_disk_that_takes_no_identity_makes_the_directory_unusable() {
    let mut world = World::new();
    world.failing = Some("meta.properties");
    assert_eq!(
        world.refused(),
        "log directory /data/logs: meta.properties could not be created: no space left on the device"
    );
}

#[test]
fn the_clean_marker_is_read_and_is_gone_before_any_log_is_touched() {
    let mut world = World::kafkas();
    let (_, found) = world.open_ready();
    assert!(found.was_clean && found.metadata_exists);
    assert!(!world.has(".kafka_cleanshutdown"));
    let (_, found) = world.open_ready();
    assert!(!found.was_clean, "we did not stop in between");
}

#[test]
fn kafkas_directory_is_opened_with_its_checkpoints() {
    let mut world = World::kafkas();
    let (_, loader, settled) = world.settled();
    assert_eq!(settled.leader_epoch, LeaderEpoch(3), "above those in the log and in quorum-state");
    assert!(world.text("__cluster_metadata-0/quorum-state").unwrap().contains("\"leaderEpoch\":3"));
    assert_eq!(settled.partitions.len(), 25);
    let of = |name: &str| settled.partitions.iter().find(|it| &*it.path.relative == name).unwrap();
    assert_eq!(of("plain-0").recovery_point, Some(Offset(334)));
    assert_eq!(of("plain-0").id.topic_id, loader.image().topic("plain").unwrap().id);
    assert_eq!((of("plain-1").recovery_point, of("plain-1").log_start), (None, None));
    assert_eq!(of("many-segments-0").log_start, Some(Offset(500)));
    assert!(of("plain-2").exists);
    assert!(!of("gzip-0").exists, "its directory is to be created");
}

#[test]
fn a_directory_whose_epochs_are_used_up_is_refused() {
    let mut world = World::kafkas();
    world.put("__cluster_metadata-0/quorum-state", "{\"leaderEpoch\":2147483647,\"data_version\":0}");
    let (mut directory, found) = world.open_ready();
    directory.settle(&found.loader, &mut world.rng, &mut world.outbox);
    let events = world.run(&mut directory);
    let [DirectoryEvent::Unusable(why)] = events.as_slice() else { panic!("{events:?}") };
    assert!(why.contains("the metadata log's epoch is 2147483647, and there is none after it"), "{why}");
}

#[test]
fn a_damaged_checkpoint_is_reported_and_as_good_as_none() {
    let mut world = World::kafkas();
    world.put("recovery-point-offset-checkpoint", "0\n9\nplain 0 334\n");
    let (_, _, settled) = world.settled();
    assert!(settled.partitions.iter().all(|partition| partition.recovery_point.is_none()));
    assert!(world.reported("recovery-point-offset-checkpoint is damaged: 1 partitions, but its second line says 9"));
}

#[test]
fn the_newest_metadata_snapshot_is_loaded_first() {
    let mut world = World::kafkas();
    // An older one that can't be read does not matter.
    world.put("__cluster_metadata-0/00000000000000000007-0000000001.checkpoint", "old");
    let snapshot = bootstrap::checkpoint(&bootstrap::default_records(), NOW);
    world.put("__cluster_metadata-0/00000000000000000412-0000000002.checkpoint", &snapshot);
    let (_, found) = world.open_ready();
    assert_eq!(found.loader.image().end_offset, Offset(412));
    assert_eq!(found.loader.last_epoch(), LeaderEpoch(2));
    assert_eq!(found.loader.image().features["metadata.version"], 30);

    world.put("__cluster_metadata-0/00000000000000000500-0000000002.checkpoint", &snapshot[..100]);
    let why = world.refused();
    assert!(why.contains("00000000000000000500-0000000002.checkpoint can't be used: it has no end"), "{why}");
}

/// The course: only meta.properties and the marker, or also a metadata log that begins at offset 1.
#[test]
fn the_courses_directories_are_opened() {
    let mut world = World::new();
    world.put("meta.properties", KAFKAS_META);
    world.put(".kafka_cleanshutdown", "");
    let (_, loader, settled) = world.settled();
    assert_eq!((settled.leader_epoch, settled.partitions.len()), (LeaderEpoch(1), 0));
    assert_eq!(loader.image().end_offset, Offset(0), "the metadata log is to be begun");

    let topic_id = Uuid(0x4000_8000_0000_0000_0091);
    let directory_id = Uuid::parse("JuCGMOO3HCzU5ihVdYosxA").unwrap();
    let level = FeatureLevelRecord { name: Str::from("metadata.version"), feature_level: 20, ..Default::default() };
    let topic = TopicRecord { name: Str::from("foo"), topic_id, ..Default::default() };
    let partition = PartitionRecord {
        partition_id: 0,
        topic_id,
        replicas: vec![1],
        isr: vec![1],
        leader: 1,
        leader_epoch: 0,
        partition_epoch: 0,
        directories: vec![directory_id],
        ..Default::default()
    };
    let features = features_of(&[level.clone().into()]);
    let log = [
        crate::metadata::batch(&[level.into()], &features, Offset(1), LeaderEpoch(1), NOW.wall),
        crate::metadata::batch(&[topic.into(), partition.into()], &features, Offset(2), LeaderEpoch(1), NOW.wall),
    ];
    world.put("__cluster_metadata-0/00000000000000000000.log", log.concat());
    world.put("foo-0/00000000000000000000.log", "");
    let (_, loader, settled) = world.settled();
    assert_eq!(loader.image().end_offset, Offset(4));
    assert_eq!(settled.partitions.len(), 1);
    assert!(settled.partitions[0].exists);
}

#[test]
fn a_directory_of_no_topic_gives_up_its_name_and_keeps_its_bytes() {
    let mut world = World::kafkas();
    world.put("ghost-0/00000000000000000000.log", "precious");
    world.put("plain-3/00000000000000000000.log", "also");
    let (_, _, settled) = world.settled();
    assert!(!world.has("ghost-0") && !world.has("plain-3"));
    let strays: Vec<_> = world.disk.files().filter(|path| path.relative.contains("-stray/")).collect();
    assert_eq!(strays.len(), 2);
    assert_eq!(world.disk.file(strays[0]), Some(&b"precious"[..]));
    assert!(settled.partitions.iter().all(|partition| &*partition.topic != "ghost"));
    assert!(world.reported("ghost-0 belongs to no topic of this cluster: it is renamed to ghost-0."));

    let before = world.disk.files().count();
    world.settled();
    assert_eq!(world.disk.files().count(), before, "the next start leaves it alone");
}

#[test]
fn deleted_directories_are_removed_and_what_is_not_kafkas_stays() {
    let mut world = World::kafkas();
    world.put("to-delete-0.14778816ef384512b53f82cd90660fbc-delete/00000000000000000000.log", "");
    world.put("lost+found/x", "");
    world.put("plain-0.14778816ef384512b53f82cd90660fbc-future/00000000000000000000.log", "");
    world.settled();
    assert!(!world.has("to-delete-0.14778816ef384512b53f82cd90660fbc-delete"));
    assert!(world.has("lost+found/x"));
    assert!(!world.has("plain-0.14778816ef384512b53f82cd90660fbc-future"), "it is where it was to go");
    assert!(world.reported("lost+found is not a partition's directory"));
}

#[test]
fn an_idle_directory_has_no_deadline_and_moved_offsets_are_written_within_the_interval() {
    let mut world = World::kafkas();
    let (mut directory, _, _) = world.settled();
    assert_eq!(directory.deadline(), None);
    directory.offsets_moved(NOW);
    let later = Now { monotonic: NOW.monotonic.plus_ms(10_000), ..NOW };
    directory.offsets_moved(later);
    let due = NOW.monotonic.plus_ms(60_000);
    assert_eq!(directory.deadline(), Some(due));
    directory.tick(later);
    assert!(directory.poll_event().is_none());
    directory.tick(Now { monotonic: due, ..NOW });
    assert!(matches!(directory.poll_event(), Some(DirectoryEvent::CheckpointsDue)));
    assert_eq!(directory.deadline(), None);

    directory.write_checkpoints(&[offsets("plain", 0, 400, 0), offsets("plain", 1, 7, 5)], &mut world.outbox);
    world.run(&mut directory);
    assert_eq!(world.text("recovery-point-offset-checkpoint").unwrap(), "0\n2\nplain 0 400\nplain 1 7\n");
    assert_eq!(world.text("log-start-offset-checkpoint").unwrap(), "0\n1\nplain 1 5\n");
    assert_eq!(world.text("replication-offset-checkpoint").unwrap(), "0\n2\nplain 0 400\nplain 1 7\n");
}

#[test]
fn log_starts_are_written_one_write_after_another() {
    let mut world = World::kafkas();
    let (mut directory, _, _) = world.settled();
    directory.log_start_due();
    directory.log_start_due();
    assert!(matches!(directory.poll_event(), Some(DirectoryEvent::LogStartsDue)));
    assert!(directory.poll_event().is_none());
    directory.write_log_starts(&[offsets("plain", 0, 400, 3)], &mut world.outbox);
    directory.log_start_due();
    directory.tick(NOW);
    assert!(directory.poll_event().is_none(), "the first write is not over");
    let events = world.run(&mut directory);
    let over = [DirectoryEvent::Written { failed_log_starts: Vec::new() }, DirectoryEvent::LogStartsDue];
    assert_eq!(format!("{events:?}"), format!("{over:?}"));
    assert_eq!(world.text("log-start-offset-checkpoint").unwrap(), "0\n1\nplain 0 3\n");
    world.failing = Some("log-start");
    directory.write_log_starts(&[offsets("plain", 0, 400, 5)], &mut world.outbox);
    let events = world.run(&mut directory);
    let [DirectoryEvent::Written { failed_log_starts }] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(failed_log_starts, &[0]);
    assert_eq!(world.text("log-start-offset-checkpoint").unwrap(), "0\n1\nplain 0 3\n");
}

#[test]
fn a_name_in_a_checkpoint_is_written_over_before_another_partition_gets_it() {
    let mut world = World::kafkas();
    world.put("log-start-offset-checkpoint", "0\n1\ngone 0 70\n");
    world.put("recovery-point-offset-checkpoint", "0\n1\ngone 1 80\n");
    let (mut directory, _, _) = world.settled();
    assert!(!directory.remembers(&"gone".into(), 2, NOW));
    assert!(directory.remembers(&"gone".into(), 0, NOW));
    assert!(directory.remembers(&"gone".into(), 1, NOW));
    assert!(matches!(directory.poll_event(), Some(DirectoryEvent::CheckpointsDue)));
    world.failing = Some("recovery-point");
    directory.write_checkpoints(&[offsets("plain", 0, 400, 0)], &mut world.outbox);
    assert!(directory.remembers(&"gone".into(), 0, NOW), "it is not durable yet");
    world.run(&mut directory);
    assert!(!directory.remembers(&"gone".into(), 0, NOW));
    assert!(directory.remembers(&"gone".into(), 1, NOW), "that checkpoint could not be written");
    assert_eq!(directory.deadline(), Some(NOW.monotonic.plus_ms(1_000)), "it is tried again soon");
    world.failing = None;
    directory.write_checkpoints(&[offsets("plain", 0, 400, 0)], &mut world.outbox);
    world.run(&mut directory);
    assert!(!directory.remembers(&"gone".into(), 1, NOW));
}

#[test]
fn a_clean_stop_leaves_checkpoints_and_marker_and_the_next_start_finds_them() {
    let mut world = World::kafkas();
    let (mut directory, _, _) = world.settled();
    // Even while the checkpoints are being written.
    directory.write_checkpoints(&[offsets("plain", 0, 1, 0)], &mut world.outbox);
    directory.close(Some(300), vec![offsets("plain", 0, 500, 0)], &mut world.outbox);
    let events = world.run(&mut directory);
    assert!(matches!(events.as_slice(), [DirectoryEvent::Closed { is_clean: true }]));
    assert_eq!(world.text(".kafka_cleanshutdown").unwrap(), "{\"version\":0,\"brokerEpoch\":300}");
    assert_eq!(world.text("recovery-point-offset-checkpoint").unwrap(), "0\n1\nplain 0 500\n");
    assert_eq!(world.disk.open_files(), 0);
    let (_, found) = world.open_ready();
    assert!(found.was_clean);
}

#[test]
fn a_stop_that_is_not_clean_leaves_no_marker() {
    for (broker_epoch, failing) in [(None, None), (Some(1), Some("recovery-point")), (Some(1), Some("cleanshutdown"))] {
        let mut world = World::kafkas();
        let (mut directory, _, _) = world.settled();
        world.failing = failing;
        directory.close(broker_epoch, Vec::new(), &mut world.outbox);
        let events = world.run(&mut directory);
        assert!(matches!(events.as_slice(), [DirectoryEvent::Closed { is_clean: false }]), "{events:?}");
        assert!(!world.has(".kafka_cleanshutdown"));
    }
}

#[test]
fn a_stop_before_the_partitions_were_found_writes_nothing() {
    let mut world = World::kafkas();
    let before = world.text("recovery-point-offset-checkpoint");
    let (mut directory, _) = world.open_ready();
    directory.close(Some(1), Vec::new(), &mut world.outbox);
    let events = world.run(&mut directory);
    assert!(matches!(events.as_slice(), [DirectoryEvent::Closed { is_clean: false }]));
    assert_eq!(world.text("recovery-point-offset-checkpoint"), before);
    assert!(!world.has(".kafka_cleanshutdown"));
}

/// Three lives of a new directory, with the metadata log written as the broker does.
#[test]
fn each_life_has_a_higher_term_and_a_higher_broker_epoch() {
    let mut world = World::new();
    let mut last = (LeaderEpoch(0), -1);
    let log = "__cluster_metadata-0/00000000000000000000.log";
    for life in 0..3 {
        let (mut directory, mut loader, settled) = world.settled();
        let node = Registration {
            node_id: NodeId(1),
            incarnation_id: world.rng.uuid(),
            directory_id: Uuid(0xd1),
            log_dirs: vec![Uuid(0xd1)],
            endpoints: vec![Endpoint::plaintext("PLAINTEXT", "localhost", 9092)],
            rack: None,
        };
        let bootstrap = Bootstrap { records: bootstrap::default_records(), min_insync_replicas: 1 };
        let batches = start_batches(&loader, &node, settled.held(), &bootstrap, settled.leader_epoch, WallClock(life));
        let mut bytes = world.disk.file(&Path::new(0, log)).unwrap_or_default().to_vec();
        for batch in batches {
            loader.apply_batches(&batch).unwrap();
            bytes.extend_from_slice(&batch);
        }
        let epoch = loader.image().brokers[&NodeId(1)].broker_epoch;
        assert!(settled.leader_epoch > last.0 && epoch > last.1);
        last = (settled.leader_epoch, epoch);
        let image = loader.image();
        let stop = stop_records(image, NodeId(1));
        bytes.extend_from_slice(&crate::metadata::batch(
            &stop,
            &image.features,
            image.end_offset,
            settled.leader_epoch,
            WallClock(life),
        ));
        world.put(log, bytes);
        directory.close(Some(epoch), Vec::new(), &mut world.outbox);
        world.run(&mut directory);
        world.disk.crash();
    }
    assert_eq!(last.0, LeaderEpoch(3));
}
