//! What happened in a run, counted.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::AddAssign;

/// Things that are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counter {
    /// Inputs of the broker.
    Inputs,
    /// Outputs of the broker.
    Outputs,
    /// Records that producers brought home.
    RecordsAcknowledged,
    /// Records that consumers read.
    RecordsRead,
    /// Records that the last reader found.
    RecordsAudited,
    /// Answers to retried batches that the log held already.
    RetriesAnswered,
    /// The broker was started.
    Starts,
    /// It was asked to stop and did.
    CleanStops,
    /// Its process was killed.
    Kills,
    /// The power went.
    PowerLosses,
    /// Files that lost bytes by it.
    LossyFiles,
    /// Files that lost bytes and kept later ones.
    HoledFiles,
    /// Changes of directories that were undone by it.
    LostNames,
    /// Connections made.
    Connections,
    /// Transfers that waited.
    Stalls,
    /// Connections that broke.
    Resets,
    /// Clients that ended their side first.
    HalfCloses,
    /// Storage commands done.
    StorageCommands,
    /// Storage commands that failed.
    StorageFailures,
    /// Among them syncs.
    SyncFailures,
    /// Among them those without space.
    FullDisks,
    /// Jumps of the wall clock.
    ClockJumps,
    /// Times that a connection's gate closed.
    GatesClosed,
    /// Partitions that a hole took offline.
    OfflinePartitions,
    /// Topics that were deleted.
    TopicsDeleted,
    /// Records that were seen to be deleted, by retention or on request.
    RecordsDeleted,
    /// Wrong frames and batches sent.
    Vandalisms,
    /// Members that joined a generation.
    MembersJoined,
    /// Generations whose leader assigned.
    Rebalances,
    /// Members that were told that they are unknown: they were silent for too long, or late for a generation.
    MembersUnknown,
    /// Requests of static members that somebody with their name took the place of.
    MembersFenced,
    /// Members that left.
    MembersLeft,
    /// Members that were known to a broker that started after they got their assignment.
    MembersLoaded,
    /// Offsets that were committed.
    OffsetsCommitted,
    /// Commits by who is no member any more that were refused.
    FormersRefused,
    /// Offsets that were asked for and told.
    OffsetsFetched,
    /// Members that joined a group whose coordinator assigns.
    ConsumersJoined,
    /// Times that such a member was told to have something else.
    Reconciliations,
    /// Times that such a member was in an epoch that is over.
    ConsumersFenced,
    /// Such members that were told that they are unknown: silent or dawdling for too long, or forgotten in a power loss.
    ConsumersExpired,
    /// Groups that came to rest when nothing failed any more.
    GroupsSettled,
    /// Transactions whose commit was acknowledged.
    TransactionsCommitted,
    /// Transactions whose abort was acknowledged.
    TransactionsAborted,
    /// Transactions that their producer left open.
    TransactionsLeft,
    /// Producers that a later one with their transactional id fenced.
    ProducersFenced,
    /// Producers that were fenced because their transaction took too long.
    TransactionsTimedOut,
    /// Records that consumers of committed records took.
    CommittedRead,
    /// Transactions of which all is known in the end.
    TransactionsJudged,
}

impl Counter {
    /// For people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Inputs => "inputs",
            Self::Outputs => "outputs",
            Self::RecordsAcknowledged => "records acknowledged",
            Self::RecordsRead => "records read",
            Self::RecordsAudited => "records audited",
            Self::RetriesAnswered => "retried batches recognised",
            Self::Starts => "starts",
            Self::CleanStops => "clean stops",
            Self::Kills => "kills",
            Self::PowerLosses => "power losses",
            Self::LossyFiles => "files that lost bytes",
            Self::HoledFiles => "files with holes",
            Self::LostNames => "directory changes lost",
            Self::Connections => "connections",
            Self::Stalls => "stalls",
            Self::Resets => "resets",
            Self::HalfCloses => "half closes",
            Self::StorageCommands => "storage commands",
            Self::StorageFailures => "storage failures",
            Self::SyncFailures => "failed syncs",
            Self::FullDisks => "full disks",
            Self::ClockJumps => "clock jumps",
            Self::GatesClosed => "gates closed",
            Self::OfflinePartitions => "partitions offline",
            Self::TopicsDeleted => "topics deleted",
            Self::RecordsDeleted => "records deleted",
            Self::Vandalisms => "wrong requests",
            Self::MembersJoined => "members joined",
            Self::Rebalances => "rebalances",
            Self::MembersUnknown => "members unknown, as after a session's end",
            Self::MembersFenced => "requests of fenced static members refused",
            Self::MembersLeft => "members left",
            Self::MembersLoaded => "members known to a later start",
            Self::OffsetsCommitted => "offsets committed",
            Self::FormersRefused => "commits of former members refused",
            Self::OffsetsFetched => "offsets fetched",
            Self::ConsumersJoined => "subscribers joined",
            Self::Reconciliations => "reconciliations",
            Self::ConsumersFenced => "subscribers fenced by their epoch",
            Self::ConsumersExpired => "subscribers unknown, as after a session's end",
            Self::GroupsSettled => "groups settled",
            Self::TransactionsCommitted => "transactions committed",
            Self::TransactionsAborted => "transactions aborted",
            Self::TransactionsLeft => "transactions left open",
            Self::ProducersFenced => "producers fenced by a later one",
            Self::TransactionsTimedOut => "transactions timed out",
            Self::CommittedRead => "committed records read",
            Self::TransactionsJudged => "transactions judged",
        }
    }
}

/// Counts of one run or of many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats(BTreeMap<Counter, u64>);

impl Stats {
    /// One more.
    pub fn count(&mut self, counter: Counter) {
        self.add(counter, 1);
    }

    /// So many more.
    pub fn add(&mut self, counter: Counter, count: u64) {
        *self.0.entry(counter).or_default() += count;
    }

    /// How many.
    #[must_use]
    pub fn get(&self, counter: Counter) -> u64 {
        self.0.get(&counter).copied().unwrap_or_default()
    }
}

impl AddAssign<&Self> for Stats {
    fn add_assign(&mut self, other: &Self) {
        for (counter, count) in &other.0 {
            self.add(*counter, *count);
        }
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (counter, count) in self.0.iter().filter(|(_, count)| **count > 0) {
            writeln!(f, "{count:>14}  {}", counter.name())?;
        }
        Ok(())
    }
}
