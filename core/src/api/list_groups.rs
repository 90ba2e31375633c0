//! ListGroups: the groups that this broker coordinates.

use alloc::vec::Vec;

use super::Caller;
use super::group_answer::{self, GroupResponse};
use crate::broker::Broker;
use crate::coordinators::State;
use crate::error_code::ErrorCode;
use crate::groups::Group;
use crate::time::Now;
use crate::wire::Str;
use crate::wire::messages::list_groups::{ListGroupsRequest, ListGroupsResponse, ListedGroup};

pub(crate) fn handle(broker: &mut Broker, now: Now, caller: Caller, request: &ListGroupsRequest) {
    let is_loading = broker.groups.coordinators.states().any(|(_, state)| matches!(state, State::Loading(_)));
    let error = match (broker.is_stopping(), is_loading) {
        (true, _) => ErrorCode::CoordinatorNotAvailable,
        (false, true) => ErrorCode::CoordinatorLoadInProgress,
        (false, false) => ErrorCode::None,
    };
    if error != ErrorCode::None {
        let response = ListGroupsResponse { error_code: error.number(), ..Default::default() };
        return broker.answer(caller, &response, Vec::new());
    }
    let mut partitions = Vec::new();
    let mut groups = Vec::new();
    for (index, coordinator) in broker.groups.all_serving() {
        partitions.push(index);
        let wanted = coordinator.groups.iter().filter(|(_, group)| is_wanted(group, request));
        groups.extend(wanted.map(|(id, group)| listed(id, group)));
    }
    let response = ListGroupsResponse { groups, ..Default::default() };
    group_answer::answer(broker, now, caller, GroupResponse::ListGroups(response), partitions);
}

fn is_wanted(group: &Group, request: &ListGroupsRequest) -> bool {
    let is_among =
        |filter: &[Str], name: &str| filter.is_empty() || filter.iter().any(|wanted| wanted.eq_ignore_ascii_case(name));
    // As in Kafka, which looks for this one under another name than it tells.
    let state = if group.state_name() == "NotReady" { "not_ready" } else { group.state_name() };
    is_among(&request.states_filter, state) && is_among(&request.types_filter, group.group_type().name())
}

fn listed(id: &str, group: &Group) -> ListedGroup {
    let protocol_type = match group.classic() {
        Some(classic) => classic.protocol_type().unwrap_or_default(),
        None => group.group_type().name(),
    };
    ListedGroup {
        group_id: Str::from(id),
        protocol_type: Str::from(protocol_type),
        group_state: Str::from_static(group.state_name()),
        group_type: Str::from_static(group.group_type().name()),
        ..Default::default()
    }
}
