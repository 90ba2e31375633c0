//! What the log knows of its producers: the last five batches of each, and so which batch fits and which is a repeat.
//!
//! Batches in flight are a layer of their own: a producer's next batch is held against it, but it becomes the log's
//! state only when the high watermark passes the batch.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use super::event::AppendError;
use crate::records::{BatchHeader, sequence_minus};
use crate::types::{Offset, ProducerEpoch, ProducerId};

/// Batches that are remembered of each producer.
const BATCHES_MAX: usize = 5;
/// Producers that are remembered; beyond it, those that were silent longest are forgotten.
const PRODUCERS_MAX: usize = 100_000;
/// A producer of which nothing is known.
pub(super) const NO_EPOCH: ProducerEpoch = ProducerEpoch(-1);

/// The producers of one partition.
#[derive(Clone, Debug, Default)]
pub(super) struct Producers {
    committed: BTreeMap<ProducerId, Producer>,
    /// Of producers with batches in flight: their state with those batches, and how many there are.
    pending: BTreeMap<ProducerId, (Producer, usize)>,
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

    /// Takes a batch as it is: whether it fits was checked when it was appended.
    fn apply(&mut self, header: &BatchHeader) {
        if self.epoch != header.producer_epoch {
            self.batches.clear();
            self.epoch = header.producer_epoch;
        }
        self.last_timestamp = header.max_timestamp;
        if header.attributes.is_control() {
            // A marker ends the transaction; whoever writes one resets the sequence with a new epoch.
            self.transaction_start = None;
            return;
        }
        if self.batches.len() == BATCHES_MAX {
            self.batches.pop_front();
        }
        self.batches.push_back(ProducerBatch {
            last_sequence: header.last_sequence(),
            last_offset: header.last_offset(),
            last_offset_delta: header.last_offset_delta,
            timestamp: header.max_timestamp,
        });
        if header.attributes.is_transactional() {
            self.transaction_start.get_or_insert(header.base_offset);
        }
    }

    fn is_expired(&self, now_ms: i64, expiration_ms: i64) -> bool {
        self.transaction_start.is_none() && now_ms.saturating_sub(self.last_timestamp) >= expiration_ms
    }
}

impl Producers {
    /// Whether a batch fits what its producer sent before; the batch that it repeats, if it does.
    pub(super) fn check(&self, header: &BatchHeader) -> Result<Option<ProducerBatch>, AppendError> {
        if !header.has_producer_id() {
            return Ok(None);
        }
        let Some(producer) = self.with_pending(header.producer_id) else { return Ok(None) };
        if let Some(repeated) = producer.repeated(header) {
            return Ok(Some(repeated));
        }
        producer.check(header)?;
        Ok(None)
    }

    /// A checked batch is on its way to the disk.
    pub(super) fn append(&mut self, header: &BatchHeader) {
        if !header.has_producer_id() {
            return;
        }
        let committed = self.committed.get(&header.producer_id);
        let (producer, count) =
            self.pending.entry(header.producer_id).or_insert_with(|| (committed.cloned().unwrap_or_default(), 0));
        producer.apply(header);
        *count += 1;
    }

    /// A batch that was appended is committed.
    pub(super) fn commit(&mut self, header: &BatchHeader) {
        if !header.has_producer_id() {
            return;
        }
        self.replay(header);
        let (_, count) = self.pending.get_mut(&header.producer_id).expect("what is committed was appended");
        *count -= 1;
        if *count == 0 {
            self.pending.remove(&header.producer_id);
        }
    }

    /// Takes a batch that is in the log, whatever came before it: logs by other hands repeat sequence numbers.
    pub(super) fn replay(&mut self, header: &BatchHeader) {
        if header.has_producer_id() {
            self.committed.entry(header.producer_id).or_default().apply(header);
            self.limit();
        }
    }

    /// Takes a producer from a snapshot, or further batches of one that it has.
    pub(super) fn load(&mut self, id: ProducerId, mut producer: Producer) {
        if let Some(known) = self.committed.remove(&id)
            && known.epoch == producer.epoch
        {
            let mut batches = known.batches;
            batches.append(&mut producer.batches);
            let too_many = batches.len().saturating_sub(BATCHES_MAX);
            batches.drain(..too_many);
            producer.batches = batches;
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
        let mut by_age: Vec<(Offset, ProducerId)> =
            self.committed.iter().map(|(id, producer)| (last_offset(producer), *id)).collect();
        by_age.sort_unstable();
        for (_, id) in &by_age[..PRODUCERS_MAX / 10] {
            self.committed.remove(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::Attributes;
    use crate::types::LeaderEpoch;

    fn batch(epoch: i16, base_sequence: i32, count: i32, base_offset: i64) -> BatchHeader {
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

    fn with(batches: &[BatchHeader]) -> Producers {
        let mut producers = Producers::default();
        for header in batches {
            assert_eq!(producers.check(header), Ok(None));
            producers.append(header);
            producers.commit(header);
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
        producers.append(&batch(0, 0, 3, 0));
        assert_eq!(producers.check(&batch(0, 3, 1, 3)), Ok(None));
        assert!(producers.check(&batch(0, 0, 3, 3)).unwrap().is_some());
        assert!(producers.committed.is_empty());
        producers.append(&batch(0, 3, 1, 3));
        producers.commit(&batch(0, 0, 3, 0));
        assert_eq!(producers.all().count(), 1);
        assert_eq!(producers.all().next().unwrap().1.batches.len(), 2);
        producers.commit(&batch(0, 3, 1, 3));
        assert!(producers.pending.is_empty());
    }

    #[test]
    fn a_log_by_other_hands_may_repeat_sequence_numbers() {
        let mut producers = Producers::default();
        for n in 0..3 {
            producers.replay(&batch(0, 0, 1, n));
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
        in_transaction.replay(&transactional);
        in_transaction.expire(i64::MAX, 100);
        assert_eq!(in_transaction.all().count(), 1);
        assert!(matches!(in_transaction.check(&batch(0, 2, 1, 2)), Err(AppendError::OutsideTransaction { .. })));
        let marker = BatchHeader { attributes: Attributes(0).transactional().control(), ..batch(1, -1, 1, 2) };
        in_transaction.replay(&marker);
        assert_eq!(in_transaction.check(&batch(1, 0, 1, 3)), Ok(None));
    }
}
