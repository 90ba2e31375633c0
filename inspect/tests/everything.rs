//! Whatever Kafka and its clients wrote is decoded, and whatever anybody wrote is got over.

mod support;

use std::thread;

use ottla_inspect::report::{Look, Report, TextReport};
use proptest::prelude::*;
use support::{core, decode, dump, lines};

#[test]
fn every_vector_is_told_to_its_last_byte() {
    for file in ["api", "coordinator", "data", "header", "metadata"] {
        for vector in lines(&core(&format!("vectors/{file}.jsonl.gz"))) {
            let text = |name: &str| vector[name].as_str().expect("text").to_owned();
            let (name, hex) = (text("name"), text("hex"));
            let version = vector["version"].to_string();
            if hex.is_empty() {
                continue;
            }
            for form in [&["--json"][..], &[]] {
                let words = [&["--message", &name, "--version", &version, "--hex", &hex], form].concat();
                let told = decode(&words, 100);
                // The record sets of the vectors are random bytes: that there is no batch in them is to be told.
                let is_expected = |line: &str| line.contains("batch[0]");
                if form.is_empty() {
                    let damages = told.text.lines().filter(|line| line.starts_with("  damage"));
                    let unexpected: Vec<_> = damages.filter(|line| !is_expected(line)).collect();
                    assert!(unexpected.is_empty(), "{name} v{version}: {unexpected:?}");
                } else {
                    assert!(told.text.contains("\"body\":"), "{name} v{version}");
                }
            }
        }
    }
}

#[test]
fn every_captured_frame_is_told_with_its_answer() {
    let mut captures: Vec<_> = std::fs::read_dir(core("captures"))
        .expect("the captures")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "gz"))
        .collect();
    captures.sort();
    assert_eq!(captures.len(), 12);
    // They are long, and nothing else is while they are told.
    thread::scope(|scope| {
        for capture in &captures {
            scope.spawn(|| {
                let told = decode(&[capture.to_str().expect("UTF-8")], 120);
                let damage: Vec<_> = told.text.lines().filter(|line| line.starts_with("  damage")).collect();
                assert!(damage.is_empty(), "{}: {damage:?}", capture.display());
                let frames = told.text.lines().filter(|line| line.starts_with("frame ")).count();
                assert_eq!(frames, lines(capture).len(), "{}", capture.display());
            });
        }
    });
}

/// What is told of these bytes as a file of this name, by both commands.
fn tell_file(name: &str, bytes: &[u8]) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).expect("a file");
    let path = path.to_str().expect("UTF-8");
    dump(&[path, "--records"], 80);
    dump(&[path, "--json", "--decoder", "metadata"], 80);
    dump(&[path, "--decoder", "consumer-offsets", "--records"], 80);
}

const NAMES: [&str; 14] = [
    "00000000000000000000.log",
    "00000000000000000000.index",
    "00000000000000000000.timeindex",
    "00000000000000000000.txnindex",
    "00000000000000000000.snapshot",
    "00000000000000000000-0000000000.checkpoint",
    "leader-epoch-checkpoint",
    "recovery-point-offset-checkpoint",
    "partition.metadata",
    "meta.properties",
    "quorum-state",
    ".kafka_cleanshutdown",
    "copy.log.deleted",
    "anything",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_some_frame_or_none(bytes in prop::collection::vec(any::<u8>(), 0..600), prefix in 0..3usize) {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let prefix = ["auto", "yes", "no"][prefix];
        decode(&["--hex", "--size-prefix", prefix, &hex], 80);
        decode(&["--hex", "--json", "--response", "--api", "Fetch", "--version", "16", &hex], 80);
    }

    #[test]
    fn arbitrary_bytes_are_some_capture_or_none(
        bytes in prop::collection::vec(any::<u8>(), 0..2_000),
        magic in prop::sample::select(vec![[0xd4, 0xc3, 0xb2, 0xa1], [0xa1, 0xb2, 0x3c, 0x4d], [0x0a, 0x0d, 0x0d, 0x0a]]),
    ) {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("capture");
        std::fs::write(&path, [&magic[..], &bytes].concat()).expect("a file");
        let mut out = Vec::new();
        let mut report = Report::new(TextReport::new(&mut out, Look { width: None, color: true, full: false }));
        // It may well say that this is no capture.
        let _ = support::try_decode(&["--file", path.to_str().expect("UTF-8")], &mut report);
    }

    #[test]
    fn arbitrary_bytes_are_some_file_or_none(
        name in prop::sample::select(NAMES.to_vec()),
        bytes in prop::collection::vec(any::<u8>(), 0..1_000),
    ) {
        tell_file(name, &bytes);
    }

    #[test]
    fn files_with_flipped_bytes_are_told_all_the_same(
        file in prop::sample::select(vec!["cluster-metadata.log", "bootstrap.checkpoint", "metadata-snapshot.checkpoint"]),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
    ) {
        let mut bytes = std::fs::read(core("tests/data").join(file)).expect("a file");
        bytes.truncate(6_000);
        for (at, byte) in flips {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        tell_file("00000000000000000000.log", &bytes);
    }
}
