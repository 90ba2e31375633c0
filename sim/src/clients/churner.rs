//! Creates a topic, writes to it, reads it back, deletes it, and does so again with the same name: what was deleted
//! stays so, and the new topic is another.

use ottla_core::error_code::ErrorCode;
use ottla_core::wire::messages::create_topics::{CreatableTopic, CreateTopicsRequest};
use ottla_core::wire::messages::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use ottla_core::wire::messages::fetch::{FetchPartition, FetchRequest, FetchTopic};
use ottla_core::wire::messages::metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponse};
use ottla_core::wire::messages::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
use ottla_core::wire::{ApiKey, Records, Uuid};

use ottla_checker::OpId;

use super::producer::is_passing;
use super::{Answer, Request, Role, Talk};
use crate::agenda::{Span, Time};
use crate::history::{KnownEnd, Moment, PartitionRef, Read, Sending, TopicRef};
use crate::records::{NewBatch, RecordId, read_batches};
use crate::stats::Counter;
use crate::violation::{Check, Violation};

/// A client whose topics come and go.
#[derive(Debug)]
pub struct Churner {
    step: Step,
    in_flight: bool,
    next_at: Time,
    next_record: u32,
    /// Batches that were sent to the present topic.
    sent: i64,
    topic: Option<Living>,
    asked_at: Option<(KnownEnd, Moment, OpId)>,
    /// The batch that was sent last.
    sending: Option<OpId>,
    is_done: bool,
}

/// A topic between its creation and its deletion.
#[derive(Clone, Copy, Debug)]
struct Living {
    topic: TopicRef,
    id: Uuid,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Create,
    FindId,
    Produce,
    Fetch,
    Delete,
    Miss,
}

/// Its topic.
pub(super) const NAME: &str = "churn";
/// After an error it waits this long.
const RETRY_AFTER: Span = Span::ms(30);

impl Churner {
    /// One that goes on until all others have produced what they will.
    #[must_use]
    pub fn new() -> Self {
        Self {
            step: Step::Create,
            in_flight: false,
            next_at: Time::default(),
            next_record: 0,
            sent: 0,
            topic: None,
            asked_at: None,
            sending: None,
            is_done: false,
        }
    }

    fn request(&mut self, talk: &mut Talk<'_>) -> Request {
        match self.step {
            Step::Create => {
                let topic = CreatableTopic {
                    name: NAME.into(),
                    num_partitions: 1,
                    replication_factor: 1,
                    ..CreatableTopic::default()
                };
                Request::CreateTopics(CreateTopicsRequest { topics: vec![topic], ..CreateTopicsRequest::default() })
            }
            Step::FindId | Step::Miss => {
                let topic = MetadataRequestTopic { name: Some(NAME.into()), ..MetadataRequestTopic::default() };
                Request::Metadata(MetadataRequest {
                    topics: Some(vec![topic]),
                    allow_auto_topic_creation: false,
                    ..MetadataRequest::default()
                })
            }
            Step::Produce => self.produce(talk),
            Step::Fetch => {
                let known = talk.history.known_end(self.partition());
                self.asked_at = Some((known, talk.history.moment(), talk.history.polls(talk.id, false)));
                let partition = FetchPartition { partition_max_bytes: 1 << 20, ..FetchPartition::default() };
                let topic_id = self.living().id;
                let topic = FetchTopic { topic_id, partitions: vec![partition], ..FetchTopic::default() };
                Request::Fetch(FetchRequest { max_wait_ms: 5, topics: vec![topic], ..FetchRequest::default() })
            }
            Step::Delete => {
                let by_id = talk.chance.coin();
                let state = DeleteTopicState {
                    name: (!by_id).then(|| NAME.into()),
                    topic_id: if by_id { self.living().id } else { Uuid::ZERO },
                    ..DeleteTopicState::default()
                };
                let (topics, timeout_ms) = (vec![state], 30_000);
                Request::DeleteTopics(DeleteTopicsRequest { topics, timeout_ms, ..DeleteTopicsRequest::default() })
            }
        }
    }

    fn produce(&mut self, talk: &mut Talk<'_>) -> Request {
        let record = RecordId { client: talk.id.0, number: self.next_record };
        self.next_record += 1;
        self.sent += 1;
        let timestamp_ms = talk.env.clocks_now().wall.0;
        let (client, partition) = (talk.id, self.partition());
        let sending =
            Sending { client, partition, identity: None, base_sequence: -1, records: &[record], timestamp_ms };
        self.sending = Some(talk.history.sent(&sending, None));
        let value_max_bytes = talk.env.plan.clients.value_max_bytes;
        let batch = NewBatch {
            identity: None,
            base_sequence: -1,
            timestamp_ms,
            records: &[record],
            value_max_bytes,
            keys: talk.env.plan.compaction.keys,
        };
        let partition =
            PartitionProduceData { records: Some(batch.encode().into()), ..PartitionProduceData::default() };
        let topic_id = self.living().id;
        let topic = TopicProduceData { topic_id, partition_data: vec![partition], ..TopicProduceData::default() };
        let (acks, timeout_ms) = (-1, 30_000);
        Request::Produce(ProduceRequest { acks, timeout_ms, topic_data: vec![topic], ..ProduceRequest::default() })
    }

    /// Where the answer leads; `None` where the same must be asked again.
    fn next_step(&mut self, talk: &mut Talk<'_>, answer: &Answer) -> Result<Option<Step>, Violation> {
        match (self.step, answer) {
            (Step::Create, Answer::CreateTopics(response)) => {
                let error = response.topics.first().map_or(-1, |topic| topic.error_code);
                let exists = Some(ErrorCode::TopicAlreadyExists);
                Ok(is_fine(error, exists)?.then_some(Step::FindId))
            }
            (Step::FindId, Answer::Metadata(response)) => self.found(talk, response),
            (Step::Produce, Answer::Produce(response)) => {
                let answer = response.responses.first().and_then(|topic| topic.partition_responses.first());
                let answer = answer.ok_or_else(|| Violation::Answer("Produce without an answer".to_owned()))?;
                if !is_fine(answer.error_code, None)? {
                    return Ok(is_broken(answer.error_code).then_some(Step::Delete));
                }
                if answer.base_offset >= self.sent {
                    let text =
                        format!("{} batches were sent to a new topic, and one is at {}", self.sent, answer.base_offset);
                    return Err(Violation::history(Check::Starts, text));
                }
                let record = RecordId { client: talk.id.0, number: self.next_record - 1 };
                let (life, partition) = (talk.life(), self.partition());
                let op = self.sending.take().expect("it was sent");
                talk.history.acknowledged(op, life, partition, answer.base_offset, &[record])?;
                Ok(Some(if talk.chance.coin() { Step::Fetch } else { Step::Produce }))
            }
            (Step::Fetch, Answer::Fetch(response)) => {
                let data = response.responses.first().and_then(|topic| topic.partitions.first());
                let Some(data) = data else { return Ok(None) };
                let is_deleted = ErrorCode::from_number(data.error_code) == Some(ErrorCode::OffsetOutOfRange);
                if is_deleted && talk.env.plan.retention.deletes_by_itself() {
                    return Ok(Some(Step::Delete));
                }
                if !is_fine(data.error_code, None)? {
                    return Ok(is_broken(data.error_code).then_some(Step::Delete));
                }
                let Some(Records::Bytes(bytes)) = &data.records else { return Ok(None) };
                let batches = read_batches(bytes).map_err(|error| Violation::history(Check::Corruption, error))?;
                let (known, asked_at, op) = self.asked_at.take().expect("asked before");
                let read = Read { life: talk.life(), partition: self.partition(), position: 0, asked_at };
                let next = talk.history.read(&read, &batches, talk.env.latest_wall_ms);
                talk.history.saw_end(self.partition(), known.life, data.high_watermark);
                talk.history.account.polled(op)?;
                next?;
                Ok(Some(Step::Delete))
            }
            (Step::Delete, Answer::DeleteTopics(response)) => {
                let error = response.responses.first().map_or(-1, |topic| topic.error_code);
                let is_gone = matches!(
                    ErrorCode::from_number(error),
                    Some(ErrorCode::None | ErrorCode::UnknownTopicOrPartition | ErrorCode::UnknownTopicId)
                );
                if !is_gone {
                    return is_fine(error, None).map(|_| None);
                }
                talk.history.topics.deleted(self.living().id);
                talk.env.stats.count(Counter::TopicsDeleted);
                self.topic = None;
                Ok(Some(Step::Miss))
            }
            (Step::Miss, Answer::Metadata(response)) => missed(response),
            (step, answer) => unreachable!("{answer:?} at {step:?}"),
        }
    }

    fn found(&mut self, talk: &mut Talk<'_>, response: &MetadataResponse) -> Result<Option<Step>, Violation> {
        let topic = response.topics.first().ok_or_else(|| Violation::Answer("Metadata without a topic".to_owned()))?;
        match ErrorCode::from_number(topic.error_code) {
            Some(ErrorCode::None) => {}
            Some(ErrorCode::UnknownTopicOrPartition) => {
                return Err(Violation::history(Check::Topics, format!("{NAME} was created, and is not there")));
            }
            _ => return is_fine(topic.error_code, None).map(|_| None),
        }
        talk.history.topics.new_id(topic.topic_id)?;
        self.sent = 0;
        self.topic = Some(Living { topic: talk.history.topics.new_ref(), id: topic.topic_id });
        Ok(Some(Step::Produce))
    }

    fn living(&self) -> Living {
        self.topic.expect("found before")
    }

    fn partition(&self) -> PartitionRef {
        PartitionRef { topic: self.living().topic, index: 0 }
    }
}

impl Default for Churner {
    fn default() -> Self {
        Self::new()
    }
}

impl Role for Churner {
    fn act(&mut self, talk: &mut Talk<'_>) -> Result<(), Violation> {
        if self.in_flight {
            return Ok(());
        }
        if talk.env.production_over.is_some() && matches!(self.step, Step::Create | Step::Produce | Step::Miss) {
            self.is_done = true;
            return Ok(());
        }
        if talk.time() < self.next_at {
            talk.wake_after(self.next_at - talk.time());
            return Ok(());
        }
        for (api, version) in
            [(ApiKey::Metadata, 13), (ApiKey::Produce, 13), (ApiKey::Fetch, 18), (ApiKey::DeleteTopics, 6)]
        {
            talk.speak(api, version);
        }
        let request = self.request(talk);
        talk.send(&request);
        self.in_flight = true;
        Ok(())
    }

    fn answered(&mut self, talk: &mut Talk<'_>, _: u64, answer: Answer) -> Result<(), Violation> {
        self.in_flight = false;
        let pause = match self.next_step(talk, &answer)? {
            Some(step) => {
                self.step = step;
                talk.env.plan.clients.pause
            }
            None => RETRY_AFTER,
        };
        self.next_at = talk.time() + pause;
        Ok(())
    }

    fn disconnected(&mut self) {
        self.in_flight = false;
    }

    fn is_done(&self) -> bool {
        self.is_done
    }
}

/// Whether it worked (or is as good as if it had); an error where trying again won't help.
fn is_fine(error_code: i16, as_good: Option<ErrorCode>) -> Result<bool, Violation> {
    match ErrorCode::from_number(error_code) {
        Some(ErrorCode::None) => Ok(true),
        error if error.is_some() && error == as_good => Ok(true),
        Some(error) if is_passing(error) => Ok(false),
        other => Err(Violation::Answer(format!("a churner got the error {other:?} ({error_code})"))),
    }
}

/// Whether a partition's log is offline: its topic is as good as any to be deleted.
fn is_broken(error_code: i16) -> bool {
    ErrorCode::from_number(error_code) == Some(ErrorCode::KafkaStorageError)
}

fn missed(response: &MetadataResponse) -> Result<Option<Step>, Violation> {
    let error_code = response.topics.first().map_or(-1, |topic| topic.error_code);
    match ErrorCode::from_number(error_code) {
        Some(ErrorCode::UnknownTopicOrPartition) => Ok(Some(Step::Create)),
        Some(ErrorCode::None) => Err(Violation::history(Check::Topics, format!("{NAME} was deleted, and is there"))),
        _ => is_fine(error_code, None).map(|_| None),
    }
}
