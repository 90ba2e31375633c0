//! One frame, told field by field: its size, its header, its body, and the record sets inside.
//!
//! What does not belong here: where frames come from (`decode/`, `pcap/`).

mod conversation;
mod fields;
mod records;

use std::io;

use bytes::Bytes;
use ottla_core::error_code::ErrorCode;
use ottla_core::wire::messages::{REGISTRY, request_header_version, response_header_version};
use ottla_core::wire::{Annotated, AnnotatedValue, ApiKey, DecodeError, MessageKind, MessageType, date};

use self::fields::FieldRows;
use self::records::RecordSet;
use crate::report::{Cell, Heading, Remark, Report, Shape};

pub use conversation::Conversation;

/// Bytes of the size in front of a frame.
pub const SIZE_PREFIX_BYTES: usize = 4;

/// A frame as it was found.
#[derive(Clone, Debug)]
pub struct Frame {
    /// All that there is of it, with the size in front if it has one.
    pub bytes: Bytes,
    /// Whether the size is in front.
    pub has_size_prefix: bool,
    /// Who sent it, where that is known.
    pub direction: Option<Direction>,
    /// Where it comes from.
    pub origin: Origin,
    /// Bytes of it that are missing at its end, and why.
    pub missing: Option<Missing>,
}

/// Where a frame comes from.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The client's and the broker's side.
    pub connection: Option<String>,
    /// When its last byte was seen, in milliseconds since the epoch.
    pub time_ms: Option<i64>,
    /// Its first byte in the file.
    pub at: Option<u64>,
}

/// Why a frame is not there to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// So many bytes.
    pub size_bytes: u64,
    /// What happened to them.
    pub why: &'static str,
}

/// Who sent a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Direction {
    Request,
    Response,
}

/// What frames are, and how much of them is told.
#[derive(Clone, Copy, Debug, Default)]
pub struct FrameRules {
    /// What an answer is to whose request nobody saw: an API's key and version.
    pub answers_to: Option<(i16, i16)>,
    /// All records are told, not only the first of a batch.
    pub all_records: bool,
}

/// Tells frames, one after the other.
#[derive(Debug)]
pub struct FrameTeller {
    rules: FrameRules,
    count: u64,
}

/// A frame that was taken apart.
struct Parts {
    direction: Direction,
    /// Key and version.
    api: Option<(i16, i16)>,
    /// Fields in front of the body.
    header: Option<Annotated>,
    /// The body's message, and its fields.
    body: Option<(&'static MessageType, i16, Annotated)>,
    remarks: Vec<Remark>,
}

impl FrameTeller {
    /// For frames that follow `rules`.
    #[must_use]
    pub fn new(rules: FrameRules) -> Self {
        Self { rules, count: 0 }
    }

    /// Frames so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Tells the next frame of a conversation.
    ///
    /// # Errors
    /// Where the report can't be written.
    pub fn tell(&mut self, frame: &Frame, conversation: &mut Conversation, report: &mut Report<'_>) -> io::Result<()> {
        self.count += 1;
        let parts = match frame.missing {
            // Not even its size is there.
            Some(_) if frame.bytes.len() <= body_at(frame) => Parts::of(frame.direction.unwrap_or(Direction::Request)),
            _ => self.take_apart(frame, conversation),
        };
        report.begin(self.heading(frame, &parts))?;
        let mut rows = FieldRows::new(report, frame.bytes.clone(), self.rules.all_records);
        if frame.has_size_prefix {
            rows.size_prefix()?;
        }
        if let Some(header) = &parts.header {
            rows.annotations("header", &header.fields)?;
        }
        if let Some((message, _, body)) = &parts.body {
            rows.is_answer = message.kind == MessageKind::Response;
            rows.annotations("", &body.fields)?;
        }
        if let Some((message, version, body)) = &parts.body {
            let from = parts.header.as_ref().map_or(0, |header| header.end);
            body_json(message, *version, &frame.bytes.slice(from..body.end), body, report)?;
        }
        for remark in parts.remarks {
            report.remark(remark)?;
        }
        if let Some(missing) = &frame.missing {
            let text = format!("{} bytes of the frame are missing: {}", missing.size_bytes, missing.why);
            report.remark(Remark::damage(text).at(frame.bytes.len() as u64))?;
        }
        report.end()
    }

    /// Tells a message that stands alone, without a header.
    ///
    /// # Errors
    /// Where the report can't be written.
    pub fn tell_message(
        &mut self,
        message: &'static MessageType,
        version: i16,
        bytes: &Bytes,
        report: &mut Report<'_>,
    ) -> io::Result<()> {
        self.count += 1;
        let annotated = message.annotate(bytes.clone(), version);
        let properties = vec![
            ("message", Cell::text(message.name)),
            ("version", Cell::Integer(version.into())),
            ("sizeBytes", size(bytes.len())),
        ];
        let title = format!("{} v{version} · {} bytes", message.name, bytes.len());
        report.begin(Heading { title, properties, shape: Shape::Whole("fields") })?;
        let mut rows = FieldRows::new(report, bytes.clone(), self.rules.all_records);
        rows.is_answer = message.kind == MessageKind::Response;
        rows.annotations("", &annotated.fields)?;
        body_json(message, version, &bytes.slice(..annotated.end), &annotated, report)?;
        if let Err(error) = &annotated.result {
            report.remark(damage(error))?;
        }
        report.end()
    }

    /// Tells batches of records that stand alone, as in a log's file.
    ///
    /// # Errors
    /// Where the report can't be written.
    pub fn tell_records(&mut self, bytes: &Bytes, report: &mut Report<'_>) -> io::Result<()> {
        self.count += 1;
        let title = format!("records · {} bytes", bytes.len());
        let properties = vec![("records", Cell::Bool(true)), ("sizeBytes", size(bytes.len()))];
        report.begin(Heading { title, properties, shape: Shape::Whole("fields") })?;
        let mut rows = FieldRows::new(report, bytes.clone(), self.rules.all_records);
        // What a file has been read from may end anywhere.
        rows.is_answer = true;
        RecordSet { frame: bytes.clone(), range: 0..bytes.len(), path: String::new() }.tell(&mut rows)?;
        report.end()
    }

    fn take_apart(&self, frame: &Frame, conversation: &mut Conversation) -> Parts {
        match frame.direction {
            Some(Direction::Request) => take_request(frame, conversation),
            Some(Direction::Response) => self.take_answer(frame, conversation),
            None => self.guess(frame, conversation),
        }
    }

    /// A frame of which nobody said who sent it: a request, unless it is no good one, and an answer that is waited for.
    fn guess(&self, frame: &Frame, conversation: &mut Conversation) -> Parts {
        let awaited = number(frame, body_at(frame)).is_some_and(|id: i32| conversation.is_awaited(id));
        if !awaited {
            return take_request(frame, conversation);
        }
        let request = take_request(frame, &mut conversation.clone());
        if request.is_good() {
            return take_request(frame, conversation);
        }
        self.take_answer(frame, conversation)
    }

    fn take_answer(&self, frame: &Frame, conversation: &mut Conversation) -> Parts {
        let mut parts = Parts::of(Direction::Response);
        let at = body_at(frame);
        let Some(correlation_id) = number::<i32>(frame, at) else {
            parts.header = Some(header("ResponseHeader", frame, at, 0, &mut parts.remarks));
            return parts;
        };
        let api = conversation.answered(correlation_id).or(self.rules.answers_to);
        let Some((key, version)) = api else {
            parts.header = Some(header("ResponseHeader", frame, at, 0, &mut parts.remarks));
            let text = format!(
                "no request with correlation id {correlation_id} was seen, so that nobody can tell what this answers; \
                 --api and --version say it"
            );
            parts.remarks.push(Remark::note(text));
            return parts;
        };
        parts.api = Some(api.unwrap_or_default());
        let header = header("ResponseHeader", frame, at, response_header_version(key, version), &mut parts.remarks);
        if header.result.is_ok() {
            let version = answered_version(frame, header.end, key, version);
            parts.take_body(MessageKind::Response, frame, header.end, key, version);
        }
        parts.header = Some(header);
        parts
    }

    fn heading(&self, frame: &Frame, parts: &Parts) -> Heading {
        let kind = match parts.direction {
            Direction::Request => "request",
            Direction::Response => "response",
        };
        let mut title = vec![format!("frame {} · {kind}", self.count)];
        let mut properties = vec![("frame", Cell::Integer(self.count.cast_signed())), ("direction", Cell::text(kind))];
        if let Some((key, version)) = parts.api {
            let name = api_name(key);
            title.push(format!("{} v{version}", name.map_or_else(|| format!("API {key}"), str::to_owned)));
            properties.push(("api", Cell::or_empty(name, Cell::text)));
            properties.push(("apiKey", Cell::Integer(key.into())));
            properties.push(("version", Cell::Integer(version.into())));
        }
        if let Some(id) = parts.header_field("correlation_id") {
            title.push(format!("correlation id {id}"));
            properties.push(("correlationId", integer(id)));
        }
        if let Some(id @ AnnotatedValue::Str(text)) = parts.header_field("client_id") {
            title.push(format!("client id {id}"));
            properties.push(("clientId", Cell::Str(text.clone())));
        }
        if let Some(connection) = &frame.origin.connection {
            title.push(connection.clone());
            properties.push(("connection", Cell::Str(connection.clone())));
        }
        if let Some(time_ms) = frame.origin.time_ms {
            title.push(date(time_ms).unwrap_or_else(|| time_ms.to_string()));
            properties.push(("timeMs", Cell::Integer(time_ms)));
        }
        title.push(format!("{} bytes", frame.bytes.len()));
        properties.push(("at", Cell::or_empty(frame.origin.at, |at| Cell::Integer(at.cast_signed()))));
        properties.push(("sizeBytes", size(frame.bytes.len())));
        properties.push(("hasSizePrefix", Cell::Bool(frame.has_size_prefix)));
        Heading { title: title.join(" · "), properties, shape: Shape::Whole("fields") }
    }
}

fn take_request(frame: &Frame, conversation: &mut Conversation) -> Parts {
    let mut parts = Parts::of(Direction::Request);
    let at = body_at(frame);
    let key = number::<i16>(frame, at);
    let version = number::<i16>(frame, at + 2);
    let header_version = match (key, version) {
        (Some(key), Some(version)) => request_header_version(key, version),
        _ => 1,
    };
    let header = header("RequestHeader", frame, at, header_version, &mut parts.remarks);
    if let (Some(key), Some(version)) = (key, version) {
        parts.api = Some((key, version));
        if let Some(id) = number(frame, at + 4) {
            conversation.asked(id, key, version);
        }
        if header.result.is_ok() {
            parts.take_body(MessageKind::Request, frame, header.end, key, version);
        }
    }
    parts.header = Some(header);
    parts
}

impl Parts {
    fn of(direction: Direction) -> Self {
        Self { direction, api: None, header: None, body: None, remarks: Vec::new() }
    }

    fn is_good(&self) -> bool {
        self.body.as_ref().is_some_and(|(_, _, body)| body.result.is_ok()) && self.remarks.is_empty()
    }

    fn take_body(&mut self, kind: MessageKind, frame: &Frame, at: usize, key: i16, version: i16) {
        let Some(message) = REGISTRY.iter().find(|message| message.kind == kind && message.key == key) else {
            self.remarks.push(unknown_api(key, body_at(frame)));
            return;
        };
        if !message.versions.contains(&version) {
            self.remarks.push(unknown_version(message, version, body_at(frame) + 2));
            return;
        }
        let body = message.annotate_at(frame.bytes.clone(), at, version);
        match &body.result {
            // Where bytes are missing that is said of the frame; the field where they began to be needed is still told.
            Err(error) if frame.missing.is_none() => self.remarks.push(damage(error)),
            Err(_) => {}
            Ok(()) if body.end < frame.bytes.len() => self.remarks.push(trailing(kind, body.end, frame.bytes.len())),
            Ok(()) => {}
        }
        self.body = Some((message, version, body));
    }

    fn header_field(&self, name: &str) -> Option<&AnnotatedValue> {
        let fields = &self.header.as_ref()?.fields;
        fields.iter().find(|field| field.field == name && !field.is_structure()).map(|field| &field.value)
    }
}

/// Decodes a header. Its own fault is a remark.
fn header(name: &str, frame: &Frame, at: usize, version: i16, remarks: &mut Vec<Remark>) -> Annotated {
    let message = REGISTRY.iter().find(|message| message.name == name).expect("headers are in the registry");
    let header = message.annotate_at(frame.bytes.clone(), at, version);
    if let Err(error) = &header.result {
        remarks.push(damage(error));
    }
    header
}

/// For programs: the message as Kafka itself shows it, if it is one.
fn body_json(
    message: &MessageType,
    version: i16,
    bytes: &Bytes,
    annotated: &Annotated,
    report: &mut Report<'_>,
) -> io::Result<()> {
    if annotated.result.is_ok()
        && let Ok(json) = message.json(bytes.clone(), version)
    {
        report.property("body", Cell::Json(json.with_record_sizes().to_string()))?;
    }
    Ok(())
}

/// A broker that does not know the version of an ApiVersions request answers in version 0, with error 35.
fn answered_version(frame: &Frame, at: usize, key: i16, version: i16) -> i16 {
    let is_refusal = number(frame, at) == Some(ErrorCode::UnsupportedVersion.number());
    if key == ApiKey::ApiVersions.number() && is_refusal { 0 } else { version }
}

fn unknown_api(key: i16, at: usize) -> Remark {
    Remark::damage(format!("no API of Kafka 4.3 has key {key}")).at(at as u64).path("header.request_api_key")
}

fn unknown_version(message: &MessageType, version: i16, at: usize) -> Remark {
    let range = &message.versions;
    let text = format!("{} has versions {} to {}, this is {version}", message.api, range.start(), range.end());
    if message.key == ApiKey::ApiVersions.number() {
        // No damage: that is how a client finds out which versions there are.
        return Remark::note(format!("{text}; a broker answers it in version 0, with error 35")).at(at as u64);
    }
    Remark::damage(text).at(at as u64).path("header.request_api_version")
}

fn trailing(kind: MessageKind, end: usize, size_bytes: usize) -> Remark {
    let left = size_bytes - end;
    match kind {
        MessageKind::Request => {
            Remark::note(format!("{left} bytes follow the message's end; a broker ignores them")).at(end as u64)
        }
        _ => Remark::damage(format!("{left} bytes follow the message's end")).at(end as u64),
    }
}

/// A decode's fault, where and what.
pub fn damage(error: &DecodeError) -> Remark {
    let text = error.to_string();
    // The error's own text begins with path and byte, which the remark has in places of their own.
    let place = format!(" at byte {}: ", error.at());
    let (path, fault) = text.split_once(&place).unwrap_or(("", &text));
    Remark::damage(fault).at(error.at() as u64).path(path)
}

fn body_at(frame: &Frame) -> usize {
    if frame.has_size_prefix { SIZE_PREFIX_BYTES } else { 0 }
}

/// The number at byte `at`, if all of it is there.
fn number<N: Number>(frame: &Frame, at: usize) -> Option<N> {
    N::read(frame.bytes.get(at..)?)
}

trait Number: Sized {
    fn read(bytes: &[u8]) -> Option<Self>;
}

impl Number for i16 {
    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.first_chunk().map(|bytes| Self::from_be_bytes(*bytes))
    }
}

impl Number for i32 {
    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.first_chunk().map(|bytes| Self::from_be_bytes(*bytes))
    }
}

fn api_name(key: i16) -> Option<&'static str> {
    ApiKey::from_number(key).map(ApiKey::name)
}

fn integer(value: &AnnotatedValue) -> Cell {
    match value {
        AnnotatedValue::Integer(number) => Cell::Integer(*number),
        _ => Cell::Empty,
    }
}

fn size(size_bytes: usize) -> Cell {
    Cell::Integer(i64::try_from(size_bytes).unwrap_or(i64::MAX))
}
