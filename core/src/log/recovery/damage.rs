//! What happens where a batch should be and is none: a lying index, a write that was cut short, or damage.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString as _};

use super::{Loader, Step, Walk};
use crate::boundary::{FileId, Level, OpenMode, Outcome, StorageCommand};
use crate::log::PartitionLog;
use crate::log::damage_text::Damage;
use crate::log::file_read::CHUNK_SIZE_BYTES;
use crate::log::names::{LOG, file_name};
use crate::log::scan::BatchFault;
use crate::log::search::{Search, SearchStep};
use crate::log::task::Task;
use crate::marks;
use crate::outbox::Outbox;
use crate::planted::Bug;

impl PartitionLog {
    pub(super) fn restart_without_index(
        &mut self,
        loader: &mut Loader,
        walk: &Walk,
        outbox: &mut Outbox,
    ) -> Result<Option<Step>, String> {
        let text = format!("{}: the index of segment {} lies; it is made anew", self.label(), walk.base);
        outbox.report(Level::Warn, text);
        self.restart(loader, walk.file, loader.was_clean, outbox)
    }

    /// Begins again, walking every batch; after damage, as if the stop had not been clean.
    pub(super) fn restart(
        &mut self,
        loader: &mut Loader,
        file: FileId,
        was_clean: bool,
        outbox: &mut Outbox,
    ) -> Result<Option<Step>, String> {
        self.issuer(outbox).close(file);
        loader.was_clean = was_clean;
        loader.files.distrust_indexes();
        self.read_snapshot(loader, outbox)
    }

    pub(super) fn bad_batch(
        &mut self,
        loader: &mut Loader,
        walk: Box<Walk>,
        position: u64,
        fault: BatchFault,
        outbox: &mut Outbox,
    ) -> Result<Option<Step>, String> {
        if loader.was_clean {
            let path = self.shown_path(&file_name(walk.base, LOG));
            let text = format!("{}: {path} at byte {position}: {fault}; the clean stop is not believed", self.label());
            outbox.report(Level::Warn, text);
            return self.restart(loader, walk.file, false, outbox);
        }
        if let BatchFault::OldFormat(_) = fault {
            let path = self.shown_path(&file_name(walk.base, LOG));
            return Err(format!("{path} at byte {position}: {fault}. Nothing was changed"));
        }
        if self.config.truncates_damage {
            return Ok(Some(self.cut(loader, walk, &fault, "ottla.log.damage=truncate", outbox)));
        }
        if let Some(why) = loader.was_synced() {
            return Err(self.bad_at(loader, &walk, position, &fault, why));
        }
        // From the bad batch itself on, and from the segment's first offset on: if it is the offset before it that is
        // damaged, this batch is a good one.
        let search = Search::new(position, walk.base, walk.size_bytes, CHUNK_SIZE_BYTES);
        let (later, at, file) = (loader.plan.clone(), walk.base, walk.file);
        self.search_on(loader, Step::Search { search, walk, fault, later, at, file }, outbox)
    }

    fn bad_at(&mut self, loader: &Loader, walk: &Walk, position: u64, fault: &BatchFault, why: String) -> String {
        let (next_offset, fault) = (loader.next_offset, fault.to_string());
        self.damaged(Damage { segment: walk.base, position, next_offset, fault, why })
    }

    pub(super) fn search_step(
        &mut self,
        loader: &mut Loader,
        step: Step,
        outcome: Outcome,
        outbox: &mut Outbox,
    ) -> Result<Option<Step>, String> {
        let step = match (step, outcome) {
            (Step::Search { mut search, walk, fault, later, at, file }, Outcome::Data(data)) => {
                search.supply(data);
                Step::Search { search, walk, fault, later, at, file }
            }
            (Step::OpenForSearch { walk, fault, later, base, file }, Outcome::Opened { size_bytes }) => {
                let (at, search) = (base, Search::new(0, base, size_bytes, CHUNK_SIZE_BYTES));
                Step::Search { search, walk, fault, later, at, file }
            }
            (step, outcome) => unreachable!("{outcome:?} in {step:?}"),
        };
        self.search_on(loader, step, outbox)
    }

    pub(super) fn search_on(
        &mut self,
        loader: &mut Loader,
        step: Step,
        outbox: &mut Outbox,
    ) -> Result<Option<Step>, String> {
        let Step::Search { mut search, walk, fault, mut later, at, file } = step else {
            unreachable!("only searches go on searching")
        };
        match search.step() {
            SearchStep::Read { at: from, size_bytes } => {
                self.issuer(outbox).issue(Task::Load, StorageCommand::Read { file, at: from, size_bytes });
                return Ok(Some(Step::Search { search, walk, fault, later, at, file }));
            }
            SearchStep::Found { position } => {
                let place = if file == walk.file {
                    format!("byte {position} on")
                } else {
                    format!("{} on", file_name(at, LOG))
                };
                let why = format!("it was no write that was cut short: there are good batches from {place}");
                return Err(self.bad_at(loader, &walk, walk.scan.position(), &fault, why));
            }
            SearchStep::Nothing => {}
        }
        if file != walk.file {
            self.issuer(outbox).close(file);
        }
        let Some(base) = later.pop_front() else {
            return Ok(Some(self.cut(loader, walk, &fault, "a write was cut short there", outbox)));
        };
        let path = self.dir.join(&file_name(base, LOG));
        let mut issuer = self.issuer(outbox);
        let file = issuer.new_file_id();
        issuer.issue(Task::Load, StorageCommand::Open { file, path, mode: OpenMode::Existing });
        Ok(Some(Step::OpenForSearch { walk, fault, later, base, file }))
    }

    /// The log ends before the bad batch.
    pub(super) fn cut(
        &mut self,
        loader: &mut Loader,
        mut walk: Box<Walk>,
        fault: &BatchFault,
        why: &str,
        outbox: &mut Outbox,
    ) -> Step {
        let end = walk.scan.position();
        let later: u64 = loader.plan.iter().map(|base| loader.files.segments[base]).sum();
        let lost_bytes = walk.size_bytes - end + later;
        let text = format!(
            "{}: {} at byte {end}: {fault}; {why}: {lost_bytes} bytes are cut off, {} later segments with them; the log \
            ends at offset {}",
            self.label(),
            self.shown_path(&file_name(walk.base, LOG)),
            loader.plan.len(),
            loader.next_offset
        );
        outbox.report(if self.config.truncates_damage { Level::Error } else { Level::Warn }, text);
        outbox.reach(marks::Mark::LogTruncated);
        for base in core::mem::take(&mut loader.plan) {
            for name in loader.files.of_segment(base) {
                self.remove_file(&name, outbox);
            }
            self.segments.remove(&base);
            loader.files.segments.remove(&base);
        }
        walk.is_last = true;
        walk.is_cut = true;
        walk.size_bytes = end;
        let cut_at = match self.tail.last() {
            Some(last) if self.bugs.has(Bug::WrongTruncationPoint) && last.segment == walk.base => last.position,
            _ => end,
        };
        self.issuer(outbox).issue(Task::Load, StorageCommand::Truncate { file: walk.file, size_bytes: cut_at });
        Step::Truncate(walk)
    }
}
