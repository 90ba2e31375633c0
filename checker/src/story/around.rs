//! Which operations belong to a story.

use crate::anomaly::Anomaly;
use crate::history::{Body, GroupId, History, NONE, Op, Other, PartitionId, Span, TransactionId};

/// Operations around those that show an anomaly.
const AROUND_MAX: usize = 8;
/// What is that near is around.
const OFFSETS: i64 = 2;

/// Those that are shown and those around them, the nearest in time.
pub(super) fn with(history: &History, anomaly: &Anomaly, shown: &[u32]) -> Vec<u32> {
    let about = About::of(history, anomaly, shown);
    let moments: Vec<u32> = shown.iter().map(|id| history.op(*id).begun.0).collect();
    let distance = |op: &Op| moments.iter().map(|moment| moment.abs_diff(op.begun.0)).min().unwrap_or(0);
    let mut near: Vec<(u32, u32)> = Vec::new();
    for (id, op) in history.ops.iter().enumerate() {
        if !shown.contains(&(id as u32)) && about.concerns(history, op) {
            near.push((distance(op), id as u32));
            if near.len() > 64 * AROUND_MAX {
                near.sort_unstable();
                near.truncate(AROUND_MAX);
            }
        }
    }
    near.sort_unstable();
    let mut all: Vec<u32> = near.into_iter().take(AROUND_MAX).map(|(_, id)| id).chain(shown.iter().copied()).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// What a story is about.
struct About {
    place: Option<(PartitionId, i64)>,
    group: Option<(GroupId, PartitionId)>,
    transactions: Vec<u32>,
}

impl About {
    fn of(history: &History, anomaly: &Anomaly, shown: &[u32]) -> Self {
        let group = match anomaly {
            Anomaly::CommittedOffsetWentBack { group, partition, .. }
            | Anomaly::UnsentCommit { group, partition, .. }
            | Anomaly::TwoOwners { group, partition, .. } => Some((*group, *partition)),
            _ => None,
        };
        let of_steps = match anomaly {
            Anomaly::Cycle { steps, .. } => steps.iter().filter_map(|step| step.transaction).collect(),
            _ => Vec::new(),
        };
        let of_shown = shown.iter().map(|id| history.transaction_of(history.op(*id).body)).filter(|it| *it != NONE);
        let transactions = of_steps.iter().map(|TransactionId(id)| *id).chain(of_shown).collect();
        Self { place: anomaly.place(), group, transactions }
    }

    fn concerns(&self, history: &History, op: &Op) -> bool {
        let transaction = history.transaction_of(op.body);
        if transaction != NONE && self.transactions.contains(&transaction) {
            return matches!(op.body, Body::Begin { .. } | Body::End { .. }) || self.place.is_none();
        }
        match op.body {
            Body::Send { partition, first, count, .. } => {
                let offsets = history.sent_of(first, count).iter().map(|record| record.offset);
                self.has_near(partition, offsets)
            }
            Body::Poll { first, count, .. } => {
                let has_near = |span: &Span| {
                    self.has_near(span.partition, history.records_of(span).iter().map(|record| record.offset))
                };
                history.reads_of(first, count).iter().any(has_near)
            }
            Body::Begin { .. } | Body::End { .. } => false,
            Body::Other(at) => self.concerns_other(&history.others[at as usize]),
        }
    }

    fn has_near(&self, partition: PartitionId, mut offsets: impl Iterator<Item = i64>) -> bool {
        let Some((at, offset)) = self.place else { return false };
        at == partition && offsets.any(|other| (other - offset).abs() <= OFFSETS)
    }

    fn concerns_other(&self, other: &Other) -> bool {
        let is_at = |partition: &PartitionId| self.place.is_some_and(|place| place.0 == *partition);
        let is_of = |group: &GroupId| self.group.is_some_and(|of| of.0 == *group);
        match other {
            Other::Restart { .. } => true,
            Other::Commit { group, .. } | Other::Committed { group, .. } => is_of(group),
            Other::Assign { group, partitions, .. } => {
                group.is_some_and(|group| is_of(&group.0)) || partitions.iter().any(is_at)
            }
            Other::Seek { partition, .. }
            | Other::Observe { partition, .. }
            | Other::Delete { partition, .. }
            | Other::Disk { partition, .. } => is_at(partition),
            Other::Partition { .. } => false,
        }
    }
}
