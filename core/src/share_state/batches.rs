//! Runs of records that were delivered, and how what is known of them is merged with what is new.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::wire::messages::share_state_records;

/// Records of a partition that have the same in common for a group. Where two say something of the same record, the one with
/// the higher delivery count counts; with the same count, the one with the higher state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StateBatch {
    pub(crate) first_offset: i64,
    /// Belongs to the batch.
    pub(crate) last_offset: i64,
    /// How often the records were delivered.
    pub(crate) delivery_count: i16,
    /// [`AVAILABLE`], 2 acknowledged, 4 archived.
    pub(crate) delivery_state: i8,
}

impl StateBatch {
    /// Whether its records will not be delivered again.
    pub(super) fn is_final(&self) -> bool {
        self.delivery_state != AVAILABLE
    }

    fn rank(&self) -> (i16, i8) {
        (self.delivery_count, self.delivery_state)
    }

    fn between(self, first_offset: i64, last_offset: i64) -> Option<Self> {
        (first_offset <= last_offset).then_some(Self { first_offset, last_offset, ..self })
    }

    /// What of it lies before an offset.
    pub(super) fn before(self, offset: i64) -> Option<Self> {
        self.between(self.first_offset, self.last_offset.min(offset.checked_sub(1)?))
    }

    fn behind(self, offset: i64) -> Option<Self> {
        self.between(offset.checked_add(1)?, self.last_offset)
    }
}

/// The delivery state of records that may be delivered again.
const AVAILABLE: i8 = 0;

/// Where the group has not dealt with everything: what lies before is of no interest. -1 for everything.
const FROM_ANYWHERE: i64 = -1;

/// Brings batches into an order in which no two overlap. What lies before `start_offset` is left out. Neighbours that say the
/// same become one, but for those that say so only after a merge behind them: Kafka has them apart, too.
pub(super) fn combine(known: &[StateBatch], new: &[StateBatch], start_offset: i64) -> Vec<StateBatch> {
    let all = known.iter().chain(new);
    let mut left: BTreeSet<StateBatch> = all.filter_map(|batch| prune(*batch, start_offset)).collect();
    let mut combined = Vec::new();
    while let Some(batch) = left.pop_first() {
        match left.first().copied() {
            Some(next) if batch.touches(&next) => {
                left.pop_first();
                left.extend(merge(batch, next));
            }
            _ => combined.push(batch),
        }
    }
    combined
}

fn prune(batch: StateBatch, start_offset: i64) -> Option<StateBatch> {
    let from = if start_offset == FROM_ANYWHERE { batch.first_offset } else { batch.first_offset.max(start_offset) };
    // A batch that holds no record says nothing.
    batch.between(from, batch.last_offset)
}

impl StateBatch {
    /// Whether the next one in order can't stand beside this one.
    fn touches(&self, next: &Self) -> bool {
        let is_neighbour = self.last_offset.checked_add(1) == Some(next.first_offset);
        next.first_offset <= self.last_offset || (is_neighbour && self.rank() == next.rank())
    }
}

/// Merges two that touch, of which `next` does not begin before `batch`.
fn merge(batch: StateBatch, next: StateBatch) -> impl Iterator<Item = StateBatch> {
    let parts = if batch.rank() == next.rank() {
        [batch.between(batch.first_offset, batch.last_offset.max(next.last_offset)), None, None]
    } else if next.rank() < batch.rank() {
        // What of the next one goes on behind.
        [Some(batch), next.behind(batch.last_offset), None]
    } else {
        let before = next.first_offset.checked_sub(1).and_then(|last| batch.between(batch.first_offset, last));
        [before, Some(next), batch.behind(next.last_offset)]
    };
    parts.into_iter().flatten()
}

impl From<&share_state_records::StateBatch> for StateBatch {
    fn from(batch: &share_state_records::StateBatch) -> Self {
        Self {
            first_offset: batch.first_offset,
            last_offset: batch.last_offset,
            delivery_count: batch.delivery_count,
            delivery_state: batch.delivery_state,
        }
    }
}

impl StateBatch {
    /// As it is in a record.
    pub(super) fn wire(&self) -> share_state_records::StateBatch {
        share_state_records::StateBatch {
            first_offset: self.first_offset,
            last_offset: self.last_offset,
            delivery_state: self.delivery_state,
            delivery_count: self.delivery_count,
            ..Default::default()
        }
    }
}
