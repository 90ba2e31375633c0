//! What is known of one partition: which record is at which offset, how far the log went, and what only this broker promises
//! of it. That records are there as they were sent and acknowledged is for the checker to say, which is told the same.
//!
//! After a power loss that may have taken acknowledged records a new timeline begins: what was known before is then
//! only held against the rule that a log loses a tail, and nothing before it.
//!
//! What is before the log's start is deleted: it is not promised any more, and must not come back. That start never goes
//! back, whatever happens.
//!
//! Of a compacted log records may go from within. One that was seen to be gone must not come back, its offset stays empty,
//! and a later record must have its key, unless it is a tombstone that is old enough.

use std::collections::BTreeMap;

use super::{CompactionLimits, Limits, Moment, View};
use crate::records::{Batch, Identity, RecordId};
use crate::violation::{Check, Violation};

/// What is known of one partition.
#[derive(Clone, Debug)]
pub struct Ledger {
    sends: BTreeMap<RecordId, Sends>,
    facts: BTreeMap<i64, Fact>,
    batches: BTreeMap<i64, Owned>,
    /// Of batches as read, by their first offsets.
    sizes: BTreeMap<i64, u64>,
    /// Nothing is before this offset.
    start: i64,
    /// Everything before this offset was asked to be deleted.
    deleted_to: i64,
    /// Requests to delete everything that were not answered.
    open_deletions: usize,
    /// Offsets that have no record any more, and when that was seen.
    gone: BTreeMap<i64, Moment>,
    /// The highest end seen in this life, or implied by what is known from earlier ones.
    end: i64,
    past: Past,
}

/// What is known of a record's sends.
#[derive(Clone, Debug, Default)]
struct Sends {
    in_this_timeline: bool,
    timestamp_ms: i64,
}

#[derive(Clone, Copy, Debug)]
struct Fact {
    record: RecordId,
}

/// A batch of an idempotent producer, as read.
#[derive(Clone, Copy, Debug)]
struct Owned {
    identity: Identity,
    base_sequence: i32,
    count: i32,
}

/// What was known in earlier timelines.
#[derive(Clone, Debug)]
struct Past {
    facts: BTreeMap<i64, Fact>,
    /// Everything before this offset is still there.
    kept_to: i64,
    /// From this offset on nothing is.
    lost_from: i64,
    is_whole: bool,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            sends: BTreeMap::new(),
            facts: BTreeMap::new(),
            batches: BTreeMap::new(),
            sizes: BTreeMap::new(),
            start: 0,
            deleted_to: 0,
            open_deletions: 0,
            gone: BTreeMap::new(),
            end: 0,
            past: Past { facts: BTreeMap::new(), kept_to: 0, lost_from: i64::MAX, is_whole: true },
        }
    }
}

impl Ledger {
    /// Offsets of which the records are known.
    pub fn offsets(&self) -> impl Iterator<Item = i64> {
        self.facts.keys().copied()
    }

    /// A batch is about to be sent.
    pub fn sent(&mut self, records: &[RecordId], timestamp_ms: i64) {
        for record in records {
            let sends = self.sends.entry(*record).or_default();
            sends.in_this_timeline = true;
            sends.timestamp_ms = timestamp_ms;
        }
    }

    /// A batch was acknowledged. Says whether its first record was known to be there.
    ///
    /// # Errors
    /// Something behind it is known to be lost.
    pub fn acknowledged(&mut self, base_offset: i64, records: &[RecordId]) -> Result<bool, Violation> {
        let was_known = self.facts.contains_key(&base_offset);
        for (offset, record) in (base_offset..).zip(records) {
            self.learn(offset, *record)?;
        }
        Ok(was_known)
    }

    /// A consumer at `position` read `batches`; its next position.
    ///
    /// # Errors
    /// They have gaps where there can't be any, or can't be what is there.
    pub fn read(
        &mut self,
        position: i64,
        batches: &[Batch],
        is_of_timeline: bool,
        view: &View<'_>,
    ) -> Result<i64, Violation> {
        let mut next = position;
        for (index, batch) in batches.iter().enumerate() {
            let begins_before = index == 0 && batch.base_offset <= next;
            let may_leave_out = view.limits.compaction.is_some() && batch.base_offset > next;
            let follows = begins_before || may_leave_out || batch.base_offset == next;
            let is_whole = view.limits.compaction.is_some() || batch.is_dense();
            if !follows || !is_whole || batch.end_offset <= next {
                let (from, to, count) = (batch.base_offset, batch.end_offset, batch.records.len());
                let text = format!("a consumer at {next} got a batch of offsets {from} to {to} with {count} records");
                return Err(Violation::history(Check::Density, text));
            }
            if is_of_timeline {
                self.learn_batch(batch, view)?;
                self.learn_gaps(next.min(batch.base_offset), batch, view)?;
            }
            next = batch.end_offset;
        }
        Ok(next)
    }

    /// The highest end that is known to have been seen.
    #[must_use]
    pub fn known_end(&self) -> i64 {
        self.end
    }

    /// Somebody saw this end.
    pub fn saw_end(&mut self, end: i64) {
        self.end = self.end.max(end);
    }

    /// Where the log is known to start.
    #[must_use]
    pub fn start(&self) -> i64 {
        self.start
    }

    /// The log starts here, now that the broker's clock says no more than `wall_ms`. How many records went.
    ///
    /// # Errors
    /// Some of those that are gone should be there.
    pub fn saw_start(&mut self, start: i64, wall_ms: i64, limits: &Limits) -> Result<u64, Violation> {
        let before = self.start;
        self.start = self.start.max(start);
        self.end = self.end.max(start);
        let gone: Vec<(i64, Fact)> = self.facts.range(before..self.start).map(|(at, fact)| (*at, *fact)).collect();
        for (offset, fact) in &gone {
            let age_ms = wall_ms.saturating_sub(self.sends[&fact.record].timestamp_ms);
            let is_old = limits.retention_ms.is_some_and(|limit| age_ms > limit as i64);
            // What was too much is told at the end, when all that is left is known.
            if !self.gone.contains_key(offset)
                && !self.is_superseded(*offset, fact.record, limits)
                && !self.was_asked_for(*offset)
                && !is_old
                && limits.retention_bytes.is_none()
            {
                let text = format!("{} at {offset} is gone after {age_ms} ms: {limits:?}", fact.record);
                return Err(Violation::history(Check::Retention, text));
            }
        }
        Ok(gone.len() as u64)
    }

    /// Whether a later record has the key of this one, which may have been compacted away before the log's start moved.
    fn is_superseded(&self, offset: i64, record: RecordId, limits: &Limits) -> bool {
        let Some((keys, key)) = limits.compaction.and_then(|it| Some((it.keys, it.keys.of(record)?))) else {
            return false;
        };
        self.facts.range(offset + 1..).any(|(_, later)| keys.of(later.record) == Some(key))
    }

    /// Records before `offset` are about to be deleted; all that there are, if `None`.
    pub fn deletes(&mut self, offset: Option<i64>) {
        match offset {
            Some(offset) => self.deleted_to = self.deleted_to.max(offset),
            None => self.open_deletions += 1,
        }
    }

    /// A request to delete all records was answered: they went up to `offset`.
    pub fn deleted_all(&mut self, offset: i64) {
        self.open_deletions -= 1;
        self.deleted_to = self.deleted_to.max(offset);
    }

    fn was_asked_for(&self, offset: i64) -> bool {
        offset < self.deleted_to || self.open_deletions > 0
    }

    /// The broker starts again; what is known must still be there.
    pub fn begin_life(&mut self) {
        self.end = self.facts.last_key_value().map_or(0, |(offset, _)| offset + 1).max(self.start);
    }

    /// The broker starts again, perhaps without the end of the log.
    pub fn begin_timeline(&mut self) {
        // What was known of an earlier timeline and not seen in the last one may have been lost and replaced unseen.
        self.past.facts.split_off(&self.past.kept_to);
        self.past.facts.append(&mut self.facts);
        self.past =
            Past { facts: std::mem::take(&mut self.past.facts), kept_to: 0, lost_from: i64::MAX, is_whole: false };
        self.batches.clear();
        self.sizes.clear();
        self.gone.clear();
        self.sends.values_mut().for_each(|sends| sends.in_this_timeline = false);
    }

    /// The last reader read everything from the start up to `end`.
    ///
    /// # Errors
    /// Something is out of order, or less is left than there should be.
    pub fn audited(&self, end: i64, view: &View<'_>) -> Result<(), Violation> {
        let start = self.start;
        let is_read = |offset: &i64| self.facts.contains_key(offset) || self.gone.contains_key(offset);
        if let Some(unread) = (start..end).find(|offset| !is_read(offset)) {
            let text = format!("the log starts at {start} and ends at {end}, but offset {unread} was not read");
            return Err(Violation::history(Check::Density, text));
        }
        match view.limits.compaction {
            Some(compaction) => self.check_keys(compaction, view)?,
            None => self.check_size(view)?,
        }
        self.check_order(view.limits.compaction.is_some())
    }

    /// Each key's last record is there, but for tombstones that are old.
    fn check_keys(&self, compaction: CompactionLimits, view: &View<'_>) -> Result<(), Violation> {
        let mut last: BTreeMap<u8, (i64, RecordId)> = BTreeMap::new();
        for (offset, fact) in self.facts.range(self.start..) {
            if let Some(key) = compaction.keys.of(fact.record) {
                last.insert(key, (*offset, fact.record));
            }
        }
        for (key, (offset, record)) in last {
            if !self.gone.contains_key(&offset) {
                continue;
            }
            // A tombstone that nobody saw may have taken it along, and be gone as well.
            let is_tombstone =
                |record: &RecordId| compaction.keys.is_tombstone(*record) && compaction.keys.of(*record) == Some(key);
            let mut tombstones = self.sends.iter().filter(|(record, _)| is_tombstone(record));
            let is_old = |sends: &Sends| view.age_ms(sends.timestamp_ms) >= compaction.delete_retention_ms;
            if tombstones
                .any(|(tombstone, sends)| is_old(sends) && (*tombstone == record || !self.is_known(*tombstone)))
            {
                continue;
            }
            let text = format!("{record} at {offset} is the last one with key {key}, and is gone");
            return Err(Violation::history(Check::Compaction, text));
        }
        Ok(())
    }

    fn is_known(&self, record: RecordId) -> bool {
        self.facts.values().any(|fact| fact.record == record)
    }

    /// Of a compacted log: nothing is between `position` and its end.
    ///
    /// # Errors
    /// Something was compacted too early.
    pub fn read_nothing(&mut self, position: i64, end: i64, view: &View<'_>) -> Result<(), Violation> {
        self.learn_gone((position..end).collect(), view)
    }

    /// Offsets from `from` to the end of `batch` that have no record in it were compacted away.
    fn learn_gaps(&mut self, from: i64, batch: &Batch, view: &View<'_>) -> Result<(), Violation> {
        let is_there = |offset: &i64| batch.records.iter().any(|(there, _)| there == offset);
        self.learn_gone((from.max(self.start)..batch.end_offset).filter(|offset| !is_there(offset)).collect(), view)
    }

    fn learn_gone(&mut self, offsets: Vec<i64>, view: &View<'_>) -> Result<(), Violation> {
        let Some(compaction) = view.limits.compaction else { return Ok(()) };
        for offset in offsets {
            if self.gone.contains_key(&offset) {
                continue;
            }
            self.gone.insert(offset, view.seen_at);
            if let Some(fact) = self.facts.get(&offset) {
                let age_ms = view.age_ms(self.sends[&fact.record].timestamp_ms);
                if age_ms < compaction.min_lag_ms {
                    let text = format!("{} at {offset} was compacted after {age_ms} ms", fact.record);
                    return Err(Violation::history(Check::Compaction, text));
                }
            }
        }
        Ok(())
    }

    /// Where only size limits a log, what is left has that size. By time, or in a crash, it may have become less since.
    fn check_size(&self, view: &View<'_>) -> Result<(), Violation> {
        let Limits { retention_ms: None, retention_bytes: Some(limit), .. } = *view.limits else { return Ok(()) };
        if view.has_crashed {
            return Ok(());
        }
        let size_bytes: u64 = self.sizes.range(self.start..).map(|(_, size_bytes)| size_bytes).sum();
        if size_bytes >= limit || self.start == 0 || self.was_asked_for(self.start - 1) {
            return Ok(());
        }
        let text =
            format!("the log starts at {}, and {size_bytes} bytes are left, though {limit} may stay", self.start);
        Err(Violation::history(Check::Retention, text))
    }

    /// Records that are known to be there.
    #[must_use]
    pub fn records(&self) -> usize {
        self.facts.len()
    }

    fn learn_batch(&mut self, batch: &Batch, view: &View<'_>) -> Result<(), Violation> {
        for (offset, record) in &batch.records {
            if self.gone.get(offset).is_some_and(|seen| *seen < view.asked_at) {
                let text = format!("{record} is at {offset}, which was compacted away");
                return Err(Violation::history(Check::Compaction, text));
            }
            self.learn(*offset, *record)?;
        }
        self.sizes.insert(batch.base_offset, batch.size_bytes);
        if let Some(identity) = batch.identity {
            let count = i32::try_from(batch.end_offset - batch.base_offset).expect("small batches");
            self.batches.insert(batch.base_offset, Owned { identity, base_sequence: batch.base_sequence, count });
        }
        Ok(())
    }

    /// What is at an offset. Where others have seen something else there, the first of them is believed.
    fn learn(&mut self, offset: i64, record: RecordId) -> Result<(), Violation> {
        if self.facts.contains_key(&offset) || !self.sends.contains_key(&record) {
            return Ok(());
        }
        self.facts.insert(offset, Fact { record });
        self.check_past(offset, record)
    }

    /// A log that lost its end has all of the past up to some offset and nothing of it from there on.
    fn check_past(&mut self, offset: i64, record: RecordId) -> Result<(), Violation> {
        if self.past.is_whole {
            return Ok(());
        }
        match self.past.facts.get(&offset) {
            // Sent again since then, it may have come to the same place anew.
            Some(fact) if fact.record == record && self.sends[&record].in_this_timeline => {}
            Some(fact) if fact.record == record => self.past.kept_to = self.past.kept_to.max(offset + 1),
            Some(_) => self.past.lost_from = self.past.lost_from.min(offset),
            None => {}
        }
        if self.past.kept_to <= self.past.lost_from {
            return Ok(());
        }
        let Past { kept_to, lost_from, .. } = self.past;
        let text = format!("after a power loss offset {} survived, but offset {lost_from} did not", kept_to - 1);
        Err(Violation::history(Check::Loss, text))
    }

    fn check_order(&self, is_compacted: bool) -> Result<(), Violation> {
        let mut next: BTreeMap<Identity, i32> = BTreeMap::new();
        for (offset, batch) in self.batches.range(self.start..) {
            let is_whole = self.past.is_whole && self.start == 0;
            let first = if is_whole { 0 } else { batch.base_sequence };
            let expected = next.get(&batch.identity).copied().unwrap_or(first);
            // Whole batches may have been compacted away.
            if batch.base_sequence < expected || batch.base_sequence > expected && !is_compacted {
                let (identity, found) = (batch.identity, batch.base_sequence);
                let text = format!("sequence {found} at offset {offset} where {identity:?} had {expected} to come");
                return Err(Violation::history(Check::Order, text));
            }
            next.insert(batch.identity, batch.base_sequence + batch.count);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::{Keys, Kind};

    const PRODUCER: Identity = Identity { producer_id: 4, epoch: 0 };
    const KEPT: Limits = Limits { retention_ms: None, retention_bytes: None, compaction: None };

    fn view(limits: &Limits) -> View<'_> {
        View { limits, wall_ms: 1_000, asked_at: Moment(5), seen_at: Moment(5), has_crashed: false }
    }

    fn record(number: u32) -> RecordId {
        RecordId { client: 1, number }
    }

    fn batch(base_offset: i64, identity: Option<Identity>, base_sequence: i32, numbers: &[u32]) -> Batch {
        let end_offset = base_offset + numbers.len() as i64;
        let records = (base_offset..).zip(numbers.iter().map(|number| record(*number))).collect();
        let size_bytes = 100;
        Batch {
            base_offset,
            leader_epoch: 0,
            identity,
            base_sequence,
            timestamp_ms: 0,
            end_offset,
            records,
            size_bytes,
            kind: Kind::Plain,
        }
    }

    fn plain(base_offset: i64, numbers: &[u32]) -> Batch {
        batch(base_offset, None, -1, numbers)
    }

    fn ledger_with_sent(numbers: std::ops::Range<u32>) -> Ledger {
        let mut ledger = Ledger::default();
        numbers.for_each(|number| ledger.sent(&[record(number)], 0));
        ledger
    }

    fn check_of(result: Result<impl std::fmt::Debug, Violation>) -> Check {
        match result {
            Err(Violation::History { check, .. }) => check,
            other => panic!("a broken rule, not {other:?}"),
        }
    }

    #[test]
    fn a_history_that_can_be_true_passes() {
        let mut ledger = ledger_with_sent(0..6);
        ledger.acknowledged(0, &[record(0), record(1)]).unwrap();
        assert_eq!(ledger.read(0, &[plain(0, &[0, 1]), plain(2, &[2])], true, &view(&KEPT)), Ok(3));
        assert_eq!(
            ledger.read(1, &[plain(0, &[0, 1])], true, &view(&KEPT)),
            Ok(2),
            "a batch is read whole from within"
        );
        assert_eq!(ledger.read(3, &[], true, &view(&KEPT)), Ok(3));
        assert_eq!(ledger.audited(3, &view(&KEPT)), Ok(()));
    }

    #[test]
    fn gaps_are_found() {
        let mut ledger = ledger_with_sent(0..6);
        assert_eq!(check_of(ledger.read(0, &[plain(1, &[1])], true, &view(&KEPT))), Check::Density);
        assert_eq!(check_of(ledger.read(0, &[plain(0, &[0]), plain(2, &[2])], true, &view(&KEPT))), Check::Density);
        assert_eq!(check_of(ledger.read(5, &[plain(0, &[0])], true, &view(&KEPT))), Check::Density);
    }

    #[test]
    fn sequences_out_of_order_are_found() {
        let mut ledger = Ledger::default();
        for number in 0..4 {
            ledger.sent(&[record(number)], 0);
        }
        let owned = |offset, sequence, numbers: &[u32]| batch(offset, Some(PRODUCER), sequence, numbers);
        ledger.read(0, &[owned(0, 0, &[0, 1]), owned(2, 2, &[2])], true, &view(&KEPT)).unwrap();
        assert_eq!(ledger.audited(3, &view(&KEPT)), Ok(()));
        ledger.read(3, &[owned(3, 4, &[3])], true, &view(&KEPT)).unwrap();
        assert_eq!(check_of(ledger.audited(4, &view(&KEPT))), Check::Order);
    }

    #[test]
    fn after_a_forgiven_power_loss_a_tail_may_be_gone_and_replaced() {
        let mut ledger = ledger_with_sent(0..9);
        ledger.read(0, &[plain(0, &[0, 1, 2, 3])], true, &view(&KEPT)).unwrap();
        ledger.begin_timeline();
        ledger.sent(&[record(8)], 0);
        ledger.read(0, &[plain(0, &[0, 1]), plain(2, &[8])], true, &view(&KEPT)).unwrap();
        assert_eq!(ledger.audited(3, &view(&KEPT)), Ok(()));
    }

    #[test]
    fn after_a_forgiven_power_loss_a_hole_before_what_survived_is_found() {
        let mut ledger = ledger_with_sent(0..9);
        ledger.read(0, &[plain(0, &[0, 1, 2, 3])], true, &view(&KEPT)).unwrap();
        ledger.begin_timeline();
        ledger.sent(&[record(8)], 0);
        let read = ledger.read(0, &[plain(0, &[0]), plain(1, &[8]), plain(2, &[2])], true, &view(&KEPT));
        assert_eq!(check_of(read), Check::Loss);
    }

    #[test]
    fn what_was_sent_again_may_come_to_its_old_place() {
        let mut ledger = ledger_with_sent(0..9);
        ledger.read(0, &[plain(0, &[0, 1, 2])], true, &view(&KEPT)).unwrap();
        ledger.begin_timeline();
        ledger.sent(&[record(8), record(2)], 0);
        assert_eq!(ledger.read(0, &[plain(0, &[0]), plain(1, &[8]), plain(2, &[2])], true, &view(&KEPT)), Ok(3));
    }

    #[test]
    fn what_an_earlier_timeline_saw_late_teaches_nothing() {
        let mut ledger = ledger_with_sent(0..9);
        ledger.begin_timeline();
        assert_eq!(ledger.read(0, &[plain(0, &[0])], false, &view(&KEPT)), Ok(1));
        assert_eq!(ledger.records(), 0);
    }

    #[test]
    fn what_was_deleted_on_request_or_by_age_need_not_be_there() {
        let mut ledger = ledger_with_sent(0..9);
        ledger.read(0, &[plain(0, &[0, 1, 2]), plain(3, &[3])], true, &view(&KEPT)).unwrap();
        ledger.deletes(Some(1));
        assert_eq!(ledger.saw_start(1, 0, &KEPT), Ok(1));
        assert_eq!(check_of(ledger.saw_start(2, 0, &KEPT)), Check::Retention);
        let mut ledger = ledger_with_sent(0..9);
        ledger.read(0, &[plain(0, &[0, 1, 2]), plain(3, &[3])], true, &view(&KEPT)).unwrap();
        let by_time = Limits { retention_ms: Some(500), ..KEPT };
        assert_eq!(ledger.saw_start(2, 501, &by_time), Ok(2));
        assert_eq!(ledger.audited(4, &view(&by_time)), Ok(()), "all that is left was read");
        assert_eq!(check_of(ledger.saw_start(3, 500, &by_time)), Check::Retention);
    }

    #[test]
    fn a_request_to_delete_all_that_was_not_answered_may_have_deleted_anything() {
        let mut ledger = ledger_with_sent(0..9);
        ledger.read(0, &[plain(0, &[0, 1, 2]), plain(3, &[3])], true, &view(&KEPT)).unwrap();
        ledger.deletes(None);
        assert_eq!(ledger.saw_start(2, 0, &KEPT), Ok(2));
        ledger.deleted_all(2);
        assert_eq!(check_of(ledger.saw_start(3, 0, &KEPT)), Check::Retention);
    }

    #[test]
    fn a_log_that_is_smaller_than_it_may_be_is_found() {
        let mut ledger = ledger_with_sent(0..9);
        ledger.read(0, &[plain(0, &[0, 1, 2]), plain(3, &[3]), plain(4, &[4])], true, &view(&KEPT)).unwrap();
        let by_size = |limit| Limits { retention_bytes: Some(limit), ..KEPT };
        assert_eq!(ledger.saw_start(3, 0, &by_size(200)), Ok(3));
        assert_eq!(ledger.audited(5, &view(&by_size(200))), Ok(()));
        assert_eq!(check_of(ledger.audited(5, &view(&by_size(201)))), Check::Retention);
    }

    #[test]
    fn what_is_before_the_start_of_a_log_is_not_missed_and_what_is_behind_is() {
        let mut ledger = ledger_with_sent(0..9);
        ledger.deletes(Some(2));
        ledger.saw_start(2, 0, &KEPT).unwrap();
        ledger.read(2, &[plain(2, &[2])], true, &view(&KEPT)).unwrap();
        assert_eq!(ledger.audited(3, &view(&KEPT)), Ok(()));
        assert_eq!(check_of(ledger.audited(4, &view(&KEPT))), Check::Density);
        ledger.begin_life();
        assert_eq!(ledger.known_end(), 3);
    }

    #[test]
    fn a_new_life_must_have_what_was_acknowledged() {
        let mut ledger = ledger_with_sent(0..9);
        ledger.acknowledged(0, &[record(0), record(1)]).unwrap();
        assert_eq!(ledger.known_end(), 0, "an answer to acks=1 may come before the high watermark moves");
        ledger.begin_life();
        assert_eq!(ledger.known_end(), 2);
    }

    const KEYS: Keys = Keys(2);

    fn compacted(delete_retention_ms: i64, min_lag_ms: i64) -> Limits {
        let compaction = CompactionLimits { keys: KEYS, delete_retention_ms, min_lag_ms, clock_slack_ms: 0 };
        Limits { compaction: Some(compaction), ..KEPT }
    }

    /// The first so many records of a key that are tombstones, or are not.
    fn of_key(key: u8, is_tombstone: bool) -> impl Iterator<Item = u32> {
        (0..).filter(move |number| {
            KEYS.of(record(*number)) == Some(key) && KEYS.is_tombstone(record(*number)) == is_tombstone
        })
    }

    /// A batch that had two records, and has the second.
    fn second_of_two(base_offset: i64, number: u32) -> Batch {
        let records = vec![(base_offset + 1, record(number))];
        Batch { end_offset: base_offset + 2, records, ..plain(base_offset, &[]) }
    }

    #[test]
    fn a_record_may_be_compacted_away_where_a_later_one_has_its_key() {
        let limits = compacted(i64::MAX, 0);
        let values: Vec<u32> = of_key(1, false).take(2).collect();
        let mut ledger = ledger_with_sent(0..99);
        ledger.read(0, &[plain(0, &values)], true, &view(&limits)).unwrap();
        assert_eq!(ledger.read(0, &[second_of_two(0, values[1])], true, &view(&limits)), Ok(2));
        assert_eq!(ledger.audited(2, &view(&limits)), Ok(()));
    }

    #[test]
    fn the_last_record_of_a_key_that_is_gone_is_found() {
        let limits = compacted(i64::MAX, 0);
        let (lost, kept) = (of_key(0, false).next().unwrap(), of_key(1, false).next().unwrap());
        let mut ledger = ledger_with_sent(0..99);
        ledger.acknowledged(0, &[record(lost), record(kept)]).unwrap();
        ledger.read(0, &[second_of_two(0, kept)], true, &view(&limits)).unwrap();
        assert_eq!(check_of(ledger.audited(2, &view(&limits))), Check::Compaction);
    }

    #[test]
    fn a_tombstone_may_go_when_it_is_old_and_not_before() {
        let (tombstone, kept) = (of_key(0, true).next().unwrap(), of_key(1, false).next().unwrap());
        for (delete_retention_ms, is_well) in [(1_000, true), (1_001, false)] {
            let limits = compacted(delete_retention_ms, 0);
            let mut ledger = ledger_with_sent(0..99);
            ledger.acknowledged(0, &[record(tombstone), record(kept)]).unwrap();
            ledger.read(0, &[second_of_two(0, kept)], true, &view(&limits)).unwrap();
            assert_eq!(ledger.audited(2, &view(&limits)).is_ok(), is_well);
        }
    }

    #[test]
    fn what_was_compacted_away_and_comes_back_or_went_too_early_is_found() {
        let limits = compacted(i64::MAX, 0);
        let values: Vec<u32> = of_key(1, false).take(2).collect();
        let mut ledger = ledger_with_sent(0..99);
        ledger.read(0, &[second_of_two(0, values[1])], true, &view(&limits)).unwrap();
        let again = ledger.read(0, &[plain(0, &values)], true, &view(&limits));
        assert_eq!(again, Ok(2), "it was asked for before anybody saw that it is gone");
        let later = View { asked_at: Moment(6), ..view(&limits) };
        assert_eq!(check_of(ledger.read(0, &[plain(0, &values)], true, &later)), Check::Compaction);
        let mut ledger = ledger_with_sent(0..99);
        ledger.read(0, &[plain(0, &values)], true, &view(&limits)).unwrap();
        let slow = compacted(i64::MAX, 1_001);
        let early = ledger.read(0, &[second_of_two(0, values[1])], true, &view(&slow));
        assert_eq!(check_of(early), Check::Compaction);
    }

    #[test]
    fn a_batch_with_a_gap_in_a_log_that_is_not_compacted_is_found() {
        let mut ledger = ledger_with_sent(0..9);
        assert_eq!(check_of(ledger.read(0, &[second_of_two(0, 1)], true, &view(&KEPT))), Check::Density);
    }
}
