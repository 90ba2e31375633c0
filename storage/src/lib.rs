//! The disk: runs [`StorageCommand`]s on real files. The only place in the project that touches them.
//!
//! Commands are dumb steps and each makes one attempt; what a failure means is for the core to decide. [`Storage`] is
//! shared by threads and locks nothing while it waits for the disk. It does not order commands: whoever calls
//! [`Storage::run`] keeps the order per [`FileId`] that [`ottla_core::boundary`] promises.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bytes::Bytes;
use ottla_core::boundary::{FileId, OpenMode, Outcome, Path, StorageCommand, StorageError, StorageResult};

mod directory;
mod failure;
mod file;
mod lock;

pub use lock::OpenError;

use lock::DirectoryLock;

/// The log directories of one broker, locked against every other broker until it is dropped.
#[derive(Debug)]
pub struct Storage {
    /// Or why one can't be used: then nothing in it is done.
    log_dirs: Vec<Result<PathBuf, String>>,
    /// Held, never looked at.
    locks: Mutex<Vec<DirectoryLock>>,
    files: RwLock<HashMap<FileId, Arc<OpenFile>>>,
}

#[derive(Debug)]
struct OpenFile {
    file: Arc<File>,
    /// Its end is not where the broker thinks: nothing more is appended.
    has_failed: AtomicBool,
}

impl Storage {
    /// Creates the directories where they are missing and locks them.
    ///
    /// # Errors
    /// There is none, one can't be created, or another broker (of ours or Apache Kafka) uses it.
    pub fn open(log_dirs: &[PathBuf]) -> Result<Self, OpenError> {
        Self::open_needing(log_dirs, |_| true)
    }

    /// [`Storage::open`] that goes on without the directories that can't be created, opened or locked, as long as they are
    /// not needed: whatever is asked of one of them is not done, and its failure says why.
    ///
    /// # Errors
    /// There is none, one that is needed can't be used, or another broker (of ours or Apache Kafka) uses one.
    pub fn open_needing(log_dirs: &[PathBuf], is_needed: impl Fn(usize) -> bool) -> Result<Self, OpenError> {
        if log_dirs.is_empty() {
            return Err(OpenError::NoDirectory);
        }
        let mut locks = Vec::new();
        let mut resolved: Vec<Result<PathBuf, String>> = Vec::new();
        for (index, dir) in log_dirs.iter().enumerate() {
            match Self::open_dir(dir) {
                Ok((lock, dir)) => {
                    locks.push(lock);
                    resolved.push(Ok(dir));
                }
                Err(error @ OpenError::InUse { .. }) => return Err(error),
                Err(error) if is_needed(index) => return Err(error),
                Err(error) => resolved.push(Err(error.to_string())),
            }
        }
        Ok(Self { log_dirs: resolved, locks: Mutex::new(locks), files: RwLock::default() })
    }

    fn open_dir(dir: &std::path::Path) -> Result<(DirectoryLock, PathBuf), OpenError> {
        let failed = |source| OpenError::Create { dir: dir.into(), source };
        fs::create_dir_all(dir).map_err(failed)?;
        let lock = DirectoryLock::take(dir)?;
        // From here on the directory is what it was at the start, wherever the process moves.
        Ok((lock, fs::canonicalize(dir).map_err(failed)?))
    }

    /// Closes all files and lets other brokers have the directories, though something may still hold this storage. For
    /// after the last command.
    pub fn release(&self) {
        self.files.write().unwrap_or_else(PoisonError::into_inner).clear();
        self.locks.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Does one command and waits for its end. Commands on one file must be run one after another, in their order.
    ///
    /// # Panics
    /// The command's path is not below a log directory, or names its lock file.
    pub fn run(&self, command: &StorageCommand) -> StorageResult {
        if let Some(why) = self.failure(command) {
            return StorageResult::NotDone(StorageError::Io(why.clone()));
        }
        match command {
            StorageCommand::List { dir } => directory::list(&self.resolve(dir)),
            StorageCommand::MakeDir { dir } => directory::make(&self.resolve(dir)),
            StorageCommand::Open { file, path, mode } => self.open_file(*file, path, *mode),
            StorageCommand::Read { file, at, size_bytes } => {
                self.with_file(*file, |file| file::read(file, *at, *size_bytes))
            }
            StorageCommand::Append { file, at, data } => self.append(*file, *at, data),
            StorageCommand::Sync { file } => self.with_file(*file, |file| match file::sync(file) {
                StorageResult::Done(_) => file::expect_a_name(file),
                failed => failed,
            }),
            StorageCommand::SyncDir { dir } => directory::sync(&self.resolve(dir)),
            StorageCommand::Truncate { file, size_bytes } => {
                self.change(*file, |file| file::truncate(file, *size_bytes))
            }
            StorageCommand::Rename { from, to } => directory::rename(&self.resolve(from), &self.resolve(to)),
            StorageCommand::Remove { path } => directory::remove(&self.resolve(path)),
            StorageCommand::MeasureSpace { log_dir } => directory::space(&self.resolve(&Path::new(*log_dir, ""))),
            StorageCommand::Close { file } => {
                self.files.write().unwrap_or_else(PoisonError::into_inner).remove(file);
                StorageResult::Done(Outcome::Nothing)
            }
        }
    }

    /// An open file, to be sent from; it stays open for as long as it is held.
    #[must_use]
    pub fn file(&self, file: FileId) -> Option<Arc<File>> {
        self.opened(file).map(|open| Arc::clone(&open.file))
    }

    fn opened(&self, file: FileId) -> Option<Arc<OpenFile>> {
        self.files.read().unwrap_or_else(PoisonError::into_inner).get(&file).cloned()
    }

    fn open_file(&self, id: FileId, path: &Path, mode: OpenMode) -> StorageResult {
        let (file, result) = file::open(&self.resolve(path), mode);
        if let Some(file) = file {
            let open = OpenFile { file: Arc::new(file), has_failed: AtomicBool::new(false) };
            let former = self.files.write().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::new(open));
            assert!(former.is_none(), "file ids are never reused");
        }
        result
    }

    fn append(&self, id: FileId, at: u64, data: &[Bytes]) -> StorageResult {
        if self.opened(id).is_some_and(|open| open.has_failed.load(Ordering::Relaxed)) {
            return StorageResult::NotDone(StorageError::Io("an earlier write to the file failed".into()));
        }
        self.change(id, |file| match file::append(file, at, data) {
            StorageResult::Done(_) => file::expect_a_name(file),
            failed => failed,
        })
    }

    /// Does what moves a file's end. Commands on one file come one after another, so nothing slips in between.
    fn change(&self, id: FileId, action: impl FnOnce(&File) -> StorageResult) -> StorageResult {
        let result = self.with_file(id, action);
        if let (Some(open), false) = (self.opened(id), matches!(result, StorageResult::Done(_))) {
            open.has_failed.store(true, Ordering::Relaxed);
        }
        result
    }

    fn with_file(&self, id: FileId, action: impl FnOnce(&File) -> StorageResult) -> StorageResult {
        match self.file(id) {
            Some(file) => action(&file),
            None => StorageResult::NotDone(StorageError::Io("the file is not open".into())),
        }
    }

    /// Why the directory that a command is about can't be used.
    fn failure(&self, command: &StorageCommand) -> Option<&String> {
        let log_dir = match command {
            StorageCommand::List { dir } | StorageCommand::MakeDir { dir } | StorageCommand::SyncDir { dir } => {
                dir.log_dir
            }
            StorageCommand::Open { path, .. } | StorageCommand::Remove { path } => path.log_dir,
            StorageCommand::Rename { from, .. } => from.log_dir,
            StorageCommand::MeasureSpace { log_dir } => *log_dir,
            StorageCommand::Read { .. }
            | StorageCommand::Append { .. }
            | StorageCommand::Sync { .. }
            | StorageCommand::Truncate { .. }
            | StorageCommand::Close { .. } => return None,
        };
        self.log_dirs[usize::from(log_dir)].as_ref().err()
    }

    fn resolve(&self, path: &Path) -> PathBuf {
        let ours = path.relative.split('/').all(|part| part != "." && part != "..") && !path.relative.starts_with('/');
        assert!(ours, "the broker's paths stay below their log directory");
        // A second descriptor of the lock file would release the lock when it is closed.
        assert!(&*path.relative != lock::LOCK_FILE, "the lock file is not the broker's");
        let log_dir = self.log_dirs[usize::from(path.log_dir)].as_ref().expect("those that can't be used were refused");
        if path.relative.is_empty() { log_dir.clone() } else { log_dir.join(&*path.relative) }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path as StdPath;

    use super::*;

    const DONE: StorageResult = StorageResult::Done(Outcome::Nothing);
    const FILE: FileId = FileId(7);

    fn open(dirs: &[&StdPath]) -> Storage {
        Storage::open(&dirs.iter().map(|dir| dir.to_path_buf()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn each_log_directory_has_its_own_files() {
        let root = tempfile::tempdir().unwrap();
        let (first, second) = (root.path().join("missing/first"), root.path().join("second"));
        let storage = open(&[&first, &second]);
        assert_eq!(storage.run(&StorageCommand::MakeDir { dir: Path::new(1, "topic-0") }), DONE);
        let path = Path::new(1, "topic-0/log");
        let opened = storage.run(&StorageCommand::Open { file: FILE, path, mode: OpenMode::CreateEmpty });
        assert_eq!(opened, StorageResult::Done(Outcome::Opened { size_bytes: 0 }));
        let data = vec![Bytes::from_static(b"records")];
        assert_eq!(storage.run(&StorageCommand::Append { file: FILE, at: 0, data }), DONE);
        assert_eq!(fs::read(second.join("topic-0/log")).unwrap(), b"records");
        assert!(!first.join("topic-0").exists());
    }

    #[test]
    fn a_closed_file_is_gone_for_commands_but_not_for_who_sends_from_it() {
        let dir = tempfile::tempdir().unwrap();
        let storage = open(&[dir.path()]);
        storage.run(&StorageCommand::Open { file: FILE, path: Path::new(0, "log"), mode: OpenMode::OpenOrCreate });
        let sender = storage.file(FILE).unwrap();
        assert_eq!(storage.run(&StorageCommand::Close { file: FILE }), DONE);
        assert!(matches!(storage.run(&StorageCommand::Sync { file: FILE }), StorageResult::NotDone(_)));
        assert!(storage.file(FILE).is_none());
        assert_eq!(sender.metadata().unwrap().len(), 0);
    }

    #[test]
    fn after_a_failed_append_nothing_is_written_behind_the_gap() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/dev/full", dir.path().join("log")).unwrap();
        let storage = open(&[dir.path()]);
        storage.run(&StorageCommand::Open { file: FILE, path: Path::new(0, "log"), mode: OpenMode::Existing });
        let append = |at| {
            let data = vec![Bytes::from_static(b"records")];
            storage.run(&StorageCommand::Append { file: FILE, at, data })
        };
        assert_eq!(append(0), StorageResult::NotDone(StorageError::Full));
        let refused = StorageError::Io("an earlier write to the file failed".into());
        assert_eq!(append(7), StorageResult::NotDone(refused));
    }

    #[test]
    fn a_directory_is_used_by_one_storage_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let dirs = [dir.path().to_path_buf()];
        let storage = Storage::open(&dirs).unwrap();
        assert!(matches!(Storage::open(&dirs), Err(OpenError::InUse { .. })));
        storage.release();
        Storage::open(&dirs).unwrap();
        assert!(matches!(Storage::open(&[]), Err(OpenError::NoDirectory)));
    }

    #[test]
    fn a_directory_that_is_not_needed_may_fail_and_then_says_why() {
        let root = tempfile::tempdir().unwrap();
        let (good, bad) = (root.path().join("good"), root.path().join("bad"));
        fs::write(&bad, "no directory").unwrap();
        let dirs = [good, bad];
        assert!(matches!(Storage::open(&dirs), Err(OpenError::Create { .. })));
        let storage = Storage::open_needing(&dirs, |index| index == 0).unwrap();
        let list = |log_dir| storage.run(&StorageCommand::List { dir: Path::new(log_dir, "") });
        assert!(matches!(list(0), StorageResult::Done(_)));
        let StorageResult::NotDone(StorageError::Io(why)) = list(1) else { panic!("it is no directory") };
        assert!(why.contains("bad can't be created or opened"), "{why}");
    }

    #[test]
    #[should_panic(expected = "below their log directory")]
    fn paths_that_climb_out_are_a_bug() {
        let dir = tempfile::tempdir().unwrap();
        open(&[dir.path()]).run(&StorageCommand::Remove { path: Path::new(0, "../elsewhere") });
    }
}
