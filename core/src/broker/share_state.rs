//! The state of share groups and its logs: calls are answered by the coordinator of their share partition once what they
//! wrote is committed, and what follows from a time is done.
//!
//! There are two ways in. A client's request is answered by what is there ([`Broker::call_share_state`]), since clients ask
//! again. The broker's own parts, groups and share partitions, ask with patience ([`Broker::ask_share_state`]): the topic is
//! made when it is missing, and a coordinator that loads is waited for. Either way somebody hears of it once, in
//! [`Broker::share_state_answered`].

use alloc::vec::Vec;

use super::coordinators::Kind;
use super::shares::AskedByShare;
use super::{Broker, METADATA_PARTITION, Phase, ShareQuestion, Work};
use crate::api::{ApiError, View, find_coordinator, share_state_answer, topic_name};
use crate::boundary::Level;
use crate::coordinators::{Coordinators, OfPartition as _, Replay as _, partition_of};
use crate::error_code::ErrorCode;
use crate::parking::{Waits, Wake};
use crate::share_state::{
    self, Coordinator, Decision, Partitions, StateAnswer, StateCall, StateKey, StateResult, Timer,
};
use crate::time::{Monotonic, Now};
use crate::types::{Offset, PartitionId};
use crate::wire::{CoordinatorRecord, Uuid};

/// How long the broker's own parts wait for a coordinator. Kafka's brokers look for one five times, and wait twice as long
/// each time.
const PATIENCE_MS: i64 = 30_000;

/// Who hears of what became of calls: an arm for each part of the broker that asks, with what it needs to go on.
#[derive(Debug)]
pub(crate) enum Asker {
    /// A client.
    Request(share_state_answer::Request),
    /// Groups.
    Groups(ShareQuestion),
    /// A share partition.
    Share(AskedByShare),
}

/// Calls that are not answered yet.
#[derive(Debug)]
pub(crate) struct ParkedShareState {
    asker: Asker,
    calls: Vec<Call>,
    /// Until when a coordinator is waited for; not at all where there is none.
    patience: Option<Monotonic>,
    /// Until when a commit is waited for.
    timeout: Monotonic,
}

/// How far a call is.
#[derive(Debug)]
enum Call {
    /// No coordinator has heard of it.
    Open(StateKey, StateCall),
    /// It counts when the partition's log is committed up to there.
    Made {
        result: StateResult,
        log: PartitionId,
        end: Offset,
    },
    Done(StateResult),
}

impl Kind for Coordinator {
    const OF: &'static str = "share groups";

    fn begin(broker: &Broker) -> Self {
        Self::new(broker.share_state.settings.updates_per_snapshot)
    }

    fn all(broker: &mut Broker) -> &mut Coordinators<Self> {
        &mut broker.share_state.coordinators
    }

    fn load_buffer_size_bytes(broker: &Broker) -> u32 {
        broker.share_state.settings.load_buffer_size_bytes
    }

    fn loaded(broker: &mut Broker, now: Now, index: i32) {
        broker.cut_share_states(now, index);
        broker.arm_share_state_timers(now, index);
        broker.share_state_moved(now, index);
    }

    fn given_up(broker: &mut Broker, now: Now, index: i32, _coordinator: Option<Self>) {
        broker.share_state.timers.cancel_all_of(index);
        broker.share_state_moved(now, index);
    }
}

impl Broker {
    /// Asks for several share partitions, on behalf of a part of this broker. Each call is made once its coordinator is
    /// there, calls of one share partition in their order; the asker hears of all of them together, in the order in which
    /// they were asked, when all are committed or have failed. That may be before this returns.
    pub(crate) fn ask_share_state(&mut self, now: Now, calls: Vec<(StateKey, StateCall)>, asker: Asker) {
        self.make_calls(now, calls, asker, Some(now.monotonic.plus_ms(PATIENCE_MS)));
    }

    /// Asks on behalf of a client: without a coordinator it is told so.
    pub(crate) fn call_share_state(&mut self, now: Now, calls: Vec<(StateKey, StateCall)>, asker: Asker) {
        self.make_calls(now, calls, asker, None);
    }

    /// All calls of an asker have been answered.
    fn share_state_answered(&mut self, now: Now, asker: Asker, mut results: Vec<StateResult>) {
        match asker {
            Asker::Share(asked) => self.share_answered(now, asked, results.pop()),
            Asker::Request(request) => share_state_answer::answered(self, request, results),
            Asker::Groups(question) => self.share_question_answered(now, question, results),
        }
    }

    fn make_calls(&mut self, now: Now, calls: Vec<(StateKey, StateCall)>, asker: Asker, patience: Option<Monotonic>) {
        let calls = calls.into_iter().map(|(key, call)| Call::Open(key, call)).collect();
        let timeout = now.monotonic.plus_ms(self.share_state.settings.write_timeout_ms);
        proceed(self, now, ParkedShareState { asker, calls, patience, timeout });
    }

    /// The partition in which the state of a share partition lives, where its coordinator answers.
    fn share_coordinator_of(&self, key: &StateKey) -> Result<i32, ErrorCode> {
        if self.is_stopping() {
            return Err(ErrorCode::CoordinatorNotAvailable);
        }
        self.share_state.coordinators.find(&key.text())
    }

    /// Makes a call to its coordinator; says which log has to be committed up to where before its answer may be told.
    fn make_call(
        &mut self,
        now: Now,
        index: i32,
        key: &StateKey,
        call: &StateCall,
    ) -> Result<(StateAnswer, PartitionId, Offset), ApiError> {
        let gone = || ApiError::bare(ErrorCode::NotCoordinator);
        let log = self.share_state.coordinators.partition(index).ok_or_else(gone)?;
        let coordinator = self.share_state.coordinators.serving(index).ok_or_else(gone)?;
        let Decision { record, answer } = coordinator.decide(now.wall, self, key, call)?;
        if let Some(record) = record {
            let records = Vec::from([record]);
            let batch = share_state::batch(&records, self.share_state.settings.compression, now.wall);
            let appended = self.append_own_batch(now, log, &batch);
            let (base, _) = appended.map_err(ApiError::bare)?;
            self.replay_share_state(now, index, base, &records);
            self.arm_share_state_timers(now, index);
        }
        let end = self.logs.get(&log).map_or(Offset(0), |log| log.log_end());
        Ok((answer, log, end))
    }

    fn replay_share_state(&mut self, now: Now, index: i32, base: Offset, records: &[CoordinatorRecord]) {
        let Some(coordinator) = self.share_state.coordinators.serving_mut(index) else { return };
        for (offset, record) in (base.0..).zip(records) {
            coordinator.apply(now, record, Offset(offset), None);
        }
    }

    /// A coordinator serves, or is none any more: who waits for it looks again.
    fn share_state_moved(&mut self, now: Now, index: i32) {
        let Some(id) = self.share_state.coordinators.partition(index) else { return };
        for parked in self.parking.watching(id) {
            if matches!(self.parking.peek(parked), Some(Work::ShareState(_))) {
                self.wake(now, parked, Wake::Grown(id));
            }
        }
    }

    /// What a call waits for whose coordinator does not answer; an error where waiting is of no use.
    fn await_share_coordinator(&mut self, now: Now, key: &StateKey) -> Result<Waits, ErrorCode> {
        if self.is_stopping() {
            return Err(ErrorCode::CoordinatorNotAvailable);
        }
        let Some(topic) = self.metadata.image().topic(topic_name::SHARE_GROUP_STATE) else {
            let end = self.make_share_state_topic(now).ok_or(ErrorCode::CoordinatorNotAvailable)?;
            return Ok(Waits { commits: Vec::from([(METADATA_PARTITION, end)]), ..Waits::default() });
        };
        let coordinators = &self.share_state.coordinators;
        let partitions = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX).max(1);
        let index = partition_of(&key.text(), coordinators.partition_count().unwrap_or(partitions));
        if coordinators.is_offline(index) {
            return Err(ErrorCode::CoordinatorNotAvailable);
        }
        Ok(Waits { growth: Vec::from([PartitionId { topic_id: topic.id, index }]), ..Waits::default() })
    }

    /// Makes the topic, or waits for the change of the metadata that is on its way; says where that ends in the metadata
    /// log. `None` where it can't be made.
    fn make_share_state_topic(&mut self, now: Now) -> Option<Offset> {
        if let Some(end) = self.change_end() {
            return Some(end);
        }
        let view = View { image: self.metadata.image(), config: &self.config, listener: 0 };
        let records = find_coordinator::plan(topic_name::SHARE_GROUP_STATE, view, &mut self.rng);
        if records.is_empty() {
            return None;
        }
        self.append_metadata(now, &records)
    }

    fn arm_share_state_timers(&mut self, now: Now, index: i32) {
        let settings = self.share_state.settings;
        if self.share_state.coordinators.serving(index).is_none_or(Coordinator::is_empty) {
            return;
        }
        for (timer, interval_ms) in
            [(Timer::Cold(index), settings.cold_interval_ms), (Timer::Prune(index), settings.prune_interval_ms)]
        {
            if self.share_state.timers.at(&timer).is_none() {
                self.share_state.timers.arm(timer, now.monotonic.plus_ms(interval_ms));
            }
        }
    }

    /// Does what is due.
    pub(super) fn tick_share_state(&mut self, now: Now) {
        if self.phase != Phase::Serving {
            return;
        }
        while let Some(timer) = self.share_state.timers.take_due(now.monotonic) {
            match timer {
                Timer::Cold(index) => self.snapshot_cold(now, index),
                Timer::Prune(index) => self.prune_share_state(index),
            }
            self.arm_share_state_timers(now, timer.partition());
        }
    }

    fn snapshot_cold(&mut self, now: Now, index: i32) {
        let Some(coordinator) = self.share_state.coordinators.serving(index) else { return };
        let records = coordinator.cold_snapshots(now.wall, self.share_state.settings.cold_interval_ms);
        self.write_share_state(now, index, records);
    }

    /// Appends records of a coordinator's own accord, in as many batches as it takes.
    pub(super) fn write_share_state(&mut self, now: Now, index: i32, records: Vec<CoordinatorRecord>) {
        let Some(log) = self.share_state.coordinators.partition(index) else { return };
        let max_bytes = self.own_batch_max_bytes(log) / 2;
        let compression = self.share_state.settings.compression;
        for (records, batch) in share_state::batches(records, max_bytes, compression, now.wall) {
            match self.append_own_batch(now, log, &batch) {
                Ok((base, _)) => self.replay_share_state(now, index, base, &records),
                Err(error) => {
                    let topic = topic_name::SHARE_GROUP_STATE;
                    let text = alloc::format!("state of share groups was not written to {topic}-{index}: {error}");
                    self.outbox.report(Level::Warn, text);
                }
            }
        }
    }

    /// Lets go of what no share partition of a coordinator needs any more, as far as what took its place is committed.
    fn prune_share_state(&mut self, index: i32) {
        let Some(coordinator) = self.share_state.coordinators.serving(index) else { return };
        let redundant_before = coordinator.redundant_before();
        let Some(id) = self.share_state.coordinators.partition(index) else { return };
        let Some(log) = self.logs.get_mut(&id) else { return };
        let is_committed = log.high_watermark() == log.log_end();
        if is_committed && redundant_before > log.log_start() {
            // What can't go now goes the next time.
            let _ = log.delete_records(redundant_before, &mut self.outbox);
            self.touch(id);
        }
    }

    /// Nobody will read on in a topic that is gone.
    pub(super) fn forget_topic_share_state(&mut self, now: Now, topic_id: Uuid) {
        let of_topic = |(index, coordinator): (i32, &Coordinator)| (index, coordinator.topic_deletion(topic_id));
        let deletions: Vec<_> = self.share_state.coordinators.all_serving().map(of_topic).collect();
        for (index, records) in deletions {
            self.write_share_state(now, index, records);
        }
    }
}

impl Partitions for Broker {
    fn has(&self, topic_id: Uuid, partition: i32) -> bool {
        self.metadata.image().partition(PartitionId { topic_id, index: partition }).is_some()
    }

    fn has_room(&self) -> bool {
        self.share_state.has_room()
    }
}

pub(super) fn wake(broker: &mut Broker, now: Now, mut parked: ParkedShareState, wake: Wake) {
    match wake {
        Wake::Committed(_) | Wake::Grown(_) => {}
        Wake::Lost(lost) => parked.fail_made(|log| log == lost, ErrorCode::NotCoordinator),
        Wake::Deadline => {
            let is_impatient = parked.patience.is_none_or(|until| until <= now.monotonic);
            if is_impatient {
                parked.fail_open(ErrorCode::CoordinatorNotAvailable);
            }
            if parked.timeout <= now.monotonic {
                parked.fail_made(|_| true, ErrorCode::CoordinatorNotAvailable);
            }
        }
    }
    proceed(broker, now, parked);
}

/// Makes calls whose coordinator is there, and answers when all are committed, else parks.
fn proceed(broker: &mut Broker, now: Now, mut parked: ParkedShareState) {
    let mut waits = Waits::default();
    let mut is_any_open = false;
    for call in &mut parked.calls {
        if let Call::Open(key, what) = call {
            match broker.share_coordinator_of(key) {
                Ok(index) => {
                    parked.timeout = now.monotonic.plus_ms(broker.share_state.settings.write_timeout_ms);
                    let made = broker.make_call(now, index, key, what);
                    *call = Call::made(key.clone(), made);
                }
                Err(error) => {
                    let awaited = match parked.patience {
                        Some(_) => broker.await_share_coordinator(now, key),
                        None => Err(error),
                    };
                    match awaited {
                        Ok(for_coordinator) => {
                            is_any_open = true;
                            waits.commits.extend(for_coordinator.commits);
                            waits.growth.extend(for_coordinator.growth);
                        }
                        Err(error) => *call = Call::failed(key.clone(), error),
                    }
                }
            }
        }
        call.settle(broker);
        if let Call::Made { log, end, .. } = call {
            waits.commits.push((*log, *end));
        }
    }
    if waits.commits.is_empty() && waits.growth.is_empty() {
        let results = parked.calls.into_iter().map(Call::into_result).collect();
        return broker.share_state_answered(now, parked.asker, results);
    }
    waits.deadline = Some(match parked.patience {
        Some(until) if is_any_open => until,
        _ => parked.timeout,
    });
    broker.parking.park(None, Work::ShareState(parked), waits);
}

impl Call {
    fn made(key: StateKey, made: Result<(StateAnswer, PartitionId, Offset), ApiError>) -> Self {
        match made {
            Ok((answer, log, end)) => Self::Made { result: StateResult { key, outcome: Ok(answer) }, log, end },
            Err(error) => Self::Done(StateResult { key, outcome: Err(error) }),
        }
    }

    fn failed(key: StateKey, error: ErrorCode) -> Self {
        Self::Done(StateResult { key, outcome: Err(ApiError::bare(error)) })
    }

    /// Where it is committed, or its log is gone, it is done.
    fn settle(&mut self, broker: &Broker) {
        let Self::Made { result, log, end } = self else { return };
        match broker.logs.get(log) {
            Some(log) if log.high_watermark() < *end => {}
            Some(_) => *self = Self::Done(result.clone()),
            None => *self = Self::failed(result.key.clone(), ErrorCode::NotCoordinator),
        }
    }

    fn into_result(self) -> StateResult {
        match self {
            Self::Open(key, _) => StateResult { key, outcome: Err(ApiError::bare(ErrorCode::CoordinatorNotAvailable)) },
            Self::Made { result, .. } | Self::Done(result) => result,
        }
    }
}

impl ParkedShareState {
    fn fail_open(&mut self, error: ErrorCode) {
        for call in &mut self.calls {
            if let Call::Open(key, _) = call {
                *call = Call::failed(key.clone(), error);
            }
        }
    }

    fn fail_made(&mut self, is_of: impl Fn(PartitionId) -> bool, error: ErrorCode) {
        for call in &mut self.calls {
            if let Call::Made { result, log, .. } = call
                && is_of(*log)
            {
                *call = Call::failed(result.key.clone(), error);
            }
        }
    }
}
