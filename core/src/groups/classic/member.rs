//! A member of a classic group.

use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::api::Caller;

/// A member. Everything in it is copied out of requests.
#[derive(Debug)]
pub(crate) struct Member {
    /// Of a static member.
    pub(crate) instance_id: Option<Arc<str>>,
    pub(crate) client_id: Arc<str>,
    /// The address, as Java writes it.
    pub(crate) client_host: Arc<str>,
    pub(crate) rebalance_timeout_ms: i32,
    pub(crate) session_timeout_ms: i32,
    pub(crate) protocol_type: Arc<str>,
    /// What it could use, the best first.
    pub(crate) protocols: Vec<Protocol>,
    /// As the leader sent it.
    pub(crate) assignment: Bytes,
    /// Waits for the generation to begin.
    pub(crate) awaiting_join: Option<Caller>,
    /// Waits for its assignment.
    pub(crate) awaiting_sync: Option<Caller>,
    /// It has not been in a generation: nobody knows whether its client is still there.
    pub(crate) is_new: bool,
}

/// A protocol that a member could use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Protocol {
    pub(crate) name: Arc<str>,
    /// What it has to say to the leader.
    pub(crate) metadata: Bytes,
}

impl Member {
    /// What it has to say to the leader under this protocol.
    pub(crate) fn metadata(&self, protocol: &str) -> Option<&Bytes> {
        self.protocols.iter().find(|known| *known.name == *protocol).map(|known| &known.metadata)
    }

    /// Whether its silence means nothing: it waits for us.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.is_new && (self.awaiting_join.is_some() || self.awaiting_sync.is_some())
    }
}
