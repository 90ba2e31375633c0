//! A producer: plain or idempotent, with or without acknowledgements, several requests in flight, batches of several
//! partitions in one. An idempotent one sends what was not acknowledged again, in order and byte for byte.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use ottla_core::error_code::ErrorCode;
use ottla_core::wire::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use ottla_core::wire::messages::produce::{
    PartitionProduceData, PartitionProduceResponse, ProduceRequest, ProduceResponse, TopicProduceData,
};
use ottla_core::wire::{ApiKey, Str, Uuid};

use super::cluster::Cluster;
use super::wire::PRODUCE_BY_ID;
use super::{Answer, Request, Role, Talk};
use crate::agenda::{Span, Time};
use crate::chance::{Chance, Odds};
use ottla_checker::OpId;

use crate::history::{PartitionRef, Sending};
use crate::plan::ClientPlan;
use crate::records::{Identity, Keys, NewBatch, RecordId};
use crate::stats::Counter;
use crate::violation::{Check, Violation};

/// A producer's work and how far it is.
pub struct Producer {
    ways: Ways,
    /// Somebody else creates the topics, and not as topics are that come into being by being asked for.
    waits_for_topics: bool,
    topics: Vec<String>,
    cluster: Cluster,
    identity: Option<Identity>,
    identity_asked: Option<u64>,
    lanes: BTreeMap<PartitionRef, Lane>,
    in_flight: BTreeMap<u64, Vec<(PartitionRef, u64)>>,
    batches_left: u64,
    next_batch: u64,
    next_record: u32,
    next_at: Time,
    silence: Silence,
}

/// How a producer is configured.
#[derive(Clone, Copy, Debug)]
struct Ways {
    acks: i16,
    is_idempotent: bool,
    retries: bool,
    in_flight_max: usize,
}

/// What a producer that gets no answers knows of what it has sent. It asks for metadata now and then, on the same connection: the
/// answer says that the broker has got past all that came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Silence {
    /// Everything arrived.
    Heard,
    /// Not yet everything.
    Unheard,
    /// The connection was lost before it was known.
    Broken,
}

/// What is on its way to one partition.
#[derive(Debug)]
struct Lane {
    topic: String,
    index: i32,
    next_sequence: i32,
    /// Not acknowledged, oldest first.
    batches: VecDeque<NewlyMade>,
    /// A batch failed: those behind it come back before any is sent again.
    is_rewinding: bool,
    /// The partition will not come back.
    is_offline: bool,
    /// Something was acknowledged under the present identity. Before that one batch is in flight at most: a broker that
    /// knows nothing of a producer takes any first sequence, even that of a second batch whose first one failed.
    is_known: bool,
}

#[derive(Debug)]
struct NewlyMade {
    number: u64,
    identity: Option<Identity>,
    base_sequence: i32,
    records: Vec<RecordId>,
    bytes: Bytes,
    timestamp_ms: i64,
    is_in_flight: bool,
    attempts: u32,
    /// Its last attempt; of an idempotent producer's, all of them.
    op: Option<OpId>,
}

/// What records are like.
#[derive(Clone, Copy, Debug)]
struct Shape {
    value_max_bytes: u64,
    keys: Keys,
}

/// Where no partition takes a batch now, one may soon.
const LOOKS_AGAIN_AFTER: Span = Span::ms(1);
/// After an error a producer waits this long.
const RETRY_AFTER: Span = Span::ms(30);
/// One that gets no answers asks so often whether everything arrived.
const LISTENS: Odds = Odds::percent(20);
/// Kafka's brokers remember this many batches a producer, so its producers have no more in flight.
const IDEMPOTENT_IN_FLIGHT_MAX: u64 = 5;

impl std::fmt::Debug for Producer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let queued: Vec<_> = self.lanes.values().map(|lane| (&lane.topic, lane.index, lane.batches.len())).collect();
        write!(f, "producer, {:?}, {} batches to make, queued {queued:?}", self.ways, self.batches_left)
    }
}

impl Producer {
    /// A producer to these topics.
    #[must_use]
    pub fn new(plan: &ClientPlan, topics: Vec<String>, chance: &mut Chance) -> Self {
        let is_idempotent = chance.happens(Odds::percent(60));
        let ways = Ways {
            acks: if is_idempotent { -1 } else { *chance.pick(&[-1, -1, 1, 0]) },
            is_idempotent,
            retries: is_idempotent || chance.coin(),
            in_flight_max: chance.between(1..=IDEMPOTENT_IN_FLIGHT_MAX) as usize,
        };
        Self {
            ways,
            waits_for_topics: false,
            topics,
            cluster: Cluster::default(),
            identity: None,
            identity_asked: None,
            lanes: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            batches_left: plan.batches,
            next_batch: 0,
            next_record: 0,
            next_at: Time::default(),
            silence: Silence::Heard,
        }
    }

    /// One that does nothing before somebody has created the topics.
    #[must_use]
    pub fn of_created(self) -> Self {
        let acks = if self.ways.acks == 0 { 1 } else { self.ways.acks };
        Self { waits_for_topics: true, ways: Ways { acks, ..self.ways }, ..self }
    }

    fn has_identity(&mut self, talk: &mut Talk<'_>) -> bool {
        if !self.ways.is_idempotent || self.identity.is_some() {
            return true;
        }
        if self.identity_asked.is_none() {
            let request = InitProducerIdRequest { transaction_timeout_ms: 60_000, ..InitProducerIdRequest::default() };
            self.identity_asked = Some(talk.send(&Request::InitProducerId(request)));
        }
        false
    }

    fn identified(&mut self, talk: &mut Talk<'_>, response: &InitProducerIdResponse) -> Result<(), Violation> {
        self.identity_asked = None;
        match ErrorCode::from_number(response.error_code) {
            Some(ErrorCode::None) => {}
            Some(error) if is_passing(error) => {
                talk.wake_after(RETRY_AFTER);
                return Ok(());
            }
            other => return Err(Violation::Answer(format!("InitProducerId with the error {other:?}"))),
        }
        let identity = Identity { producer_id: response.producer_id, epoch: response.producer_epoch };
        if identity.producer_id < 0 || identity.epoch < 0 {
            return Err(Violation::Answer(format!("InitProducerId with {identity:?}")));
        }
        talk.history.identified(identity)?;
        self.identity = Some(identity);
        let shape = Shape::of(talk);
        for lane in self.lanes.values_mut() {
            lane.renumber(identity, shape);
        }
        Ok(())
    }

    /// Opens a lane to each partition of the topics that became known.
    fn open_lanes(&mut self, talk: &Talk<'_>) {
        for name in &self.topics {
            for index in self.cluster.topic(name).expect("the cluster is ready").leader_epochs.keys() {
                let partition = talk.history.topics.partition(name, *index).expect("clients know only lasting topics");
                self.lanes.entry(partition).or_insert_with(|| Lane {
                    topic: name.clone(),
                    index: *index,
                    next_sequence: 0,
                    batches: VecDeque::new(),
                    is_rewinding: false,
                    is_offline: false,
                    is_known: false,
                });
            }
        }
    }

    /// Sends batches to some partitions, if any of them takes one now.
    fn send_some(&mut self, talk: &mut Talk<'_>) -> bool {
        let mut partitions: Vec<PartitionRef> = self.lanes.keys().copied().collect();
        let first = talk.chance.index(partitions.len());
        partitions.rotate_left(first);
        partitions.truncate(talk.chance.between(1..=3) as usize);
        let mut sent = Vec::new();
        let mut data: Vec<TopicProduceData> = Vec::new();
        for partition in partitions {
            let Some((number, bytes)) = self.next_batch(talk, partition) else { continue };
            sent.push((partition, number));
            let lane = &self.lanes[&partition];
            let partition_data = PartitionProduceData {
                index: lane.index,
                records: Some(bytes.into()),
                ..PartitionProduceData::default()
            };
            self.add_to(&mut data, talk, &lane.topic, partition_data);
        }
        if sent.is_empty() {
            return false;
        }
        let request =
            ProduceRequest { acks: self.ways.acks, timeout_ms: 30_000, topic_data: data, ..ProduceRequest::default() };
        let number = talk.send(&Request::Produce(request));
        if self.ways.acks == 0 {
            for (partition, number) in sent {
                self.lane(partition).forget(number);
            }
            self.silence = Silence::Unheard;
            if self.batches_left == 0 || talk.chance.happens(LISTENS) {
                self.cluster.doubt();
            }
        } else {
            self.in_flight.insert(number, sent);
        }
        true
    }

    fn add_to(
        &self,
        data: &mut Vec<TopicProduceData>,
        talk: &Talk<'_>,
        topic: &str,
        partition_data: PartitionProduceData,
    ) {
        let by_id = talk.version(ApiKey::Produce) >= PRODUCE_BY_ID;
        let id = self.cluster.topic(topic).map_or(Uuid::ZERO, |known| known.id);
        let name = if by_id { Str::default() } else { Str::from(topic) };
        let topic_id = if by_id { id } else { Uuid::ZERO };
        match data.iter_mut().find(|data| data.name == name && data.topic_id == topic_id) {
            Some(data) => data.partition_data.push(partition_data),
            None => {
                let partition_data = vec![partition_data];
                data.push(TopicProduceData { name, topic_id, partition_data, ..TopicProduceData::default() });
            }
        }
    }

    /// The next batch to send to a partition: one that was not acknowledged, or a new one.
    fn next_batch(&mut self, talk: &mut Talk<'_>, partition: PartitionRef) -> Option<(u64, Bytes)> {
        let lane = self.lanes.get_mut(&partition).expect("lanes stay");
        if lane.is_offline || lane.is_rewinding {
            return None;
        }
        let in_flight = lane.batches.iter().filter(|batch| batch.is_in_flight).count();
        let in_flight_max = if self.ways.is_idempotent && !lane.is_known { 1 } else { self.ways.in_flight_max };
        if in_flight >= in_flight_max {
            return None;
        }
        if !lane.batches.iter().any(|batch| !batch.is_in_flight) {
            if self.batches_left == 0 {
                return None;
            }
            self.batches_left -= 1;
            self.make_batch(talk, partition);
        }
        let lane = self.lanes.get_mut(&partition).expect("lanes stay");
        let batch = lane.batches.iter_mut().find(|batch| !batch.is_in_flight).expect("there is one");
        batch.is_in_flight = true;
        batch.attempts += 1;
        let sending = Sending {
            client: talk.id,
            partition,
            identity: batch.identity,
            base_sequence: batch.base_sequence,
            records: &batch.records,
            timestamp_ms: batch.timestamp_ms,
        };
        let again = batch.op.filter(|_| batch.identity.is_some());
        batch.op = Some(talk.history.sent(&sending, again));
        let (identity, sequence) = (batch.identity, batch.base_sequence);
        talk.remark(format_args!("sends {partition} batch {} of {identity:?} from {sequence} on", batch.number));
        Some((batch.number, batch.bytes.clone()))
    }

    fn make_batch(&mut self, talk: &mut Talk<'_>, partition: PartitionRef) {
        let plan = talk.env.plan.clients;
        let count = talk.chance.between(1..=plan.records_max) as u32;
        let records: Vec<RecordId> =
            (0..count).map(|index| RecordId { client: talk.id.0, number: self.next_record + index }).collect();
        self.next_record += count;
        let number = self.next_batch;
        self.next_batch += 1;
        let timestamp_ms = talk.env.clocks_now().wall.0;
        let lane = self.lane(partition);
        let base_sequence = lane.next_sequence;
        lane.next_sequence += count as i32;
        let mut batch = NewlyMade {
            number,
            identity: None,
            base_sequence,
            records,
            bytes: Bytes::new(),
            timestamp_ms,
            is_in_flight: false,
            attempts: 0,
            op: None,
        };
        batch.encode(self.identity, Shape::of(talk));
        self.lane(partition).batches.push_back(batch);
    }

    fn produced(&mut self, talk: &mut Talk<'_>, number: u64, response: &ProduceResponse) -> Result<(), Violation> {
        let mut awaited: BTreeMap<PartitionRef, u64> =
            self.in_flight.remove(&number).unwrap_or_default().into_iter().collect();
        let by_id = talk.version(ApiKey::Produce) >= PRODUCE_BY_ID;
        for topic in &response.responses {
            let name = if by_id { self.cluster.name_of(topic.topic_id) } else { Some(&*topic.name) };
            let name = name.unwrap_or_default().to_owned();
            for answer in &topic.partition_responses {
                let partition = talk.history.topics.partition(&name, answer.index);
                let batch = partition.and_then(|partition| Some((partition, awaited.remove(&partition)?)));
                let Some((partition, batch)) = batch else {
                    return Err(Violation::Answer(format!("Produce: {name}-{} was not asked for", answer.index)));
                };
                self.partition_produced(talk, partition, batch, answer)?;
            }
        }
        match awaited.keys().next() {
            Some(partition) => Err(Violation::Answer(format!("Produce without an answer for {partition}"))),
            None => Ok(()),
        }
    }

    fn partition_produced(
        &mut self,
        talk: &mut Talk<'_>,
        partition: PartitionRef,
        number: u64,
        answer: &PartitionProduceResponse,
    ) -> Result<(), Violation> {
        let retries = self.ways.retries;
        let is_first = self.lane(partition).batches.front().is_some_and(|batch| batch.number == number);
        let (error, offset) = (ErrorCode::from_number(answer.error_code), answer.base_offset);
        talk.remark(format_args!("learns of {partition} batch {number}: {error:?}, offset {offset}"));
        match ErrorCode::from_number(answer.error_code) {
            Some(ErrorCode::None) => {
                let lane = self.lane(partition);
                let Some(batch) = lane.forget(number) else { return Ok(()) };
                lane.is_known = true;
                talk.env.stats.add(Counter::RecordsAcknowledged, batch.records.len() as u64);
                let op = batch.op.expect("it was sent");
                let was_known =
                    talk.history.acknowledged(op, talk.life(), partition, answer.base_offset, &batch.records)?;
                if was_known && batch.identity.is_some() && batch.attempts > 1 {
                    talk.env.stats.count(Counter::RetriesAnswered);
                }
                return Ok(());
            }
            Some(ErrorCode::OutOfOrderSequenceNumber) if self.ways.is_idempotent => {
                let may_be_forgotten =
                    talk.env.plan.compaction.is_on() && self.lane(partition).first_may_be_overtaken();
                if is_first && (may_be_forgotten || talk.env.plan.may_lose_acknowledged()) {
                    self.begin_anew();
                } else if is_first {
                    let text = format!("{partition}: its first unacknowledged batch is out of order: {self:?}");
                    return Err(Violation::history(Check::Order, text));
                }
            }
            Some(error) if is_passing(error) => {}
            other => return Err(Violation::Answer(format!("{partition}: Produce with the error {other:?}"))),
        }
        let gives_up = talk.is_offline(partition, ErrorCode::from_number(answer.error_code))?;
        let lane = self.lane(partition);
        lane.failed(number, retries && !gives_up);
        if gives_up {
            lane.is_offline = true;
            lane.batches.clear();
        }
        self.next_at = talk.time() + RETRY_AFTER;
        self.cluster.doubt();
        Ok(())
    }

    /// The broker no longer knows what it had acknowledged, as after a power loss that it was not asked to survive.
    fn begin_anew(&mut self) {
        self.identity = None;
        self.identity_asked = None;
        for lane in self.lanes.values_mut() {
            lane.is_rewinding = true;
        }
    }

    /// What broke off unheard is begun again, with another batch, unless no partition takes any.
    fn go_on_unheard(&mut self, talk: &Talk<'_>) {
        if self.silence != Silence::Broken {
            return;
        }
        self.silence = Silence::Heard;
        let may_be_taken = self.lanes.keys().any(|partition| !talk.history.is_damaged(*partition));
        self.batches_left += u64::from(self.batches_left == 0 && may_be_taken);
    }

    fn lane(&mut self, partition: PartitionRef) -> &mut Lane {
        self.lanes.get_mut(&partition).expect("lanes stay")
    }

    fn end_rewinds(&mut self) {
        let busy: BTreeSet<PartitionRef> = self.in_flight.values().flatten().map(|(partition, _)| *partition).collect();
        for (partition, lane) in &mut self.lanes {
            lane.is_rewinding &= busy.contains(partition);
        }
    }
}

impl Role for Producer {
    fn act(&mut self, talk: &mut Talk<'_>) -> Result<(), Violation> {
        if self.waits_for_topics && !self.topics.iter().all(|topic| talk.history.topics.exists(topic)) {
            talk.wake_after(RETRY_AFTER);
            return Ok(());
        }
        if !self.cluster.is_ready(talk, &self.topics) {
            return Ok(());
        }
        self.open_lanes(talk);
        self.go_on_unheard(talk);
        // With a new identity everything that was in flight under the old one has to be over first.
        if self.ways.is_idempotent && self.identity.is_none() && !self.in_flight.is_empty() {
            return Ok(());
        }
        if !self.has_identity(talk) {
            return Ok(());
        }
        self.end_rewinds();
        if self.lanes.values().all(|lane| lane.is_offline) {
            self.batches_left = 0;
            return Ok(());
        }
        while talk.time() >= self.next_at && self.in_flight.len() < self.ways.in_flight_max && !self.is_done() {
            self.next_at = talk.time() + talk.chance.span_up_to(talk.env.plan.clients.pause) + Span(1);
            if !self.send_some(talk) {
                self.next_at = self.next_at.max(talk.time() + LOOKS_AGAIN_AFTER);
            }
        }
        if !self.is_done() && self.in_flight.len() < self.ways.in_flight_max {
            talk.wake_after(self.next_at - talk.time());
        }
        Ok(())
    }

    fn answered(&mut self, talk: &mut Talk<'_>, number: u64, answer: Answer) -> Result<(), Violation> {
        match answer {
            Answer::Metadata(response) => {
                if self.silence == Silence::Unheard {
                    self.silence = Silence::Heard;
                }
                self.cluster.answered(talk, &response)
            }
            Answer::InitProducerId(response) => self.identified(talk, &response),
            Answer::Produce(response) => self.produced(talk, number, &response),
            other => unreachable!("producers don't ask for {other:?}"),
        }
    }

    fn disconnected(&mut self) {
        self.cluster.disconnected();
        self.identity_asked = None;
        if self.silence == Silence::Unheard {
            self.silence = Silence::Broken;
        }
        let retries = self.ways.retries;
        for (partition, number) in std::mem::take(&mut self.in_flight).into_values().flatten() {
            let lane = self.lane(partition);
            lane.failed(number, retries);
            lane.is_rewinding = false;
        }
    }

    fn is_done(&self) -> bool {
        let has_heard = self.silence == Silence::Heard;
        self.batches_left == 0 && has_heard && self.lanes.values().all(|lane| lane.batches.is_empty())
    }
}

impl Lane {
    fn forget(&mut self, number: u64) -> Option<NewlyMade> {
        let at = self.batches.iter().position(|batch| batch.number == number)?;
        self.batches.remove(at)
    }

    fn failed(&mut self, number: u64, retries: bool) {
        self.is_rewinding = true;
        if !retries {
            self.forget(number);
        } else if let Some(batch) = self.batches.iter_mut().find(|batch| batch.number == number) {
            batch.is_in_flight = false;
        }
    }

    /// Whether a later batch may be in the log too. Of a compacted log a start then knows that one alone: the records of the
    /// first may be superseded, and snapshots hold a producer's last batch. In Kafka too it is out of order then.
    fn first_may_be_overtaken(&self) -> bool {
        self.batches.iter().skip(1).any(|batch| batch.attempts > 0)
    }

    /// Numbers everything that was not acknowledged from 0 on, under a new identity.
    fn renumber(&mut self, identity: Identity, shape: Shape) {
        self.next_sequence = 0;
        self.is_rewinding = false;
        self.is_known = false;
        for batch in &mut self.batches {
            batch.base_sequence = self.next_sequence;
            self.next_sequence += batch.records.len() as i32;
            batch.encode(Some(identity), shape);
        }
    }
}

impl Shape {
    fn of(talk: &Talk<'_>) -> Self {
        let plan = &talk.env.plan;
        Self { value_max_bytes: plan.clients.value_max_bytes, keys: plan.compaction.keys }
    }
}

impl NewlyMade {
    fn encode(&mut self, identity: Option<Identity>, shape: Shape) {
        (self.identity, self.op) = (identity, None);
        let base_sequence = if identity.is_some() { self.base_sequence } else { -1 };
        let (timestamp_ms, records, Shape { value_max_bytes, keys }) = (self.timestamp_ms, &self.records, shape);
        self.bytes = NewBatch { identity, base_sequence, timestamp_ms, records, value_max_bytes, keys }.encode();
    }
}

/// Whether an error may be gone when the same is tried again.
pub(super) fn is_passing(error: ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::UnknownTopicOrPartition
            | ErrorCode::UnknownTopicId
            | ErrorCode::LeaderNotAvailable
            | ErrorCode::NotLeaderOrFollower
            | ErrorCode::RequestTimedOut
            | ErrorCode::KafkaStorageError
            | ErrorCode::CoordinatorLoadInProgress
            | ErrorCode::CoordinatorNotAvailable
            | ErrorCode::BrokerNotAvailable
            | ErrorCode::FencedLeaderEpoch
            | ErrorCode::UnknownLeaderEpoch
            | ErrorCode::InconsistentTopicId
            | ErrorCode::NotController
    )
}

impl Talk<'_> {
    /// Whether an error says that a partition will not come back, because a power loss left a hole in its log.
    ///
    /// # Errors
    /// The error has no cause: nothing fails any more, and the log was not damaged.
    pub fn is_offline(&self, partition: PartitionRef, error: Option<ErrorCode>) -> Result<bool, Violation> {
        if error != Some(ErrorCode::KafkaStorageError) || !self.env.is_sound(self.life()) {
            return Ok(false);
        }
        if self.history.is_damaged(partition) {
            return Ok(true);
        }
        Err(Violation::Stuck(format!("{partition} is offline, but its log was not damaged")))
    }
}
