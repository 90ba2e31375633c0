//! What `ottla decode` prints for frames of real clients and vectors of Kafka.

mod support;

use support::{captured, decode, vector};

fn snapshot(name: &str, words: &[&str]) {
    let told = decode(words, 110);
    insta::assert_snapshot!(name, told.text);
}

/// The frame of `client`'s capture that is the `nth` of its API.
fn frame(client: &str, direction: &str, prefix: &str, nth: usize) -> String {
    let path = support::core(&format!("captures/{client}.jsonl.gz"));
    let mut frames = support::lines(&path)
        .into_iter()
        .filter(|line| line["dir"] == direction && line["hex"].as_str().is_some_and(|hex| hex.starts_with(prefix)));
    frames.nth(nth).expect("such a frame")["hex"].as_str().expect("bytes").to_owned()
}

#[test]
fn a_request_is_told_field_by_field() {
    let produce = frame("librdkafka", "request", "0000", 0);
    snapshot("produce_request", &[&produce]);
    snapshot("produce_request_json", &["--json", &produce]);
    let compressed = frame("java", "request", "0000", 3);
    snapshot("produce_request_of_java", &[&compressed]);
}

#[test]
fn an_answer_needs_to_be_told_what_it_answers() {
    let versions = captured("librdkafka", 1);
    snapshot("api_versions_response", &["--response", "--api", "ApiVersions", "--version", "3", &versions]);
    snapshot("api_versions_response_json", &["--json", "--response", "--api", "18", "--version", "3", &versions]);
}

#[test]
fn records_are_told_down_to_their_headers() {
    let capture = support::core("captures/librdkafka.jsonl.gz");
    let whole = decode(&[capture.to_str().expect("UTF-8")], 110).text;
    let with_records = |frame: &&str| frame.contains("response · Fetch v16") && frame.contains("record[0].key");
    let plain = whole.split("\n\n").find(with_records).expect("an answer with records");
    insta::assert_snapshot!("fetch_response", plain);
    let is_compressed = |frame: &&str| with_records(frame) && frame.contains(" (0..");
    let compressed = whole.split("\n\n").find(is_compressed).expect("an answer with a compressed batch");
    let head: Vec<_> = compressed.lines().take(60).collect();
    insta::assert_snapshot!("fetch_response_compressed", head.join("\n"));
}

#[test]
fn messages_alone_are_told_too() {
    snapshot(
        "metadata_response",
        &["--message", "MetadataResponse", "--version", "12", &vector("MetadataResponse", 12)],
    );
    let subscription = vector("ConsumerProtocolSubscription", 3);
    snapshot("subscription", &["--message", "ConsumerProtocolSubscription", "--version", "3", &subscription]);
}

#[test]
fn a_damaged_frame_is_told_up_to_the_damage() {
    let request = captured("librdkafka", 0);
    snapshot("cut_request", &[&request[..request.len() - 20]]);
    snapshot("cut_request_json", &["--json", &request[..request.len() - 20]]);
    snapshot("unknown_version", &["0001007f00000001ffff"]);
    snapshot("unknown_api", &["03e8000100000001ffff"]);
    let stream = format!("{:08x}{request}{:08x}{}", request.len() / 2, request.len() / 2, &request[..40]);
    let told = decode(&[&stream], 110);
    assert_eq!(told.text.lines().filter(|line| line.starts_with("frame ")).count(), 2);
    assert!(told.text.contains(&format!("{} bytes of the frame are missing: the input ends", request.len() / 2 - 20)));
    assert_eq!(told.damages, 1);
}

#[test]
fn on_a_narrow_terminal_no_line_is_broken() {
    let produce = frame("librdkafka", "request", "0000", 0);
    for width in [80, 100, 140] {
        let told = decode(&[&produce], width);
        let fields = told.text.lines().filter(|line| line.starts_with("  "));
        let longest = fields.map(console::measure_text_width).max();
        assert!(longest <= Some(width), "{width}: {longest:?}");
    }
}

#[test]
fn requests_and_answers_of_one_stream_are_told_apart() {
    let (request, answer) = (captured("librdkafka", 0), captured("librdkafka", 1));
    let prefixed = |frame: &str| format!("{:08x}{frame}", frame.len() / 2);
    let told = decode(&[&(prefixed(&request) + &prefixed(&answer))], 110);
    assert!(told.text.contains("frame 2 · response · ApiVersions v3"), "{}", told.text);
    assert_eq!(told.damages, 0);
}
