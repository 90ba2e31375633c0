//! Records of `__consumer_offsets` for committed offsets.

use crate::{Str, Uuid};

message! {
    /// As [`OffsetCommitKey`], in offsets of before Kafka 0.9.
    coordinator_key LegacyOffsetCommitKey = 0, versions 0..=0;
    struct LegacyOffsetCommitKey {
        group: Str,
        topic: Str,
        partition: i32,
    }
}

message! {
    /// As [`OffsetCommitValue`], in offsets of before Kafka 0.9.
    coordinator_value LegacyOffsetCommitValue = 0, versions 0..=0;
    struct LegacyOffsetCommitValue {
        offset: i64,
        metadata: Str,
        /// In ms since 1970.
        commit_timestamp: i64,
    }
}

message! {
    /// A partition, for a group. A null value forgets the offset.
    coordinator_key OffsetCommitKey = 1, versions 0..=0;
    struct OffsetCommitKey {
        group: Str,
        topic: Str,
        partition: i32,
    }
}

message! {
    /// How far the group has read. Its own end in v1 only, leader epoch since v3, topic id since v4, which is flexible.
    coordinator_value OffsetCommitValue = 1, versions 0..=4, flexible 4..;
    struct OffsetCommitValue {
        /// Of the next record to read.
        offset: i64,
        /// Of the last record read; -1 where it is unknown.
        leader_epoch: i32 [3..] = -1,
        /// As the client committed it.
        metadata: Str,
        /// In ms since 1970.
        commit_timestamp: i64,
        /// In ms since 1970, where the client asked for an end of its own; -1 where it did not.
        expire_timestamp: i64 [1..=1] = -1,
        /// Zero where it is unknown.
        topic_id: Uuid [4.. tag 0],
    }
}
