//! What of a classic group is in the log: its generation, when it is complete.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;

use super::{ClassicGroup, ClassicState, Member, Protocol};
use crate::groups::group::MemberId;
use crate::planted::Bug;
use crate::time::{Now, WallClock};
use crate::wire::messages::classic_group_records::{GroupMetadataKey, GroupMetadataValue, MemberMetadata};
use crate::wire::{CoordinatorRecord, Slice, Str};

impl ClassicGroup {
    /// The group as its record has it, with these assignments or, without any, with those that the members have.
    pub(super) fn to_record(&self, group: &str, assignments: Option<&BTreeMap<MemberId, Bytes>>) -> CoordinatorRecord {
        let protocol = self.protocol.as_deref().unwrap_or_default();
        let assignment = |id: &MemberId, member: &Member| match assignments {
            Some(assignments) => assignments.get(id).cloned().unwrap_or_default(),
            None => member.assignment.clone(),
        };
        let members = self.members.iter().map(|(id, member)| MemberMetadata {
            member_id: Str::from(&**id),
            group_instance_id: member.instance_id.as_deref().map(Str::from),
            client_id: Str::from(&*member.client_id),
            client_host: Str::from(&*member.client_host),
            rebalance_timeout: member.rebalance_timeout_ms,
            session_timeout: member.session_timeout_ms,
            subscription: Slice::from(member.metadata(protocol).cloned().unwrap_or_default()),
            assignment: Slice::from(assignment(id, member)),
            ..Default::default()
        });
        let value = GroupMetadataValue {
            protocol_type: self.protocol_type().map(Str::from).unwrap_or_default(),
            generation: self.generation,
            protocol: self.protocol.as_deref().map(Str::from),
            leader: self.leader.as_deref().map(Str::from),
            current_state_timestamp: self.state_since.map_or(-1, |since| since.0),
            members: members.collect(),
            ..Default::default()
        };
        let key = GroupMetadataKey { group: Str::from(group), ..Default::default() };
        CoordinatorRecord::GroupMetadata(key, Some(value))
    }

    /// A new group, before its first generation.
    pub(crate) fn new_record(group: &str, now: Now) -> CoordinatorRecord {
        Self::new(now).to_record(group, None)
    }

    /// The group as a record has it. Nothing of the record's memory stays in use.
    pub(crate) fn from_record(value: &GroupMetadataValue, now: Now) -> Self {
        let protocol_type: Arc<str> = Arc::from(&*value.protocol_type);
        let mut group = Self {
            generation: value.generation,
            protocol_type: (!protocol_type.is_empty()).then(|| Arc::clone(&protocol_type)),
            protocol: value.protocol.as_deref().map(Arc::from),
            leader: value.leader.as_deref().map(Arc::from),
            state_since: (value.current_state_timestamp >= 0).then_some(WallClock(value.current_state_timestamp)),
            ..Self::new(now)
        };
        for member in &value.members {
            group.add(Arc::from(&*member.member_id), loaded(member, &protocol_type, group.protocol.as_ref()));
        }
        if !group.members.is_empty() {
            group.state = ClassicState::Stable;
            group.previous = ClassicState::Stable;
        }
        group.subscribed_topics = group.find_subscribed_topics();
        group
    }

    /// The group was loaded: its members have to show that they are there.
    pub(crate) fn loaded(&mut self, turn: &mut crate::groups::effects::Turn<'_>) {
        let ids: Vec<_> = self.members.keys().cloned().collect();
        for id in ids.iter().filter(|_| !turn.settings.bugs.has(Bug::LoadedMembersImmortal)) {
            self.renew_session(turn, id);
        }
        if ids.len() > turn.settings.members_per_group {
            self.prepare_rebalance(turn);
        }
    }
}

fn loaded(member: &MemberMetadata, protocol_type: &Arc<str>, protocol: Option<&Arc<str>>) -> Member {
    let copy = |bytes: &Slice| Bytes::copy_from_slice(bytes);
    let known = protocol.map(|name| Protocol { name: Arc::clone(name), metadata: copy(&member.subscription) });
    Member {
        instance_id: member.group_instance_id.as_deref().map(Arc::from),
        client_id: Arc::from(&*member.client_id),
        client_host: Arc::from(&*member.client_host),
        rebalance_timeout_ms: match member.rebalance_timeout {
            -1 => member.session_timeout,
            timeout_ms => timeout_ms,
        },
        session_timeout_ms: member.session_timeout,
        protocol_type: Arc::clone(protocol_type),
        protocols: known.into_iter().collect(),
        assignment: copy(&member.assignment),
        awaiting_join: None,
        awaiting_sync: None,
        is_new: false,
    }
}
