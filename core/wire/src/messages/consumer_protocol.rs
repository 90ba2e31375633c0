//! What consumers of a classic group tell each other: opaque to the broker, shown by tools.

use alloc::vec::Vec;

use crate::{Slice, Str};

message! {
    /// What a member wants, behind two bytes with the version. Its partitions since v1 (KIP-429), generation since v2
    /// (KIP-792), rack since v3 (KIP-881).
    data ConsumerProtocolSubscription, versions 0..=3;
    struct ConsumerProtocolSubscription {
        topics: Vec<Str>,
        /// Of the assignor; null where it has none.
        user_data: Option<Slice>,
        /// What it had in the last generation.
        owned_partitions: Vec<TopicPartition> [1..],
        /// The last generation; -1 where there was none.
        generation_id: i32 [2..] = -1,
        /// Null where it is in none.
        rack_id: Option<Str> [3..],
    }
    struct TopicPartition {
        topic: Str,
        partitions: Vec<i32>,
    }
}

message! {
    /// What a member got, behind two bytes with the version.
    data ConsumerProtocolAssignment, versions 0..=3;
    struct ConsumerProtocolAssignment {
        assigned_partitions: Vec<TopicPartition>,
        /// Of the assignor; null where it has none.
        user_data: Option<Slice>,
    }
}
