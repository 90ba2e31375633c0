//! A client of its own: blocking sockets, one request after the other, the versions that the broker and we know best.

use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use ottla_core::error_code::ErrorCode;
use ottla_core::types::{ProducerEpoch, ProducerId};
use ottla_core::wire::messages::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use ottla_core::wire::messages::create_topics::{
    CreatableTopic, CreatableTopicConfig, CreateTopicsRequest, CreateTopicsResponse,
};
use ottla_core::wire::messages::header::{RequestHeader, ResponseHeader};
use ottla_core::wire::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use ottla_core::wire::messages::metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponse};
use ottla_core::wire::messages::produce::{PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData};
use ottla_core::wire::messages::response_header_version;
use ottla_core::wire::{Message, Reader, Str, Uuid, to_bytes};

use crate::batch::{Batch, Producer, Sequencer};
use crate::error::{BenchError, During, Result, accepted, require};

/// A broker that does not answer for so long will not answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a topic may take from its creation to its leader, and a producer to its id.
const SETUP_TIMEOUT: Duration = Duration::from_secs(20);
const RETRY_AFTER: Duration = Duration::from_millis(20);
const SMALL_READ_BYTES: usize = 8 * 1024;
/// Where in a frame the correlation id is: behind size, API key and version.
const CORRELATION_ID_AT: usize = 8;

/// One connection. It can be split into the half that sends and the half that receives.
#[derive(Debug)]
pub struct Connection {
    /// Where requests go.
    pub sender: TcpStream,
    /// Where answers come from.
    pub receiver: FrameReader,
}

impl Connection {
    /// Connects, without delay of small requests.
    pub fn open(address: SocketAddr) -> Result<Self> {
        let sender = TcpStream::connect(address).during(format!("connecting to {address}"))?;
        sender.set_nodelay(true).during("setting TCP_NODELAY")?;
        sender.set_read_timeout(Some(ANSWER_TIMEOUT)).during("setting a time limit")?;
        let receiver = FrameReader::new(sender.try_clone().during("cloning a socket")?);
        Ok(Self { sender, receiver })
    }

    /// Sends `request` and waits for its answer.
    pub fn call<Answer: Message>(&mut self, request: &impl Message, version: i16) -> Result<Answer> {
        self.sender.write_all(&frame_of(request, version, 0)).during("sending a request")?;
        let frame = self.receiver.read()?;
        let (correlation_id, answer) = decode_answer::<Answer>(&frame, version)?;
        require("correlation id", 0, correlation_id)?;
        Ok(answer)
    }
}

/// Reads frames into a buffer that it gets back.
#[derive(Debug)]
pub struct FrameReader {
    stream: BufReader<TcpStream>,
    spare: BytesMut,
}

impl FrameReader {
    /// Reads from `stream`.
    pub fn new(stream: TcpStream) -> Self {
        Self { stream: BufReader::with_capacity(SMALL_READ_BYTES, stream), spare: BytesMut::new() }
    }

    /// The next frame, without its size.
    pub fn read(&mut self) -> Result<Bytes> {
        let mut size = [0; 4];
        self.stream.read_exact(&mut size).during("waiting for a frame")?;
        let mut buffer = std::mem::take(&mut self.spare);
        buffer.resize(u32::from_be_bytes(size) as usize, 0);
        self.stream.read_exact(&mut buffer).during("reading a frame")?;
        Ok(buffer.freeze())
    }

    /// Takes back a frame that nobody looks at any more, so that the next one needs no memory of its own.
    pub fn reuse(&mut self, frame: Bytes) {
        self.spare = frame.try_into_mut().unwrap_or_default();
    }
}

/// Size, header and `request`.
pub fn frame_of<Request: Message>(request: &Request, version: i16, correlation_id: i32) -> Vec<u8> {
    let header = RequestHeader {
        request_api_key: Request::KEY,
        request_api_version: version,
        correlation_id,
        client_id: Some(Str::from("ottla-bench")),
        ..Default::default()
    };
    let header_version = if version >= Request::FLEXIBLE_FROM { 2 } else { 1 };
    let content = to_bytes(&(header.in_version(header_version), request.in_version(version)));
    let size_bytes = u32::try_from(content.len()).expect("our requests are a few MB at most");
    [&size_bytes.to_be_bytes(), &content[..]].concat()
}

/// The correlation id of an answer, and the answer.
pub fn decode_answer<Answer: Message>(frame: &Bytes, version: i16) -> Result<(i32, Answer)> {
    let mut reader = Reader::new(frame);
    let header = ResponseHeader::read(&mut reader, response_header_version(Answer::KEY, version))?;
    let answer = Answer::read(&mut reader, version)?;
    reader.finish()?;
    Ok((header.correlation_id, answer))
}

/// A broker as a client knows it: where it is, and which versions to speak.
#[derive(Clone, Debug)]
pub struct Broker {
    /// Where it listens.
    pub address: SocketAddr,
    versions: ApiVersionsResponse,
}

/// A topic of one partition.
#[derive(Clone, Debug)]
pub struct Topic {
    /// Its name.
    pub name: Str,
    /// Its id.
    pub id: Uuid,
    /// Its partition's.
    pub leader_epoch: i32,
}

impl Broker {
    /// Asks the broker at `address` what it speaks.
    pub fn discover(address: SocketAddr) -> Result<Self> {
        let versions: ApiVersionsResponse = Connection::open(address)?.call(&ApiVersionsRequest::default(), 0)?;
        accepted("ApiVersions", versions.error_code)?;
        Ok(Self { address, versions })
    }

    /// The newest version of `M` that both sides know.
    pub fn version_of<M: Message>(&self) -> Result<i16> {
        let ours = M::VERSIONS;
        let theirs = self.versions.api_keys.iter().find(|api| api.api_key == M::KEY);
        theirs
            .filter(|theirs| *ours.start() <= theirs.max_version && theirs.min_version <= *ours.end())
            .map(|theirs| theirs.max_version.min(*ours.end()))
            .ok_or_else(|| BenchError::Other(format!("the broker speaks no version of {} that we know", M::API)))
    }

    /// Creates a topic of one partition, and returns when that has a leader.
    pub fn create_topic(&self, name: &str) -> Result<Topic> {
        self.create_topic_with(name, 1, &[])
    }

    /// Creates a topic with configs `(key, value)`, and returns when its first partition has a leader.
    pub fn create_topic_with(&self, name: &str, num_partitions: i32, configs: &[(&str, &str)]) -> Result<Topic> {
        let mut connection = Connection::open(self.address)?;
        let configs = configs.iter().map(|(key, value)| CreatableTopicConfig {
            name: Str::from(*key),
            value: Some(Str::from(*value)),
            ..Default::default()
        });
        let topic = CreatableTopic {
            name: Str::from(name),
            num_partitions,
            replication_factor: 1,
            configs: configs.collect(),
            ..Default::default()
        };
        let request = CreateTopicsRequest { topics: vec![topic], ..Default::default() };
        let version = self.version_of::<CreateTopicsRequest>()?;
        let answer: CreateTopicsResponse = connection.call(&request, version)?;
        let result = answer.topics.first().ok_or_else(|| BenchError::Other("CreateTopics said nothing".into()))?;
        accepted("CreateTopics", result.error_code)?;

        let deadline = Instant::now() + SETUP_TIMEOUT;
        loop {
            if let Some(topic) = self.find_topic(&mut connection, name)? {
                return Ok(topic);
            }
            if Instant::now() > deadline {
                return Err(BenchError::Other(format!("topic {name} has no leader after {SETUP_TIMEOUT:?}")));
            }
            std::thread::sleep(RETRY_AFTER);
        }
    }

    /// A new identity for an idempotent producer.
    pub fn new_producer(&self) -> Result<Producer> {
        let request = InitProducerIdRequest { transaction_timeout_ms: 60_000, ..Default::default() };
        let version = self.version_of::<InitProducerIdRequest>()?;
        let mut connection = Connection::open(self.address)?;
        let deadline = Instant::now() + SETUP_TIMEOUT;
        loop {
            let answer: InitProducerIdResponse = connection.call(&request, version)?;
            // Apache Kafka fetches a block of ids when it is first asked for one.
            if answer.error_code != ErrorCode::CoordinatorLoadInProgress as i16 || Instant::now() > deadline {
                accepted("InitProducerId", answer.error_code)?;
                return Ok(Producer {
                    id: ProducerId(answer.producer_id),
                    epoch: ProducerEpoch(answer.producer_epoch),
                });
            }
            std::thread::sleep(RETRY_AFTER);
        }
    }

    fn find_topic(&self, connection: &mut Connection, name: &str) -> Result<Option<Topic>> {
        let wanted = MetadataRequestTopic { name: Some(Str::from(name)), ..Default::default() };
        let request =
            MetadataRequest { topics: Some(vec![wanted]), allow_auto_topic_creation: false, ..Default::default() };
        let answer: MetadataResponse = connection.call(&request, self.version_of::<MetadataRequest>()?)?;
        let Some(topic) = answer.topics.first().filter(|topic| topic.error_code == ErrorCode::None as i16) else {
            return Ok(None);
        };
        let leader = topic.partitions.iter().find(|partition| partition.error_code == ErrorCode::None as i16);
        Ok(leader.map(|partition| Topic {
            name: Str::from(name),
            id: topic.topic_id,
            leader_epoch: partition.leader_epoch,
        }))
    }
}

/// A Produce request with `acks=all`, encoded once.
#[derive(Debug)]
pub struct ProduceFrame {
    bytes: Vec<u8>,
    /// Where the batch is.
    batch: Range<usize>,
    sequencer: Option<Sequencer>,
    /// The version that it is in, and its answer will be.
    pub version: i16,
    /// Records inside.
    pub record_count: u32,
}

impl ProduceFrame {
    /// Appends `batch` to `topic`.
    pub fn new(broker: &Broker, topic: &Topic, batch: &Batch, is_idempotent: bool) -> Result<Self> {
        let version = broker.version_of::<ProduceRequest>()?;
        let records = Some(batch.bytes.clone().into());
        let topic_data = TopicProduceData {
            name: topic.name.clone(),
            topic_id: topic.id,
            partition_data: vec![PartitionProduceData { records, ..Default::default() }],
            ..Default::default()
        };
        let request =
            ProduceRequest { acks: -1, timeout_ms: 30_000, topic_data: vec![topic_data], ..Default::default() };
        let bytes = frame_of(&request, version, 0);
        let found = bytes.windows(batch.bytes.len()).position(|window| window == &*batch.bytes);
        let at = found.expect("the batch is in its request as it is");
        Ok(Self {
            bytes,
            batch: at..at + batch.bytes.len(),
            sequencer: is_idempotent.then(|| Sequencer::new(&batch.bytes)),
            version,
            record_count: batch.record_count,
        })
    }

    /// The frame, under this correlation id; the producer has sent `sequence` records before.
    pub fn numbered(&mut self, correlation_id: i32, sequence: i64) -> &[u8] {
        self.bytes[CORRELATION_ID_AT..CORRELATION_ID_AT + 4].copy_from_slice(&correlation_id.to_be_bytes());
        if let Some(sequencer) = &self.sequencer {
            // After the largest one comes 0.
            sequencer.put(&mut self.bytes[self.batch.clone()], sequence as i32 & i32::MAX);
        }
        &self.bytes
    }

    /// Bytes of the batch inside.
    pub fn batch_size_bytes(&self) -> u64 {
        self.batch.len() as u64
    }
}

/// What a Produce request of one partition was answered with.
#[derive(Clone, Copy, Debug)]
pub struct Produced {
    /// Of the request.
    pub correlation_id: i32,
    /// The offset of the first record.
    pub base_offset: i64,
}

/// Reads the answer to a [`ProduceFrame`].
pub fn decode_produced(frame: &Bytes, version: i16) -> Result<Produced> {
    let (correlation_id, answer) = decode_answer::<ProduceResponse>(frame, version)?;
    let partition = answer.responses.first().and_then(|topic| topic.partition_responses.first());
    let partition = partition.ok_or_else(|| BenchError::Other("Produce said nothing".into()))?;
    accepted("Produce", partition.error_code)?;
    Ok(Produced { correlation_id, base_offset: partition.base_offset })
}
