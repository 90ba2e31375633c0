//! DeleteGroups: groups without members are forgotten, with all that they have committed. Of share groups the share coordinator
//! forgets what it knows first.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::Caller;
use super::group_answer::{self, GroupResponse};
use crate::broker::{Asker, Broker, ShareQuestion, calls_to};
use crate::error_code::ErrorCode;
use crate::groups::GroupId;
use crate::share_state::{StateCall, StateKey, StateResult};
use crate::time::Now;
use crate::wire::messages::delete_groups::{DeletableGroupResult, DeleteGroupsRequest, DeleteGroupsResponse};

/// A request that waits for the share coordinator.
#[derive(Debug)]
pub(crate) struct Deleting {
    caller: Caller,
    results: Vec<DeletableGroupResult>,
}

pub(crate) fn handle(broker: &mut Broker, now: Now, caller: Caller, request: &DeleteGroupsRequest) {
    let mut seen = BTreeSet::new();
    let mut results = Vec::new();
    let mut calls = Vec::new();
    for group_id in request.groups_names.iter().filter(|group| seen.insert(*group)) {
        let error_code = match begin(broker, now, group_id) {
            Ok(of_group) => {
                calls.extend(of_group);
                ErrorCode::None.number()
            }
            Err(error) => error.number(),
        };
        results.push(DeletableGroupResult { group_id: group_id.clone(), error_code, ..Default::default() });
    }
    let deleting = Deleting { caller, results };
    if calls.is_empty() {
        return answered(broker, now, deleting, &[]);
    }
    broker.ask_share_state(now, calls, Asker::Groups(ShareQuestion::DeleteGroups(deleting)));
}

/// Checks that a group may go; what the share coordinator has to forget of it.
fn begin(broker: &mut Broker, now: Now, group: &str) -> Result<Vec<(StateKey, StateCall)>, ErrorCode> {
    let index = broker.coordinator_of(group)?;
    let coordinator = broker.groups.serving(index).ok_or(ErrorCode::NotCoordinator)?;
    coordinator.check_delete(group)?;
    if coordinator.share(group).is_none() {
        return Ok(Vec::new());
    }
    let group = GroupId::from(group);
    let mut partitions = Default::default();
    broker.change_share_group(now, index, &group, |known, turn| partitions = known.delete_all(turn))?;
    Ok(calls_to(&group, &partitions, &StateCall::Delete))
}

/// The share coordinator has forgotten what it was to forget, or not.
pub(crate) fn answered(broker: &mut Broker, now: Now, mut deleting: Deleting, results: &[StateResult]) {
    let mut partitions = Vec::new();
    for group in deleting.results.iter_mut().filter(|group| group.error_code == ErrorCode::None.number()) {
        let mut of_group = results.iter().filter(|result| *result.key.group == *group.group_id);
        let failed = of_group.find_map(|result| result.outcome.as_ref().err());
        let deleted = match failed {
            Some(error) => Err(error.code),
            None => delete(broker, now, &group.group_id),
        };
        match deleted {
            Ok(index) => partitions.push(index),
            Err(error) => group.error_code = error.number(),
        }
    }
    let response = DeleteGroupsResponse { results: deleting.results, ..Default::default() };
    group_answer::answer(broker, now, deleting.caller, GroupResponse::DeleteGroups(response), partitions);
}

fn delete(broker: &mut Broker, now: Now, group: &str) -> Result<i32, ErrorCode> {
    let index = broker.coordinator_of(group)?;
    let coordinator = broker.groups.serving(index).ok_or(ErrorCode::NotCoordinator)?;
    coordinator.check_delete(group)?;
    let records = coordinator.deletion(group);
    broker.forget_offsets(now, index, &records)?;
    Ok(index)
}
