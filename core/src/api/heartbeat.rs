//! Heartbeat: a member is alive, and learns whether it has to join again.

use alloc::vec::Vec;

use super::Caller;
use crate::broker::Broker;
use crate::error_code::ErrorCode;
use crate::groups::GroupId;
use crate::time::Now;
use crate::wire::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};

pub(crate) fn handle(broker: &mut Broker, now: Now, caller: Caller, request: &HeartbeatRequest) {
    let error = beat(broker, now, request).unwrap_or_else(|error| error);
    broker.answer(caller, &HeartbeatResponse { error_code: error.number(), ..Default::default() }, Vec::new());
}

fn beat(broker: &mut Broker, now: Now, request: &HeartbeatRequest) -> Result<ErrorCode, ErrorCode> {
    if request.group_id.is_empty() {
        return Err(ErrorCode::InvalidGroupId);
    }
    let index = match broker.coordinator_of(&request.group_id) {
        // It can't be known yet, and a member must not give up for that.
        Err(ErrorCode::CoordinatorLoadInProgress) => return Ok(ErrorCode::None),
        found => found?,
    };
    let settings = broker.groups.settings;
    let coordinator = broker.groups.serving(index).ok_or(ErrorCode::NotCoordinator)?;
    let Some((group, known)) = coordinator.groups.get_key_value(&*request.group_id) else {
        return Err(ErrorCode::UnknownMemberId);
    };
    let (group, is_consumer) = (GroupId::clone(group), known.consumer().is_some());
    let member = (&*request.member_id, request.group_instance_id.as_deref(), request.generation_id);
    if is_consumer {
        let mut turn = broker.planned_turn(now, &group);
        let consumer = broker.groups.serving(index).and_then(|coordinator| coordinator.consumer(&group));
        let consumer = consumer.ok_or(ErrorCode::UnknownMemberId)?;
        let error = consumer.classic_heartbeat(&mut turn, member);
        let plan = turn.plan;
        return broker.carry_out(now, index, &group, plan).map(|()| error);
    }
    let coordinator = broker.groups.serving_mut(index).ok_or(ErrorCode::NotCoordinator)?;
    let (error, effects) = coordinator.heartbeat(now, &settings, &group, member);
    broker.act(now, index, &group, effects);
    Ok(error)
}
