//! Answers as JSON, with the batches in them field by field.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ottla_core::records::batches_of;
use ottla_wire::messages::header::ResponseHeader;
use ottla_wire::{AnnotatedValue, ApiKey, Json, Message, MessageType, Reader};
use serde_json::{Map, Value, json};

/// The correlation id of an answer.
#[must_use]
pub fn correlation_id(frame: &Bytes) -> Option<i32> {
    frame.first_chunk().map(|bytes| i32::from_be_bytes(*bytes))
}

/// The answer to a request of this version.
///
/// # Errors
/// What is wrong with it, for people.
pub fn decode(frame: &Bytes, api: ApiKey, version: i16) -> Result<Value, String> {
    let message = MessageType::response(api);
    let mut reader = Reader::new(frame);
    ResponseHeader::read(&mut reader, api.response_header_version(version)).map_err(|error| error.to_string())?;
    let body = frame.slice(reader.at()..);
    // A version of ApiVersions that the broker does not know is answered in version 0.
    let versions = if api == ApiKey::ApiVersions { vec![version, 0] } else { vec![version] };
    let mut result = Err(format!("{api} has no version {version}"));
    for version in versions.into_iter().filter(|version| message.versions.contains(version)) {
        result = message.json(body.clone(), version).map_err(|error| error.to_string());
        if let Ok(json) = &result {
            let mut record_sets = record_sets(message, &body, version).into_iter();
            return Ok(value_of(json, &mut record_sets));
        }
    }
    result.map(|_| Value::Null)
}

/// The record sets of a message, in its order.
fn record_sets(message: &MessageType, body: &Bytes, version: i16) -> Vec<Bytes> {
    if !matches!(message.api, "Fetch" | "ShareFetch") {
        return Vec::new();
    }
    let range = |value: &AnnotatedValue| match value {
        AnnotatedValue::Records(range) => Some(body.slice(range.clone())),
        _ => None,
    };
    message.annotate(body.clone(), version).fields.iter().filter_map(|field| range(&field.value)).collect()
}

fn value_of(json: &Json, record_sets: &mut dyn Iterator<Item = Bytes>) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(yes) => json!(yes),
        Json::Integer(number) => json!(number),
        Json::Float(number) if number.is_finite() => json!(number),
        Json::Float(number) => json!(number.to_string()),
        Json::Str(text) => json!(text),
        Json::Records(_) => batches(&record_sets.next().unwrap_or_default()),
        Json::Array(elements) => elements.iter().map(|element| value_of(element, record_sets)).collect(),
        Json::Object(fields) => {
            let field = |(name, value): &(std::borrow::Cow<'static, str>, Json)| {
                (name.to_string(), value_of(value, record_sets))
            };
            Value::Object(fields.iter().map(field).collect::<Map<_, _>>())
        }
    }
}

/// The batches of a record set. What is not a batch, the cut end of a set, is told by its size.
fn batches(bytes: &Bytes) -> Value {
    let mut batches = Vec::new();
    let mut end = 0;
    for batch in batches_of(bytes) {
        let Ok(batch) = batch else { break };
        let header = batch.header();
        end = batch.position() + batch.bytes().len();
        batches.push(json!({
            "baseOffset": header.base_offset.0,
            "lastOffsetDelta": header.last_offset_delta,
            "partitionLeaderEpoch": header.partition_leader_epoch.0,
            "attributes": header.attributes.0,
            "baseTimestamp": header.base_timestamp,
            "maxTimestamp": header.max_timestamp,
            "producerId": header.producer_id.0,
            "producerEpoch": header.producer_epoch.0,
            "baseSequence": header.base_sequence,
            "count": header.record_count,
            "crcIsRight": batch.verify().is_ok(),
            "body": STANDARD.encode(batch.body()),
        }));
    }
    if end < bytes.len() {
        batches.push(json!({"cutAfter": bytes.len() - end}));
    }
    Value::Array(batches)
}
