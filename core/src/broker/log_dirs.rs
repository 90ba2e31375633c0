//! Log directories that can't be used: their partitions are offline, and the others go on.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Broker, METADATA_PARTITION, Phase};
use crate::boundary::Level;
use crate::directory::FoundPartition;
use crate::log::PartitionLog;
use crate::metadata;
use crate::time::Now;
use crate::types::PartitionId;
use crate::wire::Uuid;

/// So many changes of partitions are far less than a batch may hold.
const RECORDS_IN_A_BATCH: usize = 5_000;

impl Broker {
    /// The disk has failed a log. Its directory may be gone as a whole, which is found out: in the metadata log's, only
    /// where that log itself has failed, because the broker ends then.
    pub(super) fn suspect_log_dir(&mut self, partition: PartitionId) {
        let Some(log) = self.logs.get(&partition).filter(|log| log.damage().is_none()) else { return };
        let log_dir = log.dir().log_dir;
        if partition == METADATA_PARTITION || log_dir != self.directory.metadata_dir() {
            self.directory.suspect(log_dir, &mut self.outbox);
        }
    }

    /// A directory can't be used any more.
    pub(super) fn log_dir_failed(&mut self, now: Now, log_dir: u16, why: String) {
        let text = self.directory.failure_text(log_dir);
        if log_dir == self.directory.metadata_dir() {
            return self.unusable(format!("{text}. It holds the metadata log, without which there is no broker"));
        }
        if self.directory.usable_ids().next().is_none() {
            return self.unusable(format!("{text}. It was the last of log.dirs"));
        }
        let is_there = |log: &PartitionLog| log.dir().log_dir == log_dir;
        let ids: Vec<PartitionId> = self.logs.iter().filter(|(_, log)| is_there(log)).map(|(id, _)| *id).collect();
        self.outbox.report(Level::Error, format!("{text}. Its {} partitions are offline", ids.len()));
        self.moves_lost(log_dir, &why);
        for id in ids {
            if let Some(log) = self.logs.get_mut(&id) {
                log.give_up(why.clone(), &mut self.outbox);
                self.touch(id);
            }
        }
        self.tell_log_dirs(now);
    }

    /// Has the metadata say which directories can be used, so that no new partition is placed elsewhere.
    pub(super) fn tell_log_dirs(&mut self, now: Now) {
        let usable: Vec<Uuid> = self.directory.usable_ids().collect();
        if let Some(record) = metadata::log_dirs_record(self.metadata.image(), self.node_id, usable)
            && self.phase == Phase::Serving
        {
            self.append_metadata(now, &[record]);
        }
    }

    /// Has the metadata say in which directory each partition is, once its level lets it.
    pub(super) fn tell_directories(&mut self, now: Now) {
        if self.phase != Phase::Serving {
            return;
        }
        // Of those on their way the moves tell where they are.
        let staying = self.logs.iter().filter(|(id, _)| !self.moves.has(**id));
        let held = staying.map(|(id, log)| (*id, self.directory.id_of(log.dir().log_dir)));
        let records = metadata::directory_records(self.metadata.image(), self.node_id, held);
        for records in records.chunks(RECORDS_IN_A_BATCH) {
            self.append_metadata(now, records);
        }
    }

    /// A partition that can't be told, let alone opened.
    pub(super) fn take_unreachable(&mut self, found: FoundPartition) {
        let (id, why) = (found.id, found.unreachable.clone().unwrap_or_default());
        let text = format!("{}-{}: offline: {why}", found.topic, id.index);
        self.outbox.report(Level::Error, text);
        let request = self.open_request(found);
        self.log_of_dir.insert(request.dir.clone(), id);
        self.logs.insert(id, PartitionLog::unreachable(&request));
    }
}
