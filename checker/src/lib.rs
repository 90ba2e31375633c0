//! Judges histories of Kafka clients: finds what can't have happened if the broker keeps Kafka's promises, and tells it as a
//! story.
//!
//! A [`History`] says which process asked for what, when, and what came of it. [`check`] finds every anomaly in it in
//! near-linear time; [`story`] tells each with the events around it. [`format`](mod@format) is how histories are written down, a line of
//! JSON an event, so that programs in other languages can write them. [`model`] makes histories of a broker that is right.
//!
//! What does not belong here: anything that talks to a broker.

pub mod anomaly;
mod checks;
mod findings;
pub mod format;
mod hash;
mod history;
mod index;
pub mod model;
pub mod story;

pub use anomaly::{Anomaly, Kind, Severity};
pub use checks::check;
pub use findings::{KEPT_MAX, Verdict};
pub use history::{
    Assignment, Completion, End, Event, GroupId, Guarantee, History, HistoryError, Isolation, Keeps, Mark, Marks,
    Moment, OpId, Operation, Outcome, PartitionId, Poll, Position, ProcessId, Read, Record, Send, Sequence,
    TransactionId, Value,
};
