//! Steps on files that a repair takes, each done when it returns.

use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;

use super::{Disk, Repair, RepairError};
use crate::boundary::{DirEntry, FileId, OpenMode, Outcome, Path, StorageCommand, StorageError, StorageResult};

/// So much is read and written at a time.
pub(super) const CHUNK_SIZE_BYTES: u32 = 1 << 20;

/// An open file.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenFile<'p> {
    id: FileId,
    path: &'p Path,
    pub(super) size_bytes: u64,
}

impl<D: Disk> Repair<D> {
    /// A directory's entries.
    pub(super) fn list(&mut self, dir: &Path) -> Result<Vec<DirEntry>, RepairError> {
        match self.run(dir, "listed", StorageCommand::List { dir: dir.clone() })? {
            Outcome::Listing(entries) => Ok(entries),
            other => unreachable!("a listing was asked for, not {other:?}"),
        }
    }

    /// All of a small file; nothing where there is none.
    pub(super) fn read_file(&mut self, path: &Path, limit_bytes: u64) -> Result<Option<Bytes>, RepairError> {
        let file = match self.open_file(path, OpenMode::Existing) {
            Ok(file) => file,
            Err(RepairError::Storage { error: StorageError::NotFound, .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let size_bytes = file.size_bytes;
        if size_bytes > limit_bytes {
            self.close_file(file);
            return Err(RepairError::TooLarge { path: self.shown(path), size_bytes, limit_bytes });
        }
        let mut content = Vec::new();
        while (content.len() as u64) < size_bytes {
            let bytes = self.read_at(file, content.len() as u64, CHUNK_SIZE_BYTES)?;
            if bytes.is_empty() {
                break;
            }
            content.extend_from_slice(&bytes);
        }
        self.close_file(file);
        Ok(Some(content.into()))
    }

    /// Writes a small file under another name and then gives it its own, so that a crash leaves the old or the new one.
    pub(super) fn replace_file(&mut self, path: &Path, content: Bytes) -> Result<(), RepairError> {
        let temporary = Path::new(path.log_dir, alloc::format!("{path}.tmp"));
        let file = self.open_file(&temporary, OpenMode::CreateEmpty)?;
        self.append(file, 0, content)?;
        self.sync(file)?;
        self.close_file(file);
        self.rename(&temporary, path)?;
        self.sync_dir(&path.parent())
    }

    pub(super) fn open_file<'p>(&mut self, path: &'p Path, mode: OpenMode) -> Result<OpenFile<'p>, RepairError> {
        let id = self.outbox.new_file_id();
        let verb = if mode == OpenMode::CreateEmpty { "created" } else { "opened" };
        match self.run(path, verb, StorageCommand::Open { file: id, path: path.clone(), mode })? {
            Outcome::Opened { size_bytes } => Ok(OpenFile { id, path, size_bytes }),
            other => unreachable!("a file was opened, not {other:?}"),
        }
    }

    pub(super) fn read_at(&mut self, file: OpenFile<'_>, at: u64, size_bytes: u32) -> Result<Bytes, RepairError> {
        match self.run(file.path, "read", StorageCommand::Read { file: file.id, at, size_bytes })? {
            Outcome::Data(bytes) => Ok(bytes),
            other => unreachable!("bytes were asked for, not {other:?}"),
        }
    }

    pub(super) fn append(&mut self, file: OpenFile<'_>, at: u64, bytes: Bytes) -> Result<(), RepairError> {
        let command = StorageCommand::Append { file: file.id, at, data: vec![bytes] };
        self.run(file.path, "written", command).map(drop)
    }

    /// Copies a stretch of a file behind what another has; says where that ends then.
    pub(super) fn copy(
        &mut self,
        (from, mut at, end): (OpenFile<'_>, u64, u64),
        (to, mut to_at): (OpenFile<'_>, u64),
    ) -> Result<u64, RepairError> {
        while at < end {
            let size_bytes = u32::try_from(end - at).unwrap_or(u32::MAX).min(CHUNK_SIZE_BYTES);
            let bytes = self.read_at(from, at, size_bytes)?;
            if bytes.is_empty() {
                let error = StorageError::Io("the file became shorter".into());
                return Err(RepairError::Storage { path: self.shown(from.path), verb: "read", error });
            }
            let read_bytes = bytes.len() as u64;
            self.append(to, to_at, bytes)?;
            (at, to_at) = (at + read_bytes, to_at + read_bytes);
        }
        Ok(to_at)
    }

    pub(super) fn sync(&mut self, file: OpenFile<'_>) -> Result<(), RepairError> {
        self.run(file.path, "synced", StorageCommand::Sync { file: file.id }).map(drop)
    }

    pub(super) fn close_file(&mut self, file: OpenFile<'_>) {
        self.disk.run(StorageCommand::Close { file: file.id });
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> Result<(), RepairError> {
        let command = StorageCommand::Rename { from: from.clone(), to: to.clone() };
        self.run(from, "renamed", command).map(drop)
    }

    pub(super) fn remove(&mut self, path: &Path) -> Result<(), RepairError> {
        self.run(path, "removed", StorageCommand::Remove { path: path.clone() }).map(drop)
    }

    pub(super) fn sync_dir(&mut self, dir: &Path) -> Result<(), RepairError> {
        self.run(dir, "made durable", StorageCommand::SyncDir { dir: dir.clone() }).map(drop)
    }

    fn run(&mut self, path: &Path, verb: &'static str, command: StorageCommand) -> Result<Outcome, RepairError> {
        match self.disk.run(command) {
            StorageResult::Done(outcome) => Ok(outcome),
            StorageResult::NotDone(error) | StorageResult::Unknown(error) => {
                Err(RepairError::Storage { path: self.shown(path), verb, error })
            }
        }
    }
}
