//! Compaction: closed segments are written anew with only the last record of each key, as Kafka's log cleaner does.
//!
//! A [`Run`] goes over the log twice, in small steps between which the log does other things; what takes time is handed out
//! (`work`). First it surveys the part
//! that was not compacted before, and remembers where each key is last (`keys`). Then it sifts (`filter`) the segments
//! from the first on, in groups that become one segment each (`output`). All that is surveyed is synced before: a record
//! must not be gone when a power loss takes the later one with its key. A group is replaced in this order:
//! 1. the new segment is written under `.cleaned` names and synced;
//! 2. it is renamed to `.swap`, and the directory synced: from here on it counts, whatever happens;
//! 3. when nobody is at work in the old segments, it takes their place in memory, and they leave (`leaving`);
//! 4. the directory is synced, and the new segment gets its own names.
//!
//! A start that finds `.cleaned` files removes them; one that finds a `.swap` file goes on with step 3. The last batch of
//! a group stays, empty if need be, so that the segment says which ones it is made of.
//!
//! Nothing above the last stable offset is touched, and not the active segment. What can't be read as batches ends the run
//! and leaves the log as it is.
//!
//! What does not belong here: which log is compacted when (the broker), which records stay (`filter`).

mod due;
mod filter;
mod keys;
mod output;
mod steps;
mod stream;
mod transactions;
mod work;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use self::filter::{Filter, Survey};
use self::output::Output;
use self::stream::BatchStream;
use self::work::{Away, Verdict};
use super::PartitionLog;
use super::event::{LogEvent, LogState};
use super::file_read::FileRead;
use super::names::{CLEANED, LOG, OFFSET_INDEX, TIME_INDEX, TRANSACTION_INDEX, file_name};
use super::task::Task;
use super::transaction_index::AbortedTransaction;
use crate::boundary::{FileId, Level, OpId, Outcome, StorageCommand, StorageError};
use crate::marks;
use crate::outbox::Outbox;
use crate::records::BatchHeader;
use crate::time::Now;
use crate::types::Offset;

pub use self::work::{Work, Worked};

/// What the broker allows a compaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompactionSettings {
    /// `log.cleaner.dedupe.buffer.size`: memory for the keys of one run.
    pub keys_size_bytes: u64,
    /// Key of the hash of keys: from the broker's seed, so that nobody else knows it.
    pub hash_seed: [u8; 16],
}

/// What a log knows of its compaction.
#[derive(Debug, Default)]
pub(super) struct Compaction {
    /// Everything before this was compacted.
    first_dirty: Offset,
    run: Option<Box<Run>>,
    /// The log can't be compacted: it has what no compaction can read.
    is_given_up: bool,
    due: due::Known,
}

/// A compaction under way. One command is in flight at a time.
#[derive(Debug)]
struct Run {
    settings: CompactionSettings,
    /// What is surveyed ends here.
    end: Offset,
    /// All aborted transactions of the log.
    aborted: Vec<AbortedTransaction>,
    step: Step,
    /// How the work ended that was done last; the step is to take note of it.
    verdict: Option<Verdict>,
    size_before: u64,
    size_after: u64,
}

#[derive(Debug)]
enum Step {
    /// The header of the first batch is being read, for its time.
    LearnFirst { base: Offset, file: FileId },
    /// A segment's indexes are being loaded, for its largest timestamp.
    LearnLargest(Offset),
    /// What is to be surveyed is being synced.
    Sync,
    /// The transaction indexes are being read.
    Aborted { read: FileRead, later: VecDeque<Offset> },
    /// Keys are being gathered, segment by segment.
    Survey(Box<Surveying>),
    /// The segments of a group are being sifted into a new one.
    Sift(Box<Sift>),
    /// One of these two is somebody's work at present.
    Away(OpId, Away),
    /// The new segment is being made durable under its `.swap` names.
    Finish(Box<Sift>, VecDeque<StorageCommand>),
    /// It counts, and waits until nobody is at work in the old segments.
    Await(Box<Sift>),
    /// The old segments' files are being renamed.
    Leave(Box<Sift>),
    /// The new segment is being given its own names.
    TakePlace(Box<Sift>, VecDeque<StorageCommand>),
    /// Between two steps.
    Between,
}

/// Keys that are being gathered.
#[derive(Debug)]
struct Surveying {
    survey: Survey,
    stream: BatchStream,
    /// The segments after the one that is read.
    later: VecDeque<Offset>,
}

/// A group that is being written anew.
#[derive(Debug)]
struct Sift {
    filter: Filter,
    /// The segments that become one.
    group: Vec<Offset>,
    /// Those of the group that come after the one that is read.
    inputs: VecDeque<Offset>,
    stream: Option<BatchStream>,
    output: Output,
    index_interval_bytes: u32,
    /// The last batch that was read.
    last: Option<BatchHeader>,
    /// The groups after this one.
    later: VecDeque<Vec<Offset>>,
}

/// What comes after a step.
enum Next {
    /// A command, or something else in the log, must end first.
    Wait(Step),
    GoOn(Step),
    End,
}

/// What a run can't go on from, and where it was.
struct Failure {
    why: String,
    step: Box<Step>,
}

/// Transaction indexes of a log may have so many entries together.
const ABORTED_MAX: usize = 1 << 20;

impl Compaction {
    /// Of a log that was compacted to this offset, if ever.
    pub(super) fn of(compacted_to: Option<Offset>) -> Self {
        Self { first_dirty: compacted_to.unwrap_or_default(), ..Self::default() }
    }
}

impl Step {
    /// Whether the new segment counts, whatever happens.
    fn counts(&self) -> bool {
        matches!(self, Self::Await(_) | Self::Leave(_) | Self::TakePlace(..))
    }
}

impl PartitionLog {
    /// Everything before this was compacted: what belongs into `cleaner-offset-checkpoint`. `None` for a log that was
    /// never compacted.
    #[must_use]
    pub fn compacted_to(&self) -> Option<Offset> {
        (self.compaction.first_dirty > Offset(0)).then_some(self.compaction.first_dirty)
    }

    /// Compacts what can be. [`LogEvent::CompactionEnded`] follows.
    pub fn compact(&mut self, now: Now, settings: CompactionSettings, outbox: &mut Outbox) {
        if self.state != LogState::Serving || self.compaction.run.is_some() || self.compaction.is_given_up {
            return self.events.push_back(LogEvent::CompactionEnded);
        }
        outbox.reach(marks::Mark::CompactionBegun);
        self.compaction.run = Some(Box::new(Run {
            settings,
            end: Offset(0),
            aborted: Vec::new(),
            step: Step::Between,
            verdict: None,
            size_before: 0,
            size_after: 0,
        }));
        self.advance_compaction(now, None, outbox);
    }

    /// A command of a run is done.
    pub(super) fn compaction_done(&mut self, now: Now, outcome: Outcome, outbox: &mut Outbox) {
        self.advance_compaction(now, Some(outcome), outbox);
    }

    /// Work of a run is done; that of a run that was given up meanwhile is for nothing.
    pub(super) fn compaction_worked(&mut self, now: Now, op: OpId, worked: Worked, outbox: &mut Outbox) {
        let run = self.compaction.run.as_mut();
        let Some(run) = run.filter(|run| matches!(run.step, Step::Away(away, _) if away == op)) else { return };
        let (step, verdict) = worked.into_step();
        (run.step, run.verdict) = (step, Some(verdict));
        self.advance_compaction(now, None, outbox);
    }

    /// A command of a run failed. Before the new segment counts, the log goes on without it.
    pub(super) fn compaction_failed(&mut self, now: Now, error: &StorageError, outbox: &mut Outbox) {
        let Some(run) = &self.compaction.run else { return };
        match &run.step {
            Step::Aborted { .. } if *error == StorageError::NotFound => {
                self.advance_compaction(now, Some(Outcome::Nothing), outbox);
            }
            step if step.counts() => self.go_offline(format!("replacing compacted segments failed: {error}"), outbox),
            _ => {
                outbox.report(Level::Warn, format!("{}: compaction failed: {error}", self.label()));
                self.abandon_compaction(outbox);
            }
        }
    }

    /// Goes on where a run waited for something else in the log.
    pub(super) fn settle_compaction(&mut self, now: Now, outbox: &mut Outbox) {
        let Some(run) = &self.compaction.run else { return };
        let goes_on = match &run.step {
            Step::Sync => self.is_surveyable(run),
            Step::Await(sift) => !self.is_any_at_work(&sift.group),
            Step::Leave(_) => self.leaving.renaming() == 0,
            Step::LearnLargest(base) => !self.preparing.contains_key(base),
            _ => false,
        };
        if goes_on {
            self.advance_compaction(now, None, outbox);
        }
    }

    /// Ends a run where it is. What was written and does not count is removed; what counts is for the next start.
    pub(super) fn abandon_compaction(&mut self, outbox: &mut Outbox) {
        let Some(run) = self.compaction.run.take() else { return };
        outbox.reach(marks::Mark::CompactionAbandoned);
        let counts = run.step.counts();
        let mut issuer = self.issuer(outbox);
        match run.step {
            Step::LearnFirst { file, .. } => issuer.close(file),
            Step::Aborted { read, .. } => read.give_up(&mut issuer),
            Step::Survey(surveying) => issuer.close(surveying.stream.file()),
            Step::Sift(sift) => {
                if let Some(stream) = &sift.stream {
                    issuer.close(stream.file());
                }
                issuer.close(sift.output.file);
                self.remove_cleaned(sift.output.base, outbox);
            }
            Step::Away(_, away) => {
                away.files.into_iter().for_each(|file| issuer.close(file));
                if let Some((base, _)) = away.output {
                    self.remove_cleaned(base, outbox);
                }
            }
            Step::Finish(sift, commands) => {
                // The file of an index may be open as well, if it is not still to be opened.
                let to_be_opened = |file: FileId| {
                    let opens = |command: &StorageCommand| matches!(command, StorageCommand::Open { file: opened, .. } if *opened == file);
                    commands.iter().any(opens)
                };
                for command in &commands {
                    if let StorageCommand::Close { file } = command
                        && !to_be_opened(*file)
                    {
                        self.issuer(outbox).close(*file);
                    }
                }
                self.issuer(outbox).close(sift.output.file);
                self.remove_cleaned(sift.output.base, outbox);
            }
            Step::Await(sift) => issuer.close(sift.output.file),
            Step::LearnLargest(_) | Step::Sync | Step::Leave(_) | Step::TakePlace(..) | Step::Between => {}
        }
        self.is_clean &= !counts;
        self.compaction_changed();
        self.events.push_back(LogEvent::CompactionEnded);
    }

    /// Whether a segment's files are being renamed because another takes its place.
    pub(super) fn is_replacing(&self, base: Offset) -> bool {
        let step = self.compaction.run.as_ref().map(|run| &run.step);
        matches!(step, Some(Step::Leave(sift)) if sift.group.contains(&base))
    }

    fn remove_cleaned(&mut self, base: Offset, outbox: &mut Outbox) {
        for suffix in [LOG, OFFSET_INDEX, TIME_INDEX, TRANSACTION_INDEX] {
            let path = self.dir.join(&(file_name(base, suffix) + CLEANED));
            self.issuer(outbox).issue(Task::RemoveFile, StorageCommand::Remove { path });
        }
    }

    /// Whether a run needs a segment's files under their names.
    pub(super) fn compaction_uses(&self, base: Offset) -> bool {
        match self.compaction.run.as_ref().map(|run| &run.step) {
            Some(Step::LearnFirst { base: learned, .. } | Step::LearnLargest(learned)) => *learned == base,
            Some(Step::Aborted { .. }) => true,
            Some(Step::Survey(_) | Step::Away(_, Away { output: None, .. })) => base >= self.first_dirty(),
            Some(Step::Away(_, Away { output: Some((_, group)), .. })) => group.contains(&base),
            Some(Step::Sift(sift) | Step::Finish(sift, _) | Step::Await(sift)) => sift.group.contains(&base),
            Some(Step::Leave(_) | Step::TakePlace(..)) => self.is_being_swapped(base),
            Some(Step::Sync | Step::Between) | None => false,
        }
    }

    /// Whether the names of a segment are not its own yet.
    pub(super) fn is_being_swapped(&self, base: Offset) -> bool {
        let step = self.compaction.run.as_ref().map(|run| &run.step);
        matches!(step, Some(Step::Leave(sift) | Step::TakePlace(sift, _)) if sift.output.base == base)
    }

    fn advance_compaction(&mut self, now: Now, mut outcome: Option<Outcome>, outbox: &mut Outbox) {
        loop {
            let Some(mut run) = self.compaction.run.take() else { return };
            let step = core::mem::replace(&mut run.step, Step::Between);
            let next = self.compaction_step(&mut run, now, step, outcome.take(), outbox);
            match next {
                Ok(Next::GoOn(step)) => run.step = step,
                Ok(Next::Wait(step)) => {
                    run.step = step;
                    return self.compaction.run = Some(run);
                }
                Ok(Next::End) => return self.end_compaction(&run, outbox),
                Err(Failure { why, step }) => {
                    outbox.report(Level::Error, format!("{}: {why}; it is not compacted any more", self.label()));
                    self.compaction.is_given_up = true;
                    run.step = *step;
                    self.compaction.run = Some(run);
                    return self.abandon_compaction(outbox);
                }
            }
            self.compaction.run = Some(run);
        }
    }

    fn end_compaction(&mut self, run: &Run, outbox: &mut Outbox) {
        self.compaction_changed();
        self.events.push_back(LogEvent::CompactionEnded);
        if run.size_before > 0 {
            let text = format!(
                "{}: compacted to offset {}: {} bytes became {}",
                self.label(),
                self.compaction.first_dirty,
                run.size_before,
                run.size_after
            );
            outbox.report(Level::Debug, text);
        }
    }
}
