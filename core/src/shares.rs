//! What share groups have of partitions (KIP-932), on the side of the partition's leader: which records are with whom and until
//! when, which were acknowledged, and the sessions in which members fetch.
//!
//! [`Shares`] holds all of them. A [`SharePartition`] is one group's view of one partition. It knows no disk and no clock: it is told what was read and what
//! time it is, and says what is to be written of it. What does not belong here: who is a member of a group (`groups/share`),
//! where the states are kept (the share coordinator), and how records are found (`log/`).

mod acknowledge;
mod acquire;
mod batch;
#[cfg(test)]
mod model;
mod partition;
mod record;
mod session;
mod settings;

use alloc::collections::{BTreeMap, BTreeSet};

use crate::broker::Asking;
use crate::config::Config;
use crate::error_code::ErrorCode;
use crate::groups::GroupId;
use crate::time::Monotonic;
use crate::types::{LeaderEpoch, PartitionId};

pub(crate) use acknowledge::{AcknowledgeError, Acknowledgement};
pub(crate) use acquire::{Aborted, Acquire, Acquired, LogBatch};
pub(crate) use partition::{SharePartition, StateBatch, StateWrite, WriteId};
pub(crate) use record::{AcknowledgeType, MemberId, RecordState};
pub(crate) use session::{FINAL_EPOCH, SessionKey, SharePlan, ShareSessions, SharedPartition};
pub(crate) use settings::{OffsetReset, ShareConfig};

/// A share partition: a partition, for a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShareKey {
    /// For whom.
    pub group: GroupId,
    /// Of what.
    pub partition: PartitionId,
}

/// All share partitions of this broker, and the sessions in which they are fetched.
#[derive(Debug)]
pub(crate) struct Shares {
    pub(crate) sessions: ShareSessions,
    known: BTreeMap<ShareKey, Share>,
    /// When records come back.
    timers: BTreeSet<(Monotonic, ShareKey)>,
    next_number: u64,
    woken: BTreeMap<ShareKey, Woken>,
    /// The write that is being asked for, while it is.
    pub(crate) asking: Option<Asking>,
    /// Why the last share partition that failed could not be loaded.
    pub(crate) failed_last: Option<ErrorCode>,
}

/// Which of the fetches that wait for a share partition are to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Woken {
    /// Those that found another fetch at it.
    Missed,
    /// All of them: there may be more than before.
    All,
}

/// A share partition that is fetched.
#[derive(Debug)]
pub(crate) struct Share {
    /// One that was given up and made anew is another.
    pub(crate) incarnation: u64,
    pub(crate) leader_epoch: LeaderEpoch,
    /// As the share coordinator had it.
    pub(crate) state_epoch: i32,
    /// `None` until its state is loaded.
    pub(crate) partition: Option<SharePartition>,
    /// A fetch is at it: others wait.
    pub(crate) is_busy: bool,
    armed: Option<Monotonic>,
}

impl Shares {
    pub(crate) fn new(config: &Config) -> Self {
        let slots = usize::try_from(config.count("group.share.max.share.sessions")).unwrap_or(usize::MAX);
        Self {
            sessions: ShareSessions::new(slots),
            known: BTreeMap::new(),
            timers: BTreeSet::new(),
            next_number: 0,
            woken: BTreeMap::new(),
            asking: None,
            failed_last: None,
        }
    }

    /// A number that was never used before.
    pub(crate) fn new_number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    pub(crate) fn get(&self, key: &ShareKey) -> Option<&Share> {
        self.known.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: &ShareKey) -> Option<&mut Share> {
        self.known.get_mut(key)
    }

    /// The share partition, where it is loaded.
    pub(crate) fn loaded(&mut self, key: &ShareKey) -> Option<&mut SharePartition> {
        self.known.get_mut(key)?.partition.as_mut()
    }

    /// Begins with a share partition of which nothing is known; says which incarnation it is.
    pub(crate) fn begin(&mut self, key: ShareKey, leader_epoch: LeaderEpoch) -> u64 {
        self.remove(&key);
        let incarnation = self.new_number();
        let share = Share { incarnation, leader_epoch, state_epoch: 0, partition: None, is_busy: false, armed: None };
        self.known.insert(key, share);
        incarnation
    }

    pub(crate) fn remove(&mut self, key: &ShareKey) -> Option<Share> {
        let (key, share) = self.known.remove_entry(key)?;
        if let Some(armed) = share.armed {
            self.timers.remove(&(armed, key));
        }
        Some(share)
    }

    /// All of a group.
    pub(crate) fn of_group(&self, group: &GroupId) -> impl Iterator<Item = &ShareKey> {
        self.known.keys().filter(move |key| key.group == *group)
    }

    /// All of a partition.
    pub(crate) fn of_partition(&self, partition: PartitionId) -> impl Iterator<Item = &ShareKey> {
        self.known.keys().filter(move |key| key.partition == partition)
    }

    /// Lets fetches that wait for a share partition try again, soon.
    pub(crate) fn wake(&mut self, key: &ShareKey, who: Woken) {
        let woken = self.woken.entry(key.clone()).or_insert(who);
        *woken = who.max(*woken);
    }

    pub(crate) fn pop_woken(&mut self) -> Option<(ShareKey, Woken)> {
        self.woken.pop_first()
    }

    /// When records come back next.
    pub(crate) fn deadline(&self) -> Option<Monotonic> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// The share partition whose records come back next, where that is due.
    pub(crate) fn due(&self, now: Monotonic) -> Option<ShareKey> {
        self.timers.first().filter(|(at, _)| *at <= now).map(|(_, key)| key.clone())
    }

    /// Goes by when the records of a share partition come back.
    pub(crate) fn rearm(&mut self, key: &ShareKey) {
        let Some(share) = self.known.get_mut(key) else { return };
        let deadline = share.partition.as_ref().and_then(SharePartition::deadline);
        if deadline == share.armed {
            return;
        }
        if let Some(armed) = core::mem::replace(&mut share.armed, deadline) {
            self.timers.remove(&(armed, key.clone()));
        }
        if let Some(at) = deadline {
            self.timers.insert((at, key.clone()));
        }
    }
}
