//! What may be asked of the share coordinator, and what it answers: the five calls that Kafka's brokers make to it.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::batches::StateBatch;
use crate::api::ApiError;
use crate::groups::GroupId;
use crate::wire::Uuid;

/// A share partition: a partition, for a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StateKey {
    pub(crate) group: GroupId,
    pub(crate) topic_id: Uuid,
    pub(crate) partition: i32,
}

impl StateKey {
    /// The text whose hash says which coordinator it is: `group:topic id:partition`.
    pub(crate) fn text(&self) -> String {
        let mut text = String::from(&*self.group);
        for part in [self.topic_id.to_string(), self.partition.to_string()] {
            text.push(':');
            text.push_str(&part);
        }
        text
    }
}

/// What is asked of one share partition.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum StateCall {
    /// Begin, or begin anew: whatever was known is forgotten.
    Initialize {
        /// Rises each time, and fences writes from before; -1 is not looked at.
        state_epoch: i32,
        /// The first record that is not dealt with; -1 leaves it to `share.auto.offset.reset`.
        start_offset: i64,
    },
    /// All that is known, for the partition's leader.
    Read {
        /// Fences leaders from before; -1 is not looked at.
        leader_epoch: i32,
    },
    /// Where the group is, for its coordinator.
    ReadSummary,
    /// Keep what has changed.
    Write(StateWrite),
    /// Forget it. What is not known is forgotten already.
    Delete,
}

/// What has changed in a share partition.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StateWrite {
    /// As it was read; -1 is not looked at.
    pub(crate) state_epoch: i32,
    /// Fences leaders from before; -1 is not looked at.
    pub(crate) leader_epoch: i32,
    /// The first record that is not dealt with; -1 leaves it as it is.
    pub(crate) start_offset: i64,
    /// How many records from the start offset on are dealt with already; -1 where it is unknown.
    pub(crate) delivery_complete_count: i32,
    /// Records that were delivered, or dealt with. They may overlap with what is known, and with each other: see
    /// [`StateBatch`].
    pub(crate) batches: Vec<StateBatch>,
}

/// What became of a call: about which share partition, and how it went. Errors are Kafka's, with its words.
///
/// - `INVALID_REQUEST`: it was not initialised, or the partition is negative;
/// - `FENCED_STATE_EPOCH`, `FENCED_LEADER_EPOCH`: a later one is known;
/// - `UNKNOWN_TOPIC_OR_PARTITION`: there is no such partition;
/// - `NOT_COORDINATOR`, `COORDINATOR_LOAD_IN_PROGRESS`, `COORDINATOR_NOT_AVAILABLE`: try again later; what was to be
///   written may have been, or not;
/// - `POLICY_VIOLATION`: `ottla.max.share.states` are known;
/// - `UNKNOWN_SERVER_ERROR`: the record would be larger than `max.message.bytes` of `__share_group_state`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StateResult {
    pub(crate) key: StateKey,
    pub(crate) outcome: Result<StateAnswer, ApiError>,
}

/// What is answered, for each call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum StateAnswer {
    Initialized,
    Read(State),
    Summary(StateSummary),
    Written,
    Deleted,
}

/// All that is known of a share partition.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct State {
    /// To be sent with each write.
    pub(crate) state_epoch: i32,
    /// The first record that is not dealt with; -1 where nothing was read yet.
    pub(crate) start_offset: i64,
    /// From the start offset on, in order, apart from each other; what is in none is available and was never delivered.
    pub(crate) batches: Vec<StateBatch>,
}

/// Where a group is in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StateSummary {
    /// 0 where it was never initialised.
    pub(crate) state_epoch: i32,
    pub(crate) leader_epoch: i32,
    /// -1 where nothing was read yet, or where it was never initialised.
    pub(crate) start_offset: i64,
    /// How many records from the start offset on are dealt with already; -1 where it is unknown.
    pub(crate) delivery_complete_count: i32,
}
