//! What ends a run.

use std::io;

use ottla_core::error_code::ErrorCode;
use ottla_core::wire::DecodeError;
use thiserror::Error;

/// Why there is no result.
#[derive(Debug, Error)]
pub enum BenchError {
    /// The system refused.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What it said.
        source: io::Error,
    },
    /// A broker's answer does not follow the protocol.
    #[error("an answer can't be read: {0}")]
    Decode(#[from] DecodeError),
    /// A broker's answer is an error.
    #[error("{api} was answered with {}", name_of(*.error_code))]
    Refused {
        /// The API's name.
        api: &'static str,
        /// Kafka's number.
        error_code: i16,
    },
    /// A broker's answer is not the one that its log's state demands.
    #[error("{what}: expected {expected}, found {found}")]
    Unexpected {
        /// Of what.
        what: &'static str,
        /// What it should have been.
        expected: i64,
        /// What it was.
        found: i64,
    },
    /// Anything else, in words.
    #[error("{0}")]
    Other(String),
}

/// What this package's functions return.
pub type Result<T> = std::result::Result<T, BenchError>;

/// Says what was tried when the system refused.
pub trait During<T> {
    /// Adds `what` to the error.
    fn during(self, what: impl Into<String>) -> Result<T>;
}

impl<T, E: Into<io::Error>> During<T> for std::result::Result<T, E> {
    fn during(self, what: impl Into<String>) -> Result<T> {
        self.map_err(|source| BenchError::Io { what: what.into(), source: source.into() })
    }
}

/// Succeeds when `found` is `expected`.
pub fn require(what: &'static str, expected: impl Into<i64>, found: impl Into<i64>) -> Result<()> {
    let (expected, found) = (expected.into(), found.into());
    if expected == found { Ok(()) } else { Err(BenchError::Unexpected { what, expected, found }) }
}

/// Succeeds when `error_code` is NONE.
pub fn accepted(api: &'static str, error_code: i16) -> Result<()> {
    if error_code == 0 { Ok(()) } else { Err(BenchError::Refused { api, error_code }) }
}

fn name_of(error_code: i16) -> String {
    ErrorCode::from_number(error_code).map_or_else(|| format!("error {error_code}"), |error| error.name().to_string())
}
