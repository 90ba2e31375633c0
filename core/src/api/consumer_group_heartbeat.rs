//! ConsumerGroupHeartbeat: a member of a consumer group joins, stays, moves and leaves (KIP-848). The answer comes when what it
//! says is committed.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::group_answer::{self, GroupResponse};
use super::{ApiError, Caller, assigned_groups};
use crate::broker::Broker;
use crate::error_code::ErrorCode;
use crate::groups::{Beat, Group, Settings, beat};
use crate::time::Now;
use crate::wire::messages::consumer_group_heartbeat::{ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse};
use crate::wire::{Str, Uuid};

/// First version whose members make their own ids (KIP-1082).
const OWN_ID_SINCE: i16 = 1;

pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    caller: Caller,
    client_id: Option<&str>,
    request: &ConsumerGroupHeartbeatRequest,
) {
    match heartbeat(broker, now, caller, client_id, request) {
        Ok((index, response)) => {
            group_answer::answer(broker, now, caller, GroupResponse::ConsumerGroupHeartbeat(response), [index]);
        }
        Err(error) => broker.answer(caller, &refusal(error), Vec::new()),
    }
}

fn heartbeat(
    broker: &mut Broker,
    now: Now,
    caller: Caller,
    client_id: Option<&str>,
    request: &ConsumerGroupHeartbeatRequest,
) -> Result<(i32, ConsumerGroupHeartbeatResponse), ApiError> {
    if !broker.serves_consumer_groups() {
        return Err(ApiError::bare(ErrorCode::UnsupportedVersion));
    }
    if broker.is_stopping() {
        return Err(ApiError::bare(ErrorCode::CoordinatorNotAvailable));
    }
    check(request, caller.version, &broker.groups.settings)?;
    let is_member =
        |known: &Group| known.consumer().is_some_and(|group| group.members().contains_key(&*request.member_id));
    let (index, group) = assigned_groups::admit(broker, &request.group_id, request.member_epoch, is_member)?;
    let new_id = if request.member_id.is_empty() { broker.rng.uuid() } else { Uuid::ZERO };
    let client_host = broker.client_host(caller);
    let beat_of = Beat { request, client_id: client_id.unwrap_or_default(), client_host: &client_host, new_id };
    let mut turn = broker.planned_turn(now, &group);
    let known = broker.groups.serving(index).and_then(|coordinator| coordinator.groups.get(&group));
    let response = beat(&mut turn, known.map(|known| &known.kind), beat_of)?;
    let plan = turn.plan;
    broker.carry_out(now, index, &group, plan).map_err(ApiError::bare)?;
    Ok((index, response))
}

/// What is wrong with a request whatever group it is for.
fn check(request: &ConsumerGroupHeartbeatRequest, version: i16, settings: &Settings) -> Result<(), ApiError> {
    let invalid = |why: &str| Err(ApiError::new(ErrorCode::InvalidRequest, why));
    let is_blank = |text: &Str| text.trim().is_empty();
    let is_blank_if_there = |text: &Option<Str>| text.as_ref().is_some_and(is_blank);
    let needs_id = version >= OWN_ID_SINCE || request.member_epoch > 0 || request.member_epoch == -1;
    if needs_id && is_blank(&request.member_id) {
        return invalid("MemberId can't be empty.");
    }
    if is_blank(&request.group_id) {
        return invalid("GroupId can't be empty.");
    }
    if is_blank_if_there(&request.instance_id) {
        return invalid("InstanceId can't be empty.");
    }
    if is_blank_if_there(&request.rack_id) {
        return invalid("RackId can't be empty.");
    }
    match request.member_epoch {
        0 if request.rebalance_timeout_ms == -1 => invalid("RebalanceTimeoutMs must be provided in first request."),
        0 if request.topic_partitions.as_ref().is_none_or(|owned| !owned.is_empty()) => {
            invalid("TopicPartitions must be empty when (re-)joining.")
        }
        0 if request.subscribed_topic_names.is_none() && request.subscribed_topic_regex.is_none() => {
            invalid("Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.")
        }
        -2 if request.instance_id.is_none() => invalid("InstanceId can't be null."),
        ..-2 => invalid("MemberEpoch is invalid."),
        _ => check_assignor(request, settings),
    }
}

fn check_assignor(request: &ConsumerGroupHeartbeatRequest, settings: &Settings) -> Result<(), ApiError> {
    let Some(wanted) = request.server_assignor.as_deref() else { return Ok(()) };
    if settings.assignors.find(wanted).is_some() {
        return Ok(());
    }
    let known: Vec<&str> = settings.assignors.all().map(|assignor| assignor.name()).collect();
    let why: String = format!("ServerAssignor {wanted} is not supported. Supported assignors: {}.", known.join(", "));
    Err(ApiError::new(ErrorCode::UnsupportedAssignor, why))
}

/// A heartbeat that led to nothing.
pub(crate) fn refusal(error: ApiError) -> ConsumerGroupHeartbeatResponse {
    ConsumerGroupHeartbeatResponse {
        error_code: error.code.number(),
        error_message: error.message(),
        ..Default::default()
    }
}
