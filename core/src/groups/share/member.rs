//! A member of a share group: what it said of itself, and how far it has got.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;

use super::{JOINING_EPOCH, Partitions};
use crate::types::TopicName;

/// A member. Everything in it is copied out of requests.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Member {
    /// The epoch of the target assignment that it has got to.
    pub(crate) epoch: i32,
    /// Is taken too, where the answer with the new one got lost.
    pub(crate) previous_epoch: i32,
    /// Shared, for it seldom changes.
    pub(crate) about: Arc<About>,
    pub(crate) assigned: Partitions,
}

/// What a member said of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct About {
    pub(crate) rack_id: Option<Arc<str>>,
    pub(crate) client_id: Arc<str>,
    /// The address, as Java writes it.
    pub(crate) client_host: Arc<str>,
    pub(crate) topics: BTreeSet<TopicName>,
}

impl Member {
    /// One that has not joined yet.
    pub(super) fn new() -> Self {
        Self {
            epoch: JOINING_EPOCH,
            previous_epoch: -1,
            about: Arc::new(About::default()),
            assigned: Partitions::new(),
        }
    }
}
