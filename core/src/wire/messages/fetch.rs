//! Fetch: reading records.

use alloc::vec::Vec;

use crate::wire::{Str, Uuid};

message! {
    /// Reads records from partitions. Sessions since v7, flexible since v12, topic ids since v13.
    request Fetch = 1, versions 4..=18, flexible 12..;
    struct FetchRequest {
        cluster_id: Option<Str> [12.. tag 0],
        replica_id: i32 [..=14] = -1,
        replica_state: ReplicaState [15.. tag 1],
        max_wait_ms: i32,
        min_bytes: i32,
        max_bytes: i32 = 0x7fff_ffff,
        isolation_level: i8,
        session_id: i32 [7..],
        session_epoch: i32 [7..] = -1,
        topics: Vec<FetchTopic>,
        forgotten_topics_data: Vec<ForgottenTopic> [7..],
        rack_id: Str [11..],
    }
    struct ReplicaState {
        replica_id: i32 = -1,
        replica_epoch: i64 = -1,
    }
    struct FetchTopic {
        topic: Str [..=12],
        topic_id: Uuid [13..],
        partitions: Vec<FetchPartition>,
    }
    struct FetchPartition {
        partition: i32,
        current_leader_epoch: i32 [9..] = -1,
        fetch_offset: i64,
        last_fetched_epoch: i32 [12..] = -1,
        log_start_offset: i64 [5..] = -1,
        partition_max_bytes: i32,
        replica_directory_id: Uuid [17.. tag 0],
        high_watermark: i64 [18.. tag 1] = i64::MAX,
    }
    struct ForgottenTopic {
        topic: Str [7..=12],
        topic_id: Uuid [13..],
        partitions: Vec<i32>,
    }
}
