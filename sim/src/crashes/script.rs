//! What the broker is asked: topics of every kind are written to, rolled, cut at both ends, compacted, deleted and created
//! again, with a stop in good order halfway.

use ottla_core::boundary::HaltReason;
use ottla_core::error_code::ErrorCode;
use ottla_core::planted::Bugs;
use ottla_core::time::{Now, WallClock};
use ottla_core::wire::Records;
use ottla_core::wire::messages::create_topics::{CreatableTopic, CreatableTopicConfig, CreateTopicsRequest};
use ottla_core::wire::messages::delete_records::{DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic};
use ottla_core::wire::messages::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use ottla_core::wire::messages::fetch::{FetchPartition, FetchRequest, FetchTopic};
use ottla_core::wire::messages::init_producer_id::InitProducerIdRequest;
use ottla_core::wire::messages::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use ottla_core::wire::messages::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};

use super::bench::{Bench, Hands};
use super::known::{BRIEF, KEYED, KEYED_LOOSE, Kind, Known, LOOSE, STRICT, Sent, State, TIMED, Topic};
use crate::clients::{Answer, Request};
use crate::disk::Disk;
use crate::history::Moment;
use crate::records::{Batch, Identity, read_batches};
use crate::violation::{Check, Violation};

/// Sees everything right before a command that changes the disk. Whether that is enough.
type Take<'a> = dyn FnMut(&Hands, &Known, Now, &str) -> bool + 'a;

/// The broker, what is known of it, and who watches.
struct Course<'a> {
    bench: Bench,
    known: Known,
    bugs: Bugs,
    take: &'a mut Take<'a>,
    is_enough: bool,
    moment: u64,
}

const BEGINS_AT: WallClock = WallClock(1_800_000_000_000);
/// Batches to a topic in a round, in requests that don't wait for each other.
const BATCHES: usize = 3;
const RECORDS: u32 = 4;
/// Asks ListOffsets for the first offset, or the end.
pub const EARLIEST: i64 = -2;
pub const LATEST: i64 = -1;

/// The broker's properties.
pub fn properties() -> Vec<(&'static str, String)> {
    let property = |name, value: &str| (name, value.to_owned());
    vec![
        property("node.id", "1"),
        property("listeners", "PLAINTEXT://127.0.0.1:9092"),
        property("auto.create.topics.enable", "false"),
        property("log.index.interval.bytes", "600"),
        property("log.retention.ms", "-1"),
        property("log.retention.check.interval.ms", "500"),
        property("log.initial.task.delay.ms", "500"),
        property("log.segment.delete.delay.ms", "300"),
        property("log.cleaner.backoff.ms", "200"),
        property("log.flush.offset.checkpoint.interval.ms", "700"),
        property("log.flush.start.offset.checkpoint.interval.ms", "900"),
    ]
}

/// Plays the script.
pub fn play(bugs: Bugs, take: &mut Take<'_>) -> Result<(), Violation> {
    let mut course = Course {
        bench: Bench::start(Disk::new(1), &properties(), bugs, BEGINS_AT),
        known: Known::default(),
        bugs,
        take,
        is_enough: false,
        moment: 0,
    };
    course.identify()?;
    for kind in [STRICT, LOOSE, TIMED, KEYED, KEYED_LOOSE, BRIEF] {
        course.create(kind)?;
    }
    course.rounds(2)?;
    course.delete_records(LOOSE.name, 9)?;
    course.delete_topic(BRIEF.name)?;
    course.rounds(1)?;
    course.stop_and_start()?;
    course.create(BRIEF)?;
    course.rounds(1)?;
    course.delete_records(STRICT.name, -1)?;
    course.pass_ms(2_500)?;
    course.rounds(1)?;
    course.pass_ms(1_000)?;
    course.look_at_all()
}

impl Course<'_> {
    /// Everybody writes, time passes, and everybody looks.
    fn rounds(&mut self, count: usize) -> Result<(), Violation> {
        for _ in 0..count {
            for index in 0..self.known.topics.len() {
                if self.known.topics[index].state == State::There {
                    self.produce(index)?;
                }
            }
            self.pass_ms(1_200)?;
            self.look_at_all()?;
        }
        Ok(())
    }

    fn identify(&mut self) -> Result<(), Violation> {
        let request = InitProducerIdRequest { transaction_timeout_ms: 60_000, ..InitProducerIdRequest::default() };
        match self.call(&Request::InitProducerId(request))? {
            Answer::InitProducerId(answer) if answer.error_code == 0 => {
                let (producer_id, epoch) = (answer.producer_id, answer.producer_epoch);
                self.known.identity = Some(Identity { producer_id, epoch });
                Ok(())
            }
            other => Err(unexpected(&other)),
        }
    }

    fn create(&mut self, kind: Kind) -> Result<(), Violation> {
        self.known.topics.push(Topic::new(kind));
        let config = |(name, value): &(&str, &str)| CreatableTopicConfig {
            name: (*name).into(),
            value: Some((*value).into()),
            ..CreatableTopicConfig::default()
        };
        let small_segments = ("internal.segment.bytes", "3000");
        let topic = CreatableTopic {
            name: kind.name.into(),
            num_partitions: 1,
            replication_factor: 1,
            configs: kind.configs.iter().chain([&small_segments]).map(config).collect(),
            ..CreatableTopic::default()
        };
        let (topics, timeout_ms) = (vec![topic], 30_000);
        let request = CreateTopicsRequest { topics, timeout_ms, ..CreateTopicsRequest::default() };
        match self.call(&Request::CreateTopics(request))? {
            Answer::CreateTopics(answer) if answer.topics[0].error_code == 0 => {
                let topic = self.known.topic(kind.name);
                topic.id = answer.topics[0].topic_id;
                topic.state = State::There;
                Ok(())
            }
            other => Err(unexpected(&other)),
        }
    }

    fn delete_topic(&mut self, name: &str) -> Result<(), Violation> {
        self.known.topic(name).state = State::BeingDeleted;
        let state = DeleteTopicState { topic_id: self.known.topic(name).id, ..DeleteTopicState::default() };
        let (topics, timeout_ms) = (vec![state], 30_000);
        let request = DeleteTopicsRequest { topics, timeout_ms, ..DeleteTopicsRequest::default() };
        match self.call(&Request::DeleteTopics(request))? {
            Answer::DeleteTopics(answer) if answer.responses[0].error_code == 0 => {
                self.known.topic(name).state = State::Gone;
                Ok(())
            }
            other => Err(unexpected(&other)),
        }
    }

    fn produce(&mut self, index: usize) -> Result<(), Violation> {
        let identity = self.known.identity.expect("the script begins with it");
        let wall_ms = self.bench.now.wall.0;
        for _ in 0..BATCHES {
            let topic = &mut self.known.topics[index];
            let batch = topic.next_batch(index, RECORDS, identity, wall_ms);
            self.bench.send(&produce_request(topic, &batch));
        }
        let first = self.known.topics[index].batches.len() - BATCHES;
        for at in first..first + BATCHES {
            let answer = self.answer()?;
            let offset = produced(&answer)?.map_err(|_| unexpected(&answer))?;
            let topic = &mut self.known.topics[index];
            topic.batches[at].offset = Some(offset);
            let records = topic.batches[at].records.clone();
            topic.acknowledged.extend((offset..).zip(records.iter().copied()));
            topic.ledger.acknowledged(Some(identity), offset, &records)?;
        }
        Ok(())
    }

    /// Deletes all before `offset`; -1 stands for everything.
    fn delete_records(&mut self, name: &str, offset: i64) -> Result<(), Violation> {
        self.known.topic(name).ledger.deletes((offset >= 0).then_some(offset));
        let partition = DeleteRecordsPartition { offset, ..DeleteRecordsPartition::default() };
        let topic =
            DeleteRecordsTopic { name: name.into(), partitions: vec![partition], ..DeleteRecordsTopic::default() };
        let (topics, timeout_ms) = (vec![topic], 30_000);
        let request = DeleteRecordsRequest { topics, timeout_ms, ..DeleteRecordsRequest::default() };
        match self.call(&Request::DeleteRecords(request))? {
            Answer::DeleteRecords(answer) if answer.topics[0].partitions[0].error_code == 0 => {
                let start = answer.topics[0].partitions[0].low_watermark;
                let wall_ms = self.bench.now.wall.0;
                let topic = self.known.topic(name);
                if offset < 0 {
                    topic.ledger.deleted_all(start);
                }
                saw_start(topic, start, wall_ms)
            }
            other => Err(unexpected(&other)),
        }
    }

    /// Reads every topic as a whole.
    fn look_at_all(&mut self) -> Result<(), Violation> {
        for index in 0..self.known.topics.len() {
            if self.known.topics[index].state != State::There {
                continue;
            }
            let topic = self.known.topics[index].clone();
            let start = offset_of(&self.call(&offsets_request(&topic, EARLIEST))?)?;
            let wall_ms = self.bench.now.wall.0;
            saw_start(&mut self.known.topics[index], start, wall_ms)?;
            let mut position = start;
            loop {
                let answer = self.call(&fetch_request(&topic, position))?;
                let Some((batches, end)) = fetched(&answer)? else { break };
                self.moment += 1;
                let topic = &mut self.known.topics[index];
                let mut ledger = std::mem::take(&mut topic.ledger);
                let read = ledger.read(position, &batches, true, &topic.view(wall_ms, Moment(self.moment)));
                topic.ledger = ledger;
                position = read?;
                if position >= end {
                    break;
                }
            }
        }
        Ok(())
    }

    fn stop_and_start(&mut self) -> Result<(), Violation> {
        self.bench.begin_stop();
        self.settle_until(|bench| bench.halt.is_some());
        self.check_time()?;
        if self.bench.halt != Some(HaltReason::Clean) {
            return Err(Violation::Contract(format!("no clean stop but {:?}", self.bench.halt)));
        }
        let wall = self.bench.now.wall;
        let disk = self.bench.hands.disk.clone();
        self.bench = Bench::start(disk, &properties(), self.bugs, wall);
        Ok(())
    }

    fn call(&mut self, request: &Request) -> Result<Answer, Violation> {
        self.bench.send(request);
        self.answer()
    }

    /// The next answer; not one command is done after it.
    fn answer(&mut self) -> Result<Answer, Violation> {
        let end = self.bench.now.monotonic.plus_ms(60_000);
        loop {
            if let Some(answer) = self.bench.take_answer()? {
                return Ok(answer);
            }
            self.check_time()?;
            if !self.do_next() && !self.bench.tick_before(end) {
                let text = format!("no answer: {:?} {:?}", self.bench.halt, self.bench.reports);
                return Err(Violation::Stuck(text));
            }
        }
    }

    fn pass_ms(&mut self, ms: i64) -> Result<(), Violation> {
        let end = self.bench.now.monotonic.plus_ms(ms);
        while self.do_next() || self.bench.tick_before(end) {
            self.check_time()?;
        }
        self.bench.advance_to(end);
        Ok(())
    }

    fn settle_until(&mut self, is_over: impl Fn(&Bench) -> bool) {
        let end = self.bench.now.monotonic.plus_ms(60_000);
        while !is_over(&self.bench) && (self.do_next() || self.bench.tick_before(end)) {}
    }

    fn do_next(&mut self) -> bool {
        if let Some((_, command)) = self.bench.hands.queue.front()
            && Hands::changes(command)
        {
            let text = name_of(command);
            self.is_enough |= (self.take)(&self.bench.hands, &self.known, self.bench.now, &text);
        }
        self.bench.do_next()
    }

    fn check_time(&self) -> Result<(), Violation> {
        // Nobody listens any more: any error ends the script, and is not told.
        if self.is_enough { Err(Violation::Stuck(ENOUGH.to_owned())) } else { Ok(()) }
    }
}

/// How the script ends when nobody listens any more.
pub const ENOUGH: &str = "it was stopped";

/// A log starts at `start` for good.
pub fn saw_start(topic: &mut Topic, start: i64, wall_ms: i64) -> Result<(), Violation> {
    if start < topic.start {
        let text = format!("{}: {start} after {} was seen", topic.kind.name, topic.start);
        return Err(Violation::history(Check::Starts, text));
    }
    topic.start = start;
    topic.ledger.saw_start(start, wall_ms, &topic.kind.limits).map(drop)
}

/// Sends a batch to a topic.
pub fn produce_request(topic: &Topic, batch: &Sent) -> Request {
    let records = Some(Records::Bytes(batch.bytes.clone().into()));
    let partition_data = vec![PartitionProduceData { records, ..PartitionProduceData::default() }];
    let topic_data = vec![TopicProduceData { topic_id: topic.id, partition_data, ..TopicProduceData::default() }];
    Request::Produce(ProduceRequest { acks: -1, timeout_ms: 30_000, topic_data, ..ProduceRequest::default() })
}

/// Where a batch went, or why it did not.
pub fn produced(answer: &Answer) -> Result<Result<i64, ErrorCode>, Violation> {
    let Answer::Produce(response) = answer else { return Err(unexpected(answer)) };
    let partition = response.responses.first().and_then(|topic| topic.partition_responses.first());
    let partition = partition.ok_or_else(|| unexpected(answer))?;
    match ErrorCode::from_number(partition.error_code) {
        Some(ErrorCode::None) => Ok(Ok(partition.base_offset)),
        Some(error) => Ok(Err(error)),
        None => Err(unexpected(answer)),
    }
}

/// Asks for what is there from an offset on.
pub fn fetch_request(topic: &Topic, position: i64) -> Request {
    let partition = FetchPartition {
        fetch_offset: position,
        partition_max_bytes: 1 << 20,
        current_leader_epoch: -1,
        ..FetchPartition::default()
    };
    let topics = vec![FetchTopic { topic_id: topic.id, partitions: vec![partition], ..FetchTopic::default() }];
    Request::Fetch(FetchRequest { max_bytes: 1 << 20, session_epoch: -1, topics, ..FetchRequest::default() })
}

/// What is there, and the end; nothing where there is nothing more.
pub fn fetched(answer: &Answer) -> Result<Option<(Vec<Batch>, i64)>, Violation> {
    let Answer::Fetch(response) = answer else { return Err(unexpected(answer)) };
    let data = response.responses.first().and_then(|topic| topic.partitions.first());
    let data = data.filter(|data| data.error_code == 0).ok_or_else(|| unexpected(answer))?;
    let Some(Records::Bytes(bytes)) = &data.records else { return Err(unexpected(answer)) };
    let batches = read_batches(bytes).map_err(|error| Violation::history(Check::Corruption, error))?;
    Ok((!batches.is_empty()).then_some((batches, data.high_watermark)))
}

/// Asks for an offset by a time that stands for a place.
pub fn offsets_request(topic: &Topic, timestamp: i64) -> Request {
    let partition = ListOffsetsPartition { timestamp, current_leader_epoch: -1, ..ListOffsetsPartition::default() };
    let name = topic.kind.name.into();
    let topics = vec![ListOffsetsTopic { name, partitions: vec![partition], ..ListOffsetsTopic::default() }];
    Request::ListOffsets(ListOffsetsRequest { replica_id: -1, topics, ..ListOffsetsRequest::default() })
}

/// The offset that was asked for.
pub fn offset_of(answer: &Answer) -> Result<i64, Violation> {
    let Answer::ListOffsets(response) = answer else { return Err(unexpected(answer)) };
    let partition = response.topics.first().and_then(|topic| topic.partitions.first());
    partition.filter(|partition| partition.error_code == 0).map(|p| p.offset).ok_or_else(|| unexpected(answer))
}

/// An answer that none of this expects.
pub fn unexpected(answer: &Answer) -> Violation {
    Violation::Answer(format!("{answer:?}"))
}

fn name_of(command: &ottla_core::boundary::StorageCommand) -> String {
    use ottla_core::boundary::StorageCommand;
    match command {
        StorageCommand::Append { file, at, data } => {
            format!(
                "Append {{ file: {}, at: {at}, {} bytes }}",
                file.0,
                data.iter().map(bytes::Bytes::len).sum::<usize>()
            )
        }
        other => format!("{other:?}"),
    }
}
