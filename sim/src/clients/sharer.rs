//! A member of a share group (KIP-932): it joins, fetches what the partitions have for it, and says of each record that it was dealt
//! with, shall be delivered again, or can't be dealt with; or it asks for more time, says nothing until its time is over, forgets what
//! it has, is silent for longer than its session, is killed, or leaves.
//!
//! The first member of a group sets the group's configs before anybody joins, and looks in the end whether anything is left.

mod requests;

use std::collections::{BTreeMap, BTreeSet};

use ottla_core::error_code::ErrorCode;
use ottla_core::wire::messages::describe_share_group_offsets::DescribeShareGroupOffsetsResponse;
use ottla_core::wire::messages::incremental_alter_configs::IncrementalAlterConfigsResponse;
use ottla_core::wire::messages::share_acknowledge::ShareAcknowledgeResponse;
use ottla_core::wire::messages::share_fetch::{PartitionData, ShareFetchResponse};
use ottla_core::wire::messages::share_group_heartbeat::ShareGroupHeartbeatResponse;
use ottla_core::wire::{ApiKey, Records};

use ottla_checker::OpId;

use super::cluster::Cluster;
use super::member::coordinator;
use super::offsets::error_of;
use super::producer::is_passing;
use super::subscriber::on_the_brokers_clock;
use super::wire::METADATA_WITH_IDS;
use super::{Answer, Role, Talk};
use crate::agenda::{Span, Time};
use crate::env::Stage;
use crate::history::{Delivery, Ledger, PartitionRef, Read, Timeline};
use crate::records::read_batches;
use crate::stats::Counter;
use crate::violation::{Check, Violation};

/// A member and what it has.
#[derive(Debug)]
pub struct Sharer {
    group: String,
    topics: [String; 1],
    cluster: Cluster,
    /// It sets the group's configs, and looks whether anything is left.
    is_first: bool,
    id: String,
    /// 0 before it has joined.
    epoch: i32,
    assigned: BTreeSet<i32>,
    /// Of its next request in its session; 0 begins one.
    session_epoch: i32,
    /// What it has of each partition, first and last.
    held: BTreeMap<i32, Vec<(i64, i64)>>,
    in_flight: Option<InFlight>,
    next_beat_at: Time,
    next_at: Time,
    is_leaving: bool,
    /// Asking makes what coordinators need.
    must_find: bool,
    /// Its connection is gone, and with it what it waited for.
    lost: Option<Option<InFlight>>,
    has_begun: bool,
    is_done: bool,
}

#[derive(Debug)]
struct InFlight {
    what: What,
    sent_at: Time,
}

#[derive(Debug)]
enum What {
    Find,
    Configure,
    Beat,
    Leave,
    Fetch(Said, OpId),
    Acknowledge(Said),
    Describe,
}

/// What it says of records, by partition.
type Said = BTreeMap<i32, Vec<Saying>>;

/// The same of some records in a row.
#[derive(Clone, Copy, Debug)]
struct Saying {
    offsets: (i64, i64),
    kind: Acknowledge,
}

/// What can be said of a record; the numbers are the protocol's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Acknowledge {
    Gap = 0,
    Accept = 1,
    Release = 2,
    Reject = 3,
    Renew = 4,
}

const APIS: [ApiKey; 6] = [
    ApiKey::FindCoordinator,
    ApiKey::ShareGroupHeartbeat,
    ApiKey::ShareFetch,
    ApiKey::ShareAcknowledge,
    ApiKey::IncrementalAlterConfigs,
    ApiKey::DescribeShareGroupOffsets,
];
/// After an error it waits this long.
const RETRY_AFTER: Span = Span::ms(30);
/// Between two looks whether anything is left.
const LOOK_AFTER: Span = Span::ms(200);

impl Acknowledge {
    /// Whether nobody gets the record again, and what is said of it then.
    fn ends(self) -> Option<&'static str> {
        match self {
            Self::Gap => Some("called missing"),
            Self::Accept => Some("accepted"),
            Self::Reject => Some("rejected"),
            Self::Release | Self::Renew => None,
        }
    }
}

impl Sharer {
    /// One that reads this topic.
    #[must_use]
    pub fn new(group: String, number: u16, topic: String) -> Self {
        Self {
            group,
            topics: [topic],
            cluster: Cluster::default(),
            is_first: number == 0,
            id: String::new(),
            epoch: 0,
            assigned: BTreeSet::new(),
            session_epoch: 0,
            held: BTreeMap::new(),
            in_flight: None,
            next_beat_at: Time::default(),
            next_at: Time::default(),
            is_leaving: false,
            must_find: true,
            lost: None,
            has_begun: false,
            is_done: false,
        }
    }

    fn begin(&mut self, talk: &mut Talk<'_>) {
        if std::mem::replace(&mut self.has_begun, true) {
            return;
        }
        talk.learn(&APIS);
        talk.speak(ApiKey::DescribeShareGroupOffsets, 1);
        talk.speak(ApiKey::Metadata, talk.version(ApiKey::Metadata).max(METADATA_WITH_IDS));
        self.become_new(talk);
    }

    /// It is nobody's member any more, and comes back under another id.
    fn become_new(&mut self, talk: &mut Talk<'_>) {
        self.id = format!("{}-{:08x}", talk.id.0, talk.chance.between(0..=u64::from(u32::MAX)));
        self.epoch = 0;
        self.assigned.clear();
        self.end_session(talk);
    }

    /// Its session is over, or may be: what it has may be given to others.
    fn end_session(&mut self, talk: &mut Talk<'_>) {
        talk.history.shares.ledger(&self.group).lets_all_go(talk.id);
        self.session_epoch = 0;
        self.held.clear();
    }

    /// What it does next: its life goes on, or takes one of many turns.
    fn live(&mut self, talk: &mut Talk<'_>) {
        let plan = talk.env.plan.shares;
        if self.epoch > 0 && talk.env.stage == Stage::Faults {
            if talk.chance.happens(plan.silences) {
                let longest = Span::ms(2 * plan.session_timeout_ms.max(plan.lock_ms));
                self.next_at = talk.time() + talk.chance.span_up_to(longest);
                return talk.wake_after(self.next_at - talk.time());
            }
            if talk.chance.happens(plan.crashes) {
                self.become_new(talk);
                return talk.hang_up();
            }
            self.is_leaving |= talk.chance.happens(plan.leaves);
            if talk.chance.happens(plan.forgets) {
                self.held.clear();
            }
        }
        if self.must_find {
            return self.find(talk);
        }
        if self.is_leaving && self.epoch > 0 {
            return self.leave(talk);
        }
        if self.epoch == 0 || talk.time() >= self.next_beat_at || self.assigned.is_empty() {
            return self.beat(talk);
        }
        let is_calm = talk.env.stage != Stage::Faults;
        if self.is_first && is_calm && talk.env.production_over.is_some() && talk.chance.coin() {
            return self.describe(talk);
        }
        let has_some = self.held.values().any(|held| !held.is_empty());
        if has_some && self.session_epoch > 0 && talk.chance.coin() {
            return self.acknowledge(talk);
        }
        self.fetch(talk);
    }

    /// Its connection was gone. Nobody saw what it was given in an answer that did not come.
    fn notice_loss(&mut self, talk: &mut Talk<'_>) {
        let Some(lost) = self.lost.take() else { return };
        let ledger = talk.history.shares.ledger(&self.group);
        ledger.lets_all_go(talk.id);
        if lost.is_some_and(|lost| matches!(lost.what, What::Fetch(..))) {
            ledger.missed_an_answer();
        }
    }

    fn configured(&mut self, talk: &mut Talk<'_>, response: &IncrementalAlterConfigsResponse) -> Result<(), Violation> {
        let error = response.responses.first().map_or(-1, |answer| answer.error_code);
        match error_of(error)? {
            ErrorCode::None => talk.history.shares.ledger(&self.group).is_configured = true,
            error if is_passing(error) => self.later(talk),
            error => return Err(Violation::Answer(format!("the configs of {} with {error}", self.group))),
        }
        Ok(())
    }

    fn beaten(&mut self, talk: &mut Talk<'_>, response: &ShareGroupHeartbeatResponse) -> Result<(), Violation> {
        match error_of(response.error_code)? {
            ErrorCode::None => {}
            error => return self.refused(talk, error),
        }
        if self.epoch == 0 {
            talk.env.stats.count(Counter::SharersJoined);
        }
        if response.member_epoch < self.epoch.max(1) {
            let text = format!("{} is in epoch {} after {}", self.id, response.member_epoch, self.epoch);
            return Err(Violation::history(Check::Generations, text));
        }
        self.epoch = response.member_epoch;
        if let Some(assignment) = &response.assignment {
            let topics = assignment.topic_partitions.iter();
            self.assigned = topics.flat_map(|topic| topic.partitions.iter().copied()).collect();
        }
        let session = Span::ms(talk.env.plan.shares.session_timeout_ms);
        self.next_beat_at = talk.time() + Span(session.0 / 4);
        if self.assigned.is_empty() {
            self.later(talk);
        }
        Ok(())
    }

    fn left(&mut self, talk: &mut Talk<'_>, response: &ShareGroupHeartbeatResponse) -> Result<(), Violation> {
        let error = error_of(response.error_code)?;
        if error != ErrorCode::None {
            self.refused(talk, error)?;
        }
        self.is_leaving = false;
        self.epoch = 0;
        self.later(talk);
        Ok(())
    }

    /// A heartbeat was refused: it is no member any more, or tries again.
    fn refused(&mut self, talk: &mut Talk<'_>, error: ErrorCode) -> Result<(), Violation> {
        match error {
            ErrorCode::UnknownMemberId | ErrorCode::FencedMemberEpoch | ErrorCode::GroupIdNotFound => {
                talk.env.stats.count(Counter::SharersUnknown);
                self.epoch = 0;
            }
            ErrorCode::NotCoordinator => self.must_find = true,
            error if is_passing(error) => self.must_find = true,
            error => return Err(Violation::Answer(format!("a heartbeat to {} with {error}", self.group))),
        }
        self.later(talk);
        Ok(())
    }

    fn fetched(
        &mut self,
        talk: &mut Talk<'_>,
        (sent_at, said): (Time, &Said),
        response: &ShareFetchResponse,
    ) -> Result<(), Violation> {
        match error_of(response.error_code)? {
            ErrorCode::None => {}
            error => return self.session_refused(talk, error),
        }
        self.session_epoch += 1;
        let topics = response.responses.iter();
        for data in topics.clone().flat_map(|topic| &topic.partitions) {
            self.acknowledged(talk, said, data.partition_index, error_of(data.acknowledge_error_code)?)?;
        }
        // What is not told has not changed, and was taken.
        let told: BTreeSet<i32> =
            topics.clone().flat_map(|topic| &topic.partitions).map(|data| data.partition_index).collect();
        for index in said.keys().filter(|index| !told.contains(index)) {
            self.acknowledged(talk, said, *index, ErrorCode::None)?;
        }
        for data in topics.flat_map(|topic| &topic.partitions) {
            self.partition_fetched(talk, sent_at, data)?;
        }
        Ok(())
    }

    fn partition_fetched(&mut self, talk: &mut Talk<'_>, sent_at: Time, data: &PartitionData) -> Result<(), Violation> {
        let partition = self.partition(talk, data.partition_index)?;
        match error_of(data.error_code)? {
            ErrorCode::None => {}
            error => return self.partition_refused(talk, partition, error),
        }
        let Records::Bytes(bytes) = &data.records else { return Ok(()) };
        let batches = read_batches(bytes)
            .map_err(|error| Violation::history(Check::Corruption, format!("{partition}: {error}")))?;
        if let Some(first) = batches.first() {
            let (life, asked_at) = (talk.life(), talk.history.moment());
            let read = Read { life, partition, position: first.base_offset, asked_at };
            talk.history.read(&read, &batches, talk.env.latest_wall_ms)?;
        }
        let plan = talk.env.plan.shares;
        // Where clients end their side the broker may end a session before its member knows.
        let is_certain = talk.env.plan.network.half_closes.is_never();
        // So it may where a member is silent for too long.
        let certain_ms = plan.lock_ms.min(talk.env.plan.broker.idle_max_ms);
        let until = is_certain.then(|| sent_at + on_the_brokers_clock(talk, certain_ms));
        let is_of_timeline = talk.history.timeline_of(talk.life()) == talk.history.timeline();
        for acquired in &data.acquired_records {
            let offsets = (acquired.first_offset, acquired.last_offset);
            let ends = (batches.first().map(|first| first.base_offset), batches.last().map(|last| last.end_offset));
            let is_within = ends.0.is_some_and(|first| first <= offsets.0) && ends.1.is_some_and(|end| offsets.1 < end);
            if !is_within {
                return Err(Violation::Answer(format!("{partition}: {offsets:?} acquired, and not among the records")));
            }
            let delivery = Delivery {
                member: talk.id,
                link: talk.link(),
                life: talk.life(),
                asked_at: sent_at,
                told_at: talk.time(),
                until,
                partition,
                offsets,
                deliveries: acquired.delivery_count,
                deliveries_max: plan.deliveries_max as i16,
            };
            if is_of_timeline {
                let is_there = |link| talk.env.link(link).is_some();
                talk.history.shares.delivered(&self.group, &delivery, is_there)?;
            }
            talk.env.stats.add(Counter::RecordsDelivered, offsets.1.abs_diff(offsets.0) + 1);
            if acquired.delivery_count > 1 {
                talk.env.stats.add(Counter::RecordsRedelivered, offsets.1.abs_diff(offsets.0) + 1);
            }
            self.held.entry(data.partition_index).or_default().push(offsets);
        }
        Ok(())
    }

    fn answered_acknowledgement(
        &mut self,
        talk: &mut Talk<'_>,
        said: &Said,
        response: &ShareAcknowledgeResponse,
    ) -> Result<(), Violation> {
        match error_of(response.error_code)? {
            ErrorCode::None => {}
            error => return self.session_refused(talk, error),
        }
        self.session_epoch += 1;
        for data in response.responses.iter().flat_map(|topic| &topic.partitions) {
            self.acknowledged(talk, said, data.partition_index, error_of(data.error_code)?)?;
        }
        Ok(())
    }

    /// What became of what it said of a partition's records.
    fn acknowledged(
        &mut self,
        talk: &mut Talk<'_>,
        said: &Said,
        index: i32,
        error: ErrorCode,
    ) -> Result<(), Violation> {
        let Some(sayings) = said.get(&index) else { return Ok(()) };
        let partition = self.partition(talk, index)?;
        match error {
            ErrorCode::None => {}
            // Its time was over, and the records may be behind all that are in flight by now.
            ErrorCode::InvalidRecordState | ErrorCode::InvalidRequest => {
                talk.env.stats.count(Counter::AcknowledgementsLate);
                return Ok(());
            }
            error => return self.partition_refused(talk, partition, error),
        }
        let now = talk.time();
        let is_of_timeline = talk.history.timeline_of(talk.life()) == talk.history.timeline();
        for Saying { offsets: (first, last), kind } in sayings {
            talk.env.stats.add(Counter::RecordsDealtWith, last.abs_diff(*first) + 1);
            if let Some(how) = kind.ends().filter(|_| is_of_timeline) {
                let who = (talk.id, talk.life());
                let ledger = talk.history.shares.ledger(&self.group);
                (*first..=*last).for_each(|offset| ledger.done(who, now, (partition, offset), how));
            }
            if *kind == Acknowledge::Renew {
                self.held.entry(index).or_default().push((*first, *last));
            }
        }
        Ok(())
    }

    /// Its session is not what it thought: it begins another one.
    fn session_refused(&mut self, talk: &mut Talk<'_>, error: ErrorCode) -> Result<(), Violation> {
        match error {
            ErrorCode::ShareSessionNotFound
            | ErrorCode::InvalidShareSessionEpoch
            | ErrorCode::ShareSessionLimitReached
            | ErrorCode::NotCoordinator => {}
            error if is_passing(error) => {}
            error => return Err(Violation::Answer(format!("a share session of {} with {error}", self.group))),
        }
        self.end_session(talk);
        self.later(talk);
        Ok(())
    }

    fn partition_refused(
        &mut self,
        talk: &mut Talk<'_>,
        partition: PartitionRef,
        error: ErrorCode,
    ) -> Result<(), Violation> {
        let is_sound = talk.env.is_sound(talk.life());
        match error {
            // The group has no state yet, or it can't be kept.
            ErrorCode::GroupIdNotFound | ErrorCode::NotCoordinator => {}
            ErrorCode::UnknownServerError if !is_sound || talk.history.shares.has_damage() => {}
            // A power loss took the state of a partition that its group knows to have one.
            ErrorCode::UnknownServerError if talk.history.timeline() != Timeline::default() => {
                talk.history.shares.damaged();
            }
            error if is_passing(error) => {}
            error => return Err(Violation::Answer(format!("{partition}: sharing with the error {error}"))),
        }
        self.cluster.doubt();
        self.later(talk);
        Ok(())
    }

    fn described(
        &mut self,
        talk: &mut Talk<'_>,
        response: &DescribeShareGroupOffsetsResponse,
    ) -> Result<(), Violation> {
        self.next_at = talk.time() + LOOK_AFTER;
        let Some(group) = response.groups.first() else {
            return Err(Violation::Answer("DescribeShareGroupOffsets without a group".to_owned()));
        };
        match error_of(group.error_code)? {
            ErrorCode::None => {}
            ErrorCode::NotCoordinator => return Ok(()),
            error if is_passing(error) => return Ok(()),
            error => return Err(Violation::Answer(format!("the offsets of {} with {error}", self.group))),
        }
        for told in group.topics.iter().flat_map(|topic| &topic.partitions) {
            let partition = self.partition(talk, told.partition_index)?;
            if talk.history.is_damaged(partition) {
                continue;
            }
            let knows_none = |ledger: &Ledger| ledger.offsets().next().is_none();
            let is_empty = talk.history.ledger(partition).is_none_or(knows_none);
            let has_nothing_left = told.lag == 0 || told.start_offset < 0 && is_empty;
            if told.error_code != 0 || !has_nothing_left {
                return Ok(());
            }
            talk.history.shares.ledger(&self.group).begins(partition, told.start_offset >= 0);
        }
        let asked = talk.history.topics.lasting(&self.topics[0]).map_or(0, |state| state.partitions);
        let told: usize = group.topics.iter().map(|topic| topic.partitions.len()).sum();
        talk.history.shares.ledger(&self.group).is_settled |= told == asked as usize;
        Ok(())
    }

    fn partition(&self, talk: &Talk<'_>, index: i32) -> Result<PartitionRef, Violation> {
        let partition = talk.history.topics.partition(&self.topics[0], index);
        partition.ok_or_else(|| Violation::Answer(format!("{}-{index} was not asked for", self.topics[0])))
    }

    fn later(&mut self, talk: &Talk<'_>) {
        self.next_at = talk.time() + RETRY_AFTER;
    }
}

impl Role for Sharer {
    fn act(&mut self, talk: &mut Talk<'_>) -> Result<(), Violation> {
        self.begin(talk);
        self.notice_loss(talk);
        if !talk.history.topics.exists(&self.topics[0]) {
            talk.wake_after(RETRY_AFTER);
            return Ok(());
        }
        if self.in_flight.is_some() || !self.cluster.is_ready(talk, &self.topics) {
            return Ok(());
        }
        if talk.time() < self.next_at {
            talk.wake_after(self.next_at - talk.time());
            return Ok(());
        }
        if talk.history.shares.has_damage() && talk.env.stage != Stage::Faults {
            talk.history.shares.ledger(&self.group).is_settled = true;
        }
        let ledger = talk.history.shares.ledger(&self.group);
        self.is_done = ledger.is_settled;
        if self.is_done {
            talk.wake_after(Span::ZERO);
        } else if ledger.is_configured {
            self.live(talk);
        } else if self.is_first {
            self.configure(talk);
        } else {
            talk.wake_after(RETRY_AFTER);
        }
        Ok(())
    }

    fn answered(&mut self, talk: &mut Talk<'_>, _: u64, answer: Answer) -> Result<(), Violation> {
        if let Answer::Metadata(response) = answer {
            return self.cluster.answered(talk, &response);
        }
        let InFlight { what, sent_at } = self.in_flight.take().expect("asked before");
        self.next_at = talk.time() + talk.chance.span_up_to(talk.env.plan.clients.pause);
        match (answer, what) {
            (Answer::FindCoordinator(response), What::Find) => {
                let (error, _) = coordinator(&response)?;
                self.must_find = error != ErrorCode::None;
                if self.must_find {
                    self.refused(talk, error)?;
                }
                Ok(())
            }
            (Answer::IncrementalAlterConfigs(response), What::Configure) => self.configured(talk, &response),
            (Answer::ShareGroupHeartbeat(response), What::Beat) => self.beaten(talk, &response),
            (Answer::ShareGroupHeartbeat(response), What::Leave) => self.left(talk, &response),
            (Answer::ShareFetch(response), What::Fetch(said, op)) => {
                let fetched = self.fetched(talk, (sent_at, &said), &response);
                talk.history.account.polled(op)?;
                fetched
            }
            (Answer::ShareAcknowledge(response), What::Acknowledge(said)) => {
                self.answered_acknowledgement(talk, &said, &response)
            }
            (Answer::DescribeShareGroupOffsets(response), What::Describe) => self.described(talk, &response),
            (answer, asked) => unreachable!("{answer:?} to {asked:?}"),
        }
    }

    fn disconnected(&mut self) {
        self.cluster.disconnected();
        self.session_epoch = 0;
        self.held.clear();
        let before = self.lost.take().flatten();
        self.lost = Some(before.or(self.in_flight.take()));
    }

    fn is_done(&self) -> bool {
        self.is_done
    }
}
