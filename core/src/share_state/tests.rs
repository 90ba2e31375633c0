//! The merge of batches against a model that knows each record by itself, and replay against what was decided.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::batches::{StateBatch, combine};
use super::*;
use crate::coordinators::Replay as _;
use crate::time::{Monotonic, Now, WallClock};
use crate::types::Offset;
use crate::wire::{CoordinatorRecord, Uuid};

const NOW: Now = Now { monotonic: Monotonic(0), wall: WallClock(1_800_000_000_000) };

fn batch() -> impl Strategy<Value = StateBatch> {
    (0..60i64, 0..12i64, 1..4i16, prop::sample::select(&[0i8, 2, 4][..])).prop_map(
        |(first_offset, more, delivery_count, delivery_state)| StateBatch {
            first_offset,
            last_offset: first_offset + more,
            delivery_count,
            delivery_state,
        },
    )
}

fn batches_up_to(count: usize) -> impl Strategy<Value = Vec<StateBatch>> {
    prop::collection::vec(batch(), 0..count)
}

/// What is known of each record: how often it was delivered, and its state.
fn record_by_record(batches: &[StateBatch], start_offset: i64) -> BTreeMap<i64, (i16, i8)> {
    let mut known = BTreeMap::new();
    for batch in batches {
        for offset in batch.first_offset.max(start_offset)..=batch.last_offset {
            let rank = (batch.delivery_count, batch.delivery_state);
            let entry = known.entry(offset).or_insert(rank);
            *entry = rank.max(*entry);
        }
    }
    known
}

fn key(partition: i32) -> StateKey {
    StateKey { group: Arc::from("workers"), topic_id: Uuid(7), partition }
}

fn call() -> impl Strategy<Value = StateCall> {
    let write = (-1..4i32, -1..4i32, -1..40i64, -1..9i32, batches_up_to(5)).prop_map(
        |(state_epoch, leader_epoch, start_offset, delivery_complete_count, batches)| {
            StateCall::Write(StateWrite { state_epoch, leader_epoch, start_offset, delivery_complete_count, batches })
        },
    );
    prop_oneof![
        1 => (-1..4i32, -1..40i64)
            .prop_map(|(state_epoch, start_offset)| StateCall::Initialize { state_epoch, start_offset }),
        2 => (-1..4i32).prop_map(|leader_epoch| StateCall::Read { leader_epoch }),
        12 => write,
        1 => Just(StateCall::Delete),
    ]
}

/// There are three partitions, and room.
struct Three;

impl Partitions for Three {
    fn has(&self, _topic_id: Uuid, partition: i32) -> bool {
        partition < 3
    }

    fn has_room(&self) -> bool {
        true
    }
}

fn replay(coordinator: &mut Coordinator, log: &[(Offset, CoordinatorRecord)]) {
    for (at, record) in log {
        let value = record.encode_value(record.latest_version());
        let read = CoordinatorRecord::decode(Coordinator::TOPIC, record.encode_key(), value);
        coordinator.apply(NOW, &read.expect("what was encoded"), *at, None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn of_each_record_the_latest_delivery_is_known_and_no_two_batches_speak_of_the_same_one(
        known in batches_up_to(12),
        new in batches_up_to(6),
        start_offset in -1..50i64,
    ) {
        let combined = combine(&known, &new, start_offset);
        let all = [known, new].concat();
        prop_assert_eq!(record_by_record(&combined, -1), record_by_record(&all, start_offset));
        for pair in combined.windows(2) {
            prop_assert!(pair[0].last_offset < pair[1].first_offset, "{pair:?}");
        }
        prop_assert!(combined.len() <= 2 * all.len(), "{combined:?}");
    }

    #[test]
    fn a_coordinator_that_is_loaded_from_what_the_log_still_needs_is_the_one_that_was(
        calls in prop::collection::vec((0..3i32, call()), 1..60),
        updates_per_snapshot in 0..5u32,
        colds in prop::collection::btree_set(0..60usize, 0..4),
    ) {
        let mut coordinator = Coordinator::new(updates_per_snapshot);
        let mut log = Vec::new();
        for (at, (partition, call)) in calls.iter().enumerate() {
            let decided = coordinator.decide(NOW.wall, &Three, &key(*partition), call);
            let mut records: Vec<_> = decided.ok().and_then(|decision| decision.record).into_iter().collect();
            if colds.contains(&at) {
                replay_next(&mut coordinator, &mut log, core::mem::take(&mut records));
                records = coordinator.cold_snapshots(WallClock(NOW.wall.0 + 9), 5);
            }
            replay_next(&mut coordinator, &mut log, records);
        }
        let mut loaded = Coordinator::new(updates_per_snapshot);
        replay(&mut loaded, &log);
        prop_assert_eq!(&loaded.states, &coordinator.states);

        let mut pruned = Coordinator::new(updates_per_snapshot);
        log.retain(|(at, _)| *at >= coordinator.redundant_before());
        replay(&mut pruned, &log);
        prop_assert_eq!(pruned.states.len(), coordinator.states.len());
        for (key, state) in &coordinator.states {
            prop_assert_eq!(State::from(&pruned.states[key]), State::from(state));
        }
    }
}

fn replay_next(
    coordinator: &mut Coordinator,
    log: &mut Vec<(Offset, CoordinatorRecord)>,
    records: Vec<CoordinatorRecord>,
) {
    for record in records {
        let at = Offset(i64::try_from(log.len()).expect("a short log"));
        log.push((at, record));
        replay(coordinator, &log[log.len() - 1..]);
    }
}

#[test]
fn a_share_partition_lives_where_java_says() {
    // Apache Kafka 4.3.1 put them there, with three partitions of the topic.
    let key =
        StateKey { group: Arc::from("g"), topic_id: Uuid::parse("tfRVuPIQTDGvQKgjq830vQ").unwrap(), partition: 0 };
    assert_eq!(key.text(), "g:tfRVuPIQTDGvQKgjq830vQ:0");
    for (partition, lives_in) in [(0, 0), (1, 1), (2, 2)] {
        let key = StateKey { partition, ..key.clone() };
        assert_eq!(crate::coordinators::partition_of(&key.text(), 3), lives_in);
    }
}

#[test]
fn a_batch_without_records_says_nothing() {
    let turned = StateBatch { first_offset: 9, last_offset: 3, delivery_count: 1, delivery_state: 2 };
    assert_eq!(combine(&[turned], &[turned], -1), []);
    let last = StateBatch { first_offset: i64::MAX, last_offset: i64::MAX, delivery_count: 1, delivery_state: 2 };
    assert_eq!(combine(&[last], &[last], -1), [last]);
    let all = StateBatch { first_offset: i64::MIN, last_offset: i64::MAX, delivery_count: 1, delivery_state: 0 };
    assert_eq!(combine(&[last], &[all], -1).len(), 2);
}
