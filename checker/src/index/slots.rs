//! Which offset of which log has which record.

use crate::history::{
    Body, History, Isolation, Keeps, Mark, NO_OFFSET, NONE, Op, Other, PartitionId, Record, Status, Value,
};

use super::Eras;

/// One log: a partition in an era.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Log {
    pub partition: PartitionId,
    /// Its slots.
    pub first: u32,
    pub end: u32,
    /// What is before it may be gone.
    pub low: i64,
    /// Nothing behind that goes by itself.
    pub keeps_all: bool,
}

/// A record at an offset, as some process knows. One offset has several if they don't agree.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    pub offset: i64,
    pub value: Value,
    /// Who was told that it is there.
    pub acknowledged_by: u32,
    /// Who read it first.
    pub read_by: u32,
    /// Of [`super::Values`].
    pub value_id: u32,
    is_read_committed: bool,
}

impl Slot {
    /// Who knows of it: who sent it, or who read it.
    pub(crate) fn witness(&self) -> u32 {
        self.acknowledged_by.min(self.read_by)
    }

    /// A consumer of committed records got it.
    pub(crate) fn is_read_committed(&self) -> bool {
        self.is_read_committed
    }
}

/// A slot before it is known what others say.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Fact {
    offset: i64,
    value: Value,
    op: u32,
    how: How,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum How {
    Acknowledged,
    Read,
    ReadCommitted,
}

/// All logs, and their slots.
pub(super) fn of(history: &History, eras: &Eras) -> (Vec<Log>, Vec<Slot>) {
    let mut bounds = vec![0u32; eras.logs() + 1];
    for_each(history, eras, |log, _| bounds[log + 1] += 1);
    for log in 0..eras.logs() {
        bounds[log + 1] += bounds[log];
    }
    let blank = Fact { offset: 0, value: 0, op: 0, how: How::Read };
    let mut facts = vec![blank; bounds[eras.logs()] as usize];
    let mut next = bounds.clone();
    for_each(history, eras, |log, fact| {
        facts[next[log] as usize] = fact;
        next[log] += 1;
    });
    let mut slots = Vec::new();
    let mut logs = Vec::with_capacity(eras.logs());
    for log in 0..eras.logs() {
        let of_log = &mut facts[bounds[log] as usize..bounds[log + 1] as usize];
        of_log.sort_unstable();
        let first = slots.len() as u32;
        of_log.iter().for_each(|fact| merge(&mut slots, first, fact));
        let partition = eras.partition(log);
        let keeps_all = history.keeps[partition.0 as usize] != Keeps::Some;
        logs.push(Log { partition, first, end: slots.len() as u32, low: 0, keeps_all });
    }
    note_lows(history, eras, &mut logs);
    (logs, slots)
}

fn merge(slots: &mut Vec<Slot>, first: u32, fact: &Fact) {
    let is_known = slots.len() as u32 > first
        && slots.last().is_some_and(|slot| (slot.offset, slot.value) == (fact.offset, fact.value));
    if !is_known {
        let Fact { offset, value, .. } = *fact;
        let nobody = NONE;
        slots.push(Slot {
            offset,
            value,
            acknowledged_by: nobody,
            read_by: nobody,
            value_id: NONE,
            is_read_committed: false,
        });
    }
    let slot = slots.last_mut().expect("just pushed, if there was none");
    match fact.how {
        How::Acknowledged => slot.acknowledged_by = slot.acknowledged_by.min(fact.op),
        How::Read | How::ReadCommitted => slot.read_by = slot.read_by.min(fact.op),
    }
    slot.is_read_committed |= fact.how == How::ReadCommitted;
}

fn for_each(history: &History, eras: &Eras, mut take: impl FnMut(usize, Fact)) {
    for (id, op) in history.ops.iter().enumerate() {
        if op.status != Status::Ok {
            continue;
        }
        let Some(era) = eras.of(op) else { continue };
        let mut take_all = |partition: PartitionId, records: &[Record], how: How| {
            let log = eras.log(era, partition);
            for record in records.iter().filter(|record| record.offset != NO_OFFSET) {
                take(log, Fact { offset: record.offset, value: record.value, op: id as u32, how });
            }
        };
        match op.body {
            Body::Send { partition, first, count, .. } => {
                take_all(partition, history.sent_of(first, count), How::Acknowledged);
            }
            Body::Poll { isolation, first, count, .. } => {
                let is_committed = isolation == Isolation::Committed;
                let how = if is_committed { How::ReadCommitted } else { How::Read };
                for span in history.reads_of(first, count) {
                    take_all(span.partition, history.records_of(span), how);
                }
            }
            _ => {}
        }
    }
}

/// Where logs start at the latest: what was seen, or may be, since somebody asked for it.
fn note_lows(history: &History, eras: &Eras, logs: &mut [Log]) {
    for op in &history.ops {
        // What is gone stays gone, also where a log loses its end.
        let mut note = |partition: PartitionId, low: i64| {
            for era in eras.at(op.begun)..eras.count() {
                let log = &mut logs[eras.log(era, partition)];
                log.low = log.low.max(low);
            }
        };
        match op.body {
            Body::Other(at) => {
                if let Some((partition, low)) = low_of(history, op, &history.others[at as usize]) {
                    note(partition, low);
                }
            }
            Body::Poll { first, count, .. } if !history.marks.is_empty() => {
                for span in history.reads_of(first, count) {
                    let start = history.marks_of(span).log_start;
                    if let Some(start) = start.filter(|_| history.keeps[span.partition.0 as usize] != Keeps::All) {
                        note(span.partition, start);
                    }
                }
            }
            _ => {}
        }
    }
}

fn low_of(history: &History, op: &Op, other: &Other) -> Option<(PartitionId, i64)> {
    let loses_old = |partition: &PartitionId| history.keeps[partition.0 as usize] != Keeps::All;
    match other {
        _ if op.status == Status::Failed => None,
        Other::Observe { partition, mark: Mark::LogStart, offset } if loses_old(partition) => {
            Some((*partition, *offset))
        }
        Other::Disk { partition, from, .. } if loses_old(partition) => Some((*partition, *from)),
        Other::Delete { partition, before, start } => {
            let all = if *start == NO_OFFSET { i64::MAX } else { *start };
            Some((*partition, before.unwrap_or(all).max(*start)))
        }
        _ => None,
    }
}
