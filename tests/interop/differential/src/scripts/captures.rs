//! What real clients said to Apache Kafka, said again to both brokers: the recorded traffic in `core/captures`.
//!
//! The requests of a client go out one after another, each kind a few times. Names get the script's namespace; an id that
//! Kafka gave is the one that each broker gives now.

use std::collections::{BTreeMap, VecDeque};
use std::io::Read as _;
use std::path::Path;

use bytes::Bytes;
use flate2::read::GzDecoder;
use ottla_wire::messages::header::RequestHeader;
use ottla_wire::{ApiKey, Message, MessageType, Reader};
use serde_json::{Value, json};

use super::probes::CONCURRENT;
use crate::answer;
use crate::script::{Request, Script};

/// Requests of an API in a version that a script takes over from a client.
const OF_A_KIND: usize = 12;

/// Requests for one script: longer traffic becomes several, so that they can be played side by side.
const IN_A_SCRIPT: usize = 150;

/// Fields whose values a broker gives out, and clients say again.
const GIVEN: &[&str] =
    &["topicId", "memberId", "producerId", "producerEpoch", "sessionId", "generationId", "memberEpoch"];

/// Under another name it is the same.
const SYNONYMS: &[(&str, &str)] = &[
    ("v3AndBelowProducerId", "producerId"),
    ("v3AndBelowProducerEpoch", "producerEpoch"),
    ("generationIdOrMemberEpoch", "generationId"),
];

/// Fields that are names of a client's own, and texts with such names in them.
const NAMES: &[&str] = &[
    "topic",
    "topicName",
    "groupId",
    "transactionalId",
    "v3AndBelowTransactionalId",
    "key",
    "coordinatorKeys",
    "groups",
    "topicNames",
    "groupsNames",
    "groupIds",
    "transactionalIds",
    "subscribedTopicNames",
    "instanceId",
    "groupInstanceId",
    "resourceName",
];

/// Of these APIs nothing is said again: what they change is everybody's, or what they are answered is a matter of what other
/// members did meanwhile.
const LEFT_OUT: &[ApiKey] = &[
    ApiKey::UpdateFeatures,
    ApiKey::UnregisterBroker,
    ApiKey::AlterUserScramCredentials,
    ApiKey::AlterClientQuotas,
    ApiKey::Produce,
    ApiKey::JoinGroup,
    ApiKey::SyncGroup,
    ApiKey::Heartbeat,
    ApiKey::LeaveGroup,
    ApiKey::ConsumerGroupHeartbeat,
];

/// Every script of this room.
#[must_use]
pub fn all() -> Vec<Script> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../core/captures");
    let mut files: Vec<_> = std::fs::read_dir(&directory)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().ends_with(".jsonl.gz"))
        .collect();
    files.sort();
    files.iter().flat_map(|path| replay(path)).collect()
}

/// Whether it is refused while the markers of the transaction before it are being written.
fn waits_for_markers(api: ApiKey) -> bool {
    use ApiKey::{AddOffsetsToTxn, AddPartitionsToTxn, EndTxn, InitProducerId};
    matches!(api, InitProducerId | AddPartitionsToTxn | AddOffsetsToTxn | EndTxn)
}

/// A request that was seen, and where its answer's ids are.
struct Seen {
    api: ApiKey,
    version: i16,
    body: Value,
    bind: Vec<(String, String)>,
}

fn replay(path: &Path) -> Vec<Script> {
    let client = path.file_name().unwrap_or_default().to_string_lossy().replace(".jsonl.gz", "");
    let mut scripts = Vec::new();
    let mut counts = BTreeMap::<(ApiKey, i16), usize>::new();
    let chosen = seen(path).into_iter().filter(|seen| {
        let count = counts.entry((seen.api, seen.version)).or_default();
        *count += 1;
        *count <= OF_A_KIND && !LEFT_OUT.contains(&seen.api) && !super::NOT_YET.contains(&seen.api)
    });
    let chosen: Vec<_> = chosen.collect();
    for (index, part) in chosen.chunks(IN_A_SCRIPT).enumerate() {
        let mut script = Script::new(format!("captures/{client}/{index}"));
        for seen in part {
            let mut request = Request::new(seen.api, seen.version, seen.body.clone());
            request.bind = seen.bind.clone();
            if waits_for_markers(seen.api) {
                request.again_while.extend_from_slice(CONCURRENT);
            }
            script.send(request);
        }
        scripts.push(script);
    }
    scripts
}

/// All requests of a file that can be read, in order.
fn seen(path: &Path) -> Vec<Seen> {
    let mut text = String::new();
    let read = std::fs::File::open(path).and_then(|file| GzDecoder::new(file).read_to_string(&mut text));
    if read.is_err() {
        return Vec::new();
    }
    let mut all: Vec<Seen> = Vec::new();
    let mut waiting = BTreeMap::<u64, VecDeque<usize>>::new();
    let mut given = BTreeMap::<(String, String), String>::new();
    for line in text.lines() {
        let Ok(line) = serde_json::from_str::<Value>(line) else { continue };
        let (Some(conn), Some(frame)) = (line["conn"].as_u64(), line["hex"].as_str().and_then(unhex)) else { continue };
        let queue = waiting.entry(conn).or_default();
        if line["dir"] == "request" {
            if let Some((api, version, mut body)) = request(&frame) {
                say_again(&mut body, "", &given);
                queue.push_back(all.len());
                all.push(Seen { api, version, body, bind: Vec::new() });
            } else {
                // Its answer belongs to nothing that is said again.
                queue.push_back(usize::MAX);
            }
        } else if let Some(index) = queue.pop_front()
            && let Some(asked) = all.get_mut(index)
            && let Ok(answer) = answer::decode(&frame, asked.api, asked.version)
            && !is_of_everything(asked)
        {
            note(&answer, "", String::new(), index, &mut asked.bind, &mut given);
        }
    }
    all
}

/// Whether the answer has topics that are not the client's, at places that are a matter of chance.
fn is_of_everything(asked: &Seen) -> bool {
    asked.api == ApiKey::Metadata && asked.body["topics"].as_array().is_none_or(Vec::is_empty)
}

fn request(frame: &Bytes) -> Option<(ApiKey, i16, Value)> {
    let number = |at: usize| Some(i16::from_be_bytes([*frame.get(at)?, *frame.get(at + 1)?]));
    let (api, version) = (ApiKey::from_number(number(0)?)?, number(2)?);
    let mut reader = Reader::new(frame);
    RequestHeader::read(&mut reader, api.request_header_version(version)).ok()?;
    let message = MessageType::request(api);
    let at = reader.at();
    // What some clients leave behind a request.
    let end = message.annotate_at(frame.clone(), at, version).end;
    let json = message.json(frame.slice(at..end), version).ok()?;
    serde_json::from_str(&json.to_string()).ok().map(|body| (api, version, body))
}

/// Gives a request the script's names, and variables for ids that were given out.
fn say_again(value: &mut Value, field: &str, given: &BTreeMap<(String, String), String>) {
    match value {
        Value::Object(fields) => fields.iter_mut().for_each(|(name, value)| say_again(value, name, given)),
        Value::Array(elements) => elements.iter_mut().for_each(|element| say_again(element, field, given)),
        leaf => {
            let kind = SYNONYMS.iter().find(|(synonym, _)| *synonym == field).map_or(field, |(_, kind)| kind);
            if let Some(name) = given.get(&(kind.to_owned(), leaf.to_string())) {
                *leaf = json!({"$": name});
            } else if field == "maxWaitMs" || field == "rebalanceTimeoutMs" {
                *leaf = json!(100);
            } else if let Some(text) = leaf.as_str()
                && (NAMES.contains(&field) || field == "name")
                && is_a_clients_name(text)
            {
                *leaf = json!(format!("{{ns}}-{text}"));
            }
        }
    }
}

/// Not one that Kafka knows, as a config's or an internal topic's.
fn is_a_clients_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with("__")
        && !text.contains('.')
        && text.parse::<i64>().is_err()
        && !matches!(
            text,
            "range" | "roundrobin" | "cooperative-sticky" | "uniform" | "sticky" | "stream" | "RoundRobinAssigner"
        )
}

/// Notes the ids of an answer as variables.
fn note(
    value: &Value,
    field: &str,
    pointer: String,
    index: usize,
    bind: &mut Vec<(String, String)>,
    given: &mut BTreeMap<(String, String), String>,
) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                note(value, name, format!("{pointer}/{name}"), index, bind, given);
            }
        }
        Value::Array(elements) => {
            for (place, value) in elements.iter().enumerate() {
                note(value, field, format!("{pointer}/{place}"), index, bind, given);
            }
        }
        leaf if GIVEN.contains(&field) && is_an_id(leaf) => {
            let key = (field.to_owned(), leaf.to_string());
            let name = given.entry(key).or_insert_with(|| format!("{index}{pointer}")).clone();
            bind.push((name, pointer));
        }
        _ => {}
    }
}

fn is_an_id(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.is_empty() && text != "AAAAAAAAAAAAAAAAAAAAAA",
        other => other.as_i64().is_some_and(|number| number > 0),
    }
}

fn unhex(text: &str) -> Option<Bytes> {
    let digit = |digit: u8| (digit as char).to_digit(16).map(|digit| digit as u8);
    text.as_bytes()
        .chunks(2)
        .map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?))
        .collect::<Option<Vec<u8>>>()
        .map(Bytes::from)
}
