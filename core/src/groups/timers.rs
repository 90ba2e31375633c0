//! What of groups is to happen without anybody asking. What nobody waits for has no timer here.

use super::group::{GroupId, MemberId};
use crate::coordinators::{self, OfPartition};

/// What happens when a time is over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// Of one group.
    Group {
        /// The partition of its coordinator.
        partition: i32,
        /// Which group.
        group: GroupId,
        /// What of it.
        kind: TimerKind,
    },
    /// Offsets of a partition may be old enough to be forgotten.
    Retention(i32),
}

/// What of a group a time ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TimerKind {
    /// The wait for members to join.
    Join,
    /// The wait for members to ask for their assignment.
    Sync,
    /// The wait for more members of a new streams group.
    InitialRebalance,
    /// The session of a member.
    Session(MemberId),
    /// The time in which a member of a consumer group has to give up partitions.
    Revocation(MemberId),
    /// The time in which a member of a consumer group that speaks the classic protocol has to join again.
    Rejoin(MemberId),
    /// The time in which it has to ask for its assignment.
    Resync(MemberId),
}

/// All timers of groups.
pub(crate) type Timers = coordinators::Timers<Timer>;

impl OfPartition for Timer {
    fn partition(&self) -> i32 {
        match self {
            Self::Group { partition, .. } | Self::Retention(partition) => *partition,
        }
    }
}
