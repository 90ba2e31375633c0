use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;

use super::transaction::NO_EPOCH;
use super::*;
use crate::coordinators::Replay as _;
use crate::drawings::assert_drawn;
use crate::error_code::ErrorCode;
use crate::records::TransactionResult::{Abort, Commit};
use crate::time::{Now, WallClock};
use crate::types::{Offset, PartitionId, ProducerEpoch, ProducerId};
use crate::wire::Uuid;

const NOW: Now = Now { monotonic: Monotonic(0), wall: WallClock(1_800_000_000_000) };
const TIMEOUT_MS: i32 = 60_000;

fn partitions(indexes: &[i32]) -> Partitions {
    Partitions::from([(Arc::from("letters"), indexes.iter().copied().collect::<BTreeSet<_>>())])
}

fn begun(id: i64, epoch: i16) -> Transaction {
    let mut transaction = Transaction::new(ProducerId(id), TIMEOUT_MS, NOW.wall.0);
    transaction.producer.epoch = ProducerEpoch(epoch);
    transaction
}

fn ongoing(epoch: i16, version: TransactionVersion) -> Transaction {
    begun(7, epoch).with(&partitions(&[0, 2]), version, NOW.wall.0)
}

/// What a coordinator knows that is made from these records.
fn replayed(records: &[(&str, &Transaction)], level: TransactionVersion) -> Coordinator {
    let mut coordinator = Coordinator::default();
    for (offset, record) in records.iter().enumerate() {
        let batch = batch([*record], level, NOW.wall);
        let bytes = [&(offset as i64).to_be_bytes()[..], &batch[8..]].concat();
        let next = coordinator.replay_batches(NOW, Bytes::from(bytes)).expect("good records");
        assert_eq!(next, Some(Offset(offset as i64 + 1)));
    }
    coordinator
}

#[test]
fn the_drawing_has_the_states_of_the_code() {
    let states = TransactionState::ALL.iter().map(|state| state.name());
    assert_drawn(include_str!("../../../docs/transactions.md"), "## A transaction", states);
}

#[test]
fn the_last_record_of_an_id_counts_and_one_without_a_value_forgets_it() {
    let first = ongoing(0, TransactionVersion::V2);
    let decided = first.prepared(Commit, TransactionVersion::V2, Some(ProducerId(9)), NOW.wall.0 + 5);
    let coordinator = replayed(&[("a", &first), ("b", &first), ("a", &decided)], TransactionVersion::V2);
    // The epoch before is not in the log: after a start who had it is fenced.
    assert_eq!(coordinator.transactions["a"].current, Transaction { last_epoch: NO_EPOCH, ..decided.clone() });
    assert_eq!(coordinator.transactions["b"].current, first);
    let coordinator = replayed(&[("a", &decided), ("a", &decided.completed(0).dead())], TransactionVersion::V2);
    assert!(coordinator.transactions.is_empty());
}

#[test]
fn an_older_cluster_has_records_without_what_came_later() {
    let first = ongoing(3, TransactionVersion::V0);
    let coordinator = replayed(&[("a", &first)], TransactionVersion::V0);
    let expected = Transaction { previous_producer_id: ProducerId::NONE, ..first };
    assert_eq!(coordinator.transactions["a"].current, expected);
}

#[test]
fn who_takes_too_long_is_fenced_in_each_version_with_the_next_epoch() {
    let fenced = ongoing(3, TransactionVersion::V2).fenced(TransactionVersion::V2, 0);
    assert_eq!((fenced.state, fenced.producer.epoch.0, fenced.last_epoch.0), (TransactionState::PrepareAbort, 4, 3));
    for level in [TransactionVersion::V0, TransactionVersion::V1] {
        let fenced = ongoing(3, TransactionVersion::V0).fenced(level, 0);
        assert_eq!((fenced.producer.epoch.0, fenced.last_epoch), (4, NO_EPOCH));
        assert_eq!(fenced.version, TransactionVersion::V0);
    }
    let last = ongoing(i16::MAX, TransactionVersion::V2).fenced(TransactionVersion::V2, 0);
    assert_eq!(last.producer.epoch.0, i16::MAX, "there is no epoch after the last");
}

#[test]
fn a_change_is_made_when_it_is_committed_and_another_one_waits_for_it() {
    let mut coordinator = replayed(&[("a", &begun(7, 0))], TransactionVersion::V2);
    let producer = Producer { id: ProducerId(7), epoch: ProducerEpoch(0) };
    let all = partitions(&[0]);
    let next = coordinator.join(NOW, "a", producer, (&all, TransactionVersion::V2)).unwrap().unwrap();
    coordinator.appended(&Arc::from("a"), next, Offset(2));
    assert_eq!(coordinator.transactions["a"].current.state, TransactionState::Empty);
    assert_eq!(coordinator.joining_until("a"), Some(Offset(2)));
    let again = coordinator.join(NOW, "a", producer, (&all, TransactionVersion::V2));
    assert_eq!(again, Err(ErrorCode::ConcurrentTransactions));
    assert_eq!(coordinator.next_committed(Offset(1)), None);
    assert_eq!(coordinator.next_committed(Offset(2)), Some((Arc::from("a"), TransactionState::Empty)));
    assert_eq!(coordinator.transactions["a"].current.state, TransactionState::Ongoing);
    let again = coordinator.join(NOW, "a", producer, (&all, TransactionVersion::V2));
    assert_eq!(again, Ok(None), "it is in the transaction already");
}

#[test]
fn a_transaction_is_over_when_the_last_partition_has_its_marker() {
    let decided = ongoing(0, TransactionVersion::V2).prepared(Abort, TransactionVersion::V2, None, 0);
    let mut coordinator = replayed(&[("a", &decided)], TransactionVersion::V2);
    coordinator.begin_markers("a");
    assert_eq!(coordinator.marked(NOW, "a", "letters", 0), None);
    assert_eq!(coordinator.marked(NOW, "a", "letters", 0), None, "a marker twice is one marker");
    let done = coordinator.marked(NOW, "a", "letters", 2).expect("it was the last");
    assert_eq!((done.state, done.producer.epoch.0), (TransactionState::CompleteAbort, 1));
    assert_eq!(done.partitions, Partitions::new());
}

#[test]
fn ids_expire_but_not_in_the_middle_of_a_transaction() {
    let day_ms = 86_400_000;
    let idle = begun(7, 0);
    let coordinator = replayed(&[("a", &idle), ("b", &ongoing(0, TransactionVersion::V2))], TransactionVersion::V2);
    assert_eq!(coordinator.next_expiry(day_ms), Some(WallClock(NOW.wall.0 + day_ms)));
    assert_eq!(coordinator.expired(WallClock(NOW.wall.0 + day_ms - 1), day_ms), []);
    let expired = coordinator.expired(WallClock(NOW.wall.0 + 9 * day_ms), day_ms);
    let expired: Vec<_> = expired.iter().map(|(id, next)| (&**id, next.state)).collect();
    assert_eq!(expired, [("a", TransactionState::Dead)]);
}

#[test]
fn markers_on_their_way_to_a_log_that_fails_are_owed() {
    let partition = PartitionId { topic_id: Uuid(1), index: 0 };
    let ending = |id: &str, coordinator| Ending { coordinator, id: Arc::from(id), topic: Arc::from("letters") };
    let mut markers = Markers::default();
    for (end, id) in [(3, "a"), (4, "b"), (5, "c")] {
        markers.appended(partition, Offset(end), ending(id, end as i32));
    }
    assert_eq!(markers.committed(partition, Offset(3)), [ending("a", 3)]);
    markers.lost(partition);
    assert_eq!(markers.committed(partition, Offset(9)), []);
    markers.forget(4);
    assert_eq!(markers.take_owed(partition).into_iter().collect::<Vec<_>>(), [ending("c", 5)]);
    assert!(markers.take_owed(partition).is_empty());
}
