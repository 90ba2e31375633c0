//! A member of a consumer group (KIP-848): it says what it has, gives up what it shall not have, takes what it gets, commits
//! in its epoch and leaves. It may be silent for longer than its session, keep what it should give up for too long, lose its
//! memory and come back as somebody new, go away for a while as a static member, or speak in an epoch that is over.
//!
//! Where it stands in its partitions it makes up: what it commits only ever rises. A commit that was lost on its way could
//! arrive later, so after such a loss it becomes somebody else.

mod requests;

use std::collections::{BTreeMap, BTreeSet};

use ottla_core::error_code::ErrorCode;
use ottla_core::wire::ApiKey;
use ottla_core::wire::messages::consumer_group_heartbeat::{Assignment, ConsumerGroupHeartbeatResponse};
use ottla_core::wire::messages::offset_commit::OffsetCommitResponse;
use ottla_core::wire::messages::offset_fetch::OffsetFetchResponse;

use ottla_checker::OpId;

use super::cluster::Cluster;
use super::member::coordinator;
use super::offsets::{self, Place, error_of};
use super::producer::is_passing;
use super::wire::METADATA_WITH_IDS;
use super::{Answer, Role, Talk};
use crate::agenda::{Span, Time};
use crate::chance::{Chance, Odds};
use crate::env::Stage;
use crate::history::{Asked, Rest};
use crate::stats::Counter;
use crate::violation::{Check, Violation};

/// A member and what it knows of its group.
#[derive(Debug)]
pub struct Subscriber {
    group: String,
    topics: Vec<String>,
    cluster: Cluster,
    /// It is a static member.
    instance: Option<String>,
    /// It asks for this assignor.
    assignor: Option<&'static str>,
    /// It subscribes by a regular expression, where its version has that.
    likes_regexes: bool,
    /// Empty where the coordinator is to give it one.
    id: String,
    /// 0 before it has joined.
    epoch: i32,
    /// What it has, and how far it is; none where it has not asked for that yet.
    owned: BTreeMap<Place, Option<i64>>,
    /// What it was told to have.
    told: BTreeSet<Place>,
    /// When it gives up what it shall not have.
    gives_up_at: Option<Time>,
    /// When the request was sent in whose answer it first heard of that.
    told_to_give_up: Option<Time>,
    /// What it gave up, and the coordinator does not know yet.
    given_up: BTreeSet<Place>,
    /// The coordinator may not know what it has, or it what it may have.
    must_say_all: bool,
    /// What it was before.
    past: Vec<Former>,
    step: Step,
    in_flight: Option<InFlight>,
    next_at: Time,
    next_text: u32,
    /// What was lost with its connection could still arrive: it becomes somebody else.
    is_lost: bool,
    has_begun: bool,
    is_done: bool,
}

/// A member that is somebody else now, or has something no more.
#[derive(Clone, Debug, PartialEq)]
struct Former {
    id: String,
    epoch: i32,
    offsets: BTreeMap<Place, i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Find,
    Beat,
    /// Leaves; with a place to come back to, or without.
    Leave,
    LeaveForAWhile,
}

#[derive(Debug)]
struct InFlight {
    what: What,
    sent_at: Time,
}

#[derive(Debug)]
enum What {
    Find,
    /// In which epoch, and what it said that it has.
    Beat {
        epoch: i32,
        said: Option<BTreeSet<Place>>,
    },
    /// In an epoch that is over.
    StaleBeat,
    Leave,
    Fetch(Asked),
    Commit {
        former: Former,
        is_by_former: bool,
        refusal: Option<String>,
        op: OpId,
    },
}

const APIS: [ApiKey; 4] =
    [ApiKey::FindCoordinator, ApiKey::ConsumerGroupHeartbeat, ApiKey::OffsetCommit, ApiKey::OffsetFetch];
/// In these versions commits and fetches know of epochs.
const EPOCHS_SINCE: i16 = 9;
/// In this version a member makes its own id, and may subscribe by a regular expression.
const OWN_ID_SINCE: i16 = 1;
/// After an error it waits this long.
const RETRY_AFTER: Span = Span::ms(30);
/// It remembers so many of those that it was.
const PAST_MAX: usize = 4;
/// A commit goes so far at most.
const STRIDE_MAX: u64 = 5;

impl Subscriber {
    /// One that reads these topics.
    #[must_use]
    pub fn new(group: String, number: u16, topics: Vec<String>, chance: &mut Chance) -> Self {
        let is_static = chance.happens(Odds::percent(40));
        Self {
            instance: is_static.then(|| format!("{group}-{number}")),
            group,
            topics,
            cluster: Cluster::default(),
            assignor: *chance.pick(&[None, None, Some("uniform"), Some("range")]),
            likes_regexes: chance.happens(Odds::percent(30)),
            id: String::new(),
            epoch: 0,
            owned: BTreeMap::new(),
            told: BTreeSet::new(),
            gives_up_at: None,
            told_to_give_up: None,
            given_up: BTreeSet::new(),
            must_say_all: true,
            past: Vec::new(),
            step: Step::Find,
            in_flight: None,
            next_at: Time::default(),
            next_text: 0,
            is_lost: false,
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
        for (api, least) in [
            (ApiKey::Metadata, METADATA_WITH_IDS),
            (ApiKey::OffsetCommit, EPOCHS_SINCE),
            (ApiKey::OffsetFetch, EPOCHS_SINCE),
        ] {
            let version = talk.version(api).max(least);
            talk.speak(api, version);
        }
        self.become_new(talk);
        let all: Vec<_> = self.all_places(talk).iter().filter_map(|place| talk.partition_of(place)).collect();
        talk.history.groups.enter(&self.group, talk.id, all);
    }

    fn all_places(&self, talk: &Talk<'_>) -> BTreeSet<Place> {
        let partitions = |name: &String| talk.history.topics.lasting(name).map_or(0, |state| state.partitions);
        self.topics.iter().flat_map(|name| (0..partitions(name)).map(|index| (name.clone(), index))).collect()
    }

    /// Its life goes on, or takes one of many turns.
    fn live(&mut self, talk: &mut Talk<'_>) {
        let plan = talk.env.plan.groups;
        if self.gives_up_at.is_some_and(|at| at <= talk.time()) {
            self.give_up(talk);
            return self.beat(talk);
        }
        if self.epoch > 0 && talk.env.stage == Stage::Faults {
            if talk.chance.happens(plan.silences) {
                let longest = Span::ms(2 * plan.session_timeout_ms);
                self.next_at = talk.time() + talk.chance.span_up_to(longest);
                return talk.wake_after(self.next_at - talk.time());
            }
            if talk.chance.happens(plan.crashes) {
                if talk.chance.happens(Odds::percent(20)) && talk.history.groups.gives_up(&self.group, talk.id) {
                    self.is_done = true;
                }
                self.become_new(talk);
                return talk.hang_up();
            }
            if talk.chance.happens(plan.leaves) {
                let is_for_a_while = self.instance.is_some() && talk.chance.coin();
                self.step = if is_for_a_while { Step::LeaveForAWhile } else { Step::Leave };
                return self.leave(talk);
            }
            if self.epoch > 2 && talk.chance.happens(Odds::percent(2)) {
                return self.beat_in_old_epoch(talk);
            }
            if !self.past.is_empty() && talk.chance.happens(Odds::percent(20)) && self.commit_as_former(talk) {
                return;
            }
        }
        if self.owned.values().any(Option::is_none) {
            return self.fetch(talk);
        }
        if self.epoch > 0 && !self.owned.is_empty() && talk.chance.coin() { self.commit(talk) } else { self.beat(talk) }
    }

    /// It has what it shall not have no more; that it says with its next heartbeat.
    fn give_up(&mut self, talk: &mut Talk<'_>) {
        let lost: BTreeSet<Place> = self.owned.keys().filter(|place| !self.told.contains(*place)).cloned().collect();
        let offsets = self.offsets_of(&lost);
        self.remember(offsets);
        self.owned.retain(|place, _| !lost.contains(place));
        talk.remark(format_args!("gives up {lost:?}"));
        talk.history.groups.ledger(&self.group).holders.gives_up(talk.id, &lost);
        self.given_up.extend(lost);
        self.gives_up_at = None;
    }

    fn offsets_of(&self, places: &BTreeSet<Place>) -> BTreeMap<Place, i64> {
        let known = self.owned.iter().filter(|(place, _)| places.contains(*place));
        known.filter_map(|(place, at)| at.map(|at| (place.clone(), at))).collect()
    }

    fn remember(&mut self, offsets: BTreeMap<Place, i64>) {
        if offsets.is_empty() || self.epoch <= 0 {
            return;
        }
        self.past.push(Former { id: self.id.clone(), epoch: self.epoch, offsets });
        if self.past.len() > PAST_MAX {
            self.past.remove(0);
        }
    }

    /// It is nobody's member any more, and comes back under another id.
    fn become_new(&mut self, talk: &mut Talk<'_>) {
        // What was given up in an epoch that is not over would still be taken.
        self.past.retain(|former| former.id != self.id || former.epoch < self.epoch);
        let offsets = self.offsets_of(&self.owned.keys().cloned().collect());
        self.remember(offsets);
        let makes_id = talk.version(ApiKey::ConsumerGroupHeartbeat) >= OWN_ID_SINCE || talk.chance.coin();
        let id = format!("{}-{:08x}", talk.id.0, talk.chance.between(0..=u64::from(u32::MAX)));
        self.id = if makes_id { id } else { String::new() };
        self.lose_all(talk);
    }

    /// It has nothing any more, and joins again.
    fn lose_all(&mut self, talk: &mut Talk<'_>) {
        let ledger = talk.history.groups.ledger(&self.group);
        ledger.holders.loses_all(talk.id);
        ledger.rests(talk.id, None);
        self.epoch = 0;
        self.owned.clear();
        self.told.clear();
        self.given_up.clear();
        (self.gives_up_at, self.told_to_give_up) = (None, None);
        self.must_say_all = true;
        self.step = Step::Find;
    }

    fn found(&mut self, talk: &mut Talk<'_>, error: ErrorCode, node_id: i32) -> Result<(), Violation> {
        match error {
            ErrorCode::None if node_id == 1 => self.step = Step::Beat,
            ErrorCode::CoordinatorNotAvailable => self.later(talk),
            other => return Err(Violation::Answer(format!("FindCoordinator: node {node_id}, the error {other}"))),
        }
        Ok(())
    }

    fn beaten(
        &mut self,
        talk: &mut Talk<'_>,
        sent_at: Time,
        (epoch, said): (i32, Option<BTreeSet<Place>>),
        response: &ConsumerGroupHeartbeatResponse,
    ) -> Result<(), Violation> {
        self.pause(talk);
        match error_of(response.error_code)? {
            ErrorCode::None => {}
            error => return self.refused(talk, error),
        }
        let holds = talk.answerer().holds;
        if epoch == 0 {
            talk.env.stats.count(Counter::ConsumersJoined);
            self.id = response.member_id.as_deref().unwrap_or_default().to_owned();
        }
        if response.member_epoch < epoch && holds || response.member_epoch <= 0 || self.id.is_empty() {
            let text = format!("{} is in epoch {} after {epoch}", self.id, response.member_epoch);
            return Err(Violation::history(Check::Generations, text));
        }
        self.epoch = response.member_epoch;
        let told = response.assignment.as_ref().map(|assignment| self.read_assignment(assignment)).transpose()?;
        if let Some(told) = &told {
            talk.remark(format_args!("is given {told:?} in epoch {} of {} as {}", self.epoch, self.group, self.id));
        }
        self.must_say_all &= told.is_none();
        let has_moved = told.as_ref().is_some_and(|told| *told != self.told);
        if has_moved && epoch > 0 {
            talk.env.stats.count(Counter::Reconciliations);
        }
        self.told = told.unwrap_or_else(|| self.told.clone());
        if said.is_some_and(|said| said.is_disjoint(&self.given_up)) && holds {
            let given_up = std::mem::take(&mut self.given_up);
            let given_up = given_up.difference(&self.told).cloned().collect();
            talk.history.groups.ledger(&self.group).holders.has_given_up(&self.id, self.epoch, &given_up);
        }
        self.follow(talk, sent_at)
    }

    /// Takes what it was told to have, and plans when to give up what it shall not have.
    fn follow(&mut self, talk: &mut Talk<'_>, sent_at: Time) -> Result<(), Violation> {
        let plan = talk.env.plan.groups;
        let must_give_up = self.owned.keys().any(|place| !self.told.contains(place));
        if must_give_up && self.gives_up_at.is_none() {
            let dawdles = talk.env.stage == Stage::Faults && talk.chance.happens(Odds::percent(10));
            let longest = if dawdles { 2 * plan.rebalance_timeout_ms } else { plan.rebalance_timeout_ms / 20 };
            self.gives_up_at = Some(talk.time() + talk.chance.span_up_to(Span::ms(longest)));
        }
        self.told_to_give_up = if must_give_up { self.told_to_give_up.or(Some(sent_at)) } else { None };
        // The coordinator may have asked for something back in an answer that did not come.
        let shortest = plan.session_timeout_ms.min(plan.rebalance_timeout_ms);
        let until = sent_at + on_the_brokers_clock(talk, shortest);
        let revocation = self.told_to_give_up.map(|at| at + on_the_brokers_clock(talk, plan.rebalance_timeout_ms));
        let until = revocation.map_or(until, |revocation| revocation.min(until));
        let new: BTreeSet<Place> = self.told.iter().filter(|place| !self.owned.contains_key(*place)).cloned().collect();
        let (holds, now) = (talk.answerer().holds, talk.time());
        let ledger = talk.history.groups.ledger(&self.group);
        if holds {
            ledger.holders.lives_until(talk.id, until);
            ledger.holders.takes(talk.id, now, &new)?;
        }
        self.owned.extend(new.into_iter().map(|place| (place, None)));
        let is_at_rest = !must_give_up && self.given_up.is_empty() && talk.env.stage != Stage::Faults;
        let owned = self.owned.keys().filter_map(|place| talk.partition_of(place)).collect();
        let rest = is_at_rest.then_some(Rest { generation: self.epoch, owned });
        talk.history.groups.ledger(&self.group).rests(talk.id, rest);
        Ok(())
    }

    fn read_assignment(&self, assignment: &Assignment) -> Result<BTreeSet<Place>, Violation> {
        let mut places = BTreeSet::new();
        for topic in &assignment.topic_partitions {
            let Some(name) = self.cluster.name_of(topic.topic_id) else {
                return Err(Violation::Answer(format!("an assignment of a topic that it does not read: {topic:?}")));
            };
            places.extend(topic.partitions.iter().map(|index| (name.to_owned(), *index)));
        }
        Ok(places)
    }

    fn fetched(&mut self, talk: &mut Talk<'_>, asked: &Asked, response: &OffsetFetchResponse) -> Result<(), Violation> {
        let version = talk.version(ApiKey::OffsetFetch);
        let found = match offsets::fetch_outcome(&self.cluster, version, response)? {
            Ok(found) => found,
            Err(error) => return self.refused(talk, error),
        };
        talk.saw_offsets(&self.group, asked, &found)?;
        talk.env.stats.add(Counter::OffsetsFetched, found.len() as u64);
        for (place, at) in self.owned.iter_mut().filter(|(_, at)| at.is_none()) {
            let Some(committed) = found.get(place) else {
                return Err(Violation::Answer(format!("OffsetFetch without {place:?}: {response:?}")));
            };
            *at = Some(committed.as_ref().map_or(0, |(offset, _)| *offset));
        }
        Ok(())
    }

    fn committed(
        &mut self,
        talk: &mut Talk<'_>,
        (former, is_by_former, refusal, op): (Former, bool, Option<String>, OpId),
        response: &OffsetCommitResponse,
    ) -> Result<(), Violation> {
        self.pause(talk);
        let version = talk.version(ApiKey::OffsetCommit);
        let outcomes = offsets::commit_outcome(&self.cluster, version, response)?;
        talk.remark(format_args!("learns of its commit as {former:?}: {outcomes:?}"));
        let mut error = ErrorCode::None;
        for (place, offset) in &former.offsets {
            match outcomes.get(place) {
                Some(ErrorCode::None) => {}
                Some(other) => {
                    error = *other;
                    continue;
                }
                None => return Err(Violation::Answer(format!("OffsetCommit without {place:?}: {response:?}"))),
            }
            let (from, partition) = (talk.answerer(), talk.partition_of(place).expect("a lasting topic"));
            if let Some(why) = refusal.as_ref().filter(|_| from.holds) {
                let text = format!("{} has committed in epoch {}, but {why}", former.id, former.epoch);
                return Err(Violation::history(Check::Fencing, text));
            }
            talk.history.groups.ledger(&self.group).committed(from, partition, *offset);
            talk.env.stats.count(Counter::OffsetsCommitted);
        }
        talk.commit_ended(op, Some(error).filter(|error| *error != ErrorCode::None));
        match error {
            ErrorCode::None => Ok(()),
            _ if is_by_former => {
                talk.env.stats.count(Counter::FormersRefused);
                Ok(())
            }
            error => self.refused(talk, error),
        }
    }

    fn left(&mut self, talk: &mut Talk<'_>, error: ErrorCode) -> Result<(), Violation> {
        if error != ErrorCode::None {
            self.refused(talk, error)?;
            if self.epoch > 0 {
                self.become_new(talk);
            }
            return Ok(());
        }
        talk.env.stats.count(Counter::MembersLeft);
        if self.step == Step::Leave && talk.answerer().holds {
            talk.history.groups.ledger(&self.group).holders.is_gone(&self.id);
        }
        self.become_new(talk);
        self.next_at = talk.time() + talk.chance.span_up_to(Span::ms(talk.env.plan.groups.session_timeout_ms));
        Ok(())
    }

    /// An error says what to do.
    fn refused(&mut self, talk: &mut Talk<'_>, error: ErrorCode) -> Result<(), Violation> {
        talk.remark(format_args!("is refused in {} as {} in epoch {}: {error}", self.group, self.id, self.epoch));
        match error {
            ErrorCode::UnknownMemberId | ErrorCode::GroupIdNotFound if self.epoch != 0 => {
                talk.env.stats.count(Counter::ConsumersExpired);
                if talk.answerer().holds {
                    talk.history.groups.ledger(&self.group).holders.is_gone(&self.id);
                }
                self.become_new(talk);
            }
            ErrorCode::FencedMemberEpoch => {
                talk.env.stats.count(Counter::ConsumersFenced);
                if talk.chance.coin() {
                    self.become_new(talk);
                } else {
                    self.past.retain(|former| former.id != self.id);
                    self.lose_all(talk);
                }
            }
            ErrorCode::StaleMemberEpoch => self.must_say_all = true,
            ErrorCode::FencedInstanceId if self.instance.is_some() => {
                talk.env.stats.count(Counter::MembersFenced);
                self.become_new(talk);
            }
            // Its place is taken until the session of who it was is over.
            ErrorCode::UnreleasedInstanceId if self.instance.is_some() && self.epoch == 0 => {
                self.next_at = talk.time() + RETRY_AFTER;
            }
            ErrorCode::UnstableOffsetCommit => self.next_at = talk.time() + RETRY_AFTER,
            ErrorCode::NotCoordinator => self.later(talk),
            error if is_passing(error) => self.later(talk),
            other => {
                let text = format!("a subscriber got the error {other} as {} in epoch {}", self.id, self.epoch);
                return Err(Violation::Answer(text));
            }
        }
        talk.history.groups.ledger(&self.group).rests(talk.id, None);
        Ok(())
    }

    /// There is no coordinator at present; where its log has a hole there will not be one.
    fn later(&mut self, talk: &mut Talk<'_>) {
        self.step = Step::Find;
        self.next_at = talk.time() + RETRY_AFTER;
        if talk.is_without_coordinator(&self.group) {
            talk.history.groups.loses(&self.group, talk.id);
            self.is_done = true;
        }
    }
}

/// How long the broker takes to count so many ms, at least.
pub(super) fn on_the_brokers_clock(talk: &Talk<'_>, ms: u64) -> Span {
    let rate = u64::try_from(1_000_000 + talk.env.plan.clock.drift_ppm).expect("a clock goes forward");
    Span((ms.saturating_sub(1) * 1_000 * 1_000_000) / rate)
}

impl Role for Subscriber {
    fn act(&mut self, talk: &mut Talk<'_>) -> Result<(), Violation> {
        self.begin(talk);
        if std::mem::take(&mut self.is_lost) {
            self.become_new(talk);
        }
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
        match self.step {
            Step::Find => self.find(talk),
            Step::Beat => self.live(talk),
            Step::Leave | Step::LeaveForAWhile => self.leave(talk),
        }
        Ok(())
    }

    fn answered(&mut self, talk: &mut Talk<'_>, _: u64, answer: Answer) -> Result<(), Violation> {
        if let Answer::Metadata(response) = answer {
            return self.cluster.answered(talk, &response);
        }
        let InFlight { what, sent_at } = self.in_flight.take().expect("asked before");
        match (answer, what) {
            (Answer::FindCoordinator(response), What::Find) => {
                let (error, node_id) = coordinator(&response)?;
                self.found(talk, error, node_id)
            }
            (Answer::ConsumerGroupHeartbeat(response), What::Beat { epoch, said }) => {
                self.beaten(talk, sent_at, (epoch, said), &response)
            }
            (Answer::ConsumerGroupHeartbeat(response), What::StaleBeat) => match error_of(response.error_code)? {
                ErrorCode::None if talk.answerer().holds => {
                    let text = format!("{} is in epoch {}, and an older one was heard", self.id, self.epoch);
                    Err(Violation::history(Check::Fencing, text))
                }
                ErrorCode::None => Ok(()),
                error => self.refused(talk, error),
            },
            (Answer::ConsumerGroupHeartbeat(response), What::Leave) => {
                let error = error_of(response.error_code)?;
                self.left(talk, error)
            }
            (Answer::OffsetFetch(response), What::Fetch(asked)) => self.fetched(talk, &asked, &response),
            (Answer::OffsetCommit(response), What::Commit { former, is_by_former, refusal, op }) => {
                self.committed(talk, (former, is_by_former, refusal, op), &response)
            }
            (answer, what) => unreachable!("{answer:?} to {what:?}"),
        }
    }

    fn disconnected(&mut self) {
        self.cluster.disconnected();
        self.must_say_all = true;
        let lost = self.in_flight.take().map(|in_flight| in_flight.what);
        if let Some(What::Commit { is_by_former: false, .. } | What::Leave) = lost {
            self.is_lost = true;
        }
    }

    fn is_done(&self) -> bool {
        self.is_done
    }
}
