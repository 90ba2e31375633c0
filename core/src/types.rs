//! Newtypes for the numbers that must not be mixed up. Wire messages carry plain integers; they become these where a
//! request enters the broker's parts.

use alloc::sync::Arc;
use core::fmt;

use crate::wire::Uuid;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// A record's position in its partition.
    Offset(i64)
}
number! {
    /// The term of a partition's leader, as stamped into each batch. [`LeaderEpoch::NONE`] where a client knows none.
    LeaderEpoch(i32)
}
number! {
    /// The identity of an idempotent producer. Negative: not idempotent.
    ProducerId(i64)
}
number! {
    /// The incarnation of a producer id.
    ProducerEpoch(i16)
}
number! {
    /// `node.id` of a broker.
    NodeId(i32)
}

impl Offset {
    /// The offset after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl LeaderEpoch {
    /// No epoch known.
    pub const NONE: Self = Self(-1);
}

impl NodeId {
    /// No node: a partition without a leader.
    pub const NONE: Self = Self(-1);
}

impl ProducerId {
    /// No producer id: a plain producer.
    pub const NONE: Self = Self(-1);
}

/// A partition, by its topic's id: what the log and everything parked is keyed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionId {
    /// The topic's id; never reused.
    pub topic_id: Uuid,
    /// Index within the topic, from 0.
    pub index: i32,
}

/// A topic's name that outlives its request: a copy, shared from then on.
pub type TopicName = Arc<str>;
