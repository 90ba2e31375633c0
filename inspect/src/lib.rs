//! Shows Kafka's frames and files field by field: the commands `ottla decode` and `ottla dump`.
//!
//! What the bytes mean comes from [`ottla_core`]: messages, batches, file formats, names of errors. Here is what is
//! around that: where frames come from ([`decode`], `pcap`), which files there are and how they fit together ([`dump`]),
//! and what all of it looks like ([`report`]).
//!
//! What does not belong here: a second description of anything that the broker reads or writes itself.

mod batch;
pub mod decode;
pub mod dump;
pub mod frame;
mod output;
mod pcap;
mod progress;
pub mod report;

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// How a command ended that could do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All bytes are what they should be.
    Good,
    /// Some are not: the report says which.
    Damaged,
}

/// Why a command could not do its work.
#[derive(Debug, Error)]
pub enum InspectError {
    /// A file can't be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Standard input can't be read.
    #[error("standard input: {0}")]
    Stdin(io::Error),
    /// The report can't be written.
    #[error("writing: {0}")]
    Write(io::Error),
    /// The arguments don't fit together, or the input is not what they say.
    #[error("{0}")]
    Input(String),
}

impl InspectError {
    /// Whether it only says that nobody reads on, as where the output goes into `head`.
    #[must_use]
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Write(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}
