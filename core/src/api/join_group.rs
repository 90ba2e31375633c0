//! JoinGroup: the first step of a rebalance. The answer waits until all members have joined.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;

use super::Caller;
use super::group_answer::{self, GroupResponse};
use crate::broker::Broker;
use crate::error_code::ErrorCode;
use crate::groups::{ClassicJoin, GroupId, Join, Protocol, join_refusal};
use crate::time::Now;
use crate::wire::Str;
use crate::wire::messages::join_group::{JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse};

/// First version in which there may be no protocol.
const NULL_PROTOCOL_SINCE: i16 = 7;
/// First version that tells the rebalance timeout.
const REBALANCE_TIMEOUT_SINCE: i16 = 1;
/// First version in which a member without an id gets one and has to come again (KIP-394).
const ID_REQUIRED_SINCE: i16 = 4;

pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    caller: Caller,
    client_id: Option<&str>,
    request: &JoinGroupRequest,
) {
    let settings = broker.groups.settings;
    let timeouts = settings.session_timeout_min_ms..=settings.session_timeout_max_ms;
    let refusal = if broker.is_stopping() {
        Some(ErrorCode::CoordinatorNotAvailable)
    } else if request.group_id.is_empty() {
        Some(ErrorCode::InvalidGroupId)
    } else if !timeouts.contains(&request.session_timeout_ms) {
        Some(ErrorCode::InvalidSessionTimeout)
    } else {
        None
    };
    if let Some(error) = refusal {
        return answer(broker, caller, join_refusal(&request.member_id, error));
    }
    let index = match broker.coordinator_of(&request.group_id) {
        Ok(index) => index,
        Err(error) => return answer(broker, caller, join_refusal("", error)),
    };
    let group = GroupId::from(&*request.group_id);
    let coordinator = broker.groups.serving(index).expect("it was just found");
    let has_room = coordinator.groups.contains_key(&group) || broker.groups.has_room_for_group();
    if !has_room || (request.member_id.is_empty() && !broker.groups.has_room_for_member()) {
        return answer(broker, caller, join_refusal("", ErrorCode::GroupMaxSizeReached));
    }
    if coordinator.consumer(&group).is_some_and(|consumer| !consumer.is_empty()) {
        return join_consumers(broker, now, caller, client_id, request, (index, &group));
    }
    let join = to_join(broker, caller, client_id, request);
    let coordinator = broker.groups.serving_mut(index).expect("it was just found");
    let effects = coordinator.join(now, &settings, &group, join);
    broker.act(now, index, &group, effects);
}

/// A member of the classic protocol joins members of the other.
fn join_consumers(
    broker: &mut Broker,
    now: Now,
    caller: Caller,
    client_id: Option<&str>,
    request: &JoinGroupRequest,
    (index, group): (i32, &GroupId),
) {
    let join = ClassicJoin {
        member_id: &request.member_id,
        instance_id: request.group_instance_id.as_deref(),
        client_id: Arc::from(client_id.unwrap_or_default()),
        client_host: Arc::from(broker.client_host(caller)),
        session_timeout_ms: request.session_timeout_ms,
        rebalance_timeout_ms: rebalance_timeout_ms(caller, request),
        protocol_type: &request.protocol_type,
        protocols: request.protocols.iter().map(to_protocol).collect(),
        requires_id: caller.version >= ID_REQUIRED_SINCE,
        new_id: broker.rng.uuid(),
    };
    let mut turn = broker.planned_turn(now, group);
    let consumer = broker.groups.serving(index).and_then(|coordinator| coordinator.consumer(group));
    let joined =
        consumer.ok_or(ErrorCode::UnknownMemberId).and_then(|consumer| consumer.classic_join(&mut turn, &join));
    let plan = turn.plan;
    match joined.and_then(|response| broker.carry_out(now, index, group, plan).map(|()| response)) {
        Ok(response) => group_answer::answer(broker, now, caller, GroupResponse::JoinGroup(response), [index]),
        Err(error) => answer(broker, caller, join_refusal(&request.member_id, error)),
    }
}

/// Sends an answer in a form that the client's version has.
pub(crate) fn answer(broker: &mut Broker, caller: Caller, mut response: JoinGroupResponse) {
    if caller.version < NULL_PROTOCOL_SINCE {
        response.protocol_name.get_or_insert_default();
    }
    broker.answer(caller, &response, Vec::new());
}

fn to_join(broker: &mut Broker, caller: Caller, client_id: Option<&str>, request: &JoinGroupRequest) -> Join {
    Join {
        caller,
        // Java's word for an id that is not there, as Kafka puts it into member ids.
        client_id: Arc::from(client_id.unwrap_or("null")),
        client_host: Arc::from(broker.client_host(caller)),
        session_timeout_ms: request.session_timeout_ms,
        rebalance_timeout_ms: rebalance_timeout_ms(caller, request),
        member_id: Arc::from(&*request.member_id),
        instance_id: request.group_instance_id.as_ref().map(|id: &Str| Arc::from(&**id)),
        protocol_type: Arc::from(&*request.protocol_type),
        protocols: request.protocols.iter().map(to_protocol).collect(),
        unique: unique(broker),
    }
}

fn to_protocol(protocol: &JoinGroupRequestProtocol) -> Protocol {
    Protocol { name: Arc::from(&*protocol.name), metadata: Bytes::copy_from_slice(&protocol.metadata) }
}

fn rebalance_timeout_ms(caller: Caller, request: &JoinGroupRequest) -> i32 {
    if caller.version >= REBALANCE_TIMEOUT_SINCE { request.rebalance_timeout_ms } else { request.session_timeout_ms }
}

/// A random id, written as Java writes it.
fn unique(broker: &mut Broker) -> Arc<str> {
    let digits = format!("{:032x}", broker.rng.uuid().0);
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    Arc::from(parts.join("-"))
}
