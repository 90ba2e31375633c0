//! Jobs of several storage commands on one small file: read it whole, or replace it so that a crash leaves the old or
//! the new content, and plain commands on paths that someone waits for.
//!
//! What does not belong here: what the files mean.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;
use thiserror::Error;

use crate::boundary::{DirEntry, FileId, OpId, OpenMode, Outcome, Path, StorageCommand, StorageError, StorageResult};
use crate::outbox::{Outbox, Owner};

/// The jobs under way. `K` is the caller's name for a job.
#[derive(Debug)]
pub(super) struct Jobs<K> {
    waiting: BTreeMap<OpId, Job<K>>,
}

/// How a job ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Finished<K> {
    pub key: K,
    pub result: Result<Done, JobError>,
}

/// What a job that succeeded brings.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Done {
    /// The file's content; `None` where there is no such file.
    Content(Option<Bytes>),
    /// The directory's entries; `None` where there is no such directory.
    Listing(Option<Vec<DirEntry>>),
    /// It was done.
    Nothing,
}

/// Why a job failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum JobError {
    #[error("{path} could not be {verb}: {error}")]
    Storage { path: Path, verb: &'static str, error: StorageError },
    #[error("{path} has {size_bytes} bytes, more than the {limit_bytes} that such a file may have")]
    TooLarge { path: Path, size_bytes: u64, limit_bytes: u32 },
    #[error("{path} ended after {have} of its {size_bytes} bytes")]
    Short { path: Path, size_bytes: u64, have: u64 },
}

impl JobError {
    /// Whether there was no room for it.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Storage { error: StorageError::Full, .. })
    }
}

#[derive(Debug)]
struct Job<K> {
    key: K,
    path: Path,
    step: Step,
}

#[derive(Debug)]
enum Step {
    ReadOpen { file: FileId, limit_bytes: u32 },
    Reading { file: FileId, size_bytes: u64, content: Vec<u8> },
    ReplaceOpen { file: FileId, content: Bytes },
    ReplaceAppend { file: FileId },
    ReplaceSync { file: FileId },
    ReplaceRename,
    RemoveThenSync,
    Last { verb: &'static str },
}

/// What to do after a step.
enum Next<K> {
    Wait(StorageCommand, Job<K>),
    End(Finished<K>),
}

impl<K> Default for Jobs<K> {
    fn default() -> Self {
        Self { waiting: BTreeMap::new() }
    }
}

impl<K: Copy> Jobs<K> {
    /// Reads a file of at most `limit_bytes`.
    pub fn read(&mut self, key: K, path: Path, limit_bytes: u32, outbox: &mut Outbox) {
        let file = outbox.new_file_id();
        let command = StorageCommand::Open { file, path: path.clone(), mode: OpenMode::Existing };
        self.wait(command, Job { key, path, step: Step::ReadOpen { file, limit_bytes } }, outbox);
    }

    /// Writes a file under a temporary name, syncs it, gives it its name and makes that durable.
    pub fn replace(&mut self, key: K, path: Path, content: Bytes, outbox: &mut Outbox) {
        let file = outbox.new_file_id();
        let command = StorageCommand::Open { file, path: temporary(&path), mode: OpenMode::CreateEmpty };
        self.wait(command, Job { key, path, step: Step::ReplaceOpen { file, content } }, outbox);
    }

    /// Lists a directory.
    pub fn list(&mut self, key: K, dir: Path, outbox: &mut Outbox) {
        self.command(key, dir.clone(), "listed", StorageCommand::List { dir }, outbox);
    }

    /// Removes a file, and makes that durable.
    pub fn remove_durably(&mut self, key: K, path: Path, outbox: &mut Outbox) {
        let command = StorageCommand::Remove { path: path.clone() };
        self.wait(command, Job { key, path, step: Step::RemoveThenSync }, outbox);
    }

    /// One command about `path`; `verb` completes "could not be ...".
    pub fn command(&mut self, key: K, path: Path, verb: &'static str, command: StorageCommand, outbox: &mut Outbox) {
        self.wait(command, Job { key, path, step: Step::Last { verb } }, outbox);
    }

    /// Whether nothing is under way.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Takes a command's result; says so when its job ended.
    pub fn stored(&mut self, op: OpId, result: StorageResult, outbox: &mut Outbox) -> Option<Finished<K>> {
        let job = self.waiting.remove(&op).expect("the directory's results belong to its jobs");
        match job.advance(result, outbox) {
            Next::Wait(command, job) => {
                self.wait(command, job, outbox);
                None
            }
            Next::End(finished) => Some(finished),
        }
    }

    fn wait(&mut self, command: StorageCommand, job: Job<K>, outbox: &mut Outbox) {
        let op = outbox.store(Owner::Directory, command);
        self.waiting.insert(op, job);
    }
}

impl<K: Copy> Job<K> {
    fn advance(self, result: StorageResult, outbox: &mut Outbox) -> Next<K> {
        let outcome = match result {
            StorageResult::Done(outcome) => outcome,
            StorageResult::NotDone(error) | StorageResult::Unknown(error) => return self.failed(error, outbox),
        };
        let Self { key, path, step } = self;
        match step {
            Step::ReadOpen { file, limit_bytes } => {
                let Outcome::Opened { size_bytes } = outcome else { panic!("an open answers with a size") };
                let job = Self { key, path, step: Step::Reading { file, size_bytes, content: Vec::new() } };
                job.read_on(limit_bytes, outbox)
            }
            Step::Reading { file, size_bytes, mut content } => {
                let Outcome::Data(data) = outcome else { panic!("a read answers with data") };
                let have = content.len() as u64;
                if data.is_empty() {
                    close(file, outbox);
                    return end(key, Err(JobError::Short { path, size_bytes, have }));
                }
                content.extend_from_slice(&data);
                let job = Self { key, path, step: Step::Reading { file, size_bytes, content } };
                job.read_on(u32::MAX, outbox)
            }
            Step::ReplaceOpen { file, content } => {
                let command = StorageCommand::Append { file, at: 0, data: vec![content] };
                Next::Wait(command, Self { key, path, step: Step::ReplaceAppend { file } })
            }
            Step::ReplaceAppend { file } => {
                Next::Wait(StorageCommand::Sync { file }, Self { key, path, step: Step::ReplaceSync { file } })
            }
            Step::ReplaceSync { file } => {
                close(file, outbox);
                let command = StorageCommand::Rename { from: temporary(&path), to: path.clone() };
                Next::Wait(command, Self { key, path, step: Step::ReplaceRename })
            }
            Step::ReplaceRename | Step::RemoveThenSync => {
                let command = StorageCommand::SyncDir { dir: path.parent() };
                Next::Wait(command, Self { key, path, step: Step::Last { verb: "made durable" } })
            }
            Step::Last { .. } => end(
                key,
                Ok(match outcome {
                    Outcome::Listing(entries) => Done::Listing(Some(entries)),
                    _ => Done::Nothing,
                }),
            ),
        }
    }

    /// Asks for the rest of the file, or ends with its content.
    fn read_on(self, limit_bytes: u32, outbox: &mut Outbox) -> Next<K> {
        let Self { key, path, step: Step::Reading { file, size_bytes, content } } = self else {
            panic!("only a read reads on")
        };
        if size_bytes > u64::from(limit_bytes) {
            close(file, outbox);
            return end(key, Err(JobError::TooLarge { path, size_bytes, limit_bytes }));
        }
        let at = content.len() as u64;
        if at >= size_bytes {
            close(file, outbox);
            return end(key, Ok(Done::Content(Some(Bytes::from(content)))));
        }
        let rest = u32::try_from(size_bytes - at).expect("the limit is below 4 GiB");
        let command = StorageCommand::Read { file, at, size_bytes: rest };
        Next::Wait(command, Self { key, path, step: Step::Reading { file, size_bytes, content } })
    }

    fn failed(self, error: StorageError, outbox: &mut Outbox) -> Next<K> {
        let Self { key, path, step } = self;
        let verb = match step {
            Step::ReadOpen { .. } if error == StorageError::NotFound => return end(key, Ok(Done::Content(None))),
            Step::Last { verb: "listed" } if error == StorageError::NotFound => {
                return end(key, Ok(Done::Listing(None)));
            }
            Step::ReadOpen { .. } => "opened",
            Step::ReplaceOpen { .. } => "created",
            Step::ReplaceRename => "renamed into its place",
            Step::RemoveThenSync => "removed",
            Step::Last { verb } => verb,
            Step::Reading { file, .. } => {
                close(file, outbox);
                "read"
            }
            Step::ReplaceAppend { file } => {
                close(file, outbox);
                "written"
            }
            Step::ReplaceSync { file } => {
                close(file, outbox);
                "synced"
            }
        };
        end(key, Err(JobError::Storage { path, verb, error }))
    }
}

fn end<K>(key: K, result: Result<Done, JobError>) -> Next<K> {
    Next::End(Finished { key, result })
}

/// Closing always succeeds, so nobody waits for it.
fn close(file: FileId, outbox: &mut Outbox) {
    outbox.store(Owner::Nobody, StorageCommand::Close { file });
}

/// The name under which Kafka, too, writes what is not complete yet.
fn temporary(path: &Path) -> Path {
    let mut name = String::from(&*path.relative);
    name.push_str(".tmp");
    Path::new(path.log_dir, name)
}
