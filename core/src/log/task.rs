//! Who inside the log waits for a storage command.

use alloc::collections::BTreeMap;

use super::event::LookupId;
use crate::boundary::{FileId, OpId, OpenMode, StorageCommand, Work};
use crate::outbox::{Outbox, Owner};
use crate::types::Offset;

/// What a storage command in flight is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// A batch is being appended.
    Write,
    /// The file of a new segment is being created.
    CreateSegment(Offset),
    /// The names of new files are being made durable; the segment is the newest of them.
    SyncDir(Offset),
    /// At a close, the names of all that lies beside the batches are being made durable.
    SyncNames,
    /// A segment's file is being synced.
    Sync(Offset),
    /// The indexes of a segment are being written.
    WriteIndex(Offset),
    /// A producer snapshot is being written.
    WriteSnapshot,
    /// The names of snapshots are being made durable.
    SyncSnapshots,
    /// `leader-epoch-checkpoint` is being replaced.
    WriteEpochs,
    /// `partition.metadata` is being written.
    WriteMetadata,
    /// A closed segment is being opened and its indexes loaded.
    Prepare(Offset),
    /// The last entry of a time index is being read, for retention.
    NewestTime,
    /// The files of a segment that is no longer the log's are being renamed.
    LetGo(Offset),
    /// A closed segment's transaction index is being read or made anew.
    LoadAborted(Offset),
    /// Segments are being compacted.
    Compact,
    /// A lookup reads batches.
    Lookup(LookupId),
    /// The log is being opened.
    Load,
    /// While the log is opened, what was found is written over itself.
    WriteAgain,
    /// A file that is of no use is being removed.
    RemoveFile,
    /// The log's directory is getting another name, or being removed.
    Move,
}

/// Issues commands on behalf of a log, and notes what each is for.
pub(super) struct Issuer<'a> {
    pub(super) outbox: &'a mut Outbox,
    pub(super) owner: Owner,
    pub(super) tasks: &'a mut BTreeMap<OpId, Task>,
    /// Set when a command changes names in the log's directory.
    pub(super) has_new_names: &'a mut bool,
}

impl Issuer<'_> {
    pub(super) fn issue(&mut self, task: Task, command: StorageCommand) -> OpId {
        *self.has_new_names |= match &command {
            StorageCommand::Open { mode, .. } => *mode != OpenMode::Existing,
            StorageCommand::Rename { .. } | StorageCommand::Remove { .. } | StorageCommand::MakeDir { .. } => true,
            _ => false,
        };
        let op = self.outbox.store(self.owner, command);
        self.tasks.insert(op, task);
        op
    }

    pub(super) fn hand_out(&mut self, task: Task, work: Work) -> OpId {
        let op = self.outbox.work(self.owner, work);
        self.tasks.insert(op, task);
        op
    }

    pub(super) fn new_file_id(&mut self) -> FileId {
        self.outbox.new_file_id()
    }

    /// Closes a file: nobody needs to know when.
    pub(super) fn close(&mut self, file: FileId) {
        self.outbox.store(Owner::Nobody, StorageCommand::Close { file });
    }
}
