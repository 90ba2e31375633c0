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
    for flag in ["SERVER.PROPERTIES", "--override", "--log-dir", "--port", "--runtime", "RUST_LOG", "decode", "dump"] {
        assert!(words.contains(flag), "{flag}");
    }
}

#[test]
fn decode_and_dump_start_no_broker_and_say_by_their_status_whether_all_is_well() {
    // ApiVersions v4 of "kcat", then the same without its last byte.
    let good = ottla(&["decode", "001200040000000700046b63617400056b63617404312e3000"]);
    assert_eq!((good.status.code(), &good.stderr[..]), (Some(0), &b""[..]));
    let words = String::from_utf8(good.stdout).expect("UTF-8");
    assert!(words.contains("client_software_name") && words.contains("\"kcat\""), "{words}");
    assert!(!words.contains('\u{1b}'), "no colours in a pipe");

    let cut = ottla(&["decode", "001200040000000700046b63617400056b63617404312e30"]);
    assert_eq!(cut.status.code(), Some(1));
    assert!(String::from_utf8(cut.stdout).expect("UTF-8").contains("damage at byte 24"));

    let nothing = ottla(&["dump", "/no/such/directory"]);
    assert_eq!(nothing.status.code(), Some(2));
    assert!(String::from_utf8(nothing.stderr).expect("UTF-8").contains("/no/such/directory"));
}

#[test]
fn a_flag_of_the_broker_is_refused_before_a_command() {
    assert_eq!(ottla(&["--port", "19092", "decode", "00"]).status.code(), Some(2));
    assert_eq!(ottla(&["server.properties", "dump", "."]).status.code(), Some(2));
}

#[test]
fn what_is_not_a_command_is_a_properties_file_as_ever() {
    let words = refusal(&["help", "--override", "num.partitions=none"]);
    assert!(words.contains("help does not exist: all properties have their defaults"), "{words}");
}
