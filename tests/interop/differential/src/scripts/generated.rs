//! For every API in every version: a good request, and the same with one thing wrong, for each field and each thing that
//! can be wrong with a field of its type.

use ottla_wire::{ApiKey, MessageType};
use serde_json::{Value, json};

use super::probes::{self, Probe};
use super::{probes_of_cluster, probes_of_groups};
use crate::request::{self, Variables};
use crate::script::{Request, Script};

/// The scripts of all probes.
#[must_use]
pub fn all() -> Vec<Script> {
    let all = [probes::all(), probes_of_groups::all(), probes_of_cluster::all()];
    all.iter().flatten().flat_map(scripts).collect()
}

/// One script for each version.
fn scripts(probe: &Probe) -> Vec<Script> {
    let versions = MessageType::request(probe.api).stable_versions.clone();
    let first = versions.start().max(&probe.from).to_owned();
    (first..=*versions.end()).map(|version| script(probe, version)).collect()
}

fn script(probe: &Probe, version: i16) -> Script {
    let name = if probe.name.is_empty() { String::new() } else { format!("-{}", probe.name) };
    let mut script = Script::new(format!("api/{}{name}/v{version}", probe.api));
    (probe.prepare)(&mut script);
    let good = (probe.good)(version);
    let request = |body: Value| {
        let mut request = Request::new(probe.api, version, body);
        request.again_while.extend_from_slice(probe.again_while);
        request
    };
    script.send(request(good.clone()));
    let mut seen = vec![encoded(probe, version, &good)];
    for body in faulty(&good, probe, version) {
        let bytes = encoded(probe, version, &body);
        if bytes.is_some() && !seen.contains(&bytes) {
            seen.push(bytes);
            script.send(request(body));
        }
    }
    script.send(request(good));
    script
}

/// The bytes, with variables as they are for the eye of the compiler only.
fn encoded(probe: &Probe, version: i16, body: &Value) -> Option<Vec<u8>> {
    request::encode(probe.api, version, &without_variables(body)).ok().map(|bytes| bytes.to_vec())
}

fn without_variables(body: &Value) -> Value {
    match body {
        Value::Array(elements) => {
            elements.iter().filter(|element| !is_variable(element)).map(without_variables).collect()
        }
        Value::Object(fields) if fields.contains_key("$records") => request::fill(body, "", 0, &Variables::new()),
        Value::Object(fields) => {
            let plain = fields.iter().filter(|(_, value)| !is_variable(value));
            Value::Object(plain.map(|(name, value)| (name.clone(), without_variables(value))).collect())
        }
        other => other.clone(),
    }
}

fn is_variable(value: &Value) -> bool {
    value.get("$").is_some()
}

/// The body with one thing wrong at a time.
fn faulty(good: &Value, probe: &Probe, version: i16) -> Vec<Value> {
    let mut places = Vec::new();
    walk(good, String::new(), &mut places);
    let mut all = Vec::new();
    for (pointer, value) in places {
        let field = pointer.rsplit('/').find(|part| part.parse::<usize>().is_err()).unwrap_or_default();
        let is_one_of_few = |wrong: &Value| wrong.as_i64().is_none_or(|number| number <= FEW);
        let is_everybodys =
            |wrong: &Value| wrong == "" && EMPTY_GROUP.iter().any(|(api, name)| *api == probe.api && *name == field);
        let is_tried = |wrong: &Value| (!probe.few.contains(&field) || is_one_of_few(wrong)) && !is_everybodys(wrong);
        for wrong in wrongs(field, value).into_iter().filter(is_tried) {
            let mut body = good.clone();
            if let Some(place) = body.pointer_mut(&pointer) {
                *place = wrong;
            }
            if encoded(probe, version, &body).is_some() {
                all.push(body);
            }
        }
    }
    all
}

/// Every place in a body, by JSON pointer.
fn walk<'a>(value: &'a Value, pointer: String, places: &mut Vec<(String, &'a Value)>) {
    match value {
        Value::Object(fields) if !is_variable(value) && !fields.contains_key("$records") => {
            for (name, value) in fields {
                walk(value, format!("{pointer}/{name}"), places);
            }
        }
        Value::Array(elements) => {
            places.push((pointer.clone(), value));
            for (index, element) in elements.iter().enumerate() {
                walk(element, format!("{pointer}/{index}"), places);
            }
        }
        leaf => places.push((pointer, leaf)),
    }
}

/// How long a broker may be made to wait, and how many partitions it may be made to create, is not for a machine to try out.
const WITHIN_REASON: &[&str] = &["maxWaitMs", "timeoutMs", "rebalanceTimeoutMs", "sessionTimeoutMs", "count"];

/// The largest wrong number where few are tried.
const FEW: i64 = 7;

/// How long something has gone on by now is a matter of moments.
const MOMENTS: &[&str] = &["durationFilter"];

/// Where an empty name is that of a group which all scripts have in common: `groups/names` asks for it by hand, and leaves
/// nothing behind.
const EMPTY_GROUP: &[(ApiKey, &str)] = &[
    (ApiKey::OffsetCommit, "groupId"),
    (ApiKey::OffsetFetch, "groupId"),
    (ApiKey::DescribeGroups, "groups"),
    (ApiKey::DeleteGroups, "groupsNames"),
];

/// What can be wrong in a place. What does not fit its type is sorted out later, by encoding it.
fn wrongs(field: &str, value: &Value) -> Vec<Value> {
    // Apache Kafka never answers a produce whose records are null; once, by hand, is enough.
    let mut wrongs = if value.get("$records").is_some() { Vec::new() } else { vec![Value::Null] };
    if let Value::Array(elements) = value {
        wrongs.push(json!([]));
        if let Some(first) = elements.first() {
            wrongs.push([elements.as_slice(), std::slice::from_ref(first)].concat().into());
            wrongs.push(elements.iter().rev().cloned().collect());
        }
        return wrongs;
    }
    if let Value::Bool(yes) = value {
        wrongs.push(json!(!yes));
        return wrongs;
    }
    if field == "sessionTimeoutMs" {
        wrongs.extend([json!(1), json!(499), json!(i32::MAX), json!(i32::MIN)]);
    }
    if value.is_number() || is_variable(value) {
        wrongs.extend([json!(-1), json!(0), json!(-2)]);
        if !WITHIN_REASON.contains(&field) {
            wrongs.extend([json!(i32::MAX), json!(i64::MAX), json!(i32::MIN)]);
        }
        if !WITHIN_REASON.contains(&field) && !MOMENTS.contains(&field) {
            wrongs.extend([json!(1), json!(7), json!(i8::MAX), json!(i16::MAX)]);
        }
    }
    if value.is_string() || is_variable(value) {
        // What may be a good name is in the script's own namespace: another script says the same.
        wrongs.extend(["", "{ns}-nobody", "{ns} a/ü"].map(|text| json!(text)));
        wrongs.push(json!(format!("{{ns}}{}", "x".repeat(240))));
        if field.to_lowercase().contains("topic") {
            wrongs.extend(["..", "AAAAAAAAAAAAAAAAAAAAAA", "BBBBBBBBBBBBBBBBBBBBBQ"].map(|text| json!(text)));
        }
    }
    if value.get("$records").is_some() {
        wrongs.extend([json!(""), json!("AAAA")]);
        wrongs.extend([
            json!({"$records": {"values": ["a", "b"], "damage": 65}}),
            json!({"$records": {"values": ["a"], "damage": 16}}),
            json!({"$records": {"values": ["a"], "cut": 60}}),
            json!({"$records": {"values": [null]}}),
            json!({"$records": {"values": ["a"], "control": true}}),
            json!({"$records": {"values": ["a"], "transactional": true}}),
            json!({"$records": {"values": ["a"], "timestamp": -1}}),
            json!({"$records": {"values": ["a"], "timestamp": i64::MAX}}),
            json!({"$records": {"values": ["a", "b"], "baseOffset": 7}}),
            json!({"$records": {"values": ["a", "b"], "codec": "gzip"}}),
            json!({"$records": {"values": ["a", "b"], "codec": "zstd"}}),
            json!({"$records": {"values": ["a", "b"], "producerId": 4_000_000, "epoch": 0, "sequence": 0}}),
            json!({"$records": {"values": ["a", "b"], "producerId": 4_000_001, "epoch": -1, "sequence": 0}}),
            json!({"$records": {"values": ["a", "b"], "producerId": 4_000_002, "epoch": 0, "sequence": 5}}),
        ]);
    }
    wrongs
}
