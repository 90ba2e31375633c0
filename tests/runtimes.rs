//! One script of requests, three runtimes: the same answers byte for byte, and the same records on disk.
//!
//! What would differ from run to run is fixed: ids come from one seed, the advertised address from the configuration,
//! and nothing in the script asks for the time.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::thread::{self, JoinHandle};

use bytes::Bytes;
use ottla_core::boundary::HaltReason;
use ottla_core::wire::Message;
use ottla_core::wire::messages::api_versions::ApiVersionsRequest;
use ottla_core::wire::messages::create_partitions::{CreatePartitionsRequest, CreatePartitionsTopic};
use ottla_core::wire::messages::create_topics::{CreatableTopic, CreatableTopicConfig, CreateTopicsRequest};
use ottla_core::wire::messages::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use ottla_core::wire::messages::describe_cluster::DescribeClusterRequest;
use ottla_core::wire::messages::describe_configs::{DescribeConfigsRequest, DescribeConfigsResource};
use ottla_core::wire::messages::describe_topic_partitions::{DescribeTopicPartitionsRequest, TopicRequest};
use ottla_core::wire::messages::fetch::{FetchPartition, FetchRequest, FetchTopic};
use ottla_core::wire::messages::init_producer_id::InitProducerIdRequest;
use ottla_core::wire::messages::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use ottla_core::wire::messages::metadata::{MetadataRequest, MetadataRequestTopic};
use ottla_core::wire::messages::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
use ottla_storage::Storage;
use support::recording::{Recording, Trace};
use support::served::{Run, SEED, Served};
use support::{PATIENCE, TestBatch, frame};

#[test]
fn the_three_runtimes_give_the_same_answers_and_leave_the_same_records() {
    let on_std = play(ottla_runtime_std::run, &script());
    assert!(on_std.answers.iter().all(|answer| answer.len() > 4), "every answer has more than its correlation id");
    assert_eq!(on_std.logs.keys().collect::<Vec<_>>(), ["events-0", "events-1", "events-2", "plain-0"]);
    compare("tokio", &play(ottla_runtime_tokio::run, &script()), &on_std);
    compare("smol", &play(ottla_runtime_smol::run, &script()), &on_std);
}

/// Whatever thread calls it, and how inputs and outputs interleave: what a core does comes from what it is given.
#[test]
fn what_each_runtime_gave_its_core_makes_a_fresh_core_do_the_same() {
    let runtimes: [(&str, Run<Storage, Recording>); 3] =
        [("std", ottla_runtime_std::run), ("tokio", ottla_runtime_tokio::run), ("smol", ottla_runtime_smol::run)];
    for (name, run) in runtimes {
        let trace = record(run, &script());
        let (inputs, outputs) = trace.counts();
        assert!(inputs > 200 && outputs > 200, "{name} gave {inputs} and took {outputs}");
        assert_eq!(trace.replay(SEED), Ok(()), "{name}");
        let other = trace.replay([0; 32]);
        assert!(other.is_err(), "{name}: another seed gives other ids, and that is seen");
    }
}

#[test]
fn pipelined_requests_in_odd_pieces_give_the_answers_of_single_ones() {
    let mut script = Script::default();
    create_topics(&mut script);
    let created = script.steps.len();
    produce_and_fetch(&mut script);
    let one_by_one = script.steps;
    let requests = &one_by_one[created..];
    let mut pipelined = one_by_one[..created].to_vec();
    pipelined.push(Step::Send(FIRST, requests.iter().flat_map(Step::bytes).collect()));
    let calls = requests.iter().filter(|step| matches!(step, Step::Call(..)));
    pipelined.extend(calls.map(|step| Step::Receive(FIRST, step.name())));

    let expected = play(ottla_runtime_std::run, &one_by_one);
    compare("std", &play(ottla_runtime_std::run, &pipelined), &expected);
    compare("tokio", &play(ottla_runtime_tokio::run, &pipelined), &expected);
    compare("smol", &play(ottla_runtime_smol::run, &pipelined), &expected);
}

/// Index of a connection.
type Conn = usize;
const FIRST: Conn = 0;
const SECOND: Conn = 1;

/// The port that is bound is not the same each time; the one that is told is.
const ADVERTISED: &[(&str, &str)] = &[("advertised.listeners", "PLAINTEXT://localhost:9092")];

/// One line of the script.
#[derive(Clone)]
enum Step {
    /// A request and its answer.
    Call(Conn, &'static str, Vec<u8>),
    /// Bytes whose answers come later, or never.
    Send(Conn, Vec<u8>),
    /// The answer to a request that was sent before.
    Receive(Conn, &'static str),
}

impl Step {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Call(_, _, bytes) | Self::Send(_, bytes) => bytes.clone(),
            Self::Receive(..) => Vec::new(),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Call(_, name, _) | Self::Receive(_, name) => name,
            Self::Send(..) => "",
        }
    }
}

/// What came of the script.
struct Transcript {
    names: Vec<&'static str>,
    answers: Vec<Bytes>,
    /// The first segment of each partition.
    logs: BTreeMap<String, Vec<u8>>,
}

fn compare(runtime: &str, found: &Transcript, expected: &Transcript) {
    assert_eq!(found.answers.len(), expected.answers.len());
    for ((name, found), expected) in found.names.iter().zip(&found.answers).zip(&expected.answers) {
        assert_eq!(found, expected, "the answer of {runtime} to: {name}");
    }
    assert!(found.logs == expected.logs, "the records that {runtime} leaves");
}

fn play(run: Run<Storage>, script: &[Step]) -> Transcript {
    let dir = tempfile::tempdir().unwrap();
    let storage = Storage::open(&[dir.path().into()]).unwrap();
    let server = Served::start(run, dir.path(), storage, ADVERTISED);
    let mut transcript = converse(server.address, script);
    assert_eq!(server.stop(), HaltReason::Clean);
    transcript.logs = logs(dir.path());
    transcript
}

/// What an adapter gave a core for the script, and took from it.
fn record(run: Run<Storage, Recording>, script: &[Step]) -> Trace {
    let dir = tempfile::tempdir().unwrap();
    let storage = Storage::open(&[dir.path().into()]).unwrap();
    let mut trace = None;
    let server = Served::start_core(run, dir.path(), storage, ADVERTISED, |config, now| {
        let (core, recorded) = Recording::start(config, SEED, now);
        trace = Some(recorded);
        core
    });
    let _ = converse(server.address, script);
    assert_eq!(server.stop(), HaltReason::Clean);
    Trace::so_far(&trace.expect("the core was made"))
}

fn converse(address: SocketAddr, script: &[Step]) -> Transcript {
    let mut clients = [Client::connect(address), Client::connect(address)];
    let mut transcript = Transcript { names: Vec::new(), answers: Vec::new(), logs: BTreeMap::new() };
    for step in script {
        if let Step::Call(conn, _, bytes) | Step::Send(conn, bytes) = step {
            clients[*conn].send_in_odd_pieces(bytes);
        }
        if let Step::Call(conn, name, _) | Step::Receive(conn, name) = step {
            transcript.names.push(name);
            transcript.answers.push(clients[*conn].receive(name));
        }
    }
    transcript
}

/// One connection. It writes from another thread, so that answers can be read while much is sent.
struct Client {
    stream: TcpStream,
    writing: Option<JoinHandle<()>>,
}

impl Client {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream, writing: None }
    }

    fn send_in_odd_pieces(&mut self, bytes: &[u8]) {
        if let Some(writing) = self.writing.take() {
            writing.join().unwrap();
        }
        let mut stream = self.stream.try_clone().unwrap();
        let bytes = bytes.to_vec();
        self.writing = Some(thread::spawn(move || {
            let mut rest = &bytes[..];
            let mut sizes = [3, 1, 300, 17, 5_000, 70_000].into_iter().cycle();
            while !rest.is_empty() {
                let (piece, others) = rest.split_at(rest.len().min(sizes.next().unwrap()));
                stream.write_all(piece).unwrap();
                rest = others;
            }
        }));
    }

    fn receive(&mut self, name: &str) -> Bytes {
        let mut size = [0; 4];
        self.stream.read_exact(&mut size).unwrap_or_else(|error| panic!("no answer to: {name}: {error}"));
        let mut body = vec![0; u32::from_be_bytes(size) as usize];
        self.stream.read_exact(&mut body).unwrap_or_else(|error| panic!("half an answer to: {name}: {error}"));
        body.into()
    }
}

/// The records of each partition of the script's topics.
fn logs(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut logs = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if !name.starts_with("__") && entry.path().is_dir() {
            logs.insert(name, fs::read(entry.path().join("00000000000000000000.log")).unwrap());
        }
    }
    logs
}

/// A script that goes through every API, with requests that succeed and requests that fail.
fn script() -> Vec<Step> {
    let mut script = Script::default();
    describe_the_broker(&mut script);
    create_topics(&mut script);
    produce_and_fetch(&mut script);
    wait_for_records(&mut script);
    add_partitions(&mut script);
    delete_topics(&mut script);
    script.steps
}

#[derive(Default)]
struct Script {
    steps: Vec<Step>,
}

impl Script {
    fn call<Q: Message>(&mut self, name: &'static str, version: i16, request: &Q) {
        let bytes = frame(version, self.next_id(), request);
        self.steps.push(Step::Call(FIRST, name, bytes));
    }

    fn next_id(&self) -> i32 {
        i32::try_from(self.steps.len()).unwrap()
    }
}

fn describe_the_broker(script: &mut Script) {
    let versions = ApiVersionsRequest {
        client_software_name: "script".into(),
        client_software_version: "1.0".into(),
        ..Default::default()
    };
    for version in [0, 3, 4] {
        script.call("the table of APIs", version, &versions);
    }
    let mut unknown_version = frame(4, script.next_id(), &versions);
    unknown_version[6..8].copy_from_slice(&1_000_i16.to_be_bytes());
    script.steps.push(Step::Call(FIRST, "an unknown version of ApiVersions", unknown_version));
    script.call("the cluster", 1, &DescribeClusterRequest::default());
    script.call("all topics, of which there are none", 12, &MetadataRequest { topics: None, ..Default::default() });
    script.call("a producer id", 4, &InitProducerIdRequest { transaction_timeout_ms: 1_000, ..Default::default() });
}

fn create_topics(script: &mut Script) {
    let topic = |name: &str, num_partitions, configs: &[(&str, &str)]| CreatableTopic {
        name: name.into(),
        num_partitions,
        replication_factor: 1,
        configs: configs
            .iter()
            .map(|(name, value)| CreatableTopicConfig {
                name: (*name).into(),
                value: Some((*value).into()),
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    };
    let topics = vec![
        topic("events", 2, &[("retention.ms", "86400000")]),
        topic("plain", 1, &[]),
        topic("../escape", 1, &[]),
        topic("odd", 1, &[("retention.ms", "soon")]),
    ];
    let mut request = CreateTopicsRequest { topics, validate_only: true, ..Default::default() };
    script.call("whether topics could be created", 7, &request);
    request.validate_only = false;
    script.call("two good topics and two bad ones", 7, &request);
    script.call("topics that exist", 5, &request);
    let named = |name: &str| MetadataRequestTopic { name: Some(name.into()), ..Default::default() };
    let topics = Some(vec![named("events"), named("nowhere"), named("plain")]);
    let mut metadata = MetadataRequest { topics, allow_auto_topic_creation: false, ..Default::default() };
    metadata.include_topic_authorized_operations = true;
    for version in [4, 9, 12] {
        script.call("some topics", version, &metadata);
    }
    let topics = vec![TopicRequest { name: "plain".into(), ..Default::default() }];
    let request = DescribeTopicPartitionsRequest { topics, ..Default::default() };
    script.call("partitions of a topic", 0, &request);
    let keys = ["retention.ms", "cleanup.policy", "max.message.bytes"].map(Into::into).to_vec();
    let resources = vec![DescribeConfigsResource {
        resource_type: 2,
        resource_name: "events".into(),
        configuration_keys: Some(keys),
        ..Default::default()
    }];
    let request = DescribeConfigsRequest { resources, include_synonyms: true, ..Default::default() };
    script.call("configs of a topic", 4, &request);
}

fn produce_and_fetch(script: &mut Script) {
    let large = "a record of some size ".repeat(60_000);
    script.call("one batch", 9, &produce(-1, "events", 0, &TestBatch::of(&["one", "two", "three"]).encode()));
    script.call("a large batch", 9, &produce(1, "events", 0, &TestBatch::of(&[&large]).encode()));
    script.call("a batch by older rules", 3, &produce(1, "plain", 0, &TestBatch::of(&["old"]).encode()));
    script.call("no such partition", 9, &produce(-1, "events", 9, &TestBatch::of(&["lost"]).encode()));
    let mut broken = TestBatch::of(&["broken"]).encode().to_vec();
    *broken.last_mut().unwrap() ^= 1;
    script.call("a batch with a wrong CRC", 9, &produce(-1, "events", 1, &broken.into()));
    let silent = frame(9, script.next_id(), &produce(0, "events", 1, &TestBatch::of(&["silent"]).encode()));
    script.steps.push(Step::Send(FIRST, silent));
    for (version, offset) in [(4, 0), (11, 1), (12, 3), (12, 99)] {
        script.call("records of one partition", version, &fetch("events", 0, offset, 0));
    }
    script.call("what was produced without an answer", 12, &fetch("events", 1, 0, 0));
    for timestamp in [-1, -2, -3, 1_000, i64::MAX] {
        let partition = ListOffsetsPartition { timestamp, ..Default::default() };
        let topics =
            vec![ListOffsetsTopic { name: "events".into(), partitions: vec![partition], ..Default::default() }];
        script.call("an offset by time", 7, &ListOffsetsRequest { replica_id: -1, topics, ..Default::default() });
    }
}

fn wait_for_records(script: &mut Script) {
    script.call("records that don't come in time", 12, &fetch("plain", 0, 1, 50));
    let waiting = frame(12, 1_000, &fetch("plain", 0, 1, 8_000));
    script.steps.push(Step::Send(SECOND, waiting));
    let batch = TestBatch::of(&["for the one who waits"]).encode();
    script.call("a batch that somebody waits for", 9, &produce(-1, "plain", 0, &batch));
    script.steps.push(Step::Receive(SECOND, "the batch that was waited for"));
}

fn add_partitions(script: &mut Script) {
    let topics = vec![CreatePartitionsTopic { name: "events".into(), count: 3, ..Default::default() }];
    let request = CreatePartitionsRequest { topics, timeout_ms: 5_000, ..Default::default() };
    script.call("one more partition", 3, &request);
    script.call("no more partitions", 3, &request);
    script.call("a batch for the new partition", 9, &produce(-1, "events", 2, &TestBatch::of(&["new"]).encode()));
}

fn delete_topics(script: &mut Script) {
    let topics = vec![CreatableTopic {
        name: "short-lived".into(),
        num_partitions: 1,
        replication_factor: 1,
        ..Default::default()
    }];
    script.call("another topic", 7, &CreateTopicsRequest { topics, ..Default::default() });
    let topics = ["short-lived", "nowhere"]
        .map(|name| DeleteTopicState { name: Some(name.into()), ..Default::default() })
        .to_vec();
    script.call("its end", 6, &DeleteTopicsRequest { topics, timeout_ms: 5_000, ..Default::default() });
    script.call("what is left", 12, &MetadataRequest { topics: None, ..Default::default() });
}

fn produce(acks: i16, topic: &str, partition: i32, batch: &Bytes) -> ProduceRequest {
    let records = Some(batch.clone().into());
    let partition_data = vec![PartitionProduceData { index: partition, records, ..Default::default() }];
    let topic_data = vec![TopicProduceData { name: topic.into(), partition_data, ..Default::default() }];
    ProduceRequest { acks, timeout_ms: 5_000, topic_data, ..Default::default() }
}

fn fetch(topic: &str, partition: i32, fetch_offset: i64, max_wait_ms: i32) -> FetchRequest {
    let partitions =
        vec![FetchPartition { partition, fetch_offset, partition_max_bytes: 1 << 20, ..Default::default() }];
    let topics = vec![FetchTopic { topic: topic.into(), partitions, ..Default::default() }];
    FetchRequest { max_wait_ms, min_bytes: i32::from(max_wait_ms > 0), topics, ..Default::default() }
}
