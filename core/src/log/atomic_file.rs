//! Replaces a small file as a whole: a temporary file is written and synced, renamed, and the directory synced.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec;

use bytes::Bytes;

use super::names::TEMPORARY;
use super::task::{Issuer, Task};
use crate::boundary::{OpenMode, Path, StorageCommand};

/// A file that is being replaced. Its storage commands all carry one task; hand their results to
/// [`AtomicFile::done`].
#[derive(Debug)]
pub(super) struct AtomicFile {
    dir: Path,
    name: String,
    task: Task,
    step: Step,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// This many commands on the temporary file have not ended.
    Writing(u8),
    Renaming,
    SyncingDir,
}

impl AtomicFile {
    pub(super) fn write(dir: &Path, name: &str, content: Bytes, task: Task, issuer: &mut Issuer<'_>) -> Self {
        let this = Self { dir: dir.clone(), name: name.to_string(), task, step: Step::Writing(3) };
        let file = issuer.new_file_id();
        issuer.issue(task, StorageCommand::Open { file, path: this.temporary(), mode: OpenMode::CreateEmpty });
        issuer.issue(task, StorageCommand::Append { file, at: 0, data: vec![content] });
        issuer.issue(task, StorageCommand::Sync { file });
        issuer.close(file);
        this
    }

    /// A command succeeded. Says whether that was the last one.
    pub(super) fn done(&mut self, issuer: &mut Issuer<'_>) -> bool {
        self.step = match self.step {
            Step::Writing(1) => {
                let to = self.dir.join(&self.name);
                issuer.issue(self.task, StorageCommand::Rename { from: self.temporary(), to });
                Step::Renaming
            }
            Step::Writing(left) => Step::Writing(left - 1),
            Step::Renaming => {
                issuer.issue(self.task, StorageCommand::SyncDir { dir: self.dir.clone() });
                Step::SyncingDir
            }
            Step::SyncingDir => return true,
        };
        false
    }

    fn temporary(&self) -> Path {
        self.dir.join(&format!("{}{TEMPORARY}", self.name))
    }
}
