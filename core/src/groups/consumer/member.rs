//! A member of a consumer group: what it said of itself, and how far it has got.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{Held, JOINING_EPOCH};
use crate::groups::classic::Protocol;
use crate::types::TopicName;
use crate::wire::Uuid;

/// A member. Everything in it is copied out of requests.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Member {
    /// The epoch of the target assignment that it has got to.
    pub(crate) epoch: i32,
    /// Is taken too, where the answer with the new one got lost.
    pub(crate) previous_epoch: i32,
    pub(crate) state: MemberState,
    /// Shared, for it seldom changes.
    pub(crate) about: Arc<About>,
    pub(crate) assigned: Held,
    /// What it has to give up.
    pub(crate) revoking: Held,
}

/// What a member said of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct About {
    /// Of a static member.
    pub(crate) instance_id: Option<Arc<str>>,
    pub(crate) rack_id: Option<Arc<str>>,
    pub(crate) client_id: Arc<str>,
    /// The address, as Java writes it.
    pub(crate) client_host: Arc<str>,
    pub(crate) topics: BTreeSet<TopicName>,
    /// None where it only names topics.
    pub(crate) regex: Option<Arc<str>>,
    /// None leaves it to the coordinator.
    pub(crate) assignor: Option<Arc<str>>,
    pub(crate) rebalance_timeout_ms: i32,
    /// Of a member that speaks the classic protocol.
    pub(crate) classic: Option<ClassicMember>,
}

/// What only members of the classic protocol say.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ClassicMember {
    pub(crate) session_timeout_ms: i32,
    pub(crate) protocols: Vec<Protocol>,
}

/// How a member stands to the target assignment. Kafka's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemberState {
    /// It has what it shall have in its epoch.
    Stable = 0,
    /// It has to give up partitions before anything else.
    UnrevokedPartitions = 1,
    /// It waits for partitions that others have to give up.
    UnreleasedPartitions = 2,
    /// Written by a broker that knows more: the member has to begin anew.
    Unknown = 127,
}

impl MemberState {
    /// All that this broker writes.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 3] = [Self::Stable, Self::UnrevokedPartitions, Self::UnreleasedPartitions];

    /// As a record has it.
    pub(crate) fn from_number(number: i8) -> Self {
        match number {
            0 => Self::Stable,
            1 => Self::UnrevokedPartitions,
            2 => Self::UnreleasedPartitions,
            _ => Self::Unknown,
        }
    }
}

impl Member {
    /// One that has not joined yet.
    pub(crate) fn new() -> Self {
        Self {
            epoch: JOINING_EPOCH,
            previous_epoch: -1,
            state: MemberState::Stable,
            about: Arc::new(About { rebalance_timeout_ms: -1, ..About::default() }),
            assigned: Held::new(),
            revoking: Held::new(),
        }
    }

    pub(crate) fn is_reconciled_to(&self, target_epoch: i32) -> bool {
        self.state == MemberState::Stable && self.epoch == target_epoch
    }

    pub(crate) fn uses_classic_protocol(&self) -> bool {
        self.about.classic.is_some()
    }

    /// Since which epoch it has the partition, be it to give it up.
    pub(crate) fn held_since(&self, topic: Uuid, partition: i32) -> Option<i32> {
        let since = |held: &Held| held.get(&topic)?.get(&partition).copied();
        since(&self.assigned).or_else(|| since(&self.revoking))
    }
}

impl About {
    pub(crate) fn protocols(&self) -> &[Protocol] {
        self.classic.as_ref().map_or(&[], |classic| &classic.protocols)
    }
}
