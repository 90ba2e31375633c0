//! Groups and their logs: coordinators are loaded, their records appended, and what follows from a commit or a time is done.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;

use super::{Broker, Phase};
use crate::api::{Caller, join_group, sync_group, topic_name};
use crate::boundary::Level;
use crate::error_code::ErrorCode;
use crate::groups::{self, Coordinator, Effects, GroupAnswer, GroupId, Loading, State, Timer, Write};
use crate::log::{Found, LogState, LookupError, LookupId};
use crate::records::ProducedBatch;
use crate::time::{Now, WallClock};
use crate::types::{LeaderEpoch, Offset, PartitionId, TopicName};
use crate::wire::CoordinatorRecord;

/// Partitions that are read at a time.
const LOADS_AT_ONCE: usize = 2;

impl Broker {
    /// The partition in which a group lives, where its coordinator answers.
    pub(crate) fn coordinator_of(&self, group: &str) -> Result<i32, ErrorCode> {
        if self.is_stopping() {
            return Err(ErrorCode::CoordinatorNotAvailable);
        }
        self.groups.find(group)
    }

    /// Loads the coordinators of all partitions that are open: the broker begins to serve.
    pub(super) fn load_groups(&mut self, now: Now) {
        let Some(topic) = self.metadata.image().topic(topic_name::CONSUMER_OFFSETS) else { return };
        let (topic_id, indexes) = (topic.id, topic.partitions.keys().copied().collect::<Vec<_>>());
        for index in indexes {
            self.load_group_log(now, PartitionId { topic_id, index });
        }
    }

    /// A log is open: if it holds groups, they are loaded.
    pub(super) fn load_group_log(&mut self, now: Now, id: PartitionId) {
        if self.phase != Phase::Serving || !self.is_group_log(id) {
            return;
        }
        let Some(log) = self.logs.get(&id) else { return };
        if log.state() != LogState::Serving {
            if log.state() == LogState::Offline {
                self.groups.set(id.index, State::Offline);
            }
            return;
        }
        let loading = Loading { coordinator: Coordinator::default(), next: log.log_start(), reading: None };
        self.groups.set(id.index, State::Loading(loading));
        self.groups.unloaded.push_back(id.index);
        self.load_more(now);
    }

    fn is_group_log(&mut self, id: PartitionId) -> bool {
        if self.groups.topic.is_none()
            && let Some(topic) = self.metadata.image().topic(topic_name::CONSUMER_OFFSETS)
        {
            let partitions = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
            self.groups.topic = Some((topic.id, partitions));
        }
        self.groups.index_of(id).is_some()
    }

    fn load_more(&mut self, now: Now) {
        while self.groups.reads() < LOADS_AT_ONCE
            && let Some(index) = self.groups.unloaded.pop_front()
        {
            self.load_on(now, index);
        }
    }

    /// Reads on in a partition's log; at its end the coordinator serves.
    fn load_on(&mut self, now: Now, index: i32) {
        let Some(id) = self.groups.partition(index) else { return };
        let buffer_size_bytes = self.groups.settings.load_buffer_size_bytes;
        let (Some(loading), Some(log)) = (self.groups.loading_mut(index), self.logs.get_mut(&id)) else { return };
        let next = loading.next.max(log.log_start());
        if next < log.high_watermark() {
            loading.reading = Some(log.read(next, buffer_size_bytes, &mut self.outbox));
            return self.touch(id);
        }
        let Some(State::Loading(loaded)) = self.groups.set(index, State::Offline) else { return };
        self.groups.set(index, State::Serving(loaded.coordinator));
        let settings = self.groups.settings;
        let Some(coordinator) = self.groups.serving_mut(index) else { return };
        for (group, effects) in coordinator.loaded(now, &settings) {
            self.act(now, index, &group, effects);
        }
        self.arm_retention(now, index);
    }

    /// Takes a piece of a partition that is being loaded. Whether it was one.
    pub(super) fn group_log_read(
        &mut self,
        now: Now,
        id: PartitionId,
        lookup: LookupId,
        result: &Result<Found, LookupError>,
    ) -> bool {
        let Some(index) = self.groups.index_of(id) else { return false };
        let Some(loading) = self.groups.loading_mut(index).filter(|loading| loading.reading == Some(lookup)) else {
            return false;
        };
        loading.reading = None;
        let replayed = match result {
            Ok(Found::Batches(batches)) => loading.coordinator.replay_batches(now, batches.clone()),
            Ok(other) => panic!("a log of groups is read for batches, not for {other:?}"),
            Err(error) => Err(format!("{error}")),
        };
        match replayed {
            Ok(Some(next)) => loading.next = next,
            // It would be read for ever.
            Ok(None) => self.fail_load(now, index, "it has no batch where it goes on, before its end"),
            Err(why) => self.fail_load(now, index, &why),
        }
        self.load_on(now, index);
        self.load_more(now);
        true
    }

    fn fail_load(&mut self, now: Now, index: i32, why: &str) {
        let topic = topic_name::CONSUMER_OFFSETS;
        let advice = "its groups have no coordinator. Restore its directory from a copy and start the broker anew";
        self.outbox.report(Level::Error, format!("{topic}-{index} can't be read, {advice}: {why}"));
        self.give_up_groups(now, index, Some(State::Offline));
    }

    /// A log can't be used any more, or is gone: so are its groups, until somebody loads them.
    pub(super) fn group_log_lost(&mut self, now: Now, id: PartitionId) {
        let Some(index) = self.groups.index_of(id) else { return };
        let is_offline = self.logs.get(&id).is_some_and(|log| log.state() == LogState::Offline);
        self.give_up_groups(now, index, is_offline.then_some(State::Offline));
        if !self.metadata.image().topics.contains_key(&id.topic_id) && self.groups.states().next().is_none() {
            self.groups.topic = None;
        }
        self.load_more(now);
    }

    /// Who waits for a group is told to look for another coordinator: the broker stops.
    pub(super) fn give_up_all_groups(&mut self, now: Now) {
        let indexes: Vec<_> = self.groups.states().map(|(index, _)| index).collect();
        for index in indexes {
            self.give_up_groups(now, index, None);
        }
    }

    fn give_up_groups(&mut self, now: Now, index: i32, then: Option<State>) {
        let settings = self.groups.settings;
        if let Some(State::Serving(mut coordinator)) = self.groups.remove(index) {
            for (_, effects) in coordinator.give_up(now, &settings) {
                for (caller, answer) in effects.answers {
                    self.answer_member(caller, answer);
                }
            }
        }
        if let Some(state) = then {
            self.groups.set(index, state);
        }
    }

    /// Does what follows from an event in a group.
    pub(crate) fn act(&mut self, now: Now, index: i32, group: &GroupId, effects: Effects) {
        for (kind, at) in effects.timers {
            let timer = Timer::Group { partition: index, group: Arc::clone(group), kind };
            match at {
                Some(at) => self.groups.timers.arm(timer, at),
                None => self.groups.timers.cancel(&timer),
            }
        }
        for (caller, answer) in effects.answers {
            self.answer_member(caller, answer);
        }
        for write in effects.writes {
            self.write_group(now, index, group, write);
        }
    }

    fn answer_member(&mut self, caller: Caller, answer: GroupAnswer) {
        match answer {
            GroupAnswer::Join(response) => join_group::answer(self, caller, response),
            GroupAnswer::Sync(response) => sync_group::answer(self, caller, &response),
        }
    }

    fn write_group(&mut self, now: Now, index: i32, group: &GroupId, write: Write) {
        let settings = self.groups.settings;
        let batch = groups::batch(&write.records, settings.compression, now.wall);
        let appended = self.append_group_batch(now, index, &batch);
        let Some(coordinator) = self.groups.serving_mut(index) else { return };
        match appended {
            Ok((_, end)) => {
                coordinator.appended(end, group, write.then);
                let expiry = coordinator.groups.get(group).and_then(|known| known.expiry_from(now.wall, &settings));
                if let Some(expiry) = expiry {
                    self.arm_retention_at(now, index, expiry);
                }
            }
            Err(error) => {
                let effects = coordinator.not_appended(now, &settings, group, &write.then, error);
                self.act(now, index, group, effects);
            }
        }
    }

    /// Appends records that change memory as replaying them does, as one batch.
    ///
    /// # Errors
    /// Where the log does not take them: nothing has changed then.
    pub(crate) fn commit_offsets(
        &mut self,
        now: Now,
        index: i32,
        records: &[CoordinatorRecord],
    ) -> Result<(), ErrorCode> {
        let batch = groups::batch(records, self.groups.settings.compression, now.wall);
        let (base, _) = self.append_group_batch(now, index, &batch)?;
        self.replay(now, index, base, records);
        Ok(())
    }

    /// Appends records that forget something, in as many batches as it takes.
    ///
    /// # Errors
    /// Where the log does not take them: some may be forgotten.
    pub(crate) fn forget_offsets(
        &mut self,
        now: Now,
        index: i32,
        records: &[CoordinatorRecord],
    ) -> Result<(), ErrorCode> {
        let max_bytes = self.groups.partition(index).map_or(0, |id| self.batch_max_bytes(id));
        let mut rest = records;
        for (count, batch) in groups::batches(records, max_bytes / 2, self.groups.settings.compression, now.wall) {
            let (base, _) = self.append_group_batch(now, index, &batch)?;
            let (of_batch, left) = rest.split_at(count);
            rest = left;
            self.replay(now, index, base, of_batch);
        }
        Ok(())
    }

    fn replay(&mut self, now: Now, index: i32, base: Offset, records: &[CoordinatorRecord]) {
        let Some(coordinator) = self.groups.serving_mut(index) else { return };
        for (offset, record) in (base.0..).zip(records) {
            coordinator.replay(now, record, Offset(offset), None);
        }
    }

    /// Appends a batch to a partition of groups; says where it begins and ends.
    fn append_group_batch(&mut self, now: Now, index: i32, batch: &Bytes) -> Result<(Offset, Offset), ErrorCode> {
        let id = self.groups.partition(index).ok_or(ErrorCode::NotCoordinator)?;
        if batch.len() > self.batch_max_bytes(id) {
            return Err(ErrorCode::UnknownServerError);
        }
        let epoch = self.metadata.image().partition(id).map_or(LeaderEpoch(0), |partition| partition.leader_epoch);
        let log = self.logs.get_mut(&id).ok_or(ErrorCode::NotCoordinator)?;
        let appended = log.append(now, epoch, ProducedBatch::of_our_own(batch), &mut self.outbox);
        let appended = appended.map_err(|error| match error.error_code() {
            ErrorCode::RecordListTooLarge => ErrorCode::UnknownServerError,
            _ => ErrorCode::NotCoordinator,
        })?;
        self.touch(id);
        Ok((appended.base_offset, appended.last_offset.next()))
    }

    fn batch_max_bytes(&self, id: PartitionId) -> usize {
        let config = self.topic_configs.get(&id.topic_id);
        config.map_or(0, |config| usize::try_from(config.max_message_bytes).unwrap_or(usize::MAX))
    }

    /// More of a partition is committed.
    pub(super) fn group_log_committed(&mut self, now: Now, id: PartitionId, high_watermark: Offset) {
        let settings = self.groups.settings;
        let Some(index) = self.groups.index_of(id) else { return };
        while let Some((group, effects)) = self
            .groups
            .serving_mut(index)
            .and_then(|coordinator| coordinator.next_committed(now, &settings, high_watermark))
        {
            self.act(now, index, &group, effects);
        }
    }

    /// Does what is due.
    pub(super) fn tick_groups(&mut self, now: Now) {
        if self.phase != Phase::Serving {
            return;
        }
        let settings = self.groups.settings;
        while let Some(timer) = self.groups.timers.take_due(now.monotonic) {
            match timer {
                Timer::Group { partition, group, kind } => {
                    let Some(coordinator) = self.groups.serving_mut(partition) else { continue };
                    let effects = coordinator.timeout(now, &settings, &group, &kind);
                    self.act(now, partition, &group, effects);
                }
                Timer::Retention(index) => self.expire_offsets(now, index),
            }
        }
    }

    fn expire_offsets(&mut self, now: Now, index: i32) {
        let retention_ms = self.groups.settings.retention_ms;
        let Some(coordinator) = self.groups.serving(index) else { return };
        let records = coordinator.expired(now.wall, retention_ms);
        // What is not forgotten now is so at the next time.
        let _ = self.forget_offsets(now, index, &records);
        self.arm_retention(now, index);
    }

    fn arm_retention(&mut self, now: Now, index: i32) {
        let retention_ms = self.groups.settings.retention_ms;
        let expiry = self.groups.serving(index).and_then(|coordinator| coordinator.next_expiry(retention_ms));
        if let Some(expiry) = expiry {
            self.arm_retention_at(now, index, expiry);
        }
    }

    /// Something of the partition may be too old at that time: it is looked at then, but not too often.
    pub(crate) fn arm_retention_at(&mut self, now: Now, index: i32, expiry: WallClock) {
        let interval_ms = self.groups.settings.retention_check_interval_ms;
        let at = now.monotonic.plus_ms(expiry.0.saturating_sub(now.wall.0).max(interval_ms));
        let timer = Timer::Retention(index);
        if self.groups.timers.at(&timer).is_none_or(|armed| at < armed) {
            self.groups.timers.arm(timer, at);
        }
    }

    /// Nobody will read on in a topic that is gone.
    pub(super) fn forget_topic_offsets(&mut self, now: Now, topic: &TopicName) {
        let of_topic = |(index, coordinator): (i32, &Coordinator)| (index, coordinator.topic_deletion(topic));
        let deletions: Vec<_> = self.groups.all_serving().map(of_topic).collect();
        for (index, records) in deletions {
            // Where the log takes nothing any more, nobody commits either.
            let _ = self.forget_offsets(now, index, &records);
        }
    }

    /// A client's address, as Java writes it.
    pub(crate) fn client_host(&self, caller: Caller) -> String {
        use core::net::IpAddr;
        match self.connections.peer(caller.slot.conn).map(|(peer, _)| peer.ip()) {
            Some(IpAddr::V4(address)) => format!("/{address}"),
            Some(IpAddr::V6(address)) => {
                let segments: Vec<_> = address.segments().iter().map(|segment| format!("{segment:x}")).collect();
                format!("/{}", segments.join(":"))
            }
            None => String::new(),
        }
    }
}
