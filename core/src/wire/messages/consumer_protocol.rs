//! What consumers of a classic group tell each other: opaque to the broker, shown by tools.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::wire::Str;

message! {
    /// What a member wants. Its partitions since v1, generation since v2, rack since v3.
    data ConsumerProtocolSubscription, versions 0..=3;
    struct ConsumerProtocolSubscription {
        topics: Vec<Str>,
        user_data: Option<Bytes>,
        owned_partitions: Vec<TopicPartition> [1..],
        generation_id: i32 [2..] = -1,
        rack_id: Option<Str> [3..],
    }
    struct TopicPartition {
        topic: Str,
        partitions: Vec<i32>,
    }
}

message! {
    /// What a member got.
    data ConsumerProtocolAssignment, versions 0..=3;
    struct ConsumerProtocolAssignment {
        assigned_partitions: Vec<TopicPartition>,
        user_data: Option<Bytes>,
    }
}
