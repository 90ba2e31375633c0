//! Connections that are not served for a while, because their client took too much.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;

use crate::boundary::ConnId;
use crate::connection::SlotId;
use crate::time::Monotonic;

/// A connection that waits.
#[derive(Debug)]
pub(crate) struct Muted {
    until: Monotonic,
    /// Requests that were on their way.
    pub(crate) frames: VecDeque<(SlotId, Bytes)>,
    /// It is not served afterwards either: one too many from its address.
    pub(crate) is_turned_away: bool,
}

/// All connections that wait, each with its end.
#[derive(Debug, Default)]
pub(crate) struct Mutes {
    muted: BTreeMap<ConnId, Muted>,
    ends: BTreeSet<(Monotonic, ConnId)>,
}

impl Mutes {
    /// Has a connection wait; one that waits already does so until the later end.
    pub(crate) fn mute(&mut self, conn: ConnId, until: Monotonic, is_turned_away: bool) {
        let muted = self.muted.entry(conn).or_insert(Muted { until, frames: VecDeque::new(), is_turned_away });
        self.ends.remove(&(muted.until, conn));
        muted.until = muted.until.max(until);
        self.ends.insert((muted.until, conn));
    }

    /// Keeps a request of a connection that waits; gives it back for any other.
    pub(crate) fn keep(&mut self, slot: SlotId, frame: Bytes) -> Result<(), Bytes> {
        match self.muted.get_mut(&slot.conn) {
            Some(muted) => {
                muted.frames.push_back((slot, frame));
                Ok(())
            }
            None => Err(frame),
        }
    }

    /// When the next one has waited long enough.
    pub(crate) fn deadline(&self) -> Option<Monotonic> {
        self.ends.first().map(|(end, _)| *end)
    }

    /// One that has waited long enough.
    pub(crate) fn next_due(&mut self, now: Monotonic) -> Option<(ConnId, Muted)> {
        let (end, conn) = *self.ends.first()?;
        if end > now {
            return None;
        }
        self.ends.remove(&(end, conn));
        self.muted.remove(&conn).map(|muted| (conn, muted))
    }

    /// Those with requests that were not looked at yet.
    pub(crate) fn with_requests(&self) -> impl Iterator<Item = ConnId> + '_ {
        self.muted.iter().filter(|(_, muted)| !muted.frames.is_empty()).map(|(conn, _)| *conn)
    }

    /// Forgets a connection.
    pub(crate) fn closed(&mut self, conn: ConnId) {
        if let Some(muted) = self.muted.remove(&conn) {
            self.ends.remove(&(muted.until, conn));
        }
    }
}
