//! DescribeGroups: classic groups and their members.

use alloc::format;
use alloc::sync::Arc;

use super::group_answer::{self, GroupResponse, describe_each};
use super::{Caller, authorized};
use crate::broker::Broker;
use crate::error_code::ErrorCode;
use crate::groups::{Coordinator, MemberId};
use crate::time::Now;
use crate::wire::messages::describe_groups::{
    DescribeGroupsRequest, DescribeGroupsResponse, DescribedGroup, DescribedGroupMember,
};
use crate::wire::{Slice, Str};

/// First version in which a group that is not there is an error: before, it was dead.
const NOT_FOUND_SINCE: i16 = 6;

pub(crate) fn handle(broker: &mut Broker, now: Now, caller: Caller, request: &DescribeGroupsRequest) {
    let operations = authorized::if_asked(request.include_authorized_operations, authorized::GROUP);
    let find = |id: &Str| {
        let index = broker.coordinator_of(id)?;
        let coordinator = broker.groups.serving(index).ok_or(ErrorCode::NotCoordinator)?;
        let described = describe(coordinator, id, caller.version);
        let is_there = described.error_code == ErrorCode::None.number();
        let authorized_operations = if is_there { operations } else { described.authorized_operations };
        Ok((index, DescribedGroup { authorized_operations, ..described }))
    };
    let refusal =
        |group_id, error: ErrorCode| DescribedGroup { group_id, error_code: error.number(), ..Default::default() };
    let (groups, partitions) = describe_each(&request.groups, |id| id, find, refusal);
    let response = DescribeGroupsResponse { groups, ..Default::default() };
    group_answer::answer(broker, now, caller, GroupResponse::DescribeGroups(response), partitions);
}

fn describe(coordinator: &Coordinator, id: &Str, version: i16) -> DescribedGroup {
    let group_id = id.clone();
    let known = coordinator.groups.get(&**id);
    let Some(classic) = known.and_then(|known| known.classic()) else {
        let mut dead = DescribedGroup { group_id, group_state: Str::from_static("Dead"), ..Default::default() };
        if version >= NOT_FOUND_SINCE {
            let why = if known.is_some() { "is not a classic group" } else { "not found" };
            dead.error_code = ErrorCode::GroupIdNotFound.number();
            dead.error_message = Some(format!("Group {id} {why}.").into());
        }
        return dead;
    };
    // Before the group is stable, what its members say may not be about the protocol that they agree on; what they have been
    // assigned is still theirs.
    let protocol = classic.protocol().filter(|_| classic.is_stable());
    let members = classic.members().iter().map(|(id, member)| shown(id, member, protocol));
    DescribedGroup {
        group_id,
        group_state: Str::from_static(classic.state().name()),
        protocol_type: classic.protocol_type().map(Str::from).unwrap_or_default(),
        protocol_data: protocol.map(|protocol| Str::from(&**protocol)).unwrap_or_default(),
        members: members.collect(),
        ..Default::default()
    }
}

fn shown(id: &MemberId, member: &crate::groups::Member, protocol: Option<&Arc<str>>) -> DescribedGroupMember {
    let metadata = protocol.and_then(|protocol| member.metadata(protocol)).cloned().unwrap_or_default();
    DescribedGroupMember {
        member_id: Str::from(&**id),
        group_instance_id: member.instance_id.as_deref().map(Str::from),
        client_id: Str::from(&*member.client_id),
        client_host: Str::from(&*member.client_host),
        member_metadata: Slice::from(metadata),
        member_assignment: Slice::from(member.assignment.clone()),
        ..Default::default()
    }
}
