//! Records in flight that were acquired together. While all have one state it is kept once; from the moment that they part, in
//! runs of equal ones.

use alloc::vec::Vec;

use super::record::Record;
use crate::time::Monotonic;
use crate::types::Offset;

/// Records in a row of which the same is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) first: Offset,
    /// Belongs to the run.
    pub(super) last: Offset,
    pub(super) record: Record,
}

/// Records that were acquired together.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    /// In order, without holes.
    runs: Vec<Run>,
    /// Its records go their own ways, even where they are the same again.
    is_split: bool,
    /// When some of its records were to come back: each is in the partition's list.
    pub(super) lock_ends: Vec<Monotonic>,
}

impl Batch {
    pub(super) fn new(first: Offset, last: Offset, record: Record) -> Self {
        assert!(first <= last, "a batch has records");
        Self { runs: [Run { first, last, record }].into(), is_split: false, lock_ends: Vec::new() }
    }

    pub(super) fn first(&self) -> Offset {
        self.runs[0].first
    }

    pub(super) fn last(&self) -> Offset {
        self.runs[self.runs.len() - 1].last
    }

    /// How many records there are.
    pub(super) fn len(&self) -> i64 {
        count(self.first(), self.last())
    }

    pub(super) fn is_split(&self) -> bool {
        self.is_split
    }

    /// What is known of all its records, while they go together.
    pub(super) fn whole(&self) -> Option<&Record> {
        (!self.is_split).then(|| &self.runs[0].record)
    }

    pub(super) fn whole_mut(&mut self) -> Option<&mut Record> {
        (!self.is_split).then(|| &mut self.runs[0].record)
    }

    /// Whether nobody ever got its records: it fills the space between states that were kept.
    pub(super) fn is_unread(&self) -> bool {
        self.whole().is_some_and(|record| record.is_available() && record.delivery_count == 0)
    }

    /// From now on its records go their own ways.
    pub(super) fn split(&mut self) {
        self.is_split = true;
    }

    pub(super) fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// What is known of a record of this batch.
    pub(super) fn record(&self, offset: Offset) -> Option<&Record> {
        let run = self.runs.get(self.runs.partition_point(|run| run.last < offset))?;
        (run.first <= offset).then_some(&run.record)
    }

    /// The runs between two offsets, cut so that none reaches beyond them.
    pub(super) fn runs_between(&mut self, first: Offset, last: Offset) -> &mut [Run] {
        if first > last || first > self.last() || last < self.first() {
            return &mut [];
        }
        self.cut_before(first);
        self.cut_before(last.next());
        let from = self.runs.partition_point(|run| run.last < first);
        let to = self.runs.partition_point(|run| run.first <= last);
        &mut self.runs[from..to]
    }

    /// Makes a run begin at this offset.
    fn cut_before(&mut self, offset: Offset) {
        let index = self.runs.partition_point(|run| run.last < offset);
        let Some(run) = self.runs.get_mut(index).filter(|run| run.first < offset) else { return };
        let rest = Run { first: offset, ..run.clone() };
        run.last = before(offset);
        self.runs.insert(index + 1, rest);
    }

    /// Puts neighbours together of which the same is known.
    pub(super) fn join_runs(&mut self) {
        self.runs.dedup_by(|next, run| {
            let is_same = next.record == run.record;
            if is_same {
                run.last = next.last;
            }
            is_same
        });
    }
}

/// The offset before this one.
pub(super) fn before(offset: Offset) -> Offset {
    Offset(offset.0 - 1)
}

/// How many records there are from the first to the last.
pub(super) fn count(first: Offset, last: Offset) -> i64 {
    last.0 - first.0 + 1
}
