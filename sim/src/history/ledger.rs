//! What is known of one partition: which record is at which offset, who sent it how often, how far the log went.
//!
//! After a power loss that may have taken acknowledged records a new timeline begins: what was known before is then
//! only held against the rule that a log loses a tail, and nothing before it.

use std::collections::{BTreeMap, BTreeSet};

use crate::records::{Batch, Identity, RecordId};
use crate::violation::{Check, Violation};

/// What is known of one partition.
#[derive(Debug)]
pub struct Ledger {
    sends: BTreeMap<RecordId, Sends>,
    facts: BTreeMap<i64, Fact>,
    batches: BTreeMap<i64, Owned>,
    appearances: BTreeMap<(RecordId, Option<Identity>), BTreeSet<i64>>,
    /// The highest end seen in this life, or implied by what is known from earlier ones.
    end: i64,
    past: Past,
}

/// How often a record was sent, and as whose.
#[derive(Debug, Default)]
struct Sends {
    plain: usize,
    identities: BTreeSet<Identity>,
    in_this_timeline: bool,
}

#[derive(Clone, Copy, Debug)]
struct Fact {
    record: RecordId,
    how: How,
}

#[derive(Clone, Copy, Debug)]
enum How {
    Acknowledged,
    Read,
}

/// A batch of an idempotent producer, as read.
#[derive(Clone, Copy, Debug)]
struct Owned {
    identity: Identity,
    base_sequence: i32,
    count: i32,
}

/// What was known in earlier timelines.
#[derive(Debug)]
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
            appearances: BTreeMap::new(),
            end: 0,
            past: Past { facts: BTreeMap::new(), kept_to: 0, lost_from: i64::MAX, is_whole: true },
        }
    }
}

impl Ledger {
    /// A batch is about to be sent.
    pub fn sent(&mut self, identity: Option<Identity>, records: &[RecordId]) {
        for record in records {
            let sends = self.sends.entry(*record).or_default();
            sends.in_this_timeline = true;
            match identity {
                Some(identity) => {
                    sends.identities.insert(identity);
                }
                None => sends.plain += 1,
            }
        }
    }

    /// A batch was acknowledged. Says whether its first record was known to be there.
    ///
    /// # Errors
    /// Something else is known to be where it should be.
    pub fn acknowledged(
        &mut self,
        identity: Option<Identity>,
        base_offset: i64,
        records: &[RecordId],
    ) -> Result<bool, Violation> {
        let was_known = self.facts.contains_key(&base_offset);
        for (offset, record) in (base_offset..).zip(records) {
            self.learn(offset, *record, identity, How::Acknowledged)?;
        }
        Ok(was_known)
    }

    /// A consumer at `position` read `batches`; its next position.
    ///
    /// # Errors
    /// They have gaps, or can't be what is there.
    pub fn read(&mut self, position: i64, batches: &[Batch], is_of_timeline: bool) -> Result<i64, Violation> {
        let mut next = position;
        for (index, batch) in batches.iter().enumerate() {
            let follows = if index == 0 { batch.base_offset <= next } else { batch.base_offset == next };
            if !follows || batch.end_offset() <= next {
                let (from, to) = (batch.base_offset, batch.end_offset());
                let text = format!("a consumer at {next} got a batch of offsets {from} to {to}");
                return Err(Violation::history(Check::Density, text));
            }
            self.check_known(batch)?;
            if is_of_timeline {
                self.learn_batch(batch)?;
            }
            next = batch.end_offset();
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

    /// The broker starts again; what is known must still be there.
    pub fn begin_life(&mut self) {
        self.end = self.facts.last_key_value().map_or(0, |(offset, _)| offset + 1);
    }

    /// The broker starts again, perhaps without the end of the log.
    pub fn begin_timeline(&mut self) {
        // What was known of an earlier timeline and not seen in the last one may have been lost and replaced unseen.
        self.past.facts.split_off(&self.past.kept_to);
        self.past.facts.append(&mut self.facts);
        self.past =
            Past { facts: std::mem::take(&mut self.past.facts), kept_to: 0, lost_from: i64::MAX, is_whole: false };
        self.batches.clear();
        self.appearances.clear();
        self.sends.values_mut().for_each(|sends| sends.in_this_timeline = false);
    }

    /// The last reader read everything up to `end`.
    ///
    /// # Errors
    /// Something that is known is behind it, or out of order.
    pub fn audited(&self, end: i64) -> Result<(), Violation> {
        if let Some((offset, fact)) = self.facts.range(end..).next() {
            let how = fact.how.verb();
            let text = format!("{} was {how} at {offset}, but the log ends at {end}", fact.record);
            return Err(Violation::history(Check::Loss, text));
        }
        if self.facts.len() as i64 != end {
            let text = format!("the log ends at {end}, but only {} offsets were read", self.facts.len());
            return Err(Violation::history(Check::Density, text));
        }
        self.check_order()
    }

    /// Records that are known to be there.
    #[must_use]
    pub fn records(&self) -> usize {
        self.facts.len()
    }

    fn learn_batch(&mut self, batch: &Batch) -> Result<(), Violation> {
        for (offset, record) in (batch.base_offset..).zip(&batch.records) {
            self.learn(offset, *record, batch.identity, How::Read)?;
        }
        if let Some(identity) = batch.identity {
            let count = i32::try_from(batch.records.len()).expect("small batches");
            self.batches.insert(batch.base_offset, Owned { identity, base_sequence: batch.base_sequence, count });
        }
        Ok(())
    }

    fn check_known(&self, batch: &Batch) -> Result<(), Violation> {
        for (offset, record) in (batch.base_offset..).zip(&batch.records) {
            let is_known = self.sends.get(record).is_some_and(|sends| match batch.identity {
                Some(identity) => sends.identities.contains(&identity),
                None => sends.plain > 0,
            });
            if !is_known {
                let text = format!("{record} at {offset}, by {:?}, was never sent there", batch.identity);
                return Err(Violation::history(Check::Invention, text));
            }
        }
        Ok(())
    }

    fn learn(&mut self, offset: i64, record: RecordId, identity: Option<Identity>, how: How) -> Result<(), Violation> {
        match self.facts.get(&offset) {
            Some(fact) if fact.record == record => return Ok(()),
            Some(fact) => {
                let (was, is) = (fact.how.verb(), how.verb());
                let text = format!("offset {offset}: {record} {is}, but {} was {was} there", fact.record);
                return Err(Violation::history(Check::Agreement, text));
            }
            None => {}
        }
        self.facts.insert(offset, Fact { record, how });
        self.check_appearances(offset, record, identity)?;
        self.check_past(offset, record)
    }

    fn check_appearances(
        &mut self,
        offset: i64,
        record: RecordId,
        identity: Option<Identity>,
    ) -> Result<(), Violation> {
        let appearances = self.appearances.entry((record, identity)).or_default();
        appearances.insert(offset);
        let sends = self.sends.get(&record);
        let allowed = if identity.is_some() { 1 } else { sends.map_or(0, |sends| sends.plain) };
        if appearances.len() > allowed {
            let text = format!("{record} is at offsets {appearances:?}, sent {allowed} times as {identity:?}");
            return Err(Violation::history(Check::Duplicate, text));
        }
        Ok(())
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

    fn check_order(&self) -> Result<(), Violation> {
        let mut next: BTreeMap<Identity, i32> = BTreeMap::new();
        for (offset, batch) in &self.batches {
            let first = if self.past.is_whole { 0 } else { batch.base_sequence };
            let expected = next.get(&batch.identity).copied().unwrap_or(first);
            if batch.base_sequence != expected {
                let (identity, found) = (batch.identity, batch.base_sequence);
                let text = format!("sequence {found} at offset {offset} where {identity:?} had {expected} to come");
                return Err(Violation::history(Check::Order, text));
            }
            next.insert(batch.identity, expected + batch.count);
        }
        Ok(())
    }
}

impl How {
    fn verb(self) -> &'static str {
        match self {
            Self::Acknowledged => "acknowledged",
            Self::Read => "read",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRODUCER: Identity = Identity { producer_id: 4, epoch: 0 };

    fn record(number: u32) -> RecordId {
        RecordId { client: 1, number }
    }

    fn batch(base_offset: i64, identity: Option<Identity>, base_sequence: i32, numbers: &[u32]) -> Batch {
        let records = numbers.iter().map(|number| record(*number)).collect();
        Batch { base_offset, leader_epoch: 0, identity, base_sequence, timestamp_ms: 0, records }
    }

    fn plain(base_offset: i64, numbers: &[u32]) -> Batch {
        batch(base_offset, None, -1, numbers)
    }

    fn ledger_with_sent(numbers: std::ops::Range<u32>) -> Ledger {
        let mut ledger = Ledger::default();
        numbers.for_each(|number| ledger.sent(None, &[record(number)]));
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
        ledger.acknowledged(None, 0, &[record(0), record(1)]).unwrap();
        assert_eq!(ledger.read(0, &[plain(0, &[0, 1]), plain(2, &[2])], true), Ok(3));
        assert_eq!(ledger.read(1, &[plain(0, &[0, 1])], true), Ok(2), "a batch is read whole from within");
        assert_eq!(ledger.read(3, &[], true), Ok(3));
        assert_eq!(ledger.audited(3), Ok(()));
    }

    #[test]
    fn another_record_at_an_offset_is_found() {
        let mut ledger = ledger_with_sent(0..6);
        ledger.acknowledged(None, 0, &[record(0)]).unwrap();
        assert_eq!(check_of(ledger.read(0, &[plain(0, &[1])], true)), Check::Agreement);
        let mut ledger = ledger_with_sent(0..6);
        ledger.read(0, &[plain(0, &[1])], true).unwrap();
        assert_eq!(check_of(ledger.acknowledged(None, 0, &[record(0)])), Check::Agreement);
    }

    #[test]
    fn gaps_are_found() {
        let mut ledger = ledger_with_sent(0..6);
        assert_eq!(check_of(ledger.read(0, &[plain(1, &[1])], true)), Check::Density);
        assert_eq!(check_of(ledger.read(0, &[plain(0, &[0]), plain(2, &[2])], true)), Check::Density);
        assert_eq!(check_of(ledger.read(5, &[plain(0, &[0])], true)), Check::Density);
    }

    #[test]
    fn a_lost_acknowledged_record_is_found() {
        let mut ledger = ledger_with_sent(0..6);
        ledger.acknowledged(None, 0, &[record(0), record(1)]).unwrap();
        ledger.read(0, &[plain(0, &[0])], true).unwrap();
        assert_eq!(check_of(ledger.audited(1)), Check::Loss);
    }

    #[test]
    fn a_record_sent_once_and_there_twice_is_found() {
        let mut ledger = ledger_with_sent(0..6);
        assert_eq!(check_of(ledger.read(0, &[plain(0, &[0]), plain(1, &[0])], true)), Check::Duplicate);
        ledger.sent(None, &[record(1)]);
        let mut ledger = ledger_with_sent(0..6);
        ledger.sent(None, &[record(0)]);
        assert_eq!(ledger.read(0, &[plain(0, &[0]), plain(1, &[0])], true), Ok(2), "sent twice");
    }

    #[test]
    fn an_idempotent_record_sent_twice_and_there_twice_is_found() {
        let mut ledger = Ledger::default();
        ledger.sent(Some(PRODUCER), &[record(0)]);
        ledger.sent(Some(PRODUCER), &[record(0)]);
        ledger.acknowledged(Some(PRODUCER), 0, &[record(0)]).unwrap();
        ledger.acknowledged(Some(PRODUCER), 0, &[record(0)]).unwrap();
        assert_eq!(check_of(ledger.acknowledged(Some(PRODUCER), 1, &[record(0)])), Check::Duplicate);
    }

    #[test]
    fn a_record_that_nobody_sent_is_found() {
        let mut ledger = ledger_with_sent(0..1);
        assert_eq!(check_of(ledger.read(0, &[plain(0, &[1])], true)), Check::Invention);
        let stolen = batch(0, Some(PRODUCER), 0, &[0]);
        assert_eq!(check_of(ledger.read(0, &[stolen], true)), Check::Invention);
    }

    #[test]
    fn sequences_out_of_order_are_found() {
        let mut ledger = Ledger::default();
        for number in 0..4 {
            ledger.sent(Some(PRODUCER), &[record(number)]);
        }
        let owned = |offset, sequence, numbers: &[u32]| batch(offset, Some(PRODUCER), sequence, numbers);
        ledger.read(0, &[owned(0, 0, &[0, 1]), owned(2, 2, &[2])], true).unwrap();
        assert_eq!(ledger.audited(3), Ok(()));
        ledger.read(3, &[owned(3, 4, &[3])], true).unwrap();
        assert_eq!(check_of(ledger.audited(4)), Check::Order);
    }

    #[test]
    fn after_a_forgiven_power_loss_a_tail_may_be_gone_and_replaced() {
        let mut ledger = ledger_with_sent(0..9);
        ledger.read(0, &[plain(0, &[0, 1, 2, 3])], true).unwrap();
        ledger.begin_timeline();
        ledger.sent(None, &[record(8)]);
        ledger.read(0, &[plain(0, &[0, 1]), plain(2, &[8])], true).unwrap();
        assert_eq!(ledger.audited(3), Ok(()));
    }

    #[test]
    fn after_a_forgiven_power_loss_a_hole_before_what_survived_is_found() {
        let mut ledger = ledger_with_sent(0..9);
        ledger.read(0, &[plain(0, &[0, 1, 2, 3])], true).unwrap();
        ledger.begin_timeline();
        ledger.sent(None, &[record(8)]);
        let read = ledger.read(0, &[plain(0, &[0]), plain(1, &[8]), plain(2, &[2])], true);
        assert_eq!(check_of(read), Check::Loss);
    }

    #[test]
    fn what_was_sent_again_may_come_to_its_old_place() {
        let mut ledger = ledger_with_sent(0..9);
        ledger.read(0, &[plain(0, &[0, 1, 2])], true).unwrap();
        ledger.begin_timeline();
        ledger.sent(None, &[record(8), record(2)]);
        assert_eq!(ledger.read(0, &[plain(0, &[0]), plain(1, &[8]), plain(2, &[2])], true), Ok(3));
    }

    #[test]
    fn what_an_earlier_timeline_saw_late_teaches_nothing() {
        let mut ledger = ledger_with_sent(0..9);
        ledger.begin_timeline();
        assert_eq!(ledger.read(0, &[plain(0, &[0])], false), Ok(1));
        assert_eq!(ledger.records(), 0);
    }

    #[test]
    fn a_new_life_must_have_what_was_acknowledged() {
        let mut ledger = ledger_with_sent(0..9);
        ledger.acknowledged(None, 0, &[record(0), record(1)]).unwrap();
        assert_eq!(ledger.known_end(), 0, "an answer to acks=1 may come before the high watermark moves");
        ledger.begin_life();
        assert_eq!(ledger.known_end(), 2);
    }
}
