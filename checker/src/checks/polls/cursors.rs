//! Where each consumer is in each log.

use std::collections::HashMap;

use crate::hash::Fast;
use crate::history::ProcessId;

/// Where a consumer is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor {
    /// The last offset that is behind it.
    pub last: i64,
    /// The first slot that is before it.
    pub next_slot: u32,
    /// What brought it there.
    pub op: u32,
    /// It has read that last offset.
    pub is_read: bool,
}

/// All of them. A consumer that forgets them all begins a new stretch, and those of stretches before don't count.
#[derive(Debug, Default)]
pub(super) struct Cursors {
    cursors: HashMap<(u32, u32), (u32, Cursor), Fast>,
    /// By process.
    stretches: Vec<u32>,
}

impl Cursors {
    pub(super) fn get(&self, process: ProcessId, log: u32) -> Option<Cursor> {
        let (stretch, cursor) = self.cursors.get(&(process.0, log))?;
        (*stretch == self.stretch(process)).then_some(*cursor)
    }

    pub(super) fn set(&mut self, process: ProcessId, log: u32, cursor: Cursor) {
        let stretch = self.stretch(process);
        self.cursors.insert((process.0, log), (stretch, cursor));
    }

    pub(super) fn forget(&mut self, process: ProcessId, log: u32) {
        self.cursors.remove(&(process.0, log));
    }

    pub(super) fn forget_all(&mut self, process: ProcessId) {
        let at = process.0 as usize;
        if self.stretches.len() <= at {
            self.stretches.resize(at + 1, 0);
        }
        self.stretches[at] += 1;
    }

    /// Forgets all but these.
    pub(super) fn keep(&mut self, process: ProcessId, logs: &[u32]) {
        let kept: Vec<(u32, Cursor)> = logs.iter().filter_map(|log| Some((*log, self.get(process, *log)?))).collect();
        self.forget_all(process);
        kept.into_iter().for_each(|(log, cursor)| self.set(process, log, cursor));
    }

    fn stretch(&self, process: ProcessId) -> u32 {
        self.stretches.get(process.0 as usize).copied().unwrap_or_default()
    }
}
