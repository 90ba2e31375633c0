//! The coordinator of one partition of `__transaction_state`: the transactional ids that live in it, and what a request leads
//! to.
//!
//! It only decides. A change is made when its record is committed; until then, and while markers are being written, whoever
//! wants another change is told to try again.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::TransactionalId;
use super::record::from_record;
use super::transaction::{NO_EPOCH, Partitions, Producer, Transaction, TransactionState, TransactionVersion};
use crate::coordinators::Replay;
use crate::error_code::ErrorCode;
use crate::records::TransactionResult;
use crate::time::{Now, WallClock};
use crate::types::{Offset, ProducerEpoch, ProducerId};
use crate::wire::{CoordinatorRecord, CoordinatorTopic};

/// The transactional ids of a partition.
#[derive(Debug, Default)]
pub(crate) struct Coordinator {
    pub(crate) transactions: BTreeMap<TransactionalId, Entry>,
    /// Whose changes are appended, and where each ends.
    in_flight: VecDeque<(Offset, TransactionalId)>,
}

/// A transactional id, and the change to it that is on its way.
#[derive(Debug)]
pub(crate) struct Entry {
    /// As it is committed.
    pub(crate) current: Transaction,
    pending: Option<Pending>,
}

#[derive(Debug)]
enum Pending {
    /// Appended, and committed when the log is up to there.
    Appended { next: Box<Transaction>, end: Offset },
    /// Markers are being written. The change comes when all partitions have theirs.
    Markers,
}

/// A producer that begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Init {
    /// How long its transactions may be open.
    pub(crate) timeout_ms: i32,
    /// What it had so far, where it goes on.
    pub(crate) expected: Option<Producer>,
    /// The cluster's.
    pub(crate) level: TransactionVersion,
}

/// What comes of a producer that begins.
#[derive(Debug, PartialEq)]
pub(crate) enum Initialized {
    /// It gets its id and epoch.
    Begun(Next),
    /// A transaction is open and must be aborted first.
    Aborting(Next),
}

/// A producer that ends its transaction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    pub(crate) producer: Producer,
    pub(crate) result: TransactionResult,
    /// As the client has it.
    pub(crate) version: TransactionVersion,
}

/// A change to be written.
pub(crate) type Next = Transaction;

/// Why a change is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The client is told so.
    Error(ErrorCode),
    /// It takes a new producer id, and there is none at hand.
    NoProducerId,
}

impl From<ErrorCode> for Refusal {
    fn from(error: ErrorCode) -> Self {
        Self::Error(error)
    }
}

/// Hands out producer ids, while there are some at hand.
type NewIds<'a> = &'a mut dyn FnMut() -> Option<ProducerId>;

impl Entry {
    fn of(current: Transaction) -> Self {
        Self { current, pending: None }
    }

    /// Whether another change has to come first.
    pub(crate) fn is_busy(&self) -> bool {
        self.pending.is_some()
    }
}

impl Coordinator {
    /// A producer begins.
    ///
    /// # Errors
    /// Where it is fenced, or must wait.
    pub(crate) fn init(&self, now: Now, id: &str, init: Init, new_ids: NewIds<'_>) -> Result<Initialized, Refusal> {
        let now_ms = now.wall.0;
        let Some(entry) = self.transactions.get(id) else {
            let new = Transaction::new(new_ids().ok_or(Refusal::NoProducerId)?, init.timeout_ms, now_ms);
            let expected = init.expected.map(|expected| expected.epoch);
            return Ok(Initialized::Begun(new.begin_epoch(init.timeout_ms, expected, now_ms)?));
        };
        if entry.is_busy() {
            return Err(ErrorCode::ConcurrentTransactions.into());
        }
        let current = &entry.current;
        let is_known = |expected: Producer| {
            current.producer.epoch == NO_EPOCH
                || expected.id == current.producer.id
                || expected.was_last_of(current.previous_producer_id)
        };
        if !init.expected.is_none_or(is_known) {
            return Err(ErrorCode::ProducerFenced.into());
        }
        if current.state == TransactionState::Ongoing {
            return Ok(Initialized::Aborting(current.fenced(init.level, now_ms)));
        }
        let expected = init.expected.map(|expected| expected.epoch);
        if current.producer.is_exhausted() && expected.is_none_or(|expected| expected == current.producer.epoch) {
            let new_id = new_ids().ok_or(Refusal::NoProducerId)?;
            return Ok(Initialized::Begun(current.begin_id(new_id, init.timeout_ms, expected.is_some(), now_ms)));
        }
        Ok(Initialized::Begun(current.begin_epoch(init.timeout_ms, expected, now_ms)?))
    }

    /// Partitions become part of a transaction. `None` where they are already.
    ///
    /// # Errors
    /// Where the producer is another one, or must wait.
    pub(crate) fn join(
        &self,
        now: Now,
        id: &str,
        producer: Producer,
        (partitions, version): (&Partitions, TransactionVersion),
    ) -> Result<Option<Next>, ErrorCode> {
        let entry = self.entry(id, producer)?;
        if entry.is_busy() {
            return Err(ErrorCode::ConcurrentTransactions);
        }
        let current = &entry.current;
        let mut added = partitions.iter().flat_map(|(topic, indexes)| indexes.iter().map(move |index| (topic, *index)));
        if current.state == TransactionState::Ongoing && added.all(|(topic, index)| current.has(topic, index)) {
            return Ok(None);
        }
        Ok(Some(current.with(partitions, version, now.wall.0)))
    }

    /// The transaction of a producer, for those that ask whether a partition is part of it.
    ///
    /// # Errors
    /// Where the producer is another one, or the transaction ends.
    pub(crate) fn verify(&self, id: &str, producer: Producer) -> Result<&Transaction, ErrorCode> {
        let current = &self.entry(id, producer)?.current;
        match current.state.prepared() {
            Some(_) => Err(ErrorCode::ConcurrentTransactions),
            None => Ok(current),
        }
    }

    /// Where the record ends that adds partitions to a transaction, while it is on its way.
    pub(crate) fn joining_until(&self, id: &str) -> Option<Offset> {
        match &self.transactions.get(id)?.pending {
            Some(Pending::Appended { next, end }) if next.state == TransactionState::Ongoing => Some(*end),
            _ => None,
        }
    }

    fn entry(&self, id: &str, producer: Producer) -> Result<&Entry, ErrorCode> {
        let entry = self.transactions.get(id).ok_or(ErrorCode::InvalidProducerIdMapping)?;
        if entry.current.producer.id != producer.id {
            return Err(ErrorCode::InvalidProducerIdMapping);
        }
        if entry.current.producer.epoch != producer.epoch {
            return Err(ErrorCode::ProducerFenced);
        }
        Ok(entry)
    }

    /// A producer ends its transaction. `None` where it did already.
    ///
    /// # Errors
    /// Where the producer is another one, has no transaction that could end so, or must wait.
    pub(crate) fn end(&self, now: Now, id: &str, end: End, new_ids: NewIds<'_>) -> Result<Option<Next>, Refusal> {
        let entry = self.transactions.get(id).ok_or(ErrorCode::InvalidProducerIdMapping)?;
        if !end.version.raises_epoch() {
            return end_keeping_epoch(now, entry, end);
        }
        // Before all else: the producer may go by what is only on its way.
        if entry.is_busy() {
            return Err(ErrorCode::ConcurrentTransactions.into());
        }
        let current = &entry.current;
        if !is_repeated_by(current, end.producer) {
            self.entry(id, end.producer)?;
            check_end(current.state, end.result)?;
        } else {
            let is_done = matches!(
                (current.state, end.result),
                (TransactionState::CompleteCommit, TransactionResult::Commit)
                    | (TransactionState::CompleteAbort, TransactionResult::Abort)
            );
            return if is_done { Ok(None) } else { Err(ErrorCode::InvalidTxnState.into()) };
        }
        let next_id = match current.producer.is_exhausted() {
            true => Some(new_ids().ok_or(Refusal::NoProducerId)?),
            false => None,
        };
        Ok(Some(current.prepared(end.result, end.version, next_id, now.wall.0)))
    }

    /// An open transaction took too long. `None` where it has ended meanwhile.
    ///
    /// # Errors
    /// Where a change is on its way that may be the end.
    pub(crate) fn time_out(&self, now: Now, id: &str, level: TransactionVersion) -> Result<Option<Next>, ErrorCode> {
        let Some(entry) = self.transactions.get(id) else { return Ok(None) };
        if entry.is_busy() {
            return Err(ErrorCode::ConcurrentTransactions);
        }
        let is_open = entry.current.state == TransactionState::Ongoing;
        Ok(is_open.then(|| entry.current.fenced(level, now.wall.0)))
    }

    /// The ids that nobody has used for so long.
    pub(crate) fn expired(&self, now: WallClock, expiration_ms: i64) -> Vec<(TransactionalId, Next)> {
        let until_ms = now.0.saturating_sub(expiration_ms);
        let is_expired = |entry: &Entry| {
            !entry.is_busy() && entry.current.state.may_expire() && entry.current.updated_ms <= until_ms
        };
        let expired = self.transactions.iter().filter(|(_, entry)| is_expired(entry));
        expired.map(|(id, entry)| (Arc::clone(id), entry.current.dead())).collect()
    }

    /// When the first of the ids may be forgotten.
    pub(crate) fn next_expiry(&self, expiration_ms: i64) -> Option<WallClock> {
        let may_expire = self.transactions.values().filter(|entry| entry.current.state.may_expire());
        let first = may_expire.map(|entry| entry.current.updated_ms).min()?;
        Some(WallClock(first.saturating_add(expiration_ms)))
    }

    /// A change is appended and ends there.
    pub(crate) fn appended(&mut self, id: &TransactionalId, next: Next, end: Offset) {
        let entry = self
            .transactions
            .entry(Arc::clone(id))
            .or_insert_with(|| Entry::of(Transaction::new(next.producer.id, next.timeout_ms, next.updated_ms)));
        entry.pending = Some(Pending::Appended { next: Box::new(next), end });
        self.in_flight.push_back((end, Arc::clone(id)));
    }

    /// Makes the next change that is committed up to there. Says whose, and the state before it.
    pub(crate) fn next_committed(&mut self, high_watermark: Offset) -> Option<(TransactionalId, TransactionState)> {
        let (_, id) = self.in_flight.pop_front_if(|(end, _)| *end <= high_watermark)?;
        let entry = self.transactions.get_mut(&id).expect("a change belongs to an id");
        let Some(Pending::Appended { next, .. }) = entry.pending.take() else {
            panic!("a change is committed once");
        };
        let before = core::mem::replace(&mut entry.current, *next).state;
        if entry.current.state == TransactionState::Dead {
            self.transactions.remove(&id);
        }
        Some((id, before))
    }

    /// Markers are written from now on.
    pub(crate) fn begin_markers(&mut self, id: &str) {
        if let Some(entry) = self.transactions.get_mut(id) {
            assert!(entry.pending.is_none(), "markers are written once the decision is committed");
            entry.pending = Some(Pending::Markers);
        }
    }

    /// A partition has its marker. The change to be written, where it was the last.
    pub(crate) fn marked(&mut self, now: Now, id: &str, topic: &str, index: i32) -> Option<Next> {
        let entry = self.transactions.get_mut(id)?;
        if let Some(indexes) = entry.current.partitions.get_mut(topic) {
            indexes.remove(&index);
            if indexes.is_empty() {
                entry.current.partitions.remove(topic);
            }
        }
        self.completion(now, id)
    }

    /// The change to be written, where no partition lacks its marker.
    pub(crate) fn completion(&self, now: Now, id: &str) -> Option<Next> {
        let entry = self.transactions.get(id)?;
        let is_over = matches!(entry.pending, Some(Pending::Markers)) && entry.current.partitions.is_empty();
        is_over.then(|| entry.current.completed(now.wall.0))
    }
}

/// With the epoch as it is, a repeated end can't be told from another one.
fn end_keeping_epoch(now: Now, entry: &Entry, end: End) -> Result<Option<Next>, Refusal> {
    let current = &entry.current;
    if current.producer.id != end.producer.id {
        return Err(ErrorCode::InvalidProducerIdMapping.into());
    }
    if current.producer.epoch != end.producer.epoch {
        return Err(ErrorCode::ProducerFenced.into());
    }
    if entry.is_busy() {
        return Err(ErrorCode::ConcurrentTransactions.into());
    }
    match (current.state, end.result) {
        (TransactionState::Ongoing, result) => {
            let version = TransactionVersion::V0;
            Ok(Some(current.prepared(result, version, None, now.wall.0)))
        }
        (TransactionState::CompleteCommit, TransactionResult::Commit)
        | (TransactionState::CompleteAbort, TransactionResult::Abort) => Ok(None),
        _ => Err(ErrorCode::InvalidTxnState.into()),
    }
}

/// Whether the producer has not heard that its transaction ended, which gave it another epoch, or another id.
fn is_repeated_by(current: &Transaction, producer: Producer) -> bool {
    if !matches!(current.state, TransactionState::CompleteCommit | TransactionState::CompleteAbort) {
        return false;
    }
    let has_new_epoch =
        current.producer.id == producer.id && current.producer.epoch.0 == producer.epoch.0.saturating_add(1);
    let has_new_id = current.producer.id != producer.id
        && producer.was_last_of(current.previous_producer_id)
        && current.producer.epoch == ProducerEpoch(0);
    has_new_epoch || has_new_id
}

/// Where the epoch rises with each end, a producer may abort what has no partitions: it can't know that it has none.
fn check_end(state: TransactionState, result: TransactionResult) -> Result<(), ErrorCode> {
    match (state, result) {
        (TransactionState::Ongoing, _) => Ok(()),
        (state, TransactionResult::Abort) if state.may_expire() => Ok(()),
        _ => Err(ErrorCode::InvalidTxnState),
    }
}

impl Replay for Coordinator {
    const TOPIC: CoordinatorTopic = CoordinatorTopic::TransactionState;

    fn apply(&mut self, _now: Now, record: &CoordinatorRecord, _at: Offset, _producer: Option<ProducerId>) {
        let CoordinatorRecord::Transaction(key, value) = record else { return };
        match value {
            None => drop(self.transactions.remove(&*key.transactional_id)),
            Some(value) => {
                if let Some(current) = from_record(value) {
                    self.transactions.insert(Arc::from(&*key.transactional_id), Entry::of(current));
                }
            }
        }
    }

    /// Nobody writes to the topic in transactions.
    fn apply_end(&mut self, _now: Now, _producer: ProducerId, _result: TransactionResult) {}
}
