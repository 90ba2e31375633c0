//! A broker on a simulated disk, one storage command at a time and none of them failing, with one client.

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use ottla_core::Broker;
use ottla_core::boundary::{
    Chunk, ConnId, FileId, Frame, HaltReason, Input, OpId, Outcome, Output, StorageCommand, StorageError, StorageResult,
};
use ottla_core::config::Config;
use ottla_core::planted::Bugs;
use ottla_core::time::{Monotonic, Now, WallClock};
use ottla_core::wire::ApiKey;

use crate::clients::wire::{decode_answer, encode_request};
use crate::clients::{Answer, Request};
use crate::disk::{Disk, NodeId, file_of, offset};
use crate::violation::Violation;

/// What does the storage commands: the disk, the open files, and the commands that wait.
#[derive(Clone, Debug)]
pub struct Hands {
    pub disk: Disk,
    files: BTreeMap<FileId, NodeId>,
    pub queue: VecDeque<(OpId, StorageCommand)>,
}

/// A broker and its client.
pub struct Bench {
    broker: Broker,
    pub hands: Hands,
    pub now: Now,
    pub halt: Option<HaltReason>,
    /// What it said to people.
    pub reports: Vec<String>,
    answers: VecDeque<Bytes>,
    asked: VecDeque<(ApiKey, i16, i32)>,
    next_number: i32,
}

const CLIENT: ConnId = ConnId(1);
/// A request that is not answered within this time never will be.
const PATIENCE_MS: i64 = 60_000;
/// A storage command takes so long.
const COMMAND_TAKES_US: u64 = 20;

impl Hands {
    pub fn new(disk: Disk) -> Self {
        Self { disk, files: BTreeMap::new(), queue: VecDeque::new() }
    }

    /// Whether a command changes the disk.
    pub fn changes(command: &StorageCommand) -> bool {
        use ottla_core::boundary::OpenMode;
        match command {
            StorageCommand::List { .. }
            | StorageCommand::Read { .. }
            | StorageCommand::Close { .. }
            | StorageCommand::MeasureSpace { .. } => false,
            StorageCommand::Open { mode, .. } => *mode != OpenMode::Existing,
            _ => true,
        }
    }

    pub fn execute(&mut self, command: &StorageCommand) -> StorageResult {
        self.try_execute(command).map_or_else(StorageResult::NotDone, StorageResult::Done)
    }

    fn try_execute(&mut self, command: &StorageCommand) -> Result<Outcome, StorageError> {
        let file = file_of(command);
        let open = file.and_then(|file| self.files.get(&file).copied());
        let (outcome, opened) = self.disk.execute(command, open)?;
        match (command, file, opened) {
            (StorageCommand::Close { file }, ..) => drop(self.files.remove(file)),
            (_, Some(file), Some(node)) => drop(self.files.insert(file, node)),
            _ => {}
        }
        Ok(outcome)
    }

    /// Half of what an append writes.
    pub fn append_half(&mut self, command: &StorageCommand) {
        let StorageCommand::Append { file, at, data } = command else { return };
        let Some(node) = self.files.get(file).copied() else { return };
        let bytes = data.concat();
        self.disk.file_mut(node).write(offset(*at), &bytes[..bytes.len() / 2]);
    }
}

/// No two starts at different times draw the same ids.
fn seed_at(wall: WallClock) -> [u8; 32] {
    let mut seed = [7; 32];
    seed[..8].copy_from_slice(&wall.0.to_be_bytes());
    seed
}

impl Bench {
    /// A broker that has done nothing yet, with a client that knocks.
    pub fn start(disk: Disk, properties: &[(&str, String)], bugs: Bugs, wall: WallClock) -> Self {
        let properties = properties.iter().map(|(name, value)| (*name, value.as_str()));
        let (mut config, _) = Config::from_properties(properties).expect("the script's properties are good");
        config.bugs = bugs;
        let now = Now { monotonic: Monotonic(1_000_000), wall };
        let mut bench = Self {
            broker: Broker::new(config, seed_at(wall), now),
            hands: Hands::new(disk),
            now,
            halt: None,
            reports: Vec::new(),
            answers: VecDeque::new(),
            asked: VecDeque::new(),
            next_number: 1,
        };
        bench.drain();
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 50_000));
        bench.handle(Input::Opened { conn: CLIENT, peer, listener: 0 });
        bench
    }

    /// Sends a request in the latest version.
    pub fn send(&mut self, request: &Request) {
        let number = self.next_number;
        self.next_number += 1;
        let api = request.api();
        let version = crate::clients::wire::latest(api);
        self.asked.push_back((api, version, number));
        let body = encode_request(request, version, number).slice(4..);
        self.handle(Input::Frame { conn: CLIENT, body });
    }

    /// The next answer, if it is there.
    pub fn take_answer(&mut self) -> Result<Option<Answer>, Violation> {
        let Some(frame) = self.answers.pop_front() else { return Ok(None) };
        let (api, version, number) = self.asked.pop_front().expect("answers are to requests");
        match decode_answer(frame.slice(4..), api, version) {
            Ok((id, answer)) if id == number => Ok(Some(answer)),
            other => Err(Violation::Answer(format!("{api}: {other:?}"))),
        }
    }

    /// Does the next storage command. Whether there was one.
    pub fn do_next(&mut self) -> bool {
        let Some((op, command)) = self.hands.queue.pop_front() else { return false };
        let result = self.hands.execute(&command);
        self.now.monotonic = Monotonic(self.now.monotonic.0 + COMMAND_TAKES_US);
        self.handle(Input::Stored { op, result });
        true
    }

    /// Lets time pass to the next deadline, at most until `end`, and ticks. Whether there was one.
    pub fn tick_before(&mut self, end: Monotonic) -> bool {
        let Some(deadline) = self.broker.deadline().filter(|deadline| *deadline <= end) else { return false };
        self.advance_to(deadline.max(self.now.monotonic));
        self.handle(Input::Tick);
        true
    }

    /// The time is `moment` now, if it was not later.
    pub fn advance_to(&mut self, moment: Monotonic) {
        let passed_ms = moment.since(self.now.monotonic).as_millis() as i64;
        let monotonic = moment.max(self.now.monotonic);
        self.now = Now { monotonic, wall: WallClock(self.now.wall.0 + passed_ms) };
    }

    /// A request and its answer.
    pub fn call(&mut self, request: &Request) -> Result<Answer, Violation> {
        self.send(request);
        let end = self.now.monotonic.plus_ms(PATIENCE_MS);
        loop {
            if let Some(answer) = self.take_answer()? {
                return Ok(answer);
            }
            if let Some(halt) = &self.halt {
                return Err(Violation::Contract(format!("halted: {halt}")));
            }
            if !self.do_next() && !self.tick_before(end) {
                return Err(Violation::Stuck(format!("no answer to {request:?}; {:?}", self.reports)));
            }
        }
    }

    /// Asks for a stop in good order.
    pub fn begin_stop(&mut self) {
        self.handle(Input::Shutdown);
    }

    /// Stops in good order; the disk that it leaves.
    pub fn stop(mut self) -> Result<Disk, Violation> {
        self.begin_stop();
        let end = self.now.monotonic.plus_ms(PATIENCE_MS);
        while self.halt.is_none() && (self.do_next() || self.tick_before(end)) {}
        match self.halt {
            Some(HaltReason::Clean) => Ok(self.hands.disk),
            other => Err(Violation::Contract(format!("no clean stop but {other:?}; {:?}", self.reports))),
        }
    }

    fn handle(&mut self, input: Input) {
        self.broker.handle(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.broker.poll_output() {
            match output {
                Output::Send { conn, frame } => {
                    self.answers.push_back(self.bytes_of(&frame));
                    self.broker.handle(self.now, Input::Sent { conn, size_bytes: frame.size_bytes() });
                }
                Output::Store { op, command } => self.hands.queue.push_back((op, command)),
                Output::Work { op, work } => self.broker.handle(self.now, Input::Worked { op, worked: work.run() }),
                Output::Report(report) => self.reports.push(report.text),
                Output::Halt { reason } => self.halt = Some(reason),
                Output::Gate { .. } => {}
                Output::Close { conn, reason } => {
                    self.reports.push(format!("closed: {reason:?}"));
                    self.broker.handle(self.now, Input::Closed { conn });
                }
            }
        }
    }

    fn bytes_of(&self, frame: &Frame) -> Bytes {
        let chunk = |chunk: &Chunk| match chunk {
            Chunk::Bytes(bytes) => bytes.clone(),
            Chunk::File(range) => {
                let node = self.hands.files[&range.file];
                let at = range.at as usize;
                Bytes::copy_from_slice(&self.hands.disk.file(node).bytes()[at..at + range.size_bytes as usize])
            }
        };
        frame.chunks.iter().map(chunk).collect::<Vec<_>>().concat().into()
    }
}
