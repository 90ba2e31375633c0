//! What each step of a compaction does.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::filter::{Filter, Survey};
use super::keys::Keys;
use super::output::Output;
use super::stream::{BatchStream, StreamStep};
use super::work::{Ended, Work};
use super::{ABORTED_MAX, Failure, Next, Run, Sift, Step, Surveying};
use crate::boundary::{FileId, OpenMode, Outcome, StorageCommand};
use crate::log::PartitionLog;
use crate::log::aborted::Aborted;
use crate::log::durability::Mark;
use crate::log::file_read::{Content, FileRead};
use crate::log::names::{CLEANED, LOG, TRANSACTION_INDEX, file_name};
use crate::log::prepare::INDEX_MAX_BYTES;
use crate::log::segment::Segment;
use crate::log::task::Task;
use crate::log::transaction_index::TransactionIndex;
use crate::log::{offset_index, time_index};
use crate::marks;
use crate::outbox::Outbox;
use crate::planted::Bug;
use crate::records::{BATCH_HEADER_SIZE_BYTES, BatchBuilder, BatchHeader, OutputLimit};
use crate::time::Now;
use crate::types::Offset;

use super::due::Unlearned;

type Stepped = Result<Next, Failure>;

impl PartitionLog {
    pub(super) fn compaction_step(
        &mut self,
        run: &mut Run,
        now: Now,
        step: Step,
        outcome: Option<Outcome>,
        outbox: &mut Outbox,
    ) -> Stepped {
        match step {
            Step::Between => Ok(self.learn_or_begin(run, now, outbox)),
            Step::LearnFirst { base, file } => Ok(self.learn_first(run, now, base, file, outcome, outbox)),
            Step::LearnLargest(base) => self.learn_largest(run, now, base, outbox),
            Step::Sync if !self.is_surveyable(run) => Ok(Next::Wait(Step::Sync)),
            Step::Sync => Ok(self.begin_reading(run, now, outbox)),
            Step::Aborted { read, later } => self.transactions_read(run, now, read, later, outcome, outbox),
            Step::Away(op, away) => Ok(Next::Wait(Step::Away(op, away))),
            Step::Survey(surveying) => self.survey_on(run, now, surveying, outcome, outbox),
            Step::Sift(sift) => self.sift(run, sift, outcome, outbox),
            Step::Finish(sift, commands) => Ok(match self.next_command(commands, outbox) {
                Some(commands) => Next::Wait(Step::Finish(sift, commands)),
                None => Next::GoOn(Step::Await(sift)),
            }),
            Step::Await(sift) if self.is_any_at_work(&sift.group) => Ok(Next::Wait(Step::Await(sift))),
            Step::Await(sift) => {
                self.replace_group(run, &sift, outbox);
                Ok(Next::GoOn(Step::Leave(sift)))
            }
            Step::Leave(sift) if self.leaving.renaming() > 0 => Ok(Next::Wait(Step::Leave(sift))),
            Step::Leave(sift) => {
                let mut commands = sift.output.take_place(&self.dir);
                if !self.bugs.has(Bug::SwapRenamedTooEarly) {
                    commands.push_front(StorageCommand::SyncDir { dir: self.dir.clone() });
                }
                let commands = self.next_command(commands, outbox).expect("there is more than one");
                Ok(Next::Wait(Step::TakePlace(sift, commands)))
            }
            Step::TakePlace(sift, commands) => Ok(match self.next_command(commands, outbox) {
                Some(commands) => Next::Wait(Step::TakePlace(sift, commands)),
                None => self.next_group(run, sift.filter, sift.later, outbox),
            }),
        }
    }

    /// Issues the first of `commands`; gives back the others, or nothing when there was none.
    fn next_command(
        &mut self,
        mut commands: VecDeque<StorageCommand>,
        outbox: &mut Outbox,
    ) -> Option<VecDeque<StorageCommand>> {
        let command = commands.pop_front()?;
        self.issuer(outbox).issue(Task::Compact, command);
        Some(commands)
    }

    /// Finds out what must be known of times, and begins if there is something to do then.
    fn learn_or_begin(&mut self, run: &mut Run, now: Now, outbox: &mut Outbox) -> Next {
        match self.to_be_learned() {
            Some(Unlearned::First(base)) => {
                let file = self.open_input(base, outbox);
                Next::Wait(Step::LearnFirst { base, file })
            }
            Some(Unlearned::Largest(base)) => {
                self.prepare(base, outbox);
                Next::Wait(Step::LearnLargest(base))
            }
            None => {
                run.end = self.first_uncleanable(now);
                if run.end <= self.first_dirty() || !self.is_due(now) {
                    return Next::End;
                }
                if self.marks.durable.offset < run.end {
                    self.syncs.wanted = self.syncs.wanted.max(Some(run.end));
                    self.sync(outbox);
                }
                if self.is_surveyable(run) { self.begin_reading(run, now, outbox) } else { Next::Wait(Step::Sync) }
            }
        }
    }

    /// Whether what a run is about is synced. Else a power loss could take the later record of a key, when the earlier one
    /// is gone already; and what is replaced must not be waited for by a sync.
    pub(super) fn is_surveyable(&self, run: &Run) -> bool {
        self.marks.durable.offset >= run.end || self.bugs.has(Bug::CompactionAheadOfSync)
    }

    fn begin_reading(&mut self, run: &mut Run, now: Now, outbox: &mut Outbox) -> Next {
        let later = self.segments.keys().copied().collect();
        self.read_transactions(run, now, later, outbox)
    }

    fn learn_first(
        &mut self,
        run: &mut Run,
        now: Now,
        base: Offset,
        file: FileId,
        outcome: Option<Outcome>,
        outbox: &mut Outbox,
    ) -> Next {
        if let Some(Outcome::Data(bytes)) = outcome {
            self.issuer(outbox).close(file);
            // An empty segment, or a damaged one, has waited for ever: what reads it will say what is wrong.
            let first = BatchHeader::parse(&bytes).map_or(i64::MIN, |header| header.max_timestamp);
            if let Some(segment) = self.segments.get_mut(&base) {
                segment.first_timestamp = Some(first);
            }
            return self.learn_or_begin(run, now, outbox);
        }
        let command = StorageCommand::Read { file, at: 0, size_bytes: BATCH_HEADER_SIZE_BYTES as u32 };
        self.issuer(outbox).issue(Task::Compact, command);
        Next::Wait(Step::LearnFirst { base, file })
    }

    fn learn_largest(&mut self, run: &mut Run, now: Now, base: Offset, outbox: &mut Outbox) -> Stepped {
        if self.preparing.contains_key(&base) {
            return Ok(Next::Wait(Step::LearnLargest(base)));
        }
        if self.segments.get(&base).is_some_and(|segment| segment.largest.is_none()) {
            return Err(fail(Step::Between, format!("the times in segment {base} can't be found out")));
        }
        Ok(self.learn_or_begin(run, now, outbox))
    }

    fn read_transactions(&mut self, run: &mut Run, now: Now, mut later: VecDeque<Offset>, outbox: &mut Outbox) -> Next {
        let Some(base) = later.pop_front() else { return self.begin_survey(run, now, outbox) };
        match self.segments.get(&base).map(|segment| segment.aborted.loaded()) {
            Some(Some(index)) => {
                run.aborted.extend_from_slice(index.entries());
                return self.read_transactions(run, now, later, outbox);
            }
            Some(None) => {}
            None => return self.read_transactions(run, now, later, outbox),
        }
        let path = self.dir.join(&file_name(base, TRANSACTION_INDEX));
        let read = FileRead::begin(path, INDEX_MAX_BYTES, Task::Compact, &mut self.issuer(outbox));
        Next::Wait(Step::Aborted { read, later })
    }

    fn transactions_read(
        &mut self,
        run: &mut Run,
        now: Now,
        mut read: FileRead,
        later: VecDeque<Offset>,
        outcome: Option<Outcome>,
        outbox: &mut Outbox,
    ) -> Stepped {
        let outcome = outcome.expect("files are read by commands");
        // A segment without aborted transactions has no such file.
        if outcome != Outcome::Nothing {
            let Some(content) = read.done(outcome, &mut self.issuer(outbox)) else {
                return Ok(Next::Wait(Step::Aborted { read, later }));
            };
            let index = match content {
                Content::Bytes(bytes) => TransactionIndex::parse(Offset(0), &bytes).map_err(|fault| fault.to_string()),
                Content::TooLarge => Err("it is too large".to_string()),
            };
            let index =
                index.map_err(|why| fail(Step::Between, format!("a transaction index can't be used: {why}")))?;
            run.aborted.extend_from_slice(index.entries());
            if run.aborted.len() > ABORTED_MAX {
                return Err(fail(Step::Between, format!("it has more than {ABORTED_MAX} aborted transactions")));
            }
        }
        Ok(self.read_transactions(run, now, later, outbox))
    }

    fn begin_survey(&mut self, run: &mut Run, now: Now, outbox: &mut Outbox) -> Next {
        let keys = Keys::new(run.settings.hash_seed, run.settings.keys_size_bytes);
        let from = self.compaction.first_dirty.max(self.log_start);
        let survey = Survey::new(keys, run.aborted.clone(), from, limit());
        // The log's start may have moved on meanwhile.
        let first = self.first_dirty().min(run.end);
        let later: VecDeque<_> = self.segments.range(first..run.end).map(|(base, _)| *base).collect();
        self.survey_next(run, now, survey, later, outbox)
    }

    /// Goes on with the next segment, or from gathering keys to holding records against them.
    fn survey_next(
        &mut self,
        run: &mut Run,
        now: Now,
        survey: Survey,
        mut later: VecDeque<Offset>,
        outbox: &mut Outbox,
    ) -> Next {
        // Retention may have been faster.
        later.retain(|base| self.segments.contains_key(base));
        let Some(base) = later.pop_front() else { return self.begin_sifting(run, now, survey, outbox) };
        let stream = self.open_stream(base, outbox);
        Next::Wait(Step::Survey(Box::new(Surveying { survey, stream, later })))
    }

    fn survey_on(
        &mut self,
        run: &mut Run,
        now: Now,
        mut surveying: Box<Surveying>,
        outcome: Option<Outcome>,
        outbox: &mut Outbox,
    ) -> Stepped {
        if supply(&mut surveying.stream, outcome) {
            return Ok(self.hand_out(Work::survey(surveying), outbox));
        }
        match run.verdict.take() {
            Some(Err(why)) => return Err(fail(Step::Survey(surveying), why)),
            Some(Ok(Ended::IsFull)) if surveying.survey.is_empty() => {
                let why = "log.cleaner.dedupe.buffer.size is too small for the keys of one batch".to_string();
                return Err(fail(Step::Survey(surveying), why));
            }
            Some(Ok(Ended::IsFull)) => surveying.later.clear(),
            Some(Ok(Ended::NeedsMore)) | None => {
                if let StreamStep::Read { file, at, size_bytes } = surveying.stream.step() {
                    self.issuer(outbox).issue(Task::Compact, StorageCommand::Read { file, at, size_bytes });
                    return Ok(Next::Wait(Step::Survey(surveying)));
                }
            }
        }
        let Surveying { survey, stream, later } = *surveying;
        self.issuer(outbox).close(stream.file());
        Ok(self.survey_next(run, now, survey, later, outbox))
    }

    /// Has somebody do what takes time.
    fn hand_out(&mut self, work: Work, outbox: &mut Outbox) -> Next {
        let away = work.away();
        let op = self.issuer(outbox).hand_out(Task::Compact, work);
        Next::Wait(Step::Away(op, away))
    }

    fn begin_sifting(&mut self, run: &mut Run, now: Now, survey: Survey, outbox: &mut Outbox) -> Next {
        let keys = survey.into_keys();
        let Some(latest) = keys.latest() else { return self.surveyed_nothing(run) };
        run.end = latest.next();
        let delete_retention_ms = self.config.delete_retention_ms;
        let last_batches: BTreeMap<_, _> = self.producers.last_batches().collect();
        let aborted = core::mem::take(&mut run.aborted);
        let filter = Filter::new(keys, aborted, last_batches, now.wall.0, delete_retention_ms, limit());
        let filter = filter.with_bugs(self.bugs);
        let groups = self.groups(run.end);
        self.next_group(run, filter, groups, outbox)
    }

    /// There is not one batch in what was to be compacted.
    fn surveyed_nothing(&mut self, run: &Run) -> Next {
        self.compaction.first_dirty = self.compaction.first_dirty.max(run.end);
        Next::End
    }

    /// The closed segments that begin before `end`, in groups that fit into one segment each.
    fn groups(&self, end: Offset) -> VecDeque<Vec<Offset>> {
        let (mut groups, mut size_bytes) = (VecDeque::<Vec<Offset>>::new(), 0);
        let closed = self.segments.range(..end.min(self.active.base)).map(|(_, segment)| segment);
        let ends = self.segments.keys().copied().skip(1);
        for (segment, next) in closed.zip(ends) {
            let fits = |group: &Vec<Offset>| next.0 - group[0].0 <= i64::from(i32::MAX);
            match groups.back_mut() {
                Some(group) if fits(group) && self.fits_a_segment(size_bytes + segment.size_bytes) => {
                    group.push(segment.base);
                    size_bytes += segment.size_bytes;
                }
                _ => {
                    groups.push_back(Vec::from([segment.base]));
                    size_bytes = segment.size_bytes;
                }
            }
        }
        groups
    }

    /// Whether so many bytes of batches, and the indexes of them, are not too much for a segment.
    fn fits_a_segment(&self, size_bytes: u64) -> bool {
        let entries = size_bytes / u64::from(self.config.index_interval_bytes.max(1)) + 1;
        let entry_size_bytes = offset_index::ENTRY_SIZE_BYTES.max(time_index::ENTRY_SIZE_BYTES) as u64;
        size_bytes <= u64::from(self.config.segment_bytes)
            && entries * entry_size_bytes <= u64::from(self.config.segment_index_bytes)
    }

    fn next_group(
        &mut self,
        run: &mut Run,
        filter: Filter,
        mut later: VecDeque<Vec<Offset>>,
        outbox: &mut Outbox,
    ) -> Next {
        let Some(mut group) = later.pop_front() else {
            self.compaction.first_dirty = run.end;
            return Next::End;
        };
        // Retention may have been faster.
        group.retain(|base| self.segments.contains_key(base));
        let inputs: VecDeque<_> = group.iter().copied().collect();
        let Some(base) = inputs.front().copied() else { return self.next_group(run, filter, later, outbox) };
        let path = self.dir.join(&(file_name(base, LOG) + CLEANED));
        let mut issuer = self.issuer(outbox);
        let file = issuer.new_file_id();
        issuer.issue(Task::Compact, StorageCommand::Open { file, path, mode: OpenMode::CreateEmpty });
        let output = Output::new(base, file);
        run.size_before += group.iter().map(|base| self.segments[base].size_bytes).sum::<u64>();
        let index_interval_bytes = self.config.index_interval_bytes;
        let stream = None;
        let sift = Sift { filter, group, inputs, stream, output, index_interval_bytes, last: None, later };
        Next::Wait(Step::Sift(Box::new(sift)))
    }

    fn sift(&mut self, run: &mut Run, mut sift: Box<Sift>, outcome: Option<Outcome>, outbox: &mut Outbox) -> Stepped {
        let Some(mut stream) = sift.stream.take() else { return Ok(self.sift_next(run, sift, outbox)) };
        if supply(&mut stream, outcome) {
            return Ok(self.hand_out(Work::sift(sift, stream), outbox));
        }
        let write = match run.verdict.take() {
            Some(Err(why)) => {
                sift.stream = Some(stream);
                return Err(fail(Step::Sift(sift), why));
            }
            Some(Ok(_)) => sift.output.write_when_due(),
            None => None,
        };
        let command = match (write, stream.step()) {
            (Some(write), _) => write,
            (None, StreamStep::Read { file, at, size_bytes }) => StorageCommand::Read { file, at, size_bytes },
            (None, _) => {
                self.issuer(outbox).close(stream.file());
                return Ok(self.sift_next(run, sift, outbox));
            }
        };
        self.issuer(outbox).issue(Task::Compact, command);
        sift.stream = Some(stream);
        Ok(Next::Wait(Step::Sift(sift)))
    }

    /// Goes on with the next segment of the group, or to its end.
    fn sift_next(&mut self, run: &mut Run, mut sift: Box<Sift>, outbox: &mut Outbox) -> Next {
        if sift.inputs.is_empty() && sift.output.size_bytes == 0 {
            self.join_next_group(run, &mut sift);
        }
        let Some(base) = sift.inputs.pop_front() else { return self.finish_output(run, sift, outbox) };
        sift.stream = Some(self.open_stream(base, outbox));
        Next::Wait(Step::Sift(sift))
    }

    /// Nothing is left of a group: it becomes one segment with the group behind it. A segment without a record has no time
    /// but that of its file, by which Apache Kafka would take it for the one that has all earlier times.
    fn join_next_group(&mut self, run: &mut Run, sift: &mut Sift) {
        let Some(next) = sift.later.front() else { return };
        let end = next.last().and_then(|last| self.segments.range(last.next()..).next()).map(|(base, _)| *base);
        if end.is_none_or(|end| end.0 - sift.output.base.0 > i64::from(i32::MAX)) {
            return;
        }
        let next: Vec<_> = sift.later.pop_front().into_iter().flatten().collect();
        // Retention may have been faster.
        let next = next.into_iter().filter(|base| self.segments.contains_key(base));
        for base in next {
            run.size_before += self.segments[&base].size_bytes;
            sift.group.push(base);
            sift.inputs.push_back(base);
        }
    }

    /// The last batch of a group stays, if only its offset: the segment says how far it reaches.
    fn finish_output(&mut self, run: &mut Run, mut sift: Box<Sift>, outbox: &mut Outbox) -> Next {
        sift.output.push_aborted(sift.filter.take_aborted());
        if let Some(last) = sift.last
            && sift.output.last_offset() != Some(last.last_offset())
        {
            let filler = BatchBuilder::new().base_offset(last.last_offset()).leader_epoch(last.partition_leader_epoch);
            let filler = filler.last_offset(last.last_offset()).expect("it is its only offset").build();
            let header = BatchHeader::parse(&filler).expect("it was just built");
            sift.output.push(&header, filler, sift.index_interval_bytes);
        }
        run.size_after += sift.output.size_bytes;
        let commands = sift.output.finish(&self.dir.clone(), &mut self.issuer(outbox));
        let mut commands = commands;
        if self.bugs.has(Bug::SwapBeforeSync) {
            commands.retain(|command| !matches!(command, StorageCommand::Sync { .. }));
        }
        let commands = self.next_command(commands, outbox).expect("there is more than one");
        Next::Wait(Step::Finish(sift, commands))
    }

    pub(super) fn is_any_at_work(&self, group: &[Offset]) -> bool {
        group.iter().any(|base| self.segments.contains_key(base) && self.is_at_work_beside_compaction(*base))
    }

    /// The new segment takes the place of the old ones, which leave.
    fn replace_group(&mut self, run: &Run, sift: &Sift, outbox: &mut Outbox) {
        outbox.reach(marks::Mark::CompactionReplaced);
        let output = &sift.output;
        debug_assert!(sift.group.iter().all(|base| *base < run.end), "only what was surveyed is replaced");
        let mut modified_ms = 0;
        for base in &sift.group {
            let segment = self.segments.remove(base).expect("nobody else removes the segments of a group");
            modified_ms = modified_ms.max(segment.modified_ms);
            if *base == output.base {
                self.let_go_replaced(segment, outbox);
            } else {
                self.let_go(segment, outbox);
            }
        }
        let segment = Segment {
            file: Some(output.file),
            largest: Some(output.indexer.largest),
            first_timestamp: output.indexer.first_timestamp,
            on_disk: Some(output.indexes.lengths()),
            indexes: Some(output.indexes.clone()),
            aborted: Aborted::read(output.transactions.clone()),
            ..Segment::closed(output.base, output.size_bytes, modified_ms)
        };
        self.segments.insert(output.base, segment);
        self.size_bytes += output.size_bytes;
        let place = |mark: &mut Mark| {
            if sift.group.contains(&mark.segment) {
                (mark.segment, mark.position) = (output.base, output.size_bytes);
            }
        };
        place(&mut self.marks.written);
        place(&mut self.marks.durable);
        place(&mut self.marks.high_watermark);
        let last = sift.group.last().expect("a group has segments");
        let after = self.segments.range(last.next()..).next().map_or(self.log_end, |(base, _)| *base);
        self.tail.forget_before(after);
        // Not closed before it has its name: who opened it by that would find nothing.
        self.touch(output.base);
    }

    fn open_input(&mut self, base: Offset, outbox: &mut Outbox) -> FileId {
        let path = self.dir.join(&file_name(base, LOG));
        let mut issuer = self.issuer(outbox);
        let file = issuer.new_file_id();
        issuer.issue(Task::Compact, StorageCommand::Open { file, path, mode: OpenMode::Existing });
        file
    }

    fn open_stream(&mut self, base: Offset, outbox: &mut Outbox) -> BatchStream {
        let file = self.open_input(base, outbox);
        BatchStream::new(file, self.segments[&base].size_bytes)
    }
}

/// Hands over what was read, if that is what came. Whether it is.
fn supply(stream: &mut BatchStream, outcome: Option<Outcome>) -> bool {
    let Some(Outcome::Data(bytes)) = outcome else { return false };
    stream.supply(bytes);
    true
}

fn fail(step: Step, why: String) -> Failure {
    Failure { why, step: Box::new(step) }
}

fn limit() -> OutputLimit {
    OutputLimit::default()
}
