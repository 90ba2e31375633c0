//! What a producer asks, and what a consumer sees.

use crate::world::World;
use bytes::Bytes;
use ottla_core::boundary::ConnId;
use ottla_core::records::{BatchBuilder, BuilderRecord, OutputLimit};
use ottla_core::types::{ProducerEpoch, ProducerId};
use ottla_core::wire::messages::add_offsets_to_txn::{AddOffsetsToTxnRequest, AddOffsetsToTxnResponse};
use ottla_core::wire::messages::add_partitions_to_txn::{
    AddPartitionsToTxnRequest, AddPartitionsToTxnResponse, AddPartitionsToTxnTopic, AddPartitionsToTxnTransaction,
};
use ottla_core::wire::messages::describe_producers::{
    DescribeProducersRequest, DescribeProducersResponse, ProducerState, TopicRequest,
};
use ottla_core::wire::messages::describe_transactions::{
    DescribeTransactionsRequest, DescribeTransactionsResponse, TransactionState,
};
use ottla_core::wire::messages::end_txn::{EndTxnRequest, EndTxnResponse};
use ottla_core::wire::messages::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic};
use ottla_core::wire::messages::find_coordinator::{FindCoordinatorRequest, FindCoordinatorResponse};
use ottla_core::wire::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use ottla_core::wire::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics, OffsetFetchResponse,
};
use ottla_core::wire::messages::produce::{PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData};
use ottla_core::wire::messages::transaction_records::{TransactionLogKey, TransactionLogValue};
use ottla_core::wire::messages::txn_offset_commit::{
    TxnOffsetCommitRequest, TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic, TxnOffsetCommitResponse,
};
use ottla_core::wire::{CoordinatorRecord, ErrorCode, Records};

pub const NONE: i16 = ErrorCode::None as i16;
pub const ID: &str = "payments";
pub const TIMEOUT_MS: i32 = 60_000;
/// The versions of clients that have the broker add partitions, and those of clients that do it themselves.
pub const NEW: i16 = 12;
pub const OLD: i16 = 11;

/// Who writes: producer id and epoch.
pub type Producer = (i64, i16);

pub fn ready(properties: &[(&str, &str)]) -> World {
    let mut world = World::new(properties);
    world.create_topic("letters", 3);
    for (key, key_type) in [(ID, 1), ("readers", 0)] {
        let request = FindCoordinatorRequest { key: key.into(), key_type, ..Default::default() };
        let _: FindCoordinatorResponse = world.call(3, &request);
    }
    world
}

/// Writes into the log of transactions that a producer has come so far.
pub fn put_record(world: &mut World, producer: Producer) {
    let key = TransactionLogKey { transactional_id: ID.into(), ..Default::default() };
    let value = TransactionLogValue {
        producer_id: producer.0,
        previous_producer_id: producer.0,
        producer_epoch: producer.1,
        transaction_timeout_ms: TIMEOUT_MS,
        transaction_status: 4,
        transaction_partitions: Some(vec![]),
        client_transaction_version: 2,
        ..Default::default()
    };
    let record = CoordinatorRecord::Transaction(key, Some(value));
    let (key, value) = (record.encode_key(), record.encode_value(1));
    let mut builder = BatchBuilder::new();
    builder.push(BuilderRecord { key: Some(&key), value: value.as_deref(), ..Default::default() });
    let records = Some(Records::Bytes(builder.build().into()));
    let data = PartitionProduceData { index: 0, records, ..Default::default() };
    let topic =
        TopicProduceData { name: "__transaction_state".into(), partition_data: vec![data], ..Default::default() };
    let request = ProduceRequest { acks: -1, timeout_ms: 30_000, topic_data: vec![topic], ..Default::default() };
    // Kafka's own tools may.
    world.client_id = "__admin_client";
    let answer: ProduceResponse = world.call(NEW, &request);
    assert_eq!(answer.responses[0].partition_responses[0].error_code, NONE);
}

pub fn error(code: i16) -> ErrorCode {
    ErrorCode::from_number(code).expect("an error that Kafka has")
}

pub fn init(world: &mut World, id: &str) -> Result<Producer, ErrorCode> {
    init_with(world, 4, id, (-1, -1))
}

pub fn init_request(id: &str, had: Producer) -> InitProducerIdRequest {
    InitProducerIdRequest {
        transactional_id: Some(id.into()),
        transaction_timeout_ms: TIMEOUT_MS,
        producer_id: had.0,
        producer_epoch: had.1,
        ..Default::default()
    }
}

pub fn init_with(world: &mut World, version: i16, id: &str, had: Producer) -> Result<Producer, ErrorCode> {
    let answer: InitProducerIdResponse = world.call(version, &init_request(id, had));
    match answer.error_code {
        NONE => Ok((answer.producer_id, answer.producer_epoch)),
        code => Err(error(code)),
    }
}

pub fn letters(partitions: &[i32]) -> Vec<AddPartitionsToTxnTopic> {
    vec![AddPartitionsToTxnTopic { name: "letters".into(), partitions: partitions.to_vec(), ..Default::default() }]
}

pub fn add(world: &mut World, producer: Producer, partitions: &[i32]) -> Vec<i16> {
    let request = AddPartitionsToTxnRequest {
        v3_and_below_transactional_id: ID.into(),
        v3_and_below_producer_id: producer.0,
        v3_and_below_producer_epoch: producer.1,
        v3_and_below_topics: letters(partitions),
        ..Default::default()
    };
    let answer: AddPartitionsToTxnResponse = world.call(3, &request);
    let results = &answer.results_by_topic_v3_and_below[0].results_by_partition;
    results.iter().map(|result| result.partition_error_code).collect()
}

pub fn verify(world: &mut World, producer: Producer, partitions: &[i32]) -> Vec<i16> {
    let transaction = AddPartitionsToTxnTransaction {
        transactional_id: ID.into(),
        producer_id: producer.0,
        producer_epoch: producer.1,
        verify_only: true,
        topics: letters(partitions),
        ..Default::default()
    };
    let request = AddPartitionsToTxnRequest { transactions: vec![transaction], ..Default::default() };
    let answer: AddPartitionsToTxnResponse = world.call(5, &request);
    let results = &answer.results_by_transaction[0].topic_results[0].results_by_partition;
    results.iter().map(|result| result.partition_error_code).collect()
}

pub fn add_offsets(world: &mut World, producer: Producer, group: &str) -> i16 {
    let request = AddOffsetsToTxnRequest {
        transactional_id: ID.into(),
        producer_id: producer.0,
        producer_epoch: producer.1,
        group_id: group.into(),
        ..Default::default()
    };
    world.call::<_, AddOffsetsToTxnResponse>(3, &request).error_code
}

pub fn commit_offset(world: &mut World, version: i16, producer: Producer, group: (&str, i32), offset: i64) -> i16 {
    commit_offset_of(world, version, producer, group, ("letters", offset))
}

pub fn commit_offset_of(
    world: &mut World,
    version: i16,
    producer: Producer,
    group: (&str, i32),
    (topic, offset): (&str, i64),
) -> i16 {
    let partition = TxnOffsetCommitRequestPartition { committed_offset: offset, ..Default::default() };
    let topic = TxnOffsetCommitRequestTopic { name: topic.into(), partitions: vec![partition], ..Default::default() };
    let request = TxnOffsetCommitRequest {
        transactional_id: ID.into(),
        group_id: group.0.into(),
        producer_id: producer.0,
        producer_epoch: producer.1,
        generation_id: group.1,
        topics: vec![topic],
        ..Default::default()
    };
    world.call::<_, TxnOffsetCommitResponse>(version, &request).topics[0].partitions[0].error_code
}

pub fn producers(world: &mut World, topic: &str, partition: i32) -> Result<Vec<ProducerState>, ErrorCode> {
    let topic = TopicRequest { name: topic.into(), partition_indexes: vec![partition], ..Default::default() };
    let request = DescribeProducersRequest { topics: vec![topic], ..Default::default() };
    let answer: DescribeProducersResponse = world.call(0, &request);
    let partition = &answer.topics[0].partitions[0];
    match partition.error_code {
        NONE => Ok(partition.active_producers.clone()),
        code => Err(error(code)),
    }
}

pub fn stable_offset(world: &mut World, group: &str) -> Result<i64, ErrorCode> {
    let topic = OffsetFetchRequestTopics { name: "letters".into(), partition_indexes: vec![0], ..Default::default() };
    let group = OffsetFetchRequestGroup { group_id: group.into(), topics: Some(vec![topic]), ..Default::default() };
    let request = OffsetFetchRequest { groups: vec![group], require_stable: true, ..Default::default() };
    let answer: OffsetFetchResponse = world.call(8, &request);
    let partition = &answer.groups[0].topics[0].partitions[0];
    match partition.error_code {
        NONE => Ok(partition.committed_offset),
        code => Err(error(code)),
    }
}

pub fn batch(producer: Producer, sequence: i32, values: &[&str]) -> Bytes {
    let builder = BatchBuilder::new().producer(ProducerId(producer.0), ProducerEpoch(producer.1), sequence);
    let mut builder = builder.transactional();
    for value in values {
        let value = value.as_bytes();
        builder.push(BuilderRecord { timestamp: 1_800_000_000_000, value: Some(value), ..Default::default() });
    }
    builder.build()
}

pub fn produce_request(producer: Producer, partition: i32, sequence: i32, values: &[&str]) -> ProduceRequest {
    let records = Some(Records::Bytes(batch(producer, sequence, values).into()));
    let data = PartitionProduceData { index: partition, records, ..Default::default() };
    let topic = TopicProduceData { name: "letters".into(), partition_data: vec![data], ..Default::default() };
    ProduceRequest {
        transactional_id: Some(ID.into()),
        acks: -1,
        timeout_ms: 30_000,
        topic_data: vec![topic],
        ..Default::default()
    }
}

/// The first batch of a producer's epoch.
pub fn produce(world: &mut World, version: i16, producer: Producer, partition: i32, values: &[&str]) -> i16 {
    let request = produce_request(producer, partition, next_sequence(world, producer, partition), values);
    let answer: ProduceResponse = world.call(version, &request);
    answer.responses[0].partition_responses[0].error_code
}

pub fn produce_as(world: &mut World, id: &str, producer: Producer, partition: i32, values: &[&str]) -> i16 {
    let request =
        ProduceRequest { transactional_id: Some(id.into()), ..produce_request(producer, partition, 0, values) };
    let answer: ProduceResponse = world.call(NEW, &request);
    answer.responses[0].partition_responses[0].error_code
}

/// One more than what the partition has of this producer and epoch.
pub fn next_sequence(world: &mut World, producer: Producer, partition: i32) -> i32 {
    let of_producer = |header: &ottla_core::records::BatchHeader| {
        (header.producer_id.0, header.producer_epoch.0) == producer && !header.attributes.is_control()
    };
    let bytes = fetch(world, partition, 0).0;
    let batches = ottla_core::records::batches_of(&bytes).map(|batch| *batch.expect("whole batches").header());
    batches.filter(of_producer).last().map_or(0, |header| header.last_sequence() + 1)
}

pub fn end_request(producer: Producer, committed: bool) -> EndTxnRequest {
    EndTxnRequest {
        transactional_id: ID.into(),
        producer_id: producer.0,
        producer_epoch: producer.1,
        committed,
        ..Default::default()
    }
}

/// Ends a transaction as a client does that produces in this version; says whom the next one is of.
pub fn end(
    world: &mut World,
    produce_version: i16,
    producer: Producer,
    committed: bool,
) -> Result<Producer, ErrorCode> {
    end_with(world, if produce_version >= NEW { 5 } else { 4 }, producer, committed)
}

pub fn end_with(world: &mut World, version: i16, producer: Producer, committed: bool) -> Result<Producer, ErrorCode> {
    let answer: EndTxnResponse = world.call(version, &end_request(producer, committed));
    match answer.error_code {
        NONE if version >= 5 => Ok((answer.producer_id, answer.producer_epoch)),
        NONE => Ok(producer),
        code => Err(error(code)),
    }
}

pub fn describe(world: &mut World, id: &str) -> TransactionState {
    // On a connection of its own: an answer that is awaited is not to hold it up.
    let conn = ConnId(900);
    world.open(conn);
    let request = DescribeTransactionsRequest { transactional_ids: vec![id.into()], ..Default::default() };
    world.send_from(conn, 0, &request);
    let (_, answer) = world.answer_to::<DescribeTransactionsResponse>(conn, 0).expect("an answer at once");
    world.handle(ottla_core::boundary::Input::Closed { conn });
    answer.transaction_states[0].clone()
}

/// All batches of a partition, and the aborted transactions among those that are committed.
pub fn fetch(world: &mut World, partition: i32, isolation_level: i8) -> (Bytes, Vec<(i64, i64)>) {
    let partition = FetchPartition { partition, fetch_offset: 0, partition_max_bytes: 1 << 20, ..Default::default() };
    let topic = FetchTopic { topic: "letters".into(), partitions: vec![partition], ..Default::default() };
    let request = FetchRequest {
        max_wait_ms: 0,
        max_bytes: 1 << 20,
        isolation_level,
        session_epoch: -1,
        topics: vec![topic],
        ..Default::default()
    };
    let answer: FetchResponse = world.call(11, &request);
    let partition = &answer.responses[0].partitions[0];
    let aborted = partition.aborted_transactions.iter().flatten();
    let bytes = match &partition.records {
        Some(Records::Bytes(bytes)) => bytes.to_bytes(),
        _ => Bytes::new(),
    };
    (bytes, aborted.map(|aborted| (aborted.producer_id, aborted.first_offset)).collect())
}

/// What a consumer sees that takes only what is committed.
pub fn read_committed(world: &mut World, partition: i32) -> Vec<String> {
    let (bytes, mut aborted) = fetch(world, partition, 1);
    aborted.sort_by_key(|(_, first)| *first);
    let mut skipped: Vec<i64> = Vec::new();
    let mut values = Vec::new();
    for batch in ottla_core::records::batches_of(&bytes) {
        let batch = batch.expect("whole batches");
        let header = batch.header();
        let begun = aborted.iter().filter(|(_, first)| *first <= header.last_offset().0);
        skipped.extend(begun.map(|(producer, _)| *producer));
        aborted.retain(|(_, first)| *first > header.last_offset().0);
        if header.attributes.is_control() {
            skipped.retain(|producer| *producer != header.producer_id.0);
        } else if !header.attributes.is_transactional() || !skipped.contains(&header.producer_id.0) {
            let mut records = batch.records(OutputLimit::default()).expect("records");
            while let Some(record) = records.next_record().expect("a record") {
                values.push(String::from_utf8(record.value.unwrap_or_default().to_vec()).expect("text"));
            }
        }
    }
    values
}
