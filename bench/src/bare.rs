//! The baseline: the least that a broker could be. It receives requests into one buffer, gives offsets, and writes; it
//! finds offsets and calls sendfile. It checks nothing, recovers nothing, remembers nothing: what it costs is what the
//! system calls cost, and no broker can do with less.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{IoSlice, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ottla_core::boundary::{Chunk, FileId, FileRange};
use ottla_core::records::BatchHeader;
use ottla_core::wire::messages::api_versions::{ApiVersion, ApiVersionsRequest, ApiVersionsResponse};
use ottla_core::wire::messages::create_topics::{CreatableTopicResult, CreateTopicsRequest, CreateTopicsResponse};
use ottla_core::wire::messages::fetch::{FetchRequest, FetchResponse, FetchableTopicResponse, PartitionData};
use ottla_core::wire::messages::header::{RequestHeader, ResponseHeader};
use ottla_core::wire::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use ottla_core::wire::messages::metadata::{
    MetadataRequest, MetadataResponse, MetadataResponsePartition, MetadataResponseTopic,
};
use ottla_core::wire::messages::produce::{
    PartitionProduceResponse, ProduceRequest, ProduceResponse, TopicProduceResponse,
};
use ottla_core::wire::messages::response_header_version;
use ottla_core::wire::{Message, Reader, Records, Str, Uuid, to_frame};

use crate::client::FrameReader;
use crate::error::{BenchError, During, Result};

/// Serves on 127.0.0.1 until the process is ended.
pub fn serve(port: u16, log_dir: &Path) -> Result<()> {
    fs::create_dir_all(log_dir).during(format!("creating {}", log_dir.display()))?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).during(format!("listening on port {port}"))?;
    let shared = Arc::new(Shared { log_dir: log_dir.to_path_buf(), logs: Mutex::default(), appended: Condvar::new() });
    for socket in listener.incoming() {
        let socket = socket.during("accepting a connection")?;
        let shared = Arc::clone(&shared);
        thread::spawn(move || {
            // However it ends, only this connection ends.
            let _ = connection(socket, &shared);
        });
    }
    Ok(())
}

struct Shared {
    log_dir: PathBuf,
    logs: Mutex<Logs>,
    appended: Condvar,
}

/// By topic id; the ids are counted up from 1.
type Logs = BTreeMap<Uuid, Log>;

struct Log {
    name: Str,
    file: Arc<File>,
    size_bytes: u64,
    end_offset: i64,
    /// Base offset and position of each batch.
    batches: Vec<(i64, u64)>,
}

impl Log {
    /// The batches from the one that holds `offset` on, `max_size_bytes` of them.
    fn locate(&self, offset: i64, max_size_bytes: i32) -> FileRange {
        let behind = self.batches.partition_point(|(base_offset, _)| *base_offset <= offset);
        let at = match behind.checked_sub(1) {
            Some(index) if offset < self.end_offset => self.batches[index].1,
            _ => self.size_bytes,
        };
        let size_bytes = (self.size_bytes - at).min(u64::from(max_size_bytes.unsigned_abs()));
        FileRange { file: FileId(0), at, size_bytes: size_bytes as u32 }
    }
}

impl Shared {
    fn logs(&self) -> MutexGuard<'_, Logs> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn connection(mut socket: TcpStream, shared: &Shared) -> Result<()> {
    socket.set_nodelay(true).during("setting TCP_NODELAY")?;
    let mut frames = FrameReader::new(socket.try_clone().during("cloning a socket")?);
    loop {
        let frame = frames.read()?;
        request(&frame, shared, &mut socket)?;
        frames.reuse(frame);
    }
}

fn request(frame: &Bytes, shared: &Shared, socket: &mut TcpStream) -> Result<()> {
    // The version of a header depends on what it says: both begin alike.
    let number = |at| frame.get(at..at + 2).map_or(0, |bytes| i16::from_be_bytes([bytes[0], bytes[1]]));
    let (key, version) = (number(0), number(2));
    let mut reader = Reader::new(frame);
    let mut header = |flexible_from| RequestHeader::read(&mut reader, if version >= flexible_from { 2 } else { 1 });
    match key {
        ProduceRequest::KEY => {
            let id = header(ProduceRequest::FLEXIBLE_FROM)?.correlation_id;
            answer(socket, id, version, &produce(ProduceRequest::read(&mut reader, version)?, shared)?, None)
        }
        FetchRequest::KEY => {
            let id = header(FetchRequest::FLEXIBLE_FROM)?.correlation_id;
            let (response, file) = fetch(&FetchRequest::read(&mut reader, version)?, shared)?;
            answer(socket, id, version, &response, Some(&file))
        }
        ApiVersionsRequest::KEY => {
            let id = header(ApiVersionsRequest::FLEXIBLE_FROM)?.correlation_id;
            answer(socket, id, version, &api_versions(), None)
        }
        CreateTopicsRequest::KEY => {
            let id = header(CreateTopicsRequest::FLEXIBLE_FROM)?.correlation_id;
            answer(socket, id, version, &create(&CreateTopicsRequest::read(&mut reader, version)?, shared)?, None)
        }
        MetadataRequest::KEY => {
            let id = header(MetadataRequest::FLEXIBLE_FROM)?.correlation_id;
            answer(socket, id, version, &metadata(shared), None)
        }
        InitProducerIdRequest::KEY => {
            let id = header(InitProducerIdRequest::FLEXIBLE_FROM)?.correlation_id;
            let producer = InitProducerIdResponse { producer_id: 0, producer_epoch: 0, ..Default::default() };
            answer(socket, id, version, &producer, None)
        }
        other => Err(BenchError::Other(format!("API {other} is not for the baseline"))),
    }
}

fn answer<M: Message>(socket: &mut TcpStream, id: i32, version: i16, answer: &M, file: Option<&File>) -> Result<()> {
    let header = ResponseHeader { correlation_id: id, ..Default::default() };
    let header_version = response_header_version(M::KEY, version);
    for chunk in to_frame(&(header.in_version(header_version), answer.in_version(version))).chunks {
        match (chunk, file) {
            (Chunk::File(range), Some(file)) => send_file(socket, file, range)?,
            (Chunk::Bytes(bytes), _) => socket.write_all(&bytes).during("answering")?,
            (Chunk::File(_), None) => unreachable!("only Fetch answers with a file"),
        }
    }
    Ok(())
}

fn send_file(socket: &TcpStream, file: &File, range: FileRange) -> Result<()> {
    let (mut at, end) = (range.at, range.at + u64::from(range.size_bytes));
    while at < end {
        let left = (end - at) as usize;
        let sent = rustix::fs::sendfile(socket, file, Some(&mut at), left).during("sending a file")?;
        if sent == 0 {
            return Err(BenchError::Other("a file is shorter than it was".into()));
        }
    }
    Ok(())
}

fn api_versions() -> ApiVersionsResponse {
    fn entry<M: Message>() -> ApiVersion {
        let (min_version, max_version) = (*M::VERSIONS.start(), *M::VERSIONS.end());
        ApiVersion { api_key: M::KEY, min_version, max_version, ..Default::default() }
    }
    let api_keys = vec![
        entry::<ProduceRequest>(),
        entry::<FetchRequest>(),
        entry::<MetadataRequest>(),
        entry::<ApiVersionsRequest>(),
        entry::<CreateTopicsRequest>(),
        entry::<InitProducerIdRequest>(),
    ];
    ApiVersionsResponse { api_keys, ..Default::default() }
}

fn create(request: &CreateTopicsRequest, shared: &Shared) -> Result<CreateTopicsResponse> {
    let mut logs = shared.logs();
    let mut topics = Vec::new();
    for topic in &request.topics {
        let id = Uuid(logs.len() as u128 + 1);
        let path = shared.log_dir.join(format!("{}.log", id.0));
        let file = File::options().read(true).append(true).create_new(true).open(&path);
        let file = Arc::new(file.during(format!("creating {}", path.display()))?);
        let name = Str::from(&*topic.name);
        logs.insert(id, Log { name: name.clone(), file, size_bytes: 0, end_offset: 0, batches: Vec::new() });
        topics.push(CreatableTopicResult { name, topic_id: id, ..Default::default() });
    }
    Ok(CreateTopicsResponse { topics, ..Default::default() })
}

fn metadata(shared: &Shared) -> MetadataResponse {
    let logs = shared.logs();
    let topics = logs.iter().rev().map(|(id, log)| MetadataResponseTopic {
        name: Some(log.name.clone()),
        topic_id: *id,
        partitions: vec![MetadataResponsePartition::default()],
        ..Default::default()
    });
    // All of them, the newest first: whoever asks has just created it.
    MetadataResponse { topics: topics.collect(), ..Default::default() }
}

fn produce(request: ProduceRequest, shared: &Shared) -> Result<ProduceResponse> {
    let mut responses = Vec::new();
    for topic in request.topic_data {
        let id = topic.topic_id;
        let mut partition_responses = Vec::new();
        for partition in topic.partition_data {
            let Some(Records::Bytes(batch)) = partition.records else { continue };
            let mut logs = shared.logs();
            let log = logs.get_mut(&id).ok_or_else(|| BenchError::Other("no such topic".into()))?;
            let header = BatchHeader::parse(&batch).map_err(|error| BenchError::Other(error.to_string()))?;
            let base_offset = log.end_offset;
            append(&log.file, &base_offset.to_be_bytes(), &batch[8..])?;
            log.batches.push((base_offset, log.size_bytes));
            log.size_bytes += batch.len() as u64;
            log.end_offset += i64::from(header.record_count);
            shared.appended.notify_all();
            partition_responses.push(PartitionProduceResponse { base_offset, ..Default::default() });
        }
        responses.push(TopicProduceResponse { topic_id: id, partition_responses, ..Default::default() });
    }
    Ok(ProduceResponse { responses, ..Default::default() })
}

/// One vectored write, as long as the disk takes all of it.
fn append(mut file: &File, head: &[u8], body: &[u8]) -> Result<()> {
    let written = file.write_vectored(&[IoSlice::new(head), IoSlice::new(body)]).during("writing")?;
    let head_rest = &head[written.min(head.len())..];
    file.write_all(head_rest).during("writing")?;
    file.write_all(&body[written.saturating_sub(head.len())..]).during("writing")
}

fn fetch(request: &FetchRequest, shared: &Shared) -> Result<(FetchResponse, Arc<File>)> {
    let wanted = request.topics.first().and_then(|topic| Some((topic.topic_id, topic.partitions.first()?)));
    let (id, partition) = wanted.ok_or_else(|| BenchError::Other("a Fetch of nothing".into()))?;
    let deadline = Instant::now() + Duration::from_millis(u64::from(request.max_wait_ms.unsigned_abs()));
    let mut logs = shared.logs();
    loop {
        let log = logs.get(&id).ok_or_else(|| BenchError::Other("no such topic".into()))?;
        let wait = deadline.saturating_duration_since(Instant::now());
        if log.end_offset > partition.fetch_offset || wait.is_zero() {
            let range = log.locate(partition.fetch_offset, partition.partition_max_bytes.min(request.max_bytes));
            let partition = PartitionData {
                high_watermark: log.end_offset,
                records: Some(Records::File(range)),
                ..Default::default()
            };
            let topic = FetchableTopicResponse { topic_id: id, partitions: vec![partition], ..Default::default() };
            let response = FetchResponse { responses: vec![topic], ..Default::default() };
            return Ok((response, Arc::clone(&log.file)));
        }
        logs = shared.appended.wait_timeout(logs, wait).unwrap_or_else(PoisonError::into_inner).0;
    }
}
