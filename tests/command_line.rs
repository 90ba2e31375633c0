//! What the binary says to people: warnings, refusals, and the one line on start.

mod support;

use std::process::{Command, Output};

use ottla_core::wire::messages::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use support::TestBroker;

fn ottla(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ottla")).args(arguments).output().expect("the binary starts")
}

/// What a start with these arguments is refused with.
fn refusal(arguments: &[&str]) -> String {
    let output = ottla(arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    String::from_utf8(output.stderr).expect("UTF-8")
}

#[test]
fn one_line_says_where_the_broker_is() {
    let broker = TestBroker::start();
    let _: ApiVersionsResponse = broker.connect().call(0, &ApiVersionsRequest::default());
    let output = broker.output();
    let lines: Vec<_> = output.lines().filter(|line| line.contains(" listens on ")).collect();
    assert_eq!(lines.len(), 1, "{output}");
    let data = broker.data().display().to_string();
    for part in ["INFO", "PLAINTEXT://127.0.0.1:", data.as_str(), "0 topics", " ms"] {
        assert!(lines[0].contains(part), "{part} in {}", lines[0]);
    }
    assert!(!output.contains('\u{1b}'), "no colours in a file");
}

#[test]
fn unknown_properties_are_named_in_one_warning() {
    let directory = tempfile::tempdir().expect("a directory");
    let broker = TestBroker::start_on(directory, &["num.partition=2", "zookeeper.connect=z"]);
    let output = broker.output();
    assert_eq!(output.matches("WARN").count(), 1, "{output}");
    assert!(output.contains("unknown properties, ignored: num.partition, zookeeper.connect"), "{output}");
}

#[test]
fn a_bad_value_stops_the_start_with_what_is_allowed() {
    let words = refusal(&["--override", "log.segment.bytes=12"]);
    assert!(words.contains("log.segment.bytes=12: expected a whole number of at least 1048576"), "{words}");
}

#[test]
fn a_second_broker_on_a_directory_stops_and_says_why() {
    let broker = TestBroker::start();
    let data = broker.data().display().to_string();
    let words = refusal(&["--port", "0", "--log-dir", &data]);
    assert!(words.contains("is in use by"), "{words}");
    broker.connect();
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let listener = format!("PLAINTEXT://{}", taken.local_addr().expect("it is bound"));
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().display().to_string();
    let words = refusal(&["--log-dir", &data, "--override", &format!("listeners={listener}")]);
    assert!(words.contains(&format!("can't listen on {listener}")), "{words}");
}

#[test]
fn a_file_that_is_no_properties_file_is_refused_with_its_line() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("server.properties");
    std::fs::write(&path, "node.id=1\nbroker.rack=\\uXYZ\n").expect("a file");
    let words = refusal(&[path.to_str().expect("UTF-8")]);
    assert!(words.contains("server.properties: line 2: "), "{words}");
}

#[test]
fn help_names_every_flag() {
    let output = ottla(&["--help"]);
    let words = String::from_utf8(output.stdout).expect("UTF-8");
    for flag in ["SERVER.PROPERTIES", "--override", "--log-dir", "--port", "--runtime", "RUST_LOG"] {
        assert!(words.contains(flag), "{flag}");
    }
}
