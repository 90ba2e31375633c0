//! Consumers read a log in its order and leave nothing out, and they get only what may be seen.
//!
//! A consumer that begins, is assigned something else, or goes elsewhere may go on anywhere. What it leaves out is told only
//! where records are known to be between: offsets alone say nothing, since control records, aborted ones and compaction
//! leave gaps.

mod cursors;

use crate::anomaly::Anomaly;
use crate::findings::Verdict;
use crate::history::{Body, Isolation, NONE, Op, OpId, Other, Record, Span, Status};
use crate::index::{Index, Sent, Slot};
use cursors::{Cursor, Cursors};

/// What was read.
pub(crate) struct Read {
    /// By record that was read: its slot, or [`NONE`].
    pub slots: Vec<u32>,
    /// Slots that somebody read past: log, first and last, who did.
    pub passed: Vec<Passed>,
}

/// A stretch of slots that somebody read past.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Passed {
    pub first: u32,
    pub end: u32,
    pub reader: u32,
}

pub(super) fn check(index: &Index<'_>, verdict: &mut Verdict) -> Read {
    let mut reader = Reader {
        index,
        cursors: Cursors::default(),
        read: Read { slots: vec![NONE; index.history.records.len()], passed: Vec::new() },
        told: vec![0; index.slots.len()],
        verdict,
    };
    // What was read counts when it was heard: a consumer may be sent elsewhere while it waits.
    for tick in &index.history.ticks {
        let (id, op) = (tick.op() as u32, index.history.op(tick.op() as u32));
        match (op.body, op.status, tick.is_end()) {
            (Body::Poll { first, count, isolation, .. }, Status::Ok, true) => {
                reader.poll(id, op, first, count, isolation)
            }
            // Nobody knows how far it went.
            (Body::Poll { .. }, Status::Unknown, _) => reader.cursors.forget_all(op.process),
            (Body::Other(at), Status::Event, _) => reader.event(id, op, &index.history.others[at as usize]),
            _ => {}
        }
    }
    reader.read
}

struct Reader<'r, 'h> {
    index: &'r Index<'h>,
    cursors: Cursors,
    read: Read,
    /// By slot: what was told of it, see [`UNSENT`].
    told: Vec<u8>,
    verdict: &'r mut Verdict,
}

const UNSENT: u8 = 1;
const ABORTED: u8 = 2;
const PRECOMMITTED: u8 = 4;

/// A poll of a partition.
#[derive(Clone, Copy)]
struct Look {
    id: u32,
    log: usize,
    isolation: Isolation,
}

impl Reader<'_, '_> {
    fn event(&mut self, id: u32, op: &Op, other: &Other) {
        let Some(era) = self.index.eras.of(op) else { return };
        match other {
            Other::Assign { kept, .. } => {
                let kept: Vec<u32> = kept.iter().map(|partition| self.index.eras.log(era, *partition) as u32).collect();
                self.cursors.keep(op.process, &kept);
            }
            Other::Seek { partition, to } => {
                let log = self.index.eras.log(era, *partition);
                match to {
                    Some(to) => {
                        let next_slot = self.slot_at(log, *to);
                        let last = *to - 1;
                        self.cursors.set(op.process, log as u32, Cursor { last, next_slot, op: id, is_read: false });
                    }
                    None => self.cursors.forget(op.process, log as u32),
                }
            }
            _ => {}
        }
    }

    fn poll(&mut self, id: u32, op: &Op, first: u32, count: u32, isolation: Isolation) {
        // What was read before a power loss that came before the answer says nothing, but where the consumer is.
        let Some(era) = self.index.eras.of(op) else { return self.cursors.forget_all(op.process) };
        for span in self.index.history.reads_of(first, count) {
            let look = Look { id, log: self.index.eras.log(era, span.partition), isolation };
            self.look(op, look, span);
        }
    }

    fn look(&mut self, op: &Op, look: Look, span: &Span) {
        let mut cursor = match span.from {
            from if from >= 0 => {
                let next_slot = self.slot_at(look.log, from);
                Some(Cursor { last: from - 1, next_slot, op: look.id, is_read: false })
            }
            _ => self.cursors.get(op.process, look.log as u32),
        };
        for (place, record) in (span.first..).zip(self.index.history.records_of(span)) {
            cursor = Some(self.record(op, look, cursor, place, *record));
        }
        if let Some(before) = cursor
            && span.next > before.last + 1
        {
            let next_slot = self.slot_at(look.log, span.next);
            self.step(look, before, next_slot, span.next);
            cursor = Some(Cursor { last: span.next - 1, next_slot, op: look.id, is_read: false });
        }
        if let Some(cursor) = cursor {
            self.cursors.set(op.process, look.log as u32, cursor);
        }
    }

    /// A record comes: where the consumer is afterwards.
    fn record(&mut self, op: &Op, look: Look, cursor: Option<Cursor>, place: u32, record: Record) -> Cursor {
        let first_slot = match cursor {
            Some(cursor) if self.is_at(look.log, cursor.next_slot, record.offset) => cursor.next_slot,
            _ => self.slot_at(look.log, record.offset),
        };
        let mut slot = first_slot;
        while self.index.slots[slot as usize].value != record.value {
            slot += 1;
        }
        self.read.slots[place as usize] = slot;
        self.may_see(op, look, slot);
        if let Some(before) = cursor {
            if record.offset > before.last {
                self.step(look, before, first_slot, record.offset);
            } else {
                self.went_back(look, before, record.offset);
            }
        }
        let mut next_slot = slot + 1;
        while self.is_at(look.log, next_slot, record.offset) {
            next_slot += 1;
        }
        Cursor { last: record.offset, next_slot, op: look.id, is_read: true }
    }

    fn is_at(&self, log: usize, slot: u32, offset: i64) -> bool {
        slot < self.index.logs[log].end && self.index.slots[slot as usize].offset == offset
    }

    /// The first slot of an offset, or behind it.
    fn slot_at(&self, log: usize, offset: i64) -> u32 {
        let log = &self.index.logs[log];
        let slots = &self.index.slots[log.first as usize..log.end as usize];
        log.first + slots.partition_point(|slot| slot.offset < offset) as u32
    }

    /// A consumer goes from where it was to `offset`, whose slot is `end`.
    fn step(&mut self, look: Look, before: Cursor, end: u32, offset: i64) {
        let log = self.index.logs[look.log];
        if end <= before.next_slot || !log.keeps_all {
            return;
        }
        let first = if log.low > before.last {
            self.slot_at(look.log, log.low).max(before.next_slot)
        } else {
            before.next_slot
        };
        let skipped = self.visible(look.isolation, first, end);
        if skipped == 0 {
            return;
        }
        self.read.passed.push(Passed { first, end, reader: look.id });
        let is_visible = |slot: &&Slot| look.isolation == Isolation::Uncommitted || self.index.is_committed(slot);
        let Some(missed) = self.index.slots[first as usize..end as usize].iter().find(is_visible) else { return };
        let is_internal = before.is_read && self.is_one(before.op, look.id);
        self.verdict.add(Anomaly::PollSkip {
            partition: log.partition,
            before: (before.last, OpId(before.op)),
            after: (offset, OpId(look.id)),
            skipped,
            first: (missed.offset, missed.value, OpId(missed.witness())),
            is_internal,
        });
    }

    fn visible(&self, isolation: Isolation, first: u32, end: u32) -> u32 {
        match isolation {
            _ if end <= first => 0,
            Isolation::Uncommitted => end - first,
            Isolation::Committed => {
                self.index.committed_before[end as usize] - self.index.committed_before[first as usize]
            }
        }
    }

    fn went_back(&mut self, look: Look, before: Cursor, offset: i64) {
        self.verdict.add(Anomaly::NonmonotonicPoll {
            partition: self.index.logs[look.log].partition,
            before: (before.last, OpId(before.op)),
            after: (offset, OpId(look.id)),
            is_internal: self.is_one(before.op, look.id),
        });
    }

    /// Whether two polls are one, or of one transaction.
    fn is_one(&self, one: u32, other: u32) -> bool {
        let transaction = |id: u32| match self.index.history.op(id).body {
            Body::Poll { transaction, .. } => transaction,
            _ => NONE,
        };
        one == other || transaction(one) != NONE && transaction(one) == transaction(other)
    }

    /// Whether a consumer may have got what is in a slot.
    fn may_see(&mut self, op: &Op, look: Look, at: u32) {
        let slot = self.index.slots[at as usize];
        let partition = self.index.logs[look.log].partition;
        let (offset, value, reader) = (slot.offset, slot.value, OpId(look.id));
        let Some(sent) = self.index.values.get(slot.value_id).copied() else {
            if self.is_first(at, UNSENT) {
                self.verdict.add(Anomaly::UnsentRead { partition, offset, value, reader });
            }
            return;
        };
        let sender = OpId(sent.op);
        // What was decided before a restart that forgives may have been forgotten.
        let eras = &self.index.eras;
        let is_of_era = eras.at(self.index.history.op(sent.op).begun) == eras.at(op.begun);
        let wants_committed = look.isolation == Isolation::Committed && is_of_era;
        if !sent.is_possible() || wants_committed && !sent.may_be_committed() {
            if self.is_first(at, ABORTED) {
                let transaction = self.transaction_of(&sent);
                self.verdict.add(Anomaly::AbortedRead { partition, offset, value, sender, transaction, reader });
            }
            return;
        }
        if wants_committed
            && sent.transaction != NONE
            && !sent.is_sent_again()
            && op.ended < self.index.fates[sent.transaction as usize].commit_begun
            && self.is_first(at, PRECOMMITTED)
        {
            let commit = OpId(self.index.fates[sent.transaction as usize].commit_op);
            self.verdict.add(Anomaly::PrecommittedRead { partition, offset, value, sender, commit, reader });
        }
    }

    fn transaction_of(&self, sent: &Sent) -> Option<crate::history::TransactionId> {
        (sent.is_possible() && sent.transaction != NONE).then_some(crate::history::TransactionId(sent.transaction))
    }

    fn is_first(&mut self, slot: u32, what: u8) -> bool {
        let told = &mut self.told[slot as usize];
        let is_first = *told & what == 0;
        *told |= what;
        is_first
    }
}
