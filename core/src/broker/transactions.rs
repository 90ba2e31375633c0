//! Transactions and their logs: changes are appended and made when they are committed, markers are written to the partitions
//! of a transaction that ends, and what follows from a time is done.

use alloc::format;
use alloc::string::ToString as _;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::coordinators::Kind;
use super::{Broker, Phase};
use crate::boundary::Level;
use crate::config::TimestampType as TopicTimestampType;
use crate::coordinators::Coordinators;
use crate::error_code::ErrorCode;
use crate::log::EndTransaction;
use crate::marks::Mark;
use crate::planted::Bug;
use crate::records::{TimestampType, TransactionResult};
use crate::time::{Now, WallClock};
use crate::transactions::{
    self, Coordinator, Ending, Next, Producer, Timer, Transaction, TransactionState, TransactionVersion,
    TransactionalId,
};
use crate::types::{LeaderEpoch, Offset, PartitionId, TopicName};

/// The end of a transaction, for a partition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marker {
    pub(crate) producer: Producer,
    pub(crate) result: TransactionResult,
    /// Leader epoch of the coordinator's partition.
    pub(crate) coordinator_epoch: i32,
    pub(crate) version: TransactionVersion,
}

impl Kind for Coordinator {
    const OF: &'static str = "transactional ids";

    fn all(broker: &mut Broker) -> &mut Coordinators<Self> {
        &mut broker.transactions.coordinators
    }

    fn load_buffer_size_bytes(broker: &Broker) -> u32 {
        broker.transactions.settings.load_buffer_size_bytes
    }

    /// Those that were decided are ended, and those that are open get the rest of their time.
    fn loaded(broker: &mut Broker, now: Now, index: i32) {
        let Some(coordinator) = broker.transactions.coordinators.serving(index) else { return };
        let all = coordinator.transactions.iter();
        let ids: Vec<_> = all.map(|(id, entry)| (Arc::clone(id), entry.current.state)).collect();
        for (id, state) in ids {
            match state {
                TransactionState::Ongoing => broker.arm_timeout(now, index, &id),
                TransactionState::PrepareCommit | TransactionState::PrepareAbort
                    if !broker.outbox.bugs().has(Bug::MarkersNotResumed) =>
                {
                    broker.write_markers(now, index, &id);
                }
                _ => {}
            }
        }
        broker.arm_expiration(now, index);
    }

    fn given_up(broker: &mut Broker, _now: Now, index: i32, _coordinator: Option<Self>) {
        broker.transactions.timers.cancel_all_of(index);
        broker.transactions.markers.forget(index);
    }
}

impl Broker {
    /// The partition in which a transactional id lives, where its coordinator answers.
    pub(crate) fn transaction_coordinator_of(&self, id: &str) -> Result<i32, ErrorCode> {
        if self.is_stopping() {
            return Err(ErrorCode::CoordinatorNotAvailable);
        }
        self.transactions.coordinators.find(id)
    }

    /// What the cluster's metadata says of transactions.
    pub(crate) fn transaction_version(&self) -> TransactionVersion {
        TransactionVersion::of(&self.metadata.image().features)
    }

    /// The longest that a transaction of this id may be open; 0 where it is not known.
    pub(crate) fn transaction_timeout_ms(&self, id: &str) -> i32 {
        let index = self.transactions.coordinators.find(id).ok();
        index.and_then(|index| self.transaction(index, id)).map_or(0, |transaction| transaction.timeout_ms)
    }

    /// Appends a change, and says where it ends: it is made when the log is committed up to there.
    pub(crate) fn write_transaction(
        &mut self,
        now: Now,
        index: i32,
        id: &TransactionalId,
        next: Next,
    ) -> Result<(PartitionId, Offset), ErrorCode> {
        self.write_transactions(now, index, Vec::from([(Arc::clone(id), next)]))
    }

    /// Appends changes of several ids together.
    fn write_transactions(
        &mut self,
        now: Now,
        index: i32,
        changes: Vec<(TransactionalId, Next)>,
    ) -> Result<(PartitionId, Offset), ErrorCode> {
        let partition = self.transactions.coordinators.partition(index).ok_or(ErrorCode::NotCoordinator)?;
        let records = changes.iter().map(|(id, next)| (&**id, next));
        let batch = transactions::batch(records, self.transaction_version(), now.wall);
        let (_, end) = self.append_own_batch(now, partition, &batch)?;
        let coordinator = self.transactions.coordinators.serving_mut(index).ok_or(ErrorCode::NotCoordinator)?;
        for (id, next) in changes {
            coordinator.appended(&id, next, end);
        }
        Ok((partition, end))
    }

    /// More of a partition is committed: it may hold changes, or markers.
    pub(super) fn transactions_committed(&mut self, now: Now, partition: PartitionId, high_watermark: Offset) {
        for ending in self.transactions.markers.committed(partition, high_watermark) {
            self.marked(now, partition.index, &ending);
        }
        let Some(index) = self.transactions.coordinators.index_of(partition) else { return };
        while let Some(coordinator) = self.transactions.coordinators.serving_mut(index)
            && let Some((id, before)) = coordinator.next_committed(high_watermark)
        {
            self.changed(now, index, &id, before);
        }
    }

    /// A change of a transactional id is made.
    fn changed(&mut self, now: Now, index: i32, id: &TransactionalId, before: TransactionState) {
        let Some(state) = self.transaction(index, id).map(|transaction| transaction.state) else {
            return self.outbox.marks.reach_transition("Transaction", before.name(), "Dead");
        };
        self.outbox.marks.reach_transition("Transaction", before.name(), state.name());
        match state {
            TransactionState::Ongoing if before != TransactionState::Ongoing => self.arm_timeout(now, index, id),
            TransactionState::PrepareCommit | TransactionState::PrepareAbort => {
                let timer = Timer::Timeout { partition: index, id: Arc::clone(id) };
                self.transactions.timers.cancel(&timer);
                self.write_markers(now, index, id);
            }
            state if state.may_expire() => {
                let expiration_ms = self.transactions.settings.id_expiration_ms;
                self.arm_expiration_at(now, index, WallClock(now.wall.0.saturating_add(expiration_ms)));
            }
            _ => {}
        }
    }

    fn transaction(&self, index: i32, id: &str) -> Option<&Transaction> {
        let coordinator = self.transactions.coordinators.serving(index)?;
        coordinator.transactions.get(id).map(|entry| &entry.current)
    }

    /// It is decided how a transaction ends: all its partitions are told.
    fn write_markers(&mut self, now: Now, index: i32, id: &TransactionalId) {
        let Some(coordinator) = self.transactions.coordinators.serving_mut(index) else { return };
        coordinator.begin_markers(id);
        let Some(transaction) = self.transaction(index, id) else { return };
        let partitions = transaction.partitions.iter();
        let places = partitions.flat_map(|(topic, indexes)| indexes.iter().map(|at| (Arc::clone(topic), *at)));
        let places: Vec<(TopicName, i32)> = places.collect();
        if places.is_empty() {
            return self.complete(now, index, id);
        }
        for (topic, at) in places {
            let ending = Ending { coordinator: index, id: Arc::clone(id), topic };
            let known = self.metadata.image().topic(&ending.topic);
            let known = known.filter(|topic| topic.partitions.contains_key(&at)).map(|topic| topic.id);
            match known {
                Some(topic_id) => self.write_marker(now, PartitionId { topic_id, index: at }, ending),
                // It was deleted meanwhile.
                None => self.marked(now, at, &ending),
            }
        }
    }

    /// Tells one partition of a transaction's end, now or when it can be told.
    fn write_marker(&mut self, now: Now, partition: PartitionId, ending: Ending) {
        let Some(transaction) = self.transaction(ending.coordinator, &ending.id) else { return };
        let Some(result) = transaction.state.prepared() else { return };
        let (producer, version) = (transaction.producer, transaction.version);
        let state_partition = self.transactions.coordinators.partition(ending.coordinator);
        let coordinator_epoch = state_partition.map_or(0, |id| self.leader_epoch(id).0);
        match self.append_marker(now, partition, Marker { producer, result, coordinator_epoch, version }) {
            Ok(end) => self.transactions.markers.appended(partition, end, ending),
            Err(error @ (ErrorCode::InvalidProducerEpoch | ErrorCode::TransactionCoordinatorFenced)) => {
                let (topic, id, index) = (&ending.topic, &ending.id, partition.index);
                let text = format!("{topic}-{index} knows a later transaction of {id} than the one that ends: {error}");
                self.outbox.report(Level::Warn, text);
                self.marked(now, partition.index, &ending);
            }
            Err(_) => {
                self.outbox.reach(Mark::MarkerOwed);
                self.transactions.markers.owe(partition, ending);
            }
        }
    }

    /// Appends a marker to a partition, and says where it ends. Offsets in a partition of groups count from then on, or
    /// never will.
    ///
    /// # Errors
    /// Where the partition does not take it, now or ever.
    pub(crate) fn append_marker(
        &mut self,
        now: Now,
        partition: PartitionId,
        marker: Marker,
    ) -> Result<Offset, ErrorCode> {
        let groups = self.groups.coordinators.index_of(partition);
        if groups.is_some_and(|index| self.groups.serving(index).is_none()) {
            return Err(ErrorCode::NotLeaderOrFollower);
        }
        let epoch = self.leader_epoch(partition);
        let timestamp_type = self.topic_configs.get(&partition.topic_id).map(|config| config.message_timestamp_type);
        let end = EndTransaction {
            producer_id: marker.producer.id,
            producer_epoch: marker.producer.epoch,
            result: marker.result,
            coordinator_epoch: marker.coordinator_epoch,
            raises_epoch: marker.version.raises_epoch(),
            timestamp_type: match timestamp_type {
                Some(TopicTimestampType::LogAppendTime) => TimestampType::LogAppendTime,
                Some(TopicTimestampType::CreateTime) | None => TimestampType::CreateTime,
            },
        };
        let log = self.logs.get_mut(&partition).ok_or(ErrorCode::NotLeaderOrFollower)?;
        let appended = log.append_end(now, epoch, &end, &mut self.outbox).map_err(|error| error.error_code())?;
        self.touch(partition);
        if let Some(coordinator) = groups.and_then(|index| self.groups.serving_mut(index)) {
            coordinator.end_transaction(now, marker.producer.id, marker.result);
            let retention_ms = self.groups.settings.retention_ms;
            self.arm_retention_at(now, partition.index, WallClock(now.wall.0.saturating_add(retention_ms)));
        }
        Ok(appended.last_offset.next())
    }

    pub(super) fn leader_epoch(&self, partition: PartitionId) -> LeaderEpoch {
        self.metadata.image().partition(partition).map_or(LeaderEpoch(0), |partition| partition.leader_epoch)
    }

    /// A partition has its marker, or will never need one.
    fn marked(&mut self, now: Now, index: i32, ending: &Ending) {
        let Some(coordinator) = self.transactions.coordinators.serving_mut(ending.coordinator) else { return };
        if let Some(next) = coordinator.marked(now, &ending.id, &ending.topic, index) {
            self.write_completion(now, ending.coordinator, &ending.id, next);
        }
    }

    fn complete(&mut self, now: Now, index: i32, id: &TransactionalId) {
        let Some(coordinator) = self.transactions.coordinators.serving(index) else { return };
        if let Some(next) = coordinator.completion(now, id) {
            self.write_completion(now, index, id, next);
        }
    }

    fn write_completion(&mut self, now: Now, index: i32, id: &TransactionalId, next: Next) {
        // A log that does not take it has lost its coordinator: the next one writes the markers anew.
        let _ = self.write_transaction(now, index, id, next);
    }

    /// A partition can be written to, or is gone: transactions that waited for it go on.
    pub(super) fn pay_markers(&mut self, now: Now, partition: PartitionId) {
        let is_there = self.metadata.image().partition(partition).is_some();
        for ending in self.transactions.markers.take_owed(partition) {
            if is_there {
                self.write_marker(now, partition, ending);
            } else {
                self.marked(now, partition.index, &ending);
            }
        }
    }

    /// A partition can't be written to any more. If it is gone for good, no transaction waits for it.
    pub(super) fn markers_lost(&mut self, now: Now, partition: PartitionId) {
        self.transactions.markers.lost(partition);
        if self.metadata.image().partition(partition).is_none() {
            self.pay_markers(now, partition);
        }
    }

    /// Does what is due.
    pub(super) fn tick_transactions(&mut self, now: Now) {
        if self.phase != Phase::Serving {
            return;
        }
        while let Some(timer) = self.transactions.timers.take_due(now.monotonic) {
            match timer {
                Timer::Timeout { partition, id } => self.time_out(now, partition, &id),
                Timer::Expiration(index) => self.expire_ids(now, index),
            }
        }
    }

    fn time_out(&mut self, now: Now, index: i32, id: &TransactionalId) {
        let level = self.transaction_version();
        let Some(coordinator) = self.transactions.coordinators.serving(index) else { return };
        let outcome = match coordinator.time_out(now, id, level) {
            Ok(None) => return,
            Ok(Some(next)) => self.write_transaction(now, index, id, next).map(drop),
            Err(busy) => Err(busy),
        };
        if outcome.is_err() {
            let again = now.monotonic.plus_ms(self.transactions.settings.timeout_retry_interval_ms);
            self.transactions.timers.arm(Timer::Timeout { partition: index, id: Arc::clone(id) }, again);
        } else {
            self.outbox.reach(Mark::TransactionTimedOut);
            self.outbox.report(Level::Info, format!("the transaction of {id} took too long and is aborted"));
        }
    }

    fn arm_timeout(&mut self, now: Now, index: i32, id: &TransactionalId) {
        let Some(transaction) = self.transaction(index, id) else { return };
        if transaction.is_without_timeout() {
            return;
        }
        let open_ms = now.wall.0.saturating_sub(transaction.start_ms).max(0);
        let at = now.monotonic.plus_ms(i64::from(transaction.timeout_ms).saturating_sub(open_ms).max(0));
        self.transactions.timers.arm(Timer::Timeout { partition: index, id: Arc::clone(id) }, at);
    }

    fn expire_ids(&mut self, now: Now, index: i32) {
        let expiration_ms = self.transactions.settings.id_expiration_ms;
        let Some(partition) = self.transactions.coordinators.partition(index) else { return };
        let Some(coordinator) = self.transactions.coordinators.serving(index) else { return };
        let expired = coordinator.expired(now.wall, expiration_ms);
        let max_bytes = self.own_batch_max_bytes(partition) / 2;
        let (mut changes, mut size_bytes) = (Vec::new(), 0);
        for (id, next) in expired {
            let record_size_bytes = RECORD_OVERHEAD_BYTES + id.len();
            if size_bytes + record_size_bytes > max_bytes && !changes.is_empty() {
                self.write_expired(now, index, core::mem::take(&mut changes));
                size_bytes = 0;
            }
            size_bytes += record_size_bytes;
            changes.push((id, next));
        }
        if !changes.is_empty() {
            self.write_expired(now, index, changes);
        }
        self.arm_expiration(now, index);
    }

    fn write_expired(&mut self, now: Now, index: i32, changes: Vec<(TransactionalId, Next)>) {
        // What is not forgotten now is so at the next time.
        if let Err(error) = self.write_transactions(now, index, changes) {
            let why = error.to_string();
            self.outbox.report(Level::Warn, format!("transactional ids that nobody uses were not forgotten: {why}"));
        }
    }

    fn arm_expiration(&mut self, now: Now, index: i32) {
        let expiration_ms = self.transactions.settings.id_expiration_ms;
        let coordinator = self.transactions.coordinators.serving(index);
        if let Some(expiry) = coordinator.and_then(|coordinator| coordinator.next_expiry(expiration_ms)) {
            self.arm_expiration_at(now, index, expiry);
        }
    }

    /// Ids of the partition may not have been used for too long at that time: they are looked at then, but not too often.
    fn arm_expiration_at(&mut self, now: Now, index: i32, expiry: WallClock) {
        let interval_ms = self.transactions.settings.expiration_check_interval_ms;
        let at = now.monotonic.plus_ms(expiry.0.saturating_sub(now.wall.0).max(interval_ms));
        let timer = Timer::Expiration(index);
        if self.transactions.timers.at(&timer).is_none_or(|armed| at < armed) {
            self.transactions.timers.arm(timer, at);
        }
    }
}

/// What a record that removes an id has beside it: lengths, deltas, a type, no headers.
const RECORD_OVERHEAD_BYTES: usize = 32;
