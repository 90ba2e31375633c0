//! Operations as they are kept.

use super::{
    Assignment, Completion, End, Event, GroupId, Guarantee, History, HistoryError, Isolation, Keeps, Mark, Marks,
    NO_OFFSET, Operation, PartitionId, Position, Record, Send, Span, TransactionId, small,
};

/// No number.
pub(crate) const NONE: u32 = u32::MAX;

/// What an operation is. What is frequent is small, and what is rare lies elsewhere.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Body {
    Send { partition: PartitionId, transaction: u32, first: u32, count: u32, guarantee: Kept },
    Poll { isolation: Isolation, transaction: u32, first: u32, count: u32 },
    Begin { transaction: u32 },
    End { transaction: u32, end: End },
    Other(u32),
}

/// A guarantee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kept(u32);

impl Kept {
    const AT_LEAST_ONCE: Self = Self(NONE);
    const ONCE: Self = Self(NONE - 1);

    pub(crate) fn is_once(self) -> bool {
        self != Self::AT_LEAST_ONCE
    }

    /// Where the sequence is.
    pub(crate) fn sequence(self) -> Option<usize> {
        (self.0 < Self::ONCE.0).then_some(self.0 as usize)
    }
}

/// What is rare.
#[derive(Clone, Debug)]
pub(crate) enum Other {
    Commit { group: GroupId, transaction: u32, positions: Box<[Position]> },
    Committed { group: GroupId, isolation: Isolation, positions: Box<[Position]> },
    Observe { partition: PartitionId, mark: Mark, offset: i64 },
    Delete { partition: PartitionId, before: Option<i64>, start: i64 },
    Assign { group: Option<(GroupId, i32)>, partitions: Box<[PartitionId]>, kept: Box<[PartitionId]> },
    Seek { partition: PartitionId, to: Option<i64> },
    Restart { forgives: bool },
    Partition { partition: PartitionId, keeps: Keeps },
    Disk { partition: PartitionId, from: i64, end: i64, records: Box<[Record]> },
}

fn kept(transaction: Option<TransactionId>) -> u32 {
    transaction.map_or(NONE, |transaction| transaction.0)
}

fn positive(offset: i64) -> Result<i64, HistoryError> {
    if offset < 0 { Err(HistoryError::NegativeOffset(offset)) } else { Ok(offset) }
}

fn all_positive(records: &[Record]) -> Result<(), HistoryError> {
    records.iter().try_for_each(|record| positive(record.offset).map(|_| ()))
}

fn check_positions(positions: &[Position]) -> Result<(), HistoryError> {
    positions.iter().filter_map(|position| position.offset).try_for_each(|offset| positive(offset).map(|_| ()))
}

impl History {
    pub(super) fn body_of(&mut self, operation: Operation<'_>) -> Result<Body, HistoryError> {
        Ok(match operation {
            Operation::Send(send) => self.send(send)?,
            Operation::Poll(poll) => {
                Body::Poll { isolation: poll.isolation, transaction: kept(poll.transaction), first: 0, count: 0 }
            }
            Operation::Commit { group, positions, transaction } => {
                check_positions(positions)?;
                self.other(Other::Commit { group, transaction: kept(transaction), positions: positions.into() })?
            }
            Operation::Committed { group, isolation } => {
                self.other(Other::Committed { group, isolation, positions: Box::default() })?
            }
            Operation::Begin { transaction } => Body::Begin { transaction: transaction.0 },
            Operation::End { transaction, end } => Body::End { transaction: transaction.0, end },
            Operation::Observe { partition, mark } => {
                self.other(Other::Observe { partition, mark, offset: NO_OFFSET })?
            }
            Operation::Delete { partition, before } => {
                before.map(positive).transpose()?;
                self.other(Other::Delete { partition, before, start: NO_OFFSET })?
            }
        })
    }

    fn send(&mut self, send: Send<'_>) -> Result<Body, HistoryError> {
        let guarantee = match send.guarantee {
            Guarantee::AtLeastOnce => Kept::AT_LEAST_ONCE,
            Guarantee::Once => Kept::ONCE,
            Guarantee::Sequenced(sequence) => {
                let at = small(self.sequences.len() + 1, "sequences")? - 1;
                self.sequences.push(sequence);
                Kept(at)
            }
        };
        let first = small(self.sent.len(), "sent records")?;
        small(self.sent.len() + send.values.len(), "sent records")?;
        self.sent.extend(send.values.iter().map(|value| Record { offset: NO_OFFSET, value: *value }));
        let (partition, transaction) = (send.partition, kept(send.transaction));
        Ok(Body::Send { partition, transaction, first, count: send.values.len() as u32, guarantee })
    }

    fn other(&mut self, other: Other) -> Result<Body, HistoryError> {
        let at = small(self.others.len(), "operations")?;
        self.others.push(other);
        Ok(Body::Other(at))
    }

    pub(super) fn body_of_event(&mut self, event: Event<'_>) -> Result<Body, HistoryError> {
        let other = match event {
            Event::Assign(Assignment { group, partitions, kept }) => {
                Other::Assign { group, partitions: partitions.into(), kept: kept.into() }
            }
            Event::Seek { partition, to } => {
                to.map(positive).transpose()?;
                Other::Seek { partition, to }
            }
            Event::Restart { forgives } => Other::Restart { forgives },
            Event::Partition { partition, keeps } => {
                self.keeps[partition.0 as usize] = keeps;
                Other::Partition { partition, keeps }
            }
            Event::Disk { partition, from, end, records } => {
                positive(from)?;
                positive(end)?;
                all_positive(records)?;
                Other::Disk { partition, from, end, records: records.into() }
            }
        };
        self.other(other)
    }

    /// What becomes of an operation with what came of it.
    pub(super) fn completed(&mut self, body: Body, completion: Completion<'_>) -> Result<Body, HistoryError> {
        match (body, completion) {
            (Body::Send { first, count, .. }, Completion::Sent { offsets }) => {
                self.complete_send(first, count, offsets)?;
                Ok(body)
            }
            (Body::Poll { isolation, transaction, .. }, Completion::Polled { reads }) => {
                let first = self.complete_poll(reads)?;
                Ok(Body::Poll { isolation, transaction, first, count: reads.len() as u32 })
            }
            (Body::Begin { .. } | Body::End { .. }, Completion::Done) => Ok(body),
            (Body::Other(at), completion) => self.complete_other(at, completion).map(|()| body),
            (body, completion) => Err(self.mismatch(body, completion)),
        }
    }

    fn complete_send(&mut self, first: u32, count: u32, offsets: &[i64]) -> Result<(), HistoryError> {
        if !offsets.is_empty() && offsets.len() != count as usize {
            return Err(HistoryError::Offsets { expected: count as usize, found: offsets.len() });
        }
        let sent = &mut self.sent[first as usize..(first + count) as usize];
        for (record, offset) in sent.iter_mut().zip(offsets) {
            record.offset = positive(*offset)?;
        }
        Ok(())
    }

    fn complete_poll(&mut self, reads: &[super::Read<'_>]) -> Result<u32, HistoryError> {
        let first_read = small(self.reads.len(), "reads")?;
        small(self.reads.len() + reads.len(), "reads")?;
        for read in reads {
            read.from.into_iter().chain(read.next).try_for_each(|offset| positive(offset).map(|_| ()))?;
            read.marks.said().try_for_each(|(_, offset)| positive(offset).map(|_| ()))?;
            all_positive(read.records)?;
            let first = small(self.records.len(), "records read")?;
            small(self.records.len() + read.records.len(), "records read")?;
            self.records.extend_from_slice(read.records);
            let mut marks = NONE;
            if read.marks != Marks::default() {
                marks = small(self.marks.len(), "reads")?;
                self.marks.push(read.marks);
            }
            self.reads.push(Span {
                partition: read.partition,
                first,
                count: read.records.len() as u32,
                marks,
                from: read.from.unwrap_or(NO_OFFSET),
                next: read.next.unwrap_or(NO_OFFSET),
            });
        }
        Ok(first_read)
    }

    fn complete_other(&mut self, at: u32, completion: Completion<'_>) -> Result<(), HistoryError> {
        match (&mut self.others[at as usize], completion) {
            (Other::Commit { .. } | Other::Delete { .. }, Completion::Done) => {}
            (Other::Committed { positions, .. }, Completion::Committed { positions: found }) => {
                check_positions(found)?;
                *positions = found.into();
            }
            (
                Other::Observe { offset, .. } | Other::Delete { start: offset, .. },
                Completion::Observed { offset: at },
            ) => {
                *offset = positive(at)?;
            }
            (_, completion) => return Err(self.mismatch(Body::Other(at), completion)),
        }
        Ok(())
    }

    fn mismatch(&self, body: Body, completion: Completion<'_>) -> HistoryError {
        let found = match completion {
            Completion::Done => "something that is just done",
            Completion::Sent { .. } => "a send",
            Completion::Polled { .. } => "a poll",
            Completion::Committed { .. } => "a look at committed offsets",
            Completion::Observed { .. } => "an observation",
        };
        HistoryError::OtherCompletion { expected: self.noun(body), found }
    }

    /// What an operation is called.
    pub(crate) fn noun(&self, body: Body) -> &'static str {
        match body {
            Body::Send { .. } => "a send",
            Body::Poll { .. } => "a poll",
            Body::Begin { .. } => "the begin of a transaction",
            Body::End { .. } => "the end of a transaction",
            Body::Other(at) => match &self.others[at as usize] {
                Other::Commit { .. } => "a commit",
                Other::Committed { .. } => "a look at committed offsets",
                Other::Observe { .. } => "an observation",
                Other::Delete { .. } => "a deletion",
                _ => "an event",
            },
        }
    }
}
