//! Histories as text: a line of JSON an event, in the order in which things happened. docs/checker.md has all of it.
//!
//! ```text
//! {"type":"invoke","op":1,"process":"writer","at_us":10,"operation":"send","partition":"letters-0","values":[7],"once":true}
//! {"type":"ok","op":1,"at_us":25,"offsets":[0]}
//! {"type":"invoke","op":2,"process":"reader","at_us":30,"operation":"poll","isolation":"committed"}
//! {"type":"ok","op":2,"at_us":41,"reads":[{"partition":"letters-0","from":0,"next":1,"records":[[0,7]]}]}
//! ```

mod line;
mod read;
mod write;

use std::io;

use thiserror::Error;

use crate::history::HistoryError;

pub use read::read;
pub use write::write;

/// Why a text is no history.
#[derive(Debug, Error)]
pub enum ReadError {
    /// It can't be read.
    #[error("line {line}: expected to be able to read it, found: {source}")]
    Io {
        /// Where.
        line: u64,
        /// What the system said.
        source: io::Error,
    },
    /// A line is no JSON, or has something else than it should.
    #[error("line {line}: {source}")]
    Json {
        /// Where.
        line: u64,
        /// What was expected and found, and in which column.
        source: serde_json::Error,
    },
    /// Something must be said, and is not.
    #[error("line {line}: expected the field \"{field}\" of {of}, found none")]
    Missing {
        /// Where.
        line: u64,
        /// Of what.
        of: String,
        /// The field.
        field: &'static str,
    },
    /// Something is said that has no meaning there.
    #[error("line {line}: expected no field \"{field}\" of {of}, found one")]
    Superfluous {
        /// Where.
        line: u64,
        /// Of what.
        of: String,
        /// The field.
        field: &'static str,
    },
    /// A word that has no meaning.
    #[error("line {line}: expected {expected} as \"{field}\", found \"{found}\"")]
    Word {
        /// Where.
        line: u64,
        /// Which field.
        field: &'static str,
        /// The words that have.
        expected: &'static str,
        /// The word.
        found: String,
    },
    /// An operation ends that is not open.
    #[error("line {line}: expected the number of an operation that has begun and not ended, found {found}")]
    NotOpen {
        /// Where.
        line: u64,
        /// The number.
        found: u64,
    },
    /// An operation begins with the number of another one that has not ended.
    #[error("line {line}: expected a number that no open operation has, found {found}")]
    StillOpen {
        /// Where.
        line: u64,
        /// The number.
        found: u64,
    },
    /// It can't be part of a history.
    #[error("line {line}: {source}")]
    History {
        /// Where.
        line: u64,
        /// Why.
        source: HistoryError,
    },
}
