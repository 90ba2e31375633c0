//! The records of Kafka's own topics, decoded: metadata, coordinators' state, control records.
//!
//! The messages are the registry's. Here is only which of them a record has: by its key's first two bytes, or in front of
//! its value.

use std::borrow::Cow;

use bytes::Bytes;
use clap::ValueEnum;
use ottla_core::records::{Record, get_uvarint};
use ottla_core::wire::messages::REGISTRY;
use ottla_core::wire::{Annotation, MessageKind, MessageType};

use crate::report::{Cell, json_string};

/// How records are to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Decoder {
    /// As the topic's name says
    #[default]
    Auto,
    /// As text or hex
    Raw,
    /// As those of __cluster_metadata and its snapshots
    Metadata,
    /// As those of __consumer_offsets
    ConsumerOffsets,
    /// As those of __transaction_state
    TransactionState,
    /// As those of __share_group_state
    ShareGroupState,
    /// As those of __remote_log_metadata
    RemoteLogMetadata,
}

/// What a record says. What is not decoded is shown as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Payload {
    pub key: Option<Cell>,
    pub value: Option<Cell>,
    /// Why it could not be decoded.
    pub fault: Option<String>,
}

impl Decoder {
    /// Decodes a record that is not a control record.
    #[must_use]
    pub fn payload(self, record: &Record) -> Payload {
        match self {
            Self::Auto | Self::Raw => Payload::default(),
            Self::Metadata => Payload::in_value(record, 1, MessageKind::Metadata, |_| true),
            Self::RemoteLogMetadata => {
                Payload::in_value(record, 0, MessageKind::Data, |message| message.name.starts_with("Remote"))
            }
            Self::ConsumerOffsets | Self::TransactionState | Self::ShareGroupState => {
                Payload::by_key(record, |message| self.has(message))
            }
        }
    }

    /// Whether a coordinator's message is of this topic: each topic counts its types from 0.
    fn has(self, message: &MessageType) -> bool {
        let is_transactions = message.name.starts_with("TransactionLog");
        let is_share = message.name.starts_with("ShareSnapshot") || message.name.starts_with("ShareUpdate");
        match self {
            Self::TransactionState => is_transactions,
            Self::ShareGroupState => is_share,
            _ => !is_transactions && !is_share,
        }
    }
}

impl Payload {
    /// A record whose value begins with numbers: `frame_numbers` of no use, then type and version.
    fn in_value(record: &Record, frame_numbers: usize, kind: MessageKind, is: impl Fn(&MessageType) -> bool) -> Self {
        let Some(value) = &record.value else { return Self::default() };
        let mut rest = &value[..];
        let mut number = || get_uvarint(&mut rest).and_then(|number| i16::try_from(number).ok());
        for _ in 0..frame_numbers {
            number();
        }
        let (Some(key), Some(version)) = (number(), number()) else {
            return Self::failed("expected a type and a version in front of its value".to_owned());
        };
        let from = value.len() - rest.len();
        let Some(message) = REGISTRY.iter().find(|m| m.kind == kind && m.key == key && is(m)) else {
            return Self::failed(format!("no record has type {key}"));
        };
        match message_cell(message, version, value.slice(from..), &format!("{} v{version}", message.name)) {
            Ok(value) => Self { value: Some(value), ..Self::default() },
            Err(fault) => Self::failed(fault),
        }
    }

    /// A coordinator's record: the key's first number is the type of both, the value's is its version.
    fn by_key(record: &Record, is: impl Fn(&MessageType) -> bool) -> Self {
        let Some((kind, key)) = record.key.as_ref().and_then(|key| Some((number(key)?, key.slice(2..)))) else {
            return Self::failed("expected a type in front of its key".to_owned());
        };
        let find = |wanted: MessageKind| REGISTRY.iter().find(|m| m.kind == wanted && m.key == kind && is(m));
        let Some(message) = find(MessageKind::CoordinatorKey) else {
            return Self::failed(format!("no key has type {kind}"));
        };
        let mut payload = Self::default();
        match message_cell(message, 0, key, message.name.trim_end_matches("Key")) {
            Ok(key) => payload.key = Some(key),
            Err(fault) => payload.fault = Some(fault),
        }
        // A tombstone: what the key names is gone.
        let Some(value) = &record.value else { return payload };
        let Some(version) = number(value) else {
            payload.fault = Some("expected a version in front of its value".to_owned());
            return payload;
        };
        let Some(message) = find(MessageKind::CoordinatorValue) else { return payload };
        // The key has said already what it is.
        match message_cell(message, version, value.slice(2..), &format!("v{version}")) {
            Ok(value) => payload.value = Some(value),
            Err(fault) => payload.fault = Some(fault),
        }
        payload
    }

    /// A record for brokers rather than consumers.
    #[must_use]
    pub fn control(record: &Record) -> Self {
        let Some((version, key)) = record.key.as_ref().and_then(|key| Some((number(key)?, key.slice(2..)))) else {
            return Self::failed("expected a version and a type as its key".to_owned());
        };
        // Its own version comes first in each value. That of a marker is not among its fields.
        let (name, is_marker) = match number(&key) {
            Some(0 | 1) => ("EndTxnMarker", true),
            Some(2) => ("LeaderChangeMessage", false),
            Some(3) => ("SnapshotHeaderRecord", false),
            Some(4) => ("SnapshotFooterRecord", false),
            Some(5) => ("KRaftVersionRecord", false),
            Some(6) => ("VotersRecord", false),
            Some(other) => return Self::failed(format!("no control record has type {other}")),
            None => return Self::failed("expected a version and a type as its key".to_owned()),
        };
        let mut payload = Self::default();
        let schema = by_name("ControlRecordTypeSchema");
        match message_cell(schema, version, key.clone(), schema.name) {
            // Its only field says it all.
            Ok(cell) => {
                payload.key = Some(cell.but_for_people(Cell::or_empty(only_meaning(schema, version, key), Cell::text)))
            }
            Err(fault) => payload.fault = Some(fault),
        }
        let Some(value) = &record.value else { return payload };
        let Some(version) = number(value) else {
            payload.fault = Some("expected a version in front of its value".to_owned());
            return payload;
        };
        let fields = if is_marker { value.slice(2..) } else { value.clone() };
        match message_cell(by_name(name), version, fields, &format!("{name} v{version}")) {
            Ok(value) => payload.value = Some(value),
            Err(fault) => payload.fault = Some(fault),
        }
        payload
    }

    fn failed(fault: String) -> Self {
        Self { fault: Some(fault), ..Self::default() }
    }
}

/// What the first field with a meaning stands for.
fn only_meaning(message: &MessageType, version: i16, bytes: Bytes) -> Option<Cow<'static, str>> {
    message.annotate(bytes, version).fields.iter().find_map(Annotation::meaning)
}

fn by_name(name: &str) -> &'static MessageType {
    REGISTRY.iter().find(|message| message.name == name).expect("control records are in the registry")
}

/// The number in the first two bytes.
fn number(bytes: &Bytes) -> Option<i16> {
    bytes.first_chunk().map(|bytes| i16::from_be_bytes(*bytes))
}

/// A message as one line for people, behind `label`, and as an object with its name and version for programs. What a
/// number stands for is said behind it.
fn message_cell(message: &MessageType, version: i16, bytes: Bytes, label: &str) -> Result<Cell, String> {
    let json = message.json(bytes.clone(), version).map_err(|error| error.to_string())?;
    let meanings: Vec<_> = message
        .annotate(bytes, version)
        .fields
        .iter()
        .filter_map(|field| Some(format!("{}: {}", field.field, field.meaning()?)))
        .collect();
    let meaning = if meanings.is_empty() { String::new() } else { format!("  ({})", meanings.join(", ")) };
    let people = Cell::text(format!("{label} {json}{meaning}"));
    let programs =
        Cell::Json(format!("{{\"type\":{},\"version\":{version},\"data\":{json}}}", json_string(message.name)));
    Ok(Cell::both(people, programs))
}
