//! Watches the boundary and holds the broker to its contract: answers go to open connections, one a request and in
//! order; files that an unsent answer refers to stay open and whole; nothing follows a halt.
//!
//! What it holds storage commands to is in `storage`.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use ottla_core::boundary::{Chunk, ConnId, FileId, FileRange, Frame, Input, Output, StorageCommand};
use ottla_core::wire::messages::header::RequestHeader;
use ottla_core::wire::messages::produce::ProduceRequest;
use ottla_core::wire::messages::request_header_version;
use ottla_core::wire::{ApiKey, Message, Reader};

use crate::storage::Storage;
use crate::violation::Violation;

/// What is known of the traffic so far.
#[derive(Debug, Default)]
pub struct Contract {
    connections: BTreeMap<ConnId, Traffic>,
    has_halted: bool,
}

#[derive(Debug, Default)]
struct Traffic {
    /// Correlation ids of requests that are still to be answered.
    awaited: VecDeque<i32>,
    /// Bytes handed out, and bytes reported as sent.
    handed_out: u64,
    sent: u64,
    /// File ranges on their way, and the count of bytes at which each has left.
    pinned: VecDeque<(u64, FileRange)>,
    is_closing: bool,
}

impl Contract {
    /// Something is about to go in.
    pub fn input(&mut self, input: &Input) {
        match input {
            Input::Opened { conn, .. } => {
                self.connections.insert(*conn, Traffic::default());
            }
            Input::Frame { conn, body } => {
                let traffic = self.connections.get_mut(conn).expect("frames come from open connections");
                traffic.awaited.extend(awaited_answer(body));
            }
            Input::Sent { conn, size_bytes } => {
                let traffic = self.connections.get_mut(conn).expect("bytes leave by open connections");
                traffic.sent += size_bytes;
                while traffic.pinned.front().is_some_and(|(end, _)| *end <= traffic.sent) {
                    traffic.pinned.pop_front();
                }
            }
            Input::Closed { conn } => {
                self.connections.remove(conn);
            }
            _ => {}
        }
    }

    /// Something came out.
    ///
    /// # Errors
    /// It should not have.
    pub fn output(&mut self, output: &Output, storage: &Storage) -> Result<(), Violation> {
        if self.has_halted {
            return breach(format!("{output:?} after a halt"));
        }
        match output {
            Output::Send { conn, frame } => self.send(*conn, frame, storage),
            Output::Gate { conn, .. } => self.open(*conn, "a gate").map(|_| ()),
            Output::Close { conn, .. } => {
                self.open(*conn, "a close")?.is_closing = true;
                Ok(())
            }
            Output::Store { command, .. } => self.store(command),
            Output::Halt { .. } => {
                self.has_halted = true;
                Ok(())
            }
            Output::Work { .. } | Output::Report(_) => Ok(()),
        }
    }

    /// Requests of a connection that have not been answered.
    #[must_use]
    pub fn awaited(&self, conn: ConnId) -> usize {
        self.connections.get(&conn).map_or(0, |traffic| traffic.awaited.len())
    }

    fn open(&mut self, conn: ConnId, what: &str) -> Result<&mut Traffic, Violation> {
        match self.connections.get_mut(&conn) {
            Some(traffic) if !traffic.is_closing => Ok(traffic),
            Some(_) => breach(format!("{what} for {conn:?}, which the broker closed")),
            None => breach(format!("{what} for {conn:?}, which is not open")),
        }
    }

    fn send(&mut self, conn: ConnId, frame: &Frame, storage: &Storage) -> Result<(), Violation> {
        let traffic = self.open(conn, "an answer")?;
        let (size_bytes, correlation_id) = prefix_of(frame)?;
        if size_bytes + 4 != frame.size_bytes() {
            return breach(format!("a frame of {} bytes says {size_bytes}", frame.size_bytes()));
        }
        match traffic.awaited.pop_front() {
            Some(awaited) if awaited == correlation_id => {}
            other => return breach(format!("{conn:?} got answer {correlation_id} where {other:?} was to come")),
        }
        for chunk in &frame.chunks {
            traffic.handed_out += chunk.size_bytes();
            if let Chunk::File(range) = chunk {
                if storage.bytes(*range).is_none() {
                    return breach(format!("an answer with {range:?}, which is not there"));
                }
                traffic.pinned.push_back((traffic.handed_out, *range));
            }
        }
        Ok(())
    }

    fn store(&self, command: &StorageCommand) -> Result<(), Violation> {
        let kept_bytes = match command {
            StorageCommand::Close { .. } => 0,
            StorageCommand::Truncate { size_bytes, .. } => *size_bytes,
            _ => return Ok(()),
        };
        let (StorageCommand::Close { file } | StorageCommand::Truncate { file, .. }) = command else { return Ok(()) };
        match self.pinned(*file).find(|range| range.at + u64::from(range.size_bytes) > kept_bytes) {
            Some(range) => breach(format!("{command:?}, but {range:?} has not left yet")),
            None => Ok(()),
        }
    }

    fn pinned(&self, file: FileId) -> impl Iterator<Item = &FileRange> {
        let ranges = self.connections.values().flat_map(|traffic| &traffic.pinned);
        ranges.map(|(_, range)| range).filter(move |range| range.file == file)
    }
}

fn breach<T>(text: String) -> Result<T, Violation> {
    Err(Violation::Contract(text))
}

/// The correlation id of the answer to a request, if it gets one.
fn awaited_answer(body: &Bytes) -> Option<i32> {
    let api_key = i16::from_be_bytes(body.get(..2)?.try_into().ok()?);
    let version = i16::from_be_bytes(body.get(2..4)?.try_into().ok()?);
    let correlation_id = i32::from_be_bytes(body.get(4..8)?.try_into().ok()?);
    if api_key != ApiKey::Produce.number() {
        return Some(correlation_id);
    }
    let mut reader = Reader::new(body);
    let header = RequestHeader::read(&mut reader, request_header_version(api_key, version));
    let request = header.and_then(|_| ProduceRequest::read(&mut reader, version));
    let is_silent = request.is_ok_and(|request| request.acks == 0);
    (!is_silent).then_some(correlation_id)
}

/// What a frame says of its size, and which request it answers.
fn prefix_of(frame: &Frame) -> Result<(u64, i32), Violation> {
    let bytes = match frame.chunks.first() {
        Some(Chunk::Bytes(bytes)) if bytes.len() >= 8 => bytes,
        other => return breach(format!("a frame that begins with {other:?}")),
    };
    let number = |at: usize| i32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    match u64::try_from(number(0)) {
        Ok(size_bytes) => Ok((size_bytes, number(4))),
        Err(_) => breach(format!("a frame of {} bytes", number(0))),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use ottla_core::boundary::{CloseReason, HaltReason, OpId, OpenMode, Path};

    use super::*;
    use crate::agenda::Time;
    use crate::chance::{Chance, Stream};
    use crate::disk::Disk;
    use crate::plan::Plan;
    use crate::stats::Stats;

    const CONN: ConnId = ConnId(1);
    const FILE: FileId = FileId(0);

    fn storage() -> Storage {
        let plan = Plan::of(1).disk.calm();
        let mut storage = Storage::new(Disk::new(1), plan, Chance::new(1, Stream::Disk));
        let open = StorageCommand::Open { file: FILE, path: Path::new(0, "a"), mode: OpenMode::OpenOrCreate };
        let append = StorageCommand::Append { file: FILE, at: 0, data: vec![Bytes::from_static(b"0123456789")] };
        for (op, command) in [open, append].into_iter().enumerate() {
            let op = OpId(op as u64);
            storage.submit(Time(0), op, command).unwrap();
            storage.take_effect(op, &mut Stats::default()).unwrap();
            storage.finish(op);
        }
        storage
    }

    fn request(correlation_id: i32) -> Input {
        let mut body = vec![0, 3, 0, 0];
        body.extend_from_slice(&correlation_id.to_be_bytes());
        Input::Frame { conn: CONN, body: body.into() }
    }

    fn answer(correlation_id: i32, file_bytes: u32) -> Output {
        let mut bytes = (4 + file_bytes).to_be_bytes().to_vec();
        bytes.extend_from_slice(&correlation_id.to_be_bytes());
        let mut chunks = vec![Chunk::Bytes(bytes.into())];
        if file_bytes > 0 {
            chunks.push(Chunk::File(FileRange { file: FILE, at: 0, size_bytes: file_bytes }));
        }
        Output::Send { conn: CONN, frame: Frame { chunks } }
    }

    fn open() -> Input {
        Input::Opened { conn: CONN, peer: SocketAddr::from((Ipv4Addr::LOCALHOST, 9)), listener: 0 }
    }

    fn contract(inputs: &[Input]) -> Contract {
        let mut contract = Contract::default();
        contract.input(&open());
        inputs.iter().for_each(|input| contract.input(input));
        contract
    }

    fn close_file() -> Output {
        Output::Store { op: OpId(9), command: StorageCommand::Close { file: FILE } }
    }

    #[test]
    fn answers_come_in_the_order_of_the_requests() {
        let storage = storage();
        let mut good = contract(&[request(5), request(6)]);
        assert_eq!(good.output(&answer(5, 0), &storage), Ok(()));
        assert_eq!(good.awaited(CONN), 1);
        assert_eq!(good.output(&answer(6, 0), &storage), Ok(()));
        assert!(good.output(&answer(6, 0), &storage).is_err(), "answered twice");
        assert!(contract(&[request(5), request(6)]).output(&answer(6, 0), &storage).is_err(), "out of order");
    }

    #[test]
    fn nothing_is_sent_to_connections_that_are_gone() {
        let storage = storage();
        let closed = Input::Closed { conn: CONN };
        assert!(contract(&[request(5), closed]).output(&answer(5, 0), &storage).is_err());
        let mut contract = contract(&[request(5)]);
        let close = Output::Close { conn: CONN, reason: CloseReason::Idle };
        assert_eq!(contract.output(&close, &storage), Ok(()));
        assert!(contract.output(&answer(5, 0), &storage).is_err());
    }

    #[test]
    fn a_file_stays_open_until_what_refers_to_it_has_left() {
        let storage = storage();
        let mut contract = contract(&[request(5)]);
        assert_eq!(contract.output(&answer(5, 10), &storage), Ok(()));
        assert!(contract.output(&close_file(), &storage).is_err());
        contract.input(&Input::Sent { conn: CONN, size_bytes: 17 });
        assert!(contract.output(&close_file(), &storage).is_err(), "one byte is left");
        contract.input(&Input::Sent { conn: CONN, size_bytes: 1 });
        assert_eq!(contract.output(&close_file(), &storage), Ok(()));
    }

    #[test]
    fn an_answer_refers_only_to_bytes_that_exist() {
        assert!(contract(&[request(5)]).output(&answer(5, 11), &storage()).is_err());
    }

    #[test]
    fn nothing_comes_after_a_halt() {
        let mut contract = contract(&[]);
        let halt = Output::Halt { reason: HaltReason::Clean };
        assert_eq!(contract.output(&halt, &storage()), Ok(()));
        assert!(contract.output(&close_file(), &storage()).is_err());
    }
}
