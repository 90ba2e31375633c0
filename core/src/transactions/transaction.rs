//! A transactional id: its producer, where its transaction is, and what may come next.
//!
//! A change is a [`Transaction`] of its own, which takes the place of the present one when it is committed.

use alloc::collections::{BTreeMap, BTreeSet};

use crate::error_code::ErrorCode;
use crate::metadata::Features;
use crate::records::TransactionResult;
use crate::types::{ProducerEpoch, ProducerId, TopicName};

/// Partitions by topic.
pub(crate) type Partitions = BTreeMap<TopicName, BTreeSet<i32>>;

/// All that a coordinator knows of a transactional id.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Transaction {
    pub(crate) producer: Producer,
    /// Of the change before this one: another one than now only where the epochs of that were used up.
    pub(crate) previous_producer_id: ProducerId,
    /// From the end of this transaction on; none where it stays.
    pub(crate) next_producer_id: ProducerId,
    /// The epoch before the present one; none where whoever had it is fenced. It is not in the log.
    pub(crate) last_epoch: ProducerEpoch,
    /// The longest that a transaction may be open.
    pub(crate) timeout_ms: i32,
    pub(crate) state: TransactionState,
    /// Those of the open transaction; while it ends, those that have no marker yet.
    pub(crate) partitions: Partitions,
    /// When the transaction began, in ms since 1970; -1 where there was none yet.
    pub(crate) start_ms: i64,
    /// In ms since 1970.
    pub(crate) updated_ms: i64,
    /// How the client ended the transaction, or began it.
    pub(crate) version: TransactionVersion,
}

/// Who writes: a producer id, and its incarnation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Producer {
    pub(crate) id: ProducerId,
    pub(crate) epoch: ProducerEpoch,
}

/// Where a transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TransactionState {
    /// There was none since the producer got its id or epoch.
    Empty = 0,
    /// Partitions are in it.
    Ongoing = 1,
    /// It will be committed, whatever happens; markers are being written.
    PrepareCommit = 2,
    /// It will be aborted, whatever happens; markers are being written.
    PrepareAbort = 3,
    /// All partitions have their marker.
    CompleteCommit = 4,
    /// All partitions have their marker.
    CompleteAbort = 5,
    /// The id was not used for long, and is being forgotten.
    Dead = 6,
}

/// What the levels of `transaction.version` stand for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TransactionVersion {
    /// As it was up to Kafka 3.
    #[default]
    V0 = 0,
    /// Records of `__transaction_state` may have tagged fields.
    V1 = 1,
    /// The epoch rises with each transaction (KIP-890).
    V2 = 2,
}

/// Nobody has this epoch.
pub(crate) const NO_EPOCH: ProducerEpoch = ProducerEpoch(-1);
/// The last epoch that a producer gets. The one after it is kept for whoever fences it.
const LAST_EPOCH: ProducerEpoch = ProducerEpoch(i16::MAX - 1);

impl TransactionState {
    /// All of them, in the order of their numbers.
    pub(crate) const ALL: [Self; 7] = [
        Self::Empty,
        Self::Ongoing,
        Self::PrepareCommit,
        Self::PrepareAbort,
        Self::CompleteCommit,
        Self::CompleteAbort,
        Self::Dead,
    ];

    /// As it is in records.
    pub(crate) fn number(self) -> i8 {
        self as i8
    }

    pub(crate) fn from_number(number: i8) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.number() == number)
    }

    /// As DescribeTransactions says it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Ongoing => "Ongoing",
            Self::PrepareCommit => "PrepareCommit",
            Self::PrepareAbort => "PrepareAbort",
            Self::CompleteCommit => "CompleteCommit",
            Self::CompleteAbort => "CompleteAbort",
            Self::Dead => "Dead",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// How the transaction will end, where that is decided and not done yet.
    pub(crate) fn prepared(self) -> Option<TransactionResult> {
        match self {
            Self::PrepareCommit => Some(TransactionResult::Commit),
            Self::PrepareAbort => Some(TransactionResult::Abort),
            _ => None,
        }
    }

    /// Whether an id may be forgotten in it.
    pub(crate) fn may_expire(self) -> bool {
        matches!(self, Self::Empty | Self::CompleteCommit | Self::CompleteAbort)
    }
}

impl TransactionVersion {
    pub(crate) fn from_level(level: i16) -> Self {
        match level {
            ..=0 => Self::V0,
            1 => Self::V1,
            2.. => Self::V2,
        }
    }

    /// What the metadata's features say.
    pub(crate) fn of(features: &Features) -> Self {
        Self::from_level(features.get(super::FEATURE).copied().unwrap_or(0))
    }

    /// Whether the epoch rises with each transaction.
    pub(crate) fn raises_epoch(self) -> bool {
        self >= Self::V2
    }
}

impl Producer {
    /// Whether it has no epoch left to be given.
    pub(crate) fn is_exhausted(self) -> bool {
        self.epoch >= LAST_EPOCH
    }

    /// Whether it is the one before the present one, which had no epoch left, and so got another id.
    pub(crate) fn was_last_of(self, previous: ProducerId) -> bool {
        self.id == previous && self.is_exhausted()
    }

    fn next_epoch(self) -> ProducerEpoch {
        ProducerEpoch(self.epoch.0.saturating_add(1))
    }
}

impl Transaction {
    /// Of an id that nobody has used before. Its producer gets its first epoch from [`Transaction::begin_epoch`].
    pub(crate) fn new(id: ProducerId, timeout_ms: i32, now_ms: i64) -> Self {
        Self {
            producer: Producer { id, epoch: NO_EPOCH },
            previous_producer_id: ProducerId::NONE,
            next_producer_id: ProducerId::NONE,
            last_epoch: NO_EPOCH,
            timeout_ms,
            state: TransactionState::Empty,
            partitions: Partitions::new(),
            start_ms: -1,
            updated_ms: now_ms,
            version: TransactionVersion::V0,
        }
    }

    /// How many partitions are in the transaction.
    pub(crate) fn partition_count(&self) -> usize {
        self.partitions.values().map(BTreeSet::len).sum()
    }

    /// Whether a partition is in the transaction.
    pub(crate) fn has(&self, topic: &str, index: i32) -> bool {
        self.partitions.get(topic).is_some_and(|indexes| indexes.contains(&index))
    }

    /// Whether no time ends the transaction: its producer is told by others how it ends.
    pub(crate) fn is_without_timeout(&self) -> bool {
        self.timeout_ms == i32::MAX
    }

    /// A change begins with what is.
    fn changed(&self, state: TransactionState, now_ms: i64) -> Self {
        Self { state, previous_producer_id: self.producer.id, updated_ms: now_ms, ..self.clone() }
    }

    fn emptied(&self, timeout_ms: i32, now_ms: i64) -> Self {
        let partitions = Partitions::new();
        Self { timeout_ms, partitions, start_ms: -1, ..self.changed(TransactionState::Empty, now_ms) }
    }

    /// A producer begins anew, with the next epoch. One that says which epoch it has gets the next after that one only, and
    /// the same one again where it did not hear of it.
    pub(crate) fn begin_epoch(
        &self,
        timeout_ms: i32,
        expected: Option<ProducerEpoch>,
        now_ms: i64,
    ) -> Result<Self, ErrorCode> {
        let mut next = self.emptied(timeout_ms, now_ms);
        let current = self.producer.epoch;
        match expected {
            None => (next.producer.epoch, next.last_epoch) = (self.producer.next_epoch(), NO_EPOCH),
            Some(expected) if current == NO_EPOCH || expected == current => {
                (next.producer.epoch, next.last_epoch) = (self.producer.next_epoch(), current);
            }
            Some(expected) if expected == self.last_epoch => {}
            Some(_) => return Err(ErrorCode::ProducerFenced),
        }
        Ok(next)
    }

    /// A producer that has no epoch left begins anew, with another id.
    pub(crate) fn begin_id(&self, id: ProducerId, timeout_ms: i32, is_expected: bool, now_ms: i64) -> Self {
        let mut next = self.emptied(timeout_ms, now_ms);
        next.last_epoch = if is_expected { self.producer.epoch } else { NO_EPOCH };
        next.producer = Producer { id, epoch: ProducerEpoch(0) };
        next
    }

    /// Partitions are added; the first begin a transaction.
    pub(crate) fn with(&self, added: &Partitions, version: TransactionVersion, now_ms: i64) -> Self {
        let mut next = self.changed(TransactionState::Ongoing, now_ms);
        if self.state != TransactionState::Ongoing {
            next.start_ms = now_ms;
        }
        for (topic, indexes) in added {
            next.partitions.entry(topic.clone()).or_default().extend(indexes);
        }
        next.version = version;
        next
    }

    /// It is decided how the transaction ends. With version 2 the epoch rises; `next_id` is for a producer that has no epoch
    /// left.
    pub(crate) fn prepared(
        &self,
        result: TransactionResult,
        version: TransactionVersion,
        next_id: Option<ProducerId>,
        now_ms: i64,
    ) -> Self {
        let state = match result {
            TransactionResult::Commit => TransactionState::PrepareCommit,
            TransactionResult::Abort => TransactionState::PrepareAbort,
        };
        let mut next = self.changed(state, now_ms);
        if version.raises_epoch() {
            next.last_epoch = self.producer.epoch;
            next.producer.epoch = self.producer.next_epoch();
        }
        if self.state != TransactionState::Ongoing {
            next.start_ms = now_ms;
        }
        next.next_producer_id = next_id.unwrap_or(ProducerId::NONE);
        next.version = version;
        next
    }

    /// The coordinator aborts the transaction: its producer took too long, or another one begins. It is fenced.
    pub(crate) fn fenced(&self, version: TransactionVersion, now_ms: i64) -> Self {
        let mut next = self.prepared(TransactionResult::Abort, version, None, now_ms);
        next.producer.epoch = self.producer.next_epoch();
        if !version.raises_epoch() {
            next.last_epoch = NO_EPOCH;
            next.version = TransactionVersion::V0;
        }
        next
    }

    /// All partitions have their marker.
    pub(crate) fn completed(&self, now_ms: i64) -> Self {
        let state = match self.state {
            TransactionState::PrepareCommit => TransactionState::CompleteCommit,
            _ => TransactionState::CompleteAbort,
        };
        let mut next = Self { partitions: Partitions::new(), ..self.changed(state, now_ms) };
        if self.version.raises_epoch() && self.next_producer_id != ProducerId::NONE {
            next.producer = Producer { id: self.next_producer_id, epoch: ProducerEpoch(0) };
        }
        next.next_producer_id = ProducerId::NONE;
        next
    }

    /// The id is forgotten.
    pub(crate) fn dead(&self) -> Self {
        Self { partitions: Partitions::new(), ..self.changed(TransactionState::Dead, self.updated_ms) }
    }
}
