//! Coordinators and their logs: a coordinator is made from its partition when that is open, its own records are appended to
//! it, and it is given up with it. What the records mean is in `groups/`, `transactions/` and `share_state/`.

use alloc::format;
use alloc::vec::Vec;

use bytes::Bytes;

use super::{Broker, Phase};
use crate::boundary::Level;
use crate::coordinators::{Coordinators, Loading, Replay, State};
use crate::error_code::ErrorCode;
use crate::groups;
use crate::log::{Found, LogState, LookupError, LookupId};
use crate::marks::Mark;
use crate::records::ProducedBatch;
use crate::share_state;
use crate::time::Now;
use crate::transactions;
use crate::types::{LeaderEpoch, Offset, PartitionId};

/// Partitions of a topic that are read at a time.
const LOADS_AT_ONCE: usize = 2;

/// A kind of coordinator.
pub(super) trait Kind: Replay + Default {
    /// Whose coordinators they are, for people.
    const OF: &'static str;

    /// One that knows nothing yet.
    fn begin(_broker: &Broker) -> Self {
        Self::default()
    }

    /// All of this kind.
    fn all(broker: &mut Broker) -> &mut Coordinators<Self>;

    /// How much of a log is read at a time.
    fn load_buffer_size_bytes(broker: &Broker) -> u32;

    /// A coordinator has all its records, and serves from now on.
    fn loaded(broker: &mut Broker, now: Now, index: i32);

    /// A coordinator is no longer one; it comes along where it served.
    fn given_up(broker: &mut Broker, now: Now, index: i32, coordinator: Option<Self>);
}

impl Broker {
    /// Loads the coordinators of all partitions that are open: the broker begins to serve.
    pub(super) fn load_all_coordinators(&mut self, now: Now) {
        // Topics that were made while the broker was away are as new as those that are made from now on.
        self.groups.topics.created_at = self.metadata.image().end_offset;
        self.load_all::<groups::Coordinator>(now);
        self.load_all::<transactions::Coordinator>(now);
        self.load_all::<share_state::Coordinator>(now);
    }

    /// A log is open: if it holds what coordinators know, they are loaded.
    pub(super) fn load_coordinator_log(&mut self, now: Now, id: PartitionId) {
        self.load_log::<groups::Coordinator>(now, id);
        self.load_log::<transactions::Coordinator>(now, id);
        self.load_log::<share_state::Coordinator>(now, id);
    }

    /// Takes a piece of a partition that is being loaded. Whether it was one.
    pub(super) fn coordinator_log_read(
        &mut self,
        now: Now,
        id: PartitionId,
        lookup: LookupId,
        result: &Result<Found, LookupError>,
    ) -> bool {
        self.log_read::<groups::Coordinator>(now, id, lookup, result)
            || self.log_read::<transactions::Coordinator>(now, id, lookup, result)
            || self.log_read::<share_state::Coordinator>(now, id, lookup, result)
    }

    /// A log can't be used any more, or is gone: so are its coordinators, until somebody loads them.
    pub(super) fn coordinator_log_lost(&mut self, now: Now, id: PartitionId) {
        self.log_lost::<groups::Coordinator>(now, id);
        self.log_lost::<transactions::Coordinator>(now, id);
        self.log_lost::<share_state::Coordinator>(now, id);
    }

    /// Who waits for a coordinator is told to look for another one: the broker stops.
    pub(super) fn give_up_all_coordinators(&mut self, now: Now) {
        self.give_up_all::<groups::Coordinator>(now);
        self.give_up_all::<transactions::Coordinator>(now);
        self.give_up_all::<share_state::Coordinator>(now);
    }

    fn load_all<K: Kind>(&mut self, now: Now) {
        let Some(topic) = self.metadata.image().topic(K::TOPIC.name()) else { return };
        let (topic_id, indexes) = (topic.id, topic.partitions.keys().copied().collect::<Vec<_>>());
        for index in indexes {
            self.load_log::<K>(now, PartitionId { topic_id, index });
        }
    }

    fn load_log<K: Kind>(&mut self, now: Now, id: PartitionId) {
        if self.phase != Phase::Serving || !self.is_coordinator_log::<K>(id) {
            return;
        }
        let Some(log) = self.logs.get(&id) else { return };
        if log.state() != LogState::Serving {
            if log.state() == LogState::Offline {
                K::all(self).set(id.index, State::Offline);
            }
            return;
        }
        let start = log.log_start();
        let loading = Loading { coordinator: K::begin(self), next: start, reading: None, end: start };
        let all = K::all(self);
        // The last log that opens lets the broker serve, which loads all of them and does what had to wait: that is in memory
        // then, and not yet in the log.
        if all.serving(id.index).is_some() || all.loading_mut(id.index).is_some() {
            return;
        }
        all.set(id.index, State::Loading(loading));
        all.unloaded.push_back(id.index);
        self.outbox.reach(Mark::CoordinatorLoading);
        self.load_more::<K>(now);
    }

    fn is_coordinator_log<K: Kind>(&mut self, id: PartitionId) -> bool {
        let known = self.metadata.image().topic(K::TOPIC.name());
        let known = known.map(|topic| (topic.id, i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX)));
        let all = K::all(self);
        if let Some((topic_id, partitions)) = known {
            all.know(topic_id, partitions);
        }
        all.index_of(id).is_some()
    }

    fn load_more<K: Kind>(&mut self, now: Now) {
        while K::all(self).reads() < LOADS_AT_ONCE
            && let Some(index) = K::all(self).unloaded.pop_front()
        {
            self.load_on::<K>(now, index);
        }
    }

    /// Reads on in a partition's log; at its end the coordinator serves.
    fn load_on<K: Kind>(&mut self, now: Now, index: i32) {
        let Some(id) = K::all(self).partition(index) else { return };
        let buffer_size_bytes = K::load_buffer_size_bytes(self);
        let Some(next) = K::all(self).loading_mut(index).map(|loading| loading.next) else { return };
        let Some(log) = self.logs.get_mut(&id) else { return };
        let next = next.max(log.log_start());
        let end = log.high_watermark();
        if next < end {
            let reading = log.read(next, buffer_size_bytes, &mut self.outbox);
            if let Some(loading) = K::all(self).loading_mut(index) {
                (loading.reading, loading.end) = (Some(reading), end);
            }
            return self.touch(id);
        }
        let all = K::all(self);
        let Some(State::Loading(loaded)) = all.set(index, State::Offline) else { return };
        all.set(index, State::Serving(loaded.coordinator));
        self.outbox.reach(Mark::CoordinatorServing);
        K::loaded(self, now, index);
    }

    fn log_read<K: Kind>(
        &mut self,
        now: Now,
        id: PartitionId,
        lookup: LookupId,
        result: &Result<Found, LookupError>,
    ) -> bool {
        let all = K::all(self);
        let Some(index) = all.index_of(id) else { return false };
        let Some(loading) = all.loading_mut(index).filter(|loading| loading.reading == Some(lookup)) else {
            return false;
        };
        loading.reading = None;
        let replayed = match result {
            Ok(Found::Batches(batches)) => loading.coordinator.replay_batches(now, batches.clone()),
            Ok(other) => panic!("a coordinator's log is read for batches, not for {other:?}"),
            Err(error) => Err(format!("{error}")),
        };
        match replayed {
            Ok(Some(next)) => loading.next = next,
            // Compaction took the last batches: a log may end behind what it holds.
            Ok(None) => loading.next = loading.end,
            Err(why) => self.fail_load::<K>(now, index, &why),
        }
        self.load_on::<K>(now, index);
        self.load_more::<K>(now);
        true
    }

    fn fail_load<K: Kind>(&mut self, now: Now, index: i32, why: &str) {
        let (topic, of) = (K::TOPIC.name(), K::OF);
        let advice = "Restore its directory from a copy and start the broker anew";
        let text = format!("{topic}-{index} can't be read, its {of} have no coordinator. {advice}: {why}");
        self.outbox.report(Level::Error, text);
        self.outbox.reach(Mark::CoordinatorFailed);
        self.give_up::<K>(now, index, Some(State::Offline));
    }

    fn log_lost<K: Kind>(&mut self, now: Now, id: PartitionId) {
        let Some(index) = K::all(self).index_of(id) else { return };
        let is_offline = self.logs.get(&id).is_some_and(|log| log.state() == LogState::Offline);
        self.give_up::<K>(now, index, is_offline.then_some(State::Offline));
        let is_gone = !self.metadata.image().topics.contains_key(&id.topic_id);
        let all = K::all(self);
        if is_gone && all.states().next().is_none() {
            all.forget_topic();
        }
        self.load_more::<K>(now);
    }

    fn give_up_all<K: Kind>(&mut self, now: Now) {
        let indexes: Vec<_> = K::all(self).states().map(|(index, _)| index).collect();
        for index in indexes {
            self.give_up::<K>(now, index, None);
        }
    }

    fn give_up<K: Kind>(&mut self, now: Now, index: i32, then: Option<State<K>>) {
        let coordinator = match K::all(self).remove(index) {
            Some(State::Serving(coordinator)) => {
                self.outbox.reach(Mark::CoordinatorGivenUp);
                Some(coordinator)
            }
            Some(State::Loading(_) | State::Offline) | None => None,
        };
        K::given_up(self, now, index, coordinator);
        if let Some(state) = then {
            K::all(self).set(index, state);
        }
    }

    /// Appends a batch of a coordinator's own to its partition; says where it begins and ends.
    pub(super) fn append_own_batch(
        &mut self,
        now: Now,
        id: PartitionId,
        batch: &Bytes,
    ) -> Result<(Offset, Offset), ErrorCode> {
        if batch.len() > self.own_batch_max_bytes(id) {
            return Err(ErrorCode::UnknownServerError);
        }
        let epoch = self.metadata.image().partition(id).map_or(LeaderEpoch(0), |partition| partition.leader_epoch);
        let log = self.logs.get_mut(&id).ok_or(ErrorCode::NotCoordinator)?;
        let appended = log.append(now, epoch, ProducedBatch::of_our_own(batch), &mut self.outbox);
        let appended = appended.map_err(|error| match error.error_code() {
            ErrorCode::RecordListTooLarge => ErrorCode::UnknownServerError,
            code @ (ErrorCode::InvalidProducerEpoch | ErrorCode::InvalidTxnState) => code,
            code @ ErrorCode::ConcurrentTransactions => code,
            _ => ErrorCode::NotCoordinator,
        })?;
        self.touch(id);
        Ok((appended.base_offset, appended.last_offset.next()))
    }

    /// The largest batch that a coordinator's partition takes.
    pub(super) fn own_batch_max_bytes(&self, id: PartitionId) -> usize {
        let config = self.topic_configs.get(&id.topic_id);
        config.map_or(0, |config| usize::try_from(config.max_message_bytes).unwrap_or(usize::MAX))
    }
}
