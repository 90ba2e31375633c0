//! What administrators do with where the group is in partitions. All of it needs a group without members, and what the share
//! coordinator keeps changes with it: what is under way is written down first.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;

use super::state::{Kept, StatePartitions};
use super::{Partitions, ShareGroup};
use crate::api::ApiError;
use crate::error_code::ErrorCode;
use crate::groups::planned::PlannedTurn;
use crate::metadata::{MetadataImage, Topic};
use crate::wire::Uuid;

/// Where a group is to begin in partitions.
pub(crate) type Starts = BTreeMap<Uuid, BTreeMap<i32, i64>>;

impl ShareGroup {
    /// # Errors
    /// `NON_EMPTY_GROUP` where it has members.
    pub(crate) fn check_empty(&self) -> Result<(), ApiError> {
        if self.members.is_empty() {
            return Ok(());
        }
        Err(ApiError::new(ErrorCode::NonEmptyGroup, "The group is not empty."))
    }

    /// The partitions that the share coordinator keeps.
    pub(crate) fn initialized_partitions(&self) -> Partitions {
        self.state.initialized_partitions()
    }

    /// The share coordinator is about to be asked to begin anew there.
    pub(crate) fn start_at(&self, turn: &mut PlannedTurn<'_>, starts: &Starts) {
        let mut initializing = BTreeMap::new();
        for (topic, starts) in starts {
            if let Some(found) = turn.image.topics.get(topic) {
                let partitions = starts.keys().copied().collect();
                initializing
                    .insert(*topic, Kept { name: Arc::clone(&found.name), partitions, since: turn.now.monotonic });
            }
        }
        if !initializing.is_empty() {
            self.write_state(turn, &self.state.with_initializing(initializing));
        }
    }

    /// Whether there is anything to be deleted, or ever was.
    pub(crate) fn has_state(&self) -> bool {
        self.state.is_recorded
    }

    /// What the share coordinator has to forget of a topic; nothing where it does not keep it.
    pub(crate) fn deletion_of(&self, topic: &Topic) -> BTreeSet<i32> {
        match self.state.initialized.get(&topic.id) {
            Some(kept) => kept.partitions.clone(),
            // It was asked before, and may not have heard.
            None if self.state.deleting.contains(&topic.id) => topic.partitions.keys().copied().collect(),
            None => BTreeSet::new(),
        }
    }

    /// The share coordinator is about to be asked to forget these topics.
    pub(crate) fn delete_topics(&self, turn: &mut PlannedTurn<'_>, topics: &BTreeSet<Uuid>) {
        let mut after = self.state.clone();
        after.initialized.retain(|topic, _| !topics.contains(topic));
        after.deleting.extend(topics);
        self.write_state(turn, &after);
    }

    /// The share coordinator has forgotten these topics.
    pub(crate) fn topics_deleted(&self, turn: &mut PlannedTurn<'_>, topics: &BTreeSet<Uuid>) {
        let mut after = self.state.clone();
        after.deleting.retain(|topic| !topics.contains(topic));
        self.write_state(turn, &after);
    }

    /// All that the share coordinator may know of the group, which it is about to be asked to forget.
    pub(crate) fn delete_all(&self, turn: &mut PlannedTurn<'_>) -> Partitions {
        if !self.state.is_recorded {
            return Partitions::new();
        }
        let all = self.known_partitions(turn.image);
        let deleting = all.keys().copied().collect();
        let after = StatePartitions { is_recorded: true, deleting, ..StatePartitions::default() };
        self.write_state(turn, &after);
        all
    }

    fn known_partitions(&self, image: &MetadataImage) -> Partitions {
        let mut all = Partitions::new();
        for (topic, kept) in self.state.initializing.iter().chain(&self.state.initialized) {
            all.entry(*topic).or_default().extend(&kept.partitions);
        }
        for found in self.state.deleting.iter().filter_map(|topic| image.topics.get(topic)) {
            all.entry(found.id).or_default().extend(found.partitions.keys());
        }
        all
    }
}
