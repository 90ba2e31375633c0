//! A broker in a process of its own, and a client that speaks the wire protocol to it.

#![allow(dead_code)]

pub mod load;
pub mod recording;
pub mod served;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ottla_core::wire::messages::header::RequestHeader;
use ottla_core::wire::{Message, Reader};
use tempfile::TempDir;

/// A wait longer than this is a failure.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// How a broker is started, beside its directory.
#[derive(Clone, Copy, Default)]
pub struct Launch<'a> {
    /// The one that was built in first where nothing is said.
    pub runtime: Option<&'a str>,
    /// Properties `key=value`.
    pub overrides: &'a [&'a str],
    /// The log directory; `data` below the test's directory where nothing is said.
    pub data: Option<&'a Path>,
    /// A command that is followed by the broker's, and becomes it.
    pub wrapper: &'a [&'a str],
}

impl Launch<'_> {
    fn command(&self) -> Command {
        let binary = env!("CARGO_BIN_EXE_ottla");
        let Some((program, arguments)) = self.wrapper.split_first() else { return Command::new(binary) };
        let mut command = Command::new(program);
        command.args(arguments).arg(binary);
        command
    }
}

/// The built binary on a free port; killed when dropped.
pub struct TestBroker {
    child: Child,
    address: SocketAddr,
    directory: TempDir,
    log: PathBuf,
}

impl TestBroker {
    /// On an empty directory.
    pub fn start() -> Self {
        Self::start_on(tempfile::tempdir().expect("a directory for the test"), &[])
    }

    /// On a directory that was made ready, with properties `key=value`.
    pub fn start_on(directory: TempDir, overrides: &[&str]) -> Self {
        Self::launch(directory, &Launch { overrides, ..Launch::default() })
    }

    /// On a directory that was made ready, and in a certain way.
    pub fn launch(directory: TempDir, launch: &Launch<'_>) -> Self {
        let mut broker = Self::spawn(directory, launch);
        broker.wait_until_up();
        broker
    }

    /// As [`TestBroker::launch`], but returns at once.
    pub fn spawn(directory: TempDir, launch: &Launch<'_>) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let log = directory.path().join("ottla-test-output.txt");
        let output = std::fs::File::create(&log).expect("a file for the output");
        let mut command = launch.command();
        command.arg("--log-dir").arg(launch.data.map_or_else(|| directory.path().join("data"), Path::to_path_buf));
        command.args(["--override", &format!("listeners=PLAINTEXT://{address}")]);
        if let Some(runtime) = launch.runtime {
            command.args(["--runtime", runtime]);
        }
        for property in launch.overrides {
            command.args(["--override", property]);
        }
        command.stdin(Stdio::null()).stdout(output.try_clone().expect("a handle")).stderr(output);
        let child = command.spawn().expect("the binary starts");
        Self { child, address, directory, log }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The log directory.
    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// A new connection.
    pub fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it printed so far.
    pub fn output(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Resident memory in bytes.
    pub fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("the process lives");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("Linux says so");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") * 1024
    }

    /// SIGTERM, as a supervisor sends it; how it ended and after how long.
    pub fn terminate(mut self) -> (ExitStatus, Duration, TempDir) {
        let from = Instant::now();
        let killed = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status().expect("kill is there");
        assert!(killed.success());
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                break status;
            }
            assert!(from.elapsed() < PATIENCE, "SIGTERM did not end it; it said:\n{}", self.output());
            std::thread::yield_now();
        };
        let directory = std::mem::replace(&mut self.directory, tempfile::tempdir().expect("a directory"));
        (status, from.elapsed(), directory)
    }

    /// SIGKILL, as a crash; the directory survives.
    pub fn kill(mut self) -> TempDir {
        self.child.kill().expect("it is our child");
        self.child.wait().expect("it is our child");
        std::mem::replace(&mut self.directory, tempfile::tempdir().expect("a directory"))
    }

    fn wait_until_up(&mut self) {
        let from = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                panic!("the broker ended with {status}; it said:\n{}", self.output());
            }
            assert!(from.elapsed() < PATIENCE, "the broker is not up; it said:\n{}", self.output());
            std::thread::yield_now();
        }
    }
}

impl Drop for TestBroker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One connection.
pub struct Client {
    stream: TcpStream,
    next_correlation_id: i32,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the broker listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_nodelay(true).expect("an option");
        Self { stream, next_correlation_id: 1 }
    }

    /// A request and its answer.
    pub fn call<Q: Message, A: Message>(&mut self, version: i16, request: &Q) -> A {
        let correlation_id = self.send(version, request);
        let frame = self.receive();
        parse(frame, correlation_id, version)
    }

    /// Sends a request; returns its correlation id.
    pub fn send<Q: Message>(&mut self, version: i16, request: &Q) -> i32 {
        let correlation_id = self.next_correlation_id;
        self.next_correlation_id += 1;
        self.send_raw(&frame(version, correlation_id, request));
        correlation_id
    }

    /// Any bytes.
    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the broker reads");
    }

    /// The next frame, without its size prefix.
    pub fn receive(&mut self) -> Bytes {
        let mut prefix = [0; 4];
        self.stream.read_exact(&mut prefix).expect("an answer comes");
        let mut frame = vec![0; u32::from_be_bytes(prefix) as usize];
        self.stream.read_exact(&mut frame).expect("a whole answer comes");
        frame.into()
    }

    /// Whether the broker closes the connection without another byte.
    pub fn is_closed_by_the_broker(&mut self) -> bool {
        let mut byte = [0];
        match self.stream.read(&mut byte) {
            Ok(0) => true,
            Ok(_) => false,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}

/// A request with size prefix and header.
pub fn frame<Q: Message>(version: i16, correlation_id: i32, request: &Q) -> Vec<u8> {
    let header_version = if version >= Q::FLEXIBLE_FROM { 2 } else { 1 };
    let header = RequestHeader {
        request_api_key: Q::KEY,
        request_api_version: version,
        correlation_id,
        client_id: Some("ottla-test".into()),
        ..Default::default()
    };
    let mut content = header.to_bytes(header_version).to_vec();
    content.extend_from_slice(&request.to_bytes(version));
    let mut bytes = (content.len() as u32).to_be_bytes().to_vec();
    bytes.append(&mut content);
    bytes
}

/// An answer without its header.
pub fn parse<A: Message>(frame: Bytes, correlation_id: i32, version: i16) -> A {
    let mut reader = Reader::new(&frame);
    assert_eq!(i32::from_be_bytes(reader.array().expect("a correlation id")), correlation_id);
    const API_VERSIONS: i16 = 18;
    if version >= A::FLEXIBLE_FROM && A::KEY != API_VERSIONS {
        assert_eq!(reader.array().expect("a tag section"), [0]);
    }
    let answer = A::read(&mut reader, version).expect("a good answer");
    reader.finish().expect("nothing behind the answer");
    answer
}

/// A record batch as simple producers and the course's fixtures make them.
pub struct TestBatch {
    pub base_offset: i64,
    pub producer: (i64, i16, i32),
    /// -1 in the fixtures of the course, which no record format allows.
    pub header_count: i64,
    pub values: Vec<Vec<u8>>,
}

impl TestBatch {
    /// A batch of values as an idle producer would send it.
    pub fn of(values: &[&str]) -> Self {
        let values = values.iter().map(|value| value.as_bytes().to_vec()).collect();
        Self { base_offset: 0, producer: (-1, -1, -1), header_count: 0, values }
    }

    pub fn encode(&self) -> Bytes {
        const TIMESTAMP_MS: i64 = 1_726_045_943_832;
        let mut body = Vec::new();
        body.extend_from_slice(&0i16.to_be_bytes());
        body.extend_from_slice(&(self.values.len() as i32 - 1).to_be_bytes());
        body.extend_from_slice(&TIMESTAMP_MS.to_be_bytes());
        body.extend_from_slice(&TIMESTAMP_MS.to_be_bytes());
        body.extend_from_slice(&self.producer.0.to_be_bytes());
        body.extend_from_slice(&self.producer.1.to_be_bytes());
        body.extend_from_slice(&self.producer.2.to_be_bytes());
        body.extend_from_slice(&(self.values.len() as i32).to_be_bytes());
        for (index, value) in self.values.iter().enumerate() {
            let mut record = vec![0];
            varint(&mut record, 0);
            varint(&mut record, index as i64);
            varint(&mut record, -1);
            varint(&mut record, value.len() as i64);
            record.extend_from_slice(value);
            varint(&mut record, self.header_count);
            varint(&mut body, record.len() as i64);
            body.extend_from_slice(&record);
        }
        let mut batch = self.base_offset.to_be_bytes().to_vec();
        batch.extend_from_slice(&(body.len() as i32 + 9).to_be_bytes());
        batch.extend_from_slice(&0i32.to_be_bytes());
        batch.push(2);
        batch.extend_from_slice(&crc32c::crc32c(&body).to_be_bytes());
        batch.extend_from_slice(&body);
        batch.into()
    }
}

fn varint(out: &mut Vec<u8>, value: i64) {
    let mut zigzag = ((value << 1) ^ (value >> 63)) as u64;
    while zigzag >= 0x80 {
        out.push(zigzag as u8 | 0x80);
        zigzag >>= 7;
    }
    out.push(zigzag as u8);
}

/// Writes a file below `directory`, making the directories above it.
pub fn write(directory: &Path, name: &str, content: &[u8]) {
    let path = directory.join(name);
    std::fs::create_dir_all(path.parent().expect("below a directory")).expect("a directory");
    std::fs::write(path, content).expect("a file");
}
