//! What can be wrong with a history, with the evidence. Names are those of Jepsen's workload for Kafka where it has one.

use crate::history::{End, GroupId, Mark, OpId, PartitionId, Sequence, TransactionId, Value};

/// Something that was found. Operations are named by their ids: [`crate::story`] tells what they did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Anomaly {
    /// Two records are at one offset.
    InconsistentOffsets {
        /// Of this partition.
        partition: PartitionId,
        /// The offset.
        offset: i64,
        /// One record, and who saw it or was told that it is there.
        first: (Value, OpId),
        /// Another.
        second: (Value, OpId),
    },
    /// A record is at more offsets than it may be.
    Duplicate {
        /// Of this partition.
        partition: PartitionId,
        /// Which.
        value: Value,
        /// Where, and who saw it there or was told so.
        places: Vec<(i64, OpId)>,
        /// At how many it may be.
        allowed: u32,
    },
    /// A record was read that nobody sent to that partition.
    UnsentRead {
        /// The partition.
        partition: PartitionId,
        /// Where.
        offset: i64,
        /// What.
        value: Value,
        /// By whom.
        reader: OpId,
    },
    /// A record was read that was never there: its send failed, or its transaction was not committed and the reader wants
    /// committed records. Jepsen's G1a.
    AbortedRead {
        /// The partition.
        partition: PartitionId,
        /// Where.
        offset: i64,
        /// What.
        value: Value,
        /// Who sent it.
        sender: OpId,
        /// The transaction that was not committed.
        transaction: Option<TransactionId>,
        /// By whom.
        reader: OpId,
    },
    /// A reader of committed records got one before its producer had asked for the transaction to be committed.
    PrecommittedRead {
        /// The partition.
        partition: PartitionId,
        /// Where.
        offset: i64,
        /// What.
        value: Value,
        /// Who sent it.
        sender: OpId,
        /// Where the commit began.
        commit: OpId,
        /// By whom.
        reader: OpId,
    },
    /// A record was acknowledged, somebody read past it, and nobody ever got it.
    LostWrite {
        /// The partition.
        partition: PartitionId,
        /// Where it was said to be.
        offset: i64,
        /// What.
        value: Value,
        /// Who sent it.
        sender: OpId,
        /// Who read past it.
        reader: OpId,
    },
    /// A consumer went on from one offset to another and left out records that are known to be between.
    PollSkip {
        /// The partition.
        partition: PartitionId,
        /// Where it was, and since when.
        before: (i64, OpId),
        /// Where it went.
        after: (i64, OpId),
        /// How many it left out.
        skipped: u32,
        /// The first of them, and who knows of it.
        first: (i64, Value, OpId),
        /// Within one poll or transaction.
        is_internal: bool,
    },
    /// A consumer went back, or got the same offset again, without having been sent there.
    NonmonotonicPoll {
        /// The partition.
        partition: PartitionId,
        /// Where it was, and since when.
        before: (i64, OpId),
        /// Where it went.
        after: (i64, OpId),
        /// Within one poll or transaction.
        is_internal: bool,
    },
    /// What was sent first comes later in the log.
    NonmonotonicSend {
        /// The partition.
        partition: PartitionId,
        /// Offset, record and sender of what was sent first.
        earlier: (i64, Value, OpId),
        /// Of what was sent afterwards, and comes before it.
        later: (i64, Value, OpId),
        /// Both of one send or transaction.
        is_internal: bool,
        /// Both of one process.
        is_of_one_process: bool,
    },
    /// Between two records of one send or transaction there are records of others. Kafka allows it.
    SendSkip {
        /// The partition.
        partition: PartitionId,
        /// Offset and sender of one.
        before: (i64, OpId),
        /// Of the next.
        after: (i64, OpId),
        /// How many are between.
        skipped: u32,
    },
    /// Records were acknowledged, and nobody has come to read them. It may have been too early to end.
    Unseen {
        /// The partition.
        partition: PartitionId,
        /// How many.
        count: u64,
        /// The first: offset, if it is known, record, and sender.
        first: (Option<i64>, Value, OpId),
    },
    /// Operations of which each must have come before the next, and the last before the first.
    Cycle {
        /// Which kind of dependencies it takes.
        class: CycleClass,
        /// Each with what makes it come before the next.
        steps: Vec<Step>,
    },
    /// The log ends before a record that was acknowledged or read.
    AcknowledgedBeyondEnd {
        /// The partition.
        partition: PartitionId,
        /// Where the record is.
        offset: i64,
        /// Who was told so, or saw it.
        witness: OpId,
        /// Where the log ends.
        end: i64,
        /// Who saw that.
        observer: OpId,
    },
    /// A mark went back.
    MarkWentBack {
        /// The partition.
        partition: PartitionId,
        /// Which.
        mark: Mark,
        /// Where it was, and who knows.
        before: (i64, OpId),
        /// Where it was seen afterwards.
        after: (i64, OpId),
    },
    /// A group is said to have read up to where it was before it committed something else.
    CommittedOffsetWentBack {
        /// The group.
        group: GroupId,
        /// The partition.
        partition: PartitionId,
        /// What had been committed since, or seen to be.
        known: (Option<i64>, OpId),
        /// What was found.
        found: (Option<i64>, OpId),
    },
    /// A group is said to have read up to where nobody committed.
    UnsentCommit {
        /// The group.
        group: GroupId,
        /// The partition.
        partition: PartitionId,
        /// What was found.
        found: (i64, OpId),
    },
    /// Two members have a partition in one generation.
    TwoOwners {
        /// The group.
        group: GroupId,
        /// Its generation.
        generation: i32,
        /// The partition.
        partition: PartitionId,
        /// Where one learned that it has it.
        first: OpId,
        /// Where the other did.
        second: OpId,
    },
    /// An idempotent producer sent a batch twice, and was told two offsets.
    RetryElsewhere {
        /// The partition.
        partition: PartitionId,
        /// What names the batch.
        sequence: Sequence,
        /// Offset and send.
        first: (i64, OpId),
        /// Another offset, and the send again.
        second: (i64, OpId),
    },
    /// What is in a log's files is not what was read or acknowledged.
    DiskUnequal {
        /// The partition.
        partition: PartitionId,
        /// Where.
        offset: i64,
        /// What the files have there.
        on_disk: Option<Value>,
        /// What is known to be there, and who knows.
        known: Option<(Value, OpId)>,
        /// Who looked at the files.
        observer: OpId,
    },
}

/// Which dependencies a cycle takes; without those of its kind it would be none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CycleClass {
    /// Somebody read what another wrote: G1c. Only writes: G0.
    pub has_reads: bool,
    /// It takes the order of records in a log. Transactions in Kafka are not isolated from each other there.
    pub has_log_order: bool,
    /// It takes more than records.
    pub order: Order,
}

/// What else than records orders operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Order {
    /// Nothing.
    Data,
    /// What one process does one after the other.
    Process,
    /// What ends before something else begins.
    RealTime,
}

/// Of a cycle: one node, and why it comes before the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The operation; of a transaction, its first one.
    pub op: OpId,
    /// The transaction, if the whole of it is meant.
    pub transaction: Option<TransactionId>,
    /// Why the next one comes later.
    pub reason: Reason,
}

/// Why something comes before something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It sent a record that is before one of the other's.
    WriteWrite,
    /// It sent a record that the other read.
    WriteRead,
    /// One process did both, one after the other.
    Process,
    /// It had ended before the other began.
    RealTime,
}

/// What weight an anomaly has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Kafka promises that it does not happen.
    Violation,
    /// Kafka allows it: worth to know, and no reason to distrust.
    Note,
}

macro_rules! kinds {
    ($($kind:ident = $name:literal, $severity:ident, $text:literal;)*) => {
        /// A kind of anomaly.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Kind {
            $(#[doc = $text] $kind,)*
        }

        impl Kind {
            /// All, in the order in which they are told.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// What it is called.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// What weight it has.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self { $(Self::$kind => Severity::$severity,)* }
            }

            /// What it is, in a sentence.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self { $(Self::$kind => $text,)* }
            }
        }
    };
}

kinds! {
    InconsistentOffsets = "inconsistent-offsets", Violation, "Two records are at one offset.";
    LostWrite = "lost-write", Violation, "A record was acknowledged and read past, and nobody got it.";
    AcknowledgedBeyondEnd = "acknowledged-beyond-end", Violation, "The log ends before a record that was acknowledged or read.";
    Duplicate = "duplicate", Violation, "A record is there more often than it may be.";
    RetryElsewhere = "retry-elsewhere", Violation, "An idempotent producer's batch has two offsets.";
    UnsentRead = "unsent-read", Violation, "A record was read that nobody sent there.";
    AbortedRead = "aborted-read", Violation, "A record was read whose send failed, or whose transaction was not committed (G1a).";
    PrecommittedRead = "precommitted-read", Violation, "A committed record was read before anybody asked to commit it.";
    IntPollSkip = "int-poll-skip", Violation, "Within a poll or a transaction a consumer left records out.";
    IntNonmonotonicPoll = "int-nonmonotonic-poll", Violation, "Within a poll or a transaction a consumer went back.";
    PollSkip = "poll-skip", Violation, "From one poll to the next a consumer left records out.";
    NonmonotonicPoll = "nonmonotonic-poll", Violation, "From one poll to the next a consumer went back.";
    IntNonmonotonicSend = "int-nonmonotonic-send", Violation, "Records of one send or transaction are in another order in the log.";
    NonmonotonicSend = "nonmonotonic-send", Violation, "A record that was sent after another one had been acknowledged comes before it.";
    G1c = "G1c", Violation, "Each of these must have come before the next, by what was read, and the last before the first.";
    G1cProcess = "G1c-process", Violation, "A circle of what was read and of what processes did one after the other.";
    G1cRealTime = "G1c-realtime", Violation, "A circle of what was read and of what had ended before something else began.";
    MarkWentBack = "mark-went-back", Violation, "A partition's high watermark, last stable offset or start went back.";
    CommittedOffsetWentBack = "committed-offset-went-back", Violation, "A group's committed offset is one that had been replaced.";
    UnsentCommit = "unsent-commit", Violation, "A group's committed offset is one that nobody committed.";
    TwoOwners = "two-owners", Violation, "Two members have a partition in one generation.";
    DiskUnequal = "disk-unequal", Violation, "The log's files say something else than what was read or acknowledged.";
    G0 = "G0", Note, "Transactions wrote to several logs in different orders.";
    G0Process = "G0-process", Note, "A circle of what is before what in logs, and of what processes did one after the other.";
    G0RealTime = "G0-realtime", Note, "A circle of what is before what in logs, and of what had ended before something else began.";
    G1cLog = "G1c-log", Note, "A circle of what was read and of what is before what in logs.";
    IntSendSkip = "int-send-skip", Note, "Between records of one send or transaction there are others.";
    Unseen = "unseen", Note, "Records were acknowledged, and nobody has come to read them.";
}

impl Anomaly {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::InconsistentOffsets { .. } => Kind::InconsistentOffsets,
            Self::Duplicate { .. } => Kind::Duplicate,
            Self::UnsentRead { .. } => Kind::UnsentRead,
            Self::AbortedRead { .. } => Kind::AbortedRead,
            Self::PrecommittedRead { .. } => Kind::PrecommittedRead,
            Self::LostWrite { .. } => Kind::LostWrite,
            Self::PollSkip { is_internal: true, .. } => Kind::IntPollSkip,
            Self::PollSkip { .. } => Kind::PollSkip,
            Self::NonmonotonicPoll { is_internal: true, .. } => Kind::IntNonmonotonicPoll,
            Self::NonmonotonicPoll { .. } => Kind::NonmonotonicPoll,
            Self::NonmonotonicSend { is_internal: true, .. } => Kind::IntNonmonotonicSend,
            Self::NonmonotonicSend { .. } => Kind::NonmonotonicSend,
            Self::SendSkip { .. } => Kind::IntSendSkip,
            Self::Unseen { .. } => Kind::Unseen,
            Self::Cycle { class, .. } => class.kind(),
            Self::AcknowledgedBeyondEnd { .. } => Kind::AcknowledgedBeyondEnd,
            Self::MarkWentBack { .. } => Kind::MarkWentBack,
            Self::CommittedOffsetWentBack { .. } => Kind::CommittedOffsetWentBack,
            Self::UnsentCommit { .. } => Kind::UnsentCommit,
            Self::TwoOwners { .. } => Kind::TwoOwners,
            Self::RetryElsewhere { .. } => Kind::RetryElsewhere,
            Self::DiskUnequal { .. } => Kind::DiskUnequal,
        }
    }

    /// The operations that show it, in the order in which they are named.
    #[must_use]
    pub fn ops(&self) -> Vec<OpId> {
        match self {
            Self::InconsistentOffsets { first, second, .. } => vec![first.1, second.1],
            Self::Duplicate { places, .. } => places.iter().map(|place| place.1).collect(),
            Self::UnsentRead { reader, .. } => vec![*reader],
            Self::AbortedRead { sender, reader, .. } => vec![*sender, *reader],
            Self::PrecommittedRead { sender, commit, reader, .. } => vec![*sender, *reader, *commit],
            Self::LostWrite { sender, reader, .. } => vec![*sender, *reader],
            Self::PollSkip { before, after, first, .. } => vec![before.1, after.1, first.2],
            Self::NonmonotonicPoll { before, after, .. } => vec![before.1, after.1],
            Self::NonmonotonicSend { earlier, later, .. } => vec![earlier.2, later.2],
            Self::SendSkip { before, after, .. } => vec![before.1, after.1],
            Self::Unseen { first, .. } => vec![first.2],
            Self::Cycle { steps, .. } => steps.iter().map(|step| step.op).collect(),
            Self::AcknowledgedBeyondEnd { witness, observer, .. } => vec![*witness, *observer],
            Self::MarkWentBack { before, after, .. } => vec![before.1, after.1],
            Self::CommittedOffsetWentBack { known, found, .. } => vec![known.1, found.1],
            Self::UnsentCommit { found, .. } => vec![found.1],
            Self::TwoOwners { first, second, .. } => vec![*first, *second],
            Self::RetryElsewhere { first, second, .. } => vec![first.1, second.1],
            Self::DiskUnequal { known, observer, .. } => known.iter().map(|known| known.1).chain([*observer]).collect(),
        }
    }

    /// The partition and the offset where it is, as far as it is at one.
    #[must_use]
    pub fn place(&self) -> Option<(PartitionId, i64)> {
        match self {
            Self::InconsistentOffsets { partition, offset, .. }
            | Self::UnsentRead { partition, offset, .. }
            | Self::AbortedRead { partition, offset, .. }
            | Self::PrecommittedRead { partition, offset, .. }
            | Self::LostWrite { partition, offset, .. }
            | Self::AcknowledgedBeyondEnd { partition, offset, .. }
            | Self::DiskUnequal { partition, offset, .. } => Some((*partition, *offset)),
            Self::Duplicate { partition, places, .. } => Some((*partition, places[0].0)),
            Self::PollSkip { partition, first, .. } => Some((*partition, first.0)),
            Self::NonmonotonicPoll { partition, after, .. }
            | Self::MarkWentBack { partition, after, .. }
            | Self::SendSkip { partition, after, .. } => Some((*partition, after.0)),
            Self::NonmonotonicSend { partition, later, .. } => Some((*partition, later.0)),
            Self::RetryElsewhere { partition, first, .. } => Some((*partition, first.0)),
            Self::Unseen { partition, first, .. } => Some((*partition, first.0?)),
            Self::Cycle { .. }
            | Self::CommittedOffsetWentBack { .. }
            | Self::UnsentCommit { .. }
            | Self::TwoOwners { .. } => None,
        }
    }
}

impl CycleClass {
    /// The kind of anomaly that such a cycle is.
    #[must_use]
    pub fn kind(self) -> Kind {
        match (self.has_reads, self.has_log_order, self.order) {
            (true, false, Order::Data) => Kind::G1c,
            (true, false, Order::Process) => Kind::G1cProcess,
            (true, false, Order::RealTime) => Kind::G1cRealTime,
            (true, true, _) => Kind::G1cLog,
            (false, _, Order::Data) => Kind::G0,
            (false, _, Order::Process) => Kind::G0Process,
            (false, _, Order::RealTime) => Kind::G0RealTime,
        }
    }
}

/// How a transaction ended, as a word.
pub(crate) fn end_word(end: End) -> &'static str {
    match end {
        End::Commit => "commit",
        End::Abort => "abort",
    }
}
