//! A streams group's records: those that events write, and what each does to a group when it is replayed.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::member::About;
use super::tasks::{Held, SubtopologyId, TaskSet, Tasks, TasksSince};
use super::{LEAVING_EPOCH, Member, MemberState, StreamsGroup, Topology};
use crate::groups::group::MemberId;
use crate::wire::messages::streams_group_records::{
    AssignedTaskIds, Endpoint, KeyValue, LastAssignmentConfig, StreamsGroupCurrentMemberAssignmentKey,
    StreamsGroupCurrentMemberAssignmentValue, StreamsGroupMemberMetadataKey, StreamsGroupMemberMetadataValue,
    StreamsGroupMetadataKey, StreamsGroupMetadataValue, StreamsGroupTargetAssignmentMemberKey,
    StreamsGroupTargetAssignmentMemberValue, StreamsGroupTargetAssignmentMetadataKey,
    StreamsGroupTargetAssignmentMetadataValue, StreamsGroupTopologyKey, TaskIds,
};
use crate::wire::{CoordinatorRecord as Record, Str};

/// The epoch of a group, and what it was raised for.
pub(super) fn group(
    group: &str,
    epoch: i32,
    metadata_hash: i64,
    validated_topology_epoch: i32,
    assignment_configs: &BTreeMap<Arc<str>, Arc<str>>,
) -> Record {
    let config = |(key, value): (&Arc<str>, &Arc<str>)| LastAssignmentConfig {
        key: Str::from(&**key),
        value: Str::from(&**value),
        ..Default::default()
    };
    let value = StreamsGroupMetadataValue {
        epoch,
        metadata_hash,
        validated_topology_epoch,
        last_assignment_configs: Some(assignment_configs.iter().map(config).collect()),
        ..Default::default()
    };
    Record::StreamsGroupMetadata(group_key(group), Some(value))
}

/// The topology that the group runs.
pub(super) fn topology(group: &str, topology: &Topology) -> Record {
    Record::StreamsGroupTopology(topology_key(group), Some(topology.value().clone()))
}

/// What a member said of itself.
pub(super) fn member(group: &str, id: &str, about: &About) -> Record {
    let text = |text: &Option<Arc<str>>| text.as_deref().map(Str::from);
    let tag = |(key, value): (&Arc<str>, &Arc<str>)| KeyValue {
        key: Str::from(&**key),
        value: Str::from(&**value),
        ..Default::default()
    };
    let value = StreamsGroupMemberMetadataValue {
        instance_id: text(&about.instance_id),
        rack_id: text(&about.rack_id),
        client_id: Str::from(&*about.client_id),
        client_host: Str::from(&*about.client_host),
        rebalance_timeout_ms: about.rebalance_timeout_ms,
        topology_epoch: about.topology_epoch,
        process_id: Str::from(&*about.process_id),
        user_endpoint: about.user_endpoint.as_ref().map(|(host, port)| Endpoint {
            host: Str::from(&**host),
            port: *port,
            ..Default::default()
        }),
        client_tags: about.client_tags.iter().map(tag).collect(),
        ..Default::default()
    };
    Record::StreamsGroupMemberMetadata(member_key(group, id), Some(value))
}

/// What a member shall have.
pub(super) fn target(group: &str, id: &str, tasks: &Tasks) -> Record {
    let value = StreamsGroupTargetAssignmentMemberValue {
        active_tasks: task_ids(&tasks.active),
        standby_tasks: task_ids(&tasks.standby),
        warmup_tasks: task_ids(&tasks.warmup),
        ..Default::default()
    };
    Record::StreamsGroupTargetAssignmentMember(target_key(group, id), Some(value))
}

/// For which epoch all that was made, and when.
pub(super) fn target_made(group: &str, epoch: i32, made_ms: i64) -> Record {
    let value = StreamsGroupTargetAssignmentMetadataValue {
        assignment_epoch: epoch,
        assignment_timestamp: made_ms,
        ..Default::default()
    };
    Record::StreamsGroupTargetAssignmentMetadata(target_made_key(group), Some(value))
}

/// How far a member has got.
pub(super) fn current(group: &str, id: &str, member: &Member) -> Record {
    let value = StreamsGroupCurrentMemberAssignmentValue {
        member_epoch: member.epoch,
        previous_member_epoch: member.previous_epoch,
        state: member.state as i8,
        active_tasks: tasks_since(&member.assigned.active),
        standby_tasks: assigned_ids(&member.assigned.standby),
        warmup_tasks: assigned_ids(&member.assigned.warmup),
        active_tasks_pending_revocation: tasks_since(&member.revoking.active),
        standby_tasks_pending_revocation: assigned_ids(&member.revoking.standby),
        warmup_tasks_pending_revocation: assigned_ids(&member.revoking.warmup),
        ..Default::default()
    };
    Record::StreamsGroupCurrentMemberAssignment(current_key(group, id), Some(value))
}

/// A member goes, in the order that Kafka insists on.
pub(super) fn member_removed(group: &str, id: &str) -> [Record; 3] {
    [
        Record::StreamsGroupCurrentMemberAssignment(current_key(group, id), None),
        Record::StreamsGroupTargetAssignmentMember(target_key(group, id), None),
        Record::StreamsGroupMemberMetadata(member_key(group, id), None),
    ]
}

/// A group goes, in the order that Kafka insists on.
pub(crate) fn group_removed<'a>(group: &str, members: impl Iterator<Item = &'a MemberId> + Clone) -> Vec<Record> {
    let mut records: Vec<Record> =
        members.clone().map(|id| Record::StreamsGroupCurrentMemberAssignment(current_key(group, id), None)).collect();
    let targets = members.clone().map(|id| Record::StreamsGroupTargetAssignmentMember(target_key(group, id), None));
    records.extend(targets);
    records.push(Record::StreamsGroupTargetAssignmentMetadata(target_made_key(group), None));
    records.extend(members.map(|id| Record::StreamsGroupMemberMetadata(member_key(group, id), None)));
    records.push(Record::StreamsGroupMetadata(group_key(group), None));
    records.push(Record::StreamsGroupTopology(topology_key(group), None));
    records
}

impl StreamsGroup {
    /// Whether the record is of a streams group; of which, and whether it says something rather than that something is gone.
    pub(crate) fn is_told_by(record: &Record) -> Option<(&Str, bool)> {
        Some(match record {
            Record::StreamsGroupMetadata(key, value) => (&key.group_id, value.is_some()),
            Record::StreamsGroupTopology(key, value) => (&key.group_id, value.is_some()),
            Record::StreamsGroupMemberMetadata(key, value) => (&key.group_id, value.is_some()),
            Record::StreamsGroupTargetAssignmentMetadata(key, value) => (&key.group_id, value.is_some()),
            Record::StreamsGroupTargetAssignmentMember(key, value) => (&key.group_id, value.is_some()),
            Record::StreamsGroupCurrentMemberAssignment(key, value) => (&key.group_id, value.is_some()),
            _ => return None,
        })
    }

    /// Applies a record of this group. That the group itself is gone is for its coordinator.
    pub(crate) fn replay(&mut self, record: &Record) {
        match record {
            Record::StreamsGroupMetadata(_, Some(value)) => self.replay_group(value),
            Record::StreamsGroupTopology(_, value) => {
                self.topology = value.as_ref().map(|value| Arc::new(Topology::of_record(value)));
            }
            Record::StreamsGroupMemberMetadata(key, value) => self.replay_about(&key.member_id, value.as_ref()),
            Record::StreamsGroupTargetAssignmentMetadata(_, value) => {
                let made = value.as_ref().map(|value| (value.assignment_epoch, value.assignment_timestamp));
                (self.target.epoch, self.target.made_ms) = made.unwrap_or((-1, 0));
            }
            Record::StreamsGroupTargetAssignmentMember(key, value) => {
                self.replay_target(&key.member_id, value.as_ref());
            }
            Record::StreamsGroupCurrentMemberAssignment(key, value) => {
                self.replay_current(&key.member_id, value.as_ref());
            }
            _ => {}
        }
    }

    fn replay_group(&mut self, value: &StreamsGroupMetadataValue) {
        self.epoch = value.epoch;
        self.metadata_hash = value.metadata_hash;
        self.validated_topology_epoch = value.validated_topology_epoch;
        let configs = value.last_assignment_configs.iter().flatten();
        self.assignment_configs = configs.map(|config| (Arc::from(&*config.key), Arc::from(&*config.value))).collect();
    }

    fn replay_about(&mut self, id: &str, value: Option<&StreamsGroupMemberMetadataValue>) {
        let Some(value) = value else { return self.remove(id) };
        let (id, before) = self.known_or_new(id);
        self.put(id, Member { about: Arc::new(about_of(value)), ..before });
    }

    fn replay_target(&mut self, id: &str, value: Option<&StreamsGroupTargetAssignmentMemberValue>) {
        let Some(value) = value else {
            self.target.by_member.remove(id);
            return;
        };
        let tasks = Tasks {
            active: task_set(tasks_of_ids(&value.active_tasks)),
            standby: task_set(tasks_of_ids(&value.standby_tasks)),
            warmup: task_set(tasks_of_ids(&value.warmup_tasks)),
        };
        let id = self.members.get_key_value(id).map_or_else(|| id.into(), |(id, _)| Arc::clone(id));
        self.target.by_member.insert(id, tasks);
    }

    fn replay_current(&mut self, id: &str, value: Option<&StreamsGroupCurrentMemberAssignmentValue>) {
        let Some(value) = value else {
            if let Some(before) = self.members.get(id).cloned() {
                let (epoch, nothing) = (LEAVING_EPOCH, Held::default());
                let gone =
                    Member { epoch, previous_epoch: epoch, assigned: nothing.clone(), revoking: nothing, ..before };
                self.put(id.into(), gone);
            }
            return;
        };
        let (id, before) = self.known_or_new(id);
        let epoch = value.member_epoch;
        let member = Member {
            epoch,
            previous_epoch: value.previous_member_epoch,
            state: MemberState::from_number(value.state),
            about: before.about,
            assigned: Held {
                active: held_since(&value.active_tasks, epoch),
                standby: task_set(tasks_of_assigned(&value.standby_tasks)),
                warmup: task_set(tasks_of_assigned(&value.warmup_tasks)),
            },
            revoking: Held {
                active: held_since(&value.active_tasks_pending_revocation, epoch),
                standby: task_set(tasks_of_assigned(&value.standby_tasks_pending_revocation)),
                warmup: task_set(tasks_of_assigned(&value.warmup_tasks_pending_revocation)),
            },
        };
        self.put(id, member);
    }

    fn known_or_new(&self, id: &str) -> (MemberId, Member) {
        match self.members.get_key_value(id) {
            Some((id, member)) => (Arc::clone(id), member.clone()),
            None => (id.into(), Member::new()),
        }
    }
}

fn about_of(value: &StreamsGroupMemberMetadataValue) -> About {
    let text = |text: &Option<Str>| text.as_deref().map(Arc::from);
    About {
        instance_id: text(&value.instance_id),
        rack_id: text(&value.rack_id),
        client_id: Arc::from(&*value.client_id),
        client_host: Arc::from(&*value.client_host),
        rebalance_timeout_ms: value.rebalance_timeout_ms,
        topology_epoch: value.topology_epoch,
        process_id: Arc::from(&*value.process_id),
        user_endpoint: value.user_endpoint.as_ref().map(|endpoint| (Arc::from(&*endpoint.host), endpoint.port)),
        client_tags: value.client_tags.iter().map(|tag| (Arc::from(&*tag.key), Arc::from(&*tag.value))).collect(),
    }
}

fn task_ids(tasks: &TaskSet) -> Vec<TaskIds> {
    let of_subtopology = |(id, partitions): (&SubtopologyId, &BTreeSet<i32>)| TaskIds {
        subtopology_id: Str::from(&**id),
        partitions: partitions.iter().copied().collect(),
        ..Default::default()
    };
    tasks.iter().map(of_subtopology).collect()
}

fn assigned_ids(tasks: &TaskSet) -> Vec<AssignedTaskIds> {
    let of_subtopology = |(id, partitions): (&SubtopologyId, &BTreeSet<i32>)| AssignedTaskIds {
        subtopology_id: Str::from(&**id),
        partitions: partitions.iter().copied().collect(),
        ..Default::default()
    };
    tasks.iter().map(of_subtopology).collect()
}

fn tasks_since(tasks: &TasksSince) -> Vec<AssignedTaskIds> {
    let of_subtopology = |(id, partitions): (&SubtopologyId, &BTreeMap<i32, i32>)| AssignedTaskIds {
        subtopology_id: Str::from(&**id),
        partitions: partitions.keys().copied().collect(),
        assignment_epochs: Some(partitions.values().copied().collect()),
        ..Default::default()
    };
    tasks.iter().map(of_subtopology).collect()
}

fn tasks_of_ids(tasks: &[TaskIds]) -> impl Iterator<Item = (&Str, &Vec<i32>)> {
    tasks.iter().map(|of| (&of.subtopology_id, &of.partitions))
}

fn tasks_of_assigned(tasks: &[AssignedTaskIds]) -> impl Iterator<Item = (&Str, &Vec<i32>)> {
    tasks.iter().map(|of| (&of.subtopology_id, &of.partitions))
}

fn task_set<'a>(tasks: impl Iterator<Item = (&'a Str, &'a Vec<i32>)>) -> TaskSet {
    let mut set = TaskSet::new();
    for (id, partitions) in tasks.filter(|(_, partitions)| !partitions.is_empty()) {
        set.entry(Arc::from(&**id)).or_default().extend(partitions);
    }
    set
}

/// Where a record does not say since when, it is since the member's epoch.
fn held_since(tasks: &[AssignedTaskIds], member_epoch: i32) -> TasksSince {
    let mut set = TasksSince::new();
    for of in tasks.iter().filter(|of| !of.partitions.is_empty()) {
        let epochs = of.assignment_epochs.as_deref().filter(|epochs| epochs.len() == of.partitions.len());
        let since = |at: usize| epochs.map_or(member_epoch, |epochs| epochs[at]);
        let held = set.entry(Arc::from(&*of.subtopology_id)).or_default();
        held.extend(of.partitions.iter().enumerate().map(|(at, partition)| (*partition, since(at))));
    }
    set
}

fn group_key(group: &str) -> StreamsGroupMetadataKey {
    StreamsGroupMetadataKey { group_id: Str::from(group), ..Default::default() }
}

fn topology_key(group: &str) -> StreamsGroupTopologyKey {
    StreamsGroupTopologyKey { group_id: Str::from(group), ..Default::default() }
}

fn member_key(group: &str, id: &str) -> StreamsGroupMemberMetadataKey {
    StreamsGroupMemberMetadataKey { group_id: Str::from(group), member_id: Str::from(id), ..Default::default() }
}

fn target_made_key(group: &str) -> StreamsGroupTargetAssignmentMetadataKey {
    StreamsGroupTargetAssignmentMetadataKey { group_id: Str::from(group), ..Default::default() }
}

fn target_key(group: &str, id: &str) -> StreamsGroupTargetAssignmentMemberKey {
    StreamsGroupTargetAssignmentMemberKey { group_id: Str::from(group), member_id: Str::from(id), ..Default::default() }
}

fn current_key(group: &str, id: &str) -> StreamsGroupCurrentMemberAssignmentKey {
    StreamsGroupCurrentMemberAssignmentKey {
        group_id: Str::from(group),
        member_id: Str::from(id),
        ..Default::default()
    }
}
