//! In one generation of a group a partition has one owner.

use std::collections::HashMap;

use crate::anomaly::Anomaly;
use crate::findings::Verdict;
use crate::hash::Fast;
use crate::history::{Body, OpId, Other};
use crate::index::Index;

pub(super) fn check(index: &Index<'_>, verdict: &mut Verdict) {
    let mut owners: HashMap<(u32, i32, u64), u32, Fast> = HashMap::default();
    for (id, op) in index.history.ops.iter().enumerate() {
        let Body::Other(at) = op.body else { continue };
        let Other::Assign { group: Some((group, generation)), partitions, .. } = &index.history.others[at as usize]
        else {
            continue;
        };
        for partition in partitions {
            let log = index.eras.log(index.eras.at(op.begun), *partition) as u64;
            let first = *owners.entry((group.0, *generation, log)).or_insert(id as u32);
            if index.history.op(first).process != op.process {
                let (group, generation, partition) = (*group, *generation, *partition);
                let (first, second) = (OpId(first), OpId(id as u32));
                verdict.add(Anomaly::TwoOwners { group, generation, partition, first, second });
            }
        }
    }
}
