//! What the history says about each log and each record: which offset has which record, who sent it, and what became of the
//! transaction.
//!
//! What does not belong here: what must be so (`checks`).

mod eras;
mod fates;
mod slots;
mod values;

pub(crate) use eras::Eras;
pub(crate) use fates::Fate;
pub(crate) use slots::{Log, Slot};
pub(crate) use values::{Sent, Values};

use crate::history::{History, NONE};

/// All of it.
pub(crate) struct Index<'h> {
    pub history: &'h History,
    pub eras: Eras,
    /// By [`Eras::log`].
    pub logs: Vec<Log>,
    /// Of all logs, each in the order of offsets.
    pub slots: Vec<Slot>,
    /// How many of the slots before it consumers of committed records see.
    pub committed_before: Vec<u32>,
    pub values: Values,
    /// By transaction.
    pub fates: Vec<Fate>,
}

impl<'h> Index<'h> {
    pub(crate) fn new(history: &'h History) -> Self {
        let eras = Eras::new(history);
        let mut fates = fates::of(history);
        let values = Values::new(history, &fates);
        let (logs, mut slots) = slots::of(history, &eras);
        values.join(&mut slots, &logs, &mut fates);
        let mut index = Self { history, eras, logs, slots, committed_before: Vec::new(), values, fates };
        index.count_committed();
        index
    }

    fn count_committed(&mut self) {
        let mut count = 0;
        let mut counts = Vec::with_capacity(self.slots.len() + 1);
        counts.push(0);
        for slot in &self.slots {
            count += u32::from(self.is_committed(slot));
            counts.push(count);
        }
        self.committed_before = counts;
    }

    /// Whether consumers of committed records must see what is there.
    pub(crate) fn is_committed(&self, slot: &Slot) -> bool {
        let Some(sent) = self.values.get(slot.value_id) else { return false };
        self.is_certain(sent) || slot.is_read_committed() && sent.may_be_committed()
    }

    /// Whether a record was acknowledged, and its transaction, if any, is committed.
    pub(crate) fn is_certain(&self, sent: &Sent) -> bool {
        sent.is_acknowledged() && (sent.transaction == NONE || self.fates[sent.transaction as usize].is_committed())
    }
}
