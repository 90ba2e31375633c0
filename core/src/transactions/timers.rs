//! What of transactions is to happen without anybody asking. An id without an open transaction has no timer of its own.

use super::TransactionalId;
use crate::coordinators::{self, OfPartition};

/// What happens when a time is over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// An open transaction took too long.
    Timeout {
        /// The partition of its coordinator.
        partition: i32,
        /// Which.
        id: TransactionalId,
    },
    /// Ids of a partition may not have been used for so long that they are forgotten.
    Expiration(i32),
}

/// All timers of transactions.
pub(crate) type Timers = coordinators::Timers<Timer>;

impl OfPartition for Timer {
    fn partition(&self) -> i32 {
        match self {
            Self::Timeout { partition, .. } | Self::Expiration(partition) => *partition,
        }
    }
}
