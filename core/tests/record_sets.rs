//! Record sets that Apache Kafka 4.3.1 wrote, from its messages and its log directories: each is read to its last byte,
//! and a batch built anew of what was read says the same.

mod support;

use std::collections::BTreeMap;
use std::io::Read as _;

use bytes::Bytes;
use flate2::read::GzDecoder;
use ottla_core::records::{
    Attributes, Batch, BatchBuilder, BatchHeader, Compression, ControlRecord, OutputLimit, Record, TimestampType,
    batches_of, records_of,
};
use ottla_core::wire::AnnotatedValue;
use support::known_vectors;

const DIRECTORIES: [&[u8]; 2] =
    [include_bytes!("data/apache-kafka-4.3.1/clean.tar.gz"), include_bytes!("data/apache-kafka-4.3.1/crashed.tar.gz")];

/// The record sets in messages, each with the name of its message.
fn record_sets_of_messages() -> Vec<(&'static str, Bytes)> {
    let mut sets = Vec::new();
    for known in known_vectors() {
        let bytes = &known.vector.bytes;
        for field in known.message.annotate(bytes.clone(), known.vector.version).fields {
            if let AnnotatedValue::Records(range) = field.value {
                sets.push((known.message.name, bytes.slice(range)));
            }
        }
    }
    sets
}

/// Segments and snapshots, each with its path.
fn record_sets_of_directories() -> Vec<(String, Bytes)> {
    let mut sets = Vec::new();
    for archive in DIRECTORIES {
        for entry in tar::Archive::new(GzDecoder::new(archive)).entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().to_string_lossy().into_owned();
            if path.ends_with(".log") || path.ends_with(".checkpoint") {
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).unwrap();
                sets.push((path, bytes.into()));
            }
        }
    }
    sets
}

fn shared(batch: &Batch<'_>) -> Vec<Record> {
    let bytes = Bytes::copy_from_slice(batch.bytes());
    records_of(&bytes, OutputLimit::default()).unwrap().map(Result::unwrap).collect()
}

/// The same records in a batch of the same parameters.
fn built_anew(batch: &Batch<'_>) -> Bytes {
    let mut builder = BatchBuilder::from_header(batch.header());
    let mut records = batch.records(OutputLimit::default()).unwrap();
    while let Some(record) = records.next_record().unwrap() {
        builder.keep(&record).unwrap();
    }
    builder.build()
}

/// Reads a record set to its end; how many batches and records it has of each codec.
fn check(name: &str, set: &Bytes, counts: &mut BTreeMap<Compression, (usize, usize)>) {
    for batch in batches_of(set) {
        let batch = batch.unwrap_or_else(|error| panic!("{name}: {error}"));
        let at = format!("{name}, byte {}", batch.position());
        assert_eq!(batch.verify(), Ok(()), "{at}");
        let records = shared(&batch);
        assert_eq!(records.len(), batch.header().record_count as usize, "{at}");

        let anew = built_anew(&batch);
        let again = Batch::parse(&anew).unwrap();
        assert_eq!(again.verify(), Ok(()), "{at}");
        assert!(shared(&again) == records, "{at}");
        assert_eq!(without_size(again.header()), without_size(batch.header()), "{at}");
        let codec = batch.header().attributes.compression().unwrap();
        if codec == Compression::None {
            assert!(anew == batch.bytes(), "{at}");
        }
        let count = counts.entry(codec).or_default();
        count.0 += 1;
        count.1 += records.len();
    }
}

/// A codec of ours may find another size, and so another checksum.
fn without_size(header: &BatchHeader) -> BatchHeader {
    BatchHeader { length: 0, crc: 0, ..*header }
}

#[test]
fn every_record_set_in_a_message_is_read_and_built_anew() {
    let mut counts = BTreeMap::new();
    let sets = record_sets_of_messages();
    for (name, set) in &sets {
        check(name, set, &mut counts);
    }
    println!("{} record sets: {counts:?}", sets.len());
    assert_eq!(counts.len(), 5, "every codec: {counts:?}");
    assert!(counts.values().map(|(batches, _)| batches).sum::<usize>() >= 290, "{counts:?}");
}

#[test]
fn every_segment_of_kafkas_directories_is_read_and_built_anew() {
    let mut counts = BTreeMap::new();
    for (name, set) in record_sets_of_directories() {
        check(&name, &set, &mut counts);
    }
    println!("{counts:?}");
    assert_eq!(counts.len(), 5, "every codec: {counts:?}");
    assert!(counts.values().map(|(_, records)| records).sum::<usize>() > 5_041, "{counts:?}");
}

#[test]
fn what_kafka_wrote_has_every_kind_of_batch() {
    let mut kinds = BTreeMap::new();
    for (_, set) in record_sets_of_directories() {
        for batch in batches_of(&set).map(Result::unwrap) {
            let header = batch.header();
            let Attributes(bits) = header.attributes;
            let has_holes = i64::from(header.last_offset_delta) + 1 != i64::from(header.record_count);
            for (kind, is_of_it) in [
                ("append time", header.attributes.timestamp_type() == TimestampType::LogAppendTime),
                ("transactional", header.attributes.is_transactional()),
                ("control", header.attributes.is_control()),
                ("producer", header.has_producer_id()),
                ("holes", has_holes),
                ("unknown bits", bits & !0x7f != 0),
            ] {
                *kinds.entry(kind).or_insert(0) += usize::from(is_of_it);
            }
        }
    }
    println!("{kinds:?}");
    for (kind, count) in kinds {
        assert_eq!(count > 0, kind != "unknown bits", "{kind}");
    }
}

#[test]
fn control_records_of_kafka_are_understood_and_written_as_kafka_does() {
    let mut types = BTreeMap::new();
    for (path, set) in record_sets_of_directories() {
        for batch in batches_of(&set).map(Result::unwrap).filter(|batch| batch.header().attributes.is_control()) {
            let mut records = batch.records(OutputLimit::default()).unwrap();
            while let Some(record) = records.next_record().unwrap() {
                let control =
                    ControlRecord::decode(record.key, record.value).unwrap_or_else(|error| panic!("{path}: {error}"));
                assert_eq!(record.key, Some(&control.key()[..]), "{path}");
                assert_eq!(record.value, Some(&control.value()[..]), "{path}");
                *types.entry(control.record_type()).or_insert(0) += 1;
            }
        }
    }
    println!("{types:?}");
    assert!([0, 1, 2, 3, 4].iter().all(|record_type| types.contains_key(record_type)), "{types:?}");
}
