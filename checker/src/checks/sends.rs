//! Records are in a log in the order in which they were sent: what was sent after another one had been acknowledged comes
//! behind it, whoever sent them, and so do the records of one send or transaction.

use crate::anomaly::Anomaly;
use crate::findings::Verdict;
use crate::history::{Moment, NONE, OpId};
use crate::index::{Index, Log, Sent, Slot};

pub(super) fn check(index: &Index<'_>, verdict: &mut Verdict) {
    for log in &index.logs {
        check_real_time(index, log, verdict);
    }
    Internal::new(index).check(verdict);
}

/// Nothing that ended before another began is behind it.
fn check_real_time(index: &Index<'_>, log: &Log, verdict: &mut Verdict) {
    let slots = &index.slots[log.first as usize..log.end as usize];
    // Of all that are behind, the one that ended first.
    let mut first_ended: Option<(Moment, &Slot)> = None;
    for slot in slots.iter().rev() {
        let Some(sent) = index.values.get(slot.value_id).filter(|sent| !sent.is_sent_again()) else { continue };
        let op = index.history.op(sent.op);
        if let Some((ended, behind)) = first_ended
            && ended < op.begun
            && let Some(sent_behind) = index.values.get(behind.value_id)
            && (sent.transaction == NONE || sent.transaction != sent_behind.transaction)
        {
            let earlier = (behind.offset, behind.value, OpId(sent_behind.op));
            let later = (slot.offset, slot.value, OpId(sent.op));
            let is_of_one_process = index.history.op(sent_behind.op).process == op.process;
            verdict.add(Anomaly::NonmonotonicSend {
                partition: log.partition,
                earlier,
                later,
                is_internal: false,
                is_of_one_process,
            });
        }
        // A record that was appended twice counts where it was acknowledged.
        let is_there = slot.acknowledged_by == sent.op;
        if is_there && first_ended.is_none_or(|(ended, _)| op.done() < ended) {
            first_ended = Some((op.done(), slot));
        }
    }
}

/// The last that was seen of each send and each transaction, while going through a log.
struct Internal<'i, 'h> {
    index: &'i Index<'h>,
    /// By operation, and then by transaction: the last slot that it has, and in which log.
    last: Vec<Last>,
}

#[derive(Clone, Copy)]
struct Last {
    log: u32,
    slot: u32,
}

impl<'i, 'h> Internal<'i, 'h> {
    fn new(index: &'i Index<'h>) -> Self {
        let nothing = Last { log: NONE, slot: NONE };
        Self { index, last: vec![nothing; index.history.ops.len() + index.fates.len()] }
    }

    fn check(mut self, verdict: &mut Verdict) {
        for (log, of_log) in self.index.logs.iter().enumerate() {
            for at in of_log.first..of_log.end {
                self.check_slot(log as u32, at, verdict);
            }
        }
    }

    fn check_slot(&mut self, log: u32, at: u32, verdict: &mut Verdict) {
        let index = self.index;
        let slot = &index.slots[at as usize];
        let Some(sent) = index.values.get(slot.value_id) else { return };
        if sent.is_sent_again() || sent.allowed != 1 {
            return;
        }
        let unit = match sent.transaction {
            NONE => sent.op as usize,
            transaction => index.history.ops.len() + transaction as usize,
        };
        let last = std::mem::replace(&mut self.last[unit], Last { log, slot: at });
        if last.log != log {
            return;
        }
        let before = &index.slots[last.slot as usize];
        let Some(sent_before) = index.values.get(before.value_id) else { return };
        let partition = index.logs[log as usize].partition;
        if self.is_sent_before(sent, sent_before) {
            let earlier = (slot.offset, slot.value, OpId(sent.op));
            let later = (before.offset, before.value, OpId(sent_before.op));
            verdict.add(Anomaly::NonmonotonicSend {
                partition,
                earlier,
                later,
                is_internal: true,
                is_of_one_process: true,
            });
        } else if at - last.slot > 1 {
            let (before, after) = ((before.offset, OpId(sent_before.op)), (slot.offset, OpId(sent.op)));
            verdict.add(Anomaly::SendSkip { partition, before, after, skipped: at - last.slot - 1 });
        }
    }

    /// Whether one was sent before the other, in the same send or in the same transaction.
    fn is_sent_before(&self, one: &Sent, other: &Sent) -> bool {
        let history = self.index.history;
        match one.op == other.op {
            true => one.place < other.place,
            false => history.op(one.op).done() < history.op(other.op).begun,
        }
    }
}
