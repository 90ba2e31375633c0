//! Who sent which record, how often it may be there, and whether it can be there at all.

use std::collections::HashMap;

use crate::hash::Fast;
use crate::history::{Body, History, NONE, Op, Status, Value};

use super::fates::Fate;
use super::slots::{Log, Slot};

/// All records that were sent.
#[derive(Debug)]
pub(crate) struct Values {
    ids: HashMap<(u32, Value), u32, Fast>,
    sent: Vec<Sent>,
}

/// What is known of the sends of a record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    /// Where it is among all that were sent.
    pub place: u32,
    /// The first of them.
    pub op: u32,
    /// The transaction of the last.
    pub transaction: u32,
    /// At how many offsets it may be.
    pub allowed: u32,
    flags: u8,
}

const ACKNOWLEDGED: u8 = 1;
const POSSIBLE: u8 = 2;
const COMMITTABLE: u8 = 4;
const AGAIN: u8 = 8;

impl Sent {
    /// Some send of it was acknowledged.
    pub(crate) fn is_acknowledged(&self) -> bool {
        self.flags & ACKNOWLEDGED != 0
    }

    /// Some send of it did not fail.
    pub(crate) fn is_possible(&self) -> bool {
        self.flags & POSSIBLE != 0
    }

    /// Some send of it did not fail, and its transaction may be committed.
    pub(crate) fn may_be_committed(&self) -> bool {
        self.flags & COMMITTABLE != 0
    }

    /// It was sent more than once: nobody knows which of them is there.
    pub(crate) fn is_sent_again(&self) -> bool {
        self.flags & AGAIN != 0
    }
}

impl Values {
    pub(crate) fn new(history: &History, fates: &[Fate]) -> Self {
        let mut values = Self {
            ids: HashMap::with_capacity_and_hasher(history.sent.len(), Fast::default()),
            sent: Vec::with_capacity(history.sent.len()),
        };
        for (id, op) in history.ops.iter().enumerate() {
            if let Body::Send { partition, first, count, .. } = op.body {
                for place in first..first + count {
                    values.note(history, fates, (partition.0, place), id as u32, op);
                }
            }
        }
        values
    }

    fn note(&mut self, history: &History, fates: &[Fate], (partition, place): (u32, u32), id: u32, op: &Op) {
        let Body::Send { transaction, guarantee, .. } = op.body else { return };
        let next = self.sent.len() as u32;
        let value = history.sent[place as usize].value;
        let at = *self.ids.entry((partition, value)).or_insert(next);
        let mut flags = 0;
        if op.status == Status::Ok {
            flags |= ACKNOWLEDGED;
        }
        if op.status != Status::Failed {
            flags |= POSSIBLE;
            if transaction == NONE || fates[transaction as usize].may_be_committed() {
                flags |= COMMITTABLE;
            }
        }
        let allowed = match (op.status, guarantee.is_once()) {
            (Status::Failed, _) => 0,
            (_, true) => 1,
            (_, false) => NONE,
        };
        if at == next {
            self.sent.push(Sent { place, op: id, transaction, allowed, flags });
            return;
        }
        let is_same = is_same_sequence(history, self.sent[at as usize].op, id);
        let sent = &mut self.sent[at as usize];
        let more = if is_same && sent.allowed > 0 { 0 } else { allowed };
        sent.allowed = sent.allowed.saturating_add(more);
        sent.flags |= flags | AGAIN;
        sent.transaction = transaction;
    }

    pub(crate) fn get(&self, id: u32) -> Option<&Sent> {
        self.sent.get(id as usize)
    }

    pub(crate) fn len(&self) -> usize {
        self.sent.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Sent> {
        self.sent.iter()
    }

    pub(crate) fn id(&self, partition: u32, value: Value) -> Option<u32> {
        self.ids.get(&(partition, value)).copied()
    }

    /// Tells slots whose records they have, and transactions that they were seen.
    pub(super) fn join(&self, slots: &mut [Slot], logs: &[Log], fates: &mut [Fate]) {
        for log in logs {
            for slot in &mut slots[log.first as usize..log.end as usize] {
                slot.value_id = self.id(log.partition.0, slot.value).unwrap_or(NONE);
                let Some(sent) = self.get(slot.value_id) else { continue };
                if slot.is_read_committed() && sent.transaction != NONE {
                    fates[sent.transaction as usize].is_seen = true;
                }
            }
        }
    }
}

fn is_same_sequence(history: &History, first: u32, second: u32) -> bool {
    let sequence = |id: u32| match history.op(id).body {
        Body::Send { guarantee, .. } => guarantee.sequence().map(|at| history.sequences[at]),
        _ => None,
    };
    sequence(first).is_some_and(|sequence_of_first| sequence(second) == Some(sequence_of_first))
}
