//! Reads vectors and captures.

#![allow(dead_code)]

pub mod bombs;

use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use bytes::Bytes;
use flate2::read::GzDecoder;
use ottla_core::wire::MessageType;
use ottla_core::wire::messages::REGISTRY;
use serde_json::Value;

/// One message as Apache Kafka writes it.
#[derive(Debug)]
pub struct Vector {
    pub name: String,
    /// Whether our registry has it.
    pub message: Option<&'static MessageType>,
    pub version: i16,
    pub flexible: bool,
    pub key: Option<i16>,
    pub bytes: Bytes,
    /// The fields, as Kafka shows them.
    pub json: Value,
}

/// A vector of a message that we know.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    pub message: &'static MessageType,
    pub vector: &'a Vector,
}

impl fmt::Display for Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} v{} {}", self.name, self.version, hex(&self.bytes))
    }
}

/// The directory whose vectors are tried instead of the committed ones, where the environment names one. A relative path
/// begins at the project's root.
pub fn other_vectors() -> Option<PathBuf> {
    let directory = std::env::var_os("OTTLA_VECTORS")?;
    Some(Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the project's root").join(directory))
}

/// All vectors.
pub fn vectors() -> &'static [Vector] {
    static VECTORS: OnceLock<Vec<Vector>> = OnceLock::new();
    VECTORS.get_or_init(|| {
        let directory = other_vectors().unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors"));
        let vectors: Vec<_> = files(&directory).iter().flat_map(|file| lines(file)).map(|line| vector(&line)).collect();
        assert!(!vectors.is_empty(), "no vectors in {}", directory.display());
        vectors
    })
}

/// Those of messages that we know.
pub fn known_vectors() -> impl Iterator<Item = Known<'static>> {
    vectors().iter().filter_map(|vector| Some(Known { message: vector.message?, vector }))
}

/// One frame between a real client and Apache Kafka.
#[derive(Debug)]
pub struct Captured {
    pub conn: u64,
    pub is_request: bool,
    /// Without the size prefix.
    pub frame: Bytes,
}

/// The traffic of each client, by the client's name.
pub fn captures() -> Vec<(String, Vec<Captured>)> {
    let files = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("captures"));
    let client = |path: &Path| path.file_name().expect("a name").to_string_lossy().replace(".jsonl.gz", "");
    files.iter().map(|path| (client(path), lines(path).iter().map(read_captured).collect())).collect()
}

fn read_captured(line: &Value) -> Captured {
    Captured {
        conn: line["conn"].as_u64().expect("a connection"),
        is_request: line["dir"] == "request",
        frame: unhex(line["hex"].as_str().expect("bytes")),
    }
}

/// The `*.jsonl.gz` of a directory, by name.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> = paths.filter(|path| path.to_string_lossy().ends_with(".jsonl.gz")).collect();
    files.sort();
    files
}

fn lines(path: &Path) -> Vec<Value> {
    let file = std::fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut text = String::new();
    GzDecoder::new(file).read_to_string(&mut text).expect("gzip");
    text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

fn vector(line: &Value) -> Vector {
    let name = line["name"].as_str().expect("a name").to_owned();
    Vector {
        message: REGISTRY.iter().find(|message| message.name == name),
        version: i16::try_from(line["version"].as_i64().expect("a version")).expect("versions are small"),
        flexible: line["flexible"].as_bool().expect("flexible or not"),
        key: line["apiKey"].as_i64().map(|key| i16::try_from(key).expect("keys are small")),
        bytes: unhex(line["hex"].as_str().expect("bytes")),
        json: line["json"].clone(),
        name,
    }
}

fn unhex(text: &str) -> Bytes {
    let digit = |digit: u8| (digit as char).to_digit(16).expect("hex") as u8;
    text.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

/// Bytes for people.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
