//! A consumer by assignment: reads its partitions from the first offset on, in fetch sessions or without, by long
//! polls, and holds every batch against the history.

use std::collections::BTreeMap;

use ottla_core::error_code::ErrorCode;
use ottla_core::wire::messages::fetch::{
    FetchPartition, FetchRequest, FetchResponse, FetchTopic, ForgottenTopic, PartitionData,
};
use ottla_core::wire::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsRequest, ListOffsetsResponse, ListOffsetsTopic,
};
use ottla_core::wire::{ApiKey, Records, Str, Uuid};

use super::cluster::Cluster;
use super::producer::is_passing;
use super::wire::{FETCH_BY_ID, METADATA_WITH_IDS};
use super::{Answer, Request, Role, Talk};
use crate::agenda::{Span, Time};
use crate::chance::{Chance, Odds};
use ottla_checker::{Mark, OpId};

use crate::history::{Life, Moment, PartitionRef, Read, Seen};
use crate::records::{Batch, read_batches};
use crate::stats::Counter;
use crate::violation::{Check, Violation};

/// A consumer's positions and its fetch on the way.
pub struct Consumer {
    topics: Vec<String>,
    uses_sessions: bool,
    /// Reads everything once, and then asks the history whether that is all.
    is_auditor: bool,
    /// It wants committed records only.
    sees_committed: bool,
    cluster: Cluster,
    positions: BTreeMap<PartitionRef, Position>,
    session: FetchSession,
    in_flight: Option<InFlight>,
    /// Asks where logs start that do not have our position any more.
    asking: Option<BTreeMap<PartitionRef, (i64, OpId)>>,
    next_at: Time,
    production_was_over: bool,
    /// It goes on with a session of another connection.
    returns: bool,
}

#[derive(Debug)]
struct Position {
    topic: String,
    index: i32,
    next: i64,
    /// The high watermark as last answered.
    end: Option<i64>,
    /// The broker's fetch session does not have this position.
    is_dirty: bool,
    is_offline: bool,
    /// It does not exist: the log must say where it starts.
    is_out_of_range: bool,
}

/// A fetch session as the client has it; id 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct FetchSession {
    id: i32,
    epoch: i32,
}

#[derive(Debug)]
struct InFlight {
    number: u64,
    op: OpId,
    asked: BTreeMap<PartitionRef, Asked>,
    is_after_production: bool,
    /// Its session has gone on since.
    is_stale: bool,
}

/// What was asked for, and what was known then.
#[derive(Clone, Copy, Debug)]
struct Asked {
    position: i64,
    start: i64,
    asked_in: Life,
    at: Moment,
}

/// From this version on there are fetch sessions.
const WITH_SESSIONS: i16 = 7;
/// From this version on a fetch says under which leader it asks.
const WITH_LEADER_EPOCH: i16 = 9;
/// Asks ListOffsets for the first offset.
const EARLIEST: i64 = -2;
/// How often it is behind its session.
const STALE: Odds = Odds::per_million(3_000);
/// After an error a consumer waits this long.
const RETRY_AFTER: Span = Span::ms(30);

impl std::fmt::Debug for Consumer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = |position: &Position| (position.topic.clone(), position.index, position.next, position.end);
        let positions: Vec<_> = self.positions.values().map(at).collect();
        let kind = if self.is_auditor { "auditor" } else { "consumer" };
        write!(f, "{kind}, sessions {}, at {positions:?}, in flight {:?}", self.uses_sessions, self.in_flight)
    }
}

impl Consumer {
    /// A consumer of all partitions of these topics.
    #[must_use]
    pub fn new(topics: Vec<String>, chance: &mut Chance) -> Self {
        Self {
            topics,
            uses_sessions: chance.coin(),
            is_auditor: false,
            sees_committed: false,
            cluster: Cluster::default(),
            positions: BTreeMap::new(),
            session: FetchSession::default(),
            in_flight: None,
            asking: None,
            next_at: Time::default(),
            production_was_over: false,
            returns: false,
        }
    }

    /// One that reads everything once, when all else is over, and asks the history whether that is all.
    #[must_use]
    pub fn auditor(topics: Vec<String>, chance: &mut Chance) -> Self {
        Self { is_auditor: true, ..Self::new(topics, chance) }
    }

    /// The same, of committed records.
    #[must_use]
    pub fn of_committed(self) -> Self {
        Self { sees_committed: true, ..self }
    }

    fn open_positions(&mut self, talk: &Talk<'_>) {
        for name in &self.topics {
            for index in self.cluster.topic(name).expect("the cluster is ready").leader_epochs.keys() {
                let partition = talk.history.topics.partition(name, *index).expect("clients know only lasting topics");
                self.positions.entry(partition).or_insert_with(|| Position {
                    topic: name.clone(),
                    index: *index,
                    next: 0,
                    end: None,
                    is_dirty: true,
                    is_offline: false,
                    is_out_of_range: false,
                });
            }
        }
    }

    fn fetch(&mut self, talk: &mut Talk<'_>) {
        if std::mem::take(&mut self.returns)
            && talk.version(ApiKey::Metadata) >= METADATA_WITH_IDS
            && talk.chance.coin()
        {
            // It was another release before, which named topics otherwise.
            let other = if talk.version(ApiKey::Fetch) >= FETCH_BY_ID { FETCH_BY_ID - 1 } else { FETCH_BY_ID };
            talk.speak(ApiKey::Fetch, other);
        }
        let version = talk.version(ApiKey::Fetch);
        let has_session = self.uses_sessions && version >= WITH_SESSIONS;
        let is_incremental = has_session && self.session.id != 0;
        let mut topics: Vec<FetchTopic> = Vec::new();
        let mut asked = BTreeMap::new();
        for (partition, position) in &mut self.positions {
            if position.is_offline {
                continue;
            }
            let (start, asked_in) = (talk.history.known_start(*partition), talk.history.life());
            let at = talk.history.moment();
            asked.insert(*partition, Asked { position: position.next, start, asked_in, at });
            if is_incremental && !position.is_dirty {
                continue;
            }
            position.is_dirty = false;
            let known = self.cluster.topic(&position.topic).expect("the cluster is ready");
            let knows_epoch = version >= WITH_LEADER_EPOCH && talk.chance.coin();
            let leader_epoch = if knows_epoch { known.leader_epochs[&position.index] } else { -1 };
            let data = FetchPartition {
                partition: position.index,
                current_leader_epoch: leader_epoch,
                fetch_offset: position.next,
                partition_max_bytes: *talk.chance.pick(&[1, 500, 1 << 20]),
                ..FetchPartition::default()
            };
            let by_id = version >= FETCH_BY_ID;
            let topic = if by_id { Str::default() } else { Str::from(position.topic.as_str()) };
            let topic_id = if by_id { known.id } else { Uuid::ZERO };
            match topics.iter_mut().find(|other| other.topic == topic && other.topic_id == topic_id) {
                Some(other) => other.partitions.push(data),
                None => topics.push(FetchTopic { topic, topic_id, partitions: vec![data], ..FetchTopic::default() }),
            }
        }
        let session = match (has_session, is_incremental) {
            (false, _) => FetchSession { id: 0, epoch: -1 },
            (true, false) => FetchSession { id: 0, epoch: 0 },
            (true, true) => self.session,
        };
        // Sometimes a consumer says what it has said before, as one does that has missed an answer.
        let is_stale = is_incremental && session.epoch > 1 && talk.chance.happens(STALE);
        let session = FetchSession { epoch: session.epoch - i32::from(is_stale), ..session };
        let request = FetchRequest {
            max_wait_ms: *talk.chance.pick(&[0, 10, 500]),
            min_bytes: *talk.chance.pick(&[0, 1, 1, 10_000]),
            max_bytes: *talk.chance.pick(&[1, 2_000, 1 << 20]),
            isolation_level: i8::from(self.sees_committed),
            session_id: session.id,
            session_epoch: session.epoch,
            topics,
            forgotten_topics_data: Vec::<ForgottenTopic>::new(),
            ..FetchRequest::default()
        };
        let is_after_production = talk.env.production_over.is_some();
        let number = talk.send(&Request::Fetch(request));
        let op = talk.history.polls(talk.id, self.sees_committed);
        self.in_flight = Some(InFlight { number, op, asked, is_stale, is_after_production });
    }

    fn fetched(&mut self, talk: &mut Talk<'_>, number: u64, response: &FetchResponse) -> Result<(), Violation> {
        let in_flight = self.in_flight.take().expect("asked before");
        assert_eq!(in_flight.number, number, "one fetch at a time");
        match ErrorCode::from_number(response.error_code) {
            Some(ErrorCode::None) if in_flight.is_stale => {
                return Err(Violation::Answer("a fetch session went on from an epoch that was over".to_owned()));
            }
            Some(ErrorCode::None) => self.follow_session(talk, response),
            Some(error) => {
                let ends_session = matches!(
                    error,
                    ErrorCode::FetchSessionIdNotFound
                        | ErrorCode::InvalidFetchSessionEpoch
                        | ErrorCode::FetchSessionTopicIdError
                );
                if !ends_session && !is_passing(error) {
                    return Err(Violation::Answer(format!("Fetch with the error {error}")));
                }
                self.forget_session();
                self.next_at = talk.time() + RETRY_AFTER;
                return Ok(());
            }
            None => return Err(Violation::Answer(format!("Fetch with the error {}", response.error_code))),
        }
        let fetched = self.all_fetched(talk, &in_flight.asked, response);
        talk.history.account.polled(in_flight.op)?;
        self.production_was_over = in_flight.is_after_production;
        fetched
    }

    fn all_fetched(
        &mut self,
        talk: &mut Talk<'_>,
        all_asked: &BTreeMap<PartitionRef, Asked>,
        response: &FetchResponse,
    ) -> Result<(), Violation> {
        let by_id = talk.version(ApiKey::Fetch) >= FETCH_BY_ID;
        for topic in &response.responses {
            let name = if by_id { self.cluster.name_of(topic.topic_id) } else { Some(&*topic.topic) };
            let name = name.unwrap_or_default().to_owned();
            for data in &topic.partitions {
                let partition = talk.history.topics.partition(&name, data.partition_index);
                let Some((partition, asked)) = partition.and_then(|p| Some((p, *all_asked.get(&p)?))) else {
                    let text = format!("Fetch: {name}-{} was not asked for", data.partition_index);
                    return Err(Violation::Answer(text));
                };
                self.partition_fetched(talk, partition, asked, data)?;
            }
        }
        Ok(())
    }

    fn partition_fetched(
        &mut self,
        talk: &mut Talk<'_>,
        partition: PartitionRef,
        asked: Asked,
        data: &PartitionData,
    ) -> Result<(), Violation> {
        let position = self.positions.get_mut(&partition).expect("positions stay");
        match ErrorCode::from_number(data.error_code) {
            Some(ErrorCode::None) => {}
            Some(ErrorCode::OffsetOutOfRange) => {
                position.is_out_of_range = true;
                position.is_dirty = true;
                return Ok(());
            }
            Some(error) if is_passing(error) => {
                position.is_dirty = true;
                if talk.is_offline(partition, Some(error))? {
                    position.is_offline = true;
                    // A session would go on telling of it.
                    self.forget_session();
                }
                self.cluster.doubt();
                self.next_at = talk.time() + RETRY_AFTER;
                return Ok(());
            }
            other => return Err(Violation::Answer(format!("{partition}: Fetch with the error {other:?}"))),
        }
        let Some(Records::Bytes(bytes)) = &data.records else {
            return Err(Violation::Answer(format!("{partition}: null instead of no records")));
        };
        let batches = read_batches(bytes)
            .map_err(|error| Violation::history(Check::Corruption, format!("{partition}: {error}")))?;
        if batches.is_empty() && !bytes.is_empty() {
            return Err(Violation::Answer(format!("{partition}: {} bytes without a whole batch", bytes.len())));
        }
        if let Some(last) = batches.last()
            && last.end_offset > data.high_watermark
        {
            let (end, high_watermark) = (last.end_offset, data.high_watermark);
            return Err(Violation::Answer(format!(
                "{partition}: records up to {end} with {high_watermark} as the end"
            )));
        }
        if asked.position < asked.start {
            let text = format!("{partition}: {} is there, though the log starts at {}", asked.position, asked.start);
            return Err(Violation::history(Check::Starts, text));
        }
        let next = if self.sees_committed {
            read_committed(talk, partition, asked, data, &batches, self.is_auditor)?
        } else {
            let read = Read { life: talk.life(), partition, position: asked.position, asked_at: asked.at };
            talk.history.read(&read, &batches, talk.env.latest_wall_ms)?
        };
        talk.history.saw_end(partition, asked.asked_in, data.high_watermark);
        if self.sees_committed && data.last_stable_offset >= 0 {
            talk.history.account.saw(Mark::LastStableOffset, data.last_stable_offset);
        }
        if data.log_start_offset >= 0 {
            talk.history.account.saw(Mark::LogStart, data.log_start_offset);
            talk.saw_start(partition, asked.start, data.log_start_offset)?;
        }
        // A transaction that nobody can end keeps what is behind its first record from being read.
        let is_held_up = self.sees_committed && talk.history.transactions.may_hang();
        position.end = Some(if is_held_up { data.last_stable_offset } else { data.high_watermark });
        if next != position.next {
            let counter = if self.is_auditor { Counter::RecordsAudited } else { Counter::RecordsRead };
            if !self.sees_committed {
                talk.env.stats.add(counter, next.abs_diff(position.next));
            }
            position.next = next;
            position.is_dirty = true;
        }
        if self.is_auditor && position.next >= data.high_watermark {
            // Nothing is under way any more: all that there is is before it.
            let op = talk.history.observes(talk.id, partition, Mark::LogEnd);
            talk.history.account.observed(op, data.high_watermark)?;
        }
        if self.is_auditor && !self.sees_committed && position.next >= data.high_watermark {
            talk.history.audited(partition, data.high_watermark, talk.env.latest_wall_ms)?;
        }
        Ok(())
    }

    /// Asks where those logs start that do not have our position. Says whether there are any.
    fn ask_for_starts(&mut self, talk: &mut Talk<'_>) -> bool {
        let lost = self.positions.iter().filter(|(_, position)| position.is_out_of_range && !position.is_offline);
        if lost.clone().next().is_none() {
            return false;
        }
        let mut asks = |partition: &PartitionRef| {
            let known = talk.history.known_start(*partition);
            (*partition, (known, talk.history.observes(talk.id, *partition, Mark::LogStart)))
        };
        let asking = lost.clone().map(|(partition, _)| asks(partition)).collect();
        let topic = |position: &Position| ListOffsetsTopic {
            name: position.topic.as_str().into(),
            partitions: vec![ListOffsetsPartition {
                partition_index: position.index,
                timestamp: EARLIEST,
                ..ListOffsetsPartition::default()
            }],
            ..ListOffsetsTopic::default()
        };
        let topics = lost.map(|(_, position)| topic(position)).collect();
        talk.send(&Request::ListOffsets(ListOffsetsRequest {
            replica_id: -1,
            topics,
            ..ListOffsetsRequest::default()
        }));
        self.asking = Some(asking);
        true
    }

    /// Logs said where they start: that is where to go on, if the position before it was deleted.
    fn told_starts(&mut self, talk: &mut Talk<'_>, response: &ListOffsetsResponse) -> Result<(), Violation> {
        let asked = self.asking.take().expect("asked before");
        for topic in &response.topics {
            for answer in &topic.partitions {
                let partition = talk.history.topics.partition(&topic.name, answer.partition_index);
                let Some((partition, (known, op))) = partition.and_then(|p| Some((p, *asked.get(&p)?))) else {
                    let text = format!("ListOffsets: {}-{} was not asked for", topic.name, answer.partition_index);
                    return Err(Violation::Answer(text));
                };
                match ErrorCode::from_number(answer.error_code) {
                    Some(ErrorCode::None) => {}
                    Some(error) if is_passing(error) => {
                        let is_offline = talk.is_offline(partition, Some(error))?;
                        self.positions.get_mut(&partition).expect("positions stay").is_offline |= is_offline;
                        self.cluster.doubt();
                        self.next_at = talk.time() + RETRY_AFTER;
                        continue;
                    }
                    other => return Err(Violation::Answer(format!("ListOffsets with the error {other:?}"))),
                }
                talk.history.account.observed(op, answer.offset)?;
                talk.saw_start(partition, known, answer.offset)?;
                let position = self.positions.get_mut(&partition).expect("positions stay");
                position.seek(answer.offset);
            }
        }
        Ok(())
    }

    /// After a good answer a session goes on with the next epoch.
    fn follow_session(&mut self, talk: &Talk<'_>, response: &FetchResponse) {
        if !self.uses_sessions || talk.version(ApiKey::Fetch) < WITH_SESSIONS {
            return;
        }
        if response.session_id == 0 {
            return self.forget_session();
        }
        let epoch = if self.session.id == response.session_id { self.session.epoch + 1 } else { 1 };
        self.session = FetchSession { id: response.session_id, epoch };
    }

    fn forget_session(&mut self) {
        self.session = FetchSession::default();
        self.positions.values_mut().for_each(|position| position.is_dirty = true);
    }
}

/// What a consumer of committed records makes of an answer: where it goes on.
fn read_committed(
    talk: &mut Talk<'_>,
    partition: PartitionRef,
    asked: Asked,
    data: &PartitionData,
    batches: &[Batch],
    is_auditor: bool,
) -> Result<i64, Violation> {
    let aborted = data.aborted_transactions.iter().flatten();
    let aborted: Vec<(i64, i64)> = aborted.map(|aborted| (aborted.producer_id, aborted.first_offset)).collect();
    let seen = Seen {
        position: asked.position,
        batches,
        aborted: &aborted,
        stable: data.last_stable_offset,
        holds: talk.answerer().holds,
    };
    let (next, count) = talk.history.read_committed(partition, &seen)?;
    talk.env.stats.add(Counter::CommittedRead, count);
    if is_auditor {
        talk.history.transactions.audited(partition, next, next >= data.high_watermark);
    }
    Ok(next)
}

impl Role for Consumer {
    fn act(&mut self, talk: &mut Talk<'_>) -> Result<(), Violation> {
        if self.sees_committed && !self.topics.iter().all(|topic| talk.history.topics.exists(topic)) {
            talk.wake_after(RETRY_AFTER);
            return Ok(());
        }
        if self.in_flight.is_some() || self.asking.is_some() || !self.cluster.is_ready(talk, &self.topics) {
            return Ok(());
        }
        if talk.time() < self.next_at {
            talk.wake_after(self.next_at - talk.time());
            return Ok(());
        }
        self.open_positions(talk);
        if self.ask_for_starts(talk) {
            return Ok(());
        }
        // Sometimes a consumer begins anew, and must find the same.
        if !self.is_auditor && talk.chance.happens(Odds::per_million(3_000)) {
            self.positions.values_mut().for_each(|position| position.seek(0));
            // A session tells nothing of partitions in which nothing is new.
            self.forget_session();
        }
        self.next_at = talk.time() + talk.chance.span_up_to(talk.env.plan.clients.pause);
        self.fetch(talk);
        Ok(())
    }

    fn answered(&mut self, talk: &mut Talk<'_>, number: u64, answer: Answer) -> Result<(), Violation> {
        match answer {
            Answer::Metadata(response) => self.cluster.answered(talk, &response),
            Answer::Fetch(response) => self.fetched(talk, number, &response),
            Answer::ListOffsets(response) => self.told_starts(talk, &response),
            other => unreachable!("consumers don't ask for {other:?}"),
        }
    }

    fn disconnected(&mut self) {
        self.cluster.disconnected();
        self.asking = None;
        let was_asking = self.in_flight.take().is_some();
        let session = self.session;
        self.forget_session();
        // Some go on with the session that they had, whether or not the broker has seen their last fetch: then one of the two
        // is a step behind.
        if was_asking && session.epoch % 2 == 0 {
            self.session = session;
            self.returns = true;
        }
    }

    fn is_done(&self) -> bool {
        let is_at_end =
            |position: &Position| position.is_offline || position.end.is_some_and(|end| position.next >= end);
        self.production_was_over && !self.positions.is_empty() && self.positions.values().all(is_at_end)
    }
}

impl Position {
    fn seek(&mut self, next: i64) {
        self.next = next;
        self.end = None;
        self.is_dirty = true;
        self.is_out_of_range = false;
    }
}
