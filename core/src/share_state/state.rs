//! One share partition: what is known of it, and the records that a call leads to.

use alloc::vec::Vec;

use super::batches::{StateBatch, combine};
use super::call::StateWrite;
use crate::time::WallClock;
use crate::types::Offset;
use crate::wire::messages::share_state_records::{ShareSnapshotValue, ShareUpdateValue};

/// Neither an epoch nor an offset.
pub(super) const NONE: i32 = -1;
const NO_OFFSET: i64 = -1;

/// What is known of a share partition.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Known {
    /// Rises with every snapshot.
    pub(super) snapshot_epoch: i32,
    pub(super) state_epoch: i32,
    pub(super) leader_epoch: i32,
    pub(super) start_offset: i64,
    pub(super) delivery_complete_count: i32,
    /// When the state was made, or made into a snapshot because of its many updates.
    pub(super) created_ms: i64,
    /// When the last snapshot was written.
    pub(super) written_ms: i64,
    pub(super) batches: Vec<StateBatch>,
    /// The highest state epoch that was ever told; older ones are fenced.
    pub(super) fencing_state_epoch: i32,
    /// The highest leader epoch that was ever told; older ones are fenced.
    pub(super) fencing_leader_epoch: i32,
    /// Updates that were written since the snapshot that took the place of too many.
    pub(super) updates: u32,
    /// Where the last snapshot is in the log.
    pub(super) snapshot_at: Option<Offset>,
}

impl Known {
    /// What a snapshot says; it may take the place of what was known.
    pub(super) fn from_snapshot(
        value: &ShareSnapshotValue,
        at: Offset,
        before: Option<&Self>,
        updates_per_snapshot: u32,
    ) -> Self {
        let updates = before.map_or(0, |known| known.updates);
        Self {
            snapshot_epoch: value.snapshot_epoch,
            state_epoch: value.state_epoch,
            leader_epoch: value.leader_epoch,
            start_offset: value.start_offset,
            delivery_complete_count: value.delivery_complete_count,
            created_ms: value.create_timestamp,
            written_ms: value.write_timestamp,
            batches: value.state_batches.iter().map(StateBatch::from).collect(),
            fencing_state_epoch: before
                .map_or(value.state_epoch, |known| known.fencing_state_epoch.max(value.state_epoch)),
            fencing_leader_epoch: before
                .map_or(value.leader_epoch, |known| known.fencing_leader_epoch.max(value.leader_epoch)),
            updates: if updates >= updates_per_snapshot { 0 } else { updates },
            snapshot_at: Some(at),
        }
    }

    /// What an update says where its snapshot is not known.
    pub(super) fn from_update(value: &ShareUpdateValue) -> Self {
        Self {
            snapshot_epoch: value.snapshot_epoch,
            state_epoch: NONE,
            leader_epoch: value.leader_epoch,
            start_offset: value.start_offset,
            delivery_complete_count: value.delivery_complete_count,
            created_ms: 0,
            written_ms: 0,
            batches: value.state_batches.iter().map(StateBatch::from).collect(),
            fencing_state_epoch: NONE,
            fencing_leader_epoch: value.leader_epoch,
            updates: 1,
            snapshot_at: None,
        }
    }

    /// Takes an update in.
    pub(super) fn update(&mut self, value: &ShareUpdateValue) {
        if value.start_offset != NO_OFFSET {
            self.start_offset = value.start_offset;
        }
        if value.leader_epoch != NONE {
            self.leader_epoch = value.leader_epoch;
        }
        let new: Vec<_> = value.state_batches.iter().map(StateBatch::from).collect();
        self.batches = combine(&self.batches, &new, self.start_offset);
        self.delivery_complete_count = value.delivery_complete_count;
        self.fencing_leader_epoch = self.fencing_leader_epoch.max(value.leader_epoch);
        self.updates = self.updates.saturating_add(1);
    }

    /// The snapshot that begins anew with this epoch and offset.
    pub(super) fn initialized(
        before: Option<&Self>,
        now: WallClock,
        state_epoch: i32,
        start_offset: i64,
    ) -> ShareSnapshotValue {
        ShareSnapshotValue {
            snapshot_epoch: before.map_or(0, |known| known.snapshot_epoch.wrapping_add(1)),
            state_epoch,
            leader_epoch: 0,
            start_offset,
            delivery_complete_count: if start_offset == NO_OFFSET { -1 } else { 0 },
            create_timestamp: now.0,
            write_timestamp: now.0,
            ..Default::default()
        }
    }

    /// The snapshot that takes the place of too many updates, with what is new.
    pub(super) fn snapshot_with(&self, now: WallClock, leader_epoch: i32, write: &StateWrite) -> ShareSnapshotValue {
        let start_offset = if write.start_offset == NO_OFFSET { self.start_offset } else { write.start_offset };
        ShareSnapshotValue {
            snapshot_epoch: self.snapshot_epoch.wrapping_add(1),
            state_epoch: self.state_epoch,
            leader_epoch,
            start_offset,
            delivery_complete_count: write.delivery_complete_count,
            create_timestamp: now.0,
            write_timestamp: now.0,
            state_batches: combine(&self.batches, &write.batches, start_offset).iter().map(StateBatch::wire).collect(),
            ..Default::default()
        }
    }

    /// The update that says what is new.
    pub(super) fn update_with(&self, leader_epoch: i32, write: &StateWrite) -> ShareUpdateValue {
        ShareUpdateValue {
            snapshot_epoch: self.snapshot_epoch,
            leader_epoch,
            start_offset: write.start_offset,
            delivery_complete_count: write.delivery_complete_count,
            state_batches: combine(&[], &write.batches, write.start_offset).iter().map(StateBatch::wire).collect(),
            ..Default::default()
        }
    }

    /// The snapshot of what nobody has written to for long.
    pub(super) fn cold_snapshot(&self, now: WallClock) -> ShareSnapshotValue {
        ShareSnapshotValue {
            snapshot_epoch: self.snapshot_epoch.wrapping_add(1),
            state_epoch: self.state_epoch,
            leader_epoch: self.leader_epoch,
            start_offset: self.start_offset,
            delivery_complete_count: self.delivery_complete_count,
            create_timestamp: self.created_ms,
            write_timestamp: now.0,
            state_batches: self.batches.iter().map(StateBatch::wire).collect(),
            ..Default::default()
        }
    }

    /// The offset behind the last record of which something is known; -1 where nothing was read yet.
    pub(super) fn end(&self) -> Offset {
        let ends = self.batches.iter().map(|batch| batch.last_offset.saturating_add(1));
        Offset(ends.fold(self.start_offset, i64::max))
    }

    /// The snapshot that knows nothing of records from that offset on.
    pub(super) fn cut_snapshot(&self, now: WallClock, end: Offset) -> ShareSnapshotValue {
        let start_offset = self.start_offset.min(end.0);
        let batches: Vec<_> = self.batches.iter().filter_map(|batch| batch.before(end.0)).collect();
        let done = batches.iter().filter(|batch| batch.is_final());
        let done: i64 = done.map(|batch| batch.last_offset - batch.first_offset.max(start_offset) + 1).sum();
        ShareSnapshotValue {
            start_offset,
            delivery_complete_count: i32::try_from(done).unwrap_or(i32::MAX),
            create_timestamp: now.0,
            state_batches: batches.iter().map(StateBatch::wire).collect(),
            ..self.cold_snapshot(now)
        }
    }

    /// Whether its last snapshot was written because nobody had written to it for long.
    pub(super) fn is_cold(&self) -> bool {
        self.created_ms != self.written_ms
    }
}
