//! Finishes a compaction that a crash interrupted: a segment that was renamed to `.swap` is whole and synced, and takes
//! the place of the segments that it was made of. Its last batch says which those are.
//!
//! Its new name may not be: the crash may have come before that was synced. Then a power loss would undo it, and leave
//! nothing where the old segments are gone already.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;

use super::{HEADER_CHUNK_SIZE_BYTES, Loader, Step};
use crate::boundary::{FileId, Level, OpenMode, Outcome, StorageCommand};
use crate::log::PartitionLog;
use crate::log::names::{LOG, OFFSET_INDEX, SWAP, TIME_INDEX, TRANSACTION_INDEX, file_name};
use crate::log::scan::{Check, ScanStep, SegmentScan};
use crate::log::task::Task;
use crate::marks;
use crate::outbox::Outbox;
use crate::planted::Bug;
use crate::types::Offset;

/// A segment under its `.swap` name, being walked for its last offset.
#[derive(Debug)]
pub(super) struct Swap {
    base: Offset,
    file: FileId,
    scan: SegmentScan,
    last_offset: Offset,
}

impl PartitionLog {
    /// Begins with the first segment that waits for its place, if there is one.
    pub(super) fn begin_swap(&mut self, loader: &Loader, outbox: &mut Outbox) -> Option<Step> {
        let base = *loader.files.swaps.first()?;
        let path = self.dir.join(&(file_name(base, LOG) + SWAP));
        let mut issuer = self.issuer(outbox);
        let file = issuer.new_file_id();
        issuer.issue(Task::Load, StorageCommand::Open { file, path, mode: OpenMode::Existing });
        let scan = SegmentScan::new(base, 0, 0, Check::HeaderOnly, HEADER_CHUNK_SIZE_BYTES);
        Some(Step::Swap(Box::new(Swap { base, file, scan, last_offset: base })))
    }

    /// The file is open, or more of it is here.
    pub(super) fn swap_step(
        &mut self,
        loader: &Loader,
        mut swap: Box<Swap>,
        outcome: Outcome,
        outbox: &mut Outbox,
    ) -> Result<Option<Step>, String> {
        match outcome {
            Outcome::Opened { size_bytes } => {
                swap.scan = SegmentScan::new(swap.base, 0, size_bytes, Check::HeaderOnly, HEADER_CHUNK_SIZE_BYTES);
            }
            Outcome::Data(data) => swap.scan.supply(data),
            Outcome::Nothing | Outcome::Listing(_) | Outcome::Space { .. } => {
                unreachable!("a file is opened and read here")
            }
        }
        loop {
            match swap.scan.step() {
                ScanStep::Read { at, size_bytes } => {
                    let command = StorageCommand::Read { file: swap.file, at, size_bytes };
                    self.issuer(outbox).issue(Task::Load, command);
                    return Ok(Some(Step::Swap(swap)));
                }
                ScanStep::Batch { header, .. } => swap.last_offset = header.last_offset(),
                ScanStep::Bad { position, fault } => {
                    let name = file_name(swap.base, LOG) + SWAP;
                    return Err(format!("{name} at byte {position}: {fault}; so a compaction can't be finished"));
                }
                ScanStep::End => return Ok(Some(self.replace(loader, &swap, outbox))),
            }
        }
    }

    /// The next of the commands that put a segment in its place; after the last the directory is listed anew.
    pub(super) fn replace_next(&mut self, mut commands: VecDeque<StorageCommand>, outbox: &mut Outbox) -> Step {
        match commands.pop_front() {
            Some(command) => {
                self.issuer(outbox).issue(Task::Load, command);
                Step::Replace(commands)
            }
            None => {
                let dir = self.dir.clone();
                self.issuer(outbox).issue(Task::Load, StorageCommand::List { dir });
                Step::List
            }
        }
    }

    fn replace(&mut self, loader: &Loader, swap: &Swap, outbox: &mut Outbox) -> Step {
        self.issuer(outbox).close(swap.file);
        let text = format!(
            "{}: an interrupted compaction is finished: offsets {} to {}",
            self.label(),
            swap.base,
            swap.last_offset
        );
        outbox.report(Level::Info, text);
        outbox.reach(marks::Mark::CompactionResumed);
        let mut commands = VecDeque::new();
        if !self.bugs.has(Bug::SwapNameTrusted) {
            commands.push_back(StorageCommand::SyncDir { dir: self.dir.clone() });
        }
        for base in loader.files.segments.range(swap.base..=swap.last_offset).map(|(base, _)| *base) {
            for suffix in [LOG, OFFSET_INDEX, TIME_INDEX, TRANSACTION_INDEX] {
                let path = self.dir.join(&file_name(base, suffix));
                commands.push_back(StorageCommand::Remove { path });
            }
        }
        // The old ones are gone for good before the new one's name says nothing of them any more.
        commands.push_back(StorageCommand::SyncDir { dir: self.dir.clone() });
        for suffix in loader.files.swapped_beside(swap.base).into_iter().chain([LOG]) {
            let name = file_name(swap.base, suffix);
            let (from, to) = (self.dir.join(&(name.clone() + SWAP)), self.dir.join(&name));
            commands.push_back(StorageCommand::Rename { from, to });
        }
        commands.push_back(StorageCommand::SyncDir { dir: self.dir.clone() });
        self.replace_next(commands, outbox)
    }
}
