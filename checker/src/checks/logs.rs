//! Each offset has one record, and each record as many offsets as it may have.

use crate::anomaly::Anomaly;
use crate::findings::Verdict;
use crate::history::{NONE, OpId};
use crate::index::{Index, Log};

pub(super) fn check(index: &Index<'_>, verdict: &mut Verdict) {
    let mut counts = vec![0u32; index.values.len()];
    for log in &index.logs {
        check_offsets(index, log, verdict);
        check_duplicates(index, log, &mut counts, verdict);
    }
}

fn check_offsets(index: &Index<'_>, log: &Log, verdict: &mut Verdict) {
    let slots = &index.slots[log.first as usize..log.end as usize];
    for pair in slots.windows(2).filter(|pair| pair[0].offset == pair[1].offset) {
        verdict.add(Anomaly::InconsistentOffsets {
            partition: log.partition,
            offset: pair[0].offset,
            first: (pair[0].value, OpId(pair[0].witness())),
            second: (pair[1].value, OpId(pair[1].witness())),
        });
    }
}

fn check_duplicates(index: &Index<'_>, log: &Log, counts: &mut [u32], verdict: &mut Verdict) {
    let slots = || index.slots[log.first as usize..log.end as usize].iter().filter(|slot| slot.value_id != NONE);
    let mut offenders: Vec<u32> = Vec::new();
    for slot in slots() {
        let count = &mut counts[slot.value_id as usize];
        *count += 1;
        let allowed = index.values.get(slot.value_id).map_or(NONE, |sent| sent.allowed.max(1));
        if allowed != NONE && *count == allowed + 1 {
            offenders.push(slot.value_id);
        }
    }
    if !offenders.is_empty() {
        tell_duplicates(index, log, offenders, verdict);
    }
    slots().for_each(|slot| counts[slot.value_id as usize] = 0);
}

fn tell_duplicates(index: &Index<'_>, log: &Log, mut offenders: Vec<u32>, verdict: &mut Verdict) {
    offenders.sort_unstable();
    let mut places: Vec<(u32, i64, OpId)> = index.slots[log.first as usize..log.end as usize]
        .iter()
        .filter(|slot| offenders.binary_search(&slot.value_id).is_ok())
        .map(|slot| (slot.value_id, slot.offset, OpId(slot.witness())))
        .collect();
    places.sort_unstable();
    let mut found: Vec<Anomaly> = places
        .chunk_by(|one, other| one.0 == other.0)
        .filter_map(|of_value| {
            let sent = index.values.get(of_value[0].0)?;
            let places = of_value.iter().map(|(_, offset, op)| (*offset, *op)).collect();
            let value = index.history.sent[sent.place as usize].value;
            Some(Anomaly::Duplicate { partition: log.partition, value, places, allowed: sent.allowed.max(1) })
        })
        .collect();
    found.sort_by_key(Anomaly::place);
    found.into_iter().for_each(|anomaly| verdict.add(anomaly));
}
