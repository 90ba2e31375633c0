//! What happened in a run, counted: by us, at the broker's marks, and as errors in its answers.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::AddAssign;

use ottla_core::error_code::ErrorCode;
use ottla_core::marks::{Mark, Marks};
use ottla_core::wire::ApiKey;

macro_rules! counters {
    ($( $(#[doc = $text:literal])+ $counter:ident $name:literal, )*) => {
        /// Things that are counted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Counter {
            $( $(#[doc = $text])+ $counter, )*
        }

        impl Counter {
            /// All of them.
            pub const ALL: &[Self] = &[ $( Self::$counter, )* ];

            /// For people.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $( Self::$counter => $name, )*
                }
            }
        }
    };
}

counters! {
    /// Milliseconds that passed in the world.
    SimulatedMs "simulated milliseconds",
    /// Inputs of the broker.
    Inputs "inputs",
    /// Outputs of the broker.
    Outputs "outputs",
    /// Records that producers brought home.
    RecordsAcknowledged "records acknowledged",
    /// Records that consumers read.
    RecordsRead "records read",
    /// Records that the last reader found.
    RecordsAudited "records audited",
    /// Answers to retried batches that the log held already.
    RetriesAnswered "retried batches recognised",
    /// The broker was started.
    Starts "starts",
    /// It was asked to stop and did.
    CleanStops "clean stops",
    /// Its process was killed.
    Kills "kills",
    /// The power went.
    PowerLosses "power losses",
    /// Files that lost bytes by it.
    LossyFiles "files that lost bytes",
    /// Files that lost bytes and kept later ones.
    HoledFiles "files with holes",
    /// Changes of directories that were undone by it.
    LostNames "directory changes lost",
    /// Connections made.
    Connections "connections",
    /// Transfers that waited.
    Stalls "stalls",
    /// Transfers that were cut into pieces.
    Cuts "transfers in pieces",
    /// Transfers that came byte by byte.
    Crumbles "transfers byte by byte",
    /// Connections that broke.
    Resets "resets",
    /// Clients that ended their side first.
    HalfCloses "half closes",
    /// Storage commands done.
    StorageCommands "storage commands",
    /// Storage commands that failed.
    StorageFailures "storage failures",
    /// Among them reads, listings and openings.
    ReadFailures "failed reads",
    /// Among them writes and changes of names.
    WriteFailures "failed writes",
    /// Among them syncs.
    SyncFailures "failed syncs",
    /// Among them those without space.
    FullDisks "full disks",
    /// Jumps of the wall clock.
    ClockJumps "clock jumps",
    /// Ticks that came late.
    LateTicks "late ticks",
    /// Worlds whose clocks drift apart.
    Drifts "drifting clocks",
    /// Times that a connection's gate closed.
    GatesClosed "gates closed",
    /// Partitions that a hole took offline.
    OfflinePartitions "partitions offline",
    /// Topics that were deleted.
    TopicsDeleted "topics deleted",
    /// Records that were seen to be deleted, by retention or on request.
    RecordsDeleted "records deleted",
    /// Wrong frames and batches sent.
    Vandalisms "wrong requests",
    /// Members that joined a generation.
    MembersJoined "members joined",
    /// Generations whose leader assigned.
    Rebalances "rebalances",
    /// Members that were told that they are unknown: they were silent for too long, or late for a generation.
    MembersUnknown "members unknown, as after a session's end",
    /// Requests of static members that somebody with their name took the place of.
    MembersFenced "requests of fenced static members refused",
    /// Members that left.
    MembersLeft "members left",
    /// Members that were known to a broker that started after they got their assignment.
    MembersLoaded "members known to a later start",
    /// Offsets that were committed.
    OffsetsCommitted "offsets committed",
    /// Commits by who is no member any more that were refused.
    FormersRefused "commits of former members refused",
    /// Offsets that were asked for and told.
    OffsetsFetched "offsets fetched",
    /// Members that joined a group whose coordinator assigns.
    ConsumersJoined "subscribers joined",
    /// Times that such a member was told to have something else.
    Reconciliations "reconciliations",
    /// Times that such a member was in an epoch that is over.
    ConsumersFenced "subscribers fenced by their epoch",
    /// Such members that were told that they are unknown: silent or dawdling for too long, or forgotten in a power loss.
    ConsumersExpired "subscribers unknown, as after a session's end",
    /// Members that joined a share group.
    SharersJoined "sharers joined",
    /// Such members that were told that they are unknown.
    SharersUnknown "sharers unknown, as after a session's end",
    /// Records that such members were given.
    RecordsDelivered "records delivered to sharers",
    /// Among them those that had been given before.
    RecordsRedelivered "records delivered again",
    /// Records of which such members said something that was taken.
    RecordsDealtWith "records acknowledged by sharers",
    /// Acknowledgements that came too late.
    AcknowledgementsLate "acknowledgements too late",
    /// Groups that came to rest when nothing failed any more.
    GroupsSettled "groups settled",
    /// Transactions whose commit was acknowledged.
    TransactionsCommitted "transactions committed",
    /// Transactions whose abort was acknowledged.
    TransactionsAborted "transactions aborted",
    /// Transactions that their producer left open.
    TransactionsLeft "transactions left open",
    /// Producers that a later one with their transactional id fenced.
    ProducersFenced "producers fenced by a later one",
    /// Producers that were fenced because their transaction took too long.
    TransactionsTimedOut "transactions timed out",
    /// Records that consumers of committed records took.
    CommittedRead "committed records read",
    /// Transactions of which all is known in the end.
    TransactionsJudged "transactions judged",
}

/// Counts of one run or of many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    counters: [u64; Counter::ALL.len()],
    marks: BTreeMap<Mark, u64>,
    errors: BTreeMap<(ApiKey, ErrorCode), u64>,
}

impl Default for Stats {
    fn default() -> Self {
        Self { counters: [0; Counter::ALL.len()], marks: BTreeMap::new(), errors: BTreeMap::new() }
    }
}

impl Stats {
    /// One more.
    pub fn count(&mut self, counter: Counter) {
        self.add(counter, 1);
    }

    /// So many more.
    pub fn add(&mut self, counter: Counter, count: u64) {
        self.counters[counter as usize] += count;
    }

    /// A broker has reached these.
    pub fn reached(&mut self, marks: &Marks) {
        for (mark, count) in marks.reached() {
            *self.marks.entry(mark).or_default() += u64::from(count);
        }
    }

    /// An answer of this API says so.
    pub fn answered(&mut self, api: ApiKey, error: ErrorCode) {
        *self.errors.entry((api, error)).or_default() += 1;
    }

    /// How many.
    #[must_use]
    pub fn get(&self, counter: Counter) -> u64 {
        self.counters[counter as usize]
    }

    /// How often the broker's marks were reached; those that were not are missing.
    #[must_use]
    pub fn marks(&self) -> &BTreeMap<Mark, u64> {
        &self.marks
    }

    /// How often answers of each API said what, where that is not that all is well.
    #[must_use]
    pub fn errors(&self) -> &BTreeMap<(ApiKey, ErrorCode), u64> {
        &self.errors
    }
}

impl AddAssign<&Self> for Stats {
    fn add_assign(&mut self, other: &Self) {
        self.counters.iter_mut().zip(other.counters).for_each(|(count, more)| *count += more);
        for (mark, count) in &other.marks {
            *self.marks.entry(*mark).or_default() += count;
        }
        for (answer, count) in &other.errors {
            *self.errors.entry(*answer).or_default() += count;
        }
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for counter in Counter::ALL.iter().filter(|counter| self.get(**counter) > 0) {
            writeln!(f, "{:>14}  {}", self.get(*counter), counter.name())?;
        }
        Ok(())
    }
}
