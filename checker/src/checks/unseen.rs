//! What was acknowledged and nobody read: lost, where somebody read past it, and unseen otherwise.

use crate::anomaly::Anomaly;
use crate::findings::Verdict;
use crate::history::{Body, NO_OFFSET, NONE, OpId, PartitionId};
use crate::index::{Index, Log};

use super::polls::{Passed, Read};

pub(super) fn check(index: &Index<'_>, read: &Read, verdict: &mut Verdict) {
    let mut passed = read.passed.clone();
    passed.sort_unstable();
    let mut next = 0;
    // Of all stretches that begin before the present slot, the one that goes furthest.
    let mut furthest: Option<Passed> = None;
    let mut is_read = vec![false; index.values.len()];
    for slot in index.slots.iter().filter(|slot| slot.read_by != NONE && slot.value_id != NONE) {
        is_read[slot.value_id as usize] = true;
    }
    for log in &index.logs {
        for at in log.first..log.end {
            while let Some(stretch) = passed.get(next).filter(|stretch| stretch.first <= at) {
                if furthest.is_none_or(|furthest| stretch.end > furthest.end) {
                    furthest = Some(*stretch);
                }
                next += 1;
            }
            let over = furthest.filter(|stretch| at < stretch.end);
            check_slot(index, log, at, over, &mut is_read, verdict);
        }
    }
    tell_unseen(index, &is_read, verdict);
}

fn check_slot(
    index: &Index<'_>,
    log: &Log,
    at: u32,
    over: Option<Passed>,
    is_read: &mut [bool],
    verdict: &mut Verdict,
) {
    let (slot, Some(passed)) = (&index.slots[at as usize], over) else { return };
    let Some(sent) = index.values.get(slot.value_id) else { return };
    if is_read[slot.value_id as usize] || slot.acknowledged_by == NONE || !index.is_certain(sent) {
        return;
    }
    is_read[slot.value_id as usize] = true;
    verdict.add(Anomaly::LostWrite {
        partition: log.partition,
        offset: slot.offset,
        value: slot.value,
        sender: OpId(slot.acknowledged_by),
        reader: OpId(passed.reader),
    });
}

/// By partition, what was acknowledged and neither read nor told to be lost.
fn tell_unseen(index: &Index<'_>, is_read: &[bool], verdict: &mut Verdict) {
    let history = index.history;
    let mut unseen = vec![(0u64, None); history.partitions.len()];
    for (sent, _) in index.values.iter().zip(is_read).filter(|(sent, is_read)| !**is_read && index.is_certain(sent)) {
        let op = history.op(sent.op);
        let Body::Send { partition, .. } = op.body else { continue };
        let Some(era) = index.eras.of(op).filter(|era| *era + 1 == index.eras.count()) else { continue };
        let log = &index.logs[index.eras.log(era, partition)];
        let record = history.sent[sent.place as usize];
        if !log.keeps_all || record.offset != NO_OFFSET && record.offset < log.low {
            continue;
        }
        let of_partition = &mut unseen[partition.0 as usize];
        of_partition.0 += 1;
        let offset = (record.offset != NO_OFFSET).then_some(record.offset);
        of_partition.1.get_or_insert((offset, record.value, OpId(sent.op)));
    }
    for (partition, (count, first)) in unseen.into_iter().enumerate() {
        if let Some(first) = first {
            verdict.add(Anomaly::Unseen { partition: PartitionId(partition as u32), count, first });
        }
    }
}
