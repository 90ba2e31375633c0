//! One client's socket: bytes in, frames to the hub, answers out. It never blocks; it says what it waits for.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::task::{Context, Poll};

use ottla_core::boundary::{CloseReason, ConnId, Frame, Input};
use ottla_core::connection::frame_buffer::FrameBuffer;
use rustix::buffer::spare_capacity;
use rustix::net::sockopt::set_tcp_user_timeout;

use crate::hub::{Hub, is_acceptable};
use crate::link::Link;
use crate::outgoing::{Outgoing, is_lost_peer};

/// Bytes that one step moves before others get their turn.
const STEP_BYTES: u64 = 1024 * 1024;
/// How long the last answers before a close may take.
const LINGER_MS: u32 = 5_000;

/// A connection's state between the hub and its socket. Dropping it tells the broker that the client is gone.
pub struct Connection {
    hub: Arc<Hub>,
    conn: ConnId,
    peer: SocketAddr,
    link: Arc<Link>,
    buffer: FrameBuffer,
    /// Not handed in yet.
    inputs: VecDeque<Input>,
    /// Taken from the link; here only to be allocated once.
    taken: Vec<Frame>,
    outgoing: Outgoing,
    is_lingering: bool,
}

/// A socket that does not block, with its runtime's way to notice when it would have.
pub trait Socket: AsFd {
    /// Makes a system call that reads.
    ///
    /// # Errors
    /// What the call says; where it would block, the runtime is to wait for the socket to become readable.
    fn try_read<R>(&self, call: impl FnOnce(BorrowedFd<'_>) -> io::Result<R>) -> io::Result<R> {
        call(self.as_fd())
    }

    /// Makes a system call that writes.
    ///
    /// # Errors
    /// What the call says; where it would block, the runtime is to wait for the socket to become writable.
    fn try_write<R>(&self, call: impl FnOnce(BorrowedFd<'_>) -> io::Result<R>) -> io::Result<R> {
        call(self.as_fd())
    }
}

/// What comes after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// There is more to do: step again once others had their turn.
    Again,
    /// Step again when one of these has come, or [`Connection::poll_changed`] is ready.
    Wait(Interest),
    /// The connection is over: drop it, then the socket.
    Closed,
}

/// What to wait for at a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interest {
    /// For bytes from the client, or its end.
    pub read: bool,
    /// For room for the client's answers.
    pub write: bool,
}

/// Why a connection is over.
enum End {
    Asked(CloseReason),
    ByPeer,
    Failed(io::Error),
}

/// What a read found.
enum Read {
    Some(u64),
    /// And for now that was all.
    Drained(u64),
    End,
}

impl Connection {
    pub(crate) fn new(hub: Arc<Hub>, conn: ConnId, peer: SocketAddr, link: Arc<Link>, max_frame_bytes: usize) -> Self {
        Self {
            hub,
            conn,
            peer,
            link,
            buffer: FrameBuffer::new(max_frame_bytes),
            inputs: VecDeque::new(),
            taken: Vec::new(),
            outgoing: Outgoing::default(),
            is_lingering: false,
        }
    }

    /// Ready when the hub has something for this connection.
    pub fn poll_changed(&self, context: &mut Context<'_>) -> Poll<()> {
        self.link.poll_changed(context)
    }

    /// Reads, hands in, and writes what there is.
    pub fn step(&mut self, socket: &impl Socket) -> Step {
        match self.try_step(socket) {
            Ok(step) => step,
            Err(end) => {
                self.log_end(&end);
                Step::Closed
            }
        }
    }

    fn try_step(&mut self, socket: &impl Socket) -> Result<Step, End> {
        let mut moved_bytes = 0;
        let mut is_drained = false;
        loop {
            let close = self.take_outputs()?;
            let is_blocked = self.write(socket, &mut moved_bytes)?;
            if let Some(reason) = close {
                return self.linger(socket, reason, is_blocked);
            }
            let is_reading = self.link.is_gate_open();
            if is_reading && self.inputs.is_empty() && !is_drained {
                is_drained = self.read(socket, &mut moved_bytes)?;
            }
            if is_acceptable(&self.inputs, Some(&self.link)) {
                self.hub.drive(&mut self.inputs, Some(&self.link));
                if is_acceptable(&self.inputs, Some(&self.link)) {
                    return Ok(Step::Again);
                }
            } else if is_drained || !is_reading {
                return Ok(Step::Wait(Interest { read: is_reading, write: is_blocked }));
            }
            if moved_bytes >= STEP_BYTES {
                return Ok(Step::Again);
            }
        }
    }

    fn take_outputs(&mut self) -> Result<Option<CloseReason>, End> {
        let close = self.link.take(&mut self.taken);
        for frame in self.taken.drain(..) {
            self.outgoing.push(frame, &self.hub).map_err(End::Failed)?;
        }
        Ok(close)
    }

    /// Writes and takes note of what left; says whether the socket takes no more.
    fn write(&mut self, socket: &impl Socket, moved_bytes: &mut u64) -> Result<bool, End> {
        if self.outgoing.is_empty() {
            return Ok(false);
        }
        let written = self.outgoing.write(socket, STEP_BYTES).map_err(End::Failed)?;
        *moved_bytes += written.size_bytes;
        if written.size_bytes > 0 {
            self.inputs.push_front(Input::Sent { conn: self.conn, size_bytes: written.size_bytes });
        }
        Ok(written.is_blocked)
    }

    /// Reads once and cuts frames; says whether the socket has no more for now.
    fn read(&mut self, socket: &impl Socket, moved_bytes: &mut u64) -> Result<bool, End> {
        let (size_bytes, is_drained) = match read_once(socket, &mut self.buffer).map_err(End::Failed)? {
            Read::Some(size_bytes) => (size_bytes, false),
            Read::Drained(size_bytes) => (size_bytes, true),
            Read::End => return Err(End::ByPeer),
        };
        *moved_bytes += size_bytes;
        loop {
            match self.buffer.next_frame() {
                Ok(Some(body)) => self.inputs.push_back(Input::Frame { conn: self.conn, body }),
                Ok(None) => return Ok(is_drained),
                Err(error) => {
                    // After the frames before it.
                    self.hub.drive(&mut self.inputs, Some(&self.link));
                    let _ = self.link.close(CloseReason::Protocol(error.to_string()));
                    return Ok(true);
                }
            }
        }
    }

    /// Waits for the last answers to leave, but not for a client that takes none.
    fn linger(&mut self, socket: &impl Socket, reason: CloseReason, is_blocked: bool) -> Result<Step, End> {
        if self.outgoing.is_empty() {
            return Err(End::Asked(reason));
        }
        self.inputs.retain(|input| matches!(input, Input::Sent { .. }));
        self.hub.drive(&mut self.inputs, None);
        if !is_blocked {
            return Ok(Step::Again);
        }
        if !self.is_lingering {
            self.is_lingering = true;
            set_tcp_user_timeout(socket, LINGER_MS).map_err(|error| End::Failed(error.into()))?;
        }
        Ok(Step::Wait(Interest { read: false, write: true }))
    }

    fn log_end(&self, end: &End) {
        let (conn, peer) = (self.conn.0, self.peer);
        match end {
            End::Asked(reason @ (CloseReason::Protocol(_) | CloseReason::Limit(_))) => {
                tracing::warn!(conn, %peer, "connection closed: {reason}");
            }
            End::Asked(reason) => tracing::debug!(conn, %peer, "connection closed: {reason}"),
            End::ByPeer => tracing::debug!(conn, %peer, "connection closed by the client"),
            End::Failed(error) if is_lost_peer(error) => tracing::debug!(conn, %peer, "connection lost: {error}"),
            End::Failed(error) => tracing::warn!(conn, %peer, "connection failed: {error}"),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.hub.drive(&mut VecDeque::from([Input::Closed { conn: self.conn }]), None);
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("conn", &self.conn).field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// One read. A socket that did not fill the room is drained, which saves the read that would say so.
fn read_once(socket: &impl Socket, buffer: &mut FrameBuffer) -> io::Result<Read> {
    let mut outcome = Read::Drained(0);
    let result = socket.try_read(|socket| {
        let space = buffer.space();
        let room = space.capacity() - space.len();
        let size_bytes = rustix::io::read(socket, spare_capacity(space))?;
        outcome = match size_bytes {
            0 => Read::End,
            _ if size_bytes < room => Read::Drained(size_bytes as u64),
            _ => Read::Some(size_bytes as u64),
        };
        match outcome {
            Read::Drained(_) => Err(io::ErrorKind::WouldBlock.into()),
            _ => Ok(()),
        }
    });
    match result {
        Err(error) if !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Err(error),
        _ => Ok(outcome),
    }
}
