//! Which records of a batch stay, and the batch that is left: Kafka's rules of compaction, batch by batch.
//!
//! - A record goes when a later one has its key, or when it has no key.
//! - A tombstone, which is a record without a value, goes `delete.retention.ms` after the first compaction that kept it.
//!   That compaction writes the time into the batch: its *delete horizon*.
//! - Records of aborted transactions go. A marker goes, by a delete horizon of its own, when nothing of its transaction
//!   is left.
//! - Offsets stay as they are, and a batch that shrinks keeps its first and last. The last batch of a producer stays,
//!   empty if need be, so that its sequence number is known after a restart.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use bytes::Bytes;
use thiserror::Error;

use super::keys::{Full, Keys};
use super::transactions::Transactions;
use crate::log::producers::LastBatch;
use crate::log::transaction_index::AbortedTransaction;
use crate::planted::{Bug, Bugs};
use crate::records::{
    Batch, BatchBuilder, BatchHeader, EndMarker, OffsetError, OutputLimit, RecordError, RecordRef, TransactionResult,
};
use crate::types::{Offset, ProducerId};

/// Sees the batches of the part that was not compacted before, from its beginning on.
#[derive(Debug)]
pub(super) struct Survey {
    keys: Keys,
    transactions: Transactions,
    from: Offset,
    limit: OutputLimit,
}

impl Survey {
    /// Of the records from `from` on.
    pub(super) fn new(keys: Keys, aborted: Vec<AbortedTransaction>, from: Offset, limit: OutputLimit) -> Self {
        Self { keys, transactions: Transactions::new(aborted), from, limit }
    }

    /// Takes the keys of the next batch. Says whether there is room for more.
    ///
    /// # Errors
    /// Where the batch can't be read.
    pub(super) fn see(&mut self, batch: &Batch<'_>) -> Result<bool, RecordError> {
        let header = batch.header();
        if header.attributes.is_control() {
            self.transactions.ends_nothing(header, marker_of(batch));
        } else if !self.transactions.is_aborted(header) {
            let mut records = batch.records(self.limit)?;
            while let Some(record) = records.next_record()? {
                if let Some(key) = record.key
                    && record.offset >= self.from
                    && self.keys.see(key, record.offset) == Err(Full)
                {
                    return Ok(false);
                }
            }
        }
        self.keys.seen_to(header.last_offset());
        Ok(true)
    }

    /// Whether not one batch was seen as a whole.
    pub(super) fn is_empty(&self) -> bool {
        self.keys.latest().is_none()
    }

    /// What was seen.
    pub(super) fn into_keys(self) -> Keys {
        self.keys
    }
}

/// Decides what stays of each batch, from the log's first on.
#[derive(Debug)]
pub(super) struct Filter {
    keys: Keys,
    transactions: Transactions,
    last_batches: BTreeMap<ProducerId, LastBatch>,
    now_ms: i64,
    delete_retention_ms: i64,
    limit: OutputLimit,
    bugs: Bugs,
}

/// Why a batch can't be compacted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum FilterError {
    /// Its records can't be read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Its offsets don't rise.
    #[error(transparent)]
    Offset(#[from] OffsetError),
}

/// What stays of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// All of it, as it is.
    Whole,
    /// This instead.
    Rewritten(Bytes),
    /// Nothing.
    Nothing,
}

impl Filter {
    pub(super) fn new(
        keys: Keys,
        aborted: Vec<AbortedTransaction>,
        last_batches: BTreeMap<ProducerId, LastBatch>,
        now_ms: i64,
        delete_retention_ms: i64,
        limit: OutputLimit,
    ) -> Self {
        let (transactions, bugs) = (Transactions::new(aborted), Bugs::default());
        Self { keys, transactions, last_batches, now_ms, delete_retention_ms, limit, bugs }
    }

    /// With what is planted, for tests.
    pub(super) fn with_bugs(self, bugs: Bugs) -> Self {
        Self { bugs, ..self }
    }

    /// What stays of the next batch.
    ///
    /// # Errors
    /// Where the batch can't be read.
    pub(super) fn sift(&mut self, batch: &Batch<'_>) -> Result<Kept, FilterError> {
        let header = *batch.header();
        let (is_discarded, is_marker_of_nothing) = self.fate(&header, batch);
        let sifted = if is_discarded { Sifted::default() } else { self.records_that_stay(batch)? };
        let needs_horizon = (sifted.has_tombstones || is_marker_of_nothing) && header.delete_horizon_ms().is_none();
        if sifted.kept > 0 && sifted.gone == 0 && !needs_horizon {
            return Ok(Kept::Whole);
        }
        if sifted.kept == 0 {
            let stays = header.has_producer_id() && self.is_last_of_producer(&header);
            return Ok(match (stays, header.record_count) {
                (false, _) => Kept::Nothing,
                (true, 0) => Kept::Whole,
                (true, _) => Kept::Rewritten(BatchBuilder::from_header(&header).build()),
            });
        }
        let horizon_ms = if needs_horizon { Some(self.now_ms.saturating_add(self.delete_retention_ms)) } else { None };
        self.rewrite(batch, horizon_ms).map(Kept::Rewritten)
    }

    /// The entries of the transaction index for the batches since the last call.
    pub(super) fn take_aborted(&mut self) -> Vec<AbortedTransaction> {
        self.transactions.take_seen()
    }

    /// Whether a batch goes whatever its records are, and whether it is a marker with nothing before it.
    fn fate(&mut self, header: &BatchHeader, batch: &Batch<'_>) -> (bool, bool) {
        if !header.attributes.is_control() {
            return (self.transactions.is_aborted(header), false);
        }
        let ends_nothing = self.transactions.ends_nothing(header, marker_of(batch));
        let is_past = header.delete_horizon_ms().is_some_and(|horizon_ms| horizon_ms <= self.now_ms);
        (ends_nothing && is_past, ends_nothing)
    }

    fn records_that_stay(&self, batch: &Batch<'_>) -> Result<Sifted, RecordError> {
        let mut sifted = Sifted::default();
        let mut records = batch.records(self.limit)?;
        while let Some(record) = records.next_record()? {
            if self.stays(batch.header(), &record) {
                sifted.kept += 1;
                sifted.has_tombstones |= record.value.is_none() && !batch.header().attributes.is_control();
            } else {
                sifted.gone += 1;
            }
        }
        Ok(sifted)
    }

    fn stays(&self, header: &BatchHeader, record: &RecordRef<'_>) -> bool {
        if header.attributes.is_control() || self.keys.latest().is_none_or(|latest| record.offset > latest) {
            return true;
        }
        let Some(key) = record.key else { return false };
        let is_last = self.keys.last_offset_of(key).is_none_or(|last| {
            record.offset > last || record.offset == last && !self.bugs.has(Bug::CleanerLosesLastKey)
        });
        let is_past = header.delete_horizon_ms().is_some_and(|horizon_ms| horizon_ms <= self.now_ms)
            || self.bugs.has(Bug::TombstoneDroppedAtOnce);
        is_last && (record.value.is_some() || !is_past)
    }

    fn rewrite(&self, batch: &Batch<'_>, horizon_ms: Option<i64>) -> Result<Bytes, FilterError> {
        let mut builder = BatchBuilder::from_header(batch.header());
        if let Some(horizon_ms) = horizon_ms {
            builder = builder.delete_horizon(horizon_ms);
        }
        let mut records = batch.records(self.limit)?;
        while let Some(record) = records.next_record()? {
            if self.stays(batch.header(), &record) {
                builder.keep(&record)?;
            }
        }
        Ok(builder.build())
    }

    fn is_last_of_producer(&self, header: &BatchHeader) -> bool {
        self.last_batches.get(&header.producer_id).is_some_and(|last| match last.last_data_offset {
            Some(offset) => header.last_offset() == offset,
            None => header.attributes.is_control() && header.producer_epoch == last.epoch,
        })
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Sifted {
    kept: u32,
    gone: u32,
    has_tombstones: bool,
}

/// What a control batch says; `None` where it is empty, or no marker.
fn marker_of(batch: &Batch<'_>) -> Option<TransactionResult> {
    EndMarker::parse(batch.header(), batch.body()).map(|marker| marker.result)
}
