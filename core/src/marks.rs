//! Named places in the broker, for the simulator to see which of them its worlds reach.
//!
//! They exist only with the feature `marks`, which nothing but the simulator asks for: without it [`Marks::reach`] does nothing, and
//! the compiler leaves it out. They count, and nothing ever depends on the counts.
//!
//! A change of state is a mark named after the two states; see [`Marks::reach_transition`].

use crate::named::named;

/// How often each mark was reached, since the broker was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marks {
    #[cfg(feature = "marks")]
    counts: [u32; Mark::ALL.len()],
}

// With the feature there is an array that has no default of its own.
#[allow(clippy::derivable_impls)]
impl Default for Marks {
    fn default() -> Self {
        Self {
            #[cfg(feature = "marks")]
            counts: [0; Mark::ALL.len()],
        }
    }
}

impl Marks {
    /// This one is reached.
    #[inline]
    pub fn reach(&mut self, mark: Mark) {
        #[cfg(feature = "marks")]
        {
            let count = &mut self.counts[mark as usize];
            *count = count.saturating_add(1);
        }
        #[cfg(not(feature = "marks"))]
        let _ = mark;
    }

    /// Something of this kind went from one state to another: the mark is called `{kind}{from}To{to}`. One that nobody thought
    /// of is [`Mark::UnknownTransition`].
    #[inline]
    pub fn reach_transition(&mut self, kind: &str, from: &str, to: &str) {
        #[cfg(feature = "marks")]
        if from != to {
            self.reach(Mark::of_transition(kind, from, to));
        }
        #[cfg(not(feature = "marks"))]
        let _ = (kind, from, to);
    }

    /// What was reached elsewhere is reached here.
    #[inline]
    pub fn absorb(&mut self, other: &Self) {
        #[cfg(feature = "marks")]
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count = count.saturating_add(more);
        }
        #[cfg(not(feature = "marks"))]
        let _ = other;
    }

    /// Those that were reached, and how often; none without the feature.
    pub fn reached(&self) -> impl Iterator<Item = (Mark, u32)> {
        #[cfg(feature = "marks")]
        let counts = self.counts.iter().copied();
        #[cfg(not(feature = "marks"))]
        let counts = core::iter::empty();
        Mark::ALL.iter().copied().zip(counts).filter(|(_, count)| *count > 0)
    }
}

impl Mark {
    /// The mark of a change of state.
    #[must_use]
    pub fn of_transition(kind: &str, from: &str, to: &str) -> Self {
        let is_named = |mark: &&Self| {
            let states = mark.name().strip_prefix(kind).and_then(|rest| rest.strip_prefix(from));
            states.and_then(|rest| rest.strip_prefix("To")) == Some(to)
        };
        Self::ALL.iter().find(is_named).copied().unwrap_or(Self::UnknownTransition)
    }
}

named! {
    /// A place in the broker.
    pub enum Mark: u16 {
        /// Something went from one state to another, and no mark is called so.
        UnknownTransition,

        /// A classic group has its first member.
        ClassicEmptyToPreparingRebalance,
        /// A classic group's members have joined: a generation begins.
        ClassicPreparingRebalanceToCompletingRebalance,
        /// Nobody joined a classic group again.
        ClassicPreparingRebalanceToEmpty,
        /// A classic group's members have their assignments.
        ClassicCompletingRebalanceToStable,
        /// A classic group rebalances again before its leader has assigned.
        ClassicCompletingRebalanceToPreparingRebalance,
        /// A member comes, goes or wants something else: a classic group rebalances.
        ClassicStableToPreparingRebalance,

        /// A consumer group has its first member, and assigns later.
        ConsumerEmptyToAssigning,
        /// A consumer group has its first member, which does not have all that it shall have.
        ConsumerEmptyToReconciling,
        /// A consumer group has its first member, which has all that it shall have.
        ConsumerEmptyToStable,
        /// A consumer group has worked out who shall have what.
        ConsumerAssigningToReconciling,
        /// The same, and everybody has that already.
        ConsumerAssigningToStable,
        /// The last member leaves a consumer group that has not assigned.
        ConsumerAssigningToEmpty,
        /// Something changes while a consumer group's members reconcile, and it assigns later.
        ConsumerReconcilingToAssigning,
        /// Each member of a consumer group has what it shall have.
        ConsumerReconcilingToStable,
        /// The last member leaves a consumer group before it had what it should have.
        ConsumerReconcilingToEmpty,
        /// Something changes in a consumer group, and it assigns later.
        ConsumerStableToAssigning,
        /// Something changes in a consumer group: somebody shall have something else.
        ConsumerStableToReconciling,
        /// The last member leaves a consumer group.
        ConsumerStableToEmpty,

        /// A share group has its first member.
        ShareEmptyToStable,
        /// A share group has no members any more.
        ShareStableToEmpty,

        /// A group without members becomes a consumer group.
        GroupClassicToConsumer,
        /// A consumer group without members becomes a classic one, or its last members speak that protocol only.
        GroupConsumerToClassic,
        /// A group is forgotten, and was a classic one.
        GroupClassicToNone,
        /// A group is forgotten, and was a consumer group.
        GroupConsumerToNone,
        /// A group is forgotten, and was a share group.
        GroupShareToNone,
        /// A classic group is made.
        GroupNoneToClassic,
        /// A consumer group is made.
        GroupNoneToConsumer,
        /// A share group is made.
        GroupNoneToShare,

        /// A transaction begins, the first of its producer.
        TransactionEmptyToOngoing,
        /// A producer aborts what it has not begun.
        TransactionEmptyToPrepareAbort,
        /// A transactional id is forgotten that has had no transaction.
        TransactionEmptyToDead,
        /// A transaction will be committed.
        TransactionOngoingToPrepareCommit,
        /// A transaction will be aborted.
        TransactionOngoingToPrepareAbort,
        /// A transaction is committed.
        TransactionPrepareCommitToCompleteCommit,
        /// A transaction is aborted.
        TransactionPrepareAbortToCompleteAbort,
        /// The next transaction begins after one that was committed.
        TransactionCompleteCommitToOngoing,
        /// A producer begins anew after a transaction that was committed.
        TransactionCompleteCommitToEmpty,
        /// A producer aborts what it has not begun, after a transaction that was committed.
        TransactionCompleteCommitToPrepareAbort,
        /// A transactional id is forgotten whose last transaction was committed.
        TransactionCompleteCommitToDead,
        /// The next transaction begins after one that was aborted.
        TransactionCompleteAbortToOngoing,
        /// A producer begins anew after a transaction that was aborted.
        TransactionCompleteAbortToEmpty,
        /// A producer aborts what it has not begun, after a transaction that was aborted.
        TransactionCompleteAbortToPrepareAbort,
        /// A transactional id is forgotten whose last transaction was aborted.
        TransactionCompleteAbortToDead,
        /// A transaction takes too long, and is aborted.
        TransactionTimedOut,
        /// A marker can't be appended now, and will be later.
        MarkerOwed,

        /// A fetch session begins.
        FetchSessionBegun,
        /// A fetch session goes on.
        FetchSessionGoneOn,
        /// A fetch session is ended by its client.
        FetchSessionEnded,
        /// There is no room for a fetch session.
        FetchSessionRefused,
        /// There is no such fetch session.
        FetchSessionUnknown,
        /// A fetch is not the next one of its session.
        FetchSessionOutOfTurn,

        /// A share session begins.
        ShareSessionBegun,
        /// A share session goes on.
        ShareSessionGoneOn,
        /// A share session is ended by its member.
        ShareSessionEnded,
        /// A share session is ended with its connection.
        ShareSessionLost,
        /// There is no such share session, no room for one, or a fetch is not the next one of its session.
        ShareSessionRefused,

        /// Records go to a member that had not been delivered before.
        RecordsAcquired,
        /// Records go to a member that were delivered before.
        RecordsAcquiredAgain,
        /// A member has dealt with records.
        RecordsAccepted,
        /// A member gives records back.
        RecordsReleased,
        /// A member can't deal with records.
        RecordsRejected,
        /// A member says that there are no such records.
        RecordsMissing,
        /// A member needs more time for records.
        RecordsRenewed,
        /// Records come back because their time is over.
        RecordsTimedOut,
        /// Records come back with their member's session.
        RecordsReturned,
        /// What became of records can't be kept: they are with their member still, or free.
        RecordsNotKept,
        /// A share partition is loaded.
        SharePartitionLoaded,
        /// A share partition can't be loaded.
        SharePartitionFailed,

        /// A coordinator begins to read its log.
        CoordinatorLoading,
        /// A coordinator has read its log, and serves.
        CoordinatorServing,
        /// A coordinator can't read its log.
        CoordinatorFailed,
        /// A coordinator is given up: its log is gone, offline, or the broker stops.
        CoordinatorGivenUp,

        /// The active segment has no room for a batch.
        SegmentRolledBySize,
        /// The active segment is too old for a batch.
        SegmentRolledByTime,
        /// The active segment's indexes have no room, or its offsets don't reach so far.
        SegmentRolledByIndex,
        /// The active segment is closed because all of it is too old.
        SegmentRolledByRetention,
        /// Records are too old.
        DeletedByAge,
        /// Records are too many bytes.
        DeletedBySize,
        /// A client deletes records.
        DeletedByRequest,
        /// A log starts where it was told to.
        LogStartMoved,
        /// A segment's files get the names of files that are deleted.
        SegmentLeaves,
        /// A segment's files are removed.
        SegmentRemoved,
        /// A compaction begins.
        CompactionBegun,
        /// A compaction has replaced segments.
        CompactionReplaced,
        /// A compaction ends.
        CompactionEnded,
        /// A compaction ends without having replaced what it was about to.
        CompactionAbandoned,
        /// A start goes on with a compaction that was replacing segments.
        CompactionResumed,
        /// A stop closes a log before it is open.
        LogClosedUnopened,
        /// A log is opened after a clean stop.
        LogOpenedClean,
        /// A log is opened after an unclean stop.
        LogOpenedUnclean,
        /// A torn tail is cut off.
        LogTruncated,
        /// A log goes offline.
        LogOffline,
        /// A log is closed in good order.
        LogClosed,
        /// A log's directory is removed with its topic.
        LogRemoved,
        /// A batch that was sent again is recognised.
        BatchRecognised,

        /// A connection is not read, for it has too much in hand.
        GateClosed,
        /// A connection is read again.
        GateOpened,
        /// A connection is turned away at a limit.
        ConnectionRefused,
        /// A connection is closed that nobody used.
        ConnectionIdle,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transition_is_found_by_the_names_of_its_states() {
        let found = Mark::of_transition("Classic", "Stable", "PreparingRebalance");
        assert_eq!(found, Mark::ClassicStableToPreparingRebalance);
        assert_eq!(Mark::of_transition("Classic", "Stable", "Empty"), Mark::UnknownTransition);
        assert_eq!(Mark::of_transition("Consumer", "Stable", "Empty"), Mark::ConsumerStableToEmpty);
    }

    #[test]
    #[cfg(not(feature = "marks"))]
    fn without_the_feature_nothing_is_counted_and_nothing_is_kept() {
        let mut marks = Marks::default();
        marks.reach(Mark::LogOffline);
        assert_eq!(marks.reached().count(), 0);
        assert_eq!(size_of::<Marks>(), 0);
    }

    #[test]
    #[cfg(feature = "marks")]
    fn with_the_feature_each_mark_is_counted() {
        let mut marks = Marks::default();
        marks.reach(Mark::LogOffline);
        marks.reach_transition("Share", "Empty", "Stable");
        marks.reach_transition("Share", "Stable", "Stable");
        let reached: alloc::vec::Vec<_> = marks.reached().collect();
        assert_eq!(reached, [(Mark::ShareEmptyToStable, 1), (Mark::LogOffline, 1)]);
    }
}
