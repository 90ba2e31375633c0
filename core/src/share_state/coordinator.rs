//! The coordinator of one partition of `__share_group_state`: the share partitions that live in it, and what a call leads to.
//!
//! Memory runs ahead of the log by what is appended and not yet committed. Nobody can tell: whatever is answered from it is
//! held back until all that was appended before is committed (`broker/share_state.rs`), and where the log can't commit any
//! more, the coordinator and its answers are dropped together.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::call::{State, StateAnswer, StateCall, StateKey, StateSummary, StateWrite};
use super::record;
use super::state::{Known, NONE};
use crate::api::ApiError;
use crate::error_code::ErrorCode;
use crate::time::WallClock;
use crate::types::Offset;
use crate::wire::{CoordinatorRecord, Uuid};

/// The share partitions of a partition.
#[derive(Debug)]
pub(crate) struct Coordinator {
    pub(super) states: BTreeMap<StateKey, Known>,
    /// Where the last snapshot of each is in the log.
    pub(super) snapshots: BTreeSet<Offset>,
    /// Nothing is needed from the log before that.
    pub(super) redundant_before: Offset,
    /// `share.coordinator.snapshot.update.records.per.snapshot`.
    pub(super) updates_per_snapshot: u32,
}

/// What a call leads to.
#[derive(Debug, PartialEq)]
pub(crate) struct Decision {
    /// To be appended and replayed first.
    pub(crate) record: Option<CoordinatorRecord>,
    /// To be said when all of it is committed.
    pub(crate) answer: StateAnswer,
}

/// Which partitions there are.
pub(crate) trait Partitions {
    fn has(&self, topic_id: Uuid, partition: i32) -> bool;
    /// Whether the state of one more share partition may be kept.
    fn has_room(&self) -> bool;
}

impl Default for Coordinator {
    fn default() -> Self {
        Self::new(u32::MAX)
    }
}

impl Coordinator {
    pub(crate) fn new(updates_per_snapshot: u32) -> Self {
        Self { states: BTreeMap::new(), snapshots: BTreeSet::new(), redundant_before: Offset(0), updates_per_snapshot }
    }

    /// Whether it knows of no share partition.
    pub(crate) fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    /// How many share partitions it knows.
    pub(crate) fn len(&self) -> usize {
        self.states.len()
    }

    /// Says what a call leads to. Nothing changes before its record is replayed.
    ///
    /// # Errors
    /// See [`StateResult`](super::StateResult).
    pub(crate) fn decide(
        &self,
        now: WallClock,
        partitions: &dyn Partitions,
        key: &StateKey,
        call: &StateCall,
    ) -> Result<Decision, ApiError> {
        if key.partition < 0 {
            return Err(ApiError::new(ErrorCode::InvalidRequest, "The partition id cannot be a negative number."));
        }
        let known = self.states.get(key);
        self.check_epochs(known, call)?;
        if !partitions.has(key.topic_id, key.partition) {
            return Err(unknown_partition());
        }
        let (record, answer) = match call {
            StateCall::Initialize { state_epoch, start_offset } => {
                if known.is_none() && !partitions.has_room() {
                    return Err(no_room());
                }
                let snapshot = Known::initialized(known, now, *state_epoch, *start_offset);
                (Some(record::snapshot(key, snapshot)), StateAnswer::Initialized)
            }
            StateCall::Read { leader_epoch } => {
                let known = known.ok_or_else(|| uninitialized("Read"))?;
                (self.read_by(now, key, known, *leader_epoch), StateAnswer::Read(known.into()))
            }
            StateCall::ReadSummary => (None, StateAnswer::Summary(known.into())),
            StateCall::Write(write) => {
                let known = known.ok_or_else(|| uninitialized("Write"))?;
                (Some(self.written(now, key, known, known.leader_epoch, write)), StateAnswer::Written)
            }
            StateCall::Delete => (known.map(|_| record::tombstone(key)), StateAnswer::Deleted),
        };
        Ok(Decision { record, answer })
    }

    /// Whether the caller is behind what is known. What was not initialised comes first.
    fn check_epochs(&self, known: Option<&Known>, call: &StateCall) -> Result<(), ApiError> {
        let (state_epoch, leader_epoch) = match call {
            StateCall::Initialize { state_epoch, .. } => (*state_epoch, NONE),
            StateCall::Read { leader_epoch } => {
                known.ok_or_else(|| uninitialized("Read"))?;
                (NONE, *leader_epoch)
            }
            StateCall::Write(write) => {
                known.ok_or_else(|| uninitialized("Write"))?;
                (write.state_epoch, write.leader_epoch)
            }
            StateCall::ReadSummary | StateCall::Delete => return Ok(()),
        };
        let Some(known) = known else { return Ok(()) };
        if leader_epoch != NONE && known.fencing_leader_epoch > leader_epoch {
            let words = "The leader epoch in the request is older than the epoch on the broker.";
            return Err(ApiError::new(ErrorCode::FencedLeaderEpoch, words));
        }
        if state_epoch != NONE && known.fencing_state_epoch > state_epoch {
            let words = "The share coordinator rejected the request because the share-group state epoch did not match.";
            return Err(ApiError::new(ErrorCode::FencedStateEpoch, words));
        }
        Ok(())
    }

    /// A later leader reads: those from before are fenced from then on.
    fn read_by(&self, now: WallClock, key: &StateKey, known: &Known, leader_epoch: i32) -> Option<CoordinatorRecord> {
        if leader_epoch == NONE || leader_epoch == known.fencing_leader_epoch {
            return None;
        }
        let write = StateWrite {
            state_epoch: known.state_epoch,
            leader_epoch,
            start_offset: known.start_offset,
            delivery_complete_count: known.delivery_complete_count,
            batches: Vec::new(),
        };
        Some(self.written(now, key, known, leader_epoch, &write))
    }

    fn written(
        &self,
        now: WallClock,
        key: &StateKey,
        known: &Known,
        leader_epoch: i32,
        write: &StateWrite,
    ) -> CoordinatorRecord {
        if known.updates >= self.updates_per_snapshot {
            record::snapshot(key, known.snapshot_with(now, leader_epoch, write))
        } else {
            record::update(key, known.update_with(leader_epoch, write))
        }
    }

    /// Snapshots of share partitions whose last one is older than that, unless all of them have such a snapshot already.
    pub(crate) fn cold_snapshots(&self, now: WallClock, interval_ms: i64) -> Vec<CoordinatorRecord> {
        if self.states.values().all(Known::is_cold) {
            return Vec::new();
        }
        let is_old = |known: &Known| now.0.saturating_sub(known.written_ms) >= interval_ms;
        let old = self.states.iter().filter(|(_, known)| is_old(known));
        old.map(|(key, known)| record::snapshot(key, known.cold_snapshot(now))).collect()
    }

    /// The share partitions of which more is known than their logs have, up to where, and where the logs end; and the
    /// snapshots that forget it. The logs end where `end_of` says, if it does.
    pub(crate) fn cut(
        &self,
        now: WallClock,
        end_of: impl Fn(&StateKey) -> Option<Offset>,
    ) -> (Vec<(StateKey, Offset, Offset)>, Vec<CoordinatorRecord>) {
        let ends = self.states.iter().filter_map(|(key, known)| Some((key, known, end_of(key)?)));
        let beyond = ends.filter(|(_, known, end)| known.end() > *end);
        let cut = beyond.map(|(key, known, end)| {
            ((key.clone(), known.end(), end), record::snapshot(key, known.cut_snapshot(now, end)))
        });
        cut.unzip()
    }

    /// The records that forget all share partitions of a topic.
    pub(crate) fn topic_deletion(&self, topic_id: Uuid) -> Vec<CoordinatorRecord> {
        let of_topic = self.states.keys().filter(|key| key.topic_id == topic_id);
        of_topic.map(record::tombstone).collect()
    }

    /// The log is not needed before that offset.
    pub(crate) fn redundant_before(&self) -> Offset {
        self.redundant_before
    }
}

impl From<&Known> for State {
    fn from(known: &Known) -> Self {
        Self { state_epoch: known.state_epoch, start_offset: known.start_offset, batches: known.batches.clone() }
    }
}

impl From<Option<&Known>> for StateSummary {
    fn from(known: Option<&Known>) -> Self {
        known.map_or(Self { state_epoch: 0, leader_epoch: 0, start_offset: -1, delivery_complete_count: -1 }, |known| {
            Self {
                state_epoch: known.state_epoch,
                leader_epoch: known.leader_epoch,
                start_offset: known.start_offset,
                delivery_complete_count: known.delivery_complete_count,
            }
        })
    }
}

fn uninitialized(operation: &str) -> ApiError {
    let words = alloc::format!("{operation} operation on uninitialized share partition not allowed.");
    ApiError::new(ErrorCode::InvalidRequest, words)
}

fn unknown_partition() -> ApiError {
    ApiError::new(ErrorCode::UnknownTopicOrPartition, "This server does not host this topic-partition.")
}

fn no_room() -> ApiError {
    let words = "The broker keeps the state of as many share partitions as ottla.max.share.states allows.";
    ApiError::new(ErrorCode::PolicyViolation, words)
}
