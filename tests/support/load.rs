//! Producers that remember what they sent and what was acknowledged, and a reader that holds a log against it.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Condvar, Mutex};

use bytes::Bytes;
use ottla_core::wire::Records;
use ottla_core::wire::messages::create_topics::{
    CreatableTopic, CreatableTopicConfig, CreateTopicsRequest, CreateTopicsResponse,
};
use ottla_core::wire::messages::delete_topics::{DeleteTopicsRequest, DeleteTopicsResponse};
use ottla_core::wire::messages::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic, PartitionData};
use ottla_core::wire::messages::produce::{PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData};

use super::{Client, PATIENCE, TestBatch, frame, parse};

const PRODUCE_VERSION: i16 = 9;
const FETCH_VERSION: i16 = 11;
const FETCH_BYTES: i32 = 4 << 20;
const IN_FLIGHT: usize = 5;
/// Of a batch, what the broker writes anew: offset, length and leader epoch.
const OWN_BYTES: usize = 16;

/// One partition as its only producer knows it.
pub struct PartitionLedger {
    pub topic: String,
    pub index: i32,
    /// In the order they were sent, over one connection.
    sent: Vec<SentBatch>,
    /// The batches before this one were found in the log.
    settled: usize,
    /// Where the next acknowledged batch must begin.
    acknowledged_end: i64,
}

struct SentBatch {
    /// What must be on disk, from byte 16 of the batch on.
    body: Bytes,
    count: i64,
    is_acknowledged: bool,
}

/// Counts acknowledged batches of all producers.
#[derive(Default)]
pub struct Acknowledged {
    count: Mutex<u64>,
    grew: Condvar,
}

impl Acknowledged {
    fn add(&self) {
        *self.count.lock().expect("nobody panicked") += 1;
        self.grew.notify_all();
    }

    /// Waits until so many more are acknowledged.
    pub fn wait_for(&self, more: u64) {
        let count = self.count.lock().expect("nobody panicked");
        let wanted = *count + more;
        let (_count, timeout) =
            self.grew.wait_timeout_while(count, PATIENCE, |count| *count < wanted).expect("nobody panicked");
        assert!(!timeout.timed_out(), "{more} more batches were not acknowledged in {PATIENCE:?}");
    }
}

impl PartitionLedger {
    pub fn new(topic: &str, index: i32) -> Self {
        Self { topic: topic.into(), index, sent: Vec::new(), settled: 0, acknowledged_end: 0 }
    }

    /// Produces, several requests in flight, until the connection breaks. Every answer must be good.
    pub fn produce_until_it_breaks(&mut self, address: SocketAddr, acknowledged: &Acknowledged) {
        let ended = self.produce(address, usize::MAX, acknowledged);
        assert!(ended.is_err(), "{}-{}: refused with error {ended:?}", self.topic, self.index);
    }

    /// Produces so many batches, or until one is refused; returns that error.
    pub fn produce_until_refused(&mut self, address: SocketAddr, batches: usize) -> Option<i16> {
        self.produce(address, batches, &Acknowledged::default()).expect("the broker answers")
    }

    fn produce(&mut self, address: SocketAddr, batches: usize, acknowledged: &Acknowledged) -> io::Result<Option<i16>> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut answered = self.sent.len();
        let end = answered.saturating_add(batches);
        let mut next_offset = self.acknowledged_end;
        while answered < end {
            while self.sent.len() < end.min(answered + IN_FLIGHT) {
                let request = self.next_request();
                stream.write_all(&frame(PRODUCE_VERSION, self.sent.len() as i32, &request))?;
            }
            let answer = receive(&mut stream)?;
            let answer: ProduceResponse = parse(answer, answered as i32 + 1, PRODUCE_VERSION);
            let partition = &answer.responses[0].partition_responses[0];
            if partition.error_code != 0 {
                return Ok(Some(partition.error_code));
            }
            assert_eq!(partition.base_offset, next_offset, "offsets of {}-{} are dense", self.topic, self.index);
            let sent = &mut self.sent[answered];
            sent.is_acknowledged = true;
            next_offset += sent.count;
            self.acknowledged_end = next_offset;
            answered += 1;
            acknowledged.add();
        }
        Ok(None)
    }

    /// A batch that no other is like, of one to three records and up to some kilobytes.
    fn next_request(&mut self) -> ProduceRequest {
        let number = self.sent.len();
        let values = (0..=number % 3).map(|record| {
            let mut value = format!("{}-{} batch {number} record {record} ", self.topic, self.index).into_bytes();
            value.resize(value.len() + number * 7_919 % 4_096, b'a' + (number % 26) as u8);
            value
        });
        let batch = TestBatch { base_offset: 0, producer: (-1, -1, -1), header_count: 0, values: values.collect() };
        let count = batch.values.len() as i64;
        let bytes = batch.encode();
        self.sent.push(SentBatch { body: bytes.slice(OWN_BYTES..), count, is_acknowledged: false });
        let partition_data =
            vec![PartitionProduceData { index: self.index, records: Some(bytes.into()), ..Default::default() }];
        let topic_data =
            vec![TopicProduceData { name: self.topic.as_str().into(), partition_data, ..Default::default() }];
        ProduceRequest { acks: -1, timeout_ms: 5_000, topic_data, ..Default::default() }
    }

    /// How many batches the log was found to have.
    pub fn found(&self) -> usize {
        self.settled
    }

    /// Reads the whole log: it must hold what is settled, then what was sent since, in order and without a gap, at least up
    /// to what was acknowledged. What was found counts as settled.
    pub fn settle(&mut self, client: &mut Client) {
        let name = format!("{}-{}", self.topic, self.index);
        let (mut found, mut offset) = (0, 0);
        while let Some(batches) = fetch(client, &self.topic, self.index, offset) {
            for batch in batches {
                let sent = self.sent.get(found).unwrap_or_else(|| panic!("{name}: offset {offset} was never sent"));
                assert_eq!(i64::from_be_bytes(batch[..8].try_into().expect("8 bytes")), offset, "{name}: a gap");
                assert!(batch[OWN_BYTES..] == sent.body, "{name}: offset {offset} has other bytes than were sent");
                offset += sent.count;
                found += 1;
            }
        }
        assert!(found >= self.settled, "{name}: {found} batches are there of {} that were seen before", self.settled);
        let lost = self.sent[found..].iter().filter(|sent| sent.is_acknowledged).count();
        assert_eq!(lost, 0, "{name}: acknowledged batches are lost; the log ends at offset {offset}");
        self.sent.truncate(found);
        (self.settled, self.acknowledged_end) = (found, offset);
    }
}

/// Whole batches from an offset on; `None` at the log's end.
fn fetch(client: &mut Client, topic: &str, partition: i32, fetch_offset: i64) -> Option<Vec<Bytes>> {
    let answer = fetch_once(client, topic, partition, fetch_offset);
    assert_eq!(answer.error_code, 0, "{topic}-{partition} from {fetch_offset}");
    if fetch_offset == answer.high_watermark {
        return None;
    }
    let Some(Records::Bytes(records)) = answer.records else { panic!("records are bytes") };
    let mut rest = records.to_bytes();
    let mut batches = Vec::new();
    while rest.len() >= 12 {
        let size_bytes = 12 + u32::from_be_bytes(rest[8..12].try_into().expect("4 bytes")) as usize;
        if size_bytes > rest.len() {
            break;
        }
        batches.push(rest.split_to(size_bytes));
    }
    assert!(
        !batches.is_empty(),
        "{topic}-{partition} has records up to {}, not only {fetch_offset}",
        answer.high_watermark
    );
    Some(batches)
}

/// One answer, whatever it says.
pub fn fetch_once(client: &mut Client, topic: &str, partition: i32, fetch_offset: i64) -> PartitionData {
    let partitions =
        vec![FetchPartition { partition, fetch_offset, partition_max_bytes: FETCH_BYTES, ..Default::default() }];
    let topics = vec![FetchTopic { topic: topic.into(), partitions, ..Default::default() }];
    let request = FetchRequest { max_bytes: FETCH_BYTES, topics, ..Default::default() };
    let answer: FetchResponse = client.call(FETCH_VERSION, &request);
    answer.responses[0].partitions[0].clone()
}

/// Makes a topic that keeps what it has, with more configs `(key, value)`.
pub fn create_topic(client: &mut Client, name: &str, num_partitions: i32, configs: &[(&str, &str)]) {
    let configs = [("retention.ms", "-1")].iter().chain(configs).map(|(key, value)| CreatableTopicConfig {
        name: (*key).into(),
        value: Some((*value).into()),
        ..Default::default()
    });
    let topic = CreatableTopic {
        name: name.into(),
        num_partitions,
        replication_factor: 1,
        configs: configs.collect(),
        ..Default::default()
    };
    let request = CreateTopicsRequest { topics: vec![topic], timeout_ms: 5_000, ..Default::default() };
    let answer: CreateTopicsResponse = client.call(7, &request);
    assert_eq!(answer.topics[0].error_code, 0, "{answer:?}");
}

/// Produces a batch of one value, and tells the error code.
pub fn produce_value(client: &mut Client, topic: &str, index: i32, value: &str) -> i16 {
    let records = Some(TestBatch::of(&[value]).encode().into());
    let partition_data = vec![PartitionProduceData { index, records, ..Default::default() }];
    let topic_data = vec![TopicProduceData { name: topic.into(), partition_data, ..Default::default() }];
    let request = ProduceRequest { acks: -1, timeout_ms: 5_000, topic_data, ..Default::default() };
    let answer: ProduceResponse = client.call(9, &request);
    answer.responses[0].partition_responses[0].error_code
}

/// Deletes a topic.
pub fn delete_topic(client: &mut Client, name: &str) {
    let request = DeleteTopicsRequest { topic_names: vec![name.into()], timeout_ms: 5_000, ..Default::default() };
    let answer: DeleteTopicsResponse = client.call(5, &request);
    assert_eq!(answer.responses[0].error_code, 0, "{answer:?}");
}

fn receive(stream: &mut TcpStream) -> io::Result<Bytes> {
    let mut prefix = [0; 4];
    stream.read_exact(&mut prefix)?;
    let mut frame = vec![0; u32::from_be_bytes(prefix) as usize];
    stream.read_exact(&mut frame)?;
    Ok(frame.into())
}
