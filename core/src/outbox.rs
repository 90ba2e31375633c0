//! What the broker's parts use to reach the world: outputs in order, and who waits for which storage command.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;

use crate::boundary::{FileId, Level, OpId, Output, Report, StorageCommand, Work};
use crate::marks::{Mark, Marks};
use crate::planted::Bugs;
use crate::types::PartitionId;

/// Outputs that wait to be polled, and the numbers of commands and files.
#[derive(Debug, Default)]
pub struct Outbox {
    outputs: VecDeque<Output>,
    owners: BTreeMap<OpId, Owner>,
    next_op: u64,
    next_file: u64,
    /// Of the log that was opened last.
    last_log: u64,
    /// [`Output::Halt`] was said: nothing comes after it.
    is_over: bool,
    /// What is planted, for tests.
    bugs: Bugs,
    /// Which named places were reached, for tests.
    pub(crate) marks: Marks,
}

/// One of the logs of a partition: while it moves between log directories there are several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogId {
    /// Of which partition.
    pub partition: PartitionId,
    /// Never given to another log; zero where it was never opened.
    pub serial: u64,
}

/// The part that issued a storage command and gets its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// One of a partition's logs.
    Log(LogId),
    /// A partition's move to another log directory, while none of its logs is at work.
    Move(PartitionId),
    /// The log directory as a whole: start, stop, checkpoints.
    Directory,
    /// A request, which is parked until then.
    Request,
    /// Nobody waits: a failure is only reported.
    Nobody,
}

impl Outbox {
    /// Of a broker with what is planted.
    #[must_use]
    pub fn new(bugs: Bugs) -> Self {
        Self { bugs, ..Self::default() }
    }

    /// What is planted, for tests.
    #[must_use]
    pub fn bugs(&self) -> Bugs {
        self.bugs
    }

    /// A named place is reached.
    #[inline]
    pub(crate) fn reach(&mut self, mark: Mark) {
        self.marks.reach(mark);
    }

    /// Issues a storage command; its result goes to `owner`.
    pub fn store(&mut self, owner: Owner, command: StorageCommand) -> OpId {
        let op = self.new_op(owner);
        self.push(Output::Store { op, command });
        op
    }

    /// Hands out a piece of work, which comes back to `owner`.
    pub fn work(&mut self, owner: Owner, work: Work) -> OpId {
        let op = self.new_op(owner);
        self.push(Output::Work { op, work });
        op
    }

    fn new_op(&mut self, owner: Owner) -> OpId {
        let op = OpId(self.next_op);
        self.next_op += 1;
        self.owners.insert(op, owner);
        op
    }

    /// A number for a file that is about to be opened.
    pub fn new_file_id(&mut self) -> FileId {
        let file = FileId(self.next_file);
        self.next_file += 1;
        file
    }

    /// A name for a log of `partition` that is about to be opened.
    pub fn new_log_id(&mut self, partition: PartitionId) -> LogId {
        self.last_log += 1;
        LogId { partition, serial: self.last_log }
    }

    /// Says something to people.
    pub fn report(&mut self, level: Level, text: impl Into<String>) {
        self.push(Output::Report(Report { level, text: text.into() }));
    }

    /// Any output; none once there was [`Output::Halt`].
    pub fn push(&mut self, output: Output) {
        if !self.is_over {
            self.is_over = matches!(output, Output::Halt { .. });
            self.outputs.push_back(output);
        }
    }

    /// The next output to be done.
    pub fn pop(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Who waits for `op`; asked once, when its result comes.
    ///
    /// # Panics
    /// Where the adapter reports an operation that was never issued, or twice.
    pub fn take_owner(&mut self, op: OpId) -> Owner {
        self.owners.remove(&op).expect("each storage command ends exactly once")
    }

    /// Storage commands whose results have not come yet.
    #[must_use]
    pub fn operations_in_flight(&self) -> usize {
        self.owners.len()
    }
}
