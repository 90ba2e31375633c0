use alloc::vec::Vec;

use super::*;
use crate::groups::records::{batch, offset_committed, offset_removed};
use crate::records::{BatchBuilder, BuilderRecord, Compression, EndMarker, TimestampType};
use crate::time::{Monotonic, WallClock};
use crate::types::{LeaderEpoch, ProducerEpoch};
use crate::wire::Uuid;

const NOW: Now = Now { monotonic: Monotonic(0), wall: WallClock(1_800_000_000_000) };
const PRODUCER: ProducerId = ProducerId(7);

fn committed(offset: i64) -> CommittedOffset {
    CommittedOffset {
        offset: Offset(offset),
        leader_epoch: LeaderEpoch(3),
        metadata: "beside".into(),
        committed_ms: 1_799_000_000_000,
        expires_ms: None,
        topic_id: Uuid(5),
        recorded_at: Offset(0),
    }
}

/// A record of a group's offset in a topic's first partition.
fn record(offset: i64) -> CoordinatorRecord {
    offset_committed("readers", "letters", 0, &committed(offset))
}

/// Batches as a log would hold them, one after another.
struct Log {
    bytes: Vec<u8>,
    next: i64,
}

impl Log {
    fn plain(mut self, record: &CoordinatorRecord) -> Self {
        let batch = batch(core::slice::from_ref(record), Compression::None, NOW.wall);
        self.put(&batch);
        self
    }

    fn transactional(mut self, record: &CoordinatorRecord) -> Self {
        let mut builder = BatchBuilder::new().producer(PRODUCER, ProducerEpoch(0), 0).transactional();
        let (key, value) = (record.encode_key(), record.encode_value(record.latest_version()));
        builder.push(BuilderRecord { key: Some(&key), value: value.as_deref(), ..Default::default() });
        self.put(&builder.build());
        self
    }

    fn end(mut self, result: TransactionResult) -> Self {
        let marker = EndMarker { result, coordinator_epoch: 0, timestamp: 0 };
        self.put(&marker.to_batch(PRODUCER, ProducerEpoch(0), TimestampType::CreateTime));
        self
    }

    fn put(&mut self, batch: &[u8]) {
        self.bytes.extend_from_slice(&self.next.to_be_bytes());
        self.bytes.extend_from_slice(&batch[8..]);
        self.next += 1;
    }

    fn replayed(self) -> Coordinator {
        let mut coordinator = Coordinator::default();
        let next = coordinator.replay_batches(NOW, self.bytes.into()).expect("good batches");
        assert_eq!(next, Some(Offset(self.next)));
        coordinator
    }
}

fn log() -> Log {
    Log { bytes: Vec::new(), next: 0 }
}

fn offset_of(coordinator: &Coordinator) -> Option<i64> {
    coordinator.groups.get("readers")?.offset("letters", 0).map(|committed| committed.offset.0)
}

fn is_undecided(coordinator: &Coordinator) -> bool {
    coordinator.is_undecided(&"readers".into(), &"letters".into(), 0)
}

#[test]
fn the_last_commit_counts_and_a_tombstone_takes_it_away() {
    assert_eq!(offset_of(&log().plain(&record(7)).plain(&record(9)).replayed()), Some(9));
    let gone = log().plain(&record(7)).plain(&offset_removed("readers", "letters", 0)).replayed();
    assert_eq!(offset_of(&gone), None);
}

#[test]
fn what_was_committed_is_read_as_it_was() {
    let read = log().plain(&record(7)).replayed();
    let read = read.groups["readers"].offset("letters", 0).cloned();
    assert_eq!(read, Some(committed(7)));
}

#[test]
fn offsets_of_a_transaction_count_when_it_commits_and_not_before() {
    let open = log().plain(&record(7)).transactional(&record(9)).replayed();
    assert_eq!((offset_of(&open), is_undecided(&open)), (Some(7), true));
    let done = log().plain(&record(7)).transactional(&record(9)).end(TransactionResult::Commit).replayed();
    assert_eq!((offset_of(&done), is_undecided(&done)), (Some(9), false));
    let aborted = log().plain(&record(7)).transactional(&record(9)).end(TransactionResult::Abort).replayed();
    assert_eq!((offset_of(&aborted), is_undecided(&aborted)), (Some(7), false));
}

#[test]
fn of_a_commit_in_a_transaction_and_one_outside_the_later_counts_whenever_the_transaction_ends() {
    let log = log().transactional(&record(9)).plain(&record(7)).end(TransactionResult::Commit);
    assert_eq!(offset_of(&log.replayed()), Some(7));
}

#[test]
fn records_of_a_later_kafka_are_passed_over_and_damage_is_not() {
    let mut later = BatchBuilder::new();
    later.push(BuilderRecord { key: Some(b"\x7f\xff?"), value: Some(b"?"), ..Default::default() });
    let mut coordinator = Coordinator::default();
    assert_eq!(coordinator.replay_batches(NOW, later.build()), Ok(Some(Offset(1))));
    let mut damaged = BatchBuilder::new();
    damaged.push(BuilderRecord { key: Some(b"\0\x01\0"), value: None, ..Default::default() });
    let error = coordinator.replay_batches(NOW, damaged.build()).expect_err("a key that ends early");
    assert!(error.starts_with("the batch at offset 0: "), "{error}");
}
