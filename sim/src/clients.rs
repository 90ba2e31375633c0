//! Clients that speak the wire protocol, each a state machine of its own. A [`Client`] keeps one connection and its
//! requests; what it wants from the broker is its [`Role`].
//!
//! What does not belong here: what the answers prove (`history`).

mod admin;
mod assignor;
mod churner;
mod cluster;
mod consumer;
mod dabbler;
mod inquirer;
mod loner;
mod member;
mod offset_auditor;
mod offsets;
mod prober;
mod producer;
mod pruner;
mod rounds;
mod session;
mod sharer;
mod subscriber;
mod transactor;
mod vandal;
pub(crate) mod wire;

use std::fmt;

use bytes::Bytes;
use ottla_core::boundary::ConnId;
use ottla_core::error_code::ErrorCode;
use ottla_core::wire::ApiKey;

pub use admin::Admin;
pub use churner::Churner;
pub use consumer::Consumer;
pub use dabbler::Dabbler;
pub use inquirer::Inquirer;
pub use loner::Loner;
pub use member::Member;
pub use offset_auditor::OffsetAuditor;
pub use prober::Prober;
pub use producer::Producer;
pub use pruner::Pruner;
pub use sharer::Sharer;
pub use subscriber::Subscriber;
pub use transactor::Transactor;
pub use vandal::Vandal;
pub use wire::{Answer, Request};

use crate::agenda::{Span, Time};
use crate::chance::{Chance, Stream};
use crate::env::{ClientId, Env, Event, Stage};
use crate::history::{History, Life, PartitionRef};
use crate::stats::Counter;
use crate::violation::Violation;
use session::Session;
use wire::Versions;

/// What a client is there for.
pub trait Role: fmt::Debug {
    /// Time passed, an answer came, or the connection is new: do what is due.
    ///
    /// # Errors
    /// The world is not as it should be.
    fn act(&mut self, talk: &mut Talk<'_>) -> Result<(), Violation>;

    /// The request with this number was answered.
    ///
    /// # Errors
    /// The answer is not as it should be.
    fn answered(&mut self, talk: &mut Talk<'_>, number: u64, answer: Answer) -> Result<(), Violation>;

    /// The connection is gone, and with it the answers that were still to come.
    fn disconnected(&mut self);

    /// Whether there is nothing left to do.
    fn is_done(&self) -> bool;

    /// What it has done and what it waits for, for those who wonder why it is stuck.
    fn status(&self) -> String {
        format!("{self:?}")
    }
}

/// A client.
#[derive(Debug)]
pub struct Client {
    id: ClientId,
    chance: Chance,
    session: Session,
    role: Box<dyn Role>,
}

/// What a role can do and know.
pub struct Talk<'a> {
    /// The world.
    pub env: &'a mut Env,
    /// What all clients saw.
    pub history: &'a mut History,
    /// This client's chance.
    pub chance: &'a mut Chance,
    /// Who this is.
    pub id: ClientId,
    session: &'a mut Session,
}

/// How long a client waits before it connects again.
const BACKOFF: Span = Span::ms(20);
/// When nothing fails, an answer that takes longer than this will never come.
const CALM_TIMEOUT: Span = Span::seconds(40);

impl Client {
    /// A client that is not connected yet.
    #[must_use]
    pub fn new(seed: u64, id: ClientId, make_role: impl FnOnce(&mut Chance) -> Box<dyn Role>) -> Self {
        let mut chance = Chance::new(seed, Stream::Client(id.0));
        let session = Session::new(Versions::draw(&mut chance));
        let role = make_role(&mut chance);
        Self { id, chance, session, role }
    }

    /// Begins at a moment of its own choice.
    pub fn begin(&mut self, env: &mut Env) {
        env.timeline.client(&self.role);
        let at = env.time() + self.chance.span_up_to(BACKOFF);
        self.session.wake_by(env, self.id, at);
    }

    /// Whether there is nothing left to do.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.role.is_done()
    }

    /// For those who wonder why it is stuck.
    #[must_use]
    pub fn status(&self) -> String {
        format!("client {} {}: {}", self.id.0, self.session.status(), self.role.status())
    }

    /// It is time for something.
    ///
    /// # Errors
    /// See [`Role::act`].
    pub fn wake(&mut self, env: &mut Env, history: &mut History) -> Result<(), Violation> {
        if self.session.wake_at != Some(env.time()) {
            return Ok(());
        }
        self.session.wake_at = None;
        if self.role.is_done() {
            self.hang_up(env);
            return Ok(());
        }
        if self.session.is_idle() {
            self.session.connect(env, self.id);
        }
        self.check_timeout(env)?;
        self.act(env, history)
    }

    /// The connection is there.
    ///
    /// # Errors
    /// See [`Role::act`].
    pub fn connected(&mut self, env: &mut Env, history: &mut History, link: ConnId) -> Result<(), Violation> {
        if !self.session.connected(env, link) {
            return Ok(());
        }
        self.act(env, history)
    }

    /// Bytes came, or the end of the connection.
    ///
    /// # Errors
    /// See [`Role::answered`].
    pub fn received(
        &mut self,
        env: &mut Env,
        history: &mut History,
        link: ConnId,
        bytes: Option<Bytes>,
    ) -> Result<(), Violation> {
        if !self.session.is_on(link) {
            return Ok(());
        }
        let Some(bytes) = bytes else {
            env.drop_link(link);
            self.lost(env, link);
            return Ok(());
        };
        env.timeline.received(env.agenda.now(), link, bytes.len());
        self.session.received.extend_from_slice(&bytes);
        while let Some((pending, answer)) = self.session.next_answer(&mut env.stats)? {
            let (role, mut talk) = self.talk(env, history);
            role.answered(&mut talk, pending.number, answer)?;
        }
        self.act(env, history)
    }

    /// The connection broke, or could not be made.
    pub fn lost(&mut self, env: &mut Env, link: ConnId) {
        if !self.session.is_on(link) {
            return;
        }
        self.session.disconnect();
        self.role.disconnected();
        let backoff = self.chance.span_near(BACKOFF);
        self.session.wake_by(env, self.id, env.time() + backoff);
    }

    fn act(&mut self, env: &mut Env, history: &mut History) -> Result<(), Violation> {
        if let Some(until) = env.lull_until {
            let rest = self.chance.span_up_to(BACKOFF);
            self.session.wake_by(env, self.id, until + rest);
            return Ok(());
        }
        if self.session.is_connected() {
            let (role, mut talk) = self.talk(env, history);
            if role.is_done() {
                self.hang_up(env);
                return Ok(());
            }
            role.act(&mut talk)?;
        }
        if let Some(sent_at) = self.session.waits_since() {
            let timeout = self.timeout(env);
            self.session.wake_by(env, self.id, sent_at + timeout);
        }
        Ok(())
    }

    fn talk<'a>(&'a mut self, env: &'a mut Env, history: &'a mut History) -> (&'a mut dyn Role, Talk<'a>) {
        let talk = Talk { env, history, chance: &mut self.chance, id: self.id, session: &mut self.session };
        (self.role.as_mut(), talk)
    }

    fn hang_up(&mut self, env: &mut Env) {
        if let Some(link) = self.session.disconnect() {
            env.drop_link(link);
        }
    }

    fn timeout(&self, env: &Env) -> Span {
        if env.stage == Stage::Faults { env.plan.clients.request_timeout } else { CALM_TIMEOUT }
    }

    fn check_timeout(&mut self, env: &mut Env) -> Result<(), Violation> {
        let Some(sent_at) = self.session.waits_since() else { return Ok(()) };
        if env.time() < sent_at + self.timeout(env) {
            return Ok(());
        }
        if env.stage != Stage::Faults {
            return Err(Violation::Stuck(format!("no answer since {sent_at}: {}", self.status())));
        }
        if let Some(link) = self.session.link() {
            env.drop_link(link);
            self.lost(env, link);
        }
        Ok(())
    }
}

impl Talk<'_> {
    /// What time it is.
    #[must_use]
    pub fn time(&self) -> Time {
        self.env.time()
    }

    /// The broker's life that accepted this connection.
    #[must_use]
    pub fn life(&self) -> Life {
        let link = self.session.link().and_then(|link| self.env.link(link));
        link.and_then(|link| link.life).unwrap_or_default()
    }

    /// An answer said where a partition starts; the question was asked when `known` was known.
    ///
    /// # Errors
    /// It can't start there.
    pub fn saw_start(&mut self, partition: PartitionRef, known: i64, start: i64) -> Result<(), Violation> {
        let gone = self.history.saw_start(partition, known, start, self.env.latest_wall_ms)?;
        self.env.stats.add(Counter::RecordsDeleted, gone);
        Ok(())
    }

    /// The errors in the answer that came last.
    #[must_use]
    pub fn errors(&self) -> &[ErrorCode] {
        &self.session.errors
    }

    /// The present connection.
    #[must_use]
    pub fn link(&self) -> Option<ConnId> {
        self.session.link()
    }

    /// The version that this client speaks of an API.
    #[must_use]
    pub fn version(&self, api: ApiKey) -> i16 {
        self.session.versions.of(api)
    }

    /// Sends a request; its answer comes with the number returned. One that gets no answer is just sent.
    pub fn send(&mut self, request: &Request) -> u64 {
        let (number, bytes) = self.session.encode(request, self.env.time());
        let ends = self.env.stage == Stage::Faults && self.env.network.half_closes();
        self.send_bytes(bytes, ends);
        number
    }

    /// Sends any bytes at all.
    pub fn send_raw(&mut self, bytes: Bytes) {
        self.send_bytes(bytes, false);
    }

    /// Asks to be woken `span` from now, if nothing happens before.
    pub fn wake_after(&mut self, span: Span) {
        self.session.wake_by(self.env, self.id, self.env.time() + span);
    }

    /// Something that a reader of a verbose run wants to know.
    pub fn remark(&mut self, text: fmt::Arguments<'_>) {
        let (at, id) = (self.env.time(), self.id.0);
        self.env.transcript.remark(at, format_args!("client {id} {text}"));
        self.env.timeline.client_says(at, self.id, text);
    }

    /// From now on this client speaks another version of an API.
    pub fn speak(&mut self, api: ApiKey, version: i16) {
        self.session.versions.set(api, version);
    }

    /// From now on this client speaks these APIs too, each in some version.
    pub fn learn(&mut self, apis: &[ApiKey]) {
        self.session.versions.draw_more(apis, self.chance);
    }

    /// Answers that nobody asked for are none of this client's business.
    pub fn tolerate_strays(&mut self) {
        self.session.tolerates_strays = true;
    }

    /// Drops the connection.
    pub fn hang_up(&mut self) {
        if let Some(link) = self.session.link() {
            self.env.agenda.after(Span::ZERO, Event::Broken(link));
        }
    }

    fn send_bytes(&mut self, bytes: Bytes, ends: bool) {
        let Some(link) = self.session.link() else { return };
        if ends {
            self.env.stats.count(Counter::HalfCloses);
        }
        self.env.carry_up(link, &bytes, ends);
    }
}
