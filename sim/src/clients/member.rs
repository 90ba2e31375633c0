//! A member of a classic group: joins, gets its assignment, beats, commits, leaves; dynamic or static, eager or cooperative.
//! It may be silent for longer than its session, or lose its memory and come back as somebody new; and what it was before
//! may still try to commit.
//!
//! Where it stands in its partitions it makes up: what it commits only ever rises, so nothing that is committed may sink.
//! A commit that was lost on its way could arrive after a later one; after such a loss a member begins anew, and the
//! generation that follows keeps the old commit away.

mod requests;

pub use requests::{coordinator, find_request};

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use ottla_core::error_code::ErrorCode;
use ottla_core::wire::ApiKey;
use ottla_core::wire::messages::join_group::JoinGroupResponse;
use ottla_core::wire::messages::offset_commit::OffsetCommitResponse;
use ottla_core::wire::messages::offset_fetch::OffsetFetchResponse;
use ottla_core::wire::messages::sync_group::SyncGroupResponse;

use super::assignor::{COOPERATIVE, EAGER, read_assignment};
use ottla_checker::OpId;

use super::cluster::Cluster;
use super::offsets::{self, Place, error_of};
use super::producer::is_passing;
use super::{Answer, Role, Talk};
use crate::agenda::{Span, Time};
use crate::chance::{Chance, Odds};
use crate::env::Stage;
use crate::history::{Answerer, Asked, Ear, Life, Rest, Standing};
use crate::stats::Counter;
use crate::violation::Violation;

/// A member and what it knows of its group.
#[derive(Debug)]
pub struct Member {
    group: String,
    topics: Vec<String>,
    cluster: Cluster,
    /// It is a static member.
    instance: Option<String>,
    /// The protocols that it knows, the best first.
    protocols: [&'static str; 2],
    who: Standing,
    /// What it was before: nobody may listen to that any more, once it is known to be over.
    past: Vec<Former>,
    /// The protocol of the generation.
    protocol: String,
    /// Of a leader: the members, and what they said.
    followers: Vec<(String, Bytes)>,
    /// What it gave them, in which generation. Asked again it says the same.
    shares: Option<Shares>,
    /// What it was given last, and in which generation.
    kept: (BTreeSet<Place>, i32),
    /// How far it is in what it owns.
    owned: BTreeMap<Place, i64>,
    step: Step,
    must_find: bool,
    in_flight: Option<InFlight>,
    next_at: Time,
    next_text: u32,
    /// The life in which it got its assignment.
    synced_in: Life,
    has_begun: bool,
    is_done: bool,
}

/// A member that is somebody else now.
#[derive(Clone, Debug)]
struct Former {
    who: Standing,
    offsets: BTreeMap<Place, i64>,
}

/// What a leader gave, to whom, in which generation.
#[derive(Clone, Debug)]
struct Shares {
    generation: i32,
    followers: Vec<(String, Bytes)>,
    shares: BTreeMap<String, BTreeSet<Place>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Join,
    Sync,
    /// Asks where the one before it was.
    Fetch,
    Stable,
    Leave,
}

#[derive(Debug)]
struct InFlight {
    what: What,
    who: Standing,
    asked: Asked,
}

#[derive(Debug)]
enum What {
    Find,
    Join,
    Sync,
    Fetch,
    Beat,
    Commit { offsets: BTreeMap<Place, i64>, is_by_former: bool, op: OpId },
    Leave,
}

/// The APIs of a member.
pub const APIS: [ApiKey; 7] = [
    ApiKey::FindCoordinator,
    ApiKey::JoinGroup,
    ApiKey::SyncGroup,
    ApiKey::Heartbeat,
    ApiKey::LeaveGroup,
    ApiKey::OffsetCommit,
    ApiKey::OffsetFetch,
];
/// From this version on a member can say that it is static.
const STATIC_SINCE: i16 = 5;
/// After an error it waits this long.
const RETRY_AFTER: Span = Span::ms(30);
/// It remembers so many of those that it was.
const PAST_MAX: usize = 3;
/// A commit goes so far at most.
const STRIDE_MAX: u64 = 5;

impl Member {
    /// One that reads these topics.
    #[must_use]
    pub fn new(group: String, number: u16, topics: Vec<String>, chance: &mut Chance) -> Self {
        let is_static = chance.happens(Odds::percent(40));
        let protocols = if chance.coin() { [EAGER, COOPERATIVE] } else { [COOPERATIVE, EAGER] };
        Self {
            instance: is_static.then(|| format!("{group}-{number}")),
            group,
            topics,
            cluster: Cluster::default(),
            protocols,
            who: nobody(),
            past: Vec::new(),
            protocol: String::new(),
            followers: Vec::new(),
            shares: None,
            kept: (BTreeSet::new(), -1),
            owned: BTreeMap::new(),
            step: Step::Join,
            must_find: true,
            in_flight: None,
            next_at: Time::default(),
            next_text: 0,
            synced_in: Life::default(),
            has_begun: false,
            is_done: false,
        }
    }

    fn begin(&mut self, talk: &mut Talk<'_>) {
        if self.has_begun {
            return;
        }
        self.has_begun = true;
        talk.learn(&APIS);
        talk.learn_offset_versions();
        if talk.version(ApiKey::JoinGroup) < STATIC_SINCE {
            self.instance = None;
        }
        self.who.instance = self.instance.clone();
        let all: Vec<_> = self.all_places(talk).iter().filter_map(|place| talk.partition_of(place)).collect();
        talk.history.groups.enter(&self.group, talk.id, all);
    }

    /// All that the group reads.
    fn all_places(&self, talk: &Talk<'_>) -> BTreeSet<Place> {
        let partitions = |name: &String| talk.history.topics.lasting(name).map_or(0, |state| state.partitions);
        self.topics.iter().flat_map(|name| (0..partitions(name)).map(|index| (name.clone(), index))).collect()
    }

    /// Its life as a member goes on, or ends in one of many ways.
    fn live(&mut self, talk: &mut Talk<'_>) {
        let plan = talk.env.plan.groups;
        if talk.env.stage == Stage::Faults {
            if talk.chance.happens(plan.silences) {
                let longest = Span::ms(2 * plan.session_timeout_ms);
                self.next_at = talk.time() + talk.chance.span_up_to(longest);
                return talk.wake_after(self.next_at - talk.time());
            }
            if talk.chance.happens(plan.crashes) {
                // Some do not come back, and nobody says so.
                if talk.chance.happens(Odds::percent(20)) && talk.history.groups.gives_up(&self.group, talk.id) {
                    self.is_done = true;
                }
                self.forget_itself();
                return talk.hang_up();
            }
            if talk.chance.happens(plan.leaves) {
                self.step = Step::Leave;
                return self.leave(talk);
            }
            if talk.chance.happens(Odds::percent(2)) {
                self.step = Step::Join;
                return self.join(talk);
            }
            if !self.past.is_empty() && talk.chance.happens(Odds::percent(15)) {
                return self.commit_as_former(talk);
            }
        }
        if !self.owned.is_empty() && talk.chance.coin() { self.commit(talk) } else { self.beat(talk) }
    }

    /// The client is killed and starts again, without memory; or it gives up what it was.
    fn forget_itself(&mut self) {
        self.become_former();
        self.who.member.clear();
        self.lose_all();
    }

    /// What it is now belongs to the past, from where it may still be heard of.
    fn become_former(&mut self) {
        if self.who.member.is_empty() || self.who.generation < 0 || self.owned.is_empty() {
            return;
        }
        // It may be the same again after a crash that took its next generation, and be further then.
        self.past.retain(|former| former.who != self.who);
        self.past.push(Former { who: self.who.clone(), offsets: self.owned.clone() });
        if self.past.len() > PAST_MAX {
            self.past.remove(0);
        }
    }

    /// It owns nothing any more, and joins again.
    fn lose_all(&mut self) {
        self.who.generation = -1;
        self.kept = (BTreeSet::new(), -1);
        self.owned.clear();
        self.step = Step::Join;
    }

    fn found(&mut self, talk: &mut Talk<'_>, error: ErrorCode, node_id: i32) -> Result<(), Violation> {
        match error {
            ErrorCode::None if node_id == 1 => self.must_find = false,
            ErrorCode::CoordinatorNotAvailable => self.later(talk),
            other => return Err(Violation::Answer(format!("FindCoordinator: node {node_id}, the error {other}"))),
        }
        Ok(())
    }

    fn joined(
        &mut self,
        talk: &mut Talk<'_>,
        asked: &Asked,
        was: &Standing,
        response: &JoinGroupResponse,
    ) -> Result<(), Violation> {
        match error_of(response.error_code)? {
            ErrorCode::None => {}
            ErrorCode::MemberIdRequired if was.member.is_empty() && !response.member_id.is_empty() => {
                self.who.member = response.member_id.to_string();
                return Ok(());
            }
            error => return self.refused(talk, error, was),
        }
        self.who.member = response.member_id.to_string();
        self.who.generation = response.generation_id;
        self.protocol = response.protocol_name.as_deref().unwrap_or_default().to_owned();
        if !self.protocols.contains(&self.protocol.as_str()) || self.who.member.is_empty() {
            return Err(Violation::Answer(format!("JoinGroup: {response:?}")));
        }
        let leads = response.leader == response.member_id && !response.members.is_empty() && !response.skip_assignment;
        let follower = |it: &ottla_core::wire::messages::join_group::JoinGroupResponseMember| {
            (it.member_id.to_string(), it.metadata.to_bytes())
        };
        self.followers = if leads { response.members.iter().map(follower).collect() } else { Vec::new() };
        self.share_out(talk);
        let from = talk.answerer();
        let ledger = talk.history.groups.ledger(&self.group);
        if !was.member.is_empty() && was.member == self.who.member {
            ledger.heard(asked, was, "has joined")?;
        }
        ledger.joined(from, asked, &self.who, leads)?;
        talk.env.stats.count(Counter::MembersJoined);
        talk.remark(format_args!("has joined {} as {:?}, leads {leads}, by {}", self.group, self.who, self.protocol));
        self.step = Step::Sync;
        Ok(())
    }

    fn synced(
        &mut self,
        talk: &mut Talk<'_>,
        asked: &Asked,
        was: &Standing,
        response: &SyncGroupResponse,
    ) -> Result<(), Violation> {
        match error_of(response.error_code)? {
            ErrorCode::None => {}
            error => return self.refused(talk, error, was),
        }
        let Some(given) = read_assignment(&response.assignment) else {
            return Err(Violation::Answer(format!("SyncGroup: {response:?}")));
        };
        talk.remark(format_args!("is given {given:?} in {:?}", self.who));
        let partitions = given.iter().filter_map(|place| talk.partition_of(place)).collect();
        let from = talk.answerer();
        talk.history.assigned(&self.group, from, was, &partitions);
        talk.history.groups.ledger(&self.group).synced(from, asked, was)?;
        if !self.followers.is_empty() {
            talk.env.stats.count(Counter::Rebalances);
        }
        self.synced_in = talk.life();
        // One that took its place again, unnoticed by the leader, tells what it has: what it was to give up else waits for ever.
        let is_back = was.instance.is_some() && self.kept.1 < 0 && !given.is_empty();
        let has_lost = is_back || self.kept.0.iter().any(|place| !given.contains(place));
        let goes_on = self.protocol == COOPERATIVE && has_lost;
        self.kept = (given.clone(), self.who.generation);
        self.owned.clear();
        // What it gave up somebody else is waiting for.
        self.step = if goes_on { Step::Join } else { Step::Fetch };
        Ok(())
    }

    fn fetched(&mut self, talk: &mut Talk<'_>, asked: &Asked, response: &OffsetFetchResponse) -> Result<(), Violation> {
        let version = talk.version(ApiKey::OffsetFetch);
        let found = match offsets::fetch_outcome(&self.cluster, version, response)? {
            Ok(found) => found,
            Err(error) => return self.refused(talk, error, &nobody()),
        };
        talk.saw_offsets(&self.group, asked, &found)?;
        talk.env.stats.add(Counter::OffsetsFetched, found.len() as u64);
        for place in &self.kept.0 {
            let Some(committed) = found.get(place) else {
                return Err(Violation::Answer(format!("OffsetFetch without {place:?}: {response:?}")));
            };
            self.owned.insert(place.clone(), committed.as_ref().map_or(0, |(offset, _)| *offset));
        }
        self.step = Step::Stable;
        Ok(())
    }

    fn beaten(
        &mut self,
        talk: &mut Talk<'_>,
        asked: &Asked,
        was: &Standing,
        error: ErrorCode,
    ) -> Result<(), Violation> {
        if error != ErrorCode::None {
            return self.refused(talk, error, was);
        }
        talk.history.groups.ledger(&self.group).heard(asked, was, "was told that all is well")?;
        self.is_well(talk);
        Ok(())
    }

    /// The coordinator takes it for a member.
    fn is_well(&mut self, talk: &mut Talk<'_>) {
        if talk.life() > self.synced_in {
            self.synced_in = talk.life();
            talk.env.stats.count(Counter::MembersLoaded);
        }
        if talk.env.stage != Stage::Faults {
            let owned = self.owned.keys().filter_map(|place| talk.partition_of(place)).collect();
            let rest = Rest { generation: self.who.generation, owned };
            talk.history.groups.ledger(&self.group).rests(talk.id, Some(rest));
        }
    }

    fn committed(
        &mut self,
        talk: &mut Talk<'_>,
        InFlight { what, who, asked }: InFlight,
        response: &OffsetCommitResponse,
    ) -> Result<(), Violation> {
        let What::Commit { offsets, is_by_former, op } = what else { unreachable!("it was a commit") };
        let version = talk.version(ApiKey::OffsetCommit);
        let outcomes = offsets::commit_outcome(&self.cluster, version, response)?;
        talk.remark(format_args!("learns of its commit of {offsets:?} as {who:?}: {outcomes:?}"));
        let mut refusal = None;
        for (place, offset) in &offsets {
            let Some(error) = outcomes.get(place) else {
                return Err(Violation::Answer(format!("OffsetCommit without {place:?}: {response:?}")));
            };
            if *error != ErrorCode::None {
                refusal = Some(*error);
                continue;
            }
            let (from, partition) = (talk.answerer(), talk.partition_of(place).expect("a lasting topic"));
            let ledger = talk.history.groups.ledger(&self.group);
            ledger.heard(&asked, &who, "has committed")?;
            ledger.committed(from, partition, *offset);
            talk.env.stats.count(Counter::OffsetsCommitted);
        }
        talk.commit_ended(op, refusal);
        match (refusal, is_by_former) {
            (Some(error), true) => {
                let is_fenced = error == ErrorCode::FencedInstanceId;
                talk.env.stats.count(if is_fenced { Counter::MembersFenced } else { Counter::FormersRefused });
                Ok(())
            }
            (Some(error), false) => self.refused(talk, error, &who),
            (None, true) => Ok(()),
            (None, false) => {
                self.is_well(talk);
                Ok(())
            }
        }
    }

    fn left(&mut self, talk: &mut Talk<'_>, was: &Standing, error: ErrorCode) -> Result<(), Violation> {
        if error != ErrorCode::None {
            return self.refused(talk, error, was);
        }
        talk.env.stats.count(Counter::MembersLeft);
        let from = talk.answerer();
        talk.history.groups.ledger(&self.group).is_gone(from, &was.member);
        self.forget_itself();
        self.next_at = talk.time() + talk.chance.span_up_to(Span::ms(talk.env.plan.groups.session_timeout_ms));
        Ok(())
    }

    /// An error says what to do.
    fn refused(&mut self, talk: &mut Talk<'_>, error: ErrorCode, was: &Standing) -> Result<(), Violation> {
        let from = talk.answerer();
        talk.remark(format_args!("is refused in {} as {was:?}: {error}", self.group));
        let ledger = talk.history.groups.ledger(&self.group);
        match error {
            ErrorCode::RebalanceInProgress => self.step = Step::Join,
            ErrorCode::IllegalGeneration if talk.chance.coin() => self.lose_all(),
            ErrorCode::IllegalGeneration => self.forget_itself(),
            ErrorCode::UnknownMemberId | ErrorCode::GroupIdNotFound => {
                ledger.is_gone(from, &was.member);
                if self.who.generation >= 0 {
                    talk.env.stats.count(Counter::MembersUnknown);
                }
                self.forget_itself();
            }
            ErrorCode::FencedInstanceId if was.instance.is_some() => {
                ledger.is_gone(from, &was.member);
                talk.env.stats.count(Counter::MembersFenced);
                self.forget_itself();
            }
            ErrorCode::UnstableOffsetCommit => self.next_at = talk.time() + RETRY_AFTER,
            ErrorCode::NotCoordinator => self.later(talk),
            error if is_passing(error) => self.later(talk),
            other => return Err(Violation::Answer(format!("a member got the error {other} as {was:?}"))),
        }
        talk.history.groups.ledger(&self.group).rests(talk.id, None);
        Ok(())
    }

    /// There is no coordinator at present; where its log has a hole there will not be one.
    fn later(&mut self, talk: &mut Talk<'_>) {
        self.must_find = true;
        self.next_at = talk.time() + RETRY_AFTER;
        if talk.is_without_coordinator(&self.group) {
            talk.history.groups.loses(&self.group, talk.id);
            self.is_done = true;
        }
    }
}

/// Who has not joined anything.
fn nobody() -> Standing {
    Standing { generation: -1, ..Standing::default() }
}

impl Role for Member {
    fn act(&mut self, talk: &mut Talk<'_>) -> Result<(), Violation> {
        self.begin(talk);
        if self.in_flight.is_some() || !self.cluster.is_ready(talk, &self.topics) {
            return Ok(());
        }
        if talk.env.stage != Stage::Faults && talk.history.groups.ledger(&self.group).is_settled() {
            self.is_done = true;
            return Ok(());
        }
        if talk.time() < self.next_at {
            talk.wake_after(self.next_at - talk.time());
            return Ok(());
        }
        if self.must_find {
            self.find(talk);
            return Ok(());
        }
        match self.step {
            Step::Join => self.join(talk),
            Step::Sync => self.sync(talk),
            Step::Fetch => self.fetch(talk),
            Step::Stable => self.live(talk),
            Step::Leave => self.leave(talk),
        }
        Ok(())
    }

    fn answered(&mut self, talk: &mut Talk<'_>, _: u64, answer: Answer) -> Result<(), Violation> {
        if let Answer::Metadata(response) = answer {
            return self.cluster.answered(talk, &response);
        }
        let sent = self.in_flight.take().expect("asked before");
        let InFlight { who, asked, .. } = &sent;
        match answer {
            Answer::FindCoordinator(response) => {
                let (error, node_id) = coordinator(&response)?;
                self.found(talk, error, node_id)
            }
            Answer::JoinGroup(response) => self.joined(talk, asked, who, &response),
            Answer::SyncGroup(response) => self.synced(talk, asked, who, &response),
            Answer::OffsetFetch(response) => self.fetched(talk, asked, &response),
            Answer::Heartbeat(response) => {
                self.pause(talk);
                self.beaten(talk, asked, who, error_of(response.error_code)?)
            }
            Answer::OffsetCommit(response) => {
                self.pause(talk);
                self.committed(talk, sent, &response)
            }
            Answer::LeaveGroup(response) => {
                let inner = response.members.first().map_or(0, |member| member.error_code);
                let error_code = if response.error_code == 0 { inner } else { response.error_code };
                self.left(talk, who, error_of(error_code)?)
            }
            other => unreachable!("members don't ask for {other:?}"),
        }
    }

    fn disconnected(&mut self) {
        self.cluster.disconnected();
        let lost = self.in_flight.take().map(|in_flight| in_flight.what);
        if let Some(What::Commit { is_by_former: false, .. } | What::Leave) = lost {
            self.forget_itself();
        }
    }

    fn is_done(&self) -> bool {
        self.is_done
    }
}

impl Talk<'_> {
    /// Who answers, and whether what it says must hold from now on.
    pub fn answerer(&self) -> Answerer {
        let life = self.life();
        Answerer { life, holds: self.history.timeline_of(life) == self.history.timeline() }
    }

    /// What is known of a group, before somebody asks something of it.
    pub fn asks(&mut self, group: &str, who: &Standing, ear: Ear) -> Asked {
        let from = self.answerer();
        self.history.groups.ledger(group).asked(from, who, ear)
    }

    /// The same, before somebody asks what is committed.
    pub fn asks_offsets(&mut self, group: &str, who: &Standing) -> Asked {
        let op = self.history.account.asks_offsets(self.id, group, false);
        let mut asked = self.asks(group, who, Ear::Loaded);
        asked.op = Some(op);
        asked
    }

    /// Before somebody commits offsets of a group.
    pub fn commits_offsets(&mut self, group: &str, offsets: &BTreeMap<Place, i64>) -> OpId {
        let place = |(place, offset): (&Place, &i64)| Some((self.partition_of(place)?, *offset));
        let offsets: Vec<_> = offsets.iter().filter_map(place).collect();
        self.history.commits_offsets(self.id, group, &offsets)
    }

    /// All of a commit was taken, or some of it was refused.
    pub fn commit_ended(&mut self, op: OpId, refusal: Option<ErrorCode>) {
        match refusal {
            None => self.history.account.done(op),
            Some(
                ErrorCode::IllegalGeneration
                | ErrorCode::UnknownMemberId
                | ErrorCode::FencedInstanceId
                | ErrorCode::StaleMemberEpoch,
            ) => self.history.account.failed(op),
            Some(_) => {}
        }
    }

    /// An answer said what is committed.
    ///
    /// # Errors
    /// It can't be.
    pub fn saw_committed(&mut self, op: OpId, found: &BTreeMap<Place, offsets::Committed>) -> Result<(), Violation> {
        let found: Vec<_> = found
            .iter()
            .filter_map(|(place, committed)| Some((self.partition_of(place)?, committed.as_ref().map(|it| it.0))))
            .collect();
        self.history.saw_committed(op, &found)
    }

    /// Whether a group lives in a log that has a hole, and nothing else is wrong any more.
    pub fn is_without_coordinator(&self, group: &str) -> bool {
        let partitions = i32::from(self.env.plan.groups.partitions);
        self.env.stage != Stage::Faults
            && self.env.is_sound(self.life())
            && self.history.groups.is_damaged(group, partitions)
    }

    /// An answer said how far a group has read these.
    ///
    /// # Errors
    /// It can't have.
    pub fn saw_offsets(
        &mut self,
        group: &str,
        asked: &Asked,
        found: &BTreeMap<Place, offsets::Committed>,
    ) -> Result<(), Violation> {
        let from = self.answerer();
        if let Some(op) = asked.op {
            self.saw_committed(op, found)?;
        }
        for (place, committed) in found {
            let partition = self.partition_of(place).expect("a lasting topic");
            let committed = committed.as_ref().map(|(offset, text)| (*offset, text.as_str()));
            self.history.groups.ledger(group).saw_offset(from, asked, partition, committed)?;
        }
        Ok(())
    }
}
