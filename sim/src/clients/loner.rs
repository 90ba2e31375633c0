//! Commits for a group that has no members, as a consumer does that was told what to read: its offsets only rise. And one who
//! comes last, and asks what is committed in all groups.

use std::collections::BTreeMap;

use ottla_core::error_code::ErrorCode;
use ottla_core::wire::ApiKey;
use ottla_core::wire::messages::offset_commit::OffsetCommitResponse;
use ottla_core::wire::messages::offset_fetch::OffsetFetchResponse;

use ottla_checker::OpId;

use super::cluster::Cluster;
use super::member::{coordinator, find_request};
use super::offsets::{self, Place};
use super::producer::is_passing;
use super::{Answer, Role, Talk};
use crate::agenda::{Span, Time};
use crate::env::Stage;
use crate::history::{Asked, Standing};
use crate::stats::Counter;
use crate::violation::Violation;

/// A client that commits without being a member, or only looks.
#[derive(Debug)]
pub struct Loner {
    /// Commits for this group; the one who comes last for none.
    name: Option<String>,
    /// Groups that are still to be asked about, the present one first.
    groups: Vec<String>,
    topics: Vec<String>,
    cluster: Cluster,
    offsets: BTreeMap<Place, i64>,
    step: Step,
    in_flight: Option<InFlight>,
    next_at: Time,
    next_text: u32,
    /// A commit that was lost on its way may come after a later one: what follows is committed for another group.
    losses: u32,
    has_begun: bool,
    is_done: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Find,
    Fetch,
    Commit,
}

#[derive(Debug)]
enum InFlight {
    Find,
    Fetch(Asked),
    Commit(BTreeMap<Place, i64>, OpId),
}

const APIS: [ApiKey; 3] = [ApiKey::FindCoordinator, ApiKey::OffsetCommit, ApiKey::OffsetFetch];
/// After an error it waits this long.
const RETRY_AFTER: Span = Span::ms(30);
/// Between two commits.
const PAUSE: Span = Span::ms(40);
/// A commit goes so far at most.
const STRIDE_MAX: u64 = 5;

impl Loner {
    /// One that commits for a group of this name, and for others after losses.
    #[must_use]
    pub fn new(name: String, topics: Vec<String>) -> Self {
        Self { groups: vec![name.clone()], name: Some(name), ..Self::auditor(Vec::new(), topics) }
    }

    /// One that asks what is committed in these groups, once.
    #[must_use]
    pub fn auditor(groups: Vec<String>, topics: Vec<String>) -> Self {
        Self {
            name: None,
            groups,
            topics,
            cluster: Cluster::default(),
            offsets: BTreeMap::new(),
            step: Step::Find,
            in_flight: None,
            next_at: Time::default(),
            next_text: 0,
            losses: 0,
            has_begun: false,
            is_done: false,
        }
    }

    fn places(&self, talk: &Talk<'_>) -> Vec<Place> {
        let partitions = |name: &String| talk.history.topics.lasting(name).map_or(0, |state| state.partitions);
        self.topics.iter().flat_map(|name| (0..partitions(name)).map(|index| (name.clone(), index))).collect()
    }

    fn fetch(&mut self, talk: &mut Talk<'_>) {
        let version = talk.version(ApiKey::OffsetFetch);
        let asked = talk.asks_offsets(&self.groups[0], &nobody());
        talk.send(&offsets::fetch_request(&self.cluster, version, &self.groups[0], &self.places(talk)));
        self.in_flight = Some(InFlight::Fetch(asked));
    }

    fn commit(&mut self, talk: &mut Talk<'_>) {
        let place = talk.chance.pick(&self.places(talk)).clone();
        let at = self.offsets.entry(place.clone()).or_default();
        *at += talk.chance.between(1..=STRIDE_MAX) as i64;
        self.next_text += 1;
        let (offset, text) = (*at, format!("{}/{}", talk.id.0, self.next_text));
        let partition = talk.partition_of(&place).expect("a lasting topic");
        talk.history.groups.ledger(&self.groups[0]).commits(partition, offset, &text);
        let noted = BTreeMap::from([(place.clone(), (offset, text))]);
        talk.send(&offsets::commit_request(&self.cluster, &self.groups[0], &nobody(), &noted));
        let offsets = BTreeMap::from([(place, offset)]);
        let op = talk.commits_offsets(&self.groups[0], &offsets);
        self.in_flight = Some(InFlight::Commit(offsets, op));
    }

    fn fetched(&mut self, talk: &mut Talk<'_>, asked: &Asked, response: &OffsetFetchResponse) -> Result<(), Violation> {
        let version = talk.version(ApiKey::OffsetFetch);
        let found = match offsets::fetch_outcome(&self.cluster, version, response)? {
            Ok(found) => found,
            Err(error) => return self.refused(talk, error),
        };
        talk.saw_offsets(&self.groups[0], asked, &found)?;
        talk.env.stats.add(Counter::OffsetsFetched, found.len() as u64);
        if self.name.is_none() {
            self.end_group();
            return Ok(());
        }
        // A power loss may have taken what was committed, and not what comes next.
        for (place, committed) in found {
            let at = self.offsets.entry(place).or_default();
            *at = committed.map_or(0, |(offset, _)| offset).max(*at);
        }
        self.step = Step::Commit;
        Ok(())
    }

    fn committed(
        &mut self,
        talk: &mut Talk<'_>,
        (offsets, op): (&BTreeMap<Place, i64>, OpId),
        response: &OffsetCommitResponse,
    ) -> Result<(), Violation> {
        let version = talk.version(ApiKey::OffsetCommit);
        let outcomes = offsets::commit_outcome(&self.cluster, version, response)?;
        self.next_at = talk.time() + talk.chance.span_up_to(PAUSE);
        if talk.chance.coin() {
            self.step = Step::Fetch;
        }
        for (place, offset) in offsets {
            match outcomes.get(place) {
                Some(ErrorCode::None) => {}
                Some(error) => return self.refused(talk, *error),
                None => return Err(Violation::Answer(format!("OffsetCommit without {place:?}: {response:?}"))),
            }
            let (from, partition) = (talk.answerer(), talk.partition_of(place).expect("a lasting topic"));
            talk.history.groups.ledger(&self.groups[0]).committed(from, partition, *offset);
            talk.env.stats.count(Counter::OffsetsCommitted);
        }
        talk.commit_ended(op, None);
        self.is_done = talk.env.stage != Stage::Faults;
        Ok(())
    }

    fn refused(&mut self, talk: &mut Talk<'_>, error: ErrorCode) -> Result<(), Violation> {
        match error {
            ErrorCode::NotCoordinator | ErrorCode::UnstableOffsetCommit => {}
            error if is_passing(error) => {}
            other => return Err(Violation::Answer(format!("of {} with the error {other}", self.groups[0]))),
        }
        self.step = Step::Find;
        self.next_at = talk.time() + RETRY_AFTER;
        if talk.is_without_coordinator(&self.groups[0]) {
            self.end_group();
        }
        Ok(())
    }

    fn end_group(&mut self) {
        self.groups.remove(0);
        self.step = Step::Find;
        self.is_done = self.groups.is_empty();
    }
}

fn nobody() -> Standing {
    Standing { generation: -1, ..Standing::default() }
}

impl Role for Loner {
    fn act(&mut self, talk: &mut Talk<'_>) -> Result<(), Violation> {
        if !self.has_begun {
            self.has_begun = true;
            talk.learn(&APIS);
            talk.learn_offset_versions();
        }
        if self.in_flight.is_some() || self.is_done || !self.cluster.is_ready(talk, &self.topics) {
            return Ok(());
        }
        if talk.time() < self.next_at {
            talk.wake_after(self.next_at - talk.time());
            return Ok(());
        }
        match self.step {
            Step::Find => {
                talk.send(&find_request(talk, &self.groups[0]));
                self.in_flight = Some(InFlight::Find);
            }
            Step::Fetch => self.fetch(talk),
            Step::Commit => self.commit(talk),
        }
        Ok(())
    }

    fn answered(&mut self, talk: &mut Talk<'_>, _: u64, answer: Answer) -> Result<(), Violation> {
        if let Answer::Metadata(response) = answer {
            return self.cluster.answered(talk, &response);
        }
        match (answer, self.in_flight.take().expect("asked before")) {
            (Answer::FindCoordinator(response), InFlight::Find) => match coordinator(&response)? {
                (ErrorCode::None, 1) => {
                    self.step = Step::Fetch;
                    Ok(())
                }
                (error, _) => self.refused(talk, error),
            },
            (Answer::OffsetFetch(response), InFlight::Fetch(asked)) => self.fetched(talk, &asked, &response),
            (Answer::OffsetCommit(response), InFlight::Commit(offsets, op)) => {
                self.committed(talk, (&offsets, op), &response)
            }
            (answer, asked) => unreachable!("{answer:?} to {asked:?}"),
        }
    }

    fn disconnected(&mut self) {
        self.cluster.disconnected();
        let in_flight = self.in_flight.take();
        if let (Some(InFlight::Commit(..)), Some(name)) = (in_flight, &self.name) {
            self.losses += 1;
            self.groups = vec![format!("{name}-{}", self.losses)];
            self.offsets.clear();
            self.step = Step::Find;
        }
    }

    fn is_done(&self) -> bool {
        self.is_done
    }
}
