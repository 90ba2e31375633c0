//! Records that come back: acknowledged, released, or with a member for too long.

use alloc::vec::Vec;

use thiserror::Error;

use super::batch::{Batch, Run};
use super::partition::{ShareLimits, SharePartition, StateBatch, StateWrite, WriteId};
use super::record::{AcknowledgeType, RecordState};
use crate::error_code::ErrorCode;
use crate::time::Monotonic;
use crate::types::Offset;

/// What a member says of records in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    /// The first record.
    pub first: Offset,
    /// The last record.
    pub last: Offset,
    /// One for each record, or one for all.
    pub types: Vec<AcknowledgeType>,
}

/// Why acknowledgements are refused. The texts are Kafka's, which clients show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AcknowledgeError {
    /// Nothing of it is in flight.
    #[error("Batch record not found. The request batch offsets are not found in the cache.")]
    NotInFlight,
    /// It begins behind what is in flight.
    #[error("Batch record not found. The first offset in request is past acquired records.")]
    FirstTooLate,
    /// It ends behind what is in flight.
    #[error("Batch record not found. The last offset in request is past acquired records.")]
    LastTooLate,
    /// Nobody has the batch.
    #[error("The batch cannot be acknowledged. The batch is not in the acquired state.")]
    BatchNotAcquired,
    /// Another member has the batch.
    #[error("Member is not the owner of batch record")]
    OthersBatch,
    /// Nobody has the record.
    #[error("The offset cannot be acknowledged. The offset is not acquired.")]
    NotAcquired,
    /// Another member has the record.
    #[error("Member is not the owner of offset")]
    OthersRecord,
    /// The group does not allow it.
    #[error("Renewing acquisition locks is not enabled for the group.")]
    RenewDisabled,
}

impl AcknowledgeError {
    /// What the member is told.
    #[must_use]
    pub fn error_code(self) -> ErrorCode {
        match self {
            Self::FirstTooLate | Self::LastTooLate => ErrorCode::InvalidRequest,
            _ => ErrorCode::InvalidRecordState,
        }
    }
}

impl Acknowledgement {
    fn type_of(&self, offset: Offset) -> AcknowledgeType {
        let index = usize::try_from(offset.0 - self.first.0).unwrap_or(0);
        let own = self.types.get(index).filter(|_| self.is_per_record());
        own.or(self.types.first()).copied().unwrap_or(AcknowledgeType::Gap)
    }

    fn is_per_record(&self) -> bool {
        self.types.len() > 1
    }

    /// Where the records end that are told the same as this one.
    fn last_like(&self, offset: Offset, last: Offset) -> Offset {
        if !self.is_per_record() {
            return last;
        }
        let own = self.type_of(offset);
        let mut end = offset;
        while end < last && self.type_of(end.next()) == own {
            end = end.next();
        }
        end
    }
}

/// A write that is being put together.
struct Change<'a> {
    id: WriteId,
    now: Monotonic,
    limits: &'a ShareLimits,
    member: &'a str,
    batches: Vec<StateBatch>,
    /// Records of the batch at hand stay with the member for longer.
    is_renewed: bool,
}

impl Change<'_> {
    /// Takes records from the member.
    fn begin(&mut self, run: &mut Run, to: RecordState) {
        run.record.begin(to, self.id, self.limits.delivery_count);
        self.batches.push(StateBatch::of(run));
    }

    /// Does what a member says of its records.
    fn take(&mut self, run: &mut Run, kind: AcknowledgeType) -> Result<(), AcknowledgeError> {
        match kind.then() {
            Some(state) => self.begin(run, state),
            None if self.limits.is_renew_enabled => {
                run.record.lock_until = Some(self.now.plus_ms(self.limits.lock_duration_ms));
                self.is_renewed = true;
            }
            None => return Err(AcknowledgeError::RenewDisabled),
        }
        Ok(())
    }
}

impl StateBatch {
    fn of(run: &Run) -> Self {
        let Run { first, last, record } = run;
        Self { first: *first, last: *last, state: record.state, delivery_count: record.delivery_count }
    }
}

impl SharePartition {
    /// Takes what a member says of its records: all of it, or nothing. What comes back is to be kept before the member is
    /// told that it was taken; `None` where nothing changes.
    ///
    /// # Errors
    /// Where the records are not with the member.
    pub fn acknowledge(
        &mut self,
        now: Monotonic,
        limits: &ShareLimits,
        id: WriteId,
        member: &str,
        acknowledgements: &[Acknowledgement],
    ) -> Result<Option<StateWrite>, AcknowledgeError> {
        let mut change = Change { id, now, limits, member, batches: Vec::new(), is_renewed: false };
        let start = self.start;
        for acknowledgement in acknowledgements.iter().filter(|all| all.last >= start) {
            let taken = self.find(acknowledgement).and_then(|keys| self.take_back(&mut change, acknowledgement, keys));
            if let Err(error) = taken {
                self.write(id, &change.batches);
                self.written(now, id, false);
                return Err(error);
            }
        }
        Ok(self.finish(change))
    }

    /// All records of a member are available to others, once that is kept.
    pub fn release_member(
        &mut self,
        now: Monotonic,
        limits: &ShareLimits,
        id: WriteId,
        member: &str,
    ) -> Option<StateWrite> {
        let mut change = Change { id, now, limits, member, batches: Vec::new(), is_renewed: false };
        let start = self.start;
        for batch in self.batches.values_mut() {
            let has_any = batch.runs().iter().any(|run| run.record.is_with(member));
            if !has_any {
                continue;
            }
            for_parts(batch, start, |run, is_before_start| {
                if run.record.is_with(member) {
                    change.begin(run, if is_before_start { RecordState::Archived } else { RecordState::Available });
                }
            });
        }
        self.finish(change)
    }

    /// Takes records back that were with their members long enough. They are available at once, whatever becomes of the write.
    pub fn release_expired(&mut self, now: Monotonic, limits: &ShareLimits, id: WriteId) -> Option<StateWrite> {
        let mut batches = Vec::new();
        let (start, mut looks_back) = (self.start, false);
        while let Some((end, key)) = self.lock_ends.first().copied().filter(|(end, _)| *end <= now) {
            self.lock_ends.remove(&(end, key));
            let Some(batch) = self.batches.get_mut(&key) else { continue };
            batch.lock_ends.retain(|armed| *armed != end);
            let is_due = |run: &Run| {
                run.record.state == RecordState::Acquired && run.record.lock_until.is_some_and(|until| until <= now)
            };
            if !batch.runs().iter().any(is_due) {
                continue;
            }
            for_parts(batch, start, |run, is_before_start| {
                if is_due(run) {
                    let to = if is_before_start { RecordState::Archived } else { RecordState::Available };
                    run.record.time_out(to, limits.delivery_count);
                    looks_back |= run.record.state == RecordState::Available;
                    batches.push(StateBatch::of(run));
                }
            });
        }
        self.looks_back |= looks_back;
        if batches.is_empty() {
            return None;
        }
        self.writes.insert(id, Vec::new());
        Some(self.state_write(id, batches))
    }

    /// A write is over. Whether there may be more to fetch than before.
    pub fn written(&mut self, now: Monotonic, id: WriteId, is_kept: bool) -> bool {
        let Some(ranges) = self.writes.remove(&id) else { return false };
        let was_for_time = ranges.is_empty();
        let mut is_freed = false;
        for (first, last) in ranges {
            for key in self.keys_between(first, last) {
                let Some(batch) = self.batches.get_mut(&key) else { continue };
                let is_of_write = |run: &Run| run.record.pending.as_ref().is_some_and(|pending| pending.write == id);
                if !batch.runs().iter().any(is_of_write) {
                    continue;
                }
                for_parts(batch, self.start, |run, is_before_start| {
                    if !is_of_write(run) {
                        return;
                    }
                    run.record.end(now, is_kept);
                    // The start may have moved over it meanwhile.
                    if is_before_start && run.record.is_available() {
                        run.record.archive();
                    }
                    is_freed |= run.record.is_available();
                });
            }
        }
        self.looks_back |= is_freed;
        let is_moved = (is_kept || was_for_time) && self.move_start();
        is_freed || is_moved
    }

    /// The batches that an acknowledgement is about.
    fn find(&self, of: &Acknowledgement) -> Result<Vec<Offset>, AcknowledgeError> {
        let from = match self.floor(of.first) {
            Some(batch) => batch.first(),
            // What was before the start is forgotten.
            None if of.first < self.start && of.last >= self.start => {
                self.floor(self.start).ok_or(AcknowledgeError::NotInFlight)?.first()
            }
            None => return Err(AcknowledgeError::NotInFlight),
        };
        let keys: Vec<_> = self.batches.range(from..=of.last).map(|(key, _)| *key).collect();
        let last = keys.last().and_then(|key| self.batches.get(key)).map_or(from, Batch::last);
        if last < of.first {
            return Err(AcknowledgeError::FirstTooLate);
        }
        if last < of.last {
            return Err(AcknowledgeError::LastTooLate);
        }
        Ok(keys)
    }

    fn take_back(
        &mut self,
        change: &mut Change<'_>,
        of: &Acknowledgement,
        keys: Vec<Offset>,
    ) -> Result<(), AcknowledgeError> {
        let start = self.start;
        for key in keys {
            let is_meant = |batch: &&mut Batch| batch.last() >= start.max(of.first) && !batch.is_unread();
            let Some(batch) = self.batches.get_mut(&key).filter(is_meant) else { continue };
            if let Some(record) = batch.whole() {
                if record.member.is_none() {
                    return Err(AcknowledgeError::BatchNotAcquired);
                }
                if !record.is_with(change.member) {
                    return Err(AcknowledgeError::OthersBatch);
                }
            }
            let is_all = batch.first() >= of.first && batch.last() <= of.last;
            let taken = if is_all && !batch.is_split() && !of.is_per_record() && batch.first() >= start {
                take_whole(batch, change, of.type_of(of.first))
            } else {
                batch.split();
                take_part(batch, change, of, start)
            };
            if core::mem::take(&mut change.is_renewed) {
                self.arm(key, change.now.plus_ms(change.limits.lock_duration_ms));
            }
            taken?;
        }
        Ok(())
    }

    fn finish(&mut self, change: Change<'_>) -> Option<StateWrite> {
        if change.batches.is_empty() {
            return None;
        }
        self.write(change.id, &change.batches);
        Some(self.state_write(change.id, change.batches))
    }

    fn write(&mut self, id: WriteId, batches: &[StateBatch]) {
        if !batches.is_empty() {
            self.writes.insert(id, batches.iter().map(|batch| (batch.first, batch.last)).collect());
        }
    }

    fn state_write(&self, id: WriteId, batches: Vec<StateBatch>) -> StateWrite {
        let delivery_complete_count = self.delivery_complete_count();
        StateWrite { id, start: self.start, delivery_complete_count, batches }
    }
}

/// Takes a batch from its member, or leaves it there for longer.
fn take_whole(batch: &mut Batch, change: &mut Change<'_>, kind: AcknowledgeType) -> Result<(), AcknowledgeError> {
    let (first, last) = (batch.first(), batch.last());
    let run = &mut batch.runs_between(first, last)[0];
    change.take(run, kind)
}

/// Takes records of a batch from its member, or leaves them there for longer.
fn take_part(
    batch: &mut Batch,
    change: &mut Change<'_>,
    of: &Acknowledgement,
    start: Offset,
) -> Result<(), AcknowledgeError> {
    let (mut next, last) = (of.first.max(start).max(batch.first()), of.last.min(batch.last()));
    while next <= last {
        let until = of.last_like(next, last);
        for run in batch.runs_between(next, until) {
            if run.record.state != RecordState::Acquired {
                return Err(AcknowledgeError::NotAcquired);
            }
            if !run.record.is_with(change.member) {
                return Err(AcknowledgeError::OthersRecord);
            }
            change.take(run, of.type_of(next))?;
        }
        next = until.next();
    }
    batch.join_runs();
    Ok(())
}

/// Goes through a batch; the runs before the start apart from those behind it.
fn for_parts(batch: &mut Batch, start: Offset, mut each: impl FnMut(&mut Run, bool)) {
    let (first, last) = (batch.first(), batch.last());
    if first < start && start <= last {
        batch.split();
        batch.runs_between(start, last);
    }
    for run in batch.runs_between(first, last) {
        let is_before_start = run.last < start;
        each(run, is_before_start);
    }
    batch.join_runs();
}
