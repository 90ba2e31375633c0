//! Finding records: by offset, by time, and whole stretches of batches for replaying.
//!
//! What is near the log's end is known in memory. For the rest a lookup opens the segment, goes by its indexes, and
//! reads a few batch headers. Lookups see the log up to the high watermark, or up to the last stable offset.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use bytes::Bytes;

use super::PartitionLog;
use super::durability::Mark;
use super::event::{
    Extent, Found, HeaderLimit, Located, LogEvent, LogState, Lookup, LookupError, LookupId, OutOfRange, PlacedHeader,
    TimestampAndOffset,
};
use super::names::{LOG, file_name};
use super::offset_index::OffsetEntry;
use super::scan::{Check, ScanStep, SegmentScan};
use super::task::Task;
use super::time_index::TimeEntry;
use super::transactions::Place;
use crate::boundary::{FileId, Level, StorageCommand};
use crate::outbox::Outbox;
use crate::records::{Batch, BatchHeader, OutputLimit};
use crate::types::Offset;

/// A lookup reads this much at a time to find a batch: a stretch between two index entries, mostly.
const CHUNK_SIZE_BYTES: u32 = 16 << 10;

/// The lookups of a log.
#[derive(Debug, Default)]
pub(super) struct Lookups {
    next: u64,
    running: BTreeMap<LookupId, Running>,
    /// Those that can go on.
    ready: VecDeque<LookupId>,
}

#[derive(Debug)]
struct Running {
    goal: Goal,
    /// The segment that is looked at.
    segment: Offset,
    step: Step,
    /// What was found so far, where that is a list.
    headers: Vec<PlacedHeader>,
}

/// What is looked for.
#[derive(Clone, Copy, Debug)]
enum Goal {
    /// The batch that holds this offset, or the next one.
    Batch { offset: Offset, upto: UpTo },
    /// Where the transaction begins that holds consumers up; then the batch that is wanted up to there.
    FirstUnstable { start: Offset, then: Offset },
    /// Batches from that one on.
    Batches { offset: Offset, max_bytes: u32 },
    /// The headers of an extent's batches.
    Headers { extent: Extent, limit: HeaderLimit },
    /// The first record at or after this time.
    Time { timestamp: i64 },
    /// The first record with the largest timestamp of all.
    LargestTime,
}

/// How far a lookup sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UpTo {
    HighWatermark,
    LastStable,
}

#[derive(Debug)]
enum Step {
    /// The segment must be open and its indexes loaded.
    Prepare,
    /// Batches are walked.
    Walk(SegmentScan, Option<OffsetEntry>),
    /// These bytes from there on are being read, and walking goes on after the first batch.
    Fetch { at: u64, size_bytes: u32, scan: Option<SegmentScan> },
}

impl Lookups {
    pub(super) fn new_id(&mut self) -> LookupId {
        let id = LookupId(self.next);
        self.next += 1;
        id
    }

    fn begin(&mut self, goal: Goal, segment: Offset) -> LookupId {
        let id = self.new_id();
        self.running.insert(id, Running { goal, segment, step: Step::Prepare, headers: Vec::new() });
        self.ready.push_back(id);
        id
    }

    /// Whether a lookup is in this segment.
    pub(super) fn uses(&self, base: Offset) -> bool {
        self.running.values().any(|running| running.segment == base)
    }

    /// Those that wait for a segment to be prepared can go on.
    pub(super) fn prepared(&mut self, base: Offset) {
        let waiting = |running: &Running| running.segment == base && matches!(running.step, Step::Prepare);
        self.ready.extend(self.running.iter().filter(|(_, running)| waiting(running)).map(|(id, _)| *id));
    }

    /// Ends all of them.
    pub(super) fn end(&mut self) -> impl Iterator<Item = LookupId> {
        self.ready.clear();
        core::mem::take(&mut self.running).into_keys()
    }
}

impl PartitionLog {
    /// Takes over the lookups of a log that holds the same: each begins anew here.
    pub(super) fn take_lookups(&mut self, lookups: Lookups) {
        debug_assert!(self.lookups.running.is_empty(), "nobody knew of this log before");
        self.lookups.next = lookups.next;
        for (id, running) in lookups.running {
            let (goal, segment) = match running.goal {
                // The file is pinned, and read as it is.
                Goal::Headers { extent, .. } => (running.goal, extent.segment),
                Goal::Batch { offset, .. } | Goal::Batches { offset, .. } => (running.goal, self.segment_of(offset)),
                Goal::FirstUnstable { then: offset, .. } => {
                    (Goal::Batch { offset, upto: UpTo::LastStable }, self.segment_of(offset))
                }
                Goal::Time { .. } | Goal::LargestTime => (running.goal, self.segment_of(self.log_start)),
            };
            self.lookups.running.insert(id, Running { goal, segment, step: Step::Prepare, headers: Vec::new() });
            self.lookups.ready.push_back(id);
        }
    }

    /// Where the records from `offset` on are, up to the high watermark.
    ///
    /// # Errors
    /// Where the offset is not in the log.
    pub fn locate(&mut self, offset: Offset, outbox: &mut Outbox) -> Result<Located, OutOfRange> {
        self.locate_up_to(UpTo::HighWatermark, offset, outbox)
    }

    /// Where the records from `offset` on are, up to the last stable offset. [`PartitionLog::aborted`] says which of them
    /// do not count.
    ///
    /// # Errors
    /// Where the offset is not in the log.
    pub fn locate_stable(&mut self, offset: Offset, outbox: &mut Outbox) -> Result<Located, OutOfRange> {
        self.locate_up_to(UpTo::LastStable, offset, outbox)
    }

    fn locate_up_to(&mut self, upto: UpTo, offset: Offset, outbox: &mut Outbox) -> Result<Located, OutOfRange> {
        if offset < self.log_start || offset > self.log_end {
            return Err(OutOfRange { offset, log_start: self.log_start, log_end: self.log_end });
        }
        let end = match upto {
            UpTo::HighWatermark => self.high_watermark(),
            UpTo::LastStable => self.last_stable_offset(),
        };
        if offset >= end {
            return Ok(Located::AtEnd);
        }
        if let Ok(end) = self.end_mark(upto)
            && let Some(batch) = self.tail.locate(offset)
            && let Some(file) = self.segments.get(&batch.segment).and_then(|segment| segment.file)
        {
            self.touch(batch.segment);
            return Ok(self.extent(batch.segment, file, batch.position, batch.size_bytes, end));
        }
        let id = self.begin_lookup(Goal::Batch { offset, upto }, self.segment_of(offset), outbox);
        Ok(Located::Reading(id))
    }

    /// Where a lookup's view ends; the offset alone where its place is not known.
    fn end_mark(&self, upto: UpTo) -> Result<Mark, Offset> {
        match upto {
            UpTo::HighWatermark => Ok(self.marks.high_watermark),
            UpTo::LastStable => self.stable_mark(),
        }
    }

    /// Whole batches from the one that holds `from` on, `max_bytes` of them but at least one, up to the high watermark;
    /// fewer at a segment's end: ask again from the offset after the last. [`LogEvent::LookupDone`] with
    /// [`Found::Batches`] follows.
    pub fn read(&mut self, from: Offset, max_bytes: u32, outbox: &mut Outbox) -> LookupId {
        let from = from.max(self.log_start);
        self.begin_lookup(Goal::Batches { offset: from, max_bytes }, self.segment_of(from), outbox)
    }

    /// What the headers of an extent's batches say, from its first batch on. The extent's file must be pinned until
    /// [`LogEvent::LookupDone`] with [`Found::Headers`] follows.
    pub fn headers(&mut self, extent: Extent, limit: HeaderLimit, outbox: &mut Outbox) -> LookupId {
        self.begin_lookup(Goal::Headers { extent, limit }, extent.segment, outbox)
    }

    /// The first record whose timestamp is `timestamp_ms` or later.
    pub fn offset_for_timestamp(
        &mut self,
        timestamp_ms: i64,
        outbox: &mut Outbox,
    ) -> Lookup<Option<TimestampAndOffset>> {
        if self.marks.high_watermark.offset <= self.log_start {
            return Lookup::Ready(None);
        }
        let first = self.segment_of(self.log_start);
        Lookup::Reading(self.begin_lookup(Goal::Time { timestamp: timestamp_ms }, first, outbox))
    }

    /// The first of the records with the largest timestamp.
    pub fn max_timestamp(&mut self, outbox: &mut Outbox) -> Lookup<Option<TimestampAndOffset>> {
        if self.marks.high_watermark.offset <= self.log_start {
            return Lookup::Ready(None);
        }
        let first = self.segment_of(self.log_start);
        Lookup::Reading(self.begin_lookup(Goal::LargestTime, first, outbox))
    }

    fn begin_lookup(&mut self, goal: Goal, segment: Offset, outbox: &mut Outbox) -> LookupId {
        let id = self.lookups.begin(goal, segment);
        if self.state == LogState::Serving {
            self.run_lookups(outbox);
        } else {
            self.fail_lookups();
        }
        id
    }

    /// All lookups under way end without a result.
    pub(super) fn fail_lookups(&mut self) {
        let state = self.state;
        for lookup in self.lookups.end().chain(self.aborted_lookups.end()) {
            self.events.push_back(LogEvent::LookupDone { lookup, result: Err(LookupError::NotServing(state)) });
        }
    }

    /// A read of a lookup is done.
    pub(super) fn lookup_read(&mut self, id: LookupId, bytes: Bytes, outbox: &mut Outbox) {
        let Some(running) = self.lookups.running.get_mut(&id) else { return };
        match &mut running.step {
            Step::Walk(scan, _) => scan.supply(bytes),
            Step::Fetch { .. } => {
                self.fetched(id, bytes);
            }
            Step::Prepare => {}
        }
        if self.lookups.running.contains_key(&id) {
            self.lookups.ready.push_back(id);
        }
        self.run_lookups(outbox);
    }

    pub(super) fn run_lookups(&mut self, outbox: &mut Outbox) {
        while let Some(id) = self.lookups.ready.pop_front() {
            while self.run_lookup(id, outbox) {}
        }
        self.trim_open_segments(outbox);
    }

    /// Goes a step further. Says whether it can go on.
    fn run_lookup(&mut self, id: LookupId, outbox: &mut Outbox) -> bool {
        let Some(running) = self.lookups.running.get(&id) else { return false };
        let (goal, base) = (running.goal, running.segment);
        match &running.step {
            Step::Prepare => self.enter_segment(id, goal, base, outbox),
            Step::Walk(..) => self.walk(id, goal, base, outbox),
            Step::Fetch { at, size_bytes, .. } => {
                let (at, size_bytes) = (*at, *size_bytes);
                self.issue_lookup_read(id, base, at, size_bytes, outbox);
                false
            }
        }
    }

    /// Begins to look into a segment, or decides that it can be skipped.
    fn enter_segment(&mut self, id: LookupId, goal: Goal, base: Offset, outbox: &mut Outbox) -> bool {
        if let Goal::LargestTime = goal {
            return self.find_largest(id, outbox);
        }
        if let Goal::Headers { extent, .. } = goal {
            // The file is pinned: it stays what it is, even if the segment is replaced.
            let end = extent.position + extent.available_bytes;
            let scan = SegmentScan::new(base, extent.position, end, Check::HeaderOnly, CHUNK_SIZE_BYTES);
            let running = self.lookups.running.get_mut(&id).expect("it is running");
            running.step = Step::Walk(scan, None);
            return true;
        }
        if let Goal::Batch { offset, upto } = goal
            && let Err(start) = self.end_mark(upto)
        {
            return self.find_first_unstable(id, start, offset);
        }
        if !self.is_prepared(base) {
            self.prepare(base, outbox);
            return false;
        }
        let segment = &self.segments[&base];
        let from = match goal {
            Goal::Batch { offset, .. } | Goal::Batches { offset, .. } | Goal::FirstUnstable { start: offset, .. } => {
                segment.search_from(offset)
            }
            Goal::Time { timestamp } => {
                let largest = segment.largest.flatten();
                if largest.is_none_or(|largest| largest.timestamp < timestamp) {
                    return self.next_segment(id, base);
                }
                let times = segment.indexes.as_ref().and_then(|indexes| indexes.times.before(timestamp));
                let from = times.map_or(self.log_start, |entry| entry.last_offset.max(self.log_start));
                segment.search_from(from)
            }
            Goal::LargestTime | Goal::Headers { .. } => unreachable!("it was handled above"),
        };
        self.begin_walk(id, base, from);
        true
    }

    /// It is not known where the first open transaction begins: it was loaded from a snapshot.
    fn find_first_unstable(&mut self, id: LookupId, start: Offset, then: Offset) -> bool {
        if !self.producers.undecided().contains(start) {
            // Its begin was deleted: nothing that is left is stable.
            return self.finish(id, Ok(Found::AtEnd));
        }
        let segment = self.segment_of(start);
        let running = self.lookups.running.get_mut(&id).expect("it is running");
        running.goal = Goal::FirstUnstable { start, then };
        running.segment = segment;
        running.step = Step::Prepare;
        true
    }

    /// The segment with the largest timestamp is looked for; each must be known for that.
    fn find_largest(&mut self, id: LookupId, outbox: &mut Outbox) -> bool {
        let (first, last) = (self.segment_of(self.log_start), self.marks.high_watermark.segment);
        let visible = self.segments.range(first..).take_while(|(base, _)| **base <= last);
        let mut largest: Option<(TimeEntry, Offset)> = None;
        let mut unknown = None;
        for (base, segment) in visible {
            let here = match segment.largest {
                Some(here) => here,
                None => {
                    unknown = Some(*base);
                    break;
                }
            };
            if let Some(here) = here
                && largest.is_none_or(|(largest, _)| here.timestamp > largest.timestamp)
            {
                largest = Some((here, *base));
            }
        }
        let running = self.lookups.running.get_mut(&id).expect("it is running");
        if let Some(base) = unknown {
            running.segment = base;
            self.prepare(base, outbox);
            return false;
        }
        let Some((largest, base)) = largest else { return self.finish(id, Ok(Found::Timestamp(None))) };
        // From here on it is a lookup by time, in a segment that is known to have it.
        running.goal = Goal::Time { timestamp: largest.timestamp };
        running.segment = base;
        true
    }

    fn begin_walk(&mut self, id: LookupId, base: Offset, from: Option<OffsetEntry>) {
        let end = self.visible_end(base, self.marks.high_watermark);
        let position = from.map_or(0, |entry| entry.position);
        let scan = SegmentScan::new(base, position, end, Check::HeaderOnly, CHUNK_SIZE_BYTES);
        let running = self.lookups.running.get_mut(&id).expect("it is running");
        running.segment = base;
        running.step = Step::Walk(scan, from);
    }

    fn walk(&mut self, id: LookupId, goal: Goal, base: Offset, outbox: &mut Outbox) -> bool {
        loop {
            let running = self.lookups.running.get_mut(&id).expect("it is running");
            let Step::Walk(scan, from) = &mut running.step else { return true };
            match scan.step() {
                ScanStep::Read { at, size_bytes } => {
                    self.issue_lookup_read(id, base, at, size_bytes, outbox);
                    return false;
                }
                ScanStep::End => return self.next_segment(id, base),
                ScanStep::Bad { position, fault } => {
                    let by_index = from.is_some_and(|entry| entry.position == position);
                    return self.mistrust(id, base, by_index, position, &fault.to_string(), outbox);
                }
                ScanStep::Batch { position, header, .. } => {
                    if let Some(entry) = from.take()
                        && header.last_offset() != entry.last_offset
                    {
                        return self.mistrust(id, base, true, position, "another batch than the index says", outbox);
                    }
                    if let Some(goes_on) = self.visit(id, goal, base, position, &header) {
                        return goes_on;
                    }
                }
            }
        }
    }

    /// Looks at a batch. If walking stops here, says whether the lookup can go on.
    fn visit(&mut self, id: LookupId, goal: Goal, base: Offset, position: u64, header: &BatchHeader) -> Option<bool> {
        let size_bytes = u32::try_from(header.size_bytes()).unwrap_or(u32::MAX);
        let running = self.lookups.running.get_mut(&id).expect("it is running");
        match goal {
            Goal::Batch { offset, upto } if header.last_offset() >= offset => {
                let end = match self.end_mark(upto) {
                    Ok(end) => end,
                    // Another transaction is the first one now.
                    Err(start) => return Some(self.find_first_unstable(id, start, offset)),
                };
                let file = self.segments[&base].file.expect("it was prepared");
                let found = match self.extent(base, file, position, size_bytes, end) {
                    Located::Ready(extent) => Found::Extent(extent),
                    _ => Found::AtEnd,
                };
                Some(self.finish(id, Ok(found)))
            }
            Goal::FirstUnstable { start, then } if header.last_offset() >= start => {
                running.goal = Goal::Batch { offset: then, upto: UpTo::LastStable };
                running.step = Step::Prepare;
                self.producers.set_place(start, Place { segment: base, position });
                let segment = self.segment_of(then);
                self.lookups.running.get_mut(&id).expect("it is running").segment = segment;
                Some(true)
            }
            Goal::Batches { offset, max_bytes } if header.last_offset() >= offset => {
                let available =
                    u32::try_from(self.visible_end(base, self.marks.high_watermark) - position).unwrap_or(u32::MAX);
                let size_bytes = max_bytes.max(size_bytes).min(available);
                let running = self.lookups.running.get_mut(&id).expect("it is running");
                running.step = Step::Fetch { at: position, size_bytes, scan: None };
                Some(true)
            }
            Goal::Headers { extent, limit } => {
                let size_bytes = position + header.size_bytes() as u64 - extent.position;
                if size_bytes > limit.max_bytes && !running.headers.is_empty() {
                    return Some(self.finish_headers(id));
                }
                running.headers.push(PlacedHeader { position, header: *header });
                let is_enough = header.last_offset() >= limit.last || size_bytes >= limit.max_bytes;
                is_enough.then(|| self.finish_headers(id))
            }
            Goal::Time { timestamp } if header.max_timestamp >= timestamp && header.last_offset() >= self.log_start => {
                let Step::Walk(scan, _) = core::mem::replace(&mut running.step, Step::Prepare) else {
                    unreachable!("batches are visited on a walk");
                };
                running.step = Step::Fetch { at: position, size_bytes, scan: Some(scan) };
                Some(true)
            }
            _ => None,
        }
    }

    /// The bytes that a lookup wanted are here.
    fn fetched(&mut self, id: LookupId, bytes: Bytes) {
        let log_start = self.log_start;
        let running = self.lookups.running.get_mut(&id).expect("it is running");
        let Step::Fetch { scan, .. } = &mut running.step else { return };
        match running.goal {
            Goal::Time { timestamp } => {
                let scan = scan.take().expect("a lookup by time goes on walking");
                match first_at_or_after(&bytes, timestamp, log_start) {
                    Ok(None) => running.step = Step::Walk(scan, None),
                    Ok(found) => drop(self.finish(id, Ok(Found::Timestamp(found)))),
                    Err(why) => drop(self.finish(id, Err(LookupError::Corrupt(why)))),
                }
            }
            _ => drop(self.finish(id, Ok(Found::Batches(whole_batches(bytes))))),
        }
    }

    /// What is at a position is not what it should be. If an index said so, that index lies: it is made anew.
    fn mistrust(
        &mut self,
        id: LookupId,
        base: Offset,
        by_index: bool,
        position: u64,
        why: &str,
        outbox: &mut Outbox,
    ) -> bool {
        if !by_index {
            let text = self.found_damage_text(base, position, &why);
            outbox.report(Level::Error, format!("{}: {text}", self.label()));
            return self.finish(id, Err(LookupError::Corrupt(text)));
        }
        let path = self.shown_path(&file_name(base, LOG));
        let text = format!("{}: {path} at byte {position}: {why}; the segment's indexes are made anew", self.label());
        outbox.report(Level::Warn, text);
        let running = self.lookups.running.get_mut(&id).expect("it is running");
        running.step = Step::Prepare;
        self.rebuild(base, outbox);
        false
    }

    fn finish_headers(&mut self, id: LookupId) -> bool {
        let headers = self.lookups.running.get_mut(&id).map(|running| core::mem::take(&mut running.headers));
        self.finish(id, Ok(Found::Headers(headers.unwrap_or_default())))
    }

    /// Nothing here: on to the next segment, or to the end.
    fn next_segment(&mut self, id: LookupId, base: Offset) -> bool {
        if self.lookups.running.get(&id).is_some_and(|running| matches!(running.goal, Goal::Headers { .. })) {
            return self.finish_headers(id);
        }
        let after = (core::ops::Bound::Excluded(base), core::ops::Bound::Included(self.marks.high_watermark.segment));
        let next = if base < self.marks.high_watermark.segment {
            self.segments.range(after).next().map(|(next, _)| *next)
        } else {
            None
        };
        let running = self.lookups.running.get_mut(&id).expect("it is running");
        if let Some(next) = next {
            running.segment = next;
            running.step = Step::Prepare;
            return true;
        }
        let found = match running.goal {
            Goal::Batch { .. } | Goal::FirstUnstable { .. } => Found::AtEnd,
            Goal::Batches { .. } => Found::Batches(Bytes::new()),
            Goal::Time { .. } | Goal::LargestTime => Found::Timestamp(None),
            Goal::Headers { .. } => unreachable!("it was handled above"),
        };
        self.finish(id, Ok(found))
    }

    fn finish(&mut self, lookup: LookupId, result: Result<Found, LookupError>) -> bool {
        self.lookups.running.remove(&lookup);
        if let Ok(Found::Extent(extent)) = &result {
            // Until it is known who asked, nothing else keeps the file open.
            self.pin(extent.file);
        }
        self.events.push_back(LogEvent::LookupDone { lookup, result });
        false
    }

    fn issue_lookup_read(&mut self, id: LookupId, base: Offset, at: u64, size_bytes: u32, outbox: &mut Outbox) {
        let file = match self.lookups.running.get(&id).map(|running| running.goal) {
            Some(Goal::Headers { extent, .. }) => extent.file,
            _ => self.segments[&base].file.expect("it was prepared"),
        };
        self.issuer(outbox).issue(Task::Lookup(id), StorageCommand::Read { file, at, size_bytes });
    }

    fn extent(&self, base: Offset, file: FileId, position: u64, first_batch_size_bytes: u32, end: Mark) -> Located {
        let available_bytes = self.visible_end(base, end).saturating_sub(position);
        if available_bytes == 0 {
            return Located::AtEnd;
        }
        Located::Ready(Extent { segment: base, file, position, first_batch_size_bytes, available_bytes })
    }

    /// Where what may be read of a segment ends.
    fn visible_end(&self, base: Offset, end: Mark) -> u64 {
        match base.cmp(&end.segment) {
            core::cmp::Ordering::Less => self.segments[&base].size_bytes,
            core::cmp::Ordering::Equal => end.position,
            core::cmp::Ordering::Greater => 0,
        }
    }

    /// The segment that holds `offset`, or would.
    pub(crate) fn segment_of(&self, offset: Offset) -> Offset {
        let at_or_before = self.segments.range(..=offset).next_back();
        at_or_before.or_else(|| self.segments.first_key_value()).map_or(offset, |(base, _)| *base)
    }
}

/// The first record of a batch at or after a time.
fn first_at_or_after(batch: &Bytes, timestamp: i64, log_start: Offset) -> Result<Option<TimestampAndOffset>, String> {
    let batch = Batch::parse(batch).map_err(|error| error.to_string())?;
    let leader_epoch = batch.header().partition_leader_epoch;
    let mut records = batch.records(OutputLimit::default()).map_err(|error| error.to_string())?;
    while let Some(record) = records.next_record().map_err(|error| error.to_string())? {
        if record.timestamp >= timestamp && record.offset >= log_start {
            return Ok(Some(TimestampAndOffset { timestamp: record.timestamp, offset: record.offset, leader_epoch }));
        }
    }
    Ok(None)
}

/// Cuts off a batch that is not whole at the end, and whatever follows a step back.
fn whole_batches(bytes: Bytes) -> Bytes {
    let (mut end, mut next_offset) = (0, Offset(i64::MIN));
    while let Ok(header) = BatchHeader::parse(&bytes[end..])
        && end + header.size_bytes() <= bytes.len()
        && header.base_offset >= next_offset
        && header.last_offset_delta >= 0
    {
        end += header.size_bytes();
        next_offset = header.next_offset();
    }
    bytes.slice(..end)
}
