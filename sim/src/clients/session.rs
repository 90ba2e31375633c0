//! A client's one connection: whether it is there, which requests wait for their answers, bytes that are not yet an
//! answer.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};
use ottla_core::boundary::ConnId;
use ottla_core::error_code::ErrorCode;
use ottla_core::wire::ApiKey;

use super::wire::{Answer, Decoded, Request, Versions, decode_answer, decode_other, encode_request};
use crate::agenda::Time;
use crate::env::{ClientId, Env, Event};
use crate::stats::Stats;
use crate::violation::Violation;

/// A client's connection and its requests.
#[derive(Debug)]
pub struct Session {
    /// What it speaks.
    pub versions: Versions,
    /// Bytes that are not yet an answer.
    pub received: BytesMut,
    /// When the client will be woken.
    pub wake_at: Option<Time>,
    /// Answers that nobody asked for are passed over: the client sends what may or may not be a request.
    pub tolerates_strays: bool,
    /// Of the answer that came last.
    pub errors: Vec<ErrorCode>,
    state: State,
    pending: VecDeque<Pending>,
    next_number: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Connecting(ConnId),
    Connected(ConnId),
}

/// A request that waits for its answer.
#[derive(Clone, Copy, Debug)]
pub struct Pending {
    /// How its sender calls it.
    pub number: u64,
    /// When it was sent.
    pub sent_at: Time,
    api: ApiKey,
    version: i16,
    is_other: bool,
}

impl Session {
    /// Not connected.
    pub fn new(versions: Versions) -> Self {
        Self {
            versions,
            received: BytesMut::new(),
            wake_at: None,
            tolerates_strays: false,
            errors: Vec::new(),
            state: State::Idle,
            pending: VecDeque::new(),
            next_number: 0,
        }
    }

    /// Whether nobody even tries to connect.
    pub fn is_idle(&self) -> bool {
        self.state == State::Idle
    }

    /// Whether requests can be sent.
    pub fn is_connected(&self) -> bool {
        matches!(self.state, State::Connected(_))
    }

    /// Whether `link` is this client's present connection.
    pub fn is_on(&self, link: ConnId) -> bool {
        self.link() == Some(link)
    }

    /// The present connection.
    pub fn link(&self) -> Option<ConnId> {
        match self.state {
            State::Idle => None,
            State::Connecting(link) | State::Connected(link) => Some(link),
        }
    }

    /// Tries to connect.
    pub fn connect(&mut self, env: &mut Env, client: ClientId) {
        self.state = State::Connecting(env.connect(client));
    }

    /// The connection is there; false where it is an old one.
    pub fn connected(&mut self, env: &mut Env, link: ConnId) -> bool {
        if self.state != State::Connecting(link) {
            env.drop_link(link);
            return false;
        }
        self.state = State::Connected(link);
        true
    }

    /// Gives the connection up and everything that was to come from it.
    pub fn disconnect(&mut self) -> Option<ConnId> {
        let link = self.link();
        self.state = State::Idle;
        self.pending.clear();
        self.received.clear();
        link
    }

    /// When the oldest unanswered request was sent.
    pub fn waits_since(&self) -> Option<Time> {
        self.pending.front().map(|pending| pending.sent_at)
    }

    /// Wakes the client at `at`, unless it will be woken before.
    pub fn wake_by(&mut self, env: &mut Env, client: ClientId, at: Time) {
        let at = at.max(env.time());
        if self.wake_at.is_none_or(|planned| at < planned) {
            self.wake_at = Some(at);
            env.agenda.at(at, Event::Wake(client));
        }
    }

    /// A request's number and bytes; from now on its answer is awaited, if it gets one.
    pub fn encode(&mut self, request: &Request, now: Time) -> (u64, Bytes) {
        let number = self.next_number;
        self.next_number += 1;
        let api = request.api();
        let version = match request {
            Request::Other { version, .. } => *version,
            _ => self.versions.of(api),
        };
        let is_other = matches!(request, Request::Other { .. });
        let is_silent = matches!(request, Request::Produce(produce) if produce.acks == 0);
        if !is_silent {
            self.pending.push_back(Pending { number, sent_at: now, api, version, is_other });
        }
        (number, encode_request(request, version, correlation_id(number)))
    }

    /// The next answer that came whole.
    ///
    /// # Errors
    /// It is not an answer to the next request.
    pub fn next_answer(&mut self, stats: &mut Stats) -> Result<Option<(Pending, Answer)>, Violation> {
        let Some(prefix) = self.received.first_chunk::<4>() else { return Ok(None) };
        let wrong = |text: String| Err(Violation::Answer(text));
        let Ok(size) = usize::try_from(i32::from_be_bytes(*prefix)) else {
            return wrong(format!("a frame of {} bytes", i32::from_be_bytes(*prefix)));
        };
        if self.received.len() < 4 + size {
            return Ok(None);
        }
        self.received.advance(4);
        let frame = self.received.split_to(size).freeze();
        let Some(pending) = self.pending.pop_front() else {
            if self.tolerates_strays {
                return Ok(None);
            }
            return wrong(format!("{size} bytes that nobody asked for"));
        };
        let Pending { api, version, number, is_other, .. } = pending;
        let decoded = if is_other { decode_other(frame, api, version) } else { decode_answer(frame, api, version) };
        match decoded {
            Ok(Decoded { correlation_id: id, answer, errors }) if id == correlation_id(number) => {
                errors.iter().for_each(|error| stats.answered(api, *error));
                self.errors = errors;
                Ok(Some((pending, answer)))
            }
            Ok(Decoded { correlation_id: id, .. }) => {
                wrong(format!("to {id}, where {} was asked", correlation_id(number)))
            }
            Err(error) => wrong(format!("{api} version {version}: {error}")),
        }
    }

    /// For those who wonder.
    pub fn status(&self) -> String {
        format!("({:?}, waiting for {:?})", self.state, self.pending)
    }
}

/// Correlation ids don't begin at 0 and are not small, so that one that is made up stands out.
fn correlation_id(number: u64) -> i32 {
    (number as i32).wrapping_mul(0x0101_0101).wrapping_add(77)
}
