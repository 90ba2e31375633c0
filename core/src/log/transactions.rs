//! The transactions that are open in a partition. What comes after the begin of the first of them is not decided, and
//! consumers that want only decided records read no further.
//!
//! They are kept twice: as they are with what is in flight, for the next append, and as they are up to the high
//! watermark, for consumers. A transaction whose marker is in flight is still open for the latter.

use alloc::collections::BTreeMap;

use super::PartitionLog;
use super::durability::Mark;
use super::producers::LoggedBatch;
use super::transaction_index::AbortedTransaction;
use crate::records::TransactionResult;
use crate::types::{Offset, ProducerId};

/// Transactions by the offset that they began at: a batch, and so a begin, has one producer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct OpenTransactions {
    by_start: BTreeMap<Offset, Open>,
}

/// A transaction that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Open {
    producer_id: ProducerId,
    place: Option<Place>,
}

/// Where a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Base offset of its segment.
    pub(super) segment: Offset,
    pub(super) position: u64,
}

/// What a batch did to its producer's transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Nothing,
    Began,
    Ended { start: Offset, result: TransactionResult },
}

impl OpenTransactions {
    /// Takes over what `batch` did. Says which transaction it aborted.
    pub(super) fn follow(&mut self, change: Change, batch: &LoggedBatch) -> Option<AbortedTransaction> {
        let LoggedBatch { header, place, .. } = batch;
        match change {
            Change::Nothing => None,
            Change::Began => {
                self.by_start.insert(header.base_offset, Open { producer_id: header.producer_id, place: Some(*place) });
                None
            }
            Change::Ended { start, result } => {
                self.by_start.remove(&start);
                (result == TransactionResult::Abort).then(|| AbortedTransaction {
                    producer_id: header.producer_id,
                    first_offset: start,
                    last_offset: header.base_offset,
                    last_stable_offset: self.first().unwrap_or(header.base_offset.next()),
                })
            }
        }
    }

    /// Takes one over from a snapshot: it is not known where its first batch is.
    pub(super) fn load(&mut self, start: Offset, producer_id: ProducerId) {
        self.by_start.insert(start, Open { producer_id, place: None });
    }

    pub(super) fn forget(&mut self, start: Offset) {
        self.by_start.remove(&start);
    }

    /// Where the first of them began.
    pub(super) fn first(&self) -> Option<Offset> {
        self.by_start.first_key_value().map(|(start, _)| *start)
    }

    /// Whether one of them began here.
    pub(super) fn contains(&self, start: Offset) -> bool {
        self.by_start.contains_key(&start)
    }

    fn place_of(&self, start: Offset) -> Option<Place> {
        self.by_start.get(&start)?.place
    }

    pub(super) fn set_place(&mut self, start: Offset, place: Place) {
        if let Some(open) = self.by_start.get_mut(&start) {
            open.place = Some(place);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.by_start.len()
    }
}

impl PartitionLog {
    /// Everything before this offset is decided: it is in no transaction, or in one that has ended. It is never above
    /// [`PartitionLog::high_watermark`].
    #[must_use]
    pub fn last_stable_offset(&self) -> Offset {
        let high_watermark = self.high_watermark();
        // Where the begin of a transaction was deleted, what is left of it is still undecided.
        let first_unstable = self.producers.undecided().first().map(|start| start.max(self.log_start));
        first_unstable.map_or(high_watermark, |start| start.min(high_watermark))
    }

    /// [`PartitionLog::last_stable_offset`] as a place between two batches; the offset alone where it must be looked for.
    pub(super) fn stable_mark(&self) -> Result<Mark, Offset> {
        let high_watermark = self.marks.high_watermark;
        let offset = self.last_stable_offset();
        if offset >= high_watermark.offset {
            return Ok(high_watermark);
        }
        let place = self.producers.undecided().place_of(offset).ok_or(offset)?;
        Ok(Mark { offset, segment: place.segment, position: place.position })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::producers::testing::{commit_marker, logged, transactional};

    #[test]
    fn the_first_open_transaction_is_the_one_that_counts() {
        let mut open = OpenTransactions::default();
        open.follow(Change::Began, &logged(&transactional(1, 0, 5, 10), None));
        open.follow(Change::Began, &logged(&transactional(2, 0, 5, 15), None));
        assert_eq!(open.first(), Some(Offset(10)));
        let ended = Change::Ended { start: Offset(10), result: TransactionResult::Commit };
        assert_eq!(open.follow(ended, &commit_marker(1, 20)), None);
        assert_eq!(open.first(), Some(Offset(15)));
    }

    #[test]
    fn an_aborted_transaction_knows_what_was_stable_when_it_ended() {
        let mut open = OpenTransactions::default();
        open.follow(Change::Began, &logged(&transactional(1, 0, 5, 10), None));
        open.follow(Change::Began, &logged(&transactional(2, 0, 5, 15), None));
        let abort = |start| Change::Ended { start: Offset(start), result: TransactionResult::Abort };
        let first = open.follow(abort(10), &commit_marker(1, 20)).unwrap();
        assert_eq!((first.first_offset, first.last_offset), (Offset(10), Offset(20)));
        assert_eq!(first.last_stable_offset, Offset(15), "the other one is open");
        let second = open.follow(abort(15), &commit_marker(2, 21)).unwrap();
        assert_eq!(second.last_stable_offset, Offset(22), "none is open");
    }
}
