//! Writes the first corpus: `cargo run --example seed` in `fuzz/`. For `decoders` it holds Apache Kafka's own bytes.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use flate2::read::GzDecoder;
use ottla_fuzz::decoders_input;
use serde_json::Value;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus = root.join("corpus/decoders");
    fs::create_dir_all(&corpus).expect("the corpus directory");
    let mut count = 0;
    for file in ["api", "coordinator", "data", "header", "metadata"] {
        let path = root.join(format!("../core/vectors/{file}.jsonl.gz"));
        let mut text = String::new();
        GzDecoder::new(fs::File::open(path).expect("vectors")).read_to_string(&mut text).expect("gzip");
        for line in text.lines() {
            let vector: Value = serde_json::from_str(line).expect("JSON");
            let Some(input) = seed(&vector) else { continue };
            fs::write(corpus.join(format!("vector-{count:05}")), input).expect("a seed");
            count += 1;
        }
    }
    println!("{count} seeds in {}", corpus.display());
}

/// A vector of a message that we have, as input.
fn seed(vector: &Value) -> Option<Vec<u8>> {
    let version = i16::try_from(vector["version"].as_i64()?).ok()?;
    decoders_input(vector["name"].as_str()?, version, &unhex(vector["hex"].as_str()?))
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |digit: u8| (digit as char).to_digit(16).expect("hex") as u8;
    text.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}
