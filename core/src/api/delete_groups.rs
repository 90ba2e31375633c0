//! DeleteGroups: groups without members are forgotten, with all that they have committed.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::Caller;
use super::group_answer::{self, GroupResponse};
use crate::broker::Broker;
use crate::error_code::ErrorCode;
use crate::time::Now;
use crate::wire::messages::delete_groups::{DeletableGroupResult, DeleteGroupsRequest, DeleteGroupsResponse};

pub(crate) fn handle(broker: &mut Broker, now: Now, caller: Caller, request: &DeleteGroupsRequest) {
    let mut seen = BTreeSet::new();
    let mut partitions = Vec::new();
    let mut results = Vec::new();
    for group_id in request.groups_names.iter().filter(|group| seen.insert(*group)) {
        let error_code = match delete(broker, now, group_id) {
            Ok(index) => {
                partitions.push(index);
                ErrorCode::None.number()
            }
            Err(error) => error.number(),
        };
        results.push(DeletableGroupResult { group_id: group_id.clone(), error_code, ..Default::default() });
    }
    let response = DeleteGroupsResponse { results, ..Default::default() };
    group_answer::answer(broker, now, caller, GroupResponse::DeleteGroups(response), partitions);
}

fn delete(broker: &mut Broker, now: Now, group: &str) -> Result<i32, ErrorCode> {
    let index = broker.coordinator_of(group)?;
    let coordinator = broker.groups.serving(index).ok_or(ErrorCode::NotCoordinator)?;
    coordinator.check_delete(group)?;
    let records = coordinator.deletion(group);
    broker.forget_offsets(now, index, &records)?;
    Ok(index)
}
