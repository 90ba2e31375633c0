//! Bugs that are planted on purpose, one at a time, to see whether the tests find them. Which tests do is told in
//! `docs/planted-bugs.md`.
//!
//! They exist only with the feature `planted-bugs`, which nothing but the simulator asks for: without it [`Bugs::has`]
//! is always false, and the compiler leaves out what depends on it.
//!
//! A planted bug is one condition in the place where the mistake would be made. It is no way to configure the broker.

use crate::named::named;

/// The bug that is planted, if one is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bugs {
    #[cfg(feature = "planted-bugs")]
    planted: Option<Bug>,
}

impl Bugs {
    /// This one, and no other.
    #[cfg(feature = "planted-bugs")]
    #[must_use]
    pub const fn only(bug: Bug) -> Self {
        Self { planted: Some(bug) }
    }

    /// Whether this bug is planted.
    #[must_use]
    #[allow(clippy::unused_self)]
    pub const fn has(self, bug: Bug) -> bool {
        #[cfg(feature = "planted-bugs")]
        return match self.planted {
            Some(planted) => planted as u8 == bug as u8,
            None => false,
        };
        #[cfg(not(feature = "planted-bugs"))]
        {
            let _ = bug;
            false
        }
    }
}

named! {
    /// A bug that can be planted.
    pub enum Bug: u8 {
        /// A batch is acknowledged before it is written.
        AckBeforeWrite,
        /// Where each batch is to be synced, it is acknowledged once it is written.
        AckBeforeSync,
        /// A new segment's name is not made durable.
        NoDirectorySync,
        /// After a sync that failed another is tried, and believed.
        FailedSyncRetried,
        /// A torn tail is cut off one batch too early.
        WrongTruncationPoint,
        /// The indexes of a log that was cut at its end are kept.
        StaleIndexAfterTruncation,
        /// After an unclean stop the checksums of what was not synced are not verified.
        TailNotVerified,
        /// What was found after an unclean stop counts as synced, and is not.
        TailNotSynced,
        /// What was found after an unclean stop is synced as it is, and not written again.
        TailNotRewritten,
        /// The recovery point is where the log ends, whatever is synced.
        RecoveryPointAheadOfSync,
        /// The marker of a clean stop stays when the broker starts.
        CleanMarkerKept,
        /// The high watermark of a log that was opened is beyond its end.
        HighWatermarkAheadOfLog,
        /// Producers are not rebuilt from the batches after their last snapshot.
        ProducersNotRebuilt,
        /// A batch that is sent again is appended again.
        DuplicateAppended,
        /// Epochs that began behind the end of a log are not cut off.
        EpochsNotTruncated,
        /// The log starts where it was asked to before that is written down.
        LogStartNotWritten,
        /// Retention by size takes one segment too many, the active one in the end.
        RetentionDeletesActiveSegment,
        /// Segments that are deleted lose their name only in memory.
        DeletedSegmentKept,
        /// A compaction takes the last record of a key along with the others.
        CleanerLosesLastKey,
        /// A compaction drops tombstones at once.
        TombstoneDroppedAtOnce,
        /// A compacted segment counts before it is synced.
        SwapBeforeSync,
        /// A compacted segment gets its name before those that it replaces are gone for good.
        SwapRenamedTooEarly,
        /// After a crash a compacted segment is put in its place before it is sure to have the name that says so.
        SwapNameTrusted,
        /// A compaction goes by records that a power loss may take.
        CompactionAheadOfSync,
        /// Changes of metadata count before they are synced.
        MetadataNotSynced,
        /// A commit of offsets is acknowledged before its group's log is committed.
        OffsetsAckedEarly,
        /// A commit of offsets is taken from any generation of a group.
        StaleCommitTaken,
        /// A leader's assignments are handed out before they are committed.
        AssignedBeforeCommit,
        /// Members that are loaded have no session that could end.
        LoadedMembersImmortal,
        /// A consumer group gives out a partition before its former owner has given it up.
        GivenOutBeforeGivenUp,
        /// A consumer group takes commits of offsets from any epoch of a member.
        StaleEpochTaken,
        /// A start does not go on with the ends of transactions that were decided.
        MarkersNotResumed,
        /// Consumers of committed records get those of open transactions.
        OpenTransactionsServed,
        /// Consumers of committed records are not told what was aborted.
        AbortedNotListed,
        /// A producer may end a transaction with any epoch that it ever had.
        FencedEndTaken,
        /// A producer is told how its transaction ends before that is committed.
        DecisionToldEarly,
        /// A partition that gave records is not served again in its fetch session.
        SessionForgetsPartition,
        /// A fetch session goes on from any epoch.
        SessionEpochUnchecked,
        /// A fetch session keeps the position that it was first told.
        SessionKeepsPosition,
        /// A connection that was not read for what it had in hand is never read again.
        GateStaysShut,
        /// The place of a request that gets no answer is not freed.
        SilentSlotKept,
        /// Bytes that a client has taken count as not yet sent.
        SentBytesNotCounted,
        /// A shared record that is delivered again counts as delivered once.
        DeliveryNotCounted,
        /// A shared record stays for ever with the member that got it.
        LockNeverEnds,
        /// After a restart shared records that were accepted are available.
        AcceptedForgotten,
        /// A batch that is sent again after others is appended again, if its checksum ends in zeros.
        Canary,
    }
}
