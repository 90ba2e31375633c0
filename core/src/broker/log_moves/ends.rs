//! How moves end that do not get to their end, and what the logs of moves have to say.

use alloc::format;
use alloc::vec::Vec;

use super::Step;
use crate::boundary::{Level, StorageCommand};
use crate::broker::Broker;
use crate::directory::names::{self, Aside};
use crate::log::{LogEvent, LogState, PartitionLog};
use crate::outbox::{LogId, Owner};
use crate::time::Now;
use crate::types::PartitionId;

impl Broker {
    /// Gives a move up that can be given up: what was copied goes.
    pub(super) fn cancel_move(&mut self, now: Now, id: PartitionId) {
        self.release(id);
        self.remove_future(now, id);
        self.moves.take(id);
        self.next_move(now);
    }

    /// What was copied is of no use: the move begins again.
    pub(super) fn begin_anew(&mut self, now: Now, id: PartitionId) {
        let Some(log_dir) = self.moves.by_partition.get(&id).map(|it| it.log_dir) else { return };
        self.cancel_move(now, id);
        self.begin_move(now, id, log_dir);
    }

    /// Removes what was copied, be it open or closed.
    fn remove_future(&mut self, now: Now, id: PartitionId) {
        let Some(it) = self.moves.by_partition.get(&id) else { return };
        let log = it.log.and_then(|log| self.other_logs.get_mut(&log));
        if let Some(log) = log {
            let to = names::aside(log.dir(), self.rng.uuid(), Aside::Delete);
            log.remove(now, to, &mut self.outbox);
            self.touched_others.insert(log.id());
        } else if it.offsets.is_some() {
            self.outbox.store(Owner::Nobody, StorageCommand::Remove { path: it.dir.clone() });
        }
    }

    /// A move can't go on: the replica stays where it is. What was copied stays too, for the next start.
    pub(super) fn move_failed(&mut self, now: Now, id: PartitionId, why: &str) {
        let Some(it) = self.moves.by_partition.get(&id) else { return };
        let (log_dir, is_decided) = (it.log_dir, it.step.is_decided());
        let is_left_over = it.step == Step::Opening && it.limit.is_some();
        let (dir, name) = (it.dir.clone(), self.directory.name_of(log_dir));
        self.outbox.report(Level::Error, format!("{dir} does not become a replica in {name}: {why}"));
        if is_left_over {
            // What a former move left can't be used: it is copied anew.
            return self.begin_anew(now, id);
        }
        self.directory.suspect(log_dir, &mut self.outbox);
        // What it leaves was not closed.
        self.directory.spoil(log_dir);
        if let Some(log) = self.take_future(id) {
            self.retire(now, log);
        }
        if is_decided {
            self.moves.set_step(id, Step::Failed);
            return self.advance_move(now, id);
        }
        self.release(id);
        self.moves.take(id);
        self.next_move(now);
    }

    /// The metadata says again that the replica is where it is.
    pub(super) fn stay(&mut self, now: Now, id: PartitionId) {
        self.release(id);
        self.moves.take(id);
        self.next_move(now);
    }

    /// The log that serves is offline. One that is complete takes its place; else there is nothing to copy from.
    pub(in crate::broker) fn moved_log_lost(&mut self, now: Now, id: PartitionId) {
        if self.moves.step_of(id).is_none_or(Step::is_decided) {
            return;
        }
        if let Some(log) = self.take_future(id) {
            self.retire(now, log);
        }
        self.moves.take(id);
        self.next_move(now);
    }

    /// Closes a log that nobody needs any more; its directory stays.
    fn retire(&mut self, now: Now, mut log: PartitionLog) {
        if log.state() == LogState::Offline {
            return;
        }
        log.close(now, &mut self.outbox);
        self.touched_others.insert(log.id());
        self.other_logs.insert(log.id(), log);
    }

    /// The topic is deleted, and what is on its way with it.
    pub(in crate::broker) fn abandon_move(&mut self, now: Now, id: PartitionId) {
        match self.moves.step_of(id) {
            None | Some(Step::Abandoned(_)) => {}
            // One command is in flight: what it has done is undone after it.
            Some(Step::Renaming | Step::SyncingName) => self.moves.set_step(id, Step::Abandoned(2)),
            Some(_) => {
                self.remove_future(now, id);
                self.moves.take(id);
                self.next_move(now);
            }
        }
    }

    /// A command ended of a move whose topic is deleted.
    pub(super) fn abandoned_on(&mut self, now: Now, id: PartitionId, left: u8) {
        let Some(it) = self.moves.by_partition.get_mut(&id) else { return };
        let path = match left {
            2 => it.dir.clone(),
            1 => it.named.clone().unwrap_or_else(|| it.dir.clone()),
            _ => {
                self.moves.take(id);
                self.next_move(now);
                return self.open_waiting(now);
            }
        };
        it.step = Step::Abandoned(left - 1);
        self.outbox.store(Owner::Move(id), StorageCommand::Remove { path });
    }

    /// A log says something that is not, or no longer, the one that serves.
    pub(in crate::broker) fn other_log_event(&mut self, now: Now, id: LogId, event: LogEvent) {
        let is_moved = self.moves.by_partition.get(&id.partition).is_some_and(|it| it.log == Some(id));
        match event {
            LogEvent::WentOffline { reason } if is_moved => self.move_failed(now, id.partition, &reason),
            LogEvent::WentOffline { .. } => drop(self.other_logs.remove(&id)),
            LogEvent::Foreign { topic_id } if is_moved => {
                let why = format!("its directory belongs to topic id {topic_id}");
                self.move_failed(now, id.partition, &why);
            }
            LogEvent::LogStartDue => self.directory.log_start_due(),
            LogEvent::HighWatermarkMoved | LogEvent::LogStartMoved => self.directory.offsets_moved(now),
            LogEvent::CompactionEnded => self.cleaner.ended(id.partition),
            LogEvent::NameFree => self.open_waiting(now),
            LogEvent::Removed => {
                self.other_logs.remove(&id);
                self.open_waiting(now);
            }
            // A stop looks at it once more.
            LogEvent::Closed { .. } if is_moved => {}
            LogEvent::Closed { .. } => drop(self.other_logs.remove(&id)),
            LogEvent::LookupDone { .. } | LogEvent::Opened | LogEvent::Surveyed | LogEvent::Foreign { .. } => {}
        }
    }

    /// Another log serves a partition from now on. Where the former one had gone offline, what went with it comes back.
    pub(super) fn log_replaced(&mut self, now: Now, id: PartitionId, was_offline: bool) {
        self.follow_epoch(id);
        if was_offline {
            self.load_coordinator_log(now, id);
            self.pay_markers(now, id);
        }
    }

    /// A log directory has failed, and the replicas on their way there with it.
    pub(in crate::broker) fn moves_lost(&mut self, log_dir: u16, why: &str) {
        for log in self.other_logs.values_mut().filter(|log| log.dir().log_dir == log_dir) {
            log.give_up(why.into(), &mut self.outbox);
            self.touched_others.insert(log.id());
        }
    }

    /// Closes what is on its way, at a stop. What the metadata does not tell yet is as if it had not begun.
    pub(in crate::broker) fn close_moves(&mut self, now: Now) {
        let undecided = self.moves.by_partition.iter().filter(|(_, it)| !it.step.is_decided());
        for id in undecided.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.release(id);
        }
        for log in self.other_logs.values_mut() {
            log.close(now, &mut self.outbox);
            self.touched_others.insert(log.id());
        }
    }

    /// Whether no replica on its way is still being closed, and no former one being renamed.
    pub(in crate::broker) fn are_moves_closed(&self) -> bool {
        let is_over = |log: &PartitionLog| {
            matches!(log.state(), LogState::Closed | LogState::Offline) || log.is_moving_away() && !log.holds(log.dir())
        };
        self.other_logs.values().all(is_over)
    }

    /// Log directories with a replica on its way that was not closed in good order.
    pub(in crate::broker) fn spoil_moves(&mut self) {
        for log in self.other_logs.values().filter(|log| !log.is_moving_away() && !log.is_closed_clean()) {
            self.directory.spoil(log.dir().log_dir);
        }
    }
}
