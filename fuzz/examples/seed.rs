//! Writes the first corpus: `cargo run --example seed` in `fuzz/`. It is made of Apache Kafka's own bytes, the vectors, and of
//! what real clients have sent, the captures.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use flate2::read::GzDecoder;
use ottla_core::records::{Compression, batches_of};
use ottla_core::wire::messages::header::RequestHeader;
use ottla_core::wire::{AnnotatedValue, ApiKey, MessageType};
use ottla_fuzz::{decoders_input, records_input, requests_input};
use serde_json::Value;

/// Larger frames slow a fuzzer down more than they teach it.
const FRAME_MAX_BYTES: usize = 4096;

fn main() {
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core");
    let vectors = lines_of(&core.join("vectors"));
    write("decoders", "vector", vectors.iter().filter_map(|vector| seed(vector, decoders_input)));
    write("requests", "vector", vectors.iter().filter_map(|vector| seed(vector, requests_input)));
    let requests = captured_requests(&lines_of(&core.join("captures")));
    write(
        "records",
        "capture",
        requests.iter().flat_map(|request| records(request)).collect::<BTreeSet<_>>().into_iter(),
    );
    write("requests", "capture", requests.into_iter());
}

/// A vector of a message that we have, as input.
fn seed(vector: &Value, input: fn(&str, i16, &[u8]) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
    let version = i16::try_from(vector["version"].as_i64()?).ok()?;
    input(vector["name"].as_str()?, version, &unhex(vector["hex"].as_str()?))
}

/// One request of each API, version and size.
fn captured_requests(frames: &[Value]) -> Vec<Vec<u8>> {
    let mut requests = BTreeMap::new();
    for frame in frames.iter().filter(|frame| frame["dir"] == "request") {
        let bytes = unhex(frame["hex"].as_str().expect("bytes"));
        if bytes.len() <= FRAME_MAX_BYTES {
            requests.entry((bytes[..4].to_vec(), bytes.len())).or_insert(bytes);
        }
    }
    requests.into_values().collect()
}

/// The record sets of a Produce request, and what their batches hold in a compressed form.
fn records(request: &[u8]) -> Vec<Vec<u8>> {
    let number = |at: usize| i16::from_be_bytes([request[at], request[at + 1]]);
    let (api, version) = (ApiKey::from_number(number(0)), number(2));
    if api != Some(ApiKey::Produce) {
        return Vec::new();
    }
    let frame = Bytes::copy_from_slice(request);
    let header_version = ApiKey::Produce.request_header_version(version);
    let header = MessageType::of::<RequestHeader>().annotate_at(frame.clone(), 0, header_version);
    let body = MessageType::request(ApiKey::Produce).annotate_at(frame.clone(), header.end, version);
    let sets = body.fields.iter().filter_map(|field| match &field.value {
        AnnotatedValue::Records(range) => Some(&request[range.clone()]),
        _ => None,
    });
    sets.flat_map(|set| {
        let batches = batches_of(set).map_while(Result::ok);
        let compressed = batches.filter_map(|batch| match batch.header().attributes.compression() {
            Ok(Compression::None) | Err(_) => None,
            Ok(codec) => Some(records_input(codec, batch.body())),
        });
        compressed.chain([records_input(Compression::None, set)]).collect::<Vec<_>>()
    })
    .collect()
}

fn write(target: &str, name: &str, inputs: impl Iterator<Item = Vec<u8>>) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&corpus).expect("the corpus directory");
    let mut count = 0;
    for input in inputs {
        fs::write(corpus.join(format!("{name}-{count:05}")), input).expect("a seed");
        count += 1;
    }
    println!("{target}: {count} seeds of {name}s");
}

/// Every line of the compressed files in `dir`.
fn lines_of(dir: &Path) -> Vec<Value> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(dir).expect("the files").map(|file| file.expect("a file").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "gz"));
    files.sort();
    files.iter().flat_map(|path| lines(path)).collect()
}

fn lines(path: &Path) -> Vec<Value> {
    let mut text = String::new();
    GzDecoder::new(fs::File::open(path).expect("a file")).read_to_string(&mut text).expect("gzip");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |digit: u8| (digit as char).to_digit(16).expect("hex") as u8;
    text.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}
