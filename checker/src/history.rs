//! A history: which process asked for what, what came of it, and in which order. It is kept small: ids are numbers, values are
//! numbers, records lie in a few long arrays.
//!
//! What does not belong here: whether it can be true (`checks`), and how it is written down (`format`).

mod body;
mod names;
mod op;

use thiserror::Error;

pub(crate) use body::{Body, NONE, Other};
pub(crate) use names::Names;
pub use op::{
    Assignment, Completion, End, Event, Guarantee, Isolation, Keeps, Mark, Marks, Operation, Outcome, Poll, Position,
    Read, Record, Send, Sequence, Value,
};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub(crate) u32);
    };
}

id!(
    /// Who asks: a client, or one of the things that a client does at a time.
    ProcessId
);
id!(
    /// One life of a partition: who deletes a topic and creates it again has another one.
    PartitionId
);
id!(
    /// A consumer group.
    GroupId
);
id!(
    /// A transaction, not a transactional id: each has its own.
    TransactionId
);
id!(
    /// An operation or event; earlier ones have lower numbers.
    OpId
);
id!(
    /// A place in the order in which everything began and ended.
    Moment
);

/// Why something can't be part of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HistoryError {
    /// An operation ends that never began.
    #[error("expected an operation that began, found {0:?}")]
    NoSuchOperation(OpId),
    /// An operation ends twice.
    #[error("expected an operation that is still open, found {0:?}, which has ended")]
    AlreadyEnded(OpId),
    /// A completion of another kind of operation.
    #[error("expected the completion of {expected}, found that of {found}")]
    OtherCompletion {
        /// What was asked.
        expected: &'static str,
        /// What came.
        found: &'static str,
    },
    /// As many offsets as values, or none.
    #[error("expected {expected} offsets, one for each value, or none; found {found}")]
    Offsets {
        /// Values that were sent.
        expected: usize,
        /// Offsets that came.
        found: usize,
    },
    /// An offset is negative.
    #[error("expected an offset of 0 or more, found {0}")]
    NegativeOffset(i64),
    /// There are too many of something.
    #[error("expected fewer than {limit} {what}, found more")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        limit: u32,
    },
}

/// All that was asked, and what came of it. [`History::invoke`], [`History::complete`] and [`History::event`] are called in
/// the order in which things happened.
///
/// ```
/// use ottla_checker::{
///     check, Completion, Guarantee, History, Isolation, Marks, Operation, Outcome, Poll, Read, Record, Send,
/// };
///
/// let mut history = History::default();
/// let (writer, reader) = (history.process("writer")?, history.process("reader")?);
/// let partition = history.partition("letters-0")?;
/// let send = Send { partition, values: &[1, 2], guarantee: Guarantee::Once, transaction: None };
/// let op = history.invoke(writer, None, Operation::Send(send))?;
/// history.complete(op, None, Outcome::Ok(Completion::Sent { offsets: &[0, 1] }))?;
/// let poll = Poll { isolation: Isolation::Uncommitted, transaction: None };
/// let op = history.invoke(reader, None, Operation::Poll(poll))?;
/// let records = [Record { offset: 0, value: 1 }, Record { offset: 1, value: 2 }];
/// let read = Read { partition, from: Some(0), next: None, records: &records, marks: Marks::default() };
/// history.complete(op, None, Outcome::Ok(Completion::Polled { reads: &[read] }))?;
/// assert!(check(&history).is_good());
/// # Ok::<(), ottla_checker::HistoryError>(())
/// ```
#[derive(Debug, Default)]
pub struct History {
    pub(crate) processes: Names,
    pub(crate) partitions: Names,
    pub(crate) groups: Names,
    pub(crate) transactions: Names,
    /// By partition: whether everything is kept.
    pub(crate) keeps: Vec<Keeps>,
    pub(crate) ops: Vec<Op>,
    /// By moment: which operation, and whether it ended; see [`Tick`].
    pub(crate) ticks: Vec<Tick>,
    pub(crate) sent: Vec<Record>,
    pub(crate) sequences: Vec<Sequence>,
    pub(crate) reads: Vec<Span>,
    /// Of those reads that say any.
    pub(crate) marks: Vec<Marks>,
    pub(crate) records: Vec<Record>,
    pub(crate) others: Vec<Other>,
}

/// An operation as it is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Op {
    pub process: ProcessId,
    pub begun: Moment,
    /// [`NONE`] while it has not ended.
    pub ended: Moment,
    pub status: Status,
    pub begun_us: u64,
    pub ended_us: u64,
    pub body: Body,
}

impl Op {
    /// From when on it is certain that it has done what it should; never, if that is not known.
    pub(crate) fn done(&self) -> Moment {
        if self.status == Status::Ok { self.ended } else { Moment(NONE) }
    }
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// It did what it should.
    Ok,
    /// It did nothing, for certain.
    Failed,
    /// It may have done something, or may yet.
    Unknown,
    /// It happened at one moment.
    Event,
}

/// What happened at a moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tick(u32);

impl Tick {
    fn new(op: u32, is_end: bool) -> Self {
        Self(op << 1 | u32::from(is_end))
    }

    pub(crate) fn op(self) -> usize {
        (self.0 >> 1) as usize
    }

    pub(crate) fn is_end(self) -> bool {
        self.0 & 1 == 1
    }
}

/// What was read of one partition: records from `first` on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub partition: PartitionId,
    pub first: u32,
    pub count: u32,
    /// Where its marks are, or [`NONE`].
    pub marks: u32,
    /// Negative if it was not said.
    pub from: i64,
    /// Negative if it was not said.
    pub next: i64,
}

/// What a time is where none was said.
pub(crate) const NO_TIME: u64 = u64::MAX;
/// An offset that was not said.
pub(crate) const NO_OFFSET: i64 = -1;
/// Operations that a history can have: each has up to three nodes among those that can be in a circle.
const OPS_MAX: u32 = 80_000_000;
/// Of anything else, so that two of them and what comes of them can be counted.
const OTHERS_MAX: u32 = 1_000_000_000;

impl History {
    /// The process of this name.
    ///
    /// # Errors
    /// There are too many.
    pub fn process(&mut self, name: &str) -> Result<ProcessId, HistoryError> {
        self.processes.intern(name, "processes").map(ProcessId)
    }

    /// The partition of this name, such as `letters-0`. A topic that is deleted and created again has partitions with other
    /// names, such as `letters#2-0`.
    ///
    /// # Errors
    /// There are too many.
    pub fn partition(&mut self, name: &str) -> Result<PartitionId, HistoryError> {
        let id = self.partitions.intern(name, "partitions")?;
        self.keeps.resize(self.partitions.len(), Keeps::All);
        Ok(PartitionId(id))
    }

    /// The group of this name.
    ///
    /// # Errors
    /// There are too many.
    pub fn group(&mut self, name: &str) -> Result<GroupId, HistoryError> {
        self.groups.intern(name, "groups").map(GroupId)
    }

    /// The transaction that goes by this number.
    ///
    /// # Errors
    /// There are too many.
    pub fn transaction(&mut self, number: u64) -> Result<TransactionId, HistoryError> {
        self.transactions.number(number, "transactions").map(TransactionId)
    }

    /// Something begins, at this time in microseconds if it is known.
    ///
    /// # Errors
    /// It can't be part of a history.
    pub fn invoke(
        &mut self,
        process: ProcessId,
        at_us: Option<u64>,
        operation: Operation<'_>,
    ) -> Result<OpId, HistoryError> {
        let body = self.body_of(operation)?;
        self.push(process, at_us, body, Status::Unknown)
    }

    /// It ends.
    ///
    /// # Errors
    /// It can't end so.
    pub fn complete(&mut self, id: OpId, at_us: Option<u64>, outcome: Outcome<'_>) -> Result<(), HistoryError> {
        let op = *self.ops.get(id.0 as usize).ok_or(HistoryError::NoSuchOperation(id))?;
        if op.ended.0 != NONE {
            return Err(HistoryError::AlreadyEnded(id));
        }
        let (status, body) = match outcome {
            Outcome::Ok(completion) => (Status::Ok, self.completed(op.body, completion)?),
            Outcome::Failed => (Status::Failed, op.body),
            Outcome::Unknown => (Status::Unknown, op.body),
        };
        let ended = Moment(self.ticks.len() as u32);
        self.ticks.push(Tick::new(id.0, true));
        self.ops[id.0 as usize] = Op { ended, status, body, ended_us: at_us.unwrap_or(NO_TIME), ..op };
        Ok(())
    }

    /// Something happens to a process at one moment.
    ///
    /// # Errors
    /// It can't be part of a history.
    pub fn event(&mut self, process: ProcessId, at_us: Option<u64>, event: Event<'_>) -> Result<OpId, HistoryError> {
        let body = self.body_of_event(event)?;
        self.push(process, at_us, body, Status::Event)
    }

    /// Operations and events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ops.len()
    }

    /// Whether nothing happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// What a process is called.
    #[must_use]
    pub fn process_name(&self, id: ProcessId) -> String {
        self.processes.name(id.0)
    }

    /// What a partition is called.
    #[must_use]
    pub fn partition_name(&self, id: PartitionId) -> String {
        self.partitions.name(id.0)
    }

    /// What a group is called.
    #[must_use]
    pub fn group_name(&self, id: GroupId) -> String {
        self.groups.name(id.0)
    }

    /// The number by which a transaction goes.
    #[must_use]
    pub fn transaction_number(&self, id: TransactionId) -> String {
        self.transactions.name(id.0)
    }

    fn push(
        &mut self,
        process: ProcessId,
        at_us: Option<u64>,
        body: Body,
        status: Status,
    ) -> Result<OpId, HistoryError> {
        let id = self.ops.len() as u32;
        if id >= OPS_MAX {
            return Err(HistoryError::TooMany { what: "operations", limit: OPS_MAX });
        }
        let begun = Moment(self.ticks.len() as u32);
        let at_us = at_us.unwrap_or(NO_TIME);
        let is_event = status == Status::Event;
        self.ticks.push(Tick::new(id, false));
        let (ended, ended_us) = if is_event { (begun, at_us) } else { (Moment(NONE), NO_TIME) };
        self.ops.push(Op { process, begun, ended, status, begun_us: at_us, ended_us, body });
        Ok(OpId(id))
    }

    pub(crate) fn op(&self, id: u32) -> &Op {
        &self.ops[id as usize]
    }

    /// The transaction that an operation is of, or [`NONE`].
    pub(crate) fn transaction_of(&self, body: Body) -> u32 {
        match body {
            Body::Send { transaction, .. }
            | Body::Poll { transaction, .. }
            | Body::Begin { transaction }
            | Body::End { transaction, .. } => transaction,
            Body::Other(at) => match self.others[at as usize] {
                Other::Commit { transaction, .. } => transaction,
                _ => NONE,
            },
        }
    }

    pub(crate) fn sent_of(&self, first: u32, count: u32) -> &[Record] {
        &self.sent[first as usize..(first + count) as usize]
    }

    pub(crate) fn reads_of(&self, first: u32, count: u32) -> &[Span] {
        &self.reads[first as usize..(first + count) as usize]
    }

    pub(crate) fn marks_of(&self, span: &Span) -> Marks {
        self.marks.get(span.marks as usize).copied().unwrap_or_default()
    }

    pub(crate) fn records_of(&self, span: &Span) -> &[Record] {
        &self.records[span.first as usize..(span.first + span.count) as usize]
    }
}

/// A length that fits.
pub(crate) fn small(length: usize, what: &'static str) -> Result<u32, HistoryError> {
    match u32::try_from(length) {
        Ok(length) if length < OTHERS_MAX => Ok(length),
        _ => Err(HistoryError::TooMany { what, limit: OTHERS_MAX }),
    }
}
