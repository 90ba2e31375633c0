//! Records that go to a member: those that were given back, and new ones from the log.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::batch::{Batch, before, count};
use super::partition::{ShareLimits, SharePartition};
use super::record::{MemberId, Record, RecordState};
use crate::planted::Bug;
use crate::time::Monotonic;
use crate::types::{Offset, ProducerId};

/// What a fetch wants to acquire.
#[derive(Clone, Debug)]
pub struct Acquire<'a> {
    /// For whom.
    pub member: &'a MemberId,
    /// From where the log was read.
    pub fetch_offset: Offset,
    /// How many records; the last batch may exceed it, unless it is strict.
    pub max_records: i64,
    /// `share_acquire_mode` 1 (KIP-1206): never more than `max_records`.
    pub is_strict: bool,
    /// New records are acquired, and come back, in pieces of about so many.
    pub batch_size: i64,
    /// Of the group.
    pub limits: &'a ShareLimits,
}

/// Records that a member has now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acquired {
    /// The first record.
    pub first: Offset,
    /// The last record.
    pub last: Offset,
    /// How often they were delivered, this time included.
    pub delivery_count: i16,
}

/// A batch of the log that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogBatch {
    /// Its first offset.
    pub first: Offset,
    /// Its last offset.
    pub last: Offset,
    /// Whose it is, where it is of a transaction or a marker.
    pub transaction: Option<ProducerId>,
    /// Whether it is a marker.
    pub is_control: bool,
    /// Where it begins, in what was read.
    pub position: u64,
    /// Its size.
    pub size_bytes: u64,
}

/// A transaction that was aborted: its records are not for a group that reads committed ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aborted {
    /// Whose.
    pub producer_id: ProducerId,
    /// Where it began in the partition.
    pub first: Offset,
}

/// What a fetch has so far.
struct Taking<'a> {
    of: &'a Acquire<'a>,
    log: &'a [LogBatch],
    lock_until: Monotonic,
    /// Where what was read begins.
    base: Offset,
    /// Nothing behind this is taken.
    last: Offset,
    /// How many records may be taken.
    max: i64,
    taken: i64,
    acquired: Vec<Acquired>,
}

/// As long as a broker lives, and longer.
const ENDLESS_MS: i64 = 1 << 40;

/// From this number of deliveries on, fewer and fewer records are delivered together: one of them may be what makes members
/// fail.
fn throttled_from(limits: &ShareLimits) -> i16 {
    (limits.delivery_count / 2 + limits.delivery_count % 2).max(2)
}

impl SharePartition {
    /// Gives a member what is available of the batches that were read, in the log's order. `aborted` are the transactions to
    /// leave out.
    pub fn acquire(
        &mut self,
        now: Monotonic,
        of: &Acquire<'_>,
        log: &[LogBatch],
        aborted: &[Aborted],
    ) -> Vec<Acquired> {
        let (Some(first), Some(last)) = (log.first(), log.last()) else { return Vec::new() };
        if of.max_records <= 0 || last.last < self.start {
            return Vec::new();
        }
        self.archive_missing(of.fetch_offset, first.first);
        let Some((last, max)) = self.bounds(of, last.last) else { return Vec::new() };
        let is_endless = of.limits.bugs.has(Bug::LockNeverEnds);
        let lock_until = now.plus_ms(if is_endless { ENDLESS_MS } else { of.limits.lock_duration_ms });
        let mut taking = Taking { of, log, lock_until, base: first.first, last, max, taken: 0, acquired: Vec::new() };
        // At the limit, what was read may begin behind all that is in flight.
        if taking.base > taking.last {
            return Vec::new();
        }
        self.take_all(&mut taking);
        self.leave_out_aborted(taking.acquired, log, aborted)
    }

    /// The last offset that may be taken, and how many records. At the limit of records in flight only those are taken that
    /// are in flight.
    fn bounds(&self, of: &Acquire<'_>, last: Offset) -> Option<(Offset, i64)> {
        let room = of.limits.record_locks - self.in_flight();
        if room > 0 {
            return Some((last, of.max_records.min(room)));
        }
        let last = last.min(self.end);
        (of.fetch_offset <= self.end).then(|| (last, of.max_records.min(count(of.fetch_offset, self.end))))
    }

    /// What was to be read and is not in the log any more can't be delivered. Nobody will say anything of it: where it was the
    /// first in flight, the partition goes on behind it at once, or else it would be in the way for ever.
    fn archive_missing(&mut self, fetch_offset: Offset, base: Offset) {
        if fetch_offset < base && self.archive(fetch_offset, before(base), RecordState::Available) {
            self.looks_back = true;
            self.move_start();
        }
    }

    fn take_all(&mut self, taking: &mut Taking<'_>) {
        let base = match self.floor(taking.base) {
            Some(batch) if batch.last() >= taking.base => batch.first(),
            _ => taking.base.max(self.start),
        };
        let keys: Vec<_> = self.batches.range(taking.base.min(base)..=taking.last).map(|(key, _)| *key).collect();
        let Some(last_key) = keys.last().copied() else {
            let last = taking.last;
            return self.take_new(taking, base, last);
        };
        let behind = self.batches[&last_key].last().next().max(self.start);
        for key in keys {
            if taking.taken >= taking.max || !self.take_known(taking, key) {
                break;
            }
        }
        if taking.taken < taking.max && behind <= taking.last {
            let last = taking.last;
            self.take_new(taking, behind, last);
        }
    }

    /// Takes what is available of a batch in flight. Whether the fetch may go on.
    fn take_known(&mut self, taking: &mut Taking<'_>, key: Offset) -> bool {
        let Some(batch) = self.batches.get_mut(&key) else { return true };
        if batch.is_unread() {
            self.take_unread(taking, key);
            return true;
        }
        let (limits, left) = (taking.of.limits, taking.max - taking.taken);
        let is_all = batch.first() >= taking.base && batch.last() <= taking.last;
        let is_too_long = taking.of.is_strict && batch.len() > left;
        let is_throttled = deliveries(batch, taking.base, taking.last) >= throttled_from(limits);
        if is_throttled && taking.taken > 0 {
            // It goes alone.
            taking.max = 0;
            return false;
        }
        let is_whole = !batch.is_split();
        if is_whole && !batch.whole().is_some_and(Record::is_available) {
            return true;
        }
        let lock_until = taking.lock_until;
        if is_all && is_whole && !is_too_long && !is_throttled {
            let (first, last, length) = (batch.first(), batch.last(), batch.len());
            if let Some(record) = batch.whole_mut() {
                record.acquire(taking.of.member, lock_until);
                if limits.bugs.has(Bug::DeliveryNotCounted) {
                    record.delivery_count = 1;
                }
                taking.acquired.push(Acquired { first, last, delivery_count: record.delivery_count });
                taking.taken += length;
            }
        } else {
            batch.split();
            let taken = take_part(taking, batch, left);
            taking.taken += taken;
            if taken == 0 {
                return true;
            }
            if is_throttled {
                taking.max = 0;
            }
        }
        self.arm(key, lock_until);
        taking.max > 0
    }

    /// Takes records between two states that were kept: they are new, though others behind them are not.
    fn take_unread(&mut self, taking: &mut Taking<'_>, key: Offset) {
        self.cut_unread_before(taking.base);
        let key = key.max(taking.base);
        let Some(unread) = self.take(key) else { return };
        let (first, end) = (unread.first(), unread.last());
        let last_taken = self.take_between(taking, first, end.min(taking.last), end);
        if last_taken < end {
            self.put(Batch::new(last_taken.next(), end, Record::free(RecordState::Available, 0)));
            self.looks_back = true;
        }
    }

    /// Takes records behind all that are in flight.
    fn take_new(&mut self, taking: &mut Taking<'_>, first: Offset, last: Offset) {
        let is_empty = self.batches.is_empty();
        let first = if is_empty { first.max(self.end) } else { first };
        if first > last {
            return;
        }
        let last_taken = self.take_between(taking, first, last, Offset(i64::MAX));
        if is_empty {
            self.start = first;
        }
        self.end = self.end.max(last_taken);
    }

    /// Takes records that nobody ever had, whole batches of the log if it may. The last of them, not beyond `end`.
    fn take_between(&mut self, taking: &mut Taking<'_>, first: Offset, last: Offset, end: Offset) -> Offset {
        let left = taking.max - taking.taken;
        let mut last = last;
        if left < count(first, last) {
            last = batch_end(taking.log, Offset(first.0 + left - 1)).min(end);
        }
        let (member, lock_until) = (taking.of.member, taking.lock_until);
        if taking.of.is_strict && count(first, last) > left {
            let limit = Offset(first.0 + left - 1);
            let mut batch = Batch::new(first, last, Record::acquired(member, lock_until));
            batch.split();
            for run in batch.runs_between(limit.next(), last) {
                run.record = Record::free(RecordState::Available, 0);
            }
            self.put(batch);
            self.arm(first, lock_until);
            self.looks_back = true;
            taking.acquired.push(Acquired { first, last: limit, delivery_count: 1 });
            taking.taken += left;
            return last;
        }
        for (first, last) in pieces(taking, first, last) {
            self.put(Batch::new(first, last, Record::acquired(member, lock_until)));
            self.arm(first, lock_until);
            taking.acquired.push(Acquired { first, last, delivery_count: 1 });
        }
        taking.taken += count(first, last);
        last
    }

    /// Takes the records of aborted transactions out again: they are done with.
    fn leave_out_aborted(&mut self, acquired: Vec<Acquired>, log: &[LogBatch], aborted: &[Aborted]) -> Vec<Acquired> {
        let mut left = acquired;
        for (first, last) in aborted_batches(log, aborted) {
            self.archive(first, last, RecordState::Acquired);
            let mut kept = Vec::with_capacity(left.len());
            for acquired in left {
                if acquired.first < first {
                    kept.push(Acquired { last: acquired.last.min(before(first)), ..acquired });
                }
                if acquired.last > last {
                    kept.push(Acquired { first: acquired.first.max(last.next()), ..acquired });
                }
            }
            left = kept;
        }
        left
    }
}

/// The most deliveries that an available record of the batch has behind it, among those that were read.
fn deliveries(batch: &Batch, first: Offset, last: Offset) -> i16 {
    let is_read = |first_of: Offset, last_of: Offset| batch.whole().is_some() || first_of <= last && last_of >= first;
    let runs = batch.runs().iter().filter(|run| run.record.is_available() && is_read(run.first, run.last));
    runs.map(|run| run.record.delivery_count).max().unwrap_or(0)
}

/// Takes available records of a batch whose records go their own ways. How many.
fn take_part(taking: &mut Taking<'_>, batch: &mut Batch, left: i64) -> i64 {
    let limits = taking.of.limits;
    let is_limited = limits.delivery_count > 2;
    let length = batch.len();
    let (mut taken, mut throttle) = (0, None);
    let mut acquired: Vec<Acquired> = Vec::new();
    let (mut next, last) = (taking.base.max(batch.first()), taking.last.min(batch.last()));
    while next <= last {
        let Some(run) = batch.runs_between(next, last).first() else { break };
        let (first, end, deliveries) = (run.first, run.last, run.record.delivery_count);
        next = end.next();
        if !run.record.is_available() {
            continue;
        }
        let is_last_try = is_limited && deliveries == limits.delivery_count - 1;
        if is_last_try && taken > 0 {
            break;
        }
        if deliveries >= throttled_from(limits) && throttle.is_none() {
            let halvings = u32::try_from(deliveries - throttled_from(limits) + 1).unwrap_or(0);
            throttle = Some(length.checked_shr(halvings).unwrap_or(0).max(1));
        }
        // Once more than that is taken, the limit is behind.
        let throttled = throttle.map(|limit| limit - taken).filter(|more| *more > 0);
        let strict = taking.of.is_strict.then_some(left - taken);
        let alone = is_last_try.then_some(1);
        let most = [throttled, strict, alone].into_iter().flatten().min();
        let taken_here = most.unwrap_or(i64::MAX).min(count(first, end));
        let end = Offset(first.0 + taken_here - 1);
        for run in batch.runs_between(first, end) {
            run.record.acquire(taking.of.member, taking.lock_until);
        }
        taken += taken_here;
        match acquired.last_mut() {
            Some(before) if before.last.next() == first && before.delivery_count == deliveries + 1 => before.last = end,
            _ => acquired.push(Acquired { first, last: end, delivery_count: deliveries.saturating_add(1) }),
        }
        if most == Some(taken_here) {
            break;
        }
    }
    batch.join_runs();
    taking.acquired.extend(acquired);
    taken
}

/// The end of the log's batch that holds an offset; the offset itself where none does.
fn batch_end(log: &[LogBatch], offset: Offset) -> Offset {
    let holder = log.iter().take_while(|batch| batch.first <= offset).last();
    holder.map_or(offset, |batch| batch.last.max(offset))
}

/// New records in pieces of about `batch_size`, which begin where batches of the log do.
fn pieces(taking: &Taking<'_>, first: Offset, last: Offset) -> Vec<(Offset, Offset)> {
    let (mut pieces, mut begin) = (Vec::new(), first);
    let batch_size = taking.of.batch_size;
    if !taking.of.is_strict && count(first, last) > batch_size {
        for batch in taking.log.iter().take_while(|batch| batch.first <= last) {
            if batch.first > begin && batch.first.0 - begin.0 >= batch_size {
                pieces.push((begin, before(batch.first)));
                begin = batch.first;
            }
        }
    }
    pieces.push((begin, last));
    pieces
}

/// The batches of aborted transactions.
fn aborted_batches(log: &[LogBatch], aborted: &[Aborted]) -> Vec<(Offset, Offset)> {
    let mut begins: Vec<_> = aborted.to_vec();
    begins.sort_by_key(|transaction| transaction.first);
    let (mut begins, mut open) = (begins.into_iter().peekable(), BTreeSet::new());
    let mut batches = Vec::new();
    for batch in log {
        let Some(producer_id) = batch.transaction else { continue };
        while let Some(transaction) = begins.next_if(|transaction| transaction.first <= batch.last) {
            open.insert(transaction.producer_id);
        }
        if batch.is_control {
            // Its next marker is the one that says so.
            open.remove(&producer_id);
        } else if open.contains(&producer_id) {
            batches.push((batch.first, batch.last));
        }
    }
    batches
}
