//! A disk on which nothing is changed: reads go through, writes seem to succeed.
//!
//! What is removed or renamed is so for the rest of the run, since a recovery lists a directory again after that. What is
//! written is forgotten: a recovery does not read what it has written.

use alloc::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::Disk;
use crate::boundary::{FileId, OpenMode, Outcome, Path, StorageCommand, StorageError, StorageResult};

/// What seems to have happened.
#[derive(Debug, Default)]
pub(super) struct DryRun {
    /// Files that are no more, or not under this name.
    gone: BTreeSet<Path>,
    /// New names of files, and the names that they really have.
    renamed: BTreeMap<Path, Path>,
    /// Files that are really open; others only seem to be.
    open: BTreeSet<FileId>,
}

impl DryRun {
    /// Does a command, or seems to.
    pub(super) fn run(&mut self, command: StorageCommand, disk: &mut impl Disk) -> StorageResult {
        match command {
            StorageCommand::List { dir } => self.list(dir, disk),
            StorageCommand::Open { file, path, mode } => self.open(file, &path, mode, disk),
            StorageCommand::Read { file, .. } if self.open.contains(&file) => disk.run(command),
            StorageCommand::Read { .. } => done(Outcome::Data(Bytes::new())),
            StorageCommand::MeasureSpace { .. } => disk.run(command),
            StorageCommand::Rename { from, to } => {
                let real = self.renamed.remove(&from).unwrap_or_else(|| from.clone());
                self.gone.insert(from);
                self.gone.remove(&to);
                self.renamed.insert(to, real);
                done(Outcome::Nothing)
            }
            StorageCommand::Remove { path } => {
                self.renamed.remove(&path);
                self.gone.insert(path);
                done(Outcome::Nothing)
            }
            StorageCommand::Close { file } if self.open.remove(&file) => disk.run(command),
            StorageCommand::MakeDir { .. }
            | StorageCommand::Append { .. }
            | StorageCommand::Sync { .. }
            | StorageCommand::SyncDir { .. }
            | StorageCommand::Truncate { .. }
            | StorageCommand::Close { .. } => done(Outcome::Nothing),
        }
    }

    /// Closes what is still open.
    pub(super) fn close(self, disk: &mut impl Disk) {
        for file in self.open {
            disk.run(StorageCommand::Close { file });
        }
    }

    fn list(&self, dir: Path, disk: &mut impl Disk) -> StorageResult {
        let result = disk.run(StorageCommand::List { dir: dir.clone() });
        let StorageResult::Done(Outcome::Listing(mut entries)) = result else { return result };
        let there = entries.clone();
        entries.retain(|entry| !self.gone.contains(&dir.join(&entry.name)));
        for (path, real) in self.renamed.iter().filter(|(path, _)| path.parent() == dir) {
            let name_of = |path: &Path| path.relative.rsplit('/').next().unwrap_or_default().into();
            let (name, real): (_, alloc::string::String) = (name_of(path), name_of(real));
            entries.retain(|entry| entry.name != name);
            if let Some(entry) = there.iter().find(|entry| entry.name == real) {
                entries.push(crate::boundary::DirEntry { name, ..entry.clone() });
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        done(Outcome::Listing(entries))
    }

    fn open(&mut self, file: FileId, path: &Path, mode: OpenMode, disk: &mut impl Disk) -> StorageResult {
        if mode == OpenMode::CreateEmpty {
            return done(Outcome::Opened { size_bytes: 0 });
        }
        let not_found = StorageResult::NotDone(StorageError::NotFound);
        let result = match self.renamed.get(path) {
            None if self.gone.contains(path) => not_found,
            real => {
                let path = real.unwrap_or(path).clone();
                disk.run(StorageCommand::Open { file, path, mode: OpenMode::Existing })
            }
        };
        match result {
            StorageResult::NotDone(StorageError::NotFound) if mode == OpenMode::OpenOrCreate => {
                done(Outcome::Opened { size_bytes: 0 })
            }
            StorageResult::Done(_) => {
                self.open.insert(file);
                result
            }
            other => other,
        }
    }
}

fn done(outcome: Outcome) -> StorageResult {
    StorageResult::Done(outcome)
}
