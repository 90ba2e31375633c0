//! LeaveGroup: members go, or an administrator sends them away.

use alloc::vec;
use alloc::vec::Vec;

use super::Caller;
use crate::broker::Broker;
use crate::error_code::ErrorCode;
use crate::groups::GroupId;
use crate::time::Now;
use crate::wire::messages::leave_group::{LeaveGroupRequest, LeaveGroupResponse, MemberIdentity, MemberResponse};

/// First version in which several members go at once.
const MEMBERS_SINCE: i16 = 3;

pub(crate) fn handle(broker: &mut Broker, now: Now, caller: Caller, request: LeaveGroupRequest) {
    let members = if caller.version >= MEMBERS_SINCE {
        request.members
    } else {
        vec![MemberIdentity { member_id: request.member_id, ..Default::default() }]
    };
    let response = match leave(broker, now, &request.group_id, &members) {
        Ok(members) if caller.version >= MEMBERS_SINCE => LeaveGroupResponse { members, ..Default::default() },
        Ok(members) => LeaveGroupResponse {
            error_code: members.first().map_or(ErrorCode::None.number(), |member| member.error_code),
            ..Default::default()
        },
        Err(error) => LeaveGroupResponse { error_code: error.number(), ..Default::default() },
    };
    broker.answer(caller, &response, Vec::new());
}

fn leave(
    broker: &mut Broker,
    now: Now,
    group: &str,
    members: &[MemberIdentity],
) -> Result<Vec<MemberResponse>, ErrorCode> {
    if group.is_empty() {
        return Err(ErrorCode::InvalidGroupId);
    }
    let index = broker.coordinator_of(group)?;
    let (group, settings) = (GroupId::from(group), broker.groups.settings);
    let named: Vec<_> =
        members.iter().map(|member| (&*member.member_id, member.group_instance_id.as_deref())).collect();
    let mut turn = broker.planned_turn(now, &group);
    let coordinator = broker.groups.serving(index).ok_or(ErrorCode::NotCoordinator)?;
    let outcomes = if let Some(consumer) = coordinator.consumer(&group) {
        let outcomes = consumer.classic_leave(&mut turn, &named);
        let plan = turn.plan;
        broker.carry_out(now, index, &group, plan)?;
        outcomes
    } else {
        let coordinator = broker.groups.serving_mut(index).ok_or(ErrorCode::NotCoordinator)?;
        let (outcomes, effects) = coordinator.leave(now, &settings, &group, &named);
        broker.act(now, index, &group, effects);
        outcomes
    };
    let answered = members.iter().zip(outcomes).map(|(member, outcome)| MemberResponse {
        member_id: member.member_id.clone(),
        group_instance_id: member.group_instance_id.clone(),
        error_code: outcome.err().unwrap_or_default().number(),
        ..Default::default()
    });
    Ok(answered.collect())
}
