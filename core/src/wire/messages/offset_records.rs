//! Records of `__consumer_offsets` for committed offsets. Types are numbered per topic.

use crate::wire::{Str, Uuid};

message! {
    /// Records of `__consumer_offsets` for committed offsets. Types are numbered per topic.
    coordinator_key LegacyOffsetCommitKey = 0, versions 0..=0;
    struct LegacyOffsetCommitKey {
        group: Str,
        topic: Str,
        partition: i32,
    }
}

message! {
    /// Records of `__consumer_offsets` for committed offsets. Types are numbered per topic.
    coordinator_value LegacyOffsetCommitValue = 0, versions 0..=0;
    struct LegacyOffsetCommitValue {
        offset: i64,
        metadata: Str,
        commit_timestamp: i64,
    }
}

message! {
    /// Records of `__consumer_offsets` for committed offsets. Types are numbered per topic.
    coordinator_key OffsetCommitKey = 1, versions 0..=0;
    struct OffsetCommitKey {
        group: Str,
        topic: Str,
        partition: i32,
    }
}

message! {
    /// Records of `__consumer_offsets` for committed offsets. Types are numbered per topic.
    coordinator_value OffsetCommitValue = 1, versions 0..=4, flexible 4..;
    struct OffsetCommitValue {
        offset: i64,
        leader_epoch: i32 [3..] = -1,
        metadata: Str,
        commit_timestamp: i64,
        expire_timestamp: i64 [1..=1] = -1,
        topic_id: Uuid [4.. tag 0],
    }
}
