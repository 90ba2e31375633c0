//! The broker's life: reads the directory, opens the logs, serves, and stops in good order.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::opening::Opening;
use super::{Broker, Phase, Work};
use super::{METADATA_PARTITION, METADATA_TOPIC};
use crate::boundary::{HaltReason, Level, Output, Path};
use crate::config::Config;
use crate::directory::names::{self, Aside};
use crate::directory::{DirectoryEvent, Found, FoundPartition, PartitionOffsets, Settled, partition_dir};
use crate::log::{self, LogEvent, LogState, LookupError, LookupId, OpenLog, PartitionLog};
use crate::metadata::{self, Endpoint, Loader, Registration};
use crate::parking::Wake;
use crate::rng::Rng;
use crate::time::Now;
use crate::types::{Offset, PartitionId, TopicName};
use crate::wire::{Str, Uuid};

/// What a start has in hand until the broker serves.
#[derive(Debug)]
pub(super) struct Start {
    found: Found,
    /// The read of the metadata log under way.
    reading: Option<LookupId>,
    /// The partitions that are still to be opened, once it is known which they are.
    pub(super) opening: Option<Opening>,
    /// Where the records of this start end in the metadata log.
    end: Option<Offset>,
    /// Topics that were removed, as far back as the metadata log goes.
    removed_topics: BTreeSet<Uuid>,
}

/// The logs that a stop has still to close.
#[derive(Debug, Default)]
pub(super) struct Closing {
    waiting: VecDeque<PartitionId>,
    in_hand: BTreeSet<PartitionId>,
    /// The start was cut short: what the checkpoints say of partitions that nobody has looked at stays.
    keeps_checkpoints: bool,
}

/// Logs that are closed at a time: each opens some files for it, and a process may have only so many.
const CLOSING_AT_ONCE: usize = 64;
/// How much of the metadata log is read at a time.
const READ_BYTES: u32 = 1 << 20;
/// Kafka's number of the only security protocol so far.
const PLAINTEXT: i16 = 0;
/// Requests in flight are given this long at a stop.
const DRAIN_MS: i64 = 1_000;

impl Broker {
    pub(super) fn directory_events(&mut self, now: Now) {
        while let Some(event) = self.directory.poll_event() {
            match event {
                DirectoryEvent::Ready(found) => self.open_metadata_log(now, *found),
                DirectoryEvent::Settled(settled) => self.settled(now, settled),
                DirectoryEvent::CheckpointsDue => self.write_checkpoints(),
                DirectoryEvent::LogStartsDue => self.write_log_starts(),
                DirectoryEvent::Written { failed_log_starts } => self.log_starts_written(now, &failed_log_starts),
                DirectoryEvent::Failed { log_dir, why } => self.log_dir_failed(now, log_dir, why),
                DirectoryEvent::Closed { is_clean } => self.halt(is_clean),
                DirectoryEvent::Unusable(why) => self.unusable(why),
            }
        }
    }

    /// A log is open: read it, if it is the metadata's, and perhaps begin to serve.
    pub(super) fn log_opened(&mut self, now: Now, partition: PartitionId) {
        self.follow_epoch(partition);
        if self.phase != Phase::Starting {
            return;
        }
        if partition == METADATA_PARTITION {
            return self.read_metadata();
        }
        self.log_settled(now, partition);
        self.serve_when_ready(now);
    }

    /// Lets a log know the leader epoch that the metadata says.
    pub(super) fn follow_epoch(&mut self, id: PartitionId) {
        let Some(epoch) = self.metadata.image().partition(id).map(|partition| partition.leader_epoch) else { return };
        if let Some(log) = self.logs.get_mut(&id).filter(|log| log.state() == LogState::Serving)
            && log.latest_epoch().is_none_or(|latest| latest < epoch)
        {
            log.begin_epoch(epoch);
        }
    }

    /// Whoever waits for a partition that this broker no longer leads is told, and its coordinators are given up.
    fn follow_leader(&mut self, now: Now, id: PartitionId) {
        if self.phase != Phase::Serving || self.leads(id) {
            return;
        }
        self.coordinator_log_lost(now, id);
        self.markers_lost(now, id);
        self.wake_all(now, self.parking.touching(id), Wake::Lost(id));
    }

    /// Takes a piece of the metadata log, and reads on.
    pub(super) fn metadata_read(&mut self, lookup: LookupId, result: Result<log::Found, LookupError>) {
        let Some(start) = self.start.as_mut().filter(|start| start.reading == Some(lookup)) else { return };
        start.reading = None;
        let applied = match result {
            Ok(log::Found::Batches(batches)) => match start.found.loader.apply_batches(&batches) {
                // It would be read for ever.
                Ok(0) => Err(String::from("it has no batch where it goes on, before its end")),
                applied => applied.map_err(|error| error.to_string()),
            },
            Ok(other) => panic!("the metadata log is read for batches, not for {other:?}"),
            Err(error) => Err(error.to_string()),
        };
        match applied {
            Ok(_) => self.read_metadata(),
            Err(why) => self.unusable(format!("the metadata log can't be read: {why}")),
        }
    }

    pub(super) fn log_offline(&mut self, now: Now, partition: PartitionId, reason: &str) {
        if partition == METADATA_PARTITION && self.phase == Phase::Starting {
            return self.unusable(format!("the metadata log can't be used: {reason}"));
        }
        if partition == METADATA_PARTITION {
            self.give_up_changes(now);
        }
        self.waiting_for_name.remove(&partition);
        self.suspect_log_dir(partition);
        if self.start.is_some() {
            self.log_settled(now, partition);
            self.serve_when_ready(now);
        }
    }

    pub(super) fn log_ended(&mut self, partition: PartitionId, event: &LogEvent) {
        if matches!(event, LogEvent::Removed) {
            // Another log may have taken over the directory's name.
            if let Some(log) = self.logs.remove(&partition)
                && self.log_of_dir.get(log.dir()) == Some(&partition)
            {
                self.log_of_dir.remove(log.dir());
            }
            self.retention.forget(partition);
            self.cleaner.forget(partition);
            self.cleaner.ended(partition);
        }
    }

    /// A partition's directory is not its own. A power loss may undo the renaming of what was being deleted, and a topic
    /// of the same name may have been made since: then what is there is kept under another name, as in Kafka, and the
    /// partition begins anew. Where nobody knows of such a topic, the file that says so may be what is wrong.
    pub(super) fn foreign_directory(&mut self, now: Now, id: PartitionId, topic_id: Uuid) {
        if id == METADATA_PARTITION {
            let why = format!("its directory belongs to topic id {topic_id}, not to {}", id.topic_id);
            return self.unusable(format!("the metadata log can't be used: {why}"));
        }
        let Some(log) = self.logs.get_mut(&id) else { return };
        let from = log.dir().clone();
        let text = format!("{from} belongs to topic id {topic_id}, the topic of this name has {}", id.topic_id);
        // What is opened later than at the start was never there before.
        let was_removed = self.start.as_ref().is_none_or(|start| start.removed_topics.contains(&topic_id));
        if was_removed {
            let to = names::aside(&from, self.rng.uuid(), Aside::Stray);
            self.outbox.report(Level::Warn, format!("{text}: it is renamed to {}, its bytes are kept", to.relative));
            self.waiting_for_name.insert(id);
            log.set_aside(now, to, &mut self.outbox);
        } else {
            let text = format!(
                "{text}, and no other was removed: the partition is offline. If the directory is right, correct its \
                partition.metadata; else take the directory away, and the partition begins anew"
            );
            self.outbox.report(Level::Error, text.clone());
            log.give_up(text, &mut self.outbox);
        }
        self.touch(id);
        if self.start.is_some() {
            self.log_settled(now, id);
            self.serve_when_ready(now);
        }
    }

    /// A directory's name is free: a new topic of an old name may have waited for it.
    pub(super) fn open_waiting(&mut self, now: Now) {
        if self.phase == Phase::Starting {
            return;
        }
        for id in core::mem::take(&mut self.waiting_for_name) {
            self.open_log(now, id, None);
        }
        self.tell_places(now);
        self.name_moves(now);
    }

    /// Does what a change of the metadata means for the logs.
    pub(super) fn follow_metadata(&mut self, now: Now) {
        let delta = self.metadata.take_delta();
        self.follow_topics(&delta);
        for partition in delta.partitions_created {
            self.open_log(now, partition, None);
        }
        self.tell_places(now);
        for partition in delta.partitions_changed {
            self.follow_epoch(partition);
            self.follow_leader(now, partition);
        }
        if let Some(block) = delta.producer_ids_taken.get(&self.node_id) {
            self.producer_ids.granted(block.clone());
        }
        for (topic_id, topic) in delta.topics_removed {
            self.topic_configs.remove(&topic_id);
            for index in topic.partitions.into_keys() {
                self.remove_log(now, PartitionId { topic_id, index });
            }
            self.forget_topic_offsets(now, &topic.name);
            self.forget_shared_topic(now, topic_id);
            self.forget_topic_share_state(now, topic_id);
        }
        self.follow_configs(&delta.configs_changed);
        if delta.are_quotas_changed {
            self.follow_quotas();
        }
        if delta.are_features_changed {
            self.tell_log_dirs(now);
            self.tell_directories(now);
        }
    }

    /// Stops taking work and lets what is in flight finish.
    pub(super) fn begin_shutdown(&mut self, now: Now) {
        match self.phase {
            Phase::Starting => {
                self.start = None;
                self.close_logs(now);
                self.closing.keeps_checkpoints = true;
            }
            Phase::Serving => {
                self.phase = Phase::Draining { until: now.monotonic.plus_ms(DRAIN_MS) };
                self.close_muted();
                self.give_up_all_coordinators(now);
                for id in self.parking.every() {
                    if matches!(self.parking.peek(id), Some(Work::Fetch(_) | Work::ShareFetch(_))) {
                        self.wake(now, id, Wake::Deadline);
                    }
                }
            }
            Phase::Draining { .. } | Phase::Closing | Phase::Halted => {}
        }
    }

    /// Goes on with a stop, as far as it can.
    pub(super) fn advance_shutdown(&mut self, now: Now) {
        if let Phase::Draining { until } = self.phase
            && (self.connections.unanswered() == 0 && !self.is_changing() || now.monotonic >= until)
        {
            self.broker_epoch = self.metadata.image().brokers.get(&self.node_id).map(|broker| broker.broker_epoch);
            // The records speak of what is in the image: after a change on its way, that may be a topic that is deleted.
            // Without them the next start takes over as after a crash.
            if !self.is_changing() {
                let records = metadata::stop_records(self.metadata.image(), self.node_id);
                // A broker that was unregistered has nothing more to say.
                if !records.is_empty() {
                    self.append_metadata(now, &records);
                }
            }
            self.close_logs(now);
        }
        if self.phase == Phase::Closing && !self.is_directory_closing && self.close_more(now) {
            self.is_directory_closing = true;
            for log in self.logs.values().filter(|log| !log.is_closed_clean()) {
                self.directory.spoil(log.dir().log_dir);
            }
            self.spoil_moves();
            if self.closing.keeps_checkpoints {
                self.directory.leave();
            } else {
                let offsets = self.partition_offsets();
                self.directory.close(self.broker_epoch, offsets, &mut self.outbox);
            }
            self.directory_events(now);
        }
    }

    fn open_metadata_log(&mut self, now: Now, found: Found) {
        let request = OpenLog {
            id: METADATA_PARTITION,
            name: TopicName::from(METADATA_TOPIC),
            log_dir: self.log_dir_name(&found.metadata_path),
            dir: found.metadata_path.clone(),
            config: self.metadata_log_config(),
            create: !found.metadata_exists,
            was_clean: found.was_clean,
            recovery_point: None,
            log_start: None,
            compacted_to: None,
        };
        self.start = Some(Start { found, reading: None, opening: None, end: None, removed_topics: BTreeSet::new() });
        self.logs.insert(METADATA_PARTITION, PartitionLog::open(request, now, &mut self.outbox));
        self.touch(METADATA_PARTITION);
    }

    /// Reads on in the metadata log; at its end the directory is settled.
    fn read_metadata(&mut self) {
        let Some(start) = &mut self.start else { return };
        let log = self.logs.get_mut(&METADATA_PARTITION).expect("it was just opened");
        let (known, end) = (start.found.loader.image().end_offset, log.log_end());
        let from = known.max(log.log_start());
        if from < log.high_watermark() {
            start.reading = Some(log.read(from, READ_BYTES, &mut self.outbox));
        } else if end < known {
            self.unusable(format!(
                "the metadata log ends at offset {end}, but its snapshot holds the records up to {known}: new ones would \
                take the places of old ones. Restore the log from a copy"
            ));
        } else {
            self.directory.settle(&start.found.loader, &mut self.rng, &mut self.outbox);
        }
    }

    /// The directory is settled: this start's own records are appended and the partitions opened.
    fn settled(&mut self, now: Now, settled: Settled) {
        let Some(start) = &mut self.start else { return };
        self.metadata = core::mem::replace(&mut start.found.loader, Loader::new(String::new()));
        // What else the log has held so far is in the partitions to be opened.
        let delta = self.metadata.take_delta();
        start.removed_topics = delta.topics_removed.into_keys().chain(delta.topics_passed).collect();
        self.metadata_epoch = settled.leader_epoch;
        let registration = registration(&self.config, &start.found, &mut self.rng);
        self.node_id = registration.node_id;
        self.directory_id = registration.directory_id;
        self.config.node_id = registration.node_id;
        self.follow_broker_configs();
        let start = self.start.as_ref().expect("it was there");
        let batches = metadata::start_batches(
            &self.metadata,
            &registration,
            settled.held(),
            &start.found.bootstrap,
            settled.leader_epoch,
            now.wall,
        );
        for batch in batches {
            match self.append_metadata_batch(now, batch) {
                Some(end) => self.start.as_mut().expect("it was there").end = Some(end),
                None => return self.unusable("the metadata log takes no records".to_string()),
            }
        }
        // The checkpoints may be older than the topic: they speak of one that had its name, and must forget it first.
        let is_stranger = |found: &FoundPartition| !found.exists && found.is_in_checkpoints();
        let is_unreachable = |found: &FoundPartition| found.unreachable.is_some();
        let (unreachable, found): (Vec<_>, Vec<_>) = settled.partitions.into_iter().partition(is_unreachable);
        for found in unreachable {
            self.take_unreachable(found);
        }
        let (strangers, found): (Vec<_>, Vec<_>) = found.into_iter().partition(is_stranger);
        self.waiting_for_name.extend(strangers.into_iter().map(|found| found.id));
        let threads = usize::try_from(self.config.count("num.recovery.threads.per.data.dir")).unwrap_or(1);
        self.moves.found(settled.futures);
        let start = self.start.as_mut().expect("it was there");
        start.opening = Some(Opening::new(found.into(), threads));
        self.open_more(now);
    }

    /// Begins to serve when this start's records are committed and no log is still being opened.
    pub(super) fn serve_when_ready(&mut self, now: Now) {
        let Some(start) = &self.start else { return };
        let Some(end) = start.end else { return };
        let committed = self.logs.get(&METADATA_PARTITION).is_some_and(|log| log.high_watermark() >= end);
        if committed && start.opening.as_ref().is_some_and(Opening::is_over) {
            self.start = None;
            self.progress_line_at = None;
            self.phase = Phase::Serving;
            self.follow_quotas();
            self.retention.begin(now, self.config.log_initial_task_delay_ms);
            if self.config.log_cleaner_enable {
                self.cleaner.begin(now.monotonic, self.config.log_cleaner_backoff_ms);
            }
            self.tell_log_dirs(now);
            self.note_log_ends();
            self.load_all_coordinators(now);
            self.open_waiting(now);
            self.resume_moves(now);
            self.release_held(now);
        }
    }

    /// Opens a partition's log: one that was found at the start, or a new one.
    pub(super) fn open_log(&mut self, now: Now, id: PartitionId, found: Option<FoundPartition>) {
        let Some(topic) = self.metadata.image().topics.get(&id.topic_id) else { return };
        let name = topic.name.clone();
        let is_new = found.is_none();
        if is_new && self.directory.remembers(&name, id.index, now) {
            self.waiting_for_name.insert(id);
            return;
        }
        let recorded = self.metadata.image().partition(id).and_then(|partition| partition.directories.first());
        let log_dir_id = recorded.copied().unwrap_or_default();
        let preferred =
            self.moves.preferred(&name, id.index).filter(|log_dir| is_new && !self.directory.has_failed(*log_dir));
        let log_dir = preferred.unwrap_or_else(|| self.directory.place_for(log_dir_id));
        let found = found.unwrap_or_else(|| FoundPartition {
            id,
            topic: name.clone(),
            path: partition_dir(log_dir, &name, id.index),
            exists: false,
            unreachable: None,
            log_dir_id,
            // Whatever lies under the name of a new partition is not to be trusted.
            was_clean: false,
            recovery_point: None,
            log_start: None,
            compacted_to: None,
        });
        if is_new && self.is_held(&found.path) {
            self.waiting_for_name.insert(id);
            return;
        }
        self.moves.placed(&name, id.index);
        let request = self.open_request(found);
        self.log_of_dir.insert(request.dir.clone(), id);
        let begin = if is_new || request.was_clean { PartitionLog::open } else { PartitionLog::survey };
        self.logs.insert(id, begin(request, now, &mut self.outbox));
        self.touch(id);
    }

    /// Whether a directory is a log's that has not given it up yet.
    fn is_held(&self, dir: &Path) -> bool {
        let holder = self.log_of_dir.get(dir).and_then(|id| self.logs.get(id));
        holder.into_iter().chain(self.other_logs.values()).any(|log| log.holds(dir)) || self.is_moved_to(dir)
    }

    pub(super) fn open_request(&mut self, found: FoundPartition) -> OpenLog {
        let topic_config = self.take_topic_config(found.id.topic_id, &found.topic);
        OpenLog {
            id: found.id,
            name: found.topic,
            log_dir: self.log_dir_name(&found.path),
            dir: found.path,
            config: self.log_config(&topic_config),
            create: !found.exists,
            was_clean: found.was_clean,
            recovery_point: found.recovery_point,
            log_start: found.log_start,
            compacted_to: found.compacted_to,
        }
    }

    /// The log directory of a path, as it was configured.
    fn log_dir_name(&self, path: &Path) -> Arc<str> {
        self.directory.name_of(path.log_dir)
    }

    fn remove_log(&mut self, now: Now, id: PartitionId) {
        let unique = self.rng.uuid();
        self.waiting_for_name.remove(&id);
        self.abandon_move(now, id);
        if let Some(log) = self.logs.get_mut(&id) {
            let to = names::aside(log.dir(), unique, Aside::Delete);
            log.remove(now, to, &mut self.outbox);
            self.touch(id);
        }
        self.coordinator_log_lost(now, id);
        self.share_log_lost(id);
        self.markers_lost(now, id);
        self.wake_all(now, self.parking.touching(id), Wake::Lost(id));
    }

    fn close_logs(&mut self, now: Now) {
        self.phase = Phase::Closing;
        self.closing = Closing {
            waiting: self.logs.keys().copied().collect(),
            in_hand: BTreeSet::new(),
            keeps_checkpoints: false,
        };
        self.close_moves(now);
        self.close_more(now);
    }

    /// Closes as many more logs as there is room for. Whether all are over.
    fn close_more(&mut self, now: Now) -> bool {
        self.closing.in_hand.retain(|id| self.logs.get(id).is_some_and(|log| !is_over(log)));
        while self.closing.in_hand.len() < CLOSING_AT_ONCE
            && let Some(id) = self.closing.waiting.pop_front()
        {
            let Some(log) = self.logs.get_mut(&id) else { continue };
            log.close(now, &mut self.outbox);
            self.touched.insert(id);
            if !is_over(log) {
                self.closing.in_hand.insert(id);
            }
        }
        self.closing.in_hand.is_empty() && self.are_moves_closed()
    }

    /// The offsets of all partitions, for the checkpoints.
    pub(super) fn partition_offsets(&self) -> Vec<PartitionOffsets> {
        let known = self.logs.iter().filter_map(|(id, log)| {
            let topic = self.metadata.image().topics.get(&id.topic_id)?.name.clone();
            let index = id.index;
            let (recovery_point, log_start) = (log.recovery_point(), log.log_start_to_write());
            Some(PartitionOffsets {
                log_dir: log.dir().log_dir,
                topic,
                index,
                recovery_point,
                log_start,
                high_watermark: log.high_watermark(),
                compacted_to: log.compacted_to(),
            })
        });
        let opening = self.start.as_ref().and_then(|start| start.opening.as_ref());
        let not_begun = opening.into_iter().flat_map(Opening::not_begun).map(|found| PartitionOffsets {
            log_dir: found.path.log_dir,
            topic: found.topic.clone(),
            index: found.id.index,
            recovery_point: found.recovery_point.unwrap_or_default(),
            log_start: found.log_start.unwrap_or_default(),
            high_watermark: found.recovery_point.unwrap_or_default(),
            compacted_to: found.compacted_to,
        });
        known.chain(self.moved_offsets()).chain(not_begun).collect()
    }

    pub(super) fn unusable(&mut self, why: String) {
        self.phase = Phase::Halted;
        self.outbox.push(Output::Halt { reason: HaltReason::Unusable(why) });
    }

    fn halt(&mut self, is_clean: bool) {
        if !is_clean {
            self.outbox.report(Level::Warn, "stopped without a clean marker: the next start checks the logs");
        }
        self.phase = Phase::Halted;
        self.outbox.push(Output::Halt { reason: HaltReason::Clean });
    }
}

fn is_over(log: &PartitionLog) -> bool {
    matches!(log.state(), LogState::Closed | LogState::Offline)
}

fn registration(config: &Config, found: &Found, rng: &mut Rng) -> Registration {
    let endpoints = config.advertised_listeners.iter().map(|listener| Endpoint {
        listener: listener.name.clone(),
        host: listener.host.clone(),
        port: listener.port,
        security_protocol: PLAINTEXT,
    });
    Registration {
        node_id: found.meta.node_id,
        incarnation_id: rng.uuid(),
        directory_id: found.meta.directory_id,
        log_dirs: found.log_dirs.clone(),
        endpoints: endpoints.collect(),
        rack: config.rack.as_deref().map(Str::from),
    }
}
