//! The segment that a compaction writes, under `.cleaned` names, and the commands that finish it.

use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::boundary::{FileId, OpenMode, Path, StorageCommand};
use crate::log::names::{CLEANED, LOG, OFFSET_INDEX, SWAP, TIME_INDEX, TRANSACTION_INDEX, file_name};
use crate::log::segment::{Indexer, Indexes};
use crate::log::task::Issuer;
use crate::log::transaction_index::{AbortedTransaction, TransactionIndex};
use crate::records::BatchHeader;
use crate::types::Offset;

/// What is gathered before it is written.
const GATHER_SIZE_BYTES: usize = 1 << 20;

/// A segment that is being written.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) base: Offset,
    pub(super) file: FileId,
    /// Bytes of batches, those that are not written yet included.
    pub(super) size_bytes: u64,
    pub(super) indexes: Indexes,
    pub(super) indexer: Indexer,
    pub(super) transactions: TransactionIndex,
    last_offset: Option<Offset>,
    gathered: Vec<Bytes>,
    gathered_bytes: usize,
}

impl Output {
    /// An empty segment; its file is being opened as `file`.
    pub(super) fn new(base: Offset, file: FileId) -> Self {
        Self {
            base,
            file,
            size_bytes: 0,
            indexes: Indexes::new(base),
            indexer: Indexer::new(),
            transactions: TransactionIndex::default(),
            last_offset: None,
            gathered: Vec::new(),
            gathered_bytes: 0,
        }
    }

    /// Adds a batch behind the others.
    pub(super) fn push(&mut self, header: &BatchHeader, batch: Bytes, index_interval_bytes: u32) {
        self.indexer.add(header, self.size_bytes, index_interval_bytes, &mut self.indexes);
        self.size_bytes += batch.len() as u64;
        self.gathered_bytes += batch.len();
        self.last_offset = Some(header.last_offset());
        self.gathered.push(batch);
    }

    /// Adds aborted transactions whose markers were pushed.
    pub(super) fn push_aborted(&mut self, aborted: Vec<AbortedTransaction>) {
        for transaction in aborted {
            self.transactions.push(transaction);
        }
    }

    /// The last offset of the last batch.
    pub(super) fn last_offset(&self) -> Option<Offset> {
        self.last_offset
    }

    /// The write that is due, if one is.
    pub(super) fn write_when_due(&mut self) -> Option<StorageCommand> {
        if self.gathered_bytes < GATHER_SIZE_BYTES { None } else { self.write() }
    }

    fn write(&mut self) -> Option<StorageCommand> {
        if self.gathered.is_empty() {
            return None;
        }
        let at = self.size_bytes - core::mem::take(&mut self.gathered_bytes) as u64;
        Some(StorageCommand::Append { file: self.file, at, data: core::mem::take(&mut self.gathered) })
    }

    /// Everything that makes the segment durable under its `.swap` names. When the last command is done, it counts: a
    /// start after a crash puts it in the place of the segments that it was made of.
    pub(super) fn finish(&mut self, dir: &Path, issuer: &mut Issuer<'_>) -> VecDeque<StorageCommand> {
        self.indexer.seal(&mut self.indexes);
        let mut commands: VecDeque<_> = self.write().into_iter().collect();
        commands.push_back(StorageCommand::Sync { file: self.file });
        for (suffix, content) in self.beside() {
            let file = issuer.new_file_id();
            let path = dir.join(&(file_name(self.base, suffix) + CLEANED));
            commands.push_back(StorageCommand::Open { file, path, mode: OpenMode::CreateEmpty });
            if !content.is_empty() {
                commands.push_back(StorageCommand::Append { file, at: 0, data: vec![content] });
            }
            commands.push_back(StorageCommand::Sync { file });
            commands.push_back(StorageCommand::Close { file });
        }
        // The names of what lies beside it first: where they are lost, they are made anew.
        self.rename(dir, CLEANED, SWAP, &mut commands);
        commands
    }

    /// Everything that gives the segment its own names, once those that had them are out of the way.
    pub(super) fn take_place(&self, dir: &Path) -> VecDeque<StorageCommand> {
        let mut commands = VecDeque::new();
        self.rename(dir, SWAP, "", &mut commands);
        commands
    }

    fn rename(&self, dir: &Path, from: &str, to: &str, commands: &mut VecDeque<StorageCommand>) {
        for suffix in self.suffixes_beside().chain([LOG]) {
            let name = file_name(self.base, suffix);
            let path = |suffix: &str| dir.join(&(name.clone() + suffix));
            commands.push_back(StorageCommand::Rename { from: path(from), to: path(to) });
        }
        commands.push_back(StorageCommand::SyncDir { dir: dir.clone() });
    }

    fn beside(&self) -> impl Iterator<Item = (&'static str, Bytes)> {
        self.suffixes_beside().map(|suffix| match suffix {
            OFFSET_INDEX => (suffix, self.indexes.offsets.to_bytes(0)),
            TIME_INDEX => (suffix, self.indexes.times.to_bytes(0)),
            _ => (suffix, self.transactions.to_bytes(0)),
        })
    }

    fn suffixes_beside(&self) -> impl Iterator<Item = &'static str> + use<> {
        let has_transactions = self.transactions.len() > 0;
        [OFFSET_INDEX, TIME_INDEX].into_iter().chain(has_transactions.then_some(TRANSACTION_INDEX))
    }
}
