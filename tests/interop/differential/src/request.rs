//! Requests as bytes: variables and record batches take their places in the JSON, which becomes the message.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ottla_core::records::{Attributes, BatchBuilder, BuilderRecord, Compression};
use ottla_core::types::{Offset, ProducerEpoch, ProducerId};
use ottla_wire::messages::header::RequestHeader;
use ottla_wire::{ApiKey, Json, Message, MessageType};
use serde_json::{Map, Value};

/// What earlier answers were bound to.
pub type Variables = BTreeMap<String, Value>;

/// The time of records whose script names none.
pub const TIMESTAMP_MS: i64 = 1_700_000_000_000;

/// The name by which all scripts' clients go.
pub const CLIENT_ID: &str = "differential";

/// A request with header, without the size prefix.
///
/// # Errors
/// What is wrong with it, for people.
pub fn frame(api: ApiKey, version: i16, correlation_id: i32, body: &Value) -> Result<Vec<u8>, String> {
    let header = RequestHeader {
        request_api_key: api.number(),
        request_api_version: version,
        correlation_id,
        client_id: Some(CLIENT_ID.into()),
        ..Default::default()
    };
    let body = encode(api, version, body)?;
    Ok([&header.to_bytes(api.request_header_version(version)), &body[..]].concat())
}

/// The message that JSON without variables shows. A version that does not exist is written as the nearest one.
///
/// # Errors
/// What is wrong with it, for people.
pub fn encode(api: ApiKey, version: i16, body: &Value) -> Result<Bytes, String> {
    let message = MessageType::request(api);
    let version = version.clamp(*message.versions.start(), *message.versions.end());
    message.bytes_of(&json_of(body), version).map_err(|error| error.to_string())
}

/// The body with everything in its place.
#[must_use]
pub fn fill(body: &Value, namespace: &str, step: usize, variables: &Variables) -> Value {
    match body {
        Value::String(text) => Value::String(text.replace("{ns}", namespace).replace("{n}", &step.to_string())),
        Value::Array(elements) => elements.iter().map(|element| fill(element, namespace, step, variables)).collect(),
        Value::Object(fields) => fill_object(fields, namespace, step, variables),
        other => other.clone(),
    }
}

fn fill_object(fields: &Map<String, Value>, namespace: &str, step: usize, variables: &Variables) -> Value {
    if let Some(name) = fields.get("$") {
        return name.as_str().and_then(|name| variables.get(name)).cloned().unwrap_or_default();
    }
    let filled: Map<_, _> =
        fields.iter().map(|(name, value)| (name.clone(), fill(value, namespace, step, variables))).collect();
    match filled.get("$records") {
        Some(batch) => Value::String(STANDARD.encode(batch_of(batch))),
        None => Value::Object(filled),
    }
}

/// A batch: `values` (strings, or null), and whatever of `keys`, `timestamp`, `producerId`, `epoch`, `sequence`,
/// `transactional`, `control`, `codec`, `baseOffset`, `attributes`, `damage` (a byte whose bits are flipped) the script names.
fn batch_of(batch: &Value) -> Vec<u8> {
    let number = |name: &str| batch[name].as_i64();
    let mut builder = BatchBuilder::new();
    if let Some(id) = number("producerId") {
        let epoch = ProducerEpoch(number("epoch").unwrap_or(0) as i16);
        builder = builder.producer(ProducerId(id), epoch, number("sequence").unwrap_or(0) as i32);
    }
    if let Some(attributes) = number("attributes") {
        builder = builder.attributes(Attributes(attributes as i16));
    }
    if batch["transactional"] == true {
        builder = builder.transactional();
    }
    if batch["control"] == true {
        builder = builder.control();
    }
    if let Some(offset) = number("baseOffset") {
        builder = builder.base_offset(Offset(offset));
    }
    builder = match batch["codec"].as_str() {
        Some("gzip") => builder.compression(Compression::Gzip, None),
        Some("snappy") => builder.compression(Compression::Snappy, None),
        Some("lz4") => builder.compression(Compression::Lz4, None),
        Some("zstd") => builder.compression(Compression::Zstd, None),
        _ => builder,
    };
    let timestamp = number("timestamp").unwrap_or(TIMESTAMP_MS);
    let step_ms = number("stepMs").unwrap_or(0);
    for (index, value) in batch["values"].as_array().into_iter().flatten().enumerate() {
        let key = batch["keys"][index].as_str().map(|key| Bytes::copy_from_slice(key.as_bytes()));
        let value = value.as_str().map(|value| Bytes::copy_from_slice(value.as_bytes()));
        let timestamp = timestamp + step_ms * index as i64;
        builder.push(BuilderRecord { timestamp, key: key.as_deref(), value: value.as_deref(), ..Default::default() });
    }
    let mut bytes = builder.build().to_vec();
    if let Some(at) = number("damage").and_then(|at| bytes.get_mut(at as usize)) {
        *at ^= 0xff;
    }
    if let Some(size) = number("cut") {
        bytes.truncate(size as usize);
    }
    bytes
}

fn json_of(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(yes) => Json::Bool(*yes),
        Value::Number(number) => {
            number.as_i64().map_or_else(|| Json::Float(number.as_f64().unwrap_or(f64::NAN)), Json::Integer)
        }
        Value::String(text) => Json::Str(text.clone()),
        Value::Array(elements) => Json::Array(elements.iter().map(json_of).collect()),
        Value::Object(fields) => {
            Json::Object(fields.iter().map(|(name, value)| (name.clone().into(), json_of(value))).collect())
        }
    }
}
