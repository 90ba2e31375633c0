//! What worlds should reach, and what some runs have: kinds of faults, the broker's marks, the errors that it can answer.

use std::collections::BTreeSet;
use std::fmt;

use ottla_core::error_code::ErrorCode;
use ottla_core::marks::Mark;

use crate::stats::{Counter, Stats};

/// Kinds of faults.
pub const FAULTS: &[Counter] = &[
    Counter::CleanStops,
    Counter::Kills,
    Counter::PowerLosses,
    Counter::LossyFiles,
    Counter::HoledFiles,
    Counter::LostNames,
    Counter::Cuts,
    Counter::Crumbles,
    Counter::Stalls,
    Counter::Resets,
    Counter::HalfCloses,
    Counter::ReadFailures,
    Counter::WriteFailures,
    Counter::SyncFailures,
    Counter::FullDisks,
    Counter::ClockJumps,
    Counter::Drifts,
    Counter::LateTicks,
    Counter::Vandalisms,
    Counter::TransactionsLeft,
];

/// Marks that no world reaches, and why.
pub const MARKS_OUT_OF_REACH: &[(Mark, &str)] = &[
    (Mark::ConsumerEmptyToReconciling, "a first member waits for nobody, and has at once what it shall have"),
    (Mark::ConnectionRefused, "no world has a limit of connections"),
];

/// Errors that the broker can answer and no world asks for, and why.
pub const ERRORS_OUT_OF_REACH: &[(ErrorCode, &str)] = &[
    (ErrorCode::DuplicateVoter, "the quorum of a world is static: its kraft.version is 0"),
    (ErrorCode::VoterNotFound, "the quorum of a world is static: its kraft.version is 0"),
    (ErrorCode::EligibleLeadersNotAvailable, "the one broker is eligible wherever a partition can be led"),
    (ErrorCode::OffsetNotAvailable, "no share group begins by time"),
    (
        ErrorCode::PreferredLeaderNotAvailable,
        "only who unregisters its broker sees that it leads nothing, until its next start",
    ),
    (ErrorCode::ShareSessionLimitReached, "no world has as many members of share groups as there may be sessions"),
    (ErrorCode::TelemetryTooLarge, "only who knows its subscription is told, and nobody asks for one"),
    (ErrorCode::TransactionCoordinatorFenced, "nobody but the coordinator writes markers"),
    (ErrorCode::UnsupportedSaslMechanism, "no listener of a world asks for a login"),
];

/// Errors that the broker can answer, and worlds ask for.
pub const ERRORS: &[ErrorCode] = &[
    ErrorCode::BrokerIdNotRegistered,
    ErrorCode::ConcurrentTransactions,
    ErrorCode::CoordinatorLoadInProgress,
    ErrorCode::CoordinatorNotAvailable,
    ErrorCode::CorruptMessage,
    ErrorCode::DelegationTokenRequestNotAllowed,
    ErrorCode::DuplicateResource,
    ErrorCode::ElectionNotNeeded,
    ErrorCode::FencedInstanceId,
    ErrorCode::FencedLeaderEpoch,
    ErrorCode::FencedMemberEpoch,
    ErrorCode::FencedStateEpoch,
    ErrorCode::FetchSessionIdNotFound,
    ErrorCode::FetchSessionTopicIdError,
    ErrorCode::GroupIdNotFound,
    ErrorCode::GroupMaxSizeReached,
    ErrorCode::GroupSubscribedToTopic,
    ErrorCode::IllegalGeneration,
    ErrorCode::IllegalSaslState,
    ErrorCode::InconsistentClusterId,
    ErrorCode::InconsistentGroupProtocol,
    ErrorCode::InvalidConfig,
    ErrorCode::InvalidFetchSessionEpoch,
    ErrorCode::InvalidGroupId,
    ErrorCode::InvalidPartitions,
    ErrorCode::InvalidProducerEpoch,
    ErrorCode::InvalidProducerIdMapping,
    ErrorCode::InvalidRecord,
    ErrorCode::InvalidRecordState,
    ErrorCode::InvalidRegularExpression,
    ErrorCode::InvalidReplicaAssignment,
    ErrorCode::InvalidReplicationFactor,
    ErrorCode::InvalidRequest,
    ErrorCode::InvalidRequiredAcks,
    ErrorCode::InvalidSessionTimeout,
    ErrorCode::InvalidShareSessionEpoch,
    ErrorCode::InvalidTimestamp,
    ErrorCode::InvalidTopicException,
    ErrorCode::InvalidTransactionTimeout,
    ErrorCode::InvalidTxnState,
    ErrorCode::InvalidUpdateVersion,
    ErrorCode::KafkaStorageError,
    ErrorCode::LeaderNotAvailable,
    ErrorCode::LogDirNotFound,
    ErrorCode::MemberIdRequired,
    ErrorCode::MessageTooLarge,
    ErrorCode::MismatchedEndpointType,
    ErrorCode::NoReassignmentInProgress,
    ErrorCode::NonEmptyGroup,
    ErrorCode::NotCoordinator,
    ErrorCode::NotEnoughReplicas,
    ErrorCode::NotLeaderOrFollower,
    ErrorCode::OffsetMetadataTooLarge,
    ErrorCode::OffsetOutOfRange,
    ErrorCode::OperationNotAttempted,
    ErrorCode::OutOfOrderSequenceNumber,
    ErrorCode::PolicyViolation,
    ErrorCode::ProducerFenced,
    ErrorCode::RebalanceInProgress,
    ErrorCode::RecordListTooLarge,
    ErrorCode::ReplicaNotAvailable,
    ErrorCode::RequestTimedOut,
    ErrorCode::ResourceNotFound,
    ErrorCode::SecurityDisabled,
    ErrorCode::ShareSessionNotFound,
    ErrorCode::StaleMemberEpoch,
    ErrorCode::StreamsInvalidTopology,
    ErrorCode::ThrottlingQuotaExceeded,
    ErrorCode::TopicAlreadyExists,
    ErrorCode::TopicDeletionDisabled,
    ErrorCode::TransactionAbortable,
    ErrorCode::TransactionalIdAuthorizationFailed,
    ErrorCode::TransactionalIdNotFound,
    ErrorCode::UnacceptableCredential,
    ErrorCode::UnknownLeaderEpoch,
    ErrorCode::UnknownMemberId,
    ErrorCode::UnknownServerError,
    ErrorCode::UnknownSubscriptionId,
    ErrorCode::UnknownTopicId,
    ErrorCode::UnknownTopicOrPartition,
    ErrorCode::UnreleasedInstanceId,
    ErrorCode::UnstableOffsetCommit,
    ErrorCode::UnsupportedAssignor,
    ErrorCode::UnsupportedCompressionType,
    ErrorCode::UnsupportedEndpointType,
    ErrorCode::UnsupportedVersion,
];

/// How much of what should be reached was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// Of [`FAULTS`].
    pub faults: Reached<Counter>,
    /// Of all marks but [`MARKS_OUT_OF_REACH`].
    pub marks: Reached<Mark>,
    /// Of [`ERRORS`].
    pub errors: Reached<ErrorCode>,
}

/// What was reached of some things, and what was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached<T> {
    /// So many.
    pub reached: usize,
    /// Those that were not.
    pub missing: Vec<T>,
}

impl Coverage {
    /// What some runs have reached.
    #[must_use]
    pub fn of(stats: &Stats) -> Self {
        let is_out_of_reach = |mark: &Mark| MARKS_OUT_OF_REACH.iter().any(|(out, _)| out == mark);
        let marks = Mark::ALL.iter().copied().filter(|mark| !is_out_of_reach(mark) && *mark != Mark::UnknownTransition);
        let seen: BTreeSet<ErrorCode> = stats.errors().keys().map(|(_, error)| *error).collect();
        Self {
            faults: Reached::of(FAULTS.iter().copied(), |fault| stats.get(*fault) > 0),
            marks: Reached::of(marks, |mark| stats.marks().contains_key(mark)),
            errors: Reached::of(ERRORS.iter().copied(), |error| seen.contains(error)),
        }
    }

    /// Whether nothing is missing.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.faults.missing.is_empty() && self.marks.missing.is_empty() && self.errors.missing.is_empty()
    }

    /// Reached and all, of everything.
    #[must_use]
    pub fn total(&self) -> (usize, usize) {
        let parts = [self.faults.count(), self.marks.count(), self.errors.count()];
        parts.into_iter().fold((0, 0), |(reached, all), part| (reached + part.0, all + part.1))
    }
}

impl<T> Reached<T> {
    fn of(all: impl Iterator<Item = T>, is_reached: impl Fn(&T) -> bool) -> Self {
        let (reached, missing): (Vec<T>, Vec<T>) = all.partition(is_reached);
        Self { reached: reached.len(), missing }
    }

    /// Reached and all.
    #[must_use]
    pub fn count(&self) -> (usize, usize) {
        (self.reached, self.reached + self.missing.len())
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        line(f, "kinds of faults", &self.faults, |fault| fault.name())?;
        line(f, "marks", &self.marks, |mark| mark.name())?;
        line(f, "error codes", &self.errors, |error| error.name())
    }
}

/// How many are named where more are missing.
const NAMED_MAX: usize = 60;

fn line<T>(
    f: &mut fmt::Formatter<'_>,
    what: &str,
    part: &Reached<T>,
    name: impl Fn(&T) -> &'static str,
) -> fmt::Result {
    let (reached, all) = part.count();
    write!(f, "{:>14}  {what}", format!("{reached}/{all}"))?;
    let mut between = ", not ";
    for missing in part.missing.iter().take(NAMED_MAX) {
        write!(f, "{between}{}", name(missing))?;
        between = ", ";
    }
    if part.missing.len() > NAMED_MAX {
        write!(f, " and {} more", part.missing.len() - NAMED_MAX)?;
    }
    writeln!(f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_reached_is_named() {
        let mut stats = Stats::default();
        FAULTS.iter().skip(1).for_each(|fault| stats.count(*fault));
        let coverage = Coverage::of(&stats);
        assert_eq!(coverage.faults.missing, [Counter::CleanStops]);
        assert!(!coverage.is_full());
        let shown = coverage.to_string();
        assert!(shown.contains(&format!("{}/{}  kinds of faults, not clean stops", FAULTS.len() - 1, FAULTS.len())));
    }
}
