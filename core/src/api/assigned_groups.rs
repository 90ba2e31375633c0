//! What the calls about groups in which the coordinator assigns (consumer, share and streams groups) have in common: which group a
//! heartbeat is for, and whether there is room for who joins; where a group that is described lives. What makes the kinds different
//! is in their own files.

use alloc::format;

use super::ApiError;
use crate::broker::Broker;
use crate::error_code::ErrorCode;
use crate::groups::{Group, GroupId};
use crate::wire::Str;

/// The epoch with which a member joins.
const JOINING_EPOCH: i32 = 0;

/// The partition and the id of the group that a heartbeat is for. It needs not be there yet.
///
/// # Errors
/// Where its coordinator does not answer, or who joins and is no member finds no room.
pub(crate) fn admit(
    broker: &Broker,
    group_id: &str,
    member_epoch: i32,
    has_member: impl FnOnce(&Group) -> bool,
) -> Result<(i32, GroupId), ApiError> {
    let index = broker.coordinator_of(group_id).map_err(ApiError::bare)?;
    let coordinator = broker.groups.serving(index).ok_or(ApiError::bare(ErrorCode::NotCoordinator))?;
    let known = coordinator.groups.get_key_value(group_id);
    let group = known.map_or_else(|| GroupId::from(group_id), |(id, _)| GroupId::clone(id));
    if member_epoch == JOINING_EPOCH && !known.is_some_and(|(_, known)| has_member(known)) {
        let has_room = known.is_some() || broker.groups.has_room_for_group();
        if !has_room || !broker.groups.has_room_for_member() {
            return Err(ApiError::bare(ErrorCode::GroupMaxSizeReached));
        }
    }
    Ok((index, group))
}

/// The partition that a group to be described lives in, and the group where it is there.
///
/// # Errors
/// Where its kind is not served, or its coordinator does not answer.
pub(crate) fn find<'a>(broker: &'a Broker, is_served: bool, id: &str) -> Result<(i32, Option<&'a Group>), ErrorCode> {
    if !is_served {
        return Err(ErrorCode::UnsupportedVersion);
    }
    if id.is_empty() {
        return Err(ErrorCode::InvalidGroupId);
    }
    let index = broker.coordinator_of(id)?;
    let coordinator = broker.groups.serving(index).ok_or(ErrorCode::NotCoordinator)?;
    Ok((index, coordinator.groups.get(id)))
}

/// Why a group can't be described: it is of another kind, or not there.
pub(crate) fn why_not(id: &Str, known: Option<&Group>, kind: &str) -> Str {
    match known {
        Some(_) => format!("Group {id} is not a {kind} group.").into(),
        None => format!("Group {id} not found.").into(),
    }
}
