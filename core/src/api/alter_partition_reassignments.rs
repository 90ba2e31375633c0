//! AlterPartitionReassignments: other replicas for a partition. With one broker alive, what only drops others or puts them into
//! another order is done at once; what needs another broker to catch up begins and never ends, until it is cancelled.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use super::placement::Placer;
use super::{ApiError, Change, View};
use crate::error_code::ErrorCode;
use crate::metadata::{MetadataImage, Partition, Topic};
use crate::types::NodeId;
use crate::wire::messages::alter_partition_reassignments::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, ReassignablePartition,
    ReassignablePartitionResponse, ReassignableTopicResponse,
};
use crate::wire::messages::metadata_records::PartitionChangeRecord;
use crate::wire::{MetadataRecord, Str, Uuid};

/// Begins, ends or cancels reassignments. `may_elect_unclean` says of a topic whether a replica may lead that is not in sync.
#[must_use]
pub fn handle(
    request: &AlterPartitionReassignmentsRequest,
    view: View<'_>,
    may_elect_unclean: &dyn Fn(Uuid) -> bool,
) -> Change<AlterPartitionReassignmentsResponse> {
    let allow_replication_factor_change = request.allow_replication_factor_change;
    if request.topics.is_empty() {
        let error_message = Some(Str::default());
        return Change::nothing(AlterPartitionReassignmentsResponse { error_message, ..Default::default() });
    }
    let is_late = request.timeout_ms <= 0;
    let mut records = Vec::new();
    let mut responses = Vec::new();
    for topic in &request.topics {
        let mut partitions = Vec::new();
        for asked in &topic.partitions {
            let outcome = if is_late {
                Err(ApiError::bare(ErrorCode::RequestTimedOut))
            } else {
                alter(view.image, &topic.name, asked, (allow_replication_factor_change, may_elect_unclean))
            };
            let (error_code, error_message) = ApiError::parts(outcome.map(|record| records.extend(record)));
            let partition_index = asked.partition_index;
            partitions.push(ReassignablePartitionResponse {
                partition_index,
                error_code,
                error_message,
                ..Default::default()
            });
        }
        responses.push(ReassignableTopicResponse { name: topic.name.clone(), partitions, ..Default::default() });
    }
    let error = if is_late { ErrorCode::RequestTimedOut } else { ErrorCode::None };
    let response = AlterPartitionReassignmentsResponse {
        allow_replication_factor_change,
        error_code: error.number(),
        responses,
        ..Default::default()
    };
    Change { records, response }
}

fn alter(
    image: &MetadataImage,
    name: &str,
    asked: &ReassignablePartition,
    (may_change_factor, may_elect_unclean): (bool, &dyn Fn(Uuid) -> bool),
) -> Result<Option<MetadataRecord>, ApiError> {
    let unknown = |message| ApiError::new(ErrorCode::UnknownTopicOrPartition, message);
    let topic = image.topic(name).ok_or_else(|| unknown(format!("Unable to find a topic named {name}.")))?;
    let index = asked.partition_index;
    let partition =
        topic.partitions.get(&index).ok_or_else(|| unknown(format!("Unable to find partition {name}:{index}.")))?;
    let target = match &asked.replicas {
        Some(replicas) => {
            Placer::new(image).check_assignment(replicas)?;
            if !may_change_factor {
                check_factor(partition, replicas.len())?;
            }
            let replicas: Vec<NodeId> = replicas.iter().copied().map(NodeId).collect();
            Target::towards(partition, &replicas)
        }
        None => Target::back(partition, (name, index), may_elect_unclean(topic.id))?,
    };
    Ok(record(image, topic, index, partition, &target))
}

fn check_factor(partition: &Partition, wanted: usize) -> Result<(), ApiError> {
    let stays = |id: &&NodeId| !partition.removing_replicas.contains(id);
    let factor = partition.replicas.iter().filter(stays).count();
    if factor == wanted {
        return Ok(());
    }
    let message = format!("The replication factor is changed from {factor} to {wanted}");
    Err(ApiError::new(ErrorCode::InvalidReplicationFactor, message))
}

/// What a partition is to become.
#[derive(Debug)]
struct Target {
    replicas: Vec<NodeId>,
    in_sync: Vec<NodeId>,
    adding: Vec<NodeId>,
    removing: Vec<NodeId>,
}

impl Target {
    /// On the way to these replicas: those that leave stay until the new ones are in sync, which they may be already.
    fn towards(partition: &Partition, wanted: &[NodeId]) -> Self {
        let missing_in = |from: &[NodeId], other: &[NodeId]| {
            let mut missing: Vec<NodeId> = from.iter().filter(|id| !other.contains(id)).copied().collect();
            missing.sort_unstable();
            missing
        };
        let removing = missing_in(&partition.replicas, wanted);
        let adding = missing_in(wanted, &partition.replicas);
        let or = |new: Vec<NodeId>, old: &Vec<NodeId>| if new.is_empty() { old.clone() } else { new };
        let mut replicas = wanted.to_vec();
        replicas.extend_from_slice(&removing);
        let target = Self {
            replicas,
            in_sync: partition.in_sync_replicas.clone(),
            adding: or(adding, &partition.adding_replicas),
            removing: or(removing, &partition.removing_replicas),
        };
        target.completed().unwrap_or(target)
    }

    /// Where the reassignment under way came from.
    fn back(partition: &Partition, (name, index): (&str, i32), may_elect_unclean: bool) -> Result<Self, ApiError> {
        if !partition.is_reassigned() {
            return Err(ApiError::bare(ErrorCode::NoReassignmentInProgress));
        }
        let without_added = |ids: &[NodeId]| -> Vec<NodeId> {
            ids.iter().filter(|id| !partition.adding_replicas.contains(id)).copied().collect()
        };
        let replicas = without_added(&partition.replicas);
        let mut in_sync = without_added(&partition.in_sync_replicas);
        let refuse = |message| Err(ApiError::new(ErrorCode::InvalidReplicaAssignment, message));
        let Some(first) = replicas.first() else {
            return refuse("Invalid replica assignment: addingReplicas contains all replicas.".into());
        };
        if in_sync.is_empty() {
            if !may_elect_unclean {
                return refuse(format!(
                    "Unable to revert partition assignment for {name}:{index} because it would require an unclean leader \
                     election."
                ));
            }
            in_sync = vec![*first];
        }
        Ok(Self { replicas, in_sync, adding: Vec::new(), removing: Vec::new() })
    }

    /// The end of the reassignment, where all that stay are in sync.
    fn completed(&self) -> Option<Self> {
        if self.adding.is_empty() && self.removing.is_empty() {
            return None;
        }
        let stay =
            |ids: &[NodeId]| -> Vec<NodeId> { ids.iter().filter(|id| !self.removing.contains(id)).copied().collect() };
        let (replicas, in_sync) = (stay(&self.replicas), stay(&self.in_sync));
        let is_over = !in_sync.is_empty() && !replicas.is_empty() && replicas.iter().all(|id| in_sync.contains(id));
        is_over.then(|| Self { replicas, in_sync, adding: Vec::new(), removing: Vec::new() })
    }
}

/// The change of the partition; none where it is as wanted.
fn record(
    image: &MetadataImage,
    topic: &Topic,
    index: i32,
    partition: &Partition,
    target: &Target,
) -> Option<MetadataRecord> {
    let unchanged = PartitionChangeRecord { topic_id: topic.id, partition_id: index, ..Default::default() };
    let mut record = unchanged.clone();
    let changed = |new: &[NodeId], old: &[NodeId]| (new != old).then(|| new.iter().map(|id| id.0).collect::<Vec<_>>());
    record.replicas = changed(&target.replicas, &partition.replicas);
    record.isr = changed(&target.in_sync, &partition.in_sync_replicas);
    record.adding_replicas = changed(&target.adding, &partition.adding_replicas);
    record.removing_replicas = changed(&target.removing, &partition.removing_replicas);
    if record.replicas.is_some() {
        let directories = directories(image, partition, &target.replicas);
        record.directories = (directories != partition.directories).then_some(directories);
    }
    if !target.in_sync.contains(&partition.leader) {
        record.leader = leader(image, target).0;
    } else if partition.replicas.iter().any(|id| !target.replicas.contains(id)) {
        // Who has left must not go on as the leader's follower: the term ends with it.
        record.leader = partition.leader.0;
    }
    (record != unchanged).then(|| record.into())
}

fn leader(image: &MetadataImage, target: &Target) -> NodeId {
    let is_alive = |id: &&NodeId| image.brokers.get(id).is_some_and(|broker| !broker.is_fenced);
    let can_lead = |id: &&NodeId| target.in_sync.contains(id) && is_alive(id);
    target.replicas.iter().find(can_lead).copied().unwrap_or(NodeId::NONE)
}

/// The directory that each replica has or, where it is new and its broker has but one, gets.
fn directories(image: &MetadataImage, partition: &Partition, replicas: &[NodeId]) -> Vec<Uuid> {
    let old = |id: &NodeId| {
        let at = partition.replicas.iter().position(|old| old == id)?;
        partition.directories.get(at).copied()
    };
    let only = |id: &NodeId| match image.brokers.get(id).map(|broker| broker.log_dirs.as_slice()) {
        Some([only]) => *only,
        _ => Uuid::ZERO,
    };
    replicas.iter().map(|id| old(id).unwrap_or_else(|| only(id))).collect()
}

#[cfg(test)]
#[path = "alter_partition_reassignments_tests.rs"]
mod tests;
