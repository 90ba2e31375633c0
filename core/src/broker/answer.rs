//! The way out: answers into slots, connections closed, requests held back.

use alloc::vec::Vec;

use bytes::Bytes;

use super::Broker;
use crate::api::Caller;
use crate::boundary::{CloseReason, ConnId, FileId, Frame};
use crate::connection::{Answer, SlotId};
use crate::error_code::ErrorCode;
use crate::types::{LeaderEpoch, PartitionId};
use crate::wire::messages::header::ResponseHeader;
use crate::wire::messages::response_header_version;
use crate::wire::{Message, to_frame};

/// Requests that wait may take so much, and then one more from each connection.
const HELD_BYTES_MAX: usize = 64 << 20;

/// Whether this broker leads a partition. A log that is offline is told first, so that this is checked after its state.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub(crate) struct Leads(pub(crate) bool);

impl Leads {
    /// Refuses what only a leader may do.
    pub(crate) fn check(self) -> Result<(), ErrorCode> {
        if self.0 { Ok(()) } else { Err(ErrorCode::NotLeaderOrFollower) }
    }
}

impl Broker {
    /// Answers a request. `pins` are the segments that the answer refers to.
    pub(crate) fn answer<M: Message>(&mut self, caller: Caller, response: &M, pins: Vec<(PartitionId, FileId)>) {
        let frame = encode(caller, response);
        self.fill(caller.slot, Answer { frame: Some(frame), pins });
    }

    /// Ends a request that gets no answer.
    pub(crate) fn no_answer(&mut self, caller: Caller) {
        self.fill(caller.slot, Answer::default());
    }

    /// Fills a slot with an answer that is encoded already.
    pub(crate) fn fill(&mut self, slot: SlotId, mut answer: Answer) {
        self.charge(slot, &mut answer);
        let free = self.connections.fill(slot, answer, &mut self.outbox);
        self.unpin(free);
    }

    /// Closes a connection for a fault of the peer's.
    pub(crate) fn close(&mut self, conn: ConnId, reason: CloseReason) {
        self.connections.close(conn, reason, &mut self.outbox);
    }

    /// Keeps a request until the broker serves, or until the metadata change in flight is done. Where too many bytes wait,
    /// its connection is not read for the time being.
    pub(crate) fn hold(&mut self, slot: SlotId, frame: Bytes) {
        self.held_bytes += frame.len();
        self.held.push_back((slot, frame));
        if self.held_bytes > HELD_BYTES_MAX {
            self.connections.pause(slot.conn, &mut self.outbox);
        }
    }

    /// The listener that a client came in on: what it is told of brokers is in that listener's terms.
    pub(crate) fn listener_of(&self, conn: ConnId) -> u16 {
        self.connections.peer(conn).map_or(0, |(_, listener)| listener)
    }

    /// Compares the leader epoch that a client knows with the partition's. Says whether this broker leads it.
    pub(crate) fn check_leader_epoch(&self, partition: PartitionId, known: LeaderEpoch) -> Result<Leads, ErrorCode> {
        let partition = self.metadata.image().partition(partition);
        let current = partition.map(|partition| partition.leader_epoch).unwrap_or_default();
        match known {
            LeaderEpoch::NONE => {}
            known if known < current => return Err(ErrorCode::FencedLeaderEpoch),
            known if known > current => return Err(ErrorCode::UnknownLeaderEpoch),
            _ => {}
        }
        Ok(Leads(partition.is_some_and(|partition| partition.leader == self.node_id)))
    }

    /// Whether this broker leads a partition.
    pub(crate) fn leads(&self, partition: PartitionId) -> bool {
        self.metadata.image().partition(partition).is_some_and(|partition| partition.leader == self.node_id)
    }
}

/// A response with its header and size prefix.
pub(super) fn encode<M: Message>(caller: Caller, response: &M) -> Frame {
    let header = ResponseHeader { correlation_id: caller.correlation_id, ..Default::default() };
    let header_version = response_header_version(M::KEY, caller.version);
    to_frame(&(header.in_version(header_version), response.in_version(caller.version)))
}
