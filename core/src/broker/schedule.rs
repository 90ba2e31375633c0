//! Which logs have something due in the next round, and which later.

use alloc::collections::{BTreeMap, BTreeSet};

use crate::log::Due;
use crate::time::WallClock;
use crate::types::PartitionId;
use crate::wire::Uuid;

/// What every partition comes after.
const FIRST: PartitionId = PartitionId { topic_id: Uuid::ZERO, index: i32::MIN };

/// When each log has something to be done. The times are on the wall clock, which may jump.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    due_of: BTreeMap<PartitionId, Due>,
    at_once: BTreeSet<PartitionId>,
    by_time: BTreeSet<(WallClock, PartitionId)>,
}

impl Schedule {
    /// Takes note of when a log's time is, whatever it was before.
    pub(super) fn arm(&mut self, id: PartitionId, due: Due) {
        self.forget(id);
        match due {
            Due::Never => return,
            Due::At(time) => drop(self.by_time.insert((time, id))),
            Due::Now => drop(self.at_once.insert(id)),
        }
        self.due_of.insert(id, due);
    }

    /// A log is gone, or has nothing more to be done.
    pub(super) fn forget(&mut self, id: PartitionId) {
        match self.due_of.remove(&id) {
            Some(Due::At(time)) => drop(self.by_time.remove(&(time, id))),
            Some(Due::Now) => drop(self.at_once.remove(&id)),
            Some(Due::Never) | None => {}
        }
    }

    /// Adds the logs whose time has come to `round`. Each says anew when its next time is.
    pub(super) fn take(&mut self, now: WallClock, round: &mut BTreeSet<PartitionId>) {
        let later = self.by_time.split_off(&(WallClock(now.0.saturating_add(1)), FIRST));
        let by_time = core::mem::replace(&mut self.by_time, later);
        let at_once = core::mem::take(&mut self.at_once);
        for id in by_time.into_iter().map(|(_, id)| id).chain(at_once) {
            self.due_of.remove(&id);
            round.insert(id);
        }
    }

    /// When something is due first.
    pub(super) fn first(&self) -> Due {
        match self.by_time.first() {
            _ if !self.at_once.is_empty() => Due::Now,
            Some((time, _)) => Due::At(*time),
            None => Due::Never,
        }
    }
}
