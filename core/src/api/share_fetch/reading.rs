//! The reading of a share fetch: it takes the share partitions that have something, finds out whether that is enough, looks at
//! the headers of their batches, and acquires.
//!
//! A share partition that is being read by one fetch is busy: others try again when it is through. So two members never look at
//! the same records at a time, and neither waits for good.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::Outcome;
use crate::api::Caller;
use crate::boundary::{FileId, FileRange};
use crate::broker::Broker;
use crate::error_code::ErrorCode;
use crate::log::{
    AbortedTransaction, Extent, Found, HeaderLimit, Located, Lookup, LookupError, LookupId, PlacedHeader,
};
use crate::marks::Mark;
use crate::parking::Waits;
use crate::shares::{Aborted, Acquire, LogBatch, SessionKey, ShareConfig, ShareKey, SharedPartition, Woken};
use crate::time::{Monotonic, Now};
use crate::types::{Offset, PartitionId};
use crate::wire::messages::share_fetch::ShareFetchRequest;

/// What is wanted, and how far it is.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// When the fetch came, among others.
    pub(super) turn: u64,
    deadline: Monotonic,
    min_bytes: u64,
    max_bytes: u64,
    max_records: i64,
    batch_size: i64,
    is_strict: bool,
    reads_committed: bool,
    targets: Vec<Target>,
    phase: Phase,
}

/// How far a fetch is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// It waits for something to try.
    #[default]
    Waiting,
    /// It looks where records are, and how many.
    Locating,
    /// It looks what records there are.
    Reading,
    /// It knows what to answer.
    Over,
}

#[derive(Debug)]
struct Target {
    id: PartitionId,
    /// Another fetch was at it.
    is_missed: bool,
    progress: Progress,
    outcome: Option<Outcome>,
}

/// What a fetch has of a partition.
#[derive(Debug)]
enum Progress {
    Idle,
    /// The share partition is busy with this fetch from here on.
    Locating {
        offset: Offset,
        lookup: LookupId,
    },
    Located {
        offset: Offset,
        finding: Finding,
    },
    /// Its segment is pinned.
    Reading {
        offset: Offset,
        extent: Extent,
        batches: Known<Vec<PlacedHeader>>,
        aborted: Known<Vec<AbortedTransaction>>,
    },
}

#[derive(Clone, Copy, Debug)]
enum Finding {
    /// Its segment is pinned.
    Extent(Extent),
    AtEnd,
    /// The log begins later.
    OutOfRange,
    Error(ErrorCode),
}

#[derive(Debug)]
enum Known<T> {
    Looking(LookupId),
    Now(T),
}

/// Segments that an answer refers to.
pub(super) type Pins = Vec<(PartitionId, FileId)>;

/// `share_acquire_mode`: whole batches, or never more records than asked for.
pub(super) const ACQUIRE_MODES: [i8; 2] = [0, STRICT];
const STRICT: i8 = 1;

impl Reading {
    pub(super) fn of(
        broker: &mut Broker,
        now: Now,
        caller: Caller,
        session: &SessionKey,
        request: &ShareFetchRequest,
    ) -> Self {
        let of_quota = broker.quotas.fetch_max_bytes(caller.slot);
        let fetch_max_bytes = u64::from(broker.config.limits.fetch_size_bytes).min(of_quota);
        let max_bytes = (request.max_bytes.max(0) as u64).min(fetch_max_bytes);
        Self {
            turn: broker.shares.new_number(),
            deadline: now.monotonic.plus_ms(i64::from(request.max_wait_ms)),
            min_bytes: (request.min_bytes.max(0) as u64).min(max_bytes),
            max_bytes,
            max_records: i64::from(request.max_records),
            batch_size: i64::from(request.batch_size),
            is_strict: caller.version >= super::RENEW_SINCE && request.share_acquire_mode == STRICT,
            reads_committed: broker.share_config(&session.group).reads_committed,
            targets: Vec::new(),
            phase: Phase::Over,
        }
    }

    /// Begins with the partitions of the session; each time another one is first.
    pub(super) fn begin(
        &mut self,
        broker: &mut Broker,
        now: Now,
        session: &SessionKey,
        epoch: i32,
        mut partitions: Vec<SharedPartition>,
    ) {
        let is_there = |broker: &Broker, id| broker.metadata.image().partition(id).is_some();
        let first = usize::try_from(epoch).unwrap_or(0).checked_rem(partitions.len()).unwrap_or(0);
        partitions.rotate_left(first);
        for SharedPartition { id, is_known } in partitions {
            let error = match (is_known, is_there(broker, id)) {
                (false, _) => Some(ErrorCode::UnknownTopicId),
                (true, false) => Some(ErrorCode::UnknownTopicOrPartition),
                (true, true) => None,
            };
            self.targets.push(Target::new(id, error));
        }
        let is_any_there = self.targets.iter().any(|target| target.outcome.is_none());
        if !is_any_there || self.max_records == 0 || self.max_bytes == 0 {
            self.targets.retain(|target| target.outcome.is_some());
            return;
        }
        let mut is_any_good = false;
        for target in self.targets.iter_mut().filter(|target| target.outcome.is_none()) {
            let key = target.key(session);
            match broker.open_share(now, &key) {
                // The share coordinator has nothing for a group without a name.
                _ if session.group.is_empty() => target.fail(ErrorCode::UnknownServerError),
                Ok(None) => is_any_good = true,
                Ok(Some(error)) => {
                    // It is told when the fetch's time is over: who asks again at once, asks in vain.
                    target.fail(error);
                    is_any_good = true;
                }
                Err(error) => target.fail(error),
            }
        }
        if is_any_good {
            self.phase = Phase::Waiting;
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// What was found, and the segments that are pinned for it.
    pub(super) fn into_outcomes(mut self) -> (Vec<(PartitionId, Outcome)>, Pins) {
        let mut pins = Vec::new();
        let mut outcomes = Vec::new();
        for target in &mut self.targets {
            if let Some(outcome) = target.outcome.take() {
                if let Some(range) = outcome.records {
                    pins.push((target.id, range.file));
                }
                outcomes.push((target.id, outcome));
            }
        }
        (outcomes, pins)
    }

    pub(super) fn has_missed(&self, partition: PartitionId) -> bool {
        self.targets.iter().any(|target| target.id == partition && target.is_missed)
    }

    /// A share partition can't be loaded.
    pub(super) fn failed(&mut self, partition: PartitionId, error: ErrorCode) {
        for target in self.targets.iter_mut().filter(|target| target.id == partition && target.is_idle()) {
            target.fail(error);
        }
    }

    /// Goes on as far as it can; what it waits for then. `None` when it is over.
    pub(super) fn proceed(&mut self, broker: &mut Broker, now: Now, session: &SessionKey) -> Option<Waits> {
        let group = &session.group;
        if self.phase == Phase::Waiting {
            self.take(broker, session);
            self.phase = Phase::Locating;
        }
        if self.phase == Phase::Locating {
            if let Some(waits) = self.lookups() {
                return Some(waits);
            }
            let is_crowded = broker.parking.len() >= broker.config.limits.parked_requests as usize;
            let is_due = now.monotonic >= self.deadline || broker.is_stopping() || is_crowded;
            let is_any_taken = self.targets.iter().any(|target| !target.is_idle());
            if !(is_due || is_any_taken && self.has_enough()) {
                self.let_go(broker, session);
                self.phase = Phase::Waiting;
                return Some(self.waits(group));
            }
            self.read(broker, session);
            self.phase = Phase::Reading;
        }
        if self.phase == Phase::Reading {
            if let Some(waits) = self.lookups() {
                return Some(waits);
            }
            self.acquire(broker, now, session);
            self.phase = Phase::Over;
        }
        None
    }

    /// A look-up came back.
    pub(super) fn looked_up(
        &mut self,
        broker: &mut Broker,
        partition: PartitionId,
        lookup: LookupId,
        result: &Result<Found, LookupError>,
    ) {
        for target in self.targets.iter_mut().filter(|target| target.id == partition) {
            target.looked_up(broker, lookup, result);
        }
    }

    /// Gives back what it took, without having read it.
    pub(super) fn let_go(&mut self, broker: &mut Broker, session: &SessionKey) {
        for target in &mut self.targets {
            if let Some(outcome) = &target.outcome
                && let Some(range) = outcome.records
            {
                broker.unpin([(target.id, range.file)].into());
            }
            target.let_go(broker, session, Woken::Missed);
        }
    }

    /// Takes the share partitions that have something and are not busy, and looks where it is.
    fn take(&mut self, broker: &mut Broker, session: &SessionKey) {
        let limits = broker.share_config(&session.group).limits;
        let reads_committed = self.reads_committed;
        for target in self.targets.iter_mut().filter(|target| target.outcome.is_none()) {
            target.is_missed = false;
            let key = target.key(session);
            let Some(share) = broker.shares.get_mut(&key) else { continue };
            if share.is_busy {
                target.is_missed = true;
                continue;
            }
            let Some(partition) = share.partition.as_mut() else { continue };
            if !partition.can_acquire(&limits) {
                continue;
            }
            let offset = partition.next_fetch_offset();
            share.is_busy = true;
            target.locate(broker, offset, reads_committed);
        }
    }

    /// What it waits for of the disk.
    fn lookups(&self) -> Option<Waits> {
        let lookups = self.targets.iter().flat_map(|target| target.lookups().map(|lookup| (target.id, lookup)));
        let lookups: Vec<_> = lookups.collect();
        (!lookups.is_empty()).then(|| Waits { lookups, ..Waits::default() })
    }

    /// What it waits for of others.
    fn waits(&self, group: &Arc<str>) -> Waits {
        let open = || self.targets.iter().filter(|target| target.outcome.is_none());
        let key = |target: &Target| ShareKey { group: Arc::clone(group), partition: target.id };
        Waits {
            growth: open().map(|target| target.id).collect(),
            shares: open().map(key).collect(),
            deadline: Some(self.deadline),
            ..Waits::default()
        }
    }

    fn has_enough(&self) -> bool {
        let is_news = |target: &Target| {
            let Progress::Located { finding, .. } = &target.progress else { return false };
            matches!(finding, Finding::OutOfRange | Finding::Error(_))
        };
        if self.targets.iter().any(is_news) {
            return true;
        }
        let largest = self.shares_of_bytes();
        let found = self.targets.iter().filter_map(Target::extent).zip(largest);
        found.map(|(extent, largest)| extent.available_bytes.min(largest)).sum::<u64>() >= self.min_bytes
    }

    /// How many bytes each partition that was taken may give: the same for all, as far as it goes.
    fn shares_of_bytes(&self) -> impl Iterator<Item = u64> {
        let taken = self.targets.iter().filter(|target| !target.is_idle()).count().max(1) as u64;
        let (each, rest) = (self.max_bytes / taken, self.max_bytes % taken);
        core::iter::once(each + rest).chain(core::iter::repeat(each))
    }

    /// Looks what records there are, of those that were found.
    fn read(&mut self, broker: &mut Broker, session: &SessionKey) {
        let limits = broker.share_config(&session.group).limits;
        let (mut left_bytes, mut may_exceed) = (self.max_bytes, true);
        let shares: Vec<u64> = self.shares_of_bytes().take(self.targets.len()).collect();
        let located = self.targets.iter_mut().filter(|target| target.extent().is_some());
        for (target, share) in located.zip(shares) {
            let Progress::Located { offset, finding: Finding::Extent(extent) } = target.progress else { continue };
            let first = u64::from(extent.first_batch_size_bytes);
            let largest = share.min(left_bytes);
            if largest < first && !may_exceed {
                continue;
            }
            may_exceed = false;
            let max_bytes = largest.max(first).min(extent.available_bytes);
            left_bytes = left_bytes.saturating_sub(max_bytes);
            let key = target.key(session);
            let end = broker.shares.loaded(&key).map_or(offset, |partition| partition.end().max(offset));
            // What is in flight, and as many new records as may be acquired.
            let wanted = self.max_records.min(limits.record_locks).max(1);
            let limit = HeaderLimit { last: Offset(end.0.saturating_add(wanted)), max_bytes };
            let reads_committed = self.reads_committed;
            target.read(broker, extent, offset, limit, reads_committed);
        }
    }

    /// Gives the member what is available of it.
    fn acquire(&mut self, broker: &mut Broker, now: Now, session: &SessionKey) {
        let config = broker.share_config(&session.group);
        let mut left = self.max_records;
        for target in &mut self.targets {
            if target.is_idle() {
                continue;
            }
            let of = Wanted { max_records: left, batch_size: self.batch_size, is_strict: self.is_strict, config };
            let outcome = target.acquire(broker, now, session, &of);
            let taken = outcome.acquired.iter().map(|acquired| acquired.last.0 - acquired.first.0 + 1);
            left = left.saturating_sub(taken.sum::<i64>());
            if outcome.records.is_some() {
                // Its segment stays pinned, for the answer.
                target.progress = Progress::Idle;
                target.give_back(broker, session, Woken::All);
            } else {
                target.let_go(broker, session, Woken::All);
            }
            target.outcome = Some(outcome);
        }
    }
}

/// What may be acquired of a partition.
struct Wanted {
    max_records: i64,
    batch_size: i64,
    is_strict: bool,
    config: ShareConfig,
}

impl Target {
    fn new(id: PartitionId, error: Option<ErrorCode>) -> Self {
        let outcome = error.map(|error| Outcome { error: Some(error), ..Outcome::default() });
        Self { id, is_missed: false, progress: Progress::Idle, outcome }
    }

    fn fail(&mut self, error: ErrorCode) {
        self.outcome = Some(Outcome { error: Some(error), ..Outcome::default() });
    }

    fn key(&self, session: &SessionKey) -> ShareKey {
        ShareKey { group: Arc::clone(&session.group), partition: self.id }
    }

    fn is_idle(&self) -> bool {
        matches!(self.progress, Progress::Idle)
    }

    /// The extent that is pinned.
    fn extent(&self) -> Option<Extent> {
        match &self.progress {
            Progress::Located { finding: Finding::Extent(extent), .. } | Progress::Reading { extent, .. } => {
                Some(*extent)
            }
            _ => None,
        }
    }

    fn lookups(&self) -> impl Iterator<Item = LookupId> {
        let (one, other) = match &self.progress {
            Progress::Locating { lookup, .. } => (Some(*lookup), None),
            Progress::Reading { batches, aborted, .. } => (batches.lookup(), aborted.lookup()),
            _ => (None, None),
        };
        [one, other].into_iter().flatten()
    }

    fn locate(&mut self, broker: &mut Broker, offset: Offset, reads_committed: bool) {
        let Some(log) = broker.logs.get_mut(&self.id) else {
            let finding = Finding::Error(ErrorCode::NotLeaderOrFollower);
            self.progress = Progress::Located { offset, finding };
            return;
        };
        let outbox = &mut broker.outbox;
        let located = if reads_committed { log.locate_stable(offset, outbox) } else { log.locate(offset, outbox) };
        let finding = match located {
            Ok(Located::Ready(extent)) => {
                log.pin(extent.file);
                Finding::Extent(extent)
            }
            Ok(Located::AtEnd) => Finding::AtEnd,
            Ok(Located::Reading(lookup)) => {
                broker.touch(self.id);
                self.progress = Progress::Locating { offset, lookup };
                return;
            }
            Err(_) => Finding::OutOfRange,
        };
        self.progress = Progress::Located { offset, finding };
    }

    fn looked_up(&mut self, broker: &mut Broker, done: LookupId, result: &Result<Found, LookupError>) {
        if let Progress::Locating { offset, lookup } = self.progress
            && lookup == done
        {
            let finding = match result {
                Ok(Found::Extent(extent)) => {
                    if let Some(log) = broker.logs.get_mut(&self.id) {
                        log.pin(extent.file);
                    }
                    Finding::Extent(*extent)
                }
                Ok(Found::AtEnd) => Finding::AtEnd,
                Ok(other) => panic!("a share fetch asks for an offset, not for {other:?}"),
                Err(LookupError::OutOfRange(_)) => Finding::OutOfRange,
                Err(error) => Finding::Error(error.error_code()),
            };
            self.progress = Progress::Located { offset, finding };
            return;
        }
        let Progress::Reading { offset, extent, batches, aborted } = &mut self.progress else { return };
        match result {
            Ok(Found::Headers(headers)) if batches.lookup() == Some(done) => *batches = Known::Now(headers.clone()),
            Ok(Found::Aborted(found)) if aborted.lookup() == Some(done) => *aborted = Known::Now(found.clone()),
            Err(error) if batches.lookup() == Some(done) || aborted.lookup() == Some(done) => {
                let (offset, file, finding) = (*offset, extent.file, Finding::Error(error.error_code()));
                broker.unpin([(self.id, file)].into());
                self.progress = Progress::Located { offset, finding };
            }
            _ => {}
        }
    }

    fn read(&mut self, broker: &mut Broker, extent: Extent, offset: Offset, limit: HeaderLimit, reads_committed: bool) {
        let Some(log) = broker.logs.get_mut(&self.id) else { return };
        let batches = Known::Looking(log.headers(extent, limit, &mut broker.outbox));
        let aborted = if reads_committed {
            match log.aborted(offset, &extent, limit.max_bytes, &mut broker.outbox) {
                Lookup::Ready(aborted) => Known::Now(aborted),
                Lookup::Reading(lookup) => Known::Looking(lookup),
            }
        } else {
            Known::Now(Vec::new())
        };
        broker.touch(self.id);
        self.progress = Progress::Reading { offset, extent, batches, aborted };
    }

    fn acquire(&mut self, broker: &mut Broker, now: Now, session: &SessionKey, of: &Wanted) -> Outcome {
        let key = self.key(session);
        match &self.progress {
            Progress::Located { finding: Finding::Error(error), .. } => {
                Outcome { error: Some(*error), ..Outcome::default() }
            }
            Progress::Located { finding: Finding::OutOfRange, .. } => {
                let log_start = broker.logs.get(&self.id).map(|log| log.log_start());
                if let (Some(log_start), Some(partition)) = (log_start, broker.shares.loaded(&key)) {
                    partition.log_start_moved(log_start);
                }
                Outcome::default()
            }
            Progress::Reading { offset, extent, batches: Known::Now(headers), aborted: Known::Now(aborted) } => {
                let batches: Vec<_> = headers.iter().map(to_batch).collect();
                let aborted: Vec<_> = aborted.iter().map(to_aborted).collect();
                let Some(partition) = broker.shares.loaded(&key) else { return Outcome::default() };
                let acquire = Acquire {
                    member: &session.member,
                    fetch_offset: *offset,
                    max_records: of.max_records,
                    is_strict: of.is_strict,
                    batch_size: of.batch_size,
                    limits: &of.config.limits,
                };
                let acquired = partition.acquire(now.monotonic, &acquire, &batches, &aborted);
                broker.shares.rearm(&key);
                for acquired in &acquired {
                    let is_first = acquired.delivery_count == 1;
                    broker.outbox.reach(if is_first { Mark::RecordsAcquired } else { Mark::RecordsAcquiredAgain });
                }
                let records = match (acquired.first(), acquired.last()) {
                    (Some(first), Some(last)) => range(extent.file, &batches, first.first, last.last),
                    _ => None,
                };
                Outcome { error: None, acquired, records }
            }
            _ => Outcome::default(),
        }
    }

    /// Lets the share partition and what was found of it go.
    fn let_go(&mut self, broker: &mut Broker, session: &SessionKey, who: Woken) {
        if self.is_idle() {
            return;
        }
        broker.unpin(self.extent().map(|extent| (self.id, extent.file)).into_iter().collect());
        self.progress = Progress::Idle;
        self.give_back(broker, session, who);
    }

    /// Others may have the share partition.
    fn give_back(&self, broker: &mut Broker, session: &SessionKey, who: Woken) {
        let key = self.key(session);
        if let Some(share) = broker.shares.get_mut(&key) {
            share.is_busy = false;
        }
        broker.shares.wake(&key, who);
    }
}

impl<T> Known<T> {
    fn lookup(&self) -> Option<LookupId> {
        match self {
            Self::Looking(lookup) => Some(*lookup),
            Self::Now(_) => None,
        }
    }
}

/// The stretch of a segment that holds these records.
fn range(file: FileId, batches: &[LogBatch], first: Offset, last: Offset) -> Option<FileRange> {
    let mut needed = batches.iter().filter(|batch| batch.last >= first && batch.first <= last);
    let begin = needed.next()?;
    let end = needed.next_back().unwrap_or(begin);
    let size_bytes = u32::try_from(end.position + end.size_bytes - begin.position).ok()?;
    Some(FileRange { file, at: begin.position, size_bytes })
}

fn to_batch(placed: &PlacedHeader) -> LogBatch {
    let PlacedHeader { position, header } = placed;
    let is_of_producer = header.has_producer_id() && header.attributes.is_transactional();
    LogBatch {
        first: header.base_offset,
        last: header.last_offset(),
        transaction: is_of_producer.then_some(header.producer_id),
        is_control: header.attributes.is_control(),
        position: *position,
        size_bytes: header.size_bytes() as u64,
    }
}

fn to_aborted(aborted: &AbortedTransaction) -> Aborted {
    Aborted { producer_id: aborted.producer_id, first: aborted.first_offset }
}
