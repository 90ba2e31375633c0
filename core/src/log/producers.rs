//! What the log knows of its producers: the last five batches of each, and so which batch fits and which is a repeat;
//! and their transactions.
//!
//! Batches in flight are a layer of their own: a producer's next batch is held against it, but it becomes the log's
//! state only when the high watermark passes the batch.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use super::event::{AppendError, EndTransaction};
use super::transaction_index::AbortedTransaction;
use super::transactions::{Change, OpenTransactions, Place};
use crate::records::{BatchHeader, EndMarker, sequence_minus};
use crate::types::{Offset, ProducerEpoch, ProducerId};

/// Batches that are remembered of each producer.
const BATCHES_MAX: usize = 5;
/// Producers that are remembered; beyond it, those that were silent longest are forgotten, but none with a transaction
/// open.
const PRODUCERS_MAX: usize = 100_000;
/// Transactions that may be open at once: no more producers are kept for their sake.
const OPEN_TRANSACTIONS_MAX: usize = 50_000;
/// A producer of which nothing is known.
pub(super) const NO_EPOCH: ProducerEpoch = ProducerEpoch(-1);

/// The producers of one partition.
#[derive(Clone, Debug, Default)]
pub(super) struct Producers {
    committed: BTreeMap<ProducerId, Producer>,
    /// Of producers with batches in flight: their state with those batches, and how many there are.
    pending: BTreeMap<ProducerId, (Producer, usize)>,
    /// Transactions that are open with what is in flight.
    open: OpenTransactions,
    /// Transactions that were open at the high watermark.
    undecided: OpenTransactions,
}

/// A batch in the log, as far as the state of producers goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct LoggedBatch {
    pub(super) header: BatchHeader,
    /// The end of a transaction, where it is a control batch that says one.
    pub(super) marker: Option<EndMarker>,
    pub(super) place: Place,
}

/// Where a producer's last batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LastBatch {
    /// Its last offset; `None` where only a marker is known of the producer.
    pub(super) last_data_offset: Option<Offset>,
    pub(super) epoch: ProducerEpoch,
}

/// A producer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Producer {
    pub(super) epoch: ProducerEpoch,
    /// Of the coordinator that wrote the last transaction marker.
    pub(super) coordinator_epoch: i32,
    pub(super) last_timestamp: i64,
    /// Where the transaction that is open began.
    pub(super) transaction_start: Option<Offset>,
    /// The oldest first.
    pub(super) batches: VecDeque<ProducerBatch>,
}

/// A batch of a producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ProducerBatch {
    pub(super) last_sequence: i32,
    pub(super) last_offset: Offset,
    pub(super) last_offset_delta: i32,
    pub(super) timestamp: i64,
}

impl ProducerBatch {
    pub(super) fn base_offset(&self) -> Offset {
        Offset(self.last_offset.0 - i64::from(self.last_offset_delta))
    }

    fn base_sequence(&self) -> i32 {
        sequence_minus(self.last_sequence, self.last_offset_delta)
    }
}

impl Default for Producer {
    fn default() -> Self {
        Self {
            epoch: NO_EPOCH,
            coordinator_epoch: -1,
            last_timestamp: -1,
            transaction_start: None,
            batches: VecDeque::new(),
        }
    }
}

impl Producer {
    /// The batch with exactly these sequence numbers, if it is among those remembered.
    fn repeated(&self, header: &BatchHeader) -> Option<ProducerBatch> {
        if header.producer_epoch != self.epoch {
            return None;
        }
        let (first, last) = (header.base_sequence, header.last_sequence());
        self.batches.iter().find(|batch| batch.base_sequence() == first && batch.last_sequence == last).copied()
    }

    fn check(&self, header: &BatchHeader) -> Result<(), AppendError> {
        let producer_id = header.producer_id;
        if header.producer_epoch < self.epoch {
            let (found, current) = (header.producer_epoch, self.epoch);
            return Err(AppendError::ProducerEpoch { producer_id, found, current });
        }
        if let Some(expected) = self.next_sequence(header.producer_epoch)
            && has_sequence(header)
            && header.base_sequence != expected
        {
            return Err(AppendError::OutOfOrderSequence { producer_id, found: header.base_sequence, expected });
        }
        if self.transaction_start.is_some() && !header.attributes.is_transactional() {
            return Err(AppendError::OutsideTransaction { producer_id });
        }
        Ok(())
    }

    /// The sequence number that must come next; any, where nothing is known of the producer: its records may have been
    /// deleted.
    fn next_sequence(&self, epoch: ProducerEpoch) -> Option<i32> {
        if self.epoch == NO_EPOCH {
            None
        } else if epoch != self.epoch {
            Some(0)
        } else {
            Some(self.batches.back().map_or(0, |batch| batch.last_sequence.wrapping_add(1) & i32::MAX))
        }
    }

    /// Whether a coordinator may end the transaction.
    fn check_end(&self, end: &EndTransaction) -> Result<(), AppendError> {
        let EndTransaction { producer_id, producer_epoch, coordinator_epoch, .. } = *end;
        // A coordinator that raises the epoch with each transaction may write a marker twice, where it did not hear of
        // the first, but must not end a later transaction with it.
        let is_repeated = producer_epoch == self.epoch
            && (self.transaction_start.is_none() || producer_epoch == ProducerEpoch(i16::MAX));
        let is_stale = producer_epoch < self.epoch || end.raises_epoch && producer_epoch == self.epoch && !is_repeated;
        if is_stale {
            return Err(AppendError::ProducerEpoch { producer_id, found: producer_epoch, current: self.epoch });
        }
        if coordinator_epoch < self.coordinator_epoch {
            let (found, current) = (coordinator_epoch, self.coordinator_epoch);
            return Err(AppendError::CoordinatorEpoch { producer_id, found, current });
        }
        Ok(())
    }

    /// Takes a batch as it is: whether it fits was checked when it was appended.
    fn apply(&mut self, batch: &LoggedBatch) -> Change {
        let LoggedBatch { header, marker, .. } = batch;
        if let Some(marker) = marker {
            return self.end_transaction(header.producer_epoch, marker);
        }
        if header.attributes.is_control() {
            // Emptied by compaction: all of its transaction is gone. Or of a kind that is not for producers.
            return Change::Nothing;
        }
        self.follow_epoch(header.producer_epoch);
        self.last_timestamp = header.max_timestamp;
        if self.batches.len() == BATCHES_MAX {
            self.batches.pop_front();
        }
        self.batches.push_back(ProducerBatch {
            last_sequence: header.last_sequence(),
            last_offset: header.last_offset(),
            last_offset_delta: header.last_offset_delta,
            timestamp: header.max_timestamp,
        });
        // Only what is decided is emptied by compaction, and then kept for the sequence numbers.
        let has_records = header.record_count > 0;
        if header.attributes.is_transactional() && has_records && self.transaction_start.is_none() {
            self.transaction_start = Some(header.base_offset);
            return Change::Began;
        }
        Change::Nothing
    }

    fn end_transaction(&mut self, epoch: ProducerEpoch, marker: &EndMarker) -> Change {
        self.follow_epoch(epoch);
        self.coordinator_epoch = marker.coordinator_epoch;
        self.last_timestamp = marker.timestamp;
        let ended = self.transaction_start.take();
        ended.map_or(Change::Nothing, |start| Change::Ended { start, result: marker.result })
    }

    /// Sequence numbers begin anew with an epoch.
    fn follow_epoch(&mut self, epoch: ProducerEpoch) {
        if self.epoch != epoch {
            self.batches.clear();
            self.epoch = epoch;
        }
    }

    fn is_expired(&self, now_ms: i64, expiration_ms: i64) -> bool {
        self.transaction_start.is_none() && now_ms.saturating_sub(self.last_timestamp) >= expiration_ms
    }
}

/// What coordinators write for a producer has no sequence numbers; who sends such is refused before.
fn has_sequence(header: &BatchHeader) -> bool {
    header.base_sequence >= 0
}

impl Producers {
    /// Whether a batch fits what its producer sent before; the batch that it repeats, if it does.
    pub(super) fn check(&self, header: &BatchHeader) -> Result<Option<ProducerBatch>, AppendError> {
        if !header.has_producer_id() {
            return Ok(None);
        }
        let known = self.with_pending(header.producer_id);
        if let Some(producer) = known {
            if has_sequence(header)
                && let Some(repeated) = producer.repeated(header)
            {
                return Ok(Some(repeated));
            }
            producer.check(header)?;
        }
        let begins =
            header.attributes.is_transactional() && known.is_none_or(|known| known.transaction_start.is_none());
        if begins && self.open.len() >= OPEN_TRANSACTIONS_MAX {
            return Err(AppendError::TooManyTransactions { open: OPEN_TRANSACTIONS_MAX });
        }
        Ok(None)
    }

    /// Whether a coordinator may end a producer's transaction.
    pub(super) fn check_end(&self, end: &EndTransaction) -> Result<(), AppendError> {
        match self.with_pending(end.producer_id) {
            Some(producer) => producer.check_end(end),
            None => Producer::default().check_end(end),
        }
    }

    /// Whether a producer has a transaction open in this epoch.
    pub(super) fn has_open_transaction(&self, id: ProducerId, epoch: ProducerEpoch) -> bool {
        let is_open = |producer: &Producer| producer.epoch == epoch && producer.transaction_start.is_some();
        self.with_pending(id).is_some_and(is_open)
    }

    /// A checked batch is on its way to the disk. Says which transaction it aborts.
    pub(super) fn append(&mut self, batch: &LoggedBatch) -> Option<AbortedTransaction> {
        let id = batch.header.producer_id;
        if !batch.header.has_producer_id() {
            return None;
        }
        let committed = self.committed.get(&id);
        let (producer, count) = self.pending.entry(id).or_insert_with(|| (committed.cloned().unwrap_or_default(), 0));
        *count += 1;
        let change = producer.apply(batch);
        self.open.follow(change, batch)
    }

    /// A batch that was appended is committed.
    pub(super) fn commit(&mut self, batch: &LoggedBatch) {
        let id = batch.header.producer_id;
        if !batch.header.has_producer_id() {
            return;
        }
        self.take(batch);
        let (_, count) = self.pending.get_mut(&id).expect("what is committed was appended");
        *count -= 1;
        if *count == 0 {
            self.pending.remove(&id);
        }
    }

    /// Takes a batch that is in the log, whatever came before it: logs by other hands repeat sequence numbers. Says which
    /// transaction it aborts.
    pub(super) fn replay(&mut self, batch: &LoggedBatch) -> Option<AbortedTransaction> {
        if !batch.header.has_producer_id() {
            return None;
        }
        let change = self.take(batch);
        self.open.follow(change, batch)
    }

    fn take(&mut self, batch: &LoggedBatch) -> Change {
        let change = self.committed.entry(batch.header.producer_id).or_default().apply(batch);
        self.undecided.follow(change, batch);
        self.limit();
        change
    }

    /// Takes a producer from a snapshot, or further batches of one that it has.
    pub(super) fn load(&mut self, id: ProducerId, mut producer: Producer) {
        if let Some(known) = self.committed.remove(&id) {
            if let Some(start) = known.transaction_start {
                self.open.forget(start);
                self.undecided.forget(start);
            }
            if known.epoch == producer.epoch {
                let mut batches = known.batches;
                batches.append(&mut producer.batches);
                let too_many = batches.len().saturating_sub(BATCHES_MAX);
                batches.drain(..too_many);
                producer.batches = batches;
            }
        }
        if let Some(start) = producer.transaction_start {
            self.open.load(start, id);
            self.undecided.load(start, id);
        }
        self.committed.insert(id, producer);
        self.limit();
    }

    /// The state of each producer with what is in flight, by id.
    pub(super) fn all(&self) -> impl Iterator<Item = (ProducerId, &Producer)> {
        let new = self.pending.keys().filter(|id| !self.committed.contains_key(id));
        let ids = self.committed.keys().chain(new).copied();
        ids.filter_map(|id| self.with_pending(id).map(|producer| (id, producer)))
    }

    /// The last batch of each producer, as far as it is committed: what compaction must leave of it.
    pub(super) fn last_batches(&self) -> impl Iterator<Item = (ProducerId, LastBatch)> {
        self.committed.iter().map(|(id, producer)| {
            let last_data_offset = producer.batches.back().map(|batch| batch.last_offset);
            (*id, LastBatch { last_data_offset, epoch: producer.epoch })
        })
    }

    /// Transactions that were open at the high watermark.
    pub(super) fn undecided(&self) -> &OpenTransactions {
        &self.undecided
    }

    /// The first batch of a transaction is found.
    pub(super) fn set_place(&mut self, start: Offset, place: Place) {
        self.open.set_place(start, place);
        self.undecided.set_place(start, place);
    }

    /// Forgets producers that were silent for too long.
    pub(super) fn expire(&mut self, now_ms: i64, expiration_ms: i64) {
        let pending = &self.pending;
        self.committed.retain(|id, producer| pending.contains_key(id) || !producer.is_expired(now_ms, expiration_ms));
    }

    fn with_pending(&self, id: ProducerId) -> Option<&Producer> {
        self.pending.get(&id).map(|(producer, _)| producer).or_else(|| self.committed.get(&id))
    }

    /// Forgets a tenth at a time, so that the search for the silent ones pays.
    fn limit(&mut self) {
        if self.committed.len() <= PRODUCERS_MAX {
            return;
        }
        let last_offset = |producer: &Producer| producer.batches.back().map_or(Offset(-1), |batch| batch.last_offset);
        let may_go = self.committed.iter().filter(|(_, producer)| producer.transaction_start.is_none());
        let mut by_age: Vec<(Offset, ProducerId)> = may_go.map(|(id, producer)| (last_offset(producer), *id)).collect();
        by_age.sort_unstable();
        for (_, id) in by_age.iter().take(PRODUCERS_MAX / 10) {
            self.committed.remove(id);
        }
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;
    use crate::records::{Attributes, TransactionResult};
    use crate::types::LeaderEpoch;

    pub(in crate::log) fn batch(epoch: i16, base_sequence: i32, count: i32, base_offset: i64) -> BatchHeader {
        BatchHeader {
            base_offset: Offset(base_offset),
            length: 100,
            partition_leader_epoch: LeaderEpoch(0),
            crc: 0,
            attributes: Attributes(0),
            last_offset_delta: count - 1,
            base_timestamp: 0,
            max_timestamp: 1_000,
            producer_id: ProducerId(7),
            producer_epoch: ProducerEpoch(epoch),
            base_sequence,
            record_count: count,
        }
    }

    pub(in crate::log) fn transactional(id: i64, base_sequence: i32, count: i32, base_offset: i64) -> BatchHeader {
        let attributes = Attributes(0).transactional();
        BatchHeader { producer_id: ProducerId(id), attributes, ..batch(0, base_sequence, count, base_offset) }
    }

    pub(in crate::log) fn logged(header: &BatchHeader, marker: Option<EndMarker>) -> LoggedBatch {
        LoggedBatch { header: *header, marker, place: Place { segment: Offset(0), position: 0 } }
    }

    pub(in crate::log) fn marker_of(id: i64, epoch: i16, result: TransactionResult, base_offset: i64) -> LoggedBatch {
        let attributes = Attributes(0).transactional().control();
        let header = BatchHeader { producer_id: ProducerId(id), attributes, ..batch(epoch, -1, 1, base_offset) };
        logged(&header, Some(EndMarker { result, coordinator_epoch: 3, timestamp: 1_000 }))
    }

    pub(in crate::log) fn commit_marker(id: i64, base_offset: i64) -> LoggedBatch {
        marker_of(id, 0, TransactionResult::Commit, base_offset)
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{batch, logged, marker_of, transactional};
    use super::*;
    use crate::records::TransactionResult::{Abort, Commit};
    use crate::records::{Attributes, TimestampType};

    fn with(batches: &[BatchHeader]) -> Producers {
        let mut producers = Producers::default();
        for header in batches {
            assert_eq!(producers.check(header), Ok(None));
            producers.append(&logged(header, None));
            producers.commit(&logged(header, None));
        }
        producers
    }

    #[test]
    fn a_batch_must_follow_its_predecessor() {
        let producers = with(&[batch(0, 0, 3, 0)]);
        assert_eq!(producers.check(&batch(0, 3, 1, 3)), Ok(None));
        let expected = AppendError::OutOfOrderSequence { producer_id: ProducerId(7), found: 4, expected: 3 };
        assert_eq!(producers.check(&batch(0, 4, 1, 3)), Err(expected));
    }

    #[test]
    fn an_unknown_producer_may_begin_anywhere_and_a_new_epoch_at_zero() {
        assert_eq!(Producers::default().check(&batch(0, 90, 1, 0)), Ok(None));
        let producers = with(&[batch(1, 5, 1, 0)]);
        assert_eq!(producers.check(&batch(2, 0, 1, 1)), Ok(None));
        assert!(matches!(producers.check(&batch(2, 1, 1, 1)), Err(AppendError::OutOfOrderSequence { .. })));
        assert!(matches!(producers.check(&batch(0, 6, 1, 1)), Err(AppendError::ProducerEpoch { .. })));
    }

    #[test]
    fn the_last_five_batches_are_recognised_and_the_sixth_last_is_out_of_order() {
        let batches: Vec<_> = (0..6).map(|n| batch(0, 2 * n, 2, 2 * i64::from(n))).collect();
        let producers = with(&batches);
        for header in &batches[1..] {
            let repeated = producers.check(header).unwrap().unwrap();
            assert_eq!((repeated.base_offset(), repeated.last_offset), (header.base_offset, header.last_offset()));
        }
        assert!(matches!(producers.check(&batches[0]), Err(AppendError::OutOfOrderSequence { .. })));
        let same_start_but_longer = batch(0, 10, 3, 0);
        assert!(producers.check(&same_start_but_longer).is_err());
    }

    #[test]
    fn sequence_numbers_wrap_to_zero() {
        let producers = with(&[batch(0, i32::MAX - 1, 2, 0)]);
        assert_eq!(producers.check(&batch(0, 0, 1, 2)), Ok(None));
        let across = batch(0, i32::MAX, 3, 0);
        let producers = with(&[across]);
        assert_eq!(producers.check(&across).unwrap().unwrap().base_offset(), Offset(0));
        assert_eq!(producers.check(&batch(0, 2, 1, 3)), Ok(None));
    }

    #[test]
    fn a_batch_in_flight_counts_for_the_next_one() {
        let mut producers = Producers::default();
        producers.append(&logged(&batch(0, 0, 3, 0), None));
        assert_eq!(producers.check(&batch(0, 3, 1, 3)), Ok(None));
        assert!(producers.check(&batch(0, 0, 3, 3)).unwrap().is_some());
        assert!(producers.committed.is_empty());
        producers.append(&logged(&batch(0, 3, 1, 3), None));
        producers.commit(&logged(&batch(0, 0, 3, 0), None));
        assert_eq!(producers.all().count(), 1);
        assert_eq!(producers.all().next().unwrap().1.batches.len(), 2);
        producers.commit(&logged(&batch(0, 3, 1, 3), None));
        assert!(producers.pending.is_empty());
    }

    #[test]
    fn a_log_by_other_hands_may_repeat_sequence_numbers() {
        let mut producers = Producers::default();
        for n in 0..3 {
            producers.replay(&logged(&batch(0, 0, 1, n), None));
        }
        assert_eq!(producers.check(&batch(0, 1, 1, 3)), Ok(None));
    }

    #[test]
    fn a_silent_producer_is_forgotten_unless_it_has_a_transaction_open() {
        let mut producers = with(&[batch(0, 0, 1, 0)]);
        producers.expire(1_000 + 99, 100);
        assert_eq!(producers.all().count(), 1);
        let mut in_transaction = producers.clone();
        producers.expire(1_000 + 100, 100);
        assert_eq!(producers.all().count(), 0);
        let transactional = BatchHeader { attributes: Attributes(0).transactional(), ..batch(0, 1, 1, 1) };
        in_transaction.replay(&logged(&transactional, None));
        in_transaction.expire(i64::MAX, 100);
        assert_eq!(in_transaction.all().count(), 1);
        assert!(matches!(in_transaction.check(&batch(0, 2, 1, 2)), Err(AppendError::OutsideTransaction { .. })));
        in_transaction.replay(&marker_of(7, 1, Commit, 2));
        assert_eq!(in_transaction.check(&batch(1, 0, 1, 3)), Ok(None));
        in_transaction.expire(i64::MAX, 100);
        assert_eq!(in_transaction.all().count(), 0);
    }

    /// Producer 1 has a transaction open at offset 10, of which nothing is in flight.
    fn in_transaction() -> Producers {
        let mut producers = Producers::default();
        producers.replay(&logged(&transactional(1, 0, 5, 10), None));
        producers
    }

    fn end(epoch: i16, coordinator_epoch: i32, raises_epoch: bool) -> EndTransaction {
        EndTransaction {
            producer_id: ProducerId(1),
            producer_epoch: ProducerEpoch(epoch),
            result: Commit,
            coordinator_epoch,
            raises_epoch,
            timestamp_type: TimestampType::CreateTime,
        }
    }

    #[test]
    fn a_transaction_stays_undecided_until_its_marker_is_committed() {
        let mut producers = in_transaction();
        let marker = marker_of(1, 0, Abort, 15);
        let aborted = producers.append(&marker).unwrap();
        assert_eq!((aborted.first_offset, aborted.last_offset), (Offset(10), Offset(15)));
        assert_eq!(producers.open.first(), None, "the next batch begins another one");
        assert_eq!(producers.undecided().first(), Some(Offset(10)));
        producers.commit(&marker);
        assert_eq!(producers.undecided().first(), None);
        assert_eq!(producers.append(&marker_of(1, 0, Abort, 16)), None, "there was nothing to abort");
    }

    #[test]
    fn a_transaction_in_flight_holds_nobody_up() {
        let mut producers = Producers::default();
        let begun = logged(&transactional(1, 0, 5, 10), None);
        producers.append(&begun);
        assert!(producers.has_open_transaction(ProducerId(1), ProducerEpoch(0)));
        assert!(!producers.has_open_transaction(ProducerId(1), ProducerEpoch(1)));
        assert_eq!(producers.undecided().first(), None);
        producers.commit(&begun);
        assert_eq!(producers.undecided().first(), Some(Offset(10)));
    }

    #[test]
    fn markers_are_fenced_by_the_epochs_of_producer_and_coordinator() {
        let mut producers = Producers::default();
        assert_eq!(producers.check_end(&end(0, 0, true)), Ok(()), "any fits a producer that is not known");
        producers
            .replay(&logged(&BatchHeader { producer_epoch: ProducerEpoch(4), ..transactional(1, 0, 5, 10) }, None));
        assert!(matches!(producers.check_end(&end(3, 0, false)), Err(AppendError::ProducerEpoch { .. })));
        assert_eq!(producers.check_end(&end(4, 0, false)), Ok(()));
        assert!(matches!(producers.check_end(&end(4, 0, true)), Err(AppendError::ProducerEpoch { .. })));
        assert_eq!(producers.check_end(&end(5, 0, true)), Ok(()));
        producers.replay(&marker_of(1, 5, Commit, 15));
        assert_eq!(producers.check_end(&end(5, 3, true)), Ok(()), "the same marker once more");
        let fenced = AppendError::CoordinatorEpoch { producer_id: ProducerId(1), found: 2, current: 3 };
        assert_eq!(producers.check_end(&end(5, 2, true)), Err(fenced));
    }

    #[test]
    fn a_marker_with_a_new_epoch_fences_the_producer_and_begins_the_sequence_anew() {
        let mut producers = in_transaction();
        producers.replay(&marker_of(1, 1, Commit, 15));
        let next =
            |epoch, sequence| BatchHeader { producer_epoch: ProducerEpoch(epoch), ..transactional(1, sequence, 1, 16) };
        assert!(matches!(producers.check(&next(0, 5)), Err(AppendError::ProducerEpoch { .. })));
        assert!(matches!(producers.check(&next(1, 5)), Err(AppendError::OutOfOrderSequence { .. })));
        assert_eq!(producers.check(&next(1, 0)), Ok(None));
    }

    #[test]
    fn a_marker_of_the_same_epoch_leaves_the_sequence_as_it_is() {
        let mut producers = in_transaction();
        producers.replay(&marker_of(1, 0, Commit, 15));
        assert_eq!(producers.check(&transactional(1, 5, 1, 16)), Ok(None));
        assert!(producers.check(&transactional(1, 0, 5, 16)).unwrap().is_some(), "repeated");
    }

    #[test]
    fn batches_that_compaction_emptied_begin_and_end_nothing() {
        let mut producers = Producers::default();
        let emptied = BatchHeader { record_count: 0, ..transactional(1, 0, 5, 10) };
        assert_eq!(producers.replay(&logged(&emptied, None)), None);
        assert_eq!(producers.undecided().first(), None);
        assert_eq!(producers.check(&transactional(1, 5, 1, 15)), Ok(None), "but the sequence goes on");
        let mut producers = in_transaction();
        let emptied = BatchHeader { record_count: 0, ..marker_of(1, 0, Abort, 15).header };
        assert_eq!(producers.replay(&logged(&emptied, None)), None);
        assert_eq!(producers.undecided().first(), Some(Offset(10)));
    }

    #[test]
    fn no_more_transactions_begin_when_too_many_are_open() {
        let mut producers = Producers::default();
        for id in 0..OPEN_TRANSACTIONS_MAX as i64 {
            producers.replay(&logged(&transactional(id, 0, 1, id), None));
        }
        let one_more = transactional(OPEN_TRANSACTIONS_MAX as i64, 0, 1, OPEN_TRANSACTIONS_MAX as i64);
        assert!(matches!(producers.check(&one_more), Err(AppendError::TooManyTransactions { .. })));
        assert_eq!(producers.check(&transactional(0, 1, 1, 60_000)), Ok(None), "open ones go on");
        producers.replay(&marker_of(9, 0, Commit, 60_000));
        assert_eq!(producers.check(&one_more), Ok(None));
    }
}
