//! A group's committed offset is one that somebody committed and that nobody has replaced since.
//!
//! A commit takes effect somewhere between its begin and its end. One whose end nobody knows may take effect at any time
//! afterwards. Who sees an offset knows that its commit has taken effect.

use std::collections::BTreeMap;

use crate::anomaly::Anomaly;
use crate::findings::Verdict;
use crate::history::{Body, GroupId, Isolation, Moment, NONE, Op, OpId, Other, PartitionId, Status};
use crate::index::Index;

/// A group's offset of a partition, in an era.
type Place = (GroupId, PartitionId, usize);

pub(super) fn check(index: &Index<'_>, verdict: &mut Verdict) {
    let mut registers: BTreeMap<Place, Register> = BTreeMap::new();
    for (id, op) in index.history.ops.iter().enumerate() {
        let Body::Other(at) = op.body else { continue };
        match &index.history.others[at as usize] {
            Other::Commit { group, transaction, positions } => {
                let Some(write) = Write::of(index, id as u32, op, *transaction) else { continue };
                for era in index.eras.at(op.begun)..index.eras.count() {
                    // Where it may have been forgotten, it may have taken effect, and nobody has to see it.
                    let write = if index.eras.of(op) == Some(era) { write } else { write.vague() };
                    for position in positions {
                        let register = registers.entry((*group, position.partition, era)).or_default();
                        register.writes.push(Write { offset: position.offset, ..write });
                    }
                }
            }
            Other::Committed { group, positions, isolation } if op.status == Status::Ok => {
                let Some(era) = index.eras.of(op) else { continue };
                let is_stable = *isolation == Isolation::Committed;
                for position in positions {
                    let register = registers.entry((*group, position.partition, era)).or_default();
                    let (begun, ended, offset) = (op.begun, op.ended, position.offset);
                    register.looks.push(Look { offset, begun, ended, is_stable, op: id as u32 });
                }
            }
            _ => {}
        }
    }
    for ((group, partition, _), register) in registers {
        register.check(group, partition, verdict);
    }
}

/// A commit. Those of one group are in the order in which they were appended, also those of transactions, which are only seen
/// later.
#[derive(Clone, Copy)]
struct Write {
    offset: Option<i64>,
    /// When it was appended, at the earliest.
    begun: Moment,
    /// At the latest.
    ended: Moment,
    /// From when on it can be seen.
    visible: Moment,
    /// From when on it has replaced those before it, for all who look.
    settled: Moment,
    /// For those who wait for transactions.
    settled_stable: Moment,
    op: u32,
}

const NEVER: Moment = Moment(NONE);

impl Write {
    /// `None` if it had no effect.
    fn of(index: &Index<'_>, id: u32, op: &Op, transaction: u32) -> Option<Self> {
        if op.status == Status::Failed {
            return None;
        }
        let (begun, ended) = (op.begun, op.done());
        let plain = Self { offset: None, begun, ended, visible: begun, settled: ended, settled_stable: ended, op: id };
        if transaction == NONE {
            return Some(plain);
        }
        let fate = &index.fates[transaction as usize];
        let settled_stable = fate.committed.max(ended);
        let of_transaction = Self { visible: fate.commit_begun, settled: NEVER, settled_stable, ..plain };
        fate.may_be_committed().then_some(of_transaction)
    }

    fn vague(self) -> Self {
        Self { ended: NEVER, settled: NEVER, settled_stable: NEVER, ..self }
    }
}

/// Somebody looks at a committed offset.
#[derive(Clone, Copy)]
struct Look {
    offset: Option<i64>,
    begun: Moment,
    ended: Moment,
    is_stable: bool,
    op: u32,
}

/// One committed offset: who wrote it, and who looked at it.
#[derive(Default)]
struct Register {
    writes: Vec<Write>,
    looks: Vec<Look>,
}

/// All commits of one offset.
#[derive(Default)]
struct OfOffset {
    /// When the first of them was appended, at the earliest.
    first_begun: Option<Moment>,
    /// In the order in which they can be seen: from when on, and when the last of it and those before had been appended.
    ends: Vec<(Moment, Moment)>,
}

/// What has replaced everything before it, by some moment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Settled {
    at: Moment,
    begun: Moment,
    offset: Option<i64>,
    op: u32,
}

impl Register {
    fn check(mut self, group: GroupId, partition: PartitionId, verdict: &mut Verdict) {
        if self.looks.is_empty() {
            return;
        }
        let by_offset = self.by_offset();
        let mut settled = Latest::new(self.settled(&by_offset, |write| write.settled));
        let mut settled_stable = Latest::new(self.settled(&by_offset, |write| write.settled_stable));
        self.looks.sort_by_key(|look| look.begun);
        for look in &self.looks {
            let latest = if look.is_stable { &mut settled_stable } else { &mut settled };
            judge(group, partition, look, by_offset.get(&look.offset), latest.at(look.begun), verdict);
        }
    }

    fn by_offset(&mut self) -> BTreeMap<Option<i64>, OfOffset> {
        self.writes.sort_by_key(|write| (write.visible, write.op));
        let mut by_offset: BTreeMap<Option<i64>, OfOffset> = BTreeMap::new();
        // At first there is none.
        let beginning = OfOffset { first_begun: Some(Moment(0)), ends: vec![(Moment(0), Moment(0))] };
        by_offset.insert(None, beginning);
        for write in &self.writes {
            let of_offset = by_offset.entry(write.offset).or_default();
            let first = of_offset.first_begun.map_or(write.begun, |first| first.min(write.begun));
            of_offset.first_begun = Some(first);
            let before = of_offset.ends.last().map_or(Moment(0), |end| end.1);
            of_offset.ends.push((write.visible, write.ended.max(before)));
        }
        by_offset
    }

    /// Commits that are known to have taken effect, because they ended or because somebody saw them.
    fn settled(&self, by_offset: &BTreeMap<Option<i64>, OfOffset>, when: impl Fn(&Write) -> Moment) -> Vec<Settled> {
        let ended = self.writes.iter().map(|write| {
            let Write { begun, offset, op, .. } = *write;
            Settled { at: when(write), begun, offset, op }
        });
        let seen = self.looks.iter().filter_map(|look| {
            let begun = by_offset.get(&look.offset)?.first_begun?;
            Some(Settled { at: look.ended, begun, offset: look.offset, op: look.op })
        });
        ended.filter(|settled| settled.at != NEVER).chain(seen).collect()
    }
}

/// Goes through what is settled: of all that is by some moment, the one that was appended last.
struct Latest {
    settled: std::iter::Peekable<std::vec::IntoIter<Settled>>,
    latest: Option<Settled>,
}

impl Latest {
    fn new(mut settled: Vec<Settled>) -> Self {
        settled.sort_unstable();
        Self { settled: settled.into_iter().peekable(), latest: None }
    }

    /// Moments must not go back.
    fn at(&mut self, moment: Moment) -> Option<Settled> {
        while let Some(next) = self.settled.next_if(|settled| settled.at < moment) {
            if self.latest.is_none_or(|latest| next.begun > latest.begun) {
                self.latest = Some(next);
            }
        }
        self.latest
    }
}

fn judge(
    group: GroupId,
    partition: PartitionId,
    look: &Look,
    writes: Option<&OfOffset>,
    latest: Option<Settled>,
    verdict: &mut Verdict,
) {
    let candidates = writes.map_or(0, |writes| writes.ends.partition_point(|end| end.0 < look.ended));
    let ended = writes.and_then(|writes| Some(writes.ends[candidates.checked_sub(1)?].1));
    match (ended, look.offset, latest) {
        (None, Some(offset), _) => {
            verdict.add(Anomaly::UnsentCommit { group, partition, found: (offset, OpId(look.op)) });
        }
        // At the very beginning both are the same moment.
        (Some(ended), found, Some(latest)) if latest.offset != found && ended <= latest.begun => {
            let (known, found) = ((latest.offset, OpId(latest.op)), (found, OpId(look.op)));
            verdict.add(Anomaly::CommittedOffsetWentBack { group, partition, known, found });
        }
        _ => {}
    }
}
