//! Logs, transactions, a group: each request takes effect at one moment.

use std::collections::BTreeMap;

use super::rng::Rng;
use crate::history::{End, Isolation, Marks, Record};

/// What a send asks for.
#[derive(Clone, Debug)]
pub(super) struct Append {
    pub partition: usize,
    pub values: Vec<u64>,
    /// Producer and sequence number: it is appended once.
    pub sequence: Option<(u64, i32)>,
    pub transaction: Option<u64>,
}

/// Of a log, what is at an offset.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Markers have none.
    value: Option<u64>,
    transaction: Option<u64>,
}

#[derive(Clone, Debug, Default)]
struct Log {
    entries: Vec<Entry>,
    /// Where each batch ends.
    batch_ends: Vec<usize>,
    start: usize,
    /// Where each batch is that must not come twice.
    appended: BTreeMap<(u64, i32), i64>,
    /// Of each transaction under way, the first offset.
    open: BTreeMap<u64, usize>,
}

impl Log {
    fn push(&mut self, batch: impl IntoIterator<Item = Entry>) {
        self.entries.extend(batch);
        self.batch_ends.push(self.entries.len());
    }

    /// Takes what is behind `end` away, but no part of a batch.
    fn truncate(&mut self, end: usize) {
        let whole = self.batch_ends.partition_point(|batch_end| *batch_end < end);
        let end = if end == 0 { 0 } else { self.batch_ends.get(whole).copied().unwrap_or(end) };
        self.entries.truncate(end);
        self.batch_ends.retain(|batch_end| *batch_end <= end);
        self.appended.retain(|_, offset| (*offset as usize) < end);
    }
}

/// What a poll gives.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub from: i64,
    pub next: i64,
    pub records: Vec<Record>,
    pub marks: Marks,
}

/// The broker.
pub(super) struct Broker {
    logs: Vec<Log>,
    ends: BTreeMap<u64, End>,
    /// Offsets that transactions under way will commit.
    pending: BTreeMap<u64, Vec<(usize, i64, u64)>>,
    /// By partition: the offset, and which commit it was.
    committed: BTreeMap<usize, (i64, u64)>,
    commits: u64,
    late: Vec<Append>,
    /// Of the group: its generation, and who owns what.
    pub generation: i32,
    pub owners: Vec<u32>,
}

/// Late requests that wait.
const LATE_MAX: usize = 8;

impl Broker {
    pub(super) fn new(partitions: usize) -> Self {
        Self {
            logs: vec![Log::default(); partitions],
            ends: BTreeMap::new(),
            pending: BTreeMap::new(),
            committed: BTreeMap::new(),
            commits: 0,
            late: Vec::new(),
            generation: 0,
            owners: vec![u32::MAX; partitions],
        }
    }

    /// Where it is; `None` if it can't be appended any more.
    pub(super) fn append(&mut self, append: &Append) -> Option<i64> {
        if append.transaction.is_some_and(|transaction| self.ends.contains_key(&transaction)) {
            return None;
        }
        let log = &mut self.logs[append.partition];
        if let Some(known) = append.sequence.and_then(|sequence| log.appended.get(&sequence)) {
            return Some(*known);
        }
        let offset = log.entries.len();
        let transaction = append.transaction;
        log.push(append.values.iter().map(|value| Entry { value: Some(*value), transaction }));
        if let Some(transaction) = transaction {
            log.open.entry(transaction).or_insert(offset);
        }
        if let Some(sequence) = append.sequence {
            log.appended.insert(sequence, offset as i64);
        }
        Some(offset as i64)
    }

    /// A request is still under way when its client has given up.
    pub(super) fn is_late(&mut self, append: Append) {
        if self.late.len() < LATE_MAX {
            self.late.push(append);
        }
    }

    /// One of them arrives.
    pub(super) fn late_request(&mut self, rng: &mut Rng) {
        if self.late.is_empty() {
            return;
        }
        let at = rng.below(self.late.len() as u64) as usize;
        let append = self.late.swap_remove(at);
        self.append(&append);
    }

    /// Ends a transaction as wanted, or as it was ended before; whether that is as wanted.
    pub(super) fn end(&mut self, transaction: u64, end: End) -> bool {
        if let Some(ended) = self.ends.get(&transaction) {
            return *ended == end;
        }
        self.ends.insert(transaction, end);
        for log in &mut self.logs {
            if log.open.remove(&transaction).is_some() {
                log.push([Entry { value: None, transaction: None }]);
            }
        }
        for (partition, offset, commit) in self.pending.remove(&transaction).unwrap_or_default() {
            if end == End::Commit {
                self.commit_as(partition, offset, commit);
            }
        }
        true
    }

    pub(super) fn is_ended(&self, transaction: u64) -> bool {
        self.ends.contains_key(&transaction)
    }

    pub(super) fn commit(&mut self, partition: usize, offset: i64) {
        self.commits += 1;
        self.commit_as(partition, offset, self.commits);
    }

    pub(super) fn commit_later(&mut self, transaction: u64, partition: usize, offset: i64) {
        self.commits += 1;
        self.pending.entry(transaction).or_default().push((partition, offset, self.commits));
    }

    fn commit_as(&mut self, partition: usize, offset: i64, commit: u64) {
        let known = self.committed.entry(partition).or_insert((offset, commit));
        if commit > known.1 {
            *known = (offset, commit);
        }
    }

    pub(super) fn committed(&self, partition: usize) -> Option<i64> {
        self.committed.get(&partition).map(|committed| committed.0)
    }

    pub(super) fn read(&self, partition: usize, position: i64, isolation: Isolation, most: u64) -> Found {
        let log = &self.logs[partition];
        let from = position.max(log.start as i64);
        let end = if isolation == Isolation::Committed { self.stable(partition) } else { self.end_of(partition) };
        let marks = Marks {
            log_start: Some(log.start as i64),
            high_watermark: Some(self.end_of(partition)),
            last_stable_offset: Some(self.stable(partition)),
        };
        let mut found = Found { from, next: from, records: Vec::new(), marks };
        while found.next < end && (found.records.len() as u64) < most {
            let entry = log.entries[found.next as usize];
            let is_aborted = entry.transaction.is_some_and(|it| self.ends.get(&it) == Some(&End::Abort));
            if let Some(value) = entry.value.filter(|_| isolation == Isolation::Uncommitted || !is_aborted) {
                found.records.push(Record { offset: found.next, value });
            }
            found.next += 1;
        }
        found
    }

    pub(super) fn delete(&mut self, partition: usize, before: i64) -> i64 {
        let end = self.stable(partition);
        let log = &mut self.logs[partition];
        log.start = log.start.max(before.min(end) as usize);
        log.start as i64
    }

    pub(super) fn start(&self, partition: usize) -> i64 {
        self.logs[partition].start as i64
    }

    pub(super) fn end_of(&self, partition: usize) -> i64 {
        self.logs[partition].entries.len() as i64
    }

    pub(super) fn stable(&self, partition: usize) -> i64 {
        let first_open = self.logs[partition].open.values().min().copied();
        first_open.unwrap_or(self.logs[partition].entries.len()) as i64
    }

    /// All that is in the files.
    pub(super) fn files(&self, partition: usize) -> Vec<Record> {
        let log = &self.logs[partition];
        let entries = log.entries.iter().enumerate().skip(log.start);
        entries.filter_map(|(offset, entry)| Some(Record { offset: offset as i64, value: entry.value? })).collect()
    }

    /// The power fails: logs lose their ends, the group what it committed, and transactions under way are aborted.
    pub(super) fn forget(&mut self, rng: &mut Rng) {
        for log in &mut self.logs {
            let kept = log.start + rng.below((log.entries.len() - log.start) as u64 + 1) as usize;
            log.truncate(kept);
            for transaction in std::mem::take(&mut log.open).into_keys() {
                self.ends.insert(transaction, End::Abort);
            }
        }
        self.pending.clear();
        if rng.below(2) == 0 {
            self.committed.clear();
        }
    }
}
