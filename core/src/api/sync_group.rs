//! SyncGroup: the second step of a rebalance. The answer waits until the leader's assignments are committed.

use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;

use super::Caller;
use super::group_answer::{self, GroupResponse};
use crate::broker::Broker;
use crate::error_code::ErrorCode;
use crate::groups::{ClassicSync, GroupId, Sync, sync_refusal};
use crate::time::Now;
use crate::wire::messages::sync_group::{SyncGroupRequest, SyncGroupResponse};

/// First version in which a member must say what it takes for the group's protocol.
const PROTOCOL_SINCE: i16 = 5;

pub(crate) fn handle(broker: &mut Broker, now: Now, caller: Caller, request: SyncGroupRequest) {
    let lacks_protocol = request.protocol_type.is_none() || request.protocol_name.is_none();
    let found = if caller.version >= PROTOCOL_SINCE && lacks_protocol {
        Err(ErrorCode::InconsistentGroupProtocol)
    } else if request.group_id.is_empty() {
        Err(ErrorCode::InvalidGroupId)
    } else {
        broker.coordinator_of(&request.group_id)
    };
    let index = match found {
        Ok(index) => index,
        Err(error) => return answer(broker, caller, &sync_refusal(error)),
    };
    let group = GroupId::from(&*request.group_id);
    let coordinator = broker.groups.serving(index).expect("it was just found");
    if coordinator.consumer(&group).is_some() {
        return sync_consumer(broker, now, caller, &request, (index, &group));
    }
    let assignments = request
        .assignments
        .iter()
        .map(|assignment| (Arc::from(&*assignment.member_id), Bytes::copy_from_slice(&assignment.assignment)));
    let sync = Sync {
        caller,
        member_id: Arc::from(&*request.member_id),
        generation: request.generation_id,
        assignments: assignments.collect(),
        instance_id: request.group_instance_id,
        protocol_type: request.protocol_type,
        protocol: request.protocol_name,
    };
    let settings = broker.groups.settings;
    let coordinator = broker.groups.serving_mut(index).expect("it was just found");
    let effects = coordinator.sync(now, &settings, &group, sync);
    broker.act(now, index, &group, effects);
}

/// A member of a consumer group that speaks the classic protocol: what it gets is known.
fn sync_consumer(
    broker: &mut Broker,
    now: Now,
    caller: Caller,
    request: &SyncGroupRequest,
    (index, group): (i32, &GroupId),
) {
    let sync = ClassicSync {
        member_id: &request.member_id,
        instance_id: request.group_instance_id.as_deref(),
        generation: request.generation_id,
        protocol_type: request.protocol_type.as_ref(),
        protocol: request.protocol_name.as_ref(),
    };
    let mut turn = broker.planned_turn(now, group);
    let consumer = broker.groups.serving(index).and_then(|coordinator| coordinator.consumer(group));
    let synced =
        consumer.ok_or(ErrorCode::UnknownMemberId).and_then(|consumer| consumer.classic_sync(&mut turn, &sync));
    let plan = turn.plan;
    match broker.carry_out(now, index, group, plan).and(synced) {
        Ok(response) => group_answer::answer(broker, now, caller, GroupResponse::SyncGroup(response), [index]),
        Err(error) => answer(broker, caller, &sync_refusal(error)),
    }
}

pub(crate) fn answer(broker: &mut Broker, caller: Caller, response: &SyncGroupResponse) {
    broker.answer(caller, response, Vec::new());
}
