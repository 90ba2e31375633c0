//! ShareGroupHeartbeat: a member of a share group joins, stays, moves and leaves (KIP-932). The answer comes when what it says is
//! committed.

use alloc::vec::Vec;

use super::group_answer::{self, GroupResponse};
use super::{ApiError, Caller, assigned_groups};
use crate::broker::Broker;
use crate::error_code::ErrorCode;
use crate::groups::{Group, ShareBeat, share_beat};
use crate::time::Now;
use crate::wire::messages::share_group_heartbeat::{ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse};

/// A member's id is a uuid of its own making, written out: no longer than this, as Java counts.
const MEMBER_ID_MAX_UNITS: usize = 36;

pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    caller: Caller,
    client_id: Option<&str>,
    request: &ShareGroupHeartbeatRequest,
) {
    match heartbeat(broker, now, caller, client_id, request) {
        Ok((index, response)) => {
            group_answer::answer(broker, now, caller, GroupResponse::ShareGroupHeartbeat(response), [index]);
        }
        Err(error) => broker.answer(caller, &refusal(error), Vec::new()),
    }
}

fn heartbeat(
    broker: &mut Broker,
    now: Now,
    caller: Caller,
    client_id: Option<&str>,
    request: &ShareGroupHeartbeatRequest,
) -> Result<(i32, ShareGroupHeartbeatResponse), ApiError> {
    if !broker.serves_share_groups() {
        return Err(ApiError::bare(ErrorCode::UnsupportedVersion));
    }
    let id_units = request.member_id.encode_utf16().count();
    if !(1..=MEMBER_ID_MAX_UNITS).contains(&id_units) {
        return Err(ApiError::bare(ErrorCode::InvalidRequest));
    }
    if broker.is_stopping() {
        return Err(ApiError::bare(ErrorCode::CoordinatorNotAvailable));
    }
    check(request)?;
    let is_member =
        |known: &Group| known.share().is_some_and(|group| group.members().contains_key(&*request.member_id));
    let (index, group) = assigned_groups::admit(broker, &request.group_id, request.member_epoch, is_member)?;
    let client_host = broker.client_host(caller);
    let beat = ShareBeat { request, client_id: client_id.unwrap_or_default(), client_host: &client_host };
    let mut turn = broker.planned_turn(now, &group);
    let known = broker.groups.serving(index).and_then(|coordinator| coordinator.groups.get(&group));
    let response = share_beat(&mut turn, known.map(|known| &known.kind), beat)?;
    let plan = turn.plan;
    broker.carry_out(now, index, &group, plan).map_err(ApiError::bare)?;
    Ok((index, response))
}

/// What is wrong with a request whatever group it is for.
fn check(request: &ShareGroupHeartbeatRequest) -> Result<(), ApiError> {
    let invalid = |why: &str| Err(ApiError::new(ErrorCode::InvalidRequest, why));
    if request.member_id.trim().is_empty() {
        return invalid("MemberId can't be empty.");
    }
    if request.group_id.trim().is_empty() {
        return invalid("GroupId can't be empty.");
    }
    if request.rack_id.as_ref().is_some_and(|rack| rack.trim().is_empty()) {
        return invalid("RackId can't be empty.");
    }
    match request.member_epoch {
        0 if request.subscribed_topic_names.as_ref().is_none_or(|names| names.is_empty()) => {
            invalid("SubscribedTopicNames must be set in first request.")
        }
        ..=-2 => invalid("MemberEpoch is invalid."),
        _ => Ok(()),
    }
}

/// A heartbeat that led to nothing.
pub(crate) fn refusal(error: ApiError) -> ShareGroupHeartbeatResponse {
    ShareGroupHeartbeatResponse {
        error_code: error.code.number(),
        error_message: error.message(),
        ..Default::default()
    }
}
