//! A core with simple manners, to see what an adapter does: it obeys words instead of Kafka requests.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use bytes::Bytes;
use ottla_core::boundary::{
    Chunk, CloseReason, ConnId, FileId, FileRange, Frame, HaltReason, Input, OpId, OpenMode, Outcome, Output, Path,
    StorageCommand, StorageResult,
};
use ottla_core::time::{Monotonic, Now};
use ottla_runtime::Core;

pub const MAX_FRAME_BYTES: usize = 4 * 1024 * 1024;
const FILE: FileId = FileId(0);

/// Each frame is a word and, after a colon, its argument; see [`Echo::obey`].
#[derive(Default)]
pub struct Echo {
    outputs: Vec<Output>,
    next_op: u64,
    file_size_bytes: u64,
    waiting: BTreeMap<OpId, (ConnId, Frame)>,
    sent_bytes: BTreeMap<ConnId, u64>,
    closed: usize,
    gate: Option<(Monotonic, ConnId)>,
    frames_while_gated: usize,
}

impl Core for Echo {
    fn handle(&mut self, now: Now, input: Input) {
        match input {
            Input::Opened { conn, .. } => {
                assert!(self.sent_bytes.insert(conn, 0).is_none(), "connections are numbered afresh");
                if self.next_op == 0 {
                    let path = Path::new(0, "file");
                    self.store(StorageCommand::Open { file: FILE, path, mode: OpenMode::CreateEmpty });
                }
            }
            Input::Frame { conn, body } => {
                if self.gate.is_some_and(|(_, gated)| gated == conn) {
                    self.frames_while_gated += 1;
                }
                let text = String::from_utf8_lossy(&body).into_owned();
                let (word, argument) = text.split_once(':').unwrap_or((&text, ""));
                self.obey(now, conn, word, argument);
            }
            Input::Sent { conn, size_bytes } => *self.sent_bytes.get_mut(&conn).unwrap() += size_bytes,
            Input::Closed { conn } => {
                self.sent_bytes.remove(&conn).expect("a connection is closed once");
                self.closed += 1;
            }
            Input::Stored { op, result } => {
                assert!(matches!(result, StorageResult::Done(_)), "{result:?}");
                if let Some((conn, frame)) = self.waiting.remove(&op) {
                    let data = match result {
                        StorageResult::Done(Outcome::Data(data)) => Some(data),
                        _ => None,
                    };
                    match data {
                        Some(data) => self.answer(conn, &data),
                        None => self.outputs.push(Output::Send { conn, frame }),
                    }
                }
            }
            Input::Tick => {
                let (deadline, conn) = self.gate.take().expect("ticks come at deadlines");
                assert!(deadline <= now.monotonic, "ticks do not come early");
                let text = format!("{} frames while gated", self.frames_while_gated);
                self.answer(conn, text.as_bytes());
                self.outputs.push(Output::Gate { conn, open: true });
            }
            Input::Worked { .. } => unreachable!("it hands out no work"),
            Input::Shutdown => {
                for conn in self.sent_bytes.keys().copied().collect::<Vec<_>>() {
                    self.answer(conn, b"the last word");
                }
                self.outputs.push(Output::Halt { reason: HaltReason::Clean });
            }
        }
    }

    fn poll_output(&mut self) -> Option<Output> {
        if self.outputs.is_empty() { None } else { Some(self.outputs.remove(0)) }
    }

    fn deadline(&self) -> Option<Monotonic> {
        self.gate.map(|(deadline, _)| deadline)
    }

    fn max_frame_bytes(&self) -> usize {
        MAX_FRAME_BYTES
    }

    fn measures_time(&self) -> bool {
        false
    }

    fn spent(&mut self, _conn: ConnId, _time: Duration) {}
}

impl Echo {
    fn obey(&mut self, now: Now, conn: ConnId, word: &str, argument: &str) {
        match word {
            "say" => self.answer(conn, argument.as_bytes()),
            // Gives the argument to the connection opened before.
            "tell" => self.answer(ConnId(conn.0 - 1), argument.as_bytes()),
            // Many bytes, more than a socket takes at once.
            "flood" => self.answer(conn, &vec![b'x'; argument.parse().unwrap()]),
            // Appends, and answers from the file.
            "write" => {
                let data = vec![Bytes::copy_from_slice(argument.as_bytes())];
                let op = self.store(StorageCommand::Append { file: FILE, at: self.file_size_bytes, data });
                let range = FileRange { file: FILE, at: self.file_size_bytes, size_bytes: argument.len() as u32 };
                self.file_size_bytes += argument.len() as u64;
                let size = [&(argument.len() as u32 + 2).to_be_bytes()[..], b"<"].concat();
                let chunks =
                    vec![Chunk::Bytes(size.into()), Chunk::File(range), Chunk::Bytes(Bytes::from_static(b">"))];
                self.waiting.insert(op, (conn, Frame { chunks }));
            }
            // Appends and syncs many times without waiting for the disk, and reads it all back.
            "order" => {
                let at = self.file_size_bytes;
                for number in 0..100_u8 {
                    let data = vec![Bytes::copy_from_slice(&[b'0' + number % 10])];
                    self.store(StorageCommand::Append { file: FILE, at: at + u64::from(number), data });
                    if number % 10 == 9 {
                        self.store(StorageCommand::Sync { file: FILE });
                    }
                }
                self.file_size_bytes += 100;
                let op = self.store(StorageCommand::Read { file: FILE, at, size_bytes: 1_000 });
                self.waiting.insert(op, (conn, Frame::default()));
            }
            "sent" => self.answer(conn, self.sent_bytes[&conn].to_string().as_bytes()),
            "closed" => self.answer(conn, self.closed.to_string().as_bytes()),
            "gate" => {
                self.outputs.push(Output::Gate { conn, open: false });
                self.gate = Some((now.monotonic.plus_ms(argument.parse().unwrap()), conn));
            }
            "close" => {
                self.answer(conn, b"bye");
                self.outputs.push(Output::Close { conn, reason: CloseReason::Idle });
            }
            "unusable" => {
                self.answer(conn, b"alas");
                self.outputs.push(Output::Halt { reason: HaltReason::Unusable(argument.into()) });
            }
            "bug" => panic!("a bug, as a test asked for"),
            other => panic!("no such word: {other}"),
        }
    }

    fn answer(&mut self, conn: ConnId, body: &[u8]) {
        let bytes = [&(body.len() as u32).to_be_bytes(), body].concat();
        self.outputs.push(Output::Send { conn, frame: Frame { chunks: vec![Chunk::Bytes(bytes.into())] } });
    }

    fn store(&mut self, command: StorageCommand) -> OpId {
        let op = OpId(self.next_op);
        self.next_op += 1;
        self.outputs.push(Output::Store { op, command });
        op
    }
}

/// A client of it.
pub struct Client(pub TcpStream);

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }

    pub fn send(&mut self, word: &str) {
        self.0.write_all(&[&(word.len() as u32).to_be_bytes(), word.as_bytes()].concat()).unwrap();
    }

    pub fn receive(&mut self) -> String {
        let mut size = [0; 4];
        self.0.read_exact(&mut size).unwrap();
        let mut body = vec![0; u32::from_be_bytes(size) as usize];
        self.0.read_exact(&mut body).unwrap();
        String::from_utf8(body).unwrap()
    }

    pub fn ask(&mut self, word: &str) -> String {
        self.send(word);
        self.receive()
    }

    /// Whether the other side has closed after all that it sent.
    pub fn is_closed(&mut self) -> bool {
        self.0.read(&mut [0]).unwrap() == 0
    }
}
