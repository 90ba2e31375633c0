//! The last batches of the log, where they are: reads near the end need no index and no disk.

use alloc::collections::VecDeque;

use crate::types::Offset;

/// Batches that are remembered: 40 KiB of them, in a log that is that busy.
const BATCHES_MAX: usize = 1024;

/// The last batches, without a gap between the first and the log's end.
#[derive(Clone, Debug, Default)]
pub(super) struct Tail {
    batches: VecDeque<TailBatch>,
}

/// Where a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TailBatch {
    pub(super) base_offset: Offset,
    pub(super) last_offset: Offset,
    /// Base offset of its segment.
    pub(super) segment: Offset,
    pub(super) position: u64,
    pub(super) size_bytes: u32,
}

impl Tail {
    /// The next batch.
    pub(super) fn push(&mut self, batch: TailBatch) {
        if self.batches.len() == BATCHES_MAX {
            self.batches.pop_front();
        }
        self.batches.push_back(batch);
    }

    /// The batch that holds `offset`, or the first one after it; `None` where that is not known.
    pub(super) fn locate(&self, offset: Offset) -> Option<TailBatch> {
        if self.batches.front()?.base_offset > offset {
            return None;
        }
        let at = self.batches.partition_point(|batch| batch.last_offset < offset);
        self.batches.get(at).copied()
    }

    /// Batches before this offset are elsewhere by now.
    pub(super) fn forget_before(&mut self, offset: Offset) {
        while self.batches.pop_front_if(|batch| batch.base_offset < offset).is_some() {}
    }

    /// The last batch of all.
    pub(super) fn last(&self) -> Option<TailBatch> {
        self.batches.back().copied()
    }

    pub(super) fn clear(&mut self) {
        self.batches.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_found_in_its_batch_or_after_a_gap() {
        let batch = |base: i64, last: i64| TailBatch {
            base_offset: Offset(base),
            last_offset: Offset(last),
            segment: Offset(0),
            position: base as u64 * 10,
            size_bytes: 70,
        };
        let mut tail = Tail::default();
        assert_eq!(tail.locate(Offset(0)), None);
        tail.push(batch(10, 14));
        tail.push(batch(20, 24));
        assert_eq!(tail.locate(Offset(9)), None);
        assert_eq!(tail.locate(Offset(14)), Some(batch(10, 14)));
        assert_eq!(tail.locate(Offset(17)), Some(batch(20, 24)));
        assert_eq!(tail.locate(Offset(25)), None);
    }
}
