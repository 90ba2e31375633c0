//! What a member sends.

use std::collections::{BTreeMap, BTreeSet};

use ottla_core::error_code::ErrorCode;
use ottla_core::wire::messages::find_coordinator::{FindCoordinatorRequest, FindCoordinatorResponse};
use ottla_core::wire::messages::heartbeat::HeartbeatRequest;
use ottla_core::wire::messages::join_group::{JoinGroupRequest, JoinGroupRequestProtocol};
use ottla_core::wire::messages::leave_group::{LeaveGroupRequest, MemberIdentity};
use ottla_core::wire::messages::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment};
use ottla_core::wire::{ApiKey, Str};

use super::{Former, InFlight, Member, STRIDE_MAX, Shares, Span, Step, What, nobody};
use crate::chance::Odds;
use crate::clients::assignor::{COOPERATIVE, assign, assignment, subscription};
use crate::clients::offsets::{self, Place, error_of};
use crate::clients::{Request, Talk};
use crate::history::{Ear, Standing};
use crate::violation::Violation;

/// From this version on several coordinators can be asked for.
const KEYS_SINCE: i16 = 4;

/// Asks who looks after a group.
pub fn find_request(talk: &Talk<'_>, group: &str) -> Request {
    let has_keys = talk.version(ApiKey::FindCoordinator) >= KEYS_SINCE;
    Request::FindCoordinator(FindCoordinatorRequest {
        key: if has_keys { Str::default() } else { group.into() },
        coordinator_keys: if has_keys { vec![group.into()] } else { Vec::new() },
        ..FindCoordinatorRequest::default()
    })
}

/// Which node it is, or why that is not known.
///
/// # Errors
/// It is no answer to that.
pub fn coordinator(response: &FindCoordinatorResponse) -> Result<(ErrorCode, i32), Violation> {
    match response.coordinators.first() {
        Some(found) => Ok((error_of(found.error_code)?, found.node_id)),
        None => Ok((error_of(response.error_code)?, response.node_id)),
    }
}

impl Member {
    fn send(&mut self, talk: &mut Talk<'_>, what: What, who: Standing, ear: Ear, request: &Request) {
        let asked = match what {
            What::Fetch => talk.asks_offsets(&self.group, &who),
            _ => talk.asks(&self.group, &who, ear),
        };
        talk.send(request);
        self.in_flight = Some(InFlight { what, who, asked });
    }

    pub(super) fn find(&mut self, talk: &mut Talk<'_>) {
        let request = find_request(talk, &self.group);
        self.send(talk, What::Find, nobody(), Ear::MaybeLoading, &request);
    }

    pub(super) fn join(&mut self, talk: &mut Talk<'_>) {
        let plan = talk.env.plan.groups;
        let protocol = |name: &&str| {
            let (owned, generation) = if *name == COOPERATIVE { self.kept.clone() } else { (BTreeSet::new(), -1) };
            JoinGroupRequestProtocol {
                name: (*name).into(),
                metadata: subscription(&self.topics, &owned, generation),
                ..JoinGroupRequestProtocol::default()
            }
        };
        let request = JoinGroupRequest {
            group_id: self.group.as_str().into(),
            session_timeout_ms: plan.session_timeout_ms as i32,
            rebalance_timeout_ms: plan.rebalance_timeout_ms as i32,
            member_id: self.who.member.as_str().into(),
            group_instance_id: self.who.instance.as_deref().map(Str::from),
            protocol_type: "consumer".into(),
            protocols: self.protocols.iter().map(protocol).collect(),
            ..JoinGroupRequest::default()
        };
        self.become_former();
        self.owned.clear();
        talk.history.groups.ledger(&self.group).rests(talk.id, None);
        let who = Standing { generation: -1, ..self.who.clone() };
        self.send(talk, What::Join, who, Ear::Loaded, &Request::JoinGroup(request));
    }

    /// As a leader decides who gets what, unless it has done so.
    pub(super) fn share_out(&mut self, talk: &mut Talk<'_>) {
        let (generation, followers) = (self.who.generation, self.followers.clone());
        let is_known = self.shares.as_ref().is_some_and(|it| it.generation == generation && it.followers == followers);
        if followers.is_empty() || is_known {
            return;
        }
        let turn = talk.chance.index(followers.len());
        let shares = assign(&self.protocol, &followers, &self.all_places(talk), turn);
        self.shares = Some(Shares { generation, followers, shares });
    }

    pub(super) fn sync(&mut self, talk: &mut Talk<'_>) {
        let mut assignments = Vec::new();
        if let Some(Shares { shares, .. }) = self.shares.clone().filter(|_| !self.followers.is_empty()) {
            talk.remark(format_args!("assigns {shares:?} in {:?}", self.who));
            let share = |(id, share): (String, BTreeSet<Place>)| SyncGroupRequestAssignment {
                member_id: id.as_str().into(),
                assignment: assignment(&share),
                ..SyncGroupRequestAssignment::default()
            };
            assignments = shares.into_iter().map(share).collect();
        }
        let request = SyncGroupRequest {
            group_id: self.group.as_str().into(),
            generation_id: self.who.generation,
            member_id: self.who.member.as_str().into(),
            group_instance_id: self.who.instance.as_deref().map(Str::from),
            protocol_type: Some("consumer".into()),
            protocol_name: Some(self.protocol.as_str().into()),
            assignments,
            ..SyncGroupRequest::default()
        };
        let who = self.who.clone();
        self.send(talk, What::Sync, who, Ear::Loaded, &Request::SyncGroup(request));
    }

    pub(super) fn fetch(&mut self, talk: &mut Talk<'_>) {
        if self.kept.0.is_empty() {
            self.step = Step::Stable;
            return self.beat(talk);
        }
        let places: Vec<Place> = self.kept.0.iter().cloned().collect();
        let version = talk.version(ApiKey::OffsetFetch);
        let request = offsets::fetch_request(&self.cluster, version, &self.group, &places);
        self.send(talk, What::Fetch, nobody(), Ear::Loaded, &request);
    }

    pub(super) fn beat(&mut self, talk: &mut Talk<'_>) {
        let request = HeartbeatRequest {
            group_id: self.group.as_str().into(),
            generation_id: self.who.generation,
            member_id: self.who.member.as_str().into(),
            group_instance_id: self.who.instance.as_deref().map(Str::from),
            ..HeartbeatRequest::default()
        };
        let who = self.who.clone();
        self.send(talk, What::Beat, who, Ear::MaybeLoading, &Request::Heartbeat(request));
    }

    /// Commits that it has gone further in some of what it owns.
    pub(super) fn commit(&mut self, talk: &mut Talk<'_>) {
        let mut offsets = BTreeMap::new();
        for (place, at) in &mut self.owned {
            if offsets.is_empty() || talk.chance.coin() {
                *at += talk.chance.between(1..=STRIDE_MAX) as i64;
                offsets.insert(place.clone(), *at);
            }
        }
        self.send_commit(talk, self.who.clone(), offsets, false);
    }

    /// Commits as somebody that it was, who knows nothing of what came after.
    pub(super) fn commit_as_former(&mut self, talk: &mut Talk<'_>) {
        let Former { who, offsets } = talk.chance.pick(&self.past).clone();
        if who == self.who {
            return self.beat(talk);
        }
        self.send_commit(talk, who, offsets, true);
    }

    fn send_commit(&mut self, talk: &mut Talk<'_>, who: Standing, offsets: BTreeMap<Place, i64>, is_by_former: bool) {
        self.next_text += 1;
        let text = format!("{}/{}", talk.id.0, self.next_text);
        for (place, offset) in &offsets {
            let partition = talk.partition_of(place).expect("a lasting topic");
            talk.history.groups.ledger(&self.group).commits(partition, *offset, &text);
        }
        let noted = offsets.iter().map(|(place, offset)| (place.clone(), (*offset, text.clone()))).collect();
        let request = offsets::commit_request(&self.cluster, &self.group, &who, &noted);
        let op = talk.commits_offsets(&self.group, &offsets);
        self.send(talk, What::Commit { offsets, is_by_former, op }, who, Ear::Loaded, &request);
    }

    pub(super) fn leave(&mut self, talk: &mut Talk<'_>) {
        let member = MemberIdentity {
            member_id: self.who.member.as_str().into(),
            group_instance_id: self.who.instance.as_deref().map(Str::from),
            ..MemberIdentity::default()
        };
        let request = LeaveGroupRequest {
            group_id: self.group.as_str().into(),
            member_id: member.member_id.clone(),
            members: vec![member],
            ..LeaveGroupRequest::default()
        };
        let who = self.who.clone();
        self.send(talk, What::Leave, who, Ear::Loaded, &Request::LeaveGroup(request));
    }

    /// Between two signs of life it waits a part of its session.
    pub(super) fn pause(&mut self, talk: &mut Talk<'_>) {
        let plan = talk.env.plan.groups;
        // Who hears of a rebalance too late is taken for gone.
        let session = Span::ms(plan.session_timeout_ms.min(plan.rebalance_timeout_ms));
        let hurries = talk.chance.happens(Odds::percent(30));
        let longest = if hurries { Span(session.0 / 50) } else { Span(session.0 / 4) };
        self.next_at = talk.time() + talk.chance.span_up_to(longest) + Span(1);
    }
}
