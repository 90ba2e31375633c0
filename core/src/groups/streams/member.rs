//! A member of a streams group: what it said of itself, and how far it has got.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;

use super::JOINING_EPOCH;
use super::tasks::Held;

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
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct About {
    /// Of a static member. Kafka 4.3 knows none yet, and writes none.
    pub(crate) instance_id: Option<Arc<str>>,
    pub(crate) rack_id: Option<Arc<str>>,
    pub(crate) client_id: Arc<str>,
    /// The address, as Java writes it.
    pub(crate) client_host: Arc<str>,
    pub(crate) rebalance_timeout_ms: i32,
    /// The topology that it runs.
    pub(crate) topology_epoch: i32,
    /// Of the program: may have several members.
    pub(crate) process_id: Arc<str>,
    /// Where others ask for its state (interactive queries): host and port.
    pub(crate) user_endpoint: Option<(Arc<str>, u16)>,
    /// Where it runs, for the placement of standby tasks.
    pub(crate) client_tags: BTreeMap<Arc<str>, Arc<str>>,
}

/// How a member stands to the target assignment. Kafka's numbers, which are not those of consumer groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemberState {
    /// It has what it shall have in its epoch.
    Stable = 1,
    /// It has to give up tasks before anything else.
    UnrevokedTasks = 2,
    /// It waits for tasks that others have to give up.
    UnreleasedTasks = 3,
    /// Written by a broker that knows more: the member has to begin anew.
    Unknown = 127,
}

impl MemberState {
    /// All that this broker writes.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 3] = [Self::Stable, Self::UnrevokedTasks, Self::UnreleasedTasks];

    /// As a record has it.
    pub(crate) fn from_number(number: i8) -> Self {
        match number {
            1 => Self::Stable,
            2 => Self::UnrevokedTasks,
            3 => Self::UnreleasedTasks,
            _ => Self::Unknown,
        }
    }
}

impl Member {
    /// One that has not joined yet.
    pub(crate) fn new() -> Self {
        Self {
            epoch: JOINING_EPOCH,
            previous_epoch: JOINING_EPOCH,
            state: MemberState::Stable,
            about: Arc::new(About::default()),
            assigned: Held::default(),
            revoking: Held::default(),
        }
    }

    pub(crate) fn is_reconciled_to(&self, target_epoch: i32) -> bool {
        self.state == MemberState::Stable && self.epoch == target_epoch
    }

    /// Since which epoch it has the active task, be it to give it up.
    pub(super) fn active_since(&self, subtopology: &str, partition: i32) -> Option<i32> {
        let since = |held: &Held| held.active_since(subtopology, partition);
        since(&self.assigned).or_else(|| since(&self.revoking))
    }
}

impl Default for About {
    fn default() -> Self {
        Self {
            instance_id: None,
            rack_id: None,
            client_id: "".into(),
            client_host: "".into(),
            rebalance_timeout_ms: -1,
            topology_epoch: -1,
            process_id: "".into(),
            user_endpoint: None,
            client_tags: BTreeMap::new(),
        }
    }
}
