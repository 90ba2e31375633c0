//! Kafka's answers, kept: one line of JSON for each script, compressed. What differs by nature is aside in them, so that they
//! are the same each time they are recorded. A script that was changed since makes the recording stale, which the comparison
//! says instead of comparing.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::play::asked;
use crate::rules::aside;
use crate::run::Played;
use crate::script::Script;

/// What Kafka answered to a script.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Of the script that was played.
    pub fingerprint: u64,
    /// What it answered, with what differs by nature aside.
    pub outcomes: Vec<Value>,
}

/// Where it is kept.
#[must_use]
pub fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("kafka-4.3.1.jsonl.gz")
}

/// Keeps what Kafka answered to these scripts, beside what is kept of the `others`.
///
/// # Errors
/// Where the file cannot be read or written.
pub fn write<'a>(scripts: impl Iterator<Item = (&'a Script, &'a Played)>, others: &[Script]) -> std::io::Result<()> {
    let mut kept = if path().exists() { read()? } else { BTreeMap::new() };
    kept.retain(|name, _| others.iter().any(|script| script.name == *name));
    for (script, played) in scripts {
        let outcomes = aside(&played.kafka, &asked(script), &played.namespace);
        kept.insert(script.name.clone(), Recorded { fingerprint: script.fingerprint(), outcomes });
    }
    let mut encoder = GzEncoder::new(std::fs::File::create(path())?, Compression::best());
    for (name, recorded) in kept {
        let fingerprint = format!("{:016x}", recorded.fingerprint);
        writeln!(encoder, "{}", json!({"script": name, "fingerprint": fingerprint, "outcomes": recorded.outcomes}))?;
    }
    encoder.finish()?;
    Ok(())
}

/// What was kept, by the script's name.
///
/// # Errors
/// Where it cannot be read.
pub fn read() -> std::io::Result<BTreeMap<String, Recorded>> {
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(path())?).read_to_string(&mut text)?;
    let broken = |why: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, format!("the recording: {why}"));
    let mut all = BTreeMap::new();
    for line in text.lines() {
        let mut line: Value = serde_json::from_str(line).map_err(|error| broken(&error.to_string()))?;
        let outcomes = line["outcomes"].as_array_mut().map(std::mem::take).ok_or_else(|| broken("no outcomes"))?;
        let text = |name: &str| line[name].as_str().ok_or_else(|| broken(name));
        let fingerprint = u64::from_str_radix(text("fingerprint")?, 16).map_err(|_| broken("fingerprint"))?;
        all.insert(text("script")?.to_owned(), Recorded { fingerprint, outcomes });
    }
    Ok(all)
}
