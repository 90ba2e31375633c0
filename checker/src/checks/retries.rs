//! A batch of an idempotent producer has one offset, however often it was sent.

use std::collections::HashMap;

use crate::anomaly::Anomaly;
use crate::findings::Verdict;
use crate::hash::Fast;
use crate::history::{Body, NO_OFFSET, OpId, Status};
use crate::index::Index;

pub(super) fn check(index: &Index<'_>, verdict: &mut Verdict) {
    let history = index.history;
    if history.sequences.is_empty() {
        return;
    }
    let mut known = HashMap::with_capacity_and_hasher(history.sequences.len(), Fast::default());
    for (id, op) in history.ops.iter().enumerate().filter(|(_, op)| op.status == Status::Ok) {
        let Body::Send { partition, first, count, guarantee, .. } = op.body else { continue };
        let (Some(at), Some(era)) = (guarantee.sequence(), index.eras.of(op)) else { continue };
        let offset = history.sent_of(first, count).first().map_or(NO_OFFSET, |record| record.offset);
        if offset == NO_OFFSET {
            continue;
        }
        let sequence = history.sequences[at];
        let log = index.eras.log(era, partition) as u64;
        let (first_offset, first_op) = *known.entry((log, sequence)).or_insert((offset, OpId(id as u32)));
        if first_offset != offset {
            let (first, second) = ((first_offset, first_op), (offset, OpId(id as u32)));
            verdict.add(Anomaly::RetryElsewhere { partition, sequence, first, second });
        }
    }
}
