//! A broker on a simulated disk, one storage command at a time, with one client. No command fails but a sync that is
//! to; some syncs may be slow.

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use ottla_core::Broker;
use ottla_core::boundary::{
    Chunk, ConnId, FileId, Frame, HaltReason, Input, OpId, Outcome, Output, StorageCommand, StorageError, StorageResult,
};
use ottla_core::config::Config;
use ottla_core::planted::Bugs;
use ottla_core::time::{Monotonic, Now, WallClock};
use ottla_core::wire::ApiKey;

use crate::clients::wire::{Decoded, decode_answer, encode_request};
use crate::clients::{Answer, Request};
use crate::disk::{Disk, NodeId, file_of, offset};
use crate::violation::Violation;

/// What does the storage commands: the disk, the open files, and the commands that wait.
#[derive(Clone, Debug)]
pub struct Hands {
    pub disk: Disk,
    files: BTreeMap<FileId, NodeId>,
    /// As what each file was opened last.
    paths: BTreeMap<FileId, Arc<str>>,
    pub queue: VecDeque<(OpId, StorageCommand)>,
    /// Segments in this directory are not synced for the time being.
    pub slow_dir: Option<&'static str>,
}

/// A broker and its client.
pub struct Bench {
    broker: Broker,
    pub hands: Hands,
    pub now: Now,
    pub halt: Option<HaltReason>,
    /// The broker has hung up.
    pub is_closed: bool,
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
/// A broker that needs more commands for one answer goes round in circles.
const COMMANDS_MAX: usize = 200_000;

impl Hands {
    pub fn new(disk: Disk) -> Self {
        Self { disk, files: BTreeMap::new(), paths: BTreeMap::new(), queue: VecDeque::new(), slow_dir: None }
    }

    /// Where the next command is in the queue: the first that does not wait for a slow sync.
    fn next_at(&self) -> Option<usize> {
        let mut held_up: Vec<FileId> = Vec::new();
        self.queue.iter().position(|(_, command)| {
            let file = file_of(command);
            let waits = file.is_some_and(|file| held_up.contains(&file)) || self.is_slow(command);
            held_up.extend(file.filter(|_| waits));
            !waits
        })
    }

    fn is_slow(&self, command: &StorageCommand) -> bool {
        let (StorageCommand::Sync { file }, Some(dir)) = (command, self.slow_dir) else { return false };
        self.paths.get(file).is_some_and(|path| path.ends_with(".log") && path.starts_with(&format!("{dir}/")))
    }

    /// The command that comes next.
    pub fn next(&self) -> Option<&StorageCommand> {
        self.queue.get(self.next_at()?).map(|(_, command)| command)
    }

    /// Takes the command that comes next out of the queue.
    pub fn take_next(&mut self) -> Option<(OpId, StorageCommand)> {
        self.queue.remove(self.next_at()?)
    }

    /// Whether the command that comes next syncs a file.
    pub fn is_sync_next(&self) -> bool {
        self.synced_next().is_some()
    }

    /// The file that is synced by the command that comes next, as it was called when it was opened.
    pub fn synced_next(&self) -> Option<&str> {
        let StorageCommand::Sync { file } = self.next()? else { return None };
        self.paths.get(file).map(|path| &**path)
    }

    /// A sync fails: the pages count as clean from now on, as they do on Linux.
    pub fn fail_sync(&mut self, command: &StorageCommand) -> StorageResult {
        if let Some(node) = file_of(command).and_then(|file| self.files.get(&file)) {
            self.disk.file_mut(*node).forget();
        }
        StorageResult::Unknown(StorageError::Io("input/output error".to_owned()))
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
            (StorageCommand::Open { path, .. }, Some(file), Some(node)) => {
                self.files.insert(file, node);
                self.paths.insert(file, Arc::clone(&path.relative));
            }
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
            is_closed: false,
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
            Ok(Decoded { correlation_id, answer, .. }) if correlation_id == number => Ok(Some(answer)),
            other => Err(Violation::Answer(format!("{api}: {other:?}"))),
        }
    }

    /// Does the next storage command. Whether there was one.
    pub fn do_next(&mut self) -> bool {
        let Some((op, command)) = self.hands.take_next() else { return false };
        let result = self.hands.execute(&command);
        self.finish(op, result);
        true
    }

    /// The next storage command is a sync, and fails.
    pub fn fail_next(&mut self) {
        let (op, command) = self.hands.take_next().expect("it is there");
        let result = self.hands.fail_sync(&command);
        self.finish(op, result);
    }

    fn finish(&mut self, op: OpId, result: StorageResult) {
        self.now.monotonic = Monotonic(self.now.monotonic.0 + COMMAND_TAKES_US);
        self.handle(Input::Stored { op, result });
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
        for _ in 0..COMMANDS_MAX {
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
        Err(Violation::Stuck(format!("{COMMANDS_MAX} commands, and no answer to {request:?}")))
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
                    self.is_closed = true;
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
