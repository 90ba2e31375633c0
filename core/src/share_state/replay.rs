//! From records back to share partitions: when a partition of `__share_group_state` is loaded, and after each append to it.

use alloc::sync::Arc;

use super::call::StateKey;
use super::coordinator::Coordinator;
use super::state::Known;
use crate::coordinators::Replay;
use crate::records::TransactionResult;
use crate::time::Now;
use crate::types::{Offset, ProducerId};
use crate::wire::{CoordinatorRecord, CoordinatorTopic};

impl Replay for Coordinator {
    const TOPIC: CoordinatorTopic = CoordinatorTopic::ShareGroupState;

    fn apply(&mut self, _now: Now, record: &CoordinatorRecord, at: Offset, _producer: Option<ProducerId>) {
        match record {
            CoordinatorRecord::ShareSnapshot(key, value) => {
                let key =
                    StateKey { group: Arc::from(&*key.group_id), topic_id: key.topic_id, partition: key.partition };
                let limit = self.updates_per_snapshot;
                let known = value.as_ref().map(|value| Known::from_snapshot(value, at, self.states.get(&key), limit));
                self.replace(key, at, known);
            }
            CoordinatorRecord::ShareUpdate(key, Some(value)) => {
                let key =
                    StateKey { group: Arc::from(&*key.group_id), topic_id: key.topic_id, partition: key.partition };
                match self.states.get_mut(&key) {
                    Some(known) => known.update(value),
                    None => {
                        self.states.insert(key, Known::from_update(value));
                    }
                }
            }
            // Other topics' records don't come here, and an update without a value says nothing.
            _ => {}
        }
    }

    /// Nobody writes transactions to this topic.
    fn apply_end(&mut self, _now: Now, _producer: ProducerId, _result: TransactionResult) {}
}

impl Coordinator {
    /// A snapshot at that offset takes the place of all that was told before of its share partition.
    fn replace(&mut self, key: StateKey, at: Offset, known: Option<Known>) {
        let is_there = known.is_some();
        let before = match known {
            Some(known) => self.states.insert(key, known),
            None => self.states.remove(&key),
        };
        if let Some(old) = before.and_then(|known| known.snapshot_at) {
            self.snapshots.remove(&old);
        }
        if is_there {
            self.snapshots.insert(at);
        }
        // A share partition that is forgotten needs nothing from before that.
        self.redundant_before = self.snapshots.first().copied().unwrap_or(at);
    }
}
