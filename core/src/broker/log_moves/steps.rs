//! A move, step by step.

use alloc::format;
use alloc::string::String;

use super::{LogMove, Offsets, Reading, Step};
use crate::boundary::{Level, Path, StorageCommand};
use crate::broker::{Broker, METADATA_PARTITION};
use crate::directory::names::{self, Aside};
use crate::directory::{FoundPartition, partition_dir};
use crate::log::{Found, LogState, LookupError, LookupId, OpenLog, PartitionLog};
use crate::metadata;
use crate::outbox::{LogId, Owner};
use crate::time::Now;
use crate::types::{Offset, PartitionId};

impl Broker {
    pub(super) fn begin_move(&mut self, now: Now, id: PartitionId, log_dir: u16) {
        let Some(topic) = self.metadata.image().topics.get(&id.topic_id).map(|topic| topic.name.clone()) else {
            return;
        };
        let Some(dir) = names::future_dir(log_dir, &topic, id.index, self.rng.uuid()) else { return };
        let it = LogMove::new(log_dir, dir, Step::Unnamed, None);
        self.moves.by_partition.insert(id, it);
        self.advance_move(now, id);
    }

    /// Opens what a start has found. It was copied from a log that may have lost its end since, or been compacted: then it is
    /// of no use.
    pub(super) fn resume_move(&mut self, now: Now, found: FoundPartition) {
        let (id, log_dir, dir) = (found.id, found.path.log_dir, found.path.clone());
        let Some(log) = self.logs.get(&id).filter(|log| log.state() == LogState::Serving) else {
            let text = format!("{dir} is left alone: the replica that it is copied from is offline");
            return self.outbox.report(Level::Warn, text);
        };
        let limit = Some(log.log_end());
        let request = self.open_request(found);
        let it = LogMove::new(log_dir, dir, Step::Opening, limit);
        self.moves.by_partition.insert(id, it);
        self.open_other(now, request);
    }

    fn open_other(&mut self, now: Now, request: OpenLog) {
        let log = PartitionLog::open(request, now, &mut self.outbox);
        let id = log.id();
        if let Some(it) = self.moves.by_partition.get_mut(&id.partition) {
            it.log = Some(id);
        }
        self.other_logs.insert(id, log);
        self.touched_others.insert(id);
    }

    /// Goes a step further. Says whether it can go on.
    pub(super) fn step_move(&mut self, now: Now, id: PartitionId) -> bool {
        let Some(it) = self.moves.by_partition.get(&id) else { return false };
        let (step, log) = (it.step, it.log);
        let log_state = log.and_then(|log| self.other_logs.get(&log)).map(PartitionLog::state);
        let next = match step {
            Step::Unnamed => return self.open_future(now, id),
            Step::Opening if log_state == Some(LogState::Serving) => return self.future_opened(now, id),
            Step::Waiting if self.moves.in_hand.is_none() => {
                self.moves.in_hand = Some(id);
                Some(Step::Copying(None))
            }
            Step::Copying(None) => self.copy_on(now, id),
            Step::Syncing => self.begin_hand_over(id),
            Step::HandingOver(None) => self.hand_over(now, id),
            Step::Closing if log_state == Some(LogState::Closed) => return self.future_closed(now, id),
            Step::Closed => self.tell_move(now, id),
            Step::Recording(end) if self.is_told(end) => return self.rename_moved(id),
            Step::Reopening if log_state == Some(LogState::Serving) => {
                self.take_place(now, id);
                return false;
            }
            Step::Failed => self.tell_stay(now, id),
            Step::Reverting(end) if self.is_told(end) => {
                self.stay(now, id);
                return false;
            }
            _ => None,
        };
        let Some(next) = next else { return false };
        self.moves.set_step(id, next);
        true
    }

    /// Makes the future log, unless its name reminds the checkpoints of another.
    fn open_future(&mut self, now: Now, id: PartitionId) -> bool {
        let Some(it) = self.moves.by_partition.get(&id) else { return false };
        let (log_dir, path) = (it.log_dir, it.dir.clone());
        let Some(topic) = self.metadata.image().topics.get(&id.topic_id).map(|topic| topic.name.clone()) else {
            return false;
        };
        if self.directory.remembers_in(log_dir, &topic, id.index, now) {
            return false;
        }
        let Some(current) = self.logs.get(&id) else { return false };
        let (start, end) = (current.log_start(), current.high_watermark());
        // A batch that begins before the start goes along, with what is before the start in it.
        let first = if start == end { start } else { current.segment_of(start) };
        let found = FoundPartition {
            id,
            topic,
            path,
            exists: false,
            unreachable: None,
            log_dir_id: self.directory.id_of(log_dir),
            was_clean: false,
            recovery_point: None,
            log_start: Some(first),
            compacted_to: None,
        };
        let request = self.open_request(found);
        self.moves.set_step(id, Step::Opening);
        self.open_other(now, request);
        false
    }

    fn future_opened(&mut self, now: Now, id: PartitionId) -> bool {
        let limit = self.moves.by_partition.get(&id).and_then(|it| it.limit);
        let Some(future) = self.future(id) else { return false };
        let dir = future.dir().clone();
        if limit.is_some_and(|limit| !self.goes_on(id, limit)) {
            self.outbox.report(Level::Info, format!("{dir} is of no use, and its replica is copied anew"));
            self.begin_anew(now, id);
            return false;
        }
        self.moves.set_step(id, Step::Waiting);
        true
    }

    /// Whether what a start has found is the beginning of the current log, which ended at `limit` then.
    fn goes_on(&self, id: PartitionId, limit: Offset) -> bool {
        let (Some(current), Some(future)) = (self.logs.get(&id), self.future(id)) else { return false };
        // Nothing was copied yet, and it may not begin where it should.
        if future.size_bytes() == 0 {
            return false;
        }
        // A copy may have been left for long: what is deleted for good by compaction since would be back.
        let is_compacted = self.topic_configs.get(&id.topic_id).is_some_and(|config| config.cleanup_policy.compact);
        if is_compacted || current.compacted_to().is_some() {
            return false;
        }
        // After a crash that took the end of the current log others may have taken its place, in a later epoch.
        let end = future.log_end();
        let is_there =
            |epoch| current.end_offset_for_epoch(epoch).is_some_and(|found| found.0 == epoch && end <= found.1);
        end <= limit && future.latest_epoch().is_some_and(is_there)
    }

    /// Reads the next piece; with none left the future log is synced.
    fn copy_on(&mut self, now: Now, id: PartitionId) -> Option<Step> {
        let future = self.future(id)?;
        let (end, is_written) = (future.log_end(), future.is_written());
        if !is_written {
            return None;
        }
        self.follow_start(id);
        let current = self.logs.get(&id)?;
        if end >= current.high_watermark() {
            if !current.is_start_settled() || self.future(id)?.log_start() < current.log_start() {
                return None;
            }
            let (log, outbox) = self.future_mut(id)?;
            log.sync_all(outbox);
            let log = log.id();
            self.touched_others.insert(log);
            return Some(Step::Syncing);
        }
        if self.next_piece() > now.monotonic {
            return None;
        }
        let reading = self.read_piece(id, end)?;
        self.moves.set_step(id, Step::Copying(Some(reading)));
        None
    }

    /// Whether the next piece can be read as soon as its time has come.
    pub(super) fn has_piece(&self, id: PartitionId) -> bool {
        let (Some(current), Some(future)) = (self.logs.get(&id), self.future(id)) else { return false };
        future.is_written() && future.log_end() < current.high_watermark()
    }

    fn read_piece(&mut self, id: PartitionId, from: Offset) -> Option<Reading> {
        let size_bytes = self.piece_size_bytes();
        let current = self.logs.get_mut(&id)?;
        let until = current.high_watermark();
        let lookup = current.read(from, size_bytes, &mut self.outbox);
        self.touch(id);
        Some(Reading { lookup, until })
    }

    /// What is deleted of the current log is deleted of the future one too, once that has got so far.
    fn follow_start(&mut self, id: PartitionId) {
        let Some(start) = self.logs.get(&id).map(PartitionLog::log_start) else { return };
        let Some((log, outbox)) = self.future_mut(id) else { return };
        if log.log_start() < start && start <= log.high_watermark() && log.delete_records(start, outbox).is_ok() {
            let log = log.id();
            self.touched_others.insert(log);
        }
    }

    /// A piece is read. Says whether it was one of a move.
    pub(in crate::broker) fn move_read(
        &mut self,
        now: Now,
        id: PartitionId,
        lookup: LookupId,
        result: &Result<Found, LookupError>,
    ) -> bool {
        let (reading, next) = match self.moves.step_of(id) {
            Some(Step::Copying(Some(reading))) => (reading, Step::Copying(None)),
            Some(Step::HandingOver(Some(reading))) => (reading, Step::HandingOver(None)),
            _ => return false,
        };
        if reading.lookup != lookup {
            return false;
        }
        self.moves.set_step(id, next);
        match result {
            Ok(Found::Batches(batches)) => {
                self.moves.last_piece = (now.monotonic, batches.len());
                let Some((future, outbox)) = self.future_mut(id) else { return true };
                let copied = if batches.is_empty() {
                    skip(future, now, reading.until, outbox)
                } else {
                    future.append_copy(now, batches, outbox)
                };
                let log = future.id();
                self.touched_others.insert(log);
                if let Err(why) = copied {
                    self.outbox.report(Level::Warn, format!("{:?} is copied anew: {why}", log.partition));
                    self.begin_anew(now, id);
                }
            }
            Ok(other) => panic!("a move reads batches, not {other:?}"),
            Err(error) => {
                self.move_failed(now, id, &format!("the replica that it is copied from can't be read: {error}"))
            }
        }
        true
    }

    /// The future log is synced as far as it goes: what is to come now is little.
    fn begin_hand_over(&mut self, id: PartitionId) -> Option<Step> {
        let future = self.future(id)?;
        if future.durable() < future.log_end() || self.is_changing() {
            return None;
        }
        let current = self.logs.get_mut(&id)?;
        current.hold(&mut self.outbox);
        self.touch(id);
        Some(Step::HandingOver(None))
    }

    /// Copies the rest, and closes the future log when it has all.
    fn hand_over(&mut self, now: Now, id: PartitionId) -> Option<Step> {
        let (current, future) = (self.logs.get(&id)?, self.future(id)?);
        if !current.has_come_to_rest() || !future.is_written() {
            return None;
        }
        let end = future.log_end();
        if end < current.high_watermark() {
            let reading = self.read_piece(id, end)?;
            self.moves.set_step(id, Step::HandingOver(Some(reading)));
            return None;
        }
        let (start, future_start) = (current.log_start(), future.log_start());
        if !current.is_start_settled() || future_start < start {
            // Others wait for the disk here: meanwhile writes go on.
            self.release(id);
            self.follow_start(id);
            return Some(Step::Copying(None));
        }
        let (log, outbox) = self.future_mut(id)?;
        log.close(now, outbox);
        let log = log.id();
        self.touched_others.insert(log);
        Some(Step::Closing)
    }

    fn future_closed(&mut self, now: Now, id: PartitionId) -> bool {
        let Some(future) = self.take_future(id) else { return false };
        if !future.is_closed_clean() {
            self.move_failed(now, id, "it could not be closed in good order");
            return false;
        }
        let offsets = Offsets {
            end: future.log_end(),
            recovery_point: future.recovery_point(),
            log_start: future.log_start(),
            size_bytes: future.size_bytes(),
        };
        if let Some(it) = self.moves.by_partition.get_mut(&id) {
            (it.offsets, it.step) = (Some(offsets), Step::Closed);
        }
        true
    }

    /// Tells the metadata where the replica is from now on; not before a change on its way is made, which may be that the
    /// topic is deleted.
    fn tell_move(&mut self, now: Now, id: PartitionId) -> Option<Step> {
        let log_dir = self.moves.by_partition.get(&id)?.log_dir;
        self.tell_place(now, id, log_dir).map(Step::Recording)
    }

    /// The same of a replica that stays where it is.
    fn tell_stay(&mut self, now: Now, id: PartitionId) -> Option<Step> {
        let log_dir = self.logs.get(&id)?.dir().log_dir;
        self.tell_place(now, id, log_dir).map(Step::Reverting)
    }

    fn tell_place(&mut self, now: Now, id: PartitionId, log_dir: u16) -> Option<Offset> {
        if self.is_changing() {
            return None;
        }
        let place = core::iter::once((id, self.directory.id_of(log_dir)));
        let records = metadata::directory_records(self.metadata.image(), self.node_id, place);
        if records.is_empty() {
            return Some(Offset(0));
        }
        self.append_metadata(now, &records)
    }

    /// Whether the metadata log has committed, and so synced, what ends there.
    fn is_told(&self, end: Offset) -> bool {
        self.logs.get(&METADATA_PARTITION).is_some_and(|log| log.high_watermark() >= end)
    }

    fn rename_moved(&mut self, id: PartitionId) -> bool {
        let Some(it) = self.moves.by_partition.get(&id) else { return false };
        let Some(to) = self.named_dir(id, it.log_dir) else { return false };
        let from = it.dir.clone();
        if let Some(it) = self.moves.by_partition.get_mut(&id) {
            it.named = Some(to.clone());
        }
        self.outbox.store(Owner::Move(id), StorageCommand::Rename { from, to });
        self.moves.set_step(id, Step::Renaming);
        false
    }

    pub(super) fn sync_moved_name(&mut self, id: PartitionId) {
        let Some(it) = self.moves.by_partition.get(&id) else { return };
        self.outbox.store(Owner::Move(id), StorageCommand::SyncDir { dir: Path::new(it.log_dir, "") });
        self.moves.set_step(id, Step::SyncingName);
    }

    /// Opens the log under its name: it was closed in good order.
    pub(super) fn reopen_moved(&mut self, now: Now, id: PartitionId) {
        let Some(it) = self.moves.by_partition.get(&id) else { return };
        let (log_dir, Some(offsets)) = (it.log_dir, it.offsets) else { return };
        let Some(path) = self.named_dir(id, log_dir) else { return };
        let Some(topic) = self.metadata.image().topics.get(&id.topic_id).map(|topic| topic.name.clone()) else {
            return;
        };
        let found = FoundPartition {
            id,
            topic,
            path,
            exists: true,
            unreachable: None,
            log_dir_id: self.directory.id_of(log_dir),
            was_clean: true,
            recovery_point: Some(offsets.recovery_point),
            log_start: Some(offsets.log_start),
            compacted_to: self.logs.get(&id).and_then(PartitionLog::compacted_to),
        };
        let request = self.open_request(found);
        self.moves.set_step(id, Step::Reopening);
        self.open_other(now, request);
    }

    /// The new log takes the place of the current one.
    fn take_place(&mut self, now: Now, id: PartitionId) {
        // What it has found it keeps open for whoever asked.
        self.log_events(now, id);
        let Some(mut new) = self.take_future(id) else { return };
        let Some(it) = self.moves.take(id) else { return };
        let mut old = self.logs.remove(&id).expect("a partition that moves has a log");
        let was_offline = old.state() != LogState::Serving;
        // Whoever wrote to a log that went offline was told so.
        if !was_offline && let Err(why) = new.append_held(now, old.give_held(), &mut self.outbox) {
            new.give_up(format!("what was held back while it moved does not fit: {why}"), &mut self.outbox);
        }
        old.give_lookups(&mut new, &mut self.outbox);
        let (old_id, from) = (old.id(), old.dir().clone());
        let moved = format!("{from} has moved to {}", self.directory.name_of(new.dir().log_dir));
        self.outbox.report(Level::Info, moved);
        self.log_of_dir.insert(new.dir().clone(), id);
        self.logs.insert(id, new);
        self.touch(id);
        old.remove(now, names::aside(&from, self.rng.uuid(), Aside::Delete), &mut self.outbox);
        self.other_logs.insert(old_id, old);
        self.touched_others.insert(old_id);
        self.directory.offsets_moved(now);
        self.log_replaced(now, id, was_offline);
        if let Some(log_dir) = it.then {
            self.move_log(now, id, log_dir);
        }
        self.next_move(now);
    }

    /// Whoever waits for its turn has it.
    pub(super) fn next_move(&mut self, now: Now) {
        let waiting = self.moves.by_partition.iter().find(|(_, it)| it.step == Step::Waiting).map(|(id, _)| *id);
        if let Some(id) = waiting {
            self.advance_move(now, id);
        }
    }

    pub(super) fn named_dir(&self, id: PartitionId, log_dir: u16) -> Option<Path> {
        let topic = self.metadata.image().topics.get(&id.topic_id)?;
        Some(partition_dir(log_dir, &topic.name, id.index))
    }

    pub(super) fn future(&self, id: PartitionId) -> Option<&PartitionLog> {
        self.other_logs.get(&self.moves.by_partition.get(&id)?.log?)
    }

    fn future_mut(&mut self, id: PartitionId) -> Option<(&mut PartitionLog, &mut crate::outbox::Outbox)> {
        let log: LogId = self.moves.by_partition.get(&id)?.log?;
        Some((self.other_logs.get_mut(&log)?, &mut self.outbox))
    }

    pub(super) fn take_future(&mut self, id: PartitionId) -> Option<PartitionLog> {
        let log = self.moves.by_partition.get_mut(&id)?.log.take()?;
        self.other_logs.remove(&log)
    }

    /// Lets the current log write what it held back.
    pub(super) fn release(&mut self, id: PartitionId) {
        if let Some(log) = self.logs.get_mut(&id) {
            log.release(&mut self.outbox);
            self.touched.insert(id);
        }
    }
}

/// The current log has nothing between the future one's end and `until`: compaction leaves such gaps.
fn skip(future: &mut PartitionLog, now: Now, until: Offset, outbox: &mut crate::outbox::Outbox) -> Result<(), String> {
    if future.size_bytes() == 0 {
        return Err(String::from("nothing that it was to hold is left"));
    }
    future.skip_to(now, until, outbox);
    Ok(())
}
