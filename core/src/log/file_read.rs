//! Reads a file as a whole, in steps: it is opened, read piece by piece, and closed.

use alloc::vec::Vec;

use super::task::{Issuer, Task};
use crate::boundary::{FileId, OpenMode, Outcome, Path, StorageCommand};

/// At most this much is read at once.
pub(super) const CHUNK_SIZE_BYTES: u32 = 1 << 20;

/// A file that is being read. One command is in flight at a time; hand its outcome to [`FileRead::done`].
#[derive(Debug)]
pub(super) struct FileRead {
    file: FileId,
    task: Task,
    limit_bytes: u64,
    size_bytes: u64,
    bytes: Vec<u8>,
}

/// A file that was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    Bytes(Vec<u8>),
    TooLarge,
}

impl FileRead {
    pub(super) fn begin(path: Path, limit_bytes: u64, task: Task, issuer: &mut Issuer<'_>) -> Self {
        let file = issuer.new_file_id();
        issuer.issue(task, StorageCommand::Open { file, path, mode: OpenMode::Existing });
        Self { file, task, limit_bytes, size_bytes: 0, bytes: Vec::new() }
    }

    /// Ends where it is.
    pub(super) fn give_up(self, issuer: &mut Issuer<'_>) {
        issuer.close(self.file);
    }

    /// A command is done. Gives the content when that was the last one.
    pub(super) fn done(&mut self, outcome: Outcome, issuer: &mut Issuer<'_>) -> Option<Content> {
        match outcome {
            Outcome::Opened { size_bytes } if size_bytes > self.limit_bytes => {
                issuer.close(self.file);
                return Some(Content::TooLarge);
            }
            Outcome::Opened { size_bytes } => self.size_bytes = size_bytes,
            Outcome::Data(data) if data.is_empty() => self.size_bytes = self.bytes.len() as u64,
            Outcome::Data(data) => self.bytes.extend_from_slice(&data),
            Outcome::Nothing | Outcome::Listing(_) | Outcome::Space { .. } => {
                unreachable!("files are only opened and read here")
            }
        }
        let at = self.bytes.len() as u64;
        if at >= self.size_bytes {
            issuer.close(self.file);
            return Some(Content::Bytes(core::mem::take(&mut self.bytes)));
        }
        let size_bytes = u32::try_from(self.size_bytes - at).unwrap_or(u32::MAX).min(CHUNK_SIZE_BYTES);
        issuer.issue(self.task, StorageCommand::Read { file: self.file, at, size_bytes });
        None
    }
}
