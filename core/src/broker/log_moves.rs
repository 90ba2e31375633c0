//! Replicas that move to another log directory while they are used.
//!
//! A move has two logs. The *current* one serves, as if nothing were. The *future* one, in a directory `<topic>-<n>.<id>-future`,
//! takes what the current one has, batch by batch as it is: a piece at a time, one partition at a time, with a pause after
//! each piece that keeps `replica.alter.log.dirs.io.max.bytes.per.second`. When it has all:
//! 1. it is synced, and the current log holds back what is appended from now on: it is taken, but neither written nor
//!    acknowledged, and reads go on;
//! 2. the rest is copied, and the future log is closed in good order: all that is in it is durable;
//! 3. the metadata says where the replica is now, which is durable when it is committed;
//! 4. the directory gets its name, and the log directory is synced;
//! 5. the log is opened anew under that name and takes the place of the current one, with the look-ups under way there and
//!    what was held back, which is written now;
//! 6. the former log is renamed to `-delete` and removed, once no answer refers to it any more.
//!
//! Until 3 the current log is the truth, and a start goes on to copy (`directory/settle`). From then on both hold the same
//! until 5, after which only the new one is written, and the metadata names it. So a stop between any two commands leaves
//! what a start can tell.
//!
//! Up to 2 a move can be given up at any time. After that it is carried through, and a request for another directory has its
//! turn then; if the disk fails it, the metadata goes back first, and only then is anything more written to the current log.
//!
//! What does not belong here: how a log copies and holds back (`log/copy`), and what requests are refused (`api/`).

mod ends;
mod steps;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

use super::{Broker, Phase};
use crate::boundary::{Path, StorageResult};
use crate::directory::{FoundPartition, PartitionOffsets};
use crate::log::LookupId;
use crate::outbox::LogId;
use crate::time::{Monotonic, Now};
use crate::types::{Offset, PartitionId};

/// So much is copied at a time, at most.
const PIECE_SIZE_BYTES: u32 = 1 << 20;
/// Of so many partitions that are not there yet it is known where they are to go.
const PREFERRED_MAX: usize = 10_000;
/// Between two pieces others have their turn.
const PIECE_PAUSE_MS: i64 = 1;

/// The moves under way.
#[derive(Debug, Default)]
pub(crate) struct LogMoves {
    by_partition: BTreeMap<PartitionId, LogMove>,
    /// The one that is copied; the others wait.
    in_hand: Option<PartitionId>,
    /// When the last piece was read, and how large it was.
    last_piece: (Monotonic, usize),
    /// Those that a start has found, until it serves.
    found: VecDeque<FoundPartition>,
    /// Where partitions are to go that are not there yet. A restart forgets it, as Kafka's does.
    preferred: BTreeMap<(String, i32), u16>,
    /// One of them is there: the metadata may name another directory.
    pub(super) are_places_changed: bool,
}

/// A replica on its way.
#[derive(Debug)]
struct LogMove {
    /// Where to.
    log_dir: u16,
    /// Until it has its name.
    dir: Path,
    /// That name, from when it is given.
    named: Option<Path>,
    /// The log that is to come, in [`Broker::other_logs`] while it is open.
    log: Option<LogId>,
    step: Step,
    /// What the checkpoints say of it while it is closed.
    offsets: Option<Offsets>,
    /// What was copied before a restart is of use only if it ends before this.
    limit: Option<Offset>,
    /// Where it is to go once it is there: it was too late to say so.
    then: Option<u16>,
}

/// What a closed log left.
#[derive(Clone, Copy, Debug)]
struct Offsets {
    end: Offset,
    recovery_point: Offset,
    log_start: Offset,
    size_bytes: u64,
}

/// How far a move is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The checkpoints there still tell of a replica that was there once.
    Unnamed,
    /// The future log is being opened.
    Opening,
    /// Another one has its turn.
    Waiting,
    Copying(Option<Reading>),
    /// The future log is being synced: there is little to do after that.
    Syncing,
    /// Writes are held back, and the rest is copied.
    HandingOver(Option<Reading>),
    /// The future log is being closed.
    Closing,
    /// It is closed, and other changes of the metadata are on their way.
    Closed,
    /// The metadata is told, up to this offset of its log.
    Recording(Offset),
    Renaming,
    SyncingName,
    /// The log is being opened under its name.
    Reopening,
    /// It failed, and other changes of the metadata are on their way.
    Failed,
    /// The metadata is told that the replica stays where it was, up to this offset of its log.
    Reverting(Offset),
    /// The topic is deleted; a command is in flight, and after it so many more, which remove what is there.
    Abandoned(u8),
}

/// A piece that is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reading {
    lookup: LookupId,
    /// Up to here there was something to read when it began.
    until: Offset,
}

impl Step {
    /// Whether the move can no longer be given up.
    fn is_decided(self) -> bool {
        matches!(
            self,
            Self::Recording(_)
                | Self::Renaming
                | Self::SyncingName
                | Self::Reopening
                | Self::Failed
                | Self::Reverting(_)
                | Self::Abandoned(_)
        )
    }
}

impl LogMove {
    fn new(log_dir: u16, dir: Path, step: Step, limit: Option<Offset>) -> Self {
        Self { log_dir, dir, named: None, log: None, step, offsets: None, limit, then: None }
    }
}

impl LogMoves {
    /// Whether a partition is on its way.
    #[must_use]
    pub(crate) fn has(&self, partition: PartitionId) -> bool {
        self.by_partition.contains_key(&partition)
    }

    /// Has a partition that is still to come begin in a log directory. Where there are too many of them they are forgotten: it
    /// is only a wish.
    pub(crate) fn prefer(&mut self, topic: &str, index: i32, log_dir: u16) {
        let key = (String::from(topic), index);
        if self.preferred.len() < PREFERRED_MAX || self.preferred.contains_key(&key) {
            self.preferred.insert(key, log_dir);
        }
    }

    /// Where a new partition is to go.
    pub(super) fn preferred(&self, topic: &str, index: i32) -> Option<u16> {
        if self.preferred.is_empty() { None } else { self.preferred.get(&(String::from(topic), index)).copied() }
    }

    /// It is there.
    pub(super) fn placed(&mut self, topic: &str, index: i32) {
        if !self.preferred.is_empty() {
            self.are_places_changed |= self.preferred.remove(&(String::from(topic), index)).is_some();
        }
    }

    /// Takes note of what a start has found.
    pub(super) fn found(&mut self, futures: impl IntoIterator<Item = FoundPartition>) {
        self.found.extend(futures);
    }

    fn step_of(&self, partition: PartitionId) -> Option<Step> {
        self.by_partition.get(&partition).map(|it| it.step)
    }

    fn set_step(&mut self, partition: PartitionId, step: Step) {
        if let Some(it) = self.by_partition.get_mut(&partition) {
            it.step = step;
        }
    }

    /// A move is over.
    fn take(&mut self, partition: PartitionId) -> Option<LogMove> {
        if self.in_hand == Some(partition) {
            self.in_hand = None;
        }
        self.by_partition.remove(&partition)
    }
}

/// A replica on its way, as DescribeLogDirs tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FutureReplica {
    pub(crate) size_bytes: u64,
    /// How many offsets it is behind.
    pub(crate) offset_lag: i64,
}

impl Broker {
    /// Has a partition be in a log directory: begins to move it there, or, where it is there, gives up to move it elsewhere.
    pub(crate) fn move_log(&mut self, now: Now, id: PartitionId, log_dir: u16) {
        if let Some(it) = self.moves.by_partition.get_mut(&id) {
            if it.step.is_decided() {
                it.then = Some(log_dir);
                return;
            }
            if it.log_dir == log_dir {
                return;
            }
            self.cancel_move(now, id);
        }
        if self.logs.get(&id).is_some_and(|log| log.dir().log_dir != log_dir) {
            self.begin_move(now, id, log_dir);
        }
    }

    /// What is on its way of a partition to this log directory.
    pub(crate) fn future_replica(&self, id: PartitionId, log_dir: u16) -> Option<FutureReplica> {
        let it = self.moves.by_partition.get(&id).filter(|it| it.log_dir == log_dir)?;
        let log = it.log.and_then(|log| self.other_logs.get(&log));
        let (end, size_bytes) = match (log, it.offsets) {
            (Some(log), _) => (log.log_end(), log.size_bytes()),
            (None, Some(offsets)) => (offsets.end, offsets.size_bytes),
            (None, None) => (Offset(0), 0),
        };
        let offset_lag = self.logs.get(&id)?.log_end().0 - end.0;
        Some(FutureReplica { size_bytes, offset_lag })
    }

    /// Has the metadata say where partitions are that somebody wished to be elsewhere than it had them.
    pub(super) fn tell_places(&mut self, now: Now) {
        if core::mem::take(&mut self.moves.are_places_changed) {
            self.tell_directories(now);
        }
    }

    /// Goes on with the replicas that were on their way when the broker stopped.
    pub(super) fn resume_moves(&mut self, now: Now) {
        for found in core::mem::take(&mut self.moves.found) {
            self.resume_move(now, found);
        }
    }

    /// When [`Broker::tick_moves`] has something to do.
    pub(super) fn move_deadline(&self) -> Option<Monotonic> {
        let id = self.moves.in_hand?;
        let it = self.moves.by_partition.get(&id)?;
        let log = it.log.and_then(|log| self.other_logs.get(&log)).and_then(|log| log.deadline());
        let piece = (it.step == Step::Copying(None) && self.has_piece(id)).then(|| self.next_piece());
        [log, piece].into_iter().flatten().min()
    }

    /// The time has come for the next piece, perhaps.
    pub(super) fn tick_moves(&mut self, now: Now) {
        let Some(id) = self.moves.in_hand else { return };
        let log = self.moves.by_partition.get(&id).and_then(|it| it.log);
        if let Some(log) = log.and_then(|log| self.other_logs.get_mut(&log))
            && log.deadline().is_some_and(|deadline| deadline <= now.monotonic)
        {
            log.tick(now, &mut self.outbox);
            self.touched_others.insert(log.id());
        }
        self.advance_move(now, id);
    }

    /// When the next piece may be read: the last one took its time at the rate that is allowed.
    fn next_piece(&self) -> Monotonic {
        let (at, size_bytes) = self.moves.last_piece;
        let rate = self.config.log_moves_max_bytes_per_second().max(1);
        let due_ms = (size_bytes as u64).saturating_mul(1_000) / rate;
        at.plus_ms(i64::try_from(due_ms).unwrap_or(i64::MAX).max(PIECE_PAUSE_MS))
    }

    /// How much is read at a time: where moves are to be slow, no more than a second's worth, or one batch.
    fn piece_size_bytes(&self) -> u32 {
        u32::try_from(self.config.log_moves_max_bytes_per_second()).unwrap_or(u32::MAX).clamp(1, PIECE_SIZE_BYTES)
    }

    /// Goes on with moves that wait until the metadata is told something else.
    pub(super) fn advance_moves(&mut self, now: Now) {
        if let Some(id) = self.moves.in_hand {
            self.advance_move(now, id);
        }
    }

    /// Opens what waited for its name.
    pub(super) fn name_moves(&mut self, now: Now) {
        let unnamed = self.moves.by_partition.iter().filter(|(_, it)| it.step == Step::Unnamed).map(|(id, _)| *id);
        for id in unnamed.collect::<Vec<_>>() {
            self.advance_move(now, id);
        }
    }

    /// Goes on with the move of a partition, as far as it can.
    pub(super) fn advance_move(&mut self, now: Now, id: PartitionId) {
        while matches!(self.phase, Phase::Serving | Phase::Draining { .. }) && self.step_move(now, id) {}
    }

    /// Whether a directory is one that a move gives a name to.
    pub(super) fn is_moved_to(&self, dir: &Path) -> bool {
        self.moves.by_partition.values().any(|it| it.named.as_ref() == Some(dir))
    }

    /// What the checkpoints are to say of replicas on their way.
    pub(super) fn moved_offsets(&self) -> impl Iterator<Item = PartitionOffsets> {
        self.moves.by_partition.iter().filter_map(|(id, it)| {
            let topic = self.metadata.image().topics.get(&id.topic_id)?.name.clone();
            let log = it.log.and_then(|log| self.other_logs.get(&log));
            let (recovery_point, log_start, high_watermark) = match (log, it.offsets) {
                (Some(log), _) => (log.recovery_point(), log.log_start_to_write(), log.high_watermark()),
                (None, Some(offsets)) => (offsets.recovery_point, offsets.log_start, offsets.end),
                (None, None) => return None,
            };
            let (log_dir, index) = (it.log_dir, id.index);
            let compacted_to = None;
            Some(PartitionOffsets { log_dir, topic, index, recovery_point, log_start, high_watermark, compacted_to })
        })
    }

    /// A storage command of a move ended.
    pub(super) fn move_stored(&mut self, now: Now, id: PartitionId, result: StorageResult) {
        if !matches!(self.phase, Phase::Serving | Phase::Draining { .. }) {
            // The next start goes on with it.
            return;
        }
        let failed = match result {
            StorageResult::Done(_) => None,
            StorageResult::NotDone(error) | StorageResult::Unknown(error) => Some(error),
        };
        match (self.moves.step_of(id), failed) {
            (Some(Step::Abandoned(left)), _) => self.abandoned_on(now, id, left),
            (Some(Step::Renaming), None) => self.sync_moved_name(id),
            (Some(Step::SyncingName), None) => self.reopen_moved(now, id),
            (Some(_), Some(error)) => {
                self.move_failed(now, id, &alloc::format!("renaming its directory failed: {error}"))
            }
            (step, None) => panic!("a move has commands of its own only while it gets its name, not in {step:?}"),
            (None, Some(_)) => panic!("a move does not end before its commands do"),
        }
    }
}
