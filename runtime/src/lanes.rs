//! The order of storage commands: those of one file one after another, everything else as it comes.

use std::collections::{HashMap, VecDeque};

use ottla_core::boundary::{FileId, OpId, StorageCommand};

/// A command and whose it is.
#[derive(Debug)]
pub struct Pending {
    pub op: OpId,
    pub command: StorageCommand,
}

/// Commands that wait for the one before them.
#[derive(Debug, Default)]
pub struct Lanes {
    /// A file is in here from when one of its commands may run until none is left.
    waiting: HashMap<FileId, VecDeque<Pending>>,
}

impl Lanes {
    /// Gives the command back if it may run now.
    pub fn admit(&mut self, pending: Pending) -> Option<Pending> {
        let Some(file) = pending.file() else { return Some(pending) };
        match self.waiting.get_mut(&file) {
            Some(waiting) => {
                waiting.push_back(pending);
                None
            }
            None => {
                self.waiting.insert(file, VecDeque::new());
                Some(pending)
            }
        }
    }

    /// A command of `file` ended; gives the one that may run now.
    pub fn ended(&mut self, file: FileId) -> Option<Pending> {
        let next = self.waiting.get_mut(&file).expect("only admitted commands end").pop_front();
        if next.is_none() {
            self.waiting.remove(&file);
        }
        next
    }
}

impl Pending {
    /// The file whose order it keeps; none for commands on paths.
    pub fn file(&self) -> Option<FileId> {
        match self.command {
            StorageCommand::Open { file, .. }
            | StorageCommand::Read { file, .. }
            | StorageCommand::Append { file, .. }
            | StorageCommand::Sync { file }
            | StorageCommand::Truncate { file, .. }
            | StorageCommand::Close { file } => Some(file),
            StorageCommand::List { .. }
            | StorageCommand::MakeDir { .. }
            | StorageCommand::SyncDir { .. }
            | StorageCommand::Rename { .. }
            | StorageCommand::Remove { .. }
            | StorageCommand::MeasureSpace { .. } => None,
        }
    }

    /// Whether it waits for the device itself, or for a whole tree, so that no connection should wait with it.
    pub fn may_take_long(&self) -> bool {
        matches!(
            self.command,
            StorageCommand::Sync { .. } | StorageCommand::SyncDir { .. } | StorageCommand::Remove { .. }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sync(op: u64, file: u64) -> Pending {
        Pending { op: OpId(op), command: StorageCommand::Sync { file: FileId(file) } }
    }

    fn op(pending: Option<Pending>) -> Option<u64> {
        pending.map(|pending| pending.op.0)
    }

    #[test]
    fn commands_of_one_file_follow_each_other_and_others_do_not_wait() {
        let mut lanes = Lanes::default();
        assert_eq!(op(lanes.admit(sync(1, 7))), Some(1));
        assert_eq!(op(lanes.admit(sync(2, 7))), None);
        assert_eq!(op(lanes.admit(sync(3, 8))), Some(3));
        assert_eq!(op(lanes.admit(sync(4, 7))), None);
        assert_eq!(op(lanes.ended(FileId(8))), None);
        assert_eq!(op(lanes.ended(FileId(7))), Some(2));
        assert_eq!(op(lanes.ended(FileId(7))), Some(4));
        assert_eq!(op(lanes.admit(sync(5, 7))), None);
        assert_eq!(op(lanes.ended(FileId(7))), Some(5));
        assert_eq!(op(lanes.ended(FileId(7))), None);
        assert_eq!(op(lanes.admit(sync(6, 7))), Some(6));
    }
}
