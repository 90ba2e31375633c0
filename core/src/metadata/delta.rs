//! What a stretch of records changed.

use alloc::collections::{BTreeMap, BTreeSet};
use core::ops::Range;

use super::image::{ConfigResource, Topic};
use crate::types::{NodeId, PartitionId};
use crate::wire::Uuid;

/// The differences between two images, as far as someone has to act on them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Delta {
    /// Topics that are new.
    pub topics_created: BTreeSet<Uuid>,
    /// Partitions that are new, those of new topics among them.
    pub partitions_created: BTreeSet<PartitionId>,
    /// Partitions that were there before and have another leader, other replicas, or the like.
    pub partitions_changed: BTreeSet<PartitionId>,
    /// Topics that are gone, as they were. Those that came and went within the stretch are below.
    pub topics_removed: BTreeMap<Uuid, Topic>,
    /// Topics that came and went in between.
    pub topics_passed: BTreeSet<Uuid>,
    /// Resources whose configs were set or removed.
    pub configs_changed: BTreeSet<ConfigResource>,
    /// Brokers that came, changed or left.
    pub brokers_changed: BTreeSet<NodeId>,
    /// Quotas of clients were set or removed.
    pub are_quotas_changed: bool,
    /// Finalized levels changed.
    pub are_features_changed: bool,
    /// Blocks of producer ids that were taken, by whom.
    pub producer_ids_taken: BTreeMap<NodeId, Range<i64>>,
}

impl Delta {
    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn topic_created(&mut self, id: Uuid) {
        self.topics_created.insert(id);
    }

    pub(super) fn partition_created(&mut self, id: PartitionId) {
        self.partitions_created.insert(id);
    }

    pub(super) fn partition_changed(&mut self, id: PartitionId) {
        if !self.partitions_created.contains(&id) {
            self.partitions_changed.insert(id);
        }
    }

    pub(super) fn topic_removed(&mut self, topic: Topic) {
        let is_of = |id: &PartitionId| id.topic_id == topic.id;
        self.partitions_created.retain(|id| !is_of(id));
        self.partitions_changed.retain(|id| !is_of(id));
        if self.topics_created.remove(&topic.id) {
            self.topics_passed.insert(topic.id);
        } else {
            self.topics_removed.insert(topic.id, topic);
        }
    }
}
