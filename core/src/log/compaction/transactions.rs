//! What a compaction makes of transactions: the records of an aborted one go, and a marker may go once nothing of its
//! transaction is left.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use crate::log::transaction_index::AbortedTransaction;
use crate::records::{BatchHeader, TransactionResult};
use crate::types::{Offset, ProducerId};

/// The transactions around the place that a pass over the log has come to.
#[derive(Debug)]
pub(super) struct Transactions {
    /// Aborted ones that begin further on, by where they begin.
    aborted: VecDeque<AbortedTransaction>,
    /// Aborted ones that the pass is in, and whether any of their batches was seen.
    open_aborted: BTreeMap<ProducerId, (AbortedTransaction, bool)>,
    /// Producers of which batches were seen that will be committed.
    open_committed: BTreeSet<ProducerId>,
    /// Aborted ones of which a batch was seen, in the order of their markers: their entries must stay.
    seen: Vec<AbortedTransaction>,
}

impl Transactions {
    /// A pass from the beginning; `aborted` are all aborted transactions that end in the log.
    pub(super) fn new(mut aborted: Vec<AbortedTransaction>) -> Self {
        aborted.sort_unstable_by_key(|transaction| transaction.first_offset);
        Self {
            aborted: aborted.into(),
            open_aborted: BTreeMap::new(),
            open_committed: BTreeSet::new(),
            seen: Vec::new(),
        }
    }

    /// Comes to a batch of records. Whether it belongs to an aborted transaction.
    pub(super) fn is_aborted(&mut self, header: &BatchHeader) -> bool {
        self.advance(header.last_offset());
        if !header.attributes.is_transactional() {
            return false;
        }
        if let Some((_, is_seen)) = self.open_aborted.get_mut(&header.producer_id) {
            *is_seen = true;
            return true;
        }
        self.open_committed.insert(header.producer_id);
        false
    }

    /// Comes to a control batch; `marker` is what it says, `None` where an earlier compaction has emptied it. Whether
    /// nothing is left of what it ends.
    pub(super) fn ends_nothing(&mut self, header: &BatchHeader, marker: Option<TransactionResult>) -> bool {
        self.advance(header.last_offset());
        match marker {
            None => true,
            Some(TransactionResult::Abort) => match self.open_aborted.remove(&header.producer_id) {
                Some((transaction, true)) => {
                    self.seen.push(transaction);
                    false
                }
                _ => true,
            },
            Some(TransactionResult::Commit) => !self.open_committed.remove(&header.producer_id),
        }
    }

    /// The entries of the transaction index for what was passed since the last call.
    pub(super) fn take_seen(&mut self) -> Vec<AbortedTransaction> {
        core::mem::take(&mut self.seen)
    }

    fn advance(&mut self, to: Offset) {
        while let Some(transaction) = self.aborted.pop_front_if(|transaction| transaction.first_offset <= to) {
            self.open_aborted.insert(transaction.producer_id, (transaction, false));
        }
    }
}
