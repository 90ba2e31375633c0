//! A disk in memory: does storage commands at once, for doctests, tests and fuzz targets.
//!
//! It keeps every byte that was written, synced or not, and never fails unless told to. A disk that loses unsynced data,
//! tears writes and rots is the simulator's.
//!
//! ```
//! use ottla_core::boundary::{FileId, OpenMode, Outcome, Path, StorageCommand, StorageResult};
//! use ottla_core::memory_disk::MemoryDisk;
//!
//! let mut disk = MemoryDisk::new();
//! let (file, path) = (FileId(1), Path::new(0, "notes"));
//! disk.execute(StorageCommand::Open { file, path: path.clone(), mode: OpenMode::CreateEmpty });
//! disk.execute(StorageCommand::Append { file, at: 0, data: vec!["hello".into()] });
//! let read = disk.execute(StorageCommand::Read { file, at: 1, size_bytes: 3 });
//! assert_eq!(read, StorageResult::Done(Outcome::Data("ell".into())));
//! assert_eq!(disk.file(&path), Some(&b"hello"[..]));
//! ```

use alloc::collections::BTreeMap;
use alloc::string::ToString as _;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::boundary::{
    DirEntry, FileId, FileRange, OpenMode, Outcome, Path, StorageCommand, StorageError, StorageResult,
};

/// How large the disk says it is.
const SIZE_BYTES: u64 = 1 << 40;

/// Directories and files in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk {
    entries: BTreeMap<Path, Entry>,
    contents: BTreeMap<u64, Vec<u8>>,
    open: BTreeMap<FileId, u64>,
    next_content: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    Dir,
    /// What is in it outlives its name while it is open.
    File(u64),
}

impl MemoryDisk {
    /// An empty disk; log directories exist as soon as something is in them.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Does a command.
    pub fn execute(&mut self, command: StorageCommand) -> StorageResult {
        match self.run(command) {
            Ok(outcome) => StorageResult::Done(outcome),
            Err(error) => StorageResult::NotDone(error),
        }
    }

    /// What a file holds.
    #[must_use]
    pub fn file(&self, path: &Path) -> Option<&[u8]> {
        match self.entries.get(path)? {
            Entry::Dir => None,
            Entry::File(content) => Some(&self.contents[content]),
        }
    }

    /// Puts a file on the disk, and the directories above it.
    pub fn put(&mut self, path: &Path, bytes: impl Into<Vec<u8>>) {
        self.make_dirs(&path.parent());
        let content = self.create(path);
        self.contents.insert(content, bytes.into());
    }

    /// Paths of all files, sorted.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.entries.iter().filter(|(_, entry)| matches!(entry, Entry::File(_))).map(|(path, _)| path)
    }

    /// Whether there is such a directory.
    #[must_use]
    pub fn has_dir(&self, path: &Path) -> bool {
        path.relative.is_empty() || self.entries.get(path) == Some(&Entry::Dir)
    }

    /// What an answer's file chunk stands for; cut off where the file ends.
    #[must_use]
    pub fn read_range(&self, range: FileRange) -> Bytes {
        let content = self.open.get(&range.file).and_then(|content| self.contents.get(content));
        content.map(|content| slice(content, range.at, range.size_bytes)).unwrap_or_default()
    }

    /// How many files are open.
    #[must_use]
    pub fn open_files(&self) -> usize {
        self.open.len()
    }

    /// Forgets which files are open, as a crash does.
    pub fn crash(&mut self) {
        self.open.clear();
        let named: Vec<u64> = self.entries.values().filter_map(|entry| entry.content()).collect();
        self.contents.retain(|content, _| named.contains(content));
    }

    fn run(&mut self, command: StorageCommand) -> Result<Outcome, StorageError> {
        match command {
            StorageCommand::List { dir } => return self.list(&dir),
            StorageCommand::MakeDir { dir } => self.make_dirs(&dir),
            StorageCommand::Open { file, path, mode } => return self.open_file(file, &path, mode),
            StorageCommand::Read { file, at, size_bytes } => {
                let content = &self.contents[&self.content_of(file)?];
                return Ok(Outcome::Data(slice(content, at, size_bytes)));
            }
            StorageCommand::Append { file, at, data } => self.append(file, at, &data)?,
            StorageCommand::Sync { file } => drop(self.content_of(file)?),
            StorageCommand::SyncDir { dir } => self.existing_dir(&dir)?,
            StorageCommand::Truncate { file, size_bytes } => {
                let content = self.content_of(file)?;
                self.content_mut(content).resize(size_bytes as usize, 0);
            }
            StorageCommand::Rename { from, to } => self.rename(&from, &to)?,
            StorageCommand::Remove { path } => self.remove(&path),
            StorageCommand::MeasureSpace { .. } => return Ok(self.space()),
            StorageCommand::Close { file } => self.close(file),
        }
        Ok(Outcome::Nothing)
    }

    fn space(&self) -> Outcome {
        let used_bytes: u64 = self.contents.values().map(|content| content.len() as u64).sum();
        Outcome::Space { total_bytes: SIZE_BYTES, usable_bytes: SIZE_BYTES.saturating_sub(used_bytes) }
    }

    fn list(&self, dir: &Path) -> Result<Outcome, StorageError> {
        self.existing_dir(dir)?;
        let entries = self.entries.iter().filter(|(path, _)| !path.relative.is_empty() && path.parent() == *dir);
        let mut listing: Vec<DirEntry> = entries
            .map(|(path, entry)| DirEntry {
                name: path.relative.rsplit('/').next().unwrap_or_default().to_string(),
                is_dir: *entry == Entry::Dir,
                size_bytes: entry.content().map_or(0, |content| self.contents[&content].len() as u64),
                modified: None,
            })
            .collect();
        listing.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Outcome::Listing(listing))
    }

    fn open_file(&mut self, file: FileId, path: &Path, mode: OpenMode) -> Result<Outcome, StorageError> {
        let content = match (self.entries.get(path), mode) {
            (Some(Entry::Dir), _) => return Err(StorageError::Io("is a directory".to_string())),
            (Some(Entry::File(content)), OpenMode::CreateEmpty) => {
                let content = *content;
                self.content_mut(content).clear();
                content
            }
            (Some(Entry::File(content)), OpenMode::Existing | OpenMode::OpenOrCreate) => *content,
            (None, OpenMode::Existing) => return Err(StorageError::NotFound),
            (None, OpenMode::OpenOrCreate | OpenMode::CreateEmpty) => {
                self.existing_dir(&path.parent())?;
                self.create(path)
            }
        };
        self.open.insert(file, content);
        Ok(Outcome::Opened { size_bytes: self.contents[&content].len() as u64 })
    }

    fn append(&mut self, file: FileId, at: u64, data: &[Bytes]) -> Result<(), StorageError> {
        let content = self.content_of(file)?;
        let bytes = self.content_mut(content);
        let mut at = at as usize;
        for part in data {
            if bytes.len() < at + part.len() {
                bytes.resize(at + part.len(), 0);
            }
            bytes[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
        Ok(())
    }

    fn rename(&mut self, from: &Path, to: &Path) -> Result<(), StorageError> {
        let entry = *self.entries.get(from).ok_or(StorageError::NotFound)?;
        self.existing_dir(&to.parent())?;
        if matches!(self.entries.get(to), Some(Entry::Dir)) {
            return Err(StorageError::Io("a directory is in the way".to_string()));
        }
        self.remove(to);
        self.entries.remove(from);
        self.entries.insert(to.clone(), entry);
        for path in self.below(from) {
            let entry = self.entries.remove(&path).expect("it was listed");
            let rest = &path.relative[from.relative.len() + 1..];
            self.entries.insert(to.join(rest), entry);
        }
        Ok(())
    }

    fn remove(&mut self, path: &Path) {
        for path in self.below(path) {
            self.remove_entry(&path);
        }
        self.remove_entry(path);
    }

    fn remove_entry(&mut self, path: &Path) {
        if let Some(Entry::File(content)) = self.entries.remove(path)
            && !self.open.values().any(|open| *open == content)
        {
            self.contents.remove(&content);
        }
    }

    fn close(&mut self, file: FileId) {
        let Some(content) = self.open.remove(&file) else { return };
        let is_named = self.entries.values().any(|entry| entry.content() == Some(content));
        if !is_named && !self.open.values().any(|open| *open == content) {
            self.contents.remove(&content);
        }
    }

    fn below(&self, dir: &Path) -> Vec<Path> {
        let is_below = |path: &Path| {
            let rest = path.relative.strip_prefix(&*dir.relative);
            path.log_dir == dir.log_dir && rest.is_some_and(|rest| rest.starts_with('/'))
        };
        self.entries.keys().filter(|path| is_below(path)).cloned().collect()
    }

    fn make_dirs(&mut self, dir: &Path) {
        if self.has_dir(dir) {
            return;
        }
        self.make_dirs(&dir.parent());
        self.entries.insert(dir.clone(), Entry::Dir);
    }

    fn existing_dir(&self, dir: &Path) -> Result<(), StorageError> {
        if self.has_dir(dir) { Ok(()) } else { Err(StorageError::NotFound) }
    }

    fn create(&mut self, path: &Path) -> u64 {
        let content = self.next_content;
        self.next_content += 1;
        self.contents.insert(content, Vec::new());
        self.entries.insert(path.clone(), Entry::File(content));
        content
    }

    fn content_of(&self, file: FileId) -> Result<u64, StorageError> {
        self.open.get(&file).copied().ok_or_else(|| StorageError::Io("the file is not open".to_string()))
    }

    fn content_mut(&mut self, content: u64) -> &mut Vec<u8> {
        self.contents.get_mut(&content).expect("contents live as long as they are named or open")
    }
}

impl Entry {
    fn content(self) -> Option<u64> {
        match self {
            Self::Dir => None,
            Self::File(content) => Some(content),
        }
    }
}

fn slice(content: &[u8], at: u64, size_bytes: u32) -> Bytes {
    let from = usize::try_from(at).unwrap_or(usize::MAX).min(content.len());
    let to = from.saturating_add(size_bytes as usize).min(content.len());
    Bytes::copy_from_slice(&content[from..to])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(disk: &mut MemoryDisk, file: u64, path: &str, mode: OpenMode) -> StorageResult {
        disk.execute(StorageCommand::Open { file: FileId(file), path: Path::new(0, path), mode })
    }

    #[test]
    fn a_renamed_directory_takes_its_files_along_and_open_files_stay_readable() {
        let mut disk = MemoryDisk::new();
        disk.put(&Path::new(0, "a-0/log"), b"123".to_vec());
        open(&mut disk, 1, "a-0/log", OpenMode::Existing);
        disk.execute(StorageCommand::Rename { from: Path::new(0, "a-0"), to: Path::new(0, "a-0.x-delete") });
        assert_eq!(disk.file(&Path::new(0, "a-0.x-delete/log")), Some(&b"123"[..]));
        disk.execute(StorageCommand::Remove { path: Path::new(0, "a-0.x-delete") });
        assert_eq!(disk.files().count(), 0);
        assert_eq!(disk.read_range(FileRange { file: FileId(1), at: 1, size_bytes: 9 }), "23");
        disk.execute(StorageCommand::Close { file: FileId(1) });
        assert!(disk.contents.is_empty());
    }

    #[test]
    fn a_missing_file_or_directory_is_not_found() {
        let mut disk = MemoryDisk::new();
        assert_eq!(open(&mut disk, 1, "none", OpenMode::Existing), StorageResult::NotDone(StorageError::NotFound));
        assert_eq!(open(&mut disk, 1, "d/x", OpenMode::CreateEmpty), StorageResult::NotDone(StorageError::NotFound));
        let listing = disk.execute(StorageCommand::List { dir: Path::new(0, "d") });
        assert_eq!(listing, StorageResult::NotDone(StorageError::NotFound));
    }

    #[test]
    fn a_listing_has_names_kinds_and_sizes() {
        let mut disk = MemoryDisk::new();
        disk.put(&Path::new(0, "b-0/x"), b"12".to_vec());
        disk.put(&Path::new(0, "a"), b"1".to_vec());
        disk.put(&Path::new(1, "other"), Vec::new());
        let Outcome::Listing(listing) = disk.run(StorageCommand::List { dir: Path::new(0, "") }).unwrap() else {
            panic!("a listing was expected");
        };
        let listing: Vec<_> = listing.iter().map(|entry| (&*entry.name, entry.is_dir, entry.size_bytes)).collect();
        assert_eq!(listing, [("a", false, 1), ("b-0", true, 0)]);
    }
}
