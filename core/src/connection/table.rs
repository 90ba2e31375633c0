//! All connections: limits, gates, and the way from a filled slot to an output.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use super::queue::{Answer, AnswerQueue};
use crate::boundary::{CloseReason, ConnId, FileId, Output};
use crate::marks::Mark;
use crate::outbox::Outbox;
use crate::planted::Bug;
use crate::time::Monotonic;
use crate::types::PartitionId;

/// A request's place in the order of its connection's answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SlotId {
    /// Whose.
    pub conn: ConnId,
    number: u64,
}

#[cfg(test)]
impl SlotId {
    /// For tests of what answers without a connection.
    pub(crate) fn numbered(number: u64) -> Self {
        Self { conn: ConnId(1), number }
    }
}

/// Every open connection.
#[derive(Debug)]
pub struct Connections {
    open: BTreeMap<ConnId, Connection>,
    per_address: BTreeMap<IpAddr, u32>,
    /// Those that are not read until [`Connections::resume`].
    paused: Vec<ConnId>,
    limits: ConnectionLimits,
}

/// How much connections may take.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// `max.connections`.
    pub connections: u32,
    /// `max.connections.per.ip`.
    pub connections_per_address: u32,
    /// Requests that one connection may have unanswered before it is no longer read.
    pub slots: usize,
    /// Bytes of answers that one connection may leave unread before it is no longer read.
    pub unsent_bytes: u64,
}

#[derive(Debug)]
struct Connection {
    peer: SocketAddr,
    listener: u16,
    answers: AnswerQueue,
    gate_open: bool,
    /// Not to be read, however little it has in hand.
    is_paused: bool,
    /// The same, for its client took more than it may.
    is_muted: bool,
    is_closing: bool,
    last_active: Monotonic,
}

/// Why a connection is turned away, in words for the log.
pub type Refusal = String;

impl Connections {
    /// No connections yet.
    #[must_use]
    pub fn new(limits: ConnectionLimits) -> Self {
        Self { open: BTreeMap::new(), per_address: BTreeMap::new(), paused: Vec::new(), limits }
    }

    /// New limits, from now on: nobody is turned away who was let in.
    pub fn set_limits(&mut self, limits: ConnectionLimits) {
        self.limits = limits;
    }

    /// Takes a new connection in; one beyond a limit is closed at once.
    pub fn opened(
        &mut self,
        now: Monotonic,
        conn: ConnId,
        peer: SocketAddr,
        listener: u16,
        outbox: &mut Outbox,
    ) -> Result<(), Refusal> {
        let from_address = self.per_address.entry(peer.ip()).or_default();
        *from_address += 1;
        let refusal = if self.open.len() as u64 >= u64::from(self.limits.connections) {
            Some(format!("max.connections={} is reached", self.limits.connections))
        } else if *from_address > self.limits.connections_per_address {
            Some(format!("max.connections.per.ip={} is reached", self.limits.connections_per_address))
        } else {
            None
        };
        let connection = Connection {
            peer,
            listener,
            answers: AnswerQueue::default(),
            gate_open: true,
            is_paused: false,
            is_muted: false,
            is_closing: false,
            last_active: now,
        };
        self.open.insert(conn, connection);
        match refusal {
            None => Ok(()),
            Some(refusal) => {
                self.close(conn, CloseReason::Limit(refusal.clone()), outbox);
                Err(refusal)
            }
        }
    }

    /// Forgets a connection that is gone; returns the segment files that its answers no longer need.
    pub fn closed(&mut self, conn: ConnId) -> Vec<(PartitionId, FileId)> {
        let Some(connection) = self.open.remove(&conn) else { return Vec::new() };
        let address = connection.peer.ip();
        if let Some(count) = self.per_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.per_address.remove(&address);
            }
        }
        connection.answers.abandon()
    }

    /// Asks the adapter to close; what the client sends from now on is ignored.
    pub fn close(&mut self, conn: ConnId, reason: CloseReason, outbox: &mut Outbox) {
        if let Some(connection) = self.open.get_mut(&conn)
            && !connection.is_closing
        {
            connection.is_closing = true;
            outbox.push(Output::Close { conn, reason });
        }
    }

    /// A slot for a request that just came, or `None` where the connection is being closed.
    pub fn take_slot(&mut self, now: Monotonic, conn: ConnId, outbox: &mut Outbox) -> Option<SlotId> {
        let connection = self.open.get_mut(&conn).filter(|connection| !connection.is_closing)?;
        connection.last_active = now;
        let number = connection.answers.push();
        Self::adjust_gate(conn, connection, self.limits, outbox);
        Some(SlotId { conn, number })
    }

    /// Fills a slot and sends what is ready. Returns pins to be released at once, where the connection is gone.
    #[must_use]
    pub fn fill(&mut self, slot: SlotId, answer: Answer, outbox: &mut Outbox) -> Vec<(PartitionId, FileId)> {
        let Some(connection) = self.open.get_mut(&slot.conn).filter(|connection| !connection.is_closing) else {
            return answer.pins;
        };
        if answer.frame.is_none() && outbox.bugs().has(Bug::SilentSlotKept) {
            return answer.pins;
        }
        connection.answers.fill(slot.number, answer);
        while let Some(frame) = connection.answers.pop_ready() {
            outbox.push(Output::Send { conn: slot.conn, frame });
        }
        Self::adjust_gate(slot.conn, connection, self.limits, outbox);
        Vec::new()
    }

    /// Notes that the client took bytes; returns the segment files that are no longer needed.
    #[must_use]
    pub fn sent(
        &mut self,
        now: Monotonic,
        conn: ConnId,
        size_bytes: u64,
        outbox: &mut Outbox,
    ) -> Vec<(PartitionId, FileId)> {
        let Some(connection) = self.open.get_mut(&conn) else { return Vec::new() };
        connection.last_active = now;
        let free = connection.answers.sent(size_bytes);
        Self::adjust_gate(conn, connection, self.limits, outbox);
        free
    }

    /// Stops reading from a connection until [`Connections::resume`].
    pub fn pause(&mut self, conn: ConnId, outbox: &mut Outbox) {
        if let Some(connection) = self.open.get_mut(&conn)
            && !connection.is_paused
        {
            connection.is_paused = true;
            self.paused.push(conn);
            Self::adjust_gate(conn, connection, self.limits, outbox);
        }
    }

    /// Reads again from the connections that were paused.
    pub fn resume(&mut self, outbox: &mut Outbox) {
        for conn in core::mem::take(&mut self.paused) {
            if let Some(connection) = self.open.get_mut(&conn) {
                connection.is_paused = false;
                Self::adjust_gate(conn, connection, self.limits, outbox);
            }
        }
    }

    /// Stops reading from a connection until [`Connections::unmute`].
    pub fn mute(&mut self, conn: ConnId, outbox: &mut Outbox) {
        self.set_muted(conn, true, outbox);
    }

    /// Reads again from a connection that was muted.
    pub fn unmute(&mut self, conn: ConnId, outbox: &mut Outbox) {
        self.set_muted(conn, false, outbox);
    }

    fn set_muted(&mut self, conn: ConnId, is_muted: bool, outbox: &mut Outbox) {
        if let Some(connection) = self.open.get_mut(&conn) {
            connection.is_muted = is_muted;
            Self::adjust_gate(conn, connection, self.limits, outbox);
        }
    }

    /// The client's address and the listener it came in on.
    #[must_use]
    pub fn peer(&self, conn: ConnId) -> Option<(SocketAddr, u16)> {
        self.open.get(&conn).map(|connection| (connection.peer, connection.listener))
    }

    /// When the connection last sent or took bytes; `None` when it is gone. One with a request in hand is not idle.
    #[must_use]
    pub fn last_active(&self, conn: ConnId, now: Monotonic) -> Option<Monotonic> {
        let connection = self.open.get(&conn)?;
        Some(if connection.answers.waiting() > 0 { now } else { connection.last_active })
    }

    /// Requests without an answer, on all connections.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.open.values().filter(|connection| !connection.is_closing).map(|open| open.answers.waiting()).sum()
    }

    /// How many are open.
    #[must_use]
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Shuts the gate at a limit, and opens it again at half of it, so that it doesn't flap.
    fn adjust_gate(conn: ConnId, connection: &mut Connection, limits: ConnectionLimits, outbox: &mut Outbox) {
        let waiting = connection.answers.waiting();
        let unsent_bytes = match outbox.bugs().has(Bug::SentBytesNotCounted) {
            true => connection.answers.handed_out_bytes(),
            false => connection.answers.unsent_bytes(),
        };
        let is_held = connection.is_paused || connection.is_muted;
        let is_over = is_held || waiting >= limits.slots || unsent_bytes >= limits.unsent_bytes;
        let is_under = !is_held && waiting <= limits.slots / 2 && unsent_bytes <= limits.unsent_bytes / 2;
        let open = if connection.gate_open { !is_over } else { is_under && !outbox.bugs().has(Bug::GateStaysShut) };
        if open != connection.gate_open && !connection.is_closing {
            connection.gate_open = open;
            outbox.reach(if open { Mark::GateOpened } else { Mark::GateClosed });
            outbox.push(Output::Gate { conn, open });
        }
    }
}
