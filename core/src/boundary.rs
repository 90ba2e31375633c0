//! The whole boundary of the broker: what goes in, what comes out.
//!
//! An adapter's duties, all of them:
//! - It numbers connections ([`ConnId`], never reused) and splits their bytes into frames with
//!   `FrameBuffer`.
//! - It hands in one [`Input`] at a time with the present time and drains [`Output`]s until there are none.
//! - [`Output::Send`]s of a connection are written in the order they came, each whole; [`Input::Sent`] reports progress.
//! - Storage commands on one [`FileId`] are done in the order they came. Between different files, and for commands on
//!   paths, there is no order: where the broker needs one it waits for the result.
//! - After an [`StorageCommand::Append`] or [`StorageCommand::Truncate`] that failed, later appends to that [`FileId`]
//!   are not done: nothing is written behind a gap.
//! - Every command ends in exactly one [`Input::Stored`], every piece of [`Work`] in exactly one [`Input::Worked`], and
//!   every [`Input::Opened`] in exactly one [`Input::Closed`].
//! - It sends [`Input::Tick`] when [`Broker::deadline`](crate::Broker::deadline) has passed.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;

use bytes::Bytes;
use thiserror::Error;

pub use crate::log::{Work, Worked};
use crate::time::WallClock;
#[doc(inline)]
pub use crate::wire::{Chunk, FileId, FileRange, Frame};

/// One event from the world.
#[derive(Debug)]
pub enum Input {
    /// A client connected.
    Opened {
        /// The adapter's number for it.
        conn: ConnId,
        /// The client's address.
        peer: SocketAddr,
        /// Index of the listener that accepted it, in the order of the configuration.
        listener: u16,
    },
    /// A whole frame arrived, without its size prefix.
    Frame {
        /// Whose.
        conn: ConnId,
        /// Request header and body.
        body: Bytes,
    },
    /// Bytes of earlier [`Output::Send`]s left for the client.
    Sent {
        /// Whose.
        conn: ConnId,
        /// How many, size prefixes included.
        size_bytes: u64,
    },
    /// The connection is gone; nothing more can be sent.
    Closed {
        /// Whose.
        conn: ConnId,
    },
    /// A storage command ended.
    Stored {
        /// Which.
        op: OpId,
        /// How.
        result: StorageResult,
    },
    /// Work was done.
    Worked {
        /// Which.
        op: OpId,
        /// What came of it.
        worked: Worked,
    },
    /// A deadline passed.
    Tick,
    /// Stop in good order: answer what is in flight, sync, leave the clean marker, then [`Output::Halt`].
    Shutdown,
}

/// One thing for the adapter to do.
#[derive(Debug)]
pub enum Output {
    /// Write a frame, in one go where the socket takes it.
    Send {
        /// To whom.
        conn: ConnId,
        /// Size prefix, header and body.
        frame: Frame,
    },
    /// Stop (`open: false`) or resume reading from a connection.
    Gate {
        /// Whose.
        conn: ConnId,
        /// Whether to read.
        open: bool,
    },
    /// Write out what was sent before, then close.
    Close {
        /// Whose.
        conn: ConnId,
        /// For the log line.
        reason: CloseReason,
    },
    /// Do a storage command.
    Store {
        /// Comes back in [`Input::Stored`].
        op: OpId,
        /// What to do.
        command: StorageCommand,
    },
    /// Do a piece of work: [`Work::run`]. It needs the processor only, and may need it for a tenth of a second: do it where
    /// no connection waits meanwhile.
    Work {
        /// Comes back in [`Input::Worked`].
        op: OpId,
        /// What to do.
        work: Work,
    },
    /// Something that people should know.
    Report(Report),
    /// Write out what was sent before and end. Nothing comes after it.
    Halt {
        /// Why.
        reason: HaltReason,
    },
}

/// A connection, numbered by the adapter and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// A storage command in flight, numbered by the broker and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId(pub u64);

/// A file or directory in one of the log directories.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path {
    /// Index into the configured `log.dirs`.
    pub log_dir: u16,
    /// Relative to it, with `/` between parts; empty for the log directory itself.
    pub relative: Arc<str>,
}

impl Path {
    /// A path below log directory `log_dir`.
    #[must_use]
    pub fn new(log_dir: u16, relative: impl Into<Arc<str>>) -> Self {
        Self { log_dir, relative: relative.into() }
    }

    /// This path and one more part.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        if self.relative.is_empty() {
            return Self::new(self.log_dir, name);
        }
        let mut relative = String::with_capacity(self.relative.len() + 1 + name.len());
        relative.push_str(&self.relative);
        relative.push('/');
        relative.push_str(name);
        Self::new(self.log_dir, relative)
    }

    /// The directory that holds this entry; the log directory holds itself.
    #[must_use]
    pub fn parent(&self) -> Self {
        let parent = self.relative.rsplit_once('/').map_or("", |(parent, _)| parent);
        Self::new(self.log_dir, parent)
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.log_dir, self.relative)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.relative)
    }
}

/// One dumb step of storage. There are no others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageCommand {
    /// Names, kinds and sizes in a directory. Done with [`Outcome::Listing`]; a missing directory is
    /// [`StorageError::NotFound`].
    List {
        /// The directory.
        dir: Path,
    },
    /// Create a directory and the missing ones above it; an existing one is fine.
    MakeDir {
        /// The directory.
        dir: Path,
    },
    /// Open a file for reading and writing under an id of the broker's choice. Done with [`Outcome::Opened`].
    Open {
        /// The id from now on.
        file: FileId,
        /// Which file.
        path: Path,
        /// What to expect.
        mode: OpenMode,
    },
    /// Read up to `size_bytes`; less only at the file's end. Done with [`Outcome::Data`].
    Read {
        /// From which file.
        file: FileId,
        /// First byte.
        at: u64,
        /// At most this many.
        size_bytes: u32,
    },
    /// Write `data` at `at`, which is the file's end as the broker knows it, in one vectored write where possible.
    Append {
        /// To which file.
        file: FileId,
        /// First byte.
        at: u64,
        /// Parts, one after another.
        data: Vec<Bytes>,
    },
    /// Make the file's bytes and size durable.
    Sync {
        /// Which file.
        file: FileId,
    },
    /// Make a directory's entries durable: what was created, renamed or removed in it.
    SyncDir {
        /// The directory.
        dir: Path,
    },
    /// Cut the file to `size_bytes`.
    Truncate {
        /// Which file.
        file: FileId,
        /// The size from then on.
        size_bytes: u64,
    },
    /// Rename a file or directory, replacing a file that is there.
    Rename {
        /// Today's name.
        from: Path,
        /// The new one.
        to: Path,
    },
    /// Remove a file, or a directory and all that is in it; a missing one is fine.
    Remove {
        /// What.
        path: Path,
    },
    /// How much room there is. Done with [`Outcome::Space`].
    MeasureSpace {
        /// Index of the log directory.
        log_dir: u16,
    },
    /// Forget a file id. Always succeeds.
    Close {
        /// Which file.
        file: FileId,
    },
}

/// What [`StorageCommand::Open`] expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// The file must exist.
    Existing,
    /// Create the file if it is missing.
    OpenOrCreate,
    /// Create the file, or cut an existing one to nothing.
    CreateEmpty,
}

/// How a storage command ended: done, not done, or unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageResult {
    /// It happened.
    Done(Outcome),
    /// It certainly did not happen, not even in part.
    NotDone(StorageError),
    /// It may have happened, wholly or in part.
    Unknown(StorageError),
}

/// What a done command brings back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing to say.
    Nothing,
    /// Of [`StorageCommand::List`], sorted by name.
    Listing(Vec<DirEntry>),
    /// Of [`StorageCommand::Open`].
    Opened {
        /// The file's size now.
        size_bytes: u64,
    },
    /// Of [`StorageCommand::Read`].
    Data(Bytes),
    /// Of [`StorageCommand::MeasureSpace`]: of the file system that holds the directory.
    Space {
        /// All of it.
        total_bytes: u64,
        /// What this process may still write.
        usable_bytes: u64,
    },
}

/// One entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirEntry {
    /// Without its directory.
    pub name: String,
    /// A directory rather than a file.
    pub is_dir: bool,
    /// Of a file.
    pub size_bytes: u64,
    /// When a file was last written to, where the file system knows.
    pub modified: Option<WallClock>,
}

/// Why a storage command failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StorageError {
    /// No such file or directory.
    #[error("no such file or directory")]
    NotFound,
    /// No space left (or a quota reached).
    #[error("no space left on the device")]
    Full,
    /// The directory or file can't be written or read by this process.
    #[error("permission denied")]
    Denied,
    /// Anything else, in the words of the operating system.
    #[error("{0}")]
    Io(String),
}

/// Why the broker closes a connection.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CloseReason {
    /// The client sent what Kafka does not allow; the text says what and where.
    #[error("{0}")]
    Protocol(String),
    /// A limit on connections was reached; the text names it and its property.
    #[error("{0}")]
    Limit(String),
    /// Nothing arrived for `connections.max.idle.ms`.
    #[error("idle for longer than connections.max.idle.ms")]
    Idle,
    /// The broker stops.
    #[error("the broker is shutting down")]
    Shutdown,
}

/// Why the broker ends.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HaltReason {
    /// [`Input::Shutdown`] was obeyed and everything is safe on disk.
    #[error("clean shutdown")]
    Clean,
    /// The directory can't be used; the text says why and what to do.
    #[error("{0}")]
    Unusable(String),
}

/// Something that people should know; adapters log it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How loud.
    pub level: Level,
    /// One line.
    pub text: String,
}

/// How loud a [`Report`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Only for a closer look.
    Debug,
    /// Milestones.
    Info,
    /// Something is wrong with a client or a limit was hit.
    Warn,
    /// Data or service is affected.
    Error,
}
