//! Where new partitions go: by the broker's choice or by the client's.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::ApiError;
use crate::error_code::ErrorCode;
use crate::metadata::{BrokerRegistration, MetadataImage};
use crate::types::NodeId;
use crate::wire::messages::metadata_records::PartitionRecord;
use crate::wire::{MetadataRecord, Uuid};

/// Kafka writes at most this many records for one request.
pub(super) const RECORDS_MAX: usize = 10_000;

/// A partition that is about to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    replicas: Vec<NodeId>,
    in_sync_replicas: Vec<NodeId>,
    directories: Vec<Uuid>,
}

/// Chooses brokers and directories, so that each gets its share.
pub(super) struct Placer<'a> {
    image: &'a MetadataImage,
    /// How many partitions each directory of a broker with several holds. Counted when first asked for.
    loads: BTreeMap<NodeId, BTreeMap<Uuid, usize>>,
}

impl<'a> Placer<'a> {
    pub(super) fn new(image: &'a MetadataImage) -> Self {
        Self { image, loads: BTreeMap::new() }
    }

    /// Places partitions `from..from + count` by the broker's choice.
    pub(super) fn place(&mut self, from: i32, count: i32, replication_factor: i16) -> Result<Vec<Placed>, ApiError> {
        let usable: Vec<NodeId> =
            self.image.brokers.iter().filter(|(_, broker)| is_active(broker)).map(|(id, _)| *id).collect();
        let refuse = |reason: String| {
            let message = format!("Unable to replicate the partition {replication_factor} time(s): {reason}");
            Err(ApiError::new(ErrorCode::InvalidReplicationFactor, message))
        };
        let replicas_wanted = usize::try_from(replication_factor).unwrap_or_default();
        if usable.is_empty() {
            return refuse("All brokers are currently fenced or in controlled shutdown.".into());
        }
        if replicas_wanted > usable.len() {
            return refuse(format!(
                "The target replication factor of {replication_factor} cannot be reached because only {} broker(s) are \
                 registered or some brokers have all their log directories cordoned.",
                self.image.brokers.len(),
            ));
        }
        let rotated = |index: i32| {
            let first = usize::try_from(index).unwrap_or_default();
            (0..replicas_wanted).map(|next| usable[(first + next) % usable.len()]).collect()
        };
        Ok((from..from.saturating_add(count)).map(|index| self.on(rotated(index))).collect())
    }

    /// Places one partition by the client's choice. All partitions of a topic have equally many replicas.
    pub(super) fn assign(
        &mut self,
        index: i32,
        broker_ids: &[i32],
        replicas: Option<usize>,
    ) -> Result<Placed, ApiError> {
        let refuse = |message: String| Err(ApiError::new(ErrorCode::InvalidReplicaAssignment, message));
        self.check_assignment(broker_ids)?;
        if let Some(expected) = replicas.filter(|expected| *expected != broker_ids.len()) {
            return refuse(format!(
                "The manual partition assignment includes a partition with {} replica(s), but this is not consistent \
                 with previous partitions, which have {expected} replica(s).",
                broker_ids.len(),
            ));
        }
        let placed = self.on(broker_ids.iter().copied().map(NodeId).collect());
        if placed.in_sync_replicas.is_empty() {
            return refuse(format!(
                "All brokers specified in the manual partition assignment for partition {index} are fenced or in \
                 controlled shutdown."
            ));
        }
        Ok(placed)
    }

    /// Refuses an assignment that names nobody, somebody unknown, or somebody twice.
    pub(super) fn check_assignment(&self, broker_ids: &[i32]) -> Result<(), ApiError> {
        let refuse = |message: String| Err(ApiError::new(ErrorCode::InvalidReplicaAssignment, message));
        if broker_ids.is_empty() {
            return refuse("The manual partition assignment includes an empty replica list.".into());
        }
        let mut sorted = broker_ids.to_vec();
        sorted.sort_unstable();
        for (position, id) in sorted.iter().enumerate() {
            if !self.image.brokers.contains_key(&NodeId(*id)) {
                return refuse(format!(
                    "The manual partition assignment includes broker {id}, but no such broker is registered."
                ));
            }
            if position > 0 && sorted[position - 1] == *id {
                return refuse(format!("The manual partition assignment includes the broker {id} more than once."));
            }
        }
        Ok(())
    }

    fn on(&mut self, replicas: Vec<NodeId>) -> Placed {
        let in_sync = |id: &NodeId| self.image.brokers.get(id).is_some_and(is_active);
        Placed {
            in_sync_replicas: replicas.iter().copied().filter(in_sync).collect(),
            directories: replicas.iter().map(|id| self.directory(*id)).collect(),
            replicas,
        }
    }

    /// The directory of a broker that holds the fewest partitions; zero where it has told none.
    fn directory(&mut self, node: NodeId) -> Uuid {
        let log_dirs = self.image.brokers.get(&node).map_or(&[][..], |broker| &broker.log_dirs);
        if let [] | [_] = log_dirs {
            return log_dirs.first().copied().unwrap_or(Uuid::ZERO);
        }
        let image = self.image;
        let loads = self.loads.entry(node).or_insert_with(|| loads_of(node, log_dirs, image));
        // The first of the least loaded, in the order of the broker's log.dirs.
        let least = log_dirs.iter().copied().min_by_key(|id| loads.get(id).copied().unwrap_or_default());
        let chosen = least.expect("there are several");
        *loads.entry(chosen).or_default() += 1;
        chosen
    }
}

impl Placed {
    pub(super) fn replication_factor(&self) -> usize {
        self.replicas.len()
    }

    pub(super) fn record(&self, topic_id: Uuid, index: i32) -> MetadataRecord {
        let plain = |ids: &[NodeId]| ids.iter().map(|id| id.0).collect::<Vec<_>>();
        PartitionRecord {
            partition_id: index,
            topic_id,
            replicas: plain(&self.replicas),
            isr: plain(&self.in_sync_replicas),
            leader: self.in_sync_replicas.first().map_or(-1, |id| id.0),
            leader_epoch: 0,
            partition_epoch: 0,
            directories: self.directories.clone(),
            ..Default::default()
        }
        .into()
    }
}

fn is_active(broker: &BrokerRegistration) -> bool {
    !broker.is_fenced && !broker.is_in_controlled_shutdown
}

fn loads_of(node: NodeId, log_dirs: &[Uuid], image: &MetadataImage) -> BTreeMap<Uuid, usize> {
    let mut loads: BTreeMap<Uuid, usize> = log_dirs.iter().map(|id| (*id, 0)).collect();
    for partition in image.topics.values().flat_map(|topic| topic.partitions.values()) {
        for (replica, directory) in partition.replicas.iter().zip(&partition.directories) {
            if *replica == node
                && let Some(load) = loads.get_mut(directory)
            {
                *load += 1;
            }
        }
    }
    loads
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::testing::{Cluster, DIRECTORY};

    #[test]
    fn a_new_partition_goes_where_the_fewest_are() {
        let mut cluster = Cluster::new();
        cluster.add("a", 5, 2);
        cluster.image.brokers.get_mut(&NodeId(1)).expect("the broker").log_dirs = alloc::vec![DIRECTORY, Uuid(78)];
        let placed = Placer::new(&cluster.image).place(0, 4, 1).expect("a place");
        let directories: Vec<_> = placed.iter().map(|placed| placed.directories[0].0).collect();
        assert_eq!(directories, [78, 78, 77, 78]);
    }

    #[test]
    fn no_partition_has_more_replicas_than_there_are_brokers() {
        let cluster = Cluster::new();
        let error = Placer::new(&cluster.image).place(0, 1, 2).expect_err("one broker");
        assert_eq!(error.code, ErrorCode::InvalidReplicationFactor);
        assert_eq!(
            error.message.as_deref(),
            Some(
                "Unable to replicate the partition 2 time(s): The target replication factor of 2 cannot be reached \
                 because only 1 broker(s) are registered or some brokers have all their log directories cordoned."
            )
        );
    }

    #[test]
    fn a_fenced_broker_gets_no_partition() {
        let mut cluster = Cluster::new();
        cluster.image.brokers.get_mut(&NodeId(1)).expect("the broker").is_fenced = true;
        let error = Placer::new(&cluster.image).place(0, 1, 1).expect_err("no broker");
        assert_eq!(error.code, ErrorCode::InvalidReplicationFactor);
        let error = Placer::new(&cluster.image).assign(0, &[1], None).expect_err("no broker");
        assert_eq!(error.code, ErrorCode::InvalidReplicaAssignment);
    }
}
