//! Storage commands as steps of the disk: what each does when it happens as a whole. Who has which file open is the
//! caller's to know.

use bytes::Bytes;
use ottla_core::boundary::{FileId, Outcome, StorageCommand, StorageError};

use super::{Disk, NodeId};

impl Disk {
    /// Does `command`; `open` is the file that it names, where that is open. Tells the outcome, and the file that was
    /// opened.
    ///
    /// # Errors
    /// As a disk in good health would say: a name that is not there, a file that is not open.
    pub fn execute(
        &mut self,
        command: &StorageCommand,
        open: Option<NodeId>,
    ) -> Result<(Outcome, Option<NodeId>), StorageError> {
        let node = || open.ok_or_else(|| StorageError::Io("the file could not be opened".to_owned()));
        match command {
            StorageCommand::List { dir } => return Ok((Outcome::Listing(self.list(dir)?), None)),
            StorageCommand::MakeDir { dir } => self.make_dir(dir)?,
            StorageCommand::Open { path, mode, .. } => {
                let node = self.open(path, *mode)?;
                return Ok((Outcome::Opened { size_bytes: self.file(node).size_bytes() }, Some(node)));
            }
            StorageCommand::Read { at, size_bytes, .. } => {
                let bytes = self.file(node()?).bytes();
                let from = offset(*at).min(bytes.len());
                let to = (from + *size_bytes as usize).min(bytes.len());
                return Ok((Outcome::Data(Bytes::copy_from_slice(&bytes[from..to])), None));
            }
            StorageCommand::Append { at, data, .. } => self.file_mut(node()?).write(offset(*at), &data.concat()),
            StorageCommand::Sync { .. } => self.file_mut(node()?).sync(),
            StorageCommand::SyncDir { dir } => self.sync_dir(dir)?,
            StorageCommand::Truncate { size_bytes, .. } => self.file_mut(node()?).truncate(offset(*size_bytes)),
            StorageCommand::Rename { from, to } => self.rename(from, to)?,
            StorageCommand::Remove { path } => self.remove(path)?,
            StorageCommand::MeasureSpace { .. } => {
                return Ok((Outcome::Space { total_bytes: 1 << 40, usable_bytes: 1 << 39 }, None));
            }
            StorageCommand::Close { .. } => {}
        }
        Ok((Outcome::Nothing, None))
    }
}

/// The file that a command names.
pub fn file_of(command: &StorageCommand) -> Option<FileId> {
    match command {
        StorageCommand::Open { file, .. }
        | StorageCommand::Read { file, .. }
        | StorageCommand::Append { file, .. }
        | StorageCommand::Sync { file }
        | StorageCommand::Truncate { file, .. }
        | StorageCommand::Close { file } => Some(*file),
        StorageCommand::List { .. }
        | StorageCommand::MakeDir { .. }
        | StorageCommand::SyncDir { .. }
        | StorageCommand::Rename { .. }
        | StorageCommand::Remove { .. }
        | StorageCommand::MeasureSpace { .. } => None,
    }
}

/// A place in a file.
pub fn offset(bytes: u64) -> usize {
    usize::try_from(bytes).expect("simulated files are small")
}
