//! A plain map of records, one by one, against the partition that keeps them in batches and runs.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::acquire::{Acquire, LogBatch};
use super::batch::Batch;
use super::partition::{ShareLimits, SharePartition, StateBatch, WriteId};
use super::record::{AcknowledgeType, MemberId, RecordState};
use super::{Acknowledgement, Acquired};
use crate::planted::Bugs;
use crate::time::Monotonic;
use crate::types::Offset;

const MEMBERS: [&str; 3] = ["one", "two", "three"];
const LOCK_MS: i64 = 1_000;

#[derive(Clone, Debug)]
enum Step {
    Fetch { member: usize, max_records: i64, is_strict: bool, batch_size: i64, batches: usize },
    Acknowledge { member: usize, nth: usize, cut: (i64, i64), types: Vec<u8> },
    Written { nth: usize, is_kept: bool },
    Pass { ms: i64 },
    ReleaseMember { member: usize },
    LogStart { by: i64 },
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let member = 0..MEMBERS.len();
    prop_oneof![
        5 => (member.clone(), 1..30_i64, any::<bool>(), 1..10_i64, 1..6_usize).prop_map(
            |(member, max_records, is_strict, batch_size, batches)| Step::Fetch {
                member, max_records, is_strict, batch_size, batches
            }
        ),
        6 => (member.clone(), 0..8_usize, (-2..4_i64, -2..4_i64), prop::collection::vec(0..5_u8, 1..3)).prop_map(
            |(member, nth, cut, types)| Step::Acknowledge { member, nth, cut, types }
        ),
        5 => (0..4_usize, prop::bool::weighted(0.8)).prop_map(|(nth, is_kept)| Step::Written { nth, is_kept }),
        2 => (1..700_i64).prop_map(|ms| Step::Pass { ms }),
        1 => member.prop_map(|member| Step::ReleaseMember { member }),
        1 => (1..12_i64).prop_map(|by| Step::LogStart { by }),
        1 => Just(Step::Restart),
    ]
}

/// Sizes of the log's batches, and of what compaction left out before each.
fn log() -> impl Strategy<Value = Vec<(i64, i64)>> {
    prop::collection::vec((prop_oneof![6 => Just(0), 1 => 1..5_i64], 1..12_i64), 40)
}

#[derive(Clone, Debug, PartialEq)]
struct Known {
    state: RecordState,
    delivery_count: i16,
    member: Option<&'static str>,
    lock_until: Option<Monotonic>,
    pending: Option<(WriteId, &'static str)>,
}

const FREE: Known =
    Known { state: RecordState::Available, delivery_count: 0, member: None, lock_until: None, pending: None };

/// What is in flight, record by record, and what the share coordinator has.
struct Model {
    records: BTreeMap<i64, Known>,
    start: i64,
    end: i64,
    now: Monotonic,
    limits: ShareLimits,
    log: Vec<LogBatch>,
    log_start: i64,
    writes: Vec<(WriteId, Option<super::StateWrite>)>,
    kept: (i64, BTreeMap<i64, (RecordState, i16)>),
    next_write: u64,
}

impl Model {
    fn new(sizes: &[(i64, i64)]) -> Self {
        let mut log = Vec::new();
        let mut next = 0;
        for (hole, size) in sizes {
            let first = next + hole;
            next = first + size;
            log.push(LogBatch {
                first: Offset(first),
                last: Offset(next - 1),
                transaction: None,
                is_control: false,
                position: 0,
                size_bytes: 0,
            });
        }
        let limits = ShareLimits {
            delivery_count: 4,
            record_locks: 60,
            lock_duration_ms: LOCK_MS,
            is_renew_enabled: true,
            bugs: Bugs::default(),
        };
        Self {
            records: BTreeMap::new(),
            start: 0,
            end: 0,
            now: Monotonic(0),
            limits,
            log,
            log_start: 0,
            writes: Vec::new(),
            kept: (0, BTreeMap::new()),
            next_write: 0,
        }
    }

    fn new_write(&mut self) -> WriteId {
        self.next_write += 1;
        WriteId(self.next_write)
    }

    fn is_free(known: &Known) -> bool {
        known.state == RecordState::Available && known.pending.is_none()
    }

    fn is_done(known: &Known) -> bool {
        known.state.is_final() && known.pending.is_none()
    }

    fn is_empty(&self) -> bool {
        self.records.last_key_value().is_none_or(|(last, _)| *last < self.start)
    }

    fn next_fetch_offset(&self) -> i64 {
        if self.is_empty() {
            return self.end;
        }
        let free = self.records.iter().find(|(_, known)| Self::is_free(known));
        free.map_or(self.end + 1, |(offset, _)| *offset)
    }

    fn back(&self, known: &Known) -> RecordState {
        let is_exhausted = known.delivery_count >= self.limits.delivery_count;
        if is_exhausted { RecordState::Archived } else { RecordState::Available }
    }

    fn move_start(&mut self) {
        if !self.records.range(..=self.start).next_back().is_some_and(|(_, known)| Self::is_done(known)) {
            return;
        }
        let done: Vec<i64> =
            self.records.iter().take_while(|(_, known)| Self::is_done(known)).map(|(offset, _)| *offset).collect();
        let Some(last) = done.last().copied() else { return };
        for offset in done {
            self.records.remove(&offset);
        }
        // Between two batches there may be offsets that are no records.
        self.start = self.start.max(self.records.first_key_value().map_or(last + 1, |(next, _)| *next));
        if self.records.is_empty() {
            self.end = self.start;
        }
    }

    /// Takes over what was acquired, after looking whether it may.
    fn acquired(&mut self, member: &'static str, of: &Acquire<'_>, read: &[LogBatch], acquired: &[Acquired]) {
        let mut is_any_missing = false;
        for offset in of.fetch_offset.0..read[0].first.0 {
            if let Some(known) = self.records.get_mut(&offset).filter(|known| known.state == RecordState::Available) {
                *known = Known { state: RecordState::Archived, delivery_count: known.delivery_count, ..FREE };
                is_any_missing = true;
            }
        }
        if is_any_missing {
            self.move_start();
        }
        let read_last = read.last().expect("it is not empty").last.0;
        let (was_empty, was_over) = (self.records.is_empty(), self.is_empty());
        let total: i64 = acquired.iter().map(|acquired| acquired.last.0 - acquired.first.0 + 1).sum();
        assert!(!of.is_strict || total <= of.max_records, "{acquired:?}");
        let mut after = i64::MIN;
        for Acquired { first, last, delivery_count } in acquired {
            assert!(after < first.0 && last.0 <= read_last, "{acquired:?}");
            after = last.0;
            for offset in first.0..=last.0 {
                let lock_until = Some(self.now.plus_ms(LOCK_MS));
                let is_new = !self.records.contains_key(&offset);
                assert!(!is_new || was_over && offset >= self.end || offset > self.end, "{offset} is behind the end");
                let known = self.records.entry(offset).or_insert(FREE);
                assert!(Self::is_free(known), "{offset} is {known:?}");
                assert_eq!(known.delivery_count + 1, *delivery_count);
                let (state, member) = (RecordState::Acquired, Some(member));
                *known = Known { state, delivery_count: *delivery_count, member, lock_until, pending: None };
            }
        }
        if was_empty && let Some(first) = acquired.first() {
            self.start = first.first.0;
        }
    }

    /// Whether a member has all these records; what is none, or nobody ever had, does not count.
    fn is_with(&self, member: &str, first: i64, last: i64, is_unread: &dyn Fn(i64) -> bool) -> bool {
        let mut known = self.records.range(first.max(self.start)..=last).filter(|(offset, _)| !is_unread(**offset));
        known.all(|(_, known)| known.state == RecordState::Acquired && known.member == Some(member))
    }
}

/// Runs both side by side.
struct Pair {
    model: Model,
    partition: SharePartition,
}

impl Pair {
    fn run(&mut self, step: Step) {
        match step {
            Step::Fetch { member, max_records, is_strict, batch_size, batches } => {
                self.fetch(MEMBERS[member], max_records, is_strict, batch_size, batches);
            }
            Step::Acknowledge { member, nth, cut, types } => self.acknowledge(MEMBERS[member], nth, cut, &types),
            Step::Written { nth, is_kept } => self.written(nth, is_kept),
            Step::Pass { ms } => self.pass(ms),
            Step::ReleaseMember { member } => self.release_member(MEMBERS[member]),
            Step::LogStart { by } => self.log_start(by),
            Step::Restart => self.restart(),
        }
        self.compare();
    }

    fn fetch(&mut self, name: &'static str, max_records: i64, is_strict: bool, batch_size: i64, batches: usize) {
        let member: MemberId = Arc::from(name);
        let limits = self.model.limits;
        let fetch_offset = self.partition.next_fetch_offset();
        assert_eq!(fetch_offset.0, self.model.next_fetch_offset());
        let may_acquire = self.partition.can_acquire(&limits);
        if fetch_offset.0 < self.model.log_start {
            let log_start = self.model.log_start;
            return self.move_log_start(log_start);
        }
        let log = self.model.log.clone();
        let read: Vec<_> = log.into_iter().filter(|batch| batch.last >= fetch_offset).take(batches).collect();
        if read.is_empty() || !may_acquire {
            return;
        }
        let of = Acquire { member: &member, fetch_offset, max_records, is_strict, batch_size, limits: &limits };
        let acquired = self.partition.acquire(self.model.now, &of, &read, &[]);
        self.model.acquired(name, &of, &read, &acquired);
        // What a strict fetch left of a batch is in flight, too.
        self.model.end = self.partition.end.0;
        for (offset, _) in self.flat().into_iter().filter(|(_, known)| *known == FREE) {
            self.model.records.entry(offset).or_insert(FREE);
        }
    }

    fn acknowledge(&mut self, member: &'static str, nth: usize, cut: (i64, i64), types: &[u8]) {
        let mine = |(_, known): &(&i64, &Known)| known.member == Some(member);
        let mine: Vec<i64> = self.model.records.iter().filter(mine).map(|(offset, _)| *offset).collect();
        let Some(from) = mine.get(nth * 3 % mine.len().max(1)) else { return };
        let to = mine.iter().copied().filter(|offset| *offset < from + 9).max().unwrap_or(*from);
        let (first, last) = (from + cut.0.max(-from), (to + cut.1).max(from + cut.0.max(-from)));
        let kind = |index: usize| AcknowledgeType::of_number(types[index % types.len()] as i8).expect("a type");
        let count = if types.len() == 1 { 1 } else { (last - first + 1) as usize };
        let types: Vec<_> = (0..count).map(kind).collect();
        let acknowledgement = Acknowledgement { first: Offset(first), last: Offset(last), types: types.clone() };
        let id = self.model.new_write();
        let unread: BTreeSet<_> = self.unread().collect();
        let shown: BTreeSet<_> = self.flat().into_iter().map(|(offset, _)| offset).collect();
        let begins = |offset: i64| shown.range(..=offset).next().is_some();
        let is_known = shown.contains(&last) && (begins(first) || first < self.model.start && begins(self.model.start));
        let is_good = last < self.model.start
            || is_known && self.model.is_with(member, first, last, &|offset| unread.contains(&offset));
        let (now, limits) = (self.model.now, self.model.limits);
        let taken = self.partition.acknowledge(now, &limits, id, member, &[acknowledgement]);
        assert_eq!(taken.is_ok(), is_good, "{taken:?} for {first} to {last} of {member}");
        let Ok(write) = taken else {
            // Time that was asked for before the fault was found stays.
            for (offset, known) in self.flat() {
                if let Some(own) = self.model.records.get_mut(&offset).filter(|own| own.member == Some(member)) {
                    own.lock_until = known.lock_until;
                }
            }
            return;
        };
        for offset in first.max(self.model.start)..=last {
            if unread.contains(&offset) || !self.model.records.contains_key(&offset) {
                continue;
            }
            let kind = if types.len() == 1 { types[0] } else { types[(offset - first) as usize] };
            let record = self.model.records[&offset].clone();
            let back = self.model.back(&record);
            let known = self.model.records.get_mut(&offset).expect("it is in flight");
            match kind {
                AcknowledgeType::Renew => known.lock_until = Some(now.plus_ms(LOCK_MS)),
                kind => {
                    known.state = match kind {
                        AcknowledgeType::Accept => RecordState::Acknowledged,
                        AcknowledgeType::Release => back,
                        _ => RecordState::Archived,
                    };
                    known.pending = Some((id, member));
                    known.member = None;
                }
            }
        }
        self.keep_write(id, write);
    }

    fn keep_write(&mut self, id: WriteId, write: Option<super::StateWrite>) {
        let changed =
            self.model.records.values().any(|known| known.pending.as_ref().is_some_and(|(own, _)| *own == id));
        if let Some(write) = write {
            assert_eq!((write.id, write.start.0), (id, self.model.start));
            self.model.writes.push((id, Some(write)));
        } else {
            assert!(!changed, "what changed is to be kept");
        }
    }

    fn written(&mut self, nth: usize, is_kept: bool) {
        if self.model.writes.is_empty() {
            return;
        }
        let nth = nth % self.model.writes.len();
        let (id, write) = self.model.writes.remove(nth);
        let write = write.expect("it is there");
        let was_for_time =
            !self.model.records.values().any(|known| known.pending.as_ref().is_some_and(|(own, _)| *own == id))
                && self.partition.writes[&id].is_empty();
        if is_kept {
            self.model.kept.0 = self.model.kept.0.max(write.start.0);
            for batch in &write.batches {
                for offset in batch.first.0..=batch.last.0 {
                    self.model.kept.1.insert(offset, (batch.state, batch.delivery_count));
                }
            }
        }
        self.partition.written(self.model.now, id, is_kept);
        let (now, start) = (self.model.now, self.model.start);
        let limit = self.model.limits.delivery_count;
        for (offset, known) in &mut self.model.records {
            let Some((_, member)) = known.pending.take_if(|(own, _)| *own == id) else { continue };
            if is_kept {
                known.lock_until = None;
            } else if known.lock_until.is_some_and(|until| until <= now) {
                let state = if known.delivery_count >= limit { RecordState::Archived } else { RecordState::Available };
                *known = Known { state, delivery_count: known.delivery_count, ..FREE };
            } else {
                known.state = RecordState::Acquired;
                known.member = Some(member);
            }
            if *offset < start && known.state == RecordState::Available {
                known.state = RecordState::Archived;
            }
        }
        if is_kept || was_for_time {
            self.model.move_start();
        }
    }

    fn pass(&mut self, ms: i64) {
        self.model.now = self.model.now.plus_ms(ms);
        let id = self.model.new_write();
        let now = self.model.now;
        let is_due = self.partition.deadline().is_some_and(|deadline| deadline <= now);
        let write = self.partition.release_expired(now, &self.model.limits, id);
        assert!(is_due || write.is_none(), "nothing comes back before its time");
        assert!(self.partition.deadline().is_none_or(|deadline| deadline > now));
        let (start, limit) = (self.model.start, self.model.limits.delivery_count);
        let mut is_any = false;
        for (offset, known) in &mut self.model.records {
            if known.state == RecordState::Acquired && known.lock_until.is_some_and(|until| until <= now) {
                let is_over = *offset < start || known.delivery_count >= limit;
                let state = if is_over { RecordState::Archived } else { RecordState::Available };
                *known = Known { state, delivery_count: known.delivery_count, ..FREE };
                is_any = true;
            }
        }
        assert_eq!(write.is_some(), is_any);
        if let Some(write) = write {
            self.model.writes.push((id, Some(write)));
        }
    }

    fn release_member(&mut self, member: &'static str) {
        let id = self.model.new_write();
        let write = self.partition.release_member(self.model.now, &self.model.limits, id, member);
        let (start, limit) = (self.model.start, self.model.limits.delivery_count);
        for (offset, known) in &mut self.model.records {
            if known.member == Some(member) {
                let is_over = *offset < start || known.delivery_count >= limit;
                known.state = if is_over { RecordState::Archived } else { RecordState::Available };
                known.pending = Some((id, member));
                known.member = None;
            }
        }
        self.keep_write(id, write);
    }

    fn log_start(&mut self, by: i64) {
        let end = self.model.end;
        self.model.log_start = (self.model.log_start + by).min(end);
    }

    fn move_log_start(&mut self, to: i64) {
        self.partition.log_start_moved(Offset(to));
        if to <= self.model.start {
            return;
        }
        if self.model.records.is_empty() {
            (self.model.start, self.model.end) = (to, to);
            return;
        }
        for (_, known) in self.model.records.range_mut(..to) {
            if known.state == RecordState::Available {
                *known = Known { state: RecordState::Archived, delivery_count: known.delivery_count, ..FREE };
            }
        }
        self.model.start = to;
        self.model.end = self.model.end.max(to);
    }

    /// The broker starts again with what the share coordinator has.
    fn restart(&mut self) {
        let (start, states) = self.model.kept.clone();
        let states: Vec<_> = states
            .range(start..)
            .map(|(offset, (state, delivery_count))| StateBatch {
                first: Offset(*offset),
                last: Offset(*offset),
                state: *state,
                delivery_count: *delivery_count,
            })
            .collect();
        self.partition = SharePartition::loaded(Offset(start), &states).expect("it is in order");
        self.model.writes.clear();
        self.model.records.clear();
        self.model.start = start;
        self.model.end = states.last().map_or(start, |state| state.last.0);
        for offset in start..=states.last().map_or(start - 1, |state| state.last.0) {
            let kept = states.iter().find(|state| state.first.0 == offset);
            let known =
                kept.map_or(FREE, |kept| Known { state: kept.state, delivery_count: kept.delivery_count, ..FREE });
            self.model.records.insert(offset, known);
        }
        self.model.move_start();
    }

    fn unread(&self) -> impl Iterator<Item = i64> {
        let unread = self.partition.batches.values().filter(|batch| batch.is_unread());
        unread.flat_map(|batch| batch.first().0..=batch.last().0)
    }

    fn flat(&self) -> Vec<(i64, Known)> {
        let runs = self.partition.batches.values().flat_map(Batch::runs);
        let name = |member: &MemberId| MEMBERS.into_iter().find(|name| **name == **member).expect("a member");
        runs.flat_map(|run| {
            let record = &run.record;
            let known = Known {
                state: record.state,
                delivery_count: record.delivery_count,
                member: record.member.as_ref().map(name),
                lock_until: record.lock_until,
                pending: record.pending.as_ref().map(|pending| (pending.write, name(&pending.member))),
            };
            (run.first.0..=run.last.0).map(move |offset| (offset, known.clone()))
        })
        .collect()
    }

    fn compare(&mut self) {
        assert_eq!(self.partition.start.0, self.model.start);
        assert_eq!(self.partition.end.0, self.model.end);
        let flat = self.flat();
        assert!(flat.is_sorted_by_key(|(offset, _)| *offset), "no record is in two batches");
        for (offset, known) in &flat {
            match self.model.records.get(offset) {
                Some(expected) => assert_eq!(known, expected, "of {offset}"),
                None => assert!(known.state.is_final() && *offset < self.model.start, "{offset} is left behind"),
            }
        }
        let shown: BTreeSet<_> = flat.iter().map(|(offset, _)| *offset).collect();
        assert!(self.model.records.keys().all(|offset| shown.contains(offset)));
        let done = self.model.records.range(self.model.start..).filter(|(_, known)| known.state.is_final()).count();
        assert_eq!(self.partition.delivery_complete_count(), done as i32);
        assert_eq!(self.partition.next_fetch_offset().0, self.model.next_fetch_offset());
        for batch in self.partition.batches.values() {
            let ends = batch.lock_ends.iter().all(|end| self.partition.lock_ends.contains(&(*end, batch.first())));
            assert!(ends && (batch.is_split() || batch.runs().len() == 1));
            for run in batch.runs().iter().filter(|run| run.record.state == RecordState::Acquired) {
                let until = run.record.lock_until.expect("who has a record has it for a time");
                assert!(batch.lock_ends.contains(&until), "it comes back by itself");
            }
        }
        let armed: usize = self.partition.batches.values().map(|batch| batch.lock_ends.len()).sum();
        assert_eq!(self.partition.lock_ends.len(), armed, "no timer outlives its batch");
    }
}

/// All that may be in flight was given back, compaction took it, and what is left of the log lies behind: nobody will ever
/// acknowledge what is gone, so it must not count.
#[test]
fn at_the_limit_what_is_gone_from_the_log_makes_room_for_what_comes_behind_it() {
    let mut model = Model::new(&[(0, 4), (6, 4)]);
    model.limits.record_locks = 4;
    let mut pair = Pair { model, partition: SharePartition::new(Offset(0)) };
    pair.fetch("one", 4, false, 4, 1);
    pair.release_member("one");
    pair.written(0, true);
    pair.model.log.remove(0);
    assert_eq!(pair.partition.next_fetch_offset(), Offset(0));
    pair.fetch("two", 4, false, 4, 1);
    pair.compare();
    assert_eq!((pair.partition.start, pair.partition.end), (Offset(10), Offset(13)), "what is gone is passed over");
}

/// Nobody could ever fetch it, and the group would look back for it time and again.
#[test]
fn what_could_not_be_kept_is_not_on_offer_again_before_the_start() {
    let mut pair = Pair { model: Model::new(&[(0, 4), (0, 4)]), partition: SharePartition::new(Offset(0)) };
    pair.fetch("one", 8, false, 4, 2);
    pair.acknowledge("one", 1, (0, 0), &[1]);
    pair.pass(LOCK_MS);
    pair.move_log_start(5);
    // The acknowledgement is what was asked to be kept first.
    pair.written(0, false);
    pair.compare();
    assert_eq!(pair.partition.next_fetch_offset(), Offset(5), "nothing before the log's start is fetched");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn batches_and_runs_say_the_same_as_a_map_of_records(
        sizes in log(),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut pair = Pair { model: Model::new(&sizes), partition: SharePartition::new(Offset(0)) };
        for step in steps {
            pair.run(step);
        }
    }
}
