//! What is asked of a group of any kind.

use ottla_core::wire::messages::delete_groups::{DeleteGroupsRequest, DeleteGroupsResponse};
use ottla_core::wire::messages::find_coordinator::{FindCoordinatorRequest, FindCoordinatorResponse};
use ottla_core::wire::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
};
use ottla_core::wire::messages::join_group::{JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse};
use ottla_core::wire::messages::list_groups::{ListGroupsRequest, ListGroupsResponse};
use ottla_core::wire::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic, OffsetCommitResponse,
};
use ottla_core::wire::messages::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteRequestTopic, OffsetDeleteResponse,
};
use ottla_core::wire::messages::offset_fetch::{OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchResponse};
use ottla_core::wire::{Slice, Str};

use super::World;

/// A group, and the topic that it reads.
#[derive(Clone, Copy)]
pub struct Group {
    pub name: &'static str,
    pub topic: &'static str,
}

impl Group {
    /// Looks for its coordinator, which then serves.
    pub fn find(self, world: &mut World) {
        let request = FindCoordinatorRequest { coordinator_keys: vec![self.name.into()], ..Default::default() };
        let found: FindCoordinatorResponse = world.call(6, &request);
        assert_eq!(found.coordinators[0].error_code, 0, "{found:?}");
    }

    /// Sets one of its configs.
    pub fn alter(self, world: &mut World, name: &str, value: &str) -> i16 {
        let config = AlterableConfig { name: name.into(), value: Some(value.into()), ..Default::default() };
        let resource = AlterConfigsResource {
            resource_type: 32,
            resource_name: self.name.into(),
            configs: vec![config],
            ..Default::default()
        };
        let request = IncrementalAlterConfigsRequest { resources: vec![resource], ..Default::default() };
        let answer: IncrementalAlterConfigsResponse = world.call(1, &request);
        answer.responses[0].error_code
    }

    /// Somebody joins as a member of a classic group.
    pub fn join(self, world: &mut World) -> i16 {
        let protocol =
            JoinGroupRequestProtocol { name: "range".into(), metadata: Slice::default(), ..Default::default() };
        let request = JoinGroupRequest {
            group_id: self.name.into(),
            session_timeout_ms: 10_000,
            rebalance_timeout_ms: 10_000,
            protocol_type: "consumer".into(),
            protocols: vec![protocol],
            ..Default::default()
        };
        let answer: JoinGroupResponse = world.call(9, &request);
        answer.error_code
    }

    /// Commits offset 1 of a partition.
    pub fn commit(self, world: &mut World, version: i16, (member, epoch): (&str, i32), partition_index: i32) -> i16 {
        let partition = OffsetCommitRequestPartition { partition_index, committed_offset: 1, ..Default::default() };
        let topic =
            OffsetCommitRequestTopic { name: self.topic.into(), partitions: vec![partition], ..Default::default() };
        let request = OffsetCommitRequest {
            group_id: self.name.into(),
            generation_id_or_member_epoch: epoch,
            member_id: member.into(),
            topics: vec![topic],
            ..Default::default()
        };
        let answer: OffsetCommitResponse = world.call(version, &request);
        answer.topics[0].partitions[0].error_code
    }

    /// The group's error, and how many offsets are told.
    pub fn fetch(self, world: &mut World, member: Option<&str>, member_epoch: i32) -> (i16, usize) {
        let group = OffsetFetchRequestGroup {
            group_id: self.name.into(),
            member_id: member.map(Str::from),
            member_epoch,
            topics: None,
            ..Default::default()
        };
        let request = OffsetFetchRequest { groups: vec![group], ..Default::default() };
        let answer: OffsetFetchResponse = world.call(9, &request);
        let offsets = answer.groups[0].topics.iter().map(|topic| topic.partitions.len()).sum();
        (answer.groups[0].error_code, offsets)
    }

    /// Deletes the offset of partition 0.
    pub fn delete_offset(self, world: &mut World) -> i16 {
        let partitions = vec![OffsetDeleteRequestPartition { partition_index: 0, ..Default::default() }];
        let topics = vec![OffsetDeleteRequestTopic { name: self.topic.into(), partitions, ..Default::default() }];
        let request = OffsetDeleteRequest { group_id: self.name.into(), topics, ..Default::default() };
        let answer: OffsetDeleteResponse = world.call(0, &request);
        assert_eq!(answer.error_code, 0);
        answer.topics[0].partitions[0].error_code
    }

    /// Deletes it whole.
    pub fn delete(self, world: &mut World) -> i16 {
        let request = DeleteGroupsRequest { groups_names: vec![self.name.into()], ..Default::default() };
        let answer: DeleteGroupsResponse = world.call(2, &request);
        answer.results[0].error_code
    }
}

/// Names and states of groups of these types and states.
pub fn listed(world: &mut World, types: &[&str], states: &[&str]) -> Vec<(String, String)> {
    let all = |filter: &[&str]| filter.iter().map(|wanted| Str::from(*wanted)).collect();
    let request = ListGroupsRequest { types_filter: all(types), states_filter: all(states), ..Default::default() };
    let answer: ListGroupsResponse = world.call(5, &request);
    answer.groups.iter().map(|group| (group.group_id.to_string(), group.group_state.to_string())).collect()
}
