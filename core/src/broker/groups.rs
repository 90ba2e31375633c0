//! Groups and their logs: their records are appended, and what follows from a commit or a time is done.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;

use super::coordinators::Kind;
use super::{Broker, Phase};
use crate::api::{Caller, join_group, sync_group};
use crate::coordinators::{Coordinators, Replay as _};
use crate::error_code::ErrorCode;
use crate::groups::{self, Coordinator, Effects, Group, GroupAnswer, GroupId, Timer, Write};
use crate::planted::Bug;
use crate::time::{Now, WallClock};
use crate::transactions::Producer;
use crate::types::{Offset, PartitionId, TopicName};
use crate::wire::CoordinatorRecord;

impl Kind for Coordinator {
    const OF: &'static str = "groups";

    fn all(broker: &mut Broker) -> &mut Coordinators<Self> {
        &mut broker.groups.coordinators
    }

    fn load_buffer_size_bytes(broker: &Broker) -> u32 {
        broker.groups.settings.load_buffer_size_bytes
    }

    fn loaded(broker: &mut Broker, now: Now, index: i32) {
        let settings = broker.groups.settings;
        let Some(coordinator) = broker.groups.serving_mut(index) else { return };
        for (group, effects) in coordinator.loaded(now, &settings) {
            broker.act(now, index, &group, effects);
        }
        broker.load_planned(now, index);
        broker.arm_retention(now, index);
        if let Some(partition) = broker.groups.partition(index) {
            broker.pay_markers(now, partition);
        }
    }

    fn given_up(broker: &mut Broker, now: Now, index: i32, coordinator: Option<Self>) {
        let settings = broker.groups.settings;
        broker.groups.timers.cancel_all_of(index);
        let Some(mut coordinator) = coordinator else { return };
        for (_, effects) in coordinator.give_up(now, &settings) {
            for (caller, answer) in effects.answers {
                broker.answer_member(caller, answer);
            }
        }
    }
}

impl Broker {
    /// The partition in which a group lives, where its coordinator answers.
    pub(crate) fn coordinator_of(&self, group: &str) -> Result<i32, ErrorCode> {
        if self.is_stopping() {
            return Err(ErrorCode::CoordinatorNotAvailable);
        }
        self.groups.coordinators.find(group)
    }

    /// Does what follows from an event in a group.
    pub(crate) fn act(&mut self, now: Now, index: i32, group: &GroupId, effects: Effects) {
        self.outbox.marks.absorb(&effects.marks);
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

    pub(super) fn answer_member(&mut self, caller: Caller, answer: GroupAnswer) {
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
                if settings.bugs.has(Bug::AssignedBeforeCommit)
                    && let Some(id) = self.groups.partition(index)
                {
                    self.group_log_committed(now, id, end);
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
        self.replay_group(now, index, base, records);
        Ok(())
    }

    /// Appends offsets that count once a producer's transaction is committed.
    ///
    /// # Errors
    /// Where the log does not take them, or the producer is fenced: nothing has changed then.
    pub(crate) fn commit_offsets_of(
        &mut self,
        now: Now,
        index: i32,
        records: &[CoordinatorRecord],
        producer: Producer,
    ) -> Result<(), ErrorCode> {
        let of = (producer.id, producer.epoch);
        let batch = groups::transactional_batch(records, self.groups.settings.compression, now.wall, of);
        let (base, _) = self.append_group_batch(now, index, &batch)?;
        let Some(coordinator) = self.groups.serving_mut(index) else { return Ok(()) };
        for (offset, record) in (base.0..).zip(records) {
            coordinator.apply(now, record, Offset(offset), Some(producer.id));
        }
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
        let max_bytes = self.groups.partition(index).map_or(0, |id| self.own_batch_max_bytes(id));
        let mut rest = records;
        for (count, batch) in groups::batches(records, max_bytes / 2, self.groups.settings.compression, now.wall) {
            let (base, _) = self.append_group_batch(now, index, &batch)?;
            let (of_batch, left) = rest.split_at(count);
            rest = left;
            self.replay_group(now, index, base, of_batch);
            self.mark_forgotten(of_batch);
        }
        Ok(())
    }

    /// Which kinds of groups records say to be gone, for tests.
    fn mark_forgotten(&mut self, records: &[CoordinatorRecord]) {
        for record in records {
            let kind = match record {
                CoordinatorRecord::GroupMetadata(_, None) => "Classic",
                CoordinatorRecord::ConsumerGroupMetadata(_, None) => "Consumer",
                CoordinatorRecord::ShareGroupMetadata(_, None) => "Share",
                _ => continue,
            };
            self.outbox.marks.reach_transition("Group", kind, "None");
        }
    }

    pub(super) fn replay_group(&mut self, now: Now, index: i32, base: Offset, records: &[CoordinatorRecord]) {
        let Some(coordinator) = self.groups.serving_mut(index) else { return };
        for (offset, record) in (base.0..).zip(records) {
            coordinator.apply(now, record, Offset(offset), None);
        }
    }

    /// Appends a batch to a partition of groups; says where it begins and ends.
    pub(super) fn append_group_batch(
        &mut self,
        now: Now,
        index: i32,
        batch: &Bytes,
    ) -> Result<(Offset, Offset), ErrorCode> {
        let id = self.groups.partition(index).ok_or(ErrorCode::NotCoordinator)?;
        self.append_own_batch(now, id, batch)
    }

    /// More of a partition is committed.
    pub(super) fn group_log_committed(&mut self, now: Now, id: PartitionId, high_watermark: Offset) {
        let settings = self.groups.settings;
        let Some(index) = self.groups.coordinators.index_of(id) else { return };
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
                    let known = self.groups.serving(partition).and_then(|serving| serving.groups.get(&group));
                    if known.is_some_and(Group::is_planned) {
                        self.planned_timeout(now, partition, &group, &kind);
                        continue;
                    }
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
