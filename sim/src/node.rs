//! The process around the broker: does what an adapter has to do, in as many ways as the boundary allows.
//!
//! What does not belong here: what the network, the disk and the clocks do (`env`), and whether the broker keeps its
//! side of the contract (`contract`).

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};

use bytes::{Bytes, BytesMut};
use ottla_core::Broker;
use ottla_core::boundary::{Chunk, ConnId, FileRange, Frame, HaltReason, Input, OpId, Output, Work};
use ottla_core::config::Config;
use ottla_core::connection::frame_buffer::FrameBuffer;
use ottla_core::marks::Marks;

use crate::agenda::{Span, Time};
use crate::chance::{Chance, Odds};
use crate::contract::Contract;
use crate::env::{Env, Event};
use crate::history::Life;
use crate::stats::Counter;
use crate::violation::Violation;

/// A running broker.
#[derive(Debug)]
pub struct Node {
    broker: Broker,
    life: Life,
    contract: Contract,
    sockets: BTreeMap<ConnId, Socket>,
    works: BTreeMap<OpId, Work>,
    request_max_bytes: usize,
    tick_at: Option<Time>,
    idle_ticks: u32,
    is_stopping: bool,
    has_answered: bool,
    halt: Option<HaltReason>,
}

/// The broker's end of a connection.
#[derive(Debug)]
struct Socket {
    /// Arrived and not read.
    inbox: VecDeque<Bytes>,
    has_ended: bool,
    frames: FrameBuffer,
    is_gate_open: bool,
    is_read_planned: bool,
    /// To be written, in order.
    outbox: VecDeque<Outgoing>,
    is_write_planned: bool,
    is_closing: bool,
}

/// A chunk on its way out.
#[derive(Debug)]
struct Outgoing {
    /// What it says; of a file, what the file said when the broker referred to it.
    bytes: Bytes,
    file: Option<FileRange>,
    written: usize,
}

/// The adapter gets to a socket within this time.
const READ_WITHIN: Span = Span(50);
const WRITE_WITHIN: Span = Span(100);
/// A piece of work takes this long.
const WORK_TAKES: Span = Span::ms(5);
/// Ticks in a row that leave a deadline in the past: a broker that does so would spin.
const IDLE_TICKS_MAX: u32 = 100;
/// One input leads to no more outputs than this.
const OUTPUTS_MAX: u32 = 100_000;
/// How long the last words may take after a halt.
const LAST_WORDS: Span = Span::ms(20);

impl Node {
    /// Starts a broker.
    ///
    /// # Errors
    /// Its first outputs break the contract.
    pub fn start(env: &mut Env, config: Config, seed: [u8; 32], life: Life) -> Result<Self, Violation> {
        env.stats.count(Counter::Starts);
        env.transcript.remark(env.agenda.now(), format_args!("start {}", life.0));
        env.timeline.started(env.agenda.now(), life.0);
        let request_max_bytes = config.limits.request_size_bytes as usize;
        let mut node = Self {
            broker: Broker::new(config, seed, env.clocks_now()),
            life,
            contract: Contract::default(),
            sockets: BTreeMap::new(),
            works: BTreeMap::new(),
            request_max_bytes,
            tick_at: None,
            idle_ticks: 0,
            is_stopping: false,
            has_answered: false,
            halt: None,
        };
        node.drain(env)?;
        Ok(node)
    }

    /// Which life of the broker this is.
    #[must_use]
    pub fn life(&self) -> Life {
        self.life
    }

    /// Why the broker halted, if it did.
    #[must_use]
    pub fn halt(&self) -> Option<&HaltReason> {
        self.halt.as_ref()
    }

    /// Whether it was asked to stop.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.is_stopping
    }

    /// Whether it got as far as to answer something.
    #[must_use]
    pub fn has_answered(&self) -> bool {
        self.has_answered
    }

    /// Which named places it has reached.
    #[must_use]
    pub fn marks(&self) -> &Marks {
        self.broker.marks()
    }

    /// Asks it to stop in good order.
    ///
    /// # Errors
    /// The contract is broken.
    pub fn stop(&mut self, env: &mut Env) -> Result<(), Violation> {
        self.is_stopping = true;
        self.handle(env, Input::Shutdown)
    }

    /// A client knocks.
    ///
    /// # Errors
    /// The contract is broken.
    pub fn knock(&mut self, env: &mut Env, conn: ConnId) -> Result<(), Violation> {
        if self.is_stopping || self.halt.is_some() {
            env.drop_link(conn);
            return Ok(());
        }
        env.accept(conn, self.life);
        let socket = Socket {
            inbox: VecDeque::new(),
            has_ended: false,
            frames: FrameBuffer::new(self.request_max_bytes),
            is_gate_open: true,
            is_read_planned: false,
            outbox: VecDeque::new(),
            is_write_planned: false,
            is_closing: false,
        };
        self.sockets.insert(conn, socket);
        let port = 1_024 + (conn.0 % 60_000) as u16;
        let peer = SocketAddr::from((Ipv4Addr::new(10, 0, 0, 1), port));
        self.handle(env, Input::Opened { conn, peer, listener: 0 })
    }

    /// Bytes, or the end, arrive at a socket.
    pub fn arrive(&mut self, env: &mut Env, conn: ConnId, bytes: Option<Bytes>) {
        let Some(socket) = self.sockets.get_mut(&conn) else { return };
        match bytes {
            Some(bytes) => socket.inbox.push_back(bytes),
            None => socket.has_ended = true,
        }
        socket.plan_read(env, conn);
    }

    /// A connection broke.
    ///
    /// # Errors
    /// The contract is broken.
    pub fn lose(&mut self, env: &mut Env, conn: ConnId) -> Result<(), Violation> {
        if self.sockets.remove(&conn).is_none() || self.halt.is_some() {
            return Ok(());
        }
        self.handle(env, Input::Closed { conn })
    }

    /// Reads some of what arrived, and hands in the frames that it completes.
    ///
    /// # Errors
    /// The contract is broken.
    pub fn read(&mut self, env: &mut Env, conn: ConnId) -> Result<(), Violation> {
        let Some(socket) = self.sockets.get_mut(&conn) else { return Ok(()) };
        socket.is_read_planned = false;
        // Frames of one read that are behind the one at which the gate closed may be in flight already.
        let ignores_gate = env.adapter.coin();
        let mut is_first = true;
        loop {
            let Some(socket) = self.sockets.get_mut(&conn) else { return Ok(()) };
            let may_hand_in = socket.is_gate_open || ignores_gate && !is_first;
            if !may_hand_in || socket.is_closing || self.halt.is_some() {
                return Ok(());
            }
            match socket.frames.next_frame() {
                Ok(Some(body)) => {
                    is_first = false;
                    self.handle(env, Input::Frame { conn, body })?;
                }
                Ok(None) if socket.is_gate_open && socket.take_in(&mut env.adapter) => {}
                Ok(None) => break,
                Err(_) => return self.close(env, conn),
            }
        }
        let Some(socket) = self.sockets.get_mut(&conn) else { return Ok(()) };
        if !socket.inbox.is_empty() {
            socket.plan_read(env, conn);
        } else if socket.has_ended {
            return self.close(env, conn);
        }
        Ok(())
    }

    /// Writes some of what the broker said.
    ///
    /// # Errors
    /// The contract is broken.
    pub fn write(&mut self, env: &mut Env, conn: ConnId) -> Result<(), Violation> {
        let Some(socket) = self.sockets.get_mut(&conn) else { return Ok(()) };
        socket.is_write_planned = false;
        let waiting: usize = socket.outbox.iter().map(|outgoing| outgoing.bytes.len() - outgoing.written).sum();
        if waiting > 0 {
            let room = if env.adapter.coin() { waiting } else { 1 + env.adapter.index(waiting) };
            let written = socket.take_out(room, env)?;
            env.carry_down(conn, &written);
            if self.halt.is_none() {
                self.handle(env, Input::Sent { conn, size_bytes: written.len() as u64 })?;
            }
        }
        let Some(socket) = self.sockets.get_mut(&conn) else { return Ok(()) };
        if !socket.outbox.is_empty() {
            socket.plan_write(env, conn);
        } else if socket.is_closing {
            return self.close(env, conn);
        }
        Ok(())
    }

    /// A storage command ended.
    ///
    /// # Errors
    /// The contract is broken.
    pub fn stored(&mut self, env: &mut Env, op: OpId) -> Result<(), Violation> {
        let result = env.storage.finish(op);
        if self.halt.is_some() {
            return Ok(());
        }
        self.handle(env, Input::Stored { op, result })
    }

    /// Work is done.
    ///
    /// # Errors
    /// The contract is broken.
    pub fn worked(&mut self, env: &mut Env, op: OpId) -> Result<(), Violation> {
        let work = self.works.remove(&op).expect("work ends once");
        if self.halt.is_some() {
            return Ok(());
        }
        self.handle(env, Input::Worked { op, worked: work.run() })
    }

    /// A deadline may have passed.
    ///
    /// # Errors
    /// The contract is broken, or the broker spins.
    pub fn tick(&mut self, env: &mut Env) -> Result<(), Violation> {
        if self.tick_at != Some(env.time()) || self.halt.is_some() {
            return Ok(());
        }
        self.tick_at = None;
        let has_passed = self.broker.deadline().is_some_and(|deadline| deadline <= env.clocks_now().monotonic);
        if !has_passed {
            self.plan_tick(env);
            return Ok(());
        }
        let before = self.broker.deadline();
        self.handle(env, Input::Tick)?;
        self.idle_ticks = if self.broker.deadline() == before { self.idle_ticks + 1 } else { 0 };
        if self.idle_ticks > IDLE_TICKS_MAX {
            return Err(Violation::Contract(format!("{} ticks left the deadline at {before:?}", self.idle_ticks)));
        }
        Ok(())
    }

    fn handle(&mut self, env: &mut Env, input: Input) -> Result<(), Violation> {
        let now = env.clocks_now();
        env.latest_wall_ms = env.latest_wall_ms.max(now.wall.0);
        env.stats.count(Counter::Inputs);
        env.transcript.input(env.agenda.now(), now, &input);
        env.timeline.input(env.agenda.now(), &input);
        self.contract.input(&input);
        self.broker.handle(now, input);
        self.drain(env)
    }

    fn drain(&mut self, env: &mut Env) -> Result<(), Violation> {
        let mut outputs = 0;
        while let Some(output) = self.broker.poll_output() {
            outputs += 1;
            if outputs > OUTPUTS_MAX {
                return Err(Violation::Contract(format!("more than {OUTPUTS_MAX} outputs for one input")));
            }
            env.stats.count(Counter::Outputs);
            env.transcript.output(env.agenda.now(), &output);
            env.timeline.output(env.agenda.now(), &output, &env.storage);
            self.contract.output(&output, &env.storage)?;
            self.obey(env, output)?;
        }
        if self.halt.is_none() {
            self.plan_tick(env);
        }
        Ok(())
    }

    fn obey(&mut self, env: &mut Env, output: Output) -> Result<(), Violation> {
        match output {
            Output::Send { conn, frame } => {
                self.has_answered = true;
                if let Some(socket) = self.sockets.get_mut(&conn) {
                    socket.put_out(&frame, env);
                    socket.plan_write(env, conn);
                }
            }
            Output::Gate { conn, open } => {
                if !open {
                    env.stats.count(Counter::GatesClosed);
                }
                if let Some(socket) = self.sockets.get_mut(&conn) {
                    socket.is_gate_open = open;
                    socket.plan_read(env, conn);
                }
            }
            Output::Close { conn, .. } => {
                if let Some(socket) = self.sockets.get_mut(&conn) {
                    socket.is_closing = true;
                    socket.plan_write(env, conn);
                }
            }
            Output::Store { op, command } => {
                let timing = env.storage.submit(env.agenda.now(), op, command)?;
                env.agenda.at(timing.effect_at, Event::StorageHappens(self.life, op));
                env.agenda.at(timing.done_at, Event::StorageEnds(self.life, op));
            }
            Output::Work { op, work } => {
                self.works.insert(op, work);
                env.agenda.after(WORK_TAKES, Event::WorkEnds(self.life, op));
            }
            Output::Report(_) => {}
            Output::Halt { reason } => {
                self.halt = Some(reason);
                env.agenda.after(LAST_WORDS, Event::Exit(self.life));
            }
        }
        Ok(())
    }

    fn close(&mut self, env: &mut Env, conn: ConnId) -> Result<(), Violation> {
        self.sockets.remove(&conn);
        env.end_down(conn);
        if self.halt.is_some() {
            return Ok(());
        }
        self.handle(env, Input::Closed { conn })
    }

    fn plan_tick(&mut self, env: &mut Env) {
        let Some(deadline) = self.broker.deadline() else { return };
        let due = env.clocks.when(deadline).max(env.time());
        // An earlier tick that is planned already will plan this one when it finds nothing to do.
        if self.tick_at.is_some_and(|planned| planned <= due) {
            return;
        }
        let late_max = env.plan.clock.tick_late_max;
        let late = if late_max > Span::ZERO { env.adapter.span_up_to(late_max) } else { Span::ZERO };
        if late > Span::ZERO {
            env.stats.count(Counter::LateTicks);
        }
        self.tick_at = Some(due + late);
        env.agenda.at(due + late, Event::Tick(self.life));
    }
}

impl Socket {
    fn plan_read(&mut self, env: &mut Env, conn: ConnId) {
        if !self.is_read_planned && self.is_gate_open {
            self.is_read_planned = true;
            env.soon(READ_WITHIN, Event::Read(conn));
        }
    }

    fn plan_write(&mut self, env: &mut Env, conn: ConnId) {
        if !self.is_write_planned {
            self.is_write_planned = true;
            env.soon(WRITE_WITHIN, Event::Write(conn));
        }
    }

    /// Reads from the inbox into the frame buffer: all of it or some.
    fn take_in(&mut self, chance: &mut Chance) -> bool {
        let Some(front) = self.inbox.front_mut() else { return false };
        let offered = if chance.happens(Odds::percent(80)) { front.len() } else { 1 + chance.index(front.len()) };
        let taken = self.frames.fill(&front[..offered]);
        let _ = front.split_to(taken);
        if front.is_empty() {
            self.inbox.pop_front();
        }
        true
    }

    fn put_out(&mut self, frame: &Frame, env: &Env) {
        for chunk in &frame.chunks {
            let (bytes, file) = match chunk {
                Chunk::Bytes(bytes) => (bytes.clone(), None),
                Chunk::File(range) => {
                    let bytes = env.storage.bytes(*range).expect("checked by the contract");
                    (Bytes::copy_from_slice(bytes), Some(*range))
                }
            };
            self.outbox.push_back(Outgoing { bytes, file, written: 0 });
        }
    }

    /// Takes up to `room` bytes from the outbox; those of files are read only now, as `sendfile` would.
    fn take_out(&mut self, room: usize, env: &Env) -> Result<Bytes, Violation> {
        let mut taken = BytesMut::with_capacity(room);
        while let Some(front) = self.outbox.front_mut() {
            let size = (front.bytes.len() - front.written).min(room - taken.len());
            let part = front.bytes.slice(front.written..front.written + size);
            if let Some(range) = front.file {
                let at = range.at + front.written as u64;
                let now = FileRange { at, size_bytes: size as u32, ..range };
                if env.storage.bytes(now) != Some(&part[..]) {
                    return Err(Violation::Contract(format!("{range:?} changed before it was sent")));
                }
            }
            taken.extend_from_slice(&part);
            front.written += size;
            if front.written < front.bytes.len() {
                break;
            }
            self.outbox.pop_front();
        }
        Ok(taken.freeze())
    }
}
