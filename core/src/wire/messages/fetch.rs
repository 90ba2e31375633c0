//! Fetch: reading records.

use alloc::vec::Vec;

use crate::wire::{Records, Str, Uuid};

message! {
    /// Reads records from partitions. Sessions since v7, flexible since v12, topic ids since v13.
    request Fetch = 1, versions 4..=18, flexible 12..;
    struct FetchRequest {
        cluster_id: Option<Str> [12.. tag 0],
        replica_id: i32 [..=14] = -1,
        replica_state: ReplicaState [15.. tag 1],
        max_wait_ms: i32,
        min_bytes: i32,
        max_bytes: i32 = i32::MAX,
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
        topic: Str [..=12],
        topic_id: Uuid [13..],
        partitions: Vec<i32>,
    }
}

message! {
    /// Record sets. The whole error since v7, flexible since v12, topic ids since v13, the new leader since v16.
    response Fetch = 1, versions 4..=18, flexible 12..;
    struct FetchResponse {
        throttle_time_ms: i32,
        error_code: i16 [7..],
        session_id: i32 [7..],
        responses: Vec<FetchableTopicResponse>,
        node_endpoints: Vec<NodeEndpoint> [16.. tag 0],
    }
    struct FetchableTopicResponse {
        topic: Str [..=12],
        topic_id: Uuid [13..],
        partitions: Vec<PartitionData>,
    }
    struct PartitionData {
        partition_index: i32,
        error_code: i16,
        high_watermark: i64,
        last_stable_offset: i64 = -1,
        log_start_offset: i64 [5..] = -1,
        diverging_epoch: EpochEndOffset [12.. tag 0],
        current_leader: LeaderIdAndEpoch [12.. tag 1],
        snapshot_id: SnapshotId [12.. tag 2],
        aborted_transactions: Option<Vec<AbortedTransaction>>,
        preferred_read_replica: i32 [11..] = -1,
        records: Option<Records> = Some(Records::default()),
    }
    struct EpochEndOffset {
        epoch: i32 = -1,
        end_offset: i64 = -1,
    }
    struct LeaderIdAndEpoch {
        leader_id: i32 = -1,
        leader_epoch: i32 = -1,
    }
    struct SnapshotId {
        end_offset: i64 = -1,
        epoch: i32 = -1,
    }
    struct AbortedTransaction {
        producer_id: i64,
        first_offset: i64,
    }
    struct NodeEndpoint {
        node_id: i32,
        host: Str,
        port: i32,
        rack: Option<Str>,
    }
}
