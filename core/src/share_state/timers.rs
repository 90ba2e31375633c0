//! What of the state of share groups is to happen without anybody asking. A partition that holds no state has no timer.

use crate::coordinators::{self, OfPartition};

/// What happens when a time is over, to a partition of `__share_group_state`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// Share partitions that nobody writes to may need a snapshot, so that the log before them can go.
    Cold(i32),
    /// There may be something in the log that is not needed any more.
    Prune(i32),
}

/// All timers of the state of share groups.
pub(crate) type Timers = coordinators::Timers<Timer>;

impl OfPartition for Timer {
    fn partition(&self) -> i32 {
        match self {
            Self::Cold(partition) | Self::Prune(partition) => *partition,
        }
    }
}
