//! A log's files have what was read of it and what was acknowledged, and nothing else. What is missing at their end is told by
//! `marks`.

use crate::anomaly::Anomaly;
use crate::findings::Verdict;
use crate::history::{Body, Moment, NONE, OpId, Other, PartitionId, Record};
use crate::index::{Index, Slot};

pub(super) fn check(index: &Index<'_>, verdict: &mut Verdict) {
    for (id, op) in index.history.ops.iter().enumerate() {
        let Body::Other(at) = op.body else { continue };
        if let Other::Disk { partition, from, end, records } = &index.history.others[at as usize] {
            let log = index.eras.log(index.eras.at(op.begun), *partition);
            let look = Look {
                index,
                partition: *partition,
                log,
                from: *from,
                end: *end,
                at: op.begun,
                observer: OpId(id as u32),
            };
            look.check(records, verdict);
        }
    }
}

/// Somebody looks at a log's files.
struct Look<'l, 'h> {
    index: &'l Index<'h>,
    partition: PartitionId,
    log: usize,
    from: i64,
    end: i64,
    at: Moment,
    observer: OpId,
}

impl Look<'_, '_> {
    fn check(&self, records: &[Record], verdict: &mut Verdict) {
        let mut records = records.to_vec();
        records.sort_unstable();
        for pair in records.windows(2).filter(|pair| pair[0].offset == pair[1].offset) {
            self.tell(pair[1].offset, Some(pair[1].value), None, verdict);
        }
        let mut on_disk = records.iter().peekable();
        for slot in self.known() {
            while let Some(record) = on_disk.next_if(|record| record.offset < slot.offset) {
                self.check_unknown(record, verdict);
            }
            let found = on_disk.next_if(|record| record.offset == slot.offset).map(|record| record.value);
            let is_gone = found.is_none() && self.may_be_gone(slot);
            if found != Some(slot.value) && !is_gone {
                self.tell(slot.offset, found, self.witness(slot).map(|op| (slot.value, op)), verdict);
            }
        }
        on_disk.for_each(|record| self.check_unknown(record, verdict));
    }

    /// What is known of what is in the files.
    fn known(&self) -> impl Iterator<Item = &Slot> {
        let log = &self.index.logs[self.log];
        let slots = &self.index.slots[log.first as usize..log.end as usize];
        slots.iter().filter(|slot| slot.offset >= self.from && slot.offset < self.end)
    }

    /// Who knew of it before somebody looked.
    fn witness(&self, slot: &Slot) -> Option<OpId> {
        let before = |id: u32| id != NONE && self.index.history.op(id).done() < self.at;
        [slot.acknowledged_by, slot.read_by].into_iter().find(|id| before(*id)).map(OpId)
    }

    fn may_be_gone(&self, slot: &Slot) -> bool {
        let log = &self.index.logs[self.log];
        !log.keeps_all || slot.offset < log.low || self.witness(slot).is_none()
    }

    /// A record of which nobody knows was at least sent.
    fn check_unknown(&self, record: &Record, verdict: &mut Verdict) {
        let sent = self.index.values.id(self.partition.0, record.value).and_then(|id| self.index.values.get(id));
        let is_possible = sent.is_some_and(|sent| sent.is_possible() && self.index.history.op(sent.op).begun < self.at);
        if !is_possible {
            self.tell(record.offset, Some(record.value), None, verdict);
        }
    }

    fn tell(&self, offset: i64, on_disk: Option<u64>, known: Option<(u64, OpId)>, verdict: &mut Verdict) {
        let (partition, observer) = (self.partition, self.observer);
        verdict.add(Anomaly::DiskUnequal { partition, offset, on_disk, known, observer });
    }
}
