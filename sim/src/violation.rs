//! What a run can end with that is not well.

use ottla_checker::Kind;
use thiserror::Error;

/// The first thing that was wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Violation {
    /// The broker broke the boundary's contract.
    #[error("contract: {0}")]
    Contract(String),
    /// What clients saw can't be.
    #[error("{check}: {text}")]
    History {
        /// Which rule.
        check: Check,
        /// What was seen, and against what.
        text: String,
    },
    /// What clients saw can't be, wherever they saw it: found by the checker.
    #[error("{story}")]
    Anomaly {
        /// Which.
        kind: Kind,
        /// Who saw what, and what else happened there. It begins with the kind's name.
        story: String,
    },
    /// An answer that no Kafka gives, or not to this request.
    #[error("answer: {0}")]
    Answer(String),
    /// Something that should have happened in time did not.
    #[error("stuck: {0}")]
    Stuck(String),
    /// Another run of the same seed was another world.
    #[error("not from the seed: {0}")]
    Chance(String),
    /// The broker panicked.
    #[error("panic: {0}")]
    Panic(String),
}

/// A rule over what clients saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Error)]
pub enum Check {
    /// Two observations of one offset agree.
    #[error("disagreement")]
    Agreement,
    /// A consumer reads every offset.
    #[error("gap")]
    Density,
    /// What was acknowledged or read stays.
    #[error("loss")]
    Loss,
    /// Nothing is there more often than it was sent, and an idempotent producer's records once.
    #[error("duplicate")]
    Duplicate,
    /// What is read was sent to that partition.
    #[error("invention")]
    Invention,
    /// An idempotent producer's batches are in the order of its sequences.
    #[error("order")]
    Order,
    /// High watermarks and log ends don't go back.
    #[error("end of the log went back")]
    Ends,
    /// A log's start does not go back, and nothing before it is there.
    #[error("start of the log went back")]
    Starts,
    /// Only what is old, too much, or was asked for is deleted.
    #[error("deleted too early")]
    Retention,
    /// Compaction leaves the last record of each key, and does so for good.
    #[error("compaction")]
    Compaction,
    /// What a producer sent last is known, and what comes next is taken.
    #[error("producer state")]
    Producers,
    /// Files say what the batches say, and nothing is left over.
    #[error("files")]
    Files,
    /// Batches carry their CRC, records their payload.
    #[error("corruption")]
    Corruption,
    /// A log that could not be synced is offline until the next start.
    #[error("served after a fault")]
    Offline,
    /// A damaged log is offline and keeps every byte, or ends before the damage where that is wanted.
    #[error("rot")]
    Rot,
    /// Topics that were created are there, as they were configured, and deleted ones are not.
    #[error("topics")]
    Topics,
    /// In one generation a partition has one owner, and the group one leader.
    #[error("two owners")]
    Owners,
    /// A group's generation does not go back.
    #[error("generation went back")]
    Generations,
    /// Who is no member any more, or is of an earlier generation, is refused.
    #[error("fenced and heard")]
    Fencing,
    /// Committed offsets don't go back, and somebody committed them.
    #[error("committed offsets")]
    Commits,
    /// Consumers of committed records see nothing that is aborted, or may yet be.
    #[error("aborted and seen")]
    Aborted,
    /// A transaction is there as a whole or not at all.
    #[error("half a transaction")]
    Atomicity,
    /// A shared record is with one member at a time, not delivered too often or after it was dealt with, and once at least.
    #[error("deliveries")]
    Deliveries,
    /// Nobody else gets the same producer id.
    #[error("producer id")]
    ProducerId,
}

impl Violation {
    /// A broken rule over what clients saw.
    #[must_use]
    pub fn history(check: Check, text: impl Into<String>) -> Self {
        Self::History { check, text: text.into() }
    }

    /// Whether the same rule is broken, or the same assertion.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Contract(_), Self::Contract(_))
            | (Self::Answer(_), Self::Answer(_))
            | (Self::Stuck(_), Self::Stuck(_)) => true,
            (Self::History { check, .. }, Self::History { check: other, .. }) => check == other,
            (Self::Anomaly { kind, .. }, Self::Anomaly { kind: other, .. }) => kind == other,
            // Where it was, in the first line.
            (Self::Panic(text), Self::Panic(other)) => text.lines().next() == other.lines().next(),
            _ => false,
        }
    }
}
