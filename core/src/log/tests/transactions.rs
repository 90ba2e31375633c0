use super::*;
use crate::records::{BATCH_HEADER_SIZE_BYTES, EndMarker, TimestampType, TransactionResult};

/// When markers are written: records of another time would roll segments.
pub(super) const NOW: i64 = 1_700_000_000_000;

/// A batch of a transaction of `producer`, of epoch 0.
pub(super) fn transactional(producer: i64, sequence: i32, count: usize) -> Bytes {
    let builder = BatchBuilder::new()
        .producer(ProducerId(producer), ProducerEpoch(0), sequence)
        .attributes(Attributes::default().transactional());
    build(builder, NOW, &alloc::vec![10; count])
}

pub(super) fn end(producer: i64, result: TransactionResult) -> EndTransaction {
    EndTransaction {
        producer_id: ProducerId(producer),
        producer_epoch: ProducerEpoch(0),
        result,
        coordinator_epoch: 0,
        raises_epoch: false,
        timestamp_type: TimestampType::CreateTime,
    }
}

impl World {
    pub(super) fn try_end(&mut self, end: &EndTransaction) -> Result<Appended, AppendError> {
        let appended = self.log.append_end(self.now, EPOCH, end, &mut self.outbox);
        self.run();
        appended
    }

    fn abort(&mut self, producer: i64) -> Offset {
        self.try_end(&end(producer, TransactionResult::Abort)).expect("the marker fits").base_offset
    }

    fn commit(&mut self, producer: i64) -> Offset {
        self.try_end(&end(producer, TransactionResult::Commit)).expect("the marker fits").base_offset
    }

    fn stable(&self) -> i64 {
        self.log.last_stable_offset().0
    }

    /// Aborts a transaction of one record of `producer`; how far it went.
    fn aborted_transaction(&mut self, producer: i64, sequence: i32) -> (i64, i64) {
        let first = self.append(&transactional(producer, sequence, 1));
        (first.0, self.abort(producer).0)
    }

    pub(super) fn locate_stable(&mut self, offset: i64) -> Option<Extent> {
        match self.log.locate_stable(Offset(offset), &mut self.outbox).expect("the offset is in the log") {
            Located::Ready(extent) => Some(extent),
            Located::AtEnd => None,
            Located::Reading(lookup) => match self.done(lookup).expect("the log can be read") {
                Found::Extent(extent) => Some(extent),
                Found::AtEnd => None,
                other => panic!("{other:?} was not looked for"),
            },
        }
    }

    pub(super) fn aborted(&mut self, from: i64, extent: &Extent, size_bytes: u64) -> Vec<AbortedTransaction> {
        match self.log.aborted(Offset(from), extent, size_bytes, &mut self.outbox) {
            Lookup::Ready(found) => found,
            Lookup::Reading(lookup) => match self.done(lookup).expect("the log can be read") {
                Found::Aborted(found) => found,
                other => panic!("{other:?} was not looked for"),
            },
        }
    }

    /// First and last offsets of the aborted transactions from an offset on.
    fn aborted_from(&mut self, offset: i64) -> Vec<(i64, i64)> {
        let extent = self.locate_stable(offset).expect("there is something stable");
        let found = self.aborted(offset, &extent, extent.available_bytes);
        found.iter().map(|aborted| (aborted.first_offset.0, aborted.last_offset.0)).collect()
    }
}

const INDEX: &str = "00000000000000000000.txnindex";

fn small_segments() -> LogConfig {
    LogConfig { segment_bytes: 300, ..config() }
}

fn txn_indexes(disk: &MemoryDisk) -> Vec<String> {
    names(disk).into_iter().filter(|name| name.ends_with(".txnindex")).collect()
}

#[test]
fn nothing_from_the_first_open_transaction_on_is_stable() {
    let mut world = World::new(config());
    world.append(&records(NOW, &[10, 10]));
    assert_eq!(world.stable(), 2);
    world.append(&transactional(7, 0, 3));
    world.append(&transactional(8, 0, 1));
    world.append(&records(NOW, &[10]));
    assert_eq!((world.stable(), world.marks()[2]), (2, 7));
    assert_eq!(world.commit(7), Offset(7));
    assert_eq!(world.stable(), 5);
    assert_eq!(world.abort(8), Offset(8));
    assert_eq!(world.stable(), 9);
    assert_eq!(world.commit(8), Offset(9), "a marker without a transaction is only a marker");
    assert_eq!(world.stable(), 10);
}

#[test]
fn a_transaction_is_open_until_its_marker_is_below_the_high_watermark() {
    let mut world = World::new(strict());
    world.append(&transactional(7, 0, 3));
    world.hold = |command| matches!(command, StorageCommand::Sync { .. });
    world.commit(7);
    assert_eq!((world.stable(), world.marks()), (0, [0, 3, 3, 4]));
    assert!(!world.log.has_open_transaction(ProducerId(7), ProducerEpoch(0)), "the next batch begins another one");
    world.release();
    assert_eq!((world.stable(), world.marks()), (4, [0, 4, 4, 4]));
}

#[test]
fn the_marker_is_the_batch_that_kafka_writes() {
    let mut world = World::new(config());
    let abort =
        EndTransaction { producer_epoch: ProducerEpoch(1), coordinator_epoch: 2, ..end(1, TransactionResult::Abort) };
    world.try_end(&abort).unwrap();
    let written = world.disk.file(&path("00000000000000000000.log")).unwrap();
    let header = BatchHeader::parse(written).unwrap();
    assert_eq!((header.attributes, header.base_sequence, header.record_count), (Attributes(0x30), -1, 1));
    assert_eq!((header.producer_id, header.producer_epoch), (ProducerId(1), ProducerEpoch(1)));
    let marker = EndMarker::parse(&header, &written[BATCH_HEADER_SIZE_BYTES..]).unwrap();
    let timestamp = world.now.wall.0;
    assert_eq!(marker, EndMarker { result: TransactionResult::Abort, coordinator_epoch: 2, timestamp });
}

#[test]
fn a_former_coordinator_ends_nothing() {
    let mut world = World::new(config());
    world.append(&transactional(7, 0, 3));
    let commit = |coordinator_epoch| EndTransaction { coordinator_epoch, ..end(7, TransactionResult::Commit) };
    world.try_end(&commit(5)).unwrap();
    let mut world = world.reopen();
    world.append(&transactional(7, 3, 1));
    let refused = world.try_end(&commit(4)).unwrap_err();
    assert_eq!(refused.error_code().name(), "TRANSACTION_COORDINATOR_FENCED");
    assert_eq!(world.stable(), 4);
    world.try_end(&commit(5)).unwrap();
    assert_eq!(world.stable(), 6);
}

#[test]
fn a_consumer_of_committed_records_stops_at_the_last_stable_offset() {
    let mut world = World::new(config());
    world.append(&records(NOW, &[10]));
    world.append(&transactional(7, 0, 1));
    world.append(&records(NOW, &[10]));
    let extent = world.locate_stable(0).unwrap();
    assert_eq!(extent.available_bytes, u64::from(extent.first_batch_size_bytes));
    assert_eq!(world.locate_stable(1), None);
    assert_eq!(world.locate_stable(3), None, "beyond it there is nothing, yet");
    assert!(world.log.locate_stable(Offset(4), &mut world.outbox).is_err());
    assert_eq!(world.first_batch_at(1), Some(1), "others see it");
    world.commit(7);
    assert_eq!(world.locate_stable(1).unwrap().segment, Offset(0));
}

#[test]
fn aborted_transactions_are_told_to_those_whose_fetch_they_touch() {
    let mut world = World::new(config());
    let first = world.aborted_transaction(7, 0);
    world.append(&transactional(8, 0, 1));
    world.commit(8);
    let second = world.aborted_transaction(8, 1);
    assert_eq!(world.aborted_from(0), [first, second]);
    assert_eq!(world.aborted_from(1), [first, second], "its marker is still to come");
    assert_eq!(world.aborted_from(2), [second]);
    world.append(&records(NOW, &[10]));
    assert_eq!(world.aborted_from(6), []);
}

#[test]
fn a_transaction_index_is_made_with_the_first_abort_and_by_the_rules_of_kafka() {
    let mut world = World::new(config());
    world.append(&transactional(7, 0, 1));
    world.commit(7);
    let mut world = world.reopen();
    assert_eq!(txn_indexes(&world.disk), [""; 0]);
    world.append(&transactional(7, 1, 1));
    world.append(&transactional(8, 0, 1));
    world.abort(7);
    let world = world.reopen();
    let entry = [0i64, 7, 2, 4, 3].map(i64::to_be_bytes).concat()[6..].to_vec();
    assert_eq!(world.disk.file(&path(INDEX)), Some(&entry[..]));
}

#[test]
fn aborted_transactions_are_known_after_any_stop() {
    let mut world = World::new(small_segments());
    let expected: Vec<_> = (0..9).map(|n| world.aborted_transaction(7, n)).collect();
    assert!(world.log.segments.len() > 3);
    let all = |world: &mut World| {
        let mut found = Vec::new();
        for (first, last) in &expected {
            assert!(world.aborted_from(*last).contains(&(*first, *last)), "{first} to {last}");
            found.extend(world.aborted_from(*first));
        }
        found.dedup();
        assert_eq!(found, expected);
    };
    all(&mut world);
    let mut world = world.reopen();
    all(&mut world);
    let unclean = OpenLog { was_clean: false, ..request(&small_segments()) };
    let mut world = World::open(world.crash(), unclean);
    all(&mut world);
    assert!(world.reports.is_empty(), "{:?}", world.reports);
}

#[test]
fn a_closed_segment_counts_as_synced_only_with_its_transaction_index_and_its_name() {
    let mut world = World::new(LogConfig { flush_messages: 1, ..small_segments() });
    world.aborted_transaction(7, 0);
    world.hold = |command| matches!(command, StorageCommand::SyncDir { .. });
    world.append(&records(NOW, &[200]));
    world.append(&records(NOW, &[200]));
    assert_eq!(world.log.recovery_point(), Offset(0));
    world.release();
    assert_eq!(world.log.recovery_point(), Offset(4));
    assert_eq!(txn_indexes(&world.disk), [INDEX]);
}

#[test]
fn an_open_transaction_holds_consumers_up_after_a_restart_as_well() {
    let mut world = World::new(small_segments());
    world.append(&records(NOW, &[10]));
    world.append(&transactional(7, 0, 1));
    for _ in 0..5 {
        world.append(&records(NOW, &[100]));
    }
    assert!(world.log.segments.len() > 2);
    // The snapshot says at which offset it began, but not where that is.
    let mut world = world.reopen();
    assert_eq!(world.stable(), 1);
    assert_eq!(world.first_batch_at(1), Some(1));
    let extent = world.locate_stable(0).unwrap();
    assert_eq!(extent.available_bytes, u64::from(extent.first_batch_size_bytes));
    assert_eq!(world.locate_stable(1), None);
    world.append(&transactional(7, 1, 1));
    world.abort(7);
    assert_eq!(world.stable(), 9);
    assert_eq!(world.aborted_from(0), [(1, 8)]);
}

#[test]
fn two_transactions_that_are_open_since_before_a_restart_end_one_by_one() {
    let mut world = World::new(small_segments());
    for producer in [7, 8] {
        world.append(&records(NOW, &[100]));
        world.append(&transactional(producer, 0, 1));
        world.append(&records(NOW, &[100]));
    }
    let mut world = world.reopen();
    assert_eq!(world.stable(), 1);
    assert_eq!(world.locate_stable(1), None);
    world.commit(7);
    assert_eq!(world.stable(), 4);
    assert!(world.locate_stable(3).is_some());
    assert_eq!(world.locate_stable(4), None);
    world.commit(8);
    assert!(world.locate_stable(4).is_some());
}

/// A log of three aborted transactions in a segment each, closed in good order.
fn closed() -> (MemoryDisk, Vec<(i64, i64)>) {
    let mut world = World::new(small_segments());
    let mut aborted = Vec::new();
    for n in 0..3 {
        aborted.push(world.aborted_transaction(7, n));
        world.append(&records(NOW, &[70]));
    }
    assert_eq!(world.log.segments.len(), 3);
    world.close();
    assert_eq!(txn_indexes(&world.disk).len(), 3);
    (world.disk, aborted)
}

fn damage(disk: &mut MemoryDisk, name: &str) {
    disk.put(&path(name), [0; 34]);
}

#[test]
fn a_damaged_transaction_index_is_made_anew_as_it_was() {
    let (disk, aborted) = closed();
    for (name, (first, last)) in txn_indexes(&disk).iter().zip(&aborted) {
        for without_snapshots in [false, true] {
            let mut damaged = disk.clone();
            damage(&mut damaged, name);
            let is_active = *name == *txn_indexes(&disk).last().unwrap();
            if without_snapshots {
                // But the one of the clean stop.
                for snapshot in names(&disk).iter().filter(|name| name.ends_with(".snapshot")).take(2) {
                    damaged.execute(StorageCommand::Remove { path: path(snapshot) });
                }
            }
            let mut world = World::open(damaged, request(&small_segments()));
            assert_eq!(world.aborted_from(*last), [(*first, *last)], "{name}");
            assert!(world.said("is made anew"), "{:?}", world.reports);
            assert_eq!(world.stable(), world.marks()[3]);
            world.close();
            assert!(world.disk.file(&path(name)) == disk.file(&path(name)), "{name}, active: {is_active}");
        }
    }
}

#[test]
fn an_open_transaction_is_taken_into_account_when_an_index_is_made_anew() {
    let mut world = World::new(small_segments());
    world.append(&transactional(8, 0, 1));
    world.append(&records(NOW, &[100]));
    world.append(&records(NOW, &[100]));
    let first = world.append(&transactional(7, 0, 1));
    world.append(&records(NOW, &[200]));
    world.abort(7);
    world.append(&records(NOW, &[200]));
    world.close();
    let [name] = &txn_indexes(&world.disk)[..] else { panic!("one index") };
    let was = world.disk.file(&path(name)).unwrap().to_vec();
    assert_eq!(was[33], 0, "the other transaction was open");
    damage(&mut world.disk, name);
    let mut world = World::open(world.disk, request(&small_segments()));
    world.commit(8);
    assert_eq!(world.aborted_from(first.0), [(first.0, first.0 + 2)]);
    world.close();
    assert_eq!(world.disk.file(&path(name)), Some(&was[..]));
}

#[test]
fn a_read_error_of_a_transaction_index_takes_the_log_offline() {
    let (disk, aborted) = closed();
    let mut world = World::open(disk, request(&small_segments()));
    let extent = world.locate_stable(0).unwrap();
    world.fail = |command| match command {
        StorageCommand::Open { path, .. } if path.relative.ends_with("txnindex") => {
            Some(StorageResult::NotDone(StorageError::Io("bad sector".into())))
        }
        _ => None,
    };
    let Lookup::Reading(lookup) = world.log.aborted(Offset(aborted[0].0), &extent, 1, &mut world.outbox) else {
        panic!("the index is not in memory");
    };
    assert_eq!(world.done(lookup), Err(LookupError::NotServing(LogState::Offline)));
    assert!(world.is_offline());
}

#[test]
fn indexes_of_closed_segments_do_not_stay_in_memory() {
    let mut world = World::new(small_segments());
    for n in 0..40 {
        world.aborted_transaction(7, n);
    }
    let loaded = |world: &World| world.log.segments.values().filter(|segment| segment.aborted.len() > 0).count();
    assert!(world.log.segments.len() > 15 && loaded(&world) < 11);
    let mut world = world.reopen();
    assert!(loaded(&world) <= 1);
    for offset in 0..80 {
        world.aborted_from(offset);
    }
    assert!(loaded(&world) < 11, "{}", loaded(&world));
}

#[test]
fn a_segment_is_rolled_before_its_transaction_index_is_too_large() {
    let mut world = World::new(LogConfig { segment_index_bytes: 340, ..config() });
    for n in 0..11 {
        world.aborted_transaction(7, n);
    }
    assert_eq!(world.log.segments.len(), 2);
}

#[test]
fn an_index_is_written_before_it_is_closed_where_it_grows_long() {
    let mut world = World::new(config());
    for n in 0..600 {
        world.aborted_transaction(7, n);
    }
    assert_eq!(world.disk.file(&path(INDEX)).map(<[u8]>::len), Some(512 * 34));
    world.close();
    assert_eq!(world.disk.file(&path(INDEX)).map(<[u8]>::len), Some(600 * 34));
}
