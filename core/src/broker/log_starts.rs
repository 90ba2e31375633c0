//! Log starts on their way into `log-start-offset-checkpoint`: one write serves all logs that wait for one. What was
//! written is told to them a few at a time, since each may let go of segments then, and requests wait meanwhile.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::{Broker, log_mut};
use crate::log::PartitionLog;
use crate::outbox::LogId;
use crate::parking::Wake;
use crate::time::{Monotonic, Now};
use crate::types::Offset;

/// Logs that are told in one go.
const SLICE: usize = 16;

/// Log starts between the logs and the checkpoint.
#[derive(Debug, Default)]
pub(super) struct LogStarts {
    /// They count when what is being written is durable.
    in_writing: Vec<(LogId, Offset)>,
    /// Written or not: the log is to be told.
    to_tell: VecDeque<(LogId, Offset, bool)>,
    next_slice: Monotonic,
}

impl LogStarts {
    /// When the next logs are told.
    pub(super) fn deadline(&self) -> Option<Monotonic> {
        (!self.to_tell.is_empty()).then_some(self.next_slice)
    }
}

impl Broker {
    /// Writes the log starts of all partitions.
    pub(super) fn write_log_starts(&mut self) {
        let offsets = self.offsets_to_write();
        self.directory.write_log_starts(&offsets, &mut self.outbox);
    }

    /// Writes all checkpoints.
    pub(super) fn write_checkpoints(&mut self) {
        let offsets = self.offsets_to_write();
        self.directory.write_checkpoints(&offsets, &mut self.outbox);
    }

    /// Takes note of the starts that will count when they are written.
    fn offsets_to_write(&mut self) -> Vec<crate::directory::PartitionOffsets> {
        let moving = |log: &PartitionLog| {
            let to_write = log.log_start_to_write();
            (to_write > log.log_start()).then_some((log.id(), to_write))
        };
        self.log_starts.in_writing.clear();
        self.log_starts.in_writing.extend(self.logs.values().chain(self.other_logs.values()).filter_map(moving));
        self.partition_offsets()
    }

    /// What was given to be written is durable, or could not be written in some directories.
    pub(super) fn log_starts_written(&mut self, now: Now, failed: &[u16]) {
        for (id, start) in core::mem::take(&mut self.log_starts.in_writing) {
            let log = log_mut(&mut self.logs, &mut self.other_logs, id);
            let is_done = log.is_some_and(|log| !failed.contains(&log.dir().log_dir));
            self.log_starts.to_tell.push_back((id, start, is_done));
        }
        self.tell_log_starts(now);
        self.open_waiting(now);
    }

    /// Tells the logs whose turn it is.
    pub(super) fn tell_log_starts(&mut self, now: Now) {
        for _ in 0..SLICE {
            let Some((id, start, is_done)) = self.log_starts.to_tell.pop_front() else { return };
            self.log_start_written(now, id, start, is_done);
        }
        self.log_starts.next_slice = now.monotonic;
    }

    fn log_start_written(&mut self, now: Now, id: LogId, start: Offset, is_done: bool) {
        self.touch_log(id);
        let Some(log) = log_mut(&mut self.logs, &mut self.other_logs, id) else { return };
        if is_done {
            return log.log_start_written(start, &mut self.outbox);
        }
        log.log_start_not_written();
        let partition = id.partition;
        self.wake_all(now, self.parking.watching(partition), Wake::Lost(partition));
    }
}
