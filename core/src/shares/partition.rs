//! A partition as one share group sees it: the records in flight, between where the group begins and what was fetched last.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use thiserror::Error;

use super::batch::{Batch, before, count};
use super::record::{MemberId, Record, RecordState};
use crate::planted::Bugs;
use crate::time::Monotonic;
use crate::types::Offset;

/// A write of states to the share coordinator; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WriteId(pub u64);

/// What a group's configs say about records in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShareLimits {
    /// `share.delivery.count.limit`: a record that was delivered so often is archived instead of delivered again.
    pub delivery_count: i16,
    /// `share.partition.max.record.locks`: how many records of a partition may be in flight.
    pub record_locks: i64,
    /// `share.record.lock.duration.ms`: how long a record stays with a member.
    pub lock_duration_ms: i64,
    /// `share.renew.acknowledge.enable`: whether a member may ask for more time.
    pub is_renew_enabled: bool,
    /// What is planted, for tests.
    pub bugs: Bugs,
}

/// The state of records in a row, as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateBatch {
    /// The first record.
    pub first: Offset,
    /// The last record.
    pub last: Offset,
    /// Of all of them.
    pub state: RecordState,
    /// How often they were delivered.
    pub delivery_count: i16,
}

/// What is to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateWrite {
    /// Which write: [`SharePartition::written`] is to be told of its end.
    pub id: WriteId,
    /// Where the group begins in the partition.
    pub start: Offset,
    /// How many records from there on are acknowledged or archived.
    pub delivery_complete_count: i32,
    /// The states that changed.
    pub batches: Vec<StateBatch>,
}

/// Why a state that was kept can't be gone by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LoadFault {
    /// Records before the start have no state.
    #[error("a state from offset {start} on expected, found one of offsets {first} to {last}")]
    BeforeStart {
        /// Where the group begins.
        start: Offset,
        /// The first record of the state.
        first: Offset,
        /// Its last.
        last: Offset,
    },
    /// It ends before it begins, or where another one does.
    #[error("states one after the other expected, found one of offsets {first} to {last}")]
    Order {
        /// The first record of the state.
        first: Offset,
        /// Its last.
        last: Offset,
    },
}

/// A partition as one share group sees it.
#[derive(Debug)]
pub struct SharePartition {
    /// Records in flight by their first offset; those before the start are still with somebody.
    pub(super) batches: BTreeMap<Offset, Batch>,
    /// Every record before this one is done with.
    pub(super) start: Offset,
    /// The last record in flight; with none, the next one to fetch.
    pub(super) end: Offset,
    /// Whether records in flight may be available.
    pub(super) looks_back: bool,
    /// When records come back, and of which batch they are.
    pub(super) lock_ends: BTreeSet<(Monotonic, Offset)>,
    /// The records of each write under way.
    pub(super) writes: BTreeMap<WriteId, Vec<(Offset, Offset)>>,
}

impl SharePartition {
    /// One of which nothing is in flight, and that begins at an offset.
    #[must_use]
    pub fn new(start: Offset) -> Self {
        Self {
            batches: BTreeMap::new(),
            start,
            end: start,
            looks_back: false,
            lock_ends: BTreeSet::new(),
            writes: BTreeMap::new(),
        }
    }

    /// One as it was kept. Records between the states were never delivered.
    ///
    /// # Errors
    /// Where the states are not in order, or before the start.
    pub fn loaded(start: Offset, states: &[StateBatch]) -> Result<Self, LoadFault> {
        let mut loaded = Self::new(start);
        let mut next = start;
        for state in states {
            let (first, last) = (state.first, state.last);
            if first < start {
                return Err(LoadFault::BeforeStart { start, first, last });
            }
            if last < first || first < next {
                return Err(LoadFault::Order { first, last });
            }
            if next < first {
                loaded.put(Batch::new(next, before(first), Record::free(RecordState::Available, 0)));
            }
            loaded.put(Batch::new(first, last, Record::free(state.state, state.delivery_count)));
            next = last.next();
        }
        if !loaded.batches.is_empty() {
            loaded.end = before(next);
            loaded.looks_back = true;
            loaded.move_start();
        }
        Ok(loaded)
    }

    /// The last record in flight; with none, the next one to fetch.
    #[must_use]
    pub fn end(&self) -> Offset {
        self.end
    }

    /// From where to fetch next: the first record that was given back, or what comes behind those in flight.
    pub fn next_fetch_offset(&mut self) -> Offset {
        if self.batches.is_empty() || self.start > self.last_in_flight() {
            self.looks_back = false;
            return self.end;
        }
        if self.looks_back {
            let mut runs = self.batches.values().flat_map(Batch::runs);
            if let Some(run) = runs.find(|run| run.record.is_available()) {
                return run.first;
            }
            self.looks_back = false;
        }
        self.end.next()
    }

    /// Whether a fetch may acquire anything.
    pub fn can_acquire(&mut self, limits: &ShareLimits) -> bool {
        self.next_fetch_offset() != self.end.next() || self.in_flight() < limits.record_locks
    }

    /// How many records are in flight, those among them that are done with counted too.
    #[must_use]
    pub fn in_flight(&self) -> i64 {
        if self.batches.is_empty() { 0 } else { count(self.start, self.end) }
    }

    /// How many records from the start on are acknowledged or archived, or about to be.
    #[must_use]
    pub fn delivery_complete_count(&self) -> i32 {
        let runs = self.batches.values().flat_map(Batch::runs).filter(|run| run.record.state.is_final());
        let counts = runs.map(|run| count(run.first.max(self.start), run.last).max(0));
        i32::try_from(counts.sum::<i64>()).unwrap_or(i32::MAX)
    }

    /// When records come back next.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        self.lock_ends.first().map(|(end, _)| *end)
    }

    /// The log begins later than it did: what is gone can't be delivered.
    pub fn log_start_moved(&mut self, log_start: Offset) {
        if log_start <= self.start {
            return;
        }
        if self.batches.is_empty() {
            (self.start, self.end) = (log_start, log_start);
            return;
        }
        self.looks_back |= self.archive(self.start, before(log_start), RecordState::Available);
        self.start = log_start;
        self.end = self.end.max(log_start);
    }

    /// The members of whom records are in flight.
    pub fn holders(&self) -> BTreeSet<MemberId> {
        let runs = self.batches.values().flat_map(Batch::runs);
        runs.filter_map(|run| run.record.member.clone()).collect()
    }

    /// Archives what is in that state between two offsets. Whether anything was.
    pub(super) fn archive(&mut self, first: Offset, last: Offset, from: RecordState) -> bool {
        let mut is_any = false;
        self.cut_unread_before(first);
        self.cut_unread_before(last.next());
        for key in self.keys_between(first, last) {
            let Some(batch) = self.batches.get_mut(&key) else { continue };
            let is_whole = batch.first() >= first && batch.last() <= last;
            match batch.whole_mut() {
                Some(record) if record.state != from => continue,
                Some(record) if is_whole => {
                    record.archive();
                    is_any = true;
                    continue;
                }
                _ => batch.split(),
            }
            for run in batch.runs_between(first, last) {
                if run.record.state == from {
                    run.record.archive();
                    is_any = true;
                }
            }
            batch.join_runs();
        }
        is_any
    }

    /// Makes a stretch that nobody read begin anew at this offset.
    pub(super) fn cut_unread_before(&mut self, offset: Offset) {
        let is_cut = |batch: &&Batch| batch.is_unread() && batch.first() < offset && offset <= batch.last();
        let Some((first, last)) = self.floor(offset).filter(is_cut).map(|batch| (batch.first(), batch.last())) else {
            return;
        };
        self.put(Batch::new(first, before(offset), Record::free(RecordState::Available, 0)));
        self.put(Batch::new(offset, last, Record::free(RecordState::Available, 0)));
    }

    /// The batches that have records between two offsets.
    pub(super) fn keys_between(&self, first: Offset, last: Offset) -> Vec<Offset> {
        if first > last {
            return Vec::new();
        }
        let from = self.floor(first).filter(|batch| batch.last() >= first).map_or(first, Batch::first);
        self.batches.range(from..=last).map(|(key, _)| *key).collect()
    }

    /// The batch with that offset, or the last one before it.
    pub(super) fn floor(&self, offset: Offset) -> Option<&Batch> {
        self.batches.range(..=offset).next_back().map(|(_, batch)| batch)
    }

    /// The last record of all batches.
    pub(super) fn last_in_flight(&self) -> Offset {
        self.batches.last_key_value().map_or(self.end, |(_, batch)| batch.last())
    }

    pub(super) fn put(&mut self, batch: Batch) {
        self.batches.insert(batch.first(), batch);
    }

    pub(super) fn take(&mut self, key: Offset) -> Option<Batch> {
        let batch = self.batches.remove(&key)?;
        for end in &batch.lock_ends {
            self.lock_ends.remove(&(*end, key));
        }
        Some(batch)
    }

    /// Some records of a batch come back then.
    pub(super) fn arm(&mut self, key: Offset, end: Monotonic) {
        if let Some(batch) = self.batches.get_mut(&key)
            && self.lock_ends.insert((end, key))
        {
            batch.lock_ends.push(end);
        }
    }

    /// Lets the partition begin behind what is done with. Whether it does.
    pub(super) fn move_start(&mut self) -> bool {
        if !self.is_start_done() {
            return false;
        }
        let Some(last_done) = self.last_done() else { return false };
        if last_done == self.last_in_flight() {
            let start = last_done.next();
            self.batches.clear();
            self.lock_ends.clear();
            (self.start, self.end) = (start, start);
            return true;
        }
        let done: Vec<_> = self.batches.range(..=last_done).map(|(key, batch)| (*key, batch.last())).collect();
        let mut next = last_done.next();
        for (key, last) in done {
            if last <= last_done {
                self.take(key);
            }
        }
        // Between two batches there may be offsets that are no records.
        if let Some((first, _)) = self.batches.first_key_value() {
            next = next.max(*first);
        }
        self.start = self.start.max(next);
        true
    }

    fn is_start_done(&self) -> bool {
        let Some(batch) = self.floor(self.start) else { return false };
        batch.record(self.start.min(batch.last())).is_some_and(Record::is_done)
    }

    /// The last record before which all are done with.
    fn last_done(&self) -> Option<Offset> {
        let mut last = None;
        for run in self.batches.values().flat_map(Batch::runs) {
            if !run.record.is_done() {
                break;
            }
            last = Some(run.last);
        }
        last
    }
}
