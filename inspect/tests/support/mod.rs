//! What the tests read, and how they run a command into a string.

#![allow(dead_code)]

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Parser;
use flate2::read::GzDecoder;
use ottla_inspect::decode::{self, DecodeArguments};
use ottla_inspect::dump::{self, DumpArguments};
use ottla_inspect::report::JsonReport;
use ottla_inspect::report::{Look, Report, TextReport};
use serde_json::Value;

#[derive(Parser)]
struct DecodeLine {
    #[command(flatten)]
    arguments: DecodeArguments,
}

#[derive(Parser)]
struct DumpLine {
    #[command(flatten)]
    arguments: DumpArguments,
}

/// What a command printed, and how many damages it told.
pub struct Told {
    pub text: String,
    pub damages: u64,
}

/// `ottla decode` with these words, on a terminal so wide.
pub fn decode(words: &[&str], width: usize) -> Told {
    let arguments = DecodeLine::try_parse_from(["decode"].iter().chain(words)).expect("good words").arguments;
    tell(words, width, |report| decode::tell(&arguments, report).expect("the inputs can be read"))
}

/// `ottla dump` with these words, on a terminal so wide.
pub fn dump(words: &[&str], width: usize) -> Told {
    let arguments = DumpLine::try_parse_from(["dump"].iter().chain(words)).expect("good words").arguments;
    tell(words, width, |report| {
        let unread = dump::tell(&arguments, report).expect("memory takes all");
        assert!(unread.is_none(), "{unread:?}");
    })
}

fn tell(words: &[&str], width: usize, command: impl FnOnce(&mut Report<'_>)) -> Told {
    let mut out = Vec::new();
    let mut report = if words.contains(&"--json") {
        Report::new(JsonReport::new(&mut out))
    } else {
        let full = words.contains(&"--full");
        Report::new(TextReport::new(&mut out, Look { width: (!full).then_some(width), color: false, full }))
    };
    command(&mut report);
    report.flush().expect("memory takes all");
    let damages = report.damages();
    drop(report);
    Told { text: String::from_utf8(out).expect("UTF-8"), damages }
}

/// A directory of the core's tests.
pub fn core(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../core").join(path)
}

/// An unpacked log directory of Apache Kafka.
pub struct KafkaDirectory {
    dir: tempfile::TempDir,
}

impl KafkaDirectory {
    /// `clean` or `crashed`.
    pub fn unpack(name: &str) -> Self {
        let path = core(&format!("tests/data/apache-kafka-4.3.1/{name}.tar.gz"));
        let file = std::fs::File::open(path).expect("the archive");
        let dir = tempfile::tempdir().expect("a directory");
        tar::Archive::new(GzDecoder::new(file)).unpack(dir.path()).expect("a good archive");
        Self { dir }
    }

    /// A path in the log directory.
    pub fn path(&self, path: &str) -> String {
        self.dir.path().join("data").join(path).to_str().expect("UTF-8").to_owned()
    }

    /// What was told, without where the directory is on this machine.
    pub fn portable(&self, told: &Told) -> String {
        told.text.replace(self.dir.path().to_str().expect("UTF-8"), "")
    }
}

/// The lines of a compressed file of JSON.
pub fn lines(path: &Path) -> Vec<Value> {
    let file = std::fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut text = String::new();
    GzDecoder::new(file).read_to_string(&mut text).expect("gzip");
    text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

/// The first vector of a message in a version.
pub fn vector(name: &str, version: i64) -> String {
    for file in ["api", "coordinator", "data", "header", "metadata"] {
        let found = lines(&core(&format!("vectors/{file}.jsonl.gz")))
            .into_iter()
            .find(|vector| vector["name"] == name && vector["version"] == version);
        if let Some(vector) = found {
            return vector["hex"].as_str().expect("bytes").to_owned();
        }
    }
    panic!("no vector of {name} v{version}");
}

/// The frame number `index` (from 0) of a client's capture, and the words that say what it is.
pub fn captured(client: &str, index: usize) -> String {
    lines(&core(&format!("captures/{client}.jsonl.gz")))[index]["hex"].as_str().expect("bytes").to_owned()
}

/// `ottla decode` into a report, where it may be that the input is no good.
pub fn try_decode(words: &[&str], report: &mut Report<'_>) -> Result<(), ottla_inspect::InspectError> {
    let arguments = DecodeLine::try_parse_from(["decode"].iter().chain(words)).expect("good words").arguments;
    decode::tell(&arguments, report)
}
