//! Consumers of committed records: what a coordinator's markers do to their fetches. No client can write a marker, so
//! the tests reach into the broker for that.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::net::SocketAddr;

use bytes::Bytes;

use crate::boundary::{Chunk, ConnId, Input, Output};
use crate::broker::Broker;
use crate::config::Config;
use crate::log::EndTransaction;
use crate::memory_disk::MemoryDisk;
use crate::records::{Attributes, BatchBuilder, BuilderRecord, TimestampType, TransactionResult};
use crate::time::{Monotonic, Now, WallClock};
use crate::types::{LeaderEpoch, PartitionId, ProducerEpoch, ProducerId};
use crate::wire::messages::create_topics::{CreatableTopic, CreateTopicsRequest, CreateTopicsResponse};
use crate::wire::messages::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic, PartitionData};
use crate::wire::messages::header::{RequestHeader, ResponseHeader};
use crate::wire::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsRequest, ListOffsetsResponse, ListOffsetsTopic,
};
use crate::wire::messages::produce::{PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData};
use crate::wire::messages::response_header_version;
use crate::wire::{Message, Reader, Records};

const READ_COMMITTED: i8 = 1;
const TIMESTAMP: i64 = 1_800_000_000_000;

/// A broker on a disk in memory, with one topic of one partition.
struct World {
    broker: Broker,
    disk: MemoryDisk,
    now: Now,
    answers: BTreeMap<ConnId, VecDeque<Bytes>>,
    partition: PartitionId,
}

impl World {
    fn new(properties: &[(&str, &str)]) -> Self {
        let unverified = ("transaction.partition.verification.enable", "false");
        let properties = properties.iter().copied().chain([unverified]);
        let (config, _) = Config::from_properties(properties).expect("good properties");
        let now = Now { monotonic: Monotonic(1_000_000), wall: WallClock(TIMESTAMP) };
        let partition = PartitionId { topic_id: crate::wire::Uuid(0), index: 0 };
        let (broker, disk) = (Broker::new(config, [7; 32], now), MemoryDisk::new());
        let mut world = Self { broker, disk, now, answers: BTreeMap::new(), partition };
        world.run();
        for conn in [ConnId(1), ConnId(2)] {
            let peer = SocketAddr::from(([127, 0, 0, 1], 50_000 + conn.0 as u16));
            world.handle(Input::Opened { conn, peer, listener: 0 });
        }
        let topic =
            CreatableTopic { name: "accounts".into(), num_partitions: 1, replication_factor: 1, ..Default::default() };
        let request = CreateTopicsRequest { topics: [topic].into(), timeout_ms: 1_000, ..Default::default() };
        let created: CreateTopicsResponse = world.call(ConnId(1), 7, &request);
        world.partition.topic_id = created.topics[0].topic_id;
        world
    }

    fn handle(&mut self, input: Input) {
        self.broker.handle(self.now, input);
        self.run();
    }

    fn run(&mut self) {
        while let Some(output) = self.broker.poll_output() {
            match output {
                Output::Store { op, command } => {
                    let result = self.disk.execute(command);
                    self.broker.handle(self.now, Input::Stored { op, result });
                }
                Output::Send { conn, frame } => {
                    let bytes = frame.chunks.iter().map(|chunk| match chunk {
                        Chunk::Bytes(bytes) => bytes.clone(),
                        Chunk::File(range) => self.disk.read_range(*range),
                    });
                    let bytes = bytes.collect::<Vec<_>>().concat().into();
                    self.answers.entry(conn).or_default().push_back(bytes);
                    self.broker.handle(self.now, Input::Sent { conn, size_bytes: frame.size_bytes() });
                }
                Output::Report(_) | Output::Gate { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }

    fn send<Q: Message>(&mut self, conn: ConnId, version: i16, request: &Q) {
        let header = RequestHeader { request_api_key: Q::KEY, request_api_version: version, ..Default::default() };
        let header_version = if version >= Q::FLEXIBLE_FROM { 2 } else { 1 };
        let body = [header.to_bytes(header_version), request.to_bytes(version)].concat();
        self.handle(Input::Frame { conn, body: body.into() });
    }

    fn answer<A: Message>(&mut self, conn: ConnId, version: i16) -> Option<A> {
        let frame = self.answers.entry(conn).or_default().pop_front()?;
        let body = frame.slice(4..);
        let mut reader = Reader::new(&body);
        ResponseHeader::read(&mut reader, response_header_version(A::KEY, version)).expect("a header");
        Some(A::read(&mut reader, version).expect("the answer"))
    }

    fn call<Q: Message, A: Message>(&mut self, conn: ConnId, version: i16, request: &Q) -> A {
        self.send(conn, version, request);
        self.answer(conn, version).expect("it is answered at once")
    }

    fn produce(&mut self, batch: Bytes, transactional_id: Option<&str>) -> i64 {
        let data = PartitionProduceData { records: Some(batch.into()), ..Default::default() };
        let topic = TopicProduceData { name: "accounts".into(), partition_data: [data].into(), ..Default::default() };
        let request = ProduceRequest {
            acks: -1,
            timeout_ms: 1_000,
            topic_data: [topic].into(),
            transactional_id: transactional_id.map(Into::into),
            ..Default::default()
        };
        let answer: ProduceResponse = self.call(ConnId(1), 11, &request);
        let partition = &answer.responses[0].partition_responses[0];
        assert_eq!(partition.error_code, 0, "{partition:?}");
        partition.base_offset
    }

    fn plain(&mut self) -> i64 {
        self.produce(batch(BatchBuilder::new()), None)
    }

    fn transactional(&mut self, producer: i64, sequence: i32) -> i64 {
        let builder = BatchBuilder::new().producer(ProducerId(producer), ProducerEpoch(0), sequence);
        self.produce(batch(builder.attributes(Attributes::default().transactional())), Some("transfers"))
    }

    /// What a coordinator has written.
    fn end(&mut self, producer: i64, result: TransactionResult) {
        let end = EndTransaction {
            producer_id: ProducerId(producer),
            producer_epoch: ProducerEpoch(0),
            result,
            coordinator_epoch: 0,
            raises_epoch: false,
            timestamp_type: TimestampType::CreateTime,
        };
        let log = self.broker.logs.get_mut(&self.partition).expect("the topic exists");
        log.append_end(self.now, LeaderEpoch(0), &end, &mut self.broker.outbox).expect("the marker fits");
        self.broker.touch(self.partition);
        self.handle(Input::Tick);
    }

    fn fetch_request(&self, offset: i64, isolation_level: i8) -> FetchRequest {
        let partition = FetchPartition { fetch_offset: offset, partition_max_bytes: 1 << 20, ..Default::default() };
        let topic =
            FetchTopic { topic_id: self.partition.topic_id, partitions: [partition].into(), ..Default::default() };
        FetchRequest { isolation_level, min_bytes: 0, max_wait_ms: 500, topics: [topic].into(), ..Default::default() }
    }

    fn fetch(&mut self, offset: i64, isolation_level: i8) -> PartitionData {
        let request = self.fetch_request(offset, isolation_level);
        let answer: FetchResponse = self.call(ConnId(1), 16, &request);
        answer.responses[0].partitions[0].clone()
    }

    fn latest(&mut self, isolation_level: i8, timestamp: i64) -> i64 {
        let partition = ListOffsetsPartition { timestamp, ..Default::default() };
        let topic = ListOffsetsTopic { name: "accounts".into(), partitions: [partition].into(), ..Default::default() };
        let request =
            ListOffsetsRequest { replica_id: -1, isolation_level, topics: [topic].into(), ..Default::default() };
        let answer: ListOffsetsResponse = self.call(ConnId(1), 7, &request);
        answer.topics[0].partitions[0].offset
    }
}

fn batch(mut builder: BatchBuilder) -> Bytes {
    builder.push(BuilderRecord { timestamp: TIMESTAMP, value: Some(b"10 crowns"), ..Default::default() });
    builder.build()
}

fn size(data: &PartitionData) -> usize {
    match &data.records {
        Some(Records::Bytes(bytes)) => bytes.len(),
        other => panic!("{other:?}"),
    }
}

fn aborted(data: &PartitionData) -> Option<Vec<(i64, i64)>> {
    let all = data.aborted_transactions.as_ref()?;
    Some(all.iter().map(|aborted| (aborted.producer_id, aborted.first_offset)).collect())
}

#[test]
fn a_consumer_of_committed_records_gets_none_of_an_open_transaction_and_learns_where_it_begins() {
    let mut world = World::new(&[]);
    world.plain();
    world.transactional(7, 0);
    world.plain();
    let all = world.fetch(0, 0);
    assert_eq!((all.high_watermark, all.last_stable_offset, aborted(&all)), (3, 1, None));
    let stable = world.fetch(0, READ_COMMITTED);
    assert_eq!((stable.high_watermark, stable.last_stable_offset, aborted(&stable)), (3, 1, Some([].into())));
    assert!(size(&stable) > 0 && size(&stable) * 2 < size(&all));
    let nothing = world.fetch(1, READ_COMMITTED);
    assert_eq!((nothing.error_code, size(&nothing), aborted(&nothing)), (0, 0, Some([].into())));
    assert_eq!(world.fetch(4, READ_COMMITTED).error_code, 1, "out of range is the log's end, as for others");
}

#[test]
fn aborted_transactions_are_named_to_those_who_have_to_leave_them_out() {
    let mut world = World::new(&[]);
    world.transactional(7, 0);
    world.end(7, TransactionResult::Abort);
    world.transactional(8, 0);
    world.end(8, TransactionResult::Commit);
    let first = world.transactional(8, 1);
    world.end(8, TransactionResult::Abort);
    assert_eq!(aborted(&world.fetch(0, READ_COMMITTED)), Some([(7, 0), (8, first)].into()));
    assert_eq!(aborted(&world.fetch(2, READ_COMMITTED)), Some([(8, first)].into()));
    assert_eq!(aborted(&world.fetch(0, 0)), None);
}

#[test]
fn aborted_transactions_of_old_segments_are_read_first() {
    let mut world = World::new(&[("log.segment.bytes", "1048576"), ("log.index.size.max.bytes", "64")]);
    for sequence in 0..30 {
        world.transactional(7, sequence);
        world.end(7, TransactionResult::Abort);
    }
    for offset in (0..60).step_by(2) {
        let told = aborted(&world.fetch(offset, READ_COMMITTED)).expect("a list");
        assert_eq!(told.first(), Some(&(7, offset)));
        assert!(told.len() < 10, "only those of the segment that is sent");
    }
}

#[test]
fn a_waiting_fetch_is_woken_by_the_end_of_the_transaction() {
    let mut world = World::new(&[]);
    world.transactional(7, 0);
    let waiting = FetchRequest { min_bytes: 1, ..world.fetch_request(0, READ_COMMITTED) };
    world.send(ConnId(2), 16, &waiting);
    world.plain();
    assert!(world.answer::<FetchResponse>(ConnId(2), 16).is_none(), "more records, but no more stable ones");
    world.end(7, TransactionResult::Abort);
    let answer: FetchResponse = world.answer(ConnId(2), 16).expect("the marker answers it");
    let data = &answer.responses[0].partitions[0];
    assert_eq!((data.last_stable_offset, aborted(data)), (3, Some([(7, 0)].into())));
    assert!(size(data) > 0);
}

#[test]
fn the_latest_offset_for_a_consumer_of_committed_records_is_the_last_stable_one() {
    let mut world = World::new(&[]);
    world.plain();
    world.transactional(7, 0);
    assert_eq!((world.latest(0, -1), world.latest(READ_COMMITTED, -1)), (2, 1));
    world.end(7, TransactionResult::Commit);
    assert_eq!((world.latest(0, -1), world.latest(READ_COMMITTED, -1)), (3, 3));
}

#[test]
fn a_time_is_found_only_in_what_is_stable() {
    let mut world = World::new(&[]);
    world.transactional(7, 0);
    assert_eq!((world.latest(0, TIMESTAMP), world.latest(READ_COMMITTED, TIMESTAMP)), (0, -1));
    assert_eq!((world.latest(0, -3), world.latest(READ_COMMITTED, -3)), (0, -1));
    world.end(7, TransactionResult::Commit);
    assert_eq!((world.latest(READ_COMMITTED, TIMESTAMP), world.latest(READ_COMMITTED, -3)), (0, 0));
}
