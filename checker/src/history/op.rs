//! What can be asked, what can come of it, and what can happen.

use super::{GroupId, PartitionId, TransactionId};

/// What a record carries. No two records that are sent to a partition have the same, but for one that is sent again.
pub type Value = u64;

/// A record at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Record {
    /// Where.
    pub offset: i64,
    /// What.
    pub value: Value,
}

/// What a process asks for.
#[derive(Clone, Copy, Debug)]
pub enum Operation<'a> {
    /// To append records.
    Send(Send<'a>),
    /// To read records.
    Poll(Poll),
    /// To commit offsets; `None` deletes one.
    Commit {
        /// Of which group.
        group: GroupId,
        /// How far each partition was read.
        positions: &'a [Position],
        /// With which transaction they take effect.
        transaction: Option<TransactionId>,
    },
    /// To see committed offsets.
    Committed {
        /// Of which group.
        group: GroupId,
        /// Those of consumers of committed records wait for transactions under way to be decided.
        isolation: Isolation,
    },
    /// To begin a transaction. It need not be said: its first operation begins it.
    Begin {
        /// Which.
        transaction: TransactionId,
    },
    /// To end a transaction.
    End {
        /// Which.
        transaction: TransactionId,
        /// How.
        end: End,
    },
    /// To see one of a partition's marks.
    Observe {
        /// Of which partition.
        partition: PartitionId,
        /// Which.
        mark: Mark,
    },
    /// To delete records from a log's start.
    Delete {
        /// Of which partition.
        partition: PartitionId,
        /// Those before this offset; all if `None`.
        before: Option<i64>,
    },
}

/// Records to append to a partition, in this order.
#[derive(Clone, Copy, Debug)]
pub struct Send<'a> {
    /// To which.
    pub partition: PartitionId,
    /// What.
    pub values: &'a [Value],
    /// How often they may come to be there.
    pub guarantee: Guarantee,
    /// In which transaction.
    pub transaction: Option<TransactionId>,
}

/// How often a send may append its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guarantee {
    /// As often as the client tries: a producer that retries and is not idempotent.
    AtLeastOnce,
    /// Once: an idempotent or transactional producer, or one that does not retry.
    Once,
    /// Once, and all sends of this sequence number are the same one.
    Sequenced(Sequence),
}

/// How an idempotent producer names a batch; unique in its partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence {
    /// The producer id.
    pub producer: u64,
    /// The producer's epoch.
    pub epoch: i32,
    /// The sequence number of the first record.
    pub first: i32,
}

/// How to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poll {
    /// What may be seen.
    pub isolation: Isolation,
    /// Whose input it is.
    pub transaction: Option<TransactionId>,
}

/// `isolation.level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isolation {
    /// Everything up to the high watermark.
    Uncommitted,
    /// Everything up to the last stable offset, without what was aborted.
    Committed,
}

/// How a transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// All of it is there.
    Commit,
    /// Nothing of it is there.
    Abort,
}

/// A place in a partition that is known by an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// Nothing is before it.
    LogStart,
    /// Consumers see what is before it.
    HighWatermark,
    /// All before it is decided.
    LastStableOffset,
    /// The next record comes here.
    LogEnd,
}

/// How far a group has read a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Which.
    pub partition: PartitionId,
    /// The next offset to read; `None` if none is committed.
    pub offset: Option<i64>,
}

/// How something ended.
#[derive(Clone, Copy, Debug)]
pub enum Outcome<'a> {
    /// Well.
    Ok(Completion<'a>),
    /// For certain nothing was done.
    Failed,
    /// Nobody knows. It may have been done, and may yet be.
    Unknown,
}

/// What an operation that did well gave.
#[derive(Clone, Copy, Debug)]
pub enum Completion<'a> {
    /// Of a commit, a begin or an end: it is done.
    Done,
    /// Of a send: the offset of each value, or none at all if they are not known.
    Sent {
        /// In the order of the values.
        offsets: &'a [i64],
    },
    /// Of a poll.
    Polled {
        /// By partition; one may come twice.
        reads: &'a [Read<'a>],
    },
    /// Of a look at committed offsets.
    Committed {
        /// Those that were asked for.
        positions: &'a [Position],
    },
    /// Of an observation, where the mark is; of a deletion, where the log starts now.
    Observed {
        /// The offset.
        offset: i64,
    },
}

/// What a poll got of a partition.
#[derive(Clone, Copy, Debug)]
pub struct Read<'a> {
    /// Which.
    pub partition: PartitionId,
    /// Where the consumer asked, if that is known. It goes on from its last record otherwise.
    pub from: Option<i64>,
    /// Where it goes on afterwards, if that is known: all that is before was seen.
    pub next: Option<i64>,
    /// What it handed to the application, in this order.
    pub records: &'a [Record],
    /// What the answer said of the partition.
    pub marks: Marks,
}

/// Where a partition's marks are, as far as an answer with records says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Nothing is before it.
    pub log_start: Option<i64>,
    /// Consumers see what is before it.
    pub high_watermark: Option<i64>,
    /// All before it is decided.
    pub last_stable_offset: Option<i64>,
}

impl Marks {
    /// Those that were said.
    pub fn said(&self) -> impl Iterator<Item = (Mark, i64)> {
        let all = [
            (Mark::LogStart, self.log_start),
            (Mark::HighWatermark, self.high_watermark),
            (Mark::LastStableOffset, self.last_stable_offset),
        ];
        all.into_iter().filter_map(|(mark, offset)| Some((mark, offset?)))
    }
}

/// What happens at one moment.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A consumer has these partitions now, and no others. It goes on with those it keeps, and begins anew with the rest.
    Assign(Assignment<'a>),
    /// A consumer goes elsewhere.
    Seek {
        /// In which partition.
        partition: PartitionId,
        /// Where; `None` if that is not known.
        to: Option<i64>,
    },
    /// The broker has started again.
    Restart {
        /// It may have lost what it had acknowledged: no sync was asked for, and the power failed. What was known before is
        /// not held against what comes after.
        forgives: bool,
    },
    /// What a partition keeps, from the beginning on.
    Partition {
        /// Which.
        partition: PartitionId,
        /// What.
        keeps: Keeps,
    },
    /// Somebody has looked at all records that are in a log's files.
    Disk {
        /// Of which partition.
        partition: PartitionId,
        /// Where the log starts.
        from: i64,
        /// The first that is not there any more.
        end: i64,
        /// All that there is, aborted records included.
        records: &'a [Record],
    },
}

/// What a consumer has to read.
#[derive(Clone, Copy, Debug)]
pub struct Assignment<'a> {
    /// Who assigned it: a group in a generation (of the consumer protocol: the member's epoch). `None`: the consumer itself.
    pub group: Option<(GroupId, i32)>,
    /// All that it has.
    pub partitions: &'a [PartitionId],
    /// Those of them with which it goes on where it was.
    pub kept: &'a [PartitionId],
}

/// What a partition keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keeps {
    /// Everything that nobody asked to be deleted.
    #[default]
    All,
    /// What is recent: records get too old or too many. What is before a log start that was seen may be gone.
    Recent,
    /// Any record may vanish by itself: the log is compacted.
    Some,
}
