//! Remembers what passes in a world, and what belongs together: a request on its way, at the broker, its answer, and the
//! storage commands that the broker gives meanwhile.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use ottla_core::boundary::{
    Chunk, ConnId, Frame, Input, Level, OpId, Outcome, Output, StorageCommand, StorageError, StorageResult,
};
use ottla_core::wire::ApiKey;

use super::memory::{BlobId, Content, End, Event, EventId, Lane, Memory, Tone};
use crate::agenda::Time;
use crate::env::ClientId;
use crate::network::Passage;
use crate::storage::Storage;

/// Remembers what it is told, or nothing. Whoever made it has what a world told it, however that ended.
#[derive(Clone, Debug, Default)]
pub struct Recorder(Option<Arc<Mutex<Recording>>>);

/// What was remembered, and what is under way.
#[derive(Debug, Default)]
struct Recording {
    memory: Memory,
    connections: BTreeMap<ConnId, Connection>,
    commands: BTreeMap<OpId, EventId>,
    works: BTreeMap<OpId, EventId>,
    stage: Option<EventId>,
    life: Option<EventId>,
    exchanges: usize,
    /// What the broker is handling.
    cause: Option<EventId>,
}

/// A connection, seen from all sides.
#[derive(Debug)]
struct Connection {
    client: ClientId,
    event: EventId,
    gate: Option<EventId>,
    /// Sent up and not a whole frame yet. None once it can't be one.
    unsplit: Option<BytesMut>,
    /// Requests that the broker has not got yet.
    on_their_way: VecDeque<Exchange>,
    /// Requests that the broker has.
    at_broker: VecDeque<Exchange>,
    /// Answers under way, each with the byte of the stream at which it ends.
    answers: VecDeque<(u64, Exchange)>,
    answered_bytes: u64,
    received_bytes: u64,
}

/// A request and its answer.
#[derive(Clone, Copy, Debug)]
struct Exchange {
    number: usize,
    api: (i16, i16),
    correlation_id: i32,
    request: BlobId,
    /// The client's view: from the request to the answer.
    at_client: EventId,
    /// Its way up, or the answer's way down.
    on_the_way: EventId,
    /// The broker's view.
    at_broker: EventId,
    tone: Tone,
}

/// Larger than any frame of the simulator's: what claims to be is none.
const FRAME_MAX_BYTES: usize = 64 << 20;
/// Texts are cut here.
const TEXT_MAX_CHARS: usize = 4_000;

impl Recorder {
    /// One that remembers.
    #[must_use]
    pub(super) fn on() -> Self {
        Self(Some(Arc::default()))
    }

    /// All that was remembered. What has not ended goes on to the end.
    pub(super) fn into_memory(self) -> Memory {
        self.0.map(|recording| std::mem::take(&mut open(&recording).memory)).unwrap_or_default()
    }

    /// Whether it remembers.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    fn record(&self, record: impl FnOnce(&mut Recording)) {
        if let Some(recording) = &self.0 {
            record(&mut open(recording));
        }
    }

    /// There is another client; clients are numbered from 0.
    pub fn client(&self, role: &dyn fmt::Debug) {
        self.record(|recording| {
            let text = format!("{role:?}");
            let name = text.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default();
            recording.memory.clients.push(name.to_lowercase());
        });
    }

    /// A client says what it does.
    pub fn client_says(&self, at: Time, client: ClientId, text: fmt::Arguments<'_>) {
        self.record(|recording| {
            let text = cut(text.to_string());
            let label = text.split(' ').take(2).collect::<Vec<_>>().join(" ");
            recording.memory.event(Event { text, ..Event::point(Lane::Client(client), Tone::Note, at, label) });
        });
    }

    /// The world goes on to another stage.
    pub fn stage(&self, at: Time, stage: &dyn fmt::Debug) {
        self.record(|recording| {
            if let Some(former) = recording.stage.take() {
                recording.memory.end(former, End::At(at));
            }
            let stage = Event::bar(Lane::Stage, Tone::Stage, at, format!("{stage:?}"));
            recording.stage = Some(recording.memory.event(stage));
        });
    }

    /// Something befalls the world that is to be seen in all lanes.
    pub fn mark(&self, at: Time, label: &'static str, text: fmt::Arguments<'_>) {
        self.record(|recording| {
            let text = cut(text.to_string());
            let point = Event::point(Lane::World, Tone::Mark, at, label);
            recording.memory.event(Event { text, is_mark: true, is_fault: true, ..point });
        });
    }

    /// The broker starts.
    pub fn started(&self, at: Time, life: u32) {
        self.record(|recording| {
            let event = Event::bar(Lane::Life, Tone::Life, at, format!("life {life}"));
            recording.life = Some(recording.memory.event(event));
            recording.cause = recording.life;
        });
    }

    /// The broker ends, and with it all that it was about.
    pub fn ended(&self, at: Time, how: &'static str, is_clean: bool, text: fmt::Arguments<'_>) {
        self.record(|recording| {
            let end = if is_clean { End::At(at) } else { End::Cut(at) };
            let memory = &mut recording.memory;
            let bars = std::mem::take(&mut recording.commands).into_values();
            for bar in bars.chain(std::mem::take(&mut recording.works).into_values()) {
                memory.end(bar, End::Cut(at));
            }
            for connection in recording.connections.values_mut() {
                connection.broker_forgets(memory, at);
            }
            if let Some(life) = recording.life.take() {
                memory.end(life, end);
            }
            let text = cut(text.to_string());
            let point = Event::point(Lane::World, Tone::Mark, at, how);
            memory.event(Event { text, is_mark: true, is_fault: !is_clean, ..point });
        });
    }

    /// A client tries to connect.
    pub fn connecting(&self, at: Time, client: ClientId, conn: ConnId) {
        self.record(|recording| {
            let label = format!("connection {}", conn.0);
            let event = Event::bar(Lane::Connection(client), Tone::Connection, at, label);
            let event = recording.memory.event(event);
            recording.connections.insert(conn, Connection::new(client, event));
        });
    }

    /// A connection is no more, for either end.
    pub fn broken(&self, at: Time, conn: ConnId) {
        self.record(|recording| {
            let Some(mut connection) = recording.connections.remove(&conn) else { return };
            connection.broker_forgets(&mut recording.memory, at);
            for exchange in connection.on_their_way.iter().chain(connection.answers.iter().map(|(_, answer)| answer)) {
                recording.memory.end(exchange.on_the_way, End::Cut(at));
                recording.memory.end(exchange.at_client, End::Cut(at));
            }
            recording.memory.end(connection.event, End::At(at));
        });
    }

    /// A transfer is on its way, and may not get there.
    pub fn passage(&self, at: Time, conn: ConnId, passage: &Passage, is_stalled: bool) {
        if is_stalled {
            self.network_fault(at, conn, "stall", passage.pieces.last().map(|(arrival, _)| *arrival));
        }
        if passage.reset_at.is_some() {
            self.network_fault(at, conn, "reset", passage.reset_at);
        }
    }

    /// The network does something to a connection.
    pub fn network_fault(&self, at: Time, conn: ConnId, label: &'static str, until: Option<Time>) {
        self.record(|recording| {
            let Some(connection) = recording.connections.get(&conn) else { return };
            let lane = Lane::Connection(connection.client);
            let text = until.map(|until| format!("until {until}")).unwrap_or_default();
            let point = Event::point(lane, Tone::Connection, at, label);
            recording.memory.event(Event { text, is_fault: true, ..point });
        });
    }

    /// A client sends bytes.
    pub fn sent(&self, at: Time, conn: ConnId, bytes: &Bytes) {
        self.record(|recording| {
            let Some(connection) = recording.connections.get_mut(&conn) else { return };
            for frame in connection.split(bytes) {
                recording.exchanges += 1;
                connection.request(&mut recording.memory, at, recording.exchanges, frame);
            }
        });
    }

    /// Bytes reach a client.
    pub fn received(&self, at: Time, conn: ConnId, size_bytes: usize) {
        self.record(|recording| {
            let Some(connection) = recording.connections.get_mut(&conn) else { return };
            connection.received_bytes += size_bytes as u64;
            while let Some((end, exchange)) = connection.answers.front()
                && *end <= connection.received_bytes
            {
                recording.memory.end(exchange.on_the_way, End::At(at));
                recording.memory.end(exchange.at_client, End::At(at));
                connection.answers.pop_front();
            }
        });
    }

    /// Something goes into the broker.
    pub fn input(&self, at: Time, input: &Input) {
        self.record(|recording| recording.input(at, input));
    }

    /// Something comes out of it.
    pub fn output(&self, at: Time, output: &Output, storage: &Storage) {
        self.record(|recording| recording.output(at, output, storage));
    }

    /// A storage command happens.
    pub fn took_effect(&self, at: Time, op: OpId) {
        self.record(|recording| {
            if let Some(event) = recording.commands.get(&op) {
                recording.memory.change(*event, |event| event.text.push_str(&format!("\nit happens at {at}")));
            }
        });
    }
}

fn open(recording: &Mutex<Recording>) -> MutexGuard<'_, Recording> {
    recording.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Recording {
    fn input(&mut self, at: Time, input: &Input) {
        self.cause = match input {
            Input::Opened { conn, .. } => {
                let Some(connection) = self.connections.get(conn) else { return };
                let event = connection.event;
                self.memory.change(event, |event| event.text.push_str(&format!("the broker has it at {at}\n")));
                Some(event)
            }
            Input::Frame { conn, .. } => {
                let Some(connection) = self.connections.get_mut(conn) else { return };
                connection.arrived(&mut self.memory, at)
            }
            Input::Closed { conn } => {
                let Some(connection) = self.connections.get_mut(conn) else { return };
                connection.broker_forgets(&mut self.memory, at);
                let event = connection.event;
                self.memory.change(event, |event| event.text.push_str(&format!("the broker closes it at {at}\n")));
                Some(event)
            }
            Input::Stored { op, result } => self.stored(at, *op, result),
            Input::Worked { op, .. } => {
                let event = self.works.remove(op);
                event.inspect(|event| self.memory.end(*event, End::At(at)))
            }
            Input::Sent { .. } => None,
            Input::Tick => Some(self.memory.event(Event::point(Lane::Ticks, Tone::Tick, at, "tick"))),
            Input::Shutdown => Some(self.memory.event(Event::point(Lane::Ticks, Tone::Mark, at, "shutdown"))),
        };
    }

    fn stored(&mut self, at: Time, op: OpId, result: &StorageResult) -> Option<EventId> {
        let id = self.commands.remove(&op)?;
        let (says, is_fault) = match result {
            StorageResult::Done(Outcome::Data(bytes)) => {
                let blob = self.memory.blob(Content::File, bytes.clone());
                self.memory.change(id, |event| event.blobs[0] = Some(blob));
                (format!("done: {} bytes", bytes.len()), false)
            }
            StorageResult::Done(Outcome::Nothing) => ("done".to_owned(), false),
            StorageResult::Done(outcome) => (format!("done: {outcome:?}"), false),
            StorageResult::NotDone(StorageError::NotFound) => ("not done: it is not there".to_owned(), false),
            StorageResult::NotDone(error) => (format!("not done: {error}"), true),
            StorageResult::Unknown(error) => (format!("done or not, nobody knows: {error}"), true),
        };
        self.memory.change(id, |event| {
            event.is_fault = is_fault;
            event.text.push_str(&format!("\n{}", cut(says)));
        });
        self.memory.end(id, End::At(at));
        Some(id)
    }

    fn output(&mut self, at: Time, output: &Output, storage: &Storage) {
        match output {
            Output::Send { conn, frame } => {
                let Some(connection) = self.connections.get_mut(conn) else { return };
                connection.answer(&mut self.memory, at, bytes_of(frame, storage), self.cause);
            }
            Output::Gate { conn, open } => {
                let Some(connection) = self.connections.get_mut(conn) else { return };
                if let Some(gate) = connection.gate.take() {
                    self.memory.end(gate, End::At(at));
                }
                if !open {
                    let label = format!("connection {} is not read", conn.0);
                    let bar = Event { cause: self.cause, ..Event::bar(Lane::Gates, Tone::Gate, at, label) };
                    connection.gate = Some(self.memory.event(bar));
                }
            }
            Output::Close { conn, reason } => {
                let Some(connection) = self.connections.get(conn) else { return };
                let point = Event::point(Lane::Connection(connection.client), Tone::Note, at, "the broker closes");
                self.memory.event(Event { text: reason.to_string(), cause: self.cause, ..point });
            }
            Output::Store { op, command } => {
                let event = self.command(at, *op, command, storage);
                self.commands.insert(*op, event);
            }
            Output::Work { op, .. } => {
                let bar = Event::bar(Lane::Work, Tone::Work, at, "work");
                self.works.insert(*op, self.memory.event(Event { cause: self.cause, ..bar }));
            }
            Output::Report(report) => {
                let label = if report.level >= Level::Warn { "warning" } else { "report" };
                let point = Event::point(Lane::Reports, Tone::Note, at, label);
                let is_fault = report.level >= Level::Warn;
                self.memory.event(Event { text: cut(report.text.clone()), is_fault, cause: self.cause, ..point });
            }
            Output::Halt { reason } => {
                let point = Event::point(Lane::Reports, Tone::Mark, at, "halt");
                self.memory.event(Event { text: reason.to_string(), cause: self.cause, ..point });
            }
        }
    }

    fn command(&mut self, at: Time, op: OpId, command: &StorageCommand, storage: &Storage) -> EventId {
        let name = |file| storage.path(file).map_or_else(|| "a file".to_owned(), |path| path.relative.to_string());
        let last =
            |path: &str| path.rsplit('/').take(2).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("/");
        let (lane, tone, verb, on, more) = match command {
            StorageCommand::Read { file, at, size_bytes } => {
                (Lane::Reads, Tone::Read, "read", name(*file), format!("{size_bytes} bytes at {at}"))
            }
            StorageCommand::Append { file, at, data } => {
                let size_bytes: usize = data.iter().map(Bytes::len).sum();
                (Lane::Appends, Tone::Append, "append", name(*file), format!("{size_bytes} bytes at {at}"))
            }
            StorageCommand::Sync { file } => (Lane::Syncs, Tone::Sync, "sync", name(*file), String::new()),
            StorageCommand::SyncDir { dir } => {
                (Lane::Syncs, Tone::Sync, "sync directory", dir.relative.to_string(), String::new())
            }
            StorageCommand::Truncate { file, size_bytes } => {
                (Lane::Names, Tone::Name, "truncate", name(*file), format!("to {size_bytes} bytes"))
            }
            StorageCommand::List { dir } => (Lane::Names, Tone::Name, "list", dir.relative.to_string(), String::new()),
            StorageCommand::MakeDir { dir } => {
                (Lane::Names, Tone::Name, "make directory", dir.relative.to_string(), String::new())
            }
            StorageCommand::Open { path, mode, .. } => {
                (Lane::Names, Tone::Name, "open", path.relative.to_string(), format!("{mode:?}"))
            }
            StorageCommand::Rename { from, to } => {
                (Lane::Names, Tone::Name, "rename", from.relative.to_string(), format!("to {to}"))
            }
            StorageCommand::Remove { path } => {
                (Lane::Names, Tone::Name, "remove", path.relative.to_string(), String::new())
            }
            StorageCommand::MeasureSpace { .. } => {
                (Lane::Names, Tone::Name, "measure space", String::new(), String::new())
            }
            StorageCommand::Close { file } => (Lane::Names, Tone::Name, "close", name(*file), String::new()),
        };
        let label = format!("{verb} {}", last(&on));
        let text = format!("operation {}: {verb} {on} {more}", op.0);
        let blob = match command {
            StorageCommand::Append { data, .. } => Some(self.memory.blob(Content::File, data.concat().into())),
            _ => None,
        };
        let bar = Event::bar(lane, tone, at, label);
        self.memory.event(Event { text, cause: self.cause, blobs: [blob, None], ..bar })
    }
}

impl Connection {
    fn new(client: ClientId, event: EventId) -> Self {
        Self {
            client,
            event,
            gate: None,
            unsplit: Some(BytesMut::new()),
            on_their_way: VecDeque::new(),
            at_broker: VecDeque::new(),
            answers: VecDeque::new(),
            answered_bytes: 0,
            received_bytes: 0,
        }
    }

    /// The frames that these bytes complete, with their sizes in front.
    fn split(&mut self, bytes: &Bytes) -> Vec<Bytes> {
        let mut frames = Vec::new();
        let Some(unsplit) = &mut self.unsplit else { return frames };
        unsplit.extend_from_slice(bytes);
        while let Some(prefix) = unsplit.first_chunk::<4>() {
            match usize::try_from(i32::from_be_bytes(*prefix)) {
                Ok(size_bytes) if size_bytes <= FRAME_MAX_BYTES => {
                    if unsplit.len() < 4 + size_bytes {
                        break;
                    }
                    frames.push(unsplit.split_to(4 + size_bytes).freeze());
                }
                _ => {
                    self.unsplit = None;
                    break;
                }
            }
        }
        frames
    }

    /// A client sends a request.
    fn request(&mut self, memory: &mut Memory, at: Time, number: usize, frame: Bytes) {
        let short = |from| frame.get(from..from + 2).map_or(0, |bytes| i16::from_be_bytes([bytes[0], bytes[1]]));
        let api = (short(4), short(6));
        let correlation_id = correlation_id_at(&frame, 8);
        let size_bytes = frame.len();
        let request = memory.blob(Content::Request, frame);
        let (label, tone) = match ApiKey::from_number(api.0) {
            Some(key) => (format!("{} v{}", key.name(), api.1), tone_of(key)),
            None => (format!("API {}", api.0), Tone::Other),
        };
        let text = format!("correlation id {correlation_id}, {size_bytes} bytes");
        let bar = |lane, label: String| Event {
            text: text.clone(),
            exchange: Some(number),
            blobs: [Some(request), None],
            ..Event::bar(lane, tone, at, label)
        };
        let at_client = memory.event(bar(Lane::Client(self.client), label.clone()));
        let on_the_way = memory.event(bar(Lane::Connection(self.client), format!("{label} ↑")));
        let at_broker = at_client;
        self.on_their_way.push_back(Exchange {
            number,
            api,
            correlation_id,
            request,
            at_client,
            on_the_way,
            at_broker,
            tone,
        });
    }

    /// The broker gets the next request.
    fn arrived(&mut self, memory: &mut Memory, at: Time) -> Option<EventId> {
        let mut exchange = self.on_their_way.pop_front()?;
        memory.end(exchange.on_the_way, End::At(at));
        let seen = memory.events.get(exchange.at_client).cloned();
        let (label, text) = seen.map(|event| (event.label, event.text)).unwrap_or_default();
        let label = format!("{label} of client {}", self.client.0);
        let bar = Event::bar(Lane::Requests, exchange.tone, at, label);
        exchange.at_broker =
            memory.event(Event { text, exchange: Some(exchange.number), blobs: [Some(exchange.request), None], ..bar });
        self.at_broker.push_back(exchange);
        Some(exchange.at_broker)
    }

    /// The broker answers. Requests before this one have no answer, as with acks=0.
    fn answer(&mut self, memory: &mut Memory, at: Time, frame: Bytes, cause: Option<EventId>) {
        self.answered_bytes += frame.len() as u64;
        let id = correlation_id_at(&frame, 4);
        let Some(place) = self.at_broker.iter().position(|exchange| exchange.correlation_id == id) else { return };
        for silent in self.at_broker.drain(..place) {
            for event in [silent.at_client, silent.at_broker] {
                memory.change(event, |event| event.text.push_str(", without an answer"));
                memory.end(event, End::At(at));
            }
        }
        let mut exchange = self.at_broker.pop_front().expect("found there");
        let answer = memory.blob(Content::Answer(exchange.api.0, exchange.api.1), frame);
        memory.end(exchange.at_broker, End::At(at));
        for event in [exchange.at_client, exchange.at_broker] {
            memory.change(event, |event| event.blobs[1] = Some(answer));
        }
        let label = match ApiKey::from_number(exchange.api.0) {
            Some(key) => format!("{} v{} ↓", key.name(), exchange.api.1),
            None => format!("API {} ↓", exchange.api.0),
        };
        let bar = Event::bar(Lane::Connection(self.client), exchange.tone, at, label);
        exchange.on_the_way =
            memory.event(Event { cause, exchange: Some(exchange.number), blobs: [None, Some(answer)], ..bar });
        self.answers.push_back((self.answered_bytes, exchange));
    }

    /// What the broker had of it is gone.
    fn broker_forgets(&mut self, memory: &mut Memory, at: Time) {
        if let Some(gate) = self.gate.take() {
            memory.end(gate, End::At(at));
        }
        for exchange in self.at_broker.drain(..) {
            memory.end(exchange.at_broker, End::Cut(at));
            memory.end(exchange.at_client, End::Cut(at));
        }
    }
}

fn bytes_of(frame: &Frame, storage: &Storage) -> Bytes {
    let mut bytes = BytesMut::new();
    for chunk in &frame.chunks {
        match chunk {
            Chunk::Bytes(part) => bytes.extend_from_slice(part),
            Chunk::File(range) => bytes.extend_from_slice(storage.bytes(*range).unwrap_or_default()),
        }
    }
    bytes.freeze()
}

fn correlation_id_at(frame: &[u8], at: usize) -> i32 {
    let bytes = frame.get(at..).and_then(|rest| rest.first_chunk::<4>());
    bytes.map_or(0, |bytes| i32::from_be_bytes(*bytes))
}

fn tone_of(key: ApiKey) -> Tone {
    match key {
        ApiKey::Produce => Tone::Produce,
        ApiKey::Fetch | ApiKey::ShareFetch | ApiKey::ShareAcknowledge | ApiKey::ListOffsets => Tone::Fetch,
        ApiKey::Metadata | ApiKey::ApiVersions | ApiKey::FindCoordinator => Tone::Metadata,
        ApiKey::InitProducerId => Tone::Transaction,
        key if key.name().contains("Txn") || key.name().contains("Transaction") => Tone::Transaction,
        key if ["Group", "Offset", "Heartbeat"].iter().any(|word| key.name().contains(word)) => Tone::Group,
        key if ["Create", "Delete", "Alter", "Describe"].iter().any(|word| key.name().contains(word)) => Tone::Admin,
        _ => Tone::Other,
    }
}

fn cut(mut text: String) -> String {
    if let Some((at, _)) = text.char_indices().nth(TEXT_MAX_CHARS) {
        text.truncate(at);
        text.push('…');
    }
    text
}
