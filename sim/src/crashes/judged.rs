//! A log as the script knows it, and what must hold of its records after a crash: each is where it was acknowledged or read, at one
//! offset, and was sent.
//!
//! The checker has the same rules for histories of clients, and judges the worlds by them. Here it would have to forgive topic by
//! topic, since each is synced in its own way, and to judge the same history anew for thousands of crashes of which each asks
//! only for what is there now.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{Ledger, View};
use crate::records::{Batch, Identity, RecordId};
use crate::violation::{Check, Violation};

/// All that is known of a log.
#[derive(Clone, Debug, Default)]
pub struct Judged {
    /// What a log may lose and keep.
    pub ledger: Ledger,
    /// Of each record, as whose it was sent.
    sent: BTreeMap<RecordId, BTreeSet<Identity>>,
    facts: BTreeMap<i64, Fact>,
    appearances: BTreeMap<(RecordId, Option<Identity>), BTreeSet<i64>>,
}

#[derive(Clone, Copy, Debug)]
struct Fact {
    record: RecordId,
    how: &'static str,
}

impl Judged {
    /// A batch is about to be sent.
    pub fn sent(&mut self, identity: Identity, records: &[RecordId], timestamp_ms: i64) {
        for record in records {
            self.sent.entry(*record).or_default().insert(identity);
        }
        self.ledger.sent(records, timestamp_ms);
    }

    /// A batch was acknowledged.
    ///
    /// # Errors
    /// It can't be there.
    pub fn acknowledged(
        &mut self,
        identity: Option<Identity>,
        base_offset: i64,
        records: &[RecordId],
    ) -> Result<(), Violation> {
        for (offset, record) in (base_offset..).zip(records) {
            self.learn(offset, *record, identity, "acknowledged")?;
        }
        self.ledger.acknowledged(base_offset, records).map(drop)
    }

    /// Somebody who was at `position` read these. The next position.
    ///
    /// # Errors
    /// They can't be what is there.
    pub fn read(&mut self, position: i64, batches: &[Batch], view: &View<'_>) -> Result<i64, Violation> {
        let next = self.ledger.read(position, batches, true, view)?;
        for batch in batches {
            for (offset, record) in &batch.records {
                let is_known = |identity| self.sent.get(record).is_some_and(|sent| sent.contains(&identity));
                if !batch.identity.is_some_and(is_known) {
                    let text = format!("{record} at {offset}, by {:?}, was never sent there", batch.identity);
                    return Err(Violation::history(Check::Invention, text));
                }
                self.learn(*offset, *record, batch.identity, "read")?;
            }
        }
        Ok(next)
    }

    /// Everything from the start up to `end` was read.
    ///
    /// # Errors
    /// Something that is known is behind it, or missing.
    pub fn audited(&self, end: i64, view: &View<'_>) -> Result<(), Violation> {
        if let Some((offset, Fact { record, how })) = self.facts.range(end..).next() {
            let text = format!("{record} was {how} at {offset}, but the log ends at {end}");
            return Err(Violation::history(Check::Loss, text));
        }
        self.ledger.audited(end, view)
    }

    /// The broker starts again, perhaps without the end of the log.
    pub fn begin_timeline(&mut self) {
        self.facts.clear();
        self.appearances.clear();
        self.ledger.begin_timeline();
    }

    fn learn(
        &mut self,
        offset: i64,
        record: RecordId,
        identity: Option<Identity>,
        how: &'static str,
    ) -> Result<(), Violation> {
        let known = self.facts.entry(offset).or_insert(Fact { record, how });
        if known.record != record {
            let text = format!("offset {offset}: {record} {how}, but {} was {} there", known.record, known.how);
            return Err(Violation::history(Check::Agreement, text));
        }
        let appearances = self.appearances.entry((record, identity)).or_default();
        appearances.insert(offset);
        if appearances.len() > 1 {
            let text = format!("{record} is at offsets {appearances:?}, sent once as {identity:?}");
            return Err(Violation::history(Check::Duplicate, text));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Limits, Moment};
    use crate::records::Kind;

    const PRODUCER: Identity = Identity { producer_id: 4, epoch: 0 };
    const KEPT: Limits = Limits { retention_ms: None, retention_bytes: None, compaction: None };
    const VIEW: View<'static> =
        View { limits: &KEPT, wall_ms: 1_000, asked_at: Moment(5), seen_at: Moment(5), has_crashed: false };

    fn record(number: u32) -> RecordId {
        RecordId { client: 1, number }
    }

    fn batch(base_offset: i64, numbers: &[u32]) -> Batch {
        Batch {
            base_offset,
            leader_epoch: 0,
            identity: Some(PRODUCER),
            base_sequence: base_offset as i32,
            timestamp_ms: 0,
            end_offset: base_offset + numbers.len() as i64,
            records: (base_offset..).zip(numbers.iter().map(|number| record(*number))).collect(),
            size_bytes: 100,
            kind: Kind::Plain,
        }
    }

    fn with_sent(numbers: std::ops::Range<u32>) -> Judged {
        let mut judged = Judged::default();
        numbers.for_each(|number| judged.sent(PRODUCER, &[record(number)], 0));
        judged
    }

    fn check_of(result: Result<impl std::fmt::Debug, Violation>) -> Check {
        match result {
            Err(Violation::History { check, .. }) => check,
            other => panic!("a broken rule, not {other:?}"),
        }
    }

    #[test]
    fn another_record_at_an_offset_is_found() {
        let mut judged = with_sent(0..6);
        judged.acknowledged(Some(PRODUCER), 0, &[record(0)]).unwrap();
        assert_eq!(check_of(judged.read(0, &[batch(0, &[1])], &VIEW)), Check::Agreement);
        let mut judged = with_sent(0..6);
        judged.read(0, &[batch(0, &[1])], &VIEW).unwrap();
        assert_eq!(check_of(judged.acknowledged(Some(PRODUCER), 0, &[record(0)])), Check::Agreement);
    }

    #[test]
    fn a_lost_acknowledged_record_is_found() {
        let mut judged = with_sent(0..6);
        judged.acknowledged(Some(PRODUCER), 0, &[record(0), record(1)]).unwrap();
        judged.read(0, &[batch(0, &[0])], &VIEW).unwrap();
        assert_eq!(check_of(judged.audited(1, &VIEW)), Check::Loss);
    }

    #[test]
    fn a_record_that_is_there_twice_or_that_nobody_sent_is_found() {
        let mut judged = with_sent(0..6);
        assert_eq!(check_of(judged.read(0, &[batch(0, &[0]), batch(1, &[0])], &VIEW)), Check::Duplicate);
        let mut judged = with_sent(0..1);
        assert_eq!(check_of(judged.read(0, &[batch(0, &[1])], &VIEW)), Check::Invention);
        let plain = Batch { identity: None, ..batch(0, &[0]) };
        assert_eq!(check_of(with_sent(0..1).read(0, &[plain], &VIEW)), Check::Invention);
    }

    #[test]
    fn a_forgiven_power_loss_forgives() {
        let mut judged = with_sent(0..6);
        judged.acknowledged(Some(PRODUCER), 0, &[record(0), record(1)]).unwrap();
        judged.begin_timeline();
        assert_eq!(judged.audited(0, &VIEW), Ok(()));
    }
}
