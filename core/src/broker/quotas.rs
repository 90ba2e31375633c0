//! Quotas at work: answers say how long their client has to wait, and its connection is not served until then.

use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;

use super::{Broker, Phase};
use crate::api::table;
use crate::boundary::{Chunk, CloseReason, ConnId, Frame, Level};
use crate::connection::{Answer, SlotId};
use crate::time::Now;
use crate::wire::MessageType;
use crate::wire::messages::response_header_version;

/// The size prefix and the correlation id.
const FRONT_BYTES: usize = 8;

impl Broker {
    /// Whether the adapter has to say how long it takes to handle requests: see [`Broker::spent`].
    #[must_use]
    pub fn measures_time(&self) -> bool {
        self.quotas.measures_time()
    }

    /// Takes note that handling a frame of `conn` took so much time, which counts against its client's `request_percentage`.
    /// It is measured outside, for no clock is read here. Where nobody calls this, that quota has no effect.
    pub fn spent(&mut self, conn: ConnId, time: Duration) {
        self.quotas.spent(conn, time, self.now.monotonic);
    }

    /// Takes over the quotas of the metadata.
    pub(super) fn follow_quotas(&mut self) {
        self.quotas.follow(&self.metadata.image().client_quotas);
    }

    /// What an answer has to say of its client's quotas; the connection waits from now on if there is something.
    pub(super) fn charge(&mut self, slot: SlotId, answer: &mut Answer) {
        let Some(request) = self.quotas.end(slot) else { return };
        let throttle_ms = self.quotas.throttle_ms(&request, answer.frame.is_some(), self.now.monotonic);
        if throttle_ms <= 0 || self.phase != Phase::Serving {
            return;
        }
        if let Some(frame) = &mut answer.frame {
            set_throttle_time(frame, (request.key, request.version), throttle_ms);
        }
        self.quotas.mutes.mute(slot.conn, self.now.monotonic.plus_ms(throttle_ms), false);
        self.connections.mute(slot.conn, &mut self.outbox);
    }

    /// A new connection, which may be one too many from its address: it is closed when it has waited.
    pub(super) fn charge_connection(&mut self, now: Now, conn: ConnId, ip: core::net::IpAddr) {
        let throttle_ms = self.quotas.connection_throttle_ms(ip, now.monotonic);
        if throttle_ms > 0 {
            let text = format!("a connection from {ip} is closed in {throttle_ms} ms: connection_creation_rate");
            self.outbox.report(Level::Info, text);
            self.quotas.mutes.mute(conn, now.monotonic.plus_ms(throttle_ms), true);
            self.connections.mute(conn, &mut self.outbox);
        }
    }

    /// Serves connections again that have waited.
    pub(super) fn end_mutes(&mut self, now: Now) {
        while let Some((conn, muted)) = self.quotas.mutes.next_due(now.monotonic) {
            if muted.is_turned_away {
                self.close(conn, CloseReason::Limit("connection_creation_rate is reached".into()));
                continue;
            }
            self.connections.unmute(conn, &mut self.outbox);
            for (slot, frame) in muted.frames {
                self.serve_frame(now, slot, frame);
            }
        }
    }

    /// A stop does not wait for those that wait.
    pub(super) fn close_muted(&mut self) {
        let waiting: Vec<ConnId> = self.quotas.mutes.with_requests().collect();
        for conn in waiting {
            self.close(conn, CloseReason::Shutdown);
        }
    }
}

/// Writes the time to wait into an answer that is encoded already. It is rare enough to look for its place.
fn set_throttle_time(frame: &mut Frame, (key, version): (i16, i16), throttle_ms: i64) {
    let Some(api) = table::find(key) else { return };
    if frame.chunks.iter().any(|chunk| matches!(chunk, Chunk::File(_))) {
        return;
    }
    // A header with tagged fields has none of them.
    let header_bytes = FRONT_BYTES + usize::from(response_header_version(key, version) > 0);
    let mut whole: Vec<u8> = frame.chunks.iter().flat_map(bytes_of).copied().collect();
    let annotated = MessageType::response(api.key).annotate_at(whole.clone().into(), header_bytes, version);
    let place = annotated.fields.iter().find(|field| field.depth == 1 && field.field == "throttle_time_ms");
    let Some(at) = place.map(|field| field.from) else { return };
    let throttle_ms = i32::try_from(throttle_ms).unwrap_or(i32::MAX).to_be_bytes();
    whole[at..at + throttle_ms.len()].copy_from_slice(&throttle_ms);
    frame.chunks = [Chunk::Bytes(Bytes::from(whole))].into();
}

fn bytes_of(chunk: &Chunk) -> &[u8] {
    match chunk {
        Chunk::Bytes(bytes) => bytes,
        Chunk::File(_) => &[],
    }
}
