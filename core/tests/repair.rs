//! Damaged logs of a stopped broker: what a repair sees, what it does, and what a start makes of it.

mod world;

use bytes::Bytes;
use ottla_core::Config;
use ottla_core::boundary::Path;
use ottla_core::memory_disk::MemoryDisk;
use ottla_core::records::batches_of;
use ottla_core::repair::{Finding, Repair, RepairError, Verdict, Way};
use ottla_core::time::{Monotonic, Now, WallClock};
use ottla_core::types::Offset;
use ottla_core::wire::Records;
use ottla_core::wire::messages::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic};
use ottla_core::wire::messages::produce::{PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData};
use world::{World, batch};

const LOG: &str = "t-0/00000000000000000000.log";

/// A broker that was killed after it had written these values, each in a batch of its own.
fn killed(values: &[&str]) -> MemoryDisk {
    let mut world = World::new(&[]);
    world.create_topic("t", 1);
    for value in values {
        produce(&mut world, value);
    }
    world.crash()
}

fn produce(world: &mut World, value: &str) -> i16 {
    let records = Some(batch(&[value]).into());
    let partition_data = vec![PartitionProduceData { index: 0, records, ..Default::default() }];
    let topic_data = vec![TopicProduceData { name: "t".into(), partition_data, ..Default::default() }];
    let request = ProduceRequest { acks: 1, timeout_ms: 5_000, topic_data, ..Default::default() };
    let answer: ProduceResponse = world.call(9, &request);
    answer.responses[0].partition_responses[0].error_code
}

/// Error code, and the offsets of what can be read.
fn read(world: &mut World) -> (i16, Vec<i64>) {
    let partitions = vec![FetchPartition { partition_max_bytes: 1 << 20, ..Default::default() }];
    let topics = vec![FetchTopic { topic: "t".into(), partitions, ..Default::default() }];
    let request = FetchRequest { min_bytes: 1, topics, ..Default::default() };
    let answer: FetchResponse = world.call(11, &request);
    let partition = &answer.responses[0].partitions[0];
    let Some(Records::Bytes(bytes)) = &partition.records else { return (partition.error_code, Vec::new()) };
    let with_records = |header: &ottla_core::records::BatchHeader| header.record_count > 0;
    let bytes = bytes.to_bytes();
    let headers = batches_of(&bytes).map(|batch| *batch.expect("a good batch").header());
    (partition.error_code, headers.filter(with_records).map(|header| header.base_offset.0).collect())
}

fn path(name: &str) -> Path {
    Path::new(0, name)
}

fn edit(disk: &mut MemoryDisk, name: &str, edit: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = disk.file(&path(name)).expect("it is there").to_vec();
    edit(&mut bytes);
    disk.put(&path(name), bytes);
}

/// Where the batches of a segment begin.
fn positions(disk: &MemoryDisk, name: &str) -> Vec<usize> {
    let bytes = disk.file(&path(name)).expect("it is there");
    batches_of(bytes).map(|batch| batch.expect("a good batch").position()).collect()
}

/// Does something to the only damaged log.
fn repair<T>(
    disk: &mut MemoryDisk,
    verifies_all: bool,
    act: impl FnOnce(
        &mut Repair<&mut dyn FnMut(ottla_core::boundary::StorageCommand) -> ottla_core::boundary::StorageResult>,
        Option<Finding>,
    ) -> T,
) -> T {
    let now = Now { monotonic: Monotonic(0), wall: WallClock(1_800_000_100_000) };
    let mut execute = |command| disk.execute(command);
    let mut repair = Repair::open(&mut execute as &mut dyn FnMut(_) -> _, Config::default(), verifies_all, now)
        .expect("it can be read");
    let places = repair.partitions().to_vec();
    let names: Vec<_> = places.iter().map(|place| place.name.as_str()).collect();
    assert_eq!(names, ["__cluster_metadata-0", "t-0"]);
    let verdicts: Vec<_> = places.iter().map(|place| repair.examine(place).expect("it can be read")).collect();
    assert_eq!(verdicts[0], Verdict::Good);
    let finding = match verdicts[1].clone() {
        Verdict::Good => None,
        Verdict::Damaged(finding) => Some(*finding),
        Verdict::Unreadable(why) => panic!("{why}"),
    };
    act(&mut repair, finding)
}

fn mend(disk: &mut MemoryDisk, way: Way) -> Vec<String> {
    repair(disk, false, |repair, finding| {
        let finding = finding.expect("it is damaged");
        let mut lines = Vec::new();
        repair.mend(&finding, way, &mut |line| lines.push(line)).expect("it can be mended");
        assert_eq!(repair.examine(&finding.place).expect("it can be read"), Verdict::Good);
        lines
    })
}

fn damaged(values: &[&str], batch: usize) -> (MemoryDisk, Bytes) {
    let mut disk = killed(values);
    let at = positions(&disk, LOG)[batch] + 65;
    edit(&mut disk, LOG, |bytes| bytes[at] ^= 1);
    let bytes = Bytes::copy_from_slice(disk.file(&path(LOG)).expect("it is there"));
    (disk, bytes)
}

#[test]
fn a_look_changes_nothing_and_tells_what_is_behind_the_damage() {
    let (mut disk, _) = damaged(&["a", "b", "c", "d"], 1);
    let files = |disk: &MemoryDisk| -> Vec<_> {
        disk.files().map(|path| (path.clone(), disk.file(path).map(<[u8]>::to_vec))).collect()
    };
    let before = files(&disk);
    let finding = repair(&mut disk, false, |_, finding| finding).expect("it is damaged");
    assert_eq!((finding.damage.next_offset, finding.damage.position), (Offset(1), 69));
    assert_eq!((finding.behind.size_bytes, finding.behind.damaged_bytes), (3 * 69, 69));
    assert_eq!((finding.behind.batches, finding.behind.records), (2, 2));
    assert_eq!(finding.behind.offsets, Some((Offset(2), Offset(3))));
    assert_eq!(finding.gaps(), [(Offset(1), Offset(1))]);
    assert!(finding.damage.fault.starts_with("checksum 0x"), "{}", finding.damage.fault);
    assert!(files(&disk) == before);
    assert_eq!(disk.open_files(), 0);
}

#[test]
fn a_truncated_log_ends_at_the_damage_and_what_was_there_is_kept() {
    let (mut disk, damaged) = damaged(&["a", "b", "c"], 1);
    let lines = mend(&mut disk, Way::Truncate);
    assert!(lines.iter().any(|line| line.contains("truncated ") && line.contains("ends at offset 1")), "{lines:?}");
    assert_eq!(disk.file(&path("t-0/00000000000000000000.log.damaged")).unwrap(), damaged);
    let mut world = World::on(disk, &[]);
    assert_eq!(read(&mut world), (0, vec![0]));
    assert_eq!(produce(&mut world, "again"), 0);
    assert_eq!(read(&mut world), (0, vec![0, 1]));
}

#[test]
fn a_cut_log_goes_on_behind_the_damage() {
    let (mut disk, damaged) = damaged(&["a", "b", "c"], 1);
    let lines = mend(&mut disk, Way::Cut);
    assert!(lines.iter().any(|line| line.starts_with("cut 69 damaged bytes out of ")), "{lines:?}");
    assert_eq!(disk.file(&path("t-0/00000000000000000000.log.damaged")).unwrap(), damaged);
    let mut world = World::on(disk, &[]);
    assert_eq!(read(&mut world), (0, vec![0, 2]));
    assert_eq!(produce(&mut world, "again"), 0);
    assert_eq!(read(&mut world), (0, vec![0, 2, 3]));
}

#[test]
fn several_damaged_batches_are_cut_at_once() {
    let mut disk = killed(&["a", "b", "c", "d", "e", "f"]);
    for batch in [1, 2, 4] {
        let at = positions(&killed(&["a", "b", "c", "d", "e", "f"]), LOG)[batch] + 65;
        edit(&mut disk, LOG, |bytes| bytes[at] ^= 0x10);
    }
    mend(&mut disk, Way::Cut);
    assert_eq!(read(&mut World::on(disk, &[])), (0, vec![0, 3, 5]));
}

#[test]
fn later_segments_go_with_a_truncation_and_stay_with_a_cut() {
    let properties = [("log.segment.bytes", "1048576")];
    let large = "x".repeat(600_000);
    let killed = || {
        let mut world = World::new(&properties);
        world.create_topic("t", 1);
        for _ in 0..3 {
            assert_eq!(produce(&mut world, &large), 0);
        }
        let mut disk = world.crash();
        edit(&mut disk, LOG, |bytes| bytes[1_000] ^= 1);
        disk
    };

    let mut truncated = killed();
    mend(&mut truncated, Way::Truncate);
    let kept = |name: &str| truncated.file(&path(&format!("t-0/{name}.damaged"))).is_some();
    assert!(
        ["00000000000000000000.log", "00000000000000000001.log", "00000000000000000002.log"].iter().all(|it| kept(it))
    );
    assert_eq!(read(&mut World::on(truncated, &properties)), (0, vec![]));

    let mut cut = killed();
    mend(&mut cut, Way::Cut);
    let mut world = World::on(cut, &properties);
    assert_eq!(read(&mut world).0, 0);
    assert_eq!(produce(&mut world, "goes on"), 0);
    let disk = world.crash();
    assert_eq!(positions(&disk, LOG).len(), 1, "an empty batch stands for the offset that is missing");
    assert!(disk.file(&path("t-0/00000000000000000002.log")).unwrap().len() > 600_000);
}

#[test]
fn a_segment_that_lost_its_end_is_bridged_by_a_cut() {
    let properties = [("log.segment.bytes", "1048576")];
    let mut world = World::new(&properties);
    world.create_topic("t", 1);
    produce(&mut world, "a");
    produce(&mut world, &"x".repeat(900_000));
    produce(&mut world, &"x".repeat(900_000));
    let mut disk = world.crash();
    let end = positions(&disk, LOG)[1];
    edit(&mut disk, LOG, |bytes| bytes.truncate(end));
    mend(&mut disk, Way::Cut);
    let mut world = World::on(disk, &properties);
    assert_eq!(produce(&mut world, "goes on"), 0);
}

#[test]
fn a_log_that_lost_its_synced_end_is_taken_as_it_is() {
    let mut world = World::new(&[]);
    world.create_topic("t", 1);
    for value in ["a", "b", "c"] {
        produce(&mut world, value);
    }
    let mut disk = world.shut_down();
    let end = positions(&disk, LOG)[2];
    edit(&mut disk, LOG, |bytes| bytes.truncate(end));
    assert_eq!(produce(&mut World::on(disk.clone(), &[]), "x"), 56, "offline");
    let lines = mend(&mut disk, Way::Truncate);
    assert!(lines.iter().any(|line| line.contains("recovery-point-offset-checkpoint: t-0 from 3 to 0")), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains(".kafka_cleanshutdown")), "{lines:?}");
    assert_eq!(read(&mut World::on(disk, &[])), (0, vec![0, 1]));
}

#[test]
fn what_was_synced_is_verified_only_on_demand() {
    let mut world = World::new(&[]);
    world.create_topic("t", 1);
    for value in ["a", "b", "c"] {
        produce(&mut world, value);
    }
    let mut disk = world.shut_down();
    edit(&mut disk, LOG, |bytes| bytes[69 + 65] ^= 1);
    assert_eq!(repair(&mut disk, false, |_, finding| finding), None, "a start would not see it");
    let finding = repair(&mut disk, true, |_, finding| finding).expect("it is damaged");
    assert_eq!(finding.damage.next_offset, Offset(1));
}

#[test]
fn a_directory_where_no_broker_was_is_refused() {
    let mut disk = MemoryDisk::new();
    let now = Now { monotonic: Monotonic(0), wall: WallClock(0) };
    let error = Repair::open(|command| disk.execute(command), Config::default(), false, now).err();
    let error = error.expect("nothing is there");
    assert!(matches!(error, RepairError::NoMetadata(_)), "{error}");
}
