//! What `ottla dump` prints for the files of a real Kafka, and for damaged ones.

mod support;

use std::fs;

use support::{KafkaDirectory, Told, core, dump};

#[test]
fn a_log_directory_is_told_at_a_glance() {
    let kafka = KafkaDirectory::unpack("clean");
    let told = dump(&[&kafka.path("")], 120);
    assert_eq!(told.damages, 0);
    insta::assert_snapshot!("log_directory", kafka.portable(&told));
    let all = dump(&["--full", &kafka.path("")], 120);
    assert_eq!(all.damages, 0);
    assert!(all.text.contains("txn-1/00000000000000000000.log"));
}

#[test]
fn a_crashed_directory_has_preallocated_indexes_and_no_damage() {
    let kafka = KafkaDirectory::unpack("crashed");
    let told = dump(&["--full", "--records=never", &kafka.path("")], 120);
    let damage: Vec<_> = told.text.lines().filter(|line| line.starts_with("  damage")).collect();
    assert!(damage.is_empty(), "{damage:?}");
    insta::assert_snapshot!("crashed_partition", kafka.portable(&dump(&[&kafka.path("txn-0")], 120)));
}

#[test]
fn a_partition_is_told_file_by_file() {
    let kafka = KafkaDirectory::unpack("clean");
    for name in ["plain-0", "txn-0", "idem-0", "compacted-0"] {
        insta::assert_snapshot!(format!("partition_{name}"), kafka.portable(&dump(&[&kafka.path(name)], 120)));
    }
    let segment = kafka.path("gzip-0/00000000000000000000.log");
    let told = dump(&[&segment, "--records"], 120);
    assert_eq!(told.text.matches("\"abcdefgh").count(), 300);
    let json = dump(&["--json", &kafka.path("txn-0")], 120);
    insta::assert_snapshot!("partition_txn-0_json", kafka.portable(&json));
}

#[test]
fn the_records_of_kafkas_own_topics_are_decoded() {
    let kafka = KafkaDirectory::unpack("clean");
    let segment = |name: &str| kafka.path(&format!("{name}/00000000000000000000.log"));
    for name in ["__consumer_offsets-0", "__transaction_state-0"] {
        let told = dump(&[&segment(name), "--records"], 160);
        assert_eq!(told.damages, 0, "{}", told.text);
        insta::assert_snapshot!(name, kafka.portable(&told));
    }
    let json = dump(&[&segment("__consumer_offsets-0"), "--json"], 160);
    insta::assert_snapshot!("__consumer_offsets-0_json", kafka.portable(&json));
    let metadata = dump(&[&segment("__cluster_metadata-0"), "--records"], 160);
    assert_eq!(metadata.damages, 0);
    let head: Vec<_> = metadata.text.lines().skip(1).take(60).collect();
    insta::assert_snapshot!("__cluster_metadata-0", head.join("\n"));
}

#[test]
fn snapshots_of_the_metadata_log_are_told_with_their_records() {
    let path = core("tests/data/metadata-snapshot.checkpoint");
    let told = dump(&[path.to_str().expect("UTF-8")], 140);
    assert_eq!(told.damages, 0);
    let text: Vec<_> = told.text.lines().skip(1).collect();
    insta::assert_snapshot!("metadata_snapshot", text.join("\n"));
}

/// `plain-0` of the clean directory, changed by `change`.
fn damaged(file: &str, change: impl FnOnce(&mut Vec<u8>)) -> String {
    let kafka = KafkaDirectory::unpack("clean");
    let path = kafka.path(&format!("plain-0/{file}"));
    let mut bytes = fs::read(&path).expect("a file");
    change(&mut bytes);
    fs::write(&path, bytes).expect("a file");
    let told: Told = dump(&[&path], 120);
    assert!(told.damages > 0, "{}", told.text);
    kafka.portable(&told)
}

#[test]
fn behind_damage_a_segment_goes_on_at_the_next_batch() {
    let flipped = damaged("00000000000000000000.log", |bytes| bytes[1_000] ^= 1);
    insta::assert_snapshot!("damaged_flipped_bit", flipped.lines().take(6).collect::<Vec<_>>().join("\n"));
    assert!(flipped.contains("10 batches"), "{flipped}");

    let wiped = damaged("00000000000000000000.log", |bytes| bytes[1_016..2_500].fill(0));
    assert!(wiped.contains("damage at byte 1016") && wiped.contains("9 batches"), "{wiped}");

    let cut = damaged("00000000000000000000.log", |bytes| bytes.truncate(9_700));
    assert!(cut.contains("damage at byte 8823: a batch of 965 bytes"), "{cut}");

    let zeros = damaged("00000000000000000000.log", |bytes| bytes.extend([0; 4_096]));
    assert!(zeros.contains("damage at byte 9788: 4096 zeros"), "{zeros}");

    let swapped = damaged("00000000000000000000.log", |bytes| bytes[930 + 86 + 7] = 5);
    assert!(swapped.contains("offset 34 or above expected"), "{swapped}");
}

#[test]
fn an_index_is_held_against_its_segment() {
    let index = "00000000000000000000.index";
    let elsewhere = damaged(index, |bytes| bytes[7] ^= 1);
    assert!(elsewhere.contains("at byte 4904 of the segment no batch begins"), "{elsewhere}");
    let other = damaged(index, |bytes| bytes[3] ^= 1);
    assert!(other.contains("should end at offset 201, it has 167 to 200"), "{other}");
    let beyond = damaged(index, |bytes| bytes[4] = 1);
    assert!(beyond.contains("it is beyond the end of the segment"), "{beyond}");
    let twice = damaged(index, |bytes| bytes.extend_from_within(..));
    assert!(twice.contains("damage at byte 8: it does not rise above the entry before it"), "{twice}");
    let odd = damaged(index, |bytes| bytes.push(0));
    assert!(odd.contains("9 bytes are not a whole number of entries of 8 bytes: 1 are left"), "{odd}");

    let times = "00000000000000000000.timeindex";
    let late = damaged(times, |bytes| bytes[7] ^= 1);
    assert!(late.contains("up to offset 200 the largest timestamp of the segment is"), "{late}");
    let far = damaged(times, |bytes| bytes[22] = 9);
    assert!(far.contains("is beyond the segment"), "{far}");
}

#[test]
fn small_files_say_where_they_are_damaged() {
    let epochs = damaged("leader-epoch-checkpoint", |bytes| bytes[4] = b'x');
    assert!(epochs.contains("damage at byte 4: line 3"), "{epochs}");
    let metadata = damaged("partition.metadata", |bytes| bytes.truncate(20));
    assert!(metadata.contains("no topic_id that is a uuid"), "{metadata}");
    let producers = damaged("00000000000000000334.snapshot", |bytes| bytes[3] ^= 1);
    assert!(producers.contains("damage at byte 2: checksum"), "{producers}");
}
