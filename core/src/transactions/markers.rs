//! Ends that have to be written to partitions: those that are on their way to the disk, and those that wait for a partition
//! that can't be written to now.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use super::TransactionalId;
use crate::types::{Offset, PartitionId, TopicName};

/// A partition's part in the end of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ending {
    /// The partition of the coordinator.
    pub(crate) coordinator: i32,
    /// Which transaction.
    pub(crate) id: TransactionalId,
    /// The topic of the partition that gets the marker.
    pub(crate) topic: TopicName,
}

/// All of them, by the partition that gets the marker.
#[derive(Debug, Default)]
pub(crate) struct Markers {
    /// Appended up to there, and not yet committed.
    in_flight: BTreeMap<PartitionId, VecDeque<(Offset, Ending)>>,
    /// Not appended: the partition has no log that takes it.
    owed: BTreeMap<PartitionId, BTreeSet<Ending>>,
}

impl Markers {
    /// A marker is appended and ends there.
    pub(crate) fn appended(&mut self, partition: PartitionId, end: Offset, ending: Ending) {
        self.in_flight.entry(partition).or_default().push_back((end, ending));
    }

    /// A marker can't be appended yet.
    pub(crate) fn owe(&mut self, partition: PartitionId, ending: Ending) {
        self.owed.entry(partition).or_default().insert(ending);
    }

    /// The markers of a partition that are committed up to there.
    pub(crate) fn committed(&mut self, partition: PartitionId, high_watermark: Offset) -> Vec<Ending> {
        let Some(in_flight) = self.in_flight.get_mut(&partition) else { return Vec::new() };
        let mut committed = Vec::new();
        while let Some((_, ending)) = in_flight.pop_front_if(|(end, _)| *end <= high_watermark) {
            committed.push(ending);
        }
        if in_flight.is_empty() {
            self.in_flight.remove(&partition);
        }
        committed
    }

    /// What a partition is owed, to be tried anew.
    pub(crate) fn take_owed(&mut self, partition: PartitionId) -> BTreeSet<Ending> {
        self.owed.remove(&partition).unwrap_or_default()
    }

    /// A partition's log can't be written to any more: what was on its way is owed.
    pub(crate) fn lost(&mut self, partition: PartitionId) {
        for (_, ending) in self.in_flight.remove(&partition).unwrap_or_default() {
            self.owe(partition, ending);
        }
    }

    /// A coordinator is no longer one: whoever comes after it begins anew.
    pub(crate) fn forget(&mut self, coordinator: i32) {
        for in_flight in self.in_flight.values_mut() {
            in_flight.retain(|(_, ending)| ending.coordinator != coordinator);
        }
        for owed in self.owed.values_mut() {
            owed.retain(|ending| ending.coordinator != coordinator);
        }
        self.in_flight.retain(|_, in_flight| !in_flight.is_empty());
        self.owed.retain(|_, owed| !owed.is_empty());
    }
}
